// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The packages of a hotpatch as a host has them: one of them may be old, new already, or not
 * installed. Those that are old are upgraded together.
 */

#ifndef GRAFT_PERSIST_SET_H
#define GRAFT_PERSIST_SET_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct graft_disk;
struct graft_installed;
struct graft_patch;

/** How a host has a package. */
enum graft_set_state {
	/** Not at all: the package is left out. */
	GRAFT_SET_ABSENT,
	GRAFT_SET_OLD,
	/** In the new version. */
	GRAFT_SET_NEW,
};

/** A package of a hotpatch. */
struct graft_set_member {
	/** Lent by the hotpatch. */
	const struct graft_disk *disk;
	enum graft_set_state state;

	// All that follows is of those that are old.

	struct graft_installed *installed;
	/** Its control file of both versions. */
	char *old_control;
	char *new_control;
	/** In which run of dpkg it comes; graft_record_package::run. */
	unsigned run;
};

/** The packages of a hotpatch. */
struct graft_set {
	/** As the hotpatch has them. */
	struct graft_set_member *members;
	size_t count;
	/**
	 * Those that are old, by the run of dpkg in which they come, and as it is given
	 * them in a run.
	 */
	struct graft_set_member **changing;
	size_t changing_count;
};

/**
 * Look up the packages of a hotpatch. dpkg's lock should be held.
 *
 * @param[in] patch Its parts for the disk are of packages. Borrowed until the set is freed.
 * @param[in] root "" or the path of another root.
 * @param[out] ret New; free with graft_set_free().
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if none of them is installed; #GRAFT_ERROR_REFUSED
 * if one is in a third version, on hold, or not as dpkg leaves what it is done with;
 * #GRAFT_ERROR_UNSUPPORTED if there is no dpkg.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_set_open(const struct graft_patch *patch, const char *root,
	       struct graft_set **ret);

/** Free a set. NULL is a no-op. */
void
graft_set_free(struct graft_set *set);
GRAFT_DEFINE_CLEANUP(struct graft_set, graft_set_free)

/**
 * Find what is old, and when dpkg is given it. Called by graft_set_open().
 *
 * @param[in,out] set Both control files of each that is old are there.
 * @return NULL; #GRAFT_ERROR_REFUSED if they need each other before they are unpacked, or
 * take paths from each other.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_set_sort(struct graft_set *set);

#endif /* GRAFT_PERSIST_SET_H */
