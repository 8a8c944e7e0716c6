#include "server/templates/oci.h"

#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"

#if defined(__x86_64__)
#define HERE "amd64"
#elif defined(__aarch64__)
#define HERE "arm64"
#else
#define HERE "unknown"
#endif

enum { DOCUMENT_MAX = 4 << 20, NESTING_MAX = 4 };

__attribute__((format(printf, 2, 3))) static bool wrong(char why[OCI_WHY_SIZE], const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(why, OCI_WHY_SIZE, format, args);
    va_end(args);
    return false;
}

static const char *text_of(const wrn_json *object, const char *key) {
    const char *text = wrn_json_text(object, key);
    return text ? text : "";
}

/* ---- documents ---- */

static bool read_descriptor(const wrn_json *json, oci_blob *out, char why[OCI_WHY_SIZE]) {
    const char *digest = text_of(json, "digest");
    if (strncmp(digest, "sha256:", 7) != 0 || strlen(digest) != 7 + 64 || strspn(digest + 7, "0123456789abcdef") != 64)
        return wrong(why, "the digest \"%.100s\" is not sha256: and 64 hex digits", digest);
    memcpy(out->sha256, digest + 7, sizeof(out->sha256));
    if (!wrn_json_int(wrn_json_get(json, "size"), &out->size) || out->size < 0)
        return wrong(why, "the blob %s has no size", digest);
    return true;
}

static const char *tag_of(const wrn_json *descriptor) {
    return text_of(wrn_json_get(descriptor, "annotations"), "org.opencontainers.image.ref.name");
}

static bool fits_platform(const wrn_json *descriptor, const char *arch) {
    const wrn_json *platform = wrn_json_get(descriptor, "platform");
    return !platform ||
           (strcmp(text_of(platform, "os"), "linux") == 0 && strcmp(text_of(platform, "architecture"), arch) == 0);
}

/* Sets the error, which lists what there is. */
static bool none_fits(const wrn_json *list, const char *tag, const char *arch, char why[OCI_WHY_SIZE]) {
    char there[200] = "";
    for (size_t i = 0, size = 0; i < wrn_json_count(list) && size + 1 < sizeof(there); i++) {
        const wrn_json *one = wrn_json_at(list, i), *platform = wrn_json_get(one, "platform");
        size += (size_t)snprintf(there + size, sizeof(there) - size, "%s\"%.40s\" (%.20s/%.20s)", size ? ", " : "",
                                 tag_of(one), text_of(platform, "os"), text_of(platform, "architecture"));
    }
    if (tag) return wrong(why, "there is no image \"%.60s\" for linux/%s; there is: %s", tag, arch, there);
    return wrong(why, "there is no image for linux/%s; there is: %s", arch, there);
}

bool oci_choose(const wrn_json *index, const char *tag, const char *arch, oci_blob *out, bool *is_index,
                char why[OCI_WHY_SIZE]) {
    const wrn_json *list = wrn_json_get(index, "manifests"), *chosen = NULL;
    if (wrn_json_type_of(list) != WRN_JSON_ARRAY) return wrong(why, "it has no array \"manifests\"");
    for (size_t i = 0; i < wrn_json_count(list); i++) {
        const wrn_json *one = wrn_json_at(list, i);
        if (!fits_platform(one, arch) || (tag && strcmp(tag_of(one), tag) != 0)) continue;
        if (chosen && strcmp(tag_of(chosen), tag_of(one)) != 0)
            return wrong(why,
                         "it has several images, among them \"%.60s\" and \"%.60s\"; choose one with DIRECTORY:TAG",
                         tag_of(chosen), tag_of(one));
        if (!chosen) chosen = one;
    }
    if (!chosen) return none_fits(list, tag, arch, why);
    const char *type = text_of(chosen, "mediaType");
    *is_index = strstr(type, "image.index") || strstr(type, "manifest.list");
    return read_descriptor(chosen, out, why);
}

