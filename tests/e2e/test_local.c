/* The private server behind local:, as the program that starts it sees it: where it comes from, what kind of relative it is,
 * what is left when it does not start, and which templates it has. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "local.h"
#include "program.h"

static const char *in_dir(const char *name) {
    static char paths[8][300];
    static size_t at;
    char *path = paths[at++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", test_dir(), name);
    return path;
}

static void set_up(void) {
    local_environment();
    setenv("HOME", test_dir(), 1);
    unsetenv("XDG_STATE_HOME");
    setenv("WRENN_BASE_URL", "local:", 1);
}

static wrenn_client *new_client(void) {
    wrenn_client *client = NULL;
    set_up();
    OK(wrenn_client_new(NULL, &client, &error));
    return client;
}

/* Names in the test's directory that private servers have made. */
static int directories_left(void) {
    int count = 0;
    DIR *dir = opendir(test_dir());
    CHECK(dir);
    for (const struct dirent *entry; (entry = readdir(dir));) count += strncmp(entry->d_name, "wrenn-local-", 12) == 0;
    closedir(dir);
    return count;
}

/* ---- what kind of relative ---- */

static volatile sig_atomic_t children_told;

static void on_child(int signal_number) {
    (void)signal_number;
    children_told++;
}

static void no_child(void) {
    signal(SIGCHLD, on_child);
    wrenn_client *client = new_client();
    while (wait(NULL) > 0) {
    }
    CHECK_INT(errno, ECHILD);
    CHECK_INT(waitpid(-1, NULL, __WALL | WNOHANG), -1);
    CHECK_INT(errno, ECHILD);
    CHECK_INT(children_told, 0);
    wrenn_sandbox_list *list = NULL;
    OK(wrenn_sandboxes_list(client, NULL, &list, &error));
    wrenn_sandbox_list_free(list);
    wrenn_client_free(client);
    CHECK_INT(children_told, 0);
    CHECK_INT(test_find_process("wrennd"), 0);
    CHECK_INT(directories_left(), 0);
}

/* What is on stderr when the private server can make no sandbox, which it would warn of. */
static off_t said_without_agent(const char *level) {
    int out = open(in_dir("said"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), before = dup(STDERR_FILENO);
    struct stat info;
    wrenn_sandbox *sandbox = NULL;
    setenv("WRENND_AGENT", "/bin/false", 1);
    if (level) setenv("WRENND_LOG_LEVEL", level, 1);
    CHECK(out >= 0 && before >= 0 && dup2(out, STDERR_FILENO) >= 0);
    wrenn_client *client = local_client();
    bool failed = wrenn_sandboxes_create(client, NULL, &sandbox, NULL) < 0;
    wrenn_client_free(client);
    CHECK(dup2(before, STDERR_FILENO) >= 0 && failed && fstat(out, &info) == 0);
    close(before), close(out);
    return info.st_size;
}

static void silent(void) {
    CHECK_INT(said_without_agent(NULL), 0);
    CHECK(said_without_agent("warning") > 0);
}

/* Subreapers, and process 1, get all orphans; what the library started it buries there. */
static void nothing_to_bury(void) {
    CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    wrenn_client_free(new_client());
    CHECK_INT(waitpid(-1, NULL, __WALL | WNOHANG), -1);
    CHECK_INT(errno, ECHILD);
    signal(SIGCHLD, SIG_IGN); /* then the kernel does */
    wrenn_client_free(new_client());
    CHECK_INT(waitpid(-1, NULL, __WALL | WNOHANG), -1);
    CHECK_INT(directories_left(), 0);
}

/* Also when it is killed, and a child of it lives on with all that it has inherited. */
static void ends_with_us(void) {
    int hold[2], ready[2];
    char c;
    CHECK(pipe(hold) == 0 && pipe(ready) == 0);
    pid_t owner = fork();
    if (owner == 0) {
        new_client();
        if (fork() == 0) {
            close(hold[1]);
            _exit(read(hold[0], &c, 1) != 0);
        }
        _exit(write(ready[1], "", 1) != 1 || pause());
    }
    CHECK(read(ready[0], &c, 1) == 1);
    pid_t server = test_find_process("wrennd");
    CHECK(server > 0);
    kill(owner, SIGKILL);
    for (; server > 0; server = test_find_process("wrennd")) { /* it may have children of that name */
        struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, server, 0), .events = POLLIN};
        if (ended.fd < 0) continue;
        CHECK_INT(poll(&ended, 1, -1), 1);
        close(ended.fd);
    }
    CHECK_INT(directories_left(), 0);
    close(hold[1]);
    CHECK_INT(waitpid(owner, NULL, 0), owner);
}

