// SPDX-License-Identifier: Apache-2.0

#include "elf/reader.h"

#include "elf/limits.h"

#include <string.h>

static struct graft_error *
check_ident(const uint8_t *bytes, size_t len)
{
	if (len < SELFMAG || memcmp(bytes, ELFMAG, SELFMAG))
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "not an ELF file");
	if (len < EI_NIDENT)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "the ELF header is truncated");
	if (bytes[EI_CLASS] != ELFCLASS64)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "not a 64-bit ELF file");
	if (bytes[EI_DATA] != ELFDATA2LSB)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "not a little-endian ELF file");
	if (bytes[EI_VERSION] != EV_CURRENT)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "ELF version %u", bytes[EI_VERSION]);
	if (len < sizeof(Elf64_Ehdr))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "the ELF header is truncated");
	return NULL;
}

static struct graft_error *
check_kind(const Elf64_Ehdr *header)
{
	if (header->e_machine != EM_X86_64)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "made for machine %u, not for x86-64",
				       header->e_machine);
	if (header->e_type == ET_REL)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "an object file, not linked");
	if (header->e_type == ET_CORE)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED, "a core file");
	if (header->e_type != ET_DYN && header->e_type != ET_EXEC)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "ELF type %u is neither an executable "
				       "nor a library",
				       header->e_type);
	return NULL;
}

/** Check that the tables of headers are there, before libelf looks. */
static struct graft_error *
check_tables(const Elf64_Ehdr *header, size_t len)
{
	if (header->e_shoff == 0)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "no section table");
	// 0 means that the number did not fit in 16 bits.
	if (header->e_shnum == 0 || header->e_shnum > GRAFT_LIMIT_SECTIONS)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %d sections",
				       GRAFT_LIMIT_SECTIONS);
	if (header->e_shentsize != sizeof(Elf64_Shdr) ||
	    (header->e_phnum && header->e_phentsize != sizeof(Elf64_Phdr)))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "headers of a wrong size");
	uint64_t size = header->e_shnum * sizeof(Elf64_Shdr);
	if (header->e_shoff > len || size > len - header->e_shoff)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "the section table is truncated");
	if (header->e_phnum > GRAFT_LIMIT_SEGMENTS)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %d program headers",
				       GRAFT_LIMIT_SEGMENTS);
	size = header->e_phnum * sizeof(Elf64_Phdr);
	if (header->e_phoff > len || size > len - header->e_phoff)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "the program headers are truncated");
	return NULL;
}

static struct graft_error *
read_section(struct graft_reader *reader, size_t i, uint64_t *total)
{
	struct graft_reader_section *section = &reader->sections[i];
	section->name = "";

	Elf_Scn *scn = elf_getscn(reader->elf, i);
	if (!scn || !gelf_getshdr(scn, &section->header))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "section %zu: %s",
				       i, elf_errmsg(-1));

	const GElf_Shdr *header = &section->header;
	if (header->sh_type == SHT_NULL || header->sh_type == SHT_NOBITS)
		return NULL;
	if (header->sh_offset > reader->len ||
	    header->sh_size > reader->len - header->sh_offset)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "section %zu ends past the end of the "
				       "file",
				       i);
	// Two sections over the same bytes do not come from any linker, and
	// would let a small file ask for any amount of memory and time.
	*total += header->sh_size;
	if (*total > reader->len)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "section %zu overlaps another one in "
				       "the file",
				       i);
	section->bytes = reader->bytes + header->sh_offset;
	return NULL;
}

static struct graft_error *
read_sections(struct graft_reader *reader)
{
	size_t count = reader->header.e_shnum;
	reader->sections = calloc(count, sizeof(*reader->sections));
	if (!reader->sections)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");
	reader->section_count = count;

	uint64_t total = 0;
	for (size_t i = 0; i < count; i++) {
		struct graft_error *err = read_section(reader, i, &total);
		if (err)
			return err;
	}

	struct graft_strings names;
	struct graft_error *err =
		graft_reader_strings(reader, reader->header.e_shstrndx, &names);
	for (size_t i = 1; !err && i < count; i++)
		err = graft_strings_at(&names,
				       reader->sections[i].header.sh_name,
				       &reader->sections[i].name);
	if (err)
		return graft_error_prefix(err, "names of sections");
	return NULL;
}

