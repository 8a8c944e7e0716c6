/* What the tests of streams share. */
#ifndef WRN_TESTS_STREAMS_H
#define WRN_TESTS_STREAMS_H

#include <stdio.h>

#include "sdk.h"

#define UPGRADE \
    { .text = "", .upgrade = true }
#define UPGRADE_BYTES \
    { .text = "Sec-WebSocket-Protocol: wrenn.bytes.v1\r\n", .upgrade = true }
#define START "{\"type\":\"start\",\"pid\":7}"
#define EXIT(code) "{\"type\":\"exit\",\"exit_code\":" #code "}"
#define OUT(text) "{\"type\":\"stdout\",\"data\":\"" text "\"}"

static inline wrenn_command shell_options(const char *line) {
    wrenn_command options = WRENN_COMMAND_INIT;
    options.shell = line;
    return options;
}

/* All events up to the end as text: "start 7|out hi|err x|exit 3|" and how it ended. */
typedef struct told {
    char text[4096];
    size_t bytes;
    int rc; /* 0 or the error */
    int exits;
} told;

static inline void tell_event(told *t, const wrenn_event *event) {
    size_t used = strlen(t->text), room = sizeof(t->text) - used;
    int size = event->size > 200 ? 200 : (int)event->size;
    char *at = t->text + used;
    t->bytes += event->size;
    t->exits += event->type == WRENN_EVENT_EXIT;
    if (event->data) CHECK_INT(event->data[event->size], '\0');
    switch (event->type) {
    case WRENN_EVENT_STARTED: snprintf(at, room, "start %d%s|", (int)event->pid, event->tag ? event->tag : ""); break;
    case WRENN_EVENT_STDOUT: snprintf(at, room, "out %.*s|", size, event->data); break;
    case WRENN_EVENT_STDERR: snprintf(at, room, "err %.*s|", size, event->data); break;
    case WRENN_EVENT_EXIT: snprintf(at, room, "exit %d|", (int)event->exit_code); break;
    case WRENN_EVENT_TEXT: snprintf(at, room, "text %.*s|", size, event->data); break;
    case WRENN_EVENT_BINARY: snprintf(at, room, "binary %.*s|", size, event->data); break;
    default: test_fail(__FILE__, __LINE__, "event of type %d", (int)event->type);
    }
}

static inline told read_all(wrenn_stream *stream) {
    told t = {.rc = 1};
    const wrenn_event *event;
    wrenn_error *error = NULL;
    while ((t.rc = wrenn_stream_next(stream, 20000, &event, &error)) > 0) tell_event(&t, event);
    if (t.rc < 0) CHECK_INT(wrenn_error_code(error), t.rc);
    wrenn_error_free(error);
    /* The end stays the end. */
    CHECK_INT(wrenn_stream_next(stream, 20000, &event, NULL), t.rc);
    return t;
}

static inline wrenn_stream *open_stream(setup *s, const wrenn_command *options) {
    wrenn_stream *stream = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_sandbox_exec_stream(s->sandbox, options, NULL, &stream, &error);
    CHECK_MSG(rc == 0, "exec_stream: %s", wrenn_error_message(error));
    return stream;
}

static inline void free_replies(script_reply *replies, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!replies[i].upgrade && replies[i].size) free((char *)(uintptr_t)replies[i].text);
}

#endif
