#include "server/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "gate/policy.h"

typedef enum kind { TEXT, NUMBER, LIST, WORD } kind;
enum source { FROM_NOWHERE, FROM_FILE, FROM_ENVIRONMENT, FROM_FLAG };

typedef struct option {
    const char *name;
    kind kind;
    size_t offset;
    int64_t min, max;
    const char *value, *help;
    const char *words; /* of a WORD, whose value is the index */
} option;

#define AT(member) offsetof(wrn_config, member)
#define MS_MAX 86400000

static const option options[] = {
    {"data-dir", TEXT, AT(data_dir), 0, 0, "DIR",
     "accounts, keys and sandboxes (/var/lib/wrennd; ~/.local/state/wrennd)"},
    {"listen", LIST, AT(listen), 0, 0, "ADDRESS", "IP:PORT or unix:/path, may be repeated (127.0.0.1:8080)"},
    {"allow-host", LIST, AT(allow_host), 0, 0, "NAME",
     "by which browsers may address this server, beside localhost and the addresses above; may be repeated"},
    {"config", TEXT, AT(config_file), 0, 0, "FILE", "more of these options, as lines of name = value"},
    {"agent", TEXT, AT(agent), 0, 0, "PATH", "the wrenn-agent program (beside wrennd, then ../libexec/wrenn)"},
    {"gate", TEXT, AT(gate), 0, 0, "PATH", "the wrenn-gate program (like --agent)"},
    {"gate-tls", TEXT, AT(gate_tls), 0, 0, "PATH", "the wrenn-gate-tls program (like --agent)"},
    {"template-dir", TEXT, AT(template_dir), 0, 0, "DIR",
     "templates built by the operator (DATA-DIR/templates; with --private-fd of the usual DATA-DIR)"},
    {"vm-dir", TEXT, AT(vm_dir), 0, 0, "DIR", "what wrennd vm setup makes (DATA-DIR/vm; like --template-dir)"},
    {"vm-warm", NUMBER, AT(vm_warm), 0, 1024, "N",
     "virtual machines that are kept for copies, one for each template and size, with and without a network; 0: all boot (4)"},
    {"vm-pool", NUMBER, AT(vm_pool), 0, 1024, "N",
     "virtual machines that are made ahead of their use, like the last one (0)"},
    {"vm-hibernate-after-sec", NUMBER, AT(vm_hibernate_after_sec), 0, 31536000, "N",
     "after so long the memory of a paused virtual machine goes to the disk; 0: never (600)"},
    {"isolation", WORD, AT(isolation), 0, 0, "LEVEL", "of sandboxes that ask for none, at least: " WRN_LEVELS " (any)",
     WRN_LEVELS},
    {"cgroup-parent", TEXT, AT(cgroup_parent), 0, 0, "PATH", "the cgroup to make sandboxes in (detected)"},
    {"log-level", WORD, AT(log_level), 0, 0, "LEVEL", "error, warning, info or debug (info)",
     "error, warning, info or debug"},
    {"log-format", WORD, AT(log_json), 0, 0, "FORMAT", "text or json (text)", "text or json"},
    {"terminal-frames", WORD, AT(terminal_frames), 0, 0, "KIND",
     "text or binary: output of terminals until their client has sent a binary frame (text)", "text or binary"},
    {"audit-log", TEXT, AT(audit_log), 0, 0, "FILE", "who asked for what (DATA-DIR/audit.log); none: no log"},
    {"audit-log-max-mb", NUMBER, AT(audit_max_mb), 0, 1 << 20, "N",
     "then the audit log is renamed to FILE.1, which is replaced; 0: no limit (256)"},
    {"signup", WORD, AT(signup), 0, 0, "WHO", "may make accounts: off, local (from this machine) or open (off)",
     "off, local or open"},
    {"max-sandboxes", NUMBER, AT(max_sandboxes), 0, 1000000, "N", "that live at once (1024)"},
    {"max-memory-mb", NUMBER, AT(max_memory_mb), 0, INT32_MAX, "N", "sum of what sandboxes asked for; 0: no limit (0)"},
    {"max-output-bytes", NUMBER, AT(max_output_bytes), 1, 1 << 30, "N", "kept of one command's output (67108864)"},
    {"max-held-mb", NUMBER, AT(held_max_mb), 0, INT32_MAX, "N",
     "of memory for requests and answers under way; 0: a quarter of the machine's (0)"},
    {"max-connections", NUMBER, AT(http.connections_max), 1, 100000, "N", "open at once (1024)"},
    {"max-body-bytes", NUMBER, AT(http.body_max), 1024, 1 << 30, "N", "of a JSON request (16777216)"},
    {"head-timeout-ms", NUMBER, AT(http.head_ms), 1, MS_MAX, "N", "for the whole head of a request (10000)"},
    {"body-timeout-ms", NUMBER, AT(http.body_ms), 1, MS_MAX, "N", "between two parts of a body (30000)"},
    {"idle-timeout-ms", NUMBER, AT(http.idle_ms), 1, MS_MAX, "N", "between two requests (75000)"},
    {"write-timeout-ms", NUMBER, AT(http.write_ms), 1, MS_MAX, "N", "without progress of an answer (30000)"},
    {"linger-timeout-ms", NUMBER, AT(http.linger_ms), 1, MS_MAX, "N", "for clients that go on sending (2000)"},
    {"dial-timeout-ms", NUMBER, AT(proxy_dial_ms), 1, MS_MAX, "N",
     "for a port of a sandbox to be connected to (90000)"},
    {"answer-timeout-ms", NUMBER, AT(proxy_answer_ms), 1, MS_MAX, "N",
     "for a program in a sandbox to begin its answer to a request (300000)"},
    {"stop-grace-ms", NUMBER, AT(stop_grace_ms), 0, MS_MAX, "N", "for running requests when wrennd is to stop (5000)"},
    {"on-stop", WORD, AT(on_stop), 0, 0, "WHAT",
     "after that destroy the sandboxes, or pause or keep them for the next start (destroy)", "destroy, pause or keep"},
    {"adopt-timeout-sec", NUMBER, AT(adopt_timeout_sec), 0, 31536000, "N",
     "sandboxes wait for the next start, also after a crash; then they end (300)"},
    {"egress-default", WORD, AT(egress_default), 0, 0, "WHAT",
     "sandboxes that ask for nothing reach: none, allowlist (what is allowed later) or public (none)",
     "none, allowlist or public"},
    {"egress-max", WORD, AT(egress_max), 0, 0, "WHAT",
     "sandboxes get at most: none, allowlist (what they name, also *; egress-deny narrows that) or public (public)",
     "none, allowlist or public"},
    {"egress-deny", LIST, AT(egress_deny), 0, 0, "RULE",
     "no sandbox reaches that: NAME, *.NAME or CIDR, with :PORT; may be repeated"},
    {"egress-private", LIST, AT(egress_private), 0, 0, "CIDR[:PORT]",
     "private addresses that policies may name, and no public ones; may be repeated"},
    {"egress-dns", LIST, AT(egress_dns), 0, 0, "IP",
     "a name server for sandboxes; may be repeated (those of this machine)"},
    {"egress-proxy", TEXT, AT(egress_proxy), 0, 0, "URL",
     "an HTTP proxy for all connections of sandboxes: http://[USER:PASSWORD@]HOST:PORT"},
    {"egress-connections", NUMBER, AT(egress_connections), 1, 4096, "N", "of a sandbox to outside, at once (512)"},
    {"egress-ca", TEXT, AT(egress_ca), 0, 0, "FILE",
     "certificates in PEM to trust, beside this machine's, where headers are added for sandboxes"},
    {"egress-rate", NUMBER, AT(egress_rate), 1, 1000000, "N",
     "new ones of a sandbox each second; four times as many at once (500)"},
    {"egress-smtp", WORD, AT(egress_smtp), 0, 0, "WHAT",
     "whether policies can allow port 25, by which mail leaves: off or on (off)", "off or on"},
    {"idle-exit", NUMBER, AT(idle_exit_sec), 0, 31536000, "SECONDS",
     "end after so long without a sandbox and a connection; 0: never (0)"},
    {"ready-fd", NUMBER, AT(ready_fd), 0, 1 << 20, "FD",
     "write the addresses there, one a line, once listening; close"},
    {"private-fd", NUMBER, AT(private_fd), 0, 1 << 20, "FD", "serve one process only, until it closes its end of FD"},
};

