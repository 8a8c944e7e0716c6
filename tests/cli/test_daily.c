/* What is done with sandboxes every day, beside running programs in them. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "person.h"
#include "test.h"

void test_after_each(void) { stop_own_server(); }

TEST(programs_in_the_background) {
    begin_with_sandbox();
    check_shell("w exec -d --tag job s sleep 1000 | grep -c '^[1-9]'; w ps s -o json | grep -c '\"tag\":\"job\"'; "
                "w ps s -o name | grep -c .; w exec -d --tag job s true",
                125, "1\n1\n1\n", "job");
    check_shell("w exec --tag job s true", 2, "", "--tag goes with --detach");
}

/* Whoever sees output is attached: what comes then is not missed. */
TEST(waiting_and_killing) {
    begin_with_sandbox();
    check_shell(
        "w exec -d --tag job s sh -c 'trap \"exit 7\" TERM; while :; do echo y; done' > /dev/null; "
        "w wait s job > out & until [ -s out ]; do :; done; w kill -s TERM s job; wait $!; echo $?; head -1 out",
        0, "7\ny\n", "");
    check_shell("w exec -d --tag other s yes > /dev/null; w wait s other | head -1; w ps s -o jsonl | grep -c other; "
                "w kill s other",
                0, "y\n1\n", "");
    check_shell("w kill s nothing", 1, "", "nothing");
    check_shell("w wait s nothing", 125, "", "nothing");
    check_shell("w wait s", 0, "", "");
}

TEST(a_program_in_the_background_that_is_not_there) {
    begin_with_sandbox();
    check_shell("w exec -d s no-such-program", 127, "", "no-such-program: the program can't be run: No such file");
    check_shell("w exec -d --tag t s /etc/passwd", 126, "", "Permission denied");
    check_shell("w ps -o name s; w logs s t", 1, "", "t");
    check_shell("w run -d no-such-program", 127, "", "No such file");
    check_shell("w run minimal sh", 127, "",
                "'minimal' is a template: 'wrenn run -T minimal PROGRAM' runs a program in it");
    check_shell("w run alpine:3 sh", 127, "",
                "the template 'minimal' has no program 'alpine:3'; another template is chosen with -T");
    check_shell("w run -d alpine sh", 127, "",
                "the template 'minimal' has no program 'alpine'; another template is chosen with -T");
    check_shell("w run sh -c no-such-program 2>&1 | grep -c 'has no program'; true", 0, "0\n", "");
    check_shell("w exec -d -w /nowhere s true", 125, "", "cwd");
}

TEST(what_was_put_out) {
    begin_with_sandbox();
    check_shell("w logs s", 1, "", "nothing was started in the background here");
    check_shell("w exec -d --tag job s sh -c 'echo one; echo two >&2; while ! test -e /tmp/go; do :; done; echo three; "
                "exit 3' > /dev/null; w logs -f s job > out 2> err & until [ -s err ]; do :; done; "
                "w exec s touch /tmp/go; wait $!; echo $?; cat out; w logs -n 1 s job; w logs --offset 8 s job",
                0, "0\none\nthree\nthree\nthree\n", "");
    check_shell("w exec -d --tag last s sh -c 'echo last; exit 5' > out; w logs -f s; w wait s last; echo $?; w logs s",
                0, "last\n5\nlast\n", "");
    check_shell("w logs --tail 1 --offset 1 s job", 2, "", "--tail");
    check_shell("w logs --tail -1 s job", 2, "", "-1");
    check_shell("w logs s nothing", 1, "", "nothing");
    check_shell("w exec -d --tag much s sh -c 'yes | head -c 9000000' > /dev/null; "
                "while w ps s -o jsonl | grep -q much; do :; done; w logs -f s much | wc -c",
                0, "8388608\n", "611392 bytes");
    check_shell("w exec -d --tag hup s sh -c 'trap \"exit 9\" HUP; while :; do echo y; done' > /dev/null; "
                "w wait s hup > seen & until [ -s seen ]; do :; done; w kill -s hup s hup; wait $!; echo $?",
                0, "9\n", "");
    check_shell("w kill -s NONE s hup", 2, "", "HUP, INT, QUIT");
}

