/* The client: connections, timers and operations behind one file descriptor.
 *
 * Every operation can be called in three ways, which share their code:
 *   1. blocking      rc = wrenn_sandbox_ping(sandbox, &error);
 *   2. callback      wrenn_sandbox_ping_start(sandbox, done, user_data, &op, &error), and in `done`
 *                    rc = wrenn_sandbox_ping_finish(op, &error);
 *   3. your own loop wait until wrenn_client_fd() is readable, then call wrenn_client_dispatch(): it runs the callbacks.
 *
 * A _start never blocks. It reads its arguments during the call, and fails only for what can be seen on this side.
 * `done` may be NULL. `op` may be NULL too; otherwise *op belongs to the caller, who frees it with wrenn_op_free(). A
 * _finish does not block either: once the operation is over it hands out the result, one time, or the error; before
 * that it gives WRENN_E_AGAIN.
 *
 * `done`, and what wrenn_stream_on_ready() sets, run inside wrenn_client_dispatch() and wrenn_client_free() only: never
 * inside a _start, never inside a blocking call (what completes meanwhile is kept for the next dispatch, and the
 * descriptor stays readable). `done` runs exactly once, also for operations that were cancelled. The other callbacks
 * (those that move the data of uploads and downloads, those of run_code, and the log's) run whenever there is something
 * for them, in blocking calls too.
 *
 * One rule for all callbacks: they may start, cancel and free whatever they like, their own operation, stream, sandbox
 * and client included, and use everything that does not block. A call that blocks, or a dispatch, fails with
 * WRENN_E_REENTRANT. When the library is in the middle of its own work, what the callback starts or cancels takes
 * effect as soon as it has returned. After an operation was cancelled or its client freed, only its `done` is still
 * called. A blocking call whose client or stream is freed meanwhile ends as WRENN_E_CANCELLED.
 *
 * A client belongs to one thread at a time; different clients are independent. The library starts no threads, handles
 * no signals and never raises SIGPIPE. After fork() the child may only free what it inherited, and make clients of its
 * own. */
#ifndef WRENN_CLIENT_H
#define WRENN_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "wrenn/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Connections, configuration and what is under way. Made by wrenn_client_new(). */
typedef struct wrenn_client wrenn_client;
/* An operation that a _start has begun. */
typedef struct wrenn_op wrenn_op;

/* What one HTTP exchange took, each counted from its start, in microseconds; 0 when that point was not reached. A
 * reused connection has dns and connect of 0 or nearly so. */
typedef struct wrenn_timings {
    int64_t dns_us;
    int64_t connect_us;    /* TCP or unix socket connected */
    int64_t tls_us;        /* TLS ready */
    int64_t first_byte_us; /* first byte of the answer */
    int64_t total_us;
    int64_t attempts; /* exchanges made for this operation, retries included */
} wrenn_timings;

/* wrenn_log_event.level. */
enum {
    WRENN_LOG_DEBUG = 1,  /* each exchange with the server */
    WRENN_LOG_WARNING = 2 /* what no return value reports, such as a sandbox that may still run */
};

/* One line about something that happened. Text is borrowed; it never holds credentials. */
typedef struct wrenn_log_event {
    int64_t level;       /* WRENN_LOG_* */
    const char *message; /* for people, one line */
    const char *method;  /* of the exchange it is about, NULL if it is about none */
    /* Of the request as it was sent, "/v1/sandboxes": with the base URL's prefix and with its query, but without the
     * query where a port of a sandbox is called. */
    const char *path;
    int64_t http_status;          /* 0: no answer */
    const wrenn_timings *timings; /* NULL if it is about no exchange */
} wrenn_log_event;

/* May be called from inside any library call, and may do what all callbacks may. Not called once the client is
 * freed. */
typedef void (*wrenn_log_fn)(const wrenn_log_event *event, void *user_data);

