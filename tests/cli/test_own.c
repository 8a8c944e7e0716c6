/* Sandboxes that stay, on the user's own server, which nobody has started; and contexts. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "person.h"
#include "test.h"

void test_after_each(void) { stop_own_server(); }

static void check_fails(program_result result, int code, const char *part) {
    CHECK_CONTAINS(result.err, part);
    CHECK_INT(result.code, code);
    program_result_free(&result);
}

TEST(nothing_needs_to_be_set_up) {
    fresh_home();
    char *id = WRENN_SAYS("create", "--name", "work", "-l", "kind=test");
    check_shell("\"$WRENN_CLI\" exec work -- sh -c 'echo hello > /tmp/f; exit 3'", 3, "", "");
    check_shell("\"$WRENN_CLI\" exec work cat /tmp/f", 0, "hello\n", "");
    char short_id[8];
    snprintf(short_id, sizeof(short_id), "%.7s", id);
    char *found = WRENN_SAYS("ls", "-q");
    CHECK_STR(found, id);
    free(found);
    CHECK_STR(found = WRENN_SAYS("ls", "-q", "--label", "kind=other"), "");
    free(found);
    CHECK_STR(found = WRENN_SAYS("inspect", "-o", "name", short_id), id);
    free(found);
    program_result json = WRENN("inspect", "-o", "json", "work");
    CHECK_CONTAINS(json.out, "\"labels\":{");
    CHECK_CONTAINS(json.out, "\"isolation\":{");
    program_result_free(&json);
    check_fails(WRENN("exec", "wrok", "true"), 125, "did you mean 'work'?");
    CHECK_STR(found = WRENN_SAYS("rm", "work"), id);
    free(found);
    CHECK_STR(found = WRENN_SAYS("ls", "-q"), "");
    free(found);
    free(id);
}

/* Not about functions of C, nor members of JSON. */
TEST(errors_are_about_options_and_commands) {
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"w key ls",
         "wrenn: key ls: which server? Give --context or --url; it needs a user token, which 'wrenn login --url URL' "
         "gets\n"},
        {"w key ls --url $URL", "wrenn: this needs a user token: 'wrenn login' gets one\n"},
        {"WRENN_API_KEY=x w host ls --url $URL",
         "wrenn: this needs a user token (an API key does not open it): 'wrenn login' gets one\n"},
        {"w ls --url $URL",
         "wrenn: this needs credentials: set WRENN_API_KEY, or use 'wrenn context add' or 'wrenn login'\n"},
        {"w create -T 'a b'", "wrenn: create: --template \"a b\" is not a template name (HTTP 400, invalid_request)\n"},
        {"w create -m 1t", "wrenn: create: --memory is 1048576, and this machine has only "},
        {"w create --disk 100m", "disk-limit, which --disk needs"},
        {"w create --net --deny 'x y'", "wrenn: create: --deny \"x y\": "},
        {"w run -w /nowhere true",
         "wrenn: true: the server ended it: cannot enter the directory of --cwd: No such file"},
        {"w exec s -- ''", "wrenn: the name of the program is empty\n"},
        {"w exec s -e A=$(printf '\\377') true", "wrenn: true: not all words of the command line are UTF-8\n"},
        {"w exec -d --tag $(seq -s . 30) s true", "wrenn: --tag is longer than 64 bytes (HTTP 400, invalid_request)\n"},
        {"f=$(printf '\\377'); : > $f; w cp $f s:/tmp/",
         "the path is not UTF-8; only 'wrenn cp' of a directory takes such names"},
        {"w exec x true", "wrenn: no sandbox 'x': 'wrenn ls' shows the sandboxes\n"},
        {"w files ls s /nope", "wrenn: /nope: No such file or directory: /nope (HTTP 404, not_found)\n"},
        {"w snapshot create s 'a b'", "wrenn: s: \"name\" is not a template name"},
        {"w template rm ''", "wrenn: the snapshot name must not be empty\n"},
        {"w label s 'a b=c'", "wrenn: s: labels: the name \"a b\" is not"},
    };
    begin_with_sandbox();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[256];
        snprintf(line, sizeof(line), "URL=$(w serve status -o name); %s", cases[i].line);
        program_result result = shell(line);
        CHECK_CONTAINS(result.err, cases[i].says);
        CHECK(result.code != 0);
        CHECK_STR(result.out, "");
        program_result_free(&result);
    }
}

