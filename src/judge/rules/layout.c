// SPDX-License-Identifier: Apache-2.0

// R-02 without types. A member that moved shows in every function that uses it:
// the same instruction with another displacement. So it is looked for in three
// ways, each of which refuses:
//
// - two instructions stand for each other and differ in the displacement from a
//   pointer, and OLD's is gone or NEW's is new in that function (in a function
//   that differs in nothing else: even if not), and it is not so that NEW merely
//   does more (or less) through that register than OLD did;
// - where alignment misleads (loads of 8 and 16 that became loads of 16 and 24
//   look like one load removed and one added): the set of displacements through
//   a register is explained better by a movement than by none;
// - the distance between elements (`add $imm`, `imul $imm`) of what is used as
//   a pointer changed.
//
// The frame of the function itself is no layout: it dies with the call.

#include "judge/rules/layout.h"

#include "judge/flow/pointers.h"
#include "judge/types/types.h"

/** Largest element that an index is shifted for, as a power of two. */
static const int64_t factor_bits = 20;

static bool
is_pure(const struct graft_twin *twin)
{
	return twin->count == twin->old_ops.count &&
	       twin->count == twin->new_ops.count;
}

static struct graft_error *
refuse_pair(const struct graft_layout *layout, const struct graft_op *o,
	    const struct graft_op *n, const char *what)
{
	const struct graft_twin *twin = layout->twin;
	struct graft_place_text where = graft_place_code(
		twin->new_ops.code, twin->new_ops.func, n->addr);
	struct graft_twin_text text =
		graft_twin_print(twin, (uint32_t)(o - twin->old_ops.ops),
				 (uint32_t)(n - twin->new_ops.ops));

	return graft_case_refuse(layout->c, GRAFT_RULE_LAYOUT, where.str,
				 "%s: %s", text.str, what);
}

/** Say whether both reach a number of an array in the frame. It may be counted
 * from another one, and there is no member that could have moved. */
static bool
have_numbers(const struct graft_layout *layout, uint32_t o, uint32_t n)
{
	const struct graft_ops *was = &layout->twin->old_ops;
	const struct graft_ops *is = &layout->twin->new_ops;

	return o < was->count && n < is->count &&
	       was->ops[o].mem_size == is->ops[n].mem_size &&
	       graft_frame_has_numbers(&layout->old_frame, was, o) &&
	       graft_frame_has_numbers(&layout->new_frame, is, n);
}

/** Say whether both move a pointer on to such numbers. */
static bool
move_to_numbers(const struct graft_layout *layout,
		const struct graft_twin_pair *pair)
{
	const struct graft_ops *was = &layout->twin->old_ops;
	const struct graft_ops *is = &layout->twin->new_ops;

	return have_numbers(
		layout, graft_pointer_next(was, pair->o, was->ops[pair->o].dst),
		graft_pointer_next(is, pair->n, is->ops[pair->n].dst));
}

static struct graft_error *
check_displacement(const struct graft_layout *layout,
		   const struct graft_twin_pair *pair)
{
	const struct graft_op *o = &layout->twin->old_ops.ops[pair->o];
	const struct graft_op *n = &layout->twin->new_ops.ops[pair->n];

	// The same place, reached after the pointer was moved.
	if (o->disp == n->disp || (!layout->pure && o->reach == n->reach) ||
	    have_numbers(layout, pair->o, pair->n))
		return NULL;
	bool gone = !graft_accesses_have(&layout->n, o->reach);
	bool come = !graft_accesses_have(&layout->o, n->reach);
	bool same_regs = o->regs == n->regs;
	bool innocent;
	if (layout->pure)
		innocent = false;
	else if (same_regs)
		innocent = (!gone && !come) ||
			   graft_accesses_only_grew(&layout->o, o->base,
						    &layout->n, n->base);
	else
		innocent = !gone || !come || o->imm != n->imm;
	if (innocent)
		return NULL;
	return refuse_pair(layout, o, n,
			   "a member of what is pointed to may have moved");
}

/** What a size of elements may be, where nothing shows that it is none. */
static bool
looks_like_stride(int64_t imm)
{
	return imm >= 8 && imm % 4 == 0 && imm <= 1024;
}

/**
 * Say whether what an instruction computes becomes part of an address, or the
 * size that an allocator is asked for.
 *
 * @param[out] size_ret Set in the second case.
 */
