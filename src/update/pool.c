// SPDX-License-Identifier: Apache-2.0

#include "update/pool.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"
#include "persist/run.h"
#include "repo/copy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void
graft_pool_list_deinit(struct graft_pool_list *list)
{
	free(list->list);
	*list = (struct graft_pool_list){ 0 };
}

/** Say whether a release names a package in the version that is wanted. */
static bool
names(const struct graft_release *release, const struct graft_wanted *one)
{
	for (size_t i = 0; i < release->package_count; i++) {
		if (strcmp(release->packages[i].name, one->name) == 0 &&
		    strcmp(release->packages[i].version, one->version) == 0)
			return true;
	}
	return false;
}

/** Say whether a file has the name of a package: "pool/ID/NAME_...deb". */
static bool
is_called(const struct graft_release_form *form, const char *name)
{
	const char *slash = strrchr(form->path, '/');
	const char *base = slash ? slash + 1 : form->path;
	const size_t len = strlen(name);
	const char *dot = strrchr(base, '.');

	return form->kind == GRAFT_RELEASE_FORM_PACKAGE &&
	       strncmp(base, name, len) == 0 && base[len] == '_' && dot &&
	       strcmp(dot, ".deb") == 0;
}

/** List the files of a release that may be a package. */
GRAFT_MUST_CHECK static struct graft_error *
list_of(const struct graft_release *release, const struct graft_wanted *one,
	struct graft_pool_list *ret)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < release->form_count; i++) {
		if (!is_called(&release->forms[i], one->name))
			continue;
		err = graft_vec_reserve(&ret->list, &ret->cap, ret->count + 1,
					sizeof(*ret->list));
		if (!err)
			ret->list[ret->count++] = (struct graft_pool_form){
				release, &release->forms[i]
			};
	}
	return err;
}

struct graft_error *
graft_pool_list(const struct graft_release *const *releases, size_t count,
		const struct graft_wanted_list *wanted,
		struct graft_pool_list *ret)
{
	for (size_t i = 0; i < wanted->count; i++) {
		const struct graft_wanted *one = &wanted->list[i];
		const size_t before = ret->count;
		if (!one->older || one->file)
			continue;
		for (size_t k = 0; k < count; k++) {
			if (!names(releases[k], one))
				continue;
			struct graft_error *err = list_of(releases[k], one,
							  ret);
			if (err)
				return err;
		}
		if (ret->count == before)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"no release has %s in version %s as a file "
				"%s_....deb, and the archives of this host "
				"do not have it, or are not to be asked",
				one->name, one->version, one->name);
	}
	return NULL;
}

/** What a package says of itself. */
struct control {
	char *name;
	char *version;
	char *architecture;
};

static void
control_deinit(struct control *control)
{
	free(control->name);
	free(control->version);
	free(control->architecture);
}

