/* The user's own server: a wrennd that the first command that needs it starts, and that ends when it has had nothing to do
 * for a while. All that is known of it is in its directory: whoever can connect to its socket finds it running. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/place.h"
#include "cli/cli.h"

enum { START_LIMIT_MS = 20000, READY_FD = 3, LOG_MAX = 1 << 20, ROOM_MIN = 1 << 20, SOCKET_PATH_MAX = 107 };

extern char **environ;

/* ---- where ---- */

/* Makes the directory and what is missing above it, for us alone. */
static bool daemon_make_directory(const char *path, char *why, size_t why_size) {
    char part[PATH_MAX];
    size_t size = strlen(path);
    bool there = access(path, F_OK) == 0;
    for (size_t i = 1; i <= size && !there; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) == 0 || errno == EEXIST) continue;
        snprintf(why, why_size, "can't make %s: %s", part, strerror(errno));
        return false;
    }
    return wrn_place_is_safe(path, why, why_size);
}

static bool is_on_overlay(const char *path) {
    char part[PATH_MAX];
    struct stat info;
    snprintf(part, sizeof(part), "%s", path);
    while (*part && stat(part, &info) != 0) *strrchr(part, '/') = '\0';
    return wrn_place_is_overlay(*part ? part : "/");
}

/* The state directory as others have it; in a container, whose root can't hold sandboxes, one of the places for private
 * directories. */
bool cli_daemon_place(cli_daemon *out, char *why, size_t why_size) {
    const char *places[WRN_PRIVATE_PLACES];
    char path[WRN_PRIVATE_PLACES + 1][PATH_MAX];
    size_t count = 0;
    *out = (cli_daemon){.connection = -1};
    if (cli_state_path("server", path[0])) count++;
    wrn_private_places(places);
    for (size_t i = 0; i < WRN_PRIVATE_PLACES; i++)
        if (places[i] && *places[i] == '/')
            snprintf(path[count++], PATH_MAX, "%s/wrenn-server-%u", places[i], (unsigned)geteuid());
    snprintf(why, why_size,
             "there is no place for its data: set XDG_STATE_HOME to a directory that is not on overlayfs");
    for (size_t i = 0; i < count; i++) {
        if (strlen(path[i]) >= sizeof(out->directory) || is_on_overlay(path[i])) continue;
        if (!daemon_make_directory(path[i], why, why_size)) continue;
        snprintf(out->directory, sizeof(out->directory), "%s", path[i]);
        snprintf(out->url, sizeof(out->url), "unix:%s/wrennd.sock", out->directory);
        return true;
    }
    return false;
}

static const char *inside(const cli_daemon *daemon, const char *name, char path[PATH_MAX]) {
    snprintf(path, PATH_MAX, "%s/%s", daemon->directory, name);
    return path;
}

/* ---- whether ---- */

bool cli_daemon_runs(cli_daemon *daemon) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(daemon->url + strlen("unix:")) > SOCKET_PATH_MAX) return false;
    memcpy(address.sun_path, daemon->url + strlen("unix:"), strlen(daemon->url + strlen("unix:")));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) return daemon->connection = fd, true;
    if (fd >= 0) close(fd);
    return false;
}

int cli_daemon_pid(const cli_daemon *daemon) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH_MAX];
    int fd = open(inside(daemon, "lock", path), O_RDONLY | O_CLOEXEC);
    bool taken = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (fd >= 0) close(fd);
    return taken ? (int)lock.l_pid : 0;
}

/* ---- starting ---- */

/* Runs wrennd with its stdout or, with `ready`, its READY_FD at the other end of *pipe_fd. It gets nothing else of ours. */
static bool spawn(const cli_daemon *daemon, char *const argv[], bool ready, pid_t *pid, int *pipe_fd) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none, pipe_signal;
    char log[PATH_MAX];
    struct stat info;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    inside(daemon, "log", log);
    bool fresh = stat(log, &info) != 0 || info.st_size > LOG_MAX;
    sigemptyset(&none);
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&how);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, ends[1], ready ? READY_FD : 1);
    if (ready) posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, log, O_WRONLY | O_CREAT | O_APPEND | (fresh ? O_TRUNC : 0), 0600);
    posix_spawn_file_actions_addclosefrom_np(&files, ready ? READY_FD + 1 : 3);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &pipe_signal);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int problem = posix_spawn(pid, argv[0], &files, &how, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    close(ends[1]);
    *pipe_fd = ends[0];
    if (problem) close(ends[0]), errno = problem;
    return !problem;
}

/* The first line, without its end; empty when there is none in time. */
static void daemon_read_line(int fd, char *line, size_t size) {
    int64_t until = wrn_in_ms(START_LIMIT_MS);
    size_t at = 0;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (at + 1 < size && poll(&ready, 1, (int)wrn_left_ms(until)) > 0) {
        ssize_t got = read(fd, line + at, size - 1 - at);
        if (got <= 0) break;
        at += (size_t)got;
        if (memchr(line, '\n', at)) break;
    }
    line[at] = '\0';
    line[strcspn(line, "\n")] = '\0';
}

