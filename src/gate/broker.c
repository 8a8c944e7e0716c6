#include "gate/broker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gate/control.h"
#include "gate/datagrams.h"
#include "gate/flows.h"
#include "gate/jail.h"
#include "gate/resolver.h"
#include "gate/route.h"

enum { EVENTS = 64, BATCH = 64, SWEEP_MS = 15000, LACK_MS = 10 };

/* Before the jail. Nothing that the sandbox did. */
static void fail(const wrn_gate *gate, const char *what) {
    char why[128];
    snprintf(why, sizeof(why), "%s: %s", what, strerror(errno));
    gate_say_end(gate->options->control, why);
    _exit(0);
}

static void stack_said(wrn_gate *gate, const seam_message *message, size_t size) {
    switch (message->kind) {
    case SEAM_READY:
        control_ready(gate);
        if (!gate_watch_fd(gate, gate->options->control, EPOLLIN, WATCH_CONTROL, 0)) _exit(2);
        return;
    case SEAM_OPEN: return flows_open(gate, message);
    case SEAM_CLOSE: return flows_close(gate, message);
    case SEAM_SERVER_NAME: return flows_server_name(gate, message, size);
    case SEAM_DATAGRAM: return datagrams_send(gate, message, size);
    case SEAM_DENIED:
        if (message->denial == WRN_ALLOWED || message->denial >= WRN_DENIALS) flows_end(gate, 3, FLOWS_NONSENSE);
        return ledger_deny(gate->ledger, &message->peer, (wrn_denial)message->denial, "");
    default: flows_end(gate, 3, FLOWS_NONSENSE);
    }
}

static void stack_ready(wrn_gate *gate, uint32_t events) {
    static seam_message message;
    size_t size;
    if (events & EPOLLOUT) seam_flush(&gate->stack);
    for (int i = 0; i < BATCH; i++) {
        int got = seam_receive(gate->stack.fd, &message, &size, NULL);
        if (!got) break;
        if (got < 0) flows_end(gate, 1, "the process that reads frames has ended");
        stack_said(gate, &message, size);
    }
}

static void dispatch(wrn_gate *gate, const struct epoll_event *event) {
    size_t index = event->data.u64 & UINT32_MAX;
    switch ((gate_watch)(event->data.u64 >> 32)) {
    case WATCH_STACK: return stack_ready(gate, event->events);
    case WATCH_CONTROL:
        if (!control_read(gate)) flows_end(gate, 0, NULL);
        return;
    case WATCH_FLOW: return flows_ready(gate, index);
    case WATCH_DATAGRAM: return datagrams_ready(gate, index);
    case WATCH_QUERY: return resolver_query_ready(gate, index, event->events);
    case WATCH_DNS_STREAM: return resolver_stream_ready(gate, index);
    }
}

/* Its events, and once more when something waits to be sent. False: the machine lacks memory for that now. */
static bool watch_stack(const wrn_gate *gate) {
    static bool waits;
    bool wanted = gate->stack.count > 0;
    if (waits == wanted) return true;
    if (!gate_watch_fd(gate, gate->stack.fd, EPOLLIN | (wanted ? EPOLLOUT : 0), WATCH_STACK, 0)) return false;
    waits = wanted;
    return true;
}

static void loop(wrn_gate *gate) {
    int64_t swept = wrn_now_ms();
    for (;;) {
        struct epoll_event events[EVENTS];
        int wait = resolver_tick(gate);
        int64_t until_sweep = swept + SWEEP_MS - wrn_now_ms();
        bool idle = !datagrams_count() && !flows_waiting();
        if (!idle && (wait < 0 || until_sweep < wait)) wait = until_sweep > 0 ? (int)until_sweep : 0;
        if (!watch_stack(gate) && (wait < 0 || wait > LACK_MS)) wait = LACK_MS;
        int count = epoll_wait(gate->epoll, events, EVENTS, wait);
        for (int i = 0; i < count; i++) dispatch(gate, &events[i]);
        if (wrn_now_ms() - swept < SWEEP_MS) continue;
        swept = wrn_now_ms();
        datagrams_judge_again(gate);
        flows_expire(gate);
    }
}

void broker_run(const gate_options *options, int stack) {
    static wrn_gate gate;
    gate = (wrn_gate){.options = options,
                      .epoll = epoll_create1(EPOLL_CLOEXEC),
                      .routes = route_open(),
                      .ledger = ledger_open(options->state),
                      .self = (int)syscall(SYS_pidfd_open, getpid(), 0),
                      .tls = {.fd = -1, .number = 1}};
    if (gate.epoll < 0 || gate.routes < 0 || !gate.ledger) fail(&gate, "cannot begin");
    datagrams_init();
    if (!flows_init(&gate) || !seam_queue_init(&gate.stack, stack, 4 * (size_t)gate_slots(options)))
        fail(&gate, "cannot begin");
    if (!gate_watch_fd(&gate, stack, EPOLLIN, WATCH_STACK, 0)) fail(&gate, "cannot begin");
    gate_join(options);
    jail_enter(options, JAIL_BROKER);
    loop(&gate);
    __builtin_unreachable();
}
