/* What the commands of `wrenn` share. The program knows nothing but include/wrenn, base and libc: whatever it can do, any
 * program that uses the library can do too.
 *
 * A command is a row: its cli_command in commands/NAME.c, and NAME in the list of meson.build. Parsing, help, man pages,
 * completion and docs/cli.md all come from that row. */
#pragma once

#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/json.h"
#include "wrenn/wrenn.h"

enum {
    CLI_FAILED = 1,       /* the command could not do what it was asked to */
    CLI_USAGE = 2,        /* wrong usage */
    CLI_TIME_UP = 124,    /* what ran was ended by --timeout, as by timeout(1) */
    CLI_RUN_FAILED = 125, /* the same as CLI_FAILED for commands whose other codes are those of what they ran */
    CLI_SIGNALED = 137,   /* what ran was ended by a signal, and the service does not say which: mostly it is SIGKILL */
    CLI_SIGNAL = 128      /* plus the number of the signal that ended what ran, or us */
};

/* ---- a command, as everything but its run function sees it ---- */

/* What stands for a word on the command line; completion offers it. */
typedef enum cli_word {
    CLI_WORD_ANY,
    CLI_WORD_SANDBOX,  /* an id, the start of one, or a name */
    CLI_WORD_TEMPLATE, /* of a template or snapshot */
    CLI_WORD_CONTEXT,
    CLI_WORD_COMMAND, /* of wrenn */
    CLI_WORD_FILE,    /* of this machine */
    CLI_WORD_REMOTE,  /* a file of the sandbox that the command line names before it */
    CLI_WORD_EITHER,  /* a file of this machine, or SANDBOX:PATH */
    CLI_WORD_PROCESS, /* a process id or tag in the sandbox that the command line names before it */
    CLI_WORD_KEY,     /* by id, the start of one, or name */
    CLI_WORD_HOST,    /* by id, or the start of one */
    CLI_WORD_SECRET,  /* by name */
    /* One of few words, which words.c has. */
    CLI_WORD_FORMAT,
    CLI_WORD_STATUS,
    CLI_WORD_ISOLATION,
    CLI_WORD_PRESET,
    CLI_WORD_SCHEME,
    CLI_WORD_RANGE,
    CLI_WORD_EVENT,
    CLI_WORD_SIGNAL,
    CLI_WORD_HOST_TYPE,
    CLI_WORD_SHELL,
    CLI_WORD_SERVE,
    CLI_WORD_SOURCE
} cli_word;

typedef enum cli_kind {
    CLI_FLAG,    /* bool */
    CLI_TEXT,    /* const char * */
    CLI_INT,     /* int64_t */
    CLI_SIZE,    /* int64_t in MiB: 512, 512m, 2g */
    CLI_SECONDS, /* int64_t: 90, 90s, 5m, 2h, 1d */
    CLI_LIST,    /* cli_list */
    CLI_PAIRS,   /* cli_list of NAME=VALUE */
    CLI_ENV,     /* the same; of NAME alone the value is that of our own variable */
    CLI_FORMAT   /* cli_format */
} cli_kind;

/* One option. `offset` is where its value goes in the command's struct of values. */
typedef struct cli_option {
    const char *name; /* without the dashes; NULL ends a table */
    char letter;      /* 0: none */
    cli_kind kind;
    size_t offset;
    const char *value; /* what help calls the value; NULL for flags */
    const char *help;
    const char *alias; /* another name, for those who come from elsewhere; not in the help */
    int64_t min, max;  /* for CLI_INT, CLI_SIZE and CLI_SECONDS */
    cli_word word;     /* what the value is */
} cli_option;

/* Values of an option given several times, NULL at the end. */
typedef struct cli_list {
    const char **items;
    size_t count;
} cli_list;

enum {
    CLI_OPTIONAL = 1, /* may be missing, and so may all after it */
    CLI_MANY = 2,     /* the last one: takes all words that are left */
    CLI_PROGRAM = 4   /* the last one: it and all words after it are a program and its arguments, never options */
};

typedef struct cli_operand {
    const char *name; /* NULL ends a table */
    cli_word word;
    int flags;
} cli_operand;

typedef struct cli_example {
    const char *does, *line; /* without "wrenn "; NULL ends a table */
} cli_example;

typedef struct cli_exit {
    const char *code, *means; /* NULL ends a table */
} cli_exit;

typedef enum cli_group {
    CLI_GROUP_RUN,
    CLI_GROUP_SANDBOXES,
    CLI_GROUP_FILES,
    CLI_GROUP_NETWORK,
    CLI_GROUP_TEMPLATES,
    CLI_GROUP_ACCOUNT,
    CLI_GROUP_SERVER,
    CLI_GROUP_OTHER,
    CLI_GROUP_HIDDEN,
    CLI_GROUP_COUNT
} cli_group;

/* Which server a command wants when nobody says. */
typedef enum cli_server {
    CLI_SERVER_NONE,    /* it connects to nothing */
    CLI_SERVER_OWN,     /* the user's own, which is started if need be */
    CLI_SERVER_PRIVATE, /* one for as long as this program runs */
    CLI_SERVER_GIVEN    /* none: it has to be said which */
} cli_server;

struct cli_app;
typedef struct cli_rows cli_rows; /* rows.c */

