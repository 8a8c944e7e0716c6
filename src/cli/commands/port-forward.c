/* port-forward: a port of this machine that leads to one of a sandbox. Each connection is a program in the sandbox that
 * relays between its stdin and stdout and the port, so it works with every server that can run programs. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

enum { CONNECTIONS_MAX = 64, CHUNK = 65536 };

typedef struct forward_values {
    const char *address;
    int64_t wait_seconds;
} forward_values;

static const cli_option options[] = {
    {"address", 0, CLI_TEXT, offsetof(forward_values, address), "IP", "listen there; default: 127.0.0.1", NULL, 0, 0,
     CLI_WORD_ANY},
    CLI_WAIT_OPTION(offsetof(forward_values, wait_seconds)),
    {0},
};

/* One connection: a socket here and a program there. */
typedef struct relay {
    int socket; /* -1: free */
    wrenn_stream *stream;
    wrenn_op *opening;
    wrn_buf in, out;                      /* towards the sandbox; towards the socket */
    bool in_open, close_wanted, out_open; /* the directions */
} relay;

typedef struct forward {
    cli_app *cli;
    wrenn_sandbox *sandbox;
    const char *port;
    relay relays[CONNECTIONS_MAX];
} forward;

/* Python where it is there, else bash; both end when the connection does. */
static const char line[] =
    "if command -v python3 >/dev/null; then exec python3 -c '\n"
    "import os,select,socket,sys\n"
    "try: s=socket.create_connection((\"127.0.0.1\",int(sys.argv[1])))\n"
    "except OSError as e: sys.exit(\"port \"+sys.argv[1]+\" of the sandbox: \"+e.strerror)\n"
    "r=[0,s.fileno()]\n"
    "while s.fileno() in r:\n"
    "    for f in select.select(r,[],[])[0]:\n"
    "        d=os.read(f,65536)\n"
    "        if f==0:\n"
    "            if d: s.sendall(d)\n"
    "            else: r.remove(0); s.shutdown(socket.SHUT_WR)\n"
    "        elif d:\n"
    "            while d: d=d[os.write(1,d):]\n"
    "        else: r.remove(f)\n"
    "' \"$0\"; else exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/$0 || exit 1; cat <&3 & cat >&3; wait' \"$0\"; fi";

static void end_relay(relay *r) {
    if (r->socket >= 0) close(r->socket);
    if (r->opening) wrenn_op_cancel(r->opening), wrenn_op_free(r->opening);
    wrenn_stream_free(r->stream);
    wrn_buf_free(&r->in);
    wrn_buf_free(&r->out);
    *r = (relay){.socket = -1};
}

/* NULL: all places are taken. */
static relay *free_place(forward *f) {
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (f->relays[i].socket < 0) return &f->relays[i];
    return NULL;
}

static void begin_relay(forward *f, relay *r, int socket) {
    const char *const argv[] = {"sh", "-c", line, f->port, NULL};
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_error *error = NULL;
    *r = (relay){.socket = socket, .in_open = true, .out_open = true};
    command.argv = argv;
    command.want_stdin = 1;
    if (wrenn_sandbox_exec_stream_start(f->sandbox, &command, NULL, cli_done, NULL, &r->opening, &error) >= 0) return;
    cli_report(NULL, error);
    end_relay(r);
}

/* False: it has ended. */
static bool open_stream(relay *r) {
    wrenn_error *error = NULL;
    if (!r->opening) return true;
    if (!wrenn_op_is_done(r->opening)) return true;
    int rc = wrenn_sandbox_exec_stream_finish(r->opening, &r->stream, &error);
    wrenn_op_free(WRN_TAKE(r->opening));
    if (rc < 0) cli_report(NULL, error);
    return rc >= 0;
}

