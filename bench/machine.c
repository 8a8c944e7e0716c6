/* Virtual machines: copies, forks, ports and memory, against a machine that boots. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "wrenn/wrenn.h"

enum { BOOTS = 5, COPIES = 20, FORKS = 3, FORK_OF = 10, WARM_TRIES = 200, NAPS = 5, FILE_MB = 32, DOWNLOADS = 3 };

static wrenn_sandbox_list *list;
static wrenn_error *error;

static void must(int rc, const char *what) {
    if (rc < 0) bench_fail("%s: %s", what, wrenn_error_message(error));
}

/* Without machines kept for copies all of them boot. */
static wrenn_client *serve(const char *warm) {
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    wrenn_client *client = NULL;
    options.base_url = "local:";
    setenv("WRENND_VM_WARM", warm, 1);
    must(wrenn_client_new(&options, &client, &error), "wrennd");
    return client;
}

static wrenn_sandbox *make(wrenn_client *client, samples *into) {
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_sandbox *sandbox = NULL;
    options.isolation = WRENN_ISOLATION_VM;
    options.memory_mb = 256;
    double start = bench_now_us();
    int rc = wrenn_sandboxes_create(client, &options, &sandbox, &error);
    if (rc == WRENN_E_CONFLICT) return NULL;
    must(rc, "create");
    if (into) bench_add(into, bench_now_us() - start);
    return sandbox;
}

static void run(wrenn_sandbox *sandbox, const char *line, int64_t want) {
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_exec_result *result = NULL;
    command.shell = line;
    must(wrenn_sandbox_exec(sandbox, &command, NULL, &result, &error), line);
    if (result->exit_code != want) bench_fail("%s: %s", line, result->stderr_data);
    wrenn_exec_result_free(result);
}

/* The first one boots, and with it what the others are copies of. */
static void await_copies(wrenn_client *client, samples *boots) {
    for (int i = 0; i < WARM_TRIES; i++) {
        samples one = {0};
        wrenn_sandbox_close(make(client, &one));
        bool is_copy = bench_median(&one) < bench_median(boots) / 2;
        bench_free(&one);
        if (is_copy) return;
    }
    bench_fail("no machine is kept for copies; the log of wrennd says why");
}

/* Of what only this process has, in MB; 0: unknown. */
static double memory_of(const char *id) {
    double mb = 0;
    DIR *proc = opendir("/proc");
    for (const struct dirent *entry; proc && (entry = readdir(proc));) {
        char path[300], line[4096];
        long kb;
        snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
        FILE *from = *entry->d_name > '0' && *entry->d_name <= '9' ? fopen(path, "re") : NULL;
        size_t size = from ? fread(line, 1, sizeof(line), from) : 0;
        if (from) fclose(from);
        if (size < 6 || strcmp(line, "/qemu") != 0 || !memmem(line, size, id, strlen(id))) continue;
        snprintf(path, sizeof(path), "/proc/%s/smaps_rollup", entry->d_name);
        from = fopen(path, "re");
        while (from && fgets(line, sizeof(line), from))
            if (sscanf(line, "Private_Dirty: %ld kB", &kb) == 1) mb = (double)kb / 1024;
        if (from) fclose(from);
    }
    if (proc) closedir(proc);
    return mb;
}

static void measure_copies(wrenn_client *client, samples *create, samples *first, samples *memory) {
    for (int i = 0; i < COPIES; i++) {
        double start = bench_now_us();
        wrenn_sandbox *sandbox = make(client, create);
        run(sandbox, "echo hi", 0);
        bench_add(first, bench_now_us() - start);
        bench_add(memory, memory_of(wrenn_sandbox_id(sandbox)));
        wrenn_sandbox_close(sandbox);
    }
}

static void measure_forks(wrenn_client *client, samples *forks) {
    wrenn_sandbox *sandbox = make(client, NULL);
    wrenn_sandbox_fork_options options = WRENN_SANDBOX_FORK_OPTIONS_INIT;
    options.count = FORK_OF;
    for (int i = 0; i < FORKS; i++) {
        double start = bench_now_us();
        must(wrenn_sandbox_fork(sandbox, &options, &list, &error), "fork");
        bench_add(forks, bench_now_us() - start);
        for (size_t j = 0; j < list->items_count; j++) {
            wrenn_sandbox *copy = NULL;
            must(wrenn_sandboxes_get(client, list->items[j]->id, NULL, &copy, &error), "copy");
            wrenn_sandbox_close(copy);
        }
        wrenn_sandbox_list_free(list);
    }
    wrenn_sandbox_close(sandbox);
}

