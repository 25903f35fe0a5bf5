// SPDX-License-Identifier: Apache-2.0

#include "plan/unwinder.h"

#include "plan/live.h"

#include <string.h>
#include <sys/mman.h>

static const char find_name[] = "_Unwind_Find_FDE";

enum {
	/** `call rel32`, `jmp rel32`. */
	CALL = 0xe8,
	JUMP = 0xe9,
};

/** What the dynamic symbols of a module say of unwinding. */
struct traits {
	/** It defines the function that throws, or the one that finds frames. */
	bool raises;
	const struct graft_symbol *finds;
	/** It imports some function of an unwinder. */
	bool imports;
	/** It imports what an unwinder needs to find the modules. */
	bool looks;
};

static bool
starts_with(const char *str, const char *prefix)
{
	return str && strncmp(str, prefix, strlen(prefix)) == 0;
}

static struct traits
traits_of(const struct graft_image *image)
{
	struct traits traits = { 0 };
	bool offers = false;
	size_t count;
	const struct graft_symbol *symbols = graft_image_symbols(image, &count);

	for (size_t i = 0; i < count; i++) {
		const struct graft_symbol *symbol = &symbols[i];
		if (!symbol->dynamic)
			continue;
		if (!symbol->defined) {
			traits.imports |= starts_with(symbol->name, "_Unwind_");
			traits.looks |=
				strcmp(symbol->name, "dl_iterate_phdr") == 0 ||
				strcmp(symbol->name, "_dl_find_object") == 0;
			continue;
		}
		// The C library finds modules for others.
		offers |= strcmp(symbol->name, "dl_iterate_phdr") == 0;
		traits.raises |= strcmp(symbol->name,
					"_Unwind_RaiseException") == 0;
		if (strcmp(symbol->name, find_name) == 0)
			traits.finds = symbol;
	}
	traits.looks &= !offers;
	return traits;
}

/** Say whether code of a module catches or cleans up at all. */
static bool
has_personality(const struct graft_image *image)
{
	size_t count;
	const struct graft_extent *extents = graft_image_extents(image, &count);

	for (size_t i = 0; i < count; i++) {
		if (extents[i].personality)
			return true;
	}
	return false;
}

/** Find the one slot through which the function is called. */
GRAFT_MUST_CHECK static struct graft_error *
find_slot(const struct graft_image *image, const struct graft_symbol *function,
	  const struct graft_reloc **ret)
{
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(image, &count);

	*ret = NULL;
	for (size_t i = 0; i < count; i++) {
		if (!relocs[i].symbol ||
		    strcmp(relocs[i].symbol->name, function->name) != 0)
			continue;
		if (*ret || (relocs[i].type != R_X86_64_JUMP_SLOT &&
			     relocs[i].type != R_X86_64_GLOB_DAT))
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"R-16: libgcc_s names %s in more ways than one",
				function->name);
		*ret = &relocs[i];
	}
	if (*ret)
		return NULL;
	return graft_error_new(GRAFT_ERROR_REFUSED,
			       "R-16: libgcc_s calls %s without a slot",
			       function->name);
}

/** Calls and jumps to an address, outside of a function. */
struct calls {
	uint64_t target;
	const struct graft_symbol *but;
	size_t calls;
	size_t jumps;
	/** Where the first calls return to. */
	uint64_t returns[GRAFT_HOOK_CALLERS_MAX];
};

static void
count_calls(const struct graft_section *section, struct calls *ret)
{
	for (uint64_t i = 0; i + 5 <= section->size; i++) {
		uint64_t at = section->addr + i;
		int32_t distance;
		if (section->bytes[i] != CALL && section->bytes[i] != JUMP)
			continue;
		memcpy(&distance, section->bytes + i + 1, 4);
		if (at + 5 + (uint64_t)(int64_t)distance != ret->target ||
		    at - ret->but->addr < ret->but->size)
			continue;
		if (section->bytes[i] == JUMP)
			ret->jumps++;
		else if (ret->calls++ < GRAFT_HOOK_CALLERS_MAX)
			ret->returns[ret->calls - 1] = at + 5;
	}
}

/**
 * See that no call goes to the function but through the slot.
 *
 * @param[out] ret The calls through it.
 */
GRAFT_MUST_CHECK static struct graft_error *
check_calls(const struct graft_image *image,
	    const struct graft_symbol *function, const struct graft_reloc *slot,
	    struct calls *ret)
{
	size_t section_count;
	const struct graft_section *sections =
		graft_image_sections(image, &section_count);
	size_t plt_count;
	const struct graft_plt *plts = graft_image_plts(image, &plt_count);
	struct calls straight = { .target = function->addr, .but = function };

