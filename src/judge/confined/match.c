// SPDX-License-Identifier: Apache-2.0

#include "judge/confined/match.h"

#include "base/vec.h"
#include "diff/code/table.h"

#include <Zydis/Zydis.h>
#include <stdlib.h>
#include <string.h>

enum {
	/** Most bytes that a jump table has. */
	TABLE_MAX = 1 << 16,
};

const struct graft_op *
graft_confined_side_op(const struct graft_confined_side *side, uint32_t at)
{
	const struct graft_ops *part;

	return graft_confined_op(side->body, at, &part);
}

static const struct graft_ops *
part_at(const struct graft_confined_side *side, uint32_t at)
{
	const struct graft_ops *part;

	(void)graft_confined_op(side->body, at, &part);
	return part;
}

const struct graft_confined_state *
graft_confined_side_state(const struct graft_confined_side *side, uint32_t at)
{
	return &side->call->states[at];
}

bool
graft_confined_is_left_out(const struct graft_confined_side *side, uint32_t at)
{
	const struct graft_op *op = graft_confined_side_op(side, at);
	const struct graft_confined_state *state =
		graft_confined_side_state(side, at);
	bool moves_stack = op->dst == GRAFT_REG_RSP &&
			   ((op->what == GRAFT_OP_ADD && op->has_imm) ||
			    op->what == GRAFT_OP_LEA);

	return op->what == GRAFT_OP_NOP || moves_stack ||
	       graft_confined_is_repeated_store(side->all, op, state) ||
	       graft_confined_is_constant_store(side->all, side->body, op,
						state) ||
	       graft_confined_is_fill(side->all, part_at(side, at), op, state);
}

/** Note that bytes of both frames stand for each other, if nothing that was noted
 * says otherwise. */
static bool
bind(struct graft_confined_match *match, int64_t o, int64_t n, int64_t size)
{
	// What the caller has there is no concern of this frame.
	if ((o >= 0 || n >= 0) && o != n)
		return false;
	for (size_t i = 0; i < match->binding_count; i++) {
		const struct graft_confined_binding *b = &match->bindings[i];
		bool meets = (o < b->o + b->size && o + size > b->o) ||
			     (n < b->n + b->size && n + size > b->n);
		if (meets && n - o != b->n - b->o)
			return false;
		if (o == b->o && n == b->n && size <= b->size)
			return true;
	}
	if (!match->err)
		match->err = graft_vec_reserve(
			&match->bindings, &match->binding_cap,
			match->binding_count + 1, sizeof(*match->bindings));
	if (!match->err)
		match->bindings[match->binding_count++] =
			(struct graft_confined_binding){ o, n, size };
	return !match->err;
}

/** Bind two variables whose address is used. */
static bool
bind_variables(struct graft_confined_match *match, int64_t o, int64_t n)
{
	const char *fault;
	int64_t was;
	int64_t is;

	(void)graft_confined_local(match->o.all, match->o.body, o, &was,
				   &fault);
	(void)graft_confined_local(match->n.all, match->n.body, n, &is, &fault);
	return was == is && bind(match, o, n, was ? was : 1);
}

/** Say whether bytes of an object of each side are the same part of a member of one
 * name. */
static bool
same_member(const struct graft_confined_match *match, int64_t o, int64_t n,
	    int64_t size)
{
	const struct graft_confined_member *was =
		graft_confined_member_at(match->o.all, o, size);
	const struct graft_confined_member *is =
		graft_confined_member_at(match->n.all, n, size);

	return was && is && strcmp(was->name, is->name) == 0 &&
	       o - (int64_t)was->off == n - (int64_t)is->off;
}

/** Say whether an index, or another way to get from one place to another, may lead
 * from two places to an object. */
static bool
is_ambiguous(const struct graft_confined_match *match, int64_t o, int64_t n)
{
	return graft_confined_is_ambiguous(match->o.all, match->o.body, o,
					   match->n.all, match->n.body, n);
}

