#include "server/sandbox/forks.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/sandbox/internal.h"
#include "server/sandbox/secrets.h"

typedef struct forking {
    wrn_sandboxes *all;
    wrn_moment *moment; /* NULL: not kept yet */
    sandbox *copies[WRN_FORK_MAX];
    wrn_sandbox_row rows[WRN_FORK_MAX]; /* of the copies, in order */
    bool runs[WRN_FORK_MAX];
    size_t count, left; /* left: to be made, then to be removed */
    bool failed;
    wrn_fault fault; /* the first one */
    wrn_fork_done_fn done;
    void *context;
} forking;

static void end_fork(forking *f) {
    f->done(f->context, f->failed ? NULL : f->rows, f->count, f->failed ? &f->fault : NULL);
    free(f);
}

static void on_copy_removed(void *context, const wrn_sandbox_row *row, const wrn_fault *fault) {
    forking *f = context;
    (void)row, (void)fault;
    if (!--f->left) end_fork(f);
}

/* One of the copies failed. */
static void remove_copies(forking *f) {
    f->left = 1;
    for (size_t i = 0; i < f->count; i++) f->left += f->runs[i];
    for (size_t i = 0; i < f->count; i++)
        if (f->runs[i]) wrn_sandboxes_change(f->all, &f->rows[i], WRN_EVENT_DESTROY, on_copy_removed, f);
    on_copy_removed(f, NULL, NULL);
}

static void on_copy_made(void *context, const wrn_sandbox_row *row, const wrn_fault *fault) {
    forking *f = context;
    if (fault && !f->failed) f->fault = *fault;
    f->failed = f->failed || fault;
    for (size_t i = 0; row && i < f->count; i++) {
        if (strcmp(f->rows[i].id, row->id) != 0) continue;
        f->rows[i] = *row;
        f->runs[i] = true;
    }
    if (--f->left) return;
    if (f->failed) remove_copies(f);
    else end_fork(f);
}

/* The copies of what was not kept. The last one ends the fork. */
static void fail_copies(forking *f, const wrn_fault *fault) {
    sandbox *copies[WRN_FORK_MAX];
    const wrn_fault why = *fault;
    size_t count = f->count;
    memcpy(copies, f->copies, sizeof(copies));
    for (size_t i = 0; i < count; i++) wrn_sandbox_made(copies[i], NULL, &why);
}

/* What its memory trusts, the copy trusts. */
static bool copy_authority(wrn_store *store, const char *from, const char *to, wrn_fault *fault) {
    char *authority = NULL;
    wrn_db outcome = wrn_store_get_authority(store, from, &authority);
    if (outcome == WRN_DB_OK) outcome = wrn_store_set_authority(store, to, authority);
    wrn_store_free_secret(authority);
    return outcome == WRN_DB_OK || outcome == WRN_DB_NONE || (wrn_sandbox_db_fault(fault), false);
}

/* Boxes are made later, so that the fork does not end meanwhile. The copies were all stored with the policy and the authority that
 * the sandbox has. */
static void on_moment_kept(void *context, const wrn_sandbox_row *row, const wrn_fault *fault) {
    forking *f = context;
    wrn_fault why;
    wrn_moment *moment = f->moment;
    wrn_store *store = f->all->config.store;
    (void)row;
    if (fault) return fail_copies(f, fault);
    char *network = wrn_store_get_network(store, f->rows->id);
    int secrets = wrn_secrets_open(store, f->rows->team_id, f->rows->id, network, &why);
    for (size_t i = 0; secrets >= 0 && i < f->count; i++) {
        sandbox *s = f->copies[i];
        wrn_box_spec spec = wrn_sandbox_spec(&s->row);
        spec.network = network;
        spec.secrets = secrets;
        spec.moment = moment;
        wrn_sandbox_make_box(s, &spec);
    }
    if (secrets < 0) fail_copies(f, &why);
    if (secrets > 0) close(secrets);
    free(network);
    moment->release(moment);
}

/* Each copy exists from the start, so that there is room for it. */
static bool add_copies(forking *f, const sandbox *s, const wrn_fork *how, wrn_fault *fault) {
    wrn_sandbox_row row = s->row;
    char *network = wrn_store_get_network(f->all->config.store, s->row.id);
    bool ok = true;
    *row.id = '\0';
    row.lease_sec = 0;
    if (how->lifetime_sec) row.lifetime_sec = how->lifetime_sec;
    for (f->count = 0; ok && f->count < how->count; f->count += ok) {
        const char *metadata = how->metadata[f->count];
        ok = wrn_sandbox_is_name_free(f->all, &row, metadata, fault) &&
             (f->copies[f->count] = wrn_sandbox_add(f->all, &row, metadata, network, on_copy_made, f, fault));
        if (ok) f->rows[f->count] = f->copies[f->count]->row;
    }
    for (size_t i = 0; ok && i < f->count; i++)
        ok = copy_authority(f->all->config.store, s->row.id, f->rows[i].id, fault);
    free(network);
    return ok;
}

static void begin_fork(sandbox *s, const wrn_fork *how, forking *f) {
    wrn_fault fault;
    bool ok = add_copies(f, s, how, &fault);
    f->left = f->count;
    if (ok && wrn_sandbox_add_fork(s, &f->moment, on_moment_kept, f, &fault)) return;
    if (f->count) return fail_copies(f, &fault);
    f->failed = true;
    f->fault = fault;
    end_fork(f);
}

void wrn_forks_make(wrn_sandboxes *all, const wrn_sandbox_row *of, const wrn_fork *how, wrn_fork_done_fn done,
                    void *context) {
    wrn_fault fault;
    sandbox *s = wrn_sandbox_usable(all, of, &fault);
    if (!s || wrn_box_check_moment(s->box, &fault) != 0 ||
        !wrn_sandbox_has_room(all, &s->row, (int64_t)how->count, &fault))
        return done(context, NULL, 0, &fault);
    forking *f = calloc(1, sizeof(*f));
    *f = (forking){.all = all, .done = done, .context = context};
    begin_fork(s, how, f);
}
