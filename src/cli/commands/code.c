/* code: code in a kernel that keeps its variables: a file, stdin, or line by line. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"

enum { NO_LIMIT_SECONDS = 7 * 86400, SOURCE_MAX = 64 << 20 };

typedef struct code_values {
    const char *sandbox, *language, *line, *images, *template_name, *isolation;
    int64_t limit_seconds;
} code_values;

static const cli_option options[] = {
    {"sandbox", 's', CLI_TEXT, offsetof(code_values, sandbox), "ID",
     "run it in this sandbox, with the variables of earlier runs", NULL, 0, 0, CLI_WORD_SANDBOX},
    {"code", 'c', CLI_TEXT, offsetof(code_values, line), "CODE", "run this instead of a file", NULL, 0, 0,
     CLI_WORD_ANY},
    {"lang", 0, CLI_TEXT, offsetof(code_values, language), "NAME", "of the kernel: python3, bash, ...", "kernel", 0, 0,
     CLI_WORD_ANY},
    {"images", 0, CLI_TEXT, offsetof(code_values, images), "DIR", "save images there; default: here", NULL, 0, 0,
     CLI_WORD_FILE},
    {"template", 'T', CLI_TEXT, offsetof(code_values, template_name), "NAME", "of a new sandbox", "image", 0, 0,
     CLI_WORD_TEMPLATE},
    CLI_ISOLATION_OPTION(offsetof(code_values, isolation)),
    {"timeout", 0, CLI_SECONDS, offsetof(code_values, limit_seconds), "TIME", "interrupt it after so long", NULL, 1,
     NO_LIMIT_SECONDS, CLI_WORD_ANY},
    {0},
};

static const code_values defaults = {.template_name = "python-interpreter-v0-beta", .images = "."};

/* ---- results ---- */

typedef struct show {
    cli_app *cli;
    const char *images;
    bool failed;
} show;

static void code_put_out(const char *data, size_t size, void *user_data) {
    cli_hide_does(((show *)user_data)->cli);
    cli_write(STDOUT_FILENO, data, size);
}

static void put_err(const char *data, size_t size, void *user_data) {
    cli_hide_does(((show *)user_data)->cli);
    cli_write(STDERR_FILENO, data, size);
}

/* A new file; the name is the first of image-1, image-2, ... that is free. */
static int new_image(const char *directory, const char *suffix, char *path, size_t size) {
    int fd = -1;
    for (int number = 1; number < 100000; number++) {
        snprintf(path, size, "%s/image-%d.%s", directory, number, suffix);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) break;
    }
    return fd;
}

static bool save_image(const show *s, const wrenn_code_mime *mime, const char *suffix, bool coded) {
    char path[4096];
    size_t size = mime->size;
    char *data = malloc(coded ? wrn_base64_decoded_max(size) + 1 : size + 1), *packed = malloc(size + 1);
    size_t kept = 0;
    /* Kernels break their base64 into lines. */
    for (size_t i = 0; packed && i < size; i++)
        if (!coded || !strchr("\r\n", mime->data[i])) packed[kept++] = mime->data[i];
    ssize_t decoded = !data || !packed ? -1 : coded ? wrn_base64_decode(data, packed, kept) : (ssize_t)kept;
    if (!coded && decoded >= 0) memcpy(data, packed, kept);
    int fd = decoded >= 0 ? new_image(s->images, suffix, path, sizeof(path)) : -1;
    bool ok = fd >= 0 && cli_write(fd, data, (size_t)decoded);
    if (fd >= 0) ok = close(fd) == 0 && ok;
    if (ok) printf("%s\n", path), cli_flush();
    else cli_complain("can't save an image in %s: %s", s->images, decoded < 0 ? "it is malformed" : strerror(errno));
    free(packed);
    free(data);
    return ok;
}

static void put_result(const wrenn_code_result *result, void *user_data) {
    static const struct {
        const char *type, *suffix;
        bool coded;
    } images[] = {{"image/png", "png", true}, {"image/jpeg", "jpg", true}, {"image/svg+xml", "svg", false}};
    show *s = user_data;
    cli_hide_does(s->cli);
    for (size_t i = 0; i < WRN_COUNT(images); i++) {
        const wrenn_code_mime *mime = wrenn_code_result_mime(result, images[i].type);
        if (!mime) continue;
        if (!save_image(s, mime, images[i].suffix, images[i].coded)) s->failed = true;
        return;
    }
    const wrenn_code_mime *text = wrenn_code_result_mime(result, "text/plain");
    if (!text) return;
    cli_write(STDOUT_FILENO, text->data, text->size);
    cli_write(STDOUT_FILENO, "\n", 1);
}

