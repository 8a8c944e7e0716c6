/* Snapshots and templates against a real wrennd and real sandboxes. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "work.h"

static size_t kept(const char *data_dir) {
    char path[256];
    size_t count = 0;
    snprintf(path, sizeof(path), "%s/sandboxes/snapshots", data_dir);
    DIR *dir = opendir(path);
    CHECK_MSG(dir, "%s: %s", path, strerror(errno));
    for (struct dirent *entry; (entry = readdir(dir));) count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* All there is in a sandbox but for what is its own (its name, in /etc): kinds, modes, owners, sizes, links, times, contents. Ends badly when
 * a listing shows what can't be looked at. */
static const char describe[] =
    "cd / && find . -xdev ! -path './run/wrenn*' ! -path ./dev ! -path ./proc ! -path ./sys ! -path './etc/host*' "
    "\\( -type d -printf '%p %y %m %U %G %T@\\n' -o -printf '%p %y %m %U %G %n %s %l %T@\\n' \\) | sort && "
    "find usr/local -xdev -printf '%p %y %m %U %G %l %T@\\n' | sort && ls usr/bin | sort && "
    "find . -xdev -type f ! -path './run/wrenn*' ! -path './etc/host*' -print0 | sort -z | xargs -0 cksum";

static void check_same(const test_daemon *d, const char *one, const char *two) {
    char *a = sh(d, one, describe), *b = sh(d, two, describe);
    for (char *x = a, *y = b; *x || *y;) {
        size_t x_size = strcspn(x, "\n"), y_size = strcspn(y, "\n");
        CHECK_MSG(x_size == y_size && memcmp(x, y, x_size) == 0, "\"%.*s\" became \"%.*s\"", (int)x_size, x,
                  (int)y_size, y);
        x += x_size + (x[x_size] != '\0');
        y += y_size + (y[y_size] != '\0');
    }
    free(a);
    free(b);
}

/* Of every kind: new, changed, replaced, deleted; in / and, where that is allowed, in /usr. */
static const char changes[] =
    "mkdir -p /root/a/b /srv/x && echo text > /root/a/b/file && ln /root/a/b/file /root/a/again && "
    "ln -s ../etc/passwd /root/a/link && ln -s /nowhere /srv/x/dangling && mkfifo /root/a/pipe && "
    "echo script > /root/a/s && chmod 4751 /root/a/s && mkdir -m 1777 /root/sticky && touch /root/none && "
    "chmod 0 /root/none && mkdir -m 0 /root/closed && touch -d @1000000000 /root/a/b && touch /root/\"a\nb\" && "
    "rm /etc/services && rm -r /etc/ld.so.conf.d && rm -rf /etc/ssl && mkdir /etc/ssl && echo new > /etc/ssl/new && "
    "rm /etc/protocols && mkdir /etc/protocols && echo x > /etc/protocols/x && echo more >> /etc/hosts && "
    "chmod 711 / && chmod 700 /mnt /run && chmod 750 /etc && touch -d @1000000001 /run /etc && rmdir /media && ln -s srv /media && mv /etc/profile /etc/elsewhere && "
    "python3 -c 'import os; os.setxattr(\"/root/a/s\", \"user.note\", b\"hello\"); "
    "import socket; socket.socket(socket.AF_UNIX).bind(\"/root/a/socket\")'";
static const char root_changes[] =
    "chown 1000:1001 /root/a/b && chown -h 33:33 /root/a/link && mkdir -p /usr/local/new && echo x > /usr/local/new/x && "
    "chmod 711 /usr && chown 7:8 /etc && rm -f /usr/bin/awk && cp /bin/true /usr/bin/another && "
    "rm -rf /usr/local/share && mkdir /usr/local/share && touch /usr/local/share/mine";

