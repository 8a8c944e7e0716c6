/* Private mode: a server for one process, gone with it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"

TEST(serves_its_owner_and_leaves_nothing) {
    test_daemon d;
    daemon_start(&d, NULL);
    struct stat info;
    CHECK(stat(d.socket, &info) == 0 && S_ISSOCK(info.st_mode));
    CHECK_INT(info.st_mode & 0777, 0600);
    CHECK(stat(d.dir, &info) == 0);
    CHECK_INT(info.st_mode & 0777, 0700);
    char id[40];
    make_sandbox(&d, "{}", id);
    char credentials[1100];
    snprintf(credentials, sizeof(credentials), "Authorization: Bearer %s", d.token);
    CHECK_STATUS(request(&d, "GET", "/v1/api-keys", credentials, NULL), 200);
    daemon_stop(&d);
}

TEST(ends_in_the_middle_of_a_command) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40], head[512];
    make_sandbox(&d, "{}", id);
    const char *body = "{\"cmd\":\"hang\",\"timeout_sec\":100000}";
    snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %zu\r\n\r\n%s",
             sandbox_path(id, "/exec"), d.key, strlen(body), body);
    int fd = dial(d.socket);
    send_text(fd, head);
    daemon_stop(&d);
    expect_eof(fd);
}

TEST(ends_when_a_sandbox_is_still_being_made) {
    test_daemon d;
    daemon_start(&d, NULL);
    char head[512];
    snprintf(
        head, sizeof(head),
        "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: 20\r\n\r\n{\"template\":\"gated\"}",
        d.key);
    int fd = dial(d.socket);
    send_text(fd, head);
    for (bool pending = false; !pending;) {
        reply r = call(&d, "GET", "/v1/sandboxes", NULL);
        pending = wrn_json_count(r.json) == 1;
        reply_free(&r);
    }
    shutdown(d.lifeline, SHUT_WR);
    kill(d.pid, SIGUSR1);
    daemon_stop(&d);
    expect_eof(fd);
}

TEST(ends_when_its_owner_dies_though_a_child_holds_the_socket) {
    int note[2], hold[2];
    char dir[128];
    snprintf(dir, sizeof(dir), "%s/data", test_dir());
    CHECK(pipe2(note, O_CLOEXEC) == 0 && pipe2(hold, O_CLOEXEC) == 0);
    pid_t owner = fork();
    if (owner == 0) {
        test_daemon d;
        daemon_start(&d, NULL);
        if (fork() == 0) {
            char c;
            close(hold[1]);
            close(note[1]);
            while (read(hold[0], &c, 1) > 0) {
            }
            _exit(0);
        }
        char pid[16];
        snprintf(pid, sizeof(pid), "%d", d.pid);
        if (write(note[1], pid, sizeof(pid)) < 0) _exit(1);
        _exit(0);
    }
    char text[16] = "";
    CHECK(read(note[0], text, sizeof(text)) > 0);
    CHECK_INT(daemon_wait(owner), 0);
    close(note[1]);
    /* The daemon inherited neither pipe, so only its directory tells; it is removed last. */
    int64_t pid = strtoll(text, NULL, 10);
    while (kill((pid_t)pid, 0) == 0) {
        char path[64], state[512] = "";
        snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, state, sizeof(state) - 1) <= 0 || strstr(state, ") Z")) {
            if (fd >= 0) close(fd);
            break;
        }
        close(fd);
    }
    struct stat info;
    CHECK(stat(dir, &info) != 0 && errno == ENOENT);
    close(hold[1]);
}

TEST(says_why_it_cannot_start) {
    int pair[2];
    char fd[16], dir[128], line[1024] = "";
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    snprintf(dir, sizeof(dir), "%s/data", test_dir());
    snprintf(fd, sizeof(fd), "%d", pair[1]);
    setenv("FAKE_BROKEN", "1", 1);
    pid_t pid = daemon_spawn((const char *[]){"--private-fd", fd, "--data-dir", dir, NULL}, pair[1], -1);
    close(pair[1]);
    CHECK(read(pair[0], line, sizeof(line) - 1) > 0);
    CHECK_CONTAINS(line, "{\"error\":\"sandboxes can't run here: the fake is broken");
    CHECK_INT(daemon_wait(pid), 1);
    struct stat info;
    CHECK(stat(dir, &info) != 0 && errno == ENOENT);
}

TEST_MAIN
