// SPDX-License-Identifier: Apache-2.0

#include "persist/deb.h"

#include <errno.h>
#include <string.h>

struct graft_error *
graft_deb_read_entry(const struct graft_deb *deb,
		     const struct graft_deb_entry *entry, uint8_t **ret)
{
	GRAFT_FREE uint8_t *bytes = malloc(entry->size + 1);
	uint64_t got = 0;

	if (!bytes)
		return graft_error_no_memory();
	while (got < entry->size) {
		ssize_t n = pread(deb->spill, bytes + got, entry->size - got,
				  (off_t)(entry->off + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return graft_error_os(n < 0 ? errno : EIO,
					      "read a temporary file");
		got += (uint64_t)n;
	}
	*ret = GRAFT_TAKE(bytes);
	return NULL;
}

static int
compare_paths(const void *a, const void *b)
{
	const struct graft_deb_entry *const *x = a;
	const struct graft_deb_entry *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

const struct graft_deb_entry *
graft_deb_find_file(const struct graft_deb *deb, const char *path)
{
	const struct graft_deb_entry key = { .path = (char *)path };
	const struct graft_deb_entry *at = &key;
	const struct graft_deb_entry **found =
		bsearch(&at, deb->by_path, deb->file_count,
			sizeof(*deb->by_path), compare_paths);

	return found ? *found : NULL;
}

const struct graft_deb_control *
graft_deb_find_control(const struct graft_deb *deb, const char *name)
{
	for (size_t i = 0; i < deb->control_count; i++) {
		if (strcmp(deb->controls[i].name, name) == 0)
			return &deb->controls[i];
	}
	return NULL;
}

bool
graft_deb_is_conffile(const struct graft_deb *deb, const char *path)
{
	const struct graft_deb_control *list =
		graft_deb_find_control(deb, "conffiles");
	const size_t len = strlen(path);

	for (const char *line = list ? (const char *)list->bytes : NULL;
	     line;) {
		if (line[0] == '/' && strncmp(line + 1, path, len) == 0 &&
		    strchr(" \t\r\n", line[1 + len]))
			return true;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return false;
}
