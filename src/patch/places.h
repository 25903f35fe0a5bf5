// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where each address of an old file has gone in the new one, as far as the steps say, and
 * what was learned on the way.
 */

#ifndef GRAFT_PATCH_PLACES_H
#define GRAFT_PATCH_PLACES_H

#include "patch/addresses.h"
#include "patch/steps.h"

/** An address that was seen in the new file. */
struct graft_learned {
	/** In the old file; 0: unused. */
	uint64_t old;
	uint64_t new;
};

/** What is known. Deinit with graft_places_deinit(). */
struct graft_places {
	/** Borrowed: bytes of the old file. */
	const uint8_t *bytes;
	size_t len;
	/** Borrowed. */
	const struct graft_steps *steps;
	struct graft_layout old;
	struct graft_layout new;
	struct graft_addresses addresses;
	/** For each few bytes of the old file the step that has them. */
	uint32_t *owners;
	/** A table of 2 to the @c learned_log entries. */
	struct graft_learned *learned;
	unsigned learned_log;
	size_t learned_count;
};

/** Free what they own. */
void
graft_places_deinit(struct graft_places *places);

/**
 * Get ready.
 *
 * @param[in] bytes The old file, of @p len bytes; borrowed.
 * @param[in] steps Checked; borrowed.
 * @param[in,out] places Has both layouts; gets the rest.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_places_init(struct graft_places *places, const uint8_t *bytes, size_t len,
		  const struct graft_steps *steps);

/**
 * Find the first address at or behind an offset of the old file.
 *
 * @return Its index, or the number of all.
 */
size_t
graft_places_first(const struct graft_places *places, int64_t off);

/**
 * Compute what an address of the old file becomes.
 *
 * @param[in] address One of #graft_places::addresses.
 * @param[in] off Where it comes to stand in the new file.
 * @param[out] ret The first graft_address_width() bytes are written.
 * @return Whether it is known.
 */
bool
graft_places_compute(const struct graft_places *places,
		     const struct graft_address *address, int64_t off,
		     uint8_t ret[8]);

/**
 * Learn from what an address has become.
 *
 * @param[in] now Its bytes in the new file, at offset @p off.
 */
void
graft_places_learn(struct graft_places *places,
		   const struct graft_address *address, int64_t off,
		   const uint8_t *now);

#endif /* GRAFT_PATCH_PLACES_H */
