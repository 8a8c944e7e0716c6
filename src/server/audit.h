/* The audit log: who asked for what, one JSON object a line, only ever appended to.
 *
 *     {"time":"2026-01-02T03:04:05.678Z","what":"request","method":"DELETE","path":"/v1/sandboxes/cl-...","status":204,
 *      "team":"team-...","key":"key-...","peer":"127.0.0.1:40000"}
 *
 * Told are all API requests that change something or go into a sandbox, all that are refused for their credentials, and
 * the server's own beginnings and ends ("start", "stop"). "user" and "key" are whoever asked, by id. Never in it: keys,
 * passwords, tokens, queries and bodies, so neither commands nor files. Of requests of whom nobody knows there are a few
 * lines a second and an hour, and one line a second that counts the others ("refused"). A file that has become large is
 * moved to the same name with ".1" behind it, in the place of the one that was there. When a line can't be written, the server goes on, and says so once in its log. */
#ifndef WRN_SERVER_AUDIT_H
#define WRN_SERVER_AUDIT_H

#include "server/http/request.h"

typedef struct wrn_audit {
    const char *path; /* NULL: there is no audit log */
    int fd;
    bool failing;
    int64_t size, size_max; /* of the file; 0: as large as it likes */
    bool is_file;           /* and no device or pipe */
    int64_t second, hour;   /* those that are counted now */
    int64_t lines, more;    /* of strangers in that second; those that got none */
    int64_t hour_lines;     /* of strangers in that hour */
} wrn_audit;

/* `path` must live as long; `size_max` bytes at most, 0: no limit. False with a message. */
bool wrn_audit_open(wrn_audit *audit, const char *path, int64_t size_max, char *why, size_t why_size);
/* After the file was moved away (SIGUSR2): goes on with a new one. */
void wrn_audit_reopen(wrn_audit *audit);
void wrn_audit_close(wrn_audit *audit);
/* "start" or "stop". */
void wrn_audit_note(wrn_audit *audit, const char *what);
void wrn_audit_request(wrn_audit *audit, const wrn_request *request, int status);

#endif
