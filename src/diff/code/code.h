// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The code of one build, decoded: functions, instructions and references.
 *
 * A *function* here is an extent that unwinds as one (an FDE), split at function
 * symbols, or a stretch of code without FDE. Compilers cut one source function
 * into several extents (`.cold`); extents that branch into each other's middle
 * form a *group*, which is changed and carried as a whole.
 *
 * A *reference* is a field of an instruction that names an address outside of
 * its function, or an offset of the thread block. The *normal form* of a function
 * is its bytes with every reference blanked.
 */

#ifndef GRAFT_DIFF_CODE_H
#define GRAFT_DIFF_CODE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "elf/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** No index. */
#define GRAFT_NONE UINT32_MAX

enum graft_ref_kind {
	/** `call`, `jmp` or `jcc` that leaves the function. */
	GRAFT_REF_BRANCH,
	/** RIP-relative memory operand that is read or written. */
	GRAFT_REF_MEMORY,
	/** RIP-relative `lea`: the address itself is wanted. */
	GRAFT_REF_ADDRESS,
	/** Offset of the thread block: `%fs:disp` below the thread pointer. */
	GRAFT_REF_TLS,
};

/** One reference. */
struct graft_ref {
	/** Address that is named; for TLS the (negative) offset. */
	uint64_t target;
	/** Address of the field. */
	uint64_t at;
	/** Width of the field in bytes: 1 or 4. */
	uint8_t width;
	/** #graft_ref_kind. */
	uint8_t kind;
	/** Bytes read or written through it; 0 if unknown or none. */
	uint8_t access;
	bool writes;
	bool is_call;
	/** The function may reach below the address; see back.h. */
	bool back;
	/** A table of distances from the address; see back.h. */
	bool spread;
	/** Such a table starts there: a distance is loaded behind the address and
	 * added to the very same. */
	bool table;
	/**
	 * Start files take where the table of transactional clones would be:
	 * nothing is there but what follows `.data`.
	 */
	bool clones;
	/** Number of the register that an _ADDRESS is put into; 16: none. */
	uint8_t reg;
	/** The field holds the address itself, in a program at a fixed address; see
	 * absolute.h. */
	bool absolute;
	/** An absolute _ADDRESS that is part of an operand: no register gets it
	 * alone, and the instruction does not know of the reference. */
	bool folded;
	/** It is the address of a lock, and goes nowhere else; see used.h. */
	bool is_lock;
	/**
	 * Bytes behind an _ADDRESS that are used, where all that becomes of it is
	 * known, or 0; see used.h.
	 */
	uint16_t used;
	/** Bytes behind an _ADDRESS that are of the same object; see used.h. */
	uint32_t span;
	/** Index of its instruction in graft_code::insns. */
	uint32_t insn;
	/**
	 * Where that starts of which it is the end and no more, or 0; see
	 * past.h.
	 */
	uint64_t end_of;
};

enum graft_insn_flags {
	GRAFT_INSN_CALL = 1,
	/** jmp or jcc. */
	GRAFT_INSN_JUMP = 2,
	/** Target in a register or memory. */
	GRAFT_INSN_INDIRECT = 4,
	GRAFT_INSN_RET = 8,
	/** A branch whose target is inside the function. */
	GRAFT_INSN_INTERNAL = 16,
	/** No instruction: one byte that does not decode. */
	GRAFT_INSN_BAD = 32,
};

/** One instruction. */
struct graft_insn {
	/** Hash of its bytes with references and branch distances blanked. */
	uint64_t hash;
	/** Offset from the start of its function. */
	uint32_t off;
	/** Index of its reference in graft_code::refs, or #GRAFT_NONE. */
	uint32_t ref;
	uint8_t len;
	/** #graft_insn_flags. */
	uint8_t flags;
};

/** What ties code of a program at a fixed address to its place, weakest first. */
enum graft_bound {
	GRAFT_BOUND_NONE,
	/** An address is part of an operand (graft_ref::folded). */
	GRAFT_BOUND_FOLDED,
	/** A number that would be an address, and no relocation says that it is. */
	GRAFT_BOUND_NUMBER,
	/** One that is an address for sure: its relocation was dropped. */
	GRAFT_BOUND_DROPPED,
	/** A relocation that is at no operand, or leads to no address. */
	GRAFT_BOUND_BROKEN,
	/** Functions and data by their distance from the GOT, anywhere (large.h). */
	GRAFT_BOUND_DISTANCE,
};

