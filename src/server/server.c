#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/place.h"
#include "base/text.h"
#include "base/tree.h"
#include "server/hold.h"
#include "server/http/budget.h"
#include "server/log.h"
#include "server/machine.h"
#include "server/notify.h"
#include "server/precedence.h"
#include "server/private.h"
#include "server/routes/routes.h"
#include "server/sandbox/snapshots.h"

enum { PRIVATE_TOKEN_SECONDS = 10 * 365 * 86400, LINGER_MS = 2000 };

#define OWNER_EMAIL "owner@localhost"

/* What the start hands on to whoever may log in. */
typedef struct welcome {
    char user_id[WRN_ID_SIZE], team_id[WRN_ID_SIZE];
    char password[33]; /* "" when there is none */
    char api_key[WRN_API_KEY_SIZE];
    bool is_new;
} welcome;

static bool is_private(const wrn_server *server) { return server->config->private_fd >= 0; }

static const char *in_dir(wrn_arena *arena, const char *dir, const char *name) {
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = wrn_arena_alloc(arena, size);
    if (path) snprintf(path, size, "%s/%s", dir, name);
    return path;
}

/* ---- the directory ---- */

/* Makes the directory and its parents; the last one is for us alone. */
static bool make_dir(const char *path, char *why, size_t why_size) {
    char part[4096];
    struct stat info;
    size_t size = strlen(path);
    if (size >= sizeof(part)) return snprintf(why, why_size, "the data directory's path is too long"), false;
    for (size_t i = 1; i <= size; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, path[i] ? 0755 : 0700) != 0 && errno != EEXIST) {
            snprintf(why, why_size, "cannot make the data directory %s: %s; choose another one with --data-dir", part,
                     strerror(errno));
            return false;
        }
    }
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return snprintf(why, why_size, "%s is not a directory", path), false;
    if (info.st_uid != geteuid())
        return snprintf(why, why_size, "the data directory %s belongs to somebody else; choose another", path), false;
    if ((info.st_mode & 077) && chmod(path, 0700) != 0)
        return snprintf(why, why_size, "others can read %s; run: chmod 700 %s", path, path), false;
    return true;
}

static bool lock_dir(wrn_server *server, wrn_arena *arena, char *why, size_t why_size) {
    const char *dir = server->config->data_dir, *path = in_dir(arena, dir, "lock");
    server->lock_fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (server->lock_fd >= 0 && wrn_lock_take(server->lock_fd)) return true;
    if (errno == EAGAIN)
        snprintf(why, why_size, "another wrennd uses the data directory %s; stop it or choose another --data-dir", dir);
    else snprintf(why, why_size, "cannot lock %s: %s", path ? path : dir, strerror(errno));
    return false;
}

/* What is missing is noticed when it is needed; what is there and must not be used is said now. */
static const char *find_program(wrn_arena *arena, const wrn_program *program) {
    char path[4096], why[1024];
    if (wrn_program_find(program, path, sizeof(path), why, sizeof(why)))
        return wrn_arena_dup(arena, path, strlen(path));
    if (*why) wrn_log_warning("%s", why);
    return program->installed;
}

static const char *find_agent(const wrn_config *config, wrn_arena *arena) {
    static const char *const beside[] = {"wrenn-agent", "../libexec/wrenn/wrenn-agent", NULL};
    static const wrn_program agent = {"wrenn-agent", beside, "src/agent/wrenn-agent", WRN_LIBEXECDIR "/wrenn-agent",
                                      false};
    return config->agent ? config->agent : find_program(arena, &agent);
}

static const char *find_unpack(wrn_arena *arena) {
    static const char *const beside[] = {"wrenn-unpack", "../libexec/wrenn/wrenn-unpack", NULL};
    static const wrn_program unpack = {"wrenn-unpack", beside, "src/server/templates/wrenn-unpack",
                                       WRN_LIBEXECDIR "/wrenn-unpack", false};
    return find_program(arena, &unpack);
}

/* Sandboxes are built in other directories than this. */
static const char *absolute(wrn_arena *arena, const char *path) {
    char here[4096];
    if (!path || *path == '/' || !getcwd(here, sizeof(here))) return path;
    return in_dir(arena, here, path);
}

