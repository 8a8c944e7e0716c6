#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"

/* Rounds of looking for processes that were forked since the last one. Every round stops or kills all it sees, so only
 * those forked within a round are left for the next; the number of processes in a sandbox is limited. */
enum { ROUNDS_MAX = 1000 };

typedef struct process {
    pid_t pid, parent;
    char state;
    bool below; /* the root */
} process;

typedef struct table {
    process *items;
    size_t count, capacity;
} table;

/* "pid (name) S ppid ...": the name may hold anything, so look for the last parenthesis. */
static bool read_process(const char *name, process *out) {
    char path[32], text[512];
    snprintf(path, sizeof(path), "/proc/%s/stat", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t size = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (size <= 0) return false;
    text[size] = '\0';
    const char *rest = strrchr(text, ')');
    int parent;
    char state;
    if (!rest || sscanf(rest + 1, " %c %d", &state, &parent) != 2) return false;
    *out = (process){(pid_t)atoi(name), (pid_t)parent, state, false};
    return true;
}

static void read_table(table *t) {
    t->count = 0;
    DIR *proc = opendir("/proc");
    if (!proc) return;
    for (struct dirent *entry; (entry = readdir(proc));) {
        process one;
        if (!isdigit((unsigned char)entry->d_name[0]) || !read_process(entry->d_name, &one)) continue;
        if (t->count == t->capacity) {
            size_t capacity = t->capacity ? 2 * t->capacity : 64;
            process *items = realloc(t->items, capacity * sizeof(*items));
            if (!items) break;
            t->items = items;
            t->capacity = capacity;
        }
        t->items[t->count++] = one;
    }
    closedir(proc);
}

/* Marks all descendants of `root`: parents are usually listed before children, so few passes are needed. */
static void mark_below(table *t, pid_t root) {
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < t->count; i++) {
            if (t->items[i].below) continue;
            bool below = t->items[i].parent == root;
            for (size_t j = 0; j < t->count && !below; j++)
                below = t->items[j].below && t->items[j].pid == t->items[i].parent;
            if (below) changed = t->items[i].below = true;
        }
    }
}

static bool is_dead(const process *p) { return p->state == 'Z' || p->state == 'X'; }
static bool is_stopped(const process *p) { return p->state == 'T' || p->state == 't' || is_dead(p); }

/* One round of `signo` for those below `root` that `skip` does not spare; how many it was sent to. */
static size_t round_of(table *t, pid_t root, int signo, bool (*skip)(const process *)) {
    size_t sent = 0;
    read_table(t);
    mark_below(t, root);
    for (size_t i = 0; i < t->count; i++)
        if (t->items[i].below && !skip(&t->items[i]) && kill(t->items[i].pid, signo) == 0) sent++;
    return sent;
}

void tree_signal(pid_t root, int signo) {
    table t = {0};
    if (signo == SIGKILL) {
        /* Stopped processes do not fork, and neither vanish from under their children. */
        for (int i = 0; i < ROUNDS_MAX && round_of(&t, root, SIGSTOP, is_stopped); i++) {
        }
        for (int i = 0; i < ROUNDS_MAX && round_of(&t, root, SIGKILL, is_dead); i++) {
        }
    } else {
        round_of(&t, root, signo, is_dead);
    }
    free(t.items);
}

void tree_kill_strays(bool (*is_keeper)(pid_t pid)) {
    table t = {0};
    read_table(&t);
    for (size_t i = 0; i < t.count; i++) {
        if (t.items[i].parent != 1 || is_dead(&t.items[i]) || is_keeper(t.items[i].pid)) continue;
        kill(t.items[i].pid, SIGSTOP);
        tree_signal(t.items[i].pid, SIGKILL);
        kill(t.items[i].pid, SIGKILL);
    }
    free(t.items);
}

void tree_freeze(bool freeze) {
    table t = {0};
    if (freeze)
        for (int i = 0; i < ROUNDS_MAX && round_of(&t, 1, SIGSTOP, is_stopped); i++) {
        }
    else kill(-1, SIGCONT);
    free(t.items);
}
