/* Virtual machines that are made ahead of their use. Skipped where test_vm.c is. */
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "machines.h"
#include "work.h"

/* Nobody can tell that it waited: it has names, random numbers and the time of its own. Spares end with wrennd, what was given out does not. */
static void use_pool(void) {
    static const char *const lines[] = {"cat /proc/sys/kernel/random/uuid", "head -c 16 /dev/urandom | od -An -tx1",
                                        "cat /etc/machine-id"};
    test_daemon d;
    char ids[2][40], want[300];
    machines_need();
    machines_make_image();
    machines_set_up(machines_kernel_tree(), machines_path("img"), 0, "set up");
    const char *const options[] = {"--vm-dir", machines_path("vm"), "--vm-pool", "2", NULL};
    serve(&d, options);
    for (int i = 0; i < 2; i++) {
        take_spare(&d, MACHINE, ids[i]);
        snprintf(want, sizeof(want), "%s\n%s\nminimal\n%s\n", ids[i], ids[i], ids[i]);
        CHECK_SH(&d, ids[i], "hostname; echo $WRENN_SANDBOX_ID; cat /run/wrenn/template_id /etc/hostname", want);
        char *date = sh(&d, ids[i], "date +%s");
        CHECK_MSG(atoll(date) >= (long long)time(NULL) - 60 && atoll(date) <= (long long)time(NULL), "%s", date);
        free(date);
        begin_counter(&d, ids[i]);
        CHECK_SH(&d, ids[i], "until [ -s /root/count ]; do sleep 0.05; done", "");
    }
    for (size_t i = 0; i < WRN_COUNT(lines); i++) check_differs(&d, ids[0], ids[1], lines[i]);
    check_users(ids[0], ids[1]);
    reply r = call(&d, "GET", "/v1/sandboxes?status=running", NULL);
    CHECK_INT(wrn_json_count(r.json), 2);
    reply_free(&r);
    kill(d.pid, SIGKILL);
    daemon_wait(d.pid);
    await_only(ids, 2);
    serve_again(&d, options, ids[0]);
    CHECK_SH(&d, ids[0], GOES_ON, "");
    destroy(&d, ids[0]);
    take_spare(&d, MACHINE, ids[0]);
    end(&d, SIGTERM, 0);
    for (int i = 0; i < 2; i++) await_no_processes(ids[i]);
    await_only(ids, 2);
}

TEST_AS_ROOT(machines_wait_in_a_pool, use_pool)

TEST_MAIN
