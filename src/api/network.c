#include "api/network.h"

#include <string.h>

#include "api/operations.h"

/* HOST[:PORT]:HEADER=SECRET */
static int read_header(wrenn_op *op, const char *text, const wrenn_network_header **out, wrenn_error **error) {
    wrn_arena *arena = &op->arena;
    const char *what = op->type->name;
    const char *equals = strchr(text, '='), *colon = equals ? memrchr(text, ':', (size_t)(equals - text)) : NULL;
    if (!colon || colon == text || equals == colon + 1 || !equals[1])
        return wrn_refuse(error, "%s: \"%s\" is not HOST:HEADER=SECRET", what, text);
    wrenn_network_header *header = wrn_arena_alloc(arena, sizeof(*header));
    if (!header) return wrn_no_memory(error, what);
    *header = (wrenn_network_header){.host = wrn_arena_dup(arena, text, (size_t)(colon - text)),
                                     .header = wrn_arena_dup(arena, colon + 1, (size_t)(equals - colon - 1)),
                                     .secret = equals + 1};
    *out = header;
    return header->host && header->header ? 0 : wrn_no_memory(error, what);
}

static int read_inject(wrenn_op *op, const char *const *texts, wrn_network_policy *out, wrenn_error **error) {
    out->inject_count = wrn_count_texts(texts);
    if (!out->inject_count) return 0;
    const wrenn_network_header **list = wrn_arena_alloc(&op->arena, out->inject_count * sizeof(*list));
    if (!list) return wrn_no_memory(error, op->type->name);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < out->inject_count; i++) rc = read_header(op, texts[i], &list[i], error);
    out->inject = list;
    return rc;
}

int wrn_network_asked(wrenn_op *op, int64_t egress, const char *const *allow, const char *const *deny,
                      const char *const *presets, const char *const *inject, wrn_network_policy *out,
                      wrenn_error **error) {
    static const char *const words[] = {NULL, "none", "allowlist", "public"};
    if (egress < 0 || egress >= (int64_t)WRN_COUNT(words))
        return wrn_refuse(error, "%s: unknown egress; use WRENN_EGRESS_*", op->type->name);
    *out = (wrn_network_policy){
        .egress = words[egress],
        .allow = allow,
        .allow_count = wrn_count_texts(allow),
        .deny = deny,
        .deny_count = wrn_count_texts(deny),
        .presets = presets,
        .presets_count = wrn_count_texts(presets),
    };
    return read_inject(op, inject, out, error);
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

int wrn_sandbox_network_set_prepare(wrenn_op *op, const wrenn_sandbox_network_set_options *options,
                                    wrenn_error **error) {
    wrn_network_policy policy;
    int rc = wrn_network_asked(op, options->egress, options->allow, options->deny, options->presets, options->inject,
                               &policy, error);
    return rc == 0 ? wrn_op_call_type(op, NULL, &policy, error) : rc;
}
