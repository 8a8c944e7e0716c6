/* The builtin commands of the agent, each in a process of its own as in a sandbox. */
#include "wire/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "agent/files.h"
#include "base/buf.h"
#include "test.h"

typedef struct running {
    pid_t pid;
    int in, out;
} running;

static const char *third; /* argument, if any */

static running begin(const char *name, const char *path, const char *more) {
    int in[2], out[2];
    CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        char *argv[] = {(char *)(uintptr_t)name, (char *)(uintptr_t)path, (char *)(uintptr_t)more,
                        (char *)(uintptr_t)third, NULL};
        dup2(in[0], 0);
        dup2(out[1], 1);
        close_range(3, ~0u, 0); /* no exec does it here */
        _exit(builtin_main(argv));
    }
    close(in[0]);
    close(out[1]);
    return (running){pid, in[1], out[0]};
}

static int status_of(running *r) {
    int status;
    close(r->in);
    CHECK(waitpid(r->pid, &status, 0) == r->pid);
    close(r->out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static wrn_buf output; /* of the last one */

static int run(const char *name, const char *path, const char *more) {
    running r = begin(name, path, more);
    close(r.in);
    r.in = -1;
    wrn_buf_clear(&output);
    for (;;) {
        char *at = wrn_buf_reserve(&output, 65536);
        ssize_t got = read(r.out, at, 65536);
        if (got <= 0) break;
        output.size += (size_t)got;
        output.data[output.size] = '\0';
    }
    return status_of(&r);
}

static void put_all(int fd, const char *data, size_t size) {
    for (size_t at = 0; at < size;) {
        ssize_t put = write(fd, data + at, size - at);
        CHECK(put > 0);
        at += (size_t)put;
    }
}

static int write_to(const char *path, const char *text) {
    signal(SIGPIPE, SIG_IGN);
    running r = begin("write", path, NULL);
    (void)!write(r.in, text, strlen(text));
    return status_of(&r);
}

static void make_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK_MSG(fd >= 0, "%s: %s", path, strerror(errno));
    put_all(fd, text, strlen(text));
    close(fd);
}

static void check_content(const char *path, const char *text) {
    CHECK_INT(run("read", path, NULL), 0);
    CHECK_MEM(output.data ? output.data : "", output.size, text, strlen(text));
}

static mode_t mode_of(const char *path) {
    struct stat info;
    CHECK_MSG(lstat(path, &info) == 0, "%s: %s", path, strerror(errno));
    return info.st_mode;
}

/* The test's directory is home, and what is in it counts. */
static void at_home(void) {
    umask(022);
    CHECK(setenv("HOME", test_dir(), 1) == 0 && chdir("/") == 0);
}

static const char *in_home(const char *name) {
    static char paths[8][8192];
    static unsigned next;
    char *path = paths[next++ % 8];
    CHECK(snprintf(path, sizeof(paths[0]), "%s/%s", test_dir(), name) < (int)sizeof(paths[0]));
    return path;
}

/* Field of the n-th record of the last output; NULL when there is no such record. */
static const char *field(size_t record, wrn_file_field which) {
    const char *at = output.data, *end = output.data + output.size;
    for (size_t skip = record * WRN_FILE_FIELDS + which; at < end && skip; skip--) at += strlen(at) + 1;
    return at < end ? at : NULL;
}

static void check_paths(const char *const *names) {
    size_t i = 0;
    for (; names[i]; i++) CHECK_STR(field(i, WRN_FILE_PATH), in_home(names[i]));
    CHECK_STR(field(i, WRN_FILE_PATH), NULL);
}
#define CHECK_PATHS(...) check_paths((const char *const[]){__VA_ARGS__, NULL})

static size_t entries_in(const char *path) {
    CHECK_INT(run("list", path, "1"), 0);
    size_t fields = 0;
    for (size_t i = 0; i < output.size; i++) fields += output.data[i] == '\0';
    return fields / WRN_FILE_FIELDS;
}

/* ---- paths ---- */

TEST(paths_start_at_home_or_at_the_root) {
    at_home();
    make_file(in_home("f"), "x");
    check_content("f", "x");
    check_content("~/f", "x");
    check_content("./f", "x");
    check_content("~//.//f", "x");
    check_content(in_home("f"), "x");
    CHECK_INT(write_to("~f/x", "1"), 0); /* no other home is known: a name like any other */
    check_content(in_home("~f/x"), "1");
    CHECK_INT(run("list", "~", "1"), 0);
    CHECK_PATHS("f", "~f");
    CHECK_INT(run("list", "", "1"), 0);
    CHECK_PATHS("f", "~f");
    unsetenv("HOME");
    CHECK_INT(run("list", "~", "1"), 0);
    CHECK_MSG(strncmp(field(0, WRN_FILE_PATH), "/", 1) == 0 && !strchr(field(0, WRN_FILE_PATH) + 1, '/'), "%s",
              field(0, WRN_FILE_PATH));
}

TEST(a_slash_at_the_end_asks_for_a_directory) {
    at_home();
    make_file(in_home("f"), "x");
    CHECK_INT(run("read", "f/", NULL), ENOTDIR);
    CHECK_INT(run("remove", "f/", NULL), ENOTDIR);
    CHECK_INT(write_to("f/", "y"), ENOTDIR);
    CHECK_INT(write_to("new/", "y"), EISDIR);
    CHECK_INT(run("mkdir", "d//", NULL), 0);
    CHECK_PATHS("d");
    CHECK_INT(write_to("d/", "y"), EISDIR);
    CHECK_INT(run("remove", "d/", NULL), 0);
    check_content("f", "x");
    CHECK_INT(entries_in("~/"), 1);
}

TEST(names_may_be_anything_and_paths_longer_than_the_system_takes) {
    at_home();
    char name[256], odd[] = "\x01\xff\n -*$'\"\\";
    memset(name, 'n', 255);
    name[255] = '\0';
    wrn_buf path = WRN_BUF_INIT;
    for (int i = 0; i < 40; i++) wrn_buf_printf(&path, "%s/", name);
    wrn_buf_puts(&path, odd);
    CHECK(path.size > 10000);
    CHECK_INT(write_to(path.data, "deep"), 0);
    check_content(path.data, "deep");
    CHECK_INT(run("list", "~", "100"), 0);
    CHECK_INT(strlen(field(40, WRN_FILE_PATH)), strlen(test_dir()) + 1 + path.size);
    CHECK_STR(strrchr(field(40, WRN_FILE_PATH), '/') + 1, odd);
    CHECK_INT(run("remove", path.data, NULL), 0);
    CHECK_INT(run("read", path.data, NULL), ENOENT);
    CHECK_INT(run("remove", name, NULL), 0);
    CHECK_INT(entries_in("~"), 0);
    wrn_buf_clear(&path);
    for (int i = 0; i < 256; i++) wrn_buf_putc(&path, 'n');
    CHECK_INT(write_to(path.data, ""), ENAMETOOLONG);
    wrn_buf_free(&path);
}

/* ---- read ---- */

TEST(reads_what_is_regular_and_nothing_else) {
    at_home();
    make_file(in_home("empty"), "");
    check_content("empty", "");
    CHECK_INT(run("read", "/proc/self/status", NULL), 0);
    CHECK_CONTAINS(output.data, "Pid:");
    CHECK_INT(run("read", "missing", NULL), ENOENT);
    CHECK_INT(run("read", "missing/f", NULL), ENOENT);
    CHECK_INT(run("read", "empty/f", NULL), ENOTDIR);
    CHECK_INT(run("read", "~", NULL), EISDIR);
    CHECK_INT(run("read", "/", NULL), EISDIR);
    CHECK_INT(run("read", "/dev/zero", NULL), EINVAL);
    CHECK_INT(run("read", "/dev/tty", NULL), EINVAL);
    CHECK(mkfifo(in_home("fifo"), 0600) == 0);
    CHECK_INT(run("read", "fifo", NULL), EINVAL);
    CHECK(symlink("fifo", in_home("link")) == 0);
    CHECK_INT(run("read", "link", NULL), EINVAL);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CHECK(chdir(test_dir()) == 0);
    strcpy(address.sun_path, "socket");
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK_INT(run("read", "socket", NULL), EINVAL);
    CHECK(symlink("loop", in_home("loop")) == 0);
    CHECK_INT(run("read", "loop", NULL), ELOOP);
    CHECK_INT(run("read", NULL, NULL), EINVAL);
    CHECK_INT(run("erase", "/", NULL), ENOSYS);
}

TEST(reads_large_and_sparse_files) {
    at_home();
    int fd = open(in_home("sparse"), O_WRONLY | O_CREAT, 0600);
    const off_t size = 20 << 20;
    CHECK(ftruncate(fd, size) == 0 && pwrite(fd, "!", 1, 12345678) == 1);
    close(fd);
    CHECK_INT(run("read", "sparse", NULL), 0);
    CHECK_INT(output.size, size);
    CHECK_INT(output.data[12345678], '!');
    output.data[12345678] = 0;
    CHECK(output.data[0] == 0 && memcmp(output.data, output.data + 1, output.size - 1) == 0);
}

TEST(a_reader_that_goes_ends_it) {
    at_home();
    int fd = open(in_home("large"), O_WRONLY | O_CREAT, 0600);
    CHECK(ftruncate(fd, 10 << 20) == 0);
    close(fd);
    running r = begin("read", "large", NULL);
    char piece[100];
    CHECK(read(r.out, piece, sizeof(piece)) == sizeof(piece));
    close(r.out);
    r.out = -1;
    CHECK_INT(status_of(&r), 1000 + SIGPIPE);
}

/* ---- write ---- */

TEST(writes_make_parents_and_replace) {
    at_home();
    CHECK_INT(write_to("a/b/c", "one"), 0);
    check_content("a/b/c", "one");
    CHECK_INT(mode_of(in_home("a/b/c")), S_IFREG | 0644);
    CHECK_INT(mode_of(in_home("a/b")), S_IFDIR | 0755);
    CHECK_INT(write_to("a/b/c", ""), 0);
    check_content("a/b/c", "");
    CHECK(chmod(in_home("a/b/c"), 0750) == 0);
    CHECK_INT(write_to("a/b/c", "two"), 0);
    check_content("a/b/c", "two");
    CHECK_INT(mode_of(in_home("a/b/c")), S_IFREG | 0750);
    CHECK_INT(entries_in("a/b"), 1);
}

TEST(writes_keep_the_owner) {
    if (geteuid() != 0) test_skip("not run as root");
    at_home();
    struct stat info;
    make_file(in_home("f"), "x");
    CHECK(chown(in_home("f"), 12345, 54321) == 0 && chmod(in_home("f"), 06755) == 0);
    CHECK_INT(write_to("f", "y"), 0);
    CHECK(stat(in_home("f"), &info) == 0);
    CHECK_INT(info.st_uid, 12345);
    CHECK_INT(info.st_gid, 54321);
    CHECK_INT(info.st_mode, S_IFREG | 06755);
}

TEST(writes_refuse_what_is_no_file_and_leave_nothing) {
    at_home();
    CHECK(mkdir(in_home("d"), 0755) == 0 && mkfifo(in_home("fifo"), 0600) == 0);
    make_file(in_home("f"), "x");
    CHECK_INT(write_to("d", "y"), EISDIR);
    CHECK_INT(write_to("/", "y"), EISDIR);
    CHECK_INT(write_to("~", "y"), EISDIR);
    CHECK_INT(write_to("d/..", "y"), EISDIR);
    CHECK_INT(write_to("fifo", "y"), EINVAL);
    CHECK_INT(write_to("/dev/null", "y"), EINVAL);
    CHECK_INT(write_to("f/g", "y"), ENOTDIR);
    CHECK_INT(entries_in("~"), 3);
    CHECK(S_ISCHR(mode_of("/dev/null")));
}

TEST(writes_through_links_replace_what_they_lead_to) {
    at_home();
    CHECK(mkdir(in_home("d"), 0755) == 0);
    make_file(in_home("d/real"), "x");
    CHECK(symlink("d/one", in_home("link")) == 0 && symlink("../d/real", in_home("d/one")) == 0);
    CHECK_INT(write_to("link", "y"), 0);
    check_content("d/real", "y");
    CHECK(S_ISLNK(mode_of(in_home("link"))) && S_ISLNK(mode_of(in_home("d/one"))));
    CHECK(symlink(in_home("d/new"), in_home("absolute")) == 0);
    CHECK_INT(write_to("absolute", "z"), 0);
    check_content("d/new", "z");
    CHECK(symlink("nowhere/new", in_home("dangling")) == 0);
    CHECK_INT(write_to("dangling", "z"), ENOENT);
    CHECK(symlink("d", in_home("dir")) == 0);
    CHECK_INT(write_to("dir", "z"), EISDIR);
    CHECK_INT(write_to("dir/x", "z"), 0);
    check_content("d/x", "z");
    CHECK(symlink("loop", in_home("loop")) == 0);
    CHECK_INT(write_to("loop", "z"), ELOOP);
}

TEST(writes_keep_what_is_attached) {
    at_home();
    struct stat before, after;
    make_file(in_home("f"), "before");
    if (setxattr(in_home("f"), "user.tag", "v", 1, 0) != 0)
        test_skip("no extended attributes here: %s", strerror(errno));
    CHECK(stat(in_home("f"), &before) == 0);
    CHECK_INT(write_to("f", "x"), 0);
    check_content("f", "x");
    CHECK(stat(in_home("f"), &after) == 0 && after.st_ino == before.st_ino);
    char value[4];
    CHECK_INT(getxattr(in_home("f"), "user.tag", value, sizeof(value)), 1);
    CHECK_INT(entries_in("~"), 1);
}

TEST(an_aborted_write_changes_nothing) {
    at_home();
    make_file(in_home("f"), "good");
    static const char *const names[] = {"f", "new"};
    for (size_t i = 0; i < 2; i++) {
        running r = begin("write", names[i], NULL);
        char block[100000];
        memset(block, 'b', sizeof(block));
        put_all(r.in, block, sizeof(block));
        CHECK_INT(entries_in("~"), 2); /* the file aside is there: it is in the middle of it */
        kill(r.pid, SIGTERM);
        int status;
        CHECK(waitpid(r.pid, &status, 0) == r.pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == ECANCELED);
        CHECK_INT(entries_in("~"), 1);
        check_content("f", "good");
    }
}

TEST(an_abort_at_any_time_leaves_all_or_nothing) {
    at_home();
    make_file(in_home("f"), "good");
    for (unsigned i = 0; i < 100; i++) {
        running r = begin("write", "f", NULL);
        put_all(r.in, "better", 6);
        close(r.in);
        r.in = -1;
        usleep(i * 15);
        kill(r.pid, SIGTERM);
        int status = status_of(&r);
        CHECK_INT(entries_in("~"), 1);
        check_content("f", status == 0 ? "better" : "good");
        make_file(in_home("f"), "good");
    }
}

TEST(a_write_that_fails_leaves_the_old_file) {
    at_home();
    make_file(in_home("f"), "good");
    CHECK(chdir(test_dir()) == 0);
    running r = begin("write", "f", NULL);
    put_all(r.in, "x", 1);
    while (entries_in("~") < 2) usleep(1000);
    /* The file has become a directory meanwhile. */
    CHECK(unlink("f") == 0 && mkdir("f", 0755) == 0);
    CHECK_INT(status_of(&r), EISDIR);
    CHECK_INT(entries_in("~"), 1);
}

/* ---- what a write does to the file that is there ---- */

static int write_as(const char *path, const char *option, const char *text) {
    signal(SIGPIPE, SIG_IGN);
    running r = begin("write", path, option);
    (void)!write(r.in, text, strlen(text));
    return status_of(&r);
}

static struct stat look_at(const char *path) {
    struct stat info;
    CHECK_MSG(lstat(path, &info) == 0, "%s: %s", path, strerror(errno));
    return info;
}

TEST(a_write_replaces_the_file_as_a_whole) {
    at_home();
    make_file(in_home("f"), "before");
    int fd = open(in_home("f"), O_RDONLY);
    char text[8] = "";
    CHECK_INT(write_to("f", "after"), 0);
    CHECK_INT(read(fd, text, sizeof(text)), 6);
    CHECK_STR(text, "before");
    close(fd);
    check_content("f", "after");
}

TEST(all_names_of_a_file_get_the_new_content) {
    at_home();
    make_file(in_home("f"), "a longer one");
    CHECK(chmod(in_home("f"), 0640) == 0 && link(in_home("f"), in_home("g")) == 0);
    CHECK_INT(write_to("f", "new"), 0);
    check_content("f", "new");
    check_content("g", "new");
    CHECK_INT(mode_of(in_home("f")) & 07777, 0640);
    CHECK_INT(look_at(in_home("f")).st_nlink, 2);
    CHECK_INT(entries_in("~"), 2);
    /* Broken off, it changes neither. */
    running r = begin("write", "g", NULL);
    put_all(r.in, "more", 4);
    while (entries_in("~") < 3) {
    }
    kill(r.pid, SIGTERM);
    CHECK_INT(status_of(&r), ECANCELED);
    check_content("f", "new");
    CHECK_INT(entries_in("~"), 2);
}

TEST(a_file_stays_in_its_place_when_asked_to) {
    at_home();
    make_file(in_home("f"), "old and longer");
    ino_t inode = look_at(in_home("f")).st_ino;
    CHECK_INT(write_as("f", "in-place", "new"), 0);
    check_content("f", "new");
    CHECK_INT(look_at(in_home("f")).st_ino, inode);
    CHECK_INT(write_as("f", "in-place", ""), 0);
    check_content("f", "");
    CHECK_INT(write_as("g", "in-place", "made"), 0);
    check_content("g", "made");
    CHECK_INT(entries_in("~"), 2);
}

TEST(who_follows_a_file_sees_each_write) {
    at_home();
    make_file(in_home("f"), "old");
    make_file(in_home("other"), "old");
    int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    CHECK(inotify_add_watch(notify, in_home("f"), IN_MODIFY | IN_DELETE_SELF) > 0);
    for (int i = 0; i < 3; i++) {
        char events[4096];
        CHECK_INT(write_to("f", "new"), 0);
        CHECK(read(notify, events, sizeof(events)) > 0);
        check_content("f", "new");
    }
    close(notify);
    /* Waiting at the end; and somewhere in the middle, where only a whole file will do. */
    ino_t inode = look_at(in_home("other")).st_ino;
    char text[8];
    int fd = open(in_home("other"), O_RDONLY);
    CHECK_INT(read(fd, text, sizeof(text)), 3);
    CHECK_INT(write_to("other", "longer"), 0);
    CHECK(look_at(in_home("other")).st_ino == inode);
    CHECK_INT(read(fd, text, 1), 1);
    CHECK_INT(write_to("other", "new"), 0);
    CHECK(look_at(in_home("other")).st_ino != inode);
    close(fd);
}

/* Both of a file that is new and of one that is replaced. */
TEST(who_watches_a_directory_learns_of_writes) {
    at_home();
    int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    CHECK(inotify_add_watch(notify, in_home("."), IN_MODIFY | IN_CLOSE_WRITE) > 0);
    for (int i = 0; i < 2; i++) {
        static char events[1 << 16];
        uint32_t seen = 0;
        CHECK_INT(write_to("f", "text"), 0);
        ssize_t size = read(notify, events, sizeof(events));
        for (char *at = events; at < events + size;) {
            const struct inotify_event *event = (const void *)at;
            if (event->len && strcmp(event->name, "f") == 0) seen |= event->mask;
            at += sizeof(*event) + event->len;
        }
        CHECK_INT(seen, IN_MODIFY | IN_CLOSE_WRITE);
        check_content("f", "text");
    }
    close(notify);
}

TEST(a_program_that_runs_is_replaced) {
    at_home();
    static const char *const options[] = {NULL, "in-place"};
    for (int i = 0; i < 2; i++) {
        char line[600], text[16] = "";
        unlink(in_home("p"));
        snprintf(line, sizeof(line), "cp /bin/cat %s", in_home("p"));
        CHECK_INT(system(line), 0);
        if (!i) CHECK(link(in_home("p"), in_home("q")) == 0);
        int in[2], out[2];
        CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
        pid_t pid = fork();
        if (pid == 0) {
            dup2(in[0], 0);
            dup2(out[1], 1);
            execl(in_home("p"), "p", NULL);
            _exit(1);
        }
        close(in[0]);
        close(out[1]);
        CHECK(write(in[1], "up", 2) == 2 && read(out[0], text, 2) == 2);
        CHECK_INT(write_as("p", options[i], "#!/bin/sh\n"), 0);
        check_content("p", "#!/bin/sh\n");
        CHECK_INT(mode_of(in_home("p")) & 0777, 0755);
        CHECK(write(in[1], "on", 2) == 2 && read(out[0], text, 2) == 2);
        close(in[1]);
        close(out[0]);
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

TEST(mode_and_owner_are_as_asked_for) {
    at_home();
    CHECK_INT(write_as("f", "mode=0750", "x"), 0);
    CHECK_INT(mode_of(in_home("f")) & 07777, 0750);
    CHECK_INT(write_as("f", "mode=04711", "y"), 0);
    CHECK_INT(mode_of(in_home("f")) & 07777, 04711);
    CHECK_INT(write_as("f", "mode=0", "z"), 0);
    CHECK_INT(mode_of(in_home("f")) & 07777, 0);
    CHECK_INT(write_as("g", "owner=nobodyatall", "x"), EUSERS);
    CHECK_INT(write_as("g", "owner=", "x"), EUSERS);
    CHECK_INT(write_as("g", "what=ever", "x"), EINVAL);
    CHECK_INT(write_as("g", "nonsense", "x"), EINVAL);
    CHECK_INT(entries_in("~"), 1);
    if (geteuid() != 0) return;
    CHECK_INT(write_as("g", "owner=65534:123", "x"), 0);
    CHECK(look_at(in_home("g")).st_uid == 65534 && look_at(in_home("g")).st_gid == 123);
    CHECK_INT(write_to("g", "y"), 0);
    CHECK_INT(look_at(in_home("g")).st_uid, 65534);
    CHECK(link(in_home("g"), in_home("h")) == 0 && chmod(in_home("g"), 06755) == 0);
    CHECK_INT(write_as("g", "owner=root", "z"), 0);
    CHECK_INT(look_at(in_home("h")).st_uid, 0);
    CHECK_INT(mode_of(in_home("h")) & 07777, 0755); /* what lent one's rights does not lend another's */
}

/* ---- list ---- */

TEST(lists_in_order_with_all_there_is_to_know) {
    at_home();
    CHECK_INT(entries_in("~"), 0);
    CHECK(mkdir(in_home("b"), 0700) == 0 && mkdir(in_home("b/d"), 0755) == 0);
    make_file(in_home("b/d/deep"), "");
    make_file(in_home("b-1"), "12345");
    make_file(in_home("\xff"), "");
    CHECK(mkfifo(in_home("a"), 0600) == 0 && chmod(in_home("b-1"), 04751) == 0);
    const struct timespec times[2] = {{1000000000, 0}, {1234567890, 999999999}};
    CHECK(utimensat(AT_FDCWD, in_home("b-1"), times, 0) == 0);
    CHECK_INT(run("list", "~", "1"), 0);
    CHECK_PATHS("a", "b", "b-1", "\xff");
    CHECK_STR(field(0, WRN_FILE_TARGET), "");
    CHECK_INT(atoi(field(0, WRN_FILE_MODE)), S_IFIFO | 0600);
    CHECK_INT(atoi(field(1, WRN_FILE_MODE)), S_IFDIR | 0700);
    CHECK_INT(atoi(field(2, WRN_FILE_MODE)), S_IFREG | 04751);
    CHECK_STR(field(2, WRN_FILE_SIZE), "5");
    CHECK_STR(field(2, WRN_FILE_MTIME), "1234567890");
    CHECK_INT(run("list", "~", "0"), 0);
    CHECK_PATHS("a", "b", "b-1", "\xff");
    CHECK_INT(run("list", "~", "2"), 0);
    CHECK_PATHS("a", "b", "b/d", "b-1", "\xff");
    CHECK_INT(run("list", "~/./b/..//b/", "9223372036854775807"), 0);
    CHECK_PATHS("b/../b/d", "b/../b/d/deep");
    third = "only=b";
    CHECK_INT(run("list", "~", "1"), 0);
    CHECK_PATHS("b");
    CHECK_INT(run("list", "~", "2"), 0);
    CHECK_PATHS("b", "b/d");
    CHECK_INT(run("list", "missing", "1"), ENOENT);
    static char long_name[400];
    memset(long_name, 'x', sizeof(long_name) - 1);
    const char *const absent[] = {"none", "B", long_name};
    for (size_t i = 0; i < WRN_COUNT(absent); i++) {
        char word[600];
        snprintf(word, sizeof(word), "only=%s", absent[i]);
        third = word;
        CHECK_INT(run("list", "~", "1"), 0);
        CHECK_INT(output.size, 0);
    }
    third = NULL;
    CHECK_INT(run("list", "missing", "1"), ENOENT);
    CHECK_INT(run("list", "b-1", "1"), ENOTDIR);
    CHECK_INT(run("list", "a", "1"), ENOTDIR);
    CHECK_INT(run("list", "b", NULL), EINVAL);
}

TEST(lists_links_without_entering_them) {
    at_home();
    CHECK(mkdir(in_home("d"), 0755) == 0);
    make_file(in_home("d/f"), "12345");
    CHECK(chmod(in_home("d/f"), 0604) == 0);
    CHECK(symlink("d", in_home("to-dir")) == 0 && symlink("to-file-2", in_home("to-file")) == 0);
    CHECK(symlink("to-dir/f", in_home("to-file-2")) == 0 && symlink("nowhere", in_home("to-nowhere")) == 0);
    CHECK_INT(run("list", "~", "5"), 0);
    CHECK_PATHS("d", "d/f", "to-dir", "to-file", "to-file-2", "to-nowhere");
    CHECK_STR(field(2, WRN_FILE_TARGET), in_home("d"));
    CHECK_INT(atoi(field(2, WRN_FILE_MODE)), S_IFDIR | 0755);
    CHECK_STR(field(3, WRN_FILE_TARGET), in_home("d/f"));
    CHECK_INT(atoi(field(3, WRN_FILE_MODE)), S_IFREG | 0604);
    CHECK_STR(field(3, WRN_FILE_SIZE), "9");
    CHECK_STR(field(5, WRN_FILE_TARGET), in_home("to-nowhere"));
    CHECK_INT(atoi(field(5, WRN_FILE_MODE)), 0);
    CHECK_INT(run("list", "to-dir", "5"), 0);
    CHECK_PATHS("to-dir/f");
    CHECK_INT(run("list", "to-file", "1"), ENOTDIR);
}

TEST(names_owners_or_numbers_them) {
    at_home();
    make_file(in_home("f"), "");
    CHECK_INT(run("list", "~", "1"), 0);
    if (geteuid() == 0) CHECK_STR(field(0, WRN_FILE_OWNER), "root");
    if (geteuid() != 0) test_skip("not run as root");
    CHECK_STR(field(0, WRN_FILE_GROUP), "root");
    CHECK(chown(in_home("f"), 3999999999u, 1234567) == 0);
    CHECK_INT(run("list", "~", "1"), 0);
    CHECK_STR(field(0, WRN_FILE_OWNER), "3999999999");
    CHECK_STR(field(0, WRN_FILE_GROUP), "1234567");
}

TEST(a_listing_has_limits) {
    at_home();
    CHECK(chdir(test_dir()) == 0);
    for (int i = 0; i < WRN_LIST_LEVELS_MAX - 1; i++) CHECK(mkdir("d", 0755) == 0 && chdir("d") == 0);
    CHECK_INT(run("list", "~", "1000"), 0);
    CHECK(mkdir("d", 0755) == 0);
    CHECK_INT(run("list", "~", "1000"), E2BIG);
    CHECK_INT(run("list", "~", "256"), 0);
    CHECK_INT(run("list", "d", "1000"), 0);
    CHECK_INT(run("remove", "d", NULL), 0);
}

static int run_words(const char *const *words) {
    running r;
    int out[2];
    CHECK(pipe2(out, O_CLOEXEC) == 0);
    r = (running){fork(), -1, out[0]};
    if (r.pid == 0) {
        dup2(out[1], 1);
        close_range(3, ~0u, 0);
        _exit(builtin_main((char **)(uintptr_t)words));
    }
    close(out[1]);
    wrn_buf_clear(&output);
    for (ssize_t got = 1; got > 0;) {
        char *at = wrn_buf_reserve(&output, 65536);
        got = read(r.out, at, 65536);
        if (got > 0) output.size += (size_t)got;
        output.data[output.size] = '\0';
    }
    return status_of(&r);
}

/* All of it, in pages of `limit`; each is asked for with the last path of the one before. */
static void list_pages(const char *levels, int limit, wrn_buf *all) {
    char number[32], last[9000] = "";
    snprintf(number, sizeof(number), "limit=%d", limit);
    for (;;) {
        const char *words[] = {"list", "~", levels, number, *last ? last : NULL, NULL};
        CHECK_INT(run_words(words), 0);
        size_t count = 0;
        for (const char *path; (path = field(count, WRN_FILE_PATH)); count++) {
            wrn_buf_printf(all, "%s\n", path);
            snprintf(last, sizeof(last), "after=%s", path);
        }
        CHECK(count <= (size_t)limit);
        if (count < (size_t)limit) return;
    }
}

static const char *after(const char *name) {
    static char word[9000];
    snprintf(word, sizeof(word), "after=%s", in_home(name));
    return word;
}

TEST(pages_join_to_the_whole) {
    at_home();
    static const char *const dirs[] = {"b", "b/c", "b/c/d", "b/ca", "b-", "ba", "z", "z/\xff\xfe", "empty"};
    static const char *const files[] = {"a",    "b/a",  "b/c/a", "b/c/d/e",       "b/c/d/f",
                                        "b/c-", "b-/x", "bb",    "z/\xff\xfe/\n", "z/z"};
    for (size_t i = 0; i < WRN_COUNT(dirs); i++) CHECK(mkdir(in_home(dirs[i]), 0755) == 0);
    for (size_t i = 0; i < WRN_COUNT(files); i++) make_file(in_home(files[i]), "");
    static const char *const levels[] = {"1", "2", "3", "100"};
    for (size_t i = 0; i < WRN_COUNT(levels); i++) {
        wrn_buf whole = WRN_BUF_INIT;
        list_pages(levels[i], 1000, &whole);
        for (int limit = 1; limit < 8; limit++) {
            wrn_buf pages = WRN_BUF_INIT;
            list_pages(levels[i], limit, &pages);
            CHECK_STR(pages.data, whole.data);
            wrn_buf_free(&pages);
        }
        wrn_buf_free(&whole);
    }
    /* Where the last one is gone meanwhile it goes on behind it. */
    CHECK_INT(run_words((const char *const[]){"list", "~", "9", after("b/c/gone/too"), NULL}), 0);
    CHECK_STR(field(0, WRN_FILE_PATH), in_home("b/c-"));
    CHECK_INT(run_words((const char *const[]){"list", "~", "9", after("zz"), NULL}), 0);
    CHECK_INT(output.size, 0);
    CHECK_INT(run_words((const char *const[]){"list", "~", "9", "after=/elsewhere/x", NULL}), EINVAL);
    CHECK_INT(run_words((const char *const[]){"list", "~", "9", "after=", NULL}), EINVAL);
}

TEST(a_listing_has_any_number_of_entries) {
    at_home();
    CHECK(chdir(test_dir()) == 0);
    /* A name more for a file takes a third of the time of a file; there is a limit of 65000 for one. */
    for (int i = 0; i < 120000; i++) {
        char name[32], first[32];
        snprintf(name, sizeof(name), "%d", i);
        snprintf(first, sizeof(first), "%d", i / 60000 * 60000);
        CHECK(i % 60000 == 0 ? mknod(name, S_IFREG | 0600, 0) == 0 : link(first, name) == 0);
    }
    CHECK_INT(entries_in("~"), 120000);
}

/* ---- mkdir, remove ---- */

TEST(mkdir_makes_parents_and_says_what_it_made) {
    at_home();
    CHECK_INT(run("mkdir", "a/b//c", NULL), 0);
    CHECK_PATHS("a/b/c");
    CHECK_INT(atoi(field(0, WRN_FILE_MODE)), S_IFDIR | 0755);
    CHECK_INT(run("mkdir", "a/b/c", NULL), EEXIST);
    CHECK_INT(run("mkdir", "a", NULL), EEXIST);
    CHECK_INT(run("mkdir", "/", NULL), EEXIST);
    CHECK_INT(run("mkdir", "~", NULL), EEXIST);
    CHECK_INT(run("mkdir", "a/..", NULL), EEXIST);
    make_file(in_home("f"), "");
    CHECK_INT(run("mkdir", "f", NULL), ENOTDIR);
    CHECK_INT(run("mkdir", "f/x", NULL), ENOTDIR);
    CHECK(symlink("a", in_home("link")) == 0 && symlink("nowhere", in_home("dangling")) == 0);
    CHECK_INT(run("mkdir", "link", NULL), EEXIST);
    CHECK_INT(run("mkdir", "dangling", NULL), ENOTDIR);
    CHECK_INT(run("mkdir", "link/x", NULL), 0);
    CHECK_PATHS("link/x");
    CHECK(S_ISDIR(mode_of(in_home("a/x"))));
}

TEST(remove_takes_everything_and_follows_nothing) {
    at_home();
    CHECK_INT(write_to("keep/f", "x"), 0);
    CHECK_INT(write_to("a/b/c", "x"), 0);
    CHECK(symlink("../keep", in_home("a/link")) == 0 && symlink("keep", in_home("link")) == 0);
    CHECK(mkfifo(in_home("a/fifo"), 0) == 0 && mkdir(in_home("a/closed"), 0) == 0);
    CHECK_INT(run("remove", "a", NULL), 0);
    CHECK_INT(run("remove", "a", NULL), 0);
    CHECK_INT(run("remove", "a/b/c", NULL), 0);
    CHECK_INT(run("remove", "link/", NULL), ENOTDIR);
    CHECK_INT(run("remove", "link", NULL), 0);
    check_content("keep/f", "x");
    CHECK_INT(run("remove", "keep/f/x", NULL), ENOTDIR);
    CHECK_INT(run("remove", "keep/f", NULL), 0);
    static const char *const refused[] = {"/", "//", "/.", "/..", "keep/.", "keep/..", "/proc/.."};
    for (size_t i = 0; i < WRN_COUNT(refused); i++) CHECK_INT(run("remove", refused[i], NULL), EINVAL);
    CHECK_INT(entries_in("~"), 1);
}

TEST(remove_says_why_something_stays) {
    test_become_ordinary_user();
    at_home();
    CHECK_INT(run("remove", "/etc/passwd", NULL), EACCES);
    CHECK_INT(run("remove", "/proc/self", NULL), EACCES);
    CHECK_INT(run("read", "/etc/shadow", NULL), EACCES);
    CHECK_INT(write_to("/etc/passwd", "x"), EACCES);
    CHECK_INT(write_to("/etc/new", "x"), EACCES);
    CHECK_INT(run("mkdir", "/etc/new", NULL), EACCES);
}

/* ---- races ---- */

/* Swaps "d" between a directory and a link to the one that must stay as it is. */
static pid_t start_swapping(void) {
    pid_t pid = fork();
    if (pid != 0) return pid;
    CHECK(chdir(test_dir()) == 0);
    for (unsigned i = 0;; i++) {
        (void)!mkdir("top", 0755);
        (void)!mkdir("top/d", 0755);
        close(open("top/d/f", O_WRONLY | O_CREAT, 0644));
        (void)!symlink("../../precious", "top/s");
        (void)!renameat2(AT_FDCWD, "top/d", AT_FDCWD, "top/s", RENAME_EXCHANGE);
    }
}

TEST(recursion_never_leaves_the_tree) {
    at_home();
    CHECK_INT(write_to("precious/secret", "x"), 0);
    pid_t swapper = start_swapping();
    for (int i = 0; i < 100; i++) {
        int status = run("remove", "top", NULL);
        CHECK_MSG(status == 0 || status == ENOTEMPTY || status == ENOTDIR || status == EISDIR, "%s", strerror(status));
        CHECK_INT(access(in_home("precious/secret"), F_OK), 0);
        status = run("list", "top", "3");
        CHECK_MSG(status == 0 || status == ENOENT, "%s", strerror(status));
        CHECK(!output.data || !memmem(output.data, output.size, "secret", 6));
    }
    kill(swapper, SIGKILL);
    check_content("precious/secret", "x");
}

/* Many at once: the last one wins, and nobody sees half of one. */
TEST(concurrent_writes_replace_as_a_whole) {
    at_home();
    static char block[200000];
    running all[8];
    for (size_t i = 0; i < WRN_COUNT(all); i++) all[i] = begin("write", "dir/f", NULL);
    for (size_t i = 0; i < WRN_COUNT(all); i++) {
        memset(block, 'a' + (int)i, sizeof(block));
        put_all(all[i].in, block, sizeof(block));
        CHECK_INT(status_of(&all[i]), 0);
        CHECK_INT(run("read", "dir/f", NULL), 0);
        CHECK_MEM(output.data, output.size, block, sizeof(block));
    }
    CHECK_INT(entries_in("dir"), 1);
}

TEST_MAIN
