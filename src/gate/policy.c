#include "gate/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wrn_policy_free(wrn_policy *policy) {
    free(policy->allow.items);
    free(policy->deny.items);
    free(policy->operator_deny.items);
    free(policy->opened.items);
    *policy = (wrn_policy){0};
}

static bool read_rules(const wrn_json *settings, const char *member, wrn_rules *out, size_t *left, char *why,
                       size_t why_size) {
    const wrn_json *list = wrn_json_get(settings, member);
    if (!list) return true;
    size_t count = wrn_json_count(list);
    if (wrn_json_type_of(list) != WRN_JSON_ARRAY) return snprintf(why, why_size, "%s is not a list", member), false;
    if (count > *left) return snprintf(why, why_size, "more than %d rules", WRN_RULES_MAX), false;
    *left -= count;
    if (count && !(out->items = calloc(count, sizeof(*out->items))))
        return snprintf(why, why_size, "out of memory"), false;
    for (; out->count < count; out->count++) {
        size_t size;
        const char *text = wrn_json_string(wrn_json_at(list, out->count), &size);
        char fault[128];
        if (!text || strlen(text) != size)
            return snprintf(why, why_size, "%s[%zu] is not a text", member, out->count), false;
        if (!wrn_rule_parse(text, &out->items[out->count], fault, sizeof(fault)))
            return snprintf(why, why_size, "%s[%zu] \"%.100s\": %s", member, out->count, text, fault), false;
    }
    return true;
}

static bool read_egress(const wrn_json *settings, wrn_egress *out, char *why, size_t why_size) {
    static const char *const words[] = {"none", "allowlist", "public"};
    const char *word = wrn_json_string(wrn_json_get(settings, "egress"), NULL);
    for (size_t i = 0; word && i < WRN_COUNT(words); i++)
        if (strcmp(word, words[i]) == 0) {
            *out = (wrn_egress)i;
            return true;
        }
    snprintf(why, why_size, "egress is none, allowlist or public, not \"%.40s\"", word ? word : "");
    return false;
}

bool wrn_policy_read(const wrn_json *settings, wrn_policy *out, char *why, size_t why_size) {
    size_t left = WRN_RULES_MAX;
    *out = (wrn_policy){0};
    if (read_egress(settings, &out->egress, why, why_size) &&
        read_rules(settings, "allow", &out->allow, &left, why, why_size) &&
        read_rules(settings, "deny", &out->deny, &left, why, why_size) &&
        read_rules(settings, "operator_deny", &out->operator_deny, &left, why, why_size) &&
        read_rules(settings, "private", &out->opened, &left, why, why_size)) {
        (void)wrn_json_bool(wrn_json_get(settings, "smtp"), &out->smtp);
        out->proxied = wrn_json_get(settings, "proxy") != NULL;
        return true;
    }
    wrn_policy_free(out);
    return false;
}

static bool port_fits(const wrn_rule *rule, const wrn_endpoint *to) {
    return to->port >= rule->low && to->port <= rule->high;
}

/* Without a protocol a rule that allows means TCP and, without ports, pings; one that denies means everything. */
static bool allows_service(const wrn_rule *rule, const wrn_endpoint *to) {
    if (to->proto == WRN_PING) return rule->proto == WRN_ANY_PROTO && !rule->has_ports;
    return to->proto == (rule->proto == WRN_ANY_PROTO ? WRN_TCP : rule->proto) && port_fits(rule, to);
}

static bool denies_service(const wrn_rule *rule, const wrn_endpoint *to) {
    if (to->proto == WRN_PING) return rule->proto == WRN_ANY_PROTO && !rule->has_ports;
    return (rule->proto == WRN_ANY_PROTO || rule->proto == to->proto) && port_fits(rule, to);
}

static bool covers(const wrn_rule *rule, const wrn_address *address) {
    return !rule->is_name && wrn_address_in(address, &rule->range, rule->bits);
}

/* What a relay leads to is denied as well. */
static bool covers_denied(const wrn_rule *rule, const wrn_address *address) {
    wrn_address inner;
    return covers(rule, address) || (wrn_address_inner(address, &inner) && covers(rule, &inner));
}

/* Names are denied as a whole by rules without ports; with ports, where a connection says its server. */
static bool name_denied(const wrn_rules *rules, const char *name, const wrn_endpoint *to) {
    for (size_t i = 0; i < rules->count; i++) {
        const wrn_rule *rule = &rules->items[i];
        if (!wrn_rule_fits_name(rule, name)) continue;
        if (to ? denies_service(rule, to) : !rule->has_ports && rule->proto == WRN_ANY_PROTO) return true;
    }
    return false;
}

