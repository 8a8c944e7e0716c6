/* Snapshots of machines, which go on where the machine was. Beside the usual files each has `state` and `disk`, and if they are
 * not of the setup `image` and `layer`, which are the template's. It says in `moment` what it needs. As long as it is there, the setup
 * that it names stays. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "server/backend/vm/internal.h"
#include "server/log.h"

#define DISK_FILE "disk"
#define IMAGE_FILE "image"
#define LAYER_FILE "image-layer" /* "layer" is the directory of a snapshot of a sandbox in namespaces */

/* The rate of a clock, from one measurement to the next, differs by less than a hundredth. */
enum { CLOCK_PARTS = 100 };

/* ---- the setup stays ---- */

static const char *name_of(const char *path) { return strrchr(path, '/') + 1; }

/* Before there is a snapshot. If that fails the link leads nowhere, and means nothing. */
static void note_need(const wrn_instance *it, const char *target) {
    char path[PATH_MAX + 128];
    snprintf(path, sizeof(path), "%s/" VM_NEEDED, it->setup->dir);
    bool ok = mkdir(path, 0755) == 0 || errno == EEXIST;
    snprintf(path, sizeof(path), "%s/" VM_NEEDED "/%.100s", it->setup->dir, name_of(target));
    if (ok && (symlink(target, path) == 0 || errno == EEXIST)) return;
    wrn_log_warning("cannot make the link %s: %s; the next wrennd vm setup may remove what the snapshot needs", path,
                    strerror(errno));
}

bool saved_needs(const char *setup_dir) {
    char path[PATH_MAX + 16];
    bool needed = false;
    snprintf(path, sizeof(path), "%s/" VM_NEEDED, setup_dir);
    WRN_AUTO(wrn_dir_close) DIR *dir = opendir(path);
    for (const struct dirent *entry; !needed && (entry = wrn_dir_next(dir));)
        needed = faccessat(dirfd(dir), entry->d_name, F_OK, 0) == 0;
    return needed;
}

/* ---- making one ---- */

static void state_path(const wrn_instance *it, char out[PATH_MAX + 8]) {
    snprintf(out, PATH_MAX + 8, "%s/" VM_STATE, it->dir);
}

static bool has_own_image(const wrn_instance *it) { return !is_same_file(it->image_fd, it->setup->image_fd); }

static wrn_json *describe(const wrn_instance *it) {
    const wrn_backend *backend = it->backend;
    const setup *s = it->setup;
    wrn_json *needs = wrn_json_new_object();
    wrn_json_set_string(needs, "setup", name_of(s->dir));
    wrn_json_set_string(needs, "qemu", s->qemu);
    wrn_json_set_string(needs, "programs", s->programs);
    wrn_json_set_string(needs, "kernel", s->kernel);
    wrn_json_set_string(needs, "image", s->image);
    wrn_json_set_string(needs, "cpu", backend->cpu);
    wrn_json_set_int(needs, "clock_khz", backend->kvm ? 0 : backend->tsc_khz);
    wrn_json_set_int(needs, "agent", WRN_AGENT_VERSION);
    wrn_json_set_int(needs, "vcpus", it->vcpus);
    wrn_json_set_int(needs, "memory_mb", it->memory_mb);
    wrn_json_set_int(needs, "disk_mb", it->disk_mb);
    wrn_json_set_bool(needs, "network", it->has_network);
    wrn_json_set_bool(needs, IMAGE_FILE, has_own_image(it));
    wrn_json_set_bool(needs, LAYER_FILE, it->layer_fd >= 0);
    return needs;
}

static void report_saved(uv_timer_t *timer) {
    wrn_instance *it = timer->data;
    char state[PATH_MAX + 8], disk[PATH_MAX + 8];
    WRN_AUTO(wrn_json_freep) wrn_json *needs = describe(it);
    state_path(it, state);
    snprintf(disk, sizeof(disk), "%s/" DISK_FILE, it->dir);
    wrn_saved_file files[4] = {{VM_STATE, state, -1}, {DISK_FILE, disk, -1}};
    wrn_saved all = {.files = files, .file_count = 2, .moment = needs};
    if (has_own_image(it)) files[all.file_count++] = (wrn_saved_file){IMAGE_FILE, NULL, it->image_fd};
    if (it->layer_fd >= 0) files[all.file_count++] = (wrn_saved_file){LAYER_FILE, NULL, it->layer_fd};
    WRN_TAKE(it->saved)(it->saved_context, &all, NULL);
}

void saved_drop(wrn_instance *it) {
    char path[PATH_MAX + 8];
    if (!it->is_saved) return;
    it->is_saved = false;
    state_path(it, path);
    unlink(path);
}

static void on_state_kept(void *context, wrn_moment *kept, const wrn_fault *fault) {
    wrn_instance *it = context;
    it->is_saved = true;
    if (kept) kept->release(kept);
    if (!fault) return report_saved(&it->timer);
    saved_drop(it);
    WRN_TAKE(it->saved)(it->saved_context, NULL, fault);
}

/* QEMU saves a stopped machine once; what it has written then is good until the machine goes on. */
void vm_save(wrn_instance *it, const char *target, wrn_saved_fn done, void *context) {
    it->saved = done;
    it->saved_context = context;
    note_need(it, target);
    if (it->is_saved) uv_timer_start(&it->timer, report_saved, 0, 0);
    else moment_keep(it, false, on_state_kept, it);
}

/* ---- going on from one ---- */

static int64_t number_of(const wrn_json *needs, const char *name) {
    int64_t number = 0;
    (void)wrn_json_int(wrn_json_get(needs, name), &number);
    return number;
}

