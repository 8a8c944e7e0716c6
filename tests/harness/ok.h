/* For tests that call the library. */
#ifndef WRN_TESTS_OK_H
#define WRN_TESTS_OK_H

#include <wrenn/wrenn.h>

#include "test.h"

/* A call of the library that must succeed; it passes &error as its last argument. */
#define OK(call)                                                          \
    do {                                                                  \
        wrenn_error *error = NULL;                                        \
        int64_t rc_ = (call);                                             \
        CHECK_MSG(rc_ >= 0, "%s: %s", #call, wrenn_error_message(error)); \
    } while (0)

#endif
