/* `make bench`: each thing is measured beside its yardstick in the same run, because only the ratio says something on
 * another machine. */
#include "bench.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double bench_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

void bench_fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, args);
    putc('\n', stderr);
    va_end(args);
    exit(1);
}

void bench_add(samples *to, double us) {
    if (to->count == to->capacity) {
        to->capacity = to->capacity ? to->capacity * 2 : 1024;
        double *more = realloc(to->us, to->capacity * sizeof(*more));
        if (!more) bench_fail("out of memory");
        to->us = more;
    }
    to->us[to->count++] = us;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(samples *of, double part) {
    if (!of->count) return 0;
    qsort(of->us, of->count, sizeof(*of->us), compare);
    return of->us[(size_t)(part * (double)(of->count - 1))];
}

double bench_median(samples *of) { return quantile(of, 0.5); }

void bench_print(const char *what, samples *of, samples *yardstick) {
    printf("  %-44s %10.1f us %10.1f us", what, bench_median(of), quantile(of, 0.99));
    if (yardstick && yardstick->count) printf("  %7.2f x", bench_median(of) / bench_median(yardstick));
    printf("\n");
    fflush(stdout);
}

void bench_free(samples *of) {
    free(of->us);
    *of = (samples){0};
}

static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {{"call", bench_call},
             {"sandbox", bench_sandbox},
             {"command", bench_command},
             {"code", bench_code},
             {"vm", bench_machine}};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

int main(int argc, char **argv) {
    bool wanted[PARTS] = {false};
    for (int j = 1; j < argc; j++) {
        size_t i = 0;
        while (i < PARTS && strcmp(argv[j], parts[i].name) != 0) i++;
        if (i == PARTS)
            bench_fail("there is no part %s; the parts are call, sandbox, command, code, vm, network", argv[j]);
        wanted[i] = true;
    }
    printf("%-46s %13s %13s  %9s\n", "", "median", "99 %", "ratio");
    for (size_t i = 0; i < PARTS; i++)
        if (argc == 1 || wanted[i]) parts[i].run();
    return 0;
}
