// SPDX-License-Identifier: Apache-2.0

// What stands where in a frame, and what memory operands reach of it.

#include "judge/confined/search.h"

#include <Zydis/Zydis.h>
#include <string.h>

enum {
	/** From the stack pointer at entry, past the return address, to the
	 * canonical frame address. */
	CFA = 8,
	/** From the stack pointer at entry to %rbp behind `push %rbp`. */
	RBP = -8,
	/** So near in front of an object nobody says whether an index from there
	 * leads into the object: loops may count from 1 and the like. */
	NEAR = 64,
};

/** Get where a variable begins, from the stack pointer at entry. */
static int64_t
start_of(const struct graft_confined_body *body,
	 const struct graft_confined_var *var)
{
	switch (var->place) {
	case GRAFT_LOCAL_AT_CFA:
		return var->off + CFA;
	case GRAFT_LOCAL_AT_RBP:
		return var->off + RBP;
	default:
		return var->off + body->rsp;
	}
}

static int64_t
end_of(const struct graft_confined_body *body,
       const struct graft_confined_var *var)
{
	int64_t size = var->size > 0 && var->size < INT32_MAX
			       ? (int64_t)var->size
			       : 1;

	return start_of(body, var) + size;
}

/** Find the variable that a place is in: an object before others, then the first
 * that begins there. */
static const struct graft_confined_var *
find(const struct graft_confined *all, const struct graft_confined_body *body,
     int64_t off)
{
	const struct graft_confined_frame *frame = &all->q->frames[body->func];
	const struct graft_confined_var *found = NULL;

	for (size_t i = 0; i < frame->count; i++) {
		const struct graft_confined_var *var = &frame->vars[i];
		if (off < start_of(body, var) || off >= end_of(body, var))
			continue;
		if (!found || var->object ||
		    (!found->object &&
		     end_of(body, var) - start_of(body, var) >
			     end_of(body, found) - start_of(body, found)))
			found = var;
	}
	return found;
}

/** Say whether some object overlaps bytes of the frame. */
static bool
overlaps_object(const struct graft_confined *all,
		const struct graft_confined_body *body, int64_t off,
		int64_t size)
{
	const struct graft_confined_frame *frame = &all->q->frames[body->func];

	for (size_t i = 0; i < frame->count; i++) {
		const struct graft_confined_var *var = &frame->vars[i];
		if (var->object && off < end_of(body, var) &&
		    off + size > start_of(body, var))
			return true;
	}
	return false;
}

bool
graft_confined_is_frame_pointer(const struct graft_confined *all,
				const struct graft_confined_body *body,
				int64_t off)
{
	const struct graft_confined_frame *frame = &all->q->frames[body->func];

	for (size_t i = 0; i < frame->count; i++) {
		if (frame->vars[i].place == GRAFT_LOCAL_AT_RBP && off != RBP)
			return false;
	}
	return true;
}

bool
graft_confined_is_stack_pointer(const struct graft_confined *all,
				const struct graft_confined_body *body,
				int64_t off)
{
	const struct graft_confined_frame *frame = &all->q->frames[body->func];

	for (size_t i = 0; i < frame->count; i++) {
		if (frame->vars[i].place == GRAFT_LOCAL_AT_RSP &&
		    off != body->rsp)
			return false;
	}
	return true;
}

struct graft_confined_value
graft_confined_local(const struct graft_confined *all,
		     const struct graft_confined_body *body, int64_t off,
		     int64_t *size_ret, const char **fault_ret)
{
	bool owner = all->q->frames[body->func].owner;
	const struct graft_confined_var *var = find(all, body, off);
	struct graft_confined_value value = {
		.kind = GRAFT_CONFINED_LOCAL,
		.base = off,
		.off = off,
	};

	*fault_ret = NULL;
	*size_ret = 0;
	if (!var) {
		if (owner)
			*fault_ret = "an address leads to no variable";
		return value;
	}
	value.base = start_of(body, var);
	*size_ret = end_of(body, var) - value.base;
	if (var->object) {
		value.kind = GRAFT_CONFINED_OBJECT;
		value.who = body->func;
		value.off = off - value.base;
		return value;
	}
	if (overlaps_object(all, body, value.base, *size_ret))
		*fault_ret = "an object shares its place with a variable";
	return value;
}

/** Say whether an index may count up to 0: some register begins with a negative
 * number. */
static bool
counts_up_to_zero(const struct graft_confined_body *body)
{
	for (uint32_t i = 0; i < graft_confined_count(body); i++) {
		const struct graft_ops *part;
		const struct graft_op *op = graft_confined_op(body, i, &part);
		if (op->what == GRAFT_OP_MOV && op->has_imm && !op->has_mem &&
		    op->dst_size == 8 && op->imm < 0)
			return true;
	}
	return false;
}

