/* What a machine needs to know after it was stopped, or when it is a copy: time, randomness, names. */
#pragma once

#include "wire/frame.h"

/* The clock, and a new seed: the first things that a machine needs. */
void resume_clock_and_randomness(const wrn_resume *how);
/* Who it is now; after the seed, as a machine-id is random. */
void resume_names(const wrn_resume *how);
