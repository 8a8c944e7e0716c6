#include "server/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

typedef enum kind { TEXT, NUMBER, LIST } kind;
enum source { FROM_NOWHERE, FROM_FILE, FROM_ENVIRONMENT, FROM_FLAG };

typedef struct option {
    const char *name;
    kind kind;
    size_t offset;
    int64_t min, max;
    const char *value, *help;
} option;

#define AT(member) offsetof(wrn_config, member)
#define MS_MAX 86400000

static const option options[] = {
    {"data-dir", TEXT, AT(data_dir), 0, 0, "DIR",
     "accounts, keys and sandboxes (/var/lib/wrennd; ~/.local/state/wrennd)"},
    {"listen", LIST, AT(listen), 0, 0, "ADDRESS", "IP:PORT or unix:/path, may be repeated (127.0.0.1:8080)"},
    {"allow-host", LIST, AT(allow_host), 0, 0, "NAME",
     "that browsers may know this server by, beside localhost and the addresses above; may be repeated"},
    {"config", TEXT, AT(config_file), 0, 0, "FILE", "more of these options, as lines of name = value"},
    {"agent", TEXT, AT(agent), 0, 0, "PATH", "the wrenn-agent program (beside wrennd, then ../libexec/wrenn)"},
    {"template-dir", TEXT, AT(template_dir), 0, 0, "DIR",
     "templates built by the operator (DATA-DIR/templates; with --private-fd of the usual DATA-DIR)"},
    {"cgroup-parent", TEXT, AT(cgroup_parent), 0, 0, "PATH", "the cgroup to make sandboxes in (found out)"},
    {"log-level", TEXT, AT(log_level), 0, 0, "LEVEL", "error, warning, info or debug (info)"},
    {"log-format", TEXT, AT(log_format), 0, 0, "FORMAT", "text or json (text)"},
    {"terminal-frames", TEXT, AT(terminal_frames), 0, 0, "KIND",
     "text or binary: how terminals put out before their client has sent a binary frame (text)"},
    {"audit-log", TEXT, AT(audit_log), 0, 0, "FILE", "who asked for what (DATA-DIR/audit.log); none: nowhere"},
    {"audit-log-max-mb", NUMBER, AT(audit_max_mb), 0, 1 << 20, "N",
     "then the audit log becomes FILE.1, and that goes; 0: no limit (256)"},
    {"signup", TEXT, AT(signup), 0, 0, "WHO", "may make accounts: off, local (from this machine) or open (off)"},
    {"max-sandboxes", NUMBER, AT(max_sandboxes), 0, 1000000, "N", "that live at once (1024)"},
    {"max-memory-mb", NUMBER, AT(max_memory_mb), 0, INT32_MAX, "N", "sum of what sandboxes asked for; 0: no limit (0)"},
    {"max-output-bytes", NUMBER, AT(max_output_bytes), 1, 1 << 30, "N", "kept of one command's output (67108864)"},
    {"max-held-mb", NUMBER, AT(held_max_mb), 0, INT32_MAX, "N",
     "of memory for all that callers send and get at once; 0: a quarter of the machine's (0)"},
    {"max-connections", NUMBER, AT(http.connections_max), 1, 100000, "N", "open at once (1024)"},
    {"max-body-bytes", NUMBER, AT(http.body_max), 1024, 1 << 30, "N", "of a JSON request (16777216)"},
    {"head-timeout-ms", NUMBER, AT(http.head_ms), 1, MS_MAX, "N", "for the whole head of a request (10000)"},
    {"body-timeout-ms", NUMBER, AT(http.body_ms), 1, MS_MAX, "N", "between two pieces of a body (30000)"},
    {"idle-timeout-ms", NUMBER, AT(http.idle_ms), 1, MS_MAX, "N", "between two requests (75000)"},
    {"write-timeout-ms", NUMBER, AT(http.write_ms), 1, MS_MAX, "N", "without progress of an answer (30000)"},
    {"linger-timeout-ms", NUMBER, AT(http.linger_ms), 1, MS_MAX, "N", "for clients that go on sending (2000)"},
    {"dial-timeout-ms", NUMBER, AT(proxy_dial_ms), 1, MS_MAX, "N",
     "for a port of a sandbox to be connected to (90000)"},
    {"answer-timeout-ms", NUMBER, AT(proxy_answer_ms), 1, MS_MAX, "N",
     "for a program in a sandbox to begin its answer to a request (300000)"},
    {"stop-grace-ms", NUMBER, AT(stop_grace_ms), 0, MS_MAX, "N", "for running requests when wrennd is to stop (5000)"},
    {"on-stop", TEXT, AT(on_stop), 0, 0, "WHAT",
     "after that destroy the sandboxes, or pause or keep them for the next start (destroy)"},
    {"adopt-timeout-sec", NUMBER, AT(adopt_timeout_sec), 0, 31536000, "N",
     "sandboxes wait for the next start, also after a crash; then they end (300)"},
    {"idle-exit", NUMBER, AT(idle_exit_sec), 0, 31536000, "SECONDS",
     "end after so long without a sandbox and a connection; 0: never (0)"},
    {"ready-fd", NUMBER, AT(ready_fd), 0, 1 << 20, "FD",
     "write the addresses there, one a line, once listening; close"},
    {"private-fd", NUMBER, AT(private_fd), 0, 1 << 20, "FD", "serve one process only, until it closes its end of FD"},
};

