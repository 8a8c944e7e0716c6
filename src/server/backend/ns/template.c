#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "base/tree.h"
#include "server/backend/ns/internal.h"

extern const char wrn_minimal_sudo[];

/* Only what programs need to start. Never more of the host's /etc than this: it holds secrets. */
static const char *const copied[] = {
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",

    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/openssl.cnf",
    "/etc/protocols",
    "/etc/services",
    "/etc/mime.types",
    "/etc/debian_version",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/lsb-release",
    "/etc/inputrc",
    "/etc/fonts",

    "/etc/login.defs",
    "/etc/adduser.conf",
    "/etc/deluser.conf",
    "/etc/default/useradd",
};
static const char *const directories[] = {
    "etc",
    "etc/alternatives",
    "etc/ssl",
    "etc/ssl/certs",
    "home",
    "mnt",
    "opt",
    "proc",
    "dev",
    "sys",
    "run",
    "srv",
    "usr",
    "media",
    "var",
    "var/cache",
    "var/lib",
    "var/log",
    "var/spool",
    "var/opt",
    "etc/pam.d",
    "usr/local",
    "usr/local/bin",
    "etc/default",
    "run/lock",
    "var/mail",
    "etc/dpkg",
    "var/lib/dpkg",
    "var/lib/dpkg/info",
    "var/lib/dpkg/updates",
    "var/lib/dpkg/alternatives",
};
/* Root is let through, nobody else has a password. Without the files of the host's packages, which name others of theirs. */
#define PAM                                                                                      \
    "auth sufficient pam_rootok.so\nauth required pam_unix.so\naccount required pam_permit.so\n" \
    "password required pam_unix.so\nsession required pam_permit.so\n"
#define NO_LOGIN ":/usr/sbin/nologin\n"
/* Debian's own, which packages and programs take for granted, and "user". */
#define USERS(shell)                                                                                     \
    "root:x:0:0:root:/root:" shell "\nnobody:x:65534:65534:nobody:/nonexistent" NO_LOGIN                 \
    "daemon:x:1:1:daemon:/usr/sbin" NO_LOGIN "bin:x:2:2:bin:/bin" NO_LOGIN "sys:x:3:3:sys:/dev" NO_LOGIN \
    "games:x:5:60:games:/usr/games" NO_LOGIN "man:x:6:12:man:/var/cache/man" NO_LOGIN                    \
    "mail:x:8:8:mail:/var/mail" NO_LOGIN "proxy:x:13:13:proxy:/bin" NO_LOGIN                             \
    "www-data:x:33:33:www-data:/var/www" NO_LOGIN "backup:x:34:34:backup:/var/backups" NO_LOGIN          \
    "_apt:x:42:65534::/nonexistent" NO_LOGIN "user:x:1000:1000:user:/home/user:" shell "\n"
#define GROUPS                                                                                                       \
    "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\nmail:x:8:\nman:x:12:\nproxy:x:13:\n" \
    "dialout:x:20:\ncdrom:x:24:\nsudo:x:27:\naudio:x:29:\nwww-data:x:33:\nbackup:x:34:\nsrc:x:40:\nshadow:x:42:\n"   \
    "utmp:x:43:\nvideo:x:44:\nplugdev:x:46:\nstaff:x:50:\ngames:x:60:\nusers:x:100:\nnogroup:x:65534:\nuser:x:1000:\n"
