#include "server/routes/policy.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "gate/inject.h"
#include "gate/policy.h"
#include "gate/presets.h"
#include "gate/route.h"
#include "server/routes/routes.h"

static const char *const egress_words[] =
    {[WRN_EGRESS_NONE] = "none", [WRN_EGRESS_ALLOWLIST] = "allowlist", [WRN_EGRESS_PUBLIC] = "public"};

enum { ADDRESS_BITS = 128 };

static const char denied[] = "is denied by this server: wrennd --egress-deny";
static const char own[] = "is of this machine or a broadcast, which no sandbox reaches";

/* The place of the first of these rules that covers that one; `count`: none does. */
static size_t find_outer(const wrn_rule *rule, const char *const *texts, size_t count) {
    wrn_rule outer;
    char why[128];
    for (size_t i = 0; i < count; i++)
        if (wrn_rule_parse(texts[i], &outer, why, sizeof(why)) && wrn_rule_within(rule, &outer)) return i;
    return count;
}

static bool is_covered(const wrn_rule *rule, char *const *texts, size_t count) {
    return find_outer(rule, (const char *const *)texts, count) < count;
}

/* Whether the operator denies it, or all that relays of these addresses lead to. */
static bool is_denied(const wrn_egress_config *config, const wrn_rule *rule) {
    enum { BEFORE_V4 = 96 };
    wrn_rule inner = *rule;
    unsigned before = rule->is_name ? 0 : wrn_address_inner(&rule->range, &inner.range);
    if (is_covered(rule, config->deny, config->deny_count)) return true;
    if (!before || rule->bits < before) return false;
    inner.bits = (uint8_t)(rule->bits < before + 128 - BEFORE_V4 ? BEFORE_V4 + rule->bits - before : 128);
    return is_covered(&inner, config->deny, config->deny_count);
}

/* Why nothing gets to anywhere in that part of a rule; NULL: something may. */
static const char *part_obstacle(const wrn_egress_config *config, const wrn_rule *part) {
    if (is_denied(config, part)) return denied;
    return wrn_rule_reach(part) == WRN_REACH_NEVER ? "is never reached" : NULL;
}

/* Why nothing gets to that address of a rule, and in *bits the length of a range around it for which the same is true; NULL: something may.
 * From the address to larger ranges, for those that are mixed take long to judge. */
static const char *obstacle_at(const wrn_egress_config *config, const wrn_rule *rule, int routes, unsigned *bits) {
    const char *found = NULL;
    wrn_rule part = *rule;
    for (unsigned size = ADDRESS_BITS + 1; size-- > rule->bits;) {
        part.range = rule->range;
        wrn_range_start(&part.range, part.bits = size);
        const char *why = part_obstacle(config, &part);
        if (!why) break;
        found = why;
        *bits = size;
    }
    if (found) return found;
    return route_check_range(routes, &rule->range, bits) == WRN_ALLOWED ? NULL : own;
}

/* Why a rule about addresses leads nowhere; NULL: part of it may lead somewhere. */
static const char *range_obstacle(const wrn_egress_config *config, const wrn_rule *rule) {
    enum { PARTS_MAX = 1000, MAPPED_BITS = 96 };
    WRN_AUTO(wrn_fd_close) int routes = route_open();
    static const wrn_address public_six = {{0x20}}; /* where those of IPv6 begin: what has this needs no long search */
    const char *first = NULL;
    wrn_rule at = *rule;
    unsigned bits;
    at.range = public_six;
    if (wrn_address_in(&at.range, &rule->range, rule->bits) && !obstacle_at(config, &at, routes, &bits)) return NULL;
    at.range = rule->range;
    for (int i = 0; i < PARTS_MAX; i++) {
        const char *why = obstacle_at(config, &at, routes, &bits);
        if (!first) first = why;
        if (!why || bits <= rule->bits) return why;
        bool has_next = wrn_range_next(&at.range, bits);
        if (has_next && rule->bits < MAPPED_BITS &&
            wrn_address_is_v4(&at.range)) /* which is no part of ranges of IPv6 */
            has_next = wrn_range_next(&at.range, MAPPED_BITS);
        if (!has_next || !wrn_address_in(&at.range, &rule->range, rule->bits)) return first;
    }
    return NULL;
}

