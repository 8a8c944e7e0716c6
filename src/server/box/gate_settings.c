/* What a gate is told: the box's policy with its presets spelled out, what the operator decides, and how this machine
 * resolves names. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "gate/presets.h"
#include "server/box/internal.h"

enum { HOSTS_MAX = 64 << 10, SERVERS_MAX = 4 };

static void append_text(wrn_json *array, const char *text) {
    wrn_json_append(array, wrn_json_new_string(text, strlen(text)));
}

static wrn_json *texts(char *const *items, size_t count) {
    wrn_json *array = wrn_json_new_array();
    for (size_t i = 0; i < count; i++) append_text(array, items[i]);
    return array;
}

static void append_all(wrn_json *to, const wrn_json *from) {
    for (size_t i = 0; i < wrn_json_count(from); i++) wrn_json_append(to, wrn_json_ref(wrn_json_at(from, i)));
}

static void append_preset(wrn_json *allow, const char *name) {
    char **rules = name ? wrn_preset_rules(name) : NULL;
    for (size_t i = 0; rules && rules[i]; i++) append_text(allow, rules[i]);
    wrn_preset_free(rules);
}

/* The servers of /etc/resolv.conf, without those that are no plain addresses. */
static void read_servers(wrn_json *out) {
    char line[512], server[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];
    WRN_AUTO(wrn_stdio_close) FILE *file = fopen("/etc/resolv.conf", "re");
    while (file && fgets(line, sizeof(line), file) && wrn_json_count(out) < SERVERS_MAX)
        if (sscanf(line, " nameserver %45s", server) == 1 &&
            (inet_pton(AF_INET, server, address) == 1 || inet_pton(AF_INET6, server, address) == 1))
            append_text(out, server);
}

/* Hosts where headers are added are allowed, and reached through the process that adds them. */
static void add_inject(const wrn_json *inject, wrn_json *allow, wrn_json *ports) {
    for (size_t i = 0; i < wrn_json_count(inject); i++) {
        const char *host = wrn_json_string(wrn_json_get(wrn_json_at(inject, i), "host"), NULL);
        const char *colon = host ? strchr(host, ':') : NULL;
        int64_t port = 443;
        char rule[300];
        if (!host || (colon && !wrn_parse_int(colon + 1, 1, UINT16_MAX, &port))) continue; /* checked long ago */
        snprintf(rule, sizeof(rule), "%.*s:%d/tcp", colon ? (int)(colon - host) : (int)strlen(host), host, (int)port);
        append_text(allow, rule);
        wrn_json_append(ports, wrn_json_new_int(port));
    }
}

static wrn_json *proxy(const wrn_egress_config *config) {
    wrn_json *out = wrn_json_new_object();
    wrn_json_set_string(out, "address", config->proxy_address);
    wrn_json_set_int(out, "port", config->proxy_port);
    if (config->proxy_credential) wrn_json_set_string(out, "authorization", config->proxy_credential);
    return out;
}

/* What the gate reads as callers wrote it. */
static bool pass_on(void *out, const char *member, const wrn_json *value) {
    if (strcmp(member, "presets") != 0 && strcmp(member, "inject") != 0) wrn_json_set(out, member, wrn_json_ref(value));
    return true;
}

wrn_json *gate_settings(const char *policy, const wrn_egress_config *config) {
    static char hosts[HOSTS_MAX];
    WRN_AUTO(wrn_json_freep) wrn_json *asked = NULL;
    wrn_json *out = wrn_json_new_object(), *allow = wrn_json_new_array(), *deny = wrn_json_new_array();
    wrn_json *servers = texts(config->name_servers, config->name_server_count);
    const char *why;
    (void)!wrn_json_parse(policy, strlen(policy), &asked, &why); /* ours: from the store */
    wrn_json_set_string(out, "egress", "none");
    wrn_json_each(asked, pass_on, out);
    const wrn_json *presets = wrn_json_get(asked, "presets");
    append_all(allow, wrn_json_get(asked, "allow"));
    append_all(deny, wrn_json_get(asked, "deny"));
    for (size_t i = 0; i < wrn_json_count(presets); i++)
        append_preset(allow, wrn_json_string(wrn_json_at(presets, i), NULL));
    wrn_json *ports = wrn_json_new_array();
    add_inject(wrn_json_get(asked, "inject"), allow, ports);
    wrn_json_set(out, "tls_ports", ports);
    if (!config->name_server_count) read_servers(servers);
    wrn_json_set(out, "allow", allow);
    wrn_json_set(out, "deny", deny);
    wrn_json_set(out, "operator_deny", texts(config->deny, config->deny_count));
    wrn_json_set(out, "private", texts(config->opened, config->opened_count));
    wrn_json_set(out, "name_servers", servers);
    if (config->proxy_address) wrn_json_set(out, "proxy", proxy(config));
    wrn_json_set_int(out, "rate", config->rate);
    wrn_json_set_bool(out, "smtp", config->smtp);
    if (wrn_file_read("/etc/hosts", hosts, sizeof(hosts)) > 0) wrn_json_set_string(out, "hosts", hosts);
    return out;
}

void gate_name_rule(const char *policy, const wrn_egress_config *config, wrn_json *answer) {
    const char *list = wrn_json_string(wrn_json_get(answer, "list"), NULL), *why;
    WRN_AUTO(wrn_json_freep) wrn_json *settings = list ? gate_settings(policy, config) : NULL;
    WRN_AUTO(wrn_json_freep) wrn_json *asked = NULL;
    char where[64];
    int64_t index = 0;
    wrn_json_int(wrn_json_get(answer, "index"), &index);
    const char *rule = list ? wrn_json_string(wrn_json_at(wrn_json_get(settings, list), (size_t)index), NULL) : NULL;
    if (!rule || !wrn_json_parse(policy, strlen(policy), &asked, &why)) return;
    snprintf(where, sizeof(where), "%s", strcmp(list, "operator_deny") == 0 ? "operator" : list);
    size_t before = wrn_json_count(wrn_json_get(asked, "allow"));
    const wrn_json *presets = wrn_json_get(asked, "presets");
    for (size_t i = 0; strcmp(list, "allow") == 0 && (size_t)index >= before && i < wrn_json_count(presets); i++) {
        const char *name = wrn_json_string(wrn_json_at(presets, i), NULL);
        char **rules = wrn_preset_rules(name);
        snprintf(where, sizeof(where), "preset %s", name);
        for (size_t n = 0; rules && rules[n]; n++) before++;
        wrn_preset_free(rules);
    }
    if (strcmp(list, "allow") == 0 && (size_t)index >= before) snprintf(where, sizeof(where), "inject");
    wrn_json_set_string(answer, "rule", rule);
    wrn_json_set_string(answer, "source", where);
}
