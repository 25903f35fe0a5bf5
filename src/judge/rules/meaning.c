// SPDX-License-Identifier: Apache-2.0

// a constant that is stored to memory which outlives the call. In the
// bytes a renumbered enum and an innocent constant look the same, so each such
// change refuses. A constant that is only compared, passed or returned is not
// refused: if it is stored at last, somebody's store shows it.

#include "judge/flow/taken_back.h"
#include "judge/rules/checks.h"

#include <string.h>

enum {
	/** Copies of registers through which a constant is followed. */
	COPIES_MAX = 4,
};

/** A constant that an instruction stores. */
struct stored {
	enum {
		STORED_UNKNOWN,
		STORED_VALUE,
		/** Bits that are set, cleared or turned in what is stored. */
		STORED_BITS,
		STORED_BYTES,
	} kind;
	int64_t value;
	const uint8_t *bytes;
	uint16_t len;
};

static bool
outlives_the_call(const struct graft_ops *ops, const struct graft_op *op)
{
	return op->has_mem && op->mem_write && !graft_op_in_frame(ops, op);
}

static struct stored
stored_by(const struct graft_ops *ops, uint32_t at)
{
	const struct graft_op *op = &ops->ops[at];
	struct stored stored = { 0 };

	if (op->has_imm) {
		stored.kind = STORED_VALUE;
		stored.value = op->imm;
		return stored;
	}
	uint8_t reg = op->src;
	uint32_t writer = graft_op_writer(ops, at, reg);
	for (int copies = 0; writer < ops->count && copies < COPIES_MAX;
	     copies++) {
		const struct graft_op *copy = &ops->ops[writer];
		if (copy->what != GRAFT_OP_MOV || copy->has_mem ||
		    copy->has_imm || copy->src == GRAFT_REG_NONE)
			break;
		reg = copy->src;
		writer = graft_op_writer(ops, writer, reg);
	}
	if (writer >= ops->count)
		return stored;
	const struct graft_op *from = &ops->ops[writer];
	if (graft_op_loads_constant(from, reg, &stored.value)) {
		stored.kind = STORED_VALUE;
	} else if (from->what == GRAFT_OP_BITS && from->has_imm) {
		stored.kind = STORED_BITS;
		stored.value = from->imm;
	} else if (from->has_ref && from->mem_read &&
		   from->what != GRAFT_OP_LEA) {
		// Two constants that are set at once come from .rodata.
		uint64_t addr = ops->code
					->refs[ops->code->insns[from->insn].ref]
					.target;
		const struct graft_section *section =
			graft_image_section_at(ops->code->image, addr);
		if (!section || (section->flags & SHF_WRITE))
			return stored;
		stored.bytes = graft_image_bytes(ops->code->image, addr,
						 from->mem_size);
		stored.len = from->mem_size;
		stored.kind = stored.bytes ? STORED_BYTES : STORED_UNKNOWN;
	}
	return stored;
}

static bool
differs(const struct stored *o, const struct stored *n)
{
	if (o->kind != n->kind)
		return false;
	if (o->kind == STORED_VALUE || o->kind == STORED_BITS)
		return o->value != n->value;
	if (o->kind == STORED_BYTES)
		return o->len != n->len || memcmp(o->bytes, n->bytes, o->len);
	return false;
}

/** Refuse, but for counts that both functions take back. */
static struct graft_error *
refuse(struct graft_case *c, const struct graft_twin *twin,
       const struct graft_op *o, const struct graft_op *n,
       const struct stored *was, const struct stored *is)
{
	struct graft_place_text where = graft_place_code(
		twin->new_ops.code, twin->new_ops.func, n->addr);
	struct graft_op_text old_text = graft_op_print(&twin->old_ops, o);
	struct graft_op_text new_text = graft_op_print(&twin->new_ops, n);
	bool taken_back;
	struct graft_error *err = graft_taken_back(
		c, twin, (uint32_t)(o - twin->old_ops.ops),
		(uint32_t)(n - twin->new_ops.ops), &taken_back);

	if (err || taken_back)
		return err;
	if (was->kind == STORED_VALUE || was->kind == STORED_BITS)
		return graft_case_refuse(
			c, GRAFT_RULE_MEANING, where.str,
			"`%s` stored %lld and `%s` stores %lld where it outlives the call; whether the value means something else cannot be seen",
			old_text.str, (long long)was->value, new_text.str,
			(long long)is->value);
	return graft_case_refuse(
		c, GRAFT_RULE_MEANING, where.str,
		"the constant that `%s` stores where it outlives the call differs; whether its value means something else cannot be seen",
		new_text.str);
}

/** Say whether some instruction stores a constant at a displacement. */
static bool
stores_there(const struct graft_ops *ops, int64_t reach, uint16_t size,
	     int64_t value)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (!op->mem_write || op->reach != reach ||
		    op->mem_size != size || !outlives_the_call(ops, op))
			continue;
		struct stored stored = stored_by(ops, i);
		if (stored.kind == STORED_VALUE && stored.value == value)
			return true;
	}
	return false;
}

