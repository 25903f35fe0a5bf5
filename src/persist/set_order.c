// SPDX-License-Identifier: Apache-2.0

#include "persist/set.h"

#include "base/vec.h"
#include "patch/disk.h"
#include "persist/control.h"
#include "persist/installed.h"
#include "persist/relations.h"

#include <stdlib.h>
#include <string.h>

/** The relations of a package that may have to wait for another one. */
struct asked {
	char *old_before;
	char *old_depends;
	char *new_before;
	char *new_depends;
};

/** Those of all. */
struct all_asked {
	struct asked *items;
	size_t count;
};

static void
all_asked_deinit(struct all_asked *all)
{
	for (size_t i = 0; i < all->count; i++) {
		free(all->items[i].old_before);
		free(all->items[i].old_depends);
		free(all->items[i].new_before);
		free(all->items[i].new_depends);
	}
	free(all->items);
}

static struct graft_error *
read_asked(const struct graft_set *set, struct all_asked *all)
{
	struct graft_error *err = NULL;

	all->items = calloc(set->changing_count + 1, sizeof(*all->items));
	if (!all->items)
		return graft_error_no_memory();
	all->count = set->changing_count;
	for (size_t i = 0; !err && i < all->count; i++) {
		const struct graft_set_member *member = set->changing[i];
		struct asked *asked = &all->items[i];
		err = graft_control_take(member->old_control, "Pre-Depends",
					 &asked->old_before);
		if (!err)
			err = graft_control_take(member->old_control, "Depends",
						 &asked->old_depends);
		if (!err)
			err = graft_control_take(member->new_control,
						 "Pre-Depends",
						 &asked->new_before);
		if (!err)
			err = graft_control_take(member->new_control, "Depends",
						 &asked->new_depends);
	}
	return err;
}

/**
 * Say whether clauses do not hold of a package until it is in the other version, on the way
 * there or on the way back.
 */
static bool
waits(const char *old, const char *new, const struct graft_disk *for_what)
{
	const char *name = for_what->package;
	size_t len;

	// Most name none of them.
	return (strstr(new, name) &&
		graft_relations_find_broken(new, name, for_what->old_version,
					    &len)) ||
	       (strstr(old, name) &&
		graft_relations_find_broken(old, name, for_what->new_version,
					    &len));
}

/** Let each wait for what it needs. @return Something was moved. */
static bool
move_on(struct graft_set *set, const struct all_asked *all)
{
	bool moved = false;

	for (size_t i = 0; i < all->count; i++) {
		struct graft_set_member *member = set->changing[i];
		const struct asked *asked = &all->items[i];
		for (size_t k = 0; k < all->count; k++) {
			const struct graft_set_member *other = set->changing[k];
			unsigned run = member->run;
			if (k != i && other->run + 1 > run &&
			    waits(asked->old_before, asked->new_before,
				  other->disk))
				run = other->run + 1;
			if (k != i && other->run > run &&
			    waits(asked->old_depends, asked->new_depends,
				  other->disk))
				run = other->run;
			moved |= run != member->run;
			member->run = run;
		}
	}
	return moved;
}

static int
compare_runs(const void *a, const void *b)
{
	const struct graft_set_member *const *x = a;
	const struct graft_set_member *const *y = b;

	if ((*x)->run != (*y)->run)
		return (*x)->run < (*y)->run ? -1 : 1;
	// They stand as the hotpatch has them.
	return *x < *y ? -1 : *x > *y;
}

/** A path that an old package has. */
struct owned {
	/** Without "/" in front; lent. */
	const char *path;
	size_t owner;
};

/** What all of them have, by path. */
struct owned_paths {
	char **lists;
	size_t list_count;
	struct owned *items;
	size_t count;
	size_t cap;
};

static void
owned_paths_deinit(struct owned_paths *paths)
{
	for (size_t i = 0; i < paths->list_count; i++)
		free(paths->lists[i]);
	free(paths->lists);
	free(paths->items);
}

static int
compare_owned(const void *a, const void *b)
{
	return strcmp(((const struct owned *)a)->path,
		      ((const struct owned *)b)->path);
}

/** Add dpkg's list of a package, whose lines are cut apart. */
static struct graft_error *
add_list(struct owned_paths *paths, char *list, size_t owner)
{
	for (char *line = list; line && *line;) {
		char *end = strchr(line, '\n');
		if (end)
			*end = '\0';
		struct graft_error *err = graft_vec_reserve(
			&paths->items, &paths->cap, paths->count + 1,
			sizeof(*paths->items));
		if (err)
			return err;
		paths->items[paths->count++] =
			(struct owned){ line + (*line == '/'), owner };
		line = end ? end + 1 : NULL;
	}
	return NULL;
}

