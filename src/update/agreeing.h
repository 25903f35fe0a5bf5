// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What counts of what several repositories say of releases.
 *
 * A pure function of their catalogues, each of which was verified by itself, and of a policy:
 *
 *     all      a release counts if all describe it, and with the same words
 *     first    that of the first repository that knows it
 *
 * Over both stands who decides a line of releases alone: of that line nobody else is heard.
 */

#ifndef GRAFT_UPDATE_AGREEING_H
#define GRAFT_UPDATE_AGREEING_H

#include "base/error.h"
#include "release/catalogue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** Disagreements that are kept: the last ones by id. A repository can list thousands. */
	GRAFT_DISAGREEMENTS_MAX = 64,
};

/** What one repository says. */
struct graft_side {
	/** Lent. */
	const char *name;
	/** Checked, by ids. */
	struct graft_catalogue catalogue;
	/** It could not be asked, and is passed over; only with `first`. */
	bool left;
};

/** Who has a say. */
struct graft_agreement {
	bool first;
	/** By line: the index of the side that decides it alone; SIZE_MAX: none does. */
	size_t deciders[GRAFT_RELEASE_LINES];
};

/** A release of which one repository does not say what counts. */
struct graft_disagreement {
	/** Owned, all three. */
	char *release;
	char *repository;
	/** "does not list it". */
	char *what;
	/** The release counts all the same, as another repository describes it. */
	bool counts;
};

/** What counts. All zeroes is nothing. */
struct graft_agreed {
	/** The list is owned, the releases are borrowed from the sides. */
	struct graft_catalogue catalogue;
	/** Of each release of the catalogue: which side it is of, the first of those that agree. */
	size_t *sides;
	struct graft_disagreement *disagreements;
	size_t disagreement_count;
	size_t disagreement_cap;
	/** How many more there were. */
	size_t disagreements_left_out;
};

/** Free what it owns. Also its guard. */
void
graft_agreed_deinit(struct graft_agreed *agreed);

/**
 * Find what counts.
 *
 * @param[in] sides In their order; outlive the result.
 * @param[out] ret Empty; graft_agreed_deinit(), after an error too.
 * @return NULL; #GRAFT_ERROR_DIFFERENT names a release, the two that contradict each other about
 * it, and in what; #GRAFT_ERROR_REFUSED if what counts breaks a rule.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_agree(const struct graft_side *sides, size_t count,
	    const struct graft_agreement *agreement, struct graft_agreed *ret);

#endif /* GRAFT_UPDATE_AGREEING_H */
