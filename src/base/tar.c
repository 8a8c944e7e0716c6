#include "base/tar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"

/* Records before an entry, and names in old formats, may be that long. */
enum { RECORD_MAX = 1 << 20, NAME_FIELD = 100, OCTAL_7 = 07777777 };
#define OCTAL_11 INT64_C(077777777777)
/* No time is further away, so that a second more or less does not matter. */
#define TIME_MAX (INT64_MAX / 2)

/* Where a header has its fields. */
enum {
    AT_NAME = 0,
    AT_MODE = 100,
    AT_UID = 108,
    AT_GID = 116,
    AT_SIZE = 124,
    AT_MTIME = 136,
    AT_SUM = 148,
    AT_TYPE = 156,
    AT_TARGET = 157,
    AT_MAGIC = 257,
    AT_PREFIX = 345,
    PREFIX_FIELD = 155
};

static const char note_key[] = "WRENN.note";

const char *wrn_tar_why(int error) {
    switch (error) {
    case EBADMSG: return "this is no tar archive, or a damaged one";
    case ENODATA: return "the archive breaks off";
    case ENOTSUP: return "a device, or files with holes in an old format, which can't be unpacked";
    case EXDEV: return "this leads out of the directory";
    case ESTALE: return "it became shorter while it was read";
    case E2BIG: return "too many levels of directories";
    default: return strerror(error);
    }
}

/* ---- writing ---- */

void wrn_tar_put_padding(wrn_buf *out, int64_t size) {
    static const char zeros[WRN_TAR_BLOCK];
    wrn_buf_put(out, zeros, (size_t)(-size & (WRN_TAR_BLOCK - 1)));
}

void wrn_tar_put_end(wrn_buf *out) {
    static const char zeros[2 * WRN_TAR_BLOCK];
    wrn_buf_put(out, zeros, sizeof(zeros));
}

static void put_octal(char *field, size_t size, int64_t value) {
    snprintf(field, size, "%0*llo", (int)size - 1, (unsigned long long)value);
}

static void put_block(wrn_buf *out, char type, const wrn_tar_entry *entry, int64_t size) {
    static const char magic[8] = {'u', 's', 't', 'a', 'r', '\0', '0', '0'};
    char block[WRN_TAR_BLOCK] = {0};
    unsigned sum = 0;
    memcpy(block + AT_NAME, entry->name, strnlen(entry->name, NAME_FIELD));
    put_octal(block + AT_MODE, 8, entry->mode & 07777);
    put_octal(block + AT_UID, 8, entry->uid <= OCTAL_7 ? entry->uid : 0);
    put_octal(block + AT_GID, 8, entry->gid <= OCTAL_7 ? entry->gid : 0);
    put_octal(block + AT_SIZE, 12, size <= OCTAL_11 ? size : 0);
    put_octal(block + AT_MTIME, 12,
              entry->mtime.tv_sec >= 0 && entry->mtime.tv_sec <= OCTAL_11 ? entry->mtime.tv_sec : 0);
    block[AT_TYPE] = type;
    if (entry->target) memcpy(block + AT_TARGET, entry->target, strnlen(entry->target, NAME_FIELD));
    memcpy(block + AT_MAGIC, magic, sizeof(magic));
    memset(block + AT_SUM, ' ', 8);
    for (size_t i = 0; i < sizeof(block); i++) sum += (unsigned char)block[i];
    snprintf(block + AT_SUM, 8, "%06o", sum);
    wrn_buf_put(out, block, sizeof(block));
}

/* "LENGTH KEY=VALUE\n", where the length counts itself. */
static void tar_put_record(wrn_buf *records, const char *key, const char *value) {
    size_t rest = strlen(key) + strlen(value) + 3, size = rest;
    char digits[24];
    for (size_t before = 0; before != size;) {
        before = size;
        size = rest + (size_t)snprintf(digits, sizeof(digits), "%zu", size);
    }
    wrn_buf_printf(records, "%zu %s=", size, key);
    wrn_buf_puts(records, value);
    wrn_buf_putc(records, '\n');
}

static void put_number(wrn_buf *records, const char *key, int64_t value) {
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    tar_put_record(records, key, text);
}

static void put_records(wrn_buf *out, char type, const wrn_buf *records) {
    const wrn_tar_entry head = {.name = "wrenn.pax", .mode = 0644};
    if (records->failed) out->failed = true;
    if (!records->size) return;
    put_block(out, type, &head, (int64_t)records->size);
    wrn_buf_put(out, records->data, records->size);
    wrn_tar_put_padding(out, (int64_t)records->size);
}

