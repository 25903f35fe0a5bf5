// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/passed.h"

#include "diff/code/area.h"
#include "judge/flow/readers.h"
#include "judge/types/arguments.h"

enum {
	/** Copies of copies of an address that are followed back. */
	DEPTH_MAX = 4,
};

/** Find the registers in which a function of the module may be given something. */
static struct graft_error *
taken_by(struct graft_argument_reader *reader,
	 const struct graft_escape_way *how, uint32_t func, uint32_t *ret)
{
	struct graft_arguments arguments = { 0 };
	uint32_t typed = GRAFT_PASSED_ALL;
	struct graft_error *err = graft_arguments_read(reader, func,
						       &arguments);

	*ret = GRAFT_PASSED_ALL;
	if (!err && !arguments.variadic)
		*ret &= arguments.reads | arguments.passed;
	if (!err && how->types)
		err = graft_types_argument_registers(how->types, func, &typed);
	// Of another convention than types are read by (`ms_abi`).
	if (arguments.reads & GRAFT_PASSED_ALL & ~typed)
		return err;
	*ret &= typed;
	return err;
}

/** Does an instruction write a register, wholly, in part or perhaps? */
static bool
may_write(const struct graft_op *op, uint8_t reg)
{
	return op->writes & 1U << reg || op->low_writes & 1U << reg ||
	       op->dst == reg;
}

/** Do all ways to an instruction come from one that writes a register, the last
 * that does, and from no branch? */
static bool
is_straight(const struct graft_ops *ops, uint32_t from, uint32_t at,
	    uint8_t reg, uint32_t call)
{
	for (uint32_t i = from + 1; i < at; i++) {
		if (may_write(&ops->ops[i], reg))
			return false;
	}
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		bool anywhere = (op->flags & GRAFT_INSN_JUMP) &&
				(op->flags & GRAFT_INSN_INDIRECT) && i != call;
		if (anywhere || (op->target > ops->ops[from].addr &&
				 op->target <= ops->ops[at].addr))
			return false;
	}
	return true;
}

/**
 * Find where a call that goes by a register loads it from memory.
 *
 * @return The load; NULL if there is none right before, with the same base.
 */
static const struct graft_op *
find_load(const struct graft_ops *ops, uint32_t at)
{
	uint32_t writer = graft_op_writer(ops, at, ops->ops[at].first);

	if (writer >= ops->count || ops->ops[writer].what != GRAFT_OP_MOV)
		return NULL;
	const struct graft_op *load = &ops->ops[writer];
	for (uint32_t i = writer; i < at; i++) {
		if (load->base >= 16 || may_write(&ops->ops[i], load->base))
			return NULL;
	}
	return is_straight(ops, writer, at, ops->ops[at].first, at) ? load
								    : NULL;
}

/** Does any code come into a function elsewhere than at its start? */
static bool
is_entered_inside(const struct graft_ops *ops)
{
	const struct graft_code *code = ops->code;
	const struct graft_func *f = &code->funcs[ops->func];

	for (size_t i = 0; i < code->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[i];
		if (ref->kind == GRAFT_REF_BRANCH && ref->target > f->addr &&
		    ref->target - f->addr < f->size)
			return true;
	}
	return false;
}

/** A call that may go by a table. */
struct by_table {
	const struct graft_escape_way *how;
	const struct graft_ops *ops;
	/** Index of the call. */
	uint32_t call;
};

static bool
is_in_table(const struct by_table *by, uint32_t at, uint8_t reg,
	    uint32_t depth);

/** Does an instruction put an address in the table into a register? */
static bool
puts_table(const struct by_table *by, uint32_t at, uint8_t reg, uint32_t depth)
{
	const struct graft_ops *ops = by->ops;
	const struct graft_op *op = &ops->ops[at];
	uint32_t ref = ops->code->insns[op->insn].ref;

	if (op->dst != reg || op->dst_size != 8)
		return false;
	if (ref != GRAFT_NONE)
		return ops->code->refs[ref].kind == GRAFT_REF_ADDRESS &&
		       ops->code->refs[ref].target == by->how->table;
	if (op->what == GRAFT_OP_LEA)
		return op->base < 16 && is_in_table(by, at, op->base, depth);
	if (op->has_mem ||
	    (op->what != GRAFT_OP_MOV && op->what != GRAFT_OP_ADD))
		return false;
	return (op->src < 16 && is_in_table(by, at, op->src, depth)) ||
	       (op->what == GRAFT_OP_ADD && is_in_table(by, at, reg, depth));
}

