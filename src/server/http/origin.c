#include "server/http/origin.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/http/conn.h"

/* A host and its port, in lower case, without brackets and final dot. */
typedef struct host {
    char name[WRN_NAME_SIZE];
    char port[8]; /* "": none */
} host;

static bool split_host(const char *text, size_t size, host *out) {
    const char *end = text + size, *name = text, *colon;
    if (*text == '[') {
        const char *close = memchr(text, ']', size);
        if (!close || (close + 1 < end && close[1] != ':')) return false;
        name++;
        size = (size_t)(close - name);
        colon = close + 1 < end ? close + 1 : NULL;
    } else {
        colon = memchr(text, ':', size);
        if (colon) size = (size_t)(colon - text);
        if (size && name[size - 1] == '.') size--;
    }
    size_t port = colon ? (size_t)(end - colon - 1) : 0;
    if (!size || size >= sizeof(out->name) || port >= sizeof(out->port)) return false;
    for (size_t i = 0; i < size; i++) out->name[i] = (char)tolower((unsigned char)name[i]);
    out->name[size] = '\0';
    if (port) memcpy(out->port, colon + 1, port);
    out->port[port] = '\0';
    return out->port[strspn(out->port, "0123456789")] == '\0';
}

void wrn_names_add(wrn_names *names, const char *address) {
    host h;
    if (strncmp(address, "unix:", 5) == 0 || !split_host(address, strlen(address), &h)) return;
    if (strcmp(h.name, "0.0.0.0") == 0 || strcmp(h.name, "::") == 0) names->any_address = true;
    else if (names->bound_count < WRN_NAMES_MAX)
        snprintf(names->bound[names->bound_count++], sizeof(names->bound[0]), "%.63s", h.name);
}

static bool ends_with(const char *text, const char *end) {
    size_t size = strlen(text), tail = strlen(end);
    return size > tail && strcmp(text + size - tail, end) == 0;
}

static bool is_loopback(const char *name) {
    struct in_addr four;
    struct in6_addr six;
    if (strcmp(name, "localhost") == 0 || ends_with(name, ".localhost")) return true;
    if (inet_pton(AF_INET, name, &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, name, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static bool is_address(const char *name) {
    struct in6_addr either;
    return inet_pton(AF_INET, name, &either) == 1 || inet_pton(AF_INET6, name, &either) == 1;
}

static bool is_allowed(const wrn_names *names, const char *name) {
    host h;
    for (size_t i = 0; i < names->allowed_count; i++)
        if (split_host(names->allowed[i], strlen(names->allowed[i]), &h) && strcmp(h.name, name) == 0) return true;
    return false;
}

static bool is_ours(const wrn_names *names, const char *name) {
    if (is_loopback(name) || is_allowed(names, name)) return true;
    /* Addresses are safe from DNS rebinding. */
    if (names->any_address && is_address(name)) return true;
    for (size_t i = 0; i < names->bound_count; i++)
        if (strcmp(names->bound[i], name) == 0) return true;
    return false;
}

/* Whether the value of a Host field is a name of the server; with `below` also a name directly below one. */
static bool names_have(const wrn_names *names, const char *value, bool below) {
    host h;
    if (!split_host(value, strlen(value), &h)) return false;
    const char *dot = strchr(h.name, '.');
    return is_ours(names, h.name) || (below && dot && is_ours(names, dot + 1));
}

/* Whether an Origin is the address in Host, or a name that the operator allows. */
static bool is_same_origin(const wrn_names *names, const char *origin, const char *asked) {
    host from, to;
    const char *address = strstr(origin, "://");
    if (!address || !split_host(address + 3, strlen(address + 3), &from)) return false;
    bool tls = strncasecmp(origin, "https://", 8) == 0;
    if (!tls && strncasecmp(origin, "http://", 7) != 0) return false;
    if (is_allowed(names, from.name)) return true;
    if (!split_host(asked, strlen(asked), &to)) return false;
    const char *usual = tls ? "443" : "80";
    return strcmp(from.name, to.name) == 0 && strcmp(*from.port ? from.port : usual, *to.port ? to.port : usual) == 0;
}

const char *wrn_origin_problem(const wrn_names *names, const wrn_request *request, bool foreign) {
    const wrn_http_head *head = &request->head;
    const char *asked = wrn_http_head_get(head, "host");
    if (!asked) asked = "";
    /* Browsers never use Unix sockets and always send Host. */
    if (*asked && request->conn && request->conn->io.handle.type == UV_TCP && !names_have(names, asked, foreign))
        return "the name in Host is not one of this server; its operator can add names with --allow-host";
    for (size_t i = 0; i < head->count && !foreign; i++) {
        const wrn_http_field *field = &head->fields[i];
        if (strcmp(field->name, "origin") == 0 && !is_same_origin(names, field->value, asked))
            return "a page of another origin must not use this server";
        if (strcmp(field->name, "sec-fetch-site") == 0 && strcasecmp(field->value, "cross-site") == 0)
            return "a page of another site must not use this server";
    }
    return NULL;
}
