// SPDX-License-Identifier: Apache-2.0

#include "diff/code/flow.h"

#include "base/vec.h"
#include "diff/code/absolute.h"
#include "diff/code/callee.h"
#include "diff/code/line_imports.h"
#include "diff/code/register.h"

#include <Zydis/Zydis.h>
#include <string.h>

enum {
	RAX = 0,
	RCX = 1,
	RDX = 2,
	RSP = 4,
	RSI = 6,
	RDI = 7,
	/** Furthest access that is noted. */
	USED_MAX = 4096,
	/** Furthest address that is. */
	SPAN_MAX = 1 << 24,
	/** %rax, %rcx, %rdx, %rsi, %rdi, %r8 to %r11. */
	VOLATILE = 0x0fc7,
	REGISTERS = 0xffff,
	/** Not a register: %rax was written since the value was there. */
	RAX_WRITTEN = 1 << 16,
	/** The instruction stands in the queue. */
	QUEUED = 1 << 17,
};

static const uint8_t argument_registers[GRAFT_FLOW_ARGUMENTS] = { RDI, RSI, RDX,
								  RCX, 8,   9 };

/** One instruction, decoded. */
struct step {
	const struct graft_insn *insn;
	ZydisDecodedInstruction zi;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	uint32_t func;
	uint64_t addr;
};

struct graft_error *
graft_flow_init(const struct graft_code *code, struct graft_flow *ret)
{
	struct graft_flow flow = { .code = code };

	flow.holds = calloc(code->insn_count + 1, sizeof(*flow.holds));
	if (!flow.holds)
		return graft_error_no_memory();
	*ret = flow;
	return NULL;
}

void
graft_flow_deinit(struct graft_flow *flow)
{
	free(flow->holds);
	free(flow->queue);
	free(flow->seen);
	free(flow->calls);
	*flow = (struct graft_flow){ 0 };
}

uint8_t
graft_flow_register(unsigned argument)
{
	return argument_registers[argument];
}

static uint32_t
bit_of(ZydisRegister reg)
{
	uint8_t number = graft_register_number(reg);

	return number == GRAFT_REGISTER_NONE ? 0 : 1U << number;
}

/** The function that an instruction belongs to. Functions hold their
 * instructions in their order. */
static uint32_t
func_of(const struct graft_code *code, uint32_t insn)
{
	size_t low = 0;
	size_t high = code->func_count;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;
		if (code->funcs[mid].first_insn <= insn)
			low = mid;
		else
			high = mid;
	}
	return (uint32_t)low;
}

static bool
decode(const struct graft_code *code, uint32_t at, struct step *step)
{
	ZydisDecoder decoder;

	step->insn = &code->insns[at];
	step->func = func_of(code, at);
	const struct graft_func *func = &code->funcs[step->func];
	step->addr = func->addr + step->insn->off;
	const uint8_t *bytes = graft_image_bytes(code->image, step->addr,
						 step->insn->len);
	if ((step->insn->flags & GRAFT_INSN_BAD) || !bytes ||
	    !ZYAN_SUCCESS(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64,
					   ZYDIS_STACK_WIDTH_64)) ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes,
						 step->insn->len, &step->zi,
						 step->operands)))
		return false;
	graft_absolute_show(code, func, step->insn, &step->zi, step->operands);
	return true;
}

/** The value is somewhere before an instruction: look at it, if that is news. */
static struct graft_error *
reach(struct graft_flow *flow, size_t *queue_count, uint32_t insn,
      uint32_t holds)
{
	uint32_t *at = &flow->holds[insn];
	struct graft_error *err;

	if (!(holds & REGISTERS) || (*at & holds) == holds)
		return NULL;
	if (*at == 0) {
		err = graft_vec_reserve(&flow->seen, &flow->seen_cap,
					flow->seen_count + 1,
					sizeof(*flow->seen));
		if (err)
			return err;
		flow->seen[flow->seen_count++] = insn;
	}
	*at |= holds;
	if (*at & QUEUED)
		return NULL;
	err = graft_vec_reserve(&flow->queue, &flow->queue_cap,
				*queue_count + 1, sizeof(*flow->queue));
	if (err)
		return err;
	*at |= QUEUED;
	flow->queue[(*queue_count)++] = insn;
	return NULL;
}

