#include <fcntl.h>
#include <linux/mount.h>
#include <linux/securebits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "server/backend/ns/internal.h"

#define MNT_DETACH 2

void spawn_mount(const spawn *s, const char *what, const char *target, const char *type, unsigned long flags,
                 const char *data, const char *step) {
    if (syscall(SYS_mount, what, target, type, flags, data) != 0) spawn_fail(s, step);
}

/* The child may not use stdio: see `spawn`. */
static void join_path(char *out, size_t size, const char *a, const char *b) {
    if (strlen(a) + strlen(b) >= size) _exit(1);
    stpcpy(stpcpy(out, a), b);
}

static bool is_dir(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* A box may have made the layers, and this process still sees the host's files: a mount must not follow a link. */
static void want_dir(const spawn *s, const char *path) {
    if (is_dir(path)) return;
    errno = ENOTDIR;
    spawn_fail(s, path);
}

/* Our own files are on a file system that was probed at the start. The host's may be on one without id-mapped mounts
 * (EINVAL), such as overlayfs in a container, or on a mount that is mapped already (EPERM). These are then mounted
 * unmapped: the box sees no owners, and can read but not change them. */
typedef enum whose { OURS, OF_HOST } whose;

static int set_attributes(const spawn *s, int tree, unsigned flags, bool mapped) {
    struct mount_attr attr = {.attr_set =
                                  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | flags | (mapped ? MOUNT_ATTR_IDMAP : 0u),
                              .userns_fd = mapped ? (unsigned)s->userns_fd : 0};
    return (int)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr));
}

/* Mounts a copy of a mount. As root, owners are mapped from 0-based on disk into the box's range. */
static void clone_mount(const spawn *s, const char *from, const char *to, bool read_only, whose it, const char *step) {
    const unsigned flags = read_only ? MOUNT_ATTR_RDONLY : 0u;
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0) spawn_fail(s, step);
    int rc = set_attributes(s, tree, flags, s->root);
    if (rc != 0 && s->root && it == OF_HOST && (errno == EINVAL || errno == EPERM))
        rc = set_attributes(s, tree, flags, false);
    if (rc != 0 || syscall(SYS_move_mount, tree, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH) != 0) spawn_fail(s, step);
    close(tree);
}

/* Overlayfs makes its work directory as the mounting user, whose id must be mapped in the upper layer. */
static void act_as_base(const spawn *s, bool on) {
    prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
    setfsgid(on ? s->base : 0);
    setfsuid(on ? s->base : 0);
    prctl(PR_SET_SECUREBITS, 0);
}

static void mount_overlay(const spawn *s, const char *target, const char *lower, const char *dirs, const char *step) {
    char options[256] = "lowerdir=";
    /* With redirect_dir, directories can be renamed: an attribute says where they were, which templates/layer.c
     * follows. The kernel does not have it with `userxattr`. */
    stpcpy(stpcpy(stpcpy(options + strlen(options), lower), dirs),
           s->root ? ",volatile,redirect_dir=on,metacopy=off" : ",userxattr");
    spawn_mount(s, "overlay", target, "overlay", MS_NOSUID | MS_NODEV, options, step);
}

/* Layers have names in the stage, the current directory, because mount options allow no long paths, colons or
 * commas. */
static void show_layer(const spawn *s, const char *path, const char *name, bool read_only, whose it, const char *step) {
    if (!s->root) {
        (void)!symlink(path, name);
        return;
    }
    mkdir(name, 0755);
    clone_mount(s, path, name, read_only, it, step);
}

static void mount_usr(const spawn *s) {
    char lower[64];
    char *end = stpcpy(lower, *s->tree && is_dir("layer/usr") ? "layer/usr:skel/usr" : "skel/usr");
    stpcpy(end, is_dir("box/" PROGRAMS) ? ":box/" PROGRAMS ":usr" : ":usr");
    want_dir(s, "root/usr");
    mount_overlay(s, "root/usr", lower, ",upperdir=box/uu,workdir=box/uw", "overlay /usr");
}

