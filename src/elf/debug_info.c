// SPDX-License-Identifier: Apache-2.0

#include "elf/debug_info.h"

#include "base/sorted.h"
#include "base/vec.h"
#include "elf/debug_model.h"
#include "elf/limits.h"
#include "elf/model.h"

#include <dwarf.h>
#include <string.h>

/** Say whether a section holds debug information. */
static bool
is_debug(const struct graft_reader_section *section)
{
	return section->bytes && (strncmp(section->name, ".debug_", 7) == 0 ||
				  strncmp(section->name, ".zdebug_", 8) == 0);
}

/** Bytes of a section once it is unpacked. */
static struct graft_error *
unpacked_size(const struct graft_reader_section *section, uint64_t *ret)
{
	Elf64_Chdr header;

	*ret = section->header.sh_size;
	if (strncmp(section->name, ".zdebug_", 8) == 0)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "%s: sections packed in the old way",
				       section->name);
	if (!(section->header.sh_flags & SHF_COMPRESSED))
		return NULL;
	if (*ret < sizeof(header))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s: no room for its header",
				       section->name);
	memcpy(&header, section->bytes, sizeof(header));
	*ret = header.ch_size;
	return NULL;
}

/** Check what libdw would follow without asking. */
static struct graft_error *
check_sections(const struct graft_reader *reader)
{
	uint64_t total = 0;

	for (size_t i = 0; i < reader->section_count; i++) {
		const struct graft_reader_section *section =
			&reader->sections[i];
		uint64_t size = 0;

		if (section->bytes &&
		    strcmp(section->name, ".gnu_debugaltlink") == 0)
			return graft_error_new(
				GRAFT_ERROR_UNSUPPORTED,
				"it shares entries with another file (dwz)");
		if (!is_debug(section))
			continue;
		struct graft_error *err = unpacked_size(section, &size);
		if (err)
			return err;
		if (size > GRAFT_LIMIT_DWARF_BYTES ||
		    (total += size) > GRAFT_LIMIT_DWARF_BYTES)
			return graft_error_new(
				GRAFT_ERROR_LIMIT,
				"more than %llu bytes of debug information",
				(unsigned long long)GRAFT_LIMIT_DWARF_BYTES);
	}
	return NULL;
}

const char *
graft_dwarf_text(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attr;
	const char *text = dwarf_formstring(dwarf_attr(die, name, &attr));

	return text ? text : "";
}

bool
graft_dwarf_number(Dwarf_Die *die, unsigned int name, uint64_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Word word;

	if (dwarf_formudata(dwarf_attr(die, name, &attr), &word) != 0)
		return false;
	*ret = word;
	return true;
}

static struct graft_error *
malformed(const char *what)
{
	int number = dwarf_errno();

	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s: %s", what,
			       number ? dwarf_errmsg(number) : "malformed");
}

/** Remember the addresses of the last unit. */
static struct graft_error *
add_ranges(struct graft_dwarf *dwarf, Dwarf_Die *die)
{
	ptrdiff_t off = 0;
	Dwarf_Addr base;
	Dwarf_Addr start;
	Dwarf_Addr end;

	while ((off = dwarf_ranges(die, off, &base, &start, &end)) > 0) {
		// What the linker threw away begins at zero or at the top.
		if (start == 0 || start >= end || end > GRAFT_LIMIT_ADDR)
			continue;
		if (dwarf->range_count >= GRAFT_LIMIT_DWARF_RANGES)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "more than %d ranges",
					       GRAFT_LIMIT_DWARF_RANGES);
		struct graft_error *err = graft_vec_reserve(
			&dwarf->ranges, &dwarf->range_cap,
			dwarf->range_count + 1, sizeof(*dwarf->ranges));
		if (err)
			return err;
		dwarf->ranges[dwarf->range_count++] = (struct graft_unit_range){
			.addr = start,
			.end = end,
			.unit = (uint32_t)dwarf->unit_count - 1,
		};
	}
	// A unit without code has none, and says so as an error.
	(void)dwarf_errno();
	return NULL;
}

static struct graft_error *
add_unit(struct graft_dwarf *dwarf, Dwarf_Die *die, uint8_t kind,
	 Dwarf_Half version)
{
	uint64_t language = 0;
	int tag = dwarf_tag(die);
	size_t dies_cap = dwarf->unit_cap;
	struct graft_error *err =
		graft_vec_reserve(&dwarf->units, &dwarf->unit_cap,
				  dwarf->unit_count + 1, sizeof(*dwarf->units));

	if (!err)
		err = graft_vec_reserve(&dwarf->unit_dies, &dies_cap,
					dwarf->unit_count + 1,
					sizeof(*dwarf->unit_dies));
	if (err)
		return err;
	(void)graft_dwarf_number(die, DW_AT_language, &language);
	dwarf->unit_dies[dwarf->unit_count] = *die;
	dwarf->units[dwarf->unit_count++] = (struct graft_unit){
		.name = graft_dwarf_text(die, DW_AT_name),
		.dir = graft_dwarf_text(die, DW_AT_comp_dir),
		.producer = graft_dwarf_text(die, DW_AT_producer),
		.language = (uint32_t)language,
		.assembly = language == DW_LANG_Mips_Assembler,
		.incomplete = kind == DW_UT_skeleton ||
			      dwarf_hasattr(die, DW_AT_GNU_dwo_name),
		// clang writes them down since DWARF 5, gcc always.
		.no_align = version < 5 &&
			    strstr(graft_dwarf_text(die, DW_AT_producer),
				   "clang"),
		.shared = tag == DW_TAG_type_unit || tag == DW_TAG_partial_unit,
	};
	return add_ranges(dwarf, die);
}