/* Of the address sanitizer; other builds have none. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static void forked(void) {
    wrenn_client *client = new_client();
    pid_t child = fork();
    if (child == 0) {
        wrenn_client_free(client);
        wrenn_client_free(new_client());
        client = NULL;
        _exit(__lsan_do_recoverable_leak_check ? __lsan_do_recoverable_leak_check() : 0);
    }
    int status;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    wrenn_sandbox_list *list = NULL;
    OK(wrenn_sandboxes_list(client, NULL, &list, &error));
    wrenn_sandbox_list_free(list);
    wrenn_client_free(client);
    CHECK_INT(directories_left(), 0);
}

/* ---- what a program started by exec gets ---- */

static char before[4096];

/* Checks, or notes, which descriptors stay open over an exec. */
static void each_inherited(bool check) {
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fcntl(fd, F_GETFD) != 0) continue;
        if (check) CHECK_MSG(before[fd], "descriptor %d is not close-on-exec", fd);
        else before[fd] = 1;
    }
    closedir(dir);
}

static void closed_by_exec(void) {
    enum { STREAMS = 3 };
    wrenn_stream *streams[STREAMS];
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_sandbox *sandbox = NULL;
    const wrenn_event *event;
    set_up();
    each_inherited(false);
    wrenn_client *client = new_client(), *second = new_client();
    each_inherited(true);
    OK(wrenn_sandboxes_create(client, NULL, &sandbox, &error));
    command.shell = "echo; sleep 1000";
    for (int i = 0; i < STREAMS; i++) {
        OK(wrenn_sandbox_exec_stream(sandbox, &command, NULL, &streams[i], &error));
        OK(wrenn_stream_next(streams[i], -1, &event, &error));
        each_inherited(true);
    }
    wrenn_op *op = NULL;
    OK(wrenn_sandbox_ping_start(sandbox, NULL, NULL, NULL, &op, &error));
    OK(wrenn_client_dispatch(client, 0, &error));
    each_inherited(true);
    wrenn_op_free(op);
    for (int i = 0; i < STREAMS; i++) wrenn_stream_free(streams[i]);
    OK(wrenn_sandbox_destroy(sandbox, NULL, &error));
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(second);
    wrenn_client_free(client);
}

static int busy_pair[2];

static void *keep_busy(void *stop) {
    char byte = 0;
    while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED))
        if (write(busy_pair[0], &byte, 1) != 1 || read(busy_pair[1], &byte, 1) != 1) abort();
    return NULL;
}

/* What other threads have made keeps its flags. */
static void leaves_others_alone(void) {
    pthread_t thread;
    bool done = false;
    int pipes[2];
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = "unix:/nonexistent";
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, busy_pair) == 0 && pipe(pipes) == 0);
    CHECK(write(pipes[1], "x", 1) == 1);
    CHECK_INT(pthread_create(&thread, NULL, keep_busy, &done), 0);
    each_inherited(false);
    for (int i = 0; i < 50; i++) {
        wrenn_client *client = NULL;
        OK(wrenn_client_new(&options, &client, &error));
        each_inherited(true);
        wrenn_client_free(client);
    }
    const int ours[] = {pipes[0], pipes[1], busy_pair[0], busy_pair[1]};
    for (size_t i = 0; i < 4; i++) CHECK_INT(fcntl(ours[i], F_GETFD), 0);
    __atomic_store_n(&done, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
}

