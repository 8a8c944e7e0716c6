/* What has happened to a team's sandboxes and snapshots, page by page, and what happens while the client waits for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/routes/metadata.h"
#include "server/routes/routes.h"
#include "server/sandbox/watch.h"
#include "server/turns.h"

/* A page ends with the event with which it gets as big as PAGE_BYTES, or after so many that were looked at. */
enum { WAIT_MAX_SEC = 3600, TYPES_MAX = 20, PAGE_BYTES = 32 * 1024, EVENT_BYTES = 128, LOOKED_AT_MAX = 1024 };

typedef struct page {
    wrn_watcher watcher; /* first: a watcher is cast to its page; it watches while the request waits */
    wrn_request *request;
    wrn_turn turn; /* of many that wait for the same event, each looks in its turn */
    bool answered;
    uv_timer_t timer;
    const char *after;
    int64_t since_ms, wait_sec;
    wrn_sandbox_filter labels, name; /* name: as the label of that name */
    const char *sandbox, *types[TYPES_MAX];
    size_t type_count;
    int64_t at, lost; /* at: all up to this number were looked at */
    wrn_json *events;
    size_t bytes, looked_at;
    bool more;
} page;

static void page_on_closed(uv_handle_t *handle) { free(handle->data); }

static void free_page(page *p) {
    if (p->watcher.tell) wrn_unwatch(wrn_server_of(p->request)->sandboxes, &p->watcher);
    wrn_json_free(p->events);
    wrn_turn_cancel(&p->turn);
    p->answered = true;
    uv_close((uv_handle_t *)&p->timer, page_on_closed);
}

/* ---- which events ---- */

/* A short start of an id says little: it may as well be a name. */
static bool begins_id(const char *id, const char *start) {
    enum { START_MIN = 4 };
    static const char prefix[] = "cl-";
    size_t skip = strlen(prefix);
    if (strncmp(start, prefix, skip) == 0) start += skip;
    return strlen(start) >= START_MIN && strncmp(id, prefix, skip) == 0 &&
           strncmp(id + skip, start, strlen(start)) == 0;
}

static bool is_of(const page *p, const wrn_event_row *row) {
    if (!p->sandbox) return true;
    return row->sandbox_id && (begins_id(row->sandbox_id, p->sandbox) || wrn_store_has_labels(row->metadata, &p->name));
}

static bool is_wanted(const page *p, const wrn_event_row *row) {
    bool typed = !p->type_count;
    for (size_t i = 0; i < p->type_count && !typed; i++) typed = wrn_news_filter_matches(p->types[i], row->type);
    return typed && row->at_ms >= p->since_ms && is_of(p, row) && wrn_store_has_labels(row->metadata, &p->labels);
}

static void set_cursor(const page *p, wrn_json *into, const char *key, int64_t number) {
    char cursor[WRN_ID_SIZE + 24];
    snprintf(cursor, sizeof(cursor), "%s.%lld", p->request->who.team_id, (long long)number);
    wrn_json_set_string(into, key, cursor);
}

static wrn_json *show_event(const page *p, const wrn_event_row *row) {
    wrn_json *shown = NULL, *labels = NULL;
    const char *why;
    if (!wrn_json_parse(row->details, strlen(row->details), &shown, &why)) shown = wrn_json_new_object();
    set_cursor(p, shown, "id", row->number);
    wrn_json_set_string(shown, "type", row->type);
    wrn_json_set_int(shown, "time_ms", row->at_ms);
    if (row->sandbox_id) wrn_json_set_string(shown, "sandbox_id", row->sandbox_id);
    if (row->metadata && wrn_json_parse(row->metadata, strlen(row->metadata), &labels, &why))
        wrn_json_set(shown, "metadata", labels);
    return shown;
}

static bool take_event(void *context, const wrn_event_row *row) {
    page *p = context;
    if (p->bytes >= PAGE_BYTES || p->looked_at++ >= LOOKED_AT_MAX) return p->more = true, false;
    p->at = row->number;
    if (!is_wanted(p, row)) return true;
    p->bytes += EVENT_BYTES + strlen(row->details) + (row->metadata ? strlen(row->metadata) : 0);
    return wrn_json_append(p->events, show_event(p, row));
}

static bool event_log_look(page *p) {
    p->looked_at = 0;
    return wrn_store_list_events(wrn_server_of(p->request)->store, p->request->who.team_id, p->at, take_event, p) ==
           WRN_DB_OK;
}

/* ---- from where ---- */

/* The number of a cursor that this server has given; -1: another one has, or it is none of this team's. */
static int64_t event_number_of(const page *p, const char *dot, int64_t newest) {
    const char *team_id = p->request->who.team_id;
    size_t size = (size_t)(dot - p->after);
    int64_t number;
    bool known = size == strlen(team_id) && strncmp(p->after, team_id, size) == 0 &&
                 wrn_parse_int(dot + 1, 0, INT64_MAX, &number) && number <= newest;
    return known ? number : -1;
}

/* False: the request was answered. */
static bool find_start(page *p) {
    wrn_request *request = p->request;
    int64_t oldest = 0, newest = 0;
    if (wrn_store_get_events(wrn_server_of(request)->store, request->who.team_id, &oldest, &newest) != WRN_DB_OK)
        return wrn_reply_db_error(request), false;
    const char *dot = p->after ? strrchr(p->after, '.') : NULL;
    p->at = oldest ? oldest - 1 : 0;
    if (!p->after) return true;
    if (strcmp(p->after, "now") == 0) return p->at = newest, true;
    if (!dot)
        return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST,
                          "parameter \"after\": \"%.100s\" is neither \"now\" nor the id of an event", p->after);
    int64_t number = event_number_of(p, dot, newest);
    if (number >= p->at) p->at = number;
    else p->lost = number < 0 ? -1 : p->at - number;
    return true;
}

