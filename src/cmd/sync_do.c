// SPDX-License-Identifier: Apache-2.0

#include "cmd/sync_state.h"

#include "apply/inspect.h"
#include "cmd/hold.h"
#include "cmd/keep.h"
#include "cmd/work.h"
#include "ledger/quarantine.h"
#include "patch/file.h"
#include "patch/immediate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Is one hotpatch, from one build to another, in a process? */
static bool
holds(const struct graft_inspection *inspection,
      const struct graft_patch_module *m)
{
	for (size_t i = 0; i < inspection->count; i++) {
		const struct graft_inspected *item = &inspection->items[i];
		const struct graft_header *header = item->header;
		if (strcmp(item->state, "applied") == 0 &&
		    m->old_build_id_len && m->new_build_id_len &&
		    header->old_build_id_len == m->old_build_id_len &&
		    header->new_build_id_len == m->new_build_id_len &&
		    memcmp(header->old_build_id, m->old_build_id,
			   m->old_build_id_len) == 0 &&
		    memcmp(header->new_build_id, m->new_build_id,
			   m->new_build_id_len) == 0)
			return true;
	}
	return false;
}

/** Are all hotpatches of an item in its process already? */
GRAFT_MUST_CHECK static struct graft_error *
was_done(const struct graft_sync *sync, const struct graft_sync_item *item,
	 bool *ret)
{
	const struct graft_old_process *p =
		&sync->code->processes[item->process];
	GRAFT_CLEANUP(graft_inspection_freep)
	struct graft_inspection *inspection = NULL;
	struct graft_error *err = graft_inspect(p->pid, GRAFT_INSPECT_STATES,
						&inspection);

	*ret = false;
	if (err)
		return err;
	*ret = true;
	for (size_t i = 0; i < p->file_count; i++) {
		const struct graft_patch_module *m =
			graft_sync_module(sync, p->files[i]);
		if (sync->group_of[p->files[i]] == item->group && m &&
		    m->verdict == GRAFT_VERDICT_HOTPATCH)
			*ret &= holds(inspection, m);
	}
	return NULL;
}

/** Take what became of a process. @param[in] err Taken. */
static void
take_outcome(struct graft_sync_item *item, struct graft_error *err)
{
	if (!err)
		return;
	switch (graft_error_code(err)) {
	case GRAFT_ERROR_ALREADY_APPLIED:
		item->action = GRAFT_SYNC_BEFORE;
		break;
	case GRAFT_ERROR_TARGET_GONE:
		item->action = GRAFT_SYNC_GONE;
		break;
	default:
		item->action = GRAFT_SYNC_REFUSED;
		item->why = strdup(graft_error_message(err));
		break;
	}
	graft_error_free(err);
}

void
graft_sync_find_done(struct graft_sync *sync)
{
	for (size_t i = 0; i < sync->item_count; i++) {
		struct graft_sync_item *item = &sync->items[i];
		bool done = false;
		if (item->action != GRAFT_SYNC_DONE)
			continue;
		take_outcome(item, was_done(sync, item, &done));
		if (done)
			item->action = GRAFT_SYNC_BEFORE;
	}
}

/** Call a hotpatch after its package, and give it its id. */
GRAFT_MUST_CHECK static struct graft_error *
finish_patch(const struct graft_sync_group *group, uint8_t **bytes_ret,
	     size_t *len_ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_patch *patch = group->patch;

	// What is the same for all processes, whenever they are looked at.
	if (group->package && group->package->version) {
		graft_text_put_safe(&text, group->package->source);
		graft_text_put(&text, " ");
		graft_text_put_safe(&text, group->package->version);
	} else {
		graft_text_put(&text, patch->modules[0].path);
	}
	free(patch->title);
	patch->title = NULL;
	// Each module was compared alone: together they may be more than it is for.
	graft_patch_limit_immediate(patch);
	struct graft_error *err = graft_text_take(&text, &patch->title);
	return err ? err : graft_patch_encode(patch, bytes_ret, len_ret);
}

