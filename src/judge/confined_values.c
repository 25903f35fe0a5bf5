// SPDX-License-Identifier: Apache-2.0

#include "judge/confined_values.h"

#include <string.h>

const uint8_t graft_confined_arguments[GRAFT_CONFINED_ARGUMENTS] = {
	GRAFT_REG_RDI, GRAFT_REG_RSI, GRAFT_REG_RDX, GRAFT_REG_RCX,
	GRAFT_REG_R8,  GRAFT_REG_R9,  GRAFT_REG_R10,
};

struct graft_confined_value
graft_confined_nothing(void)
{
	return (struct graft_confined_value){ 0 };
}

bool
graft_confined_is_address(const struct graft_confined_value *value)
{
	return value->kind == GRAFT_CONFINED_OWN ||
	       value->kind == GRAFT_CONFINED_FRAME ||
	       value->kind == GRAFT_CONFINED_FUNC;
}

/** Say whether two values belong to one object. */
static bool
same_object(const struct graft_confined_value *a,
	    const struct graft_confined_value *b)
{
	return a->kind == b->kind && a->who == b->who && a->base == b->base;
}

bool
graft_confined_equal(const struct graft_confined_value *a,
		     const struct graft_confined_value *b)
{
	return same_object(a, b) && a->maybe == b->maybe &&
	       a->vague == b->vague && a->fresh == b->fresh &&
	       (a->vague || a->off == b->off);
}

struct graft_confined_value
graft_confined_join(struct graft_confined_value a,
		    struct graft_confined_value b,
		    struct graft_confined_value lost_ret[2])
{
	bool a_leads = graft_confined_is_address(&a);
	bool b_leads = graft_confined_is_address(&b);
	struct graft_confined_value joined = a_leads || !b_leads ? a : b;

	lost_ret[0] = lost_ret[1] = graft_confined_nothing();
	joined.fresh = a.fresh || b.fresh;
	if (!a_leads && !b_leads) {
		if (graft_confined_equal(&a, &b))
			return joined;
		return (struct graft_confined_value){ .fresh = joined.fresh };
	}
	if (a_leads && b_leads && !same_object(&a, &b)) {
		lost_ret[0] = a;
		lost_ret[1] = b;
		return (struct graft_confined_value){ .fresh = joined.fresh };
	}
	joined.maybe = a.maybe || b.maybe || !a_leads || !b_leads;
	if (a_leads && b_leads)
		joined.vague = a.vague || b.vague || a.off != b.off;
	if (joined.vague)
		joined.off = joined.base;
	return joined;
}

/** Find a word, or where it would stand. */
static uint32_t
find(const struct graft_confined_state *state, int32_t off, bool *found_ret)
{
	uint32_t at = 0;

	while (at < state->slot_count && state->slots[at].off < off)
		at++;
	*found_ret = at < state->slot_count && state->slots[at].off == off;
	return at;
}

static void
drop(struct graft_confined_state *state, uint32_t at)
{
	memmove(&state->slots[at], &state->slots[at + 1],
		(state->slot_count - at - 1) * sizeof(*state->slots));
	state->slot_count--;
}

struct graft_confined_value
graft_confined_load(const struct graft_confined_state *state, int32_t off)
{
	bool found;
	uint32_t at = find(state, off, &found);
	struct graft_confined_value value = graft_confined_nothing();

	if (found)
		value = state->slots[at].value;
	value.fresh = false;
	return value;
}

void
graft_confined_forget(struct graft_confined_state *state, int32_t off,
		      int32_t len)
{
	for (uint32_t i = state->slot_count; i-- > 0;) {
		if (state->slots[i].off < off + len &&
		    state->slots[i].off + 8 > off)
			drop(state, i);
	}
}

bool
graft_confined_is_exposed(const struct graft_confined_state *state, int32_t off)
{
	return (int64_t)off + 8 > state->taken;
}

bool
graft_confined_store(struct graft_confined_state *state, int32_t off,
		     struct graft_confined_value value)
{
	bool found;

