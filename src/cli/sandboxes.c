/* Sandboxes: making them, finding them by what people type, showing them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

enum { LEASE_SECONDS = 30 };

/* ---- finding ---- */

wrenn_sandbox_list *cli_sandboxes(cli_app *cli) {
    wrenn_sandbox_list *list = NULL;
    if (!CLI_GET(cli, NULL, wrenn_sandboxes_list, (cli->client, NULL), &list)) return NULL;
    return list;
}

bool cli_each_sandbox(cli_app *cli, const cli_list *labels, const char *status, const char *template_name,
                      cli_sandbox_fn each, void *context) {
    enum { PAGE = 1000 };
    wrenn_sandboxes_query_options options = WRENN_SANDBOXES_QUERY_OPTIONS_INIT;
    wrenn_sandbox_list *page = NULL, *before;
    options.labels = labels->items;
    options.status = status;
    options.template_name = template_name;
    options.limit = PAGE;
    do {
        before = WRN_TAKE(page);
        bool ok = CLI_GET(cli, NULL, wrenn_sandboxes_query, (cli->client, &options), &page);
        wrenn_sandbox_list_free(before);
        if (!ok) return false;
        for (size_t i = 0; i < page->items_count && !cli->signal; i++) each(context, page->items[i]);
        options.after = page->next;
    } while (options.after && !cli->signal);
    wrenn_sandbox_list_free(page);
    return !cli->signal;
}

const char *cli_pair(const wrenn_pair *const *pairs, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(pairs[i]->key, name) == 0) return pairs[i]->value;
    return NULL;
}

const char *cli_label(const wrenn_sandbox_info *info, const char *name) {
    return cli_pair(info->metadata, info->metadata_count, name);
}

static bool is_whole_id(const char *word) {
    enum { ID_DIGITS = 25 };
    return cli_is_whole_id(word, "cl-", ID_DIGITS) || cli_is_whole_id(word, "sb-", ID_DIGITS);
}

/* The ids of the newest two that match, by name or by the start of their id; false: reported. */
static bool match(cli_app *cli, const char *word, bool by_name, char ids[2][64]) {
    wrenn_sandboxes_query_options options = WRENN_SANDBOXES_QUERY_OPTIONS_INIT;
    WRN_AUTO(wrn_buf_free) wrn_buf label = WRN_BUF_INIT;
    wrenn_sandbox_list *list = NULL;
    wrenn_error *error = NULL;
    wrn_buf_printf(&label, "name=%s", word);
    const char *const labels[] = {label.data, NULL};
    if (label.failed) return cli_complain("out of memory"), false;
    options.labels = by_name ? labels : NULL;
    options.id_prefix = by_name ? NULL : word;
    options.limit = 2;
    int rc = CLI_TRY_GET(cli, &error, wrenn_sandboxes_query, (cli->client, &options), &list);
    *ids[0] = *ids[1] = '\0';
    /* What can be no label is nobody's name. */
    if (rc == WRENN_E_VALIDATION) return wrenn_error_free(error), true;
    if (!cli_settle(cli, NULL, rc, error)) return false;
    for (size_t i = 0; list && i < list->items_count && i < 2; i++)
        snprintf(ids[i], sizeof(ids[i]), "%s", list->items[i]->id);
    wrenn_sandbox_list_free(list);
    return true;
}

static void say_none(cli_app *cli, const char *word) {
    const char *best = NULL, *colon = strchr(word, ':');
    if (colon) { /* as cp has it */
        cli_complain("no sandbox '%s': write the path as a word of its own, as in '%.*s %s'", word, (int)(colon - word),
                     word, colon[1] ? colon + 1 : "~");
        return;
    }
    wrenn_sandbox_list *list = cli_sandboxes(cli);
    for (size_t i = 0; list && i < list->items_count; i++) {
        const char *name = cli_label(list->items[i], "name");
        if (name) cli_suggest(word, name, &best);
    }
    if (list) cli_say_none(CLI_WORD_SANDBOX, word, best);
    wrenn_sandbox_list_free(list);
}

/* The only sandbox that is meant; false: reported. A name goes before the start of an id. The server looks for both: there
 * may be many sandboxes. */
static bool find(cli_app *cli, const char *word, char ids[2][64]) {
    if (!*word) return cli_complain("the name of a sandbox is empty"), false;
    if (!match(cli, word, true, ids) || (!*ids[0] && !match(cli, word, false, ids))) return false;
    if (!*ids[0]) return say_none(cli, word), false;
    if (*ids[1]) cli_complain("'%s' may be %s or %s: type more of the id", word, ids[0], ids[1]);
    return !*ids[1];
}

wrenn_sandbox *cli_sandbox(cli_app *cli, const char *word) {
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    char ids[2][64];
    if (!is_whole_id(word) && !find(cli, word, ids)) return NULL;
    if (wrenn_sandbox_from_id(cli->client, is_whole_id(word) ? word : ids[0], &sandbox, &error) < 0)
        cli_report(word, error);
    return sandbox;
}

