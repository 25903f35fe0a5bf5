// SPDX-License-Identifier: Apache-2.0

#include "judge/types/arguments.h"

#include "judge/flow/op.h"
#include "judge/types/types.h"

enum {
	REGISTERS = 6,
	/** What is larger takes two registers, or none. */
	WORD = 8,
};

static const uint8_t order[REGISTERS] = { GRAFT_REG_RDI, GRAFT_REG_RSI,
					  GRAFT_REG_RDX, GRAFT_REG_RCX,
					  GRAFT_REG_R8,  GRAFT_REG_R9 };

/** Get the first so many of the registers. */
static uint32_t
first(size_t count)
{
	uint32_t regs = 0;

	for (size_t i = 0; i < count && i < REGISTERS; i++)
		regs |= 1U << order[i];
	return regs;
}

/** Count the registers that a value takes at most; all if that is not known. */
static struct graft_error *
count_for(struct graft_dwarf *dwarf, uint32_t number, size_t *ret)
{
	const struct graft_type *type;
	struct graft_error *err = graft_dwarf_type_peel(dwarf, number, &number,
							&type);

	if (err)
		return err;
	bool two = type->size > WORD ||
		   type->kind == GRAFT_TYPE_IS_MEMBER_POINTER;
	*ret = two ? 2 : 1;
	if (type->kind == GRAFT_TYPE_IS_ODD || type->declaration)
		*ret = REGISTERS;
	return NULL;
}

/** Does a function get a place for its result in the first register? */
static struct graft_error *
has_place(struct graft_dwarf *dwarf, uint32_t number, bool *ret)
{
	const struct graft_type *type;

	*ret = false;
	if (number == GRAFT_TYPE_VOID)
		return NULL;
	struct graft_error *err = graft_dwarf_type_peel(dwarf, number, &number,
							&type);
	if (!err)
		*ret = type->kind != GRAFT_TYPE_IS_BASE &&
		       type->kind != GRAFT_TYPE_IS_POINTER &&
		       type->kind != GRAFT_TYPE_IS_ENUM;
	return err;
}

/** Count the registers of all parameters. */
static struct graft_error *
count_all(struct graft_dwarf *dwarf, uint32_t subject, size_t *ret)
{
	GRAFT_CLEANUP(graft_locals_deinit) struct graft_locals locals = { 0 };
	struct graft_error *err = graft_dwarf_locals(dwarf, subject, &locals);
	size_t count = 0;
	bool place = false;

	if (!err)
		err = has_place(dwarf, locals.result, &place);
	for (size_t i = 0; !err && i < locals.count; i++) {
		size_t more = 0;
		if (locals.list[i].parameter)
			err = count_for(dwarf, locals.list[i].type, &more);
		count += more;
	}
	if (!err)
		*ret = locals.variadic ? REGISTERS : count + place;
	return err;
}

struct graft_error *
graft_types_argument_registers(const struct graft_case *c, uint32_t func,
			       uint32_t *ret)
{
	size_t count = REGISTERS;

	*ret = first(REGISTERS);
	if (!c->types)
		return NULL;
	uint64_t addr = c->diff->new_code->funcs[func].addr;
	struct graft_dwarf *dwarf = c->types->new_dwarf;
	uint32_t subject = graft_dwarf_function_at(dwarf, addr);
	// Not a cut-off part, which is jumped to with whatever there is.
	if (subject == GRAFT_DWARF_NONE ||
	    graft_dwarf_subject(dwarf, subject)->addr != addr ||
	    !graft_dwarf_unit_has_types(
		    dwarf, graft_dwarf_subject(dwarf, subject)->unit))
		return NULL;
	struct graft_error *err = count_all(dwarf, subject, &count);
	if (!err && (count == 0 || c->new_graph->escapes[func] ||
		     c->new_graph->taken[func]))
		*ret = first(count);
	return err;
}
