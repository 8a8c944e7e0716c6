/* The life of sandboxes through the API. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"

TEST(create_get_list_destroy) {
    test_daemon d;
    daemon_start(&d, NULL);
    reply r = call(&d, "POST", "/v1/sandboxes",
                   "{\"template\":\"\",\"vcpus\":0,\"memory_mb\":-1,\"timeout_sec\":-5,\"new\":1}");
    CHECK_INT(r.status, 201);
    CHECK_STR(member(&r, "status"), "running");
    CHECK_STR(member(&r, "template"), "minimal");
    CHECK_INT(number(&r, "vcpus"), 1);
    CHECK_INT(number(&r, "memory_mb"), 512);
    CHECK_INT(number(&r, "timeout_sec"), -5);
    CHECK_INT(strlen(member(&r, "created_at")), 20);
    CHECK(member(&r, "started_at") && member(&r, "last_active_at") && member(&r, "last_updated"));
    CHECK(!member(&r, "guest_ip") && !member(&r, "host_ip"));
    const wrn_json *isolation = wrn_json_get(r.json, "isolation");
    CHECK_STR(wrn_json_string(wrn_json_get(isolation, "backend"), NULL), "fake");
    char first[40], second[40];
    snprintf(first, sizeof(first), "%s", member(&r, "id"));
    CHECK(strncmp(first, "cl-", 3) == 0 && strlen(first) == 28);
    reply_free(&r);
    make_sandbox(&d, "{\"vcpus\":3,\"memory_mb\":64}", second);
    r = call(&d, "GET", "/v1/capsules", NULL);
    CHECK_INT(wrn_json_count(r.json), 2);
    CHECK_STR(wrn_json_string(wrn_json_get(wrn_json_at(r.json, 0), "id"), NULL), second);
    reply_free(&r);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(first, ""), NULL), 204);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(first, ""), NULL), 204);
    r = call(&d, "GET", sandbox_path(first, ""), NULL);
    CHECK_INT(r.status, 200);
    CHECK_STR(member(&r, "status"), "stopped");
    reply_free(&r);
    r = call(&d, "GET", "/v1/sandboxes", NULL);
    CHECK_INT(wrn_json_count(r.json), 1);
    reply_free(&r);
    daemon_stop(&d);
}

static void with_key(const test_daemon *d, const char *key, char *credentials, size_t size) {
    snprintf(credentials, size, "X-API-Key: %s\r\nIdempotency-Key: %s", d->key, key);
}

static reply create_with_key(const test_daemon *d, const char *key, const char *body) {
    char credentials[512];
    with_key(d, key, credentials, sizeof(credentials));
    return request(d, "POST", "/v1/capsules", credentials, body);
}

static size_t count_sandboxes(const test_daemon *d) {
    reply r = call(d, "GET", "/v1/sandboxes", NULL);
    size_t count = wrn_json_count(r.json);
    reply_free(&r);
    return count;
}

TEST(an_idempotency_key_makes_one_sandbox_and_one_answer) {
    test_daemon d;
    daemon_start(&d, NULL);
    reply first = create_with_key(&d, "a", "{}");
    CHECK_INT(first.status, 201);
    CHECK_CONTAINS(first.head,
                   "\r\nWrenn-Features: background exec-envs idempotency-key isolation list-only lifetime lease "
                   "list-filters signals network secrets disk\r\n");
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(member(&first, "id"), ""), NULL), 204);
    reply again = create_with_key(&d, "a", "{}");
    CHECK_INT(again.status, 201);
    CHECK_STR(again.body, first.body);
    CHECK_INT(count_sandboxes(&d), 0);
    CHECK_ERROR(create_with_key(&d, "a", "{\"vcpus\":2}"), 409, "conflict");
    reply_free(&again);
    again = create_with_key(&d, "b", "{}");
    CHECK(strcmp(member(&again, "id"), member(&first, "id")) != 0);
    reply_free(&again);
    /* What failed may be tried again. */
    CHECK_ERROR(create_with_key(&d, "c", "{\"template\":\"broken\"}"), 502, "agent_error");
    CHECK_STATUS(create_with_key(&d, "c", "{}"), 201);
    CHECK_INT(count_sandboxes(&d), 2);
    daemon_advance(&d, 24 * 3600 + 1);
    again = create_with_key(&d, "a", "{}");
    CHECK_INT(again.status, 201);
    CHECK(strcmp(member(&again, "id"), member(&first, "id")) != 0);
    reply_free(&again);
    reply_free(&first);
    daemon_stop(&d);
}

