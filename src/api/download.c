/* Downloads: into memory, files, descriptors and callbacks.
 *
 * READING -> done. With WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY: LOOKING for the size (twice for a link) -> READING -> done;
 * when fewer bytes came -> CHECKING the size once more -> done, or WRENN_E_CONNECTION_LOST. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/files.h"
#include "api/operations.h"
#include "api/transfer.h"
#include "base/file.h"
#include "base/text.h"
#include "client/sandbox.h"
#include "gen/requests.h"

typedef struct download_op {
    wrn_file_transfer transfer;
    enum { READING, LOOKING, CHECKING } stage;
    const char *path; /* of the file in the sandbox */
    wrn_look look;    /* for it, or for its target when it is a link */
    bool link;        /* it is a link */
    int64_t listed;   /* size in the first listing; -1: not asked for */
    wrn_http_sink sink;
    wrn_buf content; /* a sink in memory */
    wrenn_write_fn write;
    bool quiet;           /* writing to the descriptor may raise SIGPIPE */
    char *target, *aside; /* the local file, and the temporary file that will replace it; or NULL */
} download_op;

/* ---- sinks ---- */

static int64_t download_moved(download_op *self, int64_t size, int64_t total) {
    self->transfer.total = self->listed >= 0 ? self->listed : total;
    return wrn_transfer_moved(&self->transfer, size);
}

static int64_t write_memory(void *context, const char *data, size_t size, int64_t total) {
    download_op *self = context;
    wrn_file_transfer *t = &self->transfer;
    if (size > self->content.limit - self->content.size)
        return wrn_transfer_stop(t, WRENN_E_LIMIT, "the file is larger than max_response_bytes of the client options");
    wrn_buf_put(&self->content, data, size);
    if (self->content.failed) return wrn_transfer_stop(t, WRENN_E_NO_MEMORY, "out of memory");
    return download_moved(self, (int64_t)size, total);
}

static int64_t write_callback(void *context, const char *data, size_t size, int64_t total) {
    download_op *self = context;
    wrn_file_transfer *t = &self->transfer;
    if (!wrn_op_is_wanted(&t->op)) return WRN_HTTP_STOP;
    wrn_client_enter_callback(t->op.client);
    int rc = self->write(data, size, t->user_data);
    wrn_client_leave_callback(t->op.client);
    if (rc < 0) return wrn_transfer_stop(t, WRENN_E_CANCELLED, "broken off by its write callback");
    return download_moved(self, (int64_t)size, total);
}

static ssize_t download_put_bytes(const download_op *self, const char *data, size_t size) {
    int fd = self->transfer.fd;
    return self->quiet ? wrn_write_quietly(fd, data, size) : write(fd, data, size);
}

static int64_t write_fd(void *context, const char *data, size_t size, int64_t total) {
    download_op *self = context;
    wrn_file_transfer *t = &self->transfer;
    size_t done = 0;
    while (done < size) {
        ssize_t n = download_put_bytes(self, data + done, size - done);
        if (n >= 0) done += (size_t)n;
        else if (errno == EAGAIN) break;
        else if (errno != EINTR) return wrn_transfer_stop_errno(t, "writing the file");
    }
    if (done < size && wrn_transfer_wait(t, EPOLLOUT) == WRN_HTTP_STOP) return WRN_HTTP_STOP;
    return download_moved(self, (int64_t)done, total);
}

/* ---- ends ---- */

static void download_stop(wrenn_op *op) {
    download_op *self = (download_op *)op;
    wrn_transfer_end(op);
    if (self->aside) unlink(self->aside);
    free(WRN_TAKE(self->aside));
    free(WRN_TAKE(self->target));
}

static bool download_init(wrenn_op *op) {
    ((download_op *)op)->listed = -1;
    return wrn_transfer_init(op);
}

static void download_clear(wrenn_op *op) {
    download_op *self = (download_op *)op;
    wrn_buf_free(&self->content);
    wrn_look_clear(&self->look);
}

/* Some file systems report a failed write only at close(). */
static void download_complete(download_op *self) {
    wrn_file_transfer *t = &self->transfer;
    bool ok = t->fd < 0 || close(t->fd) == 0;
    t->fd = -1;
    if (ok && self->aside) ok = rename(self->aside, self->target) == 0;
    if (!ok) {
        wrn_transfer_stop_errno(t, self->target ? self->target : "writing the file");
        return wrn_op_fail(&t->op, WRN_TAKE(t->why));
    }
    free(WRN_TAKE(self->aside));
    wrn_op_finish_number(&t->op, t->done);
}

/* ---- answers ---- */

