// SPDX-License-Identifier: Apache-2.0

#include "diff/code/group.h"

#include "base/sorted.h"
#include "base/vec.h"
#include "diff/code/area.h"
#include "diff/code/table.h"

#include <string.h>

enum {
	/** Fewer distances may as well be one number that is added. */
	SPREAD_MIN = 2,
};

static int
by_value(const void *x, const void *y)
{
	const uint64_t *a = x;
	const uint64_t *b = y;

	return (*a > *b) - (*a < *b);
}

/** Where does a relocation point to, if that is in this module? */
static bool
points_inside(const struct graft_reloc *reloc, uint64_t *ret)
{
	if (reloc->type == R_X86_64_RELATIVE) {
		*ret = (uint64_t)reloc->addend;
		return true;
	}
	if (reloc->type == R_X86_64_64 && reloc->symbol &&
	    reloc->symbol->defined && !reloc->symbol->absolute) {
		*ret = reloc->symbol->addr + (uint64_t)reloc->addend;
		return true;
	}
	return false;
}

static void
add_addr(const struct graft_code *code, uint64_t *addrs, size_t *count,
	 uint64_t addr)
{
	enum graft_area area = graft_area_of(code->image, addr);

	if (area == GRAFT_AREA_CONSTANT || area == GRAFT_AREA_DATA)
		addrs[(*count)++] = addr;
}

/** Collect what relocations and symbols name. */
static void
add_named(const struct graft_code *code, uint64_t *addrs, size_t *count)
{
	size_t n;
	const struct graft_reloc *relocs = graft_image_relocs(code->image, &n);
	uint64_t target;

	for (size_t i = 0; i < n; i++) {
		if (points_inside(&relocs[i], &target))
			add_addr(code, addrs, count, target);
	}
	const struct graft_symbol *symbols = graft_image_symbols(code->image,
								 &n);
	for (size_t i = 0; i < n; i++) {
		if (symbols[i].defined && symbols[i].type == STT_OBJECT)
			add_addr(code, addrs, count, symbols[i].addr);
	}
}

static size_t
sort_unique(uint64_t *addrs, size_t count)
{
	size_t kept = 0;

	if (count)
		qsort(addrs, count, sizeof(*addrs), by_value);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || addrs[kept - 1] != addrs[i])
			addrs[kept++] = addrs[i];
	}
	return kept;
}

static struct graft_error *
collect_starts(struct graft_code *code)
{
	size_t relocs;
	size_t symbols;
	(void)graft_image_relocs(code->image, &relocs);
	(void)graft_image_symbols(code->image, &symbols);
	size_t most = code->ref_count + relocs + symbols + 1;

	code->starts = calloc(most, sizeof(*code->starts));
	code->marks = calloc(most, sizeof(*code->marks));
	if (!code->starts || !code->marks)
		return graft_error_no_memory();
	for (size_t i = 0; i < code->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[i];
		// An operand with an index may name what is no start.
		if (ref->kind == GRAFT_REF_ADDRESS &&
		    !(ref->folded && ref->back))
			add_addr(code, code->starts, &code->start_count,
				 ref->target);
		if (ref->kind == GRAFT_REF_ADDRESS ||
		    ref->kind == GRAFT_REF_MEMORY)
			add_addr(code, code->marks, &code->mark_count,
				 ref->target);
	}
	add_named(code, code->starts, &code->start_count);
	add_named(code, code->marks, &code->mark_count);
	code->start_count = sort_unique(code->starts, code->start_count);
	code->mark_count = sort_unique(code->marks, code->mark_count);
	return NULL;
}

uint64_t
graft_code_next_start(const struct graft_code *code, uint64_t addr)
{
	return graft_sorted_next(code->starts, code->start_count, addr);
}

uint64_t
graft_code_next_mark(const struct graft_code *code, uint64_t addr)
{
	return graft_sorted_next(code->marks, code->mark_count, addr);
}

static uint32_t
root_of(const struct graft_code *code, uint32_t func)
{
	while (code->funcs[func].group != func)
		func = code->funcs[func].group;
	return func;
}

static void
join(struct graft_code *code, uint32_t a, uint32_t b)
{
	a = root_of(code, a);
	b = root_of(code, b);
	if (a < b)
		code->funcs[b].group = a;
	else
		code->funcs[a].group = b;
}