/** Find a store of OLD that a store of NEW, of another shape, stands for: the
 * same member, with a constant that NEW no longer stores there. */
static uint32_t
find_unpaired(const struct graft_twin *twin, const struct graft_op *n)
{
	const struct graft_ops *ops = &twin->old_ops;

	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *o = &ops->ops[i];
		if (twin->old_paired[i] || o->has_ref ||
		    !outlives_the_call(ops, o) || o->reach != n->reach ||
		    o->mem_size != n->mem_size)
			continue;
		struct stored was = stored_by(ops, i);
		if (was.kind == STORED_VALUE &&
		    !stores_there(&twin->new_ops, n->reach, n->mem_size,
				  was.value))
			return i;
	}
	return ops->count;
}

/** Find the next store of a constant to the same member, from @p at on. */
static uint32_t
next_constant(const struct graft_ops *ops, uint32_t at,
	      const struct graft_op *like, int64_t *value_ret)
{
	for (; at < ops->count; at++) {
		const struct graft_op *op = &ops->ops[at];
		if (op->has_ref != like->has_ref || !op->mem_write ||
		    op->reach != like->reach ||
		    op->mem_size != like->mem_size ||
		    !outlives_the_call(ops, op))
			continue;
		struct stored stored = stored_by(ops, at);
		if (stored.kind != STORED_VALUE)
			continue;
		*value_ret = stored.value;
		break;
	}
	return at;
}

enum {
	/** Most stores of one member whose order is compared. */
	STATES_MAX = 16,
	/** Instructions before and behind a store that are looked at. */
	NEIGHBOURS = 3,
};

/** Constants that a function stores to one member, in their order. */
struct states {
	int64_t value[STATES_MAX];
	uint32_t at[STATES_MAX];
	/** 0 if a constant comes twice, or there are too many. */
	uint32_t count;
};

static void
collect_states(const struct graft_ops *ops, const struct graft_op *like,
	       struct states *ret)
{
	int64_t value = 0;

	ret->count = 0;
	for (uint32_t at = next_constant(ops, 0, like, &value); at < ops->count;
	     at = next_constant(ops, at + 1, like, &value)) {
		bool twice = ret->count == STATES_MAX;
		for (uint32_t i = 0; i < ret->count; i++)
			twice |= ret->value[i] == value;
		if (twice) {
			ret->count = 0;
			return;
		}
		ret->at[ret->count] = at;
		ret->value[ret->count++] = value;
	}
}

/** Count the instructions around two stores that are alike. */
static uint32_t
count_alike(const struct graft_twin *twin, uint32_t o, uint32_t n)
{
	const struct graft_ops *was = &twin->old_ops;
	const struct graft_ops *is = &twin->new_ops;
	uint32_t alike = 0;

	for (int64_t by = -NEIGHBOURS; by <= NEIGHBOURS; by++) {
		int64_t i = o + by;
		int64_t j = n + by;
		if (!by || i < 0 || j < 0 || i >= was->count || j >= is->count)
			continue;
		const struct graft_op *a = &was->ops[i];
		const struct graft_op *b = &is->ops[j];
		alike += a->shape == b->shape && a->regs == b->regs &&
			 a->imm == b->imm && a->disp == b->disp;
	}
	return alike;
}

/** Say whether states changed numbers among each other: the same constants are
 * stored to one member in another order, and it is not that blocks of code
 * changed places, for then a constant would have taken its neighbours along. */
static bool
are_permuted(const struct graft_twin *twin, const struct graft_op *like)
{
	struct states o;
	struct states n;
	uint32_t by_place = 0;
	uint32_t by_value = 0;

	collect_states(&twin->old_ops, like, &o);
	collect_states(&twin->new_ops, like, &n);
	if (o.count < 2 || n.count != o.count)
		return false;
	for (uint32_t i = 0; i < n.count; i++) {
		uint32_t j = 0;
		while (j < o.count && o.value[j] != n.value[i])
			j++;
		if (j == o.count)
			return false;
		if (j == i)
			continue;
		by_place += count_alike(twin, o.at[i], n.at[i]);
		by_value += count_alike(twin, o.at[j], n.at[i]);
	}
	return by_place > by_value;
}

/** Refuse where states changed numbers. */
static struct graft_error *
check_permuted(struct graft_case *c, const struct graft_twin *twin)
{
	const struct graft_ops *ops = &twin->new_ops;
	uint32_t before = c->per_rule[GRAFT_RULE_MEANING];

	for (uint32_t i = 0;
	     i < ops->count && c->per_rule[GRAFT_RULE_MEANING] == before; i++) {
		const struct graft_op *op = &ops->ops[i];
		// What has a name is compared where it is paired.
		if (op->has_ref || !outlives_the_call(ops, op) ||
		    stored_by(ops, i).kind != STORED_VALUE ||
		    !are_permuted(twin, op))
			continue;
		struct graft_place_text where =
			graft_place_code(ops->code, ops->func, op->addr);
		struct graft_error *err = graft_case_refuse(
			c, GRAFT_RULE_MEANING, where.str,
			"the constants that are stored at 0x%llx of what is pointed to come in another order: states may have changed numbers",
			(unsigned long long)op->reach);
		if (err)
			return err;
	}
	return NULL;
}

