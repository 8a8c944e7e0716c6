/* Network policies: what is accepted, shown and stored. What they do is in e2e/test_network.c. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"

static void check_refused(const test_daemon *d, const char *policy, int status, const char *code, const char *why) {
    char body[2048];
    snprintf(body, sizeof(body), "{\"network\":%s}", policy);
    reply r = call(d, "POST", "/v1/sandboxes", body);
    CHECK_MSG(r.status == status && strcmp(error_code(&r), code) == 0, "%s: %s", policy, r.body);
    CHECK_CONTAINS(error_message(&r), why);
    reply_free(&r);
}

TEST(a_policy_that_makes_no_sense_is_refused_by_name) {
    static const struct {
        const char *policy, *why;
    } bad[] = {
        {"{\"egress\":\"some\"}", "\"some\" is not none, allowlist or public"},
        {"{\"egress\":\"none\",\"allow\":[\"x.org\"]}", "leave out egress, or allow"},
        {"{\"egress\":\"none\",\"presets\":[\"python\"]}", "leave out egress, or presets"},
        {"{\"allow\":[\"ok.org\",\"a..b\"]}", "allow[1] \"a..b\""},
        {"{\"allow\":[\"\"]}", "allow[0]"},
        {"{\"deny\":[\"x y\"]}", "deny[0] \"x y\""},
        {"{\"allow\":[\"x.org:0\"]}", "allow[0]"},
        {"{\"allow\":[\"x.org:443/icmp\"]}", "allow[0]"},
        {"{\"allow\":[\"127.0.0.1\"]}", "never allowed"},
        {"{\"allow\":[\"169.254.169.254:80\"]}", "never allowed"},
        {"{\"allow\":[\"::1\"]}", "never allowed"},
        {"{\"allow\":[\"localhost\"]}", "never allowed"},
        {"{\"allow\":[\"*.LocalHost.:80\"]}", "never allowed"},
        {"{\"allow\":[\"metadata.google.internal\"]}", "never allowed"},
        {"{\"allow\":[\"224.0.0.0/3\"]}", "never allowed"},
        {"{\"allow\":[\"169.254.0.0/16\"]}", "never allowed"},
        {"{\"allow\":[\"::ffff:169.254.169.254\"]}", "never allowed"},
        {"{\"presets\":[\"python\",\"cobol\"]}", "no preset \"cobol\", only debian, "},
        {"{\"allow\":\"x.org\"}", "allow"},
        {"[]", "network"},
    };
    test_daemon d;
    daemon_start(&d, NULL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        check_refused(&d, bad[i].policy, 400, "invalid_request", bad[i].why);
    check_refused(&d, "{\"allow\":[\"10.0.0.0/8\"]}", 409, "conflict", "--egress-private");
    CHECK_STATUS(call(&d, "GET", "/v1/sandboxes", NULL), 200);
    daemon_stop(&d);
}

TEST(a_policy_is_shown_with_what_came_of_it) {
    test_daemon d;
    char id[40], path[100];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"network\":{\"allow\":[\"PyPI.org:443\"],\"presets\":[\"node\"],\"deny\":[\"x.org\"]}}", id);
    reply r = call(&d, "GET", sandbox_path(id, "/network"), NULL);
    CHECK_STR(r.body,
              "{\"egress\":\"allowlist\",\"allow\":[\"PyPI.org:443\"],\"deny\":[\"x.org\"],\"presets\":[\"node\"],"
              "\"bytes_in\":7,\"bytes_out\":8,\"connections\":9,\"dns_queries\":10,\"denied_total\":2,\"denied\":[{"
              "\"proto\":\"tcp\",\"address\":\"1.2.3.4\",\"port\":443,\"name\":\"x.org\",\"reason\":\"not-allowed\","
              "\"count\":2,\"last_at\":\"2026-09-21T14:13:20Z\"}],\"gate\":\"running\",\"mode\":\"tap\"}\n");
    reply_free(&r);
    snprintf(path, sizeof(path), "/v1/capsules/%s/network", id);
    r = call(&d, "PUT", path, "{\"egress\":\"public\"}");
    CHECK_INT(r.status, 200);
    CHECK(number(&r, "cut") == 3 && strcmp(member(&r, "egress"), "public") == 0);
    reply_free(&r);
    r = call(&d, "GET", path, NULL);
    CHECK_CONTAINS(r.body, "{\"egress\":\"public\",\"allow\":[],\"deny\":[],\"presets\":[],");
    reply_free(&r);
    r = call(&d, "PUT", path, "{\"presets\":[\"node\",\"go\",\"node\"],\"egress\":\"public\"}");
    CHECK_CONTAINS(r.body, "\"presets\":[\"node\",\"go\"],"); /* each once: a gate takes no more than 1024 rules */
    reply_free(&r);
    r = call(&d, "GET", sandbox_path(id, ""), NULL);
    CHECK_CONTAINS(r.body, "\"network\":\"public\"");
    reply_free(&r);
    CHECK_ERROR(call(&d, "PUT", sandbox_path(id, "/network"), "{\"allow\":[\"*x\"]}"), 400, "invalid_request");
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    CHECK_ERROR(call(&d, "PUT", sandbox_path(id, "/network"), "{\"egress\":\"none\"}"), 409, "invalid_state");
    CHECK_STATUS(call(&d, "GET", sandbox_path(id, "/network"), NULL), 200);
    daemon_stop(&d);
}

