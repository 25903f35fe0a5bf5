// SPDX-License-Identifier: Apache-2.0

// What calls do with addresses of frames.

#include "judge/confined_search.h"

#include "judge/incoming.h"

#include <string.h>

/** rax rcx rdx rsi rdi r8 to r11 and all vector registers. */
static const uint32_t volatile_bits = 0xffff0fc7;

/** Say whether a function of another module writes to what it is given, or does
 * not return, and keeps nothing. */
static bool
keeps_nothing(const char *import)
{
	static const char *const names[] = {
		"memset",        "__memset_chk", "__stack_chk_fail",
		"__assert_fail", "abort",        "exit",
	};

	for (size_t i = 0; import && i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i], import) == 0)
			return true;
	}
	return false;
}

/** Say whether a call copies bytes between frames, or from a constant to one. */
static bool
copies_to_frame(const char *import, const struct graft_confined_state *state)
{
	static const char *const names[] = {
		"memcpy",
		"memmove",
		"__memcpy_chk",
		"__memmove_chk",
	};
	const struct graft_confined_value *to = &state->regs[GRAFT_REG_RDI];
	const struct graft_confined_value *from = &state->regs[GRAFT_REG_RSI];
	bool to_frame = to->kind == GRAFT_CONFINED_OWN ||
			to->kind == GRAFT_CONFINED_FRAME;
	bool from_frame = from->kind == GRAFT_CONFINED_OWN ||
			  from->kind == GRAFT_CONFINED_FRAME;
	bool copies = false;

	for (size_t i = 0; import && i < sizeof(names) / sizeof(*names); i++)
		copies |= strcmp(names[i], import) == 0;
	return copies && to_frame && !to->maybe &&
	       (from->kind == GRAFT_CONFINED_CONSTANT ||
		(from_frame && !from->maybe));
}

/** Note that all that a call is given gets about. */
static void
mark_arguments(struct graft_confined_run *run,
	       const struct graft_confined_state *state)
{
	for (int i = 0; i < GRAFT_CONFINED_ARGUMENTS; i++)
		graft_confined_mark(run,
				    &state->regs[graft_confined_arguments[i]]);
}

/**
 * Look at the words that a call may be given on the stack: those from the stack
 * pointer on that were stored since the last call. Addresses among them get
 * about, and the callee may overwrite them.
 *
 * @param[in] func What is called, or #GRAFT_NONE if that is not known.
 */
static void
pass_stack(struct graft_confined_run *run, uint32_t func,
	   struct graft_confined_state *state)
{
	const struct graft_confined_value *rsp = &state->regs[GRAFT_REG_RSP];
	bool known = rsp->kind == GRAFT_CONFINED_OWN && !rsp->vague;
	uint64_t words = graft_confined_incoming(run, func);
	int64_t off = rsp->off;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < state->slot_count; i++) {
		struct graft_confined_slot *slot = &state->slots[i];
		bool below = known && slot->off < off;
		bool next = !known || state->full || slot->off == off;
		int64_t word = (slot->off - (int64_t)rsp->off) / 8;
		bool read = !known || word >= GRAFT_INCOMING_MAX || word < 0 ||
			    (words >> word & 1);
		// What the function itself reads again is no argument.
		bool keeps = run->all->collecting ||
			     graft_confined_has_place(run, &run->all->loaded,
						      slot->off, false);
		bool passed = !below && next && slot->value.fresh && !keeps;
		if (passed && slot->off == off)
			off += 8;
		passed = passed && read;
		if (passed)
			graft_confined_mark(run, &slot->value);
		if (passed || below)
			continue;
		slot->value.fresh = false;
		state->slots[kept++] = *slot;
	}
	state->slot_count = kept;
}

/** Turn what a function has in its registers into what its callee is given. */
static void
pass_registers(const struct graft_confined_run *run,
	       const struct graft_confined_state *state,
	       struct graft_confined_value *ret)
{
	for (int i = 0; i < GRAFT_CONFINED_ARGUMENTS; i++) {
		struct graft_confined_value value =
			state->regs[graft_confined_arguments[i]];
		if (!graft_confined_is_address(&value))
			value = graft_confined_nothing();
		if (value.kind == GRAFT_CONFINED_OWN) {
			value.kind = GRAFT_CONFINED_FRAME;
			value.who = run->body->func;
		}
		value.fresh = false;
		ret[i] = value;
	}
}

/** Find what is called where a register or word of the frame names it. */
static struct graft_confined_value
named_by_value(struct graft_confined_run *run, const struct graft_op *op,
	       const struct graft_confined_state *state)
{
	struct graft_confined_value none = graft_confined_nothing();

	if (!op->has_mem)
		return op->first < 16 ? state->regs[op->first] : none;
	if (op->base >= 16 || op->index != GRAFT_REG_NONE)
		return none;
	struct graft_confined_value base = state->regs[op->base];
	if (base.kind != GRAFT_CONFINED_OWN || base.maybe || base.vague)
		return none;
	return graft_confined_read_word(run, state,
					(int32_t)(base.off + op->disp));
}

