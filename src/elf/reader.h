// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The section table of an ELF file whose every header was checked.
 *
 * Sits between libelf and the rest of this folder: after graft_reader_open()
 * each section lies inside the file, sections do not overlap in the file, and
 * names end. It is used for the image and for its debug file, and is gone when
 * the image is complete. Private to this folder.
 */

#ifndef GRAFT_ELF_READER_H
#define GRAFT_ELF_READER_H

#include "base/cleanup.h"
#include "base/error.h"

#include <gelf.h>
#include <stddef.h>
#include <stdint.h>

/** A section header and what it stands for. */
struct graft_reader_section {
	/** Never NULL. Lies in the file. */
	const char *name;
	GElf_Shdr header;
	/** `header.sh_size` bytes of the file; NULL for SHT_NOBITS. */
	const uint8_t *bytes;
};

/** An ELF file that is being read. Plain data: look, do not write. */
struct graft_reader {
	const uint8_t *bytes;
	size_t len;
	Elf *elf;
	Elf64_Ehdr header;
	/** Indexed as in the file: the first one is SHT_NULL. */
	struct graft_reader_section *sections;
	size_t section_count;
};

/** A table of names: the last byte is a NUL. */
struct graft_strings {
	const char *bytes;
	size_t len;
};

/**
 * Check the headers of an ELF file.
 *
 * @param[in] bytes The file. Borrowed until graft_reader_close(); aligned as
 * malloc(3) aligns.
 * @param[in] len Its length.
 * @param[out] ret New reader; free with graft_reader_close().
 * @return NULL; #GRAFT_ERROR_UNSUPPORTED; #GRAFT_ERROR_BAD_INPUT;
 * #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_reader_open(const uint8_t *bytes, size_t len, struct graft_reader **ret);

/** Free a reader, not the bytes. NULL is a no-op. */
void
graft_reader_close(struct graft_reader *reader);
GRAFT_DEFINE_CLEANUP(struct graft_reader, graft_reader_close)

/**
 * Find the only section of a type.
 *
 * @param[in] type SHT_*.
 * @param[out] index_ret Its index, or 0 if there is none.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if there are two.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_reader_find(const struct graft_reader *reader, uint32_t type,
		  size_t *index_ret);

/** Find the first section of a name. @return Section or NULL. */
const struct graft_reader_section *
graft_reader_named(const struct graft_reader *reader, const char *name);

/**
 * Get a table of records as libelf's accessors (gelf_getsym()) want it.
 *
 * @param[in] index Index of the section, not SHT_NOBITS.
 * @param[in] type What stands in it; fixes the size of a record.
 * @param[out] data_ret Lives as long as @p reader.
 * @param[out] count_ret Number of records.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if it holds no whole number of records.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_reader_table(const struct graft_reader *reader, size_t index,
		   Elf_Type type, Elf_Data **data_ret, size_t *count_ret);

/**
 * Get a table of names.
 *
 * @param[in] index Index as it stands in the file, not yet checked.
 * @param[out] ret The table; points into the file.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if it is none or does not end.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_reader_strings(const struct graft_reader *reader, size_t index,
		     struct graft_strings *ret);

/**
 * Look up a name.
 *
 * @param[in] off Offset as it stands in the file, not yet checked.
 * @param[out] ret Points into the table.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if the offset is outside.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_strings_at(const struct graft_strings *strings, uint64_t off,
		 const char **ret);

#endif /* GRAFT_ELF_READER_H */
