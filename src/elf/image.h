// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * One ELF build as an immutable model: sections, symbols, relocations, function
 * extents and identity.
 *
 * Everything here is read once when the image is opened; every offset of the
 * file is checked before it is followed, so that later layers may index without
 * checks. Addresses are virtual addresses as the linker wrote them (`addr`), not
 * those of a running process. All pointers that getters return live as long as
 * the image. An image is immutable and may be read by several threads.
 *
 * This folder knows nothing of processes or hotpatches.
 */

#ifndef GRAFT_ELF_IMAGE_H
#define GRAFT_ELF_IMAGE_H

#include "base/cleanup.h"
#include "base/error.h"

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** Longest build-id that is accepted, in bytes. */
	GRAFT_BUILD_ID_MAX = 64,
	GRAFT_SHA256_SIZE = 32,
};

/** A section that occupies memory (SHF_ALLOC) or holds what we read. */
struct graft_section {
	const char *name;
	uint64_t addr;
	uint64_t size;
	/** Contents; NULL for SHT_NOBITS. @ref size bytes otherwise. */
	const uint8_t *bytes;
	/** SHF_* of gabi chapter 4. */
	uint64_t flags;
	uint32_t type;
	/** At least 1, a power of two. */
	uint64_t align;
	/** Written only before the program starts (inside PT_GNU_RELRO). */
	bool relro;
};

/** A symbol of `.dynsym`, `.symtab` or the `.symtab` of a debug file. */
struct graft_symbol {
	/** Never NULL; "" if it has none. Without "@VERSION". */
	const char *name;
	/** Version that is defined or needed, or NULL. Dynamic symbols only. */
	const char *version;
	/** Name of the STT_FILE symbol that it stands under (locals), or NULL. */
	const char *file;
	uint64_t addr;
	uint64_t size;
	/** STT_*, STB_* and STV_*. */
	uint8_t type;
	uint8_t bind;
	uint8_t visibility;
	/** From .dynsym. */
	bool dynamic;
	/** Has a section: not SHN_UNDEF. */
	bool defined;
	/** SHN_ABS: its value is no address. */
	bool absolute;
};

/** A relocation, dynamic or (with `--emit-relocs`) static. */
struct graft_reloc {
	/** Where it is applied. */
	uint64_t addr;
	/** R_X86_64_*. */
	uint32_t type;
	/** Symbol, or NULL (R_X86_64_RELATIVE and the like). */
	const struct graft_symbol *symbol;
	int64_t addend;
};

/** One FDE of `.eh_frame`: an extent of code that unwinds as one function. */
struct graft_extent {
	uint64_t addr;
	uint64_t size;
	/** Address of the personality routine's slot or code, or 0. */
	uint64_t personality;
	/** It is the address of a slot that holds the routine's address. */
	bool personality_indirect;
	/** Address of the language-specific data (landing pads), or 0. */
	uint64_t lsda;
	/** The CIE says that this is a signal frame ('S'). */
	bool signal_frame;
	/** What else the CIE says of the rules of the frame. */
	uint64_t code_align;
	int64_t data_align;
	uint64_t return_reg;
	/** Call frame instructions of the CIE, and of the FDE; not checked. */
	const uint8_t *first_rules;
	size_t first_rules_len;
	const uint8_t *rules;
	size_t rules_len;
};

/** A stub of `.plt`, `.plt.sec` or `.plt.got`. */
struct graft_plt {
	uint64_t addr;
	/** Size of the stub in bytes, with its `endbr64` and padding. */
	uint64_t size;
	/** The GOT slot that it jumps through. */
	uint64_t slot;
	/** Relocation of that slot. Never NULL. */
	const struct graft_reloc *reloc;
};

/** A PT_LOAD, PT_TLS or PT_GNU_RELRO header. */
struct graft_segment {
	uint32_t type;
	/** PF_*. */
	uint32_t flags;
	uint64_t addr;
	uint64_t mem_size;
	uint64_t off;
	uint64_t file_size;
	uint64_t align;
};

/** An ELF build. */
struct graft_image;

/**
 * Read a debug file, for who may open none.
 *
 * @param[in] path Where it would be.
 * @param[out] bytes_ret New buffer.
 * @return NULL, or why there is none.
 */
