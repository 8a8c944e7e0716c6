#include "api/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/text.h"

enum { RESULT_SIZE = 1200 }; /* about what a result takes in addition to its texts */

bool wrn_kernel_begin(wrn_kernel_run *run, size_t output_max, const wrenn_code_callbacks *callbacks) {
    *run = (wrn_kernel_run){.out = WRN_BUF_LIMITED(output_max), .err = WRN_BUF_LIMITED(output_max)};
    if (callbacks) run->callbacks = *callbacks;
    run->kept_max = output_max;
    run->execution = wrn_result_new(sizeof(*run->execution));
    return run->execution && wrn_random_name(run->session) && wrn_random_name(run->msg_id) &&
           wrn_random_name(run->info_id) && wrn_random_name(run->withdraw_id);
}

/* ---- requests ---- */

static void kernel_put_code(const char *code, wrn_buf *out) {
    wrn_buf_puts(out, "{\"code\":");
    wrn_json_write_string(code, out);
    /* Without stop_on_error, an error does not make the kernel throw away what others have sent. */
    wrn_buf_puts(out, ",\"silent\":false,\"store_history\":true,\"user_expressions\":{},\"allow_stdin\":false,"
                      "\"stop_on_error\":false}");
}

void wrn_kernel_request(wrn_kernel_run *run, wrn_kernel_asks what, const char *code, wrn_buf *out) {
    static const char *const types[] = {"kernel_info_request", "kernel_info_request", "execute_request",
                                        "abort_request"};
    char date[32];
    time_t now = time(NULL);
    struct tm parts;
    if (what == WRN_KERNEL_FENCE) run->info_id[0] = run->info_id[0] == 'f' ? 'e' : 'f'; /* another one */
    if (what == WRN_KERNEL_FENCE || what == WRN_KERNEL_INFO) run->info_replied = run->info_heard = false;
    run->fenced = run->fenced || what == WRN_KERNEL_FENCE;
    const char *const ids[] = {run->info_id, run->info_id, run->msg_id, run->withdraw_id};
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S.000Z", gmtime_r(&now, &parts));
    wrn_buf_printf(out,
                   "{\"header\":{\"msg_id\":\"%s\",\"msg_type\":\"%s\",\"username\":\"libwrenn\",\"session\":\"%s\","
                   "\"date\":\"%s\",\"version\":\"5.3\"},\"parent_header\":{},\"metadata\":{},\"content\":",
                   ids[what], types[what], run->session, date);
    if (what == WRN_KERNEL_EXECUTE) kernel_put_code(code, out);
    else if (what == WRN_KERNEL_WITHDRAW) wrn_buf_printf(out, "{\"msg_ids\":[\"%s\"]}", run->msg_id);
    else wrn_buf_puts(out, "{}");
    wrn_buf_printf(out, ",\"buffers\":[],\"channel\":\"%s\"}", what == WRN_KERNEL_WITHDRAW ? "control" : "shell");
}

/* ---- texts ---- */

