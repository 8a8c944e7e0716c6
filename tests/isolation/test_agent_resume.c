/* The agent of machines that are stopped and copied. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent.h"

enum { NUMBER = 7 };

static void put_resume(wrn_buf *out, uint32_t flags, const char *id) {
    wrn_buf payload = WRN_BUF_INIT;
    wrn_resume_put(&(wrn_resume){.flags = flags, .number = NUMBER, .id = id, .template_name = *id ? "other" : ""},
                   &payload);
    put(out, 0, WRN_FRAME_RESUME, payload.data, payload.size);
    wrn_buf_free(&payload);
}

/* What came before it is complete, and nothing comes after it. */
static void make_quiet(void) {
    wrn_buf out = WRN_BUF_INIT;
    struct pollfd more = {.fd = agent.channel, .events = POLLIN};
    put(&out, 0, WRN_FRAME_QUIET, NULL, 0);
    send_all(&out);
    while (next_frame()->type != WRN_FRAME_DONE) {
    }
    CHECK_INT(agent.reader.end, agent.reader.begin);
    CHECK_INT(poll(&more, 1, 100), 0);
}

/* How much output of that stream comes before the frame of that type. Grants credit for it. */
static size_t count_until(uint32_t stream, wrn_frame_type type) {
    size_t size = 0;
    for (const wrn_frame *frame; (frame = next_frame())->type != type;) size += grant(stream, frame);
    return size;
}

TEST(a_quiet_agent_sends_nothing_and_loses_nothing) {
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    struct pollfd more = {.fd = agent.channel, .events = POLLIN};
    put_exec(&out, 1, "head -c 3000000 /dev/zero");
    send_all(&out);
    size_t size = 0;
    while (!size) size += grant(1, next_frame());
    for (int i = 0; i < 3; i++) {
        put(&out, 0, WRN_FRAME_QUIET, NULL, 0);
        send_all(&out);
        size += count_until(1, WRN_FRAME_DONE); /* with all of the credit, there is output that could come */
        CHECK_INT(agent.reader.end, agent.reader.begin);
        CHECK_INT(poll(&more, 1, 100), 0);
        put_resume(&out, 0, "");
        send_all(&out);
        size += count_until(1, WRN_FRAME_DONE);
    }
    CHECK_INT(size + count_until(1, WRN_FRAME_EXIT), 3000000);
    CHECK_STR(sh("echo on"), "on\n");
}

TEST(a_new_sandbox_has_new_names_and_is_greeted) {
    start_agent();
    sh("true");
    make_quiet();
    wrn_buf out = WRN_BUF_INIT;
    put_resume(&out, WRN_RESUME_NEW, "cl-new");
    send_all(&out);
    const wrn_frame *frame = next_frame();
    CHECK_INT(frame->type, WRN_FRAME_HELLO);
    CHECK_INT(wrn_get_u32(frame->data), WRN_AGENT_VERSION);
    CHECK_STR(sh("echo $WRENN_SANDBOX_ID $WRENN_TEMPLATE_ID"), "cl-new other\n");
}

/* Detached commands are reported; the others go on, and nobody hears of them. */
TEST(in_a_copy_commands_go_on) {
    share_dir();
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_exec(&out, 1, "echo up; read line <$D/go; echo unheard; echo $WRENN_SANDBOX_ID >$D/said");
    put_labelled(&out, 2, "kept", "sleep 1000");
    send_all(&out);
    for (int started = 0; started < 2;) started += next_frame()->type == WRN_FRAME_STARTED;
    make_quiet();
    put_resume(&out, WRN_RESUME_COPY, "cl-copy");
    send_all(&out);
    const wrn_frame *frame = next_frame();
    CHECK_INT(frame->type, WRN_FRAME_HELLO_AGAIN);
    CHECK_INT(wrn_get_u32(frame->data + 4), NUMBER);
    CHECK_INT(wrn_get_u32(frame->data + 8), 1);
    frame = next_frame();
    CHECK_INT(frame->type, WRN_FRAME_DETACHED);
    CHECK_INT(frame->stream, 2);
    put_exec(&out, 3, "echo >$D/go; cat $D/said");
    send_all(&out);
    CHECK_STR(finish(3)->out, "\n"); /* as it was started */
    CHECK_STR(sh("echo $WRENN_SANDBOX_ID"), "cl-copy\n");
}

TEST(what_is_no_news_of_a_resume_ends_the_agent) {
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put(&out, 0, WRN_FRAME_RESUME, "short", 5);
    send_all(&out);
    CHECK(WIFEXITED(agent_status()));
}

TEST_MAIN
