// SPDX-License-Identifier: Apache-2.0

#include "patch/module.h"

#include "base/text.h"
#include "patch/limits.h"
#include "patch/map.h"

#include <assert.h>
#include <elf.h>
#include <string.h>

// The file, in this order:
//
//     ELF header | program headers | bytes of the runs | .graft.map
//     | .symtab | .strtab | .shstrtab | section headers
//
// Runs of one protection that lie close together form a group: one PT_LOAD,
// whose gaps are zeroes in the file (zstd makes nothing of them, while another
// program header would cost more).

enum {
	/** Largest gap inside a group that is filled with zeroes. */
	GAP_MAX = GRAFT_PATCH_PAGE,
	/** Sections behind those of the runs. */
	EXTRA_SECTIONS = 4,
};

// Offsets of the names in .shstrtab.
static const char names[] = "\0.text.graft\0.rodata.graft\0.data.graft\0"
			    ".bss.graft\0.graft.map\0.symtab\0.strtab\0"
			    ".shstrtab";
enum {
	NAME_TEXT = 1,
	NAME_RODATA = 13,
	NAME_DATA = 27,
	NAME_BSS = 39,
	NAME_MAP = 50,
	NAME_SYMTAB = 61,
	NAME_STRTAB = 69,
	NAME_SHSTRTAB = 77,
};

struct writer {
	const struct graft_patch_module *m;
	struct graft_text out;
	Elf64_Phdr *segments;
	size_t segment_count;
	Elf64_Shdr *sections;
	size_t section_count;
	/** First section of each run. */
	uint16_t *run_section;
};

static void
writer_deinit(struct writer *w)
{
	graft_text_deinit(&w->out);
	free(w->segments);
	free(w->sections);
	free(w->run_section);
}

static void
pad(struct graft_text *out, uint64_t len)
{
	static const uint8_t zeroes[256];

	while (len > 0) {
		size_t part = len < sizeof(zeroes) ? (size_t)len
						   : sizeof(zeroes);
		graft_text_put_bytes(out, zeroes, part);
		len -= part;
	}
}

static uint32_t
segment_flags(uint32_t flags)
{
	return (flags & GRAFT_RUN_READ ? PF_R : 0) |
	       (flags & GRAFT_RUN_WRITE ? PF_W : 0) |
	       (flags & GRAFT_RUN_EXEC ? PF_X : 0);
}

static void
add_section(struct writer *w, uint32_t name, uint32_t type,
	    const struct graft_run *run, uint64_t addr, uint64_t size)
{
	w->sections[w->section_count++] = (Elf64_Shdr){
		.sh_name = name,
		.sh_type = type,
		.sh_flags = SHF_ALLOC |
			    (run->flags & GRAFT_RUN_WRITE ? SHF_WRITE : 0) |
			    (run->flags & GRAFT_RUN_EXEC ? SHF_EXECINSTR : 0),
		.sh_addr = addr,
		.sh_offset = w->out.len,
		.sh_size = size,
		.sh_addralign = 1,
	};
}

// The run's bytes and its one or two section headers.
static void
put_run(struct writer *w, size_t i)
{
	const struct graft_run *run = &w->m->runs[i];
	uint32_t name = run->flags & GRAFT_RUN_EXEC    ? NAME_TEXT
			: run->flags & GRAFT_RUN_WRITE ? NAME_DATA
						       : NAME_RODATA;

	w->run_section[i] = (uint16_t)w->section_count;
	if (run->file_len > 0) {
		add_section(w, name, SHT_PROGBITS, run, run->new_addr,
			    run->file_len);
		graft_text_put_bytes(&w->out, run->bytes,
				     (size_t)run->file_len);
	}
	if (run->mem_len > run->file_len)
		add_section(w, NAME_BSS, SHT_NOBITS, run,
			    run->new_addr + run->file_len,
			    run->mem_len - run->file_len);
}

// All runs, in groups. Returns false if the file would exceed its limit.
static bool
put_runs(struct writer *w)
{
	Elf64_Phdr *group = NULL;

	for (size_t i = 0; i < w->m->run_count; i++) {
		const struct graft_run *run = &w->m->runs[i];
		uint64_t stored = group ? group->p_vaddr + group->p_filesz : 0;
		if (group && group->p_flags == segment_flags(run->flags) &&
		    run->new_addr - stored <= GAP_MAX) {
			if (run->file_len > 0)
				pad(&w->out, run->new_addr - stored);
		} else {
			group = &w->segments[w->segment_count++];
			*group = (Elf64_Phdr){
				.p_type = PT_LOAD,
				.p_flags = segment_flags(run->flags),
				.p_offset = w->out.len,
				.p_vaddr = run->new_addr,
				.p_paddr = run->new_addr,
				.p_align = 1,
			};
		}
		if (w->out.len + run->file_len > GRAFT_PATCH_ELF_MAX)
			return false;
		put_run(w, i);
		group->p_memsz = run->new_addr + run->mem_len - group->p_vaddr;
		if (run->file_len > 0)
			group->p_filesz = run->new_addr + run->file_len -
					  group->p_vaddr;
	}
	return true;
}

static void
add_table(struct writer *w, uint32_t name, uint32_t type, uint64_t offset,
	  uint64_t align)
{
	w->sections[w->section_count++] = (Elf64_Shdr){
		.sh_name = name,
		.sh_type = type,
		.sh_offset = offset,
		.sh_size = w->out.len - offset,
		.sh_addralign = align,
	};
}

