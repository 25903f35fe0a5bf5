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

#include "judge/flow/accesses.h"
#include "judge/flow/frame.h"
#include "judge/flow/pointers.h"
#include "judge/flow/strides.h"
#include "judge/rules/checks.h"
#include "judge/types/types.h"

/** Largest element that an index is shifted for, as a power of two. */
static const int64_t factor_bits = 20;

/** Everything about one changed function that is looked at here. */
struct layout {
	struct graft_case *c;
	const struct graft_twin *twin;
	struct graft_accesses o;
	struct graft_accesses n;
	/** Every instruction has its counterpart: nothing was added or removed,
	 * so that a displacement that differs is all that there is. */
	bool pure;
	/** Types of both builds say that no member moved. */
	bool typed;
	/** By what indexes are multiplied, and that it is the same in both. */
	struct graft_strides old_strides;
	struct graft_strides new_strides;
	bool same_strides;
	/** What registers lead to in the frames. */
	struct graft_frame old_frame;
	struct graft_frame new_frame;
};

static bool
is_pure(const struct graft_twin *twin)
{
	return twin->count == twin->old_ops.count &&
	       twin->count == twin->new_ops.count;
}

static struct graft_error *
refuse_pair(const struct layout *layout, const struct graft_op *o,
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
have_numbers(const struct layout *layout, uint32_t o, uint32_t n)
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
move_to_numbers(const struct layout *layout, const struct graft_twin_pair *pair)
{
	const struct graft_ops *was = &layout->twin->old_ops;
	const struct graft_ops *is = &layout->twin->new_ops;

	return have_numbers(
		layout, graft_pointer_next(was, pair->o, was->ops[pair->o].dst),
		graft_pointer_next(is, pair->n, is->ops[pair->n].dst));
}

static struct graft_error *
check_displacement(const struct layout *layout,
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
is_other_factor(const struct layout *layout, const struct graft_twin_pair *pair)
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

static struct graft_error *
check_pair(const struct layout *layout, const struct graft_twin_pair *pair)
{
	const struct graft_ops *old_ops = &layout->twin->old_ops;
	const struct graft_ops *new_ops = &layout->twin->new_ops;
	const struct graft_op *o = &old_ops->ops[pair->o];
	const struct graft_op *n = &new_ops->ops[pair->n];

	if (is_other_factor(layout, pair))
		return refuse_pair(layout, o, n,
				   "the size of an element may differ");
	// What types say of members is not guessed at. Of the distance between
	// elements they say nothing where the code has a number of its own for it.
	if (graft_op_through_pointer(old_ops, o) &&
	    graft_op_through_pointer(new_ops, n))
		return layout->typed ? NULL : check_displacement(layout, pair);
	if (!layout->typed && o->what == GRAFT_OP_LEA && !o->has_ref &&
	    !n->has_ref && !graft_op_in_frame(old_ops, o) &&
	    !graft_op_in_frame(new_ops, n)) {
		if (o->disp == n->disp || o->regs != n->regs)
			return NULL;
		if (!graft_pointer_lea(old_ops, pair->o) &&
		    !graft_pointer_lea(new_ops, pair->n))
			return NULL;
		return refuse_pair(layout, o, n,
				   "the address of a member may have moved");
	}
	if (!o->has_imm || o->imm == n->imm || o->regs != n->regs)
		return NULL;
	if (o->what == GRAFT_OP_ADD && o->dst < 16 && o->dst != GRAFT_REG_RSP &&
	    o->dst_size == 8 && !move_to_numbers(layout, pair) &&
	    ((layout->pure && looks_like_stride(o->imm) &&
	      looks_like_stride(n->imm)) ||
	     ((graft_pointer_behind(old_ops, pair->o, o->dst) ||
	       graft_pointer_before(old_ops, pair->o, o->dst)) &&
	      graft_pointer_step(old_ops, pair->o) !=
		      graft_pointer_step(new_ops, pair->n))))
		return refuse_pair(layout, o, n,
				   "the distance of two elements may differ");
	// Where all factors are known, what is no size of elements is a number.
	bool known = !layout->old_strides.partial &&
		     !layout->new_strides.partial;
	if (!known && o->what == GRAFT_OP_IMUL && o->dst_size == 8 &&
	    o->imm >= 8 && n->imm >= 8 && o->imm < 1 << 20 && n->imm < 1 << 20)
		return refuse_pair(layout, o, n,
				   "the size of an element may differ");
	return NULL;
}

/** Find the instruction that reaches a displacement, or the ops' count. */
static uint32_t
find_reach(const struct graft_ops *ops, int64_t reach)
{
	uint32_t at = 0;

	while (at < ops->count &&
	       (!graft_op_through_pointer(ops, &ops->ops[at]) ||
		ops->ops[at].reach != reach))
		at++;
	return at;
}

static struct graft_error *
check_sets(const struct layout *layout)
{
	const struct graft_twin *twin = layout->twin;
	struct graft_error *err = NULL;

	for (uint8_t base = 0; !err && base < 16; base++) {
		struct graft_shift shift;
		if (!graft_accesses_shifted(&layout->o, &layout->n, base,
					    &shift))
			continue;
		struct graft_place_text where =
			graft_place_code(twin->new_ops.code, twin->new_ops.func,
					 twin->new_ops.ops[0].addr);
		struct graft_twin_text text = graft_twin_print(
			twin, find_reach(&twin->old_ops, shift.from),
			find_reach(&twin->new_ops, shift.from + shift.by));
		err = graft_case_refuse(
			layout->c, GRAFT_RULE_LAYOUT, where.str,
			"%s: what is reached through one register at 0x%llx and behind it is better explained by members that moved by %lld bytes (%zu of OLD's displacements) than by none that did (%zu)",
			text.str, (unsigned long long)shift.from,
			(long long)shift.by, shift.moved, shift.stayed);
	}
	return err;
}

/** No displacement of OLD is left, and one movement explains them all. */
static struct graft_error *
check_whole(const struct layout *layout)
{
	const struct graft_twin *twin = layout->twin;
	int64_t by;
	uint32_t o = 0;

	if (!graft_accesses_all_moved(&layout->o, &layout->n, &by))
		return NULL;
	while (o < twin->old_ops.count &&
	       (!graft_op_through_pointer(&twin->old_ops,
					  &twin->old_ops.ops[o]) ||
		!twin->old_ops.ops[o].reach))
		o++;
	uint32_t n = o < twin->old_ops.count
			     ? find_reach(&twin->new_ops,
					  twin->old_ops.ops[o].reach + by)
			     : twin->new_ops.count;
	struct graft_place_text where =
		graft_place_code(twin->new_ops.code, twin->new_ops.func,
				 twin->new_ops.ops[0].addr);
	struct graft_twin_text text = graft_twin_print(twin, o, n);
	return graft_case_refuse(
		layout->c, GRAFT_RULE_LAYOUT, where.str,
		"%s: no displacement of OLD is left, and that members moved by %lld explains all",
		text.str, (long long)by);
}

/** A member that is read and written in another way has another type. */
static struct graft_error *
check_types(const struct layout *layout)
{
	const struct graft_twin *twin = layout->twin;
	struct graft_retyping found;

	if (!graft_accesses_retyped(&layout->o, &layout->n, &found))
		return NULL;
	struct graft_place_text where = graft_place_code(
		twin->new_ops.code, twin->new_ops.func, found.addr);
	struct graft_twin_text text =
		graft_twin_print(twin, find_reach(&twin->old_ops, found.disp),
				 graft_op_at(&twin->new_ops, found.addr));
	return graft_case_refuse(
		layout->c, GRAFT_RULE_LAYOUT, where.str,
		"%s: the member of %u bytes at 0x%llx of what is pointed to was %s and is %s: its type changed",
		text.str, found.size, (unsigned long long)found.disp,
		found.now_float ? "an integer" : "floating point",
		found.now_float ? "floating point" : "an integer");
}

/** Compare by what indexes are multiplied, wherever and however it is done. */
static struct graft_error *
check_strides(const struct layout *layout)
{
	const struct graft_twin *twin = layout->twin;
	const struct graft_stride *gone;
	const struct graft_stride *come;

	if (!graft_strides_differ(&layout->old_strides, &layout->new_strides,
				  !layout->typed, &gone, &come))
		return NULL;
	struct graft_place_text where =
		graft_place_code(twin->new_ops.code, twin->new_ops.func,
				 twin->new_ops.ops[come->at].addr);
	struct graft_twin_text text = graft_twin_print(twin, gone->at,
						       come->at);
	return graft_case_refuse(
		layout->c, come->size ? GRAFT_RULE_SIZE : GRAFT_RULE_LAYOUT,
		where.str,
		"%s: an index was multiplied by %lld, and is by %lld: the size of an element may differ",
		text.str, (long long)gone->factor, (long long)come->factor);
}

static struct graft_error *
check_all(const struct layout *layout)
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
		err = check_types(layout);
	if (!err && layout->typed)
		return check_strides(layout);
	// One movement is said once.
	if (!err && layout->c->per_rule[GRAFT_RULE_LAYOUT] == before)
		err = check_strides(layout);
	if (!err && layout->c->per_rule[GRAFT_RULE_LAYOUT] == before)
		err = check_sets(layout);
	if (!err && layout->c->per_rule[GRAFT_RULE_LAYOUT] == before)
		err = check_whole(layout);
	return err;
}

static bool
have_same_strides(const struct layout *layout)
{
	const struct graft_strides *o = &layout->old_strides;
	const struct graft_strides *n = &layout->new_strides;

	return !o->partial && !n->partial && !graft_strides_only_in(o, n) &&
	       !graft_strides_only_in(n, o);
}

struct graft_error *
graft_check_layout(struct graft_case *c, const struct graft_twin *twin)
{
	struct layout layout = {
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
	return err;
}
