#include "server/http/jwt.h"

#include <sodium.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

enum { TOKEN_MAX = 4096 };

/* base64url without padding, RFC 4648 section 5. */
static void put_base64url(wrn_buf *out, const void *data, size_t size) {
    size_t start = out->size;
    wrn_base64_encode(out, data, size);
    while (out->size > start && out->data[out->size - 1] == '=') out->size--;
    out->data[out->size] = '\0';
    for (char *c = out->data + start; *c; c++) *c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
}

static bool get_base64url(const char *text, size_t size, wrn_buf *out) {
    WRN_AUTO(wrn_buf_free) wrn_buf standard = WRN_BUF_INIT;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '+' || text[i] == '/' || text[i] == '=') return false;
        wrn_buf_putc(&standard, (char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]));
    }
    while (standard.size % 4) wrn_buf_putc(&standard, '=');
    char *at = wrn_buf_reserve(out, wrn_base64_decoded_max(standard.size));
    ssize_t decoded = at && size ? wrn_base64_decode(at, standard.data, standard.size) : -1;
    if (decoded < 0) return false;
    out->size += (size_t)decoded;
    return true;
}

static void mac(const unsigned char secret[WRN_SECRET_SIZE], const char *data, size_t size,
                unsigned char out[crypto_auth_hmacsha256_BYTES]) {
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, secret, WRN_SECRET_SIZE);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)data, size);
    crypto_auth_hmacsha256_final(&state, out);
}

/* Appends the token. */
static void sign(const unsigned char secret[WRN_SECRET_SIZE], const wrn_json *claims, wrn_buf *out) {
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_json_write(claims, &text);
    size_t start = out->size;
    put_base64url(out, header, sizeof(header) - 1);
    wrn_buf_putc(out, '.');
    put_base64url(out, text.data, text.size);
    unsigned char tag[crypto_auth_hmacsha256_BYTES];
    mac(secret, out->data + start, out->size - start, tag);
    wrn_buf_putc(out, '.');
    put_base64url(out, tag, sizeof(tag));
}

void wrn_jwt_sign(const unsigned char secret[WRN_SECRET_SIZE], const wrn_claims *claims, wrn_buf *out) {
    WRN_AUTO(wrn_json_freep) wrn_json *body = wrn_json_new_object();
    wrn_json_set_string(body, "sub", claims->user_id);
    wrn_json_set_string(body, "team_id", claims->team_id);
    wrn_json_set_string(body, "role", claims->role);
    wrn_json_set_string(body, "email", claims->email);
    wrn_json_set_string(body, "name", claims->name);
    wrn_json_set_int(body, "iat", claims->issued_at);
    wrn_json_set_int(body, "exp", claims->expires_at);
    if (claims->is_admin) wrn_json_set_bool(body, "is_admin", true);
    sign(secret, body, out);
}

void wrn_jwt_sign_host(const unsigned char secret[WRN_SECRET_SIZE], const char *host_id, int64_t now, wrn_buf *out) {
    WRN_AUTO(wrn_json_freep) wrn_json *body = wrn_json_new_object();
    wrn_json_set_string(body, "typ", "host");
    wrn_json_set_string(body, "host_id", host_id);
    wrn_json_set_string(body, "sub", host_id);
    wrn_json_set_int(body, "iat", now);
    wrn_json_set_int(body, "exp", now + WRN_HOST_TOKEN_SECONDS);
    sign(secret, body, out);
}

static wrn_json *get_part(const char *text, size_t size) {
    WRN_AUTO(wrn_buf_free) wrn_buf bytes = WRN_BUF_INIT;
    wrn_json *part = NULL;
    const char *why;
    if (!get_base64url(text, size, &bytes) || !wrn_json_parse(bytes.data, bytes.size, &part, &why)) return NULL;
    return part;
}

static bool member_is(const wrn_json *object, const char *key, const char *want) {
    size_t size = 0;
    const char *text = wrn_json_string(wrn_json_get(object, key), &size);
    return text && size == strlen(want) && memcmp(text, want, size) == 0;
}

static bool get_id(const wrn_json *claims, const char *key, const char *prefix, char out[WRN_ID_SIZE]) {
    size_t size = 0;
    const char *text = wrn_json_string(wrn_json_get(claims, key), &size);
    if (!text || strlen(text) != size || !wrn_id_is(text, prefix)) return false;
    memcpy(out, text, size + 1);
    return true;
}

static bool signature_is_good(const unsigned char secret[WRN_SECRET_SIZE], const char *token, const char *dot) {
    WRN_AUTO(wrn_buf_free) wrn_buf given = WRN_BUF_INIT;
    unsigned char tag[crypto_auth_hmacsha256_BYTES];
    mac(secret, token, (size_t)(dot - token), tag);
    return get_base64url(dot + 1, strlen(dot + 1), &given) && given.size == sizeof(tag) &&
           sodium_memcmp(given.data, tag, sizeof(tag)) == 0;
}

/* The claims of a valid, unexpired token, or NULL. */
static wrn_json *verified(const unsigned char secret[WRN_SECRET_SIZE], const char *token, int64_t now) {
    const char *first = strchr(token, '.'), *second = first ? strchr(first + 1, '.') : NULL;
    if (!second || strlen(token) > TOKEN_MAX || !signature_is_good(secret, token, second)) return NULL;
    WRN_AUTO(wrn_json_freep) wrn_json *header = get_part(token, (size_t)(first - token));
    WRN_AUTO(wrn_json_freep) wrn_json *claims = get_part(first + 1, (size_t)(second - first - 1));
    int64_t expires_at;
    if (!member_is(header, "alg", "HS256") || !wrn_json_int(wrn_json_get(claims, "exp"), &expires_at)) return NULL;
    return expires_at > now ? WRN_TAKE(claims) : NULL;
}

bool wrn_jwt_verify(const unsigned char secret[WRN_SECRET_SIZE], const char *token, int64_t now, wrn_identity *who) {
    WRN_AUTO(wrn_json_freep) wrn_json *claims = verified(secret, token, now);
    if (wrn_json_get(claims, "typ") && !member_is(claims, "typ", "")) return false;
    return get_id(claims, "sub", "usr", who->user_id) && get_id(claims, "team_id", "team", who->team_id);
}

bool wrn_jwt_verify_host(const unsigned char secret[WRN_SECRET_SIZE], const char *token, int64_t now,
                         char host_id[WRN_ID_SIZE]) {
    WRN_AUTO(wrn_json_freep) wrn_json *claims = verified(secret, token, now);
    return member_is(claims, "typ", "host") && get_id(claims, "host_id", "host", host_id);
}
