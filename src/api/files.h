/* What the calls on files share. */
#pragma once

#include "client/op.h"

/* 0 when a path, or the mode of a file, can be sent. */
int wrn_files_check(const wrenn_op *op, const char *path, wrenn_error **error);
int wrn_files_check_mode(const wrenn_op *op, int64_t mode, wrenn_error **error);
/* Sets up a call that takes a path alone; `suffix` is "/files/remove" or the like. */
void wrn_files_call(wrenn_op *op, const char *suffix, const char *path);

/* ---- looking for one path ----
 *
 * The API has no route for that, so the parent directory is listed; only that one name of it, where the server can do so.
 * When the parent cannot be listed, the look climbs, one level at a time, until a directory can be: servers report a
 * missing directory in different ways, and a missing sandbox in the same way. */

typedef struct wrn_look {
    wrn_buf path;        /* without slashes at its end; root is empty */
    size_t name, end;    /* the part looked for now: the path up to `end`, whose last segment starts at `name` */
    wrn_buf parent;      /* the directory that is listed for it */
    bool climbing, over; /* over: its operation has failed for good */
    wrenn_error *reason; /* the first error of the server */
} wrn_look;

typedef enum wrn_look_end {
    WRN_LOOK_FAILED,   /* the operation has failed, also because what the path is in exists and cannot be listed */
    WRN_LOOK_MISSING,  /* there is no such path */
    WRN_LOOK_NAMELESS, /* root, the home directory, "." or "..", which are in no listing; the directory exists */
    WRN_LOOK_FOUND
} wrn_look_end;

/* False when out of memory. */
bool wrn_look_at(wrn_look *look, const char *path);
void wrn_look_clear(wrn_look *look);
/* Whether it has no name to look for: see WRN_LOOK_NAMELESS. */
bool wrn_look_is_nameless(const wrn_look *look);
/* Sets up the call that looks. */
void wrn_look_call(wrn_look *look, wrenn_op *op);
/* For `respond`: what the answer says. An entry that was found belongs to *json, which the caller frees. */
wrn_look_end wrn_look_judge(wrn_look *look, wrenn_op *op, const wrn_http_response *response, wrn_json **json,
                            const wrn_json **entry);
/* For `fail` of a call that looks: true when it goes on one level above, or has reported why it can't. */
bool wrn_look_failed(wrn_look *look, wrenn_op *op, const wrenn_error *error);
/* Fails the operation for good. */
void wrn_look_report(wrn_look *look, wrenn_op *op, wrenn_error *error);
