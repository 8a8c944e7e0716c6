/* TLS and proxies, for requests and for WebSockets. The other ends are tests/harness/peers.py, on this machine. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "sdk.h"

/* ---- other ends ---- */

typedef struct peer {
    pid_t pid;
    int in, out;
    int port;
    char log[65536];
    size_t size;
} peer;

/* Ends when this process does, since its input ends then. */
static peer *start_peer(const char *const *words) {
    peer *p = calloc(1, sizeof(*p));
    int in[2], out[2];
    const char *argv[16] = {TEST_PYTHON, TEST_PEERS};
    for (size_t i = 0; words[i]; i++) argv[i + 2] = words[i];
    CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    p->pid = fork();
    if (p->pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    p->in = in[1];
    p->out = out[0];
    while (!memchr(p->log, '\n', p->size)) {
        ssize_t got = read(p->out, p->log + p->size, 100);
        CHECK_MSG(got > 0, "no peer came up");
        p->size += (size_t)got;
    }
    p->port = atoi(p->log);
    fcntl(p->out, F_SETFL, O_NONBLOCK);
    return p;
}
#define PEER(...) start_peer((const char *const[]){__VA_ARGS__, NULL})

/* Everything it has said so far. */
static const char *log_of(peer *p) {
    for (ssize_t got; (got = read(p->out, p->log + p->size, sizeof(p->log) - 1 - p->size)) > 0;) p->size += (size_t)got;
    p->log[p->size] = '\0';
    return p->log;
}

static void wait_for_log(peer *p, const char *what) {
    for (int i = 0; i < 500 && !strstr(log_of(p), what); i++) usleep(10000);
    CHECK_CONTAINS(log_of(p), what);
}

static void stop_peer(peer *p) {
    close(p->in);
    waitpid(p->pid, NULL, 0);
    close(p->out);
    free(p);
}

/* "scheme://host:port", valid until the fourth call after this. */
static const char *url_of(const char *scheme, const char *host, const peer *p) {
    static char urls[4][128];
    static unsigned turn;
    char *url = urls[turn++ % 4];
    snprintf(url, sizeof(urls[0]), "%s://%s:%d", scheme, host, p->port);
    return url;
}

/* ---- certificates ---- */

/* NAME.pem and NAME.key in the test's directory: two CAs, and what the first one vouches for. False: there is no openssl. */
static bool try_make_certificates(void) {
    static const char script[] =
        "command -v openssl >/dev/null || exit 77; set -e; exec 2>openssl.log\n"
        "new() { name=$1; shift; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
        " -subj /CN=$name -keyout $name.key -out $name.pem \"$@\"; }\n"
        "new ca; new stranger\n"
        "new server -CA ca.pem -CAkey ca.key -addext subjectAltName=DNS:localhost,DNS:api.test\n"
        "new client -CA ca.pem -CAkey ca.key -addext subjectAltName=DNS:me\n";
    CHECK(chdir(test_dir()) == 0);
    int status = system(script); /* NOLINT(cert-env33-c): nobody else's words */
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return false;
    CHECK_INT(status, 0);
    return true;
}

static void make_certificates(void) {
    if (!try_make_certificates()) test_skip("there is no openssl");
}

/* ---- what a client can do ---- */

#define KEY "wrn_00000000000000000000000000000001"

static wrenn_client_options options_for(const char *url) {
    static const char *const proxies[] = {"http_proxy", "https_proxy", "all_proxy", "no_proxy",
                                          "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"};
    for (size_t i = 0; i < COUNT(proxies); i++) unsetenv(proxies[i]);
    signal(SIGPIPE, SIG_IGN);
    return sdk_options(url);
}

static wrenn_client_options tls_options(const char *url) {
    wrenn_client_options options = options_for(url);
    options.ca_file = "ca.pem";
    return options;
}

static int ping(const wrenn_client_options *options, wrenn_error **error) {
    wrenn_client *client = sdk_client(options);
    wrenn_sandbox *sandbox = sdk_sandbox(client);
    int rc = wrenn_sandbox_ping(sandbox, NULL, error);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    return rc;
}

/* A command with its output, as a WebSocket. */
static int stream(const wrenn_client_options *options, wrenn_error **error) {
    wrenn_client *client = sdk_client(options);
    wrenn_sandbox *sandbox = sdk_sandbox(client);
    wrenn_command exec = WRENN_COMMAND_INIT;
    wrenn_stream *stream = NULL;
    const wrenn_event *event;
    exec.shell = "true";
    int rc = wrenn_sandbox_exec_stream(sandbox, &exec, NULL, &stream, error);
    if (rc == 0) {
        CHECK_INT(wrenn_stream_pid(stream), 7);
        CHECK(wrenn_stream_next(stream, -1, &event, NULL) == 1 && event->type == WRENN_EVENT_STARTED);
        CHECK(wrenn_stream_next(stream, -1, &event, NULL) == 1 && event->type == WRENN_EVENT_STDOUT);
        CHECK_STR(event->data, "hello");
        CHECK(wrenn_stream_next(stream, -1, &event, NULL) == 1 && event->type == WRENN_EVENT_EXIT);
        CHECK_INT(event->exit_code, 3);
        CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 0);
    }
    wrenn_stream_free(stream);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    return rc;
}