/* 256 entries with names as long as they can be: to change a policy, and to begin with it. */
TEST(the_largest_policy_fits) {
    test_daemon d;
    char id[40], name[256];
    WRN_AUTO(wrn_buf_free) wrn_buf policy = WRN_BUF_INIT, create = WRN_BUF_INIT;
    for (size_t i = 0; i < 253; i++) name[i] = i % 64 == 63 ? '.' : 'a';
    name[253] = '\0';
    wrn_buf_puts(&policy, "{\"allow\":[");
    for (int i = 0; i < 256; i++) wrn_buf_printf(&policy, "%s\"%03d%s:10000-20000/udp\"", i ? "," : "", i, name + 3);
    wrn_buf_puts(&policy, "]}");
    wrn_buf_printf(&create, "{\"network\":%s}", policy.data);
    daemon_start(&d, NULL);
    make_sandbox(&d, create.data, id);
    reply r = call(&d, "PUT", sandbox_path(id, "/network"), policy.data);
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, name + 3);
    reply_free(&r);
    daemon_stop(&d);
}

TEST(a_check_says_what_is_allowed_and_why) {
    static const char *const bad[] = {
        "", "?to=", "?to=a..b", "?to=*.org", "?to=*", "?to=203.0.113.0/24", "?to=x.org:1-2"};
    test_daemon d;
    char id[40], path[200];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"network\":{\"allow\":[\"x.org\"]}}", id);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "/v1/%s/%s/network/check?to=X.org", i ? "capsules" : "sandboxes", id);
        reply r = call(&d, "GET", path, NULL);
        CHECK_STR(r.body, "{\"allowed\":true,\"rule\":\"x.org\",\"source\":\"allow\"}\n");
        reply_free(&r);
    }
    reply r = call(&d, "GET", sandbox_path(id, "/network/check?to=x.org:80/udp"), NULL);
    CHECK_STR(r.body, "{\"allowed\":false,\"reason\":\"not-allowed\"}\n");
    reply_free(&r);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        snprintf(path, sizeof(path), "/v1/sandboxes/%s/network/check%s", id, bad[i]);
        CHECK_ERROR(call(&d, "GET", path, NULL), 400, "invalid_request");
    }
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    CHECK_ERROR(call(&d, "GET", sandbox_path(id, "/network/check?to=x.org"), NULL), 409, "invalid_state");
    make_sandbox(&d, "{}", id);
    r = call(&d, "GET", sandbox_path(id, "/network/check?to=[2001:db8::1]:80"), NULL);
    CHECK_STR(r.body, "{\"allowed\":false,\"reason\":\"no-network\"}\n");
    reply_free(&r);
    daemon_stop(&d);
}

