// SPDX-License-Identifier: Apache-2.0

#include "judge/interleave/exec.h"

#include "judge/interleave/step.h"

bool
graft_exec_knows(const struct graft_decoded *d)
{
	switch (d->insn.mnemonic) {
	case ZYDIS_MNEMONIC_LEA:
	case ZYDIS_MNEMONIC_LEAVE:
	case ZYDIS_MNEMONIC_ENDBR64:
	case ZYDIS_MNEMONIC_MFENCE:
	case ZYDIS_MNEMONIC_LFENCE:
	case ZYDIS_MNEMONIC_SFENCE:
		return true;
	case ZYDIS_MNEMONIC_LDMXCSR:
	case ZYDIS_MNEMONIC_STMXCSR:
		return false;
	default:
		break;
	}
	switch (d->insn.meta.category) {
	case ZYDIS_CATEGORY_BINARY:
	case ZYDIS_CATEGORY_BITBYTE:
	case ZYDIS_CATEGORY_CMOV:
	case ZYDIS_CATEGORY_CONVERT:
	case ZYDIS_CATEGORY_DATAXFER:
	case ZYDIS_CATEGORY_LOGICAL:
	case ZYDIS_CATEGORY_LOGICAL_FP:
	case ZYDIS_CATEGORY_NOP:
	case ZYDIS_CATEGORY_WIDENOP:
	case ZYDIS_CATEGORY_POP:
	case ZYDIS_CATEGORY_PREFETCH:
	case ZYDIS_CATEGORY_PUSH:
	case ZYDIS_CATEGORY_ROTATE:
	case ZYDIS_CATEGORY_SEMAPHORE:
	case ZYDIS_CATEGORY_SETCC:
	case ZYDIS_CATEGORY_SHIFT:
	case ZYDIS_CATEGORY_SSE:
		return true;
	default:
		return false;
	}
}

static bool
does_nothing(const struct graft_decoded *d)
{
	return d->insn.meta.category == ZYDIS_CATEGORY_NOP ||
	       d->insn.meta.category == ZYDIS_CATEGORY_WIDENOP ||
	       d->insn.meta.category == ZYDIS_CATEGORY_PREFETCH ||
	       d->insn.mnemonic == ZYDIS_MNEMONIC_ENDBR64;
}

/** Say whether an instruction orders what is around it, whatever it writes: with
 * `lock`, or `xchg` with memory, which has it unsaid. */
static bool
is_locked(const struct graft_decoded *d)
{
	return (d->insn.attributes & ZYDIS_ATTRIB_HAS_LOCK) ||
	       (d->insn.mnemonic == ZYDIS_MNEMONIC_XCHG &&
		(d->operands[0].type == ZYDIS_OPERAND_TYPE_MEMORY ||
		 d->operands[1].type == ZYDIS_OPERAND_TYPE_MEMORY));
}

static bool
is_fence(const struct graft_decoded *d)
{
	return d->insn.mnemonic == ZYDIS_MNEMONIC_MFENCE ||
	       d->insn.mnemonic == ZYDIS_MNEMONIC_LFENCE ||
	       d->insn.mnemonic == ZYDIS_MNEMONIC_SFENCE;
}