static bool is_layer_type(const char *type) {
    static const char *const types[] = {"application/vnd.oci.image.layer.v1.tar",
                                        "application/vnd.oci.image.layer.nondistributable.v1.tar",
                                        "application/vnd.docker.image.rootfs.diff.tar"};
    static const char *const packings[] = {"", "+gzip", ".gzip", "+zstd", ".zstd"};
    for (size_t i = 0; i < WRN_COUNT(types) * WRN_COUNT(packings); i++) {
        const char *start = types[i / WRN_COUNT(packings)], *end = packings[i % WRN_COUNT(packings)];
        if (strncmp(type, start, strlen(start)) == 0 && strcmp(type + strlen(start), end) == 0) return true;
    }
    return false;
}

bool oci_read_manifest(const wrn_json *manifest, oci_image *out, char why[OCI_WHY_SIZE]) {
    const wrn_json *list = wrn_json_get(manifest, "layers");
    out->count = wrn_json_count(list);
    if (wrn_json_type_of(list) != WRN_JSON_ARRAY || !out->count) return wrong(why, "the image has no layers");
    if (out->count > OCI_LAYERS_MAX) return wrong(why, "the image has more than %d layers", OCI_LAYERS_MAX);
    for (size_t i = 0; i < out->count; i++) {
        const char *type = text_of(wrn_json_at(list, i), "mediaType");
        if (!is_layer_type(type)) return wrong(why, "a layer has the unsupported type \"%.100s\"", type);
        if (!read_descriptor(wrn_json_at(list, i), &out->layers[i], why)) return false;
    }
    return read_descriptor(wrn_json_get(manifest, "config"), &out->config, why);
}

/* ---- files ---- */

/* NULL if this is not JSON of a reasonable size. Closes `fd`. */
static wrn_json *read_json(int fd, const char *name, char why[OCI_WHY_SIZE]) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_LIMITED(DOCUMENT_MAX);
    wrn_json *json = NULL;
    const char *problem = "it is too large";
    for (char *at; (at = wrn_buf_reserve(&text, 65536));) {
        ssize_t got = read(fd, at, 65536);
        if (got <= 0) break;
        text.size += (size_t)got;
    }
    close(fd);
    if (!text.failed && wrn_json_parse(text.data, text.size, &json, &problem) &&
        wrn_json_type_of(json) == WRN_JSON_OBJECT)
        return json;
    wrong(why, "%.150s: %s", name, json ? "it is not an object" : problem);
    wrn_json_free(json);
    return NULL;
}

static bool check_blob(int fd, const oci_blob *blob, const volatile sig_atomic_t *stop, char why[OCI_WHY_SIZE]) {
    static unsigned char bytes[65536];
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[sizeof(hash) * 2 + 1];
    crypto_hash_sha256_state state;
    ssize_t got;
    crypto_hash_sha256_init(&state);
    while ((got = read(fd, bytes, sizeof(bytes))) > 0 && !*stop) crypto_hash_sha256_update(&state, bytes, (size_t)got);
    crypto_hash_sha256_final(&state, hash);
    wrn_hex(hex, hash, sizeof(hash));
    if (*stop) return wrong(why, "interrupted");
    if (got < 0) return wrong(why, "the blob %s can't be read: %s", blob->sha256, strerror(errno));
    if (strcmp(hex, blob->sha256) != 0)
        return wrong(why, "the blob %s is damaged: its digest is %s", blob->sha256, hex);
    return lseek(fd, 0, SEEK_SET) == 0 || wrong(why, "the blob %s can't be read twice", blob->sha256);
}

int oci_open_blob(const char *dir, const oci_blob *blob, const volatile sig_atomic_t *stop, char why[OCI_WHY_SIZE]) {
    char path[PATH_MAX + 128];
    struct stat info;
    snprintf(path, sizeof(path), "%.4000s/blobs/sha256/%s", dir, blob->sha256);
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return wrong(why, "the blob %s is missing: %s", blob->sha256, strerror(errno)), -1;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return wrong(why, "the blob %s is not a file", blob->sha256), -1;
    if (info.st_size != blob->size)
        return wrong(why, "the blob %s has %lld bytes instead of %lld", blob->sha256, (long long)info.st_size,
                     (long long)blob->size),
               -1;
    return check_blob(fd, blob, stop, why) ? wrn_fd_take(&fd) : -1;
}

