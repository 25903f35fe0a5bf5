// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/passed.h"

#include "diff/code/area.h"
#include "judge/flow/readers.h"
#include "judge/types/arguments.h"

/** Find the registers in which a function of the module may be given something. */
static struct graft_error *
taken_by(struct graft_argument_reader *reader,
	 const struct graft_escape_way *how, uint32_t func, uint32_t *ret)
{
	struct graft_arguments arguments;
	uint32_t typed = GRAFT_PASSED_ALL;
	struct graft_error *err = graft_arguments_read(reader, func,
						       &arguments);

	*ret = GRAFT_PASSED_ALL;
	if (!err && !arguments.variadic)
		*ret &= arguments.reads | arguments.passed;
	if (!err && how->types)
		err = graft_types_argument_registers(how->types, func, &typed);
	*ret &= typed;
	return err;
}

/** Is a register written only by what puts one certain value there? */
static bool
is_sure(const struct graft_ops *ops, uint8_t reg)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		if (ops->ops[i].what == GRAFT_OP_CMOV && ops->ops[i].dst == reg)
			return false;
	}
	return true;
}

/** Do all ways to a call come from an instruction before it, and from no branch? */
static bool
is_straight(const struct graft_ops *ops, uint32_t from, uint32_t at)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		bool anywhere = (op->flags & GRAFT_INSN_JUMP) &&
				(op->flags & GRAFT_INSN_INDIRECT) && i != at;
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
		if (load->base >= 16 || (ops->ops[i].writes & 1U << load->base))
			return NULL;
	}
	return is_straight(ops, writer, at) ? load : NULL;
}

/** Does a call go by a pointer in the constant whose address is followed? */
static bool
is_by_table(const struct graft_escape_way *how, const struct graft_ops *ops,
	    const struct graft_op *op, uint32_t held)
{
	const struct graft_op *load = op;

	if (!how->table || !(op->flags & GRAFT_INSN_INDIRECT))
		return false;
	if (!op->has_mem && op->first < 16)
		load = find_load(ops, (uint32_t)(op - ops->ops));
	return load && load->has_mem && load->mem_size == 8 &&
	       load->base < 16 && (held & 1U << load->base) &&
	       (load->index >= 16 || !(held & 1U << load->index)) &&
	       is_sure(ops, load->base);
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
