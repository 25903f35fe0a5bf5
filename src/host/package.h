// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which Debian package a file belongs to, which version was there before, and what the
 * new one fixes: dpkg-query(1), /var/log/dpkg.log and the package's changelog say so.
 */

#ifndef GRAFT_HOST_PACKAGE_H
#define GRAFT_HOST_PACKAGE_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/** A package that is installed. */
struct graft_package {
	/** "libssl3:amd64", or without architecture, as dpkg-query prints it. */
	char *name;
	char *source;
	char *version;
	/** Before the last upgrade; NULL: the log does not say. */
	char *old_version;
	/** "CVE-2026-1234": what the changelog says since then, each once. */
	char **cves;
	size_t cve_count;
};

/** The packages of some files. */
struct graft_packages {
	struct graft_package *packages;
	size_t count;
	/** For each file that was asked for, which package, or SIZE_MAX. */
	size_t *of;
};

/** Make packages of files that have none. @param[out] ret New; free with
 * graft_packages_free(). */
GRAFT_MUST_CHECK struct graft_error *
graft_packages_new_none(size_t count, struct graft_packages **ret);

/**
 * Copy packages for other files, none of which has one yet.
 *
 * @param[in] count How many files.
 * @param[out] ret New; free with graft_packages_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_packages_copy(const struct graft_packages *packages, size_t count,
		    struct graft_packages **ret);

/**
 * Ask for the packages of files of our own root. On a host without dpkg no file has
 * one.
 *
 * @param[in] paths Absolute, as processes have them: below /usr where /lib is a link.
 * @param[in] count How many.
 * @param[out] ret New; free with graft_packages_free().
 * @return NULL; #GRAFT_ERROR_LIMIT if dpkg-query(1) does not answer within some seconds.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_packages_find(const char *const *paths, size_t count,
		    struct graft_packages **ret);

/** As graft_packages_find(), without what the log and the changelogs say. */
GRAFT_MUST_CHECK struct graft_error *
graft_packages_find_plain(const char *const *paths, size_t count,
			  struct graft_packages **ret);

/**
 * Find the packages that were upgraded to the version that is installed, as far as dpkg's
 * log goes back, with what that fixed. graft_packages::of is empty.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_packages_find_upgraded(struct graft_packages **ret);

/**
 * Add all packages that are installed and come from the sources of those that are there.
 * They get no history.
 *
 * @param[in,out] packages graft_packages::of stays as it is.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_packages_add_siblings(struct graft_packages *packages);

/** Free packages. NULL is a no-op. */
void
graft_packages_free(struct graft_packages *packages);
GRAFT_DEFINE_CLEANUP(struct graft_packages, graft_packages_free)

/**
 * Find what dpkg's log and the changelog of a package say.
 *
 * @param[in,out] package Has name and version; gets old version and CVEs, as far as they
 * are said.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_package_read_history(struct graft_package *package);

/**
 * Say whether a name of dpkg's log is the one of a package: dpkg-query leaves the
 * architecture out where there is only one, the log never does.
 */
bool
graft_package_is_named(const char *logged, const char *name);

/** Told of each package that a log says was upgraded: its name with architecture. */
typedef struct graft_error *
graft_package_upgrade_fn(void *arg, const char *name);

/** Go over the upgrades of dpkg's log, the one before it too. */
GRAFT_MUST_CHECK struct graft_error *
graft_package_each_upgrade(graft_package_upgrade_fn *fn, void *arg);

/**
 * Find the version that a log of dpkg says was replaced by another one; the last such
 * line counts.
 *
 * @param[in] log Text of dpkg.log, of @p len bytes.
 * @param[out] ret New string that the caller frees; NULL: there is none.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_package_old_version(const char *log, size_t len, const char *name,
			  const char *version, char **ret);

/**
 * Find what a changelog says was fixed.
 *
 * @param[in] text deb-changelog(5), of @p len bytes. Untrusted.
 * @param[in] old_version From the first entry of this or an older version on, all are
 * left out; NULL: all but the first are.
 * @param[in,out] package Gets what is found.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_package_find_cves(const char *text, size_t len, const char *old_version,
			struct graft_package *package);

#endif /* GRAFT_HOST_PACKAGE_H */
