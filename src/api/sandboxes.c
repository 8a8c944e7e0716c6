#include "wrenn/sandboxes.h"

#include "api/wait.h"
#include "client/op.h"
#include "client/sandbox.h"
#include "gen/requests.h"

enum { TIMEOUT_MS = 30000, CREATE_TIMEOUT_MS = 120000, CLEAN_UP_MS = 10000, IDEMPOTENCY_KEY_MAX = 255 };

/* The handle for an answer that describes a sandbox; NULL after failing the operation. */
static wrenn_sandbox *handle_of(wrenn_op *op, const wrn_http_response *response) {
    wrenn_sandbox_info *info = wrn_op_decode(op, response, &wrn_model_sandbox_info);
    if (!info) return NULL;
    if (!info->id || !*info->id) {
        wrn_result_free(info);
        wrn_op_fail(op, wrn_error_new(WRENN_E_PROTOCOL, "%s: the answer has no sandbox id", op->type->name));
        return NULL;
    }
    wrenn_sandbox *sandbox = wrn_sandbox_new(op->client, info->id, info);
    if (sandbox) return sandbox;
    wrn_result_free(info);
    wrn_op_fail(op, wrn_error_new(WRENN_E_NO_MEMORY, "%s: out of memory", op->type->name));
    return NULL;
}

/* ---- create ----
 *
 * CREATING -> done, or with WRENN_CREATE_WAIT -> LOOKING (again and again) -> done.
 * If waiting fails -> CLEANING (destroy) -> the error that made it fail. */

typedef struct create_op {
    wrenn_op op;
    bool wait;
    enum { CREATING, LOOKING, CLEANING, REPORTING } stage;
    wrenn_sandbox *made;
    wrenn_error *reason; /* why it is being cleaned up */
} create_op;

static void create_look(wrenn_op *op) {
    create_op *self = (create_op *)op;
    self->stage = LOOKING;
    wrn_op_call_sandbox(op, "GET", self->made->id, "", NULL, NULL);
    wrn_op_send(op);
}

static void create_judge(create_op *self) {
    switch (self->wait ? wrn_wait_judge(self->made->info) : WRN_WAIT_READY) {
    case WRN_WAIT_READY: wrn_op_finish(&self->op, WRN_TAKE(self->made), wrn_sandbox_free_result); break;
    case WRN_WAIT_LOOK_AGAIN: wrn_op_delay(&self->op, WRN_WAIT_INTERVAL_MS); break;
    default:
        wrn_op_fail(&self->op, wrn_error_new(WRENN_E_CONFLICT, "create: sandbox %s did not start (status: %s)",
                                             self->made->id, self->made->info->status_text));
    }
}

static void create_respond(wrenn_op *op, wrn_http_response *response) {
    create_op *self = (create_op *)op;
    if (self->stage == CLEANING) {
        self->stage = REPORTING;
        wrn_op_fail(op, WRN_TAKE(self->reason));
        return;
    }
    wrenn_sandbox *sandbox = handle_of(op, response);
    if (!sandbox) return;
    wrenn_sandbox_free(self->made);
    self->made = sandbox;
    create_judge(self);
}

/* A sandbox that was made but did not start must not stay behind. */
static bool create_fail(wrenn_op *op, const wrenn_error *error) {
    create_op *self = (create_op *)op;
    if (self->stage == CLEANING) {
        self->stage = REPORTING;
        wrn_op_fail(op, wrn_error_new(wrenn_error_code(self->reason), "create: sandbox %s may still run: %s",
                                      self->made->id, wrenn_error_message(error)));
        return true;
    }
    if (!self->made || self->stage == REPORTING) return false;
    self->stage = CLEANING;
    self->reason = wrn_error_new(wrenn_error_code(error), "%s; it was destroyed again", wrenn_error_message(error));
    wrn_op_extend(op, CLEAN_UP_MS);
    wrn_op_call_sandbox(op, "DELETE", self->made->id, "", NULL, NULL);
    wrn_op_send(op);
    return true;
}

static void create_clear(wrenn_op *op) {
    create_op *self = (create_op *)op;
    wrenn_sandbox_free(self->made);
    wrenn_error_free(self->reason);
}

static const wrn_op_type create_type = {
    .name = "create",
    .size = sizeof(create_op),
    .respond = create_respond,
    .fail = create_fail,
    .wake = create_look,
    .clear = create_clear,
};

/* It becomes a header line: a line break in it would become another one. */
static int check_key(const char *key, wrenn_error **error) {
    size_t size = 0;
    while (key && key[size] > ' ' && key[size] < 0x7f) size++;
    if (!key || (size && size <= IDEMPOTENCY_KEY_MAX && !key[size])) return 0;
    return wrn_fail(error, WRENN_E_INVALID_ARGUMENT,
                    "create: idempotency_key must have 1 to %d visible ASCII characters", IDEMPOTENCY_KEY_MAX);
}

