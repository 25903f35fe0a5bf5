// SPDX-License-Identifier: Apache-2.0

/** @file How large a repository may be that is written here. */

#ifndef GRAFT_REPO_LIMITS_H
#define GRAFT_REPO_LIMITS_H

#include <stdint.h>

enum {
	/** Roles of targets beside `targets`. */
	GRAFT_REPO_ROLES_MAX = 1024,
	/** Bytes of the name of a role, and of a path of a target. */
	GRAFT_REPO_NAME_MAX = 64,
	GRAFT_REPO_PATH_MAX = 1024,
	/** Days until something expires. */
	GRAFT_REPO_DAYS_MAX = 3650,
	/** Keys of one command. */
	GRAFT_REPO_SIGNERS_MAX = 64,
	/** Files of metadata that a version of is kept of though nothing lists it: a day. */
	GRAFT_REPO_KEEP_S = 24 * 3600,
};

/**
 * A version beyond this is none of ours: who has the online keys wrote it, so that every
 * later one looks old.
 */
#define GRAFT_REPO_VERSION_MAX ((uint64_t)1 << 48)

#endif /* GRAFT_REPO_LIMITS_H */
