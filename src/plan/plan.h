// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A hotpatch and a process -> what would be done, or why it is not.
 *
 * A plan reads the process and touches nothing. It is made while the process
 * runs, so whoever carries it out checks again, with all threads stopped, what
 * may have changed meanwhile.
 */

#ifndef GRAFT_PLAN_PLAN_H
#define GRAFT_PLAN_PLAN_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "patch/patch.h"
#include "plan/builds.h"
#include "plan/find.h"
#include "plan/header.h"
#include "plan/module.h"
#include "plan/shadow.h"
#include "proc/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What is done to one module. */
struct graft_plan_module {
	/** Borrowed from the patch. */
	const struct graft_patch_module *patch;
	/** The header page as it will be; its state is `building`. */
	struct graft_header header;
	/** What is written into the shadow. */
	struct graft_shadow shadow;
	/** The shadow of an earlier, reverted application is used again. */
	bool reuse;
	/**
	 * Whose jumps are in now, to be exchanged in the same stop; NULL: nobody's.
	 * Borrowed from the plan's headers.
	 */
	const struct graft_header *replaced;
	/** If a shadow is used again: what was in before at that time. */
	struct graft_header_before below;
	/**
	 * Whose page names that shadow as the one before, and is to name @ref below
	 * afterwards: what comes twice in a chain leads in a circle. Or NULL.
	 */
	const struct graft_header *above;
};

/** A plan for one process. */
struct graft_plan {
	pid_t pid;
	uint64_t start_ticks;
	/** Which run of a program it was made for; see graft_target_run(). */
	uint8_t run[16];
	char comm[16];
	/** Borrowed. */
	const struct graft_patch *patch;
	struct graft_plan_module *modules;
	size_t count;
	/** What was in the process. */
	struct graft_headers *headers;
	/** What it mapped. Owned; NULL: they are not kept. */
	struct graft_maps *maps;
	/** The modules among these. Owned; NULL like them. */
	struct graft_modules *mapped;
	/** Threads may stay in what is replaced, where that is proven. False as it is
	 * made; set by who carries it out. */
	bool immediate;
};

/**
 * Make a plan.
 *
 * @param[in] target In any state but STOPPED.
 * @param[in,out] patch Borrowed until the plan is freed. A module of which only
 * the delta is known gets its code, from the file that the process maps.
 * @param[in] builds Files that were read already.
 * @param[out] ret New plan; free with graft_plan_free().
 * @return NULL; #GRAFT_ERROR_BUILD_ID_MISMATCH if the process maps no module of
 * the hotpatch's OLD builds; #GRAFT_ERROR_ALREADY_APPLIED;
 * #GRAFT_ERROR_NO_SPACE_NEARBY; #GRAFT_ERROR_REFUSED with rule, place and
 * sentence; #GRAFT_ERROR_BAD_INPUT if hotpatch and file contradict each other;
 * #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_plan_make(struct graft_target *target, struct graft_patch *patch,
		struct graft_builds *builds, struct graft_plan **ret);

/**
 * Look whether the process has room for the shadows in its address space, and no thread
 * in strict seccomp mode.
 *
 * Not part of graft_plan_make(): who carries the plan out asks when the process is
 * attached to, when it has read anyway what this needs; who only shows it asks at once.
 *
 * @param[in] target The process. What was seen of it when its filters were checked is
 * used, if that says that there are none.
 * @return NULL; #GRAFT_ERROR_REFUSED; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_plan_check_space(const struct graft_plan *plan,
		       const struct graft_target *target);

/**
 * Look whether the process's memory control groups have room for what the plan
 * writes. Not part of graft_plan_make(), as graft_plan_check_space(): what others of the
 * group, and the same command, take meanwhile must count.
 *
 * @param[in] target The process; its hints know groups.
 * @return NULL; #GRAFT_ERROR_REFUSED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_plan_check_memory(const struct graft_plan *plan,
			const struct graft_target *target);

/** Free a plan. NULL is a no-op. */
void
graft_plan_free(struct graft_plan *plan);
GRAFT_DEFINE_CLEANUP(struct graft_plan, graft_plan_free)

/** Count the functions that get jumps. */
uint32_t
graft_plan_functions(const struct graft_plan *plan);

/** Append the ordered steps of a plan, one a line. */
void
graft_plan_print(const struct graft_plan *plan, struct graft_text *text);

#endif /* GRAFT_PLAN_PLAN_H */
