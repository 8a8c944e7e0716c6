#include "net/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { SPARE_HANDLES = 8, CONNECTION_AGE_SEC = 50 };

struct wrn_http {
    wrn_loop *loop;
    CURLM *multi;
    wrn_timer timer;
    char *unix_path, *ca_file, *client_cert, *client_key, *proxy, *no_proxy, *user_agent;
    int64_t connect_timeout_ms;
    size_t max_response;
    CURL *spare[SPARE_HANDLES];
    int spares;
    bool collecting;
    wrn_exchange *starved; /* those whose socket could not be watched */
    wrn_http *next_abandoned;
};

struct wrn_exchange {
    wrn_http *http;
    CURL *easy;
    struct curl_slist *headers;
    const char *body;
    size_t body_size, body_sent;
    bool connected, head_whole, too_large, starved, answered;
    wrn_exchange *next_starved;
    wrn_http_fn fn;
    void *context;
    wrn_http_response response;
    char problem[CURL_ERROR_SIZE];
};

static wrn_http *http_of_timer(wrn_timer *timer) { return (wrn_http *)((char *)timer - offsetof(wrn_http, timer)); }

/* ---- libcurl's callbacks ---- */

static size_t on_body(char *data, size_t one, size_t size, void *context) {
    wrn_exchange *exchange = context;
    (void)one;
    wrn_buf *body = &exchange->response.body;
    exchange->too_large = size > exchange->http->max_response - body->size;
    if (exchange->too_large) return 0;
    wrn_buf_put(body, data, size);
    return body->failed ? 0 : size;
}

/* libcurl takes a head that breaks off for a whole one. */
static size_t on_head_line(char *line, size_t one, size_t size, void *context) {
    wrn_exchange *exchange = context;
    (void)one;
    exchange->head_whole = size == 2 && line[0] == '\r';
    return size;
}

static size_t on_read(char *out, size_t one, size_t room, void *context) {
    wrn_exchange *exchange = context;
    (void)one;
    size_t size = exchange->body_size - exchange->body_sent;
    if (size > room) size = room;
    memcpy(out, exchange->body + exchange->body_sent, size);
    exchange->body_sent += size;
    return size;
}

/* libcurl repeats a request, POST too, when a reused connection dies before the first byte of the answer. For exec that
 * would run a command twice. Refusing to rewind the body makes it give up with CURLE_SEND_FAIL_REWIND instead. */
static int on_seek(void *context, curl_off_t offset, int origin) {
    (void)context, (void)offset, (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

/* libcurl's own sockets would survive an exec. */
static curl_socket_t on_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)context, (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Called just before the request goes out on a connection that is ready, TLS included. */
static int on_ready(void *context, char *remote_ip, char *local_ip, int remote_port, int local_port) {
    wrn_exchange *exchange = context;
    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    exchange->connected = true;
    return CURL_PREREQFUNC_OK;
}

static void collect(wrn_http *http);

static void on_socket_ready(void *context, int fd, uint32_t events) {
    wrn_http *http = context;
    int running, what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                        (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(http->multi, fd, what, &running);
    collect(http);
}

static void starve(CURL *easy) {
    wrn_exchange *exchange = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&exchange);
    if (exchange->starved) return;
    exchange->starved = true;
    exchange->next_starved = exchange->http->starved;
    exchange->http->starved = exchange;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_data) {
    wrn_http *http = context;
    wrn_watch *watch = socket_data;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch) wrn_loop_unwatch(http->loop, watch);
        curl_multi_assign(http->multi, fd, NULL);
        return 0;
    }
    /* An error returned from here would make libcurl give up the whole multi handle, so it stays between us. */
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    bool ok = watch && wrn_loop_rewatch(http->loop, watch, events);
    if (!watch) {
        watch = wrn_loop_watch(http->loop, fd, events, on_socket_ready, http);
        ok = watch && curl_multi_assign(http->multi, fd, watch) == CURLM_OK;
    }
    if (!ok) starve(easy);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context) {
    wrn_http *http = context;
    (void)multi;
    if (timeout_ms < 0) wrn_loop_timer_clear(http->loop, &http->timer);
    else wrn_loop_timer_set(http->loop, &http->timer, wrn_now_ms() + timeout_ms); /* has a slot: see loop.c */
    return 0;
}

static void on_timeout(wrn_timer *timer) {
    wrn_http *http = http_of_timer(timer);
    int running;
    curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(http);
}

/* ---- life of an exchange ---- */

