/* The file routes against a real wrennd and real sandboxes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "daemon.h"

typedef struct setup {
    test_daemon d;
    char id[40];
    char key[128];      /* as a header line */
    const char *family; /* of paths */
} setup;

static void set_up(setup *s, const char *const *extra) {
    const char *args[16] = {"--agent", getenv("WRENN_TEST_AGENT")};
    for (size_t i = 0; extra && extra[i]; i++) args[2 + i] = extra[i];
    CHECK(chmod(test_dir(), 0711) == 0);
    daemon_start(&s->d, args);
    make_sandbox(&s->d, "{}", s->id);
    s->family = "sandboxes";
    snprintf(s->key, sizeof(s->key), "X-API-Key: %s", s->d.key);
}

static const char *route(const setup *s, const char *name) {
    static char paths[4][128];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "/v1/%s/%s/files/%s", s->family, s->id, name);
    return path;
}

static reply ask(const setup *s, const char *name, const char *body) {
    return call(&s->d, "POST", route(s, name), body);
}

/* {"path":PATH} */
static reply on_path(const setup *s, const char *name, const char *path) {
    char body[1024];
    snprintf(body, sizeof(body), "{\"path\":\"%s\"}", path);
    return ask(s, name, body);
}

#define PART(name) "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILE_PART "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n"
#define END "\r\n--b--\r\n"

/* The head of an upload, then `size` bytes of its body. */
static int send_form(const setup *s, const char *name, const char *framing, const char *body, size_t size) {
    char head[512];
    int fd = dial(s->d.socket);
    snprintf(head, sizeof(head),
             "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Type: multipart/form-data; boundary=b\r\n%s\r\n\r\n",
             route(s, name), s->key, framing);
    send_text(fd, head);
    send_bytes(fd, body, size);
    return fd;
}

static reply upload_bytes(const setup *s, const char *name, const char *body, size_t size) {
    char framing[64];
    snprintf(framing, sizeof(framing), "Content-Length: %zu", size);
    int fd = send_form(s, name, framing, body, size);
    reply r = read_reply(fd);
    close(fd);
    return r;
}

static reply upload(const setup *s, const char *name, const char *body) {
    return upload_bytes(s, name, body, strlen(body));
}

static void check_content(const setup *s, const char *path, const char *want) {
    static const char *const routes[] = {"read", "stream/read"};
    for (size_t i = 0; i < 2; i++) {
        reply r = on_path(s, routes[i], path);
        CHECK_INT(r.status, 200);
        CHECK_CONTAINS(r.head, "Content-Type: application/octet-stream\r\n");
        CHECK_MEM(r.body, r.size, want, strlen(want));
        reply_free(&r);
    }
}

/* Runs a line of shell in the sandbox; what it put out, to be freed. */
static char *sh(const setup *s, const char *line) {
    WRN_AUTO(wrn_json_freep) wrn_json *body = wrn_json_new_object(), *args = wrn_json_new_array();
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_json_append(args, wrn_json_new_string("-c", 2));
    wrn_json_append(args, wrn_json_new_string(line, strlen(line)));
    CHECK(wrn_json_set_string(body, "cmd", "sh") && wrn_json_set(body, "args", wrn_json_ref(args)));
    CHECK(wrn_json_set_int(body, "timeout_sec", 300)); /* 60,000 files take long on a busy machine */
    wrn_json_write(body, &text);
    reply r = call(&s->d, "POST", sandbox_path(s->id, "/exec"), text.data);
    CHECK_MSG(r.status == 200 && number(&r, "exit_code") == 0, "%s: %s", line, r.body);
    char *out = strdup(member(&r, "stdout"));
    reply_free(&r);
    return out;
}

#define CHECK_SH(s, line, want)  \
    do {                         \
        char *got = sh(s, line); \
        CHECK_STR(got, want);    \
        free(got);               \
    } while (0)

/* Aborting a write takes a moment, for which nobody waits. */
static void wait_for(const setup *s, const char *line, const char *want) {
    char *got = NULL;
    for (int i = 0; i < 200; i++) {
        free(got);
        got = sh(s, line);
        if (strcmp(got, want) == 0) break;
        usleep(20000);
    }
    CHECK_STR(got, want);
    free(got);
}

/* ---- what each does ---- */

static const wrn_json *entry_at(const reply *r, size_t index) {
    return wrn_json_at(wrn_json_get(r->json, "entries"), index);
}

static const char *text_in(const wrn_json *entry, const char *key) {
    return wrn_json_string(wrn_json_get(entry, key), NULL);
}

static int64_t number_in(const wrn_json *entry, const char *key) {
    int64_t out = INT64_MIN;
    wrn_json_int(wrn_json_get(entry, key), &out);
    return out;
}