TEST(idempotency_keys_are_checked_and_belong_to_the_team) {
    test_daemon d;
    daemon_start(&d, NULL);
    char longest[300], token[1200];
    memset(longest, 'k', sizeof(longest));
    longest[255] = '\0';
    CHECK_STATUS(create_with_key(&d, longest, "{}"), 201);
    longest[255] = 'k';
    longest[256] = '\0';
    CHECK_ERROR(create_with_key(&d, longest, "{}"), 400, "invalid_request");
    CHECK_ERROR(create_with_key(&d, "a b", "{}"), 400, "invalid_request");
    CHECK_ERROR(create_with_key(&d, "\xc3\xa4", "{}"), 400, "invalid_request");
    CHECK_ERROR(create_with_key(&d, "", "{}"), 400, "invalid_request");
    reply mine = create_with_key(&d, "same", "{}");
    reply r = request(&d, "POST", "/v1/auth/signup", NULL,
                      "{\"email\":\"x@example.com\",\"password\":\"long enough\",\"name\":\"X\"}");
    CHECK_INT(r.status, 201);
    snprintf(token, sizeof(token), "Authorization: Bearer %s\r\nIdempotency-Key: same", member(&r, "token"));
    reply_free(&r);
    r = request(&d, "POST", "/v1/sandboxes", token, "{}");
    CHECK_INT(r.status, 201);
    CHECK(strcmp(member(&r, "id"), member(&mine, "id")) != 0);
    reply_free(&r);
    reply_free(&mine);
    daemon_stop(&d);
}

TEST(a_create_that_is_under_way_answers_its_repetitions_too) {
    test_daemon d;
    daemon_start(&d, NULL);
    char credentials[200], text[400];
    int fds[3];
    with_key(&d, "g", credentials, sizeof(credentials));
    snprintf(text, sizeof(text),
             "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: 20\r\n\r\n{\"template\":\"gated\"}",
             credentials);
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(d.socket);
        send_text(fds[i], text);
    }
    CHECK_ERROR(create_with_key(&d, "g", "{}"), 409, "conflict");
    close(fds[0]); /* the one that began has gone away */
    CHECK_STATUS(request(&d, "GET", "/health", NULL, NULL), 200);
    kill(d.pid, SIGUSR1);
    reply one = read_reply(fds[1]), two = read_reply(fds[2]);
    CHECK_INT(one.status, 201);
    CHECK_STR(one.body, two.body);
    CHECK_INT(count_sandboxes(&d), 1);
    reply_free(&one);
    reply_free(&two);
    close(fds[1]);
    close(fds[2]);
    daemon_stop(&d);
}

/* Reads up to a text; the rest is for the next time. */
static char *read_up_to(int fd, const char *text) {
    wrn_buf got = WRN_BUF_INIT;
    char c;
    while (!got.size || !strstr(got.data, text)) {
        CHECK_MSG(read(fd, &c, 1) == 1, "the end came after %s", got.size ? got.data : "nothing");
        wrn_buf_putc(&got, c);
    }
    return wrn_buf_steal(&got);
}

static int listen_to_events(const test_daemon *d, const char *credentials) {
    char head[1200];
    int fd = dial(d->socket);
    snprintf(head, sizeof(head), "GET /v1/events/stream HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", credentials);
    send_text(fd, head);
    free(read_up_to(fd, "\"event\":\"connected\""));
    return fd;
}

