/* Generated from include/wrenn by tools/generate_operations.py. Do not edit. */

/* The types of all operations, and what sets those up whose row does not say all. The files of their nouns define them. */
#pragma once

#include "client/op.h"
#include "wrenn/wrenn.h"

extern const wrn_op_type wrn_api_keys_create_type, wrn_api_keys_list_type, wrn_api_keys_delete_type;
int wrn_api_keys_create_prepare(wrenn_op *op, const char *name, wrenn_error **error);

extern const wrn_op_type wrn_auth_signup_type, wrn_auth_login_type;
int wrn_auth_signup_prepare(wrenn_op *op, const char *email, const char *password, const char *name,
                            wrenn_error **error);
int wrn_auth_login_prepare(wrenn_op *op, const char *email, const char *password, wrenn_error **error);

extern const wrn_op_type wrn_sandbox_run_code_type, wrn_sandbox_code_context_type, wrn_code_context_interrupt_type,
                         wrn_code_context_restart_type, wrn_code_context_delete_type;
int wrn_sandbox_run_code_prepare(wrenn_op *op, const wrenn_sandbox_run_code_options *options, wrenn_error **error);
int wrn_sandbox_code_context_prepare(wrenn_op *op, const wrenn_sandbox_code_context_options *options,
                                     wrenn_error **error);

extern const wrn_op_type wrn_events_list_type;
int wrn_events_list_prepare(wrenn_op *op, const wrenn_events_list_options *options, wrenn_error **error);

extern const wrn_op_type wrn_sandbox_exec_type, wrn_sandbox_exec_stream_type;
int wrn_sandbox_exec_prepare(wrenn_op *op, const wrenn_command *command, wrenn_error **error);
int wrn_sandbox_exec_stream_prepare(wrenn_op *op, const wrenn_command *command, wrenn_error **error);

extern const wrn_op_type wrn_sandbox_list_dir_type, wrn_sandbox_mkdir_type, wrn_sandbox_remove_type,
                         wrn_sandbox_rename_type, wrn_sandbox_chmod_type, wrn_sandbox_stat_type,
                         wrn_sandbox_exists_type, wrn_sandbox_upload_type, wrn_sandbox_download_type,
                         wrn_sandbox_upload_stream_type, wrn_sandbox_download_stream_type, wrn_sandbox_upload_tar_type,
                         wrn_sandbox_download_tar_type;
int wrn_sandbox_list_dir_prepare(wrenn_op *op, const char *path, int64_t depth, wrenn_error **error);
int wrn_sandbox_mkdir_prepare(wrenn_op *op, const char *path, wrenn_error **error);
int wrn_sandbox_remove_prepare(wrenn_op *op, const char *path, wrenn_error **error);
int wrn_sandbox_rename_prepare(wrenn_op *op, const char *from, const char *to, wrenn_error **error);
int wrn_sandbox_chmod_prepare(wrenn_op *op, const char *path, int64_t mode, wrenn_error **error);
int wrn_sandbox_stat_prepare(wrenn_op *op, const char *path, wrenn_error **error);
int wrn_sandbox_exists_prepare(wrenn_op *op, const char *path, wrenn_error **error);
int wrn_sandbox_upload_prepare(wrenn_op *op, const char *path, const void *data, size_t size, wrenn_error **error);
int wrn_sandbox_download_prepare(wrenn_op *op, const char *path, wrenn_error **error);
int wrn_sandbox_upload_stream_prepare(wrenn_op *op, const wrenn_sandbox_upload_stream_options *options,
                                      wrenn_error **error);
int wrn_sandbox_download_stream_prepare(wrenn_op *op, const wrenn_sandbox_download_stream_options *options,
                                        wrenn_error **error);
int wrn_sandbox_upload_tar_prepare(wrenn_op *op, const wrenn_sandbox_upload_stream_options *options,
                                   wrenn_error **error);
int wrn_sandbox_download_tar_prepare(wrenn_op *op, const wrenn_sandbox_download_stream_options *options,
                                     wrenn_error **error);

extern const wrn_op_type wrn_hosts_create_type, wrn_hosts_list_type, wrn_hosts_get_type, wrn_hosts_delete_type,
                         wrn_hosts_delete_preview_type, wrn_hosts_regenerate_token_type, wrn_hosts_list_tags_type,
                         wrn_hosts_add_tag_type, wrn_hosts_remove_tag_type;
int wrn_hosts_create_prepare(wrenn_op *op, const wrenn_hosts_create_options *options, wrenn_error **error);
int wrn_hosts_delete_prepare(wrenn_op *op, const char *id, const wrenn_hosts_delete_options *options,
                             wrenn_error **error);
