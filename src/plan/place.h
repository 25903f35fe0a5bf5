// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where a shadow goes, and the header page that describes it.
 *
 * From low to high: the runs at `shadow base + address of NEW`, behind constants one
 * page that stays unmapped, so that the kernel does not join the header page to them,
 * and the header page. Where the unwinder must be told of carried code, one page
 * that stays unmapped and the hook (hook.h) come behind the runs.
 */

#ifndef GRAFT_PLAN_PLACE_H
#define GRAFT_PLAN_PLACE_H

#include "base/error.h"
#include "patch/patch.h"
#include "plan/find.h"
#include "plan/header.h"
#include "plan/module.h"
#include "proc/maps.h"

#include <stdbool.h>

/**
 * Make the header of a module at a place in free address space.
 *
 * @param[in] id Id of the hotpatch.
 * @param[in] title Its title, or NULL.
 * @param[in] patch Its module.
 * @param[in] module The module of the process.
 * @param[in] maps Mappings of the process, those of earlier places included.
 * @param[out] ret The header, in state `building`; free with
 * graft_header_deinit().
 * @return NULL; #GRAFT_ERROR_NO_SPACE_NEARBY; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_place_make(const char *id, const char *title,
		 const struct graft_patch_module *patch,
		 const struct graft_module *module,
		 const struct graft_maps *maps, struct graft_header *ret);

/**
 * Make the same header as one that is in the process already, if that one is
 * what graft_place_make() would make at its place and all of it is mapped.
 *
 * @param[in] old A header of the process.
 * @param[out] ok_ret It is; only then @p ret is written.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_place_reuse(const struct graft_header *old, const char *id,
		  const char *title, const struct graft_patch_module *patch,
		  const struct graft_module *module,
		  const struct graft_maps *maps, struct graft_header *ret,
		  bool *ok_ret);

/** Say whether a span is mapped, anonymous, private and of one protection. */
bool
graft_place_is_mapped(const struct graft_maps *maps, uint64_t addr,
		      uint64_t len, int prot);

/** Say whether a header page and all regions that it names are mapped as it says. */
bool
graft_place_is_there(const struct graft_maps *maps,
		     const struct graft_header *header);

/**
 * Compute the address space that a header and its regions take.
 *
 * @return Bytes.
 */
uint64_t
graft_place_size(const struct graft_header *header);

#endif /* GRAFT_PLAN_PLACE_H */
