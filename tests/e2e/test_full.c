/* A sandbox that fills the disk under wrennd's own feet: whatever can't be done says so, and all goes on afterwards. */
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>

#include "work.h"

/* The test's directory becomes a small file system, for this process and its daemon, and goes with them. */
static void shrink_disk(void) {
    CHECK_INT(unshare(CLONE_NEWNS), 0);
    CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    CHECK_INT(mount("tmpfs", test_dir(), "tmpfs", 0, "size=24m,mode=711"), 0);
}

static reply exec_line(const test_daemon *d, const char *id, const char *line) {
    char body[512];
    snprintf(body, sizeof(body), "{\"cmd\":\"sh\",\"args\":[\"-c\",\"%s\"]}", line);
    return call(d, "POST", sandbox_path(id, "/exec"), body);
}

static void full_disk(void) {
    enum { MOST = 2000 };
    test_daemon d;
    char id[40], other[40];
    shrink_disk();
    start(&d, NULL);
    make_from(&d, "minimal", id);
    reply r = exec_line(&d, id, "cat /dev/zero > /root/big");
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "No space left on device");
    reply_free(&r);
    /* Nothing new can be made now, soon not even a record of it; what there is goes on, and is shown. */
    for (int i = 0, of_database = 0; of_database < 3; i++) {
        CHECK_MSG(i < MOST, "the database still has room");
        r = call(&d, "POST", "/v1/sandboxes", "{\"template\":\"minimal\"}");
        CHECK_MSG(r.status == 500, "%d: %s", r.status, r.body);
        if (strcmp(error_code(&r), "db_error") == 0) of_database++;
        else CHECK_CONTAINS(error_message(&r), "No space left on device");
        reply_free(&r);
        r = exec_line(&d, id, "echo well");
        CHECK_INT(r.status, 200);
        CHECK_CONTAINS(r.body, "well");
        reply_free(&r);
        CHECK_STATUS(call(&d, "GET", "/v1/sandboxes", NULL), 200);
    }
    destroy(&d, id); /* which must work when it is needed most */
    make_from(&d, "minimal", other);
    CHECK_SH(&d, other, "echo well", "well\n");
    destroy(&d, other);
    daemon_stop(&d);
}

TEST_AS_ROOT(a_full_disk_is_survived, full_disk)

TEST_MAIN
