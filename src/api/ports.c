#include "wrenn/ports.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/error.h"
#include "client/sandbox.h"

enum { PORT_MAX = 65535 };

#define CLUSTER_HOST "app.wrenn.dev"
#define CLUSTER_DOMAIN "wrenn.dev"
#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static bool is_cluster(const char *host, size_t size) {
    return size == strlen(CLUSTER_HOST) && strncasecmp(host, CLUSTER_HOST, size) == 0;
}

/* The default ports of a server without a domain of its own: host[:port] of the base URL, which for a socket is
 * localhost. */
static int read_domain(const wrenn_client *client, const char **domain, size_t *size, wrenn_error **error) {
    const char *base = strstr(client->base.url, "://") + 3;
    *domain = client->proxy_domain ? client->proxy_domain : base;
    *size = strcspn(*domain, client->proxy_domain ? "" : "/");
    if (!client->proxy_domain && is_cluster(base, strcspn(base, ":/"))) {
        *domain = CLUSTER_DOMAIN;
        *size = strlen(CLUSTER_DOMAIN);
    }
    if (strspn(*domain, LETTERS_AND_DIGITS "-._~:") >= *size && **domain != ':') return 0;
    return wrn_fail(error, WRENN_E_INVALID_ARGUMENT,
                    "\"%.*s\" can't be the domain of sandbox ports; set proxy_domain of the client options, or "
                    "WRENN_PROXY_DOMAIN, to a host name with or without a port",
                    (int)*size, *domain);
}

static int check(const wrenn_sandbox *sandbox, int64_t port, const char *scheme, wrenn_error **error) {
    if (port < 1 || port > PORT_MAX)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "the port must be between 1 and %d, not %lld", PORT_MAX,
                        (long long)port);
    static const char *const schemes[] = {"http", "https", "ws", "wss"};
    bool known = !scheme;
    for (size_t i = 0; i < WRN_COUNT(schemes) && !known; i++) known = strcmp(scheme, schemes[i]) == 0;
    if (!known)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "the scheme must be http, https, ws or wss, not \"%.100s\"",
                        scheme);
    if (sandbox->id[strspn(sandbox->id, LETTERS_AND_DIGITS "-")])
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "the sandbox id \"%.100s\" can't be part of a host name",
                        sandbox->id);
    return 0;
}

int wrenn_sandbox_url(const wrenn_sandbox *sandbox, int64_t port, const char *scheme, char **url, wrenn_error **error) {
    if (!sandbox || !url)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "the %s must not be NULL", sandbox ? "url" : "sandbox");
    const char *domain;
    size_t size;
    int rc = check(sandbox, port, scheme, error);
    if (rc == 0) rc = read_domain(sandbox->client, &domain, &size, error);
    if (rc != 0) return rc;
    bool tls = strncasecmp(sandbox->client->base.url, "https:", 6) == 0;
    wrn_buf text = WRN_BUF_INIT;
    wrn_buf_printf(&text, "%s://%lld-%s.%.*s",
                   scheme ? scheme
                   : tls  ? "https"
                          : "http",
                   (long long)port, sandbox->id, (int)size, domain);
    *url = wrn_buf_steal(&text);
    return *url ? 0 : wrn_fail(error, WRENN_E_NO_MEMORY, "out of memory");
}

void wrenn_string_free(char *text) { free(text); }
