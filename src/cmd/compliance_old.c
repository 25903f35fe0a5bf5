// SPDX-License-Identifier: Apache-2.0

// What processes of this host run: hotpatches that are in, and code from before an upgrade.

#include "cmd/compliance.h"

#include "base/capability.h"
#include "base/cleanup.h"
#include "base/env.h"
#include "base/hex.h"
#include "cmd/options.h"
#include "cmd/status.h"
#include "cmd/sync_held.h"
#include "cmd/sync_state.h"
#include "patch/file.h"
#include "trust/json.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	/** Hotpatches and groups, and files of each. Whoever may start programs chooses how many there are. */
	LISTED_MAX = 128,
	FILES_MAX = 8,
	/** Bytes of a text, and of a report from which on nothing more is listed. */
	TEXT_MAX = 256,
	ENOUGH = GRAFT_COMPLIANCE_BYTES_MAX * 3 / 4,
	ACTIONS = GRAFT_SYNC_GONE + 1,
};

/** Append a text that somebody else chose. */
static void
put_string(struct graft_text *text, const char *str)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text safe = { 0 };

	// Cut before it is made safe: between two bytes of a character, too.
	GRAFT_FREE char *cut = strndup(str ? str : "", TEXT_MAX);

	graft_text_put_safe(&safe, cut ? cut : "");
	graft_json_put_string(text, graft_text_str(&safe), safe.len);
	text->failed = text->failed || !cut;
	text->failed = text->failed || safe.failed;
}

/** Append a member that is a text. */
static void
put_member(struct graft_text *text, const char *key, const char *str)
{
	graft_text_printf(text, ",\"%s\":", key);
	put_string(text, str);
}

/** Append how sure a hotpatch is, by its file in the state directory. */
static void
put_assurance(struct graft_text *text, const char *id)
{
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	GRAFT_FREE char *path = NULL;
	const char *name = "unknown";

	if (asprintf(&path, "%s/hotpatches/%s.graft", graft_env_state_dir(),
		     id) < 0)
		path = NULL;
	struct graft_error *err = path ? graft_patch_read_file(path, &patch)
				       : graft_error_no_memory();
	for (size_t i = 0; !err && i < patch->module_count; i++) {
		const struct graft_patch_module *module = &patch->modules[i];
		if (module->verdict != GRAFT_VERDICT_HOTPATCH)
			continue;
		// Of several the least sure.
		if (strcmp(name, "unknown") == 0 ||
		    module->assurance == GRAFT_ASSURANCE_INFERRED)
			name = graft_assurance_name(module->assurance);
	}
	graft_error_free(err);
	put_member(text, "assurance", name);
}

/** Say whether a process holds a hotpatch, in any module. */
static bool
holds(const struct graft_report_process *process, const char *id,
      bool *applied_ret)
{
	bool found = false;

	*applied_ret = true;
	for (size_t i = 0; i < process->hotpatch_count; i++) {
		const struct graft_report_hotpatch *h = &process->hotpatches[i];
		if (strcmp(h->id, id) != 0)
			continue;
		found = true;
		*applied_ret = *applied_ret && strcmp(h->state, "applied") == 0;
	}
	return found;
}

/** Say whether a hotpatch stands before a place among all. */
static bool
is_before(const struct graft_report *report, size_t process, size_t hotpatch)
{
	const char *id = report->processes[process].hotpatches[hotpatch].id;
	bool applied;

	for (size_t i = 0; i < process; i++) {
		if (holds(&report->processes[i], id, &applied))
			return true;
	}
	for (size_t i = 0; i < hotpatch; i++) {
		if (strcmp(report->processes[process].hotpatches[i].id, id) ==
		    0)
			return true;
	}
	return false;
}