/* What keeps this server from doing what the rule allows; NULL: nothing. */
static const char *obstacle(const wrn_egress_config *config, const wrn_rule *rule) {
    enum { MAIL = 25 };
    bool is_udp = rule->proto == WRN_UDP;
    if (is_udp && config->proxy_address)
        return "is UDP, which the proxy of this server does not carry: wrennd --egress-proxy";
    if (!is_udp && !config->smtp && rule->low == MAIL && rule->high == MAIL)
        return "is the port of mail, which this server keeps closed: wrennd --egress-smtp";
    if (is_denied(config, rule)) return denied;
    if (wrn_rule_reach(rule) == WRN_REACH_PRIVATE && !is_covered(rule, config->opened, config->opened_count))
        return "is private, and this server opens no such range: wrennd --egress-private";
    if (!rule->is_name && !wrn_address_is_v4(&rule->range) && !wrn_host_has_ipv6())
        return "is IPv6, to whose addresses this machine has no way";
    return rule->is_name ? NULL : range_obstacle(config, rule);
}

static int check_rule(const wrn_egress_config *config, const char *member, size_t index, const char *text,
                      wrn_fault *fault) {
    wrn_rule rule;
    char why[200];
    if (!wrn_rule_parse(text, &rule, why, sizeof(why)))
        return wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST, "%s[%zu] \"%.100s\": %s", member, index, text, why);
    if (strcmp(member, "deny") == 0) return 0;
    if (wrn_rule_reach(&rule) == WRN_REACH_NEVER)
        return wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST,
                             "allow[%zu] \"%.100s\" is never allowed: it is of this machine, its "
                             "link or a metadata service",
                             index, text);
    const char *refused = obstacle(config, &rule);
    if (!refused) return 0;
    return wrn_fault_set(fault, WRN_FAULT_CONFLICT, "allow[%zu] \"%.100s\" %s", index, text, refused);
}

static int add_rules(const wrn_egress_config *config, const char *member, const char *const *texts, size_t count,
                     wrn_json *policy, wrn_fault *fault) {
    wrn_json *array = wrn_json_new_array();
    wrn_json_set(policy, member, array);
    for (size_t i = 0; i < count; i++) {
        if (check_rule(config, member, i, texts[i], fault) != 0) return -1;
        wrn_json_append_string(array, texts[i]);
    }
    return 0;
}

static bool is_preset(const char *name) {
    for (size_t i = 0; wrn_preset_names[i]; i++)
        if (strcmp(wrn_preset_names[i], name) == 0) return true;
    return false;
}

/* Of all its rules something has to come. 0, or -1 with a fault. */
static int check_preset(const wrn_egress_config *config, const char *name, wrn_fault *fault) {
    char why[128];
    char **texts = wrn_preset_rules(name);
    int rc = 0;
    for (size_t i = 0; texts && texts[i] && rc == 0; i++) {
        wrn_rule rule;
        const char *refused = wrn_rule_parse(texts[i], &rule, why, sizeof(why)) ? obstacle(config, &rule) : NULL;
        if (refused) rc = wrn_fault_set(fault, WRN_FAULT_CONFLICT, "preset \"%s\": \"%s\" %s", name, texts[i], refused);
    }
    wrn_preset_free(texts);
    return rc;
}

/* Twice the same would only take up the room that the gate has for rules. */
static bool is_named_before(const char *const *names, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (strcmp(names[i], names[index]) == 0) return true;
    return false;
}