typedef struct graft_error *
graft_debug_read_fn(void *arg, const char *path, uint64_t max,
		    uint8_t **bytes_ret, size_t *len_ret);

/** Where to look for separate debug files. */
struct graft_debug_search {
	/** Directories in the shape of /usr/lib/debug; NULL-terminated or NULL. */
	const char *const *dirs;
	/** Longest time to ask debuginfod servers for what is not found there,
	 * in microseconds; 0: do not ask. */
	uint64_t debuginfod_limit_us;
	/** Reads those that go by a build-id; others are not looked for. NULL: they
	 * are opened and read here. */
	graft_debug_read_fn *read;
	void *arg;
};

/**
 * Open an ELF file and read all of it.
 *
 * Accepts little-endian ELF64 files for x86-64 of type ET_DYN and ET_EXEC.
 *
 * @param[in] path File to read.
 * @param[in] search Where debug files are looked for (by build-id and
 * `.gnu_debuglink`), or NULL for none. A debug file with another build-id is
 * not used.
 * @param[out] ret New image; free with graft_image_close().
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_OS; #GRAFT_ERROR_LIMIT;
 * #GRAFT_ERROR_UNSUPPORTED (not a regular file, not ELF, of another
 * machine, an object or core file); #GRAFT_ERROR_BAD_INPUT (truncated, sizes
 * that lie).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_image_open(const char *path, const struct graft_debug_search *search,
		 struct graft_image **ret);

/**
 * Open an ELF file that lies in memory.
 *
 * @param[in] name What errors call it.
 * @param[in] bytes Copied.
 * @param[in] len Number of bytes.
 * @param[in] search As in graft_image_open().
 * @param[out] ret New image; free with graft_image_close().
 * @return As graft_image_open().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_image_open_bytes(const char *name, const uint8_t *bytes, size_t len,
		       const struct graft_debug_search *search,
		       struct graft_image **ret);

/** Free an image. NULL is a no-op. */
void
graft_image_close(struct graft_image *image);
GRAFT_DEFINE_CLEANUP(struct graft_image, graft_image_close)

/** Get the path or name that the image was opened by. */
const char *
graft_image_path(const struct graft_image *image);

/** Get the DT_SONAME, or NULL. */
const char *
graft_image_soname(const struct graft_image *image);

/** What a file asks of the loader besides its contents. */
struct graft_loading {
	/** DT_RUNPATH, or DT_RPATH if there is none; NULL without either. */
	const char *search;
	/** Its own symbols come first (DT_SYMBOLIC, DF_SYMBOLIC). */
	bool symbolic;
	/** The stack may be executed: PT_GNU_STACK says so, or is missing. */
	bool exec_stack;
};

/** Get what a file asks of the loader. Lives as long as @p image. */
const struct graft_loading *
graft_image_loading(const struct graft_image *image);

/** Get the DT_NEEDED names. @param[out] count_ret How many. */
const char *const *
graft_image_needed(const struct graft_image *image, size_t *count_ret);

/**
 * Get the build-id.
 *
 * @param[out] len_ret Its length in bytes, at most #GRAFT_BUILD_ID_MAX; 0 if
 * there is none.
 */
const uint8_t *
graft_image_build_id(const struct graft_image *image, size_t *len_ret);

/** Get the SHA-256 of the whole file: #GRAFT_SHA256_SIZE bytes. */
const uint8_t *
graft_image_sha256(const struct graft_image *image);

/**
 * Get the whole file as it was read.
 *
 * @param[out] len_ret Number of bytes.
 */
const uint8_t *
graft_image_file(const struct graft_image *image, size_t *len_ret);

/** Get e_type: ET_DYN or ET_EXEC. */
uint16_t
graft_image_type(const struct graft_image *image);

/** Get e_entry. */
uint64_t
graft_image_entry(const struct graft_image *image);

/** Say whether types can be read: DWARF of its own or of its debug file. */
bool
graft_image_has_dwarf(const struct graft_image *image);

/** Say whether it has a `.symtab` of its own or of its debug file. */
bool
graft_image_has_symtab(const struct graft_image *image);

/**
 * Get why no debug file came from a server, in a sentence, or NULL if none was
 * asked or one gave it.
 */
const char *
graft_image_debug_fault(const struct graft_image *image);

/** Get the SHF_ALLOC sections by ascending address. */
const struct graft_section *
graft_image_sections(const struct graft_image *image, size_t *count_ret);