	graft_confined_forget(state, off, 8);
	if (!state->trusting && graft_confined_is_address(&value) &&
	    graft_confined_is_exposed(state, off))
		return false;
	uint32_t at = find(state, off, &found);
	value.fresh = true;
	if (state->slot_count == GRAFT_CONFINED_SLOTS) {
		state->full = true;
		return false;
	}
	memmove(&state->slots[at + 1], &state->slots[at],
		(state->slot_count - at) * sizeof(*state->slots));
	state->slots[at].off = off;
	state->slots[at].value = value;
	state->slot_count++;
	return true;
}

void
graft_confined_fill(struct graft_confined_state *state, int32_t off)
{
	for (uint32_t i = 0; i < state->slot_count; i++) {
		if (state->slots[i].off < off + 8 &&
		    state->slots[i].off + 8 > off)
			return;
	}
	(void)graft_confined_store(state, off, graft_confined_nothing());
}

void
graft_confined_take(struct graft_confined_state *state, int32_t off,
		    graft_confined_lost_fn *lost, void *context)
{
	if (off < state->taken)
		state->taken = off;
	if (state->trusting && off != INT32_MIN)
		return;
	// A word that begins before the place may still be part of it.
	for (uint32_t i = 0; i < state->slot_count; i++) {
		struct graft_confined_value *value = &state->slots[i].value;
		if (state->slots[i].off + 8 <= state->taken)
			continue;
		if (graft_confined_is_address(value))
			lost(context, value);
		*value = (struct graft_confined_value){ .fresh = value->fresh };
	}
}

/** Keep of one word what both know. */
static bool
merge_slot(struct graft_confined_slot *slot,
	   const struct graft_confined_state *from,
	   graft_confined_lost_fn *lost, void *context)
{
	struct graft_confined_value gone[2];
	bool found;
	uint32_t at = find(from, slot->off, &found);
	struct graft_confined_value other = found ? from->slots[at].value
						  : graft_confined_nothing();
	struct graft_confined_value joined = graft_confined_join(slot->value,
								 other, gone);

	for (int i = 0; i < 2; i++) {
		if (gone[i].kind != GRAFT_CONFINED_OTHER)
			lost(context, &gone[i]);
	}
	bool changed = !graft_confined_equal(&joined, &slot->value);
	slot->value = joined;
	return changed;
}

/** Take over the words that only the other state knows, as what may be there. */
static bool
add_slots(struct graft_confined_state *into,
	  const struct graft_confined_state *from, graft_confined_lost_fn *lost,
	  void *context)
{
	bool changed = false;

	for (uint32_t i = 0; i < from->slot_count; i++) {
		struct graft_confined_value value = from->slots[i].value;
		bool found;
		uint32_t at = find(into, from->slots[i].off, &found);
		if (found)
			continue;
		value.maybe = true;
		if (into->slot_count == GRAFT_CONFINED_SLOTS) {
			if (graft_confined_is_address(&value))
				lost(context, &value);
			changed |= !into->full;
			into->full = true;
			continue;
		}
		memmove(&into->slots[at + 1], &into->slots[at],
			(into->slot_count - at) * sizeof(*into->slots));
		into->slots[at].off = from->slots[i].off;
		into->slots[at].value = value;
		if (!graft_confined_is_address(&value))
			into->slots[at].value = (struct graft_confined_value){
				.fresh = value.fresh
			};
		into->slot_count++;
		changed = true;
	}
	return changed;
}

bool
graft_confined_merge(struct graft_confined_state *into,
		     const struct graft_confined_state *from,
		     graft_confined_lost_fn *lost, void *context)
{
	bool changed = false;

	for (int r = 0; r < GRAFT_CONFINED_REGS; r++) {
		struct graft_confined_value gone[2];
		struct graft_confined_value joined =
			graft_confined_join(into->regs[r], from->regs[r], gone);
		for (int i = 0; i < 2; i++) {
			if (gone[i].kind != GRAFT_CONFINED_OTHER)
				lost(context, &gone[i]);
		}
		changed |= !graft_confined_equal(&joined, &into->regs[r]);
		into->regs[r] = joined;
	}
	for (uint32_t i = 0; i < into->slot_count; i++)
		changed |= merge_slot(&into->slots[i], from, lost, context);
	changed |= add_slots(into, from, lost, context);
	if (from->full && !into->full) {
		into->full = true;
		changed = true;
	}
	if (from->taken < into->taken) {
		graft_confined_take(into, from->taken, lost, context);
		changed = true;
	}
	return changed;
}
