#include "wire/ws.h"

#include <nettle/sha1.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <wslay/wslay.h>

#include "base/text.h"

enum { CONTROL_MAX = 125, FRAME_HEAD_MAX = 14, FIN = 0x80, MASKED = 0x80 };

struct wrn_ws {
    wslay_event_context_ptr wslay; /* receives; what it wants to send itself is dropped */
    wrn_ws_events events;
    void *context;
    const uint8_t *in; /* while bytes are fed */
    size_t in_size;
    wrn_buf out;
    size_t fragments, message_size; /* of the incomplete message, from the heads of its frames */
    size_t unfinished;              /* bytes of that message received so far */
    bool in_control;                /* the current frame is a control frame */
    uint64_t put;                   /* bytes that were ever appended to `out` */
    uint64_t pong_end, ping_end;    /* the same up to the end of the latest pong and ping */
    bool pong_owed;
    uint8_t pong[CONTROL_MAX];
    size_t pong_size;
    bool client;
    bool over;   /* nothing more is received */
    bool closed; /* nothing more is sent */
    int problem; /* the close code that was sent for a violation by the peer */
    uint8_t random[256];
    size_t random_left;
};

/* A message may have so many fragments of any size; beyond that, fragments must have this many bytes on average. */
enum { FRAGMENTS_FREE = 1024, FRAGMENT_SIZE = 64 };

/* ---- frames ---- */

/* Masks must be unpredictable, so that scripts cannot forge bytes of other protocols (RFC 6455 section 10.3). */
static bool ws_take_mask(wrn_ws *ws, uint8_t mask[4]) {
    if (!ws->random_left) {
        if (getrandom(ws->random, sizeof(ws->random), 0) != (ssize_t)sizeof(ws->random)) return false;
        ws->random_left = sizeof(ws->random);
    }
    ws->random_left -= 4;
    memcpy(mask, ws->random + ws->random_left, 4);
    return true;
}

static size_t ws_write_head(uint8_t head[FRAME_HEAD_MAX], uint8_t opcode, size_t size) {
    size_t bytes = size <= CONTROL_MAX ? 0 : size <= UINT16_MAX ? 2 : 8;
    head[0] = FIN | opcode;
    head[1] = (uint8_t)(!bytes ? size : bytes == 2 ? 126 : 127);
    for (size_t i = 0; i < bytes; i++) head[2 + i] = (uint8_t)((uint64_t)size >> 8 * (bytes - 1 - i));
    return 2 + bytes;
}

static bool ws_put_frame(wrn_ws *ws, uint8_t opcode, const void *data, size_t size) {
    uint8_t head[FRAME_HEAD_MAX], mask[4] = {0};
    size_t head_size = ws_write_head(head, opcode, size);
    if (ws->closed || size > SIZE_MAX - FRAME_HEAD_MAX || (ws->client && !ws_take_mask(ws, mask)) ||
        !wrn_buf_reserve(&ws->out, size + FRAME_HEAD_MAX))
        return false;
    size_t before = ws->out.size;
    if (ws->client) head[1] |= MASKED;
    wrn_buf_put(&ws->out, head, head_size);
    if (ws->client) wrn_buf_put(&ws->out, mask, sizeof(mask));
    size_t at = ws->out.size;
    wrn_buf_put(&ws->out, data, size);
    for (size_t i = 0; ws->client && i < size; i++) ws->out.data[at + i] ^= (char)mask[i % 4];
    ws->put += ws->out.size - before;
    return true;
}

bool wrn_ws_close(wrn_ws *ws, int code) {
    uint8_t payload[] = {(uint8_t)(code >> 8), (uint8_t)code};
    bool put = ws_put_frame(ws, WSLAY_CONNECTION_CLOSE, payload, code == WRN_WS_NO_STATUS ? 0 : sizeof(payload));
    ws->closed = true;
    return put;
}

/* ---- wslay's callbacks ---- */

