/* The agent over a bare channel: where that shows best what once went wrong. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "base/clock.h"

TEST(a_channel_that_hangs_up_ends_the_agent_at_once) {
    start_agent();
    hang_up();
    int status = agent_status();
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(a_channel_that_hangs_up_ends_a_busy_agent) {
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_exec(&out, 1, "yes");
    put_exec(&out, 2, "sleep 1000");
    send_all(&out);
    while (next_frame()->type != WRN_FRAME_STDOUT) {
    }
    hang_up();
    CHECK(WIFEXITED(agent_status()));
}

TEST(half_a_frame_and_then_nothing_ends_the_agent) {
    start_agent();
    CHECK_INT(write(agent.tells, "\x10\0\0\0\1", 5), 5);
    hang_up();
    CHECK(WIFEXITED(agent_status()));
}

TEST(what_is_no_frame_ends_the_agent) {
    start_agent();
    CHECK_INT(write(agent.tells, "GET / HTTP/1.1\r\n", 16), 16);
    CHECK(WIFEXITED(agent_status()));
}

TEST(commands_do_not_inherit_the_channel) {
    start_agent();
    CHECK_STR(sh("for i in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$i ] && echo $i; done; true"), "");
}

TEST(exit_follows_the_process_and_not_the_pipe) {
    start_agent();
    CHECK_STR(sh("sleep 1000 & echo started"), "started\n");
    CHECK_STR(sh("(exec sleep 1000) 2>/dev/null & echo $(echo again)"), "again\n");
}

TEST(what_is_in_the_pipe_still_comes) {
    start_agent();
    CHECK_INT(strlen(sh("sleep 1000 & head -c 60000 /dev/zero | tr '\\0' x")), 60000);
}

/* ---- what outlives its command ---- */

TEST(what_outlives_its_command_can_write) {
    share_dir();
    start_agent();
    for (int i = 0; i < 3; i++) {
        CHECK_STR(sh(LEFTOVER "echo started"), "started\n");
        CHECK_STR(sh("echo >$D/go; cat $D/said"), "0\n");
    }
}

TEST(what_outlives_a_killed_command_can_write) {
    share_dir();
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_exec(&out, 1, LEFTOVER "echo up; kill -9 $$");
    send_all(&out);
    CHECK_INT(finish(1)->kind, WRN_EXIT_SIGNAL);
    CHECK_STR(sh("echo >$D/go; cat $D/said"), "0\n");
}

/* The helper writes its next word as soon as the one before is here, so that none is late on a slow machine; and goes on for
 * longer than the agent waits for the first. */
TEST(output_that_still_flows_is_waited_for) {
    enum { LONG_MS = 600 };
    char path[300];
    share_dir();
    start_agent();
    snprintf(path, sizeof(path), "%s/go", test_dir());
    int go = open(path, O_RDWR | O_CLOEXEC);
    CHECK(go >= 0);
    wrn_buf out = WRN_BUF_INIT;
    put_exec(&out, 1, "while read w && [ $w != end ]; do echo $w; done <$D/go & echo main; exit 3");
    send_all(&out);
    for (int64_t end = 0; !end || wrn_now_ms() < end;) {
        const wrn_frame *frame = next_frame();
        if (frame->type == WRN_FRAME_STARTED) continue;
        CHECK_MEM(frame->data, frame->size, end ? "word\n" : "main\n", 5);
        grant(1, frame);
        if (!end) end = wrn_now_ms() + LONG_MS;
        CHECK_INT(write(go, "word\n", 5), 5);
    }
    CHECK_INT(write(go, "end\n", 4), 4);
    const result *r = finish_started(1);
    CHECK_STR(r->out, "word\n");
    CHECK(r->value == 3 && !r->cut);
    put_exec(&out, 2, "echo all");
    send_all(&out);
    CHECK(!finish(2)->cut);
    close(go);
}

TEST(output_that_is_not_waited_for_is_marked) {
    start_agent();
    static const char *const lines[] = {"sleep 1000 & echo x", "(while :; do echo x; sleep 0.01; done) & echo x",
                                        "(exec sleep 1000) >&2 & exec >&-; echo x >&2"};
    for (uint32_t i = 0; i < 3; i++) {
        wrn_buf out = WRN_BUF_INIT;
        put_exec(&out, i + 1, lines[i]);
        send_all(&out);
        const result *r = finish(i + 1);
        CHECK_MSG(r->value == 0 && r->cut && r->out[0] == 'x', "%s", lines[i]);
    }
}

