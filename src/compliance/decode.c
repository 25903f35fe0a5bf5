// SPDX-License-Identifier: Apache-2.0

#include "compliance/compliance.h"

#include "compliance/member.h"
#include "release/policy.h"
#include "trust/canonical.h"
#include "trust/instant.h"
#include "trust/json.h"
#include "trust/limits.h"
#include "trust/shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FORMAT = 1,
	DAY_S = 24 * 3600,
	/** Of the version of an agent. */
	AGENT_MAX = 31,
};

static const char *const states[GRAFT_COMPLIANCE_STATES] = {
	[GRAFT_COMPLIANCE_CURRENT] = "current",
	[GRAFT_COMPLIANCE_PARTLY] = "partly",
	[GRAFT_COMPLIANCE_RESTART] = "restart",
	[GRAFT_COMPLIANCE_BEHIND] = "behind",
	[GRAFT_COMPLIANCE_NOT_READY] = "not-ready",
	[GRAFT_COMPLIANCE_UNKNOWN] = "unknown",
};

const char *
graft_compliance_state_name(enum graft_compliance_state state)
{
	return states[state];
}

bool
graft_compliance_is_host(const char *text)
{
	static const char alnum[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789";
	const size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		if (!strchr(alnum, text[i]) &&
		    (i == 0 || !strchr("-_.", text[i])))
			return false;
	}
	return len > 0 && len < GRAFT_COMPLIANCE_HOST_LEN;
}

void
graft_compliance_free(struct graft_compliance *report)
{
	if (!report)
		return;
	graft_document_free(report->document);
	free(report->canonical);
	free(report);
}

/** Take the facts as all who read facts do. */
GRAFT_MUST_CHECK static struct graft_error *
take_facts(struct graft_compliance *report)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_FREE struct graft_facts *facts = NULL;
	const struct graft_node *node;
	size_t count = 0;

	struct graft_error *err = graft_shape_take(report->signed_part, "facts",
						   GRAFT_NODE_OBJECT, &node);
	if (err)
		return err;
	graft_json_put_node(&text, node);
	if (text.failed)
		return graft_error_no_memory();
	err = graft_facts_parse(text.str, text.len, "facts", &facts, &count);
	if (err)
		return err;
	report->facts = *facts;
	return NULL;
}

/** Take what the last looks for releases came to. */
GRAFT_MUST_CHECK static struct graft_error *
take_look(struct graft_compliance *report)
{
	const struct graft_node *look;
	bool null = true;

	struct graft_error *err = graft_member_or_null(
		report->signed_part, "look", GRAFT_NODE_OBJECT, &look);
	if (err || !look)
		return err;
	err = graft_member_instant(look, "at", &report->looked);
	if (!err)
		err = graft_member_instant_or_null(look, "good_at",
						   &report->looked_good);
	if (!err)
		err = graft_shape_number(look, "failures", 0,
					 &report->failures);
	if (!err)
		err = graft_member_is_null(look, "error", &null);
	if (!err && !null)
		err = graft_member_text(look, "error", GRAFT_TRUST_STRING_MAX,
					&report->error);
	return err ? graft_error_prefix(err, "look") : NULL;
}

/** Check reasons: each has what, who and what helps. */
GRAFT_MUST_CHECK static struct graft_error *
check_reasons(const struct graft_node *reasons)
{
	static const char *const keys[] = { "reason", "text", "owner",
					    "remedy" };
	const struct graft_node *at = graft_node_first(reasons);

	for (uint32_t i = 0; i < reasons->count; i++) {
		for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++) {
			const char *text;
			struct graft_error *err = graft_member_text(
				at, keys[k], GRAFT_TRUST_STRING_MAX, &text);
			if (err)
				return err;
		}
		at = graft_node_next(at);
	}
	return NULL;
}

/** Read a day: "2026-11-10". */
static bool
read_day(const char *text, int64_t *ret)
{
	char instant[GRAFT_INSTANT_LEN];

	if (strlen(text) != strlen("2026-11-10"))
		return false;
	(void)snprintf(instant, sizeof(instant), "%.10sT00:00:00Z", text);
	return graft_instant_parse(instant, ret);
}