/* What of the way is there must be nobody else's to change. */
static bool check_place(wrn_arena *arena, const char *dir, char *why, size_t why_size) {
    char path[4096], problem[1024];
    struct stat info;
    const char *whole = absolute(arena, dir);
    if (!whole || (size_t)snprintf(path, sizeof(path), "%s", whole) >= sizeof(path))
        return snprintf(why, why_size, "the data directory's path is too long"), false;
    while (*path && lstat(path, &info) != 0 && errno == ENOENT) *strrchr(path, '/') = '\0';
    if (wrn_place_is_safe(*path ? path : "/", problem, sizeof(problem))) return true;
    snprintf(why, why_size, "data can't be kept in %s, which others could change: %s; or choose another --data-dir",
             dir, problem);
    return false;
}

bool wrn_server_backend_config(const wrn_config *config, wrn_arena *arena, wrn_backend_config *out) {
    const char *data_dir = absolute(arena, config->data_dir);
    *out = (wrn_backend_config){0};
    if (!data_dir) return false;
    *out = (wrn_backend_config){.state_dir = in_dir(arena, data_dir, "sandboxes"),
                                .template_dir = absolute(arena, config->template_dir),
                                .agent_path = find_agent(config, arena),
                                .unpack_path = find_unpack(arena),
                                .cgroup_parent = config->cgroup_parent,
                                .ephemeral = config->private_fd >= 0,
                                .adopt_ms = config->private_fd >= 0 ? 0 : config->adopt_timeout_sec * 1000};
    if (!out->template_dir) out->template_dir = in_dir(arena, data_dir, "templates");
    return out->state_dir && out->template_dir;
}

/* ---- accounts ---- */

wrn_db wrn_server_new_key(wrn_server *server, const char *team_id, const char *user_id, const char *name,
                          wrn_key_row *row, char key[WRN_API_KEY_SIZE]) {
    *row = (wrn_key_row){.name = name, .created_at = wrn_unix_time()};
    wrn_api_key_new(key);
    wrn_id_new(row->id, "key");
    snprintf(row->team_id, sizeof(row->team_id), "%s", team_id);
    snprintf(row->created_by, sizeof(row->created_by), "%s", user_id);
    snprintf(row->prefix, sizeof(row->prefix), "%s", key);
    return wrn_store_add_key(server->store, row, key);
}

bool wrn_server_create_key(const wrn_config *config, const char *name, char key[WRN_API_KEY_SIZE], char *why,
                           size_t why_size) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    const char *database = in_dir(&arena, config->data_dir, "wrennd.db");
    wrn_server server = {0};
    wrn_account owner;
    wrn_key_row row;
    struct stat info;
    if (!database || lstat(database, &info) != 0)
        return snprintf(why, why_size, "%s has no accounts yet; start wrennd there once, or name another --data-dir",
                        config->data_dir),
               false;
    if (info.st_uid != geteuid())
        return snprintf(why, why_size, "%s belongs to user %u; run this as that user", database, (unsigned)info.st_uid),
               false;
    if (!*name || strlen(name) > WRN_NAME_MAX)
        return snprintf(why, why_size, "the name of a key has 1 to %d bytes", WRN_NAME_MAX), false;
    server.store = wrn_store_open(database, false, why, why_size);
    if (!server.store) return false;
    wrn_db outcome = wrn_store_find_account(server.store, OWNER_EMAIL, &owner);
    if (outcome == WRN_DB_OK) outcome = wrn_server_new_key(&server, owner.team_id, owner.user_id, name, &row, key);
    if (outcome == WRN_DB_OK && !wrn_store_sync(server.store)) outcome = WRN_DB_ERROR;
    wrn_store_close(server.store);
    if (outcome == WRN_DB_OK) return true;
    return snprintf(why, why_size,
                    outcome == WRN_DB_NONE ? "there is no account %s in %s" : "cannot make a key of %s in %s",
                    OWNER_EMAIL, database),
           false;
}

static bool first_start(wrn_server *server, welcome *out, char *why, size_t why_size) {
    int has = wrn_store_has_accounts(server->store);
    if (has > 0) return true;
    wrn_account owner = {.email = OWNER_EMAIL, .name = "Owner", .is_admin = true};
    wrn_id_new(owner.user_id, "usr");
    wrn_id_new(owner.team_id, "team");
    bool ok = has == 0;
    if (!is_private(server)) {
        unsigned char bytes[16];
        randombytes_buf(bytes, sizeof(bytes));
        wrn_hex(out->password, bytes, sizeof(bytes));
        ok = ok && wrn_password_hash_now(out->password, owner.password_hash);
    }
    wrn_key_row row;
    ok = ok && wrn_store_add_account(server->store, &owner) == WRN_DB_OK &&
         wrn_server_new_key(server, owner.team_id, owner.user_id, "First key", &row, out->api_key) == WRN_DB_OK &&
         wrn_store_sync(server->store);
    if (!ok) return snprintf(why, why_size, "cannot make the first account"), false;
    memcpy(out->user_id, owner.user_id, sizeof(owner.user_id));
    memcpy(out->team_id, owner.team_id, sizeof(owner.team_id));
    return out->is_new = true;
}

