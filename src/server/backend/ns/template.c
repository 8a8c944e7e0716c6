#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "base/tree.h"
#include "server/backend/ns/internal.h"

extern const char wrn_minimal_sudo[];

/* What programs need to start. Nothing else of the host's /etc is copied, because it holds secrets. */
static const char *const copied[] = {
    "/etc/ld.so.cache",     "/etc/ld.so.conf",     "/etc/ld.so.conf.d", "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/openssl.cnf", "/etc/protocols",      "/etc/services",     "/etc/mime.types",
    "/etc/debian_version",  "/etc/localtime",      "/etc/timezone",     "/etc/lsb-release",
    "/etc/inputrc",         "/etc/fonts",          "/etc/login.defs",   "/etc/adduser.conf",
    "/etc/deluser.conf",    "/etc/default/useradd"};
static const char *const directories[] = {"etc",
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
                                          "var/mail",
                                          "etc/dpkg",
                                          "var/lib/dpkg",
                                          "var/lib/dpkg/info",
                                          "var/lib/dpkg/updates",
                                          "var/lib/dpkg/alternatives"};
static const struct {
    const char *path;
    mode_t mode;
} special[] = {{"root", 0700}, {"tmp", 01777}, {"var/tmp", 01777}, {"run/lock", 01777}};
/* Lets root through; nobody else has a password. The host's files are not copied, because they include others. */
#define PAM                                                                                      \
    "auth sufficient pam_rootok.so\nauth required pam_unix.so\naccount required pam_permit.so\n" \
    "password required pam_unix.so\nsession required pam_permit.so\n"
#define NO_LOGIN ":/usr/sbin/nologin\n"
/* Debian's users, which packages and programs rely on, and "user". */
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
    {"etc/profile", "[ -z \"$BASH\" ] || PS1='\\w\\$ '\nexport LANG=\"${LANG:-C.UTF-8}\"\n"}, /* `su -` unsets it */
    /* The host's packages are there but not in this list, so packages that depend on them can be installed anyway. */
    {"etc/dpkg/dpkg.cfg", "force-depends\n"},
    {"var/lib/dpkg/status", ""},
    {"etc/pam.d/other", PAM},
    {"etc/pam.d/su", PAM},
    {"etc/pam.d/su-l", PAM},
    {"etc/pam.d/runuser", PAM},
    {"etc/pam.d/runuser-l", PAM},
    /* pip refuses to install into the system's Python by default, and a box has no other. */
    {"etc/pip.conf", "[global]\nbreak-system-packages = true\nroot-user-action = ignore\n"},
    {"usr/local/bin/sudo", wrn_minimal_sudo},
};

static bool below(char out[PATH_MAX], const char *root, const char *path) {
    return (size_t)snprintf(out, PATH_MAX, "%s/%s", root, path) < PATH_MAX;
}

static void copy_host_file(const char *from, const char *to) {
    WRN_AUTO(wrn_fd_close) int in = open(from, O_RDONLY | O_CLOEXEC);
    WRN_AUTO(wrn_fd_close) int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    while (out >= 0 && sendfile(out, in, NULL, 1 << 30) > 0) continue;
}

static void copy_entry(const char *from, const char *to) {
    struct stat info;
    if (lstat(from, &info) != 0) return; /* hosts differ, and nothing here is required */
    if (S_ISLNK(info.st_mode)) {
        char target[PATH_MAX];
        ssize_t size = readlink(from, target, sizeof(target) - 1);
        if (size <= 0) return;
        target[size] = '\0';
        (void)!symlink(target, to);
    } else if (S_ISDIR(info.st_mode)) {
        WRN_AUTO(wrn_dir_close) DIR *dir = opendir(from);
        mkdir(to, 0755);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            char a[PATH_MAX], b[PATH_MAX];
            if (entry->d_name[0] == '.') continue;
            if (below(a, from, entry->d_name) && below(b, to, entry->d_name)) copy_entry(a, b);
        }
    } else if (S_ISREG(info.st_mode) && info.st_mode & S_IROTH) {
        copy_host_file(from, to);
    }
}

/* Java's configuration is in /etc/java-*, where links in /usr lead. */
static void copy_java(const char *root) {
    WRN_AUTO(wrn_dir_close) DIR *etc = opendir("/etc");
    for (struct dirent *entry; etc && (entry = readdir(etc));) {
        char from[PATH_MAX], to[PATH_MAX];
        if (strncmp(entry->d_name, "java-", 5) != 0) continue;
        if (below(from, "/etc", entry->d_name) && below(to, root, from + 1)) copy_entry(from, to);
    }
}

