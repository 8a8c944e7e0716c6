#include "gate/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

static bool refuse(char *why, size_t size, const char *text) {
    snprintf(why, size, "%s", text);
    return false;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* What is wrong with the name; NULL: nothing. */
static const char *name_fault(const char *text, size_t size, char out[WRN_NAME_MAX + 1]) {
    size_t label = 0;
    bool digits = true, is_hex = false; /* of the last label; 0x7f000001 is an address to some */
    if (size && text[size - 1] == '.') size--;
    if (!size) return "it has no name";
    if (size > WRN_NAME_MAX) return "a name has at most 253 characters";
    for (size_t i = 0; i < size; i++) {
        char c = out[i] = lower(text[i]);
        if (c == '.') {
            if (!label) return "a label of the name is empty";
            label = 0;
            digits = true;
            is_hex = false;
            continue;
        }
        if ((unsigned char)c >= 0x80) return "use the ASCII form of the name (xn--...)";
        if (!is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-' && c != '_')
            return "a name has letters, digits, hyphens and dots; '*.' only at its start";
        if (label == 1 && c == 'x' && out[i - 1] == '0') is_hex = digits = true;
        else digits &= is_digit(c) || (is_hex && c >= 'a' && c <= 'f');
        if (++label > 63) return "a label of the name has more than 63 characters";
    }
    out[size] = 0;
    if (!label) return "a label of the name is empty";
    return digits ? "it looks like an address, but is none" : NULL;
}

bool wrn_name_clean(const char *text, size_t size, char out[WRN_NAME_MAX + 1]) {
    return !memchr(text, 0, size) && name_fault(text, size, out) == NULL;
}

/* PORT or PORT-PORT. */
static bool parse_ports(char *text, wrn_rule *out) {
    int64_t low, high;
    char *dash = strchr(text, '-');
    if (dash) *dash = 0;
    if (!is_digit(*text) || !wrn_parse_int(text, 1, 65535, &low)) return false;
    high = low;
    if (dash && (!is_digit(dash[1]) || !wrn_parse_int(dash + 1, low, 65535, &high))) return false;
    out->has_ports = true;
    out->low = (uint16_t)low;
    out->high = (uint16_t)high;
    return true;
}

/* The protocol, and the ports of what is not a bare address of version 6: both are cut off. */
static bool parse_tail(char *text, wrn_rule *out, char **host, char *why, size_t why_size) {
    char *slash = strrchr(text, '/');
    if (slash && (strcmp(slash, "/tcp") == 0 || strcmp(slash, "/udp") == 0)) {
        out->proto = slash[1] == 't' ? WRN_TCP : WRN_UDP;
        *slash = 0;
    } else if (slash && !is_digit(slash[1])) {
        return refuse(why, why_size, "after '/' comes tcp, udp or the length of a prefix");
    }
    char *ports = NULL;
    *host = text;
    if (*text == '[') {
        char *end = strchr(text, ']');
        if (!end) return refuse(why, why_size, "the bracket is not closed");
        *host = text + 1;
        *end = 0;
        if (end[1] && end[1] != ':') return refuse(why, why_size, "after ']' comes ':' and a port");
        if (end[1]) ports = end + 2;
        if (!strchr(*host, ':')) return refuse(why, why_size, "only addresses of version 6 go into brackets");
    } else {
        char *colon = strchr(text, ':');
        if (colon && !strchr(colon + 1, ':')) {
            *colon = 0;
            ports = colon + 1;
        }
    }
    if (ports && !parse_ports(ports, out))
        return refuse(why, why_size, "a port is a number from 1 to 65535, a range is LOW-HIGH");
    return true;
}

/* 1: an address, 0: none, -1: an address with something wrong. */
static int parse_range(char *host, wrn_rule *out, char *why, size_t why_size) {
    char *slash = strchr(host, '/');
    if (slash) *slash = 0;
    int version = wrn_address_parse(host, &out->range);
    if (!version) {
        if (!slash && !strchr(host, ':')) return 0;
        refuse(why, why_size, slash ? "before '/' comes an address" : "it is not an address of version 6");
        return -1;
    }
    int64_t length = version == 4 ? 32 : 128;
    if (slash && (!is_digit(slash[1]) || !wrn_parse_int(slash + 1, 0, length, &length))) {
        refuse(why, why_size,
               version == 4 ? "the length of a prefix is 0 to 32" : "the length of a prefix is 0 to 128");
        return -1;
    }
    out->bits = (uint8_t)(version == 4 ? 96 + length : length);
    wrn_range_start(&out->range, out->bits);
    return 1;
}

bool wrn_rule_parse(const char *text, wrn_rule *out, char *why, size_t why_size) {
    char copy[WRN_NAME_MAX + 32], *host;
    *out = (wrn_rule){.low = 0, .high = 65535};
    size_t size = strlen(text);
    if (!size) return refuse(why, why_size, "it is empty");
    if (size >= sizeof(copy)) return refuse(why, why_size, "it is too long");
    if (strstr(text, "://"))
        return refuse(why, why_size, "it is a URL; a rule has only its host, with :PORT if need be");
    memcpy(copy, text, size + 1);
    if (!parse_tail(copy, out, &host, why, why_size)) return false;
    int range = parse_range(host, out, why, why_size);
    if (range) return range > 0;
    out->is_name = true;
    if (strncmp(host, "*.", 2) == 0 || strcmp(host, "*") == 0) {
        out->is_wild = true;
        host += host[1] ? 2 : 1;
        if (!*host && out->is_wild && strcmp(copy, "*") == 0) return true;
    }
    const char *fault = name_fault(host, strlen(host), out->name);
    return fault ? refuse(why, why_size, fault) : true;
}

wrn_reach wrn_rule_reach(const wrn_rule *rule) {
    if (rule->is_name) return wrn_name_class(rule->name) == WRN_ALLOWED ? WRN_REACH_PUBLIC : WRN_REACH_NEVER;
    wrn_denial class = wrn_range_class(&rule->range, rule->bits);
    return class == WRN_ALLOWED ? WRN_REACH_PUBLIC : class == WRN_DENY_PRIVATE ? WRN_REACH_PRIVATE : WRN_REACH_NEVER;
}

bool wrn_name_below(const char *name, const char *end) {
    size_t size = strlen(name), more = strlen(end);
    return (size == more || (size > more && name[size - more - 1] == '.')) && strcmp(name + size - more, end) == 0;
}

wrn_denial wrn_name_class(const char *name) {
    if (wrn_name_below(name, "localhost")) return WRN_DENY_LOOPBACK;
    return wrn_name_below(name, "metadata.google.internal") ? WRN_DENY_METADATA : WRN_ALLOWED;
}

bool wrn_rule_fits_name(const wrn_rule *rule, const char *name) {
    if (!rule->is_name) return false;
    bool same = strcmp(rule->name, name) == 0;
    return !rule->is_wild ? same : !*rule->name || (!same && wrn_name_below(name, rule->name));
}

static bool names_within(const wrn_rule *inner, const wrn_rule *outer) {
    if (!inner->is_wild) return wrn_rule_fits_name(outer, inner->name);
    return outer->is_wild && (strcmp(inner->name, outer->name) == 0 || wrn_rule_fits_name(outer, inner->name));
}

bool wrn_rule_within(const wrn_rule *inner, const wrn_rule *outer) {
    if (inner->is_name != outer->is_name) return false;
    bool place = inner->is_name
                     ? names_within(inner, outer)
                     : inner->bits >= outer->bits && wrn_address_in(&inner->range, &outer->range, outer->bits);
    return place && (outer->proto == WRN_ANY_PROTO || outer->proto == inner->proto) && inner->low >= outer->low &&
           inner->high <= outer->high;
}

bool wrn_host_is_address(const char *text, size_t size) {
    enum { ALL_BITS = 128 };
    wrn_rule rule;
    char copy[64] = "", why[128];
    if (!size || size >= sizeof(copy) || memchr(text, '/', size) || memchr(text, 0, size)) return false;
    memcpy(copy, text, size);
    return wrn_rule_parse(copy, &rule, why, sizeof(why)) && !rule.is_name && rule.bits == ALL_BITS &&
           (!rule.has_ports || rule.low == rule.high);
}

const char *wrn_target_host(const char *target, const char *end, const char *scheme, size_t *size) {
    size_t head = strlen(scheme);
    if ((size_t)(end - target) < head || strncasecmp(target, scheme, head) != 0) return NULL;
    const char *stop = target += head;
    while (stop < end && *stop != '/' && *stop != '?') stop++;
    *size = (size_t)(stop - target);
    return target;
}
