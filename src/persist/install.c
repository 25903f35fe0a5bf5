// SPDX-License-Identifier: Apache-2.0

#include "persist/install.h"

#include "base/clock.h"
#include "base/env.h"
#include "base/fault.h"
#include "base/file.h"
#include "patch/disks.h"
#include "patch/file.h"
#include "persist/before.h"
#include "persist/dpkg.h"
#include "persist/files.h"
#include "persist/policy.h"
#include "persist/stage.h"
#include "persist/switch.h"

#include <stdlib.h>
#include <string.h>

void
graft_install_found_deinit(struct graft_install_found *found)
{
	graft_text_deinit(&found->scripts);
	free(found->states);
}

/** Copy a record, so that it can be changed and put. */
static struct graft_error *
copy_record(const struct graft_store *store, const char *id,
	    struct graft_record *ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	const struct graft_record *record = graft_store_find(store, id);

	if (!record)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "nothing of %s is installed", id);
	graft_record_encode(record, &text);
	if (text.failed)
		return graft_error_no_memory();
	return graft_record_decode(text.str, text.len, ret);
}

/** Write the next step of a record. */
static struct graft_error *
put_step(struct graft_store *store, const char *id, enum graft_record_step step)
{
	GRAFT_CLEANUP(graft_record_deinit) struct graft_record record = { 0 };
	struct graft_error *err = copy_record(store, id, &record);

	if (err)
		return err;
	record.step = step;
	return graft_store_put(store, &record);
}

struct graft_error *
graft_install_read(const struct graft_store *store, const char *id,
		   struct graft_patch **ret)
{
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = graft_store_path(store, id, "fix.graft",
						   &path);

	return err ? err : graft_patch_read_file(path, ret);
}

struct graft_error *
graft_install_check(const struct graft_install_request *request,
		    struct graft_install_found *found)
{
	const struct graft_patch *patch = request->patch;
	bool new = false;

	*found = (struct graft_install_found){ 0 };
	if (!patch->disk_count)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "the hotpatch has nothing for the disk; "
				       "`graft diff` adds it to one that is "
				       "made of packages, and with --disk to "
				       "others");
	struct graft_error *err = graft_dir_make(graft_env_state_dir(), 0700);
	if (err)
		return err;
	if (!graft_disks_of_files(patch))
		return graft_stage_check(request, found);
	err = graft_files_are(patch->disks[0], request->root, true, &new);
	if (!err && new)
		found->already = true;
	else if (!err)
		err = graft_files_check(patch->disks[0], request->root);
	return err;
}

struct graft_error *
graft_install_begin(struct graft_store *store,
		    const struct graft_install_request *request)
{
	struct graft_patch *patch = request->patch;
	GRAFT_CLEANUP(graft_record_deinit)
	struct graft_record record = {
		.step = GRAFT_RECORD_INSTALLING,
		.time_us = graft_clock_now_us(),
		.memory = request->memory,
		.root = strdup(request->root),
	};
	GRAFT_FREE char *path = NULL;

	if (!record.root)
		return graft_error_no_memory();
	memcpy(record.id, patch->id, sizeof(record.id));
	const struct graft_record *before = graft_store_find(store, patch->id);
	if (before && before->package_count)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"it is installed, and an old package was added "
			"since: `apt-get install` brings that to its new "
			"version, or `graft rollback` before this");
	struct graft_error *err = graft_store_make(store, patch->id);
	if (!err)
		err = graft_fault("disk-stage");
	if (!err)
		err = graft_store_path(store, patch->id, "fix.graft", &path);
	if (!err)
		err = graft_patch_write_file(patch, path);
	if (!err)
		err = graft_disks_of_files(patch)
			      ? graft_files_keep(patch->disks[0], request->root,
						 store, patch->id)
			      : graft_stage_write(store, request, &record);
	if (!err)
		err = graft_fault("disk-staged");
	if (!err)
		err = graft_store_put(store, &record);
	if (!err)
		return graft_fault("disk-begun");
	// Without a record this is rubbish, and says so to nobody.
	graft_error_free(graft_store_remove(store, patch->id));
	return err;
}

