/* Making and removing templates of the operator.
 *
 * A built template is a directory .wrennd-NAME-XXXXXX, and NAME is a link to it: so it is there, and replaced, in one step,
 * and sandboxes made from the old one keep it under its own path. Directories of that form which no link leads to and
 * no sandbox holds are removed by whoever builds or removes next; nobody else does, for there is one lock. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/lock.h"
#include "base/tree.h"
#include "server/templates/catalog.h"
#include "server/templates/interpreter.h"
#include "server/templates/oci.h"
#include "server/templates/pipeline.h"
#include "server/trees.h"

#define OURS ".wrennd-"
enum { EXCHANGE = 2 }; /* RENAME_EXCHANGE, which <linux/fs.h> has with too much beside it */

typedef struct build {
    const wrn_template_plan *plan;
    const char *unpacker, *templates;
    char dir[PATH_MAX], tree[PATH_MAX + 16], name[PATH_MAX], link[PATH_MAX];
    char origin[128], user[OCI_USER_SIZE]; /* user: the image's; "" for none */
    wrn_buf *said;
    wrn_fault *fault;
} build;

__attribute__((format(printf, 2, 3))) static bool fails(wrn_fault *fault, const char *format, ...) {
    char text[sizeof(fault->message)];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "%s", text);
    return false;
}

/* ---- what is no longer needed ---- */

static bool is_ours(const char *name) { return strncmp(name, OURS, strlen(OURS)) == 0; }

static bool is_linked(const char *templates, const char *wanted) {
    DIR *dir = opendir(templates);
    bool found = false;
    for (struct dirent *entry; dir && !found && (entry = readdir(dir));) {
        char target[300];
        ssize_t size = is_ours(entry->d_name) ? -1 : readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
        if (size > 0) target[size] = '\0';
        found = size > 0 && strcmp(target, wanted) == 0;
    }
    if (dir) closedir(dir);
    return found || !dir;
}

