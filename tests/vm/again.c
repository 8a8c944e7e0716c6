/* A part of an agent that restarts its machine the first time it is started in there, as wrenn-boot does when timers fail:
 * boot/timer.c. */
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