struct graft_error *
graft_reader_open(const uint8_t *bytes, size_t len, struct graft_reader **ret)
{
	struct graft_error *err = check_ident(bytes, len);
	if (err)
		return err;

	GRAFT_CLEANUP(graft_reader_closep)
	struct graft_reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");
	reader->bytes = bytes;
	reader->len = len;
	memcpy(&reader->header, bytes, sizeof(reader->header));

	err = check_kind(&reader->header);
	if (err)
		return err;
	err = check_tables(&reader->header, len);
	if (err)
		return err;

	(void)elf_version(EV_CURRENT);
	// libelf only reads, its prototype just does not say so.
	reader->elf = elf_memory((char *)(uintptr_t)bytes, len);
	if (!reader->elf || elf_kind(reader->elf) != ELF_K_ELF)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "libelf: %s",
				       elf_errmsg(-1));
	err = read_sections(reader);
	if (err)
		return err;
	*ret = GRAFT_TAKE(reader);
	return NULL;
}

void
graft_reader_close(struct graft_reader *reader)
{
	if (!reader)
		return;
	(void)elf_end(reader->elf);
	free(reader->sections);
	free(reader);
}

struct graft_error *
graft_reader_find(const struct graft_reader *reader, uint32_t type,
		  size_t *index_ret)
{
	size_t found = 0;
	for (size_t i = 1; i < reader->section_count; i++) {
		if (reader->sections[i].header.sh_type != type)
			continue;
		if (found)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"sections %zu and %zu are both of type %u",
				found, i, type);
		found = i;
	}
	*index_ret = found;
	return NULL;
}

const struct graft_reader_section *
graft_reader_named(const struct graft_reader *reader, const char *name)
{
	for (size_t i = 1; i < reader->section_count; i++)
		if (!strcmp(reader->sections[i].name, name))
			return &reader->sections[i];
	return NULL;
}

struct graft_error *
graft_reader_table(const struct graft_reader *reader, size_t index,
		   Elf_Type type, Elf_Data **data_ret, size_t *count_ret)
{
	const struct graft_reader_section *section = &reader->sections[index];
	size_t size = gelf_fsize(reader->elf, type, 1, EV_CURRENT);
	if (!section->bytes || section->header.sh_size % size ||
	    section->header.sh_entsize != size)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s: not a table of records of %zu "
				       "bytes",
				       section->name, size);

	*count_ret = section->header.sh_size / size;
	*data_ret = NULL;
	if (*count_ret == 0)
		return NULL;
	// By offset and type, not elf_getdata(): that one takes the type from
	// the header, which may say something else.
	*data_ret = elf_getdata_rawchunk(reader->elf,
					 (int64_t)section->header.sh_offset,
					 section->header.sh_size, type);
	if (!*data_ret)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s: %s",
				       section->name, elf_errmsg(-1));
	return NULL;
}

struct graft_error *
graft_reader_strings(const struct graft_reader *reader, size_t index,
		     struct graft_strings *ret)
{
	if (index == 0 || index >= reader->section_count ||
	    reader->sections[index].header.sh_type != SHT_STRTAB)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "section %zu is no table of names",
				       index);
	const struct graft_reader_section *section = &reader->sections[index];
	size_t len = section->header.sh_size;
	if (len == 0 || section->bytes[len - 1] != '\0')
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "section %zu: the last name has no end",
				       index);
	*ret = (struct graft_strings){ .bytes = (const char *)section->bytes,
				       .len = len };
	return NULL;
}

struct graft_error *
graft_strings_at(const struct graft_strings *strings, uint64_t off,
		 const char **ret)
{
	if (off >= strings->len)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "a name lies outside of its table");
	*ret = strings->bytes + off;
	return NULL;
}
