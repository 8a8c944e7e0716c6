/* An agent that has been taken over: whatever it sends, every command ends once and every question is answered once. */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "fuzz.h"
#include "server/backend/ns/internal.h"
#include "server/box/agent_conn.h"
#include "wire/frame.h"

enum { COMMANDS = 2, QUESTIONS = 2 };

typedef struct fake {
    uv_loop_t loop;
    wrn_agent *agent;
    int peer, hears; /* the agent's ends: to write to, to read from */
    int lost, ended, answers, kept;
} fake;

static void on_ready(void *context) { (void)context; }
static void on_lost(void *context, const char *why) {
    FUZZ_CHECK(why && *why);
    ((fake *)context)->lost++;
}
static void on_answer(void *context, const wrn_fault *fault) {
    (void)fault;
    ((fake *)context)->answers++;
}
static void on_start(void *context, int64_t pid) { (void)context, (void)pid; }
static void on_output(void *context, int stream, const void *data, size_t size) {
    (void)context;
    FUZZ_CHECK((stream == 1 || stream == 2) && data && size);
}
static void on_end(void *context, const wrn_proc_result *result) {
    FUZZ_CHECK(result->code >= 0 && result->code <= 255);
    ((fake *)context)->ended++;
}

static void on_from(void *context, uint64_t offset, uint64_t dropped) {
    (void)context;
    FUZZ_CHECK(offset <= INT64_MAX && dropped <= offset);
}

static bool on_kept(void *context, const wrn_detached *kept, wrn_proc_events *events) {
    fake *f = context;
    if (!kept->proc) return false;
    FUZZ_CHECK(*kept->label && strlen(kept->label) < WRN_LABEL_MAX);
    if (kept->pid % 2) return false;
    f->kept++;
    *events = (wrn_proc_events){on_start, on_output, on_end, NULL, NULL, f};
    return true;
}

/* `again`: one that has had a server before. */
static void open_fake(fake *f, bool again) {
    int ours[2], theirs[2];
    memset(f, 0, sizeof(*f));
    FUZZ_CHECK(uv_loop_init(&f->loop) == 0);
    FUZZ_CHECK(channel_pipes(ours, theirs));
    f->hears = theirs[0];
    f->peer = theirs[1];
    f->agent = wrn_agent_open(&f->loop, ours, &(wrn_agent_events){on_ready, on_lost, f, NULL, again ? on_kept : NULL});
    FUZZ_CHECK(f->agent);
    for (int i = 0; i < COMMANDS; i++) {
        wrn_fault fault = {0};
        wrn_proc_events events = {on_start, on_output, on_end, NULL, NULL, f};
        FUZZ_CHECK(wrn_agent_exec(f->agent, &(wrn_proc_spec){.cmd = "true", .want_stdin = i}, &events, &fault));
    }
    wrn_fault fault = {0};
    wrn_proc_events events = {NULL, on_output, on_end, NULL, on_from, f};
    FUZZ_CHECK(wrn_agent_read_log(f->agent, &(wrn_log_request){.command = 1}, &events, &fault));
    wrn_agent_ping(f->agent, on_answer, f);
    wrn_agent_freeze(f->agent, true, on_answer, f);
}

static void say(fake *f, const uint8_t *data, size_t size, uint32_t seed) {
    for (size_t at = 0; at < size && !f->lost;) {
        size_t piece = fuzz_piece(&seed, size - at);
        ssize_t sent = write(f->peer, data + at, piece);
        if (sent > 0) at += (size_t)sent;
        else if (errno != EAGAIN) break;
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fake f;
    if (!size) return 0;
    signal(SIGPIPE, SIG_IGN);
    open_fake(&f, *data & 0x80);
    say(&f, data + 1, size - 1, *data);
    close(f.peer);
    close(f.hears);
    for (int i = 0; i < 1000 && !f.lost; i++) uv_run(&f.loop, UV_RUN_ONCE);
    FUZZ_CHECK(f.lost == 1);
    wrn_agent_close(f.agent);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    FUZZ_CHECK(f.ended == COMMANDS + 1 + f.kept && f.answers == QUESTIONS);
    FUZZ_CHECK(uv_loop_close(&f.loop) == 0);
    return 0;
}
