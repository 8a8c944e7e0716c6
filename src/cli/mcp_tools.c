/* The tools of `wrenn mcp`: their table, from which come what clients are told of them and how arguments are checked; and the
 * sandbox in which they work. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/mcp.h"

typedef enum field_kind { FIELD_TEXT, FIELD_BYTES, FIELD_NUMBER, FIELD_FLAG, FIELD_PAIRS } field_kind;

enum { FIELDS_MAX = 6, DAY = 86400 };

typedef struct field {
    const char *name;
    field_kind kind;
    size_t offset; /* in mcp_arguments */
    bool needed;
    int64_t min, max; /* of numbers */
    const char *help;
} field;

typedef struct tool {
    const char *name, *title, *help;
    bool reads_only;
    void (*run)(mcp_session *session, const mcp_arguments *arguments);
    field fields[FIELDS_MAX];
} tool;

#define AT(member) offsetof(mcp_arguments, member)
#define CWD \
    { "cwd", FIELD_TEXT, AT(cwd), false, 0, 0, "Directory to start in. Default: the user's home." }
#define ENV \
    { "env", FIELD_PAIRS, AT(env), false, 0, 0, "Environment variables to set, as an object of texts." }
#define USER \
    { "user", FIELD_TEXT, AT(user), false, 0, 0, "Run as this user of the sandbox." }
#define PATH(help) \
    { "path", FIELD_TEXT, AT(path), true, 0, 0, help }
#define LOCAL(help) \
    { "local_path", FIELD_TEXT, AT(local_path), true, 0, 0, help }
#define PORT \
    { "port", FIELD_NUMBER, AT(port), true, 1, 65535, "TCP port that it listens on." }

static void snapshot(mcp_session *session, const mcp_arguments *arguments);

static const tool tools[] = {
    {"run_command",
     "Run a command",
     "Runs a line of shell (sh -c) in the sandbox and returns its exit code, stdout and stderr. It reads no input. Files and "
     "installed packages stay for later calls; the working directory and variables do not.",
     false,
     mcp_run_command,
     {{"command", FIELD_TEXT, AT(command), true, 0, 0, "The line of shell."},
      CWD,
      ENV,
      USER,
      {"timeout_seconds", FIELD_NUMBER, AT(timeout_seconds), false, 1, DAY, "Kill it after so long."}}},
    {"run_code",
     "Run code",
     "Runs code in a kernel (as a notebook does) and returns what it printed, the value of the last expression, and images. "
     "Variables and imports stay for later calls.",
     false,
     mcp_run_code,
     {{"code", FIELD_TEXT, AT(code), true, 0, 0, "The code."},
      {"language", FIELD_TEXT, AT(language), false, 0, 0, "Name of the kernel: python3 (the default) or bash."},
      {"timeout_seconds", FIELD_NUMBER, AT(timeout_seconds), false, 1, DAY, "Interrupt it after so long."}}},
    {"read_file",
     "Read a file",
     "Reads a file of the sandbox. What is not UTF-8 comes as base64. A long one is cut, with a note that says where to go on.",
     true,
     mcp_read_file,
     {PATH("The file."),
      {"offset", FIELD_NUMBER, AT(offset), false, 0, INT64_MAX, "Begin after so many bytes."},
      {"limit", FIELD_NUMBER, AT(limit), false, 1, INT64_MAX, "Read so many bytes at most."}}},
    {"write_file",
     "Write a file",
     "Writes a file of the sandbox, replacing what it held; makes the directories above it.",
     false,
     mcp_write_file,
     {PATH("The file."),
      {"content", FIELD_BYTES, AT(content), true, 0, 0, "What it is to hold."},
      {"encoding", FIELD_TEXT, AT(encoding), false, 0, 0, "Of content: utf-8 (the default), or base64 for bytes."}}},
    {"list_files",
     "List files",
     "Lists a directory of the sandbox: permissions, size in bytes, and path of each entry.",
     true,
     mcp_list_files,
     {PATH("The directory."),
      {"depth", FIELD_NUMBER, AT(depth), false, 1, 100, "Levels to list. Default: 1, the directory itself."}}},
    {"upload",
     "Upload a file",
     "Copies a file of the user's machine into the sandbox. Possible only below a directory that the user has opened.",
     false,
     mcp_upload,
     {LOCAL("File of the user's machine."), PATH("Where it goes in the sandbox.")}},
    {"download",
     "Download a file",
     "Copies a file of the sandbox to the user's machine, replacing what is there. Possible only below a directory that the "
     "user has opened.",
     false,
     mcp_download,
     {PATH("File of the sandbox."), LOCAL("Where it goes on the user's machine.")}},
    {"start_server",
     "Start a server",
     "Starts a line of shell in the background, waits until it listens on the port, and returns its URL, its pid, and the file "
     "in the sandbox that has its output. It has to listen on 0.0.0.0 or localhost.",
     false,
     mcp_start_server,
     {{"command", FIELD_TEXT, AT(command), true, 0, 0, "The line of shell."},
      PORT,
      CWD,
      ENV,
      USER,
      {"timeout_seconds", FIELD_NUMBER, AT(timeout_seconds), false, 1, DAY, "Wait so long. Default: 30."}}},
    {"get_url", "Get the URL of a port", "Returns the URL of a port of the sandbox.", true, mcp_get_url, {PORT}},
    {"snapshot",
     "Make a snapshot",
     "Makes a template of the sandbox as it is now, for new sandboxes to start from, and returns its name. The sandbox goes on.",
     false,
     snapshot,
     {{"name", FIELD_TEXT, AT(name), false, 0, 0, "Its name. Default: one is made up."},
      {"overwrite", FIELD_FLAG, AT(overwrite), false, 0, 0, "Replace the snapshot of that name."}}},
};

