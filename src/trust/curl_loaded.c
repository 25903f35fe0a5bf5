// SPDX-License-Identifier: Apache-2.0

#define CURL_DISABLE_TYPECHECK
#include "trust/curl_api.h"

#include <dlfcn.h>
#include <stddef.h>

static const char soname[] = "libcurl.so.4";

struct graft_error *
graft_curl_api_get(struct graft_curl_api *ret)
{
	static const struct {
		const char *name;
		size_t off;
	} functions[] = {
		{ "curl_global_init",
		  offsetof(struct graft_curl_api, global_init) },
		{ "curl_easy_init",
		  offsetof(struct graft_curl_api, easy_init) },
		{ "curl_easy_setopt",
		  offsetof(struct graft_curl_api, easy_setopt) },
		{ "curl_easy_perform",
		  offsetof(struct graft_curl_api, easy_perform) },
		{ "curl_easy_getinfo",
		  offsetof(struct graft_curl_api, easy_getinfo) },
		{ "curl_easy_strerror",
		  offsetof(struct graft_curl_api, easy_strerror) },
		{ "curl_easy_cleanup",
		  offsetof(struct graft_curl_api, easy_cleanup) },
	};
	// It stays: its crypto does not like to be unloaded.
	void *handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return graft_error_new(GRAFT_ERROR_LIBRARY,
				       "%s (the package libcurl4)", dlerror());
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		void *symbol = dlsym(handle, functions[i].name);
		if (!symbol)
			return graft_error_new(GRAFT_ERROR_LIBRARY,
					       "%s lacks %s", soname,
					       functions[i].name);
		// POSIX says that a pointer to data can hold one to a function.
		*(void **)((char *)ret + functions[i].off) = symbol;
	}
	return NULL;
}
