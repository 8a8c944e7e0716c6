#include "daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

enum { ARGS_MAX = 32, REPLY_MAX = 256 << 20 };

pid_t daemon_spawn(const char *const *args, int keep_fd, int out_fd) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid) return pid;
    const char *argv[ARGS_MAX + 2] = {FAKE_WRENND};
    for (size_t i = 0; args && args[i] && i < ARGS_MAX; i++) argv[i + 1] = args[i];
    if (keep_fd >= 0) fcntl(keep_fd, F_SETFD, 0);
    if (out_fd >= 0) {
        dup2(out_fd, 1);
        dup2(out_fd, 2);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

int daemon_wait(pid_t pid) {
    int status;
    while (waitpid(pid, &status, 0) < 0) CHECK(errno == EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static size_t read_some(int fd, wrn_buf *into) {
    char chunk[65536];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof(chunk))) < 0 && errno == EINTR) {
    }
    if (got < 0 && errno == ECONNRESET) got = 0;
    CHECK_MSG(got >= 0, "read: %s", strerror(errno));
    wrn_buf_put(into, chunk, (size_t)got);
    return (size_t)got;
}

char *daemon_run(const char *const *args, int *status) {
    int out[2];
    CHECK(pipe2(out, O_CLOEXEC) == 0);
    pid_t pid = daemon_spawn(args, -1, out[1]);
    close(out[1]);
    wrn_buf text = WRN_BUF_INIT;
    while (read_some(out[0], &text)) {
    }
    close(out[0]);
    *status = daemon_wait(pid);
    return wrn_buf_steal(&text);
}

static void copy_member(const wrn_json *object, const char *key, char *out, size_t size) {
    const char *text = wrn_json_string(wrn_json_get(object, key), NULL);
    CHECK_MSG(text && strlen(text) < size, "no \"%s\" in the greeting", key);
    snprintf(out, size, "%s", text);
}

static void write_clock(const test_daemon *d, int64_t seconds) {
    int fd = open(d->clock, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, &seconds, sizeof(seconds)) == (ssize_t)sizeof(seconds));
    close(fd);
}

void daemon_advance(const test_daemon *d, int64_t seconds) {
    int64_t before = 0;
    int fd = open(d->clock, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && read(fd, &before, sizeof(before)) == (ssize_t)sizeof(before));
    close(fd);
    write_clock(d, before + seconds);
}

void daemon_start(test_daemon *d, const char *const *extra) {
    int pair[2];
    char fd[16];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    snprintf(d->dir, sizeof(d->dir), "%s/data", test_dir());
    snprintf(d->clock, sizeof(d->clock), "%s/clock", test_dir());
    write_clock(d, 0);
    setenv("FAKE_CLOCK", d->clock, 1);
    snprintf(fd, sizeof(fd), "%d", pair[1]);
    const char *args[ARGS_MAX] = {"--private-fd", fd, "--data-dir", d->dir};
    for (size_t i = 0; extra && extra[i] && i + 5 < ARGS_MAX; i++) args[4 + i] = extra[i];
    d->pid = daemon_spawn(args, pair[1], -1);
    close(pair[1]);
    d->lifeline = pair[0];
    wrn_buf line = WRN_BUF_INIT;
    while (!line.size || line.data[line.size - 1] != '\n') CHECK(read_some(pair[0], &line));
    wrn_json *greeting = NULL;
    const char *why = "";
    CHECK(wrn_json_parse(line.data, line.size, &greeting, &why));
    const char *error = wrn_json_string(wrn_json_get(greeting, "error"), NULL);
    CHECK_MSG(!error, "wrennd: %s", error);
    copy_member(greeting, "socket", d->socket, sizeof(d->socket));
    copy_member(greeting, "api_key", d->key, sizeof(d->key));
    copy_member(greeting, "token", d->token, sizeof(d->token));
    wrn_json_free(greeting);
    wrn_buf_free(&line);
}

void daemon_stop(test_daemon *d) {
    close(d->lifeline);
    CHECK_INT(daemon_wait(d->pid), 0);
    struct stat info;
    CHECK(stat(d->dir, &info) != 0 && errno == ENOENT);
}

/* ---- one that is not private ---- */

