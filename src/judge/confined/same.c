// SPDX-License-Identifier: Apache-2.0

#include "judge/confined/same.h"

#include "judge/confined/match.h"

#include <stdlib.h>

static void
match_deinit(struct graft_confined_match *match)
{
	free(match->o.partner);
	free(match->n.partner);
	free(match->bindings);
	free(match->jumps);
}

/** Say whether an instruction only puts a constant into a register. */
static bool
makes_constant(const struct graft_code *code, const struct graft_op *op)
{
	return (op->what == GRAFT_OP_ZERO && op->first < 32) ||
	       graft_confined_loads_constant(code, op) ||
	       (op->what == GRAFT_OP_MOV && op->has_imm && !op->has_mem &&
		op->dst < 16);
}

/** Compare what a register holds, as far as constants go. */
static bool
same_constant(const struct graft_confined_match *match, uint32_t o, uint32_t n,
	      uint8_t reg)
{
	const struct graft_confined_state *a =
		graft_confined_side_state(&match->o, o);
	const struct graft_confined_state *b =
		graft_confined_side_state(&match->n, n);

	if (reg >= GRAFT_REG_XMM0) {
		uint32_t bit = (uint32_t)1 << reg;
		return !(a->mixed & bit) && !(b->mixed & bit) &&
		       (a->zero & bit) == (b->zero & bit);
	}
	const struct graft_confined_value *x = &a->regs[reg];
	const struct graft_confined_value *y = &b->regs[reg];
	if (x->kind == GRAFT_CONFINED_MIXED || y->kind == GRAFT_CONFINED_MIXED)
		return false;
	if (x->kind != GRAFT_CONFINED_CONST && y->kind != GRAFT_CONFINED_CONST)
		return true;
	return x->kind == y->kind && x->off == y->off;
}

/** Say whether no vector register is handed over where control leaves. */
static bool
passes_no_vectors(const struct graft_confined_side *side, uint32_t at)
{
	const struct graft_confined_frame *frames = side->all->q->frames;
	const struct graft_op *op = graft_confined_side_op(side, at);
	const struct graft_confined_value *rax =
		&graft_confined_side_state(side, at)->regs[GRAFT_REG_RAX];
	const struct graft_ops *part;

	(void)graft_confined_op(side->body, at, &part);
	if (op->flags & GRAFT_INSN_RET)
		return frames[side->body->func].no_vectors;
	struct graft_callee callee = graft_op_callee(part, op);
	// The caller of a function with any arguments says how many there are.
	return (callee.func != GRAFT_NONE && frames[callee.func].no_vectors) ||
	       (op->target && frames[side->body->func].no_vectors) ||
	       (rax->kind == GRAFT_CONFINED_CONST && rax->off == 0);
}

/** Find the registers that an instruction, or whoever it goes to, may read. */
static uint32_t
reads_of(const struct graft_confined_side *side, uint32_t at)
{
	// rax and the arguments; %xmm0 to %xmm7.
	static const uint32_t general = 0x07c7;
	static const uint32_t vectors = 0x00ff0000;
	const struct graft_op *op = graft_confined_side_op(side, at);
	bool leaves = (op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_RET)) ||
		      ((op->flags & GRAFT_INSN_JUMP) &&
		       graft_confined_target(side->body, at) ==
			       graft_confined_count(side->body));

	if (!leaves)
		return op->reads;
	return op->reads | general |
	       (passes_no_vectors(side, at) ? 0 : vectors);
}

/** Look at who reads registers whose constants were left out. */
static bool
check_constants(struct graft_confined_match *match)
{
	uint32_t left_out = match->o.left_out | match->n.left_out;

	for (uint32_t i = 0; i < graft_confined_count(match->o.body); i++) {
		uint32_t n = match->o.partner[i];
		if (n == GRAFT_NONE)
			continue;
		uint32_t reads = reads_of(&match->o, i) & left_out;
		for (uint8_t r = 0; r < 32; r++) {
			if (!(reads & ((uint32_t)1 << r)) ||
			    same_constant(match, i, n, r))
				continue;
			match->addr =
				graft_confined_side_op(&match->n, n)->addr;
			return false;
		}
	}
	return true;
}

/** Find the instruction that stands for what control comes to at one. */
static uint32_t
behind(const struct graft_confined_side *side, uint32_t at)
{
	while (at < graft_confined_count(side->body) &&
	       side->partner[at] == GRAFT_NONE)
		at++;
	return at;
}

static bool
check_jumps(const struct graft_confined_match *match)
{
	for (size_t i = 0; i < match->jump_count; i++) {
		uint32_t o = behind(&match->o, match->jumps[i].o);
		uint32_t n = behind(&match->n, match->jumps[i].n);
		if (o == graft_confined_count(match->o.body) ||
		    match->o.partner[o] != n)
			return false;
	}
	return true;
}

/** Leave an instruction out on one side if it only makes a constant. */
static bool
leave_out(struct graft_confined_side *side, uint32_t *at)
{
	if (*at >= graft_confined_count(side->body) ||
	    !makes_constant(side->all->q->code,
			    graft_confined_side_op(side, *at)))
		return false;
	side->left_out |= (uint32_t)1
			  << graft_confined_side_op(side, *at)->first;
	++*at;
	return true;
}