/** Compare what two instructions reach in memory. */
static bool
same_place(struct graft_confined_match *match, uint32_t o, uint32_t n)
{
	const struct graft_op *was = graft_confined_side_op(&match->o, o);
	const struct graft_op *is = graft_confined_side_op(&match->n, n);
	struct graft_confined_place a = graft_confined_place_of(
		match->o.all, match->o.body, was,
		graft_confined_side_state(&match->o, o));
	struct graft_confined_place b = graft_confined_place_of(
		match->n.all, match->n.body, is,
		graft_confined_side_state(&match->n, n));

	if (a.reach != b.reach)
		return false;
	switch (a.reach) {
	case GRAFT_CONFINED_OUTSIDE:
		return was->disp == is->disp;
	case GRAFT_CONFINED_IN_FRAME:
		return bind(match, a.off, b.off, was->mem_size);
	case GRAFT_CONFINED_IN_VARIABLE:
		return a.from == b.from &&
		       !is_ambiguous(match, a.off + a.from, b.off + b.from) &&
		       bind_variables(match, a.off, b.off);
	case GRAFT_CONFINED_IN_OBJECT:
		return same_member(match, a.off, b.off, was->mem_size);
	default:
		return false;
	}
}

/** Compare the addresses in frames that two instructions make. @param[out]
 * are_ret They do make such. */
static bool
same_address(struct graft_confined_match *match, uint32_t o, uint32_t n,
	     bool *are_ret)
{
	struct graft_confined_value a = graft_confined_address_of(
		match->o.all, match->o.body,
		graft_confined_side_op(&match->o, o),
		graft_confined_side_state(&match->o, o));
	struct graft_confined_value b = graft_confined_address_of(
		match->n.all, match->n.body,
		graft_confined_side_op(&match->n, n),
		graft_confined_side_state(&match->n, n));

	*are_ret = a.kind != GRAFT_CONFINED_OTHER;
	if (a.kind != b.kind)
		return false;
	switch (a.kind) {
	case GRAFT_CONFINED_STACK:
		return bind(match, a.off, b.off, 1);
	case GRAFT_CONFINED_LOCAL:
		// Its start is its own, and no computation's.
		if (a.off != a.base && is_ambiguous(match, a.off, b.off))
			return false;
		return a.off - a.base == b.off - b.base &&
		       bind_variables(match, a.base, b.base);
	case GRAFT_CONFINED_OBJECT:
		return (a.off == 0 && b.off == 0) ||
		       same_member(match, a.off, b.off, 1);
	default:
		return true;
	}
}

/** Get where a computation begins that adds to the address of a variable. */
static bool
begins_at(const struct graft_confined_side *side, uint32_t at, uint8_t reg,
	  int64_t *ret)
{
	const struct graft_confined_value *value;

	if (reg >= 16)
		return false;
	value = &graft_confined_side_state(side, at)->regs[reg];
	*ret = value->off == INT64_MIN ? value->base : value->off;
	return value->kind == GRAFT_CONFINED_LOCAL ||
	       value->kind == GRAFT_CONFINED_STACK;
}

/** Compare from where two instructions go on to a place that depends on an index. */
static bool
same_walk(const struct graft_confined_match *match, uint32_t o, uint32_t n)
{
	const struct graft_op *a = graft_confined_side_op(&match->o, o);
	const struct graft_op *b = graft_confined_side_op(&match->n, n);
	bool adds = a->what == GRAFT_OP_ADD && !a->has_mem && !a->has_imm;
	bool leads = a->what == GRAFT_OP_LEA && !a->has_ref && a->index < 16;
	const uint8_t old_regs[] = { leads ? a->base : a->dst,
				     leads ? a->index : a->src };
	const uint8_t new_regs[] = { leads ? b->base : b->dst,
				     leads ? b->index : b->src };

	for (int i = 0; (adds || leads) && i < 2; i++) {
		int64_t x = 0;
		int64_t y = 0;
		bool from = begins_at(&match->o, o, old_regs[i], &x);
		if (from != begins_at(&match->n, n, new_regs[i], &y))
			return false;
		int64_t more_x = leads ? a->disp : 0;
		int64_t more_y = leads ? b->disp : 0;
		if (from && is_ambiguous(match, x + more_x, y + more_y))
			return false;
	}
	return true;
}

