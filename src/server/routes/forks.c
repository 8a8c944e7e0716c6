#include "server/sandbox/forks.h"

#include <stdlib.h>
#include <string.h>

#include "server/routes/metadata.h"
#include "server/routes/routes.h"

static void on_dropped(void *context, const wrn_sandbox_row *row, const wrn_fault *fault) {
    (void)context, (void)row, (void)fault;
}

/* Whoever has given the fork up never learns what its copies are called, so they go as well. */
static void reply_copies(void *context, const wrn_sandbox_row *rows, size_t count, const wrn_fault *fault) {
    const wrn_server *server = wrn_server_of(context);
    if (fault) return wrn_reply_fault(context, fault);
    bool unheard = wrn_request_is_unheard(context);
    wrn_json *array = wrn_json_new_array();
    for (size_t i = 0; i < count; i++) {
        wrn_json_append(array, wrn_show_sandbox(server, &rows[i]));
        if (unheard) wrn_sandboxes_change(server->sandboxes, &rows[i], WRN_EVENT_DESTROY, on_dropped, NULL);
    }
    wrn_reply_json(context, 201, array);
}

/* The labels of one copy: those of the sandbox but its name, and those asked for. `number` 0: it is the only copy. */
static bool make_labels(wrn_request *request, const wrn_fork_request *asked, const char *of, size_t number,
                        wrn_buf *out) {
    static const char *const name[] = {"name"};
    WRN_AUTO(wrn_buf_free) wrn_buf numbered = WRN_BUF_INIT;
    wrn_pair own;
    const wrn_pair **set = wrn_arena_alloc(&request->arena, (asked->metadata_count + 1) * sizeof(wrn_pair *));
    for (size_t i = 0; i < asked->metadata_count; i++) {
        set[i] = asked->metadata[i];
        if (!number || strcmp(set[i]->key, "name") != 0 || !*set[i]->value) continue;
        wrn_buf_printf(&numbered, "%s-%zu", set[i]->value, number);
        own = (wrn_pair){set[i]->key, numbered.data};
        set[i] = &own;
    }
    return wrn_metadata_change(request, of, set, asked->metadata_count, name, 1, out);
}

void wrn_route_fork(wrn_request *request, const wrn_sandbox_row *row) {
    const wrn_server *server = wrn_server_of(request);
    wrn_fork_request asked = {0};
    wrn_buf labels[WRN_FORK_MAX] = {0};
    if (!wrn_request_decode(request, &wrn_model_fork_request, &asked)) return;
    if (!asked.count) asked.count = 1;
    if (asked.count < 0 || asked.count > WRN_FORK_MAX)
        return (void)wrn_refuse(request, WRN_FAULT_INVALID_REQUEST,
                                "member \"count\": %lld is not a number from 1 to %d", (long long)asked.count,
                                WRN_FORK_MAX);
    wrn_fork fork = {.count = (size_t)asked.count, .lifetime_sec = asked.lifetime_sec};
    char *of = wrn_store_get_metadata(server->store, row->id);
    bool ok = true;
    for (size_t i = 0; ok && i < fork.count; i++) {
        ok = make_labels(request, &asked, of, fork.count > 1 ? i + 1 : 0, &labels[i]);
        fork.metadata[i] = labels[i].data;
    }
    free(of);
    if (ok) wrn_forks_make(server->sandboxes, row, &fork, reply_copies, request);
    for (size_t i = 0; i < fork.count; i++) wrn_buf_free(&labels[i]);
}
