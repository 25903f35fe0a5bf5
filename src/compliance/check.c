// SPDX-License-Identifier: Apache-2.0

#include "compliance/compliance.h"

#include "trust/instant.h"

#include <inttypes.h>
#include <string.h>

struct graft_error *
graft_compliance_verify(const struct graft_compliance *report,
			const struct graft_key *key, const char *key_id)
{
	if (strcmp(report->key_id, key_id) != 0)
		return graft_error_new(
			GRAFT_ERROR_BAD_SIGNATURE,
			"it is signed by the key %.12s, and that "
			"of %s is %.12s",
			report->key_id, report->host, key_id);
	if (!graft_key_verify(key, report->sig, report->canonical,
			      report->canonical_len))
		return graft_error_new(GRAFT_ERROR_BAD_SIGNATURE,
				       "it is forged or damaged: the signature "
				       "is not that of %s",
				       report->host);
	return NULL;
}

struct graft_error *
graft_compliance_verify_own(const struct graft_compliance *report,
			    char key_id_ret[GRAFT_KEY_ID_LEN])
{
	GRAFT_CLEANUP(graft_key_freep) struct graft_key *key = NULL;
	struct graft_error *err = graft_key_decode(report->key, &key);

	if (!err)
		err = graft_key_id(report->key, key_id_ret);
	return err ? err : graft_compliance_verify(report, key, key_id_ret);
}

/** Check that a report is good at a time. */
GRAFT_MUST_CHECK static struct graft_error *
check_time(const struct graft_compliance *report, int64_t now)
{
	char text[GRAFT_INSTANT_LEN];

	if (report->expires <= now) {
		graft_instant_print(report->expires, text);
		return graft_error_new(GRAFT_ERROR_EXPIRED,
				       "it was good until %s", text);
	}
	if (report->made > now + GRAFT_COMPLIANCE_SKEW_S) {
		graft_instant_print(report->made, text);
		return graft_error_new(GRAFT_ERROR_EXPIRED,
				       "it is of %s, which is to come: the "
				       "clock of %s is wrong, or that of this "
				       "host",
				       text, report->host);
	}
	return NULL;
}

struct graft_error *
graft_compliance_check(const struct graft_compliance *report,
		       const struct graft_key *key, const char *key_id,
		       const struct graft_compliance *last, int64_t now,
		       enum graft_compliance_news *ret)
{
	// First whose it is: of what somebody forged nothing else is said.
	struct graft_error *err = graft_compliance_verify(report, key, key_id);

	if (err)
		return err;
	if (last && report->serial == last->serial &&
	    report->canonical_len == last->canonical_len &&
	    memcmp(report->canonical, last->canonical, last->canonical_len) ==
		    0) {
		*ret = GRAFT_COMPLIANCE_KNOWN;
		return NULL;
	}
	if (last && report->serial == last->serial)
		return graft_error_new(GRAFT_ERROR_ROLLBACK,
				       "there is another report of %s with the "
				       "number %" PRIu64
				       ": two hosts have its key",
				       report->host, report->serial);
	if (last && report->serial < last->serial)
		return graft_error_new(GRAFT_ERROR_ROLLBACK,
				       "its number is %" PRIu64 ", and %" PRIu64
				       " was seen",
				       report->serial, last->serial);
	err = check_time(report, now);
	if (err)
		return err;
	*ret = GRAFT_COMPLIANCE_NEW;
	return NULL;
}
