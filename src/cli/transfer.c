/* Files between here and a sandbox, and where they go; trees.c has the trees. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"

enum { SHOW_AFTER_MS = 1000, SHOW_EVERY_MS = 200 };

/* ---- progress ---- */

cli_progress cli_begin_progress(cli_app *cli, const char *name, int out) {
    /* What is shown there already must not be written over. */
    bool shows = isatty(STDERR_FILENO) && !(out >= 0 && isatty(out));
    cli->does = shows ? "copying" : "";
    return (cli_progress){.name = name, .began_ms = wrn_now_ms(), .shows = shows};
}

/* The end of the name when there is no room for all of it: a line that goes on in the next one can't be replaced. */
static void show_line(const char *name, const char *says) {
    WRN_AUTO(wrn_buf_free) wrn_buf visible = WRN_BUF_INIT;
    int64_t cols = 80, rows;
    cli_terminal_size(&cols, &rows);
    cli_put_visible(&visible, name);
    if (visible.failed || !visible.size) return;
    const char *shown = visible.data;
    while (*shown && cli_width(shown) + cli_width(says) >= (size_t)cols) do
            shown++;
        while ((*shown & 0xc0) == 0x80);
    fprintf(stderr, "\r%s%s\033[K", shown, says);
}

void cli_on_progress(int64_t done, int64_t total, void *user_data) {
    cli_progress *p = user_data;
    if (total <= 0) total = p->total;
    int64_t now = wrn_now_ms(), took = now - p->began_ms;
    if (!p->shows || took < SHOW_AFTER_MS || now - p->shown_ms < SHOW_EVERY_MS) return;
    char size[32], whole[32], rate[32], of[64] = "", left[48] = "", says[200];
    int64_t per_second = done * 1000 / took;
    cli_say_bytes(size, done);
    cli_say_bytes(whole, total);
    cli_say_bytes(rate, per_second);
    if (total > 0)
        snprintf(of, sizeof(of), " of %s, %lld %%", whole, (long long)(done < total ? done * 100 / total : 100));
    if (total > done && per_second > 0)
        snprintf(left, sizeof(left), ", %lld s left", (long long)((total - done + per_second - 1) / per_second));
    snprintf(says, sizeof(says), "  %s%s, %s/s%s", size, of, rate, left);
    show_line(p->name, says);
    p->shown_ms = now;
}

void cli_end_progress(cli_app *cli, const cli_progress *p) {
    cli->does = NULL;
    if (p->shown_ms) fputs("\r\033[K", stderr);
}

/* ---- places ---- */

bool cli_split_place(const char *word, char **sandbox, const char **path) {
    const char *colon = strchr(word, ':'), *slash = strchr(word, '/');
    *sandbox = NULL;
    *path = word;
    if (!colon || colon == word || (slash && slash < colon)) return true;
    *sandbox = strndup(word, (size_t)(colon - word));
    *path = colon[1] ? colon + 1 : "~"; /* the home directory */
    if (!*sandbox) cli_complain("out of memory");
    return *sandbox;
}

/* The last part of a path; "" when it is "/", "." or "..", which name nothing. */
static const char *last_name(const char *path, char name[NAME_MAX + 1]) {
    size_t end = strlen(path);
    while (end && path[end - 1] == '/') end--;
    size_t begin = end;
    while (begin && path[begin - 1] != '/') begin--;
    snprintf(name, NAME_MAX + 1, "%.*s", (int)(end - begin), path + begin);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "~") == 0) *name = '\0';
    return name;
}

static void transfer_join(wrn_buf *out, const char *directory, const char *name) {
    wrn_buf_puts(out, directory);
    if (out->size && out->data[out->size - 1] != '/' && *name) wrn_buf_putc(out, '/');
    wrn_buf_puts(out, name);
}

/* ---- up ---- */

static bool upload_file(cli_app *cli, wrenn_sandbox *sandbox, const char *from, const char *to, const int *fd,
                        int64_t mode) {
    wrenn_sandbox_upload_stream_options options = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
    cli_progress p = cli_begin_progress(cli, from, -1);
    options.path = to;
    options.file = fd ? NULL : from;
    options.fd = fd;
    options.mode = mode;
    options.progress = cli_on_progress;
    options.user_data = &p;
    bool ok = CLI_DO(cli, from, wrenn_sandbox_upload_stream, (sandbox, &options));
    cli_end_progress(cli, &p);
    if (!ok && cli->signal) cli_complain("interrupted: %s has its old content, or all of the new", to);
    return ok;
}

