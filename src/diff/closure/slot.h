// SPDX-License-Identifier: Apache-2.0

/** @file PLT stubs and GOT slots of NEW: which of OLD do the same. */

#ifndef GRAFT_DIFF_SLOT_H
#define GRAFT_DIFF_SLOT_H

#include "diff/closure/closure.h"

/**
 * Resolve a reference to a PLT stub: OLD's stub for the same import, or a new
 * stub with a new slot.
 *
 * @param[in,out] resolution Its place and old address are set.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_slot_resolve_plt(struct graft_closure *closure,
		       const struct graft_ref *ref,
		       struct graft_resolution *resolution);

/** Resolve a reference to a GOT slot, in the same way. */
GRAFT_MUST_CHECK struct graft_error *
graft_slot_resolve_got(struct graft_closure *closure,
		       const struct graft_ref *ref,
		       struct graft_resolution *resolution);

#endif /* GRAFT_DIFF_SLOT_H */
