// SPDX-License-Identifier: Apache-2.0

#include "judge/confined/values.h"

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
graft_confined_is_bound(const struct graft_confined_value *value)
{
	return value->kind == GRAFT_CONFINED_OBJECT ||
	       value->kind == GRAFT_CONFINED_POISON;
}

bool
graft_confined_equal(const struct graft_confined_value *a,
		     const struct graft_confined_value *b)
{
	return a->kind == b->kind && a->pushed == b->pushed &&
	       a->who == b->who && a->base == b->base && a->off == b->off;
}

/** Say whether a value is known on some ways only to be a constant. */
static bool
is_constant(const struct graft_confined_value *value)
{
	return value->kind == GRAFT_CONFINED_CONST ||
	       value->kind == GRAFT_CONFINED_MIXED;
}

/** Say whether losing a value loses where the own frame, or an object, is. */
static bool
is_needed(const struct graft_confined_value *value)
{
	return graft_confined_is_bound(value) ||
	       value->kind == GRAFT_CONFINED_STACK;
}

/** Keep of two values what holds for both. What may be two things is poison if
 * one of them is the address of an object: whoever uses it, cannot be followed. */
static struct graft_confined_value
join(struct graft_confined_value a, struct graft_confined_value b,
     graft_confined_lost_fn *lost, void *context)
{
	struct graft_confined_value joined = graft_confined_nothing();

	bool pushed = a.pushed || b.pushed;
	a.pushed = pushed;
	b.pushed = pushed;
	if (graft_confined_equal(&a, &b))
		return a;
	if (a.kind == GRAFT_CONFINED_FUNC)
		lost(context, &a);
	if (b.kind == GRAFT_CONFINED_FUNC)
		lost(context, &b);
	if (is_needed(&a) || is_needed(&b))
		joined.kind = GRAFT_CONFINED_POISON;
	else if (is_constant(&a) || is_constant(&b))
		joined.kind = GRAFT_CONFINED_MIXED;
	else if (a.kind == GRAFT_CONFINED_LOCAL &&
		 b.kind == GRAFT_CONFINED_LOCAL && a.base == b.base) {
		// It walks through a variable.
		joined = a;
		joined.off = INT64_MIN;
	}
	joined.pushed = pushed && joined.kind != GRAFT_CONFINED_OTHER;
	return joined;
}

/** Find a word, or where it would stand. */
static uint32_t
find(const struct graft_confined_state *state, int64_t off, bool *found_ret)
{
	uint32_t at = 0;

	while (at < state->slot_count && state->slots[at].off < off)
		at++;
	*found_ret = at < state->slot_count && state->slots[at].off == off;
	return at;
}

struct graft_confined_value
graft_confined_load(const struct graft_confined_state *state, int64_t off)
{
	bool found;
	uint32_t at = find(state, off, &found);
	struct graft_confined_value value = graft_confined_nothing();

	if (found)
		value = state->slots[at].value;
	value.pushed = false;
	return value;
}

bool
graft_confined_covers(const struct graft_confined_state *state, int64_t off,
		      int64_t len)
{
	for (uint32_t i = 0; i < state->slot_count; i++) {
		const struct graft_confined_slot *slot = &state->slots[i];
		if (slot->off < off + len && slot->off + 8 > off &&
		    graft_confined_is_bound(&slot->value))
			return true;
	}
	return false;
}

void
graft_confined_forget(struct graft_confined_state *state, int64_t off,
		      int64_t len)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < state->slot_count; i++) {
		struct graft_confined_slot slot = state->slots[i];
		bool hit = slot.off < off + len && slot.off + 8 > off;
		bool whole = slot.off >= off && slot.off + 8 <= off + len;
		// Half of an address is none, but nobody should use it.
		if (hit && !whole && graft_confined_is_bound(&slot.value)) {
			slot.value.kind = GRAFT_CONFINED_POISON;
			hit = false;
		}
		if (!hit)
			state->slots[kept++] = slot;
	}
	state->slot_count = kept;
}

bool
graft_confined_store(struct graft_confined_state *state, int64_t off,
		     struct graft_confined_value value)
{
	bool found;

	graft_confined_forget(state, off, 8);
	if (value.kind == GRAFT_CONFINED_OTHER)
		return true;
	uint32_t at = find(state, off, &found);
	if (found || state->slot_count == GRAFT_CONFINED_SLOTS)
		return !graft_confined_is_bound(&value) &&
		       value.kind != GRAFT_CONFINED_FUNC;
	memmove(&state->slots[at + 1], &state->slots[at],
		(state->slot_count - at) * sizeof(*state->slots));
	state->slots[at] = (struct graft_confined_slot){ off, value };
	state->slot_count++;
	return true;
}

static bool
merge_slots(struct graft_confined_state *into,
	    const struct graft_confined_state *from,
	    graft_confined_lost_fn *lost, void *context)
{
	struct graft_confined_state was = *into;
	bool changed = false;

	into->slot_count = 0;
	for (uint32_t i = 0, k = 0;
	     i < was.slot_count || k < from->slot_count;) {
		struct graft_confined_slot a = { INT64_MAX, { 0 } };
		struct graft_confined_slot b = { INT64_MAX, { 0 } };
		if (i < was.slot_count)
			a = was.slots[i];
		if (k < from->slot_count)
			b = from->slots[k];
		int64_t off = a.off < b.off ? a.off : b.off;
		a.value = a.off == off ? a.value : graft_confined_nothing();
		b.value = b.off == off ? b.value : graft_confined_nothing();
		i += a.off == off;
		k += b.off == off;
		struct graft_confined_value joined = join(a.value, b.value,
							  lost, context);
		changed |= !graft_confined_equal(&joined, &a.value);
		// What finds no room was at most poison; what is not there is
		// believed to be no address, so the last word stays one.
		if (joined.kind == GRAFT_CONFINED_OTHER)
			continue;
		if (into->slot_count < GRAFT_CONFINED_SLOTS)
			into->slots[into->slot_count++] =
				(struct graft_confined_slot){ off, joined };
		else
			into->regs[GRAFT_REG_RSP].kind = GRAFT_CONFINED_POISON;
	}
	return changed;
}

bool
graft_confined_merge(struct graft_confined_state *into,
		     const struct graft_confined_state *from,
		     graft_confined_lost_fn *lost, void *context)
{
	bool changed = false;
	uint32_t mixed = into->mixed | from->mixed | (into->zero ^ from->zero);
	uint32_t zero = into->zero & from->zero;

	for (int r = 0; r < 16; r++) {
		struct graft_confined_value joined =
			join(into->regs[r], from->regs[r], lost, context);
		changed |= !graft_confined_equal(&joined, &into->regs[r]);
		into->regs[r] = joined;
	}
	changed |= merge_slots(into, from, lost, context);
	changed |= mixed != into->mixed || zero != into->zero ||
		   (from->passes && !into->passes);
	into->passes |= from->passes;
	into->mixed = mixed;
	into->zero = zero;
	return changed;
}
