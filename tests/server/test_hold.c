/* Much in little pieces: what each of many pieces costs must not add up on the loop, on which all others wait. The harness's
 * watchdog looks; the tests see that all of it arrives. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "peer.h"
#include "server/store/store.h"

static char *repeated(const char *text, size_t count) {
    wrn_buf out = WRN_BUF_INIT;
    for (size_t i = 0; i < count; i++) wrn_buf_puts(&out, text);
    return wrn_buf_steal(&out);
}

/* Sends from a process of its own, so that reading can go on meanwhile. */
static pid_t send_beside(int fd, const char *data, size_t size) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid) return pid;
    send_bytes(fd, data, size);
    _exit(0);
}

/* Less than elsewhere: here is what there is much of. */
__attribute__((constructor)) static void set_limit(void) {
#ifndef SANITIZED
    setenv("WRENND_HOLD_LIMIT_MS", "20", 0);
#endif
}

TEST(pipelined_requests) {
    enum { MANY = 20000 };
    test_daemon d;
    daemon_start(&d, NULL);
    char line[200];
    snprintf(line, sizeof(line), "GET /v1/sandboxes HTTP/1.1\r\nHost:\r\nX-API-Key:%s\r\n\r\n", d.key);
    char *text = repeated(line, MANY);
    int fd = dial(d.socket);
    pid_t sender = send_beside(fd, text, strlen(text));
    for (int i = 0; i < MANY; i++) CHECK_STATUS(read_reply(fd), 200);
    CHECK_INT(daemon_wait(sender), 0);
    close(fd);
    free(text);
    daemon_stop(&d);
}

TEST(listings_of_many_sandboxes) {
    enum { MANY = 3000 };
    test_daemon d;
    daemon_start(&d, (const char *[]){"--max-sandboxes", "3000", NULL});
    char line[300], first[40], last[40];
    make_sandbox(&d, "{}", first);
    snprintf(line, sizeof(line), "POST /v1/sandboxes HTTP/1.1\r\nHost:\r\nX-API-Key:%s\r\nContent-Length:2\r\n\r\n{}",
             d.key);
    int fd = dial(d.socket);
    for (int i = 2; i < MANY; i++) {
        send_text(fd, line);
        CHECK_STATUS(read_reply(fd), 201);
    }
    close(fd);
    make_sandbox(&d, "{}", last);
    reply r = call(&d, "GET", "/v1/sandboxes", NULL);
    CHECK_INT(r.status, 200);
    CHECK_INT(wrn_json_count(r.json), MANY);
    CHECK_STR(wrn_json_string(wrn_json_get(wrn_json_at(r.json, 0), "id"), NULL), last);
    CHECK_STR(wrn_json_string(wrn_json_get(wrn_json_at(r.json, MANY - 1), "id"), NULL), first);
    reply_free(&r);
    r = call(&d, "GET", "/v1/sandboxes?status=running&label=no=such", NULL);
    CHECK_STR(r.body, "[]\n");
    reply_free(&r);
    daemon_stop(&d);
}

typedef struct setup {
    test_daemon d;
    char id[40], head[300];
    int listener;
} setup;

static void set_up(setup *s) {
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(where);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(s->listener, (struct sockaddr *)&where, size) == 0 && listen(s->listener, 16) == 0);
    CHECK(getsockname(s->listener, (struct sockaddr *)&where, &size) == 0);
    daemon_start(&s->d, NULL);
    make_sandbox(&s->d, "{}", s->id);
    snprintf(s->head, sizeof(s->head), "POST / HTTP/1.1\r\nHost: %d-%s.localhost\r\n", ntohs(where.sin_port), s->id);
}

static void skip_head(int fd) {
    char last[4] = "", c;
    while (memcmp(last, "\r\n\r\n", 4) != 0) {
        CHECK(read(fd, &c, 1) == 1);
        memmove(last, last + 1, 3);
        last[3] = c;
    }
}

enum { CHUNKS = 200000 };

