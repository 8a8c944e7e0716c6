/* Streams against a real wrennd: bytes as they are, terminals that outlive their connections, processes, ports. */
#include <nettle/sha2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "local.h"

typedef struct setup {
    wrenn_client *client;
    wrenn_sandbox *sandbox;
} setup;

static setup set_up(void) {
    setup s = {.client = local_client()};
    OK(wrenn_sandboxes_create(s.client, NULL, &s.sandbox, &error));
    return s;
}

static void tear_down(setup *s) {
    OK(wrenn_sandbox_destroy(s->sandbox, NULL, &error));
    wrenn_sandbox_free(s->sandbox);
    wrenn_client_free(s->client);
}

static wrenn_stream *start(setup *s, const char *line, int64_t want_stdin) {
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_stream *stream = NULL;
    command.shell = line;
    command.want_stdin = want_stdin;
    OK(wrenn_sandbox_exec_stream(s->sandbox, &command, NULL, &stream, &error));
    CHECK(wrenn_stream_is_exact(stream));
    return stream;
}

typedef struct output {
    char out[8192], err[512];
    size_t out_size, err_size;
    int64_t exit_code;
    int rc;
} output;

static output read_all(wrenn_stream *stream) {
    output o = {.exit_code = -99};
    const wrenn_event *event;
    wrenn_error *error = NULL;
    while ((o.rc = wrenn_stream_next(stream, 60000, &event, &error)) > 0) {
        char *to = event->type == WRENN_EVENT_STDERR ? o.err : o.out;
        size_t *used = event->type == WRENN_EVENT_STDERR ? &o.err_size : &o.out_size;
        size_t room = event->type == WRENN_EVENT_STDERR ? sizeof(o.err) : sizeof(o.out);
        if (event->type == WRENN_EVENT_EXIT) o.exit_code = event->exit_code;
        if (!event->data) continue;
        CHECK(*used + event->size < room);
        memcpy(to + *used, event->data, event->size);
        *used += event->size;
    }
    wrenn_error_free(error);
    return o;
}

static void commands(void) {
    setup s = set_up();
    wrenn_stream *stream = start(&s, "printf 'a\\0\\377'; echo err >&2; exit 3", 0);
    CHECK(wrenn_stream_pid(stream) > 1);
    output o = read_all(stream);
    CHECK_MEM(o.out, o.out_size, "a\0\xff", 3);
    CHECK_STR(o.err, "err\n");
    CHECK_INT(o.exit_code, 3);
    CHECK_INT(o.rc, 0);
    wrenn_stream_free(stream);
    /* Input, and its end. */
    stream = start(&s, "cat; echo done", 1);
    CHECK_INT(wrenn_stream_write(stream, "x\0y", 3, -1, NULL), 3);
    OK(wrenn_stream_close_input(stream, &error));
    o = read_all(stream);
    CHECK_MEM(o.out, o.out_size, "x\0ydone\n", 8);
    wrenn_stream_free(stream);
    /* A missing program is a result; a missing directory an error. */
    stream = start(&s, "no-such-program", 0);
    CHECK_INT(read_all(stream).exit_code, 127);
    wrenn_stream_free(stream);
    wrenn_command command = WRENN_COMMAND_INIT;
    command.shell = "true";
    command.cwd = "/nonexistent";
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandbox_exec_stream(s.sandbox, &command, NULL, &stream, &error), WRENN_E_VALIDATION);
    CHECK_CONTAINS(wrenn_error_message(error), "cwd");
    wrenn_error_free(error);
    tear_down(&s);
}

