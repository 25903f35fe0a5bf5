// SPDX-License-Identifier: Apache-2.0

#include "proc/hints.h"

#include "proc/batch.h"
#include "proc/memory_group.h"
#include "proc/tables.h"

struct graft_error *
graft_hints_init(struct graft_hints *ret)
{
	*ret = (struct graft_hints){ 0 };
	graft_sigframe_layout_read(&ret->frame);
	struct graft_error *err = graft_tables_new(&ret->tables);
	if (!err)
		err = graft_memory_groups_new(&ret->groups);
	if (err)
		graft_hints_deinit(ret);
	return err;
}

void
graft_hints_deinit(struct graft_hints *hints)
{
	graft_batch_free(hints->batch);
	graft_memory_groups_free(hints->groups);
	graft_tables_free(hints->tables);
	graft_tick_end(&hints->tick);
	*hints = (struct graft_hints){ 0 };
}
