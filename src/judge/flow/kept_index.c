// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/kept_index.h"

#include "diff/code/area.h"
#include "judge/flow/ways.h"

#include <Zydis/Zydis.h>

enum {
	/** Words of the frame that are told apart. */
	SLOTS = 32,
	/** Longest function that is followed, in instructions. */
	LENGTH_MAX = 6000,
	ROW_MAX = 256,
};

enum kind {
	UNKNOWN,
	/** The address of a table. */
	TABLE,
	/** What was found in memory, times a factor. */
	KEPT,
	/** The address of a row by such a number. */
	ROW,
	/** What a row says. */
	CONTENT,
};

struct value {
	uint8_t kind;
	uint32_t factor;
	uint64_t table;
};

/** A word of the frame; unknown without a name. */
struct slot {
	int64_t name;
	struct value value;
};

struct state {
	struct value regs[16];
	struct slot slots[SLOTS];
};

static const struct value unknown = { .kind = UNKNOWN };

static bool
is_same(struct value a, struct value b)
{
	return a.kind == b.kind && a.factor == b.factor && a.table == b.table;
}

static struct value
reg_of(const struct state *state, uint8_t reg)
{
	return reg < 16 ? state->regs[reg] : unknown;
}

static struct value
times(struct value value, int64_t factor)
{
	int64_t product = (int64_t)value.factor * factor;

	if (factor == 1)
		return value;
	if (value.kind != KEPT || factor < 1 || product > ROW_MAX)
		return unknown;
	value.factor = (uint32_t)product;
	return value;
}

static struct value
sum(struct value a, struct value b)
{
	const struct value *table = a.kind == TABLE ? &a : &b;
	const struct value *kept = a.kind == TABLE ? &b : &a;

	if (table->kind != TABLE || kept->kind != KEPT)
		return unknown;
	return (struct value){ .kind = ROW,
			       .factor = kept->factor,
			       .table = table->table };
}

/** What a memory operand points to. */
static struct value
address_of(const struct state *state, const struct graft_op *op)
{
	struct value base = reg_of(state, op->base);
	struct value index = reg_of(state, op->index);

	if (op->index >= 16)
		return base;
	if (op->base == op->index)
		return times(index, op->scale + 1);
	index = times(index, op->scale);
	return op->base >= 16 ? index : sum(base, index);
}

static bool
is_slot(const struct graft_ops *ops, const struct graft_op *op)
{
	return graft_op_in_frame(ops, op) && op->index == GRAFT_REG_NONE;
}

static int64_t
name_of(const struct graft_op *op)
{
	return op->disp * 2 + (op->base == GRAFT_REG_RSP) + 1;
}

static struct slot *
slot_of(struct state *state, const struct graft_op *op)
{
	return &state->slots[(uint64_t)(op->disp / 4) % SLOTS];
}

/** What a load brings. */
static struct value
loaded(struct state *state, const struct graft_ops *ops,
       const struct graft_op *op)
{
	if (is_slot(ops, op)) {
		const struct slot *slot = slot_of(state, op);
		return slot->name == name_of(op) ? slot->value : unknown;
	}
	if (op->mem_size < 2 || op->mem_size > 8 || graft_op_in_frame(ops, op))
		return unknown;
	if (op->has_ref) {
		uint32_t ref = ops->code->insns[op->insn].ref;
		bool constant = ref != GRAFT_NONE &&
				graft_area_of(ops->code->image,
					      ops->code->refs[ref].target) ==
					GRAFT_AREA_CONSTANT;
		return constant ? unknown
				: (struct value){ .kind = KEPT, .factor = 1 };
	}
	// What stands in a table was not left there by anybody.
	struct value address = address_of(state, op);
	if (address.kind == ROW)
		address.kind = CONTENT;
	if (address.kind == TABLE || address.kind == CONTENT)
		return address.kind == CONTENT ? address : unknown;
	return (struct value){ .kind = KEPT, .factor = 1 };
}

static struct value
named(const struct graft_ops *ops, const struct graft_op *op)
{
	uint32_t ref = ops->code->insns[op->insn].ref;

	if (ref == GRAFT_NONE)
		return unknown;
	uint64_t addr = ops->code->refs[ref].target;
	if (graft_area_of(ops->code->image, addr) != GRAFT_AREA_CONSTANT)
		return unknown;
	return (struct value){ .kind = TABLE, .factor = 1, .table = addr };
}

