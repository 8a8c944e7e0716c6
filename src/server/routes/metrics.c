/* Resource usage of sandboxes and teams over time. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/routes/routes.h"
#include "server/sandbox/metrics.h"
#include "server/sandbox/usage.h"

/* The value of the query's `range`, "" counting as absent, or `fallback`. */
static const char *asked_range(wrn_request *request, const char *fallback) {
    const char *range = wrn_query_get(request->head.query, "range", &request->arena);
    return range && *range ? range : fallback;
}

static void add_point(void *context, const wrn_point *point) {
#define SHOW_METRIC(type, name) .name = point->name,
    const wrenn_metric_point shown = {.timestamp_unix = point->at, WRN_METRICS(SHOW_METRIC)};
    wrn_json_append(context, wrn_model_encode(&wrn_model_metric_point, &shown));
}

/* Adds `points`, which this frees, when `outcome` is WRN_DB_OK. */
static void reply_points(wrn_request *request, wrn_db outcome, wrn_json *answer, wrn_json *points) {
    wrn_json_set(answer, "points", points);
    if (outcome == WRN_DB_OK) return wrn_reply_json(request, 200, answer);
    wrn_json_free(answer);
    wrn_reply_db_error(request);
}

void wrn_route_metrics(wrn_request *request) {
    static const struct {
        const char *name;
        int64_t seconds;
    } ranges[] = {{"5m", 300}, {"10m", 600}, {"1h", 3600}, {"2h", 7200}, {"6h", 21600}, {"12h", 43200}, {"24h", 86400}};
    const char *range = asked_range(request, "10m");
    int64_t seconds = 0;
    for (size_t i = 0; i < WRN_COUNT(ranges); i++)
        if (strcmp(range, ranges[i].name) == 0) seconds = ranges[i].seconds;
    if (!seconds) return wrn_reply_invalid(request, "\"range\" must be 5m, 10m, 1h, 2h, 6h, 12h or 24h");
    const wrn_server *server = wrn_server_of(request);
    wrn_sandbox_row row;
    wrn_fault fault;
    if (!wrn_find_sandbox(server, request->who.team_id, request->params[0], &row, &fault))
        return wrn_reply_fault(request, &fault);
    if (strcmp(row.status, "running") != 0 && strcmp(row.status, "paused") != 0 &&
        strcmp(row.status, "hibernated") != 0)
        return wrn_reply_error(request, WRN_FAULT_NOT_FOUND, "there are no metrics of this sandbox (status: %s)",
                               row.status);
    wrn_json *points = wrn_json_new_array(), *answer = wrn_json_new_object();
    wrn_json_set_string(answer, "sandbox_id", row.id);
    wrn_json_set_string(answer, "range", range);
    wrn_db outcome = wrn_metrics_read(server->sandboxes, &row, seconds, add_point, points);
    reply_points(request, outcome, answer, points);
}

/* ---- of a team: current, peaks and series ---- */

static wrn_json *show_series(const wrn_loads *loads) {
    wrn_json *series = wrn_json_new_object(), *labels = wrn_json_new_array(), *running = wrn_json_new_array();
    wrn_json *vcpus = wrn_json_new_array(), *memory_mb = wrn_json_new_array();
    for (size_t i = 0; i < loads->count; i++) {
        char label[WRN_RFC3339_SIZE];
        wrn_rfc3339(label, loads->start + (int64_t)i * loads->width);
        wrn_json_append_string(labels, label);
        wrn_json_append(running, wrn_json_new_int(loads->max[i].running));
        wrn_json_append(vcpus, wrn_json_new_int(loads->max[i].vcpus));
        wrn_json_append(memory_mb, wrn_json_new_int(loads->max[i].memory_mb));
    }
    wrn_json_set(series, "labels", labels);
    wrn_json_set(series, "running", running);
    wrn_json_set(series, "vcpus", vcpus);
    wrn_json_set(series, "memory_mb", memory_mb);
    return series;
}

