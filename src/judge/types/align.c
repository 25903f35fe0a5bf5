// SPDX-License-Identifier: Apache-2.0

// what objects are aligned to. Code that knows that something begins at a
// multiple of 32 uses instructions that fault where it does not; objects that
// OLD made are aligned as OLD knew.

#include "judge/types/state.h"

#include <stdio.h>

/** Get what two types are aligned to. @return Whether both are known. */
static struct graft_error *
read_both(struct graft_comparer *comparer, uint32_t o, uint32_t n,
	  uint64_t *was_ret, uint64_t *is_ret, bool *ret)
{
	struct graft_error *err = graft_dwarf_type_align(comparer->old_dwarf, o,
							 was_ret);

	if (!err)
		err = graft_dwarf_type_align(comparer->new_dwarf, n, is_ret);
	*ret = !err && *was_ret && *is_ret;
	return err;
}

struct graft_error *
graft_comparer_same_align(struct graft_comparer *comparer, uint32_t o,
			  uint32_t n, char *buf, size_t len)
{
	uint64_t was;
	uint64_t is;
	bool known;
	struct graft_error *err = read_both(comparer, o, n, &was, &is, &known);

	buf[0] = '\0';
	if (!err && known && was != is)
		(void)snprintf(
			buf, len,
			"objects of it were aligned to %llu bytes and are to %llu, and code may count on either",
			(unsigned long long)was, (unsigned long long)is);
	return err;
}

/** Say whether a typedef, and not what stands behind it, is aligned. */
static struct graft_error *
is_in_name(struct graft_dwarf *dwarf, uint32_t type, uint32_t peeled, bool *ret)
{
	uint64_t outside;
	uint64_t inside;
	struct graft_error *err = graft_dwarf_type_align(dwarf, type, &outside);

	if (!err)
		err = graft_dwarf_type_align(dwarf, peeled, &inside);
	*ret = !err && outside != inside;
	return err;
}

struct graft_error *
graft_comparer_aligned(struct graft_comparer *comparer, uint32_t o, uint32_t n,
		       struct graft_type_way way)
{
	const struct graft_type *was;
	const struct graft_type *is;
	struct graft_type_pair pair = { o, n, GRAFT_TYPE_LIVES, way };
	uint32_t old_number;
	uint32_t new_number;
	bool old_name = false;
	bool new_name = false;
	char sentence[160];
	struct graft_error *err = graft_dwarf_type_peel(comparer->old_dwarf, o,
							&old_number, &was);

	if (!err)
		err = graft_dwarf_type_peel(comparer->new_dwarf, n, &new_number,
					    &is);
	if (!err)
		err = is_in_name(comparer->old_dwarf, o, old_number, &old_name);
	if (!err)
		err = is_in_name(comparer->new_dwarf, n, new_number, &new_name);
	// What structs are aligned to is compared with their members.
	if (err || (!old_name && !new_name &&
		    (was->kind == GRAFT_TYPE_IS_STRUCT ||
		     was->kind == GRAFT_TYPE_IS_UNION)))
		return err;
	if (was->kind != is->kind || was->size != is->size)
		return NULL;
	err = graft_comparer_same_align(comparer, o, n, sentence,
					sizeof(sentence));
	if (err || !sentence[0])
		return err;
	return graft_comparer_differ(comparer, &pair, GRAFT_RULE_LAYOUT,
				     GRAFT_DWARF_NONE, sentence);
}

struct graft_error *
graft_types_check_align(struct graft_types_state *state, uint32_t o, uint32_t n)
{
	struct graft_types *types = state->types;
	const struct graft_subject *s = graft_dwarf_subject(types->old_dwarf,
							    o);
	uint64_t align;
	struct graft_error *err = graft_dwarf_subject_align(types->new_dwarf, n,
							    &align);

	// A module is mapped at pages; a larger alignment cannot be told.
	if (err || align < 2 || s->partial || s->addr % align == 0)
		return err;
	struct graft_subject_text where = graft_subject_print(types->new_dwarf,
							      n);
	state->comparer.differences++;
	return graft_case_refuse(
		state->c, GRAFT_RULE_LAYOUT, where.str,
		"the variable is aligned to %llu bytes, and OLD has it at 0x%llx, which is not",
		(unsigned long long)align, (unsigned long long)s->addr);
}
