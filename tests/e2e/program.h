/* Runs a program as a user would and keeps what it wrote. */
#ifndef WRN_TESTS_PROGRAM_H
#define WRN_TESTS_PROGRAM_H

#include <stddef.h>
#include <sys/types.h>

typedef struct program_result {
    int code; /* exit code, or 1000 plus the signal that ended it */
    char *out, *err;
    size_t out_size, err_size;
} program_result;

typedef struct program {
    pid_t pid;
    int out, err;
} program;

/* argv[0] is a path or is looked up in PATH; stdin is empty. */
program program_start(const char *const *argv);
/* Reads until both streams end, then waits. The test process ends soon: nothing needs to be freed, but
 * program_result_free() does. */
program_result program_finish(const program *running);
void program_result_free(program_result *result);

/* The wrenn command with these words. */
#define WRENN(...) run_program((const char *const[]){getenv("WRENN_CLI"), __VA_ARGS__, NULL})
program_result run_program(const char *const *argv);

#endif
