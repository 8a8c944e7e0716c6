/* Scripted kernels, for the tests of run_code. What a kernel says must answer our request's id, so the script puts it in: "@ID@". */
#ifndef WRN_TESTS_KERNELS_H
#define WRN_TESTS_KERNELS_H

#include <stdarg.h>

#include "streams.h"

#define SPECS "{\"default\":\"python3\",\"kernelspecs\":{\"python3\":{},\"bash\":{},\"other\":{}}}"
#define SESSION(id, state) \
    "{\"id\":\"s-1\",\"kernel\":{\"id\":\"" id "\",\"name\":\"python3\",\"execution_state\":\"" state "\"}}"
#define MESSAGE(type, content) \
    "{\"parent_header\":{\"msg_id\":\"@ID@\"},\"msg_type\":\"" type "\",\"content\":" content "}"
#define STATE(state) MESSAGE("status", "{\"execution_state\":\"" state "\"}")
#define BUSY STATE("busy")
#define IDLE STATE("idle")
#define SERVER_SAYS(state) \
    "{\"parent_header\":{},\"msg_type\":\"status\",\"content\":{\"execution_state\":\"" state "\"}}"
#define REPLY MESSAGE("execute_reply", "{\"status\":\"ok\",\"execution_count\":1}")
#define INFO MESSAGE("kernel_info_reply", "{\"status\":\"ok\"}")
#define STREAM(name, text) MESSAGE("stream", "{\"name\":\"" name "\",\"text\":\"" text "\"}")
#define SHOW(type, text, id) \
    MESSAGE(type, "{\"data\":{\"text/plain\":\"" text "\"},\"transient\":{\"display_id\":\"" id "\"}}")
#define ERROR(name) MESSAGE("error", "{\"ename\":\"" name "\",\"evalue\":\"by zero\",\"traceback\":[\"one\",\"two\"]}")

/* What the server answers, one thing after the other. */
typedef struct play {
    script_reply replies[24];
    size_t count;
} play;

static inline void text(play *p, const char *status, const char *body) {
    p->replies[p->count++].text = script_text(status, "", body);
}

static inline void upgrade(play *p) { p->replies[p->count++] = (script_reply)UPGRADE; }

/* Messages that answer one of ours, NULL at the end. */
static inline void say(play *p, script_end end, ...) {
    script_reply *reply = &p->replies[p->count++];
    const char *message;
    va_list all;
    va_start(all, end);
    while ((message = va_arg(all, const char *))) script_add_frame(reply, 0x81, message, strlen(message));
    va_end(all);
    reply->end = end;
    if (reply->size) return;
    script_add_frame(reply, 0x81, "", 0);
    reply->cut = SCRIPT_NOTHING;
}

/* A kernel that is spoken to: it is free, and what it shows is heard. */
static inline void connect_kernel(play *p) {
    upgrade(p);
    say(p, SCRIPT_KEEP, BUSY, INFO, IDLE, NULL);
}

/* The default kernel is found, then spoken to. */
static inline void find_kernel(play *p) {
    text(p, "200 OK", SPECS);
    text(p, "201 Created", SESSION("k-1", "idle"));
    connect_kernel(p);
}
enum { FOUND = 4 }; /* requests until then */

static inline void end_play(setup *s, play *p) {
    tear_down(s);
    for (size_t i = 0; i < p->count; i++)
        if (!p->replies[i].upgrade) free((char *)(uintptr_t)p->replies[i].text);
}

static inline int run(setup *s, const char *code, const char *kernel, wrenn_execution **execution,
                      wrenn_error **error) {
    wrenn_code_options options = WRENN_CODE_OPTIONS_INIT;
    options.code = code;
    options.kernel = kernel;
    options.exec_timeout_ms = 20000;
    return wrenn_sandbox_run_code(s->sandbox, &options, execution, error);
}

static inline wrenn_op *start(setup *s, const char *code, const char *kernel) {
    wrenn_code_options options = WRENN_CODE_OPTIONS_INIT;
    wrenn_op *op = NULL;
    options.code = code;
    options.kernel = kernel;
    CHECK_INT(wrenn_sandbox_run_code_start(s->sandbox, &options, NULL, NULL, &op, NULL), 0);
    return op;
}

/* Runs the loop until the server has seen so many requests. */
static inline void until_count(setup *s, size_t count) {
    while (script_count(s->server) < count) CHECK(wrenn_client_dispatch(s->client, 20, NULL) >= 0);
}

static inline int finish(setup *s, wrenn_op *op, wrenn_execution **execution, wrenn_error **error) {
    while (!wrenn_op_is_done(op)) CHECK(wrenn_client_dispatch(s->client, 20, NULL) >= 0);
    int rc = wrenn_sandbox_run_code_finish(op, execution, error);
    wrenn_op_free(op);
    return rc;
}

/* How many requests with this in them the server has seen. */
static inline int asked(setup *s, const char *what) {
    int count = 0;
    for (size_t i = 0; i < script_count(s->server); i++) count += strstr(script_request(s->server, i), what) != NULL;
    return count;
}

#endif
