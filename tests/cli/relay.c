#include "relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "person.h"
#include "test.h"

enum { PAIRS_MAX = 32 };

static volatile sig_atomic_t cut, slow;
static void on_cut(int number) { cut = number; }
static void on_slow(int number) { slow = number; }

static int open_socket(const char *path, bool listens) {
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    snprintf(where.sun_path, sizeof(where.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    if (!listens) CHECK(connect(fd, (struct sockaddr *)&where, sizeof(where)) == 0);
    if (listens) CHECK(bind(fd, (struct sockaddr *)&where, sizeof(where)) == 0 && listen(fd, 64) == 0);
    return fd;
}

/* Passes some on; false at the end. */
static bool pass(int from, int to) {
    char data[65536];
    ssize_t got = read(from, data, sizeof(data));
    if (slow) poll(NULL, 0, 10);
    for (ssize_t at = 0, put; at < got; at += put)
        if ((put = write(to, data + at, (size_t)(got - at))) <= 0) return false;
    return got > 0;
}

static void serve(int listener, const char *target) {
    int pairs[PAIRS_MAX][2];
    size_t count = 0;
    for (;;) {
        struct pollfd fds[2 * PAIRS_MAX + 1] = {{.fd = listener, .events = POLLIN}};
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < 2; k++) fds[1 + 2 * i + k] = (struct pollfd){.fd = pairs[i][k], .events = POLLIN};
        int ready = poll(fds, 1 + 2 * count, -1);
        bool ends_all = cut;
        if (ends_all) cut = 0;
        if (ready < 0 && !ends_all) continue;
        for (size_t i = count; i-- > 0;) {
            bool ends = ends_all;
            for (size_t k = 0; k < 2 && !ends; k++)
                ends = ready > 0 && fds[1 + 2 * i + k].revents && !pass(pairs[i][k], pairs[i][1 - k]);
            if (!ends) continue;
            close(pairs[i][0]), close(pairs[i][1]);
            memmove(pairs[i], pairs[count - 1], sizeof(pairs[0]));
            count--;
        }
        if (ready > 0 && fds[0].revents && count < PAIRS_MAX) {
            pairs[count][0] = accept(listener, NULL, NULL);
            pairs[count++][1] = open_socket(target, false);
        }
    }
}

pid_t relay_start(const char *path, const char *target) {
    int listener = open_socket(path, true);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        struct sigaction action = {.sa_handler = on_cut};
        sigaction(SIGUSR1, &action, NULL);
        action.sa_handler = on_slow;
        sigaction(SIGUSR2, &action, NULL);
        signal(SIGPIPE, SIG_IGN);
        serve(listener, target);
    }
    close(listener);
    return pid;
}

pid_t relay_to_own(void) {
    char *url = WRENN_SAYS("serve", "status", "-o", "name"), path[256], relay_url[300];
    snprintf(path, sizeof(path), "%s/relay", test_dir());
    snprintf(relay_url, sizeof(relay_url), "unix:%s", path);
    pid_t relay = relay_start(path, url + strlen("unix:"));
    free(url);
    program_result key = shell("tr -d '\\n' < .local/state/wrenn/server/key");
    setenv("WRENN_BASE_URL", relay_url, 1);
    setenv("WRENN_API_KEY", key.out, 1);
    program_result_free(&key);
    return relay;
}

void relay_cut(pid_t relay) { CHECK(kill(relay, SIGUSR1) == 0); }

void relay_slow(pid_t relay) { CHECK(kill(relay, SIGUSR2) == 0); }

void relay_stop(pid_t relay) {
    kill(relay, SIGKILL);
    waitpid(relay, NULL, 0);
}