/** Bring the new ones to the disk, if they are not there. */
static struct graft_error *
forward(const struct graft_store *store, const struct graft_record *record,
	const struct graft_patch *patch)
{
	return record->package_count
		       ? graft_switch_packages(store, record, patch, true)
		       : graft_files_replace(patch->disks[0], record->root);
}

/** Bring the old ones back, if they are not there. */
static struct graft_error *
backward(const struct graft_store *store, const struct graft_record *record,
	 const struct graft_patch *patch)
{
	return record->package_count
		       ? graft_switch_packages(store, record, patch, false)
		       : graft_files_restore(patch->disks[0], record->root,
					     store, record->id);
}

static struct graft_error *
lock_for(const struct graft_record *record, uint64_t wait_us,
	 struct graft_dpkg_lock *lock)
{
	if (!record->package_count)
		return NULL;
	struct graft_error *err = graft_before_permission(
		record->root, record->memory != GRAFT_RECORD_NONE);
	return err ? err : graft_dpkg_lock(record->root, wait_us, lock);
}

/** Let a record go of which somebody else has brought a package elsewhere meanwhile. */
static struct graft_error *
drop_if_over(struct graft_store *store, const struct graft_record *record)
{
	const struct graft_record_package *who = NULL;
	struct graft_error *err = graft_switch_is_over(record, &who);

	if (err || !who)
		return err;
	struct graft_error *over = graft_error_new(
		GRAFT_ERROR_REFUSED,
		"%s was brought to another version, or removed, by somebody "
		"else meanwhile; nothing was changed%s",
		who->name,
		record->package_count > 1
			? "; `apt-get -f install` ends what dpkg has left half "
			  "done of the others, if it has"
			: "");
	err = graft_policy_remove(record->root);
	if (!err)
		err = graft_store_remove(store, record->id);
	if (!err)
		return over;
	graft_error_free(over);
	return err;
}

/** Remove what is needed no more when the new packages are there. */
static void
drop_new(const struct graft_store *store, const struct graft_record *record)
{
	for (size_t i = 0; i < record->package_count; i++) {
		char name[GRAFT_STAGE_NAME_LEN];
		graft_stage_name(true, i, name);
		graft_store_drop(store, record->id, name);
	}
	graft_store_drop(store, record->id, "new.hidden");
}

struct graft_error *
graft_install_go_on(struct graft_store *store, const char *id, uint64_t wait_us)
{
	GRAFT_CLEANUP(graft_record_deinit) struct graft_record record = { 0 };
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	GRAFT_CLEANUP(graft_dpkg_unlock)
	struct graft_dpkg_lock lock = { .fd = -1 };

	struct graft_error *err = copy_record(store, id, &record);
	if (!err)
		err = graft_install_read(store, id, &patch);
	if (!err)
		err = lock_for(&record, wait_us, &lock);
	if (!err)
		err = drop_if_over(store, &record);
	if (err)
		return err;
	err = forward(store, &record, patch);
	if (!err) {
		drop_new(store, &record);
		err = put_step(store, id,
			       record.memory == GRAFT_RECORD_NONE
				       ? GRAFT_RECORD_INSTALLED
				       : GRAFT_RECORD_SWITCHING);
		return err ? err : graft_fault("disk-installed");
	}
	struct graft_error *undo = put_step(store, id, GRAFT_RECORD_REMOVING);
	if (!undo)
		undo = backward(store, &record, patch);
	if (!undo)
		undo = graft_store_remove(store, id);
	if (!undo)
		return graft_error_prefix(err, "the old files are back");
	err = graft_error_prefix(err,
				 "and the old files are not back (%s); "
				 "the next run tries again",
				 graft_error_message(undo));
	graft_error_free(undo);
	return err;
}

