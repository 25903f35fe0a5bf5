// SPDX-License-Identifier: Apache-2.0

// What the outside can reach: exports, entry point, constructors, destructors,
// thread-local templates, and objects that the loader copies.

#include "check/walk.h"

#include <string.h>

/** The exported symbols of OLD by name and version. */
struct exports {
	const struct graft_symbol **symbols;
	size_t count;
};

static int
compare_names(const struct graft_symbol *a, const struct graft_symbol *b)
{
	int order = strcmp(a->name, b->name);

	return order ? order
		     : strcmp(a->version ? a->version : "",
			      b->version ? b->version : "");
}

static int
by_name(const void *x, const void *y)
{
	const struct graft_symbol *const *a = x;
	const struct graft_symbol *const *b = y;

	return compare_names(*a, *b);
}

static bool
is_export(const struct graft_symbol *symbol)
{
	return symbol->dynamic && symbol->defined && !symbol->absolute &&
	       symbol->bind != STB_LOCAL && *symbol->name;
}

static struct graft_error *
collect(const struct graft_image *image, struct exports *ret)
{
	size_t count;
	const struct graft_symbol *all = graft_image_symbols(image, &count);

	ret->symbols = calloc(count + 1, sizeof(struct graft_symbol *));
	if (!ret->symbols)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++) {
		if (is_export(&all[i]))
			ret->symbols[ret->count++] = &all[i];
	}
	if (ret->count)
		qsort(ret->symbols, ret->count, sizeof(struct graft_symbol *),
		      by_name);
	return NULL;
}

/** Compare what one exported name stands for. */
static struct graft_error *
compare_export(struct graft_walk *walk, const struct graft_symbol *o,
	       const struct graft_symbol *n)
{
	struct graft_walk_site site = { .func = GRAFT_WALK_NO_FUNC,
					.root = n->name };
	enum graft_world_area area = graft_world_area_at(&walk->new_world,
							 n->addr);

	if ((o->type == STT_TLS) != (n->type == STT_TLS) ||
	    (o->type == STT_GNU_IFUNC) != (n->type == STT_GNU_IFUNC))
		return graft_walk_differ(walk, &site, o->addr, n->addr,
					 "an exported name of another type");
	if (n->type == STT_TLS)
		return o->addr == n->addr && o->size == n->size
			       ? NULL
			       : graft_walk_differ(
					 walk, &site, o->addr, n->addr,
					 "an exported thread-local variable "
					 "moved or has another size");
	if (area == GRAFT_WORLD_CODE)
		return graft_address_compare(walk, &site, o->addr, n->addr);
	// Ends of sections, which the linker names.
	if (n->type == STT_NOTYPE || n->size == 0)
		return NULL;
	if (area != graft_world_area_at(&walk->old_world, o->addr) ||
	    o->size != n->size)
		return graft_walk_differ(walk, &site, o->addr, n->addr,
					 "an exported object of another kind "
					 "or size");
	if (area == GRAFT_WORLD_DATA)
		return graft_object_add(walk, &site, o->addr, n->addr, n->size);
	return area == GRAFT_WORLD_CONSTANT
		       ? graft_constant_compare(walk, &site, o->addr, n->addr,
						n->size)
		       : NULL;
}

static struct graft_error *
add_exports(struct graft_walk *walk)
{
	struct exports old_exports = { 0 };
	struct graft_error *err = collect(walk->old_world.image, &old_exports);
	size_t count;
	const struct graft_symbol *all =
		graft_image_symbols(walk->new_world.image, &count);

	for (size_t i = 0; !err && i < count; i++) {
		const struct graft_symbol *symbol = &all[i];
		if (!is_export(symbol) || !old_exports.count)
			continue;
		const struct graft_symbol **old_symbol =
			bsearch(&symbol, old_exports.symbols, old_exports.count,
				sizeof(struct graft_symbol *), by_name);
		if (old_symbol)
			err = compare_export(walk, *old_symbol, symbol);
	}
	free(old_exports.symbols);
	return err;
}

