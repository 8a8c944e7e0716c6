/* The messages of `wrenn mcp`: JSON-RPC 2.0, one a line, on stdin and stdout. What can be answered at once is; calls of tools
 * wait for their turn. The client is not trusted: sizes are bounded, and reading stops while answers wait to be written. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/mcp.h"

enum {
    MESSAGE_MAX = 32 << 20,
    WAITING_MAX = 64,       /* calls */
    UNREAD_MAX = 1 << 20,   /* bytes of answers, from which on nothing more is read */
    END_WITHIN_SECONDS = 20 /* after the end of the input */
};

enum { PARSE_ERROR = -32700, INVALID_REQUEST = -32600, NO_METHOD = -32601, INVALID_PARAMS = -32602, BUSY = -32000 };

/* The newest first. They differ only in what we do not use. */
static const char *const versions[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};

/* A list of messages in one, whose answers go into one list. */
struct mcp_batch {
    wrn_json *answers;
    size_t open;
};

/* ---- answers ---- */

static void mcp_send_message(mcp_peer *peer, const wrn_json *message) {
    if (peer->out_at) wrn_buf_consume(&peer->out, peer->out_at), peer->out_at = 0;
    wrn_json_write(message, &peer->out);
    wrn_buf_putc(&peer->out, '\n');
    if (!peer->out.failed) return;
    cli_complain("out of memory");
    peer->over = true;
}

/* One message of the batch is dealt with. */
static void mcp_settle(mcp_peer *peer, mcp_batch *batch) {
    if (!batch || --batch->open) return;
    if (wrn_json_count(batch->answers)) mcp_send_message(peer, batch->answers);
    wrn_json_free(batch->answers);
    free(batch);
}

/* `key` is "result" or "error"; takes the value over. Every member of a batch is settled by this or by settle(). */
static void mcp_put_answer(mcp_peer *peer, mcp_batch *batch, const wrn_json *id, const char *key, wrn_json *value) {
    wrn_json *message = wrn_json_new_object();
    wrn_json_set_string(message, "jsonrpc", "2.0");
    if (id) wrn_json_set(message, "id", wrn_json_ref(id));
    else wrn_json_set_null(message, "id");
    if (!wrn_json_set(message, key, value)) wrn_json_set_null(message, key);
    if (!batch) mcp_send_message(peer, message), wrn_json_free(message);
    else if (!wrn_json_append(batch->answers, message)) peer->over = true; /* out of memory */
    mcp_settle(peer, batch);
}

static void mcp_refuse(mcp_peer *peer, mcp_batch *batch, const wrn_json *id, int code, const char *format, ...)
    WRN_PRINTF(5, 6);
static void mcp_refuse(mcp_peer *peer, mcp_batch *batch, const wrn_json *id, int code, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    wrn_text_clean(text);
    wrn_json *error = wrn_json_new_object();
    wrn_json_set_int(error, "code", code);
    wrn_json_set_string(error, "message", text);
    mcp_put_answer(peer, batch, id, "error", error);
}

/* ---- calls ---- */

static void free_call(mcp_call *call) {
    if (!call) return;
    wrn_json_free(call->id);
    wrn_json_free(call->params);
    free(call);
}

static void call_tool(mcp_peer *peer, mcp_batch *batch, const wrn_json *id, const wrn_json *params) {
    const char *name = wrn_json_text(params, "name");
    const wrn_json *arguments = wrn_json_get(params, "arguments");
    if (!name) return mcp_refuse(peer, batch, id, INVALID_PARAMS, "params.name has to be the name of a tool");
    if (!mcp_has_tool(name)) return mcp_refuse(peer, batch, id, INVALID_PARAMS, "unknown tool '%.100s'", name);
    if (arguments && wrn_json_type_of(arguments) != WRN_JSON_OBJECT)
        return mcp_refuse(peer, batch, id, INVALID_PARAMS, "params.arguments has to be an object");
    if (peer->waiting == WAITING_MAX)
        return mcp_refuse(peer, batch, id, BUSY, "%d calls wait already: send this one later", WAITING_MAX);
    mcp_call *call = calloc(1, sizeof(*call)), **last = &peer->first;
    if (!call) return mcp_refuse(peer, batch, id, BUSY, "out of memory");
    *call = (mcp_call){.id = wrn_json_ref(id), .params = wrn_json_ref(params), .batch = batch};
    while (*last) last = &(*last)->next;
    *last = call;
    peer->waiting++;
}