TEST(events_tell_what_happens_until_the_server_stops) {
    static const char *const expected[] = {"capsule.create",           "capsule.create", "capsule.pause",
                                           "template.snapshot.create", "capsule.resume", "template.snapshot.delete",
                                           "capsule.destroy"};
    test_daemon d;
    char credentials[1100], id[40], body[128];
    daemon_start(&d, NULL);
    snprintf(credentials, sizeof(credentials), "X-API-Key: %s", d.key);
    int gone = listen_to_events(&d, credentials), fd = listen_to_events(&d, credentials);
    close(gone);
    CHECK_STATUS(call(&d, "POST", "/v1/sandboxes", "{\"template\":\"broken\"}"), 502);
    make_sandbox(&d, "{}", id);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 200);
    snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\",\"name\":\"x\"}", id);
    CHECK_STATUS(call(&d, "POST", "/v1/snapshots", body), 201);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/resume"), NULL), 200);
    CHECK_STATUS(call(&d, "DELETE", "/v1/snapshots/x", NULL), 204);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    for (size_t i = 0; i < WRN_COUNT(expected); i++) {
        free(read_up_to(fd, "data: "));
        char *data = read_up_to(fd, "\n\n");
        wrn_json *event = NULL;
        const char *why;
        CHECK_MSG(wrn_json_parse(data, strlen(data), &event, &why), "%s", data);
        CHECK_STR(wrn_json_string(wrn_json_get(event, "event"), NULL), expected[i]);
        CHECK_STR(wrn_json_string(wrn_json_get(event, "outcome"), NULL), i ? "success" : "error");
        if (!i) CHECK(wrn_json_get(event, "error"));
        const wrn_json *resource = wrn_json_get(event, "resource");
        bool template = strncmp(expected[i], "template", 8) == 0;
        if (i) CHECK_STR(wrn_json_string(wrn_json_get(resource, "id"), NULL), template ? "x" : id);
        CHECK_STR(wrn_json_string(wrn_json_get(resource, "type"), NULL), template ? "template" : "capsule");
        CHECK(!template == !!wrn_json_get(event, "sandbox"));
        wrn_json_free(event);
        free(data);
    }
    daemon_stop(&d);
    char rest;
    CHECK_INT(read(fd, &rest, 1), 0);
    close(fd);
}