static const tool *find_tool(const char *name) {
    for (size_t i = 0; i < WRN_COUNT(tools); i++)
        if (strcmp(tools[i].name, name) == 0) return &tools[i];
    return NULL;
}

bool mcp_has_tool(const char *name) { return find_tool(name); }

/* ---- what clients are told ---- */

static wrn_json *field_schema(const field *f) {
    static const char *const types[] = {[FIELD_TEXT] = "string",
                                        [FIELD_BYTES] = "string",
                                        [FIELD_NUMBER] = "integer",
                                        [FIELD_FLAG] = "boolean",
                                        [FIELD_PAIRS] = "object"};
    wrn_json *schema = wrn_json_new_object();
    wrn_json_set_string(schema, "type", types[f->kind]);
    wrn_json_set_string(schema, "description", f->help);
    if (f->kind == FIELD_NUMBER) wrn_json_set_int(schema, "minimum", f->min);
    if (f->kind == FIELD_NUMBER && f->max < INT64_MAX) wrn_json_set_int(schema, "maximum", f->max);
    if (f->kind == FIELD_PAIRS) {
        wrn_json *texts = wrn_json_new_object();
        wrn_json_set_string(texts, "type", "string");
        wrn_json_set(schema, "additionalProperties", texts);
    }
    return schema;
}

static wrn_json *tool_json(const tool *t) {
    wrn_json *out = wrn_json_new_object(), *schema = wrn_json_new_object(), *notes = wrn_json_new_object();
    wrn_json *properties = wrn_json_new_object(), *required = wrn_json_new_array();
    for (const field *f = t->fields; f < t->fields + FIELDS_MAX && f->name; f++) {
        wrn_json_set(properties, f->name, field_schema(f));
        if (f->needed) wrn_json_append_string(required, f->name);
    }
    wrn_json_set_string(schema, "type", "object");
    wrn_json_set(schema, "properties", properties);
    wrn_json_set(schema, "required", required);
    wrn_json_set_bool(schema, "additionalProperties", false);
    wrn_json_set_bool(notes, "readOnlyHint", t->reads_only);
    wrn_json_set_string(out, "name", t->name);
    wrn_json_set_string(out, "title", t->title);
    wrn_json_set_string(out, "description", t->help);
    wrn_json_set(out, "inputSchema", schema);
    wrn_json_set(out, "annotations", notes);
    return out;
}

wrn_json *mcp_tools(void) {
    wrn_json *out = wrn_json_new_object(), *list = wrn_json_new_array();
    for (size_t i = 0; i < WRN_COUNT(tools); i++) wrn_json_append(list, tool_json(&tools[i]));
    wrn_json_set(out, "tools", list);
    return out;
}

/* ---- failures ---- */

void mcp_fail(mcp_session *session, const char *format, ...) {
    char text[8192];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (session->text.size) wrn_buf_putc(&session->text, '\n');
    mcp_put_utf8(&session->text, text, strlen(text));
    session->failed = true;
}

void mcp_fail_with(mcp_session *session, const char *what, int rc, wrenn_error *error) {
    const char *id = wrenn_error_request_id(error);
    WRN_AUTO(wrn_buf_free) wrn_buf said = WRN_BUF_INIT;
    cli_say_error(&said, error);
    if (rc == WRENN_E_CANCELLED && !error) mcp_fail(session, "%s: it was given up", what);
    else
        mcp_fail(session, "%s: %s%s%s%s", what, said.data ? said.data : "out of memory", id ? " (request " : "",
                 id ? id : "", id ? ")" : "");
    wrenn_error_free(error);
}

