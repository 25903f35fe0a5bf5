// SPDX-License-Identifier: Apache-2.0

// What can be asked of an expression without knowing how it came about.

#include "judge/flow/values.h"
#include "judge/flow/values_root.h"

bool
graft_value_is_same(struct graft_value a, struct graft_value b)
{
	return a.root == b.root && a.off == b.off;
}

bool
graft_value_is_other(struct graft_value a, struct graft_value b)
{
	if (a.root == ROOT_UNKNOWN || b.root == ROOT_UNKNOWN ||
	    a.root == ROOT_CONSTANT || b.root == ROOT_CONSTANT)
		return false;
	if (a.root == b.root)
		return a.off != b.off;
	return !((a.root | b.root) & VAGUE);
}

bool
graft_value_is_in_frame(struct graft_value value)
{
	return value.root == ROOT_FRAME;
}

bool
graft_value_is_old_address(struct graft_value value, uint64_t *addr_ret)
{
	*addr_ret = (uint64_t)value.off;
	return value.root == ROOT_ADDRESS;
}

bool
graft_value_is_new_address(struct graft_value value, uint64_t *addr_ret)
{
	*addr_ret = (uint64_t)value.off;
	return value.root == ROOT_NEW_ADDRESS;
}

bool
graft_value_is_something(struct graft_value value)
{
	return value.root != ROOT_UNKNOWN && value.root != ROOT_MET &&
	       value.root != ROOT_CONSTANT;
}
