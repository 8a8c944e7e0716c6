/* What goes to stdout and stderr: bytes exactly as they came, JSON, and errors as one line with a remedy. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* The bytes of a character that moves the cursor, ends the line or turns its direction; 0: of none. */
static size_t harmful(const unsigned char *c) {
    if (*c < ' ' || *c == 0x7f) return 1;
    if ((c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) || (c[0] == 0xd8 && c[1] == 0x9c)) return 2;
    if (c[0] != 0xe2 || (c[1] != 0x80 && c[1] != 0x81)) return 0;
    bool turns =
        c[1] == 0x80 ? c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae) : c[2] >= 0xa6 && c[2] <= 0xa9;
    return turns ? 3 : 0;
}

void cli_clean(char *text, char instead) {
    char *to = text;
    for (const char *from = text; *from;) {
        size_t size = harmful((const unsigned char *)from);
        *to++ = size ? instead : *from;
        from += size ? size : 1;
    }
    *to = '\0';
}

void cli_complain(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char text[2048];
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    /* Text from a server must not move the cursor or start a second line. */
    cli_clean(text, ' ');
    fprintf(stderr, "wrenn: %s\n", text);
}

static const char *remedy(const wrenn_error *error) {
    static const struct {
        int code;
        const char *text;
    } remedies[] = {
        {WRENN_E_AUTHENTICATION, "set WRENN_API_KEY, or give --api-key"},
        {WRENN_E_FORBIDDEN, "use the API key of the team that owns it"},
        {WRENN_E_NOT_FOUND, "'wrenn ls' shows what there is"},
        {WRENN_E_HOST_UNAVAILABLE, "try again later"},
        {WRENN_E_CONNECTION_FAILED, "check --base-url, or start a server with 'wrenn serve'"},
        {WRENN_E_CONNECTION_LOST, "it may have happened, so look before you try again"},
        {WRENN_E_TIMEOUT, "give it more time with --timeout, or try again"},
    };
    /* What no server was asked about has its remedy in the message. */
    if (!wrenn_error_http_status(error) && wrenn_error_is(error, WRENN_E_API)) return NULL;
    for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
        if (wrenn_error_is(error, remedies[i].code)) return remedies[i].text;
    return NULL;
}

void cli_report(const char *what, wrenn_error *error) {
    const char *hint = remedy(error), *id = wrenn_error_request_id(error);
    cli_complain("%s%s%s%s%s%s%s%s", what ? what : "", what ? ": " : "",
                 error ? wrenn_error_message(error) : "out of memory", id ? " (request " : "", id ? id : "",
                 id ? ")" : "", hint ? ": " : "", hint ? hint : "");
    wrenn_error_free(error);
}

bool cli_write(int fd, const void *data, size_t size) {
    const char *at = data;
    while (size) {
        ssize_t wrote = write(fd, at, size);
        if (wrote < 0 && errno != EINTR) return false;
        if (wrote < 0) continue;
        at += wrote;
        size -= (size_t)wrote;
    }
    return true;
}

/* Length and not a NUL ends it: output may hold NULs. */
static void json_bytes(FILE *out, const void *data, size_t size) {
    const unsigned char *in = data;
    putc('"', out);
    for (size_t i = 0; i < size; i++) {
        if (in[i] == '"' || in[i] == '\\') fprintf(out, "\\%c", in[i]);
        else if (in[i] == '\n') fputs("\\n", out);
        else if (in[i] < ' ' || in[i] == 0x7f) fprintf(out, "\\u%04x", (unsigned)in[i]);
        else putc(in[i], out);
    }
    putc('"', out);
}

void cli_json_text(FILE *out, const char *text) {
    if (text) json_bytes(out, text, strlen(text));
    else fputs("null", out);
}

static void json_base64(FILE *out, const void *data, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = data;
    putc('"', out);
    for (size_t i = 0; i < size; i += 3) {
        unsigned b1 = i + 1 < size ? in[i + 1] : 0, b2 = i + 2 < size ? in[i + 2] : 0;
        putc(digits[in[i] >> 2], out);
        putc(digits[(in[i] & 3u) << 4 | b1 >> 4], out);
        putc(i + 1 < size ? digits[(b1 & 15) << 2 | b2 >> 6] : '=', out);
        putc(i + 2 < size ? digits[b2 & 63] : '=', out);
    }
    putc('"', out);
}

static bool is_utf8(const void *data, size_t size) {
    const unsigned char *in = data;
    for (size_t i = 0; i < size;) {
        unsigned char lead = in[i++];
        if (lead < 0x80) continue;
        size_t more = lead >= 0xC2 && lead < 0xE0   ? 1
                      : lead >= 0xE0 && lead < 0xF0 ? 2
                      : lead >= 0xF0 && lead < 0xF5 ? 3
                                                    : 0;
        if (!more || size - i < more) return false;
        /* Overlong forms, surrogates and what lies past U+10FFFF show in the second byte. */
        unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (in[i] < low || in[i] > high) return false;
        for (i++; --more; i++)
            if ((in[i] & 0xC0) != 0x80) return false;
    }
    return true;
}

/* As in the service's own answers: when one of the two is not UTF-8, both are base64. */
static bool print_json(const char *sandbox_id, const wrenn_exec_result *result) {
    bool text = is_utf8(result->stdout_data, result->stdout_size) && is_utf8(result->stderr_data, result->stderr_size);
    void (*put)(FILE *, const void *, size_t) = text ? json_bytes : json_base64;
    printf("{\"sandbox_id\": ");
    cli_json_text(stdout, sandbox_id);
    printf(", \"exit_code\": %lld, \"duration_ms\": %lld, \"encoding\": \"%s\", \"stdout\": ",
           (long long)result->exit_code, (long long)result->duration_ms, text ? "utf-8" : "base64");
    put(stdout, result->stdout_data, result->stdout_size);
    printf(", \"stderr\": ");
    put(stdout, result->stderr_data, result->stderr_size);
    printf("}\n");
    return fflush(stdout) == 0;
}

int cli_print_result(cli_app *cli, const char *sandbox_id, const wrenn_exec_result *result) {
    cli_release_signals(cli); /* a reader that takes his time must not keep us from ending */
    bool printed = cli->json ? print_json(sandbox_id, result)
                             : cli_write(STDOUT_FILENO, result->stdout_data, result->stdout_size) &&
                                   cli_write(STDERR_FILENO, result->stderr_data, result->stderr_size);
    if (!printed) {
        cli_complain("can't write the output: %s", strerror(errno));
        return CLI_RUN_FAILED;
    }
    return result->exit_code < 0 ? CLI_SIGNALED : (int)result->exit_code;
}
