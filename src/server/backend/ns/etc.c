/* What every root needs in /etc, whatever it was made from. It goes to the box's own layer. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "server/backend/ns/internal.h"

/* A longer /etc/hosts stays as it is. */
enum { HOSTS_MAX = 64 << 10 };

#define LOCALHOST "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
/* Marks our line: in what is made from a snapshot it names another sandbox, and goes. */
#define MARK "# this sandbox"

/* Of those that a root brings, the ones that it may lack. */
static const struct {
    const char *path, *text;
} owed[] = {
    {"etc/resolv.conf", ""}, /* there is no network */
    {"etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"},
    {"etc/group", "root:x:0:\nnogroup:x:65534:\n"},
};

static int put(int etc, const char *name, const char *text, size_t size) {
    int fd = openat(etc, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    ssize_t written = fd >= 0 ? write(fd, text, size) : -1;
    if (fd >= 0) close(fd);
    return written == (ssize_t)size ? 0 : -1;
}

/* Links lead where they would lead inside. */
static int open_inside(int root, const char *path, uint64_t flags) {
    const struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* The size, or -1 where there is no file that can be read; HOSTS_MAX for a longer one. */
static ssize_t read_inside(int root, const char *path, char text[HOSTS_MAX]) {
    struct stat info;
    ssize_t size = -1, got;
    int fd = open_inside(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        for (size = 0; size < HOSTS_MAX && (got = read(fd, text + size, (size_t)(HOSTS_MAX - size))) > 0;) size += got;
    if (fd >= 0) close(fd);
    return size;
}

static bool names_localhost(const char *line, size_t size) {
    static const char name[] = "localhost", spaces[] = " \t\r";
    char copy[256];
    if (size >= sizeof(copy)) return false;
    memcpy(copy, line, size);
    copy[size] = '\0';
    copy[strcspn(copy, "#")] = '\0';
    for (char *save, *word = strtok_r(copy, spaces, &save); word; word = strtok_r(NULL, spaces, &save))
        if (strcmp(word, name) == 0) return true;
    return false;
}

/* `text` without the line of another sandbox; `out` has room for all of it. */
static size_t keep_lines(const char *text, size_t size, char *out, bool *has_localhost) {
    size_t used = 0;
    for (const char *at = text, *end = text + size; at < end;) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        size_t line = (size_t)((next ? next : end) - at);
        bool ours = line >= strlen(MARK) && memcmp(at + line - strlen(MARK), MARK, strlen(MARK)) == 0;
        if (!ours) {
            *has_localhost = *has_localhost || names_localhost(at, line);
            memcpy(out + used, at, line);
            used += line;
            out[used++] = '\n';
        }
        at += line + (next != NULL);
    }
    return used;
}

/* The loopback is all the network there is. */
static int write_hosts(int etc, int root, const char *hostname) {
    static char text[HOSTS_MAX], lines[HOSTS_MAX + 1];
    char out[HOSTS_MAX + 512];
    bool has_localhost = false;
    ssize_t size = root >= 0 ? read_inside(root, "etc/hosts", text) : -1;
    if (size == HOSTS_MAX) return 0;
    size_t kept = size > 0 ? keep_lines(text, (size_t)size, lines, &has_localhost) : 0;
    int length = snprintf(out, sizeof(out), "%s%.*s127.0.0.1\t%s\t" MARK "\n", has_localhost ? "" : LOCALHOST,
                          (int)kept, lines, hostname);
    return put(etc, "hosts", out, (size_t)length);
}

int etc_write(int etc, int root, bool is_whole, const char *hostname) {
    char line[WRN_BOX_ID_MAX + 2];
    int length = snprintf(line, sizeof(line), "%s\n", hostname);
    if (put(etc, "hostname", line, (size_t)length) != 0 || write_hosts(etc, root, hostname) != 0) return -1;
    for (size_t i = 0; is_whole && i < WRN_COUNT(owed); i++) {
        int there = open_inside(root, owed[i].path, O_PATH);
        if (there >= 0) close(there);
        else if (put(etc, owed[i].path + strlen("etc/"), owed[i].text, strlen(owed[i].text)) != 0) return -1;
    }
    return 0;
}