TEST(without_a_policy_there_is_no_network) {
    test_daemon d;
    char id[40];
    daemon_start(&d, NULL);
    make_sandbox(&d, "{\"network\":{\"egress\":\"none\"},\"isolation_required\":[\"no-network\"]}", id);
    reply r = call(&d, "GET", sandbox_path(id, "/network"), NULL);
    CHECK_CONTAINS(r.body, "{\"egress\":\"none\",\"allow\":[]");
    CHECK(!wrn_json_has(r.json, "gate"));
    reply_free(&r);
    CHECK_ERROR(call(&d, "PUT", sandbox_path(id, "/network"), "{\"egress\":\"public\"}"), 409, "conflict");
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes",
                     "{\"network\":{\"egress\":\"public\"},\"isolation_required\":[\"no-network\"]}"),
                409, "conflict");
    daemon_stop(&d);
}

TEST(operators_limit_and_open) {
    test_daemon d;
    char id[40];
    daemon_start(&d, (const char *[]){"--egress-max", "allowlist", "--egress-default", "allowlist", "--egress-private",
                                      "10.1.0.0/16:5432", NULL});
    check_refused(&d, "{\"egress\":\"public\"}", 409, "conflict", "at most egress \"allowlist\"");
    check_refused(&d, "{\"allow\":[\"10.1.2.3:80\"]}", 409, "conflict", "--egress-private");
    check_refused(&d, "{\"allow\":[\"x.org:25\"]}", 409, "conflict", "allow[0] \"x.org:25\" is the port of mail");
    make_sandbox(&d, "{\"network\":{\"allow\":[\"10.1.2.3:5432\"]}}", id);
    make_sandbox(&d, "{}", id);
    reply r = call(&d, "GET", sandbox_path(id, "/network"), NULL);
    CHECK_CONTAINS(r.body, "{\"egress\":\"allowlist\",\"allow\":[],");
    reply_free(&r);
    daemon_stop(&d);
}

static void snap(const test_daemon *d, const char *id, const char *name) {
    char body[128];
    snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\",\"name\":\"%s\"}", id, name);
    CHECK_STATUS(call(d, "POST", "/v1/snapshots", body), 201);
}

/* What a sandbox that is made from the snapshot has; `network`: what its create says, with a comma before. */
static void check_from(const test_daemon *d, const char *snapshot, const char *network, const char *want) {
    char body[200], id[40];
    snprintf(body, sizeof(body), "{\"template\":\"%s\"%s}", snapshot, network);
    make_sandbox(d, body, id);
    reply r = call(d, "GET", sandbox_path(id, "/network"), NULL);
    CHECK_CONTAINS(r.body, want);
    reply_free(&r);
    CHECK_STATUS(call(d, "DELETE", sandbox_path(id, ""), NULL), 204);
}

TEST(a_snapshot_keeps_the_policy_that_was_asked_for) {
    static const char narrow[] =
        "{\"egress\":\"allowlist\",\"allow\":[\"x.org\"],\"deny\":[\"y.org\"],\"presets\":[\"node\"],";
    served s;
    test_daemon d = {0};
    char usual[40], closed[40], open[40], id[40];
    daemon_serve(&s, &d, (const char *[]){"--egress-default", "public", NULL});
    daemon_key(&s, &d);
    make_sandbox(&d, "{}", usual);
    make_sandbox(&d, "{\"network\":{\"egress\":\"none\"}}", closed);
    make_sandbox(&d, "{\"network\":{\"allow\":[\"x.org\"],\"deny\":[\"y.org\"],\"presets\":[\"node\"]}}", open);
    snap(&d, usual, "usual");
    snap(&d, closed, "closed");
    snap(&d, open, "open");
    check_from(&d, "usual", "", "\"egress\":\"public\"");
    check_from(&d, "closed", "", "\"egress\":\"none\"");
    check_from(&d, "open", "", narrow);
    check_from(&d, "open", ",\"network\":{\"allow\":[\"z.org\"]}", "\"allow\":[\"z.org\"],\"deny\":[],\"presets\":[],");
    make_sandbox(&d, "{\"template\":\"open\"}", id);
    snap(&d, id, "again");
    CHECK_STATUS(call(&d, "POST", sandbox_path(open, "/resume"), NULL), 200);
    reply r = call(&d, "POST", sandbox_path(open, "/fork"), "{\"count\":1}");
    CHECK_MSG(r.status == 201, "%s", r.body);
    snap(&d, wrn_json_string(wrn_json_get(wrn_json_at(r.json, 0), "id"), NULL), "of-copy");
    reply_free(&r);
    CHECK_STATUS(call(&d, "PUT", sandbox_path(usual, "/network"), "{\"allow\":[\"set.org\"]}"), 200);
    snap(&d, usual, "changed");
    for (const char *const *gone = (const char *const[]){usual, closed, open, id, NULL}; *gone; gone++)
        CHECK_STATUS(call(&d, "DELETE", sandbox_path(*gone, ""), NULL), 204);
    daemon_finish(&s, SIGTERM);
    free(s.said);
    daemon_serve(&s, &d, NULL);
    check_from(&d, "usual", "", "\"egress\":\"none\"");
    check_from(&d, "again", "", narrow);
    check_from(&d, "of-copy", "", narrow);
    check_from(&d, "changed", "", "\"allow\":[\"set.org\"]");
    daemon_finish(&s, SIGTERM);
    free(s.said);
    daemon_serve(&s, &d, (const char *[]){"--egress-deny", "x.org", NULL});
    r = call(&d, "POST", "/v1/sandboxes", "{\"template\":\"open\"}");
    CHECK_MSG(r.status == 409 && strcmp(error_code(&r), "conflict") == 0, "%s", r.body);
    CHECK_CONTAINS(error_message(&r), "of the snapshot \"open\" can't be had: allow[0] \"x.org\" is denied");
    CHECK_CONTAINS(error_message(&r), "member \"network\"");
    reply_free(&r);
    check_from(&d, "open", ",\"network\":{}", "\"egress\":\"none\"");
    daemon_finish(&s, SIGTERM);
    free(s.said);
}

