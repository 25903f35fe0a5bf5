// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/taken_back.h"

#include "judge/flow/values.h"
#include "judge/flow/ways.h"

#include <Zydis/Zydis.h>
#include <string.h>

enum {
	/** Counts that are told apart: from -LIMIT on, below LIMIT. */
	LIMIT = 16,
};

/** What is known before an instruction, as distances from what was counted when
 * the function began. */
struct counted {
	bool known;
	int64_t count;
	/** Each register: it holds a count, and which one. */
	bool reg_known[16];
	int64_t reg[16];
};

/** Following one function. */
struct following {
	/** Address of each instruction's memory operand. */
	struct graft_value *places;
	bool *visited;
	struct graft_value place;
	uint16_t size;
	/** Counts that calls find, a bit each. */
	uint32_t at_calls;
	bool failed;
};

/** The reader that the places are asked of, and where they go. */
struct seeing {
	struct graft_values_reader reader;
	struct graft_value *places;
};

static void
see(void *context, const struct graft_ops *ops, uint32_t at,
    const struct graft_values *values)
{
	struct seeing *seeing = context;

	seeing->places[at] = graft_value_of_address(&seeing->reader, ops,
						    values, at);
}

static void
note_call(struct following *following, const struct counted *counted)
{
	if (!counted->known || counted->count < -LIMIT ||
	    counted->count >= LIMIT)
		following->failed = true;
	else
		following->at_calls |= 1U << (counted->count + LIMIT);
}

static void
move_by(int64_t *count, const struct graft_op *op)
{
	int64_t by = op->imm;

	if (op->mnemonic == ZYDIS_MNEMONIC_INC ||
	    op->mnemonic == ZYDIS_MNEMONIC_DEC)
		by = 1;
	if (op->mnemonic == ZYDIS_MNEMONIC_SUB ||
	    op->mnemonic == ZYDIS_MNEMONIC_DEC)
		by = (int64_t)(0 - (uint64_t)by);
	*count = (int64_t)((uint64_t)*count + (uint64_t)by);
}

/** Say whether an instruction adds a constant to its first operand. */
static bool
adds_constant(const struct graft_op *op)
{
	return op->mnemonic == ZYDIS_MNEMONIC_INC ||
	       op->mnemonic == ZYDIS_MNEMONIC_DEC ||
	       ((op->mnemonic == ZYDIS_MNEMONIC_ADD ||
		 op->mnemonic == ZYDIS_MNEMONIC_SUB) &&
		op->has_imm);
}

/** Let an instruction write what is counted. */
static void
write_count(struct following *following, const struct graft_op *op,
	    struct counted *counted)
{
	if (op->mem_size != following->size)
		following->failed = true;
	else if (adds_constant(op))
		move_by(&counted->count, op);
	else if (op->what == GRAFT_OP_MOV && !op->has_imm && op->src < 16 &&
		 counted->reg_known[op->src])
		counted->count = counted->reg[op->src];
	else
		following->failed = true;
}

/** Tell what a register holds behind an instruction, if that is a count. */
static bool
holds_count(const struct following *following, const struct graft_op *op,
	    bool mine, const struct counted *counted, int64_t *ret)
{
	uint8_t from = op->src;

	if (mine) {
		*ret = counted->count;
		return op->what == GRAFT_OP_MOV && op->mem_read &&
		       op->mem_size == following->size;
	}
	if (op->what == GRAFT_OP_LEA && !op->has_ref &&
	    op->index == GRAFT_REG_NONE)
		from = op->base;
	else if (op->has_mem)
		return false;
	else if (adds_constant(op))
		from = op->dst;
	else if (op->what != GRAFT_OP_MOV || op->has_imm)
		return false;
	if (from >= 16 || !counted->reg_known[from])
		return false;
	*ret = counted->reg[from];
	if (op->what == GRAFT_OP_LEA)
		*ret = (int64_t)((uint64_t)*ret + (uint64_t)op->disp);
	else if (adds_constant(op))
		move_by(ret, op);
	return true;
}

static void
write_registers(struct following *following, const struct graft_op *op,
		bool mine, struct counted *counted)
{
	int64_t value = 0;
	bool holds = op->dst < 16 && op->dst_size == following->size &&
		     holds_count(following, op, mine, counted, &value);

	for (uint8_t r = 0; r < 16; r++) {
		if (op->writes & (1U << r))
			counted->reg_known[r] = false;
	}
	if (op->first < 16 && op->what != GRAFT_OP_CMP &&
	    op->what != GRAFT_OP_TEST)
		counted->reg_known[op->first] = false;
	if (op->dst < 16) {
		counted->reg_known[op->dst] = holds;
		counted->reg[op->dst] = value;
	}
}

/** Say whether a call only tells where thread-local data are. */
static bool
finds_thread_local(const struct graft_ops *ops, const struct graft_op *op)
{
	const char *import = graft_op_callee(ops, op).import;

	return import && strcmp(import, "__tls_get_addr") == 0;
}

