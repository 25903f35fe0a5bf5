// SPDX-License-Identifier: Apache-2.0

// A register holds a place: so many bytes behind the start of an object of some
// type, or in the frame. Where debug information says that a register holds a
// variable that points to a struct, it is believed before what was followed: a
// callback is given `void *`, and its first line says what that is.

#include "judge/types/pointees.h"

#include "diff/diff.h"
#include "elf/locations.h"
#include "judge/flow/frame.h"
#include "judge/flow/ways.h"
#include "judge/types/place.h"
#include "judge/types/types.h"

#include <stdlib.h>
#include <string.h>

enum {
	/** Words of the frame that are told apart. */
	SLOTS = 32,
	/** Longest function that is followed, in instructions. */
	LENGTH_MAX = 30000,
	/** Instructions times places of variables. */
	WORK_MAX = 100000000,
};

/** A word of the frame. */
struct slot {
	int64_t off;
	struct graft_type_place place;
};

/** What is known before an instruction. */
struct places {
	struct graft_type_place regs[16];
	struct slot slots[SLOTS];
};

/** A function that is followed. */
struct following {
	struct graft_type_source source;
	const struct graft_ops *ops;
	struct graft_locations locations;
	/** For each instruction and register what a variable there points to, and
	 * one more; 0 if there is none. One that points to bytes goes before one
	 * that points to a struct, that before others. */
	uint32_t (*variables)[16];
	/** It takes an address in its frame: who is called may write there. */
	bool gives_frame;
	bool *described;
	struct graft_type_place *reached;
};

/** The place in a variable that an instruction refers to. */
static struct graft_type_place
referred(struct following *f, const struct graft_op *op)
{
	uint32_t ref = f->ops->code->insns[op->insn].ref;

	return ref == GRAFT_NONE
		       ? (struct graft_type_place){ 0 }
		       : graft_type_place_at(&f->source,
					     f->ops->code->refs[ref].target);
}

/** The place that a memory operand names. An index stays in the member that the
 * displacement leads to. */
static struct graft_type_place
operand(struct following *f, const struct places *places,
	const struct graft_op *op)
{
	const struct graft_type_place unknown = { 0 };

	if (op->has_ref)
		return referred(f, op);
	if (op->base >= 16)
		return unknown;
	struct graft_type_place base = places->regs[op->base];
	// Which of the two is the pointer, only what they hold tells.
	if (op->index < 16 && op->scale == 1 &&
	    places->regs[op->index].of == GRAFT_TYPE_PLACE_OF_OBJECT &&
	    base.of != GRAFT_TYPE_PLACE_OF_OBJECT)
		base = places->regs[op->index];
	if (op->index != GRAFT_REG_NONE &&
	    base.of != GRAFT_TYPE_PLACE_OF_OBJECT)
		return unknown;
	return base.of == GRAFT_TYPE_PLACE_OF_NOTHING
		       ? base
		       : graft_type_place_moved(base, op->disp);
}

static struct slot *
slot_of(struct places *places, int64_t off)
{
	return &places->slots[(uint64_t)off / 8 % SLOTS];
}

/** What a word of the frame holds: what was stored there, or the variable that
 * lies there. */
static struct graft_type_place
from_frame(struct following *f, struct places *places, int64_t off,
	   uint64_t addr)
{
	struct slot *slot = slot_of(places, off);
	struct graft_type_place place = { 0 };

	if (slot->off == off)
		place = slot->place;
	for (size_t i = 0; i < f->locations.count; i++) {
		const struct graft_location *at = &f->locations.list[i];
		if (!at->in_frame || at->off != off || addr < at->addr ||
		    addr >= at->end)
			continue;
		struct graft_type_place found =
			graft_type_place_of_value(&f->source, at->type);
		if (place.of == GRAFT_TYPE_PLACE_OF_NOTHING ||
		    graft_type_place_is_struct(&f->source, found.type))
			place = found;
	}
	return place;
}

