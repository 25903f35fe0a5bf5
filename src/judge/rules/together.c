// SPDX-License-Identifier: Apache-2.0

// R-02 over all carried functions at once. A compiler that sees both may load a
// member in the caller in one build and in the callee in the other; put side by
// side, neither then has a displacement that moved.

#include "judge/flow/accesses.h"
#include "judge/rules/checks.h"

#include "base/vec.h"

#include <stdlib.h>

/** Add what one function reaches through pointers. */
static struct graft_error *
add(const struct graft_code *code, uint32_t func, struct graft_accesses *all,
    size_t *cap)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	GRAFT_CLEANUP(graft_frame_deinit) struct graft_frame frame = { 0 };
	GRAFT_CLEANUP(graft_accesses_deinit) struct graft_accesses one = { 0 };
	struct graft_error *err = graft_ops_read(code, func, &ops);

	if (!err)
		err = graft_frame_read(&ops, &frame);
	if (!err)
		err = graft_accesses_read(&ops, &frame, &one);
	if (!err)
		err = graft_vec_reserve(&all->list, cap, all->count + one.count,
					sizeof(*all->list));
	for (size_t i = 0; !err && i < one.count; i++)
		all->list[all->count++] = one.list[i];
	return err;
}

static struct graft_error *
add_carried(const struct graft_code *code, const struct graft_func_match *match,
	    struct graft_accesses *all)
{
	struct graft_error *err = NULL;
	size_t cap = 0;

	for (uint32_t i = 0; !err && i < code->func_count; i++) {
		if (match[i].carried)
			err = add(code, i, all, &cap);
	}
	return err;
}

struct graft_error *
graft_check_together(struct graft_case *c)
{
	const struct graft_diff *diff = c->diff;
	GRAFT_CLEANUP(graft_accesses_deinit) struct graft_accesses o = { 0 };
	GRAFT_CLEANUP(graft_accesses_deinit) struct graft_accesses n = { 0 };
	int64_t by;

	if (c->per_rule[GRAFT_RULE_LAYOUT] || diff->carried_count == 0)
		return NULL;
	struct graft_error *err = add_carried(diff->old_code, diff->old_match,
					      &o);
	if (!err)
		err = add_carried(diff->new_code, diff->new_match, &n);
	if (err || !graft_accesses_all_moved(&o, &n, &by))
		return err;
	const struct graft_access *was = o.list;
	while (was->disp == 0)
		was++;
	const struct graft_access *is = n.list;
	while (is->disp != was->disp + by)
		is++;
	uint32_t func = graft_code_func_at(diff->new_code, is->addr);
	struct graft_place_text where = graft_place_code(diff->new_code, func,
							 is->addr);
	return graft_case_refuse(
		c, GRAFT_RULE_LAYOUT, where.str,
		"no displacement is left at which the replaced functions reached what is pointed to (0x%llx at 0x%llx of OLD, 0x%llx here), and that members moved by %lld explains all",
		(unsigned long long)was->disp, (unsigned long long)was->addr,
		(unsigned long long)is->disp, (long long)by);
}