TEST(run_keeps_what_it_is_told_to_keep) {
    fresh_home();
    program_result kept = WRENN("run", "--keep", "--name", "k", "sh", "-c", "echo out > /tmp/f");
    CHECK_INT(kept.code, 0);
    CHECK_CONTAINS(kept.err, "sandbox cl-");
    program_result_free(&kept);
    check_shell("\"$WRENN_CLI\" exec k cat /tmp/f", 0, "out\n", "");
    program_result detached = WRENN("run", "-d", "--name", "d", "sleep", "1000");
    CHECK_INT(detached.code, 0);
    CHECK(strncmp(detached.out, "cl-", 3) == 0);
    program_result_free(&detached);
    program_result removed = WRENN("rm", "--all");
    CHECK_INT(removed.code, 0);
    CHECK_INT(removed.out_size, 2 * 29);
    program_result_free(&removed);
}

TEST(what_has_a_lifetime_needs_no_rm) {
    fresh_home();
    char *id = WRENN_SAYS("create", "--lifetime", "2s"), *left = NULL;
    program_result shown = WRENN("inspect", "-o", "json", id);
    CHECK_CONTAINS(shown.out, "\"lifetime_sec\":2,\"expires_at\":\"");
    program_result_free(&shown);
    do {
        free(left);
        left = WRENN_SAYS("ls", "-q");
    } while (*left);
    free(left);
    free(id);
    check_fails(WRENN("create", "--lifetime", "0"), 2, "--lifetime");
    check_fails(WRENN("create", "--isolation", "vm"), 1, "'wrennd vm setup --data-dir /");
    program_result kept = WRENN("run", "--keep", "--lifetime", "1h", "true");
    CHECK_INT(kept.code, 0);
    program_result_free(&kept);
    shown = WRENN("ls", "-o", "json");
    CHECK_CONTAINS(shown.out, "\"lifetime_sec\":3600,");
    program_result_free(&shown);
}

TEST(what_was_denied_is_said_with_the_option_that_allows_it) {
    fresh_home();
    program_result result = WRENN("run", "--allow", "good.example:443", "--", "getent", "hosts", "bad.example");
    CHECK_INT(result.code, 2);
    CHECK_CONTAINS(result.err, "denied: bad.example (");
    CHECK_CONTAINS(result.err, "; to allow it: --allow bad.example\n");
    program_result_free(&result);
    check_fails(WRENN("run", "--allow", "a..b", "true"), 125, "--allow \"a..b\"");
    check_fails(WRENN("run", "--net", "--no-net", "true"), 2, "--no-net goes without --net");
    char *own = WRENN_SAYS("create", "--allow", "good.example:443");
    result = WRENN("exec", own, "--", "getent", "hosts", "other.example");
    CHECK_INT(result.code, 2);
    CHECK_CONTAINS(result.err, "denied: other.example (");
    CHECK_CONTAINS(result.err, "; to allow it: --allow other.example\n");
    program_result_free(&result);
    result = WRENN("exec", own, "--", "true");
    CHECK_STR(result.err, "");
    program_result_free(&result);
    free(own);
    char *id = WRENN_SAYS("create", "--preset", "python", "--deny", "x.org");
    program_result shown = WRENN("net", "-o", "json", id);
    CHECK_CONTAINS(shown.out,
                   "{\"egress\":\"allowlist\",\"allow\":[],\"deny\":[\"x.org\"],\"presets\":[\"python\"],\"gate\":"
                   "\"running\",");
    program_result_free(&shown);
    shown = WRENN("inspect", "-o", "json", id);
    CHECK_CONTAINS(shown.out, "\"network\":{\"egress\":\"allowlist\",");
    CHECK_CONTAINS(shown.out, "\"bytes_in\":0,");
    program_result_free(&shown);
    shown = WRENN("exec", id, "--", "sh", "-c", "getent hosts x.org; true");
    do { /* as of the measurement before */
        program_result_free(&shown);
        shown = WRENN("stats", "-o", "json", id);
    } while (shown.code == 0 && strstr(shown.out, "\"net_denied\":0"));
    CHECK_CONTAINS(shown.out, "\"net_out_bytes\":");
    program_result_free(&shown);
    check_fails(WRENN("net", "check", id, "y.org"), 1, "denied: y.org; to allow it: --allow y.org\n");
    shown = WRENN("net", "--denied", id);
    CHECK_CONTAINS(shown.out, "\nx.org   -        ");
    CHECK_CONTAINS(shown.out, "a --deny of this sandbox says so");
    program_result_free(&shown);
    shown = WRENN("net", "--denied", "-o", "json", id);
    CHECK_CONTAINS(shown.out,
                   "[{\"proto\":\"dns\",\"address\":\"\",\"port\":0,\"name\":\"x.org\",\"reason\":\"deny-rule\",");
    program_result_free(&shown);
    shown = WRENN("net", "check", "-o", "json", id, "PyPI.org");
    CHECK_STR(
        shown.out,
        "{\"to\":\"PyPI.org\",\"allowed\":true,\"reason\":null,\"rule\":\"pypi.org:443\",\"source\":\"preset python\"}\n");
    CHECK_INT(shown.code, 0);
    program_result_free(&shown);
    shown = WRENN("net", id, "x.org:80");
    CHECK_CONTAINS(shown.out, "deny-rule");
    CHECK_CONTAINS(shown.err, "denied: x.org:80; a --deny of this sandbox says so");
    CHECK_INT(shown.code, 1);
    program_result_free(&shown);
    check_fails(WRENN("net", "check", id, "x.org:0"), 1, "HOST:PORT");
    check_fails(WRENN("net", "check", id, "x.org", "y.org"), 2, "one HOST");
    shown = WRENN("net", "-o", "json", "--net", id);
    CHECK_CONTAINS(shown.out, "{\"egress\":\"public\",\"allow\":[],\"deny\":[],\"presets\":[],");
    CHECK_CONTAINS(shown.out, "\"cut\":0}");
    program_result_free(&shown);
    free(WRENN_SAYS("rm", id));
    free(id);
}

