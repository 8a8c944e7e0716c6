#include "work.h"

#include <errno.h>
#include <fcntl.h>
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

/* Its output goes to a file, so that a failed test shows why a server has ended. The first start says its key there. */
void serve(test_daemon *d, const char *const *extra) {
    int ready[2];
    char address[256], said[8192] = "", word[256], fd[16];
    CHECK(chmod(test_dir(), 0711) == 0);
    snprintf(d->dir, sizeof(d->dir), "%s/data", test_dir());
    snprintf(d->socket, sizeof(d->socket), "%s/s", test_dir());
    snprintf(address, sizeof(address), "unix:%s", d->socket);
    int log = open(TEST_LOG, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    CHECK(log >= 0 && pipe2(ready, O_CLOEXEC) == 0);
    snprintf(fd, sizeof(fd), "%d", ready[1]);
    const char *args[24] = {"--data-dir", d->dir, "--listen", address, "--agent", getenv("WRENN_TEST_AGENT"),
                            "--ready-fd", fd};
    for (size_t i = 0; extra && extra[i] && i < 15; i++) args[8 + i] = extra[i];
    d->pid = daemon_spawn(args, ready[1], log);
    close(ready[1]);
    ssize_t got = read(ready[0], word, sizeof(word));
    CHECK(pread(log, said, sizeof(said) - 1, 0) >= 0);
    CHECK_MSG(got > 0, "%s", said);
    const char *at = strstr(said, "WRENN_API_KEY=");
    if (at) snprintf(d->key, sizeof(d->key), "%.36s", at + strlen("WRENN_API_KEY="));
    close(ready[0]);
    close(log);
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

int begin_call(const test_daemon *d, const char *path, const char *body) {
    char text[800];
    int fd = dial(d->socket);
    snprintf(
        text, sizeof(text),
        "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
        path, d->key, strlen(body), body);
    send_text(fd, text);
    return fd;
}
