/* stats: what sandboxes use. */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

enum { GRAPHS = 3, GRAPH_MIN = 4, GRAPH_MAX = 80, NUMBERS_WIDTH = 28 + 7 + 4 * 8 + 8 * 2 };

typedef struct stats_values {
    bool once;
    const char *range;
} stats_values;

static const cli_option options[] = {
    {"once", 0, CLI_FLAG, offsetof(stats_values, once), NULL,
     "print once and exit; the default when stdout is no terminal", "no-stream", 0, 0, CLI_WORD_ANY},
    {"range", 0, CLI_TEXT, offsetof(stats_values, range), "TIME", "of the graph: 5m, 10m, 1h, 2h, 6h, 12h or 24h", NULL,
     0, 0, CLI_WORD_RANGE},
    {0},
};

/* ---- graphs, on terminals ---- */

typedef double (*measured)(const wrenn_metric_point *point);

static double cpu_of(const wrenn_metric_point *point) { return point->cpu_pct; }
static double memory_of(const wrenn_metric_point *point) { return (double)point->mem_bytes; }
static double disk_of(const wrenn_metric_point *point) { return (double)point->disk_bytes; }

static const measured measures[GRAPHS] = {cpu_of, memory_of, disk_of};

/* The width of each graph; 0: there is no room for one, or no terminal. */
static size_t graph_width(void) {
    int64_t cols, rows;
    if (!isatty(STDOUT_FILENO) || !cli_terminal_size(&cols, &rows)) return 0;
    int64_t each = (cols - NUMBERS_WIDTH) / GRAPHS;
    return each < GRAPH_MIN ? 0 : each > GRAPH_MAX ? GRAPH_MAX : (size_t)each;
}

