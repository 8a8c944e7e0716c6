/* Hosts: the machine itself, records of others, and what their agents call. */
#include <sqlite3.h>
#include <stdio.h>

#include "daemon.h"
#include "server/store/store.h"

static const char *line(const char *prefix, const char *value) {
    static char lines[8][1200];
    static unsigned turn;
    char *out = lines[turn++ % 8];
    snprintf(out, sizeof(lines[0]), "%s%s", prefix, value);
    return out;
}

static const char *bearer_of(const test_daemon *d) { return line("Authorization: Bearer ", d->token); }

/* "/v1/hosts/ID/rest", good until the next call but seven. */
static const char *host_path(const char *id, const char *rest) {
    char path[200];
    snprintf(path, sizeof(path), "%s%s", id, rest);
    return line("/v1/hosts/", path);
}

typedef struct test_user {
    char bearer[1200], user_id[40], team_id[40];
} test_user;

static void sign_up(const test_daemon *d, const char *email, test_user *out) {
    char body[128];
    snprintf(body, sizeof(body), "{\"email\":\"%s\",\"password\":\"12345678\"}", email);
    reply r = request(d, "POST", "/v1/auth/signup", NULL, body);
    CHECK_INT(r.status, 201);
    snprintf(out->bearer, sizeof(out->bearer), "Authorization: Bearer %s", member(&r, "token"));
    snprintf(out->user_id, sizeof(out->user_id), "%s", member(&r, "user_id"));
    snprintf(out->team_id, sizeof(out->team_id), "%s", member(&r, "team_id"));
    reply_free(&r);
}

typedef struct test_host {
    char id[40], token[80], jwt[1024], refresh[80];
} test_host;

static void copy_text(char *out, size_t size, const wrn_json *object, const char *key) {
    const char *text = wrn_json_string(wrn_json_get(object, key), NULL);
    CHECK_MSG(text && strlen(text) < size, "no usable \"%s\"", key);
    snprintf(out, size, "%s", text);
}

static void create_host(const test_daemon *d, const char *bearer, const char *body, test_host *out) {
    reply r = request(d, "POST", "/v1/hosts", bearer, body);
    CHECK_MSG(r.status == 201, "%d %s", r.status, r.body);
    copy_text(out->id, sizeof(out->id), wrn_json_get(r.json, "host"), "id");
    copy_text(out->token, sizeof(out->token), r.json, "registration_token");
    CHECK(strlen(out->token) == 64 && strspn(out->token, "0123456789abcdef") == 64);
    reply_free(&r);
}

static reply try_register(const test_daemon *d, const char *token) {
    char body[256];
    snprintf(body, sizeof(body),
             "{\"token\":\"%s\",\"address\":\"10.0.0.7:50051\",\"arch\":\"x86_64\",\"cpu_cores\":8,\"memory_mb\":"
             "16000,\"disk_gb\":100}",
             token);
    return request(d, "POST", "/v1/hosts/register", NULL, body);
}

static reply try_refresh(const test_daemon *d, const char *token) {
    char body[256];
    snprintf(body, sizeof(body), "{\"refresh_token\":\"%s\"}", token);
    return request(d, "POST", "/v1/hosts/auth/refresh", NULL, body);
}

static reply beat(const test_daemon *d, const char *id, const char *jwt) {
    return request(d, "POST", host_path(id, "/heartbeat"), line("X-Host-Token: ", jwt), NULL);
}

static void register_host(const test_daemon *d, test_host *host) {
    reply r = try_register(d, host->token);
    CHECK_MSG(r.status == 201, "%d %s", r.status, r.body);
    copy_text(host->jwt, sizeof(host->jwt), r.json, "token");
    copy_text(host->refresh, sizeof(host->refresh), r.json, "refresh_token");
    CHECK_INT(strlen(host->refresh), 64);
    reply_free(&r);
}

static void check_host_status(const test_daemon *d, const char *id, const char *status) {
    reply r = request(d, "GET", host_path(id, ""), bearer_of(d), NULL);
    CHECK_INT(r.status, 200);
    CHECK_STR(member(&r, "status"), status);
    reply_free(&r);
}

static void find_built_in(const test_daemon *d, char id[40]) {
    reply r = request(d, "GET", "/v1/hosts", bearer_of(d), NULL);
    CHECK_INT(r.status, 200);
    copy_text(id, 40, wrn_json_at(r.json, wrn_json_count(r.json) - 1), "id");
    reply_free(&r);
}

