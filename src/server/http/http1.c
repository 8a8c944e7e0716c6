#include "server/http/http1.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#ifdef WRN_HAVE_LLHTTP
#include <llhttp.h>
typedef llhttp_t parser_type;
typedef llhttp_settings_t parser_settings;
#else
#include <http_parser.h>
typedef http_parser parser_type;
typedef http_parser_settings parser_settings;
#endif

enum phase {
    PHASE_HEAD,
    PHASE_FRAMING, /* after the head */
    PHASE_IDENTITY,
    PHASE_CHUNKED,
    PHASE_BAD
};

void wrn_http_head_free(wrn_http_head *head) {
    free(head->text);
    free(head->fields);
    *head = (wrn_http_head){0};
}

const char *wrn_http_head_get(const wrn_http_head *head, const char *name) {
    for (size_t i = 0; i < head->count; i++)
        if (strcmp(head->fields[i].name, name) == 0) return head->fields[i].value;
    return NULL;
}

static void begin_head(wrn_http1 *h) {
    h->phase = PHASE_HEAD;
    h->lines = h->line_size = 0;
    h->last = '\0';
    wrn_buf_clear(&h->head);
}

void wrn_http1_init(wrn_http1 *h, const wrn_http1_limits *limits) {
    *h = (wrn_http1){.limits = *limits, .head = WRN_BUF_LIMITED(limits->head_max + 1)};
    begin_head(h);
}

void wrn_http1_free(wrn_http1 *h) {
    wrn_buf_free(&h->head);
    wrn_http_head_free(&h->ready);
}

bool wrn_http1_has_begun(const wrn_http1 *h) { return h->phase == PHASE_HEAD && h->head.size > 0; }

static wrn_http1_step http1_bad(wrn_http1 *h, int status, const char *why) {
    h->phase = PHASE_BAD;
    h->status = status;
    h->why = why;
    return WRN_HTTP1_BAD;
}

/* ---- head ---- */

typedef struct head_builder {
    wrn_http_head *head;
    char *base; /* the head's text */
    size_t fields_max;
    size_t urls;
    char *url;
    size_t url_size;
    struct {
        size_t name, value;
    } * ends; /* of the name and value of each field; the parser must not see them cut yet */
    bool too_many;
} head_builder;

static int on_url(parser_type *p, const char *at, size_t size) {
    head_builder *b = p->data;
    if (b->urls++) return -1;
    b->url = b->base + (at - b->base);
    b->url_size = size;
    return 0;
}

static int on_field(parser_type *p, const char *at, size_t size) {
    head_builder *b = p->data;
    if (b->head->count >= b->fields_max) {
        b->too_many = true;
        return -1;
    }
    /* A lenient parser would accept white space before the colon. */
    if (!size || wrn_token_size(at) != size || at[size] != ':') return -1;
    b->ends[b->head->count].name = (size_t)(at - b->base) + size;
    b->head->fields[b->head->count++] = (wrn_http_field){at, ""};
    return 0;
}

static int on_value(parser_type *p, const char *at, size_t size) {
    head_builder *b = p->data;
    if (!b->head->count || !size) return 0;
    wrn_http_field *field = &b->head->fields[b->head->count - 1];
    if (*field->value) return -1;
    while (size && (at[size - 1] == ' ' || at[size - 1] == '\t')) size--;
    for (size_t i = 0; i < size; i++)
        if (((unsigned char)at[i] < ' ' && at[i] != '\t') || at[i] == 127) return -1;
    field->value = at;
    b->ends[b->head->count - 1].value = (size_t)(at - b->base) + size;
    return 0;
}

/* Skips the body, which is not for the library. */
static int on_headers_complete(parser_type *p) {
    (void)p;
    return 1;
}

static bool run_parser(head_builder *b, size_t size, bool *http_1_0) {
    parser_settings settings;
    parser_type parser;
    memset(&settings, 0, sizeof(settings));
#ifdef WRN_HAVE_LLHTTP
    llhttp_settings_init(&settings);
#endif
    settings.on_url = on_url;
    settings.on_header_field = on_field;
    settings.on_header_value = on_value;
    settings.on_headers_complete = on_headers_complete;
#ifdef WRN_HAVE_LLHTTP
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    /* Framing is checked in interpret(), so that it is the same with both libraries. */
    llhttp_set_lenient_transfer_encoding(&parser, 1);
    parser.data = b;
    llhttp_errno_t error = llhttp_execute(&parser, b->base, size);
    if (error != HPE_OK && error != HPE_PAUSED_UPGRADE) return false;
    b->head->method = llhttp_method_name((llhttp_method_t)parser.method);
#else
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = b;
    size_t used = http_parser_execute(&parser, &settings, b->base, size);
    if (used != size || HTTP_PARSER_ERRNO(&parser) != HPE_OK) return false;
    b->head->method = http_method_str((enum http_method)parser.method);
#endif
    *http_1_0 = parser.http_minor == 0;
    return b->urls == 1 && parser.http_major == 1 && parser.http_minor <= 1;
}

