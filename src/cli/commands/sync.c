/* sync: keeps a copy of a local directory in a sandbox. What inotify says is only where to look: whether something is copied or
 * removed is decided by what is there then. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/cli.h"

/* Changes that come within QUIET_MS are copied together, but none waits for much longer than LATEST_TURNS of these. */
enum { QUIET_MS = 50, LATEST_TURNS = 20, CHANGES_MAX = 10000, LEVELS = 256 };

typedef struct sync_values {
    bool once, removes, gitignore;
    cli_list excludes;
} sync_values;

typedef struct change {
    char *path; /* below the directory */
    bool gone;  /* a directory that did not exist at some moment */
    bool was_directory;
} change;

typedef struct mirror {
    cli_aside aside; /* first, so that it leads here */
    cli_app *cli;
    wrenn_sandbox *sandbox;
    const sync_values *values;
    const char *from, *to;
    int directory;  /* open while something is copied, to notice its removal */
    char **watched; /* paths by watch descriptor */
    size_t watched_count;
    change *changes;
    size_t change_count;
    char *ignored; /* the lines of .gitignore, each with NUL at its end */
    size_t ignored_size;
    bool all;   /* changes were lost, or there are too many: everything is copied again */
    bool ended; /* the directory is gone, or can't be watched */
} mirror;

/* ---- what is left out ---- */

static void join(wrn_buf *out, const char *directory, const char *path) {
    wrn_buf_puts(out, directory);
    if (*path && out->size && out->data[out->size - 1] != '/') wrn_buf_putc(out, '/');
    wrn_buf_puts(out, path);
}

#define GITIGNORE ".gitignore"
enum { GITIGNORE_MAX = 1 << 18 };

/* As in .gitignore: with a slash before its end it is a whole path, else a name anywhere; "**" is any number of directories. */
static bool is_like(const char *pattern, const char *path) {
    const char *name = strrchr(path, '/');
    if (!strchr(pattern, '/')) return fnmatch(pattern, name ? name + 1 : path, 0) == 0;
    if (fnmatch(pattern + (*pattern == '/'), path, strstr(pattern, "**") ? 0 : FNM_PATHNAME) == 0) return true;
    return strncmp(pattern, "**/", 3) == 0 && is_like(pattern + 3, path);
}

/* What a pattern says about a path, if anything; one with a slash at its end is about directories, "!" takes back. */
static void apply(const char *pattern, const char *path, bool directory, bool *wanted) {
    char text[4096];
    bool keeps = *pattern == '!';
    size_t size = strlen(pattern += keeps);
    bool ends = size && pattern[size - 1] == '/';
    if (!size || size >= sizeof(text) || (ends && !directory)) return;
    snprintf(text, sizeof(text), "%.*s", (int)(size - ends), pattern);
    if (is_like(text, path)) *wanted = keeps;
}

static bool sync_wants(void *context, const char *path, bool directory) {
    const mirror *s = context;
    bool wanted = !(s->values->gitignore && directory && is_like(".git", path));
    for (size_t at = 0; at < s->ignored_size; at += strlen(s->ignored + at) + 1)
        apply(s->ignored + at, path, directory, &wanted);
    for (size_t i = 0; i < s->values->excludes.count; i++)
        apply(s->values->excludes.items[i], path, directory, &wanted);
    return wanted;
}

/* Makes patterns of its lines: comments and blanks at the ends are none. */
static void take_lines(mirror *s) {
    char *rest = s->ignored, *to = s->ignored;
    for (char *line; (line = strsep(&rest, "\r\n"));) {
        size_t size = *line == '#' ? 0 : strlen(line);
        while (size && strchr(" \t", line[size - 1]) && !(size > 1 && line[size - 2] == '\\')) size--;
        memmove(to, line, size);
        to[size] = '\0';
        to += size + (size > 0);
    }
    s->ignored_size = (size_t)(to - s->ignored);
}

