#include "wire/faults.h"

static const struct {
    const char *name;
    int status;
} faults[] = {
#define ROW(NAME, code, status, class) [WRN_FAULT_##NAME] = {code, status},
    WRN_FAULTS(ROW)
#undef ROW
        [WRN_FAULT_NOT_LISTENING] = {0},
};

const char *wrn_fault_name(wrn_fault_code code) { return faults[code].name; }

int wrn_fault_status(wrn_fault_code code) { return faults[code].status; }
