// SPDX-License-Identifier: Apache-2.0

#include "host/configuration.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	FILES_MOST = 5000,
};

static void
close_ftsp(FTS **fts)
{
	if (*fts)
		(void)fts_close(*fts);
}

/** Was an entry written after a moment, or cannot be looked at? */
static bool
counts(const FTSENT *entry, uint64_t since_us)
{
	switch (entry->fts_info) {
	case FTS_NS:
		return entry->fts_errno != ENOENT;
	case FTS_DNR:
	case FTS_ERR:
		return true;
	case FTS_D:
		// dpkg writes what it then finds to be the same beside it.
	case FTS_DP:
		return false;
	default:
		return (uint64_t)entry->fts_statp->st_ctim.tv_sec * 1000000 +
			       (uint64_t)entry->fts_statp->st_ctim.tv_nsec /
				       1000 >
		       since_us;
	}
}

struct graft_error *
graft_configuration_find_newer(const char *path, uint64_t since_us, char **ret)
{
	GRAFT_FREE char *copy = strdup(path);
	char *paths[] = { copy, NULL };
	size_t count = 0;

	*ret = NULL;
	if (!copy)
		return graft_error_no_memory();
	GRAFT_CLEANUP(close_ftsp)
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	if (!fts)
		return graft_error_no_memory();
	for (const FTSENT *entry; !*ret && (entry = fts_read(fts));) {
		bool many = count++ >= FILES_MOST;
		if (!many && !counts(entry, since_us))
			continue;
		*ret = strdup(many ? path : entry->fts_path);
		if (!*ret)
			return graft_error_no_memory();
	}
	return NULL;
}

struct graft_error *
graft_configuration_find_newer_of(const char *name, uint64_t since_us,
				  char **ret)
{
	static const char *const forms[][2] = {
		{ "/etc/", "" },
		{ "/etc/", ".conf" },
		{ "/etc/default/", "" },
		{ "/etc/systemd/system/", "" },
		{ "/etc/systemd/system/", ".d" },
		{ "/etc/systemd/system/", ".service" },
		{ "/etc/systemd/system/", ".service.d" },
		{ "/run/systemd/system/", ".d" },
		{ "/run/systemd/system/", ".service.d" },
	};
	struct graft_error *err = NULL;

	*ret = NULL;
	for (size_t i = 0; !err && !*ret && i < sizeof(forms) / sizeof(*forms);
	     i++) {
		GRAFT_FREE char *path = NULL;
		if (asprintf(&path, "%s%s%s", forms[i][0], name, forms[i][1]) <
		    0)
			return graft_error_no_memory();
		err = graft_configuration_find_newer(path, since_us, ret);
	}
	return err;
}
