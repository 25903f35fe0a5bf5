// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * No service is restarted by what graft installs: a policy-rc.d(8) says no.
 *
 * It says so to those alone whom graft's own dpkg started: they have a variable in their
 * environment. Left behind by a kill it changes nothing for anybody else, and the next run
 * takes it away. One that an administrator has is asked as ever, and gets its place back.
 */

#ifndef GRAFT_PERSIST_POLICY_H
#define GRAFT_PERSIST_POLICY_H

#include "base/error.h"

/** What is in the environment of graft's dpkg, and of all that it starts. */
#define GRAFT_POLICY_VARIABLE "GRAFT_INSTALL"

/**
 * Put the policy into its place. That it is there already is no error.
 *
 * @param[in] root "" or the path of another root.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_policy_put(const char *root);

/** Take it away, and give the administrator's its place back. */
GRAFT_MUST_CHECK struct graft_error *
graft_policy_remove(const char *root);

#endif /* GRAFT_PERSIST_POLICY_H */
