// SPDX-License-Identifier: Apache-2.0

#include "diff/code/past.h"

#include "diff/code/absolute.h"
#include "diff/code/area.h"
#include "diff/code/register.h"

#include <Zydis/Zydis.h>
#include <string.h>

enum {
	REGISTERS = 16,
	/** Addresses that are followed in one function; one bit each. */
	FOLLOWED_MAX = 63,
	/** A larger function is not looked at. */
	INSNS_MAX = 20000,
	/** Registers that a call may change. */
	VOLATILE = 0x0fc7,
};

/** Something else than an address that is followed. */
static const uint64_t other_bit = 1ULL << FOLLOWED_MAX;

/** What each register may hold, as sets of followed addresses. */
struct state {
	uint64_t regs[REGISTERS];
};

/** The walk over one function. */
struct past {
	const struct graft_code *code;
	const struct graft_func *func;
	ZydisDecoder decoder;
	/** Index of each followed reference. */
	uint32_t refs[FOLLOWED_MAX];
	uint32_t count;
	/** What each is compared with. */
	uint64_t compared[FOLLOWED_MAX];
	/** Those that something was added to. */
	uint64_t moved;
	/** Those at or behind which memory is accessed. */
	uint64_t used;
	/** Bytes of the widest access behind each that has an index. */
	uint64_t widest[FOLLOWED_MAX];
	/** What is known before each instruction; all zero: not reached. */
	struct state *states;
	/** Instructions to look at (again). */
	uint32_t *queue;
	bool *queued;
	uint32_t queue_count;
	/** Something could not be followed. */
	bool lost;
	/** Follow an address only where it is, and forwards from there. */
	bool forwards;
};

bool
graft_past_same(const struct graft_ref *old_ref,
		const struct graft_ref *new_ref)
{
	if (old_ref->clones && new_ref->clones)
		return true;
	return old_ref->end_of && new_ref->end_of &&
	       old_ref->kind == new_ref->kind &&
	       old_ref->target - old_ref->end_of ==
		       new_ref->target - new_ref->end_of;
}

/** Find the writable section that an address is in, or the end of. */
static const struct graft_section *
data_before(const struct graft_image *image, uint64_t addr)
{
	const struct graft_section *section = graft_image_section_at(image,
								     addr - 1);

	return graft_area_of_section(section) == GRAFT_AREA_DATA ? section
								 : NULL;
}

/** May @p end be the end of what starts at @p start? */
static bool
may_end(const struct graft_image *image, const struct graft_ref *start,
	const struct graft_ref *end)
{
	const struct graft_section *section =
		graft_image_section_at(image, start->target);

	return start->target < end->target &&
	       graft_area_of_section(section) == GRAFT_AREA_DATA &&
	       section == data_before(image, end->target);
}

/** Collect the addresses to follow; false: there is nothing to find. */
static bool
collect(struct past *past)
{
	const struct graft_func *f = past->func;
	bool found = false;

	past->count = 0;
	for (uint32_t i = 0; i < f->ref_count; i++) {
		uint32_t at = f->first_ref + i;
		const struct graft_ref *ref = &past->code->refs[at];
		if (ref->kind != GRAFT_REF_ADDRESS ||
		    (graft_area_of(past->code->image, ref->target) !=
			     GRAFT_AREA_DATA &&
		     !data_before(past->code->image, ref->target)))
			continue;
		if (past->count == FOLLOWED_MAX)
			return false;
		for (uint32_t k = 0; !found && k < past->count; k++) {
			const struct graft_ref *one =
				&past->code->refs[past->refs[k]];
			found = may_end(past->code->image, one, ref) ||
				may_end(past->code->image, ref, one);
		}
		past->refs[past->count++] = at;
	}
	return found;
}

/** What may an operand be? Memory may be anything. */
static uint64_t
held_by(const struct state *state, const ZydisDecodedOperand *operand)
{
	uint8_t reg = GRAFT_REGISTER_NONE;

	if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER && operand->size == 64)
		reg = graft_register_number(operand->reg.value);
	return reg == GRAFT_REGISTER_NONE ? other_bit : state->regs[reg];
}

/** Two values are compared. */
static void
note_compare(struct past *past, uint64_t a, uint64_t b)
{
	for (uint32_t i = 0; i < past->count; i++) {
		if (a & 1ULL << i)
			past->compared[i] |= b;
		if (b & 1ULL << i)
			past->compared[i] |= a;
	}
}

/** What `lea` makes of an address: the same, moved. */
static uint64_t
sum_of(struct past *past, const struct state *state,
       const ZydisDecodedOperand *operand)
{
	uint8_t base = graft_register_number(operand->mem.base);

	// A scaled index is a number, and may be less than zero.
	if (base == GRAFT_REGISTER_NONE ||
	    (operand->mem.index != ZYDIS_REGISTER_NONE &&
	     (operand->mem.scale == 1 || past->forwards)) ||
	    (past->forwards && operand->mem.disp.value < 0))
		return other_bit;
	past->moved |= state->regs[base];
	return state->regs[base];
}

