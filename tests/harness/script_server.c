#include "script_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test.h"
#include "wire/ws.h"

enum { CONNECTIONS_MAX = 1100, REQUESTS_MAX = 40000 };

typedef struct connection {
    int fd;
    char *data;
    size_t size;
    bool held, deaf, continued, websocket;
} connection;

typedef struct request {
    char *text;
    size_t size;
} request;

struct script_server {
    char url[160];
    int listen_fd, wake_fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const script_reply *replies;
    size_t reply_count;
    const script_rule *rules;
    size_t rule_count;
    const script_reply *for_messages; /* NULL: by the list */
    size_t listed;                    /* answers given from it */
    bool repeat_last, stopping, dropping, gate_open, pongs;
    request *requests;
    size_t request_count, connection_count, open;
    connection connections[CONNECTIONS_MAX];
    struct pollfd polls[CONNECTIONS_MAX + 2];
    char chunk[256 * 1024];
};

static void close_connection(script_server *server, size_t index) {
    close(server->connections[index].fd);
    free(server->connections[index].data);
    server->connections[index] = server->connections[--server->open];
}

/* Bytes of the head of the first request in the connection's buffer, or 0. */
static size_t whole_head(const connection *c) {
    const char *end = c->size ? memmem(c->data, c->size, "\r\n\r\n", 4) : NULL;
    return end ? (size_t)(end - c->data) + 4 : 0;
}

/* Where the chunks that start at `at` end, or 0. */
static size_t whole_chunks(const connection *c, size_t at) {
    for (;;) {
        size_t end = at;
        while (end + 1 < c->size && (c->data[end] != '\r' || c->data[end + 1] != '\n')) end++;
        if (end + 1 >= c->size) return 0;
        size_t size = strtoul(c->data + at, NULL, 16);
        at = end + 2 + size + 2;
        if (at > c->size) return 0;
        if (!size) return at;
    }
}

/* Bytes of the first whole request, or 0. */
static size_t whole_request(const connection *c) {
    size_t head = whole_head(c), body = 0;
    if (!head) return 0;
    if (memmem(c->data, head, "Transfer-Encoding: chunked", 26)) return whole_chunks(c, head);
    const char *length = memmem(c->data, head, "Content-Length: ", 16);
    if (length) body = strtoul(length + 16, NULL, 10);
    return c->size >= head + body ? head + body : 0;
}

static void send_all(int fd, const char *data, size_t size, size_t piece) {
    while (size) {
        size_t step = piece && piece < size ? piece : size;
        ssize_t sent = send(fd, data, step, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            struct pollfd room = {.fd = fd, .events = POLLOUT};
            poll(&room, 1, 1000);
            continue;
        }
        if (sent <= 0) return;
        data += sent;
        size -= (size_t)sent;
    }
}

/* For what comes next: a request, or a message on a WebSocket. Only the server's thread counts them. */
static const script_reply *next_reply(script_server *server, bool message) {
    static const script_reply ended = {
        .text = "HTTP/1.1 500 Script Ended\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", .end = SCRIPT_CLOSE};
    pthread_mutex_lock(&server->lock);
    const script_reply *for_messages = server->for_messages;
    pthread_mutex_unlock(&server->lock);
    if (message && for_messages) return for_messages;
    if (!server->reply_count) return &ended;
    if (server->listed < server->reply_count) return &server->replies[server->listed];
    return server->repeat_last ? &server->replies[server->reply_count - 1] : &ended;
}

static const script_reply *rule_reply(const script_server *server, const char *text, size_t size) {
    for (size_t i = 0; i < server->rule_count; i++) {
        const script_rule *rule = &server->rules[i];
        size_t begins = strlen(rule->begins);
        if (size >= begins && memcmp(text, rule->begins, begins) == 0 &&
            (!rule->contains || memmem(text, size, rule->contains, strlen(rule->contains))))
            return &rule->reply;
    }
    return NULL;
}

