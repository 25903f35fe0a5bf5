// SPDX-License-Identifier: Apache-2.0

#include "persist/control.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct graft_error *
graft_control_take(const char *control, const char *field, char **ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	const size_t field_len = strlen(field);
	bool taken = false;

	for (const char *line = control; *line;) {
		size_t len = strcspn(line, "\n");
		if (*line != ' ' && *line != '\t')
			taken = strncasecmp(line, field, field_len) == 0 &&
				line[field_len] == ':';
		if (taken && (*line == ' ' || *line == '\t'))
			graft_text_put_bytes(&text, line, len);
		else if (taken)
			graft_text_put_bytes(&text, line + field_len + 1,
					     len - field_len - 1);
		line += len + (line[len] == '\n');
	}
	return graft_text_take(&text, ret);
}
