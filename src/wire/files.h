/* The builtin commands of the agent: file operations, which wrennd runs as commands in the sandbox.
 *
 *     read PATH           writes the content of a regular file to stdout
 *     write PATH [mode=OCTAL] [owner=USER] [in-place]
 *                         replaces the file at the end of stdin; SIGTERM before that leaves everything as it was. USER is
 *                         as in an EXEC. With in-place the inode stays, as it also does when the file has several names
 *                         or is followed; the file of a running program is always replaced by another inode
 *     list PATH LEVELS [limit=N] [after=PATH] [only=NAME]
 *                         writes a record for each entry of a directory, LEVELS deep: at most N, and only those after the
 *                         record with the path of `after`; or only the entry NAME
 *     mkdir PATH          makes a directory and those above it; writes its record
 *     remove PATH         removes a file, or a directory with its content; a missing one counts as removed
 *     rename PATH TO      renames a file or directory; replaces a file, or an empty directory by a directory
 *     chmod PATH OCTAL    sets the permissions of a file or directory, also that which a link leads to
 *     pack PATH           writes an archive of a directory to stdout (base/pack.h)
 *     unpack PATH [keep] [owner=USER]
 *                         makes the directory, and those above it, and unpacks the archive on stdin into it; SIGTERM before its end
 *                         leaves whole files only. With `keep` owners and set-id bits are those of the archive. What a
 *                         failure is about, below PATH, is written to stderr
 *
 * The exit status is 0 or an errno: EISDIR, ENOTDIR and EINVAL (neither file nor directory) for the wrong kind of file, EEXIST
 * from mkdir for a directory that exists, ENOTEMPTY from rename, EUSERS for an owner that the sandbox can't have, E2BIG for too
 * many levels; and those of base/tar.h. */
#pragma once

enum { WRN_LIST_LEVELS_MAX = 256 };

/* The fields of a record, each terminated by NUL. Numbers are decimal. */
typedef enum wrn_file_field {
    WRN_FILE_MODE, /* st_mode; for a link that of its target, 0 when the target does not exist */
    WRN_FILE_SIZE, /* for a link its own, like the fields below */
    WRN_FILE_MTIME,
    WRN_FILE_OWNER, /* a name, or the number */
    WRN_FILE_GROUP,
    WRN_FILE_TARGET, /* for a link its final target, or its own path when that does not exist; else empty */
    WRN_FILE_PATH,   /* absolute, without needless slashes; links in the requested part stay */
    WRN_FILE_FIELDS
} wrn_file_field;
