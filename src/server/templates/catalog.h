/* Reads templates from their directories. */
#pragma once

#include <limits.h>

#include "server/templates/templates.h"

enum { START_MAX = 64 };

/* What a box is made from. On disk: a directory with template.json and a tree, `layer` or `rootfs`. */
typedef struct source {
    wrn_template shown;
    int held;                         /* + 1; 0: none. The files stay while this descriptor is open */
    bool on_host;                     /* the tree is a layer above `minimal`; otherwise a whole root file system */
    char tree[PATH_MAX];              /* "": `minimal` */
    wrn_json *json;                   /* template.json, which owns what follows */
    const wrn_json *moment;           /* wrn_root.moment */
    const char *start[START_MAX + 1]; /* the service's argv; empty: no service */
    uint16_t start_port;              /* the port of the service; 0: unknown */
    const char *default_user;         /* the user of commands; NULL: root */
    bool start_early;                 /* starts with the box, not with the first connection to the port */
} source;

/* 0, or -1 with a fault: WRN_FAULT_NOT_FOUND when there is none. */
int source_open(const char *dir, const char *name, source *out, wrn_fault *fault);
void source_close(source *s);
void source_minimal(source *out, const char *state_dir);
/* Appends the template.json of a template made from it. `about` has its sizes and origin, `moment` is wrn_saved.moment; both may be
 * NULL. */
void source_document(const source *s, const char *type, const wrn_template *about, const wrn_json *moment,
                     wrn_buf *out);
/* Lets each backend add what it needs to the directory of a new template: wrn_backend_ops.finish_template. */
bool backends_finish_template(const char *dir, const wrn_root *root, wrn_fault *fault);
const char *source_tree_name(const source *s);
wrn_root source_root(const source *s);
/* Finds a template of the operator, or `minimal`. */
int source_find(const wrn_backend_config *config, const char *name, source *out, wrn_fault *fault);
