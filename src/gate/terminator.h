/* Ends the sandbox's TCP connections: turns its segments into the bytes of a socket, and back. Behind this is libslirp; it gets nothing
 * but plain TCP, ARP, and neighbour discovery. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct terminator_hooks {
    void (*to_sandbox)(const uint8_t *frame, size_t size);
    /* The events that count for a connection's descriptor, as poll() has them, before it waits and after. */
    short (*wanted)(int fd, short events);
    short (*got)(int fd, short events);
} terminator_hooks;

/* False when there is no memory. The hooks stay the caller's. */
bool terminator_init(const terminator_hooks *hooks, size_t mtu);
/* A frame that was checked. */
void terminator_input(const uint8_t *frame, size_t size);
/* Appends what it waits for to `polls`, which may move and has room for two more, and lowers *timeout (-1: none). */
bool terminator_fill(struct pollfd **polls, size_t *count, size_t *capacity, int *timeout);
/* After poll(). */
void terminator_poll(struct pollfd *polls, bool failed);
