// SPDX-License-Identifier: Apache-2.0

/** @file A program of the host that is run to its end: apt-get, dpkg, what restarts. */

#ifndef GRAFT_PERSIST_RUN_H
#define GRAFT_PERSIST_RUN_H

#include "base/error.h"
#include "base/text.h"

/**
 * Run a program: nothing to read, in its own process group, so that a Ctrl-C for us is none for
 * it.
 *
 * @param[in] argv Ends with NULL; its first is looked up where root's programs are.
 * @param[in] environment Ends with NULL.
 * @param[in] out Gets what the program says, on both of its outputs.
 * @param[out] status_ret As of waitpid(2).
 * @return NULL; #GRAFT_ERROR_OS if it cannot be run.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_run_to(const char *const *argv, const char *const *environment, int out,
	     int *status_ret);

/**
 * Run a program in an environment of our own, without questions. What it says goes to the end of
 * a log.
 *
 * @param[in] argv Ends with NULL; its first is looked up where root's programs are.
 * @param[in] log Path of the log; made if it is missing.
 * @param[out] status_ret As of waitpid(2).
 * @return NULL; #GRAFT_ERROR_OS if it cannot be run.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_run_logged(const char *const *argv, const char *log, int *status_ret);

/**
 * Run a program, and take what it prints.
 *
 * @param[in,out] out Gets at most 16 MiB of both of its outputs.
 * @return NULL; #GRAFT_ERROR_OS; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_run_read(const char *const *argv, struct graft_text *out,
	       int *status_ret);

/** Say how a program ended: "apt-get ended with status 100". @param[in] why Put behind. */
GRAFT_MUST_CHECK struct graft_error *
graft_run_failed(const char *name, int status, const char *why);

/** Append the end of a log, on one line. */
void
graft_run_put_tail(const char *log, struct graft_text *out);

#endif /* GRAFT_PERSIST_RUN_H */