static int
compare_ranges(const void *a, const void *b)
{
	const struct graft_unit_range *x = a;
	const struct graft_unit_range *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

static struct graft_error *
read_units(struct graft_dwarf *dwarf)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Half version;
	uint8_t kind;
	Dwarf_Die die;
	int more;

	// Without a place for its entry, a split unit's file is not opened.
	while ((more = dwarf_get_units(dwarf->handle, unit, &unit, &version,
				       &kind, &die, NULL)) == 0) {
		if (dwarf->unit_count >= GRAFT_LIMIT_DWARF_UNITS)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "more than %d units",
					       GRAFT_LIMIT_DWARF_UNITS);
		if (version < 2 || version > 5)
			return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
					       "DWARF version %u", version);
		struct graft_error *err = add_unit(dwarf, &die, kind, version);
		if (err)
			return err;
	}
	if (more < 0)
		return malformed(".debug_info");
	if (dwarf->range_count)
		qsort(dwarf->ranges, dwarf->range_count, sizeof(*dwarf->ranges),
		      compare_ranges);
	return NULL;
}

/** Copy the file that holds the debug information. */
static struct graft_error *
copy_file(struct graft_dwarf *dwarf, size_t *len_ret)
{
	const struct graft_image *image = dwarf->image;
	const uint8_t *bytes = image->bytes;

	*len_ret = image->len;
	if (image->debug_bytes) {
		bytes = image->debug_bytes;
		*len_ret = image->debug_len;
	}
	dwarf->bytes = malloc(*len_ret);
	if (!dwarf->bytes)
		return graft_error_no_memory();
	memcpy(dwarf->bytes, bytes, *len_ret);
	return NULL;
}

static struct graft_error *
open_dwarf(struct graft_dwarf *dwarf)
{
	size_t len;
	struct graft_error *err = copy_file(dwarf, &len);

	if (!err)
		err = graft_reader_open(dwarf->bytes, len, &dwarf->reader);
	if (!err)
		err = check_sections(dwarf->reader);
	if (err)
		return err;
	dwarf->handle = dwarf_begin_elf(dwarf->reader->elf, DWARF_C_READ, NULL);
	if (!dwarf->handle)
		return malformed("sections");
	return read_units(dwarf);
}

struct graft_error *
graft_dwarf_open(const struct graft_image *image, struct graft_dwarf **ret)
{
	if (!image->has_dwarf)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s: no debug information", image->path);
	GRAFT_CLEANUP(graft_dwarf_closep)
	struct graft_dwarf *dwarf = calloc(1, sizeof(*dwarf));
	if (!dwarf)
		return graft_error_no_memory();
	dwarf->image = image;
	struct graft_error *err = open_dwarf(dwarf);
	if (err)
		return graft_error_prefix(err, "%s: debug information",
					  image->debug_bytes ? image->debug_path
							     : image->path);
	*ret = GRAFT_TAKE(dwarf);
	return NULL;
}

void
graft_dwarf_close(struct graft_dwarf *dwarf)
{
	if (!dwarf)
		return;
	if (dwarf->handle)
		dwarf_end(dwarf->handle);
	graft_reader_close(dwarf->reader);
	graft_dwarf_types_free(dwarf);
	for (size_t i = 0; i < dwarf->text_count; i++)
		free(dwarf->texts[i]);
	free(dwarf->texts);
	free(dwarf->by_entry);
	free(dwarf->by_name);
	free(dwarf->named_first);
	free(dwarf->named_entries);
	free(dwarf->named);
	free(dwarf->function_ranges);
	free(dwarf->subjects);
	free(dwarf->handles);
	free(dwarf->ranges);
	free(dwarf->unit_dies);
	free(dwarf->units);
	free(dwarf->bytes);
	free(dwarf);
}

const struct graft_unit *
graft_dwarf_units(const struct graft_dwarf *dwarf, size_t *count_ret)
{
	*count_ret = dwarf->unit_count;
	return dwarf->units;
}

bool
graft_dwarf_unit_has_types(const struct graft_dwarf *dwarf, uint32_t unit)
{
	Dwarf_Die die;

	if (unit >= dwarf->unit_count ||
	    dwarf_child(&dwarf->unit_dies[unit], &die) != 0)
		return false;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_base_type:
		case DW_TAG_structure_type:
		case DW_TAG_class_type:
		case DW_TAG_union_type:
		case DW_TAG_enumeration_type:
		case DW_TAG_pointer_type:
		case DW_TAG_typedef:
		case DW_TAG_subroutine_type:
		case DW_TAG_imported_unit:
			return true;
		default:
			break;
		}
	} while (dwarf_siblingof(&die, &die) == 0);
	return false;
}

uint32_t
graft_dwarf_unit_at(const struct graft_dwarf *dwarf, uint64_t addr)
{
	size_t low = GRAFT_SORTED_UP_TO(dwarf->ranges, dwarf->range_count, addr,
					addr);

	if (low == 0 || dwarf->ranges[low - 1].end <= addr)
		return GRAFT_DWARF_NONE;
	return dwarf->ranges[low - 1].unit;
}
