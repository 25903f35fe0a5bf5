// SPDX-License-Identifier: Apache-2.0

#include "cmd/release.h"

#include "base/cleanup.h"
#include "base/vec.h"

#include <stdio.h>
#include <string.h>

/** A catalogue that is being loaded. */
struct loading {
	const struct graft_repo *repo;
	struct graft_catalogue *catalogue;
};

/** Load one release. */
static struct graft_error *
load_one(void *arg, const char *path, uint64_t length, const char *sha256)
{
	struct loading *loading = arg;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	(void)length;
	if (!graft_catalogue_is_path(path))
		return NULL;
	struct graft_error *err =
		graft_repo_read_target(loading->repo, path, sha256,
				       GRAFT_RELEASE_BYTES_MAX, &bytes, &len);
	return err ? graft_error_prefix(err, "%s", path)
		   : graft_catalogue_decode(loading->catalogue, path, bytes,
					    len);
}

struct graft_error *
graft_release_load(const struct graft_repo *repo, struct graft_catalogue *ret)
{
	struct loading loading = { repo, ret };

	return graft_repo_each_found(repo, GRAFT_RELEASE_PREFIX, load_one,
				     &loading);
}

/** A file that releases may name. */
struct file {
	char *path;
	uint64_t length;
	char sha256[GRAFT_RELEASE_SHA256_LEN];
};

/** All of them. */
struct files {
	struct file *list;
	size_t count;
	size_t cap;
};

static void
files_deinit(struct files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->list[i].path);
	free(files->list);
}

static struct graft_error *
note_file(void *arg, const char *path, uint64_t length, const char *sha256)
{
	struct files *files = arg;

	struct graft_error *err = graft_vec_reserve(&files->list, &files->cap,
						    files->count + 1,
						    sizeof(*files->list));
	if (err)
		return err;
	struct file *file = &files->list[files->count];
	*file = (struct file){ .path = strdup(path), .length = length };
	if (!file->path)
		return graft_error_no_memory();
	(void)snprintf(file->sha256, sizeof(file->sha256), "%s", sha256);
	files->count++;
	return NULL;
}

static int
compare_files(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->path,
		      ((const struct file *)b)->path);
}

/** See that each file that releases name is a target, and the same. */
GRAFT_MUST_CHECK static struct graft_error *
check_files(const struct graft_repo *repo,
	    const struct graft_catalogue *catalogue)
{
	GRAFT_CLEANUP(files_deinit) struct files files = { 0 };
	struct graft_error *err = graft_repo_each_found(repo, "", note_file,
							&files);

	if (err)
		return err;
	if (files.count)
		qsort(files.list, files.count, sizeof(*files.list),
		      compare_files);
	for (size_t i = 0; i < catalogue->count; i++) {
		const struct graft_release *r = catalogue->list[i];
		for (size_t k = 0; k < r->form_count; k++) {
			struct file key = { .path = r->forms[k].path };
			const struct file *file =
				bsearch(&key, files.list, files.count,
					sizeof(key), compare_files);
			if (!file || file->length != r->forms[k].length ||
			    strcmp(file->sha256, r->forms[k].sha256) != 0)
				return graft_error_new(
					GRAFT_ERROR_REFUSED, "%s: %s %s", r->id,
					r->forms[k].path,
					file ? "is another file than the one "
					       "it was made of"
					     : "is no target of the "
					       "repository");
		}
	}
	return NULL;
}

struct graft_error *
graft_release_check_repo(const struct graft_repo *repo, bool proven)
{
	GRAFT_CLEANUP(graft_catalogue_deinit)
	struct graft_catalogue catalogue = { 0 };
	struct graft_error *err = graft_release_load(repo, &catalogue);

	if (!err)
		err = graft_catalogue_check(&catalogue, proven);
	return err || !catalogue.count ? err : check_files(repo, &catalogue);
}
