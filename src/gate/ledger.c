#include "gate/ledger.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"

enum { VERSION = 1 };
#define MAGIC (UINT64_C(0x6c65646765720000) + VERSION)

/* What another gate left is used with care: it may have been captured. */
static void check(wrn_ledger *ledger) {
    for (size_t i = 0; i < LEDGER_PINS; i++) ledger->pinned_name[i][WRN_NAME_MAX] = 0;
    for (size_t i = 0; i < LEDGER_DENIALS; i++) ledger->denials[i].name[WRN_NAME_MAX] = 0;
}

wrn_ledger *ledger_open(int fd) {
    if (fd >= 0 && ftruncate(fd, sizeof(wrn_ledger)) != 0) return NULL;
    int flags = fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    wrn_ledger *out = mmap(NULL, sizeof(wrn_ledger), PROT_READ | PROT_WRITE, flags, fd, 0);
    if (out == MAP_FAILED) return NULL;
    if (out->magic != MAGIC || out->size != sizeof(wrn_ledger) || out->denials_count > LEDGER_DENIALS) {
        if (out->magic) memset(out, 0, sizeof(*out));
        out->magic = MAGIC;
        out->size = sizeof(wrn_ledger);
    } else {
        check(out);
    }
    return out;
}

static void note(wrn_ledger *ledger, const wrn_endpoint *to, bool is_question, wrn_denial denial, const char *name) {
    ledger->denied++;
    for (size_t i = 0; i < ledger->denials_count; i++) {
        ledger_denial *entry = &ledger->denials[i];
        if (entry->denial != denial || entry->is_question != is_question || entry->to.port != to->port ||
            entry->to.proto != to->proto || !wrn_address_equal(&entry->to.address, &to->address) ||
            strcmp(entry->name, name) != 0)
            continue;
        entry->count++;
        entry->last_at = wrn_unix_time();
        return;
    }
    if (ledger->denials_count == LEDGER_DENIALS) {
        ledger->denied_lost += ledger->denials[0].count;
        memmove(ledger->denials, ledger->denials + 1, sizeof(ledger->denials[0]) * --ledger->denials_count);
    }
    ledger_denial *entry = &ledger->denials[ledger->denials_count++];
    *entry = (ledger_denial){
        .to = *to, .denial = (uint8_t)denial, .is_question = is_question, .count = 1, .last_at = wrn_unix_time()};
    strncat(entry->name, name, WRN_NAME_MAX);
}

void ledger_deny(wrn_ledger *ledger, const wrn_endpoint *to, wrn_denial denial, const char *name) {
    note(ledger, to, false, denial, name);
}

void ledger_deny_name(wrn_ledger *ledger, const char *name, wrn_denial denial) {
    wrn_endpoint none = {.port = 0};
    note(ledger, &none, true, denial, name);
}

void ledger_pin(wrn_ledger *ledger, const wrn_address *address, const char *name, int64_t until_ms) {
    size_t slot = 0;
    for (size_t i = 0; i < LEDGER_PINS; i++) {
        if (wrn_address_equal(&ledger->pinned[i], address) && strcmp(ledger->pinned_name[i], name) == 0) {
            if (until_ms > ledger->pinned_until[i]) ledger->pinned_until[i] = until_ms;
            return;
        }
        if (ledger->pinned_until[i] < ledger->pinned_until[slot]) slot = i;
    }
    ledger->pinned[slot] = *address;
    ledger->pinned_until[slot] = until_ms;
    ledger->pinned_name[slot][0] = 0;
    strncat(ledger->pinned_name[slot], name, WRN_NAME_MAX);
}

wrn_address ledger_invent(wrn_ledger *ledger, const char *name, int64_t until_ms) {
    uint32_t hash = 2166136261u;
    for (const char *c = name; *c; c++) hash = (hash ^ (uint8_t)*c) * 16777619u;
    for (;; hash++) { /* there are fewer pins than addresses */
        wrn_address address = wrn_policy_invented(hash);
        size_t at = 0;
        const char *other = ledger_names(ledger, &address, &at);
        if (other && strcmp(other, name) != 0) continue;
        ledger_pin(ledger, &address, name, until_ms);
        return address;
    }
}

const char *ledger_names(void *context, const wrn_address *address, size_t *at) {
    const wrn_ledger *ledger = context;
    int64_t now = wrn_now_ms();
    while (*at < LEDGER_PINS) {
        size_t i = (*at)++;
        if (wrn_address_equal(&ledger->pinned[i], address) && ledger->pinned_until[i] > now)
            return ledger->pinned_name[i];
    }
    return NULL;
}
