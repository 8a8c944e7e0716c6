#include "api/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "api/files.h"
#include "client/sandbox.h"

/* ---- making ---- */

bool wrn_transfer_init(wrenn_op *op) {
    wrn_file_transfer *transfer = (wrn_file_transfer *)op;
    transfer->idle_ms = op->deadline.due_ms;
    transfer->total = -1;
    transfer->fd = -1;
    return true;
}

int wrn_transfer_prepare(wrn_file_transfer *transfer, const char *path, const char *file, const int *fd, bool given,
                         const char *callback, wrenn_error **error) {
    const char *name = transfer->op.type->name;
    int rc = wrn_files_check(&transfer->op, path, error);
    if (rc != 0) return rc;
    if ((file && *file) + (fd != NULL) + given != 1)
        return wrn_refuse(error, "%s: exactly one of file, fd and %s must be given", name, callback);
    if (fd) transfer->fd = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
    if (!fd || transfer->fd >= 0) return 0;
    return wrn_fail(error, WRENN_E_SYSTEM, "%s: descriptor %d: %s", name, *fd, strerror(errno));
}

/* ---- moving ---- */

int64_t wrn_transfer_moved(wrn_file_transfer *transfer, int64_t size) {
    wrenn_op *op = &transfer->op;
    transfer->done += size;
    wrn_op_extend(op, transfer->idle_ms);
    if (transfer->progress && size && wrn_op_is_wanted(op)) {
        wrn_client_enter_callback(op->client);
        transfer->progress(transfer->done, transfer->total, transfer->user_data);
        wrn_client_leave_callback(op->client);
    }
    return wrn_op_is_wanted(op) ? size : WRN_HTTP_STOP;
}

int64_t wrn_transfer_stop(wrn_file_transfer *transfer, int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    wrenn_error_free(transfer->why);
    transfer->why = wrn_error_of(transfer->op.type->name, code, format, args);
    va_end(args);
    return WRN_HTTP_STOP;
}

int64_t wrn_transfer_stop_errno(wrn_file_transfer *transfer, const char *what) {
    return wrn_transfer_stop(transfer, WRENN_E_SYSTEM, "%s: %s", what, strerror(errno));
}

static void stop_watching(wrn_file_transfer *transfer) {
    if (transfer->watch) wrn_loop_unwatch(transfer->op.client->loop, WRN_TAKE(transfer->watch));
}

static void transfer_on_ready(void *context, int fd, uint32_t events) {
    wrn_file_transfer *transfer = context;
    stop_watching(transfer);
    if (transfer->op.exchange) wrn_http_resume(transfer->op.exchange);
}

int64_t wrn_transfer_wait(wrn_file_transfer *transfer, uint32_t events) {
    if (!transfer->watch)
        transfer->watch = wrn_loop_watch(transfer->op.client->loop, transfer->fd, events, transfer_on_ready, transfer);
    return transfer->watch ? WRN_HTTP_LATER : wrn_transfer_stop_errno(transfer, "waiting for the descriptor");
}

/* ---- ends ---- */

void wrn_transfer_end(wrenn_op *op) {
    wrn_file_transfer *transfer = (wrn_file_transfer *)op;
    stop_watching(transfer);
    if (transfer->fd >= 0) close(transfer->fd);
    transfer->fd = -1;
    wrenn_error_free(WRN_TAKE(transfer->why));
}

bool wrn_transfer_fail(wrenn_op *op, const wrenn_error *error) {
    wrn_file_transfer *transfer = (wrn_file_transfer *)op;
    if (!transfer->why) return false;
    wrn_op_fail(op, WRN_TAKE(transfer->why));
    return true;
}