typedef int (*way)(const wrenn_client_options *, wrenn_error **);
static const way ways[] = {ping, stream};

static void check_both(const wrenn_client_options *options) {
    for (size_t i = 0; i < COUNT(ways); i++) {
        wrenn_error *error = NULL;
        int rc = ways[i](options, &error);
        CHECK_MSG(rc == 0, "%s: %s", i ? "WebSocket" : "request", wrenn_error_message(error));
    }
}

/* Both fail without the server having seen either. */
static void check_neither(const wrenn_client_options *options, peer *server) {
    for (size_t i = 0; i < COUNT(ways); i++) {
        wrenn_error *error = NULL;
        int rc = ways[i](options, &error);
        CHECK_MSG(rc == WRENN_E_CONNECTION_FAILED, "%s: %d, %s", i ? "WebSocket" : "request", rc,
                  wrenn_error_message(error));
        CHECK(!strstr(wrenn_error_message(error), KEY));
        wrenn_error_free(error);
    }
    if (server) CHECK(!strstr(log_of(server), "request"));
}

#define TLS_SERVER "server", "--cert", "server.pem", "--key", "server.key"

/* As that of warm_up.c, for handshakes. */
void test_warm_up(void) {
    if (!try_make_certificates()) return;
    peer *server = PEER(TLS_SERVER);
    wrenn_client_options options = tls_options(url_of("https", "localhost", server));
    check_both(&options);
    options.ca_file = "stranger.pem";
    check_neither(&options, NULL);
    stop_peer(server);
}

/* ---- TLS ---- */

TEST(a_ca_of_ones_own_is_trusted) {
    make_certificates();
    peer *server = PEER(TLS_SERVER);
    wrenn_client_options options = tls_options(url_of("https", "localhost", server));
    check_both(&options);
    CHECK_CONTAINS(log_of(server), "X-API-Key: " KEY);
    CHECK_CONTAINS(log_of(server), "message {\"type\":\"start\"");
    stop_peer(server);
}

TEST(transfers_go_over_tls) {
    enum { SIZE = 3 << 20 };
    make_certificates();
    peer *server = PEER(TLS_SERVER);
    wrenn_client_options options = tls_options(url_of("https", "localhost", server));
    wrenn_client *client = sdk_client(&options);
    wrenn_sandbox *sandbox = sdk_sandbox(client);
    wrenn_file *file = NULL;
    char *data = calloc(1, SIZE);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(wrenn_sandbox_upload(sandbox, "/a", data, SIZE, NULL, NULL), 0);
        CHECK_INT(wrenn_sandbox_download(sandbox, "/a", NULL, &file, NULL), 0);
        CHECK_MEM(file->data, file->size, "hello", 5);
        wrenn_file_free(file);
    }
    CHECK_CONTAINS(log_of(server), "body 3145995");
    free(data);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    stop_peer(server);
}

