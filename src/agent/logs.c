#include "agent/logs.h"

#include <stdlib.h>
#include <string.h>

#include "agent/channel.h"
#include "agent/log.h"
#include "agent/loop.h"
#include "wire/frame.h"

struct logged {
    logged *next; /* the oldest first */
    uint32_t stream, pid;
    char *label;
    output_log log;
    bool over;
    uint8_t exit[12]; /* once it is over */
};

typedef struct reader {
    struct reader *next;
    uint32_t stream;
    logged *of;
    uint64_t at, until; /* `until`: where it ends, if it does not end with the command */
    int64_t credit;
    bool unsaid; /* FROM is to be sent */
    uint64_t dropped;
} reader;

static logged *all;
static reader *readers;
static const uint8_t runs[12] = {WRN_EXIT_RUNS}, unknown[12] = {WRN_EXIT_FAILED}; /* payloads of an EXIT */

static logged *find_log(uint32_t stream) {
    logged *l = all;
    while (l && l->stream != stream) l = l->next;
    return l;
}

static reader *find_reader(uint32_t stream) {
    reader *r = readers;
    while (r && r->stream != stream) r = r->next;
    return r;
}

/* ---- reading ---- */

static void end_reader(reader *r, const uint8_t exit[12]) {
    uint32_t stream = r->stream;
    reader **at = &readers;
    while (*at != r) at = &(*at)->next;
    *at = r->next;
    free(r);
    channel_send(stream, WRN_FRAME_EXIT, exit, 12);
}

static void skip_to(reader *r, uint64_t at) {
    r->dropped += at - r->at;
    r->at = at;
    r->unsaid = true;
}

static void say_from(reader *r) {
    uint8_t payload[16];
    wrn_put_u64(payload, r->at);
    wrn_put_u64(payload + 8, r->dropped);
    r->unsaid = false;
    r->dropped = 0;
    channel_send(r->stream, WRN_FRAME_FROM, payload, sizeof(payload));
}

static bool is_at_end(const reader *r) { return r->at >= r->until || (r->of->over && r->at >= r->of->log.end); }

/* False: it has to wait, for credit or for the command. */
static bool send_piece(reader *r) {
    static uint8_t piece[WRN_FRAME_PAYLOAD_MAX];
    const output_log *log = &r->of->log;
    uint64_t end = r->until < log->end ? r->until : log->end;
    if (r->at < log->begin) skip_to(r, log->begin);
    if (r->unsaid) return say_from(r), true;
    if (r->at >= end || r->credit <= 0) return false;
    size_t room = r->credit < (int64_t)sizeof(piece) ? (size_t)r->credit : sizeof(piece);
    bool err;
    if (room > end - r->at) room = (size_t)(end - r->at);
    size_t got = log_read(log, r->at, piece, room, &err);
    if (!got) return skip_to(r, end), true;
    r->at += got;
    r->credit -= (int64_t)got;
    channel_send(r->stream, err ? WRN_FRAME_STDERR : WRN_FRAME_STDOUT, piece, got);
    return true;
}

static void feed(reader *r) {
    while (channel_has_room() && send_piece(r)) {
    }
    if (channel_is_open() && !r->unsaid && is_at_end(r)) end_reader(r, r->of->over ? r->of->exit : runs);
}

void logs_resume(void) {
    static bool feeding, again; /* sending calls this function again, while the list is walked through */
    again = true;
    if (feeding) return;
    for (feeding = true; again;) {
        again = false;
        for (reader *r = readers, *next; r; r = next) {
            next = r->next;
            feed(r);
        }
    }
    feeding = false;
}

void logs_read(uint32_t stream, const uint8_t *data, uint32_t size) {
    if (size != WRN_LOG_REQUEST) return;
    const wrn_log_request asked = wrn_log_request_get(data);
    logged *of = find_log(asked.command);
    if (!of) return channel_send(stream, WRN_FRAME_EXIT, unknown, sizeof(unknown));
    reader *r = calloc(1, sizeof(*r));
    if (!r) die("wrenn-agent: out of memory");
    const output_log *log = &of->log;
    uint64_t from = asked.from < log->end ? asked.from : log->end;
    if (asked.flags & WRN_LOG_TAIL) {
        from = log_tail(log, asked.from);
        if (from == log->begin && asked.from) from = 0; /* more lines than are kept: from the first byte on */
    }
    *r = (reader){.next = readers,
                  .stream = stream,
                  .of = of,
                  .at = from,
                  .until = asked.flags & WRN_LOG_FOLLOW ? UINT64_MAX : log->end,
                  .credit = WRN_FRAME_CREDIT,
                  .unsaid = true};
    readers = r;
    logs_resume();
}

void logs_window(uint32_t stream, uint32_t more) {
    reader *r = find_reader(stream);
    if (!r || more > WRN_FRAME_CREDIT) return;
    r->credit += more;
    logs_resume();
}

void logs_signal(uint32_t stream) {
    reader *r = find_reader(stream);
    if (r) end_reader(r, runs);
}

void logs_lost(void) {
    for (reader *r; (r = readers);) {
        readers = r->next;
        free(r);
    }
}

/* ---- writing ---- */

logged *logs_add(uint32_t stream, const char *label) {
    logged *l = calloc(1, sizeof(*l)), **at = &all;
    if (!l || !(l->label = strdup(label))) die("wrenn-agent: out of memory");
    l->stream = stream;
    log_init(&l->log);
    while (*at) at = &(*at)->next;
    return *at = l;
}

void logs_started(logged *of, uint32_t pid) { of->pid = pid; }

void logs_put(logged *of, bool err, const uint8_t *data, size_t size) {
    log_put(&of->log, err, data, size);
    logs_resume();
}

static void logs_forget(logged *of) {
    for (reader *r = readers, *next; r; r = next) {
        next = r->next;
        if (r->of == of) end_reader(r, unknown);
    }
    logged **at = &all;
    while (*at != of) at = &(*at)->next;
    *at = of->next;
    log_free(&of->log);
    free(of->label);
    free(of);
}

void logs_end(logged *of, const uint8_t exit[12]) {
    if (!of) return;
    if (!of->pid) return logs_forget(of);
    of->over = true;
    memcpy(of->exit, exit, sizeof(of->exit));
    logs_resume();
    /* To the end of the list: the first of those that are over is then the one that ended first. */
    logged **at = &all, *oldest = NULL;
    while (*at != of) at = &(*at)->next;
    *at = of->next;
    of->next = NULL;
    while (*at) at = &(*at)->next;
    *at = of;
    for (logged *l = all; l && !oldest; l = l->next)
        if (l->over) oldest = l;
    if (logs_count() > WRN_LOGS_KEPT) logs_forget(oldest);
}

uint32_t logs_count(void) {
    uint32_t count = 0;
    for (const logged *l = all; l; l = l->next) count += l->over;
    return count;
}

void logs_report(void) {
    static uint8_t payload[WRN_DETACHED_HEAD + WRN_LABEL_MAX];
    for (const logged *l = all; l; l = l->next) {
        if (!l->over) continue;
        size_t size = strlen(l->label);
        wrn_put_u32(payload, l->pid);
        wrn_put_u32(payload + 4, WRN_DETACHED_ENDED);
        wrn_put_u32(payload + 8, 0);
        memcpy(payload + WRN_DETACHED_HEAD, l->label, size);
        channel_send(l->stream, WRN_FRAME_DETACHED, payload, WRN_DETACHED_HEAD + size);
    }
}
