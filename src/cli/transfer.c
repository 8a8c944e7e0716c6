/* Files and trees between here and a sandbox. What comes from a sandbox is not trusted: its names lead nowhere else than
 * into the directory that was asked for, also by way of links that came before. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
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

enum { SHOW_AFTER_MS = 1000, SHOW_EVERY_MS = 200, DEPTH_MAX = 200 };

/* ---- progress ---- */

typedef struct progress {
    const char *name;
    int64_t began_ms, shown_ms;
    bool shows;
} progress;

static progress begin_progress(const char *name) {
    return (progress){.name = name, .began_ms = wrn_now_ms(), .shows = isatty(STDERR_FILENO)};
}

static void on_progress(int64_t done, int64_t total, void *user_data) {
    progress *p = user_data;
    int64_t now = wrn_now_ms(), took = now - p->began_ms;
    if (!p->shows || took < SHOW_AFTER_MS || now - p->shown_ms < SHOW_EVERY_MS) return;
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
    char size[32], whole[32], rate[32];
    int64_t per_second = done * 1000 / took;
    cli_say_bytes(size, done);
    cli_say_bytes(whole, total);
    cli_say_bytes(rate, per_second);
    cli_put_visible(&line, p->name);
    wrn_buf_printf(&line, "  %s", size);
    if (total > 0) wrn_buf_printf(&line, " of %s, %lld %%", whole, (long long)(done * 100 / total));
    wrn_buf_printf(&line, ", %s/s", rate);
    if (total > 0 && per_second > 0)
        wrn_buf_printf(&line, ", %lld s left", (long long)((total - done + per_second - 1) / per_second));
    if (!line.failed) fprintf(stderr, "\r%s\033[K", line.data);
    p->shown_ms = now;
}