mcp_call *mcp_next_call(mcp_peer *peer) {
    mcp_call *call = peer->first;
    if (!call || peer->late) return NULL;
    peer->first = call->next;
    peer->waiting--;
    return peer->running = call;
}

/* Sets the descriptors that the next poll() watches. */
static void set_interests(mcp_peer *peer) {
    size_t left = peer->out.size - peer->out_at;
    peer->aside.fds[0].fd = peer->ended ? peer->timer : left > UNREAD_MAX ? -1 : STDIN_FILENO;
    peer->aside.fds[0].events = POLLIN;
    /* Watched even with nothing to write: then poll() reports when the reader is gone. */
    peer->aside.fds[1].fd = STDOUT_FILENO;
    peer->aside.fds[1].events = left ? POLLOUT : 0;
    if (peer->over) peer->aside.fds[0].fd = peer->aside.fds[1].fd = -1;
}

void mcp_answer(mcp_peer *peer, mcp_call *call, wrn_json *result) {
    peer->running = NULL;
    if (call->cancelled) wrn_json_free(result), mcp_settle(peer, call->batch);
    else if (result) mcp_put_answer(peer, call->batch, call->id, "result", result);
    else mcp_refuse(peer, call->batch, call->id, -32603, "out of memory");
    free_call(call);
    set_interests(peer);
}

static bool same_id(const wrn_json *a, const wrn_json *b) {
    WRN_AUTO(wrn_buf_free) wrn_buf one = WRN_BUF_INIT;
    WRN_AUTO(wrn_buf_free) wrn_buf other = WRN_BUF_INIT;
    wrn_json_write(a, &one);
    wrn_json_write(b, &other);
    return !one.failed && one.size == other.size && memcmp(one.data, other.data, one.size) == 0;
}

static void cancel(mcp_peer *peer, const wrn_json *id) {
    if (!id) return;
    if (peer->running && same_id(peer->running->id, id)) {
        peer->running->cancelled = true;
        return;
    }
    for (mcp_call **at = &peer->first; *at; at = &(*at)->next) {
        mcp_call *call = *at;
        if (!same_id(call->id, id)) continue;
        *at = call->next;
        peer->waiting--;
        mcp_settle(peer, call->batch);
        free_call(call);
        return;
    }
}

/* ---- requests ---- */

bool mcp_knows_version(const char *version) {
    for (size_t i = 0; i < WRN_COUNT(versions); i++)
        if (strcmp(versions[i], version) == 0) return true;
    return false;
}

static wrn_json *greeting(const char *asked) {
    const char *version = mcp_knows_version(asked) ? asked : versions[0];
    wrn_json *result = wrn_json_new_object(), *abilities = wrn_json_new_object(), *server = wrn_json_new_object();
    wrn_json_set(abilities, "tools", wrn_json_new_object());
    wrn_json_set_string(server, "name", "wrenn");
    wrn_json_set_string(server, "title", "Wrenn sandboxes");
    wrn_json_set_string(server, "version", wrenn_version());
    wrn_json_set_string(result, "protocolVersion", version);
    wrn_json_set(result, "capabilities", abilities);
    wrn_json_set(result, "serverInfo", server);
    wrn_json_set_string(result, "instructions",
                        "All tools work in one Linux sandbox, which is made with the first call: files, packages and "
                        "servers stay there from call to call. It is apart from the user's machine.");
    return result;
}

