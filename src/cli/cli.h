/* What the commands of `wrenn` share. The program knows nothing but include/wrenn and libc: whatever it can do, any
 * program that uses the library can do too. */
#ifndef WRN_CLI_H
#define WRN_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "wrenn/wrenn.h"

enum {
    CLI_FAILED = 1,       /* the command could not do what it was asked to */
    CLI_USAGE = 2,        /* the command line makes no sense */
    CLI_RUN_FAILED = 125, /* the same as CLI_FAILED for run and exec, whose other codes are those of what they ran */
    CLI_SIGNALED = 137,   /* what ran was ended by a signal, and the service does not say which: mostly it is SIGKILL */
    CLI_SIGNAL = 128      /* plus the number of the signal that ended what ran, or us */
};

typedef enum cli_kind { CLI_FLAG, CLI_TEXT, CLI_INT, CLI_LIST, CLI_FORMAT } cli_kind;

/* One option. `offset` is where its value goes in the command's struct: bool, const char *, int64_t, cli_list. */
typedef struct cli_option {
    const char *name; /* without the dashes; NULL ends a table */
    char letter;      /* 0: none */
    cli_kind kind;
    size_t offset;
    const char *value; /* what help calls the value */
    const char *help;
    int64_t min, max; /* for CLI_INT */
} cli_option;

/* Values of an option given several times, NULL at the end. */
typedef struct cli_list {
    const char **items;
    size_t count;
} cli_list;

struct cli_app;

typedef struct cli_command {
    const char *name;
    const char *operands;           /* as help shows them */
    const char *summary;            /* one line */
    const char *details;            /* the rest of the help; may be NULL */
    const cli_option *options;      /* its own; may be NULL */
    const cli_option *what_it_runs; /* cli_exec_options, of those that run a program; else NULL */
    bool needs_service;             /* works on sandboxes that are there already, so a private server is no use */
    int (*run)(struct cli_app *cli);
} cli_command;

typedef struct cli_app {
    const char *api_key, *token, *base_url;
    bool json;
    bool help, version;

    const cli_command *command;
    char **words; /* of the command line, not looked at yet */

    wrenn_client *client;
    int signals; /* readable when one of the signals that end us came; -1 before cli_connect() */
    int signal;  /* which one came; 0: none */
} cli_app;

extern const cli_option cli_global_options[];
extern const cli_command cli_run_command, cli_exec_command, cli_ls_command, cli_rm_command, cli_serve_command,
    cli_doctor_command, cli_help_command;
extern const cli_command *const cli_commands[];

/* ---- options.c ---- */

/* Takes options, those of the command into `values`, until a word that is none, or to the end. Gives that word, NULL at
 * the end. False: wrong usage, which was reported. */
bool cli_next_word(cli_app *cli, void *values, const char **word);
/* The words left over are the program to run and its arguments; a "--" before them is dropped. */
bool cli_rest(cli_app *cli, void *values, const char *const **argv);
/* Reports that a word is one too many or missing; the result is CLI_USAGE. */
int cli_usage(const cli_app *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- help.c ---- */

void cli_print_help(const cli_command *command);

/* ---- session.c ---- */

/* Is the server one that lives only as long as this program? */
bool cli_is_private(const cli_app *cli);
/* Makes the client, and turns signals that would end us into something cli_wait() sees. False: reported. */
bool cli_connect(cli_app *cli);
/* Waits until the operation is over or a signal comes: that is false, and kept in cli->signal. */
bool cli_wait(cli_app *cli, wrenn_op *op);
/* Gives signals the effect they had before: nothing is left to clean up. */
void cli_release_signals(cli_app *cli);
/* The callback to start operations with that cli_wait() waits for. */
void cli_done(wrenn_op *op, void *user_data);

/* ---- output.c ---- */

/* One line on stderr: what it was about (may be NULL), what failed, and what to do about it. Frees the error. */
void cli_report(const char *what, wrenn_error *error);
void cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* All bytes, to a descriptor; false with errno when that fails. */
bool cli_write(int fd, const void *data, size_t size);
/* A JSON string; NULL is null. */
void cli_json_text(FILE *out, const char *text);
/* The same of bytes, which may have NULs among them. */
void cli_json_bytes(FILE *out, const void *data, size_t size);
/* What came of a command in a sandbox: it has a result, or it failed, or neither when a signal came first. */
typedef struct cli_outcome {
    wrenn_exec_result *result;
    wrenn_error *error;
} cli_outcome;

/* ---- exec.c ---- */

/* What is to be run, as the command line says it. The struct of values of a command that runs a program begins with it. */
typedef struct cli_exec_values {
    wrenn_command command;
    int64_t timeout; /* in seconds */
    cli_list env;
} cli_exec_values;

extern const cli_option cli_exec_options[];

/* Runs it in the sandbox. Used by run as well. */
cli_outcome cli_exec(cli_app *cli, wrenn_sandbox *sandbox, cli_exec_values *values, const char *const *argv);
/* What the command put out, on stdout and stderr, or as JSON on stdout; then what failed. The result is our exit code.
 * Frees the outcome. */
int cli_print_outcome(cli_app *cli, const char *sandbox_id, cli_outcome *outcome);

#endif
