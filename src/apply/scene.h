// SPDX-License-Identifier: Apache-2.0

/** @file A process in which work was cut off, and what is in it. Inside apply/ only. */

#ifndef GRAFT_APPLY_SCENE_H
#define GRAFT_APPLY_SCENE_H

#include "apply/switch.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "ledger/ledger.h"
#include "plan/find.h"
#include "proc/maps.h"

#include <stdbool.h>

/** A process, and what is in it. */
struct graft_scene {
	struct graft_target *target;
	struct graft_maps *maps;
	struct graft_headers *headers;
	const struct graft_switch_limits *limits;
};

/** Free what a scene owns. Also its guard. */
void
graft_scene_deinit(struct graft_scene *scene);

/**
 * Read what is in the process now; what was read before is freed.
 *
 * @param[in,out] scene Its target is open.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_scene_read(struct graft_scene *scene);

/**
 * Find the header page that an entry of the ledger names.
 *
 * @return Borrowed from the scene; NULL if it is not there, or not whole.
 */
const struct graft_header *
graft_scene_header(const struct graft_scene *scene,
		   const struct graft_ledger_entry *entry);

/** Say whether two entries are of one work. */
bool
graft_scene_same_work(const struct graft_ledger_entry *a,
		      const struct graft_ledger_entry *b);

/** Unmap a shadow that never ran, header page last. */
GRAFT_MUST_CHECK struct graft_error *
graft_scene_unmap(const struct graft_scene *scene,
		  const struct graft_header *header);

/**
 * Unmap a header that was mapped but never written, or not to its end.
 *
 * What an entry names was not mapped by anybody when it was planned, and is
 * taken for ours if it is where and as large as the entry says, private and
 * anonymous, and either nobody ever wrote to it or it begins with the header of
 * this hotpatch, as far as that was written.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_scene_unmap_unfinished(const struct graft_scene *scene,
			     const struct graft_ledger_entry *entry);

/**
 * Wait until no thread is in or before a system call that was injected to make
 * the shadow, and look at the process anew: only then is what is seen all that
 * will come.
 *
 * @param[in] list Entries; those of other works than @p of are left out.
 * @return NULL; #GRAFT_ERROR_REFUSED if one still is; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_scene_wait_for_calls(struct graft_scene *scene,
			   const struct graft_ledger_list *list,
			   const struct graft_ledger_entry *of);

#endif /* GRAFT_APPLY_SCENE_H */
