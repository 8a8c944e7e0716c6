#include "server/routes/proxy_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/http/response.h"
#include "server/http/router.h"

enum { API_KEY_LENGTH = WRN_API_KEY_SIZE - 1 };

/* ---- credentials of ours ---- */

/* Credentials of this server never reach a sandbox, also where this server would not accept them. */
static bool is_our_secret(const wrn_server *server, const char *value) {
    wrn_identity who;
    char host[WRN_ID_SIZE];
    if (strlen(value) == API_KEY_LENGTH && strncmp(value, "wrn_", 4) == 0)
        return wrn_store_use_key(server->store, value, who.team_id, who.key_id) == WRN_DB_OK;
    return wrn_auth_check_token(&server->auth, value, &who) ||
           wrn_jwt_verify_host(server->auth.secret, value, wrn_unix_time(), host);
}

static bool is_our_credential(const wrn_server *server, const wrn_http_field *field) {
    const char *value = field->value;
    if (strcmp(field->name, "x-host-token") == 0) return true;
    if (strcmp(field->name, "x-api-key") != 0 && strcmp(field->name, "authorization") != 0) return false;
    if (strncasecmp(value, "Bearer", 6) == 0) value += 6;
    value += strspn(value, " \t");
    return is_our_secret(server, value);
}

static bool is_our_token(const wrn_server *server, const char *item, size_t size) {
    enum { NAME = 6 };
    if (size <= NAME || strncmp(item, "token=", NAME) != 0) return false;
    char *value = strndup(item + NAME, size - NAME);
    bool ours = wrn_percent_decode(value, true) && is_our_secret(server, value);
    free(value);
    return ours;
}

/* Appends the query without our tokens. */
static void put_query(const wrn_server *server, const char *query, size_t size, wrn_buf *out) {
    const char *end = query + size;
    for (bool first = true; query < end;) {
        const char *and = memchr(query, '&', (size_t)(end - query));
        size_t item = (size_t)((and? and : end) - query);
        if (!is_our_token(server, query, item)) {
            wrn_buf_printf(out, "%s%.*s", first ? "" : "&", (int)item, query);
            first = false;
        }
        query += item + (and != NULL);
    }
}

/* ---- to the program ---- */

/* What follows scheme and authority in a URL of `host`; NULL for other hosts. */
static const char *after_origin(const char *url, const char *host) {
    const char *address = strstr(url, "://");
    if (!host || !address || (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)) return NULL;
    address += 3;
    size_t size = strcspn(address, "/?#");
    return size == strlen(host) && strncasecmp(address, host, size) == 0 ? address + size : NULL;
}

/* Rewrites Origin and Referer of the requested host to that of the program, which compares them with its Host. */
static bool put_own_origin(const wrn_server *server, const wrn_http_field *field, const char *host, int port,
                           wrn_buf *out) {
    if (strcmp(field->name, "origin") != 0 && strcmp(field->name, "referer") != 0) return false;
    const char *rest = after_origin(field->value, host);
    if (!rest) return false;
    size_t path = strcspn(rest, "?");
    wrn_buf_printf(out, "%s: http://localhost:%d%.*s", field->name, port, (int)path, rest);
    if (rest[path]) wrn_buf_putc(out, '?'), put_query(server, rest + path + 1, strlen(rest + path + 1), out);
    wrn_buf_puts(out, "\r\n");
    return true;
}

/* Appends the names of more hop-by-hop fields (RFC 9110 section 7.6.1). False: too many. */
static bool read_connection(const wrn_http_head *head, wrn_buf *out) {
    for (size_t i = 0; i < head->count; i++)
        if (strcmp(head->fields[i].name, "connection") == 0) wrn_buf_printf(out, "%s,", head->fields[i].value);
    return out->size <= WRN_CONNECTION_MAX;
}

/* Fields that name the requested host. Some programs compare Origin with them rather than with Host. */
static bool is_outer_host(const wrn_http_field *field) {
    return strcmp(field->name, "x-forwarded-host") == 0 || strcmp(field->name, "forwarded") == 0;
}

