/* Accounts, tokens, API keys: who gets in. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "peer.h"

static const char *line(const char *prefix, const char *value) {
    static char lines[4][1200];
    static unsigned turn;
    char *out = lines[turn++ % 4];
    snprintf(out, sizeof(lines[0]), "%s%s", prefix, value);
    return out;
}

TEST(credentials_are_taken_as_the_document_says) {
    test_daemon d;
    daemon_start(&d, NULL);
    char forged[1024], query[1200];
    snprintf(forged, sizeof(forged), "%s", d.token);
    forged[strlen(forged) - 2] = (char)(forged[strlen(forged) - 2] == 'A' ? 'B' : 'A');
    const char *key = line("X-API-Key: ", d.key), *bearer = line("Authorization: Bearer ", d.token);
    static const char bad_key[] = "X-API-Key: wrn_00000000000000000000000000000000";
    char both[1400];
    struct {
        const char *credentials;
        int team, user; /* the status on a team's and on a user's route */
    } cases[] = {
        {NULL, 401, 401},
        {key, 200, 401},
        {bearer, 200, 200},
        {bad_key, 401, 401},
        {"X-API-Key: ", 401, 401},
        {"X-API-Key: x", 401, 401},
        {line("Authorization: Bearer ", forged), 401, 401},
        {line("Authorization: bearer ", d.token), 401, 401},
        {"Authorization: Basic b3duZXI6eA==", 401, 401},
        {"Authorization: Bearer ", 401, 401},
        {"Authorization: Bearer a.b.c", 401, 401},
        {"Authorization: Bearer ..", 401, 401},
    };
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        reply team = request(&d, "GET", "/v1/sandboxes", cases[i].credentials, NULL);
        reply user = request(&d, "GET", "/v1/api-keys", cases[i].credentials, NULL);
        CHECK_MSG(team.status == cases[i].team && user.status == cases[i].user, "case %zu: %d and %d", i, team.status,
                  user.status);
        reply_free(&team);
        reply_free(&user);
    }
    snprintf(both, sizeof(both), "%s\r\n%s", bad_key, bearer);
    CHECK_ERROR(request(&d, "GET", "/v1/sandboxes", both, NULL), 401, "unauthorized");
    snprintf(both, sizeof(both), "X-API-Key: \r\n%s", bearer);
    CHECK_STATUS(request(&d, "GET", "/v1/sandboxes", both, NULL), 200);
    snprintf(both, sizeof(both), "%s\r\nAuthorization: Bearer x", key);
    CHECK_STATUS(request(&d, "GET", "/v1/sandboxes", both, NULL), 200);
    /* A token in the query counts where a team's routes are asked for and nothing better was sent. */
    snprintf(query, sizeof(query), "/v1/sandboxes?a=b&token=%s", d.token);
    CHECK_STATUS(request(&d, "GET", query, NULL, NULL), 200);
    CHECK_STATUS(request(&d, "GET", query, "Authorization: Bearer x", NULL), 401);
    CHECK_STATUS(request(&d, "GET", query, bad_key, NULL), 401);
    CHECK_STATUS(request(&d, "GET", "/v1/sandboxes?token=%", NULL, NULL), 401);
    snprintf(query, sizeof(query), "/v1/api-keys?token=%s", d.token);
    CHECK_STATUS(request(&d, "GET", query, NULL, NULL), 401);
    daemon_stop(&d);
}

