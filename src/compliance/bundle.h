// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Reports of several hosts in one file, for the way out of an air gap: a tar with `reports/HOST.json` for
 * each. It has no signature of its own: each report has one.
 */

#ifndef GRAFT_COMPLIANCE_BUNDLE_H
#define GRAFT_COMPLIANCE_BUNDLE_H

#include "base/error.h"
#include "compliance/speaker.h"

#include <stddef.h>
#include <stdint.h>

/** A report that is to be carried. */
struct graft_compliance_item {
	/** Its host, and the key that it comes with. */
	struct graft_compliance_speaker speaker;
	uint64_t serial;
	uint8_t *bytes;
	size_t len;
};

/** Reports. All zeroes is none. */
struct graft_compliance_items {
	struct graft_compliance_item *list;
	size_t count;
	size_t cap;
	/** Of all of them together. */
	uint64_t bytes;
};

/** Free what items own. Also their guard. */
void
graft_compliance_items_deinit(struct graft_compliance_items *items);

/**
 * Add a report to those that are to be carried.
 *
 * It must be whole, which is seen by the key that it comes with; whether that is the right one is seen where
 * keys are enrolled.
 *
 * @param[in] bytes Untrusted, of @p len bytes; copied.
 * @return NULL; as graft_compliance_decode(); #GRAFT_ERROR_BAD_SIGNATURE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_items_add(struct graft_compliance_items *items,
			   const void *bytes, size_t len);

/**
 * Write a bundle: of each host the newest report, by each key that speaks for it, for which of them is its own is
 * known where keys are enrolled. The same reports are the same bundle.
 *
 * It is written beside, synced and renamed.
 *
 * @param[in,out] items Put in order.
 * @param[out] count_ret How many reports are in it.
 * @return NULL; #GRAFT_ERROR_OS. Fault point "compliance-bundle".
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_bundle_write(struct graft_compliance_items *items,
			      const char *file, size_t *count_ret);

/**
 * Told of each part of a bundle.
 *
 * @param[in] name As it is called: untrusted. Behind `reports/`, if @p err is NULL.
 * @param[in] err Why it is none that can be read; NULL: it is. Taken.
 */
typedef struct graft_error *
graft_compliance_part_fn(void *arg, const char *name, const uint8_t *bytes,
			 size_t len, struct graft_error *err);

/**
 * Read a bundle, one part after the other: those that are no reports are told of, and passed over.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT where it ends too soon or is no tar; #GRAFT_ERROR_LIMIT; what
 * @p fn returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_bundle_read(const char *file, graft_compliance_part_fn *fn,
			     void *arg);

#endif /* GRAFT_COMPLIANCE_BUNDLE_H */
