#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/place.h"
#include "base/text.h"
#include "base/tree.h"
#include "server/hold.h"
#include "server/http/budget.h"
#include "server/lane.h"
#include "server/log.h"
#include "server/notify.h"
#include "server/precedence.h"
#include "server/private.h"
#include "server/routes/routes.h"
#include "server/sandbox/snapshots.h"
#include "server/sandbox/watch.h"
#include "server/trees.h"

enum { PRIVATE_TOKEN_SECONDS = 10 * 365 * 86400, LINGER_MS = 2000 };

#define OWNER_EMAIL "owner@localhost"

/* The credentials that the start creates. */
typedef struct welcome {
    char user_id[WRN_ID_SIZE], team_id[WRN_ID_SIZE];
    char password[33]; /* "" when there is none */
    char api_key[WRN_API_KEY_SIZE];
    bool is_new;
} welcome;

static bool is_private(const wrn_server *server) { return server->config->private_fd >= 0; }

static const char *in_dir(wrn_arena *arena, const char *dir, const char *name) {
    return wrn_arena_printf(arena, "%s/%s", dir, name);
}

/* ---- the directory ---- */

/* Makes the directory and its parents; the directory itself is private. */
static bool make_dir(const char *path, wrn_why *why) {
    struct stat info;
    if (make_path(path, 0755) != 0)
        return wrn_why_set(why, "cannot make the data directory %s: %s; choose another one with --data-dir", path,
                           strerror(errno));
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) return wrn_why_set(why, "%s is not a directory", path);
    if (info.st_uid != geteuid())
        return wrn_why_set(why, "the data directory %s belongs to somebody else; choose another", path);
    if ((info.st_mode & 077) && chmod(path, 0700) != 0)
        return wrn_why_set(why, "others can read %s; run: chmod 700 %s", path, path);
    return true;
}

static bool lock_dir(wrn_server *server, wrn_arena *arena, wrn_why *why) {
    const char *dir = server->config->data_dir, *path = in_dir(arena, dir, "lock");
    server->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (server->lock_fd >= 0 && wrn_lock_take(server->lock_fd)) return true;
    if (errno == EAGAIN)
        wrn_why_set(why, "another wrennd uses the data directory %s; stop it or choose another --data-dir", dir);
    else wrn_why_set(why, "cannot lock %s: %s", path, strerror(errno));
    return false;
}

/* A missing program is reported when it is needed; one that must not be used is reported now. */
static const char *find_program(wrn_arena *arena, const char *set, const char *name, const char *in_build_tree) {
    char path[4096], why[1024] = "";
    if (set) return set;
    if (!wrn_helper_find(name, in_build_tree, path, sizeof(path), why, sizeof(why)) && *why) wrn_log_warning("%s", why);
    return wrn_arena_dup(arena, path, strlen(path));
}

/* Backends change the working directory. */
static const char *absolute(wrn_arena *arena, const char *path) {
    char here[4096];
    if (!path || *path == '/' || !getcwd(here, sizeof(here))) return path;
    return in_dir(arena, here, path);
}

/* Checks that no other user can change the part of the path that exists. */
static bool check_place(wrn_arena *arena, const char *dir, wrn_why *why) {
    char path[4096], problem[1024];
    struct stat info;
    if ((size_t)snprintf(path, sizeof(path), "%s", absolute(arena, dir)) >= sizeof(path))
        return wrn_why_set(why, "the data directory's path is too long");
    while (*path && lstat(path, &info) != 0 && errno == ENOENT) *strrchr(path, '/') = '\0';
    if (wrn_place_is_safe(*path ? path : "/", problem, sizeof(problem))) return true;
    return wrn_why_set(why, "data can't be kept in %s, which others could change: %s; or choose another --data-dir",
                       dir, problem);
}

