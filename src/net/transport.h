/* What HTTP and WebSockets share: the connection options for libcurl, and its multi interface on a wrn_loop. For net/ only. */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

#include "net/connection.h"
#include "net/loop.h"

/* ---- how to connect ---- */

typedef struct wrn_transport {
    wrn_loop *loop;
    char *unix_path, *ca_file, *client_cert, *client_key, *proxy, *no_proxy, *user_agent;
    int64_t connect_timeout_ms;
} wrn_transport;

/* False when out of memory. */
bool wrn_transport_init(wrn_transport *transport, wrn_loop *loop, const wrn_http_config *config);
void wrn_transport_clear(wrn_transport *transport);
/* Sets all options of `easy` that concern its connection. */
void wrn_transport_apply(const wrn_transport *transport, CURL *easy);
/* The message for a connection that failed or broke: `libcurl`, unless that would mislead. */
const char *wrn_transport_problem(const wrn_transport *transport, CURL *easy, wrn_http_outcome outcome,
                                  char room[CURL_ERROR_SIZE], const char *libcurl);

/* ---- transfers ---- */

typedef struct wrn_transfer {
    CURL *easy;
    int fd;       /* the socket that it last waited for, or -1 */
    bool starved; /* its socket can't be watched: memory is short */
    struct wrn_transfer *next_starved;
} wrn_transfer;

typedef struct wrn_multi {
    wrn_loop *loop;
    CURLM *multi;
    wrn_timer timer;
    bool collecting;
    wrn_transfer *starved;
    /* A transfer has ended. Never runs inside a call of libcurl, so it may do anything. */
    void (*done)(wrn_transfer *transfer, CURLcode code);
} wrn_multi;

bool wrn_multi_init(wrn_multi *multi, wrn_loop *loop, void (*done)(wrn_transfer *transfer, CURLcode code));
/* All transfers must be removed before. */
void wrn_multi_clear(wrn_multi *multi);
bool wrn_multi_add(wrn_multi *multi, wrn_transfer *transfer);
/* Whether the socket has something to read, or is closed. */
bool wrn_transport_readable(int fd);
/* Also when it was never added, or its easy handle is NULL. */
void wrn_multi_remove(wrn_multi *multi, wrn_transfer *transfer);
