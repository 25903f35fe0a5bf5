// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where the values that a function uses come from, and whether it uses them as
 * numbers or as addresses.
 *
 * An origin is a way that both builds can go: a parameter, a variable with a
 * name, or what stands at some distance behind another origin. Values are
 * followed along every way through registers and words of the frame.
 */

#ifndef GRAFT_JUDGE_ORIGINS_H
#define GRAFT_JUDGE_ORIGINS_H

#include "judge/case.h"
#include "judge/flow/op.h"

/** How a value is used; a set. */
enum graft_origin_use {
	/** Memory is reached through it. */
	GRAFT_ORIGIN_ADDRESS = 1,
	/** Only a part of it counts, or it is computed with as no address is. */
	GRAFT_ORIGIN_NUMBER = 2,
};

/** A value that a function uses. */
struct graft_origin {
	/** The same on both sides for the same way. */
	uint64_t key;
	/** Set of #graft_origin_use. */
	uint8_t uses;
	/** Index of an instruction that uses it as an address, as a number. */
	uint32_t address_at;
	uint32_t number_at;
};

/** What one function uses. */
struct graft_origins {
	struct graft_origin *list;
	size_t count;
	size_t cap;
};

/**
 * Collect what a function uses.
 *
 * @param[in] c The case; names of NEW's variables are those of OLD.
 * @param[in] parameters Follow parameters, too.
 * @param[out] ret Free with graft_origins_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_origins_read(const struct graft_case *c, const struct graft_ops *ops,
		   bool parameters, struct graft_origins *ret);

/**
 * Find where the addresses and numbers come from that a function's instructions
 * put into registers, parameters among them.
 *
 * @param[out] made_ret For each instruction the key of graft_origin of what its
 * destination holds behind it, 0 if that is unknown; then those of the first
 * registers at the entry, by number. Freed by the caller.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_origins_made(const struct graft_case *c, const struct graft_ops *ops,
		   uint64_t **made_ret);

/** Find what both sides use; NULL if it is not used. */
const struct graft_origin *
graft_origins_find(const struct graft_origins *origins, uint64_t key);

/** Free a list, and zero it. Also its guard. */
void
graft_origins_deinit(struct graft_origins *origins);

#endif /* GRAFT_JUDGE_ORIGINS_H */
