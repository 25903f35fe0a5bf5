// SPDX-License-Identifier: Apache-2.0

#include "cmd/release.h"

#include "base/cleanup.h"
#include "base/hex.h"
#include "base/vec.h"
#include "patch/disk.h"
#include "patch/file.h"
#include "persist/build_id.h"
#include "persist/deb.h"
#include "repo/copy.h"

#include <stdio.h>
#include <string.h>

/** Copy a text; NULL stays so. */
GRAFT_MUST_CHECK static struct graft_error *
copy(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? graft_error_no_memory() : NULL;
}

/** Add a package, if it is not there. */
GRAFT_MUST_CHECK static struct graft_error *
add_package(struct graft_release *release, const char *name, const char *old,
	    const char *version)
{
	if (!name || !version)
		return NULL;
	for (size_t i = 0; i < release->package_count; i++) {
		struct graft_release_package *p = &release->packages[i];
		if (strcmp(p->name, name) != 0)
			continue;
		if (strcmp(p->version, version) != 0)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "package %s in two versions, %s "
					       "and %s",
					       name, p->version, version);
		return p->old_version ? NULL : copy(old, &p->old_version);
	}
	struct graft_error *err = graft_vec_reserve(
		&release->packages, &release->package_cap,
		release->package_count + 1, sizeof(*release->packages));
	if (err)
		return err;
	struct graft_release_package *p =
		&release->packages[release->package_count++];
	*p = (struct graft_release_package){ 0 };
	err = copy(name, &p->name);
	if (!err)
		err = copy(old, &p->old_version);
	return err ? err : copy(version, &p->version);
}

/** Say whether a module is there, from another form of the same hotpatch or package. */
static bool
has_module(const struct graft_release *release, const char *path,
	   const char *old, const char *new)
{
	for (size_t i = 0; i < release->module_count; i++) {
		const struct graft_release_module *m = &release->modules[i];
		if (strcmp(m->path, path) == 0 &&
		    (old ? m->old_build_id && strcmp(m->old_build_id, old) == 0
			 : !m->old_build_id) &&
		    strcmp(m->new_build_id, new) == 0)
			return true;
	}
	return false;
}

/** Make room for a module. @param[out] ret All zeroes; belongs to the release. */
GRAFT_MUST_CHECK static struct graft_error *
make_module(struct graft_release *release, struct graft_release_module **ret)
{
	struct graft_error *err = graft_vec_reserve(
		&release->modules, &release->module_cap,
		release->module_count + 1, sizeof(*release->modules));

	if (err)
		return err;
	*ret = &release->modules[release->module_count++];
	**ret = (struct graft_release_module){ 0 };
	return NULL;
}

/** Add a module of a hotpatch. */
GRAFT_MUST_CHECK static struct graft_error *
add_module(struct graft_release *release, const struct graft_patch_module *of)
{
	char old[2 * GRAFT_PATCH_BUILD_ID_MAX + 1];
	char new[2 * GRAFT_PATCH_BUILD_ID_MAX + 1];

	graft_hex_encode(of->old_build_id, of->old_build_id_len, old);
	graft_hex_encode(of->new_build_id, of->new_build_id_len, new);
	// What did not change is no part of a release.
	if (of->verdict == GRAFT_VERDICT_IDENTICAL ||
	    has_module(release, of->path, old, new))
		return NULL;
	struct graft_release_module *m;
	struct graft_error *err = make_module(release, &m);
	if (!err)
		err = copy(of->path, &m->path);
	if (!err)
		err = copy(old, &m->old_build_id);
	if (!err)
		err = copy(new, &m->new_build_id);
	if (!err)
		err = copy(graft_verdict_name(of->verdict), &m->verdict);
	return err ? err
		   : copy(graft_assurance_name(of->assurance), &m->assurance);
}

/** Add the files of a package that have a build-id: by it a device sees that it has them. */
GRAFT_MUST_CHECK static struct graft_error *
add_package_modules(struct graft_release *release, const struct graft_deb *deb)
{
	for (size_t i = 0; i < deb->entry_count; i++) {
		const struct graft_deb_entry *entry = &deb->entries[i];
		char digits[2 * GRAFT_BUILD_ID_READ_MAX + 1];
		struct graft_release_module *m;
		if (entry->type != GRAFT_DISK_FILE ||
		    !graft_build_id_read(deb->spill, entry->off, entry->size,
					 digits) ||
		    has_module(release, entry->path, NULL, digits))
			continue;
		struct graft_error *err = make_module(release, &m);
		if (!err)
			err = copy(entry->path, &m->path);
		if (!err)
			err = copy(digits, &m->new_build_id);
		if (err)
			return err;
	}
	return NULL;
}

