// SPDX-License-Identifier: Apache-2.0

// R-19 across functions: `if (!ready) { fill_table(); ready = 1; }` in NEW, where
// OLD's start called fill_table(). A new process fills the table once. One that is
// switched has it filled, with what came since in it, while `ready` begins as 0:
// it would be filled again. Seen where a function that names a new object gained a
// call of a function of OLD, or a store into an object of OLD, and another function,
// which goes on to be there, lost one.

#include "judge/rules/done_again.h"

#include "base/vec.h"
#include "diff/code/callee.h"

#include <string.h>

/** Something that a function does, in terms of OLD. */
struct deed {
	/** The function of OLD that is called, or #GRAFT_NONE. */
	uint32_t callee;
	/** The place of OLD that is written. */
	uint64_t stored;
};

struct deeds {
	struct deed *list;
	size_t count;
	size_t cap;
};

/** What both versions of a function do. */
struct sides {
	struct deeds o;
	struct deeds n;
};

static void
sides_deinit(struct sides *sides)
{
	free(sides->o.list);
	free(sides->n.list);
}

/** Find the exported function of a build that an import leads to, if nobody else
 * defines it; or #GRAFT_NONE. */
static uint32_t
own_function(const struct graft_code *code, const char *name)
{
	size_t count;
	const struct graft_symbol *symbols = graft_image_symbols(code->image,
								 &count);

	for (size_t i = 0; i < count; i++) {
		if (symbols[i].type == STT_FUNC && symbols[i].defined &&
		    strcmp(symbols[i].name, name) == 0)
			return graft_code_func_starting(code, symbols[i].addr);
	}
	return GRAFT_NONE;
}

/** What does an instruction call: a function of its own build, or #GRAFT_NONE? */
static uint32_t
called_by(const struct graft_code *code, const struct graft_ref *ref)
{
	if (ref->kind != GRAFT_REF_BRANCH || ref->insn >= code->insn_count)
		return GRAFT_NONE;
	struct graft_callee callee = graft_callee_of(code,
						     &code->insns[ref->insn]);
	return callee.func == GRAFT_NONE && callee.import
		       ? own_function(code, callee.import)
		       : callee.func;
}

/** Is it a store by name? */
static bool
stores(const struct graft_ref *ref)
{
	return ref->kind == GRAFT_REF_MEMORY && ref->writes;
}

GRAFT_MUST_CHECK static struct graft_error *
add(struct deeds *deeds, uint32_t callee, uint64_t stored)
{
	struct graft_error *err = graft_vec_reserve(&deeds->list, &deeds->cap,
						    deeds->count + 1,
						    sizeof(*deeds->list));

	if (!err)
		deeds->list[deeds->count++] = (struct deed){ callee, stored };
	return err;
}

/**
 * Find the place of OLD that a reference names.
 *
 * @param[in] at Index of the reference in its build.
 * @return false for what OLD does not have.
 */
static bool
old_place(const struct graft_diff *diff, bool new_side, uint32_t at,
	  uint64_t *ret)
{
	if (!new_side) {
		*ret = diff->old_code->refs[at].target;
		return true;
	}
	const struct graft_resolution *r = graft_case_resolution(diff, at);

	if (!r || r->place != GRAFT_PLACE_OLD)
		return false;
	*ret = r->old_addr;
	return true;
}

/** Collect what a function writes by name, of what OLD has. */
GRAFT_MUST_CHECK static struct graft_error *
add_stores(struct deeds *deeds, const struct graft_diff *diff, bool new_side,
	   uint32_t func)
{
	struct graft_error *err = NULL;

	// What did not change is not carried, and nothing is resolved for it.
	if (new_side && diff->new_match[func].other != GRAFT_NONE &&
	    !diff->new_match[func].change) {
		func = diff->new_match[func].other;
		new_side = false;
	}
	const struct graft_code *code = new_side ? diff->new_code
						 : diff->old_code;
	for (uint32_t f = func; !err && f != GRAFT_NONE;
	     f = code->funcs[f].group_next) {
		uint32_t first = code->funcs[f].first_ref;
		for (uint32_t i = 0; !err && i < code->funcs[f].ref_count;
		     i++) {
			uint64_t place;
			if (stores(&code->refs[first + i]) &&
			    old_place(diff, new_side, first + i, &place))
				err = add(deeds, GRAFT_NONE, place);
		}
	}
	return err;
}

/**
 * Collect what a function does, and what those write that it calls: they may have
 * been inlined on one side.
 *
 * @param[in] except A function of the same build whose deeds are its own.
 */
