// SPDX-License-Identifier: Apache-2.0

#include "persist/stage.h"

#include "patch/disk.h"
#include "patch/patch.h"
#include "persist/before.h"
#include "persist/dpkg.h"
#include "persist/hidden.h"
#include "persist/install.h"
#include "persist/rebuild.h"
#include "persist/set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
graft_stage_name(bool new, size_t i, char ret[GRAFT_STAGE_NAME_LEN])
{
	const char *side = new ? "new" : "old";

	if (i == 0)
		(void)snprintf(ret, GRAFT_STAGE_NAME_LEN, "%s.deb", side);
	else
		(void)snprintf(ret, GRAFT_STAGE_NAME_LEN, "%s.deb.%zu", side,
			       i);
}

/** Keep how each package was found. */
static struct graft_error *
keep_states(const struct graft_set *set, struct graft_install_found *found)
{
	found->states = calloc(set->count + 1, sizeof(*found->states));
	if (!found->states)
		return graft_error_no_memory();
	for (size_t i = 0; i < set->count; i++)
		found->states[i] = set->members[i].state;
	found->already = set->changing_count == 0;
	return NULL;
}

/** See that every package that is old gives the new one, without writing it. */
static struct graft_error *
check_members(const struct graft_set *set, struct graft_install_found *found)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < set->changing_count; i++) {
		GRAFT_CLEANUP(graft_hidden_deinit)
		struct graft_hidden hidden = { 0 };
		err = graft_rebuild(set->changing[i]->disk,
				    set->changing[i]->installed, NULL, &hidden);
		found->hidden_count += hidden.count;
	}
	return err;
}

struct graft_error *
graft_stage_check(const struct graft_install_request *request,
		  struct graft_install_found *found)
{
	GRAFT_CLEANUP(graft_set_freep) struct graft_set *set = NULL;
	GRAFT_CLEANUP(graft_dpkg_unlock)
	struct graft_dpkg_lock lock = { .fd = -1 };

	struct graft_error *err = graft_before_permission(
		request->root, request->memory != GRAFT_RECORD_NONE);
	if (!err)
		err = graft_dpkg_lock(request->root, request->wait_us, &lock);
	if (!err)
		err = graft_set_open(request->patch, request->root, &set);
	if (!err)
		err = keep_states(set, found);
	if (err || found->already)
		return err;
	err = graft_before_relations(set, request->root);
	if (!err)
		err = check_members(set, found);
	if (!err)
		err = graft_before_scripts(set, &found->scripts,
					   &found->script_count);
	if (!err)
		err = graft_before_space(set, request->root);
	if (!err && found->script_count && !request->allow_scripts)
		err = graft_error_new(
			GRAFT_ERROR_REFUSED,
			"maintainer scripts act on services directly, in %zu "
			"places; --allow-scripts installs all the same",
			found->script_count);
	return err;
}

/** Put a package into a record. */
static struct graft_error *
add_package(struct graft_record *record, const struct graft_set_member *member)
{
	const struct graft_disk *disk = member->disk;
	struct graft_record_package *package =
		&record->packages[record->package_count++];

	package->run = member->run;
	package->name = strdup(disk->package);
	package->architecture = strdup(disk->architecture);
	package->old_version = strdup(disk->old_version);
	package->new_version = strdup(disk->new_version);
	return package->name && package->architecture && package->old_version &&
			       package->new_version
		       ? NULL
		       : graft_error_no_memory();
}

/** Write one version of all packages, and what of them is left out. */
static struct graft_error *
write_side(struct graft_store *store, const char *id,
	   const struct graft_set *set, bool new)
{
	GRAFT_CLEANUP(graft_hidden_deinit) struct graft_hidden hidden = { 0 };
	GRAFT_FREE char *list = NULL;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < set->changing_count; i++) {
		const struct graft_set_member *member = set->changing[i];
		char name[GRAFT_STAGE_NAME_LEN];
		GRAFT_FREE char *deb = NULL;
		graft_stage_name(new, i, name);
		err = graft_store_path(store, id, name, &deb);
		if (!err)
			err = (new ? graft_rebuild : graft_rebuild_old)(
				member->disk, member->installed, deb, &hidden);
	}
	if (!err)
		err = graft_store_path(
			store, id, new ? "new.hidden" : "old.hidden", &list);
	return err ? err : graft_hidden_write(&hidden, list);
}

struct graft_error *
graft_stage_write(struct graft_store *store,
		  const struct graft_install_request *request,
		  struct graft_record *record)
{
	GRAFT_CLEANUP(graft_set_freep) struct graft_set *set = NULL;

	struct graft_error *err = graft_set_open(request->patch, request->root,
						 &set);
	if (err)
		return err;
	if (set->changing_count == 0)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "somebody else has upgraded the "
				       "packages meanwhile");
	record->packages = calloc(set->changing_count,
				  sizeof(*record->packages));
	if (!record->packages)
		return graft_error_no_memory();
	for (size_t i = 0; !err && i < set->changing_count; i++)
		err = add_package(record, set->changing[i]);
	if (!err)
		err = write_side(store, record->id, set, true);
	return err ? err : write_side(store, record->id, set, false);
}
