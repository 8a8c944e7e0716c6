#include <stdio.h>

#include "base/text.h"
#include "test.h"

static void check_base64(const char *plain, size_t size, const char *text) {
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    wrn_base64_encode(&out, plain, size);
    CHECK_STR(out.data, text);
    char back[64];
    ssize_t got = wrn_base64_decode(back, text, strlen(text));
    CHECK(got >= 0);
    CHECK_MEM(back, (size_t)got, plain, size);
}

TEST(base64_vectors_of_rfc_4648) {
    check_base64("", 0, "");
    check_base64("f", 1, "Zg==");
    check_base64("fo", 2, "Zm8=");
    check_base64("foo", 3, "Zm9v");
    check_base64("foob", 4, "Zm9vYg==");
    check_base64("fooba", 5, "Zm9vYmE=");
    check_base64("foobar", 6, "Zm9vYmFy");
    check_base64("\0\xff\x80", 3, "AP+A");
}

TEST(base64_refuses_what_is_not_canonical) {
    const char *bad[] = {
        "Zg=", "Zg", "Z", "====", "Zg==Zg==", "Zh==", "Zm9=", "Zm 9", "Zm9\n", "Z===", "=m9v", "Zm9v-_=="};
    char out[64];
    for (size_t i = 0; i < WRN_COUNT(bad); i++)
        CHECK_MSG(wrn_base64_decode(out, bad[i], strlen(bad[i])) < 0, "took \"%s\"", bad[i]);
}

TEST(utf8_prefix_stops_at_the_first_bad_or_cut_sequence) {
    CHECK_INT(wrn_utf8_valid_prefix("plain ascii text", 16), 16);
    CHECK_INT(wrn_utf8_valid_prefix("gr\xc3\xbc\xc3\x9f"
                                    "e",
                                    7),
              7);
    CHECK_INT(wrn_utf8_valid_prefix("ab\xc3", 3), 2);
    CHECK_INT(wrn_utf8_valid_prefix("\xe2\x82\xac\xe2\x82", 5), 3);
    CHECK_INT(wrn_utf8_valid_prefix("\xc0\x80", 2), 0);
    CHECK_INT(wrn_utf8_valid_prefix("\xed\xa0\x80", 3), 0);
    CHECK_INT(wrn_utf8_valid_prefix("\xf4\x90\x80\x80", 4), 0);
    CHECK_INT(wrn_utf8_valid_prefix("\xf0\x9f\x98\x80", 4), 4);
    CHECK_INT(wrn_utf8_valid_prefix("\xe0\x80\x80", 3), 0);
    CHECK_INT(wrn_utf8_valid_prefix("\x80", 1), 0);
    CHECK_INT(wrn_utf8_valid_prefix("12345678\xff", 9), 8);
}

TEST(buffer_keeps_its_limit_and_sticks_to_failure) {
    WRN_AUTO(wrn_buf_free) wrn_buf buf = WRN_BUF_LIMITED(4);
    wrn_buf_puts(&buf, "abcd");
    CHECK(!buf.failed);
    wrn_buf_putc(&buf, 'e');
    CHECK(buf.failed);
    CHECK_STR(buf.data, "abcd");
    CHECK(wrn_buf_steal(&buf) == NULL);
    wrn_buf_clear(&buf);
    wrn_buf_printf(&buf, "%d", 12);
    wrn_buf_consume(&buf, 1);
    CHECK_STR(buf.data, "2");
}

TEST(numbers_are_parsed_whole_and_in_range) {
    int64_t value = 7;
    CHECK(wrn_parse_int("65535", 1, 65535, &value) && value == 65535);
    CHECK(!wrn_parse_int("65536", 1, 65535, &value));
    CHECK(!wrn_parse_int("", 0, 9, &value));
    CHECK(!wrn_parse_int(" 1", 0, 9, &value));
    CHECK(!wrn_parse_int("1x", 0, 9, &value));
    CHECK(!wrn_parse_int("99999999999999999999", 0, INT64_MAX, &value));
    CHECK(!wrn_parse_int(NULL, 0, 9, &value));
}

TEST(rfc3339_is_utc_with_whole_seconds) {
    char out[WRN_RFC3339_SIZE];
    wrn_rfc3339(out, 1777636800);
    CHECK_STR(out, "2026-05-01T12:00:00Z");
}

TEST(lines_for_people_are_cleaned) {
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"plain, \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xd8\xb3\xd9\x84\xd8\xa7\xd9\x85",
         "plain, \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xd8\xb3\xd9\x84\xd8\xa7\xd9\x85"},
        {"\t\n\r\x1b[2J\x7f", "????[2J?"},
        {"\xc2\x80|\xc2\x9b|\xc2\x9f|\xc2\xa0", "?|?|?|\xc2\xa0"},
        {"\xe2\x80\x8e|\xe2\x80\x8f|\xe2\x80\xaa|\xe2\x80\xab|\xe2\x80\xac|\xe2\x80\xad|\xe2\x80\xae", "?|?|?|?|?|?|?"},
        {"\xe2\x81\xa6|\xe2\x81\xa7|\xe2\x81\xa8|\xe2\x81\xa9|\xd8\x9c|\xe2\x80\xa8|\xe2\x80\xa9", "?|?|?|?|?|?|?"},
        {"\xe2\x80\x8c\xe2\x80\x8d\xe2\x80\x93\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa",
         "\xe2\x80\x8c\xe2\x80\x8d\xe2\x80\x93\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa"},
        {"\x9b|\xff|\xe2\x80|\xc2", "?|?|??|?"},
    };
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        char text[200];
        snprintf(text, sizeof(text), "%s", cases[i].text);
        wrn_text_clean(text);
        CHECK_STR(text, cases[i].want);
    }
}

TEST_MAIN
