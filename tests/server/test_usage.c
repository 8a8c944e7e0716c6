/* What teams have running, and what that adds up to by day. The clocks are put forward, so that days pass at once. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "daemon.h"

enum { DAY = 86400 };

static reply stats_of(const test_daemon *d, const char *range) {
    char path[64];
    snprintf(path, sizeof(path), "/v1/sandboxes/stats%s%s", *range ? "?range=" : "", range);
    reply r = call(d, "GET", path, NULL);
    CHECK_MSG(r.status == 200, "%d %s", r.status, r.body);
    CHECK_STR(member(&r, "range"), *range ? range : "1h");
    return r;
}

static int64_t inner(const reply *r, const char *object, const char *key) {
    int64_t out = -1;
    CHECK_MSG(wrn_json_int(wrn_json_get(wrn_json_get(r->json, object), key), &out), "no %s.%s", object, key);
    return out;
}

static int64_t series_at(const reply *r, const char *key, size_t from_end) {
    const wrn_json *array = wrn_json_get(wrn_json_get(r->json, "series"), key);
    int64_t out = -1;
    CHECK(wrn_json_int(wrn_json_at(array, wrn_json_count(array) - 1 - from_end), &out));
    return out;
}

static int64_t series_max(const reply *r, const char *key) {
    const wrn_json *array = wrn_json_get(wrn_json_get(r->json, "series"), key);
    int64_t max = -1, value;
    for (size_t i = 0; i < wrn_json_count(array); i++)
        if (wrn_json_int(wrn_json_at(array, i), &value) && value > max) max = value;
    return max;
}

static void check_load(const test_daemon *d, int64_t running, int64_t vcpus, int64_t memory_mb) {
    reply r = stats_of(d, "");
    CHECK_INT(inner(&r, "current", "running_count"), running);
    CHECK_INT(inner(&r, "current", "vcpus_reserved"), vcpus);
    CHECK_INT(inner(&r, "current", "memory_mb_reserved"), memory_mb);
    CHECK(series_at(&r, "running", 0) >= running);
    reply_free(&r);
}

static void check_peaks(const test_daemon *d, const char *range, int64_t running, int64_t vcpus, int64_t memory_mb) {
    reply r = stats_of(d, range);
    CHECK_INT(inner(&r, "peaks", "running_count"), running);
    CHECK_INT(inner(&r, "peaks", "vcpus"), vcpus);
    CHECK_INT(inner(&r, "peaks", "memory_mb"), memory_mb);
    reply_free(&r);
}

TEST(the_load_follows_what_runs) {
    test_daemon d;
    char first[40], second[40];
    daemon_start(&d, NULL);
    check_load(&d, 0, 0, 0);
    check_peaks(&d, "", 0, 0, 0);
    make_sandbox(&d, "{\"vcpus\":2,\"memory_mb\":100}", first);
    make_sandbox(&d, "{\"vcpus\":3,\"memory_mb\":50}", second);
    check_load(&d, 2, 5, 150);
    CHECK_STATUS(call(&d, "POST", sandbox_path(first, "/pause"), NULL), 200);
    check_load(&d, 1, 3, 50);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(second, ""), NULL), 204);
    check_load(&d, 0, 0, 0);
    CHECK_STATUS(call(&d, "POST", sandbox_path(first, "/resume"), NULL), 200);
    check_load(&d, 1, 2, 100);
    /* However short the two were there, they have been: whatever the range, for thirty days. */
    static const char *const ranges[] = {"", "5m", "1h", "6h", "24h", "30d"};
    for (size_t i = 0; i < WRN_COUNT(ranges); i++) check_peaks(&d, ranges[i], 2, 5, 150);
    daemon_advance(&d, 29 * DAY);
    check_peaks(&d, "5m", 2, 5, 150);
    daemon_advance(&d, 2 * DAY);
    check_peaks(&d, "5m", 1, 2, 100);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(first, ""), NULL), 204);
    daemon_stop(&d);
}

