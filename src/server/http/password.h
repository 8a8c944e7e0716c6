/* Passwords: argon2id on libuv's worker pool, and a damper on guessing. */
#ifndef WRN_SERVER_HTTP_PASSWORD_H
#define WRN_SERVER_HTTP_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { WRN_PASSWORD_HASH_SIZE = 128, WRN_PASSWORD_MAX = 1024 };

/* `hash` is NULL when argon2id gets no memory. */
typedef void (*wrn_hashed_fn)(void *context, const char *hash);
typedef void (*wrn_verified_fn)(void *context, bool good);

/* Each hash takes 64 MiB for its time, so few run at once and not many wait: false means too many do. Callbacks come
 * once, from the loop. A verification against `hash` NULL takes as long as any other and fails, so that timing does not
 * tell which accounts exist. */
bool wrn_password_hash(uv_loop_t *loop, const char *password, wrn_hashed_fn done, void *context);
bool wrn_password_verify(uv_loop_t *loop, const char *password, const char *hash, wrn_verified_fn done, void *context);
/* Blocks. */
bool wrn_password_hash_now(const char *password, char out[WRN_PASSWORD_HASH_SIZE]);

/* Counts failures per name in a table of fixed size. */
typedef struct wrn_damper {
    struct {
        uint64_t name;
        int64_t until_ms;
        int64_t failures;
    } slots[1024];
    unsigned char key[16];
} wrn_damper;

void wrn_damper_init(wrn_damper *damper);
/* How long the name has to wait before it may try again; 0: not at all. The first five failures are free. */
int64_t wrn_damper_wait_ms(const wrn_damper *damper, const char *name, int64_t now_ms);
void wrn_damper_failed(wrn_damper *damper, const char *name, int64_t now_ms);
void wrn_damper_succeeded(wrn_damper *damper, const char *name);

#endif