/* As somebody of the sandbox, and as nobody of that name. */
static void users(void) {
    setup s = set_up();
    wrenn_stream *stream = NULL;
    const char *user = geteuid() == 0 ? "user" : "root";
    wrenn_command command = WRENN_COMMAND_INIT;
    command.shell = "echo $USER $(id -un)";
    command.user = user;
    OK(wrenn_sandbox_exec_stream(s.sandbox, &command, NULL, &stream, &error));
    char expected[32];
    snprintf(expected, sizeof(expected), "%s %s\n", user, user);
    CHECK_STR(read_all(stream).out, expected);
    wrenn_stream_free(stream);
    command.user = "captain";
    wrenn_error *unknown = NULL;
    CHECK_INT(wrenn_sandbox_exec_stream(s.sandbox, &command, NULL, &stream, &unknown), WRENN_E_VALIDATION);
    CHECK_CONTAINS(wrenn_error_message(unknown), "no such user");
    wrenn_error_free(unknown);
    wrenn_command run = WRENN_COMMAND_INIT;
    wrenn_exec_result *result = NULL;
    run.shell = "id -un";
    run.user = "captain";
    CHECK_INT(wrenn_sandbox_exec(s.sandbox, &run, NULL, &result, NULL), WRENN_E_VALIDATION);
    wrenn_command spawn = WRENN_COMMAND_INIT;
    wrenn_process *process = NULL;
    spawn.shell = "id -un >/tmp/who";
    spawn.user = "captain";
    CHECK_INT(wrenn_sandbox_spawn(s.sandbox, &spawn, NULL, &process, NULL), WRENN_E_VALIDATION);
    wrenn_command pty = WRENN_COMMAND_INIT;
    pty.argv = (const char *const[]){"id", "-un", NULL};
    pty.user = user;
    OK(wrenn_sandbox_pty(s.sandbox, &pty, NULL, &stream, &error));
    snprintf(expected, sizeof(expected), "%s\r\n", user);
    CHECK_STR(read_all(stream).out, expected);
    wrenn_stream_free(stream);
    tear_down(&s);
}

static int64_t processes(setup *s) {
    wrenn_process_list *list = NULL;
    OK(wrenn_sandbox_processes(s->sandbox, NULL, &list, &error));
    int64_t count = (int64_t)list->items_count;
    wrenn_process_list_free(list);
    return count;
}

static void ends(void) {
    setup s = set_up();
    /* Killed by us, and by the end of the connection. */
    wrenn_stream *stream = start(&s, "sleep 1000", 0);
    OK(wrenn_stream_kill(stream, &error));
    CHECK_INT(read_all(stream).exit_code, -1);
    CHECK_INT(wrenn_stream_signal(stream), SIGKILL);
    wrenn_stream_free(stream);
    stream = start(&s, "sleep 1000", 0);
    CHECK_INT(processes(&s), 1);
    wrenn_stream_free(stream);
    while (processes(&s)) {
    }
    /* The sandbox goes while a command runs: no exit is made up. */
    stream = start(&s, "sleep 1000", 0);
    OK(wrenn_sandbox_destroy(s.sandbox, NULL, &error));
    output o = read_all(stream);
    CHECK_INT(o.exit_code, -99);
    CHECK(o.rc < 0);
    wrenn_stream_free(stream);
    wrenn_command command = WRENN_COMMAND_INIT;
    command.shell = "true";
    CHECK_INT(wrenn_sandbox_exec_stream(s.sandbox, &command, NULL, &stream, NULL), WRENN_E_CONFLICT);
    tear_down(&s);
}

/* The bytes and their number, by the sandbox's own count on stderr. */
static void random_bytes(int64_t megabytes) {
    setup s = set_up();
    char line[256];
    snprintf(line, sizeof(line), "mkfifo /tmp/p; sha256sum </tmp/p >&2 & head -c %lldM /dev/urandom | tee /tmp/p; wait",
             (long long)megabytes);
    wrenn_stream *stream = start(&s, line, 0);
    struct sha256_ctx sha;
    sha256_init(&sha);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    int64_t total = 0;
    char sum[65] = "", expected[65] = "";
    const wrenn_event *event;
    int rc;
    while ((rc = wrenn_stream_next(stream, 60000, &event, NULL)) > 0) {
        if (event->type == WRENN_EVENT_STDERR) snprintf(expected, sizeof(expected), "%.64s", event->data);
        if (event->type != WRENN_EVENT_STDOUT) continue;
        sha256_update(&sha, event->size, (const uint8_t *)event->data);
        total += (int64_t)event->size;
    }
    getrusage(RUSAGE_SELF, &after);
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(&sha, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++) snprintf(sum + 2 * i, 3, "%02x", digest[i]);
    CHECK_INT(rc, 0);
    CHECK_INT(total, megabytes << 20);
    CHECK_STR(sum, expected);
    /* KiB; AddressSanitizer keeps what was freed for a while. */
    long allowed = getenv("ASAN_OPTIONS") || getenv("TSAN_OPTIONS") ? 1 << 20 : 16 << 10;
    CHECK_MSG(after.ru_maxrss - before.ru_maxrss < allowed, "grew by %ld KiB", after.ru_maxrss - before.ru_maxrss);
    wrenn_stream_free(stream);
    tear_down(&s);
}

static void a_lot(void) { random_bytes(256); } /* many times what memory may grow by */

