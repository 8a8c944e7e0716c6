#include "api/streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/text.h"

/* Stream ids of wrenn.bytes.v1. */
enum { ID_STDIN = 0, ID_STDOUT = 1, ID_STDERR = 2 };

static void push_data(wrenn_stream *s, int64_t type, const char *data, size_t size) {
    if (!size) return;
    int64_t offset = s->offset;
    s->offset += (int64_t)size;
    wrn_stream_push(s, &(wrenn_event){.type = type, .data = data, .size = size, .offset = offset});
}

static void fail_protocol(wrenn_stream *s, const char *what) {
    wrn_stream_finish(s, wrn_error_new(WRENN_E_PROTOCOL, "stream: %s", what));
}

static void take_binary_message(wrenn_stream *s, const char *data, size_t size) {
    if (!s->selected) {
        /* Some servers send the output of a terminal as binary messages without a stream id. */
        if (s->type->terminal) push_data(s, WRENN_EVENT_STDOUT, data, size);
        return;
    }
    if (!size) return fail_protocol(s, "an empty frame without a stream id");
    if (*data == ID_STDOUT) push_data(s, WRENN_EVENT_STDOUT, data + 1, size - 1);
    else if (*data == ID_STDERR) push_data(s, WRENN_EVENT_STDERR, data + 1, size - 1);
}

static void take_start_message(wrenn_stream *s, const wrn_json *message) {
    const char *tag = wrn_json_text(message, "tag");
    wrn_json_int(wrn_json_get(message, "pid"), &s->pid);
    wrn_json_int(wrn_json_get(message, "offset"), &s->offset);
    if (tag) snprintf(s->tag, sizeof(s->tag), "%s", tag);
    const wrenn_event event = {
        .type = WRENN_EVENT_STARTED, .pid = s->pid, .tag = *s->tag ? s->tag : NULL, .offset = s->offset};
    if (wrn_stream_push(s, &event)) wrn_stream_begun(s);
}

static void take_output_message(wrenn_stream *s, int64_t type, const wrn_json *message, bool base64) {
    size_t size;
    const char *text = wrn_json_string(wrn_json_get(message, "data"), &size);
    if (!text || !size) return;
    if (!base64) return push_data(s, type, text, size);
    char *bytes = malloc(wrn_base64_decoded_max(size) + 1);
    ssize_t decoded = bytes ? wrn_base64_decode(bytes, text, size) : 0;
    if (!bytes) wrn_stream_finish(s, wrn_error_new(WRENN_E_NO_MEMORY, "stream: out of memory"));
    else if (decoded < 0) fail_protocol(s, "output that is not base64");
    else push_data(s, type, bytes, (size_t)decoded);
    free(bytes);
}

static void take_dropped_message(wrenn_stream *s, const wrn_json *message) {
    wrenn_event event = {.type = WRENN_EVENT_DROPPED};
    if (!wrn_json_int(wrn_json_get(message, "bytes"), &event.dropped) ||
        !wrn_json_int(wrn_json_get(message, "offset"), &event.offset))
        return fail_protocol(s, "it left out output without saying how much");
    s->offset = event.offset;
    wrn_stream_push(s, &event);
}

static void take_exit_message(wrenn_stream *s, const wrn_json *message) {
    int64_t code;
    if (!wrn_json_int(wrn_json_get(message, "exit_code"), &code)) return fail_protocol(s, "an exit without its code");
    wrn_json_int(wrn_json_get(message, "signal"), &s->signal);
    wrn_json_bool(wrn_json_get(message, "oom_killed"), &s->oom_killed);
    wrn_json_bool(wrn_json_get(message, "output_cut"), &s->output_cut);
    if (wrn_stream_push(s, &(wrenn_event){.type = WRENN_EVENT_EXIT, .exit_code = code, .offset = s->offset}))
        wrn_stream_finish(s, NULL);
}

/* Whether `words` are about an object of the API, as in "not_found: process with tag x not found"; not as in
 * exec: "emptydir": executable file not found. */
static bool is_about_object(const char *text, const char *words) {
    static const char *const things[] = {"sandbox", "capsule", "process", "terminal", "pty"};
    const char *at = strcasestr(text, words), *clause = at;
    if (!at) return false;
    while (clause > text && !(clause - text > 1 && clause[-1] == ' ' && strchr(":=", clause[-2]))) clause--;
    for (size_t i = 0; i < WRN_COUNT(things); i++)
        if (clause < at ? strncasecmp(clause, things[i], strlen(things[i])) == 0 : strcasestr(text, things[i]) != NULL)
            return true;
    return false;
}

