/* WebSockets for the client, over libcurl's connections (TLS, proxies, unix sockets) on a wrn_loop.
 *
 * Events are reported from inside wrn_loop_poll() only. A socket that has ended stays allocated until it is freed, which is
 * allowed at any time, even in its own events. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/http.h"

typedef struct wrn_socket_hub wrn_socket_hub; /* of one client */
typedef struct wrn_socket wrn_socket;

enum { WRN_SOCKET_HIGH_WATER = 256 * 1024 };

typedef struct wrn_socket_request {
    const char *url;             /* http://... or https://... */
    const char *host;            /* for the Host field; NULL: that of the URL */
    const char *protocol;        /* subprotocol to offer, or NULL; a constant */
    const char *api_key, *token; /* at most one is sent */
    const char *extra;           /* further header fields, each line ended by a newline; or NULL */
    size_t message_max;          /* longest message to receive */
    int64_t idle_ms;             /* a server that is silent for so long is lost; pings are sent before */
} wrn_socket_request;

typedef enum wrn_socket_end {
    WRN_SOCKET_CLOSED,    /* by the server, with a close frame */
    WRN_SOCKET_LOST,      /* the connection broke */
    WRN_SOCKET_SILENT,    /* nothing came for idle_ms */
    WRN_SOCKET_BROKEN,    /* the server violated the protocol */
    WRN_SOCKET_TOO_LARGE, /* a message was longer than message_max */
    WRN_SOCKET_NO_MEMORY
} wrn_socket_end;

typedef struct wrn_socket_events {
    void (*opened)(void *context, bool protocol_selected);
    /* Instead of `opened`: the response was no upgrade, or there was none. *response is valid during the call. */
    void (*refused)(void *context, wrn_http_response *response);
    void (*message)(void *context, bool binary, const char *data, size_t size);
    void (*room)(
        void *context); /* wrn_socket_unsent() was above the high water mark and is below half of it; may be NULL */
    void (*ended)(void *context, wrn_socket_end end, int code); /* the last event after `opened` */
} wrn_socket_events;

wrn_socket_hub *wrn_socket_hub_new(wrn_loop *loop, const wrn_http *http);
/* All sockets must be freed before. NULL is fine. */
void wrn_socket_hub_free(wrn_socket_hub *hub);
/* After fork(), in the child: see wrn_http_abandon(). */
void wrn_socket_hub_abandon(wrn_socket_hub *hub);

/* NULL when out of memory. */
wrn_socket *wrn_socket_open(wrn_socket_hub *hub, const wrn_socket_request *request, const wrn_socket_events *events,
                            void *context);
/* False when out of memory, or ended. */
bool wrn_socket_send(wrn_socket *socket, bool binary, const void *data, size_t size);
/* Changes who gets its events. */
void wrn_socket_hand_over(wrn_socket *socket, const wrn_socket_events *events, void *context);
size_t wrn_socket_unsent(const wrn_socket *socket);
/* Stops or continues receiving. */
void wrn_socket_pause(wrn_socket *socket, bool pause);
/* Sends a close frame if that does not block, then closes and frees. NULL is fine. */
void wrn_socket_free(wrn_socket *socket);
