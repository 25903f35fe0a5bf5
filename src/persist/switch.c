// SPDX-License-Identifier: Apache-2.0

#include "persist/switch.h"

#include "base/cleanup.h"
#include "base/sha256.h"
#include "patch/disk.h"
#include "persist/dpkg.h"
#include "persist/files.h"
#include "persist/hidden.h"
#include "persist/installed.h"
#include "persist/policy.h"
#include "persist/record.h"
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

/** See that a package is in a version, whole and with the right files. */
static struct graft_error *
verify(const struct graft_record *record, const struct graft_disk *disk,
       bool new)
{
	GRAFT_CLEANUP(graft_installed_freep)
	struct graft_installed *installed = NULL;
	const char *version = new ? record->new_version : record->old_version;
	const char *wrong = NULL;

	struct graft_error *err =
		graft_installed_open(record->root, record->package,
				     record->architecture, &installed);
	if (err)
		return err;
	if (strcmp(graft_installed_version(installed), version) != 0 ||
	    !graft_installed_is_whole(installed))
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"%s is \"%s\" in version %s, not "
			"installed in %s",
			record->package, graft_installed_state(installed),
			graft_installed_version(installed), version);
	err = find_wrong(installed, disk, new, &wrong);
	if (!err && wrong)
		err = graft_error_new(GRAFT_ERROR_REFUSED,
				      "/%s is not what %s %s has there", wrong,
				      record->package, version);
	return err;
}

struct graft_error *
graft_switch_package(const struct graft_store *store,
		     const struct graft_record *record,
		     const struct graft_disk *disk, bool new)
{
	GRAFT_CLEANUP(graft_hidden_deinit) struct graft_hidden hidden = { 0 };
	GRAFT_FREE char *deb = NULL;
	GRAFT_FREE char *list = NULL;
	GRAFT_FREE char *log = NULL;

	struct graft_error *err = verify(record, disk, new);
	if (!err)
		// A run before this one came so far, and had no time to tidy up.
		return graft_policy_remove(record->root);
	graft_error_free(err);
	err = graft_store_path(store, record->id, new ? "new.deb" : "old.deb",
			       &deb);
	if (!err)
		err = graft_store_path(store, record->id,
				       new ? "new.hidden" : "old.hidden",
				       &list);
	if (!err)
		err = graft_store_path(store, record->id, "log", &log);
	if (!err)
		err = graft_hidden_read(list, &hidden);
	if (!err)
		err = graft_dpkg_install(record->root, deb, &hidden, log);
	return err ? err : verify(record, disk, new);
}

struct graft_error *
graft_switch_is_over(const struct graft_record *record, bool *ret)
{
	GRAFT_CLEANUP(graft_installed_freep)
	struct graft_installed *installed = NULL;

	*ret = false;
	if (!record->package)
		return NULL;
	struct graft_error *err =
		graft_installed_open(record->root, record->package,
				     record->architecture, &installed);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		*ret = true;
		return NULL;
	}
	if (err)
		return err;
	const char *version = graft_installed_version(installed);
	// What is half done is what we, or dpkg for us, have left.
	*ret = graft_installed_is_whole(installed) &&
	       strcmp(version, record->old_version) != 0 &&
	       strcmp(version, record->new_version) != 0;
	return NULL;
}

struct graft_error *
graft_switch_may_go_back(const struct graft_record *record,
			 const struct graft_disk *disk)
{
	GRAFT_CLEANUP(graft_installed_freep)
	struct graft_installed *installed = NULL;
	bool new = false;

	// What is half done is ours to end.
	if (record->step == GRAFT_RECORD_REMOVING)
		return NULL;
	if (!record->package) {
		struct graft_error *err = graft_files_are(disk, record->root,
							  true, &new);
		if (!err && !new)
			err = graft_error_new(GRAFT_ERROR_REFUSED,
					      "the files in %s were changed "
					      "since",
					      record->root);
		return err;
	}
	struct graft_error *err =
		graft_installed_open(record->root, record->package,
				     record->architecture, &installed);
	if (err)
		return err;
	if (strcmp(graft_installed_version(installed), record->new_version) !=
		    0 ||
	    !graft_installed_is_whole(installed))
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"%s is \"%s\" in version %s, not in %s, which is what "
			"was installed: nothing is taken back",
			record->package, graft_installed_state(installed),
			graft_installed_version(installed),
			record->new_version);
	return NULL;
}
