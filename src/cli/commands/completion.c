/* completion: scripts for shells. They only ask the program: what there is to know stays in its tables. */
#include <string.h>

#include "cli/cli.h"

static const char bash[] =
    "_wrenn() {\n"
    "    local line files= IFS=$'\\n' cur=${COMP_WORDS[COMP_CWORD]}\n"
    "    local words=(\"${COMP_WORDS[@]:1:COMP_CWORD}\")\n"
    "    # Bash makes words of their own of \":\" and \"=\".\n"
    "    if declare -F _get_comp_words_by_ref >/dev/null; then\n"
    "        local cword; _get_comp_words_by_ref -n := -c cur -w words -i cword\n"
    "        words=(\"${words[@]:1:cword}\")\n"
    "    fi\n"
    "    COMPREPLY=()\n"
    "    while read -r line; do\n"
    "        if [ \"$line\" = :files ]; then files=1; else COMPREPLY+=(\"${line%%$'\\t'*}\"); fi\n"
    "    done < <(wrenn _complete -- \"${words[@]}\" 2>/dev/null)\n"
    "    [ -z \"$files\" ] || COMPREPLY+=($(compgen -f -- \"$cur\"))\n"
    "    declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions \"$cur\"\n"
    "    case ${COMPREPLY[0]-} in */ | *:) compopt -o nospace ;; esac\n"
    "}\n"
    "complete -o bashdefault -F _wrenn wrenn\n";

static const char zsh[] =
    "#compdef wrenn\n"
    "_wrenn() {\n"
    "    local line files= candidates=()\n"
    "    while IFS= read -r line; do\n"
    "        if [[ $line == :files ]]; then files=1\n"
    "        else candidates+=(\"${${line%%$'\\t'*}//:/\\\\:}${${(M)line%%$'\\t'*}:+:${line#*$'\\t'}}\")\n"
    "        fi\n"
    "    done < <(wrenn _complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
    "    (( ${#candidates} )) && _describe wrenn candidates\n"
    "    [[ -n $files ]] && _files\n"
    "}\n"
    "if [[ $funcstack[1] == _wrenn ]]; then _wrenn \"$@\"; else compdef _wrenn wrenn; fi\n";

static const char fish[] = "function __wrenn_complete\n"
                           "    set -l words (commandline -opc) (commandline -ct)\n"
                           "    for line in (wrenn _complete -- $words[2..] 2>/dev/null)\n"
                           "        if test \"$line\" = :files\n"
                           "            __fish_complete_path (commandline -ct)\n"
                           "        else\n"
                           "            echo $line\n"
                           "        end\n"
                           "    end\n"
                           "end\n"
                           "complete -c wrenn -f -a '(__wrenn_complete)'\n";

static int completion_run(cli_app *cli, void *values) {
    (void)values;
    const char *shell = cli->words[0];
    if (strcmp(shell, "bash") == 0) fputs(bash, stdout);
    else if (strcmp(shell, "zsh") == 0) fputs(zsh, stdout);
    else if (strcmp(shell, "fish") == 0) fputs(fish, stdout);
    else return cli_usage(cli, "'%s' is not bash, zsh or fish", shell);
    return 0;
}

static const cli_operand operands[] = {{"SHELL", CLI_WORD_ANY, 0}, {0}};

static const cli_example examples[] = {
    {"in this bash", "completion bash > ~/.wrenn-completion && . ~/.wrenn-completion"},
    {"for zsh, in a directory of its $fpath", "completion zsh > ~/.zfunc/_wrenn"},
    {"for fish", "completion fish > ~/.config/fish/completions/wrenn.fish"},
    {0},
};

const cli_command cli_command_completion = {
    .name = "completion",
    .group = CLI_GROUP_OTHER,
    .summary = "print a completion script for bash, zsh or fish",
    .details = "Commands, options, ids and names of sandboxes, templates, contexts, and paths, also in sandboxes.\n",
    .operands = operands,
    .examples = examples,
    .run = completion_run,
};