static void put_time(wrn_buf *records, const struct timespec *time) {
    char text[48];
    long long seconds = time->tv_sec;
    long nanoseconds = time->tv_nsec;
    if (!nanoseconds && seconds >= 0 && seconds <= OCTAL_11) return;
    bool negative = seconds < 0;
    if (negative) seconds = -seconds - (nanoseconds > 0), nanoseconds = nanoseconds ? 1000000000 - nanoseconds : 0;
    snprintf(text, sizeof(text), "%s%lld.%09ld", negative ? "-" : "", seconds, nanoseconds);
    tar_put_record(records, "mtime", text);
}

/* The extents as text, which comes before the content. */
static void put_map(wrn_buf *map, const wrn_tar_entry *entry) {
    wrn_buf_printf(map, "%zu\n", entry->extent_count);
    for (size_t i = 0; i < entry->extent_count; i++)
        wrn_buf_printf(map, "%lld\n%lld\n", (long long)entry->extents[i].offset, (long long)entry->extents[i].size);
    wrn_tar_put_padding(map, (int64_t)map->size);
}

void wrn_tar_put_head(wrn_buf *out, const wrn_tar_entry *entry) {
    WRN_AUTO(wrn_buf_free) wrn_buf records = WRN_BUF_INIT, map = WRN_BUF_INIT;
    int64_t size = entry->type == WRN_TAR_FILE ? entry->size : 0;
    put_time(&records, &entry->mtime);
    if (entry->extents) {
        put_map(&map, entry);
        size = (int64_t)map.size;
        for (size_t i = 0; i < entry->extent_count; i++) size += entry->extents[i].size;
        put_number(&records, "GNU.sparse.major", 1);
        put_number(&records, "GNU.sparse.minor", 0);
        tar_put_record(&records, "GNU.sparse.name", entry->name);
        put_number(&records, "GNU.sparse.realsize", entry->size);
    } else if (strlen(entry->name) > NAME_FIELD) {
        tar_put_record(&records, "path", entry->name);
    }
    if (entry->target && strlen(entry->target) > NAME_FIELD) tar_put_record(&records, "linkpath", entry->target);
    if (size > OCTAL_11) put_number(&records, "size", size);
    if (entry->uid > OCTAL_7) put_number(&records, "uid", entry->uid);
    if (entry->gid > OCTAL_7) put_number(&records, "gid", entry->gid);
    put_records(out, 'x', &records);
    put_block(out, entry->type, entry, size);
    if (map.failed) out->failed = true;
    wrn_buf_put(out, map.data, map.size);
}

void wrn_tar_put_note(wrn_buf *out, int error, const char *path) {
    WRN_AUTO(wrn_buf_free) wrn_buf records = WRN_BUF_INIT, text = WRN_BUF_INIT;
    wrn_buf_printf(&text, "%d ", error);
    wrn_buf_puts(&text, path);
    tar_put_record(&records, note_key, text.failed ? "" : text.data);
    put_records(out, 'g', &records);
}

/* ---- reading ---- */

void wrn_tar_reader_free(wrn_tar_reader *reader) {
    wrn_buf_free(&reader->name);
    wrn_buf_free(&reader->target);
    wrn_buf_free(&reader->record);
    free(WRN_TAKE(reader->extents));
}

static int tar_fail_with(int error) { return errno = error, -1; }

static ssize_t tar_read_some(const wrn_tar_reader *reader, void *data, size_t size) {
    ssize_t got;
    do got = read(reader->fd, data, size);
    while (got < 0 && errno == EINTR);
    return got;
}

/* 0, or -1 with errno; ENODATA at the end of the file. */
static int tar_read_all(const wrn_tar_reader *reader, void *data, size_t size) {
    for (size_t at = 0; at < size;) {
        ssize_t got = tar_read_some(reader, (char *)data + at, size - at);
        if (got <= 0) return got < 0 ? -1 : tar_fail_with(ENODATA);
        at += (size_t)got;
    }
    return 0;
}

ssize_t wrn_tar_read(wrn_tar_reader *reader, void *data, size_t size) {
    if ((uint64_t)reader->left < size) size = (size_t)reader->left;
    if (!size) return 0;
    ssize_t got = tar_read_some(reader, data, size);
    if (got == 0) return tar_fail_with(ENODATA);
    if (got > 0) reader->left -= got;
    return got;
}