static struct value
result_of(struct state *state, const struct graft_ops *ops,
	  const struct graft_op *op)
{
	struct value dst = reg_of(state, op->dst);
	struct value src = reg_of(state, op->src);
	bool loads = op->has_mem && op->mem_read;

	switch (op->mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVZX:
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
		if (loads)
			return loaded(state, ops, op);
		return op->has_imm ? unknown : src;
	case ZYDIS_MNEMONIC_CDQE:
		return dst;
	case ZYDIS_MNEMONIC_LEA:
		return op->has_ref ? named(ops, op) : address_of(state, op);
	case ZYDIS_MNEMONIC_AND:
		return op->has_imm && dst.kind == KEPT ? dst : unknown;
	case ZYDIS_MNEMONIC_ADD:
		if (loads)
			return unknown;
		if (op->has_imm)
			return dst;
		return op->src == op->dst ? times(dst, 2) : sum(dst, src);
	case ZYDIS_MNEMONIC_SUB:
		return op->has_imm ? dst : unknown;
	case ZYDIS_MNEMONIC_SHL:
		return op->has_imm && !op->has_mem
			       ? times(dst, (int64_t)1 << (op->imm & 31))
			       : unknown;
	case ZYDIS_MNEMONIC_IMUL:
		if (!op->has_imm)
			return unknown;
		return times(loads ? loaded(state, ops, op) : src, op->imm);
	default:
		return unknown;
	}
}

/** Note a read of a row. What is known less later is not taken back. */
static void
look(struct graft_kept_indexes *found, const struct graft_op *op, uint32_t at,
     struct value address)
{
	if (address.kind != ROW || !op->mem_read || op->what == GRAFT_OP_LEA ||
	    op->what == GRAFT_OP_NOP || found->count == GRAFT_KEPT_INDEXES_MAX)
		return;
	for (uint32_t i = 0; i < found->count; i++) {
		if (found->list[i].at == at)
			return;
	}
	found->list[found->count++] = (struct graft_kept_index){
		.at = at, .table = address.table, .row = address.factor
	};
}

/** Note that a row is added to the address of its table. */
static void
look_at_sum(struct graft_kept_indexes *found, struct value a, struct value b)
{
	bool distance = (a.kind == TABLE && b.kind == CONTENT) ||
			(a.kind == CONTENT && b.kind == TABLE);

	for (uint32_t i = 0; distance && i < found->count; i++)
		found->list[i].distances |= found->list[i].table == a.table &&
					    a.table == b.table;
}

static void
step(void *context, const struct graft_ops *ops, uint32_t at, void *known)
{
	struct state *state = known;
	const struct graft_op *op = &ops->ops[at];
	struct value result = result_of(state, ops, op);

	if (op->mnemonic == ZYDIS_MNEMONIC_ADD && !op->has_mem)
		look_at_sum(context, reg_of(state, op->dst),
			    reg_of(state, op->src));
	if (op->what == GRAFT_OP_LEA && op->index < 16 && op->scale == 1)
		look_at_sum(context, reg_of(state, op->base),
			    reg_of(state, op->index));
	if (op->has_mem && !op->has_ref)
		look(context, op, at, address_of(state, op));
	if (op->has_mem && op->mem_write && is_slot(ops, op)) {
		bool keeps = op->what == GRAFT_OP_MOV && op->src < 16;
		*slot_of(state, op) = (struct slot){
			.name = keeps ? name_of(op) : 0,
			.value = keeps ? reg_of(state, op->src) : unknown,
		};
	}
	for (uint8_t r = 0; r < 16; r++) {
		bool lost = (op->flags & GRAFT_INSN_CALL) &&
			    graft_reg_is_volatile(r);
		if (lost || (op->writes & (1U << r)) || op->first == r)
			state->regs[r] = op->dst == r && !lost ? result
					 : op->what == GRAFT_OP_CMP ||
							 op->what ==
								 GRAFT_OP_TEST
						 ? state->regs[r]
						 : unknown;
	}
}

static bool
merge(void *into, const void *from)
{
	struct state *a = into;
	const struct state *b = from;
	bool changed = false;

	for (uint32_t r = 0; r < 16; r++) {
		if (is_same(a->regs[r], b->regs[r]) ||
		    a->regs[r].kind == UNKNOWN)
			continue;
		a->regs[r] = unknown;
		changed = true;
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct slot *slot = &a->slots[i];
		if (!slot->name || (slot->name == b->slots[i].name &&
				    is_same(slot->value, b->slots[i].value)))
			continue;
		*slot = (struct slot){ 0 };
		changed = true;
	}
	return changed;
}

struct graft_error *
graft_kept_indexes_read(const struct graft_ops *ops,
			struct graft_kept_indexes *ret)
{
	struct state entry = { 0 };

	*ret = (struct graft_kept_indexes){ 0 };
	if (ops->count > LENGTH_MAX)
		return NULL;
	return graft_ways_follow(ops, sizeof(entry), &entry, step, merge, ret);
}