void wrn_route_stats(wrn_request *request) {
    wrn_store *store = wrn_server_of(request)->store;
    const char *range = asked_range(request, "1h"), *team_id = request->who.team_id;
    wrn_loads loads, month;
    wrn_db outcome = wrn_usage_read_loads(store, team_id, range, &loads);
    if (outcome == WRN_DB_NONE) return wrn_reply_invalid(request, "\"range\" must be 5m, 1h, 6h, 24h or 30d");
    if (outcome == WRN_DB_OK) outcome = wrn_usage_read_loads(store, team_id, "30d", &month);
    if (outcome != WRN_DB_OK) return wrn_reply_db_error(request);
    const wrn_sandbox_stats_current current = {.running_count = loads.now.running,
                                               .vcpus_reserved = loads.now.vcpus,
                                               .memory_mb_reserved = loads.now.memory_mb};
    wrn_load most = {0};
    for (size_t i = 0; i < month.count; i++) wrn_load_raise(&most, &month.max[i]);
    const wrn_sandbox_stats_peaks peaks = {
        .running_count = most.running, .vcpus = most.vcpus, .memory_mb = most.memory_mb};
    wrn_json *answer = wrn_json_new_object();
    wrn_json_set_string(answer, "range", range);
    wrn_json_set(answer, "current", wrn_model_encode(&wrn_model_sandbox_stats_current, &current));
    wrn_json_set(answer, "peaks", wrn_model_encode(&wrn_model_sandbox_stats_peaks, &peaks));
    wrn_json_set(answer, "series", show_series(&loads));
    wrn_reply_json(request, 200, answer);
}

/* ---- of a team, by day ---- */

enum { DAY = 86400, USAGE_DAYS = 30, SPAN_MAX = 92, DATE_SIZE = 11 };

static void show_date(char out[DATE_SIZE], int64_t day) {
    char text[WRN_RFC3339_SIZE];
    wrn_rfc3339(text, day * DAY);
    snprintf(out, DATE_SIZE, "%.10s", text);
}

/* YYYY-MM-DD as days since 1970-01-01. */
static bool parse_date(const char *text, int64_t *day) {
    char again[DATE_SIZE];
    static const char form[] = "0000-00-00";
    for (size_t i = 0; i < sizeof(form); i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == '0' ? !digit : text[i] != form[i]) return false;
    }
    struct tm tm = {.tm_year =
                        (text[0] - '0') * 1000 + (text[1] - '0') * 100 + (text[2] - '0') * 10 + text[3] - '0' - 1900,
                    .tm_mon = (text[5] - '0') * 10 + text[6] - '0' - 1,
                    .tm_mday = (text[8] - '0') * 10 + text[9] - '0'};
    time_t seconds = timegm(&tm);
    if (seconds < 0) return false;
    *day = seconds / DAY;
    show_date(again, *day);
    return strcmp(again, text) == 0; /* timegm() takes 30 February for 1 or 2 March */
}

static bool asked_day(wrn_request *request, const char *name, int64_t *day) {
    const char *text = wrn_query_get(request->head.query, name, &request->arena);
    if (!text || !*text || parse_date(text, day)) return true;
    return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST, "\"%s\" must be a date as YYYY-MM-DD", name);
}

static void add_day(void *context, const wrn_usage_day *day) {
    char date[DATE_SIZE];
    show_date(date, day->day);
    const wrn_usage_point point = {
        .date = date, .cpu_minutes = (double)day->vcpu_ms / 60000, .ram_mb_minutes = (double)day->memory_mb_ms / 60000};
    wrn_json_append(context, wrn_model_encode(&wrn_model_usage_point, &point));
}

void wrn_route_usage(wrn_request *request) {
    int64_t today = wrn_unix_time() / DAY, from = today - USAGE_DAYS + 1, to = today;
    char first[DATE_SIZE], last[DATE_SIZE];
    if (!asked_day(request, "from", &from) || !asked_day(request, "to", &to)) return;
    if (from > to) return wrn_reply_invalid(request, "\"from\" is after \"to\"");
    if (to - from > SPAN_MAX)
        return wrn_reply_invalid(request, "\"from\" must be %d days at most before \"to\"", SPAN_MAX);
    show_date(first, from);
    show_date(last, to);
    wrn_json *points = wrn_json_new_array(), *answer = wrn_json_new_object();
    wrn_json_set_string(answer, "from", first);
    wrn_json_set_string(answer, "to", last);
    wrn_db outcome =
        wrn_usage_read_days(wrn_server_of(request)->sandboxes, request->who.team_id, from, to, add_day, points);
    reply_points(request, outcome, answer, points);
}
