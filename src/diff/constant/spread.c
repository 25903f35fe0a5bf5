// SPDX-License-Identifier: Apache-2.0

#include "diff/constant/spread.h"

#include "diff/code/area.h"
#include "diff/code/table.h"
#include "diff/constant/constant.h"
#include "diff/constant/reach.h"
#include "diff/match/data.h"

uint32_t
graft_spread_count(const struct graft_code *code, const struct graft_ref *ref)
{
	if (!ref->spread || ref->kind != GRAFT_REF_ADDRESS ||
	    graft_area_of(code->image, ref->target) != GRAFT_AREA_CONSTANT)
		return 0;
	return graft_table_spread(code, ref->target,
				  graft_code_next_start(code, ref->target) -
					  ref->target);
}

/** Compare what two entries lead to. */
static struct graft_error *
same_target(struct graft_diff *diff, uint64_t old_addr, uint64_t new_addr,
	    bool *ret)
{
	enum graft_area area = graft_area_of(diff->new_image, new_addr);
	uint32_t o;
	uint32_t n;

	*ret = false;
	if (graft_area_of(diff->old_image, old_addr) != area)
		return NULL;
	switch (area) {
	case GRAFT_AREA_CONSTANT:
		return graft_constant_equal(diff, old_addr, new_addr, 0, ret);
	case GRAFT_AREA_CODE:
		o = graft_code_func_starting(diff->old_code, old_addr);
		n = graft_code_func_starting(diff->new_code, new_addr);
		*ret = o != GRAFT_NONE && n != GRAFT_NONE &&
		       diff->new_match[n].other == o;
		return NULL;
	default:
		// Objects and slots at a distance: nobody compiles that.
		return NULL;
	}
}

struct graft_error *
graft_spread_same(struct graft_diff *diff, uint64_t old_addr, uint64_t new_addr,
		  uint32_t count, bool *ret)
{
	struct graft_error *err = NULL;

	*ret = true;
	for (uint32_t i = 0; !err && *ret && i < count; i++)
		err = same_target(
			diff, graft_table_target(diff->old_code, old_addr, i),
			graft_table_target(diff->new_code, new_addr, i), ret);
	return err;
}

/** Try the table that the counterpart of the function names. */
static struct graft_error *
try_partner(const struct graft_question *q, uint32_t count, bool *done)
{
	struct graft_diff *diff = q->closure->diff;

	if (!q->partner ||
	    graft_spread_count(diff->old_code, q->partner) != count)
		return NULL;
	struct graft_error *err = graft_spread_same(
		diff, q->partner->target, q->ref->target, count, done);
	if (!err && *done)
		graft_question_put_old(q->resolution, q->partner->target);
	return err;
}

/** Carry what one entry leads to. */
static struct graft_error *
carry_target(const struct graft_question *q, uint64_t addr)
{
	struct graft_diff *diff = q->closure->diff;

	if (graft_area_of(diff->new_image, addr) != GRAFT_AREA_CONSTANT) {
		return graft_closure_find(
			q->closure,
			graft_question_finding(q, GRAFT_FINDING_UNRESOLVED),
			"a table of distances leads to 0x%llx, which is no constant",
			(unsigned long long)addr);
	}
	return graft_closure_add_piece(
		q->closure,
		(struct graft_piece){
			.addr = addr,
			.size = graft_reach_end(diff->new_code, addr) - addr,
			.thing = GRAFT_THING_CONSTANT });
}

struct graft_error *
graft_spread_carry(const struct graft_question *q, uint32_t count)
{
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < count; i++)
		err = carry_target(
			q, graft_table_target(q->closure->diff->new_code,
					      q->ref->target, i));
	return err;
}

struct graft_error *
graft_question_spread(const struct graft_question *q, uint32_t count)
{
	struct graft_diff *diff = q->closure->diff;
	uint64_t addr = q->ref->target;
	bool done = false;

	q->resolution->thing = GRAFT_THING_CONSTANT;
	struct graft_error *err = try_partner(q, count, &done);
	if (err || done)
		return err;
	q->resolution->place = GRAFT_PLACE_NEW;
	struct graft_piece table = {
		.addr = addr,
		.size = graft_reach_end(diff->new_code, addr) - addr,
		.thing = GRAFT_THING_CONSTANT,
	};
	if (q->partner && graft_area_of(diff->old_image, q->partner->target) ==
				  GRAFT_AREA_CONSTANT) {
		table.old_addr = q->partner->target;
		table.old_size = graft_constant_extent(diff->old_code,
						       table.old_addr);
	}
	err = graft_closure_add_piece(q->closure, table);
	return err ? err : graft_spread_carry(q, count);
}
