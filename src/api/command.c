#include "api/command.h"

#include <string.h>

#include "api/pairs.h"
#include "client/error.h"
#include "client/sandbox.h"

static int check_unused(const char *what, const wrenn_command *command, int used, wrenn_error **error) {
    const struct {
        int use;
        bool is_set;
        const char *name;
    } members[] = {
        {WRN_COMMAND_TIME_LIMIT, command->time_limit_ms, "time_limit_ms"},
        {WRN_COMMAND_STDIN, command->want_stdin, "want_stdin"},
        {WRN_COMMAND_SIZE, command->cols || command->rows, "cols and rows"},
        {WRN_COMMAND_TAG, command->tag, "tag"},
    };
    for (size_t i = 0; i < WRN_COUNT(members); i++)
        if (members[i].is_set && !(used & members[i].use))
            return wrn_refuse(error, "%s has no use for %s of the command", what, members[i].name);
    return 0;
}

int wrn_command_read(wrenn_op *op, const wrenn_command *command, int used, wrn_command_words *words,
                     wrenn_error **error) {
    const char *what = op->type->name;
    *words = (wrn_command_words){.cwd = command->cwd, .user = wrn_sandbox_user(op->sandbox, command->user)};
    const char *const *argv = command->argv;
    int rc = check_unused(what, command, used, error);
    if (rc != 0) return rc;
    if ((argv != NULL) == (command->shell != NULL))
        return wrn_refuse(error, "%s: set exactly one of argv and shell", what);
    if (command->shell) {
        const char **shell = wrn_arena_alloc(&op->arena, 4 * sizeof(*shell));
        if (!shell) return wrn_no_memory(error, what);
        shell[0] = "/bin/sh", shell[1] = "-c", shell[2] = command->shell;
        argv = shell;
    }
    if (!argv[0] || !*argv[0]) return wrn_refuse(error, "%s: argv must start with a program name", what);
    words->cmd = argv[0];
    words->args = argv + 1;
    while (words->args[words->args_count]) words->args_count++;
    static const wrn_pair term = {"TERM", "xterm-256color"};
    return wrn_pairs_read(op, "envs", command->envs, used & WRN_COMMAND_SIZE ? &term : NULL, &words->envs,
                          &words->envs_count, error);
}

/* ---- for servers that ignore envs and cwd ---- */

int wrn_command_wrap(wrenn_op *op, wrn_command_words *words, wrenn_error **error) {
    /* Without -P cd resolves "link/.." to ".". */
    static const char enter[] = "cd -P -- \"$1\" 2>/dev/null || { printf '" WRN_COMMAND_NO_CWD_TEXT
                                ": %s\\n' \"$1\" >&2; exit 125; }; shift; exec \"$@\"";
    const char *cwd = words->cwd && *words->cwd ? words->cwd : NULL;
    if (!cwd && !words->envs_count) return 0;
    wrn_arena *arena = &op->arena;
    const char **all = wrn_arena_alloc(arena, (words->args_count + words->envs_count + 12) * sizeof(*all));
    bool ok = all != NULL;
    size_t count = 0;
    const char *const first[] = {"/bin/sh", "-c", enter, "sh"};
    for (size_t i = 0; ok && cwd && i < WRN_COUNT(first); i++) all[count++] = first[i];
    /* A relative cwd starts at the root, as on servers that obey it. An absolute path is also safe from what cd would make of
     * "-" and of $CDPATH. */
    if (ok && cwd) ok = (all[count++] = *cwd == '/' ? cwd : wrn_arena_printf(arena, "/%s", cwd)) != NULL;
    if (ok) all[count++] = "/usr/bin/env", all[count++] = "--";
    for (size_t i = 0; ok && i < words->envs_count; i++)
        ok = (all[count++] = wrn_arena_printf(arena, "%s=%s", words->envs[i]->key, words->envs[i]->value)) != NULL;
    if (!ok) return wrn_no_memory(error, op->type->name);
    /* env takes a name with "=" for a variable, and "-" for an empty environment. */
    bool is_odd = strchr(words->cmd, '=') || strcmp(words->cmd, "-") == 0;
    const char *run = *words->cmd == '-'
                          ? "\"$@\""
                          : "exec \"$@\""; /* some shells take it for an option of exec, others do not know exec -- */
    const char *const odd[] = {"/bin/sh", "-c", run, "sh"};
    for (size_t i = 0; is_odd && i < WRN_COUNT(odd); i++) all[count++] = odd[i];
    all[count++] = words->cmd;
    for (size_t i = 0; i < words->args_count; i++) all[count++] = words->args[i];
    *words = (wrn_command_words){.cmd = all[0], .args = all + 1, .args_count = count - 1, .user = words->user};
    return 0;
}
