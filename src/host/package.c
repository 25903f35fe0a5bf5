// SPDX-License-Identifier: Apache-2.0

#include "host/package.h"

#include "base/text.h"
#include "base/vec.h"
#include "host/ask.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	/** dpkg reads the lists of all packages: a second where nothing is cached. */
	ASK_LIMIT_US = 10 * 1000 * 1000,
	/** Files that are asked for at once. */
	ASK_MOST = 200,
};

static const size_t none = SIZE_MAX;

static void
package_deinit(struct graft_package *package)
{
	free(package->name);
	free(package->source);
	free(package->version);
	free(package->old_version);
	for (size_t i = 0; i < package->cve_count; i++)
		free(package->cves[i]);
	free(package->cves);
}

void
graft_packages_free(struct graft_packages *packages)
{
	if (!packages)
		return;
	for (size_t i = 0; i < packages->count; i++)
		package_deinit(&packages->packages[i]);
	free(packages->packages);
	free(packages->of);
	free(packages);
}

/** Find the package of a name, or add it. */
GRAFT_MUST_CHECK static struct graft_error *
take_package(struct graft_packages *packages, const char *name, size_t len,
	     size_t *ret)
{
	for (size_t i = 0; i < packages->count; i++) {
		const char *known = packages->packages[i].name;
		if (strlen(known) == len && memcmp(known, name, len) == 0) {
			*ret = i;
			return NULL;
		}
	}
	size_t room = packages->count;
	struct graft_error *err = graft_vec_reserve(
		&packages->packages, &room, packages->count + 1,
		sizeof(*packages->packages));
	if (err)
		return err;
	struct graft_package package = { .name = strndup(name, len) };
	if (!package.name)
		return graft_error_no_memory();
	*ret = packages->count;
	packages->packages[packages->count++] = package;
	return NULL;
}

/** Where a file may be listed: dpkg knows those of merged folders by their old paths. */
struct aliases {
	const char *paths[2];
	size_t count;
};

static struct aliases
aliases_of(const char *path)
{
	static const char usr[] = "/usr";
	struct aliases ret = { .paths = { path }, .count = 1 };

	if (strncmp(path, "/usr/lib", 8) == 0 ||
	    strncmp(path, "/usr/bin/", 9) == 0 ||
	    strncmp(path, "/usr/sbin/", 10) == 0)
		ret.paths[ret.count++] = path + strlen(usr);
	return ret;
}

/** Does a line end with ": PATH"? @param[out] len_ret Bytes in front of that. */
static bool
is_line_of(const char *line, size_t len, const char *path, size_t *len_ret)
{
	size_t path_len = strlen(path);

	if (len < path_len + 3 ||
	    memcmp(line + len - path_len, path, path_len) != 0 ||
	    memcmp(line + len - path_len - 2, ": ", 2) != 0)
		return false;
	*len_ret = len - path_len - 2;
	return true;
}

/** Take a line of `dpkg-query --search`: "PACKAGE[, PACKAGE...]: PATH". */
GRAFT_MUST_CHECK static struct graft_error *
take_owner(struct graft_packages *packages, const char *const *paths,
	   size_t count, const char *line, size_t len)
{
	static const char diversion[] = "diversion by ";
	static const char local[] = "local diversion ";
	struct graft_error *err = NULL;

	if (strncmp(line, diversion, strlen(diversion)) == 0 ||
	    strncmp(line, local, strlen(local)) == 0)
		return NULL;
	for (size_t i = 0; !err && i < count; i++) {
		struct aliases aliases = aliases_of(paths[i]);
		for (size_t k = 0; !err && k < aliases.count; k++) {
			size_t owners;
			if (packages->of[i] != none ||
			    !is_line_of(line, len, aliases.paths[k], &owners))
				continue;
			const char *comma = memchr(line, ',', owners);
			err = take_package(packages, line,
					   comma ? (size_t)(comma - line)
						 : owners,
					   &packages->of[i]);
		}
	}
	return err;
}

/** Escape what dpkg-query takes for a pattern. */
GRAFT_MUST_CHECK static struct graft_error *
escape(const char *path, char **ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	for (const char *at = path; *at; at++) {
		if (strchr("*?[]\\", *at))
			graft_text_put(&text, "\\");
		graft_text_put_bytes(&text, at, 1);
	}
	return graft_text_take(&text, ret);
}