/** Append the build-ids of what a hotpatch is in, in one process: others have the same. */
static void
put_modules(struct graft_text *text, const struct graft_report_process *process,
	    const char *id)
{
	const char *comma = "";
	size_t listed = 0;

	graft_text_put(text, ",\"modules\":[");
	for (size_t i = 0; i < process->hotpatch_count; i++) {
		const struct graft_report_hotpatch *h = &process->hotpatches[i];
		if (strcmp(h->id, id) != 0 || listed++ >= FILES_MAX)
			continue;
		graft_text_printf(text, "%s{\"build_id\":", comma);
		put_string(text, h->build_id);
		put_member(text, "path", h->module);
		graft_text_put(text, "}");
		comma = ",";
	}
	graft_text_put(text, "]");
}

/** Append a hotpatch and how many processes hold it. */
static void
put_hotpatch(struct graft_text *text, const struct graft_report *report,
	     size_t process, size_t hotpatch)
{
	const struct graft_report_hotpatch *h =
		&report->processes[process].hotpatches[hotpatch];
	size_t applied = 0;
	size_t others = 0;

	for (size_t i = 0; i < report->count; i++) {
		bool whole;
		if (!holds(&report->processes[i], h->id, &whole))
			continue;
		applied += whole;
		others += !whole;
	}
	graft_text_put(text, "{\"id\":");
	put_string(text, h->id);
	put_member(text, "title", h->title);
	put_member(text, "verdict", graft_verdict_name(GRAFT_VERDICT_HOTPATCH));
	put_assurance(text, h->id);
	put_modules(text, &report->processes[process], h->id);
	graft_text_printf(text,
			  ",\"processes\":{\"applied\":%zu,\"other\":%zu}}",
			  applied, others);
}

/** Append the hotpatches that processes hold. @param[out] count_ret Processes in which one is applied. */
static void
put_hotpatches(struct graft_text *text, const struct graft_report *report,
	       size_t *count_ret, size_t *left_out)
{
	size_t listed = 0;

	*count_ret = 0;
	graft_text_put(text, ",\"hotpatches\":[");
	for (size_t i = 0; i < report->count; i++) {
		const struct graft_report_process *p = &report->processes[i];
		bool any = false;
		for (size_t j = 0; j < p->hotpatch_count; j++) {
			any = any ||
			      strcmp(p->hotpatches[j].state, "applied") == 0;
			if (is_before(report, i, j))
				continue;
			if (listed == LISTED_MAX || text->len > ENOUGH) {
				(*left_out)++;
				continue;
			}
			graft_text_put(text, listed++ ? "," : "");
			put_hotpatch(text, report, i, j);
		}
		*count_ret += any;
	}
	graft_text_put(text, "]");
}

/** Append the files of a group, with what was found out about each. */
static void
put_files(struct graft_text *text, const struct graft_sync *sync, size_t group)
{
	const char *comma = "";
	size_t listed = 0;

	graft_text_put(text, ",\"files\":[");
	for (size_t i = 0; i < sync->code->file_count; i++) {
		char build_id[2 * GRAFT_PATCH_BUILD_ID_MAX + 1] = "";
		const struct graft_patch_module *module =
			graft_sync_module(sync, i);
		if (sync->group_of[i] != group || listed++ >= FILES_MAX)
			continue;
		if (module)
			graft_hex_encode(module->old_build_id,
					 module->old_build_id_len, build_id);
		graft_text_printf(text, "%s{\"build_id\":", comma);
		put_string(text, build_id);
		put_member(text, "path", sync->code->files[i].path);
		put_member(text, "verdict",
			   module ? graft_verdict_name(module->verdict)
				  : "unknown");
		put_member(text, "assurance",
			   module ? graft_assurance_name(module->assurance)
				  : "none");
		graft_text_put(text, "}");
		comma = ",";
	}
	graft_text_put(text, "]");
}

/** Append a group of old files, and what becomes of those who run them. */
static void
put_group(struct graft_text *text, const struct graft_sync *sync, size_t group,
	  const size_t counts[ACTIONS])
{
	const struct graft_package *package = sync->groups[group].package;
	const char *why = NULL;

	for (size_t i = 0; i < sync->item_count; i++) {
		const struct graft_sync_item *item = &sync->items[i];
		if (item->group == group && !why)
			why = item->why;
	}
	graft_text_put(text, "{\"package\":");
	put_string(text, package ? package->source : "");
	put_member(text, "version", package ? package->version : "");
	put_files(text, sync, group);
	put_member(text, "why", why);
	graft_text_printf(text,
			  ",\"processes\":{\"hotpatched\":%zu,\"due\":%zu,"
			  "\"refused\":%zu,\"restart\":%zu}}",
			  counts[GRAFT_SYNC_BEFORE], counts[GRAFT_SYNC_DONE],
			  counts[GRAFT_SYNC_REFUSED],
			  counts[GRAFT_SYNC_RESTART]);
}

