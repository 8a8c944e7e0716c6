/* `wrenn mcp --http`: the streamable HTTP transport of the protocol. A session is a process of its own that speaks the
 * protocol as without --http, with a sandbox of its own; here messages are passed between connections and sessions, and it
 * is checked who sends them. One request for each connection: the answers to its messages are events, and when all are there
 * the connection is closed. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/mcp.h"
#include "cli/mcp_request.h"

enum {
    CONNECTIONS_MAX = 128,
    SESSIONS_MAX = 16,
    BODY_MAX = 16 << 20,
    UNREAD_MAX = 64 << 20, /* bytes that wait for a session, or for a client */
    TICK_MS = 5000,
    ALIVE_MS = 15000,        /* without an answer: then a sign of life is sent, so that clients do not give up */
    REQUEST_MS = 30000,      /* for a request to come */
    SESSION_MS = 30 * 60000, /* without any request it ends */
};

typedef struct session {
    pid_t pid; /* 0: free */
    char id[WRN_RANDOM_NAME_SIZE];
    int fd;      /* its stdin and stdout */
    bool ending; /* its stdin is closed */
    wrn_buf to, from;
    int64_t used_ms;
} session;

typedef struct connection {
    int fd; /* -1: free */
    wrn_buf in, out;
    int head; /* bytes of it; 0: it has not come */
    mcp_request request;
    bool answered;    /* its response has begun, though not all of it is there */
    bool said;        /* all of its response was sent */
    session *session; /* whose answers are waited for; NULL: everything is in `out` */
    wrn_buf ids;      /* of requests that are not answered yet: JSON, one per line */
    int64_t moved_ms;
} connection;

typedef struct http_server {
    cli_app *cli;
    const char *token;
    int listener;
    connection connections[CONNECTIONS_MAX];
    session sessions[SESSIONS_MAX];
} http_server;

/* ---- sessions ---- */

static void http_drop(connection *c) {
    close(c->fd);
    wrn_buf_free(&c->in);
    wrn_buf_free(&c->out);
    wrn_buf_free(&c->ids);
    *c = (connection){.fd = -1};
}

static void http_end_session(session *s) {
    if (!s->ending) shutdown(s->fd, SHUT_WR);
    s->ending = true;
}

static void http_free_session(session *s) {
    close(s->fd);
    wrn_buf_free(&s->to);
    wrn_buf_free(&s->from);
    *s = (session){0};
}

static void forget_session(http_server *server, session *s) {
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (server->connections[i].session == s) server->connections[i].session = NULL;
    pid_t pid = s->pid;
    http_free_session(s);
    waitpid(pid, NULL, 0);
}

/* In the new process: nothing of the others stays open. */
static void become_session(http_server *server, int fd) {
    setpgid(0, 0); /* keys of the terminal are for us, who tell the sessions */
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (server->connections[i].fd >= 0) http_drop(&server->connections[i]);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (server->sessions[i].pid) http_free_session(&server->sessions[i]);
    close(server->listener);
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
}

/* 1: this is the new process. 0: it was made. Negative: it can't be made, which is reported. */
static int new_session(http_server *server, session **out) {
    session *s = NULL;
    char id[WRN_RANDOM_NAME_SIZE];
    int ends[2];
    for (size_t i = 0; i < SESSIONS_MAX && !s; i++)
        if (!server->sessions[i].pid) s = &server->sessions[i];
    if (!s) return cli_complain("%d sessions are open: a new one is refused", SESSIONS_MAX), -1;
    if (!wrn_random_name(id) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return cli_complain("no session: %s", strerror(errno)), -1;
    pid_t pid = fork();
    if (pid == 0) become_session(server, ends[1]);
    if (pid < 0) cli_complain("no session: %s", strerror(errno));
    close(ends[1]);
    if (pid <= 0) close(ends[0]);
    if (pid <= 0) return pid == 0 ? 1 : -1;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *s = (session){.pid = pid, .fd = ends[0]};
    memcpy(s->id, id, sizeof(id));
    return *out = s, 0;
}

static session *http_find_session(http_server *server, const char *id) {
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        session *s = &server->sessions[i];
        if (s->pid && !s->ending && strcmp(s->id, id) == 0) return s;
    }
    return NULL;
}

/* ---- connections ---- */