static bool name_allowed(const wrn_policy *policy, const char *name, const wrn_endpoint *to) {
    for (size_t i = 0; i < policy->allow.count; i++)
        if (wrn_rule_fits_name(&policy->allow.items[i], name) && (!to || allows_service(&policy->allow.items[i], to)))
            return true;
    return false;
}

/* Names that are of no public place. Those that only a rule for every name allows are not meant. */
static wrn_denial inside_class(const wrn_policy *policy, const char *name) {
    static const char *const inside[] = {"local", "internal", "home.arpa"};
    bool is_inside = !strchr(name, '.');
    for (size_t i = 0; i < WRN_COUNT(inside); i++) is_inside |= wrn_name_below(name, inside[i]);
    for (size_t i = 0; is_inside && i < policy->allow.count; i++)
        if (*policy->allow.items[i].name && wrn_rule_fits_name(&policy->allow.items[i], name)) return WRN_ALLOWED;
    return is_inside ? WRN_DENY_PRIVATE : WRN_ALLOWED;
}

wrn_denial wrn_policy_name(const wrn_policy *policy, const char *name) {
    if (name_denied(&policy->operator_deny, name, NULL)) return WRN_DENY_OPERATOR;
    if (policy->egress == WRN_EGRESS_NONE) return WRN_DENY_NAME;
    if (name_denied(&policy->deny, name, NULL)) return WRN_DENY_RULE;
    wrn_denial class = wrn_name_class(name);
    /* Of other names the address tells. A proxy keeps it to itself. */
    if (class == WRN_ALLOWED && policy->proxied) class = inside_class(policy, name);
    if (class != WRN_ALLOWED) return class;
    return policy->egress == WRN_EGRESS_PUBLIC || name_allowed(policy, name, NULL) ? WRN_ALLOWED : WRN_DENY_NAME;
}

static bool is_opened(const wrn_policy *policy, const wrn_address *address, const wrn_endpoint *to) {
    for (size_t i = 0; i < policy->opened.count; i++)
        if (covers(&policy->opened.items[i], address) && (!to || denies_service(&policy->opened.items[i], to)))
            return true;
    return false;
}

wrn_denial wrn_policy_answer(const wrn_policy *policy, const wrn_address *address) {
    wrn_denial class = wrn_address_class(address);
    return class == WRN_DENY_PRIVATE && is_opened(policy, address, NULL) ? WRN_ALLOWED : class;
}

static bool range_denied(const wrn_rules *rules, const wrn_endpoint *to) {
    for (size_t i = 0; i < rules->count; i++)
        if (covers_denied(&rules->items[i], &to->address) && denies_service(&rules->items[i], to)) return true;
    return false;
}

static bool range_allowed(const wrn_policy *policy, const wrn_endpoint *to) {
    for (size_t i = 0; i < policy->allow.count; i++)
        if (covers(&policy->allow.items[i], &to->address) && allows_service(&policy->allow.items[i], to)) return true;
    return false;
}

static bool has_names(const wrn_rules *rules) {
    for (size_t i = 0; i < rules->count; i++)
        if (rules->items[i].is_name) return true;
    return false;
}

/* Does the gate see for which name a connection is? See connections.c. */
static bool says_name(const wrn_endpoint *to) { return to->proto == WRN_TCP && (to->port == 443 || to->port == 80); }

/* Is an address allowed by a name that led to it? `denied` says whether, and why, another one of its names is denied. */
static bool found_by(const wrn_policy *policy, const wrn_endpoint *to, wrn_names_fn names, void *context,
                     wrn_denial *denied) {
    bool allowed = false;
    size_t at = 0;
    *denied = WRN_ALLOWED;
    for (const char *name; (name = names(context, &to->address, &at));) {
        if (name_denied(&policy->operator_deny, name, to)) *denied = WRN_DENY_OPERATOR;
        else if (name_denied(&policy->deny, name, to)) *denied = WRN_DENY_RULE;
        else allowed |= name_allowed(policy, name, to);
    }
    return allowed;
}

/* 198.18.0.0/15, which is for benchmarks: nobody has public servers there. */
static const uint8_t invented[4] = {198, 18, 0, 0};

wrn_address wrn_policy_invented(uint32_t number) {
    number %= WRN_INVENTED;
    const uint8_t bytes[4] = {invented[0], (uint8_t)(invented[1] + (number >> 16)), (uint8_t)(number >> 8),
                              (uint8_t)number};
    return wrn_address_v4(bytes);
}

bool wrn_policy_stands_for_name(const wrn_policy *policy, const wrn_address *address, wrn_names_fn names,
                                void *context) {
    wrn_address range = wrn_address_v4(invented);
    size_t at = 0;
    return policy->proxied && wrn_address_in(address, &range, 96 + 15) && names(context, address, &at);
}

