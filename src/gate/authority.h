/* Certificates of a sandbox's own authority: the one that the sandbox trusts, and those that it signs for the hosts whose TLS ends here.
 * Keys are of the curve P-256. No system calls but for random bytes and the time. */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/buf.h"

typedef struct wrn_authority {
    EVP_PKEY *key;
    X509 *certificate;
} wrn_authority;

/* Appends a new key and its certificate as PEM, the certificate without what OpenSSL prints for people. False on failure. */
bool wrn_authority_new(wrn_buf *key, wrn_buf *certificate);
bool wrn_authority_read(wrn_authority *out, const char *key, const char *certificate);
/* A key for certificates of hosts; NULL on failure. */
EVP_PKEY *wrn_authority_new_key(void);
/* Signs a certificate for that host and that key, good for WRN_LEAF_SECONDS; NULL on failure. */
enum { WRN_LEAF_SECONDS = 7 * 86400 };
X509 *wrn_authority_sign(const wrn_authority *authority, const char *host, EVP_PKEY *key);
