// SPDX-License-Identifier: Apache-2.0

// a value that is kept in another form: turned, moved by a constant, or
// marked in its low bits, before it is stored, and turned back behind each load.
// What OLD stored is as it is, and NEW would turn it back into something else. It
// takes both: code that only stores, or only reads, in another way is judged by
// what it stores.

#include "judge/rules/checks.h"

#include "base/vec.h"
#include "judge/rules/kept_at.h"

#include <Zydis/Zydis.h>
#include <string.h>

enum {
	/** Copies of registers through which a value is followed. */
	COPIES_MAX = 3,
	/** Instructions behind a load that are looked at. */
	AHEAD_MAX = 10,
	/** Low bits that a pointer has to spare. */
	MARKS = 15,
};

/** How a value is turned; a set. */
enum form {
	FORM_PLAIN = 1,
	FORM_XOR = 2,
	FORM_NOT = 4,
	/** Bytes or bits in another order. */
	FORM_ORDER = 8,
	/** Marked in low bits, or stripped of them. */
	FORM_MARK = 16,
	/** Moved by a constant: one more, or the address of a member. */
	FORM_MOVED = 32,
};

/** One place that carried code stores to and loads from. */
struct place {
	struct graft_kept_at at;
	uint16_t size;
	/** Sets of #form on each side (OLD, NEW). */
	uint8_t stored[2];
	uint8_t loaded[2];
	/** By how much it was moved last, where it was. */
	int64_t stored_by[2];
	int64_t loaded_by[2];
	/** A function of NEW that loads another form, and where. */
	uint32_t func;
	uint64_t addr;
};

struct places {
	struct place *list;
	size_t count;
	size_t cap;
};

static void
places_deinit(struct places *places)
{
	free(places->list);
}

/** Find by how much an instruction moves what is in a register; 0 if it does
 * something else. */
static int64_t
moved_by(const struct graft_op *op, uint8_t reg)
{
	if (op->mnemonic == ZYDIS_MNEMONIC_INC && !op->has_mem)
		return 1;
	if (op->mnemonic == ZYDIS_MNEMONIC_DEC && !op->has_mem)
		return -1;
	if (op->what == GRAFT_OP_LEA && op->base == reg && !op->has_ref &&
	    op->index == GRAFT_REG_NONE)
		return op->disp;
	if (op->what != GRAFT_OP_ADD || op->has_mem || !op->has_imm)
		return 0;
	return op->subtracts ? -op->imm : op->imm;
}

/** Say whether a call puts bytes into another order. */
static bool
orders_bytes(const struct graft_ops *ops, const struct graft_op *op)
{
	static const char *const names[] = { "htonl", "htons", "ntohl",
					     "ntohs" };
	const char *import = (op->flags & GRAFT_INSN_CALL)
				     ? graft_op_callee(ops, op).import
				     : NULL;

	for (size_t i = 0; import && i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(import, names[i]) == 0)
			return true;
	}
	return false;
}

/** Tell how an instruction turns what is in a register. */
static enum form
form_of(const struct graft_op *op, bool store)
{
	switch (op->mnemonic) {
	case ZYDIS_MNEMONIC_INC:
	case ZYDIS_MNEMONIC_DEC:
		return op->has_mem ? FORM_PLAIN : FORM_MOVED;
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
		return op->has_imm && !op->has_mem ? FORM_MOVED : FORM_PLAIN;
	case ZYDIS_MNEMONIC_LEA:
		return op->has_ref || op->index != GRAFT_REG_NONE ||
				       op->disp == 0
			       ? FORM_PLAIN
			       : FORM_MOVED;
	case ZYDIS_MNEMONIC_XOR:
		return op->what == GRAFT_OP_ZERO ? FORM_PLAIN : FORM_XOR;
	case ZYDIS_MNEMONIC_NOT:
		return FORM_NOT;
	case ZYDIS_MNEMONIC_BSWAP:
	case ZYDIS_MNEMONIC_ROL:
	case ZYDIS_MNEMONIC_ROR:
		return FORM_ORDER;
	case ZYDIS_MNEMONIC_OR:
		return store && op->has_imm && op->dst_size == 8 &&
				       op->imm > 0 && op->imm <= MARKS
			       ? FORM_MARK
			       : FORM_PLAIN;
	case ZYDIS_MNEMONIC_AND:
		return !store && op->has_imm && op->dst_size == 8 &&
				       op->imm < 0 && op->imm >= -MARKS - 1
			       ? FORM_MARK
			       : FORM_PLAIN;
	default:
		return FORM_PLAIN;
	}
}

