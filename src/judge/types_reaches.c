// SPDX-License-Identifier: Apache-2.0

// What a function reaches beyond frames, beside its old self. Types do not tell
// of casts.

#include "judge/types_state.h"

#include "base/cleanup.h"
#include "judge/op.h"

#include <stdlib.h>

/** An access beyond frames, without its registers. */
struct reach {
	int64_t disp;
	uint32_t how;
};

static int
compare_reaches(const void *a, const void *b)
{
	const struct reach *x = a;
	const struct reach *y = b;

	if (x->disp != y->disp)
		return x->disp < y->disp ? -1 : 1;
	return (x->how > y->how) - (x->how < y->how);
}

/** List what a function reaches beyond frames. */
static struct graft_error *
list_reaches(struct graft_case *c, bool new_side, uint32_t func,
	     struct reach **ret, size_t *count_ret)
{
	const struct graft_code *code = new_side ? c->diff->new_code
						 : c->diff->old_code;
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct graft_error *err = graft_ops_read(code, func, &ops);
	size_t count = 0;
	bool any;

	if (!err)
		err = graft_case_confine(c, new_side, &ops, &any);
	if (err)
		return err;
	struct reach *list = calloc((size_t)ops.count + 1, sizeof(*list));
	if (!list)
		return graft_error_no_memory();
	for (uint32_t i = 0; i < ops.count; i++) {
		const struct graft_op *op = &ops.ops[i];
		if (!graft_op_through_pointer(&ops, op))
			continue;
		uint32_t how = (uint32_t)op->mem_size << 2 |
			       (uint32_t)op->mem_read << 1 | op->mem_write;
		list[count++] = (struct reach){ op->disp, how };
	}
	qsort(list, count, sizeof(*list), compare_reaches);
	*ret = list;
	*count_ret = count;
	return NULL;
}

struct graft_error *
graft_types_reach_the_same(struct graft_case *c, uint32_t new_func, bool *ret)
{
	GRAFT_FREE struct reach *was = NULL;
	GRAFT_FREE struct reach *is = NULL;
	size_t old_count = 0;
	size_t new_count = 0;
	uint32_t old_func = c->diff->new_match[new_func].other;

	*ret = false;
	if (old_func == GRAFT_NONE)
		return NULL;
	struct graft_error *err = list_reaches(c, false, old_func, &was,
					       &old_count);
	if (!err)
		err = list_reaches(c, true, new_func, &is, &new_count);
	if (err || old_count != new_count)
		return err;
	for (size_t i = 0; i < old_count; i++) {
		if (compare_reaches(&was[i], &is[i]) != 0)
			return NULL;
	}
	*ret = true;
	return NULL;
}