static void accept_one(http_server *server) {
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    for (size_t i = 0; fd >= 0 && i < CONNECTIONS_MAX; i++) {
        if (server->connections[i].fd >= 0) continue;
        server->connections[i] = (connection){.fd = fd, .moved_ms = wrn_now_ms()};
        return;
    }
    if (fd >= 0) close(fd);
}

/* A response that does not come from a session. */
static void say(connection *c, int status, const char *text) {
    static const struct {
        int status;
        const char *line;
    } lines[] = {{202, "Accepted"},
                 {204, "No Content"},
                 {400, "Bad Request"},
                 {401, "Unauthorized\r\nWWW-Authenticate: Bearer"},
                 {403, "Forbidden"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed\r\nAllow: POST, DELETE"},
                 {411, "Length Required"},
                 {413, "Content Too Large"},
                 {431, "Request Header Fields Too Large"},
                 {503, "Service Unavailable"}};
    const char *line = "";
    for (size_t i = 0; i < WRN_COUNT(lines); i++)
        if (lines[i].status == status) line = lines[i].line;
    wrn_buf_printf(&c->out, "HTTP/1.1 %d %s\r\nConnection: close\r\n", status, line);
    if (*text)
        wrn_buf_printf(&c->out, "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s\n", strlen(text) + 1, text);
    else wrn_buf_puts(&c->out, status == 204 ? "\r\n" : "Content-Length: 0\r\n\r\n");
    c->answered = true;
}

static void put_event(connection *c, const char *data, size_t size) {
    wrn_buf_puts(&c->out, "event: message\ndata: ");
    wrn_buf_put(&c->out, data, size);
    wrn_buf_puts(&c->out, "\n\n");
    c->moved_ms = wrn_now_ms();
}

/* Whether the request with this id came over that connection; if so, it counts as answered now. */
static bool http_settle(connection *c, const wrn_buf *id) {
    for (size_t at = 0; at < c->ids.size;) {
        char *line = c->ids.data + at;
        size_t size = (size_t)((char *)memchr(line, '\n', c->ids.size - at) - line) + 1;
        if (size == id->size && memcmp(line, id->data, size) == 0) {
            memmove(line, line + size, c->ids.size - at - size);
            c->ids.size -= size;
            if (!c->ids.size) c->session = NULL;
            return true;
        }
        at += size;
    }
    return false;
}

/* Passes a session's message to the connection that waits for it; without one, the message is dropped. */
static void give(http_server *server, session *s, const wrn_json *id, const char *data, size_t size) {
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
    wrn_json_write(id, &line);
    wrn_buf_putc(&line, '\n');
    for (size_t i = 0; id && !line.failed && i < CONNECTIONS_MAX; i++) {
        connection *c = &server->connections[i];
        if (c->session == s && http_settle(c, &line)) return put_event(c, data, size);
    }
}

/* ---- requests ---- */

/* Whether the page that sends it, if it is one, is of this machine: any other could use the server behind its user's back. */
static bool is_local_origin(const char *origin) {
    static const char *const local[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = strstr(origin, "://");
    if (!*origin) return true;
    for (size_t i = 0; host && i < WRN_COUNT(local); i++) {
        size_t size = strlen(local[i]);
        if (strncmp(host + 3, local[i], size) == 0 && (!host[3 + size] || host[3 + size] == ':')) return true;
    }
    return false;
}

/* Takes the same time wherever the token differs. */
static bool has_token(const http_server *server, const char *authorization) {
    size_t size = strlen(server->token);
    unsigned differs = 0;
    if (strncasecmp(authorization, "Bearer ", 7) != 0 || strlen(authorization) != 7 + size) return false;
    for (size_t i = 0; i < size; i++) differs |= (unsigned char)(authorization[7 + i] ^ server->token[i]);
    return !differs;
}

/* Passes a message on, and notes the ids that wait for an answer. False: the message is malformed, and was not passed on. */
static bool pass_on(http_server *server, connection *c, session *s, const wrn_json *message) {
    const wrn_json *id = wrn_json_get(message, "id");
    const char *method = wrn_json_text(message, "method");
    if (wrn_json_type_of(message) != WRN_JSON_OBJECT || (wrn_json_has(message, "id") && !mcp_is_id(id))) return false;
    wrn_json_write(message, &s->to);
    wrn_buf_putc(&s->to, '\n');
    if (id && !wrn_json_has(message, "result") && !wrn_json_has(message, "error")) {
        wrn_json_write(id, &c->ids);
        wrn_buf_putc(&c->ids, '\n');
    }
    if (!method || id || strcmp(method, "notifications/cancelled") != 0) return true;
    /* The session sends no answer to it, so the connection that waits for one must not wait forever. */
    static const char cancelled[] =
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"cancelled\"}}";
    give(server, s, wrn_json_get(wrn_json_get(message, "params"), "requestId"), cancelled, sizeof(cancelled) - 1);
    return true;
}

static void pass_all_on(http_server *server, connection *c, session *s, const wrn_json *body, bool is_new) {
    bool many = wrn_json_type_of(body) == WRN_JSON_ARRAY, ok = !many || wrn_json_count(body);
    if (s->to.size > UNREAD_MAX) return say(c, 503, "the session does not take what is sent");
    for (size_t i = 0; ok && i < (many ? wrn_json_count(body) : 1); i++)
        ok = pass_on(server, c, s, many ? wrn_json_at(body, i) : body);
    s->used_ms = wrn_now_ms();
    if (!ok) return say(c, 400, "a message is not a request, a notification or an answer");
    if (!c->ids.size) return say(c, 202, "");
    wrn_buf_puts(&c->out, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n");
    if (is_new) wrn_buf_printf(&c->out, "Mcp-Session-Id: %s\r\n", s->id);
    wrn_buf_puts(&c->out, "Connection: close\r\n\r\n");
    c->answered = true;
    c->session = s;
}

/* 1: this is a new session's process. */
static int post(http_server *server, connection *c) {
    WRN_AUTO(wrn_json_freep) wrn_json *body = NULL;
    const char *why = NULL, *id = c->request.session;
    if (!wrn_json_parse_within(c->in.data + c->head, (size_t)c->request.size, MCP_VALUES_MAX, &body, &why))
        return say(c, 400, "the body is not JSON"), 0;
    const wrn_json *first = wrn_json_type_of(body) == WRN_JSON_ARRAY ? wrn_json_at(body, 0) : body;
    const char *method = wrn_json_text(first, "method");
    bool is_new = !*id && method && strcmp(method, "initialize") == 0;
    session *s = http_find_session(server, id);
    if (!*id && !is_new) return say(c, 400, "Mcp-Session-Id is missing: begin with initialize"), 0;
    if (*id && !s) return say(c, 404, "there is no such session: begin with initialize"), 0;
    int made = is_new ? new_session(server, &s) : 0;
    if (made < 0) return say(c, 503, "there can be no more sessions now"), 0;
    if (made == 0) pass_all_on(server, c, s, body, is_new);
    if (made == 0 && is_new && !c->session) http_end_session(s);
    return made;
}

static void end_by_request(http_server *server, connection *c) {
    session *s = http_find_session(server, c->request.session);
    if (s) http_end_session(s);
    say(c, s ? 204 : 404, "");
}

/* Checks that need no body: only clients with the token may make us hold one. */
static bool may_come_in(const http_server *server, connection *c) {
    const mcp_request *r = &c->request;
    size_t path = strcspn(r->target, "?");
    if (!is_local_origin(r->origin)) say(c, 403, "a page of another origin may not use this");
    else if (!has_token(server, r->authorization))
        say(c, 401, "the token is missing or wrong: Authorization: Bearer TOKEN");
    else if (path != 4 || strncmp(r->target, "/mcp", 4) != 0) say(c, 404, "there is only /mcp");
    else if (strcmp(r->method, "POST") != 0 && strcmp(r->method, "DELETE") != 0) say(c, 405, "");
    else if (*r->version && !mcp_knows_version(r->version)) say(c, 400, "this version of the protocol is not known");
    else if (r->size > BODY_MAX) say(c, 413, "");
    return !c->answered;
}

/* ---- bytes ---- */

static int http_take_bytes(http_server *server, connection *c) {
    if (!c->head) {
        c->head = mcp_read_head(c->in.data, c->in.size, &c->request);
        if (!c->head) return 0;
        if (c->head < 0) return say(c, -c->head, ""), 0;
        if (!may_come_in(server, c)) return 0;
    }
    if (c->in.size - (size_t)c->head >= (size_t)c->request.size)
        return *c->request.method == 'P' ? post(server, c) : (end_by_request(server, c), 0);
    if (c->request.expects) wrn_buf_puts(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
    c->request.expects = false;
    return 0;
}

/* What comes after the request is read and dropped: closing with unread bytes could destroy the response. */
static int read_from(http_server *server, connection *c) {
    if (c->answered) wrn_buf_clear(&c->in);
    char *into = wrn_buf_reserve(&c->in, 65536);
    ssize_t got = into ? read(c->fd, into, 65536) : 0;
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return 0;
    if (got <= 0) return http_drop(c), 0;
    c->in.size += (size_t)got;
    return c->answered ? 0 : http_take_bytes(server, c);
}

/* False: the other end is closed. */
static bool write_to(int fd, wrn_buf *out) {
    ssize_t wrote = send(fd, out->data, out->size, MSG_NOSIGNAL);
    if (wrote > 0) wrn_buf_consume(out, (size_t)wrote);
    return wrote >= 0 || errno == EINTR || errno == EAGAIN;
}

static void http_take_line(http_server *server, session *s, const char *data, size_t size) {
    WRN_AUTO(wrn_json_freep) wrn_json *message = NULL;
    const char *why = NULL;
    if (wrn_json_parse(data, size, &message, &why)) give(server, s, wrn_json_get(message, "id"), data, size);
}

/* False: it has ended. */
static bool read_session(http_server *server, session *s) {
    char *into = wrn_buf_reserve(&s->from, 65536);
    ssize_t got = into ? read(s->fd, into, 65536) : 0;
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (got <= 0) return false;
    size_t before = s->from.size;
    s->from.size += (size_t)got;
    if (!memchr(s->from.data + before, '\n', (size_t)got)) return true;
    size_t at = 0;
    for (char *end; (end = memchr(s->from.data + at, '\n', s->from.size - at)); at = (size_t)(end - s->from.data) + 1)
        http_take_line(server, s, s->from.data + at, (size_t)(end - s->from.data) - at);
    wrn_buf_consume(&s->from, at);
    return true;
}

/* ---- the loop ---- */

/* Whether the response is complete and its end must be sent. */
static bool is_through(const connection *c) { return c->answered && !c->session && !c->out.size && !c->said; }

static int see_to_connection(http_server *server, connection *c, short events) {
    if (events & POLLIN && read_from(server, c)) return 1;
    if (events & (POLLERR | POLLHUP) && !(events & POLLIN)) http_drop(c);
    if (c->fd < 0) return 0;
    bool ok = !c->in.failed && !c->ids.failed && !c->out.failed && c->out.size < UNREAD_MAX;
    if (ok && c->out.size) ok = write_to(c->fd, &c->out);
    if (ok && is_through(c)) c->said = true, shutdown(c->fd, SHUT_WR);
    if (!ok) http_drop(c);
    return 0;
}

static void see_to_session(http_server *server, session *s, short events) {
    bool ok = !(events & (POLLIN | POLLHUP | POLLERR)) || read_session(server, s);
    if (ok && s->to.size && !s->ending) ok = !s->to.failed && write_to(s->fd, &s->to);
    if (!ok) forget_session(server, s);
}

/* Time limits: requests that do not come, answers that take long, sessions that nobody uses. */
static void look_at_the_time(http_server *server) {
    int64_t now = wrn_now_ms();
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        connection *c = &server->connections[i];
        if (c->fd < 0) continue;
        if (c->session) c->session->used_ms = now;
        if (!c->session && now - c->moved_ms > REQUEST_MS) http_drop(c);
        else if (c->session && now - c->moved_ms > ALIVE_MS) wrn_buf_puts(&c->out, ": working\n\n"), c->moved_ms = now;
    }
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (server->sessions[i].pid && now - server->sessions[i].used_ms > SESSION_MS)
            http_end_session(&server->sessions[i]);
}

/* Waits, and sees to what happened. 1: this is a new session's process. Negative: a signal came. */
static int http_turn(http_server *server) {
    struct pollfd fds[2 + CONNECTIONS_MAX + SESSIONS_MAX] = {
        {.fd = server->cli->signals, .events = POLLIN},
        {.fd = server->listener, .events = POLLIN},
    };
    struct pollfd *of_connections = fds + 2, *of_sessions = of_connections + CONNECTIONS_MAX;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        const connection *c = &server->connections[i];
        of_connections[i].fd = c->fd;
        of_connections[i].events = (short)(POLLIN | (c->out.size ? POLLOUT : 0));
    }
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        const session *s = &server->sessions[i];
        of_sessions[i].fd = s->pid ? s->fd : -1;
        of_sessions[i].events = (short)(POLLIN | (s->to.size && !s->ending ? POLLOUT : 0));
    }
    if (poll(fds, WRN_COUNT(fds), TICK_MS) < 0) return errno == EINTR ? 0 : -1;
    if (fds[0].revents && cli_take_signal(server->cli)) return -1;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (of_sessions[i].revents) see_to_session(server, &server->sessions[i], of_sessions[i].revents);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        connection *c = &server->connections[i];
        if (of_connections[i].fd >= 0 && (of_connections[i].revents || is_through(c)) &&
            see_to_connection(server, c, of_connections[i].revents))
            return 1;
    }
    if (fds[1].revents) accept_one(server);
    look_at_the_time(server);
    return 0;
}

