/* wrennd as a program: arguments, files, first start, restart, signals. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "daemon.h"

static const char *in_dir(const char *name) {
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", test_dir(), name);
    return path;
}

TEST(first_start_shows_a_key_once_and_a_restart_keeps_everything) {
    test_daemon d = {0};
    served s = {0};
    char password[64], body[256], id[40], idle[40];
    daemon_serve(&s, &d, NULL);
    daemon_finish(&s, SIGTERM);
    daemon_find(s.said, "WRENN_API_KEY=", d.key, sizeof(d.key));
    daemon_find(s.said, "password ", password, sizeof(password));
    free(s.said);
    struct stat info;
    CHECK(stat(in_dir("data"), &info) == 0);
    CHECK_INT(info.st_mode & 0777, 0700);
    CHECK(stat(in_dir("data/token.secret"), &info) == 0);
    CHECK_INT(info.st_mode & 0777, 0600);
    CHECK(stat(in_dir("data/wrennd.db"), &info) == 0);
    CHECK_INT(info.st_mode & 0777, 0600);

    daemon_serve(&s, &d, NULL);
    snprintf(body, sizeof(body), "{\"email\":\"owner@localhost\",\"password\":\"%s\"}", password);
    CHECK_STATUS(request(&d, "POST", "/v1/auth/login", NULL, body), 200);
    make_sandbox(&d, "{\"metadata\":{\"mine\":\"kept\"}}", id);
    make_sandbox(&d, "{}", idle);
    CHECK_STATUS(call(&d, "POST", sandbox_path(idle, "/pause"), NULL), 200);
    kill(s.pid, SIGKILL);
    CHECK_INT(daemon_wait(s.pid), 128 + SIGKILL);
    close(s.out);

    daemon_serve(&s, &d, NULL);
    reply r = call(&d, "GET", sandbox_path(id, ""), NULL);
    CHECK_STR(member(&r, "status"), "stopped");
    CHECK_STR(wrn_json_string(wrn_json_get(wrn_json_get(r.json, "metadata"), "mine"), NULL), "kept");
    reply_free(&r);
    r = call(&d, "GET", sandbox_path(idle, ""), NULL);
    CHECK_STR(member(&r, "status"), "stopped");
    reply_free(&r);
    daemon_finish(&s, SIGINT);
    CHECK(!strstr(s.said, "WRENN_API_KEY"));
    CHECK(!strstr(s.said, d.key));
    free(s.said);
}

/* A port that is in use costs nothing: the next start is the first one still. */
TEST(a_first_start_that_fails_makes_no_account) {
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(where);
    int busy = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status;
    CHECK(bind(busy, (struct sockaddr *)&where, size) == 0 && listen(busy, 1) == 0);
    CHECK(getsockname(busy, (struct sockaddr *)&where, &size) == 0);
    char address[64];
    snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(where.sin_port));
    char *said = daemon_run((const char *[]){"--data-dir", in_dir("data"), "--listen", address, NULL}, &status);
    CHECK_INT(status, 1);
    CHECK_CONTAINS(said, address);
    CHECK(!strstr(said, "WRENN_API_KEY"));
    free(said);
    close(busy);
    test_daemon d = {0};
    served s = {0};
    daemon_serve(&s, &d, NULL);
    daemon_finish(&s, SIGTERM);
    daemon_find(s.said, "WRENN_API_KEY=", d.key, sizeof(d.key));
    free(s.said);
    daemon_serve(&s, &d, NULL);
    CHECK_STATUS(call(&d, "GET", "/v1/sandboxes", NULL), 200);
    daemon_finish(&s, SIGTERM);
    free(s.said);
}

/* The backend that a sandbox says it has; "" when it says nothing. To be used before the next call. */
static const char *backend_of(const wrn_json *sandbox) {
    static char name[32];
    const char *text = wrn_json_string(wrn_json_get(wrn_json_get(sandbox, "isolation"), "backend"), NULL);
    snprintf(name, sizeof(name), "%s", text ? text : "");
    return name;
}

