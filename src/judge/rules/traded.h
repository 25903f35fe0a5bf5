// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * members and variables that took each other's places in code: what OLD stores in one of them
 * NEW stores in another one, and what OLD reads there NEW reads here. No type differs,
 * and what OLD stored stays where it is.
 */

#ifndef GRAFT_JUDGE_RULES_TRADED_H
#define GRAFT_JUDGE_RULES_TRADED_H

#include "judge/case.h"

/** What kind of places two are. */
enum graft_traded_kind {
	/** Bytes behind a pointer. */
	GRAFT_TRADED_MEMBER,
	/** Addresses of OLD. */
	GRAFT_TRADED_VARIABLE,
	/** Bits behind a pointer, or from the start of a variable. */
	GRAFT_TRADED_BITS,
	/** Variables that other modules see, by their names. */
	GRAFT_TRADED_SYMBOL,
};

/** A store or load of which NEW's is at another place. */
struct graft_traded {
	enum graft_traded_kind kind;
	bool stores;
	/** How much is reached: bits of bits, else bytes. */
	unsigned size;
	/** Where, by the kind. */
	int64_t was;
	int64_t is;
	/** Names of symbols, else NULL. Borrowed from the images. */
	const char *was_name;
	const char *is_name;
	/** Where in NEW. */
	uint32_t func;
	uint64_t addr;
};

/** Note one, for graft_check_traded(). */
GRAFT_MUST_CHECK struct graft_error *
graft_traded_add(struct graft_case *c, const struct graft_traded *traded);

#endif /* GRAFT_JUDGE_RULES_TRADED_H */