static void release(wrn_exchange *exchange) {
    wrn_http *http = exchange->http;
    for (wrn_exchange **at = &http->starved; *at; at = &(*at)->next_starved) {
        if (*at != exchange) continue;
        *at = exchange->next_starved;
        break;
    }
    if (exchange->easy) {
        curl_multi_remove_handle(http->multi, exchange->easy);
        /* One that failed is not used again: a refused rewind survives the reset and would fail the next request. */
        if (exchange->answered && http->spares < SPARE_HANDLES) {
            curl_easy_reset(exchange->easy); /* also zeroes libcurl's count of stale connections met */
            http->spare[http->spares++] = exchange->easy;
        } else {
            curl_easy_cleanup(exchange->easy);
        }
    }
    curl_slist_free_all(exchange->headers);
    wrn_buf_free(&exchange->response.body);
    free(exchange);
}

static wrn_http_outcome outcome_of(const wrn_exchange *exchange, CURLcode code) {
    switch (code) {
    case CURLE_OK: return exchange->head_whole ? WRN_HTTP_ANSWERED : WRN_HTTP_LOST;
    case CURLE_OUT_OF_MEMORY: return WRN_HTTP_NO_MEMORY;
    case CURLE_WRITE_ERROR: return exchange->too_large ? WRN_HTTP_TOO_LARGE : WRN_HTTP_NO_MEMORY;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_BAD_CONTENT_ENCODING: return WRN_HTTP_MALFORMED;
    default: return exchange->connected ? WRN_HTTP_LOST : WRN_HTTP_NOT_SENT;
    }
}

static int64_t time_of(CURL *easy, CURLINFO info) {
    curl_off_t us = 0;
    curl_easy_getinfo(easy, info, &us);
    return us;
}

static void describe(wrn_exchange *exchange, CURLcode code) {
    wrn_http_response *response = &exchange->response;
    CURL *easy = exchange->easy;
    response->outcome = outcome_of(exchange, code);
    const char *path = exchange->http->unix_path;
    if (path && response->outcome == WRN_HTTP_NOT_SENT) /* libcurl names the host, which means nothing here */
        snprintf(exchange->problem, sizeof(exchange->problem),
                 "cannot connect to the socket %.108s; is wrennd running?", path);
    if (path && response->outcome == WRN_HTTP_LOST)
        snprintf(exchange->problem, sizeof(exchange->problem),
                 "the server ended the connection before its answer was whole");
    response->problem = exchange->problem[0] ? exchange->problem
                        : code == CURLE_OK   ? "the answer breaks off in its head"
                                             : curl_easy_strerror(code);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    response->status = (int)status;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
    if (retry_after > 0 && retry_after < INT64_MAX / 1000) response->retry_after_ms = retry_after * 1000;
    struct curl_header *header;
    if (curl_easy_header(easy, "X-Request-ID", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        response->request_id = header->value;
    response->dns_us = time_of(easy, CURLINFO_NAMELOOKUP_TIME_T);
    response->connect_us = time_of(easy, CURLINFO_CONNECT_TIME_T);
    response->tls_us = time_of(easy, CURLINFO_APPCONNECT_TIME_T);
    response->first_byte_us = time_of(easy, CURLINFO_STARTTRANSFER_TIME_T);
    response->total_us = time_of(easy, CURLINFO_TOTAL_TIME_T);
}

static void report(wrn_exchange *exchange, CURLcode code) {
    describe(exchange, code);
    exchange->answered = exchange->response.outcome == WRN_HTTP_ANSWERED;
    exchange->fn(exchange->context, &exchange->response);
    release(exchange);
}

/* Reports what has ended. Only here do our callbacks run, never inside libcurl's. A callback may start and cancel
 * exchanges; those loops come back here through the outer one. */
static void collect(wrn_http *http) {
    if (http->collecting) return;
    http->collecting = true;
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(http->multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        wrn_exchange *exchange = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&exchange);
        report(exchange, code);
    }
    while (http->starved) report(http->starved, CURLE_OUT_OF_MEMORY);
    http->collecting = false;
}

static bool add_header(wrn_exchange *exchange, const char *name, const char *value) {
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
    wrn_buf_puts(&line, name);
    wrn_buf_puts(&line, value);
    struct curl_slist *list = line.failed ? NULL : curl_slist_append(exchange->headers, line.data);
    if (list) exchange->headers = list;
    return list != NULL;
}

static bool set_headers(wrn_exchange *exchange, const wrn_http_request *request) {
    bool ok = add_header(exchange, "Accept: ", "application/json");
    if (request->body) {
        ok = ok && add_header(exchange, "Content-Type: ", "application/json");
        ok = ok && add_header(exchange, "Expect:", ""); /* or a server that ignores it costs a second */
    }
    if (request->api_key) ok = ok && add_header(exchange, "X-API-Key: ", request->api_key);
    else if (request->token) ok = ok && add_header(exchange, "Authorization: Bearer ", request->token);
    if (request->idempotency_key) ok = ok && add_header(exchange, "Idempotency-Key: ", request->idempotency_key);
    return ok && curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->headers) == CURLE_OK;
}

