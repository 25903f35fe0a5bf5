// SPDX-License-Identifier: Apache-2.0

#include "compliance/speaker.h"

#include <stdio.h>
#include <string.h>

int
graft_compliance_speaker_compare(const struct graft_compliance_speaker *a,
				 const struct graft_compliance_speaker *b)
{
	const int order = strcmp(a->host, b->host);

	return order ? order : strcmp(a->key_id, b->key_id);
}

struct graft_error *
graft_compliance_speaker_read(const void *bytes, size_t len,
			      struct graft_compliance **report_ret,
			      struct graft_compliance_speaker *ret)
{
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *report = NULL;
	struct graft_compliance_speaker speaker;

	struct graft_error *err = graft_compliance_decode(bytes, len, &report);
	if (!err)
		err = graft_compliance_verify_own(report, speaker.key_id);
	if (err)
		return err;
	(void)snprintf(speaker.host, sizeof(speaker.host), "%s", report->host);
	*ret = speaker;
	*report_ret = GRAFT_TAKE(report);
	return NULL;
}