TEST(bad_requests_name_what_is_wrong) {
    static const struct {
        const char *body, *part;
        int status;
    } cases[] = {
        {"", "empty", 400},
        {"nonsense", "JSON", 400},
        {"{\"vcpus\":", "early", 400},
        {"[]", "object", 400},
        {"null", "object", 400},
        {"{\"vcpus\":\"2\"}", "\"vcpus\"", 400},
        {"{\"vcpus\":1.5}", "\"vcpus\"", 400},
        {"{\"vcpus\":2147483648}", "\"vcpus\"", 400},
        {"{\"memory_mb\":true}", "\"memory_mb\"", 400},
        {"{\"timeout_sec\":{}}", "\"timeout_sec\"", 400},
        {"{\"template\":7}", "\"template\"", 400},
        {"{\"template\":\"../etc\"}", "\"template\"", 400},
        {"{\"template\":\".hidden\"}", "\"template\"", 400},
        {"{\"template\":\"a/b\"}", "\"template\"", 400},
        {"{\"template\":\"unknown\"}", "unknown", 404},
        {"{\"template\":\"broken\"}", "broken", 502},
        {"{\"isolation_required\":\"seccomp\"}", "isolation_required", 400},
        {"{\"isolation_required\":[1]}", "isolation_required", 400},
        {"{\"isolation_required\":[\"seccomp\",\"cgroup-limits\",\"distinct-uids\"]}", "cgroup-limits, distinct-uids",
         409},
        {"{\"isolation_required\":[\"memory-limit\"]}", "memory-limit", 409},
        {"{\"isolation\":\"vm\"}", "wrennd doctor", 409},
        {"{\"template\":\"guarded\"}", "wrennd doctor", 409},
        {"{\"isolation\":\"namespace\",\"template\":\"guarded\"}", "weaker than \"vm\"", 409},
        {"{\"isolation\":\"strong\"}", "only any, namespace or vm", 400},
        {"{\"isolation\":\"\"}", "\"isolation\"", 400},
        {"{\"isolation\":2}", "\"isolation\"", 400},
        {"{\"disk_mb\":64}", "disk-limit, which disk_mb needs", 409},
        {"{\"isolation_required\":[\"disk-limit\"]}", "disk-limit", 409},
        {"{\"disk_mb\":63}", "member \"disk_mb\" is 63, not 64 to 1048576", 400},
        {"{\"disk_mb\":1048577}", "\"disk_mb\"", 400},
        {"{\"disk_mb\":1.5}", "\"disk_mb\"", 400},
    };
    test_daemon d;
    daemon_start(&d, NULL);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        reply r = call(&d, "POST", "/v1/sandboxes", cases[i].body);
        CHECK_MSG(r.status == cases[i].status, "%s gave %d: %s", cases[i].body, r.status, r.body);
        CHECK_CONTAINS(error_message(&r), cases[i].part);
        reply_free(&r);
    }
    CHECK_STATUS(call(&d, "POST", "/v1/sandboxes", "{\"template\":null,\"vcpus\":null} trailing"), 201);
    CHECK_STATUS(call(&d, "POST", "/v1/sandboxes",
                      "{\"isolation_required\":[\"seccomp\",\"user-namespace\",\"no-network\",\"cpu-limit\"]}"),
                 201);
    CHECK_STATUS(call(&d, "POST", "/v1/sandboxes", "{\"isolation\":\"namespace\"}"), 201);
    CHECK_STATUS(call(&d, "POST", "/v1/sandboxes", "{\"isolation\":null}"), 201);
    /* What was refused has made nothing. */
    reply list = call(&d, "GET", "/v1/sandboxes", NULL);
    CHECK_INT(wrn_json_count(list.json), 4);
    reply_free(&list);
    daemon_stop(&d);
}

static void check_disk(const test_daemon *d, const char *body, const char *backend, int64_t disk_mb) {
    char id[40];
    make_sandbox(d, body, id);
    reply r = call(d, "GET", sandbox_path(id, ""), NULL);
    CHECK_STR(wrn_json_string(wrn_json_get(wrn_json_get(r.json, "isolation"), "backend"), NULL), backend);
    if (disk_mb) CHECK_INT(number(&r, "disk_mb"), disk_mb);
    else CHECK(!wrn_json_has(r.json, "disk_mb"));
    reply_free(&r);
}

/* A size that is asked for is one that is kept, by the first backend that can. */
TEST(disks_of_a_size_choose_what_has_them) {
    test_daemon d;
    setenv("FAKE_VM", "1", 1);
    daemon_start(&d, NULL);
    check_disk(&d, "{\"disk_mb\":64}", "fake-vm", 64);
    check_disk(&d, "{\"disk_mb\":1048576,\"isolation\":\"namespace\"}", "fake-vm", 1048576);
    check_disk(&d, "{\"isolation\":\"vm\"}", "fake-vm", 8192);
    check_disk(&d, "{\"disk_mb\":0}", "fake", 0);
    check_disk(&d, "{\"disk_mb\":-1}", "fake", 0);
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", "{\"disk_mb\":64,\"isolation_required\":[\"seccomp\"]}"), 409,
                "conflict");
    daemon_stop(&d);
    unsetenv("FAKE_VM");
}

/* "metadata": {...} of a JSON object, as text to be freed. */
static char *metadata_text(const wrn_json *sandbox) {
    wrn_buf text = WRN_BUF_INIT;
    wrn_json_write(wrn_json_get(sandbox, "metadata"), &text);
    return wrn_buf_steal(&text);
}

