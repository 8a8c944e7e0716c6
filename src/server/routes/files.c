/* files/read, stream/read, GET tar, list, mkdir, remove, rename, chmod. */
#include "server/routes/files.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/tar.h"
#include "base/text.h"
#include "wire/files.h"
#include "wire/utf8.h"

enum { RECORD_MAX = 1 << 20, LIST_LIMIT_MAX = 1000000 };

/* ---- file operations as commands ---- */

bool wrn_file_start(wrn_request *request, const wrn_sandbox_row *row, const char *user, const char *const *argv,
                    wrn_viewer *viewer, wrn_fault *fault) {
    /* "/" and not the home directory, which need not exist. */
    const wrn_proc_spec spec = {.cmd = argv[0],
                                .args = argv + 1,
                                .cwd = "/",
                                .user = wrn_none_if_empty(user),
                                .want_stdin = strcmp(argv[0], "write") == 0 || strcmp(argv[0], "unpack") == 0,
                                .builtin = true};
    return wrn_command_start(wrn_server_of(request)->sandboxes, row, &spec, WRN_COMMAND_FOREGROUND, NULL, viewer,
                             fault) != NULL;
}

const char *wrn_file_option(wrn_request *request, const char *key, const char *value) {
    return wrn_arena_printf(&request->arena, "%s=%s", key, value);
}

/* What the exit code of a file operation, an errno, means to the caller; `text` NULL: wrn_tar_why(). */
static const struct {
    int error;
    wrn_fault_code code;
    const char *text;
} errors[] = {
    {ENOENT, WRN_FAULT_NOT_FOUND, NULL},
    {EEXIST, WRN_FAULT_CONFLICT, "the directory exists already"},
    {ENOTEMPTY, WRN_FAULT_CONFLICT, "a directory with something in it has that name"},
    {EXDEV, WRN_FAULT_INVALID_REQUEST, "outside the directory, or on another file system"},
    {EBADMSG, WRN_FAULT_INVALID_REQUEST, NULL},
    {ENODATA, WRN_FAULT_INVALID_REQUEST, NULL},
    {ENOTSUP, WRN_FAULT_INVALID_REQUEST, NULL},
    {EUSERS, WRN_FAULT_INVALID_REQUEST, "the sandbox can't have the owner that the file should get"},
    {EISDIR, WRN_FAULT_INVALID_REQUEST, NULL},
    {ENOTDIR, WRN_FAULT_INVALID_REQUEST, NULL},
    {EINVAL, WRN_FAULT_INVALID_REQUEST, "not a file or directory that this can be done with"},
    {ELOOP, WRN_FAULT_INVALID_REQUEST, NULL},
    {ENAMETOOLONG, WRN_FAULT_INVALID_REQUEST, NULL},
    {E2BIG, WRN_FAULT_INVALID_REQUEST, "too many levels to list at once; list fewer, or a directory below"},
};

static void set_error(wrn_fault *fault, int error, const char *path) {
    size_t i = 0;
    while (i < WRN_COUNT(errors) && errors[i].error != error) i++;
    bool known = i < WRN_COUNT(errors);
    wrn_fault_set(fault, known ? errors[i].code : WRN_FAULT_AGENT_ERROR, "%s: %.300s",
                  known && errors[i].text ? errors[i].text : wrn_tar_why(error), path);
}

bool wrn_file_ended_well(const char *path, const wrn_proc_result *result, wrn_fault *fault) {
    int code = result->code;
    if (result->end == WRN_PROC_EXITED && code == 0) return true;
    if (result->end == WRN_PROC_EXITED) set_error(fault, code, path);
    else if (result->end == WRN_PROC_FAILED) *fault = *result->fault;
    else if (result->end == WRN_PROC_LOST) wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "the sandbox ended meanwhile");
    else if (result->oom_killed) wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "the sandbox is out of memory");
    else wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "something in the sandbox killed the operation (signal %d)", code);
    return false;
}

