// SPDX-License-Identifier: Apache-2.0

/** @file Which of the files that processes hold an upgrade replaced: their packages say so. */

#ifndef GRAFT_HOST_HELD_PACKAGE_H
#define GRAFT_HOST_HELD_PACKAGE_H

#include "base/error.h"
#include "host/held.h"
#include "host/unit.h"

enum {
	/** How exact the start of a process is compared with times of files. */
	GRAFT_HELD_SLACK_US = 1000 * 1000,
};

/** Read which unit a process belongs to. @param[out] ret Free with graft_unit_deinit(). */
GRAFT_MUST_CHECK struct graft_error *
graft_held_read_unit(pid_t pid, struct graft_unit *ret);

/**
 * Ask for the packages of all files, and forget those that no upgrade replaced, and who has
 * only such.
 *
 * @param[in,out] held Gets its packages.
 * @param[in] before_dir As for graft_held_find().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_held_ask_packages(struct graft_held *held, const char *before_dir);

#endif /* GRAFT_HOST_HELD_PACKAGE_H */