/* wrenn_client_options.era: which generation of the interface the server speaks. */
enum {
    WRENN_ERA_AUTO = 0,      /* found out with the first call that needs it */
    WRENN_ERA_SANDBOXES = 1, /* /v1/sandboxes */
    WRENN_ERA_CAPSULES = 2   /* /v1/capsules */
};

/* Zero and NULL mean the default everywhere. An empty string counts as NULL. */
typedef struct wrenn_client_options {
    size_t struct_size; /* from WRENN_CLIENT_OPTIONS_INIT */
    /* https://host[:port][/prefix], http://..., unix:/path/to/socket, or local: for a private wrennd that lives as long
     * as a client of this process uses it. That one writes to this process's stderr only what WRENND_LOG_LEVEL asks for (error,
     * warning, info or debug). Default: WRENN_BASE_URL; else https://app.wrenn.dev/api when there are credentials; else
     * local:. */
    const char *base_url;
    const char *api_key;      /* default: WRENN_API_KEY */
    const char *token;        /* user token for api_keys and hosts; default: WRENN_TOKEN */
    const char *proxy_domain; /* domain of sandbox ports: wrenn_sandbox_url(); default: WRENN_PROXY_DOMAIN */
    const char *ca_file;      /* PEM bundle to trust instead of the system's */
    const char *client_cert;  /* PEM file, with client_key */
    const char *client_key;
    const char *proxy;    /* http://, https://, socks5://, socks5h://; default: the usual environment variables */
    const char *no_proxy; /* comma-separated hosts; default: NO_PROXY */
    /* Program for local:, unless this process has a private server already: a path, or a name to look for in PATH.
     * Default: WRENN_WRENND, else wrennd beside the running program or in the build directory that it runs from, else
     * the installed one, else from PATH. Except for a path that is given, the program and all directories on the way
     * must belong to root or the effective user, and nobody else may be able to write to them. */
    const char *wrennd;
    int64_t connect_timeout_ms; /* default 10,000 */
    int64_t timeout_ms;         /* for a whole operation, retries included; default: what suits each operation */
    int64_t max_attempts;       /* for requests that may be repeated (GET, DELETE); default 3; 1: no retries */
    int64_t max_response_bytes; /* a larger answer is WRENN_E_LIMIT; default 256 MiB */
    /* WRENN_ERA_*; default: CAPSULES for unix:, because wrennd is there; else found out with the first call that needs it */
    int64_t era;
    wrenn_log_fn log; /* default: nothing is reported, not even warnings */
    void *log_user_data;
    int64_t idle_timeout_ms; /* a stream ends when its server is silent for so long; default 75,000 */
} wrenn_client_options;

