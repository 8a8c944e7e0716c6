/* Every command of the table of commands, on a terminal and in a pipe. One that is new needs a row here. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "person.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* Contexts of its own, and an account of the user's own server. */
#define ACCOUNT                                                                \
    "export XDG_CONFIG_HOME=$PWD/c; url=$(w serve status -o name); rm -rf c; " \
    "echo long-password | w signup m$$@example.com --password-stdin --url $url; "

void test_after_each(void) { stop_own_server(); }

static const struct {
    const char *command, *line; /* of sh, in which w is the command and s a sandbox */
    const char *seen;           /* among what is shown, either way */
    const char *typed;          /* on the terminal, once `seen` is shown; NULL: nothing */
    const char *piped;          /* what is seen in a pipe instead; NULL: the same */
} rows[] = {
    {"run", "w run sh -c 'test -t 1 && echo on a terminal; echo hi'", "hi", NULL, NULL},
    {"exec", "w exec s sh -c 'test -t 1 && echo on a terminal || echo in a pipe'", "on a terminal", NULL, "in a pipe"},
    {"shell", "w shell s", "# ", "exit\r", "use 'wrenn exec s sh' with pipes"},
    {"code", "w code -c 1", "'wrenn template build code-interpreter' makes the template", NULL, NULL},
    {"ps", "w exec -d --tag t$$ s sleep 1000 >out; w ps s; w kill s t$$", "sleep", NULL, NULL},
    {"logs",
     "w exec -d --tag t$$ s echo kept >out; until w logs s t$$ > log 2>out && [ -s log ]; do :; done; w logs s t$$",
     "kept", NULL, NULL},
    {"kill", "w exec -d --tag t$$ s sleep 1000 >out; w kill s t$$; w wait s t$$; echo code $?", "code 1", NULL, NULL},
    {"wait",
     "w exec -d --tag t$$ s sh -c 'until [ -e /tmp/$0 ]; do sleep 0.1; done; exit 7' $$ >out; "
     "(until w ps s | grep -q t$$; do :; done; w exec -d s touch /tmp/$$ >out) & w wait s t$$; echo code $?",
     "code 7", NULL, NULL},
    {"create", "w create --name c && w rm c", "cl-", NULL, NULL},
    {"ls", "w ls", "running", NULL, NULL},
    {"inspect", "w inspect s", "minimal", NULL, NULL},
    {"label", "w label s a=b", "b", NULL, NULL},
    {"lifetime", "w lifetime s 1h; w lifetime s none; echo code $?", "code 0", NULL, NULL},
    {"stats", "w stats", "MEMORY", "\003", NULL},
    {"events", "w events s", "sandbox.create", NULL, NULL},
    {"pause", "w pause s && w resume s", "cl-", NULL, NULL},
    {"resume", "w pause s >out && w resume s", "cl-", NULL, NULL},
    {"fork", "w fork s", "only that of a virtual machine can", NULL, NULL},
    {"ping", "w ping s", "cl-", NULL, NULL},
    {"rm", "w create --name d >out; w rm d", "cl-", NULL, NULL},
    {"cp", "echo copied > f; w cp f s:/tmp/f && w cp s:/tmp/f -", "copied", NULL, NULL},
    {"sync", "mkdir -p tree; w sync --once tree s:/tmp/tree; echo code $?", "code 0", NULL, NULL},
    {"files ls", "w files ls s /etc", "passwd", NULL, NULL},
    {"files cat", "w files cat s /etc/passwd", "root:", NULL, NULL},
    {"files mkdir", "w files mkdir s /tmp/dir && w files ls s /tmp", "dir", NULL, NULL},
    {"files rm", "w files rm s /tmp/dir && w exec s sh -c 'test -e /tmp/dir || echo removed'", "removed", NULL, NULL},
    {"files mv", "w exec s touch /tmp/from && w files mv s /tmp/from /tmp/to && w files ls s /tmp", "to", NULL, NULL},
    {"files chmod", "w exec s touch /tmp/to && w files chmod s 604 /tmp/to && w files ls s /tmp", "rw----r--", NULL,
     NULL},
    {"net", "w net s", "none", NULL, NULL},
    {"secret set", "echo x | w secret set a$$ && w secret rm a$$", "a", NULL, NULL},
    {"secret ls", "A=x w secret set b$$ --from-env A >out; w secret ls; w secret rm b$$ >out", "NAME", NULL, NULL},
    {"secret rm", "echo x | w secret set c$$ >out; w secret rm c$$", "c", NULL, NULL},
    {"url", "w url s 80", "http://80-cl-", NULL, NULL},
    {"open", "w open s 80", "use 'wrenn port-forward s PORT'", NULL, NULL},
    {"port-forward", "w port-forward s :80 > where & until [ -s where ]; do :; done; cat where; kill $!; wait",
     "http://127.0.0.1:", NULL, NULL},
    {"snapshot create", "w snapshot create s n$$", "n", NULL, NULL},
    {"snapshot ls", "w snapshot ls", "NAME", NULL, NULL},
    {"snapshot rm", "w snapshot create s r >out; w snapshot rm r", "r", NULL, NULL},
    {"template build",
     "mkdir -p d/etc; echo x > d/etc/x; w template build --dir d made$$; w template rm made$$; echo code $?", "code 0",
     NULL, NULL},
    {"template ls", "w template ls", "minimal", NULL, NULL},
    {"template rm", "w snapshot create s q >out; w template rm q", "q", NULL, NULL},
    {"context add", "export XDG_CONFIG_HOME=$PWD/a; w context add a --url unix:/a; w context ls", "unix:/a", NULL,
     NULL},
    {"context use", "export XDG_CONFIG_HOME=$PWD/a; w context use a; w context ls", "unix:/a", NULL, NULL},
    {"context unset", "export XDG_CONFIG_HOME=$PWD/a; w context unset; w context ls", "unix:/a", NULL, NULL},
    {"context ls", "export XDG_CONFIG_HOME=$PWD/a; w context ls", "unix:/a", NULL, NULL},
    {"context rm", "export XDG_CONFIG_HOME=$PWD/b; w context add b --url unix:/b; w context rm b; w context ls -o json",
     "[]", NULL, NULL},
    {"login", ACCOUNT "echo long-password | w login m$$@example.com --password-stdin", "logged in as m", NULL, NULL},
    {"signup", ACCOUNT "true", "logged in as m", NULL, NULL},
    {"logout", ACCOUNT "w logout; w key ls", "needs a user token", NULL, NULL},
    {"whoami", ACCOUNT "w whoami", "example.com", NULL, NULL},
    {"key create", ACCOUNT "w key create ci", "wrn_", NULL, NULL},
    {"key ls", ACCOUNT "w key ls", "NAME", NULL, NULL},
    {"key rm", ACCOUNT "w key create ci >out; w key rm $(w key ls -o name | tail -1); echo code $?", "code 0", NULL,
     NULL},
    {"host create", ACCOUNT "w host create h; echo code $?", "code ", NULL, NULL},
    {"host ls", ACCOUNT "w host ls", "ID", NULL, NULL},
    {"host inspect", ACCOUNT "w host inspect nothing", "no host 'nothing'", NULL, NULL},
    {"host rm", ACCOUNT "w host rm nothing", "no host 'nothing'", NULL, NULL},
    {"host token", ACCOUNT "w host token nothing", "no host 'nothing'", NULL, NULL},
    {"host tags", ACCOUNT "w host tags nothing", "no host 'nothing'", NULL, NULL},
    {"host tag", ACCOUNT "w host tag nothing gpu", "no host 'nothing'", NULL, NULL},
    {"host untag", ACCOUNT "w host untag nothing gpu", "no host 'nothing'", NULL, NULL},
    {"serve", "w serve status", "wrennd.sock", NULL, NULL},
    {"mcp", "echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}' | w mcp", "\"id\":1,\"result\":{}", NULL, NULL},
    {"doctor", "w doctor", "kernel", NULL, NULL},
    {"bench", "w bench -n 1", "create", NULL, NULL},
    {"completion", "w completion bash", "_complete", NULL, NULL},
    {"version", "w version", WRENN_EXPECTED_VERSION, NULL, NULL},
    {"help", "w help", "usage: wrenn COMMAND", NULL, NULL},
};

