#include "client/sandbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "client/arguments.h"
#include "client/error.h"

wrenn_sandbox *wrn_sandbox_new(wrenn_client *client, const char *id, wrenn_sandbox_info *info) {
    wrenn_sandbox *sandbox = calloc(1, sizeof(*sandbox));
    char *copy = strdup(id);
    if (!sandbox || !copy) {
        free(sandbox);
        free(copy);
        return NULL;
    }
    wrn_client_ref(client);
    *sandbox = (wrenn_sandbox){.refs = 1, .client = client, .id = copy, .info = info};
    return sandbox;
}

void wrn_sandbox_ref(wrenn_sandbox *sandbox) {
    if (sandbox) sandbox->refs++;
}

void wrn_sandbox_unref(wrenn_sandbox *sandbox) {
    if (!sandbox || --sandbox->refs) return;
    if (sandbox->contexts) sandbox->forget_contexts(sandbox->contexts);
    wrn_result_free(sandbox->info);
    free(sandbox->id);
    free(sandbox->user);
    wrn_client_unref(sandbox->client);
    free(sandbox);
}

void wrn_sandbox_free_result(void *sandbox) { wrn_sandbox_unref(sandbox); }

void wrn_sandbox_update(wrenn_sandbox *sandbox, wrenn_sandbox_info *info) {
    wrn_result_free(sandbox->info);
    sandbox->info = info;
}

int wrenn_sandbox_from_id(wrenn_client *client, const char *id, wrenn_sandbox **sandbox, wrenn_error **error) {
    int rc = wrn_client_check(client, error);
    if (rc != 0) return rc;
    if (!sandbox) return wrn_refuse(error, "sandbox must not be NULL");
    rc = wrn_check_segment("sandbox id", id, error);
    if (rc != 0) return rc;
    *sandbox = wrn_sandbox_new(client, id, NULL);
    return *sandbox ? 0 : wrn_no_memory(error, NULL);
}

int wrenn_sandbox_as_user(wrenn_sandbox *sandbox, const char *user, wrenn_sandbox **as, wrenn_error **error) {
    if (!sandbox || !as) return wrn_refuse(error, "as_user: the handle must not be NULL");
    int rc = wrn_client_check(sandbox->client, error);
    if (rc != 0) return rc;
    size_t size = user ? strlen(user) : 0;
    if (!size || wrn_utf8_valid_prefix(user, size) != size || strpbrk(user, "\r\n"))
        return wrn_refuse(error, "as_user: the user must be a name or number, or either with \":GROUP\"");
    wrenn_sandbox *made = wrn_sandbox_new(sandbox->client, sandbox->id, NULL);
    if (made) made->user = strdup(user);
    if (made && made->user) return *as = made, 0;
    wrn_sandbox_unref(made);
    return wrn_no_memory(error, NULL);
}

const char *wrn_sandbox_user(const wrenn_sandbox *sandbox, const char *named) {
    return named || !sandbox ? named : sandbox->user;
}

const char *wrenn_sandbox_id(const wrenn_sandbox *sandbox) { return sandbox ? sandbox->id : NULL; }

const wrenn_sandbox_info *wrenn_sandbox_last_info(const wrenn_sandbox *sandbox) {
    return sandbox ? sandbox->info : NULL;
}

void wrenn_sandbox_free(wrenn_sandbox *sandbox) { wrn_sandbox_unref(sandbox); }