/* Codes of newer servers, which elsewhere come with a status. */
static int class_of_newer(const char *code, int otherwise) {
    static const struct {
        const char *end;
        int code;
    } ends[] = {{"_not_found", WRENN_E_NOT_FOUND},
                {"_not_running", WRENN_E_CONFLICT},
                {"_not_paused", WRENN_E_CONFLICT},
                {"validation_failed", WRENN_E_VALIDATION}};
    size_t size = code ? strlen(code) : 0;
    for (size_t i = 0; i < WRN_COUNT(ends); i++) {
        size_t end = strlen(ends[i].end);
        if (size >= end && strcmp(code + size - end, ends[i].end) == 0) return ends[i].code;
    }
    return otherwise;
}

/* wrennd sends a code. Other servers send only text; their API maps the same words to statuses. */
static int class_of(const char *code, const char *text) {
    if (strcmp(text, "authentication failed") == 0) return WRENN_E_AUTHENTICATION;
    if (is_about_object(text, "not found") || is_about_object(text, "not_found"))
        return wrn_error_class(code, WRENN_E_NOT_FOUND);
    if (is_about_object(text, "not running") || is_about_object(text, "not paused"))
        return wrn_error_class(code, WRENN_E_CONFLICT);
    return wrn_error_class(code, class_of_newer(code, WRENN_E_API));
}

/* Servers put text and code into the message itself, or into an error object in it as their API's answers have it. NULL:
 * there is none. */
static const char *error_member(const wrn_json *message, const char *const names[], size_t count) {
    const wrn_json *const places[] = {message, wrn_json_get(message, "error"), wrn_json_get(message, "data")};
    for (size_t at = 0; at < WRN_COUNT(places); at++) {
        for (size_t i = 0; i < count; i++) {
            const char *text = wrn_json_text(places[at], names[i]);
            if (text && *text) return text;
        }
    }
    return NULL;
}

static void take_error_message(wrenn_stream *s, const wrn_json *message) {
    static const char *const texts[] = {"data", "message", "error"}, *const codes[] = {"code"};
    const char *text = error_member(message, texts, WRN_COUNT(texts)), *code = error_member(message, codes, 1);
    char said[WRN_SAID_SIZE];
    if (!text) text = code ? code : "it gave no reason";
    wrn_stream_finish(s, wrn_error_new(class_of(code, text), "%s: the server ended it: %s%s%s%s",
                                       s->opening ? s->opening->type->name : "stream",
                                       wrn_error_said(said, text, strlen(text)),
                                       *s->tag ? " (the terminal has the tag " : "", s->tag, *s->tag ? ")" : ""));
}

void wrn_command_message(wrenn_stream *s, bool binary, const char *data, size_t size) {
    if (binary) return take_binary_message(s, data, size);
    WRN_AUTO(wrn_json_freep) wrn_json *message = NULL;
    const char *why = NULL;
    if (!wrn_json_parse(data, size, &message, &why)) return fail_protocol(s, "a message that is not JSON");
    const char *type = wrn_json_text(message, "type");
    if (!type && wrn_json_get(message, "error")) type = "error";
    if (!type) return;
    if (strcmp(type, "stdout") == 0) take_output_message(s, WRENN_EVENT_STDOUT, message, false);
    else if (strcmp(type, "stderr") == 0) take_output_message(s, WRENN_EVENT_STDERR, message, false);
    else if (strcmp(type, "output") == 0) take_output_message(s, WRENN_EVENT_STDOUT, message, true);
    else if (strcmp(type, "start") == 0 || strcmp(type, "started") == 0) take_start_message(s, message);
    else if (strcmp(type, "dropped") == 0) take_dropped_message(s, message);
    else if (strcmp(type, "end") == 0) wrn_stream_finish(s, NULL);
    else if (strcmp(type, "exit") == 0) take_exit_message(s, message);
    else if (strcmp(type, "error") == 0) take_error_message(s, message);
}

bool wrn_command_bytes_input(wrenn_stream *s, const void *data, size_t size) {
    char frame[1 + WRN_STREAM_PIECE];
    frame[0] = ID_STDIN;
    memcpy(frame + 1, data, size);
    return s->socket && wrn_socket_send(s->socket, true, frame, size + 1);
}

static bool send_first(wrenn_stream *s) {
    const wrn_buf *first = s->selected || !s->first_wrapped.size ? &s->opening->body : &s->first_wrapped;
    if (wrn_stream_send(s, first->data)) return true;
    wrn_stream_finish(s, wrn_error_new(WRENN_E_NO_MEMORY, "stream: out of memory"));
    return false;
}

void wrn_command_send_first(wrenn_stream *s) {
    if (!s->wants_stdin || s->selected) send_first(s);
    else
        wrn_stream_finish(s, wrn_error_new(WRENN_E_UNSUPPORTED,
                                           "exec_stream: the server has no standard input for commands (it does not "
                                           "speak " WRN_BYTES_PROTOCOL ")"));
}

void wrn_command_send_only(wrenn_stream *s) {
    if (send_first(s)) wrn_stream_begun(s);
}
