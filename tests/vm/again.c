/* Put before an agent: what it is the first of in a machine starts again, as a machine does whose timers fail: boot/timer.c. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/reboot.h>
#include <unistd.h>

#define BEEN "/root/.been"

__attribute__((constructor)) static void start_again(void) {
    if (getpid() != 1 || access(BEEN, F_OK) == 0) return;
    if (close(open(BEEN, O_WRONLY | O_CREAT, 0644)) != 0) abort();
    sync();
    reboot(RB_AUTOBOOT);
}
