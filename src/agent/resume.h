/* What a machine needs to know after it was stopped, or when it is a copy: time, randomness, names. */
#pragma once

#include "wire/frame.h"

void resume_machine(const wrn_resume *how);