// Carried pieces, in their order.
static void
put_symbols(struct writer *w)
{
	const struct graft_patch_module *m = w->m;
	uint32_t name = 1;

	pad(&w->out, -w->out.len & 7);
	uint64_t start = w->out.len;
	pad(&w->out, sizeof(Elf64_Sym));
	for (size_t i = 0; i < m->carried_count; i++) {
		const struct graft_carried *piece = &m->carried[i];
		size_t low = 0;
		size_t high = m->run_count;
		// The last run that starts at or before the piece holds it.
		while (high - low > 1) {
			size_t mid = low + (high - low) / 2;
			if (m->runs[mid].new_addr <= piece->new_addr)
				low = mid;
			else
				high = mid;
		}
		const Elf64_Sym symbol = {
			.st_name = name,
			.st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
			.st_shndx = w->run_section[low],
			.st_value = piece->new_addr,
			.st_size = piece->size,
		};
		graft_text_put_bytes(&w->out, &symbol, sizeof(symbol));
		name += (uint32_t)strlen(piece->name) + 1;
	}
	add_table(w, NAME_SYMTAB, SHT_SYMTAB, start, 8);
	Elf64_Shdr *symtab = &w->sections[w->section_count - 1];
	symtab->sh_entsize = sizeof(Elf64_Sym);
	symtab->sh_link = (uint32_t)w->section_count;
	// All are local: "one greater than the last local symbol".
	symtab->sh_info = (uint32_t)m->carried_count + 1;

	start = w->out.len;
	pad(&w->out, 1);
	for (size_t i = 0; i < m->carried_count; i++)
		graft_text_put_bytes(&w->out, m->carried[i].name,
				     strlen(m->carried[i].name) + 1);
	add_table(w, NAME_STRTAB, SHT_STRTAB, start, 1);
	start = w->out.len;
	graft_text_put_bytes(&w->out, names, sizeof(names));
	add_table(w, NAME_SHSTRTAB, SHT_STRTAB, start, 1);
}

static void
put_headers(struct writer *w)
{
	pad(&w->out, -w->out.len & 7);
	const Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_shoff = w->out.len,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (uint16_t)w->segment_count,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = (uint16_t)w->section_count,
		.e_shstrndx = (uint16_t)(w->section_count - 1),
	};
	graft_text_put_bytes(&w->out, w->sections,
			     w->section_count * sizeof(*w->sections));
	if (w->out.failed)
		return;
	memcpy(w->out.str, &header, sizeof(header));
	memcpy(w->out.str + sizeof(header), w->segments,
	       w->segment_count * sizeof(*w->segments));
}

// How many groups put_runs() makes, which has to be known before.
static size_t
count_groups(const struct graft_patch_module *m)
{
	size_t count = 0;
	uint64_t stored = 0;

	for (size_t i = 0; i < m->run_count; i++) {
		const struct graft_run *run = &m->runs[i];
		if (i == 0 || run->flags != run[-1].flags ||
		    run->new_addr - stored > GAP_MAX) {
			count++;
			stored = run->new_addr;
		}
		if (run->file_len > 0)
			stored = run->new_addr + run->file_len;
	}
	return count;
}

static struct graft_error *
write_all(struct writer *w)
{
	static_assert(2 * GRAFT_PATCH_RUNS_MAX + EXTRA_SECTIONS < SHN_LORESERVE,
		      "section numbers have 16 bits");
	const struct graft_patch_module *m = w->m;
	const size_t groups = count_groups(m);

	w->segments = calloc(groups + 1, sizeof(*w->segments));
	w->sections = calloc(2 * m->run_count + EXTRA_SECTIONS + 1,
			     sizeof(*w->sections));
	w->run_section = calloc(m->run_count + 1, sizeof(*w->run_section));
	if (!w->segments || !w->sections || !w->run_section)
		return graft_error_no_memory();

	pad(&w->out, sizeof(Elf64_Ehdr) + groups * sizeof(Elf64_Phdr));
	w->section_count = 1;
	if (!put_runs(w))
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s: more than %llu bytes are carried",
				       m->path,
				       (unsigned long long)GRAFT_PATCH_ELF_MAX);
	assert(w->segment_count == groups);

	uint64_t start = w->out.len;
	struct graft_error *err = graft_map_encode(m, &w->out);
	if (err)
		return err;
	add_table(w, NAME_MAP, SHT_PROGBITS, start, 1);
	put_symbols(w);
	put_headers(w);
	return NULL;
}

struct graft_error *
graft_patch_module_encode(const struct graft_patch_module *m,
			  uint8_t **bytes_ret, size_t *len_ret)
{
	GRAFT_CLEANUP(writer_deinit) struct writer w = { .m = m };
	char *bytes;

	struct graft_error *err = write_all(&w);
	if (err)
		return err;
	size_t len = w.out.len;
	if (len > GRAFT_PATCH_ELF_MAX)
		return graft_error_new(
			GRAFT_ERROR_LIMIT,
			"%s: %zu bytes are too many for a module", m->path,
			len);
	err = graft_text_take(&w.out, &bytes);
	if (err)
		return err;
	*bytes_ret = (uint8_t *)bytes;
	*len_ret = len;
	return NULL;
}