TEST(api_keys_are_made_listed_used_and_deleted) {
    test_daemon d;
    daemon_start(&d, NULL);
    const char *bearer = line("Authorization: Bearer ", d.token);
    reply made = request(&d, "POST", "/v1/api-keys", bearer, "{\"name\":\"ci\"}");
    CHECK_INT(made.status, 201);
    const char *key = member(&made, "key"), *id = member(&made, "id");
    CHECK(key && strlen(key) == 36 && strncmp(key, "wrn_", 4) == 0);
    CHECK_STR(member(&made, "name"), "ci");
    CHECK_INT(strlen(member(&made, "key_prefix")), 10);
    CHECK(strncmp(member(&made, "key_prefix"), key, 10) == 0);
    CHECK(!member(&made, "last_used") && !member(&made, "creator_email"));
    CHECK_STATUS(request(&d, "GET", "/v1/sandboxes", line("X-API-Key: ", key), NULL), 200);
    reply list = request(&d, "GET", "/v1/api-keys", bearer, NULL);
    CHECK_INT(wrn_json_count(list.json), 2);
    const wrn_json *first = wrn_json_at(list.json, 0);
    CHECK_STR(wrn_json_string(wrn_json_get(first, "id"), NULL), id);
    CHECK(wrn_json_get(first, "last_used") && !wrn_json_get(first, "key"));
    CHECK_STR(wrn_json_string(wrn_json_get(first, "creator_email"), NULL), "owner@localhost");
    CHECK(!strstr(list.body, key));
    char path[128];
    snprintf(path, sizeof(path), "/v1/api-keys/%s", id);
    CHECK_STATUS(request(&d, "DELETE", path, bearer, NULL), 204);
    CHECK_STATUS(request(&d, "DELETE", path, bearer, NULL), 204);
    CHECK_STATUS(request(&d, "GET", "/v1/sandboxes", line("X-API-Key: ", key), NULL), 401);
    CHECK_ERROR(request(&d, "DELETE", "/v1/api-keys/key-1", bearer, NULL), 400, "invalid_request");
    reply_free(&list);
    reply_free(&made);
    made = request(&d, "POST", "/v1/api-keys", bearer, "{\"name\":null}");
    CHECK_STR(member(&made, "name"), "Unnamed API Key");
    reply_free(&made);
    CHECK_ERROR(request(&d, "POST", "/v1/api-keys", bearer, ""), 400, "invalid_request");
    CHECK_ERROR(request(&d, "POST", "/v1/api-keys", bearer, "{\"name\":1}"), 400, "invalid_request");
    daemon_stop(&d);
}

TEST(signup_and_login) {
    test_daemon d;
    daemon_start(&d, NULL);
    size_t before = daemon_peak_memory(&d);
    reply r = request(&d, "POST", "/v1/auth/signup", NULL,
                      "{\"email\":\" Ada@Example.ORG \",\"password\":\"lovelace1\",\"name\":\" Ada \"}");
    CHECK_INT(r.status, 201);
    CHECK_STR(member(&r, "email"), "ada@example.org");
    CHECK_STR(member(&r, "name"), "Ada");
    CHECK(strncmp(member(&r, "user_id"), "usr-", 4) == 0 && strncmp(member(&r, "team_id"), "team-", 5) == 0);
    char id[40], team[40];
    snprintf(team, sizeof(team), "%s", member(&r, "team_id"));
    make_sandbox(&d, "{}", id);
    /* Another team's sandbox is not there for her. */
    const char *bearer = line("Authorization: Bearer ", member(&r, "token"));
    CHECK_ERROR(request(&d, "GET", sandbox_path(id, ""), bearer, NULL), 404, "not_found");
    CHECK_ERROR(request(&d, "DELETE", sandbox_path(id, ""), bearer, NULL), 404, "not_found");
    reply list = request(&d, "GET", "/v1/sandboxes", bearer, NULL);
    CHECK_STR(list.body, "[]\n");
    reply_free(&list);
    reply_free(&r);
    CHECK_ERROR(
        request(&d, "POST", "/v1/auth/signup", NULL, "{\"email\":\"ada@example.org\",\"password\":\"12345678\"}"), 409,
        "email_taken");
    r = request(&d, "POST", "/v1/auth/login", NULL, "{\"email\":\"ADA@example.org\",\"password\":\"lovelace1\"}");
    CHECK_INT(r.status, 200);
    CHECK_STR(member(&r, "team_id"), team);
    reply_free(&r);
    CHECK_ERROR(request(&d, "POST", "/v1/auth/login", NULL, "{\"email\":\"ada@example.org\",\"password\":\"wrong\"}"),
                401, "unauthorized");
    CHECK_ERROR(request(&d, "POST", "/v1/auth/login", NULL, "{\"email\":\"who@example.org\",\"password\":\"wrong\"}"),
                401, "unauthorized");
    /* The private owner has no password. */
    CHECK_ERROR(request(&d, "POST", "/v1/auth/login", NULL, "{\"email\":\"owner@localhost\",\"password\":\"x\"}"), 401,
                "unauthorized");
    r = request(&d, "POST", "/v1/auth/signup", NULL, "{\"email\":\"bob@example.org\",\"password\":\"12345678\"}");
    CHECK_STR(member(&r, "name"), "bob");
    reply_free(&r);
    /* Hashing passwords takes little memory: while the kernel fills it, the loop can neither get nor return any. */
    CHECK_MSG(daemon_peak_memory(&d) < before + (32 << 20), "%zu, then %zu bytes", before, daemon_peak_memory(&d));
    daemon_stop(&d);
}

