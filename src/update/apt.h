// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * apt-get(8) at work: packages are brought to the versions that releases name, and to no others.
 *
 * It is asked first what it would do. It may upgrade what is named, and install what that newly
 * depends on. If it would remove anything, or touch what is named nowhere, nothing is done.
 */

#ifndef GRAFT_UPDATE_APT_H
#define GRAFT_UPDATE_APT_H

#include "base/error.h"
#include "base/text.h"
#include "update/packages.h"

#include <stddef.h>
#include <stdint.h>

/** What apt-get would do. All zeroes is nothing. */
struct graft_apt_plan {
	/** Packages that are named, and those that they newly need; one a line, "name version". */
	struct graft_text upgrades;
	struct graft_text additions;
	size_t upgrade_count;
	size_t addition_count;
};

/** Free what a plan owns. Also its guard. */
void
graft_apt_plan_deinit(struct graft_apt_plan *plan);

/**
 * Read what `apt-get -s` printed, and see that it may be done.
 *
 * @param[in] wanted What is named.
 * @param[in] text Untrusted; one string.
 * @param[in,out] plan Empty.
 * @return NULL; #GRAFT_ERROR_REFUSED names each package that apt-get would remove or touch and
 * nobody named, or that it would not bring where it shall be.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_apt_read_plan(const struct graft_wanted_list *wanted, const char *text,
		    struct graft_apt_plan *plan);

/**
 * Ask apt-get what it would do; its lists are brought up to date if it does not know a version.
 *
 * @param[in] refresh They may be.
 * @param[in] wait_s For dpkg's lock.
 * @param[in] log For what it says of its lists.
 * @param[out] unknown_ret Whether it failed because no archive has a version.
 * @return As graft_apt_read_plan(); #GRAFT_ERROR_REFUSED with what apt-get says.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_apt_ask(const struct graft_wanted_list *wanted, bool refresh,
	      uint32_t wait_s, const char *log, bool *unknown_ret,
	      struct graft_apt_plan *plan);

/**
 * Have it done. What an earlier run left half done is ended first.
 *
 * Configuration files that were edited stay, nothing is asked, nothing is removed.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED with the end of what it said.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_apt_install(const struct graft_wanted_list *wanted, uint32_t wait_s,
		  const char *log);

/** Have dpkg end what was cut off: `dpkg --configure -a`. */
GRAFT_MUST_CHECK struct graft_error *
graft_apt_settle(const char *log);

#endif /* GRAFT_UPDATE_APT_H */
