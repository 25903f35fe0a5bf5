// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/accesses.h"

#include <stdlib.h>

static int
compare(const void *a, const void *b)
{
	const struct graft_access *x = a;
	const struct graft_access *y = b;

	if (x->base != y->base)
		return x->base < y->base ? -1 : 1;
	if (x->disp != y->disp)
		return x->disp < y->disp ? -1 : 1;
	return (x->shape > y->shape) - (x->shape < y->shape);
}

struct graft_error *
graft_accesses_read(const struct graft_ops *ops,
		    const struct graft_frame *frame, struct graft_accesses *ret)
{
	struct graft_accesses accesses = { 0 };

	accesses.list = calloc((size_t)ops->count + 1, sizeof(*accesses.list));
	if (!accesses.list)
		return graft_error_no_memory();
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (!graft_op_through_pointer(ops, op) ||
		    graft_frame_has_numbers(frame, ops, i))
			continue;
		accesses.list[accesses.count++] = (struct graft_access){
			.base = op->base,
			.disp = op->reach,
			.shape = op->shape,
			.size = op->mem_size,
			.is_float = op->mem_float,
			.addr = op->addr,
		};
	}
	qsort(accesses.list, accesses.count, sizeof(*accesses.list), compare);
	size_t kept = 0;
	for (size_t i = 0; i < accesses.count; i++) {
		if (kept &&
		    compare(&accesses.list[kept - 1], &accesses.list[i]) == 0)
			continue;
		accesses.list[kept++] = accesses.list[i];
	}
	accesses.count = kept;
	*ret = accesses;
	return NULL;
}

void
graft_accesses_deinit(struct graft_accesses *accesses)
{
	free(accesses->list);
	*accesses = (struct graft_accesses){ 0 };
}

bool
graft_accesses_have(const struct graft_accesses *accesses, int64_t disp)
{
	for (size_t i = 0; i < accesses->count; i++) {
		if (accesses->list[i].disp == disp)
			return true;
	}
	return false;
}

/** Get the range of accesses through one register. */
static const struct graft_access *
through(const struct graft_accesses *accesses, uint8_t base, size_t *count_ret)
{
	size_t first = 0;
	size_t count = 0;

	while (first < accesses->count && accesses->list[first].base != base)
		first++;
	while (first + count < accesses->count &&
	       accesses->list[first + count].base == base)
		count++;
	*count_ret = count;
	return accesses->list + first;
}

/** Count the accesses of one range that the other has too. */
static size_t
count_common(const struct graft_access *a, size_t a_count,
	     const struct graft_access *b, size_t b_count)
{
	size_t common = 0;

	for (size_t i = 0; i < a_count; i++) {
		for (size_t j = 0; j < b_count; j++) {
			if (a[i].disp == b[j].disp &&
			    a[i].shape == b[j].shape) {
				common++;
				break;
			}
		}
	}
	return common;
}

bool
graft_accesses_only_grew(const struct graft_accesses *o, uint8_t old_base,
			 const struct graft_accesses *n, uint8_t new_base)
{
	size_t old_count;
	size_t new_count;
	const struct graft_access *a = through(o, old_base, &old_count);
	const struct graft_access *b = through(n, new_base, &new_count);

	if (old_count == new_count)
		return false;
	size_t common = count_common(a, old_count, b, new_count);
	return common == old_count || common == new_count;
}

static bool
range_has(const struct graft_access *list, size_t count, int64_t disp)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].disp == disp)
			return true;
	}
	return false;
}

/** A hypothesis: from some displacement on, members moved. */
struct hypothesis {
	int64_t from;
	int64_t by;
};

/** What a hypothesis explains of the accesses through one register. */
struct explained {
	/** Distinct displacements of OLD that NEW has under it. */
	size_t count;
	/** One of them is gone from NEW otherwise. */
	bool gone;
	/** One of those that it leads to is new to OLD. */
	bool come;
};

static struct explained
explain(const struct graft_accesses *o, const struct graft_accesses *n,
	const struct graft_access *a, size_t a_count,
	const struct graft_access *b, size_t b_count,
	struct hypothesis hypothesis)
{
	struct explained explained = { 0 };

	for (size_t i = 0; i < a_count; i++) {
		if (i && a[i].disp == a[i - 1].disp)
			continue;
		bool moves = hypothesis.by && a[i].disp >= hypothesis.from;
		int64_t disp = a[i].disp + (moves ? hypothesis.by : 0);
		if (!range_has(b, b_count, disp))
			continue;
		explained.count++;
		if (!moves)
			continue;
		explained.gone |= !graft_accesses_have(n, a[i].disp);
		explained.come |= !graft_accesses_have(o, disp);
	}
	return explained;
}

/** Find the register of NEW through which most of OLD's displacements are
 * reached: the compiler may have chosen another one. */
