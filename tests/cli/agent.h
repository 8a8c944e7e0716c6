/* Whoever speaks with `wrenn mcp` through pipes, byte for byte. */
#ifndef WRN_TESTS_AGENT_H
#define WRN_TESTS_AGENT_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

typedef struct agent {
    pid_t pid;
    int in; /* its stdin; -1: closed */
    FILE *out;
} agent;

/* Runs wrenn mcp with these words. */
agent agent_starts(const char *const *argv);
#define AGENT(...) agent_starts((const char *const[]){getenv("WRENN_CLI"), "mcp", ##__VA_ARGS__, NULL})
void agent_sends(const agent *a, const void *data, size_t size);
/* A line. */
void agent_says(const agent *a, const char *line);
/* The next line that comes back, without its newline; valid until the next call. */
const char *agent_hears(const agent *a);
/* The answer to this line. */
const char *agent_asks(const agent *a, const char *line);
/* The answer to a call of a tool; `arguments` is JSON. */
const char *agent_calls(const agent *a, const char *tool, const char *arguments);
/* Closes its stdin and checks that nothing else comes; its exit code, or 1000 plus the signal. */
int agent_leaves(agent *a);

#endif