static void print_welcome(const wrn_server *server, const welcome *w, const wrn_buf *bound) {
    const char *address = bound->data ? bound->data : "";
    bool is_unix = strncmp(address, "unix:", 5) == 0;
    char named[300];
    /* URLs of ports, PORT-ID.localhost, resolve in browsers; names below an address do not. */
    static const char *const own[] = {"127.0.0.1:", "0.0.0.0:", "[::1]:", "[::]:"};
    for (size_t i = 0; i < WRN_COUNT(own); i++) {
        if (strncmp(address, own[i], strlen(own[i])) != 0) continue;
        snprintf(named, sizeof(named), "localhost:%s", address + strlen(own[i]));
        address = named;
        break;
    }
    printf("This is wrennd's first start; it has made %s.\n"
           "The following is shown once:\n\n"
           "    export WRENN_BASE_URL=%s%.*s\n"
           "    export WRENN_API_KEY=%s\n\n"
           "To log in, for instance to make more keys: e-mail %s, password %s\n\n",
           server->config->data_dir, is_unix ? "" : "http://", (int)strcspn(address, "\n"), address, w->api_key,
           OWNER_EMAIL, w->password);
    fflush(stdout);
}

/* ---- stopping ---- */

static void finish_if_done(wrn_server *server);

static void on_boxes_stopped(void *context) {
    wrn_server *server = context;
    server->boxes_stopped = true;
    /* What the end of a sandbox answers has been sent by now, as far as clients take it at once. */
    if (is_private(server)) wrn_http_abort(server->http);
    finish_if_done(server);
}

static void stop_boxes(wrn_server *server) {
    if (server->boxes_stopping) return;
    server->boxes_stopping = true;
    /* Whoever could not even begin to serve has no business with the sandboxes of the last run. */
    wrn_stop how = server->listening ? server->config->stop : WRN_STOP_KEEP;
    wrn_sandboxes_stop(server->sandboxes, how, on_boxes_stopped, server);
}

static void on_grace(uv_timer_t *timer) {
    wrn_server *server = timer->data;
    if (server->boxes_stopped) return wrn_http_abort(server->http);
    stop_boxes(server);
}

static void finish_if_done(wrn_server *server) {
    if (server->boxes_stopped && !server->drained && server->handles_open)
        uv_timer_start(&server->grace, on_grace, LINGER_MS, 0);
    if (!server->boxes_stopped || !server->drained || !server->handles_open) return;
    server->handles_open = false;
    uv_close((uv_handle_t *)&server->grace, NULL);
    wrn_private_unwatch(server);
}

static void on_drained(void *context) {
    wrn_server *server = context;
    server->drained = true;
    stop_boxes(server);
    finish_if_done(server);
}

static void stop(wrn_server *server, bool at_once) {
    if (server->stopping) {
        /* Asked again: no more patience. */
        stop_boxes(server);
        wrn_http_abort(server->http);
        return;
    }
    server->stopping = true;
    wrn_notify("STOPPING=1");
    wrn_http_stop(server->http);
    if (at_once) stop_boxes(server);
    else uv_timer_start(&server->grace, on_grace, (uint64_t)server->config->stop_grace_ms, 0);
}

static void on_signal(uv_signal_t *handle, int number) {
    wrn_server *server = handle->data;
    if (number == SIGUSR2) return wrn_audit_reopen(&server->audit);
    wrn_log_info("stopping, for signal %d", number);
    stop(server, is_private(server));
}

static void on_owner_gone(wrn_server *server) { stop(server, true); }

/* ---- nothing to do ---- */

/* A sandbox is something to do, also one that is paused: somebody will come back to it. */
static void on_idle(uv_timer_t *timer) {
    wrn_server *server = timer->data;
    uint64_t now = uv_now(&server->loop), accepted;
    size_t open;
    wrn_http_connections(server->http, &open, &accepted);
    if (open || accepted != server->idle_accepted || wrn_sandboxes_count(server->sandboxes)) {
        server->idle_since_ms = now;
        server->idle_accepted = accepted;
    } else if (now - server->idle_since_ms >= (uint64_t)server->config->idle_exit_sec * 1000 && !server->stopping) {
        wrn_log_info("stopping, for there is nothing to do (--idle-exit)");
        stop(server, false);
    }
}

