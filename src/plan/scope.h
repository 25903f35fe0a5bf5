// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * symbols as the dynamic linker of a running process would bind them.
 *
 * The order is that of the process's own list of modules (r_debug, link.h): the
 * modules that it started with first, then, for a module loaded later, the
 * module and what it needs. What cannot be decided from the outside (a symbol
 * that only a module of another scope defines) is refused.
 */

#ifndef GRAFT_PLAN_SCOPE_H
#define GRAFT_PLAN_SCOPE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "patch/patch.h"
#include "plan/builds.h"
#include "plan/module.h"
#include "proc/maps.h"
#include "proc/target.h"

/** The modules of a process in the order of its dynamic linker. */
struct graft_scope;

/**
 * Read the dynamic linker's list of a process.
 *
 * @param[in] target Borrowed until the scope is freed, as all that follows.
 * @param[in] maps Its mappings.
 * @param[in] modules Its modules.
 * @param[in] builds Files that were read already.
 * @param[out] ret New scope; free with graft_scope_free().
 * @return NULL; #GRAFT_ERROR_REFUSED if there is no such list or a file
 * in it cannot be read; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_scope_read(struct graft_target *target, const struct graft_maps *maps,
		 const struct graft_modules *modules,
		 struct graft_builds *builds, struct graft_scope **ret);

/** Free a scope. NULL is a no-op. */
void
graft_scope_free(struct graft_scope *scope);
GRAFT_DEFINE_CLEANUP(struct graft_scope, graft_scope_free)

/**
 * Bind an import.
 *
 * @param[in] module The module that imports.
 * @param[in] import What it imports.
 * @param[out] ret Value of the slot: symbol + addend, or 0 for a weak one that
 * nobody defines.
 * @return NULL; #GRAFT_ERROR_REFUSED if nobody defines it, if it is of
 * the thread block, or an IFUNC that neither its own module nor any slot in the
 * process holds resolved;
 * #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_scope_bind(struct graft_scope *scope, const struct graft_module *module,
		 const struct graft_import *import, uint64_t *ret);

#endif /* GRAFT_PLAN_SCOPE_H */