static wrn_denial judge(const wrn_policy *policy, const wrn_endpoint *to, wrn_names_fn names, void *context,
                        wrn_scrutiny *scrutiny) {
    bool is_name = wrn_policy_stands_for_name(policy, &to->address, names, context);
    wrn_denial class = is_name ? WRN_ALLOWED : wrn_address_class(&to->address), by_name;
    bool opened = class == WRN_DENY_PRIVATE && is_opened(policy, &to->address, to);
    if (class != WRN_ALLOWED && !opened) return class;
    if (!is_name && range_denied(&policy->operator_deny, to)) return WRN_DENY_OPERATOR;
    if (policy->egress == WRN_EGRESS_NONE) return WRN_DENY_UNLISTED;
    if (!is_name && range_denied(&policy->deny, to)) return WRN_DENY_RULE;
    if (to->proto == WRN_TCP && to->port == 25 && !policy->smtp) return WRN_DENY_SMTP;
    bool found = found_by(policy, to, names, context, &by_name);
    if (by_name != WRN_ALLOWED && !says_name(to)) return by_name; /* it could be meant for the denied one */
    if ((!is_name && range_allowed(policy, to)) || (policy->egress == WRN_EGRESS_PUBLIC && class == WRN_ALLOWED)) {
        if (by_name != WRN_ALLOWED && !found) return by_name;
        if (says_name(to) && (has_names(&policy->deny) || has_names(&policy->operator_deny)))
            *scrutiny = WRN_NAME_NOT_DENIED;
        return WRN_ALLOWED;
    }
    if (!found)
        return by_name != WRN_ALLOWED              ? by_name
               : to->port == 53 || to->port == 853 ? WRN_DENY_RESOLVER
                                                   : WRN_DENY_UNLISTED;
    *scrutiny = WRN_NAME_REQUIRED;
    return WRN_ALLOWED;
}

wrn_denial wrn_policy_check(const wrn_policy *policy, const wrn_endpoint *to, wrn_names_fn names, void *context,
                            wrn_scrutiny *scrutiny) {
    *scrutiny = WRN_NO_SCRUTINY;
    wrn_denial denial = judge(policy, to, names, context, scrutiny);
    return denial == WRN_ALLOWED && policy->proxied && to->proto != WRN_TCP ? WRN_DENY_TCP_ONLY : denial;
}

wrn_denial wrn_policy_host(const wrn_policy *policy, const wrn_endpoint *to, const char *name) {
    wrn_denial denial = wrn_policy_name(policy, name);
    if (denial != WRN_ALLOWED) return denial;
    if (name_denied(&policy->operator_deny, name, to)) return WRN_DENY_OPERATOR;
    if (name_denied(&policy->deny, name, to)) return WRN_DENY_RULE;
    if (to->proto == WRN_TCP && to->port == 25 && !policy->smtp) return WRN_DENY_SMTP;
    if (policy->egress != WRN_EGRESS_PUBLIC && !name_allowed(policy, name, to)) return WRN_DENY_UNLISTED;
    return policy->proxied && to->proto != WRN_TCP ? WRN_DENY_TCP_ONLY : WRN_ALLOWED;
}

const char *wrn_policy_decider(const wrn_policy *policy, const wrn_endpoint *to, const char *name, wrn_denial denial,
                               size_t *index) {
    const wrn_rules *rules = denial == WRN_ALLOWED         ? &policy->allow
                             : denial == WRN_DENY_RULE     ? &policy->deny
                             : denial == WRN_DENY_OPERATOR ? &policy->operator_deny
                                                           : NULL;
    for (size_t i = 0; rules && i < rules->count; i++) {
        const wrn_rule *rule = &rules->items[i];
        bool allows = denial == WRN_ALLOWED;
        bool fits = name     ? wrn_rule_fits_name(rule, name)
                    : allows ? covers(rule, &to->address)
                             : covers_denied(rule, &to->address);
        if (!fits || !(allows ? allows_service(rule, to) : denies_service(rule, to))) continue;
        *index = i;
        return denial == WRN_ALLOWED ? "allow" : denial == WRN_DENY_RULE ? "deny" : "operator_deny";
    }
    return NULL;
}

wrn_denial wrn_policy_server_name(const wrn_policy *policy, const wrn_endpoint *to, const char *name,
                                  wrn_scrutiny scrutiny) {
    if (scrutiny == WRN_NO_SCRUTINY) return WRN_ALLOWED;
    if (!name) return scrutiny == WRN_NAME_REQUIRED ? WRN_DENY_SERVER_NAME : WRN_ALLOWED;
    if (name_denied(&policy->operator_deny, name, to)) return WRN_DENY_OPERATOR;
    if (name_denied(&policy->deny, name, to)) return WRN_DENY_RULE;
    return scrutiny == WRN_NAME_NOT_DENIED || name_allowed(policy, name, to) ? WRN_ALLOWED : WRN_DENY_SERVER_NAME;
}