static void all_routes_of(const char *family) {
    setup s;
    set_up(&s, NULL);
    s.family = family;
    CHECK_STATUS(upload(&s, "write", PART("path") "/srv/a/f\r\n" FILE_PART "one" END), 204);
    check_content(&s, "/srv/a/f", "one");
    CHECK_STATUS(upload(&s, "stream/write", PART("path") "/srv/a/f\r\n" PART("file") "two" END), 204);
    check_content(&s, "/srv/a/f", "two");
    CHECK_SH(&s, "stat -c '%a %U %F' /srv/a /srv/a/f; ls -A /srv/a", "755 root directory\n644 root regular file\nf\n");
    reply r = on_path(&s, "mkdir", "/srv/a/b/c/");
    CHECK_INT(r.status, 200);
    const wrn_json *entry = wrn_json_get(r.json, "entry");
    CHECK_STR(text_in(entry, "path"), "/srv/a/b/c");
    CHECK_STR(text_in(entry, "name"), "c");
    CHECK_STR(text_in(entry, "type"), "directory");
    CHECK_STR(text_in(entry, "permissions"), "drwxr-xr-x");
    CHECK_INT(number_in(entry, "mode"), 0755);
    reply_free(&r);
    r = ask(&s, "list", "{\"path\":\"/srv/a\",\"depth\":2}");
    CHECK_INT(r.status, 200);
    CHECK_INT(wrn_json_count(wrn_json_get(r.json, "entries")), 3);
    CHECK_STR(text_in(entry_at(&r, 0), "path"), "/srv/a/b");
    CHECK_STR(text_in(entry_at(&r, 1), "path"), "/srv/a/b/c");
    entry = entry_at(&r, 2);
    CHECK_STR(text_in(entry, "name"), "f");
    CHECK_STR(text_in(entry, "type"), "file");
    CHECK_STR(text_in(entry, "owner"), "root");
    CHECK_STR(text_in(entry, "group"), "root");
    CHECK_STR(text_in(entry, "permissions"), "-rw-r--r--");
    CHECK_INT(number_in(entry, "size"), 3);
    CHECK_INT(number_in(entry, "mode"), 0644);
    CHECK(number_in(entry, "modified_at") > 1700000000 && !wrn_json_has(entry, "symlink_target"));
    reply_free(&r);
    CHECK_STATUS(on_path(&s, "remove", "/srv/a/b"), 204);
    CHECK_STATUS(on_path(&s, "remove", "/srv/a/b"), 204);
    CHECK_SH(&s, "ls /srv/a", "f\n");
    CHECK_STATUS(ask(&s, "rename", "{\"path\":\"/srv/a/f\",\"to\":\"/srv/g\"}"), 204);
    CHECK_STATUS(ask(&s, "chmod", "{\"path\":\"/srv/g\",\"mode\":2541}"), 204);
    CHECK_SH(&s, "stat -c '%a %n' /srv/*", "755 /srv/a\n4755 /srv/g\n");
    daemon_stop(&s.d);
}

static void all_routes(void) {
    all_routes_of("sandboxes");
    all_routes_of("capsules");
}

static void listings(void) {
    setup s;
    set_up(&s, NULL);
    free(sh(&s, "cd; mkdir -p d/sub; mkfifo d/pipe; ln -s /etc d/link; ln -s nowhere d/lost; chmod 1777 d/sub;"
                "touch \"$(printf 'd/z\\377\\\"')\"; mkdir empty"));
    reply r = on_path(&s, "list", "~/d");
    CHECK_INT(r.status, 200);
    CHECK_INT(wrn_json_count(wrn_json_get(r.json, "entries")), 5);
    const wrn_json *link = entry_at(&r, 0), *lost = entry_at(&r, 1), *pipe = entry_at(&r, 2), *sub = entry_at(&r, 3);
    CHECK_STR(text_in(link, "path"), "/root/d/link");
    CHECK_STR(text_in(link, "type"), "directory");
    CHECK_STR(text_in(link, "symlink_target"), "/etc");
    CHECK_STR(text_in(link, "permissions"), "Lrwxrwxrwx");
    CHECK_INT(number_in(link, "size"), 4);
    CHECK_STR(text_in(lost, "type"), "unknown");
    CHECK_INT(number_in(lost, "mode"), 0);
    CHECK_STR(text_in(lost, "symlink_target"), "/root/d/lost");
    CHECK_STR(text_in(pipe, "type"), "unknown");
    CHECK_STR(text_in(pipe, "permissions"), "prw-r--r--");
    CHECK_INT(number_in(sub, "mode"), 01777);
    CHECK_STR(text_in(sub, "permissions"), "drwxrwxrwx");
    CHECK_STR(text_in(entry_at(&r, 4), "name"), "z\xef\xbf\xbd\\\"");
    reply_free(&r);
    r = on_path(&s, "list", "empty");
    CHECK_STR(r.body, "{\"entries\":[]}\n");
    reply_free(&r);
    /* What can be opened and not be read, such as /proc/1/map_files, is empty, and the rest is there. */
    CHECK_STATUS(ask(&s, "list", "{\"path\":\"/proc\",\"depth\":3}"), 200);
    daemon_stop(&s.d);
}

