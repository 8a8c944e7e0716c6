#include "gate/connections.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "gate/hello.h"
#include "gate/requests.h"
#include "gate/sockets.h"
#include "gate/terminator.h"

/* libslirp's buffer takes twice as much, and the window half of it: so it reads what comes next while the sandbox takes what it got. */
enum { READ_MAX = 64 << 10 };
enum { BUCKETS = 2048, SYN_MAX = 512, SPARE_FDS = 64, NONE = -1 };

typedef enum state { FREE, PENDING, OPEN } state;
/* What the server's name needs. ENDING: a later request was refused, and the answers to those before it are awaited. */
typedef enum check { UNCHECKED, COLLECTING, ASKED, PASSED, REFUSED, ENDING } check;

typedef struct connection {
    uint8_t state, check, v6;
    bool done;                                         /* on the list of those that both sides have ended */
    bool has_fin_in, has_fin_out, acked_in, acked_out; /* `in` is from the sandbox */
    bool sent_all;                                     /* all of the sandbox's bytes are in the socket, and its end */
    bool shut_later;   /* it was to be shut down while its name was being checked, or bytes of it waited */
    bool answers_late; /* while ENDING something came */
    bool wants_room;   /* libslirp waits until it can write */
    bool is_unclear;   /* what it asked for can be read in several ways */
    int fd, next;      /* in its bucket */
    uint32_t id, isn, fin_in, fin_out, next_in; /* next_in: what libslirp expects from the sandbox */
    uint16_t local_port, port;
    wrn_address to;
    uint8_t *held; /* the SYN, or the bytes that are checked */
    size_t held_size;
    uint32_t turn; /* in which `taken` bytes were read from the server */
    size_t taken;
    requests *http;     /* NULL: these are none that are checked */
    const char *answer; /* for those whose name was refused */
    size_t answer_size, answered;
} connection;

static struct {
    connection *items;
    size_t slots, next;
    int buckets[BUCKETS];
    int *of_fd;
    size_t fds;
    int broker;
    uint32_t generation, turn;
    bool any_done;
    connections_emit emit;
} all;

static const char tls_alert[] = "\x15\x03\x03\x00\x02\x02\x31"; /* access_denied */
#define FORBIDDEN "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nwrenn: "
static const char http_other[] = FORBIDDEN "the network policy of this sandbox does not allow this host\n";
static const char http_unclear[] = FORBIDDEN
    "this is no request of HTTP/1 that can be read in one way only, so nobody knows whether its host is allowed\n";

/* ---- the table ---- */

static size_t bucket_of(const wrn_address *to, uint16_t local_port, uint16_t port) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < sizeof(to->bytes); i++) hash = (hash ^ to->bytes[i]) * 16777619u;
    hash = (hash ^ local_port) * 16777619u;
    hash = (hash ^ port) * 16777619u;
    return (hash ^ hash >> 15) % BUCKETS;
}

static connection *find(const wrn_address *to, uint16_t local_port, uint16_t port) {
    for (int i = all.buckets[bucket_of(to, local_port, port)]; i != NONE; i = all.items[i].next) {
        connection *c = &all.items[i];
        if (c->local_port == local_port && c->port == port && wrn_address_equal(&c->to, to)) return c;
    }
    return NULL;
}

static connection *of_fd(int fd) {
    return fd >= 0 && (size_t)fd < all.fds && all.of_fd[fd] != NONE ? &all.items[all.of_fd[fd]] : NULL;
}

static connection *of_id(uint32_t id) {
    size_t slot = id & 0xffff;
    return slot < all.slots && all.items[slot].state != FREE && all.items[slot].id == id ? &all.items[slot] : NULL;
}

static void tell(uint8_t kind, const connection *c, const void *data, size_t size) {
    static seam_message message;
    message.kind = kind;
    message.id = c->id;
    message.peer = (wrn_endpoint){c->to, c->port, WRN_TCP};
    if (size) memcpy(message.data, data, size);
    if (!seam_send(all.broker, &message, size, true)) _exit(1);
}

static void release(connection *c) {
    int index = (int)(c - all.items), *at = &all.buckets[bucket_of(&c->to, c->local_port, c->port)];
    while (*at != index) at = &all.items[*at].next;
    *at = c->next;
    free(c->held);
    requests_free(c->http);
    if (c->fd >= 0) {
        all.of_fd[c->fd] = NONE;
        sockets_raw_close(c->fd);
    }
    tell(SEAM_CLOSE, c, NULL, 0);
    *c = (connection){.fd = -1};
}