static void mcp_dispatch(mcp_peer *peer, mcp_batch *batch, const wrn_json *id, const char *method,
                         const wrn_json *params) {
    const char *asked = wrn_json_text(params, "protocolVersion");
    if (params && wrn_json_type_of(params) != WRN_JSON_OBJECT)
        return mcp_refuse(peer, batch, id, INVALID_PARAMS, "params has to be an object");
    if (strcmp(method, "ping") == 0) return mcp_put_answer(peer, batch, id, "result", wrn_json_new_object());
    if (strcmp(method, "tools/call") == 0) return call_tool(peer, batch, id, params);
    if (strcmp(method, "tools/list") == 0) {
        if (wrn_json_get(params, "cursor")) return mcp_refuse(peer, batch, id, INVALID_PARAMS, "there is no such page");
        return mcp_put_answer(peer, batch, id, "result", mcp_tools());
    }
    if (strcmp(method, "initialize") == 0) {
        if (!asked) return mcp_refuse(peer, batch, id, INVALID_PARAMS, "params.protocolVersion has to be a text");
        return mcp_put_answer(peer, batch, id, "result", greeting(asked));
    }
    mcp_refuse(peer, batch, id, NO_METHOD, "unknown method '%.100s'", method);
}

/* A string, or a number that can be sent back unchanged. */
bool mcp_is_id(const wrn_json *id) {
    int64_t number;
    wrn_json_type type = wrn_json_type_of(id);
    return type == WRN_JSON_STRING || type == WRN_JSON_DOUBLE || (type == WRN_JSON_INT && wrn_json_int(id, &number));
}

static void mcp_take_message(mcp_peer *peer, mcp_batch *batch, const wrn_json *message) {
    const wrn_json *id = wrn_json_get(message, "id"), *params = wrn_json_get(message, "params");
    const char *method = wrn_json_text(message, "method");
    const char *protocol = wrn_json_text(message, "jsonrpc");
    if (wrn_json_type_of(message) != WRN_JSON_OBJECT)
        return mcp_refuse(peer, batch, NULL, INVALID_REQUEST, "a message has to be an object");
    /* An answer, though nothing was asked. */
    if (!method && !wrn_json_has(message, "method") &&
        (wrn_json_has(message, "result") || wrn_json_has(message, "error")))
        return mcp_settle(peer, batch);
    if (!mcp_is_id(id)) id = NULL;
    if (!protocol || strcmp(protocol, "2.0") != 0)
        return mcp_refuse(peer, batch, id, INVALID_REQUEST, "jsonrpc has to be \"2.0\"");
    if (!method) return mcp_refuse(peer, batch, id, INVALID_REQUEST, "method has to be a text");
    if (!id && wrn_json_has(message, "id"))
        return mcp_refuse(peer, batch, NULL, INVALID_REQUEST, "id has to be a text or a number");
    if (id) return mcp_dispatch(peer, batch, id, method, params);
    if (strcmp(method, "notifications/cancelled") == 0) cancel(peer, wrn_json_get(params, "requestId"));
    mcp_settle(peer, batch);
}

static void take_batch(mcp_peer *peer, const wrn_json *messages) {
    size_t count = wrn_json_count(messages);
    if (!count) return mcp_refuse(peer, NULL, NULL, INVALID_REQUEST, "a batch has to have a message");
    mcp_batch *batch = calloc(1, sizeof(*batch));
    if (!batch) return mcp_refuse(peer, NULL, NULL, BUSY, "out of memory");
    *batch = (mcp_batch){.answers = wrn_json_new_array(), .open = count + 1};
    for (size_t i = 0; i < count; i++) mcp_take_message(peer, batch, wrn_json_at(messages, i));
    mcp_settle(peer, batch);
}

static void mcp_take_line(mcp_peer *peer, const char *text, size_t size) {
    WRN_AUTO(wrn_json_freep) wrn_json *message = NULL;
    const char *why = NULL;
    size_t blank = 0;
    while (blank < size && strchr(" \t\r", text[blank]) && text[blank]) blank++;
    if (blank == size) return;
    if (!wrn_json_parse_within(text, size, MCP_VALUES_MAX, &message, &why))
        return mcp_refuse(peer, NULL, NULL, PARSE_ERROR, "not JSON: %s", why);
    if (wrn_json_type_of(message) == WRN_JSON_ARRAY) take_batch(peer, message);
    else mcp_take_message(peer, NULL, message);
}

/* ---- bytes ---- */

