/* Tells the service manager how far wrennd is: sd_notify(3) in a few lines, as that library would be the only use of it. */
#ifndef WRN_SERVER_NOTIFY_H
#define WRN_SERVER_NOTIFY_H

/* "READY=1" or "STOPPING=1". Nothing happens where no $NOTIFY_SOCKET is, and nothing can go wrong that matters. */
void wrn_notify(const char *state);

#endif
