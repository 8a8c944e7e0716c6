#include "net/websocket.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "net/transport.h"
#include "wire/upgrade.h"
#include "wire/ws.h"

/* libcurl searches all connections of a multi handle, so a limited number of sockets shares one. */
enum { SHARD_MAX = 64, READ_SIZE = 64 * 1024, PINGS_PER_IDLE = 3 };

typedef struct shard {
    wrn_multi multi;
    size_t count;
    struct shard *next;
} shard;

struct wrn_socket_hub {
    wrn_loop *loop;
    const wrn_transport *transport;
    shard *shards;
    char buffer[READ_SIZE];
    wrn_socket_hub *next_abandoned;
};

typedef enum state { CONNECTING, HANDSHAKE, OPEN, ENDED } state;

struct wrn_socket {
    wrn_transfer transfer; /* must come first: casts lead from it to the socket */
    wrn_socket_hub *hub;
    shard *shard;
    state state;
    int busy; /* events are being reported */
    bool freed, paused, crowded;
    int fd;
    wrn_watch *watch;
    uint32_t watched;
    wrn_timer timer;
    int64_t idle_ms, seen_ms;
    bool pinged;
    wrn_buf request; /* the part of the upgrade request that is not sent yet */
    char key[WRN_WS_KEY_SIZE];
    wrn_upgrade upgrade;
    wrn_ws *ws;
    wrn_socket_events events;
    void *context;
    char problem[CURL_ERROR_SIZE];
};

static void socket_on_ready(void *context, int fd, uint32_t events);

/* ---- the end ---- */

static void socket_unwatch(wrn_socket *s) {
    if (s->watch) wrn_loop_unwatch(s->hub->loop, WRN_TAKE(s->watch));
    wrn_loop_timer_clear(s->hub->loop, &s->timer);
}

/* Removing the transfer makes libcurl close the connection. */
static void socket_disconnect(wrn_socket *s) {
    socket_unwatch(s);
    if (!s->shard) return;
    wrn_multi_remove(&s->shard->multi, &s->transfer);
    s->shard->count--;
    s->shard = NULL;
    curl_easy_cleanup(s->transfer.easy);
    s->transfer.easy = NULL;
}

static void socket_destroy(wrn_socket *s) {
    socket_disconnect(s);
    if (s->transfer.easy) curl_easy_cleanup(s->transfer.easy);
    wrn_ws_free(s->ws);
    wrn_buf_free(&s->request);
    wrn_upgrade_clear(&s->upgrade);
    free(s);
}

static void socket_leave(wrn_socket *s) {
    if (--s->busy == 0 && s->freed) socket_destroy(s);
}

static void socket_end(wrn_socket *s, wrn_socket_end how, int code) {
    if (s->state == ENDED) return;
    s->state = ENDED;
    socket_unwatch(s);
    if (!s->freed) s->events.ended(s->context, how, code);
}

/* The socket ends before it is open. */
static void socket_refuse(wrn_socket *s, wrn_http_outcome outcome, const char *problem) {
    if (s->state == ENDED) return;
    s->state = ENDED;
    socket_unwatch(s);
    wrn_http_response response = {.outcome = outcome,
                                  .problem = problem,
                                  .status = s->upgrade.status,
                                  .body = s->upgrade.body,
                                  .retry_after_ms = s->upgrade.retry_after * 1000};
    if (*s->upgrade.request_id) response.request_id = s->upgrade.request_id;
    if (!s->freed) s->events.refused(s->context, &response);
    s->upgrade.body = response.body;
}

/* ---- bytes ---- */

/* A paused socket is not watched at all, because epoll would report a closed connection again and again. */
static void socket_update_watch(wrn_socket *s) {
    if (s->state == ENDED || s->state == CONNECTING) return;
    size_t unsent = s->request.size + wrn_ws_out(s->ws)->size;
    uint32_t wanted = (s->paused ? 0u : EPOLLIN) | (unsent ? EPOLLOUT : 0u);
    if (wanted == s->watched) return;
    s->watched = wanted;
    if (!wanted) wrn_loop_unwatch(s->hub->loop, WRN_TAKE(s->watch));
    else if (s->watch) wrn_loop_rewatch(s->hub->loop, s->watch, wanted);
    else s->watch = wrn_loop_watch(s->hub->loop, s->fd, wanted, socket_on_ready, s);
    if (wanted && !s->watch) socket_end(s, WRN_SOCKET_NO_MEMORY, 0);
}