static wrn_json *read_blob(const char *dir, const oci_blob *blob, char why[OCI_WHY_SIZE]) {
    static const volatile sig_atomic_t never;
    if (blob->size > DOCUMENT_MAX) return wrong(why, "the blob %s is too large", blob->sha256), NULL;
    int fd = oci_open_blob(dir, blob, &never, why);
    return fd >= 0 ? read_json(fd, blob->sha256, why) : NULL;
}

static wrn_json *read_layout_file(const char *dir, const char *name, char why[OCI_WHY_SIZE]) {
    char path[PATH_MAX + 32];
    snprintf(path, sizeof(path), "%.4000s/%s", dir, name);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return wrong(why, "%s is not an OCI image layout: %s: %s", dir, name, strerror(errno)), NULL;
    return read_json(fd, name, why);
}

/* The directory's own name may contain a colon. */
static const char *split(const char *where, char *dir, size_t size) {
    struct stat info;
    snprintf(dir, size, "%s", where);
    char *colon = strrchr(dir, ':');
    if (!colon || (stat(dir, &info) == 0 && S_ISDIR(info.st_mode))) return NULL;
    *colon = '\0';
    return where + (colon + 1 - dir);
}

/* As in Docker, an empty user or group means the default. */
static bool read_user(const wrn_json *config, char out[OCI_USER_SIZE], char why[OCI_WHY_SIZE]) {
    size_t size = 0;
    const char *user = wrn_json_string(wrn_json_get(wrn_json_get(config, "config"), "User"), &size);
    if (!user) user = "";
    if (size && user[size - 1] == ':') size--;
    bool groups_only = size && *user == ':';
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)user[i] <= ' ' || user[i] == 0x7f)
            return wrong(why, "the image's User \"%.100s\" contains spaces or control characters", user);
    if (size + groups_only < OCI_USER_SIZE)
        return snprintf(out, OCI_USER_SIZE, "%s%.*s", groups_only ? "0" : "", (int)size, user), true;
    return wrong(why, "the image's User \"%.100s...\" has more than %d characters", user, OCI_USER_SIZE - 1);
}

static bool read_config(const char *dir, oci_image *image, char why[OCI_WHY_SIZE]) {
    WRN_AUTO(wrn_json_freep) wrn_json *config = read_blob(dir, &image->config, why);
    if (!config) return false;
    const char *arch = text_of(config, "architecture"), *os = text_of(config, "os");
    if ((!*arch || strcmp(arch, HERE) == 0) && (!*os || strcmp(os, "linux") == 0))
        return read_user(config, image->user, why);
    return wrong(why, "the image is for %.40s/%.40s, but this machine is linux/" HERE, os, arch);
}

bool oci_open(const char *where, char *dir, size_t dir_size, oci_image *out, char why[OCI_WHY_SIZE]) {
    const char *tag = split(where, dir, dir_size);
    WRN_AUTO(wrn_json_freep) wrn_json *layout = read_layout_file(dir, "oci-layout", why);
    WRN_AUTO(wrn_json_freep) wrn_json *at = layout ? read_layout_file(dir, "index.json", why) : NULL;
    bool is_index = true;
    if (layout && strcmp(text_of(layout, "imageLayoutVersion"), "1.0.0") != 0)
        return wrong(why, "oci-layout: imageLayoutVersion is not \"1.0.0\"");
    for (int depth = 0; at && is_index; depth++, tag = NULL) {
        oci_blob blob = {0};
        if (depth == NESTING_MAX) return wrong(why, "its indexes are nested too deeply");
        if (!oci_choose(at, tag, HERE, &blob, &is_index, why)) return false;
        wrn_json_free(at);
        at = read_blob(dir, &blob, why);
    }
    return at && oci_read_manifest(at, out, why) && read_config(dir, out, why);
}
