/* Templates and snapshots: showing and deleting them. */
#include <string.h>

#include "cli/cli.h"

wrn_json *cli_snapshot_json(const wrenn_snapshot *snapshot) {
    wrn_json *object = wrn_json_new_object();
    wrn_json_set_string(object, "name", snapshot->name);
    wrn_json_set_string(object, "type", snapshot->type ? snapshot->type : "");
    wrn_json_set_int(object, "vcpus", snapshot->vcpus);
    wrn_json_set_int(object, "memory_mb", snapshot->memory_mb);
    wrn_json_set_int(object, "size_bytes", snapshot->size_bytes);
    wrn_json_set_string(object, "created_at", snapshot->created_at ? snapshot->created_at : "");
    wrn_json_set_bool(object, "platform", snapshot->platform);
    return object;
}

int cli_list_templates(cli_app *cli, const char *type) {
    static const char *const titles[] = {"NAME", "TYPE", ">VCPUS", ">MEMORY MB", ">SIZE", "CREATED", NULL};
    wrenn_snapshots_list_options options = WRENN_SNAPSHOTS_LIST_OPTIONS_INIT;
    wrenn_snapshot_list *list = NULL;
    options.type = type;
    if (!cli_connect(cli)) return CLI_FAILED;
    if (!CLI_GET(cli, NULL, wrenn_snapshots_list, (cli->client, &options), &list)) return CLI_FAILED;
    cli_rows *rows = cli_rows_new(cli, titles);
    for (size_t i = 0; i < list->items_count; i++) {
        const wrenn_snapshot *one = list->items[i];
        char size[32], age[32];
        cli_say_bytes(size, one->size_bytes);
        cli_say_age(age, one->created_at);
        const char *const cells[] = {one->name,
                                     one->type,
                                     one->vcpus ? cli_number(one->vcpus) : NULL,
                                     one->memory_mb ? cli_number(one->memory_mb) : NULL,
                                     one->size_bytes ? size : NULL,
                                     age};
        cli_rows_add(rows, one->name, cli_snapshot_json(one), cells);
    }
    wrenn_snapshot_list_free(list);
    return cli_rows_print(rows);
}

bool cli_say_no_template(cli_app *cli, const char *name, bool only_near) {
    wrenn_snapshot_list *list = NULL;
    const char *best = NULL;
    (void)CLI_TRY_GET(cli, NULL, wrenn_snapshots_list, (cli->client, NULL), &list);
    bool says = list;
    for (size_t i = 0; list && i < list->items_count; i++) {
        says = says && strcmp(list->items[i]->name, name) != 0;
        cli_suggest(name, list->items[i]->name, &best);
    }
    says = says && (best || !only_near);
    if (says) cli_say_none(CLI_WORD_TEMPLATE, name, best);
    wrenn_snapshot_list_free(list);
    return says;
}

void cli_report_template(cli_app *cli, const char *what, const char *name, wrenn_error *error) {
    bool none = name && wrenn_error_is(error, WRENN_E_NOT_FOUND);
    if (none && cli_say_no_template(cli, name, !what)) wrenn_error_free(error);
    else cli_report(what, error);
}

bool cli_has_template(cli_app *cli, const char *name) {
    wrenn_snapshot_list *list = NULL;
    bool has = false;
    (void)CLI_TRY_GET(cli, NULL, wrenn_snapshots_list, (cli->client, NULL), &list);
    for (size_t i = 0; list && i < list->items_count; i++) has = has || strcmp(list->items[i]->name, name) == 0;
    wrenn_snapshot_list_free(list);
    return has;
}

char *cli_remove_template(cli_app *cli, const char *name, bool (*otherwise)(cli_app *cli, const char *name)) {
    wrenn_error *error = NULL;
    int rc = CLI_TRY(cli, &error, wrenn_snapshots_delete, (cli->client, name, NULL));
    if (rc == WRENN_E_NOT_FOUND) return cli_report_template(cli, name, name, error), NULL;
    bool tries = rc < 0 && otherwise && wrenn_error_http_status(error);
    if (tries) wrenn_error_free(error);
    return (tries ? otherwise(cli, name) : cli_settle(cli, name, rc, error)) ? strdup(name) : NULL;
}
