// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * By what indexes are multiplied where memory is reached through pointers: the
 * sizes of the elements of arrays, however the compiler multiplies (`imul`,
 * `shl`, chains of `lea` and `add`, the scale of the access itself).
 */

#ifndef GRAFT_JUDGE_STRIDES_H
#define GRAFT_JUDGE_STRIDES_H

#include "judge/case.h"
#include "judge/flow/op.h"

enum {
	/** Different factors of one function that are kept. */
	GRAFT_STRIDES_MAX = 64,
};

/** A factor of an index. */
struct graft_stride {
	int64_t factor;
	/** The key of graft_origin of the pointer to which the index is added; 0
	 * if it is unknown. */
	uint64_t base;
	/** Index of an instruction that reaches memory so. */
	uint32_t at;
	/** It is a size that an allocator is asked for. */
	bool size;
};

/** All of a function. */
struct graft_strides {
	struct graft_stride list[GRAFT_STRIDES_MAX];
	uint32_t count;
	/** The function is too long, or has too many. */
	bool partial;
};

/**
 * Find the factors of a function. Tables of constants and what lies in the
 * frame are left out: neither outlives a change.
 *
 * @param[in] c The case; names of NEW's variables are those of OLD.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_strides_read(const struct graft_case *c, const struct graft_ops *ops,
		   struct graft_strides *ret);

/** Find a factor that one function has and another one has not, or NULL. */
const struct graft_stride *
graft_strides_only_in(const struct graft_strides *strides,
		      const struct graft_strides *other);

/**
 * Say whether something that both reach by an index has elements of another
 * size: a factor is gone, and another has come. False if not all are known.
 *
 * @param[in] bases Look also at the factors of each pointer by itself: another
 * array that is walked by the same index may hide what is gone or has come.
 * @param[out] old_ret The factor that is gone; written if true is returned, as is
 * @p new_ret.
 */
bool
graft_strides_differ(const struct graft_strides *o,
		     const struct graft_strides *n, bool bases,
		     const struct graft_stride **old_ret,
		     const struct graft_stride **new_ret);

#endif /* GRAFT_JUDGE_STRIDES_H */
