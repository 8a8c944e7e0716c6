/* `wrennd vm setup`: puts together what virtual machines need, in a new directory, and then makes the link `current` lead there.
 * Older ones go, unless a wrennd still uses them or a snapshot needs them. setup.sh does the work but for the kernel's compression. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/tree.h"
#include "server/backend/vm/internal.h"
#include "server/trees.h"

#define FAIL(fault, ...) (wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, __VA_ARGS__), false)
#define PREFIX "setup-"

extern const char wrn_vm_setup[]; /* setup.sh */

int setup_find(const wrn_backend_config *config, char dir[PATH_MAX], wrn_fault *fault) {
    char link[PATH_MAX];
    snprintf(link, sizeof(link), "%.4000s/" VM_CURRENT, config->vm_dir);
    if (realpath(link, dir)) return 0;
    return wrn_fault_set(
        fault, WRN_FAULT_CONFLICT,
        "virtual machines are not set up here (%.200s: %s); run wrennd vm setup, then start wrennd again", link,
        strerror(errno));
}

void setup_version(const char *dir, const char *what, char *out, size_t size) {
    char path[PATH_MAX + 16], text[512];
    *out = '\0';
    snprintf(path, sizeof(path), "%s/" VM_VERSIONS, dir);
    if (wrn_file_read(path, text, sizeof(text)) < 0) return;
    for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        if (strncmp(line, what, strlen(what)) == 0 && line[strlen(what)] == ' ')
            snprintf(out, size, "%s", line + strlen(what) + 1);
}

/* ---- using one ---- */

static bool open_parts(setup *s) {
    char path[PATH_MAX + 32];
    s->lock_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof(path), "%s/" VM_IMAGE, s->dir);
    s->image_fd = open(path, O_RDONLY | O_CLOEXEC);
    return s->image_fd >= 0 && s->lock_fd >= 0 && flock(s->lock_fd, LOCK_SH | LOCK_NB) == 0;
}

setup *setup_open(const char *dir, wrn_fault *fault) {
    setup *s = calloc(1, sizeof(*s));
    *s = (setup){.holders = 1};
    snprintf(s->dir, sizeof(s->dir), "%s", dir);
    setup_version(dir, "qemu", s->qemu, sizeof(s->qemu));
    setup_version(dir, "kernel", s->kernel, sizeof(s->kernel));
    setup_version(dir, "programs", s->programs, sizeof(s->programs));
    setup_version(dir, "image", s->image, sizeof(s->image));
    if (open_parts(s)) return s;
    wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot open %.300s: %s; run wrennd vm setup again", dir,
                  strerror(errno));
    setup_release(s);
    return NULL;
}

setup *setup_hold(setup *s) {
    s->holders++;
    return s;
}

void setup_release(setup *s) {
    if (!s || --s->holders) return;
    wrn_fd_close(&s->lock_fd);
    wrn_fd_close(&s->image_fd);
    free(s);
}

/* ---- the kernel ---- */

enum {
    KERNEL_MAX = 256 << 20,
    SETUP_SECTS = 0x1f1,
    PAYLOAD_OFFSET = 0x248,
    PAYLOAD_LENGTH = 0x24c,
    HEADER_END = 0x250
};
#define LZ4_LEGACY 0x184c2102u

static uint32_t get_le32(const unsigned char *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* A length whose first 4 bits were 15 goes on in bytes, until one is not 255. */
static bool read_length(const unsigned char **at, const unsigned char *end, size_t *length) {
    if (*length != 15) return true;
    for (unsigned char more = 255; more == 255; *length += more)
        if (*at == end) return false;
        else more = *(*at)++;
    return *length <= KERNEL_MAX;
}

/* One block of LZ4: literals, then a piece of what was before, and so on; the last one has literals only. */
static bool unpack_block(const unsigned char *at, const unsigned char *end, wrn_buf *out) {
    while (at < end) {
        size_t literals = *at >> 4, match = *at & 15;
        at++;
        if (!read_length(&at, end, &literals) || literals > (size_t)(end - at)) return false;
        wrn_buf_put(out, at, literals);
        at += literals;
        if (at == end) return true;
        if (end - at < 2) return false;
        size_t back = at[0] | (size_t)at[1] << 8;
        at += 2;
        if (!read_length(&at, end, &match) || !back || back > out->size || out->size + match > KERNEL_MAX) return false;
        match += 4;
        char *to = wrn_buf_reserve(out, match);
        for (size_t i = 0; i < match; i++) to[i] = (to - back)[i];
        out->size += match;
    }
    return false;
}

/* Finds the compressed kernel in the file. NULL: it is none, or not compressed with LZ4. */
static const unsigned char *find_payload(const wrn_buf *file, size_t *size) {
    const unsigned char *data = (const unsigned char *)file->data;
    if (file->size < HEADER_END || memcmp(data + 0x202, "HdrS", 4) != 0) return NULL;
    size_t at = ((size_t)data[SETUP_SECTS] + 1) * 512 + get_le32(data + PAYLOAD_OFFSET);
    *size = get_le32(data + PAYLOAD_LENGTH);
    if (at > file->size || *size > file->size - at || *size < 8 || get_le32(data + at) != LZ4_LEGACY) return NULL;
    return data + at;
}

/* Unpacked, it starts almost a second sooner under TCG. QEMU takes it compressed, too. */
static bool unpack_kernel(const wrn_buf *file, wrn_buf *out) {
    size_t size;
    const unsigned char *at = find_payload(file, &size), *end = at ? at + size : NULL;
    if (!at) return false;
    for (at += 4; end - at > 4;) { /* the last 4 bytes are the kernel's size */
        size_t block = get_le32(at);
        at += 4;
        if (!block || block > (size_t)(end - at) || !unpack_block(at, at + block, out)) return false;
        at += block;
    }
    return out->size > 4 && memcmp(out->data, "\177ELF", 4) == 0;
}

static bool read_file(const char *path, wrn_buf *out) {
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;
    while (fd >= 0 && out->size < KERNEL_MAX && (got = read(fd, wrn_buf_reserve(out, 1 << 20), 1 << 20)) > 0)
        out->size += (size_t)got;
    return got == 0;
}

static bool make_kernel(const char *dir, wrn_fault *fault) {
    WRN_AUTO(wrn_buf_free) wrn_buf packed = WRN_BUF_INIT, kernel = WRN_BUF_INIT;
    char from[PATH_MAX + 16], to[PATH_MAX + 32];
    snprintf(from, sizeof(from), "%s/vmlinuz", dir);
    snprintf(to, sizeof(to), "%s/" VM_ROOT "/vmlinux", dir);
    if (!read_file(from, &packed)) return FAIL(fault, "cannot read %.300s: %s", from, strerror(errno));
    const wrn_buf *chosen = unpack_kernel(&packed, &kernel) ? &kernel : &packed;
    if (!wrn_file_write(AT_FDCWD, to, O_CREAT | O_EXCL, chosen->data, chosen->size))
        return FAIL(fault, "cannot write %.300s: %s", to, strerror(errno));
    unlink(from);
    return true;
}

/* ---- the script ---- */

static void read_said(int fd, wrn_buf *said) {
    char chunk[1024];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof(chunk))) > 0 || (got < 0 && errno == EINTR))
        if (got > 0) wrn_buf_put(said, chunk, (size_t)got);
}

