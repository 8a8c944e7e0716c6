#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "server/templates/catalog.h"

enum { DOCUMENT_MAX = 65536 };

static const char *const trees[] = {[false] = "rootfs", [true] = "layer"};

/* NULL with errno; EINVAL when it is too large. */
static char *read_document(const char *path, size_t *size, int64_t *written_at) {
    struct stat info;
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) return NULL;
    if (info.st_size > DOCUMENT_MAX) return errno = EINVAL, NULL;
    char *text = malloc((size_t)info.st_size + 1);
    ssize_t got = read(fd, text, (size_t)info.st_size);
    if (got < 0) return free(text), NULL;
    *size = (size_t)got;
    *written_at = info.st_mtime;
    return text;
}

static const char *read_service(source *s) {
    const wrn_json *argv = wrn_json_get(s->json, "start");
    int64_t port = 0;
    size_t count = wrn_json_count(argv);
    if (wrn_json_has(s->json, "start") && argv && wrn_json_type_of(argv) != WRN_JSON_ARRAY)
        return "\"start\" must be an array of strings";
    if (count > START_MAX) return "\"start\" is too long";
    for (size_t i = 0; i < count; i++)
        if (!(s->start[i] = wrn_json_string(wrn_json_at(argv, i), NULL))) return "\"start\" must hold strings";
    const wrn_json *number = wrn_json_get(s->json, "start_port");
    if (number && (!wrn_json_int(number, &port) || port < 0 || port > 65535)) return "\"start_port\" must be a port";
    s->start_port = (uint16_t)port;
    const wrn_json *early = wrn_json_get(s->json, "start_early");
    if (early && !wrn_json_bool(early, &s->start_early)) return "\"start_early\" must be true or false";
    return NULL;
}

/* Returns what is wrong with the document; NULL: nothing. */
static const char *read_members(source *s) {
    const wrn_json *base = wrn_json_get(s->json, "base");
    const char *name = wrn_json_string(base, NULL), *type = wrn_json_text(s->json, "type");
    static const char *const keys[] = {"vcpus", "memory_mb", "size_bytes"};
    int64_t *const numbers[] = {&s->shown.vcpus, &s->shown.memory_mb, &s->shown.size_bytes};
    if (wrn_json_type_of(s->json) != WRN_JSON_OBJECT) return "it is not an object";
    if (base && (!name || strcmp(name, MINIMAL) != 0)) return "\"base\" must be \"minimal\" or null";
    s->on_host = base != NULL;
    snprintf(s->shown.type, sizeof(s->shown.type), "%s", type ? type : "base");
    const char *origin = wrn_json_text(s->json, "origin");
    snprintf(s->shown.origin, sizeof(s->shown.origin), "%s", origin ? origin : "");
    for (size_t i = 0; i < WRN_COUNT(keys); i++) {
        const wrn_json *value = wrn_json_get(s->json, keys[i]);
        if (value && (!wrn_json_int(value, numbers[i]) || *numbers[i] < 0)) return "its sizes must be whole numbers";
    }
    if (s->shown.vcpus > INT32_MAX || s->shown.memory_mb > INT32_MAX) return "its sizes are too large";
    const wrn_json *isolation = wrn_json_get(s->json, "isolation");
    if (isolation && (s->shown.level = wrn_level_of(wrn_json_string(isolation, NULL))) < 0)
        return "\"isolation\" must be " WRN_LEVELS;
    const wrn_json *user = wrn_json_get(s->json, "default_user");
    s->default_user = wrn_json_string(user, NULL);
    if (wrn_json_type_of(user) != WRN_JSON_NULL && user && !s->default_user) return "\"default_user\" must be a string";
    if (s->default_user && !*s->default_user) s->default_user = NULL;
    s->moment = wrn_json_get(s->json, "moment");
    if (s->moment && wrn_json_type_of(s->moment) != WRN_JSON_OBJECT) return "\"moment\" must be an object";
    return read_service(s);
}

/* Opens and locks the directory, so that it stays when the next build changes the link. -1 with errno. */
static int hold_template(const char *dir, char real[PATH_MAX]) {
    enum { TRIES = 3 };
    for (int i = 0; i < TRIES && realpath(dir, real); i++) {
        WRN_AUTO(wrn_fd_close) int fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0 && access(real, F_OK) == 0) return wrn_fd_take(&fd);
    } /* it was replaced and is being removed */
    return -1;
}

int source_open(const char *name_dir, const char *name, source *out, wrn_fault *fault) {
    char path[PATH_MAX + 32], dir[PATH_MAX];
    const char *why = NULL;
    size_t size = 0;
    struct stat info;
    *out = (source){0};
    snprintf(out->shown.name, sizeof(out->shown.name), "%s", name);
    out->held = hold_template(name_dir, dir) + 1;
    if (!out->held) snprintf(dir, sizeof(dir), "%s", name_dir);
    snprintf(path, sizeof(path), "%s/template.json", dir);
    char *text = read_document(path, &size, &out->shown.created_at);
    if (!text && (errno == ENOENT || errno == ENOTDIR)) {
        wrn_fault_set(fault, WRN_FAULT_NOT_FOUND, "there is no template \"%.64s\"", name);
        source_close(out);
        return -1;
    }
    if (!text) why = strerror(errno);
    else if (wrn_json_parse(text, size, &out->json, &why)) why = read_members(out);
    free(text);
    if (!why) {
        snprintf(out->tree, sizeof(out->tree), "%.4000s/%s", dir, trees[out->on_host]);
        if (lstat(out->tree, &info) == 0 && S_ISDIR(info.st_mode)) return 0;
        why = out->on_host ? "there is no directory layer beside it" : "there is no directory rootfs beside it";
    }
    wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "the template \"%.64s\" can't be used: %.200s: %s", name, path, why);
    source_close(out);
    return -1;
}

