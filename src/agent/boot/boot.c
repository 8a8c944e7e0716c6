/* wrenn-boot: process 1 of a virtual machine until it executes wrenn-agent. Loads the modules that the disks need, puts the root
 * together from the template's disk and the sandbox's own, and connects the agent to its port. Libc only, linked statically.
 *
 * The initramfs, which wrennd makes, has /init (this), /agent, /modules/NAME.ko, /modules/order and /sudo (of
 * `minimal`). The kernel's command line has wrenn.id= and wrenn.template=; wrenn.minimal if the template is
 * that, or a layer above it, and wrenn.layer for such a layer; and wrenn.network or, with IPv6, wrenn.network=6 for a machine with a
 * network; and wrenn.emulated. What fails is said on the console, and ends the machine; only one whose timers fail starts again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/boot/boot.h"
#include "agent/names.h"

#define PORT_NAME "wrenn.agent"

enum { CHANNEL_IN_FD = 3, CHANNEL_OUT_FD = 7, LOOK_US = 1000, LOOKS = 20000, TEXT_MAX = 4096 };

_Noreturn void boot_fail(const char *what) {
    int error = errno, log = open("/dev/kmsg", O_WRONLY);
    dprintf(log < 0 ? 2 : log, "<2>wrenn-boot: %s: %s\n", what, strerror(error));
    reboot(RB_POWER_OFF);
    _exit(1); /* if it is still there: the kernel panics, and the machine starts again */
}

static void boot_must(int result, const char *what) {
    if (result != 0) boot_fail(what);
}

static void mount_at(const char *what, const char *at, const char *type, unsigned long flags, const char *data) {
    mkdir(at, 0755);
    boot_must(mount(what, at, type, flags, data), at);
}

void boot_put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return;
    (void)!write(fd, text, strlen(text));
    close(fd);
}

static void boot_get(const char *path, char text[TEXT_MAX]) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, text, TEXT_MAX - 1);
    if (fd >= 0) close(fd);
    text[size > 0 ? size : 0] = '\0';
}

/* Kernels differ in what is built in: a module that is missing is not an error, and its lack shows at the mount. */
static void load_modules(void) {
    char order[TEXT_MAX], path[300];
    boot_get("/modules/order", order);
    for (char *save, *name = strtok_r(order, " \n", &save); name; name = strtok_r(NULL, " \n", &save)) {
        snprintf(path, sizeof(path), "/modules/%.250s", name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST) boot_fail(name);
        if (fd >= 0) close(fd);
        unlink(path);
    }
}

static void await_path(const char *path) {
    for (int i = 0; access(path, F_OK) != 0; i++) {
        if (i == LOOKS) boot_fail(path);
        usleep(LOOK_US);
    }
}

/* ---- the root ---- */

/* The template's files, and above them those of the sandbox, on a disk that does not outlive it. */
static void make_root(bool has_layer) {
    await_path("/dev/vda");
    mount_at("/dev/vda", "/lower", "squashfs", MS_RDONLY, NULL);
    await_path("/dev/vdb");
    mount_at("/dev/vdb", "/upper", "ext4", MS_NOATIME, "discard,noinit_itable");
    mkdir("/upper/files", 0755);
    mkdir("/upper/work", 0755);
    if (has_layer) await_path("/dev/vdc");
    if (has_layer) mount_at("/dev/vdc", "/layer", "squashfs", MS_RDONLY, NULL);
    mount_at("overlay", "/root", "overlay", 0,
             has_layer ? "lowerdir=/layer:/lower,upperdir=/upper/files,workdir=/upper/work"
                       : "lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work");
    static const struct {
        const char *at;
        mode_t mode;
    } points[] = {
        {"/root/dev", 0755}, {"/root/proc", 0555}, {"/root/sys", 0555}, {"/root/tmp", 01777}, {"/root/run", 0755}};
    for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++)
        if (mkdir(points[i].at, points[i].mode) == 0) chmod(points[i].at, points[i].mode);
    static const char *const moved[] = {"/dev", "/proc", "/sys"};
    for (size_t i = 0; i < sizeof(moved) / sizeof(*moved); i++) {
        char to[32];
        snprintf(to, sizeof(to), "/root%s", moved[i]);
        boot_must(mount(moved[i], to, NULL, MS_MOVE, NULL), to);
    }
    boot_must(chdir("/root"), "/root");
    boot_must(mount(".", "/", NULL, MS_MOVE, NULL), "move the root");
    boot_must(chroot("."), "enter the root");
    boot_must(chdir("/"), "enter the root");
}

static void make_devices(void) {
    static const char *const links[][2] = {{"/proc/self/fd", "/dev/fd"},
                                           {"/proc/self/fd/0", "/dev/stdin"},
                                           {"/proc/self/fd/1", "/dev/stdout"},
                                           {"/proc/self/fd/2", "/dev/stderr"}};
    mount_at("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "ptmxmode=0666,mode=0620,gid=5,max=128");
    mount_at("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) (void)!symlink(links[i][0], links[i][1]);
}

/* ---- what programs find ---- */

static void boot_raise_loopback(void) {
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0) boot_fail("raise loopback");
    close(fd);
}

/* The value of a word of the kernel's command line; "" without. */
static const char *value_of(char *line, const char *name) {
    char *at = strstr(line, name);
    return at ? at + strlen(name) : "";
}

static void boot_set_limits(void) {
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){1024, 65536});
    boot_put("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    boot_put("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
    umask(022);
}

