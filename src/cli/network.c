/* What sandboxes may reach: options of several commands, and what was denied. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"

int64_t cli_egress(const cli_network *network) {
    return network->net ? WRENN_EGRESS_PUBLIC : network->no_net ? WRENN_EGRESS_NONE : WRENN_EGRESS_DEFAULT;
}

bool cli_check_network(const cli_app *cli, const cli_network *network) {
    const char *more = network->net             ? "--net"
                       : network->allow.count   ? "--allow"
                       : network->presets.count ? "--preset"
                       : network->secrets.count ? "--secret"
                                                : NULL;
    if (!network->no_net || !more) return true;
    cli_usage(cli, "--no-net goes without %s", more);
    return false;
}

/* A reason of our own: `server-name` where the API tells no name. */
#define NO_NAME "no-server-name"

/* Why something is denied, for people. Without a text a rule of the sandbox's owner would allow it. */
static const struct {
    const char *reason, *text;
} reasons[] = {
    {"not-allowed", NULL},
    {"name-not-allowed", NULL},
    {"server-name", NULL},
    {"dns-server", NULL},
    {"loopback", "addresses of the machine itself are never reached"},
    {"host", "addresses of the machine itself are never reached"},
    {"link-local", "link-local addresses are never reached"},
    {"metadata", "metadata services are never reached"},
    {"multicast", "nothing is sent to many receivers at once"},
    {"reserved", "it is no public address"},
    {"private", "private addresses have to be opened by the operator (wrennd --egress-private) and named by --allow"},
    {"rebinding", "the name leads to an address that is private or never reached"},
    {"port-25", "mail leaves only where the operator lets it (wrennd --egress-smtp on)"},
    {"deny-rule", "a --deny of this sandbox says so, and that counts whatever else allows it"},
    {"operator", "the operator denies it to all sandboxes (wrennd --egress-deny)"},
    {"limit", "too many connections at once, or new ones each second (wrennd --egress-connections, --egress-rate)"},
    {"dns-limit", "too many names were asked for: 50 new ones each second, 200 in a burst"},
    {NO_NAME, "its TLS or HTTP does not clearly ask for the one name that the connection may be for"},
    {"protocol", "only TCP, UDP and ping leave a sandbox"},
    {"malformed", "packets in fragments are not passed on"},
    {"proxy-refused", "the operator's proxy refuses it"},
    {"proxy-failed", "the operator's proxy could not connect to it"},
    {"proxy-tcp-only", "only TCP passes the operator's proxy"},
    {"no-network", "the sandbox was made without a network; --net, --allow and --preset of 'wrenn create' give one"},
};

/* Appends it to `out`: how to allow `what`, or why that can't be. A reason that is not known here stands for itself. */
static void put_why(wrn_buf *out, const char *reason, const char *what) {
    const char *text = reason ? reason : "denied";
    for (size_t i = 0; reason && i < WRN_COUNT(reasons); i++)
        if (strcmp(reason, reasons[i].reason) == 0) text = reasons[i].text;
    if (text) wrn_buf_puts(out, text);
    else wrn_buf_printf(out, "to allow it: --allow %s", what);
}

static void network_explain(const wrenn_network_denial *denial) {
    const char *name = denial->name && *denial->name ? denial->name : denial->address;
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT, shown = WRN_BUF_INIT, why = WRN_BUF_INIT;
    bool is_six = strchr(name, ':'), has_port = denial->port > 0;
    wrn_buf_printf(&line, has_port && is_six ? "[%s]" : "%s", name);
    if (has_port) wrn_buf_printf(&line, ":%lld", (long long)denial->port);
    if (has_port && denial->proto && strcmp(denial->proto, "udp") == 0) wrn_buf_puts(&line, "/udp");
    cli_put_visible(&shown, line.data ? line.data : "");
    if (!shown.data) return;
    bool is_nameless = denial->reason && strcmp(denial->reason, "server-name") == 0 && name == denial->address;
    put_why(&why, is_nameless ? NO_NAME : denial->reason, shown.data);
    if (why.data) fprintf(stderr, "denied: %s (%lld x); %s\n", shown.data, (long long)denial->count, why.data);
}

void cli_explain_denials(cli_app *cli, wrenn_sandbox *sandbox, int64_t since) {
    char first[WRN_RFC3339_SIZE];
    wrenn_network *network = NULL;
    wrenn_error *error = NULL;
    int rc = CLI_TRY_GET(cli, &error, wrenn_sandbox_network_get, (sandbox, NULL), &network);
    wrn_rfc3339(first, since);
    for (size_t i = 0; rc == 0 && network && i < network->denied_count; i++)
        if (strcmp(network->denied[i]->last_at, first) >= 0) network_explain(network->denied[i]);
    wrenn_error_free(error);
    wrenn_network_free(network);
}

void cli_explain_check(const wrenn_network_check *verdict, const char *to) {
    WRN_AUTO(wrn_buf_free) wrn_buf shown = WRN_BUF_INIT, why = WRN_BUF_INIT;
    cli_put_visible(&shown, to);
    put_why(&why, verdict->reason, shown.data ? shown.data : "");
    if (why.data) fprintf(stderr, "denied: %s; %s\n", shown.data ? shown.data : "", why.data);
}

static wrn_json *denial_json(const wrenn_network_denial *denial) {
    wrn_json *out = wrn_json_new_object();
    cli_set_text(out, "proto", denial->proto);
    cli_set_text(out, "address", denial->address);
    wrn_json_set_int(out, "port", denial->port);
    cli_set_text(out, "name", denial->name);
    cli_set_text(out, "reason", denial->reason);
    wrn_json_set_int(out, "count", denial->count);
    cli_set_text(out, "last_at", denial->last_at);
    return out;
}

static wrn_json *header_json(const wrenn_network_header *header) {
    wrn_json *out = wrn_json_new_object();
    cli_set_text(out, "host", header->host);
    cli_set_text(out, "header", header->header);
    cli_set_text(out, "secret", header->secret);
    return out;
}

wrn_json *cli_network_json(const wrenn_network *network) {
    wrn_json *out = wrn_json_new_object(), *denied = wrn_json_new_array(), *inject = wrn_json_new_array();
    cli_set_text(out, "egress", network->egress);
    wrn_json_set(out, "allow", wrn_json_new_strings(network->allow, network->allow_count));
    wrn_json_set(out, "deny", wrn_json_new_strings(network->deny, network->deny_count));
    wrn_json_set(out, "presets", wrn_json_new_strings(network->presets, network->presets_count));
    for (size_t i = 0; i < network->inject_count; i++) wrn_json_append(inject, header_json(network->inject[i]));
    if (network->inject_count) wrn_json_set(out, "inject", inject);
    else wrn_json_free(inject);
    cli_set_text(out, "gate", network->gate);
    cli_set_text(out, "mode", network->mode);
    wrn_json_set_int(out, "bytes_in", network->bytes_in);
    wrn_json_set_int(out, "bytes_out", network->bytes_out);
    wrn_json_set_int(out, "connections", network->connections);
    wrn_json_set_int(out, "dns_queries", network->dns_queries);
    wrn_json_set_int(out, "denied_total", network->denied_total);
    for (size_t i = 0; i < network->denied_count; i++) wrn_json_append(denied, denial_json(network->denied[i]));
    wrn_json_set(out, "denied", denied);
    if (network->present & WRENN_HAS_NETWORK_CUT) wrn_json_set_int(out, "cut", network->cut);
    return out;
}

bool cli_has_network(const wrenn_sandbox_info *info) {
    return info->isolation && info->isolation->network && strcmp(info->isolation->network, "none") != 0;
}
