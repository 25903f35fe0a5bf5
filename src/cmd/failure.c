// SPDX-License-Identifier: Apache-2.0

#include "cmd/failure.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/remedy.h"
#include "report/quote.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

void
graft_failure_say(const char *verb, const struct graft_error *err)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_text_put_safe(&text, graft_error_message(err));
	(void)fprintf(stderr, "graft %s: %s\n", verb,
		      text.failed ? graft_error_text(graft_error_code(err))
				  : graft_text_str(&text));
}

/** @return The new member, or NULL: out of memory. */
static cJSON *
add(cJSON *object, const char *code, const char *message, int status)
{
	cJSON *error = cJSON_AddObjectToObject(object, "error");

	return error && cJSON_AddStringToObject(error, "code", code) &&
			       graft_report_add_string(error, "message",
						       message) &&
			       cJSON_AddNumberToObject(error, "status", status)
		       ? error
		       : NULL;
}

bool
graft_failure_add(struct cJSON *object, const struct graft_error *err,
		  int status)
{
	const char *remedy = graft_remedy_for(err);
	cJSON *error = add(object, graft_error_wire(graft_error_code(err)),
			   graft_error_message(err), status);

	return error &&
	       (!*remedy || cJSON_AddStringToObject(error, "help", remedy));
}

/** Say whether JSON is asked for. The command line may be one that is not parsed. */
static bool
wants_json(char *const *argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++) {
		// getopt_long(3) takes what is cut short too.
		size_t len = strlen(*argv);
		if (len > 2 && strncmp(*argv, "--json", len) == 0)
			return true;
	}
	return false;
}

void
graft_failure_print_json(char *const *argv, const char *code,
			 const char *message, int status)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	if (!wants_json(argv))
		return;
	cJSON *root = cJSON_CreateObject();
	bool ok = root && add(root, code, message, status);
	struct graft_error *err = graft_report_take_json(root, ok, &text);
	(void)fputs(err || text.failed ? "{\"error\":{}}\n"
				       : graft_text_str(&text),
		    stdout);
	graft_error_free(err);
}
