/* What is left when servers, agents and holders are killed: looked for on the whole machine, so nothing else may run meanwhile. */
#include <dirent.h>
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

/* Exit code of wrennd doctor --leaks. */
static int leaks(void) {
    program p = program_start((const char *const[]){getenv("WRENN_WRENND"), "doctor", "--leaks", NULL});
    program_result result = program_finish(&p);
    int code = result.code;
    program_result_free(&result);
    return code;
}

/* Somebody kills the private server: its clients get errors, the next client gets a new server. */
static void a_killed_private_server(void) {
    wrenn_client *first = local_client();
    wrenn_sandbox *sandbox = NULL;
    OK(wrenn_sandboxes_create(first, NULL, &sandbox, &error));
    pid_t server = test_find_process("wrennd");
    CHECK(server > 0);
    int watched = (int)syscall(SYS_pidfd_open, server, 0);
    struct pollfd ended = {.fd = watched, .events = POLLIN};
    kill(server, SIGKILL);
    CHECK_INT(poll(&ended, 1, -1), 1);
    close(watched);
    CHECK(wrenn_sandbox_ping(sandbox, NULL, NULL) < 0);
    wrenn_sandbox_free(sandbox);
    wrenn_client *second = local_client();
    wrenn_sandbox_list *list = NULL;
    OK(wrenn_sandboxes_list(second, NULL, &list, &error));
    CHECK_INT(list->items_count, 0);
    wrenn_sandbox_list_free(list);
    wrenn_client_free(first);
    wrenn_client_free(second);
    /* Its directory went with its last client; what else it left the next server removes. */
    wrenn_client_free(local_client());
    CHECK_INT(leaks(), 0);
}

/* ---- a server that is killed in the middle ---- */

typedef struct daemon_state {
    pid_t pid;
    char data[256], url[300];
} daemon_state;

static void start_daemon(daemon_state *d) {
    char listen[320], fd[16];
    int ready[2];
    const char *wrennd = getenv("WRENN_WRENND");
    CHECK(wrennd != NULL);
    snprintf(d->data, sizeof(d->data), "%s/data", test_dir());
    snprintf(d->url, sizeof(d->url), "unix:%s/w.sock", test_dir());
    snprintf(listen, sizeof(listen), "--listen=%s", d->url);
    CHECK(pipe(ready) == 0);
    snprintf(fd, sizeof(fd), "%d", ready[1]);
    d->pid = fork();
    if (d->pid == 0) {
        char log[300];
        snprintf(log, sizeof(log), "%s/log", test_dir());
        if (!freopen(log, "a", stdout) || !freopen(log, "a", stderr)) _exit(1);
        close(ready[0]);
        execl(wrennd, "wrennd", "--data-dir", d->data, listen, "--ready-fd", fd, NULL);
        _exit(127);
    }
    close(ready[1]);
    char line[400];
    CHECK_MSG(read(ready[0], line, sizeof(line)) > 0, "wrennd did not get ready");
    close(ready[0]);
}

/* The key that the first start printed. */
static void read_key(char *out, size_t size) {
    char log[300], line[512];
    snprintf(log, sizeof(log), "%s/log", test_dir());
    FILE *file = fopen(log, "r");
    CHECK(file != NULL);
    out[0] = '\0';
    while (fgets(line, sizeof(line), file)) {
        char *at = strstr(line, "wrn_");
        if (at) snprintf(out, size, "%.36s", at);
    }
    fclose(file);
    CHECK(strlen(out) == 36);
}

/* A command whose output is streamed to its end. */
static int stream_round(wrenn_sandbox *sandbox, wrenn_error **why) {
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_stream *stream = NULL;
    const wrenn_event *event;
    command.shell = "head -c 300000 /dev/zero; echo err >&2";
    int rc = wrenn_sandbox_exec_stream(sandbox, &command, NULL, &stream, why);
    while (rc == 0 && (rc = wrenn_stream_next(stream, -1, &event, why)) > 0) rc = 0;
    wrenn_stream_free(stream);
    return rc;
}

