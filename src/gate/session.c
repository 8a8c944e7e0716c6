#include "gate/session.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "gate/hello.h"

/* PENDING_MAX: nothing is read for an end that has so much to take. A certificate is signed anew before it runs out. */
enum { PIECE = 16 << 10, PENDING_MAX = 128 << 10, SIGN_AGAIN_MS = 86400 * 1000 };

typedef struct session session;

typedef struct end {
    session *of;
    int fd;
    SSL *ssl;        /* NULL: bytes pass as they are */
    wrn_buf pending; /* for the socket */
    uint32_t watched;
    bool is_watched, is_open; /* is_open: TLS is agreed upon */
    bool over, closing,
        shut; /* nothing more comes; nothing more follows `pending`; the peer was told, or takes no more */
} end;

struct session {
    wrn_sessions *all;
    session *next; /* of the dead */
    end inside, outside;
    wrn_buf hello;
    wrn_injector injector;
    uint16_t port;
    bool knows_host; /* the hello was read */
    bool is_alone;   /* the sandbox has closed its end */
    bool is_dead;
    const wrn_inject_refusal *refusal;
    const wrn_inject_refusal *later; /* of a request after others, whose answers are awaited */
    bool answers_late;               /* since then something came */
};

static session *dead;

static const wrn_inject_refusal untrusted = {
    502, "the host's certificate is not valid for its name, or nobody trusted has signed it; no header was sent"};
static const wrn_inject_refusal closed = {502, "a secret that requests to this host need is not set"};
static const wrn_inject_refusal no_tls = {502, "TLS with the host failed; no header was sent"};

/* ---- its end ---- */

static void kill_session(session *s) {
    if (s->is_dead) return;
    s->is_dead = true;
    s->next = dead;
    dead = s;
}

static void close_end(end *e) {
    if (e->is_watched) (void)epoll_ctl(e->of->all->epoll, EPOLL_CTL_DEL, e->fd, NULL);
    wrn_fd_close(&e->fd);
    SSL_free(e->ssl);
    wrn_buf_free(&e->pending);
}

void wrn_sessions_sweep(void) {
    while (dead) {
        session *s = dead;
        dead = s->next;
        s->all->live--;
        close_end(&s->inside);
        close_end(&s->outside);
        wrn_buf_free(&s->hello);
        wrn_injector_free(&s->injector);
        free(s);
    }
}

/* ---- bytes of the sockets ---- */

/* Reads once into `to`. False when there is nothing now, or any more. What came before a reset still counts. */
static bool read_end(end *e, char to[PIECE], size_t *size) {
    if (e->over) return false;
    ssize_t got = read(e->fd, to, PIECE);
    if (got > 0) return *size = (size_t)got, true;
    e->over = got == 0 || (errno != EAGAIN && errno != EINTR);
    return false;
}

static bool discard(end *e) {
    char piece[PIECE];
    size_t size;
    return read_end(e, piece, &size);
}

static void drain_tls(end *e) {
    char *at;
    BIO *bio = e->ssl ? SSL_get_wbio(e->ssl) : NULL;
    size_t size = bio ? (size_t)BIO_get_mem_data(bio, &at) : 0;
    if (!size) return;
    wrn_buf_put(&e->pending, at, size);
    (void)BIO_reset(bio);
}

/* Whether anything was written. */
static bool flush(end *e) {
    bool any = false;
    drain_tls(e);
    if (e->pending.failed) return kill_session(e->of), false;
    while (e->pending.size && !e->shut) {
        ssize_t sent = write(e->fd, e->pending.data, e->pending.size);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) break;
        e->shut = sent < 0;
        if (sent > 0) wrn_buf_consume(&e->pending, (size_t)sent);
        any = true;
    }
    if (e->shut) wrn_buf_clear(&e->pending);
    if (!e->closing || e->pending.size || e->shut) return any;
    e->shut = true;
    (void)shutdown(e->fd, SHUT_WR);
    return true;
}

/* ---- TLS ---- */

/* Whose connection was told to be for `name`. */
static wrn_inject_host *find_host(wrn_sessions *all, const char *name, uint16_t port) {
    for (size_t i = 0; i < all->host_count; i++)
        if (all->hosts[i].port == port && strcmp(all->hosts[i].name, name) == 0) return &all->hosts[i];
    return NULL;
}

