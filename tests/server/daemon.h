/* A wrennd for a test, in private mode, and a raw HTTP client to talk to it. Failures end the test. */
#ifndef WRN_TESTS_DAEMON_H
#define WRN_TESTS_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/json.h"
#include "test.h"

typedef struct test_daemon {
    pid_t pid;
    int lifeline; /* the daemon ends and cleans up when this is closed */
    char dir[128], clock[128], socket[160], key[64], token[1024];
} test_daemon;

/* Starts it with more arguments, which end with NULL; `extra` may be NULL. */
void daemon_start(test_daemon *d, const char *const *extra);
/* Closes the lifeline; checks that it ends well and leaves nothing. */
void daemon_stop(test_daemon *d);
/* Puts its clocks forward. Whatever timers that makes due have run when the next request but one is handled. */
void daemon_advance(const test_daemon *d, int64_t seconds);
/* The same, and those timers have run when it returns. */
void daemon_pass(const test_daemon *d, int64_t seconds);
/* The most memory that it has had, in bytes; 0 in a sanitizer build, where freed memory stays for a while. */
size_t daemon_peak_memory(const test_daemon *d);
/* Runs the program until it ends; its output, to be freed, and its exit status. */
char *daemon_run(const char *const *args, int *status);
pid_t daemon_spawn(const char *const *args, int keep_fd, int out_fd);
/* The exit status of the process. */
int daemon_wait(pid_t pid);

/* A server that is not private: its output, the addresses it listens on, its key. */
typedef struct served {
    pid_t pid;
    int out;
    char address[256], key[64];
    char *said; /* on standard output and error, after its end; to be freed */
} served;

/* Starts one on the data directory "data" and the socket "s" in test_dir(), with more arguments. Fills in `d`, but for the
 * key. */
void daemon_serve(served *s, test_daemon *d, const char *const *extra);
void daemon_finish(served *s, int signo);
/* Fills in the key of `d` from what the first start says, while it runs. */
void daemon_key(const served *s, test_daemon *d);
/* The text between `before` and the next white space. */
void daemon_find(const char *text, const char *before, char *out, size_t size);

typedef struct reply {
    int status;
    char *head; /* status line and fields */
    char *body;
    size_t size;
    wrn_json *json; /* of the body, if it is JSON */
} reply;

void reply_free(reply *r);
int dial(const char *path);
int dial_tcp(int port); /* of the loopback */
void send_text(int fd, const char *text);
void send_bytes(int fd, const void *data, size_t size);
/* Reads one response. */
reply read_reply(int fd);
/* Reads up to the end of the connection, which must come, and closes it. */
void read_end(int fd, wrn_buf *out);
void expect_eof(int fd);

/* One request on a connection of its own. `credentials` is a header line without line break, or NULL; `body` too. */
reply request(const test_daemon *d, const char *method, const char *path, const char *credentials, const char *body);
/* The same with the API key. */
reply call(const test_daemon *d, const char *method, const char *path, const char *body);
const char *error_code(const reply *r);
const char *error_message(const reply *r);
const char *member(const reply *r, const char *key);
int64_t number(const reply *r, const char *key);

/* Checks status and error code, frees. */
#define CHECK_ERROR(call_, status_, code_)                                  \
    do {                                                                    \
        reply r_ = call_;                                                   \
        test_check_str(__FILE__, __LINE__, #call_, error_code(&r_), code_); \
        CHECK_INT(r_.status, status_);                                      \
        reply_free(&r_);                                                    \
    } while (0)
#define CHECK_STATUS(call_, status_)   \
    do {                               \
        reply r_ = call_;              \
        CHECK_INT(r_.status, status_); \
        reply_free(&r_);               \
    } while (0)

/* Makes a sandbox from `body`; its id. */
void make_sandbox(const test_daemon *d, const char *body, char id[40]);
/* "/v1/sandboxes/ID/rest", good until the next call but three. */
const char *sandbox_path(const char *id, const char *rest);
/* Checks that the sandbox has the status. */
void check_status(const test_daemon *d, const char *id, const char *status);
/* Polls until it has. */
void wait_status(const test_daemon *d, const char *id, const char *status);

#endif
