// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * At which displacements a function reaches memory through pointers, and what
 * explains the difference between two such sets better: that members moved, or
 * that the code asks for others.
 */

#ifndef GRAFT_JUDGE_ACCESSES_H
#define GRAFT_JUDGE_ACCESSES_H

#include "judge/flow/frame.h"
#include "judge/flow/op.h"

/** One displacement at which memory is reached, through one register. */
struct graft_access {
	uint8_t base;
	int64_t disp;
	/** graft_op::shape: what is done there. */
	uint32_t shape;
	/** Bytes at once, and whether they are a number of floating point. */
	uint16_t size;
	bool is_float;
	/** Address of one instruction that does it. */
	uint64_t addr;
};

/** All of one function, by base, then displacement, then shape; no doubles. */
struct graft_accesses {
	struct graft_access *list;
	size_t count;
};

/** A movement that explains more than that nothing moved. */
struct graft_shift {
	/** First displacement that moves, and by how much. */
	int64_t from;
	int64_t by;
	/** Displacements of OLD that NEW has with and without the movement. */
	size_t moved;
	size_t stayed;
};

/**
 * Collect the accesses of a function, but those of arrays of numbers in its frame:
 * from which index they are counted says nothing of members.
 *
 * @param[in] frame As graft_frame_read() found it for @p ops.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_accesses_read(const struct graft_ops *ops,
		    const struct graft_frame *frame,
		    struct graft_accesses *ret);

/** Free a list, and zero it. Also its guard. */
void
graft_accesses_deinit(struct graft_accesses *accesses);

/** Say whether something is reached at @p disp, through any register. */
bool
graft_accesses_have(const struct graft_accesses *accesses, int64_t disp);

/**
 * Say whether through one register NEW does all that OLD did and more, or only
 * some of what OLD did: code was added or removed, and no member moved.
 */
bool
graft_accesses_only_grew(const struct graft_accesses *o, uint8_t old_base,
			 const struct graft_accesses *n, uint8_t new_base);

/**
 * Find a movement of members behind some point that explains the accesses
 * through one register better than that nothing moved.
 */
bool
graft_accesses_shifted(const struct graft_accesses *o,
		       const struct graft_accesses *n, uint8_t base,
		       struct graft_shift *ret);

/**
 * Find a movement after which NEW has, through any register, all displacements
 * of OLD but 0, while it has none of them as it was.
 *
 * @param[out] by_ret By how much; written if true is returned.
 */
bool
graft_accesses_all_moved(const struct graft_accesses *o,
			 const struct graft_accesses *n, int64_t *by_ret);

/** A displacement whose use changed. */
struct graft_retyping {
	int64_t disp;
	uint64_t addr;
	uint16_t size;
	/** It was an integer and is floating point, or the other way round. */
	bool now_float;
};

/**
 * Find a displacement that is used in both through the same register, as an
 * integer in one and as floating point in the other. Other widths say nothing:
 * code may read half of a member.
 */
bool
graft_accesses_retyped(const struct graft_accesses *o,
		       const struct graft_accesses *n,
		       struct graft_retyping *ret);

#endif /* GRAFT_JUDGE_ACCESSES_H */
