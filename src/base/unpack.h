/* Trees of archives, see tar.h. The archive may be hostile: nothing outside the directory is touched, whatever it says, and
 * no link is followed, also not one that was there before. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

typedef struct wrn_unpack {
    int in;        /* where the archive is read from */
    int directory; /* what its names are below */
    bool made; /* the directory was made for this, and gets permissions, time and owner of the archive's "./", too */
    mode_t masked; /* permissions that nothing gets */
    bool owners;   /* everything gets the owner that the archive says */
    bool has_owner;
    uid_t uid; /* with has_owner everything gets this one */
    gid_t gid;
    void (*note)(void *context, int error,
                 const char *path); /* what the archive lacks, as in wrn_pack.lacks; may be NULL */
    void *context;
    wrn_buf path; /* when it has failed: what it was about; "" for the archive as a whole. The caller frees it */
    /* Of the file that is being written. */
    int aside_in;
    char aside[32];
} wrn_unpack;

/* Every file gets its name when it is whole; it replaces the file or link that has it. Directories that are there stay as they
 * are, those that were made get permissions and times. Blocks. 0, or an errno, see wrn_tar_why(); what was unpacked before
 * stays. Devices and the like are an error. */
int wrn_unpack_tree(wrn_unpack *how);
/* For signal handlers that end the process: removes the file that is not whole. */
void wrn_unpack_abort(const wrn_unpack *how);
