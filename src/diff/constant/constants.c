// SPDX-License-Identifier: Apache-2.0

#include "diff/constant/constants.h"

#include "base/hash.h"
#include "base/vec.h"

#include <stdlib.h>

/** A comparison that was made, or that is being made. */
struct memo {
	struct graft_comparison key;
	/** 0: free slot. */
	uint8_t state;
};

enum {
	/** Being compared; until it is found to differ it counts as equal. */
	MEMO_OPEN = 1,
	MEMO_EQUAL = 2,
	MEMO_DIFFER = 3,
	/** Was equal only as long as something else was; ask again. */
	MEMO_FORGOTTEN = 4,
	/** Deepest chain of pointers; a longer one counts as different. */
	DEPTH_MAX = 2000,
};

struct graft_constants {
	/** Open addressing; the length is a power of two. */
	struct memo *memos;
	size_t memo_len;
	size_t memo_count;
	/** What was assumed equal since the outermost comparison began. */
	struct graft_comparison *trail;
	size_t trail_count;
	size_t trail_cap;
	uint32_t depth;
};

struct graft_error *
graft_constants_make(struct graft_constants **ret)
{
	struct graft_constants *constants = calloc(1, sizeof(*constants));

	if (!constants)
		return graft_error_no_memory();
	*ret = constants;
	return NULL;
}

void
graft_constants_free(struct graft_constants *constants)
{
	if (!constants)
		return;
	free(constants->memos);
	free(constants->trail);
	free(constants);
}

static bool
is_same(struct graft_comparison a, struct graft_comparison b)
{
	return a.old_addr == b.old_addr && a.new_addr == b.new_addr &&
	       a.access == b.access;
}

/** Find the slot of a comparison, or the free one where it belongs. */
static struct memo *
find_memo(const struct graft_constants *c, struct graft_comparison key)
{
	// One after the other: keys of one shift have the same exclusive or.
	uint64_t hash = graft_hash_mix(graft_hash_mix(1, key.old_addr),
				       key.new_addr);
	size_t at = graft_hash_mix(hash, key.access) & (c->memo_len - 1);

	while (c->memos[at].state && !is_same(c->memos[at].key, key))
		at = (at + 1) & (c->memo_len - 1);
	return &c->memos[at];
}

static struct graft_error *
make_room(struct graft_constants *c)
{
	if (c->memo_len && c->memo_count < c->memo_len / 2)
		return NULL;
	struct graft_constants bigger = *c;
	bigger.memo_len = c->memo_len ? c->memo_len * 2 : 1024;
	bigger.memos = calloc(bigger.memo_len, sizeof(*bigger.memos));
	if (!bigger.memos)
		return graft_error_no_memory();
	for (size_t i = 0; i < c->memo_len; i++) {
		if (c->memos[i].state)
			*find_memo(&bigger, c->memos[i].key) = c->memos[i];
	}
	free(c->memos);
	*c = bigger;
	return NULL;
}

static struct graft_error *
set_memo(struct graft_constants *c, struct memo memo)
{
	struct graft_error *err = make_room(c);
	if (err)
		return err;
	struct memo *slot = find_memo(c, memo.key);
	if (!slot->state)
		c->memo_count++;
	*slot = memo;
	return NULL;
}

bool
graft_constants_know(const struct graft_constants *c,
		     struct graft_comparison comparison, bool *equal_ret)
{
	if (!c->memo_len)
		return false;
	const struct memo *memo = find_memo(c, comparison);
	if (!memo->state || memo->state == MEMO_FORGOTTEN)
		return false;
	*equal_ret = memo->state != MEMO_DIFFER;
	return true;
}

struct graft_error *
graft_constants_assume(struct graft_constants *c,
		       struct graft_comparison comparison)
{
	struct graft_error *err =
		set_memo(c, (struct memo){ comparison, MEMO_OPEN });

	if (!err)
		err = graft_vec_reserve(&c->trail, &c->trail_cap,
					c->trail_count + 1, sizeof(*c->trail));
	if (!err)
		c->trail[c->trail_count++] = comparison;
	return err;
}

struct graft_error *
graft_constants_deny(struct graft_constants *c,
		     struct graft_comparison comparison)
{
	return set_memo(c, (struct memo){ comparison, MEMO_DIFFER });
}

bool
graft_constants_descend(struct graft_constants *c)
{
	if (c->depth >= DEPTH_MAX)
		return false;
	c->depth++;
	return true;
}

void
graft_constants_ascend(struct graft_constants *c, bool equal)
{
	if (--c->depth)
		return;
	for (size_t i = 0; i < c->trail_count; i++) {
		struct memo *slot = find_memo(c, c->trail[i]);
		// Where the whole differs, the parts that counted as equal were
		// equal only as long as the whole was: forget them.
		if (slot->state == MEMO_OPEN)
			slot->state = equal ? MEMO_EQUAL : MEMO_FORGOTTEN;
	}
	c->trail_count = 0;
}
