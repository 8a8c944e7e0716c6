#include "server/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/log.h"

/* The most lines of unauthenticated requests. */
enum { SECOND_MAX = 20, HOUR_MAX = 2000, PATH_SHOWN = 512 };

static wrn_json *new_line(const char *what) {
    wrn_json *line = wrn_json_new_object();
    int64_t ms = wrn_clock_us(CLOCK_REALTIME) / 1000;
    char when[WRN_RFC3339_SIZE + 8];
    wrn_rfc3339(when, ms / 1000);
    size_t size = strlen(when) - 1; /* without its Z */
    snprintf(when + size, sizeof(when) - size, ".%03dZ", (int)(ms % 1000));
    wrn_json_set_string(line, "time", when);
    wrn_json_set_string(line, "what", what);
    return line;
}

static void note_file(wrn_audit *audit) {
    struct stat info;
    audit->is_file = fstat(audit->fd, &info) == 0 && S_ISREG(info.st_mode);
    audit->size = audit->is_file ? (int64_t)info.st_size : 0;
}

/* If that fails, the log goes on in the same file, and tries again after as many bytes. */
static void rotate(wrn_audit *audit) {
    WRN_AUTO(wrn_buf_free) wrn_buf old = WRN_BUF_INIT;
    wrn_buf_printf(&old, "%s.1", audit->path);
    audit->size = 0;
    if (rename(audit->path, old.data) == 0) return wrn_audit_reopen(audit);
    wrn_log_warning("the audit log %s can't be moved out of the way: %s", audit->path, strerror(errno));
}

static void put_line(wrn_audit *audit, wrn_json *line) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_json_write(line, &text);
    wrn_json_free(line);
    wrn_buf_putc(&text, '\n');
    bool ok = write(audit->fd, text.data, text.size) == (ssize_t)text.size;
    audit->size += (int64_t)text.size;
    if (!ok && !audit->failing) wrn_log_warning("the audit log %s can't be written: %s", audit->path, strerror(errno));
    audit->failing = !ok;
    if (ok && audit->is_file && audit->size_max && audit->size >= audit->size_max) rotate(audit);
}

static int open_file(const char *path) {
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

bool wrn_audit_open(wrn_audit *audit, const char *path, int64_t size_max, wrn_why *why) {
    *audit = (wrn_audit){.path = path, .fd = path ? open_file(path) : -1, .size_max = size_max};
    if (audit->fd >= 0) note_file(audit);
    if (!path || audit->fd >= 0) return true;
    return wrn_why_set(why, "cannot open the audit log %s: %s; see --audit-log", path, strerror(errno));
}

void wrn_audit_reopen(wrn_audit *audit) {
    if (audit->fd < 0) return;
    int fd = open_file(audit->path);
    if (fd < 0) {
        wrn_log_warning("cannot open the audit log %s again: %s; going on with the old file", audit->path,
                        strerror(errno));
        return;
    }
    close(audit->fd);
    audit->fd = fd;
    note_file(audit);
}

void wrn_audit_close(wrn_audit *audit) {
    if (audit->fd >= 0) close(audit->fd);
    audit->fd = -1;
}

void wrn_audit_note(wrn_audit *audit, const char *what) {
    if (audit->fd >= 0) put_line(audit, new_line(what));
}

/* Limits the lines of unauthenticated requests. */
static bool is_too_many(wrn_audit *audit) {
    int64_t now = wrn_now_ms() / 1000;
    if (now / 3600 != audit->hour) audit->hour = now / 3600, audit->hour_lines = 0;
    bool hour_full = audit->hour_lines >= HOUR_MAX;
    if (now == audit->second) {
        bool full = hour_full || audit->lines++ >= SECOND_MAX;
        if (full) audit->more++;
        else audit->hour_lines++;
        return full;
    }
    if (audit->more) {
        wrn_json *line = new_line("refused");
        wrn_json_set_int(line, "more", audit->more);
        put_line(audit, line);
    }
    audit->second = now;
    audit->lines = 1;
    audit->more = hour_full;
    audit->hour_lines += !hour_full;
    return hour_full;
}

static bool is_refused(int status) { return status == 401 || status == 403 || status == 429; }

/* Reading is not logged; status 101 is a WebSocket, which begins with GET. */
static bool is_logged(const wrn_request *request, int status) {
    const char *method = request->head.method;
    return method && request->head.path && (is_refused(status) || status == 101 || strcmp(method, "GET") != 0);
}

static void set_id(wrn_json *line, const char *key, const char *id) {
    if (*id) wrn_json_set_string(line, key, id);
}

void wrn_audit_request(wrn_audit *audit, const wrn_request *request, int status) {
    char path[PATH_SHOWN], peer[64];
    bool is_stranger = !*request->who.team_id && !*request->who.user_id;
    if (audit->fd < 0 || !is_logged(request, status) || ((is_stranger || is_refused(status)) && is_too_many(audit)))
        return;
    snprintf(path, sizeof(path), "%s", request->head.path);
    path[wrn_utf8_valid_prefix(path, strlen(path))] = '\0';
    wrn_text_clean(path);
    wrn_request_peer(request, peer, sizeof(peer));
    wrn_json *line = new_line("request");
    wrn_json_set_string(line, "method", request->head.method);
    wrn_json_set_string(line, "path", path);
    wrn_json_set_int(line, "status", status);
    set_id(line, "team", request->who.team_id);
    set_id(line, "user", request->who.user_id);
    set_id(line, "key", request->who.key_id);
    set_id(line, "peer", peer);
    put_line(audit, line);
}

void wrn_audit_network(wrn_audit *audit, const char *team_id, const char *sandbox_id, const wrn_json *counted) {
    static const char *const totals[][2] = {{"bytes_in", "bytes_in"},
                                            {"bytes_out", "bytes_out"},
                                            {"connections", "connections_total"},
                                            {"dns_queries", "dns_queries"},
                                            {"denied", "denied_total"}};
    if (audit->fd < 0) return;
    wrn_json *line = new_line("network");
    set_id(line, "team", team_id);
    set_id(line, "sandbox", sandbox_id);
    for (size_t i = 0; i < WRN_COUNT(totals); i++) {
        int64_t value = 0;
        (void)wrn_json_int(wrn_json_get(counted, totals[i][1]), &value);
        wrn_json_set_int(line, totals[i][0], value);
    }
    put_line(audit, line);
}
