// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/strides.h"

#include "base/cleanup.h"
#include "diff/diff.h"
#include "judge/flow/allocator.h"
#include "judge/flow/origins.h"
#include "judge/flow/ways.h"

#include <Zydis/Zydis.h>
#include <string.h>

enum {
	TERMS = 3,
	/** Words of the frame that are told apart. */
	SLOTS = 12,
	/** Longest function that is followed, in instructions. */
	LENGTH_MAX = 6000,
	/** What a value begins with: a register at the entry, one where ways
	 * meet, a constant table, and else the instruction that made it. */
	ROOT_ENTRY = 1,
	ROOT_MET = 17,
	ROOT_CONSTANT = 49,
	ROOT_MADE = 64,
	/** Roots of one instruction: of each register that it writes, and of what
	 * it computes. */
	ROOTS = 17,
	FACTOR_MAX = 1 << 20,
};

/** A sum of values times constants. */
struct sum {
	uint32_t root[TERMS];
	int32_t factor[TERMS];
};

/** What the registers and some words of the frame hold. */
struct values {
	struct sum regs[16];
	struct sum slots[SLOTS];
	/** Which word each slot is: its displacement and base. */
	int64_t name[SLOTS];
};

struct search {
	struct graft_strides *found;
	/** As graft_origins_made() returns it. */
	const uint64_t *origins;
	struct graft_error *err;
};

static struct sum
plain(uint32_t root)
{
	return (struct sum){ .root = { root }, .factor = { 1 } };
}

/** Add a multiple of one sum to another; the result begins anew if it is too
 * long. */
static struct sum
add(struct sum a, const struct sum *b, int64_t times, uint32_t root)
{
	for (int i = 0; i < TERMS && b->root[i]; i++) {
		int j = 0;
		while (j < TERMS && a.root[j] && a.root[j] != b->root[i])
			j++;
		if (j == TERMS)
			return plain(root);
		int64_t factor = (a.root[j] ? a.factor[j] : 0) +
				 times * b->factor[i];
		if (factor > FACTOR_MAX || factor < -FACTOR_MAX)
			return plain(root);
		a.root[j] = b->root[i];
		a.factor[j] = (int32_t)factor;
	}
	return a;
}

static struct sum
value_of(const struct values *values, uint8_t reg)
{
	return reg < 16 ? values->regs[reg] : (struct sum){ 0 };
}

/** What an address is made of: base + index * scale. */
static struct sum
address_of(const struct values *values, const struct graft_op *op,
	   uint32_t root)
{
	struct sum sum = value_of(values, op->base);
	struct sum index = value_of(values, op->index);

	return add(sum, &index, op->scale, root);
}

static int64_t
name_of(const struct graft_op *op)
{
	return op->disp * 2 + (op->base == GRAFT_REG_RSP) + 1;
}

static struct sum *
slot_of(struct values *values, const struct graft_op *op)
{
	return &values->slots[(uint64_t)(op->disp / 4) % SLOTS];
}

static bool
merge(void *into, const void *from)
{
	struct values *a = into;
	const struct values *b = from;
	bool changed = false;

	for (uint32_t r = 0; r < 16; r++) {
		struct sum met = plain(ROOT_MET + r);
		if (memcmp(&a->regs[r], &b->regs[r], sizeof(met)) == 0 ||
		    memcmp(&a->regs[r], &met, sizeof(met)) == 0)
			continue;
		a->regs[r] = met;
		changed = true;
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		bool same = a->name[i] == b->name[i] &&
			    memcmp(&a->slots[i], &b->slots[i],
				   sizeof(a->slots[i])) == 0;
		if (same || !a->name[i])
			continue;
		a->name[i] = 0;
		changed = true;
	}
	return changed;
}

static void
note(struct graft_strides *found, struct graft_stride stride)
{
	for (uint32_t i = 0; i < found->count; i++) {
		if (found->list[i].factor == stride.factor &&
		    found->list[i].base == stride.base)
			return;
	}
	if (found->count == GRAFT_STRIDES_MAX) {
		found->partial = true;
		return;
	}
	found->list[found->count++] = stride;
}

