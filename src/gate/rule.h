/* Rules about destinations, as people write them. */
#pragma once

#include "gate/address.h"

/* NAME, *.NAME, *, ADDRESS or ADDRESS/LENGTH, then :PORT or :PORT-PORT, then /tcp or /udp, the latter two optional. Version 6 with a
 * port is in brackets. `*.x` is whatever lies below x, but not x. */
enum { WRN_NAME_MAX = 253 };
typedef struct wrn_rule {
    bool is_name;
    bool is_wild;       /* what lies below `name`; with "" every name */
    bool has_ports;     /* the rule names ports */
    uint8_t proto;      /* WRN_ANY_PROTO: the rule names none */
    uint8_t bits;       /* of `range`, of 128 */
    uint16_t low, high; /* ports */
    wrn_address range;
    char name[WRN_NAME_MAX + 1]; /* lower case */
} wrn_rule;

/* False with `why`, a sentence for people without the rule itself. */
bool wrn_rule_parse(const char *text, wrn_rule *out, char *why, size_t why_size);

typedef enum wrn_reach { WRN_REACH_PUBLIC, WRN_REACH_PRIVATE, WRN_REACH_NEVER } wrn_reach;
/* Whether some of what the rule covers is public, or with the operator's consent can be reached, or nothing ever. Names are public but for
 * those of wrn_name_class(). */
wrn_reach wrn_rule_reach(const wrn_rule *rule);
/* Whether the rule is about that name, which is in lower case. */
bool wrn_rule_fits_name(const wrn_rule *rule, const char *name);
/* Whether `outer` covers all that `inner` does; never when one is about names and the other about addresses. */
bool wrn_rule_within(const wrn_rule *inner, const wrn_rule *outer);

/* Lower-cases a name of a host and drops the dot at its end. False when it is none: letters, digits, hyphens and underscores, labels of
 * 1 to 63, at most 253 in all, the last label no number. */
bool wrn_name_clean(const char *text, size_t size, char out[WRN_NAME_MAX + 1]);
/* Whether a name is that one, or below it. Both are in lower case. */
bool wrn_name_below(const char *name, const char *end);
/* Why a name is never reached, whoever resolves it; WRN_ALLOWED: that depends on more. It is in lower case. */
wrn_denial wrn_name_class(const char *name);
/* Whether the value of the field Host is an address, with a port or without. */
bool wrn_host_is_address(const char *text, size_t size);
/* HOST or HOST:PORT of a target that names it, as `http://HOST/path` does; `scheme` is `http://` or `https://`. NULL: the target has
 * another form. */
const char *wrn_target_host(const char *target, const char *end, const char *scheme, size_t *size);
