/* A QEMU that is in a guest's hands: whatever its monitor says, each command ends once. The first byte of an input says which command,
 * and how what follows is cut. */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "server/backend/vm/internal.h"

enum { COMMANDS = 3, TURNS = 10000 };

static void on_done(void *context, const wrn_fault *fault) {
    if (fault) FUZZ_CHECK(*fault->message && strlen(fault->message) < sizeof(fault->message));
    ++*(int *)context;
}

static void begin(uv_loop_t *loop, monitor *m, int command, int *ended) {
    if (command % COMMANDS == 0) monitor_run(loop, m, "stop", on_done, ended);
    else if (command % COMMANDS == 1) monitor_save(loop, m, 0, true, on_done, ended);
    else monitor_load(loop, m, 0, false, on_done, ended);
}

/* What it is told goes nowhere. */
static void drain(int fd) {
    char chunk[4096];
    while (recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT) > 0) {
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uv_loop_t loop;
    int ends[2], ended = 0;
    if (!size) return 0;
    uint32_t seed = *data / COMMANDS;
    signal(SIGPIPE, SIG_IGN);
    FUZZ_CHECK(uv_loop_init(&loop) == 0);
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    FUZZ_CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    monitor *m = monitor_open(&loop, ends[0]);
    begin(&loop, m, *data, &ended);
    begin(&loop, m, *data + 1, &ended); /* one too many: refused, if the first has not ended */
    for (size_t at = 1; at < size;) {
        size_t piece = fuzz_piece(&seed, size - at);
        ssize_t sent = write(ends[1], data + at, piece);
        if (sent <= 0) break; /* nobody reads any more */
        at += (size_t)sent;
        uv_run(&loop, UV_RUN_NOWAIT);
        drain(ends[1]);
    }
    close(ends[1]);
    for (int i = 0; i < TURNS && ended < 2; i++) uv_run(&loop, UV_RUN_NOWAIT);
    FUZZ_CHECK(ended == 2);
    monitor_close(m);
    uv_run(&loop, UV_RUN_DEFAULT);
    FUZZ_CHECK(uv_loop_close(&loop) == 0);
    return 0;
}