/**
 * Name a file as archives do: apt-get writes the epoch of a version into the name, as
 * "NAME_1%3a2.0_ARCH.deb", and archives leave it out.
 */
GRAFT_MUST_CHECK static struct graft_error *
name_in_pool(const char *file, char **ret)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash ? slash + 1 : file;
	const char *version = strchr(base, '_');
	const char *colon = version ? strcasestr(version, "%3a") : NULL;

	if (colon && strspn(version + 1, "0123456789") ==
			     (size_t)(colon - version - 1)) {
		if (asprintf(ret, "%.*s%s", (int)(version + 1 - base), base,
			     colon + strlen("%3a")) >= 0)
			return NULL;
		*ret = NULL;
		return graft_error_no_memory();
	}
	return copy(base, ret);
}

/** Add the file itself. */
GRAFT_MUST_CHECK static struct graft_error *
add_form(struct graft_release *release, enum graft_release_kind kind,
	 const char *file)
{
	GRAFT_FREE char *base = NULL;
	struct graft_copy measured;

	struct graft_error *err = graft_copy_measure(file, &measured);
	if (!err)
		err = name_in_pool(file, &base);
	if (!err)
		err = graft_vec_reserve(&release->forms, &release->form_cap,
					release->form_count + 1,
					sizeof(*release->forms));
	if (err)
		return err;
	struct graft_release_form *form =
		&release->forms[release->form_count++];
	*form = (struct graft_release_form){ .kind = kind,
					     .length = measured.len };
	(void)snprintf(form->sha256, sizeof(form->sha256), "%s",
		       measured.digits);
	if (asprintf(&form->path, GRAFT_RELEASE_POOL "%s/%s", release->id,
		     base) < 0) {
		form->path = NULL;
		return graft_error_no_memory();
	}
	for (size_t i = 0; i + 1 < release->form_count; i++) {
		if (strcmp(release->forms[i].path, form->path) == 0)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "%s: two files are called so",
					       form->path);
	}
	return NULL;
}

/** See that a hotpatch says nothing else than the release. */
GRAFT_MUST_CHECK static struct graft_error *
check_patch(const struct graft_release *release,
	    const struct graft_patch *patch, const char *file)
{
	const char *class = graft_release_class_name(release->classification);

	if (*patch->classification && strcmp(patch->classification, class) != 0)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s: it says that it is a %s fix, and "
				       "the release that it is a %s one: "
				       "correct one of them",
				       file, patch->classification, class);
	for (size_t i = 0; i < patch->cve_count; i++) {
		if (!graft_words_have(&release->cves, patch->cves[i]))
			return graft_error_new(GRAFT_ERROR_REFUSED,
					       "%s: it fixes %s, which the "
					       "release does not say: cve = "
					       "%s",
					       file, patch->cves[i],
					       patch->cves[i]);
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
take_patch(struct graft_release *release, const char *file)
{
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;

	struct graft_error *err = graft_patch_read_file(file, &patch);
	if (!err)
		err = check_patch(release, patch, file);
	for (size_t i = 0; !err && i < patch->module_count; i++)
		err = add_module(release, &patch->modules[i]);
	if (!err)
		err = add_package(release, patch->package, patch->old_version,
				  patch->new_version);
	return err ? err
		   : add_form(release,
			      patch->disk_count ? GRAFT_RELEASE_FORM_DELTA
						: GRAFT_RELEASE_FORM_HOTPATCH,
			      file);
}

GRAFT_MUST_CHECK static struct graft_error *
take_package(struct graft_release *release, const char *file)
{
	GRAFT_CLEANUP(graft_deb_closep) struct graft_deb *deb = NULL;

	struct graft_error *err = graft_deb_open(file, &deb);
	if (!err)
		err = add_package(release, deb->package, NULL, deb->version);
	// A hotpatch is no promise of what lies on disk.
	if (!err && !graft_release_is_hot(release))
		err = add_package_modules(release, deb);
	return err ? err : add_form(release, GRAFT_RELEASE_FORM_PACKAGE, file);
}

static bool
ends(const char *file, const char *with)
{
	const size_t len = strlen(file);

	return len > strlen(with) &&
	       strcmp(file + len - strlen(with), with) == 0;
}

struct graft_error *
graft_release_take_files(struct graft_release *release, char *const *files,
			 size_t count)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < count; i++) {
		if (ends(files[i], ".graft"))
			err = take_patch(release, files[i]);
		else if (ends(files[i], ".deb"))
			err = take_package(release, files[i]);
		else
			err = graft_error_new(GRAFT_ERROR_UNSUPPORTED,
					      "%s: a release is made of .graft "
					      "and .deb files",
					      files[i]);
	}
	return err;
}
