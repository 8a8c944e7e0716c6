/* completion: scripts for shells. They only ask the program: what there is to know stays in its tables. */
#include <string.h>

#include "cli/cli.h"

static const char bash[] =
    "_wrenn() {\n"
    "    local i last line word cur part files= IFS=$'\\n' words=()\n"
    "    # Bash makes words of their own of \":\" and \"=\".\n"
    "    for ((i = 1; i <= COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]} last=${#words[@]}\n"
    "        if ((last > 0)) && { [[ $word == [:=]* ]] || [[ ${words[last - 1]} == *[:=] ]]; } &&\n"
    "            ! [[ -z $word && ${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]]; then\n"
    "            words[last - 1]+=$word\n"
    "        else\n"
    "            words+=(\"$word\")\n"
    "        fi\n"
    "    done\n"
    "    cur=${words[${#words[@]} - 1]} part=\n"
    "    if [[ $cur == *[:=]* && $COMP_WORDBREAKS == *:* ]]; then part=${cur%\"${cur##*[:=]}\"}; fi\n"
    "    COMPREPLY=()\n"
    "    while read -r line; do\n"
    "        if [ \"$line\" = :files ]; then files=1; else line=${line%%$'\\t'*} COMPREPLY+=(\"${line#\"$part\"}\"); fi\n"
    "    done < <(wrenn _complete -- \"${words[@]}\" 2>/dev/null)\n"
    "    [ -z \"$files\" ] || COMPREPLY+=($(compgen -f -- \"$cur\"))\n"
    "    case ${COMPREPLY[0]-} in */ | *:) compopt -o nospace ;; esac\n"
    "}\n"
    "complete -o bashdefault -F _wrenn wrenn\n";

static const char zsh[] = "#compdef wrenn\n"
                          "_wrenn() {\n"
                          "    local line word says files= whole=() open=()\n"
                          "    while IFS= read -r line; do\n"
                          "        word=${line%%$'\\t'*} says=${${(M)line%$'\\t'*}#$'\\t'}\n"
                          "        if [[ $line == :files ]]; then files=1\n"
                          "        elif [[ $word == *[/:] ]]; then open+=(\"${word//:/\\\\:}${says:+:$says}\")\n"
                          "        else whole+=(\"${word//:/\\\\:}${says:+:$says}\")\n"
                          "        fi\n"
                          "    done < <(wrenn _complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
                          "    (( ${#whole} )) && _describe wrenn whole\n"
                          "    (( ${#open} )) && _describe wrenn open -S ''\n"
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
    else fputs(fish, stdout);
    return 0;
}

static const cli_operand operands[] = {{"SHELL", CLI_WORD_SHELL, 0}, {0}};

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