static connection *add(const wrn_frame *syn, uint16_t local_port, uint16_t port) {
    for (size_t i = 0; i < all.slots; i++) {
        all.next = (all.next + 1) % all.slots;
        connection *c = &all.items[all.next];
        if (c->state != FREE) continue;
        int *bucket = &all.buckets[bucket_of(&syn->to, local_port, port)];
        *c = (connection){.state = PENDING,
                          .v6 = syn->v6,
                          .fd = -1,
                          .id = ++all.generation << 16 | (uint32_t)all.next,
                          .local_port = local_port,
                          .port = port,
                          .to = syn->to,
                          .isn = frame_get32(syn->body + 4),
                          .next_in = frame_get32(syn->body + 4) + 1,
                          .next = *bucket};
        c->held = malloc(syn->size);
        if (!c->held) {
            *c = (connection){.fd = -1};
            return NULL;
        }
        memcpy(c->held, syn->bytes, syn->size);
        c->held_size = syn->size;
        *bucket = (int)all.next;
        return c;
    }
    return NULL;
}

/* ---- what libslirp does with its sockets ---- */

static bool owns(int fd) { return of_fd(fd) != NULL; }

static void ask_name(connection *c, const char *name) {
    c->check = ASKED;
    tell(SEAM_SERVER_NAME, c, name, strlen(name));
}

static wrn_hello read_hello(const connection *c, char name[WRN_NAME_MAX + 1]) {
    return c->port == 443 ? wrn_hello_tls(c->held, c->held_size, name) : wrn_hello_http(c->held, c->held_size, name);
}

/* Keeps the bytes until they say which server they are for. */
static ssize_t collect(connection *c, const void *data, size_t size) {
    char name[WRN_NAME_MAX + 1] = "";
    if (!c->held && !(c->held = malloc(WRN_HELLO_MAX))) {
        errno = ENOMEM;
        return -1;
    }
    if (size > WRN_HELLO_MAX - c->held_size) size = WRN_HELLO_MAX - c->held_size;
    memcpy(c->held + c->held_size, data, size);
    c->held_size += size;
    wrn_hello hello = read_hello(c, name);
    c->is_unclear = hello != WRN_HELLO_NAMED && hello != WRN_HELLO_ADDRESS;
    if (hello != WRN_HELLO_MORE) ask_name(c, hello == WRN_HELLO_NAMED ? name : hello == WRN_HELLO_UNCLEAR ? "?" : "");
    return (ssize_t)size;
}

static bool flush(connection *c) {
    if (!requests_flush(c->http, c->fd)) return false;
    if (!c->shut_later || requests_wait(c->http)) return true;
    c->shut_later = false;
    c->sent_all = true;
    sockets_raw_shutdown(c->fd, SHUT_WR);
    return true;
}

static void say_denied(uint8_t proto, const wrn_address *to, uint16_t port, wrn_denial denial) {
    static seam_message message;
    message.kind = SEAM_DENIED;
    message.denial = (uint8_t)denial;
    message.peer = (wrn_endpoint){*to, port, proto};
    if (!seam_send(all.broker, &message, 0, true)) _exit(1);
}

/* False when one of the requests is refused. */
static bool take_requests(connection *c, const void *data, size_t size) {
    const wrn_inject_refusal *refusal = requests_take(c->http, data, size);
    if (!refusal) return true;
    c->is_unclear = refusal != &wrn_inject_elsewhere;
    say_denied(WRN_TCP, &c->to, c->port, WRN_DENY_SERVER_NAME);
    return false;
}

/* What is refused does not reach the server, and neither does what follows. The server hears that no more requests come, and
 * answers those before it. */
static bool end_requests(connection *c) {
    c->check = ENDING;
    c->shut_later = true;
    return flush(c);
}

static ssize_t send_requests(connection *c, const void *data, size_t size) {
    if (!flush(c)) return -1;
    if (requests_wait(c->http)) {
        errno = EAGAIN;
        return -1;
    }
    bool ok = take_requests(c, data, size) ? flush(c) : end_requests(c);
    return ok ? (ssize_t)size : -1;
}

