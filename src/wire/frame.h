/* The frames between wrennd and the agent inside a sandbox. Bytes in, frames out: no descriptor. Needs libc only, so that the
 * agent can use it.
 *
 *     u32 size of the payload | u32 stream | u8 type | u8 flags | u16 zero      little endian, then the payload
 *
 * Frames travel through two pipes, one for each direction. A socket could carry descriptors, and the receiver of a descriptor
 * can be blocked by closing it for as long as a hostile agent likes (SO_LINGER).
 *
 * Stream 0 is the channel itself. Each other stream is a command; wrennd chooses its number and uses it once. Both sides send
 * the bytes of a command on credit, which is WRN_FRAME_CREDIT at first: WINDOW frames add to the agent's credit for stdout
 * and stderr together, TAKEN frames to wrennd's credit for stdin. So neither a noisy command nor one that does not read
 * delays control frames. */
#pragma once

#include "base/buf.h"

enum {
    WRN_FRAME_HEADER = 12,
    WRN_FRAME_PAYLOAD_MAX = 65536,
    WRN_FRAME_CREDIT = 256 * 1024,
    WRN_FRAME_EXEC_MAX = 4 * 1024 * 1024, /* payload of an EXEC, all pieces together */
    WRN_LABEL_MAX = 16 * 1024,            /* of a command's label, with its NUL */
    WRN_LOG_MAX = 8 * 1024 * 1024,        /* of a detached command's output: so many bytes are kept */
    WRN_LOGS_KEPT = 32,                   /* of so many that have ended, beside those that run */
    WRN_AGENT_VERSION = 8
};

typedef enum wrn_frame_type {
    WRN_FRAME_HELLO = 1, /* agent, once, first: u32 version */
    WRN_FRAME_EXEC,      /* server: wrn_exec_put(); in pieces with WRN_FRAME_MORE on all but the last */
    WRN_FRAME_STDIN,     /* server: bytes */
    WRN_FRAME_STDIN_EOF, /* server; not for terminals: send Control-D instead */
    WRN_FRAME_SIGNAL,    /* server: u32 signal, for the command and all its descendants; or WRN_SIGNAL_GIVE_UP */
    WRN_FRAME_WINDOW,    /* server: u32 bytes of output that may come in addition */
    WRN_FRAME_STARTED,   /* agent: u32 pid, as seen inside */
    WRN_FRAME_STDOUT,    /* agent: bytes */
    WRN_FRAME_STDERR,    /* agent: bytes */
    WRN_FRAME_EXIT,      /* agent: u32 wrn_exit_kind, u32 value, u32 WRN_EXIT_*; nothing more comes on this stream */
    WRN_FRAME_PING,      /* server: up to 64 bytes */
    WRN_FRAME_PONG,      /* agent: the same bytes */
    WRN_FRAME_FREEZE,    /* server: stop all processes but the agent; used where there is no cgroup freezer */
    WRN_FRAME_THAW,      /* server */
    WRN_FRAME_DONE,      /* agent: FREEZE, THAW, QUIET or RESUME is done */
    WRN_FRAME_TAKEN,     /* agent: u32 bytes of stdin the command took */
    WRN_FRAME_RESIZE,    /* server: u32 columns, u32 rows of a terminal; both 0: send SIGWINCH only */
    WRN_FRAME_LABEL,     /* server: a new label for a detached command, without NUL */
    /* agent, instead of HELLO, to a wrennd that re-attaches: u32 version, u32 `number` of the RESUME that it answers, or 0, u32 how
     * many DETACHED frames follow. The type 20 stays the same in all versions. */
    WRN_FRAME_HELLO_AGAIN = 20,
    WRN_FRAME_DETACHED, /* agent: a detached command: wrn_detached_head, then its label */
    WRN_FRAME_LOG,      /* server: opens a stream with the kept output of a detached command: wrn_log_request */
    /* agent, on such a stream: u64 offset from which the output goes on, u64 bytes before that which were asked for but are
     * not kept any more. The first frame, and again when the reader was too slow. EXIT ends it as it ended the command. */
    WRN_FRAME_FROM,
    /* server: the machine is about to be stopped. After DONE the agent sends nothing until RESUME, so that no frame is cut in two
     * where half of it would be in the machine's memory. */
    WRN_FRAME_QUIET,
    /* server: the machine goes on: wrn_resume. DONE follows; with WRN_RESUME_NEW a HELLO instead, with WRN_RESUME_COPY or
     * WRN_RESUME_SERVER HELLO_AGAIN. */
    WRN_FRAME_RESUME,
    /* server, before anybody uses the sandbox: what /run/wrenn/network says; in pieces, as EXEC */
    WRN_FRAME_NETWORK,
    /* server, before anybody uses the virtual machine: a certificate, as PEM, that its programs trust */
    WRN_FRAME_TRUST,
    WRN_FRAME_TYPES
} wrn_frame_type;

