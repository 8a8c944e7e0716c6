#include "gate/inject.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/text.h"

enum { LINE_MAX_SIZE = 32 << 10, METHOD_MAX = 32, DIGITS_MAX = 15 };

static const wrn_inject_refusal malformed = {400, "this is no request of HTTP/1 that can be read in one way only"};
static const wrn_inject_refusal too_large = {431, "the head of this request is too large"};
const wrn_inject_refusal wrn_inject_elsewhere = {421, "this request is for another host than its connection"};
static const wrn_inject_refusal forbidden = {405, "CONNECT, TRACE and TRACK are not passed on where a header is added"};
static const wrn_inject_refusal no_upgrade = {
    400, "only WebSockets are opened where a header is added, by the first request of their connection"};
static const wrn_inject_refusal no_memory = {503, "out of memory"};

/* Other values than these would make somebody on the way remove or reread what frames a request. */
static const char *const connection_words[] = {"close", "keep-alive", "upgrade", "te", "http2-settings"};
static const char *const not_added[] = {"host",    "connection", "content-length", "transfer-encoding", "upgrade", "te",
                                        "trailer", "expect",     "keep-alive",     "proxy-connection"};

bool wrn_inject_name_ok(const char *name) {
    size_t size = strlen(name);
    if (!size || size > 128 || wrn_token_size(name) != size) return false;
    for (size_t i = 0; i < WRN_COUNT(not_added); i++)
        if (strcasecmp(not_added[i], name) == 0) return false;
    return true;
}

wrn_injector wrn_injector_new(const wrn_inject_host *host) {
    return (wrn_injector){
        .host = host, .line = WRN_BUF_LIMITED(LINE_MAX_SIZE), .head = WRN_BUF_LIMITED(WRN_INJECT_HEAD_MAX)};
}

void wrn_injector_free(wrn_injector *in) {
    wrn_buf_free(&in->line);
    wrn_buf_free(&in->head);
}

static void refuse(wrn_injector *in, const wrn_inject_refusal *why) {
    in->refusal = why;
    in->part = WRN_INJECT_REFUSED;
}

/* ---- fields ---- */

/* Servers that make variables of headers take `_` for `-`. */
static bool same_name(const char *line, size_t size, const char *name) {
    for (size_t i = 0; i < size; i++) {
        char a = line[i] == '_' ? '-' : line[i], b = name[i] == '_' ? '-' : name[i];
        if (!b || strncasecmp(&a, &b, 1) != 0) return false;
    }
    return !name[size];
}

/* Headers that are added; and offers to speak another protocol than this one, which nobody has to accept. */
static bool is_left_out(const wrn_injector *in, const char *line, size_t size, const char *value, size_t value_size) {
    static const char websocket[] = "websocket";
    for (size_t i = 0; i < in->host->count; i++)
        if (same_name(line, size, in->host->headers[i].name)) return true;
    return same_name(line, size, "upgrade") &&
           (value_size != sizeof(websocket) - 1 || strncasecmp(value, websocket, value_size) != 0);
}

/* HOST or HOST:PORT of this connection. */
static bool is_own_host(const wrn_injector *in, const char *value, size_t size) {
    char name[WRN_NAME_MAX + 1];
    int64_t port = 443;
    if (!*in->host->name) return wrn_host_is_address(value, size);
    const char *colon = memchr(value, ':', size);
    char digits[8] = "";
    if (colon) {
        size_t rest = (size_t)(value + size - colon - 1);
        if (rest >= sizeof(digits)) return false;
        memcpy(digits, colon + 1, rest);
        if (!wrn_parse_int(digits, 1, UINT16_MAX, &port)) return false;
        size = (size_t)(colon - value);
    }
    return wrn_name_clean(value, size, name) && strcmp(name, in->host->name) == 0 && (port == in->host->port || !colon);
}

static bool read_length(wrn_injector *in, const char *value) {
    int64_t length;
    if (in->has_length || in->is_chunked || strlen(value) > DIGITS_MAX ||
        strspn(value, "0123456789") != strlen(value) || !wrn_parse_int(value, 0, INT64_MAX, &length))
        return false;
    in->has_length = true;
    in->left = (uint64_t)length;
    return true;
}

static bool are_connection_words(char *value) {
    char *rest;
    for (char *word = strtok_r(value, ", \t", &rest); word; word = strtok_r(NULL, ", \t", &rest)) {
        bool known = false;
        for (size_t i = 0; i < WRN_COUNT(connection_words); i++) known |= strcasecmp(word, connection_words[i]) == 0;
        if (!known) return false;
    }
    return true;
}

