// SPDX-License-Identifier: Apache-2.0

#include "cmd/turns.h"

#include "base/clock.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

enum {
	/** Shortest and longest turn. */
	TURN_LEAST_US = 50 * 1000,
	TURN_MOST_US = 1000 * 1000,
	/** Wait between two looks at who is not ready to be stopped. */
	LOOK_AGAIN_US = 10 * 1000,
	/** How often each has its turn, if there is time for it. */
	ROUNDS = 4,
};

void
graft_turns_deinit(struct graft_turns *turns)
{
	free(turns->list);
	*turns = (struct graft_turns){ 0 };
}

void
graft_turns_extend(struct graft_turns *turns, uint64_t more_us)
{
	for (size_t i = 0; i < turns->count; i++)
		turns->list[i].end_us += more_us;
}

/** Work on a process for some time. */
GRAFT_MUST_CHECK static struct graft_error *
try_for(struct graft_work *work, graft_work_fn fn, uint64_t wait_us,
	const struct graft_turn *turn, struct graft_outcome *outcome)
{
	uint64_t before = work->limits.wait_us;

	*outcome = (struct graft_outcome){ .pid = turn->pid,
					   .start_ticks = turn->start_ticks };
	work->limits.wait_us = wait_us;
	struct graft_error *err = graft_work_try(work, fn, outcome);
	work->limits.wait_us = before;
	outcome->tries += turn->tries;
	return err;
}

/** Forget what became of a try. */
static void
forget(struct graft_outcome *outcome)
{
	graft_error_free(outcome->err);
	free(outcome->detail);
}

struct graft_error *
graft_turns_reserve(struct graft_turns *turns, size_t more)
{
	return graft_vec_reserve(&turns->list, &turns->room,
				 turns->count + more, sizeof(*turns->list));
}

void
graft_turns_add(struct graft_turns *turns, struct graft_outcome *outcome,
		uint64_t left_us)
{
	turns->list[turns->count++] = (struct graft_turn){
		.pid = outcome->pid,
		.start_ticks = outcome->start_ticks,
		.tries = outcome->tries,
		.end_us = graft_clock_monotonic_us() + left_us,
	};
	forget(outcome);
}

struct graft_error *
graft_turns_begin(struct graft_work *work, graft_work_fn fn, pid_t pid,
		  bool alone, struct graft_turns *turns,
		  struct graft_outcomes *outcomes)
{
	struct graft_outcome outcome;
	uint64_t whole = work->options->wait_us;
	uint64_t first = alone || whole < GRAFT_TURN_FIRST_US
				 ? whole
				 : GRAFT_TURN_FIRST_US;
	uint64_t start_us = graft_clock_monotonic_us();
	struct graft_turn turn = { .pid = pid };
	struct graft_error *err = graft_turns_reserve(turns, 1);
	if (!err)
		err = try_for(work, fn, first, &turn, &outcome);
	if (err)
		return err;
	// That others are looked at for the first time is no time for who waits.
	uint64_t spent_us = graft_clock_monotonic_us() - start_us;
	graft_turns_extend(turns, spent_us);
	// Alone, who was stopped had all of its time; not who was only looked at.
	if (!outcome.passing ||
	    (first == whole && (outcome.tries || spent_us >= whole)))
		return graft_work_take(work, &outcome, outcomes);
	graft_turns_add(turns, &outcome,
			spent_us < whole ? whole - spent_us : 0);
	return NULL;
}

/** How long a turn is. */
static uint64_t
length_of(const struct graft_turns *turns, uint64_t left_us)
{
	uint64_t part = left_us / (ROUNDS * turns->count);

	if (turns->count == 1)
		return left_us;
	part = part > TURN_MOST_US ? TURN_MOST_US : part;
	return part < TURN_LEAST_US ? TURN_LEAST_US : part;
}

struct graft_error *
graft_turns_next(struct graft_work *work, graft_work_fn fn,
		 struct graft_turns *turns, struct graft_outcomes *outcomes)
{
	struct graft_outcome outcome;
	size_t at = turns->next < turns->count ? turns->next : 0;
	struct graft_turn *turn = &turns->list[at];
	uint64_t now = graft_clock_monotonic_us();
	uint64_t left = turn->end_us > now ? turn->end_us - now : 0;
	struct graft_error *err = try_for(work, fn, length_of(turns, left),
					  turn, &outcome);

	if (err)
		return err;
	if (outcome.passing && graft_clock_monotonic_us() < turn->end_us) {
		// Looked at and not waited for: it is still being loaded.
		if (outcome.tries == turn->tries)
			graft_clock_sleep_us(LOOK_AGAIN_US);
		turn->tries = outcome.tries;
		turns->next = at + 1;
		forget(&outcome);
		return NULL;
	}
	turns->count--;
	memmove(turn, turn + 1, (turns->count - at) * sizeof(*turn));
	turns->next = at;
	return graft_work_take(work, &outcome, outcomes);
}
