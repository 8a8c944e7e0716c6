/* Whom programs in a sandbox trust, as both kinds of sandboxes arrange it. */
#pragma once

/* The list of authorities in a root, as Debian has it. */
#define WRN_TRUSTED "etc/ssl/certs/ca-certificates.crt"

/* The end of an environment, if the sandbox trusts an authority of its own: for programs that bring a list of theirs. */
#define WRN_TRUST_FIRST "SSL_CERT_FILE=/" WRN_TRUSTED
#define WRN_TRUST_REST                                                                           \
    (char[]){"NODE_EXTRA_CA_CERTS=/" WRN_TRUSTED}, (char[]){"REQUESTS_CA_BUNDLE=/" WRN_TRUSTED}, \
        (char[]){"PIP_CERT=/" WRN_TRUSTED}, (char[]){"CURL_CA_BUNDLE=/" WRN_TRUSTED},            \
        (char[]){"GIT_SSL_CAINFO=/" WRN_TRUSTED}, NULL
