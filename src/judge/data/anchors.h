// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where the contents of a writable section of NEW were in OLD.
 *
 * Anchors are the addresses for which graft_diff_old_data() knows an answer.
 * What lies between two of them moved with one or the other.
 */

#ifndef GRAFT_JUDGE_ANCHORS_H
#define GRAFT_JUDGE_ANCHORS_H

#include "diff/diff.h"

/** An address of NEW and the one of OLD that stands for it. */
struct graft_anchor {
	uint64_t new_addr;
	uint64_t old_addr;
};

/** The anchors of one section of NEW, ascending in NEW. */
struct graft_anchors {
	const struct graft_section *old_section;
	const struct graft_section *new_section;
	/** New objects are in it. */
	bool has_new;
	struct graft_anchor *list;
	size_t count;
	size_t cap;
};

/** Two answers to "where was it", which may be the same. */
struct graft_candidates {
	uint64_t old_addr[2];
};

/**
 * Collect the anchors of a section.
 *
 * @param[in] new_section Writable section of NEW.
 * @param[out] ret Anchors; its old section is that of the same name, or NULL.
 * Free with graft_anchors_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_anchors_collect(const struct graft_diff *diff,
		      const struct graft_section *new_section,
		      struct graft_anchors *ret);

/** Free what anchors own, and zero them. Also their guard. */
void
graft_anchors_deinit(struct graft_anchors *anchors);

/** Find where an address of the section may have been. */
struct graft_candidates
graft_anchors_ask(const struct graft_anchors *anchors, uint64_t new_addr);

/** Find the first anchor behind an address of NEW, or UINT64_MAX. */
uint64_t
graft_anchors_next(const struct graft_anchors *anchors, uint64_t new_addr);

/** Count the bytes of new writable objects between two addresses of NEW. */
uint64_t
graft_new_bytes_between(const struct graft_diff *diff, uint64_t start,
			uint64_t end);

/** Say whether a new writable object covers an address of NEW. */
bool
graft_is_in_new_object(const struct graft_diff *diff, uint64_t new_addr);

#endif /* GRAFT_JUDGE_ANCHORS_H */
