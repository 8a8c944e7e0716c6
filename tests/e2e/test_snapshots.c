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
    "cd / && find . -xdev ! -path './run/wrenn*' ! -path ./dev ! -path ./proc ! -path './etc/host*' "
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
    free(sh(&d, id, "head -c 300M /dev/zero | tr '\\0' x > /root/large"));
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
    free(sh(&d, id, "head -c 300M /dev/zero | tr '\\0' x > /root/large"));
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
TEST_AS_BOTH(files_go_with_the_last_user, deleting)
TEST_AS_BOTH(holes_stay_holes, sparse)
TEST_AS_BOTH(commands_go_on, running)
TEST_AS_BOTH(depth_has_a_limit, too_deep)
TEST_AS_BOTH(a_crash_leaves_all_or_nothing, crash)
TEST_AS_BOTH(the_end_does_not_wait, stopped)

TEST_MAIN
