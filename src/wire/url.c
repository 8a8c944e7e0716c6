#include "wire/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

enum { UNIX_PATH_MAX_BYTES = 107, URL_MAX = 2048 };

static void url_escape(wrn_buf *out, const char *text, const char *others) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr(others, c);
        if (plain) wrn_buf_putc(out, (char)c);
        else wrn_buf_printf(out, "%%%02X", c);
    }
}

void wrn_url_escape(wrn_buf *out, const char *text) { url_escape(out, text, "-._~"); }
void wrn_url_escape_segment(wrn_buf *out, const char *text) { url_escape(out, text, "-._~$&+,:;=@"); }

static bool is_host_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~[]:%", c);
}

/* What is wrong with host[:port], or NULL. */
static const char *check_authority(const char *text, size_t size) {
    if (!size) return "has no host";
    if (memchr(text, '@', size)) return "must not hold a user name or password; use an API key or token";
    for (size_t i = 0; i < size; i++)
        if (!text[i] || !is_host_char(text[i])) return "has an invalid character in its host";
    const char *end = text + size, *bracket = NULL, *colon = NULL;
    if (*text == '[') {
        bracket = memchr(text, ']', size);
        if (!bracket || (bracket + 1 < end && bracket[1] != ':')) return "has a broken IPv6 address";
        colon = bracket + 1 < end ? bracket + 1 : NULL;
    } else {
        colon = memchr(text, ':', size);
        if (colon == text) return "has no host";
    }
    if (!colon) return NULL;
    char port[8] = "";
    size_t digits = (size_t)(end - colon - 1);
    if (digits && digits < sizeof(port)) memcpy(port, colon + 1, digits);
    int64_t number;
    return wrn_parse_int(port, 1, 65535, &number) ? NULL : "has a port that is not a number from 1 to 65535";
}

/* What is wrong with the part after "//", or NULL. */
static const char *check_http(const char *host) {
    if (strnlen(host, URL_MAX + 1) > URL_MAX) return "is too long";
    size_t host_size = strcspn(host, "/?#");
    const char *problem = check_authority(host, host_size);
    if (problem) return problem;
    for (const char *c = host + host_size; *c; c++) {
        if (*c == '?' || *c == '#') return "must not have a query or a fragment";
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
            return "has a character that must be percent-encoded";
    }
    return NULL;
}

static const char *check_unix(const char *path, size_t size) {
    if (*path != '/') return "needs an absolute path, as in unix:/run/wrennd.sock";
    return size > UNIX_PATH_MAX_BYTES ? "has a path over 107 bytes, too long for a unix socket" : NULL;
}

wrn_url_verdict wrn_base_url_parse(const char *text, wrn_base_url *out, char *why, size_t why_size) {
    *out = (wrn_base_url){0};
    const char *problem = NULL, *url = "http://localhost";
    if (strcmp(text, "local:") == 0) {
        out->kind = WRN_BASE_LOCAL;
    } else if (strncmp(text, "unix:", 5) == 0) {
        out->kind = WRN_BASE_UNIX;
        problem = check_unix(text + 5, strlen(text) - 5);
        if (!problem) out->unix_path = strdup(text + 5);
    } else if (strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0) {
        problem = check_http(text + (text[4] == ':' ? 7 : 8));
        url = text;
    } else {
        problem = "must start with https://, http://, unix:/ or be local:";
    }
    if (problem) {
        /* A user name, password or token must not appear in a message. */
        bool secret = strpbrk(text, "@?#") != NULL;
        snprintf(why, why_size, "the base URL %s%.200s%s %s", secret ? "" : "\"", secret ? "given" : text,
                 secret ? "" : "\"", problem);
        return WRN_URL_BAD;
    }
    out->url = strdup(url);
    if (!out->url || (out->kind == WRN_BASE_UNIX && !out->unix_path)) {
        wrn_base_url_clear(out);
        return WRN_URL_NO_MEMORY;
    }
    for (size_t size = strlen(out->url); size && out->url[size - 1] == '/'; size--) out->url[size - 1] = '\0';
    return WRN_URL_OK;
}

void wrn_base_url_clear(wrn_base_url *base) {
    free(base->url);
    free(base->unix_path);
    *base = (wrn_base_url){0};
}
