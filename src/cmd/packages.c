// SPDX-License-Identifier: Apache-2.0

#include "cmd/packages.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "base/vec.h"
#include "persist/control.h"
#include "persist/deb.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void
graft_package_pairs_deinit(struct graft_package_pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		graft_deb_close(pairs->items[i].old);
		graft_deb_close(pairs->items[i].new);
	}
	free(pairs->items);
	*pairs = (struct graft_package_pairs){ 0 };
}

static void
close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static bool
is_deb(const char *name)
{
	const size_t len = strlen(name);

	return name[0] != '.' && len > 4 && strcmp(name + len - 4, ".deb") == 0;
}

struct graft_error *
graft_packages_in(const char *path, bool *ret)
{
	struct stat st;

	*ret = false;
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return NULL;
	GRAFT_CLEANUP(close_dir) DIR *dir = opendir(path);
	if (!dir)
		return graft_error_os(errno, "open %s", path);
	const struct dirent *entry;
	while (!*ret && (entry = readdir(dir)) != NULL)
		*ret = is_deb(entry->d_name);
	return NULL;
}

struct graft_error *
graft_packages_each(const char *path, graft_packages_fn *each, void *arg)
{
	GRAFT_CLEANUP(close_dir) DIR *dir = opendir(path);
	struct graft_error *err = NULL;
	const struct dirent *entry;

	if (!dir)
		return graft_error_os(errno, "open %s", path);
	while (!err && (entry = readdir(dir)) != NULL) {
		GRAFT_FREE char *file = NULL;
		if (!is_deb(entry->d_name))
			continue;
		if (asprintf(&file, "%s/%s", path, entry->d_name) < 0) {
			file = NULL;
			return graft_error_no_memory();
		}
		err = each(arg, file);
	}
	return err;
}

/** Order by name, then by architecture. */
static int
compare_names(const struct graft_deb *a, const struct graft_deb *b)
{
	int order = strcmp(a->package, b->package);

	return order ? order : strcmp(a->architecture, b->architecture);
}

/** Add a pair; both are taken, on an error too. */
static struct graft_error *
take_pair(struct graft_package_pairs *pairs, struct graft_deb *old,
	  struct graft_deb *new)
{
	struct graft_error *err = graft_vec_reserve(&pairs->items, &pairs->cap,
						    pairs->count + 1,
						    sizeof(*pairs->items));

	if (err) {
		graft_deb_close(old);
		graft_deb_close(new);
		return err;
	}
	pairs->items[pairs->count++] = (struct graft_package_pair){ old, new };
	return NULL;
}

struct graft_error *
graft_package_pairs_add(struct graft_package_pairs *pairs, const char *old_path,
			const char *new_path)
{
	GRAFT_CLEANUP(graft_deb_closep) struct graft_deb *old = NULL;
	GRAFT_CLEANUP(graft_deb_closep) struct graft_deb *new = NULL;

	struct graft_error *err = graft_deb_open_control(old_path, &old);
	if (!err)
		err = graft_deb_open_control(new_path, &new);
	if (err)
		return err;
	if (compare_names(old, new) != 0)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "%s and %s are two packages: %s:%s and "
				       "%s:%s",
				       old_path, new_path, old->package,
				       old->architecture, new->package,
				       new->architecture);
	if (strcmp(old->version, new->version) == 0)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "%s and %s are both %s %s", old_path,
				       new_path, old->package, old->version);
	return take_pair(pairs, GRAFT_TAKE(old), GRAFT_TAKE(new));
}

/** The packages of a folder, by name and architecture. */
struct folder {
	struct graft_deb **debs;
	size_t count;
	size_t cap;
};

static void
folder_deinit(struct folder *folder)
{
	for (size_t i = 0; i < folder->count; i++)
		graft_deb_close(folder->debs[i]);
	free(folder->debs);
}

static int
compare_debs(const void *a, const void *b)
{
	return compare_names(*(struct graft_deb *const *)a,
			     *(struct graft_deb *const *)b);
}

static struct graft_error *
add_file(void *arg, const char *path)
{
	struct folder *folder = arg;
	struct graft_error *err = graft_vec_reserve(&folder->debs, &folder->cap,
						    folder->count + 1,
						    sizeof(*folder->debs));

	if (err)
		return err;
	err = graft_deb_open_control(path, &folder->debs[folder->count]);
	folder->count += !err;
	return err;
}

static struct graft_error *
read_folder(const char *path, struct folder *folder)
{
	struct graft_error *err = graft_packages_each(path, add_file, folder);

	if (err || !folder->count)
		return err;
	qsort(folder->debs, folder->count, sizeof(*folder->debs), compare_debs);
	for (size_t i = 1; i < folder->count; i++) {
		const struct graft_deb *deb = folder->debs[i];
		if (compare_names(folder->debs[i - 1], deb) == 0)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"%s: holds %s:%s twice, in %s and in %s", path,
				deb->package, deb->architecture,
				folder->debs[i - 1]->version, deb->version);
	}
	return NULL;
}

