#include "server/http/router.h"

#include <string.h>

#include "base/text.h"

enum { SEGMENTS_MAX = 12 };

typedef struct path_parts {
    char *segments[SEGMENTS_MAX];
    size_t count;
    bool slash; /* the path ends in a slash */
} path_parts;

bool wrn_request_is_of_capsules(const wrn_request *request) {
    static const char prefix[] = "/v1/capsules/";
    return strncmp(request->head.path, prefix, sizeof(prefix) - 1) == 0;
}

bool wrn_percent_decode(char *text, bool plus) {
    char *out = text;
    for (const char *c = text; *c; c++) {
        if (plus && *c == '+') {
            *out++ = ' ';
        } else if (*c == '%') {
            int high = wrn_hex_digit(c[1]), low = high < 0 ? -1 : wrn_hex_digit(c[2]);
            if (low < 0 || (high == 0 && low == 0)) return false;
            *out++ = (char)(high << 4 | low);
            c += 2;
        } else {
            *out++ = *c;
        }
    }
    *out = '\0';
    return true;
}

bool wrn_query_next(const char **at, const char **name, const char **value, wrn_arena *arena) {
    *at += strspn(*at, "&");
    size_t item = strcspn(*at, "&"), size = strcspn(*at, "=&");
    if (!item) return false;
    char *text = wrn_arena_dup(arena, *at + size, item - size); /* with its '=' */
    *name = wrn_arena_dup(arena, *at, size);
    *value = item > size && text && wrn_percent_decode(text, true) ? text + 1 : NULL;
    *at += item;
    return *name;
}

const char *wrn_query_get(const char *query, const char *name, wrn_arena *arena) {
    const char *found, *value;
    while (wrn_query_next(&query, &found, &value, arena))
        if (strcmp(found, name) == 0) return value;
    return NULL;
}

/* The last segment of a very deep path keeps its slashes, so that it only matches "...". */
static wrn_match split_path(const char *path, wrn_arena *arena, path_parts *parts) {
    char *copy = wrn_arena_dup(arena, path, strlen(path));
    if (!copy || *copy != '/') return WRN_MATCH_NO_PATH;
    size_t size = strlen(copy);
    parts->slash = size > 1 && copy[size - 1] == '/';
    if (parts->slash) copy[size - 1] = '\0';
    char *rest = copy + 1;
    while (rest && parts->count < SEGMENTS_MAX) {
        char *next = parts->count + 1 < SEGMENTS_MAX ? strchr(rest, '/') : NULL;
        if (next) *next++ = '\0';
        if (!wrn_percent_decode(rest, false)) return WRN_MATCH_BAD_PATH;
        parts->segments[parts->count++] = rest;
        rest = next;
    }
    return WRN_MATCH_FOUND;
}

static bool literal_is(const char *literal, size_t size, size_t index, const char *segment) {
    if (index == 1 && strcmp(segment, "capsules") == 0) segment = "sandboxes";
    return strlen(segment) == size && memcmp(literal, segment, size) == 0;
}

/* Whether a pattern fits. `rank` has a bit for each literal segment, the leftmost one highest: larger is better. */
static bool fits(const char *pattern, const path_parts *parts, const char *params[WRN_PARAMS_MAX], unsigned *rank) {
    size_t index = 0, filled = 0, length = strlen(pattern);
    bool slash_ok = length > 1 && pattern[length - 1] == '/';
    *rank = 0;
    for (const char *at = pattern + 1; *at; index++) {
        size_t size = strcspn(at, "/");
        if (size == 3 && strncmp(at, "...", 3) == 0) return true;
        if (index >= parts->count) return false;
        const char *segment = parts->segments[index];
        if (*at == '{') {
            if (!*segment || filled == WRN_PARAMS_MAX) return false;
            params[filled++] = segment;
        } else if (literal_is(at, size, index, segment)) {
            *rank |= 1U << (SEGMENTS_MAX - index);
        } else {
            return false;
        }
        at += size;
        if (*at) at++;
    }
    return index == parts->count && (slash_ok || !parts->slash);
}

static void add_allowed(wrn_buf *allow, const char *method) {
    if (allow->size && strstr(allow->data, method)) return;
    wrn_buf_printf(allow, "%s%s", allow->size ? ", " : "", method);
}

typedef struct search {
    const char *method;
    path_parts parts;
    const wrn_route *found;
    unsigned rank; /* of `found` */
    const char **params;
    wrn_buf *allow;
} search;

static void try_route(search *s, const wrn_route *route) {
    const char *values[WRN_PARAMS_MAX] = {NULL};
    unsigned rank;
    if (!fits(route->pattern, &s->parts, values, &rank)) return;
    if (*route->method != '*' && strcmp(route->method, s->method) != 0) return add_allowed(s->allow, route->method);
    if (s->found && rank <= s->rank) return;
    s->rank = rank;
    s->found = route;
    memcpy(s->params, values, sizeof(values));
}

wrn_match wrn_router_find(const wrn_route *const *tables, const char *method, const char *path, wrn_arena *arena,
                          const char *params[WRN_PARAMS_MAX], const wrn_route **found, wrn_buf *allow) {
    search s = {.method = method, .params = params, .allow = allow};
    wrn_match split_ok = split_path(path, arena, &s.parts);
    if (split_ok != WRN_MATCH_FOUND) return split_ok;
    for (; *tables; tables++)
        for (const wrn_route *each = *tables; each->method; each++) try_route(&s, each);
    *found = s.found;
    if (s.found) return WRN_MATCH_FOUND;
    return allow->size ? WRN_MATCH_NO_METHOD : WRN_MATCH_NO_PATH;
}
