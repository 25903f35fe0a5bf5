// SPDX-License-Identifier: Apache-2.0

#include "proc/hints.h"

#include "proc/tables.h"

struct graft_error *
graft_hints_init(struct graft_hints *ret)
{
	*ret = (struct graft_hints){ 0 };
	return graft_tables_new(&ret->tables);
}

void
graft_hints_deinit(struct graft_hints *hints)
{
	graft_tables_free(hints->tables);
	*hints = (struct graft_hints){ 0 };
}
