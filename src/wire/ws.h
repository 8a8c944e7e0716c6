/* WebSocket (RFC 6455) for both ends: bytes in, messages out. No descriptor and no clock.
 *
 * The framing is wslay's, known to ws.c only. Fragments are joined and text is checked to be UTF-8; what breaks the
 * rules ends the connection with the fitting close code, and so does a message in very many very small fragments, for each
 * takes memory of its own. What is to be sent gathers in wrn_ws_out(). However much comes in, there is never more than one
 * ping and one pong among what is not sent yet, and one pong to come. */
#ifndef WRN_WIRE_WS_H
#define WRN_WIRE_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

typedef struct wrn_ws wrn_ws;

enum {
    WRN_WS_NORMAL = 1000,
    WRN_WS_GOING_AWAY = 1001,
    WRN_WS_PROTOCOL_ERROR = 1002,
    WRN_WS_NO_STATUS = 1005, /* a close frame without a code */
    WRN_WS_BAD_TEXT = 1007,  /* what should be UTF-8 is not */
    WRN_WS_TOO_BIG = 1009,
    WRN_WS_INTERNAL_ERROR = 1011,
    WRN_WS_TRY_AGAIN = 1013
};

typedef struct wrn_ws_events {
    /* A whole message. */
    void (*message)(void *context, bool binary, const char *data, size_t size);
    /* The other end has closed. Our answer is in wrn_ws_out(). */
    void (*closed)(void *context, int code);
} wrn_ws_events;

/* The client's end masks what it sends. Longer messages than `message_max` end the connection. NULL when out of memory. */
wrn_ws *wrn_ws_new(bool client, size_t message_max, const wrn_ws_events *events, void *context);
/* Not from inside its events. */
void wrn_ws_free(wrn_ws *ws);
/* The bytes of the message that is not whole yet. */
size_t wrn_ws_unfinished(const wrn_ws *ws);
/* From now on. */
void wrn_ws_limit(wrn_ws *ws, size_t message_max);

/* False when nothing more can be received: closed by the other end, or it broke the rules (wrn_ws_problem() says how). */
bool wrn_ws_feed(wrn_ws *ws, const void *data, size_t size);
/* Each queues and is false when out of memory, or after a close. */
bool wrn_ws_send(wrn_ws *ws, bool binary, const void *data, size_t size);
bool wrn_ws_close(wrn_ws *ws, int code);
/* `unsent` is how many bytes wait to be sent, here and with the owner. Nothing is queued while another ping is among them. */
bool wrn_ws_ping(wrn_ws *ws, size_t unsent);
/* The answer to the latest ping, if one is due: to be called whenever something was received or sent. As long as an earlier
 * answer is among what is unsent, it waits. */
bool wrn_ws_pong(wrn_ws *ws, size_t unsent);
/* Bytes to send; the caller consumes them. */
wrn_buf *wrn_ws_out(wrn_ws *ws);
/* The close code we sent for want of the rules being kept; 0: they were. */
int wrn_ws_problem(const wrn_ws *ws);

/* ---- the handshake ---- */

enum { WRN_WS_KEY_SIZE = 25, WRN_WS_ACCEPT_SIZE = 29 };

/* A fresh Sec-WebSocket-Key. False without random numbers. */
bool wrn_ws_make_key(char key[WRN_WS_KEY_SIZE]);
/* The Sec-WebSocket-Accept that belongs to a key (RFC 6455 section 4.2.2); "" when out of memory. */
void wrn_ws_accept(const char *key, char accept[WRN_WS_ACCEPT_SIZE]);
/* Sixteen bytes in base64. */
bool wrn_ws_is_key(const char *key);

#endif
