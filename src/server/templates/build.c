/* Builds and removes templates of the operator.
 *
 * A built template is a directory .wrennd-NAME-XXXXXX, and NAME is a link to it. So a template appears and is replaced
 * in one step, and sandboxes made from the old one keep its directory. The next build or removal, under a lock, removes
 * directories of that form that no link leads to and no sandbox holds. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "base/lock.h"
#include "base/tree.h"
#include "server/templates/catalog.h"
#include "server/templates/interpreter.h"
#include "server/templates/oci.h"
#include "server/templates/pipeline.h"
#include "server/trees.h"

#define OURS ".wrennd-"
enum { EXCHANGE = 2 }; /* RENAME_EXCHANGE; <linux/fs.h> conflicts with other headers */

typedef struct build {
    const wrn_template_plan *plan;
    const char *unpacker, *templates;
    char dir[PATH_MAX], tree[PATH_MAX + 16], name[PATH_MAX], link[PATH_MAX];
    char origin[128], user[OCI_USER_SIZE]; /* user: the image's; "" for none */
    wrn_buf *said;
    wrn_fault *fault;
} build;

#define FAIL(fault, ...) (wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, __VA_ARGS__) == 0) /* false */

/* ---- removing what is not needed any more ---- */

static bool is_built_name(const char *name) { return strncmp(name, OURS, strlen(OURS)) == 0; }

static bool is_linked(const char *templates, const char *wanted) {
    WRN_AUTO(wrn_dir_close) DIR *dir = opendir(templates);
    for (struct dirent *entry; (entry = wrn_dir_next(dir));) {
        char target[300];
        ssize_t size =
            is_built_name(entry->d_name) ? -1 : readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
        if (size > 0 && (size_t)size == strlen(wanted) && memcmp(target, wanted, (size_t)size) == 0) return true;
    }
    return !dir;
}

/* Locks the directory, so that no sandbox can be made from it; -1 when some are. */
static int claim(const char *path) {
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 ? wrn_fd_take(&fd) : -1;
}

static void sweep_one(const char *templates, const char *name) {
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", templates, name) >= sizeof(path)) return;
    if (unlink(path) == 0 || is_linked(templates, name)) return;
    WRN_AUTO(wrn_fd_close) int fd = claim(path);
    if (fd >= 0) wrn_tree_remove(path);
}

static void sweep_templates(const char *templates) {
    WRN_AUTO(wrn_dir_close) DIR *dir = opendir(templates);
    for (struct dirent *entry; (entry = wrn_dir_next(dir));)
        if (is_built_name(entry->d_name) && strcmp(entry->d_name, OURS "lock") != 0)
            sweep_one(templates, entry->d_name);
}

static int lock_templates(const char *templates, wrn_fault *fault) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/" OURS "lock", templates);
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && wrn_lock_take(fd)) return wrn_fd_take(&fd);
    if (fd >= 0 && errno == EAGAIN)
        wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR,
                      "another build is under way in %.300s; try again when it has finished", templates);
    else wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot lock %.300s: %s", path, strerror(errno));
    return -1;
}

/* ---- the sources ---- */

static bool run_unpacker(build *b, const char *mode, int in, const char *const *from) {
    if (pipeline_run(b->unpacker, mode, b->tree, in, from, b->said, b->fault)) return true;
    wrn_fault why = *b->fault;
    return FAIL(b->fault, "cannot build from %s: %.300s", b->origin, why.message);
}

static bool from_tar(build *b) {
    const char *path = b->plan->tar;
    bool from_stdin = strcmp(path, "-") == 0;
    int fd = from_stdin ? 0 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return FAIL(b->fault, "cannot open %.300s: %s", path, strerror(errno));
    snprintf(b->origin, sizeof(b->origin), "tar %s", path);
    bool ok = run_unpacker(b, "archive", fd, NULL);
    if (!from_stdin) close(fd);
    return ok;
}

/* Runs the host's tar, so that archives are the only way into a template. */
static bool from_dir(build *b) {
    char from[PATH_MAX], to[PATH_MAX];
    struct stat info;
    const char *const tar[] = {"tar", "--create", "--sparse", "--numeric-owner", "--directory", from, ".", NULL};
    if (!realpath(b->plan->dir, from) || stat(from, &info) != 0 || !S_ISDIR(info.st_mode))
        return FAIL(b->fault, "%.300s is not a directory", b->plan->dir);
    size_t size = strlen(from);
    bool is_above = realpath(b->templates, to) && strncmp(to, from, size) == 0 && (to[size] == '/' || !to[size]);
    if (is_above || size == 1)
        return FAIL(b->fault, "%.200s contains the templates themselves (%.200s)", b->plan->dir, b->templates);
    snprintf(b->origin, sizeof(b->origin), "directory %s", from);
    return run_unpacker(b, "archive", -1, tar);
}