bool
graft_confined_is_ambiguous(const struct graft_confined *o,
			    const struct graft_confined_body *old_body,
			    int64_t old_off, const struct graft_confined *n,
			    const struct graft_confined_body *new_body,
			    int64_t new_off)
{
	const struct graft_confined_frame *was = &o->q->frames[old_body->func];
	const struct graft_confined_frame *is = &n->q->frames[new_body->func];

	for (size_t i = 0; i < was->count * is->count; i++) {
		const struct graft_confined_var *a = &was->vars[i / is->count];
		const struct graft_confined_var *b = &is->vars[i % is->count];
		if (!a->object || !b->object)
			continue;
		int64_t x = old_off - start_of(old_body, a);
		int64_t y = new_off - start_of(new_body, b);
		int64_t end = (int64_t)(a->size > b->size ? a->size : b->size);
		bool close = x > -NEAR && x < end + NEAR;
		// Who walks from the end to the start begins with the size.
		bool ends = x == (int64_t)a->size && y == (int64_t)b->size &&
			    (a->size == b->size ||
			     counts_up_to_zero(old_body) ||
			     counts_up_to_zero(new_body));
		if (close && (x == y || ends))
			return true;
	}
	return false;
}

static struct graft_confined_place
nobody_knows(const char *fault)
{
	return (struct graft_confined_place){
		.reach = GRAFT_CONFINED_NOBODY_KNOWS,
		.fault = fault,
	};
}

/** Find what is reached in the own frame by a constant. */
static struct graft_confined_place
in_frame(const struct graft_confined *all,
	 const struct graft_confined_body *body, int64_t off, int64_t size)
{
	struct graft_confined_place place = { .off = off, .size = size };
	const struct graft_confined_var *var = find(all, body, off);

	place.reach = GRAFT_CONFINED_IN_FRAME;
	if (var && var->object) {
		place.reach = GRAFT_CONFINED_IN_OBJECT;
		place.off = off - start_of(body, var);
		if (off + size > end_of(body, var))
			return nobody_knows("an access leads out of an object");
	} else if (overlaps_object(all, body, off, size)) {
		return nobody_knows("an access leads into an object");
	}
	return place;
}

/** Find what is reached in the own frame by an index. */
static struct graft_confined_place
in_variable(const struct graft_confined *all,
	    const struct graft_confined_body *body, int64_t off)
{
	struct graft_confined_place place = {
		.reach = GRAFT_CONFINED_IN_VARIABLE,
	};
	const char *fault;
	struct graft_confined_value value =
		graft_confined_local(all, body, off, &place.size, &fault);

	if (value.kind == GRAFT_CONFINED_OBJECT)
		return nobody_knows("an object is reached by an index");
	if (fault)
		return nobody_knows(fault);
	place.off = value.base;
	place.from = off - value.base;
	return place;
}

struct graft_confined_place
graft_confined_place_of(const struct graft_confined *all,
			const struct graft_confined_body *body,
			const struct graft_op *op,
			const struct graft_confined_state *state)
{
	struct graft_confined_value base = graft_confined_nothing();
	struct graft_confined_value index = graft_confined_nothing();
	bool indexed = op->index < 16;

	if (!op->has_mem || op->has_ref)
		return (struct graft_confined_place){ 0 };
	if (op->base < 16)
		base = state->regs[op->base];
	if (indexed)
		index = state->regs[op->index];
	// The pointer may stand where the index does.
	if (index.kind == GRAFT_CONFINED_LOCAL && op->scale == 1 &&
	    base.kind < GRAFT_CONFINED_STACK)
		base = index;
	else if (index.kind >= GRAFT_CONFINED_STACK &&
		 index.kind != GRAFT_CONFINED_FUNC)
		return nobody_knows("an address serves as an index");
	switch (base.kind) {
	case GRAFT_CONFINED_POISON:
		return nobody_knows(
			"the address of an object, or something else, is used");
	case GRAFT_CONFINED_OBJECT:
		if (indexed)
			return nobody_knows("an object is reached by an index");
		if (base.off + op->disp < 0 ||
		    base.off + op->disp + op->mem_size > (int64_t)all->q->size)
			return nobody_knows("an access leads out of an object");
		return (struct graft_confined_place){
			.reach = GRAFT_CONFINED_IN_OBJECT,
			.off = base.off + op->disp,
			.size = op->mem_size,
		};
	case GRAFT_CONFINED_LOCAL:
		if (indexed || base.off == INT64_MIN) {
			struct graft_confined_place place =
				in_variable(all, body, base.base);
			// How far the pointer is, nobody knows.
			place.from = op->disp;
			return place;
		}
		return in_frame(all, body, base.off + op->disp, op->mem_size);
	case GRAFT_CONFINED_STACK:
		if (indexed)
			return in_variable(all, body, base.off + op->disp);
		return in_frame(all, body, base.off + op->disp, op->mem_size);
	default:
		return (struct graft_confined_place){ 0 };
	}
}