static void renamed_and_changed(void) {
    setup s;
    set_up(&s, NULL);
    free(sh(&s, "cd; mkdir -p d/e full/x; touch old new; echo n > new; ln -s new link; mkdir empty"));
    CHECK_STATUS(ask(&s, "rename", "{\"path\":\"new\",\"to\":\"old\"}"), 204); /* replaces */
    CHECK_STATUS(ask(&s, "rename", "{\"path\":\"d/\",\"to\":\"empty/\"}"), 204);
    CHECK_STATUS(ask(&s, "rename", "{\"path\":\"link\",\"to\":\"moved\"}"), 204); /* itself */
    CHECK_SH(&s, "cd; cat old; ls -d empty/e; readlink moved", "n\nempty/e\nnew\n");
    CHECK_ERROR(ask(&s, "rename", "{\"path\":\"empty\",\"to\":\"full\"}"), 409, "conflict");
    CHECK_ERROR(ask(&s, "rename", "{\"path\":\"none\",\"to\":\"x\"}"), 404, "not_found");
    CHECK_ERROR(ask(&s, "rename", "{\"path\":\"old\",\"to\":\"none/x\"}"), 404, "not_found");
    static const char *const wrong[] = {
        "\"path\":\"old\",\"to\":\"full\"",
        "\"path\":\"full\",\"to\":\"old\"",
        "\"path\":\"full\",\"to\":\"full/y\"",
        "\"path\":\"old/\",\"to\":\"x\"",
        "\"path\":\"old\",\"to\":\"x/\"",
        "\"path\":\"/\",\"to\":\"x\"",
        "\"path\":\"full/.\",\"to\":\"x\"",
        "\"path\":\"full\",\"to\":\"..\"",
        "\"path\":\"old\",\"to\":\"/proc/x\"",
        "\"path\":\"old\",\"to\":\"\"",
        "\"path\":\"old\"",
        "\"path\":\"\",\"to\":\"x\"",
    };
    for (size_t i = 0; i < WRN_COUNT(wrong); i++) {
        char body[120];
        snprintf(body, sizeof(body), "{%s}", wrong[i]);
        reply r = ask(&s, "rename", body);
        CHECK_MSG(r.status == 400, "%s: %d %s", body, r.status, r.body);
        reply_free(&r);
    }
    CHECK_ERROR(ask(&s, "chmod", "{\"path\":\"none\",\"mode\":0}"), 404, "not_found");
    CHECK_ERROR(ask(&s, "chmod", "{\"path\":\"old/\",\"mode\":0}"), 400, "invalid_request");
    CHECK_ERROR(ask(&s, "chmod", "{\"path\":\"old\",\"mode\":4096}"), 400, "invalid_request");
    CHECK_ERROR(ask(&s, "chmod", "{\"path\":\"old\",\"mode\":-1}"), 400, "invalid_request");
    CHECK_ERROR(ask(&s, "chmod", "{\"path\":\"old\"}"), 400, "invalid_request");
    free(sh(&s, "cd; ln -sf old moved"));
    CHECK_STATUS(ask(&s, "chmod", "{\"path\":\"moved\",\"mode\":0}"), 204);
    CHECK_SH(&s, "cd; stat -c %a old", "0\n");
    daemon_stop(&s.d);
}

static void errors(void) {
    setup s;
    set_up(&s, NULL);
    CHECK_ERROR(on_path(&s, "read", "/none"), 404, "not_found");
    CHECK_ERROR(on_path(&s, "stream/read", "/none/x"), 404, "not_found");
    CHECK_ERROR(on_path(&s, "list", "/none"), 404, "not_found");
    static const char *const wrong_kind[][2] = {
        {"read", "/etc"},           {"stream/read", "/etc"}, {"read", "/dev/zero"},
        {"read", "/etc/passwd/x"},  {"list", "/etc/passwd"}, {"mkdir", "/etc/passwd"},
        {"mkdir", "/etc/passwd/x"}, {"remove", "/"},         {"remove", "/etc/.."}};
    for (size_t i = 0; i < WRN_COUNT(wrong_kind); i++)
        CHECK_ERROR(on_path(&s, wrong_kind[i][0], wrong_kind[i][1]), 400, "invalid_request");
    CHECK_ERROR(on_path(&s, "mkdir", "/etc"), 409, "conflict");
    CHECK_ERROR(on_path(&s, "mkdir", "/"), 409, "conflict");
    CHECK_ERROR(on_path(&s, "remove", "/proc/version"), 502, "agent_error");
    CHECK_ERROR(upload(&s, "write", PART("path") "/etc\r\n" FILE_PART "x" END), 400, "invalid_request");
    static const char *const routes[] = {"read", "stream/read", "list", "mkdir", "remove"};
    static const char *const bodies[] = {"", "{}", "{\"path\":\"\"}", "{\"path\":1}", "{\"path\":\"a\\u0000\"}"};
    for (size_t i = 0; i < WRN_COUNT(routes); i++)
        for (size_t j = 0; j < WRN_COUNT(bodies); j++)
            CHECK_ERROR(ask(&s, routes[i], bodies[j]), 400, "invalid_request");
    CHECK_ERROR(ask(&s, "list", "{\"path\":\"/\",\"depth\":-1}"), 400, "invalid_request");
    static const char *const no_names[] = {"", ".", "..", "a/b", "/", "a\\u0000"};
    for (size_t i = 0; i < WRN_COUNT(no_names); i++) {
        char body[80];
        snprintf(body, sizeof(body), "{\"path\":\"/\",\"only\":\"%s\"}", no_names[i]);
        CHECK_ERROR(ask(&s, "list", body), 400, "invalid_request");
    }
    CHECK_ERROR(request(&s.d, "POST", route(&s, "list"), NULL, "{\"path\":\"/\"}"), 401, "unauthorized");
    CHECK_ERROR(call(&s.d, "GET", route(&s, "list"), NULL), 405, "invalid_request");
    reply r = on_path(&s, "read", "/none");
    CHECK_CONTAINS(error_message(&r), "/none");
    reply_free(&r);
    static const char other[] = "/v1/sandboxes/cl-0000000000000000000000000/files/read";
    CHECK_ERROR(call(&s.d, "POST", other, "{\"path\":\"/\"}"), 404, "not_found");
    daemon_stop(&s.d);
}

static void missing_home(void) {
    setup s;
    set_up(&s, NULL);
    CHECK_STATUS(on_path(&s, "remove", "~"), 204);
    CHECK_ERROR(on_path(&s, "list", "~"), 404, "not_found");
    CHECK_STATUS(upload(&s, "write", PART("path") "x/y\r\n" FILE_PART "one" END), 204);
    CHECK_SH(&s, "cat /root/x/y", "one");
    daemon_stop(&s.d);
}