static void large_input(void) {
    setup s = set_up();
    enum { SIZE = 20 << 20 };
    static uint8_t data[SIZE];
    for (size_t i = 0; i < SIZE; i++) data[i] = (uint8_t)(i * 2654435761U >> 24);
    struct sha256_ctx sha;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&sha);
    sha256_update(&sha, SIZE, data);
    sha256_digest(&sha, sizeof(digest), digest);
    char expected[65];
    for (size_t i = 0; i < sizeof(digest); i++) snprintf(expected + 2 * i, 3, "%02x", digest[i]);
    wrenn_stream *stream = start(&s, "sha256sum", 1);
    CHECK_INT(wrenn_stream_write(stream, data, SIZE, -1, NULL), SIZE);
    OK(wrenn_stream_close_input(stream, &error));
    output o = read_all(stream);
    o.out[64] = '\0';
    CHECK_STR(o.out, expected);
    wrenn_stream_free(stream);
    /* Nobody reads it: the writer is told that there is no room, and may give up. */
    stream = start(&s, "sleep 1000", 1);
    int64_t taken = 0, n;
    while ((n = wrenn_stream_write(stream, data, SIZE, 300, NULL)) > 0 && taken < 10LL * SIZE) taken += n;
    CHECK_INT(n, WRENN_E_AGAIN);
    wrenn_stream_free(stream);
    while (processes(&s)) {
    }
    tear_down(&s);
}

/* ---- terminals ---- */

static void until(wrenn_stream *stream, const char *text) {
    char seen[16384];
    size_t size = 0;
    const wrenn_event *event;
    while (!memmem(seen, size, text, strlen(text))) {
        int rc = wrenn_stream_next(stream, 60000, &event, NULL);
        CHECK_MSG(rc == 1 && event->type != WRENN_EVENT_EXIT, "no \"%s\" in: %.*s", text, (int)size, seen);
        if (!event->data || size + event->size > sizeof(seen)) continue;
        memcpy(seen + size, event->data, event->size);
        size += event->size;
    }
}

static void type(wrenn_stream *stream, const char *keys) {
    CHECK_INT(wrenn_stream_write(stream, keys, strlen(keys), -1, NULL), strlen(keys));
}

static void terminals(void) {
    setup s = set_up();
    const char *argv[] = {"/bin/sh", NULL}, *envs[] = {"PS1=> ", "MARK=here", NULL};
    wrenn_command command = WRENN_COMMAND_INIT;
    command.argv = argv;
    command.envs = envs;
    command.cols = 91;
    wrenn_stream *stream = NULL, *second = NULL;
    OK(wrenn_sandbox_pty(s.sandbox, &command, NULL, &stream, &error));
    char tag[64];
    snprintf(tag, sizeof(tag), "%s", wrenn_stream_tag(stream));
    CHECK(strncmp(tag, "pty-", 4) == 0 && wrenn_stream_pid(stream) > 0);
    type(stream, "stty size; echo $TERM $MARK\r");
    until(stream, "24 91\r\nxterm-256color here\r\n");
    OK(wrenn_stream_resize(stream, 132, 43, &error));
    type(stream, "stty size\r");
    until(stream, "43 132\r\n");
    /* It outlives its connection, and shows the last of what it has shown to the next one. */
    wrenn_stream_free(stream);
    OK(wrenn_sandbox_pty_connect(s.sandbox, tag, NULL, &stream, &error));
    until(stream, "43 132\r\n");
    OK(wrenn_sandbox_pty_connect(s.sandbox, tag, NULL, &second, &error));
    type(second, "echo both=$((40+2))\r");
    until(stream, "both=42\r\n");
    until(second, "both=42\r\n");
    type(stream, "exit 5\r");
    output o = read_all(second);
    CHECK_INT(o.exit_code, 5);
    CHECK_INT(read_all(stream).exit_code, 5);
    wrenn_stream_free(stream);
    wrenn_stream_free(second);
    /* Closing one kills it; an unknown tag is told. */
    OK(wrenn_sandbox_pty(s.sandbox, &command, NULL, &stream, &error));
    wrenn_stream_close(stream);
    CHECK_INT(processes(&s), 0);
    OK(wrenn_sandbox_pty_connect(s.sandbox, tag, NULL, &stream, &error));
    CHECK(read_all(stream).rc < 0);
    wrenn_stream_free(stream);
    tear_down(&s);
}