TEST(the_machine_itself_is_a_host) {
    test_daemon d;
    daemon_start(&d, NULL);
    reply r = request(&d, "GET", "/v1/hosts/", bearer_of(&d), NULL);
    CHECK_INT(r.status, 200);
    CHECK_INT(wrn_json_count(r.json), 1);
    reply_free(&r);
    char id[40], address[200];
    find_built_in(&d, id);
    CHECK(strncmp(id, "host-", 5) == 0 && strlen(id) == 30);
    r = request(&d, "GET", host_path(id, "/"), bearer_of(&d), NULL);
    CHECK_STR(member(&r, "type"), "regular");
    CHECK_STR(member(&r, "status"), "online");
    CHECK(number(&r, "cpu_cores") > 0 && number(&r, "memory_mb") > 0);
    CHECK(member(&r, "arch") && member(&r, "last_heartbeat_at") && member(&r, "updated_at"));
    snprintf(address, sizeof(address), "unix:%s", d.socket);
    CHECK_STR(member(&r, "address"), address);
    CHECK(strncmp(member(&r, "created_by"), "usr-", 4) == 0);
    CHECK(!wrn_json_has(r.json, "team_id") && !wrn_json_has(r.json, "team_name"));
    reply_free(&r);
    /* It is never silent: it answers itself. */
    daemon_advance(&d, 1000);
    check_host_status(&d, id, "online");
    CHECK_ERROR(request(&d, "POST", host_path(id, "/token"), bearer_of(&d), NULL), 409, "invalid_state");
    daemon_stop(&d);
}

TEST(create_list_get_delete) {
    test_daemon d;
    daemon_start(&d, NULL);
    reply r = request(&d, "POST", "/v1/hosts", bearer_of(&d),
                      "{\"type\":\"regular\",\"provider\":\"acme\",\"availability_zone\":\"a-1\"}");
    CHECK_INT(r.status, 201);
    const wrn_json *host = wrn_json_get(r.json, "host");
    char id[40];
    copy_text(id, sizeof(id), host, "id");
    CHECK_STR(wrn_json_string(wrn_json_get(host, "status"), NULL), "pending");
    CHECK_STR(wrn_json_string(wrn_json_get(host, "provider"), NULL), "acme");
    CHECK_STR(wrn_json_string(wrn_json_get(host, "availability_zone"), NULL), "a-1");
    CHECK(!wrn_json_has(host, "address") && !wrn_json_has(host, "cpu_cores"));
    CHECK(!wrn_json_has(host, "last_heartbeat_at"));
    reply_free(&r);
    r = request(&d, "GET", "/v1/hosts", bearer_of(&d), NULL);
    CHECK_INT(wrn_json_count(r.json), 2);
    CHECK_STR(wrn_json_string(wrn_json_get(wrn_json_at(r.json, 0), "id"), NULL), id);
    CHECK(!strstr(r.body, "registration_token"));
    reply_free(&r);
    r = request(&d, "GET", host_path(id, "/delete-preview"), bearer_of(&d), NULL);
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "\"sandbox_ids\":[]");
    CHECK_STR(wrn_json_string(wrn_json_get(wrn_json_get(r.json, "host"), "id"), NULL), id);
    reply_free(&r);
    CHECK_STATUS(request(&d, "DELETE", host_path(id, ""), bearer_of(&d), NULL), 204);
    CHECK_ERROR(request(&d, "GET", host_path(id, ""), bearer_of(&d), NULL), 404, "not_found");
    CHECK_ERROR(request(&d, "DELETE", host_path(id, ""), bearer_of(&d), NULL), 404, "not_found");
    daemon_stop(&d);
}

