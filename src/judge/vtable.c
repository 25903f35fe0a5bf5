// SPDX-License-Identifier: Apache-2.0

// virtual tables. Objects that OLD made point to OLD's tables, and code
// that stays calls by OLD's indexes. By symbol where there are some; in a
// stripped C++ module by the runs of pointers to functions in RELRO data.

#include "judge/checks.h"

#include "base/vec.h"
#include "diff/constant.h"

#include <stdlib.h>
#include <string.h>

/** Runs of at least two pointers to functions, by their lengths. */
struct runs {
	uint64_t *addrs;
	uint32_t *lens;
	size_t count;
	size_t addr_cap;
	size_t len_cap;
};

static void
runs_deinit(struct runs *runs)
{
	free(runs->addrs);
	free(runs->lens);
}

static bool
points_to_function(const struct graft_code *code,
		   const struct graft_reloc *reloc)
{
	uint64_t target = (uint64_t)reloc->addend;

	if (reloc->symbol) {
		if (!reloc->symbol->defined)
			// Another module's function, or __cxa_pure_virtual.
			return reloc->type == R_X86_64_64 &&
			       reloc->symbol->type != STT_OBJECT;
		target = reloc->symbol->addr;
	} else if (reloc->type != R_X86_64_RELATIVE) {
		return false;
	}
	uint32_t func = graft_code_func_at(code, target);
	return func != GRAFT_NONE && code->funcs[func].addr == target;
}

static struct graft_error *
add_run(struct runs *runs, uint64_t addr, uint32_t len)
{
	struct graft_error *err;

	if (len < 2)
		return NULL;
	err = graft_vec_reserve(&runs->addrs, &runs->addr_cap, runs->count + 1,
				sizeof(*runs->addrs));
	if (!err)
		err = graft_vec_reserve(&runs->lens, &runs->len_cap,
					runs->count + 1, sizeof(*runs->lens));
	if (err)
		return err;
	runs->addrs[runs->count] = addr;
	runs->lens[runs->count++] = len;
	return NULL;
}

static struct graft_error *
collect_runs(const struct graft_code *code, struct runs *runs)
{
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(code->image,
							      &count);
	uint64_t start = 0;
	uint64_t next = 0;
	uint32_t len = 0;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < count; i++) {
		const struct graft_section *section =
			graft_image_section_at(code->image, relocs[i].addr);
		bool fits = section &&
			    strncmp(section->name, ".data.rel.ro", 12) == 0 &&
			    points_to_function(code, &relocs[i]);
		if (!fits)
			continue;
		if (relocs[i].addr != next) {
			err = add_run(runs, start, len);
			start = relocs[i].addr;
			len = 0;
		}
		len++;
		next = relocs[i].addr + 8;
	}
	return err ? err : add_run(runs, start, len);
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

static struct graft_error *
judge_runs(struct graft_case *c)
{
	struct runs o = { 0 };
	struct runs n = { 0 };

	if (!has_classes(c->diff->old_image) &&
	    !has_classes(c->diff->new_image))
		return NULL;
	struct graft_error *err = collect_runs(c->diff->old_code, &o);
	if (!err)
		err = collect_runs(c->diff->new_code, &n);
	size_t count = o.count < n.count ? o.count : n.count;
	for (size_t i = 0; !err && i < count; i++) {
		if (o.lens[i] == n.lens[i])
			continue;
		struct graft_place_text where =
			graft_place_data(c->diff->new_image, n.addrs[i]);
		err = graft_case_refuse(
			c, GRAFT_RULE_VTABLE, where.str,
			"a table of %u pointers to functions became one of %u",
			o.lens[i], n.lens[i]);
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

static bool
is_vtable(const struct graft_symbol *symbol)
{
	return symbol->defined && strncmp(symbol->name, "_ZTV", 4) == 0;
}

static int
compare(const void *a, const void *b)
{
	const struct graft_symbol *x = *(const struct graft_symbol *const *)a;
	const struct graft_symbol *y = *(const struct graft_symbol *const *)b;

	return strcmp(x->name, y->name);
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

static struct graft_error *
judge_symbols(struct graft_case *c)
{
	size_t old_count;
	size_t new_count;
	size_t count = 0;
	const struct graft_symbol *o = graft_image_symbols(c->diff->old_image,
							   &old_count);
	const struct graft_symbol *n = graft_image_symbols(c->diff->new_image,
							   &new_count);
	GRAFT_FREE const struct graft_symbol **list =
		calloc(new_count + 1, sizeof(struct graft_symbol *));
	struct graft_error *err = NULL;

	if (!list)
		return graft_error_no_memory();
	for (size_t i = 0; i < new_count; i++) {
		if (is_vtable(&n[i]))
			list[count++] = &n[i];
	}
	qsort(list, count, sizeof(struct graft_symbol *), compare);
	for (size_t i = 0; !err && i < old_count; i++) {
		const struct graft_symbol *key = &o[i];
		if (!is_vtable(key))
			continue;
		const struct graft_symbol **at = bsearch(&key, list, count,
							 sizeof(key), compare);
		if (at)
			err = judge_table(c, key, *at);
	}
	return err;
}

struct graft_error *
graft_check_vtables(struct graft_case *c)
{
	uint32_t before = c->per_rule[GRAFT_RULE_VTABLE];
	struct graft_error *err = judge_symbols(c);

	if (err || c->per_rule[GRAFT_RULE_VTABLE] != before)
		return err;
	return judge_runs(c);
}