/* Who comes back in the middle of a full-screen program gets its modes, and then all of the screen. */
static void full_screen(void) {
    setup s = set_up();
    static const char line[] =
        "trap 'printf drawn-anew' WINCH; stty -echo; printf '\\033[?1049h\\033[?2004h\\033[?25l'; "
        "yes '\303\244' | head -n 100000 | tr -d '\\n'; printf '\\033[6nready'; "
        "while :; do sleep 0.01; done";
    const char *argv[] = {"sh", "-c", line, NULL};
    wrenn_command command = WRENN_COMMAND_INIT;
    command.argv = argv;
    wrenn_stream *stream = NULL;
    OK(wrenn_sandbox_pty(s.sandbox, &command, NULL, &stream, &error));
    const wrenn_event *event;
    bool ready = false;
    while (!ready) {
        CHECK_INT(wrenn_stream_next(stream, 60000, &event, NULL), 1);
        ready = event->data && memmem(event->data, event->size, "ready", 5);
    }
    char tag[64];
    snprintf(tag, sizeof(tag), "%s", wrenn_stream_tag(stream));
    wrenn_stream_free(stream);
    for (int i = 0; i < 2; i++) {
        static char shown[200000];
        size_t size = 0;
        OK(wrenn_sandbox_pty_connect(s.sandbox, tag, NULL, &stream, &error));
        while (!memmem(shown, size, "drawn-anew", 10)) {
            CHECK_INT(wrenn_stream_next(stream, 60000, &event, NULL), 1);
            if (!event->data) continue;
            CHECK(size + event->size <= sizeof(shown));
            memcpy(shown + size, event->data, event->size);
            size += event->size;
        }
        static const char modes[] = "\033[?1049h\033[?25l\033[?2004h\303\244";
        CHECK_MEM(shown, sizeof(modes) - 1, modes, sizeof(modes) - 1);
        CHECK(memmem(shown, size, "ready", 5) && !memmem(shown, size, "\033[6n", 4));
        wrenn_stream_free(stream);
        memset(shown, 0, sizeof(shown));
    }
    tear_down(&s);
}

/* ---- processes ---- */

static void background(void) {
    setup s = set_up();
    wrenn_command command = WRENN_COMMAND_INIT;
    command.shell = "read line </dev/null; while [ ! -e /tmp/go ]; do sleep 0.01; done; echo late; sleep 1000";
    command.tag = "worker";
    wrenn_process *process = NULL;
    OK(wrenn_sandbox_spawn(s.sandbox, &command, NULL, &process, &error));
    CHECK_STR(process->tag, "worker");
    CHECK_INT(wrenn_sandbox_spawn(s.sandbox, &command, NULL, &process, NULL), WRENN_E_CONFLICT);
    wrenn_stream *stream = NULL;
    OK(wrenn_sandbox_attach(s.sandbox, "worker", NULL, &stream, &error));
    CHECK_INT(wrenn_stream_pid(stream), process->pid);
    wrenn_command touch = WRENN_COMMAND_INIT;
    touch.shell = "touch /tmp/go";
    wrenn_exec_result *result = NULL;
    OK(wrenn_sandbox_exec(s.sandbox, &touch, NULL, &result, &error));
    wrenn_exec_result_free(result);
    until(stream, "late\n");
    wrenn_process_list *list = NULL;
    OK(wrenn_sandbox_processes(s.sandbox, NULL, &list, &error));
    CHECK_INT(list->items_count, 1);
    CHECK_STR(list->items[0]->tag, "worker");
    CHECK_STR(list->items[0]->cmd, "/bin/sh");
    CHECK_INT(list->items[0]->args_count, 2);
    wrenn_process_list_free(list);
    char pid[32];
    snprintf(pid, sizeof(pid), "%lld", (long long)process->pid);
    OK(wrenn_sandbox_kill(s.sandbox, pid, SIGTERM, NULL, &error));
    CHECK_INT(read_all(stream).exit_code, -1);
    wrenn_stream_free(stream);
    CHECK_INT(wrenn_sandbox_kill(s.sandbox, pid, 0, NULL, NULL), WRENN_E_NOT_FOUND);
    CHECK_INT(wrenn_sandbox_attach(s.sandbox, "worker", NULL, &stream, NULL), WRENN_E_NOT_FOUND);
    wrenn_process_free(process);
    tear_down(&s);
}

/* ---- ports ---- */