TEST(pausing_and_snapshots) {
    begin_with_sandbox();
    char *id = WRENN_SAYS("pause", "s"), *again;
    check_shell("w ls -o json | grep -c '\"status\":\"paused\"'; w exec s true; echo $?", 0, "1\n125\n", "s");
    CHECK_STR(again = WRENN_SAYS("resume", "s"), id);
    free(again);
    CHECK_STR(again = WRENN_SAYS("ping", "s"), id);
    free(again);
    free(id);
    check_shell("w exec s sh -c 'echo kept > /root/f' && w snapshot create s snap && w snapshot ls -o name && "
                "w create -T snap --name t > /dev/null && w exec t cat /root/f && w template ls -o name | sort",
                0, "snap\nsnap\nkept\nminimal\nsnap\n", "");
    check_shell("w snapshot create s snap", 1, "", "snap");
    check_shell("w snapshot rm snap nothing", 1, "snap\n", "nothing");
}

/* What prints something prints it for scripts, too. */
TEST(all_that_is_printed_is_there_as_json) {
    begin_with_sandbox();
    check_shell("w pause s -o json | grep -c '^\\[{\"id\":\"cl-'; w resume s -o jsonl | grep -c '^{\"id\":\"cl-'; "
                "w ping s s -o json | grep -c '^\\[{\"id\".*{\"id\"'; w ping -o name s | grep -c '^cl-'; "
                "w url s 80 -o json | grep -c '^{\"id\":\"cl-.*\",\"port\":80,\"url\":\"http://80-'; "
                "w serve -o json status | grep -c '^{\"running\":true'; w snapshot create s n; "
                "w snapshot rm n -o jsonl; echo x | w secret set a >/dev/null; w secret rm a -o json",
                0, "1\n1\n1\n1\n1\n1\nn\n{\"name\":\"n\"}\n[{\"name\":\"a\"}]\n", "");
}

/* The same error code is for sandboxes, files, templates and processes; each has its own remedy. */
TEST(remedies_fit_what_is_missing) {
    static const char none[] = "w exec cl-0123456789abcdefghijklmno true";
    begin_with_sandbox();
    check_shell(
        "w files cat s /nope 2> err; w files ls s /nope 2>> err; grep -c 'No such file' err; grep -c 'wrenn ls' err", 1,
        "2\n0\n", "");
    check_shell(none, 125, "", "sandbox not found: 'wrenn ls' shows the sandboxes");
    check_shell("w create -T nope", 1, "", "'wrenn template ls' shows the templates");
    check_shell("w create -T minmal", 1, "", "no template 'minmal': did you mean 'minimal'?");
    check_shell("w snapshot rm minmal", 1, "", "no template 'minmal': did you mean 'minimal'?");
    free(WRENN_SAYS("create", "--name", "work"));
    check_shell("w exec wrok true", 125, "", "no sandbox 'wrok': did you mean 'work'?");
    check_shell("w exec other true", 125, "", "no sandbox 'other': 'wrenn ls' shows the sandboxes");
    check_shell("w exec $(printf 'n%.0s' $(seq 100)) true", 125, "", "nn': 'wrenn ls' shows the sandboxes");
    check_shell("w exec \"$(printf '\\377')\" true", 125, "", "no sandbox '");
    check_shell("w exec c true", 125, "", "type more of the id");
    check_shell("w ls --context nope; w context use nope; w context rm nope", 1, "",
                "wrenn: no context 'nope': 'wrenn context ls' shows the contexts\n"
                "wrenn: no context 'nope': 'wrenn context ls' shows the contexts\n"
                "wrenn: no context 'nope': 'wrenn context ls' shows the contexts\n");
    check_shell("w kill s 99", 1, "", "'wrenn ps' shows what runs");
    free(WRENN_SAYS("pause", "s"));
    check_shell("w exec s true", 125, "", "sandbox is not running (status: paused): 'wrenn resume' wakes it up");
    check_shell("w exec -d s true", 125, "", "'wrenn resume' wakes it up");
    check_shell("w files ls s", 1, "", "'wrenn resume' wakes it up");
}

TEST(variables_may_be_those_of_here) {
    begin_with_sandbox();
    setenv("HERE", "1 = 2", 1);
    setenv("EMPTY", "", 1);
    check_shell("w exec -e HERE -e EMPTY -e OWN=3 s sh -c 'echo \"$HERE,${EMPTY-unset},$OWN\"'", 0, "1 = 2,,3\n", "");
}