/* The last points as bars: processor relative to all of it, the rest relative to the highest point shown. */
static void draw(const wrenn_metrics *metrics, measured value, size_t width, char out[GRAPH_MAX * 3 + 1]) {
    static const char *const bars[] = {"\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
    const size_t levels = WRN_COUNT(bars), count = metrics->points_count;
    size_t first = count > width ? count - width : 0, size = 0;
    double most = value == cpu_of ? 100 : 1;
    for (size_t i = first; i < count; i++)
        if (value(metrics->points[i]) > most) most = value(metrics->points[i]);
    for (size_t i = first; i < count; i++) {
        double part = value(metrics->points[i]) / most * (double)levels;
        size_t bar = !(part > 0) ? 0 : part >= (double)levels ? levels - 1 : (size_t)part;
        size += (size_t)snprintf(out + size, 4, "%s", bars[bar]);
    }
    out[size] = '\0';
}

/* ---- rows ---- */

static void stats_add_row(cli_rows *rows, const char *id, const wrenn_metrics *metrics, size_t width) {
    char numbers[GRAPHS][32] = {"-", "-", "-"}, graphs[GRAPHS][GRAPH_MAX * 3 + 1] = {"", "", ""};
    char in[32] = "-", out[32] = "-";
    const char *cells[1 + 2 * GRAPHS + 2] = {id};
    wrn_json *object = wrn_json_new_object();
    wrn_json_set_string(object, "id", id);
    if (metrics && metrics->points_count) {
        const wrenn_metric_point *last = metrics->points[metrics->points_count - 1];
        snprintf(numbers[0], sizeof(numbers[0]), "%.1f %%", last->cpu_pct);
        cli_say_bytes(numbers[1], last->mem_bytes);
        cli_say_bytes(numbers[2], last->disk_bytes);
        for (size_t i = 0; width && i < GRAPHS; i++) draw(metrics, measures[i], width, graphs[i]);
        wrn_json_set_int(object, "timestamp_unix", last->timestamp_unix);
        wrn_json_set(object, "cpu_pct", wrn_json_new_double(last->cpu_pct));
        wrn_json_set_int(object, "mem_bytes", last->mem_bytes);
        wrn_json_set_int(object, "disk_bytes", last->disk_bytes);
        cli_say_bytes(in, last->net_in_bytes);
        cli_say_bytes(out, last->net_out_bytes);
        wrn_json_set_int(object, "net_in_bytes", last->net_in_bytes);
        wrn_json_set_int(object, "net_out_bytes", last->net_out_bytes);
        wrn_json_set_int(object, "net_connections", last->net_connections);
        wrn_json_set_int(object, "net_denied", last->net_denied);
    }
    size_t at = 1;
    for (size_t i = 0; i < GRAPHS; i++) {
        cells[at++] = numbers[i];
        if (width) cells[at++] = graphs[i];
    }
    cells[at++] = in;
    cells[at] = out;
    cli_rows_add(rows, id, object, cells);
}

/* A sandbox that was `listed` may be gone by now. */
static bool stats_measure(cli_app *cli, cli_rows *rows, const char *id, const char *range, size_t width, bool listed) {
    wrenn_sandbox_metrics_options asked = WRENN_SANDBOX_METRICS_OPTIONS_INIT;
    wrenn_sandbox *sandbox = cli_sandbox(cli, id);
    wrenn_metrics *metrics = NULL;
    wrenn_error *error = NULL;
    asked.range = range;
    int rc = sandbox ? CLI_TRY_GET(cli, &error, wrenn_sandbox_metrics, (sandbox, &asked), &metrics) : 0;
    bool gone = listed && wrenn_error_is(error, WRENN_E_NOT_FOUND);
    if (gone) wrenn_error_free(error);
    bool ok = gone || (cli_settle(cli, id, rc, error) && sandbox);
    if (metrics) stats_add_row(rows, wrenn_sandbox_id(sandbox), metrics, width);
    wrenn_metrics_free(metrics);
    wrenn_sandbox_free(sandbox);
    return ok;
}

static int stats_show(cli_app *cli, const stats_values *values, bool live) {
    static const char *const plain[] = {"ID", ">CPU", ">MEMORY", ">DISK", ">NET IN", ">NET OUT", NULL};
    static const char *const drawn[] = {"ID", ">CPU", "", ">MEMORY", "", ">DISK", "", ">NET IN", ">NET OUT", NULL};
    size_t width = graph_width();
    cli_rows *rows = cli_rows_new(cli, width ? drawn : plain);
    wrenn_sandbox_list *list = cli->word_count ? NULL : cli_sandboxes(cli);
    bool ok = list || cli->word_count;
    for (size_t i = 0; i < cli->word_count && !cli->signal; i++)
        ok = stats_measure(cli, rows, cli->words[i], values->range, width, false) && ok;
    for (size_t i = 0; list && i < list->items_count && !cli->signal; i++)
        if (list->items[i]->status == WRENN_SANDBOX_STATUS_RUNNING)
            ok = stats_measure(cli, rows, list->items[i]->id, values->range, width, true) && ok;
    wrenn_sandbox_list_free(list);
    if (live) printf("\033[H\033[J"); /* only now: what was shown stays until there is more */
    int code = cli_rows_print(rows);
    return ok ? code : CLI_FAILED;
}

static int stats_run(cli_app *cli, void *given) {
    stats_values *values = given;
    bool live = !values->once && cli->format == CLI_FORMAT_TEXT && isatty(STDOUT_FILENO);
    int code = 0;
    if (!cli_connect(cli)) return CLI_FAILED;
    do {
        code = stats_show(cli, values, live);
    } while (live && code == 0 && !cli_pause(cli, 2000));
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, CLI_OPTIONAL | CLI_MANY}, {0}};
static const cli_example examples[] = {{"of all that run, until Ctrl-C", "stats"},
                                       {"of one, once, for a script", "stats -o json work"},
                                       {0}};

const cli_command cli_command_stats = {
    .name = "stats",
    .group = CLI_GROUP_SANDBOXES,
    .summary = "show what sandboxes use: processor, memory, disk, network",
    .details =
        "On a terminal it goes on until Ctrl-C, with a graph of the past beside each number, if there is room: the\n"
        "processor relative to all that the sandbox has, memory and disk relative to the highest point shown.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(stats_values),
    .run = stats_run,
};
