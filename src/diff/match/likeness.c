// SPDX-License-Identifier: Apache-2.0

#include "diff/match/likeness.h"

#include <string.h>

enum {
	/** Most pairs of functions that are compared in one range. */
	WORK_MAX = 1 << 16,
	/** Instructions of a function that are looked at. */
	INSNS_MAX = 4096,
};

/** A function's instructions as a sorted bag of hashes. */
struct bag {
	uint32_t func;
	uint32_t count;
	uint64_t *hashes;
};

/** How alike two functions are, in thousandths. */
struct score {
	uint32_t old_bag;
	uint32_t new_bag;
	uint32_t likeness;
	/** How far apart they stand in their ranges; the nearer wins. */
	uint32_t distance;
};

static int
by_value(const void *x, const void *y)
{
	const uint64_t *a = x;
	const uint64_t *b = y;

	return (*a > *b) - (*a < *b);
}

static int
by_score(const void *x, const void *y)
{
	const struct score *a = x;
	const struct score *b = y;

	if (a->likeness != b->likeness)
		return a->likeness > b->likeness ? -1 : 1;
	return (a->distance > b->distance) - (a->distance < b->distance);
}

static void
free_bags(struct bag *bags, size_t count)
{
	for (size_t i = 0; bags && i < count; i++)
		free(bags[i].hashes);
	free(bags);
}

static struct graft_error *
make_bags(const struct graft_code *code, const struct graft_func_match *match,
	  uint32_t from, uint32_t to, struct bag **ret, size_t *count_ret)
{
	struct graft_error *err = NULL;
	struct bag *bags = NULL;
	size_t count = 0;

	for (uint32_t i = from; i < to; i++)
		count += match[i].other == GRAFT_NONE;
	bags = calloc(count + 1, sizeof(*bags));
	if (!bags)
		return graft_error_no_memory();
	count = 0;
	for (uint32_t i = from; !err && i < to; i++) {
		const struct graft_func *func = &code->funcs[i];
		if (match[i].other != GRAFT_NONE)
			continue;
		struct bag *bag = &bags[count++];
		bag->func = i;
		bag->count = func->insn_count < INSNS_MAX ? func->insn_count
							  : INSNS_MAX;
		bag->hashes = calloc(bag->count + 1, sizeof(*bag->hashes));
		if (!bag->hashes) {
			err = graft_error_no_memory();
			break;
		}
		for (uint32_t k = 0; k < bag->count; k++)
			bag->hashes[k] = code->insns[func->first_insn + k].hash;
		qsort(bag->hashes, bag->count, sizeof(*bag->hashes), by_value);
	}
	if (err) {
		free_bags(bags, count);
		return err;
	}
	*ret = bags;
	*count_ret = count;
	return NULL;
}

/** Twice what both have over what each has, in thousandths (Dice). */
static uint32_t
likeness(const struct bag *a, const struct bag *b)
{
	uint32_t i = 0;
	uint32_t j = 0;
	uint64_t common = 0;

	while (i < a->count && j < b->count) {
		if (a->hashes[i] == b->hashes[j]) {
			common++;
			i++;
			j++;
		} else if (a->hashes[i] < b->hashes[j]) {
			i++;
		} else {
			j++;
		}
	}
	uint64_t all = (uint64_t)a->count + b->count;
	return all ? (uint32_t)(2000 * common / all) : 0;
}

static struct graft_error *
pair_bags(struct graft_diff *diff, const struct bag *o, size_t o_count,
	  const struct bag *n, size_t n_count, graft_likeness_pair_fn *fn)
{
	uint32_t least = o_count == 1 && n_count == 1 ? 250 : 500;
	size_t count = 0;
	GRAFT_FREE struct score *scores = calloc(o_count * n_count + 1,
						 sizeof(*scores));
	if (!scores)
		return graft_error_no_memory();

	for (uint32_t i = 0; i < o_count; i++) {
		for (uint32_t j = 0; j < n_count; j++) {
			// A size more than threefold leaves no half in common.
			if (o[i].count > 3 * n[j].count + 8 ||
			    n[j].count > 3 * o[i].count + 8)
				continue;
			uint32_t score = likeness(&o[i], &n[j]);
			if (score >= least)
				scores[count++] = (struct score){
					i, j, score, i > j ? i - j : j - i
				};
		}
	}
	if (count)
		qsort(scores, count, sizeof(*scores), by_score);
	for (size_t i = 0; i < count; i++) {
		uint32_t of = o[scores[i].old_bag].func;
		uint32_t nf = n[scores[i].new_bag].func;
		if (diff->old_match[of].other == GRAFT_NONE &&
		    diff->new_match[nf].other == GRAFT_NONE)
			fn(diff, of, nf, GRAFT_EVIDENCE_ORDER);
	}
	return NULL;
}

struct graft_error *
graft_likeness_pair(struct graft_diff *diff, uint32_t old_from, uint32_t old_to,
		    uint32_t new_from, uint32_t new_to,
		    graft_likeness_pair_fn *fn)
{
	struct bag *o = NULL;
	struct bag *n = NULL;
	size_t o_count = 0;
	size_t n_count = 0;

	if (old_from >= old_to || new_from >= new_to)
		return NULL;
	struct graft_error *err = make_bags(diff->old_code, diff->old_match,
					    old_from, old_to, &o, &o_count);
	if (err)
		return err;
	err = make_bags(diff->new_code, diff->new_match, new_from, new_to, &n,
			&n_count);
	if (!err && o_count && n_count && o_count <= WORK_MAX / n_count)
		err = pair_bags(diff, o, o_count, n, n_count, fn);
	free_bags(o, o_count);
	free_bags(n, n_count);
	return err;
}