/* HTTP/2 would need another reader. */
static int choose_http1(SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *in,
                        unsigned in_size, void *context) {
    static const unsigned char http1[] = "\x08http/1.1";
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_size, http1, sizeof(http1) - 1, in, in_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_inside(wrn_sessions *all, const char *host) {
    SSL_CTX *made = SSL_CTX_new(TLS_server_method());
    X509 *certificate = wrn_authority_sign(&all->authority, host, all->key);
    if (made && certificate && SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION) &&
        SSL_CTX_use_certificate(made, certificate) && SSL_CTX_use_PrivateKey(made, all->key)) {
        SSL_CTX_set_alpn_select_cb(made, choose_http1, NULL);
        SSL_CTX_set_options(made, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
        SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
        X509_free(certificate);
        return made;
    }
    X509_free(certificate);
    SSL_CTX_free(made);
    return NULL;
}

static SSL_CTX *context_of(wrn_sessions *all, const wrn_inject_host *host) {
    size_t i = (size_t)(host - all->hosts);
    if (!all->to_inside[i] || wrn_now_ms() - all->signed_at[i] > SIGN_AGAIN_MS) {
        SSL_CTX_free(all->to_inside[i]);
        all->to_inside[i] = new_inside(all, host->name);
        all->signed_at[i] = wrn_now_ms();
    }
    return all->to_inside[i];
}

bool wrn_session_prepare(wrn_sessions *all, size_t index) { return context_of(all, &all->hosts[index]) != NULL; }

/* Over memory, so that nothing but this file touches the sockets. */
static bool start_tls(end *e, SSL_CTX *context) {
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    e->ssl = context && in && out ? SSL_new(context) : NULL;
    if (!e->ssl) return BIO_free(in), BIO_free(out), false;
    BIO_set_mem_eof_return(in, -1);
    BIO_set_mem_eof_return(out, -1);
    SSL_set_bio(e->ssl, in, out);
    return true;
}

static void refuse(session *s, const wrn_inject_refusal *why) {
    s->refusal = why;
    s->outside.closing = s->outside.over = true;
    wrn_buf_clear(&s->outside.pending);
}

static bool end_tls_here(session *s, const wrn_inject_host *host) {
    static const unsigned char http1[] = "\x08http/1.1";
    s->injector = wrn_injector_new(host);
    if (!start_tls(&s->inside, context_of(s->all, host)) || !start_tls(&s->outside, s->all->to_outside)) return false;
    SSL_set_accept_state(s->inside.ssl);
    SSL_set_connect_state(s->outside.ssl);
    if (host->is_closed) refuse(s, &closed);
    return SSL_set1_host(s->outside.ssl, host->name) && SSL_set_tlsext_host_name(s->outside.ssl, host->name) &&
           SSL_set_alpn_protos(s->outside.ssl, http1, sizeof(http1) - 1) == 0 &&
           BIO_write(SSL_get_rbio(s->inside.ssl), s->hello.data, (int)s->hello.size) == (int)s->hello.size;
}

/* Which connection this is. Everything that has come so far is in `hello`. */
static void read_hello(session *s) {
    char name[WRN_NAME_MAX + 1];
    wrn_hello found = wrn_hello_tls((const uint8_t *)s->hello.data, s->hello.size, name);
    if (found == WRN_HELLO_MORE && !s->inside.over) return;
    s->knows_host = true;
    const wrn_inject_host *host = found == WRN_HELLO_NAMED ? find_host(s->all, name, s->port) : NULL;
    if (!host) wrn_buf_put(&s->outside.pending, s->hello.data, s->hello.size);
    else if (!end_tls_here(s, host)) kill_session(s);
    wrn_buf_free(&s->hello);
}

/* ---- what passes ---- */

/* Goes on with the handshake. False when it failed. */
static bool agree(end *e) {
    if (e->is_open) return true;
    ERR_clear_error();
    int got = SSL_do_handshake(e->ssl);
    e->is_open = got == 1;
    int why = e->is_open ? SSL_ERROR_NONE : SSL_get_error(e->ssl, got);
    return e->is_open || (why == SSL_ERROR_WANT_READ && !e->over);
}

/* Decrypts what came. *ended: nothing more will. */
static size_t decrypt(end *e, char to[PIECE], bool *ended) {
    ERR_clear_error();
    int got = SSL_read(e->ssl, to, PIECE);
    if (got > 0) return (size_t)got;
    int why = SSL_get_error(e->ssl, got);
    *ended = why != SSL_ERROR_WANT_READ || e->over;
    return 0;
}

static void answer_refusal(session *s, const wrn_inject_refusal *why) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    if (s->inside.closing) return;
    wrn_buf_printf(&text,
                   "HTTP/1.1 %d Refused by Wrenn\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: "
                   "close\r\n\r\nwrenn: %s\n",
                   why->status, strlen(why->why) + 8, why->why);
    if (!text.failed) SSL_write(s->inside.ssl, text.data, (int)text.size);
    SSL_shutdown(s->inside.ssl);
    s->inside.closing = s->outside.closing = true;
}

