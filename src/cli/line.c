/* Lines that are typed on a terminal. With libedit they can be edited, and earlier lines found again. Without it, or on a
 * terminal that can't move its cursor, the terminal's own line editing is used. In both cases signals end the wait.
 *
 * libedit brings three libraries of its own, so it is loaded when somebody is about to type, not with each command. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/cli.h"
#ifdef CLI_LIBEDIT
#include <histedit.h>
#endif

enum { HISTORY_LINES = 1000 };

struct cli_typing {
    cli_app *cli;
    FILE *shown; /* where prompts go */
    const char *prompt;
    wrn_buf typed; /* what was read; the line that was given is at its start */
    size_t given;
#ifdef CLI_LIBEDIT
    EditLine *edit; /* NULL: the terminal's own editing is used */
    History *history;
    char path[PATH_MAX]; /* of the history; "": none is kept */
#endif
};

static bool line_happened(cli_aside *aside) { return (void)aside, true; }

/* False: a signal came, cli->signal says which. */
static bool wait_for_keys(cli_app *cli) {
    cli_aside aside = {.fds = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = -1}}, .happened = line_happened};
    int turn = 1;
    cli->aside = &aside;
    cli->resized = false;
    while (turn >= 0 && !aside.fds[0].revents && !cli->resized) turn = cli_turn(cli, -1);
    cli->aside = NULL;
    return turn >= 0;
}

#ifdef CLI_LIBEDIT
#define CLI_OF_LIBEDIT(X) \
    X(el_init)            \
    X(el_end) X(el_get) X(el_set) X(el_gets) X(el_source) X(el_resize) X(history_init) X(history_end) X(history)

static struct {
#define CLI_MEMBER(name) __typeof__(name) *name;
    CLI_OF_LIBEDIT(CLI_MEMBER)
} libedit;

static bool load_libedit(void) {
    void *library = dlopen("libedit.so.2", RTLD_LAZY | RTLD_LOCAL);
    bool all = library;
#define CLI_FIND(name) all = all && (*(void **)&libedit.name = dlsym(library, #name));
    CLI_OF_LIBEDIT(CLI_FIND)
    return all;
}

static char *give_prompt(EditLine *edit) {
    cli_typing *typing = NULL;
    libedit.el_get(edit, EL_CLIENTDATA, &typing);
    return (char *)(uintptr_t)typing->prompt;
}

/* After SIGTSTP and SIGCONT the terminal is in the mode that the shell has set. */
static void show_again(EditLine *edit) {
    libedit.el_set(edit, EL_PREP_TERM, 0);
    libedit.el_set(edit, EL_PREP_TERM, 1);
    libedit.el_resize(edit);
    libedit.el_set(edit, EL_REFRESH);
}

/* A key that may have several bytes: 1; 0: the input has ended; -1: a signal came. */
static int line_read_key(EditLine *edit, wchar_t *key) {
    cli_typing *typing = NULL;
    mbstate_t state = {0};
    libedit.el_get(edit, EL_CLIENTDATA, &typing);
    for (;;) {
        char byte;
        if (!wait_for_keys(typing->cli)) return -1;
        if (typing->cli->resized) {
            show_again(edit);
            continue;
        }
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got <= 0) return 0;
        size_t size = mbrtowc(key, &byte, 1, &state);
        if (size <= 1) return 1;
        if (size == (size_t)-1) state = (mbstate_t){0}; /* not UTF-8: nothing that code is written in */
    }
}

static void begin_editing(cli_typing *typing, const char *name) {
    const char *terminal = cli_env("TERM");
    HistEvent event;
    setlocale(LC_CTYPE, "C.UTF-8"); /* what we print is UTF-8, too */
    if (!terminal || strcmp(terminal, "dumb") == 0 || !load_libedit()) return;
    typing->edit = libedit.el_init("wrenn", stdin, typing->shown, stderr);
    typing->history = typing->edit ? libedit.history_init() : NULL;
    if (!typing->history) return;
    libedit.el_set(typing->edit, EL_CLIENTDATA, typing);
    libedit.el_set(typing->edit, EL_PROMPT, give_prompt);
    libedit.el_set(typing->edit, EL_EDITOR, "emacs");
    libedit.el_set(typing->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    libedit.el_set(typing->edit, EL_BIND, "^I", "ed-insert", NULL);
    libedit.el_set(typing->edit, EL_GETCFN, line_read_key);
    libedit.el_set(typing->edit, EL_HIST, libedit.history, typing->history);
    libedit.el_source(typing->edit, NULL); /* ~/.editrc */
    libedit.history(typing->history, &event, H_SETSIZE, HISTORY_LINES);
    libedit.history(typing->history, &event, H_SETUNIQUE, 1);
    if (!cli_state_path(name, typing->path) || !cli_make_parents(typing->path)) *typing->path = '\0';
    if (*typing->path) libedit.history(typing->history, &event, H_LOAD, typing->path);
}

/* The history is saved after each line, because a session may end at any time. */
static void line_remember(cli_typing *typing, const char *line) {
    HistEvent event;
    if (!typing->history || !line[strspn(line, " \t\r\n")]) return;
    libedit.history(typing->history, &event, H_ENTER, line);
    if (*typing->path) libedit.history(typing->history, &event, H_SAVE, typing->path);
}

static const char *edit_line(cli_typing *typing) {
    int size = 0;
    /* Before the prompt is shown, not after it, as libedit does it: a Ctrl-D in between would be lost. */
    libedit.el_set(typing->edit, EL_PREP_TERM, 1);
    const char *line = libedit.el_gets(typing->edit, &size);
    if (!line || size <= 0 || typing->cli->signal) return NULL;
    line_remember(typing, line);
    return line;
}
#endif

cli_typing *cli_typing_new(cli_app *cli, const char *name) {
    cli_typing *typing = calloc(1, sizeof(*typing));
    if (!typing) return cli_complain("out of memory"), NULL;
    *typing = (cli_typing){.cli = cli, .shown = isatty(STDOUT_FILENO) ? stdout : stderr};
#ifdef CLI_LIBEDIT
    begin_editing(typing, name);
#endif
    return typing;
}

/* The terminal gives whole lines. */
static const char *plain_line(cli_typing *typing) {
    wrn_buf *typed = &typing->typed;
    wrn_buf_consume(typed, typing->given);
    typing->given = 0;
    fputs(typing->prompt, typing->shown);
    fflush(typing->shown);
    for (;;) {
        const char *end = typed->size ? memchr(typed->data, '\n', typed->size) : NULL;
        if (end) {
            typing->given = (size_t)(end - typed->data) + 1;
            return typed->data;
        }
        char *into = wrn_buf_reserve(typed, 4096);
        if (!into || !wait_for_keys(typing->cli)) return NULL;
        if (typing->cli->resized) continue;
        ssize_t got = read(STDIN_FILENO, into, 4096);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return NULL;
        if (got > 0) typed->size += (size_t)got;
    }
}

const char *cli_typing_line(cli_typing *typing, const char *prompt, size_t *size) {
    typing->prompt = prompt;
#ifdef CLI_LIBEDIT
    if (typing->history) {
        const char *line = edit_line(typing);
        return *size = line ? strlen(line) : 0, line;
    }
#endif
    const char *line = plain_line(typing);
    *size = line ? typing->given : 0;
    return line;
}

void cli_typing_free(cli_typing *typing) {
    if (!typing) return;
#ifdef CLI_LIBEDIT
    if (typing->history) libedit.history_end(typing->history);
    if (typing->edit) libedit.el_end(typing->edit);
#endif
    wrn_buf_free(&typing->typed);
    free(typing);
}