static void check_backend(const test_daemon *d, const char *id, const char *want) {
    reply r = call(d, "GET", sandbox_path(id, ""), NULL);
    CHECK_STR(backend_of(r.json), want);
    reply_free(&r);
}

/* The one that a create asks for, else the server's; never less than the template's. */
TEST(isolation_has_a_default_and_templates_ask_for_more) {
    static const char *const asked[][3] = {
        /* body, with the default, with --isolation vm */
        {"{}", "fake", "fake-vm"},
        {"{\"isolation\":\"any\"}", "fake", "fake-vm"},
        {"{\"isolation\":null}", "fake", "fake-vm"},
        {"{\"isolation\":\"namespace\"}", "fake", "fake"},
        {"{\"template\":\"guarded\"}", "fake-vm", "fake-vm"},
        {"{\"template\":\"guarded\",\"isolation\":\"namespace\"}", "fake-vm", "fake-vm"},
    };
    char id[40];
    setenv("FAKE_VM", "1", 1);
    for (int with = 0; with < 2; with++) {
        test_daemon d = {0};
        served s = {0};
        char dir[300];
        snprintf(dir, sizeof(dir), "%s/data%d", test_dir(), with);
        daemon_serve(&s, &d, (const char *[]){"--data-dir", dir, with ? "--isolation=vm" : NULL, NULL});
        daemon_key(&s, &d);
        for (size_t i = 0; i < WRN_COUNT(asked); i++) {
            make_sandbox(&d, asked[i][0], id);
            check_backend(&d, id, asked[i][1 + with]);
        }
        daemon_finish(&s, SIGTERM);
        free(s.said);
    }
    unsetenv("FAKE_VM");
}

TEST(each_sandbox_has_a_backend_of_its_own) {
    static const char *const asked[][2] = {{"{}", "fake"},
                                           {"{\"isolation\":\"namespace\"}", "fake"},
                                           {"{\"isolation\":\"vm\"}", "fake-vm"},
                                           {"{\"isolation_required\":[\"memory-limit\"]}", "fake-vm"}};
    enum { ALL = WRN_COUNT(asked) };
    test_daemon d = {0};
    served s = {0};
    char ids[ALL][40];
    setenv("FAKE_VM", "1", 1);
    daemon_serve(&s, &d, NULL);
    daemon_key(&s, &d);
    for (size_t i = 0; i < ALL; i++) {
        make_sandbox(&d, asked[i][0], ids[i]);
        check_backend(&d, ids[i], asked[i][1]);
    }
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", "{\"isolation\":\"vm\",\"isolation_required\":[\"cpu-limit\"]}"), 409,
                "conflict");
    reply list = call(&d, "GET", "/v1/sandboxes", NULL);
    for (size_t i = 0; i < ALL; i++) CHECK_STR(backend_of(wrn_json_at(list.json, ALL - 1 - i)), asked[i][1]);
    reply_free(&list);
    daemon_finish(&s, SIGTERM);
    free(s.said);

    daemon_serve(&s, &d, NULL);
    for (size_t i = 0; i < ALL; i++) check_backend(&d, ids[i], asked[i][1]);
    daemon_finish(&s, SIGTERM);
    free(s.said);
    /* Nothing is said of a backend that does not run any more. */
    unsetenv("FAKE_VM");
    daemon_serve(&s, &d, NULL);
    for (size_t i = 0; i < ALL; i++) check_backend(&d, ids[i], i < 2 ? "fake" : "");
    daemon_finish(&s, SIGTERM);
    free(s.said);
}

