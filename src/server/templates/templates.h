/* Templates: what sandboxes are made from, whatever runs them. */
#ifndef WRN_SERVER_TEMPLATES_H
#define WRN_SERVER_TEMPLATES_H

#include "base/buf.h"
#include "server/backend/backend.h"

/* One of the platform, for everybody. */
typedef struct wrn_template {
    char name[65], type[16];
    int64_t vcpus, memory_mb; /* of boxes made from it, unless others are asked for; 0: the usual */
    int64_t size_bytes;       /* 0: unknown */
    int64_t created_at;
    char origin[128]; /* what it was built from, for people; "": unknown */
} wrn_template;

/* A template to be built, from one of the four sources or, without any, from what its name stands for. */
typedef struct wrn_template_plan {
    const char *name;
    const char *suite, *include, *mirror; /* of Debian; the last two may be NULL */
    const char *tar;                      /* a file; "-": standard input */
    const char *dir;
    const char *oci;          /* an image layout, perhaps with :TAG */
    const char *user;         /* that commands run as; NULL: root */
    const char *start;        /* a line of shell for each sandbox; NULL: none */
    int64_t start_port;       /* that it will listen on; 0: unknown */
    int64_t vcpus, memory_mb; /* 0: the usual */
    bool start_early;         /* with the sandbox, instead of the first connection to that port */
    bool replace;
} wrn_template_plan;

typedef void (*wrn_template_fn)(void *context, const wrn_template *item);
typedef void (*wrn_snapshot_fn)(void *context, int64_t size_bytes, const wrn_fault *fault);

/* `wrennd template build`, `remove` and `list`. They block. Text for people is appended to `said`; false with a fault. */
bool wrn_template_build(const wrn_backend_config *config, const wrn_template_plan *plan, wrn_buf *said,
                        wrn_fault *fault);
bool wrn_template_remove(const wrn_backend_config *config, const char *name, wrn_buf *said, wrn_fault *fault);
void wrn_template_list(const wrn_backend_config *config, wrn_template_fn each, void *context);
/* One of them. 0, or -1 with a fault: WRN_FAULT_NOT_FOUND when there is none of that name. */
int wrn_template_find(const wrn_backend_config *config, const char *name, wrn_template *out, wrn_fault *fault);

#endif
