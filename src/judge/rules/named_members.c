// SPDX-License-Identifier: Apache-2.0

// R-02 in a reference: a member of an object that has a name moved.

#include "judge/rules/checks.h"
#include "judge/types/types.h"

#include <string.h>

/** A place in an object that has a name. */
struct member {
	const struct graft_symbol *symbol;
	uint64_t off;
};

static struct member
member_of(const struct graft_ops *ops, const struct graft_op *op)
{
	uint32_t ref = ops->code->insns[op->insn].ref;
	const struct graft_image *image = ops->code->image;
	struct member member = { 0 };

	if (!op->has_ref || ref == GRAFT_NONE)
		return member;
	uint64_t addr = ops->code->refs[ref].target;
	const struct graft_section *section = graft_image_section_at(image,
								     addr);
	if (!section || !graft_section_is_writable(section))
		return member;
	const struct graft_symbol *symbol = graft_image_object_at(image, addr);
	if (!symbol)
		return member;
	return (struct member){ symbol, addr - symbol->addr };
}

/** Say whether a function names a place in an object of a name. */
static bool
names_member(const struct graft_ops *ops, const char *name, uint64_t off)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		struct member member = member_of(ops, &ops->ops[i]);
		if (member.symbol && member.off == off &&
		    strcmp(member.symbol->name, name) == 0)
			return true;
	}
	return false;
}

/** Say whether a function that stays names a place in an object: what is there
 * did not move. */
static bool
stays(const struct graft_case *c, const struct graft_symbol *symbol,
      uint64_t off)
{
	const struct graft_code *code = c->diff->new_code;

	for (uint32_t i = 0; i < code->func_count; i++) {
		const struct graft_func *func = &code->funcs[i];
		for (uint32_t j = 0; j < func->ref_count; j++) {
			if (code->refs[func->first_ref + j].target ==
				    symbol->addr + off &&
			    !c->diff->new_match[i].carried)
				return true;
		}
	}
	return false;
}

/** Find out whether a pair names two places of one object. */
static bool
moves_member(struct graft_case *c, const struct graft_twin *twin,
	     const struct graft_twin_pair *pair, struct member *was,
	     struct member *is)
{
	*was = member_of(&twin->old_ops, &twin->old_ops.ops[pair->o]);
	*is = member_of(&twin->new_ops, &twin->new_ops.ops[pair->n]);
	return was->symbol && is->symbol && was->off != is->off &&
	       strcmp(was->symbol->name, is->symbol->name) == 0 &&
	       !stays(c, is->symbol, was->off) &&
	       !stays(c, is->symbol, is->off);
}

static struct graft_error *
refuse(struct graft_case *c, const struct graft_twin *twin, uint32_t o,
       uint32_t n)
{
	struct graft_place_text where =
		graft_place_code(twin->new_ops.code, twin->new_ops.func,
				 twin->new_ops.ops[n].addr);
	struct graft_twin_text text = graft_twin_print(twin, o, n);

	return graft_case_refuse(c, GRAFT_RULE_LAYOUT, where.str,
				 "%s: a member of this object may have moved",
				 text.str);
}

/** One place that became another one may as well be another member that is
 * meant; two are a movement. */
struct graft_error *
graft_check_named_members(struct graft_case *c, const struct graft_twin *twin)
{
	bool pure = twin->count == twin->old_ops.count &&
		    twin->count == twin->new_ops.count;
	struct member first = { 0 };

	// Types say that none moved.
	if (graft_types_rule_out_layout(c))
		return NULL;
	for (size_t i = 0; i < twin->count; i++) {
		const struct graft_twin_pair *pair = &twin->pairs[i];
		struct member was;
		struct member is;
		if (!moves_member(c, twin, pair, &was, &is) ||
		    (!pure &&
		     (names_member(&twin->new_ops, is.symbol->name, was.off) ||
		      names_member(&twin->old_ops, is.symbol->name, is.off))))
			continue;
		if (!first.symbol)
			first = was;
		else if (was.symbol == first.symbol && was.off != first.off)
			return refuse(c, twin, pair->o, pair->n);
	}
	return NULL;
}
