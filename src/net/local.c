#include "net/local.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/place.h"
#include "base/tree.h"
#include "net/orphan.h"

enum { START_LIMIT_MS = 15000, STOP_LIMIT_MS = 10000 };

struct wrn_local {
    pid_t owner; /* the process that started it: a forked child must not stop it */
    wrn_orphan server;
    int lifeline; /* the server lives until this end is closed */
    int users;
    char directory[128];
    char *socket, *api_key, *token;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static wrn_local *current;

static void local_free(wrn_local *local) {
    if (local->lifeline >= 0) close(local->lifeline);
    wrn_orphan_release(&local->server);
    free(local->socket);
    free(local->api_key);
    free(local->token);
    free(local);
}

/* The server cleans up and exits when the lifeline is shut down. */
static void local_stop(wrn_local *local) {
    if (local->lifeline >= 0) shutdown(local->lifeline, SHUT_WR);
    if (local->server.pid && !wrn_orphan_ended(&local->server, STOP_LIMIT_MS)) {
        wrn_orphan_kill(&local->server);
        wrn_orphan_ended(&local->server, -1);
    }
    wrn_tree_remove(local->directory); /* a server that could not lock it, or was killed, leaves it behind */
    local_free(local);
}

/* ---- starting ---- */

/* The first usable place for private directories. XDG_RUNTIME_DIR is skipped when it is unusable, and so are places that
 * can't hold sandboxes; another unusable place is an error. */
static const char *local_choose_place(char *why, size_t why_size) {
    const char *places[WRN_PRIVATE_PLACES];
    char problem[512];
    wrn_private_places(places);
    snprintf(why, why_size,
             "all places for a private directory are on overlayfs, which can't hold sandboxes; set TMPDIR "
             "to one on a volume or a tmpfs");
    for (size_t i = 0; i < WRN_PRIVATE_PLACES; i++) {
        if (!places[i] || wrn_place_is_overlay(places[i])) continue;
        bool safe = wrn_place_is_safe(places[i], problem, sizeof(problem));
        if (i == WRN_PRIVATE_PLACE_RUNTIME && (!safe || access(places[i], W_OK) != 0)) continue;
        if (safe) return places[i];
        snprintf(why, why_size, "%s is not safe for a private directory: %s; or set TMPDIR to another directory",
                 places[i], problem);
        return NULL;
    }
    return NULL;
}

static bool local_make_directory(char *out, size_t size, char *why, size_t why_size) {
    const char *base = local_choose_place(why, why_size);
    if (!base) return false;
    /* A unix socket's path has 107 bytes at most. */
    if ((size_t)snprintf(out, size, "%s/wrenn-local-XXXXXX", base) + sizeof("/wrennd.sock") > 107) {
        snprintf(why, why_size, "the path %s is too long for a unix socket; set TMPDIR to a shorter one", base);
        return false;
    }
    if (mkdtemp(out)) return true;
    snprintf(why, why_size, "cannot make a directory in %s: %s; or set TMPDIR to another one", base, strerror(errno));
    return false;
}

/* Reads the line that the server writes when it is ready, or when it failed. */
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

static char *greeting_member(const wrn_json *object, const char *key) {
    const char *text = wrn_json_text(object, key);
    return text ? strdup(text) : NULL;
}

static bool local_greet(wrn_local *local, const char *program, char *why, size_t why_size) {
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_LIMITED(16384);
    WRN_AUTO(wrn_json_freep) wrn_json *greeting = NULL;
    const char *problem;
    bool ok = read_greeting(local->lifeline, &line) && wrn_json_parse(line.data, line.size, &greeting, &problem);
    const char *error = wrn_json_text(greeting, "error");
    if (!ok || error) {
        snprintf(why, why_size, "%s did not start: %s", program, error ? error : "it exited or did not respond");
        return false;
    }
    local->socket = greeting_member(greeting, "socket");
    local->api_key = greeting_member(greeting, "api_key");
    local->token = greeting_member(greeting, "token");
    if (local->socket && local->api_key && local->token) return true;
    snprintf(why, why_size, "%s is not a wrennd of this version", program);
    return false;
}

/* Moves a descriptor above WRN_ORPHAN_FD, the number that it will have in the server. Takes `fd` over; -1 when there are no
 * descriptors left. */
static int raise_fd(int fd) {
    if (fd > WRN_ORPHAN_FD) return fd;
    int raised = fcntl(fd, F_DUPFD_CLOEXEC, WRN_ORPHAN_FD + 1);
    close(fd);
    return raised;
}

static bool local_run(wrn_local *local, const char *program, int fd, char *why, size_t why_size) {
    char number[16];
    snprintf(number, sizeof(number), "%d", WRN_ORPHAN_FD);
    char *const argv[] = {(char *)(uintptr_t)program, (char[]){"--private-fd"}, number,
                          (char[]){"--data-dir"},     local->directory,         NULL};
    if (wrn_orphan_start(program, argv, fd, &local->server)) return true;
    snprintf(why, why_size, "cannot run %s: %s; install wrennd or set WRENN_WRENND to its path", program,
             strerror(errno));
    return false;
}

static bool local_connect(wrn_local *local, const char *program, char *why, size_t why_size) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return snprintf(why, why_size, "cannot make a socket pair: %s", strerror(errno)), false;
    local->lifeline = raise_fd(pair[0]);
    int server_end = raise_fd(pair[1]);
    bool ok = local->lifeline >= 0 && server_end >= 0;
    if (!ok) snprintf(why, why_size, "no descriptors left; raise the limit of open files");
    ok = ok && local_run(local, program, server_end, why, why_size);
    if (server_end >= 0) close(server_end);
    return ok && local_greet(local, program, why, why_size);
}

