/* Files with a random key, readable by their owner only. */
#pragma once

#include <stdbool.h>

#include "server/log.h"

enum { WRN_KEY_SIZE = 32 };

/* Reads the key, or makes the file. False with a message; `loss` says what removing a damaged file costs. */
bool wrn_key_file_load(const char *path, unsigned char key[WRN_KEY_SIZE], const char *loss, wrn_why *why);
