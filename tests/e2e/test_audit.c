/* What wrennd writes down: all that matters, nothing secret, and nothing that a sandbox could make a flood of. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "work.h"

static char *read_log(const char *path) {
    wrn_buf text = WRN_BUF_INIT;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t got = 1; fd >= 0 && got > 0;) {
        char *at = wrn_buf_reserve(&text, 65536);
        CHECK(at != NULL);
        if ((got = read(fd, at, 65536)) > 0) text.size += (size_t)got;
    }
    if (fd >= 0) close(fd);
    wrn_buf_putc(&text, '\0');
    return wrn_buf_steal(&text);
}

/* Each line is an object of its own; the number of those in which all that is given is so. */
static int count(const char *log, const char *method, const char *path, int64_t status) {
    int found = 0;
    for (const char *line = log, *end; (end = strchr(line, '\n')); line = end + 1) {
        WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
        const char *why = "";
        int64_t got = 0;
        CHECK_MSG(wrn_json_parse(line, (size_t)(end - line), &json, &why), "%.300s: %s", line, why);
        const char *got_method = wrn_json_string(wrn_json_get(json, "method"), NULL);
        const char *got_path = wrn_json_string(wrn_json_get(json, "path"), NULL);
        CHECK(wrn_json_string(wrn_json_get(json, "time"), NULL) && wrn_json_string(wrn_json_get(json, "what"), NULL));
        found += got_method && strcmp(got_method, method) == 0 && got_path && strcmp(got_path, path) == 0 &&
                 wrn_json_int(wrn_json_get(json, "status"), &got) && got == status;
    }
    return found;
}

static void actions(void) {
    test_daemon d = {0};
    char id[40], path[200], log_path[200];
    struct stat info;
    serve(&d, (const char *[]){"--signup", "local", NULL});
    snprintf(log_path, sizeof(log_path), "%s/audit.log", d.dir);
    make_sandbox(&d, "{}", id);
    CHECK_SH(&d, id, "echo the-secret-command", "the-secret-command\n");
    CHECK_STATUS(call(&d, "GET", sandbox_path(id, ""), NULL), 200);
    CHECK_STATUS(request(&d, "GET", "/v1/sandboxes?token=the-secret-token", NULL, NULL), 401);
    CHECK_STATUS(
        request(&d, "POST", "/v1/auth/login", NULL, "{\"email\":\"a@b.example\",\"password\":\"the-secret-password\"}"),
        401);
    CHECK_STATUS(request(&d, "POST", "/v1/auth/signup", NULL,
                         "{\"email\":\"a@b.example\",\"name\":\"A\",\"password\":\"the-secret-password\"}"),
                 201);
    destroy(&d, id);
    end(&d, SIGTERM, 0);
    char *log = read_log(log_path);
    CHECK_INT(count(log, "POST", "/v1/sandboxes", 201), 1);
    snprintf(path, sizeof(path), "/v1/sandboxes/%s/exec", id);
    CHECK_INT(count(log, "POST", path, 200), 1);
    snprintf(path, sizeof(path), "/v1/sandboxes/%s", id);
    CHECK_INT(count(log, "DELETE", path, 204), 1);
    CHECK_INT(count(log, "GET", path, 200), 0);
    CHECK_INT(count(log, "GET", "/v1/sandboxes", 401), 1);
    CHECK_INT(count(log, "POST", "/v1/auth/login", 401), 1);
    CHECK_INT(count(log, "POST", "/v1/auth/signup", 201), 1);
    CHECK_CONTAINS(log, "\"what\":\"start\"");
    CHECK_CONTAINS(log, "\"what\":\"stop\"");
    CHECK_CONTAINS(log, "\"key\":\"key-");
    CHECK_CONTAINS(log, "\"user\":\"usr-");
    snprintf(path, sizeof(path), "\"peer\":\"uid %d\"", (int)geteuid());
    CHECK_CONTAINS(log, path);
    CHECK(!strstr(log, "the-secret") && !strstr(log, d.key) && !strstr(log, "a@b.example"));
    CHECK(stat(log_path, &info) == 0 && (info.st_mode & 0777) == 0600);
    free(log);
}

static void flood(void) {
    enum { REQUESTS = 200 };
    test_daemon d = {0};
    char log_path[200];
    serve(&d, NULL);
    snprintf(log_path, sizeof(log_path), "%s/audit.log", d.dir);
    time_t begun = time(NULL);
    for (int i = 0; i < REQUESTS; i++) CHECK_STATUS(request(&d, "GET", "/v1/sandboxes", "X-API-Key: x", NULL), 401);
    int seconds = (int)(time(NULL) - begun) + 2;
    /* The next second's first one says how many went without a line. */
    char *log = NULL;
    do {
        free(log);
        CHECK_STATUS(request(&d, "GET", "/v1/sandboxes", "X-API-Key: x", NULL), 401);
        log = read_log(log_path);
    } while (!strstr(log, "\"what\":\"refused\""));
    CHECK(count(log, "GET", "/v1/sandboxes", 401) <= 20 * (seconds + 1));
    free(log);
    end(&d, SIGTERM, 0);
}

