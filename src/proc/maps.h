// SPDX-License-Identifier: Apache-2.0

/** @file The memory mappings of a process, and the modules among them. */

#ifndef GRAFT_PROC_MAPS_H
#define GRAFT_PROC_MAPS_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/** One line of /proc/PID/maps. */
struct graft_map {
	uint64_t start;
	/** One past the last byte. */
	uint64_t end;
	/** PROT_*. */
	int prot;
	bool shared;
	uint64_t off;
	/** Device as major << 32 | minor; 0 with @ref inode 0 if anonymous. */
	uint64_t dev;
	uint64_t inode;
	/** Path or "[stack]" and the like; "" if anonymous. Without " (deleted)".
	 * Borrowed from graft_maps::names, or a literal. */
	const char *path;
	/** The file is no longer at its path. */
	bool deleted;
};

/** All mappings of a process at one moment, by ascending address. */
struct graft_maps {
	struct graft_map *maps;
	size_t count;
	/** All paths, one behind the other. Owned; NULL: they are somebody else's. */
	char *names;
};

/**
 * Read /proc/PID/maps.
 *
 * @param[out] ret New maps; free with graft_maps_free().
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NOT_PERMITTED;
 * #GRAFT_ERROR_BAD_INPUT for a line that is none.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_maps_read(pid_t pid, struct graft_maps **ret);

/**
 * Parse the text of a maps file.
 *
 * @param[in] text Untrusted; need not end with NUL.
 * @param[in] len Bytes.
 * @param[out] ret New maps; free with graft_maps_free().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_maps_parse(const char *text, size_t len, struct graft_maps **ret);

/** Free maps. NULL is a no-op. */
void
graft_maps_free(struct graft_maps *maps);
GRAFT_DEFINE_CLEANUP(struct graft_maps, graft_maps_free)

/** Find the mapping that contains @p addr, or NULL. */
const struct graft_map *
graft_maps_at(const struct graft_maps *maps, uint64_t addr);

/**
 * Look at the file that a mapping names without opening it. Needs the right to follow
 * /proc/PID/map_files.
 *
 * @param[out] ret Filled if this returns true.
 * @return false: that cannot be seen, or it is no plain file.
 */
bool
graft_map_stat_file(pid_t pid, const struct graft_map *map, struct stat *ret);

/**
 * Open the file behind a mapping, even if it was deleted or replaced, through
 * /proc/PID/map_files (proc(5); needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN).
 * Without that right, and if the file still lies at its path in the process's
 * own root with the same device and inode, it is opened there.
 *
 * @param[out] fd_ret Descriptor, read-only, that the caller closes.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if the file can no longer be reached;
 * #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_map_open_file(pid_t pid, const struct graft_map *map, int *fd_ret);

/** As graft_map_open_file(), by a thread that is known to live. */
GRAFT_MUST_CHECK struct graft_error *
graft_map_open_file_of(pid_t tid, const struct graft_map *map, int *fd_ret);

/**
 * Find free address space for a block, as near as possible below a module.
 *
 * @param[in] near_start First byte of the module's mappings.
 * @param[in] near_end One past its last byte.
 * @param[in] len Size of the block in bytes.
 * @param[in] congruent The block's start must equal this modulo @p align.
 * @param[in] align Power of two, at least a page.
 * @param[in] reach Every byte of the block and of the module must be within
 * this many bytes of each other; at most INT32_MAX.
 * @param[out] ret Start of the block.
 * @return false if there is no such place outside the way of the heap (the
 * space above `[heap]` up to the next mapping) and of stacks (128 MiB below
 * `[stack]`).
 */
bool
graft_maps_find_free(const struct graft_maps *maps, uint64_t near_start,
		     uint64_t near_end, uint64_t len, uint64_t congruent,
		     uint64_t align, uint64_t reach, uint64_t *ret);

#endif /* GRAFT_PROC_MAPS_H */