static struct graft_error *
read_lists(const struct graft_set *set, struct owned_paths *paths)
{
	struct graft_error *err = NULL;

	paths->lists = calloc(set->changing_count + 1, sizeof(char *));
	if (!paths->lists)
		return graft_error_no_memory();
	for (size_t i = 0; !err && i < set->changing_count; i++) {
		size_t len;
		err = graft_installed_read_info(
			set->changing[i]->installed, "list",
			(uint8_t **)&paths->lists[i], &len);
		if (err)
			break;
		paths->list_count = i + 1;
		err = add_list(paths, paths->lists[i], i);
	}
	if (!err && paths->count)
		qsort(paths->items, paths->count, sizeof(*paths->items),
		      compare_owned);
	return err;
}

/** Find the first of the paths that are not before one. */
static size_t
find_path(const struct owned_paths *paths, const char *path)
{
	size_t low = 0;
	size_t high = paths->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(paths->items[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/** Whether one takes a path of another: of package i, k's is at i * count + k. */
struct takers {
	bool *items;
	size_t count;
};

static void
takers_deinit(struct takers *takers)
{
	free(takers->items);
}

/** Note who has a path that a package brings, unless that has it itself. */
static void
note_takers(const struct owned_paths *paths, const char *path, size_t by,
	    struct takers *takers)
{
	const size_t first = find_path(paths, path);
	size_t end = first;

	while (end < paths->count &&
	       strcmp(paths->items[end].path, path) == 0) {
		// Of two architectures both may have it.
		if (paths->items[end++].owner == by)
			return;
	}
	for (size_t i = first; i < end; i++)
		takers->items[paths->items[i].owner * takers->count + by] =
			true;
}

static struct graft_error *
find_takers(const struct graft_set *set, struct takers *takers)
{
	GRAFT_CLEANUP(owned_paths_deinit) struct owned_paths paths = { 0 };
	const size_t count = set->changing_count;

	takers->items = calloc(count * count + 1, sizeof(*takers->items));
	if (!takers->items)
		return graft_error_no_memory();
	takers->count = count;
	if (count < 2)
		return NULL;
	struct graft_error *err = read_lists(set, &paths);
	for (size_t i = 0; !err && i < count; i++) {
		const struct graft_disk *disk = set->changing[i]->disk;
		for (size_t k = 0; k < disk->entry_count; k++) {
			if (disk->entries[k].type != GRAFT_DISK_DIRECTORY)
				note_takers(&paths, disk->entries[k].path, i,
					    takers);
		}
	}
	return err;
}

/** Say whether all that take from a package are placed. */
static bool
is_ready(const struct takers *takers, const bool *placed, size_t i)
{
	for (size_t k = 0; k < takers->count; k++) {
		if (takers->items[i * takers->count + k] && !placed[k])
			return false;
	}
	return true;
}

/**
 * Put who takes a path before whom it is taken from: on the way back it has given the path
 * up when that gets it again, and dpkg knows whose it is at each moment.
 */
static struct graft_error *
place_takers(struct graft_set *set)
{
	GRAFT_CLEANUP(takers_deinit) struct takers takers = { 0 };
	const size_t count = set->changing_count;
	GRAFT_FREE bool *placed = calloc(count + 1, sizeof(*placed));
	GRAFT_FREE struct graft_set_member **order = calloc(count + 1,
							    sizeof(*order));

	if (!placed || !order)
		return graft_error_no_memory();
	struct graft_error *err = find_takers(set, &takers);
	for (size_t n = 0; !err && n < count; n++) {
		size_t next = 0;
		while (next < count &&
		       (placed[next] || !is_ready(&takers, placed, next)))
			next++;
		if (next == count ||
		    (n > 0 && set->changing[next]->run < order[n - 1]->run))
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"packages have paths of each other: a rollback "
				"could not give them back (%s and others)",
				set->changing[0]->disk->package);
		placed[next] = true;
		order[n] = set->changing[next];
	}
	if (!err)
		memcpy(set->changing, order, count * sizeof(*order));
	return err;
}

struct graft_error *
graft_set_sort(struct graft_set *set)
{
	GRAFT_CLEANUP(all_asked_deinit) struct all_asked all = { 0 };

	set->changing = calloc(set->count + 1, sizeof(*set->changing));
	if (!set->changing)
		return graft_error_no_memory();
	for (size_t i = 0; i < set->count; i++) {
		if (set->members[i].state == GRAFT_SET_OLD)
			set->changing[set->changing_count++] = &set->members[i];
	}
	struct graft_error *err = read_asked(set, &all);
	if (err)
		return err;
	// Without a circle each round puts at least one more in its place.
	for (size_t round = 0; move_on(set, &all); round++) {
		if (round > set->changing_count)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"the packages need each other before they are "
				"unpacked: %s and others",
				set->changing[0]->disk->package);
	}
	if (set->changing_count)
		qsort(set->changing, set->changing_count,
		      sizeof(*set->changing), compare_runs);
	return place_takers(set);
}