enum { PIECE = 50000 };

typedef struct slow_source {
    peer *server;
    int calls;
} slow_source;

/* The server hangs up while the second piece is waited for. */
static int64_t give_too_late(void *buffer, size_t size, void *data) {
    slow_source *from = data;
    if (++from->calls > 1) {
        CHECK(write(from->server->in, "refuse\n", 7) == 7);
        wait_for_log(from->server, "hung up");
    }
    size_t given = size < PIECE ? size : PIECE;
    memset(buffer, 'x', given);
    return (int64_t)given;
}

/* Whoever sends to a server that has hung up is told that the connection is broken, and its answer is lost. */
TEST(a_refusal_is_read_over_tls_before_more_is_sent) {
    make_certificates();
    for (int i = 0; i < 5; i++) {
        slow_source from = {.server = PEER(TLS_SERVER, "--full")};
        wrenn_client_options options = tls_options(url_of("https", "localhost", from.server));
        wrenn_client *client = sdk_client(&options);
        wrenn_sandbox *sandbox = sdk_sandbox(client);
        wrenn_sandbox_upload_stream_options upload = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
        upload.path = "/a";
        upload.read = give_too_late;
        upload.user_data = &from;
        upload.size = 100 * PIECE;
        CHECK_INT(wrenn_sandbox_upload_stream(sandbox, &upload, NULL), WRENN_E_VALIDATION);
        CHECK_INT(from.calls, 2);
        wrenn_sandbox_free(sandbox);
        wrenn_client_free(client);
        stop_peer(from.server);
    }
}

TEST(the_parts_of_a_connection_are_timed) {
    make_certificates();
    peer *server = PEER(TLS_SERVER);
    wrenn_client_options options = tls_options(url_of("https", "localhost", server));
    wrenn_client *client = sdk_client(&options);
    wrenn_sandbox *sandbox = sdk_sandbox(client);
    wrenn_op *op = NULL;
    CHECK_INT(wrenn_sandbox_ping_start(sandbox, NULL, NULL, NULL, &op, NULL), 0);
    while (!wrenn_op_is_done(op)) CHECK(wrenn_client_dispatch(client, -1, NULL) >= 0);
    const wrenn_timings *t = wrenn_op_timings(op);
    CHECK(t && 0 < t->connect_us && t->connect_us < t->tls_us);
    CHECK(t->tls_us < t->first_byte_us && t->first_byte_us <= t->total_us);
    wrenn_op_free(op);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    stop_peer(server);
}

TEST(a_server_nobody_vouches_for_is_refused) {
    make_certificates();
    peer *server = PEER(TLS_SERVER);
    wrenn_client_options options = tls_options(url_of("https", "localhost", server));
    static const char *const files[] = {NULL, "stranger.pem"};
    for (size_t i = 0; i < COUNT(files); i++) {
        options.ca_file = files[i];
        check_neither(&options, server);
    }
    stop_peer(server);
}

TEST(a_certificate_is_good_for_its_names_only) {
    make_certificates();
    peer *server = PEER(TLS_SERVER);
    wrenn_client_options options = tls_options(url_of("https", "127.0.0.1", server));
    check_neither(&options, server);
    options.base_url = url_of("https", "other.localhost", server);
    check_neither(&options, server);
    stop_peer(server);
}

TEST(a_server_that_does_not_speak_tls_is_refused) {
    make_certificates();
    peer *server = PEER("server");
    wrenn_client_options options = tls_options(url_of("https", "localhost", server));
    check_neither(&options, server);
    stop_peer(server);
}

