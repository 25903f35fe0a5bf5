// SPDX-License-Identifier: Apache-2.0

// R-02 once more without what lives only in frames of replaced functions: no such
// object is alive when a process is switched. That is asked only where a function
// would be refused, since it takes the whole of what calls it.

#include "judge/checks.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

/** Take a copy of the instructions of a function, and mark what is confined. */
static struct graft_error *
confine(struct graft_case *c, bool new_side, const struct graft_ops *ops,
	struct graft_ops *ret, bool *any_ret)
{
	struct graft_ops copy = *ops;

	copy.ops = calloc((size_t)ops->count + 1, sizeof(*copy.ops));
	if (!copy.ops)
		return graft_error_no_memory();
	memcpy(copy.ops, ops->ops, ops->count * sizeof(*copy.ops));
	*ret = copy;
	return graft_case_confine(c, new_side, ret, any_ret);
}

struct graft_error *
graft_check_layout(struct graft_case *c, const struct graft_twin *twin)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops o = { 0 };
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops n = { 0 };
	struct graft_case_point before = graft_case_here(c);
	uint32_t refusals = graft_case_refusals(c);
	bool old_any = false;
	bool new_any = false;
	struct graft_error *err = graft_layout_compare(c, twin);

	if (err || graft_case_refusals(c) == refusals)
		return err;
	err = confine(c, false, &twin->old_ops, &o, &old_any);
	if (!err)
		err = confine(c, true, &twin->new_ops, &n, &new_any);
	if (err || !old_any || !new_any)
		return err;
	struct graft_twin again = *twin;
	again.old_ops = o;
	again.new_ops = n;
	graft_case_back(c, &before);
	return graft_layout_compare(c, &again);
}
