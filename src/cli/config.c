/* Contexts: names for servers with their credentials, in a file that only its owner can read. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

enum { CONFIG_MAX = 1 << 20 };

const char *cli_env(const char *name) {
    const char *value = secure_getenv(name);
    return value && *value ? value : NULL;
}

const char *cli_home(void) {
    const char *home = cli_env("HOME");
    struct stat info;
    return home && *home == '/' && stat(home, &info) == 0 && S_ISDIR(info.st_mode) ? home : NULL;
}

const char *cli_config_path(void) {
    static char path[PATH_MAX];
    const char *xdg = cli_env("XDG_CONFIG_HOME"), *home = cli_home();
    if (xdg && *xdg == '/') snprintf(path, sizeof(path), "%s/wrenn/config.json", xdg);
    else if (home) snprintf(path, sizeof(path), "%s/.config/wrenn/config.json", home);
    else return NULL;
    return path;
}

bool cli_state_path(const char *name, char path[PATH_MAX]) {
    const char *xdg = cli_env("XDG_STATE_HOME"), *home = cli_home();
    if (xdg && *xdg == '/') snprintf(path, PATH_MAX, "%s/wrenn/%s", xdg, name);
    else if (home) snprintf(path, PATH_MAX, "%s/.local/state/wrenn/%s", home, name);
    else return false;
    return true;
}

static bool config_read_all(int fd, wrn_buf *out) {
    for (;;) {
        char *into = wrn_buf_reserve(out, 4096);
        ssize_t got = into ? read(fd, into, 4096) : -1;
        if (got < 0 && into && errno == EINTR) continue;
        if (got < 0) return false;
        if (!got) return true;
        out->size += (size_t)got;
    }
}

bool cli_config_load(wrn_json **out) {
    const char *path = cli_config_path(), *why = "it is not JSON";
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_LIMITED(CONFIG_MAX);
    struct stat info;
    *out = NULL;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 && (!path || errno == ENOENT || errno == ENOTDIR)) return true;
    if (fd < 0 || fstat(fd, &info) != 0) {
        cli_complain("can't read %s: %s", path, strerror(errno));
        if (fd >= 0) close(fd);
        return false;
    }
    bool ok = config_read_all(fd, &text);
    close(fd);
    if (info.st_mode & 077) return cli_complain("others can read the keys in %s: run: chmod 600 %s", path, path), false;
    if (ok && wrn_json_parse(text.data ? text.data : "", text.size, out, &why) &&
        wrn_json_type_of(*out) == WRN_JSON_OBJECT)
        return true;
    wrn_json_free(WRN_TAKE(*out));
    cli_complain("%s is malformed: %s; mend it, or move it away", path, why);
    return false;
}

/* Makes the directories above the file; the last one is for us alone. */
bool cli_make_parents(const char *path) {
    char part[PATH_MAX];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        if (mkdir(part, 0700) != 0 && errno != EEXIST) return false;
    }
    return true;
}

/* A new file under the old name: whoever reads meanwhile sees either, whole. */
static bool replace(const char *path, const wrn_buf *text) {
    char temporary[PATH_MAX];
    if ((size_t)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= sizeof(temporary))
        return errno = ENAMETOOLONG, false;
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) return false;
    bool ok = cli_write(fd, text->data, text->size) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && rename(temporary, path) == 0;
    int why = errno;
    if (!ok) unlink(temporary);
    errno = why;
    return ok;
}

bool cli_config_save(const wrn_json *root) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    char real[PATH_MAX];
    const char *path = cli_config_path();
    if (!path) return cli_complain("there is no home directory for contexts: set HOME or XDG_CONFIG_HOME"), false;
    wrn_json_write(root, &text);
    wrn_buf_putc(&text, '\n');
    if (text.failed) return cli_complain("out of memory"), false;
    /* Where the file is a link, to a directory of dot files for example, it stays one. */
    if (realpath(path, real)) path = real;
    if (cli_make_parents(path) && replace(path, &text)) return true;
    return cli_complain("can't write %s: %s", path, strerror(errno)), false;
}

static const char *config_text_of(const wrn_json *object, const char *key) {
    const char *text = wrn_json_text(object, key);
    return text && *text ? text : NULL;
}

bool cli_context_choose(const cli_app *cli, wrn_json **root, cli_context *out) {
    const char *asked = cli->context ? cli->context : cli_env("WRENN_CONTEXT"), *best = NULL;
    *out = (cli_context){0};
    *root = NULL;
    bool given = cli->url || cli_env("WRENN_BASE_URL") || cli_env("WRENN_API_KEY") || cli_env("WRENN_TOKEN");
    if (given && !cli->context) return true;
    if (!cli_config_load(root)) return false;
    if (!asked) asked = config_text_of(*root, "current");
    const wrn_json *contexts = wrn_json_get(*root, "contexts");
    for (size_t i = 0; asked && i < wrn_json_count(contexts); i++) {
        const wrn_json *one = wrn_json_at(contexts, i);
        const char *name = config_text_of(one, "name");
        if (name) cli_suggest(asked, name, &best);
        if (!name || strcmp(name, asked) != 0) continue;
        *out = (cli_context){name, config_text_of(one, "url"), config_text_of(one, "key"), config_text_of(one, "token"),
                             config_text_of(one, "email")};
        return true;
    }
    if (!asked) return true;
    return cli_say_none(CLI_WORD_CONTEXT, asked, best), false;
}

bool cli_context_put(const char *name, wrn_json *context, bool use) {
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    if (!cli_config_load(&root)) return wrn_json_free(context), false;
    WRN_AUTO(wrn_json_freep) wrn_json *next = wrn_json_new_object();
    wrn_json *list = wrn_json_new_array();
    const wrn_json *contexts = wrn_json_get(root, "contexts");
    const char *current = config_text_of(root, "current");
    bool ok = list, removes_current = !context && current && strcmp(current, name) == 0;
    for (size_t i = 0; i < wrn_json_count(contexts); i++)
        if (!config_text_of(wrn_json_at(contexts, i), "name") ||
            strcmp(config_text_of(wrn_json_at(contexts, i), "name"), name) != 0)
            ok = wrn_json_append(list, wrn_json_ref(wrn_json_at(contexts, i))) && ok;
    if (context) ok = wrn_json_append(list, context) && ok;
    if (use || (current && !removes_current)) ok = wrn_json_set_string(next, "current", use ? name : current) && ok;
    ok = wrn_json_set(next, "contexts", list) && ok;
    if (!ok) cli_complain("out of memory");
    return ok && cli_config_save(next);
}
