/* What the files of wrenn-boot share. */
#pragma once

#include <stdbool.h>

/* Says it on the console, with errno, and ends the machine. */
_Noreturn void boot_fail(const char *what);
/* Replaces a file, if it can. */
void boot_put(const char *path, const char *text);
/* Sets up eth0, behind which is the sandbox's gate. */
void boot_link(bool with_v6);
/* Makes the account "user", which the template `minimal` has, unless it is there. */
void boot_user(void);
