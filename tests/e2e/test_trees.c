/* Trees as archives, against a real wrennd and real sandboxes. base/tar.h is tested in unit/test_archives.c. */
#include <stdio.h>
#include <unistd.h>

#include "base/tar.h"
#include "work.h"

static char id[40];
static const char *family = "sandboxes"; /* of paths */

static void set_up(test_daemon *d) {
    start(d, NULL);
    make_sandbox(d, "{}", id);
}

static const char *tar_path(void) {
    static char path[128];
    snprintf(path, sizeof(path), "/v1/%s/%s/files/tar", family, id);
    return path;
}

/* What is aborted takes a moment. */
static void wait_for(const test_daemon *d, const char *line, const char *want) {
    for (bool is = false; !is;) {
        char *got = sh(d, id, line);
        is = strcmp(got, want) == 0;
        free(got);
    }
}

static reply unpack_into(const test_daemon *d, const char *query, const char *archive, size_t size) {
    char head[512];
    int fd = dial(d->socket);
    snprintf(head, sizeof(head), "PUT %s?%s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %zu\r\n\r\n",
             tar_path(), query, d->key, size);
    send_text(fd, head);
    send_bytes(fd, archive, size);
    reply r = read_reply(fd);
    close(fd);
    return r;
}

static reply pack_of(const test_daemon *d, const char *query) {
    char path[512];
    snprintf(path, sizeof(path), "%s?%s", tar_path(), query);
    return call(d, "GET", path, NULL);
}

#define SEEN                                                                                                            \
    "find . -type f -printf '%m %U:%G %n %s %P\\n' | sort -k 5; find . -mindepth 1 -type d -printf '%m %U:%G %P\\n' | " \
    "sort -k 3; stat -c %.2Y d one; readlink d/link; stat -c %b holes"

static void trees(const test_daemon *d) {
    bool owners = geteuid() == 0;
    free(sh(d, id,
            "mkdir -p /tmp/t/d/e; cd /tmp/t; echo one > one; ln one d/two; ln -s ../one d/link; mkfifo pipe;"
            "chmod 4711 one; chmod 2750 d; truncate -s 1M holes; mkdir -m 700 e"));
    if (owners) free(sh(d, id, "chown 3:4 /tmp/t/d/e"));
    free(sh(d, id, "touch -d @5.25 /tmp/t/one /tmp/t/d"));
    reply r = pack_of(d, "path=/tmp/t");
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.head, "Content-Type: application/x-tar\r\n");
    CHECK(r.size < 30000 && r.size % 512 == 0);
    CHECK_STATUS(unpack_into(d, "path=/tmp/new/x", r.body, r.size), 204);
    CHECK_STATUS(unpack_into(d, "path=/tmp/kept&keep=true", r.body, r.size), 204);
    CHECK_SH(d, id, "cd /tmp/new/x; " SEEN,
             "711 0:0 2 4 d/two\n644 0:0 1 1048576 holes\n711 0:0 2 4 one\n750 0:0 d\n755 0:0 d/e\n700 0:0 e\n"
             "5.25\n5.25\n../one\n0\n");
    CHECK_SH(d, id, "cd /tmp/kept; " SEEN,
             owners
                 ? "4711 0:0 2 4 d/two\n644 0:0 1 1048576 holes\n4711 0:0 2 4 one\n2750 0:0 d\n755 3:4 d/e\n700 0:0 e\n"
                   "5.25\n5.25\n../one\n0\n"
                 : "4711 0:0 2 4 d/two\n644 0:0 1 1048576 holes\n4711 0:0 2 4 one\n2750 0:0 d\n755 0:0 d/e\n700 0:0 e\n"
                   "5.25\n5.25\n../one\n0\n");
    if (owners) {
        CHECK_STATUS(unpack_into(d, "path=/tmp/owned&owner=7:8", r.body, r.size), 204);
        CHECK_SH(d, id, "find /tmp/owned -mindepth 1 ! -user 7 -o ! -group 8 -mindepth 1", "");
    }
    /* What is there stays where the archive breaks off. */
    reply cut = unpack_into(d, "path=/tmp/new/x", r.body, r.size - 1024);
    CHECK_INT(cut.status, 400);
    CHECK_CONTAINS(cut.body, "breaks off");
    reply_free(&cut);
    CHECK_SH(d, id, "find /tmp/new/x -name '.wrenn*'; cat /tmp/new/x/one; rm -r /tmp/*", "one\n");
    reply_free(&r);
}

/* An entry with the content "x", if it is a file, and the end. */
static void put_tar(wrn_buf *out, char type, const char *name, const char *target) {
    const wrn_tar_entry entry = {.type = type, .name = name, .target = target, .mode = 0644, .size = type == '0'};
    wrn_tar_put_head(out, &entry);
    if (type == '0') wrn_buf_put(out, "x", 1), wrn_tar_put_padding(out, 1);
}

