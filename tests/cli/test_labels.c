/* Labels, names, filters, lifetimes and leases of sandboxes on the user's own server. */
#include <stdio.h>
#include <stdlib.h>

#include "person.h"
#include "test.h"

void test_after_each(void) { stop_own_server(); }

static void begin(void) {
    fresh_home();
    free(WRENN_SAYS("create", "--name", "work", "-l", "app=web"));
}

#define W "\"$WRENN_CLI\" "

TEST(labels_are_set_removed_and_shown) {
    begin();
    check_shell(W "label work app=db empty= x=1=2", 0, "NAME   VALUE\nname   work\napp    db\nempty  -\nx      1=2\n",
                "");
    check_shell(W "label work app- none- x=3 -o json | grep -o '\"labels\":{[^}]*}'", 0,
                "\"labels\":{\"name\":\"work\",\"empty\":\"\",\"x\":\"3\"}\n", "");
    check_shell(W "label work", 0, "NAME   VALUE\nname   work\nempty  -\nx      3\n", "");
    check_shell(W "label work name=play >/dev/null; " W "exec play echo here", 0, "here\n", "");
    check_shell(W "label play nothing", 2, "", "'nothing' is neither NAME=VALUE nor NAME-");
    check_shell(W "label play =x", 2, "", "'=x' is neither");
    check_shell(W "label play name=a/b", 2, "", "the name 'a/b' can't be used");
    check_shell(W "label play 'two words=1'", 1, "", "the name \"two words\"");
    check_shell(W "label", 2, "", "missing argument ID");
}

TEST(a_name_that_is_taken_is_refused_and_the_other_is_named) {
    begin();
    check_shell("id=$(" W "ls -q); " W "create --name work 2> said; code=$?; grep -qF \"$id\" said && exit $code", 1,
                "", "");
    check_shell(W "run --keep --name work true", 125, "", "has that name");
    check_shell("other=$(" W "create); " W "label $other name=work", 1, "", "has that name");
    check_shell(W "rm work >/dev/null; " W "create --name work >/dev/null", 0, "", "");
}

TEST(lists_are_filtered_by_the_server) {
    begin();
    check_shell(W "create --name two -l app=web -l tier=a >/dev/null; " W "create --name three -l app=db >/dev/null; " W
                  "pause three >/dev/null",
                0, "", "");
    check_shell("names() { " W "ls \"$@\" -o json | grep -o '\"name\":\"[a-z]*\"' | sort | uniq | tr -d '\\n'; };"
                "names --label app=web; echo; names -l app=web -l tier=a; echo; names --status paused; echo; "
                "names --status running --template minimal; echo",
                0,
                "\"name\":\"two\"\"name\":\"work\"\n\"name\":\"two\"\n\"name\":\"three\"\n"
                "\"name\":\"two\"\"name\":\"work\"\n",
                "");
    check_shell(W "ls --status runing", 2, "", "did you mean 'running'?");
    check_shell(W "ls -q -T minmal", 0, "", "no template 'minmal': did you mean 'minimal'?");
    check_shell(W "ls -q -T other", 0, "", "no template 'other': 'wrenn template ls' shows the templates");
    check_shell(W "ls -q -T minimal -l app=none 2>&1", 0, "", "");
    check_shell(W "rm --label app=web | wc -l; " W "ls -q | wc -l", 0, "2\n1\n", "");
}

TEST(a_lifetime_is_renewed_shown_and_ended) {
    begin();
    check_shell(W "lifetime work", 0, "none\n", "");
    check_shell("end=$(" W "lifetime work 2h); test \"$end\" = \"$(" W "lifetime work)\"; " W
                "inspect -o json work | grep -o '\"lifetime_sec\":[0-9]*'",
                0, "\"lifetime_sec\":7200\n", "");
    check_shell(W "lifetime work none", 0, "none\n", "");
    check_shell(W "lifetime work 0", 2, "", "'0' is neither a time");
    check_shell(W "lifetime work 2y", 2, "", "'2y' is neither a time");
    check_shell(W "lifetime nobody 1h", 1, "", "no sandbox 'nobody'");
    check_shell(W "lifetime work 1s >/dev/null; while test -n \"$(" W "ls -q)\"; do :; done", 0, "", "");
}

TEST(what_dies_with_its_command_ends_when_that_is_killed) {
    begin();
    check_shell(W "create --die-with-me --lease 1s --name dying > id & pid=$!; until test -s id; do :; done; " W
                  "inspect -o json dying | grep -o '\"lease_sec\":[0-9]*'; kill -9 $pid; "
                  "while " W "ls -q | grep -qF \"$(cat id)\"; do :; done; " W "exec work echo others stay",
                0, "\"lease_sec\":1\nothers stay\n", "");
}

TEST(a_signal_destroys_it_and_its_end_ends_the_command) {
    begin();
    check_shell(W "create --die-with-me > id & pid=$!; until test -s id; do :; done; kill -TERM $pid; wait $pid; "
                  "echo $?; " W "ls -q | grep -cF \"$(cat id)\"",
                1, "143\n0\n", "");
    check_shell("rm id; " W "create --die-with-me > id & pid=$!; until test -s id; do :; done; " W
                "rm $(cat id) >/dev/null; wait $pid",
                0, "", "");
}

TEST(leases_that_make_no_sense_are_refused) {
    begin();
    check_shell(W "create --lease 5s", 2, "", "--lease is for --die-with-me");
    check_shell(W "create --die-with-me --lease 0", 2, "", "--lease");
    check_shell(W "run --die-with-me --keep true", 2, "", "--keep keeps the sandbox, --die-with-me does not");
    check_shell(W "run --die-with-me -d true", 2, "", "--detach keeps the sandbox");
    check_shell(W "run --die-with-me echo hello", 0, "hello\n", "");
}

TEST_MAIN