TEST(an_operator_makes_keys) {
    test_daemon d = {0};
    served s = {0};
    int status;
    char *said = daemon_run((const char *[]){"key", "create", "--data-dir", in_dir("data"), NULL}, &status);
    CHECK_INT(status, 1);
    CHECK_CONTAINS(said, "start wrennd there once");
    free(said);
    daemon_serve(&s, &d, NULL);
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "spare" : NULL;
        said = daemon_run((const char *[]){"--data-dir", in_dir("data"), "key", "create", name, NULL}, &status);
        CHECK_MSG(status == 0 && strlen(said) == 37, "%d %s", status, said);
        snprintf(d.key, sizeof(d.key), "%.36s", said);
        CHECK_STATUS(call(&d, "GET", "/v1/sandboxes", NULL), 200);
        free(said);
    }
    static const char *const wrong[][3] = {{"key", NULL}, {"key", "make", NULL}, {"key", "create", ""}};
    for (size_t i = 0; i < WRN_COUNT(wrong); i++) {
        said = daemon_run((const char *[]){"--data-dir", in_dir("data"), wrong[i][0], wrong[i][1], wrong[i][2], NULL},
                          &status);
        CHECK_MSG(status, "%s", said);
        free(said);
    }
    daemon_finish(&s, SIGTERM);
    free(s.said);
}

#ifndef SANITIZED
/* It loses nothing without a word: it ends, and others can see that. */
TEST(without_memory_it_ends) {
    enum { SIZE = 8 << 20, MANY = 8 }; /* together more than what it keeps for later */
    test_daemon d = {0};
    served s = {0};
    char path[64], line[256];
    daemon_serve(&s, &d, NULL);
    CHECK_STATUS(request(&d, "GET", "/health", NULL, NULL), 200);
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)s.pid);
    FILE *file = fopen(path, "re");
    CHECK(file && fgets(line, sizeof(line), file));
    fclose(file);
    const struct rlimit limit = {strtoul(line, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) + SIZE / 4, RLIM_INFINITY};
    CHECK(prlimit(s.pid, RLIMIT_AS, &limit, NULL) == 0);
    daemon_key(&s, &d);
    static char body[SIZE];
    memset(body, ' ', sizeof(body));
    int fds[MANY];
    char head[400];
    for (int i = 0; i < MANY; i++) fds[i] = dial(d.socket);
    snprintf(
        head, sizeof(head),
        "POST /v1/sandboxes/cl-0000000000000000000000000/exec HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n",
        d.key, SIZE + 1);            /* it waits for the last byte */
    for (int i = 0; i < MANY; i++) { /* the server may have ended by then */
        (void)!send(fds[i], head, strlen(head), MSG_NOSIGNAL);
        (void)!send(fds[i], body, sizeof(body), MSG_NOSIGNAL);
    }
    CHECK_INT(daemon_wait(s.pid), 128 + SIGABRT);
    for (int i = 0; i < MANY; i++) close(fds[i]);
    close(s.out);
}
#endif

static char *read_file(const char *path) {
    wrn_buf text = WRN_BUF_INIT;
    char chunk[65536];
    FILE *file = fopen(path, "re");
    CHECK_MSG(file, "%s: %s", path, strerror(errno));
    for (size_t got; (got = fread(chunk, 1, sizeof(chunk), file)) > 0;) wrn_buf_put(&text, chunk, got);
    fclose(file);
    wrn_buf_puts(&text, "");
    return text.size ? wrn_buf_steal(&text) : strdup("");
}

static size_t occurrences(const char *text, const char *part) {
    size_t count = 0;
    for (; (text = strstr(text, part)); text++) count++;
    return count;
}

