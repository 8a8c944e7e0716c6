/* What the agent keeps of the output of detached commands. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

static void check_log(uint32_t command, uint32_t flags, uint64_t from, uint64_t at, uint64_t dropped,
                      const char *want) {
    log_text kept = read_log(command, flags, from);
    CHECK_INT(kept.from, at);
    CHECK_INT(kept.dropped, dropped);
    CHECK_STR(kept.text, want);
    CHECK_INT(kept.kind, WRN_EXIT_CODE);
    free(kept.text);
}

TEST(kept_output_is_read_from_anywhere) {
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_labelled(&out, 7, "label", "echo one; sleep 0.05; echo two >&2; sleep 0.05; echo three");
    send_all(&out);
    CHECK_INT(finish(7)->value, 0);
    check_log(7, 0, 0, 0, 0, "one\n[two\n]three\n");
    check_log(7, 0, 5, 5, 0, "[wo\n]three\n");
    check_log(7, WRN_LOG_FOLLOW, 14, 14, 0, "");
    check_log(7, WRN_LOG_FOLLOW, 1000, 14, 0, "");
    check_log(7, WRN_LOG_TAIL, 0, 14, 0, "");
    check_log(7, WRN_LOG_TAIL, 1, 8, 0, "three\n");
    check_log(7, WRN_LOG_TAIL, 2, 4, 0, "[two\n]three\n");
    check_log(7, WRN_LOG_TAIL, 1000, 0, 0, "one\n[two\n]three\n");
    log_text none = read_log(8, 0, 0);
    CHECK_INT(none.kind, WRN_EXIT_FAILED);
    free(none.text);
}

TEST(what_the_bound_pushes_out_is_counted) {
    enum { ALL = WRN_LOG_MAX + 1000001 };
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    char line[128];
    snprintf(line, sizeof(line), "yes 1234567 | head -c %d", ALL);
    put_labelled(&out, 7, "label", line);
    send_all(&out);
    for (const wrn_frame *frame; (frame = next_frame())->type != WRN_FRAME_EXIT;) grant(7, frame);
    log_text kept = read_log(7, 0, 17);
    CHECK_INT(kept.from, ALL - WRN_LOG_MAX);
    CHECK_INT(kept.dropped, ALL - WRN_LOG_MAX - 17);
    CHECK_INT(kept.size, WRN_LOG_MAX);
    for (size_t i = 0; i < kept.size; i++) CHECK(kept.text[i] == "1234567\n"[(kept.from + i) % 8]);
    free(kept.text);
    kept = read_log(7, WRN_LOG_TAIL, 3);
    CHECK_STR(kept.text, "1234567\n1234567\n1");
    free(kept.text);
    kept = read_log(7, WRN_LOG_TAIL, 10000000);
    CHECK_INT(kept.dropped, ALL - WRN_LOG_MAX);
    free(kept.text);
}

TEST(who_changes_between_the_streams_all_the_time_fills_no_memory) {
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_labelled(&out, 7, "label",
                 "i=0; while [ $i -lt 20000 ]; do echo a; echo b >&2; i=$((i + 1)); done; sleep 0.2; echo last");
    send_all(&out);
    uint64_t all = 0;
    for (const wrn_frame *frame; (frame = next_frame())->type != WRN_FRAME_EXIT;) all += grant(7, frame);
    CHECK_INT(all, 80005);
    log_text kept = read_log(7, 0, 0);
    CHECK_INT(kept.from, kept.dropped);
    CHECK_MEM(kept.text + kept.size - 5, 5, "last\n", 5);
    free(kept.text);
}

/* Of a command that nobody watches it is the start that fails. */
TEST(a_detached_program_that_can_not_be_run_never_starts) {
    static const struct {
        const char *program;
        uint32_t error;
    } cases[] = {{"/no-such-program", ENOENT}, {"/etc/passwd/x", ENOTDIR}, {"/etc/passwd", EACCES}, {"/", EACCES}};
    start_agent();
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        wrn_buf payload = WRN_BUF_INIT, out = WRN_BUF_INIT;
        wrn_exec_put(&(wrn_proc_spec){.cmd = cases[i].program, .cwd = "/", .label = "label"}, &payload);
        put(&out, i + 1, WRN_FRAME_EXEC, payload.data, payload.size);
        send_all(&out);
        const wrn_frame *frame = next_frame();
        CHECK_INT(frame->type, WRN_FRAME_EXIT);
        CHECK_INT(wrn_get_u32(frame->data), WRN_EXIT_PROGRAM);
        CHECK_INT(wrn_get_u32(frame->data + 4), cases[i].error);
        log_text none = read_log(i + 1, 0, 0);
        CHECK_INT(none.kind, WRN_EXIT_FAILED);
        free(none.text);
        wrn_buf_free(&payload);
    }
}

/* Reading goes on where what was kept ends: nothing is missing, and nothing comes twice. */
TEST(kept_output_goes_on_with_what_comes) {
    share_dir();
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_labelled(&out, 7, "label", "seq 20000; read line <$D/go; seq 20001 40000; exit 4");
    send_all(&out);
    size_t seen = 0;
    while (seen < 108894) seen += grant(7, next_frame());
    uint32_t reader = ask_log(7, WRN_LOG_FOLLOW, 0);
    wrn_buf text = WRN_BUF_INIT;
    for (bool over = false; !over;) {
        const wrn_frame *frame = next_frame();
        grant(frame->stream, frame);
        if (frame->stream != reader) continue;
        over = frame->type == WRN_FRAME_EXIT;
        if (over) CHECK_INT(wrn_get_u32(frame->data + 4), 4);
        if (frame->type != WRN_FRAME_STDOUT) continue;
        wrn_buf_put(&text, frame->data, frame->size);
        if (text.size == 108894) {
            char path[300];
            snprintf(path, sizeof(path), "%s/go", test_dir());
            int go = open(path, O_WRONLY | O_CLOEXEC);
            CHECK_INT(write(go, "\n", 1), 1);
            close(go);
        }
    }
    const char *at = text.data;
    CHECK(at != NULL);
    for (long i = 1; i <= 40000; i++) {
        char *end;
        CHECK_INT(strtol(at, &end, 10), i);
        at = end + 1;
    }
    CHECK_INT(*at, 0);
    wrn_buf_free(&text);
}

TEST(so_many_logs_are_kept_of_what_has_ended) {
    start_lasting_agent();
    for (uint32_t i = 1; i <= WRN_LOGS_KEPT + 1; i++) {
        wrn_buf out = WRN_BUF_INIT;
        put_labelled(&out, i, "label", "echo x");
        send_all(&out);
        CHECK_INT(finish(i)->value, 0);
    }
    hang_up();
    hand_over();
    check_back(WRN_LOGS_KEPT);
    for (uint32_t i = 2; i <= WRN_LOGS_KEPT + 1; i++) {
        const wrn_frame *frame = next_frame();
        CHECK_INT(frame->type, WRN_FRAME_DETACHED);
        CHECK_INT(frame->stream, i);
        CHECK_INT(wrn_get_u32(frame->data + 4), WRN_DETACHED_ENDED);
        CHECK_MEM(frame->data + WRN_DETACHED_HEAD, frame->size - WRN_DETACHED_HEAD, "label", 5);
    }
    log_text none = read_log(1, 0, 0);
    CHECK_INT(none.kind, WRN_EXIT_FAILED);
    free(none.text);
    check_log(2, 0, 0, 0, 0, "x\n");
}

TEST_MAIN