TEST(bad_requests_are_refused) {
    static const char id[] = "host-0123456789abcdefghijklmno";
    static const struct {
        const char *path, *body;
    } cases[] = {
        {"/v1/hosts", ""},
        {"/v1/hosts", "{}"},
        {"/v1/hosts", "{\"type\":\"other\"}"},
        {"/v1/hosts", "{\"type\":\"byoc\"}"},
        {"/v1/hosts", "{\"type\":\"byoc\",\"team_id\":\"team-1\"}"},
        {"/v1/hosts", "{\"type\":\"regular\",\"provider\":1}"},
        {"/v1/hosts/register", "{}"},
        {"/v1/hosts/register", "{\"token\":\"x\"}"},
        {"/v1/hosts/register", "{\"token\":\"x\",\"address\":\"\"}"},
        {"/v1/hosts/register", "{\"token\":\"\",\"address\":\"a:1\"}"},
        {"/v1/hosts/register", "{\"token\":\"x\",\"address\":\"a:1\",\"cpu_cores\":-1}"},
        {"/v1/hosts/register", "{\"token\":\"x\",\"address\":\"a:1\",\"memory_mb\":\"1\"}"},
        {"/v1/hosts/auth/refresh", "{}"},
        {"/v1/hosts/auth/refresh", "{\"refresh_token\":\"\"}"},
    };
    static const struct {
        const char *method, *rest;
    } routes[] = {{"GET", ""},      {"DELETE", ""},    {"GET", "/delete-preview"}, {"POST", "/token"},
                  {"GET", "/tags"}, {"POST", "/tags"}, {"DELETE", "/tags/a"}};
    test_daemon d;
    daemon_start(&d, NULL);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        reply r = request(&d, "POST", cases[i].path, bearer_of(&d), cases[i].body);
        CHECK_MSG(r.status == 400, "%s %s gave %d", cases[i].path, cases[i].body, r.status);
        CHECK_STR(error_code(&r), "invalid_request");
        reply_free(&r);
    }
    char body[600] = "{\"type\":\"regular\",\"provider\":\"";
    memset(body + strlen(body), 'x', 256);
    snprintf(body + strlen(body), 8, "\"}");
    CHECK_ERROR(request(&d, "POST", "/v1/hosts", bearer_of(&d), body), 400, "invalid_request");
    for (size_t i = 0; i < WRN_COUNT(routes); i++) {
        const char *unknown = host_path(id, routes[i].rest), *bad = host_path("host-1", routes[i].rest);
        CHECK_ERROR(request(&d, routes[i].method, unknown, bearer_of(&d), "{\"tag\":\"a\"}"), 404, "not_found");
        CHECK_ERROR(request(&d, routes[i].method, bad, bearer_of(&d), "{\"tag\":\"a\"}"), 400, "invalid_request");
        CHECK_ERROR(request(&d, routes[i].method, unknown, line("X-API-Key: ", d.key), NULL), 401, "unauthorized");
    }
    CHECK_ERROR(request(&d, "POST", "/v1/hosts", bearer_of(&d),
                        "{\"type\":\"byoc\",\"team_id\":\"team-0123456789abcdefghijklmno\"}"),
                404, "not_found");
    CHECK_ERROR(try_register(&d, "00"), 401, "unauthorized");
    CHECK_ERROR(try_refresh(&d, "00"), 401, "unauthorized");
    daemon_stop(&d);
}