/** Does an instruction surely add something that is not less than zero? */
static bool
is_forwards(const ZydisDecodedInstruction *zi,
	    const ZydisDecodedOperand *operands)
{
	return zi->mnemonic == ZYDIS_MNEMONIC_INC ||
	       (zi->mnemonic == ZYDIS_MNEMONIC_ADD &&
		operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
		operands[1].imm.value.s >= 0);
}

/** What does the first operand hold after an instruction that writes it? */
static uint64_t
result_of(struct past *past, const struct state *state,
	  const struct graft_insn *insn, const ZydisDecodedInstruction *zi,
	  const ZydisDecodedOperand *operands)
{
	switch (zi->mnemonic) {
	case ZYDIS_MNEMONIC_LEA:
		for (uint32_t i = 0; i < past->count; i++) {
			if (insn->ref == past->refs[i])
				return 1ULL << i;
		}
		return sum_of(past, state, &operands[1]);
	case ZYDIS_MNEMONIC_MOV:
		return held_by(state, &operands[1]);
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_INC:
	case ZYDIS_MNEMONIC_DEC:
		past->moved |= held_by(state, &operands[0]);
		if (zi->operand_count_visible > 1 &&
		    operands[1].type != ZYDIS_OPERAND_TYPE_IMMEDIATE &&
		    (held_by(state, &operands[1]) & ~other_bit)) {
			past->moved |= held_by(state, &operands[1]);
			return other_bit;
		}
		return past->forwards && !is_forwards(zi, operands)
			       ? other_bit
			       : held_by(state, &operands[0]);
	default:
		return other_bit;
	}
}

/** Note what is accessed at, or behind, a followed address. */
static void
note_access(struct past *past, const struct state *state,
	    const ZydisDecodedOperand *operand)
{
	uint8_t base = graft_register_number(operand->mem.base);

	if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY ||
	    operand->mem.type != ZYDIS_MEMOP_TYPE_MEM ||
	    base == GRAFT_REGISTER_NONE ||
	    (operand->mem.disp.has_displacement && operand->mem.disp.value < 0))
		return;
	for (uint32_t i = 0; i < past->count; i++) {
		if (!(state->regs[base] & 1ULL << i))
			continue;
		if (operand->mem.index == ZYDIS_REGISTER_NONE)
			past->used |= 1ULL << i;
		else if (operand->size / 8 > past->widest[i])
			past->widest[i] = operand->size / 8;
	}
}

/** Look at one instruction: what registers hold behind it. */
static void
step(struct past *past, const struct graft_insn *insn,
     const ZydisDecodedInstruction *zi, const ZydisDecodedOperand *operands,
     struct state *state)
{
	if (zi->meta.category == ZYDIS_CATEGORY_CALL) {
		for (unsigned i = 0; i < REGISTERS; i++) {
			if (VOLATILE & 1U << i)
				state->regs[i] = other_bit;
		}
		return;
	}
	if (zi->mnemonic == ZYDIS_MNEMONIC_CMP)
		note_compare(past, held_by(state, &operands[0]),
			     held_by(state, &operands[1]));
	uint64_t first = result_of(past, state, insn, zi, operands);
	for (unsigned i = 0; i < zi->operand_count; i++)
		note_access(past, state, &operands[i]);
	for (unsigned i = 0; i < zi->operand_count; i++) {
		if (operands[i].type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    !(operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		uint8_t reg = graft_register_number(operands[i].reg.value);
		if (reg != GRAFT_REGISTER_NONE)
			state->regs[reg] = i == 0 && operands[i].size == 64
						   ? first
						   : other_bit;
	}
}

/** Let what is known flow to an instruction of the function. */
static void
reach(struct past *past, uint32_t to, const struct state *state)
{
	bool news = false;

	for (unsigned i = 0; i < REGISTERS; i++) {
		uint64_t *at = &past->states[to].regs[i];
		news |= (*at | state->regs[i]) != *at;
		*at |= state->regs[i];
	}
	if (!news || past->queued[to])
		return;
	past->queued[to] = true;
	past->queue[past->queue_count++] = to;
}

static bool
decode(const struct past *past, const struct graft_insn *insn,
       ZydisDecodedInstruction *zi, ZydisDecodedOperand *operands)
{
	const uint8_t *bytes = graft_image_bytes(
		past->code->image, past->func->addr + insn->off, insn->len);

	if (!bytes || (insn->flags & GRAFT_INSN_BAD) ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&past->decoder, bytes,
						 insn->len, zi, operands)))
		return false;
	graft_absolute_show(past->code, past->func, insn, zi, operands);
	return true;
}