TEST(bad_accounts_name_the_member) {
    static const struct {
        const char *path, *body, *part;
    } cases[] = {
        {"/v1/auth/signup", "", "empty"},
        {"/v1/auth/signup", "{", "JSON"},
        {"/v1/auth/signup", "[]", "object"},
        {"/v1/auth/signup", "{}", "\"email\""},
        {"/v1/auth/signup", "{\"email\":\"a@b\"}", "\"password\""},
        {"/v1/auth/signup", "{\"email\":1,\"password\":\"12345678\"}", "\"email\""},
        {"/v1/auth/signup", "{\"email\":\"ab\",\"password\":\"12345678\"}", "\"email\""},
        {"/v1/auth/signup", "{\"email\":\" @ \",\"password\":\"12345678\"}", "\"email\""},
        {"/v1/auth/signup", "{\"email\":\"abc\",\"password\":\"12345678\"}", "\"email\""},
        {"/v1/auth/signup", "{\"email\":\"a@b\",\"password\":\"1234567\"}", "\"password\""},
        {"/v1/auth/signup", "{\"email\":\"a@b\",\"password\":\"12345678\",\"name\":\"  \"}", "\"name\""},
        {"/v1/auth/signup", "{\"email\":\"a@b\",\"password\":\"1234\\u00005678\"}", "\"password\""},
        {"/v1/auth/login", "{\"email\":\"\",\"password\":\"x\"}", "\"email\""},
        {"/v1/auth/login", "{\"email\":\"a@b\",\"password\":\"\"}", "\"password\""},
        {"/v1/auth/login", "{\"email\":\"a@b\",\"password\":[]}", "\"password\""},
    };
    test_daemon d;
    daemon_start(&d, NULL);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        reply r = request(&d, "POST", cases[i].path, NULL, cases[i].body);
        CHECK_MSG(r.status == 400, "%s gave %d", cases[i].body, r.status);
        CHECK_STR(error_code(&r), "invalid_request");
        CHECK_CONTAINS(error_message(&r), cases[i].part);
        reply_free(&r);
    }
    char *large = malloc(70001);
    memset(large, ' ', 70000);
    large[70000] = '\0';
    CHECK_ERROR(request(&d, "POST", "/v1/auth/login", NULL, large), 413, "too_large");
    free(large);
    daemon_stop(&d);
}

TEST(guessing_is_slowed_down) {
    test_daemon d;
    daemon_start(&d, NULL);
    const char *guess = "{\"email\":\"who@example.org\",\"password\":\"wrong\"}";
    for (int i = 0; i < 6; i++) CHECK_STATUS(request(&d, "POST", "/v1/auth/login", NULL, guess), 401);
    reply r = request(&d, "POST", "/v1/auth/login", NULL, guess);
    CHECK_INT(r.status, 429);
    CHECK_CONTAINS(r.head, "Retry-After: ");
    reply_free(&r);
    CHECK_STATUS(request(&d, "POST", "/v1/auth/login", NULL, "{\"email\":\"other@example.org\",\"password\":\"x\"}"),
                 401);
    daemon_stop(&d);
}