/* Of template build; flags only. */
static const option build_options[] = {
    {"mmdebstrap", TEXT, AT(plan.suite), 0, 0, "SUITE", "a minimal Debian or Ubuntu, by the program mmdebstrap"},
    {"include", TEXT, AT(plan.include), 0, 0, "PACKAGES", "that it has as well, with commas between them"},
    {"mirror", TEXT, AT(plan.mirror), 0, 0, "URL", "where its packages come from (as mmdebstrap has it)"},
    {"tar", TEXT, AT(plan.tar), 0, 0, "FILE", "an archive, plain or compressed; -: standard input"},
    {"dir", TEXT, AT(plan.dir), 0, 0, "DIR", "a copy of a directory"},
    {"oci", TEXT, AT(plan.oci), 0, 0, "DIR[:TAG]", "an image in a directory of the OCI's layout"},
    {"vcpus", NUMBER, AT(plan.vcpus), 0, INT32_MAX, "N", "of sandboxes that ask for none"},
    {"memory-mb", NUMBER, AT(plan.memory_mb), 0, INT32_MAX, "N", "of sandboxes that ask for none"},
    {"user", TEXT, AT(plan.user), 0, 0, "NAME[:GROUP]", "commands run as this user, not as root"},
    {"start", TEXT, AT(plan.start), 0, 0, "COMMAND", "for the shell of each sandbox, when it starts"},
    {"start-port", NUMBER, AT(plan.start_port), 0, 65535, "PORT", "start it with the first connection to that port"},
};

static const option *find_in(const option *table, size_t count, const char *name, size_t size) {
    for (size_t i = 0; i < count; i++)
        if (strlen(table[i].name) == size && memcmp(table[i].name, name, size) == 0) return &table[i];
    return NULL;
}

static const option *find_option(const char *name, size_t size) {
    return find_in(options, WRN_COUNT(options), name, size);
}

static void clear_list(wrn_list *list) {
    for (size_t i = 0; i < list->count; i++) free(list->items[i]);
    *list = (wrn_list){0};
}

static bool add_item(wrn_list *list, const char *text, size_t size, int source) {
    if (list->source != source) clear_list(list);
    if (list->count == WRN_LIST_MAX) return false;
    list->source = source;
    list->items[list->count] = strndup(text, size);
    return list->items[list->count++] != NULL;
}

