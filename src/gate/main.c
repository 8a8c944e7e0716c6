/* wrenn-gate: a sandbox's way out. wrennd starts it with one end of a control socket, and options; see gate/README.md. */
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
#include "gate/stack.h"

enum { FLOWS_MAX = 8192, MTU_MIN = 1280, MTU_MAX = 16384, PIDS_MAX = 1 << 22 };

static bool read_number(const char *text, int64_t min, int64_t max, int64_t *out) {
    return text && wrn_parse_int(text, min, max, out);
}

/* The name of the option that is wrong; NULL: none. */
static const char *read_options(int argc, char **argv, gate_options *out) {
    static const struct option names[] = {{"control", 1, NULL, 'c'}, {"state", 1, NULL, 's'}, {"uids", 1, NULL, 'u'},
                                          {"mtu", 1, NULL, 'm'},     {"flows", 1, NULL, 'f'}, {NULL, 0, NULL, 0}};
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
        if (c == 'u') out->uid = (uid_t)number + (uid_t)getpid(); /* nobody else's, while this process lives */
    }
    return out->control < 0 ? "control" : NULL;
}

/* The stack is the child, and does not outlive its broker. */
static void start_stack(const gate_options *options, int ends[2]) {
    pid_t parent = getpid(), child = fork();
    if (child < 0) {
        perror("wrenn-gate: fork");
        exit(2);
    }
    if (child) return;
    close(ends[0]);
    close(options->control);
    if (options->state >= 0) close(options->state);
    (void)prctl(PR_SET_NAME, "(gate-stack)");
    if (getppid() != parent) _exit(1);
    stack_run(options, ends[1]);
}

int main(int argc, char **argv) {
    gate_options options = {.control = -1, .state = -1, .mtu = MTU_MAX, .flows = 512};
    const char *wrong = read_options(argc, argv, &options);
    if (wrong) {
        fprintf(stderr, "wrenn-gate: %s is missing or wrong; it is started by wrennd\n", wrong);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
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