/* Of `template build`; these are flags only. */
static const option build_options[] = {
    {"mmdebstrap", TEXT, AT(plan.suite), 0, 0, "SUITE", "a minimal Debian or Ubuntu, by the program mmdebstrap"},
    {"include", TEXT, AT(plan.include), 0, 0, "PACKAGES", "to install as well, separated by commas"},
    {"mirror", TEXT, AT(plan.mirror), 0, 0, "URL", "where its packages come from (mmdebstrap's default)"},
    {"tar", TEXT, AT(plan.tar), 0, 0, "FILE", "an archive, plain or compressed; -: standard input"},
    {"dir", TEXT, AT(plan.dir), 0, 0, "DIR", "a copy of a directory"},
    {"oci", TEXT, AT(plan.oci), 0, 0, "DIR[:TAG]", "an image in a directory with an OCI layout"},
    {"vcpus", NUMBER, AT(plan.vcpus), 0, INT32_MAX, "N", "of sandboxes that request none"},
    {"memory-mb", NUMBER, AT(plan.memory_mb), 0, INT32_MAX, "N", "of sandboxes that request none"},
    {"user", TEXT, AT(plan.user), 0, 0, "NAME[:GROUP]", "commands run as this user, not as root"},
    {"isolation", WORD, AT(plan.level), 0, 0, "LEVEL", "of its sandboxes, at least: " WRN_LEVELS " (any)", WRN_LEVELS},
    {"start", TEXT, AT(plan.start), 0, 0, "COMMAND", "run by the shell of each sandbox when it starts"},
    {"start-port", NUMBER, AT(plan.start_port), 0, 65535, "PORT", "run it at the first connection to that port"},
};