static bool set(wrn_config *config, const option *o, const char *value, int source, char *why, size_t why_size) {
    char *slot = (char *)config + o->offset;
    if (o->kind == NUMBER) {
        if (wrn_parse_int(value, o->min, o->max, (int64_t *)slot)) return true;
        snprintf(why, why_size, "%s takes a number from %lld to %lld, not \"%s\"", o->name, (long long)o->min,
                 (long long)o->max, value);
        return false;
    }
    if (o->kind == TEXT) {
        char *copy = strdup(value);
        free(*(char **)slot);
        *(char **)slot = copy;
        return copy || (snprintf(why, why_size, "out of memory"), false);
    }
    for (const char *at = value; *at;) {
        at += strspn(at, ", ");
        size_t size = strcspn(at, ", ");
        if (size && !add_item((wrn_list *)slot, at, size, source)) {
            snprintf(why, why_size, "%s takes at most %d of them", o->name, WRN_LIST_MAX);
            return false;
        }
        at += size;
    }
    return true;
}

/* ---- the three sources ---- */

static char *trim(char *text) {
    text += strspn(text, " \t");
    size_t size = strlen(text);
    while (size && strchr(" \t\r\n", text[size - 1])) text[--size] = '\0';
    return text;
}

static bool read_line(wrn_config *config, const char *path, int number, char *line, char *why, size_t why_size) {
    char problem[256];
    char *name = trim(line);
    if (!*name || *name == '#') return true;
    char *equals = strchr(name, '=');
    if (!equals) {
        snprintf(why, why_size, "%s:%d: \"%s\" is not of the form name = value", path, number, name);
        return false;
    }
    *equals = '\0';
    name = trim(name);
    const option *o = find_option(name, strlen(name));
    if (!o || o->offset == AT(config_file)) {
        snprintf(why, why_size, "%s:%d: there is no option \"%s\"", path, number, name);
        return false;
    }
    if (set(config, o, trim(equals + 1), FROM_FILE, problem, sizeof(problem))) return true;
    snprintf(why, why_size, "%s:%d: %s", path, number, problem);
    return false;
}

static bool read_file(wrn_config *config, const char *path, char *why, size_t why_size) {
    FILE *file = fopen(path, "re");
    if (!file) return snprintf(why, why_size, "cannot read %s: %s", path, strerror(errno)), false;
    char *line = NULL;
    size_t capacity = 0;
    bool ok = true;
    for (int number = 1; ok && getline(&line, &capacity, file) >= 0; number++)
        ok = read_line(config, path, number, line, why, why_size);
    free(line);
    fclose(file);
    return ok;
}

static const char *environment_of(const option *o) {
    char name[64] = "WRENND_";
    size_t size = strlen(name);
    for (const char *c = o->name; *c && size + 1 < sizeof(name); c++)
        name[size++] = (char)(*c == '-' ? '_' : *c - 'a' + 'A');
    name[size] = '\0';
    const char *value = secure_getenv(name);
    return value && *value ? value : NULL;
}

static bool read_environment(wrn_config *config, char *why, size_t why_size) {
    char problem[256];
    for (size_t i = 0; i < WRN_COUNT(options); i++) {
        const char *value = environment_of(&options[i]);
        if (!value || set(config, &options[i], value, FROM_ENVIRONMENT, problem, sizeof(problem))) continue;
        snprintf(why, why_size, "from the environment: %s", problem);
        return false;
    }
    return true;
}

/* What follows "template". */
static bool read_template(wrn_config *config, const char *arg) {
    static const char *const verbs[] = {
        [WRN_TEMPLATE_BUILD] = "build", [WRN_TEMPLATE_LIST] = "list", [WRN_TEMPLATE_REMOVE] = "remove"};
    bool is_list = config->verb == WRN_TEMPLATE_LIST, is_build = config->verb == WRN_TEMPLATE_BUILD;
    if (strcmp(arg, "--json") == 0 && is_list) return config->json = true;
    if (strcmp(arg, "--replace") == 0 && is_build) return config->plan.replace = true;
    if (strcmp(arg, "--start-early") == 0 && is_build) return config->plan.start_early = true;
    if (*arg == '-') return false;
    for (size_t i = 1; i < WRN_COUNT(verbs) && !config->verb; i++)
        if (strcmp(arg, verbs[i]) == 0) return config->verb = (wrn_template_verb)i, true;
    if (!config->verb || is_list || config->plan.name) return false;
    config->plan.name = arg;
    return true;
}

