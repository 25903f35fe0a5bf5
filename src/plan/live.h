// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * what runs is what the file holds. Code and constants of the module, the
 * ranges that the hotpatch expects, and the GOT slots that carried code uses.
 */

#ifndef GRAFT_PLAN_LIVE_H
#define GRAFT_PLAN_LIVE_H

#include "base/error.h"
#include "elf/image.h"
#include "patch/patch.h"
#include "plan/header.h"
#include "plan/module.h"
#include "proc/maps.h"
#include "proc/target.h"

/** Pages of a process that were read last. */
struct graft_live_window {
	uint64_t addr;
	/** 0: none. */
	size_t len;
	uint8_t bytes[2 * 4096];
};

/** Where and against what to compare. All borrowed for the calls. */
struct graft_live_place {
	struct graft_target *target;
	const struct graft_maps *maps;
	const struct graft_modules *modules;
	/** The module, and the file that it was loaded from. */
	const struct graft_module *module;
	const struct graft_image *image;
	/** Whose jumps stand for OLD's bytes; NULL: nobody's. */
	const struct graft_header *replaced;
	/** For those who ask for many pieces: what stands near each other is read once.
	 * NULL: each is read by itself. */
	struct graft_live_window *window;
};

/**
 * Compare the code and the constants of a module with its file: every section
 * that is neither writable nor made read-only after relocation.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED that names the first difference;
 * #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_live_check_text(const struct graft_live_place *place);

/**
 * Check what a hotpatch says of OLD against the live bytes: the entries that
 * get jumps, and the ranges it expects.
 *
 * @return As graft_live_check_text().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_live_check_patch(const struct graft_live_place *place,
		       const struct graft_patch_module *patch);

/**
 * Check the GOT slots that carried code uses: each holds what the dynamic
 * linker puts there.
 *
 * @return As graft_live_check_text().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_live_check_slots(const struct graft_live_place *place,
		       const struct graft_patch_module *patch);

/**
 * Say whether an address is code of a loaded file or of the kernel (vdso).
 */
bool
graft_live_is_code(const struct graft_maps *maps, uint64_t addr);

#endif /* GRAFT_PLAN_LIVE_H */
