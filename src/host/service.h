// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which processes a service has, and whether anything but code of it was changed since they
 * were started. Asked while its package is being upgraded: whoever is not sure says so.
 */

#ifndef GRAFT_HOST_SERVICE_H
#define GRAFT_HOST_SERVICE_H

#include "base/error.h"
#include "host/package.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** A service. */
struct graft_service {
	/** As maintainer scripts call it: a unit, or an init script. Borrowed. */
	const char *name;
	pid_t *pids;
	size_t count;
	/** Since when the one that was started first runs: Unix time in microseconds. */
	uint64_t start_us;
	/** The packages of its programs, of the file that describes it, and all others of
	 * the same sources. */
	struct graft_packages *packages;
};

/** Free what a service owns, and zero it. Also its guard. */
void
graft_service_deinit(struct graft_service *service);

/**
 * Find a service. Its processes are those in the control group of the unit. Without systemd
 * they are those whose program comes from the source package of the init script, and all
 * that they have started.
 *
 * @param[in] name "nginx" or "nginx.service". Borrowed by the result.
 * @param[out] ret Free with graft_service_deinit(). With a graft_service::count of 0 nothing
 * else is set.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_service_find(const char *name, struct graft_service *ret);

/**
 * Say why a service is not sure to have nothing but code that was changed since it was
 * started: another file of its packages, configuration, an interpreter whose modules nobody
 * knows, or an upgrade of which it is not known what it changed.
 *
 * @param[in] before_dir Where sums of packages were put aside (host/before.h).
 * @param[out] why_ret New string that the caller frees; NULL: it has nothing else.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_service_find_change(const struct graft_service *service,
			  const char *before_dir, char **why_ret);

/**
 * Find the file that describes a unit; systemd.unit(5).
 *
 * @param[out] ret New string that the caller frees; NULL: there is none where such files
 * are, as of what a generator made.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_service_find_unit_file(const char *name, char **ret);

/** Is a unit the one that is named? systemctl(1) lets ".service" be left out.
 * @param[in] unit May be NULL. */
bool
graft_service_is_named(const char *unit, const char *name);

#endif /* GRAFT_HOST_SERVICE_H */
