// SPDX-License-Identifier: Apache-2.0

#include "cmd/install_steps.h"

#include "base/fault.h"
#include "cmd/keep.h"
#include "cmd/work.h"
#include "patch/file.h"
#include "persist/install.h"

#include <stdio.h>
#include <string.h>

struct graft_error *
graft_install_switch(struct graft_patch *patch,
		     const struct graft_options *options,
		     struct graft_outcomes *outcomes)
{
	GRAFT_CLEANUP(graft_builds_freep) struct graft_builds *builds = NULL;
	const bool dry_run = options->dry_run;
	struct graft_work work = {
		.verb = "install",
		.done = dry_run ? "can be applied" : "hotpatched",
		.changes = !dry_run,
		.options = options,
		.id = patch->id,
		.patch = patch,
		.prepare = dry_run ? NULL : graft_work_prepare_apply,
	};

	struct graft_error *err = graft_fault("disk-switch");
	if (!err)
		err = graft_builds_new(&builds);
	if (err)
		return err;
	work.builds = builds;
	return graft_work_do(&work, graft_work_concerns,
			     dry_run ? graft_work_plan : graft_work_prepared,
			     outcomes);
}

struct graft_error *
graft_install_revert(const char *id, const struct graft_options *options,
		     struct graft_outcomes *outcomes)
{
	struct graft_work work = {
		.verb = "rollback",
		.done = "reverted",
		.changes = true,
		.options = options,
		.id = id,
		.prepare = graft_work_prepare_revert,
	};

	struct graft_error *err = graft_fault("disk-revert");
	return err ? err
		   : graft_work_do(&work, graft_work_holds, graft_work_revert,
				   outcomes);
}

struct graft_error *
graft_install_keep(struct graft_patch *patch, const char *id, bool keep)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	if (!keep)
		return graft_keep_drop(id);
	struct graft_error *err = graft_patch_encode(patch, &bytes, &len);
	return err ? err : graft_keep_put(id, bytes, len, true);
}

/** Go on with processes, where a run before named none. */
static struct graft_error *
resume_switch(struct graft_store *store, const struct graft_record *record,
	      uint64_t wait_us, struct graft_outcomes *outcomes)
{
	const struct graft_options options = { .all = true,
					       .wait_us = wait_us };
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;

	if (record->memory != GRAFT_RECORD_ALL)
		return NULL;
	struct graft_error *err = graft_install_read(store, record->id, &patch);
	if (!err)
		err = graft_install_keep(patch, patch->id, true);
	return err ? err : graft_install_switch(patch, &options, outcomes);
}

static struct graft_error *
resume_revert(const struct graft_record *record, uint64_t wait_us,
	      struct graft_outcomes *outcomes)
{
	const struct graft_options options = { .all = true,
					       .wait_us = wait_us };

	return graft_install_revert(record->id, &options, outcomes);
}

/** Do the next step of a record. */
static struct graft_error *
resume_step(struct graft_store *store, const struct graft_record *record,
	    uint64_t wait_us, struct graft_install_resumed *resumed,
	    struct graft_outcomes *outcomes)
{
	char id[GRAFT_PATCH_ID_LEN + 1];
	struct graft_error *err = NULL;

	memcpy(id, record->id, sizeof(id));
	resumed->switched += record->step == GRAFT_RECORD_SWITCHING ||
			     record->step == GRAFT_RECORD_REVERTING;
	switch (record->step) {
	case GRAFT_RECORD_INSTALLING:
		resumed->installed++;
		return graft_install_go_on(store, id, wait_us);
	case GRAFT_RECORD_SWITCHING:
		err = resume_switch(store, record, wait_us, outcomes);
		return err ? err : graft_install_finish(store, id);
	case GRAFT_RECORD_REMOVING:
		resumed->removed++;
		return graft_install_undo(store, id, true, wait_us);
	case GRAFT_RECORD_REVERTING:
		err = resume_revert(record, wait_us, outcomes);
		if (!err)
			err = graft_install_keep(NULL, id, false);
		return err ? err : graft_install_finish(store, id);
	case GRAFT_RECORD_INSTALLED:
		break;
	}
	return NULL;
}

/** Find a record that is not at rest; NULL: all are. */
static const struct graft_record *
find_open(const struct graft_store *store)
{
	size_t count;
	const struct graft_record *all = graft_store_records(store, &count);

	for (size_t i = 0; i < count; i++) {
		if (all[i].step != GRAFT_RECORD_INSTALLED)
			return &all[i];
	}
	return NULL;
}

struct graft_error *
graft_install_resume(struct graft_store *store, uint64_t wait_us,
		     struct graft_install_resumed *resumed,
		     struct graft_outcomes *outcomes)
{
	const struct graft_record *record;

	// Each step leads to the next one or to an error.
	while ((record = find_open(store)) != NULL) {
		struct graft_error *err = resume_step(store, record, wait_us,
						      resumed, outcomes);
		if (err)
			return graft_error_prefix(
				err, "an installation that was cut off");
	}
	return NULL;
}

void
graft_install_say_resumed(const char *verb,
			  const struct graft_install_resumed *resumed)
{
	if (resumed->installed)
		(void)fprintf(
			stderr,
			"graft %s: an installation that was cut off is done now\n",
			verb);
	if (resumed->removed)
		(void)fprintf(
			stderr,
			"graft %s: a rollback that was cut off is done now\n",
			verb);
}
