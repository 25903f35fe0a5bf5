// SPDX-License-Identifier: Apache-2.0

#include "elf/image.h"

#include "base/vec.h"
#include "elf/model.h"

/** An array of relocations that grows. */
struct list {
	struct graft_reloc *items;
	size_t count, room;
};

static void
list_deinit(struct list *list)
{
	free(list->items);
}

static struct graft_error *
list_add(struct list *list, struct graft_reloc reloc)
{
	struct graft_error *err = graft_vec_reserve(&list->items, &list->room,
						    list->count + 1,
						    sizeof(*list->items));
	if (err)
		return err;
	list->items[list->count++] = reloc;
	return NULL;
}

static struct graft_error *
add_rela(const struct graft_image *image, const GElf_Rela *rela,
	 const struct graft_symbol_map *map, struct list *list)
{
	uint32_t type = GELF_R_TYPE(rela->r_info);
	uint64_t index = GELF_R_SYM(rela->r_info);
	if (type == R_X86_64_NONE)
		return NULL;
	if (index && index >= map->count)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "relocation at %#jx: no symbol %ju",
				       (uintmax_t)rela->r_offset,
				       (uintmax_t)index);
	if (!graft_image_section_at(image, rela->r_offset))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "relocation at %#jx: no section there",
				       (uintmax_t)rela->r_offset);
	return list_add(list, (struct graft_reloc){
				      .addr = rela->r_offset,
				      .type = type,
				      .symbol = index ? map->at[index] : NULL,
				      .addend = rela->r_addend,
			      });
}

static struct graft_error *
read_rela(const struct graft_image *image, const struct graft_reader *reader,
	  size_t index, const struct graft_symbol_map *map, struct list *list)
{
	Elf_Data *data;
	size_t count;
	struct graft_error *err = graft_reader_table(reader, index, ELF_T_RELA,
						     &data, &count);
	for (size_t i = 0; !err && i < count; i++) {
		GElf_Rela rela;
		if (!gelf_getrela(data, (int)i, &rela))
			return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s",
					       elf_errmsg(-1));
		err = add_rela(image, &rela, map, list);
	}
	return err;
}

/** Add a relocation of `.relr.dyn`: its addend is what stands there. */
static struct graft_error *
add_relr(const struct graft_image *image, uint64_t addr, struct list *list)
{
	const uint8_t *bytes = graft_image_bytes(image, addr, 8);
	if (!bytes)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "relocation at %#jx: no contents there",
				       (uintmax_t)addr);
	// Ascending and inside contents: no more of them than the file is long.
	if (list->count && list->items[list->count - 1].addr >= addr &&
	    list->items[list->count - 1].type == R_X86_64_RELATIVE)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "relocation at %#jx: out of order",
				       (uintmax_t)addr);
	uint64_t addend = 0;
	for (size_t i = 0; i < 8; i++)
		addend |= (uint64_t)bytes[i] << (8 * i);
	return list_add(list,
			(struct graft_reloc){ .addr = addr,
					      .type = R_X86_64_RELATIVE,
					      .addend = (int64_t)addend });
}

/**
 * Read `.relr.dyn`: words of 8 bytes. An even word is the address of a
 * relocation; an odd one has a bit for each of the 63 words behind the last.
 */
static struct graft_error *
read_relr(const struct graft_image *image, const struct graft_reader *reader,
	  size_t index, struct list *list)
{
	Elf_Data *data;
	size_t count;
	struct graft_error *err = graft_reader_table(reader, index, ELF_T_XWORD,
						     &data, &count);
	if (err)
		return err;
	if (count == 0)
		return NULL;
	if (reader->sections[index].header.sh_offset % 8)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "not aligned");

	const uint64_t *words = data->d_buf;
	uint64_t next = 0;
	bool started = false;
	for (size_t i = 0; i < count; i++) {
		if (!(words[i] & 1)) {
			err = add_relr(image, words[i], list);
			if (err)
				return err;
			next = words[i] + 8;
			started = true;
			continue;
		}
		if (!started)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "begins without an address");
		for (unsigned bit = 1; bit < 64; bit++) {
			if (!(words[i] >> bit & 1))
				continue;
			err = add_relr(image, next + (bit - 1) * 8, list);
			if (err)
				return err;
		}
		next += UINT64_C(63) * 8;
	}
	return NULL;
}