/** Have a program print something of few lines. */
GRAFT_MUST_CHECK static struct graft_error *
ask(const char *const *argv, struct graft_text *out)
{
	int status = 0;
	struct graft_error *err = graft_run_read(argv, out, &status);

	if (err || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return err;
	return graft_run_failed(argv[0], status, graft_text_str(out));
}

/** Ask dpkg-deb what a package says of itself. */
GRAFT_MUST_CHECK static struct graft_error *
read_control(const char *file, struct control *ret)
{
	const char *const argv[] = {
		"dpkg-deb",
		"-W",
		"--showformat=${Package}\n${Version}\n${Architecture}\n",
		file,
		NULL,
	};
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	char **const fields[] = { &ret->name, &ret->version,
				  &ret->architecture };
	struct graft_error *err = ask(argv, &out);
	const char *at = graft_text_str(&out);

	for (size_t i = 0; !err && i < 3; i++) {
		const size_t len = strcspn(at, "\n");
		*fields[i] = strndup(at, len);
		if (!*fields[i])
			return graft_error_no_memory();
		at += len + (at[len] == '\n');
	}
	return err;
}

/** Say whether packages of an architecture are this machine's. */
GRAFT_MUST_CHECK static struct graft_error *
is_ours(const char *architecture, bool *ret)
{
	static const char *const argv[] = { "dpkg", "--print-architecture",
					    NULL };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	struct graft_error *err = ask(argv, &out);
	const char *own = graft_text_str(&out);
	const size_t len = strcspn(own, "\n");

	if (err)
		return err;
	*ret = strcmp(architecture, "all") == 0 ||
	       (strlen(architecture) == len &&
		strncmp(architecture, own, len) == 0);
	return NULL;
}

/** Make the path of a package of the pool. */
GRAFT_MUST_CHECK static struct graft_error *
make_path(const char *dir, const char *name, char **ret)
{
	if (asprintf(ret, "%s/%s.deb", dir, name) >= 0)
		return NULL;
	*ret = NULL;
	return graft_error_no_memory();
}

struct graft_error *
graft_pool_put(const char *dir, const struct graft_wanted_list *wanted,
	       const char *file)
{
	GRAFT_CLEANUP(control_deinit) struct control control = { 0 };
	GRAFT_FREE char *path = NULL;
	bool ours = false;

	struct graft_error *err = read_control(file, &control);
	if (!err)
		err = is_ours(control.architecture, &ours);
	if (err)
		return err;
	const struct graft_wanted *one = graft_wanted_get(wanted, control.name,
							  strlen(control.name));
	if (!one || !ours || strcmp(one->version, control.version) != 0) {
		(void)unlink(file);
		return NULL;
	}
	err = graft_dir_make(dir, 0700);
	if (!err)
		err = make_path(dir, one->name, &path);
	if (!err)
		err = graft_fault("update-pool");
	if (err)
		return err;
	return rename(file, path) < 0
		       ? graft_error_os(errno, "rename to %s", path)
		       : graft_file_sync_parent(path);
}

/** Say whether a file is one that a release names. */
static bool
is_named(const struct graft_release *release, const struct graft_wanted *one,
	 const struct graft_copy *measured)
{
	for (size_t i = 0; names(release, one) && i < release->form_count;
	     i++) {
		const struct graft_release_form *form = &release->forms[i];
		if (is_called(form, one->name) &&
		    form->length == measured->len &&
		    strcmp(form->sha256, measured->digits) == 0)
			return true;
	}
	return false;
}

/** Find one package in the pool. */
GRAFT_MUST_CHECK static struct graft_error *
find_one(const char *dir, const struct graft_release *const *releases,
	 size_t count, struct graft_wanted *one)
{
	GRAFT_FREE char *path = NULL;
	struct graft_copy measured;
	bool named = false;

	struct graft_error *err = make_path(dir, one->name, &path);
	if (err)
		return err;
	if (access(path, F_OK) < 0)
		return NULL;
	err = graft_copy_measure(path, &measured);
	if (err)
		return err;
	for (size_t i = 0; !named && i < count; i++)
		named = is_named(releases[i], one, &measured);
	// Of another update, or damaged: it is fetched anew.
	if (!named)
		return unlink(path) < 0
			       ? graft_error_os(errno, "remove %s", path)
			       : NULL;
	free(one->file);
	one->file = GRAFT_TAKE(path);
	return NULL;
}

struct graft_error *
graft_pool_find(const char *dir, const struct graft_release *const *releases,
		size_t count, struct graft_wanted_list *wanted)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < wanted->count; i++) {
		if (wanted->list[i].older)
			err = find_one(dir, releases, count, &wanted->list[i]);
	}
	return err;
}

struct graft_error *
graft_pool_check(const struct graft_wanted_list *wanted)
{
	for (size_t i = 0; i < wanted->count; i++) {
		const struct graft_wanted *one = &wanted->list[i];
		if (one->older && !one->file)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"no file of the releases is %s in version %s "
				"for this machine",
				one->name, one->version);
	}
	return NULL;
}
