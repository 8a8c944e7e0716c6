#include <stdarg.h>
#include <stdio.h>

#include "server/backend/backend.h"

void wrn_fault_set(wrn_fault *fault, const char *code, const char *format, ...) {
    fault->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(fault->message, sizeof(fault->message), format, args);
    va_end(args);
}