/* ---- arguments ---- */

static const char *take_text(const field *f, const wrn_json *value, mcp_arguments *out) {
    size_t size;
    const char *text = wrn_json_string(value, &size);
    if (!text) return "has to be a text";
    if (f->kind == FIELD_BYTES) out->content_size = size;
    else if (memchr(text, 0, size)) return "must not have a NUL character in it";
    else if (!size) return "must not be empty";
    *(const char **)(void *)((char *)out + f->offset) = text;
    return NULL;
}

static const char *take_number(const field *f, const wrn_json *value, mcp_arguments *out) {
    int64_t *number = (int64_t *)(void *)((char *)out + f->offset);
    double fraction;
    /* Some clients know one kind of numbers only, and say 5.0. */
    bool whole = wrn_json_int(value, number);
    if (!whole && wrn_json_double(value, &fraction) && fraction > -1e15 && fraction < 1e15) {
        *number = (int64_t)fraction;
        whole = (double)*number == fraction;
    }
    if (!whole) return "has to be an integer";
    return *number < f->min || *number > f->max ? "is out of range" : NULL;
}

static bool take_pair(void *context, const char *name, const wrn_json *value) {
    const char ***at = context;
    size_t size;
    const char *text = wrn_json_string(value, &size);
    char *pair = NULL;
    if (!text || memchr(text, 0, size) || !*name || strchr(name, '=')) return false;
    if (asprintf(&pair, "%s=%s", name, text) < 0) return false;
    *(*at)++ = pair;
    return true;
}

static const char *take_pairs(const wrn_json *value, mcp_arguments *out) {
    if (wrn_json_type_of(value) != WRN_JSON_OBJECT) return "has to be an object";
    const char **at = out->env = calloc(wrn_json_members(value) + 1, sizeof(*out->env));
    if (!at) return "does not fit into memory";
    return wrn_json_each(value, take_pair, &at) ? NULL : "has to have names and texts";
}

static const char *tools_take_value(const field *f, const wrn_json *value, mcp_arguments *out) {
    switch (f->kind) {
    case FIELD_NUMBER: return take_number(f, value, out);
    case FIELD_PAIRS: return take_pairs(value, out);
    case FIELD_FLAG: return wrn_json_bool(value, (bool *)((char *)out + f->offset)) ? NULL : "has to be true or false";
    default: return take_text(f, value, out);
    }
}

typedef struct known {
    const tool *tool;
    const char *stranger, *best;
} known;

static bool tools_is_known(void *context, const char *name, const wrn_json *value) {
    known *k = context;
    (void)value;
    for (const field *f = k->tool->fields; f < k->tool->fields + FIELDS_MAX && f->name; f++)
        if (strcmp(f->name, name) == 0) return true;
    for (const field *f = k->tool->fields; f < k->tool->fields + FIELDS_MAX && f->name; f++)
        cli_suggest(name, f->name, &k->best);
    k->stranger = name;
    return false;
}

static bool take_arguments(mcp_session *session, const tool *t, const wrn_json *given, mcp_arguments *out) {
    known k = {.tool = t};
    if (given && !wrn_json_each(given, tools_is_known, &k)) {
        mcp_fail(session, "%s has no argument '%.100s'%s%s%s", t->name, k.stranger, k.best ? ": did you mean '" : "",
                 k.best ? k.best : "", k.best ? "'?" : "");
        return false;
    }
    for (const field *f = t->fields; f < t->fields + FIELDS_MAX && f->name; f++) {
        const wrn_json *value = wrn_json_get(given, f->name);
        const char *wrong = value ? tools_take_value(f, value, out) : f->needed ? "is missing" : NULL;
        if (!wrong) continue;
        mcp_fail(session, "%s: argument '%s' %s", t->name, f->name, wrong);
        return false;
    }
    return true;
}

static void free_arguments(mcp_arguments *arguments) {
    for (const char **pair = arguments->env; pair && *pair; pair++) free((char *)(uintptr_t)*pair);
    free(arguments->env);
}

/* ---- the sandbox ---- */

/* With a kernel, if the server has such a template and nobody asked for another one. */
static wrenn_sandbox *make_sandbox(mcp_session *session) {
    cli_creation creation = *session->creation;
    wrenn_snapshot_list *list = NULL;
    static const char with_kernel[] = "python-interpreter-v0-beta";
    if (!creation.template_name) {
        (void)!CLI_TRY_GET(session->cli, NULL, wrenn_snapshots_list, (session->cli->client, NULL), &list);
        for (size_t i = 0; list && i < list->items_count; i++)
            if (strcmp(list->items[i]->name, with_kernel) == 0) creation.template_name = with_kernel;
        wrenn_snapshot_list_free(list);
        session->no_kernel = !creation.template_name;
    }
    return cli_create(session->cli, &creation);
}

