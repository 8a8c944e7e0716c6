#include "server/http/websocket.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/http/budget.h"
#include "wire/ws.h"

struct wrn_websocket {
    wrn_tap *tap; /* NULL once the connection is gone */
    wrn_ws *ws;
    wrn_websocket_events events;
    void *context;
    bool in_feed, closed; /* closed: by us, during a feed */
    size_t charged;       /* to the budget, for an incomplete message */
};

/* ---- the upgrade ---- */

static const char *field(const wrn_request *request, const char *name) {
    const char *value = wrn_http_head_get(&request->head, name);
    return value ? value : "";
}

static bool has_two(const wrn_request *request, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < request->head.count; i++) count += strcmp(request->head.fields[i].name, name) == 0;
    return count > 1;
}

bool wrn_websocket_check(wrn_request *request) {
    if (request->head.http_1_0 || !wrn_list_has(field(request, "upgrade"), "websocket") ||
        !wrn_list_has(field(request, "connection"), "upgrade")) {
        return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST, "this route is a WebSocket: send Upgrade: websocket");
    }
    if (strcmp(field(request, "sec-websocket-version"), "13") != 0) {
        wrn_request_add_field(request, "Sec-WebSocket-Version", "13");
        wrn_request_add_field(request, "Upgrade", "websocket");
        wrn_reply_error_as(request, 426, WRN_FAULT_INVALID_REQUEST, "only version 13 of WebSocket is known");
        return false;
    }
    if (!wrn_ws_is_key(field(request, "sec-websocket-key")) || has_two(request, "sec-websocket-key")) {
        return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST,
                          "exactly one Sec-WebSocket-Key with 16 bytes in base64 is needed");
    }
    return true;
}

bool wrn_websocket_offers(const wrn_request *request, const char *protocol) {
    return wrn_list_has(field(request, "sec-websocket-protocol"), protocol);
}

/* ---- receiving ---- */

static void end_websocket(wrn_websocket *w, bool tell) {
    wrn_budget_give(w->charged);
    if (w->tap) wrn_tap_close(WRN_TAKE(w->tap));
    if (tell) w->events.gone(w->context);
    wrn_ws_free(w->ws);
    free(w);
}

static void send_output(wrn_websocket *w) {
    wrn_buf *out = wrn_ws_out(w->ws);
    if (w->tap && out->size) wrn_tap_write(w->tap, out->data, out->size);
    wrn_buf_clear(out);
}

static size_t unsent(const wrn_websocket *w) { return w->tap ? wrn_tap_unsent(w->tap) : 0; }

static void flush_websocket(wrn_websocket *w) {
    send_output(w);
    if (wrn_ws_pong(w->ws, unsent(w))) send_output(w);
}

static void websocket_on_data(void *context, const char *data, size_t size) {
    wrn_websocket *w = context;
    w->in_feed = true;
    bool open = wrn_ws_feed(w->ws, data, size);
    w->in_feed = false;
    flush_websocket(w);
    if (!open || w->closed) return end_websocket(w, !w->closed);
    if (wrn_budget_charge(&w->charged, wrn_ws_unfinished(w->ws))) return;
    wrn_ws_close(w->ws, WRN_WS_TRY_AGAIN);
    flush_websocket(w);
    end_websocket(w, true);
}

static void websocket_on_message(void *context, bool binary, const char *data, size_t size) {
    wrn_websocket *w = context;
    if (!w->closed) w->events.message(w->context, binary, data, size);
}

static void ignore_closed(void *context, int code) { (void)context, (void)code; } /* wrn_ws_feed() reports it, too */

static void websocket_on_room(void *context) {
    wrn_websocket *w = context;
    if (w->events.room) w->events.room(w->context);
}

static void websocket_on_sent(void *context) {
    flush_websocket(context); /* the answer to a ping may have waited for this */
}

static void websocket_on_gone(void *context) {
    wrn_websocket *w = context;
    w->tap = NULL;
    end_websocket(w, true);
}

static void websocket_on_stop(void *context) {
    wrn_websocket *w = context;
    wrn_ws_close(w->ws, WRN_WS_GOING_AWAY);
    flush_websocket(w);
    end_websocket(w, true);
}

static void put_head(wrn_buf *head, const wrn_request *request, const char *protocol) {
    char accept[WRN_WS_ACCEPT_SIZE];
    wrn_ws_accept(field(request, "sec-websocket-key"), accept);
    wrn_buf_printf(head,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: %s\r\n",
                   accept);
    if (protocol) wrn_buf_printf(head, "Sec-WebSocket-Protocol: %s\r\n", protocol);
    wrn_buf_puts(head, "\r\n");
}

wrn_websocket *wrn_websocket_accept(wrn_request *request, const char *protocol, bool stranger,
                                    const wrn_websocket_events *events, void *context) {
    static const wrn_ws_events ws_events = {websocket_on_message, ignore_closed};
    static const wrn_tap_events tap_events = {.data = websocket_on_data,
                                              .room = websocket_on_room,
                                              .gone = websocket_on_gone,
                                              .stop = websocket_on_stop,
                                              .sent = websocket_on_sent,
                                              .little = true};
    WRN_AUTO(wrn_buf_free) wrn_buf head = WRN_BUF_INIT;
    wrn_websocket *w = calloc(1, sizeof(*w));
    w->ws = wrn_ws_new(false, stranger ? WRN_WEBSOCKET_STRANGER_MAX : WRN_WEBSOCKET_MESSAGE_MAX, &ws_events, w);
    if (!w->ws) abort(); /* out of memory, see memory.c */
    put_head(&head, request, protocol);
    w->events = *events;
    w->context = context;
    w->tap = wrn_request_take_over(request, head.data, &tap_events, w);
    if (w->tap) {
        wrn_tap_set_stranger(w->tap, stranger);
        wrn_tap_read(w->tap, true);
        return w;
    }
    wrn_ws_free(w->ws);
    free(w);
    return NULL;
}

void wrn_websocket_welcome(wrn_websocket *w, const char *owner) {
    wrn_ws_limit(w->ws, WRN_WEBSOCKET_MESSAGE_MAX);
    if (!w->tap) return;
    wrn_tap_set_stranger(w->tap, false);
    wrn_tap_set_owner(w->tap, owner);
}

void wrn_websocket_limit(wrn_websocket *w, size_t message_max) { wrn_ws_limit(w->ws, message_max); }

/* ---- sending ---- */

void wrn_websocket_send(wrn_websocket *w, bool binary, const void *data, size_t size) {
    if (wrn_ws_send(w->ws, binary, data, size)) flush_websocket(w);
}

void wrn_websocket_ping(wrn_websocket *w) {
    if (wrn_ws_ping(w->ws, unsent(w))) flush_websocket(w);
}

bool wrn_websocket_is_crowded(const wrn_websocket *w) { return w->tap && wrn_tap_is_crowded(w->tap); }

void wrn_websocket_read(wrn_websocket *w, bool on) {
    if (w->tap) wrn_tap_read(w->tap, on);
}

void wrn_websocket_close(wrn_websocket *w, int code) {
    wrn_ws_close(w->ws, code);
    flush_websocket(w);
    if (w->in_feed) w->closed = true;
    else end_websocket(w, false);
}
