// SPDX-License-Identifier: Apache-2.0

#include "judge/interleave/walk.h"

#include "base/vec.h"

#include <stdlib.h>

enum {
	/** Pairs of places, and steps between them, after which it is too much. */
	PLACES_MAX = 2048,
	STEPS_MAX = 8192,
	/** Instructions of a side. */
	OPS_MAX = 1 << 20,
};

/** A place of OLD and one of NEW that runs come to together. */
struct place {
	uint32_t o;
	uint32_t n;
	bool waits;
	struct graft_pair_state state;
};

struct walk {
	const struct graft_pair_calls *calls;
	struct graft_terms *terms;
	/** Each place by itself, so that it stays where it is. */
	struct place **places;
	size_t count;
	size_t cap;
	struct graft_walk_end end;
};

static void
walk_deinit(struct walk *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->places[i]);
	free(w->places);
}

static uint64_t
key_of(uint32_t o, uint32_t n)
{
	return (uint64_t)o << 20 | n;
}

static void
stop(struct walk *w, const char *why, uint32_t o, uint32_t n)
{
	w->end = (struct graft_walk_end){ .why = why, .o = o, .n = n };
}

/** Two runs come to a place, with what they hold. */
GRAFT_MUST_CHECK static struct graft_error *
arrive(struct walk *w, uint32_t o, uint32_t n,
       const struct graft_pair_state *state)
{
	for (size_t i = 0; i < w->count; i++) {
		struct place *at = w->places[i];
		if (at->o != o || at->n != n)
			continue;
		at->waits |= graft_pair_join(w->terms, key_of(o, n), &at->state,
					     state);
		return NULL;
	}
	if (w->count == PLACES_MAX) {
		stop(w, "it has too many ways through it", o, n);
		return NULL;
	}
	struct graft_error *err = graft_vec_reserve(
		&w->places, &w->cap, w->count + 1, sizeof(*w->places));
	struct place *place = err ? NULL : malloc(sizeof(*place));
	if (!place)
		return err ? err : graft_error_no_memory();
	place->o = o;
	place->n = n;
	place->waits = true;
	place->state = *state;
	w->places[w->count++] = place;
	return NULL;
}

/** Where both runs stopped, and what they hold there. */
struct meeting {
	/** Where they came from. */
	const struct place *from;
	uint32_t o;
	uint32_t n;
	struct graft_event was;
	struct graft_event is;
	struct graft_pair_state state;
};

/** Both have the same effect; they go on behind it. */
GRAFT_MUST_CHECK static struct graft_error *
pass_effect(struct walk *w, struct meeting *m)
{
	const char *why = NULL;
	uint64_t key = key_of(m->o, m->n);

	if (m->was.kind == GRAFT_EVENT_STORE) {
		graft_term was;
		graft_term is;
		graft_side_store(w->calls->was, &m->state.was, m->state.now,
				 m->o, &was);
		graft_side_store(w->calls->is, &m->state.is, m->state.now, m->n,
				 &is);
		m->state.done = GRAFT_PAIR_ANYTHING;
		if (!was || !is)
			why = "it is not known what is written";
		else if (was != is)
			why = "something else is written, or elsewhere";
	} else {
		struct graft_error *err = graft_pair_call(w->calls, m->o, m->n,
							  key, &m->state, &why);
		if (err)
			return err;
	}
	if (why) {
		stop(w, why, m->o, m->n);
		return NULL;
	}
	if (m->was.kind == GRAFT_EVENT_TAIL_CALL)
		return NULL;
	graft_side_forget_loads(&m->state.was);
	graft_side_forget_loads(&m->state.is);
	m->state.fact_count = 0;
	m->state.now = graft_term_get(w->terms, GRAFT_TERM_TIME, 2 | key << 2,
				      0, 0);
	return arrive(w, m->o + 1, m->n + 1, &m->state);
}

/** Both ask the same; they go the same way. */
GRAFT_MUST_CHECK static struct graft_error *
pass_branch(struct walk *w, struct meeting *m)
{
	bool turned = m->was.condition != m->is.condition;

	graft_side_ask_loads(&m->state.was);
	graft_side_ask_loads(&m->state.is);
	struct graft_error *err = arrive(
		w, m->was.taken, turned ? m->is.next : m->is.taken, &m->state);
	return err ? err
		   : arrive(w, m->was.next, turned ? m->is.taken : m->is.next,
			    &m->state);
}

/** NEW asks what OLD does not; one answer makes it leave. OLD waits where it was. */
GRAFT_MUST_CHECK static struct graft_error *
pass_new_check(struct walk *w, struct meeting *m, bool taken_leaves)
{
	// On the way that goes on, the condition for leaving does not hold.
	graft_pair_learn(&m->state, m->is.flags,
			 taken_leaves ? m->is.condition ^ 1 : m->is.condition);
	m->state.was = m->from->state.was;
	return arrive(w, m->from->o, taken_leaves ? m->is.next : m->is.taken,
		      &m->state);
}

/** OLD asks what is settled by what NEW asked. NEW waits where it was: what it loads
 * from there on it loads behind the question. */
GRAFT_MUST_CHECK static struct graft_error *
pass_old_check(struct walk *w, struct meeting *m, bool holds)
{
	m->state.is = m->from->state.is;
	graft_side_ask_loads(&m->state.was);
	graft_side_ask_loads(&m->state.is);
	return arrive(w, holds ? m->was.taken : m->was.next, m->from->n,
		      &m->state);
}

