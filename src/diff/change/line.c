// SPDX-License-Identifier: Apache-2.0

#include "diff/change/line.h"

#include "diff/code/callee.h"
#include "diff/code/line_imports.h"
#include "elf/lines.h"

#include <string.h>

/** What becomes of an argument. */
enum fate {
	FATE_UNKNOWN,
	/** It goes to arguments that are lines, and nowhere else. */
	FATE_LINE,
	/** It goes nowhere. */
	FATE_NOWHERE,
	FATE_OTHER,
};

enum {
	/** Functions that one question may lead through. */
	CHAIN_MAX = 32,
	/** `mov $imm32` to a register: bytes without the constant. */
	MOV_MAX = 3,
};

/** A question on its way: arguments of functions that are to be looked at. */
struct chain {
	uint32_t funcs[CHAIN_MAX];
	uint8_t arguments[CHAIN_MAX];
	size_t count;
	/** Some call was reached whose argument is a line. */
	bool has_line;
};

/** A constant that goes into a register. */
struct constant {
	uint8_t reg;
	uint32_t value;
};

struct graft_error *
graft_line_prover_init(const struct graft_diff *diff,
		       struct graft_line_prover *ret)
{
	GRAFT_CLEANUP(graft_line_prover_deinit)
	struct graft_line_prover prover = { .diff = diff };

	prover.old_side.code = diff->old_code;
	prover.new_side.code = diff->new_code;
	for (int i = 0; i < 2; i++) {
		struct graft_line_side *side = i ? &prover.new_side
						 : &prover.old_side;
		struct graft_error *err = graft_flow_init(side->code,
							  &side->flow);
		if (err)
			return err;
		side->fates = calloc(side->code->func_count + 1,
				     GRAFT_FLOW_ARGUMENTS);
		if (!side->fates)
			return graft_error_no_memory();
	}
	*ret = prover;
	prover = (struct graft_line_prover){ 0 };
	return NULL;
}

void
graft_line_prover_deinit(struct graft_line_prover *prover)
{
	struct graft_line_side *sides[] = { &prover->old_side,
					    &prover->new_side };

	for (int i = 0; i < 2; i++) {
		graft_flow_deinit(&sides[i]->flow);
		free(sides[i]->fates);
		graft_dwarf_close(sides[i]->dwarf);
	}
	*prover = (struct graft_line_prover){ 0 };
}

/** Get the line of an instruction from the debug information; 0 for none. */
static uint32_t
line_at(struct graft_line_side *side, uint64_t addr)
{
	struct graft_line line = { 0 };

	if (!side->dwarf_tried) {
		side->dwarf_tried = true;
		struct graft_error *err = graft_dwarf_open(side->code->image,
							   &side->dwarf);
		// Without debug information there is less proof, no error.
		graft_error_free(err);
	}
	if (!side->dwarf || !graft_dwarf_line_at(side->dwarf, addr, &line))
		return 0;
	return line.line;
}

/** The name by which other modules know a function, or NULL. */
static const char *
exported_line_name(const struct graft_code *code, uint32_t func)
{
	uint64_t addr = code->funcs[func].addr;
	size_t count;
	const struct graft_symbol *symbols = graft_image_symbols(code->image,
								 &count);
	size_t low = 0;
	size_t high = count;

	// Undefined ones stand last, with address 0.
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (symbols[mid].defined && symbols[mid].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < count && symbols[low].defined && symbols[low].addr == addr;
	     low++) {
		if (symbols[low].dynamic && symbols[low].type == STT_FUNC &&
		    graft_line_import_argument(symbols[low].name) >= 0)
			return symbols[low].name;
	}
	return NULL;
}

/** Say whether a call has a line where the value arrives, by its interface. */
static bool
is_line_call(const struct graft_code *code, const struct graft_callee *callee,
	     uint8_t arguments)
{
	const char *name = callee->import;

	if (!name && callee->func != GRAFT_NONE)
		name = exported_line_name(code, callee->func);
	int argument = name ? graft_line_import_argument(name) : -1;
	return argument >= 0 && arguments == 1U << argument;
}

/** Say whether what is left in registers is no argument of an import. */
static bool
is_ignored(const char *name, uint8_t arguments)
{
	for (unsigned i = 0; i < GRAFT_FLOW_ARGUMENTS; i++) {
		if ((arguments & 1U << i) &&
		    !graft_line_import_ignores(name, i))
			return false;
	}
	return true;
}

/** Ask for the arguments of a callee too; false: that is too much. */
static bool
go_on(struct chain *chain, uint32_t func, uint8_t arguments)
{
	for (uint8_t i = 0; i < GRAFT_FLOW_ARGUMENTS; i++) {
		size_t k = 0;
		if (!(arguments & 1U << i))
			continue;
		while (k < chain->count &&
		       (chain->funcs[k] != func || chain->arguments[k] != i))
			k++;
		if (k < chain->count)
			continue;
		if (chain->count == CHAIN_MAX)
			return false;
		chain->funcs[chain->count] = func;
		chain->arguments[chain->count++] = i;
	}
	return true;
}

