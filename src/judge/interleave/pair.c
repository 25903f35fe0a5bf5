// SPDX-License-Identifier: Apache-2.0

#include "judge/interleave/pair.h"

#include <string.h>

enum {
	/** Values on both sides: registers, flags, slots. */
	CLASSES_MAX = 2 * (GRAFT_SIDE_REGS + 1 + GRAFT_SIDE_SLOTS),
};

/** Values that two ways bring together. */
struct join {
	struct graft_terms *terms;
	uint64_t key;
	struct {
		graft_term to;
		graft_term more;
		graft_term name;
	} classes[CLASSES_MAX];
	uint32_t count;
	bool changed;
};

static void
join_term(struct join *j, graft_term *to, graft_term more)
{
	uint32_t i = 0;

	if (*to == more && graft_term_at(j->terms, more)->stable)
		return;
	while (i < j->count &&
	       (j->classes[i].to != *to || j->classes[i].more != more))
		i++;
	if (i == j->count) {
		j->classes[j->count].to = *to;
		j->classes[j->count].more = more;
		j->classes[j->count++].name = graft_term_get(
			j->terms, GRAFT_TERM_JOIN, j->key << 16 | i, 0, 0);
	}
	j->changed |= *to != j->classes[i].name;
	*to = j->classes[i].name;
}

static const struct graft_side_slot *
find_slot(const struct graft_side_state *state,
	  const struct graft_side_slot *like)
{
	for (uint32_t i = 0; i < state->slot_count; i++) {
		if (state->slots[i].off == like->off &&
		    state->slots[i].size == like->size)
			return &state->slots[i];
	}
	return NULL;
}

static void
join_side(struct join *j, struct graft_side_state *to,
	  const struct graft_side_state *more)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < GRAFT_SIDE_REGS; i++)
		join_term(j, &to->regs[i], more->regs[i]);
	join_term(j, &to->flags, more->flags);
	for (uint32_t i = 0; i < to->slot_count; i++) {
		const struct graft_side_slot *other = find_slot(more,
								&to->slots[i]);
		if (!other) {
			j->changed = true;
			continue;
		}
		to->slots[kept] = to->slots[i];
		join_term(j, &to->slots[kept++].term, other->term);
	}
	to->slot_count = kept;
	j->changed |= to->load_count > 0;
	to->load_count = 0;
}

bool
graft_pair_join(struct graft_terms *terms, uint64_t key,
		struct graft_pair_state *to,
		const struct graft_pair_state *more)
{
	struct join j = { .terms = terms, .key = key };
	graft_term now = graft_term_get(terms, GRAFT_TERM_TIME, 1 | key << 1, 0,
					0);

	join_side(&j, &to->was, &more->was);
	join_side(&j, &to->is, &more->is);
	j.changed |= to->now != now || to->fact_count || more->done > to->done;
	to->now = now;
	to->fact_count = 0;
	if (more->done > to->done)
		to->done = more->done;
	return j.changed;
}

void
graft_pair_learn(struct graft_pair_state *state, graft_term flags,
		 uint8_t condition)
{
	// The oldest goes.
	if (state->fact_count == GRAFT_PAIR_FACTS)
		memmove(state->facts, state->facts + 1,
			--state->fact_count * sizeof(*state->facts));
	state->facts[state->fact_count++] = (struct graft_pair_fact){
		.flags = flags, .condition = condition
	};
}

/** Numbers for which a condition of a comparison with a constant holds. */
struct interval {
	bool known;
	bool is_signed;
	/** Everything but `low`, which is `high`. */
	bool other;
	__int128 low;
	__int128 high;
};

enum {
	/** Conditions as in an opcode. */
	BELOW = 2,
	EQUAL = 4,
	BELOW_EQUAL = 6,
	LESS = 12,
	LESS_EQUAL = 14,
};

