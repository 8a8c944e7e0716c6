/* Rules and whole policies: what is accepted matches itself, and no policy allows what is never allowed. */
#include "fuzz.h"
#include "gate/policy.h"

static const char *no_names(void *context, const wrn_address *address, size_t *at) { return NULL; }

static void try_policy(const char *text, size_t size) {
    wrn_json *json = NULL;
    const char *bad;
    char why[256];
    wrn_policy policy;
    if (!wrn_json_parse_within(text, size, 4096, &json, &bad)) return;
    if (wrn_policy_read(json, &policy, why, sizeof(why))) {
        static const char *const never[] = {"127.0.0.1",       "0.0.0.0", "169.254.169.254", "::1",
                                            "64:ff9b::7f00:1", "fe80::1", "fd00:ec2::254"};
        for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
            wrn_endpoint to = {.port = 443, .proto = WRN_TCP};
            wrn_scrutiny scrutiny;
            wrn_address_parse(never[i], &to.address);
            FUZZ_CHECK(wrn_policy_check(&policy, &to, no_names, NULL, &scrutiny) != WRN_ALLOWED);
        }
        wrn_policy_free(&policy);
    }
    wrn_json_free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = strndup((const char *)data, size), why[128] = "", clean[WRN_NAME_MAX + 1];
    wrn_rule rule;
    FUZZ_CHECK(text);
    if (!wrn_rule_parse(text, &rule, why, sizeof(why))) FUZZ_CHECK(*why);
    else if (rule.is_name)
        FUZZ_CHECK(!*rule.name ||
                   (wrn_name_clean(rule.name, strlen(rule.name), clean) && strcmp(clean, rule.name) == 0));
    else
        FUZZ_CHECK(rule.bits <= 128 && wrn_address_in(&rule.range, &rule.range, rule.bits) &&
                   wrn_rule_within(&rule, &rule));
    if (!rule.is_name) FUZZ_CHECK(rule.low <= rule.high);
    try_policy((const char *)data, size);
    free(text);
    return 0;
}