/* Of `vm setup`; these are flags only. */
static const option setup_options[] = {
    {"kernel", TEXT, AT(setup.kernel), 0, 0, "FILE",
     "the package of a Linux kernel, or a directory with its files (linux-image-cloud-amd64, by apt-get)"},
    {"image", TEXT, AT(setup.image), 0, 0, "FILE",
     "root file system of virtual machines: an archive, or a directory (Debian, by mmdebstrap)"},
    {"mirror", TEXT, AT(setup.mirror), 0, 0, "URL", "where the packages for that come from (mmdebstrap's default)"},
};

static const option *find_in(const option *table, size_t count, const char *name, size_t size) {
    for (size_t i = 0; i < count; i++)
        if (strlen(table[i].name) == size && memcmp(table[i].name, name, size) == 0) return &table[i];
    return NULL;
}

/* The index of `value` in words such as "off, local or open"; -1: it is none of them. */
static int64_t config_index_of(const char *words, const char *value) {
    size_t size = strlen(value);
    for (int64_t i = 0; *words; i++) {
        size_t word = strcspn(words, ", ");
        if (word == size && memcmp(words, value, size) == 0) return i;
        words += word + strspn(words + word, ", ");
        if (strncmp(words, "or ", 3) == 0) words += 3;
    }
    return -1;
}

static void clear_list(wrn_list *list) {
    for (size_t i = 0; i < list->count; i++) free(list->items[i]);
    *list = (wrn_list){0};
}

static bool add_item(wrn_list *list, const char *text, size_t size, int source) {
    if (list->source != source) clear_list(list);
    if (list->count == WRN_LIST_MAX) return false;
    list->source = source;
    list->items[list->count++] = strndup(text, size);
    return true;
}

