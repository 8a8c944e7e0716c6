/* events: what happens to sandboxes and snapshots. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"

enum { WAIT_MS = 30000, TIME_SIZE = 40 };

typedef struct events_values {
    bool follow;
    const char *since, *after;
    cli_list types, labels;
} events_values;

static const cli_option options[] = {
    {"follow", 'f', CLI_FLAG, offsetof(events_values, follow), NULL, "go on with what comes, until Ctrl-C", NULL, 0, 0,
     CLI_WORD_ANY},
    {"since", 0, CLI_TEXT, offsetof(events_values, since), "TIME",
     "only those since this time, as 2026-01-31T12:00:00Z, or so long ago, as 10m", NULL, 0, 0, CLI_WORD_ANY},
    {"after", 0, CLI_TEXT, offsetof(events_values, after), "ID", "only those after this event; -o name shows the ids",
     NULL, 0, 0, CLI_WORD_ANY},
    {"type", 't', CLI_LIST, offsetof(events_values, types), "TYPE",
     "only this type, or all that begin with it; repeatable", NULL, 0, 0, CLI_WORD_EVENT},
    {"label", 'l', CLI_PAIRS, offsetof(events_values, labels), "NAME=VALUE",
     "only of sandboxes that had this label then; repeatable", NULL, 0, 0, CLI_WORD_ANY},
    {0},
};

/* ---- times ---- */

static void say_time(char out[TIME_SIZE], int64_t ms) {
    char seconds[WRN_RFC3339_SIZE];
    wrn_rfc3339(seconds, ms / 1000); /* ends in "Z" */
    snprintf(out, TIME_SIZE, "%.*s.%03dZ", (int)strcspn(seconds, "Z"), seconds, (int)(ms % 1000));
}

/* RFC 3339, with or without fractions of a second. */
static bool read_time(const char *text, int64_t *ms) {
    struct tm time = {0};
    int64_t fraction = 0, unit = 100;
    const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &time);
    if (at && *at == '.')
        for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10) fraction += (*at - '0') * unit;
    int64_t seconds = timegm(&time);
    at = at ? strptime(at, "%z", &time) : NULL;
    *ms = (seconds - time.tm_gmtoff) * 1000 + fraction;
    return at && !*at && *ms >= 0;
}

static bool read_since(const cli_app *cli, const char *text, int64_t *ms) {
    int64_t ago;
    if (!text || read_time(text, ms)) return true;
    if (!cli_parse_seconds(text, &ago))
        return cli_usage(cli, "--since '%s' is neither a time, as 2026-01-31T12:00:00Z, nor how long ago, as 10m",
                         text),
               false;
    *ms = wrn_clock_us(CLOCK_REALTIME) / 1000 - ago * 1000;
    if (*ms < 1) *ms = 1;
    return true;
}

/* ---- showing ---- */

static void events_add_text(wrn_json *into, const char *key, const char *text) {
    if (text) wrn_json_set_string(into, key, text);
}

/* What depends on the type. */
static void add_details(wrn_json *into, const wrenn_event_record *event) {
    events_add_text(into, "snapshot", event->snapshot);
    events_add_text(into, "template", event->template_name);
    events_add_text(into, "reason", event->reason);
    events_add_text(into, "egress", event->egress);
    events_add_text(into, "expires_at", event->expires_at);
    events_add_text(into, "tag", event->tag);
    if (event->present & WRENN_HAS_EVENT_RECORD_PID) wrn_json_set_int(into, "pid", event->pid);
    if (event->present & WRENN_HAS_EVENT_RECORD_EXIT_CODE) wrn_json_set_int(into, "exit_code", event->exit_code);
    if (event->present & WRENN_HAS_EVENT_RECORD_SIGNAL) wrn_json_set_int(into, "signal", event->signal);
    if (event->oom_killed) wrn_json_set_bool(into, "oom_killed", true);
    events_add_text(into, "error", event->error);
}

