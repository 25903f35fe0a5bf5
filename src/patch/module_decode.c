// SPDX-License-Identifier: Apache-2.0

#include "patch/module.h"

#include "base/cursor.h"
#include "patch/limits.h"
#include "patch/map.h"

#include <elf.h>
#include <string.h>

// The reader looks at as little as it needs to build the model and checks that
// for bounds only. Whether all the rest is as it must be is answered by writing
// the model again and comparing every byte.

enum {
	/** .graft.map, .symtab, .strtab, .shstrtab. */
	EXTRA_SECTIONS = 4,
};

struct reader {
	const uint8_t *bytes;
	size_t len;
	/** Section headers, unaligned. */
	const uint8_t *headers;
	size_t count;
	/** Bytes of runs that may still be copied: no two share some. */
	size_t left;
};

static struct graft_error *
bad(const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "module file: %s", what);
}

static Elf64_Shdr
section_at(const struct reader *r, size_t i)
{
	Elf64_Shdr section;
	memcpy(&section, r->headers + i * sizeof(section), sizeof(section));
	return section;
}

// The contents of a section, or NULL if they are not all in the file.
static const uint8_t *
section_bytes(const struct reader *r, const Elf64_Shdr *section)
{
	if (section->sh_offset > r->len ||
	    section->sh_size > r->len - section->sh_offset)
		return NULL;
	return r->bytes + section->sh_offset;
}

static struct graft_error *
read_header(struct reader *r)
{
	Elf64_Ehdr header;

	if (r->len < sizeof(header))
		return bad("shorter than an ELF header");
	memcpy(&header, r->bytes, sizeof(header));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return bad("not an ELF file");
	if (header.e_machine != EM_X86_64 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "module file: machine %u, not x86-64",
				       (unsigned)header.e_machine);
	if (header.e_shoff > r->len ||
	    header.e_shnum > (r->len - header.e_shoff) / sizeof(Elf64_Shdr))
		return bad("section headers past its end");
	if (header.e_shnum < 1 + EXTRA_SECTIONS)
		return bad("too few sections");
	r->headers = r->bytes + header.e_shoff;
	r->count = header.e_shnum;
	r->left = r->len;
	return NULL;
}

static struct graft_error *
read_run(struct reader *r, size_t *index, struct graft_run *run)
{
	const uint64_t shape = run->mem_len;
	if (r->count - *index < (shape == GRAFT_MAP_BOTH ? 2 : 1))
		return bad("fewer sections than runs");
	Elf64_Shdr section = section_at(r, (*index)++);

	run->new_addr = section.sh_addr;
	run->mem_len = section.sh_size;
	run->flags = GRAFT_RUN_READ |
		     (section.sh_flags & SHF_WRITE ? GRAFT_RUN_WRITE : 0) |
		     (section.sh_flags & SHF_EXECINSTR ? GRAFT_RUN_EXEC : 0);
	if (shape == GRAFT_MAP_ZERO)
		return NULL;

	const uint8_t *bytes = section_bytes(r, &section);
	if (!bytes || section.sh_size == 0 || section.sh_size > r->left)
		return bad("a section past its end");
	r->left -= section.sh_size;
	run->bytes = malloc(section.sh_size);
	if (!run->bytes)
		return graft_error_no_memory();
	memcpy(run->bytes, bytes, section.sh_size);
	run->file_len = section.sh_size;
	if (shape == GRAFT_MAP_STORED)
		return NULL;

	section = section_at(r, (*index)++);
	if (section.sh_size == 0 || section.sh_size > GRAFT_PATCH_ADDR_END)
		return bad("size of a section");
	run->mem_len += section.sh_size;
	return NULL;
}

static struct graft_error *
read_carried(const struct reader *r, struct graft_patch_module *m)
{
	const Elf64_Shdr symtab = section_at(r, r->count - 3);
	const Elf64_Shdr strtab = section_at(r, r->count - 2);
	const uint8_t *symbols = section_bytes(r, &symtab);
	const uint8_t *strings = section_bytes(r, &strtab);

	if (!symbols || !strings || symtab.sh_size < sizeof(Elf64_Sym) ||
	    symtab.sh_size % sizeof(Elf64_Sym) || strtab.sh_size == 0)
		return bad("symbol table");
	size_t count = symtab.sh_size / sizeof(Elf64_Sym) - 1;
	if (count > GRAFT_PATCH_RECORDS_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "module file: %zu symbols", count);
	m->carried = calloc(count + 1, sizeof(*m->carried));
	if (!m->carried)
		return graft_error_no_memory();
	m->carried_count = count;

	// Names follow one another; st_name is compared with the rest.
	struct graft_cursor c = graft_cursor_make(strings, strtab.sh_size);
	(void)graft_cursor_take(&c, 1);
	for (size_t i = 0; i < count; i++) {
		Elf64_Sym symbol;
		memcpy(&symbol, symbols + (i + 1) * sizeof(symbol),
		       sizeof(symbol));
		size_t left = graft_cursor_left(&c);
		size_t len = strnlen((const char *)c.at, left);
		if (len == left)
			return bad("name of a symbol");
		if (len > GRAFT_PATCH_STRING_MAX)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "module file: a symbol of %zu "
					       "bytes",
					       len);
		m->carried[i].new_addr = symbol.st_value;
		m->carried[i].size = symbol.st_size;
		m->carried[i].name = strndup((const char *)c.at, len);
		if (!m->carried[i].name)
			return graft_error_no_memory();
		(void)graft_cursor_take(&c, len + 1);
	}
	return NULL;
}

static struct graft_error *
read_all(struct reader *r, struct graft_patch_module *m)
{
	struct graft_error *err = read_header(r);
	if (err)
		return err;

	const Elf64_Shdr map = section_at(r, r->count - EXTRA_SECTIONS);
	const uint8_t *bytes = section_bytes(r, &map);
	if (!bytes)
		return bad(".graft.map past its end");
	struct graft_cursor c = graft_cursor_make(bytes, map.sh_size);
	err = graft_map_decode_runs(&c, m);

	size_t index = 1;
	for (size_t i = 0; !err && i < m->run_count; i++)
		err = read_run(r, &index, &m->runs[i]);
	if (!err && index != r->count - EXTRA_SECTIONS)
		err = bad("other sections than runs");
	if (!err)
		err = read_carried(r, m);
	if (!err)
		err = graft_map_decode_records(&c, m);
	return err;
}

struct graft_error *
graft_patch_module_decode(const uint8_t *bytes, size_t len,
			  struct graft_patch_module *m)
{
	struct reader r = { .bytes = bytes, .len = len };
	GRAFT_FREE uint8_t *again = NULL;
	size_t again_len;

	struct graft_error *err = read_all(&r, m);
	if (!err)
		err = graft_patch_module_check(m);
	if (!err)
		err = graft_patch_module_encode(m, &again, &again_len);
	if (err)
		return err;
	if (again_len != len || memcmp(again, bytes, len) != 0)
		return bad("not in its one canonical form");
	return NULL;
}