/* What a field means for the request that it is in. */
static const wrn_inject_refusal *read_field(wrn_injector *in, const char *name, size_t name_size, char *value) {
#define IS(text) (name_size == sizeof(text) - 1 && strncasecmp(name, text, name_size) == 0)
    if (IS("host")) {
        if (in->has_host) return &malformed;
        in->has_host = true;
        return is_own_host(in, value, strlen(value)) ? NULL : &wrn_inject_elsewhere;
    }
    if (IS("content-length")) return read_length(in, value) ? NULL : &malformed;
    if (IS("transfer-encoding")) {
        bool ok = !in->is_chunked && !in->has_length && !in->is_old && strcasecmp(value, "chunked") == 0;
        in->is_chunked = true;
        return ok ? NULL : &malformed;
    }
    if (IS("upgrade")) {
        bool ok = !in->upgrades && !in->requests && !in->is_old;
        in->upgrades = true;
        return ok ? NULL : &no_upgrade;
    }
    if (IS("connection")) return are_connection_words(value) ? NULL : &malformed;
#undef IS
    /* Lookalikes, which somebody on the way could take for what they look like. */
    return same_name(name, name_size, "content-length") || same_name(name, name_size, "transfer-encoding") ? &malformed
                                                                                                           : NULL;
}

/* The line without its end. Appends it to the head, unless it is a header that is added. */
static const wrn_inject_refusal *take_field(wrn_injector *in, const char *line, size_t size, bool is_trailer) {
    char *value = NULL;
    size_t name = wrn_token_size(line);
    if (!name || name >= size || line[name] != ':') return &malformed; /* also lines that go on with a blank */
    for (const char *c = line + name; c < line + size; c++)
        if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f) return &malformed;
    const char *start = line + name + 1, *end = line + size;
    while (start < end && (*start == ' ' || *start == '\t')) start++;
    while (end > start && (end[-1] == ' ' || end[-1] == '\t')) end--;
    if (is_left_out(in, line, name, start, (size_t)(end - start))) return NULL;
    value = strndup(start, (size_t)(end - start));
    if (!value) return &no_memory;
    const wrn_inject_refusal *refusal = NULL;
    if (is_trailer) refusal = wrn_inject_name_ok(strndupa(line, name)) ? NULL : &malformed;
    else refusal = read_field(in, line, name, value);
    free(value);
    wrn_buf_put(&in->head, line, size);
    wrn_buf_puts(&in->head, "\r\n");
    return refusal;
}

/* ---- heads ---- */

/* METHOD /path HTTP/1.x, or with the host in front of the path, which has to be that of this connection. */
static const wrn_inject_refusal *take_request_line(wrn_injector *in, const char *line, size_t size) {
    static const char *const refused[] = {"CONNECT", "TRACE", "TRACK"};
    size_t method = wrn_token_size(line);
    if (!method || method > METHOD_MAX || size < method + 11 || line[method] != ' ') return &malformed;
    const char *target = line + method + 1, *version = line + size - 9;
    if (memcmp(version, " HTTP/1.", 8) != 0 || (version[8] != '0' && version[8] != '1')) return &malformed;
    for (size_t i = 0; i < WRN_COUNT(refused); i++)
        if (strlen(refused[i]) == method && strncasecmp(line, refused[i], method) == 0) return &forbidden;
    size_t host_size;
    const char *host = wrn_target_host(target, version, in->host->port == 80 ? "http://" : "https://", &host_size);
    if (host && !is_own_host(in, host, host_size)) return &wrn_inject_elsewhere;
    if (!host && *target != '/' && !(*target == '*' && version == target + 1)) return &malformed;
    for (const char *c = target; c < version; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f) return &malformed;
    in->has_host = in->has_length = in->is_chunked = in->upgrades = false;
    in->is_old = version[8] == '0';
    in->left = 0;
    wrn_buf_put(&in->head, line, size);
    wrn_buf_puts(&in->head, "\r\n");
    in->part = WRN_INJECT_FIELDS;
    return NULL;
}

static const wrn_inject_refusal *end_head(wrn_injector *in, wrn_buf *out) {
    if (!in->has_host) return &malformed;
    if (in->upgrades && (in->is_chunked || in->left)) return &no_upgrade;
    wrn_buf_put(out, in->head.data, in->head.size);
    for (size_t i = 0; i < in->host->count; i++)
        wrn_buf_printf(out, "%s: %s\r\n", in->host->headers[i].name, in->host->headers[i].value);
    wrn_buf_puts(out, "\r\n");
    wrn_buf_clear(&in->head);
    in->requests++;
    in->part = in->upgrades     ? WRN_INJECT_WAIT
               : in->is_chunked ? WRN_INJECT_CHUNK_SIZE
               : in->left       ? WRN_INJECT_BODY
                                : WRN_INJECT_REQUEST_LINE;
    return NULL;
}

