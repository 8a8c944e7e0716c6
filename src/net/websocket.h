/* WebSockets for the client, over libcurl's connections (TLS, proxies, unix sockets) on a wrn_loop.
 *
 * Events come from inside wrn_loop_poll() only. A socket that has ended stays until it is freed, which is allowed at any
 * time, in its own events too. */
#ifndef WRN_NET_WEBSOCKET_H
#define WRN_NET_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/http.h"

typedef struct wrn_socket_hub wrn_socket_hub; /* of one client */
typedef struct wrn_socket wrn_socket;

enum { WRN_SOCKET_HIGH_WATER = 256 * 1024 };

typedef struct wrn_socket_request {
    const char *url;             /* http://... or https://..., where the upgrade goes */
    const char *host;            /* for the Host field; NULL: of the URL */
    const char *protocol;        /* subprotocol to offer, or NULL; a constant */
    const char *api_key, *token; /* at most one is sent */
    const char *extra;           /* further header fields, each line ended by a newline; or NULL */
    size_t message_max;          /* of what is received */
    int64_t idle_ms;             /* without a sign of life for this long it counts as lost; pings go out before */
} wrn_socket_request;

typedef enum wrn_socket_end {
    WRN_SOCKET_CLOSED,    /* by the other end, with a close frame */
    WRN_SOCKET_LOST,      /* without one */
    WRN_SOCKET_SILENT,    /* nothing came for idle_ms */
    WRN_SOCKET_BROKEN,    /* it broke the protocol's rules */
    WRN_SOCKET_TOO_LARGE, /* a message was longer than message_max */
    WRN_SOCKET_NO_MEMORY
} wrn_socket_end;

typedef struct wrn_socket_events {
    void (*opened)(void *context, bool protocol_selected);
    /* Instead: there was another answer, or none. Valid during the call. */
    void (*refused)(void *context, wrn_http_response *response);
    void (*message)(void *context, bool binary, const char *data, size_t size);
    void (*room)(void *context); /* unsent had reached the high water mark and is under half of it; may be NULL */
    void (*ended)(void *context, wrn_socket_end end, int code); /* last; after `opened` */
} wrn_socket_events;

wrn_socket_hub *wrn_socket_hub_new(wrn_loop *loop, const wrn_http *http);
/* All sockets must be freed before. NULL is fine. */
void wrn_socket_hub_free(wrn_socket_hub *hub);
/* After fork(), in the child. */
void wrn_socket_hub_abandon(wrn_socket_hub *hub);

/* NULL when out of memory. */
wrn_socket *wrn_socket_open(wrn_socket_hub *hub, const wrn_socket_request *request, const wrn_socket_events *events,
                            void *context);
/* False when out of memory, or ended. */
bool wrn_socket_send(wrn_socket *socket, bool binary, const void *data, size_t size);
/* From now on its events go elsewhere. */
void wrn_socket_hand_over(wrn_socket *socket, const wrn_socket_events *events, void *context);
size_t wrn_socket_unsent(const wrn_socket *socket);
/* Stops and continues reception. */
void wrn_socket_pause(wrn_socket *socket, bool pause);
/* Says goodbye as far as that goes without waiting, then frees. NULL is fine. */
void wrn_socket_free(wrn_socket *socket);

#endif
