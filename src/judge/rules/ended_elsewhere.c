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

/** Say whether a function calls itself: straight on, or from another part. */
static bool
is_recursive(const struct graft_graph *graph, uint32_t func)
{
	const struct graft_func *funcs = graph->code->funcs;
	const uint8_t call = GRAFT_INSN_CALL | GRAFT_INSN_INTERNAL;

	for (uint32_t i = 0; i < funcs[func].insn_count; i++) {
		uint32_t at = funcs[func].first_insn + i;
		if ((graph->code->insns[at].flags & call) == call)
			return true;
	}
	for (size_t i = graph->first[func]; i < graph->first[func + 1]; i++) {
		if (!graph->edges[i].taken &&
		    funcs[graph->edges[i].caller].group == funcs[func].group)
			return true;
	}
	return false;
}

/**
 * Collect what functions that call themselves end in both builds. How many copies of
 * such a one the compiler puts into itself, and into others, is its own affair, so the
 * number of ends says nothing.
 */
GRAFT_MUST_CHECK static struct graft_error *
collect_recursive(const struct graft_case *c, struct graft_ended_reader *reader,
		  struct graft_ended_list *ret)
{
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < c->diff->new_code->func_count; i++) {
		uint32_t old = c->diff->new_match[i].other;
		GRAFT_CLEANUP(graft_ended_list_deinit)
		struct graft_ended_list list = { 0 };
		if (old == GRAFT_NONE || !is_recursive(c->new_graph, i) ||
		    !is_recursive(c->old_graph, old))
			continue;
		err = graft_ended_read(reader, old, i, &list);
		if (!err)
			err = graft_vec_reserve(&ret->list, &ret->cap,
						ret->count + list.count,
						sizeof(*ret->list));
		for (size_t j = 0; !err && j < list.count; j++) {
			if (list.list[j].count[0] && list.list[j].count[1])
				ret->list[ret->count++] = list.list[j];
		}
	}
	return err;
}

/** Say whether a shift may be nothing but another number of copies. */
static bool
is_of_copies(const struct shift *shift,
	     const struct graft_ended_list *recursive)
{
	if (!shift->ended.count[0] || !shift->ended.count[1])
		return false;
	for (size_t i = 0; i < recursive->count; i++) {
		if (graft_ended_is_same(&recursive->list[i], &shift->ended))
			return true;
	}
	return false;
}

/** Take out what may be nothing but another number of copies, if anything is left
 * to be judged. */
GRAFT_MUST_CHECK static struct graft_error *
drop_copies(const struct graft_case *c, struct graft_ended_reader *reader,
	    struct shifts *shifts)
{
	GRAFT_CLEANUP(graft_ended_list_deinit)
	struct graft_ended_list recursive = { 0 };
	size_t kept = 0;
	bool more = false;
	bool less = false;

	for (size_t i = 0; i < shifts->count; i++) {
		more |= shifts->list[i].more;
		less |= !shifts->list[i].more;
	}
	if (!more || !less)
		return NULL;
	struct graft_error *err = collect_recursive(c, reader, &recursive);
	for (size_t i = 0; !err && i < shifts->count; i++) {
		if (!is_of_copies(&shifts->list[i], &recursive))
			shifts->list[kept++] = shifts->list[i];
	}
	if (!err)
		shifts->count = kept;
	return err;
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
	if (!err)
		err = drop_copies(c, reader, &shifts);
	for (size_t i = 0; !err && i < shifts.count; i++) {
		if (shifts.list[i].more)
			err = judge_shift(c, &shifts, &shifts.list[i]);
	}
	return err;
}
