// SPDX-License-Identifier: Apache-2.0

// What the hotpatch says it leaves as it is: functions that differ in line numbers
// only, and a main that differs in text only. Each has a note of its
// own that ends with the addresses of both. That the numbers are lines is the
// hotpatch's word; that they can be, are only handed on to calls, and that nothing
// else differs is checked.

#include "check/walk.h"

#include "base/vec.h"
#include "patch/patch.h"

#include <stdio.h>
#include <string.h>

/** No file has more lines. */
enum { LINE_MAX_NUMBER = 1 << 24 };

/** Read the addresses at the end of a note; false: there are none. */
static bool
read_note(const struct graft_reason *reason, struct graft_walk_left *ret)
{
	const char *end = strrchr(reason->text, '(');
	unsigned long long old_addr;
	unsigned long long new_addr;
	char last = '\0';

	if (!reason->note || !end ||
	    sscanf(end, "(old 0x%llx, new 0x%llx%c", &old_addr, &new_addr,
		   &last) != 3 ||
	    last != ')')
		return false;
	*ret = (struct graft_walk_left){
		.old_addr = old_addr,
		.new_addr = new_addr,
		.lines = strcmp(reason->rule, "R-25") == 0,
		.texts = strcmp(reason->rule, "R-21") == 0
	};
	return true;
}

struct graft_error *
graft_left_read(struct graft_walk *walk,
		const struct graft_patch_module *module)
{
	for (size_t i = 0; i < module->reason_count; i++) {
		struct graft_walk_left left;
		if (!read_note(&module->reasons[i], &left))
			continue;
		struct graft_error *err = graft_vec_reserve(
			&walk->left, &walk->left_cap, walk->left_count + 1,
			sizeof(*walk->left));
		if (err)
			return err;
		walk->left[walk->left_count++] = left;
	}
	return NULL;
}

/** Find what is said to be left at a place, at the same distance in both. */
static struct graft_walk_left *
find(struct graft_walk *walk, uint64_t old_addr, uint64_t new_addr)
{
	uint64_t end;
	const struct graft_extent *o;
	const struct graft_extent *n;

	if (!old_addr || !walk->left_count ||
	    (walk->old_world.shadow_image &&
	     old_addr >= walk->old_world.shadow))
		return NULL;
	o = graft_world_extent_at(&walk->old_world, old_addr, &end);
	n = graft_world_extent_at(&walk->new_world, new_addr, &end);
	if (!o || !n || old_addr - o->addr != new_addr - n->addr)
		return NULL;
	for (size_t i = 0; i < walk->left_count; i++) {
		if (walk->left[i].old_addr == o->addr &&
		    walk->left[i].new_addr == n->addr)
			return &walk->left[i];
	}
	return NULL;
}

/** Can a constant be the number of a line? */
static bool
is_line_like(const struct graft_insn_view *insn)
{
	uint64_t value = insn->operands[1].imm.value.u;

	return value > 0 && value <= LINE_MAX_NUMBER;
}

/** Do two instructions put different constants of 4 bytes into one register? */
static bool
differ_in_constant(const struct graft_insn_view *o,
		   const struct graft_insn_view *n)
{
	return o->raw.mnemonic == ZYDIS_MNEMONIC_MOV && o->len == n->len &&
	       !o->has_memory && !n->has_memory && o->len > 4 &&
	       o->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       o->operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
	       o->raw.raw.imm[0].size == 32 && n->raw.raw.imm[0].size == 32 &&
	       memcmp(o->bytes, n->bytes, (size_t)o->len - 4) == 0 &&
	       is_line_like(o) && is_line_like(n);
}

struct graft_error *
graft_left_take_line(struct graft_walk *walk,
		     const struct graft_insn_view *old_insn,
		     const struct graft_insn_view *new_insn, bool *taken_ret)
{
	struct graft_walk_left *left = differ_in_constant(old_insn, new_insn)
					       ? find(walk, old_insn->addr,
						      new_insn->addr)
					       : NULL;

	*taken_ret = left && left->lines && graft_passed_only(walk, new_insn);
	if (!*taken_ret || left->told)
		return NULL;
	left->told = true;
	return graft_walk_except(
		walk,
		"line numbers stay, as R-25 says, in the function at 0x%llx: "
		"%llu instead of %llu",
		(unsigned long long)left->old_addr,
		(unsigned long long)old_insn->operands[1].imm.value.u,
		(unsigned long long)new_insn->operands[1].imm.value.u);
}

bool
graft_left_is_main(struct graft_walk *walk, const struct graft_walk_site *site)
{
	const struct graft_walk_left *left =
		site->new_insn ? find(walk, site->old_insn, site->new_insn)
			       : NULL;

	return left && left->texts;
}
