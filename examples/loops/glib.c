/* libwrenn in a GLib main loop, as GTK programs have it. */
#include <glib-unix.h>
#include <glib.h>

#include "work.h"

static GMainLoop *loop;

static gboolean on_readable(gint fd, GIOCondition condition, gpointer user_data) {
    (void)fd, (void)condition;
    work *w = user_data;
    work_dispatch(w);
    if (w->over) g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

static gboolean on_timer(gpointer user_data) {
    work *w = user_data;
    work_tick(w);
    if (w->over) g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

int main(void) {
    work w = {0};
    loop = g_main_loop_new(NULL, FALSE);
    if (wrenn_client_new(NULL, &w.client, &w.error) >= 0) {
        guint watch = g_unix_fd_add(wrenn_client_fd(w.client), G_IO_IN, on_readable, &w);
        guint timer = g_timeout_add(20, on_timer, &w);
        work_start(&w);
        if (!w.over) g_main_loop_run(loop);
        g_source_remove(timer);
        g_source_remove(watch); /* before the client is freed */
    }
    g_main_loop_unref(loop);
    return work_end(&w, "glib");
}
