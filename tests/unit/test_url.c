#include "wire/url.h"

#include "test.h"

static void check_ok(const char *text, wrn_base_kind kind, const char *url, const char *path) {
    wrn_base_url base;
    char why[256] = "";
    CHECK_MSG(wrn_base_url_parse(text, &base, why, sizeof(why)) == WRN_URL_OK, "%s: %s", text, why);
    CHECK_INT(base.kind, kind);
    CHECK_STR(base.url, url);
    CHECK_STR(base.unix_path, path);
    wrn_base_url_clear(&base);
}

TEST(takes_the_four_kinds_and_keeps_a_prefix) {
    check_ok("https://app.wrenn.dev/api", WRN_BASE_HTTP, "https://app.wrenn.dev/api", NULL);
    check_ok("https://app.wrenn.dev/api///", WRN_BASE_HTTP, "https://app.wrenn.dev/api", NULL);
    check_ok("http://localhost:8080", WRN_BASE_HTTP, "http://localhost:8080", NULL);
    check_ok("HTTP://[::1]:80/x%20y/", WRN_BASE_HTTP, "HTTP://[::1]:80/x%20y", NULL);
    check_ok("unix:/run/wrennd.sock", WRN_BASE_UNIX, "http://localhost", "/run/wrennd.sock");
    check_ok("local:", WRN_BASE_LOCAL, "http://localhost", NULL);
}

TEST(refuses_the_rest_and_says_what_to_do) {
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "must start with"},
        {"localhost:8080", "must start with"},
        {"ftp://x", "must start with"},
        {"http://", "no host"},
        {"http:///x", "no host"},
        {"http://:80", "no host"},
        {"http://a:0", "port"},
        {"http://a:65536", "port"},
        {"http://a:", "port"},
        {"http://a:8x", "port"},
        {"http://a b", "character"},
        {"http://a/b c", "percent-encoded"},
        {"http://a/?q", "query"},
        {"http://a#f", "query or a fragment"},
        {"http://[::1", "IPv6"},
        {"http://[::1]x", "IPv6"},
        {"unix:", "absolute path"},
        {"unix:relative", "absolute path"},
        {"local:x", "must start with"},
        {"http://a\nX: y", "character"},
        {"http://a/\r\nX: y", "percent-encoded"},
    };
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        wrn_base_url base;
        char why[512] = "";
        CHECK_MSG(wrn_base_url_parse(cases[i].text, &base, why, sizeof(why)) == WRN_URL_BAD, "took %s", cases[i].text);
        CHECK_CONTAINS(why, cases[i].why);
    }
}

TEST(a_secret_in_the_url_stays_out_of_the_message) {
    wrn_base_url base;
    char why[512] = "";
    CHECK_INT(wrn_base_url_parse("https://user:hunter2@host/", &base, why, sizeof(why)), WRN_URL_BAD);
    CHECK(!strstr(why, "hunter2"));
    CHECK_CONTAINS(why, "API key");
    CHECK_INT(wrn_base_url_parse("https://host/?token=hunter2", &base, why, sizeof(why)), WRN_URL_BAD);
    CHECK(!strstr(why, "hunter2"));
    CHECK_INT(wrn_base_url_parse("https://host/#hunter2", &base, why, sizeof(why)), WRN_URL_BAD);
    CHECK(!strstr(why, "hunter2"));
}

TEST(a_unix_path_has_the_kernels_limit) {
    char text[160] = "unix:/", why[512] = "";
    wrn_base_url base;
    memset(text + 6, 'a', 106);
    CHECK_INT(wrn_base_url_parse(text, &base, why, sizeof(why)), WRN_URL_OK);
    wrn_base_url_clear(&base);
    text[112] = 'a';
    CHECK_INT(wrn_base_url_parse(text, &base, why, sizeof(why)), WRN_URL_BAD);
}

TEST(everything_but_unreserved_is_percent_encoded) {
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    wrn_url_escape(&out, "aZ0-._~/ ?#%&\xc3\xbc\x01");
    CHECK_STR(out.data, "aZ0-._~%2F%20%3F%23%25%26%C3%BC%01");
}

TEST_MAIN