/** Look at the calls that the flow found; false: one of them may not be. */
static bool
judge_calls(struct graft_line_side *side, uint32_t line, struct chain *chain)
{
	const struct graft_code *code = side->code;

	for (size_t i = 0; i < side->flow.call_count; i++) {
		const struct graft_flow_call *call = &side->flow.calls[i];
		const struct graft_insn *insn = &code->insns[call->insn];
		struct graft_callee callee = graft_callee_of(code, insn);
		if (is_line_call(code, &callee, call->arguments)) {
			chain->has_line = true;
			continue;
		}
		if (callee.import && is_ignored(callee.import, call->arguments))
			continue;
		if (line && line == line_at(side, graft_flow_call_addr(
							  &side->flow, call))) {
			chain->has_line = true;
			continue;
		}
		// Who is called by name may be somebody else's.
		if (callee.import || callee.func == GRAFT_NONE ||
		    !go_on(chain, callee.func, call->arguments))
			return false;
	}
	return true;
}

/** Go on until all functions that the value may reach were looked at. */
static struct graft_error *
finish_chain(struct graft_line_side *side, struct chain *chain, bool *ret)
{
	const struct graft_code *code = side->code;

	*ret = false;
	for (size_t i = 0; i < chain->count; i++) {
		const struct graft_func *func = &code->funcs[chain->funcs[i]];
		uint8_t argument = chain->arguments[i];
		uint8_t *fate = &side->fates[(size_t)chain->funcs[i] *
						     GRAFT_FLOW_ARGUMENTS +
					     argument];
		if (*fate == FATE_OTHER || func->insn_count == 0)
			return NULL;
		if (*fate != FATE_UNKNOWN) {
			chain->has_line |= *fate == FATE_LINE;
			continue;
		}
		struct graft_error *err =
			graft_flow_follow(&side->flow, func->first_insn,
					  graft_flow_register(argument));
		if (err)
			return err;
		if (side->flow.lost || side->flow.used ||
		    !judge_calls(side, 0, chain)) {
			*fate = FATE_OTHER;
			return NULL;
		}
	}
	*ret = true;
	return NULL;
}

/** Remember what the first function of a chain does with the argument. */
static void
remember(struct graft_line_side *side, const struct chain *chain, bool fine)
{
	if (!chain->count)
		return;
	side->fates[(size_t)chain->funcs[0] * GRAFT_FLOW_ARGUMENTS +
		    chain->arguments[0]] = !fine             ? FATE_OTHER
					   : chain->has_line ? FATE_LINE
							     : FATE_NOWHERE;
}

/** Say whether a constant is a line on one side. */
static struct graft_error *
prove_side(struct graft_line_side *side, uint32_t func, uint32_t insn,
	   const struct constant *constant, bool *ret)
{
	const struct graft_func *f = &side->code->funcs[func];
	struct chain chain = { 0 };

	*ret = false;
	if (insn + 1 >= f->first_insn + f->insn_count)
		return NULL;
	struct graft_error *err = graft_flow_follow(&side->flow, insn + 1,
						    constant->reg);
	if (err || side->flow.lost || side->flow.used ||
	    !judge_calls(side, constant->value, &chain))
		return err;
	// Each callee for itself, so that its answer can be remembered.
	bool has_line = chain.has_line;
	for (size_t i = 0; i < chain.count; i++) {
		struct chain one = { .funcs = { chain.funcs[i] },
				     .arguments = { chain.arguments[i] },
				     .count = 1 };
		bool fine;
		err = finish_chain(side, &one, &fine);
		if (err)
			return err;
		remember(side, &one, fine);
		if (!fine)
			return NULL;
		has_line |= one.has_line;
	}
	*ret = has_line;
	return NULL;
}

/** Read `mov $imm32, %reg`; false: it is something else. */
static bool
read_constant(const uint8_t *bytes, size_t len, struct constant *ret)
{
	size_t at = 0;
	uint8_t rex = 0;

	if (len > 0 && (bytes[0] & 0xf0) == 0x40)
		rex = bytes[at++];
	// REX.R and .X mean nothing here, and no compiler sets them.
	if ((rex & 6) || at >= len)
		return false;
	if ((bytes[at] & 0xf8) == 0xb8 && !(rex & 8)) {
		ret->reg = bytes[at] & 7;
	} else if (bytes[at] == 0xc7 && at + 1 < len &&
		   (bytes[at + 1] & 0xf8) == 0xc0) {
		ret->reg = bytes[++at] & 7;
	} else {
		return false;
	}
	at++;
	if (at > MOV_MAX || len != at + sizeof(ret->value))
		return false;
	ret->reg |= rex & 1 ? 8 : 0;
	memcpy(&ret->value, bytes + at, sizeof(ret->value));
	return true;
}

