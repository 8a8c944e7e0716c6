#include "server/http/password.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/lane.h"

_Static_assert(WRN_PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "a hash must fit");

/* argon2id with little memory and more passes instead, which OWASP's Password Storage Cheat Sheet lists as equally strong.
 * libsodium asks the kernel to fill the memory at once (MAP_POPULATE), which locks the process's memory map; until it is done
 * the loop can neither map nor unmap. */
enum { PASSES = 5, MEMORY = 7 << 20 };

enum { PENDING_MAX = 34, FREE_FAILURES = 5, WAIT_MAX_MS = 60000, WAYS = 4 };

typedef struct hash_job {
    wrn_job job; /* first: a job is cast to its hash_job */
    char password[WRN_PASSWORD_MAX + 1];
    char hash[WRN_PASSWORD_HASH_SIZE];
    bool verify, good;
    wrn_hashed_fn done;
    void *context;
} hash_job;

static size_t pending;

bool wrn_password_hash_random(const char *password, char out[WRN_PASSWORD_HASH_SIZE]) {
    return crypto_pwhash_str_alg(out, password, strlen(password), crypto_pwhash_OPSLIMIT_MIN,
                                 crypto_pwhash_MEMLIMIT_MIN, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

static bool hash(const char *password, char out[WRN_PASSWORD_HASH_SIZE]) {
    return crypto_pwhash_str_alg(out, password, strlen(password), PASSES, MEMORY, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

static void run_hash(wrn_job *of) {
    hash_job *job = (hash_job *)of;
    if (!job->verify) job->good = hash(job->password, job->hash);
    else if (!*job->hash) (void)hash(job->password, job->hash);
    else job->good = crypto_pwhash_str_verify(job->hash, job->password, strlen(job->password)) == 0;
}

static void finish_hash(wrn_job *of) {
    hash_job *job = (hash_job *)of;
    pending--;
    job->done(job->context, job->good ? job->hash : NULL);
    sodium_memzero(job, sizeof(*job));
    free(job);
}

/* `hash` NULL: makes one. */
static bool start_hashing(uv_loop_t *loop, const char *password, const char *hash, wrn_hashed_fn done, void *context) {
    size_t size = strlen(password);
    if (pending >= PENDING_MAX || size > WRN_PASSWORD_MAX) return false;
    hash_job *job = calloc(1, sizeof(*job));
    *job = (hash_job){.verify = hash != NULL, .done = done, .context = context};
    memcpy(job->password, password, size + 1);
    snprintf(job->hash, sizeof(job->hash), "%s", hash ? hash : "");
    pending++;
    wrn_lane_put(loop, WRN_LANE_HASH, &job->job, run_hash, finish_hash);
    return true;
}

bool wrn_password_hash(uv_loop_t *loop, const char *password, wrn_hashed_fn done, void *context) {
    return start_hashing(loop, password, NULL, done, context);
}

bool wrn_password_verify(uv_loop_t *loop, const char *password, const char *hash, wrn_hashed_fn done, void *context) {
    return start_hashing(loop, password, hash ? hash : "", done, context);
}

/* ---- rate limiting ---- */

void wrn_damper_init(wrn_damper *damper) {
    memset(damper, 0, sizeof(*damper));
    randombytes_buf(damper->key, sizeof(damper->key));
}

static uint64_t digest(const wrn_damper *damper, const char *name) {
    uint64_t out;
    _Static_assert(sizeof(out) == crypto_shorthash_BYTES && sizeof(damper->key) == crypto_shorthash_KEYBYTES,
                   "SipHash");
    crypto_shorthash((unsigned char *)&out, (const unsigned char *)name, strlen(name), damper->key);
    return out ? out : 1;
}

/* The slot of the name, or else the one of its set that expires first. */
static size_t slot_of(const wrn_damper *damper, uint64_t name) {
    size_t sets = sizeof(damper->slots) / sizeof(damper->slots[0]) / WAYS;
    size_t first = (size_t)(name % sets) * WAYS, best = first;
    for (size_t i = first; i < first + WAYS; i++) {
        if (damper->slots[i].name == name) return i;
        if (damper->slots[i].until_ms < damper->slots[best].until_ms) best = i;
    }
    return best;
}

int64_t wrn_damper_wait_ms(const wrn_damper *damper, const char *name, int64_t now_ms) {
    uint64_t wanted = digest(damper, name);
    size_t i = slot_of(damper, wanted);
    if (damper->slots[i].name != wanted || damper->slots[i].failures <= FREE_FAILURES) return 0;
    return damper->slots[i].until_ms > now_ms ? damper->slots[i].until_ms - now_ms : 0;
}

void wrn_damper_failed(wrn_damper *damper, const char *name, int64_t now_ms) {
    uint64_t wanted = digest(damper, name);
    size_t i = slot_of(damper, wanted);
    if (damper->slots[i].name != wanted) {
        damper->slots[i].name = wanted;
        damper->slots[i].failures = 0;
    }
    int64_t beyond = ++damper->slots[i].failures - FREE_FAILURES;
    int64_t wait = beyond <= 0 ? 0 : beyond > 6 ? WAIT_MAX_MS : INT64_C(1000) << (beyond - 1);
    damper->slots[i].until_ms = now_ms + (wait < WAIT_MAX_MS ? wait : WAIT_MAX_MS);
}

void wrn_damper_succeeded(wrn_damper *damper, const char *name) {
    uint64_t wanted = digest(damper, name);
    size_t i = slot_of(damper, wanted);
    if (damper->slots[i].name != wanted) return;
    damper->slots[i].name = 0;
    damper->slots[i].failures = damper->slots[i].until_ms = 0;
}
