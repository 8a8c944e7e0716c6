#include "client/terminal.h"

#include "base/clock.h"

enum {
    KEEPALIVE_MS = 60000,
    SILENCE_MIN_MS = 45000, /* servers send a message every 30 s */
    REPEAT_MS = 500,
    RESIZES = 3,
    PACE_MS = 20,
    BURST = 16, /* frames at once, a quarter of what a server keeps */
    HELD_MAX = 256 * 1024
};

static bool set_timer_ms(wrn_terminal *t, wrn_timer *timer, int64_t ms) {
    return wrn_loop_timer_set(t->stream->client->loop, timer, wrn_in_ms(ms));
}

/* ---- signs of life ---- */

/* Some servers close terminals from which they hear nothing; repeating the present size is harmless. */
static void terminal_on_keepalive(wrn_timer *timer) {
    wrn_terminal *t = WRN_OWNER(timer, wrn_terminal, keepalive);
    wrn_stream_send_size(t->stream);
    set_timer_ms(t, timer, KEEPALIVE_MS);
}

static int64_t silence_ms(const wrn_terminal *t) {
    int64_t idle = t->stream->client->idle_timeout_ms;
    return idle > SILENCE_MIN_MS ? idle : SILENCE_MIN_MS;
}

/* WebSocket pings go on even when the terminal behind the connection is gone. */
static void terminal_on_silence(wrn_timer *timer) {
    wrn_terminal *t = WRN_OWNER(timer, wrn_terminal, silence);
    wrenn_stream *s = t->stream;
    long long seconds = silence_ms(t) / 1000;
    if (s->paused) /* the caller does not read */
        set_timer_ms(t, timer, silence_ms(t));
    else if (t->heard)
        wrn_stream_finish(s, wrn_error_new(WRENN_E_CONNECTION_LOST,
                                           "stream: the terminal %s was silent for %lld s; the outcome is unknown",
                                           s->tag, seconds));
    else
        wrn_stream_finish(s, wrn_error_new(WRENN_E_NOT_FOUND,
                                           "stream: a terminal with the tag \"%s\" was silent for %lld s: it may never "
                                           "have existed, or have ended",
                                           s->tag, seconds));
}

static void terminal_begun(wrenn_stream *s) {
    wrn_terminal *t = &s->terminal;
    if (t->stream->cols > 0) set_timer_ms(t, &t->keepalive, KEEPALIVE_MS);
    set_timer_ms(t, &t->silence, silence_ms(t));
}

static void terminal_heard(wrenn_stream *s) {
    wrn_terminal *t = &s->terminal;
    t->heard = true;
    if (t->stream->begun && !t->stream->over) set_timer_ms(t, &t->silence, silence_ms(t));
}

/* ---- input ---- */

/* The rate limiter: whether a frame may be sent now. */
static bool terminal_take_turn(wrn_terminal *t) {
    int64_t now = wrn_now_ms();
    if (wrn_socket_unsent(t->stream->socket) >= WRN_SOCKET_HIGH_WATER) return false;
    if (t->paced_ms > now + (BURST - 1) * PACE_MS) return false;
    t->paced_ms = (t->paced_ms > now ? t->paced_ms : now) + PACE_MS;
    return true;
}

static bool terminal_send_held(wrn_terminal *t) {
    wrn_buf held = t->held;
    t->held = WRN_BUF_INIT;
    bool sent = !held.size || !t->stream->socket || t->stream->type->input(t->stream, held.data, held.size);
    wrn_buf_free(&held);
    return sent;
}

static void terminal_on_pace(wrn_timer *timer) {
    wrn_terminal *t = WRN_OWNER(timer, wrn_terminal, pace);
    wrenn_stream *s = t->stream;
    if (!terminal_take_turn(t)) {
        set_timer_ms(t, timer, PACE_MS);
    } else if (terminal_send_held(t)) {
        wrn_stream_room(s);
    } else {
        wrn_stream_finish(s, wrn_error_new(WRENN_E_NO_MEMORY, "stream: out of memory"));
    }
}

static int64_t terminal_write(wrenn_stream *s, const char *data, size_t size) {
    wrn_terminal *t = &s->terminal;
    size_t room = HELD_MAX - t->held.size, taken = size < room ? size : room;
    if (!taken) return 0;
    if (!t->held.size && terminal_take_turn(t))
        return t->stream->type->input(t->stream, data, taken) ? (int64_t)taken : -1;
    if (!t->held.size && !set_timer_ms(t, &t->pace, PACE_MS)) return -1;
    wrn_buf_put(&t->held, data, taken);
    return t->held.failed ? -1 : (int64_t)taken;
}

/* ---- what may get lost ---- */

static void terminal_on_repeat(wrn_timer *timer) {
    wrn_terminal *t = WRN_OWNER(timer, wrn_terminal, repeat);
    wrenn_stream *s = t->stream;
    bool owed = s->size_owed || s->kill_owed; /* not sent even once yet: it is when there is room */
    if (t->resizes && !owed) {
        t->resizes--;
        wrn_stream_send_size(t->stream);
    }
    if (t->killed && !owed) wrn_stream_send_kill(s);
    if (t->resizes || t->killed) set_timer_ms(t, timer, REPEAT_MS);
}

static bool terminal_resized(wrenn_stream *s) {
    wrn_terminal *t = &s->terminal;
    if (t->stream->begun) set_timer_ms(t, &t->keepalive, KEEPALIVE_MS);
    if (!wrn_stream_send_size(t->stream)) return false;
    if (t->stream->selected) return true;
    t->resizes = RESIZES;
    set_timer_ms(t, &t->repeat, REPEAT_MS);
    return true;
}

static void terminal_killed(wrenn_stream *s) {
    wrn_terminal *t = &s->terminal;
    if (t->stream->selected) return;
    t->killed = true;
    set_timer_ms(t, &t->repeat, REPEAT_MS);
}

/* ---- life ---- */

static void terminal_init(wrenn_stream *s) {
    wrn_terminal *t = &s->terminal;
    t->stream = s;
    t->keepalive.fire = terminal_on_keepalive;
    t->silence.fire = terminal_on_silence;
    t->repeat.fire = terminal_on_repeat;
    t->pace.fire = terminal_on_pace;
}

static void terminal_end(wrenn_stream *s) {
    wrn_terminal *t = &s->terminal;
    wrn_timer *const timers[] = {&t->keepalive, &t->silence, &t->repeat, &t->pace};
    wrn_loop *loop = t->stream->client->loop;
    for (size_t i = 0; loop && i < WRN_COUNT(timers); i++) wrn_loop_timer_clear(loop, timers[i]);
    terminal_send_held(t);
}

const wrn_terminal_hooks wrn_pty_terminal = {
    .init = terminal_init,
    .begun = terminal_begun,
    .heard = terminal_heard,
    .write = terminal_write,
    .resized = terminal_resized,
    .killed = terminal_killed,
    .end = terminal_end,
};
