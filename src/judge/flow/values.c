// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/values.h"

#include "base/hash.h"
#include "diff/diff.h"
#include "judge/flow/values_root.h"
#include "judge/flow/ways.h"

#include <Zydis/Zydis.h>
#include <string.h>

enum {
	/** Words of the frame that are told apart. */
	SLOTS = 64,
	/** Longest function that is followed, in instructions. */
	LENGTH_MAX = 30000,
	/** What hashes begin with. */
	KIND_ENTRY = 8,
	KIND_LOAD,
	KIND_INDEXED,
	KIND_COMPUTED,
	KIND_RESULT,
};

/** A word of the frame. */
struct slot {
	/** From the stack pointer at the entry. */
	int64_t name;
	bool known;
	struct graft_value value;
};

struct graft_values {
	struct graft_value regs[16];
	struct slot slots[SLOTS];
};

static const struct graft_value unknown = { .root = ROOT_UNKNOWN };
static const struct graft_value met = { .root = ROOT_MET };

struct graft_value
graft_value_of_reg(const struct graft_values *values, uint8_t reg)
{
	return reg < 16 ? values->regs[reg] : unknown;
}

/** Make an expression out of two; known only in part if one of them is. */
static struct graft_value
combine(uint64_t kind, struct graft_value a, struct graft_value b)
{
	uint64_t root = graft_hash_mix(kind, a.root);

	if (a.root == ROOT_UNKNOWN || b.root == ROOT_UNKNOWN)
		return unknown;
	root = graft_hash_mix(root, (uint64_t)a.off);
	root = graft_hash_mix(root, b.root);
	root = graft_hash_mix(root, (uint64_t)b.off) << 4;
	return (struct graft_value){ root | 8U | ((a.root | b.root) & VAGUE),
				     0 };
}

static struct graft_value
constant(int64_t value)
{
	return (struct graft_value){ ROOT_CONSTANT, value };
}

static struct graft_value
moved(struct graft_value value, int64_t by)
{
	// Distances of hostile code may be anything.
	value.off = (int64_t)((uint64_t)value.off + (uint64_t)by);
	return value.root == ROOT_UNKNOWN ? unknown : value;
}

static struct graft_value
sum(struct graft_value a, struct graft_value b)
{
	if (a.root == ROOT_CONSTANT)
		return moved(b, a.off);
	if (b.root == ROOT_CONSTANT)
		return moved(a, b.off);
	int64_t off = (int64_t)((uint64_t)a.off + (uint64_t)b.off);
	a.off = b.off = 0;
	bool swap = b.root < a.root;
	return moved(combine(KIND_INDEXED + ((uint64_t)1 << 8), swap ? b : a,
			     swap ? a : b),
		     off);
}

static struct graft_value
product(struct graft_value a, int64_t by)
{
	if (a.root == ROOT_CONSTANT)
		return constant((int64_t)((uint64_t)a.off * (uint64_t)by));
	if (by == 1)
		return a;
	return combine(KIND_INDEXED, a, constant(by));
}

/** Name what a reference goes to. */
static struct graft_value
referred(const struct graft_values_reader *reader, const struct graft_ops *ops,
	 const struct graft_op *op)
{
	const struct graft_diff *diff = reader->c->diff;
	uint32_t ref = ops->code->insns[op->insn].ref;

	if (ref == GRAFT_NONE)
		return unknown;
	uint64_t addr = ops->code->refs[ref].target;
	if (ops->code == diff->old_code)
		return (struct graft_value){ ROOT_ADDRESS, (int64_t)addr };
	if (!graft_case_old_place(reader->c, ref, &addr))
		return (struct graft_value){ ROOT_NEW_ADDRESS, (int64_t)addr };
	return (struct graft_value){ ROOT_ADDRESS, (int64_t)addr };
}

struct graft_value
graft_value_of_address(const struct graft_values_reader *reader,
		       const struct graft_ops *ops,
		       const struct graft_values *values, uint32_t at)
{
	const struct graft_op *op = &ops->ops[at];

	if (!op->has_mem)
		return unknown;
	if (op->has_ref)
		return referred(reader, ops, op);
	struct graft_value base = op->base == GRAFT_REG_NONE
					  ? constant(0)
					  : graft_value_of_reg(values,
							       op->base);
	if (op->index != GRAFT_REG_NONE)
		base = sum(base, product(graft_value_of_reg(values, op->index),
					 op->scale));
	return moved(base, op->disp);
}

static uint32_t
slot_of(struct graft_value place)
{
	return (uint32_t)((uint64_t)place.off / 4 % SLOTS);
}

