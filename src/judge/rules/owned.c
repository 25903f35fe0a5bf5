// SPDX-License-Identifier: Apache-2.0

// who owns what a member points to. NEW makes an object of its own where it
// kept a text of the program or somebody else's object (`p->name = strdup(name)`),
// and ends it where it dropped the pointer (`free(p->name)`). What OLD put there was
// never made, and NEW would end it. It takes both: that something is freed that was
// not is what the mend of a leak looks like. What was inlined into a function, or
// split off from it, is counted as its own in both builds.

#include "judge/rules/checks.h"

#include "base/vec.h"
#include "judge/flow/called.h"
#include "judge/flow/calls.h"
#include "judge/flow/halves.h"
#include "judge/rules/kept_at.h"

#include <stdio.h>
#include <string.h>

enum {
	/** Functions of one side alone that call each other are followed as far. */
	DEPTH = 4,
};

/** What a family has to do with one place. */
struct owner {
	struct graft_calls_kind family;
	struct graft_kept_at at;
	/** In the function that is looked at, each side (OLD, NEW): what is made is
	 * put there; what is loaded from there is ended. */
	uint32_t made[2];
	uint32_t ended[2];
	/** How much more of it all functions do that do more, without what those
	 * of OLD did that are gone: they may have been inlined. */
	int64_t more_made;
	int64_t more_ended;
	/** The last function of NEW that ends it, and where. */
	uint32_t func;
	uint64_t addr;
};

struct owners {
	struct owner *list;
	size_t count;
	size_t cap;
	/** Each function of OLD, of NEW: it is counted in a pair that calls it.
	 * NULL if what is called is not looked at. */
	bool *told[2];
};

static void
owners_deinit(struct owners *owners)
{
	free(owners->list);
	free(owners->told[0]);
	free(owners->told[1]);
}

GRAFT_MUST_CHECK static struct graft_error *
find_or_add(struct owners *owners, const struct graft_calls_kind *family,
	    const struct graft_kept_at *at, struct owner **ret)
{
	for (size_t i = 0; i < owners->count; i++) {
		*ret = &owners->list[i];
		// The same code reaches a member by a pointer, or by an array
		// and an index where it was inlined.
		if ((*ret)->at.named == at->named && (*ret)->at.at == at->at &&
		    (*ret)->family.len == family->len &&
		    !memcmp((*ret)->family.family, family->family, family->len))
			return NULL;
	}
	struct graft_error *err = graft_vec_reserve(&owners->list, &owners->cap,
						    owners->count + 1,
						    sizeof(*owners->list));
	if (err)
		return err;
	*ret = &owners->list[owners->count++];
	**ret = (struct owner){ .family = *family, .at = *at };
	return NULL;
}

/** Collect what one function makes and keeps, and what it ends. */
GRAFT_MUST_CHECK static struct graft_error *
collect(const struct graft_case *c, const struct graft_ops *ops, int side,
	uint32_t times, struct owners *owners)
{
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < ops->count; i++) {
		const char *name = graft_name_called(ops, &ops->ops[i]);
		struct graft_calls_kind kind = { 0 };
		struct graft_kept_at at;
		struct owner *owner;
		if (name)
			kind = graft_calls_kind_of(name);
		bool makes = kind.role == GRAFT_CALLS_MAKE;
		if (kind.role == GRAFT_CALLS_NEITHER ||
		    !(makes ? graft_kept_at_of_result(c, ops, i, &at)
			    : graft_kept_at_of_argument(c, ops, i, &at) <
				      ops->count))
			continue;
		err = find_or_add(owners, &kind, &at, &owner);
		if (err)
			break;
		(makes ? owner->made : owner->ended)[side] += times;
		if (!makes && side) {
			owner->func = ops->func;
			owner->addr = ops->ops[i].addr;
		}
	}
	return err;
}

/** Collect what a function does that a pair calls, and below it what functions
 * do that only this side has. */
GRAFT_MUST_CHECK static struct graft_error *
collect_below(const struct graft_case *c, const struct graft_code *code,
	      uint32_t func, int side, uint32_t times, unsigned depth,
	      struct owners *owners)
{
	const struct graft_func_match *match = side ? c->diff->new_match
						    : c->diff->old_match;
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct graft_error *err = graft_ops_read(code, func, &ops);

	if (!err)
		err = collect(c, &ops, side, times, owners);
	if (match[func].other != GRAFT_NONE || depth == 0)
		return err;
	owners->told[side][func] = true;
	for (uint32_t i = 0; !err && i < ops.count; i++) {
		uint32_t callee = graft_called(&ops, &ops.ops[i]);
		if (callee != GRAFT_NONE && match[callee].other == GRAFT_NONE &&
		    !owners->told[side][callee])
			err = collect_below(c, code, callee, side, times,
					    depth - 1, owners);
	}
	return err;
}

/** Collect what one side of a pair does, and what it calls and the other does
 * not. */