/* The commands, those below others with both names, a line each. */
static program_result commands(void) {
    return shell("for c in $(w _complete -- '' | cut -f1); do if w help $c | grep -q '^commands:'; then "
                 "w _complete -- $c '' | sed \"s/\\t.*//; s/^/$c /\"; else echo $c; fi; done");
}

TEST(no_command_is_missing_here) {
    fresh_home();
    program_result made = shell("mkdir bin && ln -s \"$WRENN_CLI\" bin/w");
    program_result_free(&made);
    char path[4096];
    snprintf(path, sizeof(path), "%s/bin:%s", test_dir(), getenv("PATH"));
    setenv("PATH", path, 1);
    program_result all = commands();
    CHECK_INT(all.code, 0);
    size_t count = 0;
    for (char *line = strtok(all.out, "\n"); line; line = strtok(NULL, "\n"), count++) {
        size_t i = 0;
        while (i < COUNT(rows) && strcmp(rows[i].command, line) != 0) i++;
        CHECK_MSG(i < COUNT(rows), "no row of test_each.c is about 'wrenn %s'", line);
    }
    CHECK_INT(count, COUNT(rows));
    program_result_free(&all);
}

static void begin(void) {
    setenv("WRENND_SIGNUP", "local", 1);
    begin_with_sandbox();
}

TEST_SLOW(each_command_in_a_pipe) {
    begin();
    for (size_t i = 0; i < COUNT(rows); i++) {
        char line[2048];
        snprintf(line, sizeof(line), "{ %s; } < /dev/null 2>&1 | cat", rows[i].line);
        program_result result = shell(line);
        const char *want = rows[i].piped ? rows[i].piped : rows[i].seen;
        CHECK_MSG(result.out && strstr(result.out, want), "%s: \"%s\" is not in: %s", rows[i].command, want,
                  result.out);
        /* Neither colours nor anything else that only a terminal understands. */
        CHECK_MSG(!memchr(result.out, '\033', result.out_size), "%s: %s", rows[i].command, result.out);
        program_result_free(&result);
    }
}

TEST_SLOW(each_command_on_a_terminal) {
    begin();
    for (size_t i = 0; i < COUNT(rows); i++) {
        person p = person_starts((const char *const[]){"sh", "-c", rows[i].line, NULL}, 100, 30);
        person_sees(&p, rows[i].seen);
        if (rows[i].typed) person_types(&p, rows[i].typed);
        int code = person_leaves(&p);
        CHECK_MSG(code < 128 || code == 130 || code == 1000 + SIGINT, "%s: code %d", rows[i].command, code);
    }
}

TEST_MAIN
