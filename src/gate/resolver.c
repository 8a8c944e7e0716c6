#include "gate/resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/file.h"
#include "gate/route.h"

enum {
    QUERIES = 64,
    WAITING = 256,
    CACHED = 128,
    STREAMS = 8,
    TRIES_PER_SERVER = 2,
    WAIT_MS = 2000,
    MESSAGE_MAX = 4096,
    PIN_MIN_S = 60,
    PIN_MORE_S = 30,
    INVENTED_S = 86400 /* a program that keeps an address for longer asks again */
};

/* A question of the sandbox. */
typedef struct inquiry {
    resolver_asker asker;
    wrn_dns_question question;
    uint8_t packet[WRN_DNS_QUESTION_MAX]; /* as it came */
} inquiry;

/* One that the host's name servers are asked. */
typedef struct query {
    bool used, by_tcp, sent;
    int fd; /* towards the name server; -1 */
    unsigned tries;
    uint16_t id;
    int64_t deadline;
    inquiry from;
    uint8_t answer[2 + MESSAGE_MAX]; /* by TCP, with its length in front */
    size_t answer_size;
} query;

/* Another question of the sandbox for what is being asked already. */
typedef struct waiter {
    const query *query;
    inquiry from;
} waiter;

typedef struct cached {
    char name[WRN_NAME_MAX + 1];
    uint16_t type;
    int64_t until;
    wrn_dns_result result;
} cached;

typedef struct stream {
    int fd;
    bool open;
    uint8_t data[2 + 512];
    size_t size;
} stream;

static struct {
    query queries[QUERIES];
    waiter waiting[WAITING];
    size_t waiting_count;
    cached cache[CACHED];
    size_t cache_next;
    stream streams[STREAMS];
    wrn_endpoint servers[RESOLVER_SERVERS_MAX];
    size_t server_count;
    char *hosts;
    gate_bucket questions; /* that leave */
} resolver = {.questions = {.per_second = 50, .most = 200}};

bool resolver_set(const wrn_endpoint *servers, size_t count, const char *hosts) {
    char *copy = strdup(hosts);
    if (!copy) return false;
    free(resolver.hosts);
    resolver.hosts = copy;
    resolver.server_count = count < RESOLVER_SERVERS_MAX ? count : RESOLVER_SERVERS_MAX;
    memcpy(resolver.servers, servers, resolver.server_count * sizeof(*servers));
    memset(resolver.cache, 0, sizeof(resolver.cache));
    return true;
}

/* ---- answers ---- */

static void stream_close(wrn_gate *gate, stream *s) {
    if (!s->open) return;
    gate_unwatch(gate, s->fd);
    wrn_fd_close(&s->fd);
    s->open = false;
}

