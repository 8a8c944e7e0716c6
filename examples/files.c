/* Makes a directory in a sandbox, looks at what is in it, and removes it. */
#include <stdio.h>
#include <wrenn/wrenn.h>

static int fill(wrenn_sandbox *sandbox, wrenn_error **error) {
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_exec_result *result = NULL;
    command.shell = "printf hello > notes/today && mkdir notes/old && ln -s today notes/newest";
    int rc = wrenn_sandbox_exec(sandbox, &command, NULL, &result, error);
    wrenn_exec_result_free(result);
    return rc;
}

static int make(wrenn_sandbox *sandbox, wrenn_error **error) {
    wrenn_file_entry *entry = NULL;
    int rc = wrenn_sandbox_mkdir(sandbox, "~/notes", NULL, &entry, error); /* fine if it is there already */
    if (rc < 0) return rc;
    printf("%s %s\n", entry->permissions, entry->path);
    wrenn_file_entry_free(entry);
    return 0;
}

static int list(wrenn_sandbox *sandbox, wrenn_error **error) {
    wrenn_file_list *files = NULL;
    int rc = wrenn_sandbox_list_dir(sandbox, "~/notes", 2, NULL, &files, error);
    if (rc < 0) return rc;
    for (size_t i = 0; i < files->items_count; i++) {
        const wrenn_file_entry *file = files->items[i];
        printf("%-9s %4lld  %s", file->type_text, (long long)file->size, file->name);
        if (file->symlink_target) printf(" -> %s", file->symlink_target);
        printf("\n");
    }
    wrenn_file_list_free(files);
    return 0;
}

static int look(wrenn_sandbox *sandbox, wrenn_error **error) {
    wrenn_file_entry *entry = NULL;
    int rc = wrenn_sandbox_stat(sandbox, "~/notes/today", NULL, &entry, error);
    if (rc < 0) return rc;
    printf("%s is a file of %lld bytes\n", entry->name, (long long)entry->size);
    wrenn_file_entry_free(entry);
    return 0;
}

static int clear(wrenn_sandbox *sandbox, wrenn_error **error) {
    int64_t exists = 1;
    int rc = wrenn_sandbox_remove(sandbox, "~/notes", NULL, error); /* with all that is in it */
    if (rc >= 0) rc = wrenn_sandbox_exists(sandbox, "~/notes", NULL, &exists, error);
    if (rc >= 0) printf("still there: %s\n", exists ? "yes" : "no");
    return rc;
}

int main(void) {
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_client_new(NULL, &client, &error);
    if (rc >= 0) rc = wrenn_sandboxes_create(client, NULL, &sandbox, &error);
    if (rc >= 0) rc = make(sandbox, &error);
    if (rc >= 0) rc = fill(sandbox, &error);
    if (rc >= 0) rc = list(sandbox, &error);
    if (rc >= 0) rc = look(sandbox, &error);
    if (rc >= 0) rc = clear(sandbox, &error);
    if (rc < 0) fprintf(stderr, "files: %s\n", wrenn_error_message(error));
    wrenn_error_free(error);
    wrenn_sandbox_close(sandbox);
    wrenn_client_free(client);
    return rc < 0;
}