TEST(teams_have_rights_to_their_own_hosts) {
    test_daemon d;
    test_user ada, bob;
    test_host regular, byoc;
    char body[128];
    daemon_start(&d, NULL);
    sign_up(&d, "ada@example.org", &ada);
    sign_up(&d, "bob@example.org", &bob);
    CHECK_ERROR(request(&d, "POST", "/v1/hosts", ada.bearer, "{\"type\":\"regular\"}"), 403, "forbidden");
    create_host(&d, bearer_of(&d), "{\"type\":\"regular\"}", &regular);
    snprintf(body, sizeof(body), "{\"type\":\"byoc\",\"team_id\":\"%s\"}", ada.team_id);
    CHECK_ERROR(request(&d, "POST", "/v1/hosts", bob.bearer, body), 403, "forbidden");
    create_host(&d, ada.bearer, body, &byoc);
    /* She sees hers only, without the name of the team; the owner sees all, with it. */
    reply r = request(&d, "GET", "/v1/hosts", ada.bearer, NULL);
    CHECK_INT(wrn_json_count(r.json), 1);
    const wrn_json *first = wrn_json_at(r.json, 0);
    CHECK_STR(wrn_json_string(wrn_json_get(first, "team_id"), NULL), ada.team_id);
    CHECK_STR(wrn_json_string(wrn_json_get(first, "created_by"), NULL), ada.user_id);
    CHECK(!wrn_json_has(first, "team_name"));
    reply_free(&r);
    r = request(&d, "GET", "/v1/hosts", bearer_of(&d), NULL);
    CHECK_INT(wrn_json_count(r.json), 3);
    CHECK_STR(wrn_json_string(wrn_json_get(wrn_json_at(r.json, 0), "team_name"), NULL), "ada");
    reply_free(&r);
    r = request(&d, "GET", "/v1/hosts", bob.bearer, NULL);
    CHECK_STR(r.body, "[]\n");
    reply_free(&r);
    static const char *const seen[] = {"", "/delete-preview", "/tags"};
    for (size_t i = 0; i < WRN_COUNT(seen); i++) {
        CHECK_STATUS(request(&d, "GET", host_path(byoc.id, seen[i]), ada.bearer, NULL), 200);
        CHECK_STATUS(request(&d, "GET", host_path(byoc.id, seen[i]), bearer_of(&d), NULL), 200);
        CHECK_ERROR(request(&d, "GET", host_path(byoc.id, seen[i]), bob.bearer, NULL), 404, "not_found");
        CHECK_ERROR(request(&d, "GET", host_path(regular.id, seen[i]), ada.bearer, NULL), 404, "not_found");
    }
    CHECK_ERROR(request(&d, "POST", host_path(byoc.id, "/tags"), bob.bearer, "{\"tag\":\"a\"}"), 404, "not_found");
    CHECK_ERROR(request(&d, "POST", host_path(byoc.id, "/token"), bob.bearer, NULL), 403, "forbidden");
    CHECK_ERROR(request(&d, "DELETE", host_path(byoc.id, ""), bob.bearer, NULL), 403, "forbidden");
    CHECK_ERROR(request(&d, "DELETE", host_path(regular.id, ""), ada.bearer, NULL), 403, "forbidden");
    CHECK_STATUS(request(&d, "POST", host_path(byoc.id, "/token"), ada.bearer, NULL), 201);
    CHECK_STATUS(request(&d, "DELETE", host_path(byoc.id, ""), ada.bearer, NULL), 204);
    daemon_stop(&d);
}

TEST(a_host_registers_once) {
    test_daemon d;
    test_host host, other;
    daemon_start(&d, NULL);
    create_host(&d, bearer_of(&d), "{\"type\":\"regular\"}", &host);
    reply r = try_register(&d, host.token);
    CHECK_INT(r.status, 201);
    const wrn_json *shown = wrn_json_get(r.json, "host");
    CHECK_STR(wrn_json_string(wrn_json_get(shown, "id"), NULL), host.id);
    CHECK_STR(wrn_json_string(wrn_json_get(shown, "status"), NULL), "online");
    CHECK_STR(wrn_json_string(wrn_json_get(shown, "address"), NULL), "10.0.0.7:50051");
    CHECK_STR(wrn_json_string(wrn_json_get(shown, "arch"), NULL), "x86_64");
    CHECK_CONTAINS(r.body, "\"cpu_cores\":8,\"memory_mb\":16000,\"disk_gb\":100");
    CHECK(wrn_json_has(r.json, "token") && wrn_json_has(r.json, "refresh_token"));
    reply_free(&r);
    CHECK_ERROR(try_register(&d, host.token), 409, "conflict");
    CHECK_ERROR(request(&d, "POST", host_path(host.id, "/token"), bearer_of(&d), NULL), 409, "invalid_state");
    /* A new token voids the one before; neither works after an hour. */
    create_host(&d, bearer_of(&d), "{\"type\":\"regular\"}", &other);
    r = request(&d, "POST", host_path(other.id, "/token"), bearer_of(&d), "not read");
    CHECK_INT(r.status, 201);
    CHECK_STR(wrn_json_string(wrn_json_get(wrn_json_get(r.json, "host"), "status"), NULL), "pending");
    CHECK(strcmp(member(&r, "registration_token"), other.token) != 0);
    CHECK_ERROR(try_register(&d, other.token), 401, "unauthorized");
    copy_text(other.token, sizeof(other.token), r.json, "registration_token");
    reply_free(&r);
    daemon_advance(&d, 3601);
    CHECK_ERROR(try_register(&d, other.token), 401, "unauthorized");
    r = request(&d, "POST", host_path(other.id, "/token"), bearer_of(&d), NULL);
    copy_text(other.token, sizeof(other.token), r.json, "registration_token");
    reply_free(&r);
    daemon_advance(&d, 3500);
    register_host(&d, &other);
    daemon_stop(&d);
}

