#include "server/sandbox/snapshots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/lane.h"
#include "server/log.h"
#include "server/sandbox/internal.h"

typedef struct making {
    wrn_job job; /* first: a job is cast to its `making` */
    wrn_sandboxes *all;
    wrn_snapshot_row row;
    char sandbox_id[WRN_ID_SIZE];
    bool overwrite, on_disk;
    char replaced[WRN_ID_SIZE]; /* "": none */
    wrn_snapshot_done_fn done;
    void *context;
} making;

static void refuse_taken(const char *name, wrn_fault *fault) {
    wrn_fault_set(fault, WRN_FAULT_ALREADY_EXISTS,
                  "there is a snapshot \"%s\"; choose another name, delete it, or replace it with overwrite=true",
                  name);
}

bool wrn_snapshots_is_free(wrn_sandboxes *all, const char *team_id, const char *name, bool overwrite,
                           wrn_fault *fault) {
    wrn_template reserved;
    wrn_snapshot_row row;
    const wrn_sandboxes_config *c = &all->config;
    if (wrn_boxes_find_template(c->boxes, name, &reserved, fault) == 0 || fault->code != WRN_FAULT_NOT_FOUND) {
        wrn_fault_set(fault, WRN_FAULT_NAME_RESERVED, "\"%s\" is a template of the platform; choose another name",
                      name);
        return false;
    }
    wrn_db outcome = overwrite ? WRN_DB_NONE : wrn_store_get_snapshot(c->store, team_id, name, &row);
    if (outcome == WRN_DB_OK) refuse_taken(name, fault);
    else if (outcome == WRN_DB_ERROR) wrn_sandbox_db_fault(fault);
    return outcome == WRN_DB_NONE;
}

/* A sandbox made from a snapshot has the snapshot's size, whatever was asked for. */
static int64_t choose_size(int64_t asked, const wrn_template *from, int64_t of_template, int64_t usual) {
    if (asked <= 0 || (of_template > 0 && strcmp(from->type, "snapshot") == 0)) asked = of_template;
    return asked > 0 ? asked : usual;
}

bool wrn_snapshot_apply(wrn_sandboxes *all, wrn_sandbox_row *row, char id[WRN_ID_SIZE], wrn_fault *fault) {
    const wrn_sandboxes_config *c = &all->config;
    wrn_snapshot_row own;
    wrn_template from = {.type = "snapshot"};
    *id = '\0';
    wrn_db outcome = wrn_store_get_snapshot(c->store, row->team_id, row->template_name, &own);
    if (outcome == WRN_DB_ERROR) return wrn_sandbox_db_fault(fault), false;
    if (outcome == WRN_DB_OK) {
        memcpy(id, own.id, WRN_ID_SIZE);
        (void)wrn_boxes_find_snapshot(c->boxes, id, &from, fault); /* one that is missing is told by the create */
        if (from.disk_mb) row->disk_mb = from.disk_mb;
        from.vcpus = own.vcpus;
        from.memory_mb = own.memory_mb;
    } else if (wrn_boxes_find_template(c->boxes, row->template_name, &from, fault) != 0) {
        return false;
    }
    row->vcpus = choose_size(row->vcpus, &from, from.vcpus, 1);
    row->memory_mb = choose_size(row->memory_mb, &from, from.memory_mb, 512);
    return true;
}

int64_t wrn_snapshots_level(wrn_sandboxes *all, const char *team_id, const char *name) {
    const wrn_sandboxes_config *c = &all->config;
    wrn_snapshot_row own;
    wrn_template from = {.level = 0};
    wrn_fault fault;
    if (wrn_store_get_snapshot(c->store, team_id, name, &own) == WRN_DB_OK)
        (void)wrn_boxes_find_snapshot(c->boxes, own.id, &from, &fault);
    else (void)wrn_boxes_find_template(c->boxes, name, &from, &fault);
    return from.level;
}

/* ---- making one ---- */

/* Stores the record, which makes the snapshot exist and replaces the one before. */
static bool store_snapshot(making *m, wrn_fault *fault) {
    const wrn_sandboxes_config *c = &m->all->config;
    wrn_db outcome = wrn_store_add_snapshot(c->store, &m->row, m->sandbox_id, m->overwrite ? m->replaced : NULL);
    if (outcome == WRN_DB_OK) return true;
    wrn_boxes_drop_snapshot(c->boxes, m->row.id);
    if (outcome == WRN_DB_TAKEN) refuse_taken(m->row.name, fault);
    else wrn_sandbox_db_fault(fault);
    return false;
}

static void snapshot_on_copied(void *context, int64_t size_bytes, const wrn_fault *fault) {
    sandbox *s = context;
    wrn_snapshot_row *row = s->changes->snapshot;
    row->size_bytes = size_bytes;
    row->created_at = wrn_unix_time();
    if (fault) wrn_log_warning("sandbox %s: %s; it is paused", s->row.id, fault->message);
    wrn_sandbox_end_change(s, fault);
}