/** Append all groups of which somebody runs old code that is another one. */
static void
put_old(struct graft_text *text, const struct graft_sync *sync,
	size_t *left_out)
{
	size_t listed = 0;

	graft_text_put(text, ",\"old_code\":[");
	for (size_t g = 0; g < sync->group_count; g++) {
		size_t counts[ACTIONS] = { 0 };
		for (size_t i = 0; i < sync->item_count; i++) {
			if (sync->items[i].group == g)
				counts[sync->items[i].action]++;
		}
		if (!counts[GRAFT_SYNC_BEFORE] && !counts[GRAFT_SYNC_DONE] &&
		    !counts[GRAFT_SYNC_REFUSED] && !counts[GRAFT_SYNC_RESTART])
			continue;
		if (listed == LISTED_MAX || text->len > ENOUGH) {
			(*left_out)++;
			continue;
		}
		graft_text_put(text, listed++ ? "," : "");
		put_group(text, sync, g, counts);
	}
	graft_text_put(text, "]");
}

/** Count the processes of an action: of several groups the worst counts. */
static size_t
count(const struct graft_sync *sync, enum graft_sync_action action)
{
	static const int ranks[ACTIONS] = {
		[GRAFT_SYNC_DONE] = 1,
		[GRAFT_SYNC_REFUSED] = 2,
		[GRAFT_SYNC_RESTART] = 3,
	};
	size_t found = 0;

	for (size_t p = 0; p < sync->code->process_count; p++) {
		int worst = 0;
		for (size_t i = 0; i < sync->item_count; i++) {
			const struct graft_sync_item *item = &sync->items[i];
			if (item->process == p && ranks[item->action] > worst)
				worst = ranks[item->action];
		}
		found += worst == ranks[action];
	}
	return found;
}

struct graft_error *
graft_compliance_put_processes(struct graft_text *text,
			       struct graft_compliance_run *ret)
{
	const struct graft_options options = { 0 };
	const struct graft_sync none = { 0 };
	GRAFT_CLEANUP(graft_sync_deinit)
	struct graft_sync sync = { .dry_run = true };
	GRAFT_CLEANUP(graft_report_deinit)
	struct graft_report report = { .privileged = graft_capability_has(
					       CAP_SYS_PTRACE) };
	size_t hotpatched = 0;
	size_t left_out = 0;

	struct graft_error *err = graft_status_collect(&report);
	if (!err)
		err = graft_sync_find(&sync, &options, &none);
	if (!err)
		err = graft_sync_find_held(&sync, &options);
	if (err)
		return err;
	graft_sync_find_done(&sync);
	put_hotpatches(text, &report, &hotpatched, &left_out);
	put_old(text, &sync, &left_out);
	const size_t due = count(&sync, GRAFT_SYNC_DONE);
	const size_t refused = count(&sync, GRAFT_SYNC_REFUSED);
	const size_t restart = count(&sync, GRAFT_SYNC_RESTART);
	graft_text_printf(text,
			  ",\"processes\":{\"hotpatched\":%zu,\"due\":%zu,"
			  "\"refused\":%zu,\"restart\":%zu,\"held\":%zu,"
			  "\"unseen\":%zu},\"left_out\":%zu",
			  hotpatched, due, refused, restart,
			  sync.held ? sync.held->count : 0, report.unseen,
			  left_out);
	*ret = (struct graft_compliance_run){
		.whole = !due && !refused && !restart,
		.hotpatched = hotpatched,
	};
	return text->failed ? graft_error_no_memory() : NULL;
}
