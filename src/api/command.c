#include "api/command.h"

#include <string.h>

#include "client/error.h"

enum { ENVS_MAX = 4096 };

/* The message must not show the text: it may be a secret. */
static int read_env(wrn_arena *arena, const char *what, const char *text, size_t number, wrn_pair *pair,
                    wrenn_error **error) {
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "%s: envs[%zu] is not of the form NAME=value", what, number);
    pair->key = wrn_arena_dup(arena, text, (size_t)(equals - text));
    pair->value = equals + 1;
    return pair->key ? 0 : wrn_fail(error, WRENN_E_NO_MEMORY, "%s: out of memory", what);
}

int wrn_command_read_envs(wrn_arena *arena, const char *what, const char *const *envs, wrn_command_words *words,
                          wrenn_error **error) {
    size_t count = 0;
    while (envs && envs[count]) count++;
    if (!count) return 0;
    if (count > ENVS_MAX)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "%s: more than %d variables", what, ENVS_MAX);
    wrn_pair *pairs = wrn_arena_alloc(arena, count * sizeof(*pairs));
    if (!pairs) return wrn_fail(error, WRENN_E_NO_MEMORY, "%s: out of memory", what);
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) rc = read_env(arena, what, envs[i], i, &pairs[i], error);
    words->envs = pairs;
    words->envs_count = count;
    return rc;
}

int wrn_command_read(wrn_arena *arena, const char *what, const char *const *argv, const char *shell,
                     const char *const *envs, wrn_command_words *words, wrenn_error **error) {
    *words = (wrn_command_words){0};
    if ((argv != NULL) == (shell != NULL))
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "%s: set exactly one of argv and shell", what);
    if (shell) {
        words->shell_args[0] = "-c";
        words->shell_args[1] = shell;
        words->cmd = "/bin/sh";
        words->args = words->shell_args;
        words->args_count = 2;
    } else {
        if (!argv[0] || !*argv[0])
            return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "%s: argv must start with a program name", what);
        words->cmd = argv[0];
        words->args = argv + 1;
        while (words->args[words->args_count]) words->args_count++;
    }
    return wrn_command_read_envs(arena, what, envs, words, error);
}
