#include "api/kernel.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/json.h"
#include "base/text.h"

static bool make_id(char out[33]) {
    uint8_t random[16];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) return false;
    wrn_hex(out, random, sizeof(random));
    return true;
}

bool wrn_kernel_begin(wrn_kernel_run *run, size_t output_max, const wrenn_code_callbacks *callbacks) {
    *run = (wrn_kernel_run){.out = WRN_BUF_LIMITED(output_max), .err = WRN_BUF_LIMITED(output_max)};
    if (callbacks) run->callbacks = *callbacks;
    run->kept_max = output_max;
    run->execution = wrn_result_new(sizeof(*run->execution));
    return run->execution && make_id(run->msg_id) && make_id(run->session);
}

void wrn_kernel_clear(wrn_kernel_run *run) {
    wrn_result_free(run->execution);
    wrn_buf_free(&run->out);
    wrn_buf_free(&run->err);
}

void wrn_kernel_request(const wrn_kernel_run *run, const char *code, wrn_buf *out) {
    char date[32];
    time_t now = time(NULL);
    struct tm parts;
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S.000Z", gmtime_r(&now, &parts));
    wrn_json *text = wrn_json_new_string(code, strlen(code));
    wrn_buf_printf(out,
                   "{\"header\":{\"msg_id\":\"%s\",\"msg_type\":\"execute_request\",\"username\":\"libwrenn\","
                   "\"session\":\"%s\",\"date\":\"%s\",\"version\":\"5.3\"},\"parent_header\":{},\"metadata\":{},"
                   "\"content\":{\"code\":",
                   run->msg_id, run->session, date);
    wrn_json_write(text, out);
    wrn_buf_puts(out, ",\"silent\":false,\"store_history\":true,\"user_expressions\":{},\"allow_stdin\":false,"
                      "\"stop_on_error\":true},\"buffers\":[],\"channel\":\"shell\"}");
    out->failed = out->failed || !text;
    wrn_json_free(text);
}

/* ---- texts ---- */

static char *keep(wrn_kernel_run *run, const char *data, size_t size) {
    run->kept += size;
    return wrn_arena_dup(wrn_result_arena(run->execution), data, size);
}

static char *keep_text(wrn_kernel_run *run, const wrn_json *value) {
    size_t size = 0;
    const char *text = wrn_json_string(value, &size);
    return keep(run, text ? text : "", text ? size : 0);
}

/* A value may be a string, a list of strings to be joined, or JSON. */
static bool write_value(const wrn_json *value, wrn_buf *out) {
    size_t size;
    const char *text = wrn_json_string(value, &size);
    if (text) {
        wrn_buf_put(out, text, size);
        return !out->failed;
    }
    bool strings = wrn_json_type_of(value) == WRN_JSON_ARRAY && wrn_json_count(value);
    for (size_t i = 0; strings && i < wrn_json_count(value); i++)
        strings = wrn_json_type_of(wrn_json_at(value, i)) == WRN_JSON_STRING;
    for (size_t i = 0; strings && i < wrn_json_count(value); i++) write_value(wrn_json_at(value, i), out);
    if (!strings) wrn_json_write(value, out);
    return !out->failed;
}

/* ---- results ---- */

typedef struct bundle {
    wrn_kernel_run *run;
    wrenn_code_mime *items;
    size_t count;
} bundle;

static bool add_mime(void *context, const char *type, const wrn_json *value) {
    bundle *b = context;
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    if (!write_value(value, &text)) return false;
    wrenn_code_mime *item = &b->items[b->count];
    item->type = keep(b->run, type, strlen(type));
    item->data = keep(b->run, text.data ? text.data : "", text.size);
    item->size = text.size;
    b->count++;
    return item->type && item->data;
}

static bool count_member(void *context, const char *key, const wrn_json *value) {
    (void)key, (void)value;
    ++*(size_t *)context;
    return true;
}

static bool append_result(wrn_kernel_run *run, const wrenn_code_result *result) {
    wrenn_execution *execution = run->execution;
    if (execution->result_count == run->capacity) {
        size_t capacity = run->capacity ? run->capacity * 2 : 8;
        const wrenn_code_result **grown =
            wrn_arena_alloc(wrn_result_arena(execution), capacity * sizeof(wrenn_code_result *));
        if (!grown) return false;
        if (run->capacity) memcpy(grown, run->results, run->capacity * sizeof(*grown));
        run->results = grown;
        run->capacity = capacity;
        execution->results = grown;
    }
    run->results[execution->result_count++] = result;
    return true;
}

static int take_result(wrn_kernel_run *run, const wrn_json *content, bool is_main) {
    const wrn_json *data = wrn_json_get(content, "data");
    size_t count = 0;
    wrn_json_each(data, count_member, &count);
    wrn_arena *arena = wrn_result_arena(run->execution);
    wrenn_code_result *result = wrn_arena_alloc(arena, sizeof(*result));
    bundle b = {run, wrn_arena_alloc(arena, (count + 1) * sizeof(wrenn_code_mime)), 0};
    if (!result || !b.items || (count && !wrn_json_each(data, add_mime, &b))) return WRENN_E_NO_MEMORY;
    *result = (wrenn_code_result){is_main, b.items, b.count};
    const wrenn_code_mime *text = wrenn_code_result_get(result, "text/plain");
    if (is_main && text) run->execution->text = text->data;
    if (!append_result(run, result)) return WRENN_E_NO_MEMORY;
    if (run->callbacks.on_result) run->callbacks.on_result(result, run->callbacks.user_data);
    return 0;
}

