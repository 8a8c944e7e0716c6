/* libwrenn in a loop of libuv. */
#include <stdio.h>
#include <uv.h>

#include "work.h"

static uv_poll_t watcher;
static uv_timer_t timer;

static void stop_when_over(work *w) {
    if (!w->over || uv_is_closing((uv_handle_t *)&watcher)) return;
    uv_close((uv_handle_t *)&watcher, NULL);
    uv_close((uv_handle_t *)&timer, NULL);
}

static void on_readable(uv_poll_t *handle, int status, int events) {
    (void)events;
    work *w = handle->data;
    if (status < 0) w->over = 1;
    else work_dispatch(w);
    stop_when_over(w);
}

static void on_timer(uv_timer_t *handle) {
    work_tick(handle->data);
    stop_when_over(handle->data);
}

static int run(uv_loop_t *loop, work *w) {
    watcher.data = timer.data = w;
    int rc = uv_timer_init(loop, &timer);
    if (rc >= 0) rc = uv_poll_init(loop, &watcher, wrenn_client_fd(w->client));
    if (rc >= 0) rc = uv_poll_start(&watcher, UV_READABLE, on_readable);
    if (rc >= 0) rc = uv_timer_start(&timer, on_timer, 20, 20);
    if (rc < 0) return rc;
    work_start(w);
    stop_when_over(w);
    return uv_run(loop, UV_RUN_DEFAULT); /* until both handles are closed */
}

int main(void) {
    work w = {0};
    uv_loop_t *loop = uv_default_loop();
    if (wrenn_client_new(NULL, &w.client, &w.error) >= 0) {
        int rc = run(loop, &w);
        if (rc < 0) fprintf(stderr, "libuv: %s\n", uv_strerror(rc));
    }
    uv_loop_close(loop);
    return work_end(&w, "libuv");
}
