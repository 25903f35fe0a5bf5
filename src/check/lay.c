// SPDX-License-Identifier: Apache-2.0

// Worlds as they are laid in memory: sections, slots of the loader, runs of the
// shadow with their fixes, jumps over entries.

#include "check/world.h"

#include "base/vec.h"
#include "patch/patch.h"

#include <string.h>

enum {
	PAGE = 4096,
	/** Between the last byte of OLD and the shadow. */
	GAP = 1 << 20,
};

static enum graft_world_area
area_of(const struct graft_section *section)
{
	if ((section->flags & SHF_TLS) || section->type == SHT_DYNAMIC ||
	    strncmp(section->name, ".eh_frame", 9) == 0 ||
	    strncmp(section->name, ".gcc_except_table", 17) == 0)
		return GRAFT_WORLD_NONE;
	if (section->flags & SHF_EXECINSTR)
		return GRAFT_WORLD_CODE;
	if ((section->flags & SHF_WRITE) && !section->relro &&
	    strncmp(section->name, ".got", 4) != 0)
		return GRAFT_WORLD_DATA;
	return GRAFT_WORLD_CONSTANT;
}

static struct graft_error *
add_range(struct graft_world *world, struct graft_world_range range)
{
	struct graft_error *err = graft_vec_reserve(
		&world->ranges, &world->range_cap, world->range_count + 1,
		sizeof(*world->ranges));

	if (!err)
		world->ranges[world->range_count++] = range;
	return err;
}

static struct graft_error *
add_slot(struct graft_world *world, uint64_t addr, struct graft_value value)
{
	struct graft_error *err =
		graft_vec_reserve(&world->slots, &world->slot_cap,
				  world->slot_count + 1, sizeof(*world->slots));

	if (!err)
		world->slots[world->slot_count++] =
			(struct graft_world_slot){ addr, value };
	return err;
}

/** Make a zeroed buffer that lives as long as the world. */
static struct graft_error *
own(struct graft_world *world, uint64_t len, uint8_t **ret)
{
	struct graft_error *err = graft_vec_reserve(
		&world->owned, &world->owned_cap, world->owned_count + 1,
		sizeof(*world->owned));

	if (err)
		return err;
	*ret = calloc(1, len + 1);
	if (!*ret)
		return graft_error_no_memory();
	world->owned[world->owned_count++] = *ret;
	return NULL;
}

/** What the loader puts where a relocation stands. */
static struct graft_value
value_of(const struct graft_reloc *reloc)
{
	const struct graft_symbol *symbol = reloc->symbol;
	struct graft_value value = { .addend = reloc->addend };

	if (symbol && symbol->defined) {
		value.defined = true;
		value.addr = symbol->addr;
	}
	if (symbol && *symbol->name) {
		value.symbol = symbol->name;
		value.version = symbol->version;
	}
	switch (reloc->type) {
	case R_X86_64_RELATIVE:
		return (struct graft_value){ .kind = GRAFT_VALUE_ADDRESS,
					     .addr = (uint64_t)reloc->addend };
	case R_X86_64_IRELATIVE:
		return (struct graft_value){ .kind = GRAFT_VALUE_RESOLVER,
					     .addr = (uint64_t)reloc->addend };
	case R_X86_64_GLOB_DAT:
	case R_X86_64_JUMP_SLOT:
		// Both ignore the addend (psABI, table 4.10).
		value.addend = 0;
		value.kind = GRAFT_VALUE_SYMBOL;
		break;
	case R_X86_64_64:
		value.kind = GRAFT_VALUE_SYMBOL;
		break;
	case R_X86_64_DTPMOD64:
		value.kind = GRAFT_VALUE_TLS_MODULE;
		break;
	case R_X86_64_DTPOFF64:
		value.kind = GRAFT_VALUE_TLS_OFFSET;
		break;
	case R_X86_64_TPOFF64:
		value.kind = GRAFT_VALUE_TLS_POINTER;
		break;
	case R_X86_64_TLSDESC:
		value.kind = GRAFT_VALUE_TLS_DESCRIPTOR;
		break;
	case R_X86_64_COPY:
		// What is copied there is an object of its own.
		return (struct graft_value){ 0 };
	default:
		value.kind = GRAFT_VALUE_OTHER;
		return value;
	}
	// A symbol that nobody else can define is an address.
	if (symbol && symbol->bind == STB_LOCAL && symbol->defined) {
		value.symbol = NULL;
		value.version = NULL;
		if (value.kind == GRAFT_VALUE_SYMBOL)
			return (struct graft_value){
				.kind = GRAFT_VALUE_ADDRESS,
				.addr = symbol->addr + (uint64_t)value.addend
			};
	}
	return value;
}

