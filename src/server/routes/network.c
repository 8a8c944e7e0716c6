/* The network policy of a sandbox, and what came of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "gate/rule.h"
#include "server/routes/policy.h"
#include "server/routes/routes.h"

/* A request that waits for the gate. */
typedef struct inquiry {
    wrn_request *request;
    wrn_sandbox_row row;
} inquiry;

static bool copy_known(void *answer, const char *key, const wrn_json *value) {
    return wrn_json_set(answer, key, wrn_json_ref(value));
}

static wrn_json *show_denial(const wrn_json *counted) {
    char last[WRN_RFC3339_SIZE];
    int64_t at = 0;
    wrn_json *shown = wrn_json_new_object();
    wrn_json_each(counted, copy_known, shown);
    wrn_json_int(wrn_json_get(counted, "last_at"), &at);
    wrn_rfc3339(last, at);
    wrn_json_set_string(shown, "last_at", last);
    return shown;
}

/* The gate's counters in the words of the API; zeros when there are none. */
static void show_counters(wrn_json *answer, const wrn_json *counted) {
    static const char *const counters[][2] = {{"bytes_in", "bytes_in"},
                                              {"bytes_out", "bytes_out"},
                                              {"connections", "connections_total"},
                                              {"dns_queries", "dns_queries"},
                                              {"denied_total", "denied_total"}};
    const wrn_json *denied = wrn_json_get(counted, "denied");
    wrn_json *list = wrn_json_new_array();
    for (size_t i = 0; i < WRN_COUNT(counters); i++) {
        int64_t value = 0;
        wrn_json_int(wrn_json_get(counted, counters[i][1]), &value);
        wrn_json_set_int(answer, counters[i][0], value);
    }
    for (size_t i = 0; i < wrn_json_count(denied); i++) wrn_json_append(list, show_denial(wrn_json_at(denied, i)));
    wrn_json_set(answer, "denied", list);
}

static void reply_network(wrn_request *request, const char *id, const wrn_json *state) {
    static const char *const rest[] = {"gate", "mode", "cut"};
    static const char none[] = "{\"egress\":\"none\",\"allow\":[],\"deny\":[],\"presets\":[]}";
    wrn_json *answer = NULL;
    const char *why;
    char *policy = wrn_store_get_network(wrn_server_of(request)->store, id);
    if (!policy || !wrn_json_parse(policy, strlen(policy), &answer, &why))
        (void)!wrn_json_parse(none, strlen(none), &answer, &why);
    free(policy);
    show_counters(answer, wrn_json_get(state, "counted"));
    for (size_t i = 0; i < WRN_COUNT(rest); i++) {
        const wrn_json *value = wrn_json_get(state, rest[i]);
        if (value) wrn_json_set(answer, rest[i], wrn_json_ref(value));
    }
    wrn_reply_json(request, 200, answer);
}

/* One that has no network, or has ended, has a policy all the same. */
static void on_looked(void *context, const wrn_json *state, const wrn_fault *fault) {
    inquiry *i = context;
    (void)fault;
    reply_network(i->request, i->row.id, state);
    free(i);
}

static void network_on_set(void *context, const wrn_json *state, const wrn_fault *fault) {
    inquiry *i = context;
    if (fault) wrn_reply_fault(i->request, fault);
    else reply_network(i->request, i->row.id, state);
    free(i);
}

static inquiry *new_inquiry(wrn_request *request, const wrn_sandbox_row *row) {
    inquiry *i = calloc(1, sizeof(*i));
    *i = (inquiry){request, *row};
    return i;
}

void wrn_route_get_network(wrn_request *request, const wrn_sandbox_row *row) {
    wrn_sandboxes_network(wrn_server_of(request)->sandboxes, row, on_looked, new_inquiry(request, row));
}

void wrn_route_set_network(wrn_request *request, const wrn_sandbox_row *row) {
    const wrn_server *server = wrn_server_of(request);
    wrn_network_policy asked = {0};
    wrn_fault fault;
    WRN_AUTO(wrn_buf_free) wrn_buf policy = WRN_BUF_INIT;
    if (!wrn_request_decode(request, &wrn_model_network_policy, &asked)) return;
    const char *egress = wrn_policy_accept(&server->egress, &asked, &policy, &fault);
    if (!egress || !wrn_policy_has_secrets(server, row->team_id, &asked, &fault)) {
        wrn_policy_blame(&fault);
        return wrn_reply_fault(request, &fault);
    }
    wrn_sandboxes_set_network(server->sandboxes, row, egress, policy.data, network_on_set, new_inquiry(request, row));
}

/* One that has no network may go nowhere. */
static void network_on_checked(void *context, const wrn_json *answer, const wrn_fault *fault) {
    static const char *const shown[] = {"allowed", "reason", "rule", "source"};
    wrn_request *request = context;
    if (fault && fault->code != WRN_FAULT_CONFLICT) return wrn_reply_fault(request, fault);
    wrn_json *verdict = wrn_json_new_object();
    if (fault) wrn_json_set_bool(verdict, "allowed", false);
    if (fault) wrn_json_set_string(verdict, "reason", "no-network");
    for (size_t i = 0; answer && i < WRN_COUNT(shown); i++) {
        const wrn_json *value = wrn_json_get(answer, shown[i]);
        if (value) wrn_json_set(verdict, shown[i], wrn_json_ref(value));
    }
    wrn_reply_json(request, 200, verdict);
}

void wrn_route_check_network(wrn_request *request, const wrn_sandbox_row *row) {
    enum { USUAL_PORT = 443, ALL_BITS = 128 };
    const char *to = wrn_query_get(request->head.query, "to", &request->arena);
    char why[200] = "it is missing", address[WRN_ADDRESS_TEXT];
    wrn_rule place = {0};
    bool fine = to && wrn_rule_parse(to, &place, why, sizeof(why));
    if (fine &&
        (place.is_wild || (!place.is_name && place.bits != ALL_BITS) || (place.has_ports && place.low != place.high))) {
        fine = false;
        snprintf(why, sizeof(why), "name one place");
    }
    if (!fine)
        return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST,
                               "parameter \"to\" is HOST, HOST:PORT or HOST:PORT/udp, not \"%.100s\": %s", to ? to : "",
                               why);
    WRN_AUTO(wrn_json_freep) wrn_json *asked = wrn_json_new_object();
    wrn_json_set_string(asked, "host", place.is_name ? place.name : wrn_address_text(&place.range, address));
    wrn_json_set_int(asked, "port", place.has_ports ? place.low : USUAL_PORT);
    wrn_json_set_string(asked, "proto", place.proto == WRN_UDP ? "udp" : "tcp");
    wrn_sandboxes_check_network(wrn_server_of(request)->sandboxes, row, asked, network_on_checked, request);
}