int wrn_hosts_add_tag_prepare(wrenn_op *op, const char *id, const char *tag, wrenn_error **error);

extern const wrn_op_type wrn_sandbox_metrics_type;
int wrn_sandbox_metrics_prepare(wrenn_op *op, const wrenn_sandbox_metrics_options *options, wrenn_error **error);

extern const wrn_op_type wrn_sandbox_network_get_type, wrn_sandbox_network_set_type, wrn_sandbox_network_check_type;
int wrn_sandbox_network_set_prepare(wrenn_op *op, const wrenn_sandbox_network_set_options *options,
                                    wrenn_error **error);

extern const wrn_op_type wrn_sandbox_wait_port_type, wrn_sandbox_port_request_type, wrn_sandbox_port_websocket_type;
int wrn_sandbox_wait_port_prepare(wrenn_op *op, int64_t port, int64_t time_limit_ms, wrenn_error **error);
int wrn_sandbox_port_request_prepare(wrenn_op *op, const wrenn_sandbox_port_request_options *options,
                                     wrenn_error **error);
int wrn_sandbox_port_websocket_prepare(wrenn_op *op, int64_t port, const char *path, wrenn_error **error);

extern const wrn_op_type wrn_sandbox_spawn_type, wrn_sandbox_processes_type, wrn_sandbox_kill_type,
                         wrn_sandbox_attach_type, wrn_sandbox_logs_type;
int wrn_sandbox_spawn_prepare(wrenn_op *op, const wrenn_command *command, wrenn_error **error);
int wrn_sandbox_kill_prepare(wrenn_op *op, const char *selector, int64_t signal_number, wrenn_error **error);
int wrn_sandbox_logs_prepare(wrenn_op *op, const char *selector, const wrenn_sandbox_logs_options *options,
                             wrenn_error **error);

extern const wrn_op_type wrn_sandbox_pty_type, wrn_sandbox_pty_connect_type;
int wrn_sandbox_pty_prepare(wrenn_op *op, const wrenn_command *command, wrenn_error **error);
int wrn_sandbox_pty_connect_prepare(wrenn_op *op, const char *tag, wrenn_error **error);

extern const wrn_op_type wrn_sandbox_wait_ready_type, wrn_sandbox_ping_type, wrn_sandbox_set_lifetime_type,
                         wrn_sandbox_update_metadata_type, wrn_sandbox_fork_type, wrn_sandbox_hold_type,
                         wrn_sandbox_pause_type, wrn_sandbox_resume_type, wrn_sandbox_destroy_type;
int wrn_sandbox_wait_ready_prepare(wrenn_op *op, const wrenn_sandbox_wait_ready_options *options, wrenn_error **error);
int wrn_sandbox_set_lifetime_prepare(wrenn_op *op, int64_t lifetime_sec, wrenn_error **error);
int wrn_sandbox_update_metadata_prepare(wrenn_op *op, const char *const *set, const char *const *remove,
                                        wrenn_error **error);
int wrn_sandbox_fork_prepare(wrenn_op *op, const wrenn_sandbox_fork_options *options, wrenn_error **error);
int wrn_sandbox_hold_prepare(wrenn_op *op, wrenn_error **error);
int wrn_sandbox_pause_prepare(wrenn_op *op, const wrenn_sandbox_pause_options *options, wrenn_error **error);
int wrn_sandbox_resume_prepare(wrenn_op *op, const wrenn_sandbox_resume_options *options, wrenn_error **error);

extern const wrn_op_type wrn_sandboxes_create_type, wrn_sandboxes_list_type, wrn_sandboxes_query_type,
                         wrn_sandboxes_get_type, wrn_sandboxes_connect_type, wrn_sandboxes_destroy_type;
int wrn_sandboxes_create_prepare(wrenn_op *op, const wrenn_sandboxes_create_options *options, wrenn_error **error);
int wrn_sandboxes_query_prepare(wrenn_op *op, const wrenn_sandboxes_query_options *options, wrenn_error **error);
int wrn_sandboxes_connect_prepare(wrenn_op *op, const char *id, const wrenn_sandboxes_connect_options *options,
                                  wrenn_error **error);

extern const wrn_op_type wrn_secrets_set_type, wrn_secrets_list_type, wrn_secrets_delete_type;
int wrn_secrets_set_prepare(wrenn_op *op, const char *name, const char *value, wrenn_error **error);

extern const wrn_op_type wrn_snapshots_create_type, wrn_snapshots_list_type, wrn_snapshots_delete_type;
int wrn_snapshots_create_prepare(wrenn_op *op, const wrenn_snapshots_create_options *options, wrenn_error **error);
int wrn_snapshots_list_prepare(wrenn_op *op, const wrenn_snapshots_list_options *options, wrenn_error **error);
