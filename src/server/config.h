/* What wrennd is told: built-in defaults, then a file, then the environment, then flags; later ones win. */
#ifndef WRN_SERVER_CONFIG_H
#define WRN_SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "server/http/http.h"
#include "server/http/origin.h"
#include "server/sandbox/sandboxes.h"
#include "server/templates/templates.h"

enum { WRN_LIST_MAX = WRN_NAMES_MAX };

typedef struct wrn_list {
    char *items[WRN_LIST_MAX];
    size_t count;
    int source; /* which layer filled it: a later one replaces the whole list */
} wrn_list;

/* Who may make accounts: nobody, whoever asks from this machine, everybody. */
typedef enum wrn_signup { WRN_SIGNUP_OFF, WRN_SIGNUP_LOCAL, WRN_SIGNUP_OPEN } wrn_signup;

typedef enum wrn_run_command {
    WRN_RUN_SERVE,
    WRN_RUN_DOCTOR,
    WRN_RUN_TEMPLATE,
    WRN_RUN_KEY, /* key create */
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
    bool leaks, json;       /* of doctor; of template list */
    wrn_template_verb verb; /* of template */
    bool key_create;        /* key is followed by create */
    const char *key_name;   /* what follows that; NULL: nothing */
    wrn_template_plan plan; /* of template build, and the name of template remove */
    char *config_file, *data_dir, *agent, *template_dir, *cgroup_parent, *log_level, *log_format, *on_stop,
        *terminal_frames, *audit_log, *signup;
    wrn_list listen, allow_host;
    wrn_http_config http;
    int64_t max_sandboxes, max_memory_mb, max_output_bytes, stop_grace_ms, adopt_timeout_sec, idle_exit_sec,
        audit_max_mb, held_max_mb, proxy_dial_ms, proxy_answer_ms;
    wrn_stop stop;                /* what on_stop says */
    wrn_signup who_signs_up;      /* what signup says */
    int64_t private_fd, ready_fd; /* -1: none */
} wrn_config;

/* Fills *out from everything. False with a message that names what is wrong. */
bool wrn_config_load(wrn_config *out, int argc, char **argv, char *why, size_t why_size);
void wrn_config_free(wrn_config *config);
/* The text of --help. */
void wrn_config_help(wrn_buf *out);

#endif
