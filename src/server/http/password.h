/* Passwords: argon2id on workers, and rate limiting of failed logins. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { WRN_PASSWORD_HASH_SIZE = 128, WRN_PASSWORD_MAX = 1024 };

/* `hash` is NULL when the password is wrong, or argon2id gets no memory. */
typedef void (*wrn_hashed_fn)(void *context, const char *hash);

/* Hashing keeps a processor busy, so few hashes are made at once, and the queue is short: false when it is full. `done` is
 * called once, from the loop. Verifying against `hash` NULL takes as long as any other and fails, so that timing does not
 * tell which accounts exist. */
bool wrn_password_hash(uv_loop_t *loop, const char *password, wrn_hashed_fn done, void *context);
bool wrn_password_verify(uv_loop_t *loop, const char *password, const char *hash, wrn_hashed_fn done, void *context);
/* Of a password of 128 random bits. Hashing makes guessing slow, and nobody guesses those: it takes next to nothing. */
bool wrn_password_hash_random(const char *password, char out[WRN_PASSWORD_HASH_SIZE]);

/* A rate limiter: counts failures per name in a table of fixed size. */
typedef struct wrn_damper {
    struct {
        uint64_t name;
        int64_t until_ms;
        int64_t failures;
    } slots[1024];
    unsigned char key[16];
} wrn_damper;

void wrn_damper_init(wrn_damper *damper);
/* How long the name must wait before the next try. The first five failures cost nothing. */
int64_t wrn_damper_wait_ms(const wrn_damper *damper, const char *name, int64_t now_ms);
void wrn_damper_failed(wrn_damper *damper, const char *name, int64_t now_ms);
void wrn_damper_succeeded(wrn_damper *damper, const char *name);
