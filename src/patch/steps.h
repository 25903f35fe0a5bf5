// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which pieces of a file are nearly those of another one.
 *
 * A step is a copy from the old file, of which a byte here and there is wrong, and the new
 * bytes that follow it. All steps together cover the new file in its order.
 */

#ifndef GRAFT_PATCH_STEPS_H
#define GRAFT_PATCH_STEPS_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/** A step. */
struct graft_step {
	/** Bytes that are copied from @c old_at to @c new_at. */
	int64_t copy;
	/** New bytes behind them. */
	int64_t fresh;
	int64_t old_at;
	int64_t new_at;
};

/** All steps. */
struct graft_steps {
	struct graft_step *items;
	size_t count;
	size_t cap;
};

/** Free what they own. */
static inline void
graft_steps_deinit(struct graft_steps *steps)
{
	free(steps->items);
	*steps = (struct graft_steps){ 0 };
}

/**
 * Find the steps from one file to another.
 *
 * @param[in] old The one that is there, of @p old_len bytes, less than 2 GiB.
 * @param[in] new The one that is wanted, of @p new_len bytes, less than 2 GiB.
 * @param[in,out] steps Empty; gets them. Deinit with graft_steps_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_steps_find(const uint8_t *old, size_t old_len, const uint8_t *new,
		 size_t new_len, struct graft_steps *steps);

#endif /* GRAFT_PATCH_STEPS_H */