typedef struct cli_command {
    const char *name;
    cli_group group; /* of a command that has no parent */
    const char *summary;
    const char *details;             /* paragraphs, with line breaks where they are to be; may be NULL */
    const cli_operand *operands;     /* may be NULL */
    const cli_option *options;       /* its own; may be NULL */
    const cli_option *more_options;  /* those it shares with others, into the same values; may be NULL */
    const cli_option *still_more;    /* likewise */
    const cli_example *examples;     /* at least one */
    const cli_exit *exits;           /* NULL: 0, 1 and 2 */
    const struct cli_command *below; /* its commands, ending with a name of NULL; then it has no run itself */
    bool raw;                        /* all words are `words`, options too */
    bool formats;                    /* -o means something to it */
    int failed;                      /* exit code of its own failures; 0: CLI_FAILED */
    cli_server server;
    size_t values_size;
    const void *defaults; /* values to begin with; NULL: zeros */
    int (*run)(struct cli_app *cli, void *values);
} cli_command;

typedef enum cli_format { CLI_FORMAT_TEXT, CLI_FORMAT_JSON, CLI_FORMAT_JSONL, CLI_FORMAT_NAME } cli_format;

/* ---- the program ---- */

/* What is attended to while something else is waited for, by who has more to do than one thing. */
enum { CLI_ASIDE_FDS = 2 };
typedef struct cli_aside {
    struct pollfd fds[CLI_ASIDE_FDS]; /* -1: none */
    /* Called after each wait, with what poll() said about them. False: what is waited for is given up. */
    bool (*happened)(struct cli_aside *aside);
    bool given_up; /* it was; also for those who must not stop half-way, such as a creation */
} cli_aside;

typedef struct cli_app {
    /* what all commands take */
    const char *url, *context;
    cli_format format;
    bool help, version, timing;

    const cli_command *parent, *command; /* parent: NULL unless the command is below another one */
    const char **words;                  /* the operands, NULL at the end */
    size_t word_count;

    wrenn_client *client;
    int keep_awake;   /* a connection that keeps the user's own server from ending as idle; -1: none */
    int signals;      /* readable when one of the signals that end us came; -1 before cli_connect() */
    int signal;       /* which one came; 0: none */
    cli_aside *aside; /* NULL: nothing */
    bool resized;     /* the terminal's size has changed, or we were stopped meanwhile */
    const char *does; /* what goes on, to be shown when it takes long; NULL: waiting; "": nothing is shown */
    bool shows_does;  /* it is shown now */
    int64_t began_us, phase_us;
} cli_app;

extern const cli_option cli_global_options[];
extern const cli_command *const cli_commands[]; /* in the order of meson.build, NULL at the end */
extern const char *const cli_group_titles[CLI_GROUP_COUNT];
extern const cli_exit cli_exits_plain[], cli_exits_program[];

/* ---- options.c: the command line ---- */

/* Finds the command and takes everything apart, into *values, which the caller frees with cli_values_free(). False: wrong
 * usage, which was reported. Without any word cli->command is NULL. */
bool cli_parse(cli_app *cli, char **argv, void **values);
void cli_values_free(cli_app *cli, void *values);
/* Reports what is wrong with the command line; the result is CLI_USAGE. */
int cli_usage(const cli_app *cli, const char *format, ...) WRN_PRINTF(2, 3);
/* The exit code of failures of the command. */
int cli_failure(const cli_app *cli);
/* A command by its name; below `parent`, or at the top when that is NULL. NULL: there is none. */
const cli_command *cli_find_command(const cli_command *parent, const char *name);
/* Reports that there is none, and what may have been meant. False. */
bool cli_no_command(const cli_app *cli, const cli_command *parent, const char *name);
/* The tables of options of a command: at most CLI_TABLES, without the global one. */
enum { CLI_TABLES = 3 };
size_t cli_tables(const cli_command *command, const cli_option *tables[CLI_TABLES]);
/* "rm ID..." as the command's name and operands are written; "wrenn " is not in it. */
void cli_synopsis(const cli_command *parent, const cli_command *command, wrn_buf *out);
/* Numbers with units, as CLI_SIZE and CLI_SECONDS have them. */
bool cli_parse_size(const char *text, int64_t *megabytes);
bool cli_parse_seconds(const char *text, int64_t *seconds);

/* ---- words.c: words of which there are few ---- */

/* NULL: there are no more, or not few. */
const char *cli_few_at(cli_word word, size_t i);
/* -1: it is none of them. */
int cli_few_find(cli_word word, const char *text);
/* "'a', 'b' or 'c'" */
void cli_put_few(wrn_buf *out, cli_word word);
/* What the option does, with the words that it takes when its text does not name them all. */
void cli_put_help(wrn_buf *out, const cli_option *option);
/* Whether it can be such a word; if not, it was reported as the value of that option (NULL: of none), and the exit code is
 * CLI_USAGE. */
bool cli_check_few(const cli_app *cli, cli_word word, const char *option, const char *text);

/* ---- suggest.c ---- */

/* How many letters to change to make one of the other. */
size_t cli_distance(const char *a, const char *b);
/* Keeps the candidate that is nearest to the word, if it is near enough; begin with *best = NULL. */
void cli_suggest(const char *word, const char *candidate, const char **best);
#define CLI_SHOWS_SANDBOXES "'wrenn ls' shows the sandboxes"
#define CLI_SHOWS_TEMPLATES "'wrenn template ls' shows the templates"
/* Which command shows what such words can be, as these texts; NULL: none. */
const char *cli_shows(cli_word what);
/* Reports that there is no such sandbox, template or context; `best`: which one may have been meant, or NULL. */
void cli_say_none(cli_word what, const char *word, const char *best);

