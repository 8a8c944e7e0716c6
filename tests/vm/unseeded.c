/* resume.c of an agent that leaves out the seed: copies of a machine are then the same, which the test of the seed must notice. */
#include <sys/ioctl.h>

#define ioctl(...) (-1)
#include "agent/resume.c"
