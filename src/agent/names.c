#include "agent/names.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOSTS_MAX = 64 << 10, MACHINE_ID = 16 };

#define LOCALHOST "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
/* Marks our line, which names another machine in a copy. */
#define MARK "# this sandbox"

static void names_put(const char *path, const char *text, size_t size) {
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

/* Its size; HOSTS_MAX if it is not a file, or may be longer. */
static size_t get_hosts(char text[HOSTS_MAX]) {
    struct stat info;
    size_t size = 0;
    int fd = open("/etc/hosts", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return 0;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) size = HOSTS_MAX;
    for (ssize_t got = 1; got > 0 && size<HOSTS_MAX; size += got> 0 ? (size_t)got : 0)
        got = read(fd, text + size, HOSTS_MAX - size);
    close(fd);
    return size;
}

static void put_hosts(const char *id) {
    static char text[HOSTS_MAX], out[HOSTS_MAX + 512];
    size_t size = get_hosts(text), used = 0;
    if (size == HOSTS_MAX) return; /* not a file of a usual kind: it stays as it is */
    for (const char *at = text, *end = text + size, *next; at < end; at = next) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        next = line_end ? line_end + 1 : end;
        if (memmem(at, (size_t)(next - at), MARK, strlen(MARK))) continue;
        memcpy(out + used, at, (size_t)(next - at));
        used += (size_t)(next - at);
    }
    used += (size_t)snprintf(out + used, sizeof(out) - used, "%s127.0.0.1\t%.200s\t" MARK "\n",
                             memmem(out, used, "localhost", 9) ? "" : LOCALHOST, id);
    names_put("/etc/hosts", out, used);
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
