/* Writes each answer, and each message of a WebSocket, as a line of JSON for conformance.py. The linker puts these functions
 * in front of the server's (--wrap), so the server knows nothing of it. On with $WRENN_RECORD, a directory. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "server/http/conn.h"
#include "server/http/websocket.h"
#include "server/routes/proxy.h"
#include "server/routes/routes.h"

/* Larger bodies are those of tests about size: their lines say only that there was one. */
enum { BODY_MAX = 65536, MESSAGE_MAX = 4096 };

void __real_wrn_conn_reply(wrn_request *request, int status, const char *type, wrn_buf *body);
void __wrap_wrn_conn_reply(wrn_request *request, int status, const char *type, wrn_buf *body);
void __real_wrn_reply_begin(wrn_request *request, int status, const char *type, int64_t length);
void __wrap_wrn_reply_begin(wrn_request *request, int status, const char *type, int64_t length);
wrn_tap *__real_wrn_request_take_over(wrn_request *request, const char *head, const wrn_tap_events *events,
                                      void *context);
wrn_tap *__wrap_wrn_request_take_over(wrn_request *request, const char *head, const wrn_tap_events *events,
                                      void *context);
wrn_websocket *__real_wrn_websocket_accept(wrn_request *request, const char *protocol, bool stranger,
                                           const wrn_websocket_events *events, void *context);
wrn_websocket *__wrap_wrn_websocket_accept(wrn_request *request, const char *protocol, bool stranger,
                                           const wrn_websocket_events *events, void *context);
void __real_wrn_websocket_send(wrn_websocket *ws, bool binary, const void *data, size_t size);
void __wrap_wrn_websocket_send(wrn_websocket *ws, bool binary, const void *data, size_t size);

static int out = -1;

/* The daemon may change its user later, so it is opened now. */
__attribute__((constructor)) static void open_record(void) {
    const char *dir = getenv("WRENN_RECORD");
    char path[512];
    if (!dir) return;
    snprintf(path, sizeof(path), "%s/%d", dir, (int)getpid());
    out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (out < 0) perror(path), abort();
}

static void put_line(const char *path, const char *key, wrn_json *value, wrn_json *line) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_json_set_string(line, "path", path);
    if (value) wrn_json_set(line, key, value);
    wrn_json_write(line, &text);
    wrn_buf_putc(&text, '\n');
    if (text.failed || write(out, text.data, text.size) != (ssize_t)text.size) abort();
    wrn_json_free(line);
}

static wrn_json *text_of(const void *data, size_t size, size_t max) {
    return data && size && size <= max ? wrn_json_new_string(data, size) : NULL;
}

/* What programs in sandboxes answer has no schema. */
static void record(const wrn_request *request, int status, const char *type, const wrn_buf *body) {
    const char *host = wrn_http_head_get(&request->head, "host");
    if (out < 0 || !request->conn || (host && wrn_proxy_matches(host))) return;
    wrn_json *line = wrn_json_new_object();
    wrn_json_set_string(line, "method", request->head.method ? request->head.method : "-");
    wrn_json_set_int(line, "status", status);
    wrn_json_set_string(line, "type", type ? type : "");
    wrn_json_set_int(line, "size", body ? (int64_t)body->size : -1);
    bool is_json = type && strcmp(type, "application/json") == 0;
    wrn_json *text = is_json && body ? text_of(body->data, body->size, BODY_MAX) : NULL;
    put_line(request->head.path ? request->head.path : "-", "body", text, line);
}

void __wrap_wrn_conn_reply(wrn_request *request, int status, const char *type, wrn_buf *body) {
    record(request, status, type, body);
    __real_wrn_conn_reply(request, status, type, body);
}

void __wrap_wrn_reply_begin(wrn_request *request, int status, const char *type, int64_t length) {
    record(request, status, type, NULL);
    __real_wrn_reply_begin(request, status, type, length);
}

/* Answers that write their own head. */
wrn_tap *__wrap_wrn_request_take_over(wrn_request *request, const char *head, const wrn_tap_events *events,
                                      void *context) {
    char type[64];
    if (sscanf(head, "HTTP/1.1 200 OK\r\nContent-Type: %63[^\r]", type) == 1) record(request, 200, type, NULL);
    return __real_wrn_request_take_over(request, head, events, context);
}

/* Which route a WebSocket belongs to; of several with one address the first is the latest. */
typedef struct opened {
    const wrn_websocket *ws;
    struct opened *next;
    char path[200];
} opened;

static opened *sockets;

wrn_websocket *__wrap_wrn_websocket_accept(wrn_request *request, const char *protocol, bool stranger,
                                           const wrn_websocket_events *events, void *context) {
    opened *o = out < 0 ? NULL : calloc(1, sizeof(*o));
    record(request, 101, NULL, NULL);
    if (o) snprintf(o->path, sizeof(o->path), "%s", request->head.path);
    wrn_websocket *ws = __real_wrn_websocket_accept(request, protocol, stranger, events, context);
    if (!o) return ws;
    o->ws = ws;
    o->next = sockets;
    sockets = o;
    return ws;
}

void __wrap_wrn_websocket_send(wrn_websocket *ws, bool binary, const void *data, size_t size) {
    const opened *o = sockets;
    while (o && o->ws != ws) o = o->next;
    if (o && binary) {
        wrn_json *line = wrn_json_new_object();
        put_line(o->path, "stream", wrn_json_new_int(size ? *(const char *)data : -1), line);
    } else if (o) {
        put_line(o->path, "message", text_of(data, size, MESSAGE_MAX), wrn_json_new_object());
    }
    __real_wrn_websocket_send(ws, binary, data, size);
}
