/* Finds out what this machine has for virtual machines; `wrennd doctor`. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "base/place.h"
#include "server/backend/vm/internal.h"
#include "server/log.h"

#define REMEDY "run wrennd vm setup"

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- KVM ---- */

/* A million rounds take a real processor about a millisecond. Where something pretends to be KVM they take seconds, or never
 * end. */
enum { PAGE = 4096, PATIENCE_MS = 1000, REAL_NS = 100 * 1000 * 1000 };
static const unsigned char rounds[] = {0x66, 0xb9, 0x40, 0x42, 0x0f, 0x00, /* mov ecx, 1000000 */
                                       0x66, 0x49, 0x75, 0xfc,             /* dec ecx; jnz back */
                                       0xf4};                              /* hlt */

static int begin_machine(int kvm, int *cpu, size_t *run_size) {
    int vm = ioctl(kvm, KVM_GET_API_VERSION, 0) == KVM_API_VERSION ? ioctl(kvm, KVM_CREATE_VM, 0) : -1;
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct kvm_sregs system;
    struct kvm_regs registers = {.rip = 0, .rflags = 2};
    if (vm < 0 || page == MAP_FAILED) return -1;
    memcpy(page, rounds, sizeof(rounds));
    struct kvm_userspace_memory_region region = {.memory_size = PAGE, .userspace_addr = (uint64_t)(uintptr_t)page};
    *run_size = (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) != 0 || (*cpu = ioctl(vm, KVM_CREATE_VCPU, 0)) < 0 ||
        ioctl(*cpu, KVM_GET_SREGS, &system) != 0)
        return -1;
    system.cs.base = system.cs.selector = 0;
    return ioctl(*cpu, KVM_SET_SREGS, &system) == 0 ? ioctl(*cpu, KVM_SET_REGS, &registers) : -1;
}

/* In a child, which is killed if it takes too long. Exits with 0 if KVM is real, 1 if it is slow, 2 if it can't be used. */
_Noreturn static void run_rounds(int kvm) {
    int cpu = -1;
    size_t size = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (begin_machine(kvm, &cpu, &size) != 0) _exit(2);
    const struct kvm_run *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
    int64_t begin_ns = now_ns();
    if (run == MAP_FAILED || ioctl(cpu, KVM_RUN, 0) != 0 || run->exit_reason != KVM_EXIT_HLT) _exit(2);
    _exit(now_ns() - begin_ns < REAL_NS ? 0 : 1);
}

bool probe_kvm(char *why, size_t size) {
    int status = 0;
    WRN_AUTO(wrn_fd_close) int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0) return snprintf(why, size, "/dev/kvm: %s", strerror(errno)), false;
    pid_t pid = fork();
    if (pid == 0) run_rounds(kvm);
    if (pid < 0) return snprintf(why, size, "cannot try KVM: %s", strerror(errno)), false;
    WRN_AUTO(wrn_fd_close) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, PATIENCE_MS) != 1) kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (status == 0) return true;
    bool unusable = WIFEXITED(status) && WEXITSTATUS(status) == 2;
    return snprintf(why, size, "/dev/kvm %s", unusable ? "is there, but can't run anything" : "is too slow to be real"),
           false;
}

/* KVM shows the processor itself; what TCG shows is QEMU's. */
void probe_cpu(bool kvm, char *out, size_t size) {
    char line[256], name[sizeof(line)] = "";
    WRN_AUTO(wrn_stdio_close) FILE *info = kvm ? fopen("/proc/cpuinfo", "re") : NULL;
    while (info && !*name && fgets(line, sizeof(line), info))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':'))
            snprintf(name, sizeof(name), "%s", strchr(line, ':') + 2);
    name[strcspn(name, "\n")] = '\0';
    snprintf(out, size, "%s", kvm ? name : VM_EMULATED_CPU);
}

/* ---- the clock ---- */

#if defined(__x86_64__)
/* Both clocks at one time, as well as that can be had: between two looks this process may have to wait. */
static int64_t read_clocks(uint64_t *tsc) {
    enum { TRIES = 100, CLOSE_NS = 2000 };
    int64_t best_ns = 0, closest_ns = INT64_MAX;
    for (int i = 0; i < TRIES && closest_ns > CLOSE_NS; i++) {
        int64_t before_ns = now_ns();
        uint64_t now = __rdtsc();
        int64_t between_ns = now_ns() - before_ns;
        if (between_ns >= closest_ns) continue;
        closest_ns = between_ns;
        best_ns = before_ns;
        *tsc = now;
    }
    return best_ns;
}
#endif

int64_t probe_tsc_khz(void) {
#if defined(__x86_64__)
    enum { LONG_ENOUGH_NS = 10 * 1000 * 1000 };
    uint64_t begin = 0, end = 0;
    int64_t begin_ns = read_clocks(&begin);
    while (now_ns() - begin_ns < LONG_ENOUGH_NS) {
    }
    int64_t passed_ns = read_clocks(&end) - begin_ns;
    return (int64_t)((end - begin) * 1000000 / (uint64_t)passed_ns);
#else
    return 0;
#endif
}