/** Find where the pointer in an address comes from: what is added once. */
static uint64_t
base_of(const struct search *search, const struct graft_ops *ops,
	const struct sum *sum)
{
	uint64_t base = 0;

	for (int i = 0; i < TERMS && sum->root[i]; i++) {
		uint32_t root = sum->root[i];
		uint64_t key = 0;
		if (sum->factor[i] != 1)
			continue;
		if (root >= ROOT_MADE &&
		    (root - ROOT_MADE) % ROOTS == ROOTS - 1)
			key = search->origins[(root - ROOT_MADE) / ROOTS];
		else if (root < ROOT_MET)
			key = search->origins[ops->count + root - ROOT_ENTRY];
		// Which of two is the pointer?
		if (key && base)
			return 0;
		base = key ? key : base;
	}
	return base;
}

/** Note the factors of an address through a pointer. */
static void
look(struct search *search, const struct graft_ops *ops, uint32_t at,
     const struct values *values)
{
	const struct graft_op *op = &ops->ops[at];
	bool constant = false;

	if (!graft_op_through_pointer(ops, op) || op->what == GRAFT_OP_NOP)
		return;
	struct sum sum = address_of(values, op, 0);
	for (int i = 0; i < TERMS; i++)
		constant |= sum.root[i] == ROOT_CONSTANT;
	for (int i = 0; !constant && i < TERMS && sum.root[i]; i++) {
		if (sum.factor[i] > 1)
			note(search->found,
			     (struct graft_stride){
				     .factor = sum.factor[i],
				     .base = base_of(search, ops, &sum),
				     .at = at });
	}
}

