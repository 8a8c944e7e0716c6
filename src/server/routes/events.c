/* Answers that go on for as long as the client stays: changes of a team's sandboxes and snapshots, as server-sent events; and
 * leases, which a client holds until it is gone. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/routes/routes.h"
#include "server/sandbox/watch.h"

enum { KEEPALIVE_MS = 30000, LEASE_KEEPALIVE_MS = 10000, LEASE_PATIENCE_SEC = 30 };

typedef struct listener {
    wrn_watcher watcher; /* first: a watcher is cast to its listener */
    wrn_server *server;
    wrn_tap *tap;
    uv_timer_t timer;
    const char *keepalive;
    char held[WRN_ID_SIZE]; /* the sandbox whose lease this is; "": it listens to events */
} listener;

static void events_on_timer_closed(uv_handle_t *handle) { free(handle->data); }

/* The tap is gone, or the caller has ended it. */
static void end_listener(void *context) {
    listener *l = context;
    wrn_unwatch(l->server->sandboxes, &l->watcher);
    if (*l->held) wrn_sandboxes_let_go(l->server->sandboxes, l->held);
    uv_close((uv_handle_t *)&l->timer, events_on_timer_closed);
}

static void ignore_data(void *context, const char *data, size_t size) { (void)context, (void)data, (void)size; }

static void events_on_stop(void *context) {
    wrn_tap_close(((listener *)context)->tap);
    end_listener(context);
}

static void send_keepalive(uv_timer_t *timer) {
    listener *l = timer->data;
    wrn_tap_write(l->tap, l->keepalive, strlen(l->keepalive));
}

static void set_object(wrn_json *into, const char *key, const char *member, const char *text) {
    wrn_json *object = wrn_json_new_object();
    wrn_json_set_string(object, member, text);
    wrn_json_set(into, key, object);
}

static void send_event(listener *l, const char *what, wrn_json *event) {
    char now[WRN_RFC3339_SIZE];
    WRN_AUTO(wrn_buf_free) wrn_buf frame = WRN_BUF_INIT;
    wrn_rfc3339(now, wrn_unix_time());
    wrn_json_set_string(event, "event", what);
    wrn_json_set_string(event, "timestamp", now);
    wrn_buf_printf(&frame, "event: %s\ndata: ", what);
    wrn_json_write(event, &frame);
    wrn_buf_puts(&frame, "\n\n");
    wrn_tap_write(l->tap, frame.data, frame.size);
}

/* The platform knows two. */
static const char *platform_reason(const char *reason) {
    bool expired = strcmp(reason, WRN_WHY_IDLE) == 0 || strcmp(reason, WRN_WHY_LIFETIME) == 0;
    return expired ? "ttl_expired" : "orphaned";
}

static void events_on_news(wrn_watcher *watcher, const wrn_news *news) {
    listener *l = (listener *)watcher;
    const char *what = wrn_news_platform_name(news->type);
    if (!what) return;
    /* A client that does not read is disconnected, so that it knows that events are missing. */
    if (wrn_tap_is_crowded(l->tap)) return wrn_tap_abort(l->tap), end_listener(l);
    WRN_AUTO(wrn_json_freep) wrn_json *event = wrn_json_new_object();
    wrn_json *resource = wrn_json_new_object();
    wrn_json_set_string(resource, "id", news->row ? news->row->id : news->name);
    wrn_json_set_string(resource, "type", news->row ? "capsule" : "template");
    wrn_json_set(event, "resource", resource);
    wrn_json_set_string(event, "outcome", news->fault ? "error" : "success");
    if (news->fault) wrn_json_set_string(event, "error", news->fault->message);
    if (news->reason) set_object(event, "metadata", "reason", platform_reason(news->reason));
    if (news->reason) set_object(event, "actor", "type", "system");
    if (news->row) wrn_json_set(event, "sandbox", wrn_show_sandbox(l->server, news->row));
    send_event(l, what, event);
}

/* Answers; NULL when the client is gone. */
static listener *begin(wrn_request *request, const char *type, const char *keepalive, uint64_t keepalive_ms,
                       void (*tell)(wrn_watcher *watcher, const wrn_news *news)) {
    static const wrn_tap_events events = {.data = ignore_data, .gone = end_listener, .stop = events_on_stop};
    WRN_AUTO(wrn_buf_free) wrn_buf head = WRN_BUF_INIT;
    wrn_buf_printf(&head, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nCache-Control: no-store\r\nConnection: close\r\n",
                   type);
    wrn_buf_put(&head, request->fields.data, request->fields.size);
    wrn_buf_puts(&head, "\r\n");
    listener *l = calloc(1, sizeof(*l));
    l->server = wrn_server_of(request);
    l->keepalive = keepalive;
    l->watcher.tell = tell;
    memcpy(l->watcher.team_id, request->who.team_id, sizeof(l->watcher.team_id));
    uv_timer_init(&l->server->loop, &l->timer);
    l->timer.data = l;
    l->tap = wrn_request_take_over(request, head.data, &events, l);
    if (!l->tap) return uv_close((uv_handle_t *)&l->timer, events_on_timer_closed), NULL;
    wrn_watch(l->server->sandboxes, &l->watcher);
    uv_timer_start(&l->timer, send_keepalive, keepalive_ms, keepalive_ms);
    return l;
}

void wrn_route_events(wrn_request *request) {
    listener *l = begin(request, "text/event-stream", ":keepalive\n\n", KEEPALIVE_MS, events_on_news);
    if (!l) return;
    WRN_AUTO(wrn_json_freep) wrn_json *event = wrn_json_new_object();
    send_event(l, "connected", event);
    wrn_tap_read(l->tap, true);
}

/* ---- leases ---- */

static void lease_on_news(wrn_watcher *watcher, const wrn_news *news) {
    listener *l = (listener *)watcher;
    wrn_state state;
    if (news->row && strcmp(news->row->id, l->held) == 0 && wrn_state_parse(news->row->status, &state) &&
        state == WRN_STATE_STOPPED)
        events_on_stop(l);
}

void wrn_route_hold(wrn_request *request, const wrn_sandbox_row *row) {
    wrn_fault fault;
    const wrn_server *server = wrn_server_of(request);
    if (!wrn_sandboxes_hold(server->sandboxes, row, &fault)) return wrn_reply_fault(request, &fault);
    listener *l = begin(request, "text/plain", "\n", LEASE_KEEPALIVE_MS, lease_on_news);
    if (!l) return wrn_sandboxes_let_go(server->sandboxes, row->id);
    memcpy(l->held, row->id, sizeof(l->held));
    wrn_tap_set_patience(l->tap, LEASE_PATIENCE_SEC);
    send_keepalive(&l->timer);
    wrn_tap_read(l->tap, true);
}
