/* A team's own copies of the host's programs and libraries that nearly every command maps. The kernel has one lock for all
 * mappings of a file, and hands it to those who wait in turn. A process whose turn it is must first get a processor; where
 * one team has hundreds that fork and yield to others, everybody else who starts a program from the same file waits for
 * seconds. So files are shared within a team only. */
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "server/backend/ns/internal.h"

/* Below /usr; a directory comes after the one that it is in. */
static const char *const directories[] = {"bin", "lib", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"};
static const char *const programs[] = {
    "sh",     "bash", "python3", "awk",   "basename", "cat",  "chmod", "cp",    "cut",  "date",  "dd",   "dirname",
    "echo",   "env",  "expr",    "false", "find",     "grep", "head",  "id",    "kill", "ln",    "ls",   "mkdir",
    "mktemp", "mv",   "printf",  "ps",    "pwd",      "rm",   "rmdir", "sed",   "seq",  "sleep", "sort", "stat",
    "tail",   "tar",  "tee",     "test",  "touch",    "tr",   "true",  "uname", "uniq", "wc",    "xargs"};
static const char *const libraries[] = {
    "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libc.so.6",   "libm.so.6",       "libtinfo.so.6",
    "libselinux.so.1",      "libpcre2-8.so.0",       "libacl.so.1", "libattr.so.1",    "libz.so.1",
    "libexpat.so.1",        "libgcc_s.so.1",         "libdl.so.2",  "libpthread.so.0", "libreadline.so.8",
    "libmpfr.so.6",         "libgmp.so.10"};

/* The child may only make system calls: see `spawn`. Paths are PATH_MAX bytes; one that is too long is no file. */
static const char *join(char *out, const char *a, const char *b) {
    if (strlen(a) + strlen(b) + 2 > PATH_MAX) return "";
    stpcpy(stpcpy(stpcpy(out, a), "/"), b);
    return out;
}

static bool is_same_content(const struct stat *a, const struct stat *b) {
    return S_ISREG(b->st_mode) && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool copy_content(int in, int out, off_t size) {
    if (ioctl(out, FICLONE, in) == 0) return true;
    while (size > 0) {
        ssize_t count = sendfile(out, in, NULL, (size_t)size);
        if (count <= 0) return false;
        size -= count;
    }
    return true;
}

static bool copy_file(int in, const struct stat *info, const char *to) {
    const struct timespec times[2] = {info->st_atim, info->st_mtim};
    WRN_AUTO(wrn_fd_close) int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0) return false;
    if (copy_content(in, out, info->st_size) && fchmod(out, info->st_mode & 0777) == 0 && futimens(out, times) == 0)
        return true;
    unlink(to);
    return false;
}

/* Where links lead from /usr/NAME: the rest of the path behind /usr/, or NULL. */
static const char *resolve(int fd, char out[PATH_MAX]) {
    char link[64] = "/proc/self/fd/";
    spawn_decimal(link + strlen(link), fd);
    ssize_t size = readlink(link, out, PATH_MAX - 1);
    if (size < 0) return NULL;
    out[size] = '\0';
    return strncmp(out, "/usr/", 5) == 0 ? out + 5 : NULL;
}

/* A file that can't be copied stays the host's. */
static void give(const spawn *s, const char *own, const char *directory, const char *name) {
    char path[PATH_MAX], real[PATH_MAX], to[PATH_MAX], from[PATH_MAX];
    struct stat host, other;
    WRN_AUTO(wrn_fd_close) int in = open(join(path, directory, name), O_RDONLY | O_CLOEXEC);
    const char *rest = in < 0 ? NULL : resolve(in, real);
    if (!rest || fstat(in, &host) != 0 || !S_ISREG(host.st_mode)) return;
    join(to, own, rest);
    if (*s->programs_of && stat(join(from, s->programs_of, rest), &other) == 0 && is_same_content(&host, &other) &&
        (link(from, to) == 0 || errno == EEXIST))
        return;
    copy_file(in, &host, to);
}

/* Directories have the modes and times of the host's. */
static void copy_attributes(const char *host, const char *own) {
    struct stat info;
    if (stat(host, &info) != 0) return;
    chmod(own, info.st_mode & 07777);
    utimensat(AT_FDCWD, own, (struct timespec[]){info.st_atim, info.st_mtim}, 0);
}

void programs_make(const spawn *s) {
    char own[PATH_MAX], to[PATH_MAX], from[PATH_MAX];
    struct stat info;
    if (mkdir(join(own, s->box, PROGRAMS), 0755) != 0) return;
    for (size_t i = 0; i < WRN_COUNT(directories); i++)
        if (lstat(join(from, "/usr", directories[i]), &info) == 0 && S_ISDIR(info.st_mode))
            mkdir(join(to, own, directories[i]), 0755);
    for (size_t i = 0; i < WRN_COUNT(programs); i++) give(s, own, "/usr/bin", programs[i]);
    for (size_t i = 1; i < WRN_COUNT(directories); i++)
        for (size_t k = 0; k < WRN_COUNT(libraries); k++)
            give(s, own, join(from, "/usr", directories[i]), libraries[k]);
    for (size_t i = WRN_COUNT(directories); i--;)
        copy_attributes(join(from, "/usr", directories[i]), join(to, own, directories[i]));
    copy_attributes("/usr", own);
}
