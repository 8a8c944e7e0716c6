/* Somebody at a terminal, and the surroundings that tests of the command want. */
#ifndef WRN_TESTS_PERSON_H
#define WRN_TESTS_PERSON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "program.h"

/* A home of its own in test_dir(), and no WRENN_* but for where the programs are. Before anything else in a test. */
void fresh_home(void);
/* Ends the user's own server of fresh_home(), if it runs; for test_after_each(). */
void stop_own_server(void);
/* The output of the wrenn command without the newline at its end, after checking that it went well. */
char *wrenn_says(const char *const *argv);
#define WRENN_SAYS(...) wrenn_says((const char *const[]){getenv("WRENN_CLI"), __VA_ARGS__, NULL})
/* Runs a line of sh, in which "$WRENN_CLI" is the command. */
program_result shell(const char *line);
/* The same, and checks its exit code, its output, and what its stderr contains; "" for nothing at all. */
void check_shell(const char *line, int code, const char *out, const char *err);
/* A fresh home, a sandbox with the name "s", and `w` as a short name of the command for lines of sh. */
void begin_with_sandbox(void);

typedef struct person {
    pid_t pid;
    int terminal;
    char *screen; /* all that was shown, NUL at the end */
    size_t size, seen;
} person;

/* Runs the program on a terminal of that size. */
person person_starts(const char *const *argv, unsigned short cols, unsigned short rows);
#define PERSON(...) person_starts((const char *const[]){getenv("WRENN_CLI"), __VA_ARGS__, NULL}, 100, 30)
void person_types(person *p, const char *keys);
void person_pastes(person *p, const void *data, size_t size);
/* Waits until this is shown, after what was seen before. */
void person_sees(person *p, const char *text);
void person_resizes(person *p, unsigned short cols, unsigned short rows);
/* Waits for the end of the program; its exit code, or 1000 plus the signal. Frees. */
int person_leaves(person *p);

#endif