static bool
is_index(const struct graft_ops *ops, uint32_t at, bool *size_ret)
{
	uint8_t reg = ops->ops[at].dst;

	for (uint32_t i = at + 1;
	     reg < 16 && i < ops->count && i <= at + GRAFT_OP_BACK_MAX; i++) {
		const struct graft_op *op = &ops->ops[i];
		bool adds = op->what == GRAFT_OP_ADD && !op->has_imm &&
			    (op->dst == reg || op->src == reg);
		if (op->has_mem && (op->base == reg || op->index == reg))
			return op->what != GRAFT_OP_LEA ||
			       graft_pointer_behind(ops, i, op->dst);
		if (adds && op->dst < 16 &&
		    graft_pointer_behind(ops, i, op->dst))
			return true;
		if (op->flags & GRAFT_INSN_CALL) {
			*size_ret = true;
			return reg == GRAFT_REG_RDI || reg == GRAFT_REG_RSI;
		}
		if (op->what == GRAFT_OP_MOV && !op->has_mem && op->src == reg)
			reg = op->dst;
		else if (op->writes & (1U << reg))
			return false;
	}
	return false;
}

/** Find what an instruction multiplies an index by; 0 if it does not. */
static int64_t
factor_of(const struct graft_op *op)
{
	if (op->what == GRAFT_OP_SHIFT && op->has_imm && op->dst_size == 8 &&
	    op->imm > 0 && op->imm <= factor_bits)
		return (int64_t)1 << op->imm;
	if (!op->has_mem || op->index >= 16)
		return 0;
	// `lea (%rax,%rax)` doubles, and adds.
	if (op->what == GRAFT_OP_LEA &&
	    (op->dst_size != 8 || op->base != GRAFT_REG_NONE))
		return 0;
	return op->scale;
}

/** Say whether the elements of what both instructions index differ in size. An
 * access alone is no evidence: a byte may be read out of larger elements. */
static bool
is_other_factor(const struct graft_layout *layout,
		const struct graft_twin_pair *pair)
{
	const struct graft_ops *old_ops = &layout->twin->old_ops;
	const struct graft_ops *new_ops = &layout->twin->new_ops;
	const struct graft_op *o = &old_ops->ops[pair->o];
	const struct graft_op *n = &new_ops->ops[pair->n];
	int64_t was = factor_of(o);
	int64_t is = factor_of(n);
	bool o_access = o->has_mem && o->what != GRAFT_OP_LEA;
	bool n_access = n->has_mem && n->what != GRAFT_OP_LEA;

	if (was < 2 || is < 2 || was == is || o_access != n_access)
		return false;
	if (o_access)
		return !layout->same_strides && o->mem_size != n->mem_size;
	bool size = false;
	return is_index(old_ops, pair->o, &size) &&
	       is_index(new_ops, pair->n, &size) &&
	       (size || !layout->same_strides);
}

/** Check two instructions that add constants: to a pointer, or to what becomes
 * part of one. */
static struct graft_error *
check_addition(const struct graft_layout *layout,
	       const struct graft_twin_pair *pair, bool explained)
{
	const struct graft_ops *old_ops = &layout->twin->old_ops;
	const struct graft_ops *new_ops = &layout->twin->new_ops;
	const struct graft_op *o = &old_ops->ops[pair->o];
	const struct graft_op *n = &new_ops->ops[pair->n];

	if (!explained && graft_pointer_kept(old_ops, pair->o) &&
	    graft_pointer_kept(new_ops, pair->n))
		return refuse_pair(layout, o, n,
				   "the address of a member may have moved");
	if (o->dst >= 16 || o->dst == GRAFT_REG_RSP || o->dst_size != 8 ||
	    move_to_numbers(layout, pair))
		return NULL;
	bool stride = layout->pure && looks_like_stride(o->imm) &&
		      looks_like_stride(n->imm);
	bool pointer = graft_pointer_behind(old_ops, pair->o, o->dst) ||
		       graft_pointer_before(old_ops, pair->o, o->dst);
	if (!stride &&
	    (!pointer || graft_pointer_step(old_ops, pair->o) ==
				 graft_pointer_step(new_ops, pair->n)))
		return NULL;
	return refuse_pair(layout, o, n,
			   "the distance of two elements may differ");
}