void wrn_server_backend_config(const wrn_config *config, wrn_arena *arena, wrn_backend_config *out) {
    const char *data_dir = absolute(arena, config->data_dir);
    *out = (wrn_backend_config){
        .state_dir = in_dir(arena, data_dir, "sandboxes"),
        .template_dir = absolute(arena, config->template_dir),
        .agent_path = find_program(arena, config->agent, "wrenn-agent", "src/agent/wrenn-agent"),
        .unpack_path = find_program(arena, NULL, "wrenn-unpack", "src/server/templates/wrenn-unpack"),
        .vm_dir = absolute(arena, config->vm_dir),
        .vm_warm = config->vm_warm,
        .cgroup_parent = config->cgroup_parent,
        .ephemeral = config->private_fd >= 0,
        .adopt_ms = config->private_fd >= 0 ? 0 : config->adopt_timeout_sec * 1000};
    if (!out->template_dir) out->template_dir = in_dir(arena, data_dir, "templates");
    if (!out->vm_dir) out->vm_dir = in_dir(arena, data_dir, "vm");
    out->egress = (wrn_egress_config){
        .gate_path = find_program(arena, config->gate, "wrenn-gate", "src/gate/wrenn-gate"),
        .gate_tls_path = find_program(arena, config->gate_tls, "wrenn-gate-tls", "src/gate/wrenn-gate-tls"),
        .trust_path = absolute(arena, config->egress_ca),
        .deny = config->egress_deny.items,
        .deny_count = config->egress_deny.count,
        .opened = config->egress_private.items,
        .opened_count = config->egress_private.count,
        .name_servers = config->egress_dns.items,
        .name_server_count = config->egress_dns.count,
        .proxy_address = config->egress_proxy ? config->proxy.address : NULL,
        .proxy_credential = config->proxy.credential.data,
        .proxy_port = config->proxy.port,
        .usual = config->egress_default,
        .most = config->egress_max,
        .connections = config->egress_connections,
        .rate = config->egress_rate,
        .smtp = config->egress_smtp};
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

bool wrn_server_create_key(const wrn_config *config, const char *name, char key[WRN_API_KEY_SIZE], wrn_why *why) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    const char *database = in_dir(&arena, config->data_dir, "wrennd.db");
    wrn_server server = {0};
    wrn_account owner;
    wrn_key_row row;
    struct stat info;
    if (lstat(database, &info) != 0)
        return wrn_why_set(why, "%s has no accounts yet; start wrennd there once, or name another --data-dir",
                           config->data_dir);
    if (info.st_uid != geteuid())
        return wrn_why_set(why, "%s belongs to user %u; run this as that user", database, (unsigned)info.st_uid);
    if (!*name || strlen(name) > WRN_SHOWN_NAME_MAX)
        return wrn_why_set(why, "the name of a key has 1 to %d bytes", WRN_SHOWN_NAME_MAX);
    server.store = wrn_store_open(database, false, why);
    if (!server.store) return false;
    wrn_db outcome = wrn_store_find_account(server.store, OWNER_EMAIL, &owner);
    if (outcome == WRN_DB_OK) outcome = wrn_server_new_key(&server, owner.team_id, owner.user_id, name, &row, key);
    if (outcome == WRN_DB_OK && !wrn_store_sync(server.store)) outcome = WRN_DB_ERROR;
    wrn_store_close(server.store);
    if (outcome == WRN_DB_OK) return true;
    return wrn_why_set(why, outcome == WRN_DB_NONE ? "there is no account %s in %s" : "cannot make a key of %s in %s",
                       OWNER_EMAIL, database);
}

static bool first_start(wrn_server *server, welcome *out, wrn_why *why) {
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
        ok = ok && wrn_password_hash_random(out->password, owner.password_hash);
    }
    wrn_key_row row;
    ok = ok && wrn_store_add_account(server->store, &owner) == WRN_DB_OK &&
         wrn_server_new_key(server, owner.team_id, owner.user_id, "First key", &row, out->api_key) == WRN_DB_OK &&
         wrn_store_sync(server->store);
    if (!ok) return wrn_why_set(why, "cannot make the first account");
    memcpy(out->user_id, owner.user_id, sizeof(owner.user_id));
    memcpy(out->team_id, owner.team_id, sizeof(owner.team_id));
    return out->is_new = true;
}

