#include "server/store/ids.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { DIGITS = 25 };

/* 2^128 - 1. Digits sort before letters in ASCII, so text of equal length compares as the numbers do. */
static const char largest[] = "f5lxx1zz5pnorynqglhzmsp33";

void wrn_id_new(char out[WRN_ID_SIZE], const char *prefix) {
    unsigned char bytes[16];
    randombytes_buf(bytes, sizeof(bytes));
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40); /* a version 4 UUID */
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    unsigned __int128 number = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) number = number << 8 | bytes[i];
    char digits[DIGITS + 1] = "";
    for (int i = DIGITS - 1; i >= 0; i--) {
        digits[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
        number /= 36;
    }
    snprintf(out, WRN_ID_SIZE, "%s-%s", prefix, digits);
}

void wrn_tag_new(char out[16], const char *prefix) { snprintf(out, 16, "%s-%08x", prefix, randombytes_random()); }

bool wrn_id_is(const char *id, const char *prefix) {
    size_t size = strlen(prefix);
    if (strncmp(id, prefix, size) != 0 || id[size] != '-') return false;
    const char *digits = id + size + 1;
    return strlen(digits) == DIGITS && strspn(digits, "0123456789abcdefghijklmnopqrstuvwxyz") == DIGITS &&
           strcmp(digits, largest) <= 0;
}

void wrn_api_key_new(char out[WRN_API_KEY_SIZE]) {
    unsigned char bytes[16];
    randombytes_buf(bytes, sizeof(bytes));
    snprintf(out, WRN_API_KEY_SIZE, "wrn_");
    wrn_hex(out + 4, bytes, sizeof(bytes));
}

void wrn_host_token_new(char out[WRN_HOST_TOKEN_SIZE]) {
    unsigned char bytes[32];
    randombytes_buf(bytes, sizeof(bytes));
    wrn_hex(out, bytes, sizeof(bytes));
}

wrn_secret_hash wrn_secret_hash_of(const char *secret) {
    wrn_secret_hash hash;
    crypto_hash_sha256(hash.bytes, (const unsigned char *)secret, strlen(secret));
    return hash;
}
