/* Virtual machines that are made ahead of their use. Skipped where test_vm.c is. */
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "machines.h"
#include "work.h"

/* The command lines of this test's machines. */
static char *machines_now(void) {
    char line[400];
    WRN_AUTO(wrn_buf_free) wrn_buf all = WRN_BUF_INIT;
    snprintf(line, sizeof(line), "pgrep -af '^wrenn-vm %s/'", test_dir());
    FILE *from = popen(line, "r");
    CHECK(from != NULL);
    for (char chunk[4096]; fgets(chunk, sizeof(chunk), from);) wrn_buf_puts(&all, chunk);
    pclose(from);
    wrn_buf_puts(&all, "");
    return wrn_buf_steal(&all);
}

/* One whose machine was there before it was asked for. Until there are such, others. */
static void take_spare(const test_daemon *d, char id[40]) {
    for (bool was_there = false; !was_there;) {
        char *before = machines_now();
        start_machine(d, id);
        was_there = before && strstr(before, id);
        free(before);
        if (!was_there) destroy(d, id);
    }
}

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
        take_spare(&d, ids[i]);
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
    take_spare(&d, ids[0]);
    end(&d, SIGTERM, 0);
    for (int i = 0; i < 2; i++) await_no_processes(ids[i]);
    await_only(ids, 2);
}

TEST_AS_ROOT(machines_wait_in_a_pool, use_pool)

TEST_MAIN