static void watch_idle(wrn_server *server) {
    enum { LOOKS = 8 };
    uint64_t every = (uint64_t)server->config->idle_exit_sec * 1000 / LOOKS;
    if (!every) return;
    uv_timer_init(&server->loop, &server->idle);
    server->idle.data = server;
    server->idle_open = true;
    uv_update_time(&server->loop);
    server->idle_since_ms = uv_now(&server->loop);
    uv_timer_start(&server->idle, on_idle, every, every);
    uv_unref((uv_handle_t *)&server->idle);
}

/* ---- starting ---- */

static bool open_audit(wrn_server *server, wrn_arena *arena, char *why, size_t why_size) {
    const char *path = server->config->audit_log;
    if (is_private(server) || (path && strcmp(path, "none") == 0)) path = NULL;
    else if (!path && !(path = in_dir(arena, server->config->data_dir, "audit.log")))
        return snprintf(why, why_size, "out of memory"), false;
    return wrn_audit_open(&server->audit, path, server->config->audit_max_mb << 20, why, why_size);
}

static bool open_state(wrn_server *server, wrn_arena *arena, char *why, size_t why_size) {
    const char *dir = server->config->data_dir;
    /* Before, lest directories are made where somebody else's link leads; and after, when nobody can change it any more. */
    if (!check_place(arena, dir, why, why_size) || !make_dir(dir, why, why_size) ||
        !check_place(arena, dir, why, why_size) || !lock_dir(server, arena, why, why_size))
        return false;
    const char *database = in_dir(arena, dir, "wrennd.db"), *secret = in_dir(arena, dir, "token.secret");
    if (!database || !secret) return snprintf(why, why_size, "out of memory"), false;
    mode_t mask = umask(0077);
    server->store = wrn_store_open(database, is_private(server), why, why_size);
    umask(mask);
    if (!server->store) return false;
    server->auth.store = server->store;
    if (!open_audit(server, arena, why, why_size)) return false;
    if (!is_private(server)) return wrn_auth_load_secret(&server->auth, secret, why, why_size);
    randombytes_buf(server->auth.secret, sizeof(server->auth.secret));
    return true;
}

/* Each sandbox says so too, to those who look. */
static void warn_of_lacks(const wrn_server *server) {
    const char *why = wrn_json_string(wrn_json_get(wrn_json_get(server->isolation, "limits"), "why"), NULL);
    if (is_private(server)) return;
    if (why) wrn_log_warning("limits of memory and processors are not enforced: %s", why);
    if (server->config->stop != WRN_STOP_DESTROY && !wrn_boxes_can_leave(server->boxes))
        wrn_log_warning("sandboxes will end with this process, whatever --on-stop says: `isolation` of each says why");
}

static bool open_boxes(wrn_server *server, wrn_arena *arena, char *why, size_t why_size) {
    wrn_backend_config config;
    wrn_fault fault = {.code = WRN_FAULT_INTERNAL_ERROR};
    if (!wrn_server_backend_config(server->config, arena, &config))
        return snprintf(why, why_size, "out of memory"), false;
    if (mkdir(config.state_dir, 0700) != 0 && errno != EEXIST)
        return snprintf(why, why_size, "cannot make %s: %s", config.state_dir, strerror(errno)), false;
    config.loop = &server->loop;
    if (wrn_boxes_open(&config, &server->boxes, &fault) != 0)
        return snprintf(why, why_size, "sandboxes can't run here: %s; see: wrennd doctor", fault.message), false;
    server->isolation = wrn_boxes_probe(server->boxes, NULL);
    warn_of_lacks(server);
    wrn_host_row machine;
    wrn_machine_describe(server->config->data_dir, &machine);
    int64_t held_mb = server->config->held_max_mb ? server->config->held_max_mb : machine.memory_mb / 4;
    if (held_mb) wrn_budget_set((size_t)held_mb << 20);
    wrn_sandboxes_config sandboxes = {&server->loop,
                                      server->store,
                                      server->boxes,
                                      server->config->max_sandboxes,
                                      server->config->max_memory_mb,
                                      machine.memory_mb ? machine.memory_mb : INT64_MAX};
    server->sandboxes = wrn_sandboxes_new(&sandboxes);
    return (server->isolation && server->sandboxes) || (snprintf(why, why_size, "out of memory"), false);
}

