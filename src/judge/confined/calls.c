// SPDX-License-Identifier: Apache-2.0

// What calls do with addresses of objects.

#include "judge/confined/search.h"

#include "judge/flow/incoming.h"

#include <string.h>

/** rax rcx rdx rsi rdi r8 to r11 and all vector registers. */
static const uint32_t volatile_bits = 0xffff0fc7;

/** Say whether a function of another module comes back twice, or goes on with
 * another stack. */
static bool
leaves_oddly(const char *import)
{
	static const char *const words[] = { "setjmp", "getcontext",
					     "swapcontext", "makecontext",
					     "vfork" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strstr(import, words[i]))
			return true;
	}
	return false;
}

bool
graft_confined_is_fill(const struct graft_confined *all,
		       const struct graft_ops *part, const struct graft_op *op,
		       const struct graft_confined_state *state)
{
	struct graft_callee callee = graft_op_callee(part, op);
	const struct graft_confined_value *to = &state->regs[GRAFT_REG_RDI];
	const struct graft_confined_value *len = &state->regs[GRAFT_REG_RDX];

	return (op->flags & GRAFT_INSN_CALL) && callee.import &&
	       strcmp(callee.import, "memset") == 0 &&
	       to->kind == GRAFT_CONFINED_OBJECT && to->off >= 0 &&
	       state->regs[GRAFT_REG_RSI].kind == GRAFT_CONFINED_CONST &&
	       len->kind == GRAFT_CONFINED_CONST && len->off >= 0 &&
	       to->off + len->off <= (int64_t)all->q->size;
}

/** Let somebody have all arguments of whom nothing is known. */
static void
give_away(struct graft_confined_run *run,
	  const struct graft_confined_state *state)
{
	// A frame around is known to functions of the module only.
	for (int i = 0; i < GRAFT_CONFINED_ARGUMENTS - 1; i++) {
		const struct graft_confined_value *value =
			&state->regs[graft_confined_arguments[i]];
		if (graft_confined_is_bound(value))
			graft_confined_fail(
				run,
				"the address of an object is handed to somebody who is not seen");
		if (value->kind == GRAFT_CONFINED_FUNC)
			graft_confined_lose(run, value);
	}
}

/** Look at the words of the frame that a call may be given. Those below the stack
 * pointer are gone behind it. */
static void
pass_stack(struct graft_confined_run *run, uint32_t func,
	   struct graft_confined_state *state)
{
	int64_t rsp = state->regs[GRAFT_REG_RSP].off;
	struct graft_incoming incoming = { .may_read = UINT64_MAX };
	uint32_t kept = 0;

	if (func != GRAFT_NONE && !run->err)
		run->err = graft_incoming_read(run->all->q->code, func,
					       &incoming);
	for (uint32_t i = 0; i < state->slot_count; i++) {
		struct graft_confined_slot *slot = &state->slots[i];
		int64_t word = (slot->off - rsp) / 8;
		if (slot->off < rsp)
			continue;
		bool read = word >= GRAFT_INCOMING_MAX ||
			    (incoming.may_read >> word & 1);
		// What stands behind the frame pointer, or stood there before
		// the last call, is a variable; and there are no arguments if
		// the first one is none.
		bool passed = read && state->passes &&
			      (slot->value.pushed || func != GRAFT_NONE);
		if (passed && graft_confined_is_bound(&slot->value))
			graft_confined_fail(
				run,
				"the address of an object may be an argument on the stack");
		if (passed && slot->value.kind == GRAFT_CONFINED_FUNC)
			graft_confined_lose(run, &slot->value);
		slot->value.pushed = false;
		state->slots[kept++] = *slot;
	}
	state->slot_count = kept;
	state->passes = false;
}

/** Turn what a function has in its registers into what its callee is given. */
static bool
pass_registers(struct graft_confined_run *run, uint32_t func,
	       const struct graft_confined_state *state,
	       struct graft_confined_value *ret)
{
	uint8_t count = run->all->q->frames[func].argument_count;
	bool any = false;

	for (int i = 0; i < GRAFT_CONFINED_ARGUMENTS; i++) {
		struct graft_confined_value value =
			state->regs[graft_confined_arguments[i]];
		// The last one is no argument that types tell of.
		bool used = i < count || i == GRAFT_CONFINED_ARGUMENTS - 1;
		ret[i] = graft_confined_nothing();
		if (!used)
			continue;
		if (value.kind == GRAFT_CONFINED_POISON)
			graft_confined_fail(
				run,
				"the address of an object, or something else, is handed on");
		if (value.kind != GRAFT_CONFINED_OBJECT &&
		    value.kind != GRAFT_CONFINED_FUNC)
			continue;
		value.pushed = false;
		ret[i] = value;
		any |= value.kind == GRAFT_CONFINED_OBJECT;
	}
	return any;
}

/** Call a function of the module. @return Whether an address may come back. */
static bool
call_known(struct graft_confined_run *run, uint32_t func,
	   const struct graft_confined_state *state)
{
	struct graft_confined_value arguments[GRAFT_CONFINED_ARGUMENTS];
	bool object = pass_registers(run, func, state, arguments);

	// Without an object only the calls of those matter that may get one.
	if (object || run->all->q->closed[func])
		return graft_confined_enter(run, func, arguments);
	for (int i = 0; i < GRAFT_CONFINED_ARGUMENTS; i++)
		graft_confined_lose(run, &arguments[i]);
	return false;
}

