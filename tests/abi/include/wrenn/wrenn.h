/* libwrenn: run untrusted code in sandboxes, from C.
 *
 *     client.h      connections, the three ways to call, configuration
 *     error.h       what can go wrong
 *     auth.h        accounts
 *     api_keys.h    API keys
 *     sandboxes.h   create, list, get, destroy
 *     sandbox.h     one sandbox: wait, ping, destroy
 *     exec.h        commands in it
 *     models.h      what the service answers (generated)
 *
 * Ownership: what a function gives through a pointer to pointer belongs to the caller, who frees it with the function of
 * that type. What an accessor returns is borrowed from its object. The library keeps no pointer of yours past a call,
 * except user_data. Option structs start with struct_size (use the _INIT macros), NULL means all defaults, and zero means
 * default in every field. */
#ifndef WRENN_H
#define WRENN_H

#include "wrenn/api_keys.h"
#include "wrenn/auth.h"
#include "wrenn/client.h"
#include "wrenn/error.h"
#include "wrenn/exec.h"
#include "wrenn/models.h"
#include "wrenn/sandbox.h"
#include "wrenn/sandboxes.h"

#endif
