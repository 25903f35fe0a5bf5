// SPDX-License-Identifier: Apache-2.0

#include "plan/stack_switch.h"

#include "base/cleanup.h"
#include "base/sorted.h"
#include "plan/stack_step.h"

#include <Zydis/Zydis.h>
#include <string.h>

enum {
	/** Instructions that are kept; of a longer function, the last ones up to
	 * the candidate. */
	STEPS = 8192,
	/** Bytes that are decoded in front of a candidate that is in no function.
	 * Wherever decoding begins, it meets the boundaries of instructions
	 * soon. */
	LEAD = 4096,
	/** Questions about one stretch; with more it counts as a switch. */
	WORK_MAX = 1 << 20,
	/** Copies of copies that are followed. */
	DEPTH_MAX = 8,
};

/** A stretch of decoded code. */
struct trace {
	/** One function, all of it. */
	bool is_function;
	/** Steps that were asked. */
	size_t work;
	size_t count;
	struct graft_step steps[STEPS];
};

static const struct graft_step *
step_at(const struct trace *trace, size_t i)
{
	return &trace->steps[i % STEPS];
}

/** Get the first step that is kept. */
static size_t
first_of(const struct trace *trace)
{
	return trace->count > STEPS ? trace->count - STEPS : 0;
}

/** Say whether nothing that one function knows reaches behind a step. */
static bool
is_boundary(const struct trace *trace, size_t i)
{
	return !trace->is_function && i > first_of(trace) &&
	       step_at(trace, i)->is_gap && step_at(trace, i - 1)->ends;
}

static bool
is_own(struct trace *trace, size_t at, uint8_t reg, int depth);

/** Say whether the function keeps a stack pointer in its frame: before a step,
 * or anywhere in it. */
static bool
is_kept(struct trace *trace, size_t at, int32_t disp, int depth)
{
	for (size_t i = trace->is_function ? trace->count : at;
	     i-- > first_of(trace);) {
		const struct graft_step *step = step_at(trace, i);
		if (is_boundary(trace, i) || trace->work++ > WORK_MAX)
			return false;
		if (step->what == GRAFT_STEP_STORE &&
		    step->src != GRAFT_STEP_NO_REG &&
		    step->src != GRAFT_STEP_RBP &&
		    (disp == step->disp || step->disp == GRAFT_STEP_ANY_DISP ||
		     disp == GRAFT_STEP_ANY_DISP) &&
		    is_own(trace, i, step->dst, depth + 1) &&
		    is_own(trace, i, step->src, depth + 1))
			return true;
	}
	return false;
}

/** Say whether what a step puts into its destination came from the stack
 * pointer. */
static bool
makes_own(struct trace *trace, size_t i, int depth)
{
	const struct graft_step *step = step_at(trace, i);

	switch (step->what) {
	case GRAFT_STEP_COPY:
		return is_own(trace, i, step->src, depth);
	case GRAFT_STEP_ADDRESS:
		return is_own(trace, i, step->src, depth) ||
		       (step->index != GRAFT_STEP_NO_REG &&
			is_own(trace, i, step->index, depth));
	case GRAFT_STEP_LOAD:
		return is_own(trace, i, step->src, depth) &&
		       is_kept(trace, i, step->disp, depth);
	case GRAFT_STEP_POP:
		return is_kept(trace, i, GRAFT_STEP_ANY_DISP, depth);
	default:
		return false;
	}
}

/** What a step says of a register, going back. */
enum answer {
	NOTHING,
	OWN,
	FOREIGN,
};

static enum answer
ask_step(struct trace *trace, size_t i, uint8_t reg, int depth)
{
	const struct graft_step *step = step_at(trace, i);

	if (trace->work++ > WORK_MAX)
		return FOREIGN;
	if ((step->is_call || step->ends) && graft_step_is_volatile(reg))
		return FOREIGN;
	if (!(step->writes & (1U << reg)))
		return NOTHING;
	// An epilogue that stands in front of this code restores it.
	if (step->what == GRAFT_STEP_POP && !graft_step_is_volatile(reg))
		return NOTHING;
	if (step->what != GRAFT_STEP_CHANGE)
		return makes_own(trace, i, depth + 1) ? OWN : FOREIGN;
	return step->src != GRAFT_STEP_NO_REG &&
			       is_own(trace, i, step->src, depth + 1)
		       ? OWN
		       : NOTHING;
}

