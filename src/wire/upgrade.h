/* The client's half of the opening handshake of a WebSocket (RFC 6455 section 4.1): writes the request and parses the response,
 * which may be a refusal with a body. No descriptor and no clock. */
#pragma once

#include "base/buf.h"
#include "wire/chunks.h"
#include "wire/ws.h"

enum { WRN_UPGRADE_HEAD_MAX = 16 * 1024, WRN_UPGRADE_BODY_MAX = 64 * 1024 };

typedef struct wrn_upgrade_request {
    const char *host, *path; /* the path with its query */
    const char *protocol;    /* subprotocol to offer, or NULL */
    const char *user_agent;
    const char *api_key, *token; /* at most one is sent */
    const char *extra;           /* further header fields, each line ended by a newline; or NULL */
    const char *key;             /* from wrn_ws_make_key() */
} wrn_upgrade_request;

/* Appends the request. False when a value contains a line break, or memory is short. */
bool wrn_upgrade_write(wrn_buf *out, const wrn_upgrade_request *request);

typedef enum wrn_upgrade_step {
    WRN_UPGRADE_MORE,    /* all input was consumed */
    WRN_UPGRADE_OPEN,    /* frames follow */
    WRN_UPGRADE_REFUSED, /* see `status`, and `body`, which may be cut short */
    WRN_UPGRADE_BAD      /* malformed: see `why` */
} wrn_upgrade_step;

typedef struct wrn_upgrade {
    const char *key, *protocol; /* of the request */
    int status;
    bool selected;         /* the server speaks `protocol` */
    char request_id[128];  /* X-Request-ID, or "" */
    long long retry_after; /* seconds; 0: not given */
    wrn_buf head, body;
    bool in_body, chunked, until_end;
    size_t left; /* bytes of the body still to come */
    wrn_chunks chunks;
    const char *why;
    bool no_memory; /* WRN_UPGRADE_BAD because memory is short */
} wrn_upgrade;

void wrn_upgrade_init(wrn_upgrade *upgrade, const char *key, const char *protocol);
void wrn_upgrade_clear(wrn_upgrade *upgrade);
/* Consumes `*used` bytes. */
wrn_upgrade_step wrn_upgrade_feed(wrn_upgrade *upgrade, const char *data, size_t size, size_t *used);
/* The connection has ended. */
wrn_upgrade_step wrn_upgrade_end(wrn_upgrade *upgrade);
