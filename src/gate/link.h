/* The gate's end of the link to the sandbox: frames, as they come and as they go. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "gate/frame.h"
#include "gate/seam.h"

/* -1: nothing is there yet. */
int link_fd(void);
/* From now on it is this descriptor. False with errno. */
bool link_use(int fd, const seam_link *how);
/* The next frame, which stays until the next call. Its size; 0 for an empty one, -1 with errno. */
ssize_t link_read(uint8_t **frame);
/* Sends a frame, which may be lost, at the latest with link_flush(). Segments that follow each other cost the kernel of the sandbox, and
 * us, as much as a single one when they go together. */
void link_put(const uint8_t *frame, size_t size);
void link_flush(void);
