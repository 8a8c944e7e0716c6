#include "server/http/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/http/conn.h"

/* What comes while the loop is busy waits. A connection that finds no room is only tried again after a second, or many. */
enum { BACKLOG = 4096 };

struct wrn_listener {
    wrn_socket io;
    wrn_http *http;
    wrn_listener *next;
};

/* ---- sweeping ---- */

static void http_on_sweep(uv_timer_t *timer) {
    wrn_http *http = timer->data;
    int64_t now = wrn_now_ms();
    /* A closed connection leaves the list later, from the loop. */
    for (wrn_conn *conn = http->conns; conn; conn = conn->next) wrn_conn_sweep(conn, now);
    if (http->conns) return;
    uv_timer_stop(timer);
    http->sweeping = false;
}

static void start_sweeping(wrn_http *http) {
    if (http->sweeping) return;
    const wrn_http_config *c = &http->config;
    int64_t shortest = c->head_ms;
    const int64_t others[] = {c->body_ms, c->idle_ms, c->write_ms, c->linger_ms};
    for (size_t i = 0; i < WRN_COUNT(others); i++)
        if (others[i] < shortest) shortest = others[i];
    uint64_t every = shortest > 4000 ? 1000 : (uint64_t)shortest / 4 + 1;
    http->sweeping = uv_timer_start(&http->sweeper, http_on_sweep, every, every) == 0;
}

/* ---- taking turns ---- */

static void http_on_round(uv_idle_t *idle) {
    wrn_http *http = idle->data;
    wrn_conn *conn = WRN_TAKE(http->listed);
    uv_idle_stop(idle);
    for (wrn_conn *next; conn; conn = next) {
        next = conn->next_listed;
        conn->listed = false;
        wrn_conn_went_round(conn); /* may list it again; a closed one is freed later, from the loop */
    }
}

void wrn_conn_go_round(wrn_conn *conn) {
    wrn_http *http = conn->http;
    if (conn->listed) return;
    if (!http->listed) {
        uv_idle_start(&http->round, http_on_round);
        http->last_listed = &http->listed;
    }
    conn->listed = true;
    conn->next_listed = NULL;
    *http->last_listed = conn;
    http->last_listed = &conn->next_listed;
}

/* ---- listening ---- */

static void http_on_connection(uv_stream_t *stream, int status) {
    wrn_listener *listener = stream->data;
    if (status < 0) {
        wrn_log_warning("cannot accept a connection: %s", uv_strerror(status));
        return;
    }
    wrn_conn_accept(listener->http, stream);
    start_sweeping(listener->http);
}

void wrn_write_address(const struct sockaddr_storage *address, char *out, size_t size) {
    char host[INET6_ADDRSTRLEN] = "";
    bool six = address->ss_family == AF_INET6;
    uv_ip_name((const struct sockaddr *)address, host, sizeof(host));
    snprintf(out, size, six ? "[%s]:%d" : "%s:%d", host,
             ntohs(six ? ((struct sockaddr_in6 *)address)->sin6_port : ((struct sockaddr_in *)address)->sin_port));
}

bool wrn_is_loopback(const struct sockaddr_storage *address) {
    const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;
    if (address->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
}

static bool split_host_port(const char *address, char host[256], int64_t *port) {
    const char *colon = strrchr(address, ':');
    if (!colon || !wrn_parse_int(colon + 1, 0, 65535, port)) return false;
    size_t size = (size_t)(colon - address);
    if (size >= 2 && address[0] == '[' && address[size - 1] == ']') {
        address++;
        size -= 2;
    } else if (memchr(address, ':', size)) {
        return false;
    }
    if (size >= 256) return false;
    memcpy(host, address, size);
    host[size] = '\0';
    if (!size || strcmp(host, "localhost") == 0) snprintf(host, 256, "127.0.0.1");
    if (strcmp(host, "*") == 0) snprintf(host, 256, "0.0.0.0");
    return true;
}

static bool to_sockaddr(const char *address, struct sockaddr_storage *out) {
    char host[256];
    int64_t port;
    if (!split_host_port(address, host, &port)) return false;
    return uv_ip4_addr(host, (int)port, (struct sockaddr_in *)out) == 0 ||
           uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)out) == 0;
}

bool wrn_http_is_private_address(const char *address) {
    struct sockaddr_storage where;
    if (strncmp(address, "unix:", 5) == 0) return true;
    return to_sockaddr(address, &where) && wrn_is_loopback(&where);
}

