/* wrenn-unpack: unpacks an archive from standard input into the current directory, which becomes a root file system.
 *
 *     wrenn-unpack archive|layer|finish keep|squash
 *
 * `archive` unpacks a tar file, compressed or not; `layer` applies one layer of an OCI image, from a file; `finish`
 * checks the result and adds what every sandbox needs. `keep` keeps owners, `squash` makes the caller own everything.
 *
 * Archives are not trusted. wrennd starts this program in new namespaces. Before it reads anything, the directory
 * becomes its root and it gives up all privileges outside (see jail.h), so that no name, link or bug of libarchive
 * reaches other files. This is why it is a program of its own; also, wrennd does not have to link libarchive. It does
 * not restore devices (a sandbox has its own /dev), set-id bits of files, and extended attributes, with file
 * capabilities: in a sandbox they have no effect, and outside they are dangerous. */
#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/tree.h"
#include "server/templates/jail.h"

#define NO_TAR "it is not a whole tar archive, plain or packed by gzip, bzip2, xz or zstd"

enum { OWNER_MAX = 65535, PATH_SIZE = 4096 };

/* ---- reading ---- */

static struct archive *open_input(void) {
    struct archive *in = archive_read_new();
    if (!in) fail("out of memory");
    archive_read_support_format_tar(in);
    archive_read_support_filter_gzip(in);
    archive_read_support_filter_bzip2(in);
    archive_read_support_filter_xz(in);
    archive_read_support_filter_zstd(in);
    if (archive_read_open_fd(in, 0, 65536) != ARCHIVE_OK) fail(NO_TAR ": %s", archive_error_string(in));
    return in;
}

/* Whether the path leads only down from here. */
static bool is_inside(const char *path) {
    if (*path == '/') return false;
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) return false;
    }
    return true;
}

/* Reads the next entry. Returns its name without trailing slashes; NULL at the end. */
static const char *next(struct archive *in, struct archive_entry **entry) {
    static char name[PATH_SIZE];
    int rc = archive_read_next_header(in, entry);
    if (rc == ARCHIVE_EOF) return NULL;
    if (rc < ARCHIVE_WARN) fail(NO_TAR ": %s", archive_error_string(in));
    const char *path = archive_entry_pathname(*entry), *link = archive_entry_hardlink(*entry);
    size_t size = path ? strlen(path) : 0;
    if (!size) fail("an entry has no usable name");
    if (size >= sizeof(name)) fail("a name is too long: %.100s...", path);
    if (!is_inside(path)) fail("the name \"%s\" leads out of the root file system", path);
    if (link && !is_inside(link)) fail("\"%s\" is a hard link that leads out, to \"%s\"", path, link);
    while (size > 1 && path[size - 1] == '/') size--;
    memcpy(name, path, size);
    name[size] = '\0';
    return name;
}

/* ---- layers ---- */

#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"

static const char *whiteout_of(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return strncmp(name, WHITEOUT, strlen(WHITEOUT)) == 0 ? name : NULL;
}

static void remove_tree(const char *path) {
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR) return;
    if (!wrn_tree_remove(path)) fail("cannot remove \"%s\": %s", path, strerror(errno));
}

static void clear_dir(const char *path) {
    WRN_AUTO(wrn_dir_close) DIR *dir = opendir(path);
    for (struct dirent *found; (found = wrn_dir_next(dir));) {
        char child[PATH_SIZE + 256];
        snprintf(child, sizeof(child), "%s/%s", path, found->d_name);
        remove_tree(child);
    }
}

static void apply_whiteout(const char *path, const char *name) {
    char target[PATH_SIZE];
    int dir_size = (int)(name - path);
    const char *hidden = name + strlen(WHITEOUT);
    if (strcmp(name, OPAQUE) == 0) {
        snprintf(target, sizeof(target), "%.*s.", dir_size, path);
        clear_dir(target);
        return;
    }
    if (!*hidden || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
        fail("the whiteout \"%s\" names nothing that can be removed", path);
    if (strncmp(hidden, WHITEOUT, strlen(WHITEOUT)) == 0) return; /* reserved for other systems */
    snprintf(target, sizeof(target), "%.*s%s", dir_size, path, hidden);
    remove_tree(target);
}

/* First of all, wherever they are in the layer, because they hide files of lower layers, not of this one. */
static void apply_whiteouts(void) {
    struct archive *in = open_input();
    struct archive_entry *entry;
    for (const char *path; (path = next(in, &entry));) {
        const char *name = whiteout_of(path);
        if (name) apply_whiteout(path, name);
    }
    archive_read_free(in);
    if (lseek(0, 0, SEEK_SET) != 0) fail("a layer must be in a file: %s", strerror(errno));
}

/* ---- writing ---- */

/* Removes a directory in the way of a file, and the reverse. libarchive replaces other files. */
static void clear_path(const char *path, bool is_dir) {
    struct stat there, root;
    if (lstat(path, &there) != 0 || S_ISDIR(there.st_mode) == is_dir) return;
    if (stat("/", &root) == 0 && is_same(&there, &root)) fail("\"%s\" replaces the root directory by a file", path);
    remove_tree(path);
}

static void check_owner(struct archive_entry *entry, const char *path) {
    int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);
    if (uid >= 0 && uid <= OWNER_MAX && gid >= 0 && gid <= OWNER_MAX) return;
    fail("\"%s\" belongs to user %lld and group %lld, but a sandbox has only 0 to %d", path, (long long)uid,
         (long long)gid, OWNER_MAX);
}

