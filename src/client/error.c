#include "client/error.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/text.h"
#include "wire/faults.h"
#include "wrenn/exec.h"

enum { BODY_KEPT = 64 * 1024, IDS_MAX = 10000, LINE_MAX_SIZE = 4096 };

static const char cut_mark[] = "... (cut)";

struct wrenn_error {
    int code, http_status, retriable;
    int more_owners;
    int64_t retry_after_ms;
    const char *message, *server_code, *request_id, *body;
    const char **ids;
    size_t id_count;
    wrenn_exec_result *result; /* of a command, as far as it went; NULL: nothing is known */
};

/* Used when there is no memory for an error. */
static wrenn_error out_of_memory = {.code = WRENN_E_NO_MEMORY, .message = "out of memory"};

static const struct code_row {
    int code, parent;
    const char *name, *text;
} codes[] = {
#define ROW(name, parent, text) \
    { WRENN_E_##name, WRENN_E_##parent, "WRENN_E_" #name, text }
    ROW(API, NONE, "the server answered with an error"),
    ROW(VALIDATION, API, "the server refused the request as invalid"),
    ROW(AUTHENTICATION, API, "missing or wrong credentials"),
    ROW(FORBIDDEN, API, "not allowed"),
    ROW(NOT_FOUND, API, "no such object"),
    ROW(CONFLICT, API, "not possible in the present state"),
    ROW(HOST_HAS_SANDBOXES, CONFLICT, "the host still has sandboxes"),
    ROW(HOST_UNAVAILABLE, API, "no host can take this now"),
    ROW(AGENT, API, "the sandbox's machine reported a failure"),
    ROW(INTERNAL, API, "the server failed"),
    ROW(TIMEOUT, NONE, "the time for the operation ran out"),
    ROW(CONNECTION_FAILED, NONE, "no connection: the request was never sent"),
    ROW(CONNECTION_LOST, NONE, "the connection broke: the outcome is unknown"),
    ROW(PROTOCOL, NONE, "malformed response from the server"),
    ROW(LIMIT, NONE, "a limit set on this side was passed"),
    ROW(CANCELLED, NONE, "cancelled"),
    ROW(AGAIN, NONE, "nothing there yet"),
    ROW(UNSUPPORTED, NONE, "the server does not offer this"),
    ROW(NO_MEMORY, NONE, "out of memory"),
    ROW(INVALID_ARGUMENT, NONE, "wrong argument"),
    ROW(REENTRANT, NONE, "a blocking call from inside a callback"),
    ROW(SYSTEM, NONE, "the operating system refused"),
#undef ROW
};

static const struct code_row *error_row_of(int code) {
    for (size_t i = 0; i < WRN_COUNT(codes); i++)
        if (codes[i].code == code) return &codes[i];
    return NULL;
}

static const struct {
    const char *server_code;
    int code;
} server_codes[] = {
#define ROW(name, server_code, status, class) {server_code, WRENN_E_##class},
    WRN_FAULTS(ROW)
#undef ROW
};

static int code_of_status(int status) {
    switch (status) {
    case 400:
    case 413:
    case 422: return WRENN_E_VALIDATION;
    case 401: return WRENN_E_AUTHENTICATION;
    case 403: return WRENN_E_FORBIDDEN;
    case 404: return WRENN_E_NOT_FOUND;
    case 409: return WRENN_E_CONFLICT;
    case 502: return WRENN_E_AGENT;
    case 503: return WRENN_E_HOST_UNAVAILABLE;
    default: return status >= 500 ? WRENN_E_INTERNAL : WRENN_E_API;
    }
}

/* Makes one line of UTF-8 of text that came from a server or a file name and may be cut anywhere: no line breaks, no
 * control characters, no partial characters. */
static void make_line(char *text, size_t size) {
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = ' ';
    for (size_t at = 0; (at += wrn_utf8_valid_prefix(text + at, size - at)) < size; at++) text[at] = '?';
}

/* Cuts a text to fewer than `room` bytes, with the mark; its new size. */
static size_t error_cut(char *text, size_t size, size_t room) {
    if (size < room) return size;
    size = wrn_utf8_valid_prefix(text, room - sizeof(cut_mark));
    memcpy(text + size, cut_mark, sizeof(cut_mark));
    return size + sizeof(cut_mark) - 1;
}

const char *wrn_error_said(char out[WRN_SAID_SIZE], const char *text, size_t size) {
    size_t kept = size < WRN_SAID_SIZE ? size : WRN_SAID_SIZE;
    memcpy(out, text, kept);
    if (size < WRN_SAID_SIZE) out[size] = '\0';
    else error_cut(out, kept, WRN_SAID_SIZE);
    return out;
}

wrenn_error *wrn_error_of(const char *what, int code, const char *format, va_list args) {
    size_t head = *what ? strlen(what) + 2 : 0;
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    wrenn_error *error = wrn_result_new(sizeof(*error));
    char *message = error && size >= 0 ? wrn_arena_alloc(wrn_result_arena(error), head + (size_t)size + 1) : NULL;
    if (!message) {
        wrn_result_free(error);
        return &out_of_memory;
    }
    if (head) snprintf(message, head + 1, "%s: ", what);
    vsnprintf(message + head, (size_t)size + 1, format, args);
    make_line(message, head + (size_t)size);
    error_cut(message, head + (size_t)size, LINE_MAX_SIZE);
    error->code = code;
    error->message = message;
    return error;
}

wrenn_error *wrn_error_new(int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    wrenn_error *error = wrn_error_of("", code, format, args);
    va_end(args);
    return error;
}

int wrn_fail(wrenn_error **error, int code, const char *format, ...) {
    if (!error) return code;
    va_list args;
    va_start(args, format);
    *error = wrn_error_of("", code, format, args);
    va_end(args);
    return code;
}

int wrn_no_memory(wrenn_error **error, const char *what) {
    return wrn_fail(error, WRENN_E_NO_MEMORY, "%s%sout of memory", what ? what : "", what ? ": " : "");
}

wrenn_error *wrn_error_ref(const wrenn_error *error) {
    wrenn_error *same = (wrenn_error *)error;
    if (same != &out_of_memory) same->more_owners++;
    return same;
}

int wrn_error_give(wrenn_error **error, wrenn_error *from) {
    int code = from->code;
    if (error) *error = from;
    else wrenn_error_free(from);
    return code;
}

/* ---- from answers ---- */

static const char *copy_detail(wrenn_error *error, const char *text) {
    return text ? wrn_arena_dup(wrn_result_arena(error), text, strlen(text)) : NULL;
}

/* Servers put the ids that keep a host from being deleted into one of five places. */
static const wrn_json *find_ids(const wrn_json *body) {
    const wrn_json *inner = wrn_json_get(body, "error");
    const wrn_json *places[] = {
        wrn_json_get(inner, "sandbox_ids"),
        wrn_json_get(inner, "capsule_ids"),
        wrn_json_get(wrn_json_get(inner, "details"), "sandbox_ids"),
        wrn_json_get(body, "sandbox_ids"),
        wrn_json_get(body, "capsule_ids"),
    };
    for (size_t i = 0; i < WRN_COUNT(places); i++)
        if (wrn_json_count(places[i])) return places[i];
    return NULL;
}

static void keep_ids(wrenn_error *error, const wrn_json *ids) {
    size_t count = wrn_json_count(ids);
    if (count > IDS_MAX) count = IDS_MAX;
    error->ids = count ? wrn_arena_alloc(wrn_result_arena(error), count * sizeof(char *)) : NULL;
    for (size_t i = 0; error->ids && i < count; i++) {
        const char *id = copy_detail(error, wrn_json_string(wrn_json_at(ids, i), NULL));
        if (id) error->ids[error->id_count++] = id;
    }
}

int wrn_output_decode(wrn_arena *arena, bool base64, const char *text, size_t size, const char **data,
                      size_t *data_size) {
    char *bytes = base64 ? wrn_arena_alloc(arena, wrn_base64_decoded_max(size) + 1) : wrn_arena_dup(arena, text, size);
    if (!bytes) return WRENN_E_NO_MEMORY;
    ssize_t length = base64 ? wrn_base64_decode(bytes, text, size) : (ssize_t)size;
    *data = bytes;
    *data_size = length < 0 ? 0 : (size_t)length;
    return length < 0 ? WRENN_E_PROTOCOL : 0;
}

/* False when there is none, or there is no memory for it. */
static bool keep_output(wrn_arena *arena, const wrn_json *text, bool base64, const char **data, size_t *size) {
    size_t length;
    const char *from = wrn_json_string(text, &length);
    return from && wrn_output_decode(arena, base64, from, length, data, size) == 0;
}

static void keep_result(wrenn_error *error, const wrn_json *inner) {
    wrn_arena *arena = wrn_result_arena(error);
    const char *encoding = wrn_json_text(inner, "encoding");
    bool base64 = encoding && strcmp(encoding, "base64") == 0;
    const wrn_json *code = wrn_json_get(inner, "exit_code");
    wrenn_exec_result *result = code || wrn_json_get(inner, "stdout") ? wrn_arena_alloc(arena, sizeof(*result)) : NULL;
    if (!result) return;
    *result = (wrenn_exec_result){.exit_code = -1, .stdout_data = "", .stderr_data = ""};
    if (wrn_json_int(code, &result->exit_code)) error->result = result;
    else if (keep_output(arena, wrn_json_get(inner, "stdout"), base64, &result->stdout_data, &result->stdout_size) &&
             keep_output(arena, wrn_json_get(inner, "stderr"), base64, &result->stderr_data, &result->stderr_size))
        error->result = result;
}

int wrn_error_class(const char *server_code, int otherwise) {
    for (size_t i = 0; server_code && i < WRN_COUNT(server_codes); i++)
        if (strcmp(server_codes[i].server_code, server_code) == 0) return server_codes[i].code;
    return otherwise;
}

/* The first line of a response that does not come from the API but from a program in a sandbox or a proxy. NULL for HTML
 * pages and tracebacks, which wrenn_error_body() has. `size`: in, the bytes there are; out, the bytes to show. */
static const char *plain_text(const char *text, size_t *size) {
    size_t skip = 0;
    while (skip < *size && strchr(" \t\r\n", text[skip])) skip++;
    const char *line = text + skip;
    size_t left = *size - skip, end = 0;
    while (end < left && line[end] != '\n' && line[end] != '\r') end++;
    *size = wrn_utf8_valid_prefix(line, end);
    return !*size || *line == '<' || strncmp(line, "Traceback", 9) == 0 ? NULL : line;
}

/* In the order of preference; NULL: none. `size` is set. */
static const char *message_of(const wrn_json *body, const wrn_buf *raw, size_t *size) {
    const wrn_json *inner = wrn_json_get(body, "error");
    const char *message = wrn_json_string(wrn_json_get(inner, "message"), size);
    if (!message) message = wrn_json_string(inner, size); /* {"error":"text"} */
    if (message) return *size = strlen(message), message;
    message = wrn_json_string(wrn_json_get(body, "message"), size); /* Jupyter's */
    if (message) return plain_text(message, size);
    *size = raw->size;
    return raw->size ? plain_text(raw->data, size) : NULL;
}

/* A 404 without an error object: the server, or a proxy before it, does not know the path. */
static wrenn_error *no_such_route(const char *what, const wrn_http_response *response, const char *base_url) {
    size_t size = strlen(base_url);
    const char *host = strstr(base_url, "://"), *path = host ? strchr(host + 3, '/') : NULL;
    bool versioned = size >= 3 && strcmp(base_url + size - 3, "/v1") == 0;
    return wrn_error_new(WRENN_E_UNSUPPORTED,
                         "%s: there is no such route (HTTP %d): the server does not offer this, or its API is not at "
                         "the base URL %.200s%s",
                         what, response->status, base_url,
                         versioned       ? "; leave the /v1 at its end out"
                         : host && !path ? "; it may have a path such as /api"
                                         : "");
}

/* Whether the same call may be made again. 429 means that nothing was done. 503 may also mean that the sandbox's host was
 * lost while the call ran. */
static bool is_retriable(int status, const char *server_code, bool repeatable) {
    return status == 429 || (status == 503 && (repeatable || (server_code && strcmp(server_code, "overloaded") == 0)));
}

wrenn_error *wrn_error_from_answer(const char *what, const wrn_http_response *response, bool repeatable,
                                   const char *base_url) {
    WRN_AUTO(wrn_json_freep) wrn_json *body = NULL;
    const wrn_buf *raw = &response->body;
    const char *why;
    size_t shown = 0;
    char said[WRN_SAID_SIZE];
    if (raw->size) wrn_json_parse(raw->data, raw->size, &body, &why);
    const wrn_json *inner = wrn_json_get(body, "error");
    const char *server_code = wrn_json_text(inner, "code");
    const char *message = message_of(body, raw, &shown);
    if (!message) shown = strlen(message = "no explanation given");
    int code = wrn_error_class(server_code, code_of_status(response->status));
    bool no_route = base_url && !inner && (response->status == 404 || response->status == 405);
    wrenn_error *error =
        no_route ? no_such_route(what, response, base_url)
                 : wrn_error_new(code, "%s: %s (HTTP %d%s%.100s)", what, wrn_error_said(said, message, shown),
                                 response->status, server_code ? ", " : "", server_code ? server_code : "");
    if (error == &out_of_memory) return error;
    error->http_status = response->status;
    error->server_code = copy_detail(error, server_code);
    const char *request_id = wrn_json_text(inner, "request_id");
    error->request_id = copy_detail(error, response->request_id ? response->request_id : request_id);
    error->retry_after_ms = response->retry_after_ms;
    bool retryable = false;
    wrn_json_bool(wrn_json_get(inner, "retryable"), &retryable);
    error->retriable = retryable || is_retriable(response->status, server_code, repeatable);
    if (raw->size)
        error->body = wrn_arena_dup(wrn_result_arena(error), raw->data, raw->size < BODY_KEPT ? raw->size : BODY_KEPT);
    keep_ids(error, find_ids(body));
    keep_result(error, inner);
    return error;
}

wrenn_error *wrn_error_from_outcome(const char *what, const wrn_http_response *response) {
    static const int code_of[] = {
        [WRN_HTTP_NOT_SENT] = WRENN_E_CONNECTION_FAILED,
        [WRN_HTTP_LOST] = WRENN_E_CONNECTION_LOST,
        [WRN_HTTP_TOO_LARGE] = WRENN_E_LIMIT,
        [WRN_HTTP_MALFORMED] = WRENN_E_PROTOCOL,
        [WRN_HTTP_STOPPED] = WRENN_E_CANCELLED,
        [WRN_HTTP_NO_MEMORY] = WRENN_E_NO_MEMORY,
    };
    int code = code_of[response->outcome];
    if (code == WRENN_E_LIMIT)
        return wrn_error_new(code, "%s: the answer is larger than max_response_bytes of the client options", what);
    /* That there was no connection is what the problem is about. */
    const char *kind = code == WRENN_E_CONNECTION_FAILED ? "" : wrenn_strerror(code);
    wrenn_error *error = wrn_error_new(code, "%s: %s%s%s", what, kind, *kind ? ": " : "", response->problem);
    if (error != &out_of_memory) error->retriable = code == WRENN_E_CONNECTION_FAILED;
    return error;
}

/* ---- public ---- */

int wrenn_error_code(const wrenn_error *error) { return error ? error->code : 0; }

int wrenn_error_is(const wrenn_error *error, int code) {
    const struct code_row *at = error ? error_row_of(error->code) : NULL;
    while (at && at->code != code) at = error_row_of(at->parent);
    return at != NULL;
}

const char *wrenn_error_message(const wrenn_error *error) { return error ? error->message : "no error"; }
int64_t wrenn_error_http_status(const wrenn_error *error) { return error ? error->http_status : 0; }
const char *wrenn_error_server_code(const wrenn_error *error) { return error ? error->server_code : NULL; }
const char *wrenn_error_request_id(const wrenn_error *error) { return error ? error->request_id : NULL; }
const wrenn_exec_result *wrenn_error_exec_result(const wrenn_error *error) { return error ? error->result : NULL; }
const char *wrenn_error_body(const wrenn_error *error) { return error ? error->body : NULL; }
int wrenn_error_retriable(const wrenn_error *error) { return error ? error->retriable : 0; }
int64_t wrenn_error_retry_after_ms(const wrenn_error *error) { return error ? error->retry_after_ms : 0; }

size_t wrenn_error_sandbox_ids(const wrenn_error *error, const char *const **ids) {
    if (ids) *ids = error ? error->ids : NULL;
    return error ? error->id_count : 0;
}

void wrenn_error_free(wrenn_error *error) {
    if (error && error != &out_of_memory && !error->more_owners--) wrn_result_free(error);
}

void wrn_error_freep(wrenn_error **error) { wrenn_error_free(*error); }

const char *wrenn_strerror_name(int code) {
    const struct code_row *row = error_row_of(code);
    return row ? row->name : code ? "unknown code" : "WRENN_E_NONE";
}

const char *wrenn_strerror(int code) {
    const struct code_row *row = error_row_of(code);
    return row ? row->text : code ? "unknown error" : "no error";
}
