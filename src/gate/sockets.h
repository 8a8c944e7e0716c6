/* Sockets of libslirp: this file defines socket(), connect(), send() and others in the place of libc's, for the whole program. They are
 * what they always were until sockets_take_over(); from then on this process opens no socket. libslirp gets those that were granted,
 * and what it does with them goes through their owner. Should any call get around this, the filter of system calls kills. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct sockets_owner {
    bool (*owns)(int fd);
    ssize_t (*send)(int fd, const void *data, size_t size);
    ssize_t (*recv)(int fd, void *data, size_t size, int flags);
    void (*shutdown)(int fd, int how);
    void (*close)(int fd); /* the owner closes it, or not */
} sockets_owner;

void sockets_take_over(const sockets_owner *owner);
/* The next socket() returns `fd`; -1: none will. Returns whether the one before was taken. */
bool sockets_grant(int fd);
/* The calls themselves. */
ssize_t sockets_raw_send(int fd, const void *data, size_t size);
ssize_t sockets_raw_recv(int fd, void *data, size_t size, int flags);
void sockets_raw_shutdown(int fd, int how);
void sockets_raw_close(int fd);
