/* What sandboxes may reach: demanded at create, from servers that obey that. */
#include "sdk.h"

#define OBEYS "Wrenn-Features: idempotency-key network\r\n"
#define MADE "{\"id\":\"cl-0123456789abcdefghijklmno\",\"status\":\"running\"}"

static int create(setup *s, const wrenn_sandboxes_create_options *options, wrenn_error **error) {
    wrenn_sandbox *made = NULL;
    int rc = wrenn_sandboxes_create(s->client, options, &made, error);
    CHECK_INT(made != NULL, rc == 0);
    wrenn_sandbox_free(made);
    return rc;
}

TEST(a_policy_is_demanded_once_the_server_has_said_that_it_obeys) {
    static const char *const allow[] = {"pypi.org", "*.example.com:443", NULL}, *const deny[] = {"x.org", NULL},
                             *const presets[] = {"python", NULL};
    script_reply replies[2];
    char *texts[] = {script_text("401 Unauthorized", OBEYS, ERROR_BODY("unauthorized")),
                     script_text("201 Created", OBEYS, MADE)};
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    for (size_t i = 0; i < COUNT(replies); i++) replies[i] = (script_reply){.text = texts[i]};
    setup s = set_up(replies, COUNT(replies));
    options.egress = WRENN_EGRESS_PUBLIC;
    options.allow = allow;
    options.deny = deny;
    options.presets = presets;
    CHECK_INT(create(&s, &options, NULL), 0);
    check_request(&s, 1, "POST /v1/sandboxes ",
                  "{\"network\":{\"egress\":\"public\",\"allow\":[\"pypi.org\",\"*.example.com:443\"],\"deny\":["
                  "\"x.org\"],\"presets\":[\"python\"]}}");
    tear_down(&s);
    for (size_t i = 0; i < COUNT(texts); i++) free(texts[i]);
}

/* Such a server would let the sandbox reach everything, whatever is asked for. */
static void check_unsupported(int64_t egress, const char *const *deny) {
    char *text = script_text("404 Not Found", "Wrenn-Features: isolation lifetime\r\n", ERROR_BODY("not_found"));
    const script_reply reply = {.text = text};
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_error *error = NULL;
    setup s = set_up(&reply, 1);
    options.egress = egress;
    options.deny = deny;
    CHECK_INT(create(&s, &options, &error), WRENN_E_UNSUPPORTED);
    CHECK_CONTAINS(wrenn_error_message(error), "egress");
    CHECK_INT(script_count(s.server), 1);
    wrenn_error_free(error);
    tear_down(&s);
    free(text);
}

TEST(a_server_that_says_nothing_of_it_makes_no_sandbox_with_another_network) {
    check_unsupported(WRENN_EGRESS_NONE, NULL);
    check_unsupported(WRENN_EGRESS_DEFAULT, (const char *const[]){"x.org", NULL});
}

TEST(headers_with_secrets_are_demanded_like_policies) {
    static const char *const inject[] = {"api.example.com:Authorization=key", "b.example:8443:X-Key=other", NULL};
    script_reply replies[2];
    char *texts[] = {script_text("401 Unauthorized", "Wrenn-Features: network secrets\r\n", ERROR_BODY("unauthorized")),
                     script_text("201 Created", "Wrenn-Features: network secrets\r\n", MADE)};
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    for (size_t i = 0; i < COUNT(replies); i++) replies[i] = (script_reply){.text = texts[i]};
    setup s = set_up(replies, COUNT(replies));
    options.inject = inject;
    CHECK_INT(create(&s, &options, NULL), 0);
    check_request(&s, 1, "POST /v1/sandboxes ",
                  "{\"network\":{\"inject\":[{\"host\":\"api.example.com\",\"header\":\"Authorization\",\"secret\":"
                  "\"key\"},{\"host\":\"b.example:8443\",\"header\":\"X-Key\",\"secret\":\"other\"}]}}");
    tear_down(&s);
    for (size_t i = 0; i < COUNT(texts); i++) free(texts[i]);
}

TEST(what_names_no_host_header_and_secret_is_refused_here) {
    static const char *const bad[] = {"", "a", "a=b", ":b=c", "a:=c", "a:b=", "a:b"};
    setup s = set_up(NULL, 0);
    for (size_t i = 0; i < COUNT(bad); i++) {
        wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
        options.inject = (const char *const[]){bad[i], NULL};
        CHECK_INT(create(&s, &options, NULL), WRENN_E_INVALID_ARGUMENT);
    }
    CHECK_INT(script_count(s.server), 0);
    tear_down(&s);
}

TEST(unknown_words_are_refused_here) {
    static const int64_t bad[] = {-1, WRENN_EGRESS_PUBLIC + 1, INT64_MAX};
    setup s = set_up(NULL, 0);
    for (size_t i = 0; i < COUNT(bad); i++) {
        wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
        wrenn_sandbox_network_set_options policy = WRENN_SANDBOX_NETWORK_SET_OPTIONS_INIT;
        wrenn_network *network = NULL;
        options.egress = policy.egress = bad[i];
        CHECK_INT(create(&s, &options, NULL), WRENN_E_INVALID_ARGUMENT);
        CHECK_INT(wrenn_sandbox_network_set(s.sandbox, &policy, &network, NULL), WRENN_E_INVALID_ARGUMENT);
    }
    CHECK_INT(script_count(s.server), 0);
    tear_down(&s);
}

TEST_MAIN