/* ---- bodies ---- */

/* Hexadecimal digits and nothing else: what may follow them has no meaning, but was read in two ways before. */
static const wrn_inject_refusal *take_chunk_size(wrn_injector *in, const char *line, size_t size, wrn_buf *out) {
    if (!size || size > DIGITS_MAX) return &malformed;
    in->left = 0;
    for (size_t i = 0; i < size; i++) {
        int digit = wrn_hex_digit(line[i]);
        if (digit < 0) return &malformed;
        in->left = in->left * 16 + (uint64_t)digit;
    }
    wrn_buf_put(out, line, size);
    wrn_buf_puts(out, "\r\n");
    in->part = in->left ? WRN_INJECT_CHUNK : WRN_INJECT_TRAILERS;
    return NULL;
}

static const wrn_inject_refusal *end_trailers(wrn_injector *in, wrn_buf *out) {
    wrn_buf_put(out, in->head.data, in->head.size);
    wrn_buf_puts(out, "\r\n");
    wrn_buf_clear(&in->head);
    in->part = WRN_INJECT_REQUEST_LINE;
    return NULL;
}

static const wrn_inject_refusal *take_line(wrn_injector *in, const char *line, size_t size, wrn_buf *out) {
    switch (in->part) {
    case WRN_INJECT_REQUEST_LINE: return size ? take_request_line(in, line, size) : NULL; /* some end bodies with one */
    case WRN_INJECT_FIELDS: return size ? take_field(in, line, size, false) : end_head(in, out);
    case WRN_INJECT_CHUNK_SIZE: return take_chunk_size(in, line, size, out);
    case WRN_INJECT_CHUNK_END:
        wrn_buf_puts(out, "\r\n");
        in->part = WRN_INJECT_CHUNK_SIZE;
        return size ? &malformed : NULL;
    case WRN_INJECT_TRAILERS: return size ? take_field(in, line, size, true) : end_trailers(in, out);
    default: return &malformed;
    }
}

/* Takes bytes up to the end of a line. Returns how many. */
static size_t read_line(wrn_injector *in, const char *bytes, size_t size, wrn_buf *out) {
    const char *end = memchr(bytes, '\n', size);
    size_t taken = end ? (size_t)(end - bytes) + 1 : size;
    wrn_buf_put(&in->line, bytes, taken);
    if (in->line.failed) return refuse(in, &too_large), taken;
    if (!end) return taken;
    if (in->line.size < 2 || in->line.data[in->line.size - 2] != '\r' || memchr(in->line.data, 0, in->line.size))
        return refuse(in, &malformed), taken;
    in->line.data[in->line.size - 2] = '\0';
    const wrn_inject_refusal *refusal = take_line(in, in->line.data, in->line.size - 2, out);
    if (!refusal && in->head.failed) refusal = &too_large;
    wrn_buf_clear(&in->line);
    if (refusal) refuse(in, refusal);
    return taken;
}

static size_t read_body(wrn_injector *in, const char *bytes, size_t size, wrn_buf *out) {
    size_t taken = in->left < size ? (size_t)in->left : size;
    wrn_buf_put(out, bytes, taken);
    in->left -= taken;
    if (!in->left) in->part = in->part == WRN_INJECT_CHUNK ? WRN_INJECT_CHUNK_END : WRN_INJECT_REQUEST_LINE;
    return taken;
}

const wrn_inject_refusal *wrn_inject(wrn_injector *in, const char *bytes, size_t size, wrn_buf *out) {
    while (size && !in->refusal) {
        size_t taken = size;
        switch (in->part) {
        case WRN_INJECT_BODY:
        case WRN_INJECT_CHUNK: taken = read_body(in, bytes, size, out); break;
        case WRN_INJECT_FREELY: wrn_buf_put(out, bytes, size); break;
        case WRN_INJECT_WAIT: refuse(in, &no_upgrade); break;
        default: taken = read_line(in, bytes, size, out);
        }
        bytes += taken;
        size -= taken;
        if (out->failed && !in->refusal) refuse(in, &no_memory);
    }
    return in->refusal;
}

void wrn_inject_answered(wrn_injector *in, const char *bytes, size_t size) {
    static const char opened[] = "HTTP/1.1 101 ";
    while (size-- && in->part == WRN_INJECT_WAIT) {
        if (*bytes++ != opened[in->answered++]) refuse(in, &no_upgrade); /* the answer is the last of this connection */
        else if (!opened[in->answered]) in->part = WRN_INJECT_FREELY;
    }
}
