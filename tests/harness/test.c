#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "soak.h"

enum { EXIT_SKIPPED = 77 };

static test_case *first_test, **last_test = &first_test;
static char directory[128];

void test_register(test_case *test) {
    *last_test = test;
    last_test = &test->next;
}

const char *test_dir(void) { return directory; }

static void say(const char *prefix, const char *format, va_list args) {
    char line[2048];
    vsnprintf(line, sizeof(line), format, args);
    for (char *c = line; *c; c++)
        if (*c == '\n') *c = ' ';
    printf("# %s%s\n", prefix, line);
    fflush(stdout);
}

void test_note(const char *format, ...) {
    va_list args;
    va_start(args, format);
    say("", format, args);
    va_end(args);
}

bool test_in_machines(void) {
    const char *isolation = getenv("WRENND_ISOLATION");
    return isolation && strcmp(isolation, "vm") == 0;
}

void test_not_in_machines(const char *why) {
    if (test_in_machines()) test_skip("not in virtual machines: %s", why);
}

void test_skip(const char *format, ...) {
    va_list args;
    va_start(args, format);
    say("skipped: ", format, args);
    va_end(args);
    exit(EXIT_SKIPPED);
}

void test_fail(const char *file, int line, const char *format, ...) {
    char where[256];
    snprintf(where, sizeof(where), "%s:%d: ", file, line);
    va_list args;
    va_start(args, format);
    say(where, format, args);
    va_end(args);
    _exit(1);
}

/* Is there `text` in a file below /proc/PID? */
static bool proc_has(const char *pid, const char *file, const char *text) {
    char path[300], data[4096];
    snprintf(path, sizeof(path), "/proc/%s/%s", pid, file);
    FILE *from = fopen(path, "re");
    size_t size = from ? fread(data, 1, sizeof(data), from) : 0;
    if (from) fclose(from);
    return memmem(data, size, text, strlen(text)) != NULL;
}

pid_t test_find_process(const char *name) {
    pid_t found = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && !found && (entry = readdir(proc));)
        if (*entry->d_name >= '1' && *entry->d_name <= '9' && proc_has(entry->d_name, "comm", name) &&
            proc_has(entry->d_name, "cmdline", directory))
            found = (pid_t)atoi(entry->d_name);
    if (proc) closedir(proc);
    return found;
}

void test_become_ordinary_user(void) {
    enum { NOBODY = 65534 };
    if (geteuid() != 0) return;
    CHECK(chown(directory, NOBODY, NOBODY) == 0 && chmod(directory, 0755) == 0);
    CHECK(setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0);
    /* Changing ids makes /proc/self root's; the maps of user namespaces are written there. It also makes the kernel forget
     * that this is to end with the program of the tests. */
    CHECK(prctl(PR_SET_DUMPABLE, 1) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
}

void test_check_str(const char *file, int line, const char *what, const char *got, const char *want) {
    if (!got || !want ? got != want : strcmp(got, want) != 0)
        test_fail(file, line, "%s is \"%s\", not \"%s\"", what, got ? got : "NULL", want ? want : "NULL");
}

void test_check_mem(const char *file, int line, const char *what, const void *got, size_t got_size, const void *want,
                    size_t want_size) {
    if (got_size != want_size) test_fail(file, line, "%s has %zu bytes, not %zu", what, got_size, want_size);
    if (got_size && memcmp(got, want, got_size) != 0) test_fail(file, line, "%s has other bytes", what);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk) {
    (void)info, (void)type, (void)walk;
    return remove(path);
}

static bool make_directory(void) {
    const char *base = getenv("TMPDIR");
    snprintf(directory, sizeof(directory), "%s/wrenn-test-XXXXXX", base && strlen(base) < 64 ? base : "/tmp");
    if (mkdtemp(directory)) return true;
    perror("mkdtemp");
    return false;
}

static void remove_directory(void) { nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT); }

/* The end of what the test's programs said, each line as a note. */
static void show_log(void) {
    enum { SHOWN = 16 << 10 };
    char path[160], line[1024];
    snprintf(path, sizeof(path), "%s/" TEST_LOG, directory);
    FILE *log = fopen(path, "re");
    if (!log) return;
    if (fseek(log, -SHOWN, SEEK_END) != 0) rewind(log); /* a short one */
    while (fgets(line, sizeof(line), log)) test_note("%.*s", (int)strcspn(line, "\n"), line);
    fclose(log);
}

bool test_slowly(void) { return getenv("WRENN_TEST_SLOWLY") != NULL; }

static void warm_up(void) {
    if (!test_warm_up || !test_slowly() || !make_directory()) return;
    test_warm_up();
    remove_directory();
}

static void child(const test_case *test) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (chdir(directory) != 0) _exit(1);
    test->run();
    fflush(stdout);
    exit(0); /* runs the leak checker */
}

static bool was_skipped(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED; }

/* An emulated processor takes several times as long; tools/meson.build gives whole programs as many times. */
static int limit_of(const test_case *test) { return test->limit_seconds * (test_in_machines() ? 4 : 1); }

/* Waits for the test with a limit, then ends whatever is left of its process group. */
static int run_one(const test_case *test, bool *timed_out) {
    *timed_out = false;
    if (!make_directory()) return 1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) child(test);
    setpgid(pid, pid);

    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    struct timespec limit = {.tv_sec = limit_of(test) + soak_minutes() * 60};
    siginfo_t info = {0};
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0) {
        if (sigtimedwait(&chld, NULL, &limit) < 0 && errno == EAGAIN) {
            *timed_out = true;
            break;
        }
    }
    kill(-pid, SIGKILL);
    int status = 0;
    waitpid(pid, &status, 0);
    if (test_after_each) test_after_each();
    if (status != 0 && !was_skipped(status)) show_log();
    remove_directory();
    return status;
}

/* By words of the command line: all without one, those whose names have one; none whose name has one behind a "-". */
static bool wanted(const test_case *test, int argc, char **argv) {
    bool any = false, named = false;
    for (int i = 1; i < argc; i++) {
        bool without = *argv[i] == '-';
        bool has = strstr(test->name, argv[i] + without) != NULL;
        if (without && has) return false;
        any = any || !without;
        named = named || (!without && has);
    }
    return named || !any;
}

/* wrennd ends where it holds its loop, but for builds in which everything takes longer. */
static void set_watchdog(void) {
#ifndef SANITIZED
    setenv("WRENND_HOLD_LIMIT_MS", "50", 0);
#endif
}

int test_main(int argc, char **argv) {
    set_watchdog();
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, NULL);

    warm_up();
    int count = 0, failed = 0;
    for (const test_case *test = first_test; test; test = test->next) {
        if (!wanted(test, argc, argv)) continue;
        bool timed_out;
        int status = run_one(test, &timed_out);
        bool skipped = was_skipped(status);
        bool ok = skipped || (!timed_out && status == 0);
        count++;
        failed += !ok;
        if (timed_out) printf("# took longer than %d s\n", limit_of(test));
        else if (WIFSIGNALED(status)) printf("# ended by signal %d\n", WTERMSIG(status));
        printf("%s %d - %s%s\n", ok ? "ok" : "not ok", count, test->name, skipped ? " # SKIP" : "");
        fflush(stdout);
    }
    printf("1..%d\n", count);
    return failed ? 1 : 0;
}
