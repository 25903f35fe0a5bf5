// SPDX-License-Identifier: Apache-2.0

/** @file What `graft sync` says of files other than code that processes hold from before. */

#ifndef GRAFT_CMD_SYNC_HELD_H
#define GRAFT_CMD_SYNC_HELD_H

#include "base/error.h"
#include "base/text.h"
#include "cmd/sync_state.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

/**
 * Find who of those that are meant holds such files.
 *
 * @param[in,out] sync With its processes; gets graft_sync::held, or where dpkg does not
 * answer graft_sync::no_packages.
 * @param[in] options Whom to look at, and which package.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sync_find_held(struct graft_sync *sync,
		     const struct graft_options *options);

/** Append why a process of graft_sync::held needs a restart: one sentence. */
void
graft_sync_put_held_why(const struct graft_sync *sync, size_t at,
			struct graft_text *text);

/**
 * Append the commands that restart who holds such files, with the reasons, once for each
 * service.
 *
 * @param[in] title Goes in front of the first.
 */
void
graft_sync_put_held(const struct graft_sync *sync, const char *title,
		    struct graft_text *text);

/** Append a JSON object for each such process. @return false: no memory. */
bool
graft_sync_add_held(cJSON *list, const struct graft_sync *sync);

/** Add what is known of a package to a JSON object. @return false: no memory. */
bool
graft_sync_add_package(cJSON *object, const struct graft_package *package);

/** Add the unit or container of a process to a JSON object. @return false: no memory. */
bool
graft_sync_add_unit(cJSON *object, const struct graft_unit *unit);

/** Find which unit a process belongs to; one that has ended, to none. */
GRAFT_MUST_CHECK struct graft_error *
graft_sync_find_unit(pid_t pid, struct graft_unit *ret);

/** Is a package the one that was named, or of that source? @param[in] package May be
 * NULL. */
bool
graft_sync_is_named(const struct graft_package *package, const char *name);

#endif /* GRAFT_CMD_SYNC_HELD_H */
