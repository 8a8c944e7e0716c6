/* Files and trees into and out of sandboxes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "person.h"
#include "relay.h"
#include "test.h"

void test_after_each(void) { stop_own_server(); }

TEST(files_go_both_ways) {
    begin_with_sandbox();
    check_shell("head -c 3000000 /dev/urandom > big; w cp big s:/tmp/ && w cp s:/tmp/big back && cmp big back", 0, "",
                "");
    check_shell("printf '#!/bin/sh\\necho ran' > prog; chmod 755 prog; w cp prog s:/tmp/p && w exec s /tmp/p", 0,
                "ran\n", "");
    check_shell("w cp s:/tmp/p . && test -x p && w cp s:/tmp/p sub/ ; echo $?", 0, "1\n", "sub");
    check_shell("echo piped | w cp - s:/tmp/piped && w cp s:/tmp/piped - && w files cat s /tmp/piped", 0,
                "piped\npiped\n", "");
    check_shell("w cp /nonexistent s:/tmp/x", 1, "", "/nonexistent: No such file");
    check_shell("w cp s:/nonexistent x; echo $?; ls -A | grep -c wrenn-; true", 0, "1\n0\n", "/nonexistent");
    check_shell("w cp a b", 2, "", "neither is in a sandbox");
    check_shell("w cp s:/a s:/b", 2, "", "both are in sandboxes");
    check_shell("w cp nothere:/a b", 1, "", "no sandbox 'nothere'");
    check_shell("echo c > a:b; w cp ./a:b s:/tmp/colon && w files cat s /tmp/colon", 0, "c\n", "");
}

TEST(trees_go_both_ways) {
    begin_with_sandbox();
    check_shell(
        "mkdir -p t/a/b t/empty; echo 1 > t/one; echo 2 > t/a/b/two; ln -s a/b/two t/link; ln -s nowhere t/loose;"
        "w cp t s:/tree && w cp s:/tree out && diff -r --no-dereference t out && test -d out/empty",
        0, "", "");
    /* Into one that is there it goes by its own name; "t/." is what is in it. */
    check_shell("w cp t s:/tree && w exec s cat /tree/t/one && w cp t/. s:/opt && w exec s cat /opt/one", 0, "1\n1\n",
                "");
    check_shell("mkdir d; w cp s:/tree/t d && cat d/t/one", 0, "1\n", "");
    /* Names are bytes on both sides. */
    check_shell("mkdir n; echo x > \"n/a b'\\\"\\$\"; printf x > n/\xc3\xa4; w cp n s:/n && w cp s:/n m && diff -r n m",
                0, "", "");
    check_shell(
        "mkdir bad; echo x > bad/\"$(printf '\\377')\"; w cp bad s:/bad && w cp s:/bad bad2 && diff -r bad bad2", 0, "",
        "");
    check_shell("mkfifo pipe; mkdir p; mv pipe p; w cp p s:/p; echo $?", 0, "0\n", "p/pipe is left out");
}

/* Permissions, times, names of one file, holes, and names of any length. */
TEST(trees_keep_what_they_are) {
    begin_with_sandbox();
    check_shell(
        "mkdir -p t/d/e; cd t; echo 1 > one; ln one d/two; truncate -s 40M holes; echo x >> holes; chmod 750 d; "
        "n=$(printf 'n%.0s' $(seq 250)); mkdir -p $n/$n; echo deep > $n/$n/$n; : > empty; "
        "touch -d @981173106.25 one d; touch -d @-5.5 empty; cd ..; w cp t s:/t && w cp s:/t u && diff -r t u; "
        "for f in d d/two one holes empty; do stat -c '%a %h %s %.2Y' u/$f > a; stat -c '%a %h %s %.2Y' t/$f | "
        "diff - a; done; test $(stat -c %b u/holes) -lt 1000; test u/one -ef u/d/two; "
        "w exec s sh -c 'test /t/one -ef /t/d/two && stat -c %a.%Y /t/d && test $(stat -c %b /t/holes) -lt 1000'",
        0, "750.981173106\n", "");
    /* Directories that are there stay as they are. */
    check_shell(
        "mkdir v; w exec s chmod 1777 /t; chmod 700 v; w cp t/. s:/t; w cp s:/t/. v; stat -c %a v; w exec s stat -c %a /t",
        0, "700\n1777\n", "");
}