char *cli_id_of(wrenn_sandbox *sandbox, bool ok) {
    char *id = ok ? strdup(wrenn_sandbox_id(sandbox)) : NULL;
    if (ok && !id) cli_complain("out of memory");
    wrenn_sandbox_free(sandbox);
    return id;
}

/* ---- making ---- */

const char **cli_all_labels(const cli_list *labels, const char *name, char **own) {
    const char **all = calloc(labels->count + 2, sizeof(*all));
    size_t count = 0;
    if (!all) return cli_complain("out of memory"), NULL;
    if (name && asprintf(own, "name=%s", name) >= 0) all[count++] = *own;
    for (size_t i = 0; i < labels->count; i++) all[count++] = labels->items[i];
    return all;
}

static int64_t isolation_of(const char *text) {
    return !text || strcmp(text, "any") == 0 ? 0
           : strcmp(text, "vm") == 0         ? WRENN_ISOLATION_VM
                                             : WRENN_ISOLATION_NAMESPACE;
}

/* What could not be given instead of an id, least of all to cp. */
bool cli_check_name(const cli_app *cli, const char *option, const char *name) {
    if (!name || (*name && *name != '-' && !strpbrk(name, ":/") && !is_whole_id(name))) return true;
    cli_usage(cli, "%s '%s' can't be used: it must not be empty or an id, begin with '-', or have ':' or '/' in it",
              option, name);
    return false;
}

bool cli_check_creation(const cli_app *cli, const cli_creation *creation, const char *keeps) {
    if (keeps && creation->dies_with_us)
        return cli_usage(cli, "%s keeps the sandbox, --die-with-me does not", keeps), false;
    if (creation->lease_seconds && !creation->dies_with_us)
        return cli_usage(cli, "--lease is for --die-with-me: give that, too"), false;
    return cli_check_name(cli, "--name", creation->name) && cli_check_network(cli, &creation->network);
}

static bool is_unenforced(const char *limit) { return limit && strcmp(limit, "unenforced") == 0; }

/* Whoever asks for limits shall know when they are others, or none; other servers than wrennd do not tell. */
static void warn_of_limits(const wrenn_sandbox *sandbox, const cli_creation *creation) {
    const wrenn_sandbox_info *info = wrenn_sandbox_last_info(sandbox);
    const wrenn_isolation *isolation = info->isolation;
    if (info->vcpus && info->vcpus < creation->vcpus)
        cli_complain("--vcpus %lld: the sandbox has %lld, for the server's machine has no more",
                     (long long)creation->vcpus, (long long)info->vcpus);
    if (!isolation || !isolation->limits) return;
    bool memory = creation->memory_mb && is_unenforced(isolation->limits->memory),
         vcpus = creation->vcpus && is_unenforced(isolation->limits->cpu);
    if (memory || vcpus)
        cli_complain("the server enforces no limit of %s: 'wrenn doctor' where it runs says why",
                     memory && vcpus ? "memory and processors"
                     : memory        ? "memory"
                                     : "processors");
}

/* 'wrennd vm setup' is for another data directory, unless it is told ours. */
static void report_creation(cli_app *cli, const wrenn_sandboxes_create_options *options, wrenn_error *error) {
    cli_daemon own;
    char why[256];
    bool weak = options->isolation == WRENN_ISOLATION_VM && wrenn_error_is(error, WRENN_E_CONFLICT) &&
                strstr(wrenn_error_message(error), "weaker than") && cli_is_own(cli) &&
                cli_daemon_place(&own, why, sizeof(why));
    cli_report_template(cli, NULL, options->template_name, error);
    if (weak)
        cli_complain(
            "your own server has virtual machines after 'wrennd vm setup --data-dir %s' and 'wrenn serve stop'",
            own.directory);
}

/* A signal does not stop the creation: we could not tell then whether there is something to destroy. A second one does. */
static wrenn_sandbox *await_creation(cli_app *cli, const wrenn_sandboxes_create_options *options) {
    wrenn_op *op = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    cli->does = "creating a sandbox";
    bool started = wrenn_sandboxes_create_start(cli->client, options, cli_done, NULL, &op, &error) >= 0;
    bool over = started && cli_wait(cli, op);
    if (started && !over) over = cli_wait(cli, op);
    cli->does = NULL;
    if (started && !over) {
        if (!cli_is_private(cli))
            cli_complain("interrupted while creating a sandbox: 'wrenn ls' shows whether it is there");
        wrenn_op_cancel(op);
    } else if (!started || wrenn_sandboxes_create_finish(op, &sandbox, &error) < 0) {
        report_creation(cli, options, error);
    }
    wrenn_op_free(op);
    return sandbox;
}

