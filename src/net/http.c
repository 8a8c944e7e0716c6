#include "net/http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "net/transport.h"

enum { SPARE_HANDLES = 8 };

struct wrn_http {
    wrn_transport transport;
    wrn_multi multi;
    size_t max_response;
    CURL *spare[SPARE_HANDLES];
    int spares;
    wrn_http *next_abandoned;
};

struct wrn_exchange {
    wrn_transfer transfer; /* first, so that it leads here */
    wrn_http *http;
    struct curl_slist *headers;
    const char *body;
    size_t body_size, body_sent;
    bool connected, head_whole, too_large, answered;
    wrn_http_fn fn;
    void *context;
    wrn_http_response response;
    char problem[CURL_ERROR_SIZE];
};

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

/* Called just before the request goes out on a connection that is ready, TLS included. */
static int on_ready(void *context, char *remote_ip, char *local_ip, int remote_port, int local_port) {
    wrn_exchange *exchange = context;
    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    exchange->connected = true;
    return CURL_PREREQFUNC_OK;
}

/* ---- life of an exchange ---- */

static void release(wrn_exchange *exchange) {
    wrn_http *http = exchange->http;
    wrn_multi_remove(&http->multi, &exchange->transfer);
    if (exchange->transfer.easy) {
        /* One that failed is not used again: a refused rewind survives the reset and would fail the next request. */
        if (exchange->answered && http->spares < SPARE_HANDLES) {
            curl_easy_reset(exchange->transfer.easy); /* also zeroes libcurl's count of stale connections met */
            http->spare[http->spares++] = exchange->transfer.easy;
        } else {
            curl_easy_cleanup(exchange->transfer.easy);
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
    CURL *easy = exchange->transfer.easy;
    response->outcome = outcome_of(exchange, code);
    const char *libcurl = exchange->problem[0] ? exchange->problem
                          : code == CURLE_OK   ? "the answer breaks off in its head"
                                               : curl_easy_strerror(code);
    response->problem =
        wrn_transport_problem(&exchange->http->transport, response->outcome, exchange->problem, libcurl);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    response->status = (int)status;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
    if (retry_after > 0 && retry_after < INT64_MAX / 1000) response->retry_after_ms = retry_after * 1000;
    char *content_type = NULL;
    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &content_type);
    response->content_type = content_type;
    struct curl_header *header;
    if (curl_easy_header(easy, "X-Request-ID", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        response->request_id = header->value;
    response->dns_us = time_of(easy, CURLINFO_NAMELOOKUP_TIME_T);
    response->connect_us = time_of(easy, CURLINFO_CONNECT_TIME_T);
    response->tls_us = time_of(easy, CURLINFO_APPCONNECT_TIME_T);
    response->first_byte_us = time_of(easy, CURLINFO_STARTTRANSFER_TIME_T);
    response->total_us = time_of(easy, CURLINFO_TOTAL_TIME_T);
}

static void report(wrn_transfer *transfer, CURLcode code) {
    wrn_exchange *exchange = (wrn_exchange *)transfer;
    describe(exchange, code);
    exchange->answered = exchange->response.outcome == WRN_HTTP_ANSWERED;
    exchange->fn(exchange->context, &exchange->response);
    release(exchange);
}

static bool add_header(wrn_exchange *exchange, const char *name, const char *value) {
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
    wrn_buf_puts(&line, name);
    wrn_buf_puts(&line, value);
    struct curl_slist *list = line.failed ? NULL : curl_slist_append(exchange->headers, line.data);
    if (list) exchange->headers = list;
    return list != NULL;
}

static bool add_fields(wrn_exchange *exchange, const char *fields) {
    bool ok = true;
    for (const char *at = fields; *at && ok; at += strcspn(at, "\n") + 1) {
        WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
        wrn_buf_put(&line, at, strcspn(at, "\n"));
        ok = !line.failed && add_header(exchange, "", line.data);
    }
    return ok;
}

static bool set_headers(wrn_exchange *exchange, const wrn_http_request *request) {
    bool ok =
        request->fields ? add_fields(exchange, request->fields) : add_header(exchange, "Accept: ", "application/json");
    if (request->body && !request->fields) ok = ok && add_header(exchange, "Content-Type: ", "application/json");
    if (request->body) ok = ok && add_header(exchange, "Expect:", ""); /* one that ignores it costs a second */
    if (request->host) ok = ok && add_header(exchange, "Host: ", request->host);
    if (request->api_key) ok = ok && add_header(exchange, "X-API-Key: ", request->api_key);
    else if (request->token) ok = ok && add_header(exchange, "Authorization: Bearer ", request->token);
    if (request->idempotency_key) ok = ok && add_header(exchange, "Idempotency-Key: ", request->idempotency_key);
    return ok && curl_easy_setopt(exchange->transfer.easy, CURLOPT_HTTPHEADER, exchange->headers) == CURLE_OK;
}

static void set_request(wrn_exchange *exchange, const wrn_http_request *request) {
    CURL *easy = exchange->transfer.easy;
    if (request->body) {
        exchange->body = request->body;
        exchange->body_size = request->body_size;
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
        curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
    }
    if (strcmp(request->method, "HEAD") == 0) curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (strcmp(request->method, request->body ? "POST" : "GET") != 0)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_callbacks(wrn_exchange *exchange) {
    CURL *easy = exchange->transfer.easy;
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->problem);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ready);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange);
}

wrn_exchange *wrn_http_start(wrn_http *http, const wrn_http_request *request, wrn_http_fn fn, void *context) {
    wrn_exchange *exchange = calloc(1, sizeof(*exchange));
    if (!exchange) return NULL;
    exchange->http = http;
    exchange->fn = fn;
    exchange->context = context;
    exchange->transfer.easy = http->spares ? http->spare[--http->spares] : curl_easy_init();
    if (exchange->transfer.easy) {
        wrn_transport_apply(&http->transport, exchange->transfer.easy);
        set_callbacks(exchange);
        set_request(exchange, request);
        if (curl_easy_setopt(exchange->transfer.easy, CURLOPT_URL, request->url) == CURLE_OK &&
            set_headers(exchange, request) && wrn_multi_add(&http->multi, &exchange->transfer))
            return exchange;
    }
    release(exchange);
    return NULL;
}

void wrn_http_cancel(wrn_exchange *exchange) { release(exchange); }

/* ---- life of the transport ---- */

wrn_http *wrn_http_new(wrn_loop *loop, const wrn_http_config *config) {
    wrn_http *http = calloc(1, sizeof(*http));
    if (!http) return NULL;
    http->max_response = config->max_response;
    if (wrn_transport_init(&http->transport, loop, config) && wrn_multi_init(&http->multi, loop, report)) return http;
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

/* Any cleanup by libcurl would send TLS close messages on connections that the parent still uses. So the memory stays,
 * where leak checkers see that it is meant to. */
void wrn_http_abandon(wrn_http *http) {
    static wrn_http *abandoned;
    http->next_abandoned = abandoned;
    abandoned = http;
}
