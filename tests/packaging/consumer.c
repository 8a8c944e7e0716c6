/* A stranger's program: knows only what is installed. Calls something that needs all that the library is made of. */
#include <stdio.h>
#include <string.h>
#include <wrenn/wrenn.h>

int main(void) {
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    options.base_url = "unix:/nonexistent/wrennd.sock";
    options.api_key = "wrn_key";
    if (wrenn_client_new(&options, &client, NULL) < 0) return 1;
    int rc = wrenn_sandboxes_create(client, NULL, &sandbox, NULL);
    wrenn_client_free(client);
    if (rc != WRENN_E_CONNECTION_FAILED) return 2;
    char version[32];
    snprintf(version, sizeof(version), "%d.%d.%d", WRENN_VERSION_MAJOR, WRENN_VERSION_MINOR, WRENN_VERSION_PATCH);
    if (strcmp(version, wrenn_version()) != 0) return 3;
    puts(version);
    return 0;
}
