// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Objects whose size the interface of a function says that they are handed to:
 * locks and the like.
 *
 * An address need not be where an object starts; but what `pthread_mutex_lock`
 * gets is a mutex, and a mutex has its size.
 */

#ifndef GRAFT_DIFF_CONTRACT_H
#define GRAFT_DIFF_CONTRACT_H

#include "diff/code/flow.h"

/**
 * Get the size of the object that an argument of an import points to.
 *
 * @param[in] name Dynamic symbol of the function.
 * @param[in] argument 0 for the first.
 * @return Bytes (x86-64; glibc and musl agree), or 0 if that is not known.
 */
uint64_t
graft_contract_size(const char *name, unsigned argument);

/**
 * Find the size of the object whose address a reference takes, by the calls that
 * it is handed to.
 *
 * @param[in,out] flow Follows values in the build; what it found last is lost.
 * @param[in] ref Index of the reference, an _ADDRESS.
 * @param[in] only The address may go to such calls and nowhere else.
 * @param[out] ret Bytes; 0 if no such call is seen, or, with @p only, if it may
 * go elsewhere or the calls do not agree.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_contract_find(struct graft_flow *flow, uint32_t ref, bool only,
		    uint64_t *ret);

#endif /* GRAFT_DIFF_CONTRACT_H */
