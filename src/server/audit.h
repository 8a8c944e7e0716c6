/* The audit log: who asked for what, one JSON object a line, only ever appended to.
 *
 *     {"time":"2026-01-02T03:04:05.678Z","what":"request","method":"DELETE","path":"/v1/sandboxes/cl-...","status":204,
 *      "team":"team-...","key":"key-...","peer":"127.0.0.1:40000"}
 *
 * It has all API requests that change something or reach into a sandbox, all that are refused for their credentials, and
 * "start" and "stop" of the server. "network" has the totals of a sandbox that had one, when it has ended. "user" and "key" are
 * ids of the caller. It never holds keys, passwords, tokens, queries or bodies, so neither commands nor files. Unauthenticated
 * requests are limited per second and per hour; "refused" counts the rest. A file that reaches its limit is renamed to FILE.1,
 * replacing that. When a line can't be written, the server goes on and logs that once. */
#pragma once

#include "server/http/request.h"
#include "server/log.h"

typedef struct wrn_audit {
    const char *path; /* NULL: no audit log */
    int fd;
    bool failing;
    int64_t size, size_max; /* of the file; size_max 0: no limit */
    bool is_file;           /* not a device or pipe */
    int64_t second, hour;   /* the current ones */
    int64_t lines, more;    /* of unauthenticated requests in that second: written, left out */
    int64_t hour_lines;     /* written in that hour */
} wrn_audit;

/* `path` must live as long as the log. `size_max` in bytes; 0: no limit. False with a message. */
bool wrn_audit_open(wrn_audit *audit, const char *path, int64_t size_max, wrn_why *why);
/* Opens the path again, after the file was moved away (SIGUSR2). */
void wrn_audit_reopen(wrn_audit *audit);
void wrn_audit_close(wrn_audit *audit);
/* What a sandbox that has ended used its network for; as the gate counts. */
void wrn_audit_network(wrn_audit *audit, const char *team_id, const char *sandbox_id, const wrn_json *counted);
/* "start" or "stop". */
void wrn_audit_note(wrn_audit *audit, const char *what);
void wrn_audit_request(wrn_audit *audit, const wrn_request *request, int status);