static struct graft_error *
check_pair(const struct graft_layout *layout,
	   const struct graft_twin_pair *pair)
{
	const struct graft_ops *old_ops = &layout->twin->old_ops;
	const struct graft_ops *new_ops = &layout->twin->new_ops;
	const struct graft_op *o = &old_ops->ops[pair->o];
	const struct graft_op *n = &new_ops->ops[pair->n];

	bool explained = graft_explained_pair(&layout->explained, pair);
	if (is_other_factor(layout, pair))
		return refuse_pair(layout, o, n,
				   "the size of an element may differ");
	// Of the distance between elements types say nothing where the code has a
	// number of its own for it.
	if (graft_op_through_pointer(old_ops, o) &&
	    graft_op_through_pointer(new_ops, n))
		return explained ? NULL : check_displacement(layout, pair);
	if (o->what == GRAFT_OP_LEA && !o->has_ref && !n->has_ref &&
	    !graft_op_in_frame(old_ops, o) && !graft_op_in_frame(new_ops, n)) {
		if (explained || o->disp == n->disp || o->regs != n->regs)
			return NULL;
		if (!graft_pointer_lea(old_ops, pair->o) &&
		    !graft_pointer_lea(new_ops, pair->n))
			return NULL;
		return refuse_pair(layout, o, n,
				   "the address of a member may have moved");
	}
	if (!o->has_imm || o->imm == n->imm || o->regs != n->regs)
		return NULL;
	if (o->what == GRAFT_OP_ADD)
		return check_addition(layout, pair, explained);
	// Where all factors are known, what is no size of elements is a number.
	bool known = !layout->old_strides.partial &&
		     !layout->new_strides.partial;
	if (!known && o->what == GRAFT_OP_IMUL && o->dst_size == 8 &&
	    o->imm >= 8 && n->imm >= 8 && o->imm < 1 << 20 && n->imm < 1 << 20)
		return refuse_pair(layout, o, n,
				   "the size of an element may differ");
	return NULL;
}

static struct graft_error *
check_all(const struct graft_layout *layout)
{
	const struct graft_twin *twin = layout->twin;
	struct graft_error *err = NULL;
	uint32_t before = layout->c->per_rule[GRAFT_RULE_LAYOUT];

	if (twin->partial && layout->typed)
		return NULL;
	if (twin->partial) {
		struct graft_place_text where =
			graft_place_code(twin->new_ops.code, twin->new_ops.func,
					 twin->new_ops.ops[0].addr);
		return graft_case_refuse(
			layout->c, GRAFT_RULE_LAYOUT, where.str,
			"so much of the function was rewritten that its use of members cannot be compared");
	}
	for (size_t i = 0; !err && i < twin->count; i++)
		err = check_pair(layout, &twin->pairs[i]);
	// Another member of a union has the same place and type of its own.
	if (!err)
		err = graft_layout_check_types(layout);
	// What is left where types explain the rest is too little to compare sets.
	if (!err && layout->typed)
		return graft_layout_check_strides(layout);
	// One movement is said once.
	if (!err && layout->c->per_rule[GRAFT_RULE_LAYOUT] == before)
		err = graft_layout_check_strides(layout);
	if (!err && layout->c->per_rule[GRAFT_RULE_LAYOUT] == before)
		err = graft_layout_check_sets(layout);
	if (!err && layout->c->per_rule[GRAFT_RULE_LAYOUT] == before)
		err = graft_layout_check_whole(layout);
	return err;
}

static bool
have_same_strides(const struct graft_layout *layout)
{
	const struct graft_strides *o = &layout->old_strides;
	const struct graft_strides *n = &layout->new_strides;

	return !o->partial && !n->partial && !graft_strides_only_in(o, n) &&
	       !graft_strides_only_in(n, o);
}

struct graft_error *
graft_check_layout(struct graft_case *c, const struct graft_twin *twin)
{
	struct graft_layout layout = {
		.c = c,
		.twin = twin,
		.pure = is_pure(twin),
		.typed = graft_case_is_twin(c, twin->new_ops.func) &&
			 graft_types_rule_out_layout(c),
	};

	struct graft_error *err = graft_frame_read(&twin->old_ops,
						   &layout.old_frame);
	if (!err)
		err = graft_frame_read(&twin->new_ops, &layout.new_frame);
	if (!err && layout.typed)
		err = graft_explained_read(c, twin, &layout.explained);
	if (!err)
		err = graft_accesses_read(&twin->old_ops, &layout.old_frame,
					  &layout.o);
	if (!err)
		err = graft_accesses_read(&twin->new_ops, &layout.new_frame,
					  &layout.n);
	if (!err)
		err = graft_strides_read(c, &twin->old_ops,
					 &layout.old_strides);
	if (!err)
		err = graft_strides_read(c, &twin->new_ops,
					 &layout.new_strides);
	layout.same_strides = have_same_strides(&layout);
	if (!err)
		err = check_all(&layout);
	graft_accesses_deinit(&layout.o);
	graft_accesses_deinit(&layout.n);
	graft_frame_deinit(&layout.old_frame);
	graft_frame_deinit(&layout.new_frame);
	graft_explained_deinit(&layout.explained);
	return err;
}
