/* What sandboxes use, over time. */
#include <string.h>

#include "gen/requests.h"
#include "server/routes/routes.h"
#include "server/sandbox/metrics.h"

/* The value of the query's `range`, "" counting as absent, or `fallback`. */
static const char *asked_range(wrn_request *request, const char *fallback) {
    const char *range = wrn_query_get(request->head.query, "range", &request->arena);
    return range && *range ? range : fallback;
}

static bool add_point(void *context, const wrn_point *point) {
    const wrenn_metric_point shown = {.present = WRENN_HAS_METRIC_POINT_TIMESTAMP_UNIX |
                                                 WRENN_HAS_METRIC_POINT_CPU_PCT | WRENN_HAS_METRIC_POINT_MEM_BYTES |
                                                 WRENN_HAS_METRIC_POINT_DISK_BYTES,
                                      .timestamp_unix = point->at,
                                      .cpu_pct = point->cpu_pct,
                                      .mem_bytes = point->mem_bytes,
                                      .disk_bytes = point->disk_bytes};
    return wrn_json_append(context, wrn_model_encode(&wrn_model_metric_point, &shown));
}

static void reply_points(wrn_request *request, const wrn_sandbox_row *row, const char *range, int64_t seconds) {
    wrn_json *points = wrn_json_new_array(), *answer = wrn_json_new_object();
    bool ok = wrn_metrics_read(wrn_request_server(request)->sandboxes, row, seconds, add_point, points) &&
              wrn_json_set_string(answer, "sandbox_id", row->id) && wrn_json_set_string(answer, "range", range);
    ok = wrn_json_set(answer, "points", points) && ok;
    if (ok) return wrn_reply_json(request, 200, answer);
    wrn_json_free(answer);
    wrn_reply_error(request, "db_error", "the metrics could not be read");
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
    if (!seconds)
        return wrn_reply_error(request, "invalid_request", "\"range\" must be 5m, 10m, 1h, 2h, 6h, 12h or 24h");
    wrn_sandbox_row row;
    if (!wrn_request_sandbox(request, &row)) return;
    if (strcmp(row.status, "running") != 0 && strcmp(row.status, "paused") != 0)
        return wrn_reply_error(request, "not_found", "there are no metrics of this sandbox (status: %s)", row.status);
    reply_points(request, &row, range, seconds);
}
