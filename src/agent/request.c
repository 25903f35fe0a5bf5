// SPDX-License-Identifier: Apache-2.0

#include "agent/request.h"

#include "report/quote.h"

#include <cjson/cJSON.h>
#include <string.h>

static const struct {
	const char *name;
	bool changes;
} verbs[GRAFT_REQUEST_COUNT] = {
	[GRAFT_REQUEST_STATUS] = { "status", false },
	[GRAFT_REQUEST_METRICS] = { "metrics", false },
	[GRAFT_REQUEST_SYNC] = { "sync", true },
	[GRAFT_REQUEST_PAUSE] = { "pause", true },
	[GRAFT_REQUEST_RESUME] = { "resume", true },
	[GRAFT_REQUEST_RELEASE] = { "release", true },
};

static void
free_json(cJSON **object)
{
	cJSON_Delete(*object);
}

const char *
graft_request_name(enum graft_request_verb verb)
{
	return verbs[verb].name;
}

bool
graft_request_find(const char *name, enum graft_request_verb *ret)
{
	for (int i = 0; i < GRAFT_REQUEST_COUNT; i++) {
		if (strcmp(verbs[i].name, name) == 0) {
			*ret = (enum graft_request_verb)i;
			return true;
		}
	}
	return false;
}

bool
graft_request_changes(enum graft_request_verb verb)
{
	return verbs[verb].changes;
}

GRAFT_MUST_CHECK static struct graft_error *
wrong(const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "the request %s", what);
}

/** Take one member of a request. @param[in,out] seen The verb was there. */
GRAFT_MUST_CHECK static struct graft_error *
take_member(const cJSON *member, bool *seen, struct graft_request *request)
{
	const char *value = cJSON_GetStringValue(member);

	if (!value)
		return wrong("has a member that is no string");
	if (strcmp(member->string, "verb") == 0 && !*seen) {
		*seen = true;
		return graft_request_find(value, &request->verb)
			       ? NULL
			       : wrong("has a verb that there is not");
	}
	if (strcmp(member->string, "id") == 0 && !request->id[0]) {
		if (strlen(value) != GRAFT_QUARANTINE_ID_LEN ||
		    strspn(value, "0123456789abcdef") !=
			    GRAFT_QUARANTINE_ID_LEN)
			return wrong(
				"has an id that is not 32 lower-case hex digits");
		memcpy(request->id, value, GRAFT_QUARANTINE_ID_LEN);
		return NULL;
	}
	return wrong("has a member that it may not have");
}

struct graft_error *
graft_request_parse(const char *line, size_t len, struct graft_request *ret)
{
	struct graft_request request = { 0 };
	struct graft_error *err = NULL;
	const char *end = NULL;
	bool seen = false;

	if (len > GRAFT_REQUEST_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "the request is longer than %d bytes",
				       GRAFT_REQUEST_MAX);
	// A NUL in the text or in "\u0000" would end strings before their end.
	if (len == 0 || memchr(line, 0, len) || memchr(line, '\\', len))
		return wrong("is no line of JSON");
	if (line[len - 1] == '\n')
		len--;
	GRAFT_CLEANUP(free_json)
	cJSON *root = cJSON_ParseWithLengthOpts(line, len, &end, false);
	if (!root || end != line + len || !cJSON_IsObject(root))
		return wrong("is no JSON object");
	for (const cJSON *at = root->child; !err && at; at = at->next)
		err = take_member(at, &seen, &request);
	if (err)
		return err;
	if (!seen)
		return wrong("has no verb");
	if ((request.verb == GRAFT_REQUEST_RELEASE) != (request.id[0] != '\0'))
		return wrong(request.id[0] ? "has an id, and takes none"
					   : "needs the id of a hotpatch");
	*ret = request;
	return NULL;
}

struct graft_error *
graft_request_print(const struct graft_request *request,
		    struct graft_text *text)
{
	cJSON *root = cJSON_CreateObject();
	bool ok = root &&
		  cJSON_AddStringToObject(root, "verb",
					  verbs[request->verb].name) &&
		  (!request->id[0] ||
		   cJSON_AddStringToObject(root, "id", request->id));

	return graft_report_take_json(root, ok, text);
}

struct graft_error *
graft_request_print_error(const struct graft_error *err,
			  struct graft_text *text)
{
	enum graft_error_code code = graft_error_code(err);
	cJSON *root = cJSON_CreateObject();
	cJSON *error = root ? cJSON_AddObjectToObject(root, "error") : NULL;
	bool ok = error &&
		  cJSON_AddStringToObject(error, "code",
					  graft_error_wire(code)) &&
		  graft_report_add_string(error, "message",
					  graft_error_message(err)) &&
		  cJSON_AddNumberToObject(error, "status",
					  graft_error_status(code));

	return graft_report_take_json(root, ok, text);
}
