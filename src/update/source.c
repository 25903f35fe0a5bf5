// SPDX-License-Identifier: Apache-2.0

#include "update/source.h"

#include "base/file.h"
#include "base/vec.h"
#include "repo/copy.h"
#include "repo/mirror.h"
#include "repo/tree.h"
#include "trust/limits.h"
#include "update/roots.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/** Releases of a repository, and their bytes together. */
	RELEASES_MAX = 4096,
	RELEASES_BYTES_MAX = 256 << 20,
};

struct graft_source {
	struct graft_source_config config;
	/** NULL: the one that was asked failed. */
	struct graft_mirror *mirror;
	/** Which URL is used. */
	size_t at;
	uint64_t bytes;
};

/** Paths. Owned. */
struct paths {
	char **list;
	size_t count;
	size_t cap;
};

static void
paths_deinit(struct paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->list[i]);
	free(paths->list);
}

void
graft_source_close(struct graft_source *source)
{
	if (!source)
		return;
	graft_mirror_close(source->mirror);
	free(source);
}

/** Make the path of a file of the directory. */
GRAFT_MUST_CHECK static struct graft_error *
join(char **ret, const char *name, const char *dir)
{
	if (asprintf(ret, "%s/%s", dir, name) < 0) {
		*ret = NULL;
		return graft_error_no_memory();
	}
	return NULL;
}

/**
 * See that the administrator's root is one that the repository has had since the first time: whoever gives that of another repository means something that is not done silently.
 */
GRAFT_MUST_CHECK static struct graft_error *
check_anchor(const struct graft_source_config *config)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;
	const bool known = graft_roots_are_trusted(config->dir);
	struct graft_error *err = graft_file_read(
		config->trusted_root, GRAFT_TRUST_ROOT_BYTES, &bytes, &len);
	// It is needed the first time only.
	if (err && known && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return NULL;
	}
	if (err)
		return graft_error_prefix(
			err,
			"the root of the repository that is to be trusted");
	return !known || graft_roots_have(config->dir, bytes, len)
		       ? graft_roots_anchor(config->dir, bytes, len)
		       : graft_error_new(
				 GRAFT_ERROR_REFUSED,
				 "%s is not the root that was trusted first: "
				 "if another repository is meant, remove %s",
				 config->trusted_root, config->dir);
}

/** Note a root that is trusted from now on. */
static struct graft_error *
note_root(void *arg, const void *bytes, size_t len)
{
	const struct graft_source_config *config = arg;

	return graft_roots_note(config->dir, bytes, len);
}

GRAFT_MUST_CHECK static struct graft_error *
open_one(struct graft_source *source)
{
	const struct graft_source_config *config = &source->config;
	const struct graft_mirror_config of_mirror = {
		.dir = config->dir,
		.trusted_root = config->trusted_root,
		.url = config->urls[source->at],
		.fetcher = config->fetcher,
		.now = config->now,
		.root_fn = note_root,
		.root_arg = &source->config,
	};

	return graft_mirror_open(&of_mirror, &source->mirror);
}

/**
 * Leave the mirror that failed, and open the next one that does not.
 *
 * @param[in] err Why; taken. NULL: none was asked yet.
 * @return NULL: another one is open.
 */
GRAFT_MUST_CHECK static struct graft_error *
go_on(struct graft_source *source, struct graft_error *err)
{
	const struct graft_source_config *config = &source->config;

	for (;;) {
		if (err) {
			graft_mirror_close(source->mirror);
			source->mirror = NULL;
			// What is wrong here is so with each of them.
			if (graft_error_kind(err) == GRAFT_KIND_FAULT ||
			    source->at + 1 >= config->url_count)
				return err;
			if (config->say)
				config->say(config->say_arg,
					    config->urls[source->at], err);
			graft_error_free(err);
			source->at++;
		}
		err = open_one(source);
		if (!err)
			return NULL;
	}
}

