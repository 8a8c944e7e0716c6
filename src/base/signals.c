#include "base/signals.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { LAST = 64 };

bool wrn_signal_parse(const char *text, int *out) {
    int64_t number;
    if (wrn_parse_int(text, 1, LAST, &number)) return *out = (int)number, true;
    const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    for (*out = 1; *out <= LAST; ++*out) {
        const char *known = sigabbrev_np(*out);
        if (known && strcasecmp(known, name) == 0) return true;
    }
    return false;
}

const char *wrn_signal_name(int number, char out[16]) {
    const char *known = sigabbrev_np(number);
    if (known) snprintf(out, 16, "SIG%.10s", known);
    else snprintf(out, 16, "%d", number);
    return out;
}

void wrn_signal_list(wrn_buf *out) {
    for (int number = 1; number <= LAST; number++) {
        const char *known = sigabbrev_np(number);
        if (known) wrn_buf_printf(out, "%s, ", known);
    }
    wrn_buf_printf(out, "or a number from 1 to %d", LAST);
}