static int bind_tcp(wrn_listener *listener, const char *address, char *bound, size_t bound_size) {
    struct sockaddr_storage where;
    uv_tcp_init(listener->http->loop, &listener->io.tcp);
    if (!to_sockaddr(address, &where)) return UV_EINVAL;
    int error = uv_tcp_bind(&listener->io.tcp, (const struct sockaddr *)&where, 0);
    if (!error) error = uv_listen(&listener->io.stream, BACKLOG, http_on_connection);
    int size = sizeof(where);
    if (!error) error = uv_tcp_getsockname(&listener->io.tcp, (struct sockaddr *)&where, &size);
    if (!error) wrn_write_address(&where, bound, bound_size);
    return error;
}

/* Removes a socket that nobody listens on. Anything else is left alone, and binding fails. */
static void remove_stale(const char *path) {
    struct stat info;
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    if (lstat(path, &info) != 0 || !S_ISSOCK(info.st_mode)) return;
    snprintf(where.sun_path, sizeof(where.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool stale = fd >= 0 && connect(fd, (struct sockaddr *)&where, sizeof(where)) != 0 && errno == ECONNREFUSED;
    if (fd >= 0) close(fd);
    if (stale) unlink(path);
}

static int bind_unix(wrn_listener *listener, const char *path, char *bound, size_t bound_size) {
    uv_pipe_init(listener->http->loop, &listener->io.pipe, 0);
    if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) return UV_ENAMETOOLONG;
    if (*path != '/') return UV_EINVAL;
    remove_stale(path);
    mode_t mask = umask(0177);
    int error = uv_pipe_bind(&listener->io.pipe, path);
    umask(mask);
    if (!error) error = uv_listen(&listener->io.stream, BACKLOG, http_on_connection);
    if (!error) snprintf(bound, bound_size, "unix:%s", path);
    return error;
}

static void http_on_listener_closed(uv_handle_t *handle) {
    wrn_listener *listener = handle->data;
    wrn_http *http = listener->http;
    free(listener);
    http->listener_count--;
    wrn_http_check_drained(http);
}

bool wrn_http_listen(wrn_http *http, const char *address, char *bound, size_t bound_size, wrn_why *why) {
    wrn_listener *listener = calloc(1, sizeof(*listener));
    listener->http = http;
    http->listener_count++;
    bool is_unix = strncmp(address, "unix:", 5) == 0;
    int error =
        is_unix ? bind_unix(listener, address + 5, bound, bound_size) : bind_tcp(listener, address, bound, bound_size);
    listener->io.handle.data = listener;
    if (!error) {
        listener->next = http->listeners;
        http->listeners = listener;
        return true;
    }
    uv_close(&listener->io.handle, http_on_listener_closed);
    if (error == UV_EINVAL)
        return wrn_why_set(why, "cannot listen on \"%s\": give IP:PORT, [IPv6]:PORT or unix:/absolute/path", address);
    if (error != UV_EADDRINUSE) return wrn_why_set(why, "cannot listen on %s: %s", address, uv_strerror(error));
    return wrn_why_set(
        why,
        "cannot listen on %s: the address is in use, perhaps by another user's wrennd; choose another with "
        "--listen, or with Environment=WRENND_LISTEN= in a unit (systemctl edit)",
        address);
}

/* ---- start and end ---- */

wrn_http *wrn_http_new(uv_loop_t *loop, const wrn_http_config *config, const wrn_http_handler *handler) {
    wrn_http *http = calloc(1, sizeof(*http));
    http->loop = loop;
    http->config = *config;
    http->handler = *handler;
    uv_timer_init(loop, &http->sweeper);
    uv_idle_init(loop, &http->round);
    http->sweeper.data = http->round.data = http;
    return http;
}

void wrn_http_check_drained(wrn_http *http) {
    if (!http->stopping || http->drained || http->listener_count || http->conn_count) return;
    http->drained = true;
    uv_close((uv_handle_t *)&http->sweeper, NULL);
    uv_close((uv_handle_t *)&http->round, NULL);
    http->handler.drained(http->handler.context);
}

void wrn_http_connections(const wrn_http *http, size_t *open, uint64_t *accepted) {
    *open = http->conn_count;
    *accepted = http->accepted;
}

void wrn_http_stop(wrn_http *http) {
    if (http->stopping) return;
    http->stopping = true;
    while (http->listeners) {
        wrn_listener *listener = http->listeners;
        http->listeners = listener->next;
        uv_close(&listener->io.handle, http_on_listener_closed);
    }
    for (wrn_conn *conn = http->conns; conn; conn = conn->next) {
        if (conn->running && conn->running->on_stop) conn->running->on_stop(conn->running);
        else if (conn->state != WRN_CONN_TAP) wrn_conn_close_idle(conn);
        else if (conn->tap.stop) conn->tap.stop(conn->tap_context);
        else wrn_conn_close(conn);
    }
    wrn_http_check_drained(http);
}

void wrn_http_abort(wrn_http *http) {
    for (wrn_conn *conn = http->conns; conn; conn = conn->next) wrn_conn_close(conn);
}

void wrn_http_free(wrn_http *http) { free(http); }