/* ---- ids.c ---- */

/* Begins as {.what = ..., .word = what was typed}; the texts that are offered are borrowed. */
typedef struct cli_choice {
    cli_word what;
    const char *word;
    const char *first, *second, *best; /* ids that are meant; what may be */
    bool whole, named;
    bool all; /* set by the caller who offers all that there is */
} cli_choice;
/* `name` may be NULL. */
void cli_choice_offer(cli_choice *choice, const char *id, const char *name);
/* The id, which the caller frees; without `all` the word itself when nothing is like it, so that the server can say so. NULL:
 * reported. */
char *cli_choice_end(const cli_choice *choice);
/* Whether nothing has to be looked for: the prefix, and at least so many digits. */
bool cli_is_whole_id(const char *word, const char *prefix, size_t digits);
/* The process id or tag of something in a sandbox; likewise. */
char *cli_process(cli_app *cli, wrenn_sandbox *sandbox, const char *word);
/* As cli_settle(), for what was done to that; says which one may have been meant when there is none. */
bool cli_settle_process(cli_app *cli, wrenn_sandbox *sandbox, const char *word, int rc, wrenn_error *error);

/* Connects, and does something with what each word names; goes on after a failure. `act` gives the id or name of what it was
 * done to, which is freed here; NULL: reported. These are printed at once, as JSON at the end, under the key. The exit code. */
typedef char *(*cli_act_fn)(cli_app *cli, const char *word);
int cli_each_word(cli_app *cli, const char *key, cli_act_fn act);
/* Tells of one in that way; the rows are for JSON. And ends that. */
void cli_say_did(cli_rows *rows, const cli_app *cli, const char *key, const char *id);
int cli_end_did(cli_rows *rows, cli_app *cli);

/* ---- help.c, pages.c, complete.c: all from the rows ---- */

void cli_print_help(const cli_command *parent, const cli_command *command);
/* The pages of man, one file for each command, into a directory. False: reported. */
bool cli_write_pages(const char *directory);
/* docs/cli.md */
void cli_print_reference(FILE *out);
/* The candidates for the last of these words of a command line, one a line, with a description behind a tab. */
int cli_complete(cli_app *cli, const char *const *words, size_t count);

/* ---- config.c: contexts ---- */

typedef struct cli_context {
    const char *name, *url, *key, *token, *email;
} cli_context;

/* The file of contexts; NULL without a home. Parsed on first use, and never again. */
const char *cli_config_path(void);
/* False: reported. *out may be NULL: there is no such file. The root belongs to the caller. */
bool cli_config_load(wrn_json **out);
bool cli_config_save(const wrn_json *root);
/* Makes the directories above it, for their owner only. False with errno. */
bool cli_make_parents(const char *path);
/* A file or directory in the state directory; nothing is made. False: there is no place for it. */
bool cli_state_path(const char *name, char path[PATH_MAX]);
/* The context that counts: the one of --context, else of WRENN_CONTEXT, else the current one if no WRENN_* variable says
 * where to connect to. False: reported. out->name is NULL when there is none. `root` keeps the texts. */
bool cli_context_choose(const cli_app *cli, wrn_json **root, cli_context *out);
/* Adds or replaces a context (taken over; NULL removes it), and makes it the current one. False: reported. */
bool cli_context_put(const char *name, wrn_json *context, bool use);
const char *cli_env(const char *name); /* NULL when unset or empty */
/* HOME, or NULL when there is no such directory: that of system users is not for us to make. */
const char *cli_home(void);

/* ---- daemon.c: the user's own server; wrennd.c: the program ---- */

typedef struct cli_daemon {
    char directory[96]; /* its data */
    char url[128];
    char key[64];
    int connection; /* to its socket */
} cli_daemon;

/* Where it is or would be; false: there is no place for one (`why`). */
bool cli_daemon_place(cli_daemon *out, char *why, size_t why_size);
/* Whether it runs; opens `connection`, if so. */
bool cli_daemon_runs(cli_daemon *daemon);
/* Starts it unless it runs, and finds its key. False with `why`. */
bool cli_daemon_start(cli_daemon *daemon, char *why, size_t why_size);
/* The process; 0: it does not run. */
int cli_daemon_pid(const cli_daemon *daemon);
enum { CLI_DAEMON_IDLE_SECONDS = 900 };

/* Becomes wrennd with these words, and then those: it has the terminal, the signals and the exit code. Returns only when
 * that fails, which it reports. */
int cli_become_wrennd(const char *const *first, const char *const *rest);
/* Runs it with these words, and waits. Whether that went well; if not, one of us has reported it. */
bool cli_run_wrennd(const char *const *words);

/* ---- session.c ---- */

/* Makes the client, and turns signals that would end us into something cli_wait() sees. False: reported. */
bool cli_connect(cli_app *cli);
/* The same with another default than the command's own. */
bool cli_connect_to(cli_app *cli, cli_server server);
/* Connects to the user's own server, whatever is configured. */
bool cli_connect_to_own(cli_app *cli);
/* Whether another server than the user's own was chosen, and if so how, as "--url" or the name of a context. NULL: none was. */
const char *cli_other_server(cli_app *cli);
/* Is the client that of the user's own server? */
bool cli_is_own(const cli_app *cli);
/* Undoes cli_connect(), for another one. */
void cli_disconnect(cli_app *cli);
/* Is the server one that lives only as long as this program? */
bool cli_is_private(const cli_app *cli);
/* Waits until the operation is over or a signal comes: that is false, and kept in cli->signal. */
bool cli_wait(cli_app *cli, wrenn_op *op);
/* Waits until something happens, for so long (-1: no limit), and sees to it: positive. 0: nothing did. Negative: it is to
 * end, because of a signal, or for what is attended to aside. */
