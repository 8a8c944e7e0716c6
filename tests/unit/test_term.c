/* What somebody gets who connects to a terminal later. */
#include "wire/term.h"

#include <stdio.h>
#include <stdlib.h>

#include "test.h"

enum { KEEP = 64 };

/* The replay after all of this, then so much more text that nothing of it is left but what it did. */
static const char *after(const char *data, size_t size, size_t more) {
    static wrn_buf out;
    wrn_replay r = {.keep = KEEP};
    wrn_replay_put(&r, data, size);
    for (size_t i = 0; i < more; i++) wrn_replay_put(&r, "x", 1);
    wrn_buf_clear(&out);
    wrn_replay_write(&r, &out);
    wrn_buf_putc(&out, '\0');
    CHECK(!out.failed);
    wrn_replay_free(&r);
    return out.data;
}

#define XS "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
_Static_assert(sizeof(XS) - 1 == KEEP, "as many as are kept");

TEST(short_output_is_replayed_as_it_was) {
    static const char *const texts[] = {"",
                                        "hello\r\n",
                                        "\033[1mbold\033[m \xc3\xa4\xf0\x9f\x98\x80",
                                        "\033[?1049h\033[?25l",
                                        "half of \033[1",
                                        "half of \xf0\x9f",
                                        "\033]0;ti"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        CHECK_STR(after(texts[i], strlen(texts[i]), 0), texts[i]);
}

TEST(modes_come_before_what_is_left) {
    static const struct {
        const char *said, *restored;
    } cases[] = {
        {"\033[?1049h\033[?1000h\033[?1006h\033[?2004h\033[?25l",
         "\033[?1049h\033[?25l\033[?1000h\033[?1006h\033[?2004h"},
        {"\033[?1000;1002;2004h", "\033[?1000h\033[?1002h\033[?2004h"},
        {"\033[?1h\033=", "\033[?1h\033[?66h"},
        {"\033[?1h\033[?1l\033[?25l\033[?25h\033[?7l\033[?7h\033=\033>\033[?1049h\033[?1049l", ""},
        {"\033[?47h", "\033[?47h"},
        {"\033[4h\033[20h", "\033[4h\033[20h"},
        {"\033[3;20r", "\033[3;20r"},
        {"\033[3;20r\033[r", ""},
        {"\033(0\033)A\016", "\033(0\033)A\016"},
        {"\033(0\033(B\016\017", ""},
        {"\033[5 q", "\033[5 q"},
        {"\033[>4;2m", "\033[>4;2m"},
        {"\033[>1u\033[>3u\033[<1u\033[=4;2u", "\033[>5u"},
        {"\033[>1u\033[<9u", ""},
        {"\033[1;31m\033[4m", "\033[1;31;4m"},
        {"\033[1;31m\033[0;4m", "\033[0;4m"},
        {"\033[1;31m\033[m", ""},
        {"\033[38;2;1;2;3m\033[48:5:0m", "\033[38;2;1;2;3;48:5:0m"},
        {"\033[?25l\033[?1049h\033[1m\033[?1000h\033c", ""},
        {"\033[?25l\033[?1h\033[4h\033[1m\033[?1000h\033[!p", "\033[?1000h"},
        {"\033[?12\03025h", ""},               /* broken off */
        {"\033[?12\033[?25l", "\033[?25l"},    /* by another one */
        {"\033[?2\r5l", "\033[?25l"},          /* with a control character in it */
        {"\033]0;\033[?25l\007", "\033[?25l"}, /* an ESC ends a title */
        {"\033Pq\033\\\033[?25l", "\033[?25l"},
        {"\033[?99999999999h\033[?2h\033[9999z\033#8\033%G", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char want[300];
        snprintf(want, sizeof(want), "%s" XS, cases[i].restored);
        CHECK_STR(after(cases[i].said, strlen(cases[i].said), 3 * KEEP), want);
    }
}

TEST(a_replay_begins_between_characters_and_sequences) {
    static const char *const units[] = {"\xc3\xa4",        "\xe2\x82\xac",     "\xf0\x9f\x98\x80",       "\033[1;31m",
                                        "\033[?1000h",     "\033]0;title\007", "\033]8;;http://x\033\\", "\033(0",
                                        "\033P1$r0m\033\\"};
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        size_t size = strlen(units[i]);
        for (size_t shift = 0; shift < size; shift++) {
            wrn_replay r = {.keep = KEEP};
            wrn_buf out = WRN_BUF_INIT;
            for (size_t n = 0; n < 100; n++) wrn_replay_put(&r, units[i], size);
            for (size_t n = 0; n < shift; n++) wrn_replay_put(&r, ".", 1);
            wrn_replay_write(&r, &out);
            CHECK_MSG(r.bytes.size > KEEP - size && r.bytes.size <= KEEP, "%zu", r.bytes.size);
            CHECK_MEM(r.bytes.data, size, units[i], size);
            wrn_buf_free(&out);
            wrn_replay_free(&r);
        }
    }
}

/* Whoever answers them sends what the program would take for keys. */
TEST(questions_are_not_asked_again) {
    static const char *const questions[] = {
        "\033[c",        "\033[0c",         "\033[>c",        "\033[=c",        "\033[5n",           "\033[6n",
        "\033[?6n",      "\033[>q",         "\033[>0q",       "\033[?u",        "\033[?2026$p",      "\033[4$p",
        "\033]11;?\007", "\033]10;?\033\\", "\033]4;1;?\007", "\033P$qm\033\\", "\033P+q544e\033\\", "\005",
        "\033Z",         "\033[18t",        "\033[x"};
    static const char *const others[] = {
        "\033[m",     "\033[2J", "\033[1;1H", "\033[?25h", "\033]0;what?!\007", "\033]52;c;eA==\007",
        "\033[22;0t", "?",       "\033[>4;1m"};
    char said[300];
    for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
        snprintf(said, sizeof(said), "a%s%sb%s\xc3\xa4", questions[i], questions[i], questions[i]);
        CHECK_STR(after(said, strlen(said), 0), "ab\xc3\xa4");
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        snprintf(said, sizeof(said), "a%sb", others[i]);
        CHECK_STR(after(said, strlen(said), 0), said);
    }
}

/* A picture that is longer than all that is kept: what comes of it is no text to who connects in its middle. */
TEST(a_string_without_end_is_opened_again) {
    wrn_replay r = {.keep = KEEP};
    wrn_buf out = WRN_BUF_INIT;
    wrn_replay_put(&r, "\033[?25l\033Pq", 9);
    for (int i = 0; i < 1000; i++) wrn_replay_put(&r, "#1;2;3", 6);
    CHECK(r.bytes.size <= 2 * KEEP);
    wrn_replay_write(&r, &out);
    CHECK_MEM(out.data, 8, "\033[?25l\033P", 8);
    wrn_replay_put(&r, "\033\\done", 6);
    wrn_buf_clear(&out);
    wrn_replay_write(&r, &out);
    CHECK_MEM(out.data + out.size - 6, 6, "\033\\done", 6);
    for (int i = 0; i < 1000; i++) wrn_replay_put(&r, "x", 1);
    wrn_buf_clear(&out);
    wrn_replay_write(&r, &out);
    CHECK_MEM(out.data, out.size, "\033[?25l" XS, 6 + KEEP);
    wrn_buf_free(&out);
    wrn_replay_free(&r);
}

TEST_MAIN