/** Give a whole frame up, and all that registers and words of it hold. */
static void
give_up_frame(struct graft_confined_run *run,
	      const struct graft_confined_state *state)
{
	const struct graft_confined_value all = {
		.kind = GRAFT_CONFINED_OWN,
		.base = GRAFT_CONFINED_WHOLE,
	};

	graft_confined_mark(run, &all);
	for (uint8_t r = 0; r < 16; r++) {
		if (r != GRAFT_REG_RSP)
			graft_confined_mark(run, &state->regs[r]);
	}
	for (uint32_t i = 0; i < state->slot_count; i++)
		graft_confined_mark(run, &state->slots[i].value);
}

static struct graft_confined_value
call_known(struct graft_confined_run *run, uint32_t func,
	   struct graft_confined_state *state, uint32_t *clobbers_ret)
{
	struct graft_confined_value arguments[GRAFT_CONFINED_ARGUMENTS];
	bool concerns = run->all->closed[func];

	if (!run->err)
		run->err = graft_confined_clobbers(run->all, func,
						   clobbers_ret);
	pass_registers(run, state, arguments);
	for (int i = 0; i < GRAFT_CONFINED_ARGUMENTS; i++)
		concerns |= graft_confined_is_address(&arguments[i]);
	return concerns ? graft_confined_enter(run, func, arguments)
			: graft_confined_nothing();
}

/** Say whether a jump leaves while the frame is still there: it goes to a case
 * of the same function, or to a part of it that others use too. */
static bool
keeps_frame(const struct graft_op *op, const struct graft_confined_state *state)
{
	const struct graft_confined_value *rsp = &state->regs[GRAFT_REG_RSP];

	return !(op->flags & GRAFT_INSN_CALL) &&
	       (rsp->kind != GRAFT_CONFINED_OWN || rsp->vague || rsp->off != 0);
}

static void
join_result(struct graft_confined_run *run,
	    const struct graft_confined_value *value)
{
	struct graft_confined_call *call = &run->all->calls[run->call];
	struct graft_confined_value joined = *value;
	struct graft_confined_value gone[2];

	// A frame that ends is no place for an object.
	if (joined.kind == GRAFT_CONFINED_OWN ||
	    !graft_confined_is_address(&joined))
		joined = graft_confined_nothing();
	joined.maybe = graft_confined_is_address(&joined);
	if (call->returns) {
		joined = graft_confined_join(call->result, joined, gone);
		graft_confined_mark(run, &gone[0]);
		graft_confined_mark(run, &gone[1]);
	}
	if (!graft_confined_equal(&joined, &call->result))
		run->changed = true;
	call->result = joined;
	call->returns = true;
}

void
graft_confined_do_call(struct graft_confined_run *run,
		       const struct graft_ops *part, const struct graft_op *op,
		       struct graft_confined_state *state)
{
	struct graft_callee callee = graft_op_callee(part, op);
	struct graft_confined_value result = graft_confined_nothing();
	struct graft_confined_value named = graft_confined_nothing();
	uint32_t clobbers = volatile_bits;

	if (op->flags & GRAFT_INSN_RET) {
		join_result(run, &state->regs[GRAFT_REG_RAX]);
		return;
	}
	// A function that calls itself.
	if ((op->flags & GRAFT_INSN_CALL) && op->target)
		callee.func = graft_code_func_starting(part->code, op->target);
	if (callee.func == GRAFT_NONE && !callee.import)
		named = named_by_value(run, op, state);
	if (keeps_frame(op, state)) {
		if (!callee.indirect || named.kind == GRAFT_CONFINED_FUNC)
			give_up_frame(run, state);
		return;
	}
	uint32_t func = callee.func;
	if (named.kind == GRAFT_CONFINED_FUNC && !named.maybe)
		func = named.who;
	pass_stack(run, callee.import ? GRAFT_NONE : func, state);
	if (callee.func != GRAFT_NONE) {
		result = call_known(run, callee.func, state, &clobbers);
		// The dynamic linker may come in between.
		if (callee.import)
			clobbers = volatile_bits;
	} else if (named.kind == GRAFT_CONFINED_FUNC) {
		result = call_known(run, named.who, state, &clobbers);
		if (named.maybe)
			mark_arguments(run, state);
	} else if (copies_to_frame(callee.import, state)) {
		result = state->regs[GRAFT_REG_RDI];
	} else if (!keeps_nothing(callee.import)) {
		mark_arguments(run, state);
	}
	if (!(op->flags & GRAFT_INSN_CALL)) {
		join_result(run, &result);
		return;
	}
	for (uint8_t r = 0; r < GRAFT_CONFINED_REGS; r++) {
		if ((clobbers & ((uint32_t)1 << r)) || r == GRAFT_REG_RAX)
			state->regs[r] = graft_confined_nothing();
	}
	state->regs[GRAFT_REG_RAX] = result;
}
