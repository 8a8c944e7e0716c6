/* What outlives a gate that crashed: counters, what was denied, and by which names addresses were found. It lies in memory that
 * wrennd keeps a descriptor of, so that the next gate of the sandbox goes on with it. */
#pragma once

#include "gate/policy.h"

enum { LEDGER_PINS = 512, LEDGER_DENIALS = 128 };

typedef struct ledger_denial {
    wrn_endpoint to; /* zeroed address: a name that was not looked up */
    uint8_t denial;
    uint8_t is_question; /* of DNS */
    uint64_t count;
    int64_t last_at; /* Unix seconds */
    char name[WRN_NAME_MAX + 1];
} ledger_denial;

typedef struct wrn_ledger {
    uint64_t magic, size;
    uint64_t bytes_in, bytes_out, connections, questions, denied, denied_lost;
    uint64_t denials_count;
    ledger_denial denials[LEDGER_DENIALS]; /* the oldest first */
    wrn_address pinned[LEDGER_PINS];
    int64_t pinned_until[LEDGER_PINS]; /* wrn_now_ms() */
    char pinned_name[LEDGER_PINS][WRN_NAME_MAX + 1];
} wrn_ledger;

/* Maps the memory of that descriptor, which it makes large enough; -1: memory of this process. What is not a ledger of this version is
 * begun anew. NULL with errno. */
wrn_ledger *ledger_open(int fd);
/* Counts a denial; the same again is one entry. `name` may be "". */
void ledger_deny(wrn_ledger *ledger, const wrn_endpoint *to, wrn_denial denial, const char *name);
/* The same of a question about a name. */
void ledger_deny_name(wrn_ledger *ledger, const char *name, wrn_denial denial);
/* Remembers that the name led to the address. When there is no room the pin that ends first goes. */
void ledger_pin(wrn_ledger *ledger, const wrn_address *address, const char *name, int64_t until_ms);
/* Pins an address to the name that stands for it until then: the same one as before, as long as nobody else has it. */
wrn_address ledger_invent(wrn_ledger *ledger, const char *name, int64_t until_ms);
/* A wrn_names_fn; `context` is the ledger. */
const char *ledger_names(void *context, const wrn_address *address, size_t *at);
