// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Language-specific data: where a function lands when an exception passes, and
 * which types it catches. As the Itanium C++ ABI and all compilers that use
 * `.gcc_except_table` lay it out:
 *
 *     u8 encoding of the base of landing pads, and the base | u8 encoding of
 *     types, and the uleb distance to the end of their table | u8 encoding of
 *     call sites | uleb length of the call sites | call sites | actions |
 *     types, from the end of their table downwards | lists of types
 *
 *     call site   start | length | landing pad | uleb action, 0 or 1 + offset
 *     action      sleb filter | sleb distance to the next one
 *
 * A filter is 0 (clean up), the number of a type (catch), or below 0 the place
 * of a list of types (an exception specification).
 */

#ifndef GRAFT_DIFF_LSDA_H
#define GRAFT_DIFF_LSDA_H

#include "base/cleanup.h"
#include "base/error.h"
#include "elf/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Instructions, and what happens to an exception that comes out of them. */
struct graft_lsda_site {
	/** Relative to the start of the extent. */
	uint64_t start;
	uint64_t len;
	/** Landing pad, relative to graft_lsda::pad_base; 0: none. */
	uint64_t pad;
	/** 0, or 1 + offset of the first action. */
	uint64_t action;
};

/** The language-specific data of one extent. */
struct graft_lsda {
	/** Borrowed. */
	const struct graft_image *image;
	uint64_t addr;
	/** Bytes that were read: header, call sites, actions, types, lists. */
	uint64_t len;
	/** Address that landing pads are relative to. */
	uint64_t pad_base;
	/** DW_EH_PE_*; 0xff if there are no types. */
	uint8_t type_encoding;
	/** End of the table of types, where the lists begin. */
	uint64_t type_end;
	/** Highest number of a type that an action or a list names. */
	uint64_t type_count;
	struct graft_lsda_site *sites;
	size_t site_count;
	/** Where the actions begin. */
	const uint8_t *actions;
	/** One past the last byte of the section. */
	const uint8_t *end;
};

/** Free what language-specific data own, and zero them. NULL is a no-op. */
void
graft_lsda_deinit(struct graft_lsda *lsda);
GRAFT_DEFINE_CLEANUP(struct graft_lsda, graft_lsda_deinit)

/**
 * Read the language-specific data of an extent.
 *
 * @param[in] extent One that has some.
 * @param[out] ret New data; free with graft_lsda_deinit().
 * @return NULL; #GRAFT_ERROR_UNSUPPORTED (an encoding that is not known);
 * #GRAFT_ERROR_BAD_INPUT (cut short, actions without end).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_lsda_read(const struct graft_image *image,
		const struct graft_extent *extent, struct graft_lsda *ret);

/** Where a filter stands in the chain of a call site. */
struct graft_lsda_chain {
	const uint8_t *at;
	/** How many were taken, which is bounded. */
	size_t count;
};

/** Begin the chain of filters of a call site. */
struct graft_lsda_chain
graft_lsda_chain_begin(const struct graft_lsda *lsda,
		       const struct graft_lsda_site *site);

/**
 * Take the next filter.
 *
 * @return false at the end, or where the chain is malformed.
 */
bool
graft_lsda_chain_next(const struct graft_lsda *lsda,
		      struct graft_lsda_chain *chain, int64_t *filter_ret);

/**
 * Get the number of a type in a list.
 *
 * @param[in] filter Below 0.
 * @param[in] index Which one of the list.
 * @return The number, or 0 at the end of the list.
 */
uint64_t
graft_lsda_listed(const struct graft_lsda *lsda, int64_t filter, size_t index);

/**
 * Get where the entry of a type is, and what it says.
 *
 * @param[in] number From 1 to graft_lsda::type_count.
 * @param[out] field_ret Address of the entry.
 * @param[out] indirect_ret The result is a slot that holds the type's address.
 * @return Address of the type or of a slot; 0 for "any" (`catch (...)`).
 */
uint64_t
graft_lsda_type(const struct graft_lsda *lsda, uint64_t number,
		uint64_t *field_ret, bool *indirect_ret);

#endif /* GRAFT_DIFF_LSDA_H */
