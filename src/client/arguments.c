#include "client/arguments.h"

#include <string.h>

#include "client/error.h"

int wrn_options_read(void *out, size_t known, const void *in, const char *name, wrenn_error **error) {
    memset(out, 0, known);
    if (!in) return 0;
    size_t size;
    memcpy(&size, in, sizeof(size));
    /* All fields have 8 bytes, so a size that is no multiple of 8 is wrong. */
    if (size < sizeof(size) || size > 4096 || size % sizeof(uint64_t))
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT,
                        "%s.struct_size is %zu; initialize the struct with its _INIT macro", name, size);
    const char *bytes = in;
    for (size_t i = known; i < size; i++)
        if (bytes[i])
            return wrn_fail(error, WRENN_E_INVALID_ARGUMENT,
                            "%s has a field set that this libwrenn (" WRN_VERSION ") does not know; use a newer one",
                            name);
    memcpy(out, in, size < known ? size : known);
    return 0;
}

int wrn_check_segment(const char *what, const char *text, wrenn_error **error) {
    if (!text || !*text) return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "the %s must not be empty", what);
    if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "the %s must not be \"%s\"", what, text);
    return 0;
}