/* A file that does not exist ignores nothing. False: reported. */
static bool read_gitignore(mirror *s) {
    WRN_AUTO(wrn_buf_free) wrn_buf place = WRN_BUF_INIT;
    s->ignored_size = 0;
    if (!s->values->gitignore) return true;
    join(&place, s->from, GITIGNORE);
    if (!s->ignored) s->ignored = malloc(GITIGNORE_MAX);
    if (!s->ignored || place.failed) return cli_complain("out of memory"), false;
    ssize_t size = wrn_file_read(place.data, s->ignored, GITIGNORE_MAX);
    if (size + 1 == GITIGNORE_MAX)
        return cli_complain("%s has more than %d bytes", place.data, GITIGNORE_MAX - 2), false;
    if (size >= 0) return take_lines(s), true;
    return errno == ENOENT || (cli_complain("%s: %s", place.data, strerror(errno)), false);
}

/* Whether the path, or a directory above it, is left out. */
static bool wants_below(mirror *s, const char *path, bool directory) {
    WRN_AUTO(wrn_buf_free) wrn_buf above = WRN_BUF_INIT;
    for (const char *slash = path; (slash = strchr(slash, '/')); slash++) {
        wrn_buf_clear(&above);
        wrn_buf_put(&above, path, (size_t)(slash - path));
        if (!above.failed && !sync_wants(s, above.data, true)) return false;
    }
    return sync_wants(s, path, directory);
}

/* ---- watching ---- */

static void forget_watch(mirror *s, int watch) {
    free(s->watched[watch]);
    s->watched[watch] = NULL;
}

static bool keep_watch(mirror *s, int watch, const char *path) {
    size_t count = (size_t)watch + 1;
    if (count > s->watched_count) {
        char **grown = realloc(s->watched, 2 * count * sizeof(*grown));
        if (!grown) return false;
        memset(grown + s->watched_count, 0, (2 * count - s->watched_count) * sizeof(*grown));
        s->watched = grown;
        s->watched_count = 2 * count;
    }
    free(s->watched[watch]);
    return (s->watched[watch] = strdup(path)) != NULL;
}

static void watch_directory(mirror *s, const char *place, const char *path) {
    uint32_t what = IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE |
                    IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | (*path ? 0 : IN_DELETE_SELF | IN_MOVE_SELF);
    int watch = inotify_add_watch(s->aside.fds[0].fd, place, *path ? what : what & ~(uint32_t)IN_DONT_FOLLOW);
    if (watch < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) return;
    if (watch >= 0 && keep_watch(s, watch, path)) return;
    if (watch < 0 && errno == ENOSPC)
        cli_complain("there are too many directories to watch: raise the sysctl fs.inotify.max_user_watches");
    else cli_complain("can't watch %s: %s", place, strerror(errno));
    s->ended = true;
}

/* Watches what is at `path`, and all directories below. */
static void watch_tree(mirror *s, const char *path) {
    WRN_AUTO(wrn_buf_free) wrn_buf place = WRN_BUF_INIT;
    join(&place, s->from, path);
    char *const roots[] = {place.data, NULL};
    FTS *tree = place.failed
                    ? NULL
                    : fts_open(roots, (*path ? FTS_PHYSICAL : FTS_PHYSICAL | FTS_COMFOLLOW) | FTS_NOCHDIR, NULL);
    for (FTSENT *entry; tree && !s->ended && !s->cli->signal && (entry = fts_read(tree));) {
        const char *below = entry->fts_path + strlen(s->from);
        below += strspn(below, "/");
        if (entry->fts_info != FTS_D) continue;
        if (*below && !sync_wants(s, below, true)) fts_set(tree, entry, FTS_SKIP);
        else watch_directory(s, entry->fts_path, below);
    }
    if (tree) fts_close(tree);
}

/* Stops watching what was moved away. */
static void unwatch_tree(mirror *s, const char *path) {
    size_t size = strlen(path);
    for (size_t i = 0; i < s->watched_count; i++) {
        const char *watched = s->watched[i];
        if (!watched || strncmp(watched, path, size) != 0 || (watched[size] && watched[size] != '/')) continue;
        inotify_rm_watch(s->aside.fds[0].fd, (int)i);
        forget_watch(s, (int)i);
    }
}

