// SPDX-License-Identifier: Apache-2.0

#include "diff/closure/question.h"

#include "diff/code/area.h"
#include "diff/code/table.h"
#include "diff/constant/constant.h"
#include "diff/constant/reach.h"
#include "diff/constant/spread.h"
#include "diff/constant/texts.h"
#include "diff/match/data.h"

/** Try one OLD constant as what stands for a NEW one. */
static struct graft_error *
try_constant(const struct graft_question *q, uint64_t old_addr, uint64_t access,
	     bool *done)
{
	if (graft_area_of(q->closure->diff->old_image, old_addr) !=
	    GRAFT_AREA_CONSTANT)
		return NULL;
	struct graft_error *err = graft_constant_equal(
		q->closure->diff, old_addr, q->ref->target, access, done);
	if (!err && *done && q->ref->back)
		err = graft_constant_equal_before(q->closure->diff, old_addr,
						  q->ref->target, done);
	if (!err && *done)
		graft_question_put_old(q->resolution, old_addr);
	return err;
}

/** Find the OLD constant that stands for one: in the code or by contents. */
struct graft_error *
graft_question_find_constant(const struct graft_question *q, uint64_t access,
			     uint64_t *old_ret, bool *done)
{
	struct graft_diff *diff = q->closure->diff;
	struct graft_error *err = NULL;
	size_t count;
	const struct graft_sighting *s =
		graft_data_map_find(diff->data, q->ref->target, &count);
	uint64_t by_name;

	*old_ret = 0;
	if (q->partner) {
		if (q->partner->kind == q->ref->kind &&
		    graft_area_of(diff->old_image, q->partner->target) ==
			    GRAFT_AREA_CONSTANT)
			*old_ret = q->partner->target;
		err = try_constant(q, q->partner->target, access, done);
	}
	for (size_t i = 0; !err && !*done && i < count; i++) {
		if (!*old_ret)
			*old_ret = s[i].old_addr;
		err = try_constant(q, s[i].old_addr, access, done);
	}
	if (!err && !*done &&
	    graft_diff_old_data(diff, q->ref->target, &by_name) ==
		    GRAFT_WITNESS_SYMBOL) {
		*old_ret = by_name;
		err = try_constant(q, by_name, access, done);
	}
	if (!err && !*done && access == 0 && !q->ref->back) {
		uint64_t text = 0;
		err = graft_text_find(q->closure, q->ref->target, &text);
		if (!err && text) {
			graft_question_put_old(q->resolution, text);
			*done = true;
		}
	}
	return err;
}

struct graft_error *
graft_question_constant(const struct graft_question *q)
{
	struct graft_diff *diff = q->closure->diff;
	uint64_t addr = q->ref->target;
	uint64_t end = graft_code_next_start(diff->new_code, addr);
	uint64_t access = q->ref->kind == GRAFT_REF_MEMORY ? q->ref->access : 0;
	bool done = false;
	uint64_t old_addr = 0;

	uint32_t entries = 0;
	if (q->ref->kind == GRAFT_REF_ADDRESS)
		entries = graft_table_count(diff->new_code, q->resolution->func,
					    addr, end - addr);
	if (entries) {
		// Distances from the table to carried code stay as they are.
		q->resolution->thing = GRAFT_THING_TABLE;
		q->resolution->place = GRAFT_PLACE_NEW;
		return graft_closure_add_piece(
			q->closure,
			(struct graft_piece){ .addr = addr,
					      .size = 4 * (uint64_t)entries,
					      .thing = GRAFT_THING_TABLE });
	}
	uint32_t spread = graft_spread_count(diff->new_code, q->ref);
	if (spread)
		return graft_question_spread(q, spread);
	q->resolution->thing = GRAFT_THING_CONSTANT;
	struct graft_error *err =
		graft_question_find_constant(q, access, &old_addr, &done);
	if (err || done)
		return err;

	uint64_t size = access;
	if (!size)
		size = graft_reach_end(diff->new_code, addr) - addr;
	if (q->ref->back) {
		uint64_t before = addr -
				  graft_reach_start(diff->new_code, addr);
		addr -= before;
		size += before;
		old_addr -= old_addr ? before : 0;
	}
	q->resolution->place = GRAFT_PLACE_NEW;
	struct graft_piece piece = { .addr = addr,
				     .size = size,
				     .thing = GRAFT_THING_CONSTANT,
				     .old_addr = old_addr };
	if (old_addr)
		piece.old_size = graft_constant_extent(diff->old_code,
						       old_addr);
	// Carried for the sake of what follows it, it has a second address too.
	return graft_closure_add_piece(q->closure, piece);
}
