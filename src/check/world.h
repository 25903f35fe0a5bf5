// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * One side of the proof: what a process has in memory, as far as the files say.
 *
 * The *old world* is OLD at address 0 with the jumps written, and behind it the
 * shadow of the hotpatch with its fixes made, as `graft apply` would lay it. The
 * *new world* is NEW at address 0. Slots that the loader fills are not bytes but
 * values: what they are bound to.
 */

#ifndef GRAFT_CHECK_WORLD_H
#define GRAFT_CHECK_WORLD_H

#include "base/error.h"
#include "elf/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct graft_patch_module;

/** What memory is for. */
enum graft_world_area {
	/** Nothing, or nothing that code may look at. */
	GRAFT_WORLD_NONE,
	GRAFT_WORLD_CODE,
	/** Never written once the program runs; GOTs count as such. */
	GRAFT_WORLD_CONSTANT,
	GRAFT_WORLD_DATA,
};

/** A section, or the part of one that the shadow holds. */
struct graft_world_range {
	uint64_t addr;
	uint64_t size;
	/** NULL: zeroes. */
	const uint8_t *bytes;
	const char *name;
	enum graft_world_area area;
};

/** What a slot holds. */
enum graft_value_kind {
	/** It is no slot. */
	GRAFT_VALUE_NONE,
	/** An address of this world. */
	GRAFT_VALUE_ADDRESS,
	/** What a symbol is bound to, plus an addend. */
	GRAFT_VALUE_SYMBOL,
	/** What the function at an address returns (IFUNC). */
	GRAFT_VALUE_RESOLVER,
	/** The number of a module's thread-local block. */
	GRAFT_VALUE_TLS_MODULE,
	/** An offset in that block. */
	GRAFT_VALUE_TLS_OFFSET,
	/** An offset from the thread pointer. */
	GRAFT_VALUE_TLS_POINTER,
	GRAFT_VALUE_TLS_DESCRIPTOR,
	/** Something else: never the same as anything. */
	GRAFT_VALUE_OTHER,
};

/** The value of a slot. */
struct graft_value {
	enum graft_value_kind kind;
	/** Address, offset, or where this module defines the symbol. */
	uint64_t addr;
	/** NULL where it is bound to the module itself. */
	const char *symbol;
	const char *version;
	int64_t addend;
	/** The module defines @ref symbol itself, at @ref addr. */
	bool defined;
};

/** A slot of 8 bytes (16 for a TLS descriptor). */
struct graft_world_slot {
	uint64_t addr;
	struct graft_value value;
};

/** Addresses at which something starts that code or data name, ascending. */
struct graft_starts {
	uint64_t *addrs;
	size_t count;
	size_t cap;
};

/** A world. */
struct graft_world {
	/** "OLD" or "NEW". */
	const char *name;
	/** Borrowed. */
	const struct graft_image *image;
	/** The build that the shadow is one of, or NULL. Borrowed. */
	const struct graft_image *shadow_image;
	/** The hotpatch that the shadow is of, or NULL. Borrowed. */
	const struct graft_patch_module *module;
	/** Where the shadow's address 0 lies; above all of OLD. */
	uint64_t shadow;
	struct graft_world_range *ranges;
	size_t range_count;
	size_t range_cap;
	struct graft_world_slot *slots;
	size_t slot_count;
	size_t slot_cap;
	struct graft_starts starts;
	/** Those of the build that the shadow is one of. Borrowed. */
	const struct graft_starts *shadow_starts;
	/** Copies of code with jumps, and the shadow's runs. */
	uint8_t **owned;
	size_t owned_count;
	size_t owned_cap;
};

/** Free what a world owns. Also its guard. */
void
graft_world_deinit(struct graft_world *world);

/**
 * Lay NEW.
 *
 * @param[in] image Borrowed as long as the world lives.
 * @param[out] ret Free with graft_world_deinit(), also on error.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_world_lay_new(const struct graft_image *image, struct graft_world *ret);

/**
 * Lay OLD and a hotpatch.
 *
 * @param[in] old_image Borrowed as long as the world lives; so is the rest.
 * @param[in] module Hotpatch, checked; NULL for OLD alone.
 * @param[in] new_world Laid by graft_world_lay_new().
 * @param[out] ret Free with graft_world_deinit(), also on error.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if the hotpatch cannot be laid: a jump
 * over other bytes than those that it names, a run outside of NEW's sections or
 * with the wrong protection, a fix that does not reach.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_world_lay_old(const struct graft_image *old_image,
		    const struct graft_patch_module *module,
		    const struct graft_world *new_world,
		    struct graft_world *ret);

/**
 * Find where things start: targets of instructions and pointers, and symbols.
 *
 * @param[in,out] world Without a shadow yet: OLD's or NEW's starts.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_world_find_starts(struct graft_world *world);

/** Find the range that holds an address, or NULL. */
const struct graft_world_range *
graft_world_range_at(const struct graft_world *world, uint64_t addr);

/** Get what the memory at an address is for. */
enum graft_world_area
graft_world_area_at(const struct graft_world *world, uint64_t addr);

/** Find the first slot at or behind an address; its index, or the count. */
size_t
graft_world_slot_from(const struct graft_world *world, uint64_t addr);

/** Find the slot at an address, or NULL. */
const struct graft_world_slot *
graft_world_slot_at(const struct graft_world *world, uint64_t addr);

/** Get the next start behind an address, or the end of its range. */
uint64_t
graft_world_next_start(const struct graft_world *world, uint64_t addr);

/**
 * Get where an entry of a table of distances leads (table.c).
 *
 * @param[in] table Address of the table, which the distance is added to.
 * @param[in] off Offset of the entry.
 * @param[in] area Where it must lead to.
 * @return The target, or 0.
 */
uint64_t
graft_distance_target(const struct graft_world *world, uint64_t table,
		      uint64_t off, enum graft_world_area area);

/** Count the entries of a table that lead to texts; 0: it is none (table.c). */
uint64_t
graft_distance_count_texts(const struct graft_world *world, uint64_t table);

/** Get the text at an address and its length with the NUL, or NULL. */
const char *
graft_world_text(const struct graft_world *world, uint64_t addr,
		 uint64_t *len_ret);

/** Find the build and its own address of an address of a world. */
const struct graft_image *
graft_world_image_of(const struct graft_world *world, uint64_t addr,
		     uint64_t *addr_ret);

/** Find the FDE that covers an address of the build that holds it, or NULL. */
const struct graft_extent *
graft_world_extent_at(const struct graft_world *world, uint64_t addr,
		      uint64_t *end_ret);

/** Find the index of the FDE of an image that covers @p addr, or SIZE_MAX. */
size_t
graft_world_extent_index(const struct graft_image *image, uint64_t addr);

#endif /* GRAFT_CHECK_WORLD_H */
