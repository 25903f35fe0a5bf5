// SPDX-License-Identifier: Apache-2.0

// R-02 over all carried functions at once. A compiler that sees both may load a
// member in the caller in one build and in the callee in the other; put side by
// side, neither then has a displacement that moved. Where types are known, what
// they do not explain must show the movement, too.

#include "judge/flow/accesses.h"
#include "judge/rules/checks.h"
#include "judge/types/explained.h"
#include "judge/types/types.h"

#include "base/vec.h"

#include <stdlib.h>

/** Add what one function reaches through pointers. @param[in] left Only what types
 * do not explain. */
static struct graft_error *
add(const struct graft_case *c, const struct graft_code *code, uint32_t func,
    bool left, struct graft_accesses *all, size_t *cap)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	GRAFT_CLEANUP(graft_frame_deinit) struct graft_frame frame = { 0 };
	GRAFT_CLEANUP(graft_accesses_deinit) struct graft_accesses one = { 0 };
	GRAFT_FREE bool *explained = NULL;
	struct graft_error *err = graft_ops_read(code, func, &ops);

	if (!err)
		err = graft_frame_read(&ops, &frame);
	if (!err && left)
		err = graft_explained_in(c, &ops, &explained);
	if (!err)
		err = graft_accesses_read(&ops, &frame, explained, &one);
	if (!err)
		err = graft_vec_reserve(&all->list, cap, all->count + one.count,
					sizeof(*all->list));
	for (size_t i = 0; !err && i < one.count; i++)
		all->list[all->count++] = one.list[i];
	return err;
}

static struct graft_error *
add_carried(const struct graft_case *c, const struct graft_code *code,
	    const struct graft_func_match *match, bool left,
	    struct graft_accesses *ret)
{
	struct graft_error *err = NULL;
	size_t cap = 0;

	graft_accesses_deinit(ret);
	for (uint32_t i = 0; !err && i < code->func_count; i++) {
		if (match[i].carried)
			err = add(c, code, i, left, ret, &cap);
	}
	return err;
}

/** Say whether all that is reached moved alike. @param[out] by_ret By how much. */
static struct graft_error *
compare(const struct graft_case *c, bool left, struct graft_accesses *o,
	struct graft_accesses *n, int64_t *by_ret, bool *ret)
{
	const struct graft_diff *diff = c->diff;
	struct graft_error *err = add_carried(c, diff->old_code,
					      diff->old_match, left, o);

	if (!err)
		err = add_carried(c, diff->new_code, diff->new_match, left, n);
	*ret = !err && graft_accesses_all_moved(o, n, by_ret);
	return err;
}

struct graft_error *
graft_check_together(struct graft_case *c)
{
	const struct graft_diff *diff = c->diff;
	GRAFT_CLEANUP(graft_accesses_deinit) struct graft_accesses o = { 0 };
	GRAFT_CLEANUP(graft_accesses_deinit) struct graft_accesses n = { 0 };
	bool moved = false;
	int64_t by = 0;

	if (c->per_rule[GRAFT_RULE_LAYOUT] || diff->carried_count == 0)
		return NULL;
	struct graft_error *err = compare(c, false, &o, &n, &by, &moved);
	if (!err && moved && graft_types_rule_out_layout(c))
		err = compare(c, true, &o, &n, &by, &moved);
	if (err || !moved)
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
