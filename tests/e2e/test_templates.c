/* Templates of the operator's, and those that run code, in real sandboxes. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "work.h"

static const char *in_dir(const char *name) {
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/templates/%s", test_dir(), name);
    return path;
}

static void shell(const char *line) { CHECK_MSG(system(line) == 0, "%s", line); } // NOLINT(cert-env33-c)

static void put(const char *name, const char *text) {
    FILE *file = fopen(in_dir(name), "we");
    CHECK_MSG(file, "%s", name);
    CHECK(fputs(text, file) >= 0 && fclose(file) == 0);
}

static void start_with_templates(test_daemon *d) {
    mkdir(in_dir(""), 0755);
    start(d, (const char *[]){"--template-dir", in_dir(""), NULL});
}

static const wrn_json *entry(const reply *list, const char *name) {
    for (size_t i = 0; i < wrn_json_count(list->json); i++) {
        const wrn_json *item = wrn_json_at(list->json, i);
        if (strcmp(wrn_json_string(wrn_json_get(item, "name"), NULL), name) == 0) return item;
    }
    return NULL;
}

/* ---- layers ---- */

static const char web[] =
    "{\"base\":\"minimal\",\"vcpus\":2,\"memory_mb\":222,\"size_bytes\":5,\"start_port\":8000,"
    "\"start\":[\"sh\",\"-c\",\"echo $$ > /run/web; exec python3 -m http.server --directory /srv 8000\"]}";

static void layer(void) {
    test_daemon d;
    char one[40], two[40];
    start_with_templates(&d);
    shell("mkdir -p templates/web/layer/srv templates/web/layer/usr/local/share/mine && "
          "echo served > templates/web/layer/srv/file && echo usr > templates/web/layer/usr/local/share/mine/file");
    put("web/template.json", web);
    reply r = call(&d, "GET", "/v1/snapshots?type=base", NULL);
    CHECK_INT(wrn_json_count(r.json), 2);
    int64_t size = 0;
    CHECK(wrn_json_int(wrn_json_get(entry(&r, "web"), "size_bytes"), &size) && size == 5);
    reply_free(&r);
    r = call(&d, "POST", "/v1/sandboxes", "{\"template\":\"web\",\"memory_mb\":333}");
    CHECK_INT(r.status, 201);
    CHECK_INT(number(&r, "vcpus"), 2);
    CHECK_INT(number(&r, "memory_mb"), 333);
    snprintf(one, sizeof(one), "%s", member(&r, "id"));
    reply_free(&r);
    CHECK_SH(&d, one, "cat /srv/file /usr/local/share/mine/file; stat -c %U /srv/file", "served\nusr\nroot\n");
    /* It starts with the first connection, and again when it has ended; others find nobody as ever. */
    for (int i = 0; i < 2; i++) {
        r = ask(&d, one, 8000, "GET", "/file");
        CHECK_INT(r.status, 200);
        CHECK_STR(r.body, "served\n");
        reply_free(&r);
        free(sh(&d, one, "kill $(cat /run/web); while kill -0 $(cat /run/web) 2>/dev/null; do :; done"));
    }
    CHECK_STATUS(ask(&d, one, 8001, "GET", "/file"), 502);
    /* A snapshot has the service, and what was made of the layer. */
    free(sh(&d, one, "rm /usr/local/share/mine/file && echo other > /srv/file"));
    snap(&d, one, "more");
    make_from(&d, "more", two);
    r = ask(&d, two, 8000, "GET", "/file");
    CHECK_STR(r.body, "other\n");
    reply_free(&r);
    CHECK_SH(&d, two, "ls -a /usr/local/share/mine", ".\n..\n");
    /* The name is taken now. */
    char body[128];
    snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\",\"name\":\"web\"}", two);
    CHECK_ERROR(call(&d, "POST", "/v1/snapshots", body), 409, "name_reserved");
    CHECK_ERROR(call(&d, "DELETE", "/v1/snapshots/web", NULL), 403, "forbidden");
    daemon_stop(&d);
}

