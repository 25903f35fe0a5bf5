// SPDX-License-Identifier: Apache-2.0

#include "persist/set.h"

#include "patch/disk.h"
#include "patch/patch.h"
#include "persist/before.h"
#include "persist/control.h"
#include "persist/database.h"
#include "persist/installed.h"
#include "persist/rebuild.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/** A control file: several times the largest of the archive. */
	CONTROL_MAX = 256 << 10,
};

void
graft_set_free(struct graft_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->count; i++) {
		graft_installed_free(set->members[i].installed);
		free(set->members[i].old_control);
		free(set->members[i].new_control);
	}
	free(set->members);
	free(set->changing);
	free(set);
}

/** Say whether dpkg has a package, by its lines of "NAME:ARCHITECTURE STATE". */
static struct graft_error *
is_there(const char *all, const struct graft_disk *disk, bool *ret)
{
	GRAFT_FREE char *head = NULL;
	int len = asprintf(&head, "%s:%s ", disk->package, disk->architecture);

	*ret = false;
	if (len < 0) {
		head = NULL;
		return graft_error_no_memory();
	}
	for (const char *line = all; *line && !*ret;) {
		// "ii ": wanted, state, error. Not installed, or its configuration alone.
		*ret = strncmp(line, head, (size_t)len) == 0 && line[len] &&
		       line[len + 1] && !strchr("nc", line[len + 1]);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return NULL;
}

/** Get the control file of the new version; it is checked to be there. */
static struct graft_error *
take_new_control(struct graft_set_member *member)
{
	const struct graft_disk *disk = member->disk;
	GRAFT_FREE uint8_t *controls = NULL;
	size_t off = 0;

	struct graft_error *err =
		graft_rebuild_read_controls(disk, member->installed, &controls);
	for (size_t i = 0; !err && i < disk->control_count; i++) {
		const struct graft_disk_file *file = &disk->controls[i];
		if (strcmp(file->name, "control") == 0 &&
		    file->size > CONTROL_MAX)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "%s: a control file of %llu "
					       "bytes",
					       disk->package,
					       (unsigned long long)file->size);
		if (strcmp(file->name, "control") == 0) {
			member->new_control = strndup((char *)controls + off,
						      file->size);
			return member->new_control ? NULL
						   : graft_error_no_memory();
		}
		off += file->size;
	}
	return err ? err
		   : graft_error_new(GRAFT_ERROR_BAD_INPUT,
				     "%s: a package without a control file",
				     disk->package);
}

/** See that a control file names the package that the hotpatch says: dpkg goes by it. */
static struct graft_error *
check_names(const struct graft_set_member *member)
{
	const struct graft_disk *disk = member->disk;
	const struct {
		const char *field;
		const char *wanted;
	} names[] = {
		{ "Package", disk->package },
		{ "Architecture", disk->architecture },
		{ "Version", disk->new_version },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		GRAFT_FREE char *value = NULL;
		struct graft_error *err = graft_control_take(
			member->new_control, names[i].field, &value);
		if (err)
			return err;
		const char *at = value + strspn(value, " \t");
		const size_t len = strlen(names[i].wanted);
		if (strncmp(at, names[i].wanted, len) != 0 ||
		    at[len + strspn(at + len, " \t\r")])
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"%s: its control file is not that of %s:%s %s",
				disk->package, disk->package,
				disk->architecture, disk->new_version);
	}
	return NULL;
}

static struct graft_error *
open_member(struct graft_set_member *member, const char *root)
{
	const struct graft_disk *disk = member->disk;

	struct graft_error *err = graft_installed_open(
		root, disk->package, disk->architecture, &member->installed);
	if (err)
		return err;
	if (graft_installed_is_whole(member->installed) &&
	    strcmp(graft_installed_version(member->installed),
		   disk->new_version) == 0) {
		member->state = GRAFT_SET_NEW;
		return NULL;
	}
	member->state = GRAFT_SET_OLD;
	return graft_before_state(disk, member->installed);
}

/** Read what the relations of the old ones are asked of. */
static struct graft_error *
read_controls(struct graft_set *set)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < set->count; i++) {
		struct graft_set_member *member = &set->members[i];
		if (member->state != GRAFT_SET_OLD)
			continue;
		err = take_new_control(member);
		if (!err)
			err = check_names(member);
		if (!err)
			err = graft_installed_make_control(
				member->installed, &member->old_control);
	}
	return err;
}

static struct graft_error *
nobody_is_there(const struct graft_patch *patch)
{
	const struct graft_disk *disk = patch->disks[0];

	if (patch->disk_count == 1)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s:%s is not installed", disk->package,
				       disk->architecture);
	return graft_error_new(GRAFT_ERROR_NOT_FOUND,
			       "none of the %zu packages of the hotpatch is "
			       "installed (%s:%s and others)",
			       patch->disk_count, disk->package,
			       disk->architecture);
}

struct graft_error *
graft_set_open(const struct graft_patch *patch, const char *root,
	       struct graft_set **ret)
{
	static const char format[] =
		"${Package}:${Architecture} ${db:Status-Abbrev}\n";
	GRAFT_CLEANUP(graft_set_freep)
	struct graft_set *set = calloc(1, sizeof(*set));
	GRAFT_FREE char *all = NULL;
	bool any = false;

	if (!set)
		return graft_error_no_memory();
	set->members = calloc(patch->disk_count + 1, sizeof(*set->members));
	if (!set->members)
		return graft_error_no_memory();
	set->count = patch->disk_count;
	struct graft_error *err = graft_database_ask(root, format, &all);
	for (size_t i = 0; !err && i < set->count; i++) {
		bool there = false;
		set->members[i].disk = patch->disks[i];
		err = is_there(all, patch->disks[i], &there);
		if (!err && there)
			err = open_member(&set->members[i], root);
		any |= there;
	}
	if (!err && !any)
		err = nobody_is_there(patch);
	if (!err)
		err = read_controls(set);
	if (!err)
		err = graft_set_sort(set);
	if (err)
		return err;
	*ret = GRAFT_TAKE(set);
	return NULL;
}
