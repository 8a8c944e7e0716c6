/* wrenn-gate: a sandbox's way out, or what makes them. wrennd starts it with one end of a socket, and options; see gate/README.md. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "gate/broker.h"
#include "gate/jail.h"
#include "gate/stack.h"

#define CANNOT_FORK "there can be no more processes, or the machine lacks memory"

enum { FLOWS_MAX = 8192, MTU_MIN = 1280, MTU_MAX = 16384, PIDS_MAX = 1 << 22 };

static bool read_number(const char *text, int64_t min, int64_t max, int64_t *out) {
    return text && wrn_parse_int(text, min, max, out);
}

/* The name of the option that is wrong; NULL: none. */
static const char *read_options(int argc, char **argv, gate_options *out) {
    static const struct option names[] = {{"control", 1, NULL, 'c'}, {"state", 1, NULL, 's'}, {"uids", 1, NULL, 'u'},
                                          {"mtu", 1, NULL, 'm'},     {"flows", 1, NULL, 'f'}, {"origin", 1, NULL, 'o'},
                                          {NULL, 0, NULL, 0}};
    opterr = 0;
    for (int c, index = 0; (c = getopt_long(argc, argv, "", names, &index)) != -1;) {
        int64_t number = 0;
        bool ok = true;
        if (c == '?') return argv[optind - 1];
        if (c == 'm') ok = read_number(optarg, MTU_MIN, MTU_MAX, &number);
        else if (c == 'f') ok = read_number(optarg, 1, FLOWS_MAX, &number);
        else if (c == 'u') ok = read_number(optarg, 1, UINT32_MAX - PIDS_MAX - 1, &number);
        else ok = read_number(optarg, 0, INT32_MAX, &number) && fcntl((int)number, F_GETFD) >= 0;
        if (!ok) return names[index].name;
        if (c == 'c') out->control = (int)number;
        if (c == 's') out->state = (int)number;
        if (c == 'm') out->mtu = (size_t)number;
        if (c == 'f') out->flows = (unsigned)number;
        if (c == 'u') out->uid = (uid_t)number;
        if (c == 'o') out->origin = (int)number;
    }
    return out->control < 0 && out->origin < 0 ? "control" : NULL;
}

/* The stack is the child, and does not outlive its broker. */
static void start_stack(const gate_options *options, int ends[2]) {
    pid_t parent = getpid(), child = fork();
    if (child < 0) {
        gate_say_end(options->control, CANNOT_FORK);
        exit(0);
    }
    if (child) return;
    close(ends[0]);
    close(options->control);
    if (options->state >= 0) close(options->state);
    (void)prctl(PR_SET_NAME, "(gate-stack)");
    if (getppid() != parent) _exit(1);
    stack_run(options, ends[1]);
}

/* A gate that did not end as gates end may have been attacked by who learnt where things lie. The next ones lie elsewhere. */
static void on_gate_ended(int number, siginfo_t *about, void *context) {
    (void)number, (void)context;
    if (about->si_status != (about->si_code == CLD_EXITED ? 0 : SIGKILL)) _exit(0);
}

/* For each order, which brings its control socket, its state and its groups, one gate: a copy of this process. Returns there. */
static void make_gates(gate_options *options) {
    struct sigaction ended = {.sa_sigaction = on_gate_ended, .sa_flags = SA_SIGINFO | SA_NOCLDWAIT | SA_NOCLDSTOP};
    char order;
    enum { CONTROL, STATE, GROUPS, FDS = GROUPS + GATE_GROUPS_MAX };
    int fds[FDS];
    (void)prctl(PR_SET_NAME, "(gate-origin)");
    sigaction(SIGCHLD, &ended, NULL);
    while (wrn_fds_receive(options->origin, &order, 1, fds, FDS) > 0) {
        pid_t child = fork();
        if (child < 0) gate_say_end(fds[CONTROL], CANNOT_FORK);
        if (child == 0) {
            signal(SIGCHLD, SIG_DFL);
            setsid();
            close(options->origin);
            options->control = fds[CONTROL];
            options->state = fds[STATE];
            memcpy(options->groups, fds + GROUPS, sizeof(options->groups));
            return;
        }
        wrn_fds_close(fds, FDS);
    }
    _exit(0);
}

int main(int argc, char **argv) {
    gate_options options = {.control = -1, .state = -1, .origin = -1, .groups = {-1}, .mtu = MTU_MAX, .flows = 512};
    const char *wrong = read_options(argc, argv, &options);
    if (wrong) {
        fprintf(stderr, "wrenn-gate: %s is missing or wrong; it is started by wrennd\n", wrong);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    jail_prepare();
    jail_compile(JAIL_STACK);
    jail_compile(JAIL_BROKER);
    if (options.origin >= 0) make_gates(&options);
    if (options.uid) options.uid += (uid_t)getpid(); /* nobody else's, while this process lives */
    (void)prctl(PR_SET_NAME, "(wrenn-gate)"); /* systemd warns about what stays at a restart, but not of such names */
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        perror("wrenn-gate");
        return 2;
    }
    start_stack(&options, ends);
    close(ends[1]);
    broker_run(&options, ends[0]);
}