/* Refused by its state before anything of the body is looked at, or has even come. */
static void paused(void) {
    setup s;
    set_up(&s, NULL);
    CHECK_STATUS(call(&s.d, "POST", sandbox_path(s.id, "/pause"), NULL), 200);
    static const char *const routes[] = {"read", "stream/read", "list", "mkdir", "remove"};
    for (size_t i = 0; i < WRN_COUNT(routes); i++) CHECK_ERROR(ask(&s, routes[i], "nonsense"), 409, "invalid_state");
    static const char *const uploads[] = {"write", "stream/write"};
    for (size_t i = 0; i < WRN_COUNT(uploads); i++) {
        int fd = send_form(&s, uploads[i], "Content-Length: 1000", "", 0);
        CHECK_ERROR(read_reply(fd), 409, "invalid_state");
        close(fd);
    }
    daemon_stop(&s.d);
}

/* ---- forms ---- */

static void forms(void) {
    setup s;
    set_up(&s, NULL);
    static const char *const both[] = {"write", "stream/write"};
    for (size_t i = 0; i < 2; i++) {
        CHECK_ERROR(upload(&s, both[i], PART("path") "/tmp/f" END), 400, "invalid_request");
        CHECK_ERROR(upload(&s, both[i], FILE_PART "x" END), 400, "invalid_request");
        CHECK_ERROR(upload(&s, both[i], PART("path") "\r\n" FILE_PART "x" END), 400, "invalid_request");
        CHECK_ERROR(upload(&s, both[i], "no form"), 400, "invalid_request");
        CHECK_ERROR(upload(&s, both[i], ""), 400, "invalid_request");
        CHECK_ERROR(upload(&s, both[i], PART("path") "/tmp/f\r\n" PART("path") "/tmp/f\r\n" FILE_PART "x" END), 400,
                    "invalid_request");
        CHECK_ERROR(upload(&s, both[i], PART("path") "/tmp/f\r\n" FILE_PART "x\r\n" FILE_PART "x" END), 400,
                    "invalid_request");
        CHECK_ERROR(upload(&s, both[i], PART("path") "/tmp/f\r\n" FILE_PART "breaks off"), 400, "invalid_request");
        CHECK_ERROR(upload(&s, both[i], PART("path") "/tmp/f\r\n" FILE_PART "breaks off\r\n--b\r\n"), 400,
                    "invalid_request");
        CHECK_ERROR(upload(&s, both[i], PART("path") "/tmp/f\r\n" FILE_PART "x\r\n--b\r\nbad\r\n\r\n" END), 400,
                    "invalid_request");
        CHECK_ERROR(ask(&s, both[i], "{\"path\":\"/tmp/f\"}"), 400, "invalid_request");
        wait_for(&s, "ls -A /tmp", "");
        CHECK_STATUS(upload(&s, both[i], PART("x") "1\r\n" PART("path") "/tmp/f\r\n" FILE_PART "1\r\n" PART("y") END),
                     204);
        check_content(&s, "/tmp/f", "1");
        CHECK_STATUS(upload(&s, both[i], PART("path") "/tmp/f\r\n" FILE_PART END), 204);
        check_content(&s, "/tmp/f", "");
        CHECK_STATUS(on_path(&s, "remove", "/tmp/f"), 204);
    }
    /* The order. */
    CHECK_STATUS(upload(&s, "write", FILE_PART "early\r\n" PART("path") "/tmp/f" END), 204);
    check_content(&s, "/tmp/f", "early");
    CHECK_ERROR(upload(&s, "stream/write", FILE_PART "x\r\n" PART("path") "/tmp/f" END), 400, "invalid_request");
    /* A filename. */
    CHECK_ERROR(upload(&s, "write", PART("path") "/tmp/f\r\n" PART("file") "x" END), 400, "invalid_request");
    /* The path in the query. */
    CHECK_STATUS(upload(&s, "write?path=/tmp/%7e+f", FILE_PART "query" END), 204);
    check_content(&s, "/tmp/~ f", "query");
    CHECK_STATUS(upload(&s, "write?path=/tmp/f", PART("path") "/tmp/f\r\n" FILE_PART "same" END), 204);
    CHECK_ERROR(upload(&s, "write?path=/tmp/f", PART("path") "/tmp/g\r\n" FILE_PART "other" END), 400,
                "invalid_request");
    CHECK_ERROR(upload(&s, "write?path=/tmp/f", FILE_PART "other\r\n" PART("path") "/tmp/g" END), 400,
                "invalid_request");
    CHECK_ERROR(upload(&s, "stream/write?path=/tmp/f", FILE_PART "x" END), 400, "invalid_request");
    check_content(&s, "/tmp/f", "same");
    wait_for(&s, "ls -A /tmp", "f\n~ f\n");
    daemon_stop(&s.d);
}

