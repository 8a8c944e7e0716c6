#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "wrenn/wrenn.h"

enum { ROUNDS = 200, SANDBOXES = 10 };

/* A key for programs that are no children of the library, and some sandboxes to be listed. */
static int prepare(wrenn_client *client, wrenn_api_key **key, wrenn_error **error) {
    int rc = wrenn_api_keys_create(client, "bench", NULL, key, error);
    for (int i = 0; i < SANDBOXES && rc >= 0; i++) {
        wrenn_sandbox *sandbox = NULL;
        rc = wrenn_sandboxes_create(client, NULL, &sandbox, error);
        wrenn_sandbox_free(sandbox); /* ends with the server */
    }
    return rc;
}

void bench_command(void) {
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = "local:";
    wrenn_client *client = NULL;
    wrenn_error *error = NULL;
    wrenn_api_key *key = NULL;
    samples curl = {0}, ls = {0};
    int rc = wrenn_client_new(&options, &client, &error);
    if (rc >= 0) rc = prepare(client, &key, &error);
    if (rc < 0) {
        wrenn_client_free(client);
        bench_fail("the command: %s", wrenn_error_message(error));
    }
    char field[128];
    const char *url = wrenn_client_base_url(client);
    snprintf(field, sizeof(field), "X-API-Key: %s", key->key);
    setenv("WRENN_BASE_URL", url, 1);
    setenv("WRENN_API_KEY", key->key, 1);
    const char *const by_curl[] = {
        "curl", "-qsS", "--fail", "--unix-socket", url + strlen("unix:"), "-H", field, "http://localhost/v1/sandboxes",
        NULL};
    const char *const by_wrenn[] = {WRENN_CLI, "ls", NULL};
    bool has_curl = true, has_wrenn = true;
    /* In turns, so that what else the machine does meets both. */
    for (int i = 0; i < ROUNDS && has_wrenn; i++) {
        has_curl = has_curl && bench_program(&curl, 1, by_curl);
        has_wrenn = bench_program(&ls, 1, by_wrenn);
    }
    printf("a list of %d sandboxes, over a unix socket\n", SANDBOXES);
    if (has_curl) bench_print("curl", &curl, NULL);
    else printf("  curl is not installed\n");
    if (has_wrenn) bench_print("wrenn ls", &ls, has_curl ? &curl : NULL);
    if (has_wrenn && has_curl)
        printf("  %-44s %+10.1f us\n", "the difference", bench_median(&ls) - bench_median(&curl));
    unsetenv("WRENN_BASE_URL");
    unsetenv("WRENN_API_KEY");
    bench_free(&curl);
    bench_free(&ls);
    wrenn_api_key_free(key);
    wrenn_client_free(client);
    if (!has_wrenn) bench_fail("%s ls failed", WRENN_CLI);
}