static void ports(void) {
    setup s = set_up();
    static const char program[] =
        "import http.server\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "  def do_POST(self):\n"
        "    body=self.rfile.read(int(self.headers['Content-Length']))\n"
        "    out=('%s|%s|%s|%s'%(self.path,self.headers.get('X-Api-Key'),self.headers.get('Authorization'),len(body))).encode()\n"
        "    self.send_response(201); self.send_header('Content-Length',str(len(out))); self.end_headers(); self.wfile.write(out)\n"
        "http.server.HTTPServer(('127.0.0.1',8000),H).serve_forever()\n";
    const char *argv[] = {"python3", "-c", program, NULL};
    wrenn_command spawn = WRENN_COMMAND_INIT;
    spawn.argv = argv;
    wrenn_process *process = NULL;
    OK(wrenn_sandbox_spawn(s.sandbox, &spawn, NULL, &process, &error));
    wrenn_process_free(process);
    static char body[300000];
    wrenn_sandbox_port_request_options options = WRENN_SANDBOX_PORT_REQUEST_OPTIONS_INIT;
    options.port = 8000;
    options.path = "/a//b/?c=%20";
    options.body = body;
    options.body_size = sizeof(body);
    wrenn_port_response *response = NULL;
    for (int status = 502; status == 502;) { /* until it listens */
        wrenn_port_response_free(response);
        OK(wrenn_sandbox_port_request(s.sandbox, &options, &response, &error));
        status = (int)response->status;
    }
    CHECK_INT(response->status, 201);
    CHECK_STR(response->body, "/a//b/?c=%20|None|None|300000");
    wrenn_port_response_free(response);
    options.port = 8001;
    OK(wrenn_sandbox_port_request(s.sandbox, &options, &response, &error));
    CHECK_INT(response->status, 502);
    wrenn_port_response_free(response);
    wrenn_stream *stream = NULL;
    CHECK_INT(wrenn_sandbox_port_websocket(s.sandbox, 8001, NULL, NULL, &stream, NULL), WRENN_E_AGENT);
    tear_down(&s);
}

/* ---- many ---- */

enum { MANY = 500, SANDBOXES = 4 };

typedef struct job {
    wrenn_stream *stream;
    int64_t exit_code;
    size_t bytes;
    bool over;
} job;

static void on_ready(wrenn_stream *stream, void *data) {
    job *j = data;
    const wrenn_event *event;
    int rc;
    while ((rc = wrenn_stream_next(stream, 0, &event, NULL)) > 0) {
        if (event->type == WRENN_EVENT_EXIT) j->exit_code = event->exit_code;
        if (event->type == WRENN_EVENT_STDOUT) j->bytes += event->size;
    }
    j->over = rc != WRENN_E_AGAIN;
}

static void on_opened(wrenn_op *op, void *data) {
    job *j = data;
    OK(wrenn_sandbox_exec_stream_finish(op, &j->stream, &error));
    wrenn_stream_on_ready(j->stream, on_ready, j);
}

static void many(void) {
    test_not_in_machines("an emulated processor takes minutes to start so many commands");
    setup s = set_up();
    static job jobs[MANY];
    memset(jobs, 0, sizeof(jobs));
    wrenn_command command = WRENN_COMMAND_INIT;
    command.shell = "exec dd if=/dev/zero bs=100000 count=1 status=none";
    wrenn_sandbox *sandboxes[SANDBOXES] = {0};
    for (size_t i = 0; i < SANDBOXES; i++) OK(wrenn_sandboxes_create(s.client, NULL, &sandboxes[i], &error));
    for (size_t i = 0; i < MANY; i++)
        OK(wrenn_sandbox_exec_stream_start(sandboxes[i % SANDBOXES], &command, NULL, on_opened, &jobs[i], NULL,
                                           &error));
    for (size_t over = 0; over < MANY;) {
        OK(wrenn_client_dispatch(s.client, 60000, &error));
        over = 0;
        for (size_t i = 0; i < MANY; i++) over += jobs[i].over;
    }
    for (size_t i = 0; i < MANY; i++) {
        CHECK_INT(jobs[i].bytes, 100000);
        CHECK_INT(jobs[i].exit_code, 0);
        wrenn_stream_free(jobs[i].stream);
    }
    for (size_t i = 0; i < SANDBOXES; i++) wrenn_sandbox_close(sandboxes[i]);
    tear_down(&s);
}

TEST_AS_BOTH(commands_with_their_output_as_it_comes, commands)
TEST_AS_BOTH(commands_of_a_user, users)
TEST_AS_BOTH(whatever_ends_a_stream, ends)
TEST_AS_ROOT(many_random_bytes_at_flat_memory, a_lot)
TEST_AS_BOTH(input_of_any_size, large_input)
TEST_AS_BOTH(terminals_outlive_their_connections, terminals)
TEST_AS_BOTH(terminals_are_found_as_they_were_left, full_screen)
TEST_AS_BOTH(processes_in_the_background, background)
TEST_AS_BOTH(programs_that_listen, ports)
TEST_AS_BOTH(five_hundred_streams_at_once, many)

TEST_MAIN
