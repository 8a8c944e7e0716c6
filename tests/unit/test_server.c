/* The server's small parts: router, ids, tokens, the state table, isolation demands, the damper. */
#include <ctype.h>
#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/http/jwt.h"
#include "server/http/password.h"
#include "server/http/router.h"
#include "server/lane.h"
#include "server/routes/isolation.h"
#include "server/sandbox/state.h"
#include "server/store/ids.h"
#include "test.h"

/* ---- router ---- */

static const wrn_route routes[] = {
    {"GET", "/v1/sandboxes/{id}/", WRN_ACCESS_ANYONE, NULL},
    {"DELETE", "/v1/sandboxes/{id}/", WRN_ACCESS_ANYONE, NULL},
    {"GET", "/v1/sandboxes/stats", WRN_ACCESS_ANYONE, NULL},
    {"GET", "/v1/sandboxes/{id}/p/{name}", WRN_ACCESS_ANYONE, NULL},
    {"GET", "/v1/sandboxes/{id}/p/self", WRN_ACCESS_ANYONE, NULL},
    {"*", "/v1/me/...", WRN_ACCESS_ANYONE, NULL},
    {"POST", "/v1/me/password", WRN_ACCESS_ANYONE, NULL},
    {0},
};
static const wrn_route more_routes[] = {{"GET", "/v1/sandboxes/{id}/s", WRN_ACCESS_ANYONE, NULL}, {0}};
static const wrn_route *const tables[] = {routes, more_routes, NULL};

TEST(routes_are_found) {
    static const struct {
        const char *method, *path;
        wrn_match match;
        int index;
        const char *first, *second;
    } cases[] = {
        {"GET", "/v1/sandboxes/stats", WRN_MATCH_FOUND, 2, NULL, NULL},
        {"GET", "/v1/capsules/stats", WRN_MATCH_FOUND, 2, NULL, NULL},
        {"GET", "/v1/sandboxes/x", WRN_MATCH_FOUND, 0, "x", NULL},
        {"GET", "/v1/sandboxes/x/", WRN_MATCH_FOUND, 0, "x", NULL},
        {"GET", "/v1/sandboxes/%73tats", WRN_MATCH_FOUND, 2, NULL, NULL},
        {"GET", "/v1/sandboxes/a%2Fb", WRN_MATCH_FOUND, 0, "a/b", NULL},
        {"GET", "/v1/sandboxes/..", WRN_MATCH_FOUND, 0, "..", NULL},
        {"GET", "/v1/sandboxes/capsules", WRN_MATCH_FOUND, 0, "capsules", NULL},
        {"DELETE", "/v1/sandboxes/stats", WRN_MATCH_FOUND, 1, "stats", NULL},
        {"GET", "/v1/sandboxes/x/p/y", WRN_MATCH_FOUND, 3, "x", "y"},
        {"GET", "/v1/sandboxes/x/s", WRN_MATCH_FOUND, -1, "x", NULL},
        {"GET", "/v1/sandboxes/x/p/self", WRN_MATCH_FOUND, 4, "x", NULL},
        {"PUT", "/v1/me", WRN_MATCH_FOUND, 5, NULL, NULL},
        {"PUT", "/v1/me/a/b/c/d/e/f/g/h/i/j/k/l/m", WRN_MATCH_FOUND, 5, NULL, NULL},
        {"POST", "/v1/me/password", WRN_MATCH_FOUND, 6, NULL, NULL},
        {"GET", "/v1/sandboxes/stats/", WRN_MATCH_FOUND, 0, "stats", NULL},
        {"GET", "/v1/sandboxes/x/p/y/", WRN_MATCH_NO_PATH, 0, NULL, NULL},
        {"GET", "/v1/sandboxes//", WRN_MATCH_NO_PATH, 0, NULL, NULL},
        {"GET", "/v1/sandboxes", WRN_MATCH_NO_PATH, 0, NULL, NULL},
        {"GET", "//v1/sandboxes/x", WRN_MATCH_NO_PATH, 0, NULL, NULL},
        {"GET", "/", WRN_MATCH_NO_PATH, 0, NULL, NULL},
        {"GET", "/v1/mes", WRN_MATCH_NO_PATH, 0, NULL, NULL},
        {"GET", "/capsules/capsules/x", WRN_MATCH_NO_PATH, 0, NULL, NULL},
        {"PUT", "/v1/sandboxes/x", WRN_MATCH_NO_METHOD, 0, NULL, NULL},
        {"get", "/v1/sandboxes/x", WRN_MATCH_NO_METHOD, 0, NULL, NULL},
        {"GET", "/v1/sandboxes/%", WRN_MATCH_BAD_PATH, 0, NULL, NULL},
        {"GET", "/v1/sandboxes/%4", WRN_MATCH_BAD_PATH, 0, NULL, NULL},
        {"GET", "/v1/sandboxes/%00", WRN_MATCH_BAD_PATH, 0, NULL, NULL},
        {"GET", "/v1/sandboxes/%g0", WRN_MATCH_BAD_PATH, 0, NULL, NULL},
    };
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
        WRN_AUTO(wrn_buf_free) wrn_buf allow = WRN_BUF_INIT;
        const char *params[WRN_PARAMS_MAX] = {NULL};
        const wrn_route *found = NULL;
        wrn_match match = wrn_router_find(tables, cases[i].method, cases[i].path, &arena, params, &found, &allow);
        CHECK_MSG(match == cases[i].match, "%s: %d", cases[i].path, (int)match);
        if (match == WRN_MATCH_NO_METHOD) CHECK_STR(allow.data, "GET, DELETE");
        if (match != WRN_MATCH_FOUND) continue;
        CHECK_MSG(found == (cases[i].index < 0 ? more_routes : &routes[cases[i].index]), "%s found %s", cases[i].path,
                  found->pattern);
        CHECK_STR(params[0], cases[i].first);
        CHECK_STR(params[1], cases[i].second);
    }
}