static void deliver(wrn_gate *gate, const resolver_asker *asker, const uint8_t *packet, size_t size) {
    gate->ledger->bytes_in += size;
    if (asker->stream >= 0) {
        uint8_t framed[2 + WRN_DNS_ANSWER_MAX] = {(uint8_t)(size >> 8), (uint8_t)size};
        stream *s = &resolver.streams[asker->stream];
        memcpy(framed + 2, packet, size);
        if (s->open && send(s->fd, framed, size + 2, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size + 2)
            stream_close(gate, s);
        return;
    }
    static seam_message message;
    message.kind = SEAM_DATAGRAM;
    message.local_port = asker->local_port;
    message.peer = asker->gate;
    memcpy(message.data, packet, size);
    (void)seam_send(gate->stack.fd, &message, size, false); /* datagrams may be lost */
}

static void reply(wrn_gate *gate, const inquiry *from, const wrn_dns_result *result) {
    uint8_t out[WRN_DNS_ANSWER_MAX];
    size_t size = wrn_dns_write_answer(out, from->packet, &from->question, result);
    deliver(gate, &from->asker, out, size);
}

static void finish(wrn_gate *gate, query *q, const wrn_dns_result *result) {
    reply(gate, &q->from, result);
    for (size_t i = resolver.waiting_count; i-- > 0;) {
        if (resolver.waiting[i].query != q) continue;
        reply(gate, &resolver.waiting[i].from, result);
        resolver.waiting[i] = resolver.waiting[--resolver.waiting_count];
    }
    if (q->fd >= 0) gate_unwatch(gate, q->fd);
    wrn_fd_close(&q->fd);
    q->used = false;
}

static void finish_without(wrn_gate *gate, query *q, int code, int reason, const char *text) {
    wrn_dns_result result = {.code = code, .reason = reason, .text = text};
    finish(gate, q, &result);
}

static const char text_inside[] = "wrenn: the name leads to an address that is never allowed";

/* Tells what may be told, and pins it. A name that leads inside is no name. */
static void tell(wrn_gate *gate, query *q, const wrn_dns_result *found) {
    wrn_dns_result told = *found;
    told.count = 0;
    int64_t life = (found->ttl < PIN_MIN_S ? PIN_MIN_S : found->ttl) + PIN_MORE_S;
    for (size_t i = 0; i < found->count; i++) {
        const wrn_address *address = &found->addresses[i];
        wrn_denial denial = wrn_policy_answer(&gate->policy, address);
        if (denial == WRN_ALLOWED) denial = route_check(gate->routes, address);
        if (denial != WRN_ALLOWED) {
            wrn_endpoint to = {.address = *address};
            ledger_deny(gate->ledger, &to, WRN_DENY_REBINDING, q->from.question.name);
            continue;
        }
        told.addresses[told.count++] = *address;
        ledger_pin(gate->ledger, address, q->from.question.name, wrn_now_ms() + life * 1000);
    }
    if (found->count && !told.count) return finish_without(gate, q, WRN_DNS_NXDOMAIN, WRN_DNS_BLOCKED, text_inside);
    finish(gate, q, &told);
}

/* ---- what is known already ---- */

static bool line_has_name(const char *line, size_t size, const char *name) {
    size_t wanted = strlen(name);
    for (size_t at = 0; at < size;) {
        size_t word = strcspn(line + at, " \t\r\n#");
        if (word == wanted && strncasecmp(line + at, name, word) == 0) return true;
        at += word;
        if (at >= size || line[at] == '#' || line[at] == '\n') return false;
        at += strspn(line + at, " \t\r");
    }
    return false;
}

/* The hosts file: lines of an address and names. False when it does not have the name. */
static bool find_in_hosts(const wrn_dns_question *q, wrn_dns_result *out) {
    bool known = false;
    *out = (wrn_dns_result){.ttl = PIN_MIN_S};
    for (const char *line = resolver.hosts ? resolver.hosts : ""; *line; line += *line == '\n') {
        size_t size = strcspn(line, "\n"), blank = strspn(line, " \t"), word = strcspn(line + blank, " \t\r\n#");
        char text[WRN_ADDRESS_TEXT] = "";
        wrn_address address;
        if (word < sizeof(text) && line_has_name(line + blank + word + strspn(line + blank + word, " \t"),
                                                 size > blank + word ? size - blank - word : 0, q->name)) {
            memcpy(text, line + blank, word);
            int version = wrn_address_parse(text, &address);
            known |= version != 0;
            if (version == (q->type == WRN_DNS_A ? 4 : 6) && out->count < WRN_DNS_ADDRESSES_MAX)
                out->addresses[out->count++] = address;
        }
        line += size;
    }
    return known;
}

static bool find_in_cache(const wrn_dns_question *q, wrn_dns_result *out) {
    int64_t now = wrn_now_ms();
    for (size_t i = 0; i < CACHED; i++) {
        const cached *c = &resolver.cache[i];
        if (c->until <= now || c->type != q->type || strcmp(c->name, q->name) != 0) continue;
        *out = c->result;
        out->ttl = (uint32_t)((c->until - now) / 1000 + 1);
        return true;
    }
    return false;
}

static void remember(const wrn_dns_question *q, const wrn_dns_result *result) {
    cached *c = &resolver.cache[resolver.cache_next++ % CACHED];
    *c = (cached){
        .type = q->type, .until = wrn_now_ms() + (result->count ? result->ttl : 5) * INT64_C(1000), .result = *result};
    memcpy(c->name, q->name, sizeof(c->name));
}

/* ---- the host's name servers ---- */

/* Sends the question to the next server, from a new port. */
static void ask_next(wrn_gate *gate, query *q) {
    if (q->fd >= 0) gate_unwatch(gate, q->fd);
    wrn_fd_close(&q->fd);
    if (q->tries >= TRIES_PER_SERVER * resolver.server_count)
        return finish_without(gate, q, WRN_DNS_SERVFAIL, WRN_DNS_NETWORK,
                              "wrenn: the name servers of the host do not answer");
    wrn_endpoint server = resolver.servers[q->tries++ % resolver.server_count];
    server.proto = q->by_tcp ? WRN_TCP : WRN_UDP;
    q->deadline = wrn_now_ms() + WAIT_MS;
    q->answer_size = 0;
    q->sent = false;
    if (getrandom(&q->id, sizeof(q->id), 0) != sizeof(q->id)) return;
    q->fd = gate_connect(&server);
    if (q->fd < 0) return; /* the next one when its time is over */
    (void)gate_watch_fd(gate, q->fd, q->by_tcp ? EPOLLOUT : EPOLLIN, WATCH_QUERY, (size_t)(q - resolver.queries));
    if (q->by_tcp) return;
    uint8_t out[WRN_DNS_QUERY_MAX];
    size_t size = wrn_dns_write_query(out, q->id, q->from.question.name, q->from.question.type);
    gate->ledger->bytes_out += size;
    (void)send(q->fd, out, size, MSG_NOSIGNAL);
}

static void answered(wrn_gate *gate, query *q, const uint8_t *packet, size_t size) {
    wrn_dns_result result;
    bool truncated;
    if (!wrn_dns_read_answer(packet, size, q->id, q->from.question.name, q->from.question.type, &result, &truncated))
        return;
    if (truncated && !q->by_tcp) {
        q->by_tcp = true;
        q->tries = 0;
        return ask_next(gate, q);
    }
    if (result.code != WRN_DNS_OK && result.code != WRN_DNS_NXDOMAIN) return ask_next(gate, q);
    if (!result.ttl) result.ttl = 1;
    remember(&q->from.question, &result);
    tell(gate, q, &result);
}

static void tcp_ready(wrn_gate *gate, query *q) {
    if (!q->sent) {
        uint8_t out[2 + WRN_DNS_QUERY_MAX];
        size_t size = wrn_dns_write_query(out + 2, q->id, q->from.question.name, q->from.question.type);
        out[0] = (uint8_t)(size >> 8);
        out[1] = (uint8_t)size;
        if (send(q->fd, out, size + 2, MSG_NOSIGNAL) != (ssize_t)size + 2) return ask_next(gate, q);
        gate->ledger->bytes_out += size;
        q->sent = true;
        (void)gate_watch_fd(gate, q->fd, EPOLLIN, WATCH_QUERY, (size_t)(q - resolver.queries));
        return;
    }
    ssize_t got = recv(q->fd, q->answer + q->answer_size, sizeof(q->answer) - q->answer_size, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return ask_next(gate, q);
    q->answer_size += (size_t)got;
    size_t whole = q->answer_size < 2 ? sizeof(q->answer) : 2 + ((size_t)q->answer[0] << 8 | q->answer[1]);
    if (q->answer_size >= whole) answered(gate, q, q->answer + 2, whole - 2);
    else if (q->answer_size == sizeof(q->answer)) ask_next(gate, q);
}

void resolver_query_ready(wrn_gate *gate, size_t index, uint32_t events) {
    query *q = &resolver.queries[index];
    if (!q->used || q->fd < 0) return;
    if (q->by_tcp) return tcp_ready(gate, q);
    uint8_t packet[MESSAGE_MAX];
    ssize_t got = recv(q->fd, packet, sizeof(packet), 0);
    if (got >= 0) answered(gate, q, packet, (size_t)got);
    else if (errno != EAGAIN && errno != EINTR) ask_next(gate, q);
}

int resolver_tick(wrn_gate *gate) {
    int64_t now = wrn_now_ms(), wait = -1;
    for (size_t i = 0; i < QUERIES; i++) {
        query *q = &resolver.queries[i];
        if (q->used && q->deadline <= now) ask_next(gate, q);
        if (!q->used) continue;
        int64_t left = q->deadline > now ? q->deadline - now : 0;
        if (wait < 0 || left < wait) wait = left;
    }
    return (int)wait;
}

/* ---- questions ---- */

/* Whether this machine's hosts file says that the name leads to what is never reached. */
static bool leads_inside(const wrn_gate *gate, const char *name) {
    static const uint16_t types[] = {WRN_DNS_A, WRN_DNS_AAAA};
    for (size_t i = 0; i < 2; i++) {
        wrn_dns_question asked = {.type = types[i]};
        wrn_dns_result known;
        strncat(asked.name, name, WRN_NAME_MAX);
        if (!find_in_hosts(&asked, &known)) return false;
        for (size_t n = 0; n < known.count; n++)
            if (wrn_policy_answer(&gate->policy, &known.addresses[n]) != WRN_ALLOWED ||
                route_check(gate->routes, &known.addresses[n]) != WRN_ALLOWED)
                return true;
    }
    return false;
}

/* With a proxy nobody here looks a name up: the sandbox gets an address that stands for it. */
static void invent(wrn_gate *gate, query *q) {
    wrn_dns_result told = {.ttl = PIN_MIN_S};
    if (leads_inside(gate, q->from.question.name)) {
        ledger_deny_name(gate->ledger, q->from.question.name, WRN_DENY_REBINDING);
        return finish_without(gate, q, WRN_DNS_NXDOMAIN, WRN_DNS_BLOCKED, text_inside);
    }
    if (q->from.question.type == WRN_DNS_A)
        told.addresses[told.count++] =
            ledger_invent(gate->ledger, q->from.question.name, wrn_now_ms() + INVENTED_S * INT64_C(1000));
    finish(gate, q, &told);
}

/* Many connections at once ask for one name at once. False: nobody asks for that yet. */
static bool join(const inquiry *from) {
    for (size_t i = 0; i < QUERIES && resolver.waiting_count < WAITING; i++) {
        const query *q = &resolver.queries[i];
        if (!q->used || q->from.question.type != from->question.type ||
            strcmp(q->from.question.name, from->question.name) != 0)
            continue;
        resolver.waiting[resolver.waiting_count++] = (waiter){q, *from};
        return true;
    }
    return false;
}

/* Only questions that leave are limited: whoever opens many connections to one name asks for it each time. */
static void look_up(wrn_gate *gate, query *q) {
    wrn_dns_result known;
    if (gate->policy.proxied) return invent(gate, q);
    if (find_in_hosts(&q->from.question, &known) || find_in_cache(&q->from.question, &known))
        return tell(gate, q, &known);
    if (!resolver.server_count)
        return finish_without(gate, q, WRN_DNS_SERVFAIL, WRN_DNS_NOT_READY, "wrenn: the host has no name servers");
    if (join(&q->from)) return;
    if (!gate_take(&resolver.questions)) {
        ledger_deny_name(gate->ledger, q->from.question.name, WRN_DENY_QUESTIONS);
        return finish_without(gate, q, WRN_DNS_REFUSED, WRN_DNS_OTHER, "wrenn: too many questions");
    }
    for (size_t i = 0; i < QUERIES; i++) {
        if (resolver.queries[i].used) continue;
        resolver.queries[i] = *q;
        resolver.queries[i].used = true;
        return ask_next(gate, &resolver.queries[i]);
    }
    finish_without(gate, q, WRN_DNS_REFUSED, WRN_DNS_OTHER, "wrenn: too many questions at once");
}

/* `_http._tcp.NAME`, as apt asks for records that are not answered here, is a question about NAME. */
static const char *host_of_service(const char *name) {
    for (const char *dot; *name == '_' && (dot = strchr(name, '.'));) name = dot + 1;
    return name;
}

void resolver_ask(wrn_gate *gate, const uint8_t *packet, size_t size, const resolver_asker *asker) {
    static query q;
    q = (query){.fd = -1, .from.asker = *asker};
    char name[WRN_NAME_MAX + 1];
    gate->ledger->questions++;
    gate->ledger->bytes_out += size;
    if (!wrn_dns_read_question(packet, size, &q.from.question) || q.from.question.size > sizeof(q.from.packet)) {
        uint8_t out[WRN_DNS_ANSWER_MAX];
        size_t written = wrn_dns_write_format_error(out, packet, size);
        if (written) deliver(gate, asker, out, written);
        return;
    }
    memcpy(q.from.packet, packet, q.from.question.size);
    if (!wrn_name_clean(q.from.question.name, strlen(q.from.question.name), name))
        return finish_without(gate, &q, WRN_DNS_NXDOMAIN, WRN_DNS_OTHER, "wrenn: this is not the name of a host");
    /* Programs that show addresses ask for their names. That nobody answers keeps nothing from them. */
    if (q.from.question.type == WRN_DNS_PTR && wrn_name_below(name, "arpa"))
        return finish_without(gate, &q, WRN_DNS_NXDOMAIN, WRN_DNS_OTHER, "wrenn: names of addresses are not looked up");
    bool is_address = q.from.question.type == WRN_DNS_A || q.from.question.type == WRN_DNS_AAAA;
    wrn_denial denial = wrn_policy_name(&gate->policy, is_address ? name : host_of_service(name));
    if (denial != WRN_ALLOWED) {
        ledger_deny_name(gate->ledger, name, denial);
        return finish_without(gate, &q, WRN_DNS_NXDOMAIN, WRN_DNS_BLOCKED,
                              wrn_name_class(name) != WRN_ALLOWED
                                  ? text_inside
                                  : "wrenn: the network policy of this sandbox does not allow this name");
    }
    /* No HTTPS records either: the keys in them would hide the server's name. */
    bool known_type = q.from.question.type == WRN_DNS_A || (q.from.question.type == WRN_DNS_AAAA && gate->with_v6);
    if (!known_type) return finish_without(gate, &q, WRN_DNS_OK, WRN_DNS_NO_REASON, NULL);
    look_up(gate, &q);
}

/* ---- DNS over TCP ---- */

int resolver_accept(wrn_gate *gate) {
    for (size_t i = 0; i < STREAMS; i++) {
        stream *s = &resolver.streams[i];
        int ends[2];
        if (s->open) continue;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return -1;
        *s = (stream){.fd = ends[0], .open = gate_watch_fd(gate, ends[0], EPOLLIN, WATCH_DNS_STREAM, i)};
        if (s->open) return ends[1];
        wrn_fds_close(ends, 2);
        return -1;
    }
    return -1;
}

void resolver_stream_ready(wrn_gate *gate, size_t index) {
    stream *s = &resolver.streams[index];
    if (!s->open) return;
    ssize_t got = recv(s->fd, s->data + s->size, sizeof(s->data) - s->size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return stream_close(gate, s);
    s->size += (size_t)got;
    while (s->open && s->size >= 2) {
        size_t whole = 2 + ((size_t)s->data[0] << 8 | s->data[1]);
        if (whole > sizeof(s->data)) return stream_close(gate, s);
        if (s->size < whole) return;
        resolver_ask(gate, s->data + 2, whole - 2, &(resolver_asker){.stream = (int)index});
        s->size -= whole;
        memmove(s->data, s->data + whole, s->size);
    }
}