/** Objects of other modules that the loader copies into this one. */
static struct graft_error *
add_copies(struct graft_walk *walk)
{
	size_t old_count;
	size_t new_count;
	const struct graft_reloc *o = graft_image_relocs(walk->old_world.image,
							 &old_count);
	const struct graft_reloc *n = graft_image_relocs(walk->new_world.image,
							 &new_count);
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < new_count; i++) {
		if (n[i].type != R_X86_64_COPY || !n[i].symbol)
			continue;
		for (size_t k = 0; !err && k < old_count; k++) {
			struct graft_walk_site site = {
				.func = GRAFT_WALK_NO_FUNC,
				.root = n[i].symbol->name
			};
			if (o[k].type != R_X86_64_COPY || !o[k].symbol ||
			    compare_names(o[k].symbol, n[i].symbol) != 0)
				continue;
			// Those that the loader keeps constant lie in
			// .data.rel.ro, and stand for themselves there too.
			if (graft_world_area_at(&walk->new_world, n[i].addr) ==
			    GRAFT_WORLD_DATA)
				err = graft_object_add(walk, &site, o[k].addr,
						       n[i].addr,
						       n[i].symbol->size);
		}
	}
	return err;
}

/** Sections whose whole contents count, where both builds have them. */
static struct graft_error *
add_section(struct graft_walk *walk, const char *name, bool code)
{
	const struct graft_section *o =
		graft_image_section_named(walk->old_world.image, name);
	const struct graft_section *n =
		graft_image_section_named(walk->new_world.image, name);
	struct graft_walk_site site = { .func = GRAFT_WALK_NO_FUNC,
					.root = name };

	if (!o && !n)
		return NULL;
	if (!o || !n || (!code && o->size != n->size))
		return graft_walk_differ(walk, &site, o ? o->addr : 0,
					 n ? n->addr : 0,
					 "the section %s is missing or has "
					 "another size",
					 name);
	if (code)
		return graft_walk_enter(walk, &site, o->addr, n->addr, name);
	return n->size ? graft_constant_compare(walk, &site, o->addr, n->addr,
						n->size)
		       : NULL;
}

/** The block of thread-local variables: its size, and what it starts with. */
static struct graft_error *
add_thread_locals(struct graft_walk *walk)
{
	uint64_t sizes[2][3] = { { 0 } };
	const struct graft_image *images[2] = { walk->old_world.image,
						walk->new_world.image };
	struct graft_walk_site site = { .func = GRAFT_WALK_NO_FUNC,
					.root = "thread-local block" };

	for (size_t k = 0; k < 2; k++) {
		size_t count;
		const struct graft_segment *all =
			graft_image_segments(images[k], &count);
		for (size_t i = 0; i < count; i++) {
			if (all[i].type != PT_TLS)
				continue;
			sizes[k][0] = all[i].mem_size;
			sizes[k][1] = all[i].file_size;
			sizes[k][2] = all[i].align;
		}
	}
	if (memcmp(sizes[0], sizes[1], sizeof(sizes[0])) != 0)
		return graft_walk_differ(walk, &site, 0, 0,
					 "the thread-local block has another "
					 "size");
	return add_section(walk, ".tdata", false);
}

/** The entry point of a program; a library may have one by accident. */
static struct graft_error *
add_entry(struct graft_walk *walk)
{
	struct graft_walk_site site = { .func = GRAFT_WALK_NO_FUNC,
					.root = "entry point" };
	uint64_t o = graft_image_entry(walk->old_world.image);
	uint64_t n = graft_image_entry(walk->new_world.image);

	if (!o || !n ||
	    (!graft_image_section_named(walk->new_world.image, ".interp") &&
	     !graft_image_is_fixed(walk->new_world.image)))
		return NULL;
	return graft_walk_enter(walk, &site, o, n, site.root);
}

struct graft_error *
graft_walk_roots(struct graft_walk *walk)
{
	static const char *const arrays[] = { ".preinit_array", ".init_array",
					      ".fini_array", ".ctors",
					      ".dtors" };
	struct graft_error *err = add_entry(walk);

	if (!err)
		err = add_exports(walk);
	if (!err)
		err = add_copies(walk);
	if (!err)
		err = add_section(walk, ".init", true);
	if (!err)
		err = add_section(walk, ".fini", true);
	for (size_t i = 0; !err && i < sizeof(arrays) / sizeof(arrays[0]); i++)
		err = add_section(walk, arrays[i], false);
	return err ? err : add_thread_locals(walk);
}