/* What came before the refused request was sent on. The host hears that no more comes, and answers that. */
static void refuse_request(session *s, const wrn_inject_refusal *why) {
    if (!s->injector.requests) {
        refuse(s, why);
        answer_refusal(s, why);
        return;
    }
    s->later = why;
    if (!s->outside.closing) SSL_shutdown(s->outside.ssl);
    s->outside.closing = true;
}

static bool waits(const session *s) { return s->injector.part == WRN_INJECT_WAIT; }

/* Requests go out, with their headers. Whether anything moved. */
static bool requests_out(session *s) {
    char piece[PIECE];
    bool ended = false;
    if (!s->inside.is_open || s->inside.closing || waits(s) || s->outside.pending.size > PENDING_MAX) return false;
    if (!s->outside.is_open && !s->refusal) return false;
    size_t size = decrypt(&s->inside, piece, &ended);
    if (size && s->refusal) return answer_refusal(s, s->refusal), true;
    if (size) {
        WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
        const wrn_inject_refusal *why = wrn_inject(&s->injector, piece, size, &out);
        if (out.size && !s->outside.closing) SSL_write(s->outside.ssl, out.data, (int)out.size);
        OPENSSL_cleanse(out.data, out.size);
        if (why && !s->later) refuse_request(s, why);
        return true;
    }
    if (ended && s->refusal) return s->inside.closing = true;
    if (!ended || s->outside.closing) return false;
    SSL_shutdown(s->outside.ssl);
    return s->outside.closing = true;
}

/* Answers come in, as they are. */
static bool answers_in(session *s) {
    char piece[PIECE];
    bool ended = false;
    if (!s->outside.is_open || s->inside.closing || !s->inside.is_open || s->inside.pending.size > PENDING_MAX)
        return false;
    size_t size = decrypt(&s->outside, piece, &ended);
    if (size) {
        wrn_inject_answered(&s->injector, piece, size);
        s->answers_late = s->later;
        SSL_write(s->inside.ssl, piece, (int)size);
        return true;
    }
    if (!ended) return false;
    /* Had an answer been under way, ours could be taken for the rest of it. */
    if (s->later && !s->answers_late) answer_refusal(s, s->later);
    if (SSL_get_shutdown(s->outside.ssl) & SSL_RECEIVED_SHUTDOWN) SSL_shutdown(s->inside.ssl);
    s->inside.closing = s->outside.closing = s->outside.over = true;
    return true;
}

static void check_outside(session *s) {
    if (s->refusal || agree(&s->outside)) return;
    refuse(s, SSL_get_verify_result(s->outside.ssl) != X509_V_OK ? &untrusted : &no_tls);
}

/* One round over an end that is TLS. */
static bool feed_tls(end *e, const end *other) {
    char piece[PIECE];
    size_t size;
    if (other->pending.size > PENDING_MAX || BIO_pending(SSL_get_rbio(e->ssl)) > PENDING_MAX) return false;
    if (!read_end(e, piece, &size)) return false;
    return BIO_write(SSL_get_rbio(e->ssl), piece, (int)size) == (int)size;
}