TEST(query_parameters_are_decoded) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    CHECK_STR(wrn_query_get("a=1&token=x%2By+z&token=2", "token", &arena), "x+y z");
    CHECK_STR(wrn_query_get("token=", "token", &arena), "");
    CHECK_STR(wrn_query_get("tokens=1&&x", "token", &arena), NULL);
    CHECK_STR(wrn_query_get("token", "token", &arena), NULL);
    CHECK_STR(wrn_query_get("token=%zz", "token", &arena), NULL);
    CHECK_STR(wrn_query_get("", "token", &arena), NULL);
}

/* ---- ids ---- */

TEST(ids_are_strict) {
    static const char *const bad[] = {"",
                                      "cl",
                                      "cl-",
                                      "cl-1",
                                      "cl0123456789abcdefghijklmno",
                                      "CL-0123456789abcdefghijklmno",
                                      "cl-f5lxx1zz5pnorynqglhzmsp34",
                                      "cl-g000000000000000000000000",
                                      "cl-0123456789abcdefghijklmn-",
                                      "cl-0123456789abcdefghijklmno "};
    char id[WRN_ID_SIZE], other[WRN_ID_SIZE], key[WRN_API_KEY_SIZE];
    CHECK(sodium_init() >= 0);
    for (int i = 0; i < 1000; i++) {
        wrn_id_new(id, "team");
        CHECK_MSG(wrn_id_is(id, "team"), "%s", id);
        CHECK(!wrn_id_is(id, "cl"));
    }
    wrn_id_new(other, "team");
    CHECK(strcmp(id, other) != 0);
    CHECK(wrn_id_is("cl-f5lxx1zz5pnorynqglhzmsp33", "cl"));
    CHECK(wrn_id_is("cl-0000000000000000000000000", "cl"));
    for (size_t i = 0; i < WRN_COUNT(bad); i++) CHECK_MSG(!wrn_id_is(bad[i], "cl"), "%s", bad[i]);
    wrn_api_key_new(key);
    CHECK_INT(strlen(key), 36);
    CHECK_INT(strspn(key + 4, "0123456789abcdef"), 32);
}

