/* Trees between here and a sandbox, each as one archive. It is made, or unpacked, by a thread at the other end of a pipe. What
 * comes from a sandbox is not trusted: see base/unpack.h. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/pack.h"
#include "base/tar.h"
#include "base/unpack.h"
#include "cli/cli.h"

enum { SAID_MAX = 65536 };

typedef struct work {
    const cli_tree *tree;
    pthread_t thread;
    int pipe[2];
    mode_t mask;
    wrn_buf said; /* lines about what is not in the archive */
    bool lacks;   /* some of it should be */
    int error;    /* how the thread has ended, and what that is about */
    wrn_buf path;
} work;

/* ---- the thread ---- */

static void put_name(wrn_buf *out, const work *w, const char *path) {
    wrn_buf_puts(out, w->tree->name);
    if (*path && out->size && out->data[out->size - 1] != '/') wrn_buf_putc(out, '/');
    wrn_buf_puts(out, path);
}

static void take_note(void *context, int error, const char *path) {
    work *w = context;
    if (error) w->lacks = true;
    put_name(&w->said, w, path);
    wrn_buf_puts(&w->said, error ? ": " : " is left out: it is no file");
    wrn_buf_puts(&w->said, error ? wrn_tar_why(error) : "");
    wrn_buf_putc(&w->said, '\n');
}

/* Goes on after a failure, so that all that is wrong is said at once. */
static bool pack_lacks(void *context, int error, const char *path) { return take_note(context, error, path), true; }

static bool pack_wants(void *context, const char *path, bool directory) {
    const cli_tree *tree = ((work *)context)->tree;
    return tree->wants(tree->context, path, directory);
}

static void *pack(void *context) {
    work *w = context;
    const wrn_pack how = {
        .out = w->pipe[1], .wants = w->tree->wants ? pack_wants : NULL, .lacks = pack_lacks, .context = w};
    w->error = wrn_pack_tree(&how, w->tree->directory, w->tree->paths);
    close(w->pipe[1]);
    return NULL;
}

static void *unpack(void *context) {
    work *w = context;
    const cli_tree *tree = w->tree;
    wrn_unpack how = {.in = w->pipe[0],
                      .directory = tree->directory,
                      .made = tree->made,
                      .masked = tree->keep ? 0 : w->mask | 07000,
                      .owners = tree->keep && geteuid() == 0,
                      .note = take_note,
                      .context = w};
    w->error = wrn_unpack_tree(&how);
    w->path = how.path;
    close(w->pipe[0]);
    return NULL;
}

/* ---- its beginning and end ---- */

/* Starts it; `ours` is our end of the pipe. False: reported. Signals are for the other thread. */
static bool begin(work *w, const cli_tree *tree, void *(*run)(void *), int ours) {
    sigset_t all, before;
    *w = (work){.tree = tree, .said = WRN_BUF_LIMITED(SAID_MAX), .mask = umask(0)};
    umask(w->mask);
    if (pipe2(w->pipe, O_CLOEXEC) != 0) return cli_complain("no pipe: %s", strerror(errno)), false;
    fcntl(w->pipe[ours], F_SETFL, O_NONBLOCK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!error) return true;
    cli_complain("no thread: %s", strerror(error));
    close(w->pipe[0]);
    close(w->pipe[1]);
    return false;
}

/* What is there after an end that came too early. `broken`: because of what is here. */
static void say_state(const cli_app *cli, int rc, bool broken, const char *where) {
    bool early = broken || rc == WRENN_E_AGENT || rc == WRENN_E_CONNECTION_LOST || rc == WRENN_E_TIMEOUT;
    if (cli->signal || early)
        cli_complain("%s: every file below %s has its old content, or all of the new",
                     cli->signal ? "interrupted" : "not all was copied", where);
}

/* Says what was left out. The thread's failure is the reason when there is one that is not just that the pipe was closed; `rc` and
 * `failure` are those of the transfer. */
