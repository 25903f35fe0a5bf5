// SPDX-License-Identifier: Apache-2.0

// what ran before main() or runs when the module is unloaded. A changed
// constructor has run already, and nobody runs it again.

#include "judge/rules/checks.h"

#include <string.h>

static const char *const arrays[] = {
	".preinit_array", ".init_array", ".fini_array", ".ctors", ".dtors",
};
static const char *const stubs[] = { ".init", ".fini" };

/** Find what a slot of an array runs: an address of code, or 0. */
static uint64_t
slot_target(const struct graft_image *image, uint64_t addr)
{
	const struct graft_reloc *reloc = graft_image_reloc_at(image, addr);
	uint64_t value = 0;

	if (reloc && reloc->symbol)
		return reloc->symbol->defined
			       ? reloc->symbol->addr + (uint64_t)reloc->addend
			       : 0;
	if (reloc)
		return (uint64_t)reloc->addend;
	const uint8_t *bytes = graft_image_bytes(image, addr, 8);
	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

static struct graft_error *
judge_slot(struct graft_case *c, const char *array, uint64_t old_addr,
	   uint64_t new_addr)
{
	const struct graft_diff *diff = c->diff;
	uint64_t was = slot_target(diff->old_image, old_addr);
	uint64_t is = slot_target(diff->new_image, new_addr);
	uint32_t o = graft_code_func_at(diff->old_code, was);
	uint32_t n = graft_code_func_at(diff->new_code, is);

	// Sentinels of .ctors (0 and -1) are no code.
	if (o == GRAFT_NONE && n == GRAFT_NONE)
		return NULL;
	struct graft_place_text where = graft_place_code(diff->new_code, n, is);
	if (o == GRAFT_NONE || n == GRAFT_NONE || diff->new_match[n].other != o)
		return graft_case_refuse(
			c, GRAFT_RULE_STARTUP, where.str,
			"%s runs another function at this place than in OLD",
			array);
	if (diff->new_match[n].change & ~(unsigned)GRAFT_CHANGE_GROUP)
		return graft_case_refuse(
			c, GRAFT_RULE_STARTUP, where.str,
			"the function changed, and %s runs it when the module is loaded or unloaded",
			array);
	return NULL;
}

static struct graft_error *
judge_array(struct graft_case *c, const char *name)
{
	const struct graft_section *o =
		graft_image_section_named(c->diff->old_image, name);
	const struct graft_section *n =
		graft_image_section_named(c->diff->new_image, name);
	struct graft_error *err = NULL;

	if (!o && !n)
		return NULL;
	if (!o || !n || o->size != n->size)
		return graft_case_refuse(
			c, GRAFT_RULE_STARTUP, name,
			"OLD has %llu constructors or destructors here and NEW has %llu",
			(unsigned long long)(o ? o->size / 8 : 0),
			(unsigned long long)(n ? n->size / 8 : 0));
	for (uint64_t off = 0; !err && off + 8 <= n->size; off += 8)
		err = judge_slot(c, name, o->addr + off, n->addr + off);
	return err;
}

/** Compare .init and .fini: their functions, under the matches. */
static struct graft_error *
judge_stub(struct graft_case *c, const char *name)
{
	const struct graft_section *o =
		graft_image_section_named(c->diff->old_image, name);
	const struct graft_section *n =
		graft_image_section_named(c->diff->new_image, name);
	bool same = !o == !n;

	if (o && n) {
		same = o->size == n->size;
		uint32_t func = graft_code_func_at(c->diff->new_code, n->addr);
		if (same && func != GRAFT_NONE)
			same = !c->diff->new_match[func].change;
	}
	if (same)
		return NULL;
	return graft_case_refuse(c, GRAFT_RULE_STARTUP, name,
				 "the code of this section differs");
}

/** Mark what the arrays run. */
static void
mark_constructors(const struct graft_case *c, bool *roots)
{
	const struct graft_image *image = c->diff->new_image;

	for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++) {
		const struct graft_section *section =
			graft_image_section_named(image, arrays[i]);
		for (uint64_t off = 0; section && off + 8 <= section->size;
		     off += 8) {
			uint32_t func = graft_code_func_at(
				c->diff->new_code,
				slot_target(image, section->addr + off));
			if (func != GRAFT_NONE)
				roots[func] = true;
		}
	}
}

/** Judge changed functions that only constructors run. */
static struct graft_error *
judge_helpers(struct graft_case *c)
{
	const struct graft_code *code = c->diff->new_code;
	GRAFT_FREE bool *roots = calloc(code->func_count + 1, sizeof(*roots));
	GRAFT_FREE bool *only = NULL;

	if (!roots)
		return graft_error_no_memory();
	mark_constructors(c, roots);
	struct graft_error *err = graft_graph_only_from(c->new_graph, roots,
							&only);
	for (size_t i = 0; !err && i < c->diff->carried_count; i++) {
		uint32_t func = c->diff->carried[i];
		if (!only[func] || roots[func])
			continue;
		struct graft_place_text where =
			graft_place_code(code, func, code->funcs[func].addr);
		err = graft_case_refuse(
			c, GRAFT_RULE_STARTUP, where.str,
			"the function changed, and only constructors or destructors run it");
	}
	return err;
}

static void
mark_resolver(const struct graft_diff *diff, uint64_t addr, bool *resolves)
{
	uint32_t func = graft_code_func_at(diff->new_code, addr);

	if (func != GRAFT_NONE && diff->new_match[func].other != GRAFT_NONE &&
	    (diff->new_match[func].change & ~(unsigned)GRAFT_CHANGE_GROUP))
		resolves[func] = true;
}

/** Judge functions that choose what an indirect function is: the loader called
 * them, and keeps what they answered. */
static struct graft_error *
judge_resolvers(struct graft_case *c)
{
	const struct graft_diff *diff = c->diff;
	size_t reloc_count;
	size_t symbol_count;
	const struct graft_reloc *relocs = graft_image_relocs(diff->new_image,
							      &reloc_count);
	const struct graft_symbol *symbols =
		graft_image_symbols(diff->new_image, &symbol_count);
	GRAFT_FREE bool *resolves = calloc(diff->new_code->func_count + 1,
					   sizeof(*resolves));
	struct graft_error *err = NULL;

	if (!resolves)
		return graft_error_no_memory();
	for (size_t i = 0; i < reloc_count; i++) {
		if (relocs[i].type == R_X86_64_IRELATIVE)
			mark_resolver(diff, (uint64_t)relocs[i].addend,
				      resolves);
	}
	for (size_t i = 0; i < symbol_count; i++) {
		if (symbols[i].defined && symbols[i].type == STT_GNU_IFUNC)
			mark_resolver(diff, symbols[i].addr, resolves);
	}
	for (uint32_t i = 0; !err && i < diff->new_code->func_count; i++) {
		if (!resolves[i])
			continue;
		struct graft_place_text where = graft_place_code(
			diff->new_code, i, diff->new_code->funcs[i].addr);
		err = graft_case_refuse(
			c, GRAFT_RULE_STARTUP, where.str,
			"the function changed, and it chose already what an indirect function is");
	}
	return err;
}

struct graft_error *
graft_check_startup(struct graft_case *c)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < sizeof(arrays) / sizeof(*arrays); i++)
		err = judge_array(c, arrays[i]);
	for (size_t i = 0; !err && i < sizeof(stubs) / sizeof(*stubs); i++)
		err = judge_stub(c, stubs[i]);
	if (!err)
		err = judge_resolvers(c);
	return err ? err : judge_helpers(c);
}
