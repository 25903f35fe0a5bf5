// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * When a host may be restarted for a cumulative update: a window of the week, a deadline, and who
 * is told how long before.
 *
 * A restart that waits is made within the window. When the release is older than the deadline it is
 * made outside of it too, but never sooner after the update than the grace: who was switched off for
 * a month has that time to find a window. Without hours there is no window, and nothing restarts by itself.
 *
 * All of it but the file's reading is arithmetic; nothing here knows what time it is.
 */

#ifndef GRAFT_UPDATE_WINDOW_H
#define GRAFT_UPDATE_WINDOW_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Where it is unless something else is said. */
#define GRAFT_WINDOW_PATH "/etc/graft/restart.conf"

/** When to restart, and how. */
struct graft_window {
	/** There are hours: it may restart by itself. */
	bool given;
	/** Bit 0 is Sunday: days on which a window begins. */
	uint8_t weekdays;
	/** In minutes of the zone's clock; an end that is not later is of the next day. */
	int begin;
	int end;
	/** Owned. */
	char *zone;
	/** Days behind the release; hours behind the update. */
	uint32_t deadline_days;
	uint32_t grace_hours;
	/** Minutes between the warning and the restart. */
	uint32_t warning_min;
	/** Command that restarts, and the one that takes it back, as words with blanks between;
	 * NULL: the host's own. Owned. */
	char *command;
	char *cancel;
};

/** When a restart is due. */
struct graft_window_due {
	/** It is, at some time. */
	bool known;
	/** Unix time in seconds: then the warning is given. */
	int64_t warn_at;
	/** Then it restarts. */
	int64_t restart_at;
	/** Not in a window: the deadline has passed. */
	bool forced;
};

/**
 * Decode a file.
 *
 * @param[in] text Untrusted settings, of @p len bytes; docs/decisions/restarts.md has the keys.
 * @param[in] file What errors call it.
 * @param[out] ret New; graft_window_free().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT or #GRAFT_ERROR_LIMIT with the line.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_window_parse(const char *text, size_t len, const char *file,
		   struct graft_window **ret);

/** Free a window. NULL is a no-op. */
void
graft_window_free(struct graft_window *window);
GRAFT_DEFINE_CLEANUP(struct graft_window, graft_window_free)

/**
 * Compute when a restart is due.
 *
 * The process is in the window's zone (release/zone.h).
 *
 * @param[in] released Of the release, @p updated when the packages were there, @p now: Unix times in
 * seconds.
 */
struct graft_window_due
graft_window_find(const struct graft_window *window, int64_t released,
		  int64_t updated, int64_t now);

#endif /* GRAFT_UPDATE_WINDOW_H */
