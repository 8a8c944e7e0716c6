/* What wrennd and the builtin commands of its agent agree on: file operations run as commands in the sandbox.
 *
 *     read PATH           a regular file's content comes on stdout
 *     write PATH          stdin becomes the file's content at its end; SIGTERM before that leaves everything as it was
 *     list PATH LEVELS [NAME]
 *                         a record for everything in a directory, on stdout; or for what has that name there
 *     mkdir PATH          makes a directory and those above it; its record
 *     remove PATH         all of it; what is not there counts as removed
 *
 * The exit status is 0 or an errno: EISDIR, ENOTDIR and EINVAL (neither file nor directory) for what is of the wrong kind,
 * EEXIST for a directory that mkdir should make, E2BIG for a listing over the limits below. */
#ifndef WRN_WIRE_FILES_H
#define WRN_WIRE_FILES_H

enum {
    WRN_LIST_ENTRIES_MAX = 100000, /* in one listing */
    WRN_LIST_LEVELS_MAX = 256
};

/* A record: fields that each end with NUL. Numbers are decimal. */
typedef enum wrn_file_field {
    WRN_FILE_MODE, /* st_mode; of what a link leads to, 0 when that is nothing */
    WRN_FILE_SIZE, /* the link's own, as all that follows */
    WRN_FILE_MTIME,
    WRN_FILE_OWNER, /* a name, or the number */
    WRN_FILE_GROUP,
    WRN_FILE_TARGET, /* of a link: where it leads to in the end, or its own path when that is nothing; else empty */
    WRN_FILE_PATH,   /* absolute, without needless slashes; links in the requested part stay */
    WRN_FILE_FIELDS
} wrn_file_field;

#endif
