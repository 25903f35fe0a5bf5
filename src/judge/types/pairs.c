// SPDX-License-Identifier: Apache-2.0

// The pairs of types that wait to be looked at, and those that were.

#include "judge/types/compare.h"

#include "base/hash.h"
#include "base/vec.h"

#include <string.h>

enum {
	/** Pairs that are looked at. A large library has some ten thousand. */
	PAIRS_MAX = 1 << 22,
};

/** Remember a pair. @return Whether it is new. */
static struct graft_error *
remember(struct graft_comparer *comparer, const struct graft_type_pair *pair,
	 bool *new_ret)
{
	uint64_t key[2] = { (uint64_t)pair->o << 32 | pair->n,
			    (uint64_t)pair->use + 1 };

	if (comparer->seen_count * 2 >= comparer->seen_size) {
		size_t size = comparer->seen_size ? comparer->seen_size * 2
						  : 1024;
		uint64_t(*table)[2] = calloc(size, sizeof(*table));
		if (!table)
			return graft_error_no_memory();
		for (size_t i = 0; i < comparer->seen_size; i++) {
			if (!comparer->seen[i][1])
				continue;
			uint64_t hash = graft_hash_mix(comparer->seen[i][1],
						       comparer->seen[i][0]);
			while (table[hash & (size - 1)][1])
				hash++;
			memcpy(table[hash & (size - 1)], comparer->seen[i],
			       sizeof(key));
		}
		free(comparer->seen);
		comparer->seen = table;
		comparer->seen_size = size;
	}
	uint64_t hash = graft_hash_mix(key[1], key[0]);
	size_t mask = comparer->seen_size - 1;
	*new_ret = false;
	for (; comparer->seen[hash & mask][1]; hash++) {
		if (memcmp(comparer->seen[hash & mask], key, sizeof(key)) == 0)
			return NULL;
	}
	memcpy(comparer->seen[hash & mask], key, sizeof(key));
	comparer->seen_count++;
	*new_ret = true;
	return NULL;
}

/** Say whether a pair was put in for a use. */
static bool
was_seen(const struct graft_comparer *comparer, uint32_t o, uint32_t n,
	 enum graft_type_use use)
{
	uint64_t key[2] = { (uint64_t)o << 32 | n, (uint64_t)use + 1 };
	uint64_t hash = graft_hash_mix(key[1], key[0]);
	size_t mask = comparer->seen_size - 1;

	for (; comparer->seen_size && comparer->seen[hash & mask][1]; hash++) {
		if (memcmp(comparer->seen[hash & mask], key, sizeof(key)) == 0)
			return true;
	}
	return false;
}

bool
graft_comparer_was_in_frame(const struct graft_comparer *comparer,
			    const struct graft_type_pair *pair)
{
	return was_seen(comparer, pair->o, pair->n, GRAFT_TYPE_IN_FRAME);
}

bool
graft_comparer_was_fresh(const struct graft_comparer *comparer, uint32_t n)
{
	return was_seen(comparer, GRAFT_DWARF_NONE, n, GRAFT_TYPE_FRESH) ||
	       was_seen(comparer, GRAFT_DWARF_NONE, n,
			GRAFT_TYPE_FRESH_IN_FRAME);
}

struct graft_error *
graft_comparer_first(struct graft_comparer *comparer, uint32_t old_subject,
		     uint32_t new_subject, bool *ret)
{
	const struct graft_type_pair pair = {
		old_subject, new_subject, GRAFT_TYPE_OF_VARIABLES, { "", "" }
	};

	return remember(comparer, &pair, ret);
}

struct graft_error *
graft_comparer_add(struct graft_comparer *comparer, uint32_t o, uint32_t n,
		   enum graft_type_use use, struct graft_type_way way)
{
	const struct graft_type *was;
	const struct graft_type *is;
	bool is_new;
	struct graft_type_pair pair = { o, n, use, way };

	if (use == GRAFT_TYPE_FRESH || use == GRAFT_TYPE_FRESH_IN_FRAME)
		pair.o = GRAFT_DWARF_NONE;
	// Pairs are told apart by what stands behind typedefs, but for what only
	// NEW has: there the typedef may be its name.
	else {
		struct graft_error *err = graft_dwarf_type_peel(
			comparer->old_dwarf, o, &pair.o, &was);
		if (!err)
			err = graft_dwarf_type_peel(comparer->new_dwarf, n,
						    &pair.n, &is);
		if (!err && use == GRAFT_TYPE_LIVES)
			err = graft_comparer_aligned(comparer, o, n, way);
		if (err)
			return err;
		// Behind `void *` code of OLD may well know what NEW says.
		if (use == GRAFT_TYPE_LIVES &&
		    was->kind == GRAFT_TYPE_IS_VOID &&
		    is->kind != GRAFT_TYPE_IS_VOID)
			pair = (struct graft_type_pair){ GRAFT_DWARF_NONE, n,
							 GRAFT_TYPE_FRESH,
							 way };
	}
	struct graft_error *err = remember(comparer, &pair, &is_new);
	if (err || !is_new)
		return err;
	if (comparer->seen_count > PAIRS_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %d pairs of types",
				       PAIRS_MAX);
	err = graft_vec_reserve(&comparer->work, &comparer->work_cap,
				comparer->work_count + 1,
				sizeof(*comparer->work));
	if (err)
		return err;
	comparer->work[comparer->work_count++] = pair;
	return NULL;
}
