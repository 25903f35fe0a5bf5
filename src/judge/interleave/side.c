// SPDX-License-Identifier: Apache-2.0

#include "judge/interleave/side.h"

#include "judge/flow/op_decode.h"
#include "judge/interleave/exec.h"

#include <stdlib.h>
#include <string.h>

enum {
	/** Jumps that are followed without anything between. */
	JUMPS_MAX = 64,
};

static bool
is_branch(const struct graft_op *op)
{
	return (op->flags & GRAFT_INSN_JUMP) && !op->ends;
}

/** Say whether the process ends at an instruction. */
static bool
is_death(const struct graft_side *side, uint32_t at)
{
	const struct graft_op *op = &side->ops.ops[at];

	if (side->decoded[at].insn.mnemonic == ZYDIS_MNEMONIC_UD2)
		return true;
	if (!(op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)))
		return false;
	struct graft_callee callee = graft_op_callee(&side->ops, op);
	return callee.import && strcmp(callee.import, "__stack_chk_fail") == 0;
}

/** Say whether an instruction may be an effect, by itself. */
static bool
is_loud(const struct graft_side *side, uint32_t at)
{
	const struct graft_op *op = &side->ops.ops[at];
	const struct graft_decoded *d = &side->decoded[at];

	if (is_death(side, at))
		return false;
	if (op->flags & GRAFT_INSN_RET)
		return false;
	if (op->flags & GRAFT_INSN_JUMP)
		return !(op->flags & GRAFT_INSN_INTERNAL);
	if ((op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_BAD)) ||
	    !graft_exec_knows(d) ||
	    (d->insn.attributes & ZYDIS_ATTRIB_HAS_LOCK))
		return true;
	switch (d->insn.mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_POP:
	case ZYDIS_MNEMONIC_LEAVE:
		return false;
	case ZYDIS_MNEMONIC_MFENCE:
	case ZYDIS_MNEMONIC_LFENCE:
	case ZYDIS_MNEMONIC_SFENCE:
		return true;
	default:
		break;
	}
	for (uint8_t i = 0; i < d->insn.operand_count; i++) {
		const ZydisDecodedOperand *o = &d->operands[i];
		if (o->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    (o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) &&
		    (!graft_op_in_frame(&side->ops, op) ||
		     op->index != GRAFT_REG_NONE))
			return true;
	}
	return false;
}

static bool
is_loud_behind(const struct graft_side *side, uint32_t at)
{
	const struct graft_op *op = &side->ops.ops[at];
	uint32_t count = side->ops.count;

	if (is_death(side, at) || (op->flags & GRAFT_INSN_RET))
		return false;
	if (op->flags & GRAFT_INSN_INTERNAL) {
		uint32_t to = graft_op_at(&side->ops, op->target);
		if (to == count || side->loud[to])
			return true;
	}
	return !op->ends && (at + 1 >= count || side->loud[at + 1]);
}

static void
find_loud(struct graft_side *side)
{
	bool again = true;

	for (uint32_t i = 0; i < side->ops.count; i++)
		side->loud[i] = is_loud(side, i);
	while (again) {
		again = false;
		for (uint32_t i = side->ops.count; i-- > 0;) {
			if (side->loud[i] || !is_loud_behind(side, i))
				continue;
			side->loud[i] = true;
			again = true;
		}
	}
}

struct graft_error *
graft_side_init(const struct graft_case *c, bool is_new, struct graft_ops *ops,
		struct graft_terms *terms, struct graft_side *ret)
{
	GRAFT_CLEANUP(graft_side_deinit)
	struct graft_side side = {
		.c = c, .terms = terms, .is_new = is_new, .ops = *ops
	};
	const struct graft_code *code = ops->code;

	*ops = (struct graft_ops){ 0 };
	side.decoded = calloc((size_t)side.ops.count + 1,
			      sizeof(*side.decoded));
	side.loud = calloc((size_t)side.ops.count + 1, sizeof(*side.loud));
	if (!side.decoded || !side.loud)
		return graft_error_no_memory();
	for (uint32_t i = 0; i < side.ops.count; i++) {
		struct graft_op *op = &side.ops.ops[i];
		if (!graft_op_decode(code, &code->funcs[op->func],
				     &code->insns[op->insn], &side.decoded[i]))
			op->flags |= GRAFT_INSN_BAD;
	}
	find_loud(&side);
	*ret = side;
	side = (struct graft_side){ 0 };
	return NULL;
}

void
graft_side_deinit(struct graft_side *side)
{
	graft_ops_deinit(&side->ops);
	free(side->decoded);
	free(side->loud);
	*side = (struct graft_side){ 0 };
}

void
graft_side_enter(const struct graft_side *side, struct graft_side_state *ret)
{
	*ret = (struct graft_side_state){ 0 };
	for (uint32_t i = 0; i < GRAFT_SIDE_REGS; i++)
		ret->regs[i] = graft_term_get(side->terms, GRAFT_TERM_ENTRY, i,
					      0, 0);
	ret->regs[GRAFT_REG_RSP] = graft_term_get(side->terms, GRAFT_TERM_FRAME,
						  0, 0, 0);
	ret->flags = graft_term_get(side->terms, GRAFT_TERM_ENTRY,
				    GRAFT_SIDE_REGS, 0, 0);
}

