// SPDX-License-Identifier: Apache-2.0

// virtual tables. Objects that OLD made point to OLD's tables, and code
// that stays calls by OLD's indexes. By symbol where there are some; what no
// symbol names by the runs of pointers to functions in RELRO data: their lengths,
// and the places of the functions in them, in their order.

#include "judge/rules/checks.h"

#include "base/hash.h"
#include "base/vec.h"
#include "diff/constant/constant.h"
#include "judge/data/named.h"

#include <stdlib.h>
#include <string.h>

/** Above all numbers of functions. */
static const uint64_t by_name = (uint64_t)1 << 63;

/** At least two pointers to functions beside each other. */
struct run {
	uint64_t addr;
	uint32_t len;
	/** Its entries in runs::entries. */
	size_t first;
};

/** All of one side, ascending. */
struct runs {
	struct run *list;
	size_t count;
	size_t cap;
	/** What each pointer leads to: a function by its number, or a symbol by
	 * the hash of its name, with a bit above all numbers. */
	uint64_t *entries;
	size_t entry_count;
	size_t entry_cap;
};

static void
runs_deinit(struct runs *runs)
{
	free(runs->list);
	free(runs->entries);
}

static bool
is_vtable(const struct graft_image *image, const struct graft_symbol *symbol)
{
	(void)image;
	return symbol->defined && strncmp(symbol->name, "_ZTV", 4) == 0;
}

static int
compare(const void *a, const void *b)
{
	const struct graft_symbol *x = *(const struct graft_symbol *const *)a;
	const struct graft_symbol *y = *(const struct graft_symbol *const *)b;

	return strcmp(x->name, y->name);
}

/** The virtual tables of both sides that have symbols, by their names. */
struct sides {
	struct graft_named_list old_named;
	struct graft_named_list new_named;
};

/** Say whether what stands at an address is of a table that its name alone
 * tells on both sides. Such two were compared, wherever they stand. */
static bool
is_compared(const struct sides *sides, const struct graft_image *image,
	    uint64_t addr)
{
	const struct graft_symbol *symbol = graft_image_object_at(image, addr);

	if (!symbol || !is_vtable(image, symbol))
		return false;
	const struct graft_symbol *o = graft_named_list_only(&sides->old_named,
							     symbol);
	const struct graft_symbol *n = graft_named_list_only(&sides->new_named,
							     symbol);
	return o && n && o->size == n->size;
}

/** Say whether a pointer leads to a function, and name it. */
static bool
points_to_function(const struct graft_code *code,
		   const struct graft_reloc *reloc, uint64_t *entry_ret)
{
	const struct graft_symbol *symbol = reloc->symbol;
	uint64_t target = (uint64_t)reloc->addend;

	if (symbol && !symbol->defined) {
		// Another module's function, or __cxa_pure_virtual.
		*entry_ret = graft_hash_bytes(1, symbol->name,
					      strlen(symbol->name)) |
			     by_name;
		return reloc->type == R_X86_64_64 && symbol->type != STT_OBJECT;
	}
	if (symbol)
		target = symbol->addr;
	else if (reloc->type != R_X86_64_RELATIVE)
		return false;
	uint32_t func = graft_code_func_at(code, target);
	*entry_ret = func;
	return func != GRAFT_NONE && code->funcs[func].addr == target;
}

/** Add a pointer: to the last run if it stands right behind it. */
static struct graft_error *
add_entry(struct runs *runs, uint64_t addr, uint64_t entry)
{
	struct run *last = runs->count ? &runs->list[runs->count - 1] : NULL;
	struct graft_error *err = graft_vec_reserve(
		&runs->entries, &runs->entry_cap, runs->entry_count + 1,
		sizeof(*runs->entries));

	if (err)
		return err;
	if (!last || last->addr + (uint64_t)last->len * 8 != addr) {
		// A single pointer is no table.
		if (last && last->len < 2)
			runs->count--;
		err = graft_vec_reserve(&runs->list, &runs->cap,
					runs->count + 1, sizeof(*runs->list));
		if (err)
			return err;
		last = &runs->list[runs->count++];
		*last = (struct run){ .addr = addr,
				      .first = runs->entry_count };
	}
	last->len++;
	runs->entries[runs->entry_count++] = entry;
	return NULL;
}

static struct graft_error *
collect_runs(const struct graft_code *code, const struct sides *sides,
	     struct runs *runs)
{
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(code->image,
							      &count);
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < count; i++) {
		const struct graft_section *section =
			graft_image_section_at(code->image, relocs[i].addr);
		uint64_t entry;
		if (section &&
		    strncmp(section->name, ".data.rel.ro", 12) == 0 &&
		    !is_compared(sides, code->image, relocs[i].addr) &&
		    points_to_function(code, &relocs[i], &entry))
			err = add_entry(runs, relocs[i].addr, entry);
	}
	if (runs->count && runs->list[runs->count - 1].len < 2)
		runs->count--;
	return err;
}

