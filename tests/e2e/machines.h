/* What tests of virtual machines start with. */
#pragma once

#include "work.h"

/* A path in the test's directory; good until the eighth call after this one. */
const char *machines_path(const char *name);
/* Skips the test without QEMU, or without the package of a kernel where tools/install-deps.sh puts it (or WRENN_TEST_KERNEL says). */
void machines_need(void);
const char *machines_kernel(void);
/* The same, unpacked where the build has done that (tests/e2e/meson.build), for setups that are not about packages. */
const char *machines_kernel_tree(void);
/* Makes the directory "img", a small root with BusyBox and openssl. */
void machines_make_image(void);
/* Runs `wrennd vm setup`, which must end with that status and say `part`, for the directory "vm". */
void machines_set_up(const char *kernel, const char *image, int status, const char *part);

/* ---- sandboxes ---- */

/* Waits for a moment, inside, without a program: each costs an emulated processor ten milliseconds. */
#define TICK_BEGIN(name) "mkfifo /root/" name "; exec 9<>/root/" name "; "
#define TICK(seconds) "read -t " seconds " x <&9; "
/* Waits, inside, for the number to grow that begin_counter() writes to /root/count. */
#define GOES_ON "read n v < /root/count; until read m v < /root/count && [ $m != $n ]; do sleep 0.05; done; "

#define MACHINE "{\"isolation\":\"vm\",\"memory_mb\":256}"
void start_machine(const test_daemon *d, char id[40]);
/* One whose machine was there before it was asked for. Until there are such, others. */
void take_spare(const test_daemon *d, const char *body, char id[40]);
int entries(const char *path);
/* Processes whose command line names the sandbox. */
int processes_of(const char *id);
void await_no_processes(const char *id);
/* Waits until no machines of this test are left but those of `count` sandboxes. */
void await_only(char ids[][40], int count);
/* Waits until no machine of this test is being made for copies: the next sandbox is one, and need not boot. */
void await_warm(void);
pid_t find_qemu(const char *id);
bool has_qemu(const char *id);
/* Its machine goes on from the memory of another one, and has not booted. */
bool is_copy(const char *id);
/* The value of a line of /proc/PID/status, up to the next blank. */
void status_of(pid_t pid, const char *name, char *out, size_t size);
/* What the sandbox says about its isolation is true. */
void check_isolation(const test_daemon *d, const char *id);
/* The same program, in two sandboxes, says different things. */
void check_differs(const test_daemon *d, const char *one, const char *other, const char *line);
/* What has taken one QEMU over has no power over another one. */
void check_users(const char *one, const char *other);
/* Has a number of its own in memory, and counts. */
void begin_counter(const test_daemon *d, const char *id);
/* That, and a program whose output somebody hears over `fd`; the number of the counter, to be freed. The program ends with /root/stop. */
char *begin_work(const test_daemon *d, const char *id, int *fd);
/* A stream of begin_work() has all numbers, in order. */
void check_stream(int fd);
void fork_sandbox(const test_daemon *d, const char *id, const char *body, size_t count, char ids[][40]);
/* The sandbox has that status afterwards; NULL: that may be one or the other by then. */
void make_snapshot_of(const test_daemon *d, const char *id, const char *name, const char *status);
void hibernate(const test_daemon *d, const char *id);
/* The path of the file with its memory. */
void state_of(const test_daemon *d, const char *id, char out[300]);
