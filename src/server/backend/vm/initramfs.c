/* The initramfs of virtual machines: a cpio archive ("newc"). It is made when wrennd starts, so that its agent is always the one
 * that belongs to this wrennd. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "server/backend/vm/internal.h"

enum { FILE_MAX = 16 << 20 };

static void pad(wrn_buf *out) {
    while (out->size % 4) wrn_buf_putc(out, '\0');
}

static void put_entry(wrn_buf *out, const char *name, unsigned mode, const void *data, size_t size) {
    wrn_buf_printf(out, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 0, mode, 0, 0, 1, 0,
                   (unsigned)size, 0, 0, 0, 0, (unsigned)strlen(name) + 1, 0);
    wrn_buf_put(out, name, strlen(name) + 1);
    pad(out);
    wrn_buf_put(out, data, size);
    pad(out);
}

/* False with errno. */
static bool read_whole(const char *path, wrn_buf *out) {
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 0;
    while (fd >= 0 && out->size < FILE_MAX && (got = read(fd, wrn_buf_reserve(out, 65536), 65536)) > 0)
        out->size += (size_t)got;
    return got == 0;
}

static int put_file(wrn_buf *out, const char *name, const char *path, wrn_fault *fault) {
    WRN_AUTO(wrn_buf_free) wrn_buf content = WRN_BUF_INIT;
    if (!path || !read_whole(path, &content))
        return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot read %.300s: %s", path ? path : name,
                             strerror(errno));
    put_entry(out, name, S_IFREG | 0755, content.data, content.size);
    return 0;
}

static int put_modules(wrn_buf *out, const char *setup_dir, wrn_fault *fault) {
    char path[PATH_MAX], order[4096];
    snprintf(path, sizeof(path), "%.3900s/" VM_MODULES "/order", setup_dir);
    if (wrn_file_read(path, order, sizeof(order)) < 0)
        return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot read %.300s: %s; run wrennd vm setup again", path,
                             strerror(errno));
    put_entry(out, "modules", S_IFDIR | 0755, NULL, 0);
    put_entry(out, "modules/order", S_IFREG | 0644, order, strlen(order));
    for (char *save, *name = strtok_r(order, "\n", &save); name; name = strtok_r(NULL, "\n", &save)) {
        char inside[256];
        snprintf(path, sizeof(path), "%.3700s/" VM_MODULES "/%.200s", setup_dir, name);
        snprintf(inside, sizeof(inside), "modules/%.200s", name);
        if (put_file(out, inside, path, fault) != 0) return -1;
    }
    return 0;
}

static int initramfs_seal(int fd) {
    return fchmod(fd, 0444) == 0 ? fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
                                 : -1;
}

int initramfs_make(const wrn_backend_config *config, const char *setup_dir, wrn_fault *fault) {
    char boot[PATH_MAX];
    extern const char wrn_minimal_sudo[];
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    probe_program(VM_BOOT, boot);
    static const char *const dirs[] = {"dev", "proc", "sys", "lower", "upper", "root"};
    for (size_t i = 0; i < WRN_COUNT(dirs); i++) put_entry(&text, dirs[i], S_IFDIR | 0755, NULL, 0);
    if (put_file(&text, "init", boot, fault) != 0 || put_file(&text, "agent", config->agent_path, fault) != 0 ||
        put_modules(&text, setup_dir, fault) != 0)
        return -1;
    put_entry(&text, "sudo", S_IFREG | 0644, wrn_minimal_sudo, strlen(wrn_minimal_sudo));
    put_entry(&text, "TRAILER!!!", 0, NULL, 0);
    WRN_AUTO(wrn_fd_close) int fd = memfd_create("wrenn-initramfs", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && write(fd, text.data, text.size) == (ssize_t)text.size && initramfs_seal(fd) == 0)
        return wrn_fd_take(&fd);
    return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make the initramfs: %s", strerror(errno));
}