wrenn_sandbox *cli_create(cli_app *cli, const cli_creation *creation) {
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    char *name = NULL;
    const char **labels = cli_all_labels(&creation->labels, creation->name, &name);
    wrenn_sandbox *sandbox = NULL;
    options.template_name = creation->template_name;
    options.vcpus = creation->vcpus;
    options.memory_mb = creation->memory_mb;
    options.idle_timeout_sec = creation->idle_seconds;
    options.lifetime_sec = creation->lifetime_seconds;
    if (creation->dies_with_us) options.lease_sec = creation->lease_seconds ? creation->lease_seconds : LEASE_SECONDS;
    options.isolation = isolation_of(creation->isolation);
    options.egress = cli_egress(&creation->network);
    options.allow = creation->network.allow.items;
    options.deny = creation->network.deny.items;
    options.presets = creation->network.presets.items;
    options.inject = creation->network.secrets.items;
    options.flags = WRENN_SANDBOXES_CREATE_WAIT;
    options.metadata = labels && *labels ? labels : NULL;
    if (labels) sandbox = await_creation(cli, &options);
    if (sandbox) warn_of_limits(sandbox, creation);
    cli_phase(cli, "create");
    free(labels);
    free(name);
    return sandbox;
}

bool cli_destroy(cli_app *cli, wrenn_sandbox *sandbox) {
    wrenn_op *op = NULL;
    wrenn_error *error = NULL;
    bool destroyed = false;
    if (wrenn_sandbox_destroy_start(sandbox, NULL, cli_done, NULL, &op, &error) < 0) {
        cli_report(wrenn_sandbox_id(sandbox), error);
    } else if (!cli_wait(cli, op)) {
        if (!cli_is_private(cli))
            cli_complain("interrupted: remove the sandbox with 'wrenn rm %s'", wrenn_sandbox_id(sandbox));
        wrenn_op_cancel(op);
    } else if (wrenn_sandbox_destroy_finish(op, &error) < 0) {
        cli_report(wrenn_sandbox_id(sandbox), error);
    } else {
        destroyed = true;
    }
    wrenn_op_free(op);
    cli_phase(cli, "destroy");
    return destroyed;
}

/* ---- showing ---- */

static wrn_json *isolation_json(const wrenn_isolation *isolation) {
    wrn_json *out = wrn_json_new_object();
    cli_set_text(out, "level", isolation->level);
    cli_set_text(out, "backend", isolation->backend);
    if (isolation->accelerator) cli_set_text(out, "accelerator", isolation->accelerator);
    if (isolation->kernel) cli_set_text(out, "kernel", isolation->kernel);
    if (isolation->qemu) cli_set_text(out, "qemu", isolation->qemu);
    wrn_json_set_bool(out, "root", isolation->root);
    cli_set_text(out, "user_namespace", isolation->user_namespace);
    cli_set_text(out, "seccomp", isolation->seccomp);
    cli_set_text(out, "cgroup", isolation->cgroup);
    if (isolation->limits) {
        wrn_json *limits = wrn_json_new_object();
        cli_set_text(limits, "memory", isolation->limits->memory);
        cli_set_text(limits, "cpu", isolation->limits->cpu);
        cli_set_text(limits, "pids", isolation->limits->pids);
        wrn_json_set(out, "limits", limits);
    }
    cli_set_text(out, "network", isolation->network);
    cli_set_text(out, "disk", isolation->disk);
    return out;
}

wrn_json *cli_pairs_json(const wrenn_pair *const *pairs, size_t count) {
    wrn_json *out = wrn_json_new_object();
    for (size_t i = 0; i < count; i++) cli_set_text(out, pairs[i]->key, pairs[i]->value);
    return out;
}

wrn_json *cli_sandbox_json(const wrenn_sandbox_info *info) {
    wrn_json *out = wrn_json_new_object();
    wrn_json_set_string(out, "id", info->id);
    cli_set_text(out, "name", cli_label(info, "name"));
    cli_set_text(out, "status", info->status_text);
    cli_set_text(out, "template", info->template_name);
    wrn_json_set_int(out, "vcpus", info->vcpus);
    wrn_json_set_int(out, "memory_mb", info->memory_mb);
    wrn_json_set_int(out, "timeout_sec", info->timeout_sec);
    wrn_json_set_int(out, "lifetime_sec", info->lifetime_sec);
    cli_set_text(out, "expires_at", info->expires_at);
    wrn_json_set_int(out, "lease_sec", info->lease_sec);
    cli_set_text(out, "created_at", info->created_at);
    cli_set_text(out, "started_at", info->started_at);
    cli_set_text(out, "last_active_at", info->last_active_at);
    wrn_json_set(out, "labels", cli_pairs_json(info->metadata, info->metadata_count));
    if (info->isolation) wrn_json_set(out, "isolation", isolation_json(info->isolation));
    return out;
}

bool cli_wait_port(cli_app *cli, wrenn_sandbox *sandbox, int64_t port, int64_t seconds) {
    return !seconds || CLI_DO(cli, NULL, wrenn_sandbox_wait_port, (sandbox, port, seconds * 1000, NULL));
}
