// SPDX-License-Identifier: Apache-2.0

#include "report/quote.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

bool
graft_report_add_string(struct cJSON *object, const char *name, const char *str)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_text_put_safe(&text, str);
	return !text.failed &&
	       cJSON_AddStringToObject(object, name, graft_text_str(&text));
}

struct graft_error *
graft_report_take_json(struct cJSON *root, bool whole, struct graft_text *text)
{
	char *json = root && whole ? cJSON_PrintUnformatted(root) : NULL;

	cJSON_Delete(root);
	if (!json)
		return graft_error_no_memory();
	graft_text_put(text, json);
	graft_text_put(text, "\n");
	free(json);
	return NULL;
}