static bool begin_watching(mirror *s) {
    for (size_t i = 0; i < s->watched_count; i++) forget_watch(s, (int)i);
    if (s->aside.fds[0].fd >= 0) close(s->aside.fds[0].fd);
    s->aside.fds[0].fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (s->aside.fds[0].fd < 0) return cli_complain("can't watch anything: %s", strerror(errno)), false;
    if (!read_gitignore(s)) s->ended = true;
    else watch_tree(s, "");
    return !s->ended;
}

/* ---- what has changed ---- */

static void free_changes(change *changes, size_t count) {
    for (size_t i = 0; i < count; i++) free(changes[i].path);
    free(changes);
}

/* Begins a new list of changes; what comes while those of the old one are copied is for the next time. The caller frees that. */
static change *take_changes(mirror *s, size_t *count) {
    change *taken = s->changes, *room = calloc(CHANGES_MAX, sizeof(*room));
    if (!room) return cli_complain("out of memory"), NULL;
    *count = s->change_count;
    s->changes = room;
    s->change_count = 0;
    return taken;
}

static void add_change(mirror *s, const char *path, bool gone, bool directory) {
    change *c = NULL;
    for (size_t i = s->change_count; i-- > 0 && s->change_count - i < 8 && !c;) /* those of one file come together */
        if (strcmp(s->changes[i].path, path) == 0) c = &s->changes[i];
    char *copy = !c && s->change_count < CHANGES_MAX ? strdup(path) : NULL;
    if (copy) *(c = &s->changes[s->change_count++]) = (change){.path = copy};
    if (!c) return (void)(s->all = true);
    c->gone |= gone;
    c->was_directory |= gone && directory;
}

static void take_event(mirror *s, const struct inotify_event *event) {
    WRN_AUTO(wrn_buf_free) wrn_buf path = WRN_BUF_INIT;
    if (event->mask & IN_Q_OVERFLOW) return (void)(s->all = true);
    if (event->wd < 0 || (size_t)event->wd >= s->watched_count || !s->watched[event->wd]) return;
    if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF)) {
        cli_complain("%s is not there any more", s->from);
        return (void)(s->ended = true);
    }
    if (event->mask & IN_IGNORED) return forget_watch(s, event->wd);
    if (!event->len) return;
    join(&path, s->watched[event->wd], event->name);
    if (path.failed) return (void)(s->all = true);
    bool directory = event->mask & IN_ISDIR, gone = event->mask & (IN_MOVED_FROM | IN_DELETE);
    if (s->values->gitignore && strcmp(path.data, GITIGNORE) == 0) s->all = true;
    if (!sync_wants(s, path.data, directory)) return;
    if (directory && gone) unwatch_tree(s, path.data);
    if (directory && event->mask & (IN_CREATE | IN_MOVED_TO)) watch_tree(s, path.data);
    if (!directory || event->mask & (IN_CREATE | IN_MOVED_TO) || gone) add_change(s, path.data, gone, directory);
}

/* cli_aside.happened. */
static bool take_events(cli_aside *aside) {
    mirror *s = (mirror *)aside;
    char events[65536] __attribute__((aligned(8)));
    for (ssize_t got; (got = read(aside->fds[0].fd, events, sizeof(events))) > 0;)
        for (char *at = events; at < events + got;) {
            const struct inotify_event *event = (const struct inotify_event *)(void *)at;
            take_event(s, event);
            at += sizeof(*event) + event->len;
        }
    return true;
}

/* ---- copying ---- */

static bool remove_there(mirror *s, const char *path) {
    WRN_AUTO(wrn_buf_free) wrn_buf there = WRN_BUF_INIT;
    join(&there, s->to, path);
    if (there.failed) return cli_complain("out of memory"), false;
    return CLI_DO(s->cli, there.data, wrenn_sandbox_remove, (s->sandbox, there.data, NULL));
}

static bool copy_paths(mirror *s, const char *const *paths) {
    const cli_tree tree = {
        .directory = s->directory, .name = s->from, .paths = paths, .wants = sync_wants, .context = s};
    return cli_upload_tree(s->cli, s->sandbox, &tree, s->to);
}

