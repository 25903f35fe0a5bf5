// SPDX-License-Identifier: Apache-2.0

#include "elf/image.h"

#include "elf/model.h"

/** Where the loader looks for its tables. */
struct tables {
	uint64_t symtab, strtab;
	uint64_t rela, rela_size;
	uint64_t jmprel, jmprel_size;
	uint64_t relr, relr_size;
	uint64_t versym;
};

static struct graft_error *
read_tag(struct graft_image *image, const GElf_Dyn *dyn,
	 const struct graft_strings *names, struct tables *tables)
{
	uint64_t value = dyn->d_un.d_val;
	switch (dyn->d_tag) {
	case DT_SYMTAB:
		tables->symtab = value;
		break;
	case DT_STRTAB:
		tables->strtab = value;
		break;
	case DT_VERSYM:
		tables->versym = value;
		break;
	case DT_RELA:
		tables->rela = value;
		break;
	case DT_RELASZ:
		tables->rela_size = value;
		break;
	case DT_JMPREL:
		tables->jmprel = value;
		break;
	case DT_PLTRELSZ:
		tables->jmprel_size = value;
		break;
	case DT_RELR:
		tables->relr = value;
		break;
	case DT_RELRSZ:
		tables->relr_size = value;
		break;
	case DT_REL:
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "relocations without addends");
	case DT_SONAME:
		return graft_strings_at(names, value, &image->soname);
	case DT_RUNPATH:
		return graft_strings_at(names, value, &image->loading.search);
	case DT_RPATH:
		if (image->loading.search)
			break;
		return graft_strings_at(names, value, &image->loading.search);
	case DT_SYMBOLIC:
		image->loading.symbolic = true;
		break;
	case DT_FLAGS:
		image->loading.symbolic |= (value & DF_SYMBOLIC) != 0;
		break;
	case DT_NEEDED:
		return graft_strings_at(names, value,
					&image->needed[image->needed_count++]);
	default:
		break;
	}
	return NULL;
}

/** Check that the only section of a type is where the loader looks. */
static struct graft_error *
check_place(const struct graft_reader *reader, uint32_t type, uint64_t addr)
{
	size_t index;
	struct graft_error *err = graft_reader_find(reader, type, &index);
	if (err)
		return err;
	if ((index ? reader->sections[index].header.sh_addr : 0) != addr)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "it and the section table name two "
				       "places for a table of type %u",
				       type);
	return NULL;
}

/** Check that sections of a type cover what the loader reads as relocations. */
static struct graft_error *
check_covered(const struct graft_image *image, uint32_t type, uint64_t addr,
	      uint64_t size)
{
	while (size) {
		const struct graft_section *section =
			graft_image_section_at(image, addr);
		if (!section || section->type != type)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "relocations at %#jx that no "
					       "section holds",
					       (uintmax_t)addr);
		uint64_t left = section->size - (addr - section->addr);
		uint64_t step = size < left ? size : left;
		addr += step;
		size -= step;
	}
	return NULL;
}

static struct graft_error *
check_tables(const struct graft_image *image, const struct graft_reader *reader,
	     size_t dynamic, const struct tables *tables)
{
	struct graft_error *err = check_place(reader, SHT_DYNSYM,
					      tables->symtab);
	if (err)
		return err;
	err = check_place(reader, SHT_GNU_versym, tables->versym);
	if (err)
		return err;
	// graft_reader_strings() checked the index.
	size_t link = reader->sections[dynamic].header.sh_link;
	if (reader->sections[link].header.sh_addr != tables->strtab)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "it and the section table name two "
				       "tables of names");
	size_t dynsym;
	err = graft_reader_find(reader, SHT_DYNSYM, &dynsym);
	if (err)
		return err;
	if (dynsym && reader->sections[dynsym].header.sh_link != link)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "its symbols have other names");
	err = check_covered(image, SHT_RELA, tables->rela, tables->rela_size);
	if (err)
		return err;
	err = check_covered(image, SHT_RELA, tables->jmprel,
			    tables->jmprel_size);
	if (err)
		return err;
	return check_covered(image, SHT_RELR, tables->relr, tables->relr_size);
}

/** Check that there is a PT_DYNAMIC exactly if there is a dynamic section. */
static struct graft_error *
check_header(const struct graft_reader *reader, size_t dynamic)
{
	uint64_t addr = 0;
	for (size_t i = 0; i < reader->header.e_phnum; i++) {
		GElf_Phdr header;
		if (gelf_getphdr(reader->elf, (int)i, &header) &&
		    header.p_type == PT_DYNAMIC)
			addr = header.p_vaddr;
	}
	if ((dynamic ? reader->sections[dynamic].header.sh_addr : 0) != addr)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "the program headers and the section "
				       "table name two places");
	return NULL;
}

struct graft_error *
graft_dynamic_read(struct graft_image *image, const struct graft_reader *reader)
{
	size_t dynamic;
	struct graft_error *err = graft_reader_find(reader, SHT_DYNAMIC,
						    &dynamic);
	if (err)
		return err;
	err = check_header(reader, dynamic);
	if (err || dynamic == 0)
		return err;

	Elf_Data *data;
	size_t count;
	err = graft_reader_table(reader, dynamic, ELF_T_DYN, &data, &count);
	if (err)
		return err;
	struct graft_strings names;
	err = graft_reader_strings(
		reader, reader->sections[dynamic].header.sh_link, &names);
	if (err)
		return err;
	image->needed = calloc(count + 1, sizeof(*image->needed));
	if (!image->needed)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");

	struct tables tables = { 0 };
	for (size_t i = 0; i < count; i++) {
		GElf_Dyn dyn;
		if (!gelf_getdyn(data, (int)i, &dyn) || dyn.d_tag == DT_NULL)
			break;
		err = read_tag(image, &dyn, &names, &tables);
		if (err)
			return err;
	}
	return check_tables(image, reader, dynamic, &tables);
}