/**
 * Is an address in the table in a register, on every way to an instruction?
 *
 * What is put there right before, or, into a register that functions keep for
 * their callers, anywhere.
 */
static bool
is_in_table(const struct by_table *by, uint32_t at, uint8_t reg, uint32_t depth)
{
	const struct graft_ops *ops = by->ops;
	uint32_t writer = graft_op_writer(ops, at, reg);
	bool found = false;

	if (depth >= DEPTH_MAX)
		return false;
	if (writer < ops->count && is_straight(ops, writer, at, reg, by->call))
		return puts_table(by, writer, reg, depth + 1);
	if (graft_reg_is_volatile(reg))
		return false;
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (!may_write(op, reg) || op->what == GRAFT_OP_POP)
			continue;
		if (!puts_table(by, i, reg, depth + 1))
			return false;
		found = true;
	}
	return found;
}

/** Does a call go by a pointer in the constant whose address is followed? */
static bool
is_by_table(const struct graft_escape_way *how, const struct graft_ops *ops,
	    const struct graft_op *op, uint32_t held)
{
	const struct graft_op *load = op;
	struct by_table by = { how, ops, (uint32_t)(op - ops->ops) };

	if (!how->table || !(op->flags & GRAFT_INSN_INDIRECT))
		return false;
	if (!op->has_mem && op->first < 16)
		load = find_load(ops, by.call);
	return load && load->has_mem && load->mem_size == 8 &&
	       load->base < 16 && (held & 1U << load->base) &&
	       (load->index >= 16 || !(held & 1U << load->index)) &&
	       !is_entered_inside(ops) &&
	       is_in_table(&by, (uint32_t)(load - ops->ops), load->base, 0);
}

/** Find the function that a pointer leads to; #GRAFT_NONE if it leads to none.
 * @return Whether that is known. */
static bool
pointed_to(const struct graft_code *code, const struct graft_reloc *reloc,
	   uint32_t *ret)
{
	*ret = GRAFT_NONE;
	if (reloc->type != R_X86_64_RELATIVE || reloc->symbol)
		return false;
	uint64_t addr = (uint64_t)reloc->addend;
	if (graft_area_of(code->image, addr) != GRAFT_AREA_CODE)
		return graft_area_of(code->image, addr) != GRAFT_AREA_PLT;
	*ret = graft_code_func_starting(code, addr);
	return *ret != GRAFT_NONE;
}

/** Find the registers that any of the functions to which a constant points may
 * be given something in. */
static struct graft_error *
taken_by_table(struct graft_argument_reader *reader,
	       const struct graft_escape_way *how, uint32_t *ret)
{
	const struct graft_code *code = reader->code;
	uint32_t regs = 0;
	bool found = false;

	*ret = GRAFT_PASSED_ALL;
	for (uint64_t at = (how->table + 7) & ~(uint64_t)7; at < how->table_end;
	     at += 8) {
		const struct graft_reloc *reloc =
			graft_image_reloc_at(code->image, at);
		uint32_t func;
		uint32_t one;
		if (!reloc)
			continue;
		if (!pointed_to(code, reloc, &func))
			return NULL;
		if (func == GRAFT_NONE)
			continue;
		struct graft_error *err = taken_by(reader, how, func, &one);
		if (err)
			return err;
		regs |= one;
		found = true;
	}
	if (found)
		*ret = regs;
	return NULL;
}

struct graft_error *
graft_passed_by(struct graft_argument_reader *reader,
		const struct graft_escape_way *how, const struct graft_ops *ops,
		const struct graft_op *op, uint32_t held, uint32_t *ret)
{
	struct graft_callee callee = graft_op_callee(ops, op);
	const char *import = callee.import;

	*ret = import && (graft_import_only_reads(import) ||
			  graft_import_takes_nothing(import))
		       ? 0
		       : GRAFT_PASSED_ALL;
	if (callee.func != GRAFT_NONE)
		return taken_by(reader, how, callee.func, ret);
	if (!import && is_by_table(how, ops, op, held))
		return taken_by_table(reader, how, ret);
	return NULL;
}