static wrn_json *event_json(const wrenn_event_record *event) {
    char time[TIME_SIZE];
    wrn_json *out = wrn_json_new_object();
    say_time(time, event->time_ms);
    wrn_json_set_string(out, "time", time);
    wrn_json_set_int(out, "time_ms", event->time_ms);
    events_add_text(out, "type", event->type);
    events_add_text(out, "id", event->id);
    events_add_text(out, "sandbox_id", event->sandbox_id);
    events_add_text(out, "name", cli_pair(event->metadata, event->metadata_count, "name"));
    if (event->sandbox_id) wrn_json_set(out, "labels", cli_pairs_json(event->metadata, event->metadata_count));
    add_details(out, event);
    return out;
}

static bool put_detail(void *context, const char *key, const wrn_json *value) {
    wrn_buf *line = context;
    const char *text = wrn_json_string(value, NULL);
    wrn_buf_printf(line, "  %s=", key);
    if (text) cli_put_visible(line, text);
    else wrn_json_write(value, line);
    return true;
}

static void events_print_line(const wrenn_event_record *event) {
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
    WRN_AUTO(wrn_json_freep) wrn_json *details = wrn_json_new_object();
    char time[TIME_SIZE];
    const char *name = cli_pair(event->metadata, event->metadata_count, "name");
    say_time(time, event->time_ms);
    add_details(details, event);
    wrn_buf_printf(&line, "%s  ", time);
    cli_put_visible(&line, event->type ? event->type : "-");
    wrn_buf_printf(&line, "%*s  ", line.size < 42 ? (int)(42 - line.size) : 0, "");
    cli_put_visible(&line, cli_or_dash(event->sandbox_id));
    if (name && *name) wrn_buf_puts(&line, "  "), cli_put_visible(&line, name);
    wrn_json_each(details, put_detail, &line);
    if (line.failed) cli_complain("out of memory");
    else puts(line.data);
}

/* `array`: where JSON is collected; NULL: everything is printed as it comes. */
static void show_page(const cli_app *cli, const wrenn_event_page *page, wrn_json *array) {
    cli_let_signals_end(cli, true);
    for (size_t i = 0; i < page->events_count; i++) {
        const wrenn_event_record *event = page->events[i];
        WRN_AUTO(wrn_json_freep) wrn_json *object = NULL;
        if (cli->format == CLI_FORMAT_TEXT) events_print_line(event);
        else if (cli->format == CLI_FORMAT_NAME) puts(event->id);
        else if (array) wrn_json_append(array, event_json(event));
        else object = event_json(event), cli_print_json(object);
    }
    cli_flush();
    cli_let_signals_end(cli, false);
}

/* ---- getting ---- */

static void say_lost(const wrenn_event_page *page) {
    if (page->lost > 0) cli_complain("%lld events are not kept any more, and are left out here", (long long)page->lost);
    if (page->lost < 0)
        cli_complain("these events are of another server than before, or the data of the server is gone");
}

/* Notices that the reader of stdout has gone, also while no event comes. */
static bool has_reader(cli_aside *aside) { return !(aside->fds[0].revents & POLLERR); }

typedef struct position {
    wrenn_events_list_options asked;
    char *after;      /* what asked.after points to, once there is a page */
    int64_t pause_ms; /* before it is tried again; 0: all is well */
    bool any;         /* events were shown */
} position;

static bool go_on_after(position *at, const wrenn_event_page *page) {
    char *next = page->next ? strdup(page->next) : NULL;
    if (!next) return false;
    free(at->after);
    at->asked.after = at->after = next;
    if (at->pause_ms) cli_complain("connected again");
    at->pause_ms = 0;
    return true;
}

/* Whether to try again. Otherwise it was reported. */
static bool outlast(cli_app *cli, position *at, wrenn_error *error) {
    bool passes = at->after && cli_is_cut(error);
    if (!passes) return cli_report(NULL, error), false;
    wrenn_error_free(error);
    return cli_pause_before_retry(cli, &at->pause_ms);
}

