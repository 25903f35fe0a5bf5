// SPDX-License-Identifier: Apache-2.0

// Worlds as they are laid in memory: sections, and slots of the loader.

#include "check/lay.h"

#include "base/vec.h"

#include <string.h>

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

struct graft_error *
graft_lay_range(struct graft_world *world, struct graft_world_range range)
{
	struct graft_error *err = graft_vec_reserve(
		&world->ranges, &world->range_cap, world->range_count + 1,
		sizeof(*world->ranges));

	if (!err)
		world->ranges[world->range_count++] = range;
	return err;
}

struct graft_error *
graft_lay_slot(struct graft_world *world, uint64_t addr,
	       struct graft_value value)
{
	struct graft_error *err =
		graft_vec_reserve(&world->slots, &world->slot_cap,
				  world->slot_count + 1, sizeof(*world->slots));

	if (!err)
		world->slots[world->slot_count++] =
			(struct graft_world_slot){ addr, value };
	return err;
}

struct graft_error *
graft_lay_own(struct graft_world *world, uint64_t len, uint8_t **ret)
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

struct graft_value
graft_lay_value(const struct graft_reloc *reloc)
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

struct graft_error *
graft_lay_image(struct graft_world *world, const struct graft_image *image)
{
	size_t count;
	const struct graft_section *sections = graft_image_sections(image,
								    &count);
	struct graft_error *err = NULL;

	if (graft_image_fixed_fault(image))
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "%s: linked to a fixed address (no "
				       "PIE), and %s",
				       graft_image_path(image),
				       graft_image_fixed_fault(image));
	world->image = image;
	for (size_t i = 0; !err && i < count; i++) {
		const struct graft_section *s = &sections[i];
		if (!s->size || ((s->flags & SHF_TLS) && s->type == SHT_NOBITS))
			continue;
		err = graft_lay_range(world, (struct graft_world_range){
						     s->addr, s->size, s->bytes,
						     s->name, area_of(s) });
	}
	const struct graft_reloc *relocs = graft_image_relocs(image, &count);
	for (size_t i = 0; !err && i < count; i++) {
		struct graft_value value = graft_lay_value(&relocs[i]);
		if (value.kind != GRAFT_VALUE_NONE)
			err = graft_lay_slot(world, relocs[i].addr, value);
	}
	return err;
}

struct graft_error *
graft_world_lay_new(const struct graft_image *image, struct graft_world *ret)
{
	struct graft_error *err;

	*ret = (struct graft_world){ .name = "NEW" };
	err = graft_lay_image(ret, image);
	return err ? err : graft_world_find_starts(ret);
}