/* What went wrong, or NULL. */
static wrenn_error *one_round(wrenn_client *client) {
    wrenn_error *why = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_exec_result *result = NULL;
    wrenn_command command = shell("echo round; (setsid sleep 5000 >/dev/null 2>&1 &)");
    int rc = wrenn_sandboxes_create(client, NULL, &sandbox, &why);
    if (rc == 0) rc = wrenn_sandbox_exec(sandbox, &command, NULL, &result, &why);
    if (rc == 0) rc = stream_round(sandbox, &why);
    /* Also one that has gone wrong: when only its agent was killed, somebody has to. */
    wrenn_error *ignored = NULL;
    if (sandbox) rc = wrenn_sandbox_destroy(sandbox, NULL, why ? &ignored : &why);
    CHECK(rc == 0 || why || ignored);
    wrenn_error_free(ignored);
    wrenn_exec_result_free(result);
    wrenn_sandbox_free(sandbox);
    return why;
}

static void check_no_leaks(const daemon_state *d) {
    program p =
        program_start((const char *const[]){getenv("WRENN_WRENND"), "doctor", "--leaks", "--data-dir", d->data, NULL});
    program_result result = program_finish(&p);
    CHECK_MSG(result.code == 0, "doctor --leaks: %d: %s%s", result.code, result.out, result.err);
    program_result_free(&result);
}

enum { SERVER, AGENT, HOLDER };

typedef struct killer {
    const daemon_state *daemon;
    int victim; /* an agent, if there is a new one just then; the holder; or the server itself */
    unsigned delay_us;
    pid_t killed; /* 0: there was none */
} killer;

/* The number in a line of /proc/PID/status; -1: there is none. */
static long status_of(const char *pid, const char *name) {
    char path[300], line[256];
    long value = -1;
    snprintf(path, sizeof(path), "/proc/%s/status", pid);
    FILE *file = fopen(path, "r");
    while (file && value < 0 && fgets(line, sizeof(line), file))
        if (strncmp(line, name, strlen(name)) == 0) value = atol(line + strlen(name));
    if (file) fclose(file);
    return value;
}

/* The server's children are the processes that became its sandboxes, and maybe the holder. 0: there is none. */
static pid_t find_agent(pid_t server) {
    pid_t found = 0, holder = test_find_process("(wrennd-holder)");
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && !found && (entry = readdir(proc));) {
        pid_t pid = atoi(entry->d_name);
        if (pid > 0 && pid != holder && status_of(entry->d_name, "PPid:") == server) found = pid;
    }
    if (proc) closedir(proc);
    return found;
}

static void *kill_soon(void *data) {
    killer *k = data;
    usleep(k->delay_us);
    pid_t pid = k->victim == AGENT    ? find_agent(k->daemon->pid)
                : k->victim == HOLDER ? test_find_process("(wrennd-holder)")
                                      : k->daemon->pid;
    if (pid && kill(pid, SIGKILL) == 0) k->killed = pid;
    return NULL;
}

/* A round with a kill by another thread, wherever that finds it; whether it killed. */
static bool disturbed_round(wrenn_client *client, daemon_state *d, int victim) {
    pthread_t thread;
    killer k = {.daemon = d, .victim = victim, .delay_us = (unsigned)(rand() % 60000)};
    CHECK(pthread_create(&thread, NULL, kill_soon, &k) == 0);
    wrenn_error_free(one_round(client));
    pthread_join(thread, NULL);
    if (victim == SERVER) {
        CHECK(waitpid(d->pid, NULL, 0) == d->pid);
        start_daemon(d);
    }
    /* Another one comes soon. */
    for (pid_t holder = 0; !holder || holder == k.killed; holder = test_find_process("(wrennd-holder)")) usleep(1000);
    return k.killed != 0;
}