/** Say for people that a package is left out. */
static void
say_left_out(const struct graft_deb *deb, const char *why, const char *where)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_text_put(&text, "graft: diff: left out: ");
	graft_text_put_safe(&text, deb->package);
	graft_text_put(&text, ":");
	graft_text_put_safe(&text, deb->architecture);
	graft_text_put(&text, " ");
	graft_text_put_safe(&text, deb->version);
	graft_text_put(&text, why);
	graft_text_put_safe(&text, where);
	(void)fprintf(stderr, "%s\n", graft_text_str(&text));
}

/** Say whether a package holds the debug symbols of another one. */
static bool
is_of_symbols(const struct graft_deb *deb)
{
	static const char end[] = "-dbgsym";
	const size_t len = strlen(deb->package);

	return len >= sizeof(end) &&
	       strcmp(deb->package + len - (sizeof(end) - 1), end) == 0;
}

/** Take a pair out of both folders, or leave it out. */
static struct graft_error *
match(struct graft_package_pairs *pairs, struct graft_deb **old,
      struct graft_deb **new)
{
	if (strcmp((*old)->version, (*new)->version) == 0) {
		say_left_out(*new, " is the same on both sides", "");
		return NULL;
	}
	if (is_of_symbols(*new)) {
		say_left_out(*new, " holds debug symbols", "");
		return NULL;
	}
	return take_pair(pairs, GRAFT_TAKE(*old), GRAFT_TAKE(*new));
}

struct graft_error *
graft_package_pairs_add_folders(struct graft_package_pairs *pairs,
				const char *old_dir, const char *new_dir)
{
	GRAFT_CLEANUP(folder_deinit) struct folder old = { 0 };
	GRAFT_CLEANUP(folder_deinit) struct folder new = { 0 };
	const size_t before = pairs->count;
	size_t i = 0;
	size_t k = 0;

	struct graft_error *err = read_folder(old_dir, &old);
	if (!err)
		err = read_folder(new_dir, &new);
	while (!err && (i < old.count || k < new.count)) {
		int order = i == old.count ? 1
			    : k == new.count
				    ? -1
				    : compare_names(old.debs[i], new.debs[k]);
		if (order < 0)
			say_left_out(old.debs[i],
				     " is in one folder only: ", old_dir);
		else if (order > 0)
			say_left_out(new.debs[k],
				     " is in one folder only: ", new_dir);
		else
			err = match(pairs, &old.debs[i], &new.debs[k]);
		i += order <= 0;
		k += order >= 0;
	}
	if (!err && pairs->count == before)
		err = graft_error_new(GRAFT_ERROR_NOT_FOUND,
				      "%s and %s hold no package in two "
				      "versions",
				      old_dir, new_dir);
	return err;
}

static int
compare_pairs(const void *a, const void *b)
{
	return compare_names(((const struct graft_package_pair *)a)->new,
			     ((const struct graft_package_pair *)b)->new);
}

/** See that two packages of one side were built from one source, in one version. */
static struct graft_error *
check_source(const struct graft_deb *first, const struct graft_deb *other)
{
	if (strcmp(first->source, other->source) == 0 &&
	    strcmp(first->source_version, other->source_version) == 0)
		return NULL;
	return graft_error_new(
		GRAFT_ERROR_UNSUPPORTED,
		"%s is of the source %s %s, and %s of %s %s: what is upgraded "
		"together is of one source",
		first->package, first->source, first->source_version,
		other->package, other->source, other->source_version);
}

struct graft_error *
graft_package_pairs_sort(struct graft_package_pairs *pairs)
{
	struct graft_error *err = NULL;

	if (pairs->count)
		qsort(pairs->items, pairs->count, sizeof(*pairs->items),
		      compare_pairs);
	for (size_t i = 1; !err && i < pairs->count; i++) {
		const struct graft_package_pair *first = &pairs->items[0];
		const struct graft_package_pair *pair = &pairs->items[i];
		if (compare_pairs(pair - 1, pair) == 0)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"%s:%s is named twice: %s and "
				"%s",
				pair->new->package, pair->new->architecture,
				(pair - 1)->new->path, pair->new->path);
		err = check_source(first->old, pair->old);
		if (!err)
			err = check_source(first->new, pair->new);
		if (!err && strcmp(pair->old->source, pair->new->source) != 0)
			err = check_source(pair->old, pair->new);
	}
	return err;
}
