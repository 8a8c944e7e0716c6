/* Files in a sandbox that runs.
 *
 * Paths are used as they are, as root or as the user of the handle (wrenn_sandbox_as_user()) or of the options; a
 * relative one starts at the home directory, which is also what "~" stands for. Links are followed. Every call fails
 * with WRENN_E_CONFLICT when the sandbox does not run, WRENN_E_VALIDATION when the server refuses the path,
 * WRENN_E_AGENT when the file system in the sandbox does, and WRENN_E_INVALID_ARGUMENT for a path that is empty or not
 * UTF-8. */
#ifndef WRENN_FILES_H
#define WRENN_FILES_H

#include "wrenn/sandboxes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Belongs to the caller as a whole; wrenn_file_list_free(). */
typedef struct wrenn_file_list {
    const wrenn_file_entry *const *items;
    size_t items_count;
} wrenn_file_list;

/* The entries of a directory, and with a `depth` over 1 those of directories in it, down to that level; 0 means 1 (POST
 * .../files/list). Sorted by path, each directory before what is in it. Links are listed, not entered. Blocks (30 s).
 * wrennd gives it in pages, each in an answer of its own: what is added or removed meanwhile may be in it or not. The
 * caller frees *list. A directory that is missing is WRENN_E_NOT_FOUND or WRENN_E_AGENT, by server. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_list_dir(wrenn_sandbox *sandbox, const char *path, int64_t depth,
                                                     const wrenn_call_options *options, wrenn_file_list **list,
                                                     wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_list_dir_start(wrenn_sandbox *sandbox, const char *path, int64_t depth,
                                                           const wrenn_call_options *options, wrenn_done_fn done,
                                                           void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_list_dir_finish(wrenn_op *op, wrenn_file_list **list, wrenn_error **error);

/* Makes a directory and its parents, or finds it there already (POST .../files/mkdir, then perhaps .../files/list).
 * Blocks (30 s). *entry describes it; of "/", "~" and paths that end in "." or ".." only name, path and type are known
 * when they are there already. The caller frees *entry with wrenn_file_entry_free(). If something that is no directory
 * has that name: WRENN_E_VALIDATION or WRENN_E_CONFLICT, by server. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_mkdir(wrenn_sandbox *sandbox, const char *path,
                                                  const wrenn_call_options *options, wrenn_file_entry **entry,
                                                  wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_mkdir_start(wrenn_sandbox *sandbox, const char *path,
                                                        const wrenn_call_options *options, wrenn_done_fn done,
                                                        void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_mkdir_finish(wrenn_op *op, wrenn_file_entry **entry, wrenn_error **error);

/* Removes a file, or a directory with all that is in it (POST .../files/remove). Blocks (30 s). A path that does not
 * exist is fine; servers of the capsule era report WRENN_E_AGENT. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_remove(wrenn_sandbox *sandbox, const char *path,
                                                   const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_remove_start(wrenn_sandbox *sandbox, const char *path,
                                                         const wrenn_call_options *options, wrenn_done_fn done,
                                                         void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_remove_finish(wrenn_op *op, wrenn_error **error);

/* Renames a file or directory in one step (POST .../files/rename). Blocks (30 s). `to` is the whole new path, and its directory must
 * be there. A file of that name is replaced, as is an empty directory by a directory; a directory with something in it is
 * WRENN_E_CONFLICT. What can't be done in one step, because it is on another
 * file system, is WRENN_E_VALIDATION. WRENN_E_NOT_FOUND also with servers that can't do it (all but wrennd). */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_rename(wrenn_sandbox *sandbox, const char *from, const char *to,
                                                   const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_rename_start(wrenn_sandbox *sandbox, const char *from, const char *to,
                                                         const wrenn_call_options *options, wrenn_done_fn done,
                                                         void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_rename_finish(wrenn_op *op, wrenn_error **error);

/* Sets the permissions of a file or directory (POST .../files/chmod): `mode` is up to 07777. Links are followed. Blocks (30 s).
 * WRENN_E_NOT_FOUND also with servers that can't do it (all but wrennd). */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_chmod(wrenn_sandbox *sandbox, const char *path, int64_t mode,
                                                  const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_chmod_start(wrenn_sandbox *sandbox, const char *path, int64_t mode,
                                                        const wrenn_call_options *options, wrenn_done_fn done,
                                                        void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_chmod_finish(wrenn_op *op, wrenn_error **error);

/* What is at a path, found in the listing of the directory that has it (POST .../files/list); wrennd lists that one
 * entry only. Blocks (30 s). Of "/", "~" and paths that end in "." or ".." only name, path and type are known. The
 * caller frees *entry with wrenn_file_entry_free(). Fails with WRENN_E_NOT_FOUND when nothing is there. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_stat(wrenn_sandbox *sandbox, const char *path,
                                                 const wrenn_call_options *options, wrenn_file_entry **entry,
                                                 wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_stat_start(wrenn_sandbox *sandbox, const char *path,
                                                       const wrenn_call_options *options, wrenn_done_fn done,
                                                       void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_stat_finish(wrenn_op *op, wrenn_file_entry **entry, wrenn_error **error);

/* *exists becomes 1 when something is at the path, a link that points nowhere included, and 0 when nothing is, or when
 * the directory that should have it is missing. Found as wrenn_sandbox_stat() does. Blocks (30 s). A sandbox that is
 * missing is an error: WRENN_E_NOT_FOUND. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_exists(wrenn_sandbox *sandbox, const char *path,
                                                   const wrenn_call_options *options, int64_t *exists,
                                                   wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_exists_start(wrenn_sandbox *sandbox, const char *path,
                                                         const wrenn_call_options *options, wrenn_done_fn done,
                                                         void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_exists_finish(wrenn_op *op, int64_t *exists, wrenn_error **error);

/* Uploads and downloads. Files may have any size; the library does not keep them in memory. There is no time limit for
 * the whole transfer: it ends with WRENN_E_TIMEOUT when no byte has moved for timeout_ms (default: the client's
 * timeout_ms, else 60,000), whether the network or the caller's side is slow. No transfer is retried; an upload that
 * fails may leave a part of the file in the sandbox.
 *
 * The callbacks that move data run from inside the library, whenever there is something to move; they may do what all
 * callbacks may (client.h). While one of them, or a descriptor, blocks, everything else of that client waits. */

/* Writes `size` bytes to a file, replacing what it held; makes the directories above it (POST .../files/write, or from
 * 100 MiB on .../files/stream/write). Blocks. The _start makes a copy of the data. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_upload(wrenn_sandbox *sandbox, const char *path, const void *data,
                                                   size_t size, const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_upload_start(wrenn_sandbox *sandbox, const char *path, const void *data,
                                                         size_t size, const wrenn_call_options *options,
                                                         wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                         wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_upload_finish(wrenn_op *op, wrenn_error **error);

/* What a file holds. Exact, of the given size, with a NUL after it that does not count. Belongs to the caller as a
 * whole; wrenn_file_free(). */
typedef struct wrenn_file {
    const char *data;
    size_t size;
} wrenn_file;

/* Reads a file into memory (POST .../files/read). Blocks. The caller frees *file. A file of more than
 * max_response_bytes of the client is WRENN_E_LIMIT, one that is missing WRENN_E_NOT_FOUND or WRENN_E_AGENT, by
 * server. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_download(wrenn_sandbox *sandbox, const char *path,
                                                     const wrenn_call_options *options, wrenn_file **file,
                                                     wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_download_start(wrenn_sandbox *sandbox, const char *path,
                                                           const wrenn_call_options *options, wrenn_done_fn done,
                                                           void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_download_finish(wrenn_op *op, wrenn_file **file, wrenn_error **error);

/* Puts up to `size` bytes into `buffer` and returns their number: 0 at the end of the file, negative to break off. */
typedef int64_t (*wrenn_read_fn)(void *buffer, size_t size, void *user_data);
/* Takes all of the data and returns 0, or something negative to break off. */
typedef int (*wrenn_write_fn)(const void *data, size_t size, void *user_data);
/* Bytes of the file that have gone to the network or come from it, and how many there are in all, -1 while that is not
 * known. Called after each piece. */
typedef void (*wrenn_progress_fn)(int64_t done, int64_t total, void *user_data);

/* wrenn_sandbox_upload_stream_options.flags. IN_PLACE: writes into the existing file instead of replacing it, so that
 * programs which have it open or watch it see the new content; while it arrives, a reader may see some of both. wrennd
 * does so without this flag, too, for a file that has several names, access lists or extended attributes, is watched by
 * inotify, or has a reader that waits at its end (tail -f); never for a program that is running. KEEP: of
 * wrenn_sandbox_upload_tar(). */
enum { WRENN_SANDBOX_UPLOAD_STREAM_IN_PLACE = 1, WRENN_SANDBOX_UPLOAD_STREAM_KEEP = 2 };

typedef struct wrenn_sandbox_upload_stream_options {
    size_t struct_size; /* from WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT */
    wrenn_call_options call;
    const char *path; /* in the sandbox */
    /* Where the bytes are: exactly one of a file of this machine, a descriptor, and a callback. The descriptor is read
     * from its current offset, and stays the caller's, who may close it after the _start. A non-blocking one is waited
     * for. */
    const char *file;
    const int *fd;
    wrenn_read_fn read;
    void *user_data; /* for `read` and `progress` */
    /* How many bytes to send; WRENN_E_INVALID_ARGUMENT when the source has fewer. Default: the rest of a regular file;
     * of other sources everything until their end. */
    int64_t size;
    wrenn_progress_fn progress;
    /* The rest is for wrennd; other servers ignore it. */
    uint64_t flags; /* WRENN_SANDBOX_UPLOAD_STREAM_* */
    int64_t mode;   /* permissions, such as 0755. Default: those of the existing file, else 0644 */
    /* Both are a name or number, or either with ":GROUP". The owner is by default that of the existing file, else the
     * user; the user who writes it is by default that of the handle, else root. */
    const char *owner, *user;
} wrenn_sandbox_upload_stream_options;
#define WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT \
    { sizeof(wrenn_sandbox_upload_stream_options), WRENN_CALL_OPTIONS_ZERO, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_sandbox_upload_stream_options_init(wrenn_sandbox_upload_stream_options *options, size_t size);

/* Writes a file from a source that gives it bit by bit, replacing what the file held; makes the directories above it
 * (POST .../files/stream/write). Blocks. An owner or user that the sandbox does not have is WRENN_E_VALIDATION. A
 * `read` that returns a negative number ends it with WRENN_E_CANCELLED, a local read that fails with WRENN_E_SYSTEM. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_upload_stream(wrenn_sandbox *sandbox,
                                                          const wrenn_sandbox_upload_stream_options *options,
                                                          wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_upload_stream_start(wrenn_sandbox *sandbox,
                                                                const wrenn_sandbox_upload_stream_options *options,
                                                                wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                                wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_upload_stream_finish(wrenn_op *op, wrenn_error **error);

/* wrenn_sandbox_download_stream_options.flags. VERIFY: compares with the size in a listing of the directory (POST
 * .../files/list). Servers do not send the size of a file that they stream, and a response that was cut short, or that
 * is of a missing file, looks complete. With this flag the former is WRENN_E_CONNECTION_LOST, the latter
 * WRENN_E_NOT_FOUND, and a directory WRENN_E_INVALID_ARGUMENT. A file that changes meanwhile may have either size. */
enum { WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY = 1 };

typedef struct wrenn_sandbox_download_stream_options {
    size_t struct_size; /* from WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT */
    wrenn_call_options call;
    const char *path; /* in the sandbox */
    /* Where the bytes go: exactly one of a file of this machine, a descriptor, and a callback. The file is written
     * under another name beside it, and takes its place when it is whole; devices and pipes are written to as they are.
     * The descriptor stays the caller's, who may close it after the _start. A non-blocking one is waited for. */
    const char *file;
    const int *fd;
    wrenn_write_fn write;
    void *user_data; /* for `write` and `progress` */
    uint64_t flags;  /* WRENN_SANDBOX_DOWNLOAD_STREAM_* */
    wrenn_progress_fn progress;
} wrenn_sandbox_download_stream_options;
#define WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT \
    { sizeof(wrenn_sandbox_download_stream_options), WRENN_CALL_OPTIONS_ZERO, 0, 0, 0, 0, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_sandbox_download_stream_options_init(wrenn_sandbox_download_stream_options *options, size_t size);

/* Reads a file to a sink that takes it bit by bit; a slow one slows the server down (POST .../files/stream/read).
 * Blocks. *size becomes the number of bytes. The sink sees nothing of answers that are errors. A `write` that returns a
 * negative number ends it with WRENN_E_CANCELLED, a local write that fails with WRENN_E_SYSTEM. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_download_stream(wrenn_sandbox *sandbox,
                                                            const wrenn_sandbox_download_stream_options *options,
                                                            int64_t *size, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_download_stream_start(wrenn_sandbox *sandbox,
                                                                  const wrenn_sandbox_download_stream_options *options,
                                                                  wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                                  wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_download_stream_finish(wrenn_op *op, int64_t *size, wrenn_error **error);

/* Unpacks a tar archive, which the source gives bit by bit, into the directory `path`; makes it, and those above it (PUT
 * .../files/tar). Blocks. Formats are pax, ustar, and what GNU tar writes; not compressed. Files come with permissions, times,
 * links and holes. Each gets its name when it is whole, and replaces a file or link that has it; directories that are there stay as
 * they are. Names that lead out of the directory, and devices, are WRENN_E_VALIDATION; links are never followed. After a
 * failure, which names the entry, what was unpacked before is there. Everything belongs to `user`, or to `owner`, without the bits
 * setuid, setgid and sticky; with WRENN_SANDBOX_UPLOAD_STREAM_KEEP to the owners in the archive, by number, and with these bits.
 * `mode` and IN_PLACE do not fit. WRENN_E_NOT_FOUND also with servers that can't do it (all but wrennd). */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_upload_tar(wrenn_sandbox *sandbox,
                                                       const wrenn_sandbox_upload_stream_options *options,
                                                       wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_upload_tar_start(wrenn_sandbox *sandbox,
                                                             const wrenn_sandbox_upload_stream_options *options,
                                                             wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                             wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_upload_tar_finish(wrenn_op *op, wrenn_error **error);

/* Reads a directory with all that is below it, to a sink that takes it as a tar archive (GET .../files/tar). Blocks. *size becomes
 * the size of that. The format is pax; names are relative to the directory, which itself is "./". Devices, pipes,
 * sockets, /proc and /sys are left out. A failure halfway is WRENN_E_CONNECTION_LOST; then the archive has no end, and says
 * in a global record "WRENN.note" why: an errno, a blank, the path. Names and links are the sandbox's word: unpack it with care.
 * No flag fits. WRENN_E_NOT_FOUND also with servers that can't do it (all but wrennd). */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_download_tar(wrenn_sandbox *sandbox,
                                                         const wrenn_sandbox_download_stream_options *options,
                                                         int64_t *size, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_download_tar_start(wrenn_sandbox *sandbox,
                                                               const wrenn_sandbox_download_stream_options *options,
                                                               wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                               wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_download_tar_finish(wrenn_op *op, int64_t *size, wrenn_error **error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_file_free(wrenn_file *file);
WRENN_API void wrenn_file_entry_free(wrenn_file_entry *entry);
WRENN_API void wrenn_file_list_free(wrenn_file_list *list);

#ifdef __cplusplus
}
#endif

#endif
