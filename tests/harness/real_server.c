#include "real_server.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

enum { RULES_MAX = 64 };

/* What answers. */
typedef enum how {
    HTTP,         /* `status` and `text` as JSON */
    PLAIN,        /* the same as plain text */
    SOCKET,       /* 101, then the messages in `text`, one a line; the connection stays */
    SOCKET_CLOSE, /* the same, and the connection is closed without a close frame */
    MESSAGES,     /* to a message: messages, as above */
    MESSAGES_CLOSE,
    NOTHING
} how;

typedef struct manner {
    const char *begins, *contains;
    how how;
    const char *status, *text;
} manner;

#define ERROR(code, message) "{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}}"
#define SANDBOX(id, status) "{\"id\":\"" id "\",\"status\":\"" status "\",\"template\":\"minimal\"}"
#define RAN                                                                                                     \
    "{\"sandbox_id\":\"" REAL_RUNNING "\",\"cmd\":\"x\",\"stdout\":\"ran\\n\",\"stderr\":\"\",\"exit_code\":0," \
    "\"duration_ms\":3,\"encoding\":\"utf-8\"}"
#define NOT_RUNNING "{\"type\":\"error\",\"data\":\"sandbox is not running (status: paused)\"}"
#define NOT_FOUND "{\"type\":\"error\",\"data\":\"sandbox not found\"}"
#define STARTED "{\"type\":\"start\",\"pid\":7}"

/* Path segments are compared as they come: that is the manner. */
#define HOST_TAGS                                                          \
    {"DELETE /v1/hosts/host-1/tags/", NULL, HTTP, "204 No Content", ""}, { \
        "GET /v1/hosts/host-1/tags ", NULL, HTTP, "200 OK", "[\"a/b\"]"    \
    }

static const manner of_capsules[] = {
    {"GET /v1/capsules HTTP", "X-API-Key", HTTP, "200 OK", "[]"},
    {"GET /v1/capsules HTTP", NULL, HTTP, "401 Unauthorized", ERROR("unauthorized", "no")},
    {"POST /v1/capsules HTTP", NULL, HTTP, "201 Created", SANDBOX(REAL_RUNNING, "running")},
    {"GET /v1/capsules/" REAL_RUNNING " ", NULL, HTTP, "200 OK", SANDBOX(REAL_RUNNING, "running")},
    /* Commands. envs and cwd have no effect. */
    {"POST /v1/capsules/" REAL_RUNNING "/exec ", "\"background\":true", HTTP, "202 Accepted",
     "{\"sandbox_id\":\"" REAL_RUNNING "\",\"cmd\":\"x\",\"pid\":7,\"tag\":\"job\"}"},
    {"POST /v1/capsules/" REAL_RUNNING "/exec ", "host-dies", HTTP, "503 Service Unavailable",
     ERROR("no_hosts_available", "unavailable")},
    {"POST /v1/capsules/" REAL_RUNNING "/exec ", "/nowhere", HTTP, "200 OK",
     "{\"sandbox_id\":\"" REAL_RUNNING "\",\"cmd\":\"/bin/sh\",\"stdout\":\"\",\"stderr\":\"wrenn: cannot enter the "
     "directory given as cwd: /nowhere\\n\",\"exit_code\":125,\"duration_ms\":3,\"encoding\":\"utf-8\"}"},
    {"POST /v1/capsules/" REAL_RUNNING "/exec ", NULL, HTTP, "200 OK", RAN},
    /* WebSockets are upgraded whatever is wrong. */
    {"GET /v1/capsules/", "X-API-Key: " REAL_WRONG_KEY, SOCKET_CLOSE, NULL,
     "{\"type\":\"error\",\"data\":\"authentication failed\"}"},
    {"GET /v1/capsules/" REAL_PAUSED "/pty ", NULL, SOCKET_CLOSE, NULL,
     "{\"type\":\"error\",\"data\":\"sandbox is not running (status: paused)\",\"fatal\":true}"},
    {"GET /v1/capsules/" REAL_UNKNOWN "/pty ", NULL, SOCKET_CLOSE, NULL,
     "{\"type\":\"error\",\"data\":\"sandbox not found\",\"fatal\":true}"},
    {"GET /v1/capsules/" REAL_PAUSED "/exec/stream ", NULL, SOCKET_CLOSE, NULL, NOT_RUNNING},
    {"GET /v1/capsules/" REAL_UNKNOWN "/exec/stream ", NULL, SOCKET_CLOSE, NULL, NOT_FOUND},
    {"GET /v1/capsules/" REAL_PAUSED "/processes/", "/stream ", SOCKET_CLOSE, NULL, NOT_RUNNING},
    {"GET /v1/capsules/" REAL_UNKNOWN "/processes/", "/stream ", SOCKET_CLOSE, NULL, NOT_FOUND},
    {"GET /v1/capsules/" REAL_RUNNING "/processes/7/stream ", NULL, SOCKET, NULL, STARTED},
    {"GET /v1/capsules/" REAL_RUNNING "/processes/", "/stream ", SOCKET_CLOSE, NULL, ""},
    {"GET /v1/capsules/" REAL_RUNNING "/exec/stream ", NULL, SOCKET, NULL, ""},
    {"GET /v1/capsules/" REAL_RUNNING "/pty ", NULL, SOCKET, NULL, ""},
    {"text:{\"type\":\"start\"", "\"cwd\":\"/nowhere\"", MESSAGES_CLOSE, NULL, ""},
    {"text:{\"type\":\"start\"", "\"cols\"", MESSAGES, NULL, "{\"type\":\"started\",\"tag\":\"pty-1\",\"pid\":97}"},
    {"text:{\"type\":\"start\"", NULL, MESSAGES_CLOSE, NULL, STARTED "\n{\"type\":\"exit\",\"exit_code\":0}"},
    {"text:", NULL, NOTHING, NULL, NULL},
    /* Processes. */
    {"GET /v1/capsules/" REAL_RUNNING "/processes ", NULL, HTTP, "200 OK", "{\"processes\":[]}"},
    {"DELETE /v1/capsules/" REAL_RUNNING "/processes/job:1?", NULL, HTTP, "204 No Content", ""},
    {"DELETE /v1/capsules/" REAL_RUNNING "/processes/", NULL, HTTP, "404 Not Found",
     ERROR("not_found", "process not found")},
    /* A missing directory and everything else that goes wrong inside. */
    {"POST /v1/capsules/" REAL_RUNNING "/files/list ", "\"/\"", HTTP, "200 OK", "{\"entries\":[]}"},
    {"POST /v1/capsules/" REAL_RUNNING "/files/list ", NULL, HTTP, "502 Bad Gateway",
     ERROR("agent_error", "agent error")},
    {"POST /v1/capsules/" REAL_RUNNING "/files/stream/read ", NULL, PLAIN, "200 OK", ""},
    HOST_TAGS,
    {"", NULL, PLAIN, "404 Not Found", "404 page not found\n"},
};

