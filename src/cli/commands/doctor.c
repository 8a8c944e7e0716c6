/* doctor: what this machine can do for sandboxes. */
#include "cli/cli.h"

typedef struct doctor_values {
    bool leaks;
    const char *data_dir;
} doctor_values;

static const cli_option options[] = {
    {"leaks", 0, CLI_FLAG, offsetof(doctor_values, leaks), NULL, "show what servers that were killed have left", NULL,
     0, 0, CLI_WORD_ANY},
    {"data-dir", 0, CLI_TEXT, offsetof(doctor_values, data_dir), "DIR", "of the server to look at", NULL, 0, 0,
     CLI_WORD_FILE},
    {0},
};

static int doctor_run(cli_app *cli, void *given) {
    doctor_values *values = given;
    const char *argv[6] = {"doctor"};
    size_t at = 1;
    if (cli->format == CLI_FORMAT_JSONL || cli->format == CLI_FORMAT_NAME)
        return cli_usage(cli, "it prints text or, with -o json, JSON");
    if (values->leaks) argv[at++] = "--leaks";
    if (values->data_dir) argv[at++] = "--data-dir", argv[at++] = values->data_dir;
    if (cli->format != CLI_FORMAT_TEXT) argv[at++] = "--json";
    return cli_become_wrennd(argv, NULL);
}

static const cli_example examples[] = {
    {"what is there, what is missing, and the remedy", "doctor"},
    {"the same for a script", "doctor -o json"},
    {"what servers that were killed have left behind", "doctor --leaks"},
    {0},
};

const cli_command cli_command_doctor = {
    .name = "doctor",
    .group = CLI_GROUP_SERVER,
    .summary = "say what this machine can do for sandboxes, and what is missing",
    .details = "Runs 'wrennd doctor'. WRENN_WRENND says where wrennd is.\n",
    .options = options,
    .examples = examples,
    .formats = true,
    .values_size = sizeof(doctor_values),
    .run = doctor_run,
};