static void set_request(wrn_exchange *exchange, const wrn_http_request *request) {
    CURL *easy = exchange->easy;
    if (request->body) {
        exchange->body = request->body;
        exchange->body_size = request->body_size;
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
        curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
    } else if (strcmp(request->method, "GET") != 0) {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    }
}

/* Debian's libcurl names a CA directory by default, which turns its store cache off: 45 ms of parsing per connection.
 * So name the bundle instead, where there is one. */
static const char *default_ca_file(void) {
    static const char *const bundles[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"};
    for (size_t i = 0; i < WRN_COUNT(bundles); i++)
        if (access(bundles[i], R_OK) == 0) return bundles[i];
    return NULL;
}

static void set_transport(const wrn_http *http, wrn_exchange *exchange) {
    CURL *easy = exchange->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->problem);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ready);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* never wait for a resolver thread */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)CONNECTION_AGE_SEC); /* below every server's idle limit */
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)http->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, http->user_agent);
    if (http->unix_path) {
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, http->unix_path);
        curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* or http_proxy of the environment gets in */
        return;
    }
    if (http->proxy) curl_easy_setopt(easy, CURLOPT_PROXY, http->proxy);
    if (http->no_proxy) curl_easy_setopt(easy, CURLOPT_NOPROXY, http->no_proxy);
    if (http->client_cert) curl_easy_setopt(easy, CURLOPT_SSLCERT, http->client_cert);
    if (http->client_key) curl_easy_setopt(easy, CURLOPT_SSLKEY, http->client_key);
    const char *ca_file = http->ca_file ? http->ca_file : default_ca_file();
    if (ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
}

wrn_exchange *wrn_http_start(wrn_http *http, const wrn_http_request *request, wrn_http_fn fn, void *context) {
    wrn_exchange *exchange = calloc(1, sizeof(*exchange));
    if (!exchange) return NULL;
    exchange->http = http;
    exchange->fn = fn;
    exchange->context = context;
    exchange->easy = http->spares ? http->spare[--http->spares] : curl_easy_init();
    if (exchange->easy) {
        set_transport(http, exchange);
        set_request(exchange, request);
        if (curl_easy_setopt(exchange->easy, CURLOPT_URL, request->url) == CURLE_OK && set_headers(exchange, request) &&
            curl_multi_add_handle(http->multi, exchange->easy) == CURLM_OK)
            return exchange;
    }
    release(exchange);
    return NULL;
}

void wrn_http_cancel(wrn_exchange *exchange) { release(exchange); }

/* ---- life of the transport ---- */

static void init_once(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

static bool copy(char **out, const char *text) {
    *out = text ? strdup(text) : NULL;
    return !text || *out;
}

static void free_strings(wrn_http *http) {
    char *all[] = {http->unix_path, http->ca_file,  http->client_cert, http->client_key,
                   http->proxy,     http->no_proxy, http->user_agent};
    for (size_t i = 0; i < WRN_COUNT(all); i++) free(all[i]);
}

wrn_http *wrn_http_new(wrn_loop *loop, const wrn_http_config *config) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_once);
    wrn_http *http = calloc(1, sizeof(*http));
    if (!http) return NULL;
    http->loop = loop;
    http->timer.fire = on_timeout;
    http->connect_timeout_ms = config->connect_timeout_ms;
    http->max_response = config->max_response;
    http->multi = curl_multi_init();
    bool ok = http->multi && copy(&http->unix_path, config->unix_path) && copy(&http->ca_file, config->ca_file) &&
              copy(&http->client_cert, config->client_cert) && copy(&http->client_key, config->client_key) &&
              copy(&http->proxy, config->proxy) && copy(&http->no_proxy, config->no_proxy) &&
              copy(&http->user_agent, config->user_agent);
    if (!ok) {
        if (http->multi) curl_multi_cleanup(http->multi);
        free_strings(http);
        free(http);
        return NULL;
    }
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    return http;
}

void wrn_http_free(wrn_http *http) {
    if (!http) return;
    while (http->spares) curl_easy_cleanup(http->spare[--http->spares]);
    curl_multi_cleanup(http->multi);
    wrn_loop_timer_clear(http->loop, &http->timer);
    free_strings(http);
    free(http);
}

/* Any cleanup by libcurl would send TLS close messages on connections that the parent still uses. So the memory stays,
 * where leak checkers see that it is meant to. */
void wrn_http_abandon(wrn_http *http) {
    static wrn_http *abandoned;
    http->next_abandoned = abandoned;
    abandoned = http;
}