/** One function. */
struct graft_func {
	uint64_t addr;
	uint64_t size;
	/** Hash of the normal form. */
	uint64_t hash;
	/** Best symbol that starts here, or NULL. */
	const struct graft_symbol *symbol;
	/** Its FDE, or NULL. */
	const struct graft_extent *extent;
	/** Section that it lies in. */
	const struct graft_section *section;
	uint32_t first_insn;
	uint32_t insn_count;
	uint32_t first_ref;
	uint32_t ref_count;
	/** Lowest index of a function of the same group. */
	uint32_t group;
	/** Next function of the same group, or #GRAFT_NONE. */
	uint32_t group_next;
	/** Starts with `endbr64`. */
	bool endbr;
	/** Some bytes do not decode. */
	bool bad;
	/** Has an indirect jump that is no tail call as far as can be seen. */
	bool indirect_jump;
	/** #graft_bound: why it cannot be carried; 0: it can. */
	uint8_t bound;
	/** Where it has that. */
	uint64_t bound_at;
};

/** The code of one build. Functions stand by ascending address. */
struct graft_code {
	/** Borrowed. */
	const struct graft_image *image;
	struct graft_func *funcs;
	size_t func_count;
	struct graft_insn *insns;
	size_t insn_count;
	struct graft_ref *refs;
	size_t ref_count;
	/**
	 * Addresses outside of code that code (`lea`) or a relocation takes,
	 * ascending, each once: where objects start.
	 */
	uint64_t *starts;
	size_t start_count;
	/** All data addresses that code or a relocation names, likewise. */
	uint64_t *marks;
	size_t mark_count;
	/** Where jump tables start, likewise. */
	uint64_t *tables;
	size_t table_count;
	/** Where tables of distances to anything start, likewise. */
	uint64_t *spreads;
	size_t spread_count;
	/** Every lock that code takes is named by its address; see used.h. */
	bool locks_are_named;
};

/**
 * Decode all code of a build.
 *
 * @param[in] image Borrowed until the code is freed.
 * @param[out] ret New code; free with graft_code_free().
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; #GRAFT_ERROR_LIMIT (over 4 Gi
 * instructions).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_code_make(const struct graft_image *image, struct graft_code **ret);

/** Free code. NULL is a no-op. */
void
graft_code_free(struct graft_code *code);
GRAFT_DEFINE_CLEANUP(struct graft_code, graft_code_free)

/**
 * Find the first address behind @p addr where an object starts, or UINT64_MAX.
 */
uint64_t
graft_code_next_start(const struct graft_code *code, uint64_t addr);

/** Find the first data address behind @p addr that is named, or UINT64_MAX. */
uint64_t
graft_code_next_mark(const struct graft_code *code, uint64_t addr);

/** Find the last function that starts at or before @p addr, or #GRAFT_NONE. */
uint32_t
graft_code_func_before(const struct graft_code *code, uint64_t addr);

/** Find the function that contains @p addr; its index or #GRAFT_NONE. */
uint32_t
graft_code_func_at(const struct graft_code *code, uint64_t addr);

/** Find the function that starts at @p addr; its index or #GRAFT_NONE. */
uint32_t
graft_code_func_starting(const struct graft_code *code, uint64_t addr);

/** Find the instruction of @p func that starts at @p addr, or #GRAFT_NONE. */
uint32_t
graft_code_insn_at(const struct graft_code *code, const struct graft_func *func,
		   uint64_t addr);

/**
 * Write a name for people: the symbol, or "sub_<hex address>". What a terminal
 * should not get is escaped (graft_text_put_safe()).
 *
 * @param[out] buf NUL-terminated; long names are cut.
 */
void
graft_code_name(const struct graft_code *code, uint32_t func, char *buf,
		size_t len);

/** Get the bytes of a function: graft_func::size of them. */
const uint8_t *
graft_func_bytes(const struct graft_code *code, const struct graft_func *func);

/**
 * Count the bytes behind a function that are padding and belong to nobody:
 * `nop`s, `int3` and zeroes up to the next function or the section's end.
 */
uint64_t
graft_func_padding(const struct graft_code *code, uint32_t func);

#endif /* GRAFT_DIFF_CODE_H */