#define WRENN_CLIENT_OPTIONS_INIT \
    { sizeof(wrenn_client_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_client_options_init(wrenn_client_options *options, size_t size);

/* Options of a single call, which every operation takes; zero and NULL mean the default. An operation with options of
 * its own has these as their member `call`, whose struct_size is ignored. */
typedef struct wrenn_call_options {
    size_t struct_size; /* from WRENN_CALL_OPTIONS_INIT */
    /* For the whole operation, retries included; default: the client's, else what suits the operation. For uploads and
     * downloads: the longest time in which no byte moves. */
    int64_t timeout_ms;
    /* Sent as Idempotency-Key with the POST requests of the operation: 1 to 255 visible ASCII characters. Only a create
     * is retried because of it: see wrenn_sandboxes_create(). */
    const char *idempotency_key;
    /* Sent as X-Request-ID, for the logs of servers and proxies: 1 to 128 visible ASCII characters. */
    const char *request_id;
    /* "Name: value", NULL at the end; names that the library sets itself are refused. Like the two above they go to the
     * API with each request of the operation and of its clean-up, never to what runs in a sandbox. */
    const char *const *headers;
    int64_t reserved[3]; /* 0 */
} wrenn_call_options;
#define WRENN_CALL_OPTIONS_ZERO    \
    {                              \
        0, 0, 0, 0, 0, { 0, 0, 0 } \
    }
#define WRENN_CALL_OPTIONS_INIT                             \
    {                                                       \
        sizeof(wrenn_call_options), 0, 0, 0, 0, { 0, 0, 0 } \
    }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_call_options_init(wrenn_call_options *options, size_t size);

/* Makes a client. Does not connect, and does not block, except that local: starts wrennd and waits until it is ready
 * (some 20 ms, 15 s at most). The options are copied; NULL means all defaults. The caller frees *client.
 * Fails with WRENN_E_INVALID_ARGUMENT, _NO_MEMORY, _SYSTEM, and for local: _CONNECTION_FAILED. */
WRENN_API WRENN_NODISCARD int wrenn_client_new(const wrenn_client_options *options, wrenn_client **client,
                                               wrenn_error **error);

/* Ends every operation as cancelled, running its callback, then closes all connections. After a create that was given
 * up it first waits until its sandbox is destroyed, after a run_code until its code is interrupted (10 s at most). With
 * the last client of local: it also ends the private wrennd and waits until that has cleaned up (10 s at most). From
 * inside a callback the freeing happens when the callback has returned, and nothing more can be started. NULL is fine.
 * Sandbox handles of the client stay valid for freeing. */
WRENN_API void wrenn_client_free(wrenn_client *client);

/* A descriptor that is readable whenever wrenn_client_dispatch() has work, timers included. It belongs to the client:
 * only poll it. */
WRENN_API int wrenn_client_fd(const wrenn_client *client);

/* Does the pending work and runs callbacks. Waits for at most timeout_ms for something to happen: 0 does not block,
 * -1 waits without limit (and returns at once when no operation is under way). Returns the number of callbacks run. */
WRENN_API int wrenn_client_dispatch(wrenn_client *client, int64_t timeout_ms, wrenn_error **error);

/* Uses this user token from now on, such as the one of wrenn_auth_login(); NULL drops it. */
WRENN_API WRENN_NODISCARD int wrenn_client_set_token(wrenn_client *client, const char *token, wrenn_error **error);

/* The base URL in use. For local: it is the unix: URL of the private server, for other programs to share. */
WRENN_API const char *wrenn_client_base_url(const wrenn_client *client);
/* The API key in use, NULL without one. */
WRENN_API const char *wrenn_client_api_key(const wrenn_client *client);

/* Runs once when the operation is over. `op` is valid during the call, whoever owns it. */
typedef void (*wrenn_done_fn)(wrenn_op *op, void *user_data);

/* Asks an operation to stop. It ends as WRENN_E_CANCELLED, and its callback runs in the next dispatch. What the server
 * made of it is unknown; only a create and a run_code are cleaned up after (see there). The operation is over when this
 * returns, or, if it is called from a callback, at the latest when that has returned. An operation that was over before
 * keeps its outcome, but if it is a create whose result nobody takes, its sandbox is destroyed all the same. */
WRENN_API void wrenn_op_cancel(wrenn_op *op);
/* Nonzero when the operation is over and _finish will give its result. */
WRENN_API int wrenn_op_is_done(const wrenn_op *op);
/* Timings of the last exchange made for the operation, to which they belong; NULL when there is none yet. */
WRENN_API const wrenn_timings *wrenn_op_timings(const wrenn_op *op);
/* Frees the caller's handle on an operation; NULL is fine. The operation goes on, and its callback still runs. */
WRENN_API void wrenn_op_free(wrenn_op *op);

/* Version of these headers. Between two versions with the same major number, of which the first is at least 1, only
 * additions are made. */
#define WRENN_VERSION_MAJOR 0
#define WRENN_VERSION_MINOR 2
#define WRENN_VERSION_PATCH 0
/* Version of the library in use, "MAJOR.MINOR.PATCH". */
WRENN_API const char *wrenn_version(void);

#ifdef __cplusplus
}
#endif

#endif
