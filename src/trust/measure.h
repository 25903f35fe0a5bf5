// SPDX-License-Identifier: Apache-2.0

/** @file What a file must be: its length and its hashes, checked while it comes. */

#ifndef GRAFT_TRUST_MEASURE_H
#define GRAFT_TRUST_MEASURE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "trust/document.h"

#include <stddef.h>
#include <stdint.h>

/** A file that is being measured. */
struct graft_measure;

/**
 * Begin to measure.
 *
 * @param[in] file Its object in metadata, of which `length` and `hashes` (sha256,
 * sha384, sha512) are looked at, each if it is there. Borrowed until the end. Hashes of
 * other kinds are passed over beside one that is known.
 * @param[out] ret New; free with graft_measure_free().
 * @return NULL; #GRAFT_ERROR_UNSUPPORTED if there are hashes, but none is known;
 * #GRAFT_ERROR_BAD_INPUT if one is no hash.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_measure_begin(const struct graft_node *file, struct graft_measure **ret);

/** Take the next bytes. @return NULL; #GRAFT_ERROR_LIMIT if they are too many. */
GRAFT_MUST_CHECK struct graft_error *
graft_measure_add(struct graft_measure *measure, const void *bytes, size_t len);

/** See whether it is the file. @return NULL; #GRAFT_ERROR_BAD_INPUT. */
GRAFT_MUST_CHECK struct graft_error *
graft_measure_end(struct graft_measure *measure);

/** Measure bytes that are there already: all of the above. */
GRAFT_MUST_CHECK struct graft_error *
graft_measure_bytes(const struct graft_node *file, const void *bytes,
		    size_t len);

/**
 * Get the hash that stands in front of the name of a target: sha256 rather than
 * another.
 *
 * @return Its digits, from the metadata; NULL if no kind is known.
 */
const char *
graft_measure_prefix(const struct graft_node *file);

/** Free it. NULL is a no-op. */
void
graft_measure_free(struct graft_measure *measure);
GRAFT_DEFINE_CLEANUP(struct graft_measure, graft_measure_free)

#endif /* GRAFT_TRUST_MEASURE_H */
