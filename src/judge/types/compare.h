// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Types of OLD beside types of NEW.
 *
 * A pair of types is put in with what it is wanted for, and everything that can
 * be reached from it follows: an object that lives across the change must be the
 * same in both; a value in the frame of a carried function dies with the frame,
 * but what it points to lives; what only NEW has is compared with what OLD has
 * under the same name. A pair is looked at once. What differs becomes a reason,
 * one for each type.
 */

#ifndef GRAFT_JUDGE_TYPES_COMPARE_H
#define GRAFT_JUDGE_TYPES_COMPARE_H

#include "elf/types.h"
#include "judge/case.h"

/** What a type is wanted for. */
enum graft_type_use {
	/** Objects that live across the change. */
	GRAFT_TYPE_LIVES,
	/** A value in the frame of functions that are carried. */
	GRAFT_TYPE_IN_FRAME,
	/** Objects that only NEW names here. */
	GRAFT_TYPE_FRESH,
	/** A value in the frame that only NEW has. */
	GRAFT_TYPE_FRESH_IN_FRAME,
	/** No types: two variables. */
	GRAFT_TYPE_OF_VARIABLES,
};

/** How a type was reached. All texts live as long as the debug information. */
struct graft_type_way {
	/** Name of the variable or parameter. */
	const char *name;
	/** Name of the function that it is in, or "". */
	const char *of;
};

/** A pair to look at. */
struct graft_type_pair {
	uint32_t o;
	uint32_t n;
	enum graft_type_use use;
	struct graft_type_way way;
};

/** A comparison. All zeroes but for the first three. */
struct graft_comparer {
	/** Borrowed; gets the reasons. */
	struct graft_case *c;
	struct graft_dwarf *old_dwarf;
	struct graft_dwarf *new_dwarf;
	/** Count, but give no reasons. */
	bool quiet;
	/** Carried code makes or ends arrays with `new[]` or `delete[]`. */
	bool arrays;
	/** Types that differ. */
	uint32_t differences;
	/** The first of them; OLD's may be #GRAFT_DWARF_NONE. */
	struct graft_type_pair first;
	/** In what it does. */
	char sentence[400];
	/** Borrowed, or NULL: what this one saw in frames may differ, and is not
	 * counted here; nor is what it saw counted as fresh. */
	const struct graft_comparer *frames;
	/** How many these are. */
	uint32_t framed;
	/** Types that could not be understood. */
	uint32_t unknown;
	/** Types that OLD does not have at all. */
	uint32_t fresh;
	/** Those of them that @ref frames did not see, and the first. */
	uint32_t unseen;
	uint32_t first_unseen;
	/** Work to do. */
	struct graft_type_pair *work;
	size_t work_count;
	size_t work_cap;
	/** Hash set of what was looked at. */
	uint64_t (*seen)[2];
	size_t seen_count;
	size_t seen_size;
	/** What was said: by which rule a type of which name differs. */
	struct graft_type_said {
		const char *name;
		enum graft_rule rule;
	} * said;
	size_t said_count;
	size_t said_cap;
};

/** A buffer for a type as people write it: "struct s *". */
struct graft_type_text {
	char str[160];
};

/** Write a type. */
GRAFT_MUST_CHECK struct graft_error *
graft_type_print(struct graft_dwarf *dwarf, uint32_t type,
		 struct graft_type_text *ret);

/** Write two types that differ, so that it is seen where they do. */
GRAFT_MUST_CHECK struct graft_error *
graft_comparer_print(const struct graft_comparer *comparer, uint32_t o,
		     uint32_t n, struct graft_type_text *was,
		     struct graft_type_text *is);

/** Say whether two variables are asked about for the first time. */
GRAFT_MUST_CHECK struct graft_error *
graft_comparer_first(struct graft_comparer *comparer, uint32_t old_subject,
		     uint32_t new_subject, bool *ret);