	*ret = (struct calls){ .but = function };
	for (size_t i = 0; i < section_count; i++) {
		const struct graft_section *s = &sections[i];
		if (!s->bytes || !(s->flags & SHF_EXECINSTR))
			continue;
		count_calls(s, &straight);
		for (size_t k = 0; k < plt_count; k++) {
			ret->target = plts[k].addr;
			if (plts[k].slot == slot->addr)
				count_calls(s, ret);
		}
	}
	if (straight.calls || straight.jumps || !ret->calls)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-16: libgcc_s calls %s without asking its slot",
			function->name);
	return NULL;
}

/** Find who may be binding the slot, if it is still to be bound. */
GRAFT_MUST_CHECK static struct graft_error *
find_callers(const struct graft_live_place *place,
	     const struct graft_reloc *slot, const struct calls *calls,
	     struct graft_unwinder *ret)
{
	const uint8_t *bytes = graft_image_bytes(place->image, slot->addr, 8);
	struct graft_hook hook = { .unwinder = *ret };
	struct graft_hook_chain chain;
	uint64_t value = 0;

	struct graft_error *err = graft_hook_follow(place->target, &hook,
						    &chain);
	if (err || chain.last == ret->function)
		return err;
	if (bytes)
		memcpy(&value, bytes, 8);
	if (slot->type != R_X86_64_JUMP_SLOT || !value ||
	    chain.first != chain.last ||
	    chain.first != place->module->base + value)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-16: the slot of %s holds 0x%llx: something else answers for libgcc_s",
			find_name, (unsigned long long)chain.last);
	// Who binds it came by a call, and has its return address.
	if (calls->jumps || calls->calls > GRAFT_HOOK_CALLERS_MAX)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-16: the slot of %s is not bound yet, and it cannot be told who binds it",
			find_name);
	ret->unbound = chain.first;
	for (size_t i = 0; i < calls->calls; i++)
		ret->callers[i] = place->module->base + calls->returns[i];
	ret->caller_count = calls->calls;
	return NULL;
}

/** Read the file of a module; of one that cannot be read nothing is known. */
GRAFT_MUST_CHECK static struct graft_error *
read_image(struct graft_target *target, const struct graft_module *module,
	   struct graft_builds *builds, const struct graft_image **ret)
{
	struct graft_error *err = graft_builds_get(
		builds, graft_target_pid(target), module->map, ret);

	if (!err || graft_error_code(err) == GRAFT_ERROR_TARGET_GONE)
		return err;
	struct graft_error *ours = graft_error_new(
		GRAFT_ERROR_REFUSED,
		"R-16: %s: it may hold an unwinder, and its file cannot be read: %s",
		module->map->path, graft_error_message(err));
	graft_error_free(err);
	return ours;
}

/** Look at one module: is it libgcc_s, or an unwinder that is not told? */
GRAFT_MUST_CHECK static struct graft_error *
look(struct graft_live_place *place, const struct graft_module *module,
     struct graft_builds *builds, const struct graft_symbol **function)
{
	const struct graft_image *image;
	struct graft_error *err = read_image(place->target, module, builds,
					     &image);
	if (err)
		return err;
	struct traits traits = traits_of(image);
	bool gcc = starts_with(graft_image_soname(image), "libgcc_s.so") &&
		   traits.raises && traits.finds;

	if (gcc && *function)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "R-16: the process has libgcc_s twice");
	if (gcc) {
		place->module = module;
		place->image = image;
		*function = traits.finds;
		return NULL;
	}
	if (traits.raises || traits.finds ||
	    (traits.looks && !traits.imports && has_personality(image)))
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-16: %s: it has an unwinder of its own, which cannot be told of carried code",
			module->map->path);
	return NULL;
}

struct graft_error *
graft_unwinder_find(struct graft_target *target, const struct graft_maps *maps,
		    const struct graft_modules *modules,
		    struct graft_builds *builds, struct graft_unwinder *ret)
{
	const struct graft_symbol *function = NULL;
	const struct graft_reloc *slot;
	struct calls calls;
	struct graft_live_place place = {
		.target = target,
		.maps = maps,
		.modules = modules,
	};

	for (size_t i = 0; i < modules->count; i++) {
		const struct graft_module *module = &modules->modules[i];
		struct graft_error *err = module->map->inode
						  ? look(&place, module, builds,
							 &function)
						  : NULL;
		if (err)
			return err;
	}
	if (!function)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-16: exceptions may pass through carried code, and the process has no libgcc_s that could be told of its unwind tables");
	struct graft_error *err = find_slot(place.image, function, &slot);
	if (!err)
		err = check_calls(place.image, function, slot, &calls);
	if (!err)
		err = graft_live_check_text(&place);
	if (err)
		return err;
	*ret = (struct graft_unwinder){
		.slot = place.module->base + slot->addr,
		.function = place.module->base + function->addr,
	};
	return find_callers(&place, slot, &calls, ret);
}
