// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The `.graft.map` section: what is done with the carried code.
 *
 * It holds what the sections and symbols of the module's ELF file do not say.
 * Carried pieces are the symbols, so a redirect names one by its index. Inside
 * patch/ only.
 */

#ifndef GRAFT_PATCH_MAP_H
#define GRAFT_PATCH_MAP_H

#include "base/cursor.h"
#include "base/error.h"
#include "base/text.h"
#include "patch/patch.h"

/** How a run stands in the ELF file. */
enum graft_map_shape {
	/** One section with bytes. */
	GRAFT_MAP_STORED,
	/** One section without bytes (SHT_NOBITS). */
	GRAFT_MAP_ZERO,
	/** A section with bytes, then one without. */
	GRAFT_MAP_BOTH,
};

/** Get how a run stands in the ELF file. */
enum graft_map_shape
graft_map_shape(const struct graft_run *run);

/**
 * Append the section's bytes.
 *
 * @param[in] m A module that graft_patch_module_check() accepted.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_map_encode(const struct graft_patch_module *m, struct graft_text *out);

/**
 * Read the first part of the section: alignment and shapes of the runs.
 *
 * @param[in,out] c At the start of the section.
 * @param[in,out] m Gets its alignment, and zeroed runs whose mem_len holds
 * their #graft_map_shape for now.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_map_decode_runs(struct graft_cursor *c, struct graft_patch_module *m);

/**
 * Read the rest of the section, to its end.
 *
 * @param[in,out] c Where graft_map_decode_runs() left it.
 * @param[in,out] m Has its runs and carried pieces; gets the other records,
 * which are not checked yet.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_map_decode_records(struct graft_cursor *c, struct graft_patch_module *m);

#endif /* GRAFT_PATCH_MAP_H */