/** Say whether an operand is one of a register that is not looked at here. */
static bool
is_aside(const ZydisDecodedOperand *o)
{
	if (o->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return false;
	ZydisRegisterClass class = ZydisRegisterGetClass(o->reg.value);
	return class == ZYDIS_REGCLASS_FLAGS || class == ZYDIS_REGCLASS_IP ||
	       o->reg.value == ZYDIS_REGISTER_MXCSR;
}

/** Copies of all that an operand has. */
static bool
is_copy(const struct graft_decoded *d)
{
	switch (d->insn.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVAPS:
	case ZYDIS_MNEMONIC_MOVAPD:
	case ZYDIS_MNEMONIC_MOVUPS:
	case ZYDIS_MNEMONIC_MOVUPD:
	case ZYDIS_MNEMONIC_MOVDQA:
	case ZYDIS_MNEMONIC_MOVDQU:
		return true;
	// What is stored of a register of SSE are its lowest bytes.
	case ZYDIS_MNEMONIC_MOVSS:
	case ZYDIS_MNEMONIC_MOVSD:
	case ZYDIS_MNEMONIC_MOVD:
	case ZYDIS_MNEMONIC_MOVQ:
		return d->operands[0].type == ZYDIS_OPERAND_TYPE_MEMORY ||
		       d->operands[1].type == ZYDIS_OPERAND_TYPE_MEMORY;
	default:
		return false;
	}
}

static graft_term
compare(struct graft_exec_step *s, graft_term a, graft_term b)
{
	return graft_term_get(s->terms, GRAFT_TERM_CMP, s->d->operands[0].size,
			      a, b);
}

/** What an instruction computes of everything that it reads. */
static graft_term
gather(struct graft_exec_step *s)
{
	const struct graft_decoded *d = s->d;
	graft_term args = 0;

	for (uint8_t i = 0; i < d->insn.operand_count; i++) {
		const ZydisDecodedOperand *o = &d->operands[i];
		if (is_aside(o))
			continue;
		bool reads = o->actions & ZYDIS_OPERAND_ACTION_MASK_READ;
		// It may stay as it was, or in a part.
		bool kept = o->type == ZYDIS_OPERAND_TYPE_REGISTER &&
			    ((o->actions & ZYDIS_OPERAND_ACTION_CONDWRITE) ||
			     o->size == 128);
		if (reads || kept || o->mem.type == ZYDIS_MEMOP_TYPE_AGEN ||
		    o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
			args = graft_exec_arg(
				s, args,
				i | (uint64_t)o->size << 32 |
					(reads ? 0 : GRAFT_STEP_OLD),
				graft_exec_read(s, o));
	}
	if (d->insn.cpu_flags && d->insn.cpu_flags->tested)
		args = graft_exec_arg(s, args, GRAFT_STEP_FLAGS,
				      s->state->flags);
	return args;
}

static void
set_flags(struct graft_exec_step *s, uint64_t head, graft_term args)
{
	const ZydisAccessedFlags *f = s->d->insn.cpu_flags;

	if (!f || !(f->modified | f->set_0 | f->set_1 | f->undefined))
		return;
	// Some keep flags as they were, or do if they shift by nothing.
	bool shifts = s->d->insn.meta.category == ZYDIS_CATEGORY_SHIFT ||
		      s->d->insn.meta.category == ZYDIS_CATEGORY_ROTATE;
	if (shifts || s->d->insn.mnemonic == ZYDIS_MNEMONIC_INC ||
	    s->d->insn.mnemonic == ZYDIS_MNEMONIC_DEC ||
	    s->d->insn.meta.category == ZYDIS_CATEGORY_BITBYTE)
		args = graft_exec_arg(s, args, GRAFT_STEP_OLD, s->state->flags);
	s->state->flags = graft_term_get(s->terms, GRAFT_TERM_OP,
					 head | (uint64_t)0xff << 48, args, 0);
}

static void
compute(struct graft_exec_step *s)
{
	const struct graft_decoded *d = s->d;
	uint64_t head = (uint64_t)d->insn.mnemonic |
			(uint64_t)d->insn.operand_width << 32;
	graft_term args = gather(s);

	set_flags(s, head, args);
	for (uint8_t i = 0; i < d->insn.operand_count && !s->why; i++) {
		const ZydisDecodedOperand *o = &d->operands[i];
		if (is_aside(o) ||
		    !(o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		// Conditional writes to memory write what was there.
		uint8_t width = o->size <= 64 ? (uint8_t)(o->size / 8) : 16;
		graft_term term = graft_term_get_narrow(
			s->terms, GRAFT_TERM_OP, head | (uint64_t)i << 48, args,
			0, width);
		graft_exec_write(s, o, term);
	}
}

/** Add a constant to a register of 64 bits. */
static bool
adds_constant(const struct graft_decoded *d)
{
	return (d->insn.mnemonic == ZYDIS_MNEMONIC_ADD ||
		d->insn.mnemonic == ZYDIS_MNEMONIC_SUB) &&
	       d->insn.operand_width == 64 &&
	       d->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       d->operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
}

static void
add_constant(struct graft_exec_step *s)
{
	const struct graft_decoded *d = s->d;
	uint64_t by = (uint64_t)d->operands[1].imm.value.s;
	graft_term was = graft_exec_read(s, &d->operands[0]);

	if (d->insn.mnemonic == ZYDIS_MNEMONIC_SUB)
		by = -by;
	set_flags(s, d->insn.mnemonic, gather(s));
	graft_exec_write(s, &d->operands[0],
			 graft_term_sum(s->terms, was, 0, 0, (int64_t)by, 0));
}

/** Make a number of more bytes. @return false: it does something else. */
static bool
widen(struct graft_exec_step *s)
{
	const ZydisDecodedOperand *o = s->d->operands;
	uint16_t size = o[1].size;
	uint8_t width = (uint8_t)(o[0].size / 8);
	graft_term term;

	switch (s->d->insn.mnemonic) {
	case ZYDIS_MNEMONIC_MOVZX:
		// Zeroes stand in front of whatever is shorter.
		graft_exec_write(s, &o[0], graft_exec_read(s, &o[1]));
		return true;
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
		break;
	default:
		return false;
	}
	term = graft_term_get_narrow(s->terms, GRAFT_TERM_SIGNED,
				     size / 8 | (uint64_t)width << 8,
				     graft_exec_read(s, &o[1]), 0, width);
	graft_exec_write(s, &o[0], term);
	return true;
}

/** `cltq`: %eax with its sign. */
static void
widen_eax(struct graft_exec_step *s)
{
	graft_term *rax = &s->state->regs[GRAFT_REG_RAX];

	*rax = graft_term_get_narrow(s->terms, GRAFT_TERM_SIGNED, 4 | 8 << 8,
				     graft_term_low(s->terms, *rax, 4), 0, 8);
}

/** Copy, or compare. @return false: it is neither. */
static bool
move_or_compare(struct graft_exec_step *s)
{
	const ZydisDecodedOperand *o = s->d->operands;

	if (is_copy(s->d)) {
		graft_term term = graft_exec_read(s, &o[1]);
		bool xmm = s->d->insn.mnemonic != ZYDIS_MNEMONIC_MOV;
		if (o[0].type == ZYDIS_OPERAND_TYPE_MEMORY && xmm)
			term = graft_term_low(s->terms, term,
					      (uint8_t)(o[0].size / 8));
		graft_exec_write(s, &o[0], term);
		return true;
	}
	if (graft_op_is_zeroing(s->d)) {
		graft_term zero = graft_term_const(s->terms, 0, 8);
		if (s->d->insn.cpu_flags && s->d->insn.cpu_flags->modified)
			s->state->flags = compare(s, zero, zero);
		graft_exec_write(s, &o[0], zero);
		return true;
	}
	bool test = s->d->insn.mnemonic == ZYDIS_MNEMONIC_TEST;
	if (s->d->insn.mnemonic != ZYDIS_MNEMONIC_CMP && !test)
		return false;
	graft_term a = graft_exec_read(s, &o[0]);
	graft_term b = graft_exec_read(s, &o[1]);
	// Both set the same flags then.
	if (test && a != b)
		return false;
	s->state->flags = compare(s, a,
				  test ? graft_term_const(s->terms, 0, 8) : b);
	return true;
}

bool
graft_exec_is_effect(const struct graft_side *side,
		     struct graft_side_state *state, uint32_t at)
{
	const struct graft_decoded *d = &side->decoded[at];
	struct graft_exec_step s = { .side = side,
				     .terms = side->terms,
				     .state = state,
				     .d = d,
				     .at = at };
	int64_t off;

	if (is_fence(d) || is_locked(d))
		return true;
	if (does_nothing(d))
		return false;
	for (uint8_t i = 0; i < d->insn.operand_count; i++) {
		const ZydisDecodedOperand *o = &d->operands[i];
		bool pushes = d->insn.mnemonic == ZYDIS_MNEMONIC_PUSH;
		if (o->type == ZYDIS_OPERAND_TYPE_MEMORY && !pushes &&
		    o->mem.type == ZYDIS_MEMOP_TYPE_MEM &&
		    (o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) &&
		    !graft_term_in_frame(s.terms,
					 graft_exec_address(&s, &o->mem), &off))
			return true;
	}
	return false;
}

const char *
graft_exec(const struct graft_side *side, struct graft_side_state *state,
	   graft_term now, uint32_t at, graft_term *effect_ret)
{
	const struct graft_decoded *d = &side->decoded[at];
	struct graft_exec_step s = { .side = side,
				     .terms = side->terms,
				     .state = state,
				     .d = d,
				     .now = now,
				     .at = at };

	*effect_ret = 0;
	if (d->insn.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
				  ZYDIS_ATTRIB_HAS_REPNE))
		return "it repeats an instruction";
	if (does_nothing(d))
		return NULL;
	if (is_fence(d)) {
		*effect_ret = graft_term_get(s.terms, GRAFT_TERM_OP,
					     d->insn.mnemonic, 0, 0);
	} else if (d->insn.mnemonic == ZYDIS_MNEMONIC_PUSH) {
		graft_exec_push(&s, graft_exec_read(&s, &d->operands[0]));
	} else if (d->insn.mnemonic == ZYDIS_MNEMONIC_POP) {
		graft_term term = graft_exec_pop(&s);
		if (!s.why)
			graft_exec_write(&s, &d->operands[0], term);
	} else if (d->insn.mnemonic == ZYDIS_MNEMONIC_LEAVE) {
		state->regs[GRAFT_REG_RSP] = state->regs[GRAFT_REG_RBP];
		state->regs[GRAFT_REG_RBP] = graft_exec_pop(&s);
	} else if (d->insn.mnemonic == ZYDIS_MNEMONIC_LEA) {
		graft_exec_write(&s, &d->operands[0],
				 graft_exec_read(&s, &d->operands[1]));
	} else if (adds_constant(d)) {
		add_constant(&s);
	} else if (d->insn.mnemonic == ZYDIS_MNEMONIC_CDQE) {
		widen_eax(&s);
	} else if (!widen(&s) && !move_or_compare(&s)) {
		compute(&s);
	}
	if (!s.effect)
		s.effect = *effect_ret;
	// `lock orl $0, (%rsp)` is a fence.
	if (!s.effect && is_locked(d))
		s.effect = graft_term_get(s.terms, GRAFT_TERM_OP,
					  d->insn.mnemonic | (uint64_t)1 << 40,
					  0, 0);
	*effect_ret = s.effect;
	return s.why;
}