/** Take over the sections and slots of a build. */
static struct graft_error *
lay_image(struct graft_world *world, const struct graft_image *image)
{
	size_t count;
	const struct graft_section *sections = graft_image_sections(image,
								    &count);
	struct graft_error *err = NULL;

	if (graft_image_type(image) != ET_DYN)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "%s: linked to a fixed address (no PIE)",
				       graft_image_path(image));
	world->image = image;
	for (size_t i = 0; !err && i < count; i++) {
		const struct graft_section *s = &sections[i];
		if (!s->size || ((s->flags & SHF_TLS) && s->type == SHT_NOBITS))
			continue;
		err = add_range(world, (struct graft_world_range){
					       s->addr, s->size, s->bytes,
					       s->name, area_of(s) });
	}
	const struct graft_reloc *relocs = graft_image_relocs(image, &count);
	for (size_t i = 0; !err && i < count; i++) {
		struct graft_value value = value_of(&relocs[i]);
		if (value.kind != GRAFT_VALUE_NONE)
			err = add_slot(world, relocs[i].addr, value);
	}
	return err;
}

struct graft_error *
graft_world_lay_new(const struct graft_image *image, struct graft_world *ret)
{
	struct graft_error *err;

	*ret = (struct graft_world){ .name = "NEW" };
	err = lay_image(ret, image);
	return err ? err : graft_world_find_starts(ret);
}

/** Copy the code of OLD, so that jumps can be written into it. */
static struct graft_error *
copy_code(struct graft_world *world)
{
	for (size_t i = 0; i < world->range_count; i++) {
		struct graft_world_range *range = &world->ranges[i];
		uint8_t *bytes;
		if (range->area != GRAFT_WORLD_CODE || !range->bytes)
			continue;
		struct graft_error *err = own(world, range->size, &bytes);
		if (err)
			return err;
		memcpy(bytes, range->bytes, range->size);
		range->bytes = bytes;
	}
	return NULL;
}

/** Find bytes that this world owns and may write, or NULL. */
static uint8_t *
writable(const struct graft_world *world, uint64_t addr, uint64_t len)
{
	const struct graft_world_range *range = graft_world_range_at(world,
								     addr);

	if (!range || !range->bytes || range->size - (addr - range->addr) < len)
		return NULL;
	// Ranges of code and of the shadow were made by own() and add_run().
	return (uint8_t *)(uintptr_t)(range->bytes + (addr - range->addr));
}

static struct graft_error *
bad(const char *what, uint64_t addr, const char *why)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s at 0x%llx %s", what,
			       (unsigned long long)addr, why);
}

static struct graft_error *
write_rel32(uint8_t *at, int64_t distance, uint64_t addr)
{
	if (distance < INT32_MIN || distance > INT32_MAX)
		return bad("the displacement", addr, "does not reach");
	for (size_t i = 0; i < 4; i++)
		at[i] = (uint8_t)((uint64_t)distance >> (8 * i));
	return NULL;
}

/** Write the jump over the entry of one function. */
static struct graft_error *
write_jump(struct graft_world *world, const struct graft_redirect *redirect)
{
	static const uint8_t endbr[GRAFT_ENDBR_SIZE] = { 0xf3, 0x0f, 0x1e,
							 0xfa };
	uint64_t addr = redirect->old_addr + redirect->skip;
	uint8_t *at = writable(world, redirect->old_addr,
			       redirect->skip + GRAFT_JUMP_SIZE);

	if (!at || graft_world_area_at(world, addr) != GRAFT_WORLD_CODE)
		return bad("the redirect", redirect->old_addr,
			   "is not in the code of OLD");
	if (redirect->skip && !redirect->behind &&
	    memcmp(at, endbr, sizeof(endbr)) != 0)
		return bad("the redirect", redirect->old_addr,
			   "skips what is no endbr64");
	at += redirect->skip;
	if (memcmp(at, redirect->original, GRAFT_JUMP_SIZE) != 0)
		return bad("the redirect", redirect->old_addr,
			   "names other bytes than OLD has there");
	at[0] = 0xe9;
	return write_rel32(at + 1,
			   (int64_t)(world->shadow +
				     graft_redirect_target(redirect) - addr -
				     GRAFT_JUMP_SIZE),
			   addr);
}

