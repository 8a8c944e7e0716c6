/* What a program with a private server leaves behind when it is over, however that came: no process, no mount, no cgroup,
 * no file. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"
#include "test.h"

/* Cgroups with "wrenn" in their path. */
enum { MAX_CGROUPS = 4096 };
static char *cgroups[MAX_CGROUPS];
static size_t cgroup_count;

static int note_cgroup(const char *path, const struct stat *info, int type, struct FTW *walk) {
    (void)info, (void)walk;
    if (type == FTW_D && strstr(path, "wrenn") && cgroup_count < MAX_CGROUPS) cgroups[cgroup_count++] = strdup(path);
    return 0;
}

/* Servers of other tests run at the same time; the numbers in a name tell whose it is: a living process, or nobody. */
static bool has_living_owner(const char *path) {
    for (const char *at = strstr(path, "wrenn"); *at; at++) {
        if (*at < '0' || *at > '9') continue;
        char *end;
        long pid = strtol(at, &end, 10);
        if (pid > 1 && (kill((pid_t)pid, 0) == 0 || errno == EPERM)) return true;
        at = end - 1;
    }
    return false;
}

static bool was_there(const char *path, size_t before) {
    for (size_t i = 0; i < before; i++)
        if (strcmp(cgroups[i], path) == 0) return true;
    return false;
}

/* All that is made goes into this test's own directory, and orphans become its children. */
static size_t before(void) {
    setenv("WRENN_BASE_URL", "local:", 1);
    setenv("TMPDIR", test_dir(), 1);
    setenv("HOME", test_dir(), 1);
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("WRENN_API_KEY");
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    nftw("/sys/fs/cgroup", note_cgroup, 16, FTW_PHYS);
    return cgroup_count;
}

static void check_files(void) {
    DIR *directory = opendir(test_dir());
    CHECK(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        CHECK_MSG(entry->d_name[0] == '.', "%s/%s was left behind", test_dir(), entry->d_name);
    closedir(directory);
}

static void check_mounts(void) {
    char line[4096];
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    CHECK(mounts);
    while (fgets(line, sizeof(line), mounts)) CHECK_MSG(!strstr(line, test_dir()), "a mount was left behind: %s", line);
    fclose(mounts);
}

static void check_nothing_left(size_t cgroups_before) {
    /* Returns when the last descendant has ended; one that stays makes the test run out of time. */
    while (waitpid(-1, NULL, 0) > 0) {
    }
    CHECK_INT(errno, ECHILD);
    check_files();
    check_mounts();
    nftw("/sys/fs/cgroup", note_cgroup, 16, FTW_PHYS);
    for (size_t i = cgroups_before; i < cgroup_count; i++)
        CHECK_MSG(was_there(cgroups[i], cgroups_before) || has_living_owner(cgroups[i]) ||
                      access(cgroups[i], F_OK) != 0,
                  "the cgroup %s was left behind", cgroups[i]);
    while (cgroup_count) free(cgroups[--cgroup_count]);
}

TEST(the_quickstart_leaves_nothing) {
    size_t cgroups_before = before();
    const char *const argv[] = {getenv("WRENN_QUICKSTART"), NULL};
    program_result result = run_program(argv);
    CHECK_MSG(result.code == 0, "%s", result.err);
    check_nothing_left(cgroups_before);
    program_result_free(&result);
}

TEST(daemons_of_the_program_go_with_its_sandbox) {
    size_t cgroups_before = before();
    program_result result = WRENN("run", "sh", "-c", "setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo done");
    CHECK_STR(result.out, "done\n");
    CHECK_INT(result.code, 0);
    check_nothing_left(cgroups_before);
    program_result_free(&result);
}

/* The server's life hangs on ours: it notices that its client is gone and cleans up. */
TEST(a_killed_program_leaves_nothing) {
    size_t cgroups_before = before();
    const char *const argv[] = {getenv("WRENN_CLI"), "-o", "json", "run", "-t", "600", "sleep", "600", NULL};
    program running = program_start(argv);
    /* From when its private server has made a file there is something to leave behind. */
    char pattern[256];
    glob_t found = {0};
    snprintf(pattern, sizeof(pattern), "%s/*/*", test_dir());
    while (glob(pattern, 0, NULL, &found) != 0) globfree(&found);
    globfree(&found);
    kill(running.pid, SIGKILL);
    program_result result = program_finish(&running);
    CHECK_INT(result.code, 1000 + SIGKILL);
    check_nothing_left(cgroups_before);
    program_result_free(&result);
}

TEST_MAIN