/* A wake is over with the first output. */
static void measure_naps(wrenn_client *client, samples *hibernate, samples *wake) {
    wrenn_sandbox *sandbox = make(client, NULL);
    wrenn_sandbox_pause_options pause = WRENN_SANDBOX_PAUSE_OPTIONS_INIT;
    wrenn_sandbox_resume_options resume = WRENN_SANDBOX_RESUME_OPTIONS_INIT;
    pause.flags = WRENN_SANDBOX_PAUSE_WAIT | WRENN_SANDBOX_PAUSE_HIBERNATE;
    resume.flags = WRENN_SANDBOX_RESUME_WAIT;
    for (int i = 0; i < NAPS; i++) {
        double start = bench_now_us();
        must(wrenn_sandbox_pause(sandbox, &pause, &error), "hibernate");
        bench_add(hibernate, bench_now_us() - start);
        start = bench_now_us();
        must(wrenn_sandbox_resume(sandbox, &resume, &error), "wake");
        run(sandbox, "echo hi", 0);
        bench_add(wake, bench_now_us() - start);
    }
    wrenn_sandbox_close(sandbox);
}

static void measure_relay(wrenn_client *client, samples *downloads) {
    wrenn_sandbox *sandbox = make(client, NULL);
    wrenn_sandbox_port_request_options options = WRENN_SANDBOX_PORT_REQUEST_OPTIONS_INIT;
    char line[200];
    options.port = 8000;
    options.path = "/file";
    snprintf(line, sizeof(line),
             "mkdir /srv/www && cd /srv/www && head -c %d /dev/zero > file && "
             "{ python3 -m http.server 8000 > /dev/null 2>&1 & }",
             FILE_MB << 20);
    run(sandbox, line, 0);
    must(wrenn_sandbox_wait_port(sandbox, options.port, 60000, NULL, &error), "http.server");
    for (int i = 0; i < DOWNLOADS; i++) {
        wrenn_port_response *response = NULL;
        double start = bench_now_us();
        must(wrenn_sandbox_port_request(sandbox, &options, &response, &error), "download");
        bench_add(downloads, bench_now_us() - start);
        if (response->body_size != FILE_MB << 20) bench_fail("a download is not whole");
        wrenn_port_response_free(response);
    }
    wrenn_sandbox_close(sandbox);
}

void bench_machine(void) {
    samples boots = {0}, create = {0}, first = {0}, memory = {0}, forks = {0}, hibernate = {0}, wake = {0},
            downloads = {0};
    wrenn_client *client = serve("0");
    printf("virtual machines with 256 MB\n");
    wrenn_sandbox *sandbox = make(client, NULL);
    if (!sandbox) {
        printf("  are not set up: run wrennd vm setup, and give its --vm-dir as WRENND_VM_DIR\n");
        wrenn_error_free(error);
        return wrenn_client_free(client);
    }
    printf("  accelerator: %s\n", wrenn_sandbox_last_info(sandbox)->isolation->accelerator);
    wrenn_sandbox_close(sandbox);
    for (int i = 0; i < BOOTS; i++) wrenn_sandbox_close(make(client, &boots));
    wrenn_client_free(client);
    client = serve("4");
    await_copies(client, &boots);
    measure_copies(client, &create, &first, &memory);
    measure_forks(client, &forks);
    measure_naps(client, &hibernate, &wake);
    measure_relay(client, &downloads);
    bench_print("create: a boot", &boots, NULL);
    bench_print("create: a copy", &create, &boots);
    bench_print("create, and first output: a copy", &first, &boots);
    bench_print("fork of 10", &forks, &boots);
    bench_print("hibernate", &hibernate, &boots);
    bench_print("wake, and first output", &wake, &boots);
    printf("  memory of a copy's own, after its first output: %.0f MB\n", bench_median(&memory));
    printf("  download from a port: %.0f MB/s\n", FILE_MB / (bench_median(&downloads) / 1e6));
    samples *const all[] = {&boots, &create, &first, &memory, &forks, &hibernate, &wake, &downloads};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) bench_free(all[i]);
    wrenn_client_free(client);
}
