/* One call that fails, before the first test is forked off. Valgrind translates code when it is first run, and what it has
 * translated by then (libcurl and the TLS library coming up, mostly) each test inherits instead of waiting for it again. */
#include "sdk.h"

void test_warm_up(void) {
    wrenn_client_options options = sdk_options("unix:/nonexistent");
    wrenn_sandbox_list *list = NULL;
    options.max_attempts = 1;
    wrenn_client *client = sdk_client(&options);
    CHECK_INT(wrenn_sandboxes_list(client, NULL, &list, NULL), WRENN_E_CONNECTION_FAILED);
    wrenn_client_free(client);
}