static bool
is_same(const struct graft_case *c, const struct graft_ops *ops,
	const struct graft_op *op, const struct place *place)
{
	struct graft_kept_at other;

	return op->has_mem && op->what == GRAFT_OP_MOV &&
	       graft_kept_at_find(c, ops, op, &other) &&
	       graft_kept_at_is_same(&other, &place->at);
}

/** Say whether a register holds what was loaded from a place. */
static bool
was_loaded(const struct graft_case *c, const struct graft_ops *ops, uint32_t at,
	   uint8_t reg, const struct place *place)
{
	uint32_t from = graft_op_writer(ops, at, reg);

	return from < ops->count && is_same(c, ops, &ops->ops[from], place);
}

/** Say whether something is stored to a place soon. */
static bool
is_stored_soon(const struct graft_case *c, const struct graft_ops *ops,
	       uint32_t at, const struct place *place)
{
	for (uint32_t i = at + 1; i < ops->count && i <= at + AHEAD_MAX; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (op->mem_write && is_same(c, ops, op, place))
			return true;
		if ((op->flags & GRAFT_INSN_CALL) || op->ends)
			break;
	}
	return false;
}

/** Say whether a register holds the result of a call that orders bytes. */
static bool
was_ordered(const struct graft_ops *ops, uint32_t at, uint8_t reg)
{
	for (uint32_t n = 1; reg == GRAFT_REG_RAX && n <= at && n <= AHEAD_MAX;
	     n++) {
		const struct graft_op *op = &ops->ops[at - n];
		if (op->flags & GRAFT_INSN_CALL)
			return orders_bytes(ops, op);
		if (op->writes & (1U << reg))
			break;
	}
	return false;
}

/** Tell in which form a store puts its register there. @param[out] by_ret By how
 * much it was moved, if it was. */
static enum form
stored_form(const struct graft_case *c, const struct graft_ops *ops,
	    uint32_t at, const struct place *place, int64_t *by_ret)
{
	uint8_t reg = ops->ops[at].src;

	for (int i = 0; i <= COPIES_MAX; i++) {
		if (was_ordered(ops, at, reg))
			return FORM_ORDER;
		at = graft_op_writer(ops, at, reg);
		if (at >= ops->count)
			return FORM_PLAIN;
		const struct graft_op *op = &ops->ops[at];
		if (op->what == GRAFT_OP_MOV && !op->has_mem && op->src < 16) {
			reg = op->src;
			continue;
		}
		// A bit that is turned where it stands is no other form.
		if (was_loaded(c, ops, at, reg, place) ||
		    (op->src < 16 && was_loaded(c, ops, at, op->src, place)))
			return FORM_PLAIN;
		uint8_t from = op->what == GRAFT_OP_LEA ? op->base : reg;
		if (from < 16 && was_loaded(c, ops, at, from, place))
			return FORM_PLAIN;
		if (form_of(op, true) == FORM_MOVED)
			*by_ret = moved_by(op, from);
		return form_of(op, true);
	}
	return FORM_PLAIN;
}

/** Tell in which form what was loaded is used. @param[out] by_ret By how much it is
 * moved, if it is. */
static enum form
loaded_form(const struct graft_case *c, const struct graft_ops *ops,
	    uint32_t at, const struct place *place, int64_t *by_ret)
{
	uint8_t reg = ops->ops[at].dst;

	for (uint32_t i = at + 1; i < ops->count && i <= at + AHEAD_MAX; i++) {
		const struct graft_op *op = &ops->ops[i];
		bool reads = reg < 16 && (op->reads & (1U << reg));
		bool keeps = op->dst == reg || op->src == reg ||
			     (op->what == GRAFT_OP_LEA && op->base == reg);
		if (reads && op->what == GRAFT_OP_MOV && !op->has_mem &&
		    op->src == reg && op->dst < 16) {
			reg = op->dst;
			continue;
		}
		// Who asks for a mark may take it off next.
		if (reads && op->what == GRAFT_OP_TEST && op->has_imm)
			continue;
		if (reg == GRAFT_REG_RDI && orders_bytes(ops, op))
			return FORM_ORDER;
		if (reads) {
			enum form form = keeps ? form_of(op, false)
					       : FORM_PLAIN;
			if (form == FORM_MOVED)
				*by_ret = moved_by(op, reg);
			return is_stored_soon(c, ops, i, place) ? FORM_PLAIN
								: form;
		}
		if ((op->flags & GRAFT_INSN_CALL) || op->ends ||
		    (reg < 16 && (op->writes & (1U << reg))))
			break;
	}
	return FORM_PLAIN;
}

