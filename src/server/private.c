#include "server/private.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/log.h"

static void (*on_gone)(wrn_server *server);

static bool say(int fd, wrn_json *line) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_json_write(line, &text);
    wrn_buf_putc(&text, '\n');
    wrn_json_free(line);
    size_t at = 0;
    while (!text.failed && at < text.size) {
        ssize_t sent = write(fd, text.data + at, text.size - at);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        at += (size_t)sent;
    }
    return !text.failed;
}

bool wrn_private_greet(int fd, const char *socket, const char *api_key, const char *token) {
    wrn_json *line = wrn_json_new_object();
    bool ok = wrn_json_set_string(line, "socket", socket) && wrn_json_set_string(line, "api_key", api_key) &&
              wrn_json_set_string(line, "token", token);
    return say(fd, line) && ok;
}

void wrn_private_fail(int fd, const char *why) {
    wrn_json *line = wrn_json_new_object();
    wrn_json_set_string(line, "error", why);
    if (!say(fd, line)) wrn_log_error("cannot tell the owner: %s", why);
}

static void owner_gone(wrn_server *server) {
    wrn_private_unwatch(server);
    if (on_gone) on_gone(server);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    static char ignored[256];
    (void)handle, (void)suggested;
    *buf = uv_buf_init(ignored, sizeof(ignored));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
    (void)buf;
    if (got < 0) owner_gone(stream->data);
}

static void on_parent(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    owner_gone(poll->data);
}

/* The end of the file says it all, unless a child of the owner's has inherited the socket: so the process is watched
 * too. PR_SET_PDEATHSIG would not do, for it speaks of the thread that started us. */
bool wrn_private_watch(wrn_server *server, void (*gone)(wrn_server *server)) {
    on_gone = gone;
    if (uv_pipe_init(&server->loop, &server->lifeline, 0) != 0) return false;
    server->lifeline.data = server;
    server->lifeline_open = true;
    if (uv_pipe_open(&server->lifeline, (int)server->config->private_fd) != 0) return false;
    if (uv_read_start((uv_stream_t *)&server->lifeline, on_alloc, on_read) != 0) return false;
    server->parent_fd = (int)syscall(SYS_pidfd_open, getppid(), 0);
    if (server->parent_fd < 0 || uv_poll_init(&server->loop, &server->parent, server->parent_fd) != 0) return true;
    server->parent.data = server;
    server->parent_open = true;
    return uv_poll_start(&server->parent, UV_READABLE, on_parent) == 0;
}

static void on_parent_closed(uv_handle_t *handle) {
    wrn_server *server = handle->data;
    close(server->parent_fd);
}

void wrn_private_unwatch(wrn_server *server) {
    if (server->lifeline_open) uv_close((uv_handle_t *)&server->lifeline, NULL);
    if (server->parent_open) uv_close((uv_handle_t *)&server->parent, on_parent_closed);
    server->lifeline_open = server->parent_open = false;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk) {
    (void)info, (void)type, (void)walk;
    if (remove(path) != 0 && errno != ENOENT) wrn_log_warning("cannot remove %s: %s", path, strerror(errno));
    return 0;
}

void wrn_private_remove_tree(const char *path) { nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT); }