/* Locked, so that no sandbox is made from it any more; -1 when there are some. */
static int claim(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

static void sweep_one(const char *templates, const char *name) {
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", templates, name) >= sizeof(path)) return;
    if (unlink(path) == 0 || is_linked(templates, name)) return;
    int fd = claim(path);
    if (fd < 0) return;
    wrn_tree_remove(path);
    close(fd);
}

static int is_sweepable(const struct dirent *entry) {
    return is_ours(entry->d_name) && strcmp(entry->d_name, OURS "lock") != 0;
}

static void sweep_templates(const char *templates) {
    struct dirent **entries = NULL;
    int count = scandir(templates, &entries, is_sweepable, alphasort);
    for (int i = 0; i < count; i++) {
        sweep_one(templates, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

static int lock_templates(const char *templates, wrn_fault *fault) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/" OURS "lock", templates);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && wrn_lock_take(fd)) return fd;
    if (fd >= 0 && errno == EAGAIN)
        fails(fault, "another build is under way in %.300s; try again when it has ended", templates);
    else fails(fault, "cannot lock %.300s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
}

/* ---- the sources ---- */

static bool unpack(build *b, const char *mode, int in, const char *const *from) {
    if (pipeline_run(b->unpacker, mode, b->tree, in, from, b->said, b->fault)) return true;
    wrn_fault why = *b->fault;
    return fails(b->fault, "cannot build from %s: %.300s", b->origin, why.message);
}

static bool from_tar(build *b) {
    const char *path = b->plan->tar;
    bool from_stdin = strcmp(path, "-") == 0;
    int fd = from_stdin ? 0 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fails(b->fault, "cannot open %.300s: %s", path, strerror(errno));
    snprintf(b->origin, sizeof(b->origin), "tar %s", path);
    bool ok = unpack(b, "archive", fd, NULL);
    if (!from_stdin) close(fd);
    return ok;
}

/* Through the host's tar: what goes into a template comes in one way only. */
static bool from_dir(build *b) {
    char from[PATH_MAX], to[PATH_MAX];
    struct stat info;
    const char *const tar[] = {"tar", "--create", "--sparse", "--numeric-owner", "--directory", from, ".", NULL};
    if (!realpath(b->plan->dir, from) || stat(from, &info) != 0 || !S_ISDIR(info.st_mode))
        return fails(b->fault, "%.300s is not a directory", b->plan->dir);
    size_t size = strlen(from);
    bool is_above = realpath(b->templates, to) && strncmp(to, from, size) == 0 && (to[size] == '/' || !to[size]);
    if (is_above || size == 1)
        return fails(b->fault, "the templates in %.200s are themselves below %.200s", b->templates, b->plan->dir);
    snprintf(b->origin, sizeof(b->origin), "directory %s", from);
    return unpack(b, "archive", -1, tar);
}

static bool from_mmdebstrap(build *b) {
    const wrn_template_plan *plan = b->plan;
    char include[4096];
    const char *argv[8] = {"mmdebstrap", "--variant=minbase", "--format=tar"};
    size_t count = 3;
    if (plan->include) {
        if ((size_t)snprintf(include, sizeof(include), "--include=%s", plan->include) >= sizeof(include))
            return fails(b->fault, "--include has over %zu characters", sizeof(include));
        argv[count++] = include;
    }
    argv[count++] = "--";
    argv[count++] = plan->suite;
    argv[count++] = "-";
    if (plan->mirror) argv[count++] = plan->mirror;
    snprintf(b->origin, sizeof(b->origin), "mmdebstrap %s", plan->suite);
    if (unpack(b, "archive", -1, argv)) return true;
    wrn_fault why = *b->fault;
    if (geteuid() != 0 && strstr(why.message, "ended with status"))
        fails(b->fault,
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
        return fails(b->fault, "cannot build from %s: %s", b->origin, why);
    memcpy(b->user, image.user, sizeof(b->user));
    for (size_t i = 0; i < image.count; i++) {
        int fd = oci_open_blob(dir, &image.layers[i], &pipeline_stopped, why);
        if (fd < 0) return fails(b->fault, "cannot build from %s: %s", b->origin, why);
        bool ok = unpack(b, "layer", fd, NULL);
        close(fd);
        if (!ok) return false;
    }
    return true;
}

static bool fill(build *b) {
    const wrn_template_plan *plan = b->plan;
    return plan->tar ? from_tar(b) : plan->dir ? from_dir(b) : plan->oci ? from_oci(b) : from_mmdebstrap(b);
}

/* ---- from a tree to a template ---- */

static bool write_document(const build *b) {
    static const atomic_bool never;
    const wrn_template_plan *plan = b->plan;
    source s = {.start_port = (uint16_t)plan->start_port,
                .start_early = plan->start_early,
                .default_user = plan->user ? plan->user
                                : *b->user ? b->user
                                           : NULL};
    char path[PATH_MAX + 32];
    if (plan->start) s.start[0] = "/bin/sh", s.start[1] = "-c", s.start[2] = plan->start;
    WRN_AUTO(wrn_json_freep) wrn_json *document = source_document(&s, "base");
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_json_set_string(document, "origin", b->origin);
    wrn_json_set_int(document, "vcpus", plan->vcpus);
    wrn_json_set_int(document, "memory_mb", plan->memory_mb);
    wrn_json_set_int(document, "size_bytes", disk_bytes(b->tree, &never));
    wrn_json_write(document, &text);
    wrn_buf_putc(&text, '\n');
    snprintf(path, sizeof(path), "%s/template.json", b->dir);
    int fd = text.failed ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write(fd, text.data, text.size) == (ssize_t)text.size && syncfs(fd) == 0;
    if (fd >= 0) close(fd);
    return ok || fails(b->fault, "cannot write %.300s: %s", path, strerror(errno));
}

/* A directory that was there before is not one of ours, and in use it must stay where it is. */
static bool publish(const build *b) {
    struct stat old;
    bool exists = lstat(b->name, &old) == 0, is_dir = exists && S_ISDIR(old.st_mode);
    int claimed = is_dir ? claim(b->name) : -1;
    if (is_dir && claimed < 0)
        return fails(b->fault, "the template \"%s\" is in use; destroy its sandboxes first", b->plan->name);
    bool ok = symlink(strrchr(b->dir, '/') + 1, b->link) == 0 &&
              syscall(SYS_renameat2, AT_FDCWD, b->link, AT_FDCWD, b->name, exists ? EXCHANGE : 0) == 0;
    int saved = errno;
    if (claimed >= 0) close(claimed);
    return ok || fails(b->fault, "cannot make %.300s: %s", b->name, strerror(saved));
}

static bool make_template(build *b) {
    if (!mkdtemp(b->dir)) return fails(b->fault, "cannot make %.300s: %s", b->dir, strerror(errno));
    snprintf(b->tree, sizeof(b->tree), "%s/rootfs", b->dir);
    if (mkdir(b->tree, 0755) != 0) return fails(b->fault, "cannot make %.300s: %s", b->tree, strerror(errno));
    return fill(b) && unpack(b, "finish", -1, NULL) && write_document(b) && !pipeline_stopped && publish(b);
}

static bool is_free(const build *b) {
    struct stat info;
    if (strcmp(b->plan->name, MINIMAL) == 0)
        return fails(b->fault, "the template \"" MINIMAL "\" is made from the host; choose another name");
    if (b->plan->replace || lstat(b->name, &info) != 0) return true;
    return fails(b->fault, "there is a template \"%s\"; choose another name, remove it, or replace it with --replace",
                 b->plan->name);
}

static bool build_template(build *b) {
    int lock = lock_templates(b->templates, b->fault);
    if (lock < 0) return false;
    sweep_templates(b->templates);
    pipeline_begin();
    bool ok = is_free(b) && make_template(b);
    if (!ok && pipeline_stopped) fails(b->fault, "interrupted; nothing is left of it");
    sweep_templates(b->templates); /* what was replaced, or else what failed */
    pipeline_end();
    close(lock);
    return ok;
}

bool wrn_template_build(const wrn_backend_config *config, const wrn_template_plan *plan, wrn_buf *said,
                        wrn_fault *fault) {
    build b = {plan, config->unpack_path, config->template_dir, .said = said, .fault = fault};
    if (!plan->suite && !plan->tar && !plan->dir && !plan->oci) {
        if (strcmp(plan->name, "code-interpreter") == 0) return interpreter_build(config->template_dir, said, fault);
        wrn_fault_set(fault, WRN_FAULT_NOT_FOUND,
                      "what to build \"%s\" from? give --mmdebstrap, --tar, --dir or --oci; without them there is "
                      "code-interpreter only",
                      plan->name);
        return false;
    }
    umask(022);
    if (strlen(b.templates) > 3900 || make_path(b.templates, 0700) != 0)
        return fails(fault, "cannot make %.300s: %s", b.templates, strerror(errno));
    snprintf(b.name, sizeof(b.name), "%s/%s", b.templates, plan->name);
    snprintf(b.link, sizeof(b.link), "%s/" OURS "link", b.templates);
    snprintf(b.dir, sizeof(b.dir), "%s/" OURS "%s-XXXXXX", b.templates, plan->name);
    if (!build_template(&b)) return false;
    if (*b.user && !plan->user)
        wrn_buf_printf(said, "commands run as \"%s\", as the image says; --user names another\n", b.user);
    wrn_buf_printf(said, "made the template %s in %s\n", plan->name, b.name);
    return true;
}

/* ---- removing and listing ---- */

static bool retire(const char *templates, const char *path, const char *name, wrn_fault *fault) {
    char aside[PATH_MAX];
    if (unlink(path) == 0) return true; /* the link */
    if (errno == ENOENT) return fails(fault, "there is no template \"%s\"; wrennd template list shows all", name);
    int claimed = claim(path);
    if (claimed < 0) return fails(fault, "the template \"%s\" is in use; destroy its sandboxes first", name);
    snprintf(aside, sizeof(aside), "%s/" OURS "%s-XXXXXX", templates, name);
    bool ok = mkdtemp(aside) && rename(path, aside) == 0;
    int saved = errno;
    close(claimed);
    return ok || fails(fault, "cannot remove %.300s: %s", path, strerror(saved));
}

bool wrn_template_remove(const wrn_backend_config *config, const char *name, wrn_buf *said, wrn_fault *fault) {
    char path[PATH_MAX];
    const char *templates = config->template_dir;
    if (strcmp(name, MINIMAL) == 0) return fails(fault, "the template \"" MINIMAL "\" is always there");
    if (strlen(templates) > 3900 || access(templates, F_OK) != 0)
        return fails(fault, "there is no template \"%s\", for there is no directory %.300s", name, templates);
    snprintf(path, sizeof(path), "%s/%s", templates, name);
    int lock = lock_templates(templates, fault);
    bool ok = lock >= 0 && retire(templates, path, name, fault);
    if (ok) sweep_templates(templates);
    if (lock >= 0) close(lock);
    if (ok) wrn_buf_printf(said, "removed the template %s\n", name);
    return ok;
}
