/* What goes to stdout and stderr: bytes exactly as they came, JSON, and errors as one line with a remedy. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli.h"

void cli_complain(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char text[2048];
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    /* Text from a server must not move the cursor or start a second line. */
    wrn_text_clean(text);
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

void cli_json_bytes(FILE *out, const void *data, size_t size) {
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
    if (text) cli_json_bytes(out, text, strlen(text));
    else fputs("null", out);
}
