/* The head of a request to `wrenn mcp --http`: however much of it has come, it is whole or not, and then always the same. */
#include <string.h>

#include "cli/mcp_request.h"
#include "fuzz.h"

enum { STEPS_MAX = 256 };

static bool is_same(const mcp_request *a, const mcp_request *b) {
    return strcmp(a->method, b->method) == 0 && strcmp(a->target, b->target) == 0 &&
           strcmp(a->authorization, b->authorization) == 0 && strcmp(a->origin, b->origin) == 0 &&
           strcmp(a->session, b->session) == 0 && strcmp(a->version, b->version) == 0 && a->size == b->size &&
           a->expects == b->expects;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mcp_request whole, part;
    int rc = mcp_read_head((const char *)data, size, &whole);
    FUZZ_CHECK(rc < 0 || (size_t)rc <= size);
    FUZZ_CHECK(rc != 0 || size < MCP_HEAD_MAX);
    size_t first = size > STEPS_MAX ? size - STEPS_MAX : 0;
    for (size_t some = first; some < size; some++) {
        int early = mcp_read_head((const char *)data, some, &part);
        FUZZ_CHECK(early == 0 || early == rc);
        if (early > 0) FUZZ_CHECK(is_same(&part, &whole));
    }
    return 0;
}