static void check_metadata(reply r, const wrn_json *sandbox, const char *want) {
    char *got = metadata_text(sandbox ? sandbox : r.json);
    CHECK_STR(got, want);
    free(got);
    reply_free(&r);
}

TEST(metadata_comes_back_wherever_the_sandbox_is_shown) {
    static const char want[] = "{\"env\":\"prod\",\"a.b_c-9\":\"\",\"owner\":\"J\\u00f6rg \\\"x\\\" \\n\"}";
    test_daemon d;
    char body[400], id[40], bare[40], *shown = NULL;
    daemon_start(&d, NULL);
    snprintf(body, sizeof(body), "{\"metadata\":%s}", want);
    reply r = call(&d, "POST", "/v1/capsules", body);
    CHECK_INT(r.status, 201);
    shown = metadata_text(r.json);
    CHECK_CONTAINS(shown, "\"env\":\"prod\",\"a.b_c-9\":\"\",\"owner\":\"J\xc3\xb6rg \\\"x\\\" \\n\"");
    snprintf(id, sizeof(id), "%s", member(&r, "id"));
    reply_free(&r);
    make_sandbox(&d, "{\"metadata\":{}}", bare);
    check_metadata(call(&d, "GET", sandbox_path(id, ""), NULL), NULL, shown);
    char capsule[80];
    snprintf(capsule, sizeof(capsule), "/v1/capsules/%s", id);
    check_metadata(call(&d, "GET", capsule, NULL), NULL, shown);
    check_metadata(call(&d, "POST", sandbox_path(id, "/pause"), NULL), NULL, shown);
    check_metadata(call(&d, "POST", sandbox_path(id, "/resume"), NULL), NULL, shown);
    r = call(&d, "GET", "/v1/sandboxes", NULL);
    CHECK(!wrn_json_has(wrn_json_at(r.json, 0), "metadata"));
    check_metadata(r, wrn_json_at(r.json, 1), shown);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    check_metadata(call(&d, "GET", sandbox_path(id, ""), NULL), NULL, shown);
    free(shown);
    /* The first answer is the answer, with a key too. */
    for (int i = 0; i < 2; i++)
        check_metadata(create_with_key(&d, "a", "{\"metadata\":{\"n\":\"1\"}}"), NULL, "{\"n\":\"1\"}");
    CHECK_ERROR(create_with_key(&d, "a", "{\"metadata\":{\"n\":\"2\"}}"), 409, "conflict");
    daemon_stop(&d);
}

/* So many labels with that name and a value of so many times that character. */
static reply create_labelled(const test_daemon *d, int count, const char *name, const char *character, int times) {
    wrn_buf body = WRN_BUF_INIT;
    wrn_buf_puts(&body, "{\"metadata\":{");
    for (int i = 0; i < count; i++) {
        wrn_buf_printf(&body, "%s\"%s", i ? "," : "", name);
        if (count > 1) wrn_buf_printf(&body, "%d", i);
        wrn_buf_puts(&body, "\":\"");
        for (int k = 0; k < times; k++) wrn_buf_puts(&body, character);
        wrn_buf_puts(&body, "\"");
    }
    wrn_buf_puts(&body, "}}");
    reply r = call(d, "POST", "/v1/sandboxes", body.data);
    wrn_buf_free(&body);
    return r;
}