static const manner of_sandboxes[] = {
    {"GET /v1/sandboxes HTTP", "X-API-Key", HTTP, "200 OK", "[]"},
    {"POST /v1/sandboxes/" REAL_RUNNING "/exec ", NULL, HTTP, "200 OK", RAN},
    {"GET /v1/sandboxes/", "X-API-Key: " REAL_WRONG_KEY, HTTP, "401 Unauthorized", ERROR("unauthorized", "no")},
    {"GET /v1/sandboxes/" REAL_PAUSED "/", "Upgrade: ", HTTP, "409 Conflict", ERROR("invalid_state", "not running")},
    {"GET /v1/sandboxes/" REAL_UNKNOWN "/", "Upgrade: ", HTTP, "404 Not Found",
     ERROR("not_found", "sandbox not found")},
    {"GET /v1/sandboxes/" REAL_RUNNING "/exec/stream ", NULL, SOCKET, NULL, ""},
    {"GET /v1/sandboxes/" REAL_RUNNING "/pty ", NULL, SOCKET, NULL, ""},
    {"text:{\"type\":\"connect\"", "\"pty-1\"", NOTHING, NULL, NULL},
    {"text:{\"type\":\"connect\"", NULL, MESSAGES, NULL,
     "{\"type\":\"error\",\"data\":\"not_found: process with tag no-such not found\"}"},
    {"text:{\"type\":\"start\"", "\"cols\"", MESSAGES, NULL, "{\"type\":\"started\",\"tag\":\"pty-1\",\"pid\":97}"},
    {"text:{\"type\":\"start\"", NULL, MESSAGES_CLOSE, NULL, STARTED "\n{\"type\":\"exit\",\"exit_code\":0}"},
    {"text:", NULL, NOTHING, NULL, NULL},
    HOST_TAGS,
    {"", NULL, PLAIN, "404 Not Found", "404 page not found\n"},
};

struct real_server {
    script_server *script;
    script_rule rules[RULES_MAX];
    size_t count;
};

static script_reply messages_of(const char *lines) {
    script_reply reply = {.text = strdup("")};
    for (const char *at = lines; *at;) {
        size_t size = strcspn(at, "\n");
        script_add_frame(&reply, 0x81, at, size);
        at += size + (at[size] == '\n');
    }
    return reply;
}

static script_reply reply_of(const manner *m) {
    if (m->how == HTTP || m->how == PLAIN) return (script_reply){.text = script_text(m->status, "", m->text)};
    script_end end = m->how == SOCKET_CLOSE || m->how == MESSAGES_CLOSE ? SCRIPT_CLOSE : SCRIPT_KEEP;
    script_reply messages = messages_of(m->text ? m->text : "");
    messages.end = end;
    if (!messages.size) messages.cut = SCRIPT_NOTHING;
    if (m->how != SOCKET && m->how != SOCKET_CLOSE) return messages;
    return (script_reply){
        .text = "", .upgrade = true, .end = end, .frames = messages.text, .frames_size = messages.size};
}

real_server *real_start(real_kind kind) {
    real_server *server = calloc(1, sizeof(*server));
    const manner *manners = kind == REAL_CAPSULES ? of_capsules : of_sandboxes;
    size_t count = kind == REAL_CAPSULES ? sizeof(of_capsules) / sizeof(manner) : sizeof(of_sandboxes) / sizeof(manner);
    CHECK(server && count <= RULES_MAX);
    for (; server->count < count; server->count++) {
        const manner *m = &manners[server->count];
        server->rules[server->count] = (script_rule){m->begins, m->contains, reply_of(m)};
    }
    server->script = script_start(NULL, 0, false);
    script_set_rules(server->script, server->rules, server->count, true);
    return server;
}

script_server *real_script(real_server *server) { return server->script; }

void real_stop(real_server *server) {
    script_stop(server->script);
    for (size_t i = 0; i < server->count; i++) {
        const script_reply *reply = &server->rules[i].reply;
        free((char *)(uintptr_t)(reply->upgrade ? reply->frames : reply->text));
    }
    free(server);
}
