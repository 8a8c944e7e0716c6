/* A stranger's program: knows only what is installed. Calls something that needs all that the library is made of. */
#include <stdio.h>
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
    puts(wrenn_version());
    return 0;
}
