// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What is new and writable in NEW, and how it is known in another NEW.
 *
 * Where a hotpatch takes the place of another one, an object that both have must
 * be at one place. Nothing compares the two builds, so it is said only where it
 * cannot be another: by its symbol, its size, its first contents, and the one
 * function that uses it, which is known by its place in OLD. And all that leads
 * there must be known to lead there: a reference that is read or written stands for what
 * it touches; an address may be the start or the end of this or that, so it counts only
 * where there is one such object.
 */

#ifndef GRAFT_DIFF_OBJECTS_H
#define GRAFT_DIFF_OBJECTS_H

#include "diff/closure/emit.h"

/**
 * List the new objects of a module: all, or none where it is not known of each.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_emit_objects(struct graft_emit *emit);

#endif /* GRAFT_DIFF_OBJECTS_H */