static void services(void) {
    test_daemon d;
    char id[40];
    start_with_templates(&d);
    shell("mkdir -p templates/early/layer templates/ends/layer templates/none/layer templates/soon/layer");
    put("early/template.json", "{\"base\":\"minimal\",\"start\":[\"touch\",\"/root/started\"]}");
    put("ends/template.json", "{\"base\":\"minimal\",\"start\":[\"false\"],\"start_port\":8000}");
    put("none/template.json", "{\"base\":\"minimal\",\"start\":[\"/not/there\"],\"start_port\":8000}");
    make_from(&d, "early", id);
    free(sh(&d, id, "while ! test -e /root/started; do :; done"));
    shell("mkdir -p templates/app/layer templates/lost/layer");
    put("app/template.json", "{\"base\":\"minimal\",\"default_user\":\"user\"}");
    put("lost/template.json", "{\"base\":\"minimal\",\"default_user\":\"captain\"}");
    make_from(&d, "app", id);
    bool root = geteuid() == 0;
    CHECK_SH(&d, id, "id -un; pwd; echo $HOME",
             root ? "user\n/home/user\n/home/user\n" : "root\n/home/user\n/home/user\n");
    snap(&d, id, "app-copy");
    make_from(&d, "app-copy", id);
    CHECK_SH(&d, id, "id -un", root ? "user\n" : "root\n");
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/files/mkdir"), "{\"path\":\"made\"}"), 200);
    CHECK_SH(&d, id, "stat -c '%U %n' /home/user/made", "root /home/user/made\n");
    make_from(&d, "lost", id);
    CHECK_ERROR(call(&d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"true\"}"), 400, "invalid_request");
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"true\",\"user\":\"root\"}"), 200);
    put("soon/template.json", "{\"base\":\"minimal\",\"start_port\":8000,\"start_early\":true,"
                              "\"start\":[\"sh\",\"-c\",\"touch /root/started; exec python3 -m http.server 8000\"]}");
    make_from(&d, "soon", id);
    free(sh(&d, id, "while ! test -e /root/started; do :; done"));
    snap(&d, id, "as-soon");
    make_from(&d, "as-soon", id);
    free(sh(&d, id, "while ! pidof python3; do :; done"));
    CHECK_STATUS(ask(&d, id, 8000, "GET", "/"), 200);
    make_from(&d, "ends", id);
    reply r = ask(&d, id, 8000, "GET", "/");
    CHECK_INT(r.status, 502);
    CHECK_CONTAINS(r.body, "ended with status 1");
    reply_free(&r);
    make_from(&d, "none", id);
    r = ask(&d, id, 8000, "GET", "/");
    CHECK_CONTAINS(r.body, "the program can't be run: No such file or directory");
    reply_free(&r);
    daemon_stop(&d);
}

/* Somebody who waits for it when the sandbox or the server goes. */
static void waiting(void) {
    test_daemon d;
    char id[40], line[128];
    start_with_templates(&d);
    shell("mkdir -p templates/slow/layer");
    put("slow/template.json", "{\"base\":\"minimal\",\"start\":[\"sh\",\"-c\",\"touch /root/x; sleep 100\"],"
                              "\"start_port\":8000}");
    for (int i = 0; i < 2; i++) {
        make_from(&d, "slow", id);
        int fd = dial(d.socket);
        snprintf(line, sizeof(line), "GET / HTTP/1.1\r\nHost: 8000-%s.localhost\r\n\r\n", id);
        send_text(fd, line);
        free(sh(&d, id, "while ! test -e /root/x; do :; done"));
        if (i) {
            daemon_stop(&d);
        } else {
            destroy(&d, id);
            reply r = read_reply(fd);
            CHECK_INT(r.status, 502);
            reply_free(&r);
        }
        close(fd);
    }
}

static void damaged(void) {
    static const char *const documents[] = {
        "",
        "[]",
        "{",
        "{\"base\":\"other\"}",
        "{\"base\":\"minimal\",\"start\":\"x\"}",
        "{\"base\":\"minimal\",\"start\":[1]}",
        "{\"base\":\"minimal\",\"start\":[\"x\"],\"start_port\":65536}",
        "{\"base\":\"minimal\",\"vcpus\":-1}",
        "{\"base\":\"minimal\",\"vcpus\":2147483648}",
        "{\"base\":null}", /* there is no rootfs */
    };
    test_daemon d;
    start_with_templates(&d);
    shell("mkdir -p templates/x/layer");
    for (size_t i = 0; i < WRN_COUNT(documents); i++) {
        put("x/template.json", documents[i]);
        reply r = call(&d, "POST", "/v1/sandboxes", "{\"template\":\"x\"}");
        CHECK_MSG(r.status == 500, "%s: %s", documents[i], r.body);
        CHECK_CONTAINS(error_message(&r), "template");
        reply_free(&r);
        r = call(&d, "GET", "/v1/snapshots", NULL);
        CHECK_MSG(!entry(&r, "x"), "%s", documents[i]);
        reply_free(&r);
    }
    daemon_stop(&d);
}