static int skip_content(wrn_tar_reader *reader) {
    char chunk[8192];
    reader->left += reader->padding;
    reader->padding = 0;
    while (reader->left)
        if (wrn_tar_read(reader, chunk, sizeof(chunk)) < 0) return -1;
    return 0;
}

/* Octal, or in the manner of GNU tar binary. False when it is neither. */
static bool tar_read_field(const char *field, size_t size, int64_t *out) {
    const unsigned char *at = (const unsigned char *)field;
    uint64_t value = 0;
    if (*at & 0x80) {
        bool negative = *at & 0x40;
        if (negative ? *at != 0xff : *at != 0x80) return false;
        for (size_t i = size - 8; i-- > 1;)
            if (size > 8 && at[i] != (negative ? 0xff : 0)) return false;
        for (size_t i = size > 8 ? size - 8 : 1; i < size; i++) value = value << 8 | at[i];
        if (size == 8 && negative) value |= UINT64_C(0xff) << 56;
        *out = (int64_t)value;
        return negative == (*out < 0);
    }
    while (size && *at == ' ') at++, size--;
    for (; size && *at >= '0' && *at <= '7'; at++, size--) value = value * 8 + (*at - '0');
    *out = (int64_t)value;
    return !size || *at == ' ' || *at == '\0';
}

static bool sum_is_right(const char *block) {
    int64_t said;
    unsigned plain = 0;
    int with_sign = 0;
    for (int i = 0; i < WRN_TAR_BLOCK; i++) {
        char c = i >= AT_SUM && i < AT_SUM + 8 ? ' ' : block[i];
        plain += (unsigned char)c;
        with_sign += (signed char)c;
    }
    return tar_read_field(block + AT_SUM, 8, &said) && (said == (int64_t)plain || said == with_sign);
}

static void tar_set_text(wrn_buf *out, const char *text, size_t size) {
    wrn_buf_clear(out);
    wrn_buf_put(out, text, strnlen(text, size));
    wrn_buf_put(out, "", 0);
}

/* What records before an entry say of it. */
typedef struct said {
    bool name, target, size, uid, gid, mtime, holes, holes_name;
    int64_t real_size;
    wrn_tar_entry entry; /* its numbers */
} said;

static bool tar_read_number(const char *text, int64_t *out) {
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return !errno && end > text && !*end && *out >= 0;
}

static bool tar_read_time(const char *text, struct timespec *out) {
    char *end;
    bool negative = *text == '-';
    errno = 0;
    long long seconds = strtoll(text, &end, 10);
    long nanoseconds = 0;
    if (errno || end == text || seconds > TIME_MAX || seconds < -TIME_MAX) return false;
    if (*end == '.') {
        long unit = 100000000;
        for (end++; *end >= '0' && *end <= '9'; end++, unit /= 10) nanoseconds += unit * (*end - '0');
    }
    if (negative && nanoseconds) seconds--, nanoseconds = 1000000000 - nanoseconds;
    *out = (struct timespec){.tv_sec = seconds, .tv_nsec = nanoseconds};
    return !*end;
}

/* One record of the pax format. False: malformed. */
static bool tar_take_record(wrn_tar_reader *reader, said *s, const char *key, const char *value, size_t size) {
    bool text = strlen(value) == size;
    if (strcmp(key, "GNU.sparse.name") == 0) s->holes_name = true;
    else if (s->holes_name && strcmp(key, "path") == 0)
        return true; /* a name made up for programs that know no holes */
    wrn_buf *into = strcmp(key, "path") == 0 || strcmp(key, "GNU.sparse.name") == 0 ? &reader->name
                    : strcmp(key, "linkpath") == 0                                  ? &reader->target
                                                                                    : NULL;
    if (into) {
        tar_set_text(into, value, size);
        *(into == &reader->name ? &s->name : &s->target) = true;
        return text && !into->failed;
    }
    if (strcmp(key, "size") == 0) return s->size = true, text && tar_read_number(value, &s->entry.size);
    if (strcmp(key, "uid") == 0) return s->uid = true, text && tar_read_number(value, &s->entry.uid);
    if (strcmp(key, "gid") == 0) return s->gid = true, text && tar_read_number(value, &s->entry.gid);
    if (strcmp(key, "mtime") == 0) return s->mtime = true, text && tar_read_time(value, &s->entry.mtime);
    if (strcmp(key, "GNU.sparse.realsize") == 0) return s->holes = true, text && tar_read_number(value, &s->real_size);
    if (strcmp(key, "GNU.sparse.map") == 0 || strcmp(key, "GNU.sparse.numblocks") == 0) return errno = ENOTSUP, false;
    return true;
}

