/* Files in a sandbox that runs.
 *
 * Paths are used as they are, as root; a relative one starts at the home directory, which is also what "~" stands
 * for. Links are followed. Every call fails with WRENN_E_CONFLICT when the sandbox does not run, WRENN_E_VALIDATION
 * when the server refuses the path, WRENN_E_AGENT when the file system in the sandbox does, and
 * WRENN_E_INVALID_ARGUMENT for a path that is empty or not UTF-8. */
#ifndef WRENN_FILES_H
#define WRENN_FILES_H

#include "wrenn/sandboxes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Belongs to the caller as a whole; wrenn_file_list_free(). */
typedef struct wrenn_file_list {
    const wrenn_file_entry *const *items;
    size_t count;
} wrenn_file_list;

/* What is in a directory, and with a `depth` over 1 in those below it, so many levels down; 0 means 1 (POST
 * .../files/list). Sorted by path, each directory before what is in it. Links are listed, not entered. Blocks (30 s).
 * The caller frees *list. A directory that is missing is WRENN_E_NOT_FOUND or WRENN_E_AGENT, by server. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_list_dir(wrenn_sandbox *sandbox, const char *path, int64_t depth,
                                                     wrenn_file_list **list, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_list_dir_start(wrenn_sandbox *sandbox, const char *path, int64_t depth,
                                                           wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                           wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_list_dir_finish(wrenn_op *op, wrenn_file_list **list, wrenn_error **error);

/* Makes a directory and its parents, or finds it there already (POST .../files/mkdir, then perhaps .../files/list).
 * Blocks (30 s). *entry describes it; of "/", "~" and paths that end in "." or ".." only name, path and type are
 * known when they are there already. The caller frees *entry with wrenn_file_entry_free(). Something else of that name
 * is WRENN_E_VALIDATION or WRENN_E_CONFLICT, by server. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_mkdir(wrenn_sandbox *sandbox, const char *path, wrenn_file_entry **entry,
                                                  wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_mkdir_start(wrenn_sandbox *sandbox, const char *path, wrenn_done_fn done,
                                                        void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_mkdir_finish(wrenn_op *op, wrenn_file_entry **entry, wrenn_error **error);

/* Removes a file, or a directory with all that is in it (POST .../files/remove). Blocks (30 s). A path that is not
 * there is fine, except for servers of the capsule era: WRENN_E_AGENT. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_remove(wrenn_sandbox *sandbox, const char *path, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_remove_start(wrenn_sandbox *sandbox, const char *path, wrenn_done_fn done,
                                                         void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_remove_finish(wrenn_op *op, wrenn_error **error);

/* What is at a path, found in the listing of the directory that has it (POST .../files/list). Blocks (30 s). Of "/",
 * "~" and paths that end in "." or ".." only name, path and type are known. The caller frees *entry with
 * wrenn_file_entry_free(). Fails with WRENN_E_NOT_FOUND when nothing is there. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_stat(wrenn_sandbox *sandbox, const char *path, wrenn_file_entry **entry,
                                                 wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_stat_start(wrenn_sandbox *sandbox, const char *path, wrenn_done_fn done,
                                                       void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_stat_finish(wrenn_op *op, wrenn_file_entry **entry, wrenn_error **error);

/* *exists becomes 1 when something is at the path, a link that points nowhere included, and 0 when nothing is, or when
 * the directory that should have it is missing. Found as wrenn_sandbox_stat() does. Blocks (30 s). A sandbox that is
 * missing is an error: WRENN_E_NOT_FOUND. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_exists(wrenn_sandbox *sandbox, const char *path, int *exists,
                                                   wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_exists_start(wrenn_sandbox *sandbox, const char *path, wrenn_done_fn done,
                                                         void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_exists_finish(wrenn_op *op, int *exists, wrenn_error **error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_file_entry_free(wrenn_file_entry *entry);
WRENN_API void wrenn_file_list_free(wrenn_file_list *list);

#ifdef __cplusplus
}
#endif

#endif
