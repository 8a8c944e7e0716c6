#include "server/sandbox/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "server/sandbox/internal.h"

enum { LABEL_MAX = 16 * 1024 };

/* ---- events of the command ---- */

/* Of commands in the background only: others are many, and whoever runs one sees how it does. */
static void tell_command(const wrn_command *command, wrn_news_type type, const wrn_proc_result *result) {
    sandbox *s = command->sandbox;
    if (!*command->tag || command->foreground || command->hidden || !command->started || s->gone) return;
    wrn_watch_tell(s->all, &(wrn_news){.type = type, .row = &s->row, .command = command, .result = result});
}

static void command_on_start(void *context, int64_t pid) {
    wrn_command *command = context;
    command->started = true;
    command->pid = pid;
    tell_command(command, WRN_NEWS_COMMAND_START, NULL);
    for (wrn_viewer *v = command->viewers, *next; v; v = next) {
        next = v->next;
        if (v->start) v->start(v, pid);
    }
}

static void command_on_output(void *context, int stream, const void *data, size_t size) {
    wrn_command *command = context;
    if (command->terminal) wrn_replay_put(&command->recent, data, size);
    for (wrn_viewer *v = command->viewers, *next; v; v = next) {
        next = v->next;
        if (v->output) v->output(v, stream, data, size);
    }
}

static void command_on_room(void *context) {
    wrn_command *command = context;
    for (wrn_viewer *v = command->viewers, *next; v; v = next) {
        next = v->next;
        if (v->room) v->room(v);
    }
}

static void command_on_from(void *context, uint64_t offset, uint64_t dropped) {
    wrn_command *command = context;
    for (wrn_viewer *v = command->viewers, *next; v; v = next) {
        next = v->next;
        if (v->from) v->from(v, offset, dropped);
    }
}

static void add_ended(sandbox *s, uint32_t log, int64_t pid, const char *tag) {
    ended_command *ended = calloc(1, sizeof(*ended)), **at = &s->ended;
    *ended = (ended_command){.next = s->ended, .log = log, .pid = pid};
    snprintf(ended->tag, sizeof(ended->tag), "%s", tag);
    s->ended = ended;
    for (int kept = 0; *at && kept < WRN_LOGS_KEPT; kept++) at = &(*at)->next;
    free(WRN_TAKE(*at));
}

void wrn_commands_forget(sandbox *s) {
    for (ended_command *ended; (ended = s->ended);) {
        s->ended = ended->next;
        free(ended);
    }
}

static bool command_is_logged(const wrn_command *command) { return *command->tag && !command->terminal; }

static void free_command(wrn_command *command) {
    WRN_UNLINK(command->sandbox->commands, command, next);
    command->sandbox->foreground -= command->foreground;
    wrn_arena_free(&command->arena);
    wrn_replay_free(&command->recent);
    free(command);
}

static void command_on_end(void *context, const wrn_proc_result *result) {
    wrn_command *command = context;
    sandbox *s = command->sandbox;
    wrn_viewer *viewers = command->viewers;
    if (command->started && command_is_logged(command)) add_ended(s, command->log, command->pid, command->tag);
    tell_command(command, WRN_NEWS_COMMAND_END, result);
    free_command(command);
    if (!s->gone) wrn_sandbox_touch_and_write(s);
    while (viewers) {
        wrn_viewer *v = viewers;
        viewers = v->next;
        v->command = NULL;
        v->end(v, result);
    }
}

static wrn_proc_events events_of(wrn_command *command) {
    return (wrn_proc_events){command_on_start, command_on_output, command_on_end,
                             command_on_room,  command_on_from,   command};
}

/* ---- starting and finding ---- */

static void copy_argv(wrn_command *command, const wrn_proc_spec *spec) {
    size_t count = 0;
    while (spec->args && spec->args[count]) count++;
    const char **argv = wrn_arena_alloc(&command->arena, (count + 2) * sizeof(*argv));
    command->argv = argv;
    for (size_t i = 0; i <= count; i++) {
        const char *text = i ? spec->args[i - 1] : spec->cmd;
        argv[i] = wrn_arena_dup(&command->arena, text, strlen(text));
    }
}

static bool is_public(const wrn_command *command) { return command->started && !command->hidden; }

static wrn_command *find_tag(const sandbox *s, const char *tag) {
    wrn_command *command = s->commands;
    while (command && strcmp(command->tag, tag) != 0) command = command->next;
    return command;
}

static wrn_command *new_command(sandbox *s, const wrn_proc_spec *spec, const char *tag, wrn_fault *fault) {
    if (tag && *tag && find_tag(s, tag)) {
        wrn_fault_set(fault, WRN_FAULT_CONFLICT, "a command with the tag \"%s\" runs already", tag);
        return NULL;
    }
    wrn_command *command = calloc(1, sizeof(*command));
    copy_argv(command, spec);
    command->sandbox = s;
    command->terminal = spec->cols && spec->rows;
    command->hidden = spec->builtin;
    command->recent.keep = WRN_REPLAY_MAX;
    if (tag) snprintf(command->tag, sizeof(command->tag), "%s", tag);
    command->next = s->commands;
    s->commands = command;
    return command;
}