static int add_presets(const wrn_egress_config *config, const wrn_network_policy *asked, wrn_json *policy,
                       wrn_fault *fault) {
    wrn_json *array = wrn_json_new_array();
    wrn_json_set(policy, "presets", array);
    for (size_t i = 0; i < asked->presets_count; i++) {
        const char *name = asked->presets[i];
        if (is_named_before(asked->presets, i)) continue;
        wrn_json_append_string(array, name);
        if (is_preset(name) && check_preset(config, name, fault) != 0) return -1;
        if (is_preset(name)) continue;
        WRN_AUTO(wrn_buf_free) wrn_buf known = WRN_BUF_LIMITED(300);
        for (size_t j = 0; wrn_preset_names[j]; j++) wrn_buf_printf(&known, "%s%s", j ? ", " : "", wrn_preset_names[j]);
        return wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST, "there is no preset \"%.64s\", only %s", name,
                             known.data);
    }
    return 0;
}

/* HOST or HOST:PORT. */
static bool read_host(const char *text, wrn_rule *out) {
    enum { USUAL_PORT = 443 };
    char why[128];
    if (strpbrk(text, "*/") || !wrn_rule_parse(text, out, why, sizeof(why)) || !out->is_name) return false;
    if (!out->has_ports) out->low = out->high = USUAL_PORT;
    out->proto = WRN_TCP;
    return out->low == out->high;
}

/* Hosts can be written in several ways. */
static bool had_before(const wrn_network_policy *asked, size_t index, const wrn_rule *host) {
    wrn_rule before;
    for (size_t i = 0; i < index; i++)
        if (read_host(asked->inject[i]->host, &before) && before.low == host->low &&
            strcmp(before.name, host->name) == 0 &&
            strcasecmp(asked->inject[i]->header, asked->inject[index]->header) == 0)
            return true;
    return false;
}

/* What is wrong with an entry, whatever the server; NULL: nothing. Sets *host. */
static const char *inject_problem(const wrn_network_policy *asked, size_t index, wrn_rule *host) {
    enum { HTTP_PORT = 80 };
    const wrenn_network_header *entry = asked->inject[index];
    if (!read_host(entry->host, host)) return "host is a host name, with :PORT if it is not 443";
    if (host->low == HTTP_PORT) return "port 80 is plain HTTP, and headers are added on HTTPS only; name another port";
    if (wrn_rule_reach(host) == WRN_REACH_NEVER)
        return "the host is never allowed: it is this machine or a metadata service";
    if (!wrn_inject_name_ok(entry->header))
        return "header is the name of a header field, and none that frames or routes requests";
    if (!wrn_is_template_name(entry->secret)) return "secret is the name of a secret";
    return had_before(asked, index, host) ? "the host has that header already" : NULL;
}

static int policy_add_inject(const wrn_egress_config *config, const wrn_network_policy *asked, wrn_json *policy,
                             wrn_fault *fault) {
    WRN_AUTO(wrn_json_freep) wrn_json *array = wrn_json_new_array();
    if (asked->inject_count > WRN_POLICY_INJECT_MAX)
        return wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST, "more than %d entries in inject", WRN_POLICY_INJECT_MAX);
    for (size_t i = 0; i < asked->inject_count; i++) {
        const wrenn_network_header *entry = asked->inject[i];
        wrn_rule host;
        const char *problem = inject_problem(asked, i, &host);
        if (problem)
            return wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST,
                                 "inject[%zu] (host \"%.100s\", header \"%.60s\"): %s", i, entry->host, entry->header,
                                 problem);
        const char *refused = obstacle(config, &host);
        if (refused)
            return wrn_fault_set(fault, WRN_FAULT_CONFLICT, "inject[%zu] (host \"%.100s\") %s", i, entry->host,
                                 refused);
        size_t denying = find_outer(&host, asked->deny, asked->deny_count);
        if (denying < asked->deny_count)
            return wrn_fault_set(fault, WRN_FAULT_CONFLICT,
                                 "inject[%zu] (host \"%.100s\") is denied by deny[%zu] \"%.100s\"; "
                                 "take that entry out of deny, or the host out of inject",
                                 i, entry->host, denying, asked->deny[denying]);
        wrn_json_append(array, wrn_model_encode(&wrn_model_network_header, entry));
    }
    if (asked->inject_count) wrn_json_set(policy, "inject", WRN_TAKE(array));
    return 0;
}

