// SPDX-License-Identifier: Apache-2.0

#include "persist/switch.h"

#include "base/cleanup.h"
#include "base/sha256.h"
#include "patch/disks.h"
#include "persist/before.h"
#include "persist/dpkg.h"
#include "persist/files.h"
#include "persist/hidden.h"
#include "persist/installed.h"
#include "persist/policy.h"
#include "persist/record.h"
#include "persist/stage.h"
#include "persist/store.h"

#include <string.h>

/** Say whether a file is as it shall be. What this host leaves out may be missing. */
static struct graft_error *
is_right(const struct graft_installed *installed, const char *path,
	 const uint8_t wanted[GRAFT_SHA256_LEN], bool *ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	uint8_t sha256[GRAFT_SHA256_LEN];
	size_t len;

	struct graft_error *err = graft_installed_read(installed, path, &bytes,
						       &len);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		*ret = graft_hidden_may_be(path);
		return NULL;
	}
	if (!err)
		err = graft_sha256(bytes, len, sha256);
	*ret = !err && memcmp(sha256, wanted, sizeof(sha256)) == 0;
	return err;
}

/** Find the first file that is not what the hotpatch says; NULL: all are. */
static struct graft_error *
find_wrong(const struct graft_installed *installed,
	   const struct graft_disk *disk, bool new, const char **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < disk->entry_count; i++) {
		const struct graft_disk_entry *entry = &disk->entries[i];
		const char *path = new ? entry->path
				       : graft_disk_old_path(entry);
		bool right;
		// Whole are configuration files, of which an administrator decides, and
		// files that OLD does not have.
		if (entry->type != GRAFT_DISK_FILE ||
		    entry->source == GRAFT_DISK_WHOLE)
			continue;
		struct graft_error *err =
			is_right(installed, path,
				 new || entry->source == GRAFT_DISK_SAME
					 ? entry->sha256
					 : entry->old_sha256,
				 &right);
		// A host may leave documentation as it is, too.
		if (err)
			return err;
		if (!right && !graft_hidden_may_be(path)) {
			*ret = path;
			return NULL;
		}
	}
	return NULL;
}

/**
 * Look up a package.
 *
 * @param[out] ret NULL if it is not installed; else free with graft_installed_free().
 */
static struct graft_error *
look_up(const struct graft_record *record,
	const struct graft_record_package *package,
	struct graft_installed **ret)
{
	struct graft_error *err = graft_installed_open(
		record->root, package->name, package->architecture, ret);

	*ret = err ? NULL : *ret;
	if (!err || graft_error_code(err) != GRAFT_ERROR_NOT_FOUND)
		return err;
	graft_error_free(err);
	return NULL;
}

/** Say whether a package is wholly in a version. */
static bool
is_in(const struct graft_installed *installed, const char *version)
{
	return graft_installed_is_whole(installed) &&
	       strcmp(graft_installed_version(installed), version) == 0;
}

/** See that a package is in a version, whole and with the right files. */
static struct graft_error *
verify(const struct graft_record *record, size_t i,
       const struct graft_patch *patch, bool new)
{
	const struct graft_record_package *package = &record->packages[i];
	GRAFT_CLEANUP(graft_installed_freep)
	struct graft_installed *installed = NULL;
	const char *version = new ? package->new_version : package->old_version;
	const char *wrong = NULL;
	const struct graft_disk *disk = graft_disks_find(patch, package->name,
							 package->architecture);

	if (!disk)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "the hotpatch has no package %s",
				       package->name);
	struct graft_error *err = graft_installed_open(
		record->root, package->name, package->architecture, &installed);
	if (err)
		return err;
	if (!is_in(installed, version))
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"%s is \"%s\" in version %s, not "
			"installed in %s",
			package->name, graft_installed_state(installed),
			graft_installed_version(installed), version);
	err = find_wrong(installed, disk, new, &wrong);
	if (!err && wrong)
		err = graft_error_new(GRAFT_ERROR_REFUSED,
				      "/%s is not what %s %s has there", wrong,
				      package->name, version);
	return err;
}

/** See that all that are there are in a version. */
static struct graft_error *
verify_all(const struct graft_record *record, const bool *there,
	   const struct graft_patch *patch, bool new)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < record->package_count; i++) {
		if (there[i])
			err = verify(record, i, patch, new);
	}
	return err;
}

/** Find which packages are there. */
static struct graft_error *
find_there(const struct graft_record *record, bool *there)
{
	for (size_t i = 0; i < record->package_count; i++) {
		GRAFT_CLEANUP(graft_installed_freep)
		struct graft_installed *installed = NULL;
		struct graft_error *err = look_up(record, &record->packages[i],
						  &installed);
		if (err)
			return err;
		there[i] = installed != NULL;
	}
	return NULL;
}

/** Paths that are freed together. */
struct paths {
	char **items;
	size_t count;
};

static void
paths_deinit(struct paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->items[i]);
	free(paths->items);
}

/** What is the same in all runs of dpkg. */
struct switching {
	const struct graft_store *store;
	const struct graft_record *record;
	/** Of each package. */
	const bool *there;
	bool new;
	struct graft_hidden hidden;
	char *log;
};

static void
switching_deinit(struct switching *switching)
{
	graft_hidden_deinit(&switching->hidden);
	free(switching->log);
}

