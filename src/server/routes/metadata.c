#include "server/routes/metadata.h"

#include <string.h>

enum { LABELS_MAX = 20, LABEL_VALUE_MAX = 64 };

static bool is_own_label(const char *name) {
    static const char *const own[] = {"kernel_version", "vmm_version", "agent_version", "envd_version"};
    for (size_t i = 0; i < WRN_COUNT(own); i++)
        if (strcmp(own[i], name) == 0) return true;
    return false;
}

static size_t count_characters(const char *text) {
    size_t count = 0;
    for (; *text; text++) count += (*text & 0xc0) != 0x80;
    return count;
}

/* The limits are those of the platform. */
static bool check_label(wrn_request *request, const wrn_pair *label) {
    size_t size = count_characters(label->value);
    if (!wrn_is_template_name(label->key))
        return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST,
                          "labels: the name \"%.100s\" is not 1 to 64 letters, digits, dots, dashes and "
                          "underscores, the first one a letter or digit",
                          label->key);
    if (is_own_label(label->key))
        return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST,
                          "labels: the name \"%s\" is the server's own; take another one", label->key);
    return size <= LABEL_VALUE_MAX || wrn_refuse(request, WRN_FAULT_INVALID_REQUEST,
                                                 "labels: the value of \"%s\" has %zu characters, and %d is the limit",
                                                 label->key, size, LABEL_VALUE_MAX);
}

typedef struct change {
    wrn_json *labels;
    const char *const *remove;
    size_t remove_count;
} change;

static bool keep_label(void *context, const char *name, const wrn_json *value) {
    const change *c = context;
    for (size_t i = 0; i < c->remove_count; i++)
        if (strcmp(c->remove[i], name) == 0) return true;
    return wrn_json_set(c->labels, name, wrn_json_ref(value));
}

bool wrn_metadata_change(wrn_request *request, const char *now, const wrn_pair *const *set, size_t set_count,
                         const char *const *remove, size_t remove_count, wrn_buf *out) {
    WRN_AUTO(wrn_json_freep) wrn_json *labels = wrn_json_new_object(), *before = NULL;
    const char *why;
    change c = {labels, remove, remove_count};
    if (now && wrn_json_parse(now, strlen(now), &before, &why)) wrn_json_each(before, keep_label, &c);
    for (size_t i = 0; i < set_count; i++) {
        if (!check_label(request, set[i])) return false;
        wrn_json_set_string(labels, set[i]->key, set[i]->value);
    }
    size_t count = wrn_json_members(labels);
    if (count > LABELS_MAX)
        return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST, "labels: there are %zu, and %d is the limit", count,
                          LABELS_MAX);
    if (count) wrn_json_write(labels, out);
    return true;
}

bool wrn_metadata_add_filter(wrn_request *request, const char *text, wrn_sandbox_filter *filter) {
    const char *equals = text ? strchr(text, '=') : NULL;
    if (!equals || filter->label_count == LABELS_MAX)
        return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST,
                          "parameter \"label\": \"%.100s\" is not NAME=value, or there are more than %d",
                          text ? text : "", LABELS_MAX);
    const wrn_pair label = {wrn_arena_dup(&request->arena, text, (size_t)(equals - text)), equals + 1};
    if (!check_label(request, &label)) return false;
    WRN_AUTO(wrn_buf_free) wrn_buf written = WRN_BUF_INIT;
    WRN_AUTO(wrn_json_freep) wrn_json *object = wrn_json_new_object();
    wrn_json_set_string(object, label.key, label.value);
    wrn_json_write(object, &written); /* {"name":"value"} */
    const char **all = wrn_arena_alloc(&request->arena, (filter->label_count + 1) * sizeof(*all));
    if (filter->label_count) memcpy(all, filter->labels, filter->label_count * sizeof(*all));
    all[filter->label_count++] = wrn_arena_dup(&request->arena, written.data + 1, written.size - 2);
    filter->labels = all;
    return true;
}