static ssize_t on_send(int fd, const void *data, size_t size) {
    connection *c = of_fd(fd);
    if (size && c->check == PASSED && c->http) return send_requests(c, data, size);
    if (!size || c->check == UNCHECKED || c->check == PASSED) return sockets_raw_send(fd, data, size);
    if (c->check == COLLECTING) return collect(c, data, size);
    if (c->check == ENDING) return (ssize_t)size;
    errno = c->check == ASKED ? EAGAIN : EPIPE;
    return -1;
}

static void refuse(connection *c) {
    c->check = REFUSED;
    c->answer = c->port == 443 ? tls_alert : c->is_unclear ? http_unclear : http_other;
    c->answer_size = c->port == 443 ? sizeof(tls_alert) - 1 : strlen(c->answer);
    requests_free(WRN_TAKE(c->http));
}

static ssize_t recv_answer(connection *c, void *data, size_t size) {
    size_t left = c->answer_size - c->answered;
    if (size > left) size = left;
    memcpy(data, c->answer + c->answered, size);
    c->answered += size;
    return (ssize_t)size;
}

static ssize_t on_recv(int fd, void *data, size_t size, int flags) {
    connection *c = of_fd(fd);
    if (c->check == REFUSED) return recv_answer(c, data, size);
    ssize_t got = -1;
    if (c->turn != all.turn) c->taken = 0;
    c->turn = all.turn;
    if (size > READ_MAX - c->taken) size = READ_MAX - c->taken;
    if (!size) errno = EAGAIN;
    else got = sockets_raw_recv(fd, data, size, flags);
    if (got > 0) c->taken += (size_t)got;
    if (got > 0 && c->http) requests_answered(c->http, data, (size_t)got);
    if (got > 0) c->answers_late = c->check == ENDING;
    /* Had an answer been under way, ours could be taken for the rest of it. */
    if (!got && c->check == ENDING && !c->answers_late) {
        refuse(c);
        return recv_answer(c, data, size);
    }
    if (got < 0 && errno != EAGAIN && errno != EINTR) errno = ECONNRESET; /* others libslirp takes for a proper end */
    return got;
}

static void on_shutdown(int fd, int how) {
    connection *c = of_fd(fd);
    if (how != SHUT_RD && c->check == COLLECTING) ask_name(c, "");
    if (how != SHUT_RD && (c->check == ASKED || (c->http && requests_wait(c->http)))) {
        c->shut_later = true;
        return;
    }
    if (how != SHUT_RD) c->sent_all = true;
    sockets_raw_shutdown(fd, how);
}

static void on_close(int fd) { release(of_fd(fd)); }

bool connections_init(size_t slots, int broker, connections_emit emit) {
    static const sockets_owner owner = {owns, on_send, on_recv, on_shutdown, on_close};
    all.slots = slots;
    all.fds = slots + SPARE_FDS;
    all.broker = broker;
    all.emit = emit;
    all.items = calloc(slots, sizeof(*all.items));
    all.of_fd = malloc(all.fds * sizeof(*all.of_fd));
    if (!all.items || !all.of_fd) return false;
    for (size_t i = 0; i < slots; i++) all.items[i].fd = -1;
    for (size_t i = 0; i < BUCKETS; i++) all.buckets[i] = NONE;
    for (size_t i = 0; i < all.fds; i++) all.of_fd[i] = NONE;
    sockets_take_over(&owner);
    return true;
}

short connections_wanted(int fd, short events) {
    connection *c = of_fd(fd);
    if (!c || (c->check != ASKED && !c->http)) return events;
    if (c->check == ASKED) return (short)(events & ~POLLOUT);
    c->wants_room = events & POLLOUT;
    return requests_wait(c->http) ? (short)(events | POLLOUT) : events;
}

short connections_got(int fd, short events) {
    connection *c = of_fd(fd);
    if (!c) return events;
    if (c->check == REFUSED) return (short)(events | POLLIN);
    if (c->http && events & POLLOUT) (void)flush(c); /* what fails now fails again when libslirp writes or reads */
    return c->http && !c->wants_room ? (short)(events & ~POLLOUT) : events;
}

/* ---- segments ---- */