TEST(what_they_use) {
    begin_with_sandbox();
    check_shell("w stats s -o json | grep -c '\"id\":\"cl-'", 0, "1\n", "");
    check_shell("w stats --once > out; head -1 out | tr -s ' '; grep -c '\342\226' out; true", 0,
                "ID CPU MEMORY DISK NET IN NET OUT\n0\n", "");
    /* As many graphs as numbers, until there is no room for any. */
    person p = PERSON("stats", "--once");
    person_sees(&p, "%  \342\226");
    for (int i = 0; i < 2; i++) person_sees(&p, "B  \342\226");
    CHECK_INT(person_leaves(&p), 0);
    p = person_starts((const char *const[]){getenv("WRENN_CLI"), "stats", "--once", NULL}, 70, 24);
    person_sees(&p, "MEMORY");
    person_sees(&p, "B\r\n");
    CHECK(!strstr(p.screen, "\342\226"));
    CHECK_INT(person_leaves(&p), 0);
    p = PERSON("stats");
    person_sees(&p, "DISK");
    person_types(&p, "\003");
    int code = person_leaves(&p);
    CHECK(code == 130 || code == 1000 + SIGINT); /* what prints just then is ended at once */
}

TEST(ports) {
    begin_with_sandbox();
    check_shell("w url s 8080 | sed 's/-cl-.*\\./-ID./'", 0, "http://8080-ID.localhost\n", "");
    check_shell("w url s 99999", 2, "", "'99999' is not a port");
    check_shell("w open s 80", 1, "", "use 'wrenn port-forward s PORT'");
    check_shell("w port-forward s x:1", 2, "", "'x:1' is not LOCAL:REMOTE");
    check_shell("w port-forward s :8000 > closed 2> said & forward=$!; until [ -s closed ]; do :; done; "
                "curl -s --noproxy '*' $(cat closed); until [ -s said ]; do :; done; kill $forward; wait $forward; "
                "code=$?; cat said >&2; exit $code",
                143, "", "wrenn: port 8000 of the sandbox: Connection refused\n");
    check_shell("w url --wait 1 s 8000", 1, "", "nothing listens on port 8000 of the sandbox");
    check_shell(
        "w exec -d --tag late s sh -c 'while ! test -e /tmp/go; do :; done; exec python3 -m http.server 8001' >wait; "
        "w url --wait 60 s 8001 > at & w exec s touch /tmp/go; wait $!; "
        "w exec s python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8001))'; grep -c 8001 at; "
        "w port-forward --wait 60 s :8001 > to & until [ -s to ]; do :; done; kill $!; w kill s late",
        0, "1\n", "");
    check_shell(
        "w exec -d s python3 -m http.server -d /etc 8000 > /dev/null; w port-forward s :8000 > where 2> /dev/null & forward=$!; "
        "until [ -s where ]; do :; done; url=$(cat where); "
        "until curl -s --noproxy '*' -o got $url/passwd; do :; done; grep -c ^root got; "
        "for i in 1 2 3 4 5; do curl -s --noproxy '*' $url/hostname > $i & done; "
        "kill -TERM $forward; wait $forward; echo $?",
        0, "1\n143\n", "");
}

/* Who is connected does not read until the sandbox can send no more, and then all there is. */
TEST(a_forwarded_port_goes_on_after_a_stall) {
    begin_with_sandbox();
    check_shell(
        "cat > server.py <<'E'\nimport socket\nc = socket.create_server(('', 8000)).accept()[0]\nleft = 40000000\n"
        "c.settimeout(1)\nwhile left:\n try: left -= c.send(bytes(min(left, 65536)))\n"
        " except TimeoutError: open('/tmp/full', 'w'); c.settimeout(None)\nc.recv(1)\nE\n"
        "cat > client.py <<'E'\nimport os, socket, sys\n"
        "c, left = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 60), 40000000\n"
        "sys.stdin.read()\nwhile left: left -= len(c.recv(min(left, 1 << 20))) or sys.exit('cut')\nprint('all')\nE\n"
        "w exec -d s python3 -u -c \"$(cat server.py)\" > /dev/null; "
        "w port-forward --wait 60 s :8000 > where & forward=$!; until [ -s where ]; do :; done; port=$(cat where); "
        "{ until w exec s test -e /tmp/full; do :; done; } | /usr/bin/python3 client.py ${port##*:}; kill $forward",
        0, "all\n", "");
}

