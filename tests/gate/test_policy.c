/* Rules, presets, and what a policy makes of addresses and names. */
#include <stdio.h>

#include "gate/policy.h"
#include "gate/presets.h"
#include "test.h"

static wrn_rule rule_of(const char *text) {
    wrn_rule rule;
    char why[128] = "";
    CHECK_MSG(wrn_rule_parse(text, &rule, why, sizeof(why)), "\"%s\" is refused: %s", text, why);
    return rule;
}

TEST(rules_are_read) {
    wrn_rule rule = rule_of("PyPI.org.");
    CHECK(rule.is_name && !rule.is_wild && !rule.has_ports && rule.proto == WRN_ANY_PROTO);
    CHECK_STR(rule.name, "pypi.org");
    rule = rule_of("*.pythonhosted.org:443");
    CHECK(rule.is_name && rule.is_wild && rule.has_ports);
    CHECK_STR(rule.name, "pythonhosted.org");
    CHECK_INT(rule.low, 443);
    CHECK_INT(rule.high, 443);
    rule = rule_of("203.0.113.77/24:1000-2000");
    CHECK_INT(rule.bits, 120);
    CHECK_INT(rule.range.bytes[15], 0);
    CHECK_INT(rule.high, 2000);
    rule = rule_of("ntp.example.org:123/udp");
    CHECK_INT(rule.proto, WRN_UDP);
    rule = rule_of("[2001:db8::/32]:443/tcp");
    CHECK_INT(rule.bits, 32);
    CHECK_INT(rule.low, 443);
    rule = rule_of("2001:db8::1");
    CHECK_INT(rule.bits, 128);
    rule = rule_of("*");
    CHECK(rule.is_wild && !*rule.name);
    rule = rule_of("*:443");
    CHECK(rule.is_wild && rule.low == 443);
    rule = rule_of("0.0.0.0/0");
    CHECK_INT(rule.bits, 96);
}

TEST(rules_that_are_none_are_refused) {
    static const char *const bad[] = {"",
                                      "a..b",
                                      ".",
                                      ".a",
                                      "a b",
                                      "a:0",
                                      "a:65536",
                                      "a:",
                                      "a:-1",
                                      "a:2-1",
                                      "a:1-",
                                      "a/",
                                      "a/sctp",
                                      "a/24",
                                      "1.2.3",
                                      "1.2.3.4/33",
                                      "1.2.3.4/",
                                      "1.2.3.4/-1",
                                      "1.2.3.4/2x",
                                      "2001:db8::/129",
                                      "[2001:db8::1",
                                      "[1.2.3.4]:1",
                                      "[a]:1",
                                      "[2001:db8::1]x",
                                      "*a",
                                      "a.*",
                                      "*.",
                                      "*.*",
                                      "**",
                                      "b\xc3\xbc.de",
                                      "a:1:2",
                                      "a:+1",
                                      "a: 1",
                                      "0x7f.1",
                                      "http://a",
                                      "a/tcp/udp",
                                      "*.1",
                                      "%31.2.3.4",
                                      "fe80::1%eth0",
                                      "010.1.1.1"};
    wrn_rule rule;
    char why[128], label[70], name[300];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        *why = 0;
        CHECK_MSG(!wrn_rule_parse(bad[i], &rule, why, sizeof(why)), "\"%s\" is accepted", bad[i]);
        CHECK_MSG(*why, "\"%s\" is refused without a reason", bad[i]);
    }
    memset(label, 'a', sizeof(label));
    label[64] = 0;
    CHECK(!wrn_rule_parse(label, &rule, why, sizeof(why)));
    label[63] = 0;
    CHECK(wrn_rule_parse(label, &rule, why, sizeof(why)));
    for (size_t i = 0; i < sizeof(name); i++) name[i] = i % 2 ? '.' : 'a';
    name[255] = 0;
    CHECK(!wrn_rule_parse(name, &rule, why, sizeof(why)));
    name[253] = 0;
    CHECK(wrn_rule_parse(name, &rule, why, sizeof(why)));
}

