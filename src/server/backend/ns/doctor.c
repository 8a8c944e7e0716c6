/* `wrennd doctor`: what this machine has for sandboxes. */
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "server/backend/ns/internal.h"

enum { FDS_PER_BOX = 12, FEW_BOXES = 1000 };

static void add_finding(wrn_json *report, const char *check, finding f) {
    wrn_report_check(report, check, f.ok, f.detail, f.fix);
}

static void check_kernel(wrn_json *report, bool root) {
    struct utsname host;
    char detail[300];
    uname(&host);
    int major = 0, minor = 0;
    sscanf(host.release, "%d.%d", &major, &minor);
    bool ok = major > 5 || (major == 5 && minor >= (root ? 19 : 11));
    snprintf(detail, sizeof(detail), "Linux %.60s, running as %s", host.release, root ? "root" : "an ordinary user");
    wrn_report_check(report, "kernel", ok, detail, "use Linux 5.19 or newer (as an ordinary user 5.11)");
}

static void check_agent(wrn_json *report, const char *path) {
    char detail[300];
    snprintf(detail, sizeof(detail), "%.250s", path ? path : "not found");
    wrn_report_check(report, "agent", path && access(path, X_OK) == 0, detail,
                     "install wrenn-agent beside wrennd, or name it with --agent");
}

static void check_cgroups(const wrn_backend_config *config, wrn_json *report) {
    static const char *const details[] = {[CGROUP_NONE] = "none: memory and cpu limits are not enforced",
                                          [CGROUP_V1] = "v1: memory, pids and cpu are enforced",
                                          [CGROUP_V2] = "v2: memory, pids and cpu are enforced"};
    cgroups c;
    char name[64];
    cgroup_name(name, sizeof(name));
    cgroups_open(&c, config->cgroup_parent, name);
    wrn_report_check(report, "resource limits", c.limits != CGROUP_NONE, details[c.limits], c.why);
    cgroups_close(&c);
}

static void check_open_files(wrn_json *report) {
    struct rlimit files = {0};
    char detail[120];
    getrlimit(RLIMIT_NOFILE, &files);
    unsigned long long boxes = files.rlim_max / FDS_PER_BOX;
    snprintf(detail, sizeof(detail), "%llu at most, enough for some %llu sandboxes", (unsigned long long)files.rlim_max,
             boxes);
    if (files.rlim_max == RLIM_INFINITY) snprintf(detail, sizeof(detail), "as many as the machine has");
    wrn_report_check(report, "open files", boxes >= FEW_BOXES, detail,
                     "start wrennd with more: LimitNOFILE=524288 in its unit; for users a line "
                     "'* hard nofile 524288' in /etc/security/limits.conf and a new login");
}

void ns_doctor(const wrn_backend_config *config, wrn_json *report) {
    const bool root = geteuid() == 0;
    check_kernel(report, root);
    add_finding(report, "namespaces", probe_namespaces(root));
    add_finding(report, "overlayfs", probe_overlay(root));
    add_finding(report, "data directory", probe_place(root, config->state_dir));
    add_finding(report, "template minimal", probe_usr(root));
    check_agent(report, config->agent_path);
    check_cgroups(config, report);
    check_open_files(report);
}
