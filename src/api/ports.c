#include "api/ports.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/operations.h"
#include "client/sandbox.h"
#include "client/stream.h"
#include "gen/requests.h"

enum { PORT_MAX = 65535, PATH_SHOWN = 100 };

#define CLUSTER_HOST "app.wrenn.dev"
#define CLUSTER_DOMAIN "wrenn.dev"
#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static bool is_cluster(const char *host, size_t size) {
    return size == strlen(CLUSTER_HOST) && strncasecmp(host, CLUSTER_HOST, size) == 0;
}

/* The domain of sandbox ports. Without an option it is host[:port] of the base URL, or localhost for a socket. */
static int read_domain(const wrenn_client *client, const char **domain, size_t *size, wrenn_error **error) {
    const char *base = strstr(client->base.url, "://") + 3;
    *domain = client->proxy_domain ? client->proxy_domain : base;
    *size = strcspn(*domain, client->proxy_domain ? "" : "/");
    if (!client->proxy_domain && is_cluster(base, strcspn(base, ":/"))) {
        *domain = CLUSTER_DOMAIN;
        *size = strlen(CLUSTER_DOMAIN);
    }
    if (strspn(*domain, LETTERS_AND_DIGITS "-._~:") >= *size && **domain != ':') return 0;
    return wrn_refuse(error,
                      "\"%.*s\" can't be the domain of sandbox ports; set proxy_domain of the client options, or "
                      "WRENN_PROXY_DOMAIN, to a host name with or without a port",
                      (int)*size, *domain);
}

static int check_port(int64_t port, wrenn_error **error) {
    if (port >= 1 && port <= PORT_MAX) return 0;
    return wrn_refuse(error, "the port must be between 1 and %d, not %lld", PORT_MAX, (long long)port);
}

/* Appends the host name of a port. */
static int put_name(const wrenn_sandbox *sandbox, int64_t port, wrn_buf *name, wrenn_error **error) {
    static const char here[] = "127.0.0.1";
    const char *domain;
    size_t size, number = sizeof(here) - 1;
    int rc = check_port(port, error);
    if (rc == 0) rc = read_domain(sandbox->client, &domain, &size, error);
    if (rc != 0) return rc;
    if (sandbox->id[strspn(sandbox->id, LETTERS_AND_DIGITS "-")])
        return wrn_refuse(error, "the sandbox id \"%.100s\" can't be part of a host name", sandbox->id);
    wrn_buf_printf(name, "%lld-%s.", (long long)port, sandbox->id);
    /* A name that ends in a number is none for browsers. */
    if (size >= number && memcmp(domain, here, number) == 0 && (size == number || domain[number] == ':'))
        wrn_buf_puts(name, "localhost"), domain += number, size -= number;
    wrn_buf_put(name, domain, size);
    return name->failed ? wrn_no_memory(error, NULL) : 0;
}

/* A port is reached at its own name when that should resolve, else at the server, which reads the Host field. */
int wrn_port_call(wrenn_op *op, const char *method, int64_t port, const char *path, wrenn_error **error) {
    const wrenn_client *client = op->client;
    path = path && *path ? path : "/";
    size_t shown = strcspn(path, "?"); /* in the query there may be secrets */
    if (*path != '/' || path[strcspn(path, "\r\n #")])
        return wrn_refuse(error, "the path must begin with a slash and have no blanks, line breaks or \"#\": \"%.*s\"",
                          shown < PATH_SHOWN ? (int)shown : PATH_SHOWN, path);
    wrn_op_call_url(op, method, "");
    wrn_buf *url = &op->url, *host = &op->host;
    int rc = put_name(op->sandbox, port, host, error);
    if (rc != 0) return rc;
    const char *base = client->base.url, *authority = strstr(base, "://") + 3;
    bool by_name = !client->base.unix_path && (client->proxy_domain || is_cluster(authority, strcspn(authority, ":/")));
    if (by_name) wrn_buf_printf(url, "%.*s%s%s", (int)(authority - base), base, host->data, path);
    else wrn_buf_printf(url, "%.*s%s", (int)(authority - base + (ptrdiff_t)strcspn(authority, "/")), base, path);
    return url->failed ? wrn_no_memory(error, NULL) : 0;
}

int wrenn_sandbox_url(const wrenn_sandbox *sandbox, int64_t port, const char *scheme, char **url, wrenn_error **error) {
    static const char *const schemes[] = {"http", "https", "ws", "wss"};
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT, name = WRN_BUF_INIT;
    if (!sandbox || !url) return wrn_refuse(error, "the %s must not be NULL", sandbox ? "url" : "sandbox");
    bool known = false;
    if (!scheme) scheme = schemes[strncasecmp(sandbox->client->base.url, "https:", 6) == 0];
    for (size_t i = 0; i < WRN_COUNT(schemes) && !known; i++) known = strcmp(scheme, schemes[i]) == 0;
    if (!known) return wrn_refuse(error, "the scheme must be http, https, ws or wss, not \"%.100s\"", scheme);
    int rc = put_name(sandbox, port, &name, error);
    if (rc != 0) return rc;
    wrn_buf_printf(&text, "%s://%s", scheme, name.data);
    *url = wrn_buf_steal(&text);
    return *url ? 0 : wrn_no_memory(error, NULL);
}

