/* files/read, stream/read, list, mkdir, remove. */
#include "server/routes/files.h"
#include "server/http/budget.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "wire/files.h"
#include "wire/utf8.h"

enum { RECORD_MAX = 1 << 20, LIST_LIMIT_MAX = 1000000 };

/* ---- running one ---- */

bool wrn_file_start(wrn_request *request, const wrn_sandbox_row *row, const char *user, const char *const *argv,
                    wrn_viewer *viewer, wrn_fault *fault) {
    /* Home need not exist. */
    const wrn_proc_spec spec = {.cmd = argv[0],
                                .args = argv + 1,
                                .cwd = "/",
                                .user = wrn_none_if_empty(user),
                                .want_stdin = strcmp(argv[0], "write") == 0,
                                .builtin = true};
    return wrn_command_start(wrn_request_server(request)->sandboxes, row, &spec, WRN_COMMAND_FOREGROUND, NULL, viewer,
                             fault) != NULL;
}

static wrn_fault_code code_of(int error) {
    switch (error) {
    case ENOENT: return WRN_FAULT_NOT_FOUND;
    case EEXIST: return WRN_FAULT_CONFLICT;
    case EUSERS:
    case EISDIR:
    case ENOTDIR:
    case EINVAL:
    case ELOOP:
    case ENAMETOOLONG:
    case E2BIG: return WRN_FAULT_INVALID_REQUEST;
    default: return WRN_FAULT_AGENT_ERROR;
    }
}

static const char *text_of(int error) {
    switch (error) {
    case EINVAL: return "not a file or directory that this can be done with";
    case EEXIST: return "the directory exists already";
    case EUSERS: return "the sandbox can't have the owner that the file should get";
    case E2BIG: return "too many levels to list at once; list fewer, or a directory below";
    default: return strerror(error);
    }
}

bool wrn_file_ended_well(const char *path, const wrn_proc_result *result, wrn_fault *fault) {
    int code = result->code;
    if (result->end == WRN_PROC_EXITED && code == 0) return true;
    if (result->end == WRN_PROC_EXITED) wrn_fault_set(fault, code_of(code), "%s: %.300s", text_of(code), path);
    else if (result->end == WRN_PROC_FAILED) *fault = *result->fault;
    else if (result->end == WRN_PROC_LOST) wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "the sandbox ended meanwhile");
    else if (result->oom_killed) wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "the sandbox is out of memory");
    else wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "something in the sandbox killed the operation (signal %d)", code);
    return false;
}

/* Lives in the request's arena. */
typedef struct job {
    wrn_viewer viewer; /* first, so that it leads here */
    wrn_request *request;
    const char *path, *user;
    bool begun; /* the head of the answer went out */
    /* Of a listing: */
    bool single, nonsense;
    int64_t count, limit; /* 0: none */
    wrn_buf partial;      /* record */
    wrn_buf answer;       /* what has not gone out */
    wrn_buf last;         /* path of the last one within the limit */
} job;

/* Finds the sandbox, then decodes the body, whose first member is the path. NULL: the request was answered. */
static job *new_job(wrn_request *request, wrn_sandbox_row *row, const wrn_model *model, void *asked) {
    wrn_fault fault;
    if (!wrn_request_sandbox(request, row)) return NULL;
    if (!wrn_sandbox_is_usable(row, &fault)) return wrn_reply_fault(request, &fault), NULL;
    if (!wrn_request_decode(request, model, asked)) return NULL;
    job *j = wrn_arena_alloc(&request->arena, sizeof(*j));
    if (!j) wrn_reply_error(request, WRN_FAULT_INTERNAL_ERROR, "out of memory");
    else j->request = request;
    return j;
}

static bool check_path(job *j, const char *path, const char *user) {
    j->path = path;
    j->user = user;
    if (*path) return true;
    wrn_reply_error(j->request, WRN_FAULT_INVALID_REQUEST, "member \"path\" must not be empty");
    return false;
}

static job *new_path_job(wrn_request *request, wrn_sandbox_row *row) {
    wrn_path_request asked = {0};
    job *j = new_job(request, row, &wrn_model_path_request, &asked);
    return j && check_path(j, asked.path, asked.user) ? j : NULL;
}

/* ---- read ---- */

static const char octets[] = "application/octet-stream";

