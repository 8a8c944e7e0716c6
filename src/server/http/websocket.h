/* A WebSocket on a connection taken over. Messages in and out; pings are answered. */
#ifndef WRN_SERVER_HTTP_WEBSOCKET_H
#define WRN_SERVER_HTTP_WEBSOCKET_H

#include "server/http/request.h"

typedef struct wrn_websocket wrn_websocket;

/* The longest message of those we know, and of others. */
enum { WRN_WEBSOCKET_MESSAGE_MAX = 4 * 1024 * 1024 + 65536, WRN_WEBSOCKET_STRANGER_MAX = 16384 };

typedef struct wrn_websocket_events {
    void (*message)(void *context, bool binary, const char *data, size_t size);
    void (*room)(void *context); /* it was crowded, and under half of WRN_HIGH_WATER is unsent */
    /* The other end has closed or is gone; the websocket is gone when this returns. Not called after close. */
    void (*gone)(void *context);
} wrn_websocket_events;

/* False when it was no sound upgrade request (RFC 6455 section 4.2.1) and was answered so. */
bool wrn_websocket_check(wrn_request *request);
/* Whether the client offers this subprotocol. */
bool wrn_websocket_offers(const wrn_request *request, const char *protocol);
/* Upgrades a checked request and frees it. `stranger`: messages are short until wrn_websocket_welcome(). `protocol` NULL: none.
 * NULL when the client is gone, or out of memory. */
wrn_websocket *wrn_websocket_accept(wrn_request *request, const char *protocol, bool stranger,
                                    const wrn_websocket_events *events, void *context);
/* It is known who it is; `owner`: as of wrn_tap_set_owner(). */
void wrn_websocket_welcome(wrn_websocket *ws, const char *owner);
/* From now on messages may be as long as that. */
void wrn_websocket_limit(wrn_websocket *ws, size_t message_max);
/* No event comes from inside these. */
void wrn_websocket_send(wrn_websocket *ws, bool binary, const void *data, size_t size);
void wrn_websocket_ping(wrn_websocket *ws);
/* So much waits to be sent that it should be no more; `room` will follow. */
bool wrn_websocket_is_crowded(const wrn_websocket *ws);
void wrn_websocket_read(wrn_websocket *ws, bool on);
/* Sends what is unsent and a close frame, then ends the connection. No event follows. */
void wrn_websocket_close(wrn_websocket *ws, int code);

#endif