/** Join a function with those whose middle it jumps into. */
static void
join_jumps(struct graft_code *code, uint32_t func)
{
	const struct graft_func *f = &code->funcs[func];

	for (uint32_t i = 0; i < f->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[f->first_ref + i];
		if (ref->kind != GRAFT_REF_BRANCH || ref->is_call)
			continue;
		uint32_t to = graft_code_func_at(code, ref->target);
		if (to != GRAFT_NONE && code->funcs[to].addr != ref->target)
			join(code, func, to);
	}
}

/**
 * Join a function with those that a jump table of it leads into.
 *
 * @return Whether there is one.
 */
static bool
join_table(struct graft_code *code, uint32_t func, uint64_t table)
{
	uint64_t end = graft_code_next_start(code, table);
	bool home = false;

	// A table has at least one entry that leads into its own function;
	// what looks like one but has none is something else.
	for (uint32_t pass = 0; pass < 2; pass++) {
		for (uint64_t at = table; end - at >= 4; at += 4) {
			if (!graft_image_bytes(code->image, at, 4))
				break;
			uint64_t target = graft_table_target(
				code, table, (uint32_t)((at - table) / 4));
			uint32_t to = graft_code_func_at(code, target);
			if (to == GRAFT_NONE ||
			    graft_code_insn_at(code, &code->funcs[to],
					       target) == GRAFT_NONE)
				break;
			if (to == func)
				home = true;
			else if (pass == 1)
				join(code, func, to);
		}
		if (!home)
			return false;
	}
	return true;
}

static struct graft_error *
join_tables(struct graft_code *code, uint32_t func, size_t *cap)
{
	const struct graft_func *f = &code->funcs[func];

	for (uint32_t i = 0; f->indirect_jump && i < f->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[f->first_ref + i];
		if (ref->kind != GRAFT_REF_ADDRESS ||
		    graft_area_of(code->image, ref->target) !=
			    GRAFT_AREA_CONSTANT ||
		    !join_table(code, func, ref->target))
			continue;
		struct graft_error *err = graft_vec_reserve(
			&code->tables, cap, code->table_count + 1,
			sizeof(*code->tables));
		if (err)
			return err;
		code->tables[code->table_count++] = ref->target;
	}
	return NULL;
}

/** Collect the tables of distances that do not lead to where a jump goes. */
static struct graft_error *
collect_spreads(struct graft_code *code)
{
	struct graft_error *err = NULL;
	size_t cap = 0;

	for (size_t i = 0; !err && i < code->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[i];
		uint64_t room = graft_code_next_start(code, ref->target) -
				ref->target;
		if (!ref->table || ref->kind != GRAFT_REF_ADDRESS ||
		    graft_area_of(code->image, ref->target) !=
			    GRAFT_AREA_CONSTANT ||
		    graft_table_spread(code, ref->target, room) < SPREAD_MIN)
			continue;
		err = graft_vec_reserve(&code->spreads, &cap,
					code->spread_count + 1,
					sizeof(*code->spreads));
		if (!err)
			code->spreads[code->spread_count++] = ref->target;
	}
	code->spread_count = sort_unique(code->spreads, code->spread_count);
	return err;
}

struct graft_error *
graft_group_make(struct graft_code *code)
{
	struct graft_error *err = collect_starts(code);

	if (err)
		return err;
	for (uint32_t i = 0; i < code->func_count; i++)
		code->funcs[i].group = i;
	size_t cap = 0;
	for (uint32_t i = 0; !err && i < code->func_count; i++) {
		join_jumps(code, i);
		err = join_tables(code, i, &cap);
	}
	if (!err)
		err = collect_spreads(code);
	if (err)
		return err;
	code->table_count = sort_unique(code->tables, code->table_count);
	for (uint32_t i = 0; i < code->func_count; i++)
		code->funcs[i].group = root_of(code, i);
	// The root is the lowest: put each behind it, from the last to the
	// second.
	for (uint32_t i = 0; i < code->func_count; i++)
		code->funcs[i].group_next = GRAFT_NONE;
	for (uint32_t i = (uint32_t)code->func_count; i-- > 0;) {
		struct graft_func *root = &code->funcs[code->funcs[i].group];
		if (code->funcs[i].group == i)
			continue;
		code->funcs[i].group_next = root->group_next;
		root->group_next = i;
	}
	return NULL;
}