void wrenn_string_free(char *text) { free(text); }

/* ---- a request ---- */

static void port_request_respond(wrenn_op *op, wrn_http_response *response) {
    wrenn_port_response *result = wrn_result_new(sizeof(*result));
    if (!result) return wrn_op_fail_no_memory(op);
    wrn_arena *arena = wrn_result_arena(result);
    const char *type = response->content_type;
    result->status = response->status;
    result->body_size = response->body.size;
    result->body = wrn_arena_dup(arena, response->body.data, response->body.size);
    result->content_type = type ? wrn_arena_dup(arena, type, strlen(type)) : NULL;
    if (result->body && (!type || result->content_type)) return wrn_op_finish(op, result, wrn_result_free);
    wrn_result_free(result);
    wrn_op_fail_no_memory(op);
}

const wrn_op_type wrn_sandbox_port_request_type = {{"port_request"},
                                                   .respond = port_request_respond,
                                                   .any_status = true};

static int put_headers(wrenn_op *op, const char *const *headers, wrenn_error **error) {
    for (size_t i = 0; headers && headers[i]; i++) {
        const char *colon = strchr(headers[i], ':');
        if (!colon || colon == headers[i] || strpbrk(headers[i], "\r\n"))
            return wrn_refuse(error, "port_request: headers[%zu] is not of the form Name: value", i);
        wrn_buf_printf(&op->fields, "%s\n", headers[i]);
    }
    return 0;
}

static int check_method(const char *method, wrenn_error **error) {
    if (*method && strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(method)) return 0;
    return wrn_refuse(error, "port_request: \"%.40s\" is no method", method);
}

int wrn_sandbox_port_request_prepare(wrenn_op *op, const wrenn_sandbox_port_request_options *options,
                                     wrenn_error **error) {
    const char *method = options->method ? options->method : options->body ? "POST" : "GET";
    int rc = check_method(method, error);
    if (rc == 0) rc = wrn_port_call(op, method, options->port, options->path, error);
    if (options->body) wrn_buf_put(&op->body, options->body, options->body_size);
    return rc == 0 ? put_headers(op, options->headers, error) : rc;
}

/* ---- a WebSocket ---- */

static void port_message(wrenn_stream *stream, bool binary, const char *data, size_t size) {
    wrn_stream_push(
        stream,
        &(wrenn_event){.type = binary ? WRENN_EVENT_BINARY : WRENN_EVENT_TEXT, .data = data ? data : "", .size = size});
}

static bool port_input(wrenn_stream *stream, const void *data, size_t size) {
    return stream->socket && wrn_socket_send(stream->socket, true, data, size);
}

static const wrn_stream_type port_websocket = {
    .opened = wrn_stream_begun,
    .message = port_message,
    .input = port_input,
    .plain = true,
};

const wrn_op_type wrn_sandbox_port_websocket_type = {{"port_websocket"}, .stream = &port_websocket, WRN_STREAM_OP};

int wrn_sandbox_port_websocket_prepare(wrenn_op *op, int64_t port, const char *path, wrenn_error **error) {
    return wrn_port_call(op, "GET", port, path, error);
}

/* ---- waiting for one ---- */

enum { WAIT_MAX_MS = 3600 * 1000, WAIT_MARGIN_MS = 15000 };

static void wait_port_respond(wrenn_op *op, wrn_http_response *response) {
    wrn_port_state *state = wrn_op_decode(op, response, &wrn_model_port_state);
    if (!state) return;
    bool listening = state->listening;
    long long port = state->port;
    wrn_result_free(state);
    if (listening) return wrn_op_finish(op, NULL, NULL);
    wrn_op_fail_as(op, WRENN_E_TIMEOUT, "nothing listens on port %lld of the sandbox", port);
}

const wrn_op_type wrn_sandbox_wait_port_type = {
    {"wait_port", "GET", "/sandboxes/{sandbox id}/ports/{port}?wait_sec={seconds}", WRN_AUTH_ANY},
    .respond = wait_port_respond};

int wrn_sandbox_wait_port_prepare(wrenn_op *op, int64_t port, int64_t time_limit_ms, wrenn_error **error) {
    char number[WRN_NUMBER_SIZE], seconds[WRN_NUMBER_SIZE];
    const char *const args[] = {wrn_number(number, port), wrn_number(seconds, wrn_whole_seconds(time_limit_ms))};
    int rc = check_port(port, error);
    if (rc == 0) rc = wrn_op_check(op, error, {"time_limit_ms", time_limit_ms, 0, WAIT_MAX_MS});
    if (rc != 0) return rc;
    wrn_op_limit(op, time_limit_ms + WAIT_MARGIN_MS);
    return wrn_op_call_type(op, args, NULL, error);
}