/* libslirp takes this for a reset by the sandbox, and forgets the connection. */
static void abort_inside(connection *c) {
    uint8_t bytes[ETHER_HEAD + IP6_HEAD + TCP_HEAD + 64], *body = frame_body(bytes, c->v6);
    uint32_t id = c->id;
    memset(body, 0, TCP_HEAD);
    frame_put16(body, c->local_port);
    frame_put16(body + 2, c->port);
    frame_put32(body + 4, c->next_in);
    body[12] = 5 << 4;
    body[13] = TCP_RST;
    static const uint8_t gate_mac[6] = {0x52, 0x55, 192, 0, 0, 1};
    size_t size = frame_finish(bytes, c->v6, gate_mac, &wrn_link_sandbox[c->v6], &c->to, WRN_TCP, TCP_HEAD, 16);
    frame_put16(bytes + 6, 0x0200); /* from the sandbox; libslirp does not look at it */
    terminator_input(bytes, size);
    c = of_id(id);
    if (c) c->done = false;
}

void connections_refuse(const wrn_frame *packet, wrn_denial denial, int error) {
    static uint8_t out[FRAME_MAX];
    uint8_t *body = frame_body(out, packet->v6);
    bool reset =
        packet->proto == WRN_TCP && (denial == WRN_DENY_LIMIT || (denial == WRN_ALLOWED && error == ECONNREFUSED));
    if (reset) {
        size_t size = frame_reset_body(body, packet->body, packet->body_size);
        if (size) all.emit(out, packet->v6, &packet->to, WRN_TCP, size, 16);
        return;
    }
    /* "Prohibited": programs see EHOSTUNREACH, and EACCES with version 6. */
    unsigned code = packet->v6 ? 1 : 13;
    if (denial == WRN_ALLOWED)
        code = packet->v6 ? (error == EHOSTUNREACH   ? 3
                             : error == ECONNREFUSED ? 4
                                                     : 0)
                          : (error == EHOSTUNREACH   ? 1
                             : error == ECONNREFUSED ? 3
                                                     : 0);
    size_t size = frame_unreachable_body(body, packet->v6, code, packet->ip, packet->size - ETHER_HEAD);
    all.emit(out, packet->v6, &wrn_link_gate[packet->v6], packet->v6 ? IP_ICMP6 : IP_ICMP, size, 2);
}

static void deny(const wrn_frame *packet, wrn_denial denial, uint16_t port) {
    say_denied(packet->proto, &packet->to, port, denial);
    connections_refuse(packet, denial, 0);
}

static void synchronize(wrn_frame *syn) {
    uint16_t local_port = (uint16_t)frame_get16(syn->body), port = (uint16_t)frame_get16(syn->body + 2);
    /* libslirp would drop what is broken after a connection was made for it. The sandbox answers no SYN, and sends no SYN with FIN. */
    if (!frame_checksum_is_right(syn) || (syn->body[13] & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) != TCP_SYN ||
        !local_port || !port)
        return;
    connection *c = find(&syn->to, local_port, port);
    if (c && c->isn == frame_get32(syn->body + 4)) {
        if (c->state == OPEN) terminator_input(syn->bytes, syn->size);
        return; /* asked already */
    }
    if (c && c->state == OPEN) abort_inside(c); /* the sandbox knows the old one no more */
    c = find(&syn->to, local_port, port);
    if (c) release(c);
    c = syn->size <= SYN_MAX ? add(syn, local_port, port) : NULL;
    if (!c) return deny(syn, WRN_DENY_LIMIT, port);
    tell(SEAM_OPEN, c, NULL, 0);
}

static void finish_if_done(connection *c) {
    if (c->done || !c->has_fin_in || !c->has_fin_out || !c->acked_in || !c->acked_out) return;
    c->done = all.any_done = true;
}

void connections_segment(wrn_frame *segment) {
    uint8_t *tcp = segment->body;
    if (!frame_tcp_is_whole(segment)) return;
    /* With urgent data libslirp 4.7 sends bytes that it does not have. */
    frame_clear_urgent(segment);
    if (tcp[13] & TCP_SYN) return synchronize(segment);
    connection *c = find(&segment->to, (uint16_t)frame_get16(tcp), (uint16_t)frame_get16(tcp + 2));
    if (c && c->state != OPEN) {
        if (tcp[13] & TCP_RST) release(c); /* the sandbox gave up */
        return;
    }
    if (c) {
        uint32_t end = frame_get32(tcp + 4) + (uint32_t)(segment->body_size - (size_t)(tcp[12] >> 4) * 4);
        if (tcp[13] & TCP_FIN) {
            c->has_fin_in = true;
            c->fin_in = end + 1;
        }
        if (tcp[13] & TCP_ACK && c->has_fin_out && frame_get32(tcp + 8) == c->fin_out) c->acked_out = true;
        finish_if_done(c);
    }
    terminator_input(segment->bytes, segment->size);
}

