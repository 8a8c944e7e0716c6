#include "api/network.h"

#include "api/operations.h"

static size_t network_count(const char *const *texts) {
    size_t n = 0;
    while (texts && texts[n]) n++;
    return n;
}

wrn_network_policy wrn_network_asked(int64_t egress, const char *const *allow, const char *const *deny,
                                     const char *const *presets) {
    static const char *const words[] = {NULL, "none", "allowlist", "public"};
    return (wrn_network_policy){
        .egress = egress >= 0 && egress < (int64_t)WRN_COUNT(words) ? words[egress] : NULL,
        .allow = allow,
        .allow_count = network_count(allow),
        .deny = deny,
        .deny_count = network_count(deny),
        .presets = presets,
        .presets_count = network_count(presets),
    };
}

const wrn_op_type wrn_sandbox_network_get_type = {
    {"network get", "GET", "/sandboxes/{sandbox id}/network", WRN_AUTH_ANY},
    .object = &wrn_model_network};

const wrn_op_type wrn_sandbox_network_check_type = {
    {"network check", "GET", "/sandboxes/{sandbox id}/network/check?to={to}", WRN_AUTH_ANY},
    .object = &wrn_model_network_check};

const wrn_op_type wrn_sandbox_network_set_type = {
    {"network set", "PUT", "/sandboxes/{sandbox id}/network", WRN_AUTH_ANY},
    .body = &wrn_model_network_policy,
    .object = &wrn_model_network};

int wrn_sandbox_network_set_prepare(wrenn_sandbox *sandbox, const wrenn_sandbox_network_set_options *options,
                                    wrenn_op **op, wrenn_error **error) {
    const wrn_network_policy policy =
        wrn_network_asked(options->egress, options->allow, options->deny, options->presets);
    if (options->egress < WRENN_EGRESS_DEFAULT || options->egress > WRENN_EGRESS_PUBLIC)
        return wrn_refuse(error, "network set: unknown egress; use WRENN_EGRESS_*");
    return wrn_op_for_sandbox(sandbox, &wrn_sandbox_network_set_type, &options->call, NULL, &policy, op, error);
}
