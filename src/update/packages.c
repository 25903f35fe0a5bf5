// SPDX-License-Identifier: Apache-2.0

#include "update/packages.h"

#include "base/cleanup.h"
#include "base/deb_version.h"
#include "base/text.h"
#include "base/vec.h"
#include "persist/build_id.h"
#include "persist/run.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum {
	/** Longest name or version that is taken. */
	WORD_MAX = 200,
};

void
graft_wanted_deinit(struct graft_wanted_list *wanted)
{
	for (size_t i = 0; i < wanted->count; i++) {
		free(wanted->list[i].installed);
		free(wanted->list[i].file);
	}
	free(wanted->list);
	*wanted = (struct graft_wanted_list){ 0 };
}

bool
graft_wanted_is_name(const char *text)
{
	const size_t len = strlen(text);

	// A '-' at its end would mean to apt-get that it is to go.
	return len > 1 && len < WORD_MAX && isalnum((unsigned char)*text) &&
	       text[len - 1] != '-' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == len;
}

bool
graft_wanted_is_version(const char *text)
{
	const size_t len = strlen(text);

	return len && len < WORD_MAX && isdigit((unsigned char)*text) &&
	       text[len - 1] != '-' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+:~-") == len;
}

const struct graft_wanted *
graft_wanted_get(const struct graft_wanted_list *wanted, const char *name,
		 size_t len)
{
	for (size_t i = 0; i < wanted->count; i++) {
		if (strncmp(wanted->list[i].name, name, len) == 0 &&
		    !wanted->list[i].name[len])
			return &wanted->list[i];
	}
	return NULL;
}

/** Add a package of a release, or the newer version of one. */
GRAFT_MUST_CHECK static struct graft_error *
add(struct graft_wanted_list *wanted,
    const struct graft_release_package *package)
{
	struct graft_wanted *there = (struct graft_wanted *)graft_wanted_get(
		wanted, package->name, strlen(package->name));

	if (!graft_wanted_is_name(package->name) ||
	    !graft_wanted_is_version(package->version))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "'%.100s' in version '%.100s' is no "
				       "package",
				       package->name, package->version);
	if (there) {
		if (graft_deb_version_compare(there->version,
					      package->version) < 0)
			there->version = package->version;
		return NULL;
	}
	struct graft_error *err = graft_vec_reserve(&wanted->list, &wanted->cap,
						    wanted->count + 1,
						    sizeof(*wanted->list));
	if (!err)
		wanted->list[wanted->count++] = (struct graft_wanted){
			.name = package->name,
			.version = package->version,
			.whole = true,
		};
	return err;
}

/** Take a line of dpkg-query: "name\tversion\tinstalled". */
GRAFT_MUST_CHECK static struct graft_error *
take_line(struct graft_wanted_list *wanted, char *line)
{
	char *version = strchr(line, '\t');
	char *state = version ? strchr(version + 1, '\t') : NULL;

	if (!state)
		return NULL;
	*version++ = '\0';
	*state++ = '\0';
	struct graft_wanted *one = (struct graft_wanted *)graft_wanted_get(
		wanted, line, strlen(line));
	// What was begun and not ended is there, and is to be ended.
	if (!one || strcmp(state, "not-installed") == 0 ||
	    strcmp(state, "config-files") == 0)
		return NULL;
	if (strcmp(state, "installed") != 0 &&
	    strncmp(state, "triggers-", strlen("triggers-")) != 0)
		one->whole = false;
	if (one->installed &&
	    graft_deb_version_compare(one->installed, version) <= 0)
		return NULL;
	free(one->installed);
	one->installed = strdup(*version ? version : "0");
	return one->installed ? NULL : graft_error_no_memory();
}