/**
 * Find the SHF_ALLOC section that contains @p addr, or NULL.
 *
 * Never `.tbss`: the addresses that it names belong to what follows it.
 */
const struct graft_section *
graft_image_section_at(const struct graft_image *image, uint64_t addr);

/** Find a SHF_ALLOC section by name, or NULL. */
const struct graft_section *
graft_image_section_named(const struct graft_image *image, const char *name);

/** Get the PT_LOAD, PT_TLS and PT_GNU_RELRO headers in file order. */
const struct graft_segment *
graft_image_segments(const struct graft_image *image, size_t *count_ret);

/**
 * Get file contents by address.
 *
 * @return @p len bytes inside one section, or NULL if there are not so many
 * there, or if it is SHT_NOBITS.
 */
const uint8_t *
graft_image_bytes(const struct graft_image *image, uint64_t addr, uint64_t len);

/**
 * Get all symbols, by ascending address, undefined ones last.
 *
 * STT_FILE symbols are left out: graft_symbol::file says what they say. The
 * @ref graft_symbol::addr of a STT_TLS symbol is its offset in the thread's
 * block, not an address. A symbol that stands in `.dynsym` and in `.symtab` is
 * here twice.
 */
const struct graft_symbol *
graft_image_symbols(const struct graft_image *image, size_t *count_ret);

/**
 * Find the best symbol that covers @p addr: defined, with a size that covers
 * it or starting right there; functions and objects before the rest, then the
 * innermost, then global before local. Never a section's, a thread-local or an
 * absolute one.
 *
 * @return Symbol or NULL.
 */
const struct graft_symbol *
graft_image_symbol_at(const struct graft_image *image, uint64_t addr);

/** As graft_image_symbol_at(), if that is an object that has @p addr inside. */
const struct graft_symbol *
graft_image_object_at(const struct graft_image *image, uint64_t addr);

/** Get the dynamic relocations (.rela.dyn, .rela.plt, .relr.dyn) by address. */
const struct graft_reloc *
graft_image_relocs(const struct graft_image *image, size_t *count_ret);

/** Find the dynamic relocation applied exactly at @p addr, or NULL. */
const struct graft_reloc *
graft_image_reloc_at(const struct graft_image *image, uint64_t addr);

/** Get the static relocations that `--emit-relocs` kept, by address. */
const struct graft_reloc *
graft_image_static_relocs(const struct graft_image *image, size_t *count_ret);

/** Find the first static relocation at @p addr up to @p end, exclusive, or NULL. */
const struct graft_reloc *
graft_image_static_reloc_from(const struct graft_image *image, uint64_t addr,
			      uint64_t end);

/** Say whether a static relocation puts no address there: its symbol is absolute, of
 * a thread's block, or weak and nobody's. */
bool
graft_reloc_is_number(const struct graft_reloc *reloc);

/** Say whether an address is in a section, or the end of one. */
bool
graft_image_is_place(const struct graft_image *image, uint64_t addr);

/**
 * Say whether a number without a relocation would be an address for sure: where data
 * lie all are, but those that are round and no symbol's, and in code those at which a
 * function starts. Numbers that have nothing to do with it are in such places seldom.
 */
bool
graft_image_is_likely_place(const struct graft_image *image, uint64_t value);

/**
 * Say whether it is linked to a fixed address (ET_EXEC).
 *
 * Its static relocations then tell which of its numbers are addresses: each pointer in
 * its data counts as a dynamic relocation of type R_X86_64_RELATIVE.
 */
bool
graft_image_is_fixed(const struct graft_image *image);

/** Get why nothing says where such a program has addresses, as a part of a sentence, or
 * NULL: it does say so, or need not. Static. */
const char *
graft_image_fixed_fault(const struct graft_image *image);

/** Get the FDEs by ascending address; overlapping ones are an input error. */
const struct graft_extent *
graft_image_extents(const struct graft_image *image, size_t *count_ret);

/** Get the PLT stubs by ascending address. */
const struct graft_plt *
graft_image_plts(const struct graft_image *image, size_t *count_ret);

/** Find the PLT stub that starts at @p addr, or NULL. */
const struct graft_plt *
graft_image_plt_at(const struct graft_image *image, uint64_t addr);

#endif /* GRAFT_ELF_IMAGE_H */
