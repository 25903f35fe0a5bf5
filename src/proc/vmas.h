// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Single mappings of a process as they are now.
 *
 * Maps that were read before a stop may be old by the time it holds. Linux 6.11
 * answers for one address in a microsecond (PROCMAP_QUERY); before that, the
 * whole of /proc/PID/maps is read once for each stop, when first asked.
 */

#ifndef GRAFT_PROC_VMAS_H
#define GRAFT_PROC_VMAS_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	/** Bytes of a name that is asked for, with its NUL. */
	GRAFT_VMA_NAME_SIZE = 32,
};

/** One mapping. The fields are those of struct graft_map. */
struct graft_vma {
	uint64_t start;
	uint64_t end;
	int prot;
	bool shared;
	uint64_t off;
	uint64_t dev;
	uint64_t inode;
};

/** Somebody to ask. */
struct graft_vmas;

/**
 * Prepare to ask about a process.
 *
 * @param[in] pid Process. That it cannot be opened shows when asking.
 * @param[out] ret Free with graft_vmas_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_vmas_new(pid_t pid, struct graft_vmas **ret);

/** Do without PROCMAP_QUERY, as older kernels do. */
void
graft_vmas_use_text(struct graft_vmas *vmas);

/**
 * Forget what was read: the process ran since.
 *
 * @param[in] tid A living thread, whose /proc entry is read where needed; the
 * leader may have exited.
 */
void
graft_vmas_renew(struct graft_vmas *vmas, pid_t tid);

/**
 * Find the mapping that contains an address, or else the next one above.
 *
 * @param[out] ret The mapping.
 * @param[out] found_ret false if there is none.
 * @return NULL; what graft_maps_read() returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_vmas_next(struct graft_vmas *vmas, uint64_t addr, struct graft_vma *ret,
		bool *found_ret);

/**
 * Find the executable mapping that contains an address, or else the next one above.
 *
 * @param[out] ret The mapping.
 * @param[out] found_ret false if there is none; [vsyscall] is none.
 * @return NULL; what graft_maps_read() returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_vmas_next_code(struct graft_vmas *vmas, uint64_t addr,
		     struct graft_vma *ret, bool *found_ret);

/**
 * Find the mapping that contains an address, or else the next one above, of those that
 * may be read and written.
 *
 * @param[out] ret The mapping.
 * @param[out] found_ret false if there is none.
 * @return NULL; what graft_maps_read() returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_vmas_next_data(struct graft_vmas *vmas, uint64_t addr,
		     struct graft_vma *ret, bool *found_ret);

/**
 * Read the name of a mapping that is no file's: "[stack]" and the like.
 *
 * @param[in] vma As it was found a moment ago.
 * @param[out] ret "" if it has none; "?" if it is not there any more, or has a longer
 * one.
 * @return NULL; what graft_maps_read() returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_vmas_name(struct graft_vmas *vmas, const struct graft_vma *vma,
		char ret[GRAFT_VMA_NAME_SIZE]);

/**
 * Read what would be read when first asked: where queries do not work, that takes too
 * long to be done in a stop.
 *
 * @return NULL; what graft_maps_read() returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_vmas_prepare(struct graft_vmas *vmas);

/** Say whether the kernel answers for one address. */
bool
graft_vmas_has_queries(struct graft_vmas *vmas);

/** Free. NULL is a no-op. */
void
graft_vmas_free(struct graft_vmas *vmas);
GRAFT_DEFINE_CLEANUP(struct graft_vmas, graft_vmas_free)

#endif /* GRAFT_PROC_VMAS_H */