void daemon_serve(served *s, test_daemon *d, const char *const *extra) {
    int ready[2], out[2];
    char fd[16];
    CHECK(pipe2(ready, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    snprintf(fd, sizeof(fd), "%d", ready[1]);
    snprintf(d->socket, sizeof(d->socket), "%s/s", test_dir());
    static char address[256];
    snprintf(address, sizeof(address), "unix:%s", d->socket);
    snprintf(d->dir, sizeof(d->dir), "%s/data", test_dir());
    const char *args[ARGS_MAX] = {"--data-dir", d->dir, "--listen", address, "--ready-fd", fd};
    for (size_t i = 0; extra && extra[i]; i++) args[6 + i] = extra[i];
    s->pid = daemon_spawn(args, ready[1], out[1]);
    close(ready[1]);
    close(out[1]);
    s->out = out[0];
    ssize_t got = read(ready[0], s->address, sizeof(s->address) - 1);
    CHECK(got > 0);
    s->address[got] = '\0';
    close(ready[0]);
}

void daemon_finish(served *s, int signo) {
    kill(s->pid, signo);
    CHECK_INT(daemon_wait(s->pid), 0);
    wrn_buf said = WRN_BUF_INIT;
    char chunk[4096];
    for (ssize_t got; (got = read(s->out, chunk, sizeof(chunk))) > 0;) wrn_buf_put(&said, chunk, (size_t)got);
    close(s->out);
    s->said = wrn_buf_steal(&said);
}

void daemon_find(const char *text, const char *before, char *out, size_t size) {
    const char *at = strstr(text, before);
    CHECK_MSG(at, "no \"%s\" in \"%s\"", before, text);
    at += strlen(before);
    snprintf(out, size, "%.*s", (int)strcspn(at, " \n"), at);
}

void daemon_key(const served *s, test_daemon *d) {
    WRN_AUTO(wrn_buf_free) wrn_buf said = WRN_BUF_INIT;
    while (!said.data || !strstr(said.data, "password")) CHECK(read_some(s->out, &said));
    daemon_find(said.data, "WRENN_API_KEY=", d->key, sizeof(d->key));
}

/* ---- client ---- */

int dial(const char *path) {
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    snprintf(where.sun_path, sizeof(where.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_MSG(connect(fd, (struct sockaddr *)&where, sizeof(where)) == 0, "connect: %s", strerror(errno));
    return fd;
}

int dial_tcp(int port) {
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    where.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_MSG(connect(fd, (struct sockaddr *)&where, sizeof(where)) == 0, "connect: %s", strerror(errno));
    return fd;
}

void send_bytes(int fd, const void *data, size_t size) {
    const char *at = data;
    while (size) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return; /* the answer says why */
        CHECK_MSG(sent > 0, "send: %s", strerror(errno));
        at += sent;
        size -= (size_t)sent;
    }
}

void send_text(int fd, const char *text) { send_bytes(fd, text, strlen(text)); }

void reply_free(reply *r) {
    free(r->head);
    free(r->body);
    wrn_json_free(r->json);
    *r = (reply){0};
}

/* Appends `size` bytes. */
static void read_exactly(int fd, wrn_buf *into, size_t size) {
    char *at = wrn_buf_reserve(into, size);
    CHECK(at != NULL);
    for (size_t have = 0; have < size;) {
        ssize_t got = read(fd, at + have, size - have);
        CHECK_MSG(got > 0, "the connection ended in a response's body");
        have += (size_t)got;
    }
    into->size += size;
    at[size] = '\0';
}

/* Looks before it takes, so that what is behind it stays in the socket. */
static void read_until(int fd, wrn_buf *into, const char *end) {
    size_t size = strlen(end);
    for (const char *found = NULL; !found;) {
        char chunk[4096];
        size_t before = into->size;
        ssize_t got = recv(fd, chunk, sizeof(chunk), MSG_PEEK);
        CHECK_MSG(got > 0, "the connection ended in a response's head: \"%s\"", into->data ? into->data : "");
        wrn_buf_put(into, chunk, (size_t)got);
        found = memmem(into->data, into->size, end, size);
        if (found) into->size = (size_t)(found - into->data) + size;
        into->data[into->size] = '\0';
        CHECK(recv(fd, chunk, into->size - before, MSG_WAITALL) == (ssize_t)(into->size - before));
    }
}

static void read_chunks(int fd, wrn_buf *into) {
    for (;;) {
        WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT, crlf = WRN_BUF_INIT;
        read_until(fd, &line, "\r\n");
        size_t size = strtoul(line.data, NULL, 16);
        read_exactly(fd, into, size);
        read_until(fd, &crlf, "\r\n");
        CHECK_INT(crlf.size, 2);
        if (!size) return;
    }
}

reply read_reply(int fd) {
    reply r = {0};
    wrn_buf in = WRN_BUF_LIMITED(REPLY_MAX);
    read_until(fd, &in, "\r\n\r\n");
    r.status = atoi(in.data + strlen("HTTP/1.1 "));
    r.head = wrn_buf_steal(&in);
    const char *length = strstr(r.head, "Content-Length: ");
    if (strstr(r.head, "Transfer-Encoding: chunked")) read_chunks(fd, &in);
    else read_exactly(fd, &in, length ? strtoul(length + 16, NULL, 10) : 0);
    r.size = in.size;
    r.body = wrn_buf_steal(&in);
    const char *why;
    if (strstr(r.head, "application/json")) CHECK(wrn_json_parse(r.body, r.size, &r.json, &why));
    return r;
}

void read_end(int fd, wrn_buf *out) {
    while (read_some(fd, out)) {
    }
    CHECK(!out->failed);
    close(fd);
}

void expect_eof(int fd) {
    WRN_AUTO(wrn_buf_free) wrn_buf rest = WRN_BUF_LIMITED(REPLY_MAX);
    read_end(fd, &rest);
}

reply request(const test_daemon *d, const char *method, const char *path, const char *credentials, const char *body) {
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    wrn_buf_printf(&out, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", method, path);
    if (credentials) wrn_buf_printf(&out, "%s\r\n", credentials);
    if (body) wrn_buf_printf(&out, "Content-Length: %zu\r\n", strlen(body));
    wrn_buf_puts(&out, "\r\n");
    if (body) wrn_buf_puts(&out, body);
    int fd = dial(d->socket);
    send_bytes(fd, out.data, out.size);
    reply r = read_reply(fd);
    expect_eof(fd);
    return r;
}

reply call(const test_daemon *d, const char *method, const char *path, const char *body) {
    char credentials[128];
    snprintf(credentials, sizeof(credentials), "X-API-Key: %s", d->key);
    return request(d, method, path, credentials, body);
}

void daemon_pass(const test_daemon *d, int64_t seconds) {
    daemon_advance(d, seconds);
    for (int i = 0; i < 2; i++) CHECK_STATUS(request(d, "GET", "/health", NULL, NULL), 200);
}

size_t daemon_peak_memory(const test_daemon *d) {
#ifdef SANITIZED
    (void)d;
    return 0;
#else
    char path[64], text[4096];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)d->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = read(fd, text, sizeof(text) - 1);
    CHECK(got > 0);
    text[got] = '\0';
    close(fd);
    const char *line = strstr(text, "VmHWM:");
    CHECK(line);
    return strtoul(line + strlen("VmHWM:"), NULL, 10) * 1024;
#endif
}

static const wrn_json *error_of(const reply *r) { return wrn_json_get(r->json, "error"); }

const char *error_code(const reply *r) { return wrn_json_string(wrn_json_get(error_of(r), "code"), NULL); }

const char *error_message(const reply *r) { return wrn_json_string(wrn_json_get(error_of(r), "message"), NULL); }

const char *member(const reply *r, const char *key) { return wrn_json_string(wrn_json_get(r->json, key), NULL); }

int64_t number(const reply *r, const char *key) {
    int64_t out = INT64_MIN;
    wrn_json_int(wrn_json_get(r->json, key), &out);
    return out;
}

void make_sandbox(const test_daemon *d, const char *body, char id[40]) {
    reply r = call(d, "POST", "/v1/sandboxes", body);
    CHECK_MSG(r.status == 201, "%d %s", r.status, r.body);
    CHECK_STR(member(&r, "status"), "running");
    snprintf(id, 40, "%s", member(&r, "id"));
    reply_free(&r);
}

const char *sandbox_path(const char *id, const char *rest) {
    static char paths[4][128];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "/v1/sandboxes/%s%s", id, rest);
    return path;
}

void check_status(const test_daemon *d, const char *id, const char *status) {
    reply r = call(d, "GET", sandbox_path(id, ""), NULL);
    CHECK_STR(member(&r, "status"), status);
    reply_free(&r);
}

void wait_status(const test_daemon *d, const char *id, const char *status) {
    for (;;) {
        reply r = call(d, "GET", sandbox_path(id, ""), NULL);
        bool there = r.status == 200 && strcmp(member(&r, "status"), status) == 0;
        reply_free(&r);
        if (there) return;
    }
}
