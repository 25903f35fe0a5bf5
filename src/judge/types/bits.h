// SPDX-License-Identifier: Apache-2.0

/** @file Whether bits that code masks are bit-fields that the source declares. */

#ifndef GRAFT_JUDGE_TYPES_BITS_H
#define GRAFT_JUDGE_TYPES_BITS_H

#include "judge/case.h"

/** Bits of memory that an instruction takes through a pointer. */
struct graft_type_bits {
	/** Address of that instruction. */
	uint64_t addr;
	/** Register that points, as in graft_op::base. */
	uint8_t base;
	/** First bit, counted from where it points, and how many. */
	int64_t bit;
	unsigned width;
	/** Where the bits end that the instruction takes. */
	int64_t access_end;
	/** All above the first was taken, to the end of a word: nothing says where
	 * the field ends. So do masks that clear what is below. */
	bool open;
};

/**
 * Say whether bits are bit-fields, whole ones and of one struct, by the type of
 * the variable that the register holds there. They are not if anything else may
 * be meant: a member of another type in the same place, another variable in the
 * same register.
 *
 * @param[in] is_new The instruction is one of NEW.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_types_declare_bits(const struct graft_case *c, bool is_new,
			 const struct graft_type_bits *bits, bool *ret);

#endif /* GRAFT_JUDGE_TYPES_BITS_H */
