#include "server/backend/backend.h"

void wrn_report_check(wrn_json *report, const char *check, bool ok, const char *detail, const char *fix) {
    wrn_json *item = wrn_json_new_object();
    wrn_json_set_string(item, "check", check);
    wrn_json_set_bool(item, "ok", ok);
    wrn_json_set_string(item, "detail", detail);
    if (!ok) wrn_json_set_string(item, "fix", fix);
    wrn_json_append(report, item);
}

void wrn_report_leak(wrn_json *report, const char *kind, const char *what) {
    wrn_json *item = wrn_json_new_object();
    wrn_json_set_string(item, "kind", kind);
    wrn_json_set_string(item, "what", what);
    wrn_json_append(report, item);
}
