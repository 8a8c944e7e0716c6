/* A request and a stream, before the first test is forked off. Valgrind translates code when it is first run, and what it has
 * translated by then (libcurl, the TLS library and the scripted server, mostly) each test inherits instead of waiting for it
 * again. */
#include "streams.h"

void test_warm_up(void) {
    char *info = script_text("200 OK", "", SANDBOX_BODY);
    script_reply replies[] = {{.text = info}, UPGRADE, script_messages(SCRIPT_CLOSE, START, OUT("hi"), EXIT(0), NULL)};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandbox *found = NULL;
    wrenn_command command = shell_options("x");
    wrenn_stream *stream = NULL;
    CHECK_INT(wrenn_sandboxes_get(s.client, "cl-0123456789abcdefghijklmno", NULL, &found, NULL), 0);
    CHECK_INT(wrenn_sandbox_exec_stream(s.sandbox, &command, NULL, &stream, NULL), 0);
    CHECK_STR(read_all(stream).text, "start 7|out hi|exit 0|");
    wrenn_stream_free(stream);
    wrenn_sandbox_free(found);
    tear_down(&s);
    free((char *)replies[2].text);
    free(info);
}