TEST(accounts_keys_and_hosts) {
    fresh_home();
    setenv("WRENND_SIGNUP", "local", 1);
    free(WRENN_SAYS("serve", "-d"));
    check_shell("url=$(\"$WRENN_CLI\" serve status -o name); echo long-password | "
                "\"$WRENN_CLI\" signup a@example.com --password-stdin --url $url",
                0, "", "logged in as a@example.com, in context default");
    check_shell(
        "\"$WRENN_CLI\" whoami -o name; \"$WRENN_CLI\" key create ci | cut -c1-4; \"$WRENN_CLI\" key ls -o jsonl | "
        "grep -c '\"name\":\"ci\"'; \"$WRENN_CLI\" host ls -o json",
        0, "a@example.com\nwrn_\n1\n[]\n", "");
    check_shell("for id in $(\"$WRENN_CLI\" key ls -o name); do \"$WRENN_CLI\" key rm $id; done | wc -l; "
                "\"$WRENN_CLI\" key ls -o name",
                0, "1\n", "");
    check_shell("\"$WRENN_CLI\" logout && \"$WRENN_CLI\" key ls", 1, "", "'wrenn login' gets one");
    check_shell("echo wrong | \"$WRENN_CLI\" login a@example.com --password-stdin", 1, "",
                "(HTTP 401, unauthorized)\n");
    check_shell(
        "echo long-password | \"$WRENN_CLI\" login a@example.com --password-stdin; \"$WRENN_CLI\" key ls -o name", 0,
        "", "logged in as");
    check_shell("! grep -r long-password .config", 0, "", "");
    check_shell("\"$WRENN_CLI\" login a@example.com < /dev/null", 1, "", "there is no terminal");
    unsetenv("WRENND_SIGNUP");
}

/* As 'wrenn key' makes ids. */
TEST(the_start_of_an_id_is_enough_everywhere) {
    begin_with_sandbox();
    setenv("WRENND_SIGNUP", "local", 1);
    check_shell("w serve stop --force; w serve -d >/dev/null; url=$(w serve status -o name); "
                "echo long-password | w signup a@example.com --password-stdin --url $url",
                0, "", "logged in");
    check_shell("w key create one >/dev/null; w key create two >/dev/null; w key rm key-", 1, "", " may be key-");
    check_shell("w key rm two | cut -c1-4", 0, "key-\n", "");
    check_shell("id=$(w key ls -o jsonl | grep '\"one\"' | grep -o 'key-[0-9a-z]*'); "
                "w key rm ${id%????????} | grep -cx $id; w key ls -o jsonl | grep -c '\"one\"'",
                1, "1\n0\n", "");
    check_shell("w key create three >/dev/null; w key rm thre", 1, "", "no API key 'thre': did you mean 'three'?");
    check_shell("w key rm '' 2>&1; w key rm nothing", 1, "wrenn: no API key '': 'wrenn key ls' shows the keys\n",
                "no API key 'nothing': 'wrenn key ls' shows the keys");
    check_shell("key=$(w key create k); team=$(WRENN_API_KEY=$key WRENN_BASE_URL=$(w serve status -o name) sh -c "
                "'w create >/dev/null; w events -o name' | head -1 | cut -d. -f1); "
                "for i in 1 2; do w host create --type byoc --team $team -o name >/dev/null; done; "
                "id=$(w host ls -o name | head -1); w host tag ${id%????????} gpu; w host tags ${id%???} -o name; "
                "w host inspect ${id%????????} -o name | grep -cx $id; w host tags host-; w host tags nothing",
                1, "gpu\n1\n", "'host-' may be host-");
    check_shell("w host tags nothing", 1, "", "no host 'nothing': 'wrenn host ls' shows the hosts");
    check_shell("id=$(w host ls -o name | head -1); w host tags hots-${id#host-} 2> said; "
                "grep -cF \"did you mean '$id'?\" said",
                0, "1\n", "");
    unsetenv("WRENND_SIGNUP");
}

