/* The builtin commands: the file operations of wire/files.h. */
#pragma once

/* Runs in a process of its own, with the command's 0, 1, 2. Returns its exit code: 0, or an errno. */
int builtin_main(char **argv);
