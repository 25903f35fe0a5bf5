// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Values of two runs as terms: what was there at the entry, constants, what was
 * loaded, what an instruction makes of others.
 *
 * Each term is kept once, so that two values are surely the same where their
 * numbers are. The terms of both sides stand in one table.
 */

#ifndef GRAFT_JUDGE_TERM_H
#define GRAFT_JUDGE_TERM_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A term by its number; 0 is none. */
typedef uint32_t graft_term;

enum graft_term_kind {
	/** A register at the entry, by its number. */
	GRAFT_TERM_ENTRY,
	/** An argument on the stack, by its distance from the entry's %rsp. */
	GRAFT_TERM_ENTRY_STACK,
	GRAFT_TERM_CONST,
	/** The entry's %rsp and a distance. */
	GRAFT_TERM_FRAME,
	/** An address of OLD. */
	GRAFT_TERM_GLOBAL,
	/** An address of NEW that is nowhere in OLD. */
	GRAFT_TERM_NEW_PLACE,
	/** base + index * scale + distance, in a segment. */
	GRAFT_TERM_SUM,
	/** The lowest bytes of another. */
	GRAFT_TERM_LOW,
	/** The same with its sign; how many bytes it had, and has. */
	GRAFT_TERM_SIGNED,
	/** Bytes at an address, at a time. */
	GRAFT_TERM_LOAD,
	/** One more argument of what follows. */
	GRAFT_TERM_ARG,
	/** What an instruction makes of its arguments. */
	GRAFT_TERM_OP,
	/** Flags after a comparison. */
	GRAFT_TERM_CMP,
	/** A register of which an instruction wrote a part. */
	GRAFT_TERM_MERGE,
	/** What ways that meet left, the same wherever it has this number. */
	GRAFT_TERM_JOIN,
	/** What a call left in a register. */
	GRAFT_TERM_AFTER,
	/** A time: that behind an effect, or where ways met. */
	GRAFT_TERM_TIME,
	/** Like nothing else. */
	GRAFT_TERM_UNKNOWN,
};

/** A term. */
struct graft_term_node {
	/** #graft_term_kind. */
	uint8_t kind;
	/** The bytes above these are zero; 16 if that is not known. */
	uint8_t width;
	/** It is the same during the whole run of a function. */
	bool stable;
	/** It was computed from an address in the frame. */
	bool framed;
	uint64_t data;
	graft_term a;
	graft_term b;
};

/** All terms. All zeroes at the start. */
struct graft_terms {
	struct graft_term_node *nodes;
	size_t count;
	size_t cap;
	/** Numbers by hash, 0 where free. */
	graft_term *slots;
	size_t slot_count;
	/** Memory ran out: every number since is 0. */
	bool failed;
};

/** Free what terms own, and zero it. Also its guard. */
void
graft_terms_deinit(struct graft_terms *terms);

/** Get a term. @return 0 when there is no memory, and graft_terms::failed is set. */
graft_term
graft_term_get(struct graft_terms *terms, enum graft_term_kind kind,
	       uint64_t data, graft_term a, graft_term b);

/** As graft_term_get(), of what has no more than @p width bytes. */
graft_term
graft_term_get_narrow(struct graft_terms *terms, enum graft_term_kind kind,
		      uint64_t data, graft_term a, graft_term b, uint8_t width);

/** Look at a term. Borrowed until the next one is made; never NULL. */
const struct graft_term_node *
graft_term_at(const struct graft_terms *terms, graft_term term);

/** Get a constant of @p size bytes. */
graft_term
graft_term_const(struct graft_terms *terms, uint64_t value, uint8_t size);

/** Get the lowest @p size bytes of a term. */
graft_term
graft_term_low(struct graft_terms *terms, graft_term term, uint8_t size);

/**
 * Get a sum.
 *
 * @param[in] base 0 for none; so @p index.
 * @param[in] segment 0, or a number that tells it from other segments.
 */
graft_term
graft_term_sum(struct graft_terms *terms, graft_term base, graft_term index,
	       uint8_t scale, int64_t disp, uint8_t segment);

/** Say whether a term is an address in the frame at a known place. */
bool
graft_term_in_frame(const struct graft_terms *terms, graft_term term,
		    int64_t *off_ret);

#endif /* GRAFT_JUDGE_TERM_H */
