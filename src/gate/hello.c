#include "gate/hello.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

enum {
    RECORD_HEAD = 5,
    RECORD_HANDSHAKE = 22,
    CLIENT_HELLO = 1,
    EXTENSION_NAME = 0,
    METHOD_MAX = 24,
    HTTP_MAX = 16384
};

static size_t get16(const uint8_t *at) { return (size_t)at[0] << 8 | at[1]; }

/* What is read of a message; `bad` once something was beyond its end. */
typedef struct reader {
    const uint8_t *at, *end;
    bool bad;
} reader;

static const uint8_t *take(reader *in, size_t size) {
    if (in->bad || (size_t)(in->end - in->at) < size) {
        in->bad = true;
        return NULL;
    }
    in->at += size;
    return in->at - size;
}

/* A vector with its length in front, of one byte or two. */
static reader take_vector(reader *in, int length_bytes) {
    const uint8_t *length = take(in, (size_t)length_bytes);
    size_t size = !length ? 0 : length_bytes == 1 ? *length : get16(length);
    const uint8_t *start = take(in, size);
    return (reader){start, start ? start + size : NULL, !start};
}

/* The handshake without the heads of the records that carry it, as far as it is there. False when it can't be one. */
static bool join_records(const uint8_t *bytes, size_t size, uint8_t *out, size_t room, size_t *joined) {
    *joined = 0;
    while (size) {
        if (bytes[0] != RECORD_HANDSHAKE || (size > 1 && bytes[1] != 3)) return false;
        if (size < RECORD_HEAD) return true;
        size_t length = get16(bytes + 3), have = size - RECORD_HEAD;
        if (!length || length > 16384) return false;
        if (have > length) have = length;
        size_t kept = have < room - *joined ? have : room - *joined;
        memcpy(out + *joined, bytes + RECORD_HEAD, kept);
        *joined += kept;
        /* Nothing behind the hello counts: it may be early data. */
        if (*joined >= 4 && *joined >= 4 + ((size_t)out[1] << 16 | get16(out + 2))) return true;
        if (have < length || *joined == room) return true;
        bytes += RECORD_HEAD + length;
        size -= RECORD_HEAD + length;
    }
    return true;
}

static bool read_name(reader extension, char name[WRN_NAME_MAX + 1]) {
    reader list = take_vector(&extension, 2);
    const uint8_t *type = take(&list, 1);
    reader host = take_vector(&list, 2);
    if (host.bad || *type != 0 || list.at != list.end || extension.at != extension.end) return false;
    return wrn_name_clean((const char *)host.at, (size_t)(host.end - host.at), name);
}

static wrn_hello read_client_hello(reader in, char name[WRN_NAME_MAX + 1]) {
    take(&in, 2 + 32); /* version, random */
    take_vector(&in, 1);
    take_vector(&in, 2);
    take_vector(&in, 1);
    reader extensions = take_vector(&in, 2);
    if (in.bad || extensions.bad) return WRN_HELLO_UNCLEAR;
    wrn_hello found = WRN_HELLO_UNNAMED;
    while (extensions.at < extensions.end) {
        const uint8_t *type = take(&extensions, 2);
        reader extension = take_vector(&extensions, 2);
        if (extension.bad) return WRN_HELLO_UNCLEAR;
        if (get16(type) != EXTENSION_NAME)
            continue; /* with encrypted hellos the outer name is what is seen, and judged */
        if (found == WRN_HELLO_NAMED || !read_name(extension, name)) return WRN_HELLO_UNCLEAR;
        found = WRN_HELLO_NAMED;
    }
    return found;
}

wrn_hello wrn_hello_tls(const uint8_t *bytes, size_t size, char name[WRN_NAME_MAX + 1]) {
    uint8_t joined[16384];
    size_t have;
    if (size && bytes[0] != RECORD_HANDSHAKE) return WRN_HELLO_UNNAMED;
    if (!join_records(bytes, size, joined, sizeof(joined), &have)) return WRN_HELLO_UNCLEAR;
    if (have && joined[0] != CLIENT_HELLO) return WRN_HELLO_UNCLEAR;
    size_t whole = have < 4 ? 4 : 4 + ((size_t)joined[1] << 16 | get16(joined + 2));
    if (whole > sizeof(joined)) return WRN_HELLO_UNCLEAR;
    if (have < whole) return size < WRN_HELLO_MAX ? WRN_HELLO_MORE : WRN_HELLO_UNCLEAR;
    return read_client_hello((reader){joined + 4, joined + whole, false}, name);
}

/* Lines end with CR LF, and no byte of them has a meaning for somebody else. */
static bool is_clean_line(const char *line, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (line[i] == '\r' || line[i] == '\n' || line[i] == 0) return false;
    return true;
}

