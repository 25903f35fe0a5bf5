// SPDX-License-Identifier: Apache-2.0

/** @file Whether a process can have suspended contexts in its memory. */

#ifndef GRAFT_PLAN_CONTEXTS_H
#define GRAFT_PLAN_CONTEXTS_H

#include "base/error.h"
#include "plan/module.h"
#include "plan/sightings.h"
#include "proc/target.h"

#include <stdbool.h>

/**
 * Look for what makes stacks that no thread stands on: makecontext(3) and
 * swapcontext(3) among the dynamic symbols of a module other than the C library,
 * sigaltstack(2) together with longjmp(3) in one module, a library of coroutines
 * by name, and code that switches stacks by itself (stack_switch.h) in any
 * executable mapping but those of the C library, and of what the kernel puts
 * there. A static program may hold anything, and so may what cannot be read.
 *
 * libcrypto is left out though it has them: it uses them only for asynchronous
 * engines, which nothing in Debian turns on.
 *
 * @param[in] maps Those that the modules were found in.
 * @param[in,out] sightings What other processes showed, for modules that are here what
 * their files are; what this one shows is added. NULL: look at all.
 * @param[out] ret Such contexts may be there.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_contexts_possible(struct graft_target *target,
			const struct graft_maps *maps,
			const struct graft_modules *modules,
			struct graft_sightings *sightings, bool *ret);

#endif /* GRAFT_PLAN_CONTEXTS_H */