void wrn_snapshot_copy(sandbox *s, wrn_snapshot_row *row) { wrn_box_snapshot(s->box, row->id, snapshot_on_copied, s); }

static void finish_snapshot(making *m, const wrn_fault *fault) {
    wrn_watch_tell(m->all, &(wrn_news){.type = WRN_NEWS_SNAPSHOT_CREATE,
                                       .team_id = m->row.team_id,
                                       .name = m->row.name,
                                       .sandbox_id = m->sandbox_id,
                                       .fault = fault});
    m->done(m->context, fault ? NULL : &m->row, fault);
    free(m);
}

static void sync_record(wrn_job *job) {
    making *m = (making *)job;
    m->on_disk = wrn_store_sync(m->all->config.store);
}

/* The files of the replaced snapshot are kept until the new record is on the disk. */
static void snapshot_on_synced(wrn_job *job) {
    making *m = (making *)job;
    const wrn_sandboxes_config *c = &m->all->config;
    wrn_fault fault;
    if (!m->on_disk) wrn_sandbox_db_fault(&fault);
    else if (*m->replaced) wrn_boxes_drop_snapshot(c->boxes, m->replaced);
    finish_snapshot(m, m->on_disk ? NULL : &fault);
}

static void snapshot_on_made(void *context, const wrn_sandbox_row *sandbox_row, const wrn_fault *fault) {
    making *m = context;
    wrn_fault own;
    (void)sandbox_row;
    if (!fault && !store_snapshot(m, &own)) fault = &own;
    if (fault) return finish_snapshot(m, fault);
    wrn_lane_put(m->all->config.loop, WRN_LANE_SYNC, &m->job, sync_record, snapshot_on_synced);
}

void wrn_snapshots_create(wrn_sandboxes *all, const wrn_sandbox_row *of, const char *name, bool overwrite,
                          wrn_snapshot_done_fn done, void *context) {
    wrn_fault fault;
    sandbox *s = wrn_sandbox_find(all, of->id);
    if (!s) {
        wrn_fault_set(&fault, WRN_FAULT_INVALID_STATE, "sandbox is not running or paused (status: %s)", of->status);
        return done(context, NULL, &fault);
    }
    making *m = calloc(1, sizeof(*m));
    *m = (making){.all = all,
                  .row = {.vcpus = s->row.vcpus, .memory_mb = s->row.memory_mb},
                  .overwrite = overwrite,
                  .done = done,
                  .context = context};
    wrn_id_new(m->row.id, "snap");
    memcpy(m->row.team_id, s->row.team_id, sizeof(m->row.team_id));
    memcpy(m->sandbox_id, s->row.id, sizeof(m->sandbox_id));
    snprintf(m->row.name, sizeof(m->row.name), "%s", name);
    snprintf(m->row.base, sizeof(m->row.base), "%s", s->row.template_name);
    if (wrn_sandbox_add_snapshot(s, &m->row, snapshot_on_made, m, &fault)) return;
    free(m);
    done(context, NULL, &fault);
}

/* ---- removing one ---- */

bool wrn_snapshots_remove(wrn_sandboxes *all, const char *team_id, const char *name, wrn_fault *fault) {
    const wrn_sandboxes_config *c = &all->config;
    wrn_snapshot_row row;
    wrn_template of_platform;
    wrn_db outcome = wrn_store_get_snapshot(c->store, team_id, name, &row);
    if (outcome == WRN_DB_OK) outcome = wrn_store_remove_snapshot(c->store, row.id);
    if (outcome == WRN_DB_OK) {
        wrn_boxes_drop_snapshot(c->boxes, row.id);
        wrn_watch_tell(all, &(wrn_news){.type = WRN_NEWS_SNAPSHOT_DELETE, .team_id = row.team_id, .name = row.name});
        return true;
    }
    if (outcome != WRN_DB_NONE) wrn_sandbox_db_fault(fault);
    else if (wrn_boxes_find_template(c->boxes, name, &of_platform, fault) == 0)
        wrn_fault_set(fault, WRN_FAULT_FORBIDDEN, "\"%s\" is a template of the platform, which can't be deleted", name);
    else if (fault->code == WRN_FAULT_NOT_FOUND)
        wrn_fault_set(fault, WRN_FAULT_NOT_FOUND, "there is no snapshot \"%s\"", name);
    return false;
}

static bool is_known(void *context, const char *id) { return wrn_store_find_snapshot(context, id) != WRN_DB_NONE; }

void wrn_snapshots_recover(wrn_sandboxes *all) {
    wrn_boxes_sweep_snapshots(all->config.boxes, is_known, all->config.store);
}
