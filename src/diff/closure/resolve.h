// SPDX-License-Identifier: Apache-2.0

/** @file Where one reference, or one pointer, of what is carried goes. */

#ifndef GRAFT_DIFF_RESOLVE_H
#define GRAFT_DIFF_RESOLVE_H

#include "diff/closure/closure.h"

/** Resolve all references of a carried function. */
GRAFT_MUST_CHECK struct graft_error *
graft_resolve_func(struct graft_closure *closure, uint32_t func);

/** Resolve the pointer that a relocation makes inside a carried piece. */
GRAFT_MUST_CHECK struct graft_error *
graft_resolve_pointer(struct graft_closure *closure,
		      const struct graft_reloc *reloc);

#endif /* GRAFT_DIFF_RESOLVE_H */