static bool end(cli_app *cli, work *w, int ours, const char *what, int rc, wrenn_error *failure) {
    close(w->pipe[ours]);
    pthread_join(w->thread, NULL);
    char *rest = w->said.data;
    for (char *line; rest && (line = strsep(&rest, "\n")) && *line;) cli_complain("%s", line);
    if (w->said.failed) cli_complain("... and more");
    bool local = w->error && w->error != EPIPE && w->error != ENODATA;
    bool ok = !local && !(w->lacks && rc < 0);
    if (local && !cli->signal) {
        WRN_AUTO(wrn_buf_free) wrn_buf name = WRN_BUF_INIT;
        put_name(&name, w, w->path.data ? w->path.data : "");
        cli_complain("%s: %s", name.failed ? what : name.data, wrn_tar_why(w->error));
    }
    if (ok) ok = cli_settle(cli, what, rc, failure);
    else wrenn_error_free(failure);
    say_state(cli, rc, local && ours, ours ? w->tree->name : what);
    ok = ok && !w->lacks;
    wrn_buf_free(&w->said);
    wrn_buf_free(&w->path);
    return ok;
}

/* ---- up ---- */

/* About as many bytes as the archive will have; 0: nobody is shown that. */
static int64_t measure(const cli_app *cli, const cli_tree *tree) {
    char *const roots[] = {(char *)(uintptr_t)tree->name, NULL};
    int64_t size = 0;
    if (tree->paths || tree->wants || !isatty(STDERR_FILENO)) return 0;
    FTS *all = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry; all && !cli->signal && (entry = fts_read(all));)
        size += 3 * WRN_TAR_BLOCK + (entry->fts_info == FTS_F ? entry->fts_statp->st_size : 0);
    if (all) fts_close(all);
    return size;
}

static int send_archive(cli_app *cli, wrenn_sandbox *sandbox, const int *fd, const char *to, bool keep, cli_progress *p,
                        wrenn_error **failure) {
    wrenn_sandbox_upload_stream_options options = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
    options.path = to;
    options.fd = fd;
    options.flags = keep ? WRENN_SANDBOX_UPLOAD_STREAM_KEEP : 0;
    options.progress = cli_on_progress;
    options.user_data = p;
    int rc = CLI_TRY(cli, failure, wrenn_sandbox_upload_tar, (sandbox, &options));
    cli_end_progress(cli, p);
    return rc;
}

bool cli_upload_archive(cli_app *cli, wrenn_sandbox *sandbox, const char *name, const int *fd, const char *to,
                        bool keep) {
    cli_progress p = cli_begin_progress(cli, name, -1);
    wrenn_error *failure = NULL;
    int rc = send_archive(cli, sandbox, fd, to, keep, &p, &failure);
    bool ok = cli_settle(cli, to, rc, failure);
    say_state(cli, rc, false, to);
    return ok;
}

bool cli_upload_tree(cli_app *cli, wrenn_sandbox *sandbox, const cli_tree *tree, const char *to) {
    work w;
    cli_progress p = cli_begin_progress(cli, tree->name, -1);
    wrenn_error *failure = NULL;
    p.total = measure(cli, tree);
    if (cli->signal || !begin(&w, tree, pack, 0)) return false;
    int rc = send_archive(cli, sandbox, &w.pipe[0], to, tree->keep, &p, &failure);
    return end(cli, &w, 0, to, rc, failure);
}

/* ---- down ---- */

bool cli_download_tree(cli_app *cli, wrenn_sandbox *sandbox, const char *from, const cli_tree *tree) {
    work w;
    wrenn_sandbox_download_stream_options options = WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT;
    cli_progress p = cli_begin_progress(cli, from, -1);
    wrenn_error *failure = NULL;
    int64_t size = 0;
    if (!begin(&w, tree, unpack, 1)) return false;
    options.path = from;
    options.fd = &w.pipe[1];
    options.progress = cli_on_progress;
    options.user_data = &p;
    int rc = CLI_TRY_GET(cli, &failure, wrenn_sandbox_download_tar, (sandbox, &options), &size);
    cli_end_progress(cli, &p);
    return end(cli, &w, 1, from, rc, failure);
}
