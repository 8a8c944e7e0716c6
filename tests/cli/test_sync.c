/* A local directory and its copy in a sandbox. */
#include <stdio.h>
#include <stdlib.h>

#include "person.h"
#include "test.h"

void test_after_each(void) { stop_own_server(); }

/* Runs lines of sh while sync runs, between `t` here and /t there; `same` waits until both are the same, and ends it all when sync
 * ends before. */
static void check_live(const char *options, const char *line, const char *out, const char *err) {
    char all[8192];
    check_shell("cat > look <<'END'\n"
                "export LC_ALL=C; cd $1\n"
                "find . -mindepth 1 ! -name '*.o' -printf '%y %m %p %l\\n' | sort\n"
                "find . -type f ! -name '*.o' -print0 | sort -z | xargs -0 cksum\n"
                "END\n"
                "w cp look s:/look; mkdir -p t/d; echo 1 > t/one; echo 2 > t/d/two",
                0, "", "");
    snprintf(all, sizeof(all),
             "w sync %s t s:/t > log & pid=$!\n"
             "same() { until sh look t > ours; w exec s sh /look /t > theirs 2> /dev/null; cmp -s ours theirs; do "
             "kill -0 $pid || exit 9; done; }\n"
             "same; %s; kill $pid; wait $pid; echo $?",
             options, line);
    check_shell(all, 0, out, err);
}

TEST(one_copy_is_enough_when_asked_for) {
    begin_with_sandbox();
    check_shell(
        "mkdir -p t/d; echo 1 > t/d/f; echo o > t/x.o; mkdir t/.git; touch t/.git/c t/d/.git; w exec s sh -c 'mkdir -p /t/old /t/.git; touch /t/keep.o /t/.git/x'; "
        "w sync --once --exclude .git/ --exclude '*.o' t s:/t; w exec s sh -c 'cd /t; find . | sort'",
        0, "in sync\n.\n./.git\n./.git/x\n./d\n./d/.git\n./d/f\n./keep.o\n./old\n", "");
    check_shell(
        "rm -r t/d; echo f > t/d; mkdir t/f; w exec s sh -c 'touch /t/f'; "
        "w sync --once --delete --exclude .git/ --exclude '*.o' t s:/t; w exec s sh -c 'cd /t; find . | sort; cat d'",
        0, "in sync\n.\n./.git\n./.git/x\n./d\n./f\n./keep.o\nf\n", "");
    check_shell(
        "w sync --once t s:/u/v; w exec s cat /u/v/x.o; w sync t/nope s:/t; echo $?; w sync t t; echo $?; w sync --once --exclude /d t/. s:/w; w exec s ls /w",
        0, "in sync\no\n1\n2\nin sync\nf\nx.o\n", "is not ID:DIR");
}

TEST(what_git_ignores_is_left_out_when_asked_for) {
    begin_with_sandbox();
    check_shell(
        "mkdir -p t/.git t/src/sub t/build/x t/a/tmp t/src/build; touch t/.git/c t/src/f.o t/src/keep.o t/src/f.c t/build/x/y "
        "t/a/tmp/z t/top t/src/top t/src/sub/log 't/ x' t/build.c t/src/build/b t/\\#a t/\\!b; "
        "printf '# comment\\r\\n\\n*.o  \\n!keep.o\\n/build/\\n**/tmp/\\n/top\\nsrc/**/log\\n\\\\#a\\n\\\\!b\\nx\\\\ ' "
        "> t/.gitignore; w sync --once --gitignore t s:/t; w exec s sh -c 'cd /t; find . -type f | sort'",
        0, "in sync\n./ x\n./.gitignore\n./build.c\n./src/build/b\n./src/f.c\n./src/keep.o\n./src/top\n", "");
    check_shell(
        "w sync --once --gitignore --exclude '*.c' --exclude '!f.o' t s:/u; w exec s sh -c 'cd /u; find . -type f | sort'",
        0, "in sync\n./ x\n./.gitignore\n./src/build/b\n./src/f.o\n./src/keep.o\n./src/top\n", "");
    check_shell(
        "rm t/.gitignore; w sync --once --gitignore t s:/v; w exec s sh -c 'cd /v; find . -type f | wc -l; ls -A | grep git'",
        1, "in sync\n13\n", "");
    check_shell("mkdir t/.gitignore; w sync --once --gitignore t s:/v", 1, "", "t/.gitignore: Is a directory");
}

/* Its lines count from when they are written. */
TEST(a_gitignore_that_changes_is_read_again) {
    begin_with_sandbox();
    check_live(
        "--gitignore",
        "mkdir t/new; echo a > t/.gitignore; echo new/ >> t/.gitignore; until w exec s grep -qs new /t/.gitignore; do "
        ":; done; echo x > t/new/f; echo y > t/seen; until w exec s test -e /t/seen; do :; done; w exec s test -e "
        "/t/new/f; echo $?; rm t/.gitignore; until w exec s test -e /t/new/f; do :; done; echo z > t/new/g; until w "
        "exec s test -e /t/new/g; do :; done",
        "1\n143\n", "");
}

TEST(changes_are_copied_as_they_come) {
    begin_with_sandbox();
    check_live(
        "--delete --exclude '*.o'",
        "echo 11 > t/one; same; echo new > t/new; mkdir -p t/a/b/c; echo deep > t/a/b/c/f; same; chmod 600 t/new; same; "
        "mv t/a t/z; same; echo more >> t/z/b/c/f; same; rm -r t/d; same; echo x > t/.tmp; mv t/.tmp t/one; same; "
        "ln -s one t/link; ln t/one t/hard; same; echo o > t/x.o; echo f > \"t/$(printf 'a b\\nc')\"; same; "
        "rm t/new; mkdir t/new; echo d > t/new/f; same; rm -r t/new; echo f > t/new; same; w files ls s /t -o name | grep -c x.o",
        "0\n143\n", "");
}

TEST(nothing_is_removed_without_being_asked_for) {
    begin_with_sandbox();
    check_live("",
               "rm t/one; echo 3 > t/three; until w exec s cat /t/three 2> /dev/null; do :; done; w exec s cat /t/one",
               "3\n1\n143\n", "");
}

/* More changes than the queue of inotify holds while wrenn does not look. */
TEST(an_overflow_copies_everything_again) {
    begin_with_sandbox();
    check_live(
        "--delete",
        "kill -STOP $pid; seq $(cat /proc/sys/fs/inotify/max_queued_events) | while read x; do echo $x > t/one; "
        "echo $x > t/two; done; "
        "rm -r t/d; mkdir -p t/e/f; echo last > t/e/f/g; kill -CONT $pid; same; echo 4 > t/e/f/h; same; cat t/e/f/h",
        "4\n143\n", "");
}

TEST(it_ends_when_there_is_nothing_to_copy_from_or_to) {
    begin_with_sandbox();
    check_shell("mkdir t; w sync t s:/t > log & until grep -q sync log; do :; done; rm -r t; wait $!; echo $?", 0,
                "1\n", "t is not there any more");
    check_shell(
        "mkdir t; w sync t s:/t > log & until grep -q sync log; do :; done; w rm s > rm; echo x > t/x; wait $!; echo $?",
        0, "1\n", "s");
}

TEST_MAIN