/* What follows "key". */
static bool read_key(wrn_config *config, const char *arg) {
    if (*arg == '-') return false;
    if (!config->key_create) return config->key_create = strcmp(arg, "create") == 0;
    if (config->key_name) return false;
    config->key_name = arg;
    return true;
}

/* Words and switches; true when `arg` was one. */
static bool read_switch(wrn_config *config, const char *arg) {
    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) config->command = WRN_RUN_HELP;
    else if (strcmp(arg, "--version") == 0) config->command = WRN_RUN_VERSION;
    else if (strcmp(arg, "doctor") == 0 && config->command == WRN_RUN_SERVE) config->command = WRN_RUN_DOCTOR;
    else if (strcmp(arg, "--leaks") == 0 && config->command == WRN_RUN_DOCTOR) config->leaks = true;
    else if (strcmp(arg, "--json") == 0 && config->command == WRN_RUN_DOCTOR) config->json = true;
    else if (strcmp(arg, "template") == 0 && config->command == WRN_RUN_SERVE) config->command = WRN_RUN_TEMPLATE;
    else if (strcmp(arg, "key") == 0 && config->command == WRN_RUN_SERVE) config->command = WRN_RUN_KEY;
    else if (config->command == WRN_RUN_KEY) return read_key(config, arg);
    else return config->command == WRN_RUN_TEMPLATE && read_template(config, arg);
    return true;
}

/* `only`: takes that option and skips all others. */
static bool read_flags(wrn_config *config, int argc, char **argv, const char *only, char *why, size_t why_size) {
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i];
        if (read_switch(config, arg)) continue;
        const option *o = NULL;
        size_t size = strcspn(arg, "=");
        if (strncmp(arg, "--", 2) == 0) o = find_option(arg + 2, size - 2);
        if (!o && config->verb == WRN_TEMPLATE_BUILD && strncmp(arg, "--", 2) == 0)
            o = find_in(build_options, WRN_COUNT(build_options), arg + 2, size - 2);
        if (!o) return snprintf(why, why_size, "unknown argument \"%s\"; see wrennd --help", arg), false;
        const char *value = arg[size] ? arg + size + 1 : i + 1 < argc ? argv[++i] : NULL;
        if (!value) return snprintf(why, why_size, "%s needs a value", arg), false;
        if (only && strcmp(o->name, only) != 0) continue;
        if (!set(config, o, value, FROM_FLAG, why, why_size)) return false;
    }
    return true;
}

/* ---- the whole ---- */

/* NULL when it is unknown, or memory is short. */
static char *default_data_dir(void) {
    const char *state = secure_getenv("XDG_STATE_HOME"), *home = secure_getenv("HOME");
    char path[4096];
    if (geteuid() == 0) return strdup("/var/lib/wrennd");
    if (state && *state == '/') snprintf(path, sizeof(path), "%s/wrennd", state);
    else if (home && *home == '/') snprintf(path, sizeof(path), "%s/.local/state/wrennd", home);
    else return NULL;
    return strdup(path);
}

static bool set_data_dir(wrn_config *config, char *why, size_t why_size) {
    if (!config->data_dir) config->data_dir = default_data_dir();
    if (config->data_dir) return true;
    snprintf(why, why_size, "where to keep data is unknown, for HOME is not set; give --data-dir");
    return false;
}

/* A private server has a data directory of its own, but the templates that `wrennd template build` makes without flags.
 * `usual` is the data directory there; NULL when there is none. Whoever may not look there, as after a change of user
 * without one of HOME, has built none. */
