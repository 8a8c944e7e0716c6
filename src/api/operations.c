/* Generated from include/wrenn by tools/generate_operations.py. Do not edit. */

/* The three forms of each operation, and what frees results. What is not here is written by hand, beside its row. */
#include "api/operations.h"

#include "api/code_context.h"
#include "client/sandbox.h"

/* ---- api_keys.h ---- */

int wrenn_api_keys_create_start(wrenn_client *client, const char *name, wrenn_done_fn done, void *user_data,
                                wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_api_keys_create_prepare(client, name, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_api_keys_create_finish(wrenn_op *op, wrenn_api_key **api_key, wrenn_error **error) {
    return wrn_op_take(op, &wrn_api_keys_create_type, api_key, error);
}

int wrenn_api_keys_create(wrenn_client *client, const char *name, wrenn_api_key **api_key, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_api_keys_create_start(client, name, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_api_keys_create_finish(wrn_op_wait(op), api_key, error) : rc;
}

int wrenn_api_keys_list_start(wrenn_client *client, wrenn_done_fn done, void *user_data, wrenn_op **op,
                              wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_op_for_client(client, &wrn_api_keys_list_type, 0, NULL, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_api_keys_list_finish(wrenn_op *op, wrenn_api_key_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_api_keys_list_type, list, error);
}

int wrenn_api_keys_list(wrenn_client *client, wrenn_api_key_list **list, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_api_keys_list_start(client, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_api_keys_list_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_api_keys_delete_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data,
                                wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {id};
    wrenn_op *made;
    int rc = wrn_op_for_client(client, &wrn_api_keys_delete_type, 0, args, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_api_keys_delete_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_api_keys_delete_type, NULL, error);
}

int wrenn_api_keys_delete(wrenn_client *client, const char *id, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_api_keys_delete_start(client, id, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_api_keys_delete_finish(wrn_op_wait(op), error) : rc;
}

void wrenn_api_key_free(wrenn_api_key *api_key) { wrn_result_free(api_key); }
void wrenn_api_key_list_free(wrenn_api_key_list *list) { wrn_result_free(list); }

/* ---- auth.h ---- */

int wrenn_auth_signup_start(wrenn_client *client, const char *email, const char *password, const char *name,
                            wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_auth_signup_prepare(client, email, password, name, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_auth_signup_finish(wrenn_op *op, wrenn_auth **auth, wrenn_error **error) {
    return wrn_op_take(op, &wrn_auth_signup_type, auth, error);
}

int wrenn_auth_signup(wrenn_client *client, const char *email, const char *password, const char *name,
                      wrenn_auth **auth, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_auth_signup_start(client, email, password, name, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_auth_signup_finish(wrn_op_wait(op), auth, error) : rc;
}

int wrenn_auth_login_start(wrenn_client *client, const char *email, const char *password, wrenn_done_fn done,
                           void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_auth_login_prepare(client, email, password, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_auth_login_finish(wrenn_op *op, wrenn_auth **auth, wrenn_error **error) {
    return wrn_op_take(op, &wrn_auth_login_type, auth, error);
}

int wrenn_auth_login(wrenn_client *client, const char *email, const char *password, wrenn_auth **auth,
                     wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_auth_login_start(client, email, password, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_auth_login_finish(wrn_op_wait(op), auth, error) : rc;
}

void wrenn_auth_free(wrenn_auth *auth) { wrn_result_free(auth); }

/* ---- code.h ---- */

int wrenn_sandbox_run_code_finish(wrenn_op *op, wrenn_execution **execution, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_run_code_type, execution, error);
}

int wrenn_sandbox_run_code(wrenn_sandbox *sandbox, const wrenn_code_options *options, wrenn_execution **execution,
                           wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_run_code_start(sandbox, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_run_code_finish(wrn_op_wait(op), execution, error) : rc;
}

int wrenn_sandbox_code_context_finish(wrenn_op *op, wrenn_code_context **context, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_code_context_type, context, error);
}

int wrenn_sandbox_code_context(wrenn_sandbox *sandbox, const wrenn_context_options *options,
                               wrenn_code_context **context, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_code_context_start(sandbox, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_code_context_finish(wrn_op_wait(op), context, error) : rc;
}

int wrenn_code_context_interrupt_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_code_context_interrupt_type, NULL, error);
}

int wrenn_code_context_interrupt(wrenn_code_context *context, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(context ? context->client : NULL, error);
    if (rc == 0) rc = wrenn_code_context_interrupt_start(context, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_code_context_interrupt_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_code_context_restart_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_code_context_restart_type, NULL, error);
}

int wrenn_code_context_restart(wrenn_code_context *context, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(context ? context->client : NULL, error);
    if (rc == 0) rc = wrenn_code_context_restart_start(context, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_code_context_restart_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_code_context_delete_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_code_context_delete_type, NULL, error);
}

int wrenn_code_context_delete(wrenn_code_context *context, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(context ? context->client : NULL, error);
    if (rc == 0) rc = wrenn_code_context_delete_start(context, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_code_context_delete_finish(wrn_op_wait(op), error) : rc;
}

/* ---- exec.h ---- */

int wrenn_sandbox_exec_start(wrenn_sandbox *sandbox, const wrenn_exec_options *options, wrenn_done_fn done,
                             void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_exec_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_exec_options", error);
    if (rc == 0) rc = wrn_sandbox_exec_prepare(sandbox, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_exec_finish(wrenn_op *op, wrenn_exec_result **result, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_exec_type, result, error);
}

int wrenn_sandbox_exec(wrenn_sandbox *sandbox, const wrenn_exec_options *options, wrenn_exec_result **result,
                       wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_exec_start(sandbox, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_exec_finish(wrn_op_wait(op), result, error) : rc;
}

int wrenn_sandbox_exec_stream_start(wrenn_sandbox *sandbox, const wrenn_exec_stream_options *options,
                                    wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_exec_stream_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_exec_stream_options", error);
    if (rc == 0) rc = wrn_sandbox_exec_stream_prepare(sandbox, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_exec_stream_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_exec_stream_type, stream, error);
}

int wrenn_sandbox_exec_stream(wrenn_sandbox *sandbox, const wrenn_exec_stream_options *options, wrenn_stream **stream,
                              wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_exec_stream_start(sandbox, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_exec_stream_finish(wrn_op_wait(op), stream, error) : rc;
}

void wrenn_exec_result_free(wrenn_exec_result *result) { wrn_result_free(result); }

/* ---- files.h ---- */

int wrenn_sandbox_list_dir_start(wrenn_sandbox *sandbox, const char *path, int64_t depth, wrenn_done_fn done,
                                 void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_sandbox_list_dir_prepare(sandbox, path, depth, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_list_dir_finish(wrenn_op *op, wrenn_file_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_list_dir_type, list, error);
}

int wrenn_sandbox_list_dir(wrenn_sandbox *sandbox, const char *path, int64_t depth, wrenn_file_list **list,
                           wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_list_dir_start(sandbox, path, depth, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_list_dir_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_sandbox_mkdir_start(wrenn_sandbox *sandbox, const char *path, wrenn_done_fn done, void *user_data,
                              wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_sandbox_mkdir_prepare(sandbox, path, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_mkdir_finish(wrenn_op *op, wrenn_file_entry **entry, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_mkdir_type, entry, error);
}

int wrenn_sandbox_mkdir(wrenn_sandbox *sandbox, const char *path, wrenn_file_entry **entry, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_mkdir_start(sandbox, path, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_mkdir_finish(wrn_op_wait(op), entry, error) : rc;
}

int wrenn_sandbox_remove_start(wrenn_sandbox *sandbox, const char *path, wrenn_done_fn done, void *user_data,
                               wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_sandbox_remove_prepare(sandbox, path, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_remove_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_remove_type, NULL, error);
}

int wrenn_sandbox_remove(wrenn_sandbox *sandbox, const char *path, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_remove_start(sandbox, path, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_remove_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_stat_start(wrenn_sandbox *sandbox, const char *path, wrenn_done_fn done, void *user_data,
                             wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_sandbox_stat_prepare(sandbox, path, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_stat_finish(wrenn_op *op, wrenn_file_entry **entry, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_stat_type, entry, error);
}

int wrenn_sandbox_stat(wrenn_sandbox *sandbox, const char *path, wrenn_file_entry **entry, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_stat_start(sandbox, path, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_stat_finish(wrn_op_wait(op), entry, error) : rc;
}

int wrenn_sandbox_exists_start(wrenn_sandbox *sandbox, const char *path, wrenn_done_fn done, void *user_data,
                               wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_sandbox_exists_prepare(sandbox, path, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_exists(wrenn_sandbox *sandbox, const char *path, int *exists, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_exists_start(sandbox, path, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_exists_finish(wrn_op_wait(op), exists, error) : rc;
}

int wrenn_sandbox_upload_start(wrenn_sandbox *sandbox, const char *path, const void *data, size_t size,
                               wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_sandbox_upload_prepare(sandbox, path, data, size, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_upload_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_upload_type, NULL, error);
}

int wrenn_sandbox_download_start(wrenn_sandbox *sandbox, const char *path, wrenn_done_fn done, void *user_data,
                                 wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_sandbox_download_prepare(sandbox, path, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_download_finish(wrenn_op *op, wrenn_file **file, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_download_type, file, error);
}

int wrenn_sandbox_download(wrenn_sandbox *sandbox, const char *path, wrenn_file **file, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_download_start(sandbox, path, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_download_finish(wrn_op_wait(op), file, error) : rc;
}

int wrenn_sandbox_upload_stream_start(wrenn_sandbox *sandbox, const wrenn_upload_stream_options *options,
                                      wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_upload_stream_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_upload_stream_options", error);
    if (rc == 0) rc = wrn_sandbox_upload_stream_prepare(sandbox, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_upload_stream_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_upload_stream_type, NULL, error);
}

int wrenn_sandbox_upload_stream(wrenn_sandbox *sandbox, const wrenn_upload_stream_options *options,
                                wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_upload_stream_start(sandbox, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_upload_stream_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_download_stream_start(wrenn_sandbox *sandbox, const wrenn_download_stream_options *options,
                                        wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_download_stream_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_download_stream_options", error);
    if (rc == 0) rc = wrn_sandbox_download_stream_prepare(sandbox, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_download_stream(wrenn_sandbox *sandbox, const wrenn_download_stream_options *options, int64_t *size,
                                  wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_download_stream_start(sandbox, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_download_stream_finish(wrn_op_wait(op), size, error) : rc;
}

void wrenn_file_entry_free(wrenn_file_entry *entry) { wrn_result_free(entry); }
void wrenn_file_list_free(wrenn_file_list *list) { wrn_result_free(list); }

/* ---- hosts.h ---- */

int wrenn_hosts_create_start(wrenn_client *client, const wrenn_host_options *options, wrenn_done_fn done,
                             void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_host_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_host_options", error);
    if (rc == 0) rc = wrn_hosts_create_prepare(client, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_hosts_create_finish(wrenn_op *op, wrenn_host_with_token **host, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_create_type, host, error);
}

int wrenn_hosts_create(wrenn_client *client, const wrenn_host_options *options, wrenn_host_with_token **host,
                       wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_hosts_create_start(client, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_create_finish(wrn_op_wait(op), host, error) : rc;
}

int wrenn_hosts_list_start(wrenn_client *client, wrenn_done_fn done, void *user_data, wrenn_op **op,
                           wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_op_for_client(client, &wrn_hosts_list_type, 0, NULL, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_hosts_list_finish(wrenn_op *op, wrenn_host_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_list_type, list, error);
}

int wrenn_hosts_list(wrenn_client *client, wrenn_host_list **list, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_hosts_list_start(client, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_list_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_hosts_get_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data, wrenn_op **op,
                          wrenn_error **error) {
    const char *const args[] = {id};
    wrenn_op *made;
    int rc = wrn_op_for_client(client, &wrn_hosts_get_type, 0, args, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_hosts_get_finish(wrenn_op *op, wrenn_host **host, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_get_type, host, error);
}

int wrenn_hosts_get(wrenn_client *client, const char *id, wrenn_host **host, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_hosts_get_start(client, id, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_get_finish(wrn_op_wait(op), host, error) : rc;
}

int wrenn_hosts_delete_start(wrenn_client *client, const char *id, const wrenn_host_delete_options *options,
                             wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_host_delete_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_host_delete_options", error);
    if (rc == 0) rc = wrn_hosts_delete_prepare(client, id, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_hosts_delete_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_delete_type, NULL, error);
}

int wrenn_hosts_delete(wrenn_client *client, const char *id, const wrenn_host_delete_options *options,
                       wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_hosts_delete_start(client, id, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_delete_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_hosts_delete_preview_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data,
                                     wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {id};
    wrenn_op *made;
    int rc = wrn_op_for_client(client, &wrn_hosts_delete_preview_type, 0, args, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_hosts_delete_preview_finish(wrenn_op *op, wrenn_host_delete_preview **preview, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_delete_preview_type, preview, error);
}

int wrenn_hosts_delete_preview(wrenn_client *client, const char *id, wrenn_host_delete_preview **preview,
                               wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_hosts_delete_preview_start(client, id, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_delete_preview_finish(wrn_op_wait(op), preview, error) : rc;
}

int wrenn_hosts_regenerate_token_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data,
                                       wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {id};
    wrenn_op *made;
    int rc = wrn_op_for_client(client, &wrn_hosts_regenerate_token_type, 0, args, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_hosts_regenerate_token_finish(wrenn_op *op, wrenn_host_with_token **host, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_regenerate_token_type, host, error);
}

int wrenn_hosts_regenerate_token(wrenn_client *client, const char *id, wrenn_host_with_token **host,
                                 wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_hosts_regenerate_token_start(client, id, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_regenerate_token_finish(wrn_op_wait(op), host, error) : rc;
}

int wrenn_hosts_list_tags_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data,
                                wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {id};
    wrenn_op *made;
    int rc = wrn_op_for_client(client, &wrn_hosts_list_tags_type, 0, args, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_hosts_list_tags_finish(wrenn_op *op, wrenn_tag_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_list_tags_type, list, error);
}

int wrenn_hosts_list_tags(wrenn_client *client, const char *id, wrenn_tag_list **list, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_hosts_list_tags_start(client, id, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_list_tags_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_hosts_add_tag_start(wrenn_client *client, const char *id, const char *tag, wrenn_done_fn done,
                              void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_hosts_add_tag_prepare(client, id, tag, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_hosts_add_tag_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_add_tag_type, NULL, error);
}

int wrenn_hosts_add_tag(wrenn_client *client, const char *id, const char *tag, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_hosts_add_tag_start(client, id, tag, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_add_tag_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_hosts_remove_tag_start(wrenn_client *client, const char *id, const char *tag, wrenn_done_fn done,
                                 void *user_data, wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {id, tag};
    wrenn_op *made;
    int rc = wrn_op_for_client(client, &wrn_hosts_remove_tag_type, 0, args, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_hosts_remove_tag_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_hosts_remove_tag_type, NULL, error);
}

int wrenn_hosts_remove_tag(wrenn_client *client, const char *id, const char *tag, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_hosts_remove_tag_start(client, id, tag, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_hosts_remove_tag_finish(wrn_op_wait(op), error) : rc;
}

void wrenn_host_free(wrenn_host *host) { wrn_result_free(host); }
void wrenn_host_with_token_free(wrenn_host_with_token *host) { wrn_result_free(host); }
void wrenn_host_delete_preview_free(wrenn_host_delete_preview *preview) { wrn_result_free(preview); }
void wrenn_host_list_free(wrenn_host_list *list) { wrn_result_free(list); }
void wrenn_tag_list_free(wrenn_tag_list *list) { wrn_result_free(list); }

/* ---- metrics.h ---- */

int wrenn_sandbox_metrics_start(wrenn_sandbox *sandbox, const wrenn_metrics_options *options, wrenn_done_fn done,
                                void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_metrics_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_metrics_options", error);
    if (rc == 0) rc = wrn_sandbox_metrics_prepare(sandbox, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_metrics_finish(wrenn_op *op, wrenn_metrics **metrics, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_metrics_type, metrics, error);
}

int wrenn_sandbox_metrics(wrenn_sandbox *sandbox, const wrenn_metrics_options *options, wrenn_metrics **metrics,
                          wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_metrics_start(sandbox, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_metrics_finish(wrn_op_wait(op), metrics, error) : rc;
}

void wrenn_metrics_free(wrenn_metrics *metrics) { wrn_result_free(metrics); }

/* ---- ports.h ---- */

int wrenn_sandbox_port_request_start(wrenn_sandbox *sandbox, const wrenn_port_request_options *options,
                                     wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_port_request_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_port_request_options", error);
    if (rc == 0) rc = wrn_sandbox_port_request_prepare(sandbox, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_port_request_finish(wrenn_op *op, wrenn_port_response **response, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_port_request_type, response, error);
}

int wrenn_sandbox_port_request(wrenn_sandbox *sandbox, const wrenn_port_request_options *options,
                               wrenn_port_response **response, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_port_request_start(sandbox, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_port_request_finish(wrn_op_wait(op), response, error) : rc;
}

int wrenn_sandbox_port_websocket_start(wrenn_sandbox *sandbox, int64_t port, const char *path, wrenn_done_fn done,
                                       void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_sandbox_port_websocket_prepare(sandbox, port, path, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_port_websocket_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_port_websocket_type, stream, error);
}

int wrenn_sandbox_port_websocket(wrenn_sandbox *sandbox, int64_t port, const char *path, wrenn_stream **stream,
                                 wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_port_websocket_start(sandbox, port, path, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_port_websocket_finish(wrn_op_wait(op), stream, error) : rc;
}

void wrenn_port_response_free(wrenn_port_response *response) { wrn_result_free(response); }

/* ---- processes.h ---- */

int wrenn_sandbox_spawn_start(wrenn_sandbox *sandbox, const wrenn_spawn_options *options, wrenn_done_fn done,
                              void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_spawn_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_spawn_options", error);
    if (rc == 0) rc = wrn_sandbox_spawn_prepare(sandbox, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_spawn_finish(wrenn_op *op, wrenn_process **process, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_spawn_type, process, error);
}

int wrenn_sandbox_spawn(wrenn_sandbox *sandbox, const wrenn_spawn_options *options, wrenn_process **process,
                        wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_spawn_start(sandbox, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_spawn_finish(wrn_op_wait(op), process, error) : rc;
}

int wrenn_sandbox_processes_start(wrenn_sandbox *sandbox, wrenn_done_fn done, void *user_data, wrenn_op **op,
                                  wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_op_for_sandbox(sandbox, &wrn_sandbox_processes_type, 0, NULL, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_processes_finish(wrenn_op *op, wrenn_process_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_processes_type, list, error);
}

int wrenn_sandbox_processes(wrenn_sandbox *sandbox, wrenn_process_list **list, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_processes_start(sandbox, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_processes_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_sandbox_kill_start(wrenn_sandbox *sandbox, const char *selector, int signal_number, wrenn_done_fn done,
                             void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_sandbox_kill_prepare(sandbox, selector, signal_number, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_kill_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_kill_type, NULL, error);
}

int wrenn_sandbox_kill(wrenn_sandbox *sandbox, const char *selector, int signal_number, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_kill_start(sandbox, selector, signal_number, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_kill_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_attach_start(wrenn_sandbox *sandbox, const char *selector, wrenn_done_fn done, void *user_data,
                               wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {selector};
    wrenn_op *made;
    int rc = wrn_op_for_sandbox(sandbox, &wrn_sandbox_attach_type, 0, args, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_attach_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_attach_type, stream, error);
}

int wrenn_sandbox_attach(wrenn_sandbox *sandbox, const char *selector, wrenn_stream **stream, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_attach_start(sandbox, selector, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_attach_finish(wrn_op_wait(op), stream, error) : rc;
}

void wrenn_process_free(wrenn_process *process) { wrn_result_free(process); }
void wrenn_process_list_free(wrenn_process_list *list) { wrn_result_free(list); }

/* ---- pty.h ---- */

int wrenn_sandbox_pty_start(wrenn_sandbox *sandbox, const wrenn_pty_options *options, wrenn_done_fn done,
                            void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_pty_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_pty_options", error);
    if (rc == 0) rc = wrn_sandbox_pty_prepare(sandbox, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_pty_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_pty_type, stream, error);
}

int wrenn_sandbox_pty(wrenn_sandbox *sandbox, const wrenn_pty_options *options, wrenn_stream **stream,
                      wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_pty_start(sandbox, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_pty_finish(wrn_op_wait(op), stream, error) : rc;
}

int wrenn_sandbox_pty_connect_start(wrenn_sandbox *sandbox, const char *tag, wrenn_done_fn done, void *user_data,
                                    wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_sandbox_pty_connect_prepare(sandbox, tag, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_pty_connect_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_pty_connect_type, stream, error);
}

int wrenn_sandbox_pty_connect(wrenn_sandbox *sandbox, const char *tag, wrenn_stream **stream, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_pty_connect_start(sandbox, tag, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_pty_connect_finish(wrn_op_wait(op), stream, error) : rc;
}

/* ---- sandbox.h ---- */

int wrenn_sandbox_wait_ready_start(wrenn_sandbox *sandbox, const wrenn_wait_options *options, wrenn_done_fn done,
                                   void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_wait_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_wait_options", error);
    if (rc == 0) rc = wrn_sandbox_wait_ready_prepare(sandbox, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_wait_ready_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_wait_ready_type, NULL, error);
}

int wrenn_sandbox_wait_ready(wrenn_sandbox *sandbox, const wrenn_wait_options *options, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_wait_ready_start(sandbox, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_wait_ready_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_ping_start(wrenn_sandbox *sandbox, wrenn_done_fn done, void *user_data, wrenn_op **op,
                             wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_op_for_sandbox(sandbox, &wrn_sandbox_ping_type, 0, NULL, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_ping_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_ping_type, NULL, error);
}

int wrenn_sandbox_ping(wrenn_sandbox *sandbox, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_ping_start(sandbox, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_ping_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_pause_start(wrenn_sandbox *sandbox, const wrenn_pause_options *options, wrenn_done_fn done,
                              void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_pause_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_pause_options", error);
    if (rc == 0) rc = wrn_sandbox_pause_prepare(sandbox, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_pause_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_pause_type, NULL, error);
}

int wrenn_sandbox_pause(wrenn_sandbox *sandbox, const wrenn_pause_options *options, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_pause_start(sandbox, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_pause_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_resume_start(wrenn_sandbox *sandbox, const wrenn_resume_options *options, wrenn_done_fn done,
                               void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_resume_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_resume_options", error);
    if (rc == 0) rc = wrn_sandbox_resume_prepare(sandbox, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_resume_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_resume_type, NULL, error);
}

int wrenn_sandbox_resume(wrenn_sandbox *sandbox, const wrenn_resume_options *options, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_resume_start(sandbox, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_resume_finish(wrn_op_wait(op), error) : rc;
}

int wrenn_sandbox_destroy_start(wrenn_sandbox *sandbox, wrenn_done_fn done, void *user_data, wrenn_op **op,
                                wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_op_for_sandbox(sandbox, &wrn_sandbox_destroy_type, 0, NULL, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandbox_destroy_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandbox_destroy_type, NULL, error);
}

int wrenn_sandbox_destroy(wrenn_sandbox *sandbox, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(sandbox ? sandbox->client : NULL, error);
    if (rc == 0) rc = wrenn_sandbox_destroy_start(sandbox, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandbox_destroy_finish(wrn_op_wait(op), error) : rc;
}

/* ---- sandboxes.h ---- */

int wrenn_sandboxes_create_start(wrenn_client *client, const wrenn_create_options *options, wrenn_done_fn done,
                                 void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_create_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_create_options", error);
    if (rc == 0) rc = wrn_sandboxes_create_prepare(client, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandboxes_create_finish(wrenn_op *op, wrenn_sandbox **sandbox, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandboxes_create_type, sandbox, error);
}

int wrenn_sandboxes_create(wrenn_client *client, const wrenn_create_options *options, wrenn_sandbox **sandbox,
                           wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_sandboxes_create_start(client, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandboxes_create_finish(wrn_op_wait(op), sandbox, error) : rc;
}

int wrenn_sandboxes_list_start(wrenn_client *client, wrenn_done_fn done, void *user_data, wrenn_op **op,
                               wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_op_for_client(client, &wrn_sandboxes_list_type, 0, NULL, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandboxes_list_finish(wrenn_op *op, wrenn_sandbox_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandboxes_list_type, list, error);
}

int wrenn_sandboxes_list(wrenn_client *client, wrenn_sandbox_list **list, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_sandboxes_list_start(client, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandboxes_list_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_sandboxes_get_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data, wrenn_op **op,
                              wrenn_error **error) {
    const char *const args[] = {id};
    wrenn_op *made;
    int rc = wrn_op_for_client(client, &wrn_sandboxes_get_type, 0, args, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandboxes_get_finish(wrenn_op *op, wrenn_sandbox **sandbox, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandboxes_get_type, sandbox, error);
}

int wrenn_sandboxes_get(wrenn_client *client, const char *id, wrenn_sandbox **sandbox, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_sandboxes_get_start(client, id, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandboxes_get_finish(wrn_op_wait(op), sandbox, error) : rc;
}

int wrenn_sandboxes_connect_start(wrenn_client *client, const char *id, const wrenn_connect_options *options,
                                  wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_connect_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_connect_options", error);
    if (rc == 0) rc = wrn_sandboxes_connect_prepare(client, id, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandboxes_connect_finish(wrenn_op *op, wrenn_sandbox **sandbox, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandboxes_connect_type, sandbox, error);
}

int wrenn_sandboxes_connect(wrenn_client *client, const char *id, const wrenn_connect_options *options,
                            wrenn_sandbox **sandbox, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_sandboxes_connect_start(client, id, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandboxes_connect_finish(wrn_op_wait(op), sandbox, error) : rc;
}

int wrenn_sandboxes_destroy_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data,
                                  wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {id};
    wrenn_op *made;
    int rc = wrn_op_for_client(client, &wrn_sandboxes_destroy_type, 0, args, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_sandboxes_destroy_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_sandboxes_destroy_type, NULL, error);
}

int wrenn_sandboxes_destroy(wrenn_client *client, const char *id, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_sandboxes_destroy_start(client, id, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_sandboxes_destroy_finish(wrn_op_wait(op), error) : rc;
}

void wrenn_sandbox_list_free(wrenn_sandbox_list *list) { wrn_result_free(list); }

/* ---- snapshots.h ---- */

int wrenn_snapshots_create_start(wrenn_client *client, const wrenn_snapshot_options *options, wrenn_done_fn done,
                                 void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_snapshot_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_snapshot_options", error);
    if (rc == 0) rc = wrn_snapshots_create_prepare(client, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_snapshots_create_finish(wrenn_op *op, wrenn_snapshot **snapshot, wrenn_error **error) {
    return wrn_op_take(op, &wrn_snapshots_create_type, snapshot, error);
}

int wrenn_snapshots_create(wrenn_client *client, const wrenn_snapshot_options *options, wrenn_snapshot **snapshot,
                           wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_snapshots_create_start(client, options, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_snapshots_create_finish(wrn_op_wait(op), snapshot, error) : rc;
}

int wrenn_snapshots_list_start(wrenn_client *client, const wrenn_snapshot_filter *filter, wrenn_done_fn done,
                               void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_snapshot_filter known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), filter, "wrenn_snapshot_filter", error);
    if (rc == 0) rc = wrn_snapshots_list_prepare(client, &known, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_snapshots_list_finish(wrenn_op *op, wrenn_snapshot_list **list, wrenn_error **error) {
    return wrn_op_take(op, &wrn_snapshots_list_type, list, error);
}

int wrenn_snapshots_list(wrenn_client *client, const wrenn_snapshot_filter *filter, wrenn_snapshot_list **list,
                         wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_snapshots_list_start(client, filter, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_snapshots_list_finish(wrn_op_wait(op), list, error) : rc;
}

int wrenn_snapshots_delete_start(wrenn_client *client, const char *name, wrenn_done_fn done, void *user_data,
                                 wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {name};
    wrenn_op *made;
    int rc = wrn_op_for_client(client, &wrn_snapshots_delete_type, 0, args, NULL, &made, error);
    return rc == 0 ? wrn_op_start(made, done, user_data, op, error) : rc;
}

int wrenn_snapshots_delete_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wrn_snapshots_delete_type, NULL, error);
}

int wrenn_snapshots_delete(wrenn_client *client, const char *name, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_may_block(client, error);
    if (rc == 0) rc = wrenn_snapshots_delete_start(client, name, NULL, NULL, &op, error);
    return rc == 0 ? wrenn_snapshots_delete_finish(wrn_op_wait(op), error) : rc;
}

void wrenn_snapshot_free(wrenn_snapshot *snapshot) { wrn_result_free(snapshot); }
void wrenn_snapshot_list_free(wrenn_snapshot_list *list) { wrn_result_free(list); }