TEST(heartbeats_keep_a_host_online) {
    test_daemon d;
    test_host host, other;
    daemon_start(&d, NULL);
    create_host(&d, bearer_of(&d), "{\"type\":\"regular\"}", &host);
    create_host(&d, bearer_of(&d), "{\"type\":\"regular\"}", &other);
    register_host(&d, &host);
    register_host(&d, &other);
    daemon_advance(&d, 80);
    check_host_status(&d, host.id, "online");
    CHECK_STATUS(beat(&d, host.id, host.jwt), 204);
    daemon_advance(&d, 80);
    check_host_status(&d, host.id, "online");
    check_host_status(&d, other.id, "unreachable");
    CHECK_STATUS(beat(&d, other.id, other.jwt), 204);
    check_host_status(&d, other.id, "online");
    CHECK_ERROR(beat(&d, host.id, other.jwt), 403, "forbidden");
    CHECK_ERROR(beat(&d, "host-1", host.jwt), 400, "invalid_request");
    CHECK_ERROR(beat(&d, host.id, "nonsense"), 401, "unauthorized");
    CHECK_ERROR(beat(&d, host.id, d.token), 401, "unauthorized");
    CHECK_ERROR(request(&d, "POST", host_path(host.id, "/heartbeat"), bearer_of(&d), NULL), 401, "unauthorized");
    /* A host's token opens nothing else. */
    const char *as_user = line("Authorization: Bearer ", host.jwt);
    CHECK_ERROR(request(&d, "GET", "/v1/hosts", as_user, NULL), 401, "unauthorized");
    CHECK_ERROR(request(&d, "GET", "/v1/sandboxes", as_user, NULL), 401, "unauthorized");
    CHECK_STATUS(request(&d, "DELETE", host_path(host.id, ""), bearer_of(&d), NULL), 204);
    CHECK_ERROR(beat(&d, host.id, host.jwt), 404, "not_found");
    daemon_stop(&d);
}

TEST(host_tokens_expire_and_are_refreshed) {
    enum { DAY = 86400 };
    test_daemon d;
    test_host host, gone;
    daemon_start(&d, NULL);
    create_host(&d, bearer_of(&d), "{\"type\":\"regular\"}", &host);
    register_host(&d, &host);
    daemon_advance(&d, 7 * DAY - 60);
    CHECK_STATUS(beat(&d, host.id, host.jwt), 204);
    daemon_advance(&d, 61);
    CHECK_ERROR(beat(&d, host.id, host.jwt), 401, "unauthorized");
    reply r = try_refresh(&d, host.refresh);
    CHECK_INT(r.status, 200);
    CHECK_STR(wrn_json_string(wrn_json_get(wrn_json_get(r.json, "host"), "id"), NULL), host.id);
    CHECK(strcmp(member(&r, "refresh_token"), host.refresh) != 0);
    CHECK_ERROR(try_refresh(&d, host.refresh), 401, "unauthorized");
    CHECK_STATUS(beat(&d, host.id, member(&r, "token")), 204);
    /* A registration token is no refresh token, nor the other way round. */
    CHECK_ERROR(try_register(&d, member(&r, "refresh_token")), 401, "unauthorized");
    create_host(&d, bearer_of(&d), "{\"type\":\"regular\"}", &gone);
    CHECK_ERROR(try_refresh(&d, gone.token), 401, "unauthorized");
    register_host(&d, &gone);
    CHECK_STATUS(request(&d, "DELETE", host_path(gone.id, ""), bearer_of(&d), NULL), 204);
    CHECK_ERROR(try_refresh(&d, gone.refresh), 401, "unauthorized");
    daemon_advance(&d, 60 * DAY + 1);
    CHECK_ERROR(try_refresh(&d, member(&r, "refresh_token")), 401, "unauthorized");
    reply_free(&r);
    daemon_stop(&d);
}