/* What it has that allows something; NULL: nothing. */
static const char *what_allows(const wrn_network_policy *asked) {
    return asked->allow_count ? "allow" : asked->presets_count ? "presets" : asked->inject_count ? "inject" : NULL;
}

/* -1 with a fault. */
static int choose_egress(const wrn_egress_config *config, const wrn_network_policy *asked, wrn_fault *fault) {
    const char *allows = what_allows(asked);
    int64_t chosen = allows ? WRN_EGRESS_ALLOWLIST : config->usual;
    if (asked->egress) {
        for (chosen = 0; chosen < (int64_t)WRN_COUNT(egress_words); chosen++)
            if (strcmp(egress_words[chosen], asked->egress) == 0) break;
        if (chosen == WRN_COUNT(egress_words))
            return wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST, "egress \"%.64s\" is not none, allowlist or public",
                                 asked->egress);
    }
    if (chosen == WRN_EGRESS_NONE && allows)
        return wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST,
                             "egress \"none\" lets nothing out: leave out egress, or %s", allows);
    if (chosen > config->most)
        return wrn_fault_set(fault, WRN_FAULT_CONFLICT,
                             "sandboxes here have at most egress \"%s\", not \"%s\": wrennd "
                             "--egress-max",
                             egress_words[config->most], egress_words[chosen]);
    return (int)chosen;
}

const char *wrn_policy_accept(const wrn_egress_config *config, const wrn_network_policy *asked, wrn_buf *policy,
                              wrn_fault *fault) {
    static const wrn_network_policy nothing;
    WRN_AUTO(wrn_json_freep) wrn_json *accepted = wrn_json_new_object();
    if (!asked) asked = &nothing;
    int egress = choose_egress(config, asked, fault);
    if (egress < 0) return NULL;
    if (asked->allow_count + asked->deny_count > WRN_POLICY_ENTRIES_MAX) {
        wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST, "%zu entries in allow and deny, and %d is the limit",
                      asked->allow_count + asked->deny_count, WRN_POLICY_ENTRIES_MAX);
        return NULL;
    }
    wrn_json_set_string(accepted, "egress", egress_words[egress]);
    if (add_rules(config, "allow", asked->allow, asked->allow_count, accepted, fault) != 0 ||
        add_rules(config, "deny", asked->deny, asked->deny_count, accepted, fault) != 0 ||
        add_presets(config, asked, accepted, fault) != 0 || policy_add_inject(config, asked, accepted, fault) != 0)
        return NULL;
    wrn_json_write(accepted, policy);
    return egress_words[egress];
}

bool wrn_policy_has_secrets(const wrn_server *server, const char *team_id, const wrn_network_policy *asked,
                            wrn_fault *fault) {
    if (asked && asked->inject_count && access(server->egress.gate_tls_path, X_OK) != 0) {
        wrn_fault_set(fault, WRN_FAULT_CONFLICT,
                      "headers can't be added here: there is no program wrenn-gate-tls; install it beside wrenn-gate");
        return false;
    }
    for (size_t i = 0; asked && i < asked->inject_count; i++) {
        const char *name = asked->inject[i]->secret;
        wrn_db outcome = wrn_store_find_secret(server->store, team_id, name);
        if (outcome == WRN_DB_OK) continue;
        if (outcome == WRN_DB_ERROR) wrn_fault_set(fault, WRN_FAULT_DB_ERROR, "the database failed; see wrennd's log");
        else
            wrn_fault_set(fault, WRN_FAULT_CONFLICT, "there is no secret \"%.64s\"; set it first: wrenn secret set",
                          name);
        return false;
    }
    return true;
}

void wrn_policy_blame(wrn_fault *fault) {
    const wrn_fault before = *fault;
    if (fault->code != WRN_FAULT_DB_ERROR) wrn_fault_set(fault, before.code, "member \"network\": %s", before.message);
}
