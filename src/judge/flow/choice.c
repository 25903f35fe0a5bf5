// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/choice.h"

#include <Zydis/Zydis.h>
#include <string.h>

static const struct graft_choice unknown = { .count = GRAFT_CHOICE_UNKNOWN };

bool
graft_choice_is_known(const struct graft_choice *choice)
{
	return choice->count >= 1 && choice->count <= GRAFT_CHOICE_MAX;
}

/** Put a constant into a set of them. */
static void
put(struct graft_choice *set, int64_t value)
{
	uint8_t at = 0;

	// Of 32 bits, the sign says nothing.
	if (value != (int32_t)value && value != (int64_t)(uint32_t)value) {
		*set = unknown;
		return;
	}
	value = (int32_t)value;
	while (at < set->count && set->list[at] < value)
		at++;
	if (at < set->count && set->list[at] == value)
		return;
	if (set->count == GRAFT_CHOICE_MAX) {
		*set = unknown;
		return;
	}
	memmove(&set->list[at + 1], &set->list[at],
		(size_t)(set->count - at) * sizeof(*set->list));
	set->list[at] = (int32_t)value;
	set->count++;
}

struct graft_choice
graft_choice_of(int64_t value)
{
	struct graft_choice set = { 0 };

	put(&set, value);
	return set;
}

struct graft_choice
graft_choice_of_two(int64_t a, int64_t b)
{
	struct graft_choice set = graft_choice_of(a);

	// Put into an unknown choice, the other one would be all there is.
	if (graft_choice_is_known(&set))
		put(&set, b);
	return set;
}

bool
graft_choice_is_same(const struct graft_choice *a, const struct graft_choice *b)
{
	if (a->count != b->count)
		return false;
	if (a->count == GRAFT_CHOICE_TABLE)
		return a->table == b->table && a->size == b->size &&
		       a->rows == b->rows;
	return memcmp(a->list, b->list, a->count * sizeof(*a->list)) == 0;
}

void
graft_choice_add(struct graft_choice *into, const struct graft_choice *from)
{
	if (graft_choice_is_same(into, from))
		return;
	if (into->count == GRAFT_CHOICE_TABLE &&
	    from->count == GRAFT_CHOICE_TABLE && into->table == from->table &&
	    into->size == from->size) {
		bool more = from->rows == 0 || from->rows > into->rows;
		if (into->rows && more)
			into->rows = from->rows;
		return;
	}
	// What lies outside of a table is chosen beside it.
	if (into->count == GRAFT_CHOICE_TABLE && graft_choice_is_known(from))
		return;
	if (from->count == GRAFT_CHOICE_TABLE && graft_choice_is_known(into)) {
		*into = *from;
		return;
	}
	if (!graft_choice_is_known(into) || !graft_choice_is_known(from)) {
		*into = unknown;
		return;
	}
	for (uint8_t i = 0; i < from->count; i++) {
		put(into, from->list[i]);
		if (!graft_choice_is_known(into))
			return;
	}
}

bool
graft_choice_only_in(const struct graft_choice *choice,
		     const struct graft_choice *other, int32_t *value_ret)
{
	for (uint8_t i = 0; graft_choice_is_known(choice) && i < choice->count;
	     i++) {
		bool found = false;
		for (uint8_t j = 0; j < other->count && !found; j++)
			found = other->list[j] == choice->list[i];
		if (found)
			continue;
		*value_ret = choice->list[i];
		return true;
	}
	return false;
}

/** Apply an operation of two constants; false if it is another one. */
static bool
apply(uint16_t mnemonic, int64_t a, int64_t b, int64_t *ret)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_ADD:
		*ret = a + b;
		return true;
	case ZYDIS_MNEMONIC_SUB:
		*ret = a - b;
		return true;
	case ZYDIS_MNEMONIC_AND:
		*ret = a & b;
		return true;
	case ZYDIS_MNEMONIC_OR:
		*ret = a | b;
		return true;
	case ZYDIS_MNEMONIC_XOR:
		*ret = a ^ b;
		return true;
	case ZYDIS_MNEMONIC_IMUL:
		*ret = a * b;
		return true;
	case ZYDIS_MNEMONIC_SHL:
		*ret = a * ((int64_t)1 << (b & 31));
		return true;
	default:
		return false;
	}
}

struct graft_choice
graft_choice_combine(uint16_t mnemonic, const struct graft_choice *a,
		     const struct graft_choice *b)
{
	struct graft_choice set = { 0 };
	int64_t value;

	if (!graft_choice_is_known(a) || !graft_choice_is_known(b))
		return unknown;
	for (uint8_t i = 0; i < a->count; i++) {
		for (uint8_t j = 0; j < b->count; j++) {
			if (!apply(mnemonic, a->list[i], b->list[j], &value))
				return unknown;
			put(&set, value);
			if (!graft_choice_is_known(&set))
				return unknown;
		}
	}
	return set;
}
