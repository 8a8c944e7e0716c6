#include "server/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

static int64_t last_level = WRN_LOG_INFO;
static bool as_json;

void wrn_log_setup(int64_t limit, bool json) {
    last_level = limit;
    as_json = json;
}

bool wrn_why_set(wrn_why *why, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, sizeof(why->text), format, args);
    va_end(args);
    return false;
}

static const char *const names[] = {"error", "warning", "info", "debug"};

void wrn_log(wrn_log_level level, const char *format, ...) {
    if ((int64_t)level > last_level) return;
    char text[1024], when[WRN_RFC3339_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    text[wrn_utf8_valid_prefix(text, strlen(text))] = '\0'; /* where it was cut */
    wrn_text_clean(text);
    wrn_rfc3339(when, wrn_unix_time());
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
    if (as_json) {
        WRN_AUTO(wrn_json_freep) wrn_json *entry = wrn_json_new_object();
        wrn_json_set_string(entry, "time", when);
        wrn_json_set_string(entry, "level", names[level]);
        wrn_json_set_string(entry, "message", text);
        wrn_json_write(entry, &line);
    } else {
        wrn_buf_printf(&line, "%s wrennd: %s%s", when, level <= WRN_LOG_WARNING ? names[level] : "",
                       level <= WRN_LOG_WARNING ? ": " : "");
        wrn_buf_puts(&line, text);
    }
    wrn_buf_putc(&line, '\n');
    /* One write, so that lines of several processes do not mix. */
    (void)!write(STDERR_FILENO, line.data, line.size);
}