struct graft_error *
graft_source_open(const struct graft_source_config *config,
		  struct graft_source **ret)
{
	GRAFT_CLEANUP(graft_source_closep)
	struct graft_source *source = calloc(1, sizeof(*source));

	if (!source)
		return graft_error_no_memory();
	source->config = *config;
	struct graft_error *err = graft_source_anchor(config);
	if (!err)
		err = go_on(source, NULL);
	if (err)
		return err;
	*ret = GRAFT_TAKE(source);
	return NULL;
}

struct graft_error *
graft_source_anchor(const struct graft_source_config *config)
{
	struct graft_error *err = graft_dir_make(config->dir, 0700);

	return err ? err : check_anchor(config);
}

const char *
graft_source_url(const struct graft_source *source)
{
	return source->config.urls[source->at];
}

uint64_t
graft_source_bytes(const struct graft_source *source)
{
	return source->bytes;
}

/** Make the error of a source whose mirrors all failed. */
GRAFT_MUST_CHECK static struct graft_error *
no_mirror(void)
{
	return graft_error_new(GRAFT_ERROR_UNREACHABLE,
			       "none of its mirrors is left");
}

/** Get a target by its path from the mirror that is open. */
GRAFT_MUST_CHECK static struct graft_error *
get_here(struct graft_source *source, const char *path, char **ret)
{
	size_t i;

	if (!source->mirror)
		return no_mirror();
	struct graft_error *err = graft_mirror_look_up(source->mirror, path,
						       &i);
	if (!err && !graft_mirror_has(source->mirror, i))
		err = graft_mirror_fetch(source->mirror, i, &source->bytes);
	return err ? err : graft_mirror_file(source->mirror, i, ret);
}

/** Get a target by its path from any mirror. */
GRAFT_MUST_CHECK static struct graft_error *
get(struct graft_source *source, const char *path, char **ret)
{
	struct graft_error *err = get_here(source, path, ret);

	while (err) {
		err = go_on(source, err);
		if (err)
			return err;
		err = get_here(source, path, ret);
	}
	return NULL;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/** List the paths of releases, each once, whoever lists them. */
GRAFT_MUST_CHECK static struct graft_error *
list_releases(const struct graft_source *source, struct paths *paths)
{
	size_t kept = 0;

	for (size_t i = 0; i < graft_mirror_count(source->mirror); i++) {
		const char *path = graft_mirror_target(source->mirror, i);
		if (!graft_catalogue_is_path(path))
			continue;
		if (paths->count == RELEASES_MAX)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "more than %d releases",
					       RELEASES_MAX);
		struct graft_error *err =
			graft_vec_reserve(&paths->list, &paths->cap,
					  paths->count + 1, sizeof(char *));
		if (err)
			return err;
		paths->list[paths->count] = strdup(path);
		if (!paths->list[paths->count])
			return graft_error_no_memory();
		paths->count++;
	}
	if (paths->count)
		qsort(paths->list, paths->count, sizeof(char *), compare_paths);
	for (size_t i = 0; i < paths->count; i++) {
		if (kept && strcmp(paths->list[kept - 1], paths->list[i]) == 0)
			free(paths->list[i]);
		else
			paths->list[kept++] = paths->list[i];
	}
	paths->count = kept;
	return NULL;
}

/**
 * See that a release is none that fills the disk: who signs it may be one of several, who gets nothing
 * done alone.
 */
GRAFT_MUST_CHECK static struct graft_error *
check_length(const char *path, uint64_t length, uint64_t *sum)
{
	*sum += length;
	return length > GRAFT_RELEASE_BYTES_MAX || *sum > RELEASES_BYTES_MAX
		       ? graft_error_new(
				 GRAFT_ERROR_LIMIT,
				 "%s: releases have at most %d MiB, all "
				 "together %d MiB",
				 path, GRAFT_RELEASE_BYTES_MAX >> 20,
				 RELEASES_BYTES_MAX >> 20)
		       : NULL;
}

