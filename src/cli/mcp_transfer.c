/* Tools of `wrenn mcp` for files. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/mcp.h"

/* ---- read and write ---- */

typedef struct part {
    size_t max;
    int64_t skip; /* bytes before it that are still to come */
    wrn_buf data;
    bool more; /* it goes on behind */
} part;

static int mcp_transfer_take_part(const void *data, size_t size, void *user_data) {
    part *p = user_data;
    const char *at = data;
    size_t before = p->skip < (int64_t)size ? (size_t)p->skip : size;
    p->skip -= (int64_t)before;
    at += before, size -= before;
    size_t room = p->max - p->data.size, some = size < room ? size : room;
    wrn_buf_put(&p->data, at, some);
    p->more = size > some;
    return p->more || p->data.failed ? -1 : 0;
}

static void put_part(mcp_session *session, const part *p, int64_t offset, int64_t size) {
    wrn_buf *text = &session->text;
    size_t shown = p->more ? mcp_whole_characters(p->data.data, p->data.size) : p->data.size;
    const char *data = p->data.data ? p->data.data : "";
    if (p->data.failed) text->failed = true;
    if (wrn_utf8_valid_prefix(data, shown) == shown) {
        wrn_buf_put(text, data, shown);
    } else {
        shown = p->data.size;
        if (p->more) shown -= shown % 3; /* so that parts can be put together */
        wrn_buf_puts(text, "[not UTF-8, so this is base64]\n");
        wrn_base64_encode(text, data, shown);
    }
    int64_t next = offset + (int64_t)shown;
    if (p->more && size > next)
        wrn_buf_printf(text, "\n[... %lld of %lld bytes were cut: go on with offset %lld ...]",
                       (long long)(size - next), (long long)size, (long long)next);
    else if (p->more) wrn_buf_printf(text, "\n[... the rest was cut: go on with offset %lld ...]", (long long)next);
}

void mcp_read_file(mcp_session *session, const mcp_arguments *arguments) {
    cli_app *cli = session->cli;
    wrenn_sandbox_download_stream_options options = WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT;
    part p = {.max = session->output_max, .skip = arguments->offset};
    wrenn_file_entry *entry = NULL;
    wrenn_error *error = NULL;
    int64_t got = 0;
    int rc = CLI_TRY_GET(cli, &error, wrenn_sandbox_stat, (session->sandbox, arguments->path, NULL), &entry);
    if (!entry) return mcp_fail_with(session, arguments->path, rc, error);
    bool directory = entry->type == WRENN_FILE_TYPE_DIRECTORY;
    int64_t size = entry->type == WRENN_FILE_TYPE_FILE ? entry->size : 0; /* 0: not known */
    wrenn_file_entry_free(entry);
    if (directory) return mcp_fail(session, "%s is a directory: use list_files", arguments->path);
    if (arguments->limit && (uint64_t)arguments->limit < p.max) p.max = (size_t)arguments->limit;
    options.path = arguments->path;
    options.write = mcp_transfer_take_part;
    options.user_data = &p;
    error = NULL;
    rc = CLI_TRY_GET(cli, &error, wrenn_sandbox_download_stream, (session->sandbox, &options), &got);
    if (rc < 0 && !p.more) mcp_fail_with(session, arguments->path, rc, error);
    else wrenn_error_free(error), put_part(session, &p, arguments->offset, size);
    wrn_buf_free(&p.data);
}

