/* The backend of the server's tests. */
#ifndef WRN_TESTS_FAKE_BACKEND_H
#define WRN_TESTS_FAKE_BACKEND_H

#include "server/backend/backend.h"

extern const wrn_backend_ops fake_backend;

#endif