/* What the operator's options make impossible is refused, not accepted and then denied. */
TEST(rules_that_nothing_would_come_of_are_refused) {
    static const char *const denied[] = {"bad.org",      "x.bad.org",           "*.bad.org",   "a.x.wild.org:443",
                                         "*.x.wild.org", "ports.org:90-95/tcp", "203.0.113.7", "203.0.113.128/25"};
    static const char *const fine[] = {"wild.org",      "*.org",          "*",          "ports.org",
                                       "ports.org:443", "203.0.112.0/23", "notbad.org", "x.org:20-30"};
    test_daemon d;
    char id[40], policy[200];
    daemon_start(&d, (const char *[]){"--egress-deny", "bad.org", "--egress-deny", "*.bad.org", "--egress-deny",
                                      "*.wild.org", "--egress-deny", "ports.org:80-100", "--egress-deny", "pypi.org",
                                      "--egress-deny", "203.0.113.0/24", "--egress-proxy", "http://203.0.113.1:3128",
                                      NULL});
    for (size_t i = 0; i < sizeof(denied) / sizeof(*denied); i++) {
        snprintf(policy, sizeof(policy), "{\"allow\":[\"%s\"]}", denied[i]);
        check_refused(&d, policy, 409, "conflict", "is denied by this server: wrennd --egress-deny");
    }
    for (size_t i = 0; i < sizeof(fine) / sizeof(*fine); i++) {
        snprintf(policy, sizeof(policy), "{\"network\":{\"allow\":[\"%s\"]}}", fine[i]);
        make_sandbox(&d, policy, id);
    }
    check_refused(&d, "{\"inject\":[{\"host\":\"bad.org\",\"header\":\"X-Key\",\"secret\":\"s\"}]}", 409, "conflict",
                  "inject[0] (host \"bad.org\") is denied");
    check_refused(&d, "{\"presets\":[\"node\",\"python\"]}", 409, "conflict",
                  "preset \"python\": \"pypi.org:443\" is denied");
    check_refused(&d, "{\"allow\":[\"x.org\",\"x.org:123/udp\"]}", 409, "conflict",
                  "allow[1] \"x.org:123/udp\" is UDP");
    CHECK_ERROR(call(&d, "PUT", sandbox_path(id, "/network"), "{\"allow\":[\"bad.org\"]}"), 409, "conflict");
    daemon_stop(&d);
}