/* Mode, owner, place and user go with the form, before the file. */
static void upload_options(void) {
    setup s;
    set_up(&s, NULL);
    static const char *const both[] = {"write", "stream/write"};
    bool root = geteuid() == 0;
    for (size_t i = 0; i < WRN_COUNT(both); i++) {
        CHECK_STATUS(
            upload(&s, both[i], PART("path") "/tmp/f\r\n" PART("mode") "0751\r\n" FILE_PART "#!/bin/sh\necho ran" END),
            204);
        CHECK_SH(&s, "/tmp/f; stat -c '%a %U' /tmp/f; stat -c %i /tmp/f >/tmp/i; exec tail -f /tmp/f >/dev/null &",
                 "ran\n751 root\n");
        CHECK_STATUS(upload(&s, both[i],
                            PART("mode") "\r\n" PART("in_place") "true\r\n" PART("owner") "root:0\r\n" PART(
                                "user") "root\r\n" PART("path") "/tmp/f\r\n" FILE_PART "two" END),
                     204);
        CHECK_SH(&s, "cat /tmp/f; stat -c %i /tmp/f | cmp - /tmp/i && stat -c %a /tmp/f", "two751\n");
        CHECK_STATUS(upload(&s, both[i], PART("path") "/tmp/f\r\n" PART("in_place") "false\r\n" FILE_PART "3" END),
                     204);
        CHECK_SH(&s, "cat /tmp/f; stat -c %i /tmp/f | cmp -s - /tmp/i; echo $?", "30\n");
        CHECK_SH(&s, "rm -f /tmp/f /tmp/i", "");
        static const char *const wrong[] = {PART("mode") "755x\r\n",    PART("mode") "0888\r\n",
                                            PART("mode") "17777\r\n",   PART("mode") "-1\r\n",
                                            PART("in_place") "yes\r\n", PART("owner") "captain\r\n",
                                            PART("user") "captain\r\n", PART("mode") "1\r\n" PART("mode") "1\r\n"};
        for (size_t k = 0; k < WRN_COUNT(wrong); k++) {
            char body[600];
            snprintf(body, sizeof(body), PART("path") "/tmp/f\r\n%s" FILE_PART "x" END, wrong[k]);
            CHECK_ERROR(upload(&s, both[i], body), 400, "invalid_request");
        }
        CHECK_ERROR(upload(&s, both[i], PART("path") "/tmp/f\r\n" FILE_PART "x\r\n" PART("mode") "0755" END), 400,
                    "invalid_request");
        wait_for(&s, "ls -A /tmp", "");
        if (!root) continue;
        CHECK_STATUS(upload(&s, both[i], PART("path") "/tmp/f\r\n" PART("owner") "user\r\n" FILE_PART "x" END), 204);
        CHECK_STATUS(upload(&s, both[i], PART("path") "~/g\r\n" PART("user") "user\r\n" FILE_PART "x" END), 204);
        CHECK_SH(&s, "stat -c '%U %G %n' /tmp/f /home/user/g; rm /tmp/f /home/user/g",
                 "user user /tmp/f\nuser user /home/user/g\n");
        CHECK_ERROR(upload(&s, both[i], PART("path") "/root/g\r\n" PART("user") "user\r\n" FILE_PART "x" END), 502,
                    "agent_error");
    }
    /* The other operations have a user, too. */
    CHECK_STATUS(ask(&s, "mkdir", "{\"path\":\"/tmp/made\",\"user\":\"root\"}"), 200);
    CHECK_ERROR(ask(&s, "mkdir", "{\"path\":\"/tmp/other\",\"user\":\"captain\"}"), 400, "invalid_request");
    if (root) {
        CHECK_ERROR(ask(&s, "remove", "{\"path\":\"/tmp/made\",\"user\":\"user\"}"), 502, "agent_error");
        CHECK_ERROR(ask(&s, "chmod", "{\"path\":\"/tmp/made\",\"mode\":511,\"user\":\"user\"}"), 502, "agent_error");
        CHECK_ERROR(ask(&s, "rename", "{\"path\":\"/tmp/made\",\"to\":\"/etc/x\",\"user\":\"user\"}"), 502,
                    "agent_error");
        CHECK_ERROR(ask(&s, "list", "{\"path\":\"/root\",\"user\":\"user\"}"), 502, "agent_error");
        CHECK_ERROR(ask(&s, "read", "{\"path\":\"/root/x\",\"user\":\"user\"}"), 502, "agent_error");
    }
    daemon_stop(&s.d);
}

/* Bytes that are no text, in pieces of one byte, and another request on the same connection. */
static void bytes_and_connections(void) {
    setup s;
    set_up(&s, NULL);
    static const char body[] = PART("path") "/tmp/f\r\n" FILE_PART "a\0b\r\n--\xff\r\n--bx" END;
    int fd = send_form(&s, "stream/write", "Transfer-Encoding: chunked", "", 0);
    for (size_t i = 0; i < sizeof(body) - 1; i++) {
        const char chunk[] = {'1', '\r', '\n', body[i], '\r', '\n'};
        send_bytes(fd, chunk, sizeof(chunk));
    }
    send_text(fd, "0\r\n\r\n");
    CHECK_STATUS(read_reply(fd), 204);
    char head[300];
    for (int i = 0; i < 3; i++) {
        snprintf(head, sizeof(head),
                 "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: 17\r\n\r\n{\"path\":\"/tmp/f\"}",
                 route(&s, i % 2 ? "read" : "stream/read"), s.key);
        send_text(fd, head);
        reply r = read_reply(fd);
        CHECK_MEM(r.body, r.size, "a\0b\r\n--\xff\r\n--bx", 14);
        reply_free(&r);
    }
    send_text(fd, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK_STATUS(read_reply(fd), 404);
    close(fd);
    /* Somebody who asks first. */
    fd = send_form(&s, "write", "Expect: 100-continue\r\nContent-Length: 142", "", 0);
    reply r = read_reply(fd);
    CHECK_INT(r.status, 100);
    reply_free(&r);
    close(fd);
    daemon_stop(&s.d);
}

/* ---- sizes ---- */

static long peak_kb(const test_daemon *d) {
    char path[64], line[256];
    long peak = -1;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)d->pid);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file))
        if (strncmp(line, "VmHWM:", 6) == 0) peak = atol(line + 6);
    fclose(file);
    CHECK(peak > 0);
    return peak;
}