static void round_trip(void) {
    test_daemon d;
    char one[40], two[40], three[40], four[40];
    start(&d, NULL);
    make_sandbox(&d, "{}", one);
    free(sh(&d, one, changes));
    if (geteuid() == 0) free(sh(&d, one, root_changes));
    snap(&d, one, "first");
    resume(&d, one);
    make_from(&d, "first", two);
    check_same(&d, one, two);
    CHECK_SH(&d, two, "cat /root/a/again /etc/ssl/new; ls /etc/ssl; test -e /etc/services || echo gone",
             "text\nnew\nnew\ngone\n");
    CHECK_SH(&d, two, "python3 -c 'import os; print(os.getxattr(\"/root/a/s\", \"user.note\"))'", "b'hello'\n");
    /* Each has its own from now on. */
    free(sh(&d, two,
            "echo two > /root/a/s; rm -r /etc/ssl; mkdir /etc/ld.so.conf.d; echo back > /etc/services;"
            "rm -r /etc/protocols; mkdir -p /etc/ssl/deep/er; rm /root/a/pipe; chmod 755 /root/closed;"
            "rm /media; mkdir /media; echo x > /media/x; setfattr -x user.note /root/a/s 2>/dev/null || true"));
    CHECK_SH(&d, one, "cat /root/a/again; ls /etc/ssl", "text\nnew\n");
    /* One of one. */
    snap(&d, two, "second");
    resume(&d, two);
    make_from(&d, "second", three);
    check_same(&d, two, three);
    CHECK_SH(&d, three, "ls /etc/ssl /media; cat /etc/services /root/a/s",
             "/etc/ssl:\ndeep\n\n/media:\nx\nback\ntwo\n");
    make_from(&d, "first", four);
    check_same(&d, one, four);
    daemon_stop(&d);
}

/* Directories that came with a template or a snapshot, moved in all ways, and the same again in what was made of that. */
static const char moved_before[] =
    "mkdir -p /root/t/a/x/deep/er /root/t/a/y /root/t/b /root/t/c/d/e /srv/s /opt/o && cd /root/t && echo f > a/f &&"
    "echo g > a/x/g && echo h > a/x/h && ln a/x/h a/x/h2 && ln -s ../f a/x/l && echo k > b/k && echo m > c/d/e/m &&"
    "echo z > a/x/deep/er/z && chmod 711 a/x && chown 1000:1000 a/x && touch -d @1000000000 a/x/deep && echo s > /srv/s/s &&"
    "echo o > /opt/o/o && python3 -c 'import os; os.setxattr(\"/root/t/a/x\", \"user.note\", b\"hello\")'";
static const char moves[] =
    "import os, shutil\n"
    "r = os.rename\n"
    "t = '/root/t/'\n"
    "r(t + 'a', t + 'a2')\n"
    "open(t + 'a2/f', 'a').write('more')\n"
    "os.unlink(t + 'a2/x/g')\n"
    "r(t + 'b', t + 'tmp'); r(t + 'c', t + 'b'); r(t + 'tmp', t + 'c')\n"   /* they change places */
    "r(t + 'b/d', t + 'b/dd'); r(t + 'b/dd/e', t + 'e')\n"                  /* what is moved, moved on */
    "os.mkdir(t + 'a'); open(t + 'a/new', 'w'); r(t + 'a2/x', t + 'a/x')\n" /* into a new one of the old name */
    "r(t + 'a/x/deep', t + 'a/x/deeper'); open(t + 'a/x/deeper/er/q', 'w').write('q')\n"
    "os.mkdir('/root/n'); r(t + 'e', '/root/n/e')\n"
    "os.mkdir('/root/empty'); r(t + 'a2', '/root/empty')\n" /* over an empty one */
    "r('/var/lib', '/var/lib2')\n"
    "r('/etc/ssl', '/etc/ssl2'); os.mkdir('/etc/ssl'); open('/etc/ssl/own', 'w')\n"
    "r('/srv', '/srv2'); open('/srv', 'w').write('a file')\n"
    "r('/opt', '/opt2'); shutil.rmtree('/opt2/o'); os.mkdir('/opt2/o'); open('/opt2/o/p', 'w')\n"
    "r('/mnt', '/mnt2'); os.rmdir('/mnt2')\n"
    "r('/media', '/media2'); r('/media2', '/media')\n"
    "r('/usr/local/bin', '/usr/local/bin2'); open('/usr/local/bin2/mine', 'w')\n" /* of minimal and of the host */
    "r('/usr/local/share', '/usr/local/etc/share'); os.mkdir('/usr/local/share')\n";
static const char moves_again[] =
    "import os\n"
    "r = os.rename\n"
    "r('/root/empty', '/root/back'); r('/root/back/y', '/root/y'); r('/etc/ssl2', '/etc/ssl3')\n"
    "r('/usr/local/bin2', '/usr/local/bin'); r('/usr/local/etc/share', '/usr/local/share3')\n"
    "r('/root/t', '/root/u'); r('/root/u/a/x', '/root/u/x');\n"
    "os.unlink('/root/u/x/deeper/er/z'); r('/var/lib2', '/var/lib')\n";

static void run_script(const test_daemon *d, const char *id, const char *script) {
    char line[4096];
    snprintf(line, sizeof(line), "cat > /tmp/script <<'END'\n%sEND\npython3 /tmp/script; rm /tmp/script", script);
    free(sh(d, id, line));
}