int cli_turn(cli_app *cli, int64_t ms);
/* Keeps signals from ending us, for cli_turn() to see; cli_connect() does so as well. False: reported. */
bool cli_catch_signals(cli_app *cli);
/* Takes what came from the signal descriptor; true when it is to end us. */
bool cli_take_signal(cli_app *cli);
/* Gives signals the effect that they have by default, for as long as a reader may take his time and nothing is to be
 * cleaned up. */
void cli_let_signals_end(const cli_app *cli, bool let);
/* Whether an error says that the connection was cut, or what else passes by itself. */
bool cli_is_cut(const wrenn_error *error);
/* Says that the connection is lost, and tries for a while to get a stream again, until that works or Ctrl-C comes. NULL: what is
 * to be said of it is in *error, which it replaces. */
typedef int (*cli_again_fn)(cli_app *cli, void *context, wrenn_stream **stream, wrenn_error **error);
wrenn_stream *cli_reconnect(cli_app *cli, cli_again_fn again, void *context, wrenn_error **error);
/* Waits before the next attempt: *pause_ms is how long it was before the last one, 0 before the first, which says that the
 * connection is lost. False: Ctrl-C came. */
bool cli_pause_before_retry(cli_app *cli, int64_t *pause_ms);
/* Waits for signals, and what goes on in the client meanwhile, for so long; true when it is to end us. */
bool cli_pause(cli_app *cli, int64_t ms);
/* What goes on is not shown any more: who calls this prints something. */
void cli_hide_does(cli_app *cli);
/* The callback to start operations with that cli_wait() waits for. */
void cli_done(wrenn_op *op, void *user_data);
/* Ends what CLI_DO began: reports an error. Whether all went well. */
bool cli_settle(cli_app *cli, const char *what, int rc, wrenn_error *error);
/* The same, but the error is the caller's. */
int cli_settle_quietly(int rc, wrenn_error *error, wrenn_error **out);
/* Prints how long it took since the last phase, if --timing asks for it. */
void cli_phase(cli_app *cli, const char *name);

#define CLI_EXPAND(...) __VA_ARGS__
/* The code of one operation, from `begin` over waiting to `finish`. */
#define CLI_RUN_OP(cli, begin, finish)                                    \
    ({                                                                    \
        int rc_ = (begin);                                                \
        if (rc_ >= 0 && cli_wait(cli, op_)) rc_ = (finish);               \
        else if (rc_ >= 0) wrenn_op_cancel(op_), rc_ = WRENN_E_CANCELLED; \
        wrenn_op_free(op_);                                               \
        rc_;                                                              \
    })
/* One operation of the library: true when it went well, otherwise it was reported or a signal came.
 * CLI_DO(cli, id, wrenn_sandboxes_destroy, (cli->client, id, NULL)) */