static wrn_local *local_start(const char *asked, char *why, size_t why_size) {
    char program[PATH_MAX];
    if (!wrn_wrennd_find(asked, program, sizeof(program), why, why_size)) return NULL;
    wrn_local *local = calloc(1, sizeof(*local));
    if (!local) return snprintf(why, why_size, "out of memory"), NULL;
    *local = (wrn_local){.owner = getpid(), .server.fd = -1, .lifeline = -1};
    if (!local_make_directory(local->directory, sizeof(local->directory), why, why_size))
        return local_free(local), NULL;
    if (local_connect(local, program, why, why_size)) return local;
    local_stop(local);
    return NULL;
}

/* ---- sharing ---- */

/* Another thread may hold the lock at the time of fork(). */
static void local_renew_lock(void) { pthread_mutex_init(&lock, NULL); }
static void local_watch_forks(void) { pthread_atfork(NULL, NULL, local_renew_lock); }

wrn_local *wrn_local_join(const char *program, char *why, size_t why_size) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, local_watch_forks);
    pthread_mutex_lock(&lock);
    if (current && current->owner != getpid()) current = NULL; /* the parent's, not ours */
    if (current && wrn_orphan_ended(&current->server, 0))
        current = NULL; /* its clients will get errors; new ones get a new server */
    if (!current) current = local_start(program, why, why_size);
    if (current) current->users++;
    wrn_local *local = current;
    pthread_mutex_unlock(&lock);
    return local;
}

void wrn_local_leave(wrn_local *local) {
    if (!local) return;
    pthread_mutex_lock(&lock);
    bool last = --local->users == 0;
    if (last && current == local) current = NULL;
    pthread_mutex_unlock(&lock);
    if (last && local->owner == getpid()) local_stop(local);
    else if (last) local_free(local);
}

const char *wrn_local_socket(const wrn_local *local) { return local->socket; }
const char *wrn_local_api_key(const wrn_local *local) { return local->api_key; }
const char *wrn_local_token(const wrn_local *local) { return local->token; }
