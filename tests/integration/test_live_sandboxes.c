/* Live tests, part one: sandboxes, commands, templates and keys. */
#include <stdio.h>

#include "live.h"

/* ---- life cycle ---- */

LIVE_TEST(create_exec_destroy) {
    (void)client;
    CHECK_INT(wrenn_sandbox_last_info(sandbox)->status, WRENN_SANDBOX_STATUS_RUNNING);
    live_expect(sandbox, "echo hello", "hello\n");
}

LIVE_TEST(exec_with_arguments) {
    (void)client;
    static const char *const argv[] = {"echo", "one", "two three", NULL};
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_exec_result *result = NULL;
    command.argv = argv;
    OK(wrenn_sandbox_exec(sandbox, &command, NULL, &result, &error));
    CHECK_STR(result->stdout_data, "one two three\n");
    CHECK_INT(result->exit_code, 0);
    wrenn_exec_result_free(result);
}

LIVE_TEST(exit_codes_and_stderr) {
    (void)client;
    wrenn_exec_result *result = live_run(sandbox, "echo problem >&2; exit 42");
    CHECK_INT(result->exit_code, 42);
    CHECK_CONTAINS(result->stderr_data, "problem");
    wrenn_exec_result_free(result);
}

LIVE_TEST(lines_for_the_shell) {
    (void)client;
    live_expect(sandbox, "A=5; cd /tmp && echo \"$A in $(pwd)\"", "5 in /tmp\n");
    live_expect(sandbox, "for i in 1 2\ndo\n  echo $i\ndone | tail -n 1", "2\n");
    wrenn_exec_result *result = live_run(sandbox, "sleep 1");
    CHECK_MSG(result->duration_ms >= 900, "sleep 1 took %d ms", (int)result->duration_ms);
    wrenn_exec_result_free(result);
}

TEST_SLOW(a_sandbox_ends_with_its_scope) {
    char id[64];
    wrenn_client *client = live_client();
    wrenn_sandbox *again = NULL;
    {
        wrenn_autodestroy(sandbox);
        sandbox = live_create(client);
        snprintf(id, sizeof(id), "%s", wrenn_sandbox_id(sandbox));
    }
    int rc = wrenn_sandboxes_get(client, id, NULL, &again, NULL);
    if (rc == 0) CHECK(wrenn_sandbox_last_info(again)->status != WRENN_SANDBOX_STATUS_RUNNING);
    else CHECK_INT(rc, WRENN_E_NOT_FOUND);
    wrenn_sandbox_free(again);
    wrenn_client_free(client);
}

LIVE_TEST(pause_and_resume) {
    wrenn_sandbox *again = NULL;
    wrenn_exec_result_free(live_run(sandbox, "echo kept > /tmp/kept"));
    OK(wrenn_sandbox_pause(sandbox, NULL, &error));
    OK(wrenn_sandboxes_get(client, wrenn_sandbox_id(sandbox), NULL, &again, &error));
    CHECK_STR(wrenn_sandbox_last_info(again)->status_text, "paused");
    wrenn_sandbox_free(again);
    OK(wrenn_sandbox_resume(sandbox, NULL, &error));
    OK(wrenn_sandbox_wait_ready(sandbox, NULL, &error));
    live_expect(sandbox, "cat /tmp/kept", "kept\n");
}

LIVE_TEST(connecting_resumes) {
    wrenn_sandbox *again = NULL;
    OK(wrenn_sandbox_pause(sandbox, NULL, &error));
    OK(wrenn_sandboxes_connect(client, wrenn_sandbox_id(sandbox), NULL, &again, &error));
    live_expect(again, "echo back", "back\n");
    wrenn_sandbox_free(again);
}

LIVE_TEST(ping) {
    (void)client;
    OK(wrenn_sandbox_ping(sandbox, NULL, &error));
    live_expect(sandbox, "echo pong", "pong\n");
}

