/* libwrenn: run untrusted code in sandboxes, from C.
 *
 *     client.h      connections, the three ways to call, configuration
 *     error.h       what can go wrong
 *     auth.h        accounts
 *     api_keys.h    API keys
 *     sandboxes.h   create, list, get, connect, destroy
 *     sandbox.h     one sandbox: wait, ping, pause, resume, destroy
 *     exec.h        commands in it
 *     processes.h   detached commands in it
 *     pty.h         terminals in it
 *     stream.h      output of commands and terminals while it arrives
 *     code.h        code in it, run by a kernel that keeps its state
 *     files.h       files in it
 *     metrics.h     what it uses
 *     events.h      what happens to the team's sandboxes and snapshots
 *     ports.h       URLs of what listens in it
 *     network.h     what a sandbox may reach
 *     secrets.h     values of headers that sandboxes send without knowing them
 *     snapshots.h   templates made of sandboxes
 *     hosts.h       the machines that sandboxes run on
 *     models.h      what the service answers (generated)
 *
 * Ownership: what a function gives through a pointer to pointer belongs to the caller, who frees it with the function
 * of that type. What an accessor returns is borrowed from its object. The library keeps no pointer of yours past a
 * call, except user_data. Option structs start with struct_size (use the _INIT macros), NULL means all defaults, and
 * zero means default in every field. */
#ifndef WRENN_H
#define WRENN_H

#include "wrenn/api_keys.h"
#include "wrenn/auth.h"
#include "wrenn/client.h"
#include "wrenn/code.h"
#include "wrenn/error.h"
#include "wrenn/events.h"
#include "wrenn/exec.h"
#include "wrenn/files.h"
#include "wrenn/hosts.h"
#include "wrenn/metrics.h"
#include "wrenn/models.h"
#include "wrenn/network.h"
#include "wrenn/ports.h"
#include "wrenn/processes.h"
#include "wrenn/pty.h"
#include "wrenn/sandbox.h"
#include "wrenn/sandboxes.h"
#include "wrenn/secrets.h"
#include "wrenn/snapshots.h"
#include "wrenn/stream.h"

#endif
