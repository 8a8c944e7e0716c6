/* The client behind wrenn/client.h, as operations and streams know it. api/client.c makes and frees it. */
#pragma once

#include <sys/types.h>

#include "base/auto.h"
#include "base/buf.h"
#include "net/http.h"
#include "net/local.h"
#include "net/loop.h"
#include "net/websocket.h"
#include "wire/url.h"
#include "wrenn/client.h"
#include "wrenn/sandboxes.h"
#include "wrenn/stream.h"

struct wrenn_client {
    int refs; /* the caller's, and one for each operation and sandbox handle */
    pid_t owner;
    bool closed;                        /* freed by the caller: nothing new is started */
    bool free_pending;                  /* freed from inside a callback */
    void (*free)(wrenn_client *client); /* wrenn_client_free() */
    bool running;                       /* the loop runs: callers on the stack are not finished */
    int callbacks;                      /* of the caller's that run, one inside the other */
    wrn_loop *loop;
    wrn_http *http;
    wrn_local *local;
    wrn_base_url base;
    char *base_text; /* what wrenn_client_base_url() says */
    char *api_key, *token;
    char *proxy_domain;
    int64_t timeout_ms, max_attempts;
    int64_t era;     /* WRENN_ERA_* */
    wrenn_op *probe; /* finding the era out */
    bool features_known;
    bool has_background; /* it has a list of processes, so it has background commands */
    unsigned features;   /* WRN_FEATURE_* that the server has said it has */
    wrenn_op *first;     /* unfinished operations */
    wrenn_op *completed, **completed_tail;
    wrn_socket_hub *sockets;
    wrenn_stream *streams; /* all that are not freed */
    wrenn_stream *ready_first, **ready_tail;
    int64_t idle_timeout_ms;
    uint64_t jitter; /* state of the generator that spreads retries */
    wrenn_log_fn log;
    void *log_user_data;
};

/* Error unless the client may start operations now. */
int wrn_client_check(const wrenn_client *client, wrenn_error **error);
void wrn_client_ref(wrenn_client *client);
void wrn_client_unref(wrenn_client *client);
/* Around each callback of the caller's. A callback may start, cancel and free anything. While functions on the stack
 * still use these objects (wrn_client_is_amid()), the loop does that later. */
void wrn_client_enter_callback(wrenn_client *client);
void wrn_client_leave_callback(wrenn_client *client);
/* Whether a callback runs that the loop has called. */
bool wrn_client_is_amid(const wrenn_client *client);
/* Runs the loop until over() is true or the deadline (base/clock.h) has passed, one round at least; then settles, which
 * may free the client unless the caller has a reference. */
void wrn_client_run(wrenn_client *client, int64_t until_ms, bool (*over)(void *context), void *context);
/* The same without settling. */
void wrn_client_run_loop(wrenn_client *client, int64_t until_ms, bool (*over)(void *context), void *context);
/* To be called before control goes back to the caller: updates the client's descriptor, and frees the client if a
 * callback asked for that. */
void wrn_client_settle(wrenn_client *client);
void wrn_client_log(wrenn_client *client, const wrenn_log_event *event);
void wrn_client_warn(wrenn_client *client, const char *format, ...) WRN_PRINTF(2, 3);