static uint8_t
likeliest_base(const struct graft_accesses *o, const struct graft_accesses *n,
	       uint8_t base, size_t *stayed_ret)
{
	size_t a_count;
	const struct graft_access *a = through(o, base, &a_count);
	uint8_t best = base;

	*stayed_ret = 0;
	for (uint8_t i = 0; i < 16; i++) {
		// The same register first; another only if it is better.
		uint8_t candidate = (uint8_t)((base + i) % 16);
		size_t b_count;
		const struct graft_access *b = through(n, candidate, &b_count);
		size_t stayed = explain(o, n, a, a_count, b, b_count,
					(struct hypothesis){ 0 })
					.count;
		if (stayed <= *stayed_ret)
			continue;
		*stayed_ret = stayed;
		best = candidate;
	}
	return best;
}

bool
graft_accesses_shifted(const struct graft_accesses *o,
		       const struct graft_accesses *n, uint8_t base,
		       struct graft_shift *ret)
{
	struct graft_shift best = { 0 };
	size_t a_count;
	size_t b_count;
	uint8_t new_base = likeliest_base(o, n, base, &best.stayed);
	const struct graft_access *a = through(o, base, &a_count);
	const struct graft_access *b = through(n, new_base, &b_count);

	best.moved = best.stayed;
	for (size_t i = 0; i < a_count; i++) {
		if (graft_accesses_have(n, a[i].disp))
			continue;
		for (size_t j = 0; j < b_count; j++) {
			// Only another use of the same kind is a movement.
			if (b[j].shape != a[i].shape)
				continue;
			struct hypothesis h = { a[i].disp,
						b[j].disp - a[i].disp };
			struct explained moved = explain(o, n, a, a_count, b,
							 b_count, h);
			if (moved.count <= best.moved || !moved.gone ||
			    !moved.come)
				continue;
			best.moved = moved.count;
			best.from = h.from;
			best.by = h.by;
		}
	}
	*ret = best;
	return best.moved > best.stayed;
}

/** Say whether something of a size is reached at a displacement. */
static bool
have_size(const struct graft_accesses *accesses, int64_t disp, uint16_t size)
{
	for (size_t i = 0; i < accesses->count; i++) {
		if (accesses->list[i].disp == disp &&
		    accesses->list[i].size == size)
			return true;
	}
	return false;
}

/** Say whether all that OLD reaches but at 0 is where a movement puts it. */
static bool
explains_all(const struct graft_accesses *o, const struct graft_accesses *n,
	     int64_t by)
{
	for (size_t i = 0; i < o->count; i++) {
		const struct graft_access *a = &o->list[i];
		if (a->disp && !have_size(n, a->disp + by, a->size))
			return false;
	}
	return true;
}

bool
graft_accesses_all_moved(const struct graft_accesses *o,
			 const struct graft_accesses *n, int64_t *by_ret)
{
	const struct graft_access *first = NULL;

	for (size_t i = 0; i < o->count; i++) {
		if (!o->list[i].disp)
			continue;
		if (graft_accesses_have(n, o->list[i].disp))
			return false;
		if (!first)
			first = &o->list[i];
	}
	for (size_t i = 0; first && i < n->count; i++) {
		*by_ret = n->list[i].disp - first->disp;
		// A member that is no longer used leaves those at 0.
		if (n->list[i].disp && explains_all(o, n, *by_ret))
			return true;
	}
	return false;
}

/** Say whether some access through a register is of a kind. */
static bool
has_kind(const struct graft_access *list, size_t count,
	 const struct graft_access *like)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].disp == like->disp && list[i].size == like->size &&
		    list[i].is_float == like->is_float)
			return true;
	}
	return false;
}

/** Say whether the uses of one displacement have no kind in common. */
static bool
kinds_differ(const struct graft_access *a, size_t a_count,
	     const struct graft_access *b, size_t b_count, int64_t disp)
{
	for (size_t i = 0; i < a_count; i++) {
		if (a[i].disp == disp && has_kind(b, b_count, &a[i]))
			return false;
	}
	return true;
}

bool
graft_accesses_retyped(const struct graft_accesses *o,
		       const struct graft_accesses *n,
		       struct graft_retyping *ret)
{
	for (uint8_t base = 0; base < 16; base++) {
		size_t a_count;
		size_t b_count;
		const struct graft_access *a = through(o, base, &a_count);
		const struct graft_access *b = through(n, base, &b_count);
		for (size_t i = 0; i < a_count * b_count; i++) {
			const struct graft_access *was = &a[i / b_count];
			const struct graft_access *is = &b[i % b_count];
			if (was->disp != is->disp || was->size != is->size ||
			    was->is_float == is->is_float ||
			    !kinds_differ(a, a_count, b, b_count, was->disp))
				continue;
			*ret = (struct graft_retyping){
				.disp = was->disp,
				.addr = is->addr,
				.size = was->size,
				.now_float = is->is_float,
			};
			return true;
		}
	}
	return false;
}