/* A header that would never be added is refused as well. */
TEST(headers_that_no_request_could_get_are_refused) {
    static const struct {
        const char *host, *others;
        int status;
        const char *why;
    } bad[] = {
        {"x.org:80", "", 400, "port 80 is plain HTTP, and headers are added on HTTPS only"},
        {"localhost", "", 400, "is never allowed"},
        {"a.localhost:8443", "", 400, "is never allowed"},
        {"metadata.google.internal", "", 400, "is never allowed"},
        {"x.org", ",\"deny\":[\"y.org\",\"X.org\"]", 409, "is denied by deny[1] \"X.org\""},
        {"a.x.org:8443", ",\"deny\":[\"*.x.org:8000-9000/tcp\"]", 409, "is denied by deny[0]"},
        {"x.org", ",\"deny\":[\"*\"]", 409, "take that entry out of deny"},
        {"x.org:25", "", 409, "is the port of mail"},
        {"tcp.org", "", 409, "is denied by this server"},
    };
    test_daemon d;
    char policy[300];
    daemon_start(&d, (const char *[]){"--egress-deny", "tcp.org/tcp", NULL});
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        snprintf(policy, sizeof(policy), "{\"inject\":[{\"host\":\"%s\",\"header\":\"X-Key\",\"secret\":\"s\"}]%s}",
                 bad[i].host, bad[i].others);
        check_refused(&d, policy, bad[i].status, bad[i].status == 400 ? "invalid_request" : "conflict", bad[i].why);
    }
    check_refused(&d,
                  "{\"inject\":[{\"host\":\"x.org\",\"header\":\"X-Key\",\"secret\":\"s\"},"
                  "{\"host\":\"X.org.:443\",\"header\":\"x-key\",\"secret\":\"s\"}]}",
                  400, "invalid_request", "inject[1] (host \"X.org.:443\", header \"x-key\"): the host has that");
    /* These could be added: only the secret is missing. */
    check_refused(&d,
                  "{\"inject\":[{\"host\":\"x.org\",\"header\":\"X-Key\",\"secret\":\"s\"}],"
                  "\"deny\":[\"x.org:80\",\"x.org/udp\",\"*.x.org\"]}",
                  409, "conflict", "secret");
    daemon_stop(&d);
}

/* In a network of the test's own, which has one address and no IPv6. */
TEST(addresses_that_this_machine_can_not_give_are_refused) {
    static const char *const own[] = {"203.0.113.77", "203.0.113.77:443", "203.0.113.77/32:53/udp",
                                      "::ffff:203.0.113.77"};
    static const char *const v6[] = {"2001:db8::1", "[2001:db8::1]:443", "2001:db8::/32", "::/0"};
    static const char *const fine[] = {"203.0.113.78", "203.0.113.64/26", "0.0.0.0/0", "::ffff:203.0.113.78"};
    /* Each address of these is one of the machine's, or is denied, or is never reached. */
    static const char *const closed[] = {"203.0.113.76/31", "203.0.113.96/28", "203.0.113.104/29:80",
                                         "203.0.113.112/28", "::ffff:203.0.113.76/127"};
    test_daemon d;
    char id[40], policy[200];
    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) test_skip("not root");
    if (system("ip link set lo up && ip addr add 203.0.113.77/32 dev lo && ip addr add 203.0.113.76/32 dev lo"
               "&& ip route add local 203.0.113.96/28 dev lo && ip route add local 203.0.113.112/29 dev lo") != 0)
        test_skip("no program ip");
    daemon_start(&d, (const char *[]){"--egress-deny", "203.0.113.120/29", NULL});
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
        snprintf(policy, sizeof(policy), "{\"allow\":[\"x.org\",\"%s\"]}", own[i]);
        check_refused(&d, policy, 409, "conflict", "is of this machine");
        snprintf(policy, sizeof(policy), "{\"allow\":[\"%s\"]}", v6[i]);
        check_refused(&d, policy, 409, "conflict", v6[i]);
        snprintf(policy, sizeof(policy), "{\"network\":{\"allow\":[\"%s\"]}}", fine[i]);
        make_sandbox(&d, policy, id);
    }
    for (size_t i = 0; i < sizeof(closed) / sizeof(*closed); i++) {
        snprintf(policy, sizeof(policy), "{\"allow\":[\"%s\"]}", closed[i]);
        check_refused(&d, policy, 409, "conflict", "is of this machine");
        CHECK_ERROR(call(&d, "PUT", sandbox_path(id, "/network"), policy), 409, "conflict");
    }
    CHECK_ERROR(call(&d, "PUT", sandbox_path(id, "/network"), "{\"allow\":[\"203.0.113.77\"]}"), 409, "conflict");
    daemon_stop(&d);
}

