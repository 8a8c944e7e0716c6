/* What the two processes of the gate say to each other: the stack, which reads the sandbox's frames and can open no socket, and the
 * broker, which decides and opens them. One message is one packet of a SOCK_SEQPACKET socket. The broker trusts the stack no more than
 * the sandbox. */
#pragma once

#include "gate/policy.h"

typedef enum seam_kind {
    SEAM_READY = 1,   /* stack: in its jail */
    SEAM_OPEN,        /* stack: may I connect to `peer`? broker: verdict, or a socket that is connected */
    SEAM_CLOSE,       /* stack: that connection is over */
    SEAM_SERVER_NAME, /* stack: the name that `data` holds, or none, is asked for. broker: verdict */
    SEAM_DATAGRAM,    /* both: a datagram or ping between `local_port` and `peer` */
    SEAM_UNREACHABLE, /* broker: the datagram from `local_port` was not sent; `data`: the start of a ping */
    SEAM_DENIED,      /* stack: note that this was denied */
    SEAM_LINK         /* broker: the link comes with it, which `link` tells about */
} seam_kind;

enum { SEAM_DATA_MAX = 16384 };

typedef struct seam_link {
    bool is_packet; /* the packet socket of a veth pair */
    bool with_v6;
} seam_link;

typedef struct seam_message {
    uint8_t kind;
    uint8_t denial;   /* wrn_denial */
    uint8_t scrutiny; /* wrn_scrutiny, of a connection that is open */
    uint8_t error;    /* errno of connect(), when nothing is denied */
    seam_link link;
    uint16_t local_port; /* in the sandbox; for a ping its identifier */
    uint32_t id;         /* of a connection: its slot in the lower half, and what tells it from earlier ones above */
    wrn_endpoint peer;
    uint8_t data[SEAM_DATA_MAX];
} seam_message;

/* Whether a call failed for something that passes: it would have waited, or the machine lacks memory now. */
bool seam_passes(int error);
/* Receives without waiting. 1, 0 when there is nothing, -1 when the other side is gone or sends nonsense. `passed` may be NULL. */
int seam_receive(int fd, seam_message *out, size_t *size, int *passed);
/* Sends; waits if it has to when `wait` is set. False: nothing was sent, or (with `wait`) the other side is gone. */
bool seam_send(int fd, const seam_message *message, size_t size, bool wait);

/* The broker never waits for the stack, which may be waiting for it. What can't be sent at once waits here; there is one answer at most
 * for each request, so this has an end. */
typedef struct seam_queue {
    int fd;
    struct seam_waiting *items;
    size_t first, count, capacity;
} seam_queue;

bool seam_queue_init(seam_queue *queue, int fd, size_t capacity);
/* Sends a message without data; takes `passed` (-1: none). False when the queue is full, which an honest stack does not get done. */
bool seam_post(seam_queue *queue, const seam_message *message, int passed);
/* Sends what waits, as far as that goes. */
void seam_flush(seam_queue *queue);