TEST(answers_of_programs_in_crumbs) {
    setup s;
    set_up(&s);
    char *text = repeated("1\r\nx\r\n", CHUNKS);
    int fd = dial(s.d.socket);
    send_text(fd, s.head);
    send_text(fd, "\r\n");
    int guest = accept4(s.listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(guest >= 0);
    skip_head(guest);
    send_text(guest, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    pid_t sender = send_beside(guest, text, strlen(text));
    CHECK_INT(daemon_wait(sender), 0);
    send_text(guest, "0\r\n\r\n");
    reply r = read_reply(fd);
    CHECK_INT(r.size, CHUNKS);
    reply_free(&r);
    close(guest);
    close(fd);
    free(text);
    close(s.listener);
    daemon_stop(&s.d);
}

TEST(uploads_to_programs_in_crumbs) {
    setup s;
    set_up(&s);
    char *text = repeated("1\r\nx\r\n", CHUNKS);
    int fd = dial(s.d.socket);
    send_text(fd, s.head);
    send_text(fd, "Transfer-Encoding: chunked\r\n\r\n");
    pid_t sender = send_beside(fd, text, strlen(text));
    int guest = accept4(s.listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(guest >= 0);
    skip_head(guest);
    for (size_t have = 0; have < strlen(text);) {
        char chunk[65536];
        ssize_t got = read(guest, chunk, sizeof(chunk));
        CHECK(got > 0 && memcmp(chunk, text + have % 6, (size_t)got) == 0);
        have += (size_t)got;
    }
    CHECK_INT(daemon_wait(sender), 0);
    send_text(fd, "0\r\n\r\n");
    send_text(guest, "HTTP/1.1 204 No\r\n\r\n");
    CHECK_STATUS(read_reply(fd), 204);
    close(guest);
    close(fd);
    free(text);
    close(s.listener);
    daemon_stop(&s.d);
}

/* One frame of text, masked with zeros. */
static void put_frame(wrn_buf *out, const char *text) {
    wrn_buf_putc(out, (char)PEER_TEXT);
    wrn_buf_putc(out, (char)(0x80 | strlen(text)));
    wrn_buf_put(out, "\0\0\0\0", 4);
    wrn_buf_puts(out, text);
}

TEST(messages_by_the_thousand) {
    enum { MANY = 100000 };
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    int fd = peer_open(&d, sandbox_path(id, "/pty"), "");
    peer_say(fd, "{\"type\":\"start\",\"cmd\":\"cat\"}");
    wrn_json_free(peer_expect(fd, "started"));
    wrn_buf text = WRN_BUF_INIT;
    for (int i = 0; i < MANY; i++) put_frame(&text, i % 2 ? "{}" : "{\"type\":\"resize\",\"cols\":80,\"rows\":24}");
    pid_t sender = send_beside(fd, text.data, text.size);
    CHECK_INT(daemon_wait(sender), 0);
    peer_send(fd, PEER_PING, "there", 5);
    for (bool there = false; !there;) {
        frame f = peer_read(fd);
        there = f.first == PEER_PONG;
        free(f.data);
    }
    wrn_buf_free(&text);
    close(fd);
    daemon_stop(&d);
}

TEST(messages_that_are_large) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    int fd = peer_open(&d, sandbox_path(id, "/pty"), "");
    peer_say(fd, "{\"type\":\"start\",\"cmd\":\"cat\"}");
    wrn_json_free(peer_expect(fd, "started"));
    /* Of many values: it makes no sense here, and is ignored like all that makes none. */
    char *values = repeated("[],", 1300000);
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_buf_printf(&text, "[%s[]]", values);
    peer_send(fd, PEER_TEXT, text.data, text.size);
    free(values);
    /* Input comes in order with what follows it. */
    enum { BYTES = 300000 };
    char *a = repeated("YWFh", BYTES / 3);
    wrn_buf_clear(&text);
    wrn_buf_printf(&text, "{\"type\":\"input\",\"data\":\"%s\"}", a);
    free(a);
    peer_send(fd, PEER_TEXT, text.data, text.size);
    peer_say(fd, "{\"type\":\"input\",\"data\":\"Yg==\"}");
    char last = 'a';
    for (size_t have = 0; have < BYTES + 1;) {
        wrn_json *message = peer_expect(fd, "output");
        const char *data = wrn_json_string(wrn_json_get(message, "data"), NULL);
        static unsigned char bytes[BYTES + 3];
        CHECK(data && strlen(data) / 4 * 3 <= sizeof(bytes) + 2);
        ssize_t size = wrn_base64_decode(bytes, data, strlen(data));
        CHECK(size > 0);
        have += (size_t)size;
        last = (char)bytes[size - 1];
        CHECK(have <= BYTES + 1);
        wrn_json_free(message);
    }
    CHECK_INT(last, 'b');
    close(fd);
    daemon_stop(&d);
}

/* ---- what takes its time elsewhere ---- */

static void set_sleep_limit(void) {
#ifdef SANITIZED
    test_skip("no watchdog in such builds");
#endif
    setenv("WRENND_SLEEP_LIMIT_MS", "200", 1);
}

TEST(sleep_on_the_loop_is_noticed) {
    test_daemon d;
    set_sleep_limit();
    daemon_start(&d, NULL);
    char id[40], text[400], byte;
    make_sandbox(&d, "{}", id);
    int fd = dial(d.socket);
    snprintf(
        text, sizeof(text),
        "POST /v1/sandboxes/%s/exec HTTP/1.1\r\nHost:\r\nX-API-Key:%s\r\nContent-Length:13\r\n\r\n{\"cmd\":\"nap\"}",
        id, d.key);
    send_text(fd, text);
    CHECK(read(fd, &byte, 1) <= 0);
    CHECK_INT(daemon_wait(d.pid), 128 + SIGABRT);
    close(fd);
    close(d.lifeline);
}

TEST(a_slow_disk_holds_nobody) {
    test_daemon d = {0};
    served s = {0};
    set_sleep_limit();
    setenv("FAKE_DISK_MS", "700", 1);
    daemon_serve(&s, &d, (const char *[]){"--signup", "local", NULL});
    daemon_key(&s, &d);
    const char *account = "{\"email\":\"a@b.c\",\"password\":\"long enough\",\"name\":\"a\"}";
    reply r = request(&d, "POST", "/v1/auth/signup", NULL, account);
    CHECK_INT(r.status, 201);
    snprintf(d.token, sizeof(d.token), "%s", member(&r, "token"));
    reply_free(&r);
    char id[40], body[200];
    make_sandbox(&d, "{}", id);
    for (int i = 0; i < 2; i++) { /* the second one in the place of the first */
        snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\",\"name\":\"one\"}", id);
        CHECK_STATUS(call(&d, "POST", "/v1/snapshots?overwrite=true", body), 201);
    }
    daemon_finish(&s, SIGTERM);
    free(s.said);
}

TEST(nothing_is_promised_that_is_not_on_the_disk) {
    test_daemon d = {0};
    served s = {0};
    char broken[200];
    snprintf(broken, sizeof(broken), "%s/broken", test_dir());
    setenv("FAKE_DISK_BROKEN", broken, 1);
    daemon_serve(&s, &d, NULL);
    daemon_key(&s, &d);
    int fd = open(broken, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    close(fd);
    char id[40], body[200];
    make_sandbox(&d, "{}", id);
    snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\"}", id);
    CHECK_STATUS(call(&d, "POST", "/v1/snapshots", body), 500);
    CHECK_INT(unlink(broken), 0);
    CHECK_STATUS(call(&d, "POST", "/v1/snapshots", body), 201);
    daemon_finish(&s, SIGTERM);
    free(s.said);
}

static atomic_int syncs, own_syncs;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
__attribute__((visibility("default"))) int fdatasync(int fd) {
    syncs++;
    if (gettid() == getpid()) own_syncs++;
    return (int)syscall(SYS_fdatasync, fd);
}

/* As it is written, a log is emptied by a worker; only its new beginning is waited for. */
TEST(the_log_of_the_database_is_emptied_elsewhere) {
    enum { MANY = 3000, LARGE = 64 << 20 };
    char path[200], log[220];
    wrn_why why;
    struct stat info;
    uv_loop_t loop;
    uv_loop_init(&loop);
    snprintf(path, sizeof(path), "%s/db", test_dir());
    snprintf(log, sizeof(log), "%s-wal", path);
    wrn_store *store = wrn_store_open(path, false, &why);
    CHECK_MSG(store != NULL, "%s", why.text);
    wrn_store_use_loop(store, &loop);
    syncs = own_syncs = 0;
    for (int i = 0; i < MANY; i++) {
        wrn_account account = {.name = "a"};
        wrn_id_new(account.user_id, "usr");
        wrn_id_new(account.team_id, "team");
        snprintf(account.email, sizeof(account.email), "%s@b.c", account.user_id);
        CHECK_INT(wrn_store_add_account(store, &account), WRN_DB_OK);
        uv_run(&loop, UV_RUN_DEFAULT);
    }
    CHECK(stat(log, &info) == 0);
    test_note("%d of %d syncs here, %lld bytes", own_syncs, syncs, (long long)info.st_size);
    CHECK_MSG(own_syncs <= 8 && syncs >= own_syncs, "%d", own_syncs);
    CHECK_MSG(info.st_size < LARGE, "%lld", (long long)info.st_size);
    wrn_store_close(store);
    uv_loop_close(&loop);
}

TEST_MAIN
