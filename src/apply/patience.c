// SPDX-License-Identifier: Apache-2.0

#include "apply/patience.h"

#include "base/clock.h"

#include <unistd.h>

enum {
	/** First and longest wait between two tries that follow each other. */
	DELAY_FIRST_US = 1000,
	DELAY_MOST_US = 50 * 1000,
	/** So long who waits may always be held up: the first tries take that. */
	HELD_UP_US = 60 * 1000,
	/** And else for this part of its time. */
	HELD_UP_PART = 4,
	/** A thread that seems to stay is tried this seldom, or seldomer the longer it
	 * lasts: behind a quarter of the time that has passed. */
	INSIST_US = 1000 * 1000,
	INSIST_PART = 4,
};

void
graft_patience_begin(struct graft_patience *patience, pid_t pid, pid_t owner,
		     uint64_t wait_us)
{
	uint64_t now = graft_clock_monotonic_us();

	*patience = (struct graft_patience){
		.pid = pid,
		.owner = owner,
		.start_us = now,
		.deadline_us = now + wait_us,
		.delay_us = DELAY_FIRST_US,
	};
	for (int k = 0; k < GRAFT_TIMEOUTS_CLASSES; k++)
		patience->quiet_us[k] = now;
}

/** Find the longest timeout that was held up for too long, and could run out yet. */
static uint64_t
held_up(const struct graft_patience *patience, uint64_t now_us,
	const struct graft_timeouts *timeouts)
{
	uint64_t left_us = patience->deadline_us - now_us;

	for (int k = GRAFT_TIMEOUTS_CLASSES - 1; k >= 0; k--) {
		uint64_t us = timeouts->us[k];
		uint64_t may_us = us / HELD_UP_PART;
		if (may_us < HELD_UP_US)
			may_us = HELD_UP_US;
		// One that is longer than the time that is left is made at most twice
		// as long by all the tries that are left.
		if (us >= DELAY_MOST_US && us < left_us &&
		    now_us - patience->quiet_us[k] >= may_us)
			return us;
	}
	return 0;
}

uint64_t
graft_patience_delay(struct graft_patience *patience, uint64_t now_us,
		     const struct graft_timeouts *timeouts)
{
	uint64_t left_us = patience->deadline_us - now_us;
	uint64_t delay_us = patience->delay_us;
	uint64_t rest_us = held_up(patience, now_us, timeouts);

	patience->delay_us = delay_us * 2 < DELAY_MOST_US ? delay_us * 2
							  : DELAY_MOST_US;
	if (rest_us) {
		// Timers are late by a little, and so are those who wake up.
		delay_us = rest_us + rest_us / 16 + DELAY_FIRST_US;
		patience->delay_us = DELAY_FIRST_US;
	}
	return delay_us < left_us ? delay_us : left_us;
}

void
graft_patience_note(struct graft_patience *patience, uint64_t from_us,
		    uint64_t to_us, const struct graft_timeouts *timeouts)
{
	uint64_t len_us = to_us - from_us;

	for (int k = 0; k < GRAFT_TIMEOUTS_CLASSES; k++) {
		bool any = timeouts->us[k] ? timeouts->us[k] < len_us
					   : UINT64_C(2) << k <= len_us;
		if (any)
			patience->quiet_us[k] = to_us;
	}
}

bool
graft_patience_wait(struct graft_patience *patience,
		    const struct graft_obstacle *obstacle)
{
	uint64_t from = graft_clock_monotonic_us();
	uint64_t now = from;

	if (now >= patience->deadline_us)
		return false;
	uint64_t delay = graft_patience_delay(patience, now,
					      &obstacle->timeouts);
	uint64_t insist = (now - patience->start_us) / INSIST_PART;
	insist = insist < INSIST_US ? INSIST_US : insist;
	bool stays = obstacle->known;
	for (uint64_t step = DELAY_FIRST_US;; step *= 2) {
		uint64_t end = from +
			       (stays && insist > delay ? insist : delay);
		if (end > patience->deadline_us)
			end = patience->deadline_us;
		if (patience->owner && getppid() != patience->owner)
			return false;
		if (now >= end)
			break;
		step = step < DELAY_MOST_US ? step : DELAY_MOST_US;
		graft_clock_sleep_us(step < end - now ? step : end - now);
		stays = stays &&
			graft_active_stays(patience->pid, &obstacle->hit);
		now = graft_clock_monotonic_us();
	}
	graft_patience_note(patience, from, now, &obstacle->timeouts);
	return true;
}
