// SPDX-License-Identifier: Apache-2.0

// R-02 below the displacement. A bit-field that moved within its word shows in
// the masks and the distances of shifts that stand between memory and value.
//
// One bit that is tested is no evidence: another flag looks the same. Who sets a
// bit-field keeps the bits around it, and that is looked at.

#include "judge/flow/op.h"
#include "judge/rules/checks.h"
#include "judge/rules/traded.h"
#include "judge/types/bits.h"
#include "judge/types/types.h"

#include <Zydis/Zydis.h>

enum {
	/** Instructions behind a load that are looked at. */
	NEAR = 8,
	/** Fields of one function that are told apart. */
	FIELDS_MAX = 64,
	/** From so many bits on, from the lowest, a mask is one of numbers. */
	NUMBER = 7,
};

/** Bits of what is pointed to that a function looks at or sets. */
struct field {
	/** First one, counted from the pointer, and how many. */
	int64_t bit;
	unsigned width;
	/** Instruction that says so. */
	uint32_t at;
	/** Bits around it are kept: it is written. */
	bool written;
	/** All above the first bit, to where a word ends: nothing says where
	 * the field does. */
	bool open;
	/** Where the mask begins: one that keeps an open field may be there to take
	 * away what stands before it. */
	int64_t start;
};

struct fields {
	struct field list[FIELDS_MAX];
	uint32_t count;
	/** What takes the bits from memory, while they are read. */
	const struct graft_op *access;
	/** Leave out what types declare; or NULL. */
	const struct graft_case *declared;
	bool is_new;
	/** What went wrong in that. Owned. */
	struct graft_error *err;
};

static bool
is_run(uint64_t mask)
{
	return mask && (((mask & -mask) + mask) & mask) == 0;
}

static bool
outlives_the_call(const struct graft_ops *ops, const struct graft_op *op)
{
	if (!op->has_mem || op->what == GRAFT_OP_LEA)
		return false;
	return op->has_ref || graft_op_through_pointer(ops, op);
}

static uint64_t
of_size(uint64_t mask, unsigned size)
{
	return size >= 8 ? mask : mask & (((uint64_t)1 << (size * 8)) - 1);
}

static const struct field *
find(const struct fields *fields, int64_t bit, unsigned width)
{
	for (uint32_t i = 0; i < fields->count; i++) {
		if (fields->list[i].bit == bit &&
		    fields->list[i].width == width)
			return &fields->list[i];
	}
	return NULL;
}

/** Say whether a field is bit-fields of the type that the pointer leads to. */
static bool
is_declared(struct fields *fields, const struct field *field)
{
	const struct graft_op *access = fields->access;
	bool declared = false;

	if (!fields->declared || fields->err || access->has_ref ||
	    access->index != GRAFT_REG_NONE)
		return false;
	struct graft_type_bits bits = {
		.addr = access->addr,
		.base = access->base,
		.bit = field->bit + (access->disp - access->reach) * 8,
		.width = field->width,
		.access_end = (access->disp + access->mem_size) * 8,
		.open = field->open,
	};
	fields->err = graft_types_declare_bits(fields->declared, fields->is_new,
					       &bits, &declared);
	return declared;
}

static void
note(struct fields *fields, struct field field)
{
	if (fields->count < FIELDS_MAX &&
	    !find(fields, field.bit, field.width) &&
	    !is_declared(fields, &field))
		fields->list[fields->count++] = field;
}

/** Note the bits of a mask; @p from is where the lowest bit lies. */
static bool
note_mask(struct fields *fields, int64_t from, uint64_t mask, uint32_t at,
	  bool written)
{
	if (!is_run(mask))
		return false;
	unsigned width = (unsigned)__builtin_popcountll(mask);
	int top = 64 - __builtin_clzll(mask);
	bool open = top == 8 || top == 16 || top == 32 || top == 64;
	if ((mask & 1) && width >= NUMBER)
		return true;
	note(fields, (struct field){ from + __builtin_ctzll(mask), width, at,
				     written, open, from });
	return true;
}

/** A word on its way from memory through one register. */
struct word {
	uint8_t reg;
	/** Where its lowest bit lies. */
	int64_t from;
	/** Its size in bits, and how far it was shifted up. */
	unsigned bits;
	unsigned up;
	/** It was shifted, and nothing yet masks it. */
	bool shifted;
	uint32_t shift_at;
};