TEST(the_largest_id_is_2_to_the_128_minus_1) {
    unsigned __int128 number = 0;
    for (const char *c = "f5lxx1zz5pnorynqglhzmsp33"; *c; c++)
        number = number * 36 + (unsigned)(*c >= 'a' ? *c - 'a' + 10 : *c - '0');
    CHECK(number == ~(unsigned __int128)0);
}

/* ---- tokens ---- */

static const unsigned char secret[WRN_SECRET_SIZE] = "0123456789abcdef0123456789abcde";
static const char user[] = "usr-0123456789abcdefghijklmno", team[] = "team-0123456789abcdefghijklmno";

static void put_part(wrn_buf *out, const char *text) {
    char part[1024];
    sodium_bin2base64(part, sizeof(part), (const unsigned char *)text, strlen(text),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    wrn_buf_puts(out, part);
}

/* A correctly signed token of any content. */
static char *sign(const char *header, const char *claims) {
    wrn_buf out = WRN_BUF_INIT;
    put_part(&out, header);
    wrn_buf_putc(&out, '.');
    put_part(&out, claims);
    unsigned char tag[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256(tag, (const unsigned char *)out.data, out.size, secret);
    char text[64];
    sodium_bin2base64(text, sizeof(text), tag, sizeof(tag), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    wrn_buf_printf(&out, ".%s", text);
    return wrn_buf_steal(&out);
}

TEST(tokens_are_checked) {
    static const char hs256[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    static const char ids[] =
        "\"sub\":\"usr-0123456789abcdefghijklmno\",\"team_id\":\"team-0123456789abcdefghijklmno\"";
    static const struct {
        const char *header, *format;
        bool good;
    } cases[] = {
        {hs256, "{%s,\"exp\":101}", true},
        {hs256, "{%s,\"exp\":101,\"typ\":\"\"}", true},
        {hs256, "{%s,\"exp\":100}", false},
        {hs256, "{%s}", false},
        {hs256, "{%s,\"exp\":\"101\"}", false},
        {hs256, "{%s,\"exp\":101,\"typ\":\"host\"}", false},
        {hs256, "{%s,\"exp\":101,\"typ\":1}", false},
        {"{\"alg\":\"none\"}", "{%s,\"exp\":101}", false},
        {"{\"alg\":\"HS512\"}", "{%s,\"exp\":101}", false},
        {"{\"alg\":\"HS256\\u0000\"}", "{%s,\"exp\":101}", false},
        {"{}", "{%s,\"exp\":101}", false},
        {"HS256", "{%s,\"exp\":101}", false},
        {hs256, "[%s]", false},
        {hs256, "{\"sub\":\"usr-1\",\"team_id\":\"team-1\",\"exp\":101}%.0s", false},
        {hs256, "{\"sub\":1,\"team_id\":2,\"exp\":101}%.0s", false},
        {hs256, "{\"exp\":101}%.0s", false},
    };
    CHECK(sodium_init() >= 0);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        char claims[512];
        wrn_identity who = {0};
        _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wformat-nonliteral\"")
            snprintf(claims, sizeof(claims), cases[i].format, ids);
        _Pragma("GCC diagnostic pop") char *token = sign(cases[i].header, claims);
        CHECK_MSG(wrn_jwt_verify(secret, token, 100, &who) == cases[i].good, "%s.%s", cases[i].header, claims);
        if (cases[i].good) CHECK_STR(who.team_id, team);
        if (cases[i].good) CHECK_STR(who.user_id, user);
        free(token);
    }
}

TEST(damaged_tokens_are_refused) {
    WRN_AUTO(wrn_buf_free) wrn_buf token = WRN_BUF_INIT;
    wrn_claims claims = {user, team, "owner", "a@b", "A \"quoted\" name", 1, 1000};
    wrn_identity who;
    CHECK(sodium_init() >= 0);
    wrn_jwt_sign(secret, &claims, &token);
    CHECK(!token.failed && wrn_jwt_verify(secret, token.data, 999, &who));
    CHECK(!wrn_jwt_verify(secret, token.data, 1000, &who));
    unsigned char other[WRN_SECRET_SIZE] = "x";
    CHECK(!wrn_jwt_verify(other, token.data, 10, &who));
    for (size_t i = 0; i < token.size; i++) {
        char kept = token.data[i];
        token.data[i] = (char)(kept == 'x' ? 'y' : 'x');
        /* The last character of a part has bits that stand for nothing; strict decoding refuses those too. */
        CHECK_MSG(!wrn_jwt_verify(secret, token.data, 10, &who), "byte %zu", i);
        token.data[i] = kept;
    }
    for (size_t size = 0; size < token.size; size++) {
        char kept = token.data[size];
        token.data[size] = '\0';
        CHECK(!wrn_jwt_verify(secret, token.data, 10, &who));
        token.data[size] = kept;
    }
    wrn_buf_putc(&token, '=');
    CHECK(!wrn_jwt_verify(secret, token.data, 10, &who));
}

/* ---- states ---- */

TEST(the_state_table_is_what_the_protocol_says) {
    /* For each state and event the next state's letter (pRPHSEM: pending, Running, Paused, Hibernated, Stopped, Error, Missing),
     * or '-' for refused. Columns: booted, boot failed, use, pause, pause failed, hibernate, hibernated, resume, resumed,
     * snapshot, fork, died, destroy, adopt, restart. */
    static const char *const want[WRN_STATE_COUNT] = {
        "RE----------S-S", "--RP-P---PRSSRS", "----RPHPRP-SSPS", "-------HRH-SSHS",
        "------------S--", "------------S--", "------------S-S",
    };
    static const char letters[] = "pRPHSEM";
    for (int state = 0; state < WRN_STATE_COUNT; state++) {
        for (int event = 0; event < WRN_EVENT_COUNT; event++) {
            wrn_transition step = wrn_state_step((wrn_state)state, (wrn_event)event);
            char got = (char)(step.action == WRN_ACTION_REFUSE ? '-' : letters[step.next]);
            CHECK_MSG(got == want[state][event], "%s, event %d: %c", wrn_state_name((wrn_state)state), event, got);
            if (step.action == WRN_ACTION_REFUSE) CHECK_INT(step.next, state);
        }
        wrn_state parsed;
        CHECK(wrn_state_parse(wrn_state_name((wrn_state)state), &parsed) && (int)parsed == state);
    }
    wrn_state parsed;
    CHECK(!wrn_state_parse("starting", &parsed));
    CHECK_INT(wrn_state_step(WRN_STATE_RUNNING, WRN_EVENT_PAUSE).action, WRN_ACTION_FREEZE);
    CHECK_INT(wrn_state_step(WRN_STATE_PAUSED, WRN_EVENT_RESUME).action, WRN_ACTION_THAW);
    CHECK_INT(wrn_state_step(WRN_STATE_RUNNING, WRN_EVENT_HIBERNATE).action, WRN_ACTION_FREEZE);
    CHECK_INT(wrn_state_step(WRN_STATE_PAUSED, WRN_EVENT_HIBERNATE).action, WRN_ACTION_HIBERNATE);
    CHECK_INT(wrn_state_step(WRN_STATE_HIBERNATED, WRN_EVENT_RESUME).action, WRN_ACTION_THAW);
    CHECK_INT(wrn_state_step(WRN_STATE_RUNNING, WRN_EVENT_SNAPSHOT).action, WRN_ACTION_FREEZE);
    CHECK_INT(wrn_state_step(WRN_STATE_PAUSED, WRN_EVENT_SNAPSHOT).action, WRN_ACTION_COPY);
    CHECK_INT(wrn_state_step(WRN_STATE_PAUSED, WRN_EVENT_DESTROY).action, WRN_ACTION_DESTROY);
    CHECK_INT(wrn_state_step(WRN_STATE_STOPPED, WRN_EVENT_DESTROY).action, WRN_ACTION_NONE);
}

/* ---- isolation ---- */

TEST(isolation_demands) {
    static const struct {
        const char *word;
        bool bare, full; /* what a poor and a rich machine give */
    } cases[] = {
        {"seccomp", false, true},       {"user-namespace", false, true},
        {"cgroup-limits", false, true}, {"memory-limit", false, true},
        {"cpu-limit", true, true},      {"no-network", false, true},
        {"distinct-uids", false, true}, {"cgroup", false, true},
        {"unheard-of", false, false},   {"", false, false},
        {"reasons", false, false},      {"limits", false, false},
    };
    static const char bare[] = "{\"seccomp\":false,\"cgroup\":\"none\",\"limits\":{\"memory\":\"unenforced\",\"cpu\":"
                               "\"enforced\",\"pids\":\"unenforced\"},\"network\":\"host\",\"reasons\":[\"x\"]}";
    static const char full[] = "{\"seccomp\":true,\"user_namespace\":true,\"distinct_uids\":true,\"cgroup\":\"v2\","
                               "\"limits\":{\"memory\":\"enforced\",\"cpu\":\"enforced\",\"pids\":\"enforced\"},"
                               "\"network\":\"none\",\"reasons\":[]}";
    WRN_AUTO(wrn_json_freep) wrn_json *poor = NULL;
    WRN_AUTO(wrn_json_freep) wrn_json *rich = NULL;
    const char *why;
    CHECK(wrn_json_parse(bare, strlen(bare), &poor, &why) && wrn_json_parse(full, strlen(full), &rich, &why));
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        CHECK_MSG(wrn_isolation_has(poor, cases[i].word) == cases[i].bare, "poor: %s", cases[i].word);
        CHECK_MSG(wrn_isolation_has(rich, cases[i].word) == cases[i].full, "rich: %s", cases[i].word);
    }
}

/* ---- passwords ---- */

TEST(the_damper_slows_one_name_down_and_stays_small) {
    wrn_damper *damper = malloc(sizeof(*damper));
    CHECK(sodium_init() >= 0);
    wrn_damper_init(damper);
    for (int i = 0; i < 5; i++) wrn_damper_failed(damper, "a", 1000);
    CHECK_INT(wrn_damper_wait_ms(damper, "a", 1000), 0);
    wrn_damper_failed(damper, "a", 1000);
    CHECK_INT(wrn_damper_wait_ms(damper, "a", 1000), 1000);
    CHECK_INT(wrn_damper_wait_ms(damper, "a", 1500), 500);
    CHECK_INT(wrn_damper_wait_ms(damper, "a", 2000), 0);
    CHECK_INT(wrn_damper_wait_ms(damper, "b", 1000), 0);
    wrn_damper_failed(damper, "a", 2000);
    CHECK_INT(wrn_damper_wait_ms(damper, "a", 2000), 2000);
    for (int i = 0; i < 100; i++) wrn_damper_failed(damper, "a", 3000);
    CHECK_INT(wrn_damper_wait_ms(damper, "a", 3000), 60000);
    wrn_damper_succeeded(damper, "a");
    CHECK_INT(wrn_damper_wait_ms(damper, "a", 3000), 0);
    for (int i = 0; i < 100; i++) wrn_damper_failed(damper, "victim", 4000);
    for (int i = 0; i < 100000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        wrn_damper_failed(damper, name, 4000);
    }
    CHECK(wrn_damper_wait_ms(damper, "victim", 4000) > 0);
    free(damper);
}

/* ---- lanes ---- */

typedef struct waiting_job {
    wrn_job job;
    int fd; /* read from until it ends; -1: nothing to wait for */
    int *done;
} waiting_job;

static void run_job(wrn_job *job) {
    char c;
    int fd = ((waiting_job *)job)->fd;
    if (fd >= 0) CHECK(read(fd, &c, 1) == 0);
}

static void end_job(wrn_job *job) { ++*((waiting_job *)job)->done; }

/* Everything on one processor, of which the loop takes what it wants: it must not wait for a worker that it keeps from running. */
TEST(the_loop_waits_for_no_worker) {
    enum { MANY = 20, LITTLE_MS = 500 };
    uv_loop_t loop;
    cpu_set_t usual, one;
    waiting_job jobs[MANY];
    int ended = 0;
    CHECK(uv_loop_init(&loop) == 0 && sched_getaffinity(0, sizeof(usual), &usual) == 0);
    CPU_ZERO(&one);
    for (int i = 0; !CPU_COUNT(&one); i++)
        if (CPU_ISSET(i, &usual)) CPU_SET(i, &one);
    CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
    const struct sched_param first = {.sched_priority = 1}, none = {0};
    bool may = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first) == 0; /* an ordinary user may not */
    int64_t began_us = wrn_clock_us(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < MANY; i++) {
        jobs[i] = (waiting_job){.fd = -1, .done = &ended};
        wrn_lane_put(&loop, WRN_LANE_JSON, &jobs[i].job, run_job, end_job);
        uv_run(&loop, UV_RUN_DEFAULT);
    }
    int64_t used_ms = (wrn_clock_us(CLOCK_THREAD_CPUTIME_ID) - began_us) / 1000;
    CHECK(!may || sched_setscheduler(0, SCHED_OTHER, &none) == 0);
    CHECK(sched_setaffinity(0, sizeof(usual), &usual) == 0);
    CHECK_INT(ended, MANY);
    CHECK_MSG(used_ms < LITTLE_MS, "the loop worked for %lld ms", (long long)used_ms);
    CHECK(uv_loop_close(&loop) == 0);
}

