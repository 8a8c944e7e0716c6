/* The descriptors that libcurl makes for curl_multi_wakeup(). For net/ only. */
#pragma once

#include <curl/curl.h>

/* Makes them close-on-exec, which older versions of libcurl do not. */
void wrn_wakeup_seal(CURLM *multi);
