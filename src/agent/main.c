/* wrenn-agent: process 1 of a sandbox. Runs commands for wrennd and reports what they do. Libc only, linked statically. */
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/channel.h"
#include "agent/command.h"
#include "agent/crowd.h"
#include "agent/descendants.h"
#include "agent/logs.h"
#include "agent/loop.h"
#include "agent/names.h"
#include "agent/resume.h"
#include "agent/trust.h"

static void main_on_child(watch *w, uint32_t events) {
    struct signalfd_siginfo ignored;
    while (read(w->fd, &ignored, sizeof(ignored)) > 0) {
    }
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) command_reaped(pid, status);
}

/* Over new pipes, so that there is no RESUME to answer. */
static void main_reattached(void) { command_reattach(0); }

/* The first frame sent lets the output go on. */
static void main_resume(const wrn_frame *frame) {
    wrn_resume how;
    if (!wrn_resume_read(frame->data, frame->size, &how)) die("wrenn-agent: malformed frame from wrennd");
    resume_clock_and_randomness(&how);
    channel_go_on(how.flags != 0);
    if (how.flags) logs_lost();
    if (how.flags & WRN_RESUME_SERVER) command_server_lost();
    else if (how.flags) command_orphan();
    if (how.flags & (WRN_RESUME_COPY | WRN_RESUME_SERVER)) command_reattach(how.number);
    else if (how.flags & WRN_RESUME_NEW) channel_send_u32(0, WRN_FRAME_HELLO, WRN_AGENT_VERSION);
    else channel_send(0, WRN_FRAME_DONE, NULL, 0);
    /* Writing files takes long where the processor is emulated; frames are handled in order, so the next one finds them. */
    resume_names(&how);
}

static void main_on_frame(const wrn_frame *frame) {
    uint32_t number = frame->size >= 4 ? wrn_get_u32(frame->data) : 0;
    switch (frame->type) {
    case WRN_FRAME_EXEC: command_exec(frame->stream, frame->flags, frame->data, frame->size); break;
    case WRN_FRAME_STDIN: command_stdin(frame->stream, frame->data, frame->size); break;
    case WRN_FRAME_STDIN_EOF: command_stdin_eof(frame->stream); break;
    case WRN_FRAME_SIGNAL:
        command_signal(frame->stream, number);
        logs_signal(frame->stream);
        break;
    case WRN_FRAME_WINDOW:
        command_window(frame->stream, number);
        logs_window(frame->stream, number);
        break;
    case WRN_FRAME_LOG: logs_read(frame->stream, frame->data, frame->size); break;
    case WRN_FRAME_RESIZE:
        if (frame->size == 8) command_resize(frame->stream, number, wrn_get_u32(frame->data + 4));
        break;
    case WRN_FRAME_LABEL: command_label(frame->stream, frame->data, frame->size); break;
    case WRN_FRAME_PING: channel_send(0, WRN_FRAME_PONG, frame->data, frame->size < 64 ? frame->size : 64); break;
    case WRN_FRAME_FREEZE:
    case WRN_FRAME_THAW:
        descendants_freeze(frame->type == WRN_FRAME_FREEZE);
        channel_send(0, WRN_FRAME_DONE, NULL, 0);
        break;
    case WRN_FRAME_QUIET: channel_quiet(); break;
    case WRN_FRAME_RESUME: main_resume(frame); break;
    case WRN_FRAME_TRUST:
        if (!trust_add(frame->data, frame->size)) die("wrenn-agent: nobody can be trusted");
        break;
    case WRN_FRAME_NETWORK: names_put_network(frame->data, frame->size, frame->flags & WRN_FRAME_MORE); break;
    default: break; /* a newer wrennd's */
    }
}

static void main_on_lost(void) {
    logs_lost();
    command_server_lost();
}

static void main_on_room(void) {
    command_resume_output();
    logs_resume();
}

int main(void) {
    static const channel_events events = {
        .frame = main_on_frame,
        .lost = main_on_lost,
        .reattached = main_reattached,
        .room = main_on_room,
    };
    static watch children = {.ready = main_on_child};
    /* No process of the sandbox may trace or read this one, not even as root. */
    prctl(PR_SET_DUMPABLE, 0);
    /* The agent is executed by descriptor, so it has no name. systemd warns about a process left in a unit when it restarts
     * that, but not when the name is in parentheses. */
    prctl(PR_SET_NAME, "(wrenn-agent)");
    signal(SIGPIPE, SIG_IGN);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    loop_open();
    children.fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (children.fd < 0) die("wrenn-agent: signalfd failed");
    watch_set(&children, EPOLLIN);
    crowd_notice();
    channel_open(&events);
    for (;;) {
        loop_run_once(command_next_timer());
        command_run_timers();
    }
}
