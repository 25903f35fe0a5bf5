// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What a function ends, by the place where the pointer or the number of it is kept:
 * `free(c->buf)`, `close(c->fd)`.
 *
 * Calls of functions that only one build has count as the caller's. What functions
 * of both builds end counts as often as they are called, as OLD's versions do it: so
 * a change inside of one of them is its own, and none of its callers.
 */

#ifndef GRAFT_JUDGE_ENDED_H
#define GRAFT_JUDGE_ENDED_H

#include "base/cleanup.h"
#include "judge/flow/calls.h"
#include "judge/rules/kept_at.h"

/** Things of one family that are kept at one place. */
struct graft_ended {
	struct graft_calls_kind family;
	struct graft_kept_at at;
	/** How often each side (OLD, NEW) ends it. */
	uint32_t count[2];
	/** The function itself puts what it makes there, on either side. */
	bool made;
	/** How often OLD leaves there what it ended. */
	uint32_t left;
	/** The last instruction of NEW that ends it, 0 if none does. */
	uint64_t addr;
};

/** What one function ends in both builds. */
struct graft_ended_list {
	struct graft_ended *list;
	size_t count;
	size_t cap;
};

/** Looks for what is ended; remembers what it learnt. */
struct graft_ended_reader;

/**
 * Make a reader.
 *
 * @param[in] c Borrowed until the reader is freed.
 * @param[out] ret New reader; free with graft_ended_reader_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_ended_reader_new(const struct graft_case *c,
		       struct graft_ended_reader **ret);

/** Free a reader. NULL is a no-op. */
void
graft_ended_reader_free(struct graft_ended_reader *reader);
GRAFT_DEFINE_CLEANUP(struct graft_ended_reader, graft_ended_reader_free)

/**
 * Read what a function ends, with all its parts.
 *
 * @param[in] old Function of OLD, or #GRAFT_NONE.
 * @param[in] new Function of NEW.
 * @param[out] ret Empty before; filled, also where this fails. Free with
 * graft_ended_list_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_ended_read(struct graft_ended_reader *reader, uint32_t old, uint32_t new,
		 struct graft_ended_list *ret);

/** Say whether two entries are of one family and one place. */
bool
graft_ended_is_same(const struct graft_ended *a, const struct graft_ended *b);

/** Free a list, and zero it. Also its guard. */
void
graft_ended_list_deinit(struct graft_ended_list *list);

#endif /* GRAFT_JUDGE_ENDED_H */