static bool put_label_with(const wrn_command *command, size_t args, wrn_buf *out) {
    WRN_AUTO(wrn_json_freep) wrn_json *label = wrn_json_new_object();
    wrn_json *argv = wrn_json_new_array();
    for (size_t i = 0; i <= args && command->argv[i]; i++) wrn_json_append_string(argv, command->argv[i]);
    wrn_json_set_string(label, "tag", command->tag);
    wrn_json_set(label, "argv", argv);
    if (command->raw) wrn_json_set_bool(label, "raw", true);
    out->size = 0;
    wrn_json_write(label, out);
    return out->size < LABEL_MAX;
}

/* Writes what the next server needs to know of the command; without its arguments if they are too long. */
static bool put_label(const wrn_command *command, wrn_buf *out) {
    return put_label_with(command, SIZE_MAX - 1, out) || put_label_with(command, 0, out);
}

wrn_command *wrn_command_start(wrn_sandboxes *all, const wrn_sandbox_row *row, const wrn_proc_spec *spec,
                               wrn_command_kind kind, const char *tag, wrn_viewer *viewer, wrn_fault *fault) {
    sandbox *s = wrn_sandbox_usable(all, row, fault);
    wrn_command *command = s ? new_command(s, spec, tag, fault) : NULL;
    if (!command) return NULL;
    command->foreground = kind == WRN_COMMAND_FOREGROUND;
    s->foreground += command->foreground;
    wrn_sandbox_touch(s);
    const wrn_proc_events events = events_of(command);
    WRN_AUTO(wrn_buf_free) wrn_buf label = WRN_BUF_INIT;
    wrn_proc_spec own = *spec;
    if (!command->foreground && put_label(command, &label)) own.label = label.data;
    command->proc = wrn_box_exec(s->box, &own, &events, fault);
    if (command->proc) {
        command->log = wrn_proc_log(command->proc);
        if (viewer) wrn_command_attach(command, viewer);
        return command;
    }
    free_command(command);
    wrn_sandbox_touch(s);
    return NULL;
}

/* Untrusted: the label comes back from the sandbox, and only serves to name the command. */
static bool read_label(const char *text, wrn_proc_spec *spec, const char **tag, const char **args, size_t max,
                       wrn_json **root) {
    const char *why;
    if (!wrn_json_parse(text, strlen(text), root, &why)) return false;
    const wrn_json *argv = wrn_json_get(*root, "argv");
    size_t count = wrn_json_count(argv);
    *tag = wrn_json_text(*root, "tag");
    if (!*tag || strlen(*tag) > WRN_TAG_MAX || !count || count > max) return false;
    for (size_t i = 0; i < count; i++)
        if (!(args[i] = wrn_json_string(wrn_json_at(argv, i), NULL))) return false;
    spec->cmd = args[0];
    spec->args = args + 1;
    return true;
}

bool wrn_command_adopt(sandbox *s, const wrn_detached *kept, wrn_proc_events *events) {
    const char *args[LABEL_MAX / 3 + 1] = {0}, *tag;
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    wrn_proc_spec spec = {0};
    wrn_fault fault;
    if (!read_label(kept->label, &spec, &tag, args, WRN_COUNT(args) - 1, &root)) return false;
    if (!kept->proc) return add_ended(s, kept->log, kept->pid, tag), true;
    wrn_command *command = new_command(s, &spec, tag, &fault);
    if (!command) return false;
    command->proc = kept->proc;
    command->log = kept->log;
    command->pid = kept->pid;
    command->started = kept->pid != 0;
    command->terminal = kept->terminal;
    wrn_json_bool(wrn_json_get(root, "raw"), &command->raw);
    *events = events_of(command);
    return true;
}

wrn_command *wrn_command_find(wrn_sandboxes *all, const wrn_sandbox_row *row, const char *selector, wrn_fault *fault) {
    sandbox *s = wrn_sandbox_usable(all, row, fault);
    if (!s) return NULL;
    int64_t pid;
    wrn_command *command = s->commands;
    if (wrn_parse_int(selector, 0, UINT32_MAX, &pid)) {
        while (command && (!is_public(command) || command->pid != pid)) command = command->next;
    } else {
        command = *selector ? find_tag(s, selector) : NULL;
    }
    if (!command) wrn_fault_set(fault, WRN_FAULT_NOT_FOUND, "no process here has the pid or tag \"%.100s\"", selector);
    else wrn_sandbox_touch(s);
    return command;
}

/* ---- kept output ---- */