struct graft_error *
graft_install_undo(struct graft_store *store, const char *id, bool memory,
		   uint64_t wait_us)
{
	GRAFT_CLEANUP(graft_record_deinit) struct graft_record record = { 0 };
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	GRAFT_CLEANUP(graft_dpkg_unlock)
	struct graft_dpkg_lock lock = { .fd = -1 };

	struct graft_error *err = copy_record(store, id, &record);
	if (!err)
		err = graft_install_read(store, id, &patch);
	if (!err)
		err = lock_for(&record, wait_us, &lock);
	if (!err && record.step == GRAFT_RECORD_REMOVING)
		err = drop_if_over(store, &record);
	if (!err)
		err = graft_switch_may_go_back(&record, patch);
	record.step = GRAFT_RECORD_REMOVING;
	if (!memory)
		record.memory = GRAFT_RECORD_NONE;
	if (!err)
		err = graft_store_put(store, &record);
	if (!err)
		err = graft_fault("disk-removing");
	if (!err)
		err = backward(store, &record, patch);
	if (!err)
		err = record.memory == GRAFT_RECORD_NONE
			      ? graft_store_remove(store, id)
			      : put_step(store, id, GRAFT_RECORD_REVERTING);
	return err ? err : graft_fault("disk-removed");
}

struct graft_error *
graft_install_finish(struct graft_store *store, const char *id)
{
	const struct graft_record *record = graft_store_find(store, id);

	if (record && record->step == GRAFT_RECORD_REVERTING)
		return graft_store_remove(store, id);
	return put_step(store, id, GRAFT_RECORD_INSTALLED);
}

/** Say whether another record leads on from a package of this one. */
static bool
leads_on(const struct graft_store *store, const struct graft_record *record,
	 const struct graft_record_package *package)
{
	size_t count;
	const struct graft_record *all = graft_store_records(store, &count);

	for (size_t i = 0; i < count; i++) {
		if (&all[i] == record || strcmp(all[i].root, record->root) != 0)
			continue;
		for (size_t k = 0; k < all[i].package_count; k++) {
			const struct graft_record_package *other =
				&all[i].packages[k];
			if (strcmp(other->name, package->name) == 0 &&
			    strcmp(other->architecture,
				   package->architecture) == 0 &&
			    strcmp(other->old_version, package->new_version) ==
				    0)
				return true;
		}
	}
	return false;
}

/** Say whether a rollback can come to a record: it is the last one of its packages, or
 * the last one leads to it. */
static struct graft_error *
is_of_use(const struct graft_store *store, const struct graft_record *record,
	  bool *ret)
{
	bool any = record->package_count == 0;

	*ret = true;
	for (size_t i = 0; i < record->package_count &&
			   record->step == GRAFT_RECORD_INSTALLED;
	     i++) {
		const struct graft_record_package *package =
			&record->packages[i];
		bool there = false;
		bool new = false;
		struct graft_error *err = graft_switch_is_new(record, package,
							      &there, &new);
		if (err)
			return err;
		any |= there;
		// What was removed since takes nothing from the others.
		if (there && !new && !leads_on(store, record, package))
			*ret = false;
	}
	*ret = *ret && (any || record->step != GRAFT_RECORD_INSTALLED);
	return NULL;
}

struct graft_error *
graft_install_prune(struct graft_store *store)
{
	char id[GRAFT_PATCH_ID_LEN + 1];
	size_t count;

	for (size_t i = 0; graft_store_records(store, &count), i < count;) {
		const struct graft_record *record =
			&graft_store_records(store, &count)[i];
		bool use = false;
		struct graft_error *err = is_of_use(store, record, &use);
		if (!err && !use) {
			memcpy(id, record->id, sizeof(id));
			err = graft_store_remove(store, id);
			i = 0;
			if (!err)
				continue;
		}
		if (err)
			return err;
		i++;
	}
	return NULL;
}
