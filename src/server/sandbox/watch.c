#include "server/sandbox/watch.h"

#include <string.h>

#include "server/sandbox/internal.h"

void wrn_watch(wrn_sandboxes *all, wrn_watcher *watcher) {
    watcher->next = all->watchers;
    all->watchers = watcher;
}

void wrn_unwatch(wrn_sandboxes *all, wrn_watcher *watcher) { WRN_UNLINK(all->watchers, watcher, next); }

void wrn_watch_tell(wrn_sandboxes *all, const wrn_news *news) {
    const char *team_id = news->row ? news->row->team_id : news->team_id;
    for (wrn_watcher *w = all->watchers, *next; w; w = next) {
        next = w->next;
        if (team_id && strcmp(w->team_id, team_id) == 0) w->tell(w, news);
    }
}

void wrn_watch_tell_change(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_event event, const char *reason,
                           const wrn_fault *fault) {
    wrn_news news = {.row = row, .fault = fault, .reason = reason};
    switch (event) {
    case WRN_EVENT_BOOTED:
    case WRN_EVENT_BOOT_FAILED: news.what = "capsule.create"; break;
    case WRN_EVENT_PAUSE: news.what = "capsule.pause"; break;
    case WRN_EVENT_RESUME: news.what = "capsule.resume"; break;
    case WRN_EVENT_DESTROY: news.what = "capsule.destroy"; break;
    default: return; /* a snapshot is reported when its record is stored */
    }
    wrn_watch_tell(all, &news);
}