/* Sends what it can of `out`; false when the connection is gone. */
static bool socket_send_some(wrn_socket *s, wrn_buf *out) {
    size_t done = 0;
    CURLcode code = CURLE_OK;
    while (done < out->size && code == CURLE_OK) {
        size_t sent = 0;
        code = curl_easy_send(s->transfer.easy, out->data + done, out->size - done, &sent);
        done += sent;
    }
    wrn_buf_consume(out, done);
    return code == CURLE_OK || code == CURLE_AGAIN;
}

static bool socket_send_frames(wrn_socket *s) {
    wrn_buf *out = wrn_ws_out(s->ws);
    if (out->size && !socket_send_some(s, out)) return false;
    size_t before = out->size;
    wrn_ws_pong(s->ws, before); /* if memory is short, the next ping is answered */
    return out->size == before || socket_send_some(s, out);
}

static void socket_flush(wrn_socket *s) {
    if (s->state == ENDED || s->state == CONNECTING) return;
    wrn_buf *out = wrn_ws_out(s->ws);
    bool ok = (!s->request.size || socket_send_some(s, &s->request)) && socket_send_frames(s);
    /* A broken connection may still have data to read; reading will find its end. */
    if (!ok) {
        wrn_buf_clear(&s->request);
        return wrn_buf_clear(out);
    }
    if (!s->crowded || out->size > WRN_SOCKET_HIGH_WATER / 2) return;
    s->crowded = false;
    if (s->events.room && !s->freed && s->state == OPEN) s->events.room(s->context);
}

static void socket_take_frames(wrn_socket *s, const char *data, size_t size) {
    if (wrn_ws_feed(s->ws, data, size)) return;
    socket_flush(s); /* sends the close frame: an answer to the peer's, or the code of its violation */
    int problem = wrn_ws_problem(s->ws);
    if (problem == WRN_WS_TOO_BIG) socket_end(s, WRN_SOCKET_TOO_LARGE, problem);
    else if (problem) socket_end(s, WRN_SOCKET_BROKEN, problem);
    else socket_end(s, WRN_SOCKET_LOST, 0); /* unless socket_on_closed() has ended it */
}

static void socket_take_response(wrn_socket *s, const char *data, size_t size) {
    size_t used;
    switch (wrn_upgrade_feed(&s->upgrade, data, size, &used)) {
    case WRN_UPGRADE_MORE: return;
    case WRN_UPGRADE_REFUSED: return socket_refuse(s, WRN_HTTP_ANSWERED, NULL);
    case WRN_UPGRADE_BAD:
        return socket_refuse(s, s->upgrade.no_memory ? WRN_HTTP_NO_MEMORY : WRN_HTTP_MALFORMED, s->upgrade.why);
    case WRN_UPGRADE_OPEN: break;
    }
    s->state = OPEN;
    s->seen_ms = wrn_now_ms();
    wrn_loop_timer_set(s->hub->loop, &s->timer, wrn_in_ms(s->idle_ms / PINGS_PER_IDLE));
    s->events.opened(s->context, s->upgrade.selected);
    if (s->state == OPEN && used < size) socket_take_frames(s, data + used, size - used);
}

static void socket_take_end(wrn_socket *s) {
    if (s->state == OPEN) return socket_end(s, WRN_SOCKET_LOST, 0);
    bool refused = wrn_upgrade_end(&s->upgrade) == WRN_UPGRADE_REFUSED;
    socket_refuse(s, refused ? WRN_HTTP_ANSWERED : WRN_HTTP_LOST,
                  "the server closed the connection during the handshake");
}

/* Reads until nothing is left: data that TLS has already decoded does not make the descriptor readable. */
static void socket_receive(wrn_socket *s) {
    while (!s->paused && !s->freed && (s->state == HANDSHAKE || s->state == OPEN)) {
        size_t got = 0;
        CURLcode code = curl_easy_recv(s->transfer.easy, s->hub->buffer, sizeof(s->hub->buffer), &got);
        if (code == CURLE_AGAIN) return;
        if (code != CURLE_OK || !got) return socket_take_end(s);
        s->seen_ms = wrn_now_ms();
        s->pinged = false;
        if (s->state == OPEN) socket_take_frames(s, s->hub->buffer, got);
        else socket_take_response(s, s->hub->buffer, got);
    }
}

