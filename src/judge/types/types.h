// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What debug information of both builds says of a case.
 *
 * Types are compared before all other rules are judged. The rules that infer ask
 * here whether types settle their question, and the judge whether all of them
 * were settled: then a `hotpatch` is `proven`.
 */

#ifndef GRAFT_JUDGE_TYPES_H
#define GRAFT_JUDGE_TYPES_H

#include "elf/subjects.h"
#include "elf/types.h"
#include "judge/case.h"
#include "judge/types/names.h"

/** What is known from types. */
struct graft_types {
	/** Both sides, scanned. Owned. */
	struct graft_dwarf *old_dwarf;
	struct graft_dwarf *new_dwarf;
	struct graft_subject_index old_names;
	struct graft_subject_index new_names;
	/** Each carried function, and each object that it names, is described
	 * on both sides, and nothing of that is beyond understanding. */
	bool complete;
	/** No type that carried code can reach differs. */
	bool same;
	/** No type at all of the units of carried code differs or is new. */
	bool all_same;
	/** These units say what the source aligns. */
	bool aligns;
	/** They have a type that OLD does not have, and that only a cast may lead
	 * to. */
	bool cast_is_new;
};

/** Compare types, variables and signatures (R-01 R-02 R-03 R-08 R-09 R-10 R-24).
 * The first check; sets graft_case::types if both sides have debug information. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_types(struct graft_case *c);

/** Free what is known. NULL is a no-op. */
void
graft_types_free(struct graft_types *types);
GRAFT_DEFINE_CLEANUP(struct graft_types, graft_types_free)

/** Say whether displacements cannot mean that members moved. */
bool
graft_types_rule_out_layout(const struct graft_case *c);

/** Say whether types settle what objects are aligned to. */
bool
graft_types_rule_out_align(const struct graft_case *c);

/** Say whether each function and object of carried code is described. */
bool
graft_types_describe(const struct graft_case *c);

/** Say whether every rule was decided by types and names. */
bool
graft_types_prove(const struct graft_case *c);

/**
 * Say whether types settle what a function takes and returns on both sides. If
 * that differs, it was refused.
 *
 * @param[in] old_func Function of OLD's code; @p new_func of NEW's.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_types_settle_signature(const struct graft_case *c, uint32_t old_func,
			     uint32_t new_func, bool *ret);

/** A place in a variable that both builds have by its name. */
struct graft_named_place {
	/** There is one; nothing else is set if not. */
	bool found;
	/** The same place in OLD. */
	uint64_t old_addr;
	/** Bytes from there to the end of the variable. */
	uint64_t left;
	/** The variable on both sides. */
	uint32_t o;
	uint32_t n;
};

/**
 * Find where a variable was in OLD by its name.
 *
 * @param[in] new_addr Address in NEW, anywhere in the variable.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_types_old_place(const struct graft_case *c, uint64_t new_addr,
		      struct graft_named_place *ret);

/**
 * Refuse a variable for another initial value.
 *
 * @param[in] place As from graft_types_old_place(), for @p new_addr.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_types_refuse_initial(struct graft_case *c, uint64_t new_addr,
			   const struct graft_named_place *place);

#endif /* GRAFT_JUDGE_TYPES_H */
