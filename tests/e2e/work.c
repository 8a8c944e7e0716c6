#include "work.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

void start(test_daemon *d, const char *const *extra) {
    const char *args[16] = {"--agent", getenv("WRENN_TEST_AGENT")};
    for (size_t i = 0; extra && extra[i] && i < 13; i++) args[2 + i] = extra[i];
    CHECK(chmod(test_dir(), 0711) == 0);
    daemon_start(d, args);
}

/* What a failed test leaves to hold sandboxes. */
void test_after_each(void) {
    for (pid_t holder; (holder = test_find_process("(wrennd-holder)"));) kill(holder, SIGKILL);
}

/* Up to where it says that it listens; the first start says its key before. */
static void read_key(test_daemon *d, int from) {
    char said[8192] = "";
    for (size_t have = 0; have + 1 < sizeof(said) && !strstr(said, "listening");) {
        ssize_t got = read(from, said + have, sizeof(said) - 1 - have);
        CHECK_MSG(got > 0, "%s", said);
        have += (size_t)got;
        said[have] = '\0';
    }
    const char *at = strstr(said, "WRENN_API_KEY=");
    if (at) snprintf(d->key, sizeof(d->key), "%.36s", at + strlen("WRENN_API_KEY="));
}

void serve(test_daemon *d, const char *const *extra) {
    int out[2];
    char address[256];
    CHECK(chmod(test_dir(), 0711) == 0);
    snprintf(d->dir, sizeof(d->dir), "%s/data", test_dir());
    snprintf(d->socket, sizeof(d->socket), "%s/s", test_dir());
    snprintf(address, sizeof(address), "unix:%s", d->socket);
    CHECK(pipe(out) == 0);
    const char *args[20] = {"--data-dir", d->dir, "--listen", address, "--agent", getenv("WRENN_TEST_AGENT")};
    for (size_t i = 0; extra && extra[i] && i < 13; i++) args[6 + i] = extra[i];
    d->pid = daemon_spawn(args, -1, out[1]);
    close(out[1]);
    read_key(d, out[0]);
    close(out[0]);
}

void serve_again(test_daemon *d, const char *const *extra, const char *id) {
    int status;
    serve(d, extra);
    do {
        reply r = call(d, "GET", sandbox_path(id, "/processes"), NULL);
        status = r.status;
        reply_free(&r);
    } while (status == 503);
}

void end(const test_daemon *d, int signal_number, int status) {
    kill(d->pid, signal_number);
    CHECK_INT(daemon_wait(d->pid), status);
}

static reply run_line(const test_daemon *d, const char *id, const char *line) {
    WRN_AUTO(wrn_json_freep) wrn_json *body = wrn_json_new_object();
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_json *args = wrn_json_new_array();
    wrn_json_append(args, wrn_json_new_string("-ec", 3));
    wrn_json_append(args, wrn_json_new_string(line, strlen(line)));
    CHECK(wrn_json_set_string(body, "cmd", "sh") && wrn_json_set(body, "args", args) &&
          wrn_json_set_int(body, "timeout_sec", 300));
    wrn_json_write(body, &text);
    return call(d, "POST", sandbox_path(id, "/exec"), text.data);
}

char *sh(const test_daemon *d, const char *id, const char *line) {
    reply r = run_line(d, id, line);
    CHECK_MSG(r.status == 200 && number(&r, "exit_code") == 0, "%s: %s", line, r.body);
    CHECK_MSG(strcmp(member(&r, "stderr"), "") == 0, "%s: %s", line, r.body);
    char *out = strdup(member(&r, "stdout"));
    reply_free(&r);
    return out;
}

void snap(const test_daemon *d, const char *id, const char *name) {
    char body[256];
    snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\",\"name\":\"%s\"}", id, name);
    reply r = call(d, "POST", "/v1/snapshots", body);
    CHECK_MSG(r.status == 201, "%d %s", r.status, r.body);
    CHECK(number(&r, "size_bytes") > 0);
    reply_free(&r);
}

void make_from(const test_daemon *d, const char *name, char id[40]) {
    char body[128];
    snprintf(body, sizeof(body), "{\"template\":\"%s\"}", name);
    make_sandbox(d, body, id);
}

void resume(const test_daemon *d, const char *id) {
    CHECK_STATUS(call(d, "POST", sandbox_path(id, "/resume"), NULL), 200);
}

void destroy(const test_daemon *d, const char *id) { CHECK_STATUS(call(d, "DELETE", sandbox_path(id, ""), NULL), 204); }

reply ask(const test_daemon *d, const char *id, int port, const char *method, const char *path) {
    char line[128];
    snprintf(line, sizeof(line), "%s %s HTTP/1.1\r\nHost: %d-%s.localhost\r\n", method, path, port, id);
    int fd = dial(d->socket);
    send_text(fd, line);
    send_text(fd, strcmp(method, "POST") == 0 ? "Content-Length: 0\r\nConnection: close\r\n\r\n"
                                              : "Connection: close\r\n\r\n");
    reply r = read_reply(fd);
    close(fd);
    return r;
}