static bool set_option(wrn_config *config, const option *o, const char *value, int source, wrn_why *why) {
    char *slot = (char *)config + o->offset;
    if (o->kind == NUMBER) {
        if (wrn_parse_int(value, o->min, o->max, (int64_t *)slot)) return true;
        return wrn_why_set(why, "%s takes a number from %lld to %lld, not \"%s\"", o->name, (long long)o->min,
                           (long long)o->max, value);
    }
    if (o->kind == WORD) {
        int64_t index = config_index_of(o->words, value);
        if (index < 0) return wrn_why_set(why, "%s is %s, not \"%s\"", o->name, o->words, value);
        *(int64_t *)slot = index;
        return true;
    }
    if (o->kind == TEXT) {
        free(*(char **)slot);
        *(char **)slot = strdup(value);
        return true;
    }
    for (const char *at = value; *at;) {
        at += strspn(at, ", ");
        size_t size = strcspn(at, ", ");
        if (size && !add_item((wrn_list *)slot, at, size, source))
            return wrn_why_set(why, "%s takes at most %d values", o->name, WRN_LIST_MAX);
        at += size;
    }
    return true;
}

/* ---- the three sources ---- */

static char *config_trim(char *text) {
    text += strspn(text, " \t");
    size_t size = strlen(text);
    while (size && strchr(" \t\r\n", text[size - 1])) text[--size] = '\0';
    return text;
}

static bool read_line(wrn_config *config, const char *path, int number, char *line, wrn_why *why) {
    wrn_why problem = {""};
    char *name = config_trim(line);
    if (!*name || *name == '#') return true;
    char *equals = strchr(name, '=');
    if (!equals) return wrn_why_set(why, "%s:%d: \"%s\" is not of the form name = value", path, number, name);
    *equals = '\0';
    name = config_trim(name);
    const option *o = find_in(options, WRN_COUNT(options), name, strlen(name));
    if (!o || o->offset == AT(config_file))
        return wrn_why_set(why, "%s:%d: there is no option \"%s\"", path, number, name);
    if (set_option(config, o, config_trim(equals + 1), FROM_FILE, &problem)) return true;
    return wrn_why_set(why, "%s:%d: %s", path, number, problem.text);
}

static bool read_file(wrn_config *config, const char *path, wrn_why *why) {
    FILE *file = fopen(path, "re");
    if (!file) return wrn_why_set(why, "cannot read %s: %s", path, strerror(errno));
    char *line = NULL;
    size_t capacity = 0;
    bool ok = true;
    for (int number = 1; ok && getline(&line, &capacity, file) >= 0; number++)
        ok = read_line(config, path, number, line, why);
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

static bool read_environment(wrn_config *config, wrn_why *why) {
    wrn_why problem = {""};
    for (size_t i = 0; i < WRN_COUNT(options); i++) {
        const char *value = environment_of(&options[i]);
        if (!value || set_option(config, &options[i], value, FROM_ENVIRONMENT, &problem)) continue;
        return wrn_why_set(why, "from the environment: %s", problem.text);
    }
    return true;
}

/* Switches, each of one command; of template also of one verb. */
static const struct {
    const char *arg;
    size_t offset; /* of a bool */
    wrn_run_command command;
    wrn_template_verb verb;
} switches[] = {
    {"--leaks", AT(leaks), WRN_RUN_DOCTOR, WRN_TEMPLATE_NOTHING},
    {"--json", AT(json), WRN_RUN_DOCTOR, WRN_TEMPLATE_NOTHING},
    {"--json", AT(json), WRN_RUN_TEMPLATE, WRN_TEMPLATE_LIST},
    {"--replace", AT(plan.replace), WRN_RUN_TEMPLATE, WRN_TEMPLATE_BUILD},
    {"--start-early", AT(plan.start_early), WRN_RUN_TEMPLATE, WRN_TEMPLATE_BUILD},
};

static bool read_word(wrn_config *config, const char *arg) {
    static const char *const commands[] = {
        [WRN_RUN_DOCTOR] = "doctor", [WRN_RUN_TEMPLATE] = "template", [WRN_RUN_KEY] = "key", [WRN_RUN_VM] = "vm"};
    static const char *const verbs[] = {
        [WRN_TEMPLATE_BUILD] = "build", [WRN_TEMPLATE_LIST] = "list", [WRN_TEMPLATE_REMOVE] = "remove"};
    if (config->command == WRN_RUN_SERVE) {
        for (size_t i = WRN_RUN_DOCTOR; i < WRN_COUNT(commands); i++)
            if (strcmp(arg, commands[i]) == 0) return config->command = (wrn_run_command)i, true;
    } else if (config->command == WRN_RUN_TEMPLATE && !config->verb) {
        for (size_t i = WRN_TEMPLATE_BUILD; i < WRN_COUNT(verbs); i++)
            if (strcmp(arg, verbs[i]) == 0) return config->verb = (wrn_template_verb)i, true;
    } else if (config->command == WRN_RUN_TEMPLATE && config->verb != WRN_TEMPLATE_LIST && !config->plan.name) {
        return config->plan.name = arg, true;
    } else if (config->command == WRN_RUN_KEY && !config->key_create) {
        return config->key_create = strcmp(arg, "create") == 0;
    } else if (config->command == WRN_RUN_KEY && !config->key_name) {
        return config->key_name = arg, true;
    } else if (config->command == WRN_RUN_VM && !config->vm_setup) {
        return config->vm_setup = strcmp(arg, "setup") == 0;
    }
    return false;
}

/* Reads what is not an option with a value; false when `arg` is one. */
static bool read_switch(wrn_config *config, const char *arg) {
    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) return config->command = WRN_RUN_HELP, true;
    if (strcmp(arg, "--version") == 0) return config->command = WRN_RUN_VERSION, true;
    for (size_t i = 0; i < WRN_COUNT(switches); i++)
        if (strcmp(arg, switches[i].arg) == 0 && config->command == switches[i].command &&
            config->verb == switches[i].verb)
            return *(bool *)((char *)config + switches[i].offset) = true;
    return *arg != '-' && read_word(config, arg);
}

