#include "base/model.h"
#include "gen/requests.h"
#include "test.h"

static wrn_json *parse(const char *text) {
    wrn_json *root = NULL;
    const char *why = NULL;
    CHECK_MSG(wrn_json_parse(text, strlen(text), &root, &why), "%s: %s", text, why);
    return root;
}

static bool decode(const wrn_model *model, const char *text, bool strict, wrn_arena *arena, void *out,
                   wrn_model_why *why) {
    WRN_AUTO(wrn_json_freep) wrn_json *root = parse(text);
    return wrn_model_decode(model, root, strict, arena, out, why);
}

TEST(absent_null_and_zero_stay_apart) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrn_model_why why;
    wrenn_sandbox_info info = {0};
    CHECK(
        decode(&wrn_model_sandbox_info, "{\"id\":\"cl-1\",\"vcpus\":0,\"guest_ip\":null}", false, &arena, &info, &why));
    CHECK(info.present & WRENN_HAS_SANDBOX_INFO_VCPUS && !(info.nulls & WRENN_HAS_SANDBOX_INFO_VCPUS));
    CHECK(info.present & WRENN_HAS_SANDBOX_INFO_GUEST_IP && info.nulls & WRENN_HAS_SANDBOX_INFO_GUEST_IP);
    CHECK(!(info.present & WRENN_HAS_SANDBOX_INFO_HOST_IP));
    CHECK_STR(info.id, "cl-1");
}

TEST(unknown_members_and_enum_values_survive_a_round_trip) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrn_model_why why;
    wrenn_sandbox_info info = {0};
    const char *text =
        "{\"id\":\"x\",\"status\":\"levitating\",\"metadata\":{\"a\":\"b\"},\"isolation\":{\"backend\":\"ns\"},\"n\":null}";
    CHECK(decode(&wrn_model_sandbox_info, text, false, &arena, &info, &why));
    CHECK_INT(info.status, WRENN_SANDBOX_STATUS_OTHER);
    CHECK_STR(info.status_text, "levitating");
    CHECK_STR(info.unknown, "{\"isolation\":{\"backend\":\"ns\"},\"n\":null}");
    CHECK_INT(info.metadata_count, 1);
    WRN_AUTO(wrn_json_freep) wrn_json *again = wrn_model_encode(&wrn_model_sandbox_info, &info);
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    wrn_json_write(again, &out);
    CHECK_STR(out.data, text);
}

static void check_encoded(const wrn_model *model, const void *in, const char *text) {
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    wrn_model_write(model, in, &out);
    CHECK_STR(out.data, text);
}

TEST(without_present_bits_what_is_required_or_set_is_sent) {
    static const char *const none[] = {NULL};
    check_encoded(&wrn_model_exec_request, &(wrn_exec_request){.command.cmd = "ls"}, "{\"cmd\":\"ls\"}");
    check_encoded(&wrn_model_exec_request, &(wrn_exec_request){0}, "{\"cmd\":\"\"}");
    check_encoded(&wrn_model_exec_request,
                  &(wrn_exec_request){.command.cmd = "ls", .command.args = none, .background = 1, .command.cwd = ""},
                  "{\"cmd\":\"ls\",\"args\":[],\"cwd\":\"\",\"background\":true}");
    check_encoded(&wrn_model_metric_point, &(wrenn_metric_point){.cpu_pct = 0.5},
                  "{\"timestamp_unix\":0,\"cpu_pct\":0.5,\"mem_bytes\":0,\"disk_bytes\":0}");
    check_encoded(&wrn_model_host_with_token, &(wrenn_host_with_token){0}, "{\"registration_token\":\"\"}");
    check_encoded(&wrn_model_exec_request,
                  &(wrn_exec_request){.present = WRN_HAS_EXEC_REQUEST_TAG, .command.cmd = "ls"}, "{\"tag\":\"\"}");
}

TEST(known_enum_values_become_numbers) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrn_model_why why;
    wrenn_sandbox_info info = {0};
    CHECK(decode(&wrn_model_sandbox_info, "{\"status\":\"paused\"}", false, &arena, &info, &why));
    CHECK_INT(info.status, WRENN_SANDBOX_STATUS_PAUSED);
}

TEST(wrong_types_name_the_member) {
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"{\"cmd\":1}", "member \"cmd\" must be a string"},
        {"{\"cmd\":\"a\\u0000b\"}", "member \"cmd\" must not hold a NUL character"},
        {"{\"cmd\":\"a\",\"args\":\"b\"}", "member \"args\" must be an array"},
        {"{\"cmd\":\"a\",\"args\":[1]}", "member \"args\" must be a string"},
        {"{\"cmd\":\"a\",\"args\":[null]}", "member \"args\" must be a string"},
        {"{\"cmd\":\"a\",\"timeout_sec\":1.5}", "member \"timeout_sec\" must be an integer"},
        {"{\"cmd\":\"a\",\"timeout_sec\":2147483648}", "member \"timeout_sec\" is out of range"},
        {"{\"cmd\":\"a\",\"background\":1}", "member \"background\" must be true or false"},
        {"{\"cmd\":\"a\",\"envs\":[]}", "member \"envs\" must be an object"},
        {"{\"cmd\":\"a\",\"envs\":{\"K\":1}}", "member \"envs\" must be a string"},
        {"{}", "member \"cmd\" is missing"},
        {"{\"cmd\":null}", "member \"cmd\" is missing"},
        {"[]", "ExecRequest must be a JSON object"},
        {"null", "ExecRequest must be a JSON object"},
    };
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
        wrn_model_why why = {0};
        wrn_exec_request request = {0};
        CHECK_MSG(!decode(&wrn_model_exec_request, cases[i].text, true, &arena, &request, &why), "took %s",
                  cases[i].text);
        CHECK_STR(why.text, cases[i].why);
    }
}

TEST(bytes_keep_nul_and_size) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrn_model_why why;
    wrn_exec_result result = {0};
    CHECK(decode(&wrn_model_exec_result, "{\"stdout\":\"a\\u0000b\",\"exit_code\":-1}", false, &arena, &result, &why));
    CHECK_MEM(result.out, result.out_size, "a\0b", 3);
    CHECK_INT(result.exit_code, -1);
}

TEST(nested_objects_and_lists) {
    WRN_AUTO(wrn_arena_free) wrn_arena arena = {0};
    wrn_model_why why;
    wrenn_metrics metrics = {0};
    CHECK(
        decode(&wrn_model_metrics, "{\"points\":[{\"cpu_pct\":1.5},{\"cpu_pct\":2}]}", false, &arena, &metrics, &why));
    CHECK_INT(metrics.points_count, 2);
    CHECK(metrics.points[1]->cpu_pct == 2.0);
    WRN_AUTO(wrn_json_freep) wrn_json *array = parse("[{\"id\":\"a\"},{\"id\":\"b\"}]");
    const void *const *items;
    size_t count;
    CHECK(wrn_model_decode_list(&wrn_model_sandbox_info, array, &arena, &items, &count, &why));
    CHECK_INT(count, 2);
    CHECK_STR(((const wrenn_sandbox_info *)items[1])->id, "b");
}

TEST_MAIN
