/* What callers can require of the isolation of a sandbox: a level, and single properties. */
#pragma once

#include "base/buf.h"
#include "base/json.h"

/* Whether a sandbox with this `isolation` has a property of `isolation_required`:
 *   cgroup-limits                          memory, cpu and pids are all enforced
 *   memory-limit, cpu-limit, pids-limit    that one is
 *   disk-limit                             it has a disk of its own, with a size
 *   no-network                             there is no network
 *   a member's name, '-' for '_'           the member is true, or a text other than "none", "off" and "unenforced"
 * False for a word that this version does not know. */
bool wrn_isolation_has(const wrn_json *isolation, const char *word);
/* Appends the words of the array `required` that do not hold, separated by commas. False: it is not an array of strings. */
bool wrn_isolation_missing(const wrn_json *isolation, const wrn_json *required, wrn_buf *missing);

/* The isolation of one sandbox of a backend: its `isolation`, with the network that the sandbox's `egress` leaves it. The caller
 * frees it. */
wrn_json *wrn_isolation_with(const wrn_json *isolation, const char *egress);