TEST(metadata_is_bounded_and_errors_name_the_label) {
    static const struct {
        const char *body, *part;
    } bad[] = {
        {"{\"metadata\":[]}", "\"metadata\" must be an object"},
        {"{\"metadata\":\"x\"}", "\"metadata\" must be an object"},
        {"{\"metadata\":{\"n\":1}}", "\"metadata\" must be a string"},
        {"{\"metadata\":{\"n\":null}}", "\"metadata\" must be a string"},
        {"{\"metadata\":{\"n\":\"a\\u0000b\"}}", "NUL"},
        {"{\"metadata\":{\"\":\"x\"}}", "the name \"\""},
        {"{\"metadata\":{\".n\":\"x\"}}", "the name \".n\""},
        {"{\"metadata\":{\"two words\":\"x\"}}", "the name \"two words\""},
        {"{\"metadata\":{\"vmm_version\":\"x\"}}", "\"vmm_version\" is the server's own"},
    };
    char longest[66];
    test_daemon d;
    daemon_start(&d, NULL);
    for (size_t i = 0; i < WRN_COUNT(bad); i++) {
        reply r = call(&d, "POST", i % 2 ? "/v1/sandboxes" : "/v1/capsules", bad[i].body);
        CHECK_MSG(r.status == 400, "%s gave %d: %s", bad[i].body, r.status, r.body);
        CHECK_CONTAINS(error_message(&r), bad[i].part);
        CHECK_STR(error_code(&r), "invalid_request");
        reply_free(&r);
    }
    memset(longest, 'n', sizeof(longest));
    longest[64] = '\0';
    CHECK_STATUS(create_labelled(&d, 1, longest, "\xe2\x82\xac", 64), 201);
    CHECK_STATUS(create_labelled(&d, 20, "n", "\\u0001", 64), 201);
    CHECK_ERROR(create_labelled(&d, 21, "n", "x", 1), 400, "invalid_request");
    reply r = create_labelled(&d, 1, "n", "\xe2\x82\xac", 65);
    CHECK_INT(r.status, 400);
    CHECK_CONTAINS(error_message(&r), "the value of \"n\" has 65 characters, and 64 is the limit");
    reply_free(&r);
    longest[64] = 'n';
    longest[65] = '\0';
    CHECK_ERROR(create_labelled(&d, 1, longest, "x", 1), 400, "invalid_request");
    CHECK_INT(count_sandboxes(&d), 2);
    daemon_stop(&d);
}

TEST(malformed_ids_are_400_and_unknown_ones_404) {
    static const char *const bad[] = {"cl-1",
                                      "cl-0123456789abcdefghijklmn",
                                      "cl-0123456789abcdefghijklmnop",
                                      "cl-0123456789ABCDEFGHIJKLMNO",
                                      "cl-zzzzzzzzzzzzzzzzzzzzzzzzz",
                                      "sb-0123456789abcdefghijklmno",
                                      "cl_0123456789abcdefghijklmno",
                                      "cl-0123456789abcdefghijklm%2F",
                                      "%63l",
                                      "cl-0123456789abcdefghijklmn%20"};
    static const char unknown[] = "cl-0123456789abcdefghijklmno";
    static const char *const rests[] = {"/ping", "/pause", "/resume", "/exec"};
    test_daemon d;
    daemon_start(&d, NULL);
    for (size_t i = 0; i < WRN_COUNT(bad); i++)
        CHECK_ERROR(call(&d, "GET", sandbox_path(bad[i], ""), NULL), 400, "invalid_request");
    CHECK_ERROR(call(&d, "GET", sandbox_path(unknown, ""), NULL), 404, "not_found");
    CHECK_ERROR(call(&d, "DELETE", sandbox_path(unknown, ""), NULL), 404, "not_found");
    for (size_t i = 0; i < WRN_COUNT(rests); i++) {
        CHECK_ERROR(call(&d, "POST", sandbox_path(unknown, rests[i]), ""), 404, "not_found");
        CHECK_ERROR(call(&d, "POST", sandbox_path("cl-x", rests[i]), ""), 400, "invalid_request");
    }
    daemon_stop(&d);
}