/* What the last run has left. Whoever can't listen has no business with it. */
static bool recover(wrn_server *server, char *why, size_t why_size) {
    if (!wrn_sandboxes_recover(server->sandboxes))
        return snprintf(why, why_size, "cannot read the sandboxes of the last run"), false;
    wrn_snapshots_recover(server->sandboxes);
    return true;
}

/* As nohup has it. */
static bool is_ignored(int number) {
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static bool open_loop(wrn_server *server, char *why, size_t why_size) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2};
    const wrn_http_handler handler = {server, wrn_routes_head, wrn_routes_run, wrn_routes_answered, on_drained};
    server->http = wrn_http_new(&server->loop, &server->config->http, &handler);
    if (!server->http) return snprintf(why, why_size, "out of memory"), false;
    for (size_t i = 0; i < WRN_COUNT(numbers); i++) {
        uv_signal_init(&server->loop, &server->signals[i]);
        server->signals[i].data = server;
        if (!is_ignored(numbers[i])) uv_signal_start(&server->signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&server->signals[i]);
    }
    server->signals_open = true;
    uv_timer_init(&server->loop, &server->grace);
    server->grace.data = server;
    server->handles_open = true;
    return true;
}

static bool tell_ready_fd(int64_t fd, const wrn_buf *addresses) {
    if (fd < 0) return true;
    bool ok = write((int)fd, addresses->data, addresses->size) == (ssize_t)addresses->size;
    close((int)fd);
    return ok;
}

/* The built-in host, as it is today. */
static bool note_host(wrn_server *server, const wrn_buf *bound, char *why, size_t why_size) {
    const char *address = bound->data ? bound->data : "";
    wrn_host_row row;
    wrn_machine_describe(server->config->data_dir, &row);
    wrn_id_new(row.id, "host");
    snprintf(row.type, sizeof(row.type), "regular");
    snprintf(row.status, sizeof(row.status), "online");
    snprintf(row.address, sizeof(row.address), "%.*s", (int)strcspn(address, "\n"), address);
    row.built_in = true;
    row.created_at = row.updated_at = wrn_unix_time();
    return wrn_store_put_built_in_host(server->store, &row) == WRN_DB_OK ||
           (snprintf(why, why_size, "cannot store what this machine is"), false);
}

/* Puts where it listens into `bound`, one address a line. */
static bool listen_all(wrn_server *server, wrn_buf *bound, char *why, size_t why_size) {
    const wrn_list *list = &server->config->listen;
    static char fallback[] = "127.0.0.1:8080";
    for (size_t i = 0; i < list->count || i == 0; i++) {
        const char *address = list->count ? list->items[i] : fallback;
        char where[256];
        if (!wrn_http_listen(server->http, address, where, sizeof(where), why, why_size)) return false;
        if (!wrn_http_is_private_address(address))
            wrn_log_warning("%s is open to the network and has no TLS: keys and data can be read on the way; put a TLS "
                            "proxy in front and listen on 127.0.0.1",
                            where);
        wrn_names_add(&server->names, where);
        wrn_buf_printf(bound, "%s\n", where);
    }
    return true;
}

static bool listen_private(wrn_server *server, wrn_buf *bound, char *why, size_t why_size) {
    char address[256], where[256];
    snprintf(address, sizeof(address), "unix:%s/wrennd.sock", server->config->data_dir);
    if (!wrn_http_listen(server->http, address, where, sizeof(where), why, why_size)) return false;
    wrn_buf_puts(bound, address);
    return wrn_private_watch(server, on_owner_gone) ||
           (snprintf(why, why_size, "--private-fd must be one end of a socket pair"), false);
}

/* Whoever waits for it may begin. */
static bool tell_ready(wrn_server *server, const wrn_buf *bound, char *why, size_t why_size) {
    for (const char *at = bound->data ? bound->data : "", *end; *at; at = end + (*end == '\n')) {
        end = strchrnul(at, '\n');
        wrn_log_info("listening on %.*s", (int)(end - at), at);
    }
    if (tell_ready_fd(server->config->ready_fd, bound)) return true;
    return snprintf(why, why_size, "cannot write to --ready-fd: %s", strerror(errno)), false;
}

