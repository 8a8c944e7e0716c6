/* What goes to stdout and stderr: bytes exactly as they came, JSON, and errors as one line with a remedy. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"

static wrn_buf *complaints; /* NULL: nobody keeps them */

void cli_keep_complaints(wrn_buf *kept) { complaints = kept; }

void cli_complain(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char text[4096];
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    /* Text from a server must not move the cursor or start a second line. */
    wrn_text_clean(text);
    fflush(stdout);
    fprintf(stderr, "wrenn: %s\n", text);
    if (complaints) wrn_buf_printf(complaints, "%s%s", complaints->size ? "\n" : "", text);
}

static const char *remedy(const wrenn_error *error) {
    static const struct {
        int code;
        const char *about; /* what the message has to have: one code is for sandboxes and files alike */
        const char *text;
    } remedies[] = {
        {WRENN_E_AUTHENTICATION, "needs a user token", "'wrenn login' gets one"},
        {WRENN_E_AUTHENTICATION, "login: ", NULL}, /* of a password */
        {WRENN_E_AUTHENTICATION, "", "set WRENN_API_KEY, or use 'wrenn context add' or 'wrenn login'"},
        {WRENN_E_NOT_FOUND, "sandbox not found", CLI_SHOWS_SANDBOXES},
        {WRENN_E_NOT_FOUND, "no template \"", CLI_SHOWS_TEMPLATES},
        {WRENN_E_NOT_FOUND, "no snapshot \"", "'wrenn snapshot ls' shows the snapshots"},
        {WRENN_E_NOT_FOUND, "has the pid or tag", "'wrenn ps' shows what runs"},
        {WRENN_E_AGENT, "nothing answers on port 8888",
         "it has no kernels: make it with -T python-interpreter-v0-beta ('wrenn template build code-interpreter')"},
        {WRENN_E_CONFLICT, "not running (status: paused)", "'wrenn resume' wakes it up"},
        {WRENN_E_HOST_UNAVAILABLE, "", "try again later"},
        {WRENN_E_CONNECTION_FAILED, "",
         "check --url, WRENN_BASE_URL or the context, or start a server with 'wrenn serve'"},
        {WRENN_E_CONNECTION_LOST, "", "it may have happened, so look before you try again"},
        {WRENN_E_TIMEOUT, "", "try again"},
    };
    const char *message = wrenn_error_message(error);
    /* For errors that do not come from a server, the message itself has the remedy. */
    bool ours = !wrenn_error_http_status(error) && wrenn_error_is(error, WRENN_E_API);
    for (size_t i = 0; i < WRN_COUNT(remedies); i++)
        if (wrenn_error_is(error, remedies[i].code) && strstr(message, remedies[i].about) &&
            !(ours && !*remedies[i].about))
            return remedies[i].text;
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

int cli_flush(void) {
    static int why;
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && !why) why = errno ? errno : EIO;
    return why;
}

bool cli_print_json(const wrn_json *value) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_json_write(value, &text);
    wrn_buf_putc(&text, '\n');
    if (text.failed) return cli_complain("out of memory"), false;
    fwrite(text.data, 1, text.size, stdout);
    return true;
}

bool cli_json_set_bytes(wrn_json *object, const char *name, const void *data, size_t size) {
    WRN_AUTO(wrn_buf_free) wrn_buf base64 = WRN_BUF_INIT;
    if (wrn_utf8_valid_prefix(data, size) == size) return wrn_json_set(object, name, wrn_json_new_string(data, size));
    char encoding[64];
    snprintf(encoding, sizeof(encoding), "%s_encoding", name);
    wrn_base64_encode(&base64, data, size);
    return !base64.failed && wrn_json_set_string(object, name, base64.data) &&
           wrn_json_set_string(object, encoding, "base64");
}

bool cli_colours(int fd) {
    const char *terminal = getenv("TERM");
    return isatty(fd) && !cli_env("NO_COLOR") && (!terminal || strcmp(terminal, "dumb") != 0);
}

void cli_say_bytes(char out[32], int64_t bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1000 && unit + 1 < WRN_COUNT(units)) value /= 1000, unit++;
    snprintf(out, 32, unit && value < 100 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void cli_say_age(char out[32], const char *time) {
    struct tm parsed = {0};
    if (!time || !strptime(time, "%Y-%m-%dT%H:%M:%S", &parsed)) {
        snprintf(out, 32, "-");
        return;
    }
    int64_t age = wrn_unix_time() - timegm(&parsed);
    if (age < 0) age = 0;
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    for (size_t i = 0; i < WRN_COUNT(units); i++) {
        /* From two of the larger unit on, that unit is used. */
        if (age < 2 * units[i].seconds && i + 1 < WRN_COUNT(units)) continue;
        snprintf(out, 32, "%lld %s ago", (long long)(age / units[i].seconds), units[i].unit);
        return;
    }
}
