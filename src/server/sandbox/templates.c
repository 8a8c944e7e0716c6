/* Templates are built and removed by processes of their own (`wrennd template`): what they do is seen in the directory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/log.h"
#include "server/sandbox/internal.h"

typedef struct wrn_template_watch {
    uv_fs_event_t watch; /* first: a handle is cast to its watch */
    wrn_sandboxes *all;
    char dir[3800];
    char told[256]; /* what was told last: one change may be seen several times */
} wrn_template_watch;

/* Whether something has happened that was not told yet. "" in `stamp`: the template is gone. */
static bool has_changed(wrn_template_watch *w, const char *name, char stamp[sizeof(w->told)]) {
    char path[4096];
    struct stat info;
    snprintf(path, sizeof(path), "%s/%.100s/template.json", w->dir, name);
    if (stat(path, &info) == 0) {
        snprintf(stamp, sizeof(w->told), "%.100s/%llu/%lld.%ld", name, (unsigned long long)info.st_ino,
                 (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
    } else {
        *strrchr(path, '/') = '\0';
        if (access(path, F_OK) == 0) return false; /* it is being made, or is something else */
        snprintf(stamp, sizeof(w->told), "%.100s", name);
    }
    return strcmp(stamp, w->told) != 0;
}

static void templates_on_change(uv_fs_event_t *handle, const char *name, int events, int status) {
    wrn_template_watch *w = (wrn_template_watch *)handle;
    char stamp[sizeof(w->told)];
    (void)events;
    /* Builders keep what is not whole under names with a dot. */
    if (status != 0 || !name || *name == '.' || !has_changed(w, name, stamp)) return;
    memcpy(w->told, stamp, sizeof(w->told));
    wrn_watch_tell(w->all, &(wrn_news){.type = strchr(stamp, '/') ? WRN_NEWS_TEMPLATE_BUILD : WRN_NEWS_TEMPLATE_DELETE,
                                       .name = name});
}

static void templates_on_closed(uv_handle_t *handle) { free(handle); }

void wrn_watch_templates(wrn_sandboxes *all, const char *dir) {
    wrn_template_watch *w = calloc(1, sizeof(*w));
    w->all = all;
    if ((size_t)snprintf(w->dir, sizeof(w->dir), "%s", dir) >= sizeof(w->dir)) return free(w);
    mkdir(dir, 0700); /* as the first build would */
    uv_fs_event_init(all->config.loop, &w->watch);
    int rc = uv_fs_event_start(&w->watch, templates_on_change, dir, 0);
    if (rc != 0) {
        wrn_log_info("%s can't be watched, so there are no events of templates: %s", dir, uv_strerror(rc));
        return uv_close((uv_handle_t *)&w->watch, templates_on_closed);
    }
    uv_unref((uv_handle_t *)&w->watch);
    all->templates = w;
}

void wrn_unwatch_templates(wrn_sandboxes *all) {
    if (all->templates) uv_close((uv_handle_t *)&all->templates->watch, templates_on_closed);
    all->templates = NULL;
}
