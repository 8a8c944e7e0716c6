/* The client: configuration, callbacks, and the end. */
#include "client/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "client/arguments.h"
#include "client/op.h"
#include "client/stream.h"

#define CLUSTER_URL "https://app.wrenn.dev/api"

enum {
    CONNECT_TIMEOUT_MS = 10000,
    CLEAN_UP_MS = 10000,
    MAX_ATTEMPTS = 3,
    MAX_RESPONSE = 256 * 1024 * 1024,
    IDLE_MS = 75000
};

const char *wrenn_version(void) { return WRN_VERSION; }

/* ---- configuration ---- */

static const char *first_set(const char *option, const char *variable) {
    if (option && *option) return option;
    const char *value = variable ? secure_getenv(variable) : NULL;
    return value && *value ? value : NULL;
}

/* A line break in a credential would add a header field. */
static int check_credential(const char *text, const char *name, wrenn_error **error) {
    for (const char *c = text; c && *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return wrn_refuse(error, "the %s has a blank or control character in it", name);
    return 0;
}

static int check_options(const wrenn_client_options *options, wrenn_error **error) {
    if (options->connect_timeout_ms < 0 || options->timeout_ms < 0 || options->max_attempts < 0 ||
        options->max_response_bytes < 0 || options->idle_timeout_ms < 0)
        return wrn_refuse(error, "times and limits in wrenn_client_options must not be negative");
    if (options->era < WRENN_ERA_AUTO || options->era > WRENN_ERA_CAPSULES)
        return wrn_refuse(error, "wrenn_client_options.era must be one of WRENN_ERA_*");
    const char *files[] = {options->ca_file, options->client_cert, options->client_key};
    for (size_t i = 0; i < WRN_COUNT(files); i++)
        if (files[i] && *files[i] && access(files[i], R_OK) != 0)
            return wrn_refuse(error, "cannot read %s: %s", files[i], strerror(errno));
    return 0;
}

static int join_local(wrenn_client *client, const wrenn_client_options *options, wrenn_error **error) {
    char why[1024];
    client->local = wrn_local_join(options->wrennd, why, sizeof(why));
    if (!client->local) return wrn_fail(error, WRENN_E_CONNECTION_FAILED, "local: %s", why);
    free(client->api_key);
    free(client->token);
    wrn_buf text = WRN_BUF_INIT;
    wrn_buf_printf(&text, "unix:%s", wrn_local_socket(client->local));
    client->base_text = wrn_buf_steal(&text);
    bool ok = wrn_text_copy(&client->base.unix_path, wrn_local_socket(client->local)) &&
              wrn_text_copy(&client->api_key, wrn_local_api_key(client->local)) &&
              wrn_text_copy(&client->token, wrn_local_token(client->local)) && client->base_text;
    client->era = WRENN_ERA_SANDBOXES;
    return ok ? 0 : wrn_no_memory(error, NULL);
}

static int set_base(wrenn_client *client, const wrenn_client_options *options, wrenn_error **error) {
    const char *base = first_set(options->base_url, "WRENN_BASE_URL");
    if (!base) base = client->api_key || client->token ? CLUSTER_URL : "local:";
    char why[512];
    wrn_url_verdict verdict = wrn_base_url_parse(base, &client->base, why, sizeof(why));
    if (verdict == WRN_URL_BAD) return wrn_refuse(error, "%s", why);
    if (verdict == WRN_URL_NO_MEMORY) return wrn_no_memory(error, NULL);
    if (client->base.kind == WRN_BASE_LOCAL) return join_local(client, options, error);
    /* Who listens on a unix socket is wrennd, which has both: not worth an exchange of its own. */
    if (client->base.unix_path && client->era == WRENN_ERA_AUTO) client->era = WRENN_ERA_CAPSULES;
    return wrn_text_copy(&client->base_text, base) ? 0 : wrn_no_memory(error, NULL);
}

static int set_transport(wrenn_client *client, const wrenn_client_options *options, wrenn_error **error) {
    client->loop = wrn_loop_new();
    if (!client->loop) return wrn_fail(error, WRENN_E_SYSTEM, "cannot make an epoll descriptor: %s", strerror(errno));
    client->http = wrn_http_new(
        client->loop,
        &(wrn_http_config){
            .unix_path = client->base.unix_path,
            .ca_file = wrn_none_if_empty(options->ca_file),
            .client_cert = wrn_none_if_empty(options->client_cert),
            .client_key = wrn_none_if_empty(options->client_key),
            .proxy = wrn_none_if_empty(options->proxy),
            .no_proxy = wrn_none_if_empty(options->no_proxy),
            .user_agent = "libwrenn/" WRN_VERSION,
            .connect_timeout_ms = options->connect_timeout_ms ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS,
            .max_response = options->max_response_bytes ? (size_t)options->max_response_bytes : MAX_RESPONSE,
        });
    if (client->http) client->sockets = wrn_socket_hub_new(client->loop, client->http);
    return client->sockets ? 0 : wrn_no_memory(error, NULL);
}

static int set_up(wrenn_client *client, const wrenn_client_options *options, wrenn_error **error) {
    const char *api_key = first_set(options->api_key, "WRENN_API_KEY");
    const char *token = first_set(options->token, "WRENN_TOKEN");
    const char *domain = first_set(options->proxy_domain, "WRENN_PROXY_DOMAIN");
    int rc = check_credential(api_key, "API key", error);
    if (rc == 0) rc = check_credential(token, "user token", error);
    if (rc == 0 && !(wrn_text_copy(&client->api_key, api_key) && wrn_text_copy(&client->token, token) &&
                     wrn_text_copy(&client->proxy_domain, domain)))
        rc = wrn_no_memory(error, NULL);
    client->era = options->era;
    client->timeout_ms = options->timeout_ms;
    client->max_attempts = options->max_attempts ? options->max_attempts : MAX_ATTEMPTS;
    client->log = options->log;
    client->log_user_data = options->log_user_data;
    client->jitter = (uint64_t)wrn_now_us() ^ (uint64_t)client->owner << 32 ^ 1;
    client->completed_tail = &client->completed;
    client->ready_tail = &client->ready_first;
    client->idle_timeout_ms = options->idle_timeout_ms ? options->idle_timeout_ms : IDLE_MS;
    if (rc == 0) rc = set_base(client, options, error);
    if (rc == 0) rc = set_transport(client, options, error);
    return rc;
}

int wrenn_client_new(const wrenn_client_options *options, wrenn_client **client, wrenn_error **error) {
    wrenn_client_options known;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_client_options", error);
    if (rc == 0) rc = check_options(&known, error);
    if (rc != 0) return rc;
    if (!client) return wrn_refuse(error, "client must not be NULL");
    wrenn_client *made = calloc(1, sizeof(*made));
    if (!made) return wrn_no_memory(error, NULL);
    made->refs = 1;
    made->owner = getpid();
    made->free = wrenn_client_free;
    rc = set_up(made, &known, error);
    if (rc < 0) {
        wrenn_client_free(made);
        return rc;
    }
    *client = made;
    return 0;
}

/* ---- the end ---- */

static void close_connections(wrenn_client *client) {
    if (client->owner != getpid()) {
        if (client->sockets) wrn_socket_hub_abandon(client->sockets);
        if (client->http) wrn_http_abandon(client->http);
    } else {
        wrn_socket_hub_free(client->sockets);
        wrn_http_free(client->http);
    }
    wrn_loop_free(client->loop);
    wrn_local_leave(client->local); /* in a forked child that ends nothing */
    client->sockets = NULL;
    client->http = NULL;
    client->loop = NULL;
    client->local = NULL;
}

static bool has_none(void *context) { return !((const wrenn_client *)context)->first; }

void wrenn_client_free(wrenn_client *client) {
    if (!client || client->closed) return;
    if (client->callbacks) {
        client->free_pending = true;
        client->log = NULL; /* its user data may be gone once this returns */
        for (wrenn_op *op = client->first; op; op = op->next) op->cancel_wanted = !op->background;
        return;
    }
    client->closed = true;
    client->probe = NULL;
    if (client->owner == getpid()) {
        wrn_ops_cancel(client, false);
        wrn_streams_cancel(client);
        while (wrn_ops_run_done(client)) {
        }
        if (client->first)
            wrn_client_run_loop(client, wrn_in_ms(CLEAN_UP_MS), has_none,
                                client); /* operations in the background clean up */
        wrn_ops_cancel(client, true);
    }
    close_connections(client);
    wrn_client_unref(client);
}

/* ---- a loop of the caller's ---- */

int wrenn_client_fd(const wrenn_client *client) { return client && client->loop ? wrn_loop_fd(client->loop) : -1; }

/* Whether there are callbacks to run, or nothing is left that could lead to one. */
static bool has_work_or_none(void *context) {
    const wrenn_client *client = context;
    return client->completed || client->ready_first || (!client->first && !wrn_streams_listen(client));
}

int wrenn_client_dispatch(wrenn_client *client, int64_t timeout_ms, wrenn_error **error) {
    int rc = wrn_client_check(client, error);
    if (rc != 0) return rc;
    if (client->callbacks) return wrn_fail(error, WRENN_E_REENTRANT, "wrenn_client_dispatch() from inside a callback");
    wrn_client_run_loop(client, wrn_in_ms(timeout_ms), has_work_or_none, client);
    int count = wrn_ops_run_done(client);
    if (!client->free_pending) count += wrn_streams_run_ready(client);
    wrn_client_settle(client);
    return count;
}

int wrenn_client_set_token(wrenn_client *client, const char *token, wrenn_error **error) {
    int rc = wrn_client_check(client, error);
    if (rc == 0) rc = check_credential(token, "user token", error);
    if (rc != 0) return rc;
    char *mine;
    if (!wrn_text_copy(&mine, wrn_none_if_empty(token))) return wrn_no_memory(error, NULL);
    free(client->token);
    client->token = mine;
    return 0;
}

const char *wrenn_client_base_url(const wrenn_client *client) { return client ? client->base_text : NULL; }
const char *wrenn_client_api_key(const wrenn_client *client) { return client ? client->api_key : NULL; }
