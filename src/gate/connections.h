/* The stack's table of TCP connections: from the SYN that waits for the broker's verdict to the end. It watches the segments of both
 * sides, holds back the first bytes where the server's name has to be checked, and is the owner of libslirp's sockets. */
#pragma once

#include "gate/frame.h"
#include "gate/seam.h"

/* Puts a frame on the link: a body that was made in `frame_body()`. */
typedef void (*connections_emit)(uint8_t *frame, bool v6, const wrn_address *from, uint8_t proto, size_t body_size,
                                 size_t checksum_at);

bool connections_init(size_t slots, int broker, connections_emit emit);
/* A segment of the sandbox, whose form was checked. */
void connections_segment(wrn_frame *segment);
/* A frame of libslirp on its way to the sandbox. */
void connections_watch(const uint8_t *bytes, size_t size);
/* Ends what both sides have ended: libslirp would keep it for ten seconds. */
void connections_sweep(void);
void connections_verdict(const seam_message *verdict, int fd);
void connections_name_verdict(const seam_message *verdict);
/* Refuses a packet that no connection was made for. */
void connections_refuse(const wrn_frame *packet, wrn_denial denial, int error);
/* For the terminator. */
short connections_wanted(int fd, short events);
short connections_got(int fd, short events);