/** What is read from a place. */
static struct graft_value
load(const struct graft_values *values, struct graft_value place, uint16_t size)
{
	if (!graft_value_is_in_frame(place))
		return combine(KIND_LOAD, place, constant(size));
	const struct slot *slot = &values->slots[slot_of(place)];
	return slot->known && slot->name == place.off ? slot->value : unknown;
}

static void
store(struct graft_values *values, struct graft_value place,
      struct graft_value value)
{
	if (!graft_value_is_in_frame(place))
		return;
	values->slots[slot_of(place)] = (struct slot){ place.off, true, value };
}

/** What an instruction computes of two operands. */
static struct graft_value
computed(const struct graft_op *op, struct graft_value dst,
	 struct graft_value src)
{
	switch (op->mnemonic) {
	case ZYDIS_MNEMONIC_ADD:
		return sum(dst, src);
	case ZYDIS_MNEMONIC_SUB:
		return src.root == ROOT_CONSTANT
			       ? moved(dst, (int64_t)(0 - (uint64_t)src.off))
			       : combine(op->mnemonic, dst, src);
	case ZYDIS_MNEMONIC_NOT:
	case ZYDIS_MNEMONIC_NEG:
	case ZYDIS_MNEMONIC_BSWAP:
		return combine(KIND_COMPUTED + ((uint64_t)op->mnemonic << 8),
			       dst, constant(0));
	case ZYDIS_MNEMONIC_INC:
		return moved(dst, 1);
	case ZYDIS_MNEMONIC_DEC:
		return moved(dst, -1);
	case ZYDIS_MNEMONIC_SHL:
		return src.root == ROOT_CONSTANT
			       ? product(dst, (int64_t)1 << (src.off & 31))
			       : combine(op->mnemonic, dst, src);
	case ZYDIS_MNEMONIC_IMUL:
		return src.root == ROOT_CONSTANT
			       ? product(dst, src.off)
			       : combine(op->mnemonic, dst, src);
	case ZYDIS_MNEMONIC_AND:
	case ZYDIS_MNEMONIC_OR:
	case ZYDIS_MNEMONIC_XOR:
	case ZYDIS_MNEMONIC_SHR:
	case ZYDIS_MNEMONIC_SAR:
		return combine(KIND_COMPUTED + ((uint64_t)op->mnemonic << 8),
			       dst, src);
	default:
		return unknown;
	}
}

/** What an instruction puts into its destination. */
static struct graft_value
result_of(const struct graft_values_reader *reader, const struct graft_ops *ops,
	  uint32_t at, const struct graft_values *values)
{
	const struct graft_op *op = &ops->ops[at];
	struct graft_value dst = graft_value_of_reg(values, op->dst);
	struct graft_value src = graft_value_of_reg(values, op->src);

	if (op->what == GRAFT_OP_ZERO)
		return constant(0);
	if (op->what == GRAFT_OP_LEA)
		return graft_value_of_address(reader, ops, values, at);
	if (op->has_mem && op->mem_read)
		src = load(values,
			   graft_value_of_address(reader, ops, values, at),
			   op->mem_size);
	else if (op->has_imm)
		src = constant(op->imm);
	switch (op->mnemonic) {
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
	case ZYDIS_MNEMONIC_MOVZX:
		return src;
	case ZYDIS_MNEMONIC_CDQE:
		return graft_value_of_reg(values, GRAFT_REG_RAX);
	default:
		break;
	}
	if (op->what == GRAFT_OP_MOV)
		return src;
	if (op->what == GRAFT_OP_CMOV)
		return graft_value_is_same(dst, src) ? dst : met;
	// Three operands: the first is only written.
	if (op->what == GRAFT_OP_IMUL && op->has_imm)
		dst = op->has_mem ? src : graft_value_of_reg(values, op->src);
	return computed(op, dst, op->has_imm ? constant(op->imm) : src);
}

/** What a call returns: known if another module's function does. */
static struct graft_value
returned(const struct graft_ops *ops, const struct graft_op *op)
{
	struct graft_callee callee = graft_op_callee(ops, op);

	if (!callee.import)
		return unknown;
	uint64_t name = graft_hash_bytes(KIND_RESULT, callee.import,
					 strlen(callee.import));
	return combine(KIND_RESULT, constant((int64_t)name), constant(0));
}

struct graft_value
graft_value_of_result(const struct graft_values_reader *reader,
		      const struct graft_ops *ops,
		      const struct graft_values *values, uint32_t at)
{
	const struct graft_op *op = &ops->ops[at];

	if (op->flags & GRAFT_INSN_CALL)
		return returned(ops, op);
	return result_of(reader, ops, at, values);
}

/** Let a call, push, pop or leave do what it does; false if it is neither. */
static bool
move_special(const struct graft_ops *ops, const struct graft_op *op,
	     struct graft_values *values)
{
	struct graft_value *regs = values->regs;
	struct graft_value *rsp = &regs[GRAFT_REG_RSP];

