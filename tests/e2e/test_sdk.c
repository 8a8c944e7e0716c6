/* The library against a real wrennd and real sandboxes: through all three doors, as root and as an ordinary user. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wrenn/wrenn.h>

#include "local.h"
#include "program.h"
#include "soak.h"
#include "test.h"

/* ---- one sandbox from begin to end, through each door ---- */

static void door_block(wrenn_client *client) {
    wrenn_autodestroy(sandbox);
    wrenn_command command = shell("printf 'a\\0b\\377'; echo err >&2; exit 9");
    wrenn_exec_result *result = NULL;
    OK(wrenn_sandboxes_create(client, NULL, &sandbox, &error));
    OK(wrenn_sandbox_wait_ready(sandbox, NULL, &error));
    OK(wrenn_sandbox_ping(sandbox, NULL, &error));
    OK(wrenn_sandbox_exec(sandbox, &command, NULL, &result, &error));
    CHECK_INT(result->exit_code, 9);
    CHECK_MEM(result->stdout_data, result->stdout_size, "a\0b\xff", 4);
    CHECK_STR(result->stderr_data, "err\n");
    wrenn_exec_result_free(result);
    OK(wrenn_sandbox_destroy(sandbox, NULL, &error));
    CHECK_INT(wrenn_sandbox_ping(sandbox, NULL, NULL), WRENN_E_CONFLICT);
}

typedef struct chain {
    wrenn_sandbox *sandbox;
    wrenn_exec_result *result;
    bool over;
} chain;

static void on_destroyed(wrenn_op *op, void *data) {
    OK(wrenn_sandbox_destroy_finish(op, &error));
    ((chain *)data)->over = true;
}

static void on_executed(wrenn_op *op, void *data) {
    chain *c = data;
    OK(wrenn_sandbox_exec_finish(op, &c->result, &error));
    OK(wrenn_sandbox_destroy_start(c->sandbox, NULL, on_destroyed, c, NULL, &error));
}

static void on_created(wrenn_op *op, void *data) {
    chain *c = data;
    wrenn_command command = shell("echo from a callback");
    OK(wrenn_sandboxes_create_finish(op, &c->sandbox, &error));
    OK(wrenn_sandbox_exec_start(c->sandbox, &command, NULL, on_executed, c, NULL, &error));
}

static void end_chain(chain *c) {
    CHECK_STR(c->result->stdout_data, "from a callback\n");
    wrenn_exec_result_free(c->result);
    wrenn_sandbox_free(c->sandbox);
}

static void door_callback(wrenn_client *client) {
    chain c = {0};
    OK(wrenn_sandboxes_create_start(client, NULL, on_created, &c, NULL, &error));
    while (!c.over) OK(wrenn_client_dispatch(client, -1, &error));
    end_chain(&c);
}

static void door_own_loop(wrenn_client *client) {
    chain chains[8] = {0};
    size_t over = 0;
    for (size_t i = 0; i < 8; i++) OK(wrenn_sandboxes_create_start(client, NULL, on_created, &chains[i], NULL, &error));
    while (over < 8) {
        struct pollfd ready = {.fd = wrenn_client_fd(client), .events = POLLIN};
        CHECK(poll(&ready, 1, 100000) == 1);
        OK(wrenn_client_dispatch(client, 0, &error));
        over = 0;
        for (size_t i = 0; i < 8; i++) over += chains[i].over;
    }
    for (size_t i = 0; i < 8; i++) end_chain(&chains[i]);
}

static void all_doors(void) {
    wrenn_client *client = local_client();
    door_block(client);
    door_callback(client);
    door_own_loop(client);
    wrenn_sandbox_list *list = NULL;
    OK(wrenn_sandboxes_list(client, NULL, &list, &error));
    CHECK_INT(list->items_count, 0);
    wrenn_sandbox_list_free(list);
    wrenn_client_free(client);
}

/* ---- what a server answers to mistakes ---- */