/** Note the factor of a size in a call of an allocator. */
static void
look_at_call(struct search *search, const struct graft_ops *ops, uint32_t at,
	     const struct values *values)
{
	const struct graft_op *op = &ops->ops[at];
	struct graft_sizing sizing = { 0 };
	bool leaves = (op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
		      !(op->flags & GRAFT_INSN_INTERNAL);

	if (!leaves || search->err)
		return;
	for (int i = 0; i < GRAFT_SIZE_ARGUMENTS; i++) {
		struct sum sum = value_of(values, graft_argument_reg(i));
		if (sum.factor[0] < 4 || sum.root[1])
			continue;
		if (!sizing.sizes)
			search->err = graft_sizing_of_call(ops, op, &sizing);
		if (!search->err && !sizing.guess && !sizing.fills &&
		    (sizing.sizes & (1 << i)))
			note(search->found,
			     (struct graft_stride){ .factor = sum.factor[0],
						    .at = at,
						    .size = true });
	}
}

static uint32_t
root_of_ref(const struct graft_ops *ops, const struct graft_op *op,
	    uint32_t made)
{
	uint32_t ref = ops->code->insns[op->insn].ref;

	if (ref == GRAFT_NONE)
		return made;
	const struct graft_section *section = graft_image_section_at(
		ops->code->image, ops->code->refs[ref].target);
	return section && !graft_section_is_writable(section) ? ROOT_CONSTANT
							      : made;
}

/** Find what an instruction computes from registers; false if it is something
 * new. */
static bool
compute(const struct values *values, const struct graft_op *op, uint32_t made,
	struct sum *ret)
{
	struct sum zero = { 0 };
	struct sum dst = value_of(values, op->dst);
	struct sum src = value_of(values, op->src);
	bool registers = !op->has_mem;

	switch (op->mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVSXD:
		*ret = src;
		return registers && !op->has_imm && op->src < 16;
	case ZYDIS_MNEMONIC_CDQE:
		*ret = dst;
		return true;
	case ZYDIS_MNEMONIC_LEA:
		*ret = address_of(values, op, made);
		return !op->has_ref;
	case ZYDIS_MNEMONIC_ADD:
		*ret = op->has_imm ? dst : add(dst, &src, 1, made);
		return registers;
	case ZYDIS_MNEMONIC_SUB:
		*ret = op->has_imm ? dst : add(dst, &src, -1, made);
		return registers;
	case ZYDIS_MNEMONIC_SHL:
		*ret = add(zero, &dst, (int64_t)1 << (op->imm & 31), made);
		return registers && op->has_imm;
	case ZYDIS_MNEMONIC_IMUL:
		if (op->has_mem)
			src = plain(made);
		*ret = add(zero, &src, op->imm, made);
		return op->has_imm && (op->has_mem || op->src < 16);
	default:
		return false;
	}
}

static void
move(const struct graft_ops *ops, uint32_t at, struct values *values)
{
	const struct graft_op *op = &ops->ops[at];
	uint32_t roots = ROOT_MADE + at * ROOTS;
	uint32_t made = roots + ROOTS - 1;
	struct sum result;
	bool frame = graft_op_in_frame(ops, op) && op->index == GRAFT_REG_NONE;
	int64_t *name =
		frame ? &values->name[slot_of(values, op) - values->slots]
		      : NULL;
	bool load = name && op->what == GRAFT_OP_MOV && op->mem_read &&
		    *name == name_of(op);
	bool known = compute(values, op, made, &result);

	if (load) {
		known = true;
		result = *slot_of(values, op);
	} else if (!known) {
		result = plain(op->has_ref && op->what == GRAFT_OP_LEA
				       ? root_of_ref(ops, op, made)
				       : made);
	}
	if (name && op->mem_write) {
		bool keeps = op->what == GRAFT_OP_MOV && op->src < 16;
		*name = keeps ? name_of(op) : 0;
		*slot_of(values, op) = value_of(values, op->src);
	}
	for (uint8_t r = 0; r < 16; r++) {
		bool lost = (op->flags & GRAFT_INSN_CALL) &&
			    graft_reg_is_volatile(r);
		if (lost || (op->writes & (1U << r)))
			values->regs[r] = plain(roots + r);
	}
	if (op->dst < 16 && (op->writes & (1U << op->dst)))
		values->regs[op->dst] = result;
}

static void
step(void *context, const struct graft_ops *ops, uint32_t at, void *state)
{
	look(context, ops, at, state);
	look_at_call(context, ops, at, state);
	move(ops, at, state);
}

struct graft_error *
graft_strides_read(const struct graft_case *c, const struct graft_ops *ops,
		   struct graft_strides *ret)
{
	struct graft_strides found = { 0 };
	struct search search = { .found = &found };
	struct values entry = { 0 };
	GRAFT_FREE uint64_t *origins = NULL;

	if (ops->count > LENGTH_MAX) {
		found.partial = true;
		*ret = found;
		return NULL;
	}
	for (uint32_t r = 0; r < 16; r++)
		entry.regs[r] = plain(ROOT_ENTRY + r);
	struct graft_error *err = graft_origins_made(c, ops, &origins);
	if (err)
		return err;
	search.origins = origins;
	err = graft_ways_follow(ops, sizeof(entry), &entry, step, merge,
				&search);
	if (err) {
		graft_error_free(search.err);
		return err;
	}
	if (search.err)
		return search.err;
	*ret = found;
	return NULL;
}

const struct graft_stride *
graft_strides_only_in(const struct graft_strides *strides,
		      const struct graft_strides *other)
{
	for (uint32_t i = 0; i < strides->count; i++) {
		bool found = false;
		for (uint32_t j = 0; !found && j < other->count; j++)
			found = other->list[j].factor ==
				strides->list[i].factor;
		if (!found)
			return &strides->list[i];
	}
	return NULL;
}

/** Find a factor of one base that the other function has not, though it has others
 * of that base; or NULL. */
static const struct graft_stride *
only_of_base(const struct graft_strides *strides,
	     const struct graft_strides *other, uint64_t base)
{
	const struct graft_stride *only = NULL;
	bool known = false;

	for (uint32_t j = 0; j < other->count; j++)
		known |= other->list[j].base == base;
	for (uint32_t i = 0; known && !only && i < strides->count; i++) {
		const struct graft_stride *stride = &strides->list[i];
		bool found = stride->base != base;
		for (uint32_t j = 0; !found && j < other->count; j++)
			found = other->list[j].base == base &&
				other->list[j].factor == stride->factor;
		only = found ? NULL : stride;
	}
	return only;
}

bool
graft_strides_differ(const struct graft_strides *o,
		     const struct graft_strides *n, bool bases,
		     const struct graft_stride **old_ret,
		     const struct graft_stride **new_ret)
{
	const struct graft_stride *gone = graft_strides_only_in(o, n);
	const struct graft_stride *come = graft_strides_only_in(n, o);

	if (o->partial || n->partial)
		return false;
	for (uint32_t i = 0; bases && !(gone && come) && i < o->count; i++) {
		uint64_t base = o->list[i].base;
		gone = base ? only_of_base(o, n, base) : NULL;
		come = base ? only_of_base(n, o, base) : NULL;
	}
	*old_ret = gone;
	*new_ret = come;
	return gone && come;
}
