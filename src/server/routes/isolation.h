/* What a caller can demand of a sandbox's isolation. */
#ifndef WRN_SERVER_ROUTES_ISOLATION_H
#define WRN_SERVER_ROUTES_ISOLATION_H

#include "base/buf.h"
#include "base/json.h"

/* Whether a sandbox with this `isolation` has what `word` demands:
 *   cgroup-limits                          memory, cpu and pids are all enforced
 *   memory-limit, cpu-limit, pids-limit    that one is
 *   no-network                             there is no network
 *   a member's name, '-' for '_'           the member is true, or a text other than "none", "off" and "unenforced"
 * A word that this version does not know is something it cannot promise. */
bool wrn_isolation_has(const wrn_json *isolation, const char *word);
/* Appends the words of the array `required` that are not there, separated by commas. False: it is no array of texts. */
bool wrn_isolation_missing(const wrn_json *isolation, const wrn_json *required, wrn_buf *missing);

typedef enum wrn_level_answer { WRN_LEVEL_REACHED, WRN_LEVEL_NOT_REACHED, WRN_LEVEL_UNKNOWN } wrn_level_answer;

/* Whether a sandbox with this `isolation` has the level "namespace" or "vm", or a stronger one. UNKNOWN: `level` is neither. */
wrn_level_answer wrn_isolation_reaches(const wrn_json *isolation, const char *level);

#endif
