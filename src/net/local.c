#include "net/local.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

enum { START_LIMIT_MS = 15000, STOP_LIMIT_MS = 10000, LOOK_AGAIN_MS = 10, CHILD_FD = 3 };

struct wrn_local {
    pid_t owner; /* the process that started it: a forked child must not end it */
    pid_t server;
    int lifeline; /* the server lives until this end is closed */
    int users;
    char *socket, *api_key, *token;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static wrn_local *current;

static void release(wrn_local *local) {
    if (local->lifeline >= 0) close(local->lifeline);
    free(local->socket);
    free(local->api_key);
    free(local->token);
    free(local);
}

/* ---- starting ---- */

/* Beside the program that runs (a build tree or a relocated install), then where it was installed, then PATH. */
static bool find_program(const char *asked, char *out, size_t size) {
    const char *from_env = getenv("WRENN_WRENND");
    if (!asked || !*asked) asked = from_env && *from_env ? from_env : NULL;
    if (asked) return (size_t)snprintf(out, size, "%s", asked) < size;
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(self, '/');
    static const char *const beside[] = {"wrennd", "../server/wrennd", "../src/server/wrennd"};
    for (size_t i = 0; slash && i < WRN_COUNT(beside); i++) {
        slash[1] = '\0';
        if ((size_t)snprintf(out, size, "%s%s", self, beside[i]) < size && access(out, X_OK) == 0) return true;
    }
    snprintf(out, size, "%s/wrennd", WRN_BINDIR);
    if (access(out, X_OK) != 0) snprintf(out, size, "wrennd");
    return true;
}

static bool make_directory(char *out, size_t size, char *why, size_t why_size) {
    const char *base = getenv("XDG_RUNTIME_DIR");
    if (!base || access(base, W_OK) != 0) base = getenv("TMPDIR");
    if (!base || !*base) base = "/tmp";
    /* A unix socket's path has 107 bytes at most. */
    if ((size_t)snprintf(out, size, "%s/wrenn-local-XXXXXX", base) + sizeof("/wrennd.sock") > 107) {
        snprintf(why, why_size, "the directory %s is too long a path for a unix socket; set TMPDIR to a short one",
                 base);
        return false;
    }
    if (mkdtemp(out)) return true;
    snprintf(why, why_size, "cannot make a directory in %s: %s", base, strerror(errno));
    return false;
}

/* Starts the server with `fd` as its descriptor 3, in a session of its own so that Ctrl-C is ours to handle. */
static int spawn(const char *program, const char *directory, int fd, pid_t *pid) {
    char number[16];
    snprintf(number, sizeof(number), "%d", CHILD_FD);
    char *argv[] = {(char *)(uintptr_t)program, (char[]){"--private-fd"},     number,
                    (char[]){"--data-dir"},     (char *)(uintptr_t)directory, NULL};
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (fcntl(2, F_GETFD) < 0) posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, fd, CHILD_FD);
    extern char **environ;
    int error = posix_spawnp(pid, program, &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

/* Reads the one line the server says when it is ready, or why it is not. */
static bool read_greeting(int fd, wrn_buf *line) {
    int64_t until = wrn_in_ms(START_LIMIT_MS);
    while (!line->size || line->data[line->size - 1] != '\n') {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int64_t left = wrn_left_ms(until);
        if (!left) return false;
        int got = poll(&ready, 1, (int)left);
        if (got < 0 && errno == EINTR) continue;
        char chunk[512];
        ssize_t size = got > 0 ? read(fd, chunk, sizeof(chunk)) : 0;
        if (size <= 0) return false;
        wrn_buf_put(line, chunk, (size_t)size);
        if (line->failed) return false;
    }
    return true;
}

static char *member(const wrn_json *object, const char *key) {
    const char *text = wrn_json_string(wrn_json_get(object, key), NULL);
    return text ? strdup(text) : NULL;
}

static bool greet(wrn_local *local, const char *program, char *why, size_t why_size) {
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_LIMITED(16384);
    WRN_AUTO(wrn_json_freep) wrn_json *greeting = NULL;
    const char *problem;
    bool ok = read_greeting(local->lifeline, &line) && wrn_json_parse(line.data, line.size, &greeting, &problem);
    const char *error = wrn_json_string(wrn_json_get(greeting, "error"), NULL);
    if (!ok || error) {
        snprintf(why, why_size, "%s did not get ready: %s", program, error ? error : "it ended or kept silent");
        return false;
    }
    local->socket = member(greeting, "socket");
    local->api_key = member(greeting, "api_key");
    local->token = member(greeting, "token");
    if (local->socket && local->api_key && local->token) return true;
    snprintf(why, why_size, "%s is not a wrennd of this version", program);
    return false;
}

/* The same descriptor under a number above CHILD_FD; -1 when there is none. Takes `fd` over. */
static int raise_fd(int fd) {
    if (fd > CHILD_FD) return fd;
    int raised = fcntl(fd, F_DUPFD_CLOEXEC, CHILD_FD + 1);
    close(fd);
    return raised;
}

static void stop(wrn_local *local);

static wrn_local *start(const char *asked, char *why, size_t why_size) {
    char program[4200], directory[128];
    int pair[2];
    if (!find_program(asked, program, sizeof(program))) return snprintf(why, why_size, "path too long"), NULL;
    wrn_local *local = calloc(1, sizeof(*local));
    if (!local) return snprintf(why, why_size, "out of memory"), NULL;
    *local = (wrn_local){.owner = getpid(), .lifeline = -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        snprintf(why, why_size, "cannot make a socket pair: %s", strerror(errno));
        release(local);
        return NULL;
    }
    /* Away from the numbers that the child gives a meaning, which are free in a program that closed its own. */
    local->lifeline = raise_fd(pair[0]);
    int child_end = raise_fd(pair[1]);
    if (local->lifeline < 0 || child_end < 0) {
        snprintf(why, why_size, "no descriptors left; raise the limit of open files");
        if (child_end >= 0) close(child_end);
        release(local);
        return NULL;
    }
    bool made = make_directory(directory, sizeof(directory), why, why_size);
    int error = made ? spawn(program, directory, child_end, &local->server) : 0;
    close(child_end);
    if (!made || error) {
        if (error) {
            rmdir(directory);
            snprintf(why, why_size, "cannot run %s: %s; install wrennd or set WRENN_WRENND to its path", program,
                     strerror(error));
        }
        release(local);
        return NULL;
    }
    if (greet(local, program, why, why_size)) return local;
    stop(local);
    rmdir(directory);
    return NULL;
}

/* ---- stopping ---- */

static bool has_ended(pid_t server) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)server, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

/* False when the time is up first. */
static bool wait_for_end(pid_t server) {
    struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, server, 0), .events = POLLIN};
    int64_t until = wrn_in_ms(STOP_LIMIT_MS);
    /* Without a pidfd (old kernel, no descriptors left) look again now and then. */
    for (int64_t left; !has_ended(server) && (left = wrn_left_ms(until));)
        poll(&ended, 1, ended.fd >= 0 ? (int)left : LOOK_AGAIN_MS);
    if (ended.fd >= 0) close(ended.fd);
    return has_ended(server);
}

