// SPDX-License-Identifier: Apache-2.0

// R-02 without types: what all instructions of a function show together.

#include "judge/rules/layout.h"

/** Find the instruction that reaches a displacement, or the ops' count. */
static uint32_t
find_reach(const struct graft_ops *ops, int64_t reach)
{
	uint32_t at = 0;

	while (at < ops->count &&
	       (!graft_op_through_pointer(ops, &ops->ops[at]) ||
		ops->ops[at].reach != reach))
		at++;
	return at;
}

struct graft_error *
graft_layout_check_sets(const struct graft_layout *layout)
{
	const struct graft_twin *twin = layout->twin;
	struct graft_error *err = NULL;

	for (uint8_t base = 0; !err && base < 16; base++) {
		struct graft_shift shift;
		if (!graft_accesses_shifted(&layout->o, &layout->n, base,
					    &shift))
			continue;
		struct graft_place_text where =
			graft_place_code(twin->new_ops.code, twin->new_ops.func,
					 twin->new_ops.ops[0].addr);
		struct graft_twin_text text = graft_twin_print(
			twin, find_reach(&twin->old_ops, shift.from),
			find_reach(&twin->new_ops, shift.from + shift.by));
		err = graft_case_refuse(
			layout->c, GRAFT_RULE_LAYOUT, where.str,
			"%s: what is reached through one register at 0x%llx and behind it is better explained by members that moved by %lld bytes (%zu of OLD's displacements) than by none that did (%zu)",
			text.str, (unsigned long long)shift.from,
			(long long)shift.by, shift.moved, shift.stayed);
	}
	return err;
}

struct graft_error *
graft_layout_check_whole(const struct graft_layout *layout)
{
	const struct graft_twin *twin = layout->twin;
	int64_t by;
	uint32_t o = 0;

	if (!graft_accesses_all_moved(&layout->o, &layout->n, &by))
		return NULL;
	while (o < twin->old_ops.count &&
	       (!graft_op_through_pointer(&twin->old_ops,
					  &twin->old_ops.ops[o]) ||
		!twin->old_ops.ops[o].reach))
		o++;
	uint32_t n = o < twin->old_ops.count
			     ? find_reach(&twin->new_ops,
					  twin->old_ops.ops[o].reach + by)
			     : twin->new_ops.count;
	struct graft_place_text where =
		graft_place_code(twin->new_ops.code, twin->new_ops.func,
				 twin->new_ops.ops[0].addr);
	struct graft_twin_text text = graft_twin_print(twin, o, n);
	return graft_case_refuse(
		layout->c, GRAFT_RULE_LAYOUT, where.str,
		"%s: no displacement of OLD is left, and that members moved by %lld explains all",
		text.str, (long long)by);
}

struct graft_error *
graft_layout_check_types(const struct graft_layout *layout)
{
	const struct graft_twin *twin = layout->twin;
	struct graft_retyping found;

	if (!graft_accesses_retyped(&layout->o, &layout->n, &found))
		return NULL;
	struct graft_place_text where = graft_place_code(
		twin->new_ops.code, twin->new_ops.func, found.addr);
	struct graft_twin_text text =
		graft_twin_print(twin, find_reach(&twin->old_ops, found.disp),
				 graft_op_at(&twin->new_ops, found.addr));
	return graft_case_refuse(
		layout->c, GRAFT_RULE_LAYOUT, where.str,
		"%s: the member of %u bytes at 0x%llx of what is pointed to was %s and is %s: its type changed",
		text.str, found.size, (unsigned long long)found.disp,
		found.now_float ? "an integer" : "floating point",
		found.now_float ? "floating point" : "an integer");
}

struct graft_error *
graft_layout_check_strides(const struct graft_layout *layout)
{
	const struct graft_twin *twin = layout->twin;
	const struct graft_stride *gone;
	const struct graft_stride *come;

	if (!graft_strides_differ(&layout->old_strides, &layout->new_strides,
				  !layout->typed, &gone, &come))
		return NULL;
	struct graft_place_text where =
		graft_place_code(twin->new_ops.code, twin->new_ops.func,
				 twin->new_ops.ops[come->at].addr);
	struct graft_twin_text text = graft_twin_print(twin, gone->at,
						       come->at);
	return graft_case_refuse(
		layout->c, come->size ? GRAFT_RULE_SIZE : GRAFT_RULE_LAYOUT,
		where.str,
		"%s: an index was multiplied by %lld, and is by %lld: the size of an element may differ",
		text.str, (long long)gone->factor, (long long)come->factor);
}