/* Without swap, a kernel whose memory is all taken drops the pages of programs and reads them again before it kills who has taken
 * it: for minutes where the processor is emulated. There it kills when it can't keep what was used just now. Not much longer ago,
 * for who writes or reads a large file has used all of the memory for that, and is to go on. */
static void boot_end_thrashing(void) {
    boot_put("/sys/kernel/mm/lru_gen/enabled", "y");
    boot_put("/sys/kernel/mm/lru_gen/min_ttl_ms", "20");
}

/* ---- the agent ---- */

static int find_port(void) {
    DIR *ports = opendir("/sys/class/virtio-ports");
    int found = -1;
    for (struct dirent *entry; ports && found < 0 && (entry = readdir(ports));) {
        char path[300], name[TEXT_MAX];
        snprintf(path, sizeof(path), "/sys/class/virtio-ports/%.200s/name", entry->d_name);
        boot_get(path, name);
        if (strcmp(name, PORT_NAME "\n") != 0) continue;
        snprintf(path, sizeof(path), "/dev/%.200s", entry->d_name);
        found = open(path, O_RDWR | O_CLOEXEC);
    }
    if (ports) closedir(ports);
    return found;
}

/* Waits until wrennd is at the other end: before that a read would look like the end of the channel. */
static int open_port(void) {
    int fd;
    for (int i = 0; (fd = find_port()) < 0; i++) {
        if (i == LOOKS) boot_fail("find the port " PORT_NAME);
        usleep(LOOK_US);
    }
    struct pollfd there = {.fd = fd, .events = POLLOUT};
    for (int i = 0; poll(&there, 1, 0) < 0 || there.revents & POLLHUP; i++) {
        if (i == LOOKS) boot_fail("connect to the port " PORT_NAME);
        usleep(LOOK_US);
    }
    return fd;
}

/* The descriptors become 0, 1, 2: /dev/null; 3 and 7: the channel. */
static _Noreturn void boot_start_agent(int agent, const char *id, const char *template) {
    char id_line[TEXT_MAX], template_line[TEXT_MAX];
    int port = fcntl(open_port(), F_DUPFD_CLOEXEC, 64), null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (port < 0 || null < 0) boot_fail("open devices");
    for (int i = 0; i < 3; i++) dup2(null, i);
    dup2(port, CHANNEL_IN_FD);
    dup2(port, CHANNEL_OUT_FD);
    snprintf(id_line, sizeof(id_line), "WRENN_SANDBOX_ID=%s", id);
    snprintf(template_line, sizeof(template_line), "WRENN_TEMPLATE_ID=%s", template);
    setsid();
    char *argv[] = {(char[]){"wrenn-agent"}, NULL};
    char *env[] = {(char[]){"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                   (char[]){"HOME=/root"},
                   (char[]){"USER=root"},
                   (char[]){"LOGNAME=root"},
                   (char[]){"LANG=C.UTF-8"},
                   (char[]){"WRENN_SANDBOX=true"},
                   id_line,
                   template_line,
                   NULL};
    syscall(SYS_execveat, agent, "", argv, env, AT_EMPTY_PATH);
    boot_fail("start the agent");
}

int main(void) {
    static char line[TEXT_MAX], sudo[TEXT_MAX];
    if (!boot_timers_work()) reboot(RB_AUTOBOOT);
    mount_at("dev", "/dev", "devtmpfs", MS_NOSUID, "mode=755");
    mount_at("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_at("sys", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    load_modules();
    boot_get("/proc/cmdline", line);
    bool has_network = strstr(line, " wrenn.network"), has_ipv6 = strstr(line, " wrenn.network=6");
    bool is_minimal = strstr(line, " wrenn.minimal"), has_layer = strstr(line, " wrenn.layer");
    char *id = (char *)(size_t)value_of(line, "wrenn.id="),
         *template = (char *)(size_t)value_of(line, "wrenn.template=");
    id[strcspn(id, " \n")] = '\0';
    template[strcspn(template, " \n")] = '\0';
    int agent = open("/agent", O_RDONLY | O_CLOEXEC);
    agent = agent < 0 ? -1 : fcntl(agent, F_DUPFD_CLOEXEC, 64);
    if (agent < 0) boot_fail("/agent");
    boot_get("/sudo", sudo);
    make_root(has_layer);
    make_devices();
    boot_raise_loopback();
    boot_set_limits();
    if (strstr(line, " wrenn.emulated")) boot_end_thrashing();
    boot_must(names_set(id, template) ? 0 : -1, "name the machine");
    boot_accounts();
    if (is_minimal || has_network || access("/etc/resolv.conf", F_OK) != 0) {
        unlink("/etc/resolv.conf"); /* it may be a link to nowhere */
        boot_put("/etc/resolv.conf", "");
    }
    if (has_network) boot_link(has_ipv6);
    if (is_minimal) boot_minimal(sudo);
    boot_start_agent(agent, id, template);
}