TEST(series_have_a_value_in_every_bucket) {
    static const struct {
        const char *range;
        size_t count;
        int64_t width;
    } cases[] = {{"5m", 100, 3}, {"1h", 120, 30}, {"6h", 120, 180}, {"24h", 120, 720}, {"30d", 120, 21600}};
    static const char *const keys[] = {"labels", "running", "vcpus", "memory_mb"};
    test_daemon d;
    char id[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"vcpus\":4,\"memory_mb\":64}", id);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        /* Sixty buckets with it, and then two without. */
        daemon_advance(&d, 60 * cases[i].width);
        CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 200);
        daemon_advance(&d, 2 * cases[i].width);
        reply r = stats_of(&d, cases[i].range);
        const wrn_json *series = wrn_json_get(r.json, "series");
        for (size_t k = 0; k < WRN_COUNT(keys); k++)
            CHECK_INT(wrn_json_count(wrn_json_get(series, keys[k])), cases[i].count);
        const char *label = wrn_json_string(wrn_json_at(wrn_json_get(series, "labels"), 0), NULL);
        CHECK(label && strlen(label) == 20 && label[19] == 'Z');
        CHECK_INT(series_at(&r, "running", 0), 0);
        CHECK_INT(series_at(&r, "running", 1), 0);
        CHECK_INT(series_at(&r, "vcpus", 40), 4);
        CHECK_INT(series_at(&r, "memory_mb", 50), 64);
        if (i == 0) CHECK_INT(series_at(&r, "running", 90), 0);
        reply_free(&r);
        CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/resume"), NULL), 200);
    }
    daemon_advance(&d, 40 * DAY);
    reply r = stats_of(&d, "6h");
    CHECK_INT(series_at(&r, "vcpus", 119), 4);
    reply_free(&r);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    daemon_advance(&d, 400);
    r = stats_of(&d, "5m");
    CHECK_INT(series_max(&r, "running"), 0);
    reply_free(&r);
    daemon_stop(&d);
}

static void format_day(char out[16], int64_t day) {
    time_t seconds = (time_t)(day * DAY);
    struct tm tm;
    strftime(out, 16, "%Y-%m-%d", gmtime_r(&seconds, &tm));
}

static reply usage_of(const test_daemon *d, int64_t from, int64_t to) {
    char first[16], last[16], path[96];
    format_day(first, from);
    format_day(last, to);
    snprintf(path, sizeof(path), "/v1/capsules/usage?from=%s&to=%s", first, last);
    reply r = call(d, "GET", path, NULL);
    CHECK_MSG(r.status == 200, "%d %s", r.status, r.body);
    CHECK_STR(member(&r, "from"), first);
    CHECK_STR(member(&r, "to"), last);
    return r;
}

static void check_point(const reply *r, size_t index, int64_t day, double cpu_minutes, double ram_mb_minutes) {
    char date[16];
    const wrn_json *point = wrn_json_at(wrn_json_get(r->json, "points"), index);
    double cpu = -1, ram = -1;
    format_day(date, day);
    CHECK_STR(wrn_json_string(wrn_json_get(point, "date"), NULL), date);
    CHECK(wrn_json_double(wrn_json_get(point, "cpu_minutes"), &cpu));
    CHECK(wrn_json_double(wrn_json_get(point, "ram_mb_minutes"), &ram));
    /* Time really passes, too: up to a minute of it while the test runs. */
    CHECK_MSG(cpu >= cpu_minutes && cpu <= cpu_minutes + 2, "%s: %f cpu minutes", date, cpu);
    CHECK_MSG(ram >= ram_mb_minutes && ram <= ram_mb_minutes + 100, "%s: %f MB minutes", date, ram);
}

TEST(usage_is_added_up_by_day) {
    test_daemon d;
    char id[40];
    daemon_start(&d, NULL);
    int64_t now = wrn_unix_time(), today = now / DAY;
    daemon_advance(&d, (today + 1) * DAY - now - 600); /* ten minutes to midnight */
    make_sandbox(&d, "{\"vcpus\":2,\"memory_mb\":100}", id);
    daemon_advance(&d, 300);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 200);
    reply r = usage_of(&d, today - 10, today);
    CHECK_INT(wrn_json_count(wrn_json_get(r.json, "points")), 1);
    check_point(&r, 0, today, 10, 500);
    reply_free(&r);
    /* Nothing while it is paused; then two hours from five minutes to midnight on, seen while it runs. */
    daemon_advance(&d, DAY);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/resume"), NULL), 200);
    daemon_advance(&d, 7200);
    r = usage_of(&d, today, today + 2);
    CHECK_INT(wrn_json_count(wrn_json_get(r.json, "points")), 3);
    check_point(&r, 0, today, 10, 500);
    check_point(&r, 1, today + 1, 8, 400);
    check_point(&r, 2, today + 2, 230, 11500);
    reply_free(&r);
    r = usage_of(&d, today + 1, today + 1);
    CHECK_INT(wrn_json_count(wrn_json_get(r.json, "points")), 1);
    check_point(&r, 0, today + 1, 8, 400);
    reply_free(&r);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    r = usage_of(&d, today + 2, today + 90);
    CHECK_INT(wrn_json_count(wrn_json_get(r.json, "points")), 1);
    check_point(&r, 0, today + 2, 230, 11500);
    reply_free(&r);
    daemon_stop(&d);
}