/* A file operation. Lives in the request's arena. */
typedef struct job {
    wrn_viewer viewer; /* first: a viewer is cast to its job */
    wrn_request *request;
    const wrn_sandbox_row *row; /* valid while the operation is started */
    const char *path, *user;
    const char *type; /* of the content that is read */
    bool begun;       /* the head of the answer was sent */
    /* Of a listing: */
    bool single;          /* one entry rather than an array */
    bool malformed;       /* the agent's records */
    int64_t count, limit; /* limit 0: none */
    wrn_buf partial;      /* the beginning of a record */
    wrn_buf answer;       /* not yet sent */
    wrn_buf last;         /* path of the last entry within the limit */
} job;

/* NULL: the request was answered. */
static job *new_job(wrn_request *request, const wrn_sandbox_row *row, const char *path, const char *user) {
    if (!*path) return wrn_reply_invalid(request, "member \"path\" must not be empty"), NULL;
    job *j = wrn_arena_alloc(&request->arena, sizeof(*j));
    *j = (job){.request = request, .row = row, .path = path, .user = user};
    return j;
}

/* The same for a body that has nothing but path and user. */
static job *new_path_job(wrn_request *request, const wrn_sandbox_row *row) {
    wrn_path_request asked = {0};
    if (!wrn_request_decode(request, &wrn_model_path_request, &asked)) return NULL;
    return new_job(request, row, asked.path, asked.user);
}

/* False: the request was answered. */
static bool start_job(job *j, const char *const *argv) {
    wrn_fault fault;
    if (wrn_file_start(j->request, j->row, j->user, argv, &j->viewer, &fault)) return true;
    wrn_reply_fault(j->request, &fault);
    return false;
}

/* ---- read ---- */

/* The head is sent with the first piece, when it is known that the file can be read. */
static void read_on_output(wrn_viewer *viewer, int stream, const void *data, size_t size) {
    job *j = (job *)viewer;
    if (stream != 1) return;
    if (!j->begun) wrn_reply_begin(j->request, 200, j->type, -1);
    j->begun = true;
    wrn_reply_piece(j->request, data, size);
    if (wrn_reply_is_crowded(j->request)) wrn_command_pause(viewer, true);
}

static void read_on_end(wrn_viewer *viewer, const wrn_proc_result *result) {
    job *j = (job *)viewer;
    wrn_fault fault;
    bool well = wrn_file_ended_well(j->path, result, &fault);
    if (j->begun) wrn_reply_end(j->request, well);
    else if (well) wrn_reply_bytes(j->request, 200, j->type, "", 0);
    else wrn_reply_fault(j->request, &fault);
}

static void free_dir_listing(job *j) {
    wrn_buf_free(&j->partial);
    wrn_buf_free(&j->answer);
    wrn_buf_free(&j->last);
}

static void files_on_room(wrn_request *request) { wrn_command_pause(&((job *)request->handler)->viewer, false); }

static void files_on_gone(wrn_request *request) {
    job *j = request->handler;
    wrn_proc_signal(j->viewer.command->proc, SIGKILL);
    wrn_command_detach(&j->viewer);
    free_dir_listing(j);
    wrn_reply_end(request, false);
}

/* The answer is sent as the operation's output comes. */
static void stream_answer(job *j) {
    j->request->handler = j;
    j->request->on_room = files_on_room;
    j->request->on_gone = files_on_gone;
}

static void start_read(job *j, const char *builtin, const char *type) {
    j->viewer = (wrn_viewer){.output = read_on_output, .end = read_on_end};
    j->type = type;
    if (start_job(j, (const char *const[]){builtin, j->path, NULL})) stream_answer(j);
}

void wrn_route_read_file(wrn_request *request, const wrn_sandbox_row *row) {
    job *j = new_path_job(request, row);
    if (j) start_read(j, "read", "application/octet-stream");
}

