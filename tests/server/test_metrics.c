/* What sandboxes use, over time. The clocks are put forward, so that minutes pass at once. */
#include <sqlite3.h>
#include <stdio.h>

#include "daemon.h"

/* Lets seconds pass one by one, and what is due in each of them happen. */
static void pass(const test_daemon *d, int seconds) {
    int fd = dial(d->socket);
    for (int i = 0; i < seconds; i++) {
        daemon_advance(d, 1);
        for (int j = 0; j < 2; j++) {
            send_text(fd, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
            CHECK_STATUS(read_reply(fd), 200);
        }
    }
    close(fd);
}

static const char *metrics_path(const char *family, const char *id, const char *range) {
    static char path[160];
    snprintf(path, sizeof(path), "/v1/%s/%s/metrics%s%s", family, id, *range ? "?range=" : "", range);
    return path;
}

/* The points of a range; checks their form and order. */
static reply points_of(const test_daemon *d, const char *id, const char *range) {
    reply r = call(d, "GET", metrics_path("sandboxes", id, range), NULL);
    CHECK_MSG(r.status == 200, "%d %s", r.status, r.body);
    CHECK_STR(member(&r, "sandbox_id"), id);
    CHECK_STR(member(&r, "range"), *range ? range : "10m");
    const wrn_json *points = wrn_json_get(r.json, "points");
    CHECK_INT(wrn_json_type_of(points), WRN_JSON_ARRAY);
    int64_t before = 0;
    for (size_t i = 0; i < wrn_json_count(points); i++) {
        const wrn_json *point = wrn_json_at(points, i);
        int64_t at, memory, disk;
        double cpu;
        CHECK(wrn_json_int(wrn_json_get(point, "timestamp_unix"), &at) && at >= before);
        CHECK(wrn_json_int(wrn_json_get(point, "mem_bytes"), &memory) && memory == 100 << 20);
        CHECK(wrn_json_int(wrn_json_get(point, "disk_bytes"), &disk) && disk == 8192);
        CHECK(wrn_json_double(wrn_json_get(point, "cpu_pct"), &cpu) && cpu >= 0 && cpu <= 100);
        before = at;
    }
    return r;
}

static size_t count_points(const test_daemon *d, const char *id, const char *range) {
    reply r = points_of(d, id, range);
    size_t count = wrn_json_count(wrn_json_get(r.json, "points"));
    reply_free(&r);
    return count;
}

static void check_cpu(const test_daemon *d, const char *id, const char *range, double want) {
    reply r = points_of(d, id, range);
    const wrn_json *first = wrn_json_at(wrn_json_get(r.json, "points"), 0);
    double cpu = -1;
    CHECK(wrn_json_double(wrn_json_get(first, "cpu_pct"), &cpu));
    CHECK_MSG(cpu > want - 0.5 && cpu < want + 0.5, "%s: %f", range, cpu);
    reply_free(&r);
}

TEST(running_ones_have_points) {
    static const char *const short_ranges[] = {"", "5m", "10m"}, *const long_ranges[] = {"1h", "2h", "6h", "12h",
                                                                                         "24h"};
    test_daemon d;
    char id[40], wide[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{}", id);
    make_sandbox(&d, "{\"vcpus\":2}", wide);
    for (size_t i = 0; i < WRN_COUNT(short_ranges); i++) CHECK(count_points(&d, id, short_ranges[i]) >= 1);
    for (size_t i = 0; i < WRN_COUNT(long_ranges); i++) CHECK_INT(count_points(&d, id, long_ranges[i]), 0);
    pass(&d, 30);
    CHECK(count_points(&d, id, "5m") >= 7);
    CHECK(count_points(&d, id, "1h") >= 1);
    CHECK_INT(count_points(&d, id, "6h"), 0);
    pass(&d, 270);
    CHECK(count_points(&d, id, "2h") >= 10);
    CHECK_INT(count_points(&d, id, "24h"), 1);
    check_cpu(&d, id, "10m", 50);
    check_cpu(&d, id, "1h", 50);
    check_cpu(&d, id, "24h", 50);
    check_cpu(&d, wide, "10m", 25);
    check_cpu(&d, wide, "6h", 25);
    daemon_stop(&d);
}

TEST(paused_ones_keep_theirs_and_stopped_ones_have_none) {
    test_daemon d;
    char id[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{}", id);
    pass(&d, 60);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 200);
    size_t recent = count_points(&d, id, "5m"), averages = count_points(&d, id, "1h");
    CHECK(recent >= 12 && averages >= 2);
    /* They do not become more, only older. */
    pass(&d, 20);
    CHECK_INT(count_points(&d, id, "5m"), recent);
    daemon_advance(&d, 400);
    reply r = points_of(&d, id, "5m");
    CHECK_CONTAINS(r.body, "\"points\":[]");
    reply_free(&r);
    CHECK_INT(count_points(&d, id, "10m"), recent);
    CHECK_INT(count_points(&d, id, "1h"), averages);
    daemon_advance(&d, 3600);
    CHECK_INT(count_points(&d, id, "10m"), 0);
    CHECK_INT(count_points(&d, id, "1h"), 0);
    CHECK_INT(count_points(&d, id, "2h"), averages);
    /* What was not used while it was paused is not in the first point afterwards. */
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/resume"), NULL), 200);
    pass(&d, 5);
    check_cpu(&d, id, "5m", 50);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    CHECK_ERROR(call(&d, "GET", metrics_path("sandboxes", id, ""), NULL), 404, "not_found");
    daemon_stop(&d);
}

static int64_t count_rows(const test_daemon *d, int ring) {
    char path[200];
    sqlite3 *db;
    sqlite3_stmt *ask;
    snprintf(path, sizeof(path), "%s/wrennd.db", d->dir);
    CHECK(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
    CHECK(sqlite3_prepare_v2(db, "SELECT COUNT(*) FROM metrics WHERE ring = ?", -1, &ask, NULL) == SQLITE_OK);
    sqlite3_bind_int(ask, 1, ring);
    CHECK_INT(sqlite3_step(ask), SQLITE_ROW);
    int64_t count = sqlite3_column_int64(ask, 0);
    sqlite3_finalize(ask);
    sqlite3_close(db);
    return count;
}

TEST(rings_are_written_over_and_go_with_their_sandbox) {
    test_daemon d;
    char id[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{}", id);
    pass(&d, 635);
    /* 126 points were made. Those out of range do not show, and the last one is of just now. */
    size_t count = count_points(&d, id, "10m");
    CHECK_MSG(count >= 100 && count <= 121, "%zu", count);
    count = count_points(&d, id, "5m");
    CHECK_MSG(count >= 50 && count <= 62, "%zu", count);
    CHECK_INT(count_rows(&d, 0), 0);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 200);
    CHECK_INT(count_rows(&d, 0), 120);
    CHECK(count_rows(&d, 1) >= 21);
    CHECK(count_rows(&d, 2) >= 2);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    for (int ring = 0; ring < 3; ring++) CHECK_INT(count_rows(&d, ring), 0);
    daemon_stop(&d);
}

TEST(bad_requests_are_refused_before_the_lookup) {
    static const char unknown[] = "cl-0123456789abcdefghijklmno";
    static const char *const bad[] = {"1m", "30d", "10M", "5m%20", "0"}, *const families[] = {"sandboxes", "capsules"};
    test_daemon d;
    char id[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{}", id);
    for (size_t f = 0; f < WRN_COUNT(families); f++) {
        for (size_t i = 0; i < WRN_COUNT(bad); i++) {
            CHECK_ERROR(call(&d, "GET", metrics_path(families[f], id, bad[i]), NULL), 400, "invalid_request");
            CHECK_ERROR(call(&d, "GET", metrics_path(families[f], unknown, bad[i]), NULL), 400, "invalid_request");
        }
        CHECK_ERROR(call(&d, "GET", metrics_path(families[f], "cl-1", "5m"), NULL), 400, "invalid_request");
        CHECK_ERROR(call(&d, "GET", metrics_path(families[f], unknown, "5m"), NULL), 404, "not_found");
        CHECK_ERROR(request(&d, "GET", metrics_path(families[f], id, ""), NULL, NULL), 401, "unauthorized");
        CHECK_STATUS(call(&d, "GET", metrics_path(families[f], id, "24h"), NULL), 200);
    }
    reply r = request(&d, "POST", "/v1/auth/signup", NULL, "{\"email\":\"ada@example.org\",\"password\":\"12345678\"}");
    char bearer[1100];
    snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s", member(&r, "token"));
    CHECK_ERROR(request(&d, "GET", metrics_path("capsules", id, ""), bearer, NULL), 404, "not_found");
    reply_free(&r);
    daemon_stop(&d);
}

TEST(what_can_not_be_measured_has_no_points) {
    test_daemon d;
    char id[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"template\":\"unmeasured\"}", id);
    pass(&d, 40);
    reply r = call(&d, "GET", metrics_path("sandboxes", id, "5m"), NULL);
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "\"points\":[]");
    reply_free(&r);
    CHECK_INT(count_points(&d, id, "1h"), 0);
    daemon_stop(&d);
}

TEST_MAIN
