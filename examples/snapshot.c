/* Prepares a sandbox once, keeps it as a snapshot, and starts another sandbox from that. */
#include <stdio.h>
#include <wrenn/wrenn.h>

static int run(wrenn_sandbox *sandbox, const char *line, wrenn_error **error) {
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_exec_result *result = NULL;
    command.shell = line;
    int rc = wrenn_sandbox_exec(sandbox, &command, NULL, &result, error);
    if (rc >= 0) fwrite(result->stdout_data, 1, result->stdout_size, stdout);
    wrenn_exec_result_free(result);
    return rc;
}

static int prepare(wrenn_client *client, wrenn_snapshot **snapshot, wrenn_error **error) {
    wrenn_sandbox *sandbox = NULL;
    wrenn_snapshots_create_options options = WRENN_SNAPSHOTS_CREATE_OPTIONS_INIT;
    int rc = wrenn_sandboxes_create(client, NULL, &sandbox, error);
    if (rc >= 0) rc = run(sandbox, "echo prepared once > /opt/state", error);
    if (rc >= 0) {
        options.sandbox_id = wrenn_sandbox_id(sandbox);
        options.name = "prepared";
        rc = wrenn_snapshots_create(client, &options, snapshot, error);
    }
    wrenn_sandbox_close(sandbox); /* the snapshot stays */
    return rc;
}

static int use(wrenn_client *client, const char *name, wrenn_error **error) {
    wrenn_sandbox *sandbox = NULL;
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    options.template_name = name;
    int rc = wrenn_sandboxes_create(client, &options, &sandbox, error);
    if (rc >= 0) rc = run(sandbox, "cat /opt/state", error);
    wrenn_sandbox_close(sandbox);
    return rc;
}

static int list(wrenn_client *client, wrenn_error **error) {
    wrenn_snapshot_list *snapshots = NULL;
    wrenn_snapshots_list_options filter = WRENN_SNAPSHOTS_LIST_OPTIONS_INIT;
    filter.type = "snapshot"; /* without it the platform's templates come too */
    int rc = wrenn_snapshots_list(client, &filter, &snapshots, error);
    if (rc < 0) return rc;
    for (size_t i = 0; i < snapshots->items_count; i++) printf("snapshot %s\n", snapshots->items[i]->name);
    wrenn_snapshot_list_free(snapshots);
    return 0;
}

int main(void) {
    wrenn_client *client = NULL;
    wrenn_snapshot *snapshot = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_client_new(NULL, &client, &error);
    if (rc >= 0) rc = prepare(client, &snapshot, &error);
    if (rc >= 0) rc = list(client, &error);
    if (rc >= 0) rc = use(client, snapshot->name, &error);
    if (snapshot && wrenn_snapshots_delete(client, snapshot->name, NULL, rc < 0 ? NULL : &error) < 0) rc = -1;
    if (rc < 0) fprintf(stderr, "snapshot: %s\n", wrenn_error_message(error));
    wrenn_error_free(error);
    wrenn_snapshot_free(snapshot);
    wrenn_client_free(client);
    return rc < 0;
}