static void socket_advance(wrn_socket *s, bool readable) {
    s->busy++;
    socket_flush(s);
    if (readable) socket_receive(s);
    socket_flush(s);
    if (!s->freed) socket_update_watch(s);
    socket_leave(s);
}

static void socket_on_ready(void *context, int fd, uint32_t events) {
    socket_advance(context, events & (EPOLLIN | EPOLLHUP | EPOLLERR));
}

/* ---- what wire/ws finds ---- */

static void socket_on_message(void *context, bool binary, const char *data, size_t size) {
    wrn_socket *s = context;
    if (!s->freed && s->state == OPEN) s->events.message(s->context, binary, data, size);
}

static void socket_on_closed(void *context, int code) { socket_end(context, WRN_SOCKET_CLOSED, code); }

/* ---- silence ---- */

static void socket_on_timer(wrn_timer *timer) {
    wrn_socket *s = WRN_OWNER(timer, wrn_socket, timer);
    int64_t now = wrn_now_ms(), step = s->idle_ms / PINGS_PER_IDLE;
    s->busy++;
    if (s->paused) s->seen_ms = now; /* nothing is received while paused, so silence does not count */
    if (now - s->seen_ms >= s->idle_ms) socket_end(s, WRN_SOCKET_SILENT, 0);
    else if (now - s->seen_ms >= step) wrn_ws_ping(s->ws, wrn_ws_out(s->ws)->size);
    if (s->state == OPEN) wrn_loop_timer_set(s->hub->loop, &s->timer, wrn_in_ms(step > 1 ? step : 1));
    s->busy--;
    socket_advance(s, true);
}

/* ---- opening ---- */

static void socket_on_connected(wrn_transfer *transfer, CURLcode code) {
    wrn_socket *s = (wrn_socket *)transfer;
    curl_socket_t fd = CURL_SOCKET_BAD;
    s->busy++;
    if (code == CURLE_OK) curl_easy_getinfo(s->transfer.easy, CURLINFO_ACTIVESOCKET, &fd);
    if (code == CURLE_OK && fd != CURL_SOCKET_BAD)
        s->watch = wrn_loop_watch(s->hub->loop, fd, EPOLLIN, socket_on_ready, s);
    s->fd = fd;
    if (s->watch) {
        s->watched = EPOLLIN;
        s->state = HANDSHAKE;
    } else {
        const char *problem = s->problem[0] ? s->problem : curl_easy_strerror(code);
        wrn_http_outcome outcome =
            code == CURLE_OUT_OF_MEMORY || code == CURLE_OK ? WRN_HTTP_NO_MEMORY : WRN_HTTP_NOT_SENT;
        s->upgrade.status = 0;
        socket_refuse(s, outcome,
                      wrn_transport_problem(s->hub->transport, s->transfer.easy, outcome, s->problem, problem));
        /* Otherwise the multi handle would report it again. */
        if (!s->freed) socket_disconnect(s);
    }
    s->busy--;
    if (s->freed) socket_destroy(s);
    else if (s->state == HANDSHAKE)
        socket_advance(s, true); /* at once, or libcurl might close the connection as unused */
}

static shard *shard_with_room(wrn_socket_hub *hub) {
    for (shard *each = hub->shards; each; each = each->next)
        if (each->count < SHARD_MAX) return each;
    shard *made = calloc(1, sizeof(*made));
    if (made && wrn_multi_init(&made->multi, hub->loop, socket_on_connected)) {
        made->next = hub->shards;
        hub->shards = made;
        return made;
    }
    free(made);
    return NULL;
}

static bool socket_write_request(wrn_socket *s, const wrn_socket_request *request) {
    const char *host = strstr(request->url, "://");
    if (!host || !wrn_ws_make_key(s->key)) return false;
    host += 3;
    size_t host_size = strcspn(host, "/?#");
    WRN_AUTO(wrn_buf_free) wrn_buf name = WRN_BUF_INIT;
    wrn_buf_put(&name, host, host_size);
    if (name.failed) return false;
    const char *path = host + host_size;
    wrn_upgrade_init(&s->upgrade, s->key, request->protocol);
    return wrn_upgrade_write(&s->request, &(wrn_upgrade_request){.host = request->host ? request->host : name.data,
                                                                 .path = *path ? path : "/",
                                                                 .protocol = request->protocol,
                                                                 .user_agent = s->hub->transport->user_agent,
                                                                 .api_key = request->api_key,
                                                                 .token = request->token,
                                                                 .extra = request->extra,
                                                                 .key = s->key});
}

