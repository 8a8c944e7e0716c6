#include "base/etc.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LOCALHOST "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
/* Marks our line. In a copy, or a sandbox made from a snapshot, it names another sandbox, and is replaced. */
#define MARK "# this sandbox"

static bool names_localhost(const char *line, size_t size) {
    static const char name[] = "localhost", spaces[] = " \t\r";
    char copy[256];
    if (size >= sizeof(copy)) return false;
    memcpy(copy, line, size);
    copy[size] = '\0';
    copy[strcspn(copy, "#")] = '\0';
    for (char *save, *word = strtok_r(copy, spaces, &save); word; word = strtok_r(NULL, spaces, &save))
        if (strcmp(word, name) == 0) return true;
    return false;
}

/* Copies `text` without our line. */
static size_t keep_lines(const char *text, size_t size, char *out, bool *has_localhost) {
    size_t used = 0;
    for (const char *at = text, *end = text + size; at < end;) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        size_t line = (size_t)((next ? next : end) - at);
        bool ours = line >= strlen(MARK) && memcmp(at + line - strlen(MARK), MARK, strlen(MARK)) == 0;
        if (!ours) {
            *has_localhost = *has_localhost || names_localhost(at, line);
            memcpy(out + used, at, line);
            used += line;
            out[used++] = '\n';
        }
        at += line + (next != NULL);
    }
    return used;
}

size_t wrn_etc_hosts(const char *text, size_t size, const char *hostname, char out[WRN_HOSTS_ROOM]) {
    bool has_localhost = false;
    size_t first = (size_t)snprintf(out, WRN_HOSTS_ROOM, "%s", LOCALHOST);
    size_t used = keep_lines(text, size, out + first, &has_localhost);
    if (has_localhost) memmove(out, out + first, used);
    else used += first;
    return used + (size_t)snprintf(out + used, WRN_HOSTS_ROOM - used, "127.0.0.1\t%.200s\t" MARK "\n", hostname);
}
