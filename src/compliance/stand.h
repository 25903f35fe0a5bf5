// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where a fleet stands by its last reports: hosts per state, who is late, who is silent since when.
 *
 * A host is silent if its report is no longer good, or there is none. It is late if a release that it should
 * have is older than so many days and not there, or if it has not seen its repository for so long.
 */

#ifndef GRAFT_COMPLIANCE_STAND_H
#define GRAFT_COMPLIANCE_STAND_H

#include "base/error.h"
#include "base/text.h"
#include "compliance/hosts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a report means at a time. */
struct graft_compliance_stand {
	/** Nothing fresh is known. */
	bool silent;
	/** Since then: Unix time in seconds; 0: it never said anything. */
	int64_t silent_since;
	/** It should have a release for so many seconds; 0: it has all, or is in time. */
	int64_t late_s;
	/** It has not seen its repository for so many seconds; 0: not for long, or never. */
	int64_t blind_s;
};

/**
 * See what a report means.
 *
 * @param[in] report Verified; NULL: there is none.
 * @param[in] now Unix time in seconds.
 * @param[in] late_s From when on one is late.
 */
struct graft_compliance_stand
graft_compliance_stand_find(const struct graft_compliance *report, int64_t now,
			    int64_t late_s);

/** A fleet that is being counted and printed. Texts are empty at first. */
struct graft_compliance_table {
	int64_t now;
	int64_t late_s;
	bool json;
	/** Write the facts of those that are not silent, as `graft eligible --facts` reads them, and nothing else. */
	bool facts;
	struct graft_text text;
	size_t count;
	/** Hosts per state; those that are silent are in none. */
	size_t states[GRAFT_COMPLIANCE_STATES];
	size_t silent;
	size_t late;
	/** Current, neither silent nor late. */
	size_t fine;
	size_t first_use;
	/** Of these what is stored is damaged. */
	size_t wrong;
};

/** Free what a table owns. Also its guard. */
void
graft_compliance_table_deinit(struct graft_compliance_table *table);

/** Begin a table. */
void
graft_compliance_table_begin(struct graft_compliance_table *table);

/** Add a host; a #graft_compliance_host_fn whose argument is the table. */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_table_add(void *table,
			   const struct graft_compliance_host *host);

/** End a table: its sums. Then its text is whole. */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_table_end(struct graft_compliance_table *table);

#endif /* GRAFT_COMPLIANCE_STAND_H */
