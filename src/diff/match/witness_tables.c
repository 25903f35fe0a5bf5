// SPDX-License-Identifier: Apache-2.0

#include "diff/match/witness_tables.h"

#include "base/sorted.h"
#include "base/vec.h"
#include "diff/code/area.h"
#include "diff/constant/constant.h"
#include "diff/match/data.h"

#include <string.h>

enum {
	/** Bytes of a pointer, and of what is compared at once. */
	UNIT = 8,
};

/** Where one side names anything, ascending. */
struct named {
	uint64_t *addrs;
	size_t count;
};

/** Two things that a pointer leads to, one of each side. */
struct table {
	uint64_t old_addr;
	uint64_t new_addr;
};

struct reader {
	const struct graft_diff *diff;
	struct named old_named;
	struct named new_named;
	struct table *tables;
	size_t count;
	size_t cap;
	/** Which names of NEW were met, by their place in new_named. */
	bool *met;
	bool *confirmed;
};

static void
deinit_reader(struct reader *reader)
{
	free(reader->old_named.addrs);
	free(reader->new_named.addrs);
	free(reader->tables);
	free(reader->met);
}

static int
by_addr(const void *x, const void *y)
{
	const uint64_t *a = x;
	const uint64_t *b = y;

	return (*a > *b) - (*a < *b);
}

/** Is it a pointer to something in the file itself? */
static bool
is_own(const struct graft_reloc *reloc)
{
	return reloc->type == R_X86_64_RELATIVE && !reloc->symbol;
}

/** Collect what code, pointers and symbols name. */
static struct graft_error *
collect_named(const struct graft_code *code, struct named *ret)
{
	size_t reloc_count;
	size_t symbol_count;
	const struct graft_reloc *relocs = graft_image_relocs(code->image,
							      &reloc_count);
	const struct graft_symbol *symbols = graft_image_symbols(code->image,
								 &symbol_count);

	ret->addrs = calloc(code->ref_count + reloc_count + symbol_count + 1,
			    sizeof(*ret->addrs));
	if (!ret->addrs)
		return graft_error_no_memory();
	for (size_t i = 0; i < code->ref_count; i++)
		ret->addrs[ret->count++] = code->refs[i].target;
	for (size_t i = 0; i < reloc_count; i++) {
		if (is_own(&relocs[i]))
			ret->addrs[ret->count++] = (uint64_t)relocs[i].addend;
	}
	for (size_t i = 0; i < symbol_count; i++) {
		if (symbols[i].defined)
			ret->addrs[ret->count++] = symbols[i].addr;
	}
	if (ret->count)
		qsort(ret->addrs, ret->count, sizeof(*ret->addrs), by_addr);
	return NULL;
}

/** Is anything inside of [addr, addr + UNIT) named? */
static bool
is_named(const struct named *named, uint64_t addr)
{
	size_t at = graft_sorted_below(named->addrs, named->count, addr);

	return at < named->count && named->addrs[at] - addr < UNIT;
}

static uint32_t
func_from(const struct graft_code *code, uint64_t addr)
{
	uint32_t func = graft_code_func_at(code, addr);

	return func != GRAFT_NONE && code->funcs[func].addr == addr
		       ? func
		       : GRAFT_NONE;
}

static bool
is_data(const struct graft_image *image, uint64_t addr)
{
	enum graft_area area = graft_area_of(image, addr);

	return area == GRAFT_AREA_DATA || area == GRAFT_AREA_CONSTANT;
}

/** Remember two things to be read, unless NEW's was met already. */
static struct graft_error *
push(struct reader *reader, uint64_t old_addr, uint64_t new_addr)
{
	// A pointer leads there, so it has a name.
	const struct named *named = &reader->new_named;
	size_t name = graft_sorted_below(named->addrs, named->count, new_addr);

	if (old_addr % UNIT || new_addr % UNIT || reader->met[name])
		return NULL;
	reader->met[name] = true;
	struct graft_error *err =
		graft_vec_reserve(&reader->tables, &reader->cap,
				  reader->count + 1, sizeof(*reader->tables));
	if (!err)
		reader->tables[reader->count++] = (struct table){ old_addr,
								  new_addr };
	return err;
}