static bool from_mmdebstrap(build *b) {
    const wrn_template_plan *plan = b->plan;
    char include[4096];
    const char *argv[9] = {"mmdebstrap", "--variant=minbase", "--format=tar"};
    size_t count = 3;
    if (plan->include) {
        if ((size_t)snprintf(include, sizeof(include), "--include=%s", plan->include) >= sizeof(include))
            return FAIL(b->fault, "--include has more than %zu characters", sizeof(include));
        argv[count++] = include;
    }
    argv[count++] = "--";
    argv[count++] = plan->suite;
    argv[count++] = "-";
    if (plan->mirror) argv[count++] = plan->mirror;
    snprintf(b->origin, sizeof(b->origin), "mmdebstrap %s", plan->suite);
    if (run_unpacker(b, "archive", -1, argv)) return true;
    wrn_fault why = *b->fault;
    if (geteuid() != 0 && strstr(why.message, "ended with status"))
        wrn_fault_set(
            b->fault, WRN_FAULT_INTERNAL_ERROR,
            "%.120s; for an ordinary user it needs the package uidmap and ranges of ids in /etc/subuid and "
            "/etc/subgid, or the packages fakechroot and fakeroot; else build with --tar from what root made with "
            "mmdebstrap",
            why.message);
    return false;
}

static bool from_oci(build *b) {
    static oci_image image;
    char dir[PATH_MAX], why[OCI_WHY_SIZE] = "";
    snprintf(b->origin, sizeof(b->origin), "OCI image %s", b->plan->oci);
    if (!oci_open(b->plan->oci, dir, sizeof(dir), &image, why))
        return FAIL(b->fault, "cannot build from %s: %s", b->origin, why);
    memcpy(b->user, image.user, sizeof(b->user));
    for (size_t i = 0; i < image.count; i++) {
        WRN_AUTO(wrn_fd_close) int fd = oci_open_blob(dir, &image.layers[i], &pipeline_stopped, why);
        if (fd < 0) return FAIL(b->fault, "cannot build from %s: %s", b->origin, why);
        if (!run_unpacker(b, "layer", fd, NULL)) return false;
    }
    return true;
}

static bool fill_template(build *b) {
    const wrn_template_plan *plan = b->plan;
    return plan->tar ? from_tar(b) : plan->dir ? from_dir(b) : plan->oci ? from_oci(b) : from_mmdebstrap(b);
}

/* ---- from a tree to a template ---- */

static bool write_template_document(const build *b) {
    const wrn_template_plan *plan = b->plan;
    const char *user = plan->user ? plan->user : *b->user ? b->user : NULL;
    source s = {.shown = {.level = plan->level},
                .start_port = (uint16_t)plan->start_port,
                .start_early = plan->start_early,
                .default_user = user};
    wrn_template about = {.vcpus = plan->vcpus, .memory_mb = plan->memory_mb, .size_bytes = disk_bytes(b->tree, NULL)};
    char path[PATH_MAX + 32];
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    if (plan->start) s.start[0] = "/bin/sh", s.start[1] = "-c", s.start[2] = plan->start;
    memcpy(about.origin, b->origin, sizeof(about.origin));
    source_document(&s, "base", &about, NULL, &text);
    snprintf(path, sizeof(path), "%s/template.json", b->dir);
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write(fd, text.data, text.size) == (ssize_t)text.size && syncfs(fd) == 0;
    return ok || FAIL(b->fault, "cannot write %.300s: %s", path, strerror(errno));
}

/* A real directory of that name was not built here. While it is in use it must stay where it is. */
static bool publish_template(const build *b) {
    struct stat old;
    bool exists = lstat(b->name, &old) == 0, is_dir = exists && S_ISDIR(old.st_mode);
    WRN_AUTO(wrn_fd_close) int claimed = is_dir ? claim(b->name) : -1;
    if (is_dir && claimed < 0)
        return FAIL(b->fault, "the template \"%s\" is in use; destroy its sandboxes first", b->plan->name);
    bool ok = symlink(strrchr(b->dir, '/') + 1, b->link) == 0 &&
              syscall(SYS_renameat2, AT_FDCWD, b->link, AT_FDCWD, b->name, exists ? EXCHANGE : 0) == 0;
    return ok || FAIL(b->fault, "cannot make %.300s: %s", b->name, strerror(errno));
}