/** Say whether a register holds what came from the stack pointer before a
 * step. */
static bool
is_own(struct trace *trace, size_t at, uint8_t reg, int depth)
{
	enum answer answer = NOTHING;
	size_t first = first_of(trace);

	if (reg == GRAFT_STEP_RSP)
		return true;
	if (reg == GRAFT_STEP_NO_REG || depth >= DEPTH_MAX)
		return false;
	// What calls keep may come by any way: one that kept it is enough.
	bool any = trace->is_function && !graft_step_is_volatile(reg);
	for (size_t i = any ? trace->count : at;
	     answer != OWN && i-- > first;) {
		enum answer next = ask_step(trace, i, reg, depth);
		if (is_boundary(trace, i))
			break;
		answer = next == NOTHING ? answer : next;
		if (answer == FOREIGN && !any)
			break;
	}
	return answer == NOTHING ? reg == GRAFT_STEP_RBP : answer == OWN;
}

/** Say whether a step is a switch. */
static bool
switches(struct trace *trace, size_t at)
{
	const struct graft_step *step = step_at(trace, at);

	if (!(step->writes & (1U << GRAFT_STEP_RSP)))
		return false;
	if (step->what == GRAFT_STEP_SWAP) {
		uint8_t other = step->dst == GRAFT_STEP_RSP ? step->src
							    : step->dst;
		return !is_own(trace, at, other, 0);
	}
	if (step->dst != GRAFT_STEP_RSP || step->what == GRAFT_STEP_STORE ||
	    step->what == GRAFT_STEP_CHANGE)
		return false;
	return !makes_own(trace, at, 0);
}

/** Say whether bytes may be an instruction that puts something into the stack
 * pointer. What only resizes a frame, and a frame pointer, has other bytes. */
static bool
is_candidate(const uint8_t *at, size_t left)
{
	if (left < 3)
		return false;
	bool direct = at[2] >= 0xc0;
	uint8_t reg = at[2] >> 3 & 7;
	uint8_t rm = at[2] & 7;
	// With REX.R the register is %r12, with REX.B the other one is.
	bool to_reg = (at[0] & 0xfc) == 0x48 && reg == GRAFT_STEP_RSP;
	bool to_rm = (at[0] & 0xfb) == 0x48 && direct && rm == GRAFT_STEP_RSP;

	switch (at[1]) {
	case 0x89:
		return to_rm;
	case 0x8b:
		return to_reg;
	case 0x87:
		return to_rm || to_reg;
	case 0x8d:
		// By far the most are `lea -40(%rbp), %rsp`.
		return to_reg &&
		       !(at[0] == 0x48 && !direct && rm == GRAFT_STEP_RBP);
	case 0x94:
		return at[0] == 0x48;
	case 0x5c:
		// pop %rsp; ret.
		return at[2] == 0xc3 && at[0] != 0x41;
	default:
		return false;
	}
}

/** A search. */
struct search {
	ZydisDecoder decoder;
	const uint8_t *code;
	size_t len;
	struct trace trace;
};

/** Decode a stretch and ask each instruction. */
static bool
look(struct search *search, size_t start, size_t end)
{
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	struct trace *trace = &search->trace;
	size_t at = start;

	trace->count = 0;
	trace->work = 0;
	while (at < end) {
		if (ZYAN_FAILED(ZydisDecoderDecodeFull(
			    &search->decoder, search->code + at,
			    search->len - at, &insn, operands))) {
			at++;
			continue;
		}
		trace->steps[trace->count++ % STEPS] =
			graft_step_read(&insn, operands);
		at += insn.length;
	}
	// In front of a candidate that is in no function there may be anything.
	size_t first = trace->is_function ? first_of(trace)
		       : trace->count > 2 ? trace->count - 2
					  : 0;
	for (size_t i = first; i < trace->count; i++) {
		if (switches(trace, i))
			return true;
	}
	return false;
}

