// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Writable objects that only NEW has, in builds without symbols.
 *
 * That nobody of OLD names an address proves nothing: OLD may come to it through
 * a pointer, as a member of something larger. An object is new if OLD has no
 * place left that could be it, and if NEW comes to it by its name alone. See
 * docs/decisions/new-objects.md for the argument.
 */

#ifndef GRAFT_DIFF_FRESH_H
#define GRAFT_DIFF_FRESH_H

#include "diff/closure/closure.h"

/**
 * Find out whether writable data of NEW that a carried function names is a number
 * or pointer that OLD does not have.
 *
 * @param[in,out] closure What it learns of OLD as a whole is kept in it.
 * @param[in] addr Address in NEW.
 * @param[out] size_ret Its size in bytes; 0: nothing proves that it is new.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_fresh_find(struct graft_closure *closure, uint64_t addr,
		 uint64_t *size_ret);

#endif /* GRAFT_DIFF_FRESH_H */
