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

/* Codes of failures. WRENN_E_API is the root of all that a server answered; wrenn_error_is() with a code matches its
 * kinds as well. New codes may appear: keep a default branch. */
enum {
    WRENN_E_NONE = 0,                /* no failure */
    WRENN_E_API = -1,                /* the server answered with an error */
    WRENN_E_VALIDATION = -2,         /* the server refused the request as invalid; a kind of WRENN_E_API */
    WRENN_E_AUTHENTICATION = -3,     /* missing or wrong credentials; a kind of WRENN_E_API */
    WRENN_E_FORBIDDEN = -4,          /* not allowed; a kind of WRENN_E_API */
    WRENN_E_NOT_FOUND = -5,          /* no such object; a kind of WRENN_E_API */
    WRENN_E_CONFLICT = -6,           /* not possible in the present state; a kind of WRENN_E_API */
    WRENN_E_HOST_HAS_SANDBOXES = -7, /* the host still has sandboxes; a kind of WRENN_E_CONFLICT */
    WRENN_E_HOST_UNAVAILABLE = -8,   /* no host can take this now; a kind of WRENN_E_API */
    WRENN_E_AGENT = -9,              /* the sandbox's machine reported a failure; a kind of WRENN_E_API */
    WRENN_E_INTERNAL = -10,          /* the server failed; a kind of WRENN_E_API */
    WRENN_E_TIMEOUT = -20,           /* the time for the operation ran out */
    WRENN_E_CONNECTION_FAILED = -21, /* no connection: the request was never sent */
    WRENN_E_CONNECTION_LOST = -22,   /* the connection broke: the outcome is unknown */
    WRENN_E_PROTOCOL = -23,          /* malformed response from the server */
    WRENN_E_LIMIT = -24,             /* a limit set on this side was passed */
    WRENN_E_CANCELLED = -25,         /* cancelled */
    WRENN_E_AGAIN = -26,             /* nothing there yet */
    WRENN_E_UNSUPPORTED = -27,       /* the server does not offer this */
    WRENN_E_NO_MEMORY = -30,         /* out of memory */
    WRENN_E_INVALID_ARGUMENT = -31,  /* wrong argument */
    WRENN_E_REENTRANT = -32,         /* a blocking call from inside a callback */
    WRENN_E_SYSTEM = -33,            /* the operating system refused */
};

/* What went wrong, with all that is known about it. Made by the library only. */
typedef struct wrenn_error wrenn_error;

/* The WRENN_E_* code; 0 for NULL. */
WRENN_API int wrenn_error_code(const wrenn_error *error);
/* Nonzero when the error has this code or one below it: WRENN_E_CONFLICT also matches WRENN_E_HOST_HAS_SANDBOXES. */
WRENN_API int wrenn_error_is(const wrenn_error *error, int code);
/* For people, one line of UTF-8 below 4096 bytes, never NULL; do not parse it. Never holds credentials. A long text of
 * a server's is cut, and says so; what else it sent is in wrenn_error_body(). */
WRENN_API const char *wrenn_error_message(const wrenn_error *error);
/* HTTP status of the answer; 0 when there was none. */
WRENN_API int64_t wrenn_error_http_status(const wrenn_error *error);
/* The server's own code, such as "invalid_state"; NULL when there was none. */
WRENN_API const char *wrenn_error_server_code(const wrenn_error *error);
/* The server's id for the request (X-Request-ID or error.request_id); NULL when it sent none. */
WRENN_API const char *wrenn_error_request_id(const wrenn_error *error);
/* The body of the answer as it came, at most 64 KiB of it; NULL when there was none. A server may put more into it than
 * this interface has names for. */
WRENN_API const char *wrenn_error_body(const wrenn_error *error);
/* Nonzero when the same request may succeed later, and sending it again does no harm: the server was not reached,
 * refused for now (429, or because it said so), or was unavailable (503) for a request that changes nothing when it is
 * repeated. A 503 for a command is not: it may come in its middle. */
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