static void mcp_take_bytes(mcp_peer *peer, const char *data, size_t size) {
    while (size) {
        const char *end = memchr(data, '\n', size);
        size_t some = end ? (size_t)(end - data) : size;
        if (!peer->skips && peer->in.size + some > MESSAGE_MAX) {
            mcp_refuse(peer, NULL, NULL, INVALID_REQUEST, "a message is longer than %d MiB", MESSAGE_MAX >> 20);
            peer->skips = true;
            wrn_buf_free(&peer->in);
        }
        if (!peer->skips) wrn_buf_put(&peer->in, data, some);
        if (peer->in.failed) {
            cli_complain("out of memory");
            peer->over = true;
            return;
        }
        data += some, size -= some;
        if (!end) return;
        data++, size--;
        if (!peer->skips) mcp_take_line(peer, peer->in.data, peer->in.size);
        peer->skips = false;
        wrn_buf_clear(&peer->in);
    }
}

/* Requests from before the end of stdin are still answered, as scripts expect; but the client may be gone. */
static void end_input(mcp_peer *peer) {
    struct itimerspec when = {.it_value.tv_sec = END_WITHIN_SECONDS, .it_interval.tv_sec = END_WITHIN_SECONDS};
    if (!peer->skips && peer->in.size) mcp_take_line(peer, peer->in.data, peer->in.size);
    peer->ended = true;
    peer->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (peer->timer < 0 || timerfd_settime(peer->timer, 0, &when, NULL) < 0) peer->over = true;
}

/* The first time all calls are given up, running or waiting; the second time their answers are, too. */
static void mcp_time_is_up(mcp_peer *peer) {
    uint64_t times;
    if (read(peer->timer, &times, sizeof(times)) < 0) return;
    if (peer->late) peer->over = true;
    peer->late = true;
}

static void mcp_read_some(mcp_peer *peer) {
    char data[65536];
    ssize_t got = read(STDIN_FILENO, data, sizeof(data));
    if (got > 0) mcp_take_bytes(peer, data, (size_t)got);
    else if (got == 0 || (errno != EINTR && errno != EAGAIN)) end_input(peer);
}

/* A pipe that is ready takes this many bytes without blocking. */
static void mcp_write_some(mcp_peer *peer) {
    size_t left = peer->out.size - peer->out_at, some = left < PIPE_BUF ? left : PIPE_BUF;
    ssize_t wrote = write(STDOUT_FILENO, peer->out.data + peer->out_at, some);
    if (wrote >= 0) peer->out_at += (size_t)wrote;
    else if (errno != EINTR && errno != EAGAIN) peer->over = true;
    if (peer->out_at == peer->out.size) wrn_buf_clear(&peer->out), peer->out_at = 0;
}

/* Whether the running call must be cancelled. */
static bool is_unwanted(const mcp_peer *peer) {
    return peer->over || peer->late || (peer->running && peer->running->cancelled);
}

static bool mcp_happened(cli_aside *aside) {
    mcp_peer *peer = WRN_OWNER(aside, mcp_peer, aside);
    bool unwanted = is_unwanted(peer);
    if (aside->fds[0].revents && peer->ended) mcp_time_is_up(peer);
    else if (aside->fds[0].revents) mcp_read_some(peer);
    if (aside->fds[1].revents & POLLOUT) mcp_write_some(peer);
    else if (aside->fds[1].revents & (POLLERR | POLLHUP | POLLNVAL)) peer->over = true;
    set_interests(peer);
    return unwanted || !is_unwanted(peer); /* it is told once */
}

bool mcp_goes_on(const mcp_peer *peer) {
    if (peer->over) return false;
    return !peer->ended || (peer->first && !peer->late) || peer->out_at < peer->out.size;
}

void mcp_peer_init(mcp_peer *peer) {
    *peer = (mcp_peer){.aside.happened = mcp_happened, .timer = -1};
    set_interests(peer);
}

void mcp_peer_free(mcp_peer *peer) {
    for (mcp_call *call; (call = peer->first);) {
        peer->first = call->next;
        mcp_settle(peer, call->batch);
        free_call(call);
    }
    if (peer->timer >= 0) close(peer->timer);
    wrn_buf_free(&peer->in);
    wrn_buf_free(&peer->out);
}