static void call_read(download_op *self) {
    wrenn_op *op = &self->transfer.op;
    self->stage = READING;
    wrn_files_call(op, "/files/stream/read", self->path);
    op->sink = &self->sink;
}

static void send_next(download_op *self) {
    wrenn_op *op = &self->transfer.op;
    wrn_op_extend(op, self->transfer.idle_ms);
    wrn_op_send(op);
}

static void follow_link(download_op *self, const char *to) {
    self->link = true;
    if (!wrn_look_at(&self->look, to)) return wrn_op_fail_no_memory(&self->transfer.op);
    wrn_look_call(&self->look, &self->transfer.op);
    send_next(self);
}

static void refuse_directory(download_op *self) {
    wrn_op_fail_as(&self->transfer.op, WRENN_E_INVALID_ARGUMENT, "%s is a directory", self->path);
}

static void report_missing(download_op *self) {
    wrenn_op *op = &self->transfer.op;
    wrn_look_report(&self->look, op, wrn_op_error(op, WRENN_E_NOT_FOUND, "%s does not exist", self->path));
}

static void judge_listed(download_op *self, const wrenn_file_entry *entry) {
    wrn_file_transfer *t = &self->transfer;
    if (entry && entry->symlink_target && !self->link) {
        follow_link(self, entry->symlink_target);
    } else if (self->stage == LOOKING && (!entry || entry->symlink_target)) {
        report_missing(self);
    } else if (self->stage == LOOKING && entry->type == WRENN_FILE_TYPE_DIRECTORY) {
        refuse_directory(self);
    } else if (self->stage == LOOKING) {
        self->listed = entry->size;
        call_read(self);
        send_next(self);
    } else if (entry && entry->size <= t->done) {
        download_complete(self);
    } else {
        wrn_op_fail_as(&t->op, WRENN_E_CONNECTION_LOST, "%lld bytes of %s came, of %lld that it has",
                       (long long)t->done, self->path, (long long)(entry ? entry->size : self->listed));
    }
}

static bool download_stream_fail(wrenn_op *op, const wrenn_error *error) {
    download_op *self = (download_op *)op;
    if (wrn_transfer_fail(op, error)) return true;
    /* WRENN_E_NOT_FOUND says so already. */
    if (self->stage != LOOKING || wrenn_error_code(error) == WRENN_E_NOT_FOUND) return false;
    wrn_op_extend(op, self->transfer.idle_ms);
    return wrn_look_failed(&self->look, op, error);
}

static void listing_respond(download_op *self, const wrn_http_response *response) {
    wrenn_op *op = &self->transfer.op;
    wrn_look *look = &self->look;
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    const wrn_json *found;
    switch (wrn_look_judge(look, op, response, &json, &found)) {
    case WRN_LOOK_FAILED: return;
    case WRN_LOOK_NAMELESS: return refuse_directory(self);
    case WRN_LOOK_MISSING: return look->climbing ? report_missing(self) : judge_listed(self, NULL);
    case WRN_LOOK_FOUND: break;
    }
    wrenn_file_entry *entry = wrn_op_decode_part(op, response, found, &wrn_model_file_entry);
    if (entry) judge_listed(self, entry);
    wrn_result_free(entry);
}

static void download_stream_respond(wrenn_op *op, wrn_http_response *response) {
    download_op *self = (download_op *)op;
    if (self->stage != READING) {
        listing_respond(self, response);
    } else if (self->transfer.done >= self->listed) {
        download_complete(self);
    } else {
        self->stage = CHECKING;
        wrn_look_call(&self->look, op);
        send_next(self);
    }
}

/* ---- into memory ---- */

typedef struct loaded {
    wrenn_file file;
    wrn_buf content;
} loaded;

static void free_loaded(void *result) {
    loaded *it = result;
    if (it) wrn_buf_free(&it->content);
    free(it);
}

static void download_respond(wrenn_op *op, wrn_http_response *response) {
    download_op *self = (download_op *)op;
    loaded *it = calloc(1, sizeof(*it));
    if (!it) return wrn_op_fail_no_memory(op);
    it->content = self->content;
    self->content = WRN_BUF_INIT;
    it->file = (wrenn_file){it->content.data ? it->content.data : "", it->content.size};
    wrn_op_finish(op, it, free_loaded);
}

#define DOWNLOAD_OP                                                                                                \
    .timeout_ms = WRN_TRANSFER_IDLE_MS, .size = sizeof(download_op), .init = download_init, .stop = download_stop, \
    .clear = download_clear

const wrn_op_type wrn_sandbox_download_type = {{"download"},
                                               DOWNLOAD_OP,
                                               .respond = download_respond,
                                               .fail = wrn_transfer_fail};

