// SPDX-License-Identifier: Apache-2.0

/** @file What all faces of an explanation need. Private to this folder. */

#ifndef GRAFT_EXPLAIN_FACE_H
#define GRAFT_EXPLAIN_FACE_H

#include "explain/explanation.h"
#include "patch/patch.h"

/** No function. */
#define GRAFT_FACE_NONE SIZE_MAX

/** How many functions of a module have which fate. */
struct graft_face_counts {
	size_t changed;
	size_t added;
	size_t left;
};

/** Count the functions of a module by their fate. */
struct graft_face_counts
graft_face_count(const struct graft_explained_module *module);

/**
 * Find the function that a reason speaks of.
 *
 * @return Its index in graft_explained_module::funcs, or #GRAFT_FACE_NONE.
 */
size_t
graft_face_find(const struct graft_explained_module *module,
		const struct graft_reason *reason);

/**
 * Get what is to be done about a reason. A note of a rule that can refuse has kept
 * the rule, so nothing is.
 *
 * @return Static; "" if nothing is to be done.
 */
const char *
graft_face_remedy(const struct graft_reason *reason);

/**
 * Say whether a row is near one that differs.
 *
 * @param[in] at Index in graft_explained_func::rows, or their number.
 * @param[in] context How many rows away is near.
 */
bool
graft_face_is_near(const struct graft_explained_func *func, size_t at,
		   size_t context);

/** Get "changed", "added" or "left". Static. */
const char *
graft_face_fate(uint8_t fate);

/** Get the part of a path behind the last slash. */
const char *
graft_face_base(const char *path);

#endif /* GRAFT_EXPLAIN_FACE_H */
