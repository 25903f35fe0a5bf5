// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A directory with the last good report of each host of a fleet, and the keys that may sign them.
 *
 *     DIR/keys/HOST.json       the public key of a host, and how it came here
 *     DIR/reports/HOST.json    its last report
 *
 * A host speaks for itself only: what the key of one signs counts for no other. What is stored is verified
 * again when it is read. Each file is written beside, synced and renamed.
 */

#ifndef GRAFT_COMPLIANCE_HOSTS_H
#define GRAFT_COMPLIANCE_HOSTS_H

#include "base/cleanup.h"
#include "base/error.h"
#include "compliance/compliance.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** Hosts of one directory. */
	GRAFT_COMPLIANCE_HOSTS_MAX = 1000 * 1000,
	/** Bytes of a file with a key. */
	GRAFT_COMPLIANCE_KEY_BYTES_MAX = 64 * 1024,
};

/** A directory; nobody else changes it until it is closed. */
struct graft_compliance_hosts;
struct graft_compliance_firsts;

/** What is known of a host. */
struct graft_compliance_host {
	const char *host;
	/** Its key came with its first report, and nobody said that it is right. */
	bool first_use;
	const char *key_id;
	/** NULL: there is none. Not necessarily fresh. */
	const struct graft_compliance *report;
	/** Why what is stored of it does not count; NULL: nothing is wrong. */
	const struct graft_error *wrong;
};

/** Told of each host. Its argument is lent for the call. */
typedef struct graft_error *
graft_compliance_host_fn(void *arg, const struct graft_compliance_host *host);

/**
 * Open a directory.
 *
 * @param[in] make Make it if it is missing, for us alone.
 * @param[out] ret New; graft_compliance_hosts_close().
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_REFUSED if somebody is at work on it;
 * #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_hosts_open(const char *dir, bool make,
			    struct graft_compliance_hosts **ret);

/** Close a directory. NULL is a no-op. */
void
graft_compliance_hosts_close(struct graft_compliance_hosts *hosts);
GRAFT_DEFINE_CLEANUP(struct graft_compliance_hosts,
		     graft_compliance_hosts_close)

/**
 * Enroll the key of a host.
 *
 * @param[in] bytes What graft_compliance_key_put() wrote on the host, of @p len bytes; who calls this says
 * that it is.
 * @param[in] replace The host may have another key here; what that signed does not count then.
 * @param[out] host_ret Name of the host.
 * @return NULL; #GRAFT_ERROR_REFUSED if another key is enrolled, or this one for another host;
 * #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_hosts_enroll(struct graft_compliance_hosts *hosts,
			      const void *bytes, size_t len, bool replace,
			      char host_ret[GRAFT_COMPLIANCE_HOST_LEN]);

/**
 * Forget a host: its key first, then its report.
 *
 * @return NULL; #GRAFT_ERROR_NOT_FOUND. Fault point "compliance-removed".
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_hosts_remove(struct graft_compliance_hosts *hosts,
			      const char *host);

/**
 * Take a report, if it is good and new.
 *
 * @param[in] name Of the file that it was in: `HOST.json`. NULL: any.
 * @param[in] bytes Untrusted, of @p len bytes.
 * @param[in] firsts A host that has no key here gets the one that it comes with, if that is its only one
 * there; closed. NULL: it gets none.
 * @return NULL; as graft_compliance_decode(), graft_compliance_check() and graft_compliance_firsts_check();
 * #GRAFT_ERROR_NOT_FOUND if its host has no key here. What is stored is as it was then. Fault point "compliance-key".
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_hosts_take(struct graft_compliance_hosts *hosts,
			    const char *name, const void *bytes, size_t len,
			    const struct graft_compliance_firsts *firsts,
			    int64_t now, enum graft_compliance_news *ret);

/** Go over all hosts that have a key here, by their names. */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_hosts_each(struct graft_compliance_hosts *hosts,
			    graft_compliance_host_fn *fn, void *arg);

/** A key of a host that was decoded. All zeroes is none. */
struct graft_compliance_key {
	struct graft_document *document;
	/** Lent by the document. */
	const char *host;
	const struct graft_node *node;
	bool first_use;
	struct graft_key *key;
	char id[GRAFT_KEY_ID_LEN];
};

/**
 * Decode a key of a host.
 *
 * @param[in] bytes Untrusted, of @p len bytes.
 * @param[out] ret graft_compliance_key_deinit(), whatever the result.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_key_decode(const void *bytes, size_t len,
			    struct graft_compliance_key *ret);

/** Free what a key owns. Also its guard. */
void
graft_compliance_key_deinit(struct graft_compliance_key *key);

/**
 * Append the key of a host as it is enrolled.
 *
 * @param[in] json Of the key, as metadata have it.
 * @param[in] first_use It came with a report, and nobody enrolled it.
 */
void
graft_compliance_key_put(const char *host, const char *json, bool first_use,
			 struct graft_text *text);

#endif /* GRAFT_COMPLIANCE_HOSTS_H */
