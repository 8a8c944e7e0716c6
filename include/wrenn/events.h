/* What happens to the sandboxes and snapshots of the team. */
#ifndef WRENN_EVENTS_H
#define WRENN_EVENTS_H

#include "wrenn/client.h"
#include "wrenn/models.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which events wrenn_events_list() gives: those that meet all that is set. */
typedef struct wrenn_events_list_options {
    size_t struct_size; /* from WRENN_EVENTS_LIST_OPTIONS_INIT */
    wrenn_call_options call;
    /* `next` of the page before, or the id of an event: those after it. "now": those that come from now on. Default: all that
     * are kept. */
    const char *after;
    int64_t since_ms;    /* those since this time (Unix, in milliseconds) */
    int64_t wait_ms;     /* waits so long for one, at most an hour; rounded up to seconds. Default: does not wait */
    const char *sandbox; /* those of sandboxes with this id, an id that begins so (4 letters), or this name */
    const char *const *labels; /* "NAME=value" each, NULL at the end: those of sandboxes that had all of them then */
    const char *const *types;  /* NULL at the end: those of these types ("sandbox.pause") or kinds ("sandbox") */
} wrenn_events_list_options;
#define WRENN_EVENTS_LIST_OPTIONS_INIT \
    { sizeof(wrenn_events_list_options), WRENN_CALL_OPTIONS_ZERO, 0, 0, 0, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_events_list_options_init(wrenn_events_list_options *options, size_t size);

/* What has happened, oldest first, page by page (GET /v1/events): set `after` to the page's `next`, and ask again. A page may
 * be empty; while its `more` is true, another one follows at once. To follow what happens, go on with `wait_ms` after that:
 * no event is given twice or left out, also when a call failed meanwhile and when wrennd was started again. wrennd keeps the
 * last 4096 events of the team: how many were lost before they could be read is in the page's `lost` (-1: it is not known,
 * because `after` is of another server, or of one whose data is gone). `options` may be NULL. Blocks (30 s, or 15 s more than
 * `wait_ms`). The caller frees *page. Fails with WRENN_E_VALIDATION (a type, label or `after` that can't be one), and with
 * WRENN_E_NOT_FOUND where a server has no list of events (all but wrennd). */
WRENN_API WRENN_NODISCARD int wrenn_events_list(wrenn_client *client, const wrenn_events_list_options *options,
                                                wrenn_event_page **page, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_events_list_start(wrenn_client *client, const wrenn_events_list_options *options,
                                                      wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                      wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_events_list_finish(wrenn_op *op, wrenn_event_page **page, wrenn_error **error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_event_page_free(wrenn_event_page *page);

#ifdef __cplusplus
}
#endif

#endif