/** Refuse the items of a group that are to be done. @param[in] why Taken. */
GRAFT_MUST_CHECK static struct graft_error *
refuse_group(struct graft_sync *sync, size_t group, struct graft_error *why)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < sync->item_count; i++) {
		struct graft_sync_item *item = &sync->items[i];
		if (item->group != group || item->action != GRAFT_SYNC_DONE)
			continue;
		item->action = GRAFT_SYNC_REFUSED;
		item->why = strdup(graft_error_message(why));
		err = item->why ? NULL : graft_error_no_memory();
	}
	graft_error_free(why);
	return err;
}

/** Apply the hotpatch of a group to those of its items that are to be done. */
GRAFT_MUST_CHECK static struct graft_error *
do_group(struct graft_sync *sync, size_t group, uint64_t wait_us)
{
	struct graft_patch *patch = sync->groups[group].patch;
	GRAFT_FREE pid_t *pids = calloc(sync->item_count + 1, sizeof(*pids));
	GRAFT_FREE uint8_t *bytes = NULL;
	GRAFT_CLEANUP(graft_builds_freep) struct graft_builds *builds = NULL;
	GRAFT_CLEANUP(graft_quarantine_freep)
	struct graft_quarantine *quarantine = NULL;
	GRAFT_CLEANUP(graft_outcomes_deinit)
	struct graft_outcomes outcomes = { 0 };
	struct graft_options options = { .wait_us = wait_us, .pids = pids };
	size_t len;

	if (!pids)
		return graft_error_no_memory();
	for (size_t i = 0; i < sync->item_count; i++) {
		const struct graft_sync_item *item = &sync->items[i];
		if (item->group == group && item->action == GRAFT_SYNC_DONE)
			pids[options.pid_count++] =
				sync->code->processes[item->process].pid;
	}
	if (!options.pid_count)
		return NULL;
	struct graft_error *err = finish_patch(&sync->groups[group], &bytes,
					       &len);
	if (err)
		return err;
	err = graft_hold_ask(patch, sync->unattended, &quarantine);
	if (err && graft_error_code(err) == GRAFT_ERROR_REFUSED)
		return refuse_group(sync, group, err);
	if (!err && !sync->dry_run)
		err = graft_keep_put(patch->id, bytes, len,
				     graft_sync_is_trusted(sync, group));
	if (!err)
		err = graft_builds_new(&builds);
	if (err)
		return err;
	struct graft_work work = {
		.verb = "sync",
		.done = "hotpatched",
		.changes = !sync->dry_run,
		.options = &options,
		.id = patch->id,
		.patch = patch,
		.builds = builds,
		.quarantine = quarantine,
		.prepare = sync->dry_run ? NULL : graft_work_prepare_apply,
	};
	err = graft_work_do(&work, NULL,
			    sync->dry_run ? graft_work_plan
					  : graft_work_prepared,
			    &outcomes);
	for (size_t i = 0; i < outcomes.count; i++) {
		struct graft_outcome *outcome = &outcomes.items[i];
		for (size_t k = 0; k < sync->item_count; k++) {
			struct graft_sync_item *item = &sync->items[k];
			if (item->group != group ||
			    item->action != GRAFT_SYNC_DONE ||
			    sync->code->processes[item->process].pid !=
				    outcome->pid)
				continue;
			memcpy(item->id, patch->id, sizeof(item->id));
			item->functions = outcome->functions;
			item->pause_us = outcome->pause_us;
			take_outcome(item, GRAFT_TAKE(outcome->err));
			break;
		}
	}
	return err;
}

struct graft_error *
graft_sync_do(struct graft_sync *sync, uint64_t wait_us)
{
	struct graft_error *err = NULL;

	graft_sync_find_done(sync);
	for (size_t i = 0; !err && i < sync->group_count; i++)
		err = do_group(sync, i, wait_us);
	return err;
}