TEST(set_id_bits_are_kept_when_asked_for) {
    begin_with_sandbox();
    check_shell("mkdir t; cp /bin/true t/f; chmod 6755 t/f; chmod 2755 t; w cp t s:/a; w cp -a t s:/b; w cp t/f s:/c; "
                "w cp -a t/f s:/d; w exec s stat -c %a /a /a/f /b /b/f /c /d",
                0, "755\n755\n2755\n6755\n755\n6755\n", "");
    check_shell("w cp s:/b a; w cp -a s:/b b; w cp s:/d c; w cp -a s:/d d; stat -c %a a a/f b b/f c d", 0,
                "755\n755\n2755\n6755\n755\n6755\n", "");
    check_shell("w exec s sh -c 'chown 5:6 /b/f; mkdir /l; ln -s /b /l/b'; w cp -ra s:/b e; test $(id -u) != 0 || "
                "stat -c %u:%g e/f; w cp s:/l/b f; test -f f/f && ! test -L f",
                0, "5:6\n", "");
}

TEST(directories_go_through_pipes_as_archives) {
    begin_with_sandbox();
    check_shell(
        "mkdir t; echo 1 > t/one; tar c t | w cp - s:/srv/ && w exec s cat /srv/t/one; w cp s:/srv - | tar t | sort; "
        "w cp s:/srv - | w cp - s:/opt/again/; w files ls s /opt/again -o name",
        0, "1\n./\nt/\nt/one\nt\n", "");
    check_shell("echo no archive | w cp - s:/srv/", 1, "", "the archive breaks off: /srv");
    check_shell("head -c 5000 /dev/urandom | w cp - s:/srv/", 1, "", "no tar archive, or a damaged one: /srv");
    check_shell("w cp s:/srv - > /dev/full", 1, "", "No space left");
    check_shell("w files cat s /srv", 1, "", "/srv");
}

/* What a sandbox says about its files leads nowhere else than where it was asked to go. */
TEST(links_in_a_sandbox_lead_nowhere_here) {
    begin_with_sandbox();
    check_shell("mkdir victim out; ln -s ../victim out/dir; w exec s sh -c 'mkdir -p /t/dir; echo bad > /t/dir/f'; "
                "w cp s:/t/. out; echo $?; ls victim",
                0, "1\n", "dir");
    check_shell("echo mine > mine; ln -s ../mine out/f; w exec s sh -c 'echo theirs > /t/f'; w exec s rm -r /t/dir; "
                "w cp s:/t/. out; cat mine out/f",
                0, "mine\ntheirs\n", "");
}

TEST(what_can_not_be_read_is_said_and_the_rest_is_copied) {
    begin_with_sandbox();
    check_shell("mkdir -p t/a t/z; echo 1 > t/a/f; echo 2 > t/z/f; ln -s x t/loop; ulimit -n 1024; "
                "mkdir -p deep; (cd deep; for i in $(seq 300); do mkdir d && cd -P d; done); mv deep t/deep; "
                "w cp t s:/t; echo $?; w exec s cat /t/a/f /t/z/f",
                0, "1\n1\n2\n", "too many levels of directories");
    check_shell("w exec s sh -c 'mkdir -p /u/a; echo 1 > /u/a/f; mkfifo /u/p'; w cp s:/u u && cat u/a/f", 0, "1\n",
                "u/p is left out: it is no file");
    check_shell("w cp s:/nothing x; echo $?; test -e x; echo $?", 0, "1\n1\n", "/nothing");
}

TEST(a_full_disk_leaves_nothing_half) {
    begin_with_sandbox();
    check_shell("w exec s sh -c 'mkdir /tmp/t; echo 1 > /tmp/t/a; head -c 100000 /dev/zero > /tmp/t/big'; "
                "(ulimit -f 8; trap '' XFSZ; w cp s:/tmp/t t); echo $?; ls -A t | grep -c -e big -e .wrenn; true",
                0, "1\n0\n", "t/big: File too large");
    check_shell(
        "w exec s sh -c 'head -c 100000 /dev/zero > /tmp/f'; (ulimit -f 8; trap '' XFSZ; w cp s:/tmp/f here); echo $?;"
        " ls -A | grep -c -e here -e .wrenn; true",
        0, "1\n0\n", "File too large");
    check_shell("w files cat s /tmp/f > /dev/full", 1, "", "No space left");
}

/* /dev of a sandbox is 64 kB. */
TEST(a_full_disk_in_the_sandbox_leaves_nothing_half) {
    static const char full[] =
        "No space left on device: /dev/t/big (HTTP 502, agent_error)\nwrenn: not all was copied: "
        "every file below /dev/t has its old content, or all of the new\n";
    begin_with_sandbox();
    check_shell("mkdir t; echo new > t/a; head -c 200000 /dev/zero > t/big; w exec s sh -c 'mkdir /dev/t; echo old > "
                "/dev/t/big'",
                0, "", "");
    check_shell("w cp t/. s:/dev/t; echo $?; w exec s sh -c 'cat /dev/t/big; find /dev/t -name \".wrenn*\"'", 0,
                "1\nold\n", full);
    check_shell("w sync --once t s:/dev/t; echo $?; w exec s cat /dev/t/big", 0, "1\nold\n", full);
    check_shell("tar c -C t . | w cp - s:/dev/t; echo $?; w exec s cat /dev/t/big", 0, "1\nold\n", full);
    check_shell("w cp t/big s:/dev/t/big; echo $?; w exec s sh -c 'cat /dev/t/big; ls -A /dev/t | grep wrenn'", 1,
                "1\nold\n", "t/big: No space left on device: /dev/t/big");
    check_shell("w run --upload t/big:/dev/big echo ran", 125, "", "No space left on device: /dev/big");
    check_shell("w run --upload t:/dev/t echo ran", 125, "", full);
}

