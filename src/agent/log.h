/* The output of a command, kept in an unlinked file: the last WRN_LOG_MAX bytes of both streams together, in the order
 * in which they came. Offsets count from the command's start. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct output_log {
    int fd;              /* -1: there was nothing to keep yet */
    uint64_t begin, end; /* what is kept */
    uint64_t *turns;     /* where one stream follows the other: twice the offset, plus 1 for stderr */
    size_t first_turn, turns_end, turns_room;
} output_log;

void log_init(output_log *log);
void log_free(output_log *log);
/* What does not fit, or can't be written, pushes out what was kept before. */
void log_put(output_log *log, bool err, const uint8_t *data, size_t size);
/* Reads at most `room` bytes of one stream from `at`, which is in begin..end. 0: they can't be read. */
size_t log_read(const output_log *log, uint64_t at, uint8_t *to, size_t room, bool *err);
/* Where the last so many lines begin. */
uint64_t log_tail(const output_log *log, uint64_t lines);
