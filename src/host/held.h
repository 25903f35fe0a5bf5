// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Who holds files other than code that an upgrade replaced: a script that runs, data that
 * are mapped, a file that is open. No hotpatch helps there.
 *
 * A file counts if it lies where only packages put files (/usr without /usr/local, /lib*,
 * /bin, /sbin, /opt, /etc), belongs to a package that was unpacked after the process had
 * started, and holds something else than before (docs/decisions/sync.md).
 */

#ifndef GRAFT_HOST_HELD_H
#define GRAFT_HOST_HELD_H

#include "base/cleanup.h"
#include "base/error.h"
#include "host/package.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** How a process holds a file. */
enum graft_held_how {
	/** It is mapped, and none of it as code. */
	GRAFT_HELD_MAPPED,
	GRAFT_HELD_OPEN,
	/** It is a word of the command line: a script, a configuration. */
	GRAFT_HELD_STARTED_WITH,
	/** It describes the unit of systemd that the process is in. */
	GRAFT_HELD_UNIT,
};

struct graft_old_code;

/** A file that is another one now. */
struct graft_held_file {
	enum graft_held_how how;
	/** Owned. */
	char *path;
	/** Nothing is at its path any more. */
	bool gone;
	/** Of #GRAFT_HELD_STARTED_WITH: it is the first word that is no option, and a
	 * script. */
	bool script;
	/** In graft_held::packages; SIZE_MAX: of none, which is only of what is gone. */
	size_t package;
	/** Of a script that is the same: a file of its package that is another one, and
	 * how many more are. Owned. */
	char *beside;
	size_t more;
};

/** A process that holds such files. */
struct graft_held_process {
	pid_t pid;
	char comm[16];
	/** graft_proc_status::start_ticks. */
	uint64_t start_ticks;
	struct graft_held_file *files;
	size_t count;
};

/** What was found. */
struct graft_held {
	struct graft_held_process *processes;
	size_t count;
	struct graft_packages *packages;
};

/**
 * Look at processes of our own root. No process is stopped, and those that end meanwhile,
 * or that we may not look at, are left out.
 *
 * @param[in] pids Who.
 * @param[in] count How many.
 * @param[in] code What graft_old_code_find() found of them: who has such files mapped.
 * @param[in] before_dir Where sums of packages were put aside (host/before.h).
 * @param[out] ret New; free with graft_held_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_held_find(const pid_t *pids, size_t count,
		const struct graft_old_code *code, const char *before_dir,
		struct graft_held **ret);

/** Free what was found. NULL is a no-op. */
void
graft_held_free(struct graft_held *held);
GRAFT_DEFINE_CLEANUP(struct graft_held, graft_held_free)

/** Free what a file owns. */
void
graft_held_file_deinit(struct graft_held_file *file);

/** Get the word for how a file is held, as JSON has it: "mapped". Static. */
const char *
graft_held_how_name(enum graft_held_how how);

/** Say whether a path lies where only packages put files. */
bool
graft_held_is_static(const char *path);

/** Say whether a changed file of a package is none that a process could have read to do
 * its work: documentation, or code, which is looked at by its mappings. */
bool
graft_held_is_idle(const char *path);

/** Say whether a program runs code that it reads from files which then are neither mapped
 * nor open, by its name. */
bool
graft_held_is_interpreter(const char *program);

#endif /* GRAFT_HOST_HELD_H */