static void print_welcome(const wrn_server *server, const welcome *w, const wrn_buf *bound) {
    const char *address = bound->data ? bound->data : "";
    bool is_unix = strncmp(address, "unix:", 5) == 0;
    char named[300];
    /* "localhost", because browsers resolve the URLs of ports, PORT-ID.localhost. */
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

static void server_on_boxes_stopped(void *context) {
    wrn_server *server = context;
    server->boxes_stopped = true;
    /* Answers about the end of sandboxes have been sent by now, to clients that read. */
    if (is_private(server)) wrn_http_abort(server->http);
    finish_if_done(server);
}

static void stop_boxes(wrn_server *server) {
    if (server->boxes_stopping) return;
    server->boxes_stopping = true;
    /* A server that could not start leaves the sandboxes of the last run alone. */
    wrn_stop how = server->listening ? (wrn_stop)server->config->on_stop : WRN_STOP_KEEP;
    wrn_sandboxes_stop(server->sandboxes, how, server_on_boxes_stopped, server);
}

static void server_on_grace(uv_timer_t *timer) {
    wrn_server *server = timer->data;
    if (server->boxes_stopped) return wrn_http_abort(server->http);
    stop_boxes(server);
}

static void finish_if_done(wrn_server *server) {
    if (server->boxes_stopped && !server->drained && server->handles_open)
        uv_timer_start(&server->grace, server_on_grace, LINGER_MS, 0);
    if (!server->boxes_stopped || !server->drained || !server->handles_open) return;
    server->handles_open = false;
    uv_close((uv_handle_t *)&server->grace, NULL);
    wrn_private_unwatch(server);
}

static void server_on_drained(void *context) {
    wrn_server *server = context;
    server->drained = true;
    stop_boxes(server);
    finish_if_done(server);
}

static void stop_server(wrn_server *server, bool at_once) {
    if (server->stopping) {
        /* The second request: no more grace. */
        stop_boxes(server);
        wrn_http_abort(server->http);
        return;
    }
    server->stopping = true;
    wrn_notify("STOPPING=1");
    wrn_http_stop(server->http);
    if (at_once) stop_boxes(server);
    else uv_timer_start(&server->grace, server_on_grace, (uint64_t)server->config->stop_grace_ms, 0);
}

static void server_on_signal(uv_signal_t *handle, int number) {
    wrn_server *server = handle->data;
    if (number == SIGUSR2) return wrn_audit_reopen(&server->audit);
    wrn_log_info("stopping after signal %d", number);
    stop_server(server, is_private(server));
}

static void server_on_owner_gone(wrn_server *server) { stop_server(server, true); }

/* ---- ending when idle ---- */

/* A paused sandbox counts as activity too: its owner will come back. */
static void on_idle(uv_timer_t *timer) {
    wrn_server *server = timer->data;
    uint64_t now = uv_now(&server->loop), accepted;
    size_t open;
    wrn_http_connections(server->http, &open, &accepted);
    if (open || accepted != server->idle_accepted || wrn_sandboxes_count(server->sandboxes)) {
        server->idle_since_ms = now;
        server->idle_accepted = accepted;
    } else if (now - server->idle_since_ms >= (uint64_t)server->config->idle_exit_sec * 1000 && !server->stopping) {
        wrn_log_info("stopping: there has been no sandbox and no connection for --idle-exit seconds");
        stop_server(server, false);
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

static bool open_audit(wrn_server *server, wrn_arena *arena, wrn_why *why) {
    const char *path = server->config->audit_log;
    if (is_private(server) || (path && strcmp(path, "none") == 0)) path = NULL;
    else if (!path) path = in_dir(arena, server->config->data_dir, "audit.log");
    return wrn_audit_open(&server->audit, path, server->config->audit_max_mb << 20, why);
}

static bool open_state(wrn_server *server, wrn_arena *arena, wrn_why *why) {
    const char *dir = server->config->data_dir;
    /* Before, so that no directory is made where another user's link leads; and after, when nobody can change it. */
    if (!check_place(arena, dir, why) || !make_dir(dir, why) || !check_place(arena, dir, why) ||
        !lock_dir(server, arena, why))
        return false;
    const char *database = in_dir(arena, dir, "wrennd.db"), *secret = in_dir(arena, dir, "token.secret");
    mode_t mask = umask(0077);
    server->store = wrn_store_open(database, is_private(server), why);
    umask(mask);
    if (!server->store) return false;
    server->auth.store = server->store;
    if (!open_audit(server, arena, why)) return false;
    if (!is_private(server)) return wrn_auth_load_secret(&server->auth, secret, why);
    randombytes_buf(server->auth.secret, sizeof(server->auth.secret));
    return true;
}

/* Describes this machine as a host. */
static wrn_host_row describe_machine(const wrn_server *server) {
    struct utsname kernel;
    struct sysinfo memory;
    struct statvfs disk;
    wrn_host_row row = {.cpu_cores = sysconf(_SC_NPROCESSORS_ONLN), .type = "regular", .status = "online"};
    if (uname(&kernel) == 0) snprintf(row.arch, sizeof(row.arch), "%s", kernel.machine);
    if (sysinfo(&memory) == 0) row.memory_mb = (int64_t)((unsigned long long)memory.totalram * memory.mem_unit >> 20);
    if (statvfs(server->config->data_dir, &disk) == 0)
        row.disk_gb = (int64_t)((unsigned long long)disk.f_blocks * disk.f_frsize >> 30);
    return row;
}

/* The isolation of each sandbox says the same. */
static bool warn_of_limits(void *context, const char *backend, const wrn_json *isolation) {
    const char *why = wrn_json_text(wrn_json_get(isolation, "limits"), "why");
    if (why) wrn_log_warning("limits of memory and processors are not enforced: %s", why);
    return true;
}

static void warn_of_lacks(const wrn_server *server) {
    if (is_private(server)) return;
    wrn_json_each(wrn_boxes_isolations(server->boxes), warn_of_limits, NULL);
    if (server->config->on_stop != WRN_STOP_DESTROY && !wrn_boxes_can_leave(server->boxes))
        wrn_log_warning(
            "sandboxes will end with this process despite --on-stop: the member `isolation` of each says why");
}

static void on_network_counted(void *context, const wrn_sandbox_row *row, const wrn_json *counted) {
    wrn_server *server = context;
    wrn_audit_network(&server->audit, row->team_id, row->id, counted);
}

static bool open_boxes(wrn_server *server, wrn_arena *arena, wrn_why *why) {
    wrn_backend_config config;
    wrn_fault fault = {.code = WRN_FAULT_INTERNAL_ERROR};
    wrn_server_backend_config(server->config, arena, &config);
    if (mkdir(config.state_dir, 0700) != 0 && errno != EEXIST)
        return wrn_why_set(why, "cannot make %s: %s", config.state_dir, strerror(errno));
    config.loop = &server->loop;
    server->egress = config.egress;
    server->template_dir = config.template_dir;
    if (wrn_boxes_open(&config, &server->boxes, &fault) != 0)
        return wrn_why_set(why, "sandboxes can't run here: %s; see: wrennd doctor", fault.message);
    warn_of_lacks(server);
    const wrn_host_row machine = describe_machine(server);
    int64_t held_mb = server->config->held_max_mb ? server->config->held_max_mb : machine.memory_mb / 4;
    if (held_mb) wrn_budget_set((size_t)held_mb << 20);
    wrn_sandboxes_config sandboxes = {.loop = &server->loop,
                                      .store = server->store,
                                      .boxes = server->boxes,
                                      .count_max = server->config->max_sandboxes,
                                      .memory_mb_max = server->config->max_memory_mb,
                                      .hibernate_sec = server->config->vm_hibernate_after_sec,
                                      .pool_max = server->config->vm_pool,
                                      .memory_mb_one = machine.memory_mb ? machine.memory_mb : INT64_MAX,
                                      .counted = on_network_counted,
                                      .counted_context = server};
    server->sandboxes = wrn_sandboxes_new(&sandboxes);
    return true;
}

/* Only after listening: a server that can't start must not touch what the last run left. */
static bool recover(wrn_server *server, wrn_why *why) {
    if (!wrn_sandboxes_recover(server->sandboxes)) return wrn_why_set(why, "cannot read the sandboxes of the last run");
    wrn_snapshots_recover(server->sandboxes);
    wrn_watch_templates(server->sandboxes, server->template_dir);
    return true;
}

/* By nohup, for example. */
static bool is_ignored(int number) {
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void open_loop(wrn_server *server) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2};
    const wrn_http_handler handler = {server, wrn_routes_head, wrn_routes_run, wrn_routes_answered, server_on_drained};
    server->http = wrn_http_new(&server->loop, &server->config->http, &handler);
    for (size_t i = 0; i < WRN_COUNT(numbers); i++) {
        uv_signal_init(&server->loop, &server->signals[i]);
        server->signals[i].data = server;
        if (!is_ignored(numbers[i])) uv_signal_start(&server->signals[i], server_on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&server->signals[i]);
    }
    server->signals_open = true;
    uv_timer_init(&server->loop, &server->grace);
    server->grace.data = server;
    server->handles_open = true;
}

/* Stores the present facts of the built-in host. */
static bool store_host(wrn_server *server, const wrn_buf *bound, wrn_why *why) {
    const char *address = bound->data ? bound->data : "";
    wrn_host_row row = describe_machine(server);
    wrn_id_new(row.id, "host");
    snprintf(row.address, sizeof(row.address), "%.*s", (int)strcspn(address, "\n"), address);
    row.built_in = true;
    row.created_at = row.updated_at = wrn_unix_time();
    return wrn_store_put_built_in_host(server->store, &row) == WRN_DB_OK ||
           wrn_why_set(why, "cannot store the facts of this machine");
}

/* Appends the addresses to `bound`, one per line. */
static bool listen_all(wrn_server *server, wrn_buf *bound, wrn_why *why) {
    const wrn_list *list = &server->config->listen;
    static char fallback[] = "127.0.0.1:8080";
    for (size_t i = 0; i < list->count || i == 0; i++) {
        const char *address = list->count ? list->items[i] : fallback;
        char where[256];
        if (!wrn_http_listen(server->http, address, where, sizeof(where), why)) return false;
        if (!wrn_http_is_private_address(address))
            wrn_log_warning("%s is open to the network without TLS, so keys and data can be intercepted; put a TLS "
                            "proxy in front and listen on 127.0.0.1",
                            where);
        wrn_names_add(&server->names, where);
        wrn_buf_printf(bound, "%s\n", where);
    }
    return true;
}

static bool listen_private(wrn_server *server, wrn_buf *bound, wrn_why *why) {
    char address[256], where[256];
    snprintf(address, sizeof(address), "unix:%s/wrennd.sock", server->config->data_dir);
    if (!wrn_http_listen(server->http, address, where, sizeof(where), why)) return false;
    wrn_buf_puts(bound, address);
    return wrn_private_watch(server, server_on_owner_gone) ||
           wrn_why_set(why, "--private-fd must be one end of a socket pair");
}

/* Logs the addresses and writes them to --ready-fd. */
static bool tell_ready(wrn_server *server, const wrn_buf *bound, wrn_why *why) {
    for (const char *at = bound->data ? bound->data : "", *end; *at; at = end + (*end == '\n')) {
        end = strchrnul(at, '\n');
        wrn_log_info("listening on %.*s", (int)(end - at), at);
    }
    int fd = (int)server->config->ready_fd;
    if (fd < 0) return true;
    bool ok = write(fd, bound->data, bound->size) == (ssize_t)bound->size;
    close(fd);
    if (ok) return true;
    return wrn_why_set(why, "cannot write to --ready-fd: %s", strerror(errno));
}

static bool greet_owner(wrn_server *server, const welcome *w, const wrn_buf *bound, wrn_why *why) {
    int64_t now = wrn_unix_time();
    WRN_AUTO(wrn_buf_free) wrn_buf token = WRN_BUF_INIT;
    wrn_claims claims = {w->user_id, w->team_id, "owner", OWNER_EMAIL, "Owner", now, now + PRIVATE_TOKEN_SECONDS, true};
    wrn_jwt_sign(server->auth.secret, &claims, &token);
    if (wrn_private_greet((int)server->config->private_fd, bound->data + strlen("unix:"), w->api_key, token.data))
        return true;
    return wrn_why_set(why, "the owner has gone");
}

/* Steps that can fail come before the first account, so that its key, which is shown once, is shown in any case. */
static bool begin_serving(wrn_server *server, wrn_arena *arena, wrn_why *why) {
    WRN_AUTO(wrn_buf_free) wrn_buf bound = WRN_BUF_INIT;
    welcome w = {0};
    bool ok = open_boxes(server, arena, why);
    if (ok) open_loop(server);
    ok = ok && (is_private(server) ? listen_private : listen_all)(server, &bound, why) && recover(server, why) &&
         first_start(server, &w, why) && store_host(server, &bound, why);
    if (w.is_new && !is_private(server)) print_welcome(server, &w, &bound);
    if (ok) wrn_sandboxes_await(server->sandboxes);
    ok = ok && (is_private(server) ? greet_owner(server, &w, &bound, why) : tell_ready(server, &bound, why));
    sodium_memzero(&w, sizeof(w));
    return ok;
}

/* Signals that come during the clean-up must not kill the process. */
static void close_signals(wrn_server *server) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t set;
    if (!server->signals_open) return;
    sigemptyset(&set);
    for (size_t i = 0; i < WRN_COUNT(numbers); i++) sigaddset(&set, numbers[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (size_t i = 0; i < WRN_COUNT(server->signals); i++) uv_close((uv_handle_t *)&server->signals[i], NULL);
    if (server->idle_open) uv_close((uv_handle_t *)&server->idle, NULL);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < WRN_COUNT(numbers); i++) signal(numbers[i], SIG_IGN);
}

/* Safe after any step of the start. */
static void tear_down(wrn_server *server) {
    if (server->http && server->handles_open) {
        stop_server(server, true);
        wrn_http_abort(server->http);
        uv_run(&server->loop, UV_RUN_DEFAULT);
    }
    if (server->boxes) wrn_boxes_close(server->boxes);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    close_signals(server);
    wrn_sandboxes_free(server->sandboxes);
    if (server->http) wrn_http_free(server->http);
    wrn_store_close(server->store);
    sodium_memzero(server->auth.secret, sizeof(server->auth.secret));
    if (server->listening) wrn_audit_note(&server->audit, "stop");
    wrn_audit_close(&server->audit);
    if (uv_loop_close(&server->loop) != 0) wrn_log_debug("some handles are still open");
    if (server->lock_fd >= 0) close(server->lock_fd);
}

static void remove_stale_directory(void *context, const char *path) {
    (void)context;
    wrn_tree_remove(path);
}

bool wrn_server_run(const wrn_config *config, wrn_why *why) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrn_server server = {.config = config, .lock_fd = -1, .owner_fd = -1, .audit.fd = -1};
    server.names.allowed = config->allow_host.items;
    server.names.allowed_count = config->allow_host.count;
    if (uv_loop_init(&server.loop) != 0) return wrn_why_set(why, "cannot make an event loop");
    wrn_damper_init(&server.damper);
    bool locked = open_state(&server, &arena, why);
    if (locked && is_private(&server)) wrn_private_each_stale(config->data_dir, remove_stale_directory, NULL);
    bool ok = locked && begin_serving(&server, &arena, why);
    server.listening = ok;
    if (ok) wrn_store_use_loop(server.store, &server.loop);
    if (ok) wrn_precedence_take();
    if (ok && !is_private(&server)) wrn_lane_fill();
    if (ok) watch_idle(&server);
    if (ok) wrn_hold_watch(&server.loop);
    if (ok) wrn_audit_note(&server.audit, "start");
    if (ok) wrn_notify("READY=1");
    if (ok) uv_run(&server.loop, UV_RUN_DEFAULT);
    wrn_hold_unwatch();
    bool remove = is_private(&server) && locked;
    if (!ok && is_private(&server)) wrn_private_fail((int)config->private_fd, why->text);
    tear_down(&server);
    if (remove && !wrn_tree_remove(config->data_dir)) wrn_log_warning("cannot remove all of %s", config->data_dir);
    return ok;
}