static void mistakes(void) {
    wrenn_client *client = local_client();
    wrenn_sandbox *sandbox = NULL, *other = NULL;
    wrenn_exec_result *result = NULL;
    wrenn_error *why = NULL;
    wrenn_sandboxes_create_options create = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    create.template_name = "no-such-template";
    CHECK_INT(wrenn_sandboxes_create(client, &create, &sandbox, &why), WRENN_E_NOT_FOUND);
    CHECK_CONTAINS(wrenn_error_message(why), "no-such-template");
    wrenn_error_free(why);
    create.template_name = "not a name!";
    CHECK_INT(wrenn_sandboxes_create(client, &create, &sandbox, NULL), WRENN_E_VALIDATION);
    CHECK_INT(wrenn_sandboxes_get(client, "cl-0000000000000000000000000", NULL, &other, NULL), WRENN_E_NOT_FOUND);
    CHECK_INT(wrenn_sandboxes_get(client, "../../etc/passwd", NULL, &other, NULL), WRENN_E_VALIDATION);
    OK(wrenn_sandboxes_create(client, NULL, &sandbox, &error));
    wrenn_command command = shell("echo partial; sleep 3000");
    command.time_limit_ms = 1000;
    why = NULL;
    CHECK_INT(wrenn_sandbox_exec(sandbox, &command, NULL, &result, &why), WRENN_E_AGENT);
    CHECK_CONTAINS(wrenn_error_body(why), "partial\\n");
    wrenn_error_free(why);
    command = shell("true");
    command.cwd = "/nonexistent";
    why = NULL;
    CHECK_INT(wrenn_sandbox_exec(sandbox, &command, NULL, &result, &why), WRENN_E_VALIDATION);
    CHECK_CONTAINS(wrenn_error_message(why), "cwd");
    wrenn_error_free(why);
    OK(wrenn_sandboxes_destroy(client, wrenn_sandbox_id(sandbox), NULL, &error));
    OK(wrenn_sandboxes_destroy(client, wrenn_sandbox_id(sandbox), NULL, &error));
    OK(wrenn_sandboxes_get(client, wrenn_sandbox_id(sandbox), NULL, &other, &error));
    CHECK_STR(wrenn_sandbox_last_info(other)->status_text, "stopped");
    CHECK_INT(wrenn_sandbox_wait_ready(other, NULL, NULL), WRENN_E_CONFLICT);
    wrenn_sandbox_free(other);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
}

/* A client that knows nothing of the server yet. */
static wrenn_client *stranger(wrenn_client *local) {
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    wrenn_client *client = NULL;
    options.base_url = wrenn_client_base_url(local);
    options.api_key = wrenn_client_api_key(local);
    options.era = WRENN_ERA_SANDBOXES;
    OK(wrenn_client_new(&options, &client, &error));
    return client;
}

static wrenn_exec_result *exec_as_stranger(wrenn_client *local, const char *id, const wrenn_command *options) {
    wrenn_client *client = stranger(local);
    wrenn_sandbox *sandbox = NULL;
    wrenn_exec_result *result = NULL;
    OK(wrenn_sandbox_from_id(client, id, &sandbox, &error));
    OK(wrenn_sandbox_exec(sandbox, options, NULL, &result, &error));
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    return result;
}