GRAFT_MUST_CHECK static struct graft_error *
collect_side(const struct graft_diff *diff, bool new_side, uint32_t func,
	     uint32_t except, struct deeds *deeds)
{
	const struct graft_code *code = new_side ? diff->new_code
						 : diff->old_code;
	struct graft_error *err = add_stores(deeds, diff, new_side, func);

	for (uint32_t f = func; !err && f != GRAFT_NONE;
	     f = code->funcs[f].group_next) {
		uint32_t first = code->funcs[f].first_ref;
		for (uint32_t i = 0; !err && i < code->funcs[f].ref_count;
		     i++) {
			uint32_t callee = called_by(code,
						    &code->refs[first + i]);
			if (callee == GRAFT_NONE || callee == except)
				continue;
			uint32_t old = new_side ? diff->new_match[callee].other
						: callee;
			if (old != GRAFT_NONE)
				err = add(deeds, old, 0);
			if (!err)
				err = add_stores(deeds, diff, new_side, callee);
		}
	}
	return err;
}

static size_t
count(const struct deeds *deeds, const struct deed *deed)
{
	size_t n = 0;

	for (size_t i = 0; i < deeds->count; i++)
		n += deeds->list[i].callee == deed->callee &&
		     deeds->list[i].stored == deed->stored;
	return n;
}

/** Does a function of NEW call another? */
static bool
calls(const struct graft_code *code, uint32_t func, uint32_t callee)
{
	for (uint32_t f = func; f != GRAFT_NONE;
	     f = code->funcs[f].group_next) {
		for (uint32_t i = 0; i < code->funcs[f].ref_count; i++) {
			const struct graft_ref *ref =
				&code->refs[code->funcs[f].first_ref + i];
			if (called_by(code, ref) == callee)
				return true;
		}
	}
	return false;
}

/**
 * Find what one function of NEW does more often than its old self, and another one
 * less often.
 *
 * @return Into the deeds of @p n, or NULL.
 */
static const struct deed *
find_moved(const struct sides *gains, const struct sides *loses)
{
	for (size_t i = 0; i < gains->n.count; i++) {
		const struct deed *deed = &gains->n.list[i];
		size_t was = count(&loses->o, deed);
		if (was && count(&loses->n, deed) < was &&
		    count(&gains->n, deed) > count(&gains->o, deed))
			return deed;
	}
	return NULL;
}

/**
 * Collect what both versions of a function do.
 *
 * @param[in] except A function of NEW; what it and its old self do is theirs.
 */
GRAFT_MUST_CHECK static struct graft_error *
collect(const struct graft_diff *diff, uint32_t func, uint32_t except,
	struct sides *ret)
{
	uint32_t old = diff->new_match[func].other;
	uint32_t old_except = except == GRAFT_NONE
				      ? except
				      : diff->new_match[except].other;
	struct graft_error *err = collect_side(diff, true, func, except,
					       &ret->n);

	if (!err && old != GRAFT_NONE)
		err = collect_side(diff, false, old, old_except, &ret->o);
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
refuse(struct graft_case *c, const struct graft_piece *piece, uint32_t user,
       uint32_t loser, const struct deed *deed)
{
	const struct graft_diff *diff = c->diff;
	struct graft_place_text where = graft_place_data(diff->new_image,
							 piece->addr);
	struct graft_place_text set = graft_place_data(diff->old_image,
						       deed->stored);
	char name[200];
	char loser_name[200];
	char callee[200] = "";

	graft_code_name(diff->new_code, user, name, sizeof(name));
	graft_code_name(diff->new_code, loser, loser_name, sizeof(loser_name));
	if (deed->callee != GRAFT_NONE)
		graft_code_name(diff->old_code, deed->callee, callee,
				sizeof(callee));
	return graft_case_refuse(
		c, GRAFT_RULE_OBJECT, where.str,
		"a new writable object of %s, which now %s %s as %s did before: that may have been done already, and the object does not know it",
		name, *callee ? "calls" : "sets", *callee ? callee : set.str,
		loser_name);
}

struct graft_error *
graft_check_done_again(struct graft_case *c, const struct graft_piece *piece,
		       uint32_t user)
{
	const struct graft_diff *diff = c->diff;
	const struct graft_code *code = diff->new_code;
	uint32_t own = code->funcs[user].group;
	bool is_new = diff->new_match[own].other == GRAFT_NONE;
	GRAFT_CLEANUP(sides_deinit) struct sides gains = { 0 };
	struct graft_error *err = collect(diff, own, GRAFT_NONE, &gains);

	for (uint32_t f = 0; !err && f < code->func_count; f++) {
		GRAFT_CLEANUP(sides_deinit) struct sides loses = { 0 };
		if (f != code->funcs[f].group || f == own ||
		    diff->new_match[f].other == GRAFT_NONE ||
		    !diff->new_match[f].change ||
		    (is_new && calls(code, f, own)))
			continue;
		err = collect(diff, f, own, &loses);
		const struct deed *deed = err ? NULL
					      : find_moved(&gains, &loses);
		if (deed)
			return refuse(c, piece, own, f, deed);
	}
	return err;
}