static void
end_word(struct fields *fields, const struct word *word)
{
	if (word->shifted && word->bits)
		note(fields,
		     (struct field){ word->from, word->bits, word->shift_at,
				     false, true, word->from });
}

/** Follow a word over one instruction; false when it is no longer one. */
static bool
follow(struct fields *fields, struct word *word, const struct graft_op *op,
       uint32_t at)
{
	bool mine = !op->has_mem && op->has_imm && op->first == word->reg;
	uint64_t imm = (uint64_t)op->imm;
	unsigned by = (unsigned)(imm & 63);

	if (mine && op->mnemonic == ZYDIS_MNEMONIC_SHL && by < word->bits) {
		word->up = by;
		return true;
	}
	bool down = op->mnemonic == ZYDIS_MNEMONIC_SHR ||
		    op->mnemonic == ZYDIS_MNEMONIC_SAR;
	if (mine && down && by >= word->up && by < word->bits) {
		word->from += by - word->up;
		word->bits -= by;
		word->up = 0;
		word->shifted = true;
		word->shift_at = at;
		return true;
	}
	if (mine && op->mnemonic == ZYDIS_MNEMONIC_TEST) {
		(void)note_mask(fields, word->from,
				of_size(imm, (word->bits + 7) / 8), at, false);
		return true;
	}
	if (mine && op->mnemonic == ZYDIS_MNEMONIC_BT) {
		(void)note_mask(fields, word->from, (uint64_t)1 << by, at,
				false);
		return true;
	}
	if (mine && op->mnemonic == ZYDIS_MNEMONIC_AND) {
		unsigned size = op->dst_size ? op->dst_size : 1;
		bool cleared = !is_run(of_size(imm, size));
		uint64_t mask = of_size(cleared ? ~imm : imm, size);
		word->shifted &= !note_mask(fields, word->from, mask, at,
					    cleared);
		return cleared;
	}
	if (op->what == GRAFT_OP_MOV && !op->has_mem && !op->has_imm &&
	    op->src == word->reg && op->first < 16) {
		word->reg = op->first;
		return true;
	}
	// Others may take their turn in between.
	return op->first != word->reg &&
	       !((op->reads | op->writes) & (1U << word->reg)) && !op->ends &&
	       !(op->flags & GRAFT_INSN_CALL);
}

/** Note what is done with bits right in memory. */
static void
read_direct(struct fields *fields, const struct graft_op *op, uint32_t at)
{
	uint64_t imm = of_size((uint64_t)op->imm, op->mem_size);
	int64_t from = (op->has_ref ? 0 : op->reach) * 8;

	if (!op->has_imm)
		return;
	if (op->mnemonic == ZYDIS_MNEMONIC_TEST)
		(void)note_mask(fields, from, imm, at, false);
	else if (op->mnemonic == ZYDIS_MNEMONIC_AND && !is_run(imm))
		(void)note_mask(fields, from, of_size(~imm, op->mem_size), at,
				true);
}

static void
read_fields(const struct graft_ops *ops, struct fields *ret)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		bool loads = op->mnemonic == ZYDIS_MNEMONIC_MOV ||
			     op->mnemonic == ZYDIS_MNEMONIC_MOVZX ||
			     op->mnemonic == ZYDIS_MNEMONIC_MOVSX;
		if (!outlives_the_call(ops, op))
			continue;
		ret->access = op;
		read_direct(ret, op, i);
		if (!loads || !op->mem_read || op->first >= 16)
			continue;
		struct word word = {
			.reg = op->first,
			.from = (op->has_ref ? 0 : op->reach) * 8,
			.bits = op->mem_size * 8U,
		};
		for (uint32_t at = i + 1; at < ops->count && at <= i + NEAR;
		     at++) {
			if (!follow(ret, &word, &ops->ops[at], at))
				break;
		}
		end_word(ret, &word);
	}
}

/** Find a field of one side that the other has not. Single bits are left out
 * unless they are written among others that are kept. */
static const struct field *
find_only(const struct fields *fields, const struct fields *other)
{
	for (uint32_t i = 0; i < fields->count; i++) {
		const struct field *field = &fields->list[i];
		if (!find(other, field->bit, field->width) &&
		    (field->width > 1 || field->written))
			return field;
	}
	return NULL;
}

