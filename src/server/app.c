/* The program: its arguments, its subcommands, its exit status. */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/text.h"
#include "server/lane.h"
#include "server/log.h"
#include "server/private.h"
#include "server/routes/routes.h"
#include "server/server.h"

static void print(const wrn_buf *text) {
    fwrite(text->data, 1, text->size, stdout);
    fflush(stdout);
}

/* ---- doctor ---- */

static const char *member_text(const wrn_json *object, const char *key) {
    const char *text = wrn_json_text(object, key);
    return text ? text : "";
}

static void describe_check(const wrn_json *check, wrn_buf *out) {
    bool ok = false;
    wrn_json_bool(wrn_json_get(check, "ok"), &ok);
    wrn_buf_printf(out, "%-4s %s", ok ? "ok" : "NO", member_text(check, "check"));
    if (*member_text(check, "detail")) wrn_buf_printf(out, ": %s", member_text(check, "detail"));
    wrn_buf_putc(out, '\n');
    if (!ok && *member_text(check, "fix")) wrn_buf_printf(out, "     fix: %s\n", member_text(check, "fix"));
}

static void add_stale(void *context, const char *path) { wrn_report_leak(context, "directory", path); }

static bool find_leaks(const wrn_backend_config *backend, wrn_json *report) {
    wrn_boxes_leaks(backend, report);
    wrn_private_each_stale(NULL, add_stale, report);
    return wrn_json_count(report) == 0;
}

static void check_proxy(wrn_config *config, wrn_json *report) {
    wrn_why why;
    if (!*config->proxy.host) return;
    bool found = wrn_upstream_resolve(&config->proxy, &why);
    wrn_report_check(report, "egress proxy", found, found ? config->proxy.address : why.text,
                     "until then wrennd does not start with --egress-proxy");
}

static int doctor(wrn_config *config) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    WRN_AUTO(wrn_json_freep) wrn_json *report = wrn_json_new_array();
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    wrn_backend_config backend;
    if (!config->leaks) check_proxy(config, report);
    wrn_server_backend_config(config, &arena, &backend);
    bool fine = config->leaks ? find_leaks(&backend, report) : wrn_boxes_doctor(&backend, report);
    size_t count = wrn_json_count(report);
    if (config->json) {
        wrn_json_write(report, &out);
        wrn_buf_putc(&out, '\n');
    }
    for (size_t i = 0; i < count && !config->json; i++) {
        const wrn_json *entry = wrn_json_at(report, i);
        if (config->leaks) wrn_buf_printf(&out, "%s %s\n", member_text(entry, "kind"), member_text(entry, "what"));
        else describe_check(entry, &out);
    }
    if (!config->json && config->leaks && fine) wrn_buf_puts(&out, "no leaks\n");
    if (!config->json && !config->leaks)
        wrn_buf_puts(&out, fine ? "sandboxes can run here\n" : "sandboxes can't run here\n");
    print(&out);
    return fine ? 0 : 1;
}

/* ---- template ---- */

static void number_or_dash(wrn_buf *out, int64_t value, int width) {
    if (value) wrn_buf_printf(out, "  %*lld", width, (long long)value);
    else wrn_buf_printf(out, "  %*s", width, "-");
}

static void list_line(void *context, const wrn_template *item) {
    wrn_buf *out = context;
    wrn_template shown = *item; /* name and origin are untrusted */
    wrn_text_clean(shown.name);
    wrn_text_clean(shown.origin);
    wrn_text_clean(shown.type);
    item = &shown;
    wrn_buf_printf(out, "%-30s", item->name);
    number_or_dash(out, (item->size_bytes + (1 << 20) - 1) >> 20, 7);
    number_or_dash(out, item->vcpus, 5);
    number_or_dash(out, item->memory_mb, 9);
    wrn_buf_printf(out, "  %s%s%s\n", item->type, *item->origin ? ", " : "", item->origin);
}

static void list_json(void *context, const wrn_template *item) {
    wrn_json *entry = wrn_json_new_object();
    wrn_json_set_string(entry, "name", item->name);
    wrn_json_set_string(entry, "type", item->type);
    wrn_json_set_string(entry, "origin", item->origin);
    wrn_json_set_int(entry, "vcpus", item->vcpus);
    wrn_json_set_int(entry, "memory_mb", item->memory_mb);
    wrn_json_set_int(entry, "size_bytes", item->size_bytes);
    wrn_json_set_int(entry, "created_at", item->created_at);
    wrn_json_append(context, entry);
}

static void list_templates(const wrn_config *config, const wrn_backend_config *backend, wrn_buf *out) {
    WRN_AUTO(wrn_json_freep) wrn_json *list = wrn_json_new_array();
    if (config->json) {
        wrn_template_list(backend, list_json, list);
        wrn_json_write(list, out);
        wrn_buf_putc(out, '\n');
        return;
    }
    wrn_buf_printf(out, "%-30s  %7s  %5s  %9s  %s\n", "NAME", "SIZE_MB", "VCPUS", "MEMORY_MB", "TYPE");
    wrn_template_list(backend, list_line, out);
}

