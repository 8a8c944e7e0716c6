/* What the tests of uploads and downloads share. */
#ifndef WRN_TESTS_TRANSFER_H
#define WRN_TESTS_TRANSFER_H

#include <pthread.h>

#include "sdk.h"

#define FILES "POST /v1/sandboxes/cl-0123456789abcdefghijklmno/files/"
#define DONE "HTTP/1.1 204 No Content\r\n\r\n"

enum { MIB = 1024 * 1024 };

/* Bytes that do not repeat soon; the caller frees them. */
char *numbers(size_t size);
wrenn_sandbox_upload_stream_options up(const char *path);
wrenn_sandbox_download_stream_options down(const char *path);
/* An answer that carries these bytes. `chunk`: in chunks of this size; 0: with their number. */
script_reply bytes_reply(const char *data, size_t size, size_t chunk);
void free_reply(const script_reply *reply);

/* The path of a file in the test's directory; four at a time. */
const char *local(const char *name);
void write_local(const char *path, const void *data, size_t size);
void check_local(const char *path, const void *data, size_t size);
/* Files in the test's directory, the server's socket not counted. */
int count_local(void);

/* What give() reads. */
typedef struct source {
    const char *data;
    size_t size, at, step;
    int64_t last, total; /* of the progress */
    int calls;
} source;

int64_t give(void *buffer, size_t size, void *data);

/* Where take() writes, and what watch() has seen. */
typedef struct sink {
    char *data;
    size_t size;
    int64_t last, total;
    int calls, abort_at;
} sink;

int take(const void *data, size_t size, void *context);
void watch(int64_t done, int64_t total, void *context);

/* A thread that moves bytes slowly between a descriptor and memory. */
typedef struct mover {
    pthread_t thread;
    int fd;
    char *data;
    size_t size, done;
} mover;
/* Run in its thread. */
void *write_slowly(void *context);
void *read_slowly(void *context);

#endif