TEST(usage_is_of_thirty_days_unless_asked) {
    test_daemon d;
    char from[16], to[16];
    daemon_start(&d, NULL);
    daemon_advance(&d, DAY - wrn_unix_time() % DAY + 60); /* so that the day does not change meanwhile */
    int64_t today = wrn_unix_time() / DAY + 1;
    reply r = call(&d, "GET", "/v1/sandboxes/usage", NULL);
    format_day(from, today - 29);
    format_day(to, today);
    CHECK_INT(r.status, 200);
    CHECK_STR(member(&r, "from"), from);
    CHECK_STR(member(&r, "to"), to);
    CHECK_CONTAINS(r.body, "\"points\":[]");
    reply_free(&r);
    daemon_stop(&d);
}

TEST(bad_requests_are_refused) {
    static const char *const bad[] = {"stats?range=10m",
                                      "stats?range=1H",
                                      "stats?range=30",
                                      "usage?from=yesterday",
                                      "usage?from=2026-02-30",
                                      "usage?from=2026-2-03",
                                      "usage?from=2026-02-03T00:00:00Z",
                                      "usage?to=2026-13-01",
                                      "usage?from=2026-02-02&to=2026-02-01",
                                      "usage?from=2026-01-01&to=2026-04-04",
                                      "usage?to=2001-01-01"};
    static const char *const good[] = {"stats", "stats?range=30d", "usage", "usage?from=2026-01-01&to=2026-04-03",
                                       "usage?from=2024-02-29&to=2024-02-29"};
    static const char *const families[] = {"sandboxes", "capsules"};
    test_daemon d;
    char path[128];
    daemon_start(&d, NULL);
    for (size_t f = 0; f < WRN_COUNT(families); f++) {
        for (size_t i = 0; i < WRN_COUNT(bad); i++) {
            snprintf(path, sizeof(path), "/v1/%s/%s", families[f], bad[i]);
            reply r = call(&d, "GET", path, NULL);
            CHECK_MSG(r.status == 400, "%s gave %d", path, r.status);
            CHECK_STR(error_code(&r), "invalid_request");
            reply_free(&r);
        }
        for (size_t i = 0; i < WRN_COUNT(good); i++) {
            snprintf(path, sizeof(path), "/v1/%s/%s", families[f], good[i]);
            CHECK_STATUS(call(&d, "GET", path, NULL), 200);
            CHECK_ERROR(request(&d, "GET", path, NULL, NULL), 401, "unauthorized");
        }
    }
    daemon_stop(&d);
}

TEST(teams_see_their_own) {
    test_daemon d;
    char id[40], bearer[1100];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{}", id);
    reply r = request(&d, "POST", "/v1/auth/signup", NULL, "{\"email\":\"ada@example.org\",\"password\":\"12345678\"}");
    snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s", member(&r, "token"));
    reply_free(&r);
    daemon_advance(&d, 60);
    r = request(&d, "GET", "/v1/capsules/stats", bearer, NULL);
    CHECK_INT(inner(&r, "current", "running_count"), 0);
    CHECK_INT(inner(&r, "peaks", "running_count"), 0);
    CHECK_INT(series_max(&r, "running"), 0);
    reply_free(&r);
    r = request(&d, "GET", "/v1/capsules/usage", bearer, NULL);
    CHECK_CONTAINS(r.body, "\"points\":[]");
    reply_free(&r);
    daemon_stop(&d);
}

TEST_MAIN
