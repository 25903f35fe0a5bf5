// SPDX-License-Identifier: Apache-2.0

#include "release/eligible_print.h"

#include "base/cleanup.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

enum { MEBIBYTE_BITS = 20 };

/** Append the names of a list, or "any". */
static void
put_names(struct graft_text *text, const struct graft_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		graft_text_printf(text, "%s%s", i ? ", " : "",
				  names->names[i].str);
	if (!names->count)
		graft_text_put(text, "any");
}

static void
put_version(struct graft_text *text, uint32_t version)
{
	graft_text_printf(text, "%u.%u", version >> 16, version & 0xffff);
}

/** Append which abilities are missing. */
static void
put_missing(struct graft_text *text, uint32_t missing)
{
	const char *comma = "";

	for (unsigned i = 0; i < GRAFT_ABILITY_COUNT; i++) {
		if (!(missing & (1U << i)))
			continue;
		graft_text_printf(text, "%s%s", comma, graft_ability_name(i));
		comma = ", ";
	}
}

/** Append a reason as a sentence: what the device is, and what is asked for. */
static void
put_sentence(struct graft_text *text, enum graft_eligible_reason reason,
	     const struct graft_facts *facts, const struct graft_policy *policy)
{
	switch (reason) {
	case GRAFT_ELIGIBLE_HELD:
		graft_text_put(text, "it is held");
		break;
	case GRAFT_ELIGIBLE_ARCHITECTURE:
		graft_text_printf(text,
				  "there are no releases for %s, but for ",
				  facts->architecture.str);
		put_names(text, &policy->architectures);
		break;
	case GRAFT_ELIGIBLE_DISTRIBUTION:
		graft_text_printf(text,
				  "there are no releases for %s, but for ",
				  facts->distribution.str);
		put_names(text, &policy->distributions);
		break;
	case GRAFT_ELIGIBLE_AGENT:
		graft_text_put(text, "its graft is of version ");
		put_version(text, facts->agent);
		graft_text_put(text, ", and must be at least ");
		put_version(text, policy->agent);
		break;
	case GRAFT_ELIGIBLE_SPACE:
		graft_text_printf(
			text, "%llu MiB are free, and %llu are needed",
			(unsigned long long)(facts->space >> MEBIBYTE_BITS),
			(unsigned long long)(policy->space >> MEBIBYTE_BITS));
		break;
	case GRAFT_ELIGIBLE_EDITION:
		graft_text_printf(text,
				  "its edition is %s; hotpatches are for ",
				  facts->edition.str);
		put_names(text, &policy->editions);
		break;
	case GRAFT_ELIGIBLE_ABILITIES:
		graft_text_put(text, "its kernel does not let Graft have ");
		put_missing(text, policy->abilities & ~facts->abilities);
		break;
	case GRAFT_ELIGIBLE_LEVEL:
		graft_text_put(text, "its baseline is not known");
		break;
	case GRAFT_ELIGIBLE_BASELINE:
		graft_text_printf(
			text,
			"hotpatches are no longer made for its baseline, %s",
			graft_level_write(facts->baseline).str);
		break;
	case GRAFT_ELIGIBLE_ASSURANCE:
		graft_text_put(text, "the newest hotpatch for its baseline is "
				     "inferred, and must be proven");
		break;
	default:
		graft_text_printf(
			text,
			"its baseline, %s, has no newer hotpatches than %s",
			graft_level_write(facts->baseline).str,
			graft_level_write(facts->level).str);
		break;
	}
}

/** Say what a decision brings, in a word for a column. */
static const char *
restart_of(enum graft_decision decision)
{
	return decision == GRAFT_DECISION_BASELINE ||
			       decision == GRAFT_DECISION_CUMULATIVE
		       ? "restart"
		       : "-";
}

void
graft_eligible_print_text(const struct graft_decided *list, size_t count,
			  const struct graft_policy *policy, bool explain,
			  struct graft_text *text)
{
	graft_text_printf(text, "%-20s  %-10s  %-7s  %-10s  %-10s\n", "DEVICE",
			  "GETS", "RESTART", "FROM", "TO");
	for (size_t i = 0; i < count; i++) {
		const struct graft_facts *facts = list[i].facts;
		const struct graft_eligibility *e = &list[i].eligibility;
		graft_text_printf(text, "%-20s  %-10s  %-7s  %-10s  %-10s\n",
				  *facts->name.str ? facts->name.str
						   : "this one",
				  graft_decision_name(e->decision),
				  restart_of(e->decision),
				  graft_level_write(facts->level).str,
				  graft_level_write(e->target).str);
		for (unsigned r = 0; r < GRAFT_ELIGIBLE_REASON_COUNT; r++) {
			if (!(e->reasons & (1U << r)))
				continue;
			graft_text_put(text, "    ");
			put_sentence(text, r, facts, policy);
			graft_text_put(text, "\n");
			if (explain)
				graft_text_printf(
					text, "        %s: %s\n",
					graft_eligible_reason_owner(r),
					graft_eligible_reason_remedy(r));
		}
	}
}

static bool
add_reason(cJSON *list, enum graft_eligible_reason reason,
	   const struct graft_facts *facts, const struct graft_policy *policy)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	cJSON *item = cJSON_CreateObject();

	put_sentence(&text, reason, facts, policy);
	return item && cJSON_AddItemToArray(list, item) && !text.failed &&
	       cJSON_AddStringToObject(item, "reason",
				       graft_eligible_reason_name(reason)) &&
	       cJSON_AddStringToObject(item, "text", graft_text_str(&text)) &&
	       cJSON_AddStringToObject(item, "owner",
				       graft_eligible_reason_owner(reason)) &&
	       cJSON_AddStringToObject(item, "remedy",
				       graft_eligible_reason_remedy(reason));
}

static bool
add_device(cJSON *list, const struct graft_decided *decided,
	   const struct graft_policy *policy)
{
	const struct graft_eligibility *e = &decided->eligibility;
	cJSON *item = cJSON_CreateObject();

	if (!item || !cJSON_AddItemToArray(list, item) ||
	    !cJSON_AddStringToObject(item, "name", decided->facts->name.str) ||
	    !cJSON_AddStringToObject(item, "decision",
				     graft_decision_name(e->decision)) ||
	    !cJSON_AddBoolToObject(item, "restart",
				   *restart_of(e->decision) == 'r') ||
	    !cJSON_AddStringToObject(
		    item, "level",
		    graft_level_write(decided->facts->level).str) ||
	    !cJSON_AddStringToObject(item, "target",
				     graft_level_write(e->target).str))
		return false;
	cJSON *reasons = cJSON_AddArrayToObject(item, "reasons");
	bool whole = reasons != NULL;
	for (unsigned r = 0; whole && r < GRAFT_ELIGIBLE_REASON_COUNT; r++) {
		if (e->reasons & (1U << r))
			whole = add_reason(reasons, r, decided->facts, policy);
	}
	return whole;
}

struct graft_error *
graft_eligible_print_json(const struct graft_decided *list, size_t count,
			  const struct graft_policy *policy,
			  struct graft_text *text)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *devices = root ? cJSON_AddArrayToObject(root, "devices") : NULL;
	bool whole = devices != NULL;

	for (size_t i = 0; whole && i < count; i++)
		whole = add_device(devices, &list[i], policy);
	char *json = whole ? cJSON_PrintUnformatted(root) : NULL;
	cJSON_Delete(root);
	if (!json)
		return graft_error_no_memory();
	graft_text_put(text, json);
	graft_text_put(text, "\n");
	cJSON_free(json);
	return NULL;
}
