/* Notifies the service manager, like sd_notify(3), without its library. */
#pragma once

/* `state`: "READY=1" or "STOPPING=1". Does nothing without $NOTIFY_SOCKET; failures are ignored. */
void wrn_notify(const char *state);
