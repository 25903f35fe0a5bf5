// SPDX-License-Identifier: Apache-2.0

#include "persist/before.h"

#include "base/cleanup.h"
#include "patch/disk.h"
#include "persist/control.h"
#include "persist/database.h"
#include "persist/record.h"
#include "persist/relations.h"
#include "persist/set.h"

#include <string.h>

/** A package that gets another version. */
struct change {
	const char *name;
	const char *architecture;
	const char *from;
	const char *to;
};

/** All that change, lent. */
struct changes {
	struct change *items;
	size_t count;
};

static void
changes_deinit(struct changes *changes)
{
	free(changes->items);
}

enum {
	STATUS,
	NAME,
	ARCHITECTURE,
	VERSION,
	PROVIDES,
	MULTI_ARCH,
	DEPENDS,
	BREAKS,
	FIELD_COUNT,
};

/** What dpkg-query prints of a package: its fields in this order. */
static const char format[] =
	"${db:Status-Status}\t${Package}\t${Architecture}\t${Version}\t"
	"${Provides}\t${Multi-Arch}\t${Depends}, ${Pre-Depends}\t"
	"${Breaks}, ${Conflicts}\n";

/** Cut a line apart where tabs are. @return False: it is none of what is installed. */
static bool
cut(char *line, char *fields[FIELD_COUNT])
{
	char *at = line;

	for (size_t i = 0; i < FIELD_COUNT; i++) {
		fields[i] = at;
		at = at ? strchr(at, '\t') : NULL;
		if (at)
			*at++ = '\0';
	}
	return fields[FIELD_COUNT - 1] &&
	       strcmp(fields[STATUS], "installed") == 0;
}

/** Find a package among those that change; NULL: it stays as it is. */
static const struct change *
find(const struct changes *changes, const char *name, const char *architecture)
{
	for (size_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->items[i];
		if (strcmp(change->name, name) == 0 &&
		    strcmp(change->architecture, architecture) == 0)
			return change;
	}
	return NULL;
}

/** See that a package that stays gets on with one that changes. */
static struct graft_error *
check_pair(char *const fields[FIELD_COUNT], const struct change *change)
{
	const char *found = NULL;
	size_t len = 0;

	// Most name none of them.
	if (strstr(fields[DEPENDS], change->name))
		found = graft_relations_find_broken(
			fields[DEPENDS], change->name, change->to, &len);
	if (found)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"%s depends on %.*s, which is not so with %s: both "
			"must be in their new versions at once, and only one "
			"of them would be",
			fields[NAME], (int)len, found, change->to);
	if (strstr(fields[BREAKS], change->name))
		found = graft_relations_find_begun(fields[BREAKS], change->name,
						   change->from, change->to,
						   &len);
	if (found)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s does not go with %.*s, which %s "
				       "would be",
				       fields[NAME], (int)len, found,
				       change->name);
	if (strcmp(fields[NAME], change->name) == 0 &&
	    strcmp(fields[MULTI_ARCH], "same") == 0 &&
	    strcmp(fields[VERSION], change->to) != 0)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"%s:%s %s is installed too, and all architectures of "
			"it must have one version; only %s would get %s",
			fields[NAME], fields[ARCHITECTURE], fields[VERSION],
			change->architecture, change->to);
	return NULL;
}

/**
 * See that what stays gets on with what changes.
 *
 * @param[in,out] all What dpkg says of all packages; is cut apart.
 * @param[in,out] there Gets a line of each that stays; or NULL.
 */
static struct graft_error *
check_others(char *all, const struct changes *changes, struct graft_text *there)
{
	struct graft_error *err = NULL;

	for (char *line = all; !err && line && *line;) {
		char *fields[FIELD_COUNT];
		char *end = strchr(line, '\n');
		if (end)
			*end = '\0';
		if (cut(line, fields) &&
		    !find(changes, fields[NAME], fields[ARCHITECTURE])) {
			for (size_t i = 0; !err && i < changes->count; i++)
				err = check_pair(fields, &changes->items[i]);
			if (there)
				graft_text_printf(there, "%s\t%s\t%s\n",
						  fields[NAME], fields[VERSION],
						  fields[PROVIDES]);
		}
		line = end ? end + 1 : NULL;
	}
	return err;
}

