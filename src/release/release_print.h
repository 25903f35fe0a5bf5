// SPDX-License-Identifier: Apache-2.0

/** @file A catalogue for people. */

#ifndef GRAFT_RELEASE_RELEASE_PRINT_H
#define GRAFT_RELEASE_RELEASE_PRINT_H

#include "base/text.h"
#include "release/catalogue.h"

#include <stdint.h>

/** Append a line for each release, the newest first. */
void
graft_catalogue_print_list(const struct graft_catalogue *catalogue,
			   struct graft_text *out);

/** Append all that a release says. */
void
graft_release_print(const struct graft_catalogue *catalogue,
		    const struct graft_release *release,
		    struct graft_text *out);

/** How many bytes a release is in each of its forms. */
struct graft_release_sizes {
	uint64_t hotpatch;
	uint64_t delta;
	/** Of the packages of the release, or of the cumulative one that it names. */
	uint64_t package;
	/** What a device that can have it gets: a hotpatch or a delta; 0: packages only. */
	uint64_t sent;
};

/** Compute the sizes of a release. */
struct graft_release_sizes
graft_release_measure(const struct graft_catalogue *catalogue,
		      const struct graft_release *release);

/**
 * Append the sizes of each release, and what a fleet saves.
 *
 * @param[in] fleet Devices that take each release; 0: nothing is said of it.
 */
void
graft_catalogue_print_sizes(const struct graft_catalogue *catalogue,
			    uint64_t fleet, struct graft_text *out);

/** The same as JSON. */
void
graft_catalogue_print_sizes_json(const struct graft_catalogue *catalogue,
				 uint64_t fleet, struct graft_text *out);

#endif /* GRAFT_RELEASE_RELEASE_PRINT_H */