/* Says so when its disk is full: then the log is empty, too, and what failed first may be anything. */
static void find_full(const cli_daemon *daemon, char *why, size_t why_size) {
    int fd = open(daemon->directory, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
    int problem = fd >= 0 ? posix_fallocate(fd, 0, ROOM_MIN) : errno;
    if (fd >= 0) close(fd);
    if (problem != ENOSPC && problem != EDQUOT) return;
    snprintf(why, why_size,
             "can't write to %s: %s; make room there, or set XDG_STATE_HOME to a directory of another disk",
             daemon->directory, strerror(problem));
}

/* What it said last. */
static void read_log(const cli_daemon *daemon, char *why, size_t why_size) {
    char path[PATH_MAX], text[2048];
    FILE *log = fopen(inside(daemon, "log", path), "re");
    size_t size = 0;
    if (log && fseek(log, -(long)(sizeof(text) - 1), SEEK_END) != 0) rewind(log);
    if (log) size = fread(text, 1, sizeof(text) - 1, log), fclose(log);
    while (size && text[size - 1] == '\n') size--;
    text[size] = '\0';
    const char *line = strrchr(text, '\n');
    snprintf(why, why_size, "it did not start: %s (%s)", size ? (line ? line + 1 : text) : "it said nothing", path);
}

static bool daemon_start(cli_daemon *daemon, char *program, char *why, size_t why_size) {
    char seconds[16], listen[160], line[256];
    snprintf(seconds, sizeof(seconds), "%d", CLI_DAEMON_IDLE_SECONDS);
    snprintf(listen, sizeof(listen), "%s", daemon->url);
    char *argv[] = {program,
                    (char[]){"--data-dir"},
                    daemon->directory,
                    (char[]){"--listen"},
                    listen,
                    (char[]){"--idle-exit"},
                    seconds,
                    (char[]){"--ready-fd"},
                    (char[]){"3"},
                    NULL};
    pid_t pid;
    int ready;
    if (!spawn(daemon, argv, true, &pid, &ready))
        return snprintf(why, why_size, "can't run %s: %s", program, strerror(errno)), false;
    daemon_read_line(ready, line, sizeof(line));
    close(ready);
    if (*line && cli_daemon_runs(daemon)) return true;
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    read_log(daemon, why, why_size);
    return false;
}

/* ---- its key ---- */

static bool daemon_read_key(cli_daemon *daemon) {
    char path[PATH_MAX];
    int fd = open(inside(daemon, "key", path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = fd >= 0 ? read(fd, daemon->key, sizeof(daemon->key) - 1) : -1;
    if (fd >= 0) close(fd);
    daemon->key[got > 0 ? got : 0] = '\0';
    daemon->key[strcspn(daemon->key, "\n")] = '\0';
    return *daemon->key;
}

/* Whoever can write to its directory can have one made. */
static bool make_key(cli_daemon *daemon, char *program, char *why, size_t why_size) {
    char *argv[] = {
        program, (char[]){"key"}, (char[]){"create"}, (char[]){"wrenn"}, (char[]){"--data-dir"}, daemon->directory,
        NULL};
    char path[PATH_MAX];
    pid_t pid;
    int from, status = -1;
    if (!spawn(daemon, argv, false, &pid, &from))
        return snprintf(why, why_size, "can't run %s: %s", program, strerror(errno)), false;
    daemon_read_line(from, daemon->key, sizeof(daemon->key));
    close(from);
    if (waitpid(pid, &status, 0) != pid || status != 0 || !*daemon->key) return read_log(daemon, why, why_size), false;
    int fd = open(inside(daemon, "key", path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && cli_write(fd, daemon->key, strlen(daemon->key));
    ok = fd >= 0 && close(fd) == 0 && ok;
    if (!ok) snprintf(why, why_size, "can't write %s: %s", path, strerror(errno));
    return ok;
}

/* One of several commands that come at the same time starts it, the others wait for that. -1 with errno. */
static int lock_start(const cli_daemon *daemon) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH_MAX];
    int fd = open(inside(daemon, "start.lock", path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), rc;
    do rc = fd >= 0 ? fcntl(fd, F_SETLKW, &lock) : -1;
    while (rc != 0 && fd >= 0 && errno == EINTR);
    if (rc != 0 && fd >= 0) close(fd), fd = -1;
    return fd;
}

static bool start_or_find(cli_daemon *daemon, char *program, char *why, size_t why_size) {
    int lock = lock_start(daemon);
    if (lock < 0) return snprintf(why, why_size, "can't lock its directory: %s", strerror(errno)), false;
    bool runs = daemon->connection >= 0 || cli_daemon_runs(daemon) || daemon_start(daemon, program, why, why_size);
    bool ok = runs && (daemon_read_key(daemon) || make_key(daemon, program, why, why_size));
    close(lock);
    return ok;
}

bool cli_daemon_start(cli_daemon *daemon, char *why, size_t why_size) {
    char program[PATH_MAX];
    if (cli_daemon_runs(daemon) && daemon_read_key(daemon)) return true;
    if (!wrn_wrennd_find(NULL, program, sizeof(program), why, why_size)) return false;
    if (start_or_find(daemon, program, why, why_size)) return true;
    find_full(daemon, why, why_size);
    return false;
}