/* One or two entries; says what the server has said. */
static reply unpack_entries(const test_daemon *d, char type, const char *name, const char *target, const char *second) {
    WRN_AUTO(wrn_buf_free) wrn_buf archive = WRN_BUF_INIT;
    put_tar(&archive, type, name, target);
    if (second) put_tar(&archive, '0', second, NULL);
    wrn_tar_put_end(&archive);
    return unpack_into(d, "path=/tmp/in", archive.data, archive.size);
}

static void hostile_archives(void) {
    test_daemon d;
    set_up(&d);
    static const struct {
        char type;
        const char *name, *target, *second;
    } bad[] = {
        {'0', "../out", NULL, NULL},    {'0', "/tmp/out", NULL, NULL},   {'0', "a/../../out", NULL, NULL},
        {'2', "l", "/tmp", "l/out"},    {'2', "l", "..", "l/out"},       {'2', "l", "../out", "l/x"},
        {'1', "h", "../secret", NULL},  {'1', "h", "/tmp/secret", NULL}, {'1', "h", "l2/secret", NULL},
        {'3', "device", NULL, NULL},    {'6', "pipe", NULL, NULL},       {'5', "..", NULL, NULL},
        {'0', ".", NULL, NULL},         {'1', "h", ".", NULL},           {'S', "old", NULL, NULL},
        {'0', "there/out", NULL, NULL},
    };
    free(sh(&d, id, "mkdir -p /tmp/in; echo secret > /tmp/secret; ln -s .. /tmp/in/l2; ln -s /tmp /tmp/in/there"));
    for (size_t i = 0; i < WRN_COUNT(bad); i++) {
        reply r = unpack_entries(&d, bad[i].type, bad[i].name, bad[i].target, bad[i].second);
        CHECK_MSG(r.status == 400, "%zu: %d %s", i, r.status, r.body);
        reply_free(&r);
        CHECK_SH(&d, id, "rm -f /tmp/in/l; ls -A /tmp /tmp/in; stat -c %h /tmp/secret",
                 "/tmp:\nin\nsecret\n\n/tmp/in:\nl2\nthere\n1\n");
    }
    /* A link is replaced, not written through. */
    free(sh(&d, id, "ln -s ../secret /tmp/in/l"));
    CHECK_STATUS(unpack_entries(&d, '0', "l", NULL, "l"), 204);
    CHECK_SH(&d, id, "cat /tmp/secret /tmp/in/l", "secret\nx");
    static const char garbage[1024] = "not a tar archive";
    CHECK_ERROR(unpack_into(&d, "path=/tmp/in", garbage, sizeof(garbage)), 400, "invalid_request");
    CHECK_ERROR(unpack_into(&d, "path=/tmp/in", "", 0), 400, "invalid_request");
    CHECK_ERROR(unpack_into(&d, "path=", "", 0), 400, "invalid_request");
    CHECK_ERROR(unpack_into(&d, "path=/tmp/in&keep=1", "", 0), 400, "invalid_request");
    CHECK_ERROR(unpack_into(&d, "path=/tmp/in&owner=nobody-there", garbage, sizeof(garbage)), 400, "invalid_request");
    CHECK_ERROR(unpack_into(&d, "path=/tmp/secret", garbage, sizeof(garbage)), 400, "invalid_request");
    CHECK_ERROR(pack_of(&d, "path=/tmp/none"), 404, "not_found");
    CHECK_ERROR(pack_of(&d, "path=/tmp/secret"), 400, "invalid_request");
    CHECK_ERROR(pack_of(&d, "path="), 400, "invalid_request");
    CHECK_ERROR(pack_of(&d, "user=root"), 400, "invalid_request");
    daemon_stop(&d);
}

/* Like the upload of a file, it ends with its client, and leaves whole files only. */
static void cut_archives(void) {
    test_daemon d;
    set_up(&d);
    WRN_AUTO(wrn_buf_free) wrn_buf archive = WRN_BUF_INIT;
    put_tar(&archive, '0', "whole", NULL);
    const wrn_tar_entry large = {.type = '0', .name = "half", .mode = 0644, .size = 1000000};
    wrn_tar_put_head(&archive, &large);
    char head[512];
    int fd = dial(d.socket);
    snprintf(head, sizeof(head),
             "PUT %s?path=/tmp/in HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: 2000000\r\n\r\n", tar_path(),
             d.key);
    send_text(fd, head);
    send_bytes(fd, archive.data, archive.size);
    send_bytes(fd, head, sizeof(head));
    wait_for(&d, "ls -A /tmp/in 2> /dev/null | sed 's/wrenn-.*/aside/'", ".aside\nwhole\n");
    close(fd);
    wait_for(&d, "ls -A /tmp/in", "whole\n");
    daemon_stop(&d);
}

static void both_families(void) {
    test_daemon d;
    set_up(&d);
    trees(&d);
    family = "capsules";
    trees(&d);
    daemon_stop(&d);
}

TEST_AS_BOTH(trees_go_there_and_back, both_families)
TEST_AS_BOTH(hostile_archives_stay_in_their_directory, hostile_archives)
TEST_AS_BOTH(archives_that_are_cut_leave_whole_files, cut_archives)

TEST_MAIN
