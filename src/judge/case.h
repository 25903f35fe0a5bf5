// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A case before the judge: the diff, what was worked out about it for several
 * rules, and the reasons found so far.
 */

#ifndef GRAFT_JUDGE_CASE_H
#define GRAFT_JUDGE_CASE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "diff/diff.h"
#include "judge/flow/graph.h"
#include "judge/rule.h"
#include "patch/patch.h"

enum {
	/** Reasons that one rule gives; the rest is counted in a last one. */
	GRAFT_CASE_PER_RULE = 12,
};

struct graft_first_uses;
struct graft_traded;
struct graft_types;

/** A case. All zeroes but for the diff before graft_case_init(). */
struct graft_case {
	/** Borrowed. */
	const struct graft_diff *diff;
	/** Who calls whom on each side. */
	struct graft_graph *old_graph;
	struct graft_graph *new_graph;
	/** What runs once on each side, as far as it was asked for (first_use.h). */
	struct graft_first_uses *old_first_uses;
	struct graft_first_uses *new_first_uses;
	/** Stores and loads at another distance (rules/traded.h). */
	struct graft_traded *traded;
	size_t traded_count;
	size_t traded_cap;
	/** What debug information of both sides says, or NULL (types.h). */
	struct graft_types *types;
	struct graft_reason *reasons;
	size_t count;
	size_t cap;
	/** Refusals of each rule, those that were only counted too. */
	uint32_t per_rule[GRAFT_RULE_COUNT];
};

/** Work out what several rules need. @p c is zeroed but for its diff. */
GRAFT_MUST_CHECK struct graft_error *
graft_case_init(struct graft_case *c);

/** Free what a case owns, and zero it. */
void
graft_case_deinit(struct graft_case *c);

/**
 * Refuse: the verdict becomes `baseline`.
 *
 * @param[in] where The place, as graft_case_place() and the like write it.
 * @param[in] fmt One sentence for people, without a full stop.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_case_refuse(struct graft_case *c, enum graft_rule rule, const char *where,
		  const char *fmt, ...)
	__attribute__((__format__(__printf__, 4, 5)));

/** Count the refusals so far, those that were only counted too. */
uint32_t
graft_case_refusals(const struct graft_case *c);

/** Say something that does not forbid; otherwise as graft_case_refuse(). */
GRAFT_MUST_CHECK struct graft_error *
graft_case_note(struct graft_case *c, enum graft_rule rule, const char *where,
		const char *fmt, ...)
	__attribute__((__format__(__printf__, 4, 5)));

/** Say of each rule that gave more reasons than are kept how many more. */
GRAFT_MUST_CHECK struct graft_error *
graft_case_finish(struct graft_case *c);

/** A buffer for a place. */
struct graft_place_text {
	char str[256];
};

/** Write "name+0x12" for an address of code, "name" at its start. */
struct graft_place_text
graft_place_code(const struct graft_code *code, uint32_t func, uint64_t addr);

/** Write "symbol+0x8" or ".data+0x40" for an address of data. */
struct graft_place_text
graft_place_data(const struct graft_image *image, uint64_t addr);

/** Say whether a NEW function is carried in place of an OLD one and their code
 * is to be compared. */
bool
graft_case_is_twin(const struct graft_case *c, uint32_t new_func);

/**
 * Find where a reference of carried code goes.
 *
 * @param[in] ref Index in graft_code::refs of NEW.
 * @return Lent by the diff; NULL if it is of code that is not carried.
 */
const struct graft_resolution *
graft_case_resolution(const struct graft_diff *diff, uint32_t ref);

/**
 * Find where in OLD what a reference of NEW names is: as it was resolved, or as
 * the data map says.
 *
 * @param[in] ref Index in graft_code::refs of NEW.
 * @param[out] addr_ret Written if it is known.
 */
bool
graft_case_old_place(const struct graft_case *c, uint32_t ref,
		     uint64_t *addr_ret);

#endif /* GRAFT_JUDGE_CASE_H */
