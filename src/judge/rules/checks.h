// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The checks, each in a file of its own. Each looks at the whole case, or at
 * one changed function beside its old self, and adds reasons.
 */

#ifndef GRAFT_JUDGE_CHECKS_H
#define GRAFT_JUDGE_CHECKS_H

#include "judge/case.h"
#include "judge/flow/twin.h"

/** Translate what the diff could not settle (R-01 R-06 R-11 R-17 R-18). */
GRAFT_MUST_CHECK struct graft_error *
graft_check_findings(struct graft_case *c);

/** two objects of NEW for one of OLD. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_two_for_one(struct graft_case *c);

/** R-03 for objects that have a symbol, and for the sections around them. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_globals(struct graft_case *c);

/** initial values of existing writable data. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_initial(struct graft_case *c);

/** constructors, destructors and what only they run. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_startup(struct graft_case *c);

/** the thread-local block. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_thread_local(struct graft_case *c);

/** exported symbols. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_exports(struct graft_case *c);

/** arguments that NEW reads and OLD did not. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_signature(struct graft_case *c);

/** virtual tables. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_vtables(struct graft_case *c);

/** exceptions through carried code. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_unwind(struct graft_case *c);

/** addresses of changed constants. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_identity(struct graft_case *c);

/** new writable objects. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_objects(struct graft_case *c);

/** members that nobody read before. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_unread_members(struct graft_case *c);

/** references that are counted. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_counts(struct graft_case *c);

/** values that are kept in another form. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_encoding(struct graft_case *c);

/** by which functions objects are made and ended. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_makers(struct graft_case *c);

/** members whose objects NEW makes and ends itself. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_owned(struct graft_case *c);

/** members whose objects another function ends now. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_ended_elsewhere(struct graft_case *c);

/** code that ran only once, or never returns. Notes. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_once(struct graft_case *c);

/** what is done at the start, and OLD did not. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_at_start(struct graft_case *c);

/** functions that differ and are left as they are. Notes. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_left(struct graft_case *c);

/** instructions that need objects to be aligned which OLD placed. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_aligned_objects(struct graft_case *c);

/** what the loader is asked. Notes. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_loading(struct graft_case *c);

/** objects without a name that took the place of one of OLD. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_moved_to_new(struct graft_case *c, const struct graft_twin *twin);

/** offsets that code adds to the thread-local block by itself. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_local_dynamic(struct graft_case *c, const struct graft_twin *twin);

/** displacements that moved. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_layout(struct graft_case *c, const struct graft_twin *twin);

/** objects that have a name, of another type. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_retyped(struct graft_case *c, const struct graft_twin *twin);

/** displacements of all carried functions together. Last of all. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_together(struct graft_case *c);

/** loads of another member, other variables. Notes them for graft_check_traded(). */
GRAFT_MUST_CHECK struct graft_error *
graft_check_traded_places(struct graft_case *c, const struct graft_twin *twin);

/** members that are stored and read in each other's places, by all carried
 * functions together. Asked behind all twins. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_traded(struct graft_case *c);

/** the same for what is reached through pointers. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_aligned(struct graft_case *c, const struct graft_twin *twin);

/** bit-fields. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_fields(struct graft_case *c, const struct graft_twin *twin);

/** members of objects that have a name. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_named_members(struct graft_case *c, const struct graft_twin *twin);

/** sizes in calls of allocators. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_sizes(struct graft_case *c, const struct graft_twin *twin);

/** what stands in front of what was allocated. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_before(struct graft_case *c, const struct graft_twin *twin);

/** acquire/release pairs. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_pairs(struct graft_case *c, const struct graft_twin *twin);

/** which object is locked, or counted in. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_locks(struct graft_case *c, const struct graft_twin *twin);

/** constants that are stored. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_meaning(struct graft_case *c, const struct graft_twin *twin);

/** values that are stored in another unit. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_forms(struct graft_case *c, const struct graft_twin *twin);

/** numbers that became addresses. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_numbers(struct graft_case *c, const struct graft_twin *twin);

/** constants of which one is chosen. After the two above and below. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_chosen(struct graft_case *c, const struct graft_twin *twin);

/** rows that are read by an index that was kept. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_kept_index(struct graft_case *c, const struct graft_twin *twin);

/** other things that are kept where OLD kept some. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_other_thing(struct graft_case *c, const struct graft_twin *twin);

/** how locks and clocks are made. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_attributes(struct graft_case *c, const struct graft_twin *twin);

/** constants that another function stores. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_handed_on(struct graft_case *c, const struct graft_twin *twin);

/** numbers that go round, and are cut when they are kept. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_wraps(struct graft_case *c, const struct graft_twin *twin);

/** what is made at a first use. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_first_use(struct graft_case *c, const struct graft_twin *twin);

#endif /* GRAFT_JUDGE_CHECKS_H */