/** What is read from memory. */
static struct graft_type_place
loaded(struct following *f, struct places *places, const struct graft_op *op)
{
	struct graft_type_place from = operand(f, places, op);

	if (op->mem_size != 8)
		return (struct graft_type_place){ 0 };
	if (from.of == GRAFT_TYPE_PLACE_OF_FRAME)
		return from_frame(f, places, from.off, op->addr);
	uint32_t ref = f->ops->code->insns[op->insn].ref;
	if (from.of == GRAFT_TYPE_PLACE_OF_NOTHING && op->has_ref &&
	    ref != GRAFT_NONE)
		return graft_type_place_linked(&f->source,
					       f->ops->code->refs[ref].target);
	return graft_type_place_loaded(&f->source, from);
}

/** What a call returns. */
static struct graft_type_place
returned(struct following *f, const struct graft_op *op)
{
	struct graft_callee callee = graft_op_callee(f->ops, op);

	return callee.func == GRAFT_NONE
		       ? (struct graft_type_place){ 0 }
		       : graft_type_place_returned(
				 &f->source,
				 f->ops->code->funcs[callee.func].addr);
}

/** What an instruction puts into the register that is its first operand. */
static struct graft_type_place
result_of(struct following *f, struct places *places, const struct graft_op *op)
{
	const struct graft_type_place unknown = { 0 };
	struct graft_type_place dst = op->dst < 16 ? places->regs[op->dst]
						   : unknown;
	struct graft_type_place src = op->src < 16 ? places->regs[op->src]
						   : unknown;

	if (op->dst_size < 8)
		return unknown;
	switch ((enum graft_op_class)op->what) {
	case GRAFT_OP_MOV:
		if (op->has_mem)
			return loaded(f, places, op);
		return op->has_imm ? unknown : src;
	case GRAFT_OP_LEA:
		return operand(f, places, op);
	case GRAFT_OP_ADD:
		if (op->has_imm && !op->has_mem)
			return graft_type_place_stepped(
				&f->source, dst,
				op->subtracts ? -op->imm : op->imm);
		if (op->has_mem)
			src = loaded(f, places, op);
		// The distance of two is no place.
		if (op->subtracts && src.of == GRAFT_TYPE_PLACE_OF_OBJECT)
			return unknown;
		// An index leads to another element of the same type.
		if (dst.of == GRAFT_TYPE_PLACE_OF_OBJECT)
			return dst;
		return src.of == GRAFT_TYPE_PLACE_OF_OBJECT ? src : unknown;
	case GRAFT_OP_CMOV:
		return graft_type_place_is_same(dst, src) ? dst : unknown;
	case GRAFT_OP_BITS:
		// A frame is aligned anew.
		return op->dst == GRAFT_REG_RSP && op->has_imm ? dst : unknown;
	default:
		return unknown;
	}
}

static void
store(struct places *places, struct graft_type_place at,
      struct graft_type_place value)
{
	if (at.of == GRAFT_TYPE_PLACE_OF_FRAME)
		*slot_of(places, at.off) = (struct slot){ at.off, value };
}

/** Let a call, push, pop or leave do what it does; false if it is neither. */
static bool
move_special(struct following *f, const struct graft_op *op,
	     struct places *places)
{
	const struct graft_type_place unknown = { 0 };
	struct graft_type_place *rsp = &places->regs[GRAFT_REG_RSP];

	if (op->flags & GRAFT_INSN_CALL) {
		if (f->gives_frame)
			memset(places->slots, 0, sizeof(places->slots));
		// What is read behind a call without being written there was
		// kept: with -fipa-ra a caller knows what its callee leaves.
		places->regs[GRAFT_REG_RDX] = unknown;
		places->regs[GRAFT_REG_RAX] = returned(f, op);
	} else if (op->what == GRAFT_OP_PUSH) {
		struct graft_type_place value =
			op->first < 16 && !op->has_mem ? places->regs[op->first]
						       : unknown;
		*rsp = graft_type_place_moved(*rsp, -8);
		store(places, *rsp, value);
	} else if (op->what == GRAFT_OP_POP || op->is_leave) {
		uint8_t into = op->is_leave ? GRAFT_REG_RBP : op->dst;
		if (op->is_leave)
			*rsp = places->regs[GRAFT_REG_RBP];
		struct slot slot = *slot_of(places, rsp->off);
		bool known = rsp->of == GRAFT_TYPE_PLACE_OF_FRAME &&
			     slot.off == rsp->off;
		*rsp = graft_type_place_moved(*rsp, 8);
		if (into < 16)
			places->regs[into] = known ? slot.place : unknown;
	} else {
		return false;
	}
	return true;
}

