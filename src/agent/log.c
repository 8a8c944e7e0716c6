#include "agent/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/loop.h"
#include "wire/frame.h"

/* Limit on the changes between stdout and stderr that are remembered, so that a command that alternates does not fill the agent's
 * memory. */
enum { TURNS_MAX = 16384 };

void log_init(output_log *log) { *log = (output_log){.fd = -1}; }

void log_free(output_log *log) {
    if (log->fd >= 0) close(log->fd);
    free(log->turns);
}

static int open_unnamed(void) {
    static const char *const places[] = {"/var/tmp", "/tmp", "/root", ""};
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        char path[64] = "";
        strcat(strcat(path, places[i]), "/.wrenn-output-XXXXXX");
        int fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0) return unlink(path), fd;
    }
    return -1;
}

static size_t smaller(size_t a, uint64_t b) { return b < a ? (size_t)b : a; }

/* The file is a ring: a byte is at its offset modulo the size. */
static size_t in_one_piece(uint64_t at, size_t size) { return smaller(size, WRN_LOG_MAX - at % WRN_LOG_MAX); }

static bool write_at(int fd, uint64_t at, const uint8_t *data, size_t size) {
    while (size) {
        ssize_t wrote = pwrite(fd, data, in_one_piece(at, size), (off_t)(at % WRN_LOG_MAX));
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return false;
        data += wrote, at += (uint64_t)wrote, size -= (size_t)wrote;
    }
    return true;
}

static uint64_t turn_at(const output_log *log, size_t i) { return log->turns[i] / 2; }

/* Drops the output before that offset. */
static void forget_before(output_log *log, uint64_t begin) {
    log->begin = begin;
    while (log->first_turn + 1 < log->turns_end && turn_at(log, log->first_turn + 1) <= begin) log->first_turn++;
}

static void note_turn(output_log *log, bool err) {
    if (log->turns_end > log->first_turn && (log->turns[log->turns_end - 1] & 1) == err) return;
    if (log->turns_end == log->turns_room && log->first_turn) {
        log->turns_end -= log->first_turn;
        memmove(log->turns, log->turns + log->first_turn, log->turns_end * sizeof(*log->turns));
        log->first_turn = 0;
    }
    if (log->turns_end == log->turns_room) {
        log->turns_room = log->turns_room ? 2 * log->turns_room : 8;
        log->turns = realloc(log->turns, log->turns_room * sizeof(*log->turns));
        if (!log->turns) die("wrenn-agent: out of memory");
    }
    log->turns[log->turns_end++] = 2 * log->end + err;
    if (log->turns_end - log->first_turn > TURNS_MAX) forget_before(log, turn_at(log, log->first_turn + TURNS_MAX / 2));
}

void log_put(output_log *log, bool err, const uint8_t *data, size_t size) {
    note_turn(log, err);
    if (log->fd < 0) log->fd = open_unnamed();
    bool kept = log->fd >= 0 && write_at(log->fd, log->end, data, size);
    log->end += size;
    if (!kept) forget_before(log, log->end);
    else if (log->end - log->begin > WRN_LOG_MAX) forget_before(log, log->end - WRN_LOG_MAX);
}

static ssize_t read_at(const output_log *log, uint64_t at, uint8_t *to, size_t size) {
    ssize_t got;
    while ((got = pread(log->fd, to, in_one_piece(at, size), (off_t)(at % WRN_LOG_MAX))) < 0 && errno == EINTR) {
    }
    return got;
}

size_t log_read(const output_log *log, uint64_t at, uint8_t *to, size_t room, bool *err) {
    size_t low = log->first_turn, high = log->turns_end; /* the turn is in low..high - 1 */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (turn_at(log, middle) <= at) low = middle;
        else high = middle;
    }
    *err = log->turns[low] & 1;
    ssize_t got = read_at(log, at, to, smaller(room, (high < log->turns_end ? turn_at(log, high) : log->end) - at));
    return got > 0 ? (size_t)got : 0;
}

uint64_t log_tail(const output_log *log, uint64_t lines) {
    static uint8_t piece[65536];
    uint64_t end = log->end, last = log->end - 1; /* the newline at the very end begins no line */
    if (!lines) return log->end;
    while (end > log->begin) {
        uint64_t at = end - smaller(sizeof(piece), end - log->begin);
        /* The ring is read in pieces that do not wrap around. */
        if (at / WRN_LOG_MAX != (end - 1) / WRN_LOG_MAX) at = end - 1 - (end - 1) % WRN_LOG_MAX;
        if (read_at(log, at, piece, (size_t)(end - at)) != (ssize_t)(end - at)) return end;
        for (; end > at; end--)
            if (piece[end - 1 - at] == '\n' && end - 1 != last && !--lines) return end;
    }
    return log->begin;
}
