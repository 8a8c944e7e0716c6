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

static const char *place_of(const wrenn_network_denial *denial) {
    return denial->name && *denial->name ? denial->name : denial->address;
}

static bool is_udp(const wrenn_network_denial *denial) { return denial->proto && strcmp(denial->proto, "udp") == 0; }

/* What was denied, as --allow takes it, and why; both are to be shown. */
static void put_denial(wrn_buf *to, wrn_buf *why, const wrenn_network_denial *denial) {
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
    const char *place = place_of(denial);
    bool has_port = denial->port > 0;
    wrn_buf_printf(&line, has_port && strchr(place, ':') ? "[%s]" : "%s", place);
    if (has_port) wrn_buf_printf(&line, ":%lld%s", (long long)denial->port, is_udp(denial) ? "/udp" : "");
    cli_put_visible(to, line.data ? line.data : "");
    bool is_nameless = denial->reason && strcmp(denial->reason, "server-name") == 0 && place == denial->address;
    put_why(why, is_nameless ? NO_NAME : denial->reason, to->data ? to->data : "");
}

/* Whether they are the same to people, who do not see the addresses of names. */
static bool same_denial(const wrenn_network_denial *a, const wrenn_network_denial *b) {
    return strcmp(place_of(a), place_of(b)) == 0 && a->port == b->port && is_udp(a) == is_udp(b) &&
           strcmp(a->reason ? a->reason : "", b->reason ? b->reason : "") == 0;
}

/* One line for the denial and all that are the same, behind it; nothing, if there is one before it. */
static void explain_denial(const wrenn_network *network, size_t index, const char *first) {
    const wrenn_network_denial *denial = network->denied[index];
    WRN_AUTO(wrn_buf_free) wrn_buf to = WRN_BUF_INIT, why = WRN_BUF_INIT;
    int64_t count = 0;
    for (size_t i = 0; i < network->denied_count; i++) {
        if (strcmp(network->denied[i]->last_at, first) < 0 || !same_denial(network->denied[i], denial)) continue;
        if (i < index) return;
        count += network->denied[i]->count;
    }
    put_denial(&to, &why, denial);
    if (to.data && why.data && count) fprintf(stderr, "denied: %s (%lld x); %s\n", to.data, (long long)count, why.data);
}

void cli_explain_denials(cli_app *cli, wrenn_sandbox *sandbox, int64_t since) {
    char first[WRN_RFC3339_SIZE];
    wrenn_network *network = NULL;
    wrenn_error *error = NULL;
    int rc = CLI_TRY_GET(cli, &error, wrenn_sandbox_network_get, (sandbox, NULL), &network);
    wrn_rfc3339(first, since);
    for (size_t i = 0; rc == 0 && network && i < network->denied_count; i++)
        if (strcmp(network->denied[i]->last_at, first) >= 0) explain_denial(network, i, first);
    wrenn_error_free(error);
    wrenn_network_free(network);
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

int cli_print_denials(const cli_app *cli, const wrenn_network *network) {
    static const char *const titles[] = {"DENIED", "ADDRESS", ">TIMES", "LAST", "WHY", NULL};
    cli_rows *rows = cli_rows_new(cli, titles);
    for (size_t i = 0; i < network->denied_count; i++) {
        const wrenn_network_denial *denial = network->denied[i];
        WRN_AUTO(wrn_buf_free) wrn_buf to = WRN_BUF_INIT, why = WRN_BUF_INIT;
        char last[32];
        cli_say_age(last, denial->last_at);
        put_denial(&to, &why, denial);
        const char *const cells[] = {to.data ? to.data : "", cli_or_dash(denial->address), cli_number(denial->count),
                                     last, why.data ? why.data : ""};
        cli_rows_add(rows, cells[0], denial_json(denial), cells);
    }
    return cli_rows_print(rows);
}

void cli_explain_check(const wrenn_network_check *verdict, const char *to) {
    WRN_AUTO(wrn_buf_free) wrn_buf shown = WRN_BUF_INIT, why = WRN_BUF_INIT;
    cli_put_visible(&shown, to);
    put_why(&why, verdict->reason, shown.data ? shown.data : "");
    if (why.data) fprintf(stderr, "denied: %s; %s\n", shown.data ? shown.data : "", why.data);
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