TEST(operations_are_valid_in_the_states_the_table_says) {
    static const char exec[] = "{\"cmd\":\"echo\"}";
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    CHECK_ERROR(call(&d, "POST", sandbox_path(id, "/resume"), NULL), 409, "invalid_state");
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/ping"), NULL), 204);
    reply r = call(&d, "POST", sandbox_path(id, "/pause"), NULL);
    CHECK_INT(r.status, 200);
    CHECK_STR(member(&r, "status"), "paused");
    reply_free(&r);
    r = call(&d, "POST", sandbox_path(id, "/exec"), "not even JSON");
    CHECK_INT(r.status, 409);
    CHECK_STR(error_message(&r), "sandbox is not running (status: paused)");
    reply_free(&r);
    CHECK_ERROR(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 409, "invalid_state");
    CHECK_ERROR(call(&d, "POST", sandbox_path(id, "/pause"), "{\"hibernate\":true}"), 501, "not_implemented");
    CHECK_ERROR(call(&d, "POST", sandbox_path(id, "/pause"), "{\"hibernate\":1}"), 400, "invalid_request");
    CHECK_ERROR(call(&d, "POST", sandbox_path(id, "/ping"), NULL), 409, "invalid_state");
    r = call(&d, "POST", sandbox_path(id, "/resume"), NULL);
    CHECK_INT(r.status, 200);
    CHECK_STR(member(&r, "status"), "running");
    reply_free(&r);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/exec"), exec), 200);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    static const char *const rests[] = {"/ping", "/pause", "/resume", "/exec"};
    for (size_t i = 0; i < WRN_COUNT(rests); i++)
        CHECK_ERROR(call(&d, "POST", sandbox_path(id, rests[i]), exec), 409, "invalid_state");
    daemon_stop(&d);
}

TEST(a_failed_pause_is_taken_back) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{\"template\":\"unpausable\"}", id);
    CHECK_ERROR(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 502, "agent_error");
    wait_status(&d, id, "running");
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"echo\"}"), 200);
    daemon_stop(&d);
}

TEST(what_hibernates_goes_on_when_it_is_resumed) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40], full[40];
    static const char hibernate[] = "{\"hibernate\":true}";
    make_sandbox(&d, "{\"template\":\"virtual\"}", id);
    make_sandbox(&d, "{\"template\":\"virtual-full\"}", full);
    for (int i = 0; i < 2; i++) { /* while it runs, and while it is paused */
        CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/pause"), hibernate), 200);
        wait_status(&d, id, "hibernated");
        CHECK_ERROR(call(&d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"echo\"}"), 409, "invalid_state");
        CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/resume"), NULL), 200);
        wait_status(&d, id, "running");
        CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"echo\"}"), 200);
        CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 200);
        wait_status(&d, id, "paused");
    }
    CHECK_ERROR(call(&d, "POST", sandbox_path(full, "/pause"), hibernate), 502, "agent_error");
    wait_status(&d, full, "paused"); /* and nothing is lost */
    daemon_stop(&d);
}

TEST(idle_ones_are_paused_and_those_that_cannot_be_are_destroyed) {
    test_daemon d;
    daemon_start(&d, NULL);
    char idle[40], stubborn[40], busy[40];
    make_sandbox(&d, "{\"timeout_sec\":1}", idle);
    make_sandbox(&d, "{\"timeout_sec\":1,\"template\":\"unpausable\"}", stubborn);
    make_sandbox(&d, "{}", busy);
    wait_status(&d, idle, "paused");
    wait_status(&d, stubborn, "stopped");
    CHECK_STATUS(call(&d, "POST", sandbox_path(idle, "/resume"), NULL), 200);
    wait_status(&d, idle, "paused");
    wait_status(&d, busy, "running");
    daemon_stop(&d);
}

TEST(a_running_command_counts_as_activity) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{\"timeout_sec\":1}", id);
    /* It runs for longer than the sandbox may idle; had that been paused meanwhile, the reply would say so. */
    CHECK_ERROR(call(&d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"hang\",\"timeout_sec\":2}"), 502,
                "agent_error");
    reply r = call(&d, "GET", sandbox_path(id, ""), NULL);
    CHECK_STR(member(&r, "status"), "running");
    reply_free(&r);
    wait_status(&d, id, "paused");
    daemon_stop(&d);
}