static void put_error(const wrenn_code_error *error, void *user_data) {
    const char *text = *error->traceback ? error->traceback : error->value;
    bool colours = cli_colours(STDERR_FILENO);
    cli_hide_does(((show *)user_data)->cli);
    ((show *)user_data)->failed = true;
    if (!*error->traceback) fprintf(stderr, "%s: ", error->name);
    for (; *text; text++) {
        if (*text != '\033' || colours) {
            putc(*text, stderr);
            continue;
        }
        while (text[1] && !strchr("mKJH", *text)) text++;
    }
    putc('\n', stderr);
}

/* False when it failed, in whatever way. */
static bool run_code(cli_app *cli, wrenn_sandbox *sandbox, const code_values *values, const char *code) {
    wrenn_sandbox_run_code_options asked = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    wrenn_code_callbacks callbacks = WRENN_CODE_CALLBACKS_INIT;
    wrenn_code_execution *execution = NULL;
    show s = {.cli = cli, .images = values->images};
    callbacks.on_stdout = code_put_out;
    callbacks.on_stderr = put_err;
    callbacks.on_result = put_result;
    callbacks.on_error = put_error;
    callbacks.user_data = &s;
    asked.code = code;
    asked.kernel = values->language;
    asked.time_limit_ms = (values->limit_seconds ? values->limit_seconds : NO_LIMIT_SECONDS) * 1000;
    asked.callbacks = &callbacks;
    int64_t since = wrn_unix_time();
    cli->does = "running the code"; /* until it says something */
    bool ran = CLI_GET(cli, NULL, wrenn_sandbox_run_code, (sandbox, &asked), &execution);
    cli->does = NULL;
    if (!ran) return false;
    bool timed_out = execution->timed_out;
    if (timed_out) cli_complain("the time was up (--timeout), and the code was interrupted");
    wrenn_code_execution_free(execution);
    if (s.failed) cli_explain_denials(cli, sandbox, since);
    return !s.failed && !timed_out;
}

/* ---- the source ---- */

/* NULL: reported. */
static char *code_read_source(const char *path) {
    wrn_buf text = WRN_BUF_LIMITED(SOURCE_MAX);
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0) {
        char *into = wrn_buf_reserve(&text, 65536);
        got = into ? read(fd, into, 65536) : -1;
        if (got > 0) text.size += (size_t)got;
    }
    if (got < 0) cli_complain("%s: %s", path, text.failed ? "it is too large" : strerror(errno));
    if (fd > STDIN_FILENO) close(fd);
    wrn_buf_puts(&text, "");
    char *source = got < 0 ? NULL : wrn_buf_steal(&text);
    wrn_buf_free(&text);
    return source;
}

/* ---- typed ---- */

/* Where code stands at the end of what was typed so far, as far as that can be told of any language. */
typedef struct reading {
    int depth;     /* of brackets */
    char quote;    /* of a text that goes on over lines; 0: none */
    bool block;    /* a line has begun one */
    bool unended;  /* the last line says that it goes on */
    bool is_empty; /* the last line is */
} reading;

static bool is_tripled(const char *at) { return at[1] == at[0] && at[2] == at[0]; }

/* The end of a text that ends in its line. */
static const char *after_text(const char *at) {
    char quote = *at++;
    while (*at && *at != '\n' && *at != quote) at += 1 + (*at == '\\' && at[1] && at[1] != '\n');
    return *at == quote ? at + 1 : at;
}

static const char *read_code(reading *r, const char *at, char *last) {
    if (r->quote) {
        if (*at == r->quote && is_tripled(at)) return r->quote = 0, at + 3;
        return at + 1 + (*at == '\\' && at[1] && at[1] != '\n');
    }
    if (*at == '#' && (!*last || at[-1] == ' ' || at[-1] == '\t')) return at + strcspn(at, "\n");
    if (*at != ' ' && *at != '\t') *last = *at;
    if ((*at == '"' || *at == '\'') && is_tripled(at)) return r->quote = *at, at + 3;
    if (*at == '"' || *at == '\'') return after_text(at);
    if (strchr("([{", *at)) r->depth++;
    if (strchr(")]}", *at) && r->depth) r->depth--;
    return at + 1;
}

static bool ends_with_word(const char *line, const char *end, const char *word) {
    size_t size = strlen(word);
    if ((size_t)(end - line) < size || memcmp(end - size, word, size) != 0) return false;
    return (size_t)(end - line) == size || end[-(ssize_t)size - 1] == ' ' || end[-(ssize_t)size - 1] == ';';
}

static void code_read_line(reading *r, const char *line) {
    const char *end = line + strcspn(line, "\n"), *at = line;
    char last = '\0'; /* that counts */
    bool inside = r->quote || r->depth;
    while (at < end) at = read_code(r, at, &last);
    r->is_empty = line + strspn(line, " \t\r") >= end;
    r->unended = !r->quote && end > line && end[-1] == '\\';
    if (r->quote || r->depth) return;
    bool begins = last == ':' || ends_with_word(line, end, "do") || ends_with_word(line, end, "then");
    if (begins || (!inside && *line == '@')) r->block = true;
}

