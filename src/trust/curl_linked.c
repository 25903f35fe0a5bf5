// SPDX-License-Identifier: Apache-2.0

#define CURL_DISABLE_TYPECHECK
#include "trust/curl_api.h"

struct graft_error *
graft_curl_api_get(struct graft_curl_api *ret)
{
	*ret = (struct graft_curl_api){
		.global_init = curl_global_init,
		.easy_init = curl_easy_init,
		.easy_setopt = curl_easy_setopt,
		.easy_perform = curl_easy_perform,
		.easy_getinfo = curl_easy_getinfo,
		.easy_strerror = curl_easy_strerror,
		.easy_cleanup = curl_easy_cleanup,
	};
	return NULL;
}