enum { WRN_FRAME_MORE = 1 };

/* Nobody waits for the command any more. One that runs is killed as by SIGKILL. For one that has ended by itself, while its
 * descendants hold its output, EXIT comes at once, and the descendants go on. */
enum { WRN_SIGNAL_GIVE_UP = 65 };

typedef enum wrn_exit_kind {
    WRN_EXIT_CODE,    /* value: exit status */
    WRN_EXIT_SIGNAL,  /* value: signal number */
    WRN_EXIT_CWD,     /* not started: the directory can't be entered; value: errno */
    WRN_EXIT_USER,    /* not started: no such user; value: errno, EPERM when the sandbox can't have the user */
    WRN_EXIT_FAILED,  /* not started; value: errno */
    WRN_EXIT_PROGRAM, /* not started, and detached: its program can't be executed; value: errno */
    WRN_EXIT_RUNS     /* of a log: that is all so far, and the command goes on */
} wrn_exit_kind;

enum {
    WRN_EXIT_CUT = 1, /* the agent stopped reading output while descendants of the command still held it */
    WRN_EXIT_OOM = 2 /* of a virtual machine: its kernel has killed for lack of memory meanwhile, perhaps the command */
};
/* Whether a command that ended so may have been killed, or have failed because a part of it was. */
static inline bool wrn_exit_is_death(uint32_t kind, uint32_t value) {
    return kind == WRN_EXIT_SIGNAL ? value == 9 : kind == WRN_EXIT_CODE && value != 0;
}

/* A command, as wrennd asks the agent for it. */
typedef struct wrn_proc_spec {
    const char *cmd;          /* program name, looked up in PATH, or path */
    const char *const *args;  /* NULL-terminated, without cmd itself; may be NULL */
    const char *const *envs;  /* NULL-terminated "KEY=VALUE", added to the standard ones; may be NULL */
    const char *cwd;          /* NULL: the user's home */
    const char *user;         /* name or number, either with ":GROUP"; NULL: the template's, else root */
    const char *default_user; /* the template's, which wrennd fills in; of use where the machine can */
    int64_t
        timeout_ms;    /* of wrennd's; 0: none. When it passes, pauses not counted, the whole process tree is killed. */
    const char *label; /* not NULL: detached. It goes on without wrennd, and the next one gets the text back */
    bool want_stdin;   /* false: /dev/null */
    bool builtin; /* cmd names a function of the agent's (wire/files.h; listening, relay); its errors are exit codes */
    uint16_t cols, rows; /* both above 0: a terminal for all three; its output is stdout */
} wrn_proc_spec;

enum {
    WRN_EXEC_STDIN = 1,
    WRN_EXEC_PTY = 2,
    WRN_EXEC_BUILTIN = 4,
    /* The user is the template's. Builtins, and sandboxes that can't have the user, only use its home directory. */
    WRN_EXEC_DEFAULT_USER = 8
};

/* The payload of an EXEC: five u32: number of arguments with cmd, number of variables, WRN_EXEC_*, columns and rows of a
 * terminal; then NUL-terminated strings: cwd, label, user (empty: NULL), the arguments, the variables. */
enum { WRN_EXEC_HEAD = 20 };
void wrn_exec_put(const wrn_proc_spec *spec, wrn_buf *payload);
/* Reads a payload, into which *spec leads. Gives cmd and args as an argv, which the caller frees together with args and
 * envs. NULL when the payload is malformed, or without memory. */