/* Whether what was typed goes on in the next line: in brackets, in a long text, behind a line that says so, and in a block,
 * which ends with an empty line. */
static bool goes_on(const char *code) {
    reading r = {0};
    for (const char *line = code; *line; line += strcspn(line, "\n"), line += *line == '\n') code_read_line(&r, line);
    return r.quote || r.depth || r.unended || (r.block && !r.is_empty);
}

/* Runs what is typed until there is no more. Ctrl-C gives up what was typed, or interrupts the code; Ctrl-D ends it. */
static void converse_on(cli_app *cli, wrenn_sandbox *sandbox, const code_values *values, cli_typing *typing) {
    WRN_AUTO(wrn_buf_free) wrn_buf typed = WRN_BUF_INIT;
    for (;;) {
        size_t size;
        const char *line = cli_typing_line(typing, typed.size ? "... " : ">>> ", &size);
        bool given_up = !line && cli->signal == SIGINT;
        if (!line && !given_up) return;
        if (!given_up) wrn_buf_put(&typed, line, size);
        if (typed.failed) return cli_complain("out of memory");
        if (!given_up && goes_on(typed.data)) continue;
        if (given_up) fputc('\n', stderr);
        else if (typed.size > 1) (void)!run_code(cli, sandbox, values, typed.data);
        if (cli->signal == SIGINT) cli->signal = 0; /* it was the code that was meant */
        wrn_buf_clear(&typed);
        if (cli->signal) return;
    }
}

static int converse(cli_app *cli, wrenn_sandbox *sandbox, const code_values *values) {
    cli_typing *typing = cli_typing_new(cli, "code-history");
    if (!typing) return CLI_FAILED;
    fprintf(stderr, "Ctrl-D ends it.\n");
    converse_on(cli, sandbox, values, typing);
    cli_typing_free(typing);
    if (!cli->signal) fputc('\n', stderr);
    return 0;
}

/* Without a source it is typed. */
static int code_work(cli_app *cli, const code_values *values, const char *source) {
    cli_creation creation = {.template_name = values->template_name, .isolation = values->isolation};
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = values->sandbox ? cli_sandbox(cli, values->sandbox) : cli_create(cli, &creation);
    if (!sandbox && !values->sandbox && !cli->signal)
        cli_complain("'wrenn template build code-interpreter' makes the template that is needed on your own server");
    if (!sandbox) return CLI_FAILED;
    int code = !source ? converse(cli, sandbox, values) : run_code(cli, sandbox, values, source) ? 0 : CLI_FAILED;
    if (!values->sandbox && !cli_destroy(cli, sandbox)) code = CLI_FAILED;
    wrenn_sandbox_free(sandbox);
    return code;
}

static int code_run(cli_app *cli, void *given) {
    code_values *values = given;
    bool typed = !values->line && !cli->word_count && isatty(STDIN_FILENO);
    if (values->sandbox && values->isolation)
        return cli_usage(cli, "--isolation is of a new sandbox, and --sandbox names one that is there");
    if (values->line && cli->word_count)
        return cli_usage(cli, "unexpected argument '%s': --code gives the code already", cli->words[0]);
    if (values->line || typed) return code_work(cli, values, values->line);
    char *source = code_read_source(cli->word_count ? cli->words[0] : "-");
    int code = source ? code_work(cli, values, source) : CLI_FAILED;
    free(source);
    return code;
}

static const cli_operand operands[] = {{"FILE", CLI_WORD_FILE, CLI_OPTIONAL}, {0}};

static const cli_example examples[] = {
    {"a file", "code plot.py"},
    {"a line", "code -c 'print(6 * 7)'"},
    {"from a pipe, in a sandbox that keeps the variables", "code -s work < part2.py"},
    {"line by line", "code"},
    {"another language", "code --lang bash -c 'echo $SHELL'"},
    {0},
};

const cli_command cli_command_code = {
    .name = "code",
    .group = CLI_GROUP_RUN,
    .summary = "run code in a kernel that keeps its variables",
    .details =
        "FILE may be '-' for stdin. Without FILE and --code it reads stdin, and from a terminal line by line. Images are\n"
        "saved as image-1.png and so on, and their names printed. Typed lines can be edited, and found again with the\n"
        "arrow keys and Ctrl-R, also those of earlier times (~/.local/state/wrenn/code-history); a block ends with an\n"
        "empty line, brackets and long texts where they are closed. Ctrl-C discards what was typed, or interrupts what\n"
        "runs. Without --sandbox it makes a sandbox and destroys it afterwards. The exit code is 1 when the code failed.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(code_values),
    .defaults = &defaults,
    .run = code_run,
};
