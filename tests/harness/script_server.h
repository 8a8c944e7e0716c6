/* A scripted HTTP and WebSocket server for tests of the client: it records what it is asked and answers from a list, byte
 * for byte, whole or broken. Runs in a thread of the test, on a unix socket in test_dir(). After an upgrade each message of
 * the client counts as a request ("text:..." or "binary:..." with bytes as they are) and is answered from the list too;
 * "@ID@" in answers becomes the "msg_id" that the message had. */
#ifndef WRN_TESTS_SCRIPT_SERVER_H
#define WRN_TESTS_SCRIPT_SERVER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct script_server script_server;

typedef enum script_end {
    SCRIPT_KEEP,  /* the connection stays open */
    SCRIPT_CLOSE, /* closed after the bytes */
    SCRIPT_RESET, /* closed at once with what the client sent left unread, which resets it */
    SCRIPT_HOLD,  /* stays open and silent after the bytes, whatever comes */
    SCRIPT_DEAF   /* the same, and reads nothing more */
} script_end;

/* One answer; requests are answered in the order in which they are complete. */
typedef struct script_reply {
    const char *text; /* the raw bytes, head and body */
    size_t size;      /* 0: strlen(text) */
    size_t cut;       /* send only this many bytes; 0: all. SCRIPT_NOTHING: none */
    size_t piece;     /* send in pieces of this size; 0: at once */
    script_end end;
    bool upgrade;       /* to a WebSocket; `text` holds further head lines, which may be "" */
    const char *before; /* sent before the upgrade's answer, or NULL */
    const char *frames; /* sent right after an upgrade */
    size_t frames_size;
    bool early;   /* comes once the request's head is there, and to an Expect: 100-continue instead of the 100; or */
    bool gated;   /* waits for script_open_gate() first, and all other connections with it */
    size_t after; /* when so many bytes of the body are there, as they come on the wire */
} script_reply;

/* Where there are rules, they answer first: the first one that a request, or a message as it counts as one, begins with
 * and has the other text in it (NULL: any). The list is for the rest. */
typedef struct script_rule {
    const char *begins, *contains;
    script_reply reply;
} script_rule;

#define SCRIPT_NOTHING ((size_t)-1)

/* Servers that this test starts from now on are at "http://127.0.0.1:...": on unix sockets clients know what to expect. */
void script_use_tcp(void);
/* What requests beyond the list get: the last reply again when `repeat_last`, otherwise a 500. */
script_server *script_start(const script_reply *replies, size_t count, bool repeat_last);
/* The rules, which must stay where they are; before the first request. With `pongs` it answers pings of WebSockets. */
void script_set_rules(script_server *server, const script_rule *rules, size_t count, bool pongs);
/* From now on messages on WebSockets all get this answer, and only the rest goes by the list. */
void script_answer_messages(script_server *server, const script_reply *reply);
/* "unix:...", unless script_use_tcp() was called. */
const char *script_url(const script_server *server);
/* Requests seen in full so far, and the text of one (valid until script_stop()). */
size_t script_count(script_server *server);
const char *script_request(script_server *server, size_t index);
/* Its bytes, chunk framing included. */
size_t script_request_size(script_server *server, size_t index);
size_t script_connections(script_server *server);
/* Closes every open connection, as a server does with idle ones; returns when that has happened. */
void script_drop_connections(script_server *server);
/* Blocks until this many requests have been seen in full. */
void script_wait(script_server *server, size_t count);
/* Lets the answers go that are gated. */
void script_open_gate(script_server *server);
void script_stop(script_server *server);

/* The frames of a server: text messages, NULL at the end. Freed with free(). */
script_reply script_messages(script_end end, const char *first, ...) __attribute__((sentinel));
/* One frame of any kind: opcode with its FIN bit. Appends to *reply's text. */
void script_add_frame(script_reply *reply, unsigned char opcode, const void *data, size_t size);

/* The text of a reply with this status line rest ("200 OK"), extra head lines (each with CRLF, may be "") and body. Freed
 * with free(). */
char *script_text(const char *status, const char *head, const char *body);

#endif