/** Let variables say what registers hold. */
static void
look_up(struct following *f, uint32_t at, struct places *places)
{
	for (uint8_t r = 0; r < 16; r++) {
		struct graft_type_place *reg = &places->regs[r];
		uint32_t target = f->variables[at][r];
		if (!target || reg->of == GRAFT_TYPE_PLACE_OF_FRAME)
			continue;
		bool same = reg->of == GRAFT_TYPE_PLACE_OF_OBJECT &&
			    reg->type == target - 1;
		if (!same &&
		    (reg->of == GRAFT_TYPE_PLACE_OF_NOTHING ||
		     graft_type_place_is_struct(&f->source, target - 1)))
			*reg = (struct graft_type_place){
				GRAFT_TYPE_PLACE_OF_OBJECT, target - 1, 0
			};
	}
}

static void
step(void *context, const struct graft_ops *ops, uint32_t at, void *state)
{
	struct following *f = context;
	const struct graft_op *op = &ops->ops[at];
	struct places *places = state;

	look_up(f, at, places);
	if (op->has_mem) {
		f->reached[at] = operand(f, places, op);
		f->described[at] = graft_type_place_is_described(
			&f->source, f->reached[at],
			op->what == GRAFT_OP_LEA ? 0 : op->mem_size);
	}
	if (op->what == GRAFT_OP_NOP || move_special(f, op, places))
		return;
	struct graft_type_place result = result_of(f, places, op);
	if (op->what == GRAFT_OP_ADD && !op->has_mem && op->has_imm)
		f->described[at] = graft_type_place_is_described(&f->source,
								 result, 0);
	if (op->has_mem && op->mem_write) {
		bool whole = op->what == GRAFT_OP_MOV && op->mem_size == 8 &&
			     op->src < 16;
		store(places, operand(f, places, op),
		      whole ? places->regs[op->src]
			    : (struct graft_type_place){ 0 });
	}
	for (uint8_t r = 0; r < 16; r++) {
		if ((op->writes & (1U << r)) ||
		    (op->dst == GRAFT_REG_NONE && op->first == r &&
		     !op->has_mem && op->what != GRAFT_OP_CMP &&
		     op->what != GRAFT_OP_TEST))
			places->regs[r].of = GRAFT_TYPE_PLACE_OF_NOTHING;
	}
	if (op->dst < 16)
		places->regs[op->dst] = result;
}

static bool
merge_place(struct graft_type_place *into, struct graft_type_place from)
{
	if (into->of == GRAFT_TYPE_PLACE_OF_NOTHING ||
	    graft_type_place_is_same(*into, from))
		return false;
	into->of = GRAFT_TYPE_PLACE_OF_NOTHING;
	return true;
}

static bool
merge(void *into, const void *from)
{
	struct places *a = into;
	const struct places *b = from;
	bool changed = false;

	for (uint32_t r = 0; r < 16; r++)
		changed |= merge_place(&a->regs[r], b->regs[r]);
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct slot *slot = &a->slots[i];
		if (b->slots[i].off == slot->off)
			changed |= merge_place(&slot->place, b->slots[i].place);
		else if (slot->place.of != GRAFT_TYPE_PLACE_OF_NOTHING) {
			slot->place.of = GRAFT_TYPE_PLACE_OF_NOTHING;
			changed = true;
		}
	}
	return changed;
}