static void cut_fields(head_builder *b) {
    for (size_t i = 0; i < b->head->count; i++) {
        char *end = b->base + b->ends[i].name;
        *end = '\0';
        for (char *c = b->base + (b->head->fields[i].name - b->base); c < end; c++)
            if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 32);
        if (b->ends[i].value) b->base[b->ends[i].value] = '\0';
    }
}

/* Splits the target into path and query; absolute form loses its origin (RFC 9112 section 3.2.2). */
static bool split_target(head_builder *b) {
    char *url = b->url, *end = url + b->url_size;
    for (char *c = url; c < end; c++)
        if (*c <= ' ' || *c == 127 || *c == '#') return false;
    *end = '\0';
    if (strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0) {
        char *origin = strstr(url, "//") + 2;
        url = origin + strcspn(origin, "/?");
        if (url == origin) return false;
        if (*url == '?') *--url = '/';
        if (!*url) *--url = '/';
    }
    if (*url != '/') return false;
    b->head->path = url;
    b->head->query = end;
    char *mark = strchr(url, '?');
    if (mark) {
        *mark = '\0';
        b->head->query = mark + 1;
    }
    return true;
}

static bool read_length(const char *value, int64_t *out) {
    size_t digits = strspn(value, "0123456789");
    if (!digits || digits > 18 || value[digits]) return false;
    *out = strtoll(value, NULL, 10);
    return true;
}

/* The characters that RFC 3986 allows in a host and port. */
static bool is_host(const char *value) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%!$&'()*+,;=:[]";
    return value[strspn(value, allowed)] == '\0';
}

/* Reads the fields that decide about the body and the connection, which must not be ambiguous. NULL, or what is wrong. */
static const char *interpret(wrn_http_head *head, bool http_1_0, int *status) {
    size_t hosts = 0, lengths = 0, codings = 0;
    bool close = false, keep = false;
    for (size_t i = 0; i < head->count; i++) {
        const char *name = head->fields[i].name, *value = head->fields[i].value;
        if (strcmp(name, "host") == 0) {
            hosts++;
            if (!is_host(value)) return "malformed Host";
        }
        if (strcmp(name, "content-length") == 0) {
            if (lengths++) return "more than one Content-Length";
            if (!read_length(value, &head->content_length)) return "Content-Length is not a number";
        }
        if (strcmp(name, "transfer-encoding") == 0) {
            if (codings++) return "more than one Transfer-Encoding";
            if (!*value) return "Transfer-Encoding is empty";
            if (strcasecmp(value, "chunked") != 0) return *status = 501, "only the transfer encoding chunked is known";
        }
        if (strcmp(name, "connection") == 0) {
            close = close || wrn_list_has(value, "close");
            keep = keep || wrn_list_has(value, "keep-alive");
        }
        if (strcmp(name, "expect") == 0) {
            if (strcasecmp(value, "100-continue") != 0)
                return *status = 417, "only the expectation 100-continue is known";
            head->expect_continue = !http_1_0;
        }
    }
    if (hosts > 1 || (!hosts && !http_1_0)) return "exactly one Host field is needed";
    if (codings && lengths) return "both Content-Length and Transfer-Encoding";
    if (codings && http_1_0) return "Transfer-Encoding in an HTTP/1.0 request";
    if (codings) head->content_length = -1;
    head->keep_alive = !close && (!http_1_0 || keep);
    head->http_1_0 = http_1_0;
    return NULL;
}

/* Parsers disagree about additional white space, and about protocols like RTSP/1.0. */
static bool is_request_line(const char *text) {
    size_t spaces = 0;
    for (text += strspn(text, "\r\n"); *text && *text != '\r'; text++) {
        if (*text == '\t' || (*text == ' ' && text[1] == ' ')) return false;
        if (*text == ' ' && ++spaces == 2 && strncmp(text + 1, "HTTP/", 5) != 0) return false;
    }
    return spaces == 2;
}

