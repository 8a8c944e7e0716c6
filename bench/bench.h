/* Samples and their medians, for bench/. */
#ifndef WRN_BENCH_H
#define WRN_BENCH_H

#include <stdbool.h>
#include <stddef.h>

typedef struct samples {
    double *us;
    size_t count, capacity;
} samples;

double bench_now_us(void);
void bench_add(samples *to, double us);
double bench_median(samples *of);
/* Prints a line: median, 99th percentile, and the median over that of `yardstick` (NULL: it is the yardstick). */
void bench_print(const char *what, samples *of, samples *yardstick);
void bench_free(samples *of);
/* Runs a program so often, reading its output to the end. False when it fails. */
bool bench_program(samples *into, int rounds, const char *const *argv);
/* Ends the program with a message. */
void bench_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* ---- call.c: what one call costs, against a responder that answers at once ---- */
void bench_call(void);
/* ---- sandbox.c: a sandbox and a command in it, against bwrap and fork+exec ---- */
void bench_sandbox(void);
/* ---- command.c: the command `wrenn ls`, against curl ---- */
void bench_command(void);
/* ---- code.c: sandboxes that run code, one and eight at once, against the imports that takes ---- */
void bench_code(void);
/* ---- machine.c: virtual machines: copies, forks and ports, against one that boots ---- */
void bench_machine(void);

#endif
