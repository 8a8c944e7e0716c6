/* What a sandbox is told of itself. The names of a virtual machine (of its host, of its sandbox, its machine-id) wrenn-boot gives,
 * and the agent gives new ones to a copy. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Lines that the user has put into /etc/hosts stay. False with errno when the host name can't be set. */
bool names_set(const char *id, const char *template_name);
/* A piece of the sandbox's network policy, for its programs; `more`: others follow. */
void names_put_network(const void *piece, size_t size, bool more);
