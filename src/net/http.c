#include "net/http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/transport.h"
#include "wire/server_features.h"

enum { SPARE_HANDLES = 8, REFUSAL_MS = 2000, EXPECT_ABOVE = 1024 * 1024, SINK_BUFFER = 64 * 1024, SWITCHED = 101 };

struct wrn_http {
    wrn_transport transport;
    wrn_multi multi;
    size_t max_response;
    CURL *spare[SPARE_HANDLES];
    int spares;
    wrn_http *next_abandoned;
};

struct wrn_exchange {
    wrn_transfer transfer; /* must come first: casts lead from it to the exchange */
    wrn_http *http;
    struct curl_slist *headers;
    const char *body;
    size_t body_size, body_sent;
    const wrn_http_source *source;
    const wrn_http_sink *sink;
    wrn_buf held;          /* read from the source, but not passed to libcurl yet */
    size_t given_again;    /* bytes that the sink has, and libcurl will pass again */
    bool connected, given; /* given: libcurl got some of the body */
    bool head_whole, too_large, malformed, reusable;
    bool stopped; /* by source or sink */
    bool refused; /* the server has refused the upload: the rest of the source is not sent */
    wrn_timer timer;
    wrn_http_fn fn;
    void *context;
    wrn_http_response response;
    char problem[CURL_ERROR_SIZE];
};

/* ---- libcurl's callbacks ---- */

static bool exchange_set_timer(wrn_exchange *exchange, int64_t delay_ms) {
    return wrn_loop_timer_set(exchange->http->transport.loop, &exchange->timer, wrn_in_ms(delay_ms));
}

