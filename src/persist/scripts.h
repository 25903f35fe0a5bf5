// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What maintainer scripts would do to services behind the back of policy-rc.d(8).
 */

#ifndef GRAFT_PERSIST_SCRIPTS_H
#define GRAFT_PERSIST_SCRIPTS_H

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>

/**
 * Look for commands that start, stop or restart services directly: systemctl, service,
 * scripts of /etc/init.d, start-stop-daemon. Those by invoke-rc.d and deb-systemd-invoke
 * ask first, and are none.
 *
 * @param[in] name How to call the script.
 * @param[in] text Of the script, untrusted, of @p len bytes.
 * @param[in,out] out Gets "NAME, line N: COMMAND" and a newline for each; for a script
 * that is a program, that it is one.
 * @param[in,out] count_ret Is increased by as many.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_scripts_scan(const char *name, const char *text, size_t len,
		   struct graft_text *out, size_t *count_ret);

#endif /* GRAFT_PERSIST_SCRIPTS_H */