static void copy_data(struct archive *in, struct archive *out, const char *path) {
    const void *data;
    size_t size;
    la_int64_t offset;
    int rc;
    while ((rc = archive_read_data_block(in, &data, &size, &offset)) == ARCHIVE_OK)
        if (archive_write_data_block(out, data, size, offset) < 0)
            fail("cannot write \"%s\": %s", path, archive_error_string(out));
    if (rc != ARCHIVE_EOF) fail("the archive is damaged at \"%s\": %s", path, archive_error_string(in));
}

static void write_entry(struct archive *in, struct archive *out, struct archive_entry *entry, const char *path) {
    bool is_dir = archive_entry_filetype(entry) == AE_IFDIR && !archive_entry_hardlink(entry);
    archive_entry_set_perm(entry, archive_entry_perm(entry) & (is_dir ? 03777 : 01777));
    clear_path(path, is_dir);
    if (archive_write_header(out, entry) != ARCHIVE_OK) fail("cannot make \"%s\": %s", path, archive_error_string(out));
    copy_data(in, out, path);
    if (archive_write_finish_entry(out) != ARCHIVE_OK)
        fail("cannot finish \"%s\": %s", path, archive_error_string(out));
}

static bool is_special(struct archive_entry *entry) {
    unsigned type = archive_entry_filetype(entry);
    return !archive_entry_hardlink(entry) && (type == AE_IFCHR || type == AE_IFBLK || type == AE_IFSOCK);
}

/* In an archive of a whole tree, no name leads through a link. In a layer it may, and the link is followed inside. */
static void unpack(bool is_layer, bool keep) {
    struct archive *in = open_input(), *out = archive_write_disk_new();
    struct archive_entry *entry;
    size_t devices = 0;
    if (!out) fail("out of memory");
    archive_write_disk_set_options(out, ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
                                            (keep ? ARCHIVE_EXTRACT_OWNER : 0) |
                                            (is_layer ? 0 : ARCHIVE_EXTRACT_SECURE_SYMLINKS));
    for (const char *path; (path = next(in, &entry));) {
        if (is_layer && whiteout_of(path)) continue;
        if (keep) check_owner(entry, path);
        if (is_special(entry)) devices++;
        else write_entry(in, out, entry, path);
    }
    if (archive_write_free(out) != ARCHIVE_OK) fail("cannot finish: %s", strerror(errno));
    archive_read_free(in);
    if (devices) printf("left out: %zu devices and sockets; a sandbox has its own /dev\n", devices);
}

/* ---- the whole ---- */

static bool has(const char *dir, const char *name) {
    char path[PATH_SIZE];
    struct stat info;
    return snprintf(path, sizeof(path), "/%s/%s", dir, name) > 0 && lstat(path, &info) == 0;
}

static void check_top(void) {
    char only[256] = "";
    size_t count = 0;
    WRN_AUTO(wrn_dir_close) DIR *top = opendir("/");
    for (struct dirent *found; (found = wrn_dir_next(top));) {
        snprintf(only, sizeof(only), "%s", found->d_name);
        count++;
    }
    if (!count) fail("it is empty");
    if (count == 1 && (has(only, "bin") || has(only, "etc")) && strcmp(only, "usr") != 0)
        fail("the root file system is below \"%s\"; give what is in that directory", only);
}

static void finish_root(void) {
    static const struct {
        const char *path;
        mode_t mode;
    } dirs[] = {{"/dev", 0755}, {"/proc", 0755}, {"/etc", 0755}, {"/run", 0755}, {"/root", 0700}, {"/tmp", 01777}};
    check_top();
    for (size_t i = 0; i < WRN_COUNT(dirs); i++) {
        struct stat info;
        if (mkdir(dirs[i].path, 0755) == 0 ? chmod(dirs[i].path, dirs[i].mode) != 0 : errno != EEXIST)
            fail("cannot make %s: %s", dirs[i].path, strerror(errno));
        if (i < 2 && (lstat(dirs[i].path, &info) != 0 || !S_ISDIR(info.st_mode)))
            fail("%s must be a directory", dirs[i].path);
    }
    if (access("/bin/sh", X_OK) != 0) printf("warning: it has no /bin/sh, so shell commands can't run\n");
}

int main(int argc, char **argv) {
    const char *what = argc == 3 ? argv[1] : "";
    bool keep = argc == 3 && strcmp(argv[2], "keep") == 0;
    bool is_layer = strcmp(what, "layer") == 0;
    if (!is_layer && strcmp(what, "archive") != 0 && strcmp(what, "finish") != 0)
        fail("usage: wrenn-unpack archive|layer|finish keep|squash\n");
    jail_enter(keep);
    if (is_layer) apply_whiteouts();
    if (strcmp(what, "finish") == 0) finish_root();
    else unpack(is_layer, keep);
    fflush(stdout);
    _exit(0); /* a leak checker would need /proc */
}
