/* What goes to stdout and stderr: bytes exactly as they came, JSON, and complaints as one line. */
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
