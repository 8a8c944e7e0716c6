/* The sandbox's /proc/meminfo and /proc/stat. They are files of ours, because the kernel's tell of the whole machine. The
 * agent has them as descriptors 5 and 6, and writes them anew, in place, before each command and when somebody opens or
 * reads them. */
#ifndef WRN_AGENT_GIVEN_H
#define WRN_AGENT_GIVEN_H

/* Brings both up to date, unless that was just done. Does nothing when the descriptors are no such files. */
void given_renew(void);

#endif
