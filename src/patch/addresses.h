// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where a program or library holds addresses of itself: displacements of its code, tables of
 * jumps and of unwinding, pointers.
 *
 * They are found by what the bytes look like, in the same way on every host and in every
 * version of this program: the bytes of a hotpatch depend on it (docs/format-graft.md). What
 * is taken for an address and is none makes a delta longer, and never wrong.
 */

#ifndef GRAFT_PATCH_ADDRESSES_H
#define GRAFT_PATCH_ADDRESSES_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum {
	/** Segments of a file; one with more has no layout. */
	GRAFT_LAYOUT_LOADS_MAX = 16,
	/** Longer files are not looked at. */
	GRAFT_ADDRESSES_FILE_MAX = 32 << 20,
};

/** A segment. */
struct graft_load {
	/** Where in the file, and where in memory. */
	uint64_t off;
	uint64_t addr;
	/** Bytes in the file. */
	uint64_t size;
	/** Bytes in memory. */
	uint64_t mem_size;
	bool code;
};

/** Where a file lies in memory. */
struct graft_layout {
	struct graft_load loads[GRAFT_LAYOUT_LOADS_MAX];
	size_t count;
	/** The table that finds unwinding (`.eh_frame_hdr`); 0: none. */
	uint64_t frames_addr;
	uint64_t frames_size;
};

/** How a place holds an address. */
enum graft_address_kind {
	/** 32 bits, from the byte behind them. */
	GRAFT_ADDRESS_NEXT,
	/** 32 bits, from their first byte. */
	GRAFT_ADDRESS_HERE,
	/** 32 bits, from the begin of a table. */
	GRAFT_ADDRESS_TABLE,
	/** 64 bits, the address itself. */
	GRAFT_ADDRESS_WHOLE,
};

/** A place. */
struct graft_address {
	/** Where in the file. */
	uint32_t off;
	/** Where in the file its table begins; 0 unless _TABLE. */
	uint32_t table;
	enum graft_address_kind kind;
};

/** All places of a file, by offset; none overlaps another. */
struct graft_addresses {
	struct graft_address *items;
	size_t count;
	size_t cap;
};

/** Free what they own. */
static inline void
graft_addresses_deinit(struct graft_addresses *addresses)
{
	free(addresses->items);
	*addresses = (struct graft_addresses){ 0 };
}

/** Get the bytes that an address takes: 4 or 8. */
static inline uint32_t
graft_address_width(enum graft_address_kind kind)
{
	return kind == GRAFT_ADDRESS_WHOLE ? 8 : 4;
}

/**
 * Read where a file lies in memory.
 *
 * @param[in] bytes Untrusted, of @p len bytes.
 * @param[out] ret Written on success.
 * @return Whether it is an ELF file for this machine whose segments can be looked at.
 */
bool
graft_layout_read(const uint8_t *bytes, size_t len, struct graft_layout *ret);

/**
 * Find the segment that has a byte of the file.
 *
 * @return NULL: none has.
 */
const struct graft_load *
graft_layout_find_off(const struct graft_layout *layout, uint64_t off);

/**
 * Find the segment that has an address, of the file or behind its bytes.
 *
 * @return NULL: none has.
 */
const struct graft_load *
graft_layout_find_addr(const struct graft_layout *layout, uint64_t addr);

/**
 * Find the places of a file.
 *
 * @param[in] bytes The file, of @p len bytes.
 * @param[in] layout Of it.
 * @param[in,out] ret Empty; gets them. Deinit with graft_addresses_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_addresses_find(const uint8_t *bytes, size_t len,
		     const struct graft_layout *layout,
		     struct graft_addresses *ret);

#endif /* GRAFT_PATCH_ADDRESSES_H */
