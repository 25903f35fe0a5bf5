// SPDX-License-Identifier: Apache-2.0

#include "persist/install.h"

#include "base/clock.h"
#include "base/env.h"
#include "base/fault.h"
#include "base/file.h"
#include "patch/disk.h"
#include "patch/file.h"
#include "persist/before.h"
#include "persist/dpkg.h"
#include "persist/files.h"
#include "persist/installed.h"
#include "persist/policy.h"
#include "persist/rebuild.h"
#include "persist/switch.h"

#include <string.h>

void
graft_install_found_deinit(struct graft_install_found *found)
{
	graft_text_deinit(&found->scripts);
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

/** Check a package; @p found says whether it is there already. */
static struct graft_error *
check_package(const struct graft_install_request *request,
	      struct graft_install_found *found)
{
	const struct graft_disk *disk = request->patch->disk;
	GRAFT_CLEANUP(graft_installed_freep)
	struct graft_installed *installed = NULL;
	GRAFT_CLEANUP(graft_hidden_deinit) struct graft_hidden hidden = { 0 };
	GRAFT_CLEANUP(graft_dpkg_unlock)
	struct graft_dpkg_lock lock = { .fd = -1 };

	struct graft_error *err = graft_before_permission(request->root);
	if (!err)
		err = graft_dpkg_lock(request->root, request->wait_us, &lock);
	if (!err)
		err = graft_installed_open(request->root, disk->package,
					   disk->architecture, &installed);
	if (err)
		return err;
	if (graft_installed_is_whole(installed) &&
	    strcmp(graft_installed_version(installed), disk->new_version) ==
		    0) {
		found->already = true;
		return NULL;
	}
	err = graft_before_state(disk, installed);
	if (!err)
		err = graft_before_relations(disk, installed, request->root);
	if (!err)
		err = graft_rebuild(disk, installed, NULL, &hidden);
	if (!err)
		err = graft_before_scripts(disk, installed, &found->scripts,
					   &found->script_count);
	if (!err)
		err = graft_before_space(disk, request->root);
	found->hidden_count = hidden.count;
	if (!err && found->script_count && !request->allow_scripts)
		err = graft_error_new(
			GRAFT_ERROR_REFUSED,
			"maintainer scripts act on services directly, in %zu "
			"places; --allow-scripts installs all the same",
			found->script_count);
	return err;
}

struct graft_error *
graft_install_check(const struct graft_install_request *request,
		    struct graft_install_found *found)
{
	const struct graft_disk *disk = request->patch->disk;
	bool new = false;

	*found = (struct graft_install_found){ 0 };
	if (!disk)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "the hotpatch has nothing for the disk; "
				       "`graft diff` adds it to one that is "
				       "made of packages, and with --disk to "
				       "others");
	struct graft_error *err = graft_dir_make(graft_env_state_dir(), 0700);
	if (err)
		return err;
	if (disk->package)
		return check_package(request, found);
	err = graft_files_are(disk, request->root, true, &new);
	if (!err && new)
		found->already = true;
	else if (!err)
		err = graft_files_check(disk, request->root);
	return err;
}

/** Write both packages. */
static struct graft_error *
stage_package(struct graft_store *store,
	      const struct graft_install_request *request)
{
	const struct graft_disk *disk = request->patch->disk;
	const char *id = request->patch->id;
	GRAFT_CLEANUP(graft_installed_freep)
	struct graft_installed *installed = NULL;

	struct graft_error *err = graft_installed_open(
		request->root, disk->package, disk->architecture, &installed);
	if (!err)
		err = graft_before_state(disk, installed);
	for (int i = 0; !err && i < 2; i++) {
		GRAFT_CLEANUP(graft_hidden_deinit)
		struct graft_hidden hidden = { 0 };
		GRAFT_FREE char *deb = NULL;
		GRAFT_FREE char *list = NULL;
		err = graft_store_path(store, id, i ? "old.deb" : "new.deb",
				       &deb);
		if (!err)
			err = graft_store_path(store, id,
					       i ? "old.hidden" : "new.hidden",
					       &list);
		if (!err)
			err = (i ? graft_rebuild_old : graft_rebuild)(
				disk, installed, deb, &hidden);
		if (!err)
			err = graft_hidden_write(&hidden, list);
	}
	return err;
}

