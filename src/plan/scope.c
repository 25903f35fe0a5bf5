// SPDX-License-Identifier: Apache-2.0

#include "plan/scope.h"

#include "base/vec.h"
#include "plan/live.h"

#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

enum {
	/** Most modules of one process. */
	LINKS_MAX = 8192,
	/** Most bytes of a dynamic section. */
	DYNAMIC_MAX = 64 << 10,
};

/** A module in the dynamic linker's list. */
struct entry {
	const struct graft_module *module;
	const struct graft_image *image;
	/** The process started with it: it is in everybody's scope. */
	bool startup;
	/** Scratch of one search: in the scope of the importing module. */
	bool local;
};

struct graft_scope {
	struct graft_target *target;
	const struct graft_maps *maps;
	struct entry *entries;
	size_t count;
};

void
graft_scope_free(struct graft_scope *scope)
{
	if (!scope)
		return;
	free(scope->entries);
	free(scope);
}

/** Get the value of DT_DEBUG of a module; 0 if it has none. */
GRAFT_MUST_CHECK static struct graft_error *
read_debug(struct graft_target *target, const struct graft_module *module,
	   uint64_t *ret)
{
	size_t len = module->dynamic_size < DYNAMIC_MAX ? module->dynamic_size
							: DYNAMIC_MAX;
	*ret = 0;
	if (!module->interp || !module->dynamic)
		return NULL;
	GRAFT_FREE Elf64_Dyn *dyns = malloc(len + sizeof(*dyns));
	if (!dyns)
		return graft_error_no_memory();
	struct graft_error *err = graft_target_read(target, module->dynamic,
						    dyns, len);
	if (err && graft_error_code(err) == GRAFT_ERROR_OS) {
		graft_error_free(err);
		return NULL;
	}
	if (err)
		return err;
	for (size_t i = 0; i < len / sizeof(*dyns); i++) {
		if (dyns[i].d_tag == DT_NULL)
			break;
		if (dyns[i].d_tag == DT_DEBUG)
			*ret = dyns[i].d_un.d_ptr;
	}
	return NULL;
}

static const struct graft_module *
module_by_dynamic(const struct graft_modules *modules, uint64_t dynamic)
{
	for (size_t i = 0; i < modules->count; i++) {
		if (dynamic && modules->modules[i].dynamic == dynamic)
			return &modules->modules[i];
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
add_entry(struct graft_scope *scope, size_t *cap,
	  const struct graft_module *module, struct graft_builds *builds)
{
	struct entry entry = { .module = module };
	struct graft_error *err = graft_vec_reserve(&scope->entries, cap,
						    scope->count + 1,
						    sizeof(*scope->entries));
	if (err)
		return err;
	err = graft_builds_get(builds, graft_target_pid(scope->target),
			       module->map, &entry.image);
	if (err) {
		err = graft_error_prefix(err, "R-07");
		return err;
	}
	scope->entries[scope->count++] = entry;
	return NULL;
}

/** Walk the list from its head. */
GRAFT_MUST_CHECK static struct graft_error *
read_links(struct graft_scope *scope, const struct graft_modules *modules,
	   struct graft_builds *builds, uint64_t debug)
{
	struct graft_error *err;
	struct r_debug head;
	size_t cap = 0;

	err = graft_target_read(scope->target, debug, &head, sizeof(head));
	if (err)
		return err;
	uint64_t addr = (uint64_t)(uintptr_t)head.r_map;
	for (size_t i = 0; addr && i < LINKS_MAX; i++) {
		struct link_map link;
		err = graft_target_read(scope->target, addr, &link,
					sizeof(link));
		if (err)
			return err;
		const struct graft_module *module = module_by_dynamic(
			modules, (uint64_t)(uintptr_t)link.l_ld);
		// The vdso is in the list without being a file.
		if (module) {
			err = add_entry(scope, &cap, module, builds);
			if (err)
				return err;
		}
		addr = (uint64_t)(uintptr_t)link.l_next;
	}
	return NULL;
}

static bool
answers_to(const struct entry *entry, const char *needed)
{
	const char *soname = graft_image_soname(entry->image);
	const char *slash = strrchr(entry->module->map->path, '/');
	const char *file = slash ? slash + 1 : entry->module->map->path;

	if (soname && strcmp(soname, needed) == 0)
		return true;
	return strcmp(file, needed) == 0 ||
	       strcmp(entry->module->map->path, needed) == 0;
}

/** Find the last entry that @p of needs; -1 if none is there. */
static ssize_t
last_needed(const struct graft_scope *scope, const struct entry *of)
{
	size_t count;
	ssize_t last = -1;
	const char *const *needed = graft_image_needed(of->image, &count);

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < scope->count; j++) {
			if (!answers_to(&scope->entries[j], needed[i]))
				continue;
			if ((ssize_t)j > last)
				last = (ssize_t)j;
			break;
		}
	}
	return last;
}