/** Find since when there is a release that the host has not. */
GRAFT_MUST_CHECK static struct graft_error *
take_wanted(struct graft_compliance *report, const struct graft_node *releases)
{
	const struct graft_node *at = graft_node_first(releases);

	for (uint32_t i = 0; i < releases->count; i++) {
		graft_level level;
		const char *day;
		int64_t since;
		struct graft_error *err = graft_member_level(at, "level",
							     &level);
		if (!err)
			err = graft_member_text(at, "date", GRAFT_INSTANT_LEN,
						&day);
		if (err)
			return err;
		if (!read_day(day, &since))
			return graft_member_wrong("date", "day");
		if (level > report->facts.level &&
		    (!report->wanted_since || since < report->wanted_since))
			report->wanted_since = since;
		at = graft_node_next(at);
	}
	return NULL;
}

/** Take what `graft update` decided. */
GRAFT_MUST_CHECK static struct graft_error *
take_update(struct graft_compliance *report)
{
	const struct graft_node *update;
	const struct graft_node *device;
	const struct graft_node *releases = NULL;

	struct graft_error *err = graft_member_or_null(
		report->signed_part, "update", GRAFT_NODE_OBJECT, &update);
	if (err || !update)
		return err;
	err = graft_shape_take(update, "device", GRAFT_NODE_OBJECT, &device);
	if (!err)
		err = graft_member_text(device, "decision", GRAFT_FACT_LEN,
					&report->decision);
	if (!err)
		err = graft_member_level(device, "target", &report->target);
	if (!err)
		err = graft_member_list(device, "reasons", &report->reasons);
	if (!err)
		err = check_reasons(report->reasons);
	if (!err)
		err = graft_member_list(update, "releases", &releases);
	if (!err)
		err = take_wanted(report, releases);
	return err ? graft_error_prefix(err, "update") : NULL;
}

/** Take what is said of a restart that waits. */
GRAFT_MUST_CHECK static struct graft_error *
take_restart(struct graft_compliance *report)
{
	const struct graft_node *restart;
	const struct graft_node *at = NULL;

	struct graft_error *err = graft_member_or_null(
		report->signed_part, "restart", GRAFT_NODE_OBJECT, &restart);
	if (err || !restart)
		return err;
	err = graft_member_or_null(restart, "restart_at", GRAFT_NODE_INTEGER,
				   &at);
	if (err)
		return graft_error_prefix(err, "restart");
	report->restart_at = at && at->number > 0 ? at->number : 0;
	return NULL;
}

/** Take numbers of processes, and see that the lists are such. */
GRAFT_MUST_CHECK static struct graft_error *
take_processes(struct graft_compliance *report)
{
	static const char *const lists[] = { "releases", "hotpatches",
					     "old_code" };
	struct graft_compliance_processes *p = &report->processes;
	const struct graft_node *node;

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct graft_error *err = graft_member_list(report->signed_part,
							    lists[i], &node);
		if (err)
			return err;
	}
	struct graft_error *err = graft_shape_take(
		report->signed_part, "processes", GRAFT_NODE_OBJECT, &node);
	if (!err)
		err = graft_shape_number(node, "hotpatched", 0, &p->hotpatched);
	if (!err)
		err = graft_shape_number(node, "due", 0, &p->due);
	if (!err)
		err = graft_shape_number(node, "refused", 0, &p->refused);
	if (!err)
		err = graft_shape_number(node, "restart", 0, &p->restart);
	if (!err)
		err = graft_shape_number(node, "unseen", 0, &p->unseen);
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
take_state(struct graft_compliance *report)
{
	const char *text;
	size_t i = 0;

	struct graft_error *err = graft_member_text(
		report->signed_part, "state", GRAFT_FACT_LEN, &text);
	if (err)
		return err;
	while (i < GRAFT_COMPLIANCE_STATES && strcmp(states[i], text) != 0)
		i++;
	if (i == GRAFT_COMPLIANCE_STATES)
		return graft_member_wrong("state", "state of a host");
	report->state = (enum graft_compliance_state)i;
	return NULL;
}