TEST(each_loop_hears_of_its_own_work) {
    uv_loop_t loops[2];
    int ends[2], ended[2] = {0, 0};
    CHECK(pipe(ends) == 0);
    waiting_job jobs[2] = {{.fd = ends[0], .done = &ended[0]}, {.fd = -1, .done = &ended[1]}};
    for (int i = 0; i < 2; i++) {
        CHECK(uv_loop_init(&loops[i]) == 0);
        wrn_lane_put(&loops[i], WRN_LANE_REMOVE, &jobs[i].job, run_job, end_job);
    }
    uv_run(&loops[1], UV_RUN_DEFAULT);
    CHECK(ended[0] == 0 && ended[1] == 1);
    close(ends[1]);
    uv_run(&loops[0], UV_RUN_DEFAULT);
    CHECK_INT(ended[0], 1);
    for (int i = 0; i < 2; i++) CHECK(uv_loop_close(&loops[i]) == 0);
    close(ends[0]);
}

TEST(a_lane_that_is_full_holds_up_no_other) {
    enum { MANY = 20 };
    uv_loop_t loop;
    int ends[2], removed = 0, hashed = 0;
    waiting_job jobs[MANY], quick[WRN_LANE_COUNT];
    CHECK(uv_loop_init(&loop) == 0 && pipe(ends) == 0);
    for (int i = 0; i < MANY; i++) {
        jobs[i] = (waiting_job){.fd = ends[0], .done = &removed};
        wrn_lane_put(&loop, WRN_LANE_REMOVE, &jobs[i].job, run_job, end_job);
    }
    for (int lane = 0; lane < WRN_LANE_COUNT; lane++) {
        if (lane == WRN_LANE_REMOVE) continue;
        quick[lane] = (waiting_job){.fd = -1, .done = &hashed};
        wrn_lane_put(&loop, (wrn_lane)lane, &quick[lane].job, run_job, end_job);
    }
    while (hashed < WRN_LANE_COUNT - 1) uv_run(&loop, UV_RUN_ONCE);
    CHECK_INT(removed, 0);
    close(ends[1]);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK_INT(removed, MANY);
    close(ends[0]);
    CHECK(uv_loop_close(&loop) == 0);
}

TEST_MAIN
