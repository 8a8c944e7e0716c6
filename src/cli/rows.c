/* Lists and objects in the formats of --output. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { COLUMNS_MAX = 12 };

struct cli_rows {
    const cli_app *cli;
    const char *const *titles;
    size_t columns, count, capacity;
    bool failed;
    wrn_json *objects;
    char **names;
    char **cells; /* `columns` of each row, as they are shown */
    size_t widths[COLUMNS_MAX];
};

cli_rows *cli_rows_new(const cli_app *cli, const char *const *titles) {
    cli_rows *rows = calloc(1, sizeof(*rows));
    if (!rows) return NULL;
    *rows = (cli_rows){.cli = cli, .titles = titles, .objects = wrn_json_new_array()};
    for (; titles[rows->columns] && rows->columns < COLUMNS_MAX; rows->columns++) {
        const char *title = titles[rows->columns];
        rows->widths[rows->columns] = cli_width(title + (*title == '>'));
    }
    rows->failed = !rows->objects;
    return rows;
}

static char *visible(const char *text) {
    wrn_buf out = WRN_BUF_INIT;
    cli_put_visible(&out, text);
    wrn_buf_puts(&out, "");
    char *shown = wrn_buf_steal(&out);
    return shown ? shown : strdup("");
}

static bool grow(cli_rows *rows) {
    if (rows->count < rows->capacity) return true;
    size_t capacity = rows->capacity ? rows->capacity * 2 : 16;
    char **names = reallocarray(rows->names, capacity, sizeof(*names));
    if (names) rows->names = names;
    char **cells = reallocarray(rows->cells, capacity * rows->columns, sizeof(*cells));
    if (cells) rows->cells = cells;
    if (names && cells) rows->capacity = capacity;
    return names && cells;
}

void cli_rows_add(cli_rows *rows, const char *name, wrn_json *object, const char *const *cells) {
    if (!rows || rows->failed || !grow(rows)) {
        if (rows) rows->failed = true;
        wrn_json_free(object);
        return;
    }
    char **row = rows->cells + rows->count * rows->columns;
    rows->names[rows->count] = visible(name ? name : "");
    for (size_t i = 0; i < rows->columns; i++) {
        row[i] = visible(cells[i] && *cells[i] ? cells[i] : "-");
        size_t width = row[i] ? cli_width(row[i]) : 0;
        if (width > rows->widths[i]) rows->widths[i] = width;
        rows->failed = rows->failed || !row[i];
    }
    rows->failed = rows->failed || !rows->names[rows->count] || !object;
    rows->count++;
    if (!wrn_json_append(rows->objects, object)) rows->failed = true;
}

static void print_spaces(size_t count) {
    while (count--) putchar(' ');
}

static void print_line(const cli_rows *rows, const char *const *cells) {
    for (size_t i = 0; i < rows->columns; i++) {
        bool right = rows->titles[i][0] == '>', last = i + 1 == rows->columns;
        const char *cell = cells[i] + (cells == rows->titles && right);
        size_t pad = rows->widths[i] - cli_width(cell);
        if (right) print_spaces(pad);
        fputs(cell, stdout);
        if (!right && !last) print_spaces(pad);
        if (!last) fputs("  ", stdout);
    }
    putchar('\n');
}

static void print_table(const cli_rows *rows) {
    bool bold = cli_colours(1);
    if (bold) fputs("\033[1m", stdout);
    print_line(rows, rows->titles);
    if (bold) fputs("\033[m", stdout);
    for (size_t i = 0; i < rows->count; i++) print_line(rows, (const char *const *)rows->cells + i * rows->columns);
}

static bool print_lines(const cli_rows *rows) {
    bool ok = true;
    for (size_t i = 0; i < rows->count && ok; i++) ok = cli_print_json(wrn_json_at(rows->objects, i));
    return ok;
}

static bool print_rows(const cli_rows *rows) {
    if (rows->failed) return cli_complain("out of memory"), false;
    switch (rows->cli->format) {
    case CLI_FORMAT_JSON: return cli_print_json(rows->objects);
    case CLI_FORMAT_JSONL: return print_lines(rows);
    case CLI_FORMAT_NAME:
        for (size_t i = 0; i < rows->count; i++) printf("%s\n", rows->names[i]);
        return true;
    case CLI_FORMAT_TEXT: print_table(rows); return true;
    }
    return false;
}

void cli_rows_free(cli_rows *rows) {
    if (!rows) return;
    for (size_t i = 0; i < rows->count; i++) free(rows->names[i]);
    for (size_t i = 0; i < rows->count * rows->columns; i++) free(rows->cells[i]);
    free(rows->names);
    free(rows->cells);
    wrn_json_free(rows->objects);
    free(rows);
}

int cli_rows_print(cli_rows *rows) {
    if (!rows) return cli_complain("out of memory"), CLI_FAILED;
    cli_let_signals_end(rows->cli, true);
    int code = print_rows(rows) ? 0 : CLI_FAILED;
    cli_flush();
    cli_let_signals_end(rows->cli, false);
    cli_rows_free(rows);
    return code;
}

/* ---- one object ---- */

static bool print_member(void *context, const char *key, const wrn_json *value) {
    WRN_AUTO(wrn_buf_free) wrn_buf shown = WRN_BUF_INIT;
    (void)context;
    const char *text = wrn_json_string(value, NULL);
    if (text) cli_put_visible(&shown, text);
    else if (value) wrn_json_write(value, &shown);
    if (shown.size && !shown.failed) printf("%-18s %s\n", key, shown.data);
    return true;
}

void cli_set_text(wrn_json *object, const char *key, const char *text) {
    if (text) wrn_json_set_string(object, key, text);
    else wrn_json_set_null(object, key);
}

int cli_print_object(const cli_app *cli, const char *name, wrn_json *object) {
    bool ok = object != NULL;
    if (!object) cli_complain("out of memory");
    else if (cli->format == CLI_FORMAT_NAME) printf("%s\n", name);
    else if (cli->format == CLI_FORMAT_TEXT) wrn_json_each(object, print_member, NULL);
    else ok = cli_print_json(object);
    wrn_json_free(object);
    return ok ? 0 : cli_failure(cli);
}

const char *cli_number(int64_t value) {
    static char texts[16][24];
    static size_t next;
    char *text = texts[next++ % WRN_COUNT(texts)];
    snprintf(text, sizeof(texts[0]), "%lld", (long long)value);
    return text;
}

const char *cli_or_dash(const char *text) { return text && *text ? text : "-"; }
