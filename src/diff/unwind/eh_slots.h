// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The slots through which unwind tables name personality routines and types
 * (compilers call them `DW.ref.<symbol>`). They lie among writable data, but
 * nobody writes them after relocation.
 */

#ifndef GRAFT_DIFF_EH_SLOTS_H
#define GRAFT_DIFF_EH_SLOTS_H

#include "base/cleanup.h"
#include "base/error.h"
#include "elf/image.h"

/** The slots of one build. */
struct graft_eh_slots {
	/** Addresses, ascending, each once. */
	uint64_t *addrs;
	size_t count;
	size_t cap;
};

/** Free what the slots own, and zero them. NULL is a no-op. */
void
graft_eh_slots_deinit(struct graft_eh_slots *slots);
GRAFT_DEFINE_CLEANUP(struct graft_eh_slots, graft_eh_slots_deinit)

/**
 * Find the slots of a build. Data that cannot be read name none.
 *
 * @param[out] ret New slots; free with graft_eh_slots_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_eh_slots_find(const struct graft_image *image,
		    struct graft_eh_slots *ret);

/** Say whether an address is that of a slot. */
bool
graft_eh_slots_has(const struct graft_eh_slots *slots, uint64_t addr);

#endif /* GRAFT_DIFF_EH_SLOTS_H */
