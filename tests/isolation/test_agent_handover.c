/* The agent from one server to the next. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

TEST(what_has_a_label_outlives_the_server_and_the_rest_ends) {
    start_lasting_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_labelled(&out, 7, "the label", "trap 'echo later; exit 3' USR1; echo up; while :; do sleep 0.01; done");
    put_exec(&out, 8, "echo up; exec tail -f /dev/null");
    send_all(&out);
    for (int seen = 0; seen < 2;) seen += next_frame()->type == WRN_FRAME_STDOUT;
    hang_up();
    hand_over();
    check_back(1);
    const wrn_frame *frame = next_frame();
    CHECK_INT(frame->type, WRN_FRAME_DETACHED);
    CHECK_INT(frame->stream, 7);
    CHECK_MEM(frame->data + WRN_DETACHED_HEAD, frame->size - WRN_DETACHED_HEAD, "the label", 9);
    CHECK(wrn_get_u32(frame->data) > 1);
    CHECK_INT(wrn_get_u32(frame->data + 4), 0);
    CHECK_INT(wrn_get_u32(frame->data + 8), 0);
    uint8_t number[4];
    wrn_put_u32(number, SIGUSR1);
    put(&out, 7, WRN_FRAME_SIGNAL, number, sizeof(number));
    send_all(&out);
    const result *r = finish_started(7);
    CHECK_CONTAINS(r->out, "later\n");
    CHECK_INT(r->kind, WRN_EXIT_CODE);
    CHECK_INT(r->value, 3);
    CHECK_STR(sh("until ! pgrep -x tail >/dev/null; do :; done; echo gone"), "gone\n");
}

TEST(what_a_command_left_behind_outlives_the_server) {
    share_dir();
    start_lasting_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_exec(&out, 8, "me=$$; (while kill -0 $me 2>/dev/null; do :; done; exec yes left) & echo $! >$D/left");
    send_all(&out);
    for (uint8_t type = 0; type != WRN_FRAME_STDOUT && type != WRN_FRAME_EXIT;) type = next_frame()->type;
    hang_up();
    hand_over();
    check_back(0);
    CHECK_STR(sh("kill -9 $(cat $D/left) && echo alive"), "alive\n");
}

TEST(a_new_server_takes_over_from_one_that_hangs) {
    start_lasting_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_labelled(&out, 1, "noisy", "exec yes");
    send_all(&out);
    while (next_frame()->type != WRN_FRAME_STDOUT) {
    }
    int before[] = {agent.channel, agent.tells};
    for (int i = 0; i < 3; i++) {
        hand_over();
        check_back(1);
        CHECK_INT(next_frame()->type, WRN_FRAME_DETACHED);
        while (next_frame()->type != WRN_FRAME_STDOUT) {
        }
        CHECK_STR(sh("echo alive"), "alive\n");
    }
    close(before[0]), close(before[1]);
}

/* From outside: as long as there is no server nobody in there can be asked. */
static void let_go(void) {
    char path[300], answer[8] = "";
    snprintf(path, sizeof(path), "%s/go", test_dir());
    int go = open(path, O_WRONLY | O_CLOEXEC);
    CHECK_INT(write(go, "\n", 1), 1);
    close(go);
    snprintf(path, sizeof(path), "%s/said", test_dir());
    for (ssize_t got = 0; !got;) { /* the one before may not have closed its end */
        int said = open(path, O_RDONLY | O_CLOEXEC);
        got = read(said, answer, sizeof(answer) - 1);
        CHECK(got >= 0);
        close(said);
    }
    CHECK_STR(answer, "0\n");
}