/** Say whether one movement explains all fields of OLD, single bits too. */
static bool
all_moved(const struct fields *o, const struct fields *n)
{
	for (uint32_t i = 0; o->count > 1 && i < n->count; i++) {
		int64_t by = n->list[i].bit - o->list[0].bit;
		uint32_t explained = 0;
		while (by && explained < o->count &&
		       find(n, o->list[explained].bit + by,
			    o->list[explained].width))
			explained++;
		if (explained == o->count)
			return true;
	}
	return false;
}

static struct graft_error *
refuse(struct graft_case *c, const struct graft_twin *twin, uint32_t o,
       uint32_t n)
{
	struct graft_place_text where =
		graft_place_code(twin->new_ops.code, twin->new_ops.func,
				 twin->new_ops.ops[n].addr);
	struct graft_twin_text text = graft_twin_print(twin, o, n);

	return graft_case_refuse(
		c, GRAFT_RULE_LAYOUT, where.str,
		"%s: a bit-field may have moved or changed its width",
		text.str);
}

/**
 * Say whether types know better than masks: on one side at least, all fields that
 * the other has not are whole bit-fields of a struct that both builds have.
 * Compilers write neighbours at once, or one by one.
 *
 * @param[in] all Also those that the other has.
 */
static struct graft_error *
types_know(const struct graft_case *c, const struct graft_twin *twin,
	   const struct fields *o, const struct fields *n, bool all, bool *ret)
{
	struct fields was = { .declared = c };
	struct fields is = { .declared = c, .is_new = true };

	*ret = false;
	if (!graft_types_rule_out_layout(c))
		return NULL;
	read_fields(&twin->old_ops, &was);
	if (!was.err)
		read_fields(&twin->new_ops, &is);
	if (was.err || is.err)
		return was.err ? was.err : is.err;
	if (all)
		*ret = was.count == 0 && is.count == 0;
	else
		*ret = (!find_only(&was, n) || !find_only(&is, o)) &&
		       !(was.count == is.count && all_moved(&was, &is));
	return NULL;
}

/** Take what a mask is there to take away for written. */
static struct field
as_written(struct field field)
{
	if (field.written || !field.open || field.bit == field.start)
		return field;
	return (struct field){
		.bit = field.start,
		.width = (unsigned)(field.bit - field.start),
		.at = field.at,
		.written = true,
	};
}

/**
 * Find the one field of a side that the other has not, of those that are written or
 * that are not.
 *
 * @return Its width is 0 if there are none or several.
 */
static struct field
find_one(const struct fields *fields, const struct fields *other, bool written)
{
	struct field found = { .width = 0 };

	for (uint32_t i = 0; i < fields->count; i++) {
		struct field field = as_written(fields->list[i]);
		if (field.written != written ||
		    find(other, fields->list[i].bit, fields->list[i].width))
			continue;
		if (found.width)
			return (struct field){ .width = 0 };
		found = field;
	}
	return found;
}

/** Note that NEW writes, or reads, another field than OLD: R-24 where it does both. */
static struct graft_error *
note_traded(struct graft_case *c, const struct graft_twin *twin,
	    const struct fields *o, const struct fields *n, bool written)
{
	struct field was = find_one(o, n, written);
	struct field is = find_one(n, o, written);

	if (!was.width || was.width != is.width)
		return NULL;
	struct graft_traded traded = {
		.kind = GRAFT_TRADED_BITS,
		.stores = written,
		.size = was.width,
		.was = was.bit,
		.is = is.bit,
		.func = twin->new_ops.func,
		.addr = twin->new_ops.ops[is.at].addr,
	};
	return graft_traded_add(c, &traded);
}

struct graft_error *
graft_check_fields(struct graft_case *c, const struct graft_twin *twin)
{
	struct fields o = { .count = 0 };
	struct fields n = { .count = 0 };
	bool known;

	read_fields(&twin->old_ops, &o);
	read_fields(&twin->new_ops, &n);
	struct graft_error *err = note_traded(c, twin, &o, &n, true);
	if (!err)
		err = note_traded(c, twin, &o, &n, false);
	if (err)
		return err;
	const struct field *gone = find_only(&o, &n);
	const struct field *come = find_only(&n, &o);
	bool all = !gone || !come;
	if (all && o.count == n.count && all_moved(&o, &n)) {
		gone = &o.list[0];
		come = &n.list[0];
	}
	if (!gone || !come)
		return NULL;
	err = types_know(c, twin, &o, &n, all, &known);
	if (err || known)
		return err;
	return refuse(c, twin, gone->at, come->at);
}
