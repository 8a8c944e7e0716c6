/* Identifiers (a prefix and 128 random bits as 25 base-36 digits), API keys and host tokens. */
#pragma once

#include <stdbool.h>

enum {
    WRN_ID_SIZE = 32,         /* the longest prefix, the digits, NUL */
    WRN_API_KEY_SIZE = 37,    /* "wrn_", 32 hex digits, NUL */
    WRN_KEY_PREFIX_SIZE = 11, /* the shown beginning of a key, NUL */
    WRN_HOST_TOKEN_SIZE = 65, /* 64 hex digits, NUL */
    WRN_SECRET_HASH_SIZE = 32
};

/* For prefix "cl": "cl-" and digits. */
void wrn_id_new(char out[WRN_ID_SIZE], const char *prefix);
/* For prefix "pty": "pty-1f2e3d4c". */
void wrn_tag_new(char out[16], const char *prefix);
/* Checks prefix, length, alphabet and value. */
bool wrn_id_is(const char *id, const char *prefix);

void wrn_api_key_new(char out[WRN_API_KEY_SIZE]);
void wrn_host_token_new(char out[WRN_HOST_TOKEN_SIZE]);

/* Stored instead of a secret. Secrets are random, so a plain SHA-256 is enough. */
typedef struct wrn_secret_hash {
    unsigned char bytes[WRN_SECRET_HASH_SIZE];
} wrn_secret_hash;

wrn_secret_hash wrn_secret_hash_of(const char *secret);