/* A sandbox that may be paused meanwhile is woken. */
static bool wake(mcp_session *session) {
    cli_app *cli = session->cli;
    wrenn_sandbox_wait_ready_options options = WRENN_SANDBOX_WAIT_READY_OPTIONS_INIT;
    wrenn_error *error = NULL;
    options.flags = WRENN_SANDBOX_WAIT_READY_RESUME;
    if (!session->given && !session->creation->idle_seconds) return true;
    int rc = CLI_TRY(cli, &error, wrenn_sandbox_wait_ready, (session->sandbox, &options));
    if (rc < 0) mcp_fail_with(session, wrenn_sandbox_id(session->sandbox), rc, error);
    return rc >= 0;
}

static bool have_sandbox(mcp_session *session) {
    WRN_AUTO(wrn_buf_free) wrn_buf why = WRN_BUF_INIT;
    if (session->sandbox) return wake(session);
    cli_keep_complaints(&why);
    if (cli_connect_to(session->cli, session->server))
        session->sandbox = session->given ? cli_sandbox(session->cli, session->given) : make_sandbox(session);
    cli_keep_complaints(NULL);
    /* It may have been meanwhile that the call was cancelled. */
    if (session->sandbox && !session->cli->aside->given_up) return wake(session);
    mcp_fail(session, "no sandbox: %s", why.size ? why.data : "it was given up");
    return false;
}

static void snapshot(mcp_session *session, const mcp_arguments *arguments) {
    cli_app *cli = session->cli;
    wrenn_snapshots_create_options options = WRENN_SNAPSHOTS_CREATE_OPTIONS_INIT;
    wrenn_sandbox_wait_ready_options again = WRENN_SANDBOX_WAIT_READY_OPTIONS_INIT;
    wrenn_snapshot *made = NULL;
    wrenn_error *error = NULL;
    options.sandbox_id = wrenn_sandbox_id(session->sandbox);
    options.name = arguments->name;
    options.flags = arguments->overwrite ? WRENN_SNAPSHOTS_CREATE_OVERWRITE : 0;
    int rc = CLI_TRY_GET(cli, &error, wrenn_snapshots_create, (cli->client, &options), &made);
    if (!made) mcp_fail_with(session, "the snapshot could not be made", rc, error);
    else
        wrn_buf_printf(&session->text, "snapshot %s: start from it with wrenn mcp --template %s", made->name,
                       made->name);
    wrenn_snapshot_free(made);
    error = NULL;
    again.flags = WRENN_SANDBOX_WAIT_READY_RESUME;
    /* Making one pauses the sandbox, and may have done so before it failed. */
    rc = CLI_TRY(cli, &error, wrenn_sandbox_wait_ready, (session->sandbox, &again));
    if (rc < 0) mcp_fail_with(session, "the sandbox was paused for the snapshot and does not go on", rc, error);
}

/* ---- calls ---- */

static wrn_json *make_result(mcp_session *session) {
    wrn_json *result = wrn_json_new_object(), *content = wrn_json_new_array(), *text = wrn_json_new_object();
    bool ok = !session->text.failed;
    wrn_json_set_string(text, "type", "text");
    ok = ok && wrn_json_set(text, "text",
                            wrn_json_new_string(session->text.size ? session->text.data : "", session->text.size));
    ok = wrn_json_append(content, text) && ok;
    for (size_t i = 0; i < wrn_json_count(session->images); i++)
        ok = wrn_json_append(content, wrn_json_ref(wrn_json_at(session->images, i))) && ok;
    ok = wrn_json_set(result, "content", content) && ok;
    ok = wrn_json_set_bool(result, "isError", session->failed) && ok;
    if (ok) return result;
    wrn_json_free(result);
    return NULL;
}

wrn_json *mcp_run_tool(mcp_session *session, const wrn_json *params) {
    const tool *t = find_tool(wrn_json_text(params, "name"));
    mcp_arguments arguments = {0};
    session->failed = false;
    session->images = wrn_json_new_array();
    if (take_arguments(session, t, wrn_json_get(params, "arguments"), &arguments) && have_sandbox(session))
        t->run(session, &arguments);
    free_arguments(&arguments);
    wrn_json *result = make_result(session);
    wrn_json_freep(&session->images);
    wrn_buf_free(&session->text);
    return result;
}
