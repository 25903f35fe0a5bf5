// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What an image is made of, and the steps that fill it.
 *
 * graft_image_open() runs the steps in the order of this header; each may use
 * what the steps above it made, and each leaves a half-built image that
 * graft_image_close() can free. Private to this folder.
 */

#ifndef GRAFT_ELF_MODEL_H
#define GRAFT_ELF_MODEL_H

#include "elf/image.h"
#include "elf/reader.h"

/** From @ref addr to the next span, @ref symbol covers best. */
struct graft_span {
	uint64_t addr;
	/** Or NULL. */
	const struct graft_symbol *symbol;
};

struct graft_image {
	char *path;
	/** The whole file. Most names and contents point into it. */
	uint8_t *bytes;
	size_t len;
	uint8_t sha256[GRAFT_SHA256_SIZE];
	uint8_t build_id[GRAFT_BUILD_ID_MAX];
	size_t build_id_len;
	uint16_t type;
	uint64_t entry;
	bool has_dwarf;
	bool has_symtab;
	/** Path of the separate debug file that is used, or NULL. */
	char *debug_path;
	/** Why a server gave none, or NULL. */
	char *debug_fault;
	/** That file, kept if the debug information is in it; else NULL. */
	uint8_t *debug_bytes;
	size_t debug_len;
	const char *soname;
	struct graft_loading loading;
	const char **needed;
	size_t needed_count;
	struct graft_section *sections;
	size_t section_count;
	/** Those of @ref sections that own addresses: not empty, not .tbss. */
	const struct graft_section **solid;
	size_t solid_count;
	struct graft_segment *segments;
	size_t segment_count;
	/** Names of the `.symtab`, without versions. */
	char *symtab_names;
	struct graft_symbol *symbols;
	size_t symbol_count;
	struct graft_span *spans;
	size_t span_count;
	struct graft_reloc *relocs;
	size_t reloc_count;
	struct graft_reloc *static_relocs;
	size_t static_reloc_count;
	/** Why a program at a fixed address does not say where addresses are in
	 * it, or NULL. Static. */
	const char *fixed_fault;
	struct graft_extent *extents;
	size_t extent_count;
	struct graft_plt *plts;
	size_t plt_count;
};

/** Where the symbols of one table of the file went. */
struct graft_symbol_map {
	/** By index in the table; NULL for those that were dropped. */
	const struct graft_symbol **at;
	size_t count;
};

/** Free what a map holds. */
static inline void
graft_symbol_map_deinit(struct graft_symbol_map *map)
{
	free(map->at);
}

/** Read the program headers. @return NULL; #GRAFT_ERROR_BAD_INPUT. */
GRAFT_MUST_CHECK struct graft_error *
graft_segments_read(struct graft_image *image,
		    const struct graft_reader *reader);

/**
 * Read the sections that occupy memory.
 *
 * Each lies in a PT_LOAD that maps it where it says, and no two own the same
 * address, so that what we read is what runs.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_UNSUPPORTED (a file of
 * debug information only).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sections_read(struct graft_image *image,
		    const struct graft_reader *reader);

/**
 * Read a build-id.
 *
 * @param[out] bytes_ret Room for #GRAFT_BUILD_ID_MAX bytes.
 * @param[out] len_ret Its length; 0 if there is none.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_notes_read(const struct graft_reader *reader, uint8_t *bytes_ret,
		 size_t *len_ret);

/**
 * Read the dynamic section, and check that its tables are those that the
 * section table names: the loader reads the one, we read the other.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dynamic_read(struct graft_image *image,
		   const struct graft_reader *reader);

/**
 * Find and open the separate debug file.
 *
 * @param[in] search Where to look, or NULL.
 * @param[out] bytes_ret Its contents, to be freed after @p ret; NULL if none.
 * @param[out] ret Its reader, or NULL if there is none that fits.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY. Files that do not fit are passed over.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_debug_find(struct graft_image *image, const struct graft_reader *reader,
		 const struct graft_debug_search *search, uint8_t **bytes_ret,
		 struct graft_reader **ret);

/**
 * Read all symbols.
 *
 * @param[in] debug Reader of the debug file, or NULL.
 * @param[out] dynamic_ret Where those of `.dynsym` are.
 * @param[out] static_ret Where those of the file's own `.symtab` are.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_symbols_read(struct graft_image *image, const struct graft_reader *reader,
		   const struct graft_reader *debug,
		   struct graft_symbol_map *dynamic_ret,
		   struct graft_symbol_map *static_ret);

/** Versions of dynamic symbols, by index. */
struct graft_versions {
	/** Names by version index; NULL for those without. */
	const char **names;
	size_t name_count;
	/** Version index by symbol index; NULL if there are no versions. */
	Elf_Data *indices;
};

/**
 * Read `.gnu.version`, `.gnu.version_d` and `.gnu.version_r`.
 *
 * @param[in] symbol_count Number of dynamic symbols.
 * @param[out] ret Empty if there are none; free with graft_versions_deinit().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_versions_read(const struct graft_reader *reader, size_t symbol_count,
		    struct graft_versions *ret);

/** Free what versions hold. */
void
graft_versions_deinit(struct graft_versions *versions);

/** Get the version of the dynamic symbol @p index, or NULL. */
const char *
graft_versions_at(const struct graft_versions *versions, size_t index);

/** Prepare graft_image_symbol_at(). @return NULL; #GRAFT_ERROR_NO_MEMORY. */
GRAFT_MUST_CHECK struct graft_error *
graft_spans_make(struct graft_image *image);

/** Read dynamic and static relocations. @return NULL; #GRAFT_ERROR_BAD_INPUT */
GRAFT_MUST_CHECK struct graft_error *
graft_relocs_read(struct graft_image *image, const struct graft_reader *reader,
		  const struct graft_symbol_map *dynamic_map,
		  const struct graft_symbol_map *static_map);

/** Say whether a section tells unwinders only: its fields are read by who knows them. */
bool
graft_section_is_unwinding(const struct graft_section *section);

/**
 * Say whether relocations of a section of a program at a fixed address were dropped: a
 * linker keeps all of a section or none, so it is to have some, and its data no word
 * without one that would be an address.
 */
bool
graft_fixed_lacks(const struct graft_image *image,
		  const struct graft_section *section);

/**
 * Find where addresses are in a program at a fixed address: adds pointers in its data
 * to the dynamic relocations, or sets @ref graft_image::fixed_fault.
 *
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_fixed_read(struct graft_image *image);

/**
 * Read the FDEs of `.eh_frame`.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_UNSUPPORTED (an encoding
 * that no linker for x86-64 uses).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_extents_read(struct graft_image *image);

/** Recognise the PLT stubs. @return NULL; #GRAFT_ERROR_NO_MEMORY. */
GRAFT_MUST_CHECK struct graft_error *
graft_plts_read(struct graft_image *image);

#endif /* GRAFT_ELF_MODEL_H */
