/* Making errors: at the origin with wrn_fail(), or from what a server answered. */
#pragma once

#include <stdarg.h>

#include "base/arena.h"
#include "base/auto.h"
#include "net/http.h"
#include "wrenn/error.h"

/* Sets *error (if `error` is not NULL) and returns `code`, so that callers can `return wrn_fail(...)`. */
int wrn_fail(wrenn_error **error, int code, const char *format, ...) WRN_PRINTF(3, 4);
/* The same with WRENN_E_INVALID_ARGUMENT, and with WRENN_E_NO_MEMORY in the call `what`, which may be NULL. */
#define wrn_refuse(error, ...) wrn_fail(error, WRENN_E_INVALID_ARGUMENT, __VA_ARGS__)
int wrn_no_memory(wrenn_error **error, const char *what);
/* The same as a value. Never NULL: without memory it is a constant that says so. */
wrenn_error *wrn_error_new(int code, const char *format, ...) WRN_PRINTF(2, 3);
/* The same with "what: " before the text. */
wrenn_error *wrn_error_of(const char *what, int code, const char *format, va_list args);
/* The typed error of an answer outside of 2xx. `what` names the operation. `repeatable`: sending the request twice does
 * no harm. `base_url` is where the API should be; NULL: the response does not come from the API. Never NULL. */
wrenn_error *wrn_error_from_answer(const char *what, const wrn_http_response *response, bool repeatable,
                                   const char *base_url);
/* Output of a command as it stands in answers. 0, WRENN_E_NO_MEMORY or WRENN_E_PROTOCOL. */
int wrn_output_decode(wrn_arena *arena, bool base64, const char *text, size_t size, const char **data,
                      size_t *data_size);
/* What messages show of a text that is not ours: as much as fits, up to the end of a character, and that it was cut. */
enum { WRN_SAID_SIZE = 1024 };
const char *wrn_error_said(char out[WRN_SAID_SIZE], const char *text, size_t size);
/* The class of a server's code; `otherwise` when it is unknown. */
int wrn_error_class(const char *server_code, int otherwise);
/* The typed error of an exchange that ended before its response was complete. Never NULL. */
wrenn_error *wrn_error_from_outcome(const char *what, const wrn_http_response *response);
/* A second owner of `error`; each frees it. */
wrenn_error *wrn_error_ref(const wrenn_error *error);
/* Hands `from` (not NULL) over to *error, or frees it when `error` is NULL; returns its code. */
int wrn_error_give(wrenn_error **error, wrenn_error *from);
void wrn_error_freep(wrenn_error **error);
