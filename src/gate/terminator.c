#include "gate/terminator.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <slirp/libslirp.h>
#include <stdlib.h>

#include "base/clock.h"

static struct {
    const terminator_hooks *hooks;
    Slirp *slirp;
    struct pollfd **polls;
    size_t *count, *capacity;
    bool no_memory;
} t;

/* What GLib says, libslirp's warnings among it, holds text of guests, and its own way to say it makes forbidden system calls. It is
 * there because libslirp needs it; nothing else here does. */
static void say_nothing(const char *domain, int level, const char *text, void *context) {}

static void silence_glib(void) {
    typedef void (*log_fn)(const char *, int, const char *, void *);
    void *(*set)(log_fn, void *) = (void *(*)(log_fn, void *))dlsym(RTLD_DEFAULT, "g_log_set_default_handler");
    if (set) (void)set(say_nothing, NULL);
}

static ssize_t on_packet(const void *frame, size_t size, void *context) {
    t.hooks->to_sandbox(frame, size);
    return (ssize_t)size;
}
static void on_error(const char *text, void *context) {}
static int64_t on_clock(void *context) { return wrn_now_us() * 1000; }

/* Its only timer is for telling of routers, which nobody here needs. For that it reads a file, which the jail forbids. */
static void *on_timer_new(SlirpTimerCb call, void *call_context, void *context) { return &t; }
static void on_timer_free(void *which, void *context) {}
static void on_timer_set(void *which, int64_t at, void *context) {}
static void on_descriptor(int fd, void *context) {}
static void on_notify(void *context) {}

bool terminator_init(const terminator_hooks *hooks, size_t mtu) {
    static const SlirpCb calls = {.send_packet = on_packet,
                                  .guest_error = on_error,
                                  .clock_get_ns = on_clock,
                                  .timer_new = on_timer_new,
                                  .timer_free = on_timer_free,
                                  .timer_mod = on_timer_set,
                                  .register_poll_fd = on_descriptor,
                                  .unregister_poll_fd = on_descriptor,
                                  .notify = on_notify};
    SlirpConfig config = {
        .version = 4,
        .in_enabled = true,
        .in6_enabled = true,
        .vprefix_len = 64,
        .if_mtu = mtu,
        .if_mru = mtu,
        /* Where it connects to is ours to say, and the broker's. With this the gate's own address, which
                             answers questions about names over TCP too, would be none. */
        .disable_host_loopback = false,
        .disable_dns = true,
        .disable_dhcp = true};
    inet_pton(AF_INET, "192.0.0.0", &config.vnetwork);
    inet_pton(AF_INET, "255.255.255.248", &config.vnetmask);
    inet_pton(AF_INET, "192.0.0.1", &config.vhost);
    inet_pton(AF_INET, "192.0.0.3", &config.vnameserver);
    inet_pton(AF_INET, "192.0.0.4", &config.vdhcp_start);
    inet_pton(AF_INET6, "fd77:7265:6e6e::", &config.vprefix_addr6);
    inet_pton(AF_INET6, "fd77:7265:6e6e::1", &config.vhost6);
    inet_pton(AF_INET6, "fd77:7265:6e6e::3", &config.vnameserver6);
    silence_glib();
    t.hooks = hooks;
    t.slirp = slirp_new(&config, &calls, NULL);
    return t.slirp != NULL;
}

void terminator_input(const uint8_t *frame, size_t size) { slirp_input(t.slirp, frame, (int)size); }

static int on_add(int fd, int events, void *context) {
    if (*t.count == *t.capacity) {
        struct pollfd *grown = realloc(*t.polls, sizeof(**t.polls) * *t.capacity * 2);
        if (!grown) {
            t.no_memory = true;
            return -1;
        }
        *t.polls = grown;
        *t.capacity *= 2;
    }
    short wanted = (short)((events & SLIRP_POLL_IN ? POLLIN : 0) | (events & SLIRP_POLL_OUT ? POLLOUT : 0) |
                           (events & SLIRP_POLL_PRI ? POLLPRI : 0));
    (*t.polls)[*t.count] = (struct pollfd){.fd = fd, .events = t.hooks->wanted(fd, wanted)};
    return (int)(*t.count)++;
}

bool terminator_fill(struct pollfd **polls, size_t *count, size_t *capacity, int *timeout) {
    uint32_t wait = UINT32_MAX;
    t.polls = polls;
    t.count = count;
    t.capacity = capacity;
    slirp_pollfds_fill(t.slirp, &wait, on_add, NULL);
    if (wait != UINT32_MAX && (*timeout < 0 || wait < (uint32_t)*timeout)) *timeout = (int)wait;
    return !t.no_memory;
}

static int on_get(int index, void *context) {
    const struct pollfd *polled = *(struct pollfd **)context + index;
    if (index < 0) return 0;
    short got = t.hooks->got(polled->fd, polled->revents);
    return (got & POLLIN ? SLIRP_POLL_IN : 0) | (got & POLLOUT ? SLIRP_POLL_OUT : 0) |
           (got & POLLPRI ? SLIRP_POLL_PRI : 0) | (got & POLLERR ? SLIRP_POLL_ERR : 0) |
           (got & POLLHUP ? SLIRP_POLL_HUP : 0);
}

void terminator_poll(struct pollfd *polls, bool failed) { slirp_pollfds_poll(t.slirp, failed, on_get, &polls); }
