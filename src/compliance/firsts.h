// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which key each host brings, of all reports that come at once.
 *
 * Where the first key of a host is taken because it brings it, the order of reports must not say which: who
 * brings a host under two keys enrolls neither, nor who brings a key under two names. So all are looked at before the first is taken.
 *
 *     graft_compliance_firsts_add() of each; graft_compliance_firsts_close(); graft_compliance_firsts_check()
 */

#ifndef GRAFT_COMPLIANCE_FIRSTS_H
#define GRAFT_COMPLIANCE_FIRSTS_H

#include "base/error.h"
#include "compliance/enrolled.h"
#include "compliance/speaker.h"

#include <stdbool.h>
#include <stddef.h>

/** Hosts with their keys. All zeroes is none. */
struct graft_compliance_firsts {
	struct graft_compliance_speaker *list;
	size_t count;
	size_t cap;
	/** Whose each key is, once all are there. */
	struct graft_compliance_enrolled holders;
	/** All are there, by host and key, each once. */
	bool closed;
};

/** Free what they own. Also its guard. */
void
graft_compliance_firsts_deinit(struct graft_compliance_firsts *firsts);

/**
 * Look at a report. One that its own key did not sign says nothing of anybody's key.
 *
 * @param[in] bytes Untrusted, of @p len bytes.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_firsts_add(struct graft_compliance_firsts *firsts,
			    const void *bytes, size_t len);

/** There are no more. @return NULL; #GRAFT_ERROR_NO_MEMORY. */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_firsts_close(struct graft_compliance_firsts *firsts);

/**
 * Check that a host brings this key and no other, and that no other host brings it.
 *
 * @param[in] firsts Closed.
 * @return NULL; #GRAFT_ERROR_REFUSED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_firsts_check(const struct graft_compliance_firsts *firsts,
			      const char *host, const char *key_id);

#endif /* GRAFT_COMPLIANCE_FIRSTS_H */
