/* The configuration of wrennd: defaults, then a file, then the environment, then flags; later ones win. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "server/http/http.h"
#include "server/http/origin.h"
#include "server/log.h"
#include "server/sandbox/sandboxes.h"
#include "server/templates/templates.h"
#include "server/upstream.h"

enum { WRN_LIST_MAX = WRN_NAMES_MAX };

typedef struct wrn_list {
    char *items[WRN_LIST_MAX];
    size_t count;
    int source; /* which of these filled it: a later one replaces the whole list */
} wrn_list;

/* Who may create accounts: nobody, clients on this machine, everybody. */
enum { WRN_SIGNUP_OFF, WRN_SIGNUP_LOCAL, WRN_SIGNUP_OPEN };
enum { WRN_FRAMES_TEXT, WRN_FRAMES_BINARY };

typedef enum wrn_run_command {
    WRN_RUN_SERVE,
    WRN_RUN_DOCTOR,
    WRN_RUN_TEMPLATE,
    WRN_RUN_KEY,
    WRN_RUN_VM,
    WRN_RUN_HELP,
    WRN_RUN_VERSION
} wrn_run_command;

typedef enum wrn_template_verb {
    WRN_TEMPLATE_NOTHING,
    WRN_TEMPLATE_BUILD,
    WRN_TEMPLATE_LIST,
    WRN_TEMPLATE_REMOVE
} wrn_template_verb;

typedef struct wrn_config {
    wrn_run_command command;
    bool leaks, json;       /* of doctor; json: also of template list */
    wrn_template_verb verb; /* of template */
    bool key_create;        /* "key create" */
    const char *key_name;   /* its argument; NULL: none */
    bool vm_setup;          /* "vm setup" */
    wrn_setup_plan setup;   /* of that */
    wrn_template_plan plan; /* of template build; its name also of template remove */
    char *config_file, *data_dir, *agent, *template_dir, *vm_dir, *cgroup_parent, *audit_log;
    char *gate, *gate_tls, *egress_ca, *egress_proxy;
    wrn_upstream proxy; /* what egress_proxy says */
    wrn_list listen, allow_host, egress_deny, egress_private, egress_dns;
    wrn_http_config http;
    int64_t max_sandboxes, max_memory_mb, max_output_bytes, stop_grace_ms, adopt_timeout_sec, idle_exit_sec,
        audit_max_mb, held_max_mb, proxy_dial_ms, proxy_answer_ms, vm_warm, vm_pool, vm_hibernate_after_sec;
    int64_t log_level;                  /* wrn_log_level; -1: private, and silent as the library is */
    int64_t log_json;                   /* 0 or 1 */
    int64_t on_stop;                    /* wrn_stop */
    int64_t isolation;                  /* WRN_LEVELS: of sandboxes that ask for none */
    int64_t egress_default, egress_max; /* wrn_egress */
    int64_t egress_connections, egress_rate, egress_smtp;
    int64_t signup;               /* WRN_SIGNUP_* */
    int64_t terminal_frames;      /* WRN_FRAMES_* */
    int64_t private_fd, ready_fd; /* -1: none */
} wrn_config;

/* Reads all sources. False with a message. Free *out in either case. */
bool wrn_config_load(wrn_config *out, int argc, char **argv, wrn_why *why);
void wrn_config_free(wrn_config *config);
/* The text of --help. */
void wrn_config_help(wrn_buf *out);