/** The value meets a call, or a jump that leaves the function. */
static struct graft_error *
meet_call(struct graft_flow *flow, uint32_t at, const struct graft_insn *insn,
	  uint32_t *holds)
{
	struct graft_callee callee = graft_callee_of(flow->code, insn);
	uint8_t arguments = 0;
	uint32_t rest = *holds & VOLATILE;

	for (unsigned i = 0; i < GRAFT_FLOW_ARGUMENTS; i++) {
		uint32_t bit = 1U << argument_registers[i];
		arguments |= (uint8_t)((*holds & bit ? 1U : 0) << i);
		rest &= ~bit;
	}
	// %al counts vector registers, %r10 is the static chain.
	if (flow->is_address)
		rest &= ~(1U << RAX);
	flow->lost |= rest != 0;
	if (arguments) {
		struct graft_error *err = graft_vec_reserve(
			&flow->calls, &flow->call_cap, flow->call_count + 1,
			sizeof(*flow->calls));
		if (err)
			return err;
		flow->calls[flow->call_count++] =
			(struct graft_flow_call){ at, arguments };
	}
	if (callee.import && graft_line_import_ends(callee.import)) {
		*holds = 0;
		return NULL;
	}
	flow->lost |= (*holds & VOLATILE) &&
		      !graft_callee_destroys(flow->code, &callee);
	// A landing pad, which no branch leads to, has what the callee keeps.
	const struct graft_extent *extent =
		flow->code->funcs[func_of(flow->code, at)].extent;
	flow->lost |= (*holds & REGISTERS & ~VOLATILE) && extent &&
		      extent->lsda;
	*holds = (*holds & ~(uint32_t)VOLATILE) | RAX_WRITTEN;
	return NULL;
}

/** Say whether an instruction only copies one whole register to another. */
static bool
is_copy(const struct step *step)
{
	return step->zi.mnemonic == ZYDIS_MNEMONIC_MOV &&
	       step->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       step->operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       step->operands[0].size >= 32 && step->operands[1].size >= 32 &&
	       graft_register_number(step->operands[0].reg.value) !=
		       GRAFT_REGISTER_NONE &&
	       graft_register_number(step->operands[1].reg.value) !=
		       GRAFT_REGISTER_NONE;
}

/** Say whether the result does not depend on the register: xor with itself. */
static bool
is_zero(const struct step *step)
{
	return (step->zi.mnemonic == ZYDIS_MNEMONIC_XOR ||
		step->zi.mnemonic == ZYDIS_MNEMONIC_SUB) &&
	       step->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       step->operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       step->operands[0].size >= 32 &&
	       step->operands[0].reg.value == step->operands[1].reg.value;
}

/** Note how far the steps of an index to the value are apart at least. */
static void
meet_index(struct graft_flow *flow, const ZydisDecodedOperand *operand,
	   uint32_t holds)
{
	uint32_t base = bit_of(operand->mem.base);
	uint32_t index = bit_of(operand->mem.index);
	bool is_access = operand->mem.type == ZYDIS_MEMOP_TYPE_MEM;
	uint32_t stride = is_access ? operand->size / 8 : 0;

	if (!(holds & (base | index)) || !base || !index)
		return;
	if ((holds & base) && operand->mem.scale > stride)
		stride = operand->mem.scale;
	if (stride == 0)
		stride = 1;
	if (stride > flow->stride)
		flow->stride = stride;
}

/**
 * Note an access, or an address, at a constant distance behind the value.
 *
 * @return Registers that the operand reads for anything else.
 */