void source_close(source *s) {
    wrn_json_free(s->json);
    if (s->held) close(s->held - 1);
    *s = (source){0};
}

void source_minimal(source *out, const char *state_dir) {
    struct stat info;
    char made[PATH_MAX];
    *out = (source){.on_host = true};
    snprintf(out->shown.name, sizeof(out->shown.name), MINIMAL);
    snprintf(out->shown.type, sizeof(out->shown.type), "base");
    snprintf(made, sizeof(made), "%.4000s/templates", state_dir); /* where the backends make it */
    if (stat(made, &info) == 0) out->shown.created_at = info.st_mtime;
}

void source_document(const source *s, const char *type, const wrn_template *about, const wrn_json *moment,
                     wrn_buf *out) {
    WRN_AUTO(wrn_json_freep) wrn_json *document = wrn_json_new_object();
    wrn_json_set_string(document, "type", type);
    if (s->on_host) wrn_json_set_string(document, "base", MINIMAL);
    else wrn_json_set_null(document, "base");
    size_t words = 0;
    while (s->start[words]) words++;
    wrn_json_set(document, "start", wrn_json_new_strings(s->start, words));
    wrn_json_set_int(document, "start_port", s->start_port);
    if (s->default_user) wrn_json_set_string(document, "default_user", s->default_user);
    wrn_json_set_bool(document, "start_early", s->start_early);
    if (s->shown.level) wrn_json_set_string(document, "isolation", wrn_level_name(s->shown.level));
    if (about) {
        wrn_json_set_string(document, "origin", about->origin);
        wrn_json_set_int(document, "vcpus", about->vcpus);
        wrn_json_set_int(document, "memory_mb", about->memory_mb);
        wrn_json_set_int(document, "size_bytes", about->size_bytes);
    }
    if (moment) wrn_json_set(document, "moment", wrn_json_ref(moment));
    wrn_json_write(document, out);
    wrn_buf_putc(out, '\n');
}

bool backends_finish_template(const char *dir, const wrn_root *root, wrn_fault *fault) {
    for (size_t i = 0; wrn_backends[i]; i++)
        if (wrn_backends[i]->finish_template && !wrn_backends[i]->finish_template(dir, root, fault)) return false;
    return true;
}

const char *source_tree_name(const source *s) { return trees[s->on_host]; }

wrn_root source_root(const source *s) { return (wrn_root){s->on_host, s->tree, s->moment}; }

/* ---- the operator's ---- */

static bool is_file_name(const char *name) { return *name && *name != '.' && strlen(name) <= 64 && !strchr(name, '/'); }

/* The name of the hosted service's template, for programs that ask for it. An operator's template wins. */
static const char alias_of_minimal[] = "minimal-ubuntu";

static bool is_minimal(const char *dir, const char *name) {
    char path[PATH_MAX];
    if (strcmp(name, alias_of_minimal) != 0) return strcmp(name, MINIMAL) == 0;
    return !dir || (size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path) || access(path, F_OK) != 0;
}

int source_find(const wrn_backend_config *config, const char *name, source *out, wrn_fault *fault) {
    char path[PATH_MAX];
    const char *dir = config->template_dir;
    if (is_minimal(dir, name)) return source_minimal(out, config->state_dir), 0;
    if (dir && is_file_name(name) && (size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) < 4000)
        return source_open(path, name, out, fault);
    return wrn_fault_set(fault, WRN_FAULT_NOT_FOUND, "there is no template \"%.64s\"", name);
}

static int is_shown(const struct dirent *entry) {
    return is_file_name(entry->d_name) && strcmp(entry->d_name, MINIMAL) != 0;
}

int wrn_template_find(const wrn_backend_config *config, const char *name, wrn_template *out, wrn_fault *fault) {
    source s = {0};
    if (source_find(config, name, &s, fault) != 0) return -1;
    *out = s.shown;
    source_close(&s);
    return 0;
}

void wrn_template_list(const wrn_backend_config *config, wrn_template_fn each, void *context) {
    const char *dir = config->template_dir;
    struct dirent **entries = NULL;
    source s = {0};
    wrn_fault fault;
    source_minimal(&s, config->state_dir);
    each(context, &s.shown);
    int count = dir ? scandir(dir, &entries, is_shown, alphasort) : 0;
    for (int i = 0; i < count; i++) {
        if (source_find(config, entries[i]->d_name, &s, &fault) == 0) {
            each(context, &s.shown);
            source_close(&s);
        }
        free(entries[i]);
    }
    free(entries);
}
