/* Which destinations a sandbox may reach: the verdict over an address, a name, or an address that was found by a name. No system
 * calls; memory is bounded by the number of rules. wrennd checks what callers ask for with the same functions. */
#pragma once

#include "base/json.h"
#include "gate/rule.h"

typedef enum wrn_egress { WRN_EGRESS_NONE, WRN_EGRESS_ALLOWLIST, WRN_EGRESS_PUBLIC } wrn_egress;

enum { WRN_RULES_MAX = 1024 };
typedef struct wrn_rules {
    wrn_rule *items;
    size_t count;
} wrn_rules;

typedef struct wrn_policy {
    wrn_egress egress;
    bool smtp;    /* lets port 25 pass */
    bool proxied; /* connections leave through a proxy, which gets names: there are addresses that stand for names */
    wrn_rules allow, deny, operator_deny, opened;
} wrn_policy;

/* Reads the members egress, allow, deny, operator_deny, private and smtp, and whether there is one `proxy`. False with `why`, which names the member and the rule; then
 * `out` is empty. The caller frees it with wrn_policy_free(). */
bool wrn_policy_read(const wrn_json *settings, wrn_policy *out, char *why, size_t why_size);
void wrn_policy_free(wrn_policy *policy);

/* May the name be looked up? */
wrn_denial wrn_policy_name(const wrn_policy *policy, const char *name);
/* Is an address good enough to be told to the sandbox? */
wrn_denial wrn_policy_answer(const wrn_policy *policy, const wrn_address *address);

/* The names under which an address was found: wrn_names_fn gives the next one that still counts, NULL after the last. */
typedef const char *(*wrn_names_fn)(void *context, const wrn_address *address, size_t *at);

/* How far a verdict goes. */
typedef enum wrn_scrutiny {
    WRN_NO_SCRUTINY,
    WRN_NAME_REQUIRED,  /* only names allow it: what TLS or HTTP asks for has to be one of them */
    WRN_NAME_NOT_DENIED /* all but the denied names are allowed */
} wrn_scrutiny;

/* Whether the address stands for a name: only with a proxy, and only as long as the name is known. */
bool wrn_policy_stands_for_name(const wrn_policy *policy, const wrn_address *address, wrn_names_fn names,
                                void *context);
/* The number-th of these addresses; there are WRN_INVENTED of them. */
enum { WRN_INVENTED = 1 << 17 };
wrn_address wrn_policy_invented(uint32_t number);

wrn_denial wrn_policy_check(const wrn_policy *policy, const wrn_endpoint *to, wrn_names_fn names, void *context,
                            wrn_scrutiny *scrutiny);
/* Would it be allowed to connect to that name, whatever its addresses are? Only port and protocol of `to` count. */
wrn_denial wrn_policy_host(const wrn_policy *policy, const wrn_endpoint *to, const char *name);
/* The rule behind a verdict over a name, or with NULL over the address: its list (allow, deny or operator_deny), and its place in
 * it. NULL: there is none. */
const char *wrn_policy_decider(const wrn_policy *policy, const wrn_endpoint *to, const char *name, wrn_denial denial,
                               size_t *index);
/* May a connection to that endpoint ask for that server? NULL: it names none. */
wrn_denial wrn_policy_server_name(const wrn_policy *policy, const wrn_endpoint *to, const char *name,
                                  wrn_scrutiny scrutiny);