static uint32_t
meet_memory(struct graft_flow *flow, const ZydisDecodedOperand *operand,
	    uint32_t holds)
{
	uint32_t base = bit_of(operand->mem.base);
	uint32_t index = bit_of(operand->mem.index);
	int64_t disp = operand->mem.disp.value;
	int64_t end = disp + operand->size / 8;

	meet_index(flow, operand, holds);
	if ((holds & base) && operand->mem.type == ZYDIS_MEMOP_TYPE_AGEN &&
	    operand->mem.index == ZYDIS_REGISTER_NONE &&
	    disp > (int64_t)flow->span && disp <= SPAN_MAX)
		flow->span = (uint32_t)disp;
	// What an instruction does not spell out (`stos`) may be repeated, and a
	// segment has a base of its own.
	if (!(holds & base) || operand->mem.index != ZYDIS_REGISTER_NONE ||
	    disp < 0 || end > USED_MAX || operand->size < 8 ||
	    operand->mem.type != ZYDIS_MEMOP_TYPE_MEM ||
	    operand->visibility != ZYDIS_OPERAND_VISIBILITY_EXPLICIT ||
	    operand->mem.segment == ZYDIS_REGISTER_FS ||
	    operand->mem.segment == ZYDIS_REGISTER_GS)
		return base | index;
	flow->touched |= disp == 0;
	if ((uint32_t)end > flow->used)
		flow->used = (uint32_t)end;
	return 0;
}

/** What an instruction does to what may hold the value; false: it is lost. */
static bool
meet_other(struct graft_flow *flow, const struct step *step, uint32_t *holds)
{
	uint32_t reads = 0;
	uint32_t writes = 0;

	if (step->zi.meta.category == ZYDIS_CATEGORY_NOP ||
	    step->zi.meta.category == ZYDIS_CATEGORY_WIDENOP)
		return true;
	if (step->zi.meta.category == ZYDIS_CATEGORY_SYSCALL ||
	    step->zi.meta.category == ZYDIS_CATEGORY_INTERRUPT)
		return false;
	// The number of a bit may lead far behind the operand.
	bool open = step->zi.meta.category == ZYDIS_CATEGORY_BITBYTE;
	for (unsigned i = 0; i < step->zi.operand_count; i++) {
		const ZydisDecodedOperand *operand = &step->operands[i];
		if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY) {
			reads |= open ? bit_of(operand->mem.base)
				      : meet_memory(flow, operand, *holds);
		} else if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER) {
			uint32_t bit = bit_of(operand->reg.value);
			if (operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
				reads |= bit;
			// What is written in part, or perhaps, still holds it.
			if (operand->size >= 32 &&
			    (operand->actions & ZYDIS_OPERAND_ACTION_WRITE))
				writes |= bit;
			if ((bit & 1U << RAX) &&
			    (operand->actions &
			     ZYDIS_OPERAND_ACTION_MASK_WRITE))
				*holds |= RAX_WRITTEN;
		}
	}
	if (is_zero(step))
		reads = 0;
	if (is_copy(step)) {
		bool has = *holds & bit_of(step->operands[1].reg.value);
		*holds &= ~writes;
		if (has)
			*holds |= bit_of(step->operands[0].reg.value);
		return true;
	}
	bool fine = !(*holds & reads);
	*holds &= ~writes;
	return fine;
}

/** Say whether the value may be in the result of a function that returns. */
static bool
is_returned(uint32_t holds)
{
	// %rdx is the second half of a result that has a first one; what is in
	// a register that the caller owns breaks the ABI.
	return (holds & 1U << RAX) || (holds & REGISTERS & ~VOLATILE) ||
	       ((holds & 1U << RDX) && (holds & RAX_WRITTEN));
}

