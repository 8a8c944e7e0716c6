/* Lets the N-th allocation of this thread fail. For programs linked with malloc and its kin wrapped, so that only our own
 * code's calls are counted, not libcurl's. */
#ifndef WRN_TESTS_FAIL_ALLOC_H
#define WRN_TESTS_FAIL_ALLOC_H

#include <stdbool.h>

/* 1 is the next one; 0: none. */
void fail_alloc(long number);
/* Whether it has come to that since. */
bool fail_alloc_happened(void);

#endif
