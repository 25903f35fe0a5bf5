// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * How far code reaches behind an address that it takes.
 *
 * A bare address may be one past the end of something, and what is there may be of
 * any size. But where every way that it can take (flow.h) ends in an access at a
 * constant distance behind it, or in a call of a function like
 * `pthread_mutex_lock`, whose interface fixes what it uses (contract.h), an object
 * stands right there, and this code uses that much of it.
 *
 * What code accesses at a constant distance behind an address, and what stands
 * before an address that it computes so from it, is of the same object.
 */

#ifndef GRAFT_DIFF_USED_H
#define GRAFT_DIFF_USED_H

#include "diff/code/code.h"

/**
 * Find such addresses of writable data: sets graft_ref::used, _span and
 * _is_lock. Where
 * all calls that take locks get one of these and nothing else leads to the
 * functions, sets graft_code::locks_are_named.
 *
 * @param[in,out] code With functions, instructions, references and groups.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_used_find(struct graft_code *code);

#endif /* GRAFT_DIFF_USED_H */