/* A stranger sends envs and cwd as words: that must make no difference. */
static void exact_words(void) {
    static const char show[] =
        "pwd; for a in \"$@\"; do printf '<%s>' \"$a\"; done; printf '%s|%s|%s' \"$A\" \"$B\" \"$PATH\"";
    static const char *const plain[] = {"sh", "-c",   show, "sh",  "-e",        "",   "a b",
                                        "$A", "`id`", "*",  "x=y", "new\nline", "--", NULL};
    static const char *const missing[] = {"no-such-program", NULL}, *const odd[] = {"./a=b", "-n", NULL};
    static const char *const there[] = {"/etc/passwd", NULL}, *const by_path[] = {"mine", NULL};
    static const char *const envs[] = {"A=$HOME \"'\\", "B=1\n2", "A-B=odd", "-i=odd", NULL},
                             *const path[] = {"PATH=/tmp/bin:/usr/bin:/bin", NULL};
    const struct {
        const char *const *argv, *const *envs;
        const char *cwd;
    } cases[] = {{plain, envs, "/usr/lib"}, {plain, envs, NULL}, {plain, NULL, "/tmp/-"}, {missing, envs, "/tmp"},
                 {there, envs, NULL},       {odd, envs, "/tmp"}, {by_path, path, "/"}};
    wrenn_client *client = local_client();
    wrenn_sandbox *sandbox = NULL;
    wrenn_exec_result *want = NULL;
    OK(wrenn_sandboxes_create(client, NULL, &sandbox, &error));
    wrenn_command command = shell(
        "mkdir -p /tmp/- /tmp/bin && printf '#!/bin/sh\\necho ran \"$@\"\\n' | tee /tmp/a=b > /tmp/bin/mine && chmod 755 "
        "/tmp/a=b /tmp/bin/mine");
    OK(wrenn_sandbox_exec(sandbox, &command, NULL, &want, &error));
    CHECK_INT(want->exit_code, 0);
    wrenn_exec_result_free(want);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        command = (wrenn_command){
            .struct_size = sizeof(command), .argv = cases[i].argv, .envs = cases[i].envs, .cwd = cases[i].cwd};
        want = NULL;
        OK(wrenn_sandbox_exec(sandbox, &command, NULL, &want, &error));
        wrenn_exec_result *got = exec_as_stranger(client, wrenn_sandbox_id(sandbox), &command);
        CHECK_INT(got->exit_code, want->exit_code);
        CHECK_MEM(got->stdout_data, got->stdout_size, want->stdout_data, want->stdout_size);
        wrenn_exec_result_free(want);
        wrenn_exec_result_free(got);
    }
    wrenn_sandbox_close(sandbox);
    wrenn_client_free(client);
}

static void cancelled_creates(void) {
    wrenn_client *client = local_client(), *other = stranger(client);
    for (int i = 0; i < 25; i++) {
        wrenn_op *op = NULL;
        OK(wrenn_sandboxes_create_start(other, NULL, NULL, NULL, &op, &error));
        wrenn_client_dispatch(other, i % 5, NULL);
        wrenn_op_cancel(op);
        wrenn_sandbox *made = NULL;
        if (wrenn_sandboxes_create_finish(op, &made, NULL) == 0) wrenn_sandbox_close(made);
        wrenn_op_free(op);
    }
    wrenn_client_free(other);
    wrenn_sandbox_list *list = NULL;
    OK(wrenn_sandboxes_list(client, NULL, &list, &error));
    CHECK_INT(list->items_count, 0);
    wrenn_sandbox_list_free(list);
    wrenn_client_free(client);
}

