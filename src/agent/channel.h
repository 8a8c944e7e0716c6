/* The channel to wrennd: frames over two pipes, descriptor 3 to read from and 7 to write to.
 *
 * Where descriptor 4 is a socket for packets, a later wrennd can re-attach: it sends two new pipes over that socket. The
 * agent ends only when the pipes and the socket are closed. In a machine both are its port, at which another wrennd may be at any time;
 * it says so with RESUME. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/frame.h"

typedef struct channel_events {
    void (*frame)(const wrn_frame *frame);
    void (*lost)(void);       /* wrennd closed its ends */
    void (*reattached)(void); /* another wrennd is at the other end */
    void (*room)(void);       /* after channel_has_room() was false */
} channel_events;

/* Says HELLO. `events` stays the caller's. */
void channel_open(const channel_events *events);
/* Queues a frame; while no wrennd is attached it is dropped. Output is sent only while channel_has_room(), which bounds the
 * queue. */
void channel_send(uint32_t stream, uint8_t type, const void *data, size_t size);
void channel_send_u32(uint32_t stream, uint8_t type, uint32_t value);
bool channel_has_room(void);
/* The machine is about to be stopped: answers DONE, and writes nothing after that until channel_go_on(). */
void channel_quiet(void);
/* `forget`: what was queued meanwhile is dropped, because another wrennd is at the other end. */
void channel_go_on(bool forget);
/* Whether a wrennd is attached. */
bool channel_is_open(void);
/* Whether this is a virtual machine: the channel is a port of it. */
bool channel_is_port(void);