static int check_create(const wrenn_create_options *options, wrenn_error **error) {
    if (options->vcpus < 0 || options->vcpus > INT32_MAX || options->memory_mb < 0 || options->memory_mb > INT32_MAX ||
        options->idle_timeout_sec < 0 || options->idle_timeout_sec > INT32_MAX)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT,
                        "create: vcpus, memory_mb and idle_timeout_sec must be between 0 and 2147483647");
    if (options->flags & ~WRENN_CREATE_WAIT)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "create: unknown flags; use WRENN_CREATE_*");
    return check_key(options->idempotency_key, error);
}

int wrenn_sandboxes_create_start(wrenn_client *client, const wrenn_create_options *options, wrenn_done_fn done,
                                 void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_create_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_create_options", error);
    if (rc == 0) rc = check_create(&known, error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &create_type, known.timeout_ms, CREATE_TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    ((create_op *)made)->wait = known.flags & WRENN_CREATE_WAIT;
    wrn_create_sandbox_request request = {
        .present = (known.template_name ? WRN_HAS_CREATE_SANDBOX_REQUEST_TEMPLATE_NAME : 0) |
                   (known.vcpus ? WRN_HAS_CREATE_SANDBOX_REQUEST_VCPUS : 0) |
                   (known.memory_mb ? WRN_HAS_CREATE_SANDBOX_REQUEST_MEMORY_MB : 0) |
                   (known.idle_timeout_sec ? WRN_HAS_CREATE_SANDBOX_REQUEST_TIMEOUT_SEC : 0),
        .template_name = known.template_name,
        .vcpus = known.vcpus,
        .memory_mb = known.memory_mb,
        .timeout_sec = known.idle_timeout_sec,
    };
    wrn_op_call_sandbox(made, "POST", NULL, "", &wrn_model_create_sandbox_request, &request);
    if (known.idempotency_key) wrn_buf_puts(&made->idempotency_key, known.idempotency_key);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_sandboxes_create_finish(wrenn_op *op, wrenn_sandbox **sandbox, wrenn_error **error) {
    return wrn_op_take(op, &create_type, sandbox, error);
}

int wrenn_sandboxes_create(wrenn_client *client, const wrenn_create_options *options, wrenn_sandbox **sandbox,
                           wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_sandboxes_create_start(client, options, NULL, NULL, &op, error),
                 wrenn_sandboxes_create_finish(op, sandbox, error));
}

/* ---- list ---- */

static void list_respond(wrenn_op *op, wrn_http_response *response) {
    wrn_op_respond_list(op, response, &wrn_model_sandbox_info);
}

static const wrn_op_type list_type = {.name = "sandboxes list", .respond = list_respond};

int wrenn_sandboxes_list_start(wrenn_client *client, wrenn_done_fn done, void *user_data, wrenn_op **op,
                               wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_op_new(client, NULL, &list_type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_op_call_sandbox(made, "GET", NULL, "", NULL, NULL);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_sandboxes_list_finish(wrenn_op *op, wrenn_sandbox_list **list, wrenn_error **error) {
    return wrn_op_take(op, &list_type, list, error);
}

int wrenn_sandboxes_list(wrenn_client *client, wrenn_sandbox_list **list, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_sandboxes_list_start(client, NULL, NULL, &op, error),
                 wrenn_sandboxes_list_finish(op, list, error));
}

void wrenn_sandbox_list_free(wrenn_sandbox_list *list) { wrn_result_free(list); }

/* ---- get and destroy, by id ---- */

static void get_respond(wrenn_op *op, wrn_http_response *response) {
    wrenn_sandbox *sandbox = handle_of(op, response);
    if (sandbox) wrn_op_finish(op, sandbox, wrn_sandbox_free_result);
}

static const wrn_op_type get_type = {.name = "sandboxes get", .respond = get_respond};
static const wrn_op_type destroy_type = {.name = "sandboxes destroy", .respond = wrn_op_respond_nothing};

static int start_by_id(wrenn_client *client, const wrn_op_type *type, const char *method, const char *id,
                       wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_check_segment("sandbox id", id, error);
    if (rc == 0) rc = wrn_op_new(client, NULL, type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_op_call_sandbox(made, method, id, "", NULL, NULL);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_sandboxes_get_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data, wrenn_op **op,
                              wrenn_error **error) {
    return start_by_id(client, &get_type, "GET", id, done, user_data, op, error);
}

int wrenn_sandboxes_get_finish(wrenn_op *op, wrenn_sandbox **sandbox, wrenn_error **error) {
    return wrn_op_take(op, &get_type, sandbox, error);
}

int wrenn_sandboxes_get(wrenn_client *client, const char *id, wrenn_sandbox **sandbox, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_sandboxes_get_start(client, id, NULL, NULL, &op, error),
                 wrenn_sandboxes_get_finish(op, sandbox, error));
}

int wrenn_sandboxes_destroy_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data,
                                  wrenn_op **op, wrenn_error **error) {
    return start_by_id(client, &destroy_type, "DELETE", id, done, user_data, op, error);
}

int wrenn_sandboxes_destroy_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &destroy_type, NULL, error);
}

int wrenn_sandboxes_destroy(wrenn_client *client, const char *id, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_sandboxes_destroy_start(client, id, NULL, NULL, &op, error),
                 wrenn_sandboxes_destroy_finish(op, error));
}