static bool share_templates(wrn_config *config, const char *usual, char *why, size_t why_size) {
    wrn_buf path = WRN_BUF_INIT;
    if (config->private_fd < 0 || config->template_dir || !usual) return true;
    wrn_buf_printf(&path, "%s/templates", usual);
    if (!path.failed && access(path.data, R_OK | X_OK) != 0 && errno == EACCES) return wrn_buf_free(&path), true;
    config->template_dir = wrn_buf_steal(&path);
    return config->template_dir || (snprintf(why, why_size, "out of memory"), false);
}

static bool check_template(const wrn_config *config, char *why, size_t why_size) {
    const wrn_template_plan *plan = &config->plan;
    const char *problem = NULL;
    int sources = !!plan->suite + !!plan->tar + !!plan->dir + !!plan->oci;
    if (!config->verb) problem = "what to do with templates? build NAME, list or remove NAME; see wrennd --help";
    else if (config->verb != WRN_TEMPLATE_LIST && !plan->name) problem = "which template? give its name";
    else if (sources > 1) problem = "a template is built from one of --mmdebstrap, --tar, --dir and --oci";
    else if ((plan->include || plan->mirror) && !plan->suite) problem = "--include and --mirror go with --mmdebstrap";
    else if (plan->start_port && !plan->start) problem = "--start-port goes with --start";
    else if (plan->start_early && !plan->start_port) problem = "--start-early goes with --start-port";
    else if (!sources && (plan->start || plan->user || plan->vcpus || plan->memory_mb || plan->replace))
        problem = "what to build it from? give --mmdebstrap, --tar, --dir or --oci";
    return !problem || (snprintf(why, why_size, "%s", problem), false);
}

/* To a private server only its owner's processes get. */
static bool check_signup(wrn_config *config, char *why, size_t why_size) {
    static const char *const words[] = {
        [WRN_SIGNUP_OFF] = "off", [WRN_SIGNUP_LOCAL] = "local", [WRN_SIGNUP_OPEN] = "open"};
    config->who_signs_up = config->private_fd >= 0 ? WRN_SIGNUP_LOCAL : WRN_SIGNUP_OFF;
    for (size_t i = 0; config->signup && i < WRN_COUNT(words); i++)
        if (strcmp(config->signup, words[i]) == 0) return config->who_signs_up = (wrn_signup)i, true;
    return !config->signup ||
           (snprintf(why, why_size, "signup is off, local or open, not \"%s\"", config->signup), false);
}