/** Take who says it, and when. */
GRAFT_MUST_CHECK static struct graft_error *
take_head(struct graft_compliance *report)
{
	const struct graft_node *part = report->signed_part;
	uint64_t format = 0;
	const char *type;

	struct graft_error *err = graft_member_text(part, "_type",
						    GRAFT_FACT_LEN, &type);
	if (!err && strcmp(type, "graft-compliance") != 0)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "it is no report of compliance");
	if (!err)
		err = graft_shape_number(part, "format", 1, &format);
	if (!err && format != FORMAT)
		err = graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				      "it is of the format %llu, and %d is "
				      "known",
				      (unsigned long long)format, FORMAT);
	if (!err)
		err = graft_member_text(part, "host",
					GRAFT_COMPLIANCE_HOST_LEN - 1,
					&report->host);
	if (!err && !graft_compliance_is_host(report->host))
		err = graft_member_wrong("host", "name of a host");
	if (!err)
		err = graft_shape_take(part, "key", GRAFT_NODE_OBJECT,
				       &report->key);
	if (!err)
		err = graft_shape_number(part, "serial", 1, &report->serial);
	if (!err)
		err = graft_member_instant(part, "made", &report->made);
	if (!err)
		err = graft_member_instant(part, "expires", &report->expires);
	if (!err)
		err = graft_member_text(part, "agent", AGENT_MAX,
					&report->agent);
	if (err)
		return err;
	const int64_t most = (int64_t)GRAFT_COMPLIANCE_DAYS_MAX * DAY_S;
	if (report->expires <= report->made ||
	    report->expires - report->made > most)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "it is good for no time, or for more "
				       "than %d days",
				       GRAFT_COMPLIANCE_DAYS_MAX);
	return NULL;
}

/** Take the one signature. */
GRAFT_MUST_CHECK static struct graft_error *
take_signature(struct graft_compliance *report, const struct graft_node *root)
{
	const struct graft_node *list;

	struct graft_error *err = graft_shape_take(root, "signatures",
						   GRAFT_NODE_ARRAY, &list);
	if (err)
		return err;
	if (list->count != 1)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "it has %u signatures, and must have "
				       "one",
				       list->count);
	const struct graft_node *one = graft_node_first(list);
	err = graft_member_text(one, "keyid", GRAFT_KEY_ID_LEN - 1,
				&report->key_id);
	return err ? err
		   : graft_member_text(one, "sig",
				       (size_t)2 * GRAFT_TRUST_SIGNATURE_MAX,
				       &report->sig);
}

struct graft_error *
graft_compliance_decode(const void *bytes, size_t len,
			struct graft_compliance **ret)
{
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *report = calloc(1, sizeof(*report));

	if (!report)
		return graft_error_no_memory();
	if (len > GRAFT_COMPLIANCE_BYTES_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "it has more than %d bytes",
				       GRAFT_COMPLIANCE_BYTES_MAX);
	struct graft_error *err = graft_document_parse(bytes, len,
						       &report->document);
	if (err)
		return err;
	const struct graft_node *root = graft_document_root(report->document);
	err = take_signature(report, root);
	if (!err)
		err = graft_shape_take(root, "signed", GRAFT_NODE_OBJECT,
				       &report->signed_part);
	if (!err)
		err = take_head(report);
	if (!err)
		err = take_facts(report);
	if (!err)
		err = take_state(report);
	if (!err)
		err = take_look(report);
	if (!err)
		err = take_update(report);
	if (!err)
		err = take_restart(report);
	if (!err)
		err = take_processes(report);
	if (!err)
		err = graft_canonical_make(report->signed_part,
					   &report->canonical,
					   &report->canonical_len);
	if (err)
		return err;
	*ret = GRAFT_TAKE(report);
	return NULL;
}
