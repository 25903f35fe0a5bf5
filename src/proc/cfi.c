// SPDX-License-Identifier: Apache-2.0

#include "proc/cfi.h"

#include "proc/status.h"

#include <dwarf.h>
#include <gelf.h>
#include <string.h>
#include <sys/mman.h>

enum {
	ROW_BITS = 8,
	ROWS = 1 << ROW_BITS,
};

/** A file that the target maps. */
struct module {
	uint64_t dev;
	uint64_t inode;
	/** Lent. */
	struct graft_table *table;
};

/** An executable mapping. */
struct text {
	uint64_t start;
	uint64_t end;
	uint64_t off;
	uint64_t dev;
	uint64_t inode;
	/** Address in the target minus address in the file. */
	uint64_t bias;
	const struct graft_table *table;
	/** The stop in which it was last seen to be there. */
	uint64_t seen;
	bool usable;
};

struct graft_cfi {
	struct module *modules;
	size_t module_count;
	struct text *texts;
	size_t text_count;
	struct graft_vmas *vmas;
	uint64_t stop;
	/** ROWS of them. Not from the heap: most are never touched. */
	struct graft_cfi_row *rows;
	/** Some of them were filled. */
	bool has_rows;
};

static struct module *
find_module(const struct graft_cfi *cfi, const struct graft_map *map)
{
	for (size_t i = 0; i < cfi->module_count; i++)
		if (cfi->modules[i].dev == map->dev &&
		    cfi->modules[i].inode == map->inode)
			return &cfi->modules[i];
	return NULL;
}

// The bias comes from the segment that the mapping shows.
static bool
find_bias(Elf *elf, const struct graft_map *map, uint64_t *ret)
{
	size_t count = 0;
	if (elf_getphdrnum(elf, &count) != 0)
		return false;
	uint64_t page = 4096;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr phdr;
		if (!gelf_getphdr(elf, (int)i, &phdr))
			return false;
		if (phdr.p_type != PT_LOAD || !(phdr.p_flags & PF_X))
			continue;
		uint64_t first = phdr.p_offset & -page;
		uint64_t off = map->inode ? map->off : first;
		if (off < first ||
		    off - phdr.p_offset + page > phdr.p_filesz + 2 * page)
			continue;
		*ret = map->start - off - phdr.p_vaddr + phdr.p_offset;
		return true;
	}
	return false;
}

static bool
is_text(const struct graft_map *map)
{
	return (map->prot & PROT_EXEC) &&
	       (map->inode || strcmp(map->path, "[vdso]") == 0);
}

static struct graft_error *
add_text(struct graft_cfi *cfi, struct graft_tables *tables, pid_t tid,
	 const struct graft_map *map)
{
	struct module *module = find_module(cfi, map);
	if (!module) {
		module = &cfi->modules[cfi->module_count];
		*module = (struct module){ .dev = map->dev,
					   .inode = map->inode };
		struct graft_error *err = graft_tables_get(tables, tid, map,
							   &module->table);
		if (err)
			return err;
		cfi->module_count++;
	}
	struct text *text = &cfi->texts[cfi->text_count++];
	*text = (struct text){
		.start = map->start,
		.end = map->end,
		.off = map->off,
		.dev = map->dev,
		.inode = map->inode,
		.table = module->table,
	};
	text->usable = text->table->cfi &&
		       find_bias(text->table->elf, map, &text->bias);
	return NULL;
}

struct graft_error *
graft_cfi_new(pid_t pid, const struct graft_maps *maps,
	      struct graft_tables *tables, struct graft_cfi **ret)
{
	GRAFT_CLEANUP(graft_cfi_freep)
	struct graft_cfi *cfi = calloc(1, sizeof(*cfi));
	if (!cfi)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "unwind tables");
	void *rows = mmap(NULL, ROWS * sizeof(cfi->rows[0]),
			  PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	if (rows == MAP_FAILED)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "unwind tables");
	cfi->rows = rows;
	size_t count = 0;
	for (size_t i = 0; i < maps->count; i++)
		count += is_text(&maps->maps[i]);
	cfi->texts = calloc(count + 1, sizeof(*cfi->texts));
	// A slot more than texts keeps calloc(0) out of it.
	cfi->modules = calloc(count + 1, sizeof(*cfi->modules));
	if (!cfi->texts || !cfi->modules)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "unwind tables");
	(void)elf_version(EV_CURRENT);
	// A leader that ended has no files; one that is gone altogether has none
	// to be found either.
	pid_t tid = graft_proc_live_tid(pid);
	for (size_t i = 0; i < maps->count; i++) {
		if (!is_text(&maps->maps[i]))
			continue;
		struct graft_error *err = add_text(cfi, tables, tid,
						   &maps->maps[i]);
		if (err)
			return err;
	}
	*ret = GRAFT_TAKE(cfi);
	return NULL;
}

static void
row_clear(struct graft_cfi_row *row)
{
	free(row->frame);
	memset(row, 0, sizeof(*row));
}

void
graft_cfi_begin(struct graft_cfi *cfi, struct graft_vmas *vmas)
{
	cfi->vmas = vmas;
	cfi->stop++;
}