static bool pass_tls(session *s) {
    /* What is not read when a socket is closed would make the sandbox see a reset in the place of the answer. */
    if (s->inside.closing) return discard(&s->inside);
    bool moved = !waits(s) && feed_tls(&s->inside, &s->outside);
    moved |= feed_tls(&s->outside, &s->inside);
    if (!agree(&s->inside)) return flush(&s->inside), kill_session(s), false;
    check_outside(s);
    moved |= requests_out(s);
    moved |= answers_in(s);
    return moved;
}

static bool pass_bytes(end *from, end *to) {
    char piece[PIECE];
    size_t size;
    if (to->pending.size > PENDING_MAX) return false;
    if (read_end(from, piece, &size)) return wrn_buf_put(&to->pending, piece, size), true;
    if (from->over) to->closing = true;
    return false;
}

/* A server that speaks first does not speak TLS. */
static bool pass_hello(session *s) {
    char piece[PIECE];
    size_t size;
    bool moved = read_end(&s->inside, piece, &size);
    if (moved) wrn_buf_put(&s->hello, piece, size);
    if (moved || s->inside.over) read_hello(s);
    if (s->knows_host || !pass_bytes(&s->outside, &s->inside)) return moved;
    s->knows_host = true;
    wrn_buf_put(&s->outside.pending, s->hello.data, s->hello.size);
    wrn_buf_free(&s->hello);
    return true;
}

/* ---- events ---- */

static void watch(end *e, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = e};
    if (!e->is_watched || e->watched == events) return;
    e->watched = events;
    if (epoll_ctl(e->of->all->epoll, EPOLL_CTL_MOD, e->fd, &event) != 0) kill_session(e->of);
}

static void watch_both(session *s) {
    bool wants_in = !s->inside.over && s->outside.pending.size <= PENDING_MAX && !(s->inside.ssl && waits(s));
    bool wants_out = !s->outside.over && s->inside.pending.size <= PENDING_MAX;
    if (s->inside.ssl && BIO_pending(SSL_get_rbio(s->inside.ssl)) > PENDING_MAX) wants_in = false;
    if (s->outside.ssl && BIO_pending(SSL_get_rbio(s->outside.ssl)) > PENDING_MAX) wants_out = false;
    watch(&s->inside, (wants_in ? EPOLLIN : 0) | (s->inside.pending.size ? EPOLLOUT : 0));
    watch(&s->outside, (wants_out ? EPOLLIN : 0) | (s->outside.pending.size ? EPOLLOUT : 0));
}

static void pump(session *s) {
    for (bool moved = true; moved && !s->is_dead;) {
        if (!s->knows_host) moved = pass_hello(s);
        else if (s->inside.ssl) moved = pass_tls(s);
        else {
            moved = pass_bytes(&s->inside, &s->outside);
            moved |= pass_bytes(&s->outside, &s->inside);
        }
        moved |= flush(&s->inside);
        moved |= flush(&s->outside);
    }
    if (s->is_dead) return;
    bool ended = s->inside.over && s->inside.shut && s->outside.shut;
    if (ended || (s->is_alone && !s->outside.pending.size)) kill_session(s);
    else watch_both(s);
}

void wrn_session_ready(void *data, uint32_t events) {
    end *e = data;
    session *s = e->of;
    if (s->is_dead) return;
    pump(s);
    if (s->is_dead || !(events & (EPOLLHUP | EPOLLERR))) return;
    /* It would be reported for ever. What has come is still read, when there is room for it. */
    (void)epoll_ctl(s->all->epoll, EPOLL_CTL_DEL, e->fd, NULL);
    e->is_watched = false;
    if (e == &s->inside) s->is_alone = true;
    pump(s);
}

static bool open_end(session *s, end *e, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = e};
    *e = (end){.of = s, .fd = fd, .watched = EPOLLIN};
    e->is_watched = epoll_ctl(s->all->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
    return e->is_watched;
}

void wrn_session_start(wrn_sessions *all, int inside, int outside, uint16_t port) {
    session *s = all->live < all->most ? calloc(1, sizeof(*s)) : NULL;
    if (!s) {
        close(inside);
        close(outside);
        return;
    }
    all->live++;
    s->all = all;
    s->port = port;
    bool ok = open_end(s, &s->inside, inside);
    if (!open_end(s, &s->outside, outside) || !ok) kill_session(s);
}