TEST(a_client_shows_its_certificate) {
    make_certificates();
    peer *server = PEER(TLS_SERVER, "--client-ca", "ca.pem");
    wrenn_client_options options = tls_options(url_of("https", "localhost", server));
    static const char *const wrong[][2] = {{NULL, NULL}, {"stranger.pem", "stranger.key"}};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        options.client_cert = wrong[i][0];
        options.client_key = wrong[i][1];
        for (size_t j = 0; j < COUNT(ways); j++) {
            /* Since TLS 1.3 a client learns of it after its own half is done. */
            int rc = ways[j](&options, NULL);
            CHECK_MSG(rc == WRENN_E_CONNECTION_FAILED || rc == WRENN_E_CONNECTION_LOST, "%d", rc);
        }
    }
    wait_for_log(server, "refused");
    CHECK(!strstr(log_of(server), "request"));
    options.client_cert = "client.pem";
    options.client_key = "client.key";
    check_both(&options);
    stop_peer(server);
}

/* ---- HTTP proxies ---- */

TEST(requests_go_through_an_http_proxy_and_websockets_through_a_tunnel) {
    peer *server = PEER("server"), *proxy = PEER("http");
    wrenn_client_options options = options_for(url_of("http", "api.test", server));
    options.proxy = url_of("http", "127.0.0.1", proxy);
    check_both(&options);
    CHECK_CONTAINS(log_of(proxy), "request POST http://api.test:");
    CHECK_CONTAINS(log_of(proxy), "request CONNECT api.test:");
    CHECK(!strstr(strstr(log_of(proxy), "request CONNECT"), KEY));
    CHECK_CONTAINS(log_of(server), "X-API-Key: " KEY);
    stop_peer(proxy);
    stop_peer(server);
}

TEST(a_proxy_sees_nothing_of_what_goes_over_tls) {
    make_certificates();
    peer *server = PEER(TLS_SERVER), *proxy = PEER("http", "--user", "me:secret");
    char with_user[128];
    wrenn_client_options options = tls_options(url_of("https", "api.test", server));
    snprintf(with_user, sizeof(with_user), "http://me:secret@127.0.0.1:%d", proxy->port);
    options.proxy = with_user;
    check_both(&options);
    CHECK_CONTAINS(log_of(proxy), "request CONNECT api.test:");
    CHECK_CONTAINS(log_of(proxy), "Proxy-Authorization: Basic bWU6c2VjcmV0");
    static const char *const secrets[] = {"X-API-Key", KEY, "token-1", "/v1/", "POST", "Sec-WebSocket"};
    for (size_t i = 0; i < COUNT(secrets); i++) CHECK(!strstr(log_of(proxy), secrets[i]));
    CHECK_CONTAINS(log_of(server), "X-API-Key: " KEY);
    CHECK(!strstr(log_of(server), "Proxy-"));
    options.base_url = url_of("https", "localhost", server);
    options.ca_file = "stranger.pem"; /* a tunnel does not make a server more trustworthy */
    server->log[server->size = 0] = '\0';
    check_neither(&options, server);
    stop_peer(proxy);
    stop_peer(server);
}

TEST(a_proxy_that_refuses_is_a_connection_that_failed) {
    make_certificates();
    peer *server = PEER(TLS_SERVER);
    static const char *const proxies[][4] = {
        {"http", "--refuse"}, {"http", "--user", "me:secret"}, {"socks", "--refuse"}};
    for (size_t i = 0; i < COUNT(proxies); i++) {
        peer *proxy = start_peer(proxies[i]);
        char url[128];
        wrenn_client_options options = tls_options(url_of("https", "api.test", server));
        snprintf(url, sizeof(url), "%s://me:wrong@127.0.0.1:%d", i < 2 ? "http" : "socks5h", proxy->port);
        options.proxy = i < 2 ? url : url_of("socks5h", "127.0.0.1", proxy);
        check_neither(&options, server);
        wrenn_error *error = NULL;
        CHECK(ping(&options, &error) < 0 && !strstr(wrenn_error_message(error), "wrong"));
        wrenn_error_free(error);
        stop_peer(proxy);
        check_neither(&options, server); /* nor is there one any more */
    }
    stop_peer(server);
}