/* METHOD /path HTTP/1.x, or METHOD http://HOST/path HTTP/1.x; then that is in `host`. */
static bool read_request_line(const char *line, size_t size, const char **host, size_t *host_size) {
    const char *space = memchr(line, ' ', size);
    if (!space || space == line) return false;
    const char *target = space + 1, *last = memrchr(line, ' ', size);
    size_t version = size - (size_t)(last + 1 - line);
    if (last <= target || version != 8 || memcmp(last + 1, "HTTP/1.", 7) != 0) return false;
    *host = wrn_target_host(target, last, "http://", host_size);
    return *host || *target == '/' || (*target == '*' && last == target + 1);
}

/* NAME or ADDRESS, and a port. */
static wrn_hello read_host(const char *value, size_t size, char name[WRN_NAME_MAX + 1]) {
    while (size && (*value == ' ' || *value == '\t')) value++, size--;
    while (size && (value[size - 1] == ' ' || value[size - 1] == '\t')) size--;
    if (wrn_host_is_address(value, size)) return WRN_HELLO_ADDRESS;
    const char *colon = memchr(value, ':', size);
    if (colon) {
        for (const char *c = colon + 1; c < value + size; c++)
            if (*c < '0' || *c > '9') return WRN_HELLO_UNCLEAR;
        size = (size_t)(colon - value);
    }
    return wrn_name_clean(value, size, name) ? WRN_HELLO_NAMED : WRN_HELLO_UNCLEAR;
}

static bool is_word(char c) { return wrn_token_size((char[]){c, 0}) == 1; }

/* Whether servers that are not strict could take this for the beginning of a request. Known early, so that others need not send
 * more. Named: it is one, as far as can be told. */
static wrn_hello read_begin(const char *text, size_t size) {
    size_t blank = 0, word = 0;
    while (blank < size && strchr(" \t\r\n", text[blank]) && text[blank]) blank++;
    while (blank + word < size && word < METHOD_MAX && is_word(text[blank + word])) word++;
    if (blank + word == size) return WRN_HELLO_MORE;
    if (word < METHOD_MAX && text[blank + word] != ' ' && text[blank + word] != '\t') return WRN_HELLO_UNNAMED;
    return !blank && word && word < METHOD_MAX ? WRN_HELLO_NAMED : WRN_HELLO_UNCLEAR;
}

/* A host in the target counts instead of Host (RFC 9112, 3.2.2), but not to all servers: both have to be the same. */
static bool is_same_host(const char *target, size_t size, wrn_hello found, const char *name) {
    char other[WRN_NAME_MAX + 1] = "";
    return read_host(target, size, other) == found && (found != WRN_HELLO_NAMED || strcmp(other, name) == 0);
}

static wrn_hello read_head(const char *line, const char *end, char name[WRN_NAME_MAX + 1]) {
    wrn_hello found = WRN_HELLO_UNCLEAR;
    const char *target = NULL;
    size_t target_size = 0;
    for (bool first = true; line < end; first = false) {
        const char *stop = memmem(line, (size_t)(end - line), "\r\n", 2);
        size_t size = (size_t)(stop - line);
        if (!is_clean_line(line, size)) return WRN_HELLO_UNCLEAR;
        if (first) {
            if (!read_request_line(line, size, &target, &target_size)) return WRN_HELLO_UNCLEAR;
        } else {
            const char *colon = memchr(line, ':', size);
            if (!colon || colon == line) return WRN_HELLO_UNCLEAR;
            for (const char *c = line; c < colon; c++)
                if (*c <= ' ' || *c >= 0x7f) return WRN_HELLO_UNCLEAR; /* also lines that go on with a blank */
            if (colon - line == 4 && strncasecmp(line, "host", 4) == 0) {
                if (found != WRN_HELLO_UNCLEAR) return WRN_HELLO_UNCLEAR;
                found = read_host(colon + 1, (size_t)(stop - colon - 1), name);
                if (found == WRN_HELLO_UNCLEAR) return found;
            }
        }
        line = stop + 2;
    }
    return target && !is_same_host(target, target_size, found, name) ? WRN_HELLO_UNCLEAR : found;
}

wrn_hello wrn_hello_http(const uint8_t *bytes, size_t size, char name[WRN_NAME_MAX + 1]) {
    const char *text = (const char *)bytes;
    wrn_hello begin = read_begin(text, size);
    if (begin != WRN_HELLO_NAMED) return begin == WRN_HELLO_MORE && size >= HTTP_MAX ? WRN_HELLO_UNCLEAR : begin;
    const char *end = memmem(text, size < HTTP_MAX ? size : HTTP_MAX, "\r\n\r\n", 4);
    const char *stop = end ? end : text + size, *first = memchr(text, '\n', (size_t)(stop - text));
    const char *host;
    size_t host_size;
    if (first && !read_request_line(text, (size_t)(first - 1 - text), &host, &host_size)) return WRN_HELLO_UNCLEAR;
    for (const char *line = first; line; line = memchr(line + 1, '\n', (size_t)(stop - line - 1)))
        if (line[-1] != '\r') return WRN_HELLO_UNCLEAR; /* the end of a line to some only */
    if (!end) return size < HTTP_MAX ? WRN_HELLO_MORE : WRN_HELLO_UNCLEAR;
    return read_head(text, end + 2, name);
}