/** Put a pair in. With a _FRESH use, @p o is not looked at. */
GRAFT_MUST_CHECK struct graft_error *
graft_comparer_add(struct graft_comparer *comparer, uint32_t o, uint32_t n,
		   enum graft_type_use use, struct graft_type_way way);

/**
 * Say whether two types have one shape as values: size, kind, sign. What they
 * are made of, or point to, is put in as _LIVES.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_comparer_same_value(struct graft_comparer *comparer, uint32_t o,
			  uint32_t n, struct graft_type_way way, bool *ret);

/** Look at all that was put in, and at what follows. */
GRAFT_MUST_CHECK struct graft_error *
graft_comparer_run(struct graft_comparer *comparer);

/** Free what a comparer owns. Also its guard. */
void
graft_comparer_deinit(struct graft_comparer *comparer);

/** Compare two structs or unions that are both defined (for the comparer). */
GRAFT_MUST_CHECK struct graft_error *
graft_comparer_aggregates(struct graft_comparer *comparer,
			  const struct graft_type_pair *pair,
			  const struct graft_type *o,
			  const struct graft_type *n);

/**
 * Compare whether arrays of two structs are allocated with a count in front (for
 * the comparer).
 *
 * @param[out] buf What differs; "" if nothing does, or nobody allocates any.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_comparer_same_count(struct graft_comparer *comparer, uint32_t o,
			  uint32_t n, char *buf, size_t len);

/** Compare two enums: R-24 (for the comparer). */
GRAFT_MUST_CHECK struct graft_error *
graft_comparer_enums(struct graft_comparer *comparer,
		     const struct graft_type_pair *pair,
		     const struct graft_type *o, const struct graft_type *n);

/**
 * Say that a type differs, once for each name and rule.
 *
 * @param[in] member Of NEW's type, for the place; or #GRAFT_DWARF_NONE.
 * @param[in] sentence What differs.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_comparer_differ(struct graft_comparer *comparer,
		      const struct graft_type_pair *pair, enum graft_rule rule,
		      uint32_t member, const char *sentence);

/**
 * Compare what objects of two types are aligned to (for the comparer).
 *
 * @param[out] buf What differs; "" if nothing does, or it is unknown.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_comparer_same_align(struct graft_comparer *comparer, uint32_t o,
			  uint32_t n, char *buf, size_t len);

/** Compare the alignment of what pointers lead to and is no struct: R-02 (for
 * the comparer). */
GRAFT_MUST_CHECK struct graft_error *
graft_comparer_aligned(struct graft_comparer *comparer, uint32_t o, uint32_t n,
		       struct graft_type_way way);

/** Say whether a pair was looked at as a value in frames (for the comparer). */
bool
graft_comparer_was_in_frame(const struct graft_comparer *comparer,
			    const struct graft_type_pair *pair);

/** Say whether a type was looked at as one that only NEW has (for the
 * comparer). */
bool
graft_comparer_was_fresh(const struct graft_comparer *comparer, uint32_t n);

/** Say that two things that pointers or members lead to are of different kinds
 * (for the comparer). */
GRAFT_MUST_CHECK struct graft_error *
graft_comparer_differ_in_kind(struct graft_comparer *comparer,
			      const struct graft_type_pair *pair);

/** Compare where one side, or both, only declares a type (for the comparer). */
GRAFT_MUST_CHECK struct graft_error *
graft_comparer_declared(struct graft_comparer *comparer,
			const struct graft_type_pair *pair,
			const struct graft_type *o, const struct graft_type *n);

/** Look at a type that only NEW has here (for the comparer). */
GRAFT_MUST_CHECK struct graft_error *
graft_comparer_fresh(struct graft_comparer *comparer,
		     const struct graft_type_pair *pair);

/**
 * Look at a type of OLD in whose place NEW has `void *`: what has its name in NEW?
 * (for the comparer)
 */
GRAFT_MUST_CHECK struct graft_error *
graft_comparer_hidden(struct graft_comparer *comparer,
		      const struct graft_type_pair *pair,
		      const struct graft_type *o);

#endif /* GRAFT_JUDGE_TYPES_COMPARE_H */
