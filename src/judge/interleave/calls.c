// SPDX-License-Identifier: Apache-2.0

#include "judge/interleave/calls.h"

#include "judge/flow/incoming.h"
#include "judge/flow/passed.h"
#include "judge/interleave/imports.h"
#include "judge/types/arguments.h"

#include <string.h>

/** Registers in which arguments come, in their order. */
static const uint8_t in_order[] = {
	GRAFT_REG_RDI, GRAFT_REG_RSI, GRAFT_REG_RDX,
	GRAFT_REG_RCX, GRAFT_REG_R8,  GRAFT_REG_R9
};

enum {
	XMM_ARGUMENTS = 8,
};

static bool
is_same_name(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/** Say whether two calls go to the same function. */
static bool
is_same_callee(const struct graft_pair_calls *calls, uint32_t o, uint32_t n,
	       const struct graft_callee *was, const struct graft_callee *is)
{
	struct graft_terms *terms = calls->was->terms;

	if (was->import || is->import)
		return is_same_name(was->import, is->import) &&
		       is_same_name(was->version, is->version);
	graft_term from = graft_side_named(calls->was, o);
	graft_term to = graft_side_named(calls->is, n);
	return was->func != GRAFT_NONE && is->func != GRAFT_NONE &&
	       from == to &&
	       graft_term_at(terms, from)->kind == GRAFT_TERM_GLOBAL;
}

/** Find the registers in which something may be passed, a bit each. */
GRAFT_MUST_CHECK static struct graft_error *
find_passed(const struct graft_pair_calls *calls, const struct graft_callee *is,
	    uint32_t *ret, bool *inside_ret, const char **why_ret)
{
	const struct graft_case *c = calls->is->c;
	const struct graft_known_import *known =
		is->import ? graft_known_import(is->import) : NULL;
	struct graft_incoming incoming;

	*ret = 0;
	*inside_ret = !known;
	if (known) {
		for (uint8_t i = 0; i < known->arguments; i++)
			*ret |= 1U << in_order[i];
		return NULL;
	}
	if (is->func == GRAFT_NONE) {
		*why_ret = "it calls a function whose arguments are not known";
		return NULL;
	}
	struct graft_error *err = graft_types_argument_registers(c, is->func,
								 ret);
	if (!err)
		err = graft_incoming_read(c->diff->new_code, is->func,
					  &incoming);
	if (err)
		return err;
	// So it does for `...`.
	if (incoming.reads || incoming.may_read)
		*why_ret = "it calls a function with arguments on the stack";
	*ret |= 1U << GRAFT_REG_R10;
	for (uint32_t i = 0; i < XMM_ARGUMENTS; i++)
		*ret |= 1U << (GRAFT_REG_XMM0 + i);
	return NULL;
}

static bool
pass_the_same(const struct graft_terms *terms,
	      const struct graft_pair_state *state, uint32_t passed,
	      const char **why_ret)
{
	for (uint32_t r = 0; r < GRAFT_SIDE_REGS; r++) {
		graft_term was = state->was.regs[r];
		if (!(passed & (1U << r)))
			continue;
		if (was != state->is.regs[r])
			*why_ret = "something else is passed to a call";
		else if (graft_term_at(terms, was)->framed)
			*why_ret =
				"the address of something in its frame leaves it";
		else
			continue;
		return false;
	}
	return true;
}

/** Let a register hold what a call left in it. */
static void
leave(const struct graft_pair_calls *calls, uint32_t r, uint64_t key,
      bool destroyed, struct graft_pair_state *state)
{
	struct graft_terms *terms = calls->was->terms;
	graft_term *was = &state->was.regs[r];
	graft_term *is = &state->is.regs[r];

	if (destroyed || *was == *is) {
		*was = graft_term_get(terms, GRAFT_TERM_AFTER, key << 8 | r, 0,
				      0);
		*is = *was;
		return;
	}
	uint64_t mark = key << 8 | r | (uint64_t)1 << 63;
	*was = graft_term_get(terms, GRAFT_TERM_UNKNOWN, mark, 1, 0);
	*is = graft_term_get(terms, GRAFT_TERM_UNKNOWN, mark, 2, 0);
}

static bool
is_volatile(uint32_t r)
{
	return r >= GRAFT_REG_XMM0 || graft_reg_is_volatile((uint8_t)r);
}

static void
leave_all(const struct graft_pair_calls *calls, uint64_t key,
	  uint32_t destroyed, struct graft_pair_state *state)
{
	struct graft_terms *terms = calls->was->terms;

	for (uint32_t r = 0; r < GRAFT_SIDE_REGS; r++) {
		if (is_volatile(r))
			leave(calls, r, key, destroyed & (1U << r), state);
	}
	state->was.flags = graft_term_get(terms, GRAFT_TERM_AFTER,
					  key << 8 | GRAFT_SIDE_REGS, 0, 0);
	state->is.flags = state->was.flags;
	graft_side_forget_below(calls->was, &state->was);
	graft_side_forget_below(calls->is, &state->is);
}

struct graft_error *
graft_pair_call(const struct graft_pair_calls *calls, uint32_t o, uint32_t n,
		uint64_t key, struct graft_pair_state *state,
		const char **why_ret)
{
	const struct graft_terms *terms = calls->was->terms;
	const struct graft_code *old_code = calls->was->ops.code;
	struct graft_callee was = graft_op_callee(&calls->was->ops,
						  &calls->was->ops.ops[o]);
	struct graft_callee is = graft_op_callee(&calls->is->ops,
						 &calls->is->ops.ops[n]);
	struct graft_arguments taken = { .destroys = UINT32_MAX };
	uint32_t passed;
	bool inside;

	*why_ret = NULL;
	if (!is_same_callee(calls, o, n, &was, &is)) {
		*why_ret = "another function is called";
		return NULL;
	}
	struct graft_error *err = find_passed(calls, &is, &passed, &inside,
					      why_ret);
	if (!err && inside && !*why_ret && was.func != GRAFT_NONE)
		err = graft_arguments_read(calls->old_reader, was.func, &taken);
	if (err || *why_ret)
		return err;
	if (inside && was.func == GRAFT_NONE) {
		*why_ret = "another function is called";
		return NULL;
	}
	// What it neither reads nor may hand on is nothing to it.
	if (inside)
		passed &= taken.reads | taken.passed | 1U << GRAFT_REG_R10;
	if (!pass_the_same(terms, state, passed, why_ret))
		return NULL;
	uint32_t destroyed = taken.destroys;
	if (!inside || graft_callee_destroys(old_code, &was))
		destroyed = UINT32_MAX;
	leave_all(calls, key, destroyed, state);
	const struct graft_known_import *known =
		is.import ? graft_known_import(is.import) : NULL;
	if (!known || !known->opens_nothing)
		state->done = GRAFT_PAIR_ANYTHING;
	else if (state->done == GRAFT_PAIR_NOTHING)
		state->done = GRAFT_PAIR_OPENED_NOTHING;
	return NULL;
}