GRAFT_MUST_CHECK static struct graft_error *
collect_side(const struct graft_case *c, const struct graft_ops *ops,
	     const struct graft_ops *other, int side, struct owners *owners)
{
	const struct graft_func_match *match = side ? c->diff->new_match
						    : c->diff->old_match;
	struct graft_error *err = collect(c, ops, side, 1, owners);

	for (uint32_t i = 0; !err && owners->told[side] && i < ops->count;
	     i++) {
		uint32_t times = graft_called_more(ops, other, match, i);
		if (times)
			err = collect_below(c, ops->code,
					    graft_called(ops, &ops->ops[i]),
					    side, times, DEPTH, owners);
	}
	return err;
}

static bool
is_another(const struct owner *owner)
{
	return owner->more_made > 0 && owner->more_ended > 0;
}

GRAFT_MUST_CHECK static struct graft_error *
judge_owner(struct graft_case *c, const struct owner *owner)
{
	if (!is_another(owner))
		return NULL;
	struct graft_place_text where =
		graft_place_code(c->diff->new_code, owner->func, owner->addr);
	struct graft_place_text name =
		graft_place_data(c->diff->old_image,
				 owner->at.named ? (uint64_t)owner->at.at : 0);
	char displacement[48];
	snprintf(displacement, sizeof(displacement), "0x%llx behind a pointer",
		 (unsigned long long)owner->at.at);
	return graft_case_refuse(
		c, GRAFT_RULE_PAIRS, where.str,
		"what is kept at %s is now ended here by what goes with %.*s, and is now made by it elsewhere: what OLD put there was not made so",
		owner->at.named ? name.str : displacement,
		owner->family.len ? (int)owner->family.len : 4,
		owner->family.len ? owner->family.family : "free");
}

/** Count in what one function, or one that is gone, does. */
static void
settle(struct owners *owners, bool gone)
{
	for (size_t i = 0; i < owners->count; i++) {
		struct owner *owner = &owners->list[i];
		int64_t made = (int64_t)owner->made[1] - owner->made[0];
		int64_t ended = (int64_t)owner->ended[1] - owner->ended[0];
		owner->more_made += gone || made > 0 ? made : 0;
		owner->more_ended += gone || ended > 0 ? ended : 0;
		memset(owner->made, 0, sizeof(owner->made));
		memset(owner->ended, 0, sizeof(owner->ended));
	}
}

/** Collect what a pair does; the functions may have none of the other side. */
GRAFT_MUST_CHECK static struct graft_error *
collect_pair(const struct graft_case *c, uint32_t old_func, uint32_t new_func,
	     struct owners *owners)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops old_ops = { 0 };
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops new_ops = { 0 };
	struct graft_error *err = graft_ops_read(c->diff->old_code, old_func,
						 &old_ops);

	if (!err)
		err = graft_ops_read(c->diff->new_code, new_func, &new_ops);
	if (!err)
		err = collect_side(c, &old_ops, &new_ops, 0, owners);
	if (!err)
		err = collect_side(c, &new_ops, &old_ops, 1, owners);
	settle(owners, false);
	return err;
}

/** Collect what one function does that the other side does not have, if no pair
 * told it. */
GRAFT_MUST_CHECK static struct graft_error *
collect_single(const struct graft_case *c, const struct graft_code *code,
	       uint32_t func, int side, struct owners *owners)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };

	if (owners->told[side] && owners->told[side][func])
		return NULL;
	struct graft_error *err = graft_ops_read(code, func, &ops);
	if (!err)
		err = collect(c, &ops, side, 1, owners);
	settle(owners, side == 0);
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
collect_all(const struct graft_case *c, struct owners *owners)
{
	const struct graft_diff *diff = c->diff;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < diff->carried_count; i++) {
		uint32_t func = diff->carried[i];
		uint32_t other = diff->new_match[func].other;
		if (other != GRAFT_NONE)
			err = collect_pair(c, other, func, owners);
	}
	for (size_t i = 0; !err && i < diff->carried_count; i++) {
		if (diff->new_match[diff->carried[i]].other == GRAFT_NONE)
			err = collect_single(c, diff->new_code,
					     diff->carried[i], 1, owners);
	}
	for (uint32_t i = 0; !err && i < diff->old_code->func_count; i++) {
		if (diff->old_match[i].other == GRAFT_NONE)
			err = collect_single(c, diff->old_code, i, 0, owners);
	}
	return err;
}

static bool
any_is_another(const struct owners *owners)
{
	for (size_t i = 0; i < owners->count; i++) {
		if (is_another(&owners->list[i]))
			return true;
	}
	return false;
}

struct graft_error *
graft_check_owned(struct graft_case *c)
{
	GRAFT_CLEANUP(owners_deinit) struct owners alone = { 0 };
	GRAFT_CLEANUP(owners_deinit) struct owners owners = { 0 };
	struct graft_error *err = collect_all(c, &alone);

	// To look at what is called, too, takes long: only where it matters.
	if (err || !any_is_another(&alone))
		return err;
	owners.told[0] = calloc(c->diff->old_code->func_count + 1,
				sizeof(bool));
	owners.told[1] = calloc(c->diff->new_code->func_count + 1,
				sizeof(bool));
	if (!owners.told[0] || !owners.told[1])
		return graft_error_no_memory();
	err = collect_all(c, &owners);
	for (size_t i = 0; !err && i < owners.count; i++)
		err = judge_owner(c, &owners.list[i]);
	return err;
}
