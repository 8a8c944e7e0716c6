/* Uploads: from memory, files, descriptors and callbacks. All are one multipart form that is sent piece by piece: the path,
 * then the file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/files.h"
#include "api/operations.h"
#include "api/transfer.h"
#include "base/text.h"
#include "client/sandbox.h"

/* Servers limit the body of files/write to this. */
enum { WRITE_BODY_MAX = 100 * 1024 * 1024 };

typedef struct upload_op {
    wrn_file_transfer transfer; /* `total` bytes are sent, or all there are */
    wrn_http_source body;
    wrn_buf head, tail; /* the unsent parts of the form before and after the file */
    char content_type[96];
    bool ended;
    const char *data; /* a source in memory, or NULL */
    wrn_buf copy;     /* where `data` is, when it is not the caller's */
    wrenn_read_fn read;
} upload_op;

/* ---- the source ---- */

static int64_t read_fd(wrn_file_transfer *t, char *out, size_t room) {
    ssize_t got;
    do got = read(t->fd, out, room);
    while (got < 0 && errno == EINTR);
    if (got >= 0) return got;
    return errno == EAGAIN ? wrn_transfer_wait(t, EPOLLIN) : wrn_transfer_stop_errno(t, "reading the file");
}

static int64_t read_callback(upload_op *self, char *out, size_t room) {
    wrn_file_transfer *t = &self->transfer;
    if (!wrn_op_is_wanted(&t->op)) return WRN_HTTP_STOP;
    wrn_client_enter_callback(t->op.client);
    int64_t got = self->read(out, room, t->user_data);
    wrn_client_leave_callback(t->op.client);
    if (got < 0) return wrn_transfer_stop(t, WRENN_E_CANCELLED, "broken off by its read callback");
    if ((uint64_t)got > room)
        return wrn_transfer_stop(t, WRENN_E_INVALID_ARGUMENT, "the read callback gave %lld bytes where %zu have room",
                                 (long long)got, room);
    return got;
}

static int64_t upload_read_source(upload_op *self, char *out, size_t room) {
    wrn_file_transfer *t = &self->transfer;
    if (t->total >= 0 && (uint64_t)(t->total - t->done) < room) room = (size_t)(t->total - t->done);
    if (!room) return 0;
    if (self->read) return read_callback(self, out, room);
    if (!self->data) return read_fd(t, out, room);
    memcpy(out, self->data + t->done, room);
    return (int64_t)room;
}

static int64_t upload_read_file(upload_op *self, char *out, size_t room) {
    wrn_file_transfer *t = &self->transfer;
    int64_t got = upload_read_source(self, out, room);
    if (got > 0) got = wrn_transfer_moved(t, got);
    if (got < 0) return got;
    self->ended = got == 0 || t->done == t->total;
    if (!self->ended || t->total <= t->done) return got;
    return wrn_transfer_stop(t, WRENN_E_INVALID_ARGUMENT,
                             "the source ended after %lld bytes of %lld; the file in the sandbox may be cut short",
                             (long long)t->done, (long long)t->total);
}

static size_t take_from(wrn_buf *from, char *out, size_t room) {
    size_t size = from->size < room ? from->size : room;
    if (size) memcpy(out, from->data, size);
    wrn_buf_consume(from, size);
    return size;
}

/* Reads the source once per call, so that data from a slow source is sent at once. */
static int64_t read_body(void *context, char *out, size_t room) {
    upload_op *self = context;
    size_t size = take_from(&self->head, out, room);
    if (size < room && !self->ended) {
        int64_t got = upload_read_file(self, out + size, room - size);
        if (got < 0) return got == WRN_HTTP_LATER && size ? (int64_t)size : got;
        size += (size_t)got;
    }
    if (self->ended) size += take_from(&self->tail, out + size, room - size);
    return (int64_t)size;
}

/* ---- the form ---- */