/* False with a fault, which is the last line that it said. */
static bool run_script(const char *dir, const wrn_setup_plan *plan, wrn_fault *fault) {
    WRN_AUTO(wrn_buf_free) wrn_buf said = WRN_BUF_LIMITED(64 << 10);
    int pipe_fds[2], status = -1;
    const char *const argv[] = {"sh",
                                "-c",
                                wrn_vm_setup,
                                "wrennd-vm-setup",
                                dir,
                                plan->kernel ? plan->kernel : "",
                                plan->image ? plan->image : "",
                                plan->mirror ? plan->mirror : "",
                                NULL};
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) return FAIL(fault, "cannot make a pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        dup2(pipe_fds[1], 2);
        execv("/bin/sh", (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(pipe_fds[1]);
    if (pid > 0) read_said(pipe_fds[0], &said);
    close(pipe_fds[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid > 0 && status == 0) return true;
    while (said.size && said.data[said.size - 1] == '\n') said.size--;
    wrn_buf_putc(&said, '\0');
    const char *last = said.size > 1 ? strrchr(said.data, '\n') : NULL;
    return FAIL(fault, "%.400s", last ? last + 1 : said.size > 1 ? said.data : "the set-up was stopped");
}

/* ---- the whole ---- */

static bool make_link(const char *vm_dir, const char *name, wrn_fault *fault) {
    char fresh[PATH_MAX], link[PATH_MAX];
    snprintf(fresh, sizeof(fresh), "%.3900s/.current-%d", vm_dir, (int)getpid());
    snprintf(link, sizeof(link), "%.3900s/" VM_CURRENT, vm_dir);
    if (symlink(name, fresh) == 0 && rename(fresh, link) == 0) return true;
    unlink(fresh);
    return FAIL(fault, "cannot make the link %.300s: %s", link, strerror(errno));
}

static bool is_used(const char *path) {
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
}

static void remove_others(const char *vm_dir, const char *kept) {
    WRN_AUTO(wrn_dir_close) DIR *dir = opendir(vm_dir);
    for (struct dirent *entry; (entry = wrn_dir_next(dir));) {
        char path[PATH_MAX];
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 || strcmp(entry->d_name, kept) == 0) continue;
        snprintf(path, sizeof(path), "%.3800s/%.255s", vm_dir, entry->d_name);
        if (!is_used(path) && !saved_needs(path)) wrn_tree_remove(path);
    }
}

bool vm_setup(const wrn_backend_config *config, const wrn_setup_plan *plan, wrn_fault *fault) {
    char dir[PATH_MAX];
    if (make_path(config->vm_dir, 0700) != 0)
        return FAIL(fault, "cannot make the directory %.300s: %s", config->vm_dir, strerror(errno));
    snprintf(dir, sizeof(dir), "%.3900s/" PREFIX "XXXXXX", config->vm_dir);
    if (!mkdtemp(dir)) return FAIL(fault, "cannot make a directory in %.300s: %s", config->vm_dir, strerror(errno));
    WRN_AUTO(wrn_fd_close) int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *name = strrchr(dir, '/') + 1;
    if (lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) == 0 && chmod(dir, 0755) == 0 && run_script(dir, plan, fault) &&
        make_kernel(dir, fault) && make_link(config->vm_dir, name, fault)) {
        remove_others(config->vm_dir, name);
        return true;
    }
    wrn_tree_remove(dir);
    return false;
}
