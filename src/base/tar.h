/* Archives in the format of tar: POSIX pax is written, and that of GNU tar read too. Bounded memory; what is read may be hostile.
 * pack.h and unpack.h make archives of trees and trees of archives. */
#pragma once

#include <sys/types.h>
#include <time.h>

#include "base/buf.h"

enum {
    WRN_TAR_BLOCK = 512,
    WRN_TAR_LEVELS_MAX = 256,   /* of directories in a tree */
    WRN_TAR_EXTENTS_MAX = 65536 /* of one file with holes */
};

/* Types of entries; others are devices and the like. */
enum { WRN_TAR_FILE = '0', WRN_TAR_HARD_LINK = '1', WRN_TAR_LINK = '2', WRN_TAR_DIRECTORY = '5' };

/* A part of a file that is no hole. */
typedef struct wrn_tar_extent {
    int64_t offset, size;
} wrn_tar_extent;

typedef struct wrn_tar_entry {
    char type;
    const char *name, *target; /* bytes; the target of a hard link is a name */
    mode_t mode;               /* permissions only */
    int64_t uid, gid, size;
    struct timespec mtime;
    const wrn_tar_extent *extents; /* of a file with holes; NULL: it has none */
    size_t extent_count;
} wrn_tar_entry;

/* Appends all that comes before the content of an entry. The content is filled up to whole blocks; that of a file with holes is
 * what the extents hold. */
void wrn_tar_put_head(wrn_buf *out, const wrn_tar_entry *entry);
/* Something to be said to who reads it: what is wrong with this file, an errno, or 0 when it is left out because it can't be in an
 * archive. Other programs than ours skip it. */
void wrn_tar_put_note(wrn_buf *out, int error, const char *path);
/* Zeros after so many bytes of content. */
void wrn_tar_put_padding(wrn_buf *out, int64_t size);
void wrn_tar_put_end(wrn_buf *out);

typedef struct wrn_tar_reader {
    int fd;
    void (*note)(void *context, int error, const char *path); /* may be NULL */
    void *context;
    wrn_tar_entry entry;          /* valid until the next one */
    int64_t left, padding;        /* of its content, and after it */
    wrn_buf name, target, record; /* memory of the entry */
    wrn_tar_extent *extents;
} wrn_tar_reader;

void wrn_tar_reader_free(wrn_tar_reader *reader);
/* Goes to the next entry; the content of the one before need not have been read. 1; 0 at the end, which is read up to the end of
 * the file; or -1 with errno: EBADMSG for what is no archive, ENODATA when it breaks off, ENOTSUP for an old format of holes. */
int wrn_tar_next(wrn_tar_reader *reader);
/* Reads content: up to `size` bytes, 0 at its end, or -1 with errno. */
ssize_t wrn_tar_read(wrn_tar_reader *reader, void *data, size_t size);

/* What an errno of these functions, of pack.h and of unpack.h means. */
const char *wrn_tar_why(int error);