static void mount_layers(const spawn *s) {
    if (s->on_host) {
        show_layer(s, s->skeleton, "skel", true, OURS, "map template");
        show_layer(s, "/usr", "usr", true, OF_HOST, "map /usr");
    }
    if (*s->tree) show_layer(s, s->tree, "layer", true, OURS, "map layer");
    show_layer(s, s->box, "box", false, OURS, "map sandbox directory");
    act_as_base(s, s->root);
    mount_overlay(s, "root",
                  !s->on_host ? "layer"
                  : *s->tree  ? "layer:skel"
                              : "skel",
                  ",upperdir=box/u,workdir=box/w", "overlay /");
    if (s->on_host) mount_usr(s);
    act_as_base(s, false);
}

/* Hundreds of links into /usr, which are cheaper to mount than to copy. An overlay gives the box inodes of its own, so
 * that locks and watches are not shared. Without an upper layer it needs two lower ones. */
static void show_alternatives(const spawn *s) {
    static const char path[] = "/etc/alternatives";
    struct stat host;
    if (stat(path, &host) != 0 || !is_dir("root/etc") || !is_dir("root/etc/alternatives")) return;
    mkdir("none", 0755);
    utimensat(AT_FDCWD, "none", (struct timespec[]){host.st_atim, host.st_mtim}, 0); /* the same in every box */
    show_layer(s, path, "alternatives", true, OF_HOST, "map /etc/alternatives");
    if (syscall(SYS_mount, "overlay", "root/etc/alternatives", "overlay", MS_NOSUID | MS_NODEV | MS_RDONLY,
                s->root ? "lowerdir=none:alternatives" : "lowerdir=none:alternatives,userxattr") == 0)
        return;
    /* The host nests overlays as deep as the kernel allows. */
    clone_mount(s, path, "root/etc/alternatives", true, OF_HOST, "map /etc/alternatives");
}

/* Foreign root file systems may lack these, and so may snapshots of earlier releases, which let boxes remove them. */
static void make_mount_points(const spawn *s) {
    act_as_base(s, s->root);
    mkdir("root/dev", 0755);
    mkdir("root/proc", 0755);
    mkdir("root/sys", 0755);
    act_as_base(s, false);
}

typedef struct device {
    const char *name;
    unsigned major, minor;
} device;

/* The box gets device nodes of its own, so that locks and watches are not shared. An ordinary user gets the host's. */
static void make_device(const spawn *s, const device *d) {
    char from[64], to[64];
    join_path(from, sizeof(from), "/dev", d->name);
    join_path(to, sizeof(to), "root/dev", d->name);
    if (s->root && mknod(to, S_IFCHR, makedev(d->major, d->minor)) == 0) {
        if (chmod(to, 0666) != 0 || lchown(to, s->base, s->base) != 0) spawn_fail(s, "own device");
        return;
    }
    int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) spawn_fail(s, "make device");
    close(fd);
    spawn_mount(s, from, to, NULL, MS_BIND, NULL, "bind device");
}