/* Mounts are made where the host's files can still be seen: no link of a template may lead one there. */
static void links(void) {
    static const char *const names[] = {"usr", "dev", "proc"};
    test_daemon d;
    char id[40], line[256];
    start_with_templates(&d);
    for (size_t i = 0; i < WRN_COUNT(names); i++) {
        snprintf(line, sizeof(line),
                 "rm -rf templates/x && mkdir -p templates/x/layer && ln -s /tmp templates/x/layer/%s", names[i]);
        shell(line);
        put("x/template.json", "{\"base\":\"minimal\"}");
        reply r = call(&d, "POST", "/v1/sandboxes", "{\"template\":\"x\"}");
        CHECK_INT(r.status, 500);
        CHECK_CONTAINS(error_message(&r), names[i]);
        reply_free(&r);
    }
    shell("rm templates/x/layer/proc && mkdir templates/x/layer/etc && ln -s /tmp templates/x/layer/etc/alternatives");
    make_from(&d, "x", id);
    CHECK_SH(&d, id, "readlink /etc/alternatives", "/tmp\n");
    daemon_stop(&d);
}

/* ---- whole root file systems ---- */

static void rootfs(void) {
    test_daemon d;
    char one[40], two[40];
    start_with_templates(&d);
    /* The smallest there is: a shell and its libraries. */
    shell(
        "mkdir -p templates/tiny/rootfs/bin templates/tiny/rootfs/etc templates/tiny/rootfs/root && cp -L /bin/sh templates/tiny/rootfs/bin/ && "
        "for lib in $(ldd /bin/sh | grep -o '/[^ ]*'); do mkdir -p templates/tiny/rootfs/$(dirname $lib) && "
        "cp -L $lib templates/tiny/rootfs/$lib; done && echo tiny > templates/tiny/rootfs/etc/name && "
        "cp /bin/rm /bin/mkdir templates/tiny/rootfs/bin && for lib in $(ldd /bin/rm /bin/mkdir | grep -o '/[^ ]*'); "
        "do case $lib in *:) ;; *) mkdir -p templates/tiny/rootfs/$(dirname $lib) && "
        "cp -L $lib templates/tiny/rootfs/$lib;; esac; done");
    put("tiny/template.json", "{\"type\":\"base\",\"base\":null}");
    make_from(&d, "tiny", one);
    CHECK_SH(&d, one, "read x < /etc/name; echo $x; test -e /usr/bin/python3 || echo no host; : > /dev/null",
             "tiny\nno host\n");
    free(sh(&d, one, "echo new > /made; rm /etc/name; mkdir /dir"));
    snap(&d, one, "grown");
    make_from(&d, "grown", two);
    CHECK_SH(&d, two, "read x < /made; echo $x; test -e /etc/name || echo gone; test -d /dir && echo dir",
             "new\ngone\ndir\n");
    daemon_stop(&d);
}

/* ---- code ---- */

static void interpreter(void) {
    static const char *const names[] = {"python-interpreter-v0-beta", "code-runner-beta"};
    test_daemon d;
    char id[40], path[128];
    int status;
    char *said = daemon_run(
        (const char *[]){"template", "build", "code-interpreter", "--template-dir", in_dir(""), NULL}, &status);
    if (status == 1 && strstr(said, "apt-get install jupyter-server python3-ipykernel"))
        test_skip("needs the packages jupyter-server and python3-ipykernel: tools/install-deps.sh test");
    CHECK_MSG(status == 0, "%s", said);
    start_with_templates(&d);
    for (size_t i = 0; i < 2; i++) {
        CHECK_CONTAINS(said, names[i]);
        make_from(&d, names[i], id);
        reply r = ask(&d, id, 8888, "GET", "/api/kernels");
        CHECK_INT(r.status, 200);
        CHECK_STR(r.body, "[]");
        reply_free(&r);
        destroy(&d, id);
    }
    free(said);
    make_from(&d, names[0], id);
    reply r = ask(&d, id, 8888, "GET", "/api/kernelspecs");
    const wrn_json *specs = wrn_json_get(r.json, "kernelspecs");
    CHECK(wrn_json_get(specs, "python3") && wrn_json_get(specs, "wrenn") && wrn_json_get(specs, "bash"));
    CHECK_STR(member(&r, "default"), "python3");
    reply_free(&r);
    r = ask(&d, id, 8888, "POST", "/api/kernels");
    CHECK_INT(r.status, 201);
    CHECK_STR(member(&r, "name"), "python3");
    snprintf(path, sizeof(path), "/api/kernels/%s", member(&r, "id"));
    reply_free(&r);
    CHECK_STATUS(ask(&d, id, 8888, "GET", path), 200);
    CHECK_STATUS(ask(&d, id, 8888, "DELETE", path), 204);
    daemon_stop(&d);
}

TEST_AS_BOTH(a_layer_above_minimal, layer)
TEST_AS_BOTH(services_start_and_end, services)
TEST_AS_BOTH(who_waits_is_told_of_the_end, waiting)
TEST_AS_BOTH(damaged_ones_are_refused, damaged)
TEST_AS_BOTH(links_lead_nowhere, links)
TEST_AS_BOTH(a_root_file_system_of_its_own, rootfs)
TEST_AS_BOTH(code_runs_in_kernels, interpreter)

TEST_MAIN
