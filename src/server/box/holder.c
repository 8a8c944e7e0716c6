#include "server/box/holder.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/lock.h"
#include "server/precedence.h"
#include "server/trees.h"

/* systemd does not warn about leftover processes whose names are in parentheses. */
#define NAME "(wrennd-holder)"

/* VERSION: of the packets. PATIENCE_S: how long wrennd waits for the holder. */
enum { HELD_MAX = 8192, VERSION = 5, PATIENCE_S = 5, FDS_MAX = 7 };
enum { KEPT_MAX = 2 + WRN_BACKENDS_MAX * (WRN_STATE_LOCKS + 1) };

/* The holder sends STATE, BOX and END; wrennd sends ADD and DROP. Each is one packet. */
typedef enum packet_type { STATE, BOX, END, ADD, DROP } packet_type;
typedef struct packet {
    uint32_t version, type;
    char backend[16], name[64]; /* of STATE, with its descriptor if there is one */
    held_box box;               /* of BOX and ADD, with its descriptors; of DROP, its id */
} packet;

/* ---- packets ---- */

static bool send_packet(int to, const packet *p, const int *fds, size_t count) {
    return wrn_fds_send(to, p, sizeof(*p), fds, count, 0);
}

/* Where a box's descriptors are. The first two are always there. */
static void find_fds(held_box *box, int *at[FDS_MAX]) {
    int *const all[FDS_MAX] = {&box->run.handover_fd, &box->run.pidfd,  &box->source_fd, &box->gate.link,
                               &box->gate.control,    &box->gate.state, &box->gate.pidfd};
    memcpy(at, all, sizeof(all));
}

static bool send_box(int to, packet_type type, const held_box *box) {
    packet p = {.version = VERSION, .type = type, .box = *box};
    int *at[FDS_MAX], fds[FDS_MAX];
    size_t count = 0;
    find_fds(&p.box, at);
    for (size_t i = 0; i < FDS_MAX; i++)
        if (*at[i] >= 0) fds[count++] = *at[i];
    return send_packet(to, &p, fds, count);
}

/* Both ends are trusted, being the same program, but may be of different versions. */
static bool receive_packet(int from, packet *p, int fds[FDS_MAX]) {
    if (wrn_fds_receive(from, p, sizeof(*p), fds, FDS_MAX) == (ssize_t)sizeof(*p) && p->version == VERSION) return true;
    wrn_fds_close(fds, FDS_MAX);
    return false;
}

/* They come in the order of find_fds(), without those that are missing, which are -1 in the packet. */
static void holder_take_fds(held_box *box, const int fds[FDS_MAX]) {
    int *at[FDS_MAX];
    find_fds(box, at);
    for (size_t i = 0; i < FDS_MAX; i++)
        if (*at[i] >= 0) *at[i] = *fds++;
}

void held_close(const held_box *box) {
    held_box copy = *box;
    int *at[FDS_MAX];
    find_fds(&copy, at);
    for (size_t i = 0; i < FDS_MAX; i++) wrn_fd_close(at[i]);
}

/* ---- its files ---- */

static void path_in(char out[PATH_MAX], const char *state_dir, const char *name) {
    snprintf(out, PATH_MAX, "%.4000s/%s", state_dir, name);
}

/* Uses a descriptor of the directory, because its path may be too long for a socket's address. */
static int make_address(const char *state_dir, struct sockaddr_un *out) {
    int dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(out->sun_path, sizeof(out->sun_path), "/proc/self/fd/%d/holder.sock", dir);
    return dir;
}

static void remove_socket(const char *state_dir) {
    char path[PATH_MAX];
    path_in(path, state_dir, "holder.sock");
    unlink(path);
}

static int bind_in(const char *state_dir) {
    struct sockaddr_un address;
    WRN_AUTO(wrn_fd_close) int dir = make_address(state_dir, &address);
    (void)dir; /* open while the address, which may lead through it, is used */
    WRN_AUTO(wrn_fd_close) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    remove_socket(state_dir);
    return fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? wrn_fd_take(&fd) : -1;
}

/* ---- the holder ---- */

typedef struct holding {
    const char *state_dir;
    const holder_plan *plan;
    int listener, connection; /* connection: -1 for none */
    size_t count;
    int64_t give_up_ms; /* while there is no connection */
    held_box boxes[HELD_MAX];
} holding;