static bool tar_take_note(const wrn_tar_reader *reader, const char *value) {
    char *end;
    long error = strtol(value, &end, 10);
    if (end == value || *end != ' ' || error < 0 || error > 4095) return false;
    if (reader->note) reader->note(reader->context, (int)error, end + 1);
    return true;
}

/* The content of an entry that describes the next one, with a NUL behind it. */
static int tar_read_record(wrn_tar_reader *reader) {
    if (reader->left > RECORD_MAX) return tar_fail_with(EBADMSG);
    size_t size = (size_t)reader->left;
    wrn_buf_clear(&reader->record);
    char *data = wrn_buf_reserve(&reader->record, size + 1);
    if (!data) return tar_fail_with(ENOMEM);
    if (tar_read_all(reader, data, size) < 0) return -1;
    data[size] = '\0';
    reader->record.size = size;
    reader->left = 0;
    return skip_content(reader);
}

static int read_records(wrn_tar_reader *reader, said *s, bool global) {
    if (tar_read_record(reader) < 0) return -1;
    char *at = reader->record.data, *end = at + reader->record.size;
    while (at < end && *at) {
        char *key;
        errno = 0;
        unsigned long long size = strtoull(at, &key, 10);
        if (errno || *at < '0' || *at > '9' || *key != ' ' || size > (size_t)(end - at) || at + size < key + 3)
            return tar_fail_with(EBADMSG);
        char *stop = at + size - 1, *value = memchr(key, '=', (size_t)(stop - key));
        if (*stop != '\n' || !value) return tar_fail_with(EBADMSG);
        *stop = *value = '\0';
        key++, value++;
        errno = EBADMSG;
        bool ok = !global ? tar_take_record(reader, s, key, value, (size_t)(stop - value))
                          : strcmp(key, note_key) != 0 || tar_take_note(reader, value);
        if (!ok) return tar_fail_with(errno == ENOTSUP ? ENOTSUP : EBADMSG);
        at += size;
    }
    return 0;
}

/* One number of the map before the content of a file with holes; the map is `block` by block. */
static int read_map_number(wrn_tar_reader *reader, char block[WRN_TAR_BLOCK], size_t *at, int64_t *out) {
    char digits[24];
    for (size_t count = 0; count < sizeof(digits); count++) {
        if (*at == WRN_TAR_BLOCK) {
            if (reader->left < WRN_TAR_BLOCK) break;
            if (tar_read_all(reader, block, WRN_TAR_BLOCK) < 0) return -1;
            reader->left -= WRN_TAR_BLOCK;
            *at = 0;
        }
        char c = block[(*at)++];
        digits[count] = c == '\n' ? '\0' : c;
        if (c == '\n') return tar_read_number(digits, out) ? 0 : tar_fail_with(EBADMSG);
    }
    return tar_fail_with(EBADMSG);
}

static int read_map(wrn_tar_reader *reader) {
    char block[WRN_TAR_BLOCK] = {0};
    size_t at = sizeof(block);
    int64_t count, above = 0, all = 0;
    if (read_map_number(reader, block, &at, &count) < 0) return -1;
    if (count > WRN_TAR_EXTENTS_MAX) return tar_fail_with(EBADMSG);
    reader->extents = calloc((size_t)count + 1, sizeof(*reader->extents));
    if (!reader->extents) return tar_fail_with(ENOMEM);
    for (int64_t i = 0; i < count; i++) {
        wrn_tar_extent *e = &reader->extents[i];
        if (read_map_number(reader, block, &at, &e->offset) < 0 || read_map_number(reader, block, &at, &e->size) < 0)
            return -1;
        if (e->offset < above || e->size > reader->entry.size - e->offset) return tar_fail_with(EBADMSG);
        above = e->offset + e->size;
        all += e->size;
    }
    if (all != reader->left) return tar_fail_with(EBADMSG);
    reader->entry.extents = reader->extents;
    reader->entry.extent_count = (size_t)count;
    return 0;
}