/* ---- a start that fails ---- */

static void put(const char *path, const char *text, mode_t mode) {
    FILE *file = fopen(path, "we");
    CHECK(file && fputs(text, file) >= 0);
    fclose(file);
    CHECK_INT(chmod(path, mode), 0);
}

static void expect_failure(const char *wrennd, const char *word) {
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    wrenn_client *client = NULL;
    wrenn_error *error = NULL;
    options.wrennd = wrennd;
    CHECK_INT(wrenn_client_new(&options, &client, &error), WRENN_E_CONNECTION_FAILED);
    CHECK_CONTAINS(wrenn_error_message(error), word);
    wrenn_error_free(error);
    CHECK_INT(waitpid(-1, NULL, __WALL | WNOHANG), -1);
    CHECK_INT(directories_left(), 0);
}

static void failing_starts(void) {
    const char *script = in_dir("script");
    set_up();
    expect_failure("/nonexistent/wrennd", "cannot run /nonexistent/wrennd: No such file or directory");
    expect_failure(test_dir(), "Permission denied");
    expect_failure("not-in-path-at-all", "cannot find not-in-path-at-all in PATH");
    expect_failure("/bin/false", "/bin/false did not start");
    put(script, "#!/bin/sh\nmkdir -p \"$4/a/b\"; echo x > \"$4/a/b/c\"; ln -s / \"$4/root\"\n", 0755);
    expect_failure(script, "did not start");
    put(script, "#!/bin/sh\necho x > \"$4/lock\"; echo '{\"error\":\"no luck\"}' >&3\n", 0755);
    expect_failure(script, "no luck");
    put(script, "#!/bin/sh\necho x > \"$4/lock\"; echo '{\"socket\":\"x\"}' >&3\n", 0755);
    expect_failure(script, "is not a wrennd of this version");
    put(script, "#!/nonexistent/shell\n", 0755);
    expect_failure(script, script);
}

