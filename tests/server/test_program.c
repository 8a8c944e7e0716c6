/* wrennd as a program: arguments, files, first start, restart, signals. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
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

/* A server that is not private: its output, its address, its key. */
typedef struct served {
    pid_t pid;
    int out;
    char address[256], key[64];
    char *said; /* on standard output */
} served;

static void serve(served *s, test_daemon *d, const char *const *extra) {
    int ready[2], out[2];
    char fd[16];
    CHECK(pipe2(ready, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    snprintf(fd, sizeof(fd), "%d", ready[1]);
    snprintf(d->socket, sizeof(d->socket), "%s/s", test_dir());
    static char address[256];
    snprintf(address, sizeof(address), "unix:%s", d->socket);
    const char *args[16] = {"--data-dir", in_dir("data"), "--listen", address, "--ready-fd", fd};
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

static void finish(served *s, int signo) {
    kill(s->pid, signo);
    CHECK_INT(daemon_wait(s->pid), 0);
    wrn_buf said = WRN_BUF_INIT;
    char chunk[4096];
    for (ssize_t got; (got = read(s->out, chunk, sizeof(chunk))) > 0;) wrn_buf_put(&said, chunk, (size_t)got);
    close(s->out);
    s->said = wrn_buf_steal(&said);
}

/* Finds the text between `before` and the next white space. */
static void find_after(const char *text, const char *before, char *out, size_t size) {
    const char *at = strstr(text, before);
    CHECK_MSG(at, "no \"%s\" in \"%s\"", before, text);
    at += strlen(before);
    snprintf(out, size, "%.*s", (int)strcspn(at, " \n"), at);
}

TEST(first_start_shows_a_key_once_and_a_restart_keeps_everything) {
    test_daemon d = {0};
    served s = {0};
    char password[64], body[256], id[40], idle[40];
    serve(&s, &d, NULL);
    finish(&s, SIGTERM);
    find_after(s.said, "WRENN_API_KEY=", d.key, sizeof(d.key));
    find_after(s.said, "password ", password, sizeof(password));
    free(s.said);
    struct stat info;
    CHECK(stat(in_dir("data"), &info) == 0);
    CHECK_INT(info.st_mode & 0777, 0700);
    CHECK(stat(in_dir("data/token.secret"), &info) == 0);
    CHECK_INT(info.st_mode & 0777, 0600);
    CHECK(stat(in_dir("data/wrennd.db"), &info) == 0);
    CHECK_INT(info.st_mode & 0777, 0600);

    serve(&s, &d, NULL);
    snprintf(body, sizeof(body), "{\"email\":\"owner@localhost\",\"password\":\"%s\"}", password);
    CHECK_STATUS(request(&d, "POST", "/v1/auth/login", NULL, body), 200);
    make_sandbox(&d, "{}", id);
    make_sandbox(&d, "{}", idle);
    CHECK_STATUS(call(&d, "POST", sandbox_path(idle, "/pause"), NULL), 200);
    kill(s.pid, SIGKILL);
    CHECK_INT(daemon_wait(s.pid), 128 + SIGKILL);
    close(s.out);

    serve(&s, &d, NULL);
    reply r = call(&d, "GET", sandbox_path(id, ""), NULL);
    CHECK_STR(member(&r, "status"), "stopped");
    reply_free(&r);
    r = call(&d, "GET", sandbox_path(idle, ""), NULL);
    CHECK_STR(member(&r, "status"), "stopped");
    reply_free(&r);
    finish(&s, SIGINT);
    CHECK(!strstr(s.said, "WRENN_API_KEY"));
    CHECK(!strstr(s.said, d.key));
    free(s.said);
}

TEST(listens_on_tcp_too) {
    test_daemon d = {0};
    served s = {0};
    serve(&s, &d, (const char *[]){"--listen", "127.0.0.1:0", NULL});
    char *port = strstr(s.address, "127.0.0.1:");
    CHECK(port);
    CHECK_INT(strtol(port + 10, NULL, 10) > 0, 1);
    CHECK_STATUS(request(&d, "GET", "/health", NULL, NULL), 200);
    finish(&s, SIGTERM);
    free(s.said);
}

TEST(a_stop_lets_running_requests_end) {
    test_daemon d = {0};
    served s = {0};
    serve(&s, &d, (const char *[]){"--stop-grace-ms", "60000", NULL});
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
    finish(&s, SIGTERM);
    free(s.said);
}

TEST(a_stop_ends_commands_after_its_grace) {
    test_daemon d = {0};
    served s = {0};
    char id[40], head[512];
    serve(&s, &d, (const char *[]){"--stop-grace-ms", "20", NULL});
    finish(&s, SIGTERM);
    find_after(s.said, "WRENN_API_KEY=", d.key, sizeof(d.key));
    free(s.said);
    serve(&s, &d, (const char *[]){"--stop-grace-ms", "20", NULL});
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
    finish(&s, SIGTERM);
    free(s.said);
}

TEST(one_instance_per_data_directory) {
    test_daemon d = {0};
    served s = {0};
    int status;
    serve(&s, &d, NULL);
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
    finish(&s, SIGTERM);
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
    serve(&s, &d, NULL);
    finish(&s, SIGTERM);
    free(s.said);
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
    serve(&s, &d, (const char *[]){"--max-connections", "3", NULL});
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(d.socket);
        send_text(fds[i], "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK_STATUS(read_reply(fds[i]), 200);
    }
    finish(&s, SIGTERM);
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
    serve(&s, &d, NULL);
    finish(&s, SIGTERM);
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