/* Removes what is not here, or is something else. */
static bool remove_extra(mirror *s) {
    wrenn_file_entry *made = NULL;
    wrenn_file_list *list = NULL;
    const char *removed = NULL;
    struct stat here;
    bool ok = CLI_GET(s->cli, s->to, wrenn_sandbox_mkdir, (s->sandbox, s->to, NULL), &made) &&
              CLI_GET(s->cli, s->to, wrenn_sandbox_list_dir, (s->sandbox, s->to, LEVELS, NULL), &list);
    wrenn_file_entry_free(made);
    for (size_t i = 0, base = 0; ok && list && i < list->items_count; i++) {
        const wrenn_file_entry *entry = list->items[i];
        if (!i) base = strlen(entry->path) - strlen(entry->name);
        const char *path = entry->path + base;
        bool directory = entry->type == WRENN_FILE_TYPE_DIRECTORY && !entry->symlink_target;
        if (removed && strncmp(path, removed, strlen(removed)) == 0 && path[strlen(removed)] == '/') continue;
        if (!wants_below(s, path, directory)) continue;
        if (fstatat(s->directory, path, &here, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(here.st_mode) == !directory)
            continue;
        removed = path;
        ok = remove_there(s, path);
    }
    wrenn_file_list_free(list);
    return ok;
}

static bool copy_all(mirror *s) {
    size_t count;
    change *changes = take_changes(s, &count);
    if (!changes) return false;
    free_changes(changes, count);
    s->all = false;
    if (s->values->removes && !remove_extra(s)) return false;
    return copy_paths(s, NULL);
}

static bool copy_changes(mirror *s) {
    size_t count, kept = 0;
    struct stat here;
    change *changes = take_changes(s, &count);
    const char **paths = changes ? calloc(count + 1, sizeof(*paths)) : NULL;
    bool ok = paths != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        const change *c = &changes[i];
        bool there = fstatat(s->directory, c->path, &here, AT_SYMLINK_NOFOLLOW) == 0;
        if (there) paths[kept++] = c->path;
        /* What became a file from a directory, or a directory from a file, has to be removed first. */
        if (s->values->removes && c->gone && (!there || c->was_directory || S_ISDIR(here.st_mode)))
            ok = remove_there(s, c->path);
    }
    if (ok && kept) ok = copy_paths(s, paths);
    free(paths);
    if (changes) free_changes(changes, count);
    return ok;
}

/* Everything, or what has changed. */
static bool copy(mirror *s, bool all) {
    s->directory = open(s->from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->directory < 0) {
        cli_complain("%s: %s", s->from, strerror(errno));
        return s->ended = true, false;
    }
    bool ok = all ? copy_all(s) : copy_changes(s);
    close(s->directory);
    return ok;
}

static void say_in_sync(void) {
    puts("in sync");
    cli_flush();
}

/* Waits until nothing more comes for a moment. */
static void wait_for_changes(mirror *s) {
    while (!s->cli->signal && !s->ended && !s->change_count && !s->all) (void)cli_turn(s->cli, -1);
    for (int turn = 0; turn < LATEST_TURNS && !s->cli->signal && !s->ended && cli_turn(s->cli, QUIET_MS) > 0; turn++) {
    }
}

/* Until a signal, which is no failure, or until there is nothing to copy from or to. `whole`: everything was copied before. */
static int keep_copying(mirror *s, bool whole) {
    for (;;) {
        wait_for_changes(s);
        if (s->ended) return CLI_FAILED;
        if (s->cli->signal) return 0;
        /* What was reported may be over with the next change, if the sandbox is there. */
        if (!whole) s->all = true;
        whole = (!s->all || begin_watching(s)) && copy(s, s->all);
        if (whole) say_in_sync();
        else if (!s->ended && !s->cli->signal && !CLI_DO(s->cli, s->to, wrenn_sandbox_ping, (s->sandbox, NULL)))
            return CLI_FAILED;
    }
}

