// SPDX-License-Identifier: Apache-2.0

/** @file Which file is behind a mapping, and whether the memory still shows it. */

#ifndef GRAFT_PROC_BACKING_H
#define GRAFT_PROC_BACKING_H

#include "proc/maps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** A file at one moment, as one process reaches it. All numbers are compared. */
struct graft_backing {
	/** As stat(2) names them: a maps file does not on btrfs and overlayfs. */
	uint64_t dev;
	uint64_t inode;
	uint64_t size;
	uint64_t changed_ns;
	uint64_t written_ns;
	/** Whose process it is, and which files it sees: who may trace each other. */
	uint64_t uid;
	uint64_t mounts;
};

enum {
	/** Mappings that are remembered to show their files. */
	GRAFT_BACKINGS_SHOWN = 16,
	/** Pages that are asked for at once. */
	GRAFT_BACKINGS_PAGES = 512,
};

/** What is asked of one process, several times. Zeroes with the number: nothing yet. */
struct graft_backings {
	pid_t pid;
	/** A descriptor of the process, borrowed: it saves a walk through /proc. */
	bool has_pidfd;
	int pidfd;
	/** /proc/PID/pagemap is open as this descriptor. */
	bool open;
	int pagemap;
	/** The user is known: it may be set beforehand. */
	bool has_uid;
	bool has_mounts;
	uint64_t uid;
	uint64_t mounts;
	/** Where mappings begin that were seen to show their files. */
	uint64_t shown[GRAFT_BACKINGS_SHOWN];
	size_t shown_count;
	/** What the page map says of pages from this number on. */
	uint64_t pages_first;
	size_t pages_count;
	uint64_t pages[GRAFT_BACKINGS_PAGES];
};

/** Close what is open. Also the guard. */
void
graft_backings_deinit(struct graft_backings *backings);

/**
 * Find the file behind a mapping. Needs the right to follow /proc/PID/map_files.
 *
 * @param[in,out] backings The process.
 * @param[out] ret Filled if this returns true.
 * @return false if that is not known: then it must not be taken for any other. So it
 * is of shared mappings, and of memory that only looks like a file.
 */
bool
graft_backing_read(struct graft_backings *backings, const struct graft_map *map,
		   struct graft_backing *ret);

/**
 * Name the file behind a mapping without asking for it: by its numbers and its path as
 * the maps file has them, and by the build-id in it. Which files the process sees is part
 * of it only where the file lies on no disk. For who believes nothing but what a
 * process of the same user, with the same files, showed a moment ago: two files that
 * agree in all of this are copies of each other.
 *
 * @param[in] build_id At least 16 bytes, else no name is made.
 * @param[out] ret Filled if this returns true; equal to no graft_backing_read() by chance.
 * @return false: as graft_backing_read().
 */
bool
graft_backing_name(struct graft_backings *backings, const struct graft_map *map,
		   const uint8_t *build_id, size_t build_id_len,
		   struct graft_backing *ret);

/**
 * Look whether all pages of a private mapping are those of its file: the process has
 * written to none of them.
 *
 * @return false also if that cannot be seen.
 */
bool
graft_backing_shows(struct graft_backings *backings,
		    const struct graft_map *map);

#endif /* GRAFT_PROC_BACKING_H */
