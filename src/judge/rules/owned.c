// SPDX-License-Identifier: Apache-2.0

// who owns what a member points to. NEW makes an object of its own where it
// kept a text of the program or somebody else's object (`p->name = strdup(name)`),
// and ends it where it dropped the pointer (`free(p->name)`). What OLD put there was
// never made, and NEW would end it. It takes both: that something is freed that was
// not is what the mend of a leak looks like.

#include "judge/rules/checks.h"

#include "base/vec.h"
#include "judge/flow/calls.h"
#include "judge/flow/halves.h"
#include "judge/rules/kept_at.h"

#include <stdio.h>
#include <string.h>

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
};

static void
owners_deinit(struct owners *owners)
{
	free(owners->list);
}

GRAFT_MUST_CHECK static struct graft_error *
find_or_add(struct owners *owners, const struct graft_calls_kind *family,
	    const struct graft_kept_at *at, struct owner **ret)
{
	for (size_t i = 0; i < owners->count; i++) {
		*ret = &owners->list[i];
		if (graft_kept_at_is_same(&(*ret)->at, at) &&
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
collect(const struct graft_case *c, const struct graft_code *code,
	uint32_t func, int side, struct owners *owners)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct graft_error *err = graft_ops_read(code, func, &ops);

	for (uint32_t i = 0; !err && i < ops.count; i++) {
		const char *name = graft_name_called(&ops, &ops.ops[i]);
		struct graft_calls_kind kind = { 0 };
		struct graft_kept_at at;
		struct owner *owner;
		if (name)
			kind = graft_calls_kind_of(name);
		bool makes = kind.role == GRAFT_CALLS_MAKE;
		if (kind.role == GRAFT_CALLS_NEITHER ||
		    !(makes ? graft_kept_at_of_result(c, &ops, i, &at)
			    : graft_kept_at_of_argument(c, &ops, i, &at) <
				      ops.count))
			continue;
		err = find_or_add(owners, &kind, &at, &owner);
		if (err)
			break;
		owner->made[side] += makes;
		owner->ended[side] += !makes;
		if (!makes && side) {
			owner->func = func;
			owner->addr = ops.ops[i].addr;
		}
	}
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
judge_owner(struct graft_case *c, const struct owner *owner)
{
	if (owner->more_made <= 0 || owner->more_ended <= 0)
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

struct graft_error *
graft_check_owned(struct graft_case *c)
{
	const struct graft_diff *diff = c->diff;
	GRAFT_CLEANUP(owners_deinit) struct owners owners = { 0 };
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < diff->carried_count; i++) {
		uint32_t func = diff->carried[i];
		uint32_t other = diff->new_match[func].other;
		if (other != GRAFT_NONE)
			err = collect(c, diff->old_code, other, 0, &owners);
		if (!err)
			err = collect(c, diff->new_code, func, 1, &owners);
		settle(&owners, false);
	}
	for (uint32_t i = 0; !err && i < diff->old_code->func_count; i++) {
		if (diff->old_match[i].other != GRAFT_NONE)
			continue;
		err = collect(c, diff->old_code, i, 0, &owners);
		settle(&owners, true);
	}
	for (size_t i = 0; !err && i < owners.count; i++)
		err = judge_owner(c, &owners.list[i]);
	return err;
}