static void accounts(void) {
    wrenn_client *client = local_client();
    wrenn_auth *auth = NULL;
    wrenn_api_key *key = NULL;
    wrenn_api_key_list *keys = NULL;
    OK(wrenn_auth_signup(client, " Ada@Example.org ", "correct horse", NULL, NULL, &auth, &error));
    CHECK_STR(auth->email, "ada@example.org");
    wrenn_auth_free(auth);
    auth = NULL;
    CHECK_INT(wrenn_auth_signup(client, "ada@example.org", "correct horse", NULL, NULL, &auth, NULL), WRENN_E_CONFLICT);
    CHECK_INT(wrenn_auth_signup(client, "bob@example.org", "short", NULL, NULL, &auth, NULL), WRENN_E_VALIDATION);
    CHECK_INT(wrenn_auth_login(client, "ada@example.org", "wrong horse", NULL, &auth, NULL), WRENN_E_AUTHENTICATION);
    OK(wrenn_auth_login(client, "ada@example.org", "correct horse", NULL, &auth, &error));
    OK(wrenn_client_set_token(client, auth->token, &error));
    wrenn_auth_free(auth);
    OK(wrenn_api_keys_create(client, "mine", NULL, &key, &error));
    CHECK(key->key && strncmp(key->key, key->key_prefix, strlen(key->key_prefix)) == 0);
    OK(wrenn_api_keys_list(client, NULL, &keys, &error));
    CHECK_INT(keys->items_count, 1);
    CHECK_STR(keys->items[0]->id, key->id);
    CHECK(keys->items[0]->key == NULL);
    CHECK_STR(keys->items[0]->creator_email, "ada@example.org");
    wrenn_api_key_list_free(keys);

    /* The new team has nothing to do with the owner's sandboxes. */
    wrenn_sandbox *sandbox = NULL, *foreign = NULL;
    OK(wrenn_sandboxes_create(client, NULL, &sandbox, &error));
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = wrenn_client_base_url(client);
    options.api_key = key->key;
    wrenn_client *stranger = NULL;
    OK(wrenn_client_new(&options, &stranger, &error));
    CHECK_INT(wrenn_sandboxes_get(stranger, wrenn_sandbox_id(sandbox), NULL, &foreign, NULL), WRENN_E_NOT_FOUND);
    OK(wrenn_api_keys_delete(client, key->id, NULL, &error));
    CHECK_INT(wrenn_sandboxes_get(stranger, wrenn_sandbox_id(sandbox), NULL, &foreign, NULL), WRENN_E_AUTHENTICATION);
    wrenn_client_free(stranger);
    wrenn_sandbox_close(sandbox);
    wrenn_api_key_free(key);
    wrenn_client_free(client);
}

static void hundred_commands_at_once(void) {
    wrenn_client *client = local_client();
    wrenn_sandbox *sandbox = NULL;
    wrenn_op *ops[100];
    wrenn_sandboxes_create_options create = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    create.vcpus = 2;
    OK(wrenn_sandboxes_create(client, &create, &sandbox, &error));
    wrenn_command command = shell("echo $$");
    for (int i = 0; i < 100; i++) OK(wrenn_sandbox_exec_start(sandbox, &command, NULL, NULL, NULL, &ops[i], &error));
    for (int i = 0; i < 100; i++) {
        wrenn_exec_result *result = NULL;
        while (!wrenn_op_is_done(ops[i])) OK(wrenn_client_dispatch(client, -1, &error));
        OK(wrenn_sandbox_exec_finish(ops[i], &result, &error));
        CHECK_INT(result->exit_code, 0);
        wrenn_exec_result_free(result);
        wrenn_op_free(ops[i]);
    }
    wrenn_sandbox_close(sandbox);
    wrenn_client_free(client);
}

/* An idle sandbox is paused; a paused one says so, and waiting can resume it. */
static void idle_pause(void) {
    wrenn_client *client = local_client();
    wrenn_sandbox *sandbox = NULL;
    wrenn_sandboxes_create_options create = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    create.idle_timeout_sec = 1;
    OK(wrenn_sandboxes_create(client, &create, &sandbox, &error));
    wrenn_command command = shell("echo kept > /tmp/x");
    wrenn_exec_result *result = NULL;
    OK(wrenn_sandbox_exec(sandbox, &command, NULL, &result, &error));
    wrenn_exec_result_free(result);
    wrenn_sandbox *seen = NULL;
    do {
        wrenn_sandbox_free(seen);
        OK(wrenn_sandboxes_get(client, wrenn_sandbox_id(sandbox), NULL, &seen, &error));
    } while (wrenn_sandbox_last_info(seen)->status == WRENN_SANDBOX_STATUS_RUNNING);
    CHECK_STR(wrenn_sandbox_last_info(seen)->status_text, "paused");
    wrenn_sandbox_free(seen);
    command = shell("cat /tmp/x");
    CHECK_INT(wrenn_sandbox_exec(sandbox, &command, NULL, &result, NULL), WRENN_E_CONFLICT);
    wrenn_sandbox_wait_ready_options wait = WRENN_SANDBOX_WAIT_READY_OPTIONS_INIT;
    wait.flags = WRENN_SANDBOX_WAIT_READY_RESUME;
    OK(wrenn_sandbox_wait_ready(sandbox, &wait, &error));
    OK(wrenn_sandbox_exec(sandbox, &command, NULL, &result, &error));
    CHECK_STR(result->stdout_data, "kept\n");
    wrenn_exec_result_free(result);
    wrenn_sandbox_close(sandbox);
    wrenn_client_free(client);
}