/** Go on where a branch leads, inside the function or into a cut-off part. */
static struct graft_error *
branch(struct graft_flow *flow, size_t *queue_count, uint32_t at,
       const struct step *step, uint32_t holds)
{
	const struct graft_code *code = flow->code;
	uint32_t func = step->func;
	ZyanU64 target;

	if ((step->insn->flags & GRAFT_INSN_INDIRECT) &&
	    step->insn->ref == GRAFT_NONE) {
		flow->lost = true;
		return NULL;
	}
	if ((step->insn->flags & GRAFT_INSN_INDIRECT) ||
	    !ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(
		    &step->zi, &step->operands[0], step->addr, &target)))
		target = 0;
	if (target && !(step->insn->flags & GRAFT_INSN_INTERNAL)) {
		uint32_t other = graft_code_func_at(code, target);
		if (other != GRAFT_NONE &&
		    code->funcs[other].group == code->funcs[func].group)
			func = other;
		else
			target = 0;
	}
	if (!target) {
		flow->lost |= (holds & REGISTERS & ~VOLATILE) != 0;
		return meet_call(flow, at, step->insn, &holds);
	}
	uint32_t to = graft_code_insn_at(code, &code->funcs[func], target);
	if (to == GRAFT_NONE) {
		flow->lost = true;
		return NULL;
	}
	return reach(flow, queue_count, to, holds);
}

/** Look at one instruction, and go on behind it. */
static struct graft_error *
look(struct graft_flow *flow, size_t *queue_count, uint32_t at)
{
	const struct graft_code *code = flow->code;
	uint32_t holds = flow->holds[at] & ~(uint32_t)QUEUED;
	struct graft_error *err = NULL;
	struct step step;

	if (!decode(code, at, &step)) {
		flow->lost = true;
		return NULL;
	}
	if (step.insn->flags & GRAFT_INSN_RET) {
		flow->lost |= is_returned(holds);
		return NULL;
	}
	if (step.insn->flags & GRAFT_INSN_JUMP)
		err = branch(flow, queue_count, at, &step, holds);
	else if (step.insn->flags & GRAFT_INSN_CALL)
		err = meet_call(flow, at, step.insn, &holds);
	// A call through the register reads it, as a jump does.
	if (!err && (step.insn->flags & GRAFT_INSN_INDIRECT) &&
	    !meet_other(flow, &step, &(uint32_t){ flow->holds[at] }))
		flow->lost = true;
	if (!err && !(step.insn->flags & (GRAFT_INSN_JUMP | GRAFT_INSN_CALL)) &&
	    !meet_other(flow, &step, &holds))
		flow->lost = true;
	if (err || step.zi.meta.category == ZYDIS_CATEGORY_UNCOND_BR ||
	    !(holds & REGISTERS))
		return err;
	const struct graft_func *func = &code->funcs[step.func];
	if (at + 1 >= func->first_insn + func->insn_count) {
		flow->lost = true;
		return NULL;
	}
	return reach(flow, queue_count, at + 1, holds);
}

struct graft_error *
graft_flow_follow(struct graft_flow *flow, uint32_t insn, uint8_t reg)
{
	size_t queue_count = 0;

	flow->call_count = 0;
	flow->seen_count = 0;
	flow->used = 0;
	flow->span = 0;
	flow->stride = 0;
	flow->touched = false;
	flow->lost = false;
	// An address that is part of an operand goes wherever that goes.
	if (reg >= GRAFT_REGISTER_NONE) {
		flow->lost = true;
		return NULL;
	}
	struct graft_error *err = reach(flow, &queue_count, insn, 1U << reg);
	while (!err && (!flow->lost || flow->is_address) && queue_count) {
		uint32_t at = flow->queue[--queue_count];
		flow->holds[at] &= ~(uint32_t)QUEUED;
		err = look(flow, &queue_count, at);
	}
	for (size_t i = 0; i < flow->seen_count; i++)
		flow->holds[flow->seen[i]] = 0;
	return err;
}

uint64_t
graft_flow_call_addr(const struct graft_flow *flow,
		     const struct graft_flow_call *call)
{
	const struct graft_code *code = flow->code;

	return code->funcs[func_of(code, call->insn)].addr +
	       code->insns[call->insn].off;
}
