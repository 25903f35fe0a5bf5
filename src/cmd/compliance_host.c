// SPDX-License-Identifier: Apache-2.0

// What this host says of itself. Each fact comes from where other verbs have it.

#include "cmd/compliance.h"

#include "base/cleanup.h"
#include "base/env.h"
#include "cmd/device.h"
#include "cmd/restart.h"
#include "ledger/quarantine.h"
#include "release/policy.h"
#include "trust/document.h"
#include "trust/json.h"
#include "update/last.h"

#include <string.h>

enum {
	/** Bytes of what `graft update` said. */
	SAID_MAX = GRAFT_COMPLIANCE_BYTES_MAX / 2,
};

/** Whether something of a release is there. */
enum presence {
	NO,
	PARTLY,
	YES,
	/** It was, before the host was restarted. */
	UNKNOWN,
};

static const char *const words[] = {
	[NO] = "no",
	[PARTLY] = "partly",
	[YES] = "yes",
	[UNKNOWN] = "unknown",
};

/** Append what the last looks for releases came to. */
static void
put_look(struct graft_text *text, const struct graft_update_last *last)
{
	if (!last->at) {
		graft_text_put(text, ",\"look\":null,\"update\":null");
		return;
	}
	graft_text_put(text, ",\"look\":{\"at\":");
	graft_json_put_instant(text, last->at);
	graft_text_put(text, ",\"good_at\":");
	graft_json_put_instant(text, last->good_at);
	graft_text_printf(text, ",\"failures\":%llu,\"error\":",
			  (unsigned long long)last->failures);
	if (last->error)
		graft_json_put_string(text, last->error, strlen(last->error));
	else
		graft_text_put(text, "null");
	// Releases with thousands of files would leave no room for the rest.
	graft_text_put(text, "},\"update\":");
	graft_text_put(text, last->said && strlen(last->said) < SAID_MAX
				     ? last->said
				     : "null");
}

/** Append a release and where it is. */
static void
put_release(struct graft_text *text, size_t *count, const char *id,
	    const char *level, enum presence memory, enum presence disk)
{
	graft_text_put(text, (*count)++ ? ",{\"id\":" : "{\"id\":");
	graft_json_put_string(text, id, strlen(id));
	graft_text_put(text, ",\"level\":");
	graft_json_put_string(text, level, strlen(level));
	graft_text_printf(text, ",\"memory\":\"%s\",\"disk\":\"%s\"}",
			  words[memory], words[disk]);
}

/**
 * Append those of a hotpatch release of which some files are in and others are not.
 *
 * @param said What the last update said, or NULL.
 */
static void
put_partly(struct graft_text *text, const struct graft_document *said,
	   size_t *count)
{
	if (!said)
		return;
	const struct graft_node *root = graft_document_root(said);
	const struct graft_node *files = graft_node_get(root, "files");
	const struct graft_node *releases = graft_node_get(root, "releases");
	const struct graft_node *raised = graft_node_get(root, "raised");
	if (!graft_node_is(raised, GRAFT_NODE_FALSE) ||
	    !graft_node_is(files, GRAFT_NODE_ARRAY) ||
	    !graft_node_is(releases, GRAFT_NODE_ARRAY) || !releases->count)
		return;
	const struct graft_node *file = graft_node_first(files);
	bool some = false;
	for (uint32_t i = 0; i < files->count; i++) {
		const struct graft_node *result = graft_node_get(file,
								 "result");
		some = some || (graft_node_is(result, GRAFT_NODE_STRING) &&
				strcmp(result->text, "refused") != 0);
		file = graft_node_next(file);
	}
	const struct graft_node *one = graft_node_first(releases);
	const struct graft_node *id = graft_node_get(one, "id");
	const struct graft_node *level = graft_node_get(one, "level");
	if (some && graft_node_is(id, GRAFT_NODE_STRING) &&
	    graft_node_is(level, GRAFT_NODE_STRING))
		put_release(text, count, id->text, level->text, PARTLY, PARTLY);
}

/**
 * Append the releases that are here, in memory or on disk.
 *
 * @param[out] lost_ret One was for memory alone, and the host was restarted since.
 */