TEST(tags_that_were_made_up_may_be_shortened) {
    begin_with_sandbox();
    check_shell("w exec -d s sleep 1000 >/dev/null; tag=$(w ps s -o json | grep -o 'proc-[0-9a-f]*'); "
                "w kill s ${tag%???}; while w ps s -o name | grep -q .; do :; done; "
                "w exec -d --tag server s sleep 1000 >/dev/null; w kill s serve; w kill s server",
                0, "", "no process 'serve': did you mean 'server'?");
    check_shell("w exec -d s sleep 1000 >/dev/null; w exec -d s sleep 1000 >/dev/null; w kill s proc-; w wait s proc-; "
                "w logs s proc-",
                1, "", "type more of the id");
}

TEST(what_is_like_a_tag_or_a_secret_is_suggested) {
    begin_with_sandbox();
    check_shell("w exec -d --tag server s sleep 1000 >/dev/null; w logs s sevrer", 1, "",
                "no process 'sevrer': did you mean 'server'?");
    check_shell("w kill s servr 99", 1, "", "did you mean 'server'?");
    check_shell("w wait s servers", 125, "", "did you mean 'server'?");
    check_shell("w wait s nothing", 125, "", "'wrenn ps' shows what runs");
    person p = PERSON("shell", "s", "--attach", "servre");
    person_sees(&p, "no process 'servre': did you mean 'server'?");
    CHECK_INT(person_leaves(&p), 125);
    check_shell("echo x | w secret set api >/dev/null; w secret rm apo", 1, "", "no secret 'apo': did you mean 'api'?");
    check_shell("w secret rm api nothing", 1, "api\n", "no secret 'nothing': 'wrenn secret ls' shows the secrets");
    check_shell("w files ls s:/etc", 1, "", "no sandbox 's:/etc': write the path as a word of its own, as in 's /etc'");
}

/* What it waits for is asked again and again: there is no kernel in this sandbox. */
TEST(what_takes_longer_than_a_second_is_said_on_a_terminal) {
    begin_with_sandbox();
    person p = PERSON("code", "-s", "s", "-c", "1");
    person_sees(&p, "running the code ... 1 s");
    person_sees(&p, "running the code ... 2 s");
    person_types(&p, "\003");
    CHECK_INT(person_leaves(&p), 130);
}

TEST(what_was_built_is_run_and_removed) {
    begin_with_sandbox();
    check_shell("mkdir -p d/etc; echo x > d/etc/x; for t in one two; do w template build $t --dir d; done 2>&1 | "
                "grep -c '^made'; w snapshot create s snap; w template ls -o name | sort | tr '\\n' ' '",
                0, "2\nsnap\nminimal one snap two ", "");
    /* It has no programs, so that the server must have found it when that is what is said. */
    check_shell("w run -T one /etc/x", 126, "", "Permission denied");
    check_shell("w ls -q | wc -l; w run -T nothing true", 125, "1\n", "no template");
    check_shell("w template rm one snap two; w template ls -o name; w template rm one; w template rm minimal", 1,
                "one\nsnap\ntwo\nminimal\n", "no template");
    check_shell("echo k | w context add far --url unix:/nonexistent --key-stdin --use; w template build three --dir d",
                2, "", "the context 'far' says another one");
    check_shell("WRENN_BASE_URL=unix:/x w template build three --dir d", 2, "",
                "the environment (WRENN_*) says another");
    check_shell("w template build three --dir d --url unix:/x", 2, "", "says another one");
    check_shell("w template rm three", 1, "", "/nonexistent");
    check_shell("w template build three --dir d --data-dir $PWD/data 2>&1 | grep -c made; ls data/templates", 0,
                "1\nthree\n", "");
}

/* A server that is reached in another way than the user's own. */
TEST(templates_of_another_server_are_removed_where_it_is) {
    begin_with_sandbox();
    check_shell(
        "mkdir -p d/etc; echo x > d/etc/x; w template build one --dir d >/dev/null 2>&1; "
        "ln -s $PWD/.local/state/wrenn/server other; export WRENN_API_KEY=$(cat other/key); "
        "w --url unix:$PWD/other/wrennd.sock template rm one; echo $?; w --url unix:$PWD/other/wrennd.sock template ls -o name",
        0, "1\nminimal\none\n",
        "one: what was built on the machine of a server is removed there: "
        "'wrennd template remove one'");
}

TEST(bench_prints_its_figures) {
    fresh_home();
    check_shell("\"$WRENN_CLI\" bench -n 2 -o jsonl | grep -c '\"rounds\":2'", 0, "5\n", "");
}

