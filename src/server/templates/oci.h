/* OCI image layouts: directories with oci-layout, index.json and blobs/sha256. They are not trusted: a digest is
 * checked before it becomes part of a path, and a blob is checked against its digest and size before it is used. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

enum { OCI_LAYERS_MAX = 256, OCI_WHY_SIZE = 400, OCI_USER_SIZE = 256 };

typedef struct oci_blob {
    char sha256[65]; /* in hex */
    int64_t size;
} oci_blob;

typedef struct oci_image {
    oci_blob config;
    size_t count;
    oci_blob layers[OCI_LAYERS_MAX]; /* from the bottom up */
    char user[OCI_USER_SIZE];        /* the user of its commands: name or number, either with ":GROUP"; "": root */
} oci_image;

/* These return false with the problem in `why`. */

/* Chooses an entry of an index: an image, or another index (*is_index). `tag` may be NULL; `arch` as Go names it. */
bool oci_choose(const wrn_json *index, const char *tag, const char *arch, oci_blob *out, bool *is_index,
                char why[OCI_WHY_SIZE]);
bool oci_read_manifest(const wrn_json *manifest, oci_image *out, char why[OCI_WHY_SIZE]);

/* `where`: "DIR" or "DIR:TAG". `dir` gets the directory. */
bool oci_open(const char *where, char *dir, size_t dir_size, oci_image *out, char why[OCI_WHY_SIZE]);
/* Opens a blob and checks it; -1. Stops when *stop is set. */
int oci_open_blob(const char *dir, const oci_blob *blob, const volatile sig_atomic_t *stop, char why[OCI_WHY_SIZE]);
