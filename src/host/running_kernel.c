// SPDX-License-Identifier: Apache-2.0

#include "host/running_kernel.h"

#include "base/deb_version.h"

#include <stdio.h>
#include <string.h>

bool
graft_running_kernel_is_of(const char *source)
{
	static const char *const more[] = { "linux-signed", "linux-latest",
					    "linux-meta" };

	if (strcmp(source, "linux") == 0)
		return true;
	for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++) {
		if (strncmp(source, more[i], strlen(more[i])) == 0)
			return true;
	}
	return false;
}

void
graft_running_kernel_version(const char *said, char ret[128])
{
	static const char before[] = "Debian ";
	const char *at = strstr(said, before);

	at = at ? at + strlen(before) : "";
	(void)snprintf(ret, 128, "%.*s", (int)strcspn(at, " "), at);
}

bool
graft_running_kernel_has(const char *running, const char *version)
{
	size_t len = strlen(running);
	size_t all = strlen(version);

	if (len == 0)
		return false;
	if (all > len + 1 && version[all - len - 1] == '+' &&
	    strcmp(version + all - len, running) == 0)
		return true;
	return graft_deb_version_compare(running, version) >= 0;
}