TEST(one_that_dies_is_stopped) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"die\"}"), 200);
    wait_status(&d, id, "stopped");
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    daemon_stop(&d);
}

TEST(pending_ones_are_listed_and_refuse_and_can_be_destroyed) {
    test_daemon d;
    daemon_start(&d, NULL);
    char head[512], id[40] = "";
    snprintf(head, sizeof(head),
             "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: 20\r\n\r\n"
             "{\"template\":\"gated\"}",
             d.key);
    int making = dial(d.socket);
    send_text(making, head);
    while (!*id) {
        reply r = call(&d, "GET", "/v1/sandboxes", NULL);
        const wrn_json *first = wrn_json_at(r.json, 0);
        if (first) snprintf(id, sizeof(id), "%s", wrn_json_string(wrn_json_get(first, "id"), NULL));
        reply_free(&r);
    }
    wait_status(&d, id, "pending");
    CHECK_ERROR(call(&d, "POST", sandbox_path(id, "/exec"), "{}"), 409, "invalid_state");
    CHECK_ERROR(call(&d, "POST", sandbox_path(id, "/ping"), NULL), 409, "invalid_state");
    CHECK_ERROR(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 409, "invalid_state");
    snprintf(head, sizeof(head), "DELETE %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n", sandbox_path(id, ""), d.key);
    int destroying = dial(d.socket);
    send_text(destroying, head);
    /* A second request on the way behind it shows that the first one has arrived. */
    CHECK_STATUS(call(&d, "GET", "/health", NULL), 200);
    kill(d.pid, SIGUSR1);
    CHECK_STATUS(read_reply(making), 201);
    CHECK_STATUS(read_reply(destroying), 204);
    wait_status(&d, id, "stopped");
    close(making);
    close(destroying);
    daemon_stop(&d);
}

/* A program is told what it got. */
TEST(sizes_fit_the_machine) {
    static const struct {
        const char *asked;
        int64_t vcpus, memory_mb;
    } cases[] = {{"{\"vcpus\":2147483647,\"memory_mb\":1}", 64, 8},
                 {"{\"vcpus\":65,\"memory_mb\":9}", 64, 9},
                 {"{\"vcpus\":64,\"memory_mb\":8}", 64, 8}};
    test_daemon d;
    daemon_start(&d, NULL);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        reply r = call(&d, "POST", "/v1/sandboxes", cases[i].asked);
        CHECK_INT(r.status, 201);
        CHECK_INT(number(&r, "vcpus"), cases[i].vcpus);
        CHECK_INT(number(&r, "memory_mb"), cases[i].memory_mb);
        reply_free(&r);
    }
    daemon_stop(&d);
}

TEST(limits_are_kept) {
    test_daemon d;
    daemon_start(&d, (const char *[]){"--max-sandboxes", "2", "--max-memory-mb", "1000", NULL});
    char first[40], second[40];
    make_sandbox(&d, "{}", first);
    reply r = call(&d, "POST", "/v1/sandboxes", "{}");
    CHECK_INT(r.status, 503);
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", "{\"memory_mb\":2147483647}"), 400, "invalid_request");
    CHECK_STR(error_code(&r), "no_hosts_available");
    CHECK_CONTAINS(error_message(&r), "488 of 1000 MB");
    CHECK_CONTAINS(r.head, "Retry-After: ");
    reply_free(&r);
    make_sandbox(&d, "{\"memory_mb\":100}", second);
    r = call(&d, "POST", "/v1/sandboxes", "{\"memory_mb\":1}");
    CHECK_CONTAINS(error_message(&r), "--max-sandboxes");
    reply_free(&r);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(first, ""), NULL), 204);
    make_sandbox(&d, "{}", first);
    daemon_stop(&d);
}

TEST_MAIN
