/* The terminal we run on: raw mode and back, its size, questions. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"

static struct termios before;
static bool is_raw, watched;

/* What a program may have left switched on: another screen, a hidden cursor, the mouse, pastes in brackets, colours. */
static const char calm[] =
    "\033[?1049l\033[?25h\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?2004l\033[?1l\033>\033[m";

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

static char *ask(const char *prompt, bool secret) {
    struct termios shown, hidden;
    char *line = NULL;
    size_t capacity = 0;
    if (!isatty(STDIN_FILENO)) return cli_complain("there is no terminal to ask for it: %s", prompt), NULL;
    bool hides = secret && tcgetattr(STDIN_FILENO, &shown) == 0;
    if (hides) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &hidden);
    }
    fprintf(stderr, "%s: ", prompt); /* only now, so that nothing is typed that shows */
    ssize_t got = getline(&line, &capacity, stdin);
    if (hides) tcsetattr(STDIN_FILENO, TCSADRAIN, &shown), fputc('\n', stderr);
    if (got > 0) return line[strcspn(line, "\r\n")] = '\0', line;
    free(line);
    cli_complain("nothing was entered");
    return NULL;
}

char *cli_ask_secret(const char *prompt) { return ask(prompt, true); }
char *cli_ask(const char *prompt) { return ask(prompt, false); }