enum { BLOCK = 1 << 20, BLOCKS = 300 };

static void fill(char *block, unsigned number) {
    for (size_t i = 0; i < BLOCK; i += 4) {
        unsigned value = (number * BLOCK + (unsigned)i) * 2654435761u;
        memcpy(block + i, &value, 4);
    }
}

/* Reads a chunked answer from behind its head and compares it. */
static void check_blocks(int fd) {
    static char want[BLOCK];
    FILE *in = fdopen(fd, "r");
    CHECK(in != NULL);
    char line[256], piece[65536];
    while (fgets(line, sizeof(line), in) && strcmp(line, "\r\n") != 0) CHECK(!strstr(line, "HTTP/1.1 4"));
    size_t total = 0;
    for (;;) {
        CHECK(fgets(line, sizeof(line), in) != NULL);
        size_t size = strtoul(line, NULL, 16);
        for (size_t left = size; left;) {
            size_t room = BLOCK - total % BLOCK, take = left < sizeof(piece) ? left : sizeof(piece);
            if (total % BLOCK == 0) fill(want, (unsigned)(total / BLOCK));
            if (take > room) take = room;
            CHECK(fread(piece, 1, take, in) == take);
            CHECK(memcmp(piece, want + total % BLOCK, take) == 0);
            left -= take;
            total += take;
        }
        CHECK(fgets(line, sizeof(line), in) != NULL);
        if (!size) break;
    }
    CHECK_INT(total, (size_t)BLOCKS * BLOCK);
    fclose(in);
}

/* What the daemon may use more than before; the sanitizers keep freed memory for a while. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(SANITIZED)
enum { EXTRA_KB = 262144 };
#else
enum { EXTRA_KB = 8192 };
#endif

static void large_files(void) {
    setup s;
    set_up(&s, NULL);
    static char block[BLOCK];
    static const char begin[] = PART("path") "/var/large\r\n" PART("file");
    char framing[64], head[300];
    long before = peak_kb(&s.d);
    snprintf(framing, sizeof(framing), "Content-Length: %zu",
             sizeof(begin) - 1 + (size_t)BLOCKS * BLOCK + sizeof(END) - 1);
    int fd = send_form(&s, "stream/write", framing, begin, sizeof(begin) - 1);
    for (unsigned i = 0; i < BLOCKS; i++) {
        fill(block, i);
        send_bytes(fd, block, sizeof(block));
    }
    send_text(fd, END);
    reply r = read_reply(fd);
    CHECK_MSG(r.status == 204, "%d %s", r.status, r.body);
    reply_free(&r);
    CHECK_MSG(peak_kb(&s.d) < before + EXTRA_KB, "up: from %ld kB to %ld", before, peak_kb(&s.d));
    snprintf(head, sizeof(head),
             "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: 21\r\n\r\n{\"path\":\"/var/large\"}",
             route(&s, "stream/read"), s.key);
    send_text(fd, head);
    usleep(300000); /* what a slow reader does not take must not pile up */
    check_blocks(fd);
    CHECK_MSG(peak_kb(&s.d) < before + EXTRA_KB, "down: from %ld kB to %ld", before, peak_kb(&s.d));
    test_note("300 MiB each way: from %ld kB to %ld", before, peak_kb(&s.d));
    daemon_stop(&s.d);
}

/* Over 100 MiB, with a length and without one. */
static void limits(void) {
    setup s;
    set_up(&s, NULL);
    int fd = send_form(&s, "write", "Content-Length: 104857601", "", 0);
    reply r = read_reply(fd);
    CHECK_INT(r.status, 413);
    CHECK_STR(error_code(&r), "too_large");
    reply_free(&r);
    close(fd);
    static char block[BLOCK];
    static const char begin[] = PART("path") "/tmp/f\r\n" FILE_PART;
    char size[16];
    fd = send_form(&s, "write", "Transfer-Encoding: chunked", "", 0);
    snprintf(size, sizeof(size), "%zx\r\n", sizeof(begin) - 1);
    send_text(fd, size);
    send_text(fd, begin);
    for (int i = 0; i <= 100; i++) {
        send_text(fd, "\r\n100000\r\n");
        send_bytes(fd, block, sizeof(block));
    }
    CHECK_ERROR(read_reply(fd), 413, "too_large");
    close(fd);
    wait_for(&s, "ls -A /tmp", "");
    /* Exactly that much, with the file first. */
    WRN_AUTO(wrn_buf_free) wrn_buf body = WRN_BUF_INIT;
    static const char end[] = "\r\n" PART("path") "/tmp/f" END;
    wrn_buf_puts(&body, FILE_PART);
    size_t left = 104857600 - body.size - (sizeof(end) - 1);
    char *at = wrn_buf_reserve(&body, left);
    CHECK(at != NULL);
    memset(at, 'x', left);
    body.size += left;
    wrn_buf_puts(&body, end);
    CHECK_INT(body.size, 104857600);
    CHECK_STATUS(upload_bytes(&s, "write", body.data, body.size), 204);
    char want[32];
    snprintf(want, sizeof(want), "%zu\n", left);
    CHECK_SH(&s, "tr -d y < /tmp/f | wc -c", want);
    daemon_stop(&s.d);
}