static bool socket_connect(wrn_socket *s, const wrn_socket_request *request) {
    CURL *easy = s->transfer.easy;
    wrn_transport_apply(s->hub->transport, easy);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, s->problem);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L); /* otherwise an HTTP proxy would get the upgrade request */
    if (curl_easy_setopt(easy, CURLOPT_URL, request->url) != CURLE_OK) return false;
    s->shard = shard_with_room(s->hub);
    if (!s->shard) return false;
    if (wrn_multi_add(&s->shard->multi, &s->transfer)) {
        s->shard->count++;
        return true;
    }
    s->shard = NULL;
    return false;
}

wrn_socket *wrn_socket_open(wrn_socket_hub *hub, const wrn_socket_request *request, const wrn_socket_events *events,
                            void *context) {
    static const wrn_ws_events ws_events = {socket_on_message, socket_on_closed};
    wrn_socket *s = calloc(1, sizeof(*s));
    if (!s) return NULL;
    s->hub = hub;
    s->timer.fire = socket_on_timer;
    s->idle_ms = request->idle_ms;
    s->events = *events;
    s->context = context;
    s->ws = wrn_ws_new(true, request->message_max, &ws_events, s);
    s->transfer.easy = curl_easy_init();
    if (s->ws && s->transfer.easy && socket_write_request(s, request) && socket_connect(s, request)) return s;
    socket_destroy(s);
    return NULL;
}

/* ---- for the owner ---- */

bool wrn_socket_send(wrn_socket *s, bool binary, const void *data, size_t size) {
    if (s->state != OPEN || !wrn_ws_send(s->ws, binary, data, size)) return false;
    if (wrn_ws_out(s->ws)->size >= WRN_SOCKET_HIGH_WATER) s->crowded = true;
    /* The loop sends it, so that small messages share a packet and no event is reported from inside this call. */
    if (!(s->watched & EPOLLOUT)) socket_update_watch(s);
    return true;
}

void wrn_socket_hand_over(wrn_socket *s, const wrn_socket_events *events, void *context) {
    s->events = *events;
    s->context = context;
}

size_t wrn_socket_unsent(const wrn_socket *s) { return wrn_ws_out(s->ws)->size; }

void wrn_socket_pause(wrn_socket *s, bool pause) {
    if (s->paused == pause) return;
    s->paused = pause;
    if (s->state == ENDED) return;
    socket_update_watch(s);
    if (pause || s->state != OPEN) return;
    /* TLS may have decoded data already: see socket_receive(). */
    s->seen_ms = wrn_now_ms();
    wrn_loop_timer_set(s->hub->loop, &s->timer, s->seen_ms);
}

void wrn_socket_free(wrn_socket *s) {
    if (!s || s->freed) return;
    if (s->state == OPEN) {
        wrn_ws_close(s->ws, WRN_WS_NORMAL);
        s->events.room = NULL;
        socket_send_some(s, wrn_ws_out(s->ws));
    }
    s->freed = true;
    s->state = ENDED;
    if (!s->busy) socket_destroy(s);
}

wrn_socket_hub *wrn_socket_hub_new(wrn_loop *loop, const wrn_http *http) {
    wrn_socket_hub *hub = calloc(1, sizeof(*hub));
    if (!hub) return NULL;
    hub->loop = loop;
    hub->transport = wrn_http_transport(http);
    return hub;
}

void wrn_socket_hub_free(wrn_socket_hub *hub) {
    if (!hub) return;
    while (hub->shards) {
        shard *each = hub->shards;
        hub->shards = each->next;
        wrn_multi_clear(&each->multi);
        free(each);
    }
    free(hub);
}

/* See wrn_http_abandon(). */
void wrn_socket_hub_abandon(wrn_socket_hub *hub) {
    static wrn_socket_hub *abandoned;
    hub->next_abandoned = abandoned;
    abandoned = hub;
}