/** Note that two instructions must stand for each other. */
static bool
must_meet(struct graft_confined_match *match, uint32_t o, uint32_t n)
{
	bool leaves = o == graft_confined_count(match->o.body);

	if (leaves != (n == graft_confined_count(match->n.body)))
		return false;
	if (leaves)
		return true;
	if (!match->err)
		match->err = graft_vec_reserve(&match->jumps, &match->jump_cap,
					       match->jump_count + 1,
					       sizeof(*match->jumps));
	if (!match->err)
		match->jumps[match->jump_count++] =
			(struct graft_confined_jump){ o, n };
	return !match->err;
}

/** Compare two jump tables. @param[out] are_ret They are such. */
static bool
same_table(struct graft_confined_match *match, const struct graft_op *o,
	   const struct graft_op *n, bool *are_ret)
{
	const struct graft_code *was = match->o.all->q->code;
	const struct graft_code *is = match->n.all->q->code;
	uint64_t a = was->refs[was->insns[o->insn].ref].target;
	uint64_t b = is->refs[is->insns[n->insn].ref].target;
	uint32_t count = graft_table_count(was, o->func, a, TABLE_MAX);
	uint32_t other = graft_table_count(is, n->func, b, TABLE_MAX);

	*are_ret = count || other;
	if (count != other)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t x = graft_confined_at(match->o.body,
					       graft_table_target(was, a, i));
		uint32_t y = graft_confined_at(match->n.body,
					       graft_table_target(is, b, i));
		if (!must_meet(match, x, y))
			return false;
	}
	return true;
}

/** Compare what two instructions name outside of their function. */
static bool
same_reference(struct graft_confined_match *match, uint32_t o, uint32_t n)
{
	const struct graft_code *was = match->o.all->q->code;
	const struct graft_code *is = match->n.all->q->code;
	const struct graft_op *a = graft_confined_side_op(&match->o, o);
	const struct graft_op *b = graft_confined_side_op(&match->n, n);
	uint32_t x = was->insns[a->insn].ref;
	uint32_t y = is->insns[b->insn].ref;
	uint64_t addr;
	bool tables = false;

	if (x == GRAFT_NONE || y == GRAFT_NONE)
		return x == y;
	const struct graft_ref *old_ref = &was->refs[x];
	const struct graft_ref *new_ref = &is->refs[y];
	struct graft_callee left = graft_op_callee(part_at(&match->o, o), a);
	struct graft_callee right = graft_op_callee(part_at(&match->n, n), b);
	if (old_ref->kind != new_ref->kind)
		return false;
	if (old_ref->kind == GRAFT_REF_TLS)
		return old_ref->target == new_ref->target;
	if (left.import || right.import)
		return left.import && right.import &&
		       strcmp(left.import, right.import) == 0;
	if (left.func != GRAFT_NONE || right.func != GRAFT_NONE)
		return right.func != GRAFT_NONE && left.func != GRAFT_NONE &&
		       match->pair->c->diff->new_match[right.func].other ==
			       left.func;
	if (old_ref->kind == GRAFT_REF_BRANCH)
		return false;
	if (old_ref->kind == GRAFT_REF_ADDRESS) {
		bool equal = same_table(match, a, b, &tables);
		if (tables)
			return equal;
	}
	return graft_case_old_place(match->pair->c, y, &addr) &&
	       addr == old_ref->target;
}

/** Say whether an instruction does something else for other flags. */
static bool
reads_flags(const struct graft_op *op)
{
	ZydisMnemonic mnemonic = (ZydisMnemonic)op->mnemonic;
	bool jumps = (op->flags & GRAFT_INSN_JUMP) && !op->ends;
	bool sets = mnemonic >= ZYDIS_MNEMONIC_SETB &&
		    mnemonic <= ZYDIS_MNEMONIC_SETZ;

	return jumps || sets || op->what == GRAFT_OP_CMOV ||
	       mnemonic == ZYDIS_MNEMONIC_ADC ||
	       mnemonic == ZYDIS_MNEMONIC_SBB ||
	       mnemonic == ZYDIS_MNEMONIC_PUSHFQ ||
	       mnemonic == ZYDIS_MNEMONIC_LAHF ||
	       mnemonic == ZYDIS_MNEMONIC_RCL || mnemonic == ZYDIS_MNEMONIC_RCR;
}