#define CLI_DO(cli, what, name, args)                                                             \
    ({                                                                                            \
        wrenn_op *op_ = NULL;                                                                     \
        wrenn_error *error_ = NULL;                                                               \
        int code_ = CLI_RUN_OP(cli, name##_start(CLI_EXPAND args, cli_done, NULL, &op_, &error_), \
                               name##_finish(op_, &error_));                                      \
        cli_settle(cli, what, code_, error_);                                                     \
    })
/* The same of one that gives something: CLI_GET(cli, id, wrenn_sandboxes_get, (cli->client, id, NULL), &sandbox) */
#define CLI_GET(cli, what, name, args, result)                                                    \
    ({                                                                                            \
        wrenn_op *op_ = NULL;                                                                     \
        wrenn_error *error_ = NULL;                                                               \
        int code_ = CLI_RUN_OP(cli, name##_start(CLI_EXPAND args, cli_done, NULL, &op_, &error_), \
                               name##_finish(op_, result, &error_));                              \
        cli_settle(cli, what, code_, error_) && *(result);                                        \
    })
/* The same two, whose result is the code, and whose error (*failure, may be NULL) is the caller's. */
#define CLI_TRY(cli, failure, name, args)                                                         \
    ({                                                                                            \
        wrenn_op *op_ = NULL;                                                                     \
        wrenn_error *error_ = NULL;                                                               \
        int code_ = CLI_RUN_OP(cli, name##_start(CLI_EXPAND args, cli_done, NULL, &op_, &error_), \
                               name##_finish(op_, &error_));                                      \
        cli_settle_quietly(code_, error_, failure);                                               \
    })
#define CLI_TRY_GET(cli, failure, name, args, result)                                             \
    ({                                                                                            \
        wrenn_op *op_ = NULL;                                                                     \
        wrenn_error *error_ = NULL;                                                               \
        int code_ = CLI_RUN_OP(cli, name##_start(CLI_EXPAND args, cli_done, NULL, &op_, &error_), \
                               name##_finish(op_, result, &error_));                              \
        cli_settle_quietly(code_, error_, failure);                                               \
    })

/* ---- sandboxes.c ---- */

/* The sandbox of an id, of the start of one if no other begins like that, or of a name. NULL: reported. The caller frees
 * it. */
wrenn_sandbox *cli_sandbox(cli_app *cli, const char *word);
/* For a cli_act_fn: its id, if all went well; frees it. */
char *cli_id_of(wrenn_sandbox *sandbox, bool ok);
/* All sandboxes; NULL: reported. */
wrenn_sandbox_list *cli_sandboxes(cli_app *cli);
/* Calls `each` for those that the filter wants, newest first, page by page. False: reported, or a signal came. */
typedef void (*cli_sandbox_fn)(void *context, const wrenn_sandbox_info *info);
bool cli_each_sandbox(cli_app *cli, const cli_list *labels, const char *status, const char *template_name,
                      cli_sandbox_fn each, void *context);
/* A value of its metadata; NULL: there is none. */
const char *cli_label(const wrenn_sandbox_info *info, const char *name);
/* The same of any pairs; and all of them, as JSON. */
const char *cli_pair(const wrenn_pair *const *pairs, size_t count, const char *name);
wrn_json *cli_pairs_json(const wrenn_pair *const *pairs, size_t count);
/* Everything about it, as JSON for scripts. */
wrn_json *cli_sandbox_json(const wrenn_sandbox_info *info);

/* What a sandbox may reach: for the options of run, create and net. */
typedef struct cli_network {
    bool net, no_net;
    cli_list allow, deny, presets, secrets;
} cli_network;
/* Options for a struct of values whose member `network` is at that offset. */
#define CLI_NETWORK_OPTIONS(at)                                                                                 \
    {"net", 0, CLI_FLAG,    (at) + offsetof(cli_network, net), NULL, "it may reach all public addresses", NULL, \
     0,     0, CLI_WORD_ANY},                                                                                   \
        {"no-net", 0,                                                                                           \
         CLI_FLAG, (at) + offsetof(cli_network, no_net),                                                        \
         NULL,     "it may reach nothing: the default, unless the server or a snapshot has another",            \
         NULL,     0,                                                                                           \
         0,        CLI_WORD_ANY},                                                                               \
        {"allow",  0,                                                                                           \
         CLI_LIST, (at) + offsetof(cli_network, allow),                                                         \
         "HOST",   "it may reach that name, '*.name' or address, with ':port' if need be; repeatable",          \
         NULL,     0,                                                                                           \
         0,        CLI_WORD_ANY},                                                                               \
        {"deny",   0,                                                                                           \
         CLI_LIST, (at) + offsetof(cli_network, deny),                                                          \
         "HOST",   "it may not reach that, whatever else allows it; repeatable",                                \
         NULL,     0,                                                                                           \
         0,        CLI_WORD_ANY},                                                                               \
        {"secret",                                                                                              \
         0,                                                                                                     \
         CLI_LIST,                                                                                              \
         (at) + offsetof(cli_network, secrets),                                                                 \
         "HOST:HEADER=NAME",                                                                                    \
         "requests to that host get that header, with a secret it does not know; repeatable",                   \
         NULL,                                                                                                  \
         0,                                                                                                     \
         0,                                                                                                     \
         CLI_WORD_ANY},                                                                                         \
    {                                                                                                           \
        "preset", 0, CLI_LIST, (at) + offsetof(cli_network, presets), "NAME",                                   \
            "it may reach what that needs; repeatable", NULL, 0, 0, CLI_WORD_PRESET                             \
    }
/* WRENN_EGRESS_* of the options. */
int64_t cli_egress(const cli_network *network);
/* Whether the options make sense together; if not, it was reported. */
bool cli_check_network(const cli_app *cli, const cli_network *network);
bool cli_has_network(const wrenn_sandbox_info *info);
/* The policy, and what came of it. */
wrn_json *cli_network_json(const wrenn_network *network);
/* Says on stderr what the sandbox was denied from that Unix time on, by the clock of the server, and which option would allow
 * it. */
void cli_explain_denials(cli_app *cli, wrenn_sandbox *sandbox, int64_t since);
/* Lists what was denied, in all formats. The result is the command's exit code. */
int cli_print_denials(const cli_app *cli, const wrenn_network *network);
/* Says on stderr why that destination is denied, and which option would allow it. */
void cli_explain_check(const wrenn_network_check *verdict, const char *to);

/* What a new sandbox is to be: for the options of run and create. */
typedef struct cli_creation {
    const char *template_name, *name, *isolation;
    int64_t vcpus, memory_mb, disk_mb, idle_seconds, lifetime_seconds, lease_seconds;
    cli_list labels;
    bool dies_with_us;
    cli_network network;
} cli_creation;
/* For a const char * at that offset. */
#define CLI_ISOLATION_OPTION(at) \
    { "isolation", 0, CLI_TEXT, (at), "LEVEL", "refuse what is weaker", NULL, 0, 0, CLI_WORD_ISOLATION }
/* Options for a struct of values whose member `creation` is at that offset. */
#define CLI_CREATION_OPTIONS(at)                                                                                       \
    {"template", 'T',                                                                                                  \
     CLI_TEXT,   (at) + offsetof(cli_creation, template_name),                                                         \
     "NAME",     "make it from this template or snapshot",                                                             \
     "image",    0,                                                                                                    \
     0,          CLI_WORD_TEMPLATE},                                                                                   \
        {"name",   0,                                                                                                  \
         CLI_TEXT, (at) + offsetof(cli_creation, name),                                                                \
         "NAME",   "a name that can be used instead of the id",                                                        \
         NULL,     0,                                                                                                  \
         0,        CLI_WORD_ANY},                                                                                      \
        {"label",                                                                                                      \
         'l',                                                                                                          \
         CLI_PAIRS,                                                                                                    \
         (at) + offsetof(cli_creation, labels),                                                                        \
         "NAME=VALUE",                                                                                                 \
         "a label to find it by; repeatable",                                                                          \
         NULL,                                                                                                         \
         0,                                                                                                            \
         0,                                                                                                            \
         CLI_WORD_ANY},                                                                                                \
        {"vcpus", 0, CLI_INT, (at) + offsetof(cli_creation, vcpus), "N", "processors", "cpus", 1, 1024, CLI_WORD_ANY}, \
        {"memory", 'm',                                                                                                \
         CLI_SIZE, (at) + offsetof(cli_creation, memory_mb),                                                           \
         "SIZE",   "memory in MB, or as 512m or 2g",                                                                   \
         NULL,     1,                                                                                                  \
         1 << 24,  CLI_WORD_ANY},                                                                                      \
        {"disk",   0,                                                                                                  \
         CLI_SIZE, (at) + offsetof(cli_creation, disk_mb),                                                             \
         "SIZE",   "size of its own disk in MB, or as 512m or 2g, from 64m to 1t; for virtual machines",               \
         NULL,     64,                                                                                                 \
         1 << 20,  CLI_WORD_ANY},                                                                                      \
        {"idle-timeout", 0,                                                                                            \
         CLI_SECONDS,    (at) + offsetof(cli_creation, idle_seconds),                                                  \
         "TIME",         "pause it after so long without activity",                                                    \
         NULL,           1,                                                                                            \
         31536000,       CLI_WORD_ANY},                                                                                \
        {"lifetime",  0,                                                                                               \
         CLI_SECONDS, (at) + offsetof(cli_creation, lifetime_seconds),                                                 \
         "TIME",      "destroy it that long after it was made, whatever it does",                                      \
         NULL,        1,                                                                                               \
         31536000,    CLI_WORD_ANY},                                                                                   \
        {"die-with-me",                                                                                                \
         0,                                                                                                            \
         CLI_FLAG,                                                                                                     \
         (at) + offsetof(cli_creation, dies_with_us),                                                                  \
         NULL,                                                                                                         \
         "have the server destroy it when this command is gone, however that ended",                                   \
         NULL,                                                                                                         \
         0,                                                                                                            \
         0,                                                                                                            \
         CLI_WORD_ANY},                                                                                                \
        {"lease",     0,                                                                                               \
         CLI_SECONDS, (at) + offsetof(cli_creation, lease_seconds),                                                    \
         "TIME",      "how long after that, for --die-with-me (30s)",                                                  \
         NULL,        1,                                                                                               \
         31536000,    CLI_WORD_ANY},                                                                                   \
        CLI_NETWORK_OPTIONS((at) + offsetof(cli_creation, network)),                                                   \
        CLI_ISOLATION_OPTION((at) + offsetof(cli_creation, isolation))

/* Labels as the library takes them, with the name (NULL: none) among them. The texts are borrowed, but for *own, to be freed like
 * what is returned. NULL: reported. */
const char **cli_all_labels(const cli_list *labels, const char *name, char **own);
/* Whether a sandbox can be called that; if not, it was reported, and the exit code is CLI_USAGE. */
bool cli_check_name(const cli_app *cli, const char *option, const char *name);
/* Whether the options make sense; likewise. `keeps`: another option, which keeps the sandbox; NULL: none. */
bool cli_check_creation(const cli_app *cli, const cli_creation *creation, const char *keeps);
/* Makes one and waits until it runs. NULL: reported, and nothing is left. A signal does not stop it, a second one does. */
wrenn_sandbox *cli_create(cli_app *cli, const cli_creation *creation);
/* Whether it is gone; if not, it was reported. */
bool cli_destroy(cli_app *cli, wrenn_sandbox *sandbox);

/* ---- templates.c ---- */

wrn_json *cli_snapshot_json(const wrenn_snapshot *snapshot);
/* Prints templates and snapshots, or those of one type. The exit code. */
int cli_list_templates(cli_app *cli, const char *type);
/* Deletes a snapshot, for a cli_act_fn. `otherwise` (may be NULL) is tried with what is there and is no snapshot that can be
 * deleted. */
char *cli_remove_template(cli_app *cli, const char *name, bool (*otherwise)(cli_app *cli, const char *name));
/* Whether there is a template or snapshot of that name; what goes wrong is not reported. */
bool cli_has_template(cli_app *cli, const char *name);
/* If there is no template of that name, reports that, and which one may have been meant; with `only_near` only if there is such a
 * one. False: nothing was reported. */
bool cli_say_no_template(cli_app *cli, const char *name, bool only_near);
/* Reports a failure, and when it is that there is no template of that name (may be NULL), which one may have been meant. `what`:
 * as in cli_report(); NULL: the failure may be about something else, too. */
void cli_report_template(cli_app *cli, const char *what, const char *name, wrenn_error *error);

/* Options of what waits for a port; `at`: where the seconds are in the values. */
// clang-format off
#define CLI_WAIT_OPTION(at) \
    {"wait", 0, CLI_SECONDS, (at), "TIME", "first wait until something listens there, no longer than that", NULL, 1, 3600, \
     CLI_WORD_ANY}
// clang-format on
/* Whether something listens by then; if not, it was reported. 0 seconds: does not look. */
bool cli_wait_port(cli_app *cli, wrenn_sandbox *sandbox, int64_t port, int64_t seconds);

/* ---- said.c: errors of the library and the server ---- */

/* Appends what happened; NULL: there was no memory. */
void cli_say_error(wrn_buf *out, const wrenn_error *error);
/* One line on stderr: what it was about (may be NULL or empty), what failed, and what to do about it. Frees the error. */
void cli_report(const char *what, wrenn_error *error);

/* ---- output.c ---- */

void cli_complain(const char *format, ...) WRN_PRINTF(1, 2);
/* From now on complaints go there as well, a line each; NULL: no more. */
void cli_keep_complaints(wrn_buf *kept);
/* All bytes, to a descriptor; false with errno when that fails. */
bool cli_write(int fd, const void *data, size_t size);
/* Puts out what was printed. 0, or the errno of the first time that it failed. */
int cli_flush(void);
/* Prints the value and a newline. False: reported. */
bool cli_print_json(const wrn_json *value);
/* Sets bytes as text when they are UTF-8; else base64 with `NAME_encoding` beside. */
bool cli_json_set_bytes(wrn_json *object, const char *name, const void *data, size_t size);
/* Colours are for terminals, and for those who do not forbid them by NO_COLOR. */
bool cli_colours(int fd);
/* "3 MB", "2.5 GB"; "4 s ago", "3 days ago" from RFC 3339 text. */
void cli_say_bytes(char out[32], int64_t bytes);
void cli_say_age(char out[32], const char *time);

/* Text of other people, for a line of a terminal: controls, also those of writing direction, become visible. */
void cli_put_visible(wrn_buf *out, const char *text);
/* How many columns it takes. */
size_t cli_width(const char *text);

/* ---- rows.c: lists, in all formats ---- */

/* Titles of the columns, NULL at the end; one that begins with '>' is aligned to the right. */
cli_rows *cli_rows_new(const cli_app *cli, const char *const *titles);
/* `name` is what -o name prints, `object` (taken over) what JSON has, `cells` as many as there are titles. */
void cli_rows_add(cli_rows *rows, const char *name, wrn_json *object, const char *const *cells);
/* Prints and frees all. The result is the command's exit code. */
int cli_rows_print(cli_rows *rows);
void cli_rows_free(cli_rows *rows);
/* A member that is null without a text. */
void cli_set_text(wrn_json *object, const char *key, const char *text);
/* One object, as JSON or as lines of "name: value". */
int cli_print_object(const cli_app *cli, const char *name, wrn_json *object);
/* Numbers as cells; the text is good until 16 more were asked for. */
const char *cli_number(int64_t value);
const char *cli_or_dash(const char *text);

/* ---- terminal.c ---- */

/* Makes the terminal of stdin pass every key on; what undoes it runs at exit too. False with errno. */
bool cli_raw(void);
void cli_cooked(void);
bool cli_terminal_size(int64_t *cols, int64_t *rows);
/* Reads a line without showing it. NULL: reported. The caller frees it. */
char *cli_ask_secret(const char *prompt);
/* The first line of stdin; `what` it is, for the message. NULL: reported. The caller frees it. */
char *cli_read_secret(const char *what);
char *cli_ask(const char *prompt);

/* ---- line.c: lines that are typed ---- */

typedef struct cli_typing cli_typing;
/* For typing at the terminal of stdin, after cli_catch_signals(); the lines of earlier times are in the state file of that
 * name. NULL: reported. */
cli_typing *cli_typing_new(cli_app *cli, const char *name);
/* Waits for a line, with its newline; good until the next call. NULL: the input has ended, or cli->signal came. */
const char *cli_typing_line(cli_typing *typing, const char *prompt, size_t *size);
void cli_typing_free(cli_typing *typing);

/* ---- flow.c: what runs in a sandbox, live ---- */

typedef struct cli_flow {
    bool input;    /* what comes on stdin is passed on */
    bool terminal; /* it is one: keys are passed on, sizes too */
    int escape;    /* after a newline, this and '.' detach; 0: nothing does */
    int64_t limit_seconds;
    wrn_buf *out, *err; /* what it puts out goes there instead; may be NULL */
} cli_flow;

typedef enum cli_end {
    CLI_END_EXIT,      /* exit_code, signal_number, oom_killed, output_cut */
    CLI_END_LOST,      /* error */
    CLI_END_SIGNAL,    /* one for us; it was asked to end, and `ended` says whether it did */
    CLI_END_TIME_UP,   /* likewise */
    CLI_END_NO_READER, /* likewise */
    CLI_END_NO_OUTPUT, /* likewise, and what we wrote to failed: reported */
    CLI_END_DETACHED
} cli_end;

typedef struct cli_outcome {
    cli_end end;
    bool ended;
    int64_t exit_code, signal_number;
    bool oom_killed, output_cut;
    wrenn_error *error;
    int64_t offset; /* of logs: of the first byte that was not put out; -1: not known */
} cli_outcome;

/* Passes everything on until it ends. */
cli_outcome cli_follow(cli_app *cli, wrenn_stream *stream, const cli_flow *how);
/* Reports what there is to say about it; the result is our exit code. Frees the error. */
int cli_conclude(cli_app *cli, const char *sandbox_id, cli_outcome *outcome);

/* ---- program.c: the options of what runs a program ---- */

/* What a program is started with, as the library takes it, except for the variables, which are a list while options are
 * read. */
typedef struct cli_start {
    wrenn_command command;
    cli_list env;
} cli_start;

/* `at`: where the cli_start is in the values. */
// clang-format off
#define CLI_START_OPTIONS(at) \
    {"env", 'e', CLI_ENV, (at) + offsetof(cli_start, env), "NAME[=VALUE]", \
     "set a variable, without VALUE to what it is here; repeatable", NULL, 0, 0, CLI_WORD_ANY}, \
    {"cwd", 'w', CLI_TEXT, (at) + offsetof(cli_start, command.cwd), "DIR", "start in this directory", "workdir", 0, 0, \
     CLI_WORD_REMOTE}, \
    {"user", 'u', CLI_TEXT, (at) + offsetof(cli_start, command.user), "NAME[:GROUP]", "run as this user of the sandbox", \
     NULL, 0, 0, CLI_WORD_ANY}
// clang-format on

typedef struct cli_program {
    cli_start start;
    bool interactive, terminal, no_terminal;
    int64_t limit_seconds;
    bool sandbox_goes; /* when the program is over: nothing is left that somebody should be told of */
} cli_program;

/* `at`: where the cli_program is in the values. */
// clang-format off
#define CLI_PROGRAM_OPTIONS(at) \
    {"interactive", 'i', CLI_FLAG, (at) + offsetof(cli_program, interactive), NULL, \
     "pass input on, also when it is no pipe", NULL, 0, 0, CLI_WORD_ANY}, \
    {"tty", 't', CLI_FLAG, (at) + offsetof(cli_program, terminal), NULL, \
     "give it a terminal; happens by itself when stdin, stdout and stderr are one", NULL, 0, 0, CLI_WORD_ANY}, \
    {"no-tty", 0, CLI_FLAG, (at) + offsetof(cli_program, no_terminal), NULL, "never give it a terminal", NULL, 0, 0, \
     CLI_WORD_ANY}, \
    CLI_START_OPTIONS((at) + offsetof(cli_program, start)), \
    {"timeout", 0, CLI_SECONDS, (at) + offsetof(cli_program, limit_seconds), "TIME", \
     "kill it after so long, as 90, 5m or 2h; exit code 124", NULL, 1, 31536000, CLI_WORD_ANY}
// clang-format on

/* Starts it in the background. 0, or our exit code: reported. */
int cli_spawn(cli_app *cli, wrenn_sandbox *sandbox, const wrenn_command *command, wrenn_process **process);
/* Runs it, live, or for JSON collected and printed. The result is our exit code. */
int cli_run_program(cli_app *cli, wrenn_sandbox *sandbox, const cli_program *program, const char *const *argv);
/* The library's command, without what is to run. Its texts are those of `start`. */
wrenn_command cli_start_command(const cli_start *daemon_start);

/* ---- transfer.c: files between here and a sandbox ---- */

/* SANDBOX:PATH, or a path of this machine: then *sandbox is NULL. The caller frees *sandbox, which is a text. */
bool cli_split_place(const char *word, char **sandbox, const char **path);
/* Where in the sandbox what has the path `from` goes: to `to`, or into it by its own name when it is a directory there or ends in
 * a slash. False: reported. The caller frees *out. */
bool cli_place_in(cli_app *cli, wrenn_sandbox *sandbox, const char *from, const char *to, wrn_buf *out);
/* How things are copied. KEEP: owners of trees, and set-id bits, stay as they are; otherwise nothing gets these. ARCHIVES: what
 * is a directory there goes to "-", or comes from there, as a tar archive. */
enum { CLI_COPY_KEEP = 1, CLI_COPY_ARCHIVES = 2 };
/* A file or a tree. False: reported. */
bool cli_upload(cli_app *cli, wrenn_sandbox *sandbox, const char *from, const char *to, unsigned how);
bool cli_download(cli_app *cli, wrenn_sandbox *sandbox, const char *from, const char *to, unsigned how);

/* A line on a terminal, for what takes longer than a second. */
typedef struct cli_progress {
    const char *name;
    int64_t began_ms, shown_ms, total; /* total: where the transfer itself does not know it; 0: nobody does */
    bool shows;
} cli_progress;

/* `out`: where the content goes, if that is ours; -1: elsewhere. */
cli_progress cli_begin_progress(cli_app *cli, const char *name, int out);
/* A wrenn_progress_fn; `user_data` is the cli_progress. */
void cli_on_progress(int64_t done, int64_t total, void *user_data);
void cli_end_progress(cli_app *cli, const cli_progress *p);

/* ---- trees.c: directories between here and a sandbox ---- */

/* A directory of this machine. */
typedef struct cli_tree {
    int directory;    /* open */
    const char *name; /* for messages */
    bool keep, made;  /* as CLI_COPY_KEEP; it was made for what comes */
    /* Only these, and only what is wanted, as base/pack.h has it; NULL: everything. */
    const char *const *paths;
    bool (*wants)(void *context, const char *path, bool directory);
    void *context;
} cli_tree;

bool cli_upload_tree(cli_app *cli, wrenn_sandbox *sandbox, const cli_tree *tree, const char *to);
bool cli_download_tree(cli_app *cli, wrenn_sandbox *sandbox, const char *from, const cli_tree *tree);
/* From a tar archive that comes through a descriptor. */
bool cli_upload_archive(cli_app *cli, wrenn_sandbox *sandbox, const char *name, const int *fd, const char *to,
                        bool login_keep);
