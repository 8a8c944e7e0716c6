#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "wrenn/wrenn.h"

enum { AT_ONCE = 8, ROUNDS = 3 };

/* From nothing to the value of a first expression, in as many sandboxes at once. */
static int measure(wrenn_client *client, size_t count, samples *into, wrenn_error **error) {
    wrenn_op *ops[AT_ONCE] = {NULL};
    wrenn_sandbox *sandboxes[AT_ONCE] = {NULL};
    wrenn_create_options create = WRENN_CREATE_OPTIONS_INIT;
    wrenn_code_options code = WRENN_CODE_OPTIONS_INIT;
    create.template_name = "python-interpreter-v0-beta";
    code.code = "6 * 7";
    int rc = 0;
    double start = bench_now_us();
    for (size_t i = 0; i < count && rc >= 0; i++) rc = wrenn_sandboxes_create(client, &create, &sandboxes[i], error);
    for (size_t i = 0; i < count && rc >= 0; i++)
        rc = wrenn_sandbox_run_code_start(sandboxes[i], &code, NULL, NULL, &ops[i], error);
    for (size_t i = 0; i < count && rc >= 0; i++) {
        wrenn_execution *execution = NULL;
        while (rc >= 0 && !wrenn_op_is_done(ops[i])) rc = wrenn_client_dispatch(client, -1, error);
        if (rc >= 0) rc = wrenn_sandbox_run_code_finish(ops[i], &execution, error);
        wrenn_execution_free(execution);
    }
    bench_add(into, bench_now_us() - start);
    for (size_t i = 0; i < count; i++) {
        wrenn_op_free(ops[i]);
        wrenn_sandbox_close(sandboxes[i]);
    }
    return rc;
}

void bench_code(void) {
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    wrenn_client *client = NULL;
    wrenn_error *error = NULL;
    samples import = {0}, one = {0}, all = {0};
    options.base_url = "local:";
    int rc = wrenn_client_new(&options, &client, &error);
    for (int i = 0; i < ROUNDS && rc >= 0; i++) {
        double start = bench_now_us();
        if (system("/usr/bin/python3 -I -c 'import jupyter_server.serverapp, ipykernel.kernelapp' 2>/dev/null") != 0)
            break;
        bench_add(&import, bench_now_us() - start);
        rc = measure(client, 1, &one, &error);
        if (rc >= 0) rc = measure(client, AT_ONCE, &all, &error);
    }
    if (rc < 0 || !import.count) {
        printf("code: not measured: %s\n",
               rc < 0 ? wrenn_error_message(error) : "needs the packages jupyter-server and python3-ipykernel");
        printf("  (wrennd template build code-interpreter makes the template)\n");
    } else {
        printf("from nothing to the value of a first expression\n");
        bench_print("python3, importing Jupyter and its kernel", &import, NULL);
        bench_print("wrenn: create and first run_code", &one, &import);
        bench_print("the same, 8 at once", &all, &import);
    }
    samples *each[] = {&import, &one, &all};
    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) bench_free(each[i]);
    wrenn_error_free(error);
    wrenn_client_free(client);
}