static wrn_http1_step parse_head(wrn_http1 *h) {
    wrn_http_head *head = &h->ready;
    wrn_http_head_free(head);
    size_t size = h->head.size;
    head->text = wrn_buf_steal(&h->head);
    head->fields = calloc(h->limits.fields_max + 1, sizeof(*head->fields));
    head_builder b = {.head = head, .base = head->text, .fields_max = h->limits.fields_max};
    b.ends = calloc(h->limits.fields_max + 1, sizeof(*b.ends));
    bool http_1_0 = false, ok = is_request_line(head->text) && run_parser(&b, size, &http_1_0);
    if (ok) cut_fields(&b);
    free(b.ends);
    if (b.too_many) return http1_bad(h, 431, "too many header fields");
    if (!ok) return http1_bad(h, 400, "malformed request head");
    if (b.url_size > h->limits.url_max) return http1_bad(h, 414, "the URL is too long");
    if (!split_target(&b)) return http1_bad(h, 400, "malformed request target");
    int status = 400;
    const char *why = interpret(head, http_1_0, &status);
    if (why) return http1_bad(h, status, why);
    h->phase = PHASE_FRAMING;
    return WRN_HTTP1_HEAD;
}

/* Finds the empty line that ends the head, and refuses what parsers disagree about: bare CR or LF, NUL, folded lines. */
static wrn_http1_step http1_feed_head(wrn_http1 *h, const char *data, size_t size, size_t *used) {
    for (size_t i = 0; i < size; i++) {
        char c = data[i];
        if (c == '\0' || (h->last == '\r') != (c == '\n'))
            return http1_bad(h, 400, "stray control character in the head");
        h->last = c;
        if (c == '\n') {
            bool blank = h->line_size == 0;
            h->line_size = 0;
            if (!blank) h->lines++;
            if (!blank || !h->lines) continue; /* blank lines before a request are skipped, RFC 9112 section 2.2 */
            wrn_buf_put(&h->head, data, i + 1);
            *used = i + 1;
            if (h->head.failed || h->head.size > h->limits.head_max)
                return http1_bad(h, 431, "the request head is too large");
            return parse_head(h);
        }
        if (c == '\r') continue;
        if (h->line_size == 0 && h->lines && (c == ' ' || c == '\t')) return http1_bad(h, 400, "folded header line");
        if (!h->lines && ++h->line_size > h->limits.url_max + 64) return http1_bad(h, 414, "the URL is too long");
        if (h->lines) h->line_size = 1;
    }
    wrn_buf_put(&h->head, data, size);
    *used = size;
    if (h->head.failed || h->head.size > h->limits.head_max) return http1_bad(h, 431, "the request head is too large");
    return WRN_HTTP1_MORE;
}

/* ---- body ---- */

static wrn_http1_step end_message(wrn_http1 *h) {
    begin_head(h);
    return WRN_HTTP1_END;
}

static wrn_http1_step http1_take_piece(wrn_http1 *h, const char *data, size_t size, size_t *used) {
    if (!size) return WRN_HTTP1_MORE;
    h->piece = data;
    h->piece_size = *used = h->left < size ? (size_t)h->left : size;
    h->left -= h->piece_size;
    return WRN_HTTP1_BODY;
}

static wrn_http1_step feed_chunked(wrn_http1 *h, const char *data, size_t size, size_t *used) {
    switch (wrn_chunks_feed(&h->chunks, data, size, used)) {
    case WRN_CHUNKS_MORE: return WRN_HTTP1_MORE;
    case WRN_CHUNKS_END: return end_message(h);
    case WRN_CHUNKS_BAD: return http1_bad(h, 400, h->chunks.why);
    case WRN_CHUNKS_DATA: break;
    }
    h->piece = h->chunks.piece;
    h->piece_size = h->chunks.piece_size;
    return WRN_HTTP1_BODY;
}

static wrn_http1_step start_body(wrn_http1 *h) {
    /* From `left`: the caller may have moved the head out. */
    int64_t length = (int64_t)h->left;
    if (length == 0) return end_message(h);
    h->phase = length > 0 ? PHASE_IDENTITY : PHASE_CHUNKED;
    h->chunks = (wrn_chunks){0};
    return WRN_HTTP1_MORE;
}

wrn_http1_step wrn_http1_feed(wrn_http1 *h, const char *data, size_t size, size_t *used) {
    *used = 0;
    if (h->phase == PHASE_HEAD) {
        wrn_http1_step step = http1_feed_head(h, data, size, used);
        if (step == WRN_HTTP1_HEAD) h->left = (uint64_t)h->ready.content_length;
        return step;
    }
    if (h->phase == PHASE_FRAMING && start_body(h) == WRN_HTTP1_END) return WRN_HTTP1_END;
    if (h->phase == PHASE_BAD) return WRN_HTTP1_BAD;
    if (h->phase == PHASE_CHUNKED) return feed_chunked(h, data, size, used);
    if (!h->left) return end_message(h);
    return http1_take_piece(h, data, size, used);
}
