/* Surroundings that nobody wishes for: full disks, closed descriptors, no home, places where nothing can be written, and the
 * command being killed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "person.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void test_after_each(void) { stop_own_server(); }

/* Whatever prints: an error that says so, and no other output. */
TEST(output_that_can_not_be_written_is_a_failure) {
    static const struct {
        const char *line;
        int code;
    } cases[] = {
        {"version", 1},
        {"help", 1},
        {"help run", 1},
        {"run --help", 125},
        {"ls", 1},
        {"ls -o json", 1},
        {"ls -q", 1},
        {"inspect s", 1},
        {"ps s", 1},
        {"stats s", 1},
        {"ping s", 1},
        {"run echo hi", 125},
        {"run -o json echo hi", 125},
        {"run seq 1000000", 125},
        {"exec s echo hi", 125},
        {"exec -d s true", 125},
        {"files ls s /", 1},
        {"files cat s /etc/passwd", 1},
        {"cp s:/etc/passwd -", 1},
        {"url s 80", 1},
        {"template ls", 1},
        {"snapshot ls", 1},
        {"context ls", 1},
        {"whoami", 1},
        {"serve status", 1},
        {"bench -n 1", 1},
        {"completion bash", 1},
        {"doctor", 1},
        {"doctor -o json", 1},
        {"mcp --http 0", 1},
        {"create", 1},
    };
    begin_with_sandbox();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char line[256];
        snprintf(line, sizeof(line), "w %s > /dev/full; code=$?; w %s >&-; echo $code $?", cases[i].line,
                 cases[i].line);
        program_result result = shell(line);
        snprintf(line, sizeof(line), "%d %d\n", cases[i].code, cases[i].code);
        CHECK_MSG(strcmp(result.out, line) == 0, "%s: %s%s", cases[i].line, result.out, result.err);
        CHECK_CONTAINS(result.err, "wrenn");
        program_result_free(&result);
    }
    check_shell("w ls > /dev/full", 1, "", "wrenn: can't write the output: No space left on device\n");
    check_shell("w bench -n 1 > /dev/full", 1, "", "wrenn: can't write the output: No space left on device\n");
}

/* The server's log has no room either. */
TEST(a_full_disk_is_why_the_server_does_not_start) {
    static const char *const limits[] = {"size=64k", "nr_inodes=6", "nr_inodes=4"};
    fresh_home();
    for (size_t i = 0; i < COUNT(limits); i++) {
        char line[512];
        snprintf(
            line, sizeof(line),
            "mkdir -p full; export XDG_STATE_HOME=$PWD/full; unshare -rm sh -c 'mount -t tmpfs -o mode=700,%s none full; "
            "head -c 100k /dev/zero 2>&- > full/fill; \"$WRENN_CLI\" ls'",
            limits[i]);
        check_shell(line, 1, "", "/full/wrenn/server: No space left on device; make room there, or set XDG_STATE_HOME");
    }
}

TEST(closed_input_and_messages_do_no_harm) {
    static const struct {
        const char *line, *out;
    } cases[] = {
        {"run echo hi", "hi\n"},          {"run cat", ""},
        {"exec s echo hi", "hi\n"},       {"files cat s /tmp/f", "f\n"},
        {"cp s:/tmp/f - ", "f\n"},        {"cp s:/tmp/f here && cat here", "f\n"},
        {"ls -q | wc -l", "1\n"},         {"version -o name 2>&1 | wc -l", "1\n"},
        {"code nothing; echo $?", "1\n"}, {"kill s nothing; echo $?", "1\n"},
    };
    begin_with_sandbox();
    check_shell("w exec s sh -c 'echo f > /tmp/f'", 0, "", "");
    for (size_t i = 0; i < COUNT(cases); i++) {
        static const char *const closed[] = {"<&-", "2>&-", "<&- 2>&-"};
        for (size_t k = 0; k < COUNT(closed); k++) {
            char line[256];
            snprintf(line, sizeof(line), "exec %s; w %s", closed[k], cases[i].line);
            program_result result = shell(line);
            CHECK_MSG(strcmp(result.out, cases[i].out) == 0, "%s: %s%s", line, result.out, result.err);
            program_result_free(&result);
        }
    }
}

