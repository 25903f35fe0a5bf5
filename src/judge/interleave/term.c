// SPDX-License-Identifier: Apache-2.0

#include "judge/interleave/term.h"

#include "base/hash.h"
#include "base/vec.h"

#include <stdlib.h>

void
graft_terms_deinit(struct graft_terms *terms)
{
	free(terms->nodes);
	free(terms->slots);
	*terms = (struct graft_terms){ 0 };
}

const struct graft_term_node *
graft_term_at(const struct graft_terms *terms, graft_term term)
{
	static const struct graft_term_node none = { .kind = GRAFT_TERM_UNKNOWN,
						     .width = 16 };

	return term && term < terms->count ? &terms->nodes[term] : &none;
}

static size_t
hash_of(const struct graft_term_node *node)
{
	uint64_t hash = graft_hash_mix(node->kind, node->data);

	hash = graft_hash_mix(hash, node->width);
	return (size_t)graft_hash_mix(hash, (uint64_t)node->a << 32 | node->b);
}

static bool
is_same(const struct graft_term_node *x, const struct graft_term_node *y)
{
	return x->kind == y->kind && x->width == y->width &&
	       x->data == y->data && x->a == y->a && x->b == y->b;
}

static void
put_slot(struct graft_terms *terms, graft_term term)
{
	size_t at = hash_of(&terms->nodes[term]) % terms->slot_count;

	while (terms->slots[at])
		at = (at + 1) % terms->slot_count;
	terms->slots[at] = term;
}

/** Make room for one more, with half of the slots free. */
static bool
make_room(struct graft_terms *terms)
{
	struct graft_error *err = graft_vec_reserve(&terms->nodes, &terms->cap,
						    terms->count + 2,
						    sizeof(*terms->nodes));

	if (err) {
		graft_error_free(err);
		return false;
	}
	// The number 0 is none.
	if (!terms->count)
		terms->nodes[terms->count++] = (struct graft_term_node){ 0 };
	if (2 * terms->count < terms->slot_count)
		return true;
	size_t slot_count = terms->slot_count ? 2 * terms->slot_count : 1024;
	graft_term *slots = calloc(slot_count, sizeof(*slots));
	if (!slots)
		return false;
	free(terms->slots);
	terms->slots = slots;
	terms->slot_count = slot_count;
	for (size_t i = 1; i < terms->count; i++)
		put_slot(terms, (graft_term)i);
	return true;
}

/** Say whether a term of a kind changes its meaning while a function runs. */
static bool
is_stable(const struct graft_terms *terms, const struct graft_term_node *node)
{
	switch ((enum graft_term_kind)node->kind) {
	case GRAFT_TERM_LOAD:
	case GRAFT_TERM_JOIN:
	case GRAFT_TERM_AFTER:
	case GRAFT_TERM_TIME:
	case GRAFT_TERM_UNKNOWN:
		return false;
	default:
		return (!node->a || graft_term_at(terms, node->a)->stable) &&
		       (!node->b || graft_term_at(terms, node->b)->stable);
	}
}

graft_term
graft_term_get_narrow(struct graft_terms *terms, enum graft_term_kind kind,
		      uint64_t data, graft_term a, graft_term b, uint8_t width)
{
	struct graft_term_node node = { .kind = (uint8_t)kind,
					.width = width,
					.data = data,
					.a = a,
					.b = b };

	if (terms->failed || !make_room(terms)) {
		terms->failed = true;
		return 0;
	}
	size_t at = hash_of(&node) % terms->slot_count;
	while (terms->slots[at]) {
		if (is_same(&terms->nodes[terms->slots[at]], &node))
			return terms->slots[at];
		at = (at + 1) % terms->slot_count;
	}
	node.stable = is_stable(terms, &node);
	node.framed = kind == GRAFT_TERM_FRAME ||
		      (a && graft_term_at(terms, a)->framed) ||
		      (b && graft_term_at(terms, b)->framed);
	terms->slots[at] = (graft_term)terms->count;
	terms->nodes[terms->count] = node;
	return (graft_term)terms->count++;
}

graft_term
graft_term_get(struct graft_terms *terms, enum graft_term_kind kind,
	       uint64_t data, graft_term a, graft_term b)
{
	return graft_term_get_narrow(terms, kind, data, a, b, 16);
}

graft_term
graft_term_const(struct graft_terms *terms, uint64_t value, uint8_t size)
{
	if (size < 8)
		value &= ((uint64_t)1 << (8 * size)) - 1;
	return graft_term_get(terms, GRAFT_TERM_CONST, value, 0, 0);
}

graft_term
graft_term_low(struct graft_terms *terms, graft_term term, uint8_t size)
{
	const struct graft_term_node *node = graft_term_at(terms, term);

	// The bytes of a general register that there are.
	if (!term || node->width <= size)
		return term;
	if (node->kind == GRAFT_TERM_CONST && size <= 8)
		return graft_term_const(terms, node->data, size);
	// What has a sign in front has the same bytes behind.
	if (node->kind == GRAFT_TERM_SIGNED && size <= (node->data & 0xff))
		return graft_term_low(terms, node->a, size);
	if (node->kind == GRAFT_TERM_LOW && node->data <= 16)
		term = node->a;
	return graft_term_get_narrow(terms, GRAFT_TERM_LOW, size, term, 0,
				     size);
}

graft_term
graft_term_sum(struct graft_terms *terms, graft_term base, graft_term index,
	       uint8_t scale, int64_t disp, uint8_t segment)
{
	const struct graft_term_node *node = graft_term_at(terms, base);
	uint64_t by = (uint64_t)disp;

	if (base && !index && !segment && by == 0)
		return base;
	if (base && !index && !segment && node->kind == GRAFT_TERM_FRAME)
		return graft_term_get(terms, GRAFT_TERM_FRAME, node->data + by,
				      0, 0);
	if (base && node->kind == GRAFT_TERM_SUM && !node->b) {
		const struct graft_term_node *inner = graft_term_at(terms,
								    node->a);
		if (inner->kind == GRAFT_TERM_ARG && !inner->data)
			return graft_term_sum(terms, inner->a, index, scale,
					      (int64_t)(by + node->data),
					      segment);
	}
	// Base, with which segment; then index, with its scale.
	graft_term head = graft_term_get(terms, GRAFT_TERM_ARG, segment, base,
					 0);
	graft_term tail = index ? graft_term_get(terms, GRAFT_TERM_ARG,
						 (uint64_t)scale << 8, index, 0)
				: 0;
	return graft_term_get(terms, GRAFT_TERM_SUM, by, head, tail);
}

bool
graft_term_in_frame(const struct graft_terms *terms, graft_term term,
		    int64_t *off_ret)
{
	const struct graft_term_node *node = graft_term_at(terms, term);

	if (node->kind != GRAFT_TERM_FRAME)
		return false;
	*off_ret = (int64_t)node->data;
	return true;
}
