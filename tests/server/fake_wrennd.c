/* wrennd with fake boxes: the program, and what its subcommands do. */
#include <stdlib.h>
#include <string.h>

#include "server/server.h"

bool wrn_boxes_set_up(const wrn_backend_config *config, const wrn_setup_plan *plan, wrn_fault *fault) {
    if (plan->kernel) return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "no kernel in %s", plan->kernel), false;
    return printf("in %s\n", config->vm_dir) > 0;
}

bool wrn_boxes_doctor(const wrn_backend_config *config, wrn_json *report) {
    (void)config;
    bool ok = !getenv("FAKE_BROKEN");
    wrn_report_check(report, "fakery", ok, ok ? "works" : "does not work", "unset FAKE_BROKEN");
    return ok;
}

void wrn_boxes_leaks(const wrn_backend_config *config, wrn_json *report) {
    (void)config;
    if (getenv("FAKE_BROKEN")) wrn_report_leak(report, "process", "4711");
}

bool wrn_template_build(const wrn_backend_config *config, const wrn_template_plan *plan, wrn_buf *said,
                        wrn_fault *fault) {
    if (strcmp(plan->name, "fakery") == 0) return wrn_buf_printf(said, "made it in %s\n", config->template_dir), true;
    if (plan->tar)
        return wrn_buf_printf(said, "tar %s, start %s on %lld, %lld vcpus, %lld MB%s\n", plan->tar,
                              plan->start ? plan->start : "nothing", (long long)plan->start_port,
                              (long long)plan->vcpus, (long long)plan->memory_mb, plan->replace ? ", replace" : ""),
               true;
    wrn_fault_set(fault, WRN_FAULT_NOT_FOUND, "there is no \"%s\" to build", plan->name);
    return false;
}

bool wrn_template_remove(const wrn_backend_config *config, const char *name, wrn_buf *said, wrn_fault *fault) {
    (void)config, (void)fault;
    return wrn_buf_printf(said, "removed %s\n", name), true;
}

void wrn_template_list(const wrn_backend_config *config, wrn_template_fn each, void *context) {
    (void)config;
    each(context, &(wrn_template){.name = "minimal", .type = "base"});
    each(context, &(wrn_template){"web", "base", 2, 512, (3 << 20) - 1, 7, "tar x"});
}

int main(int argc, char **argv) { return wrn_server_main(argc, argv); }