struct graft_confined_value
graft_confined_address_of(const struct graft_confined *all,
			  const struct graft_confined_body *body,
			  const struct graft_op *op,
			  const struct graft_confined_state *state)
{
	struct graft_confined_value value = graft_confined_nothing();
	bool adds = op->what == GRAFT_OP_ADD && op->has_imm && !op->has_mem &&
		    op->dst < 16;
	int64_t by = op->subtracts ? -op->imm : op->imm;
	const char *fault;
	int64_t size;

	if (op->dst_size != 8 || op->dst >= 16 || op->has_ref)
		return value;
	if (op->what == GRAFT_OP_LEA && op->base < 16) {
		value = state->regs[op->base];
		by = op->disp;
	} else if (adds) {
		value = state->regs[op->dst];
	} else if (op->what == GRAFT_OP_MOV && !op->has_mem && op->src < 16) {
		value = state->regs[op->src];
		by = 0;
	}
	switch (value.kind) {
	case GRAFT_CONFINED_LOCAL:
		if (value.off == INT64_MIN)
			return graft_confined_nothing();
		return graft_confined_local(all, body, value.off + by, &size,
					    &fault);
	case GRAFT_CONFINED_STACK:
		value.off += by;
		if (op->dst == GRAFT_REG_RSP || op->dst == GRAFT_REG_RBP)
			return value;
		return graft_confined_local(all, body, value.off, &size,
					    &fault);
	case GRAFT_CONFINED_OBJECT:
		value.off += by;
		return value;
	default:
		return graft_confined_nothing();
	}
}

const struct graft_confined_member *
graft_confined_member_at(const struct graft_confined *all, int64_t off,
			 int64_t size)
{
	for (size_t i = 0; off >= 0 && i < all->q->member_count; i++) {
		const struct graft_confined_member *m = &all->q->members[i];
		if ((uint64_t)off >= m->off &&
		    (uint64_t)off + (uint64_t)size <= m->off + m->size)
			return m;
	}
	return NULL;
}

bool
graft_confined_is_constant_store(const struct graft_confined *all,
				 const struct graft_confined_body *body,
				 const struct graft_op *op,
				 const struct graft_confined_state *state)
{
	if (!op->has_mem || !op->mem_write || op->mem_read ||
	    op->what == GRAFT_OP_PUSH || op->what == GRAFT_OP_POP)
		return false;
	struct graft_confined_place place = graft_confined_place_of(all, body,
								    op, state);
	if (place.reach != GRAFT_CONFINED_IN_OBJECT)
		return false;
	if (op->src >= GRAFT_REG_XMM0 && op->src < 32)
		return state->zero & ((uint32_t)1 << op->src);
	if (op->what != GRAFT_OP_MOV)
		return false;
	return op->has_imm || (op->src < 16 && state->regs[op->src].kind ==
						       GRAFT_CONFINED_CONST);
}

bool
graft_confined_is_repeated_store(const struct graft_confined *all,
				 const struct graft_op *op,
				 const struct graft_confined_state *state)
{
	const struct graft_confined_value *to = &state->regs[GRAFT_REG_RDI];
	const struct graft_confined_value *count = &state->regs[GRAFT_REG_RCX];
	int64_t width;

	switch (op->mnemonic) {
	case ZYDIS_MNEMONIC_STOSB:
		width = 1;
		break;
	case ZYDIS_MNEMONIC_STOSD:
		width = 4;
		break;
	case ZYDIS_MNEMONIC_STOSQ:
		width = 8;
		break;
	default:
		return false;
	}
	return (op->reads & (1U << GRAFT_REG_RCX)) &&
	       to->kind == GRAFT_CONFINED_OBJECT && to->off >= 0 &&
	       count->kind == GRAFT_CONFINED_CONST && count->off >= 0 &&
	       count->off <= (int64_t)all->q->size &&
	       state->regs[GRAFT_REG_RAX].kind == GRAFT_CONFINED_CONST &&
	       to->off + count->off * width <= (int64_t)all->q->size;
}

bool
graft_confined_loads_constant(const struct graft_code *code,
			      const struct graft_op *op)
{
	uint32_t ref = code->insns[op->insn].ref;

	switch (op->mnemonic) {
	case ZYDIS_MNEMONIC_MOVAPS:
	case ZYDIS_MNEMONIC_MOVUPS:
	case ZYDIS_MNEMONIC_MOVDQA:
	case ZYDIS_MNEMONIC_MOVDQU:
	case ZYDIS_MNEMONIC_MOVQ:
		break;
	default:
		return false;
	}
	if (!op->has_ref || op->first < GRAFT_REG_XMM0 || op->first >= 32 ||
	    ref == GRAFT_NONE || code->refs[ref].kind != GRAFT_REF_MEMORY)
		return false;
	const struct graft_section *section =
		graft_image_section_at(code->image, code->refs[ref].target);
	return section && (!graft_section_is_writable(section) ||
			   strncmp(section->name, ".data.rel.ro", 12) == 0);
}
