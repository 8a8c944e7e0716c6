/* What the files of wrenn-boot share. */
#pragma once

#include <stdbool.h>

/* Prints the message and errno on the console, and ends the machine. */
_Noreturn void boot_fail(const char *what);
/* Whether timers end when they should, or not much later. Takes 4 ms if they do, on a busy host up to a second. */
bool boot_timers_work(void);
/* Writes a file, or leaves it as it is when that fails. */
void boot_put(const char *path, const char *text);
/* Sets up eth0, the link to the sandbox's gate. */
void boot_link(bool with_v6);
/* Makes the accounts that a root needs, if it has none. */
void boot_accounts(void);
/* Adds what the template `minimal` has beyond its image, unless that is there: the account "user", sudo (its text is `sudo`),
 * configuration. */
void boot_minimal(const char *sudo);