static void put_fields(const wrn_server *server, const wrn_http_head *head, int port, const char *connection,
                       wrn_buf *out) {
    const char *host = wrn_http_head_get(head, "host"), *origin = wrn_http_head_get(head, "origin");
    bool own_origin = origin && after_origin(origin, host);
    for (size_t i = 0; i < head->count; i++) {
        const wrn_http_field *field = &head->fields[i];
        if (wrn_is_hop_field(field->name, strlen(field->name)) || strcmp(field->name, "host") == 0 ||
            strcmp(field->name, "content-length") == 0 || strcmp(field->name, "expect") == 0 ||
            wrn_list_has(connection, field->name) || is_our_credential(server, field) ||
            (own_origin && is_outer_host(field)) || put_own_origin(server, field, host, port, out))
            continue;
        wrn_buf_printf(out, "%s: %s\r\n", field->name, field->value);
    }
    /* Unless another proxy has set them. */
    if (!own_origin && !wrn_http_head_get(head, "x-forwarded-host"))
        wrn_buf_printf(out, "X-Forwarded-Host: %s\r\n", host);
    if (!wrn_http_head_get(head, "x-forwarded-proto")) wrn_buf_puts(out, "X-Forwarded-Proto: http\r\n");
}

bool wrn_proxy_put_head(const wrn_server *server, const wrn_http_head *head, int port, bool upgrade, wrn_buf *out) {
    WRN_AUTO(wrn_buf_free) wrn_buf connection = WRN_BUF_INIT;
    if (!read_connection(head, &connection)) return false;
    bool has_query = head->query != head->path + strlen(head->path); /* also an empty one */
    wrn_buf_printf(out, "%s %s%s", head->method, head->path, has_query ? "?" : "");
    put_query(server, head->query, strlen(head->query), out);
    wrn_buf_printf(out, " HTTP/1.1\r\nHost: localhost:%d\r\n", port);
    put_fields(server, head, port, connection.data ? connection.data : "", out);
    if (head->content_length > 0 || wrn_http_head_get(head, "content-length"))
        wrn_buf_printf(out, "Content-Length: %lld\r\n", (long long)head->content_length);
    if (head->content_length < 0) wrn_buf_puts(out, "Transfer-Encoding: chunked\r\n");
    if (upgrade) wrn_buf_printf(out, "Connection: Upgrade\r\nUpgrade: %s\r\n\r\n", wrn_http_head_get(head, "upgrade"));
    else wrn_buf_puts(out, "Connection: close\r\n\r\n");
    return true;
}

/* ---- from the program ---- */

static bool is_named(const char *line, const char *name) {
    size_t size = strlen(name);
    return strncasecmp(line, name, size) == 0 && line[size] == ':';
}

/* Drops Domain, which would give the cookie to the server and to all other sandboxes. */
static void put_cookie(const char *line, size_t size, wrn_buf *out) {
    const char *end = line + size;
    for (bool first = true; line < end; first = false) {
        const char *semicolon = memchr(line, ';', (size_t)(end - line));
        size_t piece = (size_t)((semicolon ? semicolon : end) - line), blank = strspn(line, " \t");
        const char *word = line + blank;
        bool is_domain = !first && strncasecmp(word, "domain", 6) == 0 && strchr(" \t=;\r", word[6]);
        if (!is_domain) wrn_buf_printf(out, "%s%.*s", first ? "" : ";", (int)piece, line);
        line += piece + (semicolon != NULL);
    }
    wrn_buf_puts(out, "\r\n");
}

/* Makes redirects to the program's own address relative: clients can't use that address. */
static void put_location(const char *line, size_t size, int port, wrn_buf *out) {
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]", "0.0.0.0"};
    char own[64];
    const char *value = strchr(line, ':') + 1;
    value += strspn(value, " \t");
    for (size_t i = 0; i < WRN_COUNT(names); i++) {
        size_t own_size = (size_t)snprintf(own, sizeof(own), "http://%s:%d", names[i], port);
        if (value + own_size > line + size || strncasecmp(value, own, own_size) != 0 ||
            !strchr("/?#\r", value[own_size]))
            continue;
        const char *rest = value + own_size;
        wrn_buf_printf(out, "%.*s%s%.*s\r\n", (int)(value - line), line, *rest == '/' ? "" : "/",
                       (int)(line + size - rest), rest);
        return;
    }
    wrn_buf_printf(out, "%.*s\r\n", (int)size, line);
}

void wrn_proxy_fix_fields(int port, wrn_buf *fields) {
    wrn_buf out = WRN_BUF_INIT;
    for (const char *line = fields->data, *end = line + fields->size; line && line < end;) {
        size_t size = strcspn(line, "\r\n");
        if (is_named(line, "set-cookie")) put_cookie(line, size, &out);
        else if (is_named(line, "location")) put_location(line, size, port, &out);
        else wrn_buf_printf(&out, "%.*s\r\n", (int)size, line);
        line += size + 2;
    }
    wrn_buf_free(fields);
    *fields = out;
}