TEST(signals_of_commands_are_as_new) {
    start_agent();
    /* SIGRTMIN's two below 34 belong to the C library; they can't be reset. The shell sets none before it starts. */
    CHECK_STR(sh("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2 | tr '\\n' ' '"),
              "0000000000000000 0000000000000000 ");
    CHECK_STR(sh("yes | head -n1; echo ok"), "y\nok\n");
}

TEST(commands_have_a_session_of_their_own) {
    start_agent();
    CHECK_STR(sh("set -- $(cat /proc/$$/stat); [ $5 = $$ ] && [ $6 = $$ ] && echo leader"), "leader\n");
}

/* Both run as the same user as the commands: only this keeps them apart. */
TEST(agent_and_keeper_are_not_dumpable) {
    start_agent();
    CHECK_STR(sh("sleep 100 & cat /proc/$!/environ >/dev/null && echo can"), "can\n");
    CHECK_CONTAINS(sh("cat /proc/1/environ 2>&1; true"), "ermission denied");
    CHECK_CONTAINS(sh("ls /proc/1/fd 2>&1; true"), "ermission denied");
    CHECK_CONTAINS(sh("cat /proc/$PPID/environ 2>&1; true"), "ermission denied");
}

/* The keeper needs a moment to start the command: what comes before must not be lost. */
TEST(a_signal_right_after_the_start_arrives) {
    start_agent();
    for (uint32_t stream = 1; stream <= 50; stream++) {
        wrn_buf out = WRN_BUF_INIT;
        uint8_t number[4];
        put_exec(&out, stream, "exec sleep 1000");
        wrn_put_u32(number, SIGKILL);
        put(&out, stream, WRN_FRAME_SIGNAL, number, sizeof(number));
        send_all(&out);
        const result *r = finish(stream);
        CHECK_INT(r->kind, WRN_EXIT_SIGNAL);
        CHECK_INT(r->value, SIGKILL);
    }
}

TEST(requests_that_do_not_add_up_fail_alone) {
    start_agent();
    static const struct {
        uint32_t argc, envc;
        const char *text;
        size_t size;
    } cases[] = {{0, 0, "/\0\0\0sh\0", 8},
                 {1, 0, "", 0},
                 {1, 0, "/\0\0\0sh", 6},
                 {5, 0, "/\0\0\0sh\0", 8},
                 {1, 9, "/\0\0\0sh\0", 8},
                 {UINT32_MAX, 1, "/\0\0\0sh\0", 8},
                 {1, UINT32_MAX, "/\0\0\0sh\0", 8},
                 {1, 0, "/\0\0", 3},
                 {1, 0, "/\0\0\0s\0h", 6}};
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        wrn_buf payload = WRN_BUF_INIT, out = WRN_BUF_INIT;
        uint8_t head[WRN_EXEC_HEAD] = {0};
        wrn_put_u32(head, cases[i].argc);
        wrn_put_u32(head + 4, cases[i].envc);
        wrn_buf_put(&payload, head, sizeof(head));
        wrn_buf_put(&payload, cases[i].text, cases[i].size);
        put(&out, i + 1, WRN_FRAME_EXEC, payload.data, payload.size);
        wrn_buf_free(&payload);
        send_all(&out);
        const result *r = finish(i + 1);
        if (i < 8) CHECK_MSG(r->kind == WRN_EXIT_FAILED, "case %u: %u", i, r->kind);
    }
    CHECK_STR(sh("echo alive"), "alive\n");
}

TEST(frames_for_commands_that_are_not_there_do_nothing) {
    start_agent();
    static const uint8_t types[] = {WRN_FRAME_STDIN, WRN_FRAME_STDIN_EOF, WRN_FRAME_SIGNAL, WRN_FRAME_WINDOW};
    wrn_buf out = WRN_BUF_INIT;
    for (size_t i = 0; i < sizeof(types); i++)
        for (size_t size = 0; size <= 8; size++) put(&out, 99, types[i], "\t\0\0\0\t\0\0\0", size);
    send_all(&out);
    CHECK_STR(sh("echo alive"), "alive\n");
}

TEST(a_ping_comes_back_as_it_was) {
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put(&out, 0, WRN_FRAME_PING, "0123456789", 10);
    send_all(&out);
    const wrn_frame *frame = next_frame();
    CHECK_INT(frame->type, WRN_FRAME_PONG);
    CHECK_MEM(frame->data, frame->size, "0123456789", 10);
}

TEST_MAIN