static char *kernel_keep_text(wrn_arena *arena, const wrn_json *value) {
    size_t size = 0;
    const char *text = wrn_json_string(value, &size);
    return wrn_arena_dup(arena, text, size);
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

/* ---- what is displayed ---- */

/* While a result is made of the data of a message. */
typedef struct bundle {
    wrenn_code_result *result;
    const wrenn_code_mime **mimes;
    size_t size;
} bundle;

static bool add_mime(void *context, const char *type, const wrn_json *value) {
    bundle *b = context;
    wrn_arena *arena = wrn_result_arena(b->result);
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrenn_code_mime *mime = wrn_arena_alloc(arena, sizeof(*mime));
    if (!mime || !write_value(value, &text)) return false;
    *mime = (wrenn_code_mime){wrn_arena_dup(arena, type, strlen(type)), wrn_arena_dup(arena, text.data, text.size),
                              text.size};
    b->size += sizeof(*mime) + strlen(type) + text.size;
    b->mimes[b->result->mimes_count++] = mime;
    return mime->type && mime->data;
}

/* NULL when out of memory. */
static wrenn_code_result *make_result(const wrn_json *data, bool is_main, size_t *size) {
    size_t count = wrn_json_members(data);
    bundle b = {.result = wrn_result_new(sizeof(*b.result)), .size = RESULT_SIZE};
    if (!b.result) return NULL;
    b.mimes = wrn_arena_alloc(wrn_result_arena(b.result), (count + 1) * sizeof(*b.mimes));
    b.result->is_main = is_main;
    b.result->mimes = b.mimes;
    bool made = b.mimes && (!count || wrn_json_each(data, add_mime, &b));
    *size = b.size;
    if (made) return b.result;
    wrn_result_free(b.result);
    return NULL;
}

/* A display id is remembered even when what it showed is cleared. */
static wrn_shown *add_shown(wrn_kernel_run *run, const char *display_id) {
    if (run->shown_count == run->shown_capacity) {
        size_t capacity = run->shown_capacity ? run->shown_capacity * 2 : 8;
        wrn_shown *grown = realloc(run->shown, capacity * sizeof(*grown));
        if (!grown) return NULL;
        run->shown = grown;
        run->shown_capacity = capacity;
    }
    char *id = display_id ? strdup(display_id) : NULL;
    if (display_id && !id) return NULL;
    wrn_shown *shown = &run->shown[run->shown_count++];
    *shown = (wrn_shown){.display_id = id};
    return shown;
}

static void kernel_drop(wrn_kernel_run *run, wrn_shown *shown) {
    run->kept -= shown->size;
    wrn_result_free(shown->result);
    shown->result = NULL;
    shown->size = 0;
}

static bool kernel_show(wrn_kernel_run *run, wrn_shown *shown, const wrn_json *data, bool is_main) {
    size_t size = 0;
    wrenn_code_result *made = make_result(data, is_main, &size);
    if (!made) return false;
    kernel_drop(run, shown);
    shown->result = made;
    shown->size = size;
    run->kept += size;
    return true;
}

static void clear_output(wrn_kernel_run *run) {
    size_t kept = 0;
    for (size_t i = 0; i < run->shown_count; i++) {
        if (!run->shown[i].is_page) kernel_drop(run, &run->shown[i]);
        if (run->shown[i].display_id || run->shown[i].is_page) run->shown[kept++] = run->shown[i];
    }
    run->shown_count = kept;
    run->clear_next = false;
    wrn_buf_clear(&run->out);
    wrn_buf_clear(&run->err);
}

static void tell_result(const wrn_kernel_run *run, const wrenn_code_result *result) {
    if (run->callbacks.on_result) run->callbacks.on_result(result, run->callbacks.user_data);
}

static const char *display_id_of(const wrn_json *content) {
    return wrn_json_text(wrn_json_get(content, "transient"), "display_id");
}

static int take_result(wrn_kernel_run *run, const wrn_json *content, bool is_main) {
    if (run->clear_next) clear_output(run);
    wrn_shown *shown = add_shown(run, display_id_of(content));
    if (!shown || !kernel_show(run, shown, wrn_json_get(content, "data"), is_main)) return WRENN_E_NO_MEMORY;
    tell_result(run, shown->result);
    return 0;
}

/* What an earlier call has displayed can't be changed any more: the update is shown as something new. */
static int take_update(wrn_kernel_run *run, const wrn_json *content) {
    const char *id = display_id_of(content);
    const wrenn_code_result *changed = NULL;
    bool known = false;
    for (size_t i = 0; id && i < run->shown_count; i++) {
        wrn_shown *each = &run->shown[i];
        if (!each->display_id || strcmp(each->display_id, id) != 0) continue;
        known = true;
        if (!each->result) continue;
        if (!kernel_show(run, each, wrn_json_get(content, "data"), each->result->is_main)) return WRENN_E_NO_MEMORY;
        changed = each->result;
    }
    if (!known) return take_result(run, content, false);
    if (changed) tell_result(run, changed);
    return 0;
}

/* What a notebook opens a pager or a new cell for: IPython's help and %load tell it in the reply. */
static int take_page(wrn_kernel_run *run, const wrn_json *payload) {
    const wrn_json *data = wrn_json_get(payload, "data");
    WRN_AUTO(wrn_json_freep) wrn_json *made = NULL;
    const wrn_json *text = wrn_json_get(payload, "text");
    if (text) {
        data = made = wrn_json_new_object();
        if (!wrn_json_set(made, "text/plain", wrn_json_ref(text))) return WRENN_E_NO_MEMORY;
    }
    if (!data) return 0;
    wrn_shown *shown = add_shown(run, NULL);
    if (!shown || !kernel_show(run, shown, data, false)) return WRENN_E_NO_MEMORY;
    shown->is_page = true;
    tell_result(run, shown->result);
    return 0;
}

static void take_clear(wrn_kernel_run *run, const wrn_json *content) {
    bool wait = false;
    wrn_json_bool(wrn_json_get(content, "wait"), &wait);
    if (wait) run->clear_next = true;
    else clear_output(run);
}

static int take_stream(wrn_kernel_run *run, const wrn_json *content) {
    size_t size;
    const char *name = wrn_json_text(content, "name");
    const char *text = wrn_json_string(wrn_json_get(content, "text"), &size);
    if (!name || !text) return 0;
    if (run->clear_next) clear_output(run);
    bool is_err = strcmp(name, "stderr") == 0;
    wrn_buf *to = is_err ? &run->err : &run->out;
    wrn_buf_put(to, text, size);
    if (to->failed) return size > to->limit - to->size ? WRENN_E_LIMIT : WRENN_E_NO_MEMORY;
    void (*tell)(const char *, size_t, void *) = is_err ? run->callbacks.on_stderr : run->callbacks.on_stdout;
    if (tell) tell(text, size, run->callbacks.user_data);
    return 0;
}

/* ---- errors ---- */

static wrenn_code_error *make_error(wrn_kernel_run *run, const wrn_json *content) {
    wrn_arena *arena = wrn_result_arena(run->execution);
    wrenn_code_error *error = wrn_arena_alloc(arena, sizeof(*error));
    const wrn_json *lines = wrn_json_get(content, "traceback");
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    for (size_t i = 0; i < wrn_json_count(lines); i++) {
        const char *line = wrn_json_string(wrn_json_at(lines, i), NULL);
        if (i) wrn_buf_putc(&text, '\n');
        if (line) wrn_buf_puts(&text, line);
    }
    if (!error || text.failed) return NULL;
    error->name = kernel_keep_text(arena, wrn_json_get(content, "ename"));
    error->value = kernel_keep_text(arena, wrn_json_get(content, "evalue"));
    error->traceback = wrn_arena_dup(arena, text.data, text.size);
    run->kept += text.size;
    return error->name && error->value && error->traceback ? error : NULL;
}

static void tell_error(wrn_kernel_run *run, const wrenn_code_error *error) {
    run->execution->error = error;
    if (run->callbacks.on_error) run->callbacks.on_error(error, run->callbacks.user_data);
}

static int take_error(wrn_kernel_run *run, const wrn_json *content) {
    const wrenn_code_error *error = make_error(run, content);
    if (!error) return WRENN_E_NO_MEMORY;
    if (run->clear_next) clear_output(run); /* a notebook shows it as output */
    tell_error(run, error);
    return 0;
}

/* Where IPython has no traceback for an error it repeats the one of an earlier error. */
static int take_reply(wrn_kernel_run *run, const wrn_json *content) {
    const char *status = wrn_json_text(content, "status");
    if (!status) return 0;
    run->replied = true;
    run->aborted = strcmp(status, "aborted") == 0;
    const wrn_json *payload = wrn_json_get(content, "payload");
    for (size_t i = 0; i < wrn_json_count(payload); i++) {
        int rc = take_page(run, wrn_json_at(payload, i));
        if (rc != 0) return rc;
    }
    if (strcmp(status, "error") != 0 || run->replied_error) return 0;
    wrenn_code_error *error = make_error(run, content);
    if (!error) return WRENN_E_NO_MEMORY;
    if (!strstr(error->traceback, error->name)) error->traceback = "";
    run->replied_error = error;
    return 0;
}

/* ---- messages ---- */

static void take_status(wrn_kernel_run *run, const wrn_json *content, bool ours) {
    const char *state = wrn_json_text(content, "execution_state");
    if (!state) return;
    if (ours && strcmp(state, "busy") == 0) run->started = true;
    if (ours && strcmp(state, "idle") == 0 && run->started) run->idle = true;
    /* Said by the server, or by a kernel that has just begun, and so in answer to nothing. */
    if (strcmp(state, "restarting") == 0 || strcmp(state, "autorestarting") == 0 || strcmp(state, "starting") == 0)
        run->died = true;
    if (strcmp(state, "dead") == 0) run->died = run->gone = true;
}

static void take_info(wrn_kernel_run *run, const wrn_json *message) {
    const char *life = wrn_json_text(wrn_json_get(message, "header"), "session");
    snprintf(run->life, sizeof(run->life), "%s", life ? life : "");
    run->info_replied = true;
}

static int take_ours(wrn_kernel_run *run, const char *type, const wrn_json *content) {
    int64_t count;
    if (wrn_json_int(wrn_json_get(content, "execution_count"), &count)) run->execution->execution_count = count;
    if (strcmp(type, "execute_reply") == 0) return take_reply(run, content);
    run->started = true;
    if (strcmp(type, "stream") == 0) return take_stream(run, content);
    if (strcmp(type, "execute_result") == 0) return take_result(run, content, true);
    if (strcmp(type, "display_data") == 0) return take_result(run, content, false);
    if (strcmp(type, "update_display_data") == 0) return take_update(run, content);
    if (strcmp(type, "error") == 0) return take_error(run, content);
    if (strcmp(type, "clear_output") == 0) take_clear(run, content);
    return 0;
}

int wrn_kernel_message(wrn_kernel_run *run, const char *data, size_t size) {
    WRN_AUTO(wrn_json_freep) wrn_json *message = NULL;
    const char *why;
    if (!wrn_json_parse(data, size, &message, &why)) return WRENN_E_PROTOCOL;
    const char *parent = wrn_json_text(wrn_json_get(message, "parent_header"), "msg_id");
    const char *type = wrn_json_text(message, "msg_type");
    if (!type) type = wrn_json_text(wrn_json_get(message, "header"), "msg_type");
    const wrn_json *content = wrn_json_get(message, "content");
    bool ours = parent && strcmp(parent, run->msg_id) == 0, info = parent && strcmp(parent, run->info_id) == 0,
         withdraw = parent && strcmp(parent, run->withdraw_id) == 0;
    int rc = 0;
    if (!type) return 0;
    if (strcmp(type, "status") == 0) {
        take_status(run, content, ours);
        run->info_heard = run->info_heard || info;
        run->withdraw_heard = run->withdraw_heard || withdraw;
    } else if (strcmp(type, "shutdown_reply") == 0) {
        run->died = true;
    } else if (info) {
        if (strcmp(type, "kernel_info_reply") == 0) take_info(run, message);
    } else if (ours) {
        rc = take_ours(run, type, content);
    } else if (withdraw) {
        run->withdraw_replied = run->withdraw_replied || strcmp(type, "abort_reply") == 0;
    }
    return rc == 0 && run->kept > run->kept_max ? WRENN_E_LIMIT : rc;
}

/* ---- the end ---- */

void wrn_kernel_end(wrn_kernel_run *run) {
    if (run->replied_error && !run->execution->error) tell_error(run, run->replied_error);
}

static bool take_shown(wrn_kernel_run *run) {
    wrenn_code_execution *execution = run->execution;
    const wrenn_code_result **results =
        wrn_arena_alloc(wrn_result_arena(execution), (run->shown_count + 1) * sizeof(*results));
    if (!results) return false;
    for (size_t i = 0; i < run->shown_count; i++) {
        const wrenn_code_result *result = WRN_TAKE(run->shown[i].result);
        if (!result) continue;
        results[execution->results_count++] = result;
        const wrenn_code_mime *text = wrenn_code_result_mime(result, "text/plain");
        if (result->is_main && text) execution->text = text->data;
    }
    execution->results = results;
    return true;
}

wrenn_code_execution *wrn_kernel_take(wrn_kernel_run *run) {
    wrenn_code_execution *execution = run->execution;
    wrn_arena *arena = wrn_result_arena(execution);
    execution->stdout_size = run->out.size;
    execution->stderr_size = run->err.size;
    execution->stdout_data = wrn_arena_dup(arena, run->out.data, run->out.size);
    execution->stderr_data = wrn_arena_dup(arena, run->err.data, run->err.size);
    if (!execution->stdout_data || !execution->stderr_data || !take_shown(run)) return NULL;
    return WRN_TAKE(run->execution);
}

void wrn_kernel_free_execution(void *data) {
    wrenn_code_execution *execution = data;
    for (size_t i = 0; execution && i < execution->results_count; i++)
        wrn_result_free((void *)(uintptr_t)execution->results[i]);
    wrn_result_free(execution);
}

void wrn_kernel_clear(wrn_kernel_run *run) {
    for (size_t i = 0; i < run->shown_count; i++) {
        wrn_result_free(run->shown[i].result);
        free(run->shown[i].display_id);
    }
    free(run->shown);
    wrn_result_free(run->execution);
    wrn_buf_free(&run->out);
    wrn_buf_free(&run->err);
}

const wrenn_code_mime *wrenn_code_result_mime(const wrenn_code_result *result, const char *type) {
    for (size_t i = 0; result && type && i < result->mimes_count; i++)
        if (strcmp(result->mimes[i]->type, type) == 0) return result->mimes[i];
    return NULL;
}

void wrenn_code_execution_free(wrenn_code_execution *execution) { wrn_kernel_free_execution(execution); }
