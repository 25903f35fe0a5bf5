// SPDX-License-Identifier: Apache-2.0

#include "plan/scope.h"

#include "plan/live.h"
#include "plan/scope_list.h"

#include <elf.h>
#include <string.h>

/** What a module has for an import. */
struct found {
	const struct graft_scope_entry *entry;
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
look(const struct graft_scope_entry *entry, const char *name,
     const char *version)
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
		const struct graft_scope_entry *entry = &scope->entries[i];
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
		const struct graft_scope_entry *entry = &scope->entries[i];
		if (entry->startup || entry->local)
			continue;
		if (look(entry, import->symbol, import->version).symbol)
			return true;
	}
	return false;
}

/**
 * Say whether a function starts at an address, by the FDEs. The stub of the PLT
 * to which a slot points before it is filled is none.
 */
static bool
starts_function(const struct graft_image *image, uint64_t addr)
{
	size_t count;
	const struct graft_extent *extents = graft_image_extents(image, &count);

	for (size_t i = 0; i < count; i++)
		if (extents[i].addr == addr)
			return true;
	return false;
}

/**
 * Find what an IFUNC was resolved to for its own module, which calls it by the
 * address of its resolver (R_X86_64_IRELATIVE; the dynamic linker fills those
 * slots when it relocates the module, also where binding is lazy).
 *
 * @param[out] ret 0 if the module has no such slot.
 */
GRAFT_MUST_CHECK static struct graft_error *
find_own(struct graft_scope *scope, const struct found *found, uint64_t *ret)
{
	const struct graft_scope_entry *entry = found->entry;
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(entry->image,
							      &count);

	*ret = 0;
	for (size_t i = 0; i < count && !*ret; i++) {
		uint64_t value;
		if (relocs[i].type != R_X86_64_IRELATIVE ||
		    (uint64_t)relocs[i].addend != found->symbol->addr)
			continue;
		struct graft_error *err = graft_target_read(
			scope->target, entry->module->base + relocs[i].addr,
			&value, sizeof(value));
		if (err)
			return err;
		if (starts_function(entry->image, value - entry->module->base))
			*ret = value;
	}
	return NULL;
}

/** Find the address that an IFUNC was resolved to in some GOT slot. */
GRAFT_MUST_CHECK static struct graft_error *
find_resolved(struct graft_scope *scope, const struct graft_import *import,
	      const struct found *found, uint64_t *ret)
{
	const struct graft_scope_entry *definer = found->entry;
	struct graft_error *err = find_own(scope, found, ret);

	if (err || *ret)
		return err;
	for (size_t i = 0; i < scope->count; i++) {
		size_t count;
		const struct graft_scope_entry *entry = &scope->entries[i];
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
			err = graft_target_read(scope->target,
						entry->module->base +
							relocs[j].addr,
						&value, sizeof(value));
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
find(struct graft_scope *scope, struct graft_scope_entry *own,
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
	graft_scope_mark_local(scope, own);
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
	struct graft_scope_entry *own = NULL;
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
		err = find_resolved(scope, import, &found, &value);
		if (err)
			return err;
		*ret = value + (uint64_t)import->addend;
		return NULL;
	}
	*ret = found.symbol->addr + (uint64_t)import->addend +
	       (found.symbol->absolute ? 0 : found.entry->module->base);
	return NULL;
}
