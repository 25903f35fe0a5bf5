// SPDX-License-Identifier: Apache-2.0

#include "persist/hidden.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"

#include <string.h>

enum {
	FILE_MAX = 64 << 20,
};

bool
graft_hidden_may_be(const char *path)
{
	static const char *const folders[] = {
		"usr/share/doc/",        "usr/share/man/",
		"usr/share/info/",       "usr/share/locale/",
		"usr/share/help/",       "usr/share/lintian/",
		"usr/share/linda/",      "usr/share/doc-base/",
		"usr/share/gnome/help/", "usr/share/groff/",
		"usr/share/omf/",
	};

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		if (strncmp(path, folders[i], strlen(folders[i])) == 0)
			return true;
	}
	return false;
}

void
graft_hidden_deinit(struct graft_hidden *hidden)
{
	for (size_t i = 0; i < hidden->count; i++)
		free(hidden->paths[i]);
	free(hidden->paths);
	*hidden = (struct graft_hidden){ 0 };
}

struct graft_error *
graft_hidden_add(struct graft_hidden *hidden, const char *path)
{
	struct graft_error *err =
		graft_vec_reserve(&hidden->paths, &hidden->cap,
				  hidden->count + 1, sizeof(*hidden->paths));

	if (err)
		return err;
	char *copy = strdup(path);
	if (!copy)
		return graft_error_no_memory();
	hidden->paths[hidden->count++] = copy;
	return NULL;
}

bool
graft_hidden_has(const struct graft_hidden *hidden, const char *path)
{
	for (size_t i = 0; i < hidden->count; i++) {
		if (strcmp(hidden->paths[i], path) == 0)
			return true;
	}
	return false;
}

struct graft_error *
graft_hidden_write(const struct graft_hidden *hidden, const char *path)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	for (size_t i = 0; i < hidden->count; i++)
		graft_text_printf(&text, "%s\n", hidden->paths[i]);
	if (text.failed)
		return graft_error_no_memory();
	return graft_file_write(path, graft_text_str(&text), text.len, 0600);
}

struct graft_error *
graft_hidden_read(const char *path, struct graft_hidden *hidden)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	struct graft_error *err = graft_file_read(path, FILE_MAX, &bytes, &len);
	for (char *line = (char *)bytes; !err && line && *line;) {
		char *end = strchr(line, '\n');
		if (!end || strlen(line) != len)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s: cut",
					       path);
		*end = '\0';
		err = graft_hidden_add(hidden, line);
		len -= (size_t)(end + 1 - line);
		line = end + 1;
	}
	return err;
}