static bool flag_of(const wrn_json *needs, const char *name) {
    bool flag = false;
    (void)wrn_json_bool(wrn_json_get(needs, name), &flag);
    return flag;
}

static const char *text_of(const wrn_json *needs, const char *name) {
    const char *text = wrn_json_text(needs, name);
    return text ? text : "";
}

static bool has_hash(const wrn_json *needs, const char *name, const char *hash) {
    return *hash && strcmp(text_of(needs, name), hash) == 0;
}

/* The setup that it was made with, or one that is the same. NULL with a fault. */
static setup *find_setup(const wrn_backend *backend, const char *name, const wrn_json *needs, wrn_fault *fault) {
    setup *now = backend->setup;
    const char *own = text_of(needs, "setup");
    char path[PATH_MAX];
    if (strcmp(own, name_of(now->dir)) == 0 || (has_hash(needs, "programs", now->programs) &&
                                                (flag_of(needs, IMAGE_FILE) || has_hash(needs, "image", now->image))))
        return setup_hold(now);
    snprintf(path, sizeof(path), "%.*s%.200s", (int)(name_of(now->dir) - now->dir), now->dir, own);
    if (access(path, F_OK) == 0) return setup_open(path, fault);
    wrn_fault_set(
        fault, WRN_FAULT_CONFLICT,
        "the snapshot \"%.64s\" goes on with QEMU %.60s and the image that belongs to it, and %.200s is not there any "
        "more; put it back, or make the snapshot again",
        name, text_of(needs, "qemu"), path);
    return NULL;
}

static bool has_clock(const wrn_backend *backend, int64_t khz) {
    int64_t difference = khz - backend->tsc_khz;
    return !khz || !backend->tsc_khz || (difference < 0 ? -difference : difference) < khz / CLOCK_PARTS;
}

/* What it can't go on with here. */
static int check_machine(const wrn_instance *it, const char *name, const wrn_json *needs, wrn_fault *fault) {
    const wrn_backend *backend = it->backend;
    long long agent = number_of(needs, "agent"), vcpus = number_of(needs, "vcpus");
    const char *cpu = text_of(needs, "cpu");
    if (strcmp(cpu, backend->cpu) != 0 || !has_clock(backend, number_of(needs, "clock_khz")))
        return wrn_fault_set(
            fault, WRN_FAULT_CONFLICT,
            "the snapshot \"%.64s\" goes on with the processor \"%.100s\" of the machine that it was made on, "
            "and this one has \"%.100s\" or another clock; make the snapshot again here",
            name, cpu, backend->cpu);
    if (agent != WRN_AGENT_VERSION)
        return wrn_fault_set(fault, WRN_FAULT_CONFLICT,
                             "the snapshot \"%.64s\" has an agent of version %lld in its memory, and this wrennd needs "
                             "version %d; use the wrennd that it was made with, or make it again",
                             name, agent, WRN_AGENT_VERSION);
    if (vcpus == it->vcpus && number_of(needs, "memory_mb") == it->memory_mb) return 0;
    return wrn_fault_set(
        fault, WRN_FAULT_CONFLICT,
        "the snapshot \"%.64s\" goes on with %lld processors, and this machine has %lld; use a larger machine, or make the snapshot "
        "of a smaller sandbox",
        name, vcpus, (long long)it->vcpus);
}

static int check_network(const wrn_box_spec *spec, bool has_network, wrn_fault *fault) {
    if (spec->network && !has_network)
        return wrn_fault_set(
            fault, WRN_FAULT_CONFLICT,
            "the snapshot \"%.64s\" is of a sandbox without a network, so that one that goes on from it can't "
            "have one; ask for none, or make a snapshot of a sandbox that has one",
            spec->template_name);
    if (spec->authority)
        return wrn_fault_set(
            fault, WRN_FAULT_CONFLICT,
            "programs that go on in the snapshot \"%.64s\" do not trust the certificate that \"inject\" needs; "
            "ask for a network without \"inject\", or copy a sandbox that has it with a fork",
            spec->template_name);
    return 0;
}

static int open_file(const wrn_root *root, const char *name) {
    char path[PATH_MAX + 16];
    snprintf(path, sizeof(path), "%.*s%s", (int)(name_of(root->tree) - root->tree), root->tree, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

int64_t saved_disk_mb(const wrn_root *root) { return number_of(root->moment, "disk_mb"); }

int saved_open(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, wrn_fault *fault) {
    const wrn_json *needs = root->moment;
    bool has_network = flag_of(needs, "network"), has_image = flag_of(needs, IMAGE_FILE);
    bool has_layer = flag_of(needs, LAYER_FILE);
    if (check_machine(it, spec->template_name, needs, fault) != 0 || check_network(spec, has_network, fault) != 0)
        return -1;
    setup *own = find_setup(it->backend, spec->template_name, needs, fault);
    if (!own) return -1;
    setup_release(it->setup);
    it->setup = own;
    it->disk_mb = saved_disk_mb(root);
    it->has_network = has_network;
    it->image_fd = has_image ? open_file(root, IMAGE_FILE) : fcntl(own->image_fd, F_DUPFD_CLOEXEC, 0);
    if (has_layer) it->layer_fd = open_file(root, LAYER_FILE);
    it->from = moment_new(it);
    it->from->disk = open_file(root, DISK_FILE);
    it->from->state = open_file(root, VM_STATE);
    if (it->image_fd >= 0 && (!has_layer || it->layer_fd >= 0) && it->from->disk >= 0 && it->from->state >= 0) return 0;
    return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR,
                         "cannot read the memory and disks of the snapshot \"%.64s\": %s", spec->template_name,
                         strerror(errno));
}