TEST(the_own_server_is_started_once_and_stopped_when_asked) {
    fresh_home();
    check_fails(WRENN("serve", "stop", "now"), 2, "unexpected argument 'now'");
    char *help = WRENN_SAYS("serve", "stop", "--help");
    CHECK_CONTAINS(help, "usage: wrenn serve");
    free(help);
    program_result status = WRENN("serve", "status", "-o", "json");
    CHECK_CONTAINS(status.out, "{\"running\":false,");
    CHECK_INT(status.code, 1);
    program_result_free(&status);
    /* Several at once: one of them starts it. It is three processes. */
    check_shell("for i in 1 2 3 4 5; do \"$WRENN_CLI\" ls -q & done; wait; pgrep -cf \"wrennd.*$HOME/\" || true", 0,
                "3\n", "");
    status = WRENN("serve", "status", "-o", "json");
    CHECK_CONTAINS(status.out, "{\"running\":true,\"pid\":");
    CHECK_CONTAINS(status.out, "\"sandboxes\":0,");
    CHECK_INT(status.code, 0);
    program_result_free(&status);
    free(WRENN_SAYS("create"));
    check_fails(WRENN("serve", "stop"), 1, "1 sandbox would end with it: 'wrenn rm --all'");
    free(WRENN_SAYS("rm", "-a"));
    free(WRENN_SAYS("serve", "stop"));
    free(WRENN_SAYS("serve", "stop"));
    program_result started = WRENN("serve", "-d");
    CHECK_INT(started.code, 0);
    CHECK_CONTAINS(started.out, "unix:");
    program_result_free(&started);
    check_shell("\"$WRENN_CLI\" serve status -o jsonl | grep -c '^{\"running\":true,'", 0, "1\n", "");
    check_fails(WRENN("serve", "stats"), 2, "did you mean 'status'?");
    check_fails(WRENN("serve", "sotp"), 2, "did you mean 'stop'?");
    free(WRENN_SAYS("serve", "stop", "--force"));
}

TEST(a_server_that_can_not_start_says_why) {
    fresh_home();
    setenv("WRENN_WRENND", "/bin/false", 1);
    check_fails(WRENN("ls"), 1, "your own server: it did not start: ");
    setenv("WRENN_WRENND", "/nonexistent", 1);
    check_fails(WRENN("ls"), 1, "your own server: can't run /nonexistent: No such file");
}