void mcp_write_file(mcp_session *session, const mcp_arguments *arguments) {
    cli_app *cli = session->cli;
    const char *encoding = arguments->encoding ? arguments->encoding : "utf-8", *data = arguments->content;
    size_t size = arguments->content_size;
    char *decoded = NULL;
    wrenn_error *error = NULL;
    if (strcmp(encoding, "base64") == 0) {
        decoded = malloc(wrn_base64_decoded_max(size) + 1);
        ssize_t got = decoded ? wrn_base64_decode(decoded, data, size) : -1;
        if (got < 0) free(decoded);
        if (got < 0) return mcp_fail(session, "write_file: argument 'content' is not base64");
        data = decoded;
        size = (size_t)got;
    } else if (strcmp(encoding, "utf-8") != 0) {
        return mcp_fail(session, "write_file: argument 'encoding' has to be 'utf-8' or 'base64'");
    }
    int rc = CLI_TRY(cli, &error, wrenn_sandbox_upload, (session->sandbox, arguments->path, data, size, NULL));
    free(decoded);
    if (rc < 0) mcp_fail_with(session, arguments->path, rc, error);
    else wrn_buf_printf(&session->text, "wrote %zu bytes to %s", size, arguments->path);
}

/* ---- lists ---- */

void mcp_list_files(mcp_session *session, const mcp_arguments *arguments) {
    cli_app *cli = session->cli;
    wrenn_file_list *list = NULL;
    wrenn_error *error = NULL;
    wrn_buf *text = &session->text;
    size_t i = 0;
    int rc = CLI_TRY_GET(cli, &error, wrenn_sandbox_list_dir,
                         (session->sandbox, arguments->path, arguments->depth, NULL), &list);
    if (!list) return mcp_fail_with(session, arguments->path, rc, error);
    for (; i < list->items_count && text->size < session->output_max; i++) {
        const wrenn_file_entry *entry = list->items[i];
        wrn_buf_printf(text, "%s %10lld %s%s%s%s\n", entry->permissions ? entry->permissions : "?",
                       (long long)entry->size, entry->path, entry->type == WRENN_FILE_TYPE_DIRECTORY ? "/" : "",
                       entry->symlink_target ? " -> " : "", entry->symlink_target ? entry->symlink_target : "");
    }
    if (i < list->items_count)
        wrn_buf_printf(text, "[... %zu of %zu entries were cut ...]\n", list->items_count - i, list->items_count);
    if (!list->items_count) wrn_buf_puts(text, "it is empty");
    wrenn_file_list_free(list);
}

/* ---- between this machine and the sandbox ---- */

static void fail_with_text(mcp_session *session, const wrn_buf *why) {
    mcp_fail(session, "%s", why->failed ? "out of memory" : why->data);
}

void mcp_upload(mcp_session *session, const mcp_arguments *arguments) {
    cli_app *cli = session->cli;
    wrenn_sandbox_upload_stream_options options = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
    WRN_AUTO(wrn_buf_free) wrn_buf why = WRN_BUF_INIT;
    wrenn_error *error = NULL;
    int fd = mcp_open_source(session, arguments->local_path, &why);
    if (fd < 0) return fail_with_text(session, &why);
    options.path = arguments->path;
    options.fd = &fd;
    int rc = CLI_TRY(cli, &error, wrenn_sandbox_upload_stream, (session->sandbox, &options));
    close(fd);
    if (rc < 0) mcp_fail_with(session, arguments->local_path, rc, error);
    else wrn_buf_printf(&session->text, "uploaded %s to %s", arguments->local_path, arguments->path);
}

void mcp_download(mcp_session *session, const mcp_arguments *arguments) {
    cli_app *cli = session->cli;
    wrenn_sandbox_download_stream_options options = WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT;
    WRN_AUTO(wrn_buf_free) wrn_buf why = WRN_BUF_INIT;
    wrenn_error *error = NULL;
    mcp_target target;
    int64_t size = 0;
    if (!mcp_open_target(session, arguments->local_path, &target, &why)) return fail_with_text(session, &why);
    options.path = arguments->path;
    options.fd = &target.fd;
    options.flags = WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY;
    int rc = CLI_TRY_GET(cli, &error, wrenn_sandbox_download_stream, (session->sandbox, &options), &size);
    bool kept = mcp_close_target(&target, rc >= 0, &why);
    if (rc < 0) mcp_fail_with(session, arguments->path, rc, error);
    else if (!kept) fail_with_text(session, &why);
    else wrn_buf_printf(&session->text, "downloaded %lld bytes to %s", (long long)size, arguments->local_path);
}