static void forget_box(holding *h, size_t i) {
    held_close(&h->boxes[i]);
    h->boxes[i] = h->boxes[--h->count];
}

static void forget_id(holding *h, const char *id) {
    for (size_t i = h->count; i-- > 0;)
        if (strcmp(h->boxes[i].id, id) == 0) forget_box(h, i);
}

static void lose_connection(holding *h) {
    close(h->connection);
    h->connection = -1;
    h->give_up_ms = wrn_now_ms() + h->plan->config->adopt_ms;
}

static void holder_on_packet(holding *h) {
    packet p = {0};
    int fds[FDS_MAX];
    if (!receive_packet(h->connection, &p, fds)) {
        lose_connection(h);
    } else if (p.type == ADD && h->count < HELD_MAX && fds[0] >= 0 && fds[1] >= 0) {
        forget_id(h, p.box.id);
        holder_take_fds(&p.box, fds);
        h->boxes[h->count++] = p.box;
    } else {
        wrn_fds_close(fds, FDS_MAX);
        if (p.type == DROP) forget_id(h, p.box.id);
    }
}

static bool send_states(int to, const holder_plan *plan) {
    bool ok = true;
    for (size_t i = 0; i < WRN_BACKENDS_MAX && ok; i++) {
        const wrn_backend_state *kept = plan->states[i];
        packet p = {.version = VERSION, .type = STATE};
        if (!kept) continue;
        snprintf(p.backend, sizeof(p.backend), "%s", wrn_backends[i]->name);
        snprintf(p.name, sizeof(p.name), "%s", kept->name);
        ok = send_packet(to, &p, &kept->fd, kept->fd >= 0);
    }
    return ok;
}

/* Anyone who can open the state directory is trusted, so the newest connection replaces the old one. */
static void on_holder_connection(holding *h) {
    packet p = {.version = VERSION, .type = END};
    int fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return;
    if (h->connection >= 0) lose_connection(h);
    h->connection = fd;
    bool ok = send_states(fd, h->plan);
    for (size_t i = 0; ok && i < h->count; i++) ok = send_box(fd, BOX, &h->boxes[i]);
    if (!ok || !send_packet(fd, &p, NULL, 0)) lose_connection(h);
}

/* No wrennd came. Taking the lock keeps one from starting now; if one has the lock already, it will connect soon. */
static void give_up_boxes(holding *h) {
    char path[PATH_MAX];
    path_in(path, h->state_dir, "lock");
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0 && !wrn_lock_take(fd)) {
        h->give_up_ms = wrn_now_ms() + 1000;
        return;
    }
    for (size_t i = 0; i < h->count; i++) syscall(SYS_pidfd_send_signal, h->boxes[i].run.pidfd, SIGKILL, NULL, 0);
    while (h->count) forget_box(h, h->count - 1);
    wrn_backend_config config = *h->plan->config;
    config.loop = NULL;
    for (size_t i = 0; i < WRN_BACKENDS_MAX; i++)
        if (h->plan->states[i]) wrn_fds_close(h->plan->states[i]->locks, WRN_STATE_LOCKS);
    for (size_t i = 0; wrn_backends[i]; i++) wrn_backends[i]->sweep(&config, NULL);
    remove_entries(NULL, h->plan->boxes_dir, NULL, NULL);
    remove_socket(h->state_dir);
    _exit(0);
}

static int compare_fds(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* Closes all of wrennd's descriptors but these, and replaces the standard ones, whose readers wait for their end. */
static void keep_descriptors(const holding *h) {
    int kept[KEPT_MAX] = {h->listener, h->connection};
    size_t count = 2;
    for (size_t i = 0; i < WRN_BACKENDS_MAX; i++) {
        const wrn_backend_state *of = h->plan->states[i];
        if (!of) continue;
        kept[count++] = of->fd;
        for (size_t j = 0; j < WRN_STATE_LOCKS; j++) kept[count++] = of->locks[j];
    }
    qsort(kept, count, sizeof(*kept), compare_fds);
    unsigned from = 3;
    for (size_t i = 0; i < count; i++) {
        if (kept[i] < (int)from) continue;
        if (kept[i] > (int)from) syscall(SYS_close_range, from, (unsigned)kept[i] - 1, 0u);
        from = (unsigned)kept[i] + 1;
    }
    syscall(SYS_close_range, from, ~0u, 0u);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; null >= 0 && i < 3; i++) dup2(null, i);
    if (null >= 3) close(null);
}

