/* URLs of what listens inside a sandbox. The server forwards to them without asking for credentials: whoever knows such
 * a URL gets in. Do not send yours there, they would reach the program in the sandbox. */
#ifndef WRENN_PORTS_H
#define WRENN_PORTS_H

#include "wrenn/sandbox.h"
#include "wrenn/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The URL of a TCP port of the sandbox, "https://8080-cl-....wrenn.dev". `scheme` is "http", "https", "ws" or "wss";
 * NULL: http or https, as the base URL has it. The domain is wrenn_client_options.proxy_domain or WRENN_PROXY_DOMAIN;
 * without them wrenn.dev for https://app.wrenn.dev, the host and port of another base URL, and localhost for unix:,
 * local: and 127.0.0.1. Where that name does not resolve, connect to the server itself and send the name as the Host header. Does not
 * block and asks nobody. The caller frees *url with wrenn_string_free(). Fails with WRENN_E_INVALID_ARGUMENT (port,
 * scheme, or a domain or id that can't be part of a host name) and WRENN_E_NO_MEMORY. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_url(const wrenn_sandbox *sandbox, int64_t port, const char *scheme,
                                                char **url, wrenn_error **error);

/* Waits until something listens on a TCP port of the sandbox, where the port proxy would connect to
 * (GET /v1/sandboxes/{id}/ports/{port}); nothing connects to it. `time_limit_ms`, rounded up to seconds, is at most an hour;
 * 0: looks once. Blocks. Fails with WRENN_E_TIMEOUT when nothing listens by then, WRENN_E_CONFLICT when the sandbox does not
 * run, WRENN_E_NOT_FOUND also with servers other than wrennd, which do not have this. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_wait_port(wrenn_sandbox *sandbox, int64_t port, int64_t time_limit_ms,
                                                      const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_wait_port_start(wrenn_sandbox *sandbox, int64_t port, int64_t time_limit_ms,
                                                            const wrenn_call_options *options, wrenn_done_fn done,
                                                            void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_wait_port_finish(wrenn_op *op, wrenn_error **error);

typedef struct wrenn_sandbox_port_request_options {
    size_t struct_size; /* from WRENN_SANDBOX_PORT_REQUEST_OPTIONS_INIT */
    wrenn_call_options call;
    int64_t port;               /* 1 to 65535; has no default */
    const char *method;         /* default: GET, or POST with a body */
    const char *path;           /* with its query, already percent-encoded; default: "/" */
    const char *const *headers; /* "Name: value", NULL at the end */
    const void *body;
    size_t body_size;
} wrenn_sandbox_port_request_options;
#define WRENN_SANDBOX_PORT_REQUEST_OPTIONS_INIT \
    { sizeof(wrenn_sandbox_port_request_options), WRENN_CALL_OPTIONS_ZERO, 0, 0, 0, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_sandbox_port_request_options_init(wrenn_sandbox_port_request_options *options, size_t size);

/* Belongs to the caller as a whole; wrenn_port_response_free(). */
typedef struct wrenn_port_response {
    int64_t status;           /* of HTTP, whatever it is */
    const char *content_type; /* or NULL */
    const char *body;         /* with a NUL after it that does not count */
    size_t body_size;
} wrenn_port_response;

/* An HTTP request to a program that listens on a TCP port of the sandbox, through the port proxy. The name of
 * wrenn_sandbox_url() need not resolve when it is derived from the base URL: the connection goes to the server itself.
 * No credentials of this client are sent along. Every answer is a result, also one of the proxy: 404 (no such sandbox),
 * 409 (it does not run) and 502 (nothing listens) with text/plain; other servers than wrennd may say 502 or 503 for
 * some time after a sandbox was paused or destroyed. Blocks. GET, HEAD and DELETE are repeated when the connection
 * fails. The caller frees *response. Fails with WRENN_E_INVALID_ARGUMENT, _CONNECTION_FAILED, _CONNECTION_LOST,
 * _TIMEOUT and _LIMIT (a body over max_response_bytes). */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_port_request(wrenn_sandbox *sandbox,
                                                         const wrenn_sandbox_port_request_options *options,
                                                         wrenn_port_response **response, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_port_request_start(wrenn_sandbox *sandbox,
                                                               const wrenn_sandbox_port_request_options *options,
                                                               wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                               wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_port_request_finish(wrenn_op *op, wrenn_port_response **response,
                                                                wrenn_error **error);

/* A WebSocket to a program that listens on a TCP port of the sandbox, through the port proxy and without credentials.
 * `path` as above; NULL: "/". Messages come as WRENN_EVENT_TEXT and WRENN_EVENT_BINARY; wrenn_stream_send_text() and
 * wrenn_stream_write() send them, the latter one binary message a call. The stream ends normally when the other end
 * closes it. Blocks (30 s). The caller owns *stream. An upgrade that is refused is an error by its HTTP status, so
 * WRENN_E_AGENT when nothing listens. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_port_websocket(wrenn_sandbox *sandbox, int64_t port, const char *path,
                                                           const wrenn_call_options *options, wrenn_stream **stream,
                                                           wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_port_websocket_start(wrenn_sandbox *sandbox, int64_t port, const char *path,
                                                                 const wrenn_call_options *options, wrenn_done_fn done,
                                                                 void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_port_websocket_finish(wrenn_op *op, wrenn_stream **stream,
                                                                  wrenn_error **error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_port_response_free(wrenn_port_response *response);
/* NULL is fine. */
WRENN_API void wrenn_string_free(char *text);

#ifdef __cplusplus
}
#endif

#endif