/** Give dpkg the packages of a run that are there, all at once. */
static struct graft_error *
run_dpkg(const struct switching *switching, unsigned number)
{
	const struct graft_record *record = switching->record;
	GRAFT_CLEANUP(paths_deinit) struct paths debs = { 0 };
	struct graft_error *err = NULL;

	debs.items = calloc(record->package_count + 1, sizeof(char *));
	if (!debs.items)
		return graft_error_no_memory();
	for (size_t i = 0; !err && i < record->package_count; i++) {
		char name[GRAFT_STAGE_NAME_LEN];
		if (!switching->there[i] || record->packages[i].run != number)
			continue;
		graft_stage_name(switching->new, i, name);
		err = graft_store_path(switching->store, record->id, name,
				       &debs.items[debs.count]);
		debs.count += !err;
	}
	if (err || !debs.count)
		return err;
	const struct graft_dpkg_run run = {
		.root = record->root,
		.debs = debs.items,
		.count = debs.count,
		.hidden = &switching->hidden,
		.several = record->package_count > 1,
		.log = switching->log,
	};
	return graft_dpkg_install(&run);
}

/** Let dpkg do it, in as many runs as it takes. */
static struct graft_error *
run_all(struct switching *switching)
{
	const struct graft_record *record = switching->record;
	GRAFT_FREE char *list = NULL;

	struct graft_error *err = graft_store_path(
		switching->store, record->id,
		switching->new ? "new.hidden" : "old.hidden", &list);
	if (!err)
		err = graft_store_path(switching->store, record->id, "log",
				       &switching->log);
	if (!err)
		err = graft_hidden_read(list, &switching->hidden);
	// They stand by their runs.
	const unsigned last = record->packages[record->package_count - 1].run;
	for (unsigned number = 0; !err && number <= last; number++)
		err = run_dpkg(switching, number);
	return err;
}

struct graft_error *
graft_switch_packages(const struct graft_store *store,
		      const struct graft_record *record,
		      const struct graft_patch *patch, bool new)
{
	GRAFT_FREE bool *there = calloc(record->package_count + 1,
					sizeof(*there));

	if (!there)
		return graft_error_no_memory();
	struct graft_error *err = find_there(record, there);
	if (err)
		return err;
	err = verify_all(record, there, patch, new);
	if (!err)
		// A run before this one came so far, and had no time to tidy up.
		return graft_policy_remove(record->root);
	graft_error_free(err);
	GRAFT_CLEANUP(switching_deinit)
	struct switching switching = {
		.store = store, .record = record, .there = there, .new = new
	};
	err = run_all(&switching);
	return err ? err : verify_all(record, there, patch, new);
}

struct graft_error *
graft_switch_is_new(const struct graft_record *record,
		    const struct graft_record_package *package, bool *there_ret,
		    bool *new_ret)
{
	GRAFT_CLEANUP(graft_installed_freep)
	struct graft_installed *installed = NULL;
	struct graft_error *err = look_up(record, package, &installed);

	*there_ret = installed != NULL;
	*new_ret = installed && strcmp(graft_installed_version(installed),
				       package->new_version) == 0;
	return err;
}

struct graft_error *
graft_switch_is_over(const struct graft_record *record,
		     const struct graft_record_package **ret)
{
	bool any = false;

	*ret = NULL;
	for (size_t i = 0; i < record->package_count; i++) {
		const struct graft_record_package *package =
			&record->packages[i];
		GRAFT_CLEANUP(graft_installed_freep)
		struct graft_installed *installed = NULL;
		struct graft_error *err = look_up(record, package, &installed);
		if (err)
			return err;
		any |= installed != NULL;
		// What is half done is what we, or dpkg for us, have left.
		if (installed && graft_installed_is_whole(installed) &&
		    !is_in(installed, package->old_version) &&
		    !is_in(installed, package->new_version)) {
			*ret = package;
			return NULL;
		}
	}
	if (!any && record->package_count)
		*ret = &record->packages[0];
	return NULL;
}

/** See that the files in a folder are the new ones. */
static struct graft_error *
files_may_go_back(const struct graft_record *record,
		  const struct graft_patch *patch)
{
	bool new = false;
	struct graft_error *err = graft_files_are(patch->disks[0], record->root,
						  true, &new);

	if (!err && !new)
		err = graft_error_new(GRAFT_ERROR_REFUSED,
				      "the files in %s were changed since",
				      record->root);
	return err;
}

struct graft_error *
graft_switch_may_go_back(const struct graft_record *record,
			 const struct graft_patch *patch)
{
	bool any = false;

	// What is half done is ours to end.
	if (record->step == GRAFT_RECORD_REMOVING)
		return NULL;
	if (!record->package_count)
		return files_may_go_back(record, patch);
	for (size_t i = 0; i < record->package_count; i++) {
		const struct graft_record_package *package =
			&record->packages[i];
		GRAFT_CLEANUP(graft_installed_freep)
		struct graft_installed *installed = NULL;
		struct graft_error *err = look_up(record, package, &installed);
		if (err)
			return err;
		any |= installed != NULL;
		if (installed && !is_in(installed, package->new_version))
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"%s is \"%s\" in version %s, not in %s, which is what "
				"was installed: nothing is taken back",
				package->name, graft_installed_state(installed),
				graft_installed_version(installed),
				package->new_version);
	}
	if (!any)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s is not installed any more",
				       record->packages[0].name);
	return graft_before_back(record);
}
