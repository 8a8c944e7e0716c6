#include "cli/mcp_request.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

/* The text between two places, NUL at the end. False: it is too long, or has what no field may have. */
static bool request_keep(char *out, size_t room, const char *from, const char *to) {
    size_t size = (size_t)(to - from);
    if (size >= room || memchr(from, '\0', size)) return false;
    memcpy(out, from, size);
    out[size] = '\0';
    return true;
}

static int request_take_line(const char *line, const char *end, mcp_request *out) {
    const char *first = memchr(line, ' ', (size_t)(end - line));
    const char *second = first ? memchr(first + 1, ' ', (size_t)(end - first - 1)) : NULL;
    if (!second || end - second != 9 || memcmp(second, " HTTP/1.", 8) != 0) return -400;
    if (!request_keep(out->method, sizeof(out->method), line, first) || !*out->method) return -400;
    if (wrn_token_size(out->method) != strlen(out->method)) return -400;
    return request_keep(out->target, sizeof(out->target), first + 1, second) && *out->target == '/' ? 0 : -400;
}

static int request_take_size(const char *value, const char *end, mcp_request *out, bool *sized) {
    char text[24];
    if (*sized || !request_keep(text, sizeof(text), value, end)) return -400;
    *sized = true;
    return wrn_parse_int(text, 0, INT64_MAX, &out->size) ? 0 : -400;
}

static int take_field(const char *line, const char *end, mcp_request *out, bool *sized) {
    const struct {
        const char *name;
        char *into;
        size_t room;
    } kept[] = {
        {"authorization", out->authorization, sizeof(out->authorization)},
        {"origin", out->origin, sizeof(out->origin)},
        {"mcp-session-id", out->session, sizeof(out->session)},
        {"mcp-protocol-version", out->version, sizeof(out->version)},
    };
    char name[64];
    const char *colon = memchr(line, ':', (size_t)(end - line)), *value = colon ? colon + 1 : NULL;
    /* A space before the colon and folded lines are refused, because servers read them differently. */
    if (!colon || colon == line || *line == ' ' || *line == '\t' || colon[-1] == ' ' || colon[-1] == '\t') return -400;
    while (value < end && (*value == ' ' || *value == '\t')) value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) end--;
    if (!request_keep(name, sizeof(name), line, colon)) return 0;
    if (strcasecmp(name, "content-length") == 0) return request_take_size(value, end, out, sized);
    if (strcasecmp(name, "transfer-encoding") == 0) return -411;
    if (strcasecmp(name, "expect") == 0) out->expects = true;
    for (size_t i = 0; i < WRN_COUNT(kept); i++) {
        if (strcasecmp(name, kept[i].name) != 0) continue;
        if (*kept[i].into || !request_keep(kept[i].into, kept[i].room, value, end)) return -400;
    }
    return 0;
}

int mcp_read_head(const char *data, size_t size, mcp_request *out) {
    const char *end = memmem(data, size < MCP_HEAD_MAX ? size : MCP_HEAD_MAX, "\r\n\r\n", 4);
    bool sized = false;
    *out = (mcp_request){0};
    if (!end) return size < MCP_HEAD_MAX ? 0 : -431;
    int rc = 0;
    const char *line = data, *next;
    for (; rc == 0 && (next = memmem(line, (size_t)(end + 2 - line), "\r\n", 2)); line = next + 2)
        rc = line == data ? request_take_line(line, next, out) : take_field(line, next, out, &sized);
    return rc ? rc : (int)(end + 4 - data);
}