/**
 * Mark what the process started with: the list up to the last module that one
 * of them needs. Modules loaded later are behind all of these.
 */
static void
mark_startup(struct graft_scope *scope)
{
	size_t end = scope->count ? 1 : 0;

	for (size_t i = 0; i < end; i++) {
		ssize_t last = last_needed(scope, &scope->entries[i]);
		scope->entries[i].startup = true;
		if (last >= (ssize_t)end)
			end = (size_t)last + 1;
	}
}

struct graft_error *
graft_scope_read(struct graft_target *target, const struct graft_maps *maps,
		 const struct graft_modules *modules,
		 struct graft_builds *builds, struct graft_scope **ret)
{
	struct graft_error *err;
	uint64_t debug = 0;

	GRAFT_CLEANUP(graft_scope_freep)
	struct graft_scope *scope = calloc(1, sizeof(*scope));
	if (!scope)
		return graft_error_no_memory();
	scope->target = target;
	scope->maps = maps;
	for (size_t i = 0; !debug && i < modules->count; i++) {
		err = read_debug(target, &modules->modules[i], &debug);
		if (err)
			return err;
	}
	if (!debug)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-07: the process has no list of its modules (a static program?), and the hotpatch imports symbols");
	err = read_links(scope, modules, builds, debug);
	if (err)
		return err;
	mark_startup(scope);
	*ret = GRAFT_TAKE(scope);
	return NULL;
}

/** What a module has for an import. */
struct found {
	const struct entry *entry;
	const struct graft_symbol *symbol;
	/** More than one version of it, and none was asked for. */
	bool ambiguous;
};

static bool
usable(const struct graft_symbol *symbol)
{
	if (!symbol->dynamic || symbol->bind == STB_LOCAL ||
	    symbol->visibility == STV_HIDDEN ||
	    symbol->visibility == STV_INTERNAL)
		return false;
	// The canonical PLT entry of a program that is not PIE is the address
	// of the function for everybody, though the symbol is undefined there.
	if (!symbol->defined)
		return symbol->addr && symbol->type == STT_FUNC;
	return symbol->addr || symbol->absolute || symbol->type == STT_TLS;
}

/** Look into one module, by the rules of check_match() of the C library. */
static struct found
look(const struct entry *entry, const char *name, const char *version)
{
	size_t count;
	const struct graft_symbol *symbols = graft_image_symbols(entry->image,
								 &count);
	struct found found = { .entry = entry };

	for (size_t i = 0; i < count; i++) {
		const struct graft_symbol *symbol = &symbols[i];
		if (strcmp(symbol->name, name) != 0 || !usable(symbol))
			continue;
		if (!symbol->version ||
		    (version && strcmp(symbol->version, version) == 0)) {
			found.symbol = symbol;
			found.ambiguous = false;
			return found;
		}
		if (version)
			continue;
		found.ambiguous = found.symbol != NULL;
		found.symbol = symbol;
	}
	return found;
}

/** Mark a module and, breadth first, what it needs. */
static void
mark_local(struct graft_scope *scope, struct entry *entry)
{
	size_t count;
	const char *const *needed = graft_image_needed(entry->image, &count);

	entry->local = true;
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < scope->count; j++) {
			struct entry *other = &scope->entries[j];
			if (!answers_to(other, needed[i]))
				continue;
			if (!other->local)
				mark_local(scope, other);
			break;
		}
	}
}

/** Say whether a module binds its own symbols first. */
static bool
symbolic(const struct graft_image *image)
{
	const struct graft_section *section =
		graft_image_section_named(image, ".dynamic");
	if (!section || !section->bytes)
		return false;
	for (uint64_t off = 0; off + sizeof(Elf64_Dyn) <= section->size;
	     off += sizeof(Elf64_Dyn)) {
		Elf64_Dyn dyn;
		memcpy(&dyn, section->bytes + off, sizeof(dyn));
		if (dyn.d_tag == DT_SYMBOLIC ||
		    (dyn.d_tag == DT_FLAGS && (dyn.d_un.d_val & DF_SYMBOLIC)))
			return true;
	}
	return false;
}

GRAFT_MUST_CHECK static struct graft_error *
refuse(const struct graft_import *import, const char *why)
{
	return graft_error_new(GRAFT_ERROR_REFUSED, "R-07: %s%s%s: %s",
			       import->symbol, import->version ? "@" : "",
			       import->version ? import->version : "", why);
}