TEST(doctor_says_what_is_there) {
    fresh_home();
    check_shell("\"$WRENN_CLI\" doctor -o json | head -c 1", 0, "[", "");
}

/* The lines of README.md, as somebody types them one after the other. */
TEST(the_tour_of_the_readme_works) {
    fresh_home();
    program_result made = shell("mkdir bin && ln -s \"$WRENN_CLI\" bin/wrenn");
    program_result_free(&made);
    made = shell("sed -n '/^## The command/,/^## /{/^wrenn\\|^echo/p}' " CLI_README " > tour; grep -c wrenn tour");
    CHECK(atoi(made.out) >= 6);
    program_result_free(&made);
    program_result tour = shell("PATH=\"$PWD/bin:$PATH\"; set -e; . ./tour");
    CHECK_MSG(tour.code == 0, "%s", tour.err);
    CHECK_CONTAINS(tour.out, "hello\n2\ncl-");
    CHECK_CONTAINS(tour.out, "work");
    program_result_free(&tour);
}

/* What somebody who knows docker does, with the words that he knows where they fit; the help leads to each. */
TEST(everyday_tasks_of_docker_users) {
    begin_with_sandbox();
    static const struct {
        const char *task, *topic, *says; /* what the help of which command has to say to lead there */
        const char *line, *out;
    } tasks[] = {
        {"run something once", "run", "--rm", "w run --rm -- echo hi", "hi\n"},
        {"with a variable", "run", "--env NAME", "w run -e A=1 sh -c 'echo $A'", "1\n"},
        {"in a directory", "run", "--cwd DIR", "w run --workdir /tmp pwd", "/tmp\n"},
        {"with input", "run", "--interactive", "echo in | w run -i cat", "in\n"},
        {"with limits", "run", "--memory SIZE", "w run -m 64m --cpus 1 nproc", "1\n"},
        {"start one by name", "create", "--name NAME", "w create --name c | cut -c1-3", "cl-\n"},
        {"list them quietly", "ls", "--quiet", "w ls -q | wc -l", "2\n"},
        {"filter by label", "ls", "--label NAME", "w create -l app=x >/dev/null; w ls -q -l app=x | wc -l", "1\n"},
        {"run in it", "exec", "run a program in a sandbox that is there", "w exec c echo there", "there\n"},
        {"as another user", "exec", "--user NAME", "w exec -u nobody c id -un", "nobody\n"},
        {"in the background", "exec", "--detach", "w exec -d c sleep 99 >/dev/null; w ps c -o name | wc -l", "1\n"},
        {"copy into it", "cp", "into", "echo f > f; w cp f c:/tmp/f; w exec c cat /tmp/f", "f\n"},
        {"copy out of it", "cp", "out", "w cp c:/tmp/f g; cat g", "f\n"},
        {"look inside", "inspect", "-o json", "w inspect -o json c | grep -c '\"status\":\"running\"'", "1\n"},
        {"pause and go on", "pause", "wrenn pause work",
         "w pause c >/dev/null && w resume c >/dev/null && w exec c echo back", "back\n"},
        {"make an image of it", "snapshot create", "Make a snapshot of a sandbox", "w snapshot create c img", "img\n"},
        {"run from the image", "run", "--template NAME", "w run --image img cat /tmp/f; w ls -q | wc -l", "f\n3\n"},
        {"see what it uses", "stats", "--once", "w stats --no-stream -o name | grep -c cl-", "2\n"},
        {"see what happens", "events", "--since TIME", "w events --since 10m -t sandbox.create c | wc -l", "1\n"},
        {"remove it by force", "rm", "destroy", "w rm -f c | wc -l", "1\n"},
        {"remove all", "rm", "--all", "w rm --all | wc -l; w ls -q", "2\n"},
    };
    for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
        char line[256];
        snprintf(line, sizeof(line), "w help %s", tasks[i].topic);
        program_result help = shell(line);
        CHECK_MSG(strcasestr(help.out, tasks[i].says), "%s: \"%s\" is not in: %s", tasks[i].task, tasks[i].says,
                  help.out);
        program_result_free(&help);
        program_result result = shell(tasks[i].line);
        CHECK_MSG(strcmp(result.out ? result.out : "", tasks[i].out) == 0, "%s: %s: %s%s", tasks[i].task, tasks[i].line,
                  result.out, result.err);
        program_result_free(&result);
    }
}

TEST_MAIN
