// SPDX-License-Identifier: Apache-2.0

/** @file The options of the verbs that work on processes. */

#ifndef GRAFT_CMD_OPTIONS_H
#define GRAFT_CMD_OPTIONS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Which options a verb takes, beside --help. */
enum graft_option {
	GRAFT_OPTION_ALL = 1,
	GRAFT_OPTION_PID = 2,
	GRAFT_OPTION_WAIT = 4,
	GRAFT_OPTION_JSON = 8,
	GRAFT_OPTION_DRY_RUN = 16,
	/** One argument that is no option: a file or an id. */
	GRAFT_OPTION_SUBJECT = 32,
	/** --all or --pid must be there. */
	GRAFT_OPTION_WHO = 64,
	GRAFT_OPTION_COMPLETELY = 128,
	/** --all-or-none, --canary and --watch. */
	GRAFT_OPTION_ROLLOUT = 256,
	/** --unit, --package and --cgroup. */
	GRAFT_OPTION_SCOPE = 512,
	GRAFT_OPTION_IMMEDIATE = 1024,
	/** One argument that is no option: the name of a service. */
	GRAFT_OPTION_SERVICE = 2048,
	/** --root, --in, --no-memory and --allow-scripts. */
	GRAFT_OPTION_INSTALL = 4096,
	/** --no-memory alone; and the one argument may be left out. */
	GRAFT_OPTION_ROLLBACK = 8192,
	GRAFT_OPTION_UNATTENDED = 16384,
};

/** What a command line says. */
struct graft_options {
	const char *subject;
	bool all;
	pid_t *pids;
	size_t pid_count;
	/** --wait in microseconds; 10 s if it is not given. */
	uint64_t wait_us;
	bool json;
	bool dry_run;
	bool completely;
	bool all_or_none;
	/** What they say; NULL: not given. The last begins with '/'. Lent by argv. */
	const char *unit;
	const char *package;
	const char *cgroup;
	bool immediate;
	/** NULL: not given. Lent by argv. */
	const char *root;
	const char *in;
	bool no_memory;
	bool allow_scripts;
	bool unattended;
	/** --canary: how many processes come first; 0: no such thing. */
	size_t canaries;
	/** --watch was given. */
	bool watch;
	/** --watch in microseconds; 30 s if it is not given. */
	uint64_t watch_us;
};

/** Free what options own. Also their guard. */
void
graft_options_deinit(struct graft_options *options);

/**
 * Read a command line.
 *
 * @param[in] usage Printed for --help. What is wrong is said in one line.
 * @param[in] allowed #graft_option, or-ed.
 * @param[out] ret What it says; free with graft_options_deinit().
 * @param[out] status_ret Exit status, if the result is false.
 * @return false: there is nothing to do, the usage or what is wrong was printed.
 */
bool
graft_options_parse(int argc, char **argv, const char *usage, unsigned allowed,
		    struct graft_options *ret, int *status_ret);

#endif /* GRAFT_CMD_OPTIONS_H */