static void
skip(const struct graft_confined_side *side, uint32_t *at)
{
	while (*at < graft_confined_count(side->body) &&
	       graft_confined_is_left_out(side, *at))
		++*at;
}

/** Go through both sides. */
static bool
walk(struct graft_confined_match *match)
{
	uint32_t old_count = graft_confined_count(match->o.body);
	uint32_t new_count = graft_confined_count(match->n.body);
	uint32_t o = 0;
	uint32_t n = 0;

	for (;;) {
		skip(&match->o, &o);
		skip(&match->n, &n);
		if (match->err || (o == old_count && n == new_count))
			break;
		if (o < old_count && n < new_count &&
		    graft_confined_do_match(match, o, n)) {
			match->o.partner[o] = n;
			match->n.partner[n] = o;
			o++;
			n++;
			continue;
		}
		if (leave_out(&match->o, &o) || leave_out(&match->n, &n))
			continue;
		if (n < new_count)
			match->addr =
				graft_confined_side_op(&match->n, n)->addr;
		return false;
	}
	return !match->err && check_jumps(match) && check_constants(match);
}

/** Get the next call of a function that was looked at, or NULL. */
static const struct graft_confined_call *
next_call(const struct graft_confined *all, uint32_t func, size_t *at)
{
	while (*at < all->call_count) {
		const struct graft_confined_call *call = &all->calls[(*at)++];
		if (call->func == func && call->states)
			return call;
	}
	return NULL;
}

static bool
same_arguments(const struct graft_confined_call *a,
	       const struct graft_confined_call *b)
{
	for (int i = 0; i < GRAFT_CONFINED_ARGUMENTS; i++) {
		if (a->arguments[i].kind != b->arguments[i].kind)
			return false;
	}
	return true;
}

/** Compare one way to call a function of OLD with one of NEW. */
static struct graft_error *
compare_calls(const struct graft_confined_pair *pair,
	      const struct graft_confined_call *o,
	      const struct graft_confined_call *n, bool *ret,
	      uint64_t *addr_ret)
{
	GRAFT_CLEANUP(match_deinit)
	struct graft_confined_match match = {
		.pair = pair,
		.o = { .all = pair->o,
		       .body = pair->o->bodies[o->func],
		       .call = o },
		.n = { .all = pair->n,
		       .body = pair->n->bodies[n->func],
		       .call = n },
	};
	size_t old_count = graft_confined_count(match.o.body);
	size_t new_count = graft_confined_count(match.n.body);

	match.o.partner = calloc(old_count + 1, sizeof(*match.o.partner));
	match.n.partner = calloc(new_count + 1, sizeof(*match.n.partner));
	if (!match.o.partner || !match.n.partner)
		return graft_error_no_memory();
	for (size_t i = 0; i < old_count; i++)
		match.o.partner[i] = GRAFT_NONE;
	for (size_t i = 0; i < new_count; i++)
		match.n.partner[i] = GRAFT_NONE;
	*ret = walk(&match);
	*addr_ret = match.addr;
	return match.err;
}

/** Compare a function that was looked at: each way to call it in one build with
 * each in the other that gives it as many objects, and there must be one. */
static struct graft_error *
compare_function(const struct graft_confined_pair *pair, uint32_t o, uint32_t n,
		 bool *ret, uint64_t *addr_ret)
{
	const struct graft_confined_call *old_call;
	const struct graft_confined_call *new_call;
	struct graft_error *err = NULL;
	size_t i = 0;

	*ret = true;
	while (!err && *ret && (old_call = next_call(pair->o, o, &i))) {
		bool any = false;
		size_t k = 0;
		while (!err && *ret && (new_call = next_call(pair->n, n, &k))) {
			if (!same_arguments(old_call, new_call))
				continue;
			any = true;
			err = compare_calls(pair, old_call, new_call, ret,
					    addr_ret);
		}
		*ret &= any;
	}
	return err;
}

/** Say whether a function was looked at. */
static bool
was_seen(const struct graft_confined *all, uint32_t func)
{
	size_t at = 0;

	return next_call(all, func, &at) != NULL;
}

struct graft_error *
graft_confined_compare(const struct graft_confined_pair *pair, const char **ret,
		       uint32_t *func_ret, uint64_t *addr_ret)
{
	const struct graft_diff *diff = pair->c->diff;
	struct graft_error *err = NULL;
	bool same = true;

	*ret = NULL;
	*func_ret = GRAFT_NONE;
	*addr_ret = 0;
	for (uint32_t i = 0; i < diff->old_code->func_count; i++) {
		uint32_t other = diff->old_match[i].other;
		if (was_seen(pair->o, i) &&
		    (other == GRAFT_NONE || !was_seen(pair->n, other))) {
			*ret = "a function of OLD that has to do with it has no counterpart";
			return NULL;
		}
	}
	for (uint32_t i = 0; !err && i < diff->new_code->func_count; i++) {
		uint32_t other = diff->new_match[i].other;
		if (!was_seen(pair->n, i))
			continue;
		*func_ret = i;
		if (other == GRAFT_NONE || !was_seen(pair->o, other)) {
			*ret = "it has no counterpart in OLD";
			return NULL;
		}
		err = compare_function(pair, other, i, &same, addr_ret);
		if (!err && !same) {
			*ret = "it differs in more than where members stand";
			return NULL;
		}
	}
	*func_ret = GRAFT_NONE;
	return err;
}