TEST(without_a_home_it_works_all_the_same) {
    fresh_home();
    char runtime[256];
    snprintf(runtime, sizeof(runtime), "%s/runtime", test_dir());
    CHECK(mkdir(runtime, 0700) == 0);
    unsetenv("HOME");
    setenv("XDG_RUNTIME_DIR", runtime, 1);
    check_shell("\"$WRENN_CLI\" ls -q && \"$WRENN_CLI\" run echo hi && \"$WRENN_CLI\" serve stop", 0, "hi\n", "");
    check_fails(WRENN("context", "add", "x", "--url", "unix:/x"), 1, "set HOME or XDG_CONFIG_HOME");
}

TEST(a_home_that_is_not_there_is_not_made) {
    fresh_home();
    check_shell(
        "mkdir -m 700 runtime; export HOME=$HOME/gone XDG_RUNTIME_DIR=$HOME/runtime; "
        "\"$WRENN_CLI\" ls -q; \"$WRENN_CLI\" serve stop; \"$WRENN_CLI\" context add x --url unix:/x; echo $?; ls",
        0, "1\nruntime\n", "wrenn: there is no home directory for contexts: set HOME or XDG_CONFIG_HOME\n");
}

TEST(a_directory_that_can_not_be_written_does_not_matter) {
    fresh_home();
    check_shell("mkdir shut && chmod 500 shut && cd shut && \"$WRENN_CLI\" run echo hi && cd / && \"$WRENN_CLI\" ls -q",
                0, "hi\n", "");
}

/* ---- contexts ---- */

TEST(contexts_keep_servers_and_hide_their_keys) {
    fresh_home();
    check_shell("echo wrn_secret | \"$WRENN_CLI\" context add one --url http://127.0.0.1:1 --key-stdin", 0, "", "");
    check_shell("echo tok_secret | \"$WRENN_CLI\" context add two --url unix:/nonexistent --token-stdin", 0, "", "");
    check_shell(
        "\"$WRENN_CLI\" context ls -o jsonl", 0,
        "{\"name\":\"one\",\"current\":true,\"url\":\"http://127.0.0.1:1\",\"has_key\":true,\"has_token\":false}\n"
        "{\"name\":\"two\",\"current\":false,\"url\":\"unix:/nonexistent\",\"has_key\":false,\"has_token\":true}\n",
        "");
    struct stat info;
    CHECK(stat(".config/wrenn/config.json", &info) == 0);
    CHECK_INT(info.st_mode & 0777, 0600);
    check_fails(WRENN("ls"), 1, "127.0.0.1");
    check_fails(WRENN("ls", "--context", "two"), 1, "/nonexistent");
    check_fails(WRENN("ls", "--context", "tow"), 1, "no context 'tow': did you mean 'two'?");
    free(WRENN_SAYS("context", "use", "two"));
    check_fails(WRENN("ls"), 1, "/nonexistent");
    check_shell("WRENN_CONTEXT=one \"$WRENN_CLI\" ls 2>&1 | grep -c 127.0.0.1", 0, "1\n", "");
    /* What the environment says wins over contexts as a whole: a key goes to its own server only. */
    check_shell("WRENN_BASE_URL=unix:/other WRENN_API_KEY=k \"$WRENN_CLI\" ls 2>&1 | grep -c /other", 0, "1\n", "");
    free(WRENN_SAYS("context", "rm", "two"));
    check_shell("\"$WRENN_CLI\" context ls -o name; \"$WRENN_CLI\" ls -q", 0, "one\n", "");
    check_fails(WRENN("context", "use", "nowhere"), 1, "no context 'nowhere'");
    check_fails(WRENN("context", "add", "no name", "--url", "unix:/x"), 2, "'no name' is not a name");
    check_fails(WRENN("context", "add", "name"), 2, "missing option --url");
    check_fails(WRENN("context", "add", "name", "--url", "ftp://x"), 1, "ftp://x");
    check_fails(shell("\"$WRENN_CLI\" context add x --url unix:/x --key-stdin < /dev/null"), 1, "no API key on stdin");
}

TEST(a_file_of_keys_that_others_can_read_is_refused) {
    fresh_home();
    free(WRENN_SAYS("context", "add", "one", "--url", "unix:/nonexistent"));
    CHECK(chmod(".config/wrenn/config.json", 0644) == 0);
    check_fails(WRENN("ls"), 1, "others can read the keys in ");
    CHECK(chmod(".config/wrenn/config.json", 0600) == 0);
    FILE *file = fopen(".config/wrenn/config.json", "w");
    CHECK(file && fputs("{ nonsense", file) >= 0 && fclose(file) == 0);
    check_fails(WRENN("ls"), 1, "is malformed");
}

TEST_MAIN