/* Leaves `blocks` of 4 KiB free. */
static void fill_disk(int blocks) {
    static const char block[4096];
    int fd = open(in_dir("filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    off_t size = 0;
    CHECK(fd >= 0);
    for (ssize_t put_now; (put_now = write(fd, block, sizeof(block))) > 0;) size += put_now;
    CHECK_INT(errno, ENOSPC);
    CHECK_INT(ftruncate(fd, size - blocks * (off_t)sizeof(block)), 0);
    close(fd);
}

static void full_disk(void) {
    set_up();
    CHECK_INT(unshare(CLONE_NEWNS), 0);
    CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    for (int blocks = 0; blocks < 12; blocks++) {
        CHECK_INT(mount("tmpfs", test_dir(), "tmpfs", 0, "size=1m,mode=755"), 0);
        fill_disk(blocks);
        wrenn_client *client = NULL;
        if (wrenn_client_new(NULL, &client, NULL) == 0) wrenn_client_free(client);
        CHECK_INT(directories_left(), 0);
        CHECK_INT(umount2(test_dir(), MNT_DETACH), 0);
    }
}

/* ---- where it comes from ---- */

static void run_line(const char *line) {
    program_result result = run_program((const char *const[]){"sh", "-ec", line, NULL});
    CHECK_MSG(result.code == 0, "%s: %s", line, result.err);
    program_result_free(&result);
}

/* A copy of wrenn in DIR/bin, and a wrennd of somebody's at `place` that tells when it is run. */
static void lay_out(const char *place) {
    char line[1500], library[4096];
    CHECK(realpath(getenv("WRENN_CLI"), library));
    memcpy(strstr(library, "/cli/"), "/api", sizeof("/api"));
    setenv("LD_LIBRARY_PATH", library, 1);
    snprintf(line, sizeof(line),
             "cd %s; rm -rf app ran other; mkdir -p app/bin; cp \"$WRENN_CLI\" app/bin/wrenn; mkdir -p $(dirname %s); "
             "printf '#!/bin/sh\\n: > %s/ran\\n' > %s; chmod 755 %s",
             test_dir(), place, test_dir(), place, place);
    run_line(line);
}

/* Through the library and through the command. */
static void expect_run(bool wanted, const char *word) {
    const char *const doors[][5] = {{in_dir("app/bin/wrenn"), "run", "true", NULL},
                                    {in_dir("app/bin/wrenn"), "serve", "--version", NULL},
                                    {in_dir("app/bin/wrenn"), "doctor", NULL}};
    for (size_t i = 0; i < 3; i++) {
        unlink(in_dir("ran"));
        program_result result = run_program(doors[i]);
        bool ran = access(in_dir("ran"), F_OK) == 0;
        CHECK_MSG(ran == wanted, "wrenn %s: %s", doors[i][1], ran ? "ran it" : result.err);
        /* Where one is installed, that one ran. */
        if (!wanted && access(INSTALLED_WRENND, X_OK) != 0) {
            CHECK(result.code != 0);
            CHECK_CONTAINS(result.err, "WRENN_WRENND");
            if (word) CHECK_CONTAINS(result.err, word);
        }
        program_result_free(&result);
    }
    CHECK_INT(directories_left(), 0);
}

static void change(const char *line) {
    char all[1500];
    snprintf(all, sizeof(all), "cd %s; %s", test_dir(), line);
    run_line(all);
}

static void start_hostile(void) {
    char path[600];
    set_up();
    unsetenv("WRENN_WRENND");
    snprintf(path, sizeof(path), "/usr/bin:/bin:%s/other", test_dir());
    setenv("PATH", path, 1);
}

/* Not even when it is ours: that is what another program of the same layout may be. */
static void only_build_trees(void) {
    static const char *const places[] = {"app/server/wrennd", "app/src/server/wrennd", "src/server/wrennd"};
    start_hostile();
    for (size_t i = 0; i < 3; i++) {
        lay_out(places[i]);
        expect_run(false, NULL);
    }
    lay_out("app/src/server/wrennd");
    change("touch app/wrenn-build-tree");
    expect_run(true, NULL);
    change("chmod 777 app/src");
    expect_run(false, "app/src; run: chmod go-w");
}

static void own_places(void) {
    start_hostile();
    lay_out("app/bin/wrennd");
    expect_run(true, NULL);
    change("mv app/bin/wrennd app/bin/real; ln -s real app/bin/wrennd");
    expect_run(true, NULL);
    lay_out("other/wrennd");
    expect_run(true, NULL);
}

/* Each makes a place that was fine one that others can change. */
static void places_of_others(void) {
    static const char *const changes[] = {
        "chmod 775 app/bin",
        "chmod 757 app/bin",
        "chmod 1777 app/bin",
        "chmod 775 app",
        "chmod 777 app",
        "chmod 775 app/bin/wrennd",
        "chmod 757 app/bin/wrennd",
        "mkdir -m 777 other; mv app/bin/wrennd other; ln -s ../../other/wrennd app/bin/wrennd",
        "mkdir -m 1777 other; mv app/bin/wrennd other; ln -s ../../other/wrennd app/bin/wrennd",
        "mkdir -m 777 other; cd app/bin; mv wrennd real; ln -s ../app/bin/real ../../other/to; ln -s ../../other/to wrennd"};
    start_hostile();
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        bool by_group = strstr(changes[i], "775") != NULL;
        if (by_group && geteuid() != 0) continue; /* this user's group is its own */
        lay_out("app/bin/wrennd");
        change(changes[i]);
        expect_run(false, strstr(changes[i], "chmod") ? "go-w" : NULL);
    }
    lay_out("other/wrennd");
    change("chmod 777 other");
    expect_run(false, "other; run: chmod go-w");
    lay_out("other/wrennd");
    setenv("PATH", "other::.:/usr/bin:/bin", 1);
    CHECK_INT(chdir(test_dir()), 0);
    expect_run(false, NULL);
}

static void owned_by_others(void) {
    static const char *const changes[] = {"chown 65534 app/bin/wrennd", "chown 65534 app/bin", "chown 65534 app",
                                          "cd app/bin; mv wrennd real; ln -s real wrennd; chown -h 65534 wrennd"};
    start_hostile();
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        lay_out("app/bin/wrennd");
        change(changes[i]);
        expect_run(false, "belongs to another user");
    }
}

