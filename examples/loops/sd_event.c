/* libwrenn in a loop of sd-event, as systemd's services have it. */
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "work.h"

enum { TICK_US = 20000 };

static int stop_when_over(sd_event_source *source, const work *w) {
    return w->over ? sd_event_exit(sd_event_source_get_event(source), 0) : 0;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *user_data) {
    (void)fd, (void)revents;
    work_dispatch(user_data);
    return stop_when_over(source, user_data);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *user_data) {
    (void)usec;
    work_tick(user_data);
    int rc = sd_event_source_set_time_relative(source, TICK_US);
    if (rc >= 0) rc = sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    return rc < 0 ? rc : stop_when_over(source, user_data);
}

static int run(sd_event *event, work *w) {
    int rc = sd_event_add_io(event, NULL, wrenn_client_fd(w->client), EPOLLIN, on_readable, w);
    if (rc >= 0) rc = sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, TICK_US, 0, on_timer, w);
    if (rc < 0) return rc;
    work_start(w);
    return w->over ? 0 : sd_event_loop(event);
}

int main(void) {
    work w = {0};
    sd_event *event = NULL;
    int rc = sd_event_new(&event);
    if (rc >= 0 && wrenn_client_new(NULL, &w.client, &w.error) >= 0) rc = run(event, &w);
    if (rc < 0) fprintf(stderr, "sd_event: %s\n", strerror(-rc));
    sd_event_unref(event); /* with its sources, before the client is freed */
    return work_end(&w, "sd_event");
}