/* Also root can write nothing in /proc. */
TEST(nothing_is_written_where_it_runs) {
    begin_with_sandbox();
    check_shell("cd /proc; w run echo ran && w exec s echo there && w ls -q | wc -l", 0, "ran\nthere\n1\n", "");
    check_shell("cd /proc; w cp s:/etc/hostname .", 1, "", "can't write");
    check_shell("cd /proc; w run --download /etc/hostname:here true", 125, "", "can't write");
    check_shell("mkdir gone; cd gone; rmdir ../gone; w run echo ran; w ls -q | wc -l", 0, "ran\n1\n", "");
}

TEST(without_a_home_all_but_contexts_works) {
    static const char *const homes[] = {"unset HOME", "HOME=", "HOME=/dev/null/home", "HOME=relative"};
    begin_with_sandbox();
    check_shell("w serve stop --force", 0, "", "");
    for (size_t i = 0; i < COUNT(homes); i++) {
        char line[512];
        snprintf(
            line, sizeof(line),
            "mkdir -pm 700 r; export XDG_RUNTIME_DIR=$PWD/r; trap 'w serve stop --force 2> end' EXIT; %s; w run echo ran; w context ls -q; w create --name t >/dev/null && "
            "w exec t echo there; w rm t | wc -l; w context add x --url unix:/x",
            homes[i]);
        check_shell(line, 1, "ran\nthere\n1\n", "there is no home directory for contexts: set HOME or XDG_CONFIG_HOME");
    }
}

/* Waits until no process of this machine has these words. */
static void wait_until_gone(const char *words) {
    char line[256];
    snprintf(line, sizeof(line),
             "while cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -q '[%c]%s'; do :; done", words[0],
             words + 1);
    check_shell(line, 0, "", "");
}

/* A private server sees that the command is gone, and ends with all that it has. */
TEST(killed_run_leaves_nothing) {
    fresh_home();
    program running = program_start(
        (const char *const[]){getenv("WRENN_CLI"), "run", "sh", "-c", "echo ready; exec sleep 31536001.5", NULL});
    char text[8] = "";
    CHECK_INT(read(running.out, text, sizeof(text) - 1), 6);
    kill(running.pid, SIGKILL);
    program_result result = program_finish(&running);
    CHECK_INT(result.code, 1000 + SIGKILL);
    program_result_free(&result);
    wait_until_gone("sleep 31536001.5");
}

/* With a server that stays, what was made is there to be seen and removed. */
TEST(killed_run_on_a_server_can_be_cleaned_up) {
    begin_with_sandbox();
    program running = program_start((const char *const[]){
        "sh", "-c",
        "WRENN_API_KEY=$(cat .local/state/wrenn/server/key) exec w run --url $(w serve status -o name) --name left "
        "sh -c 'echo ready; exec sleep 31536002.5'",
        NULL});
    char text[8] = "";
    CHECK_INT(read(running.out, text, sizeof(text) - 1), 6);
    kill(running.pid, SIGKILL);
    program_result result = program_finish(&running);
    CHECK_INT(result.code, 1000 + SIGKILL);
    program_result_free(&result);
    check_shell("w exec left echo there; w rm left | wc -l; w ls -q | wc -l", 0, "there\n1\n1\n", "");
    wait_until_gone("sleep 31536002.5");
}

/* A shell outlives whoever looked at it. */
TEST(killed_shell_can_be_found_again) {
    begin_with_sandbox();
    person p = PERSON("shell", "s");
    person_types(&p, "V=kept; echo re''ady\r");
    person_sees(&p, "ready");
    kill(p.pid, SIGKILL);
    CHECK_INT(person_leaves(&p), 1000 + SIGKILL);
    program_result tag = shell("w ps s -o jsonl | sed -n 's/.*\"tag\":\"\\([^\"]*\\)\".*/\\1/p' | tr -d '\\n'");
    CHECK(tag.out_size > 0);
    p = PERSON("shell", "s", "--attach", tag.out);
    person_types(&p, "\recho still $V; exit 4\r");
    person_sees(&p, "still kept");
    CHECK_INT(person_leaves(&p), 4);
    program_result_free(&tag);
    check_shell("w ps s -o name", 0, "", "");
}

TEST_MAIN
