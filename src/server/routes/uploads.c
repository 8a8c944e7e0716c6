/* files/write and files/stream/write: the file of a form becomes the stdin of a write operation in the sandbox; and PUT
 * files/tar: so does the whole body.
 *
 * The end of stdin commits the write. It is only sent when the whole form has arrived and is valid; otherwise the write is
 * aborted. While the sandbox does not take more, nothing is read from the client. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "server/http/budget.h"
#include "server/http/multipart.h"
#include "server/routes/files.h"
#include "wire/utf8.h"

enum { WRITE_BODY_MAX = 104857600, UPLOAD_PATH_MAX = 65536, ENTRY_MAX = 4096 };

/* The text parts. */
enum { FIELD_PATH, FIELD_MODE, FIELD_OWNER, FIELD_IN_PLACE, FIELD_USER, FIELDS };
static const char *const names[FIELDS] = {"path", "mode", "owner", "in_place", "user"};

/* Lives in the request's arena. */
typedef struct upload {
    wrn_viewer viewer; /* first: a viewer is cast to this */
    wrn_request *request;
    wrn_sandbox_row row;
    wrn_multipart form;
    bool streams; /* no size limit; "path" comes before "file" */
    uint64_t received;
    enum { PART_OTHER, PART_FILE, PART_TEXT } part;
    size_t field;                 /* of PART_TEXT */
    const char *texts[FIELDS];    /* NULL: not known */
    bool seen[FIELDS], file_seen; /* in the form */
    wrn_buf text;                 /* of the part that is being read */
    bool form_over, body_over, started;
    wrn_buf entry; /* of an archive: what has failed, below the path */
    wrn_buf held;  /* content that the sandbox has not taken, after the first `sent` bytes */
    size_t sent;
} upload;

/* Aborts a write that still runs and frees what is not in the arena. Returns the request, to be answered. */
static wrn_request *end_upload(upload *u) {
    if (u->viewer.command) wrn_proc_signal(u->viewer.command->proc, SIGTERM);
    wrn_command_detach(&u->viewer);
    wrn_multipart_free(&u->form);
    wrn_buf_free(&u->text);
    wrn_buf_free(&u->held);
    wrn_buf_free(&u->entry);
    return u->request;
}

static bool refuse_upload(upload *u, const char *why) {
    return wrn_refuse(end_upload(u), WRN_FAULT_INVALID_REQUEST, "%s", why);
}

static void too_large(wrn_request *request) {
    wrn_reply_error(request, WRN_FAULT_TOO_LARGE,
                    "the request body is larger than %d bytes; files/stream/write has no limit", WRITE_BODY_MAX);
}

/* ---- to the sandbox ---- */

/* The sandbox has taken everything. */
static void upload_go_on(upload *u) {
    if (u->body_over) wrn_proc_close_stdin(u->viewer.command->proc);
    else wrn_request_pause(u->request, false);
}

static void send_held(upload *u) {
    u->sent += wrn_proc_write(u->viewer.command->proc, u->held.data + u->sent, u->held.size - u->sent);
    if (u->sent < u->held.size) return wrn_request_pause(u->request, true);
    wrn_buf_free(&u->held);
    u->sent = 0;
    upload_go_on(u);
}

static void upload_on_room(wrn_viewer *viewer) {
    upload *u = (upload *)viewer;
    if (u->held.size) send_held(u);
}

static bool send_content(upload *u, const char *data, size_t size) {
    if (u->started && !u->held.size) {
        size_t taken = wrn_proc_write(u->viewer.command->proc, data, size);
        data += taken;
        size -= taken;
    }
    if (!size) return true;
    if (!wrn_request_charge(u->request, size))
        return wrn_refuse(end_upload(u), WRN_FAULT_OVERLOADED, "%s", WRN_BUDGET_SPENT);
    wrn_buf_put(&u->held, data, size);
    if (u->started) wrn_request_pause(u->request, true);
    return true;
}

static void upload_on_end(wrn_viewer *viewer, const wrn_proc_result *result) {
    upload *u = (upload *)viewer;
    wrn_fault fault;
    WRN_AUTO(wrn_buf_free) wrn_buf path = WRN_BUF_INIT;
    wrn_utf8_carry carry = {0};
    wrn_buf_puts(&path, u->texts[FIELD_PATH]);
    if (u->entry.size) {
        if (path.size && path.data[path.size - 1] != '/') wrn_buf_putc(&path, '/');
        wrn_utf8_append(&carry, &path, u->entry.data, u->entry.size);
        wrn_utf8_end(&carry, &path);
    }
    bool well = wrn_file_ended_well(path.failed ? u->texts[FIELD_PATH] : path.data, result, &fault);
    bool early = !u->body_over;
    wrn_request *request = end_upload(u);
    if (!well) wrn_reply_fault(request, &fault);
    else if (early)
        wrn_reply_error(request, WRN_FAULT_AGENT_ERROR,
                        "the sandbox's agent ended the write before the end of the file");
    else wrn_reply_empty(request, 204);
}