/** Look at an instruction, and go on wherever it leads. */
static void
look(struct past *past, uint32_t at)
{
	const struct graft_code *code = past->code;
	const struct graft_func *f = past->func;
	const struct graft_insn *insn = &code->insns[f->first_insn + at];
	struct state state = past->states[at];
	ZydisDecodedInstruction zi;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZyanU64 target;

	if (!decode(past, insn, &zi, operands)) {
		past->lost = true;
		return;
	}
	step(past, insn, &zi, operands, &state);
	if (insn->flags & GRAFT_INSN_INTERNAL) {
		uint32_t to = GRAFT_NONE;
		if (ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(
			    &zi, &operands[0], f->addr + insn->off, &target)))
			to = graft_code_insn_at(code, f, target);
		if (to == GRAFT_NONE)
			past->lost = true;
		else
			reach(past, to - f->first_insn, &state);
	}
	if ((insn->flags & GRAFT_INSN_RET) ||
	    zi.meta.category == ZYDIS_CATEGORY_UNCOND_BR)
		return;
	// Behind its last instruction a function does not go on.
	if (at + 1 < f->insn_count)
		reach(past, at + 1, &state);
}

/** Say what an address is the end of, by what it is compared with; or 0. */
static uint64_t
start_of(const struct past *past, uint32_t end)
{
	const struct graft_ref *ref = &past->code->refs[past->refs[end]];
	uint64_t with = past->compared[end];
	uint64_t start = 0;

	if (!with || (with & (other_bit | 1ULL << end)) ||
	    (past->moved & 1ULL << end) || !(past->moved & with))
		return 0;
	// What is read or written right there is an object of its own.
	if (past->used & 1ULL << end)
		return 0;
	for (uint32_t i = 0; i < past->count; i++) {
		const struct graft_ref *base = &past->code->refs[past->refs[i]];
		if (!(with & 1ULL << i))
			continue;
		if (!may_end(past->code->image, base, ref) ||
		    (start && start != base->target))
			return 0;
		start = base->target;
	}
	return start;
}

/** Follow the addresses of one function along every way. */
static struct graft_error *
walk(struct past *past)
{
	const struct graft_func *f = past->func;
	GRAFT_FREE struct state *states = calloc(f->insn_count,
						 sizeof(*states));
	GRAFT_FREE uint32_t *queue = calloc(f->insn_count, sizeof(*queue));
	GRAFT_FREE bool *queued = calloc(f->insn_count, sizeof(*queued));
	struct state entry;

	if (!states || !queue || !queued)
		return graft_error_no_memory();
	past->states = states;
	past->queue = queue;
	past->queued = queued;
	past->queue_count = 0;
	past->moved = 0;
	past->used = 0;
	past->lost = false;
	memset(past->compared, 0, sizeof(past->compared));
	memset(past->widest, 0, sizeof(past->widest));
	for (unsigned i = 0; i < REGISTERS; i++)
		entry.regs[i] = other_bit;
	reach(past, 0, &entry);
	while (!past->lost && past->queue_count) {
		uint32_t at = past->queue[--past->queue_count];
		past->queued[at] = false;
		look(past, at);
	}
	return NULL;
}

/** Do all ways through a function stay in it? */
static bool
is_closed(const struct graft_code *code, uint32_t func)
{
	const struct graft_func *f = &code->funcs[func];

	// A landing pad is reached by no branch.
	return f->insn_count && f->insn_count <= INSNS_MAX && !f->bad &&
	       !f->indirect_jump && f->group == func &&
	       f->group_next == GRAFT_NONE && !(f->extent && f->extent->lsda);
}

struct graft_error *
graft_past_find(struct graft_code *code)
{
	struct past past = { .code = code };
	struct graft_error *err = NULL;

	ZydisDecoderInit(&past.decoder, ZYDIS_MACHINE_MODE_LONG_64,
			 ZYDIS_STACK_WIDTH_64);
	for (uint32_t i = 0; !err && i < code->func_count; i++) {
		past.func = &code->funcs[i];
		if (!is_closed(code, i) || !collect(&past))
			continue;
		err = walk(&past);
		for (uint32_t k = 0; !err && !past.lost && k < past.count; k++)
			code->refs[past.refs[k]].end_of = start_of(&past, k);
	}
	return err;
}

struct graft_error *
graft_past_is_start(const struct graft_code *code, uint32_t func, uint32_t ref,
		    uint64_t before, bool *ret)
{
	struct past past = { .code = code,
			     .func = &code->funcs[func],
			     .forwards = true };

	*ret = code->refs[ref].used > 0;
	if (*ret)
		return NULL;
	if (past.func->insn_count > INSNS_MAX)
		return NULL;
	ZydisDecoderInit(&past.decoder, ZYDIS_MACHINE_MODE_LONG_64,
			 ZYDIS_STACK_WIDTH_64);
	// What was seen on one way is true, whatever other ways there are.
	past.refs[past.count++] = ref;
	struct graft_error *err = walk(&past);
	if (!err)
		*ret = (past.used & 1) || past.widest[0] > before;
	return err;
}