/** Say whether nothing is asked behind a compare but whether both are equal. */
static bool
only_equality(const struct graft_confined_side *side, uint32_t at)
{
	uint32_t count = graft_confined_count(side->body);

	if (at + 2 >= count)
		return false;
	const struct graft_op *jump = graft_confined_side_op(side, at + 1);
	uint32_t target = graft_confined_target(side->body, at + 1);
	return (jump->mnemonic == ZYDIS_MNEMONIC_JZ ||
		jump->mnemonic == ZYDIS_MNEMONIC_JNZ) &&
	       target < count &&
	       !reads_flags(graft_confined_side_op(side, target)) &&
	       !reads_flags(graft_confined_side_op(side, at + 2));
}

/** Say whether two compares only have their operands in another order. */
static bool
same_compare(const struct graft_confined_match *match, uint32_t o, uint32_t n)
{
	const struct graft_op *a = graft_confined_side_op(&match->o, o);
	const struct graft_op *b = graft_confined_side_op(&match->n, n);

	return a->what == GRAFT_OP_CMP && b->what == GRAFT_OP_CMP &&
	       a->shape == b->shape && !a->has_mem && !a->has_imm &&
	       a->first == b->src && a->src == b->first && a->first < 16 &&
	       a->reads == b->reads && a->wide == b->wide &&
	       only_equality(&match->o, o) && only_equality(&match->n, n);
}

/** Say whether two instructions make the same address in the same register, one by
 * `lea`, one by `mov`: the object begins where the stack pointer leads. */
static bool
same_made(struct graft_confined_match *match, uint32_t o, uint32_t n)
{
	const struct graft_op *a = graft_confined_side_op(&match->o, o);
	const struct graft_op *b = graft_confined_side_op(&match->n, n);
	bool made = false;

	if (a->what == b->what || a->dst != b->dst || a->index < 16 ||
	    b->index < 16 ||
	    (a->what != GRAFT_OP_LEA && a->what != GRAFT_OP_MOV) ||
	    (b->what != GRAFT_OP_LEA && b->what != GRAFT_OP_MOV))
		return false;
	return same_address(match, o, n, &made) && made;
}

bool
graft_confined_do_match(struct graft_confined_match *match, uint32_t o,
			uint32_t n)
{
	const struct graft_op *a = graft_confined_side_op(&match->o, o);
	const struct graft_op *b = graft_confined_side_op(&match->n, n);
	bool address = false;
	int64_t rsp_o = graft_confined_side_state(&match->o, o)
				->regs[GRAFT_REG_RSP]
				.off;
	int64_t rsp_n = graft_confined_side_state(&match->n, n)
				->regs[GRAFT_REG_RSP]
				.off;

	if (same_compare(match, o, n) || same_made(match, o, n))
		return true;
	if (a->mnemonic != b->mnemonic || a->shape != b->shape ||
	    a->regs != b->regs || a->flags != b->flags ||
	    a->has_imm != b->has_imm || a->is_atomic != b->is_atomic)
		return false;
	if ((a->flags & GRAFT_INSN_JUMP) &&
	    !must_meet(match, graft_confined_target(match->o.body, o),
		       graft_confined_target(match->n.body, n)))
		return false;
	bool inside = (a->flags & GRAFT_INSN_JUMP) &&
		      graft_confined_target(match->o.body, o) <
			      graft_confined_count(match->o.body);
	// A function that calls itself.
	if ((a->flags & GRAFT_INSN_CALL) && (a->target || b->target) &&
	    (a->target != match->o.body->parts[0].ops[0].addr ||
	     b->target != match->n.body->parts[0].ops[0].addr))
		return false;
	if (!inside && !same_reference(match, o, n))
		return false;
	if (!same_address(match, o, n, &address) || !same_walk(match, o, n))
		return false;
	if (a->has_imm && a->imm != b->imm && !address)
		return false;
	if ((a->what == GRAFT_OP_PUSH || a->what == GRAFT_OP_POP) &&
	    !bind(match, rsp_o, rsp_n, 1))
		return false;
	if (!a->has_mem || a->has_ref || address)
		return true;
	if (a->what == GRAFT_OP_LEA)
		return a->disp == b->disp;
	return same_place(match, o, n);
}
