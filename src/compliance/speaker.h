// SPDX-License-Identifier: Apache-2.0

/** @file A host and the key that speaks for it. Inside compliance/ only. */

#ifndef GRAFT_COMPLIANCE_SPEAKER_H
#define GRAFT_COMPLIANCE_SPEAKER_H

#include "base/error.h"
#include "compliance/compliance.h"

#include <stddef.h>

/** A host with a key. */
struct graft_compliance_speaker {
	char host[GRAFT_COMPLIANCE_HOST_LEN];
	char key_id[GRAFT_KEY_ID_LEN];
};

/** Compare by host, then by key. */
int
graft_compliance_speaker_compare(const struct graft_compliance_speaker *a,
				 const struct graft_compliance_speaker *b);

/**
 * Decode a report, and see that the key that it comes with signed it.
 *
 * @param[in] bytes Untrusted, of @p len bytes.
 * @param[out] report_ret As for graft_compliance_decode().
 * @return NULL; as graft_compliance_decode(); #GRAFT_ERROR_BAD_SIGNATURE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_speaker_read(const void *bytes, size_t len,
			      struct graft_compliance **report_ret,
			      struct graft_compliance_speaker *ret);

#endif /* GRAFT_COMPLIANCE_SPEAKER_H */