static void make_dev(const spawn *s) {
    static const device devices[] = {{"/null", 1, 3},   {"/zero", 1, 5},    {"/full", 1, 7},
                                     {"/random", 1, 8}, {"/urandom", 1, 9}, {"/tty", 5, 0}};
    static const char *const links[][2] = {{"/proc/self/fd", "root/dev/fd"},
                                           {"/proc/self/fd/0", "root/dev/stdin"},
                                           {"/proc/self/fd/1", "root/dev/stdout"},
                                           {"/proc/self/fd/2", "root/dev/stderr"},
                                           {"pts/ptmx", "root/dev/ptmx"}};
    want_dir(s, "root/dev");
    act_as_base(s, s->root);
    spawn_mount(s, "tmpfs", "root/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k,nr_inodes=128",
                "mount /dev");
    act_as_base(s, false);
    if (s->root && chown("root/dev", s->base, s->base) != 0) spawn_fail(s, "own /dev");
    for (size_t i = 0; i < WRN_COUNT(devices); i++) make_device(s, &devices[i]);
    for (size_t i = 0; i < WRN_COUNT(links); i++) (void)!symlink(links[i][0], links[i][1]);
    mkdir("root/dev/pts", 0755);
    mkdir("root/dev/shm", 01777);
    /* Without `max` one box could take all terminals of the machine. */
    spawn_mount(s, "devpts", "root/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
                "newinstance,ptmxmode=0666,mode=0620,max=128", "mount devpts");
    spawn_mount(s, "tmpfs", "root/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, s->shm_options, "mount /dev/shm");
}

/* False when this kernel has no such file. */
static bool mount_over(const spawn *s, const char *what, const char *name, const char *type, unsigned long flags,
                       const char *data) {
    char path[64];
    join_path(path, sizeof(path), "root/proc", name);
    if (syscall(SYS_mount, what, path, type, flags, data) == 0) return true;
    if (errno != ENOENT) spawn_fail(s, path);
    return false;
}

/* Files that show or change the host become empty or read-only. */
static void mask_proc(const spawn *s) {
    static const char *const empty[] = {"/kcore",
                                        "/keys",
                                        "/sysrq-trigger",
                                        "/timer_list",
                                        "/sched_debug",
                                        "/kmsg",
                                        "/latency_stats",
                                        "/kallsyms",
                                        "/config.gz",
                                        "/vmallocinfo",
                                        "/slabinfo",
                                        "/1/oom_score_adj",
                                        "/1/oom_adj",
                                        "/1/task/1/oom_score_adj",
                                        "/1/task/1/oom_adj",
                                        "/key-users",
                                        "/interrupts",
                                        "/timer_stats",
                                        "/mtrr",
                                        "/cmdline"};
    static const char *const closed[] = {"/acpi", "/scsi", "/asound"};
    static const char *const read_only[] = {"/bus", "/fs", "/irq", "/sys", "/driver", "/tty", "/pressure"};
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    char path[64];
    for (size_t i = 0; i < WRN_COUNT(empty); i++) mount_over(s, "/dev/null", empty[i], NULL, MS_BIND, NULL);
    for (size_t i = 0; i < WRN_COUNT(closed); i++)
        mount_over(s, "tmpfs", closed[i], "tmpfs", flags | MS_RDONLY, "size=0");
    for (size_t i = 0; i < WRN_COUNT(read_only); i++) {
        join_path(path, sizeof(path), "root/proc", read_only[i]);
        if (mount_over(s, path, read_only[i], NULL, MS_BIND | MS_REC, NULL))
            spawn_mount(s, NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | flags, NULL, "protect /proc");
    }
}

static void make_proc(const spawn *s) {
    want_dir(s, "root/proc");
    spawn_mount(s, "proc", "root/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, "mount /proc");
    /* Root inside has no capabilities in the network namespace, and could not bind port 80 otherwise. */
    const char *groups = s->root ? "0 2147483647" : "0 0";
    wrn_file_write(AT_FDCWD, "root/proc/sys/net/ipv4/ip_unprivileged_port_start", 0, "0", 1);
    wrn_file_write(AT_FDCWD, "root/proc/sys/net/ipv4/ping_group_range", 0, groups, strlen(groups));
    mask_proc(s);
}

void rootfs_enter(spawn *s) {
    spawn_mount(s, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL, "make mounts private");
    spawn_mount(s, "tmpfs", s->stage, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700,size=4m,nr_inodes=4k", "mount stage");
    if (chdir(s->stage) != 0 || mkdir("root", 0755) != 0) spawn_fail(s, "enter stage");
    mount_layers(s);
    if (s->on_host) show_alternatives(s);
    if (!s->on_host || !is_dir("root/sys")) make_mount_points(s);
    make_dev(s);
    make_proc(s);
    want_dir(s, "root/sys");
    system_files_make(s);
    if (chdir("root") != 0) spawn_fail(s, "enter root");
    if (syscall(SYS_pivot_root, ".", ".") != 0) spawn_fail(s, "pivot_root");
    if (syscall(SYS_umount2, ".", MNT_DETACH) != 0 || chdir("/") != 0) spawn_fail(s, "leave the host");
}
