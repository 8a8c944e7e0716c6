#include "base/text.h"
#include "cli.h"

typedef struct ls_values {
    bool quiet;
} ls_values;

static const cli_option options[] = {
    {"quiet", 'q', CLI_FLAG, offsetof(ls_values, quiet), NULL, "only the ids", 0, 0},
    {0},
};

static void print_json(const wrenn_sandbox_list *list) {
    printf("[");
    for (size_t i = 0; i < list->items_count; i++) {
        const wrenn_sandbox_info *info = list->items[i];
        const struct {
            const char *name, *value;
        } texts[] = {
            {"id", info->id},
            {"status", info->status_text},
            {"template", info->template_name},
            {"created_at", info->created_at},
            {"started_at", info->started_at},
            {"last_active_at", info->last_active_at},
        };
        printf("%s\n  {", i ? "," : "");
        for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
            printf("\"%s\": ", texts[t].name);
            cli_json_text(stdout, texts[t].value);
            printf(", ");
        }
        printf("\"vcpus\": %lld, \"memory_mb\": %lld, \"timeout_sec\": %lld}", (long long)info->vcpus,
               (long long)info->memory_mb, (long long)info->timeout_sec);
    }
    printf("%s]\n", list->items_count ? "\n" : "");
}

/* A cell of the table: what a server says must not steer the terminal. */
static const char *cell(const char *text, char out[64]) {
    snprintf(out, 64, "%s", text ? text : "-");
    wrn_text_clean(out);
    return out;
}

static void print_text(const wrenn_sandbox_list *list, bool quiet) {
    if (!quiet) printf("%-28s %-10s %-16s %5s %9s  %s\n", "ID", "STATUS", "TEMPLATE", "VCPUS", "MEMORY MB", "CREATED");
    for (size_t i = 0; i < list->items_count; i++) {
        const wrenn_sandbox_info *info = list->items[i];
        char id[64], status[64], template_name[64], created[64];
        if (quiet) {
            printf("%s\n", cell(info->id, id));
            continue;
        }
        printf("%-28s %-10s %-16s %5lld %9lld  %s\n", cell(info->id, id), cell(info->status_text, status),
               cell(info->template_name, template_name), (long long)info->vcpus, (long long)info->memory_mb,
               cell(info->created_at, created));
    }
}

static int run(cli_app *cli) {
    ls_values values = {0};
    const char *word;
    if (!cli_next_word(cli, &values, &word)) return CLI_USAGE;
    if (cli->help) return cli_print_help(cli->command), 0;
    if (word || *cli->words) return cli_usage(cli, "'%s' is one word too many", word ? word : *cli->words);
    if (!cli_connect(cli)) return CLI_FAILED;

    wrenn_op *op = NULL;
    wrenn_sandbox_list *list = NULL;
    wrenn_error *error = NULL;
    int code = CLI_FAILED;
    if (wrenn_sandboxes_list_start(cli->client, NULL, cli_done, NULL, &op, &error) < 0) {
        cli_report(NULL, error);
    } else if (!cli_wait(cli, op)) {
        wrenn_op_cancel(op);
        code = CLI_SIGNAL + cli->signal;
    } else if (wrenn_sandboxes_list_finish(op, &list, &error) < 0) {
        cli_report(NULL, error);
    } else {
        if (cli->json) print_json(list);
        else print_text(list, values.quiet);
        code = 0;
    }
    wrenn_sandbox_list_free(list);
    wrenn_op_free(op);
    return code;
}

const cli_command cli_ls_command = {
    .name = "ls",
    .operands = "",
    .summary = "list the sandboxes, newest first",
    .options = options,
    .needs_service = true,
    .run = run,
};