static bool is_remote_directory(cli_app *cli, wrenn_sandbox *sandbox, const char *path) {
    wrenn_file_entry *entry = NULL;
    if (CLI_TRY_GET(cli, NULL, wrenn_sandbox_stat, (sandbox, path, NULL), &entry) < 0 || !entry) return false;
    bool is = entry->type == WRENN_FILE_TYPE_DIRECTORY;
    wrenn_file_entry_free(entry);
    return is;
}

bool cli_place_in(cli_app *cli, wrenn_sandbox *sandbox, const char *from, const char *to, wrn_buf *out) {
    char name[NAME_MAX + 1];
    bool into = (*to && to[strlen(to) - 1] == '/') || is_remote_directory(cli, sandbox, to);
    if (cli->signal) return false;
    transfer_join(out, to, into ? last_name(from, name) : "");
    if (out->failed) cli_complain("out of memory");
    return !out->failed;
}

static bool upload_tree(cli_app *cli, wrenn_sandbox *sandbox, const char *from, const char *to, bool keep) {
    cli_tree tree = {.name = from, .keep = keep, .directory = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (tree.directory < 0) return cli_complain("%s: %s", from, strerror(errno)), false;
    bool ok = cli_upload_tree(cli, sandbox, &tree, to);
    close(tree.directory);
    return ok;
}

bool cli_upload(cli_app *cli, wrenn_sandbox *sandbox, const char *from, const char *to, unsigned how) {
    WRN_AUTO(wrn_buf_free) wrn_buf target = WRN_BUF_INIT;
    struct stat info;
    const int stdin_fd = STDIN_FILENO;
    bool keep = how & CLI_COPY_KEEP;
    if (strcmp(from, "-") == 0) {
        bool directory =
            how & CLI_COPY_ARCHIVES && ((*to && to[strlen(to) - 1] == '/') || is_remote_directory(cli, sandbox, to));
        if (cli->signal) return false;
        return directory ? cli_upload_archive(cli, sandbox, "stdin", &stdin_fd, to, keep)
                         : upload_file(cli, sandbox, "stdin", to, &stdin_fd, 0);
    }
    if (stat(from, &info) != 0) return cli_complain("%s: %s", from, strerror(errno)), false;
    if (!cli_place_in(cli, sandbox, from, to, &target)) return false;
    if (S_ISDIR(info.st_mode)) return upload_tree(cli, sandbox, from, target.data, keep);
    mode_t mode = info.st_mode & (keep ? 07777 : 0777);
    return upload_file(cli, sandbox, from, target.data, NULL, S_ISREG(info.st_mode) ? mode : 0);
}

/* ---- down ---- */

/* A file, or a directory as an archive. `size`: how much it is; 0: nobody knows. */
static bool download_to(cli_app *cli, wrenn_sandbox *sandbox, const char *from, int fd, bool archive, int64_t size) {
    wrenn_sandbox_download_stream_options options = WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT;
    cli_progress p = cli_begin_progress(cli, from, fd);
    int64_t got = 0;
    p.total = size;
    options.path = from;
    options.fd = &fd;
    options.progress = cli_on_progress;
    options.user_data = &p;
    wrenn_error *error = NULL;
    int rc = archive ? CLI_TRY_GET(cli, &error, wrenn_sandbox_download_tar, (sandbox, &options), &got)
                     : CLI_TRY_GET(cli, &error, wrenn_sandbox_download_stream, (sandbox, &options), &got);
    cli_end_progress(cli, &p);
    struct pollfd reader = {.fd = fd};
    if (rc == WRENN_E_SYSTEM && fd == STDOUT_FILENO && poll(&reader, 1, 0) == 1 && reader.revents & POLLERR) {
        /* Who reads it has what he wanted. */
        wrenn_error_free(error);
        return cli->signal = SIGPIPE, false;
    }
    return cli_settle(cli, from, rc, error);
}

/* Into a file beside, which takes the name when it is whole. */
static bool download_file(cli_app *cli, wrenn_sandbox *sandbox, const char *from, int directory, const char *name,
                          mode_t mode, bool keep, int64_t size) {
    char temporary[NAME_MAX + 1];
    struct stat there;
    if (fstatat(directory, name, &there, 0) == 0 && !S_ISREG(there.st_mode) && !S_ISDIR(there.st_mode)) {
        int fd = openat(directory, name, O_WRONLY | O_CLOEXEC);
        bool ok = fd >= 0 && download_to(cli, sandbox, from, fd, false, size);
        if (fd < 0) cli_complain("%s: %s", name, strerror(errno));
        if (fd >= 0) close(fd);
        return ok;
    }
    snprintf(temporary, sizeof(temporary), ".wrenn-%d-%llx", (int)getpid(), (unsigned long long)wrn_now_us());
    int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return cli_complain("can't write %s: %s", name, strerror(errno)), false;
    mode_t mask = umask(0);
    umask(mask);
    bool got = download_to(cli, sandbox, from, fd, false, size),
         ok = got && fchmod(fd, keep ? mode : mode & ~mask & 0777) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && renameat(directory, temporary, directory, name) == 0;
    if (got && !ok) cli_complain("can't write %s: %s", name, strerror(errno));
    if (!ok) unlinkat(directory, temporary, 0);
    return ok;
}

/* Into the directory of that name, which need not be there. */
static bool download_tree(cli_app *cli, wrenn_sandbox *sandbox, const char *from, int directory, const char *name,
                          bool keep) {
    bool made = mkdirat(directory, name, 0700) == 0;
    cli_tree tree = {.name = name, .keep = keep, .made = made, .directory = -1};
    if (made || errno == EEXIST)
        tree.directory = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (tree.directory < 0) return cli_complain("can't make the directory %s: %s", name, strerror(errno)), false;
    bool ok = cli_download_tree(cli, sandbox, from, &tree);
    close(tree.directory);
    return ok;
}

/* Where it goes: a directory of this machine, and the name in it. */
static int open_target(const char *from, const char *to, char name[NAME_MAX + 1]) {
    WRN_AUTO(wrn_buf_free) wrn_buf path = WRN_BUF_INIT;
    char last[NAME_MAX + 1];
    struct stat info;
    bool into = (stat(to, &info) == 0 && S_ISDIR(info.st_mode)) || (*to && to[strlen(to) - 1] == '/');
    transfer_join(&path, to, into ? last_name(from, last) : "");
    if (path.failed) return cli_complain("out of memory"), -1;
    while (path.size > 1 && path.data[path.size - 1] == '/') path.data[--path.size] = '\0';
    char *slash = strrchr(path.data, '/');
    snprintf(name, NAME_MAX + 1, "%s", slash ? slash + 1 : path.data);
    if (slash == path.data) slash++;
    if (slash) *slash = '\0';
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) snprintf(name, NAME_MAX + 1, "%s", ".");
    int fd = open(slash ? path.data : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) cli_complain("%s: %s", slash ? path.data : ".", strerror(errno));
    return fd;
}

bool cli_download(cli_app *cli, wrenn_sandbox *sandbox, const char *from, const char *to, unsigned how) {
    wrenn_file_entry *entry = NULL;
    char name[NAME_MAX + 1];
    bool keep = how & CLI_COPY_KEEP;
    if (strcmp(to, "-") == 0) {
        bool archive = how & CLI_COPY_ARCHIVES && is_remote_directory(cli, sandbox, from);
        return !cli->signal && download_to(cli, sandbox, from, STDOUT_FILENO, archive, 0);
    }
    if (!CLI_GET(cli, from, wrenn_sandbox_stat, (sandbox, from, NULL), &entry)) return false;
    int directory = open_target(from, to, name);
    bool ok = directory >= 0;
    /* A link that is named itself is followed, as cp does it. */
    if (ok && entry->type == WRENN_FILE_TYPE_DIRECTORY) ok = download_tree(cli, sandbox, from, directory, name, keep);
    else if (ok)
        ok = download_file(cli, sandbox, from, directory, name, entry->symlink_target ? 0644 : (mode_t)entry->mode,
                           keep, entry->size);
    if (directory >= 0) close(directory);
    wrenn_file_entry_free(entry);
    return ok;
}