static int exchange_status(const wrn_exchange *exchange) {
    long status = 0;
    curl_easy_getinfo(exchange->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

static int64_t curl_number(CURL *easy, CURLINFO info) {
    curl_off_t value = 0;
    curl_easy_getinfo(easy, info, &value);
    return value;
}

/* The Content-Length of the response; -1 when there is none. */
static int64_t exchange_content_length(const wrn_exchange *exchange) {
    return curl_number(exchange->transfer.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T);
}

/* When a sink takes only a part of a piece, libcurl pauses, and passes the same piece again from its start. */
static size_t exchange_pass_on(wrn_exchange *exchange, const char *data, size_t size) {
    size_t known = exchange->given_again < size ? exchange->given_again : size;
    exchange->given_again -= known;
    if (known == size) return size;
    const wrn_http_sink *sink = exchange->sink;
    int64_t taken = sink->write(sink->context, data + known, size - known, exchange_content_length(exchange));
    exchange->stopped = taken < 0;
    if (taken < 0) return 0;
    if (known + (size_t)taken == size) return size;
    exchange->given_again = known + (size_t)taken;
    return CURL_WRITEFUNC_PAUSE;
}

static size_t http_on_body(char *data, size_t one, size_t size, void *context) {
    wrn_exchange *exchange = context;
    int status = exchange->sink ? exchange_status(exchange) : 0;
    if (status >= 200 && status < 300) return exchange_pass_on(exchange, data, size);
    wrn_buf *body = &exchange->response.body;
    exchange->too_large = size > exchange->http->max_response - body->size;
    if (exchange->too_large) return 0;
    wrn_buf_put(body, data, size);
    if (exchange->refused && (int64_t)body->size == exchange_content_length(exchange)) exchange_set_timer(exchange, 0);
    return body->failed ? 0 : size;
}

/* libcurl accepts a head that is cut short, so this looks for the empty line that ends the head. Heads of 1xx responses may
 * come before it, and trailers after the body. */
static size_t http_on_head_line(char *line, size_t one, size_t size, void *context) {
    wrn_exchange *exchange = context;
    bool empty = (size == 2 && line[0] == '\r') || (size == 1 && line[0] == '\n');
    if (exchange->head_whole || !empty || (exchange_status(exchange) < 200 && exchange_status(exchange) != SWITCHED))
        return size;
    exchange->malformed = exchange_status(exchange) == SWITCHED; /* no upgrade was requested */
    if (exchange->malformed) return 0;
    exchange->head_whole = true;
    if (!exchange->source || exchange_status(exchange) < 300) return size;
    /* The server may close the connection while libcurl still sends, which would fail the request; so the exchange ends itself. */
    exchange->refused = true;
    exchange_set_timer(exchange, exchange_content_length(exchange) ? REFUSAL_MS : 0);
    return size;
}

static size_t http_on_read_body(char *out, size_t one, size_t room, void *context) {
    wrn_exchange *exchange = context;
    size_t size = exchange->body_size - exchange->body_sent;
    if (size > room) size = room;
    exchange->given = true;
    memcpy(out, exchange->body + exchange->body_sent, size);
    exchange->body_sent += size;
    return size;
}

static size_t http_give_held(wrn_exchange *exchange, char *out, size_t room) {
    size_t size = exchange->held.size < room ? exchange->held.size : room;
    exchange->given = true;
    memcpy(out, exchange->held.data, size);
    wrn_buf_consume(&exchange->held, size);
    return size;
}

/* Reading from the source may take long. A response that came meanwhile must be read before more is sent (see transport.c), so
 * then the piece is held back. Newer versions of libcurl ask for the first piece before they name the socket; that piece is
 * held back too. */
static size_t http_on_read_source(char *out, size_t one, size_t room, void *context) {
    wrn_exchange *exchange = context;
    if (exchange->refused) return 0;
    if (exchange->held.size) return http_give_held(exchange, out, room);
    int64_t got = exchange->source->read(exchange->source->context, out, room);
    exchange->stopped = got == WRN_HTTP_STOP;
    if (got < 0) return got == WRN_HTTP_LATER ? CURL_READFUNC_PAUSE : CURL_READFUNC_ABORT;
    if (got && (exchange->transfer.fd < 0 || wrn_transport_readable(exchange->transfer.fd))) {
        wrn_buf_clear(&exchange->held);
        wrn_buf_put(&exchange->held, out, (size_t)got);
        if (!exchange->held.failed && exchange_set_timer(exchange, 0)) return CURL_READFUNC_PAUSE;
        wrn_buf_clear(&exchange->held);
    }
    exchange->given = true;
    return (size_t)got;
}

/* libcurl repeats a request, even a POST, when a reused connection breaks before the first byte of the response. For exec that
 * would run a command twice. Refusing to rewind the body makes libcurl fail with CURLE_SEND_FAIL_REWIND instead. */
static int http_on_seek(void *context, curl_off_t offset, int origin) { return CURL_SEEKFUNC_FAIL; }

/* libcurl calls this before it sends the request on a connection that is ready, TLS included. A second call means that it
 * repeats the request, which must fail when a part of the body is used up. */
static int http_on_connected(void *context, char *remote_ip, char *local_ip, int remote_port, int local_port) {
    wrn_exchange *exchange = context;
    exchange->connected = true;
    return exchange->given ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* ---- life of an exchange ---- */

static void exchange_free(wrn_exchange *exchange) {
    wrn_http *http = exchange->http;
    wrn_multi_remove(&http->multi, &exchange->transfer);
    wrn_loop_timer_clear(http->transport.loop, &exchange->timer);
    if (exchange->transfer.easy) {
        /* A handle that failed is not reused: a refused rewind survives the reset and would fail the next request. */
        if (exchange->reusable && http->spares < SPARE_HANDLES) {
            curl_easy_reset(exchange->transfer.easy); /* also zeroes libcurl's count of stale connections met */
            http->spare[http->spares++] = exchange->transfer.easy;
        } else {
            curl_easy_cleanup(exchange->transfer.easy);
        }
    }
    curl_slist_free_all(exchange->headers);
    wrn_buf_free(&exchange->response.body);
    wrn_buf_free(&exchange->held);
    free(exchange);
}

static wrn_http_outcome exchange_outcome(const wrn_exchange *exchange, CURLcode code) {
    if (exchange->stopped) return WRN_HTTP_STOPPED;
    if (exchange->malformed) return WRN_HTTP_MALFORMED;
    if (exchange->refused && !exchange->too_large) return WRN_HTTP_ANSWERED;
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

static void exchange_describe(wrn_exchange *exchange, CURLcode code) {
    wrn_http_response *response = &exchange->response;
    CURL *easy = exchange->transfer.easy;
    response->outcome = exchange_outcome(exchange, code);
    /* See http_on_seek() and http_on_connected(): libcurl wanted to send it again, and names what kept it from that. */
    bool kept = code == CURLE_SEND_FAIL_REWIND || code == CURLE_ABORTED_BY_CALLBACK;
    const char *libcurl = kept                   ? "the server closed the connection before it answered"
                          : exchange->problem[0] ? exchange->problem
                          : code == CURLE_OK     ? "the head of the response is incomplete"
                                                 : curl_easy_strerror(code);
    response->problem =
        wrn_transport_problem(&exchange->http->transport, easy, response->outcome, exchange->problem, libcurl);
    response->status = exchange_status(exchange);
    int64_t retry_after = curl_number(easy, CURLINFO_RETRY_AFTER);
    if (retry_after > 0 && retry_after < INT64_MAX / 1000) response->retry_after_ms = retry_after * 1000;
    char *content_type = NULL;
    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &content_type);
    response->content_type = content_type;
    struct curl_header *header;
    if (curl_easy_header(easy, "X-Request-ID", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        response->request_id = header->value;
    if (curl_easy_header(easy, WRN_FEATURES_FIELD, 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        response->features = header->value;
    response->dns_us = curl_number(easy, CURLINFO_NAMELOOKUP_TIME_T);
    response->connect_us = curl_number(easy, CURLINFO_CONNECT_TIME_T);
    response->tls_us = curl_number(easy, CURLINFO_APPCONNECT_TIME_T);
    response->first_byte_us = curl_number(easy, CURLINFO_STARTTRANSFER_TIME_T);
    response->total_us = curl_number(easy, CURLINFO_TOTAL_TIME_T);
}

static void exchange_report(wrn_transfer *transfer, CURLcode code) {
    wrn_exchange *exchange = (wrn_exchange *)transfer;
    exchange_describe(exchange, code);
    exchange->reusable = code == CURLE_OK && exchange->response.outcome == WRN_HTTP_ANSWERED;
    exchange->fn(exchange->context, &exchange->response);
    exchange_free(exchange);
}

/* The time for reading a refusal is over; or libcurl had a chance to read, and gets the piece that was held back. */
static void exchange_on_timer(wrn_timer *timer) {
    wrn_exchange *exchange = WRN_OWNER(timer, wrn_exchange, timer);
    if (exchange->refused) exchange_report(&exchange->transfer, CURLE_SEND_ERROR);
    else wrn_http_resume(exchange);
}

void wrn_http_resume(wrn_exchange *exchange) {
    CURLcode code = curl_easy_pause(exchange->transfer.easy, CURLPAUSE_CONT);
    if (code != CURLE_OK) exchange_report(&exchange->transfer, code);
}

static bool exchange_add_header(wrn_exchange *exchange, const char *name, const char *value) {
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
    wrn_buf_puts(&line, name);
    wrn_buf_puts(&line, value);
    struct curl_slist *list = line.failed ? NULL : curl_slist_append(exchange->headers, line.data);
    if (list) exchange->headers = list;
    return list != NULL;
}

static bool exchange_add_fields(wrn_exchange *exchange, const char *fields) {
    bool ok = true;
    for (const char *at = fields; *at && ok; at += strcspn(at, "\n") + 1) {
        WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
        wrn_buf_put(&line, at, strcspn(at, "\n"));
        ok = !line.failed && exchange_add_header(exchange, "", line.data);
    }
    return ok;
}

static bool exchange_set_headers(wrn_exchange *exchange, const wrn_http_request *request) {
    bool ok = request->fields ? exchange_add_fields(exchange, request->fields)
                              : exchange_add_header(exchange, "Accept: ", request->sink ? "*/*" : "application/json");
    const char *type = request->content_type ? request->content_type : "application/json";
    bool large = request->source && (request->source->size < 0 || request->source->size > EXPECT_ABOVE);
    if ((request->body || request->source) && !request->fields)
        ok = ok && exchange_add_header(exchange, "Content-Type: ", type);
    /* "Expect: 100-continue" costs a second with servers that ignore it, so it stays for large bodies only. */
    if ((request->body || request->source) && !large) ok = ok && exchange_add_header(exchange, "Expect:", "");
    if (request->source && request->source->size < 0)
        ok = ok && exchange_add_header(exchange, "Transfer-Encoding: ", "chunked");
    if (request->host) ok = ok && exchange_add_header(exchange, "Host: ", request->host);
    if (request->api_key) ok = ok && exchange_add_header(exchange, "X-API-Key: ", request->api_key);
    else if (request->token) ok = ok && exchange_add_header(exchange, "Authorization: Bearer ", request->token);
    if (request->extra) ok = ok && exchange_add_fields(exchange, request->extra);
    if (request->idempotency_key)
        ok = ok && exchange_add_header(exchange, "Idempotency-Key: ", request->idempotency_key);
    return ok && curl_easy_setopt(exchange->transfer.easy, CURLOPT_HTTPHEADER, exchange->headers) == CURLE_OK;
}

static void exchange_set_request(wrn_exchange *exchange, const wrn_http_request *request) {
    CURL *easy = exchange->transfer.easy;
    exchange->source = request->source;
    exchange->sink = request->sink;
    if (request->sink) curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)SINK_BUFFER);
    if (request->body || request->source) {
        exchange->body = request->body;
        exchange->body_size = request->body_size;
        int64_t size = request->source ? request->source->size : (int64_t)request->body_size;
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, request->source ? http_on_read_source : http_on_read_body);
        curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
        curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, http_on_seek);
    }
    if (strcmp(request->method, "HEAD") == 0) curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (strcmp(request->method, request->body || request->source ? "POST" : "GET") != 0)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void exchange_set_callbacks(wrn_exchange *exchange) {
    CURL *easy = exchange->transfer.easy;
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->problem);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, http_on_head_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, http_on_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange);
}

wrn_exchange *wrn_http_start(wrn_http *http, const wrn_http_request *request, wrn_http_fn fn, void *context) {
    wrn_exchange *exchange = calloc(1, sizeof(*exchange));
    if (!exchange) return NULL;
    exchange->http = http;
    exchange->fn = fn;
    exchange->context = context;
    exchange->timer.fire = exchange_on_timer;
    exchange->transfer.easy = http->spares ? http->spare[--http->spares] : curl_easy_init();
    if (exchange->transfer.easy) {
        wrn_transport_apply(&http->transport, exchange->transfer.easy);
        exchange_set_callbacks(exchange);
        exchange_set_request(exchange, request);
        if (curl_easy_setopt(exchange->transfer.easy, CURLOPT_URL, request->url) == CURLE_OK &&
            exchange_set_headers(exchange, request) && wrn_multi_add(&http->multi, &exchange->transfer))
            return exchange;
    }
    exchange_free(exchange);
    return NULL;
}

void wrn_http_cancel(wrn_exchange *exchange) { exchange_free(exchange); }

bool wrn_http_is_sent(const wrn_exchange *exchange) { return exchange->connected; }

void wrn_http_hand_over(wrn_exchange *exchange, wrn_http_fn fn, void *context) {
    exchange->fn = fn;
    exchange->context = context;
}

/* ---- life of the transport ---- */

wrn_http *wrn_http_new(wrn_loop *loop, const wrn_http_config *config) {
    wrn_http *http = calloc(1, sizeof(*http));
    if (!http) return NULL;
    http->max_response = config->max_response;
    if (wrn_transport_init(&http->transport, loop, config) && wrn_multi_init(&http->multi, loop, exchange_report))
        return http;
    wrn_transport_clear(&http->transport);
    free(http);
    return NULL;
}

size_t wrn_http_max_response(const wrn_http *http) { return http->max_response; }
const wrn_transport *wrn_http_transport(const wrn_http *http) { return &http->transport; }

void wrn_http_free(wrn_http *http) {
    if (!http) return;
    while (http->spares) curl_easy_cleanup(http->spare[--http->spares]);
    wrn_multi_clear(&http->multi);
    wrn_transport_clear(&http->transport);
    free(http);
}

/* Cleaning up would make libcurl send TLS close messages on connections that the parent still uses. So the memory stays
 * allocated; the list tells leak checkers that this is on purpose. */
void wrn_http_abandon(wrn_http *http) {
    static wrn_http *abandoned;
    http->next_abandoned = abandoned;
    abandoned = http;
}