static void
step(void *context, const struct graft_ops *ops, uint32_t at, void *state)
{
	struct following *following = context;
	struct counted *counted = state;
	const struct graft_op *op = &ops->ops[at];
	bool leaves = (op->flags & GRAFT_INSN_RET) ||
		      ((op->flags & GRAFT_INSN_JUMP) && !op->target);

	following->visited[at] = true;
	if (leaves && (!counted->known || counted->count != 0))
		following->failed = true;
	if (op->flags & GRAFT_INSN_CALL) {
		// Others may count in between, and what is held is old then.
		bool counts = !finds_thread_local(ops, op);
		if (counts)
			note_call(following, counted);
		for (uint8_t r = 0; r < 16; r++)
			counted->reg_known[r] &= !counts &&
						 !graft_reg_is_volatile(r);
		return;
	}
	bool mine = op->has_mem && op->what != GRAFT_OP_LEA &&
		    graft_value_is_same(following->places[at],
					following->place);
	if (mine && op->mem_write)
		write_count(following, op, counted);
	write_registers(following, op, mine, counted);
}

static bool
merge(void *into, const void *from)
{
	struct counted *a = into;
	const struct counted *b = from;
	bool changed = false;

	if (a->known && (!b->known || a->count != b->count)) {
		a->known = false;
		changed = true;
	}
	for (uint32_t r = 0; r < 16; r++) {
		if (!a->reg_known[r] ||
		    (b->reg_known[r] && a->reg[r] == b->reg[r]))
			continue;
		a->reg_known[r] = false;
		changed = true;
	}
	return changed;
}

/** Say whether a place has one name in a function: no jump goes to who knows
 * where, and where thread-local data are is asked and told in one way. */
static bool
has_one_name(const struct graft_ops *ops, const struct graft_op *counts)
{
	bool by_segment = !counts->has_ref && counts->base == GRAFT_REG_NONE;
	uint64_t asked = 0;

	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		// The start of the thread's block: any of it, by a pointer.
		if (by_segment && op->has_mem && !op->has_ref &&
		    op->base == GRAFT_REG_NONE && op->index == GRAFT_REG_NONE &&
		    op->disp == 0)
			return false;
		if ((op->flags & GRAFT_INSN_JUMP) &&
		    (op->flags & GRAFT_INSN_INDIRECT))
			return false;
		if (!(op->flags & GRAFT_INSN_CALL) ||
		    !finds_thread_local(ops, op))
			continue;
		uint32_t writer = graft_op_writer(ops, i, GRAFT_REG_RDI);
		if (writer == ops->count || !ops->ops[writer].has_ref)
			return false;
		uint32_t ref = ops->code->insns[ops->ops[writer].insn].ref;
		uint64_t target = ref == GRAFT_NONE
					  ? 0
					  : ops->code->refs[ref].target;
		if (target == 0 || (asked && asked != target))
			return false;
		asked = target;
	}
	return true;
}

/** Say whether one function takes back what it counts. */
static struct graft_error *
takes_back(const struct graft_case *c, const struct graft_ops *ops, uint32_t at,
	   uint32_t *at_calls_ret, bool *ret)
{
	size_t room = (size_t)ops->count + 1;
	GRAFT_FREE struct graft_value *places = calloc(room, sizeof(*places));
	GRAFT_FREE bool *visited = calloc(room, sizeof(*visited));
	const struct counted entry = { .known = true };

	*ret = false;
	if (!places || !visited)
		return graft_error_no_memory();
	if (!has_one_name(ops, &ops->ops[at]))
		return NULL;
	struct seeing seeing = { .reader = { .c = c, .see = see },
				 .places = places };
	seeing.reader.context = &seeing;
	struct graft_error *err = graft_values_follow_short(&seeing.reader,
							    ops);
	struct following following = {
		.places = places,
		.visited = visited,
		.place = places[at],
		.size = ops->ops[at].mem_size,
	};
	// A place that is known in part only is any place.
	if (err || (following.place.root & 1) || following.place.root == 0)
		return err;
	err = graft_ways_follow(ops, sizeof(entry), &entry, step, merge,
				&following);
	for (uint32_t i = 0; i < ops->count; i++)
		following.failed |= !visited[i] &&
				    ops->ops[i].what != GRAFT_OP_NOP;
	*at_calls_ret = following.at_calls;
	*ret = !following.failed;
	return err;
}

struct graft_error *
graft_taken_back(const struct graft_case *c, const struct graft_twin *twin,
		 uint32_t o, uint32_t n, bool *ret)
{
	uint32_t was = 0;
	uint32_t is = 0;

	*ret = false;
	if (!adds_constant(&twin->old_ops.ops[o]) ||
	    !adds_constant(&twin->new_ops.ops[n]))
		return NULL;
	struct graft_error *err = takes_back(c, &twin->old_ops, o, &was, ret);
	if (!err && *ret)
		err = takes_back(c, &twin->new_ops, n, &is, ret);
	*ret = *ret && (is & ~was) == 0;
	return err;
}