/* ---- where its directory is ---- */

static void private_places(void) {
    set_up();
    change("mkdir mine open; chmod 777 open; mkdir -m 1777 sticky");
    setenv("TMPDIR", in_dir("open"), 1);
    expect_failure(NULL, "others can write to the directory");
    setenv("TMPDIR", "mine", 1);
    expect_failure(NULL, "is not an absolute path");
    setenv("TMPDIR", in_dir("missing"), 1);
    expect_failure(NULL, "missing");
    setenv("TMPDIR", in_dir("sticky"), 1);
    setenv("XDG_RUNTIME_DIR", in_dir("open"), 1); /* passed over */
    wrenn_client *client = NULL;
    OK(wrenn_client_new(NULL, &client, &error));
    CHECK_CONTAINS(wrenn_client_base_url(client), "/sticky/wrenn-local-");
    wrenn_client_free(client);
    setenv("XDG_RUNTIME_DIR", in_dir("mine"), 1);
    OK(wrenn_client_new(NULL, &client, &error));
    CHECK_CONTAINS(wrenn_client_base_url(client), "/mine/wrenn-local-");
    wrenn_client_free(client);
}

static void places_of_another(void) {
    set_up();
    change("mkdir -m 700 theirs; chown 65534 theirs");
    setenv("TMPDIR", in_dir("theirs"), 1);
    expect_failure(NULL, "belongs to another user");
}

/* ---- templates ---- */

/* Root's are in /var/lib, which tests leave alone. */
static void set_up_templates(void) {
    set_up();
    if (geteuid() == 0) setenv("WRENND_DATA_DIR", in_dir("state"), 1);
}

static void run_code(wrenn_client *client) {
    wrenn_sandboxes_create_options create = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_sandbox_run_code_options code = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    wrenn_sandbox *sandbox = NULL;
    wrenn_code_execution *execution = NULL;
    create.template_name = "python-interpreter-v0-beta";
    OK(wrenn_sandboxes_create(client, &create, &sandbox, &error));
    code.code = "6 * 7";
    OK(wrenn_sandbox_run_code(sandbox, &code, &execution, &error));
    CHECK_STR(execution->text, "42");
    wrenn_code_execution_free(execution);
    OK(wrenn_sandbox_destroy(sandbox, NULL, &error));
    wrenn_sandbox_free(sandbox);
}

static void code_interpreter(void) {
    set_up_templates();
    wrenn_client *client = new_client();
    program_result built =
        run_program((const char *const[]){getenv("WRENN_WRENND"), "template", "build", "code-interpreter", NULL});
    if (built.code == 1 && strstr(built.err, "apt-get install jupyter-server python3-ipykernel"))
        test_skip("needs the packages jupyter-server and python3-ipykernel: tools/install-deps.sh test");
    CHECK_MSG(built.code == 0, "%s", built.err);
    program_result_free(&built);
    run_code(client); /* it sees what came after its start */
    wrenn_client_free(client);
    client = new_client();
    pid_t other = fork();
    if (other == 0) {
        wrenn_client_free(client);
        client = new_client();
        run_code(client);
        wrenn_client_free(client);
        _exit(0);
    }
    run_code(client);
    int status;
    CHECK_INT(waitpid(other, &status, 0), other);
    CHECK_INT(status, 0);
    wrenn_client_free(client);
}