/* `only` not NULL: reads that option and skips all others. */
static bool read_flags(wrn_config *config, int argc, char **argv, const char *only, wrn_why *why) {
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i];
        if (read_switch(config, arg)) continue;
        const option *o = NULL;
        size_t size = strcspn(arg, "=");
        bool is_flag = strncmp(arg, "--", 2) == 0;
        if (is_flag) o = find_in(options, WRN_COUNT(options), arg + 2, size - 2);
        if (is_flag && !o && config->verb == WRN_TEMPLATE_BUILD)
            o = find_in(build_options, WRN_COUNT(build_options), arg + 2, size - 2);
        if (is_flag && !o && config->vm_setup) o = find_in(setup_options, WRN_COUNT(setup_options), arg + 2, size - 2);
        if (!o) return wrn_why_set(why, "unknown argument \"%s\"; see wrennd --help", arg);
        const char *value = arg[size] ? arg + size + 1 : i + 1 < argc ? argv[++i] : NULL;
        if (!value) return wrn_why_set(why, "%s needs a value", arg);
        if (only && strcmp(o->name, only) != 0) continue;
        if (!set_option(config, o, value, FROM_FLAG, why)) return false;
    }
    return true;
}

/* ---- the whole ---- */

/* NULL when it is unknown. */
static char *default_data_dir(void) {
    const char *state = secure_getenv("XDG_STATE_HOME"), *home = secure_getenv("HOME");
    char path[4096];
    if (geteuid() == 0) return strdup("/var/lib/wrennd");
    if (state && *state == '/') snprintf(path, sizeof(path), "%s/wrennd", state);
    else if (home && *home == '/') snprintf(path, sizeof(path), "%s/.local/state/wrennd", home);
    else return NULL;
    return strdup(path);
}

static bool set_data_dir(wrn_config *config, wrn_why *why) {
    if (!config->data_dir) config->data_dir = default_data_dir();
    if (config->data_dir) return true;
    return wrn_why_set(why, "HOME is not set, so there is no default data directory; give --data-dir");
}

/* NULL: whoever asks may not look there. */
static char *shared_dir(const char *usual, const char *name) {
    wrn_buf path = WRN_BUF_INIT;
    wrn_buf_printf(&path, "%s/%s", usual, name);
    if (access(path.data, R_OK | X_OK) != 0 && errno == EACCES) wrn_buf_free(&path);
    return wrn_buf_steal(&path);
}

/* A private server has its own data directory, but shares the templates that `wrennd template build` makes without flags, and
 * what `wrennd vm setup` does. `usual` is the data directory of that; NULL: none. A user who may not read it, as after a change
 * of user without a change of HOME, has built none. */
