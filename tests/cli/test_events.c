/* What happens, as 'wrenn events' shows it, and what 'wrenn logs -f' shares with it: cuts, and restarts of wrennd. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "person.h"
#include "relay.h"
#include "test.h"

void test_after_each(void) { stop_own_server(); }

TEST(what_has_happened) {
    begin_with_sandbox();
    check_shell(
        "w pause s >/dev/null; w resume s >/dev/null; w label s a=b >/dev/null; w events | awk '{print $2, $4}'", 0,
        "sandbox.create s\nsandbox.pause s\nsandbox.resume s\nsandbox.labels s\n", "");
    check_shell("w events -t sandbox.create | grep -c '^20[0-9-]*T[0-9:.]*Z  sandbox.create .* cl-[0-9a-z]*  s  "
                "template=minimal$'; w events -l a=b -o name | wc -l; w events --since 1h s | wc -l; "
                "w events --since 2099-01-01T00:00:00.5+01:00; w events -t command s",
                0, "1\n1\n4\n", "");
    check_shell("w events -o json | grep -c '^\\[{\"time\":\"20.*\"labels\":{\"name\":\"s\",\"a\":\"b\"}}\\]$'; "
                "w events -o jsonl | grep -c '^{\"time\".*}$'; "
                "w events -o jsonl --after $(w events -o name | sed -n 3p) | grep -c sandbox.labels",
                0, "1\n4\n1\n", "");
    check_shell(
        "w exec -d --tag t s sh -c 'exit 3' >/dev/null; until w events -t command.end | grep -q tag=t; do :; done; "
        "w events -t command.end | grep -o 'exit_code=.*'",
        0, "exit_code=3\n", "");
    check_shell("w rm s >/dev/null; w events -t sandbox.destroy s | wc -l", 0, "1\n", "");
    check_shell("w events -t sandbox.create > list; read time rest < list; w events --since $time | wc -l", 0, "7\n",
                "");
    check_shell("w create --name work >/dev/null; w events wrok", 1, "", "no sandbox 'wrok': did you mean 'work'?");
    check_shell("w events nothing -o json", 1, "", "no sandbox 'nothing': 'wrenn ls' shows the sandboxes");
    check_shell("w rm work | wc -l; w events work | wc -l", 0, "1\n2\n", "");
}

/* Also one that replaces another, and one that is made in its place, file by file. */
TEST(templates_and_snapshots_are_told_of) {
    begin_with_sandbox();
    check_shell(
        "w events -f -t template > seen & mkdir -p d/etc; echo x > d/etc/x; "
        "until w template build made --replace --dir d >/dev/null 2>&1 && [ -s seen ]; do :; done; kill $!; wait $!; "
        "awk '{print $2, $3, $4}' seen | sort -u",
        0, "template.build - template=made\n", "");
    check_shell(
        "after=$(w events -o name | tail -n 1); w template build made --replace --dir d >/dev/null 2>&1; "
        "until w events --after $after -t template.build | grep -q made; do :; done; w template rm made 2>/dev/null; "
        "until w events -t template.delete | grep -q made; do :; done; "
        "w events --after $after -t template | awk '{print $2, $4}'",
        0, "made\ntemplate.build template=made\ntemplate.delete template=made\n", "");
    check_shell("after=$(w events -o name | tail -n 1); w template build code-interpreter >/dev/null 2>&1; "
                "until w events --after $after -t template.build | grep -q python-interpreter; do :; done",
                0, "", "");
    check_shell("w snapshot create s n; w events -t snapshot s | awk '{print $2, $4, $5}'", 0,
                "n\nsnapshot.create s snapshot=n\n", "");
}

TEST(what_makes_no_sense_is_said) {
    begin_with_sandbox();
    check_shell("w events --since yesterday", 2, "", "--since 'yesterday' is neither a time");
    check_shell("w events --since 2026-13-01T00:00:00Z", 2, "", "--since");
    check_shell("w events -t sandbox.paus", 1, "", "sandbox.paus");
    check_shell("w events -l x", 2, "", "x");
    check_shell("w events --after x", 1, "", "neither \"now\" nor the id of an event");
    check_shell("w events --after other.1 -o name | wc -l", 0, "1\n", "events are of another server than before");
    check_shell("w --url local: events", 1, "", "private server");
}