GRAFT_MUST_CHECK static struct graft_error *
put_releases(struct graft_text *text, const struct graft_update_last *last,
	     const struct graft_document *said,
	     const struct graft_restart *restart, bool *lost_ret)
{
	const struct graft_update_record *record = restart->record;
	char boot_id[GRAFT_BOOT_ID_LEN];
	size_t count = 0;

	struct graft_error *err = graft_boot_id_read(boot_id);
	if (err)
		return err;
	graft_text_put(text, ",\"releases\":[");
	for (size_t i = 0; i < last->taken_count; i++) {
		const struct graft_update_taken *taken = &last->taken[i];
		const bool gone = taken->memory_only &&
				  strcmp(taken->boot_id, boot_id) != 0;
		*lost_ret = *lost_ret || gone;
		put_release(text, &count, taken->id,
			    graft_level_write(taken->level).str,
			    gone ? UNKNOWN : YES,
			    taken->memory_only ? NO : YES);
	}
	for (size_t i = 0; record && i < record->releases.count; i++) {
		const struct graft_release *release =
			graft_update_state_releases(restart->state)[i];
		put_release(text, &count, release->id,
			    graft_level_write(release->level).str, NO,
			    record->step == GRAFT_UPDATE_INSTALLING ? PARTLY
								    : YES);
	}
	if (!record)
		put_partly(text, said, &count);
	graft_text_put(text, "]");
	return NULL;
}

/** Append what waits for a restart. */
GRAFT_MUST_CHECK static struct graft_error *
put_restart(struct graft_text *text, const struct graft_restart *restart)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text json = { 0 };

	graft_text_put(text, ",\"restart\":");
	struct graft_error *err =
		restart->record ? graft_restart_print_json(restart, &json)
				: NULL;
	graft_text_put(text, restart->record ? graft_text_str(&json) : "null");
	return err;
}

/** Append the hotpatches in quarantine. */
GRAFT_MUST_CHECK static struct graft_error *
put_quarantine(struct graft_text *text)
{
	GRAFT_CLEANUP(graft_quarantine_freep)
	struct graft_quarantine *quarantine = NULL;
	const char *comma = "";

	struct graft_error *err = graft_quarantine_read(graft_env_state_dir(),
							&quarantine);
	if (err)
		return err;
	graft_text_put(text, ",\"quarantine\":[");
	for (size_t i = 0; i < quarantine->count; i++) {
		// What single users bring on is no news of the host.
		if (quarantine->entries[i].released ||
		    quarantine->entries[i].of_user)
			continue;
		graft_text_printf(text, "%s\"%s\"", comma,
				  quarantine->entries[i].id);
		comma = ",";
	}
	graft_text_put(text, "]");
	return NULL;
}

/** Say whether the last good look decided that this host can get nothing. */
static bool
is_not_ready(const struct graft_document *said)
{
	if (!said)
		return false;
	const struct graft_node *decision = graft_node_get(
		graft_node_get(graft_document_root(said), "device"),
		"decision");

	return graft_node_is(decision, GRAFT_NODE_STRING) &&
	       strcmp(decision->text,
		      graft_decision_name(GRAFT_DECISION_NOT_READY)) == 0;
}

/** Decide where this host stands. */
static enum graft_compliance_state
find_state(const struct graft_facts *facts,
	   const struct graft_update_last *last,
	   const struct graft_document *said, bool waits, bool whole)
{
	if (waits)
		return GRAFT_COMPLIANCE_RESTART;
	if (!last->good_at)
		return GRAFT_COMPLIANCE_UNKNOWN;
	if (is_not_ready(said))
		return GRAFT_COMPLIANCE_NOT_READY;
	if (facts->level < last->target)
		return GRAFT_COMPLIANCE_BEHIND;
	return whole ? GRAFT_COMPLIANCE_CURRENT : GRAFT_COMPLIANCE_PARTLY;
}

struct graft_error *
graft_compliance_put_host(struct graft_text *text)
{
	GRAFT_CLEANUP(graft_update_last_deinit)
	struct graft_update_last last = { 0 };
	GRAFT_CLEANUP(graft_restart_deinit)
	struct graft_restart restart = { 0 };
	GRAFT_CLEANUP(graft_document_freep)
	struct graft_document *said = NULL;
	struct graft_facts facts;
	struct graft_compliance_run run = { 0 };
	bool lost = false;

	struct graft_error *err = graft_device_look(&facts);
	if (!err)
		err = graft_update_last_read(graft_env_state_dir(), &last);
	if (!err)
		err = graft_restart_open(NULL, &restart);
	if (!err && last.said)
		err = graft_document_parse(last.said, strlen(last.said), &said);
	if (err)
		return err;
	graft_text_put(text, ",\"facts\":");
	graft_facts_put_json(&facts, text);
	put_look(text, &last);
	err = put_releases(text, &last, said, &restart, &lost);
	if (!err)
		err = put_restart(text, &restart);
	if (!err)
		err = put_quarantine(text);
	if (!err)
		err = graft_compliance_put_processes(text, &run);
	// graftd gives what was for memory alone to who starts later; where nobody has it, nobody did.
	if (err)
		return err;
	graft_text_printf(text, ",\"state\":\"%s\"",
			  graft_compliance_state_name(find_state(
				  &facts, &last, said, restart.record != NULL,
				  run.whole && (!lost || run.hotpatched))));
	return text->failed ? graft_error_no_memory() : NULL;
}