TEST(secrets_are_stored_as_hashes) {
    test_daemon d;
    test_host pending, online;
    char path[200], bytes[65536];
    daemon_start(&d, NULL);
    create_host(&d, bearer_of(&d), "{\"type\":\"regular\"}", &pending);
    create_host(&d, bearer_of(&d), "{\"type\":\"regular\"}", &online);
    register_host(&d, &online);
    snprintf(path, sizeof(path), "%s/wrennd.db", d.dir);
    FILE *file = fopen(path, "r");
    CHECK(file);
    bool id_seen = false;
    for (size_t got, kept = 0; (got = fread(bytes + kept, 1, sizeof(bytes) - kept, file)) > 0;) {
        got += kept;
        id_seen = id_seen || memmem(bytes, got, online.id, strlen(online.id));
        CHECK(!memmem(bytes, got, pending.token, 64) && !memmem(bytes, got, online.token, 64));
        CHECK(!memmem(bytes, got, online.refresh, 64));
        kept = got < 64 ? got : 64;
        memmove(bytes, bytes + got - kept, kept);
    }
    CHECK(id_seen);
    fclose(file);
    daemon_stop(&d);
}

static void check_ids(const wrn_json *array, const char *first, const char *second) {
    CHECK_INT(wrn_json_count(array), 2);
    CHECK_STR(wrn_json_string(wrn_json_at(array, 0), NULL), first);
    CHECK_STR(wrn_json_string(wrn_json_at(array, 1), NULL), second);
}

static void check_sandbox(const test_daemon *d, const char *id, const char *status) {
    reply r = call(d, "GET", sandbox_path(id, ""), NULL);
    CHECK_STR(member(&r, "status"), status);
    reply_free(&r);
}

TEST(deleting_a_host_with_active_sandboxes_needs_force) {
    static const char *const not_force[] = {"", "?force", "?force=1", "?force=True", "?force=truee", "?force=false"};
    test_daemon d;
    char host[40], first[40], second[40], paused[40];
    daemon_start(&d, NULL);
    find_built_in(&d, host);
    CHECK_ERROR(request(&d, "DELETE", host_path(host, ""), bearer_of(&d), NULL), 403, "forbidden");
    make_sandbox(&d, "{}", first);
    make_sandbox(&d, "{}", paused);
    make_sandbox(&d, "{}", second);
    CHECK_STATUS(call(&d, "POST", sandbox_path(paused, "/pause"), NULL), 200);
    for (size_t i = 0; i < WRN_COUNT(not_force); i++) {
        reply r = request(&d, "DELETE", host_path(host, not_force[i]), bearer_of(&d), NULL);
        CHECK_INT(r.status, 409);
        CHECK_STR(error_code(&r), "has_active_sandboxes");
        CHECK(error_message(&r));
        check_ids(wrn_json_get(wrn_json_get(r.json, "error"), "sandbox_ids"), second, first);
        check_ids(wrn_json_get(r.json, "sandbox_ids"), second, first);
        reply_free(&r);
    }
    reply r = request(&d, "GET", host_path(host, "/delete-preview"), bearer_of(&d), NULL);
    CHECK_INT(r.status, 200);
    check_ids(wrn_json_get(r.json, "sandbox_ids"), second, first);
    CHECK_STR(wrn_json_string(wrn_json_get(wrn_json_get(r.json, "host"), "id"), NULL), host);
    reply_free(&r);
    check_sandbox(&d, first, "running");
    r = request(&d, "DELETE", host_path(host, "?force=true"), bearer_of(&d), NULL);
    CHECK_INT(r.status, 403);
    CHECK_STR(error_code(&r), "forbidden");
    CHECK_CONTAINS(error_message(&r), "2 active sandboxes are destroyed");
    reply_free(&r);
    check_sandbox(&d, first, "stopped");
    check_sandbox(&d, second, "stopped");
    check_sandbox(&d, paused, "paused");
    check_host_status(&d, host, "online");
    r = request(&d, "DELETE", host_path(host, "?force=true"), bearer_of(&d), NULL);
    CHECK_STR(error_code(&r), "forbidden");
    CHECK(!strstr(error_message(&r), "destroyed"));
    reply_free(&r);
    make_sandbox(&d, "{}", first);
    daemon_stop(&d);
}