static bool check(wrn_config *config, char *why, size_t why_size) {
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    static const char *const stops[] = {"destroy", "pause", "keep"};
    bool level_ok = !config->log_level, stop_ok = !config->on_stop;
    if (config->command == WRN_RUN_TEMPLATE && !check_template(config, why, why_size)) return false;
    if (config->command == WRN_RUN_KEY && !config->key_create)
        return snprintf(why, why_size, "what to do with keys? key create [NAME]; see wrennd --help"), false;
    for (size_t i = 0; i < WRN_COUNT(levels) && !level_ok; i++) level_ok = strcmp(config->log_level, levels[i]) == 0;
    if (!level_ok)
        return snprintf(why, why_size, "log-level is error, warning, info or debug, not \"%s\"", config->log_level),
               false;
    for (size_t i = 0; i < WRN_COUNT(stops) && !stop_ok; i++)
        if ((stop_ok = strcmp(config->on_stop, stops[i]) == 0)) config->stop = (wrn_stop)i;
    if (!stop_ok)
        return snprintf(why, why_size, "on-stop is destroy, pause or keep, not \"%s\"", config->on_stop), false;
    if (config->stop != WRN_STOP_DESTROY && !config->adopt_timeout_sec)
        return snprintf(why, why_size, "on-stop %s needs an adopt-timeout-sec above 0", config->on_stop), false;
    if (!check_signup(config, why, why_size)) return false;
    const char *format = config->log_format;
    if (format && strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
        return snprintf(why, why_size, "log-format is text or json, not \"%s\"", format), false;
    const char *frames = config->terminal_frames;
    if (frames && strcmp(frames, "text") != 0 && strcmp(frames, "binary") != 0)
        return snprintf(why, why_size, "terminal-frames is text or binary, not \"%s\"", frames), false;
    return true;
}

bool wrn_config_load(wrn_config *out, int argc, char **argv, char *why, size_t why_size) {
    *out = (wrn_config){.http = WRN_HTTP_CONFIG_DEFAULT,
                        .max_sandboxes = 1024,
                        .max_output_bytes = 64 << 20,
                        .stop_grace_ms = 5000,
                        .audit_max_mb = 256,
                        .proxy_dial_ms = 90000,
                        .proxy_answer_ms = 300000,
                        .adopt_timeout_sec = 300,
                        .private_fd = -1,
                        .ready_fd = -1};
    /* Which file comes from the later sources, so those are asked for it first. */
    const char *from_environment = secure_getenv("WRENND_CONFIG");
    if (from_environment && *from_environment) out->config_file = strdup(from_environment);
    if (!read_flags(out, argc, argv, "config", why, why_size)) return false;
    if (out->command == WRN_RUN_HELP || out->command == WRN_RUN_VERSION) return true;
    out->command = WRN_RUN_SERVE;
    out->verb = WRN_TEMPLATE_NOTHING;
    out->plan.name = NULL;
    out->key_create = false;
    out->key_name = NULL;
    if (out->config_file && !read_file(out, out->config_file, why, why_size)) return false;
    if (!read_environment(out, why, why_size)) return false;
    char *usual = out->data_dir ? strdup(out->data_dir) : default_data_dir();
    bool ok = read_flags(out, argc, argv, NULL, why, why_size) && share_templates(out, usual, why, why_size) &&
              set_data_dir(out, why, why_size) && check(out, why, why_size);
    free(usual);
    return ok;
}

static void free_texts(wrn_config *config, const option *table, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (table[i].kind == TEXT) free(*(char **)((char *)config + table[i].offset));
}

void wrn_config_free(wrn_config *config) {
    free_texts(config, options, WRN_COUNT(options));
    free_texts(config, build_options, WRN_COUNT(build_options));
    clear_list(&config->listen);
    clear_list(&config->allow_host);
    *config = (wrn_config){0};
}

static void describe_options(wrn_buf *out, const option *table, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char flag[64];
        snprintf(flag, sizeof(flag), "--%s %s", table[i].name, table[i].value);
        wrn_buf_printf(out, "  %-24s %s\n", flag, table[i].help);
    }
}

void wrn_config_help(wrn_buf *out) {
    wrn_buf_puts(
        out, "usage: wrennd [options]                  serve the Wrenn API on this machine\n"
             "       wrennd doctor [--json] [options]  what this machine can do, and what is missing\n"
             "       wrennd doctor --leaks [--json]    what earlier runs have left behind\n"
             "       wrennd template build NAME --mmdebstrap SUITE | --tar FILE | --dir DIR | --oci DIR[:TAG]\n"
             "                                         make a template with a root file system of its own\n"
             "       wrennd template build code-interpreter\n"
             "                                         make the templates that run code\n"
             "       wrennd template list [--json]     what templates there are\n"
             "       wrennd template remove NAME       no sandbox is made from it any more\n"
             "       wrennd key create [NAME]          print a new API key of the first account, for who has lost it\n"
             "\noptions:\n");
    describe_options(out, options, WRN_COUNT(options));
    wrn_buf_puts(out, "  --help, --version\n\noptions of template build:\n");
    describe_options(out, build_options, WRN_COUNT(build_options));
    wrn_buf_puts(out,
                 "  --start-early            start it with the sandbox all the same\n"
                 "  --replace                put it in the place of the template of that name\n\n"
                 "Every option of the first list also comes from the environment (WRENND_MAX_SANDBOXES for "
                 "--max-sandboxes) and\nfrom the file of --config; flags win over the environment, which wins over the "
                 "file.\n");
}
