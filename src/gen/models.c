/* Generated from api/openapi.yaml by tools/generate.py. Do not edit. */

#include "base/auto.h"
#include "gen/requests.h"

_Static_assert(sizeof(wrenn_pair) == sizeof(wrn_pair), "the public pair is the private one");

static const char *const texts_sandbox_status[] = {"pending", "starting", "running", "paused", "hibernated", "stopped", "missing", "error", "pausing", "resuming", "stopping", "snapshotting"};
static const wrn_enum enum_sandbox_status = {texts_sandbox_status, WRN_COUNT(texts_sandbox_status)};

static const char *const texts_file_type[] = {"file", "directory", "symlink", "unknown"};
static const wrn_enum enum_file_type = {texts_file_type, WRN_COUNT(texts_file_type)};

static const char *const texts_host_status[] = {"pending", "online", "offline", "draining", "unreachable"};
static const wrn_enum enum_host_status = {texts_host_status, WRN_COUNT(texts_host_status)};

static const wrn_field fields_signup_request[] = {
    {"email", offsetof(wrn_signup_request, email), 0, WRN_FIELD_STRING, true, false, NULL},
    {"password", offsetof(wrn_signup_request, password), 0, WRN_FIELD_STRING, true, false, NULL},
    {"name", offsetof(wrn_signup_request, name), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_signup_request = {
    "SignupRequest", sizeof(wrn_signup_request), fields_signup_request, WRN_COUNT(fields_signup_request)};

static const wrn_field fields_signup_pending_response[] = {
    {"message", offsetof(wrn_signup_pending_response, message), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_signup_pending_response = {
    "SignupPendingResponse", sizeof(wrn_signup_pending_response), fields_signup_pending_response, WRN_COUNT(fields_signup_pending_response)};

static const wrn_field fields_login_request[] = {
    {"email", offsetof(wrn_login_request, email), 0, WRN_FIELD_STRING, true, false, NULL},
    {"password", offsetof(wrn_login_request, password), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_login_request = {
    "LoginRequest", sizeof(wrn_login_request), fields_login_request, WRN_COUNT(fields_login_request)};

static const wrn_field fields_auth[] = {
    {"token", offsetof(wrenn_auth, token), 0, WRN_FIELD_STRING, true, false, NULL},
    {"user_id", offsetof(wrenn_auth, user_id), 0, WRN_FIELD_STRING, true, false, NULL},
    {"team_id", offsetof(wrenn_auth, team_id), 0, WRN_FIELD_STRING, true, false, NULL},
    {"email", offsetof(wrenn_auth, email), 0, WRN_FIELD_STRING, true, false, NULL},
    {"name", offsetof(wrenn_auth, name), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_auth = {
    "AuthResponse", sizeof(wrenn_auth), fields_auth, WRN_COUNT(fields_auth)};

static const wrn_field fields_create_api_key_request[] = {
    {"name", offsetof(wrn_create_api_key_request, name), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_create_api_key_request = {
    "CreateApiKeyRequest", sizeof(wrn_create_api_key_request), fields_create_api_key_request, WRN_COUNT(fields_create_api_key_request)};

static const wrn_field fields_api_key[] = {
    {"id", offsetof(wrenn_api_key, id), 0, WRN_FIELD_STRING, true, false, NULL},
    {"team_id", offsetof(wrenn_api_key, team_id), 0, WRN_FIELD_STRING, true, false, NULL},
    {"name", offsetof(wrenn_api_key, name), 0, WRN_FIELD_STRING, true, false, NULL},
    {"key_prefix", offsetof(wrenn_api_key, key_prefix), 0, WRN_FIELD_STRING, true, false, NULL},
    {"created_by", offsetof(wrenn_api_key, created_by), 0, WRN_FIELD_STRING, true, false, NULL},
    {"creator_email", offsetof(wrenn_api_key, creator_email), 0, WRN_FIELD_STRING, false, false, NULL},
    {"created_at", offsetof(wrenn_api_key, created_at), 0, WRN_FIELD_STRING, true, false, NULL},
    {"last_used", offsetof(wrenn_api_key, last_used), 0, WRN_FIELD_STRING, false, false, NULL},
    {"key", offsetof(wrenn_api_key, key), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_api_key = {
    "ApiKeyWithSecret", sizeof(wrenn_api_key), fields_api_key, WRN_COUNT(fields_api_key)};

static const wrn_field fields_network_header[] = {
    {"host", offsetof(wrenn_network_header, host), 0, WRN_FIELD_STRING, true, false, NULL},
    {"header", offsetof(wrenn_network_header, header), 0, WRN_FIELD_STRING, true, false, NULL},
    {"secret", offsetof(wrenn_network_header, secret), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_network_header = {
    "NetworkHeader", sizeof(wrenn_network_header), fields_network_header, WRN_COUNT(fields_network_header)};

static const wrn_field fields_network_policy[] = {
    {"egress", offsetof(wrn_network_policy, egress), 0, WRN_FIELD_STRING, false, false, NULL},
    {"allow", offsetof(wrn_network_policy, allow), offsetof(wrn_network_policy, allow_count), WRN_FIELD_STRINGS, false, false, NULL},
    {"deny", offsetof(wrn_network_policy, deny), offsetof(wrn_network_policy, deny_count), WRN_FIELD_STRINGS, false, false, NULL},
    {"presets", offsetof(wrn_network_policy, presets), offsetof(wrn_network_policy, presets_count), WRN_FIELD_STRINGS, false, false, NULL},
    {"inject", offsetof(wrn_network_policy, inject), offsetof(wrn_network_policy, inject_count), WRN_FIELD_OBJECTS, false, false, &wrn_model_network_header},
};
const wrn_model wrn_model_network_policy = {
    "NetworkPolicy", sizeof(wrn_network_policy), fields_network_policy, WRN_COUNT(fields_network_policy)};

static const wrn_field fields_create_sandbox_request[] = {
    {"template", offsetof(wrn_create_sandbox_request, template_name), 0, WRN_FIELD_STRING, false, false, NULL},
    {"vcpus", offsetof(wrn_create_sandbox_request, vcpus), 0, WRN_FIELD_INT, false, true, NULL},
    {"memory_mb", offsetof(wrn_create_sandbox_request, memory_mb), 0, WRN_FIELD_INT, false, true, NULL},
    {"disk_mb", offsetof(wrn_create_sandbox_request, disk_mb), 0, WRN_FIELD_INT, false, true, NULL},
    {"timeout_sec", offsetof(wrn_create_sandbox_request, timeout_sec), 0, WRN_FIELD_INT, false, true, NULL},
    {"lifetime_sec", offsetof(wrn_create_sandbox_request, lifetime_sec), 0, WRN_FIELD_INT, false, true, NULL},
    {"lease_sec", offsetof(wrn_create_sandbox_request, lease_sec), 0, WRN_FIELD_INT, false, true, NULL},
    {"metadata", offsetof(wrn_create_sandbox_request, metadata), offsetof(wrn_create_sandbox_request, metadata_count), WRN_FIELD_MAP, false, false, NULL},
    {"isolation", offsetof(wrn_create_sandbox_request, isolation), 0, WRN_FIELD_STRING, false, false, NULL},
    {"network", offsetof(wrn_create_sandbox_request, network), 0, WRN_FIELD_OBJECT, false, false, &wrn_model_network_policy},
};
const wrn_model wrn_model_create_sandbox_request = {
    "CreateSandboxRequest", sizeof(wrn_create_sandbox_request), fields_create_sandbox_request, WRN_COUNT(fields_create_sandbox_request)};

static const wrn_field fields_isolation_limits[] = {
    {"memory", offsetof(wrenn_isolation_limits, memory), 0, WRN_FIELD_STRING, false, false, NULL},
    {"cpu", offsetof(wrenn_isolation_limits, cpu), 0, WRN_FIELD_STRING, false, false, NULL},
    {"pids", offsetof(wrenn_isolation_limits, pids), 0, WRN_FIELD_STRING, false, false, NULL},
    {"why", offsetof(wrenn_isolation_limits, why), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_isolation_limits = {
    "isolation_limits", sizeof(wrenn_isolation_limits), fields_isolation_limits, WRN_COUNT(fields_isolation_limits)};

static const wrn_field fields_isolation[] = {
    {"level", offsetof(wrenn_isolation, level), 0, WRN_FIELD_STRING, false, false, NULL},
    {"backend", offsetof(wrenn_isolation, backend), 0, WRN_FIELD_STRING, false, false, NULL},
    {"root", offsetof(wrenn_isolation, root), 0, WRN_FIELD_BOOL, false, false, NULL},
    {"user_namespace", offsetof(wrenn_isolation, user_namespace), 0, WRN_FIELD_STRING, false, false, NULL},
    {"seccomp", offsetof(wrenn_isolation, seccomp), 0, WRN_FIELD_STRING, false, false, NULL},
    {"cgroup", offsetof(wrenn_isolation, cgroup), 0, WRN_FIELD_STRING, false, false, NULL},
    {"limits", offsetof(wrenn_isolation, limits), 0, WRN_FIELD_OBJECT, false, false, &wrn_model_isolation_limits},
    {"network", offsetof(wrenn_isolation, network), 0, WRN_FIELD_STRING, false, false, NULL},
    {"disk", offsetof(wrenn_isolation, disk), 0, WRN_FIELD_STRING, false, false, NULL},
    {"reasons", offsetof(wrenn_isolation, reasons), offsetof(wrenn_isolation, reasons_count), WRN_FIELD_STRINGS, false, false, NULL},
    {"accelerator", offsetof(wrenn_isolation, accelerator), 0, WRN_FIELD_STRING, false, false, NULL},
    {"kernel", offsetof(wrenn_isolation, kernel), 0, WRN_FIELD_STRING, false, false, NULL},
    {"qemu", offsetof(wrenn_isolation, qemu), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_isolation = {
    "Isolation", sizeof(wrenn_isolation), fields_isolation, WRN_COUNT(fields_isolation)};

static const wrn_field fields_sandbox_info[] = {
    {"id", offsetof(wrenn_sandbox_info, id), 0, WRN_FIELD_STRING, true, false, NULL},
    {"status", offsetof(wrenn_sandbox_info, status), offsetof(wrenn_sandbox_info, status_text), WRN_FIELD_ENUM, true, false, &enum_sandbox_status},
    {"template", offsetof(wrenn_sandbox_info, template_name), 0, WRN_FIELD_STRING, true, false, NULL},
    {"vcpus", offsetof(wrenn_sandbox_info, vcpus), 0, WRN_FIELD_INT, true, true, NULL},
    {"memory_mb", offsetof(wrenn_sandbox_info, memory_mb), 0, WRN_FIELD_INT, true, true, NULL},
    {"timeout_sec", offsetof(wrenn_sandbox_info, timeout_sec), 0, WRN_FIELD_INT, true, true, NULL},
    {"guest_ip", offsetof(wrenn_sandbox_info, guest_ip), 0, WRN_FIELD_STRING, false, false, NULL},
    {"host_ip", offsetof(wrenn_sandbox_info, host_ip), 0, WRN_FIELD_STRING, false, false, NULL},
    {"created_at", offsetof(wrenn_sandbox_info, created_at), 0, WRN_FIELD_STRING, true, false, NULL},
    {"started_at", offsetof(wrenn_sandbox_info, started_at), 0, WRN_FIELD_STRING, false, false, NULL},
    {"last_active_at", offsetof(wrenn_sandbox_info, last_active_at), 0, WRN_FIELD_STRING, false, false, NULL},
    {"last_updated", offsetof(wrenn_sandbox_info, last_updated), 0, WRN_FIELD_STRING, true, false, NULL},
    {"metadata", offsetof(wrenn_sandbox_info, metadata), offsetof(wrenn_sandbox_info, metadata_count), WRN_FIELD_MAP, false, false, NULL},
    {"isolation", offsetof(wrenn_sandbox_info, isolation), 0, WRN_FIELD_OBJECT, false, false, &wrn_model_isolation},
    {"lifetime_sec", offsetof(wrenn_sandbox_info, lifetime_sec), 0, WRN_FIELD_INT, false, true, NULL},
    {"expires_at", offsetof(wrenn_sandbox_info, expires_at), 0, WRN_FIELD_STRING, false, false, NULL},
    {"lease_sec", offsetof(wrenn_sandbox_info, lease_sec), 0, WRN_FIELD_INT, false, true, NULL},
    {"disk_mb", offsetof(wrenn_sandbox_info, disk_mb), 0, WRN_FIELD_INT, false, true, NULL},
};
const wrn_model wrn_model_sandbox_info = {
    "Sandbox", sizeof(wrenn_sandbox_info), fields_sandbox_info, WRN_COUNT(fields_sandbox_info)};

static const wrn_field fields_fork_request[] = {
    {"count", offsetof(wrn_fork_request, count), 0, WRN_FIELD_INT, false, true, NULL},
    {"lifetime_sec", offsetof(wrn_fork_request, lifetime_sec), 0, WRN_FIELD_INT, false, true, NULL},
    {"metadata", offsetof(wrn_fork_request, metadata), offsetof(wrn_fork_request, metadata_count), WRN_FIELD_MAP, false, false, NULL},
};
const wrn_model wrn_model_fork_request = {
    "ForkRequest", sizeof(wrn_fork_request), fields_fork_request, WRN_COUNT(fields_fork_request)};

static const wrn_field fields_pause_request[] = {
    {"hibernate", offsetof(wrn_pause_request, hibernate), 0, WRN_FIELD_BOOL, false, false, NULL},
};
const wrn_model wrn_model_pause_request = {
    "PauseRequest", sizeof(wrn_pause_request), fields_pause_request, WRN_COUNT(fields_pause_request)};

static const wrn_field fields_lifetime_request[] = {
    {"lifetime_sec", offsetof(wrn_lifetime_request, lifetime_sec), 0, WRN_FIELD_INT, true, true, NULL},
};
const wrn_model wrn_model_lifetime_request = {
    "LifetimeRequest", sizeof(wrn_lifetime_request), fields_lifetime_request, WRN_COUNT(fields_lifetime_request)};

static const wrn_field fields_set_secret_request[] = {
    {"value", offsetof(wrn_set_secret_request, value), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_set_secret_request = {
    "SetSecretRequest", sizeof(wrn_set_secret_request), fields_set_secret_request, WRN_COUNT(fields_set_secret_request)};

static const wrn_field fields_secret[] = {
    {"name", offsetof(wrenn_secret, name), 0, WRN_FIELD_STRING, true, false, NULL},
    {"created_at", offsetof(wrenn_secret, created_at), 0, WRN_FIELD_STRING, true, false, NULL},
    {"updated_at", offsetof(wrenn_secret, updated_at), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_secret = {
    "Secret", sizeof(wrenn_secret), fields_secret, WRN_COUNT(fields_secret)};

static const wrn_field fields_network_denial[] = {
    {"proto", offsetof(wrenn_network_denial, proto), 0, WRN_FIELD_STRING, true, false, NULL},
    {"address", offsetof(wrenn_network_denial, address), 0, WRN_FIELD_STRING, true, false, NULL},
    {"port", offsetof(wrenn_network_denial, port), 0, WRN_FIELD_INT, true, true, NULL},
    {"name", offsetof(wrenn_network_denial, name), 0, WRN_FIELD_STRING, false, false, NULL},
    {"reason", offsetof(wrenn_network_denial, reason), 0, WRN_FIELD_STRING, true, false, NULL},
    {"count", offsetof(wrenn_network_denial, count), 0, WRN_FIELD_INT, true, false, NULL},
    {"last_at", offsetof(wrenn_network_denial, last_at), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_network_denial = {
    "NetworkDenial", sizeof(wrenn_network_denial), fields_network_denial, WRN_COUNT(fields_network_denial)};

static const wrn_field fields_network_check[] = {
    {"allowed", offsetof(wrenn_network_check, allowed), 0, WRN_FIELD_BOOL, true, false, NULL},
    {"reason", offsetof(wrenn_network_check, reason), 0, WRN_FIELD_STRING, false, false, NULL},
    {"rule", offsetof(wrenn_network_check, rule), 0, WRN_FIELD_STRING, false, false, NULL},
    {"source", offsetof(wrenn_network_check, source), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_network_check = {
    "NetworkCheck", sizeof(wrenn_network_check), fields_network_check, WRN_COUNT(fields_network_check)};

static const wrn_field fields_network[] = {
    {"egress", offsetof(wrenn_network, egress), 0, WRN_FIELD_STRING, true, false, NULL},
    {"allow", offsetof(wrenn_network, allow), offsetof(wrenn_network, allow_count), WRN_FIELD_STRINGS, true, false, NULL},
    {"deny", offsetof(wrenn_network, deny), offsetof(wrenn_network, deny_count), WRN_FIELD_STRINGS, true, false, NULL},
    {"presets", offsetof(wrenn_network, presets), offsetof(wrenn_network, presets_count), WRN_FIELD_STRINGS, true, false, NULL},
    {"bytes_in", offsetof(wrenn_network, bytes_in), 0, WRN_FIELD_INT, true, false, NULL},
    {"bytes_out", offsetof(wrenn_network, bytes_out), 0, WRN_FIELD_INT, true, false, NULL},
    {"connections", offsetof(wrenn_network, connections), 0, WRN_FIELD_INT, true, false, NULL},
    {"dns_queries", offsetof(wrenn_network, dns_queries), 0, WRN_FIELD_INT, true, false, NULL},
    {"denied_total", offsetof(wrenn_network, denied_total), 0, WRN_FIELD_INT, true, false, NULL},
    {"denied", offsetof(wrenn_network, denied), offsetof(wrenn_network, denied_count), WRN_FIELD_OBJECTS, true, false, &wrn_model_network_denial},
    {"gate", offsetof(wrenn_network, gate), 0, WRN_FIELD_STRING, false, false, NULL},
    {"mode", offsetof(wrenn_network, mode), 0, WRN_FIELD_STRING, false, false, NULL},
    {"cut", offsetof(wrenn_network, cut), 0, WRN_FIELD_INT, false, false, NULL},
    {"inject", offsetof(wrenn_network, inject), offsetof(wrenn_network, inject_count), WRN_FIELD_OBJECTS, false, false, &wrn_model_network_header},
};
const wrn_model wrn_model_network = {
    "Network", sizeof(wrenn_network), fields_network, WRN_COUNT(fields_network)};

static const wrn_field fields_metadata_request[] = {
    {"set", offsetof(wrn_metadata_request, set), offsetof(wrn_metadata_request, set_count), WRN_FIELD_MAP, false, false, NULL},
    {"remove", offsetof(wrn_metadata_request, remove), offsetof(wrn_metadata_request, remove_count), WRN_FIELD_STRINGS, false, false, NULL},
};
const wrn_model wrn_model_metadata_request = {
    "MetadataRequest", sizeof(wrn_metadata_request), fields_metadata_request, WRN_COUNT(fields_metadata_request)};

static const wrn_field fields_metric_point[] = {
    {"timestamp_unix", offsetof(wrenn_metric_point, timestamp_unix), 0, WRN_FIELD_INT, true, false, NULL},
    {"cpu_pct", offsetof(wrenn_metric_point, cpu_pct), 0, WRN_FIELD_DOUBLE, true, false, NULL},
    {"mem_bytes", offsetof(wrenn_metric_point, mem_bytes), 0, WRN_FIELD_INT, true, false, NULL},
    {"disk_bytes", offsetof(wrenn_metric_point, disk_bytes), 0, WRN_FIELD_INT, true, false, NULL},
    {"net_in_bytes", offsetof(wrenn_metric_point, net_in_bytes), 0, WRN_FIELD_INT, false, false, NULL},
    {"net_out_bytes", offsetof(wrenn_metric_point, net_out_bytes), 0, WRN_FIELD_INT, false, false, NULL},
    {"net_connections", offsetof(wrenn_metric_point, net_connections), 0, WRN_FIELD_INT, false, false, NULL},
    {"net_denied", offsetof(wrenn_metric_point, net_denied), 0, WRN_FIELD_INT, false, false, NULL},
};
const wrn_model wrn_model_metric_point = {
    "MetricPoint", sizeof(wrenn_metric_point), fields_metric_point, WRN_COUNT(fields_metric_point)};

static const wrn_field fields_metrics[] = {
    {"sandbox_id", offsetof(wrenn_metrics, sandbox_id), 0, WRN_FIELD_STRING, true, false, NULL},
    {"range", offsetof(wrenn_metrics, range), 0, WRN_FIELD_STRING, true, false, NULL},
    {"points", offsetof(wrenn_metrics, points), offsetof(wrenn_metrics, points_count), WRN_FIELD_OBJECTS, true, false, &wrn_model_metric_point},
};
const wrn_model wrn_model_metrics = {
    "SandboxMetrics", sizeof(wrenn_metrics), fields_metrics, WRN_COUNT(fields_metrics)};

static const wrn_field fields_sandbox_stats_current[] = {
    {"running_count", offsetof(wrn_sandbox_stats_current, running_count), 0, WRN_FIELD_INT, true, true, NULL},
    {"vcpus_reserved", offsetof(wrn_sandbox_stats_current, vcpus_reserved), 0, WRN_FIELD_INT, true, true, NULL},
    {"memory_mb_reserved", offsetof(wrn_sandbox_stats_current, memory_mb_reserved), 0, WRN_FIELD_INT, true, true, NULL},
};
const wrn_model wrn_model_sandbox_stats_current = {
    "sandbox_stats_current", sizeof(wrn_sandbox_stats_current), fields_sandbox_stats_current, WRN_COUNT(fields_sandbox_stats_current)};

static const wrn_field fields_sandbox_stats_peaks[] = {
    {"running_count", offsetof(wrn_sandbox_stats_peaks, running_count), 0, WRN_FIELD_INT, true, true, NULL},
    {"vcpus", offsetof(wrn_sandbox_stats_peaks, vcpus), 0, WRN_FIELD_INT, true, true, NULL},
    {"memory_mb", offsetof(wrn_sandbox_stats_peaks, memory_mb), 0, WRN_FIELD_INT, true, true, NULL},
};
const wrn_model wrn_model_sandbox_stats_peaks = {
    "sandbox_stats_peaks", sizeof(wrn_sandbox_stats_peaks), fields_sandbox_stats_peaks, WRN_COUNT(fields_sandbox_stats_peaks)};

static const wrn_field fields_sandbox_stats_series[] = {
    {"labels", offsetof(wrn_sandbox_stats_series, labels), offsetof(wrn_sandbox_stats_series, labels_count), WRN_FIELD_STRINGS, true, false, NULL},
    {"running", offsetof(wrn_sandbox_stats_series, running), offsetof(wrn_sandbox_stats_series, running_count), WRN_FIELD_INTS, true, true, NULL},
    {"vcpus", offsetof(wrn_sandbox_stats_series, vcpus), offsetof(wrn_sandbox_stats_series, vcpus_count), WRN_FIELD_INTS, true, true, NULL},
    {"memory_mb", offsetof(wrn_sandbox_stats_series, memory_mb), offsetof(wrn_sandbox_stats_series, memory_mb_count), WRN_FIELD_INTS, true, true, NULL},
};
const wrn_model wrn_model_sandbox_stats_series = {
    "sandbox_stats_series", sizeof(wrn_sandbox_stats_series), fields_sandbox_stats_series, WRN_COUNT(fields_sandbox_stats_series)};

static const wrn_field fields_sandbox_stats[] = {
    {"range", offsetof(wrn_sandbox_stats, range), 0, WRN_FIELD_STRING, true, false, NULL},
    {"current", offsetof(wrn_sandbox_stats, current), 0, WRN_FIELD_OBJECT, true, false, &wrn_model_sandbox_stats_current},
    {"peaks", offsetof(wrn_sandbox_stats, peaks), 0, WRN_FIELD_OBJECT, true, false, &wrn_model_sandbox_stats_peaks},
    {"series", offsetof(wrn_sandbox_stats, series), 0, WRN_FIELD_OBJECT, true, false, &wrn_model_sandbox_stats_series},
};
const wrn_model wrn_model_sandbox_stats = {
    "SandboxStats", sizeof(wrn_sandbox_stats), fields_sandbox_stats, WRN_COUNT(fields_sandbox_stats)};

static const wrn_field fields_usage_point[] = {
    {"date", offsetof(wrn_usage_point, date), 0, WRN_FIELD_STRING, true, false, NULL},
    {"cpu_minutes", offsetof(wrn_usage_point, cpu_minutes), 0, WRN_FIELD_DOUBLE, true, false, NULL},
    {"ram_mb_minutes", offsetof(wrn_usage_point, ram_mb_minutes), 0, WRN_FIELD_DOUBLE, true, false, NULL},
};
const wrn_model wrn_model_usage_point = {
    "usage_point", sizeof(wrn_usage_point), fields_usage_point, WRN_COUNT(fields_usage_point)};

static const wrn_field fields_usage[] = {
    {"from", offsetof(wrn_usage, from), 0, WRN_FIELD_STRING, true, false, NULL},
    {"to", offsetof(wrn_usage, to), 0, WRN_FIELD_STRING, true, false, NULL},
    {"points", offsetof(wrn_usage, points), offsetof(wrn_usage, points_count), WRN_FIELD_OBJECTS, true, false, &wrn_model_usage_point},
};
const wrn_model wrn_model_usage = {
    "Usage", sizeof(wrn_usage), fields_usage, WRN_COUNT(fields_usage)};

static const wrn_field fields_exec_request[] = {
    {"cmd", offsetof(wrn_exec_request, command.cmd), 0, WRN_FIELD_STRING, true, false, NULL},
    {"args", offsetof(wrn_exec_request, command.args), offsetof(wrn_exec_request, command.args_count), WRN_FIELD_STRINGS, false, false, NULL},
    {"envs", offsetof(wrn_exec_request, command.envs), offsetof(wrn_exec_request, command.envs_count), WRN_FIELD_MAP, false, false, NULL},
    {"cwd", offsetof(wrn_exec_request, command.cwd), 0, WRN_FIELD_STRING, false, false, NULL},
    {"user", offsetof(wrn_exec_request, command.user), 0, WRN_FIELD_STRING, false, false, NULL},
    {"timeout_sec", offsetof(wrn_exec_request, timeout_sec), 0, WRN_FIELD_INT, false, true, NULL},
    {"background", offsetof(wrn_exec_request, background), 0, WRN_FIELD_BOOL, false, false, NULL},
    {"tag", offsetof(wrn_exec_request, tag), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_exec_request = {
    "ExecRequest", sizeof(wrn_exec_request), fields_exec_request, WRN_COUNT(fields_exec_request)};

static const wrn_field fields_exec_result[] = {
    {"sandbox_id", offsetof(wrn_exec_result, sandbox_id), 0, WRN_FIELD_STRING, true, false, NULL},
    {"cmd", offsetof(wrn_exec_result, cmd), 0, WRN_FIELD_STRING, true, false, NULL},
    {"stdout", offsetof(wrn_exec_result, out), offsetof(wrn_exec_result, out_size), WRN_FIELD_BYTES, true, false, NULL},
    {"stderr", offsetof(wrn_exec_result, err), offsetof(wrn_exec_result, err_size), WRN_FIELD_BYTES, true, false, NULL},
    {"exit_code", offsetof(wrn_exec_result, exit_code), 0, WRN_FIELD_INT, true, true, NULL},
    {"duration_ms", offsetof(wrn_exec_result, duration_ms), 0, WRN_FIELD_INT, true, false, NULL},
    {"encoding", offsetof(wrn_exec_result, encoding), 0, WRN_FIELD_STRING, true, false, NULL},
    {"signal", offsetof(wrn_exec_result, signal), 0, WRN_FIELD_INT, false, true, NULL},
    {"oom_killed", offsetof(wrn_exec_result, oom_killed), 0, WRN_FIELD_BOOL, false, false, NULL},
    {"output_cut", offsetof(wrn_exec_result, output_cut), 0, WRN_FIELD_BOOL, false, false, NULL},
};
const wrn_model wrn_model_exec_result = {
    "ExecResult", sizeof(wrn_exec_result), fields_exec_result, WRN_COUNT(fields_exec_result)};

static const wrn_field fields_background_exec[] = {
    {"sandbox_id", offsetof(wrn_background_exec, sandbox_id), 0, WRN_FIELD_STRING, true, false, NULL},
    {"cmd", offsetof(wrn_background_exec, cmd), 0, WRN_FIELD_STRING, true, false, NULL},
    {"pid", offsetof(wrn_background_exec, pid), 0, WRN_FIELD_INT, true, false, NULL},
    {"tag", offsetof(wrn_background_exec, tag), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_background_exec = {
    "BackgroundExec", sizeof(wrn_background_exec), fields_background_exec, WRN_COUNT(fields_background_exec)};

static const wrn_field fields_process[] = {
    {"pid", offsetof(wrenn_process, pid), 0, WRN_FIELD_INT, true, false, NULL},
    {"tag", offsetof(wrenn_process, tag), 0, WRN_FIELD_STRING, false, false, NULL},
    {"cmd", offsetof(wrenn_process, cmd), 0, WRN_FIELD_STRING, true, false, NULL},
    {"args", offsetof(wrenn_process, args), offsetof(wrenn_process, args_count), WRN_FIELD_STRINGS, false, false, NULL},
};
const wrn_model wrn_model_process = {
    "ProcessEntry", sizeof(wrenn_process), fields_process, WRN_COUNT(fields_process)};

static const wrn_field fields_process_list[] = {
    {"processes", offsetof(wrn_process_list, processes), offsetof(wrn_process_list, processes_count), WRN_FIELD_OBJECTS, true, false, &wrn_model_process},
};
const wrn_model wrn_model_process_list = {
    "ProcessList", sizeof(wrn_process_list), fields_process_list, WRN_COUNT(fields_process_list)};

static const wrn_field fields_path_request[] = {
    {"path", offsetof(wrn_path_request, path), 0, WRN_FIELD_STRING, true, false, NULL},
    {"user", offsetof(wrn_path_request, user), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_path_request = {
    "PathRequest", sizeof(wrn_path_request), fields_path_request, WRN_COUNT(fields_path_request)};

static const wrn_field fields_rename_request[] = {
    {"path", offsetof(wrn_rename_request, path), 0, WRN_FIELD_STRING, true, false, NULL},
    {"to", offsetof(wrn_rename_request, to), 0, WRN_FIELD_STRING, true, false, NULL},
    {"user", offsetof(wrn_rename_request, user), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_rename_request = {
    "RenameRequest", sizeof(wrn_rename_request), fields_rename_request, WRN_COUNT(fields_rename_request)};

static const wrn_field fields_chmod_request[] = {
    {"path", offsetof(wrn_chmod_request, path), 0, WRN_FIELD_STRING, true, false, NULL},
    {"mode", offsetof(wrn_chmod_request, mode), 0, WRN_FIELD_INT, true, false, NULL},
    {"user", offsetof(wrn_chmod_request, user), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_chmod_request = {
    "ChmodRequest", sizeof(wrn_chmod_request), fields_chmod_request, WRN_COUNT(fields_chmod_request)};

static const wrn_field fields_list_dir_request[] = {
    {"path", offsetof(wrn_list_dir_request, path), 0, WRN_FIELD_STRING, true, false, NULL},
    {"depth", offsetof(wrn_list_dir_request, depth), 0, WRN_FIELD_INT, false, false, NULL},
    {"user", offsetof(wrn_list_dir_request, user), 0, WRN_FIELD_STRING, false, false, NULL},
    {"limit", offsetof(wrn_list_dir_request, limit), 0, WRN_FIELD_INT, false, false, NULL},
    {"cursor", offsetof(wrn_list_dir_request, cursor), 0, WRN_FIELD_STRING, false, false, NULL},
    {"only", offsetof(wrn_list_dir_request, only), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_list_dir_request = {
    "ListDirRequest", sizeof(wrn_list_dir_request), fields_list_dir_request, WRN_COUNT(fields_list_dir_request)};

static const wrn_field fields_file_entry[] = {
    {"name", offsetof(wrenn_file_entry, name), 0, WRN_FIELD_STRING, true, false, NULL},
    {"path", offsetof(wrenn_file_entry, path), 0, WRN_FIELD_STRING, true, false, NULL},
    {"type", offsetof(wrenn_file_entry, type), offsetof(wrenn_file_entry, type_text), WRN_FIELD_ENUM, true, false, &enum_file_type},
    {"size", offsetof(wrenn_file_entry, size), 0, WRN_FIELD_INT, true, false, NULL},
    {"mode", offsetof(wrenn_file_entry, mode), 0, WRN_FIELD_INT, true, false, NULL},
    {"permissions", offsetof(wrenn_file_entry, permissions), 0, WRN_FIELD_STRING, true, false, NULL},
    {"owner", offsetof(wrenn_file_entry, owner), 0, WRN_FIELD_STRING, true, false, NULL},
    {"group", offsetof(wrenn_file_entry, group), 0, WRN_FIELD_STRING, true, false, NULL},
    {"modified_at", offsetof(wrenn_file_entry, modified_at), 0, WRN_FIELD_INT, true, false, NULL},
    {"symlink_target", offsetof(wrenn_file_entry, symlink_target), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_file_entry = {
    "FileEntry", sizeof(wrenn_file_entry), fields_file_entry, WRN_COUNT(fields_file_entry)};

static const wrn_field fields_list_dir_response[] = {
    {"entries", offsetof(wrn_list_dir_response, entries), offsetof(wrn_list_dir_response, entries_count), WRN_FIELD_OBJECTS, true, false, &wrn_model_file_entry},
    {"next_cursor", offsetof(wrn_list_dir_response, next_cursor), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_list_dir_response = {
    "ListDirResponse", sizeof(wrn_list_dir_response), fields_list_dir_response, WRN_COUNT(fields_list_dir_response)};

static const wrn_field fields_make_dir_response[] = {
    {"entry", offsetof(wrn_make_dir_response, entry), 0, WRN_FIELD_OBJECT, true, false, &wrn_model_file_entry},
};
const wrn_model wrn_model_make_dir_response = {
    "MakeDirResponse", sizeof(wrn_make_dir_response), fields_make_dir_response, WRN_COUNT(fields_make_dir_response)};

static const wrn_field fields_create_snapshot_request[] = {
    {"sandbox_id", offsetof(wrn_create_snapshot_request, sandbox_id), 0, WRN_FIELD_STRING, true, false, NULL},
    {"name", offsetof(wrn_create_snapshot_request, name), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_create_snapshot_request = {
    "CreateSnapshotRequest", sizeof(wrn_create_snapshot_request), fields_create_snapshot_request, WRN_COUNT(fields_create_snapshot_request)};

static const wrn_field fields_snapshot[] = {
    {"name", offsetof(wrenn_snapshot, name), 0, WRN_FIELD_STRING, true, false, NULL},
    {"type", offsetof(wrenn_snapshot, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"vcpus", offsetof(wrenn_snapshot, vcpus), 0, WRN_FIELD_INT, false, true, NULL},
    {"memory_mb", offsetof(wrenn_snapshot, memory_mb), 0, WRN_FIELD_INT, false, true, NULL},
    {"size_bytes", offsetof(wrenn_snapshot, size_bytes), 0, WRN_FIELD_INT, true, false, NULL},
    {"created_at", offsetof(wrenn_snapshot, created_at), 0, WRN_FIELD_STRING, true, false, NULL},
    {"platform", offsetof(wrenn_snapshot, platform), 0, WRN_FIELD_BOOL, false, false, NULL},
    {"metadata", offsetof(wrenn_snapshot, metadata), offsetof(wrenn_snapshot, metadata_count), WRN_FIELD_MAP, false, false, NULL},
};
const wrn_model wrn_model_snapshot = {
    "Template", sizeof(wrenn_snapshot), fields_snapshot, WRN_COUNT(fields_snapshot)};

static const wrn_field fields_create_host_request[] = {
    {"type", offsetof(wrn_create_host_request, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"team_id", offsetof(wrn_create_host_request, team_id), 0, WRN_FIELD_STRING, false, false, NULL},
    {"provider", offsetof(wrn_create_host_request, provider), 0, WRN_FIELD_STRING, false, false, NULL},
    {"availability_zone", offsetof(wrn_create_host_request, availability_zone), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_create_host_request = {
    "CreateHostRequest", sizeof(wrn_create_host_request), fields_create_host_request, WRN_COUNT(fields_create_host_request)};

static const wrn_field fields_host[] = {
    {"id", offsetof(wrenn_host, id), 0, WRN_FIELD_STRING, true, false, NULL},
    {"type", offsetof(wrenn_host, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"team_id", offsetof(wrenn_host, team_id), 0, WRN_FIELD_STRING, false, false, NULL},
    {"team_name", offsetof(wrenn_host, team_name), 0, WRN_FIELD_STRING, false, false, NULL},
    {"provider", offsetof(wrenn_host, provider), 0, WRN_FIELD_STRING, false, false, NULL},
    {"availability_zone", offsetof(wrenn_host, availability_zone), 0, WRN_FIELD_STRING, false, false, NULL},
    {"arch", offsetof(wrenn_host, arch), 0, WRN_FIELD_STRING, false, false, NULL},
    {"cpu_cores", offsetof(wrenn_host, cpu_cores), 0, WRN_FIELD_INT, false, true, NULL},
    {"memory_mb", offsetof(wrenn_host, memory_mb), 0, WRN_FIELD_INT, false, true, NULL},
    {"disk_gb", offsetof(wrenn_host, disk_gb), 0, WRN_FIELD_INT, false, true, NULL},
    {"address", offsetof(wrenn_host, address), 0, WRN_FIELD_STRING, false, false, NULL},
    {"status", offsetof(wrenn_host, status), offsetof(wrenn_host, status_text), WRN_FIELD_ENUM, true, false, &enum_host_status},
    {"last_heartbeat_at", offsetof(wrenn_host, last_heartbeat_at), 0, WRN_FIELD_STRING, false, false, NULL},
    {"created_by", offsetof(wrenn_host, created_by), 0, WRN_FIELD_STRING, true, false, NULL},
    {"created_at", offsetof(wrenn_host, created_at), 0, WRN_FIELD_STRING, true, false, NULL},
    {"updated_at", offsetof(wrenn_host, updated_at), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_host = {
    "Host", sizeof(wrenn_host), fields_host, WRN_COUNT(fields_host)};

static const wrn_field fields_host_with_token[] = {
    {"host", offsetof(wrenn_host_with_token, host), 0, WRN_FIELD_OBJECT, true, false, &wrn_model_host},
    {"registration_token", offsetof(wrenn_host_with_token, registration_token), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_host_with_token = {
    "HostWithToken", sizeof(wrenn_host_with_token), fields_host_with_token, WRN_COUNT(fields_host_with_token)};

static const wrn_field fields_host_delete_preview[] = {
    {"host", offsetof(wrenn_host_delete_preview, host), 0, WRN_FIELD_OBJECT, true, false, &wrn_model_host},
    {"sandbox_ids", offsetof(wrenn_host_delete_preview, sandbox_ids), offsetof(wrenn_host_delete_preview, sandbox_ids_count), WRN_FIELD_STRINGS, true, false, NULL},
};
const wrn_model wrn_model_host_delete_preview = {
    "HostDeletePreview", sizeof(wrenn_host_delete_preview), fields_host_delete_preview, WRN_COUNT(fields_host_delete_preview)};

static const wrn_field fields_add_tag_request[] = {
    {"tag", offsetof(wrn_add_tag_request, tag), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_add_tag_request = {
    "AddTagRequest", sizeof(wrn_add_tag_request), fields_add_tag_request, WRN_COUNT(fields_add_tag_request)};

static const wrn_field fields_register_host_request[] = {
    {"token", offsetof(wrn_register_host_request, token), 0, WRN_FIELD_STRING, true, false, NULL},
    {"address", offsetof(wrn_register_host_request, address), 0, WRN_FIELD_STRING, true, false, NULL},
    {"arch", offsetof(wrn_register_host_request, arch), 0, WRN_FIELD_STRING, false, false, NULL},
    {"cpu_cores", offsetof(wrn_register_host_request, cpu_cores), 0, WRN_FIELD_INT, false, true, NULL},
    {"memory_mb", offsetof(wrn_register_host_request, memory_mb), 0, WRN_FIELD_INT, false, true, NULL},
    {"disk_gb", offsetof(wrn_register_host_request, disk_gb), 0, WRN_FIELD_INT, false, true, NULL},
};
const wrn_model wrn_model_register_host_request = {
    "RegisterHostRequest", sizeof(wrn_register_host_request), fields_register_host_request, WRN_COUNT(fields_register_host_request)};

static const wrn_field fields_refresh_host_request[] = {
    {"refresh_token", offsetof(wrn_refresh_host_request, refresh_token), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_refresh_host_request = {
    "RefreshHostRequest", sizeof(wrn_refresh_host_request), fields_refresh_host_request, WRN_COUNT(fields_refresh_host_request)};

static const wrn_field fields_host_credentials[] = {
    {"host", offsetof(wrn_host_credentials, host), 0, WRN_FIELD_OBJECT, true, false, &wrn_model_host},
    {"token", offsetof(wrn_host_credentials, token), 0, WRN_FIELD_STRING, true, false, NULL},
    {"refresh_token", offsetof(wrn_host_credentials, refresh_token), 0, WRN_FIELD_STRING, true, false, NULL},
    {"cert_pem", offsetof(wrn_host_credentials, cert_pem), 0, WRN_FIELD_STRING, false, false, NULL},
    {"key_pem", offsetof(wrn_host_credentials, key_pem), 0, WRN_FIELD_STRING, false, false, NULL},
    {"ca_cert_pem", offsetof(wrn_host_credentials, ca_cert_pem), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_host_credentials = {
    "HostCredentials", sizeof(wrn_host_credentials), fields_host_credentials, WRN_COUNT(fields_host_credentials)};

static const wrn_field fields_health[] = {
    {"status", offsetof(wrn_health, status), 0, WRN_FIELD_STRING, true, false, NULL},
    {"version", offsetof(wrn_health, version), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_health = {
    "Health", sizeof(wrn_health), fields_health, WRN_COUNT(fields_health)};

static const wrn_field fields_ws_auth[] = {
    {"type", offsetof(wrn_ws_auth, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"token", offsetof(wrn_ws_auth, token), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_ws_auth = {
    "WsAuth", sizeof(wrn_ws_auth), fields_ws_auth, WRN_COUNT(fields_ws_auth)};

static const wrn_field fields_ws_exec_start[] = {
    {"type", offsetof(wrn_ws_exec_start, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"cmd", offsetof(wrn_ws_exec_start, command.cmd), 0, WRN_FIELD_STRING, true, false, NULL},
    {"args", offsetof(wrn_ws_exec_start, command.args), offsetof(wrn_ws_exec_start, command.args_count), WRN_FIELD_STRINGS, false, false, NULL},
    {"envs", offsetof(wrn_ws_exec_start, command.envs), offsetof(wrn_ws_exec_start, command.envs_count), WRN_FIELD_MAP, false, false, NULL},
    {"cwd", offsetof(wrn_ws_exec_start, command.cwd), 0, WRN_FIELD_STRING, false, false, NULL},
    {"user", offsetof(wrn_ws_exec_start, command.user), 0, WRN_FIELD_STRING, false, false, NULL},
    {"stdin", offsetof(wrn_ws_exec_start, input), 0, WRN_FIELD_BOOL, false, false, NULL},
};
const wrn_model wrn_model_ws_exec_start = {
    "WsExecStart", sizeof(wrn_ws_exec_start), fields_ws_exec_start, WRN_COUNT(fields_ws_exec_start)};

static const wrn_field fields_ws_exec_close_stdin[] = {
    {"type", offsetof(wrn_ws_exec_close_stdin, type), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_ws_exec_close_stdin = {
    "WsExecCloseStdin", sizeof(wrn_ws_exec_close_stdin), fields_ws_exec_close_stdin, WRN_COUNT(fields_ws_exec_close_stdin)};

static const wrn_field fields_ws_exec_stop[] = {
    {"type", offsetof(wrn_ws_exec_stop, type), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_ws_exec_stop = {
    "WsExecStop", sizeof(wrn_ws_exec_stop), fields_ws_exec_stop, WRN_COUNT(fields_ws_exec_stop)};

static const wrn_field fields_ws_proc_started[] = {
    {"type", offsetof(wrn_ws_proc_started, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"pid", offsetof(wrn_ws_proc_started, pid), 0, WRN_FIELD_INT, false, false, NULL},
};
const wrn_model wrn_model_ws_proc_started = {
    "WsProcStarted", sizeof(wrn_ws_proc_started), fields_ws_proc_started, WRN_COUNT(fields_ws_proc_started)};

static const wrn_field fields_ws_proc_stdout[] = {
    {"type", offsetof(wrn_ws_proc_stdout, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"data", offsetof(wrn_ws_proc_stdout, data), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_ws_proc_stdout = {
    "WsProcStdout", sizeof(wrn_ws_proc_stdout), fields_ws_proc_stdout, WRN_COUNT(fields_ws_proc_stdout)};

static const wrn_field fields_ws_proc_stderr[] = {
    {"type", offsetof(wrn_ws_proc_stderr, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"data", offsetof(wrn_ws_proc_stderr, data), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_ws_proc_stderr = {
    "WsProcStderr", sizeof(wrn_ws_proc_stderr), fields_ws_proc_stderr, WRN_COUNT(fields_ws_proc_stderr)};

static const wrn_field fields_ws_proc_exit[] = {
    {"type", offsetof(wrn_ws_proc_exit, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"exit_code", offsetof(wrn_ws_proc_exit, exit_code), 0, WRN_FIELD_INT, true, true, NULL},
    {"signal", offsetof(wrn_ws_proc_exit, signal), 0, WRN_FIELD_INT, false, true, NULL},
    {"oom_killed", offsetof(wrn_ws_proc_exit, oom_killed), 0, WRN_FIELD_BOOL, false, false, NULL},
    {"output_cut", offsetof(wrn_ws_proc_exit, output_cut), 0, WRN_FIELD_BOOL, false, false, NULL},
};
const wrn_model wrn_model_ws_proc_exit = {
    "WsProcExit", sizeof(wrn_ws_proc_exit), fields_ws_proc_exit, WRN_COUNT(fields_ws_proc_exit)};

static const wrn_field fields_ws_proc_error[] = {
    {"type", offsetof(wrn_ws_proc_error, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"data", offsetof(wrn_ws_proc_error, data), 0, WRN_FIELD_STRING, false, false, NULL},
    {"code", offsetof(wrn_ws_proc_error, code), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_ws_proc_error = {
    "WsProcError", sizeof(wrn_ws_proc_error), fields_ws_proc_error, WRN_COUNT(fields_ws_proc_error)};

static const wrn_field fields_event_record[] = {
    {"type", offsetof(wrenn_event_record, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"id", offsetof(wrenn_event_record, id), 0, WRN_FIELD_STRING, true, false, NULL},
    {"time_ms", offsetof(wrenn_event_record, time_ms), 0, WRN_FIELD_INT, true, false, NULL},
    {"sandbox_id", offsetof(wrenn_event_record, sandbox_id), 0, WRN_FIELD_STRING, false, false, NULL},
    {"metadata", offsetof(wrenn_event_record, metadata), offsetof(wrenn_event_record, metadata_count), WRN_FIELD_MAP, false, false, NULL},
    {"snapshot", offsetof(wrenn_event_record, snapshot), 0, WRN_FIELD_STRING, false, false, NULL},
    {"error", offsetof(wrenn_event_record, error), 0, WRN_FIELD_STRING, false, false, NULL},
    {"reason", offsetof(wrenn_event_record, reason), 0, WRN_FIELD_STRING, false, false, NULL},
    {"template", offsetof(wrenn_event_record, template_name), 0, WRN_FIELD_STRING, false, false, NULL},
    {"egress", offsetof(wrenn_event_record, egress), 0, WRN_FIELD_STRING, false, false, NULL},
    {"expires_at", offsetof(wrenn_event_record, expires_at), 0, WRN_FIELD_STRING, false, false, NULL},
    {"tag", offsetof(wrenn_event_record, tag), 0, WRN_FIELD_STRING, false, false, NULL},
    {"pid", offsetof(wrenn_event_record, pid), 0, WRN_FIELD_INT, false, false, NULL},
    {"exit_code", offsetof(wrenn_event_record, exit_code), 0, WRN_FIELD_INT, false, true, NULL},
    {"signal", offsetof(wrenn_event_record, signal), 0, WRN_FIELD_INT, false, true, NULL},
    {"oom_killed", offsetof(wrenn_event_record, oom_killed), 0, WRN_FIELD_BOOL, false, false, NULL},
};
const wrn_model wrn_model_event_record = {
    "EventRecord", sizeof(wrenn_event_record), fields_event_record, WRN_COUNT(fields_event_record)};

static const wrn_field fields_event_page[] = {
    {"events", offsetof(wrenn_event_page, events), offsetof(wrenn_event_page, events_count), WRN_FIELD_OBJECTS, true, false, &wrn_model_event_record},
    {"next", offsetof(wrenn_event_page, next), 0, WRN_FIELD_STRING, true, false, NULL},
    {"more", offsetof(wrenn_event_page, more), 0, WRN_FIELD_BOOL, true, false, NULL},
    {"lost", offsetof(wrenn_event_page, lost), 0, WRN_FIELD_INT, true, false, NULL},
};
const wrn_model wrn_model_event_page = {
    "EventPage", sizeof(wrenn_event_page), fields_event_page, WRN_COUNT(fields_event_page)};

static const wrn_field fields_port_state[] = {
    {"port", offsetof(wrn_port_state, port), 0, WRN_FIELD_INT, true, false, NULL},
    {"listening", offsetof(wrn_port_state, listening), 0, WRN_FIELD_BOOL, true, false, NULL},
};
const wrn_model wrn_model_port_state = {
    "PortState", sizeof(wrn_port_state), fields_port_state, WRN_COUNT(fields_port_state)};

static const wrn_field fields_ws_log_start[] = {
    {"type", offsetof(wrn_ws_log_start, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"offset", offsetof(wrn_ws_log_start, offset), 0, WRN_FIELD_INT, true, false, NULL},
    {"pid", offsetof(wrn_ws_log_start, pid), 0, WRN_FIELD_INT, false, false, NULL},
};
const wrn_model wrn_model_ws_log_start = {
    "WsLogStart", sizeof(wrn_ws_log_start), fields_ws_log_start, WRN_COUNT(fields_ws_log_start)};

static const wrn_field fields_ws_log_dropped[] = {
    {"type", offsetof(wrn_ws_log_dropped, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"bytes", offsetof(wrn_ws_log_dropped, bytes), 0, WRN_FIELD_INT, true, false, NULL},
    {"offset", offsetof(wrn_ws_log_dropped, offset), 0, WRN_FIELD_INT, true, false, NULL},
};
const wrn_model wrn_model_ws_log_dropped = {
    "WsLogDropped", sizeof(wrn_ws_log_dropped), fields_ws_log_dropped, WRN_COUNT(fields_ws_log_dropped)};

static const wrn_field fields_ws_log_end[] = {
    {"type", offsetof(wrn_ws_log_end, type), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_ws_log_end = {
    "WsLogEnd", sizeof(wrn_ws_log_end), fields_ws_log_end, WRN_COUNT(fields_ws_log_end)};

static const wrn_field fields_ws_pty_start[] = {
    {"type", offsetof(wrn_ws_pty_start, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"cmd", offsetof(wrn_ws_pty_start, command.cmd), 0, WRN_FIELD_STRING, false, false, NULL},
    {"args", offsetof(wrn_ws_pty_start, command.args), offsetof(wrn_ws_pty_start, command.args_count), WRN_FIELD_STRINGS, false, false, NULL},
    {"envs", offsetof(wrn_ws_pty_start, command.envs), offsetof(wrn_ws_pty_start, command.envs_count), WRN_FIELD_MAP, false, false, NULL},
    {"cwd", offsetof(wrn_ws_pty_start, command.cwd), 0, WRN_FIELD_STRING, false, false, NULL},
    {"user", offsetof(wrn_ws_pty_start, command.user), 0, WRN_FIELD_STRING, false, false, NULL},
    {"cols", offsetof(wrn_ws_pty_start, cols), 0, WRN_FIELD_INT, false, false, NULL},
    {"rows", offsetof(wrn_ws_pty_start, rows), 0, WRN_FIELD_INT, false, false, NULL},
};
const wrn_model wrn_model_ws_pty_start = {
    "WsPtyStart", sizeof(wrn_ws_pty_start), fields_ws_pty_start, WRN_COUNT(fields_ws_pty_start)};

static const wrn_field fields_ws_pty_connect[] = {
    {"type", offsetof(wrn_ws_pty_connect, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"tag", offsetof(wrn_ws_pty_connect, tag), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_ws_pty_connect = {
    "WsPtyConnect", sizeof(wrn_ws_pty_connect), fields_ws_pty_connect, WRN_COUNT(fields_ws_pty_connect)};

static const wrn_field fields_ws_pty_input[] = {
    {"type", offsetof(wrn_ws_pty_input, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"data", offsetof(wrn_ws_pty_input, data), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_ws_pty_input = {
    "WsPtyInput", sizeof(wrn_ws_pty_input), fields_ws_pty_input, WRN_COUNT(fields_ws_pty_input)};

static const wrn_field fields_ws_pty_resize[] = {
    {"type", offsetof(wrn_ws_pty_resize, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"cols", offsetof(wrn_ws_pty_resize, cols), 0, WRN_FIELD_INT, true, false, NULL},
    {"rows", offsetof(wrn_ws_pty_resize, rows), 0, WRN_FIELD_INT, true, false, NULL},
};
const wrn_model wrn_model_ws_pty_resize = {
    "WsPtyResize", sizeof(wrn_ws_pty_resize), fields_ws_pty_resize, WRN_COUNT(fields_ws_pty_resize)};

static const wrn_field fields_ws_pty_kill[] = {
    {"type", offsetof(wrn_ws_pty_kill, type), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_ws_pty_kill = {
    "WsPtyKill", sizeof(wrn_ws_pty_kill), fields_ws_pty_kill, WRN_COUNT(fields_ws_pty_kill)};

static const wrn_field fields_ws_pty_started[] = {
    {"type", offsetof(wrn_ws_pty_started, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"tag", offsetof(wrn_ws_pty_started, tag), 0, WRN_FIELD_STRING, true, false, NULL},
    {"pid", offsetof(wrn_ws_pty_started, pid), 0, WRN_FIELD_INT, false, false, NULL},
};
const wrn_model wrn_model_ws_pty_started = {
    "WsPtyStarted", sizeof(wrn_ws_pty_started), fields_ws_pty_started, WRN_COUNT(fields_ws_pty_started)};

static const wrn_field fields_ws_pty_output[] = {
    {"type", offsetof(wrn_ws_pty_output, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"data", offsetof(wrn_ws_pty_output, data), 0, WRN_FIELD_STRING, false, false, NULL},
};
const wrn_model wrn_model_ws_pty_output = {
    "WsPtyOutput", sizeof(wrn_ws_pty_output), fields_ws_pty_output, WRN_COUNT(fields_ws_pty_output)};

static const wrn_field fields_ws_pty_exit[] = {
    {"type", offsetof(wrn_ws_pty_exit, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"exit_code", offsetof(wrn_ws_pty_exit, exit_code), 0, WRN_FIELD_INT, true, true, NULL},
    {"signal", offsetof(wrn_ws_pty_exit, signal), 0, WRN_FIELD_INT, false, true, NULL},
    {"oom_killed", offsetof(wrn_ws_pty_exit, oom_killed), 0, WRN_FIELD_BOOL, false, false, NULL},
    {"output_cut", offsetof(wrn_ws_pty_exit, output_cut), 0, WRN_FIELD_BOOL, false, false, NULL},
};
const wrn_model wrn_model_ws_pty_exit = {
    "WsPtyExit", sizeof(wrn_ws_pty_exit), fields_ws_pty_exit, WRN_COUNT(fields_ws_pty_exit)};

static const wrn_field fields_ws_pty_error[] = {
    {"type", offsetof(wrn_ws_pty_error, type), 0, WRN_FIELD_STRING, true, false, NULL},
    {"data", offsetof(wrn_ws_pty_error, data), 0, WRN_FIELD_STRING, false, false, NULL},
    {"code", offsetof(wrn_ws_pty_error, code), 0, WRN_FIELD_STRING, false, false, NULL},
    {"fatal", offsetof(wrn_ws_pty_error, fatal), 0, WRN_FIELD_BOOL, false, false, NULL},
};
const wrn_model wrn_model_ws_pty_error = {
    "WsPtyError", sizeof(wrn_ws_pty_error), fields_ws_pty_error, WRN_COUNT(fields_ws_pty_error)};

static const wrn_field fields_ws_pty_ping[] = {
    {"type", offsetof(wrn_ws_pty_ping, type), 0, WRN_FIELD_STRING, true, false, NULL},
};
const wrn_model wrn_model_ws_pty_ping = {
    "WsPtyPing", sizeof(wrn_ws_pty_ping), fields_ws_pty_ping, WRN_COUNT(fields_ws_pty_ping)};
