/* Templates in directories, read from there. */
#ifndef WRN_SERVER_TEMPLATES_CATALOG_H
#define WRN_SERVER_TEMPLATES_CATALOG_H

#include <limits.h>

#include "server/templates/templates.h"

enum { START_MAX = 64 };

/* What boxes are made from. On disk: a directory with template.json and a tree, `layer` or `rootfs`. */
typedef struct source {
    wrn_template shown;
    int held;                         /* + 1; 0: nothing. Its files stay as long as this is open */
    bool on_host;                     /* the tree is a layer above `minimal`; else it is a whole root file system */
    char tree[PATH_MAX];              /* "": none, it is `minimal` */
    wrn_json *json;                   /* template.json, which holds the texts of: */
    const char *start[START_MAX + 1]; /* the service's argv; none when start[0] is NULL */
    uint16_t start_port;              /* that it will listen on; 0: unknown */
    const char *default_user;         /* that commands run as; NULL: root */
    bool start_early;                 /* with the sandbox, instead of the first connection to that port */
} source;

/* 0, or -1 with a fault: "not_found" when nothing is there. */
int source_open(const char *dir, const char *name, source *out, wrn_fault *fault);
void source_close(source *s);
void source_minimal(source *out, const char *state_dir);
/* template.json of something made from it. */
wrn_json *source_document(const source *s, const char *type);
const char *source_tree_name(const source *s);
wrn_root source_root(const source *s);
/* Of the operator's templates, if there are any, and `minimal`. */
int source_find(const wrn_backend_config *config, const char *name, source *out, wrn_fault *fault);

#endif
