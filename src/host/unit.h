// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which service a process belongs to, by its control group, and how that is restarted.
 * systemd.slice(5): slices hold units, and what is below a unit is its own affair.
 */

#ifndef GRAFT_HOST_UNIT_H
#define GRAFT_HOST_UNIT_H

#include "base/error.h"
#include "base/text.h"

#include <sys/types.h>

/** What a control group is. */
enum graft_unit_kind {
	/** Nobody's: started by hand, or on a host without systemd. */
	GRAFT_UNIT_NONE,
	/** Of the system: "nginx.service". */
	GRAFT_UNIT_SYSTEM,
	/** Of a user's own manager. */
	GRAFT_UNIT_USER,
	/** A login: "session-3.scope". */
	GRAFT_UNIT_SESSION,
	/** A container: "docker-....scope" and the like. */
	GRAFT_UNIT_CONTAINER,
	/** The init process: "init.scope". */
	GRAFT_UNIT_INIT,
};

/** A service. */
struct graft_unit {
	enum graft_unit_kind kind;
	/** Name of the unit, or of the container; NULL for none. */
	char *name;
	/** Number of the user, of #GRAFT_UNIT_USER, and of a container that a user runs; or NULL. */
	char *user;
	/** What restarts a container: "docker restart"; NULL if that is not known. A literal. */
	const char *runner;
};

/** Free what a unit owns, and zero it. Also its guard. */
void
graft_unit_deinit(struct graft_unit *unit);

/**
 * Say which unit a control group belongs to.
 *
 * @param[in] cgroup As graft_cgroup_read() returns it. Untrusted.
 * @param[out] ret Free with graft_unit_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_unit_parse(const char *cgroup, struct graft_unit *ret);

/**
 * Append the command by which it is restarted, in a form that a shell takes, or where
 * there is none what to do.
 *
 * @param[in] pid The process that is meant, and its name.
 */
void
graft_unit_put_restart(const struct graft_unit *unit, pid_t pid,
		       const char *comm, struct graft_text *text);

#endif /* GRAFT_HOST_UNIT_H */