/** Find out which of them are here, and forget the others. */
GRAFT_MUST_CHECK static struct graft_error *
look(struct graft_wanted_list *wanted)
{
	static const char *const argv[] = {
		"dpkg-query", "-W", "-f",
		"${Package}\t${Version}\t${db:Status-Status}\n", NULL
	};
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	size_t kept = 0;
	int status = 0;

	struct graft_error *err = graft_run_read(argv, &out, &status);
	if (err && graft_error_errno(err) == ENOENT) {
		graft_error_free(err);
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "there is no dpkg here");
	}
	if (!err && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
		err = graft_run_failed(argv[0], status, graft_text_str(&out));
	char *save = NULL;
	for (char *line = err ? NULL : strtok_r(out.str, "\n", &save);
	     !err && line; line = strtok_r(NULL, "\n", &save))
		err = take_line(wanted, line);
	for (size_t i = 0; !err && i < wanted->count; i++) {
		struct graft_wanted one = wanted->list[i];
		if (!one.installed)
			continue;
		one.older = graft_deb_version_compare(one.installed,
						      one.version) < 0;
		wanted->older += one.older;
		wanted->list[kept++] = one;
	}
	if (!err)
		wanted->count = kept;
	return err;
}

struct graft_error *
graft_wanted_find(const struct graft_release *const *releases, size_t count,
		  struct graft_wanted_list *ret)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < count; i++) {
		for (size_t k = 0; !err && k < releases[i]->package_count; k++)
			err = add(ret, &releases[i]->packages[k]);
	}
	return err ? err : look(ret);
}

/** Say whether a later release names the same file. */
static bool
is_named_later(const struct graft_release *const *releases, size_t count,
	       const char *path)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < releases[i]->module_count; k++) {
			if (strcmp(releases[i]->modules[k].path, path) == 0)
				return true;
		}
	}
	return false;
}

/**
 * Say whether a file is of a package that is here in just the version that is named. "name:arch, other:
 * path" is what dpkg says.
 */
GRAFT_MUST_CHECK static struct graft_error *
is_of_version(const struct graft_wanted_list *wanted, const char *path,
	      bool *ret)
{
	const char *const argv[] = { "dpkg-query", "-S", path, NULL };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	int status = 0;
	struct graft_error *err = graft_run_read(argv, &out, &status);

	*ret = false;
	if (err || status != 0)
		return err;
	const char *name = graft_text_str(&out);
	const struct graft_wanted *one = graft_wanted_get(wanted, name,
							  strcspn(name, ":, "));
	*ret = one &&
	       graft_deb_version_compare(one->installed, one->version) == 0;
	return NULL;
}

/** See that a file is the build that it shall be. */
GRAFT_MUST_CHECK static struct graft_error *
check_build(const struct graft_wanted_list *wanted,
	    const struct graft_release *release,
	    const struct graft_release_module *module)
{
	char digits[2 * GRAFT_BUILD_ID_READ_MAX + 1] = "none";
	GRAFT_FREE char *path = NULL;
	struct stat st;
	bool ours;

	if (asprintf(&path, "/%s", module->path) < 0) {
		path = NULL;
		return graft_error_no_memory();
	}
	GRAFT_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return NULL;
	if (fd < 0 || fstat(fd, &st) < 0)
		return graft_error_os(errno, "open %s", path);
	if (S_ISREG(st.st_mode))
		(void)graft_build_id_read(fd, 0, (uint64_t)st.st_size, digits);
	if (strcmp(digits, module->new_build_id) == 0)
		return NULL;
	struct graft_error *err = is_of_version(wanted, path, &ours);
	if (err || !ours)
		return err;
	return graft_error_new(GRAFT_ERROR_REFUSED,
			       "%.400s is the build %s, and %s names %.128s: "
			       "apt-get install --reinstall its package",
			       path, digits, release->id, module->new_build_id);
}

struct graft_error *
graft_wanted_check_builds(const struct graft_wanted_list *wanted,
			  const struct graft_release *const *releases,
			  size_t count)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < count; i++) {
		for (size_t k = 0; !err && k < releases[i]->module_count; k++) {
			const struct graft_release_module *m =
				&releases[i]->modules[k];
			if (!is_named_later(releases + i + 1, count - i - 1,
					    m->path))
				err = check_build(wanted, releases[i], m);
		}
	}
	return err;
}
