/* Identifiers and secrets: a prefix and 128 random bits as 25 base-36 digits; API keys; the tokens of hosts. */
#ifndef WRN_SERVER_STORE_IDS_H
#define WRN_SERVER_STORE_IDS_H

#include <stdbool.h>

enum {
    WRN_ID_SIZE = 32,         /* the longest prefix, the digits and a NUL fit */
    WRN_API_KEY_SIZE = 37,    /* "wrn_", 32 hex digits, NUL */
    WRN_KEY_PREFIX_SIZE = 11, /* what is shown of a key */
    WRN_HOST_TOKEN_SIZE = 65, /* 64 hex digits, NUL */
    WRN_SECRET_HASH_SIZE = 32
};

/* "cl-" and digits, for prefix "cl". */
void wrn_id_new(char out[WRN_ID_SIZE], const char *prefix);
/* "pty-1f2e3d4c" */
void wrn_tag_new(char out[16], const char *prefix);
/* Right prefix, length and alphabet, and no more than 128 bits. */
bool wrn_id_is(const char *id, const char *prefix);

void wrn_api_key_new(char out[WRN_API_KEY_SIZE]);
void wrn_host_token_new(char out[WRN_HOST_TOKEN_SIZE]);

/* What is kept of a secret. They are all random, so that a plain SHA-256 will do. */
typedef struct wrn_secret_hash {
    unsigned char bytes[WRN_SECRET_HASH_SIZE];
} wrn_secret_hash;

wrn_secret_hash wrn_secret_hash_of(const char *secret);

#endif