/* Whatever they ask for, and whatever they get for it. */
TEST(strangers_do_not_fill_the_audit_log) {
    enum { MANY = 600 };
    test_daemon d = {0};
    served s = {0};
    daemon_serve(&s, &d, NULL);
    daemon_key(&s, &d);
    time_t begun = time(NULL);
    int fd = dial(d.socket);
    for (int i = 0; i < MANY; i++) {
        send_text(fd, "POST /v1/nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK_STATUS(read_reply(fd), 404);
        send_text(fd, "POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
        CHECK_STATUS(read_reply(fd), 400);
    }
    close(fd);
    for (int i = 0; i < 50; i++) CHECK_STATUS(call(&d, "POST", "/v1/snapshots", "{}"), 400);
    size_t seconds = (size_t)(time(NULL) - begun) + 2;
    daemon_finish(&s, SIGTERM);
    char *log = read_file(in_dir("data/audit.log"));
    CHECK(occurrences(log, "/v1/nowhere") + occurrences(log, "/v1/auth/login") <= 20 * seconds);
    CHECK_INT(occurrences(log, "\"path\":\"/v1/snapshots\""), 50);
    free(log);
    free(s.said);
}

TEST(the_audit_log_makes_room_for_itself) {
    test_daemon d = {0};
    served s = {0};
    daemon_serve(&s, &d, (const char *[]){"--audit-log-max-mb", "1", NULL});
    daemon_key(&s, &d);
    char line[700], name[401];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    snprintf(line, sizeof(line), "DELETE /v1/snapshots/%s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n", name, d.key);
    int fd = dial(d.socket);
    struct stat old = {0}, now = {0};
    for (int i = 0; i < 5000; i++) {
        send_text(fd, line);
        reply r = read_reply(fd);
        CHECK(r.status >= 400);
        reply_free(&r);
    }
    close(fd);
    daemon_finish(&s, SIGTERM);
    CHECK(stat(in_dir("data/audit.log"), &now) == 0 && stat(in_dir("data/audit.log.1"), &old) == 0);
    CHECK_MSG(now.st_size < 1100000 && old.st_size < 1100000 && old.st_size > 1000000, "%lld and %lld",
              (long long)now.st_size, (long long)old.st_size);
    CHECK_INT(old.st_mode & 0777, 0600);
    CHECK_INT(now.st_mode & 0777, 0600);
    free(s.said);
}

TEST(idempotency_keys_outlive_a_restart) {
    test_daemon d = {0};
    served s = {0};
    char credentials[128], id[40];
    daemon_serve(&s, &d, NULL);
    daemon_finish(&s, SIGTERM);
    daemon_find(s.said, "WRENN_API_KEY=", d.key, sizeof(d.key));
    free(s.said);
    snprintf(credentials, sizeof(credentials), "X-API-Key: %s\r\nIdempotency-Key: a", d.key);
    daemon_serve(&s, &d, NULL);
    reply first = request(&d, "POST", "/v1/sandboxes", credentials, "{}");
    CHECK_INT(first.status, 201);
    snprintf(id, sizeof(id), "%s", member(&first, "id"));
    /* One under way when the server is killed has made nothing that is still there. */
    char half[256];
    int fd = dial(d.socket);
    snprintf(half, sizeof(half),
             "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nIdempotency-Key: b\r\nContent-Length: 20\r\n"
             "\r\n{\"template\":\"gated\"}",
             d.key);
    send_text(fd, half);
    for (size_t live = 1; live < 2;) {
        reply r = call(&d, "GET", "/v1/sandboxes", NULL);
        live = wrn_json_count(r.json);
        reply_free(&r);
    }
    kill(s.pid, SIGKILL);
    CHECK_INT(daemon_wait(s.pid), 128 + SIGKILL);
    close(s.out);
    close(fd);
    daemon_serve(&s, &d, NULL);
    reply again = request(&d, "POST", "/v1/sandboxes", credentials, "{}");
    CHECK_INT(again.status, 201);
    CHECK_STR(again.body, first.body);
    reply_free(&first);
    reply_free(&again);
    fd = dial(d.socket);
    send_text(fd, half);
    for (size_t live = 0; live < 1;) {
        reply r = call(&d, "GET", "/v1/sandboxes", NULL);
        live = wrn_json_count(r.json);
        reply_free(&r);
    }
    kill(s.pid, SIGUSR1);
    again = read_reply(fd);
    CHECK_INT(again.status, 201);
    CHECK(strcmp(member(&again, "id"), id) != 0);
    reply_free(&again);
    close(fd);
    daemon_finish(&s, SIGTERM);
    free(s.said);
}

TEST(ports_of_sandboxes_resolve_below_the_name_that_is_shown) {
    static const char *const listen[] = {"127.0.0.1:0", "0.0.0.0:0"};
    for (size_t i = 0; i < WRN_COUNT(listen); i++) {
        char dir[200], ready[16], got;
        int fds[2], out[2];
        CHECK(pipe2(fds, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
        snprintf(dir, sizeof(dir), "%s/data%zu", test_dir(), i);
        snprintf(ready, sizeof(ready), "%d", fds[1]);
        pid_t pid = daemon_spawn((const char *[]){"--data-dir", dir, "--listen", listen[i], "--ready-fd", ready, NULL},
                                 fds[1], out[1]);
        close(fds[1]);
        close(out[1]);
        CHECK(read(fds[0], &got, 1) == 1);
        close(fds[0]);
        kill(pid, SIGTERM);
        CHECK_INT(daemon_wait(pid), 0);
        char said[4096];
        ssize_t size = read(out[0], said, sizeof(said) - 1);
        CHECK(size > 0);
        said[size] = '\0';
        close(out[0]);
        CHECK_CONTAINS(said, "WRENN_BASE_URL=http://localhost:");
    }
}

/* A sandbox is something to do, however long nobody asks for it. Without one it ends by itself. */
TEST(it_ends_when_there_is_nothing_to_do) {
    test_daemon d = {0};
    served s = {0};
    char credentials[128];
    daemon_serve(&s, &d, (const char *[]){"--idle-exit", "1", NULL});
    daemon_key(&s, &d);
    snprintf(credentials, sizeof(credentials), "X-API-Key: %s", d.key);
    reply made = request(&d, "POST", "/v1/sandboxes", credentials, "{}");
    CHECK_INT(made.status, 201);
    char path[128];
    snprintf(path, sizeof(path), "/v1/sandboxes/%s", member(&made, "id"));
    reply_free(&made);
    int process = (int)syscall(SYS_pidfd_open, s.pid, 0);
    struct pollfd ended = {.fd = process, .events = POLLIN};
    CHECK(process >= 0 && poll(&ended, 1, 2500) == 0);
    close(process);
    CHECK_STATUS(request(&d, "GET", path, credentials, NULL), 200);
    CHECK_STATUS(request(&d, "DELETE", path, credentials, NULL), 204);
    CHECK_INT(daemon_wait(s.pid), 0);
    close(s.out);
}

TEST(listens_on_tcp_too) {
    test_daemon d = {0};
    served s = {0};
    daemon_serve(&s, &d, (const char *[]){"--listen", "127.0.0.1:0", NULL});
    char *port = strstr(s.address, "127.0.0.1:");
    CHECK(port);
    CHECK_INT(strtol(port + 10, NULL, 10) > 0, 1);
    CHECK_STATUS(request(&d, "GET", "/health", NULL, NULL), 200);
    daemon_finish(&s, SIGTERM);
    free(s.said);
}

TEST(a_stop_lets_running_requests_end) {
    test_daemon d = {0};
    served s = {0};
    daemon_serve(&s, &d, (const char *[]){"--stop-grace-ms", "60000", NULL});
    int fd = dial(d.socket), idle = dial(d.socket);
    send_text(idle, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_STATUS(read_reply(idle), 200);
    send_text(fd, "POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 32\r\n\r\n");
    CHECK_STATUS(read_reply(fd), 100);
    kill(s.pid, SIGTERM);
    expect_eof(idle);
    send_text(fd, "{\"email\":\"a@b\",\"password\":\"xyz\"}");
    reply r = read_reply(fd);
    CHECK_INT(r.status, 401);
    CHECK_CONTAINS(r.head, "Connection: close\r\n");
    reply_free(&r);
    expect_eof(fd);
    daemon_finish(&s, SIGTERM);
    free(s.said);
}

TEST(a_stop_ends_commands_after_its_grace) {
    test_daemon d = {0};
    served s = {0};
    char id[40], head[512];
    daemon_serve(&s, &d, (const char *[]){"--stop-grace-ms", "20", NULL});
    daemon_finish(&s, SIGTERM);
    daemon_find(s.said, "WRENN_API_KEY=", d.key, sizeof(d.key));
    free(s.said);
    daemon_serve(&s, &d, (const char *[]){"--stop-grace-ms", "20", NULL});
    make_sandbox(&d, "{}", id);
    const char *body = "{\"cmd\":\"hang\",\"timeout_sec\":100000}";
    snprintf(head, sizeof(head),
             "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nExpect: 100-continue\r\n"
             "Content-Length: %zu\r\n\r\n",
             sandbox_path(id, "/exec"), d.key, strlen(body));
    int fd = dial(d.socket);
    send_text(fd, head);
    CHECK_STATUS(read_reply(fd), 100);
    send_text(fd, body);
    kill(s.pid, SIGTERM);
    reply r = read_reply(fd);
    CHECK_INT(r.status, 502);
    CHECK_CONTAINS(r.body, "\"stdout\":\"so far\"");
    reply_free(&r);
    expect_eof(fd);
    daemon_finish(&s, SIGTERM);
    free(s.said);
}

TEST(one_instance_per_data_directory) {
    test_daemon d = {0};
    served s = {0};
    int status;
    daemon_serve(&s, &d, NULL);
    char *said = daemon_run((const char *[]){"--data-dir", in_dir("data"), "--listen", "127.0.0.1:0", NULL}, &status);
    CHECK_INT(status, 1);
    CHECK_CONTAINS(said, "another wrennd uses the data directory");
    free(said);
    /* A socket that somebody listens on is not taken over. */
    char address[300];
    snprintf(address, sizeof(address), "unix:%s", d.socket);
    said = daemon_run((const char *[]){"--data-dir", in_dir("other"), "--listen", address, NULL}, &status);
    CHECK_INT(status, 1);
    CHECK_CONTAINS(said, "cannot listen on");
    free(said);
    CHECK_STATUS(request(&d, "GET", "/health", NULL, NULL), 200);
    daemon_finish(&s, SIGTERM);
    free(s.said);
}

/* Starts a daemon there, which must not work. */
static void check_refused(const char *dir, const char *because) {
    int status;
    char *said = daemon_run((const char *[]){"--data-dir", dir, "--listen", "127.0.0.1:0", NULL}, &status);
    CHECK_INT(status, 1);
    CHECK_CONTAINS(said, "data can't be kept in");
    CHECK_CONTAINS(said, because);
    free(said);
}

TEST(a_data_directory_that_others_could_change_is_refused) {
    char sticky[300], open_to_all[300], link[320], below[340], target[300];
    struct stat info;
    snprintf(sticky, sizeof(sticky), "%s", in_dir("sticky"));
    snprintf(open_to_all, sizeof(open_to_all), "%s", in_dir("open"));
    snprintf(target, sizeof(target), "%s", in_dir("target"));
    CHECK(mkdir(sticky, 0700) == 0 && chmod(sticky, 01777) == 0);
    CHECK(mkdir(open_to_all, 0700) == 0 && chmod(open_to_all, 0777) == 0);
    CHECK_INT(mkdir(target, 0700), 0);
    snprintf(below, sizeof(below), "%s/data", open_to_all);
    check_refused(below, "others can write to the directory");
    CHECK(stat(below, &info) != 0);
    /* Their own link there leads where it likes. */
    snprintf(link, sizeof(link), "%s/link", sticky);
    CHECK_INT(symlink(target, link), 0);
    if (geteuid() != 0) return;
    CHECK_INT(lchown(link, 65534, 65534), 0);
    check_refused(link, "belongs to another user");
    snprintf(below, sizeof(below), "%s/data", link);
    check_refused(below, "belongs to another user");
    CHECK_INT(rmdir(target), 0); /* nothing was made in it */
}

TEST(a_data_directory_may_be_in_a_place_like_tmp) {
    test_daemon d = {0};
    served s = {0};
    char sticky[300], data[320];
    snprintf(sticky, sizeof(sticky), "%s", in_dir("sticky"));
    CHECK(mkdir(sticky, 0700) == 0 && chmod(sticky, 01777) == 0);
    snprintf(data, sizeof(data), "%s/data", sticky);
    CHECK_INT(symlink(data, in_dir("data")), 0); /* our own */
    CHECK_INT(mkdir(data, 0700), 0);
    daemon_serve(&s, &d, NULL);
    daemon_finish(&s, SIGTERM);
    free(s.said);
}

TEST(limits_that_are_not_enforced_are_logged) {
    test_daemon d = {0};
    served s = {0};
    daemon_serve(&s, &d, NULL);
    daemon_finish(&s, SIGTERM);
    CHECK_CONTAINS(s.said, "limits of memory and processors are not enforced: a fake has none");
    free(s.said);
}

/* As the service of a second user finds it. */
TEST(a_taken_port_is_told_and_none_chosen_instead) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    char listen_on[64], part[160];
    int status, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 1) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    snprintf(listen_on, sizeof(listen_on), "127.0.0.1:%d", ntohs(address.sin_port));
    char *said = daemon_run((const char *[]){"--data-dir", in_dir("second"), "--listen", listen_on, NULL}, &status);
    CHECK_INT(status, 1);
    snprintf(part, sizeof(part), "cannot listen on %s: the address is in use", listen_on);
    CHECK_CONTAINS(said, part);
    CHECK_CONTAINS(said, "WRENND_LISTEN=");
    CHECK(strstr(said, "listening on") == NULL);
    free(said);
    close(fd);
}

TEST(arguments_are_checked) {
    static const struct {
        const char *args[16];
        int status;
        const char *part;
    } cases[] = {
        {{"--help"}, 0, "--max-sandboxes"},
        {{"--version"}, 0, "wrennd 0."},
        {{"--nonsense"}, 2, "unknown argument \"--nonsense\""},
        {{"--listen"}, 2, "needs a value"},
        {{"--max-sandboxes", "-1"}, 2, "max-sandboxes takes a number"},
        {{"--max-sandboxes=x"}, 2, "max-sandboxes takes a number"},
        {{"--log-level", "loud"}, 2, "log-level is error, warning"},
        {{"--terminal-frames", "json"}, 2, "terminal-frames is text or binary, not \"json\""},
        {{"--log-format=xml"}, 2, "log-format is text or json"},
        {{"--config", "/does/not/exist"}, 2, "/does/not/exist"},
        {{"--data-dir", "/proc/nothing/here"}, 1, "--data-dir"},
        {{"--data-dir", "data", "--listen", "nowhere"}, 1, "cannot listen on \"nowhere\""},
        {{"--data-dir", "data", "--listen", "127.0.0.1:70000"}, 1, "cannot listen on"},
        {{"--data-dir", "data", "--listen", "unix:relative"}, 1, "unix:/absolute/path"},
        {{"template", "build", "fakery", "--template-dir", "/x"}, 0, "made it in /x\n"},
        {{"template", "build", "more"}, 1, "there is no \"more\" to build"},
        {{"template", "build"}, 2, "which template?"},
        {{"template"}, 2, "build NAME, list or remove NAME"},
        {{"template", "destroy", "fakery"}, 2, "unknown argument \"destroy\""},
        {{"template", "build", "fakery", "more"}, 2, "unknown argument \"more\""},
        {{"template", "build", "a/b", "--tar", "x"}, 2, "\"a/b\" is not a template name"},
        {{"template", "build", ".a", "--tar", "x"}, 2, "\".a\" is not a template name"},
        {{"template", "build", "a", "--tar", "x", "--dir=y"}, 2, "one of --mmdebstrap, --tar, --dir and --oci"},
        {{"template", "build", "a", "--tar", "x", "--include=y"}, 2, "go with --mmdebstrap"},
        {{"template", "build", "a", "--tar", "x", "--start-port", "1"}, 2, "--start-port goes with --start"},
        {{"template", "build", "a", "--tar", "x", "--start=y", "--start-early"},
         2,
         "--start-early goes with --start-port"},
        {{"template", "build", "a", "--tar", "x", "--start-port", "65536"}, 2, "start-port takes a number"},
        {{"template", "build", "a", "--replace"}, 2, "what to build it from?"},
        {{"template", "build", "a", "--tar", "x"}, 0, "tar x, start nothing on 0, 0 vcpus, 0 MB\n"},
        {{"template", "build", "--tar=-", "a", "--start", "x y", "--start-port=80", "--vcpus", "2", "--memory-mb", "3",
          "--replace"},
         0,
         "tar -, start x y on 80, 2 vcpus, 3 MB, replace\n"},
        {{"--tar", "x"}, 2, "unknown argument \"--tar\""},
        {{"template", "remove"}, 2, "which template?"},
        {{"template", "remove", "web"}, 0, "removed web\n"},
        {{"template", "remove", "../web"}, 2, "is not a template name"},
        {{"template", "list", "web"}, 2, "unknown argument \"web\""},
        {{"template", "list"}, 0, "web                                   3      2        512  base, tar x\n"},
        {{"template", "list", "--json"}, 0, "\"memory_mb\":512,\"size_bytes\":3145727,\"created_at\":7}]\n"},
        {{"doctor"}, 0, "ok   fakery: works\nsandboxes can run here\n"},
        {{"doctor", "--leaks"}, 0, "no leaks\n"},
        {{"doctor", "--json"}, 0, "[{\"check\":\"fakery\",\"ok\":true"},
        {{"doctor", "--json", "--leaks"}, 0, "[]\n"},
    };
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        int status;
        char *said = daemon_run(cases[i].args, &status);
        CHECK_MSG(status == cases[i].status, "case %zu ended with %d: %s", i, status, said);
        CHECK_CONTAINS(said, cases[i].part);
        free(said);
    }
    setenv("FAKE_BROKEN", "1", 1);
    int status;
    char *said = daemon_run((const char *[]){"doctor", NULL}, &status);
    CHECK_INT(status, 1);
    CHECK_STR(said, "NO   fakery: does not work\n     fix: unset FAKE_BROKEN\nsandboxes can't run here\n");
    free(said);
    said = daemon_run((const char *[]){"doctor", "--leaks", NULL}, &status);
    CHECK_INT(status, 1);
    CHECK_STR(said, "process 4711\n");
    free(said);
}

TEST(flags_win_over_the_environment_which_wins_over_the_file) {
    test_daemon d = {0};
    served s = {0};
    FILE *file = fopen("conf", "we");
    CHECK(file);
    fprintf(file, "# a comment\n\n max-connections = 1 \nhead-timeout-ms=5000\nlisten = 127.0.0.1:1\n");
    fclose(file);
    setenv("WRENND_CONFIG", in_dir("conf"), 1);
    setenv("WRENND_MAX_CONNECTIONS", "2", 1);
    daemon_serve(&s, &d, (const char *[]){"--max-connections", "3", NULL});
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(d.socket);
        send_text(fds[i], "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK_STATUS(read_reply(fds[i]), 200);
    }
    daemon_finish(&s, SIGTERM);
    free(s.said);
    for (int i = 0; i < 3; i++) close(fds[i]);
    file = fopen("conf", "we");
    CHECK(file);
    fprintf(file, "log-level = info\nmax-sandbox = 3\n");
    fclose(file);
    int status;
    char *said = daemon_run((const char *[]){"--data-dir", "x", NULL}, &status);
    CHECK_INT(status, 2);
    CHECK_CONTAINS(said, "conf:2: there is no option \"max-sandbox\"");
    free(said);
}

TEST(a_damaged_or_open_secret_is_refused) {
    test_daemon d = {0};
    served s = {0};
    int status;
    daemon_serve(&s, &d, NULL);
    daemon_finish(&s, SIGTERM);
    free(s.said);
    const char *args[] = {"--data-dir", in_dir("data"), "--listen", "127.0.0.1:0", NULL};
    CHECK(chmod(in_dir("data/token.secret"), 0644) == 0);
    char *said = daemon_run(args, &status);
    CHECK_INT(status, 1);
    CHECK_CONTAINS(said, "chmod 600");
    free(said);
    CHECK(chmod(in_dir("data/token.secret"), 0600) == 0 && truncate(in_dir("data/token.secret"), 3) == 0);
    said = daemon_run(args, &status);
    CHECK_CONTAINS(said, "damaged");
    free(said);
}

TEST_MAIN