/** Lay one run: a range for each section of NEW that it has a part of. */
static struct graft_error *
add_run(struct graft_world *world, const struct graft_world *new_world,
	const struct graft_run *run)
{
	uint64_t end = run->new_addr + run->mem_len;
	uint8_t *bytes;
	struct graft_error *err = own(world, run->mem_len, &bytes);

	if (!err && run->file_len)
		memcpy(bytes, run->bytes, run->file_len);
	for (uint64_t at = run->new_addr; !err && at < end;) {
		const struct graft_world_range *range =
			graft_world_range_at(new_world, at);
		if (!range)
			return bad("the run", run->new_addr,
				   "leaves the sections of NEW");
		if ((range->area == GRAFT_WORLD_CODE) !=
			    !!(run->flags & GRAFT_RUN_EXEC) &&
		    range->area == GRAFT_WORLD_CODE)
			return bad("the run", run->new_addr,
				   "holds code and may not execute");
		if (range->area == GRAFT_WORLD_DATA &&
		    !(run->flags & GRAFT_RUN_WRITE))
			return bad("the run", run->new_addr,
				   "holds data and may not be written");
		uint64_t stop = range->addr + range->size;
		stop = stop < end ? stop : end;
		err = add_range(world, (struct graft_world_range){
					       world->shadow + at, stop - at,
					       bytes + (at - run->new_addr),
					       range->name, range->area });
		at = stop;
	}
	return err;
}

static struct graft_error *
make_fix(struct graft_world *world, const struct graft_fix *fix)
{
	uint64_t addr = world->shadow + fix->new_addr;
	uint8_t *at = writable(world, addr,
			       fix->kind == GRAFT_FIX_REL32_OLD ? 4 : 8);
	struct graft_value value = { .kind = GRAFT_VALUE_ADDRESS,
				     .addr = (uint64_t)fix->value };

	if (!at)
		return bad("the fix", fix->new_addr, "is in no run");
	switch (fix->kind) {
	case GRAFT_FIX_REL32_OLD: {
		uint32_t old = (uint32_t)at[0] | (uint32_t)at[1] << 8 |
			       (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
		return write_rel32(at,
				   (int64_t)((uint64_t)(int32_t)old +
					     (uint64_t)fix->value -
					     world->shadow),
				   fix->new_addr);
	}
	case GRAFT_FIX_ABS64_NEW:
		value.addr += world->shadow;
		break;
	case GRAFT_FIX_COPY64_OLD: {
		const struct graft_reloc *reloc =
			graft_image_reloc_at(world->image, value.addr);
		value = reloc ? value_of(reloc)
			      : (struct graft_value){
					.kind = GRAFT_VALUE_OTHER
				};
		break;
	}
	case GRAFT_FIX_ABS64_OLD:
		break;
	}
	return add_slot(world, addr, value);
}

static int
by_slot_addr(const void *x, const void *y)
{
	const struct graft_world_slot *a = x;
	const struct graft_world_slot *b = y;

	return (a->addr > b->addr) - (a->addr < b->addr);
}

/** Lay what the hotpatch brings. */
static struct graft_error *
lay_shadow(struct graft_world *world, const struct graft_patch_module *module,
	   const struct graft_world *new_world)
{
	struct graft_error *err = NULL;

	world->module = module;
	for (size_t i = 0; !err && i < module->run_count; i++)
		err = add_run(world, new_world, &module->runs[i]);
	size_t old_slots = world->slot_count;
	for (size_t i = 0; !err && i < module->fix_count; i++)
		err = make_fix(world, &module->fixes[i]);
	for (size_t i = 0; !err && i < module->import_count; i++) {
		const struct graft_import *import = &module->imports[i];
		err = add_slot(
			world, world->shadow + import->new_addr,
			(struct graft_value){ .kind = GRAFT_VALUE_SYMBOL,
					      .symbol = import->symbol,
					      .version = import->version,
					      .addend = import->addend });
	}
	if (!err && world->slot_count > old_slots)
		qsort(world->slots + old_slots, world->slot_count - old_slots,
		      sizeof(*world->slots), by_slot_addr);
	for (size_t i = 0; !err && i < module->redirect_count; i++)
		err = write_jump(world, &module->redirects[i]);
	return err;
}

struct graft_error *
graft_world_lay_old(const struct graft_image *old_image,
		    const struct graft_patch_module *module,
		    const struct graft_world *new_world,
		    struct graft_world *ret)
{
	uint64_t align = module && module->align > PAGE ? module->align : PAGE;
	struct graft_error *err;

	*ret = (struct graft_world){ .name = "OLD" };
	err = lay_image(ret, old_image);
	if (!err)
		err = graft_world_find_starts(ret);
	if (err || !module)
		return err;
	const struct graft_world_range *last =
		&ret->ranges[ret->range_count ? ret->range_count - 1 : 0];
	uint64_t end = ret->range_count ? last->addr + last->size : 0;
	ret->shadow = (end + GAP + align - 1) / align * align;
	ret->shadow_image = new_world->image;
	ret->shadow_starts = &new_world->starts;
	err = copy_code(ret);
	return err ? err : lay_shadow(ret, module, new_world);
}
