// SPDX-License-Identifier: Apache-2.0

// R-19 for members: one that no code of OLD ever read. NEW sets it in one function
// and reads it in another; objects that OLD made or filled hold there what nobody
// cared about. By types only: without them nobody knows whose member it is.

#include "base/vec.h"
#include "judge/rules/checks.h"
#include "judge/types/member_uses.h"
#include "judge/types/types.h"

#include <stdlib.h>
#include <string.h>

/** What one carried function does with one member, and OLD's does not. */
struct gain {
	struct graft_member_use use;
	/** Function of NEW. */
	uint32_t func;
	bool sets;
	bool reads;
	/** Code of OLD reads the member, or hands its address on. */
	bool known;
};

struct gains {
	struct gain *list;
	size_t count;
	size_t cap;
};

static void
gains_deinit(struct gains *gains)
{
	free(gains->list);
}

/** Note what a function does more than its old self. */
static struct graft_error *
note(struct gains *gains, uint32_t func, const struct graft_member_uses *o,
     const struct graft_member_uses *n)
{
	for (size_t i = 0; i < n->count; i++) {
		const struct graft_member_use *use = &n->list[i];
		const struct graft_member_use *was =
			graft_member_uses_find(o, use->type, use->off);
		struct gain gain = {
			.use = *use,
			.func = func,
			.sets = use->stores > (was ? was->stores : 0),
			.reads = use->loads > (was ? was->loads : 0),
		};
		if (!gain.sets && !gain.reads)
			continue;
		struct graft_error *err = graft_vec_reserve(
			&gains->list, &gains->cap, gains->count + 1,
			sizeof(*gains->list));
		if (err)
			return err;
		gains->list[gains->count++] = gain;
	}
	return NULL;
}

/** Look at one side of a function. @param[in] func #GRAFT_NONE: there is none. */
static struct graft_error *
read_side(const struct graft_case *c, const struct graft_code *code,
	  uint32_t func, struct graft_member_uses *ret)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };

	*ret = (struct graft_member_uses){ 0 };
	if (func == GRAFT_NONE)
		return NULL;
	struct graft_error *err = graft_ops_read(code, func, &ops);
	return err ? err : graft_member_uses_read(c, &ops, ret);
}

static struct graft_error *
look_at(struct graft_case *c, uint32_t func, struct gains *gains)
{
	GRAFT_CLEANUP(graft_member_uses_deinit)
	struct graft_member_uses o = { 0 };
	GRAFT_CLEANUP(graft_member_uses_deinit)
	struct graft_member_uses n = { 0 };
	struct graft_error *err = read_side(c, c->diff->old_code,
					    c->diff->new_match[func].other, &o);

	if (!err)
		err = read_side(c, c->diff->new_code, func, &n);
	return err ? err : note(gains, func, &o, &n);
}

/** Note which members one function of OLD reads. */
static void
note_known(struct gains *gains, const struct graft_member_uses *uses)
{
	for (size_t i = 0; i < gains->count; i++) {
		struct gain *gain = &gains->list[i];
		const struct graft_member_use *use = graft_member_uses_find(
			uses, gain->use.type, gain->use.off);
		gain->known |= use && (use->loads || use->takes);
	}
}

/** Look through the code of OLD, once for all members. */
static struct graft_error *
find_known(const struct graft_case *c, struct gains *gains)
{
	const struct graft_code *code = c->diff->old_code;
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < code->func_count; i++) {
		GRAFT_CLEANUP(graft_member_uses_deinit)
		struct graft_member_uses uses = { 0 };
		err = read_side(c, code, i, &uses);
		if (!err)
			note_known(gains, &uses);
	}
	return err;
}

/** Find a function that reads what another one sets; NULL: none, or it sets nothing. */
static const struct gain *
find_reader(const struct gains *gains, const struct gain *setter)
{
	const struct graft_member_use *set = &setter->use;

	for (size_t i = 0; setter->sets && i < gains->count; i++) {
		const struct gain *gain = &gains->list[i];
		if (gain->reads && gain->func != setter->func &&
		    gain->use.off == set->off &&
		    strcmp(gain->use.type, set->type) == 0)
			return gain;
	}
	return NULL;
}

/** Say whether any function reads what another one sets. */
static bool
is_any_handed_on(const struct gains *gains)
{
	for (size_t i = 0; i < gains->count; i++) {
		if (find_reader(gains, &gains->list[i]))
			return true;
	}
	return false;
}

static struct graft_error *
refuse(struct graft_case *c, const struct gain *setter,
       const struct gain *reader)
{
	const struct graft_code *code = c->diff->new_code;
	struct graft_place_text where =
		graft_place_code(code, setter->func, setter->use.store_addr);
	struct graft_place_text reads = graft_place_code(code, reader->func,
							 reader->use.load_addr);

	return graft_case_refuse(
		c, GRAFT_RULE_OBJECT, where.str,
		"member %s of %s is set here and read in %s, and no code of OLD reads it: objects that OLD filled hold anything there",
		setter->use.member[0] ? setter->use.member : "without a name",
		setter->use.type, reads.str);
}

struct graft_error *
graft_check_unread_members(struct graft_case *c)
{
	GRAFT_CLEANUP(gains_deinit) struct gains gains = { 0 };
	struct graft_error *err = NULL;

	// A type that differs is refused, and its members stand elsewhere.
	if (!c->types || !c->types->same)
		return NULL;
	for (size_t i = 0; !err && i < c->diff->carried_count; i++)
		err = look_at(c, c->diff->carried[i], &gains);
	if (!err && is_any_handed_on(&gains))
		err = find_known(c, &gains);
	for (size_t i = 0; !err && i < gains.count; i++) {
		const struct gain *setter = &gains.list[i];
		const struct gain *reader = find_reader(&gains, setter);
		if (reader && !setter->known)
			err = refuse(c, setter, reader);
	}
	return err;
}
