/* The builtin command that sets the clock, of a machine that was stopped. */
#pragma once

/* argv: its name, milliseconds since 1970. 0, or an errno. */
int builtin_clock(char **argv);