static ssize_t ws_on_recv(wslay_event_context_ptr wslay, uint8_t *data, size_t room, int flags, void *context) {
    wrn_ws *ws = context;
    if (!ws->in_size) {
        wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t size = room < ws->in_size ? room : ws->in_size;
    memcpy(data, ws->in, size);
    ws->in += size;
    ws->in_size -= size;
    return (ssize_t)size;
}

static ssize_t ws_on_send(wslay_event_context_ptr wslay, const uint8_t *data, size_t size, int flags, void *context) {
    return (ssize_t)size;
}

static int ws_on_mask(wslay_event_context_ptr wslay, uint8_t *mask, size_t size, void *context) {
    memset(mask, 0, size);
    return 0;
}

/* The close code that answers an invalid close frame; 0 when it is valid. wslay accepts codes that must not be sent (RFC 6455
 * section 7.4), and a reason that is not UTF-8 if it arrives in pieces. */
static int problem_of_close(const struct wslay_event_on_msg_recv_arg *message) {
    uint16_t code = message->status_code;
    if (message->msg_length == 0) return 0;
    bool good = message->msg_length > 1 &&
                ((code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999));
    if (!good) return WRN_WS_PROTOCOL_ERROR;
    size_t size = message->msg_length - 2;
    return wrn_utf8_valid_prefix((const char *)message->msg + 2, size) == size ? 0 : WRN_WS_BAD_TEXT;
}

static void ws_on_frame(wslay_event_context_ptr wslay, const struct wslay_event_on_frame_recv_start_arg *frame,
                        void *context) {
    wrn_ws *ws = context;
    ws->in_control = frame->opcode > WSLAY_BINARY_FRAME;
    if (ws->in_control) return;
    if (frame->opcode != WSLAY_CONTINUATION_FRAME) ws->fragments = ws->message_size = 0;
    ws->fragments++;
    ws->message_size += frame->payload_length;
}

static void ws_on_chunk(wslay_event_context_ptr wslay, const struct wslay_event_on_frame_recv_chunk_arg *chunk,
                        void *context) {
    wrn_ws *ws = context;
    if (!ws->in_control) ws->unfinished += chunk->data_length;
}

static bool is_crumbled(const wrn_ws *ws) { return ws->fragments > FRAGMENTS_FREE + ws->message_size / FRAGMENT_SIZE; }

static void ws_take_close(wrn_ws *ws, const struct wslay_event_on_msg_recv_arg *message) {
    int code = message->status_code ? message->status_code : WRN_WS_NO_STATUS;
    ws->over = true;
    ws->problem = problem_of_close(message);
    wrn_ws_close(ws, ws->problem ? ws->problem : code);
    if (!ws->problem) ws->events.closed(ws->context, code);
}

/* Only the latest ping is answered (RFC 6455 section 5.5.3), so a flood of pings costs nothing. */
static void ws_take_ping(wrn_ws *ws, const struct wslay_event_on_msg_recv_arg *message) {
    ws->pong_owed = true;
    ws->pong_size = message->msg_length < CONTROL_MAX ? message->msg_length : CONTROL_MAX;
    if (ws->pong_size) memcpy(ws->pong, message->msg, ws->pong_size);
}

static void ws_on_message(wslay_event_context_ptr wslay, const struct wslay_event_on_msg_recv_arg *message,
                          void *context) {
    wrn_ws *ws = context;
    if (ws->over) return;
    if (message->opcode <= WSLAY_BINARY_FRAME) ws->unfinished = 0;
    if (message->opcode == WSLAY_CONNECTION_CLOSE) ws_take_close(ws, message);
    else if (message->opcode == WSLAY_PING) ws_take_ping(ws, message);
    else if (message->opcode == WSLAY_TEXT_FRAME || message->opcode == WSLAY_BINARY_FRAME)
        ws->events.message(ws->context, message->opcode == WSLAY_BINARY_FRAME, (const char *)message->msg,
                           message->msg_length);
}

/* ---- life ---- */

wrn_ws *wrn_ws_new(bool client, size_t message_max, const wrn_ws_events *events, void *context) {
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = ws_on_recv,
        .send_callback = ws_on_send,
        .genmask_callback = ws_on_mask,
        .on_frame_recv_start_callback = ws_on_frame,
        .on_frame_recv_chunk_callback = ws_on_chunk,
        .on_msg_recv_callback = ws_on_message,
    };
    wrn_ws *ws = calloc(1, sizeof(*ws));
    if (!ws) return NULL;
    ws->events = *events;
    ws->context = context;
    ws->client = client;
    int rc = client ? wslay_event_context_client_init(&ws->wslay, &callbacks, ws)
                    : wslay_event_context_server_init(&ws->wslay, &callbacks, ws);
    if (rc != 0) {
        free(ws);
        return NULL;
    }
    wslay_event_config_set_max_recv_msg_length(ws->wslay, message_max);
    return ws;
}