/* One page; its next_cursor to `cursor`, "" at the end. The number of entries. */
static int64_t list_page(const setup *s, const char *path, int depth, int limit, char cursor[400], wrn_buf *paths) {
    char body[1024];
    snprintf(body, sizeof(body), "{\"path\":\"%s\",\"depth\":%d,\"limit\":%d,\"cursor\":\"%s\"}", path, depth, limit,
             cursor);
    reply r = ask(s, "list", body);
    CHECK_MSG(r.status == 200, "%s", r.body);
    const wrn_json *entries = wrn_json_get(r.json, "entries");
    int64_t count = (int64_t)wrn_json_count(entries);
    for (size_t i = 0; i < (size_t)count; i++) wrn_buf_printf(paths, "%s\n", text_in(wrn_json_at(entries, i), "path"));
    const char *next = wrn_json_string(wrn_json_get(r.json, "next_cursor"), NULL);
    snprintf(cursor, 400, "%s", next ? next : "");
    reply_free(&r);
    return count;
}

static void large_listings(void) {
    setup s;
    set_up(&s, (const char *const[]){"--max-output-bytes", "300000", NULL});
    const int count = test_in_machines() ? 6000 : 60000; /* an emulated processor takes long to make files */
    char line[100];
    /* In memory: some file systems look through all of a directory for each new file. */
    snprintf(line, sizeof(line), "mkdir /dev/shm/d; cd /dev/shm/d; seq 1 %d | xargs touch", count);
    free(sh(&s, line));
    size_t before = daemon_peak_memory(&s.d);
    reply r = on_path(&s, "list", "/dev/shm/d");
    CHECK_INT(r.status, 200);
    CHECK_INT(wrn_json_count(wrn_json_get(r.json, "entries")), count);
    CHECK(!wrn_json_get(r.json, "next_cursor"));
    reply_free(&r);
    CHECK_MSG(daemon_peak_memory(&s.d) < before + (6 << 20), "it kept the listing"); /* of 9 MB */
    /* In pages, the last of which is full: also with names that are no UTF-8, and while something goes. */
    free(sh(&s, "mkdir -p /tmp/e/b/c; cd /tmp/e; touch a b/x b/c/y \"$(printf '\\377')\" z"));
    wrn_buf whole = WRN_BUF_INIT;
    char cursor[400] = "";
    CHECK_INT(list_page(&s, "/tmp/e", 9, 0, cursor, &whole), 7);
    CHECK_STR(cursor, "");
    for (int limit = 1; limit <= 8; limit++) {
        wrn_buf pages = WRN_BUF_INIT;
        int64_t total = 0;
        do total += list_page(&s, "/tmp/e", 9, limit, cursor, &pages);
        while (*cursor);
        CHECK_INT(total, 7);
        CHECK_STR(pages.data, whole.data);
        wrn_buf_free(&pages);
    }
    wrn_buf_free(&whole);
    wrn_buf rest = WRN_BUF_INIT;
    CHECK_INT(list_page(&s, "/tmp/e", 9, 4, cursor, &rest), 4);
    free(sh(&s, "rm -r /tmp/e/b"));
    wrn_buf_clear(&rest);
    CHECK_INT(list_page(&s, "/tmp/e", 9, 0, cursor, &rest), 2);
    CHECK_CONTAINS(rest.data, "/tmp/e/z\n");
    wrn_buf_free(&rest);
    static const char *const wrong[] = {"\"limit\":-1",        "\"limit\":1000001",       "\"cursor\":\"!\"",
                                        "\"cursor\":\"AAAA\"", "\"cursor\":\"L2V0Yy94\"", "\"limit\":\"1\""};
    for (size_t i = 0; i < WRN_COUNT(wrong); i++) {
        char body[200];
        snprintf(body, sizeof(body), "{\"path\":\"/tmp/e\",%s}", wrong[i]);
        CHECK_ERROR(ask(&s, "list", body), 400, "invalid_request");
    }
    /* Who goes away in the middle leaves nothing running. */
    char head[300];
    snprintf(head, sizeof(head),
             "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: 21\r\n\r\n{\"path\":\"/dev/shm/d\"}",
             route(&s, "list"), s.key);
    int fd = dial(s.d.socket);
    send_text(fd, head);
    CHECK(recv(fd, head, 100, MSG_WAITALL) == 100);
    close(fd);
    wait_for(&s, "cat /proc/[0-9]*/status | grep -c VmSize", "5\n");
    r = ask(&s, "list", "{\"path\":\"/dev/shm/d\",\"only\":\"2017\"}");
    CHECK_INT(wrn_json_count(wrn_json_get(r.json, "entries")), 1);
    CHECK_STR(text_in(entry_at(&r, 0), "path"), "/dev/shm/d/2017");
    reply_free(&r);
    r = ask(&s, "list", "{\"path\":\"/dev/shm/d\",\"only\":\"none\"}");
    CHECK_STR(r.body, "{\"entries\":[]}\n");
    reply_free(&r);
    daemon_stop(&s.d);
}

/* ---- what breaks ---- */

