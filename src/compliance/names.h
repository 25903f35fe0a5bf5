// SPDX-License-Identifier: Apache-2.0

/** @file The hosts of which a directory has a file. Inside compliance/ only. */

#ifndef GRAFT_COMPLIANCE_NAMES_H
#define GRAFT_COMPLIANCE_NAMES_H

#include "base/error.h"
#include "compliance/compliance.h"

#include <stddef.h>

/** Names of hosts. All zeroes is none. */
struct graft_compliance_names {
	char (*list)[GRAFT_COMPLIANCE_HOST_LEN];
	size_t count;
	size_t cap;
};

/** Free what names own. Also their guard. */
void
graft_compliance_names_deinit(struct graft_compliance_names *names);

/**
 * List the hosts of which a directory has a file `HOST.json`, in the order of their names.
 *
 * @param[in,out] names None so far.
 * @return NULL; #GRAFT_ERROR_OS; #GRAFT_ERROR_LIMIT beyond #GRAFT_COMPLIANCE_HOSTS_MAX.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_names_read(const char *dir,
			    struct graft_compliance_names *names);

#endif /* GRAFT_COMPLIANCE_NAMES_H */