TEST(tags_are_sorted_and_idempotent) {
    static const struct {
        const char *body;
        int status;
    } adds[] = {
        {"{\"tag\":\"zebra\"}", 204}, {"{\"tag\":\"a b/c\"}", 204},
        {"{\"tag\":\"Zoo\"}", 204},   {"{\"tag\":\"zebra\"}", 204},
        {"{\"tag\":\"\"}", 400},      {"{}", 400},
        {"{\"tag\":1}", 400},         {"", 400},
    };
    test_daemon d;
    char id[40];
    daemon_start(&d, NULL);
    find_built_in(&d, id);
    reply r = request(&d, "GET", host_path(id, "/tags"), bearer_of(&d), NULL);
    CHECK_STR(r.body, "[]\n");
    reply_free(&r);
    for (size_t i = 0; i < WRN_COUNT(adds); i++)
        CHECK_STATUS(request(&d, "POST", host_path(id, "/tags"), bearer_of(&d), adds[i].body), adds[i].status);
    r = request(&d, "GET", host_path(id, "/tags"), bearer_of(&d), NULL);
    CHECK_STR(r.body, "[\"Zoo\",\"a b/c\",\"zebra\"]\n");
    reply_free(&r);
    for (int i = 0; i < 2; i++)
        CHECK_STATUS(request(&d, "DELETE", host_path(id, "/tags/a%20b%2Fc"), bearer_of(&d), NULL), 204);
    r = request(&d, "GET", host_path(id, "/tags"), bearer_of(&d), NULL);
    CHECK_STR(r.body, "[\"Zoo\",\"zebra\"]\n");
    reply_free(&r);
    daemon_stop(&d);
}

/* The tables of version 1, as far as later ones change them. */
static const char version_1[] =
    "CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, password_hash TEXT,"
    " created_at INTEGER NOT NULL) STRICT;"
    "CREATE TABLE teams (id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;"
    "CREATE TABLE members (user_id TEXT NOT NULL, team_id TEXT NOT NULL, role TEXT NOT NULL, is_default INTEGER"
    " NOT NULL, PRIMARY KEY (user_id, team_id)) STRICT;"
    "CREATE TABLE sandboxes (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, team_id TEXT NOT NULL,"
    " status TEXT NOT NULL) STRICT;"
    "INSERT INTO users VALUES ('usr-1', 'owner@localhost', 'Owner', NULL, 1), ('usr-2', 'a@b', 'A', NULL, 2);"
    "INSERT INTO teams VALUES ('team-1', 'Owner', 1), ('team-2', 'A', 2);"
    "INSERT INTO members VALUES ('usr-1', 'team-1', 'owner', 1), ('usr-2', 'team-2', 'member', 1);"
    "PRAGMA user_version = 1;";

TEST(an_older_database_is_brought_up_to_date) {
    char path[200];
    wrn_why why;
    sqlite3 *db;
    snprintf(path, sizeof(path), "%s/old.db", test_dir());
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, version_1, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
    wrn_store *store = wrn_store_open(path, false, &why);
    CHECK_MSG(store, "%s", why.text);
    wrn_rights rights;
    CHECK_INT(wrn_store_get_rights(store, "usr-1", "team-1", &rights), WRN_DB_OK);
    CHECK(rights.is_admin && rights.manages_team);
    CHECK_INT(wrn_store_get_rights(store, "usr-1", "team-2", &rights), WRN_DB_OK);
    CHECK(rights.is_admin && !rights.manages_team);
    CHECK_INT(wrn_store_get_rights(store, "usr-2", "team-2", &rights), WRN_DB_OK);
    CHECK(!rights.is_admin && !rights.manages_team);
    CHECK_INT(wrn_store_get_rights(store, "usr-3", "team-2", &rights), WRN_DB_NONE);
    /* The built-in host is made once, and then kept. */
    wrn_host_row row = {.id = "host-1", .type = "regular", .status = "online", .address = "a:1", .built_in = true}, got;
    CHECK_INT(wrn_store_put_built_in_host(store, &row), WRN_DB_OK);
    snprintf(row.id, sizeof(row.id), "host-2");
    snprintf(row.address, sizeof(row.address), "b:1");
    CHECK_INT(wrn_store_put_built_in_host(store, &row), WRN_DB_OK);
    CHECK_INT(wrn_store_get_host(store, "host-2", &got), WRN_DB_NONE);
    CHECK_INT(wrn_store_get_host(store, "host-1", &got), WRN_DB_OK);
    CHECK_STR(got.created_by, "usr-1");
    CHECK_STR(got.address, "b:1");
    wrn_store_close(store);
}

TEST_MAIN
