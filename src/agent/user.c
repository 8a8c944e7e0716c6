/* Reads the sandbox's /etc/passwd and /etc/group itself: getpwnam() would load name service modules of the sandbox into this
 * process. */
#include "agent/user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILE_LIMIT = 1 << 20, FIELDS = 7 };
enum { NAME, PASSWORD, ID, GID, MEMBERS = GID, GECOS, HOME };

int open_regular(int dir, const char *name) {
    struct stat info;
    if (fstatat(dir, name, &info, 0) != 0) return -1;
    if (S_ISREG(info.st_mode)) {
        int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 || (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))) return fd;
        close(fd);
    }
    errno = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
    return -1;
}

bool read_text(const char *path, char *out, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, out, size - 1);
    if (fd >= 0) close(fd);
    out[got > 0 ? got : 0] = '\0';
    return got > 0;
}

bool read_small_file(const char *path, wrn_buf *out) {
    *out = WRN_BUF_LIMITED(FILE_LIMIT);
    int fd = open_regular(AT_FDCWD, path);
    ssize_t got = fd < 0 ? -1 : 0;
    for (char *at; fd >= 0 && (at = wrn_buf_reserve(out, 4096)) && (got = read(fd, at, 4096)) > 0;)
        out->size += (size_t)got;
    if (fd >= 0) close(fd);
    if (got < 0 || out->failed || !out->data) return wrn_buf_free(out), false;
    out->data[out->size] = '\0';
    return true;
}

/* ---- "name:x:id:..." lines ---- */

/* Splits the next line into fields in place; NULL after the last line. */
static char *user_next_line(char *at, char *fields[FIELDS]) {
    if (!*at) return NULL;
    char *end = strchrnul(at, '\n'), *next = end + (*end != '\0');
    *end = '\0';
    for (int i = 0; i < FIELDS; i++) {
        fields[i] = at;
        char *colon = strchrnul(at, ':');
        at = colon + (*colon != '\0');
        *colon = '\0';
    }
    return next;
}

static bool read_id(const char *text, uint32_t *id) {
    char *end;
    if (*text < '0' || *text > '9') return false;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*end || errno || number >= UINT32_MAX) return false; /* the largest one means "none" */
    *id = (uint32_t)number;
    return true;
}

/* Finds the line with that name, else the one with that id. Writes NULs into `text`. */
static bool find_line(wrn_buf *text, const char *wanted, char *found[FIELDS]) {
    uint32_t number, id;
    bool by_id = read_id(wanted, &number), known = false;
    char *fields[FIELDS];
    for (char *at = text->data; at && (at = user_next_line(at, fields));) {
        if (!*fields[NAME] || !read_id(fields[ID], &id)) continue;
        bool same = strcmp(fields[NAME], wanted) == 0;
        if (same || (by_id && !known && id == number)) memcpy(found, fields, FIELDS * sizeof(*found)), known = true;
        if (same) break;
    }
    return known;
}

static bool is_member(char *members, const char *name) {
    char *rest = members;
    for (const char *one; (one = strsep(&rest, ","));)
        if (strcmp(one, name) == 0) return true;
    return false;
}

static void add_groups(account *u) {
    wrn_buf text;
    char *fields[FIELDS];
    uint32_t id;
    if (!read_small_file("/etc/group", &text)) return;
    for (char *at = text.data; u->group_count < GROUPS_MAX && (at = user_next_line(at, fields));)
        if (read_id(fields[ID], &id) && id != u->gid && is_member(fields[MEMBERS], u->name))
            u->groups[u->group_count++] = id;
    wrn_buf_free(&text);
}

static bool find_group(const char *name, gid_t *gid) {
    wrn_buf text;
    char *fields[FIELDS];
    uint32_t id;
    bool known = read_small_file("/etc/group", &text) && find_line(&text, name, fields) && read_id(fields[ID], &id);
    wrn_buf_free(&text);
    known = known || read_id(name, &id);
    if (known) *gid = id;
    return known;
}

/* An id without a name is accepted: as usual in containers, its group is 0 and its home directory "/". */
static bool find_name(const char *name, account *u) {
    wrn_buf text;
    char *fields[FIELDS];
    bool known = read_small_file("/etc/passwd", &text) && find_line(&text, name, fields);
    const char *login = known ? fields[NAME] : name, *home = known && *fields[HOME] == '/' ? fields[HOME] : "/";
    bool ok = read_id(known ? fields[ID] : name, &u->uid) &&
              (size_t)snprintf(u->name, sizeof(u->name), "%s", login) < sizeof(u->name) &&
              (size_t)snprintf(u->home, sizeof(u->home), "%s", home) < sizeof(u->home);
    if (known && !read_id(fields[GID], &u->gid)) ok = false;
    wrn_buf_free(&text);
    return ok;
}

int user_find(const char *who, account *u) {
    char name[USER_NAME_MAX];
    size_t size = strcspn(who, ":");
    *u = (account){.has_group = who[size] == ':'};
    if (!size || size >= sizeof(name)) return ENOENT;
    memcpy(name, who, size);
    name[size] = '\0';
    if (!find_name(name, u)) return ENOENT;
    if (u->has_group) return find_group(who + size + 1, &u->gid) ? 0 : ENOENT;
    add_groups(u);
    return 0;
}

/* ---- becoming one ---- */

/* Whether the id exists in this user namespace. The file has lines of "inside outside count". */
static bool is_mapped(const char *map, uint32_t id) {
    FILE *file = fopen(map, "re");
    unsigned first, outside, count;
    bool mapped = false;
    while (file && !mapped && fscanf(file, "%u %u %u", &first, &outside, &count) == 3)
        mapped = id >= first && id - first < count;
    if (file) fclose(file);
    return mapped;
}

static bool may_set_groups(void) {
    char text[8] = "";
    FILE *file = fopen("/proc/self/setgroups", "re");
    bool denied = file && fgets(text, sizeof(text), file) && strncmp(text, "deny", 4) == 0;
    if (file) fclose(file);
    return !denied;
}

bool user_can_be(const account *u) {
    return is_mapped("/proc/self/uid_map", u->uid) && is_mapped("/proc/self/gid_map", u->gid);
}

int user_become(const account *u) {
    /* Programs open these again, as /dev/stdout or by the terminal's name. */
    for (int fd = 0; fd < 3; fd++) {
        struct stat info;
        if (fstat(fd, &info) == 0 && (S_ISFIFO(info.st_mode) || isatty(fd))) (void)!fchown(fd, u->uid, (gid_t)-1);
    }
    if (may_set_groups() && syscall(SYS_setgroups, u->group_count, u->groups) != 0) return errno;
    if (syscall(SYS_setresgid, u->gid, u->gid, u->gid) != 0 || syscall(SYS_setresuid, u->uid, u->uid, u->uid) != 0)
        return errno;
    return 0;
}
