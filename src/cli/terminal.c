/* The terminal we run on: raw mode and back, its size, questions. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"

static struct termios before;
static bool is_raw, watched;

/* What a program may have left switched on: another screen, a hidden cursor, the mouse, pastes in brackets, colours.
 * ?1047 and not ?1049, which puts the cursor where it was saved, in tmux also by whoever showed another screen long ago. */
static const char calm[] =
    "\033[?1047l\033[?25h\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?2004l\033[?1l\033>\033[m";

void cli_cooked(void) {
    if (!is_raw) return;
    is_raw = false;
    if (isatty(STDOUT_FILENO)) (void)!write(STDOUT_FILENO, calm, sizeof(calm) - 1);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

bool cli_raw(void) {
    struct termios raw;
    if (!is_raw && tcgetattr(STDIN_FILENO, &before) != 0) return false;
    raw = before;
    cfmakeraw(&raw);
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0) return false;
    is_raw = true;
    if (!watched) watched = atexit(cli_cooked) == 0;
    return true;
}

bool cli_terminal_size(int64_t *cols, int64_t *rows) {
    struct winsize size;
    for (int fd = 0; fd <= 2; fd++) {
        if (ioctl(fd, TIOCGWINSZ, &size) != 0 || !size.ws_col || !size.ws_row) continue;
        *cols = size.ws_col;
        *rows = size.ws_row;
        return true;
    }
    return false;
}

/* ---- questions ---- */

static struct termios shown;

static void reveal(int number) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    raise(number); /* comes when we return, and ends us */
}

static void set_echo(bool on) {
    struct termios hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSADRAIN, on ? &shown : &hidden);
}

static const char *asked;

/* Ctrl-Z: the shell gets the terminal as it was; when we go on, it hides what is typed again. */
static void pause_hiding(int number) {
    int error = errno;
    (void)number;
    set_echo(true);
    raise(SIGSTOP);
    set_echo(false);
    (void)!write(STDERR_FILENO, asked, strlen(asked));
    errno = error;
}

/* The line that is typed; NULL at the end of input. A signal ends this process meanwhile, after the terminal's mode is
 * restored. */
static char *read_typed(const char *prompt, bool hides) {
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    const struct sigaction revealing = {.sa_handler = reveal, .sa_flags = SA_RESETHAND};
    const struct sigaction pausing = {.sa_handler = pause_hiding, .sa_flags = SA_RESTART};
    struct sigaction was[WRN_COUNT(ending)], was_stop;
    sigset_t set, blocked;
    char *line = NULL;
    size_t capacity = 0;
    sigemptyset(&set);
    for (size_t i = 0; i < WRN_COUNT(ending); i++) {
        sigaddset(&set, ending[i]);
        sigaction(ending[i], NULL, &was[i]);
        if (hides && was[i].sa_handler != SIG_IGN) sigaction(ending[i], &revealing, NULL);
    }
    sigaction(SIGTSTP, NULL, &was_stop);
    if (hides && was_stop.sa_handler != SIG_IGN) sigaction(SIGTSTP, &pausing, NULL);
    asked = prompt;
    sigprocmask(SIG_UNBLOCK, &set, &blocked);
    if (hides) set_echo(false);
    fputs(prompt, stderr); /* only now, so that nothing is typed that shows */
    if (getline(&line, &capacity, stdin) <= 0) free(WRN_TAKE(line));
    if (hides) set_echo(true), fputc('\n', stderr);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    for (size_t i = 0; i < WRN_COUNT(ending); i++) sigaction(ending[i], &was[i], NULL);
    sigaction(SIGTSTP, &was_stop, NULL);
    return line;
}

static char *terminal_ask(const char *prompt, bool secret) {
    if (!isatty(STDIN_FILENO)) return cli_complain("there is no terminal to ask for it: %s", prompt), NULL;
    char question[64];
    snprintf(question, sizeof(question), "%s: ", prompt);
    char *line = read_typed(question, secret && tcgetattr(STDIN_FILENO, &shown) == 0);
    if (line) return line[strcspn(line, "\r\n")] = '\0', line;
    cli_complain("nothing was entered");
    return NULL;
}

char *cli_ask_secret(const char *prompt) { return terminal_ask(prompt, true); }
char *cli_ask(const char *prompt) { return terminal_ask(prompt, false); }

char *cli_read_secret(const char *what) {
    char *line = NULL;
    size_t capacity = 0;
    ssize_t got = getline(&line, &capacity, stdin);
    if (got > 0) line[strcspn(line, "\r\n")] = '\0';
    if (got > 0 && *line) return line;
    free(line);
    cli_complain("there is no %s on stdin", what);
    return NULL;
}
