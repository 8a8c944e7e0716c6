#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void wrn_base64_encode(wrn_buf *out, const void *data, size_t size) {
    const uint8_t *in = data;
    char *at = size > SIZE_MAX / 2 ? NULL : wrn_buf_reserve(out, (size + 2) / 3 * 4);
    if (!at) {
        out->failed = true;
        return;
    }
    char *start = at;
    for (; size >= 3; in += 3, size -= 3) {
        *at++ = BASE64[in[0] >> 2];
        *at++ = BASE64[(in[0] & 3) << 4 | in[1] >> 4];
        *at++ = BASE64[(in[1] & 15) << 2 | in[2] >> 6];
        *at++ = BASE64[in[2] & 63];
    }
    if (size) {
        uint8_t second = size == 2 ? in[1] : 0;
        *at++ = BASE64[in[0] >> 2];
        *at++ = BASE64[(in[0] & 3) << 4 | second >> 4];
        *at++ = size == 2 ? BASE64[(second & 15) << 2] : '=';
        *at++ = '=';
    }
    out->size += (size_t)(at - start);
    *at = '\0';
}

size_t wrn_base64_decoded_max(size_t size) { return size / 4 * 3; }

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

ssize_t wrn_base64_decode(void *out, const char *text, size_t size) {
    uint8_t *at = out;
    if (size % 4) return -1;
    for (size_t i = 0; i < size; i += 4) {
        bool last = i + 4 == size;
        int pad = !last ? 0 : text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
        int a = base64_value(text[i]), b = base64_value(text[i + 1]);
        int c = pad == 2 ? 0 : base64_value(text[i + 2]), d = pad ? 0 : base64_value(text[i + 3]);
        if (a < 0 || b < 0 || c < 0 || d < 0) return -1;
        if ((pad == 2 && b & 15) || (pad == 1 && c & 3)) return -1;
        *at++ = (uint8_t)(a << 2 | b >> 4);
        if (pad < 2) *at++ = (uint8_t)(b << 4 | c >> 2);
        if (pad < 1) *at++ = (uint8_t)(c << 6 | d);
    }
    return at - (uint8_t *)out;
}

/* Length of the sequence that `lead` starts, with the allowed range of its second byte; 0 for an invalid lead. */
static size_t utf8_sequence(uint8_t lead, uint8_t *low, uint8_t *high) {
    *low = 0x80;
    *high = 0xBF;
    if (lead < 0x80) return 1;
    if (lead < 0xC2) return 0;
    if (lead < 0xE0) return 2;
    if (lead < 0xF0) {
        if (lead == 0xE0) *low = 0xA0;
        if (lead == 0xED) *high = 0x9F;
        return 3;
    }
    if (lead == 0xF0) *low = 0x90;
    if (lead == 0xF4) *high = 0x8F;
    return lead <= 0xF4 ? 4 : 0;
}

/* How many bytes of a sequence of `need` are there and allowed; the first one is. */
static size_t utf8_good(const uint8_t *text, size_t size, size_t need, uint8_t low, uint8_t high) {
    size_t good = 1;
    for (; good < need && good < size && text[good] >= low && text[good] <= high; good++) low = 0x80, high = 0xBF;
    return good;
}

bool wrn_utf8_is_unfinished(const void *data, size_t size) {
    const uint8_t *text = data;
    uint8_t low, high;
    size_t need = utf8_sequence(*text, &low, &high);
    return size < need && utf8_good(text, size, need, low, high) == size;
}

size_t wrn_utf8_valid_prefix(const void *data, size_t size) {
    const uint8_t *text = data;
    size_t at = 0;
    while (at < size) {
        uint64_t eight;
        if (size - at >= 8 && (memcpy(&eight, text + at, 8), !(eight & 0x8080808080808080u))) {
            at += 8;
            continue;
        }
        uint8_t low, high;
        size_t need = utf8_sequence(text[at], &low, &high);
        if (!need || utf8_good(text + at, size - at, need, low, high) < need) return at;
        at += need;
    }
    return at;
}

bool wrn_text_copy(char **out, const char *text) {
    *out = text ? strdup(text) : NULL;
    return !text || *out;
}

static bool is_harmless(const uint8_t *text, size_t size) {
    if (size == 1) return *text >= ' ' && *text != 0x7F;
    if (size == 2) return (text[0] != 0xC2 || text[1] >= 0xA0) && (text[0] != 0xD8 || text[1] != 0x9C);
    if (size != 3 || text[0] != 0xE2) return true;
    if (text[1] == 0x80) return text[2] != 0x8E && text[2] != 0x8F && (text[2] < 0xA8 || text[2] > 0xAE);
    return text[1] != 0x81 || text[2] < 0xA6 || text[2] > 0xA9;
}

void wrn_text_clean(char *text) {
    size_t size = strlen(text), to = 0;
    for (size_t at = 0, next; at < size; at = next) {
        const uint8_t *from = (const uint8_t *)text + at;
        uint8_t low, high;
        size_t need = utf8_sequence(*from, &low, &high);
        bool whole = need && size - at >= need && wrn_utf8_valid_prefix(from, need) == need;
        next = at + (whole ? need : 1);
        if (whole && is_harmless(from, need)) {
            memmove(text + to, from, need);
            to += need;
        } else {
            text[to++] = '?';
        }
    }
    text[to] = '\0';
}

int wrn_hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

const char wrn_hex_digits[] = "0123456789abcdef";

void wrn_hex(char *out, const void *data, size_t size) {
    const uint8_t *in = data;
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = wrn_hex_digits[in[i] >> 4];
        out[2 * i + 1] = wrn_hex_digits[in[i] & 15];
    }
    out[2 * size] = '\0';
}

bool wrn_random_name(char name[WRN_RANDOM_NAME_SIZE]) {
    uint8_t random[(WRN_RANDOM_NAME_SIZE - 1) / 2];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) return false;
    wrn_hex(name, random, sizeof(random));
    return true;
}

void wrn_rfc3339(char out[WRN_RFC3339_SIZE], int64_t unix_seconds) {
    time_t seconds = (time_t)unix_seconds;
    struct tm utc;
    if (!gmtime_r(&seconds, &utc) || !strftime(out, WRN_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc))
        memcpy(out, "1970-01-01T00:00:00Z", WRN_RFC3339_SIZE);
}

bool wrn_parse_int(const char *text, int64_t min, int64_t max, int64_t *out) {
    char *end;
    if (!text || !((*text >= '0' && *text <= '9') || *text == '-')) return false;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end || end == text || value < min || value > max) return false;
    *out = value;
    return true;
}

size_t wrn_token_size(const char *text) {
    return strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

bool wrn_list_has(const char *list, const char *token) {
    size_t wanted = strlen(token);
    while (*list) {
        list += strspn(list, " \t,");
        size_t size = strcspn(list, ","), trimmed = size;
        while (trimmed && (list[trimmed - 1] == ' ' || list[trimmed - 1] == '\t')) trimmed--;
        if (trimmed == wanted && strncasecmp(list, token, wanted) == 0) return true;
        list += size;
    }
    return false;
}