/* A template that was built stays while a sandbox of any server has it. */
static void shared_template(void) {
    const char *wrennd = getenv("WRENN_WRENND");
    wrenn_sandboxes_create_options create = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_file_entry *info = NULL;
    wrenn_sandbox *sandbox = NULL;
    set_up_templates();
    change("mkdir root; echo x > root/here");
    wrenn_client *client = new_client();
    program_result result =
        run_program((const char *const[]){wrennd, "template", "build", "mine", "--dir", in_dir("root"), NULL});
    CHECK_MSG(result.code == 0, "%s", result.err);
    program_result_free(&result);
    create.template_name = "mine";
    OK(wrenn_sandboxes_create(client, &create, &sandbox, &error));
    result = run_program((const char *const[]){wrennd, "template", "remove", "mine", NULL});
    CHECK_MSG(result.code == 0, "%s", result.err);
    program_result_free(&result);
    OK(wrenn_sandbox_stat(sandbox, "/here", NULL, &info, &error));
    wrenn_file_entry_free(info);
    OK(wrenn_sandbox_destroy(sandbox, NULL, &error));
    wrenn_sandbox_free(sandbox);
    wrenn_error *error = NULL;
    CHECK(wrenn_sandboxes_create(client, &create, &sandbox, &error) == WRENN_E_NOT_FOUND);
    wrenn_error_free(error);
    wrenn_client_free(client);
}

/* As in a container, whose /tmp is on overlayfs like all of its root: that can't hold sandboxes. */
static void places_on_overlay(void) {
    char options[1000];
    set_up();
    CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    CHECK(mkdir(in_dir("layer"), 0755) == 0 && mount("tmpfs", in_dir("layer"), "tmpfs", 0, NULL) == 0);
    CHECK(mkdir(in_dir("layer/u"), 01777) == 0 && mkdir(in_dir("layer/w"), 0755) == 0);
    snprintf(options, sizeof(options), "lowerdir=/tmp,upperdir=%s,workdir=%s", in_dir("layer/u"), in_dir("layer/w"));
    CHECK_MSG(mount("overlay", "/tmp", "overlay", 0, options) == 0, "overlay: %s", strerror(errno));
    CHECK(chmod("/tmp", 01777) == 0);
    program_result result = WRENN("run", "echo", "well");
    CHECK_STR(result.err, "");
    CHECK_STR(result.out, "well\n");
    CHECK_INT(result.code, 0);
    program_result_free(&result);
}

TEST_AS_BOTH(is_no_child_that_wait_sees, no_child)
TEST_AS_BOTH(says_nothing_unless_asked, silent)
TEST_AS_BOTH(leaves_nothing_to_bury, nothing_to_bury)
TEST_AS_BOTH(ends_with_a_killed_program, ends_with_us)
TEST_AS_BOTH(a_forked_child_has_its_own, forked)
TEST_AS_BOTH(its_descriptors_close_on_exec, closed_by_exec)
TEST(descriptors_of_others_keep_their_flags) { leaves_others_alone(); }
TEST_AS_BOTH(failing_starts_leave_nothing, failing_starts)
TEST_AS_ROOT(starts_on_full_disks_leave_nothing, full_disk)
TEST_AS_BOTH(a_place_in_a_build_tree_only, only_build_trees)
TEST_AS_BOTH(comes_from_where_only_we_write, own_places)
TEST_AS_BOTH(not_from_where_others_write, places_of_others)
TEST_AS_ROOT(not_from_what_others_own, owned_by_others)
TEST_AS_BOTH(its_directory_is_where_only_we_write, private_places)
TEST_AS_ROOT(its_directory_is_not_in_that_of_others, places_of_another)
TEST_AS_ROOT(its_directory_is_not_on_overlayfs, places_on_overlay)
TEST_AS_BOTH(runs_code_from_built_templates, code_interpreter)
TEST_AS_BOTH(shares_templates_with_all_servers, shared_template)

TEST_MAIN