void wrn_route_read_tar(wrn_request *request, const wrn_sandbox_row *row) {
    const char *path = wrn_query_get(request->head.query, "path", &request->arena);
    const char *user = wrn_query_get(request->head.query, "user", &request->arena);
    if (!path || !*path) return wrn_reply_invalid(request, "the query has no path");
    job *j = new_job(request, row, path, user);
    if (j) start_read(j, "pack", "application/x-tar");
}

/* ---- list and mkdir ---- */

/* Names are bytes, JSON is UTF-8. */
static const char *to_utf8(wrn_buf *out, const char *text) {
    wrn_utf8_carry carry = {0};
    wrn_utf8_append(&carry, out, text, strlen(text));
    wrn_utf8_end(&carry, out);
    wrn_buf_put(out, "", 0);
    return out->data;
}

static void write_permissions(char out[11], int64_t mode, bool link) {
    static const char letters[] = "rwxrwxrwx";
    mode_t type = (mode_t)mode & S_IFMT;
    out[0] = link               ? 'L'
             : type == S_IFDIR  ? 'd'
             : type == S_IFIFO  ? 'p'
             : type == S_IFSOCK ? 's'
             : type == S_IFCHR  ? 'c'
             : type == S_IFBLK  ? 'b'
                                : '-';
    for (int i = 0; i < 9; i++) out[i + 1] = link || mode & (0400 >> i) ? letters[i] : '-';
    out[10] = '\0';
}

static int64_t file_type_of(int64_t mode) {
    switch ((mode_t)mode & S_IFMT) {
    case S_IFREG: return WRENN_FILE_TYPE_FILE;
    case S_IFDIR: return WRENN_FILE_TYPE_DIRECTORY;
    default: return WRENN_FILE_TYPE_UNKNOWN;
    }
}

/* False when the record is malformed: the agent may be compromised. */
static bool put_record(job *j, const char *const fields[WRN_FILE_FIELDS]) {
    char permissions[11];
    WRN_AUTO(wrn_buf_free) wrn_buf owner = WRN_BUF_INIT, group = WRN_BUF_INIT, target = WRN_BUF_INIT;
    WRN_AUTO(wrn_buf_free) wrn_buf path = WRN_BUF_INIT;
    bool link = *fields[WRN_FILE_TARGET] != '\0';
    wrenn_file_entry entry = {
        .permissions = permissions,
        .owner = to_utf8(&owner, fields[WRN_FILE_OWNER]),
        .group = to_utf8(&group, fields[WRN_FILE_GROUP]),
        .symlink_target = link ? to_utf8(&target, fields[WRN_FILE_TARGET]) : NULL,
        .path = to_utf8(&path, fields[WRN_FILE_PATH]),
    };
    const char *slash = strrchr(entry.path, '/');
    if (!slash || entry.path[0] != '/' || !wrn_parse_int(fields[WRN_FILE_MODE], 0, UINT32_MAX, &entry.mode) ||
        !wrn_parse_int(fields[WRN_FILE_SIZE], 0, INT64_MAX, &entry.size) ||
        !wrn_parse_int(fields[WRN_FILE_MTIME], INT64_MIN, INT64_MAX, &entry.modified_at))
        return false;
    entry.name = slash + 1;
    entry.type = file_type_of(entry.mode);
    write_permissions(permissions, entry.mode, link);
    entry.mode &= 07777;
    if (j->count > 1) wrn_buf_putc(&j->answer, ',');
    wrn_model_write(&wrn_model_file_entry, &entry, &j->answer);
    return true;
}

/* The agent is asked for one more than the limit, which shows whether there are more. */
static bool take_record(job *j, const char *const fields[WRN_FILE_FIELDS]) {
    j->count++;
    if (j->limit && j->count > j->limit) return j->count == j->limit + 1;
    if (j->limit && j->count == j->limit) wrn_buf_puts(&j->last, fields[WRN_FILE_PATH]);
    return put_record(j, fields);
}