static const uint8_t *
bytes_of(const struct graft_code *code, uint32_t func, uint32_t insn)
{
	const struct graft_insn *i = &code->insns[insn];

	return graft_image_bytes(code->image, code->funcs[func].addr + i->off,
				 i->len);
}

struct graft_error *
graft_line_is_proven(struct graft_line_prover *prover, uint32_t old_func,
		     uint32_t old_insn, uint32_t new_func, uint32_t new_insn,
		     struct graft_line_pair *pair_ret, bool *ret)
{
	const struct graft_code *old_code = prover->diff->old_code;
	const struct graft_code *new_code = prover->diff->new_code;
	const uint8_t *ob = bytes_of(old_code, old_func, old_insn);
	const uint8_t *nb = bytes_of(new_code, new_func, new_insn);
	size_t len = old_code->insns[old_insn].len;
	struct constant o;
	struct constant n;

	*ret = false;
	// The address of something is no number (graft_ref::absolute).
	if (old_code->insns[old_insn].ref != GRAFT_NONE ||
	    new_code->insns[new_insn].ref != GRAFT_NONE)
		return NULL;
	if (!ob || !nb || len != new_code->insns[new_insn].len ||
	    !read_constant(ob, len, &o) || !read_constant(nb, len, &n) ||
	    memcmp(ob, nb, len - sizeof(o.value)) != 0 || o.value == n.value ||
	    o.value == 0 || n.value == 0 || o.value > INT32_MAX ||
	    n.value > INT32_MAX)
		return NULL;
	bool fine;
	struct graft_error *err = prove_side(&prover->old_side, old_func,
					     old_insn, &o, &fine);
	if (!err && fine)
		err = prove_side(&prover->new_side, new_func, new_insn, &n,
				 ret);
	if (!err && *ret)
		*pair_ret = (struct graft_line_pair){ o.value, n.value };
	return err;
}

/** Compare two instructions, the references in them aside. */
static bool
same_bytes(const struct graft_diff *diff, uint32_t old_func, uint32_t old_insn,
	   uint32_t new_func, uint32_t new_insn)
{
	const struct graft_insn *o = &diff->old_code->insns[old_insn];
	const struct graft_insn *n = &diff->new_code->insns[new_insn];
	const uint8_t *ob = bytes_of(diff->old_code, old_func, old_insn);
	const uint8_t *nb = bytes_of(diff->new_code, new_func, new_insn);

	if (!ob || !nb)
		return false;
	if (o->ref == GRAFT_NONE)
		return memcmp(ob, nb, o->len) == 0;
	const struct graft_ref * or = &diff->old_code->refs[o->ref];
	const struct graft_ref *nr = &diff->new_code->refs[n->ref];
	uint64_t at = or->at - diff->old_code->funcs[old_func].addr - o->off;
	uint64_t new_at = nr->at - diff->new_code->funcs[new_func].addr -
			  n->off;
	if (at != new_at || or->width != nr->width || at + or->width > o->len ||
	    or->kind != nr->kind)
		return false;
	return memcmp(ob, nb, at) == 0 &&
	       memcmp(ob + at + or->width, nb + at + or->width,
		      o->len - at - or->width) == 0;
}

struct graft_error *
graft_line_only_differs(struct graft_line_prover *prover, uint32_t old_func,
			uint32_t new_func, bool *ret)
{
	const struct graft_diff *diff = prover->diff;
	const struct graft_func *of = &diff->old_code->funcs[old_func];
	const struct graft_func *nf = &diff->new_code->funcs[new_func];
	bool any = false;

	*ret = false;
	if (of->size != nf->size || of->insn_count != nf->insn_count ||
	    of->ref_count != nf->ref_count || of->bad || nf->bad ||
	    of->endbr != nf->endbr)
		return NULL;
	// First what is cheap: most functions that changed differ otherwise.
	for (uint32_t i = 0; i < of->insn_count; i++) {
		const struct graft_insn *o =
			&diff->old_code->insns[of->first_insn + i];
		const struct graft_insn *n =
			&diff->new_code->insns[nf->first_insn + i];
		if (o->off != n->off || o->len != n->len ||
		    o->flags != n->flags ||
		    (o->ref == GRAFT_NONE) != (n->ref == GRAFT_NONE))
			return NULL;
	}
	for (uint32_t i = 0; i < of->insn_count; i++) {
		uint32_t o = of->first_insn + i;
		uint32_t n = nf->first_insn + i;
		struct graft_line_pair pair;
		bool fine;
		if (same_bytes(diff, old_func, o, new_func, n))
			continue;
		struct graft_error *err = graft_line_is_proven(
			prover, old_func, o, new_func, n, &pair, &fine);
		if (err || !fine)
			return err;
		any = true;
	}
	*ret = any;
	return NULL;
}

bool
graft_line_is_left(const struct graft_diff *diff, uint32_t new_func)
{
	const struct graft_func_match *match = &diff->new_match[new_func];

	return match->only_lines && !match->carried;
}
