/* WebSocket (RFC 6455) for both ends: bytes in, messages out. No descriptor and no clock.
 *
 * The framing is wslay's, known to ws.c only. Fragments are joined and text is checked to be UTF-8; a violation of
 * the protocol ends the connection with the close code for it. So does a message in very many tiny fragments, because each
 * takes memory of its own. Bytes to send are appended to wrn_ws_out(). However much is received, at most one ping and one
 * pong are pending in it, and at most one more pong is due. */
#pragma once

#include "base/buf.h"

typedef struct wrn_ws wrn_ws;

enum {
    WRN_WS_NORMAL = 1000,
    WRN_WS_GOING_AWAY = 1001,
    WRN_WS_PROTOCOL_ERROR = 1002,
    WRN_WS_NO_STATUS = 1005, /* a close frame without a code */
    WRN_WS_BAD_TEXT = 1007,  /* text is not UTF-8 */
    WRN_WS_TOO_BIG = 1009,
    WRN_WS_INTERNAL_ERROR = 1011,
    WRN_WS_TRY_AGAIN = 1013
};

typedef struct wrn_ws_events {
    /* A whole message. */
    void (*message)(void *context, bool binary, const char *data, size_t size);
    /* The peer has closed. The close frame that answers it is in wrn_ws_out(). */
    void (*closed)(void *context, int code);
} wrn_ws_events;

/* A client masks its frames. A message longer than `message_max` ends the connection. NULL when out of memory. */
wrn_ws *wrn_ws_new(bool client, size_t message_max, const wrn_ws_events *events, void *context);
/* Not from inside its events. */
void wrn_ws_free(wrn_ws *ws);
/* The size of the incomplete message so far. */
size_t wrn_ws_unfinished(const wrn_ws *ws);
/* Changes message_max. */
void wrn_ws_limit(wrn_ws *ws, size_t message_max);

/* False when nothing more can be received: the peer has closed, or violated the protocol (see wrn_ws_problem()). */
bool wrn_ws_feed(wrn_ws *ws, const void *data, size_t size);
/* These queue a frame. False when out of memory, or after a close. */
bool wrn_ws_send(wrn_ws *ws, bool binary, const void *data, size_t size);
bool wrn_ws_close(wrn_ws *ws, int code);
/* `unsent` is the number of pending bytes, in wrn_ws_out() and with the owner. Does nothing while a ping is among them. */
bool wrn_ws_ping(wrn_ws *ws, size_t unsent);
/* Queues the pong for the latest ping, if one is due. Call it whenever something was received or sent: it does nothing while
 * an earlier pong is pending. */
bool wrn_ws_pong(wrn_ws *ws, size_t unsent);
/* Bytes to send; the caller consumes them. */
wrn_buf *wrn_ws_out(wrn_ws *ws);
/* The close code that was sent for a violation by the peer; 0: none. */
int wrn_ws_problem(const wrn_ws *ws);

/* ---- the handshake ---- */

enum { WRN_WS_KEY_SIZE = 25, WRN_WS_ACCEPT_SIZE = 29 };

/* A fresh Sec-WebSocket-Key. False without random numbers. */
bool wrn_ws_make_key(char key[WRN_WS_KEY_SIZE]);
/* The Sec-WebSocket-Accept that belongs to a key (RFC 6455 section 4.2.2); "" when out of memory. */
void wrn_ws_accept(const char *key, char accept[WRN_WS_ACCEPT_SIZE]);
/* Whether the text is 16 bytes in base64. */
bool wrn_ws_is_key(const char *key);