struct graft_error *
graft_install_begin(struct graft_store *store,
		    const struct graft_install_request *request)
{
	struct graft_patch *patch = request->patch;
	const struct graft_disk *disk = patch->disk;
	struct graft_record record = {
		.step = GRAFT_RECORD_INSTALLING,
		.time_us = graft_clock_now_us(),
		.memory = request->memory,
		.root = (char *)request->root,
		.package = disk->package,
		.architecture = disk->architecture,
		.old_version = disk->old_version,
		.new_version = disk->new_version,
	};
	GRAFT_FREE char *path = NULL;

	struct graft_error *err = graft_store_make(store, patch->id);
	if (!err)
		err = graft_fault("disk-stage");
	if (!err)
		err = graft_store_path(store, patch->id, "fix.graft", &path);
	if (!err)
		err = graft_patch_write_file(patch, path);
	if (!err)
		err = disk->package ? stage_package(store, request)
				    : graft_files_keep(disk, request->root,
						       store, patch->id);
	if (!err)
		err = graft_fault("disk-staged");
	memcpy(record.id, patch->id, sizeof(record.id));
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
	const struct graft_disk *disk)
{
	return record->package ? graft_switch_package(store, record, disk, true)
			       : graft_files_replace(disk, record->root);
}

/** Bring the old ones back, if they are not there. */
static struct graft_error *
backward(const struct graft_store *store, const struct graft_record *record,
	 const struct graft_disk *disk)
{
	return record->package
		       ? graft_switch_package(store, record, disk, false)
		       : graft_files_restore(disk, record->root, store,
					     record->id);
}

static struct graft_error *
lock_for(const struct graft_record *record, uint64_t wait_us,
	 struct graft_dpkg_lock *lock)
{
	if (!record->package)
		return NULL;
	struct graft_error *err = graft_before_permission(record->root);
	return err ? err : graft_dpkg_lock(record->root, wait_us, lock);
}

/** Let a record go whose package somebody else has brought elsewhere meanwhile. */
static struct graft_error *
drop_if_over(struct graft_store *store, const struct graft_record *record)
{
	bool over = false;
	struct graft_error *err = graft_switch_is_over(record, &over);

	if (!err && over)
		err = graft_policy_remove(record->root);
	if (!err && over)
		err = graft_store_remove(store, record->id);
	if (err || !over)
		return err;
	return graft_error_new(
		GRAFT_ERROR_REFUSED,
		"%s was brought to another version, or removed, "
		"by somebody else meanwhile; nothing was changed",
		record->package);
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
	err = forward(store, &record, patch->disk);
	if (!err) {
		graft_store_drop(store, id, "new.deb");
		graft_store_drop(store, id, "new.hidden");
		err = put_step(store, id,
			       record.memory == GRAFT_RECORD_NONE
				       ? GRAFT_RECORD_INSTALLED
				       : GRAFT_RECORD_SWITCHING);
		return err ? err : graft_fault("disk-installed");
	}
	struct graft_error *undo = put_step(store, id, GRAFT_RECORD_REMOVING);
	if (!undo)
		undo = backward(store, &record, patch->disk);
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
		err = graft_switch_may_go_back(&record, patch->disk);
	record.step = GRAFT_RECORD_REMOVING;
	if (!memory)
		record.memory = GRAFT_RECORD_NONE;
	if (!err)
		err = graft_store_put(store, &record);
	if (!err)
		err = graft_fault("disk-removing");
	if (!err)
		err = backward(store, &record, patch->disk);
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

/** Say whether a rollback can come to a record: it is the last one of its package, or
 * the last one leads to it. */
static struct graft_error *
is_of_use(const struct graft_store *store, const struct graft_record *record,
	  bool *ret)
{
	GRAFT_CLEANUP(graft_installed_freep)
	struct graft_installed *installed = NULL;
	size_t count;
	const struct graft_record *all = graft_store_records(store, &count);

	*ret = true;
	if (!record->package || record->step != GRAFT_RECORD_INSTALLED)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (&all[i] != record && all[i].package &&
		    strcmp(all[i].package, record->package) == 0 &&
		    strcmp(all[i].root, record->root) == 0 &&
		    strcmp(all[i].architecture, record->architecture) == 0 &&
		    strcmp(all[i].old_version, record->new_version) == 0)
			return NULL;
	}
	struct graft_error *err =
		graft_installed_open(record->root, record->package,
				     record->architecture, &installed);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		err = NULL;
	}
	*ret = installed && strcmp(graft_installed_version(installed),
				   record->new_version) == 0;
	return err;
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
