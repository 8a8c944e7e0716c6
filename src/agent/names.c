#include "agent/names.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/etc.h"

enum { MACHINE_ID = 16 };

/* What is no file, but a link for example, is replaced by one. */
static void names_put(const char *path, const char *text, size_t size) {
    struct stat info;
    if (lstat(path, &info) == 0 && !S_ISREG(info.st_mode)) (void)!remove(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
    if (fd < 0) return;
    (void)!write(fd, text, size);
    close(fd);
}

static void names_put_line(const char *path, const char *text) {
    char line[512];
    int size = snprintf(line, sizeof(line), "%.500s\n", text);
    names_put(path, line, (size_t)size);
}

/* Its size; 0 if it is not a file, which may be what a link leads to. */
static size_t get_hosts(char text[WRN_HOSTS_MAX]) {
    struct stat info;
    size_t size = 0;
    int fd = open("/etc/hosts", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return 0;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        for (ssize_t got = 1; got > 0 && size<WRN_HOSTS_MAX; size += got> 0 ? (size_t)got : 0)
            got = read(fd, text + size, WRN_HOSTS_MAX - size);
    close(fd);
    return size;
}

static void put_hosts(const char *id) {
    static char text[WRN_HOSTS_MAX], out[WRN_HOSTS_ROOM];
    size_t size = get_hosts(text);
    if (size < WRN_HOSTS_MAX) names_put("/etc/hosts", out, wrn_etc_hosts(text, size, id, out));
}

/* Only replaces a machine-id that the template has. */
static void put_machine_id(void) {
    unsigned char bytes[MACHINE_ID];
    char text[2 * MACHINE_ID + 1];
    struct stat info;
    if (stat("/etc/machine-id", &info) != 0 || !S_ISREG(info.st_mode) || !info.st_size) return;
    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) return;
    for (int i = 0; i < MACHINE_ID; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    names_put_line("/etc/machine-id", text);
}

bool names_set(const char *id, const char *template_name) {
    mkdir("/etc", 0755);
    mkdir("/run/wrenn", 0755);
    names_put_line("/etc/hostname", id);
    names_put_line("/run/wrenn/sandbox_id", id);
    names_put_line("/run/wrenn/sandbox", "true");
    names_put_line("/run/wrenn/template_id", template_name);
    put_hosts(id);
    put_machine_id();
    return sethostname(id, strlen(id)) == 0;
}

/* A snapshot has the file of another sandbox. */
void names_put_network(const void *piece, size_t size, bool more) {
    static const char path[] = "/run/wrenn/network";
    static int fd = -1;
    if (fd < 0) {
        (void)!remove(path);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    }
    if (fd < 0) return;
    (void)!write(fd, piece, size);
    if (more) return;
    close(fd);
    fd = -1;
}