/* The other end of the pipe neither writes nor reads any more. */
TEST(a_pipe_that_stands_still_does_not_keep_it_from_ending) {
    begin_with_sandbox();
    check_shell(
        "w exec s sh -c 'echo old > /tmp/f'; mkfifo p; w cp - s:/tmp/f < p & exec 3> p; head -c 1000000 /dev/zero >&3; "
        "kill $!; wait $! 2> /dev/null; echo $?; w files cat s /tmp/f",
        0, "143\nold\n", "");
    check_shell("w exec s sh -c 'head -c 1000000 /dev/zero > /tmp/f'; mkfifo q; exec 4<> q; "
                "for line in 'cp s:/tmp/f -' 'files cat s /tmp/f'; do "
                "w $line > q & head -c 1000 <&4 > /dev/null; kill $!; wait $! 2> /dev/null; echo $?; done",
                0, "143\n143\n", "");
}

TEST(an_interrupted_copy_says_what_is_there) {
    begin_with_sandbox();
    check_shell("w files mkdir s /tmp/below; "
                "w cp /dev/zero s:/tmp/below/f & until w exec s ls -A /tmp/below | grep -q .; do :; done; "
                "kill $!; wait $!; echo $?",
                0, "143\n", "interrupted: /tmp/below/f has its old content, or all of the new");
}

/* Nothing has its final name before it is whole, also when wrenn can't clean up any more. */
TEST(a_killed_copy_leaves_no_half_files) {
    begin_with_sandbox();
    check_shell(
        "mkdir t; echo 1 > t/a; truncate -s 1 t/big; head -c 300000000 /dev/urandom > t/big; "
        "w cp t s:/t & until w exec s ls -A /t 2> /dev/null | grep -q wrenn-; do :; done; kill -KILL $!; wait $! 2> /dev/null; "
        "until ! w exec s ls -A /t | grep -q wrenn-; do :; done; w exec s sh -c 'test ! -e /t/big; echo $?'",
        0, "0\n", "");
    check_shell(
        "w cp t/big s:/tmp/big; w exec s sh -c 'mkdir /u; mv /tmp/big /u/'; w cp s:/u u & "
        "until ls -A u 2> /dev/null | grep -q wrenn-; do :; done; kill -KILL $!; wait $! 2> /dev/null; test -e u/big; echo $?; "
        "rm -r u; w cp s:/u u & until ls -A u 2> /dev/null | grep -q wrenn-; do :; done; kill -TERM $!; wait $!; "
        "echo $?; ls -A u",
        0, "1\n143\n", "interrupted: every file below u has its old content");
}

/* What takes longer than a second is shown on a terminal, in one line however narrow that is, and removed at the end. */
TEST(progress_is_shown_on_a_terminal) {
    static const struct {
        const char *line, *sees[3];
        unsigned short cols;
    } cases[] = {
        {"w cp t s:/t", {"t  ", " MB of 30.0 MB, ", " s left\033[K\r"}, 100},
        {"w cp t/with-a-long-name s:/f", {"g-name  ", " MB of 30.0 MB, ", " s left\033[K\r"}, 55},
        {"w cp s:/up/t u", {"/up/t  ", " MB, ", " MB/s\033[K\r"}, 100},
        {"w cp s:/up/t/with-a-long-name v", {"-name  ", " MB of 30.0 MB, ", " s left\033[K\r"}, 100},
        {"w sync --once t s:/w", {"t  ", " MB, ", " MB/s\033[K\r"}, 100},
    };
    begin_with_sandbox();
    check_shell("mkdir t; head -c 30000000 /dev/urandom > t/with-a-long-name; w cp t s:/up/", 0, "", "");
    pid_t relay = relay_to_own();
    relay_slow(relay);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        person p = person_starts((const char *const[]){"sh", "-c", cases[i].line, NULL}, cases[i].cols, 30);
        for (size_t k = 0; k < 3; k++) person_sees(&p, cases[i].sees[k]);
        person_types(&p, "\003");
        person_sees(&p, "\r\033[K");
        CHECK(cases[i].cols > 60 || !strstr(p.screen, "with-a"));
        if (i != 3) person_sees(&p, "has its old content, or all of the new");
        CHECK(person_leaves(&p) != 0);
    }
    relay_stop(relay);
}

