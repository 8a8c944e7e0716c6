/* Indexes and manifests of OCI images: what is accepted can be made a path of. */
#include "fuzz.h"
#include "server/templates/oci.h"

static void check_blob(const oci_blob *blob) {
    FUZZ_CHECK(strlen(blob->sha256) == 64 && strspn(blob->sha256, "0123456789abcdef") == 64 && blob->size >= 0);
}

static void choose(const wrn_json *json, const char *tag) {
    char why[OCI_WHY_SIZE] = "";
    oci_blob blob;
    bool is_index;
    if (oci_choose(json, tag, "amd64", &blob, &is_index, why)) check_blob(&blob);
    else FUZZ_CHECK(*why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static oci_image image;
    char why[OCI_WHY_SIZE] = "";
    const char *problem;
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    if (!wrn_json_parse((const char *)data, size, &json, &problem)) return 0;
    choose(json, NULL);
    choose(json, "latest");
    if (oci_read_manifest(json, &image, why)) {
        FUZZ_CHECK(image.count >= 1 && image.count <= OCI_LAYERS_MAX);
        check_blob(&image.config);
        for (size_t i = 0; i < image.count; i++) check_blob(&image.layers[i]);
    } else {
        FUZZ_CHECK(*why);
    }
    return 0;
}
