// SPDX-License-Identifier: Apache-2.0

#include "elf/model.h"

#include <string.h>

/** Look for a build-id in one section of notes. */
static struct graft_error *
read_section(const struct graft_reader *reader,
	     const struct graft_reader_section *section, uint8_t *bytes_ret,
	     size_t *len_ret)
{
	// Notes for x86-64 are aligned to 4, those of .note.gnu.property to 8.
	Elf_Type type = section->header.sh_addralign == 8 ? ELF_T_NHDR8
							  : ELF_T_NHDR;
	Elf_Data *data = elf_getdata_rawchunk(
		reader->elf, (int64_t)section->header.sh_offset,
		section->header.sh_size, type);
	if (!data)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s: %s",
				       section->name, elf_errmsg(-1));

	GElf_Nhdr note;
	size_t at = 0, name, desc;
	while ((at = gelf_getnote(data, at, &note, &name, &desc)) > 0) {
		if (note.n_type != NT_GNU_BUILD_ID ||
		    note.n_namesz != sizeof("GNU") ||
		    memcmp(section->bytes + name, "GNU", sizeof("GNU")))
			continue;
		if (note.n_descsz == 0 || note.n_descsz > GRAFT_BUILD_ID_MAX)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "a build-id of %u bytes",
					       note.n_descsz);
		memcpy(bytes_ret, section->bytes + desc, note.n_descsz);
		*len_ret = note.n_descsz;
		return NULL;
	}
	return NULL;
}

struct graft_error *
graft_notes_read(const struct graft_reader *reader, uint8_t *bytes_ret,
		 size_t *len_ret)
{
	*len_ret = 0;
	for (size_t i = 1; i < reader->section_count && *len_ret == 0; i++) {
		const struct graft_reader_section *section =
			&reader->sections[i];
		if (section->header.sh_type != SHT_NOTE ||
		    section->header.sh_size == 0)
			continue;
		struct graft_error *err = read_section(reader, section,
						       bytes_ret, len_ret);
		if (err)
			return err;
	}
	return NULL;
}