static wrn_denial class_of(const char *text) {
    wrn_address address;
    CHECK_MSG(wrn_address_parse(text, &address), "%s is no address", text);
    return wrn_address_class(&address);
}

TEST(addresses_that_are_never_reached) {
    static const struct {
        const char *text;
        wrn_denial class;
    } cases[] = {
        {"127.0.0.1", WRN_DENY_LOOPBACK},
        {"127.9.9.9", WRN_DENY_LOOPBACK},
        {"0.0.0.0", WRN_DENY_RESERVED},
        {"0.1.2.3", WRN_DENY_RESERVED},
        {"169.254.169.254", WRN_DENY_METADATA},
        {"169.254.170.2", WRN_DENY_METADATA},
        {"169.254.1.1", WRN_DENY_LINK_LOCAL},
        {"168.63.129.16", WRN_DENY_METADATA},
        {"100.100.100.200", WRN_DENY_METADATA},
        {"192.0.0.192", WRN_DENY_METADATA},
        {"192.0.0.1", WRN_DENY_RESERVED},
        {"224.0.0.5", WRN_DENY_MULTICAST},
        {"240.1.1.1", WRN_DENY_RESERVED},
        {"255.255.255.255", WRN_DENY_RESERVED},
        {"10.9.9.9", WRN_DENY_PRIVATE},
        {"172.31.255.255", WRN_DENY_PRIVATE},
        {"192.168.0.1", WRN_DENY_PRIVATE},
        {"100.64.0.1", WRN_DENY_PRIVATE},
        {"198.19.0.1", WRN_DENY_PRIVATE},
        {"::1", WRN_DENY_LOOPBACK},
        {"::", WRN_DENY_RESERVED},
        {"::ffff:127.0.0.1", WRN_DENY_LOOPBACK},
        {"::ffff:10.9.9.9", WRN_DENY_PRIVATE},
        {"::10.9.9.9", WRN_DENY_RESERVED},
        {"64:ff9b::7f00:1", WRN_DENY_LOOPBACK},
        {"64:ff9b::a9fe:a9fe", WRN_DENY_METADATA},
        {"64:ff9b::a00:1", WRN_DENY_RESERVED},
        {"64:ff9b:1::a09:909", WRN_DENY_RESERVED},
        {"fe80::1", WRN_DENY_LINK_LOCAL},
        {"fec0::1", WRN_DENY_PRIVATE},
        {"fd00:9::9", WRN_DENY_PRIVATE},
        {"ff02::1", WRN_DENY_MULTICAST},
        {"2002:a09:909::1", WRN_DENY_RESERVED},
        {"2002:7f00:1::1", WRN_DENY_LOOPBACK},
        {"2001:0:1::1", WRN_DENY_RESERVED},
        {"fd00:ec2::254", WRN_DENY_METADATA},
        {"fd77:7265:6e6e::1", WRN_DENY_RESERVED},
        {"4000::1", WRN_DENY_RESERVED},
        {"100::1", WRN_DENY_RESERVED},
        {"8.8.8.8", WRN_ALLOWED},
        {"172.32.0.1", WRN_ALLOWED},
        {"203.0.113.80", WRN_ALLOWED},
        {"2606:4700::1111", WRN_ALLOWED},
        {"64:ff9b::808:808", WRN_ALLOWED},
        {"2002:808:808::1", WRN_ALLOWED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CHECK_MSG(class_of(cases[i].text) == cases[i].class, "%s is %s, not %s", cases[i].text,
                  wrn_denial_text(class_of(cases[i].text)), wrn_denial_text(cases[i].class));
}

TEST(rules_know_how_far_they_reach) {
    static const struct {
        const char *text;
        wrn_reach reach;
    } cases[] = {
        {"127.0.0.1", WRN_REACH_NEVER},
        {"169.254.169.254:80", WRN_REACH_NEVER},
        {"169.254.0.0/16", WRN_REACH_NEVER},
        {"169.254.128.0/17", WRN_REACH_NEVER},
        {"fe80::/10", WRN_REACH_NEVER},
        {"::1", WRN_REACH_NEVER},
        {"10.0.0.0/8", WRN_REACH_PRIVATE},
        {"192.168.1.1:443", WRN_REACH_PRIVATE},
        {"fd00::/8", WRN_REACH_PRIVATE},
        {"::ffff:10.0.0.1", WRN_REACH_PRIVATE},
        {"0.0.0.0/0", WRN_REACH_PUBLIC},
        {"::/0", WRN_REACH_PUBLIC},
        {"198.0.0.0/8", WRN_REACH_PUBLIC},
        {"example.com", WRN_REACH_PUBLIC},
        {"10.0.0.0/7", WRN_REACH_PUBLIC},
        {"224.0.0.0/3", WRN_REACH_NEVER},
        {"8000::/2", WRN_REACH_NEVER},
        {"8000::/1", WRN_REACH_PRIVATE},
        {"64:ff9b::/90", WRN_REACH_PUBLIC},
        {"localhost", WRN_REACH_NEVER},
        {"*.localhost", WRN_REACH_NEVER},
        {"notlocalhost", WRN_REACH_PUBLIC},
        {"metadata.google.internal", WRN_REACH_NEVER},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        wrn_rule rule = rule_of(cases[i].text);
        CHECK_MSG(wrn_rule_reach(&rule) == cases[i].reach, "%s: %d", cases[i].text, wrn_rule_reach(&rule));
    }
    wrn_rule outer = rule_of("10.1.0.0/16:443-500"), inner = rule_of("10.1.2.0/24:443"), ports = rule_of("10.1.2.0/24"),
             wide = rule_of("10.0.0.0/8:443");
    CHECK(wrn_rule_within(&inner, &outer));
    CHECK(!wrn_rule_within(&ports, &outer));
    CHECK(!wrn_rule_within(&wide, &outer));
}

/* ---- verdicts ---- */

static wrn_policy policy_of(const char *text) {
    wrn_policy policy;
    wrn_json *json = NULL;
    const char *bad = "";
    char why[256] = "";
    CHECK_MSG(wrn_json_parse(text, strlen(text), &json, &bad), "%s", bad);
    bool ok = wrn_policy_read(json, &policy, why, sizeof(why));
    wrn_json_free(json);
    CHECK_MSG(ok, "%s", why);
    return policy;
}

/* Every address was found by these names. */
static const char *found_by(void *context, const wrn_address *address, size_t *at) {
    const char *const *names = context;
    return names ? names[(*at)++] : NULL;
}

static wrn_denial check(const wrn_policy *policy, const char *address, int port, int proto, const char *const *names,
                        wrn_scrutiny *scrutiny) {
    wrn_endpoint to = {.port = (uint16_t)port, .proto = (uint8_t)proto};
    CHECK(wrn_address_parse(address, &to.address));
    return wrn_policy_check(policy, &to, found_by, (void *)(uintptr_t)names, scrutiny);
}

#define CHECK_DENIAL(got, want) CHECK_STR(wrn_denial_text(got), wrn_denial_text(want))

TEST(an_allow_list_allows_what_it_says_and_nothing_else) {
    wrn_policy p = policy_of(
        "{\"egress\":\"allowlist\",\"allow\":[\"pypi.org\",\"*.test:443\",\"198.51.100.0/24:1000-2000\",\"ntp.org:123/udp\",\"0.0.0.0/0:7\",\"10.0.0.0/8\"],"
        "\"deny\":[\"198.51.100.9\",\"bad.test\"]}");
    const char *const pypi[] = {"pypi.org", NULL}, *const test[] = {"a.b.test", NULL}, *const bare[] = {"test", NULL},
                      *const ntp[] = {"ntp.org", NULL}, *const bad[] = {"bad.test", NULL};
    wrn_scrutiny s;
    CHECK_DENIAL(check(&p, "203.0.113.1", 443, WRN_TCP, pypi, &s), WRN_ALLOWED);
    CHECK_INT(s, WRN_NAME_REQUIRED);
    CHECK_DENIAL(check(&p, "203.0.113.1", 443, WRN_UDP, pypi, &s), WRN_DENY_UNLISTED);
    CHECK_DENIAL(check(&p, "203.0.113.1", 0, WRN_PING, pypi, &s), WRN_ALLOWED);
    CHECK_DENIAL(check(&p, "203.0.113.1", 443, WRN_TCP, NULL, &s), WRN_DENY_UNLISTED);
    CHECK_DENIAL(check(&p, "203.0.113.1", 443, WRN_TCP, test, &s), WRN_ALLOWED);
    CHECK_DENIAL(check(&p, "203.0.113.1", 80, WRN_TCP, test, &s), WRN_DENY_UNLISTED);
    CHECK_DENIAL(check(&p, "203.0.113.1", 0, WRN_PING, test, &s), WRN_DENY_UNLISTED);
    CHECK_DENIAL(check(&p, "203.0.113.1", 443, WRN_TCP, bare, &s), WRN_DENY_UNLISTED);
    CHECK_DENIAL(check(&p, "203.0.113.1", 443, WRN_TCP, bad, &s), WRN_DENY_RULE);
    CHECK_DENIAL(check(&p, "203.0.113.1", 123, WRN_UDP, ntp, &s), WRN_ALLOWED);
    CHECK_DENIAL(check(&p, "203.0.113.1", 123, WRN_TCP, ntp, &s), WRN_DENY_UNLISTED);
    CHECK_DENIAL(check(&p, "198.51.100.1", 1500, WRN_TCP, NULL, &s), WRN_ALLOWED);
    CHECK_INT(s, WRN_NO_SCRUTINY);
    CHECK_DENIAL(check(&p, "198.51.100.1", 2001, WRN_TCP, NULL, &s), WRN_DENY_UNLISTED);
    CHECK_DENIAL(check(&p, "198.51.100.9", 1500, WRN_TCP, NULL, &s), WRN_DENY_RULE);
    CHECK_DENIAL(check(&p, "8.8.8.8", 53, WRN_UDP, NULL, &s), WRN_DENY_RESOLVER);
    CHECK_DENIAL(check(&p, "8.8.8.8", 853, WRN_TCP, NULL, &s), WRN_DENY_RESOLVER);
    CHECK_DENIAL(check(&p, "127.0.0.1", 7, WRN_TCP, pypi, &s), WRN_DENY_LOOPBACK);
    CHECK_DENIAL(check(&p, "169.254.169.254", 7, WRN_TCP, pypi, &s), WRN_DENY_METADATA);
    CHECK_DENIAL(check(&p, "10.1.1.1", 443, WRN_TCP, pypi, &s), WRN_DENY_PRIVATE);
    CHECK_DENIAL(wrn_policy_name(&p, "pypi.org"), WRN_ALLOWED);
    CHECK_DENIAL(wrn_policy_name(&p, "x.pypi.org"), WRN_DENY_NAME);
    CHECK_DENIAL(wrn_policy_name(&p, "bad.test"), WRN_DENY_RULE);
    wrn_policy_free(&p);
}

TEST(an_address_of_a_denied_name_needs_a_connection_that_says_its_name) {
    const char *const both[] = {"good.test", "bad.test", NULL}, *const good[] = {"good.test", NULL};
    wrn_scrutiny s;
    wrn_policy p = policy_of("{\"egress\":\"allowlist\",\"allow\":[\"good.test\",\"good.test:1-65535/udp\"],"
                             "\"deny\":[\"bad.test:1-65535\"]}");
    CHECK_DENIAL(check(&p, "203.0.113.1", 123, WRN_UDP, good, &s), WRN_ALLOWED);
    CHECK_DENIAL(check(&p, "203.0.113.1", 123, WRN_UDP, both, &s), WRN_DENY_RULE);
    CHECK_DENIAL(check(&p, "203.0.113.1", 443, WRN_UDP, both, &s), WRN_DENY_RULE);
    CHECK_DENIAL(check(&p, "203.0.113.1", 22, WRN_TCP, both, &s), WRN_DENY_RULE);
    CHECK_DENIAL(check(&p, "203.0.113.1", 443, WRN_TCP, both, &s), WRN_ALLOWED);
    CHECK_INT(s, WRN_NAME_REQUIRED);
    wrn_policy_free(&p);
}

TEST(a_denied_name_is_denied_at_allowed_addresses_too) {
    const char *const bad[] = {"bad.test", NULL};
    wrn_scrutiny s;
    wrn_policy p =
        policy_of("{\"egress\":\"allowlist\",\"allow\":[\"203.0.113.0/24\"],\"deny\":[\"bad.test:1-65535\"]}");
    CHECK_DENIAL(check(&p, "203.0.113.1", 443, WRN_TCP, NULL, &s), WRN_ALLOWED);
    CHECK_INT(s, WRN_NAME_NOT_DENIED);
    CHECK_DENIAL(check(&p, "203.0.113.1", 80, WRN_TCP, NULL, &s), WRN_ALLOWED);
    CHECK_INT(s, WRN_NAME_NOT_DENIED);
    CHECK_DENIAL(check(&p, "203.0.113.1", 22, WRN_TCP, bad, &s), WRN_DENY_RULE);
    CHECK_DENIAL(check(&p, "203.0.113.1", 22, WRN_TCP, NULL, &s), WRN_ALLOWED);
    wrn_policy_free(&p);
    p = policy_of("{\"egress\":\"allowlist\",\"allow\":[\"0.0.0.0/0\"],\"operator_deny\":[\"bad.test\"]}");
    CHECK_DENIAL(check(&p, "203.0.113.1", 443, WRN_TCP, NULL, &s), WRN_ALLOWED);
    CHECK_INT(s, WRN_NAME_NOT_DENIED);
    wrn_policy_free(&p);
}

TEST(denied_ranges_are_denied_through_relays) {
    wrn_scrutiny s;
    wrn_policy p = policy_of("{\"egress\":\"public\",\"deny\":[\"8.8.8.0/24\"],\"operator_deny\":[\"9.9.9.9\"]}");
    CHECK_DENIAL(check(&p, "64:ff9b::808:808", 443, WRN_TCP, NULL, &s), WRN_DENY_RULE);
    CHECK_DENIAL(check(&p, "2002:808:808::1", 443, WRN_TCP, NULL, &s), WRN_DENY_RULE);
    CHECK_DENIAL(check(&p, "64:ff9b::909:909", 443, WRN_TCP, NULL, &s), WRN_DENY_OPERATOR);
    CHECK_DENIAL(check(&p, "64:ff9b::808:908", 443, WRN_TCP, NULL, &s), WRN_ALLOWED);
    wrn_policy_free(&p);
}

TEST(private_ranges_need_the_operator_and_a_rule) {
    wrn_scrutiny s;
    wrn_policy p = policy_of("{\"egress\":\"public\",\"private\":[\"10.1.0.0/16:443\"],\"allow\":[\"10.0.0.0/8\"]}");
    CHECK_DENIAL(check(&p, "10.1.2.3", 443, WRN_TCP, NULL, &s), WRN_ALLOWED);
    CHECK_DENIAL(check(&p, "10.1.2.3", 80, WRN_TCP, NULL, &s), WRN_DENY_PRIVATE);
    CHECK_DENIAL(check(&p, "10.2.2.3", 443, WRN_TCP, NULL, &s), WRN_DENY_PRIVATE);
    wrn_policy_free(&p);
    p = policy_of("{\"egress\":\"public\",\"private\":[\"10.1.0.0/16:443\",\"127.0.0.0/8\",\"169.254.0.0/16\"]}");
    CHECK_DENIAL(check(&p, "10.1.2.3", 443, WRN_TCP, NULL, &s), WRN_DENY_UNLISTED);
    CHECK_DENIAL(check(&p, "127.0.0.1", 443, WRN_TCP, NULL, &s), WRN_DENY_LOOPBACK);
    CHECK_DENIAL(check(&p, "169.254.169.254", 443, WRN_TCP, NULL, &s), WRN_DENY_METADATA);
    wrn_policy_free(&p);
}

TEST(public_means_all_but_what_is_denied) {
    wrn_scrutiny s;
    const char *const ads[] = {"ads.test", NULL};
    wrn_policy p = policy_of(
        "{\"egress\":\"public\",\"deny\":[\"ads.test:443\",\"203.0.113.0/24:80\"],\"operator_deny\":[\"203.0.113.7\"]}");
    CHECK_DENIAL(check(&p, "203.0.113.1", 443, WRN_TCP, NULL, &s), WRN_ALLOWED);
    CHECK_INT(s, WRN_NAME_NOT_DENIED);
    CHECK_DENIAL(check(&p, "203.0.113.1", 80, WRN_TCP, NULL, &s), WRN_DENY_RULE);
    CHECK_DENIAL(check(&p, "203.0.113.1", 80, WRN_UDP, NULL, &s), WRN_DENY_RULE);
    CHECK_DENIAL(check(&p, "203.0.113.7", 443, WRN_TCP, NULL, &s), WRN_DENY_OPERATOR);
    CHECK_DENIAL(check(&p, "8.8.8.8", 443, WRN_TCP, ads, &s), WRN_DENY_RULE);
    CHECK_DENIAL(check(&p, "8.8.8.8", 25, WRN_TCP, NULL, &s), WRN_DENY_SMTP);
    wrn_endpoint to = {.port = 443, .proto = WRN_TCP};
    CHECK_DENIAL(wrn_policy_server_name(&p, &to, "ads.test", WRN_NAME_NOT_DENIED), WRN_DENY_RULE);
    CHECK_DENIAL(wrn_policy_server_name(&p, &to, "good.test", WRN_NAME_NOT_DENIED), WRN_ALLOWED);
    CHECK_DENIAL(wrn_policy_server_name(&p, &to, NULL, WRN_NAME_NOT_DENIED), WRN_ALLOWED);
    CHECK_DENIAL(wrn_policy_server_name(&p, &to, NULL, WRN_NAME_REQUIRED), WRN_DENY_SERVER_NAME);
    CHECK_DENIAL(wrn_policy_server_name(&p, &to, "other.test", WRN_NAME_REQUIRED), WRN_DENY_SERVER_NAME);
    wrn_policy_free(&p);
}

/* Whoever resolves them. */
TEST(names_that_are_never_reached) {
    static const char *const words[] = {"\"public\"", "\"allowlist\",\"allow\":[\"*\"]"};
    for (size_t i = 0; i < WRN_COUNT(words); i++) {
        char text[100];
        snprintf(text, sizeof(text), "{\"egress\":%s}", words[i]);
        wrn_policy policy = policy_of(text);
        const wrn_endpoint to = {.port = 80, .proto = WRN_TCP};
        CHECK(wrn_policy_name(&policy, "localhost") == WRN_DENY_LOOPBACK);
        CHECK(wrn_policy_host(&policy, &to, "x.localhost") == WRN_DENY_LOOPBACK);
        CHECK(wrn_policy_host(&policy, &to, "metadata.google.internal") == WRN_DENY_METADATA);
        CHECK(wrn_policy_host(&policy, &to, "notlocalhost") == WRN_ALLOWED);
        wrn_policy_free(&policy);
    }
}

TEST(none_denies_all) {
    wrn_scrutiny s;
    wrn_policy p = policy_of("{\"egress\":\"none\",\"allow\":[\"a.test\",\"198.51.100.0/24\"]}");
    CHECK_DENIAL(check(&p, "198.51.100.1", 443, WRN_TCP, NULL, &s), WRN_DENY_UNLISTED);
    CHECK_DENIAL(wrn_policy_name(&p, "a.test"), WRN_DENY_NAME);
    wrn_policy_free(&p);
}

TEST(ranges_of_one_version_say_nothing_about_the_other) {
    wrn_scrutiny s;
    wrn_policy p = policy_of("{\"egress\":\"allowlist\",\"allow\":[\"::/0\"]}");
    CHECK_DENIAL(check(&p, "2600::1", 443, WRN_TCP, NULL, &s), WRN_ALLOWED);
    CHECK_DENIAL(check(&p, "203.0.113.1", 443, WRN_TCP, NULL, &s), WRN_DENY_UNLISTED);
    wrn_policy_free(&p);
    p = policy_of("{\"egress\":\"public\",\"deny\":[\"::/0\"]}");
    CHECK_DENIAL(check(&p, "2600::1", 443, WRN_TCP, NULL, &s), WRN_DENY_RULE);
    CHECK_DENIAL(check(&p, "203.0.113.1", 443, WRN_TCP, NULL, &s), WRN_ALLOWED);
    wrn_policy_free(&p);
}

TEST(policies_that_are_none_are_refused_with_the_place) {
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"{}", "egress"},
        {"{\"egress\":\"open\"}", "egress"},
        {"{\"egress\":\"public\",\"allow\":\"a.test\"}", "allow is not a list"},
        {"{\"egress\":\"public\",\"allow\":[\"a.test\",7]}", "allow[1]"},
        {"{\"egress\":\"public\",\"deny\":[\"a.test\",\"b..c\"]}", "deny[1] \"b..c\": a label"},
        {"{\"egress\":\"public\",\"allow\":[\"a\\u0000b\"]}", "allow[0]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        wrn_json *json = NULL;
        const char *bad;
        wrn_policy policy;
        char why[256] = "";
        CHECK(wrn_json_parse(cases[i].text, strlen(cases[i].text), &json, &bad));
        CHECK(!wrn_policy_read(json, &policy, why, sizeof(why)));
        CHECK_CONTAINS(why, cases[i].why);
        wrn_json_free(json);
    }
}

/* ---- presets ---- */

TEST(presets_are_well_formed) {
    size_t count = 0;
    for (; wrn_preset_names[count]; count++) {
        char **rules = wrn_preset_rules(wrn_preset_names[count]);
        CHECK_MSG(rules && rules[0], "%s is empty", wrn_preset_names[count]);
        for (size_t i = 0; rules[i]; i++) {
            wrn_rule rule;
            char why[128];
            CHECK_MSG(wrn_rule_parse(rules[i], &rule, why, sizeof(why)), "%s: %s: %s", wrn_preset_names[count],
                      rules[i], why);
            CHECK_MSG(rule.is_name && !rule.is_wild && rule.has_ports, "%s: %s is not one host and its port",
                      wrn_preset_names[count], rules[i]);
            for (size_t k = 0; k < i; k++)
                CHECK_MSG(strcmp(rules[i], rules[k]) != 0, "%s: %s is there twice", wrn_preset_names[count], rules[i]);
        }
        wrn_preset_free(rules);
    }
    CHECK_INT(count, 8);
    CHECK(!wrn_preset_rules("nothing"));
}

/* Each line says why, or stands below one about the same host that does. */
TEST(presets_say_why) {
    for (size_t i = 0; wrn_preset_names[i]; i++) {
        char path[512], line[256], last[256] = "";
        snprintf(path, sizeof(path), "%s/%s", PRESETS, wrn_preset_names[i]);
        FILE *file = fopen(path, "re");
        CHECK_MSG(file, "%s", path);
        while (fgets(line, sizeof(line), file)) {
            size_t host = strcspn(line, ":");
            CHECK_MSG(strchr(line, '#') || (*last && strncmp(line, last, host + 1) == 0), "%s: no reason: %s", path,
                      line);
            snprintf(last, sizeof(last), "%s", line);
        }
        fclose(file);
    }
}

TEST_MAIN
