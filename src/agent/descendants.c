#include "agent/descendants.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/user.h"

/* Each round stops or kills all processes that it finds, so the next round finds only those that were forked meanwhile. The
 * number of processes in a sandbox is limited, so this ends. */
enum { ROUNDS_MAX = 1000 };

typedef struct process {
    pid_t pid, parent;
    char state;
    unsigned long long born; /* start time: tells processes apart that had the same pid */
    enum { UNKNOWN, BELOW, ELSEWHERE, LOST /* an ancestor ended while the table was read */ } place;
} process;

typedef struct table {
    process *items;
    size_t count, capacity;
} table;

/* Parses "pid (name) S ppid ...". The name may contain anything, so the last parenthesis counts. */
static bool read_process(const char *name, process *out) {
    char path[32], text[512];
    snprintf(path, sizeof(path), "/proc/%s/stat", name);
    const char *rest = read_text(path, text, sizeof(text)) ? strrchr(text, ')') : NULL;
    int parent;
    char state;
    unsigned long long born;
    if (!rest || sscanf(rest + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                        &state, &parent, &born) != 3)
        return false;
    *out = (process){(pid_t)atoi(name), (pid_t)parent, state, born, UNKNOWN};
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

static int compare_pids(const void *a, const void *b) { return ((const process *)a)->pid - ((const process *)b)->pid; }

static process *find_process(const table *t, pid_t pid) {
    const process wanted = {.pid = pid};
    return t->count ? bsearch(&wanted, t->items, t->count, sizeof(wanted), compare_pids) : NULL;
}

/* The descendants to find. */
typedef struct family {
    pid_t root;
    bool (*is_spared)(pid_t pid); /* these processes and all below them are left out; may be NULL */
} family;

/* The place of a process as far as it is known without its parent. */
static int tree_place_of(const process *p, const family *f) {
    if (p->place != UNKNOWN) return p->place;
    if (f->is_spared && f->is_spared(p->pid)) return ELSEWHERE;
    if (p->parent == f->root) return BELOW;
    return p->parent == 0 ? ELSEWHERE : UNKNOWN;
}

/* Climbs to an ancestor whose place is known, and gives that place to all on the way. Without recursion, because thousands may
 * stand one below the other. */
static void tree_place(table *t, process *p, const family *f) {
    process *top = p, *up;
    size_t steps = 0; /* parents may form a circle, as processes come and go while the table is read */
    int known;
    while ((known = tree_place_of(top, f)) == UNKNOWN && steps++ < t->count && (up = find_process(t, top->parent)))
        top = up;
    if (known == UNKNOWN) known = LOST;
    for (process *at = p; at && at->place == UNKNOWN; at = at == top ? NULL : find_process(t, at->parent))
        at->place = known;
}

static void mark_family(table *t, const family *f) {
    if (t->count) qsort(t->items, t->count, sizeof(*t->items), compare_pids);
    for (size_t i = 0; i < t->count; i++) tree_place(t, &t->items[i], f);
}

static bool process_is_dead(const process *p) { return p->state == 'Z' || p->state == 'X'; }
static bool process_is_stopped(const process *p) { return p->state == 'T' || p->state == 't' || process_is_dead(p); }

/* Sends `signo` to those below `root` that `skip` does not leave out; returns how many got it. */
static size_t descendants_signal_round(table *t, pid_t root, int signo, bool (*skip)(const process *)) {
    size_t sent = 0;
    read_table(t);
    mark_family(t, &(family){root, NULL});
    for (size_t i = 0; i < t->count; i++)
        if (t->items[i].place == BELOW && !skip(&t->items[i]) && kill(t->items[i].pid, signo) == 0) sent++;
    return sent;
}

/* Kills processes that the last round did not see. One that was killed forks no more, however long it takes to die, so all is
 * done when there is no new process, and none whose place is unknown. */
static bool kill_new(table *t, const table *before, const family *f) {
    bool over = true;
    read_table(t);
    mark_family(t, f);
    for (size_t i = 0; i < t->count; i++) {
        const process *p = &t->items[i], *known = find_process(before, p->pid);
        if (p->place == LOST) over = false;
        if (p->place != BELOW || process_is_dead(p) || (known && known->place == BELOW && known->born == p->born))
            continue;
        kill(p->pid, SIGKILL);
        over = false;
    }
    return over;
}

static void kill_family(const family *f) {
    table tables[2] = {{0}};
    for (int i = 0; i < ROUNDS_MAX && !kill_new(&tables[i % 2], &tables[(i + 1) % 2], f); i++) {
    }
    free(tables[0].items);
    free(tables[1].items);
}

void descendants_signal(pid_t root, int signo) {
    table t = {0};
    if (signo == SIGKILL) kill_family(&(family){root, NULL});
    else descendants_signal_round(&t, root, signo, process_is_dead);
    free(t.items);
}

void descendants_kill_strays(bool (*is_keeper)(pid_t pid)) { kill_family(&(family){1, is_keeper}); }

void descendants_freeze(bool freeze) {
    table t = {0};
    if (freeze)
        for (int i = 0; i < ROUNDS_MAX && descendants_signal_round(&t, 1, SIGSTOP, process_is_stopped); i++) {
        }
    else kill(-1, SIGCONT);
    free(t.items);
}