/* SIGTERM ends the sandboxes too if no wrennd is connected. A connected one starts another holder. */
static volatile sig_atomic_t is_terminated;

static void on_sigterm(int number) {
    (void)number;
    is_terminated = 1;
}

/* The signal is blocked except in ppoll(), so that it can't come between the check and the wait. */
static void catch_sigterm(void) {
    const struct sigaction action = {.sa_handler = on_sigterm};
    sigset_t blocked;
    sigaction(SIGTERM, &action, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
}

static bool wait_ready(struct pollfd ready[2], int64_t left_ms) {
    const struct timespec left = {.tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000};
    sigset_t none;
    sigemptyset(&none);
    return ppoll(ready, 2, left_ms < 0 ? NULL : &left, &none) > 0;
}

_Noreturn static void run_holder(holding *h) {
    char path[PATH_MAX];
    prctl(PR_SET_NAME, NAME);
    setsid();
    signal(SIGINT, SIG_DFL);
    catch_sigterm();
    keep_descriptors(h);
    path_in(path, h->state_dir, "holder.lock");
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    /* listen() in this process, because SO_PEERCRED names the process that called it. */
    if (chdir("/") != 0 || lock < 0 || !wrn_lock_take(lock) || listen(h->listener, 4) != 0) _exit(1);
    while (h->connection >= 0 || h->count) {
        struct pollfd ready[2] = {{.fd = h->listener, .events = POLLIN}, {.fd = h->connection, .events = POLLIN}};
        if (is_terminated && h->connection >= 0) _exit(0);
        if (is_terminated) is_terminated = 0, h->give_up_ms = wrn_now_ms();
        int64_t left = h->connection >= 0 ? -1 : h->give_up_ms - wrn_now_ms();
        if (h->connection < 0 && left <= 0) {
            give_up_boxes(h);
            continue;
        }
        if (!wait_ready(ready, left)) continue;
        if (h->connection >= 0 && ready[1].revents) holder_on_packet(h);
        else if (ready[0].revents) on_holder_connection(h);
    }
    _exit(0);
}

/* ---- wrennd's side ---- */

/* A stopped holder must not block wrennd. */
static void set_patience(int fd) {
    const struct timeval limit = {.tv_sec = PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

int holder_start(holder *h, const holder_plan *plan) {
    int pair[2];
    const char *state_dir = plan->config->state_dir;
    *h = (holder){.fd = -1, .pidfd = -1, .state_dir = state_dir};
    holding *state = calloc(1, sizeof(*state));
    *state = (holding){.state_dir = state_dir, .plan = plan, .listener = bind_in(state_dir)};
    if (state->listener < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        wrn_fd_close(&state->listener);
        return free(state), -1;
    }
    state->connection = pair[1];
    h->pid = fork();
    if (h->pid == 0) wrn_precedence_leave(), run_holder(state);
    close(pair[1]);
    close(state->listener);
    free(state);
    if (h->pid < 0) return close(pair[0]), -1;
    h->fd = pair[0];
    h->pidfd = (int)syscall(SYS_pidfd_open, h->pid, 0);
    set_patience(h->fd);
    return 0;
}

void holder_end(const holder *h) {
    struct pollfd ended = {.fd = h->pidfd, .events = POLLIN};
    if (h->pidfd < 0) return;
    syscall(SYS_pidfd_send_signal, h->pidfd, SIGKILL, NULL, 0);
    /* It holds locks until it is gone. */
    poll(&ended, 1, PATIENCE_S * 1000);
}

/* Opens a pidfd of the process that listens at the other end. */
static int open_peer(int fd) {
    struct ucred peer;
    socklen_t size = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? (int)syscall(SYS_pidfd_open, peer.pid, 0) : -1;
}

static void forget_holder(holder *h) {
    wrn_fd_close(&h->fd);
    wrn_fd_close(&h->pidfd);
}

static void take_state(inheritance *out, const packet *p, int fd) {
    for (size_t i = 0; wrn_backends[i]; i++) {
        wrn_backend_state *kept = &out->states[i];
        if (strcmp(p->backend, wrn_backends[i]->name) != 0 || kept->fd >= 0) continue;
        memcpy(kept->name, p->name, sizeof(kept->name));
        kept->fd = fd;
        return;
    }
    wrn_fd_close(&fd);
}

static bool receive_all(int from, inheritance *out) {
    packet p = {0};
    int fds[FDS_MAX];
    size_t capacity = 0;
    while (receive_packet(from, &p, fds)) {
        if (p.type == END) return true;
        if (p.type == STATE) {
            take_state(out, &p, fds[0]);
            continue;
        }
        if (out->count == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            out->boxes = realloc(out->boxes, capacity * sizeof(*out->boxes));
        }
        holder_take_fds(&p.box, fds);
        out->boxes[out->count++] = p.box;
    }
    return false;
}

void inherit_nothing(inheritance *out) {
    *out = (inheritance){0};
    for (size_t i = 0; i < WRN_BACKENDS_MAX; i++) out->states[i].fd = -1;
}

bool holder_find(holder *h, const char *state_dir, inheritance *out) {
    struct sockaddr_un address;
    inherit_nothing(out);
    *h = (holder){.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), .pidfd = -1, .state_dir = state_dir};
    WRN_AUTO(wrn_fd_close) int dir = make_address(state_dir, &address);
    (void)dir; /* as above */
    set_patience(h->fd);
    bool there = h->fd >= 0 && connect(h->fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    if (there) h->pidfd = open_peer(h->fd);
    if (there && receive_all(h->fd, out)) return true;
    if (there) holder_end(h); /* it is of another version, or stopped: its boxes can't be adopted, and must end */
    for (size_t i = 0; i < out->count; i++) held_close(&out->boxes[i]);
    for (size_t i = 0; i < WRN_BACKENDS_MAX; i++) wrn_fd_close(&out->states[i].fd);
    free(out->boxes);
    inherit_nothing(out);
    forget_holder(h);
    return false;
}

bool holder_add(const holder *h, const held_box *box) { return send_box(h->fd, ADD, box); }

bool holder_drop(const holder *h, const char *id) {
    packet p = {.version = VERSION, .type = DROP};
    snprintf(p.box.id, sizeof(p.box.id), "%s", id);
    return send_packet(h->fd, &p, NULL, 0);
}

void holder_leave(holder *h, bool has_boxes) {
    struct pollfd ended = {.fd = h->pidfd, .events = POLLIN};
    if (h->fd < 0) return;
    close(h->fd);
    h->fd = -1;
    if (!has_boxes && h->pidfd >= 0) poll(&ended, 1, PATIENCE_S * 1000); /* so that nothing of it is left */
    forget_holder(h);
    if (has_boxes) return;
    remove_socket(h->state_dir);
    while (h->pid > 0 && waitpid(h->pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

/* ---- for the doctor ---- */

bool holder_is_there(const char *state_dir) {
    char path[PATH_MAX];
    path_in(path, state_dir, "holder.lock");
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && wrn_lock_is_taken(fd);
}

/* Whether a descriptor, whose fdinfo this is, is a pidfd of the agent. */
static bool is_pidfd_of(int dir, const char *name, pid_t agent) {
    char line[256];
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    WRN_AUTO(wrn_stdio_close) FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, "Pid:", 4) == 0 && atoi(line + 4) == agent) return true;
    return false;
}

static bool has_pidfd(const char *owner, pid_t agent) {
    char path[300], name[32];
    snprintf(path, sizeof(path), "/proc/%s/comm", owner);
    if (wrn_file_read(path, name, sizeof(name)) < 0 || (strcmp(name, NAME "\n") != 0 && strcmp(name, "wrennd\n") != 0))
        return false;
    snprintf(path, sizeof(path), "/proc/%s/fdinfo", owner);
    WRN_AUTO(wrn_dir_close) DIR *dir = opendir(path);
    for (struct dirent *entry; (entry = wrn_dir_next(dir));)
        if (is_pidfd_of(dirfd(dir), entry->d_name, agent)) return true;
    return false;
}

bool holder_knows(pid_t agent) {
    WRN_AUTO(wrn_dir_close) DIR *proc = opendir("/proc");
    for (struct dirent *entry; (entry = wrn_dir_next(proc));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && has_pidfd(entry->d_name, agent)) return true;
    return false;
}