static void add_field(wrn_buf *form, const char *boundary, const char *name, const char *text) {
    if (!text) return;
    wrn_buf_printf(form, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n", boundary, name);
    wrn_buf_puts(form, text);
    wrn_buf_puts(form, "\r\n");
}

static void add_option_fields(wrn_buf *form, const char *boundary, const wrenn_sandbox *sandbox,
                              const wrenn_sandbox_upload_stream_options *options) {
    char mode[8];
    snprintf(mode, sizeof(mode), "%04o", (unsigned)options->mode);
    add_field(form, boundary, "path", options->path);
    add_field(form, boundary, "mode", options->mode ? mode : NULL);
    add_field(form, boundary, "owner", options->owner);
    add_field(form, boundary, "in_place", options->flags & WRENN_SANDBOX_UPLOAD_STREAM_IN_PLACE ? "true" : NULL);
    add_field(form, boundary, "user", wrn_sandbox_user(sandbox, options->user));
}

static int write_form(upload_op *self, const wrenn_sandbox_upload_stream_options *options, wrenn_error **error) {
    wrn_file_transfer *t = &self->transfer;
    char boundary[WRN_RANDOM_NAME_SIZE];
    if (!wrn_random_name(boundary))
        return wrn_fail(error, WRENN_E_SYSTEM, "%s: no random numbers: %s", t->op.type->name, strerror(errno));
    snprintf(self->content_type, sizeof(self->content_type), "multipart/form-data; boundary=%s", boundary);
    add_option_fields(&self->head, boundary, t->op.sandbox, options);
    wrn_buf_printf(&self->head,
                   "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n"
                   "Content-Type: application/octet-stream\r\n\r\n",
                   boundary);
    wrn_buf_printf(&self->tail, "\r\n--%s--\r\n", boundary);
    if (self->head.failed || self->tail.failed) return wrn_no_memory(error, t->op.type->name);
    int64_t around = (int64_t)(self->head.size + self->tail.size);
    if (t->total > INT64_MAX - around)
        return wrn_refuse(error, "%s: no file has %lld bytes", t->op.type->name, (long long)t->total);
    self->body = (wrn_http_source){read_body, self, t->total < 0 ? -1 : around + t->total};
    return 0;
}

/* The call, when the source is known. */
static int call_write(upload_op *self, const wrenn_sandbox_upload_stream_options *options, bool in_one,
                      wrenn_error **error) {
    wrenn_op *op = &self->transfer.op;
    int rc = write_form(self, options, error);
    bool small = in_one && self->body.size < WRITE_BODY_MAX;
    wrn_op_call_sandbox(op, "POST", op->sandbox->id, small ? "/files/write" : "/files/stream/write", NULL, NULL);
    wrn_buf_clear(&op->body);
    op->source = &self->body;
    op->content_type = self->content_type;
    return rc;
}

static void upload_clear(wrenn_op *op) {
    upload_op *self = (upload_op *)op;
    wrn_buf_free(&self->head);
    wrn_buf_free(&self->tail);
    wrn_buf_free(&self->copy);
}

/* ---- from memory ---- */

#define UPLOAD_OP                                                                             \
    .timeout_ms = WRN_TRANSFER_IDLE_MS, .size = sizeof(upload_op), .init = wrn_transfer_init, \
    .respond = wrn_op_respond_nothing, .fail = wrn_transfer_fail, .stop = wrn_transfer_end, .clear = upload_clear

/* A caller that waits keeps the data. */
static bool upload_keep(wrenn_op *op) {
    upload_op *self = (upload_op *)op;
    wrn_buf_put(&self->copy, self->data, (size_t)self->transfer.total);
    self->data = self->copy.data;
    return !self->copy.failed;
}

const wrn_op_type wrn_sandbox_upload_type = {{"upload"}, UPLOAD_OP, .keep = upload_keep};

int wrn_sandbox_upload_prepare(wrenn_op *op, const char *path, const void *data, size_t size, wrenn_error **error) {
    upload_op *self = (upload_op *)op;
    int rc = wrn_files_check(op, path, error);
    if (rc != 0) return rc;
    if (size > INT64_MAX || (size && !data)) return wrn_refuse(error, "upload: there is no data of %zu bytes", size);
    self->transfer.total = (int64_t)size;
    self->data = size ? data : "";
    return call_write(self, &(wrenn_sandbox_upload_stream_options){.path = path}, true, error);
}

/* ---- from whatever gives bytes ---- */

const wrn_op_type wrn_sandbox_upload_stream_type = {{"upload_stream"}, UPLOAD_OP};

/* -1: unknown. Files in /proc have a size of 0 and content. */
static int64_t size_of(int fd) {
    struct stat is;
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (at < 0 || fstat(fd, &is) != 0 || !S_ISREG(is.st_mode) || is.st_size <= at) return -1;
    return is.st_size - at;
}

static int upload_open_file(wrn_file_transfer *t, const char *file, wrenn_error **error) {
    struct stat is;
    t->fd = open(file, O_RDONLY | O_CLOEXEC);
    if (t->fd >= 0 && !(fstat(t->fd, &is) == 0 && S_ISDIR(is.st_mode))) return 0;
    return wrn_fail(error, WRENN_E_SYSTEM, "%s: cannot read %s: %s", t->op.type->name, file,
                    strerror(t->fd >= 0 ? EISDIR : errno));
}

/* What both kinds of uploads have in common. `flags`: those that fit. */
static int prepare_source(upload_op *self, const wrenn_sandbox_upload_stream_options *options, uint64_t flags,
                          wrenn_error **error) {
    wrn_file_transfer *t = &self->transfer;
    const char *name = t->op.type->name;
    int rc = wrn_transfer_prepare(t, options->path, options->file, options->fd, options->read != NULL, "read", error);
    if (rc == 0) rc = wrn_op_check(&t->op, error, {"size", options->size, 0, INT64_MAX});
    if (rc == 0) rc = wrn_files_check_mode(&t->op, options->mode, error);
    if (rc == 0 && options->flags & ~flags) rc = wrn_refuse(error, "%s: a flag is unknown, or does not fit", name);
    if (rc == 0 && !options->read && !options->fd) rc = upload_open_file(t, options->file, error);
    if (rc != 0) return rc;
    self->read = options->read;
    t->user_data = options->user_data;
    t->progress = options->progress;
    t->total = options->size ? options->size : options->read ? -1 : size_of(t->fd);
    return 0;
}

int wrn_sandbox_upload_stream_prepare(wrenn_op *op, const wrenn_sandbox_upload_stream_options *options,
                                      wrenn_error **error) {
    upload_op *self = (upload_op *)op;
    int rc = prepare_source(self, options, WRENN_SANDBOX_UPLOAD_STREAM_IN_PLACE, error);
    return rc == 0 ? call_write(self, options, false, error) : rc;
}

/* ---- archives ---- */

const wrn_op_type wrn_sandbox_upload_tar_type = {
    {"upload_tar", "PUT", "/sandboxes/{sandbox id}/files/tar?path={path}&user={user}&owner={owner}&keep={keep}",
     WRN_AUTH_ANY},
    UPLOAD_OP};

int wrn_sandbox_upload_tar_prepare(wrenn_op *op, const wrenn_sandbox_upload_stream_options *options,
                                   wrenn_error **error) {
    upload_op *self = (upload_op *)op;
    const char *const args[] = {options->path, wrn_sandbox_user(op->sandbox, options->user), options->owner,
                                options->flags & WRENN_SANDBOX_UPLOAD_STREAM_KEEP ? "true" : NULL};
    int rc = prepare_source(self, options, WRENN_SANDBOX_UPLOAD_STREAM_KEEP, error);
    if (rc == 0 && options->mode) rc = wrn_refuse(error, "upload_tar: the archive has the modes");
    if (rc == 0) rc = wrn_op_call_type(op, args, NULL, error);
    self->body = (wrn_http_source){read_body, self, self->transfer.total};
    op->source = &self->body;
    op->content_type = "application/x-tar";
    return rc;
}