/** Search in one class of entries: those with @p startup or local set. */
static struct found
search(const struct graft_scope *scope, const struct graft_import *import,
       bool startup)
{
	for (size_t i = 0; i < scope->count; i++) {
		const struct entry *entry = &scope->entries[i];
		if (startup ? !entry->startup : entry->startup || !entry->local)
			continue;
		struct found found = look(entry, import->symbol,
					  import->version);
		if (found.symbol)
			return found;
	}
	return (struct found){ 0 };
}

/** Say whether a module outside of the scope defines it too. */
static bool
elsewhere(const struct graft_scope *scope, const struct graft_import *import)
{
	for (size_t i = 0; i < scope->count; i++) {
		const struct entry *entry = &scope->entries[i];
		if (entry->startup || entry->local)
			continue;
		if (look(entry, import->symbol, import->version).symbol)
			return true;
	}
	return false;
}

/** Find the address that an IFUNC was resolved to in some GOT slot. */
GRAFT_MUST_CHECK static struct graft_error *
find_resolved(struct graft_scope *scope, const struct graft_import *import,
	      const struct entry *definer, uint64_t *ret)
{
	for (size_t i = 0; i < scope->count; i++) {
		size_t count;
		const struct entry *entry = &scope->entries[i];
		const struct graft_reloc *relocs =
			graft_image_relocs(entry->image, &count);
		for (size_t j = 0; j < count; j++) {
			const struct graft_symbol *symbol = relocs[j].symbol;
			uint64_t value;
			bool slot = relocs[j].type == R_X86_64_JUMP_SLOT ||
				    relocs[j].type == R_X86_64_GLOB_DAT;
			if (!slot || !symbol ||
			    strcmp(symbol->name, import->symbol) != 0 ||
			    (symbol->version && import->version &&
			     strcmp(symbol->version, import->version) != 0))
				continue;
			struct graft_error *err = graft_target_read(
				scope->target,
				entry->module->base + relocs[j].addr, &value,
				sizeof(value));
			if (err)
				return err;
			// A lazy slot still points into its own module.
			if (value < definer->module->start ||
			    value >= definer->module->end || entry == definer ||
			    !graft_live_is_code(scope->maps, value))
				continue;
			*ret = value;
			return NULL;
		}
	}
	return refuse(
		import,
		"it is chosen when first called (IFUNC), and the process has not done so yet");
}

GRAFT_MUST_CHECK static struct graft_error *
find(struct graft_scope *scope, struct entry *own,
     const struct graft_import *import, struct found *ret)
{
	*ret = (struct found){ 0 };
	if (symbolic(own->image))
		*ret = look(own, import->symbol, import->version);
	if (!ret->symbol)
		*ret = search(scope, import, true);
	if (ret->symbol || own->startup) {
		if (ret->symbol || !elsewhere(scope, import))
			return NULL;
		return refuse(
			import,
			"only a module that was loaded later defines it, and whether for all cannot be seen");
	}
	for (size_t i = 0; i < scope->count; i++)
		scope->entries[i].local = false;
	mark_local(scope, own);
	*ret = search(scope, import, false);
	if (elsewhere(scope, import))
		return refuse(
			import,
			"another module that was loaded later defines it too, and which one is used cannot be seen");
	return NULL;
}

struct graft_error *
graft_scope_bind(struct graft_scope *scope, const struct graft_module *module,
		 const struct graft_import *import, uint64_t *ret)
{
	struct entry *own = NULL;
	struct found found;

	for (size_t i = 0; i < scope->count; i++) {
		scope->entries[i].local = false;
		if (scope->entries[i].module == module)
			own = &scope->entries[i];
	}
	if (!own)
		return refuse(
			import,
			"its module is not in the dynamic linker's first list (dlmopen)");
	struct graft_error *err = find(scope, own, import, &found);
	if (err)
		return err;
	if (!found.symbol && import->weak) {
		*ret = 0;
		return NULL;
	}
	if (!found.symbol)
		return refuse(import, "no module of the process defines it");
	if (found.ambiguous)
		return refuse(import,
			      "it has several versions and none was asked for");
	if (found.symbol->type == STT_TLS)
		return refuse(import, "it is a variable of each thread");
	if (found.symbol->type == STT_GNU_IFUNC) {
		uint64_t value;
		err = find_resolved(scope, import, found.entry, &value);
		if (err)
			return err;
		*ret = value + (uint64_t)import->addend;
		return NULL;
	}
	*ret = found.symbol->addr + (uint64_t)import->addend +
	       (found.symbol->absolute ? 0 : found.entry->module->base);
	return NULL;
}
