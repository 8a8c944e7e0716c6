/* Where the cgroups of sandboxes go, in trees of directories that look like a hierarchy of systemd's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "server/backend/ns/internal.h"
#include "test.h"

/* A group with its files; `procs` is what is in it. */
static void make_group(const char *place, const char *procs, bool delegated) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s%s", test_dir(), place);
    CHECK_MSG(mkdir(path, 0755) == 0 || errno == EEXIST, "%s: %s", path, strerror(errno));
    if (delegated && setxattr(path, "trusted.delegate", "1", 1, 0) != 0)
        test_skip("no trusted attributes here: %s", strerror(errno));
    for (const char *const *file = (const char *const[]){"cgroup.procs", "cgroup.subtree_control", NULL}; *file;
         file++) {
        snprintf(path, sizeof(path), "%s%s/%s", test_dir(), place, *file);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        CHECK(fd >= 0);
        if (strcmp(*file, "cgroup.procs") == 0) CHECK(write(fd, procs, strlen(procs)) == (ssize_t)strlen(procs));
        close(fd);
    }
}

static void goes_to(const char *own, bool root, const char *want) {
    char place[PATH_MAX];
    delegation_find(test_dir(), own, root, place);
    CHECK_STR(place, want);
}

static void own_by(const char *place, uid_t user) {
    char path[PATH_MAX];
    for (const char *const *file = (const char *const[]){"", "/cgroup.procs", "/cgroup.subtree_control", NULL}; *file;
         file++) {
        snprintf(path, sizeof(path), "%s%s%s", test_dir(), place, *file);
        CHECK(chown(path, user, (gid_t)user) == 0);
    }
}

TEST(root_in_a_unit_stays_in_the_unit) {
    if (geteuid() != 0) test_skip("not run as root");
    make_group("/system.slice", "", false);
    make_group("/system.slice/wrennd.service", "", true);
    make_group("/system.slice/wrennd.service/wrennd", "1\n", false);
    goes_to("/system.slice/wrennd.service/wrennd", true, "/system.slice/wrennd.service");
    /* As long as it is where processes are, it can't be used. */
    make_group("/system.slice/wrennd.service", "7\n", true);
    goes_to("/system.slice/wrennd.service/wrennd", true, "/");
}

TEST(root_elsewhere_goes_to_the_top) {
    if (geteuid() != 0) test_skip("not run as root");
    make_group("/system.slice", "", false);
    make_group("/system.slice/old.service", "1\n", true); /* without DelegateSubgroup= */
    make_group("/user.slice", "", false);
    make_group("/user.slice/session-1.scope", "1\n", false);
    goes_to("/", true, "/");
    goes_to("/system.slice/old.service", true, "/");
    goes_to("/user.slice/session-1.scope", true, "/");
    goes_to("/gone.service/gone", true, "/");
}

TEST(root_in_a_delegated_scope_stays_in_it) {
    if (geteuid() != 0) test_skip("not run as root");
    make_group("/run-1.scope", "1\n", true);
    goes_to("/run-1.scope", true, "/run-1.scope");
}

TEST(users_go_as_high_as_they_may) {
    make_group("/user.slice", "", false);
    make_group("/user.slice/user@1.service", "", false);
    make_group("/user.slice/user@1.service/app.slice", "", false);
    make_group("/user.slice/user@1.service/app.slice/w.service", "1\n", false);
    make_group("/w.service", "1\n", false);
    make_group("/foreign.scope", "1\n", false);
    if (geteuid() == 0) {
        const char *const theirs[] = {"/user.slice/user@1.service", "/user.slice/user@1.service/app.slice",
                                      "/user.slice/user@1.service/app.slice/w.service", "/w.service"};
        for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) own_by(theirs[i], 65534);
        test_become_ordinary_user();
        goes_to("/user.slice/user@1.service/app.slice/w.service", false, "/user.slice/user@1.service");
    }
    goes_to("/w.service", false, "/w.service");
    goes_to("/foreign.scope", false, "/foreign.scope");
}

TEST(only_services_bar_a_restart) {
    CHECK(delegation_bars_restart("/system.slice/w.service"));
    CHECK(!delegation_bars_restart("/run-1.scope"));
    unsetenv("INVOCATION_ID");
    CHECK(!delegation_bars_restart("/"));
    setenv("INVOCATION_ID", "1", 1); /* a unit that sees no more than its own group */
    CHECK(delegation_bars_restart("/"));
}

TEST(controllers_are_switched_on) {
    bool moved;
    char path[PATH_MAX], text[64] = "";
    make_group("/w.service", "", false);
    CHECK_INT(delegation_enable(test_dir(), "/w.service/wrennd", "/w.service", &moved), 0);
    CHECK(!moved);
    snprintf(path, sizeof(path), "%s/w.service/cgroup.subtree_control", test_dir());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    CHECK_STR(text, "+memory +pids +cpu");
    CHECK(delegation_enable(test_dir(), "/none", "/none", &moved) != 0);
    CHECK_INT(errno, ENOENT);
}

TEST(each_cause_has_its_remedy) {
    static const struct {
        int error;
        bool root;
        const char *remedy;
    } cases[] = {
        {EROFS, true, "ProtectControlGroups="},
        {EROFS, false, "ProtectControlGroups="},
        {EBUSY, true, "/some.place"},
        {EACCES, false, "systemd-run --user --scope -p Delegate=yes"},
        {0, false, "systemd-run --user --scope -p Delegate=yes"},
        {ENOENT, true, "Delegate=cpu memory pids"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[400];
        delegation_explain(cases[i].error, test_dir(), cases[i].root, "/some.place", text, sizeof(text));
        CHECK_CONTAINS(text, cases[i].remedy);
        CHECK(strlen(text) < sizeof(text) - 1);
    }
}

/* As ProtectControlGroups=private does it. */
TEST(a_hidden_top_is_not_blamed_on_delegation) {
    char path[PATH_MAX], text[400];
    snprintf(path, sizeof(path), "%s/cgroup.type", test_dir());
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    static const int errors[] = {ENOENT, EACCES, 0};
    for (size_t i = 0; i < 2 * sizeof(errors) / sizeof(errors[0]); i++) {
        delegation_explain(errors[i / 2], test_dir(), i % 2, "/", text, sizeof(text));
        CHECK_CONTAINS(text, "ProtectControlGroups=");
        CHECK(strlen(text) < sizeof(text) - 1);
    }
}

TEST_MAIN
