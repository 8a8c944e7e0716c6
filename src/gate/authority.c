#include "gate/authority.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/auto.h"

enum { AUTHORITY_SECONDS = 10 * 365 * 86400, EARLY_SECONDS = 86400 };

static void free_certificate(X509 **certificate) { X509_free(*certificate); }
static void free_key(EVP_PKEY **key) { EVP_PKEY_free(*key); }
static void free_bio(BIO **bio) { BIO_free(*bio); }

EVP_PKEY *wrn_authority_new_key(void) { return EVP_EC_gen("P-256"); }

static bool add_extension(X509 *certificate, X509 *issuer, int which, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, which, value);
    bool ok = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return ok;
}

/* Numbered at random, valid from yesterday on: clocks differ. */
static X509 *new_certificate(EVP_PKEY *key, long seconds) {
    unsigned char number[16];
    X509 *out = X509_new();
    BIGNUM *serial = RAND_bytes(number, sizeof(number)) == 1 ? BN_bin2bn(number, sizeof(number), NULL) : NULL;
    if (serial) BN_clear_bit(serial, 127);
    if (out && serial && BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(out)) && X509_set_version(out, 2) &&
        X509_gmtime_adj(X509_getm_notBefore(out), -EARLY_SECONDS) &&
        X509_gmtime_adj(X509_getm_notAfter(out), seconds) && X509_set_pubkey(out, key)) {
        BN_free(serial);
        return out;
    }
    BN_free(serial);
    X509_free(out);
    return NULL;
}

static bool add_name(X509_NAME *name, const char *text) {
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0) == 1;
}

static bool write_pem(EVP_PKEY *key, X509 *certificate, wrn_buf *out) {
    WRN_AUTO(free_bio) BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    if (!bio || (key ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                     : PEM_write_bio_X509(bio, certificate)) != 1)
        return false;
    long size = BIO_get_mem_data(bio, &text);
    wrn_buf_put(out, text, (size_t)size);
    return !out->failed;
}

bool wrn_authority_new(wrn_buf *key_text, wrn_buf *certificate_text) {
    WRN_AUTO(free_key) EVP_PKEY *key = wrn_authority_new_key();
    WRN_AUTO(free_certificate) X509 *made = key ? new_certificate(key, AUTHORITY_SECONDS) : NULL;
    X509_NAME *name = made ? X509_get_subject_name(made) : NULL;
    return name && add_name(name, "Wrenn: headers added for this sandbox") && X509_set_issuer_name(made, name) &&
           add_extension(made, made, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add_extension(made, made, NID_key_usage, "critical,keyCertSign") &&
           add_extension(made, made, NID_subject_key_identifier, "hash") && X509_sign(made, key, EVP_sha256()) &&
           write_pem(key, NULL, key_text) && write_pem(NULL, made, certificate_text);
}

bool wrn_authority_read(wrn_authority *out, const char *key, const char *certificate) {
    WRN_AUTO(free_bio) BIO *key_bio = BIO_new_mem_buf(key, -1);
    WRN_AUTO(free_bio) BIO *certificate_bio = BIO_new_mem_buf(certificate, -1);
    out->key = key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL) : NULL;
    out->certificate = certificate_bio ? PEM_read_bio_X509(certificate_bio, NULL, NULL, NULL) : NULL;
    return out->key && out->certificate;
}

X509 *wrn_authority_sign(const wrn_authority *authority, const char *host, EVP_PKEY *key) {
    char names[300];
    X509 *out = new_certificate(key, WRN_LEAF_SECONDS);
    /* Names have no comma. A common name has at most 64 bytes, and nobody reads it. */
    snprintf(names, sizeof(names), "critical,DNS:%s", host);
    if (out && X509_set_issuer_name(out, X509_get_subject_name(authority->certificate)) &&
        add_extension(out, authority->certificate, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(out, authority->certificate, NID_key_usage, "critical,digitalSignature") &&
        add_extension(out, authority->certificate, NID_ext_key_usage, "serverAuth") &&
        add_extension(out, authority->certificate, NID_authority_key_identifier, "keyid") &&
        add_extension(out, authority->certificate, NID_subject_alt_name, names) &&
        X509_sign(out, authority->key, EVP_sha256()))
        return out;
    X509_free(out);
    return NULL;
}
