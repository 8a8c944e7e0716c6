#include "net/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/text.h"
#include "net/wakeup.h"

enum { CONNECTION_AGE_SEC = 50 };

/* ---- how to connect ---- */

static void curl_init_once(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

bool wrn_transport_init(wrn_transport *t, wrn_loop *loop, const wrn_http_config *config) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, curl_init_once);
    *t = (wrn_transport){.loop = loop, .connect_timeout_ms = config->connect_timeout_ms};
    return wrn_text_copy(&t->unix_path, config->unix_path) && wrn_text_copy(&t->ca_file, config->ca_file) &&
           wrn_text_copy(&t->client_cert, config->client_cert) && wrn_text_copy(&t->client_key, config->client_key) &&
           wrn_text_copy(&t->proxy, config->proxy) && wrn_text_copy(&t->no_proxy, config->no_proxy) &&
           wrn_text_copy(&t->user_agent, config->user_agent);
}

void wrn_transport_clear(wrn_transport *t) {
    char *all[] = {t->unix_path, t->ca_file, t->client_cert, t->client_key, t->proxy, t->no_proxy, t->user_agent};
    for (size_t i = 0; i < WRN_COUNT(all); i++) free(all[i]);
}

/* Sockets that libcurl makes are not close-on-exec. */
static curl_socket_t transport_on_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Debian's libcurl has a CA directory as its default, which disables its cache of parsed certificates: 45 ms per connection.
 * So the bundle is used instead, where there is one. */
static const char *default_ca_file(void) {
    static const char *const bundles[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"};
    for (size_t i = 0; i < WRN_COUNT(bundles); i++)
        if (access(bundles[i], R_OK) == 0) return bundles[i];
    return NULL;
}

void wrn_transport_apply(const wrn_transport *t, CURL *easy) {
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, transport_on_open_socket);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* never wait for a resolver thread */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)CONNECTION_AGE_SEC); /* below every server's idle limit */
    /* libcurl refuses numbers beyond int, and would use its own default of 300 s. */
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     t->connect_timeout_ms < INT_MAX ? (long)t->connect_timeout_ms : (long)INT_MAX);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, t->user_agent);
    if (t->unix_path) {
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, t->unix_path);
        curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* otherwise http_proxy applies */
        return;
    }
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's response is not the server's */
    if (t->proxy) curl_easy_setopt(easy, CURLOPT_PROXY, t->proxy);
    else if (getauxval(AT_SECURE)) curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* the environment is not to be trusted */
    if (t->no_proxy) curl_easy_setopt(easy, CURLOPT_NOPROXY, t->no_proxy);
    if (t->client_cert) curl_easy_setopt(easy, CURLOPT_SSLCERT, t->client_cert);
    if (t->client_key) curl_easy_setopt(easy, CURLOPT_SSLKEY, t->client_key);
    const char *ca_file = t->ca_file ? t->ca_file : default_ca_file();
    if (ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
}

/* libcurl's message names the host of the URL, which is not used. */
static const char *socket_problem(const char *path, CURL *easy, char room[CURL_ERROR_SIZE]) {
    long error = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
    bool nobody_listens = !error || error == ENOENT || error == ECONNREFUSED;
    snprintf(room, CURL_ERROR_SIZE, "cannot connect to the socket %.108s%s%s", path, nobody_listens ? "; " : ": ",
             nobody_listens ? "is wrennd running?" : strerror((int)error));
    return room;
}

const char *wrn_transport_problem(const wrn_transport *t, CURL *easy, wrn_http_outcome outcome,
                                  char room[CURL_ERROR_SIZE], const char *libcurl) {
    /* libcurl's message has the whole URL, which may contain a password. */
    if (strncmp(libcurl, "Unsupported proxy", strlen("Unsupported proxy")) == 0)
        return "the proxy's URL is not of the form SCHEME://HOST:PORT, or its scheme is not supported";
    /* "Failed to connect to HOST port N after N ms: Couldn't connect to server" says it twice. */
    const char *again = outcome == WRN_HTTP_NOT_SENT ? strstr(libcurl, ": Could") : NULL;
    if (!t->unix_path && again) {
        size_t size = (size_t)(again - libcurl); /* of what may be in `room` already */
        memmove(room, libcurl, size);
        room[size] = '\0';
        return room;
    }
    if (!t->unix_path) return libcurl;
    if (outcome == WRN_HTTP_NOT_SENT) return socket_problem(t->unix_path, easy, room);
    return outcome == WRN_HTTP_LOST ? "the server closed the connection before its response was complete" : libcurl;
}

/* ---- transfers ---- */