/* ---- what is asked for ---- */

static bool refuse_number(wrn_request *request, const char *name) {
    return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST, "parameter \"%s\" is not a number in its range", name);
}

static bool add_type(page *p, const char *value) {
    bool known = false;
    for (int i = 0; i < WRN_NEWS_COUNT && value; i++)
        known = known || wrn_news_filter_matches(value, wrn_news_type_name((wrn_news_type)i));
    if (!known || p->type_count == TYPES_MAX)
        return wrn_refuse(
            p->request, WRN_FAULT_INVALID_REQUEST,
            "parameter \"type\": \"%.100s\" is no type of events, as \"sandbox.pause\" or \"sandbox\", or "
            "there are more than %d",
            value ? value : "", TYPES_MAX);
    p->types[p->type_count++] = value;
    return true;
}

static bool set_sandbox(page *p, const char *value) {
    WRN_AUTO(wrn_buf_free) wrn_buf label = WRN_BUF_INIT;
    if (!value || !*value)
        return wrn_refuse(p->request, WRN_FAULT_INVALID_REQUEST, "parameter \"sandbox\" is neither an id nor a name");
    wrn_buf_printf(&label, "name=%s", value);
    p->sandbox = value;
    p->name.label_count = 0;
    return wrn_metadata_add_filter(p->request, label.data, &p->name);
}

/* One parameter; `value` NULL: malformed. False: the request was answered. */
static bool event_log_read_parameter(page *p, const char *name, const char *value) {
    wrn_request *request = p->request;
    if (strcmp(name, "label") == 0) return wrn_metadata_add_filter(request, value, &p->labels);
    if (strcmp(name, "type") == 0) return add_type(p, value);
    if (strcmp(name, "sandbox") == 0) return set_sandbox(p, value);
    if (strcmp(name, "after") == 0) p->after = value ? value : "";
    if (strcmp(name, "since_ms") == 0)
        return (value && wrn_parse_int(value, 0, INT64_MAX, &p->since_ms)) || refuse_number(request, name);
    if (strcmp(name, "wait_sec") == 0)
        return (value && wrn_parse_int(value, 0, WAIT_MAX_SEC, &p->wait_sec)) || refuse_number(request, name);
    return true;
}

static bool read_query(page *p) {
    const char *at = p->request->head.query, *name, *value;
    while (wrn_query_next(&at, &name, &value, &p->request->arena)) {
        bool is_text = value && wrn_utf8_valid_prefix(value, strlen(value)) == strlen(value);
        if (!event_log_read_parameter(p, name, is_text ? value : NULL)) return false;
    }
    return true;
}

/* ---- the answer ---- */

static void event_log_answer(page *p) {
    wrn_json *body = wrn_json_new_object();
    wrn_json_set(body, "events", WRN_TAKE(p->events));
    set_cursor(p, body, "next", p->at);
    wrn_json_set_bool(body, "more", p->more);
    wrn_json_set_int(body, "lost", p->lost);
    wrn_request *request = p->request;
    free_page(p);
    wrn_reply_json(request, 200, body);
}

static void page_on_news(wrn_watcher *watcher, const wrn_news *news) {
    page *p = (page *)watcher;
    (void)news;
    if (!p->turn.waits) wrn_turn_wait(&p->turn);
}

static void page_on_turn(wrn_turn *turn) {
    page *p = turn->context;
    wrn_turn_begin(turn);
    if (!event_log_look(p) || p->bytes || p->more) event_log_answer(p);
    if (wrn_turn_end(turn) && p->answered) wrn_turn_cancel(turn);
}

static void page_on_time(uv_timer_t *timer) { event_log_answer(timer->data); }

static void page_on_over(wrn_request *request) { event_log_answer(request->handler); }

static void wait_for_more(page *p) {
    wrn_request *request = p->request;
    memcpy(p->watcher.team_id, request->who.team_id, sizeof(p->watcher.team_id));
    p->watcher.tell = page_on_news;
    p->turn = (wrn_turn){.go = page_on_turn, .context = p, .loop = request->loop};
    wrn_turn_set_owner(&p->turn, request->who.team_id);
    wrn_watch(wrn_server_of(request)->sandboxes, &p->watcher);
    uv_timer_start(&p->timer, page_on_time, (uint64_t)p->wait_sec * 1000, 0);
    request->handler = p;
    request->on_gone = request->on_stop = page_on_over;
}

void wrn_route_list_events(wrn_request *request) {
    page *p = calloc(1, sizeof(*p));
    p->request = request;
    p->events = wrn_json_new_array();
    uv_timer_init(request->loop, &p->timer);
    p->timer.data = p;
    if (!read_query(p) || !find_start(p)) {
        free_page(p);
    } else if (!event_log_look(p)) {
        free_page(p);
        wrn_reply_db_error(request);
    } else if (p->bytes || p->more || p->lost || !p->wait_sec || wrn_server_of(request)->stopping) {
        event_log_answer(p);
    } else {
        wait_for_more(p);
    }
}
