// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A report of compliance: what a host is and where it stands, as it says itself, signed by its key.
 *
 *     { "signatures": [ { "keyid": ..., "sig": ... } ], "signed": { "_type": "graft-compliance", ... } }
 *
 * The signature is over the canonical form, as that of metadata is. A report has a number that only
 * grows, and bounds of its freshness: made, and good until. docs/decisions/compliance.md has its members.
 *
 * A decoded report is well-formed and bounded; it is *not* trusted: that takes graft_compliance_check().
 */

#ifndef GRAFT_COMPLIANCE_COMPLIANCE_H
#define GRAFT_COMPLIANCE_COMPLIANCE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "release/eligible.h"
#include "trust/document.h"
#include "trust/key.h"
#include "trust/signer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** Bytes of a report. */
	GRAFT_COMPLIANCE_BYTES_MAX = 1 << 20,
	/** Elements of each of its lists that is looked into. */
	GRAFT_COMPLIANCE_LIST_MAX = 1024,
	/** For how many days a report may be good, and is if nothing else is said. */
	GRAFT_COMPLIANCE_DAYS_MAX = 92,
	GRAFT_COMPLIANCE_DAYS = 14,
	/** Of the name of a host, with its NUL. */
	GRAFT_COMPLIANCE_HOST_LEN = 65,
	/** Clocks differ by so many seconds at the most: what was made later than that is refused. */
	GRAFT_COMPLIANCE_SKEW_S = 24 * 3600,
};

/** Where a host stands. */
enum graft_compliance_state {
	/** It has all that it should have, in the memory of all processes too. */
	GRAFT_COMPLIANCE_CURRENT,
	/** It has all on disk, but processes run old code. */
	GRAFT_COMPLIANCE_PARTLY,
	/** Its packages are there, and it waits for its restart. */
	GRAFT_COMPLIANCE_RESTART,
	/** There is a release that it should have and has not. */
	GRAFT_COMPLIANCE_BEHIND,
	/** It can get nothing before somebody does something. */
	GRAFT_COMPLIANCE_NOT_READY,
	/** It has never seen its repository. */
	GRAFT_COMPLIANCE_UNKNOWN,
	GRAFT_COMPLIANCE_STATES,
};

/** How many processes a report speaks of. */
struct graft_compliance_processes {
	/** They hold a hotpatch. */
	uint64_t hotpatched;
	/** They run old code: to be hotpatched, could not be, need a restart. */
	uint64_t due;
	uint64_t refused;
	uint64_t restart;
	/** They could not be looked at. */
	uint64_t unseen;
};

/** A report that was decoded. Texts and values are lent by its document. */
struct graft_compliance {
	struct graft_document *document;
	const struct graft_node *signed_part;
	/** Of its only signature. */
	const char *key_id;
	const char *sig;
	/** What the signature is over. Owned. */
	uint8_t *canonical;
	size_t canonical_len;
	/** The public key that it comes with, as metadata write one. */
	const struct graft_node *key;
	const char *host;
	uint64_t serial;
	/** Unix times in seconds; it is good before @ref expires. */
	int64_t made;
	int64_t expires;
	const char *agent;
	struct graft_facts facts;
	enum graft_compliance_state state;
	/** When it looked for releases last, and when last with success; 0: never. */
	int64_t looked;
	int64_t looked_good;
	/** Looks in a row that failed, and why the last one did; NULL: it did not. */
	uint64_t failures;
	const char *error;
	/** What it should have by its last good look: 0 and NULL if there was none. */
	graft_level target;
	const char *decision;
	const struct graft_node *reasons;
	/** The first day of a release that it should have and has not; 0: there is none. */
	int64_t wanted_since;
	/** When it restarts by itself; 0: it does not. */
	int64_t restart_at;
	struct graft_compliance_processes processes;
};

/**
 * Decode a report.
 *
 * @param[in] bytes Untrusted, of @p len bytes; not needed afterwards.
 * @param[out] ret New; graft_compliance_free().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT; #GRAFT_ERROR_UNSUPPORTED if it is
 * of another format.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_decode(const void *bytes, size_t len,
			struct graft_compliance **ret);

/** Free a report. NULL is a no-op. */
void
graft_compliance_free(struct graft_compliance *report);
GRAFT_DEFINE_CLEANUP(struct graft_compliance, graft_compliance_free)

/**
 * Sign a report, and see that it decodes.
 *
 * @param[in] signed_part JSON of what is signed.
 * @param[in,out] out Gets the file.
 * @return NULL; as graft_compliance_decode() and graft_signer_sign().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_sign(const char *signed_part,
		      const struct graft_signer *signer,
		      struct graft_text *out);

/** Append a report as a file: what was signed and the signature, and nothing that was beside them. */
void
graft_compliance_put(const struct graft_compliance *report,
		     struct graft_text *out);

/** What a report that is good is. */
enum graft_compliance_news {
	/** There was none of this host, or an older one. */
	GRAFT_COMPLIANCE_NEW,
	/** The very same is there. */
	GRAFT_COMPLIANCE_KNOWN,
};

/**
 * Check who signed a report, that it is fresh, and that it is none that was there before.
 *
 * A pure function. What @p last is it does not check: who gives it has verified it.
 *
 * @param[in] key The key that was enrolled for its host, and @p key_id its id.
 * @param[in] last The last report of this host that was good; NULL: none.
 * @param[in] now Unix time in seconds.
 * @return NULL; #GRAFT_ERROR_BAD_SIGNATURE: it was forged, or another key is enrolled;
 * #GRAFT_ERROR_EXPIRED: it is too old, or from the future; #GRAFT_ERROR_ROLLBACK: its number is
 * lower than one that was seen, or the same with other content.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_check(const struct graft_compliance *report,
		       const struct graft_key *key, const char *key_id,
		       const struct graft_compliance *last, int64_t now,
		       enum graft_compliance_news *ret);

/** Check that a report is signed by a key; not whether it is fresh. */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_verify(const struct graft_compliance *report,
			const struct graft_key *key, const char *key_id);

/**
 * Check a report by the key that it comes with: it is whole. Whose it is that does not say.
 *
 * @param[out] key_id_ret Id of that key.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_verify_own(const struct graft_compliance *report,
			    char key_id_ret[GRAFT_KEY_ID_LEN]);

/** Say whether a text may be the name of a host: letters, digits, `-`, `_`, `.`, the first of them a
 * letter or digit, at most 64. */
bool
graft_compliance_is_host(const char *text);

/** Get the word for a state: "current". Static. */
const char *
graft_compliance_state_name(enum graft_compliance_state state);

#endif /* GRAFT_COMPLIANCE_COMPLIANCE_H */