/* The entry of a header, where no record before it has said otherwise. */
static int read_entry(wrn_tar_reader *reader, const char *block, const said *s) {
    wrn_tar_entry *e = &reader->entry;
    int64_t mode, seconds, uid, gid;
    if (!s->name) {
        tar_set_text(&reader->name, block + AT_NAME, NAME_FIELD);
        if (memcmp(block + AT_MAGIC, "ustar\0", 6) == 0 && block[AT_PREFIX]) {
            wrn_buf base = reader->name;
            reader->name = WRN_BUF_INIT;
            tar_set_text(&reader->name, block + AT_PREFIX, PREFIX_FIELD);
            wrn_buf_putc(&reader->name, '/');
            wrn_buf_puts(&reader->name, base.data);
            wrn_buf_free(&base);
        }
    }
    if (!s->target) tar_set_text(&reader->target, block + AT_TARGET, NAME_FIELD);
    if (reader->name.failed || reader->target.failed) return tar_fail_with(ENOMEM);
    if (!tar_read_field(block + AT_MODE, 8, &mode) || !tar_read_field(block + AT_UID, 8, &uid) ||
        !tar_read_field(block + AT_GID, 8, &gid) || !tar_read_field(block + AT_MTIME, 12, &seconds) ||
        seconds > TIME_MAX || seconds < -TIME_MAX)
        return tar_fail_with(EBADMSG);
    *e = (wrn_tar_entry){.type = block[AT_TYPE] && block[AT_TYPE] != '7' ? block[AT_TYPE] : WRN_TAR_FILE,
                         .name = reader->name.data,
                         .target = reader->target.data,
                         .mode = (mode_t)mode & 07777,
                         .uid = s->uid ? s->entry.uid : uid,
                         .gid = s->gid ? s->entry.gid : gid,
                         .size = s->holes ? s->real_size : reader->left,
                         .mtime = s->mtime ? s->entry.mtime : (struct timespec){.tv_sec = seconds}};
    if (e->uid > UINT32_MAX || e->gid > UINT32_MAX || e->uid < 0 || e->gid < 0) return tar_fail_with(EBADMSG);
    size_t length = strlen(e->name);
    if (e->type == WRN_TAR_FILE && length && e->name[length - 1] == '/') e->type = WRN_TAR_DIRECTORY;
    if (e->type != WRN_TAR_FILE && e->type != WRN_TAR_HARD_LINK && s->holes) return tar_fail_with(EBADMSG);
    return e->type == WRN_TAR_FILE && s->holes ? read_map(reader) : 0;
}

/* The last blocks are zeros; whatever is behind them is read, and does not matter. */
static int read_end(const wrn_tar_reader *reader) {
    char chunk[8192];
    ssize_t got;
    while ((got = tar_read_some(reader, chunk, sizeof(chunk))) > 0) {
    }
    return got < 0 ? -1 : 0;
}

int wrn_tar_next(wrn_tar_reader *reader) {
    static const char zeros[WRN_TAR_BLOCK];
    char block[WRN_TAR_BLOCK];
    said s = {0};
    free(WRN_TAKE(reader->extents));
    for (;;) {
        if (skip_content(reader) < 0 || tar_read_all(reader, block, sizeof(block)) < 0) return -1;
        if (memcmp(block, zeros, sizeof(block)) == 0) return read_end(reader);
        if (!sum_is_right(block) || !tar_read_field(block + AT_SIZE, 12, &reader->left) || reader->left < 0)
            return tar_fail_with(EBADMSG);
        char type = block[AT_TYPE];
        bool describes = type == 'x' || type == 'g' || type == 'L' || type == 'K';
        if (s.size && !describes) reader->left = s.entry.size;
        if (!describes && type >= '1' && type <= '6') reader->left = 0; /* links and the like have no content */
        if (reader->left > INT64_MAX - WRN_TAR_BLOCK) return tar_fail_with(EBADMSG);
        reader->padding = -reader->left & (WRN_TAR_BLOCK - 1);
        if (type == 'S') return tar_fail_with(ENOTSUP);
        if (type == 'x' || type == 'g') {
            if (read_records(reader, &s, type == 'g') < 0) return -1;
        } else if (describes) {
            if (tar_read_record(reader) < 0) return -1;
            tar_set_text(type == 'L' ? &reader->name : &reader->target, reader->record.data, reader->record.size);
            *(type == 'L' ? &s.name : &s.target) = true;
        } else {
            return read_entry(reader, block, &s) < 0 ? -1 : 1;
        }
    }
}