/** Which variables of one register are believed first, the last most. */
enum rank {
	RANK_OTHER,
	RANK_STRUCT,
	RANK_BYTES,
	RANKS,
};

static enum rank
rank_of(struct following *f, uint32_t type)
{
	if (graft_type_place_is_bytes(&f->source, type))
		return RANK_BYTES;
	return graft_type_place_is_struct(&f->source, type) ? RANK_STRUCT
							    : RANK_OTHER;
}

/** Note for which instructions a register holds a variable that is a pointer of
 * some rank. */
static void
spread(struct following *f, const struct graft_location *at, enum rank rank)
{
	struct graft_type_place place = graft_type_place_of_value(&f->source,
								  at->type);

	if (at->in_frame || place.of != GRAFT_TYPE_PLACE_OF_OBJECT ||
	    rank_of(f, place.type) != rank)
		return;
	for (uint32_t i = 0; i < f->ops->count; i++) {
		uint64_t addr = f->ops->ops[i].addr;
		uint32_t *variable = &f->variables[i][at->reg];
		if (addr >= at->addr && addr < at->end &&
		    (rank != RANK_OTHER || !*variable))
			*variable = place.type + 1;
	}
}

static struct graft_error *
follow(struct following *f)
{
	const struct graft_func *func = &f->ops->code->funcs[f->ops->func];
	uint32_t subject = graft_dwarf_function_at(f->source.dwarf, func->addr);
	struct places entry;

	memset(&entry, 0, sizeof(entry));
	// How deep the frame is where a part that was cut off begins, nobody knows.
	if (func->group == f->ops->func)
		entry.regs[GRAFT_REG_RSP].of = GRAFT_TYPE_PLACE_OF_FRAME;
	f->gives_frame = graft_frame_is_given(f->ops);
	if (subject == GRAFT_DWARF_NONE)
		return NULL;
	struct graft_error *err = graft_dwarf_locations(f->source.dwarf,
							subject, &f->locations);
	if (!err && f->locations.count * (size_t)f->ops->count > WORK_MAX)
		return NULL;
	for (enum rank rank = RANK_OTHER; !err && rank < RANKS; rank++) {
		for (size_t i = 0; i < f->locations.count; i++)
			spread(f, &f->locations.list[i], rank);
	}
	if (!err)
		err = graft_ways_follow(f->ops, sizeof(entry), &entry, step,
					merge, f);
	if (!err) {
		err = f->source.err;
		f->source.err = NULL;
	}
	return err;
}

struct graft_error *
graft_pointees_read(const struct graft_case *c, const struct graft_ops *ops,
		    struct graft_pointees *ret)
{
	struct following f = { .ops = ops };

	f.described = calloc((size_t)ops->count + 1, sizeof(*f.described));
	f.reached = calloc((size_t)ops->count + 1, sizeof(*f.reached));
	*ret = (struct graft_pointees){ f.described, f.reached };
	if (!f.described || !f.reached)
		return graft_error_no_memory();
	if (!c->types || ops->count > LENGTH_MAX)
		return NULL;
	bool is_old = ops->code == c->diff->old_code;
	f.source.image = is_old ? c->diff->old_image : c->diff->new_image;
	f.source.dwarf = is_old ? c->types->old_dwarf : c->types->new_dwarf;
	f.variables = calloc((size_t)ops->count + 1, sizeof(*f.variables));
	if (!f.variables)
		return graft_error_no_memory();
	struct graft_error *err = follow(&f);
	// Debug information that lies is no reason to fail: nothing is described.
	if (err && graft_error_kind(err) == GRAFT_KIND_INPUT) {
		memset(f.described, 0, ops->count);
		memset(f.reached, 0, ops->count * sizeof(*f.reached));
		graft_error_free(err);
		err = NULL;
	}
	graft_locations_deinit(&f.locations);
	graft_error_free(f.source.err);
	free(f.variables);
	return err;
}

void
graft_pointees_deinit(struct graft_pointees *pointees)
{
	free(pointees->described);
	free(pointees->reached);
	*pointees = (struct graft_pointees){ 0 };
}