/** Add a line of each new package, as if it were installed. */
static struct graft_error *
add_new(const struct graft_set *set, struct graft_text *there)
{
	for (size_t i = 0; i < set->changing_count; i++) {
		const struct graft_set_member *member = set->changing[i];
		GRAFT_FREE char *provides = NULL;
		struct graft_error *err = graft_control_take(
			member->new_control, "Provides", &provides);
		if (err)
			return err;
		for (char *at = provides; *at; at++)
			*at = *at == '\t' || *at == '\n' ? ' ' : *at;
		graft_text_printf(there, "%s\t%s\t%s\n", member->disk->package,
				  member->disk->new_version, provides);
	}
	return there->failed ? graft_error_no_memory() : NULL;
}

/** Get a field of both versions. */
static struct graft_error *
take_both(const struct graft_set_member *member, const char *field, char **old,
	  char **new)
{
	struct graft_error *err = graft_control_take(member->old_control, field,
						     old);

	return err ? err : graft_control_take(member->new_control, field, new);
}

/** See that a new package has what it asks for, among the others as they will be. */
static struct graft_error *
check_asked(const struct graft_set_member *member, const char *field,
	    const struct changes *changes, const char *there)
{
	GRAFT_FREE char *new = NULL;
	const char *missing;
	size_t len = 0;

	struct graft_error *err = graft_control_take(member->new_control, field,
						     &new);
	if (err)
		return err;
	// What the old one asks for too: missing, dpkg would leave either half done.
	missing = graft_relations_find_missing("", new, there, &len);
	// What held before may not, with the others in their new versions.
	for (size_t i = 0; !missing && i < changes->count; i++) {
		const struct change *change = &changes->items[i];
		missing = graft_relations_find_broken(new, change->name,
						      change->to, &len);
	}
	if (!missing)
		return NULL;
	return graft_error_new(GRAFT_ERROR_REFUSED,
			       "the new version of %s depends on %.*s, which "
			       "is not installed",
			       member->disk->package, (int)len, missing);
}

/** See that a new package breaks nothing that is there. */
static struct graft_error *
check_broken(const struct graft_set_member *member, const char *field,
	     const char *there)
{
	GRAFT_FREE char *old = NULL;
	GRAFT_FREE char *new = NULL;
	size_t len;

	struct graft_error *err = take_both(member, field, &old, &new);
	if (err)
		return err;
	const char *present = graft_relations_find_present(
		old, new, member->disk->package, there, &len);
	if (!present)
		return NULL;
	return graft_error_new(GRAFT_ERROR_REFUSED,
			       "the new version of %s does not go with %.*s, "
			       "which is installed",
			       member->disk->package, (int)len, present);
}

static struct graft_error *
check_own(const struct graft_set *set, const struct changes *changes,
	  const char *there)
{
	static const char *const asked[] = { "Depends", "Pre-Depends" };
	static const char *const broken[] = { "Breaks", "Conflicts" };
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < set->changing_count; i++) {
		for (size_t k = 0; !err && k < 2; k++)
			err = check_asked(set->changing[i], asked[k], changes,
					  there);
		for (size_t k = 0; !err && k < 2; k++)
			err = check_broken(set->changing[i], broken[k], there);
	}
	return err;
}

static struct graft_error *
make_changes(size_t count, struct changes *changes)
{
	changes->items = calloc(count + 1, sizeof(*changes->items));
	if (!changes->items)
		return graft_error_no_memory();
	changes->count = count;
	return NULL;
}

struct graft_error *
graft_before_relations(const struct graft_set *set, const char *root)
{
	GRAFT_CLEANUP(changes_deinit) struct changes changes = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text there = { 0 };
	GRAFT_FREE char *all = NULL;

	struct graft_error *err = make_changes(set->changing_count, &changes);
	if (err)
		return err;
	for (size_t i = 0; i < changes.count; i++) {
		const struct graft_disk *disk = set->changing[i]->disk;
		changes.items[i] =
			(struct change){ disk->package, disk->architecture,
					 disk->old_version, disk->new_version };
	}
	err = graft_database_ask(root, format, &all);
	if (!err)
		err = check_others(all, &changes, &there);
	if (!err)
		err = add_new(set, &there);
	return err ? err : check_own(set, &changes, graft_text_str(&there));
}

struct graft_error *
graft_before_back(const struct graft_record *record)
{
	GRAFT_CLEANUP(changes_deinit) struct changes changes = { 0 };
	GRAFT_FREE char *all = NULL;

	struct graft_error *err = make_changes(record->package_count, &changes);
	if (err)
		return err;
	for (size_t i = 0; i < changes.count; i++) {
		const struct graft_record_package *package =
			&record->packages[i];
		changes.items[i] = (struct change){ package->name,
						    package->architecture,
						    package->new_version,
						    package->old_version };
	}
	err = graft_database_ask(record->root, format, &all);
	return err ? err : check_others(all, &changes, NULL);
}