void wrn_ws_free(wrn_ws *ws) {
    if (!ws) return;
    wslay_event_context_free(ws->wslay);
    wrn_buf_free(&ws->out);
    free(ws);
}

size_t wrn_ws_unfinished(const wrn_ws *ws) { return ws->unfinished; }

void wrn_ws_limit(wrn_ws *ws, size_t message_max) {
    wslay_event_config_set_max_recv_msg_length(ws->wslay, message_max);
}

/* Receiving has failed, and the peer has not closed. */
static void ws_give_up(wrn_ws *ws, int rc) {
    ws->over = true;
    ws->problem = rc == 0                            ? wslay_event_get_status_code_sent(ws->wslay)
                  : rc == WSLAY_ERR_CALLBACK_FAILURE ? WRN_WS_PROTOCOL_ERROR
                                                     : WRN_WS_INTERNAL_ERROR;
    if (ws->problem) wrn_ws_close(ws, ws->problem);
}

bool wrn_ws_feed(wrn_ws *ws, const void *data, size_t size) {
    if (ws->over) return false;
    ws->in = data;
    ws->in_size = size;
    int rc = wslay_event_recv(ws->wslay);
    ws->in = NULL;
    ws->in_size = 0;
    if (wslay_event_send(ws->wslay) != 0 && rc == 0) rc = WSLAY_ERR_NOMEM;
    if (!ws->over && rc == 0 && is_crumbled(ws)) {
        ws->over = true;
        ws->problem = WRN_WS_TOO_BIG;
        wrn_ws_close(ws, ws->problem);
    }
    if (!ws->over && (rc != 0 || !wslay_event_get_read_enabled(ws->wslay))) ws_give_up(ws, rc);
    return !ws->over && !ws->out.failed;
}

bool wrn_ws_send(wrn_ws *ws, bool binary, const void *data, size_t size) {
    return ws_put_frame(ws, binary ? WSLAY_BINARY_FRAME : WSLAY_TEXT_FRAME, data, size);
}

/* Whether the frame that ends at this position is among the last `unsent` bytes, which may begin with bytes of the owner. */
static bool ws_is_pending(const wrn_ws *ws, uint64_t end, size_t unsent) {
    return end && (unsent >= ws->put || end > ws->put - unsent);
}

bool wrn_ws_ping(wrn_ws *ws, size_t unsent) {
    if (ws_is_pending(ws, ws->ping_end, unsent)) return true;
    if (!ws_put_frame(ws, WSLAY_PING, NULL, 0)) return false;
    ws->ping_end = ws->put;
    return true;
}

bool wrn_ws_pong(wrn_ws *ws, size_t unsent) {
    if (!ws->pong_owed || ws->closed || ws_is_pending(ws, ws->pong_end, unsent)) return true;
    if (!ws_put_frame(ws, WSLAY_PONG, ws->pong, ws->pong_size)) return false;
    ws->pong_owed = false;
    ws->pong_end = ws->put;
    return true;
}

wrn_buf *wrn_ws_out(wrn_ws *ws) { return &ws->out; }
int wrn_ws_problem(const wrn_ws *ws) { return ws->problem; }

/* ---- the handshake ---- */

static void ws_encode_base64(const void *data, size_t size, char *out, size_t out_size) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_base64_encode(&text, data, size);
    *out = '\0';
    if (!text.failed && text.size < out_size) memcpy(out, text.data, text.size + 1);
}

bool wrn_ws_make_key(char key[WRN_WS_KEY_SIZE]) {
    uint8_t random[16];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) return false;
    ws_encode_base64(random, sizeof(random), key, WRN_WS_KEY_SIZE);
    return *key;
}

void wrn_ws_accept(const char *key, char accept[WRN_WS_ACCEPT_SIZE]) {
    static const char suffix[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    struct sha1_ctx sha;
    uint8_t digest[SHA1_DIGEST_SIZE];
    sha1_init(&sha);
    sha1_update(&sha, strlen(key), (const uint8_t *)key);
    sha1_update(&sha, sizeof(suffix) - 1, (const uint8_t *)suffix);
    sha1_digest(&sha, sizeof(digest), digest);
    ws_encode_base64(digest, sizeof(digest), accept, WRN_WS_ACCEPT_SIZE);
}

bool wrn_ws_is_key(const char *key) {
    uint8_t bytes[18];
    return strlen(key) == WRN_WS_KEY_SIZE - 1 && wrn_base64_decode(bytes, key, WRN_WS_KEY_SIZE - 1) == 16;
}