/* Returns the end of the record; NULL when it is not complete. */
static const char *split_record(const char *at, const char *end, const char *fields[WRN_FILE_FIELDS]) {
    for (size_t i = 0; i < WRN_FILE_FIELDS; i++) {
        const char *zero = memchr(at, '\0', (size_t)(end - at));
        if (!zero) return NULL;
        fields[i] = at;
        at = zero + 1;
    }
    return at;
}

/* A long listing is sent as it comes. */
static void send_entries(job *j, wrn_viewer *viewer) {
    if (j->answer.size < WRN_HIGH_WATER) return;
    if (!j->begun) wrn_reply_begin(j->request, 200, "application/json", -1);
    j->begun = true;
    wrn_reply_piece(j->request, j->answer.data, j->answer.size);
    wrn_buf_clear(&j->answer);
    if (wrn_reply_is_crowded(j->request)) wrn_command_pause(viewer, true);
}

static void list_on_output(wrn_viewer *viewer, int stream, const void *data, size_t size) {
    job *j = (job *)viewer;
    const char *fields[WRN_FILE_FIELDS];
    if (stream != 1 || j->malformed) return;
    wrn_buf_put(&j->partial, data, size);
    j->malformed = j->partial.failed;
    const char *at = j->partial.data, *end = at + j->partial.size;
    for (const char *next; !j->malformed && (next = split_record(at, end, fields)); at = next)
        j->malformed = !take_record(j, fields);
    if (j->malformed) return wrn_proc_signal(viewer->command->proc, SIGKILL);
    wrn_buf_consume(&j->partial, (size_t)(at - j->partial.data));
    send_entries(j, viewer);
}

static void put_tail(job *j) {
    wrn_buf_puts(&j->answer, j->single ? "" : "]");
    if (j->limit && j->count > j->limit) {
        wrn_buf_puts(&j->answer, ",\"next_cursor\":\"");
        wrn_base64_encode(&j->answer, j->last.data, j->last.size);
        wrn_buf_putc(&j->answer, '"');
    }
    wrn_buf_puts(&j->answer, "}\n");
}

static void list_on_end(wrn_viewer *viewer, const wrn_proc_result *result) {
    job *j = (job *)viewer;
    wrn_request *request = j->request;
    wrn_fault fault;
    bool well = wrn_file_ended_well(j->path, result, &fault);
    put_tail(j);
    if (j->malformed || (well && (j->partial.size || (j->single && j->count != 1)))) {
        well = false;
        wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the sandbox's agent sent a malformed listing");
    }
    wrn_buf answer = j->answer;
    j->answer = WRN_BUF_INIT;
    bool begun = j->begun;
    free_dir_listing(j);
    if (begun && well) wrn_reply_piece(request, answer.data, answer.size);
    if (begun) wrn_reply_end(request, well);
    else if (well) wrn_reply_buf(request, 200, "application/json", &answer);
    else wrn_reply_fault(request, &fault);
    wrn_buf_free(&answer);
}

static void start_listing(job *j, const char *const *argv) {
    j->viewer = (wrn_viewer){.output = list_on_output, .end = list_on_end};
    j->partial = WRN_BUF_LIMITED(RECORD_MAX);
    wrn_buf_puts(&j->answer, j->single ? "{\"entry\":" : "{\"entries\":[");
    if (start_job(j, argv)) stream_answer(j);
    else free_dir_listing(j);
}

/* The path that a cursor stands for; NULL when it is malformed. */
static const char *read_cursor(wrn_request *request, const char *cursor) {
    size_t size = strlen(cursor);
    char *path = wrn_arena_alloc(&request->arena, wrn_base64_decoded_max(size) + 1); /* zeroed */
    ssize_t decoded = wrn_base64_decode(path, cursor, size);
    return decoded > 0 && strlen(path) == (size_t)decoded ? path : NULL;
}