void connections_watch(const uint8_t *bytes, size_t size) {
    bool v6 = frame_get16(bytes + 12) == 0x86dd;
    size_t head = ETHER_HEAD + (v6 ? IP6_HEAD : IP4_HEAD);
    if (size < head + TCP_HEAD || bytes[v6 ? ETHER_HEAD + 6 : ETHER_HEAD + 9] != WRN_TCP) return;
    const uint8_t *tcp = bytes + head;
    wrn_address from;
    if (v6) memcpy(from.bytes, bytes + ETHER_HEAD + 8, 16);
    else from = wrn_address_v4(bytes + ETHER_HEAD + 12);
    connection *c = find(&from, (uint16_t)frame_get16(tcp + 2), (uint16_t)frame_get16(tcp));
    if (!c || !(tcp[13] & TCP_ACK)) return;
    c->next_in = frame_get32(tcp + 8);
    if (tcp[13] & TCP_FIN) {
        size_t data = size - head - (size_t)(tcp[12] >> 4) * 4;
        c->has_fin_out = true;
        c->fin_out = frame_get32(tcp + 4) + (uint32_t)data + 1;
    }
    if (c->has_fin_in && c->next_in == c->fin_in) c->acked_in = true;
    finish_if_done(c);
}

void connections_sweep(void) {
    all.turn++;
    if (!all.any_done) return;
    all.any_done = false;
    for (size_t i = 0; i < all.slots; i++) {
        connection *c = &all.items[i];
        if (c->state != OPEN || !c->done) continue;
        if (c->sent_all) abort_inside(c);
        else all.any_done = true; /* the server is slow to read */
    }
}

/* ---- verdicts ---- */

static void open_inside(connection *c, const uint8_t *syn, size_t size, int fd) {
    c->fd = fd;
    c->state = OPEN;
    all.of_fd[fd] = (int)(c - all.items);
    sockets_grant(fd);
    terminator_input(syn, size);
    if (!sockets_grant(-1) && of_fd(fd)) release(of_fd(fd));
}

void connections_verdict(const seam_message *verdict, int fd) {
    connection *c = of_id(verdict->id);
    if (!c || c->state != PENDING || (fd >= 0 && (size_t)fd >= all.fds)) {
        if (fd >= 0) sockets_raw_close(fd);
        return;
    }
    uint8_t *syn = WRN_TAKE(c->held);
    size_t size = c->held_size;
    c->held_size = 0;
    if (fd >= 0) {
        bool by_name = verdict->scrutiny != WRN_NO_SCRUTINY && (c->port == 443 || c->port == 80);
        c->check = by_name ? COLLECTING : UNCHECKED;
        open_inside(c, syn, size, fd);
    } else {
        wrn_frame packet;
        release(c);
        if (verdict->error != ETIMEDOUT && frame_read(syn, size, true, &packet) == FRAME_PACKET)
            connections_refuse(&packet, (wrn_denial)verdict->denial, verdict->error);
    }
    free(syn);
}

/* Sends on what was held, or those requests of it that may go. False when there are none. */
static bool let_go(connection *c) {
    char name[WRN_NAME_MAX + 1] = "";
    wrn_hello hello = c->held ? read_hello(c, name) : WRN_HELLO_UNNAMED;
    if (c->port == 80 && (hello == WRN_HELLO_NAMED || hello == WRN_HELLO_ADDRESS)) {
        c->http = requests_new(hello == WRN_HELLO_NAMED ? name : "", c->port);
        if (!c->http) return false;
        c->check = PASSED;
        if (take_requests(c, c->held, c->held_size)) return flush(c);
        return requests_wait(c->http) && end_requests(c);
    }
    c->check = PASSED;
    /* A new socket takes as much at once. */
    return !c->held_size || sockets_raw_send(c->fd, c->held, c->held_size) == (ssize_t)c->held_size;
}

void connections_name_verdict(const seam_message *verdict) {
    connection *c = of_id(verdict->id);
    if (!c || c->check != ASKED) return;
    bool passed = verdict->denial == WRN_ALLOWED && let_go(c);
    free(WRN_TAKE(c->held));
    c->held_size = 0;
    if (!passed) refuse(c);
    if (!c->shut_later || (c->http && requests_wait(c->http))) return;
    c->sent_all = true;
    sockets_raw_shutdown(c->fd, SHUT_WR);
}