/* ---- one server for the process, and its end ---- */

static void *make_and_free(void *ignored) {
    for (int i = 0; i < 3; i++) {
        wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
        options.base_url = "local:";
        wrenn_client *client = NULL;
        wrenn_sandbox_list *list = NULL;
        OK(wrenn_client_new(&options, &client, &error));
        OK(wrenn_sandboxes_list(client, NULL, &list, &error));
        wrenn_sandbox_list_free(list);
        wrenn_client_free(client);
    }
    return ignored;
}

static void clients_share_a_server(void) {
    wrenn_client *first = local_client(), *second = local_client();
    CHECK_STR(wrenn_client_base_url(first), wrenn_client_base_url(second));
    char *path = strdup(wrenn_client_base_url(first) + strlen("unix:"));
    wrenn_sandbox *sandbox = NULL;
    OK(wrenn_sandboxes_create(first, NULL, &sandbox, &error));
    wrenn_client_free(first);
    OK(wrenn_sandboxes_destroy(second, wrenn_sandbox_id(sandbox), NULL, &error));
    wrenn_sandbox_free(sandbox);
    CHECK(access(path, F_OK) == 0);
    wrenn_client_free(second);
    CHECK(access(path, F_OK) != 0);
    free(path);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, make_and_free, NULL) == 0);
    for (size_t i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}

/* A program may have closed its first descriptors, as daemons do. */
static void closed_descriptors(void) {
    int saved = dup(1);
    for (int fd = 0; fd < 3; fd++) close(fd);
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    setenv("TMPDIR", test_dir(), 1);
    unsetenv("XDG_RUNTIME_DIR");
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = "local:";
    int rc = wrenn_client_new(&options, &client, NULL);
    if (rc == 0) rc = wrenn_sandboxes_create(client, NULL, &sandbox, NULL);
    wrenn_sandbox_close(sandbox);
    wrenn_client_free(client);
    dup2(saved, 1);
    CHECK_INT(rc, 0);
}

static void a_missing_server(void) {
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = "local:";
    options.wrennd = "/nonexistent/wrennd";
    wrenn_client *client = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_client_new(&options, &client, &error), WRENN_E_CONNECTION_FAILED);
    CHECK_CONTAINS(wrenn_error_message(error), "/nonexistent/wrennd");
    CHECK_CONTAINS(wrenn_error_message(error), "WRENN_WRENND");
    wrenn_error_free(error);
    options.wrennd = "/bin/false";
    CHECK_INT(wrenn_client_new(&options, &client, &error), WRENN_E_CONNECTION_FAILED);
    CHECK_CONTAINS(wrenn_error_message(error), "/bin/false");
    wrenn_error_free(error);
}

TEST_AS_BOTH(a_sandbox_through_each_door, all_doors)
TEST_AS_BOTH(mistakes_get_typed_errors, mistakes)
TEST_AS_BOTH(words_are_exact_either_way, exact_words)
TEST_AS_BOTH(cancelled_creates_leave_nothing, cancelled_creates)
TEST_AS_BOTH(accounts_keys_and_teams, accounts)
TEST_AS_BOTH(a_hundred_commands_at_once, hundred_commands_at_once)
TEST_AS_BOTH(an_idle_sandbox_is_paused_and_comes_back, idle_pause)
TEST_AS_BOTH(closed_standard_descriptors_do_no_harm, closed_descriptors)
TEST_AS_BOTH(clients_of_a_process_share_a_server, clients_share_a_server)
TEST(a_missing_wrennd_is_named_with_the_remedy) { a_missing_server(); }

TEST_MAIN