static void record(script_server *server, const char *data, size_t size) {
    request made = {malloc(size + 1), size};
    memcpy(made.text, data, size);
    made.text[size] = '\0';
    pthread_mutex_lock(&server->lock);
    if (server->request_count < REQUESTS_MAX) server->requests[server->request_count++] = made;
    else free(made.text);
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

/* The frame at the beginning of the buffer, as far as these tests need it: masked and not fragmented. Its size, 0: not
 * whole yet. `text` is what counts as a request, NULL for pings, pongs and close frames. */
static size_t whole_frame(const connection *c, char **text, size_t *text_size) {
    const unsigned char *at = (const unsigned char *)c->data;
    *text = NULL;
    if (c->size < 2) return 0;
    size_t size = at[1] & 127, head = 2;
    if (size == 126) head = 4;
    if (size == 127) head = 10;
    if (c->size < head + 4) return 0;
    if (head > 2) size = 0;
    for (size_t i = 2; i < head; i++) size = size << 8 | at[i];
    if (c->size < head + 4 + size) return 0;
    if ((at[0] & 15) > 2) return head + 4 + size;
    const char *kind = (at[0] & 15) == 1 ? "text:" : "binary:";
    size_t prefix = strlen(kind);
    *text = malloc(prefix + size + 1);
    memcpy(*text, kind, prefix);
    for (size_t i = 0; i < size; i++) (*text)[prefix + i] = (char)(at[head + 4 + i] ^ at[head + i % 4]);
    (*text)[prefix + size] = '\0';
    *text_size = prefix + size;
    return head + 4 + size;
}

static bool upgrade(connection *c, const char *asked, const script_reply *reply) {
    char key[WRN_WS_KEY_SIZE] = "", accept[WRN_WS_ACCEPT_SIZE], head[1024];
    const char *field = strstr(asked, "Sec-WebSocket-Key: ");
    if (field) memcpy(key, field + 19, sizeof(key) - 1);
    wrn_ws_accept(key, accept);
    int size = snprintf(head, sizeof(head),
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: %s\r\n%s\r\n",
                        accept, reply->text);
    if (reply->before) send_all(c->fd, reply->before, strlen(reply->before), reply->piece);
    size_t cut = reply->cut == SCRIPT_NOTHING ? 0 : reply->cut && reply->cut < (size_t)size ? reply->cut : (size_t)size;
    send_all(c->fd, head, cut, reply->piece);
    if (reply->frames) send_all(c->fd, reply->frames, reply->frames_size, reply->piece);
    c->websocket = true;
    c->held = reply->end == SCRIPT_HOLD;
    return reply->end == SCRIPT_KEEP || c->held;
}

/* The answer with the message's id put in, if it asks for it: frame by frame, as their sizes change. NULL: it does not. */
static char *with_id(const script_reply *reply, const char *asked, size_t *size) {
    const char *id = strstr(asked, "\"msg_id\":\"");
    if (!id || !memmem(reply->text, reply->size, "@ID@", 4)) return NULL;
    script_reply changed = {0};
    for (size_t at = 0; at < reply->size;) {
        const unsigned char *frame = (const unsigned char *)reply->text + at;
        size_t length = frame[1] == 126 ? (size_t)frame[2] << 8 | frame[3] : frame[1], head = frame[1] == 126 ? 4 : 2;
        const char *data = (const char *)frame + head, *mark = memmem(data, length, "@ID@", 4);
        char text[4096];
        int written = mark ? snprintf(text, sizeof(text), "%.*s%.32s%.*s", (int)(mark - data), data, id + 10,
                                      (int)(length - (size_t)(mark - data) - 4), mark + 4)
                           : snprintf(text, sizeof(text), "%.*s", (int)length, data);
        script_add_frame(&changed, frame[0], text, (size_t)written);
        at += head + length;
    }
    *size = changed.size;
    return (char *)(uintptr_t)changed.text;
}

/* False when the connection is over. `message`: what is answered, on a WebSocket. */
static bool send_reply(connection *c, const char *message, const script_reply *reply) {
    size_t size = reply->size ? reply->size : strlen(reply->text);
    char *changed = message ? with_id(reply, message, &size) : NULL;
    if (reply->cut == SCRIPT_NOTHING) size = 0;
    else if (reply->cut && reply->cut < size) size = reply->cut;
    send_all(c->fd, changed ? changed : reply->text, size, reply->piece);
    free(changed);
    if (reply->end == SCRIPT_RESET) {
        struct linger now = {.l_onoff = 1};
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    c->deaf = reply->end == SCRIPT_DEAF;
    c->held = reply->end == SCRIPT_HOLD || c->deaf;
    return reply->end == SCRIPT_KEEP || c->held;
}

static void wait_for_gate(script_server *server) {
    pthread_mutex_lock(&server->lock);
    while (!server->gate_open && !server->stopping) pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

void script_open_gate(script_server *server) {
    pthread_mutex_lock(&server->lock);
    server->gate_open = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

/* Answers one request; false when the connection is over. */
static bool answer(script_server *server, connection *c, size_t request_size) {
    const script_reply *reply = next_reply(server, c->websocket);
    char *message = NULL;
    size_t message_size = 0;
    if (c->websocket) whole_frame(c, &message, &message_size);
    bool counts = !c->websocket || message;
    const script_reply *ruled =
        !counts ? NULL : rule_reply(server, message ? message : c->data, message ? message_size : request_size);
    if (ruled) reply = ruled;
    else if (counts && reply != server->for_messages) server->listed++;
    if (counts) record(server, message ? message : c->data, message ? message_size : request_size);
    if (!counts && server->pongs && (c->data[0] & 15) == 9) send_all(c->fd, "\x8a\0", 2, 0);
    char *head = c->websocket ? NULL : strndup(c->data, request_size);
    memmove(c->data, c->data + request_size, c->size - request_size);
    c->size -= request_size;
    c->continued = false;
    if (reply->gated) wait_for_gate(server);
    bool open = !counts || (reply->upgrade && head ? upgrade(c, head, reply) : send_reply(c, message, reply));
    free(head);
    free(message);
    return open;
}

static size_t next_frame(const connection *c) {
    char *text;
    size_t ignored, size = whole_frame(c, &text, &ignored);
    free(text);
    return size;
}

/* Bytes of the request that is to be answered now, or 0. */
static size_t due_request(script_server *server, connection *c) {
    if (c->websocket) return c->held && !server->pongs ? 0 : next_frame(c);
    size_t head = c->held ? 0 : whole_head(c);
    if (!head) return 0;
    const script_reply *reply = next_reply(server, false);
    if (reply->early) return head;
    if (!c->continued && memmem(c->data, head, "Expect: 100-continue", 20))
        send_all(c->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, 0);
    c->continued = true;
    if (reply->after) return c->size >= head + reply->after ? head + reply->after : 0;
    return whole_request(c);
}

static bool serve(script_server *server, connection *c) {
    ssize_t got = recv(c->fd, server->chunk, sizeof(server->chunk), MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    char *grown = realloc(c->data, c->size + (size_t)got);
    if (!grown) return false;
    c->data = grown;
    memcpy(c->data + c->size, server->chunk, (size_t)got);
    c->size += (size_t)got;
    for (size_t size; (size = due_request(server, c));)
        if (!answer(server, c, size)) return false;
    return true;
}

static void accept_one(script_server *server) {
    int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return;
    if (server->open == CONNECTIONS_MAX) {
        close(fd);
        return;
    }
    server->connections[server->open++] = (connection){.fd = fd};
    pthread_mutex_lock(&server->lock);
    server->connection_count++;
    pthread_mutex_unlock(&server->lock);
}

static bool take_orders(script_server *server) {
    uint64_t ignored;
    if (read(server->wake_fd, &ignored, sizeof(ignored)) < 0) return true;
    pthread_mutex_lock(&server->lock);
    bool stopping = server->stopping;
    if (server->dropping) {
        while (server->open) close_connection(server, server->open - 1);
        server->dropping = false;
        pthread_cond_broadcast(&server->changed);
    }
    pthread_mutex_unlock(&server->lock);
    return !stopping;
}

static void *run(void *context) {
    script_server *server = context;
    for (;;) {
        server->polls[0] = (struct pollfd){.fd = server->wake_fd, .events = POLLIN};
        server->polls[1] = (struct pollfd){.fd = server->listen_fd, .events = POLLIN};
        for (size_t i = 0; i < server->open; i++)
            server->polls[i + 2] =
                (struct pollfd){server->connections[i].fd, server->connections[i].deaf ? 0 : POLLIN, 0};
        size_t polled = server->open;
        if (poll(server->polls, polled + 2, -1) < 0) continue;
        for (size_t i = polled; i-- > 0;)
            if (server->polls[i + 2].revents && !serve(server, &server->connections[i])) close_connection(server, i);
        if (server->polls[0].revents && !take_orders(server)) break;
        if (server->polls[1].revents) accept_one(server);
    }
    while (server->open) close_connection(server, server->open - 1);
    return NULL;
}

static bool over_tcp;

void script_use_tcp(void) { over_tcp = true; }

static void listen_on_tcp(script_server *server) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(server->listen_fd, (struct sockaddr *)&address, size) == 0);
    CHECK(getsockname(server->listen_fd, (struct sockaddr *)&address, &size) == 0);
    snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%d", ntohs(address.sin_port));
}

static void listen_on_unix(script_server *server) {
    static int number;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/s%d", test_dir(), number++);
    snprintf(server->url, sizeof(server->url), "unix:%s", address.sun_path);
    server->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(server->listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0);
}

script_server *script_start(const script_reply *replies, size_t count, bool repeat_last) {
    script_server *server = calloc(1, sizeof(*server));
    CHECK(server != NULL);
    server->requests = calloc(REQUESTS_MAX, sizeof(*server->requests));
    server->replies = replies;
    server->reply_count = count;
    server->repeat_last = repeat_last;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    if (over_tcp) listen_on_tcp(server);
    else listen_on_unix(server);
    CHECK(listen(server->listen_fd, 1024) == 0);
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK(pthread_create(&server->thread, NULL, run, server) == 0);
    return server;
}

static void wake(script_server *server) {
    uint64_t one = 1;
    if (write(server->wake_fd, &one, sizeof(one)) < 0) perror("eventfd");
}

void script_set_rules(script_server *server, const script_rule *rules, size_t count, bool pongs) {
    pthread_mutex_lock(&server->lock);
    server->rules = rules;
    server->rule_count = count;
    server->pongs = pongs;
    pthread_mutex_unlock(&server->lock);
}

void script_answer_messages(script_server *server, const script_reply *reply) {
    pthread_mutex_lock(&server->lock);
    server->for_messages = reply;
    pthread_mutex_unlock(&server->lock);
}

const char *script_url(const script_server *server) { return server->url; }

size_t script_count(script_server *server) {
    pthread_mutex_lock(&server->lock);
    size_t count = server->request_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

const char *script_request(script_server *server, size_t index) {
    pthread_mutex_lock(&server->lock);
    const char *text = index < server->request_count ? server->requests[index].text : NULL;
    pthread_mutex_unlock(&server->lock);
    return text;
}

size_t script_request_size(script_server *server, size_t index) {
    pthread_mutex_lock(&server->lock);
    size_t size = index < server->request_count ? server->requests[index].size : 0;
    pthread_mutex_unlock(&server->lock);
    return size;
}

size_t script_connections(script_server *server) {
    pthread_mutex_lock(&server->lock);
    size_t count = server->connection_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

void script_drop_connections(script_server *server) {
    pthread_mutex_lock(&server->lock);
    server->dropping = true;
    wake(server);
    while (server->dropping) pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

void script_wait(script_server *server, size_t count) {
    pthread_mutex_lock(&server->lock);
    while (server->request_count < count) pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

void script_stop(script_server *server) {
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    wake(server);
    pthread_join(server->thread, NULL);
    close(server->listen_fd);
    close(server->wake_fd);
    unlink(server->url + 5);
    for (size_t i = 0; i < server->request_count; i++) free(server->requests[i].text);
    free(server->requests);
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->changed);
    free(server);
}

char *script_text(const char *status, const char *head, const char *body) {
    char *text = NULL;
    CHECK(asprintf(&text, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n%s", status,
                   strlen(body), head, body) > 0);
    return text;
}

void script_add_frame(script_reply *reply, unsigned char opcode, const void *data, size_t size) {
    size_t head = size < 126 ? 2 : size < 65536 ? 4 : 10;
    char *grown = realloc((char *)(uintptr_t)reply->text, reply->size + head + size + 1);
    CHECK(grown != NULL);
    unsigned char *at = (unsigned char *)grown + reply->size;
    at[0] = opcode;
    at[1] = (unsigned char)(head == 2 ? size : head == 4 ? 126 : 127);
    for (size_t i = 2; i < head; i++) at[i] = (unsigned char)(size >> 8 * (head - 1 - i));
    if (size) memcpy(at + head, data, size);
    reply->text = grown;
    reply->size += head + size;
}

script_reply script_messages(script_end end, const char *first, ...) {
    script_reply reply = {.end = end};
    va_list more;
    va_start(more, first);
    for (const char *message = first; message; message = va_arg(more, const char *))
        script_add_frame(&reply, 0x81, message, strlen(message));
    va_end(more);
    return reply;
}
