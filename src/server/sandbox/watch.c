#include "server/sandbox/watch.h"

#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "server/sandbox/internal.h"

#define WRN_NEWS_(name, type, platform) {type, platform},
static const struct { const char *name, *platform; } types[] = {WRN_NEWS(WRN_NEWS_)};
#undef WRN_NEWS_

const char *wrn_news_type_name(wrn_news_type type) { return types[type].name; }
const char *wrn_news_platform_name(wrn_news_type type) { return types[type].platform; }

bool wrn_news_filter_matches(const char *filter, const char *type) {
    size_t size = strlen(filter);
    return strncmp(type, filter, size) == 0 && (type[size] == '\0' || type[size] == '.');
}

void wrn_watch(wrn_sandboxes *all, wrn_watcher *watcher) {
    watcher->next = all->watchers;
    all->watchers = watcher;
}

void wrn_unwatch(wrn_sandboxes *all, wrn_watcher *watcher) { WRN_UNLINK(all->watchers, watcher, next); }

static bool is_of_template(const wrn_news *news) {
    return news->type == WRN_NEWS_TEMPLATE_BUILD || news->type == WRN_NEWS_TEMPLATE_DELETE;
}

/* ---- what is stored ---- */

static void describe_command(const wrn_command *command, const wrn_proc_result *result, wrn_json *into) {
    wrn_json_set_string(into, "tag", command->tag);
    wrn_json_set_int(into, "pid", command->pid);
    if (!result) return;
    wrn_json_set_int(into, "exit_code", result->end == WRN_PROC_EXITED ? result->code : -1);
    if (result->end == WRN_PROC_SIGNALED) wrn_json_set_int(into, "signal", result->code);
    if (result->oom_killed) wrn_json_set_bool(into, "oom_killed", true);
}

static void describe_fault(const wrn_fault *fault, wrn_json *into) {
    char message[sizeof(fault->message)];
    snprintf(message, sizeof(message), "%s", fault->message);
    message[wrn_utf8_valid_prefix(message, strlen(message))] = '\0';
    wrn_json_set_string(into, "error", message);
}

static void describe_sandbox(const wrn_news *news, wrn_json *into) {
    char expires[WRN_RFC3339_SIZE];
    const wrn_sandbox_row *row = news->row;
    if (news->type == WRN_NEWS_SANDBOX_CREATE) wrn_json_set_string(into, "template", row->template_name);
    if (news->type == WRN_NEWS_SANDBOX_NETWORK) wrn_json_set_string(into, "egress", row->egress);
    if (news->type != WRN_NEWS_SANDBOX_LIFETIME || !row->expires_at) return;
    wrn_rfc3339(expires, row->expires_at);
    wrn_json_set_string(into, "expires_at", expires);
}

/* One that can't be stored is lost, and the database has logged why. */
static void store_news(wrn_sandboxes *all, const wrn_news *news, const char *team_id) {
    WRN_AUTO(wrn_json_freep) wrn_json *details = wrn_json_new_object();
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    if (news->reason) wrn_json_set_string(details, "reason", news->reason);
    if (news->fault) describe_fault(news->fault, details);
    if (news->name) wrn_json_set_string(details, is_of_template(news) ? "template" : "snapshot", news->name);
    if (news->row) describe_sandbox(news, details);
    if (news->command) describe_command(news->command, news->result, details);
    wrn_json_write(details, &text);
    wrn_store_add_event(all->config.store, &(wrn_event_row){.at_ms = wrn_clock_us(CLOCK_REALTIME) / 1000,
                                                            .team_id = team_id,
                                                            .type = wrn_news_type_name(news->type),
                                                            .sandbox_id = news->row ? news->row->id : news->sandbox_id,
                                                            .details = text.data});
}

/* ---- telling ---- */

void wrn_watch_tell(wrn_sandboxes *all, const wrn_news *news) {
    const char *team_id = news->row ? news->row->team_id : news->team_id; /* NULL: every team's */
    store_news(all, news, team_id);
    for (wrn_watcher *w = all->watchers, *next; w; w = next) {
        next = w->next;
        if (!team_id || strcmp(w->team_id, team_id) == 0) w->tell(w, news);
    }
}

void wrn_watch_tell_change(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_event event, const char *reason,
                           const wrn_fault *fault) {
    wrn_news news = {.row = row, .fault = fault, .reason = reason};
    switch (event) {
    case WRN_EVENT_BOOTED:
    case WRN_EVENT_BOOT_FAILED: news.type = WRN_NEWS_SANDBOX_CREATE; break;
    case WRN_EVENT_PAUSE: news.type = WRN_NEWS_SANDBOX_PAUSE; break;
    case WRN_EVENT_HIBERNATE: news.type = WRN_NEWS_SANDBOX_HIBERNATE; break;
    case WRN_EVENT_RESUME: news.type = WRN_NEWS_SANDBOX_RESUME; break;
    case WRN_EVENT_DESTROY: news.type = WRN_NEWS_SANDBOX_DESTROY; break;
    default: return; /* a snapshot is reported when its record is stored */
    }
    wrn_watch_tell(all, &news);
}