graft_term
graft_side_named(const struct graft_side *side, uint32_t at)
{
	const struct graft_code *code = side->ops.code;
	uint32_t ref = code->insns[side->ops.ops[at].insn].ref;

	if (ref == GRAFT_NONE)
		return 0;
	const struct graft_ref *r = &code->refs[ref];
	bool tls = r->kind == GRAFT_REF_TLS;
	if (!side->is_new)
		return tls ? 0
			   : graft_term_get(side->terms, GRAFT_TERM_GLOBAL,
					    r->target, 0, 0);
	const struct graft_resolution *known =
		graft_case_resolution(side->c->diff, ref);
	if (tls && known && known->place == GRAFT_PLACE_SAME)
		return 0;
	if (!tls && known && known->place == GRAFT_PLACE_OLD)
		return graft_term_get(side->terms, GRAFT_TERM_GLOBAL,
				      known->old_addr, 0, 0);
	return graft_term_get(side->terms, GRAFT_TERM_NEW_PLACE, r->target, 0,
			      0);
}

void
graft_side_forget_loads(struct graft_side_state *state)
{
	state->load_count = 0;
}

void
graft_side_ask_loads(struct graft_side_state *state)
{
	for (uint32_t i = 0; i < state->load_count; i++)
		state->loads[i].asked = true;
}

void
graft_side_forget_below(const struct graft_side *side,
			struct graft_side_state *state)
{
	uint32_t kept = 0;
	int64_t off = 0;

	if (!graft_term_in_frame(side->terms, state->regs[GRAFT_REG_RSP], &off))
		off = INT64_MAX;
	for (uint32_t i = 0; i < state->slot_count; i++) {
		if (state->slots[i].off >= off)
			state->slots[kept++] = state->slots[i];
	}
	state->slot_count = kept;
}

static void
lose(struct graft_event *event, const char *why)
{
	event->kind = GRAFT_EVENT_LOST;
	event->why = why;
}

/** Tell the event at a jump that is followed by nobody. */
static void
at_jump(const struct graft_side *side, uint32_t at, struct graft_event *ret)
{
	const struct graft_op *op = &side->ops.ops[at];
	const struct graft_decoded *d = &side->decoded[at];
	struct graft_callee callee = graft_op_callee(&side->ops, op);

	if (!(op->flags & GRAFT_INSN_INTERNAL)) {
		ret->kind = GRAFT_EVENT_TAIL_CALL;
		if (!op->ends)
			lose(ret,
			     "it jumps to another function on a condition");
		else if (!callee.import && callee.func == GRAFT_NONE)
			lose(ret, "it has a jump through a pointer or a table");
		return;
	}
	ret->kind = GRAFT_EVENT_BRANCH;
	ret->condition = d->insn.opcode & 0xf;
	ret->taken = graft_op_at(&side->ops, op->target);
	ret->next = at + 1;
	bool plain = d->insn.opcode_map == ZYDIS_OPCODE_MAP_0F
			     ? (d->insn.opcode & 0xf0) == 0x80
			     : (d->insn.opcode & 0xf0) == 0x70;
	if (!plain)
		lose(ret, "it has a branch that asks for no flags");
}

/** Tell which event is at an instruction; false: none. */
static bool
find_event(const struct graft_side *side, struct graft_side_state *state,
	   uint32_t at, struct graft_event *ret)
{
	const struct graft_op *op = &side->ops.ops[at];

	*ret = (struct graft_event){ .flags = state->flags };
	if (op->flags & GRAFT_INSN_BAD) {
		lose(ret, "some of it does not decode");
	} else if (is_death(side, at)) {
		ret->kind = GRAFT_EVENT_DEATH;
	} else if (op->flags & GRAFT_INSN_RET) {
		ret->kind = GRAFT_EVENT_RETURN;
	} else if (op->flags & GRAFT_INSN_CALL) {
		ret->kind = GRAFT_EVENT_CALL;
	} else if (op->flags & GRAFT_INSN_JUMP) {
		at_jump(side, at, ret);
	} else if (!graft_exec_knows(&side->decoded[at])) {
		lose(ret, "it has an instruction that is not followed");
	} else if (graft_exec_is_effect(side, state, at)) {
		ret->kind = GRAFT_EVENT_STORE;
	} else {
		return false;
	}
	return true;
}

void
graft_side_run(const struct graft_side *side, struct graft_side_state *state,
	       graft_term now, uint32_t *at, struct graft_event *ret)
{
	uint64_t entry = side->ops.code->funcs[side->ops.func].addr;
	graft_term effect;
	unsigned jumps = 0;

	while (*at < side->ops.count) {
		const struct graft_op *op = &side->ops.ops[*at];
		bool inside = (op->flags & GRAFT_INSN_JUMP) &&
			      (op->flags & GRAFT_INSN_INTERNAL);
		if (inside && op->target == entry) {
			lose(ret, "it jumps to its own entry");
			return;
		}
		if (inside && !is_branch(op)) {
			*at = graft_op_at(&side->ops, op->target);
			if (++jumps < JUMPS_MAX)
				continue;
			lose(ret, "it may run in a circle");
			return;
		}
		if (find_event(side, state, *at, ret))
			return;
		const char *why = graft_exec(side, state, now, *at, &effect);
		if (why) {
			lose(ret, why);
			return;
		}
		++*at;
	}
	lose(ret, "it runs on behind its end");
}

void
graft_side_store(const struct graft_side *side, struct graft_side_state *state,
		 graft_term now, uint32_t at, graft_term *effect_ret)
{
	const char *why = graft_exec(side, state, now, at, effect_ret);

	if (why)
		*effect_ret = 0;
}
