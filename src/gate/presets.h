/* Lists of rules for what people need again and again: the files in gate/presets, built in. */
#pragma once

#include <stddef.h>

/* The names of all, ended by NULL. */
extern const char *const wrn_preset_names[];
/* The rules of a preset, ended by NULL; NULL when there is none of that name. The caller frees them with wrn_preset_free(). NULL with
 * errno ENOMEM when there is no memory. */
char **wrn_preset_rules(const char *name);
void wrn_preset_free(char **rules);