static int run_sync(mirror *s) {
    bool watches = !s->values->once;
    s->changes = calloc(CHANGES_MAX, sizeof(*s->changes));
    if (!s->changes) return cli_complain("out of memory"), CLI_FAILED;
    if (!(watches ? begin_watching(s) : read_gitignore(s))) return CLI_FAILED;
    bool ok = copy(s, true);
    if (ok) say_in_sync();
    if (!watches || s->ended || s->cli->signal) return ok ? 0 : CLI_FAILED;
    s->cli->aside = &s->aside;
    int code = keep_copying(s, ok);
    s->cli->aside = NULL;
    return code;
}

static int sync_to(cli_app *cli, const sync_values *values, const char *id, const char *to) {
    mirror s = {.aside.happened = take_events, .cli = cli, .values = values, .from = cli->words[0], .to = to};
    for (size_t i = 0; i < WRN_COUNT(s.aside.fds); i++) s.aside.fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    s.sandbox = cli_connect(cli) ? cli_sandbox(cli, id) : NULL;
    int code = s.sandbox ? run_sync(&s) : CLI_FAILED;
    wrenn_sandbox_free(s.sandbox);
    if (s.aside.fds[0].fd >= 0) close(s.aside.fds[0].fd);
    for (size_t i = 0; i < s.watched_count; i++) free(s.watched[i]);
    free(s.watched);
    free(s.ignored);
    free_changes(s.changes, s.change_count);
    return code;
}

static int sync_run(cli_app *cli, void *values) {
    char *id = NULL;
    const char *to;
    if (!cli_split_place(cli->words[1], &id, &to)) return CLI_FAILED;
    int code = id ? sync_to(cli, values, id, to) : cli_usage(cli, "'%s' is not ID:DIR", cli->words[1]);
    free(id);
    return code;
}

static const cli_option options[] = {
    {"once", 0, CLI_FLAG, offsetof(sync_values, once), NULL, "end after the first copy", NULL, 0, 0, CLI_WORD_ANY},
    {"delete", 0, CLI_FLAG, offsetof(sync_values, removes), NULL, "remove in the sandbox what is not here", NULL, 0, 0,
     CLI_WORD_ANY},
    {"exclude", 0, CLI_LIST, offsetof(sync_values, excludes), "PATTERN",
     "leave these out, as in .gitignore; repeatable", NULL, 0, 0, CLI_WORD_ANY},
    {"gitignore", 0, CLI_FLAG, offsetof(sync_values, gitignore), NULL,
     "leave out .git/, and what the .gitignore of DIR names", NULL, 0, 0, CLI_WORD_ANY},
    {0},
};
static const cli_operand operands[] = {{"DIR", CLI_WORD_FILE, 0}, {"ID:DIR", CLI_WORD_EITHER, 0}, {0}};
static const cli_example examples[] = {
    {"keep a copy of what you work on", "sync . work:/srv/app"},
    {"exactly that, without some of it", "sync --delete --exclude .git/ --exclude '*.o' . work:/srv/app"},
    {"without what git does not keep", "sync --gitignore . work:/srv/app"},
    {"only once", "sync --once site work:/var/www"},
    {0},
};

const cli_command cli_command_sync = {
    .name = "sync",
    .group = CLI_GROUP_FILES,
    .summary = "keep a copy of a local directory in a sandbox, until Ctrl-C",
    .details =
        "Copies what is in DIR to the other one, and then what changes there; 'in sync' is printed whenever all is\n"
        "done. Nothing is removed in the sandbox unless --delete is given; what is excluded never is. All is copied,\n"
        ".git and what .gitignore names too, unless --exclude or --gitignore say otherwise. A pattern with a slash is a\n"
        "path below DIR, others are names anywhere; one that ends in a slash is for directories only, '**' is any\n"
        "number of them, and '!' before a pattern takes back what those before it say; --exclude is after .gitignore.\n"
        "A .gitignore further down, or one of git's configuration, is not read.\n"
        "Permissions of directories that are there already stay as they are.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(sync_values),
    .run = sync_run,
};