// A module may have been unmapped, and another mapped there, since the maps
// were read.
static bool
is_still_there(struct graft_cfi *cfi, struct text *text)
{
	if (!cfi->vmas || text->seen == cfi->stop)
		return text->usable;
	struct graft_vma vma;
	bool found = false;
	struct graft_error *err = graft_vmas_next(cfi->vmas, text->start, &vma,
						  &found);
	graft_error_free(err);
	text->seen = cfi->stop;
	if (err || !found || vma.start > text->start || vma.end < text->end ||
	    !(vma.prot & PROT_EXEC) || vma.inode != text->inode ||
	    (text->inode && (vma.dev != text->dev ||
			     vma.off - vma.start != text->off - text->start)))
		text->usable = false;
	return text->usable;
}

static struct text *
find_text(struct graft_cfi *cfi, uint64_t addr)
{
	size_t low = 0;
	size_t high = cfi->text_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct text *text = &cfi->texts[middle];
		if (addr < text->start)
			high = middle;
		else if (addr >= text->end)
			low = middle + 1;
		else
			return is_still_there(cfi, text) ? text : NULL;
	}
	return NULL;
}

// The psABI's registers that a function leaves as they were. libdw's own list
// has rax in the place of rbx.
static bool
is_callee_saved(unsigned reg)
{
	return reg == 3 || reg == 6 || (reg >= 12 && reg <= 15);
}

// Ops in scratch are libdw's wording of the simple rules.
static struct graft_cfi_rule
simple_rule(const Dwarf_Op *ops, size_t count)
{
	struct graft_cfi_rule rule = { .how = GRAFT_CFI_BAD };
	if (count == 1 && ops[0].atom == DW_OP_regx) {
		rule.how = GRAFT_CFI_REG_PLUS;
		rule.reg = (unsigned)ops[0].number;
		return rule;
	}
	if (count == 0 || ops[0].atom != DW_OP_call_frame_cfa)
		return rule;
	size_t at = 1;
	if (at < count && ops[at].atom == DW_OP_plus_uconst)
		rule.off = ops[at++].number;
	if (at == count)
		rule.how = GRAFT_CFI_AT_CFA;
	else if (at + 1 == count && ops[at].atom == DW_OP_stack_value)
		rule.how = GRAFT_CFI_CFA_PLUS;
	return rule;
}

static struct graft_cfi_rule
register_rule(Dwarf_Frame *frame, unsigned reg)
{
	Dwarf_Op scratch[3];
	Dwarf_Op *ops = NULL;
	size_t count = 0;
	struct graft_cfi_rule rule = { .how = GRAFT_CFI_BAD };
	if (dwarf_frame_register(frame, (int)reg, scratch, &ops, &count) != 0)
		return rule;
	if (count == 0) {
		bool same = is_callee_saved(reg) ||
			    (reg == GRAFT_DWARF_RIP && !ops);
		rule.how = same ? GRAFT_CFI_SAME : GRAFT_CFI_UNDEFINED;
		return rule;
	}
	if (ops == scratch)
		return simple_rule(ops, count);
	rule.how = GRAFT_CFI_EXPRESSION;
	rule.ops = ops;
	rule.op_count = count;
	return rule;
}

static struct graft_cfi_rule
cfa_rule(Dwarf_Frame *frame)
{
	Dwarf_Op *ops = NULL;
	size_t count = 0;
	struct graft_cfi_rule rule = { .how = GRAFT_CFI_BAD };
	if (dwarf_frame_cfa(frame, &ops, &count) != 0 || count == 0)
		return rule;
	if (count == 1 && ops[0].atom == DW_OP_bregx) {
		rule.how = GRAFT_CFI_REG_PLUS;
		rule.reg = (unsigned)ops[0].number;
		rule.off = ops[0].number2;
		return rule;
	}
	rule.how = GRAFT_CFI_EXPRESSION;
	rule.ops = ops;
	rule.op_count = count;
	return rule;
}

const struct graft_cfi_row *
graft_cfi_at(struct graft_cfi *cfi, uint64_t addr)
{
	struct text *text = find_text(cfi, addr);
	if (!text)
		return NULL;
	struct graft_cfi_row *row =
		&cfi->rows[(addr * 0x9e3779b97f4a7c15U) >> (64 - ROW_BITS)];
	if (row->addr == addr)
		return row;
	cfi->has_rows = true;
	row_clear(row);
	uint64_t in_file = addr - text->bias;
	if (dwarf_cfi_addrframe(text->table->cfi, in_file, &row->frame) != 0) {
		row->frame = NULL;
		return NULL;
	}
	Dwarf_Addr start = 0;
	Dwarf_Addr end = 0;
	int ra = dwarf_frame_info(row->frame, &start, &end, &row->signal);
	if (ra != GRAFT_DWARF_RIP || in_file < start || in_file >= end)
		return NULL;
	row->cfa = cfa_rule(row->frame);
	for (unsigned i = 0; i < GRAFT_DWARF_REGS; i++)
		row->regs[i] = register_rule(row->frame, i);
	row->addr = addr;
	return row;
}

void
graft_cfi_free(struct graft_cfi *cfi)
{
	if (!cfi)
		return;
	for (size_t i = 0; cfi->has_rows && i < ROWS; i++)
		row_clear(&cfi->rows[i]);
	if (cfi->rows)
		(void)munmap(cfi->rows, ROWS * sizeof(cfi->rows[0]));
	for (size_t i = 0; i < cfi->module_count; i++)
		graft_table_release(cfi->modules[i].table);
	free(cfi->modules);
	free(cfi->texts);
	free(cfi);
}
