/* The labels of sandboxes: their limits, changing them, listing by them. */
#pragma once

#include "server/routes/routes.h"

/* Appends the labels `now` (as the store has them; NULL: none) with some removed and some set, as the store takes them; nothing when
 * there are none. False: the request was answered. */
bool wrn_metadata_change(wrn_request *request, const char *now, const wrn_pair *const *set, size_t set_count,
                         const char *const *remove, size_t remove_count, wrn_buf *out);
/* Limits a listing to sandboxes with the label `text`, NAME=value; NULL: malformed. False: the request was answered. */
bool wrn_metadata_add_filter(wrn_request *request, const char *text, wrn_sandbox_filter *filter);