static bool make_template(build *b) {
    if (!mkdtemp(b->dir)) return FAIL(b->fault, "cannot make %.300s: %s", b->dir, strerror(errno));
    snprintf(b->tree, sizeof(b->tree), "%s/rootfs", b->dir);
    if (mkdir(b->tree, 0755) != 0) return FAIL(b->fault, "cannot make %.300s: %s", b->tree, strerror(errno));
    return fill_template(b) && run_unpacker(b, "finish", -1, NULL) && write_template_document(b) &&
           backends_finish_template(b->dir, &(wrn_root){.tree = b->tree}, b->fault) && !pipeline_stopped &&
           publish_template(b);
}

static bool is_free(const build *b) {
    struct stat info;
    if (strcmp(b->plan->name, MINIMAL) == 0)
        return FAIL(b->fault, "the template \"" MINIMAL "\" is built in; choose another name");
    if (b->plan->replace || lstat(b->name, &info) != 0) return true;
    return FAIL(b->fault, "there is a template \"%s\"; choose another name, remove it, or replace it with --replace",
                b->plan->name);
}

static bool build_template(build *b) {
    WRN_AUTO(wrn_fd_close) int lock = lock_templates(b->templates, b->fault);
    if (lock < 0) return false;
    sweep_templates(b->templates);
    pipeline_begin();
    bool ok = is_free(b) && make_template(b);
    if (!ok && pipeline_stopped) wrn_fault_set(b->fault, WRN_FAULT_INTERNAL_ERROR, "interrupted; nothing was changed");
    sweep_templates(b->templates); /* the replaced template, or the failed one */
    pipeline_end();
    return ok;
}

bool wrn_template_build(const wrn_backend_config *config, const wrn_template_plan *plan, wrn_buf *said,
                        wrn_fault *fault) {
    build b = {plan, config->unpack_path, config->template_dir, .said = said, .fault = fault};
    if (!plan->suite && !plan->tar && !plan->dir && !plan->oci) {
        if (strcmp(plan->name, "code-interpreter") == 0) return interpreter_build(config->template_dir, said, fault);
        return wrn_fault_set(
                   fault, WRN_FAULT_NOT_FOUND,
                   "no source for \"%s\": give --mmdebstrap, --tar, --dir or --oci; only code-interpreter needs none",
                   plan->name),
               false;
    }
    umask(022);
    if (strlen(b.templates) > 3900 || make_path(b.templates, 0700) != 0)
        return FAIL(fault, "cannot make %.300s: %s", b.templates, strerror(errno));
    snprintf(b.name, sizeof(b.name), "%s/%s", b.templates, plan->name);
    snprintf(b.link, sizeof(b.link), "%s/" OURS "link", b.templates);
    snprintf(b.dir, sizeof(b.dir), "%s/" OURS "%s-XXXXXX", b.templates, plan->name);
    if (!build_template(&b)) return false;
    if (*b.user && !plan->user)
        wrn_buf_printf(said, "commands run as \"%s\", as in the image; --user names another user\n", b.user);
    wrn_buf_printf(said, "made the template %s in %s\n", plan->name, b.name);
    return true;
}

/* ---- removing and listing ---- */

static bool retire(const char *templates, const char *path, const char *name, wrn_fault *fault) {
    char aside[PATH_MAX];
    if (unlink(path) == 0) return true; /* the link */
    if (errno == ENOENT) return FAIL(fault, "there is no template \"%s\"; wrennd template list shows all", name);
    WRN_AUTO(wrn_fd_close) int claimed = claim(path);
    if (claimed < 0) return FAIL(fault, "the template \"%s\" is in use; destroy its sandboxes first", name);
    snprintf(aside, sizeof(aside), "%s/" OURS "%s-XXXXXX", templates, name);
    bool ok = mkdtemp(aside) && rename(path, aside) == 0;
    return ok || FAIL(fault, "cannot remove %.300s: %s", path, strerror(errno));
}

bool wrn_template_remove(const wrn_backend_config *config, const char *name, wrn_buf *said, wrn_fault *fault) {
    char path[PATH_MAX];
    const char *templates = config->template_dir;
    if (strcmp(name, MINIMAL) == 0) return FAIL(fault, "the template \"" MINIMAL "\" is built in and can't be removed");
    if (strlen(templates) > 3900 || access(templates, F_OK) != 0)
        return FAIL(fault, "there is no template \"%s\", and no directory %.300s", name, templates);
    snprintf(path, sizeof(path), "%s/%s", templates, name);
    WRN_AUTO(wrn_fd_close) int lock = lock_templates(templates, fault);
    if (lock < 0 || !retire(templates, path, name, fault)) return false;
    sweep_templates(templates);
    wrn_buf_printf(said, "removed the template %s\n", name);
    return true;
}