/* Ends all sessions, which destroy their sandboxes. A second signal ends that, too, but not in sessions that have begun to
 * end because their client left. */
static void end_all(http_server *server) {
    bool again = false, any = true;
    close(server->listener);
    server->listener = -1;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (server->connections[i].fd >= 0) http_drop(&server->connections[i]);
    while (any) {
        any = false;
        for (size_t i = 0; i < SESSIONS_MAX; i++) {
            session *s = &server->sessions[i];
            if (s->pid && (again || !s->ending)) kill(s->pid, SIGTERM), s->ending = true;
            any = any || s->pid;
        }
        again = any && http_turn(server) < 0;
    }
}

/* ---- start ---- */

bool mcp_http_place(const char *place, struct sockaddr_in *address) {
    const char *colon = strrchr(place, ':');
    char host[64] = "127.0.0.1";
    int64_t port;
    if (colon) snprintf(host, sizeof(host), "%.*s", (int)(colon - place), place);
    if (strcmp(host, "localhost") == 0) snprintf(host, sizeof(host), "127.0.0.1");
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    if (!wrn_parse_int(colon ? colon + 1 : place, 0, 65535, &port) || inet_pton(AF_INET, host, &address->sin_addr) != 1)
        return false;
    address->sin_port = htons((uint16_t)port);
    return true;
}

