#include "base/json.h"
#include "test.h"

static bool parses(const char *text, size_t size) {
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    const char *why = NULL;
    bool ok = wrn_json_parse(text, size, &root, &why);
    CHECK(ok == (why == NULL));
    return ok;
}

TEST(accepts_rfc_8259) {
    const char *good[] = {"null",
                          "true",
                          "0",
                          "-1.5e3",
                          "\"\"",
                          "[]",
                          "{}",
                          " {\"a\" : [1, 2.5, null]} \n",
                          "\"\\u0000\\ud83d\\ude00\"",
                          "\"N I ' i\"",
                          "{\"NaN\":\"'\"}",
                          "\"\xc3\xa9\"",
                          "{\"\xe4\xbd\xa0\":\"x\xf0\x9f\x90\xa6\"}"};
    for (size_t i = 0; i < WRN_COUNT(good); i++) CHECK_MSG(parses(good[i], strlen(good[i])), "refused %s", good[i]);
}

TEST(refuses_what_json_c_would_let_through) {
    const char *bad[] = {"",         "{",     "[1,]",      "{'a':1}", "NaN",        "Infinity", "-Infinity",
                         "01",       "[1] x", "/**/1",     "{\"a\"}", "\"\xff\"",   "\"\xc3\"", "\"\xed\xa0\x80\"",
                         "\"a\nb\"", "tru",   "TRUE",      "nul",     "{\"a\":1,}", "1 2",      "\"\\x\"",
                         "[NaN]",    "--1",   "1.",        ".5",      "+1",         "-01",      "00",
                         "1e",       "-",     "{\"a\":1.}"};
    for (size_t i = 0; i < WRN_COUNT(bad); i++) CHECK_MSG(!parses(bad[i], strlen(bad[i])), "took %s", bad[i]);
    CHECK(!parses("1\0", 2));
    CHECK(!parses("[1\0]", 4));
}

TEST(says_what_is_wrong) {
    static const char *const texts[][2] = {
        {"", "text is empty"},
        {"  ", "text ends too early"},
        {"[1, 2", "text ends too early"},
        {"\"\\u12", "text ends too early"},
        {"{\"a\"", "text ends too early"},
        {"-", "text ends too early"},
        {"[1 2]", "not valid JSON"},
        {"\"\\u12g4\"", "not valid JSON"},
        {"\"\xff\"", "not valid UTF-8"},
        {"{\"a\":}", "not valid JSON"},
        {"{1:2}", "not valid JSON"},
        {"[] []", "not valid JSON"},
    };
    for (size_t i = 0; i < WRN_COUNT(texts); i++) {
        wrn_json *root = NULL;
        const char *why = NULL;
        CHECK(!wrn_json_parse(texts[i][0], strlen(texts[i][0]), &root, &why));
        CHECK_STR(why, texts[i][1]);
        CHECK(root == NULL);
    }
}

TEST(depth_is_bounded) {
    char deep[200];
    memset(deep, '[', sizeof(deep));
    CHECK(!parses(deep, sizeof(deep)));
}

TEST(integers_are_exact_or_refused) {
    const char *text = "[9223372036854775807,-9223372036854775808,9223372036854775808,1.0,1e2]";
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    const char *why = NULL;
    CHECK(wrn_json_parse(text, strlen(text), &root, &why));
    int64_t value = 0;
    CHECK(wrn_json_int(wrn_json_at(root, 0), &value) && value == INT64_MAX);
    CHECK(wrn_json_int(wrn_json_at(root, 1), &value) && value == INT64_MIN);
    CHECK(!wrn_json_int(wrn_json_at(root, 2), &value));
    CHECK(!wrn_json_int(wrn_json_at(root, 3), &value));
    CHECK(!wrn_json_int(wrn_json_at(root, 4), &value));
}

TEST(strings_keep_nul_and_length) {
    const char *text = "{\"a\":\"x\\u0000y\"}";
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    const char *why = NULL;
    CHECK(wrn_json_parse(text, strlen(text), &root, &why));
    size_t size = 0;
    const char *got = wrn_json_string(wrn_json_get(root, "a"), &size);
    CHECK_MEM(got, size, "x\0y", 3);
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    wrn_json_write(root, &out);
    CHECK_STR(out.data, "{\"a\":\"x\\u0000y\"}");
}

TEST(server_mode_takes_the_first_value_only) {
    const char *text = "{\"a\":1} trailing 'garbage'";
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    const char *why = NULL;
    CHECK(wrn_json_parse_first(text, strlen(text), SIZE_MAX, &root, &why));
    CHECK(wrn_json_has(root, "a"));
    WRN_AUTO(wrn_json_freep) wrn_json *second = NULL;
    CHECK(wrn_json_parse_first("7\xff", 2, SIZE_MAX, &second, &why));
    int64_t value = 0;
    CHECK(wrn_json_int(second, &value) && value == 7);
}

TEST(null_member_counts_as_absent_for_get_but_not_for_has) {
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    const char *why = NULL;
    CHECK(wrn_json_parse("{\"a\":null}", 10, &root, &why));
    CHECK(wrn_json_get(root, "a") == NULL);
    CHECK(wrn_json_has(root, "a"));
    CHECK(!wrn_json_has(root, "b"));
}

TEST_MAIN