/** Get one release from the mirror that is open. @param[in,out] sum Of the bytes of releases. */
GRAFT_MUST_CHECK static struct graft_error *
take_release(struct graft_source *source, const char *path, uint64_t *sum,
	     struct graft_catalogue *catalogue)
{
	GRAFT_FREE char *file = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;
	size_t i;

	// Listed by roles that were not delegated it: nobody said it.
	struct graft_error *err = graft_mirror_look_up(source->mirror, path,
						       &i);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return NULL;
	}
	if (!err)
		err = check_length(path, graft_mirror_length(source->mirror, i),
				   sum);
	if (!err)
		err = get_here(source, path, &file);
	if (!err)
		err = graft_file_read(file, GRAFT_RELEASE_BYTES_MAX, &bytes,
				      &len);
	return err ? err : graft_catalogue_decode(catalogue, path, bytes, len);
}

/** Get all releases from the mirror that is open: of one state of the repository. */
GRAFT_MUST_CHECK static struct graft_error *
take_releases(struct graft_source *source, struct graft_catalogue *catalogue)
{
	GRAFT_CLEANUP(paths_deinit) struct paths paths = { 0 };
	uint64_t sum = 0;
	struct graft_error *err = list_releases(source, &paths);

	for (size_t i = 0; !err && i < paths.count; i++)
		err = take_release(source, paths.list[i], &sum, catalogue);
	return err ? err : graft_catalogue_check(catalogue, false);
}

struct graft_error *
graft_source_catalogue(struct graft_source *source, struct graft_catalogue *ret)
{
	struct graft_error *err = take_releases(source, ret);

	while (err) {
		graft_catalogue_deinit(ret);
		err = go_on(source, err);
		if (err)
			return err;
		err = take_releases(source, ret);
	}
	return NULL;
}

/** Make the error of a repository that contradicts a release. */
GRAFT_MUST_CHECK static struct graft_error *
another_file(const struct graft_release_form *form)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "%s: the repository has another file than the "
			       "release names",
			       form->path);
}

struct graft_error *
graft_source_lists(struct graft_source *source,
		   const struct graft_release_form *form)
{
	bool same;

	if (!source->mirror)
		return no_mirror();
	struct graft_error *err = graft_mirror_lists(
		source->mirror, form->path, form->length, form->sha256, &same);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "it does not list %s", form->path);
	}
	return err || same ? err : another_file(form);
}

struct graft_error *
graft_source_fetch(struct graft_source *source,
		   const struct graft_release_form *form, char **ret)
{
	GRAFT_FREE char *file = NULL;
	struct graft_copy measured;
	size_t i;

	if (!source->mirror)
		return no_mirror();
	// Before its bytes come: it may be any number of them.
	struct graft_error *err = graft_mirror_look_up(source->mirror,
						       form->path, &i);
	if (!err && graft_mirror_length(source->mirror, i) != form->length)
		return another_file(form);
	graft_error_free(err);
	err = get(source, form->path, &file);
	if (!err)
		err = graft_copy_measure(file, &measured);
	if (err)
		return err;
	if (measured.len != form->length ||
	    strcmp(measured.digits, form->sha256) != 0) {
		// Whichever of the two is wrong, the next run begins anew.
		(void)unlink(file);
		return another_file(form);
	}
	*ret = GRAFT_TAKE(file);
	return NULL;
}

void
graft_source_drop(const char *file)
{
	// It costs space, and nothing else.
	(void)unlink(file);
}

struct graft_error *
graft_source_sweep(const struct graft_source *source)
{
	return source->mirror ? graft_mirror_sweep(source->mirror) : NULL;
}

void
graft_source_tidy(const struct graft_source *source)
{
	GRAFT_FREE char *partial = NULL;
	struct graft_error *err = join(&partial, "partial", source->config.dir);

	if (!err)
		err = graft_tree_remove(partial);
	graft_error_free(err);
}
