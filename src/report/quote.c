// SPDX-License-Identifier: Apache-2.0

#include "report/quote.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <cjson/cJSON.h>

bool
graft_report_add_string(struct cJSON *object, const char *name, const char *str)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_text_put_safe(&text, str);
	return !text.failed &&
	       cJSON_AddStringToObject(object, name, graft_text_str(&text));
}
