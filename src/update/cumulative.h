// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The ordinary update, step by step: full packages by apt-get, and after the restart a look at
 * whether they are there. The record says which step is next (update/record.h); killed at any moment, the
 * next run calls the same functions again.
 */

#ifndef GRAFT_UPDATE_CUMULATIVE_H
#define GRAFT_UPDATE_CUMULATIVE_H

#include "base/error.h"
#include "update/apt.h"
#include "update/packages.h"
#include "update/record.h"

#include <stdbool.h>
#include <stdint.h>

/** What would be done. All zeroes is nothing. */
struct graft_cumulative {
	struct graft_wanted_list wanted;
	struct graft_apt_plan plan;
	/** No archive has a version that is wanted. */
	bool unknown;
};

/** How it is asked. */
struct graft_cumulative_way {
	/** Where packages are that came with releases; NULL: the archives have them. */
	const char *pool;
	/** Path for what programs say. */
	const char *log;
	/** apt's lists may be brought up to date. */
	bool refresh;
	/** For dpkg's lock. */
	uint32_t wait_s;
};

/** Free what it owns. Also its guard. */
void
graft_cumulative_deinit(struct graft_cumulative *cumulative);

/**
 * Ask what releases would change here. Nothing changes but apt's lists, and those only if they may.
 *
 * @param[out] ret Empty; graft_cumulative_deinit(), after an error too. It borrows from the releases.
 * @return NULL; as graft_apt_ask() and graft_wanted_find().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_cumulative_ask(const struct graft_release *const *releases, size_t count,
		     const struct graft_cumulative_way *way,
		     struct graft_cumulative *ret);

/**
 * Bring the packages of a record that is `installing` to where they shall be; it becomes `waiting`.
 *
 * @param[in] again An earlier run was cut off: what it left is ended first, and asked about anew.
 * @return NULL; #GRAFT_ERROR_REFUSED: the record stays `installing`.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_cumulative_install(struct graft_update_state *state, bool again,
			 uint32_t wait_s);

/**
 * See that packages and builds on disk are those of the record's releases, which may be looked at
 * once the host was restarted.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED with the first that is not.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_cumulative_check(struct graft_update_state *state);

/** Say whether the host was restarted since the packages changed. */
GRAFT_MUST_CHECK struct graft_error *
graft_cumulative_was_restarted(struct graft_update_state *state, bool *ret);

#endif /* GRAFT_UPDATE_CUMULATIVE_H */