/** Say whether a module holds classes with virtual functions. */
static bool
has_classes(const struct graft_image *image)
{
	static const char abi[] = "_ZTVN10__cxxabiv1";
	size_t count;
	const struct graft_symbol *symbols = graft_image_symbols(image, &count);

	for (size_t i = 0; i < count; i++) {
		if (strncmp(symbols[i].name, abi, sizeof(abi) - 1) == 0)
			return true;
	}
	return false;
}

/** Name the entry of OLD that stands for one of NEW. */
static uint64_t
old_entry(const struct graft_diff *diff, uint64_t entry)
{
	return entry & by_name ? entry : diff->new_match[entry].other;
}

static bool
has_entry(const uint64_t *entries, uint32_t len, uint64_t entry)
{
	for (uint32_t i = 0; i < len; i++) {
		if (entries[i] == entry)
			return true;
	}
	return false;
}

/** Find a function that has another place in a table than it had, while the one
 * that has its place is elsewhere in the table too; the length if there is none. */
static uint32_t
find_moved(const struct graft_diff *diff, const uint64_t *o, const uint64_t *n,
	   uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		uint64_t is = old_entry(diff, n[i]);
		bool moved = is != o[i] && has_entry(o, len, is);
		for (uint32_t j = 0; moved && j < len; j++) {
			if (j != i && old_entry(diff, n[j]) == o[i])
				return i;
		}
	}
	return len;
}

/** Compare the places of functions in two tables of one length. */
static struct graft_error *
judge_places(struct graft_case *c, const struct runs *o, const struct runs *n,
	     size_t at)
{
	const struct run *was = &o->list[at];
	const struct run *is = &n->list[at];
	uint32_t moved = find_moved(c->diff, o->entries + was->first,
				    n->entries + is->first, is->len);

	if (moved == is->len)
		return NULL;
	struct graft_place_text where = graft_place_data(
		c->diff->new_image, is->addr + (uint64_t)moved * 8);
	return graft_case_refuse(
		c, GRAFT_RULE_VTABLE, where.str,
		"entry %u of a table of %u pointers to functions is another of its functions: two virtual functions changed places",
		moved, is->len);
}

/** Collect the runs of both sides that no name tells. */
static struct graft_error *
collect_both(struct graft_case *c, struct runs *o, struct runs *n)
{
	struct sides sides = { 0 };
	struct graft_error *err = graft_named_list_read(
		c->diff->old_image, is_vtable, compare, &sides.old_named);

	if (!err)
		err = graft_named_list_read(c->diff->new_image, is_vtable,
					    compare, &sides.new_named);
	if (!err)
		err = collect_runs(c->diff->old_code, &sides, o);
	if (!err)
		err = collect_runs(c->diff->new_code, &sides, n);
	graft_named_list_deinit(&sides.old_named);
	graft_named_list_deinit(&sides.new_named);
	return err;
}

static struct graft_error *
judge_runs(struct graft_case *c)
{
	struct runs o = { 0 };
	struct runs n = { 0 };

	if (!has_classes(c->diff->old_image) &&
	    !has_classes(c->diff->new_image))
		return NULL;
	struct graft_error *err = collect_both(c, &o, &n);
	size_t count = o.count < n.count ? o.count : n.count;
	for (size_t i = 0; !err && i < count; i++) {
		if (o.list[i].len == n.list[i].len) {
			err = judge_places(c, &o, &n, i);
			continue;
		}
		struct graft_place_text where =
			graft_place_data(c->diff->new_image, n.list[i].addr);
		err = graft_case_refuse(
			c, GRAFT_RULE_VTABLE, where.str,
			"a table of %u pointers to functions became one of %u",
			o.list[i].len, n.list[i].len);
		count = i;
	}
	if (!err && count == o.count && o.count != n.count && n.count < o.count)
		err = graft_case_refuse(
			c, GRAFT_RULE_VTABLE, ".data.rel.ro",
			"OLD has %zu tables of pointers to functions and NEW has %zu",
			o.count, n.count);
	runs_deinit(&o);
	runs_deinit(&n);
	return err;
}

/** Compare two virtual tables of one name. */
static struct graft_error *
judge_table(struct graft_case *c, const struct graft_symbol *o,
	    const struct graft_symbol *n)
{
	bool same = true;

	if (n->size != o->size)
		return graft_case_refuse(
			c, GRAFT_RULE_VTABLE, o->name,
			"the virtual table had %llu bytes and has %llu",
			(unsigned long long)o->size,
			(unsigned long long)n->size);
	struct graft_error *err = graft_constant_equal(c->diff, o->addr,
						       n->addr, o->size, &same);
	if (err || same)
		return err;
	return graft_case_refuse(
		c, GRAFT_RULE_VTABLE, o->name,
		"an entry of the virtual table differs, and objects have OLD's");
}

struct graft_error *
graft_check_vtables(struct graft_case *c)
{
	uint32_t before = c->per_rule[GRAFT_RULE_VTABLE];
	static const struct graft_named tables = { is_vtable, compare,
						   judge_table };
	struct graft_error *err = graft_named_judge(c, &tables);

	if (err || c->per_rule[GRAFT_RULE_VTABLE] != before)
		return err;
	return judge_runs(c);
}