/** Words of a command that were made for it. */
struct words {
	char *list[2 * ASK_MOST + 4];
	size_t count;
	/** How many at the start are not owned. */
	size_t fixed;
};

static void
words_deinit(struct words *words)
{
	for (size_t i = words->fixed; i < words->count; i++)
		free(words->list[i]);
}

/** Ask which packages some files belong to. */
GRAFT_MUST_CHECK static struct graft_error *
ask_owners(struct graft_packages *packages, const char *const *paths,
	   size_t from, size_t to)
{
	GRAFT_CLEANUP(words_deinit)
	struct words words = {
		.list = { (char *)"dpkg-query", (char *)"--search",
			  (char *)"--" },
		.count = 3,
		.fixed = 3,
	};
	GRAFT_FREE char *text = NULL;
	size_t len;
	struct graft_error *err = NULL;

	for (size_t i = from; !err && i < to; i++) {
		struct aliases aliases = aliases_of(paths[i]);
		for (size_t k = 0; !err && k < aliases.count; k++) {
			err = escape(aliases.paths[k],
				     &words.list[words.count]);
			words.count += !err;
		}
	}
	if (!err)
		err = graft_ask(words.list, ASK_LIMIT_US, &text, &len);
	for (const char *line = text; !err && line && *line;) {
		const char *end = strchrnul(line, '\n');
		err = take_owner(packages, paths, to, line,
				 (size_t)(end - line));
		line = *end ? end + 1 : end;
	}
	return err;
}

/** Take a line of `dpkg-query --show`: package, source, version. */
GRAFT_MUST_CHECK static struct graft_error *
take_version(struct graft_packages *packages, char *line)
{
	const char *name = strsep(&line, "\t");
	const char *source = strsep(&line, "\t");
	const char *version = strsep(&line, "\t");

	for (size_t i = 0; version && i < packages->count; i++) {
		struct graft_package *package = &packages->packages[i];
		if (package->version ||
		    !graft_package_is_named(name, package->name))
			continue;
		package->source = strdup(source);
		package->version = strdup(version);
		if (!package->source || !package->version)
			return graft_error_no_memory();
	}
	return NULL;
}

/** Ask which versions are installed. */
GRAFT_MUST_CHECK static struct graft_error *
ask_versions(struct graft_packages *packages)
{
	GRAFT_FREE char **words = calloc(packages->count + 5, sizeof(*words));
	GRAFT_FREE char *text = NULL;
	size_t len;
	size_t count = 0;

	if (!words)
		return graft_error_no_memory();
	words[count++] = (char *)"dpkg-query";
	words[count++] = (char *)"--show";
	words[count++] =
		(char *)"--showformat="
			"${Package}:${Architecture}\\t${source:Package}\\t"
			"${Version}\\n";
	words[count++] = (char *)"--";
	for (size_t i = 0; i < packages->count; i++)
		words[count++] = packages->packages[i].name;
	struct graft_error *err = graft_ask(words, ASK_LIMIT_US, &text, &len);
	for (char *rest = text; !err && rest;) {
		char *line = strsep(&rest, "\n");
		err = take_version(packages, line);
	}
	return err;
}

/** Find the history of each package that has a version. */
GRAFT_MUST_CHECK static struct graft_error *
read_histories(struct graft_packages *packages)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < packages->count; i++) {
		if (packages->packages[i].version)
			err = graft_package_read_history(
				&packages->packages[i]);
	}
	return err;
}

struct graft_error *
graft_packages_new_none(size_t count, struct graft_packages **ret)
{
	GRAFT_CLEANUP(graft_packages_freep)
	struct graft_packages *packages = calloc(1, sizeof(*packages));

	if (packages)
		packages->of = malloc((count + 1) * sizeof(*packages->of));
	if (!packages || !packages->of)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++)
		packages->of[i] = none;
	*ret = GRAFT_TAKE(packages);
	return NULL;
}

struct graft_error *
graft_packages_find_plain(const char *const *paths, size_t count,
			  struct graft_packages **ret)
{
	GRAFT_CLEANUP(graft_packages_freep)
	struct graft_packages *packages = NULL;
	struct graft_error *err = graft_packages_new_none(count, &packages);

	for (size_t i = 0; !err && i < count; i += ASK_MOST)
		err = ask_owners(packages, paths, i,
				 count - i < ASK_MOST ? count : i + ASK_MOST);
	if (!err && packages->count)
		err = ask_versions(packages);
	if (err)
		return err;
	*ret = GRAFT_TAKE(packages);
	return NULL;
}

