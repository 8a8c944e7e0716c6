#include "server/sandbox/secrets.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/text.h"
#include "server/sandbox/internal.h"

#define BEGIN_CERTIFICATE "-----BEGIN CERTIFICATE-----"

const char *wrn_authority_certificate(const char *pem) { return strstr(pem, BEGIN_CERTIFICATE); }

/* Into memory that is not moved, and cleared afterwards: no copy of a value stays. */
static void secrets_put_text(wrn_buf *out, const char *text, size_t size) {
    wrn_buf_putc(out, '"');
    for (const char *c = text; c < text + size; c++) {
        if (*c == '"' || *c == '\\') wrn_buf_putc(out, '\\');
        if (*c == '\n') wrn_buf_puts(out, "\\n");
        else wrn_buf_putc(out, *c);
    }
    wrn_buf_putc(out, '"');
}

static void put_member(wrn_buf *out, const char *name, const char *text, size_t size) {
    wrn_buf_printf(out, ",\"%s\":", name);
    secrets_put_text(out, text, size);
}

/* The entry of a header in the configuration of wrenn-gate-tls; without a value it closes the host. */
static void put_header(wrn_buf *out, wrn_store *store, const char *team_id, const wrn_json *rule) {
    const char *at = wrn_json_text(rule, "host");
    const char *header = wrn_json_text(rule, "header");
    const char *secret = wrn_json_text(rule, "secret");
    if (!at || !header || !secret) return;
    const char *colon = strchr(at, ':');
    int64_t port = 443;
    char *value = NULL;
    if (colon) (void)wrn_parse_int(colon + 1, 1, UINT16_MAX, &port);
    wrn_buf_printf(out, "%s{\"port\":%d", out->data[out->size - 1] == '[' ? "" : ",", (int)port);
    put_member(out, "host", at, colon ? (size_t)(colon - at) : strlen(at));
    put_member(out, "header", header, strlen(header));
    if (wrn_store_get_secret(store, team_id, secret, &value) == WRN_DB_OK)
        put_member(out, "value", value, strlen(value));
    wrn_buf_putc(out, '}');
    wrn_store_free_secret(value);
}

static int write_down(wrn_buf *text, wrn_fault *fault) {
    WRN_AUTO(wrn_fd_close) int fd = memfd_create("wrenn-secrets", MFD_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text->data, text->size) == (ssize_t)text->size;
    sodium_memzero(text->data, text->size);
    if (!ok)
        return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "no file can be made in memory: %s", strerror(errno));
    return wrn_fd_take(&fd);
}

int wrn_secrets_open(wrn_store *store, const char *team_id, const char *id, const char *policy, wrn_fault *fault) {
    WRN_AUTO(wrn_json_freep) wrn_json *asked = NULL;
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    const char *why;
    char *authority = NULL;
    if (!policy || !wrn_json_parse(policy, strlen(policy), &asked, &why)) return 0;
    const wrn_json *inject = wrn_json_get(asked, "inject");
    if (!wrn_json_count(inject)) return 0;
    wrn_db outcome = wrn_store_get_authority(store, id, &authority);
    if (outcome == WRN_DB_NONE)
        return wrn_fault_set(
            fault, WRN_FAULT_CONFLICT,
            "member \"network\": the sandbox was made without \"inject\", so that it does not trust the "
            "certificates that this needs; make another one with it");
    if (outcome != WRN_DB_OK)
        return wrn_fault_set(fault, WRN_FAULT_DB_ERROR, "the sandbox's authority can't be read; see wrennd's log");
    const char *certificate = wrn_authority_certificate(authority);
    (void)wrn_buf_reserve(&text,
                          strlen(authority) * 2 + (wrn_json_count(inject) + 1) * (2 * WRN_SECRET_VALUE_MAX + 1024));
    wrn_buf_puts(&text, "{\"version\":1");
    put_member(&text, "key", authority, (size_t)(certificate - authority));
    put_member(&text, "certificate", certificate, strlen(certificate));
    wrn_buf_puts(&text, ",\"headers\":[");
    for (size_t i = 0; i < wrn_json_count(inject); i++) put_header(&text, store, team_id, wrn_json_at(inject, i));
    wrn_buf_puts(&text, "]}");
    wrn_store_free_secret(authority);
    return write_down(&text, fault);
}

static bool uses(const char *policy, const char *name) {
    WRN_AUTO(wrn_json_freep) wrn_json *asked = NULL;
    const char *why;
    if (!policy || !strstr(policy, "\"inject\"") || !wrn_json_parse(policy, strlen(policy), &asked, &why)) return false;
    const wrn_json *inject = wrn_json_get(asked, "inject");
    for (size_t i = 0; i < wrn_json_count(inject); i++) {
        const char *secret = wrn_json_text(wrn_json_at(inject, i), "secret");
        if (secret && strcmp(secret, name) == 0) return true;
    }
    return false;
}

void wrn_secrets_changed(wrn_sandboxes *all, const char *team_id, const char *name) {
    wrn_store *store = all->config.store;
    for (size_t i = 0; i < WRN_BUCKETS; i++)
        for (const sandbox *s = all->buckets[i]; s; s = s->next) {
            wrn_fault fault;
            if (!s->box || strcmp(s->row.team_id, team_id) != 0 || strcmp(s->row.egress, "none") == 0) continue;
            char *policy = wrn_store_get_network(store, s->row.id);
            if (uses(policy, name)) {
                int secrets = wrn_secrets_open(store, team_id, s->row.id, policy, &fault);
                wrn_box_set_secrets(s->box, secrets);
                if (secrets > 0) close(secrets);
            }
            free(policy);
        }
}