/* A reader that leaves is noticed at once, also while nothing happens. */
TEST(a_closed_pipe_ends_it_quietly) {
    begin_with_sandbox();
    check_shell("{ w events -f --since 1h; echo $? >&2; } | head -1 | wc -l", 0, "1\n", "141");
    check_shell("w events > /dev/full", 1, "", "can't write the output");
}

TEST(it_is_followed_on_a_terminal) {
    begin_with_sandbox();
    person p = PERSON("events", "--follow", "--since", "1h", "s");
    person_sees(&p, "sandbox.create");
    free(WRENN_SAYS("pause", "s"));
    person_sees(&p, "sandbox.pause");
    free(WRENN_SAYS("create", "--name", "other"));
    free(WRENN_SAYS("resume", "s"));
    person_sees(&p, "sandbox.resume");
    person_types(&p, "\003");
    CHECK(!strstr(p.screen, "other"));
    CHECK_INT(person_leaves(&p), 130);
}

/* The user's own server behind a relay that can cut connections. */
static pid_t begin_behind_relay(void) {
    begin_with_sandbox();
    char *url = WRENN_SAYS("serve", "status", "-o", "name"), path[256], relay_url[300];
    snprintf(path, sizeof(path), "%s/relay", test_dir());
    snprintf(relay_url, sizeof(relay_url), "unix:%s", path);
    pid_t relay = relay_start(path, url + strlen("unix:"));
    program_result key = shell("cat .local/state/wrenn/server/key");
    setenv("WRENN_BASE_URL", relay_url, 1);
    setenv("WRENN_API_KEY", key.out, 1);
    program_result_free(&key);
    free(url);
    return relay;
}

/* Follows events and the output of a command, which goes on once /tmp/go is there. */
static void begin_to_follow(void) {
    program_result began = shell(
        "w exec -d --tag job s sh -c 'seq 1 100000; while ! test -e /tmp/go; do :; done; seq 100001 200000' >/dev/null; "
        "w events -f --since 1h > ev 2> ev.err & echo $! > ev.pid; w logs -f s job > log 2> log.err & echo $! > log.pid; "
        "until [ -s ev ] && [ -s log ]; do :; done");
    CHECK_MSG(began.code == 0, "%s", began.err);
    program_result_free(&began);
}

static void check_what_was_followed(const char *labels) {
    check_shell("w exec s touch /tmp/go; until grep -q '^200000$' log && grep -q command.end ev; do :; done; "
                "kill -INT $(cat ev.pid); seq 1 200000 | cmp - log && echo same; awk '{print $2}' ev",
                0, labels, "");
}

/* Cut twice in the middle of output, the second time when there is nothing to come. */
TEST(following_outlasts_a_cut_connection) {
    pid_t relay = begin_behind_relay();
    begin_to_follow();
    relay_cut(relay);
    check_shell("until grep -q 'trying again' log.err; do :; done; until grep -q '^100000$' log; do :; done; "
                "w label s a=b >/dev/null; until grep -q labels ev; do :; done",
                0, "", "");
    relay_cut(relay);
    check_what_was_followed("same\nsandbox.create\ncommand.start\nsandbox.labels\ncommand.end\n");
    relay_stop(relay);
}

/* Killed in the middle of output, and again: the sandbox goes on, and so do those who follow. */
TEST(following_outlasts_restarts_of_the_server) {
    begin_with_sandbox();
    begin_to_follow();
    check_shell("for i in 1 2; do kill -9 $(w serve status -o json | sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); "
                "until w label s round=$i >/dev/null 2>&1; do :; done; done",
                0, "", "");
    check_what_was_followed("same\nsandbox.create\ncommand.start\nsandbox.labels\nsandbox.labels\ncommand.end\n");
}

TEST_MAIN
