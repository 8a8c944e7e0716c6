/* URLs of what listens inside a sandbox. The server forwards to them without asking for credentials: whoever knows such
 * a URL gets in. Do not send yours there, they would reach the program in the sandbox. */
#ifndef WRENN_PORTS_H
#define WRENN_PORTS_H

#include "wrenn/sandboxes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The URL of a TCP port of the sandbox, "https://8080-cl-....wrenn.dev". `scheme` is "http", "https", "ws" or "wss";
 * NULL: http or https, as the base URL has it. The domain is wrenn_client_options.proxy_domain or WRENN_PROXY_DOMAIN;
 * without them wrenn.dev for https://app.wrenn.dev, the host and port of another base URL, and localhost for unix: and
 * local:. Where that name does not resolve, connect to the server itself and send the name as the Host header. Does not
 * block and asks nobody. The caller frees *url with wrenn_string_free(). Fails with WRENN_E_INVALID_ARGUMENT (port,
 * scheme, or a domain or id that can't be part of a host name) and WRENN_E_NO_MEMORY. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_url(const wrenn_sandbox *sandbox, int64_t port, const char *scheme,
                                                char **url, wrenn_error **error);

/* NULL is fine. */
WRENN_API void wrenn_string_free(char *text);

#ifdef __cplusplus
}
#endif

#endif
