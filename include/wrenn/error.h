/* Errors of libwrenn.
 *
 * A function that can fail returns 0 or a positive count on success and one of the negative WRENN_E_* codes on failure.
 * Its last parameter, `wrenn_error **error`, may be NULL; it is set on failure only and then belongs to the caller, who
 * frees it with wrenn_error_free(). A command that exits with a status other than 0 is a result, not an error.
 *
 * Nothing in this header blocks. Every accessor takes NULL. */
#ifndef WRENN_ERROR_H
#define WRENN_ERROR_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define WRENN_API __attribute__((visibility("default")))
#define WRENN_NODISCARD __attribute__((warn_unused_result))
#else
#define WRENN_API
#define WRENN_NODISCARD
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, value, parent, default text). WRENN_E_API is the root of all that a server answered; wrenn_error_is() with a
 * parent matches its children. New codes may appear: keep a default branch. */
#define WRENN_ERRORS(X)                                                           \
    X(API, -1, NONE, "the server answered with an error")                         \
    X(VALIDATION, -2, API, "the server refused the request as invalid")           \
    X(AUTHENTICATION, -3, API, "missing or wrong credentials")                    \
    X(FORBIDDEN, -4, API, "not allowed")                                          \
    X(NOT_FOUND, -5, API, "no such object")                                       \
    X(CONFLICT, -6, API, "not possible in the present state")                     \
    X(HOST_HAS_SANDBOXES, -7, CONFLICT, "the host still has sandboxes")           \
    X(HOST_UNAVAILABLE, -8, API, "no host can take this now")                     \
    X(AGENT, -9, API, "the sandbox's machine reported a failure")                 \
    X(INTERNAL, -10, API, "the server failed")                                    \
    X(TIMEOUT, -20, NONE, "the time for the operation ran out")                   \
    X(CONNECTION_FAILED, -21, NONE, "no connection: the request was never sent")  \
    X(CONNECTION_LOST, -22, NONE, "the connection broke: the outcome is unknown") \
    X(PROTOCOL, -23, NONE, "the server's answer makes no sense")                  \
    X(LIMIT, -24, NONE, "a limit set on this side was passed")                    \
    X(CANCELLED, -25, NONE, "cancelled")                                          \
    X(AGAIN, -26, NONE, "nothing there yet")                                      \
    X(UNSUPPORTED, -27, NONE, "the server does not offer this")                   \
    X(NO_MEMORY, -30, NONE, "out of memory")                                      \
    X(INVALID_ARGUMENT, -31, NONE, "wrong argument")                              \
    X(REENTRANT, -32, NONE, "a blocking call from inside a callback")             \
    X(SYSTEM, -33, NONE, "the operating system refused")

#define WRENN_ERROR_CODE_(name, value, parent, text) WRENN_E_##name = value,
enum { WRENN_ERRORS(WRENN_ERROR_CODE_) WRENN_E_NONE = 0 };
#undef WRENN_ERROR_CODE_

/* What went wrong, with all that is known about it. Made by the library only. */
typedef struct wrenn_error wrenn_error;

/* The WRENN_E_* code; 0 for NULL. */
WRENN_API int wrenn_error_code(const wrenn_error *error);
/* Nonzero when the error has this code or one below it: WRENN_E_CONFLICT also matches WRENN_E_HOST_HAS_SANDBOXES. */
WRENN_API int wrenn_error_is(const wrenn_error *error, int code);
/* For people, one line of UTF-8 below 4096 bytes, never NULL; do not parse it. Never holds credentials. A long text of a
 * server's is cut, and says so; what else it sent is in wrenn_error_body(). */
WRENN_API const char *wrenn_error_message(const wrenn_error *error);
/* HTTP status of the answer; 0 when there was none. */
WRENN_API int wrenn_error_http_status(const wrenn_error *error);
/* The server's own code, such as "invalid_state"; NULL when there was none. */
WRENN_API const char *wrenn_error_server_code(const wrenn_error *error);
/* The server's id for the request (X-Request-ID or error.request_id); NULL when it sent none. */
WRENN_API const char *wrenn_error_request_id(const wrenn_error *error);
/* The body of the answer as it came, at most 64 KiB of it; NULL when there was none. A server may put more into it than
 * this interface has names for. */
WRENN_API const char *wrenn_error_body(const wrenn_error *error);
/* Nonzero when the same request may succeed later, and sending it again does no harm: the server was not reached, refused
 * for now (429, or because it said so), or was unavailable (503) for a request that changes nothing when it is repeated.
 * A 503 for a command is not: it may come in its middle. */
WRENN_API int wrenn_error_retriable(const wrenn_error *error);
/* How long the server asked to wait, in milliseconds; 0 when it did not say. */
WRENN_API int64_t wrenn_error_retry_after_ms(const wrenn_error *error);
/* The sandboxes that keep a host from being deleted (WRENN_E_HOST_HAS_SANDBOXES). The array belongs to the error. */
WRENN_API size_t wrenn_error_sandbox_ids(const wrenn_error *error, const char *const **ids);

/* Frees the error; NULL is fine. */
WRENN_API void wrenn_error_free(wrenn_error *error);

/* "WRENN_E_CONFLICT" and its text, also without an error object; never NULL. */
WRENN_API const char *wrenn_strerror_name(int code);
WRENN_API const char *wrenn_strerror(int code);

#ifdef __cplusplus
}
#endif

#endif