/* Who is connected here has to see that something is missing, so there is no proper end. */
static bool break_off(const relay *r, wrenn_error *error) {
    const struct linger none = {.l_onoff = 1};
    setsockopt(r->socket, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    cli_report("a connection is cut", error);
    return false;
}

static bool forward_pull(relay *r) {
    const wrenn_event *event = NULL;
    wrenn_error *error = NULL;
    while (r->stream && r->out_open && r->out.size < CHUNK) {
        int rc = wrenn_stream_next(r->stream, 0, &event, &error);
        if (rc == WRENN_E_AGAIN) return wrenn_error_free(error), true;
        if (rc < 0) return r->out_open = false, break_off(r, error);
        if (rc == 0 || event->type == WRENN_EVENT_EXIT) {
            r->out_open = false;
            return r->out.size > 0;
        }
        if (event->type == WRENN_EVENT_STDOUT) wrn_buf_put(&r->out, event->data, event->size);
        if (event->type == WRENN_EVENT_STDERR) cli_complain("%.*s", (int)strcspn(event->data, "\n"), event->data);
    }
    return !r->out.failed;
}

static bool forward_push(relay *r) {
    if (r->stream && r->in.size) {
        int64_t took = wrenn_stream_write(r->stream, r->in.data, r->in.size, 0, NULL);
        if (took > 0) wrn_buf_consume(&r->in, (size_t)took);
        if (took < 0 && took != WRENN_E_AGAIN) return false;
    }
    if (r->stream && r->close_wanted && !r->in.size && wrenn_stream_close_input(r->stream, NULL) != WRENN_E_AGAIN)
        r->close_wanted = false;
    return true;
}

static bool turn_relay(relay *r, short events) {
    if (events & (POLLIN | POLLHUP | POLLERR) && r->in_open && !r->in.size) {
        char *into = wrn_buf_reserve(&r->in, CHUNK);
        ssize_t got = into ? recv(r->socket, into, CHUNK, MSG_DONTWAIT) : -1;
        if (got > 0) r->in.size += (size_t)got;
        else if (got == 0) r->in_open = false, r->close_wanted = true;
        else if (errno != EAGAIN && errno != EINTR) return false;
    }
    if (!open_stream(r) || !forward_push(r)) return false;
    /* Until one of both ends has no more: nobody wakes us for what the stream has in its queue. */
    while (forward_pull(r) && r->out.size) {
        ssize_t sent = send(r->socket, r->out.data, r->out.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN || errno == EINTR;
        wrn_buf_consume(&r->out, (size_t)sent);
    }
    return r->out_open && !r->out.failed;
}

static void forward_turn(forward *f, int listener) {
    struct pollfd fds[CONNECTIONS_MAX + 3] = {
        {.fd = f->cli->signals, .events = POLLIN},
        {.fd = wrenn_client_fd(f->cli->client), .events = POLLIN},
        {.fd = free_place(f) ? listener : -1, .events = POLLIN}, /* who is too many waits to be accepted */
    };
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        const relay *r = &f->relays[i];
        short events = (short)((r->in_open && !r->in.size ? POLLIN : 0) | (r->out.size ? POLLOUT : 0));
        fds[i + 3] = (struct pollfd){.fd = events ? r->socket : -1, .events = events};
    }
    if (poll(fds, WRN_COUNT(fds), -1) < 0) return;
    if (fds[0].revents && cli_take_signal(f->cli)) return;
    if (fds[1].revents) wrenn_client_dispatch(f->cli->client, 0, NULL);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (f->relays[i].socket >= 0 && !turn_relay(&f->relays[i], fds[i + 3].revents)) end_relay(&f->relays[i]);
    int socket = fds[2].revents ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (socket >= 0) begin_relay(f, free_place(f), socket);
}

/* -1: reported. */
static int listen_at(const char *address, int64_t port) {
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t size = sizeof(where);
    int on = 1;
    inet_pton(AF_INET, address, &where.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(fd, (struct sockaddr *)&where, sizeof(where)) == 0 && listen(fd, 64) == 0 &&
        getsockname(fd, (struct sockaddr *)&where, &size) == 0) {
        printf("http://%s:%d\n", address, ntohs(where.sin_port));
        cli_flush();
        return fd;
    }
    cli_complain("can't listen on %s:%lld: %s", address, (long long)port, strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
}

static int forward_serve(cli_app *cli, wrenn_sandbox *sandbox, const char *remote, int listener) {
    forward *f = calloc(1, sizeof(*f));
    if (!f) return cli_complain("out of memory"), CLI_FAILED;
    *f = (forward){.cli = cli, .sandbox = sandbox, .port = remote};
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) f->relays[i].socket = -1;
    while (!cli->signal) forward_turn(f, listener);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) end_relay(&f->relays[i]);
    free(f);
    return 0;
}

static int port_forward_run(cli_app *cli, void *given) {
    forward_values *values = given;
    const char *address = values->address ? values->address : "127.0.0.1";
    struct in_addr parsed;
    const char *ports = cli->words[1], *colon = strchr(ports, ':'), *remote = colon ? colon + 1 : ports;
    char local[16];
    int64_t local_port, remote_port;
    snprintf(local, sizeof(local), "%.*s", colon ? (int)(colon - ports) : 15, ports);
    if (!wrn_parse_int(colon && colon == ports ? "0" : local, 0, 65535, &local_port) ||
        !wrn_parse_int(remote, 1, 65535, &remote_port))
        return cli_usage(cli, "'%s' is not LOCAL:REMOTE", ports);
    if (inet_pton(AF_INET, address, &parsed) != 1)
        return cli_usage(cli, "--address '%s' is not an IPv4 address", address);
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    bool ready = sandbox && cli_wait_port(cli, sandbox, remote_port, values->wait_seconds);
    int listener = ready ? listen_at(address, local_port) : -1;
    int code = listener >= 0 ? forward_serve(cli, sandbox, remote, listener) : CLI_FAILED;
    if (listener >= 0) close(listener);
    wrenn_sandbox_free(sandbox);
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, 0}, {"LOCAL:REMOTE", CLI_WORD_ANY, 0}, {0}};
static const cli_example examples[] = {{"port 8080 here is port 80 there", "port-forward work 8080:80"},
                                       {"the same number", "port-forward work 8080"},
                                       {"any free port here", "port-forward work :5432"},
                                       {0}};

const cli_command cli_command_port_forward = {
    .name = "port-forward",
    .group = CLI_GROUP_NETWORK,
    .summary = "forward a port of this machine to one of a sandbox, until Ctrl-C",
    .details = "Prints where it listens. Any protocol over TCP will do. The sandbox needs python3 or bash for it.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(forward_values),
    .run = port_forward_run,
};