static int
compare_relocs(const void *a, const void *b)
{
	const struct graft_reloc *x = a, *y = b;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->type < y->type ? -1 : x->type > y->type;
}

static void
sort_list(struct list *list)
{
	// qsort(3) does not take NULL, not even for no elements.
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items),
		      compare_relocs);
}

static struct graft_error *
read_dynamic(struct graft_image *image, const struct graft_reader *reader,
	     const struct graft_symbol_map *map)
{
	GRAFT_CLEANUP(list_deinit) struct list list = { 0 };
	for (size_t pass = 0; pass < 2; pass++) {
		// RELR first, alone in the list: its order is checked there.
		uint32_t type = pass == 0 ? SHT_RELR : SHT_RELA;
		for (size_t i = 1; i < reader->section_count; i++) {
			const GElf_Shdr *header = &reader->sections[i].header;
			if (header->sh_type != type ||
			    !(header->sh_flags & SHF_ALLOC))
				continue;
			struct graft_error *err =
				pass == 0 ? read_relr(image, reader, i, &list)
					  : read_rela(image, reader, i, map,
						      &list);
			if (err)
				return graft_error_prefix(
					err, "%s", reader->sections[i].name);
		}
	}
	sort_list(&list);
	for (size_t i = 1; i < list.count; i++)
		if (list.items[i].addr == list.items[i - 1].addr)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"two dynamic relocations at %#jx",
				(uintmax_t)list.items[i].addr);
	image->reloc_count = list.count;
	image->relocs = GRAFT_TAKE(list.items);
	return NULL;
}

/** Say whether a section holds relocations of code or data that is loaded. */
static bool
is_kept(const struct graft_reader *reader, const GElf_Shdr *header)
{
	return header->sh_type == SHT_RELA && !(header->sh_flags & SHF_ALLOC) &&
	       header->sh_info && header->sh_info < reader->section_count &&
	       (reader->sections[header->sh_info].header.sh_flags & SHF_ALLOC);
}

static struct graft_error *
read_static(struct graft_image *image, const struct graft_reader *reader,
	    const struct graft_symbol_map *map)
{
	size_t symtab;
	struct graft_error *err = graft_reader_find(reader, SHT_SYMTAB,
						    &symtab);
	if (err || symtab == 0)
		return err;

	GRAFT_CLEANUP(list_deinit) struct list list = { 0 };
	for (size_t i = 1; i < reader->section_count; i++) {
		const GElf_Shdr *header = &reader->sections[i].header;
		if (!is_kept(reader, header) || header->sh_link != symtab)
			continue;
		err = read_rela(image, reader, i, map, &list);
		if (err)
			return graft_error_prefix(err, "%s",
						  reader->sections[i].name);
	}
	sort_list(&list);
	image->static_reloc_count = list.count;
	image->static_relocs = GRAFT_TAKE(list.items);
	return NULL;
}

struct graft_error *
graft_relocs_read(struct graft_image *image, const struct graft_reader *reader,
		  const struct graft_symbol_map *dynamic_map,
		  const struct graft_symbol_map *static_map)
{
	struct graft_error *err = read_dynamic(image, reader, dynamic_map);
	if (err)
		return err;
	return read_static(image, reader, static_map);
}

const struct graft_reloc *
graft_image_relocs(const struct graft_image *image, size_t *count_ret)
{
	*count_ret = image->reloc_count;
	return image->relocs;
}

const struct graft_reloc *
graft_image_reloc_at(const struct graft_image *image, uint64_t addr)
{
	size_t low = 0, high = image->reloc_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (image->relocs[mid].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < image->reloc_count && image->relocs[low].addr == addr)
		return &image->relocs[low];
	return NULL;
}

const struct graft_reloc *
graft_image_static_relocs(const struct graft_image *image, size_t *count_ret)
{
	*count_ret = image->static_reloc_count;
	return image->static_relocs;
}
