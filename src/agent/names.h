/* The names of a virtual machine: of its host, of its sandbox, its machine-id. wrenn-boot gives them, and the agent gives new
 * ones to a copy. */
#pragma once

#include <stdbool.h>

/* Lines that the user has put into /etc/hosts stay. False with errno when the host name can't be set. */
bool names_set(const char *id, const char *template_name);
