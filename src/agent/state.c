// SPDX-License-Identifier: Apache-2.0

#include "agent/state.h"

#include "report/quote.h"

#include <cjson/cJSON.h>
#include <inttypes.h>

/** How each number is called. */
static const struct number {
	const char *name;
	const char *metric;
	const char *type;
	const char *text;
	size_t offset;
} numbers[] = {
#define GRAFT_AGENT_NUMBER(name, metric, type, text)                           \
	{ #name, metric, type, text, offsetof(struct graft_agent_state, name) },
#include "agent/state.def"
#undef GRAFT_AGENT_NUMBER
};

enum { NUMBER_COUNT = sizeof(numbers) / sizeof(*numbers) };

static uint64_t
value_of(const struct graft_agent_state *state, const struct number *number)
{
	return *(const uint64_t *)((const char *)state + number->offset);
}

void
graft_agent_state_put_metrics(const struct graft_agent_state *state,
			      struct graft_text *text)
{
	graft_text_put(text,
		       "# HELP graft_build_info Which graftd this is\n"
		       "# TYPE graft_build_info gauge\n"
		       "graft_build_info{version=\"" GRAFT_VERSION "\"} 1\n");
	for (size_t i = 0; i < NUMBER_COUNT; i++) {
		const struct number *number = &numbers[i];
		graft_text_printf(
			text, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n",
			number->metric, number->text, number->metric,
			number->type, number->metric, value_of(state, number));
	}
}

static bool
add_held(cJSON *list, const struct graft_quarantine_entry *entry)
{
	cJSON *object = cJSON_CreateObject();

	return cJSON_AddItemToArray(list, object) &&
	       (!entry->of_user ||
		cJSON_AddNumberToObject(object, "user", entry->uid)) &&
	       cJSON_AddStringToObject(object, "id", entry->id) &&
	       cJSON_AddNumberToObject(object, "since",
				       (double)(entry->time_us / 1000000)) &&
	       cJSON_AddNumberToObject(object, "pid", entry->pid) &&
	       cJSON_AddNumberToObject(object, "signal", entry->signal) &&
	       graft_report_add_string(object, "comm", entry->comm);
}

struct cJSON *
graft_agent_state_to_json(const struct graft_agent_state *state)
{
	cJSON *root = cJSON_CreateObject();
	bool ok = root &&
		  cJSON_AddStringToObject(root, "version", GRAFT_VERSION);

	for (size_t i = 0; ok && i < NUMBER_COUNT; i++)
		ok = cJSON_AddNumberToObject(
			root, numbers[i].name,
			(double)value_of(state, &numbers[i]));
	cJSON *list = ok ? cJSON_AddArrayToObject(root, "quarantine") : NULL;
	ok = list != NULL;
	for (size_t i = 0; ok && i < state->held_count; i++)
		ok = add_held(list, &state->held[i]);
	if (ok)
		return root;
	cJSON_Delete(root);
	return NULL;
}
