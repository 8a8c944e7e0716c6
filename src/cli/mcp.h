/* What the parts of `wrenn mcp` share: messages (JSON-RPC over two descriptors), tools, bounded text, and the files of this
 * machine that tools may use. */
#pragma once

#include <netinet/in.h>

#include "cli/cli.h"

/* ---- mcp_messages.c ---- */

typedef struct mcp_batch mcp_batch;

/* A tool that was called, and waits for its turn or runs. */
typedef struct mcp_call {
    struct mcp_call *next;
    wrn_json *id, *params;
    mcp_batch *batch; /* whose answers go together; NULL: none */
    bool cancelled;   /* by the client, who wants no answer any more */
} mcp_call;

/* The client at the other end. Attended to aside: pings and the like are answered while a tool runs. */
typedef struct mcp_peer {
    cli_aside aside;
    wrn_buf in, out; /* of `in` a part of a line; of `out` what was not written yet, from out_at on */
    size_t out_at;
    bool skips; /* the rest of a line that is too long */
    bool ended; /* nothing more is to be read */
    int timer;  /* runs from then on; -1: not yet */
    bool late;  /* so long after the end, nothing more is run */
    bool over;  /* nobody reads our answers */
    mcp_call *first, *running;
    size_t waiting;
} mcp_peer;

enum { MCP_VALUES_MAX = 100000 }; /* of a message */
/* Whether it can be the id of a request. */
bool mcp_is_id(const wrn_json *id);
bool mcp_knows_version(const char *version);

void mcp_peer_init(mcp_peer *peer);
void mcp_peer_free(mcp_peer *peer);
/* Is there anything to do or to wait for? */
bool mcp_goes_on(const mcp_peer *peer);
/* Takes the next call; NULL: there is none yet. It is over with mcp_answer(), which frees it: `result` is taken over. */
mcp_call *mcp_next_call(mcp_peer *peer);
void mcp_answer(mcp_peer *peer, mcp_call *call, wrn_json *result);

/* ---- mcp_http.c ---- */

typedef enum mcp_http_end {
    MCP_HTTP_FAILED,
    MCP_HTTP_ENDED,  /* by a signal */
    MCP_HTTP_SESSION /* this is a process that was made for a session, whose client is at stdin and stdout */
} mcp_http_end;

/* Takes [ADDRESS:]PORT apart. False: it is none. */
bool mcp_http_place(const char *place, struct sockaddr_in *address);
/* Serves there, which was written so, until a signal comes. */
mcp_http_end mcp_serve_http(cli_app *cli, const char *place, struct sockaddr_in address);

/* ---- mcp_tools.c ---- */

typedef struct mcp_session {
    cli_app *cli;
    cli_server server;            /* to connect to when nobody says */
    const cli_creation *creation; /* what the sandbox is to be, when it is made */
    const char *given;            /* or the one that is used; NULL: none was given */
    int64_t limit_seconds;        /* how long a command or code may run, unless a call says otherwise */
    size_t output_max;            /* bytes of text in a result */
    const char *files;            /* the directory of this machine that is open to tools; NULL: none is */
    int directory;                /* its descriptor; -1 */
    wrenn_sandbox *sandbox;       /* NULL: not needed so far */
    bool no_kernel;               /* it was made from the server's default */
    wrn_buf text;                 /* of the result of the call that runs */
    wrn_json *images;             /* likewise */
    bool failed;                  /* likewise */
} mcp_session;

/* What tools are called with; each has a part of it. */
typedef struct mcp_arguments {
    const char *command, *code, *language, *cwd, *user, *path, *local_path, *content, *encoding, *name;
    size_t content_size;
    const char **env; /* NAME=value, NULL at the end; may be NULL itself */
    int64_t timeout_seconds, port, depth, offset, limit;
    bool overwrite;
} mcp_arguments;

/* The tools, for tools/list. */
wrn_json *mcp_tools(void);
bool mcp_has_tool(const char *name);
/* Runs one. The result is for mcp_answer(); NULL: out of memory. */
wrn_json *mcp_run_tool(mcp_session *session, const wrn_json *params);

/* For the tools themselves. The result becomes an error with this text, or that of the error, which it frees. */
void mcp_fail(mcp_session *session, const char *format, ...) WRN_PRINTF(2, 3);
void mcp_fail_with(mcp_session *session, const char *what, int rc, wrenn_error *error);

/* ---- mcp_run.c: tools that run something ---- */

void mcp_run_command(mcp_session *session, const mcp_arguments *arguments);
void mcp_run_code(mcp_session *session, const mcp_arguments *arguments);
void mcp_start_server(mcp_session *session, const mcp_arguments *arguments);
void mcp_get_url(mcp_session *session, const mcp_arguments *arguments);

/* ---- mcp_transfer.c: tools for files ---- */

void mcp_read_file(mcp_session *session, const mcp_arguments *arguments);
void mcp_write_file(mcp_session *session, const mcp_arguments *arguments);
void mcp_list_files(mcp_session *session, const mcp_arguments *arguments);
void mcp_upload(mcp_session *session, const mcp_arguments *arguments);
void mcp_download(mcp_session *session, const mcp_arguments *arguments);

/* ---- mcp_host.c ---- */

/* Opens a file of this machine below the session's directory, whatever links and ".." there are. -1: `why` says it. */
int mcp_open_source(const mcp_session *session, const char *path, wrn_buf *why);
/* A new file that takes the place of `path` when it is whole. */
typedef struct mcp_target {
    int directory, fd; /* of the file; -1: closed */
    char name[64];     /* meanwhile */
    const char *last;  /* the name that it will have */
} mcp_target;
bool mcp_open_target(const mcp_session *session, const char *path, mcp_target *target, wrn_buf *why);
/* Keeps or drops it. False: `why` says it. */
bool mcp_close_target(mcp_target *target, bool keep, wrn_buf *why);

/* ---- mcp_text.c ---- */

/* The beginning and the end of a text that may be far too long. */
typedef struct mcp_excerpt {
    size_t max; /* bytes to keep */
    wrn_buf head, tail;
    uint64_t total;
} mcp_excerpt;
void mcp_excerpt_add(mcp_excerpt *excerpt, const char *data, size_t size);
void mcp_excerpt_free(mcp_excerpt *excerpt);
/* Puts it out as UTF-8, with a note of how much was cut. */
void mcp_excerpt_put(const mcp_excerpt *excerpt, wrn_buf *out);
/* As UTF-8: what is none becomes U+FFFD. */
void mcp_put_utf8(wrn_buf *out, const char *data, size_t size);
/* How much of it is left when a character that is cut at the end is left out. */
size_t mcp_whole_characters(const char *data, size_t size);
/* Without the colours of terminals. */
void mcp_put_plain(wrn_buf *out, const char *text);
