// SPDX-License-Identifier: Apache-2.0

/** @file What the parts of the comparison by types share. Private to them. */

#ifndef GRAFT_JUDGE_TYPES_STATE_H
#define GRAFT_JUDGE_TYPES_STATE_H

#include "judge/types/compare.h"
#include "judge/types/names.h"
#include "judge/types/types.h"

/** Two units whose functions are carried. */
struct graft_unit_pair {
	uint32_t o;
	uint32_t n;
};

/** The comparison of one case. */
struct graft_types_state {
	/** Borrowed. */
	struct graft_case *c;
	struct graft_types *types;
	struct graft_comparer comparer;
	/** Units of carried functions, each pair once. */
	struct graft_unit_pair *units;
	size_t unit_count;
	size_t unit_cap;
	/** Notes that say what is not described. */
	uint32_t gaps;
};

/** Say that something is not described, so that nothing can be proven. */
GRAFT_MUST_CHECK struct graft_error *
graft_types_gap(struct graft_types_state *state, const char *where,
		const char *sentence);

/** Put in what carried functions take, return and have; R-09. */
GRAFT_MUST_CHECK struct graft_error *
graft_types_add_functions(struct graft_types_state *state);

/** Put in the variables that carried code names; R-01. */
GRAFT_MUST_CHECK struct graft_error *
graft_types_add_variables(struct graft_types_state *state);

/** Refuse a variable that OLD has where NEW's alignment does not allow it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_types_check_align(struct graft_types_state *state, uint32_t o,
			uint32_t n);

/** Say whether carried code, or what it replaces, makes or ends arrays with
 * `new[]` or `delete[]`. */
bool
graft_types_has_arrays(const struct graft_case *c);

/** Put in exported variables; R-08. */
GRAFT_MUST_CHECK struct graft_error *
graft_types_check_exports(struct graft_types_state *state);

/** Compare the enums of units of carried code, and find out whether any
 * type of theirs differs. */
GRAFT_MUST_CHECK struct graft_error *
graft_types_check_units(struct graft_types_state *state);

#endif /* GRAFT_JUDGE_TYPES_STATE_H */