static int take_stream(wrn_kernel_run *run, const wrn_json *content) {
    size_t size;
    const char *name = wrn_json_string(wrn_json_get(content, "name"), NULL);
    const char *text = wrn_json_string(wrn_json_get(content, "text"), &size);
    if (!name || !text) return 0;
    bool is_err = strcmp(name, "stderr") == 0;
    wrn_buf *to = is_err ? &run->err : &run->out;
    wrn_buf_put(to, text, size);
    if (to->failed) return size > to->limit - to->size ? WRENN_E_LIMIT : WRENN_E_NO_MEMORY;
    void (*tell)(const char *, size_t, void *) = is_err ? run->callbacks.on_stderr : run->callbacks.on_stdout;
    if (tell) tell(text, size, run->callbacks.user_data);
    return 0;
}

static int take_error(wrn_kernel_run *run, const wrn_json *content) {
    wrenn_code_error *error = wrn_arena_alloc(wrn_result_arena(run->execution), sizeof(*error));
    const wrn_json *lines = wrn_json_get(content, "traceback");
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    for (size_t i = 0; i < wrn_json_count(lines); i++) {
        const char *line = wrn_json_string(wrn_json_at(lines, i), NULL);
        if (i) wrn_buf_putc(&text, '\n');
        if (line) wrn_buf_puts(&text, line);
    }
    if (!error || text.failed) return WRENN_E_NO_MEMORY;
    error->name = keep_text(run, wrn_json_get(content, "ename"));
    error->value = keep_text(run, wrn_json_get(content, "evalue"));
    error->traceback = keep(run, text.data ? text.data : "", text.size);
    if (!error->name || !error->value || !error->traceback) return WRENN_E_NO_MEMORY;
    run->execution->error = error;
    if (run->callbacks.on_error) run->callbacks.on_error(error, run->callbacks.user_data);
    return 0;
}

/* ---- messages ---- */

static void take_status(wrn_kernel_run *run, const wrn_json *content, bool ours) {
    const char *state = wrn_json_string(wrn_json_get(content, "execution_state"), NULL);
    if (!state) return;
    if (ours && strcmp(state, "idle") == 0) run->idle = true;
    /* Said by the server, not by the kernel, and so in answer to nothing. */
    if (strcmp(state, "dead") == 0 || strcmp(state, "restarting") == 0 || strcmp(state, "autorestarting") == 0)
        run->died = true;
}

int wrn_kernel_message(wrn_kernel_run *run, const char *data, size_t size) {
    WRN_AUTO(wrn_json_freep) wrn_json *message = NULL;
    const char *why;
    if (!wrn_json_parse(data, size, &message, &why)) return WRENN_E_PROTOCOL;
    const char *parent = wrn_json_string(wrn_json_get(wrn_json_get(message, "parent_header"), "msg_id"), NULL);
    const char *type = wrn_json_string(wrn_json_get(message, "msg_type"), NULL);
    if (!type) type = wrn_json_string(wrn_json_get(wrn_json_get(message, "header"), "msg_type"), NULL);
    const wrn_json *content = wrn_json_get(message, "content");
    bool ours = parent && strcmp(parent, run->msg_id) == 0;
    int rc = 0;
    if (!type) return 0;
    if (strcmp(type, "status") == 0) take_status(run, content, ours);
    else if (!ours) return 0;
    else if (strcmp(type, "stream") == 0) rc = take_stream(run, content);
    else if (strcmp(type, "execute_result") == 0) rc = take_result(run, content, true);
    else if (strcmp(type, "display_data") == 0) rc = take_result(run, content, false);
    else if (strcmp(type, "error") == 0) rc = take_error(run, content);
    int64_t count;
    if (ours && wrn_json_int(wrn_json_get(content, "execution_count"), &count)) run->execution->execution_count = count;
    return rc == 0 && run->kept > run->kept_max ? WRENN_E_LIMIT : rc;
}

wrenn_execution *wrn_kernel_take(wrn_kernel_run *run) {
    wrenn_execution *execution = run->execution;
    execution->stdout_size = run->out.size;
    execution->stderr_size = run->err.size;
    execution->stdout_data = keep(run, run->out.data ? run->out.data : "", run->out.size);
    execution->stderr_data = keep(run, run->err.data ? run->err.data : "", run->err.size);
    if (!execution->stdout_data || !execution->stderr_data) return NULL;
    return WRN_TAKE(run->execution);
}

const wrenn_code_mime *wrenn_code_result_get(const wrenn_code_result *result, const char *type) {
    for (size_t i = 0; result && type && i < result->count; i++)
        if (strcmp(result->items[i].type, type) == 0) return &result->items[i];
    return NULL;
}

void wrenn_execution_free(wrenn_execution *execution) { wrn_result_free(execution); }