static struct interval
interval_of(const struct graft_terms *terms, graft_term flags,
	    uint8_t condition, bool is_signed)
{
	const struct graft_term_node *cmp = graft_term_at(terms, flags);
	const struct graft_term_node *b = graft_term_at(terms, cmp->b);
	unsigned bits = (unsigned)cmp->data;
	struct interval r = { .known = false, .is_signed = is_signed };

	if (cmp->kind != GRAFT_TERM_CMP || b->kind != GRAFT_TERM_CONST ||
	    bits < 8 || bits > 64)
		return r;
	__int128 one = 1;
	__int128 value = b->data &
			 (bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1);
	__int128 least = is_signed ? -(one << (bits - 1)) : 0;
	__int128 most = is_signed ? (one << (bits - 1)) - 1 : (one << bits) - 1;
	if (is_signed && value > most)
		value -= one << bits;
	uint8_t base = condition & 0xe;
	bool negated = condition & 1;
	bool signed_one = base == LESS || base == LESS_EQUAL;
	if ((base != EQUAL && signed_one != is_signed) ||
	    (base != EQUAL && base != BELOW && base != BELOW_EQUAL &&
	     !signed_one))
		return r;
	r.known = true;
	r.low = least;
	r.high = most;
	if (base == EQUAL) {
		r.low = r.high = value;
		r.other = negated;
	} else if (base == BELOW || base == LESS) {
		*(negated ? &r.low : &r.high) = negated ? value : value - 1;
	} else {
		*(negated ? &r.low : &r.high) = negated ? value + 1 : value;
	}
	return r;
}

/** Say whether one condition on the same number settles another. */
static bool
settles(const struct interval *fact, const struct interval *asked,
	bool *holds_ret)
{
	if (!fact->known || !asked->known || fact->low > fact->high)
		return false;
	if (asked->low > asked->high) {
		*holds_ret = false;
		return true;
	}
	if (fact->other) {
		*holds_ret = asked->other;
		return asked->low == asked->high && asked->low == fact->low;
	}
	bool apart = fact->high < asked->low || asked->high < fact->low;
	bool within = asked->low <= fact->low && fact->high <= asked->high;
	*holds_ret = asked->other ? apart : within;
	return apart || within;
}

/** How two numbers may be: equal, or below or above, without and with sign. */
static uint8_t
outcomes_of(uint8_t condition)
{
	// A bit each: equal; below and less; below and greater; above and less;
	// above and greater.
	static const uint8_t outcomes[16] = {
		[BELOW] = 0x06,       [BELOW + 1] = 0x19,
		[EQUAL] = 0x01,       [EQUAL + 1] = 0x1e,
		[BELOW_EQUAL] = 0x07, [BELOW_EQUAL + 1] = 0x18,
		[LESS] = 0x0a,        [LESS + 1] = 0x15,
		[LESS_EQUAL] = 0x0b,  [LESS_EQUAL + 1] = 0x14,
	};

	return outcomes[condition & 0xf];
}

/** The same outcomes of the comparison with its operands exchanged. */
static uint8_t
exchanged(uint8_t outcomes)
{
	return (uint8_t)((outcomes & 0x01) | (outcomes & 0x02) << 3 |
			 (outcomes & 0x04) << 1 | (outcomes & 0x08) >> 1 |
			 (outcomes & 0x10) >> 3);
}

/** Say whether one outcome of a comparison settles what is asked of the same two
 * numbers. */
static bool
settles_same(uint8_t is, uint8_t asked, bool *holds_ret)
{
	uint8_t to = outcomes_of(asked);

	*holds_ret = is & to;
	return is && to && (!(is & to) || !(is & ~to));
}

bool
graft_pair_settles(const struct graft_terms *terms,
		   const struct graft_pair_state *state, graft_term flags,
		   uint8_t condition, bool *holds_ret)
{
	const struct graft_term_node *asked = graft_term_at(terms, flags);

	for (uint32_t i = 0; i < state->fact_count; i++) {
		const struct graft_pair_fact *fact = &state->facts[i];
		const struct graft_term_node *cmp = graft_term_at(terms,
								  fact->flags);
		if (fact->flags == flags &&
		    (fact->condition & 0xe) == (condition & 0xe)) {
			*holds_ret = fact->condition == condition;
			return true;
		}
		if (cmp->kind != GRAFT_TERM_CMP ||
		    asked->kind != GRAFT_TERM_CMP || cmp->data != asked->data)
			continue;
		uint8_t known = outcomes_of(fact->condition);
		bool turned = cmp->a == asked->b && cmp->b == asked->a;
		if ((fact->flags == flags || turned) &&
		    settles_same(turned ? exchanged(known) : known, condition,
				 holds_ret))
			return true;
		if (cmp->a != asked->a)
			continue;
		for (int s = 0; s < 2; s++) {
			struct interval is = interval_of(terms, fact->flags,
							 fact->condition, s);
			struct interval to = interval_of(terms, flags,
							 condition, s);
			if (settles(&is, &to, holds_ret))
				return true;
		}
	}
	return false;
}
