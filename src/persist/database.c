// SPDX-License-Identifier: Apache-2.0

#include "persist/database.h"

#include "base/cleanup.h"
#include "host/ask.h"

#include <stdio.h>

enum {
	ASK_LIMIT_US = 30 * 1000 * 1000,
};

struct graft_error *
graft_database_ask(const char *root, const char *format, char **ret)
{
	GRAFT_FREE char *admin = NULL;
	GRAFT_FREE char *form = NULL;
	size_t len;

	if (asprintf(&admin, "--admindir=%s/var/lib/dpkg", root) < 0) {
		admin = NULL;
		return graft_error_no_memory();
	}
	if (asprintf(&form, "-f%s", format) < 0) {
		form = NULL;
		return graft_error_no_memory();
	}
	char *const argv[] = { (char *)"dpkg-query", admin, (char *)"-W", form,
			       NULL };
	struct graft_error *err = graft_ask(argv, ASK_LIMIT_US, ret, &len);
	if (!err && !*ret)
		err = graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				      "there is no dpkg on this host");
	return err;
}
