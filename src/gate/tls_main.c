/* wrenn-gate-tls: adds headers with secrets to requests of one sandbox. wrennd starts it with what to add (a file in memory) and one end of
 * a socket to the sandbox's gate, which hands over connections; it ends when the gate closes the other one. Without options but
 * --authority it makes a key and a certificate for a sandbox, and prints them. See gate/README.md. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "gate/jail.h"
#include "gate/session.h"

enum { FLOWS_MAX = 8192, CONFIG_MAX = 1 << 20, EVENTS = 64, PEM_MAX = 16 << 10 };

static wrn_sessions all;

_Noreturn static void fail(const char *what) {
    fprintf(stderr, "wrenn-gate-tls: %s\n", what);
    _exit(2);
}

/* ---- what it is told ---- */

static char *copy_text(const wrn_json *object, const char *key) {
    const char *text = wrn_json_string(wrn_json_get(object, key), NULL);
    return text ? strdup(text) : NULL;
}

/* The host of an entry, which may have had others. NULL: it is malformed. */
static wrn_inject_host *host_of(const wrn_json *entry) {
    const char *text = wrn_json_string(wrn_json_get(entry, "host"), NULL);
    char name[WRN_NAME_MAX + 1];
    int64_t port = 0;
    if (!text || !wrn_name_clean(text, strlen(text), name) || !wrn_json_int(wrn_json_get(entry, "port"), &port) ||
        port < 1 || port > UINT16_MAX)
        return NULL;
    size_t i = 0;
    while (i < all.host_count && (all.hosts[i].port != port || strcmp(all.hosts[i].name, name) != 0)) i++;
    if (i == WRN_SESSION_HOSTS_MAX) return NULL;
    wrn_inject_host *host = &all.hosts[i];
    if (i < all.host_count) return host;
    all.host_count++;
    memcpy(host->name, name, sizeof(name));
    host->port = (uint16_t)port;
    return host;
}

static bool read_header(const wrn_json *entry) {
    wrn_inject_host *host = host_of(entry);
    wrn_injection header = {copy_text(entry, "header"), copy_text(entry, "value")};
    if (!host || !header.name || !wrn_inject_name_ok(header.name)) return false;
    host->is_closed = host->is_closed || !header.value;
    host->headers = realloc(host->headers, (host->count + 1) * sizeof(header));
    if (!host->headers) return false;
    host->headers[host->count++] = header;
    return true;
}

static bool read_config(const wrn_json *config) {
    const wrn_json *headers = wrn_json_get(config, "headers");
    const char *key = wrn_json_string(wrn_json_get(config, "key"), NULL);
    const char *certificate = wrn_json_string(wrn_json_get(config, "certificate"), NULL);
    if (!key || !certificate || !wrn_authority_read(&all.authority, key, certificate)) return false;
    for (size_t i = 0; i < wrn_json_count(headers); i++)
        if (!read_header(wrn_json_at(headers, i))) return false;
    return true;
}

static void load_config(int fd) {
    struct stat info;
    WRN_AUTO(wrn_json_freep) wrn_json *config = NULL;
    const char *why;
    if (fstat(fd, &info) != 0 || info.st_size > CONFIG_MAX) fail("the configuration is missing or too large");
    size_t size = (size_t)info.st_size;
    char *text = calloc(1, size + 1);
    if (!text || pread(fd, text, size, 0) != (ssize_t)size) fail("the configuration can't be read");
    if (!wrn_json_parse(text, size, &config, &why) || !read_config(config)) fail("the configuration is malformed");
    OPENSSL_cleanse(text, size);
    free(text);
    close(fd);
}

/* ---- whom it trusts ---- */

/* What the machine trusts, and what its operator adds. */
static void load_trust(const char *extra) {
    static const char *const places[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                         "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem"};
    X509_STORE *store = SSL_CTX_get_cert_store(all.to_outside);
    bool found = X509_STORE_load_file(store, X509_get_default_cert_file());
    for (size_t i = 0; !found && i < WRN_COUNT(places); i++) found = X509_STORE_load_file(store, places[i]);
    if (extra && !X509_STORE_load_file(store, extra)) fail("the file of --trust has no certificates");
    ERR_clear_error();
}

