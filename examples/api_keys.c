/* api_keys EMAIL PASSWORD [new]: logs in (with "new": makes the account first), then makes, lists and deletes an API
 * key. These calls take a user token, not an API key. A private server has no accounts yet: use "new" there. */
#include <stdio.h>
#include <wrenn/wrenn.h>

static int log_in(wrenn_client *client, char **argv, int is_new, wrenn_error **error) {
    wrenn_auth *auth = NULL;
    int rc = 0;
    if (is_new) rc = wrenn_auth_signup(client, argv[1], argv[2], NULL, NULL, &auth, error);
    wrenn_auth_free(auth);
    auth = NULL;
    if (rc >= 0) rc = wrenn_auth_login(client, argv[1], argv[2], NULL, &auth, error);
    if (rc >= 0) rc = wrenn_client_set_token(client, auth->token, error);
    if (rc >= 0) printf("logged in as %s\n", auth->email);
    wrenn_auth_free(auth);
    return rc;
}

static int list(wrenn_client *client, wrenn_error **error) {
    wrenn_api_key_list *keys = NULL;
    int rc = wrenn_api_keys_list(client, NULL, &keys, error);
    if (rc < 0) return rc;
    printf("%zu keys\n", keys->items_count);
    for (size_t i = 0; i < keys->items_count; i++)
        printf("  %s: %s\n", keys->items[i]->name, keys->items[i]->created_at);
    wrenn_api_key_list_free(keys);
    return 0;
}

/* A client of its own for the new key: this is what the key is for. */
static int use(wrenn_client *client, const char *key, wrenn_error **error) {
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    wrenn_client *with_key = NULL;
    wrenn_sandbox_list *sandboxes = NULL;
    options.base_url = wrenn_client_base_url(client);
    options.api_key = key;
    int rc = wrenn_client_new(&options, &with_key, error);
    if (rc >= 0) rc = wrenn_sandboxes_list(with_key, NULL, &sandboxes, error);
    if (rc >= 0) printf("the team has %zu sandboxes\n", sandboxes->items_count);
    wrenn_sandbox_list_free(sandboxes);
    wrenn_client_free(with_key);
    return rc;
}

int main(int argc, char **argv) {
    wrenn_client *client = NULL;
    wrenn_api_key *key = NULL;
    wrenn_error *error = NULL;
    if (argc < 3) return fprintf(stderr, "usage: api_keys EMAIL PASSWORD [new]\n"), 2;
    int rc = wrenn_client_new(NULL, &client, &error);
    if (rc >= 0) rc = log_in(client, argv, argc > 3, &error);
    if (rc >= 0) rc = wrenn_api_keys_create(client, "example", NULL, &key, &error);
    if (rc >= 0) printf("a key that begins with %.4s\n", key->key); /* the secret is shown this once */
    if (rc >= 0) rc = list(client, &error);
    if (rc >= 0) rc = use(client, key->key, &error);
    if (rc >= 0) rc = wrenn_api_keys_delete(client, key->id, NULL, &error);
    if (rc >= 0) rc = list(client, &error);
    if (rc < 0) fprintf(stderr, "api_keys: %s\n", wrenn_error_message(error));
    wrenn_error_free(error);
    wrenn_api_key_free(key);
    wrenn_client_free(client);
    return rc < 0;
}
