/* The command line of a virtual machine. */
#include <stdarg.h>
#include <stdio.h>

#include "server/backend/vm/internal.h"

/* Of TCG, which keeps translated code. Its default is 1 GiB. */
#define TRANSLATED_MB "64"

WRN_PRINTF(2, 3) static void add(machine *m, const char *format, ...) {
    va_list args;
    if (m->count == MACHINE_ARGS) return;
    va_start(args, format);
    int size = vsnprintf(m->text + m->used, sizeof(m->text) - m->used, format, args);
    va_end(args);
    if (size < 0 || (size_t)size >= sizeof(m->text) - m->used) return;
    m->argv[m->count++] = m->text + m->used;
    m->used += (size_t)size + 1;
}

static void add_all(machine *m, const char *const *words) {
    for (; *words; words++) add(m, "%s", *words);
}

/* At a panic the kernel restarts the machine at once, by the processor's own means. QEMU ends then, as soon as the agent has been
 * there: monitor_end_at_restart(). */
#define ALWAYS "rdinit=/init panic=-1 reboot=t quiet random.trust_cpu=on cryptomgr.notests=1"
/* Under TCG the kernel's own protections against the processor only cost time, and its measurement of the clock fails. */
#define EMULATED                                                                                                              \
    " nokaslr mitigations=off tsc=reliable no_timer_check"                                                                    \
    " initcall_blacklist=init_kprobe_trace,load_system_certificate_list,cubictcp_register,crypto_kdf108_init,init_encrypted," \
    "i8042_init,cmos_init wrenn.emulated"

static void add_kernel(machine *m, const wrn_instance *it) {
    const wrn_backend *backend = it->backend;
    char clock[64] = "";
    if (!backend->kvm && backend->tsc_khz)
        snprintf(clock, sizeof(clock), " tsc_early_khz=%lld", (long long)backend->tsc_khz);
    add_all(m, (const char *const[]){"-kernel", "/vmlinux", "-initrd", NULL});
    add(m, "/proc/self/fd/%d", FD_INITRAMFS);
    add(m, "-append");
    add(m, ALWAYS "%s%s wrenn.id=%s wrenn.template=%s%s%s%s", backend->kvm ? "" : EMULATED, clock, it->id,
        it->template_name, it->is_minimal ? " wrenn.minimal" : "", it->layer_fd >= 0 ? " wrenn.layer" : "",
        !it->has_network ? ""
        : it->has_ipv6   ? " wrenn.network=6"
                         : " wrenn.network");
}

/* A write that fails, because the host's disk is full, fails inside as well; by default it would stop the machine. */
static void add_disks(machine *m, bool has_layer) {
    add(m, "-add-fd"), add(m, "fd=%d,set=1", FD_IMAGE);
    add(m, "-add-fd"), add(m, "fd=%d,set=2", FD_DISK);
    add(m, "-blockdev");
    add(m, "driver=raw,node-name=image,read-only=on,file.driver=file,file.filename=/dev/fdset/1,file.locking=off,"
           "file.read-only=on");
    add(m, "-blockdev");
    add(m, "driver=raw,node-name=disk,file.driver=file,file.filename=/dev/fdset/2,file.locking=off,discard=unmap,"
           "file.discard=unmap");
    add_all(m, (const char *const[]){"-device", "virtio-blk-device,drive=image", "-device",
                                     "virtio-blk-device,drive=disk,werror=report", NULL});
    if (!has_layer) return;
    add(m, "-add-fd"), add(m, "fd=%d,set=3", FD_LAYER);
    add(m, "-blockdev");
    add(m, "driver=raw,node-name=layer,read-only=on,file.driver=file,file.filename=/dev/fdset/3,file.locking=off,"
           "file.read-only=on");
    add_all(m, (const char *const[]){"-device", "virtio-blk-device,drive=layer", NULL});
}

static void add_channels(machine *m) {
    add_all(m,
            (const char *const[]){"-device", "virtio-rng-device", "-device", "virtio-serial-device", "-chardev", NULL});
    add(m, "socket,id=agent,fd=%d", FD_AGENT);
    add_all(m, (const char *const[]){"-device", "virtserialport,chardev=agent,name=wrenn.agent", "-chardev", NULL});
    add(m, "socket,id=monitor,fd=%d", FD_MONITOR);
    add_all(m, (const char *const[]){"-mon", "chardev=monitor,mode=control", NULL});
}

/* Frames, each a datagram; the gate is at the other end. */
static void add_link(machine *m) {
    add(m, "-netdev"), add(m, "dgram,id=link,local.type=fd,local.str=%d", FD_LINK);
    add(m, "-device"), add(m, "virtio-net-device,netdev=link,mac=02:00:00:00:00:02,host_mtu=16384");
}

/* `goes_on`: from a state. `in_file`: its memory is FD_RAM. */
static void add_qemu(machine *m, const wrn_instance *it, bool goes_on, bool in_file) {
    bool kvm = it->backend->kvm;
    add_all(m, (const char *const[]){"/qemu", "-L", "/fw", "-nodefaults", "-no-user-config", "-display", "none", "-M",
                                     "microvm,x-option-roms=off,isa-serial=off,memory-backend=ram", "-accel", NULL});
    add(m, "%s", kvm ? "kvm" : "tcg,tb-size=" TRANSLATED_MB);
    add(m, "-name"), add(m, "%s", it->id);
    add(m, "-cpu"), add(m, "%s", kvm ? "host" : VM_EMULATED_CPU);
    add(m, "-m"), add(m, "%lld", (long long)it->memory_mb);
    add(m, "-smp"), add(m, "%lld", (long long)it->vcpus);
    add(m, "-object");
    if (!in_file) add(m, "memory-backend-ram,id=ram,size=%lldM", (long long)it->memory_mb);
    else /* copies share what they don't write */
        add(m, "memory-backend-file,id=ram,size=%lldM,mem-path=/proc/self/fd/%d,share=%s", (long long)it->memory_mb,
            FD_RAM, goes_on ? "off" : "on");
    add_disks(m, it->layer_fd >= 0);
    add_channels(m);
    if (it->has_network) add_link(m);
    add(m, "-sandbox"), add(m, "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    if (goes_on) add_all(m, (const char *const[]){"-no-reboot", "-incoming", "defer", NULL});
    else add_kernel(m, it);
}

void machine_describe(const wrn_instance *it, machine *out) {
    const wrn_backend *backend = it->backend;
    *out = (machine){.used = 0};
    add(out, "wrenn-vm");
    add(out, "%.3000s/" VM_ROOT, it->setup->dir);
    add(out, "%u", backend->root ? (unsigned)(FIRST_UID + (uid_t)it->slot * UID_RANGE) : 0u);
    add(out, "%s", backend->kvm ? "kvm" : "tcg");
    add(out, "%s", it->from ? "kept" : "new");
    add_qemu(out, it, it->from != NULL, it->ram_fd >= 0);
    add(out, "--");
    add_qemu(out, it, true, false);
}