static wrn_transfer *transfer_of(CURL *easy) {
    wrn_transfer *transfer = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
    return transfer;
}

/* Reports transfers that have ended. Callbacks run only here, never inside libcurl. They may start and cancel transfers; a
 * nested call returns at once, and the outer loop reports what has ended meanwhile. */
static void multi_collect(wrn_multi *multi) {
    if (multi->collecting) return;
    multi->collecting = true;
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(multi->multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        CURLcode code = message->data.result;
        multi->done(transfer_of(message->easy_handle), code);
    }
    while (multi->starved) multi->done(multi->starved, CURLE_OUT_OF_MEMORY);
    multi->collecting = false;
}

bool wrn_transport_readable(int fd) {
    struct pollfd socket = {.fd = fd, .events = POLLIN};
    return poll(&socket, 1, 0) == 1;
}

/* A server that refuses an upload may close the connection at once. Then sending fails, and the response that came before would
 * be lost. libcurl reads before it sends, so it is told when there is something to read. */
static void multi_on_socket_ready(void *context, int fd, uint32_t events) {
    wrn_multi *multi = context;
    if (events == EPOLLOUT && wrn_transport_readable(fd)) events |= EPOLLIN;
    int running, what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                        (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(multi->multi, fd, what, &running);
    multi_collect(multi);
}

static void multi_starve(wrn_multi *multi, wrn_transfer *transfer) {
    if (transfer->starved) return;
    transfer->starved = true;
    transfer->next_starved = multi->starved;
    multi->starved = transfer;
}

static int multi_on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_data) {
    wrn_multi *multi = context;
    wrn_watch *watch = socket_data;
    if (what == CURL_POLL_REMOVE) {
        if (watch) wrn_loop_unwatch(multi->loop, watch);
        curl_multi_assign(multi->multi, fd, NULL);
        return 0;
    }
    wrn_transfer *transfer = transfer_of(easy); /* NULL when libcurl closes an idle connection */
    if (transfer) transfer->fd = fd;
    /* An error returned from here would break the whole multi handle, so the transfer fails later, in multi_collect(). */
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    bool ok = watch && wrn_loop_rewatch(multi->loop, watch, events);
    if (!watch) {
        fcntl(fd, F_SETFD, FD_CLOEXEC); /* libcurl may have made it, for a resolver thread */
        watch = wrn_loop_watch(multi->loop, fd, events, multi_on_socket_ready, multi);
        ok = watch && curl_multi_assign(multi->multi, fd, watch) == CURLM_OK;
    }
    if (!ok && transfer) multi_starve(multi, transfer);
    return 0;
}

static int multi_on_timer(CURLM *curl, long timeout_ms, void *context) {
    wrn_multi *multi = context;
    if (timeout_ms < 0) wrn_loop_timer_clear(multi->loop, &multi->timer);
    else wrn_loop_timer_set(multi->loop, &multi->timer, wrn_in_ms(timeout_ms)); /* has a slot: see loop.c */
    return 0;
}

static void multi_on_timeout(wrn_timer *timer) {
    wrn_multi *multi = WRN_OWNER(timer, wrn_multi, timer);
    int running;
    curl_multi_socket_action(multi->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    multi_collect(multi);
}

bool wrn_multi_init(wrn_multi *multi, wrn_loop *loop, void (*done)(wrn_transfer *transfer, CURLcode code)) {
    *multi = (wrn_multi){.loop = loop, .multi = curl_multi_init(), .timer.fire = multi_on_timeout, .done = done};
    if (!multi->multi) return false;
    wrn_wakeup_seal(multi->multi);
    curl_multi_setopt(multi->multi, CURLMOPT_SOCKETFUNCTION, multi_on_socket);
    curl_multi_setopt(multi->multi, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi->multi, CURLMOPT_TIMERFUNCTION, multi_on_timer);
    curl_multi_setopt(multi->multi, CURLMOPT_TIMERDATA, multi);
    return true;
}

void wrn_multi_clear(wrn_multi *multi) {
    curl_multi_cleanup(multi->multi);
    wrn_loop_timer_clear(multi->loop, &multi->timer);
}

bool wrn_multi_add(wrn_multi *multi, wrn_transfer *transfer) {
    transfer->fd = -1;
    return curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer) == CURLE_OK &&
           curl_multi_add_handle(multi->multi, transfer->easy) == CURLM_OK;
}

void wrn_multi_remove(wrn_multi *multi, wrn_transfer *transfer) {
    WRN_UNLINK(multi->starved, transfer, next_starved);
    if (transfer->easy) curl_multi_remove_handle(multi->multi, transfer->easy);
}
