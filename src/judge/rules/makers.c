// SPDX-License-Identifier: Apache-2.0

// how objects are made and ended. malloc goes with free and mmap with
// munmap; where NEW makes objects in another way in one function, and ends them in
// that way in another, it ends in that way what OLD made, too. Whoever makes and
// ends something in one function has it to himself.

#include "judge/flow/calls.h"
#include "judge/rules/checks.h"

#include <string.h>

/** How the use of one family changed in one function. */
struct change {
	/** Function of NEW. */
	uint32_t func;
	/** More or fewer calls than in OLD. */
	int64_t makes;
	int64_t ends;
	/** All other calls. */
	int64_t others;
	/** Another family comes where this one goes, or the other way round. */
	bool instead;
	/** As graft_calls_kind::handle. */
	bool handle;
};

/** For one family: a function that makes otherwise, and one that ends
 * otherwise; #GRAFT_NONE if there is none. */
struct changes {
	uint32_t less_made;
	uint32_t less_ended;
	uint32_t more_made;
	uint32_t more_ended;
};

/** The comparison. */
struct makers {
	struct graft_case *c;
	bool *old_known;
	bool *new_known;
	struct graft_families families;
	/** By own calls, and by all that they lead to. A pool that asks malloc
	 * when it is empty is seen by the first, a wrapper that changed inside
	 * by the second. */
	struct changes own[GRAFT_FAMILIES_MAX];
	struct changes deep[GRAFT_FAMILIES_MAX];
};

static void
makers_deinit(struct makers *makers)
{
	free(makers->old_known);
	free(makers->new_known);
}

static struct graft_error *
mark_known(struct makers *makers)
{
	const struct graft_diff *diff = makers->c->diff;

	makers->old_known = calloc((size_t)diff->old_code->func_count + 1,
				   sizeof(bool));
	makers->new_known = calloc((size_t)diff->new_code->func_count + 1,
				   sizeof(bool));
	if (!makers->old_known || !makers->new_known)
		return graft_error_no_memory();
	for (uint32_t i = 0; i < diff->old_code->func_count; i++)
		makers->old_known[i] = diff->old_match[i].other != GRAFT_NONE;
	for (uint32_t i = 0; i < diff->new_code->func_count; i++)
		makers->new_known[i] = diff->new_match[i].other != GRAFT_NONE;
	for (size_t i = 0; i < GRAFT_FAMILIES_MAX; i++) {
		const struct changes none = { GRAFT_NONE, GRAFT_NONE,
					      GRAFT_NONE, GRAFT_NONE };
		makers->own[i] = none;
		makers->deep[i] = none;
	}
	return NULL;
}

/** Keep the change of one family in one function. */
static void
keep(struct changes *changes, const struct change *change)
{
	bool also = change->instead || change->others < 0;

	// What is made and ended here is nobody else's, but if it is now made
	// and ended in another way it may be what was here before. A file that
	// is opened, written and closed is not.
	if (change->makes && change->ends &&
	    (change->makes < 0) == (change->ends < 0) &&
	    (!change->instead || change->handle))
		return;
	if (change->makes < 0)
		changes->less_made = change->func;
	if (change->ends < 0)
		changes->less_ended = change->func;
	if (change->makes > 0 && also)
		changes->more_made = change->func;
	if (change->ends > 0 && also)
		changes->more_ended = change->func;
}

/** Compare the calls of one function. */
static void
compare(const struct makers *makers, uint32_t func, const struct graft_calls *o,
	const struct graft_calls *n, struct changes *changes)
{
	bool less = false;
	bool more = false;

	for (size_t i = 0; i < makers->families.count; i++) {
		less |= n->makes[i] < o->makes[i] || n->ends[i] < o->ends[i];
		more |= n->makes[i] > o->makes[i] || n->ends[i] > o->ends[i];
	}
	for (size_t i = 0; i < makers->families.count; i++) {
		struct change change = {
			.func = func,
			.makes = (int64_t)n->makes[i] - o->makes[i],
			.ends = (int64_t)n->ends[i] - o->ends[i],
			.others = (int64_t)n->others - o->others,
			.instead = less && more,
			.handle = makers->families.list[i].handle,
		};
		keep(&changes[i], &change);
	}
}

static struct graft_error *
look_at(struct makers *makers, uint32_t func)
{
	const struct graft_diff *diff = makers->c->diff;
	struct graft_calls o;
	struct graft_calls n;
	uint32_t other = diff->new_match[func].other;

	if (diff->new_code->funcs[func].group != func || other == GRAFT_NONE)
		return NULL;
	for (int deep = 0; deep < 2; deep++) {
		struct graft_error *err = graft_calls_count(
			diff->old_code, other, deep, makers->old_known,
			&makers->families, &o);
		if (!err)
			err = graft_calls_count(diff->new_code, func, deep,
						makers->new_known,
						&makers->families, &n);
		if (err)
			return err;
		compare(makers, func, &o, &n,
			deep ? makers->deep : makers->own);
	}
	return NULL;
}

/** Refuse two functions of which one makes otherwise, and one ends otherwise, at
 * least one of them by all that it leads to. */
static struct graft_error *
refuse(struct makers *makers, const struct graft_calls_kind *family,
       const uint32_t made[2], const uint32_t ended[2], bool less)
{
	const struct graft_code *code = makers->c->diff->new_code;
	char name[128];
	int deep = made[1] != GRAFT_NONE;
	uint32_t maker = made[deep];
	uint32_t ender = ended[1] != GRAFT_NONE ? ended[1] : ended[0];

	if (maker == GRAFT_NONE || ender == GRAFT_NONE ||
	    (!deep && ended[1] == GRAFT_NONE))
		return NULL;
	struct graft_place_text where =
		graft_place_code(code, maker, code->funcs[maker].addr);
	graft_code_name(code, ender, name, sizeof(name));
	return graft_case_refuse(
		makers->c, GRAFT_RULE_PAIRS, where.str,
		"objects %s made by what goes with %.*s here and %s ended by it in %s: what OLD made would be ended in the wrong way",
		less ? "are no longer" : "are now",
		family->len ? (int)family->len : 4,
		family->len ? family->family : "free",
		less ? "no longer" : "now", name);
}

/** Look at one family. */
static struct graft_error *
judge_family(struct makers *makers, size_t number)
{
	const struct changes *own = &makers->own[number];
	const struct changes *deep = &makers->deep[number];
	const uint32_t less_made[] = { own->less_made, deep->less_made };
	const uint32_t less_ended[] = { own->less_ended, deep->less_ended };
	const uint32_t more_made[] = { own->more_made, deep->more_made };
	const uint32_t more_ended[] = { own->more_ended, deep->more_ended };
	uint32_t before = makers->c->per_rule[GRAFT_RULE_PAIRS];
	struct graft_error *err = refuse(makers, &makers->families.list[number],
					 less_made, less_ended, true);

	if (err || makers->c->per_rule[GRAFT_RULE_PAIRS] != before)
		return err;
	return refuse(makers, &makers->families.list[number], more_made,
		      more_ended, false);
}

struct graft_error *
graft_check_makers(struct graft_case *c)
{
	GRAFT_CLEANUP(makers_deinit) struct makers makers = { .c = c };
	struct graft_error *err = mark_known(&makers);

	for (size_t i = 0; !err && i < c->diff->carried_count; i++)
		err = look_at(&makers, c->diff->carried[i]);
	for (size_t i = 0; !err && i < makers.families.count; i++)
		err = judge_family(&makers, i);
	return err;
}