/* The walk over the parts of such a range goes on behind IPv4's. */
TEST(ranges_of_ipv6_are_accepted_where_the_machine_has_a_way_to_it) {
    static const char *const ranges[] = {"::/0", "2000::/3", "::/1"};
    /* What they lead to is the machine's, or denied. */
    static const char *const relays[] = {"64:ff9b::203.0.113.77", "2002:cb00:714d::/48", "2002:cb00:714d::1",
                                         "64:ff9b::198.51.100.7", "2002:c633:6400::/40"};
    test_daemon d;
    char id[40], policy[200];
    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) test_skip("not root");
    if (system("ip link set lo up && ip -6 addr add 2001:db8:7::1/128 dev lo && ip -6 route add default dev lo"
               "&& ip addr add 203.0.113.77/32 dev lo") != 0)
        test_skip("no program ip, or no IPv6");
    daemon_start(&d, (const char *[]){"--egress-deny", "198.51.100.0/24", NULL});
    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
        snprintf(policy, sizeof(policy), "{\"network\":{\"allow\":[\"%s\"]}}", ranges[i]);
        make_sandbox(&d, policy, id);
    }
    for (size_t i = 0; i < sizeof(relays) / sizeof(*relays); i++) {
        snprintf(policy, sizeof(policy), "{\"allow\":[\"%s\"]}", relays[i]);
        check_refused(&d, policy, 409, "conflict", i < 3 ? "is of this machine" : "is denied by this server");
    }
    make_sandbox(&d, "{\"network\":{\"allow\":[\"64:ff9b::203.0.113.78\",\"2002:cb00:7100::/40\"]}}", id);
    /* As many as there may be: they hold nobody up, or the watchdog ends it. */
    wrn_buf many = WRN_BUF_INIT;
    wrn_buf_puts(&many, "{\"allow\":[");
    for (int i = 0; i < 256; i++) wrn_buf_printf(&many, "%s\"::/0\"", i ? "," : "");
    wrn_buf_puts(&many, "]}");
    CHECK_STATUS(call(&d, "PUT", sandbox_path(id, "/network"), many.data), 200);
    wrn_buf_free(&many);
    daemon_stop(&d);
}

static void check_option(const char *option, const char *value, const char *want) {
    int status;
    char *said = daemon_run((const char *[]){"--data-dir", "/tmp/x", option, value, NULL}, &status);
    CHECK_INT(status, 2);
    CHECK_CONTAINS(said, want);
    free(said);
}

TEST(bad_options_are_named) {
    check_option("--egress-deny", "a..b", "egress-deny \"a..b\"");
    check_option("--egress-private", "x.org", "egress-private takes addresses, not \"x.org\"");
    check_option("--egress-private", "127.0.0.0/8", "is never allowed");
    check_option("--egress-private", "0.0.0.0/0", "egress-private: \"0.0.0.0/0\" has public addresses, which need");
    check_option("--egress-private", "203.0.113.0/24:80", "name private ranges only, such as 10.0.0.0/8");
    check_option("--egress-private", "10.0.0.0/7", "has public addresses");
    check_option("--egress-private", "2001:db8::1", "has public addresses");
    check_option("--egress-dns", "one.one", "egress-dns takes addresses");
    check_option("--egress-ca", "/nonexistent", "cannot read the egress-ca /nonexistent: No such file");
    check_option("--egress-ca", "/etc/passwd", "no certificates (PEM) in the egress-ca /etc/passwd");
    check_option("--egress-smtp", "maybe", "egress-smtp is off or on");
    check_option("--egress-rate", "0", "egress-rate takes a number");
    check_option("--egress-proxy", "socks5://p:1", "it does not begin with http://");
    check_option("--egress-proxy", "http://proxy", "no host or no port");
    check_option("--egress-proxy", "http://p:0", "no port from 1 to 65535");
    check_option("--egress-proxy", "http://p:80/x", "it has a path");
    check_option("--egress-proxy", "http://u:%zz@p:80", "not percent-encoded well");
    check_option("--egress-max", "some", "egress-max is none, allowlist or public");
    check_option("--egress-default=public", "--egress-max=none", "egress-default allows more than egress-max");
}

TEST_MAIN
