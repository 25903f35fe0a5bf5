// SPDX-License-Identifier: Apache-2.0

// R-02 over all carried functions at once. A compiler that sees both may load a
// member in the caller in one build and in the callee in the other; put side by
// side, neither then has a displacement that moved.

#include "judge/accesses.h"
#include "judge/checks.h"

#include "base/vec.h"

#include <stdlib.h>

/** What one side reaches through pointers. */
struct side {
	struct graft_case *c;
	bool is_new;
	/** Without what lives only in frames of replaced functions. */
	bool outside;
	struct graft_accesses all;
	size_t cap;
};

/** Add what one function reaches. */
static struct graft_error *
add(struct side *side, const struct graft_code *code, uint32_t func)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	GRAFT_CLEANUP(graft_accesses_deinit) struct graft_accesses one = { 0 };
	struct graft_error *err = graft_ops_read(code, func, &ops);
	bool any;

	if (!err && side->outside)
		err = graft_case_confine(side->c, side->is_new, &ops, &any);
	if (!err)
		err = graft_accesses_read(&ops, &one);
	if (!err)
		err = graft_vec_reserve(&side->all.list, &side->cap,
					side->all.count + one.count,
					sizeof(*side->all.list));
	for (size_t i = 0; !err && i < one.count; i++)
		side->all.list[side->all.count++] = one.list[i];
	return err;
}

static struct graft_error *
add_carried(struct side *side)
{
	const struct graft_diff *diff = side->c->diff;
	const struct graft_code *code = side->is_new ? diff->new_code
						     : diff->old_code;
	const struct graft_func_match *match = side->is_new ? diff->new_match
							    : diff->old_match;
	struct graft_error *err = NULL;

	side->all.count = 0;
	for (uint32_t i = 0; !err && i < code->func_count; i++) {
		if (match[i].carried)
			err = add(side, code, i);
	}
	return err;
}

/** Read both sides, and ask whether all of OLD moved by one distance. */
static struct graft_error *
compare(struct side *o, struct side *n, bool outside, int64_t *by_ret,
	bool *ret)
{
	o->outside = outside;
	n->outside = outside;
	struct graft_error *err = add_carried(o);
	if (!err)
		err = add_carried(n);
	if (!err)
		*ret = graft_accesses_all_moved(&o->all, &n->all, by_ret);
	return err;
}

static void
side_deinit(struct side *side)
{
	graft_accesses_deinit(&side->all);
}

struct graft_error *
graft_check_together(struct graft_case *c)
{
	const struct graft_diff *diff = c->diff;
	GRAFT_CLEANUP(side_deinit) struct side o = { .c = c };
	GRAFT_CLEANUP(side_deinit) struct side n = { .c = c, .is_new = true };
	bool moved = false;
	int64_t by;

	if (c->per_rule[GRAFT_RULE_LAYOUT] || diff->carried_count == 0)
		return NULL;
	struct graft_error *err = compare(&o, &n, false, &by, &moved);
	if (!err && moved)
		err = compare(&o, &n, true, &by, &moved);
	if (err || !moved)
		return err;
	const struct graft_access *was = o.all.list;
	while (was->disp == 0)
		was++;
	const struct graft_access *is = n.all.list;
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