LIVE_TEST(url_of_a_port) {
    (void)client;
    char *url = NULL;
    OK(wrenn_sandbox_url(sandbox, 8888, NULL, &url, &error));
    CHECK_CONTAINS(url, "8888-");
    CHECK_CONTAINS(url, wrenn_sandbox_id(sandbox));
    wrenn_string_free(url);
}

LIVE_TEST(list_and_get) {
    wrenn_sandbox_list *list = NULL;
    wrenn_sandbox *again = NULL;
    bool found = false;
    OK(wrenn_sandboxes_list(client, NULL, &list, &error));
    for (size_t i = 0; i < list->items_count; i++) found |= strcmp(list->items[i]->id, wrenn_sandbox_id(sandbox)) == 0;
    CHECK(found);
    wrenn_sandbox_list_free(list);
    OK(wrenn_sandboxes_get(client, wrenn_sandbox_id(sandbox), NULL, &again, &error));
    CHECK_STR(wrenn_sandbox_last_info(again)->status_text, "running");
    wrenn_sandbox_free(again);
    again = NULL;
    int rc = wrenn_sandboxes_get(client, "cl-nonexistent", NULL, &again, NULL);
    CHECK_MSG(rc == WRENN_E_NOT_FOUND || rc == WRENN_E_VALIDATION, "%s", wrenn_strerror_name(rc));
}

LIVE_TEST(metrics) {
    (void)client;
    wrenn_metrics *metrics = NULL;
    OK(wrenn_sandbox_metrics(sandbox, NULL, &metrics, &error));
    for (size_t i = 0; i < metrics->points_count; i++) CHECK(metrics->points[i]->cpu_pct >= 0);
    wrenn_metrics_free(metrics);
}

/* ---- without a sandbox ---- */

TEST(templates_are_listed) {
    wrenn_client *client = live_client();
    wrenn_snapshot_list *list = NULL;
    OK(wrenn_snapshots_list(client, NULL, &list, &error));
    test_note("%zu templates and snapshots", list->items_count);
    wrenn_snapshot_list_free(list);
    wrenn_client_free(client);
}

/* A token: the one of the environment, one for the account it names, or one of a new account of a private server. */
static void get_token(wrenn_client *client) {
    wrenn_auth *auth = NULL;
    if (live_is_set("WRENN_TEST_EMAIL") && live_is_set("WRENN_TEST_PASSWORD"))
        OK(wrenn_auth_login(client, getenv("WRENN_TEST_EMAIL"), getenv("WRENN_TEST_PASSWORD"), NULL, &auth, &error));
    else if (live_is_private())
        OK(wrenn_auth_signup(client, "live@example.org", "correct horse", "Live", NULL, &auth, &error));
    else if (!live_is_set("WRENN_TOKEN"))
        test_skip("API keys want a token: set WRENN_TOKEN, or WRENN_TEST_EMAIL and WRENN_TEST_PASSWORD");
    if (auth) OK(wrenn_client_set_token(client, auth->token, &error));
    wrenn_auth_free(auth);
}

static bool has_key(wrenn_client *client, const char *id) {
    wrenn_api_key_list *list = NULL;
    bool found = false;
    OK(wrenn_api_keys_list(client, NULL, &list, &error));
    for (size_t i = 0; i < list->items_count; i++) found |= strcmp(list->items[i]->id, id) == 0;
    wrenn_api_key_list_free(list);
    return found;
}

TEST(api_keys) {
    wrenn_client *client = live_client();
    wrenn_api_key *key = NULL;
    get_token(client);
    OK(wrenn_api_keys_create(client, "live test", NULL, &key, &error));
    CHECK(key->key && *key->key);
    CHECK(has_key(client, key->id));
    OK(wrenn_api_keys_delete(client, key->id, NULL, &error));
    CHECK(!has_key(client, key->id));
    wrenn_api_key_free(key);
    wrenn_client_free(client);
}