/* One sandbox goes through all of it, and what runs in it. */
static wrenn_sandbox *start_witness(wrenn_client *client) {
    wrenn_sandbox *sandbox = NULL;
    wrenn_process *process = NULL;
    wrenn_command command = WRENN_COMMAND_INIT;
    command.shell = "while :; do echo tick; sleep 0.05; done";
    command.tag = "witness";
    OK(wrenn_sandboxes_create(client, NULL, &sandbox, &error));
    OK(wrenn_sandbox_spawn(sandbox, &command, NULL, &process, &error));
    wrenn_process_free(process);
    return sandbox;
}

static void check_witness(wrenn_sandbox *sandbox) {
    wrenn_process_list *list = NULL;
    wrenn_exec_result *result = NULL;
    wrenn_stream *stream = NULL;
    const wrenn_event *event;
    wrenn_command command = shell("echo there");
    OK(wrenn_sandbox_exec(sandbox, &command, NULL, &result, &error));
    CHECK_STR(result->stdout_data, "there\n");
    wrenn_exec_result_free(result);
    OK(wrenn_sandbox_processes(sandbox, NULL, &list, &error));
    CHECK_INT(list->items_count, 1);
    CHECK_STR(list->items[0]->tag, "witness");
    wrenn_process_list_free(list);
    OK(wrenn_sandbox_attach(sandbox, "witness", NULL, &stream, &error));
    do CHECK(wrenn_stream_next(stream, -1, &event, NULL) == 1);
    while (event->type != WRENN_EVENT_STDOUT);
    wrenn_stream_free(stream);
}

/* What kills have left alive; it can be used, or it is reported as ended. */
static void destroy_all(wrenn_client *client) {
    wrenn_sandbox_list *list = NULL;
    OK(wrenn_sandboxes_list(client, NULL, &list, &error));
    for (size_t i = 0; i < list->items_count; i++)
        OK(wrenn_sandboxes_destroy(client, list->items[i]->id, NULL, &error));
    wrenn_sandbox_list_free(list);
}

/* Afterwards there is no sandbox, and nothing is left behind, neither before the end of the server nor after it. */
static void check_the_end(wrenn_client *client, daemon_state *d) {
    wrenn_sandbox_list *list = NULL;
    OK(wrenn_sandboxes_list(client, NULL, &list, &error));
    CHECK_INT(list->items_count, 0);
    wrenn_sandbox_list_free(list);
    check_no_leaks(d);
    wrenn_client_free(client);
    kill(d->pid, SIGTERM);
    int status = 0;
    CHECK(waitpid(d->pid, &status, 0) == d->pid);
    CHECK_INT(status, 0);
    check_no_leaks(d);
}

static void hundred_rounds_and_kills(void) {
    daemon_state d;
    char key[64];
    int i = 0, killed[3] = {0};
    start_daemon(&d);
    read_key(key, sizeof(key));
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = d.url;
    options.api_key = key;
    options.max_attempts = 1;
    wrenn_client *client = NULL;
    OK(wrenn_client_new(&options, &client, &error));
    wrenn_sandbox *witness = start_witness(client);
    time_t until = soak_until(45);
    if (until) srand((unsigned)until);
    for (; i < 100 || time(NULL) < until; i++) {
        if (i % 10 == 9) {
            int victim = i / 10 % 3;
            killed[victim] += disturbed_round(client, &d, victim);
            check_witness(witness);
            continue;
        }
        wrenn_error *why = one_round(client);
        CHECK_MSG(!why, "round %d: %s", i, wrenn_error_message(why));
    }
    wrenn_sandbox_free(witness);
    destroy_all(client);
    check_the_end(client, &d);
    test_note("%d rounds; killed wrennd in %d, an agent in %d, the holder in %d", i, killed[SERVER], killed[AGENT],
              killed[HOLDER]);
}

TEST_AS_BOTH(a_killed_private_server_is_replaced, a_killed_private_server)
TEST_AS_BOTH(a_hundred_rounds_with_kills_leave_nothing, hundred_rounds_and_kills)

TEST_MAIN
