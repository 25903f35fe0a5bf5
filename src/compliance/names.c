// SPDX-License-Identifier: Apache-2.0

#include "compliance/names.h"

#include "base/vec.h"
#include "compliance/hosts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
graft_compliance_names_deinit(struct graft_compliance_names *names)
{
	free(names->list);
	*names = (struct graft_compliance_names){ 0 };
}

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/** Add the host of a file, if it is one of a host. */
GRAFT_MUST_CHECK static struct graft_error *
add(struct graft_compliance_names *names, const char *dir, char *file)
{
	static const char suffix[] = ".json";
	const size_t len = strlen(file);
	const size_t cut = strlen(suffix);

	if (len <= cut || strcmp(file + len - cut, suffix) != 0)
		return NULL;
	file[len - cut] = '\0';
	if (!graft_compliance_is_host(file))
		return NULL;
	if (names->count == GRAFT_COMPLIANCE_HOSTS_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s: more than %d hosts", dir,
				       GRAFT_COMPLIANCE_HOSTS_MAX);
	struct graft_error *err = graft_vec_reserve(&names->list, &names->cap,
						    names->count + 1,
						    sizeof(*names->list));
	if (!err)
		(void)snprintf(names->list[names->count++],
			       sizeof(*names->list), "%s", file);
	return err;
}

struct graft_error *
graft_compliance_names_read(const char *dir,
			    struct graft_compliance_names *names)
{
	struct graft_error *err = NULL;
	DIR *stream = opendir(dir);

	if (!stream)
		return graft_error_os(errno, "open %s", dir);
	for (struct dirent *at; !err && (at = readdir(stream));)
		err = add(names, dir, at->d_name);
	(void)closedir(stream);
	if (!err && names->count)
		qsort(names->list, names->count, sizeof(*names->list), compare);
	return err;
}
