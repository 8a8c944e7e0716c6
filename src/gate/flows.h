/* The broker's side of TCP connections: opens them, hands them to the stack once they are connected, and keeps a second descriptor of
 * each to count its bytes and to cut it. */
#pragma once

#include "gate/gate.h"

bool flows_init(const wrn_gate *gate);
void flows_open(wrn_gate *gate, const seam_message *asked);
void flows_close(wrn_gate *gate, const seam_message *asked);
/* The stack read which server the connection asks for. */
void flows_server_name(wrn_gate *gate, const seam_message *asked, size_t size);
void flows_ready(wrn_gate *gate, size_t index);
/* Whether a proxy is waited for; gives up those that have waited too long. */
bool flows_waiting(void);
void flows_expire(wrn_gate *gate);
/* Ends connections that the policy does not allow any more, and returns how many. */
size_t flows_judge_again(wrn_gate *gate);
/* Connections now, and the bytes of those. */
size_t flows_count(uint64_t *bytes_in, uint64_t *bytes_out);
/* Ends the process, and says why, unless wrennd wants it (NULL). What open connections have carried is not lost: a stack ends it by ending. */
_Noreturn void flows_end(const wrn_gate *gate, int status, const char *why);

#define FLOWS_NONSENSE "the process that reads frames says what it never does"
