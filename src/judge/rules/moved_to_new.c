// SPDX-License-Identifier: Apache-2.0

// R-01 for objects that were taken for new without a name that says so: an
// instruction that stayed names such an object where it named one of OLD, or the
// function names one of OLD less often. Unchanged code may have been given a new
// variable, so that the one that looks new is OLD's, with the state that it holds.
// What code adds for a new variable takes nothing away.

#include "judge/rules/checks.h"

#include "diff/code/area.h"

/** The reference of an instruction to writable data, or #GRAFT_NONE. */
static uint32_t
data_ref(const struct graft_ops *ops, uint32_t at)
{
	uint32_t ref = ops->code->insns[ops->ops[at].insn].ref;

	if (ref == GRAFT_NONE)
		return ref;
	const struct graft_ref *r = &ops->code->refs[ref];
	if ((r->kind != GRAFT_REF_MEMORY && r->kind != GRAFT_REF_ADDRESS) ||
	    graft_area_of(ops->code->image, r->target) != GRAFT_AREA_DATA)
		return GRAFT_NONE;
	return ref;
}

/** Does a reference of carried code go to an object in the shadow? */
static bool
is_new(const struct graft_diff *diff, uint32_t ref)
{
	const struct graft_resolution *known = graft_case_resolution(diff, ref);

	return known && known->place == GRAFT_PLACE_NEW;
}

/** Is an object of NEW in the shadow, and of OLD's nobody says that it is another? */
static bool
may_be_old(const struct graft_diff *diff, uint32_t n, uint32_t o)
{
	return is_new(diff, n) &&
	       !(graft_image_object_at(diff->new_image,
				       diff->new_code->refs[n].target) &&
		 graft_image_object_at(diff->old_image,
				       diff->old_code->refs[o].target));
}

static struct graft_error *
refuse(struct graft_case *c, const struct graft_twin *twin, uint32_t n,
       uint32_t o, const char *where_old)
{
	const struct graft_diff *diff = c->diff;
	struct graft_place_text where =
		graft_place_code(twin->new_ops.code, twin->new_ops.func,
				 diff->new_code->refs[n].at);
	struct graft_place_text is = graft_place_data(
		diff->new_image, diff->new_code->refs[n].target);
	struct graft_place_text was = graft_place_data(
		diff->old_image, diff->old_code->refs[o].target);

	return graft_case_refuse(
		c, GRAFT_RULE_REFERENCE, where.str,
		"it names %s of NEW, which looks new, %s %s: which of the two is meant cannot be seen",
		is.str, where_old, was.str);
}

/** How often does OLD's function name an object of OLD? */
static uint32_t
count_old(const struct graft_twin *twin, uint64_t addr)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < twin->old_ops.count; i++) {
		uint32_t ref = data_ref(&twin->old_ops, i);
		count += ref != GRAFT_NONE &&
			 twin->old_ops.code->refs[ref].target == addr;
	}
	return count;
}

/** How often does NEW's function name an object of OLD? */
static uint32_t
count_new(const struct graft_diff *diff, const struct graft_twin *twin,
	  uint64_t addr)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < twin->new_ops.count; i++) {
		uint32_t ref = data_ref(&twin->new_ops, i);
		const struct graft_resolution *known =
			ref == GRAFT_NONE ? NULL
					  : graft_case_resolution(diff, ref);
		count += known && known->place == GRAFT_PLACE_OLD &&
			 known->old_addr == addr;
	}
	return count;
}

/** Find an object of OLD that the function names less often than before. */
static uint32_t
find_left(const struct graft_diff *diff, const struct graft_twin *twin,
	  uint32_t n)
{
	for (uint32_t i = 0; i < twin->old_ops.count; i++) {
		uint32_t o = data_ref(&twin->old_ops, i);
		if (o == GRAFT_NONE || !may_be_old(diff, n, o))
			continue;
		uint64_t addr = diff->old_code->refs[o].target;
		if (count_new(diff, twin, addr) < count_old(twin, addr))
			return o;
	}
	return GRAFT_NONE;
}

/** The first reference to an object that was taken for new, or #GRAFT_NONE. */
static uint32_t
first_new(const struct graft_diff *diff, const struct graft_twin *twin)
{
	for (uint32_t i = 0; i < twin->new_ops.count; i++) {
		uint32_t n = data_ref(&twin->new_ops, i);
		if (n != GRAFT_NONE && is_new(diff, n))
			return n;
	}
	return GRAFT_NONE;
}

struct graft_error *
graft_check_moved_to_new(struct graft_case *c, const struct graft_twin *twin)
{
	uint32_t n = first_new(c->diff, twin);

	if (n == GRAFT_NONE)
		return NULL;
	for (size_t i = 0; i < twin->count; i++) {
		uint32_t is = data_ref(&twin->new_ops, twin->pairs[i].n);
		uint32_t was = data_ref(&twin->old_ops, twin->pairs[i].o);
		if (is != GRAFT_NONE && was != GRAFT_NONE &&
		    may_be_old(c->diff, is, was))
			return refuse(c, twin, is, was, "where OLD names");
	}
	// Rewritten, no instruction need stand for the one that named it.
	uint32_t o = find_left(c->diff, twin, n);
	return o == GRAFT_NONE
		       ? NULL
		       : refuse(c, twin, n, o, "and less often than OLD");
}