/* What a team has is not there for others, whatever they try, and stays as it was. */
TEST(teams_do_not_see_each_other) {
    static const char *const families[] = {"/v1/sandboxes", "/v1/capsules"};
    static const struct {
        const char *method, *rest, *body;
    } tries[] = {
        {"GET", "", NULL},
        {"POST", "/exec", "{\"cmd\":\"echo\"}"},
        {"POST", "/exec", "{\"cmd\":\"wait\",\"background\":true}"},
        {"POST", "/pause", NULL},
        {"POST", "/resume", NULL},
        {"POST", "/fork", "{}"},
        {"POST", "/ping", NULL},
        {"GET", "/metrics", NULL},
        {"GET", "/processes", NULL},
        {"DELETE", "/processes/t", NULL},
        {"POST", "/files/list", "{\"path\":\"/\"}"},
        {"POST", "/files/mkdir", "{\"path\":\"/x\"}"},
        {"POST", "/files/remove", "{\"path\":\"/x\"}"},
        {"POST", "/files/read", "{\"path\":\"/x\"}"},
        {"POST", "/files/stream/read", "{\"path\":\"/x\"}"},
        {"DELETE", "", NULL},
    };
    static const char *const sockets[] = {"/exec/stream", "/pty", "/processes/t/stream", "/processes/t/logs"};
    test_daemon d;
    char id[40], path[200], bearer[1100], upgrade[1400];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{}", id);
    reply eve = request(&d, "POST", "/v1/auth/signup", NULL,
                        "{\"email\":\"eve@example.org\",\"name\":\"Eve\",\"password\":\"12345678\"}");
    snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s", member(&eve, "token"));
    snprintf(upgrade, sizeof(upgrade),
             "%s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
             bearer);
    for (size_t f = 0; f < WRN_COUNT(families); f++) {
        for (size_t i = 0; i < WRN_COUNT(tries); i++) {
            snprintf(path, sizeof(path), "%s/%s%s", families[f], id, tries[i].rest);
            CHECK_ERROR(request(&d, tries[i].method, path, bearer, tries[i].body), 404, "not_found");
        }
        for (size_t i = 0; i < WRN_COUNT(sockets); i++) {
            snprintf(path, sizeof(path), "%s/%s%s", families[f], id, sockets[i]);
            int fd = dial(d.socket);
            send_text(fd, "GET ");
            send_text(fd, path);
            send_text(fd, " HTTP/1.1\r\nHost: x\r\n");
            send_text(fd, upgrade);
            if (f == 0) {
                CHECK_ERROR(read_reply(fd), 404, "not_found");
                close(fd);
                continue;
            }
            CHECK_STATUS(read_reply(fd), 101);
            wrn_json *error = peer_expect(fd, "error");
            CHECK_STR(wrn_json_string(wrn_json_get(error, "data"), NULL), "sandbox not found");
            wrn_json_free(error);
            CHECK_INT(peer_close_code(fd), 1000);
        }
        reply list = request(&d, "GET", families[f], bearer, NULL);
        CHECK_STR(list.body, "[]\n");
        reply_free(&list);
    }
    snprintf(path, sizeof(path), "{\"sandbox_id\":\"%s\"}", id);
    CHECK_ERROR(request(&d, "POST", "/v1/snapshots", bearer, path), 404, "not_found");
    reply r = call(&d, "GET", sandbox_path(id, ""), NULL);
    CHECK_STR(member(&r, "status"), "running");
    reply_free(&r);
    reply_free(&eve);
    daemon_stop(&d);
}

TEST_MAIN