/* Starts the write: the path is known and the file begins. */
static bool start_write(upload *u) {
    wrn_fault fault;
    const char *argv[6] = {"write", u->texts[FIELD_PATH]};
    size_t count = 2;
    for (size_t field = FIELD_MODE; field <= FIELD_OWNER; field++)
        if (u->texts[field]) argv[count++] = wrn_file_option(u->request, names[field], u->texts[field]);
    if (u->texts[FIELD_IN_PLACE]) argv[count++] = "in-place";
    u->viewer = (wrn_viewer){.end = upload_on_end, .room = upload_on_room};
    u->started = wrn_file_start(u->request, &u->row, u->texts[FIELD_USER], argv, &u->viewer, &fault);
    if (!u->started) return wrn_reply_fault(end_upload(u), &fault), false;
    if (u->held.size) send_held(u);
    return true;
}

/* ---- the form ---- */

static bool take_text_part(upload *u, size_t field) {
    char why[100];
    snprintf(why, sizeof(why), "the form has more than one part \"%s\"", names[field]);
    if (u->seen[field]) return refuse_upload(u, why);
    snprintf(why, sizeof(why), "the part \"%s\" must come before \"file\"", names[field]);
    if (u->started && field != FIELD_PATH) return refuse_upload(u, why);
    u->seen[field] = true;
    u->part = PART_TEXT;
    u->field = field;
    u->text = WRN_BUF_LIMITED(UPLOAD_PATH_MAX);
    return true;
}

static bool take_part(upload *u) {
    u->part = PART_OTHER;
    for (size_t field = 0; field < FIELDS; field++)
        if (strcmp(u->form.name, names[field]) == 0) return take_text_part(u, field);
    if (strcmp(u->form.name, "file") == 0) {
        if (u->file_seen) return refuse_upload(u, "the form has more than one part \"file\"");
        if (!u->streams && !u->form.has_filename)
            return refuse_upload(u, "the part \"file\" needs a filename parameter");
        if (u->streams && !u->texts[FIELD_PATH]) return refuse_upload(u, "the part \"path\" must come before \"file\"");
        u->file_seen = true;
        u->part = PART_FILE;
        if (u->texts[FIELD_PATH]) return start_write(u);
    }
    return true;
}

static bool upload_take_piece(upload *u) {
    if (u->part == PART_FILE) return send_content(u, u->form.piece, u->form.piece_size);
    if (u->part != PART_TEXT) return true;
    wrn_buf_put(&u->text, u->form.piece, u->form.piece_size);
    return !u->text.failed ||
           refuse_upload(u, u->field == FIELD_PATH ? "the path is too long" : "a part of the form is too long");
}

/* What is wrong with the text; NULL: nothing. Sets *text to NULL where it is as good as absent. */
static const char *read_field(const upload *u, const char **text) {
    int64_t ignored;
    switch (u->field) {
    case FIELD_PATH:
        if (!**text) return "the part \"path\" holds no path";
        if (u->texts[FIELD_PATH] && strcmp(u->texts[FIELD_PATH], *text) != 0)
            return "the path in the form is not the one in the query";
        break;
    case FIELD_MODE:
        if (strspn(*text, "01234567") != strlen(*text) || !wrn_parse_int(**text ? *text : "0", 0, 7777, &ignored))
            return "the part \"mode\" must be octal and 7777 at most, such as 0755";
        break;
    case FIELD_IN_PLACE:
        if (strcmp(*text, "true") != 0 && strcmp(*text, "false") != 0)
            return "the part \"in_place\" must be true or false";
        if (**text == 'f') *text = "";
        break;
    default: break;
    }
    if (!**text) *text = NULL;
    return NULL;
}

static bool end_part(upload *u) {
    if (u->part != PART_TEXT) return true;
    const char *text = wrn_arena_dup(&u->request->arena, u->text.data ? u->text.data : "", u->text.size);
    if (strlen(text) != u->text.size) return refuse_upload(u, "a text part of the form holds a NUL character");
    const char *why = read_field(u, &text);
    if (why) return refuse_upload(u, why);
    u->texts[u->field] = text;
    wrn_buf_free(&u->text);
    return u->field != FIELD_PATH || !u->file_seen || u->started || start_write(u);
}