static struct graft_error *
find_or_add(struct places *places, const struct place *like, struct place **ret)
{
	for (size_t i = 0; i < places->count; i++) {
		*ret = &places->list[i];
		if (graft_kept_at_is_same(&(*ret)->at, &like->at) &&
		    (*ret)->size == like->size)
			return NULL;
	}
	struct graft_error *err = graft_vec_reserve(&places->list, &places->cap,
						    places->count + 1,
						    sizeof(*places->list));
	if (err)
		return err;
	*ret = &places->list[places->count++];
	**ret = *like;
	return NULL;
}

/** Collect what one function stores and loads. */
static struct graft_error *
collect(const struct graft_case *c, const struct graft_code *code,
	uint32_t func, int side, struct places *places)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct graft_error *err = graft_ops_read(code, func, &ops);

	for (uint32_t i = 0; !err && i < ops.count; i++) {
		const struct graft_op *op = &ops.ops[i];
		bool store = op->what == GRAFT_OP_MOV && op->mem_write &&
			     op->src < 16;
		bool load = op->what == GRAFT_OP_MOV && op->mem_read &&
			    op->dst < 16;
		bool both = op->mnemonic == ZYDIS_MNEMONIC_XOR &&
			    op->mem_read && !op->mem_write;
		struct place like = { .size = op->mem_size };
		struct place *place;
		if ((!store && !load && !both) || op->mem_size < 4 ||
		    !graft_kept_at_find(c, &ops, op, &like.at))
			continue;
		err = find_or_add(places, &like, &place);
		if (err)
			break;
		if (store) {
			place->stored[side] |= (uint8_t)stored_form(
				c, &ops, i, &like, &place->stored_by[side]);
			continue;
		}
		enum form form = both ? FORM_XOR
				      : loaded_form(c, &ops, i, &like,
						    &place->loaded_by[side]);
		place->loaded[side] |= (uint8_t)form;
		if (form != FORM_PLAIN || place->addr == 0) {
			place->func = side ? func : place->func;
			place->addr = side ? op->addr : place->addr;
		}
	}
	return err;
}

/** Say whether one build has a form that the other one lacks. */
static bool
differs(const uint8_t forms[2])
{
	return forms[0] && forms[1] &&
	       (forms[0] & ~FORM_PLAIN) != (forms[1] & ~FORM_PLAIN);
}

static struct graft_error *
judge_place(struct graft_case *c, const struct place *place)
{
	uint8_t stored = place->stored[0] ^ place->stored[1];
	uint8_t loaded = place->loaded[0] ^ place->loaded[1];

	if (!differs(place->stored) || !differs(place->loaded) ||
	    !(stored & loaded & ~FORM_PLAIN) || place->addr == 0)
		return NULL;
	// What is one more when it is stored is one less when it is read.
	int side = place->stored[1] & FORM_MOVED ? 1 : 0;
	if ((stored & loaded & ~FORM_PLAIN) == FORM_MOVED &&
	    place->stored_by[side] != -place->loaded_by[side])
		return NULL;
	struct graft_place_text where =
		graft_place_code(c->diff->new_code, place->func, place->addr);
	struct graft_place_text name = graft_place_data(c->diff->old_image,
							(uint64_t)place->at.at);
	return graft_case_refuse(
		c, GRAFT_RULE_MEANING, where.str,
		"what is kept %s%s (%d bytes) is stored and read in another form: what OLD stored would be read wrongly",
		place->at.named ? "in " : "behind a pointer",
		place->at.named ? name.str : "", place->size);
}

struct graft_error *
graft_check_encoding(struct graft_case *c)
{
	GRAFT_CLEANUP(places_deinit) struct places places = { 0 };
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < c->diff->carried_count; i++) {
		uint32_t func = c->diff->carried[i];
		uint32_t other = c->diff->new_match[func].other;
		if (!graft_case_is_twin(c, func))
			continue;
		err = collect(c, c->diff->old_code, other, 0, &places);
		if (!err)
			err = collect(c, c->diff->new_code, func, 1, &places);
	}
	for (size_t i = 0; !err && i < places.count; i++)
		err = judge_place(c, &places.list[i]);
	return err;
}
