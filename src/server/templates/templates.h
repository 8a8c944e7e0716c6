/* Templates: what boxes are made from, with any backend. */
#pragma once

#include "base/buf.h"
#include "server/backend/backend.h"

/* A template of the platform, for all teams. */
typedef struct wrn_template {
    char name[65], type[16];
    int64_t vcpus, memory_mb; /* of boxes made from it, unless a create asks for others; 0: the default */
    int64_t size_bytes;       /* 0: unknown */
    int64_t created_at;
    char origin[128]; /* what it was built from, to be shown; "": unknown */
    int64_t level;    /* WRN_LEVELS: the least one of boxes made from it */
    int64_t disk_mb;  /* of boxes that go on from a moment; 0: as they ask */
} wrn_template;

/* A template to build, from one of the four sources. Without any, the name stands for what to build. */
typedef struct wrn_template_plan {
    const char *name;
    const char *suite, *include, *mirror; /* for mmdebstrap; the last two may be NULL */
    const char *tar;                      /* a file; "-": standard input */
    const char *dir;
    const char *oci;          /* an image layout, perhaps with :TAG */
    const char *user;         /* the user of commands; NULL: root */
    const char *start;        /* the service, a line of shell; NULL: none */
    int64_t start_port;       /* the port of the service; 0: unknown */
    int64_t vcpus, memory_mb; /* 0: the default */
    int64_t level;            /* WRN_LEVELS: the least one of boxes made from it */
    bool start_early;         /* starts with the box, not with the first connection to the port */
    bool replace;
} wrn_template_plan;

typedef void (*wrn_template_fn)(void *context, const wrn_template *item);
typedef void (*wrn_snapshot_fn)(void *context, int64_t size_bytes, const wrn_fault *fault);

/* `wrennd template build`, `remove` and `list`. They block. `said` gets what is to be printed; false with a fault. */
bool wrn_template_build(const wrn_backend_config *config, const wrn_template_plan *plan, wrn_buf *said,
                        wrn_fault *fault);
bool wrn_template_remove(const wrn_backend_config *config, const char *name, wrn_buf *said, wrn_fault *fault);
/* What building does for each backend, for templates that are there already: wrn_backend_ops.finish_template. */
bool wrn_templates_finish(const wrn_backend_config *config, wrn_fault *fault);
void wrn_template_list(const wrn_backend_config *config, wrn_template_fn each, void *context);
/* Finds a template. 0, or -1 with a fault: WRN_FAULT_NOT_FOUND when there is none of that name. */
int wrn_template_find(const wrn_backend_config *config, const char *name, wrn_template *out, wrn_fault *fault);