/** Read two pointers into the files; @p ret says whether they say the same. */
static struct graft_error *
read_own(struct reader *reader, const struct graft_reloc *o,
	 const struct graft_reloc *n, bool *ret)
{
	const struct graft_diff *diff = reader->diff;
	uint64_t old_target = (uint64_t)o->addend;
	uint64_t new_target = (uint64_t)n->addend;
	uint32_t new_func = func_from(diff->new_code, new_target);
	uint64_t len;

	*ret = false;
	if (new_func != GRAFT_NONE) {
		uint32_t old_func = func_from(diff->old_code, old_target);
		*ret = old_func != GRAFT_NONE &&
		       diff->new_match[new_func].other == old_func;
		if (*ret)
			reader->confirmed[old_func] = true;
		return NULL;
	}
	if (graft_constant_text(diff->old_image, old_target, &len) ||
	    graft_constant_text(diff->new_image, new_target, &len))
		return graft_constant_same_pointer(diff, o, n, ret);
	*ret = is_data(diff->old_image, old_target) &&
	       is_data(diff->new_image, new_target);
	// What another object is nobody says here: it is read on its own.
	return *ret ? push(reader, old_target, new_target) : NULL;
}

/** Read one unit of two things; @p ret says whether they say the same. */
static struct graft_error *
read_unit(struct reader *reader, uint64_t old_addr, uint64_t new_addr,
	  bool *ret)
{
	const struct graft_diff *diff = reader->diff;
	const struct graft_reloc *o = graft_image_reloc_at(diff->old_image,
							   old_addr);
	const struct graft_reloc *n = graft_image_reloc_at(diff->new_image,
							   new_addr);

	*ret = false;
	if (!o != !n)
		return NULL;
	if (o && is_own(o) && is_own(n))
		return read_own(reader, o, n, ret);
	if (o)
		return graft_constant_same_pointer(diff, o, n, ret);
	const uint8_t *ob = graft_image_bytes(diff->old_image, old_addr, UNIT);
	const uint8_t *nb = graft_image_bytes(diff->new_image, new_addr, UNIT);
	*ret = ob && nb && memcmp(ob, nb, UNIT) == 0;
	return NULL;
}

/** Read two things up to where they differ or something else begins. */
static struct graft_error *
read_table(struct reader *reader, struct table table)
{
	struct graft_error *err = NULL;
	bool same = true;

	for (uint64_t off = 0; !err && same; off += UNIT) {
		if (off != 0 &&
		    (is_named(&reader->old_named, table.old_addr + off) ||
		     is_named(&reader->new_named, table.new_addr + off)))
			return NULL;
		err = read_unit(reader, table.old_addr + off,
				table.new_addr + off, &same);
	}
	return err;
}

/** Begin with the pointers in objects of which it is known what they are. */
static struct graft_error *
push_known(struct reader *reader)
{
	const struct graft_diff *diff = reader->diff;
	struct graft_error *err = NULL;
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(diff->new_image,
							      &count);

	for (size_t i = 0; !err && i < count; i++) {
		uint64_t old_slot;
		if (!is_own(&relocs[i]) ||
		    !is_data(diff->new_image, (uint64_t)relocs[i].addend))
			continue;
		enum graft_witness witness =
			graft_diff_old_data(diff, relocs[i].addr, &old_slot);
		if (witness <= GRAFT_WITNESS_CONFLICT ||
		    (diff->data->reordered &&
		     witness < GRAFT_WITNESS_REFERENCE))
			continue;
		const struct graft_reloc *o =
			graft_image_reloc_at(diff->old_image, old_slot);
		if (o && is_own(o) &&
		    is_data(diff->old_image, (uint64_t)o->addend))
			err = push(reader, (uint64_t)o->addend,
				   (uint64_t)relocs[i].addend);
	}
	return err;
}

struct graft_error *
graft_witness_tables(const struct graft_diff *diff, bool *ret)
{
	GRAFT_CLEANUP(deinit_reader)
	struct reader reader = { .diff = diff, .confirmed = ret };
	struct graft_error *err = collect_named(diff->old_code,
						&reader.old_named);

	if (!err)
		err = collect_named(diff->new_code, &reader.new_named);
	if (err)
		return err;
	reader.met = calloc(reader.new_named.count + 1, sizeof(*reader.met));
	if (!reader.met)
		return graft_error_no_memory();
	err = push_known(&reader);
	for (size_t i = 0; !err && i < reader.count; i++)
		err = read_table(&reader, reader.tables[i]);
	return err;
}