/* The other end of the connection goes away while files are copied. */
TEST(a_connection_that_breaks_in_the_middle_of_a_copy) {
    static const char *const lines[] = {"w cp t s:/t", "w cp t/big s:/t/big", "w cp s:/up u", "w cp s:/up/big u/big"};
    begin_with_sandbox();
    check_shell(
        "mkdir t u; head -c 30000000 /dev/urandom > t/big; w cp t s:/up; echo old > u/big; w exec s sh -c 'mkdir "
        "/t; echo old > /t/big'",
        0, "", "");
    pid_t relay = relay_to_own();
    relay_slow(relay);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        person p = person_starts((const char *const[]){"sh", "-c", lines[i], NULL}, 100, 30);
        person_sees(&p, " MB/s");
        relay_cut(relay);
        person_sees(&p, "connection");
        CHECK_INT(person_leaves(&p), 1);
    }
    relay_stop(relay);
    unsetenv("WRENN_BASE_URL");
    unsetenv("WRENN_API_KEY");
    check_shell("until ! w exec s ls -A /t | grep -q wrenn-; do :; done; w exec s cat /t/big; cat u/big; ls -A u u/up",
                0, "old\nold\nu:\nbig\nup\n\nu/up:\n", "");
}

TEST(a_reader_that_has_enough_is_no_failure) {
    begin_with_sandbox();
    check_shell("w exec s sh -c 'yes | head -c 5000000 > /tmp/f'; { w files cat s /tmp/f; echo $? >&2; } | head -1", 0,
                "y\n", "141\n");
}

TEST(small_changes_to_files) {
    begin_with_sandbox();
    check_shell(
        "w files mkdir s /x/y && w exec s touch /x/y/f && w files mv s /x/y/f /x/g && w files chmod s 700 /x/g && "
        "w files ls s /x -o name && w exec s stat -c %a /x/g",
        0, "g\ny\n700\n", "");
    check_shell(
        "w exec s sh -c 'mkdir /x/d; echo new > /x/n' && w files mv s /x/n /x/d && w files mv s x /x/d/none; echo $?;"
        "w exec s sh -c 'cat /x/d/n; rm -r /x/d'",
        0, "1\nnew\n", "x to /x/d/none");
    check_shell(
        "for m in u+s,o+x a=rX go-rwx,u=rw +w 1755 =; do w files chmod s $m /x/g && w exec s stat -c %a /x/g; done", 0,
        "4701\n555\n600\n600\n1755\n0\n", "");
    for (const char *const *bad = (const char *const[]){"u", "x", "u+q", "888", "17777", "u+x,,o", "", NULL}; *bad;
         bad++) {
        char line[80];
        snprintf(line, sizeof(line), "w files chmod s '%s' /x/g", *bad);
        check_shell(line, 2, "", "is not a mode");
    }
    check_shell("w files ls s /x -o json --depth 2 | grep -c '\"path\":\"/x/y\"'", 0, "1\n", "");
    check_shell("w files rm s /x && w files ls s /x", 1, "", "/x");
    check_shell("w files cat s /etc/nope /etc/hostname | wc -l", 0, "1\n", "/etc/nope");
}

/* A thousand names, and one that is as long as a name can be. */
TEST(large_directories) {
    begin_with_sandbox();
    check_shell(
        "w exec s sh -c 'mkdir /m; cd /m; seq 1 3000 | xargs touch; touch $(head -c 255 /dev/zero | tr \"\\0\" l)';"
        "w files ls s /m -o name | wc -l; w cp s:/m m && ls m | wc -l",
        0, "3001\n3001\n", "");
}

/* Sanitizers look for what is wrong with one of them. */
#ifdef SANITIZED
#define IN_EACH "100"
#else
#define IN_EACH "300"
#endif
#define IN_ALL IN_EACH "00"

TEST(a_tree_of_many_files) {
    begin_with_sandbox();
    check_shell("mkdir t; cd t; for i in $(seq 100); do mkdir $i; (cd $i; seq " IN_EACH " | xargs touch); done; cd ..; "
                "w cp t s:/t && w exec s sh -c 'find /t -type f | wc -l' && w cp s:/t u && find u -type f | wc -l",
                0, IN_ALL "\n" IN_ALL "\n", "");
}

TEST(files_are_removed_as_with_rm) {
    begin_with_sandbox();
    check_shell("w files mkdir s /tmp/a/b && w files rm -rf s /tmp/a /tmp/nothing && w files ls s /tmp -o name", 0, "",
                "");
}

TEST_MAIN