/* False when the request has been answered. */
static bool upload_take_step(upload *u, wrn_multipart_step step) {
    switch (step) {
    case WRN_MULTIPART_PART: return take_part(u);
    case WRN_MULTIPART_PIECE: return upload_take_piece(u);
    case WRN_MULTIPART_PART_END: return end_part(u);
    case WRN_MULTIPART_END: u->form_over = true; return true;
    case WRN_MULTIPART_BAD: return refuse_upload(u, u->form.why);
    case WRN_MULTIPART_MORE: return true;
    }
    return true;
}

static void upload_on_piece(wrn_request *request, const char *data, size_t size) {
    upload *u = request->handler;
    u->received += size;
    if (!u->streams && u->received > WRITE_BODY_MAX) return too_large(end_upload(u));
    for (size_t at = 0, used; at < size; at += used)
        if (!upload_take_step(u, wrn_multipart_feed(&u->form, data + at, size - at, &used))) return;
}

static void upload_on_body_end(wrn_request *request) {
    upload *u = request->handler;
    const char *why = !u->form_over           ? "the form breaks off before its closing boundary"
                      : !u->texts[FIELD_PATH] ? "the form has no part \"path\""
                      : !u->file_seen         ? "the form has no part \"file\""
                                              : NULL;
    if (why) return (void)refuse_upload(u, why);
    u->body_over = true;
    if (!u->held.size) upload_go_on(u);
}

static void upload_on_gone(wrn_request *request) {
    wrn_reply_error(end_upload(request->handler), WRN_FAULT_READ_ERROR,
                    "the client went away before the end of its request");
}

static void begin_upload(wrn_request *request, const wrn_sandbox_row *row, bool streams) {
    upload *u = wrn_arena_alloc(&request->arena, sizeof(*u));
    if (!streams && request->head.content_length > WRITE_BODY_MAX) return too_large(request);
    u->request = request;
    u->row = *row;
    u->streams = streams;
    const char *path = streams ? NULL : wrn_query_get(request->head.query, "path", &request->arena);
    if (path && *path) u->texts[FIELD_PATH] = path;
    if (!wrn_multipart_init(&u->form, wrn_http_head_get(&request->head, "content-type")))
        return (void)refuse_upload(u, u->form.why);
    request->handler = u;
    request->on_piece = upload_on_piece;
    request->on_body_end = upload_on_body_end;
    request->on_gone = upload_on_gone;
}

void wrn_route_write_file(wrn_request *request, const wrn_sandbox_row *row) { begin_upload(request, row, false); }

void wrn_route_stream_write_file(wrn_request *request, const wrn_sandbox_row *row) { begin_upload(request, row, true); }

/* ---- archives ---- */

static void tar_on_output(wrn_viewer *viewer, int stream, const void *data, size_t size) {
    wrn_buf *entry = &((upload *)viewer)->entry;
    if (stream == 2 && size <= ENTRY_MAX - entry->size) wrn_buf_put(entry, data, size);
}

static void tar_on_piece(wrn_request *request, const char *data, size_t size) {
    send_content(request->handler, data, size);
}

static void tar_on_body_end(wrn_request *request) {
    upload *u = request->handler;
    u->body_over = true;
    if (!u->held.size) upload_go_on(u);
}

void wrn_route_write_tar(wrn_request *request, const wrn_sandbox_row *row) {
    const char *query = request->head.query, *keep = wrn_query_get(query, "keep", &request->arena);
    wrn_fault fault;
    upload *u = wrn_arena_alloc(&request->arena, sizeof(*u));
    *u = (upload){.request = request, .row = *row};
    for (size_t field = 0; field < FIELDS; field++)
        u->texts[field] = wrn_none_if_empty(wrn_query_get(query, names[field], &request->arena));
    if (!u->texts[FIELD_PATH]) return wrn_reply_invalid(request, "the query has no path");
    if (keep && strcmp(keep, "true") != 0 && strcmp(keep, "false") != 0)
        return wrn_reply_invalid(request, "keep in the query must be true or false");
    const char *argv[5] = {"unpack", u->texts[FIELD_PATH]};
    size_t count = 2;
    if (keep && *keep == 't') argv[count++] = "keep";
    if (u->texts[FIELD_OWNER]) argv[count++] = wrn_file_option(request, "owner", u->texts[FIELD_OWNER]);
    u->viewer = (wrn_viewer){.output = tar_on_output, .end = upload_on_end, .room = upload_on_room};
    u->started = wrn_file_start(request, row, u->texts[FIELD_USER], argv, &u->viewer, &fault);
    if (!u->started) return wrn_reply_fault(request, &fault);
    request->handler = u;
    request->on_piece = tar_on_piece;
    request->on_body_end = tar_on_body_end;
    request->on_gone = upload_on_gone;
}