struct graft_error *
graft_packages_find(const char *const *paths, size_t count,
		    struct graft_packages **ret)
{
	GRAFT_CLEANUP(graft_packages_freep)
	struct graft_packages *packages = NULL;
	struct graft_error *err = graft_packages_find_plain(paths, count,
							    &packages);

	if (!err)
		err = read_histories(packages);
	if (err)
		return err;
	*ret = GRAFT_TAKE(packages);
	return NULL;
}

/** Copy a string, or NULL. @return false: no memory. */
static bool
copy_text(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return !text || *ret;
}

/** Copy a package. @param[in,out] ret Zeroed; frees what it has on error too. */
static bool
copy_package(const struct graft_package *package, struct graft_package *ret)
{
	bool ok = copy_text(package->name, &ret->name) &&
		  copy_text(package->source, &ret->source) &&
		  copy_text(package->version, &ret->version) &&
		  copy_text(package->old_version, &ret->old_version);

	ret->cves = calloc(package->cve_count + 1, sizeof(*ret->cves));
	ok = ok && ret->cves;
	for (size_t i = 0; ok && i < package->cve_count; i++) {
		ok = copy_text(package->cves[i], &ret->cves[i]);
		ret->cve_count++;
	}
	return ok;
}

struct graft_error *
graft_packages_copy(const struct graft_packages *packages, size_t count,
		    struct graft_packages **ret)
{
	GRAFT_CLEANUP(graft_packages_freep) struct graft_packages *copy = NULL;
	struct graft_error *err = graft_packages_new_none(count, &copy);

	if (err)
		return err;
	copy->packages = calloc(packages->count + 1, sizeof(*copy->packages));
	bool ok = copy->packages != NULL;
	for (size_t i = 0; ok && i < packages->count; i++) {
		copy->count++;
		ok = copy_package(&packages->packages[i], &copy->packages[i]);
	}
	if (!ok)
		return graft_error_no_memory();
	*ret = GRAFT_TAKE(copy);
	return NULL;
}

/** Take a line of `dpkg-query --show`: name, source, version, if it is of a source that is
 * there. */
GRAFT_MUST_CHECK static struct graft_error *
take_sibling(struct graft_packages *packages, char *line)
{
	const char *name = strsep(&line, "\t");
	const char *source = strsep(&line, "\t");
	const char *version = strsep(&line, "\t");
	bool known = false;
	bool sibling = false;
	size_t at;

	for (size_t i = 0; version && i < packages->count; i++) {
		const struct graft_package *p = &packages->packages[i];
		known |= strcmp(p->name, name) == 0;
		sibling |= p->source && strcmp(p->source, source) == 0;
	}
	if (known || !sibling)
		return NULL;
	struct graft_error *err = take_package(packages, name, strlen(name),
					       &at);
	if (err)
		return err;
	struct graft_package *package = &packages->packages[at];
	package->source = strdup(source);
	package->version = strdup(version);
	return package->source && package->version ? NULL
						   : graft_error_no_memory();
}

struct graft_error *
graft_packages_add_siblings(struct graft_packages *packages)
{
	static char *const words[] = {
		(char *)"dpkg-query",
		(char *)"--show",
		(char *)"--showformat=${binary:Package}\\t${source:Package}"
			"\\t${Version}\\n",
		NULL,
	};
	GRAFT_FREE char *text = NULL;
	size_t len;
	struct graft_error *err = graft_ask(words, ASK_LIMIT_US, &text, &len);

	for (char *rest = text; !err && rest;) {
		char *line = strsep(&rest, "\n");
		err = take_sibling(packages, line);
	}
	return err;
}

/** Add a package of the log. */
static struct graft_error *
take_upgraded(void *arg, const char *name)
{
	size_t at;

	return take_package(arg, name, strlen(name), &at);
}

struct graft_error *
graft_packages_find_upgraded(struct graft_packages **ret)
{
	GRAFT_CLEANUP(graft_packages_freep)
	struct graft_packages *packages = calloc(1, sizeof(*packages));
	struct graft_error *err =
		packages ? graft_package_each_upgrade(take_upgraded, packages)
			 : graft_error_no_memory();

	if (!err && packages->count)
		err = ask_versions(packages);
	if (!err)
		err = read_histories(packages);
	if (err)
		return err;
	*ret = GRAFT_TAKE(packages);
	return NULL;
}