static bool put_skeleton_file(const char *root, const char *path, const char *text) {
    char full[PATH_MAX];
    return below(full, root, path) && wrn_file_write(AT_FDCWD, full, O_CREAT | O_TRUNC, text, strlen(text));
}

static bool make_skeleton_dir(const char *root, const char *path, mode_t mode) {
    char full[PATH_MAX];
    return below(full, root, path) && (mkdir(full, mode) == 0 || errno == EEXIST) && chmod(full, mode) == 0;
}

/* For "user" in /etc/passwd. Boxes of an ordinary user have only root. */
static bool make_home(const char *root) {
    char path[PATH_MAX];
    if (!make_skeleton_dir(root, "home/user", 0755) || !below(path, root, "home/user")) return false;
    return geteuid() != 0 || lchown(path, 1000, 1000) == 0;
}

static void template_make_link(const char *root, const char *target, const char *name) {
    char path[PATH_MAX];
    if (below(path, root, name)) (void)!symlink(target, path);
}

static void make_links(const char *root) {
    static const char *const names[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
    for (size_t i = 0; i < WRN_COUNT(names); i++) {
        char target[16];
        snprintf(target, sizeof(target), "/usr/%s", names[i]);
        if (access(target, F_OK) == 0) template_make_link(root, target + 1, names[i]);
    }
    template_make_link(root, "../usr/lib/os-release", "etc/os-release");
    template_make_link(root, "/run", "var/run");
    template_make_link(root, "/proc/mounts", "etc/mtab");
}

static bool fill_skeleton(const char *root) {
    char sudo[PATH_MAX], to[PATH_MAX];
    bool ok = mkdir(root, 0755) == 0 && below(sudo, root, "usr/local/bin/sudo");
    for (size_t i = 0; i < WRN_COUNT(directories) && ok; i++) ok = make_skeleton_dir(root, directories[i], 0755);
    for (size_t i = 0; i < WRN_COUNT(special) && ok; i++)
        ok = make_skeleton_dir(root, special[i].path, special[i].mode);
    ok = ok && make_home(root);
    for (size_t i = 0; i < WRN_COUNT(written) && ok; i++)
        ok = put_skeleton_file(root, written[i].path, written[i].text);
    if (ok && access("/usr/bin/bash", X_OK) == 0) ok = put_skeleton_file(root, "etc/passwd", USERS("/bin/bash"));
    if (!ok || chmod(sudo, 0755) != 0) return false;
    for (size_t i = 0; i < WRN_COUNT(copied); i++)
        if (below(to, root, copied[i] + 1)) copy_entry(copied[i], to);
    copy_java(root);
    make_links(root);
    return true;
}

/* Raised with each change of the content, so that skeletons of earlier releases are not used. */
enum { SKELETON_VERSION = 3 };

void template_skeleton(const char *state_dir, char out[PATH_MAX]) {
    snprintf(out, PATH_MAX, "%.3900s/templates/" MINIMAL "-%d", state_dir, SKELETON_VERSION);
}

void template_sweep(const char *skeleton) {
    char dir[PATH_MAX], path[PATH_MAX];
    snprintf(dir, sizeof(dir), "%s", skeleton);
    char *name = strrchr(dir, '/');
    *name++ = '\0';
    WRN_AUTO(wrn_dir_close) DIR *all = opendir(dir);
    for (struct dirent *entry; all && (entry = readdir(all));)
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, name) != 0 && below(path, dir, entry->d_name))
            wrn_tree_remove(path);
}

int template_make_minimal(const char *dir, wrn_fault *fault) {
    char partial[PATH_MAX];
    struct stat info;
    if (lstat("/bin", &info) == 0 && !S_ISLNK(info.st_mode))
        return wrn_fault_set(
            fault, WRN_FAULT_INTERNAL_ERROR,
            "on this host /bin is not a link to /usr/bin, which the template minimal needs; merge them (Debian: "
            "package usrmerge)");
    if (access(dir, F_OK) == 0) return 0;
    /* Renamed when it is complete, so that a crash leaves no partial skeleton. */
    snprintf(partial, sizeof(partial), "%.4000s.new", dir);
    wrn_tree_remove(partial);
    if (fill_skeleton(partial) && rename(partial, dir) == 0) return 0;
    wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make the template minimal in %s: %s", dir, strerror(errno));
    wrn_tree_remove(partial);
    return -1;
}