/* ---- what a sandbox gets ---- */

wrn_json *vm_probe(const wrn_backend *backend) {
    static const char *const names[] = {[CGROUP_NONE] = "none", [CGROUP_V1] = "v1", [CGROUP_V2] = "v2"};
    const cgroups *c = &backend->cgroups;
    const bool limited = c->limits != CGROUP_NONE;
    char text[512];
    wrn_json *report = wrn_json_new_object(), *limits = wrn_json_new_object(), *reasons = wrn_json_new_array();
    /* The machine has no more memory and processors than it was given, whatever the host enforces. */
    wrn_json_set_string(limits, "memory", "enforced");
    wrn_json_set_string(limits, "cpu", "enforced");
    wrn_json_set_string(limits, "pids", "enforced");
    if (!backend->kvm) {
        snprintf(text, sizeof(text), "QEMU emulates the processor, which is for development: %s", backend->why_no_kvm);
        wrn_json_append_string(reasons, text);
    }
    if (!backend->root)
        wrn_json_append_string(reasons,
                               "wrennd runs as an ordinary user: QEMU has the same user id outside for all sandboxes");
    if (!limited) wrn_json_append_string(reasons, c->why);
    wrn_json_set_string(report, "level", "vm");
    wrn_json_set_string(report, "backend", "vm");
    wrn_json_set_string(report, "accelerator", backend->kvm ? "kvm" : "tcg");
    wrn_json_set_string(report, "kernel", backend->setup->kernel);
    wrn_json_set_string(report, "qemu", backend->setup->qemu);
    wrn_json_set_bool(report, "root", backend->root);
    wrn_json_set_string(report, "user_namespace", backend->root ? "distinct" : "shared");
    wrn_json_set_string(report, "seccomp", "none");
    wrn_json_set_string(report, "cgroup", names[c->limits]);
    wrn_json_set(report, "limits", limits);
    wrn_json_set_string(report, "network", "none");
    wrn_json_set_string(report, "disk", "limited");
    wrn_json_set(report, "reasons", reasons);
    return report;
}

/* ---- doctor ---- */

bool probe_program(vm_program program, char path[PATH_MAX]) {
    static const char *const names[] = {"wrenn-boot", "wrenn-vm"};
    static const char *const built[] = {"src/agent/wrenn-boot", "src/server/backend/vm/wrenn-vm"};
    char why[1024];
    bool found = wrn_helper_find(names[program], built[program], path, PATH_MAX, why, sizeof(why));
    if (!found && *why) wrn_log_warning("%s", why);
    return found;
}

static bool has_tool(const char *name) {
    static const char *const dirs[] = {"/usr/sbin", "/sbin", "/usr/bin", "/bin"};
    char path[64];
    bool found = false;
    for (size_t i = 0; i < WRN_COUNT(dirs) && !found; i++) {
        snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
        found = access(path, X_OK) == 0;
    }
    return found;
}

static void check_tools(wrn_json *report) {
    bool disks = has_tool("mke2fs"), templates = has_tool("mksquashfs");
    wrn_report_check(report, "tools for disks of virtual machines", disks && templates,
                     disks && templates ? "mke2fs and mksquashfs"
                     : disks            ? "mksquashfs is missing, which wrennd template build needs"
                                        : "mke2fs is missing, which each virtual machine needs",
                     "on Debian and Ubuntu: apt-get install e2fsprogs squashfs-tools");
}

void vm_doctor(const wrn_backend_config *config, wrn_json *report) {
    char dir[PATH_MAX], path[PATH_MAX], qemu[64], kernel[128], text[256], why[128] = "";
    wrn_fault fault;
    bool found = setup_find(config, dir, &fault) == 0;
    if (!found)
        return wrn_report_check(report, "virtual machines", false, fault.message,
                                REMEDY " if you want sandboxes with a kernel of their own");
    setup_version(dir, "qemu", qemu, sizeof(qemu));
    setup_version(dir, "kernel", kernel, sizeof(kernel));
    snprintf(text, sizeof(text), "QEMU %s, Linux %s", qemu, kernel);
    wrn_report_check(report, "virtual machines", true, text, "");
    bool programs = probe_program(VM_BOOT, path) && probe_program(VM_JAIL, path);
    wrn_report_check(report, "programs of virtual machines", programs,
                     programs ? "wrenn-vm and wrenn-boot" : "wrenn-vm or wrenn-boot is missing",
                     "install them beside wrennd, or in ../libexec/wrenn");
    check_tools(report);
    bool kvm = probe_kvm(why, sizeof(why));
    snprintf(text, sizeof(text), "%s%s", kvm ? "KVM" : "none, so that QEMU emulates the processor: ", why);
    wrn_report_check(
        report, "acceleration of virtual machines", kvm, text,
        "give this machine hardware virtualization, and wrennd's user access to /dev/kvm; without it, virtual "
        "machines run, but are slow");
}