TEST(without_a_server_everybody_can_write) {
    share_dir();
    start_lasting_agent();
    CHECK_STR(sh(LEFTOVER "echo started"), "started\n");
    hang_up();
    let_go();
    hand_over();
    check_back(0);
    /* What goes on keeps its output for the next server, and its end. */
    wrn_buf out = WRN_BUF_INIT;
    put_labelled(&out, 7, "label",
                 "echo up; read line <$D/go; yes | head -c 500000; echo last; echo 0 >$D/said; exit 3");
    send_all(&out);
    while (next_frame()->type != WRN_FRAME_STDOUT) {
    }
    hang_up();
    let_go();
    hand_over();
    check_back(1);
    CHECK_INT(next_frame()->type, WRN_FRAME_DETACHED);
    const result *r = finish_started(7);
    CHECK_INT(r->value, 3);
    CHECK(!r->cut);
    log_text kept = read_log(7, 0, 0);
    CHECK_INT(kept.from, 0);
    CHECK_INT(kept.size, 3 + 500000 + 5);
    CHECK_MEM(kept.text + kept.size - 9, 9, "y\ny\nlast\n", 9);
    CHECK_INT(kept.kind, WRN_EXIT_CODE);
    CHECK_INT(kept.value, 3);
    free(kept.text);
}

TEST(a_terminal_keeps_its_modes_for_the_next_server) {
    start_lasting_agent();
    static const char line[] =
        "stty -echo; printf '\\033[?1049h\\033[?25l'; yes x | head -n 200000 | tr -d '\\n'; echo ready; "
        "exec sleep 1000";
    uint8_t head[WRN_EXEC_HEAD] = {0};
    wrn_buf payload = WRN_BUF_INIT, out = WRN_BUF_INIT;
    wrn_put_u32(head, 3);
    wrn_put_u32(head + 8, WRN_EXEC_PTY);
    wrn_put_u32(head + 12, 80);
    wrn_put_u32(head + 16, 24);
    wrn_buf_put(&payload, head, sizeof(head));
    wrn_buf_put(&payload, "/\0label\0\0sh\0-c", 15);
    wrn_buf_put(&payload, line, sizeof(line));
    put(&out, 7, WRN_FRAME_EXEC, payload.data, payload.size);
    wrn_buf_free(&payload);
    send_all(&out);
    for (bool ready = false; !ready;) {
        const wrn_frame *frame = next_frame();
        ready = frame->type == WRN_FRAME_STDOUT && memmem(frame->data, frame->size, "ready", 5);
    }
    for (int i = 0; i < 2; i++) {
        hang_up();
        hand_over();
        check_back(1);
        const wrn_frame *frame = next_frame();
        CHECK_INT(frame->type, WRN_FRAME_DETACHED);
        CHECK_INT(wrn_get_u32(frame->data + 4), WRN_DETACHED_TERMINAL);
        frame = next_frame();
        CHECK_INT(frame->type, WRN_FRAME_STDOUT);
        CHECK_MEM(frame->data, 15, "\033[?1049h\033[?25lx", 15);
        while (!memmem(frame->data, frame->size, "ready", 5)) frame = next_frame();
    }
}

TEST(half_a_command_from_the_old_server_is_forgotten) {
    start_lasting_agent();
    wrn_buf out = WRN_BUF_INIT;
    put(&out, 1, WRN_FRAME_EXEC, "half of it", 10);
    out.data[9] = WRN_FRAME_MORE;
    wrn_buf_put(&out, "\x20\0\0\0\1", 5);
    send_all(&out);
    hand_over();
    check_back(0);
    CHECK_STR(sh("echo alive"), "alive\n");
}

TEST(commands_do_not_inherit_the_handover) {
    start_lasting_agent();
    CHECK_STR(sh("for i in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$i ] && echo $i; done; true"), "");
}

TEST(without_channel_and_handover_the_agent_ends) {
    start_lasting_agent();
    close(agent.handover);
    CHECK_STR(sh("echo alive"), "alive\n");
    hang_up();
    CHECK(WIFEXITED(agent_status()));
    start_lasting_agent();
    hang_up();
    close(agent.handover);
    CHECK(WIFEXITED(agent_status()));
}

TEST_MAIN
