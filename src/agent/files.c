#include <errno.h>
#include <stdio.h>

#include "agent/agent.h"

int builtin_main(char **argv) {
    fprintf(stderr, "wrenn-agent: no builtin is called %s\n", argv[0]);
    return ENOSYS;
}