	if (op->flags & GRAFT_INSN_CALL) {
		for (uint8_t r = 0; r < 16; r++) {
			if (graft_reg_is_volatile(r))
				regs[r] = unknown;
		}
		regs[GRAFT_REG_RAX] = returned(ops, op);
	} else if (op->what == GRAFT_OP_PUSH) {
		struct graft_value value = graft_value_of_reg(values,
							      op->first);
		if (op->has_mem)
			value = unknown;
		*rsp = moved(*rsp, -8);
		store(values, *rsp, op->has_imm ? constant(op->imm) : value);
	} else if (op->what == GRAFT_OP_POP || op->is_leave) {
		uint8_t into = op->is_leave ? GRAFT_REG_RBP : op->dst;
		if (op->is_leave)
			*rsp = regs[GRAFT_REG_RBP];
		struct graft_value value = load(values, *rsp, 8);
		*rsp = moved(*rsp, 8);
		if (into < 16)
			regs[into] = value;
	} else {
		return false;
	}
	return true;
}

static void
step(void *context, const struct graft_ops *ops, uint32_t at, void *state)
{
	const struct graft_values_reader *reader = context;
	const struct graft_op *op = &ops->ops[at];
	struct graft_values *values = state;

	reader->see(reader->context, ops, at, values);
	if (op->what == GRAFT_OP_NOP || move_special(ops, op, values))
		return;
	struct graft_value result = result_of(reader, ops, at, values);
	if (op->has_mem && op->mem_write) {
		struct graft_value value =
			op->has_imm ? constant(op->imm)
				    : graft_value_of_reg(values, op->src);
		bool whole = op->what == GRAFT_OP_MOV && op->mem_size >= 4;
		store(values, graft_value_of_address(reader, ops, values, at),
		      whole ? value : unknown);
	}
	// A frame that is aligned anew keeps its words beside each other.
	if (op->dst == GRAFT_REG_RSP && op->what == GRAFT_OP_BITS)
		return;
	for (uint8_t r = 0; r < 16; r++) {
		if (op->writes & (1U << r))
			values->regs[r] = unknown;
	}
	// A part of a register was written.
	if (op->dst == GRAFT_REG_NONE && op->first < 16 && !op->has_mem &&
	    op->what != GRAFT_OP_CMP && op->what != GRAFT_OP_TEST)
		values->regs[op->first] = unknown;
	if (op->dst < 16)
		values->regs[op->dst] = result;
}

static bool
merge(void *into, const void *from)
{
	struct graft_values *a = into;
	const struct graft_values *b = from;
	bool changed = false;

	for (uint32_t r = 0; r < 16; r++) {
		if (graft_value_is_same(a->regs[r], b->regs[r]) ||
		    graft_value_is_same(a->regs[r], met))
			continue;
		a->regs[r] = met;
		changed = true;
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct slot *slot = &a->slots[i];
		if (!slot->known)
			continue;
		if (!b->slots[i].known || b->slots[i].name != slot->name) {
			slot->known = false;
			changed = true;
		} else if (!graft_value_is_same(slot->value,
						b->slots[i].value) &&
			   !graft_value_is_same(slot->value, met)) {
			slot->value = met;
			changed = true;
		}
	}
	return changed;
}

struct graft_error *
graft_values_follow(const struct graft_values_reader *reader,
		    const struct graft_ops *ops)
{
	const struct graft_case *c = reader->c;
	bool is_old = ops->code == c->diff->old_code;
	const struct graft_graph *graph = is_old ? c->old_graph : c->new_graph;
	const struct graft_func *func = &ops->code->funcs[ops->func];
	struct graft_values entry = { 0 };

	if (ops->count > LENGTH_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "a function of %u instructions",
				       ops->count);
	// Only whose callers may stay has its arguments where they were.
	bool firm = func->group == ops->func &&
		    (graph->escapes[ops->func] || graph->exported[ops->func] ||
		     graph->taken[ops->func]);
	for (uint32_t r = 0; r < 16; r++) {
		entry.regs[r] = combine(KIND_ENTRY, constant(r), constant(0));
		if (!firm)
			entry.regs[r].root |= VAGUE;
	}
	entry.regs[GRAFT_REG_RSP] = (struct graft_value){ ROOT_FRAME, 0 };
	return graft_ways_follow(ops, sizeof(entry), &entry, step, merge,
				 (void *)(uintptr_t)reader);
}

struct graft_error *
graft_values_follow_short(const struct graft_values_reader *reader,
			  const struct graft_ops *ops)
{
	struct graft_error *err = graft_values_follow(reader, ops);

	if (err && graft_error_code(err) == GRAFT_ERROR_LIMIT) {
		graft_error_free(err);
		err = NULL;
	}
	return err;
}
