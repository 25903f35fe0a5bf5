// SPDX-License-Identifier: Apache-2.0

// what one function ended and another one ends now. A use after free is mended
// so: `free(c->buf)` goes from where a connection is shut to where it is destroyed.
// What OLD shut is freed already, its member still points there, and NEW frees it once
// more. It takes both, at one place: what is only ended less often is the mend of a
// double free, and what is only ended more often that of a leak.

#include "judge/rules/checks.h"

#include "base/vec.h"
#include "judge/rules/ended.h"

/** One function that ends something more often, or less often. */
struct shift {
	struct graft_ended ended;
	bool more;
	/** Function of NEW, and its old self; #GRAFT_NONE if there is none. */
	uint32_t func;
	uint32_t old;
};

struct shifts {
	struct shift *list;
	size_t count;
	size_t cap;
};

static void
shifts_deinit(struct shifts *shifts)
{
	free(shifts->list);
}

/** Compare both versions of one function. */
GRAFT_MUST_CHECK static struct graft_error *
collect(struct graft_ended_reader *reader, uint32_t old, uint32_t func,
	struct shifts *shifts)
{
	GRAFT_CLEANUP(graft_ended_list_deinit)
	struct graft_ended_list list = { 0 };
	struct graft_error *err = graft_ended_read(reader, old, func, &list);

	for (size_t i = 0; !err && i < list.count; i++) {
		const struct graft_ended *ended = &list.list[i];
		bool more = ended->count[1] > ended->count[0];
		bool less = ended->count[1] < ended->count[0] && ended->left &&
			    old != GRAFT_NONE;
		if (!more && !less)
			continue;
		err = graft_vec_reserve(&shifts->list, &shifts->cap,
					shifts->count + 1,
					sizeof(*shifts->list));
		if (!err)
			shifts->list[shifts->count++] = (struct shift){
				.ended = *ended,
				.more = more,
				.func = func,
				.old = old,
			};
	}
	return err;
}

/**
 * Mark the functions that run only below those that end one thing more often, in OLD,
 * or less often, in NEW.
 *
 * @param[out] ret One per function of that build; freed by the caller.
 */
GRAFT_MUST_CHECK static struct graft_error *
mark_below(const struct graft_case *c, const struct shifts *shifts,
	   const struct shift *one, bool more, bool **ret)
{
	const struct graft_graph *graph = more ? c->old_graph : c->new_graph;
	GRAFT_FREE bool *roots = calloc((size_t)graph->code->func_count + 1,
					sizeof(*roots));

	if (!roots)
		return graft_error_no_memory();
	for (size_t i = 0; i < shifts->count; i++) {
		const struct shift *shift = &shifts->list[i];
		uint32_t func = more ? shift->old : shift->func;
		if (shift->more == more && func != GRAFT_NONE &&
		    graft_ended_is_same(&shift->ended, &one->ended))
			roots[func] = true;
	}
	return graft_graph_only_from(graph, roots, ret);
}

/** Find a function that ends the same less often, and that not only those call that
 * end it more often: then it is one way, and in sum ends as much. */
GRAFT_MUST_CHECK static struct graft_error *
find_less(const struct graft_case *c, const struct shifts *shifts,
	  const struct shift *gains, const struct shift **ret)
{
	GRAFT_FREE bool *below_more = NULL;
	GRAFT_FREE bool *below_less = NULL;
	struct graft_error *err = mark_below(c, shifts, gains, true,
					     &below_more);

	*ret = NULL;
	if (!err)
		err = mark_below(c, shifts, gains, false, &below_less);
	if (err || below_less[gains->func])
		return err;
	for (size_t i = 0; i < shifts->count; i++) {
		const struct shift *shift = &shifts->list[i];
		// Who makes what it ends has it to itself, on both sides.
		bool own = gains->ended.made && shift->ended.made;
		if (!shift->more && !own && !below_more[shift->old] &&
		    graft_ended_is_same(&shift->ended, &gains->ended)) {
			*ret = shift;
			break;
		}
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
judge_shift(struct graft_case *c, const struct shifts *shifts,
	    const struct shift *gains)
{
	const struct shift *loses;
	struct graft_error *err = find_less(c, shifts, gains, &loses);
	char name[128];

	if (err || !loses)
		return err;
	struct graft_place_text where = graft_place_code(
		c->diff->new_code, gains->func, gains->ended.addr);
	graft_code_name(c->diff->new_code, loses->func, name, sizeof(name));
	return graft_case_refuse(
		c, GRAFT_RULE_PAIRS, where.str,
		"what a member points to is now ended here by what goes with %.*s, and no longer in %s: what OLD ended there would be ended once more",
		gains->ended.family.len ? (int)gains->ended.family.len : 4,
		gains->ended.family.len ? gains->ended.family.family : "free",
		name);
}

struct graft_error *
graft_check_ended_elsewhere(struct graft_case *c)
{
	const struct graft_diff *diff = c->diff;
	GRAFT_CLEANUP(graft_ended_reader_freep)
	struct graft_ended_reader *reader = NULL;
	GRAFT_CLEANUP(shifts_deinit) struct shifts shifts = { 0 };
	struct graft_error *err = graft_ended_reader_new(c, &reader);

	for (size_t i = 0; !err && i < diff->carried_count; i++) {
		uint32_t func = diff->new_code->funcs[diff->carried[i]].group;
		uint32_t old = diff->new_match[func].other;
		if (func != diff->carried[i] ||
		    (old == GRAFT_NONE ? !c->new_graph->taken[func] &&
						 !c->new_graph->escapes[func]
				       : !diff->new_match[func].change))
			continue;
		err = collect(reader, old, func, &shifts);
	}
	for (size_t i = 0; !err && i < shifts.count; i++) {
		if (shifts.list[i].more)
			err = judge_shift(c, &shifts, &shifts.list[i]);
	}
	return err;
}
