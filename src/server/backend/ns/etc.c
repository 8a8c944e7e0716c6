/* The files in /etc that every root needs, in the box's own layer. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "server/backend/ns/internal.h"
#include "wire/trust.h"

/* A longer /etc/hosts is not changed. */
enum { HOSTS_MAX = 64 << 10 };

#define LOCALHOST "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
/* Marks our line. In a box made from a snapshot it names another box, and is replaced. */
#define MARK "# this sandbox"

/* Files that a whole root file system may lack. */
static const struct {
    const char *path, *text;
} needed[] = {
    {"etc/resolv.conf", ""}, /* the first one: without a network */
    {"etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"},
    {"etc/group", "root:x:0:\nnogroup:x:65534:\n"},
};

static bool put_etc_file(int etc, const char *name, const char *text, size_t size) {
    return wrn_file_write(etc, name, O_CREAT | O_EXCL, text, size);
}

/* Links are followed as inside the box. */
static int etc_open_inside(int root, const char *path, uint64_t flags) {
    const struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* Returns the size, at most HOSTS_MAX, or -1 if this is not a readable file. */
static ssize_t read_inside(int root, const char *path, char text[HOSTS_MAX]) {
    struct stat info;
    ssize_t size = -1, got;
    WRN_AUTO(wrn_fd_close) int fd = etc_open_inside(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        for (size = 0; size < HOSTS_MAX && (got = read(fd, text + size, (size_t)(HOSTS_MAX - size))) > 0;) size += got;
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

/* Copies `text` without our line. `out` has room for all of it, and a line break. */
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

static bool write_hosts(int etc, int root, const char *hostname) {
    char text[HOSTS_MAX], lines[HOSTS_MAX + 1], out[HOSTS_MAX + 512];
    bool has_localhost = false;
    ssize_t size = root >= 0 ? read_inside(root, "etc/hosts", text) : -1;
    if (size == HOSTS_MAX) return true;
    size_t kept = size > 0 ? keep_lines(text, (size_t)size, lines, &has_localhost) : 0;
    int length = snprintf(out, sizeof(out), "%s%.*s127.0.0.1\t%s\t" MARK "\n", has_localhost ? "" : LOCALHOST,
                          (int)kept, lines, hostname);
    return put_etc_file(etc, "hosts", out, (size_t)length);
}

/* ---- whom programs trust ---- */

/* A snapshot has a copy of the list, in which this is the authority of the box it was made of: left out. */
#define OURS_BEGIN "# Added for this sandbox: headers with secrets\n"
#define OURS_END "# End of what was added for this sandbox\n"
enum { TRUSTED_MAX = 8 << 20 };

static bool read_all(int fd, wrn_buf *out) {
    ssize_t got = 0;
    char *at;
    while (fd >= 0 && (at = wrn_buf_reserve(out, 65536)) && (got = read(fd, at, 65536)) > 0) {
        out->size += (size_t)got;
        at[got] = '\0';
    }
    return fd >= 0 && got == 0 && !out->failed;
}

int etc_write_trusted(int etc, int root, bool is_whole, const char *authority) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_LIMITED(TRUSTED_MAX);
    WRN_AUTO(wrn_fd_close)
    int fd = root >= 0 ? etc_open_inside(root, WRN_TRUSTED, O_RDONLY | O_NONBLOCK | O_NOCTTY) : -1;
    if (fd < 0 && !is_whole) fd = open("/" WRN_TRUSTED, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && !read_all(fd, &text)) return errno = EFBIG, -1;
    char *begin = text.size ? strstr(text.data, OURS_BEGIN) : NULL, *end = begin ? strstr(begin, OURS_END) : NULL;
    if (!authority && !end) return 0;
    if (end) {
        char *rest = end + strlen(OURS_END);
        size_t gone = (size_t)(rest - begin);
        memmove(begin, rest, strlen(rest) + 1);
        text.size -= gone;
    }
    if (authority) wrn_buf_printf(&text, "%s%s%s", OURS_BEGIN, authority, OURS_END);
    if (text.failed) return errno = EFBIG, -1;
    if (mkdirat(etc, "ssl", 0755) != 0 || mkdirat(etc, "ssl/certs", 0755) != 0) return -1;
    return wrn_file_write(etc, &WRN_TRUSTED[strlen("etc/")], O_CREAT | O_EXCL, text.data, text.size) ? 0 : -1;
}

int etc_write(int etc, int root, bool is_whole, bool has_network, const char *hostname) {
    static const char resolver[] = "nameserver 192.0.0.1\n"; /* the gate: see link.c */
    char line[WRN_BOX_ID_MAX + 2];
    int length = snprintf(line, sizeof(line), "%s\n", hostname);
    if (!put_etc_file(etc, "hostname", line, (size_t)length) || !write_hosts(etc, root, hostname)) return -1;
    if (has_network && !put_etc_file(etc, "resolv.conf", resolver, strlen(resolver))) return -1;
    for (size_t i = has_network; is_whole && i < WRN_COUNT(needed); i++) {
        WRN_AUTO(wrn_fd_close) int there = etc_open_inside(root, needed[i].path, O_PATH);
        const char *text = needed[i].text;
        if (there < 0 && !put_etc_file(etc, needed[i].path + strlen("etc/"), text, strlen(text))) return -1;
    }
    return 0;
}
