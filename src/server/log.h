/* Diagnostics on standard error, and reasons for failures. They never hold secrets. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"

typedef enum wrn_log_level { WRN_LOG_ERROR, WRN_LOG_WARNING, WRN_LOG_INFO, WRN_LOG_DEBUG } wrn_log_level;

/* `limit`: the last level that is told; -1: nothing is. */
void wrn_log_setup(int64_t limit, bool json);
WRN_PRINTF(2, 3) void wrn_log(wrn_log_level level, const char *format, ...);

/* Why something can't be done, for the operator. */
typedef struct wrn_why {
    char text[1024];
} wrn_why;

/* Returns false. */
WRN_PRINTF(2, 3) bool wrn_why_set(wrn_why *why, const char *format, ...);

#define wrn_log_error(...) wrn_log(WRN_LOG_ERROR, __VA_ARGS__)
#define wrn_log_warning(...) wrn_log(WRN_LOG_WARNING, __VA_ARGS__)
#define wrn_log_info(...) wrn_log(WRN_LOG_INFO, __VA_ARGS__)
#define wrn_log_debug(...) wrn_log(WRN_LOG_DEBUG, __VA_ARGS__)
