/* The other end of a WebSocket of wrennd, byte by byte. Failures end the test. */
#ifndef WRN_TESTS_PEER_H
#define WRN_TESTS_PEER_H

#include "daemon.h"

#define PEER_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define PEER_UPGRADE \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " PEER_KEY "\r\n"

enum { PEER_TEXT = 0x81, PEER_BINARY = 0x82, PEER_CLOSE = 0x88, PEER_PING = 0x89, PEER_PONG = 0x8a };

typedef struct frame {
    int first; /* its first byte: FIN, reserved bits, opcode */
    char *data;
    size_t size;
} frame;

/* The head of the answer to GET with these header lines, each with its line break, on an open connection. */
reply peer_ask(int fd, const char *path, const char *fields);
/* An upgraded connection with the API key, and more header lines; `more` may be "". */
int peer_open(const test_daemon *d, const char *path, const char *more);
/* One frame, masked. */
void peer_send(int fd, int first, const void *data, size_t size);
void peer_say(int fd, const char *text);
/* The next frame, to be freed. */
frame peer_read(int fd);
/* The next text frame; skips others, such as pings. To be freed. */
wrn_json *peer_message(int fd);
/* The next text frame whose "type" is this; skips others. To be freed. */
wrn_json *peer_expect(int fd, const char *type);
/* Skips up to the close frame; its code, 0 for one without. The connection must end there, and is closed. */
int peer_close_code(int fd);

#endif
