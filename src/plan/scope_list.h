// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The dynamic linker's list of the modules of a process: what plan/scope.h binds
 * by. Inside plan/ only.
 */

#ifndef GRAFT_PLAN_SCOPE_LIST_H
#define GRAFT_PLAN_SCOPE_LIST_H

#include "elf/image.h"
#include "plan/module.h"
#include "plan/scope.h"
#include "proc/maps.h"
#include "proc/target.h"

#include <stdbool.h>
#include <stddef.h>

/** A module in the dynamic linker's list. */
struct graft_scope_entry {
	const struct graft_module *module;
	const struct graft_image *image;
	/** The process started with it: it is in everybody's scope. */
	bool startup;
	/** Scratch of one search: in the scope of the importing module. */
	bool local;
};

/** The list; plan/scope.h makes and frees it. */
struct graft_scope {
	/** Borrowed. */
	struct graft_target *target;
	const struct graft_maps *maps;
	/** In the order of the dynamic linker. */
	struct graft_scope_entry *entries;
	size_t count;
};

/** Mark a module and, depth first, all that it needs, as those of one search. */
void
graft_scope_mark_local(struct graft_scope *scope,
		       struct graft_scope_entry *entry);

#endif /* GRAFT_PLAN_SCOPE_LIST_H */