static void end_progress(const progress *p) {
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

static void join(wrn_buf *out, const char *directory, const char *name) {
    wrn_buf_puts(out, directory);
    if (out->size && out->data[out->size - 1] != '/' && *name) wrn_buf_putc(out, '/');
    wrn_buf_puts(out, name);
}

/* ---- up ---- */

static bool upload_file(cli_app *cli, wrenn_sandbox *sandbox, const char *from, const char *to, const int *fd,
                        int64_t mode) {
    wrenn_sandbox_upload_stream_options options = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
    progress p = begin_progress(from);
    options.path = to;
    options.file = fd ? NULL : from;
    options.fd = fd;
    options.mode = mode;
    options.progress = on_progress;
    options.user_data = &p;
    bool ok = CLI_DO(cli, from, wrenn_sandbox_upload_stream, (sandbox, &options));
    end_progress(&p);
    if (!ok && cli->signal) cli_complain("interrupted: %s has its old content, or all of the new", to);
    return ok;
}

static bool make_remote_directory(cli_app *cli, wrenn_sandbox *sandbox, const char *path) {
    wrenn_file_entry *entry = NULL;
    bool ok = CLI_GET(cli, path, wrenn_sandbox_mkdir, (sandbox, path, NULL), &entry);
    wrenn_file_entry_free(entry);
    return ok;
}

/* There is no operation for links: the sandbox's own programs make and read them. */
static char *run_there(cli_app *cli, wrenn_sandbox *sandbox, const char *const *argv) {
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_exec_result *result = NULL;
    char *said = NULL;
    command.argv = argv;
    if (!CLI_GET(cli, argv[0], wrenn_sandbox_exec, (sandbox, &command, NULL), &result)) return NULL;
    if (result->exit_code == 0) said = strndup(result->stdout_data, result->stdout_size);
    else cli_complain("%s in the sandbox failed: %s", argv[0], result->stderr_data);
    wrenn_exec_result_free(result);
    return said;
}

static bool upload_link(cli_app *cli, wrenn_sandbox *sandbox, const char *from, const char *to) {
    char target[PATH_MAX];
    ssize_t size = readlink(from, target, sizeof(target) - 1);
    if (size < 0) return cli_complain("%s: %s", from, strerror(errno)), false;
    target[size] = '\0';
    char *said = run_there(cli, sandbox, (const char *const[]){"ln", "-sfn", "--", target, to, NULL});
    free(said);
    return said != NULL;
}

static bool upload_entry(cli_app *cli, wrenn_sandbox *sandbox, const FTSENT *entry, const char *to) {
    switch (entry->fts_info) {
    case FTS_D: return make_remote_directory(cli, sandbox, to);
    case FTS_DP: return true;
    case FTS_F: return upload_file(cli, sandbox, entry->fts_path, to, NULL, entry->fts_statp->st_mode & 07777);
    case FTS_SL:
    case FTS_SLNONE: return upload_link(cli, sandbox, entry->fts_path, to);
    case FTS_DEFAULT: return cli_complain("%s is left out: it is no file", entry->fts_path), true;
    default: return cli_complain("%s: %s", entry->fts_path, strerror(entry->fts_errno)), false;
    }
}

/* Goes on after a failure, so that all that is wrong is said at once. */
static bool upload_tree(cli_app *cli, wrenn_sandbox *sandbox, const char *from, const char *to) {
    char *const roots[] = {(char *)(uintptr_t)from, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    bool all = tree != NULL;
    if (!tree) cli_complain("%s: %s", from, strerror(errno));
    for (FTSENT *entry; tree && !cli->signal && (entry = fts_read(tree));) {
        WRN_AUTO(wrn_buf_free) wrn_buf path = WRN_BUF_INIT;
        const char *below = entry->fts_path + strlen(from);
        join(&path, to, below + strspn(below, "/"));
        bool ok = !path.failed && upload_entry(cli, sandbox, entry, path.data);
        if (!ok && entry->fts_info == FTS_D) fts_set(tree, entry, FTS_SKIP);
        all = all && ok;
    }
    if (tree) fts_close(tree);
    return all && !cli->signal;
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
    join(out, to, into ? last_name(from, name) : "");
    if (out->failed) cli_complain("out of memory");
    return !out->failed;
}

bool cli_upload(cli_app *cli, wrenn_sandbox *sandbox, const char *from, const char *to) {
    WRN_AUTO(wrn_buf_free) wrn_buf target = WRN_BUF_INIT;
    struct stat info;
    const int stdin_fd = STDIN_FILENO;
    if (strcmp(from, "-") == 0) return upload_file(cli, sandbox, "stdin", to, &stdin_fd, 0);
    if (stat(from, &info) != 0) return cli_complain("%s: %s", from, strerror(errno)), false;
    if (!cli_place_in(cli, sandbox, from, to, &target)) return false;
    if (S_ISDIR(info.st_mode)) return upload_tree(cli, sandbox, from, target.data);
    return upload_file(cli, sandbox, from, target.data, NULL, S_ISREG(info.st_mode) ? info.st_mode & 07777 : 0);
}

/* ---- down ---- */

static bool download_to(cli_app *cli, wrenn_sandbox *sandbox, const char *from, int fd) {
    wrenn_sandbox_download_stream_options options = WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT;
    progress p = begin_progress(from);
    int64_t size = 0;
    options.path = from;
    options.fd = &fd;
    options.progress = on_progress;
    options.user_data = &p;
    wrenn_error *error = NULL;
    int rc = CLI_TRY_GET(cli, &error, wrenn_sandbox_download_stream, (sandbox, &options), &size);
    end_progress(&p);
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
                          mode_t mode) {
    char temporary[NAME_MAX + 1];
    struct stat there;
    if (fstatat(directory, name, &there, 0) == 0 && !S_ISREG(there.st_mode) && !S_ISDIR(there.st_mode)) {
        int fd = openat(directory, name, O_WRONLY | O_CLOEXEC);
        bool ok = fd >= 0 && download_to(cli, sandbox, from, fd);
        if (fd < 0) cli_complain("%s: %s", name, strerror(errno));
        if (fd >= 0) close(fd);
        return ok;
    }
    snprintf(temporary, sizeof(temporary), ".wrenn-%d-%llx", (int)getpid(), (unsigned long long)wrn_now_us());
    int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return cli_complain("can't write %s: %s", name, strerror(errno)), false;
    mode_t mask = umask(0);
    umask(mask);
    bool got = download_to(cli, sandbox, from, fd), ok = got && fchmod(fd, mode & ~mask & 0777) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && renameat(directory, temporary, directory, name) == 0;
    if (got && !ok) cli_complain("can't write %s: %s", name, strerror(errno));
    if (!ok) unlinkat(directory, temporary, 0);
    return ok;
}

static bool download_link(cli_app *cli, wrenn_sandbox *sandbox, const char *from, int directory, const char *name) {
    char *target = run_there(cli, sandbox, (const char *const[]){"readlink", "--", from, NULL});
    struct stat there;
    if (!target) return false;
    target[strcspn(target, "\n")] = '\0';
    if (fstatat(directory, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(there.st_mode))
        unlinkat(directory, name, 0);
    bool ok = symlinkat(target, directory, name) == 0;
    if (!ok) cli_complain("can't make the link %s: %s", name, strerror(errno));
    free(target);
    return ok;
}

static bool download_tree(cli_app *cli, wrenn_sandbox *sandbox, const char *from, int directory, const char *name,
                          mode_t mode, int depth);

static bool download_entry(cli_app *cli, wrenn_sandbox *sandbox, const wrenn_file_entry *entry, const char *above,
                           int directory, int depth) {
    WRN_AUTO(wrn_buf_free) wrn_buf from = WRN_BUF_INIT;
    const char *name = entry->name ? entry->name : "";
    if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return cli_complain("%s has an entry with the impossible name '%s'", above, name), false;
    join(&from, above, name);
    if (from.failed) return cli_complain("out of memory"), false;
    if (entry->symlink_target) return download_link(cli, sandbox, from.data, directory, name);
    if (entry->type == WRENN_FILE_TYPE_DIRECTORY)
        return download_tree(cli, sandbox, from.data, directory, name, (mode_t)entry->mode, depth + 1);
    if (entry->type != WRENN_FILE_TYPE_FILE) return cli_complain("%s is left out: it is no file", from.data), true;
    return download_file(cli, sandbox, from.data, directory, name, (mode_t)entry->mode);
}

static bool download_tree(cli_app *cli, wrenn_sandbox *sandbox, const char *from, int directory, const char *name,
                          mode_t mode, int depth) {
    wrenn_file_list *list = NULL;
    if (depth > DEPTH_MAX) return cli_complain("%s is more than %d levels deep", from, DEPTH_MAX), false;
    if (!CLI_GET(cli, from, wrenn_sandbox_list_dir, (sandbox, from, 1, NULL), &list)) return false;
    bool there = mkdirat(directory, name, 0700) == 0, all = true;
    int fd = there || errno == EEXIST ? openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (fd < 0) cli_complain("can't make the directory %s: %s", name, strerror(errno)), all = false;
    for (size_t i = 0; fd >= 0 && i < list->items_count && !cli->signal; i++)
        all = download_entry(cli, sandbox, list->items[i], from, fd, depth) && all;
    mode_t mask = umask(0);
    umask(mask);
    if (there && fd >= 0) (void)!fchmod(fd, (mode ? mode : 0755) & ~mask & 0777);
    if (fd >= 0) close(fd);
    wrenn_file_list_free(list);
    return all && !cli->signal;
}

/* Where it goes: a directory of this machine, and the name in it. */
static int open_target(const char *from, const char *to, char name[NAME_MAX + 1]) {
    WRN_AUTO(wrn_buf_free) wrn_buf path = WRN_BUF_INIT;
    char last[NAME_MAX + 1];
    struct stat info;
    bool into = (stat(to, &info) == 0 && S_ISDIR(info.st_mode)) || (*to && to[strlen(to) - 1] == '/');
    join(&path, to, into ? last_name(from, last) : "");
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

bool cli_download(cli_app *cli, wrenn_sandbox *sandbox, const char *from, const char *to) {
    wrenn_file_entry *entry = NULL;
    char name[NAME_MAX + 1];
    if (strcmp(to, "-") == 0) return download_to(cli, sandbox, from, STDOUT_FILENO);
    if (!CLI_GET(cli, from, wrenn_sandbox_stat, (sandbox, from, NULL), &entry)) return false;
    int directory = open_target(from, to, name);
    bool ok = directory >= 0;
    /* A link that is named itself is followed, as cp does it. */
    if (ok && entry->type == WRENN_FILE_TYPE_DIRECTORY)
        ok = download_tree(cli, sandbox, from, directory, name, (mode_t)entry->mode, 0);
    else if (ok)
        ok = download_file(cli, sandbox, from, directory, name, entry->symlink_target ? 0644 : (mode_t)entry->mode);
    if (directory >= 0) close(directory);
    wrenn_file_entry_free(entry);
    return ok;
}
