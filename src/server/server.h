/* wrennd as a whole: the state that its parts share, its start and its end. */
#pragma once

#include "server/audit.h"
#include "server/box/box.h"
#include "server/config.h"
#include "server/http/auth.h"
#include "server/http/http.h"
#include "server/http/password.h"
#include "server/sandbox/sandboxes.h"
#include "server/store/store.h"

typedef struct wrn_server {
    const wrn_config *config;
    wrn_egress_config egress; /* points into the configuration */
    uv_loop_t loop;
    int lock_fd;
    wrn_store *store;
    wrn_auth auth;
    wrn_damper damper;
    wrn_audit audit;
    wrn_names names;
    wrn_boxes *boxes;
    wrn_sandboxes *sandboxes;
    struct wrn_once *creating; /* creates under way with an idempotency key */
    wrn_http *http;
    struct wrn_proxy *proxies; /* proxied requests under way */
    uv_signal_t signals[4];
    uv_timer_t grace, idle;
    uint64_t idle_since_ms,
        idle_accepted;  /* --idle-exit: since when the server is idle, and the connections accepted until then */
    uv_pipe_t lifeline; /* private mode: the owner's socket */
    uv_poll_t owner;    /* private mode: the owner's pidfd */
    int owner_fd;
    bool handles_open, signals_open, idle_open, lifeline_open, owner_open;
    bool listening, stopping, boxes_stopping, boxes_stopped, drained;
    const char *template_dir; /* points into the configuration */
} wrn_server;

/* The program: returns its exit status. */
int wrn_server_main(int argc, char **argv);

/* Runs until it is told to stop. False with a message when it can't start. */
bool wrn_server_run(const wrn_config *config, wrn_why *why);
/* The paths of the agent, the state and the templates, in `arena`. */
void wrn_server_backend_config(const wrn_config *config, wrn_arena *arena, wrn_backend_config *out);

/* Makes an API key of the first account; a server may be running. False with a message. */
bool wrn_server_create_key(const wrn_config *config, const char *name, char key[WRN_API_KEY_SIZE], wrn_why *why);
/* Makes an API key of the team. */
wrn_db wrn_server_new_key(wrn_server *server, const char *team_id, const char *user_id, const char *name,
                          wrn_key_row *row, char key[WRN_API_KEY_SIZE]);
