/* A transfer: what uploads and downloads share of the local side. */
#pragma once

#include "client/op.h"
#include "wrenn/files.h"

enum { WRN_TRANSFER_IDLE_MS = 60000 };

typedef struct wrn_file_transfer {
    wrenn_op op;         /* first, so that it leads here */
    int64_t idle_ms;     /* the operation ends when nothing has moved for this long */
    int64_t done, total; /* bytes of the file; total is -1 when it is not known */
    int fd;              /* -1: none */
    wrn_watch *watch;    /* until `fd` is ready */
    wrenn_progress_fn progress;
    void *user_data;
    wrenn_error *why; /* the local failure that stopped it */
} wrn_file_transfer;

/* For operation types whose struct starts with a wrn_file_transfer. */
bool wrn_transfer_init(wrenn_op *op);
/* Checks the path in the sandbox, and that exactly one of the other three is given; `callback` names the last. Makes a copy
 * of the caller's descriptor that nobody else closes. */
int wrn_transfer_prepare(wrn_file_transfer *transfer, const char *path, const char *file, const int *fd, bool given,
                         const char *callback, wrenn_error **error);

/* For sources and sinks, which return what each of these returns. */
int64_t wrn_transfer_moved(wrn_file_transfer *transfer, int64_t size);
int64_t wrn_transfer_stop(wrn_file_transfer *transfer, int code, const char *format, ...) WRN_PRINTF(3, 4);
int64_t wrn_transfer_stop_errno(wrn_file_transfer *transfer, const char *what);
/* Pauses the transfer until `fd` has these epoll events. */
int64_t wrn_transfer_wait(wrn_file_transfer *transfer, uint32_t events);

/* More for operation types; `stop` may do more. */
void wrn_transfer_end(wrenn_op *op);
bool wrn_transfer_fail(wrenn_op *op, const wrenn_error *error);