/* Until there are no more, or when following until it is ended. The result is our exit code. */
static int each_page(cli_app *cli, position *at, bool follow, wrn_json *array) {
    for (;;) {
        wrenn_event_page *page = NULL;
        wrenn_error *error = NULL;
        (void)CLI_TRY_GET(cli, &error, wrenn_events_list, (cli->client, &at->asked), &page);
        bool over = cli->signal || cli->aside->given_up;
        if (!page && (over || !outlast(cli, at, error))) {
            if (over) wrenn_error_free(error);
            return cli->aside->given_up ? CLI_SIGNAL + SIGPIPE : cli->signal ? 0 : CLI_FAILED;
        }
        if (!page) continue;
        say_lost(page);
        show_page(cli, page, array);
        at->any = at->any || page->events_count;
        bool more = page->more, ok = go_on_after(at, page);
        wrenn_event_page_free(page);
        if (!ok) return cli_complain("out of memory"), CLI_FAILED;
        if ((!more && !follow) || ferror(stdout)) return 0;
        at->asked.wait_ms = more ? 0 : WAIT_MS;
    }
}

/* Whether a sandbox without events is there; if not, it was reported. Its name may be wrong, or all of it forgotten. */
static bool is_there(cli_app *cli, const char *word) {
    wrenn_sandbox *sandbox = cli_sandbox(cli, word);
    wrenn_sandbox_free(sandbox);
    return sandbox;
}

static int events_run(cli_app *cli, void *given) {
    const events_values *values = given;
    cli_aside aside = {.fds = {{.fd = STDOUT_FILENO}, {.fd = -1}}, .happened = has_reader};
    position at = {.asked = WRENN_EVENTS_LIST_OPTIONS_INIT};
    wrenn_events_list_options *asked = &at.asked;
    WRN_AUTO(wrn_json_freep) wrn_json *array = NULL;
    if (!read_since(cli, values->since, &asked->since_ms)) return CLI_USAGE;
    asked->after = values->after ? values->after : values->follow && !values->since ? "now" : NULL;
    asked->sandbox = cli->words[0];
    asked->labels = values->labels.items;
    asked->types = values->types.items;
    if (!cli_connect(cli)) return CLI_FAILED;
    if (cli->format == CLI_FORMAT_JSON && !values->follow) array = wrn_json_new_array();
    cli->aside = &aside;
    if (values->follow) cli->does = "";
    int code = each_page(cli, &at, values->follow, array);
    cli->aside = NULL;
    bool all = !values->follow && !values->since && !values->after && !asked->types && !asked->labels;
    if (code == 0 && asked->sandbox && all && !at.any && !is_there(cli, asked->sandbox)) code = CLI_FAILED;
    if (array && code == 0 && !cli_print_json(array)) code = CLI_FAILED;
    free(at.after);
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, CLI_OPTIONAL}, {0}};
static const cli_example examples[] = {
    {"what happens from now on, until Ctrl-C", "events -f"},
    {"what happened to a sandbox in the last ten minutes", "events --since 10m work"},
    {"ends of sandboxes with a label, for a script", "events -f -o jsonl -t sandbox.destroy -l app=web"},
    {"those after the last one that was shown earlier", "events -f --after \"$(wrenn events -o name | tail -n 1)\""},
    {0},
};

const cli_command cli_command_events = {
    .name = "events",
    .group = CLI_GROUP_SANDBOXES,
    .summary = "show what happens to sandboxes, snapshots and templates",
    .details =
        "Without -f it shows what has happened: wrennd keeps the last 4096 events, also when it starts again. With -f it\n"
        "shows what happens from now on, and with --since or --after what has happened before that. It goes on after a\n"
        "cut of the connection and when wrennd starts again; nothing is shown twice or left out, and if more happens\n"
        "meanwhile than is kept, it says how much.\n"
        "Each line has the time, the type, the id and the name of the sandbox, and details, such as the reason when the\n"
        "server did it by itself (idle, lifetime, lease, died, shutdown, restart). The types are sandbox.create,\n"
        "sandbox.pause, sandbox.hibernate, sandbox.resume, sandbox.die, sandbox.destroy, sandbox.labels,\n"
        "sandbox.lifetime, sandbox.network,\n"
        "command.start and command.end (in the background only), snapshot.create, snapshot.delete, template.build and\n"
        "template.delete. What is built or removed while no wrennd runs is no event.\n"
        "ID may be of a sandbox that is gone, or the name that it had. -o json with -f prints objects, as jsonl does.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(events_values),
    .run = events_run,
};
