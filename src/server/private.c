#include "server/private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/place.h"
#include "server/log.h"

static void (*owner_is_gone)(wrn_server *server);

/* Frees `line`. */
static bool send_line(int fd, wrn_json *line) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_json_write(line, &text);
    wrn_buf_putc(&text, '\n');
    wrn_json_free(line);
    for (size_t at = 0; at < text.size;) {
        ssize_t sent = write(fd, text.data + at, text.size - at);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        at += (size_t)sent;
    }
    return true;
}

bool wrn_private_greet(int fd, const char *socket, const char *api_key, const char *token) {
    wrn_json *line = wrn_json_new_object();
    wrn_json_set_string(line, "socket", socket);
    wrn_json_set_string(line, "api_key", api_key);
    wrn_json_set_string(line, "token", token);
    return send_line(fd, line);
}

void wrn_private_fail(int fd, const char *why) {
    wrn_json *line = wrn_json_new_object();
    wrn_json_set_string(line, "error", why);
    if (!send_line(fd, line)) wrn_log_error("cannot tell the owner: %s", why);
}

static void end_watch(wrn_server *server) {
    wrn_private_unwatch(server);
    owner_is_gone(server);
}

static void private_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    static char ignored[256];
    (void)handle, (void)suggested;
    *buf = uv_buf_init(ignored, sizeof(ignored));
}

static void private_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
    (void)buf;
    if (got < 0) end_watch(stream->data);
}

static void private_on_pidfd(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    end_watch(poll->data);
}

/* A pidfd of the process that made the socket pair, which need not be our parent. -1: it can't be watched. */
static int open_owner(int fd) {
    struct ucred owner;
    socklen_t size = sizeof(owner);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &owner, &size) != 0) return -1;
    return (int)syscall(SYS_pidfd_open, owner.pid, 0);
}

/* The owner's end of the socket may be inherited by its children, so its process is watched, too. */
bool wrn_private_watch(wrn_server *server, void (*gone)(wrn_server *server)) {
    owner_is_gone = gone;
    if (uv_pipe_init(&server->loop, &server->lifeline, 0) != 0) return false;
    server->lifeline.data = server;
    server->lifeline_open = true;
    if (uv_pipe_open(&server->lifeline, (int)server->config->private_fd) != 0) return false;
    if (uv_read_start((uv_stream_t *)&server->lifeline, private_on_alloc, private_on_read) != 0) return false;
    server->owner_fd = open_owner((int)server->config->private_fd);
    if (server->owner_fd < 0 && errno == ESRCH) return false; /* the owner is gone already */
    if (server->owner_fd < 0 || uv_poll_init(&server->loop, &server->owner, server->owner_fd) != 0) return true;
    server->owner.data = server;
    server->owner_open = true;
    return uv_poll_start(&server->owner, UV_READABLE, private_on_pidfd) == 0;
}

static void private_on_pidfd_closed(uv_handle_t *handle) { close(((wrn_server *)handle->data)->owner_fd); }

void wrn_private_unwatch(wrn_server *server) {
    if (server->lifeline_open) uv_close((uv_handle_t *)&server->lifeline, NULL);
    if (server->owner_open) uv_close((uv_handle_t *)&server->owner, private_on_pidfd_closed);
    server->lifeline_open = server->owner_open = false;
}

/* ---- leftovers of killed servers ---- */

/* A younger lock file may belong to a server that is about to take the lock. */
enum { YOUNG_SEC = 2 };

static bool is_stale(const char *path, const struct stat *own) {
    char lock[PATH_MAX];
    struct stat info, lock_info;
    if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid()) return false;
    /* Our own lock must not be opened: closing it again would release it. */
    if (own && info.st_dev == own->st_dev && info.st_ino == own->st_ino) return false;
    if ((size_t)snprintf(lock, sizeof(lock), "%s/lock", path) >= sizeof(lock)) return false;
    int fd = open(lock, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return false;
    bool stale =
        fstat(fd, &lock_info) == 0 && lock_info.st_ctime + YOUNG_SEC < wrn_unix_time() && !wrn_lock_is_taken(fd);
    close(fd);
    return stale;
}

void wrn_private_each_stale(const char *own, void (*found)(void *context, const char *path), void *context) {
    const char *places[WRN_PRIVATE_PLACES];
    struct stat mine;
    wrn_private_places(places);
    bool have_own = own && lstat(own, &mine) == 0;
    for (size_t i = 0; i < WRN_PRIVATE_PLACES; i++) {
        if (!places[i] || (i == 1 && strcmp(places[i], places[2]) == 0)) continue;
        if (!wrn_place_is_safe(places[i], NULL, 0)) continue;
        DIR *dir = opendir(places[i]);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            char path[PATH_MAX];
            if (strncmp(entry->d_name, "wrenn-local-", strlen("wrenn-local-")) != 0) continue;
            if ((size_t)snprintf(path, sizeof(path), "%s/%s", places[i], entry->d_name) < sizeof(path) &&
                is_stale(path, have_own ? &mine : NULL))
                found(context, path);
        }
        if (dir) closedir(dir);
    }
}