static bool greet_owner(wrn_server *server, const welcome *w, const wrn_buf *bound, char *why, size_t why_size) {
    int64_t now = wrn_unix_time();
    WRN_AUTO(wrn_buf_free) wrn_buf token = WRN_BUF_INIT;
    wrn_claims claims = {w->user_id, w->team_id, "owner", OWNER_EMAIL, "Owner", now, now + PRIVATE_TOKEN_SECONDS, true};
    wrn_jwt_sign(server->auth.secret, &claims, &token);
    if (token.failed || bound->failed) return snprintf(why, why_size, "out of memory"), false;
    if (wrn_private_greet((int)server->config->private_fd, bound->data + strlen("unix:"), w->api_key, token.data))
        return true;
    return snprintf(why, why_size, "the owner has gone"), false;
}

/* Everything that can fail comes before the first account: its key is shown once, and is shown for certain. */
static bool begin(wrn_server *server, wrn_arena *arena, char *why, size_t why_size) {
    WRN_AUTO(wrn_buf_free) wrn_buf bound = WRN_BUF_INIT;
    welcome w = {0};
    bool ok = open_boxes(server, arena, why, why_size) && open_loop(server, why, why_size) &&
              (is_private(server) ? listen_private : listen_all)(server, &bound, why, why_size) &&
              recover(server, why, why_size) && first_start(server, &w, why, why_size);
    ok = ok && note_host(server, &bound, why, why_size);
    if (w.is_new && !is_private(server)) print_welcome(server, &w, &bound);
    if (ok) wrn_sandboxes_await(server->sandboxes);
    ok = ok && (is_private(server) ? greet_owner(server, &w, &bound, why, why_size)
                                   : tell_ready(server, &bound, why, why_size));
    sodium_memzero(&w, sizeof(w));
    return ok;
}

/* A signal that comes while we clean up must not end us by its default action. */
static void close_signals(wrn_server *server) {
    sigset_t both;
    if (!server->signals_open) return;
    sigemptyset(&both);
    sigaddset(&both, SIGTERM);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &both, NULL);
    for (size_t i = 0; i < WRN_COUNT(server->signals); i++) uv_close((uv_handle_t *)&server->signals[i], NULL);
    if (server->idle_open) uv_close((uv_handle_t *)&server->idle, NULL);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
}

/* Takes down whatever there is; safe in every stage of the start. */
static void tear_down(wrn_server *server) {
    if (server->http && server->handles_open) {
        stop(server, true);
        wrn_http_abort(server->http);
        uv_run(&server->loop, UV_RUN_DEFAULT);
    }
    if (server->boxes) wrn_boxes_close(server->boxes);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    close_signals(server);
    wrn_sandboxes_free(server->sandboxes);
    if (server->http) wrn_http_free(server->http);
    wrn_json_free(server->isolation);
    wrn_store_close(server->store);
    sodium_memzero(server->auth.secret, sizeof(server->auth.secret));
    if (server->listening) wrn_audit_note(&server->audit, "stop");
    wrn_audit_close(&server->audit);
    if (uv_loop_close(&server->loop) != 0) wrn_log_debug("some handles are still open");
    if (server->lock_fd >= 0) close(server->lock_fd);
}

static void remove_stale(void *context, const char *path) {
    (void)context;
    wrn_tree_remove(path);
}

bool wrn_server_run(const wrn_config *config, char *why, size_t why_size) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrn_server server = {.config = config, .lock_fd = -1, .owner_fd = -1, .audit.fd = -1};
    server.names.allowed = config->allow_host.items;
    server.names.allowed_count = config->allow_host.count;
    if (uv_loop_init(&server.loop) != 0) return snprintf(why, why_size, "cannot make an event loop"), false;
    wrn_damper_init(&server.damper);
    bool locked = open_state(&server, &arena, why, why_size);
    if (locked && is_private(&server)) wrn_private_each_stale(config->data_dir, remove_stale, NULL);
    bool ok = locked && begin(&server, &arena, why, why_size);
    server.listening = ok;
    if (ok) wrn_store_use_loop(server.store, &server.loop);
    if (ok) wrn_precedence_take();
    if (ok) watch_idle(&server);
    if (ok) wrn_hold_watch(&server.loop);
    if (ok) wrn_audit_note(&server.audit, "start");
    if (ok) wrn_notify("READY=1");
    if (ok) uv_run(&server.loop, UV_RUN_DEFAULT);
    wrn_hold_unwatch();
    bool remove = is_private(&server) && locked;
    if (!ok && is_private(&server)) wrn_private_fail((int)config->private_fd, why);
    tear_down(&server);
    if (remove && !wrn_tree_remove(config->data_dir)) wrn_log_warning("cannot remove all of %s", config->data_dir);
    return ok;
}