/* The server cleans up and ends when it sees our end closed for writing. */
static void stop(wrn_local *local) {
    shutdown(local->lifeline, SHUT_WR);
    if (!wait_for_end(local->server)) kill(local->server, SIGKILL);
    while (waitpid(local->server, NULL, 0) < 0 && errno == EINTR) {
    }
    release(local);
}

wrn_local *wrn_local_join(const char *program, char *why, size_t why_size) {
    pthread_mutex_lock(&lock);
    if (current && current->owner != getpid()) current = NULL; /* the parent's, not ours */
    if (current && has_ended(current->server)) current = NULL; /* its users will notice; others get a new one */
    if (!current) current = start(program, why, why_size);
    if (current) current->users++;
    wrn_local *local = current;
    pthread_mutex_unlock(&lock);
    return local;
}

void wrn_local_leave(wrn_local *local) {
    if (!local || local->owner != getpid()) return;
    pthread_mutex_lock(&lock);
    bool last = --local->users == 0;
    if (last && current == local) current = NULL;
    pthread_mutex_unlock(&lock);
    if (last) stop(local);
}

const char *wrn_local_socket(const wrn_local *local) { return local->socket; }
const char *wrn_local_api_key(const wrn_local *local) { return local->api_key; }
const char *wrn_local_token(const wrn_local *local) { return local->token; }