static void share_dirs(wrn_config *config, const char *usual) {
    if (config->private_fd < 0 || !usual) return;
    if (!config->template_dir) config->template_dir = shared_dir(usual, "templates");
    if (!config->vm_dir) config->vm_dir = shared_dir(usual, "vm");
}

static bool check_template(const wrn_config *config, wrn_why *why) {
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
    return !problem || wrn_why_set(why, "%s", problem);
}

/* only_private: not names or anything public. */
static bool check_rules(const char *name, const wrn_list *rules, bool only_private, wrn_why *why) {
    wrn_rule rule;
    char reason[200];
    for (size_t i = 0; i < rules->count; i++) {
        if (!wrn_rule_parse(rules->items[i], &rule, reason, sizeof(reason)))
            return wrn_why_set(why, "%s \"%s\": %s", name, rules->items[i], reason);
        if (only_private && rule.is_name)
            return wrn_why_set(why, "%s takes addresses, not \"%s\"", name, rules->items[i]);
        if (only_private && wrn_rule_reach(&rule) == WRN_REACH_NEVER)
            return wrn_why_set(why, "%s: \"%s\" is never allowed", name, rules->items[i]);
        if (only_private && wrn_rule_reach(&rule) == WRN_REACH_PUBLIC)
            return wrn_why_set(
                why,
                "%s: \"%s\" has public addresses, which need no opening; name private ranges only, such as 10.0.0.0/8",
                name, rules->items[i]);
    }
    return true;
}

static bool check_servers(const wrn_list *servers, wrn_why *why) {
    enum { SERVERS_MAX = 4 };
    unsigned char address[16];
    if (servers->count > SERVERS_MAX) return wrn_why_set(why, "egress-dns takes at most %d addresses", SERVERS_MAX);
    for (size_t i = 0; i < servers->count; i++)
        if (inet_pton(AF_INET, servers->items[i], address) != 1 && inet_pton(AF_INET6, servers->items[i], address) != 1)
            return wrn_why_set(why, "egress-dns takes addresses, not \"%s\"", servers->items[i]);
    return true;
}

/* Without one, each connection with a secret would fail, and only the log would say why. */
static bool check_authorities(const char *path, wrn_why *why) {
    char line[256];
    bool found = false;
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!path) return true;
    if (!file) return wrn_why_set(why, "cannot read the egress-ca %s: %s", path, strerror(errno));
    while (!found && fgets(line, sizeof(line), file)) found = strncmp(line, "-----BEGIN ", 11) == 0;
    fclose(file);
    return found || wrn_why_set(why, "there are no certificates (PEM) in the egress-ca %s", path);
}

static bool check_config(wrn_config *config, wrn_why *why) {
    bool private = config->private_fd >= 0;
    if (config->command == WRN_RUN_TEMPLATE && !check_template(config, why)) return false;
    if (config->command == WRN_RUN_KEY && !config->key_create)
        return wrn_why_set(why, "what to do with keys? key create [NAME]; see wrennd --help");
    if (config->command == WRN_RUN_VM && !config->vm_setup)
        return wrn_why_set(why, "what to do with virtual machines? vm setup; see wrennd --help");
    if (config->on_stop != WRN_STOP_DESTROY && !config->adopt_timeout_sec)
        return wrn_why_set(why, "on-stop %s needs an adopt-timeout-sec above 0",
                           config->on_stop == WRN_STOP_KEEP ? "keep" : "pause");
    if (config->egress_default > config->egress_max)
        return wrn_why_set(why, "egress-default allows more than egress-max");
    if (!check_rules("egress-deny", &config->egress_deny, false, why) ||
        !check_rules("egress-private", &config->egress_private, true, why) || !check_servers(&config->egress_dns, why))
        return false;
    if (!check_authorities(config->egress_ca, why)) return false;
    if (config->egress_proxy && !wrn_upstream_read(config->egress_proxy, &config->proxy, why)) return false;
    if (config->log_level < 0 && !private) config->log_level = WRN_LOG_INFO;
    if (config->signup < 0) config->signup = private ? WRN_SIGNUP_LOCAL : WRN_SIGNUP_OFF;
    return true;
}