static int template(const wrn_config *config) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    WRN_AUTO(wrn_buf_free) wrn_buf said = WRN_BUF_INIT;
    const wrn_template_plan *plan = &config->plan;
    wrn_backend_config backend;
    wrn_fault fault;
    bool ok = true;
    if (plan->name && !wrn_is_template_name(plan->name)) {
        fprintf(stderr,
                "wrennd: \"%.100s\" is not a template name: up to 64 letters, digits, dots, hyphens and "
                "underscores, the first a letter or digit\n",
                plan->name);
        return 2;
    }
    wrn_server_backend_config(config, &arena, &backend);
    if (config->verb == WRN_TEMPLATE_LIST) list_templates(config, &backend, &said);
    else if (config->verb == WRN_TEMPLATE_REMOVE) ok = wrn_template_remove(&backend, plan->name, &said, &fault);
    else ok = wrn_template_build(&backend, plan, &said, &fault);
    if (said.size) print(&said);
    if (!ok) wrn_text_clean(fault.message), fprintf(stderr, "wrennd: %s\n", fault.message);
    return ok ? 0 : 1;
}

/* ---- key ---- */

static int create_key(const wrn_config *config) {
    char key[WRN_API_KEY_SIZE];
    wrn_why why;
    const char *name = config->key_name ? config->key_name : "By the operator";
    if (!wrn_server_create_key(config, name, key, &why)) {
        fprintf(stderr, "wrennd: %s\n", why.text);
        return 1;
    }
    printf("%s\n", key);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* ---- vm ---- */

static int set_up_machines(const wrn_config *config) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrn_backend_config backend;
    wrn_fault fault;
    wrn_server_backend_config(config, &arena, &backend);
    if (!wrn_boxes_set_up(&backend, &config->setup, &fault)) {
        wrn_text_clean(fault.message);
        fprintf(stderr, "wrennd: %s\n", fault.message);
        return 1;
    }
    printf("virtual machines are set up in %s; a wrennd that runs has to be started again\n", backend.vm_dir);
    return 0;
}

/* ---- the program ---- */

/* Each sandbox takes descriptors. The default limit of 1024 is for programs that use select(). */
static void raise_open_files(void) {
    enum { ENOUGH = 1 << 20 };
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= ENOUGH) return;
    files.rlim_cur = files.rlim_max < ENOUGH ? files.rlim_max : ENOUGH;
    setrlimit(RLIMIT_NOFILE, &files);
}

/* The table of open files grows now, while there is one thread: later the loop would wait for all processors each time. */
static void reserve_open_files(void) {
    enum { MANY = 1 << 16 };
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    int last = files.rlim_cur < MANY ? (int)files.rlim_cur - 1 : MANY - 1;
    close(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, last));
}

/* Memory that was freed stays for the next: each change of the map waits for all threads that hold its lock. */
static void keep_memory(void) {
    enum { MB = 1 << 20, KEPT = 96 * MB, STEP = 32 * MB, LARGE = MB };
    mallopt(M_TRIM_THRESHOLD, KEPT);
    mallopt(M_TOP_PAD, STEP);
    mallopt(M_MMAP_THRESHOLD, LARGE);
}

static int serve(wrn_config *config) {
    wrn_why why = {""};
    signal(SIGPIPE, SIG_IGN);
    raise_open_files();
    reserve_open_files();
    keep_memory();
    wrn_lane_setup();
    bool is_reachable = !*config->proxy.host || wrn_upstream_resolve(&config->proxy, &why);
    if (!is_reachable && config->private_fd >= 0) wrn_private_fail((int)config->private_fd, why.text);
    if (is_reachable && wrn_server_run(config, &why)) return 0;
    /* In private mode the owner has got the message and reports it. */
    if (config->private_fd < 0) wrn_log_error("%s", why.text);
    return 1;
}

int wrn_server_main(int argc, char **argv) {
    wrn_config config;
    wrn_why why;
    int status = 2;
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    if (sodium_init() < 0) {
        fprintf(stderr, "wrennd: libsodium can't be initialized\n");
        return 1;
    }
    if (!wrn_config_load(&config, argc, argv, &why)) {
        fprintf(stderr, "wrennd: %s\n", why.text);
        if (config.private_fd >= 0) wrn_private_fail((int)config.private_fd, why.text);
        wrn_config_free(&config);
        return status;
    }
    wrn_log_setup(config.log_level, config.log_json);
    switch (config.command) {
    case WRN_RUN_HELP:
        wrn_config_help(&out);
        print(&out);
        status = 0;
        break;
    case WRN_RUN_VERSION:
        wrn_buf_puts(&out, "wrennd " WRN_VERSION "\n");
        print(&out);
        status = 0;
        break;
    case WRN_RUN_DOCTOR: status = doctor(&config); break;
    case WRN_RUN_TEMPLATE: status = template(&config); break;
    case WRN_RUN_VM: status = set_up_machines(&config); break;
    case WRN_RUN_KEY: status = create_key(&config); break;
    case WRN_RUN_SERVE: status = serve(&config); break;
    }
    wrn_config_free(&config);
    /* A full disk must not look like success. */
    if (ferror(stdout) && status == 0) return fprintf(stderr, "wrennd: can't write the output\n"), 1;
    return status;
}