/** Begin to search. Most code has no candidate, and then nothing is made. */
GRAFT_MUST_CHECK static struct graft_error *
begin(const uint8_t *code, size_t len, struct search **ret)
{
	// Too large for a small stack.
	struct search *search = calloc(1, sizeof(*search));

	if (!search)
		return graft_error_no_memory();
	search->code = code;
	search->len = len;
	ZydisDecoderInit(&search->decoder, ZYDIS_MACHINE_MODE_LONG_64,
			 ZYDIS_STACK_WIDTH_64);
	*ret = search;
	return NULL;
}

/**
 * For each byte, as the first, second and third of three: which kinds of candidates it
 * may be of. Nearly all code is passed over by three looks and no branch.
 */
struct kinds {
	uint8_t first[256];
	uint8_t second[256];
	uint8_t third[256];
};

enum {
	/** The operand is what the third byte has as register or memory, as register. */
	KIND_RM = 1,
	KIND_REG = 2,
	KIND_XCHG = 4,
	KIND_POP = 8,
};

/** Fill in what is_candidate() asks; more is harmless, less is not. */
static void
kinds_init(struct kinds *kinds)
{
	*kinds = (struct kinds){
		.second = { [0x89] = KIND_RM,
			    [0x8b] = KIND_REG,
			    [0x87] = KIND_RM | KIND_REG,
			    [0x8d] = KIND_REG,
			    [0x94] = KIND_XCHG,
			    [0x5c] = KIND_POP },
	};
	for (unsigned i = 0; i < 256; i++) {
		kinds->first[i] =
			(uint8_t)(((i & 0xfb) == 0x48 ? KIND_RM : 0) |
				  ((i & 0xfc) == 0x48 ? KIND_REG : 0) |
				  (i == 0x48 ? KIND_XCHG : 0) |
				  (i != 0x41 ? KIND_POP : 0));
		bool rm = i >= 0xc0 && (i & 7) == GRAFT_STEP_RSP;
		bool reg = (i >> 3 & 7) == GRAFT_STEP_RSP;
		kinds->third[i] = (uint8_t)((rm ? KIND_RM : 0) |
					    (reg ? KIND_REG : 0) | KIND_XCHG |
					    (i == 0xc3 ? KIND_POP : 0));
	}
}

/** Find the next candidate. @return Its offset; @p len: there is none. */
static size_t
next_candidate(const struct kinds *kinds, const uint8_t *code, size_t at,
	       size_t len)
{
	for (; at + 2 < len; at++) {
		// A shadow is mostly nothing. A candidate has one zero at most, its first.
		while (at + sizeof(uint64_t) <= len &&
		       memcmp(code + at, &(uint64_t){ 0 }, sizeof(uint64_t)) ==
			       0)
			at += sizeof(uint64_t) - 1;
		if (at + 2 >= len)
			break;
		if (kinds->first[code[at]] & kinds->second[code[at + 1]] &
			    kinds->third[code[at + 2]] &&
		    is_candidate(code + at, len - at))
			return at;
	}
	return len;
}

struct graft_error *
graft_stack_switch_in(const uint8_t *code, uint64_t addr, size_t len,
		      const struct graft_range *functions, size_t count,
		      bool *ret)
{
	GRAFT_FREE struct search *search = NULL;
	struct kinds kinds;
	size_t done = 0;

	*ret = false;
	kinds_init(&kinds);
	for (size_t i = 0; !*ret; i++) {
		i = next_candidate(&kinds, code, i > done ? i : done, len);
		if (i >= len)
			break;
		struct graft_error *err = search ? NULL
						 : begin(code, len, &search);
		if (err)
			return err;
		size_t k = GRAFT_SORTED_UP_TO(functions, count, end, addr + i);
		// Of what is in no function, all from the one in front.
		uint64_t start = k ? functions[k - 1].end : addr;
		uint64_t end = addr + i + 2;
		search->trace.is_function = k < count &&
					    functions[k].start <= addr + i;
		if (search->trace.is_function) {
			start = functions[k].start;
			end = functions[k].end;
		} else if (start + LEAD < addr + i) {
			start = addr + i - LEAD;
		}
		start = start < addr ? addr : start;
		end = end > addr + len ? addr + len : end;
		*ret = look(search, start - addr, end - addr);
		done = search->trace.is_function ? end - addr : 0;
	}
	return NULL;
}