/* The head waits for the first piece: by then it is known that the file can be read. */
static void on_content(wrn_viewer *viewer, int stream, const void *data, size_t size) {
    job *j = (job *)viewer;
    if (stream != 1) return;
    if (!j->begun) wrn_reply_begin(j->request, 200, octets, -1);
    j->begun = true;
    wrn_reply_piece(j->request, data, size);
    if (wrn_reply_is_crowded(j->request)) wrn_command_pause(viewer, true);
}

static void on_content_end(wrn_viewer *viewer, const wrn_proc_result *result) {
    job *j = (job *)viewer;
    wrn_fault fault;
    bool well = wrn_file_ended_well(j->path, result, &fault);
    if (j->begun) wrn_reply_end(j->request, well);
    else if (well) wrn_reply_bytes(j->request, 200, octets, "", 0);
    else wrn_reply_fault(j->request, &fault);
}

static void on_reader_room(wrn_request *request) { wrn_command_pause(request->handler, false); }

static void on_reader_gone(wrn_request *request) {
    wrn_viewer *viewer = request->handler;
    wrn_command_signal(viewer->command, SIGKILL);
    wrn_command_detach(viewer);
    wrn_reply_end(request, false);
}

void wrn_route_read_file(wrn_request *request) {
    wrn_sandbox_row row;
    wrn_fault fault;
    job *j = new_path_job(request, &row);
    if (!j) return;
    j->viewer = (wrn_viewer){.output = on_content, .end = on_content_end};
    if (!wrn_file_start(request, &row, j->user, (const char *const[]){"read", j->path, NULL}, &j->viewer, &fault))
        return wrn_reply_fault(request, &fault);
    request->handler = &j->viewer;
    request->on_room = on_reader_room;
    request->on_gone = on_reader_gone;
}

/* ---- list and mkdir ---- */