static const struct {
    const char *path, *text;
} written[] = {
    {"etc/passwd", USERS("/bin/sh")},
    {"etc/group", GROUPS},
    {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"},
    {"etc/resolv.conf", ""},
    {"etc/shells", "/bin/sh\n/bin/bash\n"},
    {"etc/profile", "[ -z \"$BASH\" ] || PS1='\\w\\$ '\nexport LANG=\"${LANG:-C.UTF-8}\"\n"}, /* `su -` forgets it */
    /* What the host has installed is there without being in this list, so that packages that need it can be installed. */
    {"etc/dpkg/dpkg.cfg", "force-depends\n"},
    {"var/lib/dpkg/status", ""},
    {"etc/pam.d/other", PAM},
    {"etc/pam.d/su", PAM},
    {"etc/pam.d/su-l", PAM},
    {"etc/pam.d/runuser", PAM},
    {"etc/pam.d/runuser-l", PAM},
    /* The host's Python is the system's there; a sandbox has nothing else to install to. */
    {"etc/pip.conf", "[global]\nbreak-system-packages = true\nroot-user-action = ignore\n"},
    {"usr/local/bin/sudo", wrn_minimal_sudo},
};

static bool below(char out[PATH_MAX], const char *root, const char *path) {
    return (size_t)snprintf(out, PATH_MAX, "%s/%s", root, path) < PATH_MAX;
}

int copy_file(const char *from, const char *to) {
    int in = open(from, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (in < 0 || fstat(in, &info) != 0 || !S_ISREG(info.st_mode)) {
        if (in >= 0) close(in);
        return -1;
    }
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    off_t left = info.st_size;
    while (out >= 0 && left > 0) {
        ssize_t sent = sendfile(out, in, NULL, (size_t)left);
        if (sent <= 0) break;
        left -= sent;
    }
    close(in);
    if (out >= 0) close(out);
    return out >= 0 && left == 0 ? 0 : -1;
}

static void copy_entry(const char *from, const char *to) {
    struct stat info;
    if (lstat(from, &info) != 0) return; /* hosts differ: what is not there is not needed */
    if (S_ISLNK(info.st_mode)) {
        char target[PATH_MAX];
        ssize_t size = readlink(from, target, sizeof(target) - 1);
        if (size <= 0) return;
        target[size] = '\0';
        (void)!symlink(target, to);
    } else if (S_ISDIR(info.st_mode)) {
        DIR *dir = opendir(from);
        mkdir(to, 0755);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            char a[PATH_MAX], b[PATH_MAX];
            if (entry->d_name[0] == '.') continue;
            if (below(a, from, entry->d_name) && below(b, to, entry->d_name)) copy_entry(a, b);
        }
        if (dir) closedir(dir);
    } else if (S_ISREG(info.st_mode) && info.st_mode & S_IROTH) {
        copy_file(from, to);
    }
}

/* Java keeps its configuration in /etc/java-*; libraries find it through links from /usr. */
static void copy_java(const char *root) {
    DIR *etc = opendir("/etc");
    for (struct dirent *entry; etc && (entry = readdir(etc));) {
        char from[PATH_MAX], to[PATH_MAX];
        if (strncmp(entry->d_name, "java-", 5) != 0) continue;
        if (below(from, "/etc", entry->d_name) && below(to, root, from + 1)) copy_entry(from, to);
    }
    if (etc) closedir(etc);
}

static int put(const char *root, const char *path, const char *text) {
    char full[PATH_MAX];
    if (!below(full, root, path)) return -1;
    int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return -1;
    ssize_t size = (ssize_t)strlen(text), done = write(fd, text, (size_t)size);
    close(fd);
    return done == size ? 0 : -1;
}

static int make_dir(const char *root, const char *path, mode_t mode) {
    char full[PATH_MAX];
    return below(full, root, path) && (mkdir(full, mode) == 0 || errno == EEXIST) && chmod(full, mode) == 0 ? 0 : -1;
}

/* Of the user that the sandbox's /etc/passwd has; an ordinary user's sandboxes have root alone. */
static int make_home(const char *root) {
    char path[PATH_MAX];
    if (make_dir(root, "home/user", 0755) != 0 || !below(path, root, "home/user")) return -1;
    return geteuid() == 0 ? lchown(path, 1000, 1000) : 0;
}

static void link_top(const char *root) {
    static const char *const names[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
    for (size_t i = 0; i < WRN_COUNT(names); i++) {
        char host[16], target[64], path[PATH_MAX];
        snprintf(host, sizeof(host), "/usr/%s", names[i]);
        if (access(host, F_OK) != 0) continue;
        snprintf(target, sizeof(target), "usr/%s", names[i]);
        if (below(path, root, names[i])) (void)!symlink(target, path);
    }
    char path[PATH_MAX];
    if (below(path, root, "etc/os-release")) (void)!symlink("../usr/lib/os-release", path);
    if (below(path, root, "var/run")) (void)!symlink("/run", path);
    if (below(path, root, "etc/mtab")) (void)!symlink("/proc/mounts", path);
}

static int fill(const char *root) {
    int rc = mkdir(root, 0755) == 0 ? 0 : -1;
    for (size_t i = 0; i < WRN_COUNT(directories) && rc == 0; i++) rc = make_dir(root, directories[i], 0755);
    if (rc == 0) rc = make_dir(root, "root", 0700);
    if (rc == 0) rc = make_dir(root, "tmp", 01777);
    if (rc == 0) rc = make_dir(root, "var/tmp", 01777);
    if (rc == 0) rc = make_home(root);
    for (size_t i = 0; i < WRN_COUNT(written) && rc == 0; i++) rc = put(root, written[i].path, written[i].text);
    if (rc == 0) rc = make_dir(root, "run/lock", 01777);
    if (rc == 0 && access("/usr/bin/bash", X_OK) == 0) rc = put(root, "etc/passwd", USERS("/bin/bash"));
    char sudo[PATH_MAX];
    if (rc == 0) rc = below(sudo, root, "usr/local/bin/sudo") && chmod(sudo, 0755) == 0 ? 0 : -1;
    if (rc != 0) return rc;
    for (size_t i = 0; i < WRN_COUNT(copied); i++) {
        char to[PATH_MAX];
        if (below(to, root, copied[i] + 1)) copy_entry(copied[i], to);
    }
    copy_java(root);
    link_top(root);
    return 0;
}

/* Counts what is put into it, so that one of an earlier release is not taken for this. */
enum { SKELETON_VERSION = 3 };

void template_skeleton(const char *state_dir, char out[PATH_MAX]) {
    snprintf(out, PATH_MAX, "%.3900s/templates/" MINIMAL "-%d", state_dir, SKELETON_VERSION);
}

void template_sweep(const char *skeleton) {
    char dir[PATH_MAX], path[PATH_MAX];
    snprintf(dir, sizeof(dir), "%s", skeleton);
    char *name = strrchr(dir, '/');
    *name++ = '\0';
    DIR *all = opendir(dir);
    for (struct dirent *entry; all && (entry = readdir(all));)
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, name) != 0 && below(path, dir, entry->d_name))
            wrn_tree_remove(path);
    if (all) closedir(all);
}

int template_make_minimal(const char *dir, wrn_fault *fault) {
    char half[PATH_MAX];
    struct stat info;
    if (lstat("/bin", &info) == 0 && !S_ISLNK(info.st_mode)) {
        wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR,
                      "this host keeps /bin apart from /usr/bin, which the template minimal can't "
                      "be made from; merge them (Debian: package usrmerge)");
        return -1;
    }
    if (access(dir, F_OK) == 0) return 0;
    /* Made aside and renamed, so that a crash leaves no half of it. */
    snprintf(half, sizeof(half), "%.4000s.new", dir);
    wrn_tree_remove(half);
    if (fill(half) == 0 && rename(half, dir) == 0) return 0;
    wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make the template minimal in %s: %s", dir, strerror(errno));
    wrn_tree_remove(half);
    return -1;
}
