/* Base URLs and percent-encoding (RFC 3986). */
#pragma once

#include "base/buf.h"

typedef enum wrn_base_kind { WRN_BASE_HTTP, WRN_BASE_UNIX, WRN_BASE_LOCAL } wrn_base_kind;

typedef struct wrn_base_url {
    wrn_base_kind kind;
    char *url;       /* http(s)://host[:port][/prefix] without a slash at the end */
    char *unix_path; /* WRN_BASE_UNIX */
} wrn_base_url;

typedef enum wrn_url_verdict { WRN_URL_OK, WRN_URL_BAD, WRN_URL_NO_MEMORY } wrn_url_verdict;

/* Accepts https://..., http://..., unix:/path and local:. When bad, `why` names the problem and the remedy. */
wrn_url_verdict wrn_base_url_parse(const char *text, wrn_base_url *out, char *why, size_t why_size);
void wrn_base_url_clear(wrn_base_url *base);

/* Appends `text` with everything but unreserved characters percent-encoded: fit for a query value. */
void wrn_url_escape(wrn_buf *out, const char *text);
/* The same for one segment of a path, where $&+,:;=@ stay as well. Servers in Go do not decode the segments of a path that is
 * escaped in another way than Go would. For the same reason they do not accept "/" in a segment, which becomes %2F. */
void wrn_url_escape_segment(wrn_buf *out, const char *text);