/* Names are bytes, JSON is UTF-8. NULL when out of memory. */
static const char *clean(wrn_buf *out, const char *text) {
    wrn_utf8_carry carry = {0};
    wrn_utf8_append(&carry, out, text, strlen(text));
    wrn_utf8_end(&carry, out);
    wrn_buf_put(out, "", 0);
    return out->failed ? NULL : out->data;
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

static int64_t type_of(int64_t mode) {
    switch ((mode_t)mode & S_IFMT) {
    case S_IFREG: return WRENN_FILE_TYPE_FILE;
    case S_IFDIR: return WRENN_FILE_TYPE_DIRECTORY;
    default: return WRENN_FILE_TYPE_UNKNOWN;
    }
}

/* False when it makes no sense: the agent runs among strangers. */
static bool put_record(job *j, const char *const fields[WRN_FILE_FIELDS]) {
    char permissions[11];
    WRN_AUTO(wrn_buf_free) wrn_buf owner = WRN_BUF_INIT, group = WRN_BUF_INIT, target = WRN_BUF_INIT;
    WRN_AUTO(wrn_buf_free) wrn_buf path = WRN_BUF_INIT;
    bool link = *fields[WRN_FILE_TARGET] != '\0';
    wrenn_file_entry entry = {
        .present = WRENN_HAS_FILE_ENTRY_NAME | WRENN_HAS_FILE_ENTRY_PATH | WRENN_HAS_FILE_ENTRY_TYPE |
                   WRENN_HAS_FILE_ENTRY_SIZE | WRENN_HAS_FILE_ENTRY_MODE | WRENN_HAS_FILE_ENTRY_PERMISSIONS |
                   WRENN_HAS_FILE_ENTRY_OWNER | WRENN_HAS_FILE_ENTRY_GROUP | WRENN_HAS_FILE_ENTRY_MODIFIED_AT |
                   (link ? WRENN_HAS_FILE_ENTRY_SYMLINK_TARGET : 0),
        .permissions = permissions,
        .owner = clean(&owner, fields[WRN_FILE_OWNER]),
        .group = clean(&group, fields[WRN_FILE_GROUP]),
        .symlink_target = clean(&target, fields[WRN_FILE_TARGET]),
        .path = clean(&path, fields[WRN_FILE_PATH]),
    };
    const char *slash = entry.path ? strrchr(entry.path, '/') : NULL;
    if (!entry.owner || !entry.group || !entry.symlink_target || !slash || entry.path[0] != '/' ||
        !wrn_parse_int(fields[WRN_FILE_MODE], 0, UINT32_MAX, &entry.mode) ||
        !wrn_parse_int(fields[WRN_FILE_SIZE], 0, INT64_MAX, &entry.size) ||
        !wrn_parse_int(fields[WRN_FILE_MTIME], INT64_MIN, INT64_MAX, &entry.modified_at))
        return false;
    entry.name = slash + 1;
    entry.type = type_of(entry.mode);
    write_permissions(permissions, entry.mode, link);
    entry.mode &= 07777;
    WRN_AUTO(wrn_json_freep) wrn_json *object = wrn_model_encode(&wrn_model_file_entry, &entry);
    if (j->count > 1) wrn_buf_putc(&j->answer, ',');
    wrn_json_write(object, &j->answer);
    return object != NULL;
}

/* One more than the limit was asked for, to know whether there is more. */
static bool take_record(job *j, const char *const fields[WRN_FILE_FIELDS]) {
    j->count++;
    if (j->limit && j->count > j->limit) return j->count == j->limit + 1;
    if (j->limit && j->count == j->limit) wrn_buf_puts(&j->last, fields[WRN_FILE_PATH]);
    return put_record(j, fields);
}

/* Where the record that begins here ends; NULL when it does not yet. */
static const char *split_record(const char *at, const char *end, const char *fields[WRN_FILE_FIELDS]) {
    for (size_t i = 0; i < WRN_FILE_FIELDS; i++) {
        const char *zero = memchr(at, '\0', (size_t)(end - at));
        if (!zero) return NULL;
        fields[i] = at;
        at = zero + 1;
    }
    return at;
}

/* A long listing goes out as it comes, and is held by nobody. */
static void send_entries(job *j, wrn_viewer *viewer) {
    if (j->answer.size < WRN_HIGH_WATER) return;
    if (!j->begun) wrn_reply_begin(j->request, 200, "application/json", -1);
    j->begun = true;
    wrn_reply_piece(j->request, j->answer.data, j->answer.size);
    wrn_buf_clear(&j->answer);
    if (wrn_reply_is_crowded(j->request)) wrn_command_pause(viewer, true);
}

static void on_records(wrn_viewer *viewer, int stream, const void *data, size_t size) {
    job *j = (job *)viewer;
    const char *fields[WRN_FILE_FIELDS];
    if (stream != 1 || j->nonsense) return;
    wrn_buf_put(&j->partial, data, size);
    j->nonsense = j->partial.failed;
    const char *at = j->partial.data, *end = at + j->partial.size;
    for (const char *next; !j->nonsense && (next = split_record(at, end, fields)); at = next)
        j->nonsense = !take_record(j, fields);
    if (j->nonsense) return wrn_command_signal(viewer->command, SIGKILL);
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

static void free_listing(job *j) {
    wrn_buf_free(&j->partial);
    wrn_buf_free(&j->answer);
    wrn_buf_free(&j->last);
}

static void on_records_end(wrn_viewer *viewer, const wrn_proc_result *result) {
    job *j = (job *)viewer;
    wrn_request *request = j->request;
    wrn_fault fault;
    bool well = wrn_file_ended_well(j->path, result, &fault);
    put_tail(j);
    if (j->nonsense || j->answer.failed || (well && (j->partial.size || (j->single && j->count != 1)))) {
        well = false;
        wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the sandbox's agent sent something that makes no sense");
    }
    wrn_buf answer = j->answer;
    j->answer = WRN_BUF_INIT;
    bool begun = j->begun;
    free_listing(j);
    if (begun && well) wrn_reply_piece(request, answer.data, answer.size);
    if (begun) wrn_reply_end(request, well);
    else if (well) wrn_reply_buf(request, 200, "application/json", &answer);
    else wrn_reply_fault(request, &fault);
    wrn_buf_free(&answer);
}

static void on_lister_gone(wrn_request *request) {
    free_listing((job *)request->handler);
    on_reader_gone(request);
}

static void start_listing(job *j, const wrn_sandbox_row *row, const char *const *argv) {
    wrn_fault fault;
    j->viewer = (wrn_viewer){.output = on_records, .end = on_records_end};
    j->partial = WRN_BUF_LIMITED(RECORD_MAX);
    wrn_buf_puts(&j->answer, j->single ? "{\"entry\":" : "{\"entries\":[");
    if (!wrn_file_start(j->request, row, j->user, argv, &j->viewer, &fault)) {
        free_listing(j);
        return wrn_reply_fault(j->request, &fault);
    }
    j->request->handler = &j->viewer;
    j->request->on_room = on_reader_room;
    j->request->on_gone = on_lister_gone;
}

/* "after=" with the path that a cursor stands for; NULL: it is none. */
static const char *read_cursor(wrn_request *request, const char *cursor) {
    static const char key[] = "after=";
    size_t size = strlen(cursor), head = sizeof(key) - 1;
    char *word = wrn_arena_alloc(&request->arena, head + wrn_base64_decoded_max(size) + 1);
    ssize_t decoded = word ? wrn_base64_decode(word + head, cursor, size) : -1;
    if (decoded <= 0 || memchr(word + head, '\0', (size_t)decoded)) return NULL;
    memcpy(word, key, head);
    word[head + (size_t)decoded] = '\0';
    return word;
}

static const char *name_word(wrn_request *request, const char *name) {
    static const char key[] = "only=";
    size_t size = strlen(name);
    char *word = wrn_arena_alloc(&request->arena, sizeof(key) + size);
    if (!word) return NULL;
    memcpy(word, key, sizeof(key) - 1);
    memcpy(word + sizeof(key) - 1, name, size + 1);
    return word;
}

static bool is_name(const char *text) {
    return *text && !strchr(text, '/') && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

void wrn_route_list_dir(wrn_request *request) {
    wrn_sandbox_row row;
    wrn_list_dir_request asked = {0};
    char levels[24], limit[32];
    job *j = new_job(request, &row, &wrn_model_list_dir_request, &asked);
    if (!j || !check_path(j, asked.path, asked.user)) return;
    if (asked.depth < 0)
        return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "member \"depth\" must not be negative");
    if (asked.limit < 0 || asked.limit > LIST_LIMIT_MAX)
        return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "member \"limit\" must be from 0 to %d",
                               LIST_LIMIT_MAX);
    const char *cursor = wrn_none_if_empty(asked.cursor), *after = cursor ? read_cursor(request, cursor) : NULL;
    if (cursor && !after)
        return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST,
                               "member \"cursor\" is not the next_cursor of a listing");
    j->limit = asked.limit;
    snprintf(levels, sizeof(levels), "%lld", (long long)(asked.depth ? asked.depth : 1));
    if (asked.only && !is_name(asked.only))
        return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "member \"only\" is not the name of an entry");
    snprintf(limit, sizeof(limit), "limit=%lld", (long long)asked.limit + 1);
    const char *argv[7] = {"list", j->path, levels};
    size_t count = 3;
    if (asked.limit) argv[count++] = limit;
    if (after) argv[count++] = after;
    if (asked.only && !(argv[count++] = name_word(request, asked.only)))
        return wrn_reply_error(request, WRN_FAULT_INTERNAL_ERROR, "out of memory");
    start_listing(j, &row, argv);
}

void wrn_route_make_dir(wrn_request *request) {
    wrn_sandbox_row row;
    job *j = new_path_job(request, &row);
    if (!j) return;
    j->single = true;
    start_listing(j, &row, (const char *const[]){"mkdir", j->path, NULL});
}

/* ---- remove ---- */

static void on_nothing(wrn_viewer *viewer, int stream, const void *data, size_t size) {
    (void)viewer, (void)stream, (void)data, (void)size;
}

static void on_removed(wrn_viewer *viewer, const wrn_proc_result *result) {
    job *j = (job *)viewer;
    wrn_fault fault;
    if (wrn_file_ended_well(j->path, result, &fault)) wrn_reply_empty(j->request, 204);
    else wrn_reply_fault(j->request, &fault);
}

void wrn_route_remove_path(wrn_request *request) {
    wrn_sandbox_row row;
    wrn_fault fault;
    job *j = new_path_job(request, &row);
    if (!j) return;
    j->viewer = (wrn_viewer){.output = on_nothing, .end = on_removed};
    if (!wrn_file_start(request, &row, j->user, (const char *const[]){"remove", j->path, NULL}, &j->viewer, &fault))
        wrn_reply_fault(request, &fault);
}