typedef struct log_search {
    const char *tag; /* NULL: by pid */
    int64_t wanted;  /* 0, which no process has: any */
    uint32_t found;  /* 0: none */
    int64_t found_pid;
} log_search;

/* Numbers of logs go up with time, also beyond a restart of wrennd. */
static void consider_log(log_search *search, uint32_t log, int64_t pid, const char *tag) {
    bool meant = search->tag ? strcmp(search->tag, tag) == 0 : !search->wanted || search->wanted == pid;
    if (meant && log > search->found) search->found = log, search->found_pid = pid;
}

uint32_t wrn_command_find_log(wrn_sandboxes *all, const wrn_sandbox_row *row, const char *selector, int64_t *pid,
                              wrn_fault *fault) {
    sandbox *s = wrn_sandbox_usable(all, row, fault);
    if (!s) return 0;
    log_search search = {.tag = selector};
    if (wrn_parse_int(selector, 0, UINT32_MAX, &search.wanted)) search.tag = NULL;
    for (const wrn_command *c = s->commands; c; c = c->next)
        if (is_public(c) && command_is_logged(c)) consider_log(&search, c->log, c->pid, c->tag);
    for (const ended_command *e = s->ended; e; e = e->next) consider_log(&search, e->log, e->pid, e->tag);
    if (pid) *pid = search.found_pid;
    if (search.found) return search.found;
    if (!search.tag && !search.wanted)
        wrn_fault_set(fault, WRN_FAULT_NOT_FOUND, "nothing was started in the background here");
    else
        wrn_fault_set(fault, WRN_FAULT_NOT_FOUND,
                      "no command in the background whose output is kept has the pid or tag \"%.100s\"", selector);
    return 0;
}

wrn_command *wrn_command_read_log(wrn_sandboxes *all, const wrn_sandbox_row *row, const wrn_log_request *request,
                                  wrn_viewer *viewer, wrn_fault *fault) {
    sandbox *s = wrn_sandbox_usable(all, row, fault);
    if (!s) return NULL;
    wrn_command *command = new_command(s, &(wrn_proc_spec){.cmd = "", .builtin = true}, NULL, fault);
    const wrn_proc_events events = events_of(command);
    wrn_sandbox_touch(s);
    command->proc = wrn_box_read_log(s->box, request, &events, fault);
    if (command->proc) return wrn_command_attach(command, viewer), command;
    free_command(command);
    return NULL;
}

bool wrn_command_list(wrn_sandboxes *all, const wrn_sandbox_row *row, void (*each)(void *context, const wrn_command *),
                      void *context, wrn_fault *fault) {
    sandbox *s = wrn_sandbox_usable(all, row, fault);
    if (!s) return false;
    wrn_sandbox_touch(s);
    for (const wrn_command *command = s->commands; command; command = command->next)
        if (is_public(command)) each(context, command);
    return true;
}

/* ---- viewers ---- */

/* Sends the kept output, then has the program redraw itself. */
static void show_recent(wrn_command *command, wrn_viewer *viewer) {
    WRN_AUTO(wrn_buf_free) wrn_buf replay = WRN_BUF_INIT;
    wrn_replay_write(&command->recent, &replay);
    if (replay.size && viewer->output) viewer->output(viewer, 1, replay.data, replay.size);
    wrn_proc_resize(command->proc, 0, 0);
}

void wrn_command_attach(wrn_command *command, wrn_viewer *viewer) {
    viewer->command = command;
    viewer->stopped = false;
    viewer->next = command->viewers;
    command->viewers = viewer;
    if (command->started && viewer->start) viewer->start(viewer, command->pid);
    if (viewer->command == command && command->terminal && command->started) show_recent(command, viewer);
}

/* Output flows while no viewer has stopped it. */
static void update_flow(wrn_command *command) {
    bool stop = false;
    for (const wrn_viewer *v = command->viewers; v; v = v->next) stop = stop || v->stopped;
    if (stop == command->stopped) return;
    command->stopped = stop;
    if (stop) wrn_proc_read_stop(command->proc);
    else wrn_proc_read_start(command->proc);
}

void wrn_command_detach(wrn_viewer *viewer) {
    wrn_command *command = viewer->command;
    if (!command) return;
    WRN_UNLINK(command->viewers, viewer, next);
    viewer->command = NULL;
    update_flow(command);
}

void wrn_command_pause(wrn_viewer *viewer, bool pause) {
    viewer->stopped = pause;
    if (viewer->command) update_flow(viewer->command);
}

void wrn_command_touch(wrn_command *command) { wrn_sandbox_touch(command->sandbox); }

void wrn_command_set_raw(wrn_command *command) {
    WRN_AUTO(wrn_buf_free) wrn_buf label = WRN_BUF_INIT;
    if (command->raw) return;
    command->raw = true;
    if (put_label(command, &label)) wrn_proc_relabel(command->proc, label.data);
}
