/* The frames between wrennd and the agent inside a sandbox. Bytes in, frames out: no descriptor, no allocation; libc
 * only, so that the agent can use it.
 *
 *     u32 size of the payload | u32 stream | u8 type | u8 flags | u16 zero      little endian, then the payload
 *
 * They travel through two pipes, one each way, and not through a socket: that could carry descriptors, and even to drop
 * one that an agent has sent can hold its receiver up for as long as the agent likes (SO_LINGER).
 *
 * Stream 0 is the channel itself; other numbers are commands, chosen by the server and used once. Bytes flow
 * on credit, WRN_FRAME_CREDIT at first: the agent sends at most as many bytes of stdout and stderr together as the server
 * has granted with WINDOW frames, and the server at most as many of stdin as the agent has said with TAKEN that the command
 * took. So a noisy command, or one that does not read, never stands in the way of control frames. */
#ifndef WRN_WIRE_FRAME_H
#define WRN_WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum {
    WRN_FRAME_HEADER = 12,
    WRN_FRAME_PAYLOAD_MAX = 65536,
    WRN_FRAME_CREDIT = 256 * 1024,
    WRN_FRAME_EXEC_MAX = 4 * 1024 * 1024, /* payload of an EXEC, all its pieces together */
    WRN_LABEL_MAX = 16 * 1024,            /* of a command's label, with its NUL */
    WRN_AGENT_VERSION = 5
};

typedef enum wrn_frame_type {
    WRN_FRAME_HELLO = 1, /* agent, once, first: u32 version */
    WRN_FRAME_EXEC,      /* server: wrn_exec_head and strings; in pieces with WRN_FRAME_MORE on all but the last */
    WRN_FRAME_STDIN,     /* server: bytes */
    WRN_FRAME_STDIN_EOF, /* server; not for terminals, which take the character for it */
    WRN_FRAME_SIGNAL,    /* server: u32 signal, for the command and all its descendants; or WRN_SIGNAL_GIVE_UP */
    WRN_FRAME_WINDOW,    /* server: u32 more bytes of output may come */
    WRN_FRAME_STARTED,   /* agent: u32 pid, as seen inside */
    WRN_FRAME_STDOUT,    /* agent: bytes */
    WRN_FRAME_STDERR,    /* agent: bytes */
    WRN_FRAME_EXIT, /* agent: u32 wrn_exit_kind, u32 value, u32 WRN_EXIT_CUT or 0; nothing more comes on this stream */
    WRN_FRAME_PING, /* server: up to 64 bytes */
    WRN_FRAME_PONG, /* agent: the same bytes */
    WRN_FRAME_FREEZE, /* server: stop everything but the agent; for when there is no cgroup freezer */
    WRN_FRAME_THAW,   /* server */
    WRN_FRAME_DONE,   /* agent: FREEZE or THAW has been done */
    WRN_FRAME_TAKEN,  /* agent: u32 bytes of stdin the command took */
    WRN_FRAME_RESIZE, /* server: u32 columns, u32 rows of a terminal; both 0: only tells its program */
    WRN_FRAME_LABEL,  /* server: another label for a command that has one, without its NUL */
    /* Agent, once, first, when it has had a server before: u32 version, u32 how many KEPT follow. All versions know it by
     * this number. */
    WRN_FRAME_BACK = 20,
    WRN_FRAME_KEPT, /* agent: a command that goes on: wrn_kept_head, then its label */
    WRN_FRAME_TYPES
} wrn_frame_type;

enum { WRN_FRAME_MORE = 1 };

/* Nobody waits for the command any more: as SIGKILL; but one that has ended by itself, and is only waited for because its
 * descendants hold its output, ends at once, and they go on. */
enum { WRN_SIGNAL_GIVE_UP = 65 };

typedef enum wrn_exit_kind {
    WRN_EXIT_CODE,   /* value: exit status */
    WRN_EXIT_SIGNAL, /* value: signal number */
    WRN_EXIT_CWD,    /* never started: no such directory; value: errno */
    WRN_EXIT_USER,   /* never started: no such user; value: errno, EPERM when the sandbox can't have it */
    WRN_EXIT_FAILED  /* never started; value: errno */
} wrn_exit_kind;

/* What outlives the command held its output still when the agent stopped waiting for more. */
enum { WRN_EXIT_CUT = 1 };

enum {
    WRN_EXEC_STDIN = 1,       /* a pipe; otherwise /dev/null */
    WRN_EXEC_PTY = 2,         /* a terminal for all three; its output comes as STDOUT */
    WRN_EXEC_BUILTIN = 4,     /* the arguments name a function of the agent's */
    WRN_EXEC_DEFAULT_USER = 8 /* the user is the template's: of use where it can be had; builtins take only its home */
};

/* Head of an EXEC payload, five u32; then NUL-terminated strings: cwd (empty: home), label, user (empty: root; else
 * NAME or ID, either with :GROUP), argc arguments, envc "NAME=value". A command with a label goes on when the server is gone, and the next one gets the label back. */
enum { WRN_EXEC_HEAD = 20 };
typedef struct wrn_exec_head {
    uint32_t argc, envc;
    uint32_t flags;      /* WRN_EXEC_* */
    uint32_t cols, rows; /* of a terminal */
} wrn_exec_head;

/* Head of a KEPT payload, three u32; then the label, without its NUL. Its credit is as at a start, but for what of stdin is
 * not taken yet. */
enum { WRN_KEPT_HEAD = 12, WRN_KEPT_TERMINAL = 1 };
typedef struct wrn_kept_head {
    uint32_t pid;     /* 0: STARTED is still to come */
    uint32_t flags;   /* WRN_KEPT_* */
    uint32_t untaken; /* bytes of stdin */
} wrn_kept_head;

typedef struct wrn_frame {
    uint32_t stream;
    uint8_t type, flags;
    const uint8_t *data; /* valid until the reader is used again */
    uint32_t size;
} wrn_frame;

/* Cuts a byte stream into frames. The buffer is the owner's, of WRN_FRAME_BUFFER bytes. */
enum { WRN_FRAME_BUFFER = 2 * (WRN_FRAME_HEADER + WRN_FRAME_PAYLOAD_MAX) };
typedef struct wrn_frame_reader {
    uint8_t *buffer;
    size_t begin, end;
} wrn_frame_reader;

/* Where to put what comes next, and how much of it; never 0 while wrn_frame_next() is called until it says 0. */
uint8_t *wrn_frame_room(wrn_frame_reader *reader, size_t *size);
void wrn_frame_fed(wrn_frame_reader *reader, size_t size);
/* 1: *frame is the next one; 0: more bytes are needed; -1: this is no frame, and nothing after it can be one. */
int wrn_frame_next(wrn_frame_reader *reader, wrn_frame *frame);

void wrn_frame_head(uint8_t out[WRN_FRAME_HEADER], uint32_t stream, uint8_t type, uint8_t flags, uint32_t size);
void wrn_put_u32(uint8_t out[4], uint32_t value);
uint32_t wrn_get_u32(const uint8_t in[4]);

#endif
