// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The contents of a shadow: the runs of a hotpatch with every fix filled in for
 * the place that was chosen. Pure: it reads no process.
 */

#ifndef GRAFT_PLAN_SHADOW_H
#define GRAFT_PLAN_SHADOW_H

#include "base/cleanup.h"
#include "base/error.h"
#include "patch/patch.h"
#include "plan/header.h"

#include <stddef.h>
#include <stdint.h>

/** What the fixes need to know about the process. */
struct graft_shadow_place {
	/** Load bias of the old module. */
	uint64_t old_base;
	/** To be added to addresses of NEW. */
	uint64_t shadow_base;
	/** One value per import: symbol + addend. */
	const uint64_t *imports;
	/** One value per fix; used for #GRAFT_FIX_COPY64_OLD only. */
	const uint64_t *copies;
	/** Where each object is that the module lists; NULL: in the shadow. */
	const struct graft_header_object *objects;
};

/** Bytes to be written to one place of the process. */
struct graft_shadow_piece {
	uint64_t addr;
	uint8_t *bytes;
	uint64_t len;
	/** PROT_* of its region. */
	uint32_t prot;
};

/** The contents of a shadow. */
struct graft_shadow {
	struct graft_shadow_piece *pieces;
	size_t count;
};

/** Free what a shadow owns, and zero it. NULL is a no-op. */
void
graft_shadow_deinit(struct graft_shadow *shadow);
GRAFT_DEFINE_CLEANUP(struct graft_shadow, graft_shadow_deinit)

/**
 * Fill in the runs of a module.
 *
 * @param[in] module Checked with graft_patch_module_check().
 * @param[in] place Where everything is.
 * @param[out] ret One piece per run, with room for one more; free with
 * graft_shadow_deinit().
 * @return NULL; #GRAFT_ERROR_NO_SPACE_NEARBY if a displacement does not fit 32
 * bits; #GRAFT_ERROR_BAD_INPUT if a fix is outside of the runs.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_shadow_fill(const struct graft_patch_module *module,
		  const struct graft_shadow_place *place,
		  struct graft_shadow *ret);

/**
 * Compute the mappings that the runs of a module need: whole pages, those of
 * one protection that touch are one.
 *
 * @param[in] shadow_base Added to each address.
 * @param[out] ret New array that the caller frees; sorted, with room for one
 * more.
 * @param[out] count_ret How many.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if two runs of different protection share
 * a page, or addresses wrap.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_shadow_regions(const struct graft_patch_module *module,
		     uint64_t shadow_base, struct graft_header_region **ret,
		     uint32_t *count_ret);

#endif /* GRAFT_PLAN_SHADOW_H */