static void hanging_up(void) {
    setup s;
    set_up(&s, NULL);
    CHECK_STATUS(upload(&s, "write", PART("path") "/srv/f\r\n" FILE_PART "good" END), 204);
    static const char begin[] = PART("path") "/srv/f\r\n" FILE_PART "half of";
    static const char *const both[] = {"write", "stream/write"};
    for (size_t i = 0; i < 4; i++) {
        int fd = send_form(&s, both[i % 2], i < 2 ? "Content-Length: 100000" : "Transfer-Encoding: chunked", "", 0);
        send_text(fd, i < 2 ? "" : "1000\r\n");
        send_text(fd, begin);
        wait_for(&s, "ls -A /srv | wc -l", "2\n"); /* the file aside: it is in the middle of it */
        close(fd);
        wait_for(&s, "ls -A /srv | wc -l", "1\n");
        check_content(&s, "/srv/f", "good");
    }
    /* A download that nobody reads any more ends, too. */
    free(sh(&s, "truncate -s 1G /srv/f"));
    char head[300];
    snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: 17\r\n\r\n{\"path\":\"/srv/f\"}",
             route(&s, "read"), s.key);
    int fd = dial(s.d.socket);
    send_text(fd, head);
    CHECK(recv(fd, head, 100, MSG_WAITALL) == 100);
    wait_for(&s, "cat /proc/[0-9]*/status | grep -c VmSize", "7\n"); /* this line takes five; two are the download's */
    close(fd);
    wait_for(&s, "cat /proc/[0-9]*/status | grep -c VmSize", "5\n");
    daemon_stop(&s.d);
}

/* After each byte of the form, once by hanging up and once by ending the body there. */
static void cut_anywhere(void) {
    setup s;
    set_up(&s, NULL);
    CHECK_STATUS(upload(&s, "write", PART("path") "/srv/f\r\n" FILE_PART "good" END), 204);
    static const char body[] = PART("path") "/srv/f\r\n" FILE_PART "bad\r\n--b--";
    for (size_t size = 0; size < sizeof(body) - 1; size++) {
        char framing[64];
        snprintf(framing, sizeof(framing), "Content-Length: %zu", sizeof(body) - 1);
        int fd = send_form(&s, "write", framing, body, size);
        shutdown(fd, SHUT_WR);
        expect_eof(fd);
        CHECK_ERROR(upload_bytes(&s, "write", body, size), 400, "invalid_request");
    }
    wait_for(&s, "ls -A /srv", "f\n");
    check_content(&s, "/srv/f", "good");
    daemon_stop(&s.d);
}

static void destroyed_meanwhile(void) {
    setup s;
    set_up(&s, NULL);
    free(sh(&s, "truncate -s 1G /srv/f"));
    static const char begin[] = PART("path") "/srv/g\r\n" PART("file") "half";
    int up = send_form(&s, "stream/write", "Content-Length: 1000", begin, sizeof(begin) - 1);
    int down = dial(s.d.socket);
    char head[300];
    snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: 17\r\n\r\n{\"path\":\"/srv/f\"}",
             route(&s, "read"), s.key);
    send_text(down, head);
    CHECK(recv(down, head, 100, MSG_WAITALL) == 100);
    /* Neither is somebody's process. */
    reply r = call(&s.d, "GET", sandbox_path(s.id, "/processes"), NULL);
    CHECK_STR(r.body, "{\"processes\":[]}\n");
    reply_free(&r);
    CHECK_STATUS(call(&s.d, "DELETE", sandbox_path(s.id, ""), NULL), 204);
    CHECK_ERROR(read_reply(up), 502, "agent_error");
    close(up);
    /* The chunked body ends without its end. */
    char last[7] = "", piece[65536];
    ssize_t got;
    while ((got = recv(down, piece, sizeof(piece), 0)) > 0)
        if (got >= 5) memcpy(last, piece + got - 5, 5);
    CHECK(strcmp(last, "0\r\n\r\n") != 0);
    close(down);
    daemon_stop(&s.d);
}

/* An answer that comes before the upload is over. */
static void refused_early(void) {
    setup s;
    set_up(&s, NULL);
    static const char begin[] = PART("path") "/etc\r\n" PART("file");
    int fd = send_form(&s, "stream/write", "Transfer-Encoding: chunked", "", 0);
    char size[16];
    snprintf(size, sizeof(size), "%zx\r\n", sizeof(begin) - 1);
    send_text(fd, size);
    send_text(fd, begin);
    CHECK_ERROR(read_reply(fd), 400, "invalid_request");
    close(fd);
    daemon_stop(&s.d);
}

TEST_AS_BOTH(each_route_does_its_work, all_routes)
TEST_AS_BOTH(listings_show_all_kinds, listings)
TEST_AS_BOTH(files_are_renamed_and_get_permissions, renamed_and_changed)
TEST_AS_BOTH(errors_have_their_status, errors)
TEST_AS_BOTH(home_need_not_exist, missing_home)
TEST_AS_BOTH(a_paused_sandbox_refuses, paused)
TEST_AS_BOTH(forms_are_checked, forms)
TEST_AS_BOTH(uploads_have_a_mode_an_owner_and_a_place, upload_options)
TEST_AS_BOTH(bytes_come_through, bytes_and_connections)
TEST_AS_BOTH(large_files_take_no_memory, large_files)
TEST_AS_BOTH(writes_have_a_limit, limits)
TEST_AS_BOTH(listings_are_whole_or_in_pages, large_listings)
TEST_AS_BOTH(who_hangs_up_changes_nothing, hanging_up)
TEST_AS_BOTH(a_form_cut_anywhere_changes_nothing, cut_anywhere)
TEST_AS_BOTH(a_sandbox_may_end_meanwhile, destroyed_meanwhile)
TEST_AS_BOTH(an_upload_is_refused_as_soon_as_possible, refused_early)

TEST_MAIN