static bool is_name(const char *text) {
    return *text && !strchr(text, '/') && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

void wrn_route_list_dir(wrn_request *request, const wrn_sandbox_row *row) {
    wrn_list_dir_request asked = {0};
    char levels[24], limit[32];
    if (!wrn_request_decode(request, &wrn_model_list_dir_request, &asked)) return;
    job *j = new_job(request, row, asked.path, asked.user);
    if (!j) return;
    if (asked.depth < 0) return wrn_reply_invalid(request, "member \"depth\" must not be negative");
    if (asked.limit < 0 || asked.limit > LIST_LIMIT_MAX)
        return wrn_reply_invalid(request, "member \"limit\" must be from 0 to %d", LIST_LIMIT_MAX);
    const char *cursor = wrn_none_if_empty(asked.cursor), *after = cursor ? read_cursor(request, cursor) : NULL;
    if (cursor && !after) return wrn_reply_invalid(request, "member \"cursor\" is not the next_cursor of a listing");
    if (asked.only && !is_name(asked.only))
        return wrn_reply_invalid(request, "member \"only\" is not the name of an entry");
    j->limit = asked.limit;
    snprintf(levels, sizeof(levels), "%lld", (long long)(asked.depth ? asked.depth : 1));
    snprintf(limit, sizeof(limit), "limit=%lld", (long long)asked.limit + 1);
    const char *argv[7] = {"list", j->path, levels};
    size_t count = 3;
    if (asked.limit) argv[count++] = limit;
    if (after) argv[count++] = wrn_file_option(request, "after", after);
    if (asked.only) argv[count++] = wrn_file_option(request, "only", asked.only);
    start_listing(j, argv);
}

void wrn_route_make_dir(wrn_request *request, const wrn_sandbox_row *row) {
    job *j = new_path_job(request, row);
    if (!j) return;
    j->single = true;
    start_listing(j, (const char *const[]){"mkdir", j->path, NULL});
}

/* ---- remove, rename, chmod ---- */

static void change_on_end(wrn_viewer *viewer, const wrn_proc_result *result) {
    job *j = (job *)viewer;
    wrn_fault fault;
    if (wrn_file_ended_well(j->path, result, &fault)) wrn_reply_empty(j->request, 204);
    else wrn_reply_fault(j->request, &fault);
}

static void files_start_change(job *j, const char *const *argv) {
    j->viewer = (wrn_viewer){.end = change_on_end};
    start_job(j, argv);
}

void wrn_route_remove_path(wrn_request *request, const wrn_sandbox_row *row) {
    job *j = new_path_job(request, row);
    if (j) files_start_change(j, (const char *const[]){"remove", j->path, NULL});
}

void wrn_route_rename_path(wrn_request *request, const wrn_sandbox_row *row) {
    wrn_rename_request asked = {0};
    if (!wrn_request_decode(request, &wrn_model_rename_request, &asked)) return;
    job *j = new_job(request, row, asked.path, asked.user);
    if (!j) return;
    if (!*asked.to) return wrn_reply_invalid(request, "member \"to\" must not be empty");
    j->path = wrn_arena_printf(&request->arena, "%s to %s", asked.path, asked.to);
    files_start_change(j, (const char *const[]){"rename", asked.path, asked.to, NULL});
}

void wrn_route_change_mode(wrn_request *request, const wrn_sandbox_row *row) {
    wrn_chmod_request asked = {0};
    char mode[16];
    if (!wrn_request_decode(request, &wrn_model_chmod_request, &asked)) return;
    job *j = new_job(request, row, asked.path, asked.user);
    if (!j) return;
    if (asked.mode < 0 || asked.mode > 07777)
        return wrn_reply_invalid(request, "member \"mode\" must be from 0 to 4095, which is octal 7777");
    snprintf(mode, sizeof(mode), "%llo", (unsigned long long)asked.mode);
    files_start_change(j, (const char *const[]){"chmod", j->path, mode, NULL});
}