static bool
asks_the_same(const struct meeting *m)
{
	return m->was.kind == GRAFT_EVENT_BRANCH &&
	       m->is.kind == GRAFT_EVENT_BRANCH &&
	       m->was.flags == m->is.flags &&
	       (m->was.condition & 0xe) == (m->is.condition & 0xe);
}

static bool
is_loud(const struct graft_side *side, uint32_t at)
{
	return at >= side->ops.count || side->loud[at];
}

/** Say what is in the way where the two do different things. */
static void
differ(struct walk *w, const struct meeting *m)
{
	const char *why = "the two do not do the same from here on";

	if (m->was.kind == GRAFT_EVENT_LOST)
		why = m->was.why;
	else if (m->is.kind == GRAFT_EVENT_LOST)
		why = m->is.why;
	else if (m->state.done == GRAFT_PAIR_ANYTHING &&
		 m->is.kind == GRAFT_EVENT_BRANCH &&
		 m->was.kind != GRAFT_EVENT_BRANCH)
		why = "NEW asks more behind something that others see";
	else if (m->was.kind == GRAFT_EVENT_BRANCH)
		why = "OLD asks something here that NEW does not ask";
	else if (!is_loud(w->calls->was, m->o))
		why = "NEW goes on where OLD leaves";
	else if (m->is.kind == GRAFT_EVENT_RETURN)
		why = "NEW leaves behind something that others see";
	stop(w, why, m->o, m->n);
}

GRAFT_MUST_CHECK static struct graft_error *
meet(struct walk *w, struct meeting *m)
{
	const struct graft_side *is = w->calls->is;
	bool may_leave = m->state.done != GRAFT_PAIR_ANYTHING;
	bool old_loud = is_loud(w->calls->was, m->o);
	bool holds;

	// What nobody else sees may differ.
	if (!is_loud(is, m->n) && (!old_loud || may_leave))
		return NULL;
	if (m->was.kind == GRAFT_EVENT_LOST || m->is.kind == GRAFT_EVENT_LOST) {
		differ(w, m);
		return NULL;
	}
	if (asks_the_same(m))
		return pass_branch(w, m);
	if (m->was.kind == GRAFT_EVENT_BRANCH &&
	    graft_pair_settles(w->terms, &m->state, m->was.flags,
			       m->was.condition, &holds))
		return pass_old_check(w, m, holds);
	if (m->is.kind == GRAFT_EVENT_BRANCH && may_leave) {
		bool taken_leaves = !is_loud(is, m->is.taken);
		if (taken_leaves || !is_loud(is, m->is.next))
			return pass_new_check(w, m, taken_leaves);
	}
	if (m->was.kind == m->is.kind && (m->was.kind == GRAFT_EVENT_STORE ||
					  m->was.kind == GRAFT_EVENT_CALL ||
					  m->was.kind == GRAFT_EVENT_TAIL_CALL))
		return pass_effect(w, m);
	differ(w, m);
	return NULL;
}

/** Let both run on from a place to where they meet again. */
GRAFT_MUST_CHECK static struct graft_error *
go_on(struct walk *w, struct place *from)
{
	GRAFT_FREE struct meeting *m = calloc(1, sizeof(*m));

	if (!m)
		return graft_error_no_memory();
	m->from = from;
	m->o = from->o;
	m->n = from->n;
	m->state = from->state;
	from->waits = false;
	graft_side_run(w->calls->was, &m->state.was, m->state.now, &m->o,
		       &m->was);
	graft_side_run(w->calls->is, &m->state.is, m->state.now, &m->n, &m->is);
	if (w->terms->failed)
		return graft_error_no_memory();
	return meet(w, m);
}

static struct place *
next_place(const struct walk *w)
{
	for (size_t i = 0; i < w->count; i++) {
		if (w->places[i]->waits)
			return w->places[i];
	}
	return NULL;
}

struct graft_error *
graft_walk(const struct graft_pair_calls *calls, struct graft_walk_end *ret)
{
	GRAFT_CLEANUP(walk_deinit)
	struct walk w = { .calls = calls, .terms = calls->was->terms };
	GRAFT_FREE struct graft_pair_state *entry = calloc(1, sizeof(*entry));
	struct place *place;
	size_t steps = 0;

	if (!entry)
		return graft_error_no_memory();
	if (calls->was->ops.count >= OPS_MAX ||
	    calls->is->ops.count >= OPS_MAX) {
		stop(&w, "it is too long", 0, 0);
		*ret = w.end;
		return NULL;
	}
	graft_side_enter(calls->was, &entry->was);
	graft_side_enter(calls->is, &entry->is);
	entry->now = graft_term_get(w.terms, GRAFT_TERM_TIME, 0, 0, 0);
	struct graft_error *err = arrive(&w, 0, 0, entry);
	while (!err && !w.end.why && (place = next_place(&w))) {
		err = go_on(&w, place);
		if (!err && !w.end.why && ++steps == STEPS_MAX)
			stop(&w, "it has too many ways through it", place->o,
			     place->n);
	}
	if (err)
		return err;
	if (w.terms->failed)
		return graft_error_no_memory();
	*ret = w.end;
	return NULL;
}