char **wrn_exec_read(uint8_t *payload, size_t size, wrn_proc_spec *spec);
/* The user that it asks for, or the template's; "": root. */
const char *wrn_exec_user(const wrn_proc_spec *spec);

/* Head of a DETACHED payload, three u32; then the label, without NUL. Credit starts anew, less the `untaken` bytes of stdin. */
enum {
    WRN_DETACHED_HEAD = 12,
    WRN_DETACHED_TERMINAL = 1,
    WRN_DETACHED_ENDED = 2 /* only its output is still there */
};
typedef struct wrn_detached_head {
    uint32_t pid;     /* 0: not started yet; STARTED follows */
    uint32_t flags;   /* WRN_DETACHED_* */
    uint32_t untaken; /* bytes of stdin that the command has not taken yet */
} wrn_detached_head;

/* What to read of the kept output. Offsets count all bytes of both streams from the command's start. */
enum { WRN_LOG_REQUEST = 16, WRN_LOG_FOLLOW = 1, WRN_LOG_TAIL = 2 };
typedef struct wrn_log_request {
    uint32_t command; /* its stream */
    uint32_t flags; /* WRN_LOG_FOLLOW: also what comes from now on. WRN_LOG_TAIL: `from` counts lines before the end */
    uint64_t from;
} wrn_log_request;
void wrn_log_request_put(const wrn_log_request *request, uint8_t out[WRN_LOG_REQUEST]);
wrn_log_request wrn_log_request_get(const uint8_t in[WRN_LOG_REQUEST]);

/* What the agent of a machine that was stopped, or is a copy of one, has to know. */
enum { WRN_RESUME_HEAD = 48, WRN_RESUME_SEED = 32, WRN_RESUME_NAME_MAX = 256 };
enum {
    WRN_RESUME_NEW = 1,   /* a new sandbox, made from the memory of a machine that had none */
    WRN_RESUME_COPY = 2,  /* of a sandbox: what has no label goes on, but nobody hears it any more */
    WRN_RESUME_SERVER = 4 /* another wrennd is at the other end: what has no label ends */
};
typedef struct wrn_resume {
    uint32_t flags;
    uint32_t number;  /* the answer has it, too: one that is late may come to another wrennd, or after another RESUME */
    uint64_t time_us; /* CLOCK_REALTIME */
    uint8_t seed[WRN_RESUME_SEED];
    const char *id, *template_name; /* its names from now on; "": they stay */
} wrn_resume;
void wrn_resume_put(const wrn_resume *resume, wrn_buf *payload);
/* False when the payload is malformed. The strings lead into it. */
bool wrn_resume_read(const uint8_t *payload, size_t size, wrn_resume *out);

typedef struct wrn_frame {
    uint32_t stream;
    uint8_t type, flags;
    const uint8_t *data; /* valid until the reader is used again */
    uint32_t size;
} wrn_frame;

/* Cuts a byte stream into frames. The owner provides a buffer of WRN_FRAME_BUFFER bytes. */
enum { WRN_FRAME_BUFFER = 2 * (WRN_FRAME_HEADER + WRN_FRAME_PAYLOAD_MAX) };
typedef struct wrn_frame_reader {
    uint8_t *buffer;
    size_t begin, end;
} wrn_frame_reader;

/* Where to put the next bytes, and how many; never 0 after wrn_frame_next() has returned 0. */
uint8_t *wrn_frame_room(wrn_frame_reader *reader, size_t *size);
void wrn_frame_fed(wrn_frame_reader *reader, size_t size);
/* 1: *frame is the next one; 0: more bytes are needed; -1: malformed, and the rest can't be read either. */
int wrn_frame_next(wrn_frame_reader *reader, wrn_frame *frame);

void wrn_frame_head(uint8_t out[WRN_FRAME_HEADER], uint32_t stream, uint8_t type, uint8_t flags, uint32_t size);
void wrn_put_u32(uint8_t out[4], uint32_t value);
uint32_t wrn_get_u32(const uint8_t in[4]);
void wrn_put_u64(uint8_t out[8], uint64_t value);
uint64_t wrn_get_u64(const uint8_t in[8]);
