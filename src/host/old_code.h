// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Who runs old code: processes that have a file mapped as code which its path no longer
 * holds, because an upgrade put another one there.
 *
 * A path means what it means in the root of the process. Files are told apart by what
 * they hold (SHA-256), never by name or build-id, which a container can forge.
 */

#ifndef GRAFT_HOST_OLD_CODE_H
#define GRAFT_HOST_OLD_CODE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sha256.h"
#include "proc/maps.h"
#include "proc/root.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** A file that is mapped, and what stands for it now. */
struct graft_old_file {
	/** As the processes see it. */
	char *path;
	/** The same, or where that is gone and it is a library: what its soname leads to
	 * in the same folder. NULL: nothing stands for it. */
	char *new_path;
	uint8_t old_sha256[GRAFT_SHA256_LEN];
	/** Only if there is a @ref new_path. */
	uint8_t new_sha256[GRAFT_SHA256_LEN];
	/** The root that the paths are of, and whether that is ours: of who loaded it
	 * and then called chroot(2), or sees the same file there, it is not the one of
	 * the process. */
	struct graft_root root;
	bool ours;
	/** One that maps it, and where. */
	pid_t pid;
	struct graft_map map;
	/** The map's path. */
	char *map_path;
	/** Why it could not be compared, or NULL; then it has no hashes. */
	char *why;
};

/** A process with old code. */
struct graft_old_process {
	pid_t pid;
	char comm[16];
	/** By which it is known again; graft_proc_status::start_ticks. */
	uint64_t start_ticks;
	/** Indexes in graft_old_code::files, ascending. */
	size_t *files;
	size_t file_count;
};

/** What was found. */
struct graft_old_code {
	struct graft_old_file *files;
	size_t file_count;
	struct graft_old_process *processes;
	size_t process_count;
	/** Processes that have a file mapped which was deleted or replaced and is no code,
	 * in the order in which they were asked for: host/held.h looks into those. */
	pid_t *holders;
	size_t holder_count;
	/** Processes that were looked at, and those that we may not look at. */
	size_t looked;
	size_t unseen;
};

/**
 * Look at processes. No process is stopped, and those that end meanwhile are left out.
 *
 * @param[in] pids Who.
 * @param[in] count How many.
 * @param[out] ret New; free with graft_old_code_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_old_code_find(const pid_t *pids, size_t count,
		    struct graft_old_code **ret);

/** Free what was found. NULL is a no-op. */
void
graft_old_code_free(struct graft_old_code *code);
GRAFT_DEFINE_CLEANUP(struct graft_old_code, graft_old_code_free)

/**
 * Open a file that is mapped, or what stands for it now.
 *
 * @param[in] is_new What stands for it.
 * @param[out] fd_ret Read-only; the caller closes it. It may hold something else by now
 * than was hashed.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_old_file_open(const struct graft_old_file *file, bool is_new,
		    int *fd_ret);

/**
 * Find another process that maps a file, if the one by which it was opened has ended or
 * maps it no more.
 *
 * @param[in,out] file Of @p code; gets that process and its mapping.
 * @param[in,out] next Where in graft_old_code::processes to go on; begin with 0.
 * @param[out] ret There is one.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_old_file_renew(const struct graft_old_code *code,
		     struct graft_old_file *file, size_t *next, bool *ret);

#endif /* GRAFT_HOST_OLD_CODE_H */
