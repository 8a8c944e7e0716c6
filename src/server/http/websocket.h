/* A WebSocket on a tap. Messages in and out; pings are answered. */
#pragma once

#include "server/http/request.h"

typedef struct wrn_websocket wrn_websocket;

/* The longest message: of authenticated clients, and of others. */
enum { WRN_WEBSOCKET_MESSAGE_MAX = 4 * 1024 * 1024 + 65536, WRN_WEBSOCKET_STRANGER_MAX = 16384 };

typedef struct wrn_websocket_events {
    void (*message)(void *context, bool binary, const char *data, size_t size);
    void (*room)(void *context); /* it is no longer crowded */
    /* The peer has closed or is gone; the websocket is gone when this returns. Not called after close. */
    void (*gone)(void *context);
} wrn_websocket_events;

/* Whether the request is a valid upgrade (RFC 6455 section 4.2.1). False: it was answered. */
bool wrn_websocket_check(wrn_request *request);
/* Whether the client offers this subprotocol. */
bool wrn_websocket_offers(const wrn_request *request, const char *protocol);
/* Upgrades a checked request and frees it. `stranger`: messages are limited to WRN_WEBSOCKET_STRANGER_MAX until
 * wrn_websocket_welcome(). `protocol` NULL: none. NULL when the client is gone. */
wrn_websocket *wrn_websocket_accept(wrn_request *request, const char *protocol, bool stranger,
                                    const wrn_websocket_events *events, void *context);
/* The client has authenticated. `owner`: see wrn_tap_set_owner(). */
void wrn_websocket_welcome(wrn_websocket *ws, const char *owner);
/* Sets another limit for messages. */
void wrn_websocket_limit(wrn_websocket *ws, size_t message_max);
/* No event comes from inside these. */
void wrn_websocket_send(wrn_websocket *ws, bool binary, const void *data, size_t size);
void wrn_websocket_ping(wrn_websocket *ws);
/* Too much is unsent to send more; `room` will follow. */
bool wrn_websocket_is_crowded(const wrn_websocket *ws);
void wrn_websocket_read(wrn_websocket *ws, bool on);
/* Sends a close frame and closes once everything is sent. No event follows. */
void wrn_websocket_close(wrn_websocket *ws, int code);