/** Find what is called through a register or a word of the frame. */
static struct graft_confined_value
find_called(struct graft_confined_run *run, const struct graft_op *op,
	    const struct graft_confined_state *state)
{
	struct graft_confined_value value = graft_confined_nothing();

	if (op->has_ref)
		return value;
	if (!op->has_mem) {
		if (op->first < 16)
			value = state->regs[op->first];
	} else {
		struct graft_confined_place place =
			graft_confined_place_of(run->all, run->body, op, state);
		if (place.reach == GRAFT_CONFINED_NOBODY_KNOWS)
			graft_confined_fail(run, place.fault);
		if (place.reach == GRAFT_CONFINED_IN_OBJECT)
			graft_confined_fail(run,
					    "an object says what is called");
		if (place.reach == GRAFT_CONFINED_IN_FRAME)
			value = graft_confined_load(state, place.off);
	}
	if (graft_confined_is_bound(&value))
		graft_confined_fail(run, "an address of an object is called");
	return value;
}

static void
do_return(struct graft_confined_run *run,
	  const struct graft_confined_state *state)
{
	struct graft_confined_call *call = &run->all->calls[run->call];
	bool bound = graft_confined_is_bound(&state->regs[GRAFT_REG_RAX]) ||
		     graft_confined_is_bound(&state->regs[GRAFT_REG_RDX]);

	if (state->regs[GRAFT_REG_RAX].kind == GRAFT_CONFINED_FUNC)
		graft_confined_lose(run, &state->regs[GRAFT_REG_RAX]);
	run->changed |= bound && !call->returns_bound;
	call->returns_bound |= bound;
}

/** Let registers be as a call leaves them. */
static void
come_back(struct graft_confined_state *state, uint32_t clobbers, bool bound)
{
	for (uint8_t r = 0; r < 16; r++) {
		if (clobbers & (1U << r))
			state->regs[r] = graft_confined_nothing();
	}
	state->regs[GRAFT_REG_RAX] = graft_confined_nothing();
	if (bound) {
		state->regs[GRAFT_REG_RAX].kind = GRAFT_CONFINED_POISON;
		state->regs[GRAFT_REG_RDX].kind = GRAFT_CONFINED_POISON;
	}
	state->zero = 0;
	state->mixed = 0;
}

/** Find who is called, if it is a function of the module and surely that one. */
static uint32_t
known_callee(struct graft_confined_run *run, const struct graft_ops *part,
	     const struct graft_op *op,
	     const struct graft_confined_state *state)
{
	struct graft_callee callee = graft_op_callee(part, op);

	if (callee.import) {
		if (leaves_oddly(callee.import))
			graft_confined_fail(run, "a call may come back twice");
		// What the module itself defines; see docs/rules.md for who
		// might come in between.
		return callee.func;
	}
	// A function that calls itself.
	if ((op->flags & GRAFT_INSN_CALL) && op->target)
		return graft_code_func_starting(part->code, op->target);
	if (callee.func != GRAFT_NONE)
		return callee.func;
	struct graft_confined_value value = find_called(run, op, state);
	return value.kind == GRAFT_CONFINED_FUNC ? value.who : GRAFT_NONE;
}

void
graft_confined_do_call(struct graft_confined_run *run,
		       const struct graft_ops *part, const struct graft_op *op,
		       struct graft_confined_state *state)
{
	const struct graft_confined_value *rsp = &state->regs[GRAFT_REG_RSP];
	bool is_call = op->flags & GRAFT_INSN_CALL;
	uint32_t clobbers = volatile_bits;
	bool bound = false;

	if (op->flags & GRAFT_INSN_RET) {
		do_return(run, state);
		return;
	}
	if (rsp->kind != GRAFT_CONFINED_STACK ||
	    (is_call &&
	     !graft_confined_is_stack_pointer(run->all, run->body, rsp->off))) {
		graft_confined_fail(run, "nobody knows where the stack is");
		return;
	}
	// A switch; where it leads is among the instructions.
	if (!is_call && (op->flags & GRAFT_INSN_INDIRECT) && rsp->off != 0) {
		(void)find_called(run, op, state);
		return;
	}
	if (!is_call && rsp->off != 0) {
		graft_confined_fail(run,
				    "a jump leaves while the frame is there");
		return;
	}
	uint32_t func = known_callee(run, part, op, state);
	pass_stack(run, func, state);
	if (func != GRAFT_NONE) {
		bound = call_known(run, func, state);
		// The dynamic linker may come in between.
		if (!graft_op_callee(part, op).import)
			clobbers = graft_confined_clobbers(run, func);
	} else if (!graft_confined_is_fill(run->all, part, op, state)) {
		give_away(run, state);
	}
	if (!is_call) {
		struct graft_confined_call *call = &run->all->calls[run->call];
		run->changed |= bound && !call->returns_bound;
		call->returns_bound |= bound;
		return;
	}
	come_back(state, clobbers, bound);
}