static void open_tls(const char *trust) {
    all.to_outside = SSL_CTX_new(TLS_client_method());
    all.key = wrn_authority_new_key();
    if (!all.to_outside || !all.key || !SSL_CTX_set_min_proto_version(all.to_outside, TLS1_2_VERSION))
        fail("OpenSSL does not start");
    SSL_CTX_set_verify(all.to_outside, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(all.to_outside, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(all.to_outside, SSL_SESS_CACHE_OFF);
    load_trust(trust);
}

/* ---- connections ---- */

static void take_connections(int gate) {
    for (;;) {
        uint16_t port;
        int fds[2];
        ssize_t got = wrn_fds_receive(gate, &port, sizeof(port), fds, 2);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) _exit(0); /* the gate has ended, or has another one of us */
        if (got == sizeof(port) && fds[0] >= 0 && fds[1] >= 0) wrn_session_start(&all, fds[0], fds[1], port);
        else wrn_fds_close(fds, 2);
    }
}

_Noreturn static void loop(int gate) {
    struct epoll_event events[EVENTS], own = {.events = EPOLLIN};
    if (epoll_ctl(all.epoll, EPOLL_CTL_ADD, gate, &own) != 0) fail("epoll");
    for (;;) {
        int count = epoll_wait(all.epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr) wrn_session_ready(events[i].data.ptr, events[i].events);
            else take_connections(gate);
        }
        wrn_sessions_sweep();
    }
}

static int print_authority(void) {
    WRN_AUTO(wrn_buf_free) wrn_buf key = WRN_BUF_INIT, certificate = WRN_BUF_INIT;
    if (!wrn_authority_new(&key, &certificate)) return fprintf(stderr, "wrenn-gate-tls: OpenSSL fails\n"), 2;
    bool ok = fwrite(key.data, 1, key.size, stdout) == key.size &&
              fwrite(certificate.data, 1, certificate.size, stdout) == certificate.size && fflush(stdout) == 0;
    return ok ? 0 : 2;
}

int main(int argc, char **argv) {
    static const struct option names[] = {
        {"gate", 1, NULL, 'g'},  {"config", 1, NULL, 'c'},    {"uids", 1, NULL, 'u'}, {"flows", 1, NULL, 'f'},
        {"trust", 1, NULL, 't'}, {"authority", 0, NULL, 'a'}, {NULL, 0, NULL, 0}};
    gate_options options = {.control = -1, .state = -1, .flows = 512};
    int64_t gate = -1, config = -1, uid = 0, flows = options.flows;
    const char *trust = NULL;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == 'a') return print_authority();
        if (c == 't') trust = optarg;
        else if ((c != 'g' || !wrn_parse_int(optarg, 0, INT32_MAX, &gate)) &&
                 (c != 'c' || !wrn_parse_int(optarg, 0, INT32_MAX, &config)) &&
                 (c != 'u' || !wrn_parse_int(optarg, 1, UINT32_MAX - 1, &uid)) &&
                 (c != 'f' || !wrn_parse_int(optarg, 1, FLOWS_MAX, &flows)))
            fail("an option is wrong; it is started by wrennd");
    }
    if (gate < 0 || config < 0) fail("an option is missing; it is started by wrennd");
    if (uid) options.uid = (uid_t)uid + (uid_t)getpid(); /* nobody else's, while this process lives */
    options.flows = (unsigned)flows;
    (void)prctl(PR_SET_NAME, "(gate-tls)"); /* in parentheses, as in main.c */
    signal(SIGPIPE, SIG_IGN);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* before it knows any secret */
    all.epoll = epoll_create1(EPOLL_CLOEXEC);
    all.most = gate_slots(&options);
    if (all.epoll < 0 || fcntl((int)gate, F_SETFL, O_NONBLOCK) != 0) fail("the descriptors are wrong");
    load_config((int)config);
    open_tls(trust);
    for (size_t i = 0; i < all.host_count; i++)
        if (!wrn_session_prepare(&all, i)) fail("no certificate can be made");
    jail_prepare();
    jail_enter(&options, JAIL_TLS);
    loop((int)gate);
}