/* The port that was taken is put back. -1: reported. */
static int open_listener(const char *place, struct sockaddr_in *address) {
    int yes = 1;
    socklen_t size = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (fd >= 0 && bind(fd, (struct sockaddr *)address, size) == 0 && listen(fd, 64) == 0 &&
        getsockname(fd, (struct sockaddr *)address, &size) == 0)
        return fd;
    cli_complain("can't listen on %s: %s", place, strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
}

static bool say_where(const cli_app *cli, const struct sockaddr_in *address, const char *token) {
    char host[INET_ADDRSTRLEN], url[64];
    inet_ntop(AF_INET, &address->sin_addr, host, sizeof(host));
    snprintf(url, sizeof(url), "http://%s:%d/mcp", host, ntohs(address->sin_port));
    wrn_json *object = wrn_json_new_object();
    wrn_json_set_string(object, "url", url);
    wrn_json_set_string(object, "token", token);
    bool ok = cli_print_object(cli, url, object) == 0;
    return cli_flush() == 0 && ok;
}

mcp_http_end mcp_serve_http(cli_app *cli, const char *place, struct sockaddr_in address) {
    const char *given = cli_env("WRENN_MCP_TOKEN");
    char made[WRN_RANDOM_NAME_SIZE];
    if (!given && !wrn_random_name(made)) return cli_complain("no token: %s", strerror(errno)), MCP_HTTP_FAILED;
    http_server *server = calloc(1, sizeof(*server));
    if (!server) return cli_complain("out of memory"), MCP_HTTP_FAILED;
    *server = (http_server){.cli = cli, .token = given ? given : made, .listener = open_listener(place, &address)};
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) server->connections[i].fd = -1;
    mcp_http_end end = MCP_HTTP_FAILED;
    if (server->listener >= 0 && say_where(cli, &address, server->token)) {
        int rc;
        while ((rc = http_turn(server)) == 0) continue;
        end = rc > 0 ? MCP_HTTP_SESSION : MCP_HTTP_ENDED;
        if (rc < 0) end_all(server), cli->signal = 0; /* that is how it is ended */
    } else if (server->listener >= 0) {
        close(server->listener);
    }
    free(server);
    return end;
}