static void moved_away(void) {
    test_daemon d = {0};
    char log_path[200], old[220];
    serve(&d, NULL);
    snprintf(log_path, sizeof(log_path), "%s/audit.log", d.dir);
    snprintf(old, sizeof(old), "%s.1", log_path);
    CHECK_INT(rename(log_path, old), 0);
    kill(d.pid, SIGUSR2);
    char *log = NULL;
    do {
        free(log);
        CHECK_STATUS(request(&d, "DELETE", "/v1/api-keys/x", NULL, NULL), 401);
        log = read_log(log_path);
    } while (!count(log, "DELETE", "/v1/api-keys/x", 401));
    free(log);
    end(&d, SIGTERM, 0);
}

static void elsewhere(void) {
    test_daemon d = {0};
    char id[40], path[200];
    serve(&d, (const char *[]){"--audit-log", "/dev/full", NULL});
    make_sandbox(&d, "{}", id);
    destroy(&d, id);
    end(&d, SIGTERM, 0);
    serve(&d, (const char *[]){"--audit-log", "none", NULL});
    end(&d, SIGTERM, 0);
    snprintf(path, sizeof(path), "%s/audit.log", d.dir);
    CHECK(access(path, F_OK) != 0 && errno == ENOENT);
    int status;
    char *said = daemon_run((const char *[]){"--data-dir", d.dir, "--audit-log", "/not/there/log", NULL}, &status);
    CHECK_INT(status, 1);
    CHECK_CONTAINS(said, "cannot open the audit log /not/there/log: No such file or directory; see --audit-log");
    free(said);
}

static off_t size_of(const char *path) {
    struct stat info;
    CHECK(stat(path, &info) == 0);
    return info.st_size;
}

/* Floods inside: of output, of crashes, of commands that are not there, and at everything that might be a log. */
static void noise(void) {
    test_daemon d = {0};
    char id[40], said_path[200], address[200], audit_path[200];
    snprintf(d.dir, sizeof(d.dir), "%s/data", test_dir());
    snprintf(d.socket, sizeof(d.socket), "%s/s", test_dir());
    snprintf(address, sizeof(address), "unix:%s", d.socket);
    snprintf(said_path, sizeof(said_path), "%s/said", test_dir());
    snprintf(audit_path, sizeof(audit_path), "%s/audit.log", d.dir);
    CHECK(chmod(test_dir(), 0711) == 0);
    int out = open(said_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const char *args[] = {"--data-dir", d.dir, "--listen", address, "--agent", getenv("WRENN_TEST_AGENT"), NULL};
    d.pid = daemon_spawn(args, -1, out);
    close(out);
    char *said = NULL;
    do {
        free(said);
        said = read_log(said_path);
    } while (!strstr(said, "listening"));
    snprintf(d.key, sizeof(d.key), "%.36s", strstr(said, "WRENN_API_KEY=") + strlen("WRENN_API_KEY="));
    free(said);
    make_sandbox(&d, "{}", id);
    off_t said_before = size_of(said_path), audit_before = size_of(audit_path);
    char *got = sh(&d, id,
                   "for i in $(seq 200); do (sh -c 'kill -SEGV $$'; not-there-$i) >/dev/null 2>&1 || true; done; "
                   "for f in /dev/console /dev/kmsg /dev/log /proc/1/fd/2 /proc/1/fd/3; do "
                   "(yes | head -c 100000 > $f) 2>/dev/null || true; done; yes | head -c 10000000");
    CHECK_INT(strlen(got), 10000000);
    free(got);
    CHECK_INT(size_of(said_path), said_before);
    CHECK(size_of(audit_path) - audit_before < 1024); /* one request, one line */
    end(&d, SIGTERM, 0);
}

TEST_AS_BOTH(what_goes_on_inside_makes_no_lines, noise)
TEST_AS_BOTH(what_matters_is_told_and_nothing_secret, actions)
TEST_AS_BOTH(a_flood_of_strangers_is_counted, flood)
TEST_AS_BOTH(a_log_that_was_moved_is_begun_again, moved_away)
TEST_AS_BOTH(it_can_be_elsewhere_or_nowhere, elsewhere)

TEST_MAIN
