#include "server/upstream.h"

#include <netdb.h>
#include <string.h>

#include "base/auto.h"
#include "base/text.h"
#include "server/http/router.h"

enum { PASSWORD_MAX = 512 }; /* what the gate takes, before base64 */

static bool upstream_refuse(wrn_why *why, const char *problem) {
    return wrn_why_set(why, "egress-proxy takes http://HOST:PORT, with USER:PASSWORD@ in front of HOST if need be: %s",
                       problem);
}

static bool read_credential(const char *text, size_t size, wrn_buf *out) {
    char pair[PASSWORD_MAX + 2];
    if (size > PASSWORD_MAX || memchr(text, 0, size)) return false;
    memcpy(pair, text, size);
    pair[size] = '\0';
    if (!wrn_percent_decode(pair, false)) return false;
    if (!strchr(pair, ':')) memcpy(pair + strlen(pair), ":", 2); /* without a password it is empty */
    wrn_buf_puts(out, "Basic ");
    wrn_base64_encode(out, pair, strlen(pair));
    return true;
}

bool wrn_upstream_read(const char *url, wrn_upstream *out, wrn_why *why) {
    static const char scheme[] = "http://";
    *out = (wrn_upstream){.credential = WRN_BUF_INIT};
    if (strncmp(url, scheme, sizeof(scheme) - 1) != 0) return upstream_refuse(why, "it does not begin with http://");
    const char *host = url + sizeof(scheme) - 1, *at = strrchr(host, '@');
    if (at && !read_credential(host, (size_t)(at - host), &out->credential))
        return upstream_refuse(why, "the password is too long, or not percent-encoded well");
    if (at) host = at + 1;
    const char *colon = strrchr(host, ':');
    size_t size = colon ? (size_t)(colon - host) : 0, end = colon ? strcspn(colon, "/") : 0;
    char port[8] = "";
    if (!size) return upstream_refuse(why, "it has no host or no port");
    if (colon[end] && strcmp(colon + end, "/") != 0) return upstream_refuse(why, "it has a path");
    snprintf(port, sizeof(port), "%.*s", (int)(end - 1 < 7 ? end - 1 : 7), colon + 1);
    if (!wrn_parse_int(port, 1, 65535, &out->port)) return upstream_refuse(why, "it has no port from 1 to 65535");
    if (*host == '[' && host[size - 1] == ']') host++, size -= 2;
    if (!size || size >= sizeof(out->host) || strcspn(host, "/[]?# ") < size)
        return upstream_refuse(why, "its host is no name");
    memcpy(out->host, host, size);
    return true;
}

void wrn_upstream_free(wrn_upstream *upstream) {
    wrn_buf_free(&upstream->credential);
    *upstream = (wrn_upstream){.credential = WRN_BUF_INIT};
}

bool wrn_upstream_resolve(wrn_upstream *upstream, wrn_why *why) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(upstream->host, NULL, &hints, &found);
    if (rc == 0)
        rc = getnameinfo(found->ai_addr, found->ai_addrlen, upstream->address, sizeof(upstream->address), NULL, 0,
                         NI_NUMERICHOST);
    if (found) freeaddrinfo(found);
    if (rc == 0) return true;
    return wrn_why_set(why,
                       "cannot find the host of egress-proxy, \"%s\": %s; give its address, or name it in /etc/hosts",
                       upstream->host, gai_strerror(rc));
}