bool wrn_config_load(wrn_config *out, int argc, char **argv, wrn_why *why) {
    *out = (wrn_config){.http = WRN_HTTP_CONFIG_DEFAULT,
                        .max_sandboxes = 1024,
                        .max_output_bytes = 64 << 20,
                        .stop_grace_ms = 5000,
                        .audit_max_mb = 256,
                        .proxy_dial_ms = 90000,
                        .proxy_answer_ms = 300000,
                        .adopt_timeout_sec = 300,
                        .vm_warm = 4,
                        .vm_hibernate_after_sec = 600,
                        .egress_max = WRN_EGRESS_PUBLIC,
                        .egress_connections = 512,
                        .egress_rate = 500,
                        .log_level = -1,
                        .signup = -1,
                        .private_fd = -1,
                        .ready_fd = -1};
    /* The later sources name the file, so they are read for that first. */
    const char *from_environment = secure_getenv("WRENND_CONFIG");
    if (from_environment && *from_environment) out->config_file = strdup(from_environment);
    if (!read_flags(out, argc, argv, "config", why)) return false;
    if (out->command == WRN_RUN_HELP || out->command == WRN_RUN_VERSION) return true;
    out->command = WRN_RUN_SERVE;
    out->verb = WRN_TEMPLATE_NOTHING;
    out->plan.name = NULL;
    out->key_create = false;
    out->key_name = NULL;
    out->vm_setup = false;
    if (out->config_file && !read_file(out, out->config_file, why)) return false;
    if (!read_environment(out, why)) return false;
    char *usual = out->data_dir ? strdup(out->data_dir) : default_data_dir();
    bool ok = read_flags(out, argc, argv, NULL, why);
    if (ok) share_dirs(out, usual);
    free(usual);
    return ok && set_data_dir(out, why) && check_config(out, why);
}

static void free_texts(wrn_config *config, const option *table, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (table[i].kind == TEXT) free(*(char **)((char *)config + table[i].offset));
}

void wrn_config_free(wrn_config *config) {
    free_texts(config, options, WRN_COUNT(options));
    free_texts(config, build_options, WRN_COUNT(build_options));
    free_texts(config, setup_options, WRN_COUNT(setup_options));
    wrn_list *const lists[] = {&config->listen, &config->allow_host, &config->egress_deny, &config->egress_private,
                               &config->egress_dns};
    for (size_t i = 0; i < WRN_COUNT(lists); i++) clear_list(lists[i]);
    wrn_upstream_free(&config->proxy);
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
    wrn_buf_puts(out,
                 "usage: wrennd [options]                  serve the Wrenn API on this machine\n"
                 "       wrennd doctor [--json] [options]  what this machine can do, and what is missing\n"
                 "       wrennd doctor --leaks [--json]    what earlier runs have left behind\n"
                 "       wrennd template build NAME --mmdebstrap SUITE | --tar FILE | --dir DIR | --oci DIR[:TAG]\n"
                 "                                         make a template with a root file system of its own\n"
                 "       wrennd template build code-interpreter\n"
                 "                                         make the templates that run code\n"
                 "       wrennd template list [--json]     what templates there are\n"
                 "       wrennd template remove NAME       remove a template; its sandboxes go on\n"
                 "       wrennd vm setup                   get what sandboxes with a kernel of their own need\n"
                 "       wrennd key create [NAME]          print a new API key of the first account\n"
                 "\noptions:\n");
    describe_options(out, options, WRN_COUNT(options));
    wrn_buf_puts(out, "  --help, --version\n\noptions of template build:\n");
    describe_options(out, build_options, WRN_COUNT(build_options));
    wrn_buf_puts(out, "  --start-early            run the command of --start-port also when the sandbox starts\n"
                      "  --replace                replace the template of that name\n\noptions of vm setup:\n");
    describe_options(out, setup_options, WRN_COUNT(setup_options));
    wrn_buf_puts(out,
                 "\n"
                 "Every option of the first list also comes from the environment (WRENND_MAX_SANDBOXES for "
                 "--max-sandboxes) and\nfrom the file of --config; flags win over the environment, which wins over the "
                 "file.\n");
}
