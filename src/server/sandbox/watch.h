/* What happens to the sandboxes and snapshots of a team, and to the templates of all: stored, and told to watchers. */
#pragma once

#include "server/sandbox/commands.h"
#include "server/sandbox/sandboxes.h"

/* X(name, type in the API, type in the platform's stream or NULL). Each is told when it has ended, well or not. */
#define WRN_NEWS(X)                                                   \
    X(SANDBOX_CREATE, "sandbox.create", "capsule.create")             \
    X(SANDBOX_PAUSE, "sandbox.pause", "capsule.pause")                \
    X(SANDBOX_HIBERNATE, "sandbox.hibernate", NULL)                   \
    X(SANDBOX_RESUME, "sandbox.resume", "capsule.resume")             \
    X(SANDBOX_DIE, "sandbox.die", NULL)                               \
    X(SANDBOX_DESTROY, "sandbox.destroy", "capsule.destroy")          \
    X(SANDBOX_LABELS, "sandbox.labels", NULL)                         \
    X(SANDBOX_LIFETIME, "sandbox.lifetime", NULL)                     \
    X(SANDBOX_NETWORK, "sandbox.network", NULL)                       \
    X(COMMAND_START, "command.start", NULL)                           \
    X(COMMAND_END, "command.end", NULL)                               \
    X(SNAPSHOT_CREATE, "snapshot.create", "template.snapshot.create") \
    X(SNAPSHOT_DELETE, "snapshot.delete", "template.snapshot.delete") \
    X(TEMPLATE_BUILD, "template.build", NULL)                         \
    X(TEMPLATE_DELETE, "template.delete", NULL)

#define WRN_NEWS_(name, type, platform) WRN_NEWS_##name,
typedef enum wrn_news_type { WRN_NEWS(WRN_NEWS_) WRN_NEWS_COUNT } wrn_news_type;
#undef WRN_NEWS_

typedef struct wrn_news {
    wrn_news_type type;
    const wrn_sandbox_row *row; /* NULL for a snapshot or template */
    const char *team_id, *name; /* of a snapshot; a template is every team's, and has a name only */
    const char *sandbox_id;     /* of SNAPSHOT_CREATE: what it was made of */
    const char *reason;         /* of a change by the server itself, else NULL: one of WRN_WHY_* */
    const wrn_fault *fault;     /* NULL on success; of SANDBOX_DIE: how it ended */
    const wrn_command *command; /* of COMMAND_* */
    const wrn_proc_result *result;
} wrn_news;

/* Why the server changes a sandbox without being asked, as the API has it. */
#define WRN_WHY_IDLE "idle"
#define WRN_WHY_LIFETIME "lifetime"
#define WRN_WHY_LEASE "lease"
#define WRN_WHY_DIED "died"
#define WRN_WHY_PAUSE_FAILED "pause_failed"
#define WRN_WHY_CREATE_FAILED "create_failed"
#define WRN_WHY_SHUTDOWN "shutdown"
#define WRN_WHY_RESTART "restart"

/* As the API has it. */
const char *wrn_news_type_name(wrn_news_type type);
/* As the platform's stream has it; NULL: it does not tell that. */
const char *wrn_news_platform_name(wrn_news_type type);
/* Whether a filter names a type, as "sandbox.pause", or all of a kind, as "sandbox". */
bool wrn_news_filter_matches(const char *filter, const char *type);

/* Owned by the caller; must not move while it watches. */
typedef struct wrn_watcher {
    struct wrn_watcher *next;
    char team_id[WRN_ID_SIZE];
    /* The event is stored already. May call wrn_unwatch(). */
    void (*tell)(struct wrn_watcher *watcher, const wrn_news *news);
} wrn_watcher;

void wrn_watch(wrn_sandboxes *all, wrn_watcher *watcher);
void wrn_unwatch(wrn_sandboxes *all, wrn_watcher *watcher);

/* Tells of templates that are built and removed in this directory, until wrn_sandboxes_stop(). */
void wrn_watch_templates(wrn_sandboxes *all, const char *dir);

/* Used in sandbox/ only. */
void wrn_watch_tell(wrn_sandboxes *all, const wrn_news *news);
/* Reports the outcome of a change; `reason`: as in wrn_news. */
void wrn_watch_tell_change(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_event event, const char *reason,
                           const wrn_fault *fault);