/* Without TLS the proxy answers in the server's place, and nobody can tell. */
TEST(a_refusal_of_a_proxy_for_plain_requests_is_an_answer) {
    peer *server = PEER("server"), *proxy = PEER("http", "--refuse");
    wrenn_client_options options = options_for(url_of("http", "api.test", server));
    options.proxy = url_of("http", "127.0.0.1", proxy);
    CHECK_INT(ping(&options, NULL), WRENN_E_FORBIDDEN);
    CHECK_INT(stream(&options, NULL), WRENN_E_CONNECTION_FAILED);
    CHECK(!strstr(log_of(server), "request"));
    stop_peer(proxy);
    stop_peer(server);
}

/* ---- SOCKS ---- */

TEST(socks_proxies_are_known) {
    make_certificates();
    peer *servers[] = {PEER("server"), PEER(TLS_SERVER)}, *proxy = PEER("socks");
    for (size_t i = 0; i < COUNT(servers); i++) {
        wrenn_client_options options = tls_options(url_of(i ? "https" : "http", "localhost", servers[i]));
        options.proxy = url_of("socks5", "127.0.0.1", proxy);
        check_both(&options);
        options.base_url = url_of(i ? "https" : "http", "api.test", servers[i]);
        options.proxy = url_of("socks5h", "127.0.0.1", proxy);
        check_both(&options);
        CHECK_CONTAINS(log_of(servers[i]), "X-API-Key: " KEY);
    }
    const char *log = log_of(proxy); /* libcurl chooses which address of localhost */
    CHECK(strstr(log, "socks 127.0.0.1\n") || strstr(log, "socks ::1\n"));
    CHECK_CONTAINS(log_of(proxy), "socks api.test\n");
    stop_peer(proxy);
    stop_peer(servers[0]);
    stop_peer(servers[1]);
}

/* ---- where the proxy is named ---- */

TEST(the_environment_names_proxies_and_exceptions) {
    make_certificates();
    peer *server = PEER("server"), *secure = PEER(TLS_SERVER), *proxy = PEER("http");
    wrenn_client_options plain = options_for(url_of("http", "localhost", server));
    wrenn_client_options tls = tls_options(url_of("https", "localhost", secure));
    setenv("http_proxy", url_of("http", "127.0.0.1", proxy), 1);
    check_both(&plain);
    CHECK_CONTAINS(log_of(proxy), "request POST http://localhost:");
    CHECK_CONTAINS(log_of(proxy), "request CONNECT localhost:");
    proxy->log[proxy->size = 0] = '\0';
    check_both(&tls);
    CHECK_STR(log_of(proxy), "");
    setenv("https_proxy", url_of("http", "127.0.0.1", proxy), 1);
    check_both(&tls);
    CHECK_CONTAINS(log_of(proxy), "request CONNECT localhost:");
    proxy->log[proxy->size = 0] = '\0';
    setenv("NO_PROXY", "example.org,localhost", 1);
    check_both(&plain);
    check_both(&tls);
    unsetenv("NO_PROXY");
    plain.no_proxy = "localhost";
    check_both(&plain);
    plain.no_proxy = NULL;
    CHECK_STR(log_of(proxy), "");
    setenv("NO_PROXY", "example.org", 1);
    check_both(&plain);
    CHECK_CONTAINS(log_of(proxy), "request POST");
    stop_peer(proxy);
    stop_peer(secure);
    stop_peer(server);
}

TEST(unix_sockets_know_no_proxy) {
    peer *proxy = PEER("http", "--refuse");
    options_for("");
    setenv("http_proxy", url_of("http", "127.0.0.1", proxy), 1);
    setenv("ALL_PROXY", url_of("http", "127.0.0.1", proxy), 1);
    setup s = SET_UP({"204 No Content", ""});
    CHECK_INT(wrenn_sandbox_ping(s.sandbox, NULL, NULL), 0);
    tear_down(&s);
    CHECK(!strstr(log_of(proxy), "request"));
    stop_peer(proxy);
}

TEST_MAIN