static void moved(void) {
    test_daemon d;
    char one[40], two[40], three[40], four[40];
    start(&d, NULL);
    make_sandbox(&d, "{}", one);
    free(sh(&d, one, moved_before));
    snap(&d, one, "first");
    make_from(&d, "first", two);
    run_script(&d, two, moves);
    snap(&d, two, "second");
    resume(&d, two);
    make_from(&d, "second", three);
    check_same(&d, two, three);
    CHECK_SH(&d, three,
             "cd /root/t && cat c/k /root/n/e/m a/x/h2 /root/empty/f a/x/deeper/er/z; ls a/x b /opt2/o /etc/ssl",
             "k\nm\nh\nf\nmorez\n"
             "/etc/ssl:\nown\n\n/opt2/o:\np\n\na/x:\ndeeper\nh\nh2\nl\n\nb:\ndd\n");
    run_script(&d, three, moves_again);
    snap(&d, three, "third");
    resume(&d, three);
    make_from(&d, "third", four);
    check_same(&d, three, four);
    CHECK_SH(&d, four, "cat /root/u/x/h2 /root/u/x/deeper/er/q; sudo echo here", "h\nqhere\n");
    daemon_stop(&d);
}

/* For others the kernel refuses it, and mv copies. */
static void not_moved(void) {
    test_daemon d;
    char one[40], two[40];
    if (geteuid() == 0) test_become_ordinary_user();
    start(&d, NULL);
    make_sandbox(&d, "{}", one);
    free(sh(&d, one, "mkdir -p /root/a/b && echo x > /root/a/b/x"));
    snap(&d, one, "first");
    make_from(&d, "first", two);
    CHECK_SH(
        &d, two,
        "python3 -c 'import os; os.rename(\"/root/a\", \"/root/c\")' 2>&1 | grep -o cross-device; mv /root/a /root/d &&"
        " cat /root/d/b/x",
        "cross-device\nx\n");
    daemon_stop(&d);
}

/* What is deleted goes with the last sandbox made from it. */
static void deleting(void) {
    test_daemon d;
    char one[40], two[40], three[40];
    start(&d, NULL);
    make_sandbox(&d, "{}", one);
    free(sh(&d, one, "echo x > /root/x"));
    snap(&d, one, "x");
    make_from(&d, "x", two);
    make_from(&d, "x", three);
    CHECK_INT(kept(d.dir), 1);
    CHECK_STATUS(call(&d, "DELETE", "/v1/snapshots/x", NULL), 204);
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", "{\"template\":\"x\"}"), 404, "not_found");
    CHECK_SH(&d, two, "cat /root/x", "x\n");
    destroy(&d, two);
    CHECK_INT(kept(d.dir), 1);
    snap(&d, three, "y");
    resume(&d, three);
    CHECK_SH(&d, three, "cat /root/x", "x\n");
    destroy(&d, three);
    while (kept(d.dir) != 1) { /* the files go in the background */
    }
    char body[128];
    snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\",\"name\":\"y\"}", one);
    CHECK_ERROR(call(&d, "POST", "/v1/snapshots", body), 409, "already_exists");
    CHECK_STATUS(call(&d, "POST", "/v1/snapshots?overwrite=true", body), 201);
    while (kept(d.dir) != 1) {
    }
    make_from(&d, "y", two);
    CHECK_SH(&d, two, "cat /root/x", "x\n");
    daemon_stop(&d);
}

static void sparse(void) {
    test_daemon d;
    char one[40], two[40];
    start(&d, NULL);
    make_sandbox(&d, "{}", one);
    free(sh(&d, one,
            "cd /root && truncate -s 100M hole && echo end >> hole && printf middle | "
            "dd of=hole bs=1 seek=50000000 conv=notrunc 2>/dev/null && truncate -s 104900000 hole"));
    snap(&d, one, "x");
    make_from(&d, "x", two);
    CHECK_SH(&d, two,
             "cd /root && stat -c %s hole && test $(stat -c %b hole) -lt 1000 && "
             "dd if=hole bs=1 skip=50000000 count=6 2>/dev/null && tail -c +104857601 hole | head -c 3",
             "104900000\nmiddleend");
    resume(&d, one);
    char *a = sh(&d, one, "cksum /root/hole"), *b = sh(&d, two, "cksum /root/hole");
    CHECK_STR(a, b);
    free(a);
    free(b);
    daemon_stop(&d);
}

/* More than a copy may take of memory, also where files are in memory. */
static void large(void) {
    test_daemon d;
    char one[40], two[40];
    start(&d, NULL);
    make_sandbox(&d, "{\"memory_mb\":1024}", one);
    free(sh(&d, one, "head -c 560M /dev/zero > /root/large"));
    snap(&d, one, "x");
    make_from(&d, "x", two);
    CHECK_SH(&d, two, "stat -c %s /root/large", "587202560\n");
    daemon_stop(&d);
}

