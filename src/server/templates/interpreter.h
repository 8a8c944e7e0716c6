/* The templates that run code. */
#ifndef WRN_SERVER_TEMPLATES_INTERPRETER_H
#define WRN_SERVER_TEMPLATES_INTERPRETER_H

#include "base/buf.h"
#include "server/backend/backend.h"

/* Makes these templates, or updates them. Blocks. */
bool interpreter_build(const char *template_dir, wrn_buf *said, wrn_fault *fault);

#endif
