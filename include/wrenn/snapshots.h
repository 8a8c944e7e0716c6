/* Snapshots: sandboxes turned into templates, from which new sandboxes start (/v1/snapshots). */
#ifndef WRENN_SNAPSHOTS_H
#define WRENN_SNAPSHOTS_H

#include "wrenn/client.h"
#include "wrenn/models.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Belongs to the caller as a whole; wrenn_snapshot_list_free(). */
typedef struct wrenn_snapshot_list {
    const wrenn_snapshot *const *items;
    size_t items_count;
} wrenn_snapshot_list;

/* wrenn_snapshots_create_options.flags. OVERWRITE: a snapshot of this name is replaced. Servers of the capsule era do
 * not know that and fail with WRENN_E_CONFLICT; others delete the old one first, also when making the new one then
 * fails. */
enum { WRENN_SNAPSHOTS_CREATE_OVERWRITE = 1 };

typedef struct wrenn_snapshots_create_options {
    size_t struct_size; /* from WRENN_SNAPSHOTS_CREATE_OPTIONS_INIT */
    wrenn_call_options call;
    const char *sandbox_id; /* must be set */
    const char *name;       /* default: the server makes one up */
    uint64_t flags;         /* WRENN_SNAPSHOTS_CREATE_* */
} wrenn_snapshots_create_options;
#define WRENN_SNAPSHOTS_CREATE_OPTIONS_INIT \
    { sizeof(wrenn_snapshots_create_options), WRENN_CALL_OPTIONS_ZERO, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_snapshots_create_options_init(wrenn_snapshots_create_options *options, size_t size);

/* Turns a sandbox that runs or is paused into a snapshot (POST /v1/snapshots). It is paused afterwards, except by newer
 * servers, which answer before the snapshot is whole. That of a virtual machine (WRENN_ISOLATION_VM) has its memory: sandboxes
 * made from it go on where it was. wrennd's keep the network policy that the sandbox was given, for those that are made from them
 * without one (docs/guide/network.md). Blocks (360 s). The caller frees *snapshot with
 * wrenn_snapshot_free(). Fails with WRENN_E_NOT_FOUND (no such sandbox), WRENN_E_CONFLICT (the name is taken or
 * reserved, or the sandbox is in another status), WRENN_E_VALIDATION (name). Never repeated by the library; the server
 * may go on after WRENN_E_TIMEOUT and WRENN_E_CONNECTION_LOST. */
WRENN_API WRENN_NODISCARD int wrenn_snapshots_create(wrenn_client *client,
                                                     const wrenn_snapshots_create_options *options,
                                                     wrenn_snapshot **snapshot, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_snapshots_create_start(wrenn_client *client,
                                                           const wrenn_snapshots_create_options *options,
                                                           wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                           wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_snapshots_create_finish(wrenn_op *op, wrenn_snapshot **snapshot,
                                                            wrenn_error **error);

typedef struct wrenn_snapshots_list_options {
    size_t struct_size; /* from WRENN_SNAPSHOTS_LIST_OPTIONS_INIT */
    wrenn_call_options call;
    const char *type; /* only this type, such as "snapshot" or "base"; default: all */
} wrenn_snapshots_list_options;
#define WRENN_SNAPSHOTS_LIST_OPTIONS_INIT \
    { sizeof(wrenn_snapshots_list_options), WRENN_CALL_OPTIONS_ZERO, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_snapshots_list_options_init(wrenn_snapshots_list_options *options, size_t size);

/* The team's snapshots and the platform's templates (GET /v1/snapshots), all pages of them. `options` may be NULL. A
 * type the server does not know gives an empty list. Blocks (30 s). The caller frees *list. Fails with WRENN_E_PROTOCOL
 * when a server with pages does not give the next one. */
WRENN_API WRENN_NODISCARD int wrenn_snapshots_list(wrenn_client *client, const wrenn_snapshots_list_options *options,
                                                   wrenn_snapshot_list **list, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_snapshots_list_start(wrenn_client *client,
                                                         const wrenn_snapshots_list_options *options,
                                                         wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                         wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_snapshots_list_finish(wrenn_op *op, wrenn_snapshot_list **list,
                                                          wrenn_error **error);

/* Deletes a snapshot of the team by name (DELETE /v1/snapshots/{name}); sandboxes made from it go on. Blocks (30 s).
 * Fails with WRENN_E_NOT_FOUND, WRENN_E_FORBIDDEN (it is the platform's), WRENN_E_VALIDATION (malformed name). */
WRENN_API WRENN_NODISCARD int wrenn_snapshots_delete(wrenn_client *client, const char *name,
                                                     const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_snapshots_delete_start(wrenn_client *client, const char *name,
                                                           const wrenn_call_options *options, wrenn_done_fn done,
                                                           void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_snapshots_delete_finish(wrenn_op *op, wrenn_error **error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_snapshot_free(wrenn_snapshot *snapshot);
WRENN_API void wrenn_snapshot_list_free(wrenn_snapshot_list *list);

#ifdef __cplusplus
}
#endif

#endif