int wrn_sandbox_download_prepare(wrenn_op *op, const char *path, wrenn_error **error) {
    download_op *self = (download_op *)op;
    int rc = wrn_files_check(op, path, error);
    if (rc != 0) return rc;
    self->content = WRN_BUF_LIMITED(wrn_http_max_response(op->client->http));
    self->sink = (wrn_http_sink){write_memory, self};
    wrn_files_call(op, "/files/read", path);
    op->sink = &self->sink;
    return 0;
}

void wrenn_file_free(wrenn_file *file) { free_loaded(file); }

/* ---- to whatever takes bytes ---- */

const wrn_op_type wrn_sandbox_download_stream_type = {{"download_stream"},
                                                      DOWNLOAD_OP,
                                                      .respond = download_stream_respond,
                                                      .fail = download_stream_fail};

/* Opens a temporary file beside the target, which it replaces when it is complete. */
static int open_aside(download_op *self, const char *path, const struct stat *old) {
    char random[WRN_RANDOM_NAME_SIZE];
    if (old && access(path, W_OK) != 0) return -1;
    self->target = old ? realpath(path, NULL) : strdup(path);
    if (!self->target || !wrn_random_name(random)) return -1;
    char *name = NULL;
    if (asprintf(&name, "%s.%.8s.part", self->target, random) < 0) return -1;
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        free(name);
        return -1;
    }
    self->aside = name;
    if (old && fchmod(fd, old->st_mode & 0777) != 0) { /* it keeps the mode of a new file */
    }
    return fd;
}

static int download_open_file(download_op *self, const char *path, wrenn_error **error) {
    wrn_file_transfer *t = &self->transfer;
    struct stat old;
    bool there = stat(path, &old) == 0;
    self->quiet = there && !S_ISREG(old.st_mode);
    /* Devices and pipes are written to directly. */
    if (self->quiet) t->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    else t->fd = open_aside(self, path, there ? &old : NULL);
    if (t->fd >= 0) return 0;
    return wrn_fail(error, errno == ENOMEM ? WRENN_E_NO_MEMORY : WRENN_E_SYSTEM, "%s: cannot write %s: %s",
                    t->op.type->name, path, strerror(errno));
}

/* What both kinds of downloads have in common. */
static int prepare_sink(download_op *self, const wrenn_sandbox_download_stream_options *options, wrenn_error **error) {
    wrn_file_transfer *t = &self->transfer;
    struct stat is;
    int rc = wrn_transfer_prepare(t, options->path, options->file, options->fd, options->write != NULL, "write", error);
    if (rc != 0) return rc;
    self->write = options->write;
    self->sink = (wrn_http_sink){options->write ? write_callback : write_fd, self};
    t->user_data = options->user_data;
    t->progress = options->progress;
    if (!options->write && !options->fd) return download_open_file(self, options->file, error);
    self->quiet = options->fd && !(fstat(t->fd, &is) == 0 && S_ISREG(is.st_mode));
    return 0;
}

int wrn_sandbox_download_stream_prepare(wrenn_op *op, const wrenn_sandbox_download_stream_options *options,
                                        wrenn_error **error) {
    download_op *self = (download_op *)op;
    int rc = prepare_sink(self, options, error);
    if (rc != 0) return rc;
    self->path = wrn_op_keep(op, options->path);
    if (!self->path || !wrn_look_at(&self->look, options->path)) return wrn_no_memory(error, op->type->name);
    self->stage = options->flags & WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY ? LOOKING : READING;
    if (self->stage == LOOKING) wrn_look_call(&self->look, op);
    else call_read(self);
    return 0;
}

/* ---- archives ---- */

const wrn_op_type wrn_sandbox_download_tar_type = {
    {"download_tar", "GET", "/sandboxes/{sandbox id}/files/tar?path={path}&user={user}", WRN_AUTH_ANY},
    DOWNLOAD_OP,
    .respond = download_stream_respond,
    .fail = wrn_transfer_fail};

int wrn_sandbox_download_tar_prepare(wrenn_op *op, const wrenn_sandbox_download_stream_options *options,
                                     wrenn_error **error) {
    const char *const args[] = {options->path, wrn_sandbox_user(op->sandbox, NULL)};
    if (options->flags) return wrn_refuse(error, "download_tar: a flag is unknown, or does not fit");
    int rc = prepare_sink((download_op *)op, options, error);
    if (rc == 0) rc = wrn_op_call_type(op, args, NULL, error);
    op->sink = &((download_op *)op)->sink;
    return rc;
}