/** Compare stores that do not stand for each other instruction by instruction:
 * compilers store zero in another way than other constants. */
static struct graft_error *
check_unpaired(struct graft_case *c, const struct graft_twin *twin)
{
	const struct graft_ops *ops = &twin->new_ops;
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < ops->count; i++) {
		const struct graft_op *n = &ops->ops[i];
		if (twin->new_paired[i] || n->has_ref ||
		    !outlives_the_call(ops, n))
			continue;
		struct stored is = stored_by(ops, i);
		if (is.kind != STORED_VALUE ||
		    stores_there(&twin->old_ops, n->reach, n->mem_size,
				 is.value))
			continue;
		uint32_t o = find_unpaired(twin, n);
		if (o >= twin->old_ops.count)
			continue;
		struct stored was = stored_by(&twin->old_ops, o);
		err = refuse(c, twin, &twin->old_ops.ops[o], n, &was, &is);
	}
	return err;
}

/** Where a store to named data goes, in OLD's addresses; 0 if it is none. */
static uint64_t
named_place(const struct graft_case *c, const struct graft_ops *ops,
	    const struct graft_op *op)
{
	uint32_t ref = ops->code->insns[op->insn].ref;
	uint64_t place;

	if (!op->has_ref || !op->mem_write || ref == GRAFT_NONE)
		return 0;
	place = ops->code->refs[ref].target;
	if (ops->code == c->diff->new_code &&
	    graft_diff_old_data(c->diff, place, &place) <=
		    GRAFT_WITNESS_CONFLICT)
		return 0;
	return place;
}

/** Say whether a function stores a constant to a named place. */
static bool
stores_value(const struct graft_case *c, const struct graft_ops *ops,
	     uint64_t place, int64_t value)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		if (named_place(c, ops, &ops->ops[i]) != place)
			continue;
		struct stored stored = stored_by(ops, i);
		if (stored.kind == STORED_VALUE && stored.value == value)
			return true;
	}
	return false;
}

/** Find a store of a constant to a place that the other side never makes. */
static uint32_t
find_only_here(const struct graft_case *c, const struct graft_ops *ops,
	       const struct graft_ops *other, uint64_t place)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		if (named_place(c, ops, &ops->ops[i]) != place)
			continue;
		struct stored stored = stored_by(ops, i);
		if (stored.kind == STORED_VALUE &&
		    !stores_value(c, other, place, stored.value))
			return i;
	}
	return ops->count;
}

/**
 * Refuse where one constant went and another came at one named place.
 *
 * States that moved up by one store the old second as the new first: paired by
 * what they store, these look equal.
 */
static struct graft_error *
check_replaced(struct graft_case *c, const struct graft_twin *twin)
{
	const struct graft_ops *was = &twin->old_ops;
	const struct graft_ops *is = &twin->new_ops;

	for (uint32_t i = 0; i < is->count; i++) {
		uint64_t place = named_place(c, is, &is->ops[i]);
		if (place == 0 || find_only_here(c, is, was, place) != i)
			continue;
		uint32_t gone = find_only_here(c, was, is, place);
		if (gone == was->count)
			continue;
		struct stored o = stored_by(was, gone);
		struct stored n = stored_by(is, i);
		uint32_t before = c->per_rule[GRAFT_RULE_MEANING];
		struct graft_error *err = refuse(c, twin, &was->ops[gone],
						 &is->ops[i], &o, &n);
		if (err || c->per_rule[GRAFT_RULE_MEANING] != before)
			return err;
	}
	return NULL;
}

struct graft_error *
graft_check_meaning(struct graft_case *c, const struct graft_twin *twin)
{
	for (size_t i = 0; i < twin->count; i++) {
		uint32_t old_at = twin->pairs[i].o;
		uint32_t new_at = twin->pairs[i].n;
		const struct graft_op *o = &twin->old_ops.ops[old_at];
		const struct graft_op *n = &twin->new_ops.ops[new_at];
		if (!outlives_the_call(&twin->old_ops, o) ||
		    !outlives_the_call(&twin->new_ops, n))
			continue;
		struct stored was = stored_by(&twin->old_ops, old_at);
		struct stored is = stored_by(&twin->new_ops, new_at);
		if (!differs(&was, &is))
			continue;
		// Another member with another value is another store.
		if (!o->has_ref && o->disp != n->disp)
			continue;
		struct graft_error *err = refuse(c, twin, o, n, &was, &is);
		if (err)
			return err;
	}
	uint32_t before = c->per_rule[GRAFT_RULE_MEANING];
	struct graft_error *err = check_unpaired(c, twin);
	if (!err)
		err = check_permuted(c, twin);
	if (!err && c->per_rule[GRAFT_RULE_MEANING] == before)
		err = check_replaced(c, twin);
	return err;
}
