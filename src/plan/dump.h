// SPDX-License-Identifier: Apache-2.0

/** @file The hotpatches in a core dump: its header pages, and the live bytes. */

#ifndef GRAFT_PLAN_DUMP_H
#define GRAFT_PLAN_DUMP_H

#include "base/error.h"
#include "elf/core.h"
#include "plan/find.h"

/** What a hotpatch in a dump is. */
enum graft_dump_state {
	/** All of its jumps were in. */
	GRAFT_DUMP_APPLIED,
	/** None was; a newer one of its module has taken its place. */
	GRAFT_DUMP_REPLACED,
	/** None was. */
	GRAFT_DUMP_REVERTED,
	/** Some were: the process died while it was switched. */
	GRAFT_DUMP_INCOMPLETE,
	/** Somebody else wrote there. */
	GRAFT_DUMP_DAMAGED,
	/** The code is not in the dump: who made it left out what files hold. */
	GRAFT_DUMP_UNKNOWN,
};

/**
 * Look for header pages in a dump.
 *
 * @param[out] ret New list, by ascending address; free with graft_headers_free().
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dump_find(const struct graft_core *core, struct graft_headers **ret);

/**
 * Say what a hotpatch of a dump was when the process died, by its live bytes.
 *
 * @param[in] headers All of the dump.
 * @param[in] header One of them.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dump_state(const struct graft_core *core,
		 const struct graft_headers *headers,
		 const struct graft_header *header, enum graft_dump_state *ret);

/**
 * Find the replaced function that a thread was in the carried code of.
 *
 * @param[in] pc Where it was.
 * @param[out] ret The last replaced function of the hotpatch whose carried code
 * begins at or before that, NULL if there is none; what is carried beside replaced
 * functions has no name in the page.
 * @return Whether @p pc is in carried code of this hotpatch.
 */
bool
graft_dump_is_carried(const struct graft_header *header, uint64_t pc,
		      const struct graft_header_redirect **ret);

#endif /* GRAFT_PLAN_DUMP_H */
