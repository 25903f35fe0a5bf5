// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The ELF modules that a process has loaded, as its memory shows them: span,
 * load bias, build-id, dynamic section.
 *
 * What is read from a process is its own claim. It says where to look; whether a
 * module is the build of a hotpatch is decided by its file.
 */

#ifndef GRAFT_PLAN_MODULE_H
#define GRAFT_PLAN_MODULE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "patch/patch.h"
#include "proc/maps.h"
#include "proc/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A loaded module. */
struct graft_module {
	/** Its first mapping, at file offset 0. Borrowed from the maps. */
	const struct graft_map *map;
	/** From its first byte to one past the last of its PT_LOADs. */
	uint64_t start;
	uint64_t end;
	/** To be added to addresses of the file. */
	uint64_t base;
	/** Address of PT_DYNAMIC in the process; 0 if there is none. */
	uint64_t dynamic;
	uint64_t dynamic_size;
	/** Address of PT_GNU_EH_FRAME; 0 if there is none. */
	uint64_t frame_header;
	/** It has a PT_INTERP: the main program (or a library that is one). */
	bool interp;
	/** Where the note with the build-id is; 0 if there is none. */
	uint64_t build_id_addr;
	uint8_t build_id[GRAFT_PATCH_BUILD_ID_MAX];
	size_t build_id_len;
};

/** All modules, by ascending address. */
struct graft_modules {
	struct graft_module *modules;
	size_t count;
};

/**
 * Find the modules of a process.
 *
 * A mapping that begins with an ELF header but belongs to no module with
 * executable code (a file that is only looked at) is left out.
 *
 * @param[in] maps Mappings of the target; borrowed until the modules are freed.
 * @param[out] ret New modules; free with graft_modules_free().
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NOT_PERMITTED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_modules_read(struct graft_target *target, const struct graft_maps *maps,
		   struct graft_modules **ret);

/** Free modules. NULL is a no-op. */
void
graft_modules_free(struct graft_modules *modules);
GRAFT_DEFINE_CLEANUP(struct graft_modules, graft_modules_free)

/** Find the module that contains @p addr, or NULL. */
const struct graft_module *
graft_modules_at(const struct graft_modules *modules, uint64_t addr);

/** Say whether a module has a build-id; an empty one is never equal. */
bool
graft_module_is(const struct graft_module *module, const uint8_t *build_id,
		size_t build_id_len);

#endif /* GRAFT_PLAN_MODULE_H */
