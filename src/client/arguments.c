#include "client/arguments.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/text.h"
#include "client/error.h"

enum { IDEMPOTENCY_KEY_MAX = 255, REQUEST_ID_MAX = 128 };

int wrn_options_read(void *out, size_t known, const void *in, const char *name, wrenn_error **error) {
    memset(out, 0, known);
    if (!in) return 0;
    size_t size;
    memcpy(&size, in, sizeof(size));
    /* All fields have 8 bytes, so a size that is no multiple of 8 is wrong. */
    if (size < sizeof(size) || size > 4096 || size % sizeof(uint64_t))
        return wrn_refuse(error, "%s.struct_size is %zu; initialize the struct with its _INIT macro", name, size);
    const char *bytes = in;
    for (size_t i = known; i < size; i++)
        if (bytes[i])
            return wrn_refuse(
                error, "%s has a field set that this libwrenn (" WRN_VERSION ") does not know; use a newer one", name);
    memcpy(out, in, size < known ? size : known);
    return 0;
}

void wrn_options_init(void *options, size_t size) {
    if (size < sizeof(size)) return;
    memset(options, 0, size);
    memcpy(options, &size, sizeof(size));
}

/* It becomes a header field, so that a line break in it would add another one. */
static int check_visible(const char *what, const char *member, const char *text, size_t max, wrenn_error **error) {
    size_t size = 0;
    while (text && text[size] > ' ' && text[size] < 0x7f) size++;
    if (!text || (size && size <= max && !text[size])) return 0;
    return wrn_refuse(error, "%s: %s must have 1 to %zu visible ASCII characters", what, member, max);
}

static bool arguments_is_ours(const char *header, size_t name) {
    static const char *const ours[] = {"accept",          "accept-encoding",
                                       "authorization",   "connection",
                                       "content-length",  "content-type",
                                       "expect",          "host",
                                       "idempotency-key", "te",
                                       "trailer",         "transfer-encoding",
                                       "upgrade",         "user-agent",
                                       "x-api-key",       "x-request-id"};
    if (strncasecmp(header, "sec-websocket-", strlen("sec-websocket-")) == 0) return true;
    for (size_t i = 0; i < WRN_COUNT(ours); i++)
        if (strlen(ours[i]) == name && strncasecmp(header, ours[i], name) == 0) return true;
    return false;
}

/* One line of text that is not empty: libcurl would leave a field without a value out. */
static bool is_value(const char *text) {
    text += strspn(text, " \t");
    bool fine = *text;
    for (; *text; text++) fine = fine && (*text == '\t' || (unsigned char)*text >= ' ') && *text != 0x7f;
    return fine;
}

/* Values may be secrets, which errors do not tell. */
static int check_header(const char *what, size_t number, const char *header, wrenn_error **error) {
    size_t name = wrn_token_size(header);
    int shown = name < 40 ? (int)name : 40;
    if (!name || header[name] != ':' || !is_value(header + name + 1))
        return wrn_refuse(error, "%s: headers[%zu] (%.*s) is not of the form \"Name: value\", one line of text", what,
                          number, shown, header);
    if (arguments_is_ours(header, name))
        return wrn_refuse(error, "%s: headers[%zu] (%.*s) is for the library to set", what, number, shown, header);
    return 0;
}

int wrn_check_call(const char *what, const wrenn_call_options *call, wrenn_error **error) {
    if (call->timeout_ms < 0) return wrn_refuse(error, "%s: timeout_ms must not be negative", what);
    int rc = check_visible(what, "idempotency_key", call->idempotency_key, IDEMPOTENCY_KEY_MAX, error);
    if (rc == 0) rc = check_visible(what, "request_id", call->request_id, REQUEST_ID_MAX, error);
    for (size_t i = 0; rc == 0 && call->headers && call->headers[i]; i++)
        rc = check_header(what, i, call->headers[i], error);
    for (size_t i = 0; rc == 0 && i < WRN_COUNT(call->reserved); i++)
        if (call->reserved[i])
            rc = wrn_refuse(
                error, "%s: the call has an option that this libwrenn (" WRN_VERSION ") does not know; use a newer one",
                what);
    return rc;
}

int wrn_check_segment(const char *what, const char *text, wrenn_error **error) {
    if (!text || !*text) return wrn_refuse(error, "the %s must not be empty", what);
    if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return wrn_refuse(error, "the %s must not be \"%s\"", what, text);
    return 0;
}

const char *wrn_number(char out[WRN_NUMBER_SIZE], int64_t value) {
    snprintf(out, WRN_NUMBER_SIZE, "%lld", (long long)value);
    return value ? out : NULL;
}

int64_t wrn_whole_seconds(int64_t ms) { return ms / 1000 + (ms % 1000 > 0); }

size_t wrn_count_texts(const char *const *texts) {
    size_t count = 0;
    while (texts && texts[count]) count++;
    return count;
}
