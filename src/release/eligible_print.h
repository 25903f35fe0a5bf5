// SPDX-License-Identifier: Apache-2.0

/** @file Decisions, for people and programs. */

#ifndef GRAFT_RELEASE_ELIGIBLE_PRINT_H
#define GRAFT_RELEASE_ELIGIBLE_PRINT_H

#include "base/error.h"
#include "base/text.h"
#include "release/eligible.h"

/** A device and what it gets. */
struct graft_decided {
	const struct graft_facts *facts;
	struct graft_eligibility eligibility;
};

/**
 * Append lines, one a device.
 *
 * @param[in] policy That decided: reasons say what it asks for.
 * @param[in] explain Behind each, a line for each reason with who can do what.
 */
void
graft_eligible_print_text(const struct graft_decided *list, size_t count,
			  const struct graft_policy *policy, bool explain,
			  struct graft_text *text);

/** Append one JSON object and a newline. */
GRAFT_MUST_CHECK struct graft_error *
graft_eligible_print_json(const struct graft_decided *list, size_t count,
			  const struct graft_policy *policy,
			  struct graft_text *text);

#endif /* GRAFT_RELEASE_ELIGIBLE_PRINT_H */
