/* Disks of templates: each is one file beside the template's tree, made when the template is built, and by `wrennd vm setup` for those
 * that are there already. It is replaced as a whole, so that machines keep the one they have. */
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/backend/vm/internal.h"

#define DISK "disk.squashfs"

enum { FIRST_PERSON = 1000, LAST_PERSON = 60000, PEOPLE_MAX = 16, ACCOUNTS_SIZE = 64 << 10 };

int template_disk_open(const wrn_box_spec *spec, const wrn_root *root, wrn_fault *fault) {
    char path[PATH_MAX + 32];
    snprintf(path, sizeof(path), "%.4000s/../" DISK, root->tree);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) return fd;
    return wrn_fault_set(fault, WRN_FAULT_CONFLICT,
                         "the template \"%.64s\" has no disk for virtual machines (%s): run wrennd vm setup, or build "
                         "the template again",
                         spec->template_name, strerror(errno));
}

/* ---- owners, where they are lost ---- */

typedef struct people {
    char text[PEOPLE_MAX][128];
    size_t count;
} people;

static bool is_plain(const char *path) {
    if (*path != '/' || !path[1]) return false;
    for (const char *at = path; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("/._-", *at)) return false;
    return true;
}

static void add_person(people *all, char *line) {
    char *fields[6];
    size_t count = 0;
    for (char *at = line; count < WRN_COUNT(fields) && at; count++) fields[count] = strsep(&at, ":");
    if (count < WRN_COUNT(fields) || all->count == PEOPLE_MAX) return;
    long uid = strtol(fields[2], NULL, 10), gid = strtol(fields[3], NULL, 10);
    if (uid < FIRST_PERSON || uid > LAST_PERSON || gid < 0 || gid > LAST_PERSON || !is_plain(fields[5])) return;
    snprintf(all->text[all->count++], sizeof(all->text[0]), "guid(%ld,%ld)@subpathname(%.90s)", uid, gid,
             fields[5] + 1);
}

/* All files of a template that an ordinary user has built belong to that user. On the disk they are root's, but for those in the homes
 * of people. */
static void find_people(const char *tree, people *all) {
    char path[PATH_MAX + 16];
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    snprintf(path, sizeof(path), "%.4000s/etc/passwd", tree);
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, wrn_buf_reserve(&text, ACCOUNTS_SIZE), ACCOUNTS_SIZE - 1);
    if (got <= 0) return;
    text.data[got] = '\0';
    for (char *save, *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        add_person(all, line);
}

/* ---- making one ---- */

static bool make_disk(const wrn_root *root, const char *at, wrn_fault *fault) {
    people all = {.count = 0};
    const char *argv[16 + 2 * PEOPLE_MAX] = {"mksquashfs", root->tree,     at,      "-noappend",
                                             "-quiet",     "-no-progress", "-comp", "lz4"};
    size_t count = 8;
    if (geteuid() != 0) {
        argv[count++] = "-action";
        argv[count++] = "guid(0,0)@true";
        find_people(root->tree, &all);
    }
    for (size_t i = 0; i < all.count; i++) {
        argv[count++] = "-action";
        argv[count++] = all.text[i];
    }
    return vm_run(argv, "squashfs-tools", fault);
}

bool vm_finish_template(const wrn_backend_config *config, const char *dir, const wrn_root *root, wrn_fault *fault) {
    char set_up[PATH_MAX], fresh[PATH_MAX], path[PATH_MAX];
    wrn_fault none;
    if (setup_find(config, set_up, &none) != 0) return true; /* vm setup makes it later */
    snprintf(fresh, sizeof(fresh), "%.4000s/.new-" DISK, dir);
    snprintf(path, sizeof(path), "%.4000s/" DISK, dir);
    unlink(fresh);
    if (!make_disk(root, fresh, fault)) return unlink(fresh), false;
    if (rename(fresh, path) == 0) return true;
    return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot write %.300s: %s", path, strerror(errno)), false;
}
