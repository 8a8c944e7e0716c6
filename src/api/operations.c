/* Generated from include/wrenn by tools/generate_operations.py. Do not edit. */

/* The three forms of each operation, and what frees results. What is not here is written by hand, beside its row. */
#include "api/operations.h"

#include "api/code_context.h"

/* ---- api_keys.h ---- */

int wrenn_api_keys_create_start(wrenn_client *client, const char *name, const wrenn_call_options *options,
                                wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &wrn_api_keys_create_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_api_keys_create_prepare(made, name, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_api_keys_create_finish(wrenn_op *op, wrenn_api_key **api_key, wrenn_error **error) {
    return wrn_op_take(op, &wrn_api_keys_create_type, api_key, error);
}

int wrenn_api_keys_create(wrenn_client *client, const char *name, const wrenn_call_options *options,
                          wrenn_api_key **api_key, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_api_keys_create_start(client, name, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_api_keys_create_finish(wrn_op_wait(op), api_key, error) : rc;
}

int wrenn_api_keys_list_start(wrenn_client *client, const wrenn_call_options *options, wrenn_done_fn done,
                              void *user_data, wrenn_op **op, wrenn_error **error) {
    return wrn_op_start_row(client, NULL, &wrn_api_keys_list_type, options, NULL, done, user_data, op, error);
}

int wrenn_api_keys_list_finish(wrenn_op *op, wrenn_api_key_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_api_keys_list_type, list, error);
}

int wrenn_api_keys_list(wrenn_client *client, const wrenn_call_options *options, wrenn_api_key_list **list,
                        wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_api_keys_list_start(client, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_api_keys_list_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_api_keys_delete_start(wrenn_client *client, const char *id, const wrenn_call_options *options,
                                wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {id};
    return wrn_op_start_row(client, NULL, &wrn_api_keys_delete_type, options, args, done, user_data, op, error);
}

int wrenn_api_keys_delete_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_api_keys_delete_type, NULL, error);
}

int wrenn_api_keys_delete(wrenn_client *client, const char *id, const wrenn_call_options *options,
                          wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_api_keys_delete_start(client, id, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_api_keys_delete_finish(wrn_op_wait(op), error) : rc;
}

void wrenn_api_key_free(wrenn_api_key *api_key) { wrn_result_free(api_key); }
void wrenn_api_key_list_free(wrenn_api_key_list *list) { wrn_result_free(list); }

/* ---- auth.h ---- */

int wrenn_auth_signup_start(wrenn_client *client, const char *email, const char *password, const char *name,
                            const wrenn_call_options *options, wrenn_done_fn done, void *user_data, wrenn_op **op,
                            wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &wrn_auth_signup_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_auth_signup_prepare(made, email, password, name, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_auth_signup_finish(wrenn_op *op, wrenn_auth **auth, wrenn_error **error) {
    return wrn_op_take(op, &wrn_auth_signup_type, auth, error);
}

int wrenn_auth_signup(wrenn_client *client, const char *email, const char *password, const char *name,
                      const wrenn_call_options *options, wrenn_auth **auth, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_auth_signup_start(client, email, password, name, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_auth_signup_finish(wrn_op_wait(op), auth, error) : rc;
}

int wrenn_auth_login_start(wrenn_client *client, const char *email, const char *password,
                           const wrenn_call_options *options, wrenn_done_fn done, void *user_data, wrenn_op **op,
                           wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &wrn_auth_login_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_auth_login_prepare(made, email, password, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_auth_login_finish(wrenn_op *op, wrenn_auth **auth, wrenn_error **error) {
    return wrn_op_take(op, &wrn_auth_login_type, auth, error);
}

int wrenn_auth_login(wrenn_client *client, const char *email, const char *password, const wrenn_call_options *options,
                     wrenn_auth **auth, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_auth_login_start(client, email, password, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_auth_login_finish(wrn_op_wait(op), auth, error) : rc;
}

void wrenn_auth_free(wrenn_auth *auth) { wrn_result_free(auth); }

/* ---- client.h ---- */

void wrenn_client_options_init(wrenn_client_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_call_options_init(wrenn_call_options *options, size_t size) { wrn_options_init(options, size); }

/* ---- code.h ---- */

int wrenn_sandbox_run_code_start(wrenn_sandbox *sandbox, const wrenn_sandbox_run_code_options *options,
                                 wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandbox_run_code_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandbox_run_code_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_run_code_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandbox_run_code_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_run_code_finish(wrenn_op *op, wrenn_code_execution **execution, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_run_code_type, execution, error);
}

int wrenn_sandbox_run_code(wrenn_sandbox *sandbox, const wrenn_sandbox_run_code_options *options,
                           wrenn_code_execution **execution, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_run_code_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_run_code_finish(wrn_op_wait(op), execution, error) : rc;
}

int wrenn_sandbox_code_context_start(wrenn_sandbox *sandbox, const wrenn_sandbox_code_context_options *options,
                                     wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandbox_code_context_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandbox_code_context_options",
                              error);
    if (rc == 0) rc = wrn_op_check_flags(&wrn_sandbox_code_context_type, known_options.flags,
                                         WRENN_SANDBOX_CODE_CONTEXT_REUSE | WRENN_SANDBOX_CODE_CONTEXT_DEFAULT,
                                         "WRENN_SANDBOX_CODE_CONTEXT_*", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_code_context_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandbox_code_context_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_code_context_finish(wrenn_op *op, wrenn_code_context **context, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_code_context_type, context, error);
}

int wrenn_sandbox_code_context(wrenn_sandbox *sandbox, const wrenn_sandbox_code_context_options *options,
                               wrenn_code_context **context, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_code_context_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_code_context_finish(wrn_op_wait(op), context, error) : rc;
}

int wrenn_code_context_interrupt_start(wrenn_code_context *context, const wrenn_call_options *options,
                                       wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_code_context_op(context, &wrn_code_context_interrupt_type, &known_options, &made, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_code_context_interrupt_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_code_context_interrupt_type, NULL, error);
}

int wrenn_code_context_interrupt(wrenn_code_context *context, const wrenn_call_options *options, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_code_context_interrupt_start(context, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_code_context_interrupt_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_code_context_restart_start(wrenn_code_context *context, const wrenn_call_options *options, wrenn_done_fn done,
                                     void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_code_context_op(context, &wrn_code_context_restart_type, &known_options, &made, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_code_context_restart_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_code_context_restart_type, NULL, error);
}

int wrenn_code_context_restart(wrenn_code_context *context, const wrenn_call_options *options, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_code_context_restart_start(context, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_code_context_restart_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_code_context_delete_start(wrenn_code_context *context, const wrenn_call_options *options, wrenn_done_fn done,
                                    void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_code_context_op(context, &wrn_code_context_delete_type, &known_options, &made, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_code_context_delete_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_code_context_delete_type, NULL, error);
}

int wrenn_code_context_delete(wrenn_code_context *context, const wrenn_call_options *options, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_code_context_delete_start(context, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_code_context_delete_finish(wrn_op_wait(op), error) : rc;
}

void wrenn_code_callbacks_init(wrenn_code_callbacks *callbacks, size_t size) { wrn_options_init(callbacks, size); }
void wrenn_sandbox_run_code_options_init(wrenn_sandbox_run_code_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_sandbox_code_context_options_init(wrenn_sandbox_code_context_options *options, size_t size) { wrn_options_init(options, size); }

/* ---- events.h ---- */

int wrenn_events_list_start(wrenn_client *client, const wrenn_events_list_options *options, wrenn_done_fn done,
                            void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_events_list_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_events_list_options", error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &wrn_events_list_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_events_list_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_events_list_finish(wrenn_op *op, wrenn_event_page **page, wrenn_error **error) {
    return wrn_op_take(op, &wrn_events_list_type, page, error);
}

int wrenn_events_list(wrenn_client *client, const wrenn_events_list_options *options, wrenn_event_page **page,
                      wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_events_list_start(client, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_events_list_finish(wrn_op_wait(op), page, error) : rc;
}

void wrenn_events_list_options_init(wrenn_events_list_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_event_page_free(wrenn_event_page *page) { wrn_result_free(page); }

/* ---- exec.h ---- */

int wrenn_sandbox_exec_start(wrenn_sandbox *sandbox, const wrenn_command *command, const wrenn_call_options *options,
                             wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_command known_command;
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_command, sizeof(known_command), command, "wrenn_command", error);
    if (rc == 0) rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_exec_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_exec_prepare(made, &known_command, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_exec_finish(wrenn_op *op, wrenn_exec_result **result, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_exec_type, result, error);
}

int wrenn_sandbox_exec(wrenn_sandbox *sandbox, const wrenn_command *command, const wrenn_call_options *options,
                       wrenn_exec_result **result, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_exec_start(sandbox, command, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_exec_finish(wrn_op_wait(op), result, error) : rc;
}

int wrenn_sandbox_exec_stream_start(wrenn_sandbox *sandbox, const wrenn_command *command,
                                    const wrenn_call_options *options, wrenn_done_fn done, void *user_data,
                                    wrenn_op **op, wrenn_error **error) {
    wrenn_command known_command;
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_command, sizeof(known_command), command, "wrenn_command", error);
    if (rc == 0) rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_exec_stream_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_exec_stream_prepare(made, &known_command, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_exec_stream_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_exec_stream_type, stream, error);
}

int wrenn_sandbox_exec_stream(wrenn_sandbox *sandbox, const wrenn_command *command, const wrenn_call_options *options,
                              wrenn_stream **stream, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_exec_stream_start(sandbox, command, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_exec_stream_finish(wrn_op_wait(op), stream, error) : rc;
}

void wrenn_command_init(wrenn_command *command, size_t size) { wrn_options_init(command, size); }
void wrenn_exec_result_free(wrenn_exec_result *result) { wrn_result_free(result); }

/* ---- files.h ---- */

int wrenn_sandbox_list_dir_start(wrenn_sandbox *sandbox, const char *path, int64_t depth,
                                 const wrenn_call_options *options, wrenn_done_fn done, void *user_data, wrenn_op **op,
                                 wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_list_dir_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_list_dir_prepare(made, path, depth, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_list_dir_finish(wrenn_op *op, wrenn_file_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_list_dir_type, list, error);
}

int wrenn_sandbox_list_dir(wrenn_sandbox *sandbox, const char *path, int64_t depth, const wrenn_call_options *options,
                           wrenn_file_list **list, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_list_dir_start(sandbox, path, depth, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_list_dir_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_sandbox_mkdir_start(wrenn_sandbox *sandbox, const char *path, const wrenn_call_options *options,
                              wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_mkdir_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_mkdir_prepare(made, path, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_mkdir_finish(wrenn_op *op, wrenn_file_entry **entry, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_mkdir_type, entry, error);
}

int wrenn_sandbox_mkdir(wrenn_sandbox *sandbox, const char *path, const wrenn_call_options *options,
                        wrenn_file_entry **entry, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_mkdir_start(sandbox, path, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_mkdir_finish(wrn_op_wait(op), entry, error) : rc;
}

int wrenn_sandbox_remove_start(wrenn_sandbox *sandbox, const char *path, const wrenn_call_options *options,
                               wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_remove_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_remove_prepare(made, path, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_remove_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_remove_type, NULL, error);
}

int wrenn_sandbox_remove(wrenn_sandbox *sandbox, const char *path, const wrenn_call_options *options,
                         wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_remove_start(sandbox, path, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_remove_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_rename_start(wrenn_sandbox *sandbox, const char *from, const char *to,
                               const wrenn_call_options *options, wrenn_done_fn done, void *user_data, wrenn_op **op,
                               wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_rename_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_rename_prepare(made, from, to, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_rename_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_rename_type, NULL, error);
}

int wrenn_sandbox_rename(wrenn_sandbox *sandbox, const char *from, const char *to, const wrenn_call_options *options,
                         wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_rename_start(sandbox, from, to, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_rename_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_chmod_start(wrenn_sandbox *sandbox, const char *path, int64_t mode, const wrenn_call_options *options,
                              wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_chmod_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_chmod_prepare(made, path, mode, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_chmod_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_chmod_type, NULL, error);
}

int wrenn_sandbox_chmod(wrenn_sandbox *sandbox, const char *path, int64_t mode, const wrenn_call_options *options,
                        wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_chmod_start(sandbox, path, mode, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_chmod_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_stat_start(wrenn_sandbox *sandbox, const char *path, const wrenn_call_options *options,
                             wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_stat_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_stat_prepare(made, path, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_stat_finish(wrenn_op *op, wrenn_file_entry **entry, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_stat_type, entry, error);
}

int wrenn_sandbox_stat(wrenn_sandbox *sandbox, const char *path, const wrenn_call_options *options,
                       wrenn_file_entry **entry, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_stat_start(sandbox, path, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_stat_finish(wrn_op_wait(op), entry, error) : rc;
}

int wrenn_sandbox_exists_start(wrenn_sandbox *sandbox, const char *path, const wrenn_call_options *options,
                               wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_exists_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_exists_prepare(made, path, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_exists_finish(wrenn_op *op, int64_t *exists, wrenn_error **error) {
    return wrn_op_take_number(op, &wrn_sandbox_exists_type, exists, error);
}

int wrenn_sandbox_exists(wrenn_sandbox *sandbox, const char *path, const wrenn_call_options *options, int64_t *exists,
                         wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_exists_start(sandbox, path, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_exists_finish(wrn_op_wait(op), exists, error) : rc;
}

int wrenn_sandbox_upload_start(wrenn_sandbox *sandbox, const char *path, const void *data, size_t size,
                               const wrenn_call_options *options, wrenn_done_fn done, void *user_data, wrenn_op **op,
                               wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_upload_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_upload_prepare(made, path, data, size, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_upload_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_upload_type, NULL, error);
}

int wrenn_sandbox_upload(wrenn_sandbox *sandbox, const char *path, const void *data, size_t size,
                         const wrenn_call_options *options, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_upload_start(sandbox, path, data, size, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_upload_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_download_start(wrenn_sandbox *sandbox, const char *path, const wrenn_call_options *options,
                                 wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_download_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_download_prepare(made, path, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_download_finish(wrenn_op *op, wrenn_file **file, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_download_type, file, error);
}

int wrenn_sandbox_download(wrenn_sandbox *sandbox, const char *path, const wrenn_call_options *options,
                           wrenn_file **file, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_download_start(sandbox, path, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_download_finish(wrn_op_wait(op), file, error) : rc;
}

int wrenn_sandbox_upload_stream_start(wrenn_sandbox *sandbox, const wrenn_sandbox_upload_stream_options *options,
                                      wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandbox_upload_stream_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandbox_upload_stream_options",
                              error);
    if (rc == 0) rc = wrn_op_check_flags(&wrn_sandbox_upload_stream_type, known_options.flags,
                                         WRENN_SANDBOX_UPLOAD_STREAM_IN_PLACE | WRENN_SANDBOX_UPLOAD_STREAM_KEEP,
                                         "WRENN_SANDBOX_UPLOAD_STREAM_*", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_upload_stream_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandbox_upload_stream_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_upload_stream_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_upload_stream_type, NULL, error);
}

int wrenn_sandbox_upload_stream(wrenn_sandbox *sandbox, const wrenn_sandbox_upload_stream_options *options,
                                wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_upload_stream_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_upload_stream_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_download_stream_start(wrenn_sandbox *sandbox, const wrenn_sandbox_download_stream_options *options,
                                        wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandbox_download_stream_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandbox_download_stream_options",
                              error);
    if (rc == 0) rc = wrn_op_check_flags(&wrn_sandbox_download_stream_type, known_options.flags,
                                         WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY, "WRENN_SANDBOX_DOWNLOAD_STREAM_*",
                                         error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_download_stream_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandbox_download_stream_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_download_stream_finish(wrenn_op *op, int64_t *size, wrenn_error **error) {
    return wrn_op_take_number(op, &wrn_sandbox_download_stream_type, size, error);
}

int wrenn_sandbox_download_stream(wrenn_sandbox *sandbox, const wrenn_sandbox_download_stream_options *options,
                                  int64_t *size, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_download_stream_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_download_stream_finish(wrn_op_wait(op), size, error) : rc;
}

int wrenn_sandbox_upload_tar_start(wrenn_sandbox *sandbox, const wrenn_sandbox_upload_stream_options *options,
                                   wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandbox_upload_stream_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandbox_upload_stream_options",
                              error);
    if (rc == 0) rc = wrn_op_check_flags(&wrn_sandbox_upload_tar_type, known_options.flags,
                                         WRENN_SANDBOX_UPLOAD_STREAM_IN_PLACE | WRENN_SANDBOX_UPLOAD_STREAM_KEEP,
                                         "WRENN_SANDBOX_UPLOAD_STREAM_*", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_upload_tar_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandbox_upload_tar_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_upload_tar_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_upload_tar_type, NULL, error);
}

int wrenn_sandbox_upload_tar(wrenn_sandbox *sandbox, const wrenn_sandbox_upload_stream_options *options,
                             wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_upload_tar_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_upload_tar_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_download_tar_start(wrenn_sandbox *sandbox, const wrenn_sandbox_download_stream_options *options,
                                     wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandbox_download_stream_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandbox_download_stream_options",
                              error);
    if (rc == 0) rc = wrn_op_check_flags(&wrn_sandbox_download_tar_type, known_options.flags,
                                         WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY, "WRENN_SANDBOX_DOWNLOAD_STREAM_*",
                                         error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_download_tar_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandbox_download_tar_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_download_tar_finish(wrenn_op *op, int64_t *size, wrenn_error **error) {
    return wrn_op_take_number(op, &wrn_sandbox_download_tar_type, size, error);
}

int wrenn_sandbox_download_tar(wrenn_sandbox *sandbox, const wrenn_sandbox_download_stream_options *options,
                               int64_t *size, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_download_tar_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_download_tar_finish(wrn_op_wait(op), size, error) : rc;
}

void wrenn_sandbox_upload_stream_options_init(wrenn_sandbox_upload_stream_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_sandbox_download_stream_options_init(wrenn_sandbox_download_stream_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_file_entry_free(wrenn_file_entry *entry) { wrn_result_free(entry); }
void wrenn_file_list_free(wrenn_file_list *list) { wrn_result_free(list); }

/* ---- hosts.h ---- */

int wrenn_hosts_create_start(wrenn_client *client, const wrenn_hosts_create_options *options, wrenn_done_fn done,
                             void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_hosts_create_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_hosts_create_options", error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &wrn_hosts_create_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_hosts_create_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_hosts_create_finish(wrenn_op *op, wrenn_host_with_token **host, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_create_type, host, error);
}

int wrenn_hosts_create(wrenn_client *client, const wrenn_hosts_create_options *options, wrenn_host_with_token **host,
                       wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_hosts_create_start(client, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_create_finish(wrn_op_wait(op), host, error) : rc;
}

int wrenn_hosts_list_start(wrenn_client *client, const wrenn_call_options *options, wrenn_done_fn done, void *user_data,
                           wrenn_op **op, wrenn_error **error) {
    return wrn_op_start_row(client, NULL, &wrn_hosts_list_type, options, NULL, done, user_data, op, error);
}

int wrenn_hosts_list_finish(wrenn_op *op, wrenn_host_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_list_type, list, error);
}

int wrenn_hosts_list(wrenn_client *client, const wrenn_call_options *options, wrenn_host_list **list,
                     wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_hosts_list_start(client, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_list_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_hosts_get_start(wrenn_client *client, const char *id, const wrenn_call_options *options, wrenn_done_fn done,
                          void *user_data, wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {id};
    return wrn_op_start_row(client, NULL, &wrn_hosts_get_type, options, args, done, user_data, op, error);
}

int wrenn_hosts_get_finish(wrenn_op *op, wrenn_host **host, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_get_type, host, error);
}

int wrenn_hosts_get(wrenn_client *client, const char *id, const wrenn_call_options *options, wrenn_host **host,
                    wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_hosts_get_start(client, id, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_get_finish(wrn_op_wait(op), host, error) : rc;
}

int wrenn_hosts_delete_start(wrenn_client *client, const char *id, const wrenn_hosts_delete_options *options,
                             wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_hosts_delete_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_hosts_delete_options", error);
    if (rc == 0) rc = wrn_op_check_flags(&wrn_hosts_delete_type, known_options.flags, WRENN_HOSTS_DELETE_FORCE,
                                         "WRENN_HOSTS_DELETE_*", error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &wrn_hosts_delete_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_hosts_delete_prepare(made, id, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_hosts_delete_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_delete_type, NULL, error);
}

int wrenn_hosts_delete(wrenn_client *client, const char *id, const wrenn_hosts_delete_options *options,
                       wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_hosts_delete_start(client, id, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_delete_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_hosts_delete_preview_start(wrenn_client *client, const char *id, const wrenn_call_options *options,
                                     wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {id};
    return wrn_op_start_row(client, NULL, &wrn_hosts_delete_preview_type, options, args, done, user_data, op, error);
}

int wrenn_hosts_delete_preview_finish(wrenn_op *op, wrenn_host_delete_preview **preview, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_delete_preview_type, preview, error);
}

int wrenn_hosts_delete_preview(wrenn_client *client, const char *id, const wrenn_call_options *options,
                               wrenn_host_delete_preview **preview, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_hosts_delete_preview_start(client, id, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_delete_preview_finish(wrn_op_wait(op), preview, error) : rc;
}

int wrenn_hosts_regenerate_token_start(wrenn_client *client, const char *id, const wrenn_call_options *options,
                                       wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {id};
    return wrn_op_start_row(client, NULL, &wrn_hosts_regenerate_token_type, options, args, done, user_data, op, error);
}

int wrenn_hosts_regenerate_token_finish(wrenn_op *op, wrenn_host_with_token **host, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_regenerate_token_type, host, error);
}

int wrenn_hosts_regenerate_token(wrenn_client *client, const char *id, const wrenn_call_options *options,
                                 wrenn_host_with_token **host, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_hosts_regenerate_token_start(client, id, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_regenerate_token_finish(wrn_op_wait(op), host, error) : rc;
}

int wrenn_hosts_list_tags_start(wrenn_client *client, const char *id, const wrenn_call_options *options,
                                wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {id};
    return wrn_op_start_row(client, NULL, &wrn_hosts_list_tags_type, options, args, done, user_data, op, error);
}

int wrenn_hosts_list_tags_finish(wrenn_op *op, wrenn_tag_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_list_tags_type, list, error);
}

int wrenn_hosts_list_tags(wrenn_client *client, const char *id, const wrenn_call_options *options,
                          wrenn_tag_list **list, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_hosts_list_tags_start(client, id, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_list_tags_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_hosts_add_tag_start(wrenn_client *client, const char *id, const char *tag, const wrenn_call_options *options,
                              wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &wrn_hosts_add_tag_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_hosts_add_tag_prepare(made, id, tag, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_hosts_add_tag_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_add_tag_type, NULL, error);
}

int wrenn_hosts_add_tag(wrenn_client *client, const char *id, const char *tag, const wrenn_call_options *options,
                        wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_hosts_add_tag_start(client, id, tag, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_add_tag_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_hosts_remove_tag_start(wrenn_client *client, const char *id, const char *tag,
                                 const wrenn_call_options *options, wrenn_done_fn done, void *user_data, wrenn_op **op,
                                 wrenn_error **error) {
    const char *const args[] = {id, tag};
    return wrn_op_start_row(client, NULL, &wrn_hosts_remove_tag_type, options, args, done, user_data, op, error);
}

int wrenn_hosts_remove_tag_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_remove_tag_type, NULL, error);
}

int wrenn_hosts_remove_tag(wrenn_client *client, const char *id, const char *tag, const wrenn_call_options *options,
                           wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_hosts_remove_tag_start(client, id, tag, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_remove_tag_finish(wrn_op_wait(op), error) : rc;
}

void wrenn_hosts_create_options_init(wrenn_hosts_create_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_hosts_delete_options_init(wrenn_hosts_delete_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_host_free(wrenn_host *host) { wrn_result_free(host); }
void wrenn_host_with_token_free(wrenn_host_with_token *host) { wrn_result_free(host); }
void wrenn_host_delete_preview_free(wrenn_host_delete_preview *preview) { wrn_result_free(preview); }
void wrenn_host_list_free(wrenn_host_list *list) { wrn_result_free(list); }
void wrenn_tag_list_free(wrenn_tag_list *list) { wrn_result_free(list); }

/* ---- metrics.h ---- */

int wrenn_sandbox_metrics_start(wrenn_sandbox *sandbox, const wrenn_sandbox_metrics_options *options,
                                wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandbox_metrics_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandbox_metrics_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_metrics_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandbox_metrics_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_metrics_finish(wrenn_op *op, wrenn_metrics **metrics, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_metrics_type, metrics, error);
}

int wrenn_sandbox_metrics(wrenn_sandbox *sandbox, const wrenn_sandbox_metrics_options *options, wrenn_metrics **metrics,
                          wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_metrics_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_metrics_finish(wrn_op_wait(op), metrics, error) : rc;
}

void wrenn_sandbox_metrics_options_init(wrenn_sandbox_metrics_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_metrics_free(wrenn_metrics *metrics) { wrn_result_free(metrics); }

/* ---- network.h ---- */

int wrenn_sandbox_network_get_start(wrenn_sandbox *sandbox, const wrenn_call_options *options, wrenn_done_fn done,
                                    void *user_data, wrenn_op **op, wrenn_error **error) {
    return wrn_op_start_row(NULL, sandbox, &wrn_sandbox_network_get_type, options, NULL, done, user_data, op, error);
}

int wrenn_sandbox_network_get_finish(wrenn_op *op, wrenn_network **network, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_network_get_type, network, error);
}

int wrenn_sandbox_network_get(wrenn_sandbox *sandbox, const wrenn_call_options *options, wrenn_network **network,
                              wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_network_get_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_network_get_finish(wrn_op_wait(op), network, error) : rc;
}

int wrenn_sandbox_network_set_start(wrenn_sandbox *sandbox, const wrenn_sandbox_network_set_options *options,
                                    wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandbox_network_set_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandbox_network_set_options",
                              error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_network_set_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandbox_network_set_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_network_set_finish(wrenn_op *op, wrenn_network **network, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_network_set_type, network, error);
}

int wrenn_sandbox_network_set(wrenn_sandbox *sandbox, const wrenn_sandbox_network_set_options *options,
                              wrenn_network **network, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_network_set_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_network_set_finish(wrn_op_wait(op), network, error) : rc;
}

int wrenn_sandbox_network_check_start(wrenn_sandbox *sandbox, const char *to, const wrenn_call_options *options,
                                      wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {to};
    return wrn_op_start_row(NULL, sandbox, &wrn_sandbox_network_check_type, options, args, done, user_data, op, error);
}

int wrenn_sandbox_network_check_finish(wrenn_op *op, wrenn_network_check **check, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_network_check_type, check, error);
}

int wrenn_sandbox_network_check(wrenn_sandbox *sandbox, const char *to, const wrenn_call_options *options,
                                wrenn_network_check **check, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_network_check_start(sandbox, to, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_network_check_finish(wrn_op_wait(op), check, error) : rc;
}

void wrenn_sandbox_network_set_options_init(wrenn_sandbox_network_set_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_network_free(wrenn_network *network) { wrn_result_free(network); }
void wrenn_network_check_free(wrenn_network_check *check) { wrn_result_free(check); }

/* ---- ports.h ---- */

int wrenn_sandbox_wait_port_start(wrenn_sandbox *sandbox, int64_t port, int64_t time_limit_ms,
                                  const wrenn_call_options *options, wrenn_done_fn done, void *user_data, wrenn_op **op,
                                  wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_wait_port_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_wait_port_prepare(made, port, time_limit_ms, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_wait_port_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_wait_port_type, NULL, error);
}

int wrenn_sandbox_wait_port(wrenn_sandbox *sandbox, int64_t port, int64_t time_limit_ms,
                            const wrenn_call_options *options, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_wait_port_start(sandbox, port, time_limit_ms, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_wait_port_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_port_request_start(wrenn_sandbox *sandbox, const wrenn_sandbox_port_request_options *options,
                                     wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandbox_port_request_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandbox_port_request_options",
                              error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_port_request_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandbox_port_request_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_port_request_finish(wrenn_op *op, wrenn_port_response **response, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_port_request_type, response, error);
}

int wrenn_sandbox_port_request(wrenn_sandbox *sandbox, const wrenn_sandbox_port_request_options *options,
                               wrenn_port_response **response, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_port_request_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_port_request_finish(wrn_op_wait(op), response, error) : rc;
}

int wrenn_sandbox_port_websocket_start(wrenn_sandbox *sandbox, int64_t port, const char *path,
                                       const wrenn_call_options *options, wrenn_done_fn done, void *user_data,
                                       wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_port_websocket_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_port_websocket_prepare(made, port, path, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_port_websocket_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_port_websocket_type, stream, error);
}

int wrenn_sandbox_port_websocket(wrenn_sandbox *sandbox, int64_t port, const char *path,
                                 const wrenn_call_options *options, wrenn_stream **stream, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_port_websocket_start(sandbox, port, path, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_port_websocket_finish(wrn_op_wait(op), stream, error) : rc;
}

void wrenn_sandbox_port_request_options_init(wrenn_sandbox_port_request_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_port_response_free(wrenn_port_response *response) { wrn_result_free(response); }

/* ---- processes.h ---- */

int wrenn_sandbox_spawn_start(wrenn_sandbox *sandbox, const wrenn_command *command, const wrenn_call_options *options,
                              wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_command known_command;
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_command, sizeof(known_command), command, "wrenn_command", error);
    if (rc == 0) rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_spawn_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_spawn_prepare(made, &known_command, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_spawn_finish(wrenn_op *op, wrenn_process **process, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_spawn_type, process, error);
}

int wrenn_sandbox_spawn(wrenn_sandbox *sandbox, const wrenn_command *command, const wrenn_call_options *options,
                        wrenn_process **process, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_spawn_start(sandbox, command, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_spawn_finish(wrn_op_wait(op), process, error) : rc;
}

int wrenn_sandbox_processes_start(wrenn_sandbox *sandbox, const wrenn_call_options *options, wrenn_done_fn done,
                                  void *user_data, wrenn_op **op, wrenn_error **error) {
    return wrn_op_start_row(NULL, sandbox, &wrn_sandbox_processes_type, options, NULL, done, user_data, op, error);
}

int wrenn_sandbox_processes_finish(wrenn_op *op, wrenn_process_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_processes_type, list, error);
}

int wrenn_sandbox_processes(wrenn_sandbox *sandbox, const wrenn_call_options *options, wrenn_process_list **list,
                            wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_processes_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_processes_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_sandbox_kill_start(wrenn_sandbox *sandbox, const char *selector, int64_t signal_number,
                             const wrenn_call_options *options, wrenn_done_fn done, void *user_data, wrenn_op **op,
                             wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_kill_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_kill_prepare(made, selector, signal_number, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_kill_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_kill_type, NULL, error);
}

int wrenn_sandbox_kill(wrenn_sandbox *sandbox, const char *selector, int64_t signal_number,
                       const wrenn_call_options *options, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_kill_start(sandbox, selector, signal_number, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_kill_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_attach_start(wrenn_sandbox *sandbox, const char *selector, const wrenn_call_options *options,
                               wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {selector};
    return wrn_op_start_row(NULL, sandbox, &wrn_sandbox_attach_type, options, args, done, user_data, op, error);
}

int wrenn_sandbox_attach_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_attach_type, stream, error);
}

int wrenn_sandbox_attach(wrenn_sandbox *sandbox, const char *selector, const wrenn_call_options *options,
                         wrenn_stream **stream, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_attach_start(sandbox, selector, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_attach_finish(wrn_op_wait(op), stream, error) : rc;
}

int wrenn_sandbox_logs_start(wrenn_sandbox *sandbox, const char *selector, const wrenn_sandbox_logs_options *options,
                             wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandbox_logs_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandbox_logs_options", error);
    if (rc == 0) rc = wrn_op_check_flags(&wrn_sandbox_logs_type, known_options.flags, WRENN_SANDBOX_LOGS_FOLLOW,
                                         "WRENN_SANDBOX_LOGS_*", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_logs_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandbox_logs_prepare(made, selector, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_logs_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_logs_type, stream, error);
}

int wrenn_sandbox_logs(wrenn_sandbox *sandbox, const char *selector, const wrenn_sandbox_logs_options *options,
                       wrenn_stream **stream, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_logs_start(sandbox, selector, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_logs_finish(wrn_op_wait(op), stream, error) : rc;
}

void wrenn_sandbox_logs_options_init(wrenn_sandbox_logs_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_process_free(wrenn_process *process) { wrn_result_free(process); }
void wrenn_process_list_free(wrenn_process_list *list) { wrn_result_free(list); }

/* ---- pty.h ---- */

int wrenn_sandbox_pty_start(wrenn_sandbox *sandbox, const wrenn_command *command, const wrenn_call_options *options,
                            wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_command known_command;
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_command, sizeof(known_command), command, "wrenn_command", error);
    if (rc == 0) rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_pty_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_pty_prepare(made, &known_command, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_pty_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_pty_type, stream, error);
}

int wrenn_sandbox_pty(wrenn_sandbox *sandbox, const wrenn_command *command, const wrenn_call_options *options,
                      wrenn_stream **stream, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_pty_start(sandbox, command, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_pty_finish(wrn_op_wait(op), stream, error) : rc;
}

int wrenn_sandbox_pty_connect_start(wrenn_sandbox *sandbox, const char *tag, const wrenn_call_options *options,
                                    wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_pty_connect_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_pty_connect_prepare(made, tag, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_pty_connect_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_pty_connect_type, stream, error);
}

int wrenn_sandbox_pty_connect(wrenn_sandbox *sandbox, const char *tag, const wrenn_call_options *options,
                              wrenn_stream **stream, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_pty_connect_start(sandbox, tag, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_pty_connect_finish(wrn_op_wait(op), stream, error) : rc;
}

/* ---- sandbox.h ---- */

int wrenn_sandbox_wait_ready_start(wrenn_sandbox *sandbox, const wrenn_sandbox_wait_ready_options *options,
                                   wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandbox_wait_ready_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandbox_wait_ready_options",
                              error);
    if (rc == 0) rc = wrn_op_check_flags(&wrn_sandbox_wait_ready_type, known_options.flags,
                                         WRENN_SANDBOX_WAIT_READY_RESUME, "WRENN_SANDBOX_WAIT_READY_*", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_wait_ready_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandbox_wait_ready_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_wait_ready_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_wait_ready_type, NULL, error);
}

int wrenn_sandbox_wait_ready(wrenn_sandbox *sandbox, const wrenn_sandbox_wait_ready_options *options,
                             wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_wait_ready_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_wait_ready_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_ping_start(wrenn_sandbox *sandbox, const wrenn_call_options *options, wrenn_done_fn done,
                             void *user_data, wrenn_op **op, wrenn_error **error) {
    return wrn_op_start_row(NULL, sandbox, &wrn_sandbox_ping_type, options, NULL, done, user_data, op, error);
}

int wrenn_sandbox_ping_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_ping_type, NULL, error);
}

int wrenn_sandbox_ping(wrenn_sandbox *sandbox, const wrenn_call_options *options, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_ping_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_ping_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_set_lifetime_start(wrenn_sandbox *sandbox, int64_t lifetime_sec, const wrenn_call_options *options,
                                     wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_set_lifetime_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_set_lifetime_prepare(made, lifetime_sec, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_set_lifetime_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_set_lifetime_type, NULL, error);
}

int wrenn_sandbox_set_lifetime(wrenn_sandbox *sandbox, int64_t lifetime_sec, const wrenn_call_options *options,
                               wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_set_lifetime_start(sandbox, lifetime_sec, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_set_lifetime_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_update_metadata_start(wrenn_sandbox *sandbox, const char *const *set, const char *const *remove,
                                        const wrenn_call_options *options, wrenn_done_fn done, void *user_data,
                                        wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_update_metadata_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_update_metadata_prepare(made, set, remove, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_update_metadata_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_update_metadata_type, NULL, error);
}

int wrenn_sandbox_update_metadata(wrenn_sandbox *sandbox, const char *const *set, const char *const *remove,
                                  const wrenn_call_options *options, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_update_metadata_start(sandbox, set, remove, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_update_metadata_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_fork_start(wrenn_sandbox *sandbox, const wrenn_sandbox_fork_options *options, wrenn_done_fn done,
                             void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandbox_fork_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandbox_fork_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_fork_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandbox_fork_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_fork_finish(wrenn_op *op, wrenn_sandbox_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_fork_type, list, error);
}

int wrenn_sandbox_fork(wrenn_sandbox *sandbox, const wrenn_sandbox_fork_options *options, wrenn_sandbox_list **list,
                       wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_fork_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_fork_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_sandbox_hold_start(wrenn_sandbox *sandbox, const wrenn_call_options *options, wrenn_done_fn done,
                             void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_hold_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_sandbox_hold_prepare(made, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_hold_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_hold_type, NULL, error);
}

int wrenn_sandbox_hold(wrenn_sandbox *sandbox, const wrenn_call_options *options, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_hold_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_hold_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_pause_start(wrenn_sandbox *sandbox, const wrenn_sandbox_pause_options *options, wrenn_done_fn done,
                              void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandbox_pause_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandbox_pause_options", error);
    if (rc == 0) rc = wrn_op_check_flags(&wrn_sandbox_pause_type, known_options.flags,
                                         WRENN_SANDBOX_PAUSE_WAIT | WRENN_SANDBOX_PAUSE_HIBERNATE,
                                         "WRENN_SANDBOX_PAUSE_*", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_pause_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandbox_pause_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_pause_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_pause_type, NULL, error);
}

int wrenn_sandbox_pause(wrenn_sandbox *sandbox, const wrenn_sandbox_pause_options *options, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_pause_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_pause_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_resume_start(wrenn_sandbox *sandbox, const wrenn_sandbox_resume_options *options, wrenn_done_fn done,
                               void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandbox_resume_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandbox_resume_options", error);
    if (rc == 0) rc = wrn_op_check_flags(&wrn_sandbox_resume_type, known_options.flags, WRENN_SANDBOX_RESUME_WAIT,
                                         "WRENN_SANDBOX_RESUME_*", error);
    if (rc == 0) rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_resume_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandbox_resume_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandbox_resume_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_resume_type, NULL, error);
}

int wrenn_sandbox_resume(wrenn_sandbox *sandbox, const wrenn_sandbox_resume_options *options, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_resume_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_resume_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_destroy_start(wrenn_sandbox *sandbox, const wrenn_call_options *options, wrenn_done_fn done,
                                void *user_data, wrenn_op **op, wrenn_error **error) {
    return wrn_op_start_row(NULL, sandbox, &wrn_sandbox_destroy_type, options, NULL, done, user_data, op, error);
}

int wrenn_sandbox_destroy_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_destroy_type, NULL, error);
}

int wrenn_sandbox_destroy(wrenn_sandbox *sandbox, const wrenn_call_options *options, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandbox_destroy_start(sandbox, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_destroy_finish(wrn_op_wait(op), error) : rc;
}

void wrenn_sandbox_wait_ready_options_init(wrenn_sandbox_wait_ready_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_sandbox_fork_options_init(wrenn_sandbox_fork_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_sandbox_pause_options_init(wrenn_sandbox_pause_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_sandbox_resume_options_init(wrenn_sandbox_resume_options *options, size_t size) { wrn_options_init(options, size); }

/* ---- sandboxes.h ---- */

int wrenn_sandboxes_create_start(wrenn_client *client, const wrenn_sandboxes_create_options *options,
                                 wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandboxes_create_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandboxes_create_options", error);
    if (rc == 0) rc = wrn_op_check_flags(&wrn_sandboxes_create_type, known_options.flags, WRENN_SANDBOXES_CREATE_WAIT,
                                         "WRENN_SANDBOXES_CREATE_*", error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &wrn_sandboxes_create_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandboxes_create_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandboxes_create_finish(wrenn_op *op, wrenn_sandbox **sandbox, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandboxes_create_type, sandbox, error);
}

int wrenn_sandboxes_create(wrenn_client *client, const wrenn_sandboxes_create_options *options, wrenn_sandbox **sandbox,
                           wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandboxes_create_start(client, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandboxes_create_finish(wrn_op_wait(op), sandbox, error) : rc;
}

int wrenn_sandboxes_list_start(wrenn_client *client, const wrenn_call_options *options, wrenn_done_fn done,
                               void *user_data, wrenn_op **op, wrenn_error **error) {
    return wrn_op_start_row(client, NULL, &wrn_sandboxes_list_type, options, NULL, done, user_data, op, error);
}

int wrenn_sandboxes_list_finish(wrenn_op *op, wrenn_sandbox_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandboxes_list_type, list, error);
}

int wrenn_sandboxes_list(wrenn_client *client, const wrenn_call_options *options, wrenn_sandbox_list **list,
                         wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandboxes_list_start(client, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandboxes_list_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_sandboxes_query_start(wrenn_client *client, const wrenn_sandboxes_query_options *options, wrenn_done_fn done,
                                void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandboxes_query_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandboxes_query_options", error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &wrn_sandboxes_query_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandboxes_query_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandboxes_query_finish(wrenn_op *op, wrenn_sandbox_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandboxes_query_type, list, error);
}

int wrenn_sandboxes_query(wrenn_client *client, const wrenn_sandboxes_query_options *options, wrenn_sandbox_list **list,
                          wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandboxes_query_start(client, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandboxes_query_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_sandboxes_get_start(wrenn_client *client, const char *id, const wrenn_call_options *options,
                              wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {id};
    return wrn_op_start_row(client, NULL, &wrn_sandboxes_get_type, options, args, done, user_data, op, error);
}

int wrenn_sandboxes_get_finish(wrenn_op *op, wrenn_sandbox **sandbox, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandboxes_get_type, sandbox, error);
}

int wrenn_sandboxes_get(wrenn_client *client, const char *id, const wrenn_call_options *options,
                        wrenn_sandbox **sandbox, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandboxes_get_start(client, id, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandboxes_get_finish(wrn_op_wait(op), sandbox, error) : rc;
}

int wrenn_sandboxes_connect_start(wrenn_client *client, const char *id, const wrenn_sandboxes_connect_options *options,
                                  wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_sandboxes_connect_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_sandboxes_connect_options", error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &wrn_sandboxes_connect_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_sandboxes_connect_prepare(made, id, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_sandboxes_connect_finish(wrenn_op *op, wrenn_sandbox **sandbox, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandboxes_connect_type, sandbox, error);
}

int wrenn_sandboxes_connect(wrenn_client *client, const char *id, const wrenn_sandboxes_connect_options *options,
                            wrenn_sandbox **sandbox, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandboxes_connect_start(client, id, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandboxes_connect_finish(wrn_op_wait(op), sandbox, error) : rc;
}

int wrenn_sandboxes_destroy_start(wrenn_client *client, const char *id, const wrenn_call_options *options,
                                  wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {id};
    return wrn_op_start_row(client, NULL, &wrn_sandboxes_destroy_type, options, args, done, user_data, op, error);
}

int wrenn_sandboxes_destroy_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandboxes_destroy_type, NULL, error);
}

int wrenn_sandboxes_destroy(wrenn_client *client, const char *id, const wrenn_call_options *options,
                            wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_sandboxes_destroy_start(client, id, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_sandboxes_destroy_finish(wrn_op_wait(op), error) : rc;
}

void wrenn_sandboxes_create_options_init(wrenn_sandboxes_create_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_sandboxes_query_options_init(wrenn_sandboxes_query_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_sandboxes_connect_options_init(wrenn_sandboxes_connect_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_sandbox_list_free(wrenn_sandbox_list *list) { wrn_result_free(list); }

/* ---- secrets.h ---- */

int wrenn_secrets_set_start(wrenn_client *client, const char *name, const char *value,
                            const wrenn_call_options *options, wrenn_done_fn done, void *user_data, wrenn_op **op,
                            wrenn_error **error) {
    wrenn_call_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &wrn_secrets_set_type, &known_options, &made, error);
    if (rc == 0) rc = wrn_secrets_set_prepare(made, name, value, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_secrets_set_finish(wrenn_op *op, wrenn_secret **secret, wrenn_error **error) {
    return wrn_op_take(op, &wrn_secrets_set_type, secret, error);
}

int wrenn_secrets_set(wrenn_client *client, const char *name, const char *value, const wrenn_call_options *options,
                      wrenn_secret **secret, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_secrets_set_start(client, name, value, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_secrets_set_finish(wrn_op_wait(op), secret, error) : rc;
}

int wrenn_secrets_list_start(wrenn_client *client, const wrenn_call_options *options, wrenn_done_fn done,
                             void *user_data, wrenn_op **op, wrenn_error **error) {
    return wrn_op_start_row(client, NULL, &wrn_secrets_list_type, options, NULL, done, user_data, op, error);
}

int wrenn_secrets_list_finish(wrenn_op *op, wrenn_secret_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_secrets_list_type, list, error);
}

int wrenn_secrets_list(wrenn_client *client, const wrenn_call_options *options, wrenn_secret_list **list,
                       wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_secrets_list_start(client, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_secrets_list_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_secrets_delete_start(wrenn_client *client, const char *name, const wrenn_call_options *options,
                               wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {name};
    return wrn_op_start_row(client, NULL, &wrn_secrets_delete_type, options, args, done, user_data, op, error);
}

int wrenn_secrets_delete_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_secrets_delete_type, NULL, error);
}

int wrenn_secrets_delete(wrenn_client *client, const char *name, const wrenn_call_options *options,
                         wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_secrets_delete_start(client, name, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_secrets_delete_finish(wrn_op_wait(op), error) : rc;
}

void wrenn_secret_free(wrenn_secret *secret) { wrn_result_free(secret); }
void wrenn_secret_list_free(wrenn_secret_list *list) { wrn_result_free(list); }

/* ---- snapshots.h ---- */

int wrenn_snapshots_create_start(wrenn_client *client, const wrenn_snapshots_create_options *options,
                                 wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_snapshots_create_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_snapshots_create_options", error);
    if (rc == 0) rc = wrn_op_check_flags(&wrn_snapshots_create_type, known_options.flags,
                                         WRENN_SNAPSHOTS_CREATE_OVERWRITE, "WRENN_SNAPSHOTS_CREATE_*", error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &wrn_snapshots_create_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_snapshots_create_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_snapshots_create_finish(wrenn_op *op, wrenn_snapshot **snapshot, wrenn_error **error) {
    return wrn_op_take(op, &wrn_snapshots_create_type, snapshot, error);
}

int wrenn_snapshots_create(wrenn_client *client, const wrenn_snapshots_create_options *options,
                           wrenn_snapshot **snapshot, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_snapshots_create_start(client, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_snapshots_create_finish(wrn_op_wait(op), snapshot, error) : rc;
}

int wrenn_snapshots_list_start(wrenn_client *client, const wrenn_snapshots_list_options *options, wrenn_done_fn done,
                               void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_snapshots_list_options known_options;
    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;
    int rc = wrn_options_read(&known_options, sizeof(known_options), options, "wrenn_snapshots_list_options", error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &wrn_snapshots_list_type, &known_options.call, &made, error);
    if (rc == 0) rc = wrn_snapshots_list_prepare(made, &known_options, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;
}

int wrenn_snapshots_list_finish(wrenn_op *op, wrenn_snapshot_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_snapshots_list_type, list, error);
}

int wrenn_snapshots_list(wrenn_client *client, const wrenn_snapshots_list_options *options, wrenn_snapshot_list **list,
                         wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_snapshots_list_start(client, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_snapshots_list_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_snapshots_delete_start(wrenn_client *client, const char *name, const wrenn_call_options *options,
                                 wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {name};
    return wrn_op_start_row(client, NULL, &wrn_snapshots_delete_type, options, args, done, user_data, op, error);
}

int wrenn_snapshots_delete_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_snapshots_delete_type, NULL, error);
}

int wrenn_snapshots_delete(wrenn_client *client, const char *name, const wrenn_call_options *options,
                           wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrenn_snapshots_delete_start(client, name, options, wrn_op_blocking, NULL, &op, error);
    return rc == 0 ? wrenn_snapshots_delete_finish(wrn_op_wait(op), error) : rc;
}

void wrenn_snapshots_create_options_init(wrenn_snapshots_create_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_snapshots_list_options_init(wrenn_snapshots_list_options *options, size_t size) { wrn_options_init(options, size); }
void wrenn_snapshot_free(wrenn_snapshot *snapshot) { wrn_result_free(snapshot); }
void wrenn_snapshot_list_free(wrenn_snapshot_list *list) { wrn_result_free(list); }
