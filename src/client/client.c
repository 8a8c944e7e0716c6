#include "client/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/error.h"

int wrn_client_check(const wrenn_client *client, wrenn_error **error) {
    if (!client) return wrn_refuse(error, "the client (or sandbox) must not be NULL");
    if (client->owner != getpid())
        return wrn_refuse(error, "this client was made before fork(); make another one in the child");
    if (client->closed || client->free_pending) return wrn_fail(error, WRENN_E_CANCELLED, "the client was freed");
    return 0;
}

void wrn_client_enter_callback(wrenn_client *client) { client->callbacks++; }
void wrn_client_leave_callback(wrenn_client *client) { client->callbacks--; }
bool wrn_client_is_amid(const wrenn_client *client) { return client->running && client->callbacks; }

void wrn_client_ref(wrenn_client *client) { client->refs++; }

void wrn_client_unref(wrenn_client *client) {
    if (--client->refs) return;
    free(client->api_key);
    free(client->token);
    free(client->proxy_domain);
    free(client->base_text);
    wrn_base_url_clear(&client->base);
    free(client);
}

void wrn_client_settle(wrenn_client *client) {
    if (!client->loop || client->running) return; /* whoever runs it settles */
    if (client->free_pending && !client->callbacks) {
        client->free_pending = false;
        client->free(client);
        return;
    }
    wrn_loop_raise(client->loop, client->completed || client->ready_first);
    wrn_loop_arm(client->loop);
}

void wrn_client_run_loop(wrenn_client *client, int64_t until_ms, bool (*over)(void *context), void *context) {
    bool is_over = over(context);
    int64_t left;
    client->running = true;
    wrn_loop_raise(client->loop, false); /* while it is raised the loop never waits */
    do {
        left = is_over ? 0 : wrn_left_ms(until_ms);
        wrn_loop_poll(client->loop, left);
        is_over = over(context);
    } while (!is_over && left && !client->free_pending);
    client->running = false;
}

void wrn_client_run(wrenn_client *client, int64_t until_ms, bool (*over)(void *context), void *context) {
    wrn_client_run_loop(client, until_ms, over, context);
    wrn_client_settle(client);
}

void wrn_client_log(wrenn_client *client, const wrenn_log_event *event) {
    if (!client->log || !client->loop) return;
    wrn_client_enter_callback(client);
    client->log(event, client->log_user_data);
    wrn_client_leave_callback(client);
}

void wrn_client_warn(wrenn_client *client, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    wrn_client_log(client, &(wrenn_log_event){.level = WRENN_LOG_WARNING, .message = line});
}
