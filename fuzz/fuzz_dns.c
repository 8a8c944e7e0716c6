/* Questions of a sandbox and answers of name servers. The first byte chooses. An answer that is written can be read, and says the
 * same. */
#include "fuzz.h"
#include "gate/dns.h"

static void ask(const uint8_t *data, size_t size) {
    wrn_dns_question question;
    uint8_t out[WRN_DNS_ANSWER_MAX], query[WRN_DNS_QUERY_MAX];
    char name[WRN_NAME_MAX + 1];
    bool truncated;
    wrn_dns_result result = {.text = "reason", .reason = WRN_DNS_BLOCKED, .count = WRN_DNS_ADDRESSES_MAX, .ttl = 7},
                   back;
    for (size_t i = 0; i < result.count; i++)
        result.addresses[i] = wrn_address_v4((const uint8_t[]){8, 8, 8, (uint8_t)i});
    if (!wrn_dns_read_question(data, size, &question)) {
        FUZZ_CHECK(wrn_dns_write_format_error(out, data, size) <= sizeof(out));
        return;
    }
    FUZZ_CHECK(question.size <= size && strlen(question.name) <= WRN_NAME_MAX);
    size_t written = wrn_dns_write_answer(out, data, &question, &result);
    FUZZ_CHECK(written <= (question.has_edns ? WRN_DNS_ANSWER_MAX : 512));
    uint16_t id = (uint16_t)(out[0] << 8 | out[1]);
    FUZZ_CHECK(wrn_dns_read_answer(out, written, id, question.name, question.type, &back, &truncated));
    if (question.type == WRN_DNS_A)
        FUZZ_CHECK(back.count >= 8 && back.ttl == 7 && wrn_address_equal(&back.addresses[7], &result.addresses[7]));
    if (!wrn_name_clean(question.name, strlen(question.name), name)) return;
    wrn_dns_question again;
    size_t query_size = wrn_dns_write_query(query, 7, name, question.type);
    FUZZ_CHECK(query_size <= sizeof(query) && wrn_dns_read_question(query, query_size, &again) &&
               strcmp(again.name, name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    wrn_dns_result result;
    bool truncated;
    uint16_t type = *data & 2 ? WRN_DNS_AAAA : WRN_DNS_A;
    if (*data & 1) ask(data + 1, size - 1);
    else if (size > 2 && wrn_dns_read_answer(data + 1, size - 1, (uint16_t)(data[1] << 8 | data[2]), "a.test", type,
                                             &result, &truncated))
        FUZZ_CHECK(result.count <= WRN_DNS_ADDRESSES_MAX && result.ttl <= WRN_DNS_TTL_MAX);
    return 0;
}