/* Commands that run go on after it. */
static void running(void) {
    test_daemon d;
    char one[40], two[40];
    start(&d, NULL);
    make_sandbox(&d, "{}", one);
    free(sh(&d, one, "(while true; do echo tick > /root/new; mv /root/new /root/tick; done) >/dev/null 2>&1 &"));
    free(sh(&d, one, "while ! test -e /root/tick; do :; done"));
    snap(&d, one, "x");
    make_from(&d, "x", two);
    CHECK_SH(&d, two, "cat /root/tick", "tick\n");
    resume(&d, one);
    free(sh(&d, one, "rm -f /root/tick; while ! test -e /root/tick; do :; done"));
    daemon_stop(&d);
}

static void too_deep(void) {
    test_daemon d;
    char id[40], body[128];
    start(&d, NULL);
    make_sandbox(&d, "{}", id);
    free(sh(&d, id,
            "python3 -c 'import os; os.chdir(\"/root\")\nfor i in range(400): os.mkdir(\"d\"); os.chdir(\"d\")'"));
    snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\"}", id);
    CHECK_ERROR(call(&d, "POST", "/v1/snapshots", body), 400, "invalid_request");
    CHECK_INT(kept(d.dir), 0);
    resume(&d, id);
    free(sh(&d, id, "python3 -c 'import os; os.rename(\"/root/\" + \"d/\" * 200, \"/root/e\")'"));
    snap(&d, id, "x");
    daemon_stop(&d);
}

/* ---- a server that crashes ---- */

static bool is_half_made(const char *data_dir) {
    char path[256];
    bool found = false;
    snprintf(path, sizeof(path), "%s/sandboxes/snapshots", data_dir);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) found = found || strstr(entry->d_name, ".new");
    if (dir) closedir(dir);
    return found;
}

static void crash(void) {
    test_daemon d = {0};
    char id[40], other[40], text[512];
    serve(&d, NULL);
    make_sandbox(&d, "{}", id);
    free(sh(&d, id, "echo kept > /root/x"));
    snap(&d, id, "kept");
    resume(&d, id);
    free(sh(&d, id, "yes | head -c 300M > /root/large"));
    snprintf(text, sizeof(text),
             "POST /v1/snapshots?overwrite=true HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %zu\r\n\r\n"
             "{\"sandbox_id\":\"%s\",\"name\":\"kept\"}",
             d.key, strlen(id) + 31, id);
    int fd = dial(d.socket);
    send_text(fd, text);
    while (!is_half_made(d.dir)) {
    }
    kill(d.pid, SIGKILL);
    CHECK_INT(daemon_wait(d.pid), 128 + SIGKILL);
    close(fd);
    serve(&d, NULL);
    CHECK_INT(kept(d.dir), 1);
    make_from(&d, "kept", other);
    CHECK_SH(&d, other, "cat /root/x; ls /root", "kept\nx\n");
    kill(d.pid, SIGTERM);
    CHECK_INT(daemon_wait(d.pid), 0);
    CHECK_INT(kept(d.dir), 1);
}

/* A server that is to end does not wait for the copying. */
static void stopped(void) {
    test_daemon d;
    char id[40], text[512];
    start(&d, NULL);
    make_sandbox(&d, "{}", id);
    free(sh(&d, id, "yes | head -c 300M > /root/large"));
    snprintf(text, sizeof(text),
             "POST /v1/snapshots HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %zu\r\n\r\n"
             "{\"sandbox_id\":\"%s\"}",
             d.key, strlen(id) + 17, id);
    int fd = dial(d.socket);
    send_text(fd, text);
    while (!is_half_made(d.dir)) {
    }
    daemon_stop(&d);
    close(fd);
}

TEST_AS_BOTH(a_sandbox_comes_back_as_it_was, round_trip)
TEST_AS_ROOT(directories_can_be_moved, moved)
TEST_SLOW(ordinary_users_have_moves_refused) { not_moved(); }
TEST_AS_BOTH(files_go_with_the_last_user, deleting)
TEST_AS_BOTH(holes_stay_holes, sparse)
TEST_AS_ROOT(they_may_be_large, large)
TEST_AS_BOTH(commands_go_on, running)
TEST_AS_BOTH(depth_has_a_limit, too_deep)
TEST_AS_BOTH(a_crash_leaves_all_or_nothing, crash)
TEST_AS_BOTH(the_end_does_not_wait, stopped)

TEST_MAIN
